"""Session descriptions as Kamailio reads them (core/parser/sdp/; RFC 4566, 3264, 8866).

A body holds sessions (one, or one per SDP part of a multipart/mixed body), a session holds streams. All offsets are
characters in the text that was parsed; texts are as written. Kamailio finds a line by its letter wherever it stands
behind a line end, in this order: v=, o=, m=; what it does not need it skips.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from kamscript.sip.content import boundary, parse_content_type
from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.sip.message import Message

NO_HOLD, RFC2543_HOLD, RFC3264_HOLD = 0, 1, 2

_LINE = re.compile(r"(?:\A|(?<=[\r\n]))([A-Za-z])=([^\n]*)(?:\n|\Z)")
_RTP = frozenset(("rtp/avp", "rtp/avpf", "rtp/savp", "rtp/savpf"))
_MEDIA = re.compile(r"([^ \t]+)[ \t]+([^ \t]+)[ \t]+([^ \t]+)[ \t]*(.*)")
_RTPMAP = re.compile(r"([^ \t]+)[ \t]+([^/]+)/([^/]*)(?:/(.*))?")
_FMTP = re.compile(r"([^ \t]+)[ \t]+(.*)")
_SDP_TYPE = re.compile(r"[ \t]*application[ \t]*/[ \t]*sdp(?:[; \t\r\n\0]|\Z)", re.IGNORECASE)
_MODE = re.compile(r"sendrecv|recvonly|sendonly|inactive", re.IGNORECASE)


class Line(NamedTuple):
    """One line: its letter, the text behind the `=`, and where letter, text and the next line start."""

    letter: str
    value: str
    start: int
    value_start: int
    end: int


class Codec:
    """One payload of a stream. `encoding`, `clock`, `parameters` from rtpmap, `fmtp`; "" when not told."""

    __slots__ = ("clock", "encoding", "fmtp", "parameters", "payload")

    def __init__(self, payload: str) -> None:
        self.payload = payload
        self.encoding = self.clock = self.parameters = self.fmtp = ""

    def __repr__(self) -> str:
        return f"Codec({self.payload} {self.encoding})"


class Stream:
    """One m= section.

    media, port, transport, payloads    of the m= line ("audio", "49170", "RTP/AVP", "0 8")
    ip, ip_version    of its own c= line ("" and 4 when the session's counts)
    codecs            one per payload, in order
    mode              "sendrecv", "recvonly", "sendonly", "inactive" as written, "" none
    on_hold           0, RFC2543_HOLD (c=0.0.0.0) or RFC3264_HOLD (sendonly, inactive); for RFC2543_HOLD the
                      session's address counts when the stream has none
    session_on_hold   the same of the session it stands in (from its a= lines)
    is_rtp            whether the transport is a known RTP profile
    ptime, rtcp_port, bandwidth_type, bandwidth, path, max_size, accept_types, accept_wrapped_types,
    remote_candidates, candidates, ice_options    of its lines
    lines             every line of the section; `start`, `end` its place
    """

    __slots__ = (
        "accept_types",
        "accept_wrapped_types",
        "bandwidth",
        "bandwidth_type",
        "candidates",
        "codecs",
        "end",
        "ice_options",
        "ip",
        "ip_version",
        "is_rtp",
        "lines",
        "max_size",
        "media",
        "mode",
        "number",
        "on_hold",
        "path",
        "payloads",
        "port",
        "ptime",
        "remote_candidates",
        "rtcp_port",
        "session_on_hold",
        "start",
        "transport",
    )

    def __init__(self, number: int, lines: list[Line], end: int) -> None:
        self.number, self.lines, self.start, self.end = number, lines, lines[0].start, end
        self.media = self.port = self.transport = self.payloads = self.ip = self.mode = self.ptime = ""
        self.rtcp_port = self.bandwidth_type = self.bandwidth = self.path = self.max_size = ""
        self.accept_types = self.accept_wrapped_types = self.remote_candidates = ""
        self.codecs: list[Codec] = []
        self.candidates: list[str] = []
        self.ice_options: list[str] = []
        self.ip_version, self.on_hold, self.session_on_hold, self.is_rtp = 4, NO_HOLD, NO_HOLD, False

    def codec(self, payload: str) -> Codec | None:
        """The codec of a payload number."""
        for codec in self.codecs:
            if codec.payload == payload:
                return codec
        return None

    def attributes(self, name: str) -> list[str]:
        """The values of all `a=name:value` lines (any case); "" for `a=name`."""
        return attributes(self.lines, name)

    def __repr__(self) -> str:
        return f"Stream({self.media} {self.port} {self.transport} {self.payloads})"


class Session:
    """One description. `start` to `end` is its text; `header` the lines in front of the first m=.

    ip, ip_version of its c= line ("" none); origin_ip, origin_ip_version, version of o= (`version`: sess-version);
    mode and on_hold of its a= lines; bandwidth_type, bandwidth of b=.
    """

    __slots__ = (
        "bandwidth",
        "bandwidth_type",
        "end",
        "header",
        "ip",
        "ip_version",
        "mode",
        "number",
        "on_hold",
        "origin_ip",
        "origin_ip_version",
        "start",
        "streams",
        "version",
    )

    def __init__(self, number: int, start: int, end: int) -> None:
        self.number, self.start, self.end = number, start, end
        self.ip = self.origin_ip = self.version = self.mode = self.bandwidth_type = self.bandwidth = ""
        self.ip_version, self.origin_ip_version, self.on_hold = 4, 4, NO_HOLD
        self.header: list[Line] = []
        self.streams: list[Stream] = []

    def attributes(self, name: str) -> list[str]:
        """The values of the session's own `a=name` lines."""
        return attributes(self.header, name)


class Sdp:
    """Everything in a body: its sessions; iterating goes through the streams of all of them."""

    __slots__ = ("sessions", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.sessions: list[Session] = []

    @property
    def streams(self) -> list[Stream]:
        """The streams of all sessions."""
        return [stream for session in self.sessions for stream in session.streams]

    def __iter__(self) -> Iterator[Stream]:
        return iter(self.streams)

    def __bool__(self) -> bool:
        return bool(self.sessions)


def parse_sdp(text: str, start: int = 0, end: int | None = None, number: int = 0) -> Session:
    """The session in `text[start:end]`; raises SipError where parse_sdp() fails.

    That is: no v=, o= or m= line in this order, an o= or c= line without `IP4` or `IP6` and address, no c= line for a
    stream, an m= line without port or transport.
    """
    end = len(text) if end is None else end
    lines = [
        Line(found.group(1), found.group(2).rstrip("\r\0"), found.start(), found.start(2), found.end())
        for found in _LINE.finditer(text, start, end)
    ]
    at = _find(lines, "v", 0, "no v= in session")
    origin_at = _find(lines, "o", at + 1, "no o= in session")
    first_media = _find(lines, "m", origin_at + 1, "no m= in session")
    session = Session(number, start, end)
    session.header = lines[:first_media]
    session.version = _version(lines[origin_at])
    session.origin_ip, session.origin_ip_version = _address(lines[origin_at])
    common = next((line for line in lines[origin_at:first_media] if line.letter == "c"), None)
    if common is not None:
        session.ip, session.ip_version = _address(common)
    for line in lines[origin_at:first_media]:
        if line.letter == "b":
            session.bandwidth_type, session.bandwidth = _bandwidth(line)
            break
    for line in lines[origin_at:first_media]:
        if line.letter == "a":
            mode = _MODE.match(line.value)
            if mode is not None:
                session.mode = mode.group()
                session.on_hold = _hold(session.mode)
                break
    starts = [index for index in range(first_media, len(lines)) if lines[index].letter == "m"]
    for index, place in enumerate(starts):
        last = starts[index + 1] if index + 1 < len(starts) else len(lines)
        stop = lines[last].start if last < len(lines) else end
        session.streams.append(_stream(session, index, lines[place:last], stop, common is not None))
    return session


def find_sdp(msg: Message) -> tuple[int, int]:
    """Where the session description of a message starts and ends in its text (extract_body of the NAT modules).

    That is the whole body, or the first application/sdp part of a multipart/mixed one; without Content-Type the body is
    taken for one. Line ends at its end belong to it. Raises SipError when there is none.
    """
    start, length = msg.body_offset, msg.content_length
    if start < 0:
        raise SipError("failed to get the message body")
    if not length:
        raise SipError("message body has length zero" if length == 0 else "failed to get the content length in message")
    if start + length > len(msg.buf):
        raise SipError("content-length exceeds packet-length")
    value = msg.value("content-type")
    if value is None or _SDP_TYPE.match(value):
        return start, start + length
    if value.strip()[:15].lower() != "multipart/mixed":
        raise SipError("content type mismatching")
    for part_start, part_end in sdp_parts(msg.body[:length], boundary(value)):
        return start + part_start, start + part_end
    raise SipError("no session description in a multipart body")


def parse_message_sdp(msg: Message) -> Sdp:
    """The session descriptions of a message's body: application/sdp, or those in a multipart/mixed body.

    Empty for a message without body. Raises SipError where parse_sdp() fails: another Content-Type, or a bad text.
    Offsets count from the start of the body.
    """
    body = msg.body
    sdp = Sdp(body)
    if msg.body_offset < 0:
        raise SipError("no message body")
    if not body:
        return sdp
    mime = parse_content_type(msg.value("content-type") or "")
    if (mime.type, mime.subtype) == ("application", "sdp"):
        sdp.sessions.append(parse_sdp(body))
    elif (mime.type, mime.subtype) == ("multipart", "mixed"):
        mark = boundary(msg.value("content-type") or "")
        for start, end in sdp_parts(body, mark):
            sdp.sessions.append(parse_sdp(body, start, end, len(sdp.sessions)))
    else:
        raise SipError("no session description")
    return sdp


def sdp_parts(body: str, mark: str) -> list[tuple[int, int]]:
    """Where the application/sdp parts of a multipart body start and end; raises SipError for a malformed body."""
    line = re.compile(rf"(?:\A|(?<=[\r\n]))--{re.escape(mark)}[^\n]*(?:\n|\Z)")
    marks = list(line.finditer(body))
    if not marks:
        raise SipError("empty multipart content")
    parts: list[tuple[int, int]] = []
    for index, found in enumerate(marks):
        end = marks[index + 1].start() if index + 1 < len(marks) else len(body)
        at, is_sdp = found.end(), False
        while at < end and body[at] not in "\r\n":
            stop = body.find("\n", at, end)
            stop = end if stop < 0 else stop + 1
            name, _, value = body[at:stop].partition(":")
            if name.strip().lower() in ("content-type", "c"):
                mime = parse_content_type(value.strip(" \t\r\n"))
                is_sdp = is_sdp or (mime.type, mime.subtype) == ("application", "sdp")
            at = stop
        if is_sdp:
            while at < end and body[at] in "\r\n\t ":
                at += 1
            parts.append((at, end))
    return parts


def attributes(lines: list[Line], name: str) -> list[str]:
    """The values of `a=name:value` among lines (any case); "" for `a=name`."""
    wanted = name.lower()
    found: list[str] = []
    for line in lines:
        if line.letter == "a":
            key, _, value = line.value.partition(":")
            if key.lower() == wanted:
                found.append(value)
    return found


def _find(lines: list[Line], letter: str, start: int, error: str) -> int:
    for index in range(start, len(lines)):
        if lines[index].letter == letter:
            return index
    raise SipError(error)


def _version(line: Line) -> str:
    fields = line.value.split(" ")
    if line.end - line.start < 15 or len(fields) < 3:
        raise SipError("bad o= line")
    return fields[2]


def _address(line: Line) -> tuple[str, int]:
    """Address and IP version of a c= or o= line."""
    value = line.value.strip(" \t\r\n\0")
    at = value.rfind(" IP")
    version = value[at + 3 : at + 4]
    if at < 0 or version not in ("4", "6"):
        raise SipError(f"no IP4 or IP6 in {line.letter}=")
    address = re.split(r"[ \t\r\n]", value[at + 5 :].lstrip(" \t"), maxsplit=1)[0]
    if not address:
        raise SipError(f"no address in {line.letter}=")
    return address, int(version)


def _bandwidth(line: Line) -> tuple[str, str]:
    kind, _, width = line.value.strip(" \t").partition(":")
    return kind, width


def _hold(mode: str) -> int:
    return RFC3264_HOLD if mode.lower() in ("inactive", "sendonly") else NO_HOLD


def _stream(session: Session, number: int, lines: list[Line], end: int, has_common: bool) -> Stream:
    stream = Stream(number, lines, end)
    stream.session_on_hold = session.on_hold
    own = next((line for line in lines if line.letter == "c"), None)
    if own is not None:
        stream.ip, stream.ip_version = _address(own)
    elif not has_common:
        raise SipError("can't find media IP in the message")
    media = _MEDIA.fullmatch(lines[0].value.strip(" \t\r\n"))
    if media is None:
        raise SipError("bad m= line")
    stream.media, stream.port, stream.transport, stream.payloads = media.groups()
    stream.is_rtp = stream.transport.lower() in _RTP
    stream.codecs = [Codec(payload) for payload in stream.payloads.split()]
    for line in lines:
        if line.letter == "b":
            stream.bandwidth_type, stream.bandwidth = _bandwidth(line)
            break
    for line in lines:
        if line.letter == "a":
            _attribute(stream, line.value)
    if not stream.on_hold:
        ip, version = (stream.ip, stream.ip_version) if stream.ip else (session.ip, session.ip_version)
        trickle = "trickle" in stream.ice_options and stream.port == "9"
        if version == 4 and ip == "0.0.0.0" and not trickle:
            stream.on_hold = RFC2543_HOLD
    return stream


def _attribute(stream: Stream, value: str) -> None:
    name, colon, text = value.partition(":")
    text = text.strip(" \t\r\n\0")
    if not stream.codecs:
        if name == "rtcp":
            stream.rtcp_port = text
        elif name in _MSRP:
            setattr(stream, _MSRP[name], text)
        return
    mode = _MODE.match(value)
    if mode is not None:
        stream.mode = mode.group()
        stream.on_hold = _hold(stream.mode) or stream.on_hold
    elif not colon:
        return
    elif name == "ptime":
        stream.ptime = text
    elif name == "rtcp":
        stream.rtcp_port = text
    elif name in _MSRP:
        setattr(stream, _MSRP[name], text)
    else:
        _codec_attribute(stream, name.lower(), text)


def _codec_attribute(stream: Stream, name: str, text: str) -> None:
    if name == "rtpmap":
        found = _RTPMAP.fullmatch(text)
        codec = stream.codec(found.group(1)) if found else None
        if found and codec:
            codec.encoding, codec.clock, codec.parameters = found.group(2), found.group(3), found.group(4) or ""
    elif name == "fmtp":
        found = _FMTP.fullmatch(text)
        codec = stream.codec(found.group(1)) if found else None
        if found and codec:
            codec.fmtp = found.group(2)
    elif name == "candidate":
        stream.candidates.append(text)
    elif name == "ice-options":
        stream.ice_options += text.split()
    elif name == "remote-candidates":
        stream.remote_candidates = text


_MSRP = {
    "accept-types": "accept_types",
    "accept-wrapped-types": "accept_wrapped_types",
    "max-size": "max_size",
    "path": "path",
}
