"""xhttp_rpc: RPC commands on web pages.

`/rpc` lists groups of commands, `/rpc/GROUP` the commands of one, `/rpc/GROUP/COMMAND` asks for arguments, and with
`?arg=...` runs it. The pages are kamscript's own; paths, statuses and answers are Kamailio's.
Source: xhttp_rpc manual, src/modules/xhttp_rpc/xhttp_rpc.c, xhttp_rpc_fnc.c.
"""

from __future__ import annotations

import re
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.core.rpc import RpcFault, Struct
from kamscript.module import Module, Param, Route, function

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.xhttp import Xhttp

#: What dispatch_xhttp_rpc() returns for what is no HTTP (NONSIP_MSG_PASS).
_PASS = 2
_ARG = "?arg="
_ESCAPED = re.compile("%(.{0,2})", re.DOTALL)
#: A number as strtol reads it with any base: what is none is 0.
_NUMBER = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|[0-9]+)")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_HTML = "text/html"


def _word(text: str) -> str | None:
    return None if re.fullmatch(r"[A-Za-z0-9_]*", text) else f"{text!r}: letters, digits and `_` are wanted"


class Asked(NamedTuple):
    """What a URL asks for: a group, one of its commands, and the text of its arguments (None: a form for them)."""

    group: str = ""
    command: str = ""
    argument: str | None = None


class XhttpRpc(Module, name="xhttp_rpc", requires=("xhttp",)):
    """Browse RPC commands over HTTP, and run them."""

    xhttp_rpc_root = Param("rpc", "The first part of the path of its pages; letters, digits and `_`.", check=_word)
    xhttp_rpc_buf_size = Param(0, "Longest page in bytes; 0: any. What is longer is answered with 500.")

    def start(self) -> None:
        """Find xhttp, which sends the pages."""
        self._http: Xhttp = self.server.module("xhttp")

    @function(Route.REQUEST | Route.EVENT)
    def dispatch_xhttp_rpc(self, ctx: Context) -> int:
        """Answer an HTTP request with a page: 0, which ends the route."""
        if not ctx.msg.is_http:
            return _PASS
        code, reason, page = self._answer(ctx.msg.uri)
        if self.xhttp_rpc_buf_size and len(page) > self.xhttp_rpc_buf_size:
            self.server.log.error(self.name, f"the page of {len(page)} bytes is longer than xhttp_rpc_buf_size")
            code, reason, page = 500, "Internal Server Error", "Internal Server Error"
        return -1 if self._http.reply(ctx, code, reason, _HTML, page) < 0 else 0

    def _answer(self, url: str) -> tuple[int, str, str]:
        """Status, reason and page."""
        groups = self._groups()
        try:
            asked = self._asked(url, groups)
            words = _unescaped(asked.argument or "").split()
        except RpcFault as fault:
            return fault.code, fault.text, self._page(groups, Asked(), f"<pre>{fault.code}: {fault.text}</pre>\n")
        if asked.argument is None:
            return 200, "OK", self._page(groups, asked, _commands(self._at, groups, asked))
        try:
            code, reason, shown = 200, "OK", self._run(asked.command, words)
        except RpcFault as fault:
            code, reason, shown = fault.code, fault.text, ""
        head = f"<h2>{_link(f'{self._at}{asked.group}/', asked.command)}</h2>\n"
        status = f"<p>{code}: {escape(reason, quote=False)}</p>\n"
        return code, reason, self._page(groups, asked, f"{head}{status}<pre>{shown}</pre>\n")

    def _groups(self) -> dict[str, list[str]]:
        """The commands by what stands in front of their first dot; those without one are not shown."""
        names = [name for name in self.server.rpc.names() if "." in name]
        return {group: list(found) for group, found in groupby(names, lambda name: name.partition(".")[0])}

    def _asked(self, url: str, groups: dict[str, list[str]]) -> Asked:
        """Read a URL; raises RpcFault."""
        root = f"/{self.xhttp_rpc_root}"
        rest = url.removeprefix(root)
        if rest == url or (self.xhttp_rpc_root and rest and rest[0] != "/"):
            raise self._bad(url, "is no page of these")
        group, _, rest = rest.removeprefix("/").partition("/")
        if not group:
            return Asked()
        if group not in groups:
            raise self._bad(url, f"has no group {group}")
        if not rest:
            return Asked(group)
        command, mark, argument = rest.partition("?")
        if command not in groups[group]:
            raise self._bad(url, f"has no command {command}")
        if not mark:
            return Asked(group, command)
        if len(argument) < len(_ARG) - 1:
            raise self._bad(url, f"has no {_ARG}")
        return Asked(group, command, argument[len(_ARG) - 1 :])

    def _bad(self, url: str, why: str) -> RpcFault:
        self.server.log.error(self.name, f"{url} {why}")
        return RpcFault(500, "Bad URL")

    def _run(self, command: str, words: list[str]) -> str:
        """Run a command: what it answered; raises RpcFault."""
        commands = self.server.rpc
        kinds = commands.kinds(command, len(words))
        values = [_value(word, kind) for word, kind in zip(words, kinds, strict=False)]
        rpc = commands.start(command, values, convert=False)
        if rpc.failure is not None:
            raise RpcFault(400, "Invalid parameter value") if rpc.failure.of_channel else rpc.failure
        if rpc.delayed:
            raise RpcFault(600, "Reply wait/async mode not supported by this rpc transport")
        return "".join(_shown(value) for value in rpc.answer)

    # -- pages --------------------------------------------------------------------------------------------------------
    @property
    def _at(self) -> str:
        return f"/{self.xhttp_rpc_root}/" if self.xhttp_rpc_root else "/"

    def _page(self, groups: dict[str, list[str]], asked: Asked, content: str) -> str:
        links = (f"<b>{_link(self._at, name)}</b>" if name == asked.group else _link(self._at, name) for name in groups)
        return (
            "<!DOCTYPE html>\n<html><head><title>RPC</title><style>body{font-family:sans-serif;margin:2em}"
            f"nav a{{margin-right:1em}}</style></head><body>\n<nav>{' '.join(links)}</nav>\n{content}</body></html>\n"
        )


