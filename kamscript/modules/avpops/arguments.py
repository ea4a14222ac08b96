"""Arguments of the functions: AVPs with flags behind slashes (the fix-ups in avpops.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from kamscript.module import Fixup, FixupError
from kamscript.modules.avpops.names import Avp, Operand, avp, flags, pv_at
from kamscript.modules.avpops.operations import Check, Operation
from kamscript.modules.avpops.preferences import Owner, Which, kind_and_flags
from kamscript.modules.textops.subst import parse_subst
from kamscript.script.format import format_of

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.modules.avpops import Avpops

Flagged = tuple[Any, set[str]]


class _Made(Fixup):
    """An argument that a function makes of its text at load."""

    constant = True
    kind = "own"

    def __init__(self, make: Callable[[str, Server], Any]) -> None:
        self._make = make

    def resolve(self, text: str, server: Server) -> Any:
        """The object; FixupError refuses."""
        return self._make(text, server)


def _with_flags(known: str) -> Callable[[str, Server], Flagged]:
    def make(text: str, server: Server) -> Flagged:
        name, _, letters = text.partition("/")
        return avp(name, server), flags(letters, known)

    return make


def _deleted(text: str, server: Server) -> tuple[Avp | str, set[str]]:
    name, _, letters = text.partition("/")
    what: Avp | str = avp(name, server) if name.startswith("$") else kind_and_flags(name)[0]
    return what, flags(letters, "g")


def _copied(text: str, server: Server) -> Avp:
    return avp(text, server)


def _set(text: str, server: Server) -> Flagged:
    found, given = _with_flags("ens")(text, server)
    if {"n", "s"} <= given:
        raise FixupError("n and s do not go together")
    return found, given


def _two(text: str, server: Server) -> tuple[Avp, Avp | None]:
    first, _, second = text.partition("/")
    return avp(first, server), avp(second, server) if second else None


def _two_with_flags(text: str, server: Server) -> tuple[Avp, Avp | None, set[str]]:
    first, _, rest = text.partition("/")
    source, target = avp(first, server), None
    if rest.startswith("$"):
        second, _, rest = rest.partition("/")
        if second != "$":
            target = avp(second, server)
    return source, target, flags(rest, "gd")


def _destination(text: str, server: Server) -> str:
    """`ru`, `user`, `host`, `du` or `br`."""
    name, slash, part = text.partition("/")
    if not name.startswith("$"):
        raise FixupError(f"$ru, $du or $br is wanted, not {text!r}")
    kind = {"ru": "ru", "ruri": "ru", "du": "du", "duri": "du", "br": "br", "branch": "br"}.get(
        pv_at(name, server).name
    )
    if kind is None:
        raise FixupError(f"unsupported destination {name}; expected $ru, $du or $br")
    if not slash:
        return kind
    found = {"username": "user", "domain": "host"}.get(part.lower()) if kind == "ru" else None
    if found is None:
        raise FixupError(f"unknown flag {part!r} of {name}; $ru has username and domain")
    return found


def _source(text: str, server: Server) -> tuple[Operand, bool]:
    name, _, letters = text.partition("/")
    if not name.startswith("$"):
        raise FixupError(f"a pseudo-variable is wanted, not {text!r}")
    return Operand(name, server), "g" in flags(letters, "g")


def _checked(text: str, server: Server) -> Operand:
    if not text.startswith("$"):
        raise FixupError(f"a pseudo-variable is wanted, not {text!r}")
    return Operand(text, server)


def _avps(text: str, server: Server) -> list[Avp]:
    found: list[Avp] = []
    rest = text.lstrip(" \t,;\n")
    while rest:
        pv = pv_at(rest, server)
        found.append(avp(pv.text, server))
        rest = rest[len(pv.text) :].lstrip(" \t,;\n")
    if not found:
        raise FixupError(f"{text!r} is no list of AVPs")
    return found


def _module(server: Server) -> Avpops:
    module: Avpops = server.module("avpops")
    if not module.db_url:
        raise FixupError("a db_url is needed for the avp_db functions")
    return module


def _owner(text: str, server: Server) -> Owner:
    _module(server)
    return Owner(text, server)


def _loaded(text: str, server: Server) -> Which:
    return Which(text, server, _module(server).schemes)


def _stored(text: str, server: Server) -> Which:
    _module(server)
    return Which(text, server, None)


def _query(text: str, server: Server) -> Any:
    _module(server)
    return format_of(text, server)


if TYPE_CHECKING:
    from kamscript.core.context import Format
    from kamscript.modules.textops.subst import Subst

    DeletedArg = tuple[Avp | str, set[str]]
    CopiedArg = Avp
    CopyArg = Flagged
    SetArg = Flagged
    TwoArg = tuple[Avp, Avp | None]
    SubstitutedArg = tuple[Avp, Avp | None, set[str]]
    SubstArg = Subst
    DestinationArg = str
    SourceArg = tuple[Operand, bool]
    CheckedArg = Operand
    CheckArg = Check
    OperationArg = Operation
    AvpsArg = list[Avp]
    OwnerArg = Owner
    LoadedArg = Which
    StoredArg = Which
    QueryArg = Format
else:
    DeletedArg = Annotated[object, _Made(_deleted)]
    CopiedArg = Annotated[object, _Made(_copied)]
    CopyArg = Annotated[object, _Made(_with_flags("gdns"))]
    SetArg = Annotated[object, _Made(_set)]
    TwoArg = Annotated[object, _Made(_two)]
    SubstitutedArg = Annotated[object, _Made(_two_with_flags)]
    SubstArg = Annotated[object, _Made(parse_subst)]
    DestinationArg = Annotated[object, _Made(_destination)]
    SourceArg = Annotated[object, _Made(_source)]
    CheckedArg = Annotated[object, _Made(_checked)]
    CheckArg = Annotated[object, _Made(Check)]
    OperationArg = Annotated[object, _Made(Operation)]
    AvpsArg = Annotated[object, _Made(_avps)]
    OwnerArg = Annotated[object, _Made(_owner)]
    LoadedArg = Annotated[object, _Made(_loaded)]
    StoredArg = Annotated[object, _Made(_stored)]
    QueryArg = Annotated[object, _Made(_query)]
