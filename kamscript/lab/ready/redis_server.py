"""A small Redis: strings, hashes, lists and sets in memory, with expiry on the lab's clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

#: A reply: str, int, None (nil), a list of replies, Status or Error.
Reply = Any


class Status(NamedTuple):
    """A simple string such as OK."""

    text: str


class Error(NamedTuple):
    """An error reply."""

    text: str


OK: Final = Status("OK")
_WRONG_TYPE: Final = Error("WRONGTYPE Operation against a key holding the wrong kind of value")
_NO_INTEGER: Final = Error("ERR value is not an integer or out of range")
_SYNTAX: Final = Error("ERR syntax error")
_OVERFLOW: Final = Error("ERR increment or decrement would overflow")
_NO_DB: Final = Error("ERR DB index is out of range")
_NOT_POSITIVE: Final = Error("ERR value is out of range, must be positive")

#: Databases of a server, as its configuration has it unless told otherwise.
_DATABASES: Final = 16
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


class _Fail(Exception):
    def __init__(self, reply: Error) -> None:
        self.reply = reply


class RedisServer:
    """One Redis server. `data` is what it holds: str, dict (hash), list or set by key; a test may fill it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.data: dict[str, Any] = {}
        self.expires: dict[str, float] = {}
        self.down = False  #: it does not answer
        self.commands: list[list[str]] = []  #: what it was told, in order

    def __getitem__(self, key: str) -> Any:
        """The value of a key as it is now; KeyError when there is none, or it has expired."""
        self._drop(key)
        return self.data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.data[key] = {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else value
        if isinstance(value, int):
            self.data[key] = str(value)
        self.expires.pop(key, None)

    def __contains__(self, key: str) -> bool:
        self._drop(key)
        return key in self.data

    def run(self, words: Sequence[str]) -> Reply:
        """Run one command; unknown ones and wrong arguments are Error replies, as a server's."""
        self.commands.append(list(words))
        if not words:
            return Error("ERR empty command")
        name, args = words[0].upper(), list(words[1:])
        known = _COMMANDS.get(name)
        if known is None:
            return Error(f"ERR unknown command '{words[0]}' (the lab's Redis knows {', '.join(sorted(_COMMANDS))})")
        low, high, method = known
        if len(args) < low or (high is not None and len(args) > high):
            return Error(f"ERR wrong number of arguments for '{words[0].lower()}' command")
        for key in list(self.expires):
            self._drop(key)
        try:
            return method(self, args)
        except _Fail as fail:
            return fail.reply

    def _drop(self, key: str) -> None:
        if self.expires.get(key, float("inf")) <= self.clock():
            self.data.pop(key, None)
            self.expires.pop(key, None)

    def _of(self, key: str, kind: type, make: bool = False) -> Any:
        """The value of a key when it is of that type; None, or a new one, when there is none."""
        found = self.data.get(key)
        if found is None:
            if not make:
                return None
            found = self.data[key] = kind()
        if not isinstance(found, kind):
            raise _Fail(_WRONG_TYPE)
        return found

    def _tidy(self, key: str) -> None:
        """What is empty is gone."""
        if not self.data.get(key, True):
            self.data.pop(key)
            self.expires.pop(key, None)

    # -- keys -----------------------------------------------------------------------------------------------------
    def _del(self, args: list[str]) -> int:
        for key in args:
            self.expires.pop(key, None)
        return sum(self.data.pop(key, None) is not None for key in args)

    def _exists(self, args: list[str]) -> int:
        return sum(key in self.data for key in args)

    def _expire(self, args: list[str], unit: float = 1.0) -> int:
        seconds = _integer(args[1]) * unit
        if args[0] not in self.data:
            return 0
        self.expires[args[0]] = self.clock() + seconds
        self._drop(args[0])
        return 1

    def _expireat(self, args: list[str]) -> int:
        moment = _integer(args[1])
        if args[0] not in self.data:
            return 0
        self.expires[args[0]] = float(moment)
        self._drop(args[0])
        return 1

    def _ttl(self, args: list[str], unit: float = 1.0) -> int:
        if args[0] not in self.data:
            return -2
        until = self.expires.get(args[0])
        return -1 if until is None else round((until - self.clock()) / unit)

    def _persist(self, args: list[str]) -> int:
        return int(self.expires.pop(args[0], None) is not None)

    def _keys(self, args: list[str]) -> list[str]:
        return [key for key in self.data if re.fullmatch(_glob(args[0]), key, re.DOTALL)]

    def _type(self, args: list[str]) -> Status:
        names = {"str": "string", "dict": "hash", "list": "list", "set": "set"}
        return Status(names.get(type(self.data.get(args[0])).__name__, "none"))

    def _rename(self, args: list[str]) -> Reply:
        if args[0] not in self.data:
            return Error("ERR no such key")
        self.data[args[1]] = self.data.pop(args[0])
        until = self.expires.pop(args[0], None)
        self.expires.pop(args[1], None)
        if until is not None:
            self.expires[args[1]] = until
        return OK

    def _select(self, args: list[str]) -> Reply:
        return OK if 0 <= _integer(args[0]) < _DATABASES else _NO_DB

    def _flush(self, args: list[str]) -> Reply:
        if args and args[0].upper() not in ("ASYNC", "SYNC"):
            return _SYNTAX
        self.data.clear()
        self.expires.clear()
        return OK

    # -- strings --------------------------------------------------------------------------------------------------
    def _get(self, args: list[str]) -> str | None:
        found: str | None = self._of(args[0], str)
        return found

    def _set(self, args: list[str], name: str = "set") -> Reply:
        key, value, *options = args
        said: dict[str, str] = {}  #: one option of each kind
        words = iter(options)
        for word in map(str.upper, words):
            kind = _SET_OPTIONS.get(word)
            amount = next(words, None) if word in _UNITS else ""
            if kind is None or amount is None or said.get(kind, word) != word:
                return _SYNTAX
            said[kind] = word
            if amount:
                said["amount"] = amount
        until: float | None = None
        if "amount" in said:
            number = _integer(said["amount"])
            if number <= 0:
                return Error(f"ERR invalid expire time in '{name}' command")
            unit, absolute = _UNITS[said["life"]]
            until = number * unit + (0.0 if absolute else self.clock())
        before = self._of(key, str) if "old" in said else None
        if said.get("when", "") == ("NX" if key in self.data else "XX"):
            return before
        self.data[key] = value
        if said.get("life") != "KEEPTTL":
            self.expires.pop(key, None)
        if until is not None:
            self.expires[key] = until
        return before if "old" in said else OK

    def _setex(self, args: list[str], unit: str = "EX") -> Reply:
        return self._set([args[0], args[2], unit, args[1]], "setex" if unit == "EX" else "psetex")

    def _setnx(self, args: list[str]) -> int:
        return 0 if self._set([*args, "NX"]) is None else 1

    def _getset(self, args: list[str]) -> Reply:
        return self._set([*args, "GET"])

    def _mget(self, args: list[str]) -> list[str | None]:
        return [value if isinstance(value := self.data.get(key), str) else None for key in args]

    def _mset(self, args: list[str]) -> Reply:
        if len(args) % 2:
            return Error("ERR wrong number of arguments for 'mset' command")
        for key, value in zip(args[::2], args[1::2], strict=True):
            self._set([key, value])
        return OK

    def _add(self, key: str, by: int) -> int:
        found = self._of(key, str)
        value = _sum(0 if found is None else _integer(found), by)
        self.data[key] = str(value)
        return value

    def _decrby(self, args: list[str]) -> Reply:
        by = _integer(args[1])
        return Error("ERR decrement would overflow") if by == _LEAST else self._add(args[0], -by)

    def _append(self, args: list[str]) -> int:
        self.data[args[0]] = (self._of(args[0], str) or "") + args[1]
        return len(self.data[args[0]])

    def _strlen(self, args: list[str]) -> int:
        return len(self._of(args[0], str) or "")

    # -- hashes ---------------------------------------------------------------------------------------------------
    def _hset(self, args: list[str], name: str = "hset") -> Reply:
        if len(args) % 2 == 0:
            return Error(f"ERR wrong number of arguments for '{name}' command")
        table = self._of(args[0], dict, make=True)
        before = len(table)
        table.update(zip(args[1::2], args[2::2], strict=True))
        return len(table) - before

    def _hmset(self, args: list[str]) -> Reply:
        done = self._hset(args, "hmset")
        return done if isinstance(done, Error) else OK

    def _hsetnx(self, args: list[str]) -> int:
        table = self._of(args[0], dict, make=True)
        if args[1] in table:
            return 0
        table[args[1]] = args[2]
        return 1

    def _hash(self, args: list[str]) -> dict[str, str]:
        return self._of(args[0], dict) or {}

    def _hgetall(self, args: list[str]) -> list[str]:
        return [word for pair in self._hash(args).items() for word in pair]

    def _hdel(self, args: list[str]) -> int:
        table = self._hash(args)
        count = sum(table.pop(field, None) is not None for field in args[1:])
        self._tidy(args[0])
        return count

    def _hincrby(self, args: list[str]) -> int:
        by = _integer(args[2])
        table = self._of(args[0], dict, make=True)
        value = _sum(_integer(table.get(args[1], "0"), Error("ERR hash value is not an integer")), by)
        table[args[1]] = str(value)
        return value

    # -- lists and sets -------------------------------------------------------------------------------------------
    def _push(self, args: list[str], left: bool) -> int:
        items = self._of(args[0], list, make=True)
        for value in args[1:]:
            items.insert(0 if left else len(items), value)
        return len(items)

    def _pop(self, args: list[str], at: int) -> str | list[str] | None:
        count = 1
        if len(args) > 1:
            count = _integer(args[1], _NOT_POSITIVE)
            if count < 0:
                raise _Fail(_NOT_POSITIVE)
        items = self._of(args[0], list)
        if not items:
            return None
        values: list[str] = [items.pop(at) for _ in range(min(count, len(items)))]
        self._tidy(args[0])
        return values if len(args) > 1 else values[0]

    def _lrange(self, args: list[str]) -> list[str]:
        items = self._of(args[0], list) or []
        first, last = _integer(args[1]), _integer(args[2])
        first = max(first + len(items), 0) if first < 0 else first
        last = last + len(items) if last < 0 else last
        return list(items[first : last + 1])

    def _sadd(self, args: list[str]) -> int:
        members = self._of(args[0], set, make=True)
        before = len(members)
        members.update(args[1:])
        return len(members) - before

    def _srem(self, args: list[str]) -> int:
        members = self._of(args[0], set) or set()
        before = len(members)
        members.difference_update(args[1:])
        after = len(members)
        self._tidy(args[0])
        return before - after


def _integer(text: str, otherwise: Error = _NO_INTEGER) -> int:
    """A whole number of 64 bits, written as Redis writes it."""
    if not re.fullmatch(r"0|-?[1-9]\d{0,18}", text) or not _LEAST <= int(text) <= _MOST:
        raise _Fail(otherwise)
    return int(text)


def _sum(value: int, by: int) -> int:
    if not _LEAST <= value + by <= _MOST:
        raise _Fail(_OVERFLOW)
    return value + by


def _glob(pattern: str) -> str:
    """Redis's wildcards as a regular expression."""
    found = []
    for backslash, inverse, inside, letter in re.findall(r"\\(.)|\[(\^?)((?:\\.|[^\]])*)\]|(.)", pattern, re.DOTALL):
        if backslash:
            found.append(re.escape(backslash))
        elif inside:
            letters = re.sub(r"\\(.)|([\[\]^&~|])", lambda one: "\\" + (one[1] or one[2]), inside)
            found.append(f"[{inverse}{letters}]")
        else:
            found.append({"*": ".*", "?": "."}.get(letter, re.escape(letter)))
    return "".join(found)


#: Options of SET by what they are about; those that take a number with its unit in seconds, and whether it is a moment.
_SET_OPTIONS: Final = {
    "NX": "when", "XX": "when", "GET": "old", "EX": "life", "PX": "life", "EXAT": "life", "PXAT": "life",
    "KEEPTTL": "life",
}  # fmt: skip
_UNITS: Final = {"EX": (1.0, False), "PX": (0.001, False), "EXAT": (1.0, True), "PXAT": (0.001, True)}


_R = RedisServer
#: Command: least and most arguments (None: any number), and what does it.
_COMMANDS: Final[dict[str, tuple[int, int | None, Callable[[RedisServer, list[str]], Reply]]]] = {
    "PING": (0, 1, lambda s, a: a[0] if a else Status("PONG")),
    "ECHO": (1, 1, lambda s, a: a[0]),
    "SELECT": (1, 1, _R._select),
    "AUTH": (1, 2, lambda s, a: OK),
    "DEL": (1, None, _R._del),
    "UNLINK": (1, None, _R._del),
    "EXISTS": (1, None, _R._exists),
    "EXPIRE": (2, 2, _R._expire),
    "PEXPIRE": (2, 2, lambda s, a: s._expire(a, 0.001)),
    "EXPIREAT": (2, 2, _R._expireat),
    "TTL": (1, 1, _R._ttl),
    "PTTL": (1, 1, lambda s, a: s._ttl(a, 0.001)),
    "PERSIST": (1, 1, _R._persist),
    "KEYS": (1, 1, _R._keys),
    "TYPE": (1, 1, _R._type),
    "RENAME": (2, 2, _R._rename),
    "FLUSHDB": (0, 1, _R._flush),
    "FLUSHALL": (0, 1, _R._flush),
    "DBSIZE": (0, 0, lambda s, a: len(s.data)),
    "GET": (1, 1, _R._get),
    "SET": (2, None, _R._set),
    "SETEX": (3, 3, _R._setex),
    "PSETEX": (3, 3, lambda s, a: s._setex(a, "PX")),
    "SETNX": (2, 2, _R._setnx),
    "GETSET": (2, 2, _R._getset),
    "MGET": (1, None, _R._mget),
    "MSET": (2, None, _R._mset),
    "INCR": (1, 1, lambda s, a: s._add(a[0], 1)),
    "DECR": (1, 1, lambda s, a: s._add(a[0], -1)),
    "INCRBY": (2, 2, lambda s, a: s._add(a[0], _integer(a[1]))),
    "DECRBY": (2, 2, _R._decrby),
    "APPEND": (2, 2, _R._append),
    "STRLEN": (1, 1, _R._strlen),
    "HSET": (3, None, _R._hset),
    "HMSET": (3, None, _R._hmset),
    "HSETNX": (3, 3, _R._hsetnx),
    "HGET": (2, 2, lambda s, a: s._hash(a).get(a[1])),
    "HMGET": (2, None, lambda s, a: [s._hash(a).get(field) for field in a[1:]]),
    "HGETALL": (1, 1, _R._hgetall),
    "HDEL": (2, None, _R._hdel),
    "HEXISTS": (2, 2, lambda s, a: int(a[1] in s._hash(a))),
    "HLEN": (1, 1, lambda s, a: len(s._hash(a))),
    "HKEYS": (1, 1, lambda s, a: list(s._hash(a))),
    "HVALS": (1, 1, lambda s, a: list(s._hash(a).values())),
    "HINCRBY": (3, 3, _R._hincrby),
    "LPUSH": (2, None, lambda s, a: s._push(a, True)),
    "RPUSH": (2, None, lambda s, a: s._push(a, False)),
    "LPOP": (1, 2, lambda s, a: s._pop(a, 0)),
    "RPOP": (1, 2, lambda s, a: s._pop(a, -1)),
    "LLEN": (1, 1, lambda s, a: len(s._of(a[0], list) or [])),
    "LRANGE": (3, 3, _R._lrange),
    "SADD": (2, None, _R._sadd),
    "SREM": (2, None, _R._srem),
    "SMEMBERS": (1, 1, lambda s, a: sorted(s._of(a[0], set) or ())),
    "SISMEMBER": (2, 2, lambda s, a: int(a[1] in (s._of(a[0], set) or ()))),
    "SCARD": (1, 1, lambda s, a: len(s._of(a[0], set) or ())),
}
