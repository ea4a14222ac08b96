"""What a config or the server says: levels, per-module levels, prefixes (core/dprint.h).

Lines go to the driver as `LogRecord`; how they are printed (`LEVEL: <script>: text`) is the driver's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.environment import LogRecord

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.script.format import Format

#: Kamailio's level numbers. CRIT is printed without a level name, CRIT2 with it.
L_NPRL, L_ALERT, L_BUG, L_CRIT2, L_CRIT, L_ERR, L_WARN, L_NOTICE, L_INFO, L_DBG = range(-6, 4)

_CONSTANT_NAMES = """
$$ ci cs ct fU fd fn fu ft hdr mb mi ml mt oP oU od op or ou pp pr proto Ri RAi Rp RAp rm rs rr si sp tU td tn tt tu
ua rv cT cl
"""
#: Pseudo-variables that read the same all the while a message is dealt with: a prefix of these waits until it is used.
_CONSTANT = frozenset(_CONSTANT_NAMES.split())


#: Under which module's level and facility a line counts; what a config says comes from xlog.
_MODULES = {"<core>": "core", "<script>": "xlog"}


class Log:
    """Filters by level and hands records to the driver.

    `level` is core's `debug`, which `cfg.set core debug` and corex change; `local` the level of the process ($dbg in
    other words, set by `corex.debug`; None: not set); `modules` the levels of single modules by name (debugger's
    mod_level; "core" for the core) and `facilities` likewise (mod_facility).
    """

    __slots__ = (
        "_emit",
        "_format",
        "_lazy",
        "_message",
        "_mode",
        "_prefix",
        "facilities",
        "facility",
        "level",
        "local",
        "modules",
        "prefixed",
        "server",
    )

    def __init__(self, server: Server) -> None:
        self.server = server
        self._emit = server.environment.log
        self.level: int = server.settings["debug"]
        self.local: int | None = None
        self.modules: dict[str, int] = {}
        self.facilities: dict[str, str] = {}
        self.facility: str = server.settings["log_facility"]
        self._format: Format | None = None
        self.prefixed = False  #: there is a log_prefix: the server says which message it is dealing with
        self._mode = 0
        self._lazy = False
        self._message: Context | None = None
        self._prefix: str | None = None

    def use_prefix(self, fmt: Format, mode: int, names: frozenset[str]) -> None:
        """Print `fmt` in front of every line: expanded once per message (mode 0) or for every line (mode 1).

        `names` are the pseudo-variables in it.
        """
        self._format, self._mode = fmt, mode
        self.prefixed = True
        self._lazy = names <= _CONSTANT

    def begin(self, ctx: Context | None) -> None:
        """From now on lines belong to the message of `ctx` (None: to no message)."""
        self._message, self._prefix = ctx, None
        if ctx is not None and self._format is not None and not self._lazy:
            self._prefix = ""
            self._prefix = self._format(ctx)

    def enabled(self, level: int, origin: str = "<core>") -> bool:
        """Whether a line of `level` from `origin` (`<core>`, `<script>`, a module's name) would be written."""
        if self.modules:
            limit = self.modules.get(_MODULES.get(origin, origin))
            if limit is not None:
                return level <= limit
        return level <= (self.level if self.local is None else self.local)

    def write(
        self,
        level: int,
        origin: str,
        text: str,
        ctx: Context | None = None,
        facility: str = "",
        *,
        head: str | None = None,
        label: str | None = None,
    ) -> None:
        """One line, when enabled. `ctx` is the running context, if there is one; `head` and `label` see LogRecord."""
        if not self.enabled(level, origin):
            return
        prefix = ""
        if self._format is not None:
            if self._mode == 1 and ctx is not None:
                prefix = self._format(ctx)
            elif self._message is not None:
                if self._prefix is None:
                    self._prefix = ""  # for what expanding it logs
                    self._prefix = self._format(self._message)
                prefix = self._prefix
        if "\0" in text:
            text = text.partition("\0")[0]  # where C stops printing
        level = max(L_ALERT, min(L_DBG, level))
        if not facility:
            facility = self.facilities.get(_MODULES.get(origin, origin), self.facility)
        self._emit(LogRecord(level, origin, text, prefix, facility, head, label))

    def critical(self, origin: str, text: str) -> None:
        """A CRITICAL line."""
        self.write(L_CRIT2, origin, text)

    def error(self, origin: str, text: str) -> None:
        """An ERROR line."""
        self.write(L_ERR, origin, text)

    def warning(self, origin: str, text: str) -> None:
        """A WARNING line."""
        self.write(L_WARN, origin, text)

    def notice(self, origin: str, text: str) -> None:
        """A NOTICE line."""
        self.write(L_NOTICE, origin, text)

    def info(self, origin: str, text: str) -> None:
        """An INFO line."""
        self.write(L_INFO, origin, text)

    def debug(self, origin: str, text: str) -> None:
        """A DEBUG line."""
        if self.level >= L_DBG or self.modules or self.local is not None:
            self.write(L_DBG, origin, text)
