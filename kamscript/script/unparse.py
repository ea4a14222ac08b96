"""Tree to text: a config written out so that it reads back as the same tree.

Comments, defines and includes are gone by then; `fmt` works on tokens for those who want to keep them. Texts come in
double quotes, numbers in decimal, every body in braces.
"""

from __future__ import annotations

from collections.abc import Iterator

from kamscript.script import nodes as n
from kamscript.values import INT_MIN

_PRECEDENCE = {
    n.BinaryOp.OR: 1, n.BinaryOp.AND: 2, n.BinaryOp.BITOR: 3, n.BinaryOp.BITAND: 4, n.BinaryOp.BITXOR: 5,
    n.BinaryOp.SHL: 6, n.BinaryOp.SHR: 7, n.BinaryOp.EQ: 8, n.BinaryOp.NE: 8, n.BinaryOp.IEQ: 8, n.BinaryOp.INE: 8,
    n.BinaryOp.SEQ: 8, n.BinaryOp.SNE: 8, n.BinaryOp.MATCH: 8, n.BinaryOp.GT: 9, n.BinaryOp.LT: 9, n.BinaryOp.GE: 9,
    n.BinaryOp.LE: 9, n.BinaryOp.ADD: 10, n.BinaryOp.SUB: 10, n.BinaryOp.MUL: 11, n.BinaryOp.DIV: 11,
    n.BinaryOp.MOD: 11,
}  # fmt: skip
_UNARY = 12
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a"}


def unparse(config: n.Config) -> str:
    """The whole config; `parse` of it gives an equal tree."""
    return "".join(f"{line}\n" for item in config.items for line in _item(item))


def text(value: str) -> str:
    """A text literal in double quotes."""
    return '"' + "".join(_ESCAPES.get(c) or (c if " " <= c < "\x7f" else f"\\x{ord(c):02x}") for c in value) + '"'


# --- the top level ---


def _item(item: n.Item) -> Iterator[str]:
    if isinstance(item, n.Route):
        name = f"[{item.name if item.kind is n.RouteKind.EVENT else _name(item.name)}]" if item.name else ""
        word = "route" if item.kind is n.RouteKind.REQUEST and item.name else item.kind.value
        yield f"{word}{name} {{"
        yield from _statements(item.body, 1)
        yield "}"
    elif isinstance(item, n.Listen):
        yield _listen(item)
    else:
        yield _line(item)


def _line(item: n.Item) -> str:
    if isinstance(item, n.Setting):
        name = item.name
        if name.startswith("coreparam."):
            name = f"coreparam[{text(name.removeprefix('coreparam.'))}]"
        return f"{name} = {_setting(item.value)}"
    if isinstance(item, n.Alias):
        return "alias = " + " ".join(map(_socket, item.names))
    if isinstance(item, n.LoadModule):
        word = "loadmodulex" if item.expand else "loadmodule"
        if item.options is not None:
            return f"{word}({text(item.path)}, {text(item.options)})"
        return f"{word} {text(item.path)}"
    if isinstance(item, n.LoadPath):
        return f"loadpath {text(item.path)}"
    if isinstance(item, n.ModParam):
        word = "modparamx" if item.expand else "modparam"
        return f"{word}({text(item.module)}, {text(item.name)}, {_atom(item.value)})"
    if isinstance(item, n.CfgEngine):
        return f"cfgengine {text(item.name)}"
    if isinstance(item, n.CustomVar):
        group = item.group if item.instance is None else f"{item.group}[{item.instance}]"
        tail = f" desc {text(item.description)}" if item.description else ""
        return f"{group}.{item.name} = {_atom(item.value)}{tail}"
    assert isinstance(item, n.Flags)
    entries = (text(name) + ("" if number is None else f":{number}") for name, number in item.entries)
    return f"{item.kind} {', '.join(entries)}"


def _setting(value: n.Node) -> str:
    if isinstance(value, n.Host):
        return _host(value.name)
    return _atom(value)


def _listen(item: n.Listen) -> str:
    if item.block:
        parts = [f"bind = {_socket(s)};" for s in item.sockets]
        parts += [f"advertise = {_socket(item.advertise)};"] if item.advertise else []
        parts += [f"name = {text(item.name)};"] if item.name else []
        parts += [f"agname = {text(item.agname)};"] if item.agname else []
        parts += [f"vrf = {text(item.vrf)};"] if item.vrf else []
        parts += [f"workers = {item.workers};"] if item.workers else []
        parts += ["virtual = 1;"] if item.virtual else []
        return "socket = { " + " ".join(parts) + " }"
    line = "listen = " + " ".join(map(_socket, item.sockets))
    line += f" advertise {_socket(item.advertise)}" if item.advertise else ""
    line += f" name {text(item.name)}" if item.name else ""
    return line + (" virtual" if item.virtual else "")


def _socket(item: n.SocketId) -> str:
    hosts = [_host(name) for name in item.hosts]
    out = hosts[0] if len(hosts) == 1 else f"({', '.join(hosts)})"
    out = f"{item.proto}:{out}" if item.proto else out
    if item.port:
        out += f":{item.port}" + (f"-{item.port_end}" if item.port_end else "")
    return out


def _host(name: str) -> str:
    if ":" in name:
        return f"[{name}]"
    parts = name.split(".")
    return name if len(parts) == 4 and all(p.isdigit() for p in parts) else text(name)


