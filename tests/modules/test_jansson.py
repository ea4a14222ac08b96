"""jansson: properties of documents and paths, names of 6.x, odd input. 5.6: tests/differential/cases/jansson.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.modules.jansson.document import parse, write
from kamscript.modules.jansson.path import NOTHING, NoPlace, get, put
from tests.modules.script import INVITE, results, said, serve, value

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, JSON, max_size=4) | st.lists(JSON, max_size=4))
def test_what_is_written_is_read_again(document: Any) -> None:
    assert parse(write(document)) == document
    assert parse(write(document, blanks=True)) == document


@given(st.text('{}[]",:0123456789.eE+-\\u truefalsn\x00\xe4\xff', max_size=40))
def test_bad_texts_are_refused_with_a_reason(text: str) -> None:
    try:
        parse(text)
    except ValueError as error:
        assert str(error)


@given(JSON, st.text("ab.[]01x ", max_size=12), st.booleans())
def test_no_path_is_too_odd(document: Any, path: str, append: bool) -> None:
    get(document, path)
    try:
        put(document, path, 1, append=append)
    except NoPlace as error:
        assert str(error)


@given(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=4))
def test_what_is_set_is_found(names: list[str]) -> None:
    document: dict[str, Any] = {}
    put(document, ".".join(names), 1, append=False)
    assert get(document, ".".join(names)) == 1
    assert get(document, ".".join([*names, "more"])) is NOTHING


def test_a_document_too_deep_is_an_error() -> None:
    with pytest.raises(ValueError, match="parsing depth"):
        parse("[" * 100_000 + "]" * 100_000)


@pytest.mark.parametrize(("target", "found"), [("5.6", "old"), ("6.x", "dotted")])
def test_names_of_members_may_hold_dots_in_6(target: str, found: str) -> None:
    call = """$var(v) = "old"; jansson_get_field('{"a.b":"dotted"}', "a.b", "$var(v)");"""
    assert value("$var(v)", modules="jansson", first=call, target=target) == found


def test_the_text_of_a_variable_in_6() -> None:
    first = """$var(j) = '{"a":[1,2]}'; jansson_pv_get("a[1]", "$var(j)", "$var(v)");"""
    assert value("$var(v)", modules="jansson", first=first, target="6.x") == "2"


def test_a_variable_that_cannot_be_written_is_told_in_the_log() -> None:
    assert results("""jansson_get("a", '{"a":1}', "$si")""", modules="jansson") == [-1]


def test_why_a_text_cannot_be_read() -> None:
    serving = serve("""jansson_get("a", '{"a":1,"a":2}', "$var(v)");""", modules="jansson")
    serving.send(INVITE)
    assert [record.text for record in serving.records if record.origin == "jansson"] == [
        'failed to parse json: {"a":1,"a":2}: duplicate object key'
    ]


def test_a_loop_over_an_array() -> None:
    route = """$var(j) = '{"l":["a",7,{"k":"v"}]}'; jansson_array_size("l", "$var(j)", "$var(n)"); $var(i) = 0;
    while ($var(i) < $var(n)) {
        jansson_get("l[$var(i)]", "$var(j)", "$var(v)"); xlog("$var(v)\\n"); $var(i) = $var(i) + 1;
    }"""
    assert said(route, modules="jansson") == ["a", "7", '{"k":"v"}']
