"""Where records go: lines in the log, rows in a database (acc/acc.c)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript import stores
from kamscript.modules.acc.attributes import (
    TIME_FRACTION,
    TIME_LOCAL,
    TIME_PARTS,
    TIME_UTC,
    Extra,
    Legs,
    Record,
    extra_values,
    format_time,
)
from kamscript.stores import Database, DatabaseError, Timestamp

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.acc import Acc

_MAX_LINE = 65536 - 2
_FIXED = ("method", "from_tag", "to_tag", "call_id", "code", "reason")


class LogBackend:
    """Writes records as lines of the log."""

    def __init__(self, acc: Acc, extras: list[Extra], legs: Legs | None) -> None:
        self.acc, self.extras, self.legs = acc, extras, legs

    def write(self, event: str, record: Record, ctx: Context) -> None:
        """`ACC: EVENT: timestamp=...;method=...;...`, with the values of all call legs behind."""
        acc = self.acc
        pairs: list[tuple[str, str | None]] = list(zip(_FIXED, record[:6], strict=True))
        pairs += zip((extra.name for extra in self.extras), extra_values(self.extras, ctx), strict=True)
        if self.legs is not None:
            for leg in self.legs.values(ctx):
                pairs += zip(self.legs.names, leg, strict=True)
        text = ""
        for name, value in pairs:
            part = f";{name}={value or ''}"
            if len(text) + len(part) >= _MAX_LINE:
                acc.warning("acc message too long, truncating..")
                break
            text += part
        head = f"ACC: {event}: timestamp={record.seconds}{self._time(record)}"
        acc.server.log.write(acc.log_level, acc.name, head + text, ctx, acc.log_facility)

    def _time(self, record: Record) -> str:
        acc = self.acc
        if acc.time_mode == TIME_PARTS:
            return f";{acc.time_exten}={record.microseconds}"
        if acc.time_mode == TIME_FRACTION:
            return f";{acc.time_attr}={record.now:.3f}"
        if acc.time_mode in (TIME_LOCAL, TIME_UTC):
            return f";{acc.time_attr}={format_time(record.seconds, acc.time_format, acc.time_mode)}"
        return ""


class DatabaseBackend:
    """Writes records as rows, one for each call leg."""

    def __init__(self, acc: Acc, extras: list[Extra], legs: Legs | None) -> None:
        self.acc, self.extras, self.legs = acc, extras, legs
        self.db: Database = stores.bind(acc.server, acc.db_url)
        self._known: set[str] = set()

    @property
    def columns(self) -> Mapping[str, str]:
        """What the config calls the standard columns."""
        acc = self.acc
        return {
            "method": acc.acc_method_column,
            "from_tag": acc.acc_from_tag_column,
            "to_tag": acc.acc_to_tag_column,
            "callid": acc.acc_callid_column,
            "sip_code": acc.acc_sip_code_column,
            "sip_reason": acc.acc_sip_reason_column,
            "time": acc.acc_time_column,
        }

    def adopt(self, table: str) -> None:
        """Tell the lab's database which columns rows of this config have."""
        if table in self._known:
            return
        self._known.add(table)
        acc = self.acc
        extra = dict.fromkeys([*(e.name for e in self.extras), *(self.legs.names if self.legs else [])], "string")
        if acc.time_mode:
            kinds = {TIME_PARTS: "int", TIME_FRACTION: "double"}
            extra[acc.time_attr] = kinds.get(acc.time_mode, "string")
            if acc.time_mode == TIME_PARTS:
                extra[acc.time_exten] = "int"
        renamed = {old: new for old, new in self.columns.items() if old != new}
        like = "missed_calls" if table == "missed_calls" else "acc"
        self.db.adopt(table, like, rename=renamed, extra=extra)

    def write(self, table: str, record: Record, ctx: Context) -> bool:
        """Add the rows of a record; False when that failed (it was logged)."""
        self.adopt(table)
        acc = self.acc
        fixed = (*record[:6], Timestamp(record.seconds))
        row: dict[str, Any] = dict(zip(self.columns.values(), fixed, strict=True))
        row |= self._time(record)
        for extra, value in zip(self.extras, extra_values(self.extras, ctx), strict=True):
            row[extra.name] = self._nullable(value)
        legs = self.legs.values(ctx) if self.legs is not None else [[]]
        names = self.legs.names if self.legs is not None else []
        try:
            for leg in legs:
                row |= {name: self._nullable(value) for name, value in zip(names, leg, strict=True)}
                self.db.insert(table, row, delayed=acc.db_insert_mode == 1)
        except DatabaseError:
            acc.error("failed to insert into database")
            return False
        return True

    def _nullable(self, value: str | None) -> str | None:
        return "" if value is None and self.acc.acc_extra_nullable != 1 else value

    def _time(self, record: Record) -> dict[str, Any]:
        acc = self.acc
        if acc.time_mode == TIME_PARTS:
            return {acc.time_attr: record.seconds, acc.time_exten: record.microseconds}
        if acc.time_mode == TIME_FRACTION:
            return {acc.time_attr: round(record.now, 6)}
        if acc.time_mode in (TIME_LOCAL, TIME_UTC):
            return {acc.time_attr: format_time(record.seconds, acc.time_format, acc.time_mode)}
        return {}


class Engine(NamedTuple):
    """Another place for records, that a module registers.

    `write(event, record, ctx)` is called for requests with the message flag `flag`, or `missed_flag` for missed calls.
    """

    write: Callable[[str, Record, Context], object]
    flag: int = -1
    missed_flag: int = -1