def _name(name: str) -> str:
    return text(name)


# --- statements ---


def _statements(block: n.Block, depth: int) -> Iterator[str]:
    pad = "    " * depth
    if not block.statements:
        yield f"{pad};"
    for statement in block.statements:
        yield from _statement(statement, pad, depth)


def _statement(node: n.Statement, pad: str, depth: int) -> Iterator[str]:
    if isinstance(node, n.Do):
        yield f"{pad}{_expr(node.call)};"
    elif isinstance(node, n.Assign):
        yield f"{pad}{_expr(node.target)} = {_expr(node.value)};"
    elif isinstance(node, n.Jump):
        yield f"{pad}{node.kind}{'' if node.value is None else f' ({_expr(node.value)})'};"
    elif isinstance(node, n.While):
        yield f"{pad}while ({_expr(node.condition)}) {{"
        yield from _statements(node.body, depth + 1)
        yield f"{pad}}}"
    elif isinstance(node, n.If):
        yield from _if(node, pad, depth)
    elif isinstance(node, n.Switch):
        yield f"{pad}switch ({_expr(node.subject)}) {{"
        for case in node.cases:
            label = "default" if case.label is None else f"case {'/' if case.regex else ''}{_expr(case.label)}"
            yield f"{pad}    {label}:"
            if case.body.statements:
                yield from _statements(case.body, depth + 2)
        yield f"{pad}}}"


def _if(node: n.If, pad: str, depth: int) -> Iterator[str]:
    head = f"{pad}if"
    while True:
        yield f"{head} ({_expr(node.condition)}) {{"
        yield from _statements(node.then, depth + 1)
        other = node.otherwise
        if other is None:
            break
        if len(other.statements) == 1 and isinstance(other.statements[0], n.If):
            node, head = other.statements[0], f"{pad}}} else if"
            continue
        yield f"{pad}}} else {{"
        yield from _statements(other, depth + 1)
        break
    yield f"{pad}}}"


# --- expressions ---


def _expr(node: n.Node, least: int = 0) -> str:
    """An expression, in parentheses when it binds weaker than its surroundings ask."""
    if isinstance(node, n.Binary):
        mine = _PRECEDENCE[node.op]
        out = f"{_expr(node.left, mine)} {node.op} {_expr(node.right, mine + 1)}"
        return f"({out})" if mine < least else out
    if isinstance(node, n.CoreTest):
        mine = _PRECEDENCE[node.op]
        out = f"{node.subject} {node.op} {_test_value(node.value, mine)}"
        # A test swallows what follows and binds tighter, so it stands in parentheses inside of anything else.
        return f"({out})" if least else out
    if isinstance(node, n.Unary):
        if node.op in (n.UnaryOp.STRLEN, n.UnaryOp.STREMPTY):
            return f"{node.op}({_expr(node.operand)})"
        if node.op is n.UnaryOp.MINUS:
            inner = _expr(node.operand, _UNARY)
            # `- 5` would read as one number, `-(5)` too.
            return f"-{inner}" if not isinstance(node.operand, n.IntLit) or inner.startswith("-") else f"- {inner}"
        space = " " if node.op is n.UnaryOp.DEFINED else ""
        return f"{node.op}{space}{_expr(node.operand, _UNARY)}"
    return _atom(node)


def _test_value(value: n.Node, mine: int) -> str:
    if isinstance(value, n.Myself):
        return "myself"
    if isinstance(value, n.Net):
        return value.text
    if isinstance(value, n.Host):
        return f"[{value.name}]" if ":" in value.name else value.name
    if isinstance(value, (n.Word, n.Proto)):
        return value.name
    return _expr(value, mine + 1)


def _atom(node: n.Node) -> str:
    if isinstance(node, n.IntLit):
        return str(node.value) if node.value != INT_MIN else "0x80000000"
    if isinstance(node, n.StrLit):
        return text(node.value)
    if isinstance(node, (n.Pv, n.Select)):
        return node.text
    if isinstance(node, n.Attr):
        index = "" if node.index is None else "[]" if node.index == "*" else f"[{node.index}]"
        return f"%{node.track}{'.' if node.track else ''}{node.name}{index}"
    if isinstance(node, n.Selval):
        return f"selval({_expr(node.condition)}, {_expr(node.then)}, {_expr(node.otherwise)})"
    if isinstance(node, n.Call):
        return f"{node.name}({', '.join(map(_expr, node.args))})"
    if isinstance(node, n.CoreCall):
        return f"{node.name}({', '.join(map(_argument, node.args))})"
    if isinstance(node, n.RouteCall):
        return f"route({_expr(node.target)})"
    if isinstance(node, n.BlockExpr):
        return "{ " + " ".join(line.strip() for line in _statements(node.body, 0)) + " }"
    if isinstance(node, n.AssignExpr):
        return f"({_expr(node.assignment.target)} = {_expr(node.assignment.value)})"
    if isinstance(node, (n.Word, n.Proto)):
        return node.name
    raise TypeError(f"no text for {type(node).__name__}")


def _argument(node: n.Node) -> str:
    if isinstance(node, n.Host):
        return f"[{node.name}]" if ":" in node.name else node.name
    if isinstance(node, n.UriPart):
        return f"uri:{node.part}"
    if isinstance(node, n.SocketId):
        return _socket(node)
    return _expr(node)
