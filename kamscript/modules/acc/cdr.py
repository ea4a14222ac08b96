"""Call data records: one for each dialog, at its end (acc/acc_cdr.c; acc manual 4 and 6.30 to 6.50).

Start, end and duration live in variables of the dialog, so that a config reads and changes them as
`$dlg_var(start_time)`. What happens to them, and to the record::

    the dialog is made        start and end are now, the duration is 0
    the ACK comes             the same again, with cdr_start_on_confirmed
    a BYE comes               end is now, the duration what lies between
    the BYE is answered       the record is written, over the BYE
    the INVITE is refused     the record is written, over the reply, or over the INVITE when tm made it
    the lifetime is over      end and duration if the call was confirmed; the record, with cdr_expired_dlg_enable

A BYE that this server sends leads to no message a record could be written over: as at the end of a lifetime there is
one with cdr_expired_dlg_enable only, and its extra attributes are variables of the dialog.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from kamscript.core.context import Context
from kamscript.module import FixupError, Route
from kamscript.modules._headers import kind_of
from kamscript.modules.acc.attributes import TIME_UTC, Extra, extra_values, format_time, parse_extras
from kamscript.modules.dialog.callbacks import (
    DLGCB_CONFIRMED,
    DLGCB_CREATED,
    DLGCB_EXPIRED,
    DLGCB_FAILED,
    DLGCB_LOADED,
    DLGCB_TERMINATED,
    DLGCB_TERMINATED_CONFIRMED,
    DialogParams,
)
from kamscript.script.pv import parse_pv
from kamscript.sip.headers import KNOWN_KINDS
from kamscript.stores import DatabaseError, Timestamp

if TYPE_CHECKING:
    from kamscript.modules.acc import Acc
    from kamscript.modules.dialog import Dialog
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.sip.message import Message

#: Writes a record somewhere else; no context: no message is at hand, only variables of the dialog can be read.
CdrEngine = Callable[["DialogCell", Context | None], object]

_DB_TIME = "%Y-%m-%d %H:%M:%S"
_MAX_LINE = 65536 - 2
#: A text this long is no time: up to 5.6, and since times may have microseconds.
_TIME_LENGTH, _LONG_TIME_LENGTH = 20, 27
SECONDS, MILLISECONDS, MICROSECONDS = range(3)  #: cdr_duration_mode
_INTEGER = re.compile(r"\s*([+-]?\d+)")
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_HEADERS: Final = ("hdr", "hdrc", "hfl")


class Times:
    """Times as texts, `seconds.fraction`, the way a `cdr_duration_mode` writes the fraction."""

    def __init__(self, mode: int, limit: int) -> None:
        self.mode, self.limit = mode, limit

    def text(self, seconds: int, microseconds: int) -> str:
        """A time, or a duration, as the dialog's variables hold it."""
        if self.mode == SECONDS:
            return f"{seconds}.0"
        if self.mode == MICROSECONDS:
            return f"{seconds}.{microseconds:06d}"
        return f"{seconds}.{int(microseconds / 1000):03d}"

    def now(self, clock: float) -> str:
        """A moment of the clock."""
        microseconds = int(clock * 1_000_000 + 0.5)
        return self.text(microseconds // 1_000_000, microseconds % 1_000_000)

    def parse(self, text: str | None) -> tuple[int, int]:
        """Seconds and microseconds; ValueError with the complaint for what is no time.

        The fraction is a number by itself: `.5` is five thousandths, as in Kamailio.
        """
        if text is None:
            raise ValueError("time_str is empty!")
        if len(text) >= self.limit:
            raise ValueError(f"time_str is too long {len(text)} >= {self.limit}!")
        whole, dot, fraction = text.partition(".")
        if not dot:
            raise ValueError(f"failed to find separator('.') in '{text}'!")
        if not fraction or "." in fraction:
            raise ValueError(f"invalid time-string '{text}'")
        scale = {SECONDS: 0, MILLISECONDS: 1000, MICROSECONDS: 1}[self.mode]
        return _integer(whole), _integer(fraction) * scale

    def between(self, start: str | None, end: str | None) -> str:
        """The duration; ValueError with two complaints, a line each, when one of them is no time."""
        moments = []
        for name, text in (("start", start), ("end", end)):
            try:
                moments.append(self.parse(text))
            except ValueError as error:
                raise ValueError(f"{error}\nfailed to extract {name} time") from None
        (since, since_fraction), (until, until_fraction) = moments
        seconds, microseconds = until - since, until_fraction - since_fraction
        if microseconds < 0:
            seconds, microseconds = seconds - 1, microseconds + 1_000_000
        return self.text(seconds, microseconds)


class CdrWriter:
    """Writes the records of one server."""

    def __init__(self, acc: Acc) -> None:
        self.acc = acc
        for name in ("cdr_start_id", "cdr_end_id", "cdr_duration_id"):
            if not getattr(acc, name):
                raise FixupError("necessary cdr_parameters are empty")
        self.extras: list[Extra] = []
        if acc.given("cdr_extra"):
            # Kamailio reads them with acc_extra_size, and writes behind its arrays when there are more than the other.
            limit = min(acc.acc_extra_size, acc.cdr_extra_size)
            self.extras = parse_extras(acc.cdr_extra, acc.server, limit, "cdr_extra (acc_extra_size, cdr_extra_size)")
        self._keys = [variable_name(extra) for extra in self.extras]
        self._names = [acc.cdr_start_id, acc.cdr_end_id, acc.cdr_duration_id, *(extra.name for extra in self.extras)]
        old = acc.server.target in ("4.4", "5.6")
        self.times = Times(acc.cdr_duration_mode, _TIME_LENGTH if old else _LONG_TIME_LENGTH)
        if "dialog" not in acc.server.modules:
            raise FixupError("can't load dialog API: cdr_enable needs module dialog")
        self.dialog: Dialog = acc.server.module("dialog")
        self._kinds = DLGCB_TERMINATED | DLGCB_TERMINATED_CONFIRMED | DLGCB_EXPIRED
        if acc.cdr_start_on_confirmed:
            self._kinds |= DLGCB_CONFIRMED
        if acc.cdr_on_failed == 1:
            self._kinds |= DLGCB_FAILED
        self._listener = self._happened  # one object for all dialogs

    def ready(self) -> None:
        """Hear of every dialog: dialog may be loaded behind acc. Tell the lab's database what columns rows have."""
        acc = self.acc
        if acc.database is not None and acc.cdrs_table:
            renamed = dict(zip(("start_time", "end_time", "duration"), self._names, strict=False))
            extra = dict.fromkeys(self._names[3:], "string")
            acc.database.db.adopt(acc.cdrs_table, "acc_cdrs", rename=renamed, extra=extra)
        self.dialog.register_dlgcb(None, DLGCB_CREATED, self._created)
        self.dialog.register_dlgcb(None, DLGCB_LOADED, self._loaded)

    # -- events ---------------------------------------------------------------------------------------------------
    def _created(self, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        """The call begins."""
        self.dialog.register_dlgcb(dlg, self._kinds, self._listener)
        self._begin(dlg)

    def _loaded(self, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        """The database knew the call; its variables tell when it began."""
        self.dialog.register_dlgcb(dlg, self._kinds, self._listener)

    def _happened(self, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        if kind == DLGCB_CONFIRMED:
            self._begin(dlg)
        elif kind == DLGCB_TERMINATED:
            self._end(dlg)
        elif kind == DLGCB_TERMINATED_CONFIRMED:
            self._record(dlg, self._context(params, params.request))
        elif kind == DLGCB_FAILED:
            self._record(dlg, self._context(params, params.reply or params.request))
        else:
            # A call whose ACK never came has no duration.
            if params.data and not self._end(dlg):
                return
            if self.acc.cdr_expired_dlg_enable:
                self._record(dlg, None)

    def _begin(self, dlg: DialogCell) -> None:
        acc, set_variable = self.acc, self.dialog.set_dlg_var
        now = self.times.now(acc.server.timers.now)
        set_variable(dlg, acc.cdr_start_id, now)
        set_variable(dlg, acc.cdr_end_id, now)
        set_variable(dlg, acc.cdr_duration_id, "0")

    def _end(self, dlg: DialogCell) -> bool:
        acc, dialog = self.acc, self.dialog
        dialog.set_dlg_var(dlg, acc.cdr_end_id, self.times.now(acc.server.timers.now))
        start, end = dialog.get_dlg_var(dlg, acc.cdr_start_id), dialog.get_dlg_var(dlg, acc.cdr_end_id)
        try:
            duration = self.times.between(start, end)
        except ValueError as error:
            for line in str(error).split("\n"):
                acc.error(line)
            acc.error("failed to set duration!")
            return False
        dialog.set_dlg_var(dlg, acc.cdr_duration_id, duration)
        return True

    def _context(self, params: DialogParams, msg: Message | None) -> Context | None:
        """What extra attributes are evaluated over: a message, with the values of its transaction."""
        ctx = params.ctx
        if msg is None:
            return None
        if ctx is not None and ctx.msg is msg:
            return ctx
        over = Context(self.acc.server, msg, Route.REQUEST)
        over.reply = params.reply
        if ctx is not None:
            over.t, over.branch = ctx.t, ctx.branch
            over.avps, over.xavps, over.xavus, over.xavis = ctx.avps, ctx.xavps, ctx.xavus, ctx.xavis
        return over

    def _record(self, dlg: DialogCell, ctx: Context | None) -> None:
        if not self.write(dlg, ctx):
            self.acc.error("failed to write cdr!")

    # -- records --------------------------------------------------------------------------------------------------
    def write(self, dlg: DialogCell, ctx: Context | None) -> bool:
        """Write the record of a dialog; False, and a line in the log, when that failed.

        Without a context, that is without a message, its extra attributes are variables of the dialog.
        """
        acc = self.acc
        for engine in acc.cdr_engines:
            engine(dlg, ctx)
        if ctx is None and not acc.cdr_expired_dlg_enable:
            acc.error("message is empty!")
            return False
        if acc.cdr_skip and self.dialog.get_dlg_var(dlg, acc.cdr_skip) is not None:
            return True
        fixed = self.fixed_values(dlg)
        extras = self.extra_values(dlg, ctx)
        if acc.cdr_log_enable:
            self._log([*fixed, *extras], ctx)
        if not acc.cdrs_table:
            return True
        if ctx is None and acc.database is not None:
            acc.warning("fallback to dlg_only search because of message doesn't exist.")
        return self._insert(fixed, extras)

    def fixed_values(self, dlg: DialogCell) -> list[str | None]:
        """Start, end and duration as the variables have them (get_core_cdr_attrs)."""
        return [self.dialog.get_dlg_var(dlg, name) for name in self._names[:3]]

    def extra_values(self, dlg: DialogCell, ctx: Context | None) -> list[str | None]:
        """The values of cdr_extra, None for null."""
        if ctx is not None:
            return extra_values(self.extras, ctx)
        return [self.dialog.get_dlg_var(dlg, key) if key else None for key in self._keys]

    def _log(self, values: list[str | None], ctx: Context | None) -> None:
        """`NAME=value; NAME=value...`, as many whole attributes as fit."""
        acc = self.acc
        text = ""
        for name, value in zip(self._names, values, strict=True):
            if len(text) + len(name) + len(value or "") + 3 >= _MAX_LINE:
                acc.warning("cdr message too long, truncating..")
                break
            text += f"{'; ' if text else ''}{name}={value or ''}"
        acc.server.log.write(acc.log_level, acc.name, text, ctx, acc.cdr_facility)

    def _insert(self, fixed: list[str | None], extras: list[str | None]) -> bool:
        acc = self.acc
        if acc.database is None:
            acc.error("cannot get db handlers")
            return False
        names, db = self._names, acc.database.db
        row: dict[str, Any] = {}
        try:
            for name, value in zip(names[:2], fixed[:2], strict=True):
                row[name] = None if value is None else self._moment(self.times.parse(value)[0])
        except (ValueError, OverflowError, OSError) as error:
            acc.error(str(error).partition("\n")[0])
            acc.error("failed to convert string to timeval.")
            return False
        row[names[2]] = None if fixed[2] is None else _number(fixed[2])
        for name, value in zip(names[3:], extras, strict=True):
            row[name] = "" if value is None and acc.cdr_extra_nullable != 1 else value
        try:
            db.insert(acc.cdrs_table, row, delayed=acc.db_insert_mode == 1)
        except DatabaseError:
            acc.error("failed to insert into database")
            return False
        return True

    def _moment(self, seconds: int) -> str | Timestamp:
        """A time as the database gets it; ValueError, OverflowError or OSError: no calendar has it."""
        if self.acc.time_mode == TIME_UTC:
            return format_time(seconds, _DB_TIME, TIME_UTC)
        moment = Timestamp(seconds)
        moment.local()
        return moment


def variable_name(extra: Extra) -> str | None:
    """The variable of the dialog that stands for an extra attribute when there is no message.

    It is that of `$dlg_var(x)`, without transformations. As in Kamailio `$avp(x)` and a header that has no meaning to
    the server, `$hdr(x)`, lead to a variable of that name, too.
    """
    written = parse_pv(extra.value.text)
    inner = written.inner
    if not inner or "$" in inner:
        return None
    if written.name == "dlg_var":
        return inner
    if written.name == "avp":
        return None if inner.startswith("i:") else inner.removeprefix("s:")
    if written.name in _HEADERS:
        return None if kind_of(inner) in KNOWN_KINDS else inner
    return None


def _integer(text: str) -> int:
    """The number that a text begins with, else 0 (strtol)."""
    found = _INTEGER.match(text)
    return int(found[1]) if found else 0


def _number(text: str) -> float:
    """The number that a text begins with, else 0 (strtod)."""
    found = _NUMBER.match(text)
    return float(found[1]) if found else 0.0
