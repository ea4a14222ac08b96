"""Hash tables of module htable, as a test fills them and looks at them: in the lab, and on a real Kamailio as well.

    lab.htables["blocked"]["10.0.0.1"] = 1            # before the first message: what the table begins with
    lab.htables["blocked"].set("10.0.0.2", 1, expires=30)
    assert lab.htables["calls"] == {"alice": 2}
    del lab.htables["calls"]["alice"]

Everything goes through the module's RPC commands. Items that have expired are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from kamscript.core.rpc import RpcFault
from kamscript.source import did_you_mean

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab


class HashTable(MutableMapping[str, int | str]):
    """The items of one table by name: integers and texts. KeyError for one that is not there, whatever `initval` is."""

    def __init__(self, lab: Lab, name: str, autoexpire: int) -> None:
        self._lab, self.name, self.autoexpire = lab, name, autoexpire

    def __getitem__(self, key: str) -> int | str:
        found = self._value(key)
        if found is None:
            hint = did_you_mean(key, list(self))
            raise KeyError(f"the hash table {self.name} has no item {key}" + (f"; {hint}" if hint else ""))
        return found

    def _value(self, key: str) -> int | str | None:
        try:
            found: int | str = self._lab.rpc("htable.get", self.name, key)["item"]["value"]
        except RpcFault:
            return None
        return found

    def __setitem__(self, key: str, value: int | str) -> None:
        self.set(key, value)

    def set(self, key: str, value: int | str, *, expires: int | None = None) -> None:
        """Set an item; it expires in `expires` seconds, or as the config's `autoexpire` says.

        Raises TypeError for what is no integer and no text, ValueError where the table has no `autoexpire`.
        """
        if not isinstance(value, int | str):
            raise TypeError(f"an item of {self.name} is an integer or a text, not {value!r}")
        self._lab.rpc("htable.sets" if isinstance(value, str) else "htable.seti", self.name, key, _plain(value))
        if expires is not None:
            self.expire(key, expires)

    def expire(self, key: str, seconds: int) -> None:
        """Let an item expire in so many seconds; KeyError when there is none, ValueError without `autoexpire`."""
        if not self.autoexpire:
            raise ValueError(f"items of {self.name} never expire: its definition has no autoexpire")
        _ = self[key]
        self._lab.rpc("htable.setex", self.name, key, seconds)

    def __delitem__(self, key: str) -> None:
        _ = self[key]
        self._lab.rpc("htable.delete", self.name, key)

    def __iter__(self) -> Iterator[str]:
        names = [item["name"] for slot in _listed(self._lab.rpc("htable.dump", self.name)) for item in slot["slot"]]
        # The dump tells also of what has expired and waits for the timer.
        return iter([name for name in names if name in self] if self.autoexpire else names)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._value(key) is not None

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))


class HashTables(Mapping[str, HashTable]):
    """The tables that the config defines, by name."""

    def __init__(self, lab: Lab) -> None:
        if "htable" not in lab.program.modules:
            raise LookupError("the config does not load htable.so")
        self._lab = lab
        self._expiry = {one["name"]: one["expire"] for one in _listed(lab.rpc("htable.listTables"))}

    def __getitem__(self, name: str) -> HashTable:
        if name not in self._expiry:
            hint = did_you_mean(name, self._expiry) or f"it has {', '.join(sorted(self._expiry)) or 'none'}"
            raise KeyError(f"the config has no hash table {name}; {hint}")
        return HashTable(self._lab, name, self._expiry[name])

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._expiry))

    def __len__(self) -> int:
        return len(self._expiry)

    def __repr__(self) -> str:
        return repr(dict(self))


def _plain(value: int | str) -> int | str:
    return int(value) if isinstance(value, int) else value


def _listed(answer: Any) -> list[Any]:
    """The records of an answer, however many there are."""
    return answer if isinstance(answer, list) else [answer] if answer else []
