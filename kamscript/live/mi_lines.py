"""How MI requests stand in a FIFO or a datagram (4.4: modules/mi_fifo, modules/mi_datagram). No I/O here.

:dlg_list:reply_fifo          command, and over a FIFO the name of the one to answer to
value                         a parameter a line; blanks around it do not count
name::value                   one with a name
name::"val \\" ue             a quoted value keeps its blanks and may go on over several lines
                              an empty line ends a request in a FIFO; in a datagram its end does
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kamscript.core.mi import Node

#: The longest first line and the longest text of parameters, as in 4.4's buffers.
MAX_HEAD, MAX_PARAMETERS = 1022, 8191
SEPARATOR = "::"
_END = re.compile(r"\n\r?\n")
_BLANKS = " \t\r\v\f\n"


class BadRequest(Exception):
    """What arrived is no request; the text says why."""


class Request(NamedTuple):
    """The first line taken apart, and the lines behind it."""

    command: str
    reply_to: str
    lines: list[str]


def split(text: str) -> tuple[list[str], str]:
    """The requests in what a FIFO holds, each without the empty line that ends it, and what is left of `text`."""
    requests: list[str] = []
    while True:
        text = text.lstrip("\r\n")
        end = _END.search(text)
        if end is None:
            return requests, text
        requests.append(text[: end.start()])
        text = text[end.end() :]


def take(text: str) -> Request:
    """A request of a FIFO; raises BadRequest."""
    head, *lines = text.split("\n")
    if len(head) > MAX_HEAD:
        raise BadRequest("request line too long")
    head = head.rstrip(_BLANKS)
    if len(head) < 3:
        raise BadRequest("a command has at least 3 characters")
    if head[0] != ":":
        raise BadRequest(f"a command begins with a colon: {head}")
    command, colon, reply_to = head[1:].partition(":")
    if not command or not colon:
        raise BadRequest(f"no command stands between two colons: {head}")
    return Request(command, reply_to, lines)


def take_datagram(text: str) -> Request:
    """A request in a datagram; raises BadRequest."""
    head, end, rest = text.partition("\n")
    if len(head) < 3 or head[0] != ":" or head[-1] != ":" or ":" in head[1:-1] or not end:
        raise BadRequest(f"no command stands between two colons: {head}")
    return Request(head[1:-1], "", rest.split("\n"))


def parameters(lines: list[str]) -> list[Node]:
    """The parameters that stand in the lines behind the first; raises BadRequest."""
    if sum(map(len, lines)) + len(lines) > MAX_PARAMETERS:
        raise BadRequest("request too long")
    nodes: list[Node] = []
    waiting = iter(lines)
    for line in waiting:
        text = line.strip(_BLANKS)
        if not text:
            continue
        name = ""
        if not text.startswith('"'):
            before, separator, behind = text.partition(SEPARATOR)
            if '"' in before:
                raise BadRequest(f"a quote in the middle of a line: {text}")
            if not separator:
                nodes.append(Node(value=text))
                continue
            name, text = before.rstrip(_BLANKS), behind.strip(_BLANKS)
            if not text.startswith('"'):
                if '"' in text:
                    raise BadRequest(f"a quote in the middle of a line: {text}")
                nodes.append(Node(name, text))
                continue
        # What is quoted keeps its blanks: the line as it came, from behind the quote on.
        value = [line[line.index('"') + 1 :]]
        while (found := _unquote(value[-1])) is None:
            following = next(waiting, None)
            if following is None:
                raise BadRequest("a quoted value has no end")
            value[-1] += "\n"
            value.append(following)
        value[-1], rest = found
        if rest.strip(_BLANKS):
            raise BadRequest(f"something stands behind a quoted value: {rest.strip(_BLANKS)}")
        nodes.append(Node(name, "".join(_unescape(part) for part in value[:-1]) + value[-1]))
    return nodes


def _unquote(line: str) -> tuple[str, str] | None:
    """What stands in front of the closing quote of a line and behind it; None when it is not there."""
    at = line.find('"')
    while at >= 0:
        if at < 2 or line[at - 1] != "\\":  # as in 4.4, a backslash at the start of a line quotes nothing
            return _unescape(line[:at]), line[at + 1 :]
        at = line.find('"', at + 1)
    return None


def _unescape(text: str) -> str:
    return text.replace('\\"', '"')
