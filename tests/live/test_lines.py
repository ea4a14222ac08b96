"""The old line protocol of module ctl: text in, text out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.core.rpc import Rpc, Struct
from kamscript.lab import Lab
from kamscript.live.lines import BadRequest, Request, answer, number, run, take, unescape


@pytest.fixture(scope="module")
def lab() -> Lab:
    """A server to run commands on."""
    return Lab(text="request_route { exit; }\n")


def reply(lab: Lab, text: str) -> str:
    """What a client gets for a whole request."""
    request = take(text)
    assert request is not None
    answers: list[str] = []
    run(lab.server, request, answers.append)
    return "".join(answers)


def test_a_request_ends_with_an_empty_line() -> None:
    text = ":core.prints:reply\na\nb\n\n:next"
    assert take(text) == Request("core.prints", "reply", ["a", "b"], len(text) - 5)


@pytest.mark.parametrize("text", ["", ":core.prints:\n", ":core.prints:reply\na\nb\n"])
def test_what_is_not_whole_yet(text: str) -> None:
    assert take(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("abcdef\n\n", "Command must begin with :: abcdef"),
        (":a\n\n\n\n\n", "Command must have at least 3 chars"),
        (":core.prints\n\n", "File separator missing"),
        ("::reply\n\n", "Empty command"),
    ],
)
def test_what_is_no_request(text: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason) as error:
        take(text)
    assert error.value.size <= len(text)


def test_an_answer_has_a_value_a_line(lab: Lab) -> None:
    assert reply(lab, ":core.prints:\na\nb c\n\n") == "200 OK\na\nb c\n"


def test_numbers_are_read_as_c_reads_them(lab: Lab) -> None:
    assert [number(text) for text in ("12", "-5", "0x10", "010", "7up", "x", "")] == [12, -5, 16, 8, 7, 0, 0]


def test_escapes(lab: Lab) -> None:
    assert unescape("a\\nb\\\\c\\tz") == "a\nb\\c\tz"
    assert unescape("a\\x") is None
    assert reply(lab, ":core.prints:\na\\nb\\\\\n\n") == "200 OK\na\\nb\\\\\n"


def test_an_unknown_command(lab: Lab) -> None:
    assert reply(lab, ":no.such:\n\n") == "500 Command 'no.such' not found\n"


def test_the_member_of_a_struct_added_last_stands_first(lab: Lab) -> None:
    rpc = Rpc(lab.server, "test")
    rpc.add("first")
    rpc.struct(a=1, b="x:y,z")
    rpc.add(Struct(name="n", inner=Struct(c=2.5)))
    assert answer(rpc) == "200 OK\nfirst\nb:x\\oy\\cz,a:1\nname:n,inner:c:2.500000\n"


def test_a_fault_keeps_what_was_added(lab: Lab) -> None:
    rpc = Rpc(lab.server, "test")
    rpc.add("value")
    rpc.fault(404, "Not Found")
    assert answer(rpc) == "404 Not Found\nvalue\n"


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    for tail in ("", "\n\n"):
        try:
            request = take(text + tail)
        except BadRequest as error:
            assert 0 < error.size <= len(text + tail)
        else:
            assert request is None or 0 < request.size <= len(text + tail)
