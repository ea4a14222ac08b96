"""What an accounting record holds: fixed attributes, extra ones, and those of call legs (acc/acc_extra.c)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from kamscript.module import Accessor, FixupError
from kamscript.values import to_str

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.sip.message import Message
    from kamscript.sip.nameaddr import ToBody

_BLANKS = " \t\r\n"
_MAX_LEGS = 16

#: UTC with the name that `%Z` shows for it.
_GMT = timezone(timedelta(0), "GMT")

TIME_PLAIN, TIME_PARTS, TIME_FRACTION, TIME_LOCAL, TIME_UTC = range(5)


class Extra(NamedTuple):
    """An attribute of the config's own: its name and where its value comes from."""

    name: str
    value: Accessor


def parse_extras(text: str, server: Server, limit: int, what: str) -> list[Extra]:
    """`name=$pv;name=$pv...`; FixupError for anything else, and for more than `limit`."""
    return [Extra(name, _accessor(written, server)) for name, written in _split(text, limit, what)]


def _accessor(written: str, server: Server) -> Accessor:
    from kamscript.script.format import accessor_of

    return accessor_of(written, server)


@lru_cache(256)
def _split(text: str, limit: int, what: str) -> tuple[tuple[str, str], ...]:
    """Names and pseudo-variables as written."""
    from kamscript.script.pv import PvSyntaxError, match_pv

    found: list[tuple[str, str]] = []
    at = 0

    def fail() -> FixupError:
        return FixupError(f"{what}: parse failed in <{text}> around position {at}")

    def blanks() -> None:
        nonlocal at
        while at < len(text) and text[at] in _BLANKS:
            at += 1

    while at < len(text):
        blanks()
        if len(found) == limit:
            raise FixupError(f"{what}: more than {limit} attributes")
        start = at
        while at < len(text) and text[at] not in _BLANKS + "=":
            at += 1
        name = text[start:at]
        blanks()
        if not name or text[at : at + 1] != "=":
            raise fail()
        at += 1
        blanks()
        try:
            written, at = match_pv(text, at)
        except PvSyntaxError:
            raise fail() from None
        found.append((name, written.text))
        blanks()
        if at < len(text):
            at += 1
            if text[at - 1] != ";" or at == len(text):
                raise fail()
    if not found:
        raise fail()
    return tuple(found)


class Legs:
    """The AVPs of `multi_leg_info`: one value of each per call leg."""

    def __init__(self, text: str, server: Server, limit: int) -> None:
        pairs = _split(text, limit, "multi_leg_info")
        if len(pairs) > _MAX_LEGS:
            raise FixupError(f"multi_leg_info: too many leg info; MAX={_MAX_LEGS}")
        self.names = [name for name, _ in pairs]
        self._server = server
        self._inner = []
        for _, written in pairs:
            body = written.removeprefix("$(").removeprefix("$")
            if not body.startswith("avp("):
                raise FixupError("multi_leg_info: only AVP are accepted as leg info")
            self._inner.append(body[4:].partition(")")[0])
            _accessor(f"$avp({self._inner[-1]})", server)

    def values(self, ctx: Context) -> list[list[str | None]]:
        """The values leg by leg; one leg of nothing when no AVP is set."""
        legs: list[list[str | None]] = []
        while True:
            leg = [self._value(ctx, inner, len(legs)) for inner in self._inner]
            if legs and all(value is None for value in leg):
                return legs
            legs.append(leg)
            if all(value is None for value in leg):
                return legs

    def _value(self, ctx: Context, inner: str, index: int) -> str | None:
        value = _accessor(f"$(avp({inner})[{index}])", self._server).get(ctx)
        return None if value is None else str(value)


class Record(NamedTuple):
    """The fixed attributes of a record. `now` is Unix seconds with a fraction."""

    method: str
    from_tag: str
    to_tag: str
    callid: str
    code: str
    reason: str
    now: float

    @property
    def seconds(self) -> int:
        """Whole seconds."""
        return int(self.now)

    @property
    def microseconds(self) -> int:
        """The rest."""
        return int(self.now % 1 * 1_000_000)


def make_record(
    msg: Message, to: ToBody | None, code: str, reason: str, now: float, *, to_tag: str = "", upstream: bool = False
) -> Record:
    """The fixed attributes of a request. `upstream`: it goes to the caller, so From and To change places."""
    sender, receiver = msg.from_, to
    if upstream:
        sender, receiver = receiver, sender
    method = msg.cseq.method if msg.cseq else msg.method
    from_tag = sender.tag if sender is not None else ""
    found = receiver.tag if receiver is not None else ""
    return Record(method, from_tag or "", found or to_tag, msg.callid, code, reason, now)


def extra_values(extras: list[Extra], ctx: Context) -> list[str | None]:
    """The values of extra attributes, None for null."""
    values = [extra.value.get(ctx) for extra in extras]
    return [None if value is None else to_str(value) for value in values]


def format_time(seconds: int, form: str, mode: int) -> str:
    """A time as `time_format` says: local, or UTC in mode 4."""
    if mode == TIME_UTC:
        return datetime.fromtimestamp(seconds, _GMT).strftime(form)
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime(form)


def split_comment(text: str) -> tuple[str, str]:
    """Code and reason of a comment; the code is empty unless the text begins with three digits."""
    if len(text) >= 3 and text[:3].isascii() and text[:3].isdigit():
        return text[:3], text[3:].lstrip(" \t\r\n\v\f")
    return "", text


Reader = Callable[["Context"], str]
