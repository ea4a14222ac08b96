"""Nonces as Kamailio makes and checks them (auth/nonce.c, nc.c, ot_nonce.c, nid.c).

A nonce is the base64 form of

    expires at (4 bytes), made at (4), MD5 over both, its number and the first secret (16),
    [MD5 over parts of the request and the second secret (16)],
    [number (4), flags and pool (1)]

The second sum is there where `auth_checks_*` bind nonces to a request; the number where `nonce_count` or
`one_time_nonce` count on it. Numbers grow by 257, and of each pool the newest are remembered: as many as the arrays
have room for.
"""

from __future__ import annotations

import enum
from binascii import Error, a2b_base64, b2a_base64
from hashlib import md5
from ipaddress import ip_address
from string import ascii_lowercase, ascii_uppercase, digits
from typing import TYPE_CHECKING, Final

from kamscript.module import FixupError

if TYPE_CHECKING:
    from kamscript.modules.auth import Auth
    from kamscript.sip.auth import Credentials
    from kamscript.sip.message import Message

#: Bits of auth_checks_register, auth_checks_no_dlg and auth_checks_in_dlg.
CHECK_URI: Final = 1
CHECK_CALL_ID: Final = 2
CHECK_FROM_TAG: Final = 4
CHECK_SOURCE: Final = 8

_COUNTED: Final = 128  #: the number counts for nonce_count
_ONE_TIME: Final = 64  #: it counts for one_time_nonce
_POOL: Final = 63

_SHORTEST: Final = 24
_LONGEST: Final = 48
_SUM: Final = slice(8, 24)
_SECOND_SUM: Final = slice(24, 40)
_STEP: Final = 257  #: between two numbers of a pool
_MOST: Final = 0xFFFFFFFF
_USUAL_ROOM: Final = 1 << 20
_WORKER: Final = 1  #: the process that Kamailio would run here, which decides on the pool


class Checked(enum.Enum):
    """What a nonce turned out to be."""

    GOOD = enum.auto()
    BAD = enum.auto()  #: not made here, or changed
    STALE = enum.auto()
    REUSED = enum.auto()


