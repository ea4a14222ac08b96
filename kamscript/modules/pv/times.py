"""Time as a config sees it: `$Ts $Tf $TS $TF $Tb $TV $time $utime $timef $utimef` (modules/pv/pv_time.c).

`$Ts` and its kin show when the message arrived and stay the same while it is dealt with; `$TS` is now.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kamscript.module import Accessor, FixupError, PvRef, pv, pv_class
from kamscript.modules.pv.uris import choose
from kamscript.values import Value, wrap

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server


class Times:
    """The part of the pv module that tells time."""

    server: Server

    @pv("Ts")
    def _Ts(self, ctx: Context) -> Value:
        """Unix time at which the message arrived."""
        return wrap(int(arrival(ctx)))

    @pv("Tf")
    def _Tf(self, ctx: Context) -> Value:
        """Time at which the message arrived as text: `Tue Nov 24 20:02:19 2026`."""
        return _ctime(arrival(ctx))

    @pv("TS")
    def _TS(self, ctx: Context) -> Value:
        """Unix time now."""
        return wrap(int(ctx.server.timers.now))

    @pv("TF")
    def _TF(self, ctx: Context) -> Value:
        """Time now as text."""
        return _ctime(ctx.server.timers.now)

    @pv("Tb")
    def _Tb(self, ctx: Context) -> Value:
        """Unix time at which the server started."""
        return wrap(int(ctx.server.started))

    @pv_class("TV")
    def _TV(self, ref: PvRef) -> Accessor:
        """`s` seconds and `u` microseconds of the arrival; `sn` seconds now, `un` the microseconds belonging to the
        last `sn`; `Sn` now as `seconds.microseconds`; `Fn` now as date and time."""
        reader = {"s": _seconds, "u": _micros, "sn": _seconds_now, "un": _micros_then, "Sn": _stamp, "Fn": _date_stamp}
        return Accessor(choose(ref, reader))

    @pv_class("time")
    def _time(self, ref: PvRef) -> Accessor:
        """Part of the arrival in local time: `sec min hour mday mon year wday yday isdst`."""
        return _broken_down(ref, False)

    @pv_class("utime")
    def _utime(self, ref: PvRef) -> Accessor:
        """Part of the arrival in UTC, named as for `$time`."""
        return _broken_down(ref, True)

    @pv_class("timef")
    def _timef(self, ref: PvRef) -> Accessor:
        """The arrival in local time in the form that strftime's letters say: `$timef(%Y-%m-%d)`."""
        return _formatted(ref, False)

    @pv_class("utimef")
    def _utimef(self, ref: PvRef) -> Accessor:
        """The arrival in UTC in the form that strftime's letters say."""
        return _formatted(ref, True)


def arrival(ctx: Context) -> float:
    """When the message arrived: the time at which somebody first asked, as in Kamailio."""
    state = ctx.state
    seconds: float | None = state.get("pv.time")
    if seconds is None:
        seconds = state["pv.time"] = ctx.server.timers.now
    return seconds


def _local(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds)).astimezone()


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _ctime(seconds: float) -> str:
    at = _local(seconds)
    return f"{at:%a %b} {at.day:2} {at:%H:%M:%S %Y}"


def _fraction(seconds: float) -> int:
    return round(seconds % 1 * 1_000_000) % 1_000_000


def _seconds(ctx: Context) -> Value:
    return wrap(int(arrival(ctx)))


def _micros(ctx: Context) -> Value:
    return _fraction(arrival(ctx))


def _seconds_now(ctx: Context) -> Value:
    now = ctx.server.timers.now
    ctx.server.shared["pv.timeval"] = now
    return wrap(int(now))


def _micros_then(ctx: Context) -> Value:
    return _fraction(ctx.server.shared.get("pv.timeval", 0.0))


def _stamp(ctx: Context) -> Value:
    now = ctx.server.timers.now
    return f"{int(now)}.{_fraction(now):06}"


def _date_stamp(ctx: Context) -> Value:
    now = ctx.server.timers.now
    return f"{_local(now):%Y-%m-%d %H:%M:%S}.{_fraction(now):06}"


_FIELDS = {
    "sec": lambda at: at.second,
    "min": lambda at: at.minute,
    "hour": lambda at: at.hour,
    "mday": lambda at: at.day,
    "mon": lambda at: at.month,
    "year": lambda at: at.year,
    "wday": lambda at: at.isoweekday() % 7 + 1,
    "yday": lambda at: at.timetuple().tm_yday,
    "isdst": lambda at: int(bool(at.dst())),
}


def _broken_down(ref: PvRef, utc: bool) -> Accessor:
    read, clock = choose(ref, _FIELDS), _utc if utc else _local
    return Accessor(lambda ctx: read(clock(arrival(ctx))))


def _formatted(ref: PvRef, utc: bool) -> Accessor:
    form, clock = ref.inner, _utc if utc else _local
    if not isinstance(form, str):
        raise FixupError(f"${ref.name} expects a format of strftime")

    def get(ctx: Context) -> Value:
        text = clock(arrival(ctx)).strftime(form)
        # Kamailio has 64 bytes for the result
        return text if 0 < len(text) < 64 else None

    return Accessor(get)
