"""Log levels and facilities as functions and parameters of the debugger take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kamscript.core import log
from kamscript.module import Fixup, FixupError

if TYPE_CHECKING:
    from kamscript.core.server import Server

#: The letter that counts in `L_ERR`.
_LEVELS = {
    "A": log.L_ALERT,
    "B": log.L_BUG,
    "C": log.L_CRIT2,
    "E": log.L_ERR,
    "W": log.L_WARN,
    "N": log.L_NOTICE,
    "I": log.L_INFO,
    "D": log.L_DBG,
}

_FACILITIES = """
AUTH CRON DAEMON KERN LOCAL0 LOCAL1 LOCAL2 LOCAL3 LOCAL4 LOCAL5 LOCAL6 LOCAL7 LPR MAIL NEWS USER UUCP AUTHPRIV FTP
SYSLOG
"""
_NUMBERS = {f"LOG_{name}": number for number, name in enumerate(_FACILITIES.split())}


def facility_number(text: str) -> int | None:
    """The place of a facility, `LOG_LOCAL0`, in the list of all; None for no facility."""
    return _NUMBERS.get(text.upper())


def split_setting(text: str) -> tuple[str, str]:
    """`module=value` in two; raises FixupError."""
    name, sign, value = text.partition("=")
    if not sign:
        raise FixupError(f"invalid parameter value: {text}")
    return name, value


class LevelFixup(Fixup):
    """`L_ERR`: only the third letter counts."""

    constant = True

    def resolve(self, text: str, server: Server) -> Any:
        level = _LEVELS.get(text[2:3])
        if level is None:
            raise FixupError("unknown log level")
        return level


class FacilityFixup(Fixup):
    """`LOG_LOCAL0`."""

    constant = True

    def resolve(self, text: str, server: Server) -> str:
        if facility_number(text) is None:
            raise FixupError("invalid log facility configured")
        return text


if TYPE_CHECKING:
    Level = int
    LogFacility = str
else:
    Level = Annotated[object, LevelFixup()]
    LogFacility = Annotated[object, FacilityFixup()]
