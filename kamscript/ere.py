"""POSIX extended regular expressions as glibc's regcomp and regexec match them, on texts where a character is a byte.

Kamailio hands every regular expression of a config (`=~`, `subst`, `search`, `{re.subst}`...) to regcomp with
REG_EXTENDED. Python's dialect is another one: there `\\d` is a class, `{` may be a literal, alternatives are tried in
order. Here the expression is read as glibc reads it and written anew for Python.

    pattern = compile("^(sip|sips):", icase=True)
    pattern.test(text)              whether it matches anywhere: the quick way
    pattern.search(text)            leftmost-longest match with its groups, or None

Differences to Perl's dialect worth knowing: `\\w \\W \\s \\S \\b \\B \\< \\>` work, `\\d` is the letter d and `\\n` the
letter n (and with REG_ICASE an escaped small letter matches nothing); inside `[...]` a backslash is a backslash; `*`,
`+`, `?` or `{` with nothing in front is an error; an unmatched `)` is a literal; of all matches at the leftmost place
the longest counts. Letters are ASCII (locale C).

Known differences, in corners only: without REG_NEWLINE glibc lets an anchor in the middle of an expression match beside
a line feed that the expression itself consumed; of `(b*)+` it reports the last turn that was not empty.

Source: POSIX.1-2017 XBD 9.4, glibc posix/regcomp.c (RE_SYNTAX_POSIX_EXTENDED); tests compare with glibc itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Protocol

import regex  # type: ignore[import-untyped]

_DUP_MAX = 0x7FFF
#: Seconds for one search with an expression like `(a+)+b`, whose cost may grow without bound. (glibc has no such limit:
#: it does not go back to try again.)
_PATIENCE = 1.0
_ALL = frozenset(range(256))
_UPPER, _LOWER, _DIGIT = frozenset(range(65, 91)), frozenset(range(97, 123)), frozenset(range(48, 58))
_ALPHA = _UPPER | _LOWER
_ALNUM = _ALPHA | _DIGIT
_SPACE = frozenset((9, 10, 11, 12, 13, 32))
_PRINT = frozenset(range(32, 127))
_CLASSES = {
    "alpha": _ALPHA,
    "digit": _DIGIT,
    "alnum": _ALNUM,
    "upper": _UPPER,
    "lower": _LOWER,
    "space": _SPACE,
    "blank": frozenset((9, 32)),
    "punct": _PRINT - _ALNUM - {32},
    "print": _PRINT,
    "graph": _PRINT - {32},
    "cntrl": frozenset(range(32)) | {127},
    "xdigit": _DIGIT | frozenset(range(65, 71)) | frozenset(range(97, 103)),
}
_WORD = _ALNUM | {95}
_LOWER_LETTERS = frozenset(map(chr, _LOWER))
_INTERVAL_STOP = re.compile("[},]")


class EreError(ValueError):
    """An expression that regcomp refuses; the text is regerror's."""


class Match(Protocol):
    """A match; a group that took no part has span (-1, -1) and group None."""

    def span(self, group: int = 0, /) -> tuple[int, int]: ...
    def start(self, group: int = 0, /) -> int: ...
    def end(self, group: int = 0, /) -> int: ...
    def group(self, group: int = 0, /) -> str | None: ...


class Ere:
    """A compiled expression. `groups` is regcomp's re_nsub."""

    __slots__ = ("_continue", "_patience", "_quick", "_search", "groups", "icase", "newline", "pattern")

    def __init__(self, pattern: str, *, icase: bool = False, newline: bool = False) -> None:
        """Raises EreError."""
        self.pattern, self.icase, self.newline = pattern, icase, newline
        first = _Translator(pattern, icase, newline, "start")
        text = first.translate()
        self.groups = first.groups
        self._patience = _PATIENCE if first.nested else None
        flags = re.DOTALL | re.ASCII | (re.IGNORECASE if icase and first.references else 0)
        # any match will do to know that there is one, and Python's own engine is the quicker; but it cannot be stopped
        self._quick = None if first.nested else re.compile(text, flags)
        posix = regex.POSIX | regex.DOTALL | regex.ASCII | regex.VERSION0
        if icase and first.references:
            posix |= regex.IGNORECASE
        self._search = regex.compile(text, posix)
        # a later part of a text: its start is no start of a line (REG_NOTBOL)
        later = _Translator(pattern, icase, newline, "later").translate() if "^" in pattern else text
        self._continue = self._search if later == text else regex.compile(later, posix)

    def test(self, text: str) -> bool:
        """Whether the expression matches somewhere in `text`, which ends at its first NUL as in C."""
        if "\0" in text:
            text = text[: text.index("\0")]
        quick = self._quick
        return (self._find(self._search, text) if quick is None else quick.search(text)) is not None

    def search(self, text: str, start: int = 0) -> Match | None:
        """The leftmost-longest match in `text` from `start` on; offsets count from the start of `text`.

        With `start`, the search is what regexec does with a pointer into the text and REG_NOTBOL: `^` does not match
        there, and what stands in front is not seen. The text ends at its first NUL.
        """
        if "\0" in text:
            text = text[: text.index("\0")]
        if not start:
            return self._find(self._search, text)
        found = self._find(self._continue, text[start:])
        return None if found is None else _Shifted(found, start)

    def _find(self, pattern: Any, text: str) -> Match | None:
        """Search; a search that takes too long has found nothing, as one for which regexec lacks memory."""
        try:
            found: Match | None = pattern.search(text, timeout=self._patience)
        except TimeoutError:
            return None
        return found

    def __repr__(self) -> str:
        return f"Ere({self.pattern!r})"


