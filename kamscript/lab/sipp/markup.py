"""Reading a scenario file: the little XML that SIPp reads, every part with its place.

SIPp has a parser of its own, and files live by what it lets through: `<` and `&` inside a quoted value, `--` inside a
comment, any encoding. They are read here too. What SIPp would silently misread is refused: a value in single quotes,
a tag that closes another one, text after the scenario.
"""

from __future__ import annotations

import re
from typing import NoReturn

from kamscript.source import ConfigError, Diagnostic, Source, Span

_NAME = re.compile(r"[^\s=/>\"'<]+")
_BLANK = re.compile(r"\s*")
_ENTITY = re.compile(r"&(amp|lt|gt|quot|apos);")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "t": "\t", "r": "\r"}


class ScenarioError(ConfigError):
    """A scenario or injection file that cannot be used; the diagnostics name file and line."""


def refuse(message: str, span: Span, hint: str = "", rule: str = "sipp") -> Diagnostic:
    """One thing that is wrong with a scenario."""
    return Diagnostic(rule, message, span, hint=hint)


class Attribute:
    """`name="value"`: the value as SIPp reads it, and where it stands."""

    __slots__ = ("name", "span", "value")

    def __init__(self, name: str, value: str, span: Span) -> None:
        self.name, self.value, self.span = name, value, span


class Element:
    """One tag with its attributes, its children and its CDATA. `span` is its name in the opening tag."""

    __slots__ = ("attributes", "cdata", "cdata_span", "children", "name", "span")

    def __init__(self, name: str, span: Span) -> None:
        self.name, self.span = name, span
        self.attributes: dict[str, Attribute] = {}
        self.children: list[Element] = []
        self.cdata: str | None = None
        self.cdata_span = span

    @property
    def line(self) -> int:
        """The line of the opening tag, from 1."""
        return self.span.line


def read_markup(source: Source) -> Element:
    """The outermost element of a file; raises ScenarioError."""
    return _Reader(source).document()


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source, self.text, self.at = source, source.text, 0

    def document(self) -> Element:
        text = self.text
        if not text.startswith("<?xml"):
            self.fail("a scenario begins with <?xml version=...?>", 0, 1)
        self.past("?>", "the <?xml declaration")
        root: Element | None = None
        stack: list[Element] = []
        while True:
            opened = text.find("<", self.at)
            loose = text[self.at : opened if opened >= 0 else len(text)]
            if loose.strip():
                start = self.at + len(loose) - len(loose.lstrip())
                self.fail("text outside of CDATA", start, start + len(loose.strip().split("\n")[0]))
            if opened < 0:
                break
            self.at = opened
            if text.startswith("<!--", opened):
                self.past("-->", "the comment")
            elif text.startswith("<![CDATA[", opened):
                self.cdata(stack)
            elif text.startswith(("<!DOCTYPE", "<?"), opened):
                self.past(">", "the declaration")
            elif text.startswith("</", opened):
                self.close(stack)
            else:
                element, open_ended = self.open()
                if stack:
                    stack[-1].children.append(element)
                elif root is None:
                    root = element
                else:
                    self.fail(f"<{element.name}> behind </{root.name}>", element.span.start, element.span.end)
                if open_ended:
                    stack.append(element)
        if stack:
            span = stack[-1].span
            self.fail(f"<{stack[-1].name}> is never closed", span.start, span.end)
        if root is None:
            self.fail("no element in the file", len(text), len(text))
        return root

    def past(self, end: str, what: str) -> int:
        """Go behind `end`; where it began."""
        found = self.text.find(end, self.at)
        if found < 0:
            self.fail(f"{what} never ends: {end} is missing", self.at, self.at + 4)
        self.at = found + len(end)
        return found

    def cdata(self, stack: list[Element]) -> None:
        start = self.at
        end = self.past("]]>", "the CDATA")
        if not stack:
            self.fail("CDATA outside of the scenario", start, start + 9)
        element = stack[-1]
        if element.cdata is not None:
            self.fail(f"a second CDATA in <{element.name}>", start, start + 9)
        element.cdata = self.text[start + 9 : end].replace("\r", "")
        element.cdata_span = Span(self.source, start + 9, end)

    def close(self, stack: list[Element]) -> None:
        start = self.at
        end = self.past(">", "the closing tag")
        name = self.text[start + 2 : end].strip()
        expected = stack[-1].name if stack else ""
        if name != expected:
            self.fail(
                f"</{name}> where </{expected}> is due" if expected else f"</{name}> closes nothing", start, end + 1
            )
        stack.pop()

    def open(self) -> tuple[Element, bool]:
        """An opening tag, and whether it waits for its closing tag."""
        text, start = self.text, self.at
        found = _NAME.match(text, start + 1)
        if found is None:
            self.fail("a < that opens no tag", start, start + 1)
        element = Element(found.group(), Span(self.source, start + 1, found.end()))
        at = found.end()
        while True:
            at = self.blank(at)
            if text.startswith("/>", at):
                self.at = at + 2
                return element, False
            if text.startswith(">", at):
                self.at = at + 1
                return element, True
            found = _NAME.match(text, at)
            if found is None:
                self.fail(f"the tag <{element.name}> is broken off", at if at < len(text) else start, at + 1)
            name, name_end = found.group(), found.end()
            equals = self.blank(name_end)
            quote = self.blank(equals + 1)
            if not text.startswith("=", equals) or text[quote : quote + 1] not in ('"', "'"):
                self.fail(f'the attribute {name} has no value: {name}="..." is due', at, name_end)
            if text[quote] == "'":
                self.fail('SIPp reads values in double quotes only: write "', quote, quote + 1)
            end = quote + 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            if end >= len(text):
                self.fail(f"the value of {name} never ends", quote, quote + 1)
            if name in element.attributes:
                self.fail(f"{name} is given twice", at, name_end)
            value = _ENTITY.sub(lambda m: _ENTITIES[m.group(1)], _ESCAPE.sub(_escape, text[quote + 1 : end]))
            element.attributes[name] = Attribute(name, value, Span(self.source, quote + 1, end))
            at = end + 1

    def blank(self, at: int) -> int:
        found = _BLANK.match(self.text, at)
        return found.end() if found else at

    def fail(self, message: str, start: int, end: int) -> NoReturn:
        raise ScenarioError([refuse(message, Span(self.source, start, end), rule="sipp-xml")])


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match.group(1), match.group())
