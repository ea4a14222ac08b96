"""The old line protocol of module ctl ("fifo"): requests and answers as text. No I/O here.

    :core.version:reply_fifo        the command, and the FIFO in /tmp that the answer goes to (over sockets: nothing)
    argument                        one a line; \\n \\r \\t \\0 \\\\ stand for what they look like
                                    an empty line ends the request

    200 OK                          code and reason, then a value a line
    member:value,member:value       a struct: the member added last stands first, as in Kamailio

Source: src/modules/ctl/fifo_server.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.core.rpc import Struct

if TYPE_CHECKING:
    from kamscript.core.rpc import Rpc
    from kamscript.core.server import Server

#: Shorter texts hold no request yet.
SHORTEST = 6
_END = re.compile(r"[\r\n][\r\n]")
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", "\0": "\\0"}
_PLAIN = str.maketrans(_ESCAPES)
_MEMBER = str.maketrans({**_ESCAPES, ":": "\\o", ",": "\\c"})
# Reading swaps the two, so a colon that was written comes back as a comma: Kamailio's client library knew.
_UNESCAPES = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t", "0": "\0", "c": ":", "o": ","}
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_INTEGER = re.compile(r"[ \t]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")


class Request(NamedTuple):
    """A request taken apart, and how many characters it took."""

    method: str
    reply_to: str
    arguments: list[str]
    size: int


class BadRequest(Exception):
    """What arrived is no request; `size` characters are to be thrown away."""

    def __init__(self, reason: str, size: int) -> None:
        super().__init__(reason)
        self.size = size


def take(text: str) -> Request | None:
    """The first request in `text`; None when more must arrive. Raises BadRequest."""
    end = _END.search(text)
    if len(text) < SHORTEST or end is None:
        return None
    size = end.end()
    lines = [line.rstrip("\r \t") for line in text[: end.start() + 1].split("\n")]
    head, *arguments = lines
    while arguments and not arguments[-1]:
        arguments.pop()
    if len(head) < 3:
        raise BadRequest("Command must have at least 3 chars", size)
    if head[0] != ":":
        raise BadRequest(f"Command must begin with :: {head}", size)
    method, colon, reply_to = head[1:].partition(":")
    if not colon or not method:
        raise BadRequest("Empty command" if colon else "File separator missing", size)
    return Request(method, reply_to, arguments, size)


def unescape(text: str) -> str | None:
    """The text that a line stands for; None when a backslash stands in front of something else."""
    if "\\" not in text:
        return text
    if any(found[1] not in _UNESCAPES or not found[1] for found in _ESCAPED.finditer(text)):
        return None
    return _ESCAPED.sub(lambda found: _UNESCAPES[found[1]], text)


def number(text: str) -> int:
    """What C's strtol reads, in any base: 0 where there is no number."""
    found = _INTEGER.match(text)
    if found is None:
        return 0
    digits = found[2]
    base = 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" else 10
    return int(found[1] + digits, base)


def _real(text: str) -> float:
    found = re.match(r"[ \t]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", text)
    return float(found[0]) if found else 0.0


def arguments_of(server: Server, request: Request) -> list[Any]:
    """The lines as what the command wants; where it takes anything, a number that is one all through is one."""
    kinds = server.rpc.kinds(request.method)
    values: list[Any] = []
    for position, line in enumerate(request.arguments):
        text = unescape(line)
        kind = kinds[position] if position < len(kinds) else "any"
        if kind == "int":
            values.append(number(line))
        elif kind == "float":
            values.append(_real(line))
        else:
            values.append("" if text is None else text)
    return values


def run(server: Server, request: Request, reply: Callable[[str], object]) -> None:
    """Run a request; its answer goes to `reply`, at once or, for a command that takes its time, later."""
    if request.method not in server.rpc:
        reply(f"500 Command '{request.method}' not found\n")
        return

    def finished(rpc: Rpc) -> None:
        reply(answer(rpc))

    rpc = server.rpc.start(request.method, arguments_of(server, request), on_finish=finished)
    if not rpc.delayed or rpc.failure is not None:
        finished(rpc)


def answer(rpc: Rpc) -> str:
    """The text of an answer. A fault keeps what was added before it."""
    failure = rpc.failure
    head = "200 OK\n" if failure is None else f"{failure.code} {failure.text[:1023]}\n"
    chunks: list[_Chunk] = []
    for value in rpc.answer:
        if isinstance(value, Struct | list):
            _group(chunks, value, None)
        else:
            chunks.append(_Chunk(_scalar(value, _PLAIN), "line"))
    return head + "".join(_text(chunks))


class _Chunk(NamedTuple):
    text: str
    kind: str  #: "line", "name", "value", or "" for the invisible head of a struct


def _group(chunks: list[_Chunk], value: Struct | list[Any], name: str | None) -> None:
    """A struct or array behind all that is there; its values go right behind its head, so the last stands first."""
    head = len(chunks)
    chunks.append(_Chunk("", "") if name is None else _Chunk(name.translate(_MEMBER), "name"))
    members = value.members if isinstance(value, Struct) else _members(value)
    for member, item in members:
        if isinstance(item, Struct | list):
            _group(chunks, item, member)
        else:
            chunks[head + 1 : head + 1] = [
                _Chunk(member.translate(_MEMBER), "name"),
                _Chunk(_scalar(item, _MEMBER), "value"),
            ]


def _members(items: list[Any]) -> list[tuple[str, Any]]:
    members: list[tuple[str, Any]] = []
    for item in items:
        members += item.members if isinstance(item, Struct) else [("", item)]
    return members


def _scalar(value: Any, table: dict[int, str]) -> str:
    if value is None:
        return "<null string>"
    if isinstance(value, float):
        return f"{value:f}"
    return str(value).translate(table)


def _text(chunks: list[_Chunk]) -> list[str]:
    out: list[str] = []
    for index, chunk in enumerate(chunks):
        out.append(chunk.text)
        if chunk.kind == "line":
            out.append("\n")
        elif chunk.kind == "name":
            out.append(":")
        elif chunk.kind == "value":
            another = index + 1 < len(chunks) and chunks[index + 1].kind == "name"
            out.append("," if another else "\n")
    return out
