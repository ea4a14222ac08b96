"""What of Kamailio's names is simulated: asked for one name, as configs use it.

Every module says by its declarations what it has; the catalogue says what else Kamailio has. Used by `kamscript port`
and by `python -m kamscript.tools.usage`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from kamscript.core.commands import CoreCommands
from kamscript.core.selects import HEADS
from kamscript.core.settings import UNHEEDED
from kamscript.module import Module, Param
from kamscript.modules import find_module, module_names
from kamscript.script.bind import BUILTIN
from kamscript.script.catalog import GENERATIONS, catalog
from kamscript.script.keywords import keywords
from kamscript.script.settings import by_name


class State(StrEnum):
    """How a name runs here."""

    REAL = "real"  #: simulated
    INERT = "without effect"  #: accepted, and it is known why nothing comes of it
    DOUBLE = "double"  #: Kamailio has it; here a test (or nobody) answers for it
    UNKNOWN = "unknown"  #: no generation of Kamailio exports it


class Known(NamedTuple):
    """What is known of a name: how it runs, whose it is, the generations that have it (bits), and a reason."""

    state: State
    module: str
    generations: int = 7
    why: str = ""


#: Event routes of the core (core/receive.c, core/kemi.c, main.c).
_CORE_EVENTS = frozenset(("core:worker-one-init", "core:msg-received", "core:receive-parse-error", "core:pre-routing"))
#: Modules whose event routes are not called as the module is.
_EVENT_OWNERS = {
    "tcp": "tcpops",
    "rms": "rtp_media_server",
    "diameter": "cdp",
    "ocs": "ims_ocs",
    "usrloc": "registrar",
    "network": "corex",
    "sip": "corex",
    "http": "http_async_client",
}
#: Lines of the top level that are syntax of their own.
_TOP_LEVEL = frozenset(("listen", "alias", "loadmodule", "loadpath", "mpath", "flags", "avpflags", "cfgengine"))


def module(name: str) -> Known:
    """A module by the name of its `loadmodule`."""
    facts = catalog().module(name)
    bits = facts.generations() if facts is not None else 7
    if find_module(name) is not None:
        return Known(State.REAL, name, bits)
    if facts is not None:
        return Known(State.DOUBLE, name, bits, "the module is not simulated")
    return Known(State.UNKNOWN, name, 0, "no generation has a module of this name")


def function(owner: str, name: str, arity: int | None = None) -> Known:
    """A function of module `owner` (empty: of any), for `arity` arguments (None: for any number)."""
    owners = [owner] if owner else [*_exporters(name), *_plug_ins()]
    for declared in _declaring(owners):
        arities = [number for called, number in declared.functions if called == name]
        if arities and (arity is None or arity in arities or -1 in arities):
            return Known(State.REAL, declared.name, _function_bits(declared.name, name, arity))
    for holder in owners:
        bits = _function_bits(holder, name, arity)
        if bits:
            return Known(State.DOUBLE, holder, bits, _why_double(holder))
    return Known(State.UNKNOWN, owner, 0, _no_such("function"))


def _why_double(owner: str) -> str:
    return "the module is simulated without it" if find_module(owner) is not None else "the module is not simulated"


def _function_bits(owner: str, name: str, arity: int | None) -> int:
    """The generations whose `owner` exports the function; all of them for what the catalogue does not list."""
    facts = catalog().module(owner)
    rows = facts.functions.get(name, ()) if facts is not None else ()
    bits = 0
    for row in rows:
        if arity is None or row.arity in (arity, -1):
            bits |= row.generations
    declared = find_module(owner)
    if not rows and declared is not None and any(called == name for called, _ in declared.functions):
        return 7
    return bits


def _plug_ins() -> list[str]:
    """Simulated modules that no Kamailio has."""
    return sorted(name for name in module_names() if catalog().module(name) is None)


@cache
def _exporters(function_name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact.module for fact in catalog().exporters(function_name)))


def _declaring(owners: Iterable[str] | None) -> Iterator[type[Module]]:
    """The simulated ones among these modules; None: of all there are."""
    for name in sorted(module_names()) if owners is None else owners:
        declared = find_module(name)
        if declared is not None:
            yield declared


def parameter(owner: str, name: str) -> Known:
    """A `modparam` of module `owner`."""
    facts = catalog().module(owner)
    fact = facts.param(name) if facts is not None else None
    bits = fact.generations if fact is not None else 0
    declared = find_module(owner)
    param = _param(declared, name) if declared is not None else None
    if param is not None:
        state = State.INERT if param.inert else State.REAL
        return Known(state, owner, bits or 7, param.inert)
    if bits:
        return Known(State.DOUBLE, owner, bits, _why_double(owner))
    return Known(State.UNKNOWN, owner, 0, _no_such("parameter"))


def _param(declared: type[Module], name: str) -> Param[object] | None:
    found = declared.params.get(name)
    if found is not None:
        return found
    return next((param for param in declared.params.values() if name in param.aliases), None)


def variable(name: str, *, bare: bool = True, loaded: Sequence[str] | None = None) -> Known:
    """A pseudo-variable class, without `$`. `bare`: it stands without parentheses, so an unknown one is an AVP.

    `loaded`: the modules to look in (None: all).
    """
    if name in BUILTIN or name == "$":
        return Known(State.REAL, "core")
    owners = sorted({*catalog().names(), *module_names()}) if loaded is None else loaded
    doubled = None
    for owner in owners:
        declared = find_module(owner)
        bits = _variables(owner).get(name, 0)
        if declared is not None and name in declared.pvs:
            return Known(State.REAL, owner, bits or 7)
        if bits and doubled is None:
            doubled = Known(State.DOUBLE, owner, bits, _why_double(owner))
    if doubled is not None:
        return doubled
    if bare:
        return Known(State.REAL, "core", 7, "no module has it: Kamailio takes it for the AVP of this name")
    return Known(State.UNKNOWN, "", 0, _no_such("pseudo-variable"))


@cache
def _variables(owner: str) -> Mapping[str, int]:
    """The pseudo-variables of a module, with the generations that have them."""
    facts = catalog().module(owner)
    if facts is None:
        return {}
    # Those of http_async_client stand in the catalogue for 5.6 only; every generation has them.
    only = GENERATIONS["5.6"]
    return {name: 7 if fact.generations == only else fact.generations for name, fact in facts.pvs().items()}


@cache
def transformation(klass: str, name: str, loaded: tuple[str, ...] | None = None) -> Known:
    """A transformation `{klass.name}`; `{s.encode}` stands for all of `{s.encode.*}`. `loaded`: as of `variable`."""
    for declared in _declaring(loaded):
        if klass in declared.transformations and _accepted(declared.name, klass, name):
            return Known(State.REAL, declared.name)
    for owner in catalog().transformation_exporters(klass):
        if loaded is not None and owner not in loaded:
            continue
        facts = catalog().module(owner)
        names = facts.transformations()[klass] if facts is not None else frozenset()
        if find_module(owner) is None or any(one.split(".")[0] == name for one in names):
            return Known(State.DOUBLE, owner, 7, _why_double(owner))
    return Known(State.UNKNOWN, "", 0, _no_such("transformation"))


def _accepted(owner: str, klass: str, name: str) -> bool:
    """Whether the module takes the transformation: its declaration names the class only, so a config tries it."""
    from kamscript.source import MemoryReader
    from kamscript.tools.examine import examine

    facts = catalog().module(owner)
    known = facts.transformations().get(klass, frozenset()) if facts is not None else frozenset()
    names = [name, *sorted(one for one in known if one.startswith(f"{name}."))]
    tried = [f"{{{klass}.{one}{tail}}}" for one in names for tail in ("", ",1", ",1,1")]
    loads = "".join(f'loadmodule "{one}.so"\n' for one in dict.fromkeys(("pv", owner)))
    lines = "\n".join(f"$var(x) = $(var(x){one});" for one in tried)
    found = examine("x.cfg", MemoryReader({"x.cfg": f"{loads}request_route {{\n{lines}\n}}\n"}))
    refused = {finding.line for finding in found if finding.rule == "unknown-transformation"}
    return len(refused) < len(tried)


def event_route(name: str) -> Known:
    """An `event_route[name]`: whose it is, and whether it ever runs here by itself."""
    if name in _CORE_EVENTS:
        return Known(State.REAL, "core")
    prefix = name.partition(":")[0]
    owner = _EVENT_OWNERS.get(prefix, prefix)
    for declared in _declaring((owner, prefix)):
        if any(name == event or name.startswith(event + ":") for event in declared.event_routes):
            return Known(State.REAL, declared.name)
    facts = catalog().module(owner)
    if facts is None or find_module(owner) is not None:
        return Known(State.UNKNOWN, "", 0, "no module runs it by itself; a script or a test may")
    return Known(State.DOUBLE, owner, facts.generations(), _why_double(owner))


def core_function(name: str) -> Known:
    """A command of the core, in any of its spellings."""
    # `log`, `error` and those of the flags are statements that the compiler writes out.
    if name in keywords("all")[0] or any(called == name for called, _ in CoreCommands.functions):
        return Known(State.REAL, "core")
    return Known(State.UNKNOWN, "core", 0, "the language has no such command")


def canonical(command: str) -> str:
    """The first spelling of a command of the core: `sethost` of `rewritehost`."""
    spelled = keywords("all")[0].get(command)
    return str(spelled[1]) if spelled is not None else command


def core_parameter(name: str) -> Known:
    """A core parameter, or a variable of the config's own (`group.name`)."""
    if "." in name or name in _TOP_LEVEL:
        return Known(State.REAL, "core")
    decl = by_name().get(name)
    if decl is None:
        return Known(State.UNKNOWN, "core", 0, "no generation has a core parameter of this name")
    bits = _between(decl.since, decl.until)
    why = decl.inert or UNHEEDED.get(decl.name, "")
    return Known(State.INERT if why else State.REAL, "core", bits, why)


def _between(since: str, until: str) -> int:
    order = ("4.4", "5.6", "6.x")
    first = order.index(since) if since else 0
    last = order.index(until) if until else 2
    return sum(1 << at for at in range(first, last + 1))


def select(path: str, loaded: Sequence[str] | None = None) -> Known:
    """A select, `via[].branch` or `@via[1].branch`: known by its first name. `loaded`: as of `variable`."""
    head = path.lstrip("@").split(".")[0].split("[")[0].lower()
    if head in HEADS:
        return Known(State.REAL, "core")
    for declared in _declaring(loaded):
        if head in declared.selects:
            return Known(State.REAL, declared.name)
    return Known(State.UNKNOWN, "", 0, "no simulated module has this select")


def _no_such(what: str) -> str:
    return f"no generation of Kamailio exports a {what} of this name"