class Nonces:
    """Makes and checks nonces for one Auth module, by its parameters."""

    def __init__(self, auth: Auth, *, counting: bool) -> None:
        """`counting`: nonce_count is on. Raises FixupError for arrays that Kamailio would not make."""
        self.auth, self.server = auth, auth.server
        chance = self.server.environment.chance
        self.first_secret, self.second_secret = self._secrets()
        self.started = int(self.server.started)
        self.pools = min(_power(auth.nid_pool_no & _MOST) if auth.nid_pool_no else 1, 64)
        self.pool = _WORKER & (self.pools - 1)
        self.newest = 0
        self.counts: _Counts | None = None
        self.unused: _Unused | None = None
        if counting or auth.one_time_nonce:
            self.newest = chance.getrandbits(31)
        if counting:
            self.counts = _Counts(
                _room("nc_array", auth.nc_array_order, auth.nc_array_size), self.pools, "nc_array_size"
            )
        if auth.one_time_nonce:
            room = _room("otn_in_flight", auth.otn_in_flight_order, auth.otn_in_flight_no)
            if self.pools >= room // 32:
                raise FixupError(f"nid_pool_no ({self.pools}) too high for otn_in_flight_no ({room})")
            self.unused = _Unused(room, self.pools, "otn_in_flight_no")

    def _secrets(self) -> tuple[bytes, bytes]:
        auth, chance = self.auth, self.server.environment.chance
        if auth.secret is None:
            return b"%064x" % chance.getrandbits(256), b"%064x" % chance.getrandbits(256)
        secret = auth.secret.encode("latin-1")
        if not (auth.auth_checks_register or auth.auth_checks_in_dlg or auth.auth_checks_no_dlg):
            return secret, b""
        half = len(secret) - len(secret) // 2
        if len(secret) - half < 16:
            auth.warning("consider a longer secret: it is divided in two when auth_checks_* are on")
        return secret[:half], secret[half:]

    def checks(self, msg: Message | None) -> int:
        """Which parts of a request nonces are bound to."""
        auth = self.auth
        if msg is None:
            return 0
        if msg.method_id == "REGISTER":
            return auth.auth_checks_register
        to = msg.to
        return auth.auth_checks_in_dlg if to is not None and to.tag else auth.auth_checks_no_dlg

    def make(self, msg: Message | None) -> str:
        """A new nonce for a request; None: for any."""
        now = int(self.server.timers.now)
        number = b""
        if self.counts is not None or self.unused is not None:
            self.newest = (self.newest + _STEP) & _MOST
            flags = self.pool
            if self.counts is not None:
                self.counts.begin(self.newest, self.pool)
                flags |= _COUNTED
            if self.unused is not None:
                self.unused.begin(self.newest, self.pool)
                flags |= _ONE_TIME
            number = self.newest.to_bytes(4, "big") + bytes((flags,))
        times = ((now + self.auth.nonce_expire) & _MOST).to_bytes(4, "big") + (now & _MOST).to_bytes(4, "big")
        checks = self.checks(msg)
        second = self._second_sum(msg, checks) if checks and msg is not None else b""
        return b2a_base64(times + self._sum(times, number) + second + number, newline=False).decode("ascii")

    def _sum(self, times: bytes, number: bytes) -> bytes:
        return md5(times + number + self.first_secret, usedforsecurity=False).digest()

    def _second_sum(self, msg: Message, checks: int) -> bytes:
        parts: list[str] = []
        if checks & CHECK_URI:
            parts.append(msg.current_uri())
        if checks & CHECK_CALL_ID:
            parts.append(msg.callid)
        if checks & CHECK_FROM_TAG:
            from_ = msg.from_
            parts.append(from_.tag if from_ is not None else "")
        data = "".join(parts).encode("latin-1")
        if checks & CHECK_SOURCE:
            data += ip_address(msg.received.src_ip).packed
        return md5(data + self.second_secret, usedforsecurity=False).digest()

    def check(self, msg: Message, credentials: Credentials, *, count: bool = True) -> Checked:
        """Whether the nonce in credentials was made here, for such a request, and may be used now (check_nonce).

        `count` False leaves the highest count that nonce_count knows of as it is.
        """
        nonce = credentials.nonce or ""
        decoded = _decode(nonce) if len(nonce) >= 32 else b""
        if len(decoded) < _SHORTEST:
            return Checked.BAD
        now = int(self.server.timers.now)
        expires, made = int.from_bytes(decoded[:4], "big"), int.from_bytes(decoded[4:8], "big", signed=True)
        if made < self.started and made < now:
            return Checked.STALE  # of a server that ran before this one
        if made - now > self.auth.nonce_auth_max_drift & _MOST and made > now:
            return Checked.STALE
        checks = self.checks(msg)
        whole = decoded + bytes(_LONGEST - len(decoded))
        at = 40 if checks else 24
        flags = whole[at + 4]
        number = whole[at : at + 5] if flags & (_COUNTED | _ONE_TIME) else b""
        if self.unused is not None and not flags & _ONE_TIME:
            return Checked.STALE
        if whole[_SUM] != self._sum(whole[:8], number):
            return Checked.BAD
        nid, pool = int.from_bytes(whole[at : at + 4], "big"), flags & _POOL
        if self.counts is not None and flags & _COUNTED and credentials.nc:
            used = _hexadecimal(credentials.nc)
            if used is None:
                self.auth.error(f"bad nc value {credentials.nc}")
                return Checked.BAD
            if not self.counts.use(self.newest, nid, pool, used, count):
                return Checked.STALE
            return Checked.STALE if expires < now else Checked.GOOD
        if self.unused is not None and not self.unused.use(self.newest, nid, pool):
            return Checked.REUSED
        if checks:
            if len(decoded) != at + len(number):
                return Checked.BAD
            if whole[_SECOND_SUM] != self._second_sum(msg, checks):
                return Checked.STALE
        return Checked.STALE if expires < now else Checked.GOOD


