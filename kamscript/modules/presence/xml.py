"""The XML documents of presence: read, searched, copied, and written as Kamailio's library writes them.

Names are looked for without their prefix and in any letter case, as Kamailio does. Prefixes, namespace declarations and
blanks stay as they came: what was published is what watchers get. A document with a DOCTYPE is refused: no document of
presence has one, and entities are how small documents become large ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

#: Elements within each other at most.
_DEPTH: Final = 256


class BadDocument(Exception):
    """A text that is no XML document, or one with a DOCTYPE."""


class Text:
    """Characters between tags; `raw` is how they were written when that is to stay: comments, CDATA, instructions."""

    __slots__ = ("raw", "text")

    def __init__(self, text: str, raw: str = "") -> None:
        self.text, self.raw = text, raw

    @property
    def formats(self) -> bool:
        """Whether elements beside it may be indented."""
        return self.raw.startswith(("<!--", "<?"))


class Element:
    """One element: its name as written, namespace declarations, attributes and what is in it."""

    __slots__ = ("attributes", "children", "name", "namespaces", "parent")

    def __init__(self, name: str, parent: Element | None = None) -> None:
        self.name, self.parent = name, parent
        self.namespaces: list[tuple[str, str]] = []  #: prefix ("" the default one) and URI
        self.attributes: list[tuple[str, str]] = []
        self.children: list[Element | Text] = []

    @property
    def prefix(self) -> str:
        """The prefix in the name when it is declared, else ""."""
        prefix, colon, _ = self.name.partition(":")
        return prefix if colon and self.scope(prefix) is not None else ""

    @property
    def local(self) -> str:
        """The name without a declared prefix, lower case."""
        prefix = self.prefix
        return (self.name[len(prefix) + 1 :] if prefix else self.name).lower()

    def scope(self, prefix: str) -> str | None:
        """The namespace that a prefix stands for here; None when it is not declared."""
        at: Element | None = self
        while at is not None:
            for name, uri in at.namespaces:
                if name == prefix:
                    return uri
            at = at.parent
        return None

    @property
    def elements(self) -> list[Element]:
        """The elements directly in it."""
        return [child for child in self.children if isinstance(child, Element)]

    def walk(self) -> Iterator[Element]:
        """This element and all in it, in the order of the text."""
        yield self
        for child in self.elements:
            yield from child.walk()

    def find(self, name: str) -> Element | None:
        """The first element of that name, this one included."""
        return next((each for each in self.walk() if each.local == name.lower()), None)

    def child(self, name: str) -> Element | None:
        """The first element of that name directly in it."""
        return next((each for each in self.elements if each.local == name.lower()), None)

    def attribute(self, name: str) -> str | None:
        """The value of an attribute."""
        return next((value for key, value in self.attributes if key.rpartition(":")[2].lower() == name.lower()), None)

    @property
    def content(self) -> str:
        """All text in it."""
        return "".join(child.content if isinstance(child, Element) else child.text for child in self.children)

    def text_of(self, name: str) -> str | None:
        """The text of the first element of that name in it; None without one, or when it is empty."""
        found = self.find(name)
        return found.content if found is not None and found.children else None

    def remove(self) -> None:
        """Take it out of its parent."""
        assert self.parent is not None
        self.parent.children = [child for child in self.parent.children if child is not self]
        self.parent = None

    def append(self, child: Element | Text) -> None:
        """Put something at the end; text joins the text before it."""
        last = self.children[-1] if self.children else None
        if isinstance(child, Text) and isinstance(last, Text) and not child.raw and not last.raw:
            self.children[-1] = Text(last.text + child.text)
            return
        if isinstance(child, Element):
            child.parent = self
        self.children.append(child)

    def copied(self, *, deep: bool = True) -> Element:
        """A copy by itself: prefixes that are declared around the original are declared in it."""
        return _copied(self, None, deep=deep)


def _copied(element: Element, parent: Element | None, *, deep: bool) -> Element:
    copy = Element(element.name, parent)
    copy.namespaces = list(element.namespaces)
    copy.attributes = list(element.attributes)
    named = [element.name, *(key for key, _ in element.attributes if ":" in key)]
    prefixes = [name.partition(":")[0] if ":" in name else "" for name in named]
    for prefix in prefixes:
        uri = element.scope(prefix)
        if uri is not None and copy.scope(prefix) is None:
            root = copy
            while root.parent is not None:
                root = root.parent
            root.namespaces.append((prefix, uri))
    if deep:
        copy.children = [
            _copied(child, copy, deep=True) if isinstance(child, Element) else child for child in element.children
        ]
    return copy


class Document:
    """A whole document: what its first line says, and the root."""

    def __init__(self, root: Element, encoding: str = "", standalone: int = -1) -> None:
        self.root, self.encoding, self.standalone = root, encoding, standalone
        self.around: list[Element | Text] = [root]  #: the root, and comments beside it

    def find(self, name: str) -> Element | None:
        """The first element of that name."""
        return self.root.find(name)

    def dump(self) -> str:
        """The document as text of bytes; elements without text between them are indented."""
        encoding = f' encoding="{self.encoding}"' if self.encoding else ""
        alone = {0: ' standalone="no"', 1: ' standalone="yes"'}.get(self.standalone, "")
        out = [f'<?xml version="1.0"{encoding}{alone}?>\n']
        for child in self.around:
            _write(child, out, 0, indent=True)
            out.append("\n")
        text = "".join(out)
        if not self.encoding:
            text = re.sub(r"[^\x00-\x7f]", lambda found: f"&#x{ord(found[0]):X};", text)
        try:
            data = text.encode(self.encoding or "ascii", "xmlcharrefreplace")
        except LookupError:  # the parser knew it
            data = text.encode("utf-8")
        return data.decode("latin-1")


_TEXT_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE_ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)


def _write(node: Element | Text, out: list[str], level: int, *, indent: bool) -> None:
    if isinstance(node, Text):
        out.append(node.raw or node.text.translate(_TEXT_ESCAPES))
        return
    spaces = [(f"xmlns:{prefix}" if prefix else "xmlns", uri) for prefix, uri in node.namespaces]
    pairs = "".join(f' {name}="{value.translate(_ATTRIBUTE_ESCAPES)}"' for name, value in spaces + node.attributes)
    if not node.children:
        out.append(f"<{node.name}{pairs}/>")
        return
    out.append(f"<{node.name}{pairs}>")
    inner = indent and all(isinstance(child, Element) or child.formats for child in node.children)
    for child in node.children:
        if inner:
            out.append("\n" + "  " * (level + 1))
        _write(child, out, level + 1, indent=inner)
    if inner:
        out.append("\n" + "  " * level)
    out.append(f"</{node.name}>")


class _Reader:
    """Builds a document from what the parser tells."""

    def __init__(self) -> None:
        self.document: Document | None = None
        self.before: list[Element | Text] = []
        self.at: Element | None = None
        self.depth, self.encoding, self.standalone = 0, "", -1
        self.cdata: list[str] | None = None
        self.parser = parser = expat.ParserCreate()
        parser.buffer_text = parser.ordered_attributes = True
        parser.XmlDeclHandler = self.declaration
        parser.StartDoctypeDeclHandler = self.doctype
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.characters
        parser.CommentHandler = lambda text: self.add(Text("", f"<!--{text}-->"))
        parser.ProcessingInstructionHandler = lambda target, text: self.add(
            Text("", f"<?{target} {text}?>" if text else f"<?{target}?>")
        )
        parser.StartCdataSectionHandler = self.cdata_begins
        parser.EndCdataSectionHandler = self.cdata_ends

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self.encoding, self.standalone = encoding or "", standalone

    def doctype(self, *rest: object) -> None:
        raise BadDocument("a DOCTYPE is not taken")

    def start(self, name: str, pairs: list[str]) -> None:
        self.depth += 1
        if self.depth > _DEPTH:
            raise BadDocument("too many elements within each other")
        element = Element(name, self.at)
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if key == "xmlns" or key.startswith("xmlns:"):
                element.namespaces.append((key[6:], value))
            else:
                element.attributes.append((key, value))
        if self.at is not None:
            self.at.children.append(element)
        else:
            self.document = Document(element, self.encoding, self.standalone)
            self.document.around = [*self.before, element]
        self.at = element

    def end(self, name: str) -> None:
        self.depth -= 1
        assert self.at is not None
        self.at = self.at.parent

    def characters(self, text: str) -> None:
        if self.cdata is not None:
            self.cdata.append(text)
        elif self.at is not None:
            self.at.append(Text(text))

    def cdata_begins(self) -> None:
        self.cdata = []

    def cdata_ends(self) -> None:
        text = "".join(self.cdata or ())
        self.cdata = None
        self.add(Text(text, f"<![CDATA[{text}]]>"))

    def add(self, node: Text) -> None:
        if self.at is not None:
            self.at.children.append(node)
        elif self.document is not None:
            self.document.around.append(node)
        else:
            self.before.append(node)


def parse(text: str) -> Document:
    """The document that a text of bytes holds; raises BadDocument."""
    reader = _Reader()
    try:
        reader.parser.Parse(text.encode("latin-1"), True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise BadDocument(str(error)) from None
    if reader.document is None:
        raise BadDocument("empty")
    return reader.document
