"""The syntax tree of a config, as it stands after preprocessing. Nodes never change once made.

Every node has `pos`, the place of its first token, left out of comparisons: two texts that mean the same have equal
trees. Names are canonical: `sethost`, `seth` and `rewritehost` all give `CoreCall("sethost", ...)`; the source text is
`pos.text`. Sources: Kamailio's core/cfg.y and core/rvalue.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Literal

from kamscript.source import Diagnostic, Source, Span


@dataclass(frozen=True, slots=True)
class Node:
    """Anything in the tree."""

    pos: Span = field(compare=False, repr=False)


# --- expressions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Expr(Node):
    """Something with a value: an int, a str or null; see `kamscript.values`."""


@dataclass(frozen=True, slots=True)
class IntLit(Expr):
    """A number: decimal, `0x1f`, `017`, `101b`, or one of `yes true on enable no false off disable inet inet6`.

    A minus in front of a number literal is part of the literal. The value is a signed 32-bit integer.
    """

    value: int


@dataclass(frozen=True, slots=True)
class StrLit(Expr):
    """A text, escapes and `#!subst` already applied, adjacent texts joined. Pseudo-variables in it are not expanded
    here: whether they are is the business of the function that takes it."""

    value: str


@dataclass(frozen=True, slots=True)
class Pv(Expr):
    """A pseudo-variable as written: `$ru`, `$var(x)`, `$(hdr(To){s.len})`, `$rc`, `$?`.

    On the left of an assignment it is written to. `$name` that names no pseudo-variable class is the AVP `name`.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Attr(Expr):
    """An AVP in SER's notation: `$f.name`, `$name[2]`, `%t.name[]`, `$(g.name)` in SER compatibility mode.

    `track` is the class in front of the dot: `f t fr tr fu tu fd td g` or empty. `index` is a number (negative:
    counted from the end), "*" for `[]` and None without brackets.
    """

    track: str
    name: str
    index: int | Literal["*"] | None = None


@dataclass(frozen=True, slots=True)
class Select(Expr):
    """`@via[1].host`: a chain of names, each perhaps followed by an index. `("via", 1, "host")`."""

    path: tuple[str | int, ...]
    brackets: tuple[int, ...] = ()  #: positions in `path` that stood in brackets

    @property
    def text(self) -> str:
        """As written, `@` included."""
        out = "@"
        for i, part in enumerate(self.path):
            if i in self.brackets:
                out += f"[{part}]" if isinstance(part, int) else f'["{part}"]'
            else:
                out += ("." if i else "") + str(part)
        return out


class UnaryOp(StrEnum):
    """Operators with one operand."""

    NOT = "!"  #: 1 when the operand is 0 or empty, else 0 (also written `not`)
    BITNOT = "~"
    MINUS = "-"
    INT = "(int)"
    STR = "(str)"
    DEFINED = "defined"
    STRLEN = "strlen"
    STREMPTY = "strempty"


@dataclass(frozen=True, slots=True)
class Unary(Expr):
    """One operand with an operator or a cast in front, `strlen(x)` and `strempty(x)`."""

    op: UnaryOp
    operand: Expr


