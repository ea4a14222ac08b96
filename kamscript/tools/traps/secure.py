"""Traps of TLS, and of XML-RPC: what 5.6.3 forgets, never runs, leaves null, or compares with something else."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from kamscript.script import nodes as n
from kamscript.source import Diagnostic
from kamscript.tools.traps import Config, constant, variable, variables_in

#: From which code on xmlrpc_reply() is to be a fault.
_FAULTS = 300
_NULL = frozenset(("tls_peer_subject", "tls_peer_issuer", "tls_my_subject", "tls_my_issuer"))
_CLIENT = re.compile(
    r"(?im)^[ \t]*\[[ \t]*(?:client|cli|c)[ \t]*:[ \t]*(?!(?:default|def|any|all)[ \t]*\])([^\]\n]+)\]"
)


def no_fault(config: Config) -> Iterator[Diagnostic]:
    """xmlrpc_reply() with a code for a fault."""
    for _, call in config.calls("xmlrpc_reply"):
        code = call.args[0] if call.args else None
        text = str(code.value) if isinstance(code, n.IntLit) else constant(code) or ""
        if text.isascii() and text.isdigit() and int(text) >= _FAULTS:
            yield Diagnostic(
                "no-fault",
                f"Kamailio 5.6 forgets the code {text} and answers 1: the client is told that all went well",
                call.args[0].pos,
                "warning",
            )


def never_opened(config: Config) -> Iterator[Diagnostic]:
    """event_route[tls:connection-out] while TCP is asynchronous."""
    settings = {item.name: item.value for item in config.resolved.config.items if isinstance(item, n.Setting)}
    waits = settings.get("tcp_buf_write")  # also called tcp_async
    if isinstance(waits, n.IntLit) and not waits.value:
        return
    for route in config.routes:
        if route.kind is n.RouteKind.EVENT and route.name == "tls:connection-out":
            yield Diagnostic(
                "never-opened",
                "with tcp_async Kamailio 5.6 does not run event_route[tls:connection-out]",
                route.pos,
                "warning",
                "tcp_async=no",
            )


def whole_names(config: Config) -> Iterator[Diagnostic]:
    """A whole name of a certificate."""
    for kind in (n.Pv, n.StrLit):
        for _, node in config.all(kind):
            found = [variable(node)] if isinstance(node, n.Pv) else variables_in(constant(node) or "")
            for name in sorted({part.name for part in found if part is not None} & _NULL):
                yield Diagnostic(
                    "whole-name",
                    f"${name} is always null in Kamailio 5.6",
                    node.pos,
                    "warning",
                    f"read its parts: ${name}_cn, ${name}_organization ...",
                )


def own_address(config: Config) -> Iterator[Diagnostic]:
    """`[client:ip:port]` in the file of profiles."""
    for module, line in config.resolved.params:
        path = constant(line.value) if (module, line.name) == ("tls", "config") else None
        if not path:
            continue
        folder = "" if path[0] in "/." else posixpath.dirname(config.resolved.config.files[0].path)
        try:
            text = config.reader.read(posixpath.join(folder, path))
        except OSError:
            continue
        for found in _CLIENT.finditer(text):
            yield Diagnostic(
                "own-address",
                f"{path}:{text.count(chr(10), 0, found.start()) + 1}: Kamailio compares {found[1].strip()} with the "
                "address that it connects from",
                line.value.pos,
                "warning",
                "give the profile a server_id, and say it in the XAVP of xavp_cfg",
            )


TRAPS = (no_fault, never_opened, whole_names, own_address)
