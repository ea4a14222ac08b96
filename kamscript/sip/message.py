"""A SIP message: what arrived, and what routing has decided about it.

`Message(text)` finds the first line and the headers in one pass and parses nothing else; a header's value is parsed
when somebody asks for it and kept. The received text never changes: changes are edits (`kamscript.sip.edits`).

    msg = Message.parse(text)
    msg.method, msg.uri                  first line, as received
    msg.first("call-id").value           a header by kind
    msg.top_via.branch, msg.to.tag       parsed headers, None where Kamailio finds nothing usable
    msg.new_uri = "sip:bob@10.0.0.2"     routing state, as in Kamailio's sip_msg

Source: core/parser/msg_parser.c, parse_fline.c, parse_hname2.c of Kamailio 5.6; RFC 3261 section 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket, Received
    from kamscript.sip.auth import Credentials
    from kamscript.sip.contact import Contacts
    from kamscript.sip.edits import Edits
    from kamscript.sip.nameaddr import NameAddr, ToBody
    from kamscript.sip.uri import Uri
    from kamscript.sip.via import Via

# Message.msg_flags (Kamailio's FL_*): what routing asked for, apart from the script's own flags.
FL_FORCE_RPORT = 1 << 0
FL_FORCE_ACTIVE = 1 << 1
FL_SDP_IP_AFS = 1 << 2
FL_SDP_PORT_AFS = 1 << 3
FL_SHM_CLONE = 1 << 4
FL_TIMEOUT = 1 << 5  #: the branch timed out (t_branch_timeout)
FL_REPLIED = 1 << 6  #: a reply was received (t_branch_replied)
FL_HASH_INDEX = 1 << 7
FL_FINAL_REPLY = 1 << 11
FL_BODY_MULTIPART = 1 << 15
FL_ADD_LOCAL_RPORT = 1 << 16
FL_DELAYED_REPLY = 1 << 17
FL_MSG_NOREPLY = 1 << 20
FL_SIPTRACE = 1 << 18
FL_ROUTE_ADDR = 1 << 21
FL_USE_XAVP_VIA_FIELDS = 1 << 22
FL_ADD_SRVID = 1 << 23
FL_ADD_XAVP_VIA_PARAMS = 1 << 24


class SipError(Exception):
    """A message, header or URI that Kamailio would refuse; the text says why."""


class Header:
    """One header line, folded lines included. All offsets are characters in `Message.buf`.

    `name` is as written; `kind` the canonical lower-case long name, interned (`"via"` for `v:`, `"call-id"` for `i:`;
    for a header Kamailio does not know, its own name in lower case). `value` is Kamailio's hdr->body: blanks in front
    gone, line end and NULs behind gone; folding and blanks behind stay. The line is `buf[start:end]`, line end
    included; the value `buf[value_start:value_end]`.
    """

    __slots__ = ("end", "kind", "name", "start", "value", "value_end", "value_start")

    name: str
    kind: str
    start: int
    value_start: int
    value_end: int
    end: int
    value: str


class CSeq:
    """A CSeq header: `number` as a text (`number_text`) and as an int (what str2int makes of it, 0 for no number)."""

    __slots__ = ("method", "number", "number_text")

    number: int
    number_text: str
    method: str


class Message:
    """A received or built message.

    As received (never changed; `set_text` replaces the lot):
      buf            the whole text
      is_request     True for a request
      method         of the request line, as received; of a reply: its CSeq method ("" when it has none)
      uri            request URI as received ("" for a reply), `uri_start`..`uri_end` its place
      version        "SIP/2.0" as written
      status, reason of a reply (0 and "" for a request)
      first_start    where the first line starts (leading blanks and line ends are skipped), `first_end` where the
                     first header starts
      headers        every header in order, up to the first bad one
      header_error   why the headers end early: the reason that parse_headers(HDR_EOH) would fail for; "" when fine.
                     Headers behind the bad one do not exist, as in Kamailio
      eoh            offset of the empty line that ends the headers (Kamailio's msg->eoh); -1 when there is none
      body_offset    where the body starts (get_body()); -1 when the end of the headers is missing or malformed
      body           the text from there on, whatever Content-Length says

    Routing state (Kamailio's sip_msg fields of the same name):
      new_uri        the rewritten request URI, None: as received
      dst_uri, path  destination URI and Path vector, "" none
      flags          message flags as bits; xflags: extended flags 0..
      msg_flags      FL_* bits
      force_send_socket, set_global_address, set_global_port ("" none), add_to_branch
      instance, reg_id, ruid, location_ua, otcpid    of the contact that was looked up
      received       Received: where it came from and arrived
      edits          pending Edits (made when first asked for; `has_edits` tells without making them)
      reply_headers  header lines (with CRLF) for replies made here; `reply_body` their body, None none
      number         $mi; hash_index: tm's bucket, -1 not computed
    """

    __slots__ = ()

    buf: str
    is_request: bool
    method: str
    uri: str
    uri_start: int
    uri_end: int
    version: str
    status: int
    reason: str
    first_start: int
    first_end: int
    header_error: str
    eoh: int
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

    def __init__(self, text: str, received: Received | None = None) -> None:
        """Parse as Kamailio's parse_msg: first line, and the headers up to the first Via must be good.

        Raises SipError. Headers behind the first Via may be bad: see `header_error`; whether From, To, Call-ID and
        CSeq are there is for the caller to ask (`complete`).
        """
        raise NotImplementedError

    @classmethod
    def parse(cls, text: str, received: Received | None = None) -> Message:
        """The same as `Message(text, received)`."""
        return cls(text, received)

    # -- headers --------------------------------------------------------------------------------------------------
    @property
    def headers(self) -> list[Header]:
        """Every header in order. The list belongs to the message: do not change it."""
        raise NotImplementedError

    def first(self, kind: str) -> Header | None:
        """The first header of a kind (`"via"`, `"x-foo"`: lower-case long name), None when there is none."""
        raise NotImplementedError

    def all(self, kind: str) -> list[Header]:
        """All headers of a kind in order."""
        raise NotImplementedError

    def value(self, kind: str) -> str | None:
        """The value of the first header of a kind; None when there is none."""
        raise NotImplementedError

    def line(self, kind: str) -> str:
        """The whole first header line of a kind, line end included; "" when there is none."""
        raise NotImplementedError

    @property
    def complete(self) -> bool:
        """Whether Via, From, To, Call-ID and CSeq are there: what Kamailio wants before it runs a route."""
        raise NotImplementedError

    @property
    def is_sip(self) -> bool:
        """Whether the version is SIP's (HTTP requests pass the parser too)."""
        raise NotImplementedError

    @property
    def body(self) -> str:
        """The text behind the empty line; "" when there is none."""
        raise NotImplementedError

    @property
    def body_offset(self) -> int:
        """See the class."""
        raise NotImplementedError

    # -- parsed headers, kept once parsed -------------------------------------------------------------------------
    @property
    def vias(self) -> list[Via]:
        """Every Via of every Via header, in order; `via.header` is the Header it stands in."""
        raise NotImplementedError

    @property
    def top_via(self) -> Via | None:
        """The first Via (via1); None when the message has none."""
        raise NotImplementedError

    @property
    def via2(self) -> Via | None:
        """The second Via, in the same header or the next."""
        raise NotImplementedError

    @property
    def from_(self) -> ToBody | None:
        """From: `.uri`, `.display`, `.tag`, `.params`; None when missing or malformed (parse_from_header fails)."""
        raise NotImplementedError

    @property
    def to(self) -> ToBody | None:
        """To, likewise."""
        raise NotImplementedError

    @property
    def callid(self) -> str:
        """Call-ID's value, "" when missing."""
        raise NotImplementedError

    @property
    def cseq(self) -> CSeq | None:
        """CSeq; None when missing (a malformed one makes `header_error`)."""
        raise NotImplementedError

    @property
    def contacts(self) -> Contacts | None:
        """All Contact headers together; None when there is none; raises SipError when one is malformed."""
        raise NotImplementedError

    @property
    def routes(self) -> list[NameAddr]:
        """All Route entries in order; raises SipError when one is malformed (parse_rr)."""
        raise NotImplementedError

    @property
    def record_routes(self) -> list[NameAddr]:
        """All Record-Route entries in order; raises SipError."""
        raise NotImplementedError

    @property
    def content_length(self) -> int | None:
        """Content-Length's number; None when missing."""
        raise NotImplementedError

    @property
    def max_forwards(self) -> int | None:
        """Max-Forwards' number; None when missing; -1 when it is no number."""
        raise NotImplementedError

    @property
    def expires(self) -> int | None:
        """Expires' number (parse_expires: what does not parse is 0... see headers.parse_expires); None: missing."""
        raise NotImplementedError

    def credentials(self, kind: str = "proxy-authorization") -> list[Credentials]:
        """Digest credentials of all `authorization` or `proxy-authorization` headers; malformed ones are left out."""
        raise NotImplementedError

    # -- routing --------------------------------------------------------------------------------------------------
    def current_uri(self) -> str:
        """The request URI that counts now: the rewritten one, else the received one (GET_RURI)."""
        raise NotImplementedError

    def parsed_uri(self) -> Uri:
        """`current_uri()` parsed (parse_sip_msg_uri); raises SipError."""
        raise NotImplementedError

    @property
    def edits(self) -> Edits:
        """The pending edits."""
        raise NotImplementedError

    @property
    def has_edits(self) -> bool:
        """Whether there are any."""
        raise NotImplementedError

    def apply_changes(self) -> None:
        """Rebuild the text with all edits and the new URI in it and parse it again (msg_apply_changes).

        Flags, received, dst_uri and the other routing state stay; edits are gone. Raises SipError when the result
        does not parse; then the message is as before.
        """
        raise NotImplementedError

    def set_text(self, text: str) -> None:
        """Replace the whole text (msg_set_buffer) and parse it; raises SipError, then the message is as before."""
        raise NotImplementedError

    def clone(self) -> Message:
        """A second message that shares text and parsed headers but has its own routing state and edits."""
        raise NotImplementedError
