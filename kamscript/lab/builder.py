"""Messages for tests: plain requests, and what is to be replied to them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kamscript.lab.network import Address, address
from kamscript.lab.texts import octets, reason_of
from kamscript.sip.headers import header_kind
from kamscript.sip.message import Message

#: Headers as a test gives them: whole lines, or names and values (None: leave the usual one out).
Headers = Sequence[str] | Mapping[str, str | None]

#: Requests that tell where the dialog goes on (RFC 3261 section 8.1.1.8 and the RFCs behind it).
_WITH_CONTACT = ("INVITE", "SUBSCRIBE", "REFER", "UPDATE")

_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")


class RequestText(str):
    """The text of a request, and where it comes from; None: from nowhere in particular."""

    source: Address | None = None


@dataclass(frozen=True)
class Reply:
    """A reply that a branch got: status, reason ("" the usual one), further headers, body, and the callee's tag."""

    status: int
    reason: str = ""
    headers: Headers = ()
    body: str = ""
    tag: str = "callee"

    def __post_init__(self) -> None:
        if not 100 <= self.status <= 699:
            raise ValueError(f"{self.status} is no SIP status: it is between 100 and 699")

    def text(self, request: Message) -> str:
        """The reply to a request as it was sent."""
        lines = [octets(f"SIP/2.0 {self.status} {self.reason or reason_of(self.status)}")]
        for header in request.headers:
            line = request.buf[header.start : header.end].rstrip("\r\n")
            if header.kind in ("via", "record-route", "from", "call-id", "cseq"):
                lines.append(line)
            elif header.kind == "to":
                tagged = request.to is not None and request.to.tag
                lines.append(line if tagged or self.status == 100 or not self.tag else f"{line};tag={self.tag}")
        return joined(lines, self.headers, self.body)


def reply_of(said: int | str | Reply) -> Reply:
    """`486`, `"486 Busy Here"` or a Reply as a Reply; raises ValueError."""
    if isinstance(said, Reply):
        return said
    if isinstance(said, int):
        return Reply(said)
    status, _, reason = said.strip().partition(" ")
    if not status.isdecimal():
        raise ValueError(f'{said!r} is no reply: write 486, "486 Busy Here" or lab.reply(486, ...)')
    return Reply(int(status), reason.strip())


def request_text(
    method: str,
    uri: str,
    serial: int,
    domain: str,
    *,
    caller: str = "alice",
    headers: Headers = (),
    body: str = "",
    to_tag: str = "",
    source: Address | None = None,
    proto: str = "udp",
) -> RequestText:
    """See `Lab.request`; raises ValueError for what is no request."""
    if not _TOKEN.fullmatch(method):
        raise ValueError(f"{method!r} is no SIP method")
    target = uri if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", uri) else f"sip:{uri}@{domain}"
    if re.search(r"\s", target):
        raise ValueError(f"{uri!r} is no URI: it holds blanks")
    sender = source or Address("10.0.0.99", 5060)
    identity = caller if ":" in caller else f"sip:{caller}@{domain}"
    host = f"[{sender.ip}]" if ":" in sender.ip else sender.ip
    usual = [
        f"Via: SIP/2.0/{proto.upper()} {host}:{sender.port};branch=z9hG4bK-lab-{serial}",
        "Max-Forwards: 70",
        f"From: <{identity}>;tag=lab{serial}",
        f"To: <{target}>" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: lab-{serial}",
        f"CSeq: 1 {method}",
    ]
    if method in _WITH_CONTACT:
        usual.append(f"Contact: <sip:{caller.rpartition(':')[2].partition('@')[0]}@{host}:{sender.port}>")
    text = RequestText(joined([f"{method} {target} SIP/2.0", *usual], headers, body, replace=True))
    text.source = source
    return text


def joined(lines: list[str], headers: Headers, body: str, *, replace: bool = False) -> str:
    """First line and headers, the test's own behind (or, with `replace`, in place of) the usual ones, and the body."""
    own = [(octets(line), wanted) for line, wanted in _lines(headers)]
    body = octets(body)
    body = body.replace("\r\n", "\n").replace("\n", "\r\n") if body.startswith("v=0") else body
    given = {_kind(line) for line, _ in own}
    if replace:
        lines = [lines[0], *(line for line in lines[1:] if _kind(line) not in given)]
    out = lines + [line for line, wanted in own if wanted]
    if body and "content-type" not in given:
        out.append("Content-Type: " + ("application/sdp" if body.startswith("v=0") else "text/plain"))
    if "content-length" not in given:
        out.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*out, "", body])


def _lines(headers: Headers) -> Iterable[tuple[str, bool]]:
    if isinstance(headers, str):
        raise ValueError(f'headers are a list of lines or a mapping: ["Subject: hi"], not {headers!r}')
    if isinstance(headers, Mapping):
        for name, value in headers.items():
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"{name!r} is no header name")
            yield f"{name}: {value}", value is not None
        return
    for line in headers:
        name, colon, _ = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name.strip()):
            raise ValueError(f'{line!r} is no header line: write "Subject: hi"')
        yield line.rstrip("\r\n"), True


def _kind(line: str) -> str:
    return str(header_kind(line.partition(":")[0].strip()))


def message_text(text: str) -> str:
    """A message as a test writes it: with CRLF as it stands, else dedented, and its line ends made CRLF."""
    if "\r\n" in text:
        return text
    plain = textwrap.dedent(text.lstrip("\n"))
    head, blank, body = plain.partition("\n\n")
    lines = [line.rstrip() for line in head.strip("\n").split("\n")]
    return octets("\r\n".join([*lines, "", body.replace("\n", "\r\n") if blank else ""]))


def where(source: str | tuple[str, int] | Address | None) -> Address | None:
    """An address as a test gives it; None stays None."""
    return None if source is None else source if isinstance(source, Address) else address(source)
