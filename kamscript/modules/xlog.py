"""xlog: log lines with pseudo-variables. Source: xlog manual, src/modules/xlog/xlog.c."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kamscript.core.cfg import CfgVar
from kamscript.core.log import L_ALERT, L_BUG, L_CRIT, L_CRIT2, L_DBG, L_ERR, L_INFO, L_NOTICE, L_WARN
from kamscript.module import Accessor, Fixup, FixupError, Format, Module, Param, PvRef, Route, function, pv_class
from kamscript.modules._place import current_place
from kamscript.script.format import accessor_of, format_of
from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

_ORIGIN = "<script>"
_DEFAULT_PREFIX = "<script>: "
#: The third letter of a level's name decides.
_LEVELS = {
    "A": L_ALERT,
    "B": L_BUG,
    "C": L_CRIT2,
    "E": L_ERR,
    "W": L_WARN,
    "N": L_NOTICE,
    "I": L_INFO,
    "D": L_DBG,
}
_LEVEL_NAMES = {
    "l_alert": L_ALERT,
    "l_bug": L_BUG,
    "l_crit2": L_CRIT2,
    "l_crit": L_CRIT,
    "l_err": L_ERR,
    "l_warn": L_WARN,
    "l_notice": L_NOTICE,
    "l_info": L_INFO,
    "l_dbg": L_DBG,
}
FACILITIES = frozenset(
    f"LOG_{name}"
    for name in (
        *("AUTH", "CRON", "DAEMON", "KERN", "LPR", "MAIL", "NEWS", "USER", "UUCP", "AUTHPRIV", "FTP"),
        *(f"LOCAL{number}" for number in range(8)),
    )
)
_COLORS = {"x": 9, "s": 0, "r": 1, "g": 2, "y": 3, "b": 4, "p": 5, "c": 6, "w": 7}
_FOREGROUND = frozenset(_COLORS) | frozenset("SRGYBPCW")
_BACKGROUND = frozenset(_COLORS)
#: Kamailio's method bits, by which methods_filter chooses (core/parser/msg_parser.h); other methods share the last.
_METHOD_BITS = {
    method: 1 << bit
    for bit, method in enumerate(
        (
            *("INVITE", "CANCEL", "ACK", "BYE", "INFO", "REGISTER", "SUBSCRIBE", "NOTIFY", "MESSAGE", "OPTIONS"),
            *("PRACK", "UPDATE", "REFER", "PUBLISH", "KDMQ", "GET", "POST", "PUT", "DELETE"),
        )
    )
}
_OTHER_METHOD = 1 << 19


class _Level(Fixup):
    """`L_ERR` and its like, or a pseudo-variable with a number."""

    constant = True
    kind = "level"

    def resolve(self, text: str, server: Server) -> int | Accessor:
        """The number or the accessor; raises FixupError for what is neither."""
        if text.startswith("$"):
            return accessor_of(text, server)
        level = _LEVELS.get(text[2:3])
        if level is None:
            raise FixupError(
                f"{text!r} is no log level: L_ALERT, L_BUG, L_CRIT, L_ERR, L_WARN, L_NOTICE, L_INFO, L_DBG"
            )
        return level


class _Facility(Fixup):
    """A syslog facility such as `LOG_LOCAL0`."""

    constant = True
    kind = "facility"

    def resolve(self, text: str, server: Server) -> str:
        """Its name; raises FixupError for an unknown one."""
        if text not in FACILITIES:
            raise FixupError(f"{text!r} is no syslog facility")
        return text


if TYPE_CHECKING:
    Level = int | Accessor
    Facility = str
else:
    Level = Annotated[object, _Level()]
    Facility = Annotated[str, _Facility()]


def _check_facility(value: str) -> str | None:
    return None if value in FACILITIES else f"{value!r} is no syslog facility"


def color_code(foreground: str, background: str) -> str:
    """The terminal's escape sequence for two colour letters; a capital foreground is bold."""
    bold = "1" if foreground.isupper() else "0"
    return f"\x1b[{bold};{30 + _COLORS[foreground.lower()]};{40 + _COLORS[background]}m"


