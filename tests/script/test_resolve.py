"""Names: functions, arities, routes, parameters, variables, modules."""

from __future__ import annotations

import pytest

from kamscript.module import Module, Param, Route, function
from kamscript.script.keywords import Target
from kamscript.script.nodes import RouteKind
from kamscript.script.parse import parse
from kamscript.script.resolve import Resolved, resolve
from kamscript.source import ConfigError, Diagnostic, Source


class Mine(Module, name="mine"):
    """A module of somebody else."""

    level = Param(1, "A number.")

    @function(Route.REQUEST)
    def greet(self, ctx: object) -> bool:
        """Say hello."""
        return True


class Shelf:
    """A library with that module alone."""

    def find(self, name: str) -> type[Module] | None:
        return Mine if name == "mine" else None

    def names(self) -> frozenset[str]:
        return frozenset(("mine",))


def resolved(text: str, target: Target = "5.6") -> Resolved:
    return resolve(parse(Source("k.cfg", text), target=target), Shelf(), target)


def refused(text: str, target: Target = "5.6") -> list[Diagnostic]:
    with pytest.raises(ConfigError) as caught:
        resolved(text, target)
    return [d for d in caught.value.diagnostics if d.severity == "error"]


def complaint(text: str, target: Target = "5.6") -> tuple[str, str]:
    found = refused(text, target)
    assert len(found) == 1, found
    return found[0].rule, found[0].hint


def test_a_call_is_bound_to_its_module() -> None:
    found = resolved('loadmodule "tm.so" route { t_relay(); }')
    (function_,) = found.functions.values()
    assert (function_.module, function_.name, function_.arity) == ("tm", "t_relay", 0)
    assert found.modules == ("tm",)


def test_the_module_to_load_is_named() -> None:
    assert complaint("route { t_relay(); }") == ("unknown-function", 'loadmodule "tm.so"')


def test_a_misspelt_function() -> None:
    assert complaint('loadmodule "tm.so" route { t_on_failur("A"); }') == (
        "unknown-function",
        "did you mean t_on_failure?",
    )


def test_a_misspelt_function_of_a_module_that_is_not_loaded() -> None:
    assert complaint("route { t_rely(); }") == (
        "unknown-function",
        'did you mean t_relay or t_reply? loadmodule "tm.so"',
    )
    assert complaint("route { frobnicate(); }") == ("unknown-function", "")


def test_a_function_of_another_generation() -> None:
    assert complaint('loadmodule "tm.so" route { t_exists(); }') == ("unknown-function", "it belongs to 6.x")


def test_arity_and_route() -> None:
    assert complaint('loadmodule "tm.so" route { t_newtran(1); }')[0] == "wrong-arity"
    assert complaint('loadmodule "tm.so" failure_route[X] { t_newtran(); }')[0] == "wrong-route"


def test_request_functions_may_stand_in_event_routes() -> None:
    assert resolved('loadmodule "tm.so" event_route[a:b] { t_newtran(); }').functions


def test_parameters() -> None:
    load = 'loadmodule "tm.so" '
    assert complaint(load + 'modparam("tm", "fr_timr", 1)') == ("unknown-parameter", "did you mean fr_timer?")
    assert complaint(load + 'modparam("tm", "fr_timer", "1")')[0] == "parameter-type"
    assert complaint('modparam("tm", "fr_timer", 1)') == ("module-not-loaded", 'loadmodule "tm.so" above it')


def test_a_parameter_of_several_modules() -> None:
    found = resolved('loadmodule "usrloc.so" loadmodule "domain.so" modparam("usrloc|domain", "db_url", "x")')
    assert [module for module, _ in found.params] == ["domain", "usrloc"]


def test_modules() -> None:
    assert complaint('loadmodule "tmm.so" route { exit; }')[0] == "no-module"
    assert complaint('loadmodule "tm.so" loadmodule "tm.so" route { exit; }')[0] == "module-twice"
    assert complaint('loadmodule "mi_fifo.so" route { exit; }') == ("no-module", "it belongs to 4.4")


def test_a_third_party_module() -> None:
    found = resolved('loadmodule "mine.so" modparam("mine", "level", 3) route { greet(); }')
    assert next(iter(found.functions.values())).decl is Mine.functions["greet", 0]
    assert complaint('loadmodule "mine.so" failure_route[A] { greet(); }')[0] == "wrong-route"


def test_variables() -> None:
    load = 'loadmodule "pv.so" '
    assert complaint("route { $var(x) = 1; }")[0] == "unknown-variable"
    assert complaint(load + 'route { $ci = "x"; }')[0] == "read-only"
    assert complaint(load + "route { $(var(x){s.len}) = 1; }")[0] == "read-only"
    assert complaint(load + "route { $var(x) = $ru(a); }")[0] == "bad-variable"
    assert complaint(load + "route { $var(x) = $(var(y){s.lenn}); }") == (
        "unknown-transformation",
        "did you mean len?",
    )


def test_a_plain_unknown_variable_is_an_avp_with_a_warning() -> None:
    found = resolved('loadmodule "pv.so" route { $foo = 1; }')
    assert [d.rule for d in found.warnings] == ["plain-avp"]


def test_routes_of_one_kind_run_one_after_the_other() -> None:
    found = resolved("request_route { exit; } route { drop; } route[A] { exit; }")
    assert len(found.routes[RouteKind.REQUEST, ""]) == 2
    assert len(found.routes[RouteKind.REQUEST, "A"]) == 1
    assert complaint("route[A] { exit; } route[A] { exit; }")[0] == "route-twice"


def test_a_variable_where_5_6_wants_a_constant() -> None:
    text = 'loadmodule "pv.so" loadmodule "xlog.so" route { xlog($var(x)); }'
    assert complaint(text)[0] == "constant-argument"
    assert [d.rule for d in resolved(text, "all").warnings] == ["constant-argument"]


def test_all_errors_at_once() -> None:
    assert len(refused("route { a(); b(); $c(d) = 1; }")) == 3


def test_every_generation_by_default() -> None:
    assert resolved('loadmodule "mi_fifo.so" loadmodule "jsonrpcs.so" route { exit; }', "all").modules
