"""Call data records: one for each dialog, at its end (acc/acc_cdr.c; manual, "Call Data Record generation").

Start, end and duration live in variables of the dialog, so that a config reads them as `$dlg_var(start_time)`. What
this file needs of module dialog is `CdrDialog`, and that it tells of the events in `DialogEvents`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from kamscript.module import FixupError
from kamscript.modules.acc.attributes import TIME_UTC, Extra, extra_values, format_time, parse_extras
from kamscript.stores import DatabaseError, Timestamp

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.acc import Acc

_DB_TIME = "%Y-%m-%d %H:%M:%S"
_MAX_LINE = 65536 - 2


class CdrDialog(Protocol):
    """A dialog, as records see it."""

    def get_variable(self, name: str) -> str | None:
        """A `$dlg_var`, None when it is not set."""

    def set_variable(self, name: str, value: str) -> None:
        """Set a `$dlg_var`."""


class DialogEvents(Protocol):
    """The module dialog, as records see it: `callback(dialog, ctx)` for created, loaded, confirmed, failed, terminated,
    terminated_confirmed and expired; `ctx` is None where no message is at hand."""

    def register_dlgcb(self, event: str, callback: Callable[[Any, Context | None], object]) -> None:
        """Call back for an event of every dialog."""


class CdrWriter:
    """Writes the records of one server."""

    def __init__(self, acc: Acc) -> None:
        self.acc = acc
        for name in ("cdr_start_id", "cdr_end_id", "cdr_duration_id"):
            if not getattr(acc, name):
                raise FixupError("necessary cdr_parameters are empty")
        self.extras: list[Extra] = []
        if acc.cdr_extra:
            self.extras = parse_extras(acc.cdr_extra, acc.server, acc.cdr_extra_size, "cdr_extra")
        dialog = acc.server.modules.get("dialog")
        register = getattr(dialog, "register_dlgcb", None)
        if register is None:
            raise FixupError("can't load dialog API: cdr_enable needs module dialog, loaded before acc")
        register("created", self.created)
        register("confirmed", self.confirmed)
        register("terminated", self.terminated)
        register("terminated_confirmed", self.finished)
        register("expired", self.expired)
        if acc.cdr_on_failed == 1:
            register("failed", self.failed)

    # -- events ---------------------------------------------------------------------------------------------------
    def created(self, dialog: CdrDialog, ctx: Context | None) -> None:
        """The call begins."""
        self._begin(dialog)

    def confirmed(self, dialog: CdrDialog, ctx: Context | None) -> None:
        """The call was answered."""
        if self.acc.cdr_start_on_confirmed:
            self._begin(dialog)

    def terminated(self, dialog: CdrDialog, ctx: Context | None) -> None:
        """A BYE came."""
        self._end(dialog)

    def finished(self, dialog: CdrDialog, ctx: Context | None) -> None:
        """The BYE was answered."""
        self.write(dialog, ctx)

    def failed(self, dialog: CdrDialog, ctx: Context | None) -> None:
        """The call was never answered."""
        self.write(dialog, ctx)

    def expired(self, dialog: CdrDialog, ctx: Context | None) -> None:
        """The dialog timed out; a confirmed one gets its duration."""
        if getattr(dialog, "confirmed", False):
            self._end(dialog)
        if self.acc.cdr_expired_dlg_enable:
            self.write(dialog, None)

    def _begin(self, dialog: CdrDialog) -> None:
        now = format_seconds(self.acc.server.timers.now)
        dialog.set_variable(self.acc.cdr_start_id, now)
        dialog.set_variable(self.acc.cdr_end_id, now)
        dialog.set_variable(self.acc.cdr_duration_id, "0")

    def _end(self, dialog: CdrDialog) -> None:
        acc = self.acc
        now = acc.server.timers.now
        dialog.set_variable(acc.cdr_end_id, format_seconds(now))
        start = dialog.get_variable(acc.cdr_start_id)
        try:
            duration = float(format_seconds(now)) - float(start or "")
        except ValueError:
            acc.error("failed to extract start time")
            return
        dialog.set_variable(acc.cdr_duration_id, self._duration(duration))

    def _duration(self, seconds: float) -> str:
        mode = self.acc.cdr_duration_mode
        return f"{int(seconds)}" if mode == 0 else f"{seconds:.6f}" if mode == 2 else format_seconds(seconds)

    # -- records --------------------------------------------------------------------------------------------------
    def write(self, dialog: CdrDialog, ctx: Context | None) -> bool:
        """Write the record of a dialog; without a context only its variables can be read."""
        acc = self.acc
        if ctx is None and not acc.cdr_expired_dlg_enable:
            acc.error("message is empty!")
            return False
        if acc.cdr_skip and dialog.get_variable(acc.cdr_skip) is not None:
            return True
        fixed = [dialog.get_variable(name) for name in (acc.cdr_start_id, acc.cdr_end_id, acc.cdr_duration_id)]
        if ctx is not None:
            extras = extra_values(self.extras, ctx)
        else:
            extras = [dialog.get_variable(_variable(extra.value.text)) for extra in self.extras]
        if acc.cdr_log_enable:
            self._log(fixed, extras, ctx)
        return not acc.cdrs_table or self._insert(fixed, extras)

    def _names(self) -> list[str]:
        acc = self.acc
        return [acc.cdr_start_id, acc.cdr_end_id, acc.cdr_duration_id, *(extra.name for extra in self.extras)]

    def _log(self, fixed: list[str | None], extras: list[str | None], ctx: Context | None) -> None:
        acc = self.acc
        pairs = zip(self._names(), [*fixed, *extras], strict=True)
        text = "; ".join(f"{name}={value or ''}" for name, value in pairs)
        if len(text) >= _MAX_LINE:
            acc.warning("cdr message too long, truncating..")
            text = text[:_MAX_LINE]
        acc.server.log.write(acc.log_level, acc.name, text, ctx, acc.cdr_facility)

    def _insert(self, fixed: list[str | None], extras: list[str | None]) -> bool:
        acc = self.acc
        if acc.database is None:
            acc.error("cannot get db handlers")
            return False
        names = self._names()
        row: dict[str, Any] = {}
        try:
            for name, value in zip(names[:2], fixed[:2], strict=True):
                row[name] = None if value is None else self._moment(int(float(value)))
            row[names[2]] = None if fixed[2] is None else float(fixed[2])
        except ValueError:
            acc.error("failed to convert string to timeval.")
            return False
        for name, value in zip(names[3:], extras, strict=True):
            row[name] = "" if value is None and acc.cdr_extra_nullable != 1 else value
        acc.database.db.adopt(
            acc.cdrs_table,
            "acc_cdrs",
            rename={"start_time": names[0], "end_time": names[1], "duration": names[2]},
            extra=dict.fromkeys(names[3:], "string"),
        )
        try:
            acc.database.db.insert(acc.cdrs_table, row, delayed=acc.db_insert_mode == 1)
        except DatabaseError:
            acc.error("failed to insert into database")
            return False
        return True

    def _moment(self, seconds: int) -> str | Timestamp:
        return format_time(seconds, _DB_TIME, TIME_UTC) if self.acc.time_mode == TIME_UTC else Timestamp(seconds)


def format_seconds(seconds: float) -> str:
    """Seconds and milliseconds."""
    milliseconds = int(seconds * 1000 + 1e-6)
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def _variable(text: str) -> str:
    """The name in `$dlg_var(name)`."""
    return text.partition("(")[2].rpartition(")")[0]
