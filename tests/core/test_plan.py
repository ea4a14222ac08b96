"""Module parameters: what a config assigns, and what refuses the start."""

from __future__ import annotations

from typing import ClassVar, cast

import pytest

from kamscript.core.doubles import Double
from kamscript.core.plan import plan_of
from kamscript.module import FixupError, Module, Param
from kamscript.source import ConfigError

from .serving import Serving

BASE = 'listen=udp:127.0.0.1:5060\nloadmodule "xlog"\n'
ROUTE = "\nrequest_route { exit; }"


class _Xlog(Module, name="xlog"):
    """A module with a parameter of every kind."""

    number = Param(7, "A number.", check=lambda value: None if value < 100 else "too big")
    text = Param("t", "A text.")
    many = Param("", "Several.", repeat=True)
    told = Param("", "Told to a method.", set="tell")
    new = Param("", "Of the next generation.", since="6.x")
    order: ClassVar[list[str]] = []

    def tell(self, value: str) -> None:
        """Hear a value."""
        if value == "bad":
            raise FixupError("not this one")
        self.__dict__.setdefault("heard", []).append(value)

    def start(self) -> None:
        """Note that the parameters are there."""
        self.order.append(f"start {self.number}")

    def ready(self) -> None:
        """Note that everything started."""
        self.order.append("ready")

    def stop(self) -> None:
        """Note the end."""
        self.order.append("stop")


def module(params: str) -> _Xlog:
    """The module of a server with these modparam lines."""
    found = Serving(BASE + params + ROUTE, modules={"xlog": _Xlog}).server.modules["xlog"]
    assert isinstance(found, _Xlog)
    return found


def many(found: _Xlog) -> list[str]:
    """The values that were collected."""
    return cast("list[str]", found.many)


def test_parameters_keep_their_defaults() -> None:
    found = module("")
    assert (found.number, found.text) == (7, "t")
    assert many(found) == []


def test_the_last_value_counts_unless_they_are_collected() -> None:
    found = module(
        'modparam("xlog", "number", 1)\nmodparam("xlog", "number", 2)\n'
        'modparam("xlog", "many", "a")\nmodparam("xlog", "many", "b")\n'
    )
    assert found.number == 2
    assert many(found) == ["a", "b"]


def test_a_collected_list_belongs_to_one_server() -> None:
    params = 'modparam("xlog", "many", "a")\n'
    one, two = module(params), module(params)
    many(one).append("b")
    assert many(two) == ["a"]


def test_a_method_hears_values_in_their_order() -> None:
    assert module('modparam("xlog", "told", "a")\nmodparam("xlog", "told", "b")\n').__dict__["heard"] == ["a", "b"]


def test_a_text_with_variables_is_expanded_once_at_start() -> None:
    params = 'modparamx("xlog", "text", "<$$(x)>")\nmodparamx("xlog", "number", 5)\nmodparamx("xlog", "many", "m")\n'
    found = module(params)
    assert found.number == 5
    assert many(found) == ["m"]
    assert found.text.startswith("<")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ('modparam("xlog", "number", 100)', "parameter <number> of module <xlog> (int): too big"),
        ('modparam("xlog", "told", "bad")', "xlog: not this one"),
        ('modparamx("xlog", "number", 100)', "parameter <number> of module <xlog>: too big"),
    ],
)
def test_a_value_that_is_refused_stops_the_start_at_its_line(params: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        module(params)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.message == message
    assert diagnostic.line == 3


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        module('modparam("xlog", "number", 100)\nmodparam("xlog", "told", "bad")\n')
    assert [diagnostic.line for diagnostic in caught.value.diagnostics] == [3, 4]


def test_modules_start_then_are_ready_then_stop() -> None:
    _Xlog.order.clear()
    module('modparam("xlog", "number", 9)\n').server.stop()
    assert _Xlog.order == ["start 9", "ready", "stop"]


def test_servers_of_one_program_share_a_plan() -> None:
    server = Serving(BASE + ROUTE, modules={"xlog": _Xlog}).server
    assert plan_of(server.program, server.plan.library, "5.6") is server.plan


def test_a_module_that_nothing_simulates_is_a_double() -> None:
    serving = Serving('listen=udp:127.0.0.1:5060\nloadmodule "geoip2"\nmodparam("geoip2", "path", "/x")' + ROUTE)
    found = serving.server.modules["geoip2"]
    assert isinstance(found, Double)
    assert found.double_name == "geoip2"
