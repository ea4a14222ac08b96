"""Texts with pseudo-variables, and pseudo-variables on their own, for modules."""

from __future__ import annotations

import pytest

from kamscript.module import FixupError
from kamscript.script.format import accessor_of, format_of

from .scripting import HEAD, context, server_of

SERVER = server_of(HEAD + "request_route { drop; }")


def test_expanding() -> None:
    ctx = context(SERVER)
    assert format_of("<$rU@$rd> $hdr(Nope) $$", SERVER)(ctx) == "<bob@example.com> <null> $"
    assert format_of("$ru", SERVER)(ctx) == "sip:bob@example.com:5070;transport=udp"
    assert format_of("", SERVER)(ctx) == ""


def test_constants_are_known() -> None:
    assert format_of("plain", SERVER).constant == "plain"
    assert format_of("a $ru", SERVER).constant is None


def test_made_once_a_server() -> None:
    assert format_of("x $rd", SERVER) is format_of("x $rd", SERVER)
    assert accessor_of("$rd", SERVER) is accessor_of("$rd", SERVER)


def test_reading_and_writing_by_name() -> None:
    ctx = context(SERVER)
    variable = accessor_of("$var(fmt)", SERVER)
    assert variable.set is not None
    variable.set(ctx, "text")
    assert variable.get(ctx) == "text"
    assert accessor_of("$(var(fmt){s.len})", SERVER).get(ctx) == 4
    assert accessor_of("$(var(fmt){s.len})", SERVER).set is None


@pytest.mark.parametrize("text", ["$nope", "$(ru{nope.x})", "$(ru{s.nope})", "$ru(x)", "$(rU[1])", "$var", "$("])
def test_what_no_module_has_is_refused(text: str) -> None:
    with pytest.raises(FixupError):
        format_of(text, SERVER)


def test_names_that_hold_variables() -> None:
    ctx = context(SERVER)
    name = accessor_of("$var(name)", SERVER)
    assert name.set is not None
    name.set(ctx, "X-Multi")
    assert format_of("$hdr($var(name))", SERVER)(ctx) == "one"
