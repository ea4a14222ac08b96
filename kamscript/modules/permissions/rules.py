"""Files of rules: who may call whom, who may register what (permissions manual, 1.1-1.3; parse_config.c, rule.c).

    from_list [EXCEPT from_list] : uri_list [EXCEPT uri_list]      # comment

A list holds extended regular expressions, in quotes where they need them, or is `ALL`; case does not count.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

from kamscript.ere import Ere
from kamscript.module import Fixup
from kamscript.modules._regex import regcomp

if TYPE_CHECKING:
    from kamscript.core.server import Server

#: Longest expression and text to match, longest line, bytes.
LONGEST: Final = 256
_LINE: Final = 499
_SPACE: Final = " \t\n\r\v\f"


class Refused(Exception):
    """A line that cannot be read."""


class Rule(NamedTuple):
    """One line. None for a list that is `ALL`."""

    left: list[Ere] | None
    left_except: list[Ere]
    right: list[Ere] | None
    right_except: list[Ere]

    def matches(self, left: str, right: str) -> bool:
        """Whether it is about this pair of texts."""
        return (
            (self.left is None or _any(self.left, left))
            and not _any(self.left_except, left)
            and (self.right is None or _any(self.right, right))
            and not _any(self.right_except, right)
        )


def _any(expressions: list[Ere], text: str) -> bool:
    return any(expression.test(text) for expression in expressions)


class RuleFile(NamedTuple):
    """The rules of a file; one that is not there has none."""

    path: str
    rules: list[Rule]

    def matches(self, left: str, right: str) -> bool:
        """Whether some rule is about this pair of texts."""
        return any(rule.matches(left, right) for rule in self.rules)


class Pair(NamedTuple):
    """A file of what is allowed and one of what is not."""

    allow: RuleFile
    deny: RuleFile

    @property
    def empty(self) -> bool:
        """No rule at all: everything is allowed."""
        return not self.allow.rules and not self.deny.rules

    def allows(self, left: str, right: str) -> bool:
        """What is neither allowed nor denied is allowed."""
        return self.allow.matches(left, right) or not self.deny.matches(left, right)


#: A file that nobody reads.
NOTHING: Final = RuleFile("", [])


class Files:
    """The files of one server: each is read once, whoever names it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._known: dict[str, RuleFile] = {}
        self._named: RuleFile | None = None
        self.pairs: list[Pair] = []  #: in the order in which the config names them

    def path(self, name: str) -> str:
        """Where a file is: beside the config, unless it is given with its folder."""
        return name if "/" in name else posixpath.join(posixpath.dirname(self.server.program.path), name)

    def read(self, name: str) -> RuleFile:
        """The rules of a file."""
        path = self.path(name)
        found = self._known.get(path)
        if found is None:
            found = self._known[path] = RuleFile(path, list(self._rules(path)))
            if not found.rules:
                self._info(f"file ({path}) not parsed properly => empty rule set")
        return found

    def pair(self, allow: str, deny: str) -> Pair:
        """Two files."""
        return self.add(self.read(allow), self.read(deny))

    def add(self, allow: RuleFile, deny: RuleFile) -> Pair:
        """Two files, read already."""
        self.pairs.append(Pair(allow, deny))
        return self.pairs[-1]

    def first(self, name: str) -> RuleFile:
        """The first argument of a call that names two files."""
        self._named = self.read(name)
        return self._named

    def second(self, name: str) -> Pair:
        """The second: both."""
        assert self._named is not None, "arguments are fixed up in order"
        return self.add(self._named, self.read(name))

    def of_allow(self, name: str) -> Pair | None:
        """The pair with this file of what is allowed; None when the config names none."""
        path = self.path(name)
        return next((pair for pair in self.pairs if pair.allow.path == path), None)

    def _info(self, text: str) -> None:
        self.server.log.info("permissions", text)

    def _error(self, text: str) -> None:
        self.server.log.error("permissions", text)

    def _rules(self, path: str) -> Iterator[Rule]:
        try:
            text = self.server.environment.files.read(path)
        except OSError:
            self._info(f"file not found: {path}")
            return
        for line in text.split("\n"):
            for start in range(0, len(line) or 1, _LINE):  # as fgets() cuts it
                try:
                    rule = parse_line(line[start : start + _LINE])
                except Refused as error:
                    self._error(str(error))
                    continue
                if rule is not None:
                    yield rule


def parse_line(line: str) -> Rule | None:
    """The rule of a line; None for a comment. Raises Refused."""
    colon, end, quoted, said = -1, len(line), False, False
    for at, char in enumerate(line):
        if char == '"':
            quoted, said = not quoted, True
        elif char == ":":
            said = True
            if not quoted:
                colon = at
        elif char == "\n" or (char == "#" and not quoted):
            end = at
            break
        elif char not in " \t":
            said = True
    if not said:
        return None
    if colon < 1 or end < colon + 2:
        raise Refused(f"failed to parse line: {line}")
    left = _expression(line[:colon], line, "left")
    right = _expression(line[colon + 1 : end], line, "right")
    return Rule(*left, *right)


def _expression(text: str, line: str, side: str) -> tuple[list[Ere] | None, list[Ere]]:
    wanted, found, exceptions = text.partition(" EXCEPT ")
    try:
        excepted = _list(exceptions) if found else []
        wanted = wanted.strip(_SPACE)
        return (None if wanted == "ALL" else _list(wanted)), excepted
    except Refused as error:
        raise Refused(f"failed to parse line-{side}: {line} ({error})") from None


def _list(text: str) -> list[Ere]:
    """Expressions between commas outside of quotes (parse_expression_list)."""
    found = []
    start, quoted = 0, False
    for at in range(len(text) + 1):
        char = text[at : at + 1]
        if char == '"':
            quoted = not quoted
        elif not char or (char == "," and not quoted):
            while text[start : start + 1] in (" ", "\t"):
                start += 1
            if text[start : start + 1] == '"':
                start += 1
            last = at - 1
            while last > 0 and text[last] in " \t":
                last -= 1
            if last > 0 and text[last] == '"':
                last -= 1
            if start > last:
                raise Refused("an expression is missing")
            found.append(_compiled(text[start : last + 1]))
            start = at + 1
    return found


def _compiled(text: str) -> Ere:
    if len(text) + 1 > LONGEST:
        raise Refused(f"expression too long <{text}>({len(text)})")
    expression = regcomp(text, newline=False)
    if expression is None:
        raise Refused(f"bad regular expression: {text}")
    return expression


# -- arguments --------------------------------------------------------------------------------------------------------
def _files(server: Server) -> Files:
    return server.module("permissions").files  # type: ignore[no-any-return]


class _Basename(Fixup):
    """Both files, by the name that they have in common."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Pair:
        module = server.module("permissions")
        return _files(server).pair(text + module.allow_suffix, text + module.deny_suffix)


class _Allow(Fixup):
    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> RuleFile:
        return _files(server).first(text)


class _Deny(Fixup):
    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Pair:
        return _files(server).second(text)


if TYPE_CHECKING:
    Basename = Pair
    AllowFile = RuleFile
    DenyFile = Pair
else:
    #: The name of two files without what tells them apart.
    Basename = Annotated[Any, _Basename()]
    #: A file of what is allowed, and behind it one of what is not: the latter argument reaches the method as both.
    AllowFile = Annotated[Any, _Allow()]
    DenyFile = Annotated[Any, _Deny()]
