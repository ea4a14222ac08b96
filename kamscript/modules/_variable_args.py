"""Arguments that name one pseudo-variable, which the function then reads or writes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kamscript.module import Fixup, FixupError
from kamscript.script.format import accessor_of
from kamscript.script.pv import PvSyntaxError, PvText, match_pv

if TYPE_CHECKING:
    from kamscript.core.server import Server


class _Variable(Fixup):
    """A pseudo-variable."""

    constant = True
    kind = "variable"

    def resolve(self, text: str, server: Server) -> Any:
        """Its accessor; raises FixupError for a text that is none."""
        if not text.startswith("$"):
            raise FixupError(f"a pseudo-variable is wanted, not {text!r}")
        return accessor_of(text, server)


class _FirstVariable(Fixup):
    """The pseudo-variable that a text begins with; the rest is ignored (fixup_pvar)."""

    constant = True
    kind = "variable"

    def resolve(self, text: str, server: Server) -> Any:
        """Its accessor; raises FixupError for a text that begins with none."""
        return accessor_of(first_variable(text).text, server)


def first_variable(text: str) -> PvText:
    """The pseudo-variable that a text begins with; raises FixupError when there is none."""
    if not text.startswith("$"):
        raise FixupError(f"a pseudo-variable is wanted, not {text!r}")
    try:
        return match_pv(text)[0]
    except PvSyntaxError as error:
        raise FixupError(f"a pseudo-variable is wanted, not {text!r}: {error}") from None


class _Writable(Fixup):
    """A pseudo-variable that can be written."""

    constant = True
    kind = "writable"

    def resolve(self, text: str, server: Server) -> Any:
        """Its accessor; raises FixupError for a text that is none and for one that is read-only."""
        if not text.startswith("$"):
            raise FixupError(f"a pseudo-variable is wanted, not {text!r}")
        accessor = accessor_of(text, server)
        if accessor.set is None:
            raise FixupError(f"{text} cannot be written")
        return accessor


if TYPE_CHECKING:
    from kamscript.module import Accessor

    FirstVariable = Accessor
    Variable = Accessor
    Writable = Accessor
else:
    FirstVariable = Annotated[object, _FirstVariable()]
    Variable = Annotated[object, _Variable()]
    Writable = Annotated[object, _Writable()]