class BinaryOp(StrEnum):
    """Operators with two operands, lowest precedence first (`|` binds weaker than `&`, weaker than `^`, weaker than
    shifts, all weaker than comparisons)."""

    OR = "||"  #: also `or`; short-circuit, result 0 or 1
    AND = "&&"  #: also `and`
    BITOR = "|"
    BITAND = "&"
    BITXOR = "^"
    SHL = "<<"
    SHR = ">>"
    EQ = "=="  #: the type of the left operand decides; against `$null` on the right: "is it undefined?"
    NE = "!="
    IEQ = "ieq"  #: as integers
    INE = "ine"
    SEQ = "eq"  #: as texts
    SNE = "ne"
    MATCH = "=~"  #: left as text against the extended regular expression on the right (case-insensitive)
    GT = ">"
    LT = "<"
    GE = ">="
    LE = "<="
    ADD = "+"  #: integers add, texts join; decided by the left operand, at run time when that is a variable
    SUB = "-"
    MUL = "*"
    DIV = "/"
    MOD = "mod"


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """Two operands and an operator. When `right` is the pseudo-variable `$null`, EQ/IEQ/SEQ/MATCH ask whether the
    left is undefined and NE/INE/SNE whether it is defined."""

    op: BinaryOp
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Selval(Expr):
    """`selval(condition, then, otherwise)`: the value of one of two expressions."""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A function of a module: `t_relay("0x05")`. Its value is what it returned. Arguments are any expressions.

    `cline` is the line Kamailio names when it refuses the call (that of the closing parenthesis)."""

    name: str
    args: tuple[Expr, ...]
    cline: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Host(Node):
    """A bare host name or address where the grammar takes one: `forward(example.org)`, `src_ip == 10.0.0.1`.

    IPv6 is without brackets."""

    name: str


@dataclass(frozen=True, slots=True)
class Net(Node):
    """An address with a mask: `10.0.0.0/8`, `10.0.0.0/255.0.0.0`. `bits` is the mask as written."""

    address: str
    mask: str

    @property
    def text(self) -> str:
        """`address/mask`."""
        return f"{self.address}/{self.mask}"


@dataclass(frozen=True, slots=True)
class Proto(Node):
    """A transport name: `udp tcp tls sctp ws wss`, or `*` for any."""

    name: str


@dataclass(frozen=True, slots=True)
class Word(Node):
    """A bare word where a text is also possible: `method == INVITE`, the name in `setflag(FLT_ACC)`."""

    name: str


@dataclass(frozen=True, slots=True)
class Myself(Node):
    """`myself`: any address or alias of this server."""


@dataclass(frozen=True, slots=True)
class UriPart(Node):
    """`uri:host` or `uri:port` as an argument of the forward family."""

    part: Literal["host", "port"]


@dataclass(frozen=True, slots=True)
class SocketId(Node):
    """`proto:host:port` with optional parts; several `hosts` (in parentheses) form one multi-homed socket.

    `proto` is empty when not given, "*" for any; `port` 0 when not given or `*`. `port_end` (6.x) ends a range.
    """

    proto: str
    hosts: tuple[str, ...]
    port: int = 0
    port_end: int = 0


CoreArg = Expr | Host | Proto | Word | UriPart | SocketId


@dataclass(frozen=True, slots=True)
class CoreCall(Expr):
    """A command of the core, by its canonical name; arguments by position.

    No arguments: revert_uri force_rport add_local_rport userphone clear_branches set_forward_no_connect
    set_reply_no_connect set_forward_close set_reply_close force_tcp_alias([port]) remove_branch([index])
    One text (StrLit): sethost sethostport sethostporttrans setuser setuserpass setport seturi prefix exec cfg_reset
    One number (IntLit): strip strip_tail set_advertised_port
    forward forward_udp forward_tcp forward_tls forward_sctp: `()`, (Host|StrLit|UriPart[, IntLit|UriPart])
    log([IntLit,] StrLit); error(StrLit, StrLit)
    setflag resetflag isflagset: IntLit or Word, a name from `flags`
    setavpflag resetavpflag isavpflagset: (Attr|Pv|StrLit, Word)
    set_advertised_address(Host|StrLit), force_send_socket(SocketId), udp_mtu_try_proto(Proto)
    cfg_select(StrLit, Expr)
    """

    name: str
    args: tuple[CoreArg, ...]


@dataclass(frozen=True, slots=True)
class RouteCall(Expr):
    """`route(NAME)`: run another request route as a subroutine. `target` is a StrLit for constant names and numbers,
    any expression otherwise (the route is looked up when it runs). Its value is the route's return code."""

    target: Expr


