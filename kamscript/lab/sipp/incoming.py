"""A message that came in, as a scenario looks at it: by text, not by grammar."""

from __future__ import annotations

_SHORT = {
    "call-id": "i",
    "contact": "m",
    "content-encoding": "e",
    "content-length": "l",
    "content-type": "c",
    "from": "f",
    "to": "t",
    "via": "v",
}


class Incoming:
    """One message. `first_line` is its request or status line, `code` is 0 for a request, `method` "" for a reply."""

    __slots__ = ("_headers", "code", "first_line", "method", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._headers: dict[str, list[tuple[str, str]]] | None = None
        self.first_line = text.partition("\r\n")[0]
        word, _, rest = self.first_line.partition(" ")
        if word == "SIP/2.0":
            code = rest.lstrip().partition(" ")[0]
            self.code, self.method = (int(code) if code.isdecimal() and len(code) == 3 else 0), ""
        else:
            self.code, self.method = 0, word

    @property
    def is_sip(self) -> bool:
        """Whether the first line is SIP's."""
        return "SIP/2.0" in self.first_line

    def _all(self) -> dict[str, list[tuple[str, str]]]:
        headers = self._headers
        if headers is None:
            headers = self._headers = {}
            head = self.text.partition("\r\n\r\n")[0]
            if "\r\n " in head or "\r\n\t" in head:
                head = head.replace("\r\n ", " ").replace("\r\n\t", " ")
            for line in head.split("\r\n")[1:]:
                name, _, value = line.partition(":")
                headers.setdefault(name.rstrip().lower(), []).append((name, value.strip(" \t")))
        return headers

    def _found(self, name: str) -> list[tuple[str, str]]:
        headers = self._all()
        found = headers.get(name)
        if found is None and name in _SHORT:
            found = headers.get(_SHORT[name])
        return found or []

    def header(self, name: str) -> str:
        """The values of a header (lower case), joined by commas; "" for none."""
        found = self._found(name)
        if len(found) == 1:
            return found[0][1]
        return ", ".join(value for _, value in found)

    def header_line(self, name: str) -> str:
        """The header with its name, several of them as one: what `[last_Via:]` writes; "" for none."""
        found = self._found(name)
        if not found:
            return ""
        return f"{found[0][0]}: {self.header(name)}"

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.header("call-id")

    @property
    def cseq(self) -> int:
        """The number in CSeq; 0 for none."""
        number = self.header("cseq").partition(" ")[0]
        return int(number) if number.isdecimal() and len(number) < 12 else 0

    @property
    def cseq_method(self) -> str:
        """The method in CSeq."""
        return self.header("cseq").partition(" ")[2].strip()

    @property
    def branch(self) -> str:
        """The branch of the first Via."""
        return _parameter(self.header("via").partition(",")[0], "branch")

    @property
    def to_tag(self) -> str:
        """The tag in To."""
        value = self.header("to")
        return _parameter(value[value.find(">") + 1 :], "tag")

    @property
    def to_uri(self) -> str:
        """What stands in the angle brackets of To: what `[last_Request_URI]` writes."""
        value = self.header("to")
        start, end = value.find("<"), value.find(">")
        return value[start + 1 : end] if 0 <= start < end else ""

    @property
    def identity(self) -> str:
        """What tells a retransmission from another message with `-rtcheck loose` (RFC 2543 section 11.5)."""
        parts = [self.header(name) for name in ("to", "from", "call-id", "cseq")]
        if self.code:
            parts += [self.first_line, self.text.partition("\r\n\r\n")[2]]
        return "\n".join(parts)


def _parameter(value: str, name: str) -> str:
    for part in value.split(";")[1:]:
        key, _, text = part.strip().partition("=")
        if key.lower() == name:
            return text.split(" ")[0].split(",")[0]
    return ""
