"""What can be known of an expression's type before it runs, and the rules that Kamailio applies while parsing.

Source: core/rvalue.c (rve_guess_type, rve_check_type, rve_is_constant).
"""

from __future__ import annotations

from kamscript.script.nodes import (
    Attr,
    Binary,
    BinaryOp,
    Expr,
    IntLit,
    Pv,
    Select,
    Selval,
    StrLit,
    Unary,
    UnaryOp,
)

#: Type of an expression: an integer, a text, or known only at run time.
INT, STR, DYNAMIC = "int", "str", "none"

_TEXT_OPERANDS = frozenset((UnaryOp.DEFINED, UnaryOp.STRLEN, UnaryOp.STREMPTY))
_INT_OPERANDS = frozenset((UnaryOp.NOT, UnaryOp.BITNOT, UnaryOp.MINUS))
_TEXT_COMPARISONS = frozenset((BinaryOp.SEQ, BinaryOp.SNE, BinaryOp.MATCH))
_EQUALITY = frozenset((BinaryOp.EQ, BinaryOp.NE, BinaryOp.IEQ, BinaryOp.INE)) | _TEXT_COMPARISONS
_SAME_TYPE = frozenset((BinaryOp.EQ, BinaryOp.NE, BinaryOp.ADD)) | _TEXT_COMPARISONS


def type_of(node: Expr) -> str:
    """INT, STR or DYNAMIC. `+` has the type of its left operand; selval is known only at run time."""
    while isinstance(node, Binary) and node.op is BinaryOp.ADD:
        node = node.left
    if isinstance(node, (Pv, Attr, Selval)):
        return DYNAMIC
    if isinstance(node, (StrLit, Select)):
        return STR
    if isinstance(node, Unary) and node.op is UnaryOp.STR:
        return STR
    return INT


def is_constant(node: Expr) -> bool:
    """Whether the value can be computed at load: literals and operators over them."""
    stack: list[Expr] = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, Unary):
            stack.append(node.operand)
        elif isinstance(node, Binary):
            stack += (node.left, node.right)
        elif isinstance(node, Selval):
            stack += (node.condition, node.then, node.otherwise)
        elif not isinstance(node, (IntLit, StrLit)):
            return False
    return True


def against_null(op: BinaryOp, right: Expr) -> bool:
    """Whether the comparison asks for definedness: any equality with `$null` on the right."""
    return op in _EQUALITY and isinstance(right, Pv) and right.text in ("$null", "$(null)")


def unary_mismatch(op: UnaryOp, operand: Expr) -> tuple[Expr, str, str] | None:
    """The operand that does not fit, its type and the type wanted; None when all is well."""
    kind = type_of(operand)
    if kind is STR and op in _INT_OPERANDS:
        return operand, STR, INT
    if kind is INT and op in _TEXT_OPERANDS:
        return operand, INT, STR
    return None


def binary_mismatch(op: BinaryOp, left: Expr, right: Expr) -> tuple[Expr, str, str] | None:
    """The operand that does not fit, its type and the type wanted; None when all is well."""
    first = type_of(left)
    if against_null(op, right):
        return (left, INT, STR) if first is INT else None
    second = type_of(right)
    if op in _SAME_TYPE:
        if first is not second and DYNAMIC not in (first, second) and first is not STR:
            return right, second, first
        if first is INT and op in _TEXT_COMPARISONS:
            return left, INT, STR
        return None
    if first is STR:
        return left, STR, INT
    if second is STR:
        return right, STR, INT
    return None
