"""Arguments that name one pseudo-variable, which the function then reads or writes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kamscript.module import Fixup, FixupError
from kamscript.script.format import accessor_of

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

    Variable = Accessor
    Writable = Accessor
else:
    Variable = Annotated[object, _Variable()]
    Writable = Annotated[object, _Writable()]
