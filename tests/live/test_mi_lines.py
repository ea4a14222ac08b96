"""MI requests as lines. The rules are those of modules/mi_fifo/mi_parser.c of Kamailio 4.4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.live.mi_lines import MAX_HEAD, MAX_PARAMETERS, BadRequest, parameters, split, take, take_datagram


def read(text: str) -> list[tuple[str, str]]:
    return [(node.name, node.value) for node in parameters(text.split("\n"))]


def test_requests_end_with_an_empty_line() -> None:
    assert split(":a:x\n\n:b:y\np\n\n:c") == ([":a:x", ":b:y\np"], ":c")
    assert split("\n\n:a:x\r\n\r\n") == ([":a:x\r"], "")
    assert split("") == ([], "")


def test_command_and_reply_fifo() -> None:
    request = take(":dlg_list:reply \t\r\na\nb")
    assert (request.command, request.reply_to, request.lines) == ("dlg_list", "reply", ["a", "b"])
    assert take(":uptime:").reply_to == ""
    assert take(":a:b:c").reply_to == "b:c"


@pytest.mark.parametrize("head", ["", ":", "::", "uptime", "uptime:x", ":uptime", "::x", ":" + "x" * MAX_HEAD + ":"])
def test_first_lines_that_are_none(head: str) -> None:
    with pytest.raises(BadRequest):
        take(head + "\nparameter")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("a", [("", "a")]),
        ("a\nb", [("", "a"), ("", "b")]),
        ("  a b \t\r", [("", "a b")]),
        ("\n \na", [("", "a")]),
        ("n::v", [("n", "v")]),
        (" n :: v w ", [("n", "v w")]),
        ("n::", [("n", "")]),
        ("::v", [("", "v")]),
        ("a:b", [("", "a:b")]),
        ("n::a::b", [("n", "a::b")]),
        ('" a "', [("", " a ")]),
        ('""', [("", "")]),
        ('n:: " v " ', [("n", " v ")]),
        ('"say \\"hi\\""', [("", 'say "hi"')]),
        ('"a\nb"', [("", "a\nb")]),
        ('n::"a\\"\n b" \nc', [("n", 'a"\n b'), ("", "c")]),
        ('"a::b"', [("", "a::b")]),
    ],
)
def test_parameters(text: str, found: list[tuple[str, str]]) -> None:
    assert read(text) == found


@pytest.mark.parametrize("text", ['a"b', 'n::a"b', 'a"::b', '"a', '"a" b', '"a\n\nb', "x" * MAX_PARAMETERS + "y"])
def test_parameters_that_are_none(text: str) -> None:
    with pytest.raises(BadRequest):
        read(text)


def test_a_datagram_is_a_request() -> None:
    request = take_datagram(":dlg_list:\na\n\nb\n")
    assert (request.command, request.reply_to) == ("dlg_list", "")
    assert [node.value for node in parameters(request.lines)] == ["a", "b"]


@pytest.mark.parametrize("text", ["", ":a:", ":a", "a:\n", "::\n", ":a:b\n", ":a:\r\n", ":a:b:\n"])
def test_datagrams_that_are_none(text: str) -> None:
    with pytest.raises(BadRequest):
        take_datagram(text)


@given(st.text(st.characters(codec="latin-1")), st.booleans())
def test_nothing_else_is_raised(text: str, datagram: bool) -> None:
    requests, rest = split(text + "\n\n")
    assert len(rest) <= len(text) + 2
    for found in [text] if datagram else requests:
        try:
            parameters((take_datagram if datagram else take)(found).lines)
        except BadRequest as error:
            assert str(error)
