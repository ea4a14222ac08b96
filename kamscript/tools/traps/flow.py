"""Traps of the way a route runs: what never runs, what runs once too often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from kamscript.script import nodes as n
from kamscript.source import Diagnostic
from kamscript.tools.traps import Config, constant

#: Functions that answer a request, with the position of the code among their arguments.
_REPLIES = {"sl_send_reply": 0, "send_reply": 0, "t_reply": 0, "sl_reply": 0}
#: Calls that send the request on.
_RELAYS = frozenset(("t_relay", "t_relay_to", "t_relay_to_udp", "t_relay_to_tcp", "forward"))


def ends(statements: Sequence[n.Statement]) -> bool:
    """Whether nothing behind these statements can run."""
    return any(_leaves(statement) for statement in statements)


def _leaves(statement: n.Statement) -> bool:
    if isinstance(statement, n.Jump):
        return True
    if isinstance(statement, n.If) and statement.otherwise is not None:
        return ends(statement.then.statements) and ends(statement.otherwise.statements)
    return False


def unreachable(config: Config) -> Iterator[Diagnostic]:
    """A statement behind `exit`, `return`, `drop` or `break`."""
    for _, block in config.all(n.Block):
        yield from _dead(block.statements)


def _dead(statements: Sequence[n.Statement]) -> Iterator[Diagnostic]:
    for before, after in pairwise(statements):
        if _leaves(before):
            # A second exit loses nothing, and behind an #!ifdef block the code runs when the block is not there.
            if isinstance(after, n.Jump) or _directive_between(before, after):
                return
            why = before.kind if isinstance(before, n.Jump) else "both branches of the if above leave the route"
            where = f"behind {why}" if isinstance(before, n.Jump) else f"because {why}"
            yield Diagnostic("unreachable-code", f"this never runs, {where}", after.pos, "warning")
            return


def _directive_between(before: n.Statement, after: n.Statement) -> bool:
    source = before.pos.source
    if after.pos.source is not source:
        return True
    between = source.text[before.pos.start : after.pos.start]
    return "#!" in between or "!!" in between


def fall_through(config: Config) -> Iterator[Diagnostic]:
    """A `case` with statements that runs on into the next one."""
    for _, switch in config.all(n.Switch):
        for case, following in pairwise(switch.cases):
            if case.body.statements and not ends(case.body.statements):
                yield Diagnostic(
                    "fall-through",
                    "the case above has no break: its statements run on into this one",
                    following.pos,
                    "warning",
                    "end the case above with break",
                )


def return_zero(config: Config) -> Iterator[Diagnostic]:
    """`return 0` in a route that others call: it ends the whole script."""
    for route, jump in config.all(n.Jump):
        value = jump.value
        if jump.kind != "return" or not isinstance(value, n.IntLit) or value.value != 0:
            continue
        if route.kind is n.RouteKind.REQUEST and route.name:
            yield Diagnostic(
                "return-zero",
                "return 0 ends the whole script, as exit does; the caller does not go on",
                jump.pos,
                "warning",
                "return -1 says no to the caller; write exit to end the script",
            )


def answered_twice(config: Config) -> Iterator[Diagnostic]:
    """A final reply, and then another one or a relay, with nothing between that could leave."""
    for _, block in config.all(n.Block):
        answer: n.Call | None = None
        for statement in block.statements:
            call = statement.call if isinstance(statement, n.Do) else None
            if answer is not None and call is not None and _answers(call):
                text = f"the request was answered above ({answer.name}), and this {_does(call)}"
                hint = "write exit behind the reply"
                yield Diagnostic("answered-twice", text, call.pos, "warning", hint)
                break
            if isinstance(call, n.Call) and _is_final(call):
                answer = call
            elif call is None and not isinstance(statement, n.Assign):
                answer = None  # it may leave here
            elif isinstance(call, n.RouteCall):
                answer = None


def _is_final(call: n.Call) -> bool:
    at = _REPLIES.get(call.name)
    if at is None or at >= len(call.args):
        return False
    code = call.args[at]
    text = constant(code)
    number = code.value if isinstance(code, n.IntLit) else int(text) if text is not None and text.isdigit() else 0
    return 200 <= number <= 699


def _answers(call: n.Expr) -> bool:
    name = getattr(call, "name", "")
    return name in _RELAYS or (isinstance(call, n.Call) and _is_final(call))


def _does(call: n.Expr) -> str:
    return "relays it as well" if getattr(call, "name", "") in _RELAYS else "answers it again"


def assigned(config: Config) -> Iterator[Diagnostic]:
    """`if (($var(x) = 1))`: always true."""
    for node in conditions(config):
        if isinstance(node, n.AssignExpr):
            yield Diagnostic(
                "assignment-in-condition",
                "this assigns, and is true whatever the value",
                node.assignment.pos,
                "warning",
                "write == to compare",
            )


def conditions(config: Config) -> Iterator[n.Expr]:
    """Everything that stands as a condition, alone or with `!`, `&&` and `||`."""
    for _, branch in config.all(n.If):
        yield from operands(branch.condition)
    for _, loop in config.all(n.While):
        yield from operands(loop.condition)


def operands(condition: n.Expr) -> Iterator[n.Expr]:
    """What a condition is made of, through `!`, `&&` and `||`."""
    stack = [condition]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, n.Unary) and node.op is n.UnaryOp.NOT:
            stack.append(node.operand)
        elif isinstance(node, n.Binary) and node.op in (n.BinaryOp.AND, n.BinaryOp.OR):
            stack += [node.left, node.right]


TRAPS = (unreachable, fall_through, return_zero, answered_twice, assigned)
