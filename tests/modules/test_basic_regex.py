"""Basic regular expressions, as permissions' table of trusted peers has them; glibc itself is the judge."""

from __future__ import annotations

import ctypes
import platform

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.modules import _basic_regex

REG_NOSUB = 8

if platform.libc_ver()[0] == "glibc":
    _libc = ctypes.CDLL("libc.so.6")
else:
    pytest.skip("compares with the regcomp of glibc: needs Linux with glibc", allow_module_level=True)


def glibc(pattern: str, text: str) -> bool | None:
    """Whether it matches; None when regcomp refuses the pattern."""
    compiled = ctypes.create_string_buffer(64)
    if _libc.regcomp(compiled, pattern.encode(), REG_NOSUB):
        return None
    found = _libc.regexec(compiled, text.encode(), 0, None, 0)
    _libc.regfree(compiled)
    return not found


def ours(pattern: str, text: str) -> bool | None:
    expression = _basic_regex.compile(pattern)
    return None if expression is None else expression.test(text)


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "^sip:alice@",
            "sip:+49",
            r"a\+",
            r"\(a\|b\)c",
            "a|b",
            "(a)",
            "a{2}",
            r"a\{2\}",
            r"a\{2",
            r"\{2\}",
            "*a",
            "^*a",
        ),
        *(
            r"\(*a\)",
            r"\(^a\)",
            "a^b",
            "a$b",
            "a$",
            "$",
            r"a\(b$\)",
            r"\)",
            r"\(",
            "^^a",
            "[",
            "[]a]",
            "[^]a]x",
            "[[:alpha:]]",
        ),
        *(
            r"a\?b",
            r"\+a",
            r"\.",
            "a.c",
            "[$^*]",
            r"[\]",
            "a**",
            "{a}",
            r"\}",
            "?a",
            r"x\|*a",
            r"x\|^a",
            r"\b*",
            r"\Ba\+",
        ),
    ],
)
def test_a_pattern_means_what_it_means_to_glibc(pattern: str) -> None:
    for text in (
        "",
        "a",
        "b",
        "ab",
        "abc",
        "aa",
        "*a",
        "a|b",
        "(a)",
        "a{2}",
        "a^b",
        "a$b",
        "^a",
        "sip:+49",
        "a+",
        "]a",
        "x",
    ):
        assert ours(pattern, text) == glibc(pattern, text), text


@settings(max_examples=300)
@given(st.text(r"ab*+?|(){}^$.[]\-1,", max_size=7), st.text("ab*+|(){}^$", max_size=5))
def test_any_pattern_does(pattern: str, text: str) -> None:
    expected = glibc(pattern, text)
    found = ours(pattern, text)
    assert found == expected
