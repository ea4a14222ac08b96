"""Parameter lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.sip.errors import SipError
from kamscript.sip.params import find, parse_params


def test_names_and_values() -> None:
    text = "a=1;b;c=\"x;y\" ; d = 'z' ;e="
    params, end = parse_params(text)
    assert [(param.name, param.value) for param in params] == [
        ("a", "1"),
        ("b", None),
        ("c", "x;y"),
        ("d", "z"),
        ("e", ""),
    ]
    assert end == len(text)
    assert text[params[2].start : params[2].end] == 'c="x;y"'


def test_a_comma_or_bracket_ends_the_list() -> None:
    assert parse_params("a=1,b")[1] == 3
    assert parse_params("a >b")[1] == 2


def test_other_separator() -> None:
    assert [param.name for param in parse_params("a=1|b=2", separator="|")[0]] == ["a", "b"]


def test_of_several_with_one_name_the_last_counts() -> None:
    found = find(parse_params("a=1;A=2")[0], "a")
    assert found is not None and found.value == "2"


def test_empty_list() -> None:
    assert parse_params("") == ([], 0)


@pytest.mark.parametrize("text", ["a;", 'a="1', "a=;b", "a b", "a=1 2"])
def test_refused(text: str) -> None:
    with pytest.raises(SipError):
        parse_params(text)


@given(st.text("ab=;\"', >\r\n\t", max_size=12))
def test_nothing_but_sip_error(text: str) -> None:
    try:
        parse_params(text)
    except SipError:
        pass