class _Pools:
    """Where the state of a nonce is kept: by its number in the part of an array that belongs to its pool."""

    def __init__(self, room: int, pools: int, name: str) -> None:
        if pools >= room:
            raise FixupError(f"nid_pool_no ({pools}) too high for {name} ({room})")
        self.pools, self.size = pools, room // pools
        if self.size >= _MOST // _STEP:
            raise FixupError(f"{name} ({room}) is too big: decrease it, or increase nid_pool_no")

    def place(self, number: int, pool: int) -> int:
        """The index of a nonce."""
        return (number & (self.size - 1)) + pool * self.size

    def known(self, newest: int, number: int, pool: int) -> bool:
        """Whether the place is still the nonce's own."""
        return pool < self.pools and (newest - number) & _MOST < _STEP * self.size


class _Counts(_Pools):
    """The highest count with which each nonce was used. A place that no nonce had yet accepts none."""

    def __init__(self, room: int, pools: int, name: str) -> None:
        super().__init__(room, pools, name)
        self.highest: dict[int, int] = {}

    def begin(self, number: int, pool: int) -> None:
        """A nonce is new."""
        self.highest[self.place(number, pool)] = 0

    def use(self, newest: int, number: int, pool: int, count: int, record: bool) -> bool:
        """Whether this count is higher than all before and not above 255."""
        if not self.known(newest, number, pool) or count > 255:
            return False
        place = self.place(number, pool)
        if self.highest.get(place, 255) >= count:
            return False
        if record:
            self.highest[place] = count
        return True


class _Unused(_Pools):
    """Nonces that answered no request yet."""

    def __init__(self, room: int, pools: int, name: str) -> None:
        super().__init__(room, pools, name)
        self.places: set[int] = set()

    def begin(self, number: int, pool: int) -> None:
        """A nonce is new."""
        self.places.add(self.place(number, pool))

    def use(self, newest: int, number: int, pool: int) -> bool:
        """Whether it is the first time."""
        place = self.place(number, pool)
        if not self.known(newest, number, pool) or place not in self.places:
            return False
        self.places.remove(place)
        return True


def _power(number: int) -> int:
    """The greatest power of two that is not above the number."""
    return 1 << max(number.bit_length() - 1, 0)


def _room(name: str, order: int, size: int) -> int:
    """How many nonces an array has room for, by its two parameters."""
    if order:
        if not 0 < order < 32:
            raise FixupError(f"{name}_order {order} is too big for the memory")
        return 1 << order
    return _power(size & _MOST) if size else _USUAL_ROOM


def _hexadecimal(text: str) -> int | None:
    """The value of eight hexadecimal digits."""
    if len(text) != 8 or text.strip("0123456789abcdefABCDEF"):
        return None
    return int(text, 16)


_DIGITS: Final = {char: at for at, char in enumerate(f"{ascii_uppercase}{ascii_lowercase}{digits}+/")}


def _decode(text: str) -> bytes:
    """What base64 says; empty where Kamailio finds it too long or of a wrong length. Wrong digits count, too."""
    if len(text) % 4 or len(text) > 64 or (text[-2] == "=" and text[-1] != "="):
        return b""
    try:
        return a2b_base64(text, strict_mode=True)
    except (Error, ValueError):
        pass
    out = bytearray()
    for at in range(0, len(text), 4):
        a, b, c, d = (_DIGITS.get(char, 0xFF) for char in text[at : at + 4])
        out += bytes(((a << 2 | b >> 4) & 0xFF, (b << 4 | c >> 2) & 0xFF, (c << 6 | d) & 0xFF))
    length = len(text) // 4 * 3 - (text[-2] == "=") - (text[-1] == "=")
    return bytes(out[: min(length, _LONGEST)])