def _commands(at: str, groups: dict[str, list[str]], asked: Asked) -> str:
    """The commands of a group, and the form for the arguments of one."""
    form = (
        '<form method="get"><input type="text" name="arg"> <input type="submit" value="Run"></form>\n'
        if asked.command
        else ""
    )
    items = "".join(f"<li>{_link(f'{at}{asked.group}/', name)}</li>\n" for name in groups.get(asked.group, ()))
    return f"{form}<ul>\n{items}</ul>\n" if items else ""


def _link(at: str, name: str) -> str:
    return f"<a href='{at}{name}'>{name}</a>"


def _unescaped(text: str) -> str:
    def char(match: re.Match[str]) -> str:
        try:
            return chr(int(match[1], 16)) if len(match[1]) == 2 else _refuse()
        except ValueError:
            return _refuse()

    return _ESCAPED.sub(char, text.replace("+", " "))


def _refuse() -> str:
    raise RpcFault(500, "Bad arg in URL")


def _value(word: str, kind: str) -> Any:
    if kind == "int":
        found = _NUMBER.match(word)
        if found is None:
            return 0
        digits = found[2]
        base = 16 if digits[1:2] in ("x", "X") else 8 if digits[0] == "0" else 10
        read = digits if base != 8 else (re.match("[0-7]+", digits) or ["0"])[0]
        return int(found[1] + read[:20], base)
    if kind == "float":
        number = _DECIMAL.match(word)
        return float(number[0]) if number else 0.0
    return word


def _shown(value: Any, depth: int = 0) -> str:
    """A value on lines of its own: members behind their names, those of inner structures further to the right."""
    if isinstance(value, Struct):
        return "".join(_member(name, member, depth) for name, member in value.members)
    if isinstance(value, list | tuple):
        return "".join(_shown(item, depth + 1) for item in value)
    text = _text(value)
    return f"{text}<br/>" if text else ""


def _member(name: str, value: Any, depth: int) -> str:
    head = "\t" * depth + escape(name, quote=False) + ": "
    if isinstance(value, Struct | list | tuple):
        inner = _shown(value, depth + 1 if isinstance(value, Struct) else depth)
        return f"{head}<br/>{inner}"
    return f"{head}{_text(value)}<br/>"


def _text(value: Any) -> str:
    return "" if value is None else f"{value:f}" if isinstance(value, float) else escape(str(value), quote=False)
