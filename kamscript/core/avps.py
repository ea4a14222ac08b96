"""AVPs: named stacks of values that travel with a message and its transaction (core/usr_avp.c)."""

from __future__ import annotations

from kamscript.values import Value


class Avps:
    """The lists of one message or transaction. `lists[key][0]` is what `$avp(key)` reads: the last one added.

    A key is an AVP's integer or text name; names of the from/to, user/domain/global classes carry the class as a
    prefix ("$fu.", ...), the default class none.
    """

    __slots__ = ("lists",)

    def __init__(self) -> None:
        self.lists: dict[int | str, list[int | str]] = {}

    def get(self, key: int | str) -> Value:
        """The newest value, or None."""
        values = self.lists.get(key)
        return values[0] if values else None

    def push(self, key: int | str, value: int | str) -> None:
        """Add a value in front."""
        values = self.lists.get(key)
        if values is None:
            self.lists[key] = [value]
        else:
            values.insert(0, value)

    def delete(self, key: int | str) -> None:
        """Remove the newest value."""
        values = self.lists.get(key)
        if values:
            del values[0]
            if not values:
                del self.lists[key]

    def delete_all(self, key: int | str) -> None:
        """Remove every value."""
        self.lists.pop(key, None)
