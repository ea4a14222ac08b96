"""XML-RPC documents: calls that are read, answers that are written as Kamailio writes them.

Texts are latin-1 characters, a byte each; those of documents are UTF-8. Source: src/modules/xmlrpc/xmlrpc.c.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from kamscript.core.rpc import RpcFault, Struct
from kamscript.values import INT_MAX, INT_MIN

_HEAD = '<?xml version="1.0"?>\n<methodResponse>\n'
_INTEGERS = ("i4", "int", "boolean")
_DATE = "dateTime.iso8601"
_KNOWN = (*_INTEGERS, _DATE, "double", "string")
_INTEGER = re.compile(r"\s*([-+]?[0-9]+)")
_NUMBER = re.compile(r"\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)")
#: The largest unsigned number; what is longer is written as a double.
_UINT_MAX = 0xFFFFFFFF


@dataclass
class Value:
    """A parameter: its type ("" for a bare text, None for none that is known) and its text."""

    kind: str | None
    text: str = ""

    def convert(self, wanted: str, *, anything: bool) -> Any:
        """The value for a command that wants an `int`, a `float`, a `str` or `any`; with `anything` whatever its type.

        Raises RpcFault.
        """
        kind = self.kind
        if kind is None:
            raise RpcFault(400, "Invalid Parameter Type")
        if wanted == "any":
            wanted = "int" if kind in _INTEGERS else "float" if kind == "double" else "str"
        fits = {
            "int": (*_INTEGERS, _DATE), "float": ("double", "i4", "int"), "str": ("string", ""),
        }[wanted]  # fmt: skip
        if kind not in fits and not anything:
            raise RpcFault(400, "Invalid Parameter Type")
        if wanted == "str":
            return str(self._integer()) if kind in _INTEGERS else self._some("string", "")
        self._some()
        if kind == _DATE:
            return _seconds(self.text) if wanted == "int" else float(_seconds(self.text))
        if wanted == "float" or kind == "double":
            found = _NUMBER.match(self.text)
            if found is None:
                raise RpcFault(400, "Invalid Value")
            return float(found[1]) if wanted == "float" else int(float(found[1]))
        return self._integer()

    def _some(self, *may_be_empty: str) -> str:
        if not self.text and self.kind not in may_be_empty:
            raise RpcFault(400, "Empty Parameter Value")
        return self.text

    def _integer(self) -> int:
        found = _INTEGER.match(self._some())
        if found is None:
            raise RpcFault(400, "Invalid Value")
        return max(INT_MIN, min(int(found[1][:20]), INT_MAX))


@dataclass
class Call:
    """A call: the name of the method and its parameters."""

    method: str
    params: list[Value] = field(default_factory=list)


def read_call(text: str) -> Call:
    """The call in a document; raises RpcFault for what is none."""
    try:
        root = ElementTree.fromstring(text.encode("latin-1"))
    except (ElementTree.ParseError, ValueError, LookupError):
        raise RpcFault(400, "Invalid XML-RPC Document") from None
    if _tag(root) != "methodCall":
        raise RpcFault(400, "Root Element Is Not methodCall")
    name = next((child for child in root if _tag(child) == "methodName"), None)
    if name is None:
        raise RpcFault(400, "Method Name Not Found")
    if not name.text:
        raise RpcFault(400, "Cannot Extract Method Name")
    params = next((child for child in root if _tag(child) == "params"), ())
    return Call(_bytes(name.text), [_value(param) for param in params])


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _bytes(text: str) -> str:
    return text.encode().decode("latin-1")


def _value(param: ElementTree.Element) -> Value:
    """The value of a `<param>`; blanks around a typed one do not count."""
    value = next(iter(param), None)
    if value is None or _tag(value) != "value":
        return Value(None)
    inner = next(iter(value), None)
    text = value.text or ""
    if inner is None or text.strip():
        return Value("" if text else None, _bytes(text))
    kind = _tag(inner)
    return Value(kind if kind in _KNOWN else None, _bytes(inner.text or ""))


def _seconds(text: str) -> int:
    """The Unix time of `20011003T08:53:38`; what is no time begins in 1900, as nothing was read of it."""
    try:
        return calendar.timegm(datetime.strptime(text[:17], "%Y%m%dT%H:%M:%S").timetuple())
    except ValueError:
        return calendar.timegm((1900, 1, 0, 0, 0, 0, 0, 0, 0))


class Writer:
    """Writes answers; `escape_cr` says whether CR becomes a character reference."""

    def __init__(self, *, escape_cr: bool) -> None:
        self._escapes = str.maketrans({"<": "&lt;", "&": "&amp;", **({"\r": "&#xD;"} if escape_cr else {})})

    def fault(self, code: int, reason: str) -> str:
        """A fault."""
        return (
            f"{_HEAD}<fault>\n<value>\n<struct>\n<member>\n<name>faultCode</name>\n<value><int>{code}</int></value>\n"
            f"</member>\n<member>\n<name>faultString</name>\n<value><string>{self._escaped(reason)}</string></value>\n"
            "</member>\n</struct>\n</value>\n</fault>\n</methodResponse>"
        )

    def answer(self, values: list[Any], *, is_array: bool) -> str:
        """What a command added: in an array for those commands that always answer one, else one behind the other."""
        if is_array:
            inner = "".join(f"<value>{self._one(value)}</value>\n" for value in values)
            return self.success(f"<array><data>\n{inner}</data></array>")
        return self.success("".join(f"{self._one(value)}\n" for value in values))

    def success(self, value: str) -> str:
        """An answer with this inside its `<value>`."""
        return f"{_HEAD}<params>\n<param>\n<value>{value}</value>\n</param>\n</params>\n</methodResponse>"

    def _escaped(self, text: str) -> str:
        return text.translate(self._escapes)

    def _one(self, value: Any) -> str:
        if isinstance(value, Struct):
            return self._struct(value)
        if isinstance(value, list | tuple):
            inner = "".join(f"<value>{self._one(item)}</value>" for item in value)
            return f"<array><data>\n{inner}</data></array>"
        if value is None:
            return self._escaped("<nil/>")
        if isinstance(value, float):
            return f"<double>{value:f}</double>"
        if isinstance(value, int):
            return f"<int>{value}</int>" if INT_MIN <= value <= _UINT_MAX else f"<double>{value}</double>"
        return f"<string>{self._escaped(str(value))}</string>"

    def _struct(self, struct: Struct) -> str:
        members = []
        for name, value in struct.members:
            member = f"<member><name>{self._escaped(name)}</name><value>{self._one(value)}</value></member>"
            nested = struct.is_array and isinstance(value, Struct) and not value.is_array
            members.append(f"<value><struct>{member}</struct></value>" if nested else member)
        inner = "".join(members)
        return f"<array><data>\n{inner}</data></array>" if struct.is_array else f"<struct>{inner}</struct>"
