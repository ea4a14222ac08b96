"""Whatever comes in, a diagnostic comes out: never another exception, never a loop without end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.script.keywords import Target
from kamscript.script.parse import parse, read
from kamscript.script.resolve import diagnose
from kamscript.source import ConfigError, FileReader, MemoryReader, Source

_WORDS = """route { } ( ) [ ] ; , : . = == != =~ ! && || + - * / < > $ @ % # ? \\ " ' /* */ // #!define #!ifdef #!endif
    #!else #!subst #!substdef #!include_file #!redef #!defexp #!ifexp #!undef #!defenv if else while switch case default
    return exit drop break method uri myself src_ip msg:len uri:host $ru $var(x) $(var(x){s.len}) $avp( $( A B
    loadmodule modparam listen alias flags event_route failure_route onsend_route xlog forward setflag strlen selval
    (int) (str) defined not mod 1 0x1 09 101b "a" 'b' ::1 1:2:3:4:5:6:7:8 10.0.0.1 udp tcp tm:local-request"""
_PIECES = st.sampled_from([piece for line in _WORDS.splitlines() for piece in line.split()])


def survives(text: str, target: Target = "all") -> None:
    config, found = read(Source("k.cfg", text), MemoryReader({"A": text}, {"A": "1"}), target=target)
    _, more = diagnose(config, None, target)
    for diagnostic in found + more:
        assert diagnostic.render()


@given(st.lists(_PIECES, max_size=40), st.sampled_from([" ", "\n", ""]), st.sampled_from(["4.4", "5.6", "6.x", "all"]))
@settings(max_examples=300, deadline=None)
def test_pieces_of_the_language_in_any_order(pieces: list[str], glue: str, target: Target) -> None:
    survives(glue.join(pieces), target)


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes(text: str) -> None:
    survives(text)
    survives("route { " + text + " }")


@given(st.lists(_PIECES, max_size=30))
@settings(max_examples=150, deadline=None)
def test_parse_raises_nothing_but_config_errors(pieces: list[str]) -> None:
    try:
        parse(Source("k.cfg", " ".join(pieces)), MemoryReader())
    except ConfigError as error:
        assert str(error)


@pytest.mark.parametrize("deep", [500, 50_000])
@pytest.mark.parametrize(
    ("opening", "middle", "closing"),
    [
        ("(", "1", ")"),
        ("!", "1", ""),
        ("- ", "$var(x)", ""),
        ("1 + ", "1", ""),
        ("1 + (", "1", ")"),
        ("strlen(", "$var(x)", ")"),
    ],
)
def test_deep_expressions(deep: int, opening: str, middle: str, closing: str) -> None:
    text = f"route {{ $var(x) = {opening * deep}{middle}{closing * deep}; }}"
    _, found = read(Source("k.cfg", text))
    assert "too-deep" in [d.rule for d in found] or opening == "("


@pytest.mark.parametrize("deep", [300, 20_000])
@pytest.mark.parametrize(("opening", "closing"), [("if (1) { ", "}"), ("while (1) ", "")])
def test_deep_statements(deep: int, opening: str, closing: str) -> None:
    _, found = read(Source("k.cfg", f"route {{ {opening * deep} exit; {closing * deep} }}"))
    assert [d.rule for d in found if d.severity == "error"] == ["too-deep"]


def test_ten_thousand_lines() -> None:
    body = "\n".join(f'  if ($var(x) == {i}) {{ xlog("L_INFO", "$ci: {i}\\n"); }}' for i in range(10_000))
    config = parse(Source("k.cfg", f"route {{\n{body}\n}}\n"))
    assert len(config.routes[0].body.statements) == 10_000


def test_nul_and_other_bytes() -> None:
    survives('\0route\0 { log("a\0b"); }\xff\xfe')


def test_a_directory_as_an_include(tmp_path: pytest.TempPathFactory) -> None:
    _, found = read(Source("k.cfg", f'include_file "{tmp_path}"\n'), FileReader())
    assert [d.rule for d in found] == ["bad-include"]


def test_errors_do_not_flood() -> None:
    _, found = read(Source("k.cfg", "route { " + "x ;" * 5000 + " }"))
    assert len(found) <= 101


def test_defines_that_double_do_not_explode() -> None:
    text = "".join(f"#!define A{i} A{i + 1} A{i + 1}\n" for i in range(60)) + "A0\n"
    survives(text)
