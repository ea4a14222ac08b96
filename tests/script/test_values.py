"""Conversions between texts and numbers, as the core does them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.values import Both, c_int, decimal, parse_int, to_int, to_str, unsigned, wrap


@given(st.integers())
def test_wrap_is_32_bit(number: int) -> None:
    assert -(2**31) <= wrap(number) < 2**31
    assert (wrap(number) - number) % 2**32 == 0


@pytest.mark.parametrize(
    ("number", "wrapped"), [(2**31 - 1, 2**31 - 1), (2**31, -(2**31)), (2**32, 0), (-(2**31) - 1, 2**31 - 1)]
)
def test_wrap_at_the_edges(number: int, wrapped: int) -> None:
    assert wrap(number) == wrapped


@pytest.mark.parametrize("text", ["x", "1x", "--1", "9999999999"])
def test_texts_that_are_no_decimal(text: str) -> None:
    assert decimal(text) is None


def test_decimals() -> None:
    assert [decimal(text) for text in ("0", "42", "-7", "+7", "", "-")] == [0, 42, -7, 7, 0, 0]
    assert unsigned("42") == 42
    assert unsigned("-1") is None


@given(st.text())
def test_no_text_breaks_a_conversion(text: str) -> None:
    for convert in (decimal, unsigned, parse_int, to_int):
        assert convert(text) is None or isinstance(convert(text), int)


@given(st.integers(-(2**31), 2**31 - 1))
def test_numbers_survive_the_way_through_text(number: int) -> None:
    assert to_int(to_str(number)) == number
    assert to_str(to_int(number)) == str(number)


def test_a_number_with_another_text() -> None:
    port = Both(0, "")
    assert port == 0
    assert str(port) == ""
    assert f"{port}" in ("", "0")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        ("x", 0),
        (" \t-12ms", -12),
        ("+7", 7),
        ("99999999999", 1215752191),
        ("9" * 30, -1),
        ("-" + "9" * 30, 0),
        ("9" * 6000, -1),
    ],
)
def test_numbers_as_atoi_reads_them(text: str, number: int) -> None:
    assert c_int(text) == number
