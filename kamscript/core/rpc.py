"""RPC commands: the registry, the handle a command answers through, and its faults (core/rpc.h, core/rpc_lookup.c).

    answer = server.rpc.call("core.uptime", [])      # a list of what the command added, in order
    to_json(answer)                                   # plain lists and dicts

A command is a method declared with `@rpc` (see `kamscript.module`); `server.rpc.add` takes one at run time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kamscript.core.server import Server


class RpcFault(Exception):
    """A command failed: `code` and `text` are what the client sees (code 500 when the command named none)."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code, self.text = code, text


class Struct:
    """Kamailio's struct: members in the order they were added; a name may come twice.

    `struct["name"]` is the first member of that name.
    """

    __slots__ = ("members",)

    def __init__(self, members: Mapping[str, Any] | None = None, **more: Any) -> None:
        self.members: list[tuple[str, Any]] = []
        for source in (members or {}), more:
            for name, value in source.items():
                self.add(name, value)

    def add(self, name: str, value: Any) -> Any:
        """Append a member; a dict becomes a struct. Returns what was added."""
        value = as_value(value)
        self.members.append((name, value))
        return value

    def struct(self, name: str) -> Struct:
        """Append and return an empty struct."""
        return self.add(name, Struct())  # type: ignore[no-any-return]

    def array(self, name: str) -> list[Any]:
        """Append and return an empty array."""
        return self.add(name, [])  # type: ignore[no-any-return]

    def __getitem__(self, name: str) -> Any:
        for key, value in self.members:
            if key == name:
                return value
        raise KeyError(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The first member called `name`."""
        return next((value for key, value in self.members if key == name), default)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Struct) and self.members == other.members

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{k}: {v!r}" for k, v in self.members) + "}"


def as_value(value: Any) -> Any:
    """`value` as an RPC value: int, float, str, list (array) or Struct; dicts become structs."""
    if isinstance(value, dict):
        return Struct(value)
    if isinstance(value, bool):
        return int(value)
    return value


def to_json(value: Any) -> Any:
    """`value` with structs as dicts. A member that comes twice becomes a list, so that nothing is lost."""
    if isinstance(value, Struct):
        out: dict[str, Any] = {}
        counts: dict[str, int] = {}
        for name, member in value.members:
            counts[name] = counts.get(name, 0) + 1
            if counts[name] == 1:
                out[name] = to_json(member)
            elif counts[name] == 2:
                out[name] = [out[name], to_json(member)]
            else:
                out[name].append(to_json(member))
        return out
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


class Rpc:
    """What a command answers through: `add` values, or `fault`. Also carries the raw arguments.

    `rpc.answer` is the list of values; when the command returns something other than None, that is added too.
    """

    __slots__ = ("answer", "arguments", "failure", "name", "server")

    def __init__(self, server: Server, name: str, arguments: Sequence[Any] = ()) -> None:
        self.server, self.name = server, name
        self.arguments = list(arguments)
        self.answer: list[Any] = []
        self.failure: RpcFault | None = None

    def add(self, *values: Any) -> Any:
        """Append values to the answer: int, float, str, dict or Struct, list. Returns the last, as it was added."""
        value: Any = None
        for value in values:
            value = as_value(value)
            self.answer.append(value)
        return value

    def struct(self, **members: Any) -> Struct:
        """Append and return a struct."""
        return self.add(Struct(members))  # type: ignore[no-any-return]

    def array(self) -> list[Any]:
        """Append and return an empty array."""
        return self.add([])  # type: ignore[no-any-return]

    def fault(self, code: int, text: str) -> RpcFault:
        """The command failed. Both `raise rpc.fault(404, "...")` and a plain `return` behind it work."""
        fault = RpcFault(code, text)
        if self.failure is None:
            self.failure = fault
        return fault


class RpcCommands:
    """Every RPC command of one server."""

    def __init__(self, server: Server) -> None:
        raise NotImplementedError

    def names(self) -> list[str]:
        """All commands, as system.listMethods lists them."""
        raise NotImplementedError

    def doc(self, name: str) -> str:
        """What the command does; raises KeyError."""
        raise NotImplementedError

    def add(self, name: str, command: Callable[..., Any], doc: str = "") -> None:
        """Register `command(rpc, *args)`."""
        raise NotImplementedError

    def call(self, name: str, arguments: Sequence[Any] = ()) -> list[Any]:
        """Run a command: what it added, in order. Raises RpcFault (405 for an unknown name).

        Arguments are int, float or str; a text is read as a number where the command wants one, as the control
        channels do. A missing or extra one follows Kamailio: missing is a 400 fault, extra ones are ignored.
        """
        raise NotImplementedError


__all__ = ["Rpc", "RpcCommands", "RpcFault", "Struct", "as_value", "to_json"]
