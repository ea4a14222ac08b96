"""Names that the preprocessor knows, their values, substitutions, and the expressions of 6.x's #!ifexp and #!defexp.

Sources: Kamailio's core/cfg.lex (pp_define), core/ppcfg.c, core/re.c (subst_parser).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from kamscript.script.keywords import Target

MAX_DEFINES = 512  # cfg.lex MAX_DEFINES
#: What `#!ifdef` knows without being told, by target.
_VERSIONS = {"4.4": "4.4.0", "5.6": "5.6.3", "all": "5.6.3", "6.x": "6.1.0"}

_SPECIAL = re.compile(r"[\\^$.|?*+()\[\]{}]")
_PIECE = re.compile(r"\\(.)|([^\\]+)", re.S)

Getenv = Callable[[str], str | None]


class DefineError(Exception):
    """A define, substitution or expression that is refused; `hint` may say what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Defines:
    """The table of defines while a config is read. `values` maps a name to its value, "" for none."""

    def __init__(self, target: Target, given: Mapping[str, str]) -> None:
        self.values: dict[str, str] = {}
        major, minor, patch = _VERSIONS[target].split(".")
        for name in (f"KAMAILIO_{major}", f"KAMAILIO_{major}_{minor}", f"KAMAILIO_{major}_{minor}_{patch}"):
            self.values[name] = ""
        self.version = int(major) * 1_000_000 + int(minor) * 1000 + int(patch)
        self.values.update(given)
        self.builtin = set(self.values) - set(given)

    def all(self) -> dict[str, str]:
        """What is defined now, without the names that are always there."""
        return {name: value for name, value in self.values.items() if name not in self.builtin}

    def add_module(self, name: str) -> None:
        """Note that a module is loaded: `MOD_name`."""
        self.values.setdefault(f"MOD_{name}", "")
        self.builtin.add(f"MOD_{name}")

    def define(self, name: str, value: str, *, mode: str = "define", quoted: bool = False) -> None:
        """`#!define`, `#!trydef` (keeps an older value) or `#!redef` (replaces one); raises DefineError."""
        if name in self.values:
            if mode == "trydef":
                return
            if mode != "redef":
                raise DefineError(f"{name} is already defined", "use #!redef to replace it, #!trydef to keep it")
        elif len(self.values) >= MAX_DEFINES:
            raise DefineError(f"more than {MAX_DEFINES} defines")
        self.values[name] = f'"{value}"' if quoted else value
        self.builtin.discard(name)

    def undefine(self, name: str) -> bool:
        """Forget a name; false when it was not defined."""
        self.builtin.discard(name)
        return self.values.pop(name, None) is not None

    def evaluated(self, text: str, getenv: Getenv) -> str:
        """A replacement with `$env(NAME)` and `$def(NAME)` expanded; other variables have no value at load."""

        def value(m: re.Match[str]) -> str:
            return (getenv(m[2]) if m[1] == "env" else self.values.get(m[2])) or ""

        return re.sub(r"\$(env|def)\(([^()]*)\)", value, text)

    def condition(self, text: str, getenv: Getenv) -> bool:
        """Whether the expression of `#!ifexp` holds; raises DefineError when it is no expression."""
        value = _Expression(text, self._variable).value()
        return value not in (0, "")

    def define_expression(self, name: str, text: str, getenv: Getenv, *, quoted: bool) -> None:
        """`#!defexp NAME expression`; a number is written without a fraction when it has none."""
        value = _Expression(text.strip(), self._variable).value()
        shown = f"{value:g}" if isinstance(value, float) and not value.is_integer() else str(value)
        self.define(name, shown.removesuffix(".0"), mode="define", quoted=quoted)

    def _variable(self, name: str) -> float | str:
        if name == "KAMAILIO_VERSION":
            return float(self.version)
        value = self.values.get(name)
        if value is None:
            return 0.0
        if not value:
            return 1.0
        try:
            return float(value)
        except ValueError:
            return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


class Substitution:
    """`/regular expression/replacement/flags` with any separator; flags `g` all matches, `i` any case, `s` one line."""

    def __init__(self, text: str) -> None:
        if len(text) < 3:
            raise DefineError("the expression is too short")
        mark = text[0]
        if mark == "\\":
            raise DefineError("a backslash cannot separate the parts")
        first = self._separator(text, mark, 1)
        second = self._replacement_end(text, mark, first + 1)
        self.pattern, self.replacement, flags = text[1:first], text[first + 1 : second], text[second + 1 :]
        unknown = flags.strip("gis")
        if unknown:
            raise DefineError(f"unknown flag {unknown[0]}")
        if not self.pattern:
            raise DefineError("the regular expression is empty")
        self.everywhere = "g" in flags
        plain = not flags.strip("g") and not _SPECIAL.search(self.pattern)
        self._regex: Any = None
        if not plain:
            self._regex = compile_ere(self.pattern, icase="i" in flags, newline="s" not in flags)
        self._pieces = _PIECE.findall(self.replacement)

    @staticmethod
    def _separator(text: str, mark: str, at: int) -> int:
        while at < len(text):
            if text[at] == mark and text[at - 1] != "\\":
                return at
            at += 1
        raise DefineError(f"no {mark} behind the regular expression")

    @staticmethod
    def _replacement_end(text: str, mark: str, at: int) -> int:
        while at < len(text):
            if text[at] == "\\":
                at += 1
            elif text[at] == mark:
                return at
            at += 1
        raise DefineError(f"no {mark} behind the replacement")

    def bind(self, values: Callable[[str], str]) -> None:
        """Fill in the variables of the replacement, which have their values at load."""
        if "$" in self.replacement:
            self._pieces = [(escape, values(plain)) for escape, plain in self._pieces]

    def apply(self, text: str) -> str:
        """`text` with the first match, or all, replaced. Nothing is replaced once a match is empty."""
        if not text:
            return text
        if self._regex is None:
            if self.pattern not in text:
                return text
            return text.replace(self.pattern, self._built(text, None), -1 if self.everywhere else 1)
        done: list[str] = []
        at = 0
        while (m := self._regex.search(text, at)) is not None:
            start, end = m.span()
            if start == end:
                return text
            done += (text[at:start], self._built(text, m))
            at = end
            if not self.everywhere:
                break
        return "".join(done) + text[at:] if done else text

    def _built(self, text: str, m: Any) -> str:
        """The replacement for one match; None: the pattern is plain text."""
        out = []
        for escape, plain in self._pieces:
            if not escape:
                out.append(plain)
            elif escape.isdigit():
                number = int(escape)
                if m is None:
                    out.append(self.pattern if number == 0 else "")
                elif number <= self._regex.groups:
                    out.append(m.group(number) or "")
            else:
                out.append({"n": "\n", "r": "\r", "t": "\t"}.get(escape, escape))
        return "".join(out)


