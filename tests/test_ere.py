"""Regular expressions as glibc matches them; glibc itself is the judge."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.ere import Ere, EreError, compile

ICASE, NEWLINE = 2, 4


LC_CTYPE = 0  # of glibc


class _Regex(ctypes.Structure):
    _fields_ = [("storage", ctypes.c_char * 64)]


class _Span(ctypes.Structure):
    _fields_ = [("start", ctypes.c_int), ("end", ctypes.c_int)]


if platform.libc_ver()[0] == "glibc":
    _libc = ctypes.CDLL("libc.so.6")
else:
    pytest.skip("compares with the regcomp of glibc: needs Linux with glibc", allow_module_level=True)


@pytest.fixture(autouse=True, scope="module")
def bytes_are_characters() -> Iterator[None]:
    """In the C locale glibc takes each byte for a character; Python's own texts want the locale back afterwards."""
    _libc.setlocale(LC_CTYPE, b"C")
    yield
    _libc.setlocale(LC_CTYPE, b"")


def glibc(pattern: str, flags: int, text: str, groups: int, later: bool = False) -> str | list[tuple[int, int]] | None:
    """What glibc finds: spans, None for no match, or the error text as a str."""
    compiled = _Regex()
    code = _libc.regcomp(ctypes.byref(compiled), pattern.encode("latin-1"), flags | 1)
    if code:
        buffer = ctypes.create_string_buffer(200)
        _libc.regerror(code, ctypes.byref(compiled), buffer, 200)
        return buffer.value.decode()
    spans = (_Span * (groups + 1))()
    failed = _libc.regexec(ctypes.byref(compiled), text.encode("latin-1"), groups + 1, spans, int(later))
    _libc.regfree(ctypes.byref(compiled))
    return None if failed else [(span.start, span.end) for span in spans]


def ours(pattern: str, flags: int, text: str, later: bool = False) -> str | list[tuple[int, int]] | None:
    try:
        ere = Ere(pattern, icase=bool(flags & ICASE), newline=bool(flags & NEWLINE))
    except EreError as error:
        return str(error)
    match = ere.search("\x01" + text, 1) if later else ere.search(text)
    assert later or (match is not None) == ere.test(text)
    if match is None:
        return None
    shift = int(later)
    return [(a - shift, b - shift) if a >= 0 else (a, b) for a, b in map(match.span, range(ere.groups + 1))]


def groups(pattern: str) -> int:
    try:
        return Ere(pattern).groups
    except EreError:
        return 0


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^sip:", "sip:bob@example.com"),
        ("(a|ab)(c|bcd)(d*)", "abcd"),  # leftmost-longest, not first alternative
        ("a?(ab)?", "ab"),
        (r"\<bob\>", "say bob now"),
        (r"\w+@\w+", "x bob@host y"),
        (r"\d", "5d"),  # the letter d
        (r"a\n", "an"),
        (r"[\d]", "\\"),  # a backslash is a backslash in a list
        ("[]a]+", "]a]"),
        ("[^]a]", "]ab"),
        ("[[:digit:][:space:]]+", "a12 3"),
        ("[a-c-]+", "b-c"),
        ("[[.-.]]", "a-b"),
        ("[[=e=]]", "hello"),
        ("a{2}", "aaa"),
        ("a{,2}", "aaa"),
        ("a{2,}", "aaaa"),
        ("(ab){0}c", "abc"),
        ("a||b", "b"),
        ("a)", "a)"),  # an unmatched ) is a literal
        ("a^b", "a^b"),
        (r"(.)\1", "xaab"),
        ("a.b", "a\nb"),
        (".", "\xe9"),
        (r"\W", "a\xe9"),
        (r"^[+]?([0-9]+)$", "+491234"),
        ("x*", ""),
        ("()", "a"),
        ("a$b", "a$b"),
        (r"a\{2", "a{2"),
    ],
)
@pytest.mark.parametrize("flags", [0, ICASE, NEWLINE, ICASE | NEWLINE])
def test_matches_as_glibc(pattern: str, text: str, flags: int) -> None:
    for later in (False, True):
        assert ours(pattern, flags, text, later) == glibc(pattern, flags, text, groups(pattern), later)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "Unmatched ( or \\("),
        ("[", "Invalid regular expression"),
        ("[a", "Unmatched [, [^, [:, [., or [="),
        ("a{", "Unmatched \\{"),
        ("a{1", "Unmatched \\{"),
        ("a{x}", "Invalid content of \\{\\}"),
        ("a{2,1}", "Invalid content of \\{\\}"),
        ("a{99999}", "Regular expression too big"),
        ("*a", "Invalid preceding regular expression"),
        ("a|*b", "Invalid preceding regular expression"),
        ("^*", "Invalid preceding regular expression"),
        ("(+a)", "Invalid preceding regular expression"),
        ("[b-a]", "Invalid range end"),
        ("[[:foo:]]", "Invalid character class name"),
        ("[[.foo.]]", "Invalid collation character"),
        ("\\", "Trailing backslash"),
        (r"\1", "Invalid back reference"),
        (r"(a)|\1", "Invalid back reference"),
    ],
)
def test_refuses_as_glibc(pattern: str, message: str) -> None:
    assert glibc(pattern, 0, "", 0) == message
    with pytest.raises(EreError) as error:
        compile(pattern)
    assert str(error.value) == message


def test_letters_match_in_any_case_with_icase() -> None:
    assert compile("BoB", icase=True).test("a bOb")
    assert not compile("BoB").test("a bob")


def test_range_is_compared_in_upper_case_with_icase() -> None:
    assert not compile("[A-z]", icase=True).test("_")
    assert compile("[A-z]").test("_")


def test_dot_and_lists_leave_newlines_with_newline() -> None:
    assert compile("a.b").test("a\nb")
    assert not compile("a.b", newline=True).test("a\nb")
    assert not compile("a[^x]b", newline=True).test("a\nb")
    assert compile("^b$", newline=True).test("a\nb\nc")


def test_a_search_without_end_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """glibc answers at once; going back over the choices of `(a|aa)+` takes longer than anybody waits."""
    monkeypatch.setattr("kamscript.ere._PATIENCE", 0.05)
    ere = Ere("^(a|aa)+(a|b|ab)*$")
    assert ere.test("aaaa")
    assert not ere.test("a" * 60 + "c")


def test_text_ends_at_a_nul() -> None:
    assert not compile("b").test("a\0b")
    assert compile("a$").test("a\0b")


def test_search_from_a_place_does_not_see_what_stands_before() -> None:
    match = compile(r"\<b").search("ab", 1)
    assert match is not None
    assert match.span() == (1, 2)
    assert compile("^b").search("ab", 1) is None


_PARTS = r"a b ab . ^ $ [ab] [^a] (a|ab) (b*) \w \< \> \. [[:alpha:]] * + ? | ( ) {2} {,2} {x} [ ] - 1"
_ATOMS = st.sampled_from(_PARTS.split())


@settings(max_examples=300, deadline=None)
@given(st.lists(_ATOMS, max_size=5).map("".join), st.sampled_from([0, ICASE, NEWLINE]), st.text("abAB1.-", max_size=8))
def test_any_expression_does_as_glibc(pattern: str, flags: int, text: str) -> None:
    """Whether it is accepted, and what matches as a whole; error texts are pinned above."""
    theirs, mine = glibc(pattern, flags, text, 0), ours(pattern, flags, text)
    if isinstance(theirs, str) or isinstance(mine, str):
        assert isinstance(theirs, str) and isinstance(mine, str), (theirs, mine)
        return
    assert (theirs and theirs[0]) == (mine and mine[0])
