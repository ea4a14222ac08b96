"""Expressions as Kamailio's fix-up leaves them: typed, checked, constants folded.

Folding is visible to a config (`$var(two) && 1` is 2, `2 == $x` compares integers), so it follows core/rvalue.c step
by step: children first, then `optimise`. A tree of `Rve` is what the code generator reads.

Types are "int", "str" or "" when only the running route can tell. `check` gives the first operand that has a wrong
type, which `kamailio -c` refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from kamscript.script import nodes
from kamscript.script.nodes import BinaryOp, Expr, UnaryOp
from kamscript.script.runtime import EvalError, divide, matches, remainder, shift_left
from kamscript.values import to_int, to_str, wrap

Type = str  #: "int", "str" or ""

UNARY: Final = frozenset(["uminus", "lnot", "bitnot", "strlen", "strempty", "defined", "notdefined", "int", "str"])
INT_BINARY: Final = frozenset(
    ["-", "*", "/", "mod", "|", "&", "^", "<<", ">>", "&&", "||", ">", "<", ">=", "<=", "ieq", "ine", "i+"]
)
ASSOCIATIVE: Final = frozenset(["i+", "concat", "*", "&", "|", "^", "&&", "||"])
COMMUTATIVE: Final = frozenset(["i+", "*", "&", "|", "^", "&&", "||", "ieq", "ine", "eq", "ne"])

_UNARY_OPS: Final = {
    UnaryOp.NOT: "lnot",
    UnaryOp.BITNOT: "bitnot",
    UnaryOp.MINUS: "uminus",
    UnaryOp.INT: "int",
    UnaryOp.STR: "str",
    UnaryOp.DEFINED: "defined",
    UnaryOp.STRLEN: "strlen",
    UnaryOp.STREMPTY: "strempty",
}
_ASKS_UNDEFINED: Final = {BinaryOp.EQ, BinaryOp.IEQ, BinaryOp.SEQ, BinaryOp.MATCH}
_ASKS_DEFINED: Final = {BinaryOp.NE, BinaryOp.INE, BinaryOp.SNE}


@dataclass(slots=True, eq=False)
class Rve:
    """One operator, or a leaf (`op` is "const", "pv", "attr", "select", "call" or "test").

    Leaves: `value` is the constant, or the syntax tree's node. `right` of "selval" is a "choice" of two values.
    """

    op: str
    node: Expr
    left: Rve | None = None
    right: Rve | None = None
    value: int | str | None = None

    @property
    def constant(self) -> bool:
        """Whether the value is known at load (rve_is_constant)."""
        if self.left is None:
            return self.op == "const"
        return self.left.constant and (self.right is None or self.right.constant)


class Mismatch(NamedTuple):
    """An operand whose type its operator does not take."""

    operand: Rve
    found: Type
    expected: Type


def lower(node: Expr) -> Rve:
    """The tree of an expression as the grammar builds it, not yet folded."""
    match node:
        case nodes.IntLit() | nodes.StrLit():
            return Rve("const", node, value=node.value)
        case nodes.Pv():
            return Rve("pv", node)
        case nodes.Attr():
            return Rve("attr", node)
        case nodes.Select():
            return Rve("select", node)
        case nodes.Unary():
            return Rve(_UNARY_OPS[node.op], node, lower(node.operand))
        case nodes.Binary():
            if isinstance(node.right, nodes.Pv) and node.right.text in ("$null", "$(null)"):
                if node.op in _ASKS_UNDEFINED:
                    return Rve("notdefined", node, lower(node.left))
                if node.op in _ASKS_DEFINED:
                    return Rve("defined", node, lower(node.left))
            return Rve(str(node.op), node, lower(node.left), lower(node.right))
        case nodes.Selval():
            choice = Rve("choice", node, lower(node.then), lower(node.otherwise))
            return Rve("selval", node, lower(node.condition), choice)
        case nodes.CoreTest():
            return Rve("test", node)
    return Rve("call", node)


def guess_type(rve: Rve) -> Type:
    """The type as far as it shows without running (rve_guess_type)."""
    op = rve.op
    if op == "const":
        return "int" if isinstance(rve.value, int) else "str"
    if op in ("pv", "attr", "selval"):
        return ""
    if op in ("select", "concat", "str"):
        return "str"
    if op in ("+", "choice"):
        assert rve.left is not None
        return guess_type(rve.left)
    return "int"


def check(rve: Rve) -> Type | Mismatch:
    """The type of the whole, or the first operand that is wrong (rve_check_type)."""
    op, left, right = rve.op, rve.left, rve.right
    if left is None or op in ("selval", "choice"):
        return guess_type(rve)
    if op in ("int", "str"):
        return op
    first = check(left)
    if isinstance(first, Mismatch):
        return first
    if op in ("strlen", "strempty", "defined", "notdefined"):
        return Mismatch(left, first, "str") if first == "int" else "int"
    if op in UNARY:
        return Mismatch(left, first, "int") if first == "str" else "int"
    assert right is not None
    if op in INT_BINARY and first == "str":
        return Mismatch(left, first, "int")
    second = check(right)
    if isinstance(second, Mismatch):
        return second
    if op in INT_BINARY:
        return Mismatch(right, second, "int") if second == "str" else "int"
    # == != + eq ne =~ concat: the left side decides; a text takes an integer on its right, not the other way round.
    if first == "int" and second == "str":
        return Mismatch(right, second, first)
    if op in ("eq", "ne", "=~", "concat") and first == "int":
        return Mismatch(left, first, "str")
    if op == "+":
        return first
    return "str" if op == "concat" else "int"


def bad_pattern(node: nodes.Node) -> bool:
    """Whether a regular expression is a constant number, which the daemon refuses (fix_match_rve)."""
    if not isinstance(node, nodes.Binary) or node.op is not BinaryOp.MATCH:
        return False
    right = lower(node.right)
    return right.constant and guess_type(right) != "str"


# --- constants --------------------------------------------------------------------------------------------------------


_INT_OPS: Final[dict[str, Callable[[int, int], int]]] = {
    "+": lambda a, b: wrap(a + b),
    "i+": lambda a, b: wrap(a + b),
    "-": lambda a, b: wrap(a - b),
    "*": lambda a, b: wrap(a * b),
    "/": divide,
    "mod": remainder,
    "|": lambda a, b: a | b,
    "&": lambda a, b: a & b,
    "^": lambda a, b: a ^ b,
    "<<": shift_left,
    ">>": lambda a, b: a >> (b & 31),
    "&&": lambda a, b: int(bool(a and b)),
    "||": lambda a, b: int(bool(a or b)),
    ">": lambda a, b: int(a > b),
    "<": lambda a, b: int(a < b),
    ">=": lambda a, b: int(a >= b),
    "<=": lambda a, b: int(a <= b),
    "==": lambda a, b: int(a == b),
    "ieq": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "ine": lambda a, b: int(a != b),
}


def evaluate(rve: Rve) -> int | str:
    """The value of a constant tree; raises EvalError."""
    op, left, right = rve.op, rve.left, rve.right
    if left is None:
        assert rve.value is not None
        return rve.value
    if op == "selval":
        assert right is not None and right.left is not None and right.right is not None
        return evaluate(right.left if to_int(evaluate(left)) > 0 else right.right)
    a = evaluate(left)
    if op in UNARY:
        return _unary(op, a)
    assert right is not None
    if op == "&&" and not to_int(a):
        return 0
    if op == "||" and to_int(a):
        return 1
    b = evaluate(right)
    if op == "concat" or (op == "+" and isinstance(a, str)):
        return to_str(a) + to_str(b)
    if op in ("eq", "ne") or (op in ("==", "!=") and isinstance(a, str)):
        return int((to_str(a) == to_str(b)) == (op in ("eq", "==")))
    if op == "=~":
        return int(matches(to_str(b), to_str(a)))
    return _INT_OPS[op](to_int(a), to_int(b))


def _unary(op: str, a: int | str) -> int | str:
    if op == "str":
        return to_str(a)
    if op == "strlen":
        return len(to_str(a))
    if op == "strempty":
        return int(not to_str(a))
    if op == "defined":
        return 1
    if op == "notdefined":
        return 0
    number = to_int(a)
    return {"uminus": wrap(-number), "lnot": int(not number), "bitnot": ~number, "int": number}[op]


def _become(rve: Rve, other: Rve) -> None:
    rve.op, rve.left, rve.right, rve.value = other.op, other.left, other.right, other.value
    if other.left is None:
        rve.node = other.node


def _become_constant(rve: Rve, value: int | str) -> None:
    rve.op, rve.left, rve.right, rve.value = "const", None, None, value


# --- folding ----------------------------------------------------------------------------------------------------------


def fold(node: Expr) -> Rve:
    """The tree of an expression, checked by the caller, as the daemon runs it (fix_rval_expr)."""
    rve = lower(node)
    _fix(rve)
    return rve


def _fix(rve: Rve) -> None:
    if rve.left is not None:
        _fix(rve.left)
    if rve.right is not None:
        _fix(rve.right)
    if rve.op == "choice":
        return
    _optimise(rve)


def _constant(rve: Rve) -> int | str | None:
    try:
        return evaluate(rve)
    except EvalError:
        return None


def _optimise(rve: Rve) -> bool:
    """rve_optimize: one step at this node; True when it changed."""
    if rve.left is None:
        return False
    if rve.constant and rve.op != "choice":
        value = _constant(rve)
        if value is None:
            return False
        _become_constant(rve, value)
        return True
    left, right = rve.left, rve.right
    if right is None:
        return _optimise(left)
    _optimise(left)
    _optimise(right)
    kind = check(rve)
    if isinstance(kind, Mismatch):
        return False
    if rve.op in ("selval", "choice"):
        return False
    if rve.op == "-" and right.constant and isinstance(value := _constant(right), int):
        _become_constant(right, wrap(-value))
        rve.op = "i+"
    if rve.op in ("+", "==", "!="):
        first = guess_type(left)
        if first == "int":
            rve.op = {"+": "i+", "==": "ieq", "!=": "ine"}[rve.op]
        elif first == "str":
            rve.op = {"+": "concat", "==": "eq", "!=": "ne"}[rve.op]
    if _neutral(rve, kind):
        return True
    return _regroup(rve)


def _cast(rve: Rve, operand: Rve, kind: str) -> None:
    if guess_type(operand) == kind:
        _become(rve, operand)
    else:
        rve.op, rve.left, rve.right, rve.value = kind, operand, None, None


def _neutral(rve: Rve, kind: Type) -> bool:
    """rve_opt_01: `$v * 0`, `$v && 1`, `$v == ""` and their like; True when the node changed."""
    left, right, op = rve.left, rve.right, rve.op
    assert left is not None and right is not None
    if right.constant:
        fixed, other, on_right = right, left, True
    elif left.constant:
        fixed, other, on_right = left, right, False
    else:
        return False
    value = _constant(fixed)
    if isinstance(value, int):
        if value == 0 and (op in ("*", "&", "&&") or (op in ("/", "mod") and not on_right)):
            _become_constant(rve, 0)
        elif value == 1 and op == "||":
            _become_constant(rve, 1)
        elif (
            (value == 1 and (op in ("*", "&&") or (op == "/" and on_right)))
            or (value == 0 and (op in ("|", "||") or (op == "-" and on_right)))
            or (value == 0 and (op == "i+" or (op == "+" and kind == "int")))
        ):
            _cast(rve, other, "int")
        else:
            return False
        return True
    if value == "" and op == "concat":
        _cast(rve, other, "str")
        return True
    if value == "" and op in ("==", "eq"):
        rve.op, rve.left, rve.right = "strempty", other, None
        return True
    return False


def _regroup(rve: Rve) -> bool:
    """`op(op($v, a), b)` to `op($v, op(a, b))` and its mirrored forms, for associative operators."""
    op, left, right = rve.op, rve.left, rve.right
    assert left is not None and right is not None
    if op not in ASSOCIATIVE:
        return False
    if right.constant and left.op == op:
        assert left.left is not None and left.right is not None
        if left.right.constant:
            _join(op, left.right, right, right)
            rve.left = left.left
        elif left.left.constant and op in COMMUTATIVE:
            constant = Rve("const", right.node)
            _join(op, left.left, right, constant)
            rve.left, rve.right = constant, left.right
        else:
            return False
        return True
    if left.constant and right.op == op:
        assert right.left is not None and right.right is not None
        if right.right.constant and op in COMMUTATIVE:
            _join(op, left, right.right, left)
            rve.right = right.left
        elif right.left.constant:
            _join(op, left, right.left, left)
            rve.right = right.right
        else:
            return False
        return True
    return False


def _join(op: str, a: Rve, b: Rve, into: Rve) -> None:
    value = evaluate(Rve(op, into.node, a, b))
    _become_constant(into, value)
