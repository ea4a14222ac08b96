"""RPC commands: the registry, the handle a command answers through, and its faults (core/rpc.h, core/rpc_lookup.c).

    answer = server.rpc.call("core.uptime", [])      # a list of what the command added, in order
    to_json(answer)                                   # plain lists and dicts

A command is a method declared with `@rpc` (see `kamscript.module`); `server.rpc.add` takes one at run time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from kamscript.script.bind import exists
from kamscript.values import parse_int

if TYPE_CHECKING:
    from kamscript.core.server import Server

F = TypeVar("F", bound=Callable[..., Any])


class RpcFault(Exception):
    """A command failed: `code` and `text` are what the client sees (code 500 when the command named none).

    `of_channel`: the command said nothing; the binary channel complains so about an argument, JSON channels do not.
    """

    def __init__(self, code: int, text: str, *, of_channel: bool = False) -> None:
        super().__init__(f"{code} {text}")
        self.code, self.text, self.of_channel = code, text, of_channel


class Struct:
    """Kamailio's struct: members in the order they were added; a name may come twice.

    `struct["name"]` is the first member of that name. With `array`, it is one of Kamailio's arrays of named members
    (`core.sockets_list`): the binary channel shows a struct, JSON a list of objects with one member each.
    """

    __slots__ = ("is_array", "members")

    def __init__(self, members: Mapping[str, Any] | None = None, *, is_array: bool = False, **more: Any) -> None:
        self.is_array = is_array
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
    if isinstance(value, Struct) and value.is_array:
        return [{name: to_json(member)} for name, member in value.members]
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

    __slots__ = ("answer", "arguments", "delayed", "failure", "mistyped", "name", "on_finish", "server")

    def __init__(self, server: Server, name: str, arguments: Sequence[Any] = ()) -> None:
        self.server, self.name = server, name
        self.arguments = list(arguments)
        self.answer: list[Any] = []
        self.failure: RpcFault | None = None
        self.mistyped: RpcFault | None = None  #: why `arguments` ends early: an optional one has another type
        self.delayed = False  #: the answer comes later: `on_finish(rpc)` is called then
        self.on_finish: Callable[[Rpc], object] | None = None

    def delay(self) -> None:
        """Say that the answer comes later (RPC_DELAYED_REPLY): the command keeps this handle and calls `finish`."""
        self.delayed = True

    def finish(self) -> None:
        """The delayed answer is complete."""
        if self.on_finish is not None:
            self.on_finish(self)

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
    """Every RPC command of one server: those that loaded modules declare, and those added at run time."""

    __slots__ = ("_added", "_server", "_table")

    def __init__(self, server: Server) -> None:
        self._server = server
        self._added: dict[str, tuple[Callable[..., Any], str]] = {}
        self._table: dict[str, tuple[Callable[..., Any], str]] | None = None

    def _commands(self) -> dict[str, tuple[Callable[..., Any], str]]:
        table = self._table
        if table is None:
            table = {}
            target = self._server.target
            for module in self._server.modules.values():
                for decl in type(module).rpcs.values():
                    if exists(decl.since, decl.until, target):
                        table[decl.name] = (getattr(module, decl.method), decl.doc)
            table.update(self._added)
            self._table = table
        return table

    def names(self) -> list[str]:
        """All commands, sorted as system.listMethods lists them."""
        return sorted(self._commands())

    def __contains__(self, name: str) -> bool:
        return name in self._commands()

    def doc(self, name: str) -> str:
        """What the command does; raises KeyError."""
        return self._commands()[name][1]

    def kinds(self, name: str, count: int = 0) -> tuple[str, ...]:
        """What a command's positional arguments are: "int", "float", "str" or "any"; raises KeyError.

        With `count`, those of the first `count` arguments of a call, `*args` included, as far as there are any.
        """
        kinds, _, rest = _wanted(self._commands()[name][0])
        return kinds if rest is None else kinds + (rest,) * (count - len(kinds))

    def add(self, name: str, command: Callable[..., Any], doc: str = "") -> None:
        """Register `command(rpc, *args)`."""
        self._added[name] = (command, doc)
        self._table = None

    def call(self, name: str, arguments: Sequence[Any] = (), *, convert: bool = True) -> list[Any]:
        """Run a command: what it added, in order (a delayed command's list fills later).

        Raises RpcFault: 500 for an unknown name, as the channels answer, else what the command says. See `start`.
        """
        rpc = self.start(name, arguments, convert=convert)
        if rpc.failure is not None:
            raise rpc.failure
        return rpc.answer

    def start(
        self,
        name: str,
        arguments: Sequence[Any] = (),
        *,
        convert: bool = True,
        on_finish: Callable[[Rpc], object] | None = None,
    ) -> Rpc:
        """Run a command for a channel; look at `failure` or `answer` of the result, or wait when it is `delayed`.

        Arguments are int, float or str. With `convert`, a text is read as a number and a number as a text where the
        command wants the other; without, that is a 400 fault as on the binary channel. A missing argument is a 400
        fault, extra ones are ignored.
        """
        rpc = Rpc(self._server, name, arguments)
        rpc.on_finish = on_finish
        found = self._commands().get(name)
        if found is None:
            rpc.failure = RpcFault(500, f"command {name} not found")
            return rpc
        command = found[0]
        try:
            values, rpc.mistyped = _convert(command, rpc.arguments, convert)
            if rpc.mistyped is not None:
                del rpc.arguments[len(values) :]
            result = command(rpc, *values)
        except RpcFault as fault:
            rpc.failure = rpc.failure or fault
        else:
            if result is not None:
                rpc.add(result)
            if rpc.mistyped is not None and rpc.failure is None and not rpc.answer and not rpc.delayed:
                rpc.failure = rpc.mistyped
        return rpc


def _convert(command: Callable[..., Any], arguments: list[Any], convert: bool) -> tuple[list[Any], RpcFault | None]:
    """The arguments as the command's annotations want them, and why those behind were not read.

    An optional argument of another type ends the reading; the command goes on without it.
    """
    kinds, required, rest = _wanted(command)
    out: list[Any] = []
    dot = _DOTS.get(getattr(command, "__func__", command), len(arguments))
    for position, value in enumerate(arguments):
        if position < len(kinds):
            kind = kinds[position]
        elif rest is not None:
            kind = rest
        else:
            break
        try:
            out.append(_value(value, kind, position, convert or position >= dot))
        except RpcFault as fault:
            if position >= required:
                return out, fault
            raise _fault_of(command, position) or fault from None
    if len(out) < required:
        raise _fault_of(command, len(out)) or no_argument(len(out), kinds[len(out)])
    return out, None


def no_argument(position: int, kind: str) -> RpcFault:
    """How the binary channel complains about an argument that is not there; `kind` is one of RpcCommands.kinds."""
    text = f"error at parameter {position}: expected {_TYPE[kind]} type but end of packet encountered"
    return RpcFault(400, text, of_channel=True)


def missing(code: int, *texts: str) -> Callable[[F], F]:
    """Say what a command answers when an argument is missing or of another type: one text each, the last for the rest.

    Stands below `@rpc`; without it the answer is the channel's.
    """

    def mark(method: F) -> F:
        _MISSING[method] = (code, texts)
        return method

    return mark


def converted(position: int) -> Callable[[F], F]:
    """Say that a command reads numbers as texts and texts as numbers from this argument on, whatever the channel does.

    The dot in the formats of rpc->scan(). Stands below `@rpc`.
    """

    def mark(method: F) -> F:
        _DOTS[method] = position
        return method

    return mark


def _fault_of(command: Callable[..., Any], position: int) -> RpcFault | None:
    found = _MISSING.get(getattr(command, "__func__", command))
    return RpcFault(found[0], found[1][min(position, len(found[1]) - 1)]) if found else None


#: By function: the code and the texts of `missing`.
_MISSING: dict[Any, tuple[int, tuple[str, ...]]] = {}
#: By function: the position of `converted`.
_DOTS: dict[Any, int] = {}


_TYPE = {"int": "integer", "float": "double", "str": "string", "any": "any"}
#: By function: kinds of its positional arguments, how many must be there, the kind of `*args`.
_SIGNATURES: dict[Any, tuple[tuple[str, ...], int, str | None]] = {}


def _wanted(command: Callable[..., Any]) -> tuple[tuple[str, ...], int, str | None]:
    function: Any = getattr(command, "__func__", command)
    wanted = _SIGNATURES.get(function)
    if wanted is None:
        wanted = _SIGNATURES[function] = _signature(command)
    return wanted


def _signature(command: Callable[..., Any]) -> tuple[tuple[str, ...], int, str | None]:
    kinds: list[str] = []
    required, rest = 0, None
    parameters = list(inspect.signature(command).parameters.values())[1:]  # without rpc
    for parameter in parameters:
        kind = _kind(parameter.annotation)
        if parameter.kind is parameter.VAR_POSITIONAL:
            rest = kind
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            kinds.append(kind)
            required += parameter.default is parameter.empty
    return tuple(kinds), required, rest


def _kind(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    words = {word.strip() for word in text.split("|")} - {"None"}
    return words.pop() if len(words) == 1 and words <= {"int", "float", "str"} else "any"


def _value(value: Any, kind: str, position: int, convert: bool) -> Any:
    if kind == "any":
        return value
    if kind == "int" and isinstance(value, int):
        return value
    if kind == "str" and isinstance(value, str):
        return value
    try:
        if kind == "float" and (convert or not isinstance(value, str)):
            return float(value)
        if convert and kind == "str" and isinstance(value, int | float):
            return f"{value:f}" if isinstance(value, float) else str(value)
        if convert and kind == "int":
            number = parse_int(value) if isinstance(value, str) else int(value)
            if number is not None:
                return number
    except (ValueError, OverflowError):  # no number, an infinite one, or one of thousands of digits
        pass
    text = f"error at parameter {position}: expected {_TYPE[kind]} type but record doesn't match type"
    raise RpcFault(400, text, of_channel=True)


_ARRAYS = """
cfg.list cnt.grps_list cnt.list_groups cnt.list_vars cnt.var_list core.arg core.echo core.modules core.ppdefines
core.ppdefines_full core.printi core.prints core.ps core.psa core.psx core.pwd core.tcp_list dbcl.list_clusters
dbcl.list_connections dlg.briefing dlg.list dlg.list_ctx dlg.list_match dlg.list_match_ctx dlg.profile_list
dmq.list_nodes htable.dump htable.listTables htable.stats imc.list_rooms jsonrpc.echo mod.mem_stats mod.mem_statsx
mod.stats mqueue.get_sizes mtree.list mtree.summary permissions.addressDump permissions.subnetDump pkg.stats
pl.get_pipes pl.list pl.stats rtpengine.show rtpproxy.list system.listMethods tls.list tm.list tm.t_uac_wait
uac.reg_dump dns.view corex.list_sockets corex.list_aliases stats.get_statistics presence.presentity_list
dlgs.briefing dlgs.get dlgs.getall dlgs.list autheph.dump_secrets presence.presentity_show presence.watcher_list
"""
#: Commands whose answer is a list even when it holds one value (RET_ARRAY), which JSON channels want to know.
RETURNS_ARRAY = frozenset(_ARRAYS.split())
#: Members that are arrays of named values, and commands that answer with one: in BINRPC they look like structs.
ARRAY_MEMBERS = frozenset(("AoRs", "Contacts", "Domains", "RECORDS", "TARGETS", "aliases"))
NAMED_ARRAYS = frozenset(("core.sockets_list",))


def with_arrays(value: Any) -> Any:
    """A value that came over BINRPC, with its known arrays marked as such."""
    if isinstance(value, Struct):
        marked = Struct()
        marked.members += [(name, with_arrays(member)) for name, member in value.members]
        for name, member in marked.members:
            if name in ARRAY_MEMBERS and isinstance(member, Struct):
                member.is_array = True
        return marked
    return [with_arrays(item) for item in value] if isinstance(value, list) else value
