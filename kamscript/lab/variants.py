"""Other parameters than the config has, without another config: `Lab(..., params={"dialog": {"default_timeout": 60}})`.

A parameter given here takes the place of every line of the config that sets it; `core` stands for the core's own
settings. What Kamailio would refuse in the config is refused here, at the line that would have done it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kamscript.script.nodes import Alias, IntLit, Item, Listen, ModParam, Setting, StrLit
from kamscript.script.settings import SettingDecl, by_name
from kamscript.source import ConfigError, Diagnostic, Source, Span, did_you_mean

if TYPE_CHECKING:
    from kamscript.script.program import Program

Value = int | str
#: Parameters by module, `core` for the core: `{"tm": {"fr_timer": 5000}, "core": {"debug": 3}}`.
Params = Mapping[str, Mapping[str, Value | Sequence[Value]]]

CORE = "core"
_NUMBERS = frozenset({"number", "integer"})


def with_params(program: Program, params: Params) -> Program:
    """`program` with these parameters in place of its own; the same object for the same parameters.

    Raises ConfigError for a module that the config does not load, and for a core setting that does not exist.
    """
    key = repr(sorted((name, sorted(values.items())) for name, values in params.items()))
    return _variant(program, key, lambda: _changed(program, params))


def with_listen(program: Program, addresses: Sequence[str]) -> Program:
    """`program` listening at `addresses`, written as behind `listen=`, and nowhere else. Raises ConfigError."""

    def listening() -> Program:
        from kamscript.script.parse import parse

        lines = "".join(f"listen={address}\n" for address in addresses)
        overlay = parse(Source("<listen>", lines)).items
        kept = (item for item in program.items if not isinstance(item, Listen))
        return replace(program, items=(*overlay, *kept))

    return _variant(program, ("listen", *addresses), listening)


def _variant(program: Program, key: object, make: Callable[[], Program]) -> Program:
    """The variant of `program` under this key, made when it is first asked for."""
    variants: dict[object, Program] = program.__dict__.setdefault("_variants", {})
    variant = variants.get(key)
    if variant is None:
        variant = variants[key] = make()
        # The routes are the same: their code is unmarshalled once for all variants.
        variant.__dict__["_code"] = program.__dict__.setdefault("_code", {})
    return variant


def _changed(program: Program, params: Params) -> Program:
    errors: list[Diagnostic] = []
    items: list[Item] = list(program.items)
    lines = list(program.params)
    for module, values in params.items():
        if module == CORE:
            if "alias" in values:
                items = [item for item in items if not isinstance(item, Alias)]
            items += _settings(values, errors)
            continue
        if module not in program.modules:
            span = _written(f'modparam("{module}", ...)')
            loaded = did_you_mean(module, program.modules)
            message = f"parameters for module {module}, which the config does not load"
            errors.append(Diagnostic("unknown-module", message, span, hint=loaded))
            continue
        lines = [(name, line) for name, line in lines if name != module or line.name not in values]
        for name, value in values.items():
            lines += [(module, line) for line in _lines(module, name, value)]
    if errors:
        raise ConfigError(errors)
    return replace(program, items=tuple(items), params=tuple(lines))


def _lines(module: str, name: str, value: Value | Sequence[Value]) -> Iterator[ModParam]:
    for one in [value] if isinstance(value, int | str) else value:
        span = _written(f'modparam("{module}", "{name}", {_shown(one)})')
        yield ModParam(span, module, name, _literal(span, one))


def _settings(values: Mapping[str, Value | Sequence[Value]], errors: list[Diagnostic]) -> Iterator[Item]:
    known = by_name()
    for name, value in values.items():
        if name == "alias":  # no parameter: it may stand many times
            yield from _aliases([value] if isinstance(value, int | str) else value)
            continue
        span = _written(f"{name} = {_shown(value)}")
        decl = known.get(name)
        if decl is None:
            hint = 'addresses have an option of their own: listen=["udp:127.0.0.1:5060"]' if name == "listen" else ""
            hint = hint or did_you_mean(name, known) or "the names are those of Kamailio's core cookbook"
            errors.append(Diagnostic("unknown-setting", f"the core has no parameter {name}", span, hint=hint))
        elif not isinstance(value, int | str) or not _fits(decl, value):
            errors.append(Diagnostic("setting-value", f"{name} takes a {decl.kind.replace('|', ' or ')}", span))
        else:
            yield Setting(span, decl.name, _literal(span, value))


def _aliases(names: Sequence[Value]) -> Iterator[Item]:
    from kamscript.script.parse import parse

    for name in names:
        yield from parse(Source("params", f'alias="{name}"\n')).items


def _fits(decl: SettingDecl, value: Value) -> bool:
    kinds = set(decl.kind.split("|"))
    return bool(kinds & _NUMBERS) if isinstance(value, int) else bool(kinds - _NUMBERS)


def _literal(span: Span, value: Value) -> IntLit | StrLit:
    return IntLit(span, int(value)) if isinstance(value, int) else StrLit(span, value)


def _shown(value: object) -> str:
    return str(int(value)) if isinstance(value, int) else f'"{value}"'


def _written(text: str) -> Span:
    """The line as a config would have it, for error texts."""
    return Span(Source("params", text), 0, len(text))
