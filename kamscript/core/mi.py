"""MI, the management interface of the 4.x generation: commands and the trees they answer with (4.4: lib/kmi).

    reply = server.mi.run("dlg_list", ["a84b4c76e66710"])      # MiReply(200, "OK", nodes)
    reply.text()                                                # the lines that mi_fifo and mi_datagram write

A command is a method `(self, mi: Mi) -> MiReply | None` declared with `@mi` (see `kamscript.module`). None says that it
failed without an answer of its own. Channels read parameters off the wire, ask `run`, and write `text()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.server import Server

OK = "OK"
#: The reasons that commands share.
INTERNAL_ERROR = "Server Internal Error"
MISSING_PARAMETER = "Too few or too many arguments"
BAD_PARAMETER = "Bad parameter"


class Node:
    """A line of an answer or a parameter of a request: name and value, attributes, and the nodes below.

    An empty name is no name, an empty value no value: the line shows the difference only in `name:: `.
    """

    __slots__ = ("attributes", "children", "name", "value")

    def __init__(self, name: str = "", value: str | int = "") -> None:
        self.name, self.value = name, str(value)
        self.attributes: list[tuple[str, str]] = []
        self.children: list[Node] = []

    def add(self, name: str = "", value: str | int = "") -> Node:
        """Append a node below this one; returns it."""
        node = Node(name, value)
        self.children.append(node)
        return node

    def attribute(self, name: str, value: str | int = "") -> None:
        """Append an attribute."""
        self.attributes.append((name, str(value)))

    def line(self) -> str:
        """The node as channels write it, without indent and line end."""
        name = f"{self.name}:: " if self.name else ""
        attributes = "".join(f" {key}={value}" if key else value for key, value in self.attributes)
        return f"{name}{self.value}{attributes}"

    def lines(self, indent: str = "\t", level: int = 0) -> Iterable[str]:
        """This node and what is below it, a line each."""
        yield indent * level + self.line()
        for child in self.children:
            yield from child.lines(indent, level + 1)

    def __repr__(self) -> str:
        return f"<{self.line()} ({len(self.children)})>"


class MiReply:
    """What a command answers: code, reason, and the nodes of the top level.

    `bare`: no command answered; the code and reason are mi_fifo's (`500 command 'x' failed`), which writes that line
    alone, and other channels have their own.
    """

    __slots__ = ("bare", "code", "nodes", "reason")

    def __init__(self, code: int = 200, reason: str = OK, *, bare: bool = False) -> None:
        self.code, self.reason, self.bare = code, reason, bare
        self.nodes: list[Node] = []

    def add(self, name: str = "", value: str | int = "") -> Node:
        """Append a node to the top level; returns it."""
        node = Node(name, value)
        self.nodes.append(node)
        return node

    def text(self, indent: str = "\t") -> str:
        """Code and reason, then the nodes, each line with its end; not the empty line that ends a FIFO's answer."""
        lines = [f"{self.code} {self.reason}"]
        for node in self.nodes:
            lines.extend(node.lines(indent))
        return "\n".join(lines) + "\n"

    def __repr__(self) -> str:
        return f"<{self.code} {self.reason} {self.nodes}>"


class Mi:
    """A request: the command's name and its parameters, in order."""

    __slots__ = ("name", "params", "server")

    def __init__(self, server: Server, name: str, params: Sequence[str | Node]) -> None:
        self.server, self.name = server, name
        self.params = [param if isinstance(param, Node) else Node(value=param) for param in params]

    def __len__(self) -> int:
        return len(self.params)

    def value(self, position: int) -> str | None:
        """The value of a parameter, "" when it has none; None: there is no such parameter."""
        return self.params[position].value if position < len(self.params) else None


MiCommand = Callable[[Mi], "MiReply | None"]


class MiCommands:
    """Every MI command of one server: those that loaded modules declare, and those added at run time.

    The 5.x generation dropped MI, so a server of a later target has none.
    """

    __slots__ = ("_added", "_server", "_table")

    def __init__(self, server: Server) -> None:
        self._server = server
        self._added: dict[str, MiCommand] = {}
        self._table: dict[str, MiCommand] | None = None

    def _commands(self) -> dict[str, MiCommand]:
        table = self._table
        if table is None:
            table = self._table = {}
            if self._server.target in ("4.4", "all"):
                for module in self._server.modules.values():
                    for decl in type(module).mis.values():
                        table[decl.name] = getattr(module, decl.method)
                table.update(self._added)
        return table

    def names(self) -> list[str]:
        """All commands, in the order they were registered (modules in load order)."""
        return list(self._commands())

    def __contains__(self, name: str) -> bool:
        return name in self._commands()

    def add(self, name: str, command: MiCommand) -> None:
        """Register `command(mi)`."""
        self._added[name] = command
        self._table = None

    def run(self, name: str, params: Sequence[str | Node] = ()) -> MiReply:
        """Run a command. A text is a parameter without name; a Node may have one.

        Never raises for what a client sends: an unknown command and one that failed have `bare` answers.
        """
        command = self._commands().get(name)
        if command is None:
            return MiReply(500, f"command '{name}' not available", bare=True)
        reply = command(Mi(self._server, name, params))
        return MiReply(500, f"command '{name}' failed", bare=True) if reply is None else reply
