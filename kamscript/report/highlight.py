"""The words of a config and of a SIP message, sorted by kind: for reports in colour."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: A kind, as coverage.py names it, and the text: com, key, nam, num, op, str, ws, txt.
Token = tuple[str, str]

_WORDS_OF_THE_LANGUAGE = """
route request_route reply_route failure_route onreply_route branch_route onsend_route event_route
if else switch case default while break return exit drop loadmodule loadmodulex modparam modparamx loadpath
include_file import_file listen alias flags avpflags and or not mod defined strlen strempty selval myself
"""
_KEYWORDS = frozenset(_WORDS_OF_THE_LANGUAGE.split())
_WORDS = re.compile(
    r"""
      (?P<ws>[ \t\r\f\v]+)
    | (?P<com>(?://|\#(?!!)).*|/\*(?:[^*]|\*(?!/))*(?:\*/|$))
    | (?P<key>[#!]!\w+)
    | (?P<str>"(?:[^"\\]|\\.)*(?:"|$)|'[^']*(?:'|$))
    | (?P<nam>\$(?:\((?:[^()]|\([^()]*\))*\)|[\w.?]+(?:\((?:[^()]|\([^()]*\))*\))?|\$)|@[\w.\[\]"]+)
    | (?P<num>\b\d+\b)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<op>[^\w\s])
    """,
    re.VERBOSE,
)


def config_lines(text: str) -> Iterator[list[Token]]:
    """The tokens of each line of a config; joined they are the line again."""
    inside = ""  #: what a line began in: a comment of several lines, or a text
    for line in text.split("\n"):
        tokens: list[Token] = []
        at = 0
        if inside:
            end = line.find("*/") if inside == "com" else _closing(line, inside)
            stop = len(line) if end < 0 else end + (2 if inside == "com" else 1)
            if stop:
                tokens.append(("com" if inside == "com" else "str", line[:stop]))
            at = stop
            if end >= 0:
                inside = ""
        while at < len(line):
            found = _WORDS.match(line, at)
            if found is None:
                tokens.append(("txt", line[at]))
                at += 1
                continue
            kind, word, at = str(found.lastgroup), found[0], found.end()
            if kind == "word":
                kind = "key" if word in _KEYWORDS else "txt"
            elif kind == "com" and word.startswith("/*") and not word.endswith("*/"):
                inside = "com"
            elif kind == "str" and at == len(line) and _is_open(word):
                inside = word[0]
            tokens.append((kind, word))
        yield tokens


def _closing(line: str, quote: str) -> int:
    escaped = False
    for at, char in enumerate(line):
        if escaped:
            escaped = False
        elif char == "\\" and quote == '"':
            escaped = True
        elif char == quote:
            return at
    return -1


def _is_open(text: str) -> bool:
    return _closing(text[1:], text[0]) < 0
