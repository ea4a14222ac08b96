"""An argument that is a number written in the config (fixup_int, str2sint): no variable, no expression."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from kamscript.module import Fixup, FixupError
from kamscript.values import decimal

if TYPE_CHECKING:
    from kamscript.core.server import Server


class _NumberFixup(Fixup):
    constant = True

    def resolve(self, text: str, server: Server) -> int:
        number = decimal(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None
        if number is None:
            raise FixupError(f"bad number <{text}>")
        return number


if TYPE_CHECKING:
    Number = int
else:
    Number = Annotated[int, _NumberFixup()]