class _Shifted:
    """A match found in the rest of a text, with offsets of the whole text."""

    __slots__ = ("_match", "_offset")

    def __init__(self, match: Match, offset: int) -> None:
        self._match, self._offset = match, offset

    def span(self, group: int = 0, /) -> tuple[int, int]:
        start, end = self._match.span(group)
        return (start, end) if start < 0 else (start + self._offset, end + self._offset)

    def start(self, group: int = 0, /) -> int:
        return self.span(group)[0]

    def end(self, group: int = 0, /) -> int:
        return self.span(group)[1]

    def group(self, group: int = 0, /) -> str | None:
        return self._match.group(group)


@lru_cache(maxsize=512)
def compile(pattern: str, *, icase: bool = False, newline: bool = False) -> Ere:
    """Compile an expression with REG_EXTENDED and, as asked, REG_ICASE and REG_NEWLINE; raises EreError.

    For load time; the pattern ends at its first NUL.
    """
    return Ere(pattern.partition("\0")[0], icase=icase, newline=newline)


class _Translator:
    """Writes one expression for Python. Reads left to right: expression, branches, pieces, atoms."""

    def __init__(self, pattern: str, icase: bool, newline: bool, place: str) -> None:
        self.text, self.icase, self.newline = pattern, icase, newline
        self.at, self.groups, self.depth = 0, 0, 0
        self.closed: set[int] = set()
        self.references = False
        self.nested = False  #: a repetition is repeated: the cost of a search may explode
        self._varies = False  #: the expression read so far in this group has a choice in it
        self._atom_varies = False
        if newline:
            self.line_start = r"(?:\A|(?<=\n))" if place == "start" else r"(?<=\n)"
            self.line_end, self.any = r"(?:(?=\n)|\Z)", r"[^\n]"
        else:
            self.line_start = r"\A" if place == "start" else r"(?!)"
            self.line_end, self.any = r"\Z", "."

    def translate(self) -> str:
        return self.expression()

    def expression(self) -> str:
        before = self.closed
        self.closed = set(before)
        branches, closed = [self.branch()], self.closed
        while self.at < len(self.text) and self.text[self.at] == "|":
            self.at += 1
            self._varies = True
            self.closed = set(before)  # a branch cannot refer to groups of the branches beside it
            branches.append(self.branch())
            closed = closed | self.closed
        self.closed = closed
        return "|".join(branches)

    def branch(self) -> str:
        parts: list[str] = []
        text = self.text
        while self.at < len(text):
            char = text[self.at]
            if char == "|" or (char == ")" and self.depth):
                break
            atom, repeatable = self.atom()
            while repeatable and self.at < len(text) and text[self.at] in "*+?{":
                self.nested = self.nested or (self._atom_varies and text[self.at] != "?")
                atom = self.repeat(atom)
                self._atom_varies = self._varies = True
            parts.append(atom)
        return "".join(parts)

    def atom(self) -> tuple[str, bool]:
        """One atom, and whether it may be repeated (anchors may not)."""
        text = self.text
        char = text[self.at]
        self.at += 1
        if char == "(":
            outside, self._varies = self._varies, False
            inner = self.group()
            self._atom_varies, self._varies = self._varies, self._varies or outside
            return inner, True
        self._atom_varies = False
        if char == "[":
            return self.bracket(), True
        if char == ".":
            return self.any, True
        if char == "^":
            return self.line_start, False
        if char == "$":
            return self.line_end, False
        if char in "*+?{":
            raise EreError("Invalid preceding regular expression")
        if char == "\\":
            return self.escape()
        return self.literal(char), True

    def group(self) -> str:
        self.groups += 1
        number = self.groups
        self.depth += 1
        inner = self.expression()
        if self.at >= len(self.text):
            raise EreError("Unmatched ( or \\(")
        self.at += 1
        self.depth -= 1
        self.closed.add(number)
        return f"({inner})"

    def escape(self) -> tuple[str, bool]:
        if self.at >= len(self.text):
            raise EreError("Trailing backslash")
        char = self.text[self.at]
        self.at += 1
        if char in "123456789":
            if int(char) not in self.closed:
                raise EreError("Invalid back reference")
            self.references = True
            return f"(?:\\{char})", True
        if char in "wWsS":
            chars = _WORD if char in "wW" else _SPACE
            if char in "WS":
                chars = _ALL - chars
            return _write_class(chars), True
        if char == "b":
            return r"\b", False
        if char == "B":
            return r"(?!\b)", False
        if char == "<":
            return r"\b(?=\w)", False
        if char == ">":
            return r"\b(?<=\w)", False
        if char == "`":
            return r"\A", False
        if char == "'":
            return r"\Z", False
        if self.icase and char in _LOWER_LETTERS:
            # glibc compares in upper case and forgets to raise an escaped letter: it matches nothing
            return "(?!)", True
        return self.literal(char), True

    def literal(self, char: str) -> str:
        if self.icase and char.isascii() and char.isalpha():
            return f"[{char.lower()}{char.upper()}]"
        return re.escape(char)

    def repeat(self, atom: str) -> str:
        char = self.text[self.at]
        self.at += 1
        if char != "{":
            return f"(?:{atom}){char}"
        low, high = self.interval()
        if low == high == 0:
            # the atom never matches, but its groups count
            return f"(?:(?!)(?:{atom}))?"
        return f"(?:{atom}){{{low},{'' if high is None else high}}}"

    def interval(self) -> tuple[int, int | None]:
        """What stands between `{` and `}`: n, n,m; n, or ,m."""
        text = self.text
        stop = _INTERVAL_STOP.search(text, self.at)
        if stop is None:
            raise EreError("Unmatched \\{")
        low_text, high_text, end = text[self.at : stop.start()], None, stop.end()
        if stop.group() == "," and (not low_text or low_text.isdigit()):
            stop = _INTERVAL_STOP.search(text, end)
            if stop is None:
                raise EreError("Unmatched \\{")
            high_text, end = text[end : stop.start()], stop.end()
        bounds = (low_text or ("0" if high_text is not None else "x"), high_text or "0")
        if stop.group() != "}" or not all(bound.isascii() and bound.isdigit() for bound in bounds):
            raise EreError("Invalid content of \\{\\}")
        low = int(bounds[0])
        high = low if high_text is None else int(high_text) if high_text else None
        if high is not None and high < low:
            raise EreError("Invalid content of \\{\\}")
        if max(low, high or 0) > _DUP_MAX:
            raise EreError("Regular expression too big")
        self.at = end
        return low, high

    def bracket(self) -> str:
        text = self.text
        negated = text[self.at : self.at + 1] == "^"
        if negated:
            self.at += 1
        if self.at >= len(text):
            raise EreError("Invalid regular expression")
        chars: set[int] = set()
        first = True
        while True:
            if self.at >= len(text):
                raise EreError("Unmatched [, [^, [:, [., or [=")
            if text[self.at] == "]" and not first:
                self.at += 1
                break
            start = self.element(first)
            first = False
            if text[self.at : self.at + 1] == "-" and text[self.at + 1 : self.at + 2] not in ("", "]"):
                self.at += 1
                if isinstance(start, frozenset):
                    raise EreError("Invalid range end")
                end = self.element(True)
                if isinstance(end, frozenset):
                    raise EreError("Invalid range end")
                if self.icase:  # compared in upper case: [A-z] is [A-Z] then
                    start, end = start - 32 * (start in _LOWER), end - 32 * (end in _LOWER)
                if end < start:
                    raise EreError("Invalid range end")
                chars.update(range(start, end + 1))
            elif isinstance(start, frozenset):
                chars |= start
            else:
                chars.add(start)
        if self.icase:
            chars |= {code ^ 32 for code in chars if code in _ALPHA}
        if negated:
            chars = set(_ALL - chars)
            if self.newline:
                chars.discard(10)
        return _write_class(frozenset(chars))

    def element(self, literal_bracket: bool) -> int | frozenset[int]:
        """A character, a named one, or a class. `literal_bracket`: a `]` or `-` here is itself."""
        text = self.text
        char = text[self.at]
        kind = text[self.at + 1 : self.at + 2]
        if char == "[" and kind in (":", ".", "=") and kind:
            close = text.find(kind + "]", self.at + 2)
            if close < 0:
                if kind == ":":  # then it is no class
                    self.at += 1
                    return ord(char)
                raise EreError("Unmatched [, [^, [:, [., or [=")
            name = text[self.at + 2 : close]
            self.at = close + 2
            if kind == ":":
                chars = _CLASSES.get("alpha" if self.icase and name in ("upper", "lower") else name)
                if chars is None:
                    raise EreError("Invalid character class name")
                return chars
            if len(name) == 1:
                return frozenset((ord(name),)) if kind == "=" else ord(name)
            raise EreError("Invalid collation character")  # the C locale has no names for them
        if char == "-" and not literal_bracket and kind != "]":
            # a dash that neither opens nor closes the list nor stands in a range
            if kind == "-" or kind == "":
                self.at += 1
                return ord(char)
            raise EreError("Invalid range end")
        self.at += 1
        return ord(char)


def _write_class(chars: frozenset[int]) -> str:
    """A class of Python that holds exactly these characters."""
    if not chars:
        return "(?!)"
    if len(chars) == 256:
        return r"[\x00-\xff]"
    parts: list[str] = []
    codes = sorted(chars)
    start = previous = codes[0]
    for code in [*codes[1:], 999]:
        if code == previous + 1:
            previous = code
            continue
        parts.append(f"\\x{start:02x}" if start == previous else f"\\x{start:02x}-\\x{previous:02x}")
        start = previous = code
    return f"[{''.join(parts)}]"