def compile_ere(pattern: str, *, icase: bool, newline: bool) -> Any:
    """A POSIX extended regular expression; raises DefineError for what regcomp refuses."""
    from kamscript import ere

    try:
        return ere.compile(pattern, icase=icase, newline=newline)
    except ValueError as error:
        raise DefineError(f"bad regular expression: {error}") from None


_TOKENS = re.compile(
    r"""\s*(?:(?P<number>0x[0-9a-fA-F]+|\d+(?:\.\d+)?)|(?P<text>"[^"]*"|'[^']*')|(?P<name>[A-Za-z_]\w*)
    |(?P<op>\*\*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>!&|^~(),]))""",
    re.X,
)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", ">", "<=", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
    ("**",),
)
_COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_NESTING = 50


class _Expression:
    """Numbers, texts and names with C's operators."""

    def __init__(self, text: str, variable: Callable[[str], float | str]) -> None:
        self.variable = variable
        self.tokens: list[tuple[str, str]] = []
        self.nested = 0
        at = 0
        text = text.strip()
        while at < len(text):
            m = _TOKENS.match(text, at)
            if m is None or m.end() == at:
                raise DefineError(f"cannot read the expression at {text[at : at + 10]!r}")
            self.tokens.append((m.lastgroup or "", m[m.lastgroup or 0]))
            at = m.end()
        self.at = 0

    def value(self) -> float | str:
        result = self._level(0)
        if self.at < len(self.tokens):
            raise DefineError(f"unexpected {self.tokens[self.at][1]} in the expression")
        return result

    def _level(self, level: int) -> float | str:
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while self.at < len(self.tokens) and self.tokens[self.at] in [("op", op) for op in _LEVELS[level]]:
            op = self.tokens[self.at][1]
            self.at += 1
            left = self._apply(op, left, self._level(level + 1))
        return left

    def _unary(self) -> float | str:
        if self.at >= len(self.tokens):
            raise DefineError("the expression ends too early")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return float(int(text, 16)) if text[:2] == "0x" else float(text)
        if kind == "text":
            return text[1:-1]
        if kind == "name":
            return self.variable(text)
        self.nested += 1
        if self.nested > _NESTING:
            raise DefineError("the expression nests too deep")
        if text == "(":
            value = self._level(0)
            if self.at >= len(self.tokens) or self.tokens[self.at] != ("op", ")"):
                raise DefineError("a parenthesis is not closed")
            self.at += 1
        elif text == "!":
            value = float(self._unary() in (0, ""))
        elif text == "-":
            value = -self._number(self._unary())
        elif text == "~":
            value = float(~int(self._number(self._unary())))
        else:
            raise DefineError(f"unexpected {text} in the expression")
        self.nested -= 1
        return value

    @staticmethod
    def _number(value: float | str) -> float:
        if isinstance(value, str):
            raise DefineError(f"{value!r} is not a number")
        return value

    def _apply(self, op: str, left: float | str, right: float | str) -> float | str:
        if op == "&&":
            return float(left not in (0, "") and right not in (0, ""))
        if op == "||":
            return float(left not in (0, "") or right not in (0, ""))
        if isinstance(left, str) or isinstance(right, str):
            a, b = _plain(left), _plain(right)
            if op == "+":
                return a + b
            if op in _COMPARE:
                return float(_COMPARE[op](a, b))
        if op in _COMPARE:
            return float(_COMPARE[op](left, right))
        return self._arithmetic(op, self._number(left), self._number(right))

    @staticmethod
    def _arithmetic(op: str, a: float, b: float) -> float:
        try:
            if op in ("<<", ">>", "&", "|", "^", "%"):
                x, y = int(a), int(b)
                if op in ("<<", ">>"):
                    y &= 63
                done = {
                    "<<": lambda: x << y,
                    ">>": lambda: x >> y,
                    "&": lambda: x & y,
                    "|": lambda: x | y,
                    "^": lambda: x ^ y,
                    "%": lambda: x % y,
                }
                return float(done[op]())
            return (
                {"+": a + b, "-": a - b, "*": a * b}[op] if op in "+-*" and op != "**" else a / b if op == "/" else a**b
            )
        except (ArithmeticError, ValueError) as error:
            raise DefineError(f"{error}") from None


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
