"""AVPs: named stacks of values that travel with a message and its transaction (core/usr_avp.c)."""

from __future__ import annotations

from kamscript.values import Value


class Avps:
    """The lists of one message or transaction. `lists[key][0]` is what `$avp(key)` reads: the last one added.

    A key is an AVP's integer or text name; names of the from/to, user/domain/global classes carry the class as a
    prefix ("$fu.", ...), the default class none. `flags` holds AVP flags (setavpflag) by key, oldest value first, for
    the keys that have any.
    """

    __slots__ = ("flags", "lists")

    def __init__(self) -> None:
        self.lists: dict[int | str, list[int | str]] = {}
        self.flags: dict[int | str, list[int]] | None = None

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
            if self.flags is not None and key in self.flags:
                del self.flags[key][len(values) - 1 :]
            del values[0]
            if not values:
                del self.lists[key]

    def delete_all(self, key: int | str) -> None:
        """Remove every value."""
        self.lists.pop(key, None)
        if self.flags is not None:
            self.flags.pop(key, None)

    def flag(self, key: int | str, mask: int, change: bool | None = None) -> bool | None:
        """Set (True), reset (False) or only read (None) flags of the newest value: whether any is set then.

        None when there is no such AVP.
        """
        values = self.lists.get(key)
        if not values:
            return None
        if self.flags is None:
            self.flags = {}
        flags = self.flags.setdefault(key, [])
        flags.extend([0] * (len(values) - len(flags)))
        newest = len(values) - 1
        if change is not None:
            flags[newest] = flags[newest] | mask if change else flags[newest] & ~mask
        return bool(flags[newest] & mask)

    def clear(self) -> None:
        """Forget everything."""
        self.lists.clear()
        self.flags = None
