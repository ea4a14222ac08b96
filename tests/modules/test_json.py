"""json: properties of the reader, paths of 6.x, odd input. What 5.6 does: tests/differential/cases/json.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.modules.json.reader import Number, parse, plain, write
from tests.modules.script import INVITE, refused, serve, value

TEXT = st.text(st.characters(max_codepoint=0x7F, exclude_characters="\0"), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def as_numbers(document: Any) -> Any:
    """The same with numbers as the reader keeps them."""
    if isinstance(document, dict):
        return {name: as_numbers(item) for name, item in document.items()}
    if isinstance(document, list):
        return [as_numbers(item) for item in document]
    return Number(document) if isinstance(document, int) and not isinstance(document, bool) else document


@given(JSON)
def test_what_others_write_is_read_and_written_again(document: Any) -> None:
    read = parse(json.dumps(document))
    assert read == as_numbers(document)
    assert parse(write(read)) == read
    assert json.loads(write(read)) == document


@given(st.text("{}[]\"',:0123456789.eE+-\\u/* truefalsnINa\x00\xe4", max_size=40))
def test_bad_texts_are_refused_with_a_reason(text: str) -> None:
    try:
        plain(parse(text))
    except ValueError as error:
        assert str(error)


def test_nesting_has_an_end() -> None:
    assert parse("[" * 32 + "]" * 32)
    for text in ("[" * 33 + "]" * 33, "[" * 32 + "1" + "]" * 32):
        with pytest.raises(ValueError, match="nesting"):
            parse(text)


@pytest.mark.parametrize(
    ("transformation", "shown"),
    [
        ("{json.parsex,/a.b/c}", "deep"),
        ("{json.parsex,:a.b:c}", "deep"),
        ("{json.parse,a%b.c}", "deep"),
        ("{json.parse,..a%b..c}", "deep"),
        ("{json.parse,l[$var(i)]}", "two"),
    ],
)
def test_paths(transformation: str, shown: str) -> None:
    first = """$var(i) = 1; $var(j) = '{"a.b":{"c":"deep"},"l":["one","two"]}';"""
    assert value(f"$(var(j){transformation})", modules="json", first=first, target="6.x") == shown


def test_other_separators_belong_to_6() -> None:
    assert "unknown transformation {json.parsex,/a}" in refused('xlog("$(var(j){json.parsex,/a})");', modules="json")


def test_why_a_text_cannot_be_read() -> None:
    serving = serve("""json_get_field('{"a" 1}', "a", "$var(v)");""", modules="json")
    serving.send(INVITE)
    assert [record.text for record in serving.records if record.origin == "json"] == [
        "empty or invalid JSON: object property name separator ':' expected at 5"
    ]
