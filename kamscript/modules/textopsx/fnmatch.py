"""Shell patterns as glibc's fnmatch(3) reads them without flags: `*` matches `/` and leading dots too."""

from __future__ import annotations

import re
from functools import lru_cache

_CLASSES = {
    "alpha": "A-Za-z",
    "digit": "0-9",
    "alnum": "A-Za-z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r" \t\n\r\f\v",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "print": " -~",
    "graph": "!-~",
    "cntrl": r"\x00-\x1f\x7f",
    "xdigit": "0-9A-Fa-f",
}


@lru_cache(maxsize=512)
def shell_pattern(pattern: str, any_case: bool = False) -> re.Pattern[str]:
    """A shell pattern as a regular expression for `fullmatch`, in any case if wanted."""
    out, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            out.append(".*")
        elif char == "?":
            out.append(".")
        elif char == "\\":
            # A backslash at the end matches nothing.
            out.append(re.escape(pattern[at]) if at < len(pattern) else "(?!)")
            at += 1
        elif char == "[":
            found = _bracket(pattern, at)
            if found is None:
                out.append(r"\[")
            else:
                text, at = found
                out.append(text)
        else:
            out.append(re.escape(char))
    return re.compile("".join(out), re.DOTALL | re.ASCII | (re.IGNORECASE if any_case else 0))


def _bracket(pattern: str, at: int) -> tuple[str, int] | None:
    """The set that starts behind a `[`, and where it ends; None when it is not closed."""
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    items: list[str] = []
    first = True
    while at < len(pattern):
        char = pattern[at]
        if char == "]" and not first:
            body = "".join(items)
            if not body:
                return ("." if negated else "(?!)"), at + 1
            return f"[{'^' if negated else ''}{body}]", at + 1
        first = False
        if (
            pattern.startswith("[:", at)
            and (close := pattern.find(":]", at)) > 0
            and pattern[at + 2 : close] in _CLASSES
        ):
            items.append(_CLASSES[pattern[at + 2 : close]])
            at = close + 2
            continue
        if char == "\\" and at + 1 < len(pattern):
            at += 1
            char = pattern[at]
        at += 1
        if pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] not in ("", "]"):
            high = pattern[at + 1]
            at += 2
            if high == "\\" and at < len(pattern):
                high = pattern[at]
                at += 1
            if char <= high:
                items.append(f"{re.escape(char)}-{re.escape(high)}")
            continue
        items.append(re.escape(char))
    return None
