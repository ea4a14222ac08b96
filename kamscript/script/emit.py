"""Expressions as Python source, specialised by what is known of their types.

`value` gives an int, a str or (undefined) None, as rval_expr_eval does; `integer` and `text` convert; `truth` is
"not 0" and `positive` "greater than 0", which is what `if` asks. Comparisons with constants become one `in`.
Source: core/rvalue.c (rval_expr_eval, rval_expr_eval_int, rval_get_int, rval_get_tmp_str).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.script import nodes
from kamscript.script.calls import Calls
from kamscript.script.expressions import Rve, fold
from kamscript.script.scope import Kind, Scope
from kamscript.values import INT_MAX, INT_MIN, to_int

if TYPE_CHECKING:
    from kamscript.script.statements import Function

#: Operators whose value is 0 or 1.
_LOGIC: Final = frozenset(
    [
        "lnot",
        "&&",
        "||",
        ">",
        "<",
        ">=",
        "<=",
        "ieq",
        "ine",
        "==",
        "!=",
        "eq",
        "ne",
        "=~",
        "strempty",
        "defined",
        "notdefined",
        "call",
        "test",
    ]
)
_COMPARE: Final = {"ieq": "==", "ine": "!=", ">": ">", "<": "<", ">=": ">=", "<=": "<="}
_MIRROR: Final = {"==": "==", "!=": "!=", ">": "<", "<": ">", ">=": "<=", "<=": ">="}


class Emitter(Calls):
    """Writes the expressions of one function. Temporaries are locals `_1`, `_2`, ..."""

    def __init__(self, scope: Scope, function: Function) -> None:
        super().__init__(scope, function)
        self.can_fail = False  #: the last expression may raise EvalError

    # -- values -----------------------------------------------------------------------------------------------------
    def value(self, rve: Rve) -> tuple[str, Kind]:
        """The value with its kind."""
        op = rve.op
        if op == "const":
            return repr(rve.value), "int" if isinstance(rve.value, int) else "str"
        if op in ("pv", "attr", "select"):
            return self.leaf(rve)
        if op == "+":
            return self._plus(rve), "val"
        if op == "concat":
            return self.text(rve), "str"
        if op == "str":
            assert rve.left is not None
            return self.text(rve.left), "str"
        if op == "selval":
            return self._selval(rve)
        return self.integer(rve), "int"

    def leaf(self, rve: Rve) -> tuple[str, Kind]:
        """A variable."""
        node = rve.node
        if isinstance(node, nodes.Pv):
            pv = self.scope.parse(node.text, node.pos)
            return ("None", "any") if pv is None else self.scope.read(pv, node.pos)
        if isinstance(node, nodes.Attr):
            key, index = attr_key(node), node.index
            if index is None or index == "*" or index == 0:
                return f"(_0[0] if (_0 := ctx.avps.lists.get({key!r})) else None)", "any"
            bound = index if index > 0 else -index - 1
            fetch = f"_0[{index}] if (_0 := ctx.avps.lists.get({key!r})) and len(_0) > {bound} else None"
            return f"({fetch})", "any"
        assert isinstance(node, nodes.Select)
        name = self.scope.need("select", "select", (node.path, node.text), node.pos)
        return f"{name}(ctx)", "text"

    def bound(self, rve: Rve) -> tuple[str, str, Kind]:
        """A value that is used twice: Python that makes it, Python for later uses, kind."""
        source, kind = self.value(rve)
        if source.isidentifier() or rve.op == "const":
            return source, source, kind
        temp = self.temp()
        return f"({temp} := {source})", temp, kind

    def _selval(self, rve: Rve) -> tuple[str, Kind]:
        assert rve.left is not None and rve.right is not None
        assert rve.right.left is not None and rve.right.right is not None
        condition = self.positive(rve.left)
        then, then_kind = self.value(rve.right.left)
        other, other_kind = self.value(rve.right.right)
        # an undefined choice becomes the empty text
        then = then if then_kind in ("int", "str", "val") else self._defined(then)
        other = other if other_kind in ("int", "str", "val") else self._defined(other)
        return f"({then} if {condition} else {other})", then_kind if then_kind == other_kind == "int" else "val"

    def _defined(self, source: str) -> str:
        temp = self.temp()
        return f"('' if ({temp} := {source}) is None else {temp})"

    def _plus(self, rve: Rve) -> str:
        """`+` whose left type only shows at run time."""
        left, right = rve.left, rve.right
        assert left is not None and right is not None
        first, again, kind = self.bound(left)
        if kind == "int":
            return self._wrapped(f"{first} + {self.integer(right)}")
        if kind == "str":
            return f"({first} + {self.text(right)})"
        if self._depends(right):
            total = self._wrapped(f"{again} + {self.integer(right)}")
            return f"({total} if {first}.__class__ is int else _str({again}) + {self.text(right)})"
        if right.op == "const":
            number, text = to_int(right.value), repr(str(right.value))
            joined = f"({again} or '') + {text}" if kind in ("any", "text") else f"{again} + {text}"
            return f"({self._wrapped(f'{again} + {number}')} if {first}.__class__ is int else {joined})"
        return f"_add({self.value(left)[0]}, {self.value(right)[0]})"

    def _wrapped(self, source: str) -> str:
        """32-bit arithmetic: the sum where it fits, which is the rule."""
        temp = self.temp()
        return f"({temp} if {INT_MIN} <= ({temp} := {source}) <= {INT_MAX} else _wrap({temp}))"

    # -- conversions ------------------------------------------------------------------------------------------------
    def integer(self, rve: Rve) -> str:
        """The value as an integer; texts that are no number and undefined values are 0."""
        op, left, right = rve.op, rve.left, rve.right
        if op == "const":
            return repr(to_int(rve.value))
        if op in _LOGIC:
            return f"(1 if {self.truth(rve)} else 0)"
        if op == "+":
            # where a number is asked for, a `+` that was not decided at load adds numbers: ("1" + "5") * 2 is 12
            assert left is not None and right is not None
            return self._wrapped(f"{self.integer(left)} + {self.integer(right)}")
        if left is None or op in ("concat", "str", "selval"):
            source, again, kind = self.bound(self._numeric(rve))
            if kind == "int":
                return source
            if kind == "str":
                return f"_int({source})"
            return f"({again} if {source}.__class__ is int else _int({again}))"
        if op == "int":
            return self.integer(left)
        if op == "uminus":
            return self._wrapped(f"-{self.integer(left)}")
        if op == "bitnot":
            return f"(~{self.integer(left)})"
        if op == "strlen":
            return f"len({self.text(left)})"
        assert right is not None
        a, b = self.integer(left), self.integer(right)
        if op in ("i+", "-", "*"):
            return self._wrapped(f"{a} {op[-1]} {b}")
        if op == "/":
            self.can_fail = True
            return f"_divide({a}, {b})"
        if op == "mod":
            self.can_fail = True
            return f"_remainder({a}, {b})"
        if op == "<<":
            return f"_shift({a}, {b})"
        if op == ">>":
            return f"({a} >> ({b} & 31))"
        assert op in ("|", "&", "^"), op
        return f"({a} {op} {b})"

    def _numeric(self, rve: Rve) -> Rve:
        """What holds the number of an operand: `$rmid` for `$rm`."""
        if rve.op == "pv" and isinstance(rve.node, nodes.Pv):
            pv = self.scope.parse(rve.node.text, rve.node.pos)
            if pv is not None and (number := self.scope.number(pv)) is not pv:
                return Rve("pv", nodes.Pv(rve.node.pos, number.text))
        return rve

    def _depends(self, rve: Rve) -> bool:
        """Whether the value as a number is another one than the number of its text."""
        return rve.op == "+" or self._numeric(rve) is not rve

    def text(self, rve: Rve) -> str:
        """The value as text; undefined is empty."""
        op, left, right = rve.op, rve.left, rve.right
        if op == "const":
            return repr(str(rve.value))
        if op == "concat":
            assert left is not None and right is not None
            return f"({self.text(left)} + {self.text(right)})"
        if op == "str":
            assert left is not None
            return self.text(left)
        source, again, kind = self.bound(rve)
        if kind == "str":
            return source
        if kind == "text":
            return f"({source} or '')"
        if kind == "int":
            return f"str({source})"
        return f"({again} if {source}.__class__ is str else _str({again}))"

    # -- conditions -------------------------------------------------------------------------------------------------
    def positive(self, rve: Rve) -> str:
        """Whether the integer value is greater than 0, as `if` and `selval` ask."""
        if rve.op in _LOGIC:
            return self.truth(rve)
        if rve.op == "const":
            return repr(to_int(rve.value) > 0)
        return f"{self.integer(rve)} > 0"

    def truth(self, rve: Rve) -> str:
        """Whether the integer value is not 0, as `&&`, `!` and `while` ask."""
        op, left, right = rve.op, rve.left, rve.right
        if op == "call":
            return self.call_truth(rve.node)
        if op == "test":
            assert isinstance(rve.node, nodes.CoreTest)
            return self.core_test(rve.node)
        if op == "const":
            return repr(to_int(rve.value) != 0)
        if left is None or op not in _LOGIC:
            return self.integer(rve)
        if op == "lnot":
            return f"(not {self.truth(left)})"
        if op == "strempty":
            return self._empty(left)
        if op in ("defined", "notdefined"):
            return self._is_defined(left, op == "defined")
        assert right is not None
        if op == "&&":
            return f"({self.truth(left)} and {self.truth(right)})"
        if op == "||":
            return f"({self.truth(left)} or {self.truth(right)})"
        if op in ("==", "!="):
            return self._equal(left, right, op == "==")
        if op in ("eq", "ne"):
            return self._same_text(left, right, op == "eq")
        if op == "=~":
            return self._match(left, right)
        return self._compare(left, right, _COMPARE[op])

    def _compare(self, left: Rve, right: Rve, sign: str) -> str:
        """Two integers. Against a constant, equality needs no conversion of what may be a text."""
        if left.op == "const" and right.op != "const":
            left, right, sign = right, left, _MIRROR[sign]
        return f"({self.integer(left)} {sign} {self.integer(right)})"

    def _empty(self, operand: Rve) -> str:
        source, kind = self.value(operand)
        if kind == "int":
            return f"({source} is None)" if not source.isidentifier() else "False"
        if kind in ("str", "text"):
            return f"(not {source})"
        return f"({source} in ('', None))"

    def _is_defined(self, operand: Rve, wanted: bool) -> str:
        if operand.left is not None or operand.op not in ("pv", "attr", "select"):
            # more than one value is always defined, and is not evaluated
            return repr(wanted)
        source, kind = self.value(operand)
        if kind in ("int", "str", "val"):
            return repr(wanted)
        return f"({source} is {'not ' if wanted else ''}None)"

    def _equal(self, left: Rve, right: Rve, wanted: bool) -> str:
        """`==` and `!=` in the type of the left side."""
        source, kind = self.value(left)
        if right.op == "const":
            value = right.value
            if isinstance(value, int):
                same: list[int | str | None] = [value, str(value)]
                if value == 0:
                    same.append(None)
            else:
                same = [value, to_int(value)]
                if value == "":
                    same.append(None)
            if kind == "int":
                return f"({source} {'==' if wanted else '!='} {to_int(value)})"
            if kind in ("str", "val"):
                same = [item for item in same if item is not None]
            if kind in ("str", "text"):
                same = [item for item in same if not isinstance(item, int)]
            if len(same) == 1:
                return f"({source} {'==' if wanted else '!='} {same[0]!r})"
            return f"({source} {'' if wanted else 'not '}in {tuple(same)!r})"
        if kind == "int":
            return f"({source} {'==' if wanted else '!='} {self.integer(right)})"
        if kind == "str":
            return f"({source} {'==' if wanted else '!='} {self.text(right)})"
        if self._depends(right):
            source, again, _ = self.bound(left)
            numbers = f"{again} == {self.integer(right)}"
            found = f"({numbers} if {source}.__class__ is int else _equal({again}, {self.value(right)[0]}))"
        else:
            found = f"_equal({source}, {self.value(right)[0]})"
        return found if wanted else f"(not {found})"

    def _same_text(self, left: Rve, right: Rve, wanted: bool) -> str:
        if left.op == "const" and right.op != "const":
            left, right = right, left
        sign = "==" if wanted else "!="
        if right.op == "const":
            source, kind = self.value(left)
            text = str(right.value)
            if kind in ("str", "text") and text:
                return f"({source} {sign} {text!r})"
            same: list[int | str | None] = [text]
            number = to_int(text)
            if str(number) == text:
                same.append(number)
            if not text:
                same.append(None)
            if len(same) == 1:
                return f"({source} {sign} {text!r})"
            return f"({source} {'' if wanted else 'not '}in {tuple(same)!r})"
        return f"({self.text(left)} {sign} {self.text(right)})"

    def _match(self, left: Rve, right: Rve) -> str:
        if right.op == "const":
            pattern = str(right.value)
            self.check_pattern(pattern, right.node)
            name = self.scope.need("match", "search", (pattern,), right.node.pos)
            return f"{name}({self.text(left)})"
        self.can_fail = True
        text = self.temp()
        # the left side is evaluated first
        return f"(({text} := {self.text(left)}) is not None and _matches({self.text(right)}, {text}))"

    def check_pattern(self, pattern: str, node: nodes.Node) -> None:
        """Refuse a regular expression that regcomp would refuse."""
        from kamscript import ere

        try:
            ere.compile(pattern, icase=True)
        except ValueError as error:
            self.scope.error("bad-regex", f"bad regular expression {pattern!r}: {error}", node.pos)

    def core_test(self, node: nodes.CoreTest) -> str:
        """`uri == myself`, `src_ip == 10.0.0.0/8`, `method == "INVITE"`."""
        value = node.value
        subject, op = node.subject, str(node.op)
        match value:
            case nodes.Myself():
                kind, data = "myself", ""
            case nodes.Word() | nodes.Host() | nodes.Proto():
                kind, data = type(value).__name__.lower(), value.name
            case nodes.Net():
                kind, data = "net", value.text
            case _:
                assert isinstance(value, nodes.Expr)
                right = fold(value)
                if right.op == "const":
                    kind = "int" if isinstance(right.value, int) else "str"
                    data = str(right.value)
                else:
                    name = self.scope.need("test", "test", (subject, op, "value", ""), node.pos)
                    return f"{name}(ctx, {self.value(right)[0]})"
        if subject == "method" and kind in ("word", "str") and op in ("==", "!="):
            return f"(ctx.msg.method.lower() {op} {data.lower()!r})"
        name = self.scope.need("test", "test", (subject, op, kind, data), node.pos)
        return f"{name}(ctx)"


def attr_key(node: nodes.Attr) -> int | str:
    """The key of an AVP in SER's notation: the class in front, as `core.avps.Avps` keeps it."""
    return f"${node.track}.{node.name}" if node.track and node.track != "f" else node.name