@dataclass(frozen=True, slots=True)
class CoreTest(Expr):
    """A comparison whose left side is a keyword of the core.

    `subject` is one of: method uri from_uri to_uri src_ip dst_ip snd_ip to_ip src_port dst_port snd_port to_port
    proto snd_proto af snd_af msg:len. In reply routes `status` is the same as `uri` (subject "uri"). `op` is one of
    == != =~ < > <= >=. `value` is an expression, `Myself`, a `Word` (method), `Host`, `Net` or `Proto`.
    `myself == uri` is written `uri == myself` here.
    """

    subject: str
    op: BinaryOp
    value: Expr | Myself | Word | Host | Net | Proto


@dataclass(frozen=True, slots=True)
class BlockExpr(Expr):
    """`{ statements }` as a value: the return code of the last statement."""

    body: Block


@dataclass(frozen=True, slots=True)
class AssignExpr(Expr):
    """`($x = value)` inside an expression."""

    assignment: Assign


# --- statements -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Statement(Node):
    """Something a route does. `cline` is the line that Kamailio keeps for the action (`$cfg(line)`, cfgtrace, log
    messages): where its scanner stood when the statement was complete, so an `if` carries the line behind its end."""

    cline: int = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Block(Node):
    """Statements in a row: a route's body, a branch of an `if`. Empty statements are left out."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Do(Statement):
    """A call standing alone."""

    call: Call | CoreCall | RouteCall


@dataclass(frozen=True, slots=True)
class Assign(Statement):
    """`target = value`. Assigning null deletes or resets, as the pseudo-variable does."""

    target: Pv | Attr
    value: Expr


@dataclass(frozen=True, slots=True)
class If(Statement):
    """`if condition then else otherwise`; parentheses are part of the condition, braces optional."""

    condition: Expr
    then: Block
    otherwise: Block | None = None


@dataclass(frozen=True, slots=True)
class While(Statement):
    """`while`: at most `max_while_loops` turns (default 100)."""

    condition: Expr
    body: Block


@dataclass(frozen=True, slots=True)
class Case(Node):
    """One label of a switch with the statements behind it, which fall through into the next case without `break`.

    `label` is a constant expression, None for `default:`; `regex` marks `case /"^a"`.
    """

    label: Expr | None
    regex: bool
    body: Block


@dataclass(frozen=True, slots=True)
class Switch(Statement):
    """`switch(subject) { case ... }`; all labels are integers, or all are texts and regular expressions."""

    subject: Expr
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Jump(Statement):
    """`return`, `exit`, `drop` or `break`, perhaps with a value (Kamailio's default: return 1, exit 1, drop 0)."""

    kind: Literal["return", "exit", "drop", "break"]
    value: Expr | None = None


@dataclass(frozen=True, slots=True)
class Broken(Statement):
    """What could be read of a statement with a syntax error. Only in the trees of `parse.read`, never of `parse`.

    `target` is the left side of an assignment that broke behind it."""

    parts: tuple[Node, ...]
    target: Pv | Attr | None = None


# --- the top level ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item(Node):
    """Something at the top level."""


class RouteKind(StrEnum):
    """The kinds of route block; the value is how a config writes it."""

    REQUEST = "request_route"  #: main (name empty) and `route[NAME]`
    FAILURE = "failure_route"
    REPLY = "reply_route"  #: the core's, for every reply: `reply_route`, `onreply_route`, `onreply_route[0]`
    ONREPLY = "onreply_route"  #: tm's, named
    BRANCH = "branch_route"
    ONSEND = "onsend_route"
    EVENT = "event_route"


@dataclass(frozen=True, slots=True)
class Route(Item):
    """A route block. Several main request routes (and other unnamed ones) run as one, in the order of the text."""

    kind: RouteKind
    name: str
    body: Block
    cline: int = field(default=0, compare=False, repr=False)  #: the line Kamailio names for a duplicate: that of `}`


@dataclass(frozen=True, slots=True)
class Setting(Item):
    """A core parameter by its canonical name (see `kamscript.script.settings`): `children = 8`, `kemi.*_callback`."""

    name: str
    value: IntLit | StrLit | Word | Host | Proto


@dataclass(frozen=True, slots=True)
class Listen(Item):
    """`listen = udp:10.0.0.1:5060 advertise sip.example.org:5060 name "a" virtual`, or 6.x's `socket = { ... }`."""

    sockets: tuple[SocketId, ...]
    advertise: SocketId | None = None
    name: str = ""
    virtual: bool = False
    workers: int = 0  #: 6.x
    agname: str = ""  #: 6.x
    vrf: str = ""  #: 6.x
    block: bool = False  #: written as `socket = { ... }`


@dataclass(frozen=True, slots=True)
class Alias(Item):
    """`alias = example.org tcp:example.net:5062`: names of this server."""

    names: tuple[SocketId, ...]


@dataclass(frozen=True, slots=True)
class LoadModule(Item):
    """`loadmodule "tm.so"`; `expand` for loadmodulex (pseudo-variables in the path); `options` are 6.x's."""

    path: str
    expand: bool = False
    options: str | None = None

    @property
    def module(self) -> str:
        """The bare module name."""
        name = self.path.rsplit("/", 1)[-1]
        return name[:-3] if name.endswith(".so") else name


@dataclass(frozen=True, slots=True)
class LoadPath(Item):
    """`loadpath "dir:dir"`, also `mpath`."""

    path: str


@dataclass(frozen=True, slots=True)
class ModParam(Item):
    """`modparam("module", "name", value)`. `module` is an extended regular expression over module names (with `|`).

    `expand` for modparamx: pseudo-variables in a text value are evaluated once, at load, and a Pv is possible.
    """

    module: str
    name: str
    value: IntLit | StrLit | Pv
    expand: bool = False
    cline: int = field(default=0, compare=False, repr=False)  #: the line Kamailio names when it refuses it


@dataclass(frozen=True, slots=True)
class CfgEngine(Item):
    """`cfgengine "lua"`: routing logic in another language; "native" and "default" mean this one."""

    name: str


@dataclass(frozen=True, slots=True)
class CustomVar(Item):
    """`group.name = value desc "..."`: a variable of the config framework, read as `$sel(cfg_get.group.name)` and
    `@cfg_get.group.name`; `instance` for `group[3].name = value`."""

    group: str
    name: str
    value: IntLit | StrLit
    description: str = ""
    instance: int | None = None


@dataclass(frozen=True, slots=True)
class Flags(Item):
    """`flags a:1, b` (names for message flags) or `avpflags c`; a number of None takes the next free one."""

    kind: Literal["flags", "avpflags"]
    entries: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Config:
    """A whole config, includes read and defines applied.

    `items` in the order of the text; `files` are all sources that were read, the main one first; `defines` the names
    still defined at the end, with their values ("" for none); `missing` the names of import_file that were not found;
    `environment` the variables that were asked for; `warnings` what Kamailio warns of and goes on.
    """

    items: tuple[Item, ...]
    files: tuple[Source, ...] = field(compare=False, repr=False, default=())
    defines: dict[str, str] = field(compare=False, repr=False, default_factory=dict)
    missing: tuple[str, ...] = field(compare=False, repr=False, default=())
    environment: dict[str, str | None] = field(compare=False, repr=False, default_factory=dict)
    warnings: tuple[Diagnostic, ...] = field(compare=False, repr=False, default=())

    @property
    def routes(self) -> list[Route]:
        """All route blocks, in the order of the text."""
        return [item for item in self.items if isinstance(item, Route)]


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`, in the order of the text."""
    for entry in fields(node):
        value = getattr(node, entry.name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            for part in value:
                if isinstance(part, Node):
                    yield part


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it, top down, in the order of the text, without recursion."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(list(children(current))))
