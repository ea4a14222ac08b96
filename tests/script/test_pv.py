"""Pseudo-variables as text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.script.pv import PvSyntaxError, PvText, Tr, parse_pv, split_format


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$ru", PvText("ru")),
        ("$?", PvText("?")),
        ("$$", PvText("$")),
        ("$var(x)", PvText("var", "x")),
        ("$(ru)", PvText("ru")),
        ("$(hdr(Via)[1])", PvText("hdr", "Via", 1)),
        ("$(hdr(Via)[-1])", PvText("hdr", "Via", -1)),
        ("$(avp(x)[*])", PvText("avp", "x", "*")),
        ("$(avp(x)[$var(i)])", PvText("avp", "x", "$var(i)")),
        ("$xavp(a=>b)", PvText("xavp", "a=>b")),
        ("$xavp(a[0]=>b[1])", PvText("xavp", "a[0]=>b[1]")),
        ("$sht(t=>$ci::x)", PvText("sht", "t=>$ci::x")),
        ("$hdr($var(n))", PvText("hdr", "$var(n)")),
        ("$(ru{uri.user})", PvText("ru", None, None, (Tr("uri", ("user",)),))),
        ("$(ru{uri.user}{s.len})", PvText("ru", None, None, (Tr("uri", ("user",)), Tr("s", ("len",))))),
        ("$(var(x){s.substr,0,3})", PvText("var", "x", None, (Tr("s", ("substr", "0", "3")),))),
        ("$(var(x){param.value,$(var(y){s.len})})",
         PvText("var", "x", None, (Tr("param", ("value", "$(var(y){s.len})")),))),
        ("$(var(x){s.select,1,,})", PvText("var", "x", None, (Tr("s", ("select", "1", "", "")),))),
    ],
)  # fmt: skip
def test_reading(text: str, expected: PvText) -> None:
    found = parse_pv(text)
    assert (found.name, found.inner, found.index) == (expected.name, expected.inner, expected.index)
    assert found.transformations == expected.transformations
    assert found.text == text


@pytest.mark.parametrize(
    "text", ["", "$", "ru", "$(", "$()", "$(ru", "$var(", "$var()", "$(var(x)[1)", "$(ru{})", "$ru x"]
)
def test_refused(text: str) -> None:
    with pytest.raises(PvSyntaxError):
        parse_pv(text)


def test_cutting_a_text() -> None:
    parts = split_format("a $ru b $(var(x){s.len})$$ c")
    assert [part if isinstance(part, str) else part.text for part in parts] == [
        "a ", "$ru", " b ", "$(var(x){s.len})", "$$", " c",
    ]  # fmt: skip


def test_a_text_without_variables() -> None:
    assert list(split_format("plain")) == ["plain"]


@pytest.mark.parametrize("text", ["100% $ of it", "a$", "$(var(x)", "$var(x"])
def test_a_text_that_is_refused(text: str) -> None:
    with pytest.raises(PvSyntaxError):
        split_format(text)


@given(st.text(alphabet="$()[]{}.,abc =>0*-\"'\\"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parts = split_format(text)
    except PvSyntaxError:
        return
    assert "".join(part if isinstance(part, str) else part.text for part in parts) == text


names = st.sampled_from(["ru", "var(x)", "avp(some_name)", "hdr(X-Y)"])
transformations = st.lists(st.sampled_from(["{s.len}", "{s.substr,0,2}", "{uri.host}", "{param.value,a}"]), max_size=3)


@given(names, st.none() | st.integers(-9, 9), transformations)
def test_what_is_put_together_is_read_again(name: str, index: int | None, chain: list[str]) -> None:
    bracket = "" if index is None else f"[{index}]"
    found = parse_pv(f"$({name}{bracket}{''.join(chain)})")
    assert found.index == index
    assert ["{" + tr.klass + "." + ",".join(tr.args) + "}" for tr in found.transformations] == chain


PIECES = "$ ( ) { } [ ] a var . , 1 * + ? => s.len {s.len} {s.substr,0,1} [1] (x)"


@given(st.lists(st.sampled_from(sorted(PIECES.split())), max_size=8))
def test_the_short_way_reads_as_the_grammar_does(parts: list[str]) -> None:
    from kamscript.script import pv

    def read(way: Callable[[str, int], tuple[PvText, int]]) -> object:
        try:
            return way("$" + "".join(parts), 0)
        except PvSyntaxError as error:
            return str(error)

    assert read(pv.match_pv) == read(pv._match)