class Xlog(Module, name="xlog"):
    """Log texts with pseudo-variables."""

    buf_size = Param(4096, "Longest text in bytes; a longer one is not logged.")
    force_color = Param(0, "1: `$C(...)` gives colours also when the log does not go to standard error.")
    long_format = Param(0, "1: xlogl() and xdbgl() print the file's name in front of the line.")
    prefix = Param(_DEFAULT_PREFIX, "Text in front of what is logged.")
    prefix_mode = Param(0, "1: the prefix holds pseudo-variables.", since="5.6")
    log_facility = Param("", "Syslog facility of these lines; default: core's.", check=_check_facility)
    log_colors = Param("", "Colours of levels: `l_err=rx;l_dbg=Sx`.", set="set_colors")
    methods_filter = Param(-1, "Methods that xlogm() keeps quiet about, as bits; -1: it is always quiet.")
    auto_newline = Param(0, "1: add a line end where the text has none.", since="6.x")

    _cfg: dict[str, Any]

    def start(self) -> None:
        """Declare what can change at run time; read the prefix."""
        self._cfg = self.server.cfg.declare(
            "xlog",
            [CfgVar("methods_filter", -1, "Methods filter value for xlogm(...).")],
            values={"methods_filter": self.methods_filter},
        )
        self._prefix = format_of(self.prefix, self.server) if self.prefix_mode else None

    def set_colors(self, text: str) -> None:
        """Read log_colors; raises FixupError."""
        colors = self.server.shared.setdefault("log_colors", {})
        try:
            params, _ = parse_params(text.removesuffix(";"))
        except SipError as error:
            raise FixupError(f"log_colors {text!r}: {error}") from None
        for param in params:
            level, color = _LEVEL_NAMES.get(param.name.lower()), param.value or ""
            if level is None:
                raise FixupError(f"log_colors {text!r}: {param.name} is no level")
            if len(color) != 2 or color[0] not in _FOREGROUND or color[1] not in _BACKGROUND:
                raise FixupError(f"log_colors {text!r}: {color!r} are not two colour letters")
            colors[level] = (color[0], color[1])

    # -- functions ----------------------------------------------------------------------------------------------------
    @function(Route.ANY, name="xlog", arity=1)
    def xlog_1(self, ctx: Context, text: Format) -> int:
        """Log `text` as an error."""
        return self._write(ctx, L_ERR, text)

    @function(Route.ANY, name="xlog", arity=2)
    def xlog_2(self, ctx: Context, level: Level, text: Format) -> int:
        """Log `text` with a level."""
        return self._write_at(ctx, level, text)

    @function(Route.ANY, name="xlog", arity=3)
    def xlog_3(self, ctx: Context, facility: Facility, level: Level, text: Format) -> int:
        """Log `text` with a syslog facility and a level."""
        return self._write_at(ctx, level, text, facility=facility)

    @function(Route.ANY, name="xlogl", arity=1)
    def xlogl_1(self, ctx: Context, text: Format) -> int:
        """Log the line of the config and `text` as an error."""
        return self._write(ctx, L_ERR, text, place=True)

    @function(Route.ANY, name="xlogl", arity=2)
    def xlogl_2(self, ctx: Context, level: Level, text: Format) -> int:
        """Log the line of the config and `text` with a level."""
        return self._write_at(ctx, level, text, place=True)

    @function(Route.ANY, name="xlogl", arity=3)
    def xlogl_3(self, ctx: Context, facility: Facility, level: Level, text: Format) -> int:
        """Log the line of the config and `text` with a syslog facility and a level."""
        return self._write_at(ctx, level, text, place=True, facility=facility)

    @function(Route.ANY)
    def xlogm(self, ctx: Context, level: Level, text: Format) -> int:
        """Log `text`, but not for methods in methods_filter; with its default of -1 never."""
        quiet = self._cfg["methods_filter"]
        if quiet == -1 or _METHOD_BITS.get(ctx.msg.method.upper(), _OTHER_METHOD) & quiet:
            return 1
        return self._write_at(ctx, level, text)

    @function(Route.ANY)
    def xdbg(self, ctx: Context, text: Format) -> int:
        """Log `text` as L_DBG."""
        return self._write(ctx, L_DBG, text)

    @function(Route.ANY)
    def xdbgl(self, ctx: Context, text: Format) -> int:
        """Log the line of the config and `text` as L_DBG."""
        return self._write(ctx, L_DBG, text, place=True)

    @function(Route.ANY)
    def xinfo(self, ctx: Context, text: Format) -> int:
        """Log `text` as L_INFO."""
        return self._write(ctx, L_INFO, text)

    @function(Route.ANY)
    def xnotice(self, ctx: Context, text: Format) -> int:
        """Log `text` as L_NOTICE."""
        return self._write(ctx, L_NOTICE, text)

    @function(Route.ANY)
    def xwarn(self, ctx: Context, text: Format) -> int:
        """Log `text` as L_WARN."""
        return self._write(ctx, L_WARN, text)

    @function(Route.ANY)
    def xerr(self, ctx: Context, text: Format) -> int:
        """Log `text` as L_ERR."""
        return self._write(ctx, L_ERR, text)

    @function(Route.ANY)
    def xbug(self, ctx: Context, text: Format) -> int:
        """Log `text` as L_BUG."""
        return self._write(ctx, L_BUG, text)

    @function(Route.ANY)
    def xcrit(self, ctx: Context, text: Format) -> int:
        """Log `text` as L_CRIT."""
        return self._write(ctx, L_CRIT2, text)

    @function(Route.ANY)
    def xalert(self, ctx: Context, text: Format) -> int:
        """Log `text` as L_ALERT."""
        return self._write(ctx, L_ALERT, text)

    def _write_at(self, ctx: Context, level: Level, text: Format, *, place: bool = False, facility: str = "") -> int:
        if isinstance(level, Accessor):
            number = level.get(ctx)
            if not isinstance(number, int):
                self.server.log.error(self.name, f"log level {number!r} is no number")
                return -1
            level = number
        return self._write(ctx, level, text, place=place, facility=facility)

    def _write(self, ctx: Context, level: int, text: Format, *, place: bool = False, facility: str = "") -> int:
        log = self.server.log
        if not log.enabled(level, _ORIGIN):
            return 1
        line = text(ctx)
        if len(line) >= self.buf_size:
            log.error(self.name, f"a text of {len(line)} bytes is too long for buf_size {self.buf_size}")
            return -1
        if place:
            line = f"{self._place()}:{line}"
        if self.auto_newline and line and not line.endswith("\n"):
            line += "\n"
        log.write(level, _ORIGIN, line, ctx, facility or self.log_facility, head=self._head(ctx))
        return 1

    def _place(self) -> str:
        found = current_place(self.server)
        line = found.line if found is not None else 0
        return f"{found.path if found is not None else ''}:{line}" if self.long_format == 1 else str(line)

    def _head(self, ctx: Context) -> str | None:
        """What stands in front of the text; None: the usual."""
        if self._prefix is None:
            return None if self.prefix is _DEFAULT_PREFIX else self.prefix
        return self._prefix(ctx) or self.prefix

    # -- variables ----------------------------------------------------------------------------------------------------
    @pv_class("C")
    def color(self, ref: PvRef) -> Accessor:
        """`$C(fb)`: the terminal's escape sequence for two colours, foreground and background.

        The letters are x for the terminal's own, s (black), and the initials of red, green, yellow, blue, purple, cyan
        and white; a capital foreground is bold. Empty when the log does not go to standard error, unless force_color
        says otherwise.
        """
        letters = ref.inner
        if not isinstance(letters, str) or len(letters) != 2:
            raise FixupError("$C(...) wants two colour letters")
        if letters[0] not in _FOREGROUND or letters[1] not in _BACKGROUND:
            raise FixupError(f"$C({letters}): the letters are x s r g y b p c w, the first may be a capital")
        code = color_code(letters[0], letters[1])
        settings = self.server.settings

        def read(ctx: Context) -> str:
            return code if self.force_color or settings.get("log_stderror") else ""

        return Accessor(read)
