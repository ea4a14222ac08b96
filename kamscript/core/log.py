"""What a config or the server says: levels, per-module debug, prefixes (core/dprint.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

L_NPRL, L_BUG, L_CRIT2, L_ALERT, L_BUG2, L_CRIT, L_ERR, L_WARN, L_NOTICE, L_INFO, L_DBG = (
    -6,
    -5,
    -4,
    -5,
    -4,
    -3,
    -1,
    0,
    1,
    2,
    3,
)


class Log:
    """Filters by level and hands records to the driver.

    `level` is core's `debug`; `local` the level of the current message (`$dbg`-like, None: none); `modules` the
    levels of single modules (debugger's mod_level).
    """

    def __init__(self, server: Server) -> None:
        raise NotImplementedError

    def enabled(self, level: int, origin: str = "<core>") -> bool:
        """Whether a line of `level` from `origin` would be written."""
        raise NotImplementedError

    def write(self, level: int, origin: str, text: str, ctx: Context | None = None, facility: str = "") -> None:
        """One line, when enabled; `ctx` gives log_prefix something to show."""
        raise NotImplementedError

    def error(self, origin: str, text: str) -> None:
        """An ERROR line."""
        raise NotImplementedError

    def warning(self, origin: str, text: str) -> None:
        """A WARNING line."""
        raise NotImplementedError

    def notice(self, origin: str, text: str) -> None:
        """A NOTICE line."""
        raise NotImplementedError

    def info(self, origin: str, text: str) -> None:
        """An INFO line."""
        raise NotImplementedError

    def debug(self, origin: str, text: str) -> None:
        """A DEBUG line."""
        raise NotImplementedError
