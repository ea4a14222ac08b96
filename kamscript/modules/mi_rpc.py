"""mi_rpc: MI commands of the 4.x generation as RPC commands: `kamcmd mi dlg_list`.

The four commands differ in how the tree is printed. A parameter `--name` gives a name to the one behind it.
Source: mi_rpc manual and modules/mi_rpc/mi_rpc_mod.c of Kamailio 4.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kamscript.core.mi import MiReply, Node
from kamscript.module import Module, Param, rpc

if TYPE_CHECKING:
    from kamscript.core.rpc import Rpc

MAX_LINE = 511  #: longest line of an answer
MAX_DEPTH = 31  #: levels that there is room for in front of a line


class MiRpc(Module, name="mi_rpc"):
    """Run MI commands by RPC."""

    rpc_url = Param(
        "",
        "Server that the MI command `rpc` runs RPC commands on.",
        until="4.4",
        inert="there is no MI command rpc: RPC commands are run over module ctl",
    )

    @rpc("mi", until="4.4")
    def mi(self, rpc: Rpc, command: str = "", *params: str) -> None:
        """Run an MI command: its lines as values. One that fails is a fault with its code and reason."""
        reply = self._run(rpc, command, params)
        if reply is not None and self._fine(rpc, reply):
            self._print(rpc, reply, "\t", "")

    @rpc("mi_fifo", until="4.4")
    def mi_fifo(self, rpc: Rpc, command: str = "", *params: str) -> None:
        """Run an MI command: the lines that mi_fifo writes, line ends included; also the code and the reason."""
        reply = self._run(rpc, command, params)
        if reply is not None:
            rpc.add(f"{reply.code} {reply.reason}\n")
            if self._print(rpc, reply, "\t", "\n"):
                rpc.add("\n")

    @rpc("mi_dg", until="4.4")
    def mi_dg(self, rpc: Rpc, command: str = "", *params: str) -> None:
        """Run an MI command: the lines that mi_datagram writes, line ends included; also the code and the reason."""
        reply = self._run(rpc, command, params)
        if reply is not None:
            rpc.add(f"{reply.code} {reply.reason}\n")
            self._print(rpc, reply, "\t", "\n")

    @rpc("mi_xmlrpc", until="4.4")
    def mi_xmlrpc(self, rpc: Rpc, command: str = "", *params: str) -> None:
        """Run an MI command: its lines with their ends and without indent. One that fails is a fault."""
        reply = self._run(rpc, command, params)
        if reply is not None and self._fine(rpc, reply):
            self._print(rpc, reply, "", "\n")

    def _run(self, rpc: Rpc, command: str, params: Iterable[str]) -> MiReply | None:
        """The answer of an MI command; None, and a fault, for none."""
        if not command:
            rpc.fault(500, "command parameter missing")
            return None
        if command not in self.server.mi:
            rpc.fault(500, "command not available")
            return None
        nodes: list[Node] = []
        values = iter(params)
        for value in values:
            name = ""
            if value.startswith("--"):
                name, given = value[2:], next(values, None)
                if given is None:
                    rpc.fault(500, "cannot parse parameters")
                    return None
                value = given
            nodes.append(Node(name, value))
        reply = self.server.mi.run(command, nodes)
        if reply.bare:
            rpc.fault(500, "execution failed")
            return None
        return reply

    def _fine(self, rpc: Rpc, reply: MiReply) -> bool:
        if 200 <= reply.code <= 299:
            return True
        rpc.fault(reply.code, reply.reason)
        return False

    def _print(self, rpc: Rpc, reply: MiReply, indent: str, end: str) -> bool:
        """Add a value for each line; False, and a fault, when one is too long."""
        for level, node in _walk(reply.nodes):
            # Unlike the other channels these write the separator also behind no name.
            line = indent * level + (node.line() if node.name else f":: {node.line()}") + end
            if len(line) > MAX_LINE:
                rpc.fault(500, "Line too long")
                return False
            rpc.add(line)
        return True


def _walk(nodes: Iterable[Node], level: int = 0) -> Iterable[tuple[int, Node]]:
    if level > MAX_DEPTH:
        return
    for node in nodes:
        yield level, node
        yield from _walk(node.children, level + 1)
