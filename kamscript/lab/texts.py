"""What phones write: session descriptions, reason phrases, and pieces of requests built from other requests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from kamscript.sip.headers import header_kind
from kamscript.sip.message import Message

SDP = "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 8\r\n"

#: Reason phrases (RFC 3261 section 21 and the RFCs behind it).
REASONS = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
    199: "Early Dialog Terminated", 200: "OK", 202: "Accepted", 204: "No Notification", 300: "Multiple Choices",
    301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy", 380: "Alternative Service",
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
    410: "Gone", 412: "Conditional Request Failed", 413: "Request Entity Too Large", 414: "Request-URI Too Long",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required",
    422: "Session Interval Too Small", 423: "Interval Too Brief", 429: "Provide Referrer Identity",
    430: "Flow Failed", 433: "Anonymity Disallowed", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
    485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event",
    491: "Request Pending", 493: "Undecipherable", 494: "Security Agreement Required", 500: "Server Internal Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Server Time-out",
    505: "Version Not Supported", 513: "Message Too Large", 580: "Precondition Failure", 600: "Busy Everywhere",
    603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable", 607: "Unwanted",
}  # fmt: skip

#: How a session description answers one with this direction (RFC 3264 section 6.1).
_ANSWERS = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


def octets(text: str) -> str:
    """What a test wrote as phones send it: UTF-8, a character a byte. What is that already stays as it is."""
    return text if text.isascii() or characters(text) != text else text.encode("utf-8").decode("latin-1")


def characters(text: str) -> str:
    """Bytes, a character each, as people read them; what is no UTF-8 stays as it is."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def reason_of(status: int) -> str:
    """The usual phrase for a status, or that of its class."""
    return REASONS.get(status) or REASONS.get(status // 100 * 100, "Unknown")


@lru_cache(64)
def sdp(ip: str, version: int = 1, mode: str = "") -> str:
    """One audio stream at `ip`; `mode` is `sendonly`, `recvonly`, `inactive` or "" for both ways."""
    text = SDP.format(ip=ip)
    if ":" in ip:
        text = text.replace("IN IP4", "IN IP6")
    if version != 1:
        text = text.replace("o=- 1 1 ", f"o=- 1 {version} ", 1)
    return f"{text}a={mode}\r\n" if mode else text


def direction(body: str) -> str:
    """The direction that a session description asks for: "" both ways. `c=0.0.0.0` holds as RFC 2543 did."""
    if "a=" in body:
        for mode in _ANSWERS:
            if f"a={mode}" in body:
                return mode
    return "sendonly" if "c=IN IP4 0.0.0.0" in body else ""


def answer_direction(offer: str) -> str:
    """The direction that answers an offer's."""
    return _ANSWERS.get(direction(offer), "")


def uri_of(value: str) -> str:
    """The URI of a From, To, Contact or Refer-To value."""
    start = value.find("<")
    return value[start + 1 : value.index(">", start)] if start >= 0 else value.partition(";")[0].strip()


def entries(message: Message, kind: str) -> list[str]:
    """The comma-separated values of every header of a kind, in order. Route values hold no quoted commas."""
    return [part.strip() for k, _, value, _ in message.header_lines() if k == kind for part in value.split(",")]


def names_of(headers: Sequence[str]) -> set[str]:
    """The names of header lines, in small letters and long form."""
    return {str(header_kind(line.partition(":")[0].strip())) for line in headers}


def tag_of(value: str) -> str:
    """The tag of a From or To value, "" none."""
    start = value.find(";tag=", value.find(">") + 1)
    return value[start + 5 :].partition(";")[0].strip() if start >= 0 else ""


def numbered(text: str) -> int:
    """The CSeq number of a request built here."""
    start = text.index("\r\nCSeq: ") + 8
    return int(text[start : text.index(" ", start)])


_KEPT = ("Via:", "From:", "Call-ID:", "Max-Forwards:", "Route:")


def same_transaction(text: str, method: str, to: str) -> str:
    """The ACK for a failure, or the CANCEL, that belongs to the INVITE `text` (RFC 3261 sections 17.1.1.3 and 9.1)."""
    lines = text[: text.index("\r\n\r\n")].split("\r\n")
    uri = lines[0].split(" ")[1]
    kept = [line for line in lines[1:] if line.startswith(_KEPT)]
    parts = [f"{method} {uri} SIP/2.0", *kept, f"To: {to}", f"CSeq: {numbered(text)} {method}", "Content-Length: 0"]
    return "\r\n".join([*parts, "", ""])


def to_line(text: str) -> str:
    """The To value of a request built here."""
    start = text.index("\r\nTo: ") + 6
    return text[start : text.index("\r\n", start)]


def sent_again(text: str, old_branch: str, branch: str, cseq: int, credentials: dict[str, list[str]]) -> str:
    """A request as a new transaction, with `credentials` (header name: values) in place of those it had."""
    head, _, body = text.partition("\r\n\r\n")
    lines = []
    for line in head.split("\r\n"):
        name = line.partition(":")[0]
        if name in credentials:
            continue
        if name == "CSeq":
            lines.append(f"CSeq: {cseq} {line.rpartition(' ')[2]}")
            lines += [f"{header}: {value}" for header, values in credentials.items() for value in values]
        elif name == "Via":
            lines.append(line.replace(f"branch={old_branch}", f"branch={branch}"))
        else:
            lines.append(line)
    return "\r\n".join([*lines, "", body])
