"""A SIP message: what arrived, and what routing has decided about it.

`Message(text)` finds the first line and the headers in one pass and parses little else; a header's value is parsed
when somebody asks for it and kept. The received text never changes by itself: changes are edits
(`kamscript.sip.edits`).

    msg = Message.parse(text)
    msg.method, msg.uri                  first line, as received
    msg.value("call-id")                 a header by kind
    msg.top_via.branch, msg.to.tag       parsed headers, None where Kamailio finds nothing usable
    msg.new_uri = "sip:bob@10.0.0.2"     routing state, as in Kamailio's sip_msg

Via, To, CSeq and Content-Length are checked while reading, as Kamailio does: a bad one ends the list of headers. The
parsed values are shared between messages with the same text (the parsers keep what they read last), so they must not
be changed; of the headers of a call most come back thirteen times.

Source: core/parser/msg_parser.c, parse_fline.c, parse_hname2.c of Kamailio 5.6; RFC 3261 section 7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, Any

from kamscript.sip.auth import Credentials, parse_credentials
from kamscript.sip.contact import Contact, Contacts, RewrittenContact, RewrittenContacts, parse_contacts
from kamscript.sip.edits import EditLists, Edits
from kamscript.sip.errors import SipError
from kamscript.sip.headers import (
    CSeq,
    header_kind,
    method_id,
    parse_content_length,
    parse_cseq,
    parse_expires,
    parse_max_forwards,
)
from kamscript.sip.lines import known_first, known_header, read_first
from kamscript.sip.nameaddr import NameAddr, ToBody, parse_from, parse_routes, parse_to
from kamscript.sip.scan import UNIQUE, Header, first_line, is_sip_version, read_headers
from kamscript.sip.uri import Uri, parse_uri
from kamscript.sip.via import Via, parse_via

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket, Received

# Message.msg_flags: Kamailio's FL_* bits, what routing asked for apart from the script's own flags.
FL_FORCE_RPORT = 1 << 0
FL_FORCE_ACTIVE = 1 << 1
FL_SDP_IP_AFS = 1 << 2
FL_SDP_PORT_AFS = 1 << 3
FL_SHM_CLONE = 1 << 4
FL_TIMEOUT = 1 << 5  #: the branch timed out (t_branch_timeout)
FL_REPLIED = 1 << 6  #: the branch got a reply (t_branch_replied)
FL_HASH_INDEX = 1 << 7
FL_MTU_TCP_FB = 1 << 8
FL_MTU_TLS_FB = 1 << 9
FL_MTU_SCTP_FB = 1 << 10
FL_ADD_LOCAL_RPORT = 1 << 11
FL_SDP_BODY = 1 << 12
FL_USE_UAC_FROM = 1 << 13
FL_USE_UAC_TO = 1 << 14
FL_TM_RPL_MATCHED = 1 << 15
FL_RPL_SUSPENDED = 1 << 16
FL_BODY_MULTIPART = 1 << 17
FL_RR_ADDED = 1 << 18
FL_UAC_AUTH = 1 << 19
FL_ADD_SRVID = 1 << 20
FL_ADD_XAVP_VIA_PARAMS = 1 << 21
FL_USE_XAVP_VIA_FIELDS = 1 << 22
FL_MSG_NOREPLY = 1 << 23
FL_SIPTRACE = 1 << 24
FL_ROUTE_ADDR = 1 << 25
FL_USE_OTCPID = 1 << 26

_UNPARSED = object()
_MUCH = 4096  #: characters of headers that are too many for the quick reader and its memory

_BLANKS = " \t"
_NO_HEADERS: list[str] = []
_NEEDED = frozenset(("via", "from", "to", "call-id", "cseq"))


@lru_cache(2048)
def _shape(kinds: tuple[str, ...]) -> tuple[dict[str, int], bool, tuple[int, ...] | None, int, int, int]:
    """Of headers in this order: the first of each kind, whether those that must be there are, every Via, To, CSeq,
    Call-ID.

    None for the Vias: a header is there twice that must not.

    Clients write their headers in the same order again and again; the dict is shared.
    """
    where: dict[str, int] = {}
    for at, kind in enumerate(kinds):
        where.setdefault(kind, at)
    vias: tuple[int, ...] | None = tuple(at for at, kind in enumerate(kinds) if kind == "via")
    if any(kinds.count(kind) > 1 for kind in UNIQUE):
        vias = None
    return where, where.keys() >= _NEEDED, vias, where.get("to", -1), where.get("cseq", -1), where.get("call-id", -1)


class Message:
    """A received or built message.

    As received (`set_text` and `overwrite` alone change it):
      buf            the whole text
      is_request     True for a request
      method         of the request line, as received; "" for a reply
      method_id      the same in upper case when Kamailio knows the method in another letter case: compare with this
      uri            request URI as received ("" for a reply), `uri_start`..`uri_end` its place
      version        "SIP/2.0" as written
      status, reason of a reply (0 and "" for a request)
      first_start    where the first line starts (leading blanks and line ends are skipped), `first_end` where the
                     first header starts
      header_error   why the headers end early: the reason for which parse_headers(HDR_EOH) would fail; "" when fine.
                     Headers behind the bad one do not exist, as in Kamailio
      callid         Call-ID's value, "" when missing
      complete       whether Via, From, To, Call-ID and CSeq are there: what Kamailio wants before it runs a route
      eoh            offset of the empty line that ends the headers (Kamailio's msg->eoh); -1 when there is none
      vias           every Via of every Via header, in order; top_via the first one (via1), None when there is none.
                     Its offsets count from the header's value_start
      to, cseq       To (`.uri`, `.display`, `.tag`, `.params`) and CSeq, None when missing; malformed ones end the
                     headers

    Routing state (Kamailio's sip_msg fields of the same name):
      new_uri        the rewritten request URI, None: as received
      dst_uri, path  destination URI and Path vector, "" none
      flags          message flags as bits; xflags: extended flags 0..
      msg_flags      FL_* bits
      force_send_socket, set_global_address, set_global_port ("" none), add_to_branch
      instance, reg_id, ruid, location_ua, otcpid    of the contact that was looked up
      received       Received: where it came from and arrived
      reply_headers  header lines (with CRLF) for replies made here, in order; `reply_body` their body, None none.
                     The list may be shared and empty: add with `add_reply_header`
      ended          whether somebody asked for the end of the headers, or for a header that is not there: an edit
                     made before that does not know that it changes the body (see `Edits`)
      authorized     credentials that an auth module looked at, by kind of header (modules/_authorized.py); None none
      number         $mi
      hash_index     tm's bucket, -1 not computed
    """

    __slots__ = (
        "_body_offset",
        "_contacts",
        "_edits",
        "_from",
        "_headers",
        "_kinds",
        "_lines",
        "_record_routes",
        "_routes",
        "_values",
        "_where",
        "add_to_branch",
        "authorized",
        "buf",
        "callid",
        "complete",
        "cseq",
        "dst_uri",
        "ended",
        "eoh",
        "first_end",
        "first_start",
        "flags",
        "force_send_socket",
        "hash_index",
        "header_error",
        "instance",
        "is_request",
        "location_ua",
        "method",
        "method_id",
        "msg_flags",
        "new_uri",
        "number",
        "otcpid",
        "path",
        "reason",
        "received",
        "reg_id",
        "reply_body",
        "reply_headers",
        "ruid",
        "set_global_address",
        "set_global_port",
        "status",
        "to",
        "top_via",
        "uri",
        "uri_end",
        "uri_start",
        "version",
        "vias",
        "xflags",
    )

    authorized: Mapping[str, Any] | None
    buf: str
    is_request: bool
    method: str
    method_id: str
    uri: str
    uri_start: int
    uri_end: int
    version: str
    status: int
    reason: str
    first_start: int
    first_end: int
    header_error: str
    callid: str
    complete: bool
    eoh: int
    ended: bool
    vias: list[Via]
    top_via: Via | None
    to: ToBody | None
    cseq: CSeq | None
    new_uri: str | None
    dst_uri: str
    path: str
    flags: int
    xflags: int
    msg_flags: int
    force_send_socket: ListenSocket | None
    set_global_address: str
    set_global_port: str
    add_to_branch: str
    instance: str
    reg_id: int
    ruid: str
    location_ua: str
    otcpid: int
    received: Received
    reply_headers: list[str]
    reply_body: str | None
    number: int
    hash_index: int
    _lines: list[str] | None
    _kinds: Sequence[str]
    _values: Sequence[str]
    _where: dict[str, int]
    _headers: list[Header | None] | None
    _edits: EditLists | None

    def __init__(self, text: str, received: Received | None = None) -> None:
        """Parse as Kamailio's parse_msg: first line, and the headers up to the first Via, must be good.

        Raises SipError. Headers behind the first Via may be bad: see `header_error`; whether From, To, Call-ID and
        CSeq are there is for the caller to ask (`complete`).
        """
        self._read(text)
        self.new_uri = self.force_send_socket = self.reply_body = self._edits = None
        self.dst_uri = self.path = self.set_global_address = self.set_global_port = self.add_to_branch = ""
        self.instance = self.ruid = self.location_ua = ""
        self.flags = self.xflags = self.msg_flags = self.reg_id = self.otcpid = self.number = 0
        self.hash_index = -1
        self.reply_headers = _NO_HEADERS
        if received is not None:
            self.received = received

    @classmethod
    def parse(cls, text: str, received: Received | None = None) -> Message:
        """The same as `Message(text, received)`."""
        return cls(text, received)

    # -- reading --------------------------------------------------------------------------------------------------
    def _read(self, text: str) -> None:
        """Everything that depends on the text alone. Raises SipError and then leaves the message half read."""
        self.buf = text
        self.ended = False
        self.authorized = None
        self._from = self._routes = self._record_routes = self._contacts = _UNPARSED
        if not self._read_plain(text):
            self._read_any(text)

    def _read_plain(self, text: str) -> bool:
        """The usual message: CRLF everywhere, no folding, no NUL, nothing wrong. False: have a closer look."""
        eoh = text.find("\r\n\r\n")
        if eoh > _MUCH:
            return False
        lines = text[:eoh].split("\r\n")
        first = lines.pop(0)
        start = known_first(first) or read_first(first)
        if start is None or not lines or eoh < 0:
            return False
        try:
            kinds, values, parsed = zip(*map(known_header, lines), strict=True)
        except SipError:
            return False
        where, self.complete, vias, at_to, at_cseq, at_callid = _shape(kinds)
        if vias is None:
            return False
        (
            self.is_request,
            self.method,
            self.uri,
            self.status,
            self.reason,
            self.uri_start,
            self.uri_end,
        ) = start
        self.method_id = self.method
        self.version = "SIP/2.0"
        if len(vias) == 1:
            self.vias = above = parsed[vias[0]]
            self.top_via = above[0]
        elif vias:
            self.vias = above = [via for at in vias for via in parsed[at]]
            self.top_via = above[0]
        else:
            self.vias = []
            self.top_via = None
        self.to = None if at_to < 0 else parsed[at_to]
        self.cseq = None if at_cseq < 0 else parsed[at_cseq]
        self.callid = "" if at_callid < 0 else values[at_callid]
        self.first_start, self.first_end = 0, len(first) + 2
        self.eoh, self._body_offset, self.header_error = eoh + 2, eoh + 4, ""
        self._lines, self._kinds, self._values, self._where = lines, kinds, values, where
        self._headers = None
        return True

    def _read_any(self, text: str) -> None:
        line = first_line(text)
        self.is_request, self.method, self.uri, self.version = bool(line.method), line.method, line.uri, line.version
        self.status, self.reason = line.status, line.reason
        self.method_id = method_id(line.method)
        self.uri_start, self.uri_end = line.uri_start, line.uri_start + len(line.uri)
        self.first_start, self.first_end = line.start, line.end
        headers, self.header_error, self.eoh = read_headers(text, line.end, self.is_sip)
        where: dict[str, int] = {}
        for index, header in enumerate(headers):
            where.setdefault(header.kind, index)
        if not headers or (self.header_error and "via" not in where):
            raise SipError(self.header_error or "no headers")
        self._headers, self._where, self._lines = list(headers), where, None
        self.complete = where.keys() >= _NEEDED
        self._kinds = [header.kind for header in headers]
        self._values = [header.value for header in headers]
        self.callid = self._values[where["call-id"]] if "call-id" in where else ""
        # what the checks saw: the value with the NULs at its end
        seen = {kind: text[headers[at].value_start : headers[at].end].rstrip("\r\n") for kind, at in where.items()}
        self.vias = [via for header in headers if header.kind == "via" for via in parse_via(header.value)]
        self.top_via = self.vias[0] if self.vias else None
        self.to = parse_to(seen["to"]) if "to" in seen else None
        self.cseq = parse_cseq(seen["cseq"]) if "cseq" in seen else None
        eoh = self.eoh
        self._body_offset = -1 if eoh < 0 else eoh + 2 if text[eoh : eoh + 2] == "\r\n" else eoh + 1

    def _make_header(self, index: int) -> Header:
        """The Header object of a line of the usual message, kept."""
        lines = self._lines
        assert lines is not None, "the careful reader makes them all"
        line = lines[index]
        start = self.first_end + 2 * index + sum(map(len, lines[:index]))
        end = start + len(line)
        value = self._values[index]
        name = line[: line.index(":")].rstrip(" \t")
        header = Header(name, self._kinds[index], start, end - len(value), end, end + 2, value)
        headers = self._headers
        if headers is None:
            headers = self._headers = [None] * len(lines)
        headers[index] = header
        return header

    # -- headers --------------------------------------------------------------------------------------------------
    @property
    def headers(self) -> list[Header]:
        """Every header in order, up to the first bad one. The list belongs to the message: do not change it."""
        self.ended = True
        headers = self._headers
        if headers is None or None in headers:
            for index in range(len(self._kinds)):
                if headers is None or headers[index] is None:
                    self._make_header(index)
            headers = self._headers
        return headers  # type: ignore[return-value]

    def first(self, kind: str) -> Header | None:
        """The first header of a kind (`"via"`, `"x-foo"`: lower-case long name), None when there is none."""
        index = self._where.get(kind)
        if index is None:
            self.ended = True
            return None
        headers = self._headers
        return (headers[index] if headers is not None else None) or self._make_header(index)

    def all(self, kind: str) -> list[Header]:
        """All headers of a kind in order."""
        self.ended = True
        index = self._where.get(kind)
        if index is None:
            return []
        headers, kinds = self._headers, self._kinds
        if headers is None:
            return [self._make_header(at) for at in range(index, len(kinds)) if kinds[at] == kind]
        return [headers[at] or self._make_header(at) for at in range(index, len(kinds)) if kinds[at] == kind]

    def values(self, kind: str) -> list[str]:
        """The values of all headers of a kind in order."""
        self.ended = True
        index = self._where.get(kind)
        if index is None:
            return []
        kinds, values = self._kinds, self._values
        return [values[at] for at in range(index, len(kinds)) if kinds[at] == kind]

    def value(self, kind: str) -> str | None:
        """The value of the first header of a kind; None when there is none."""
        index = self._where.get(kind)
        if index is None:
            self.ended = True
            return None
        return self._values[index]

    def line(self, kind: str) -> str:
        """The whole first header line of a kind, line end included; "" when there is none."""
        index = self._where.get(kind)
        if index is None:
            return ""
        if self._lines is not None:
            return self._lines[index] + "\r\n"
        header = self.headers[index]
        return self.buf[header.start : header.end]

    def without_first_via(self) -> str:
        """The text without its first Via: a reply on its way, as long as no edits are pending."""
        buf, top = self.buf, self.top_via
        if top is None:
            return buf
        start, value_start, end = self.place("via")
        if top.end < len(self.value("via") or ""):
            return f"{buf[:value_start]}{buf[value_start + top.end :]}"
        return f"{buf[:start]}{buf[end:]}"

    def header_lines(self) -> Iterable[tuple[str, str, str, str]]:
        """Of every header in order: kind, the line without its end, the value at its end, the line end."""
        self.ended = True
        if self._lines is not None:
            return zip(self._kinds, self._lines, self._values, repeat("\r\n"))
        buf = self.buf
        return [
            (header.kind, buf[header.start : header.value_end], header.value, buf[header.value_end : header.end])
            for header in self.headers
        ]

    def place(self, kind: str) -> tuple[int, int, int]:
        """Where the first header line of a kind starts, where its value starts, where it ends (line end included).

        Raises KeyError when there is none.
        """
        index = self._where[kind]
        headers = self._headers
        if headers is not None:
            header = headers[index]
            if header is not None:
                return header.start, header.value_start, header.end
        lines = self._lines
        assert lines is not None, "the careful reader makes all headers"
        line = lines[index]
        start = self.first_end
        if index:
            start += 2 * index + sum(map(len, lines[:index]))
        end = start + len(line)
        return start, end - len(self._values[index]), end + 2

    @property
    def headers_end(self) -> int:
        """Where the last header ends; where the first one starts when there is none."""
        self.ended = True
        if self._lines is not None:
            return self.eoh
        headers = self.headers
        return headers[-1].end if headers else self.first_end

    @property
    def is_sip(self) -> bool:
        """Whether the version is SIP's (HTTP requests pass the parser too)."""
        return self.version == "SIP/2.0" or is_sip_version(self.version)

    @property
    def is_http(self) -> bool:
        """Whether this is a request of HTTP/1.x or HTTP/2."""
        version = self.version[:7].upper()
        return self.is_request and (version == "HTTP/1." or version.startswith("HTTP/2"))

    @property
    def body(self) -> str:
        """The text behind the empty line, whatever Content-Length says; "" when there is none."""
        self.ended = True
        return self.buf[self._body_offset :] if self._body_offset >= 0 else ""

    @property
    def body_offset(self) -> int:
        """Where the body starts (get_body); -1 when the end of the headers is missing or a header is bad."""
        self.ended = True
        return self._body_offset

    # -- parsed headers, kept once parsed -------------------------------------------------------------------------
    @property
    def via2(self) -> Via | None:
        """The second Via, in the same header or the next; None when there is none."""
        return self.vias[1] if len(self.vias) > 1 else None

    @property
    def from_(self) -> ToBody | None:
        """From: `.uri`, `.display`, `.tag`, `.params`; None when missing or malformed (parse_from_header fails)."""
        body = self._from
        if body is _UNPARSED:
            value = self.value("from")
            try:
                body = None if value is None else parse_from(value)
            except SipError:
                body = None
            self._from = body
        return body  # type: ignore[return-value]

    @property
    def contacts(self) -> Contacts | None:
        """All Contact headers together; None when there is none; raises SipError when one is malformed."""
        contacts = self._contacts
        if contacts is _UNPARSED:
            values = self.values("contact")
            if len(values) == 1:
                contacts = parse_contacts(values[0])
            elif values:
                each = [parse_contacts(value) for value in values]
                contacts = Contacts(each[0].star, [group for one in each for group in one.groups])
            else:
                contacts = None
            self._contacts = contacts
        return contacts  # type: ignore[return-value]

    def contacts_by_header(self) -> list[Contacts]:
        """The same for each header by itself, rewritten ones as they are now; raises SipError."""
        every = [parse_contacts(value) for value in self.values("contact")]
        known = self._contacts
        if known.__class__ is not RewrittenContacts:
            return every
        return [Contacts(one.star, [group]) for one, group in zip(every, known.groups, strict=True)]

    def rewrite_contact(self, contact: Contact, uri: str) -> None:
        """Let one of `contacts` have this URI from now on; whoever calls it makes the edits that say so.

        A clone reads the header again, as Kamailio's do: there the contact can be rewritten once more.
        """
        old = self.contacts
        assert old is not None, "a contact of this message"
        new = RewrittenContact(contact, uri)
        groups = [[new if one is contact else one for one in group] for group in old.groups]
        self._contacts = RewrittenContacts(old.star, groups)

    @property
    def routes(self) -> list[NameAddr]:
        """All Route entries in order; raises SipError when one is malformed (parse_rr)."""
        routes = self._routes
        if routes is _UNPARSED:
            routes = self._routes = self._entries("route")
        return routes  # type: ignore[return-value]

    @property
    def record_routes(self) -> list[NameAddr]:
        """All Record-Route entries in order; raises SipError."""
        routes = self._record_routes
        if routes is _UNPARSED:
            routes = self._record_routes = self._entries("record-route")
        return routes  # type: ignore[return-value]

    def _entries(self, kind: str) -> list[NameAddr]:
        values = self.values(kind)
        if len(values) == 1:
            return parse_routes(values[0])
        return [entry for value in values for entry in parse_routes(value)]

    @property
    def content_length(self) -> int | None:
        """Content-Length's number; None when missing."""
        header = self.first("content-length")
        return None if header is None else parse_content_length(header.value)

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards' number; None when missing; -1 when it is no number."""
        value = self.value("max-forwards")
        return None if value is None else parse_max_forwards(value)

    @property
    def expires(self) -> int | None:
        """Seconds of the Expires header; None when missing or no number; raises SipError when empty."""
        value = self.value("expires")
        return None if value is None else parse_expires(value)

    def credentials(self, kind: str = "proxy-authorization") -> list[Credentials]:
        """Digest credentials of all `authorization` or `proxy-authorization` headers in order.

        Other schemes are left out; raises SipError when digest credentials are malformed.
        """
        found = (parse_credentials(header.value) for header in self.all(kind))
        return [credentials for credentials in found if credentials is not None]

    # -- routing --------------------------------------------------------------------------------------------------
    def current_uri(self) -> str:
        """The request URI that counts now: the rewritten one, else the received one (GET_RURI)."""
        return self.uri if self.new_uri is None else self.new_uri

    def parsed_uri(self) -> Uri:
        """`current_uri()` parsed (parse_sip_msg_uri); raises SipError."""
        return parse_uri(self.uri if self.new_uri is None else self.new_uri)

    @property
    def edits(self) -> Edits:
        """The pending edits."""
        lists = self._edits
        if lists is None:
            lists = self._edits = EditLists()
        return Edits(self, lists)

    @property
    def has_edits(self) -> bool:
        """Whether there are any."""
        return bool(self._edits)

    def add_reply_header(self, line: str) -> None:
        """Add a header line (with CRLF) to the replies made here (add_lump_rpl)."""
        self.reply_headers = [*self.reply_headers, line]

    def apply_changes(self) -> None:
        """Rebuild the text with all edits and the new URI in it and parse it again (msg_apply_changes).

        received, dst_uri, path, flags, msg_flags, send socket, global address and hash index stay; edits, reply
        headers, instance, ruid and new URI are gone. Raises SipError when the result does not parse or lacks its
        main headers; then the message is as before.
        """
        self.set_text(self.edits.join(uri=self.new_uri))

    def set_text(self, text: str) -> None:
        """Replace the whole text (msg_set_buffer, sip_msg_update_buffer) and parse it; see `apply_changes`."""
        fresh = Message(text)
        if fresh.header_error and not fresh.complete:
            raise SipError(fresh.header_error)
        self._read(text)
        self.new_uri = self.reply_body = self._edits = None
        self.reply_headers = _NO_HEADERS
        self.add_to_branch = self.instance = self.ruid = self.location_ua = ""
        self.reg_id = self.otcpid = 0

    def overwrite(self, kind: str, at: int, text: str) -> None:
        """Write over characters of the first header of a kind, from `at` in its value on (what maxfwd does).

        Raises SipError when the value ends before `text` does, and for Via, To and CSeq, which are parsed already.
        """
        index = self._where.get(kind)
        old = "" if index is None else self._values[index]
        end = at + len(text)
        if index is None or at < 0 or end > len(old) or kind in ("via", "to", "cseq"):
            raise SipError("overwriting outside a header's value")
        start = self.place(kind)[1]
        buf = self.buf
        self.buf = f"{buf[: start + at]}{text}{buf[start + end :]}"
        headers = self._headers
        header = headers[index] if headers is not None else None
        if header is None and text[:1] in _BLANKS:
            header = self._make_header(index)  # which keeps where the value starts
        value = f"{old[:at]}{text}{old[end:]}"
        if header is not None:
            ended = self.ended
            headers = self._headers = list(self.headers)  # a clone may hold the old list
            self.ended = ended
            headers[index] = Header(
                header.name, header.kind, header.start, header.value_start, header.value_end, header.end, value
            )
        values = self._values = list(self._values)
        values[index] = value
        if kind == "call-id":
            self.callid = value
        if self._lines is not None:
            lines = self._lines = list(self._lines)
            line = lines[index]
            lines[index] = line[: len(line) - len(value)] + value
        self._from = self._routes = self._record_routes = self._contacts = _UNPARSED

    def replace_status(self, status: int, reason: str) -> None:
        """Change code and reason of a reply (change_reply_status): the code at once, the reason as an edit.

        Raises SipError for a request or a code that has not three digits.
        """
        if self.is_request or not 100 <= status <= 999:
            raise SipError("no reply, or no status code")
        start = self.uri_start
        self.buf = f"{self.buf[:start]}{status}{self.buf[start + 3 :]}"
        self.status = status
        start += 3
        while self.buf[start] in " \t":
            start += 1
        edits = self.edits
        edits.insert_after(edits.delete(start, len(self.reason)), reason)

    def clone(self) -> Message:
        """A second message that shares text and parsed headers but has its own routing state and edits."""
        copy = Message.__new__(Message)
        _copy_all(self, copy)
        copy._edits = self._edits.copy() if self._edits else None
        if self._contacts.__class__ is RewrittenContacts:
            copy._contacts = _UNPARSED
        try:
            copy.received = self.received
        except AttributeError:
            pass
        return copy

    def __repr__(self) -> str:
        return f"<Message {self.method} {self.uri}>" if self.is_request else f"<Message {self.status} {self.reason}>"


def _copier() -> Callable[[Message, Message], None]:
    """A function that copies every attribute but edits and source, written out: a loop takes three times as long."""
    names = [name for name in Message.__slots__ if name not in ("_edits", "received")]
    lines = "".join(f"    new.{name} = old.{name}\n" for name in names)
    made: dict[str, Callable[[Message, Message], None]] = {}
    exec(f"def copy(old, new):\n{lines}", made)
    return made["copy"]


_copy_all = _copier()

__all__ = ["CSeq", "Header", "Message", "NameAddr", "SipError", "ToBody", "Uri", "Via", "header_kind"]
