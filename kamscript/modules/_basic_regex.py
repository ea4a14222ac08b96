"""POSIX basic regular expressions (regcomp without REG_EXTENDED), as glibc reads them.

There `\\(`, `\\)`, `\\{`, `\\}`, and with GNU `\\+`, `\\?`, `\\|` are what extended expressions write without a
backslash, and the bare characters stand for themselves; `*` at the beginning of an expression is a star, `^` and `$`
are anchors at its ends only. The expression is written anew as an extended one.
"""

from __future__ import annotations

from functools import lru_cache

from kamscript import ere
from kamscript.ere import Ere, EreError

#: What stands behind the backslash of an anchor that GNU added.
_BORDERS = ("b", "B", "<", ">", "`", "'")


@lru_cache(maxsize=512)
def compile(pattern: str) -> Ere | None:
    """The compiled expression; None for one that regcomp refuses."""
    try:
        return ere.compile(_extended(pattern.partition("\0")[0]))
    except EreError:
        return None


def _extended(text: str) -> str:
    out: list[str] = []
    at, depth = 0, 0
    start = True  #: here begins an expression: an anchor, and no repetition, is possible
    repeated = False  #: a repetition stands in front: neither a star nor an interval may follow
    border = False  #: an anchor of words stands in front: it cannot be repeated either
    while at < len(text):
        char, pair = text[at], text[at : at + 2]
        beginning, start = start, False
        unrepeatable, border = beginning or border, False
        repetition = pair in ("\\{", "\\+", "\\?") or char == "*"
        if repeated and (char == "*" or pair == "\\{"):
            raise EreError("Invalid preceding regular expression")
        repeated = repetition and not unrepeatable
        if char == "\\":
            at += 2
            mark = pair[1:]
            if mark == "{":
                end = text.find("\\}", at)
                if unrepeatable or end < 0:
                    raise EreError("Unmatched \\{")
                out.append("{" + text[at:end] + "}")
                at = end + 2
            elif mark in ("(", "|"):
                depth += mark == "("
                start = True
                out.append(mark)
            elif mark == ")":
                depth -= 1
                if depth < 0:
                    raise EreError("Unmatched ) or \\)")
                out.append(mark)
            elif mark and mark in "+?":
                out.append(f"[{mark}]" if unrepeatable else mark)
            elif mark == "}":
                out.append("[}]")
            else:
                border = mark in _BORDERS
                out.append(pair)
        elif char == "[":
            end = _bracket_end(text, at)
            out.append(text[at:end])
            at = end
        else:
            at += 1
            if char == "^":
                out.append("^" if beginning else "[\\^]")
                start = beginning  # what follows an anchor cannot repeat it
                if beginning and text[at : at + 1] == "^":
                    out.append("\\^")
                    at, start = at + 1, False
            elif char == "$":
                last = at == len(text) or text[at : at + 2] in ("\\)", "\\|")
                out.append("$" if last else "[$]")
            elif char == "*":
                out.append("[*]" if unrepeatable else "*")
            else:
                out.append(f"[{char}]" if char in "(){}+?|" else char)
    return "".join(out)


def _bracket_end(text: str, at: int) -> int:
    """The place behind the bracket expression that begins at `at`."""
    end = at + 1
    if text[end : end + 1] == "^":
        end += 1
    if text[end : end + 1] == "]":
        end += 1
    while end < len(text) and text[end] != "]":
        if text[end] == "[" and text[end + 1 : end + 2] in (".", ":", "="):
            close = text.find(text[end + 1] + "]", end + 2)
            end = close + 2 if close >= 0 else end + 1
        else:
            end += 1
    return end + 1
