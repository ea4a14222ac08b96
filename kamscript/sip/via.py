"""Via headers (core/parser/parse_via.c; RFC 3261 sections 18 and 20.42, RFC 3581)."""

from __future__ import annotations

import re
from functools import lru_cache

from kamscript.sip.errors import SipError
from kamscript.sip.remember import remember

_FOLD = r"(?:\r\n?|\n)[ \t]"
_LWS = rf"(?:[ \t]|{_FOLD})"

#: Transports that Kamailio knows in a Via (PROTO_*); all others are "other".
_PROTOS = {"UDP": "udp", "TCP": "tcp", "TLS": "tls", "SCTP": "sctp", "WS": "ws", "WSS": "wss"}

# the form that nearly every Via has: no blanks inside, no comment, no quotes
_PLAIN_SENT = re.compile(r"SIP/2\.0/(UDP|TCP|TLS|WSS?|SCTP) ([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_PLAIN_PARAMS = re.compile(r"[^\s;,=\"\0:(]+(?:=[^\s;,=\"\0]+)?(?:;[^\s;,=\"\0:(]+(?:=[^\s;,=\"\0]+)?)*")
_PLAIN_VALUE = re.compile(r"[^\s;,=\"\0]+")
_SENT_PROTOCOL = re.compile(
    rf"{_LWS}*SIP{_LWS}*/{_LWS}*2\.0{_LWS}*/{_LWS}*([^ \t\r\n/20.IiPpDdCcLl][^ \t\r\n/]*){_LWS}+", re.IGNORECASE
)
_SENT_BY = re.compile(rf"(\[[^\[\];,()\0 \t\r\n]+\]|[^ \t\r\n\0:;,()\[\]][^ \t\r\n\0:;,()\[\]]*){_LWS}*")
_PORT = re.compile(rf":{_LWS}*([^ \t\r\n\0:;,()\[\]]+){_LWS}*")
_PARAM_NAME = re.compile(rf";({_LWS}*)([^ \t\r\n\0=;,:()\[\]][^ \t\r\n=;,]*)({_LWS}*)")
_PARAM_VALUE = re.compile(rf"={_LWS}*(?:\"((?:[^\",\r\n\0]|{_FOLD})*)\"|([^ \t\r\n\0=;,\"]+))?({_LWS}*)")
_OPEN_QUOTE = re.compile(rf"={_LWS}*\"(?:[^\",\r\n\0]|{_FOLD})*")
_NEXT = re.compile(rf"(?:{_LWS}|,)*")
#: What a parameter counts as. Kamailio's reader goes through names letter by letter and its state numbers overlap,
#: so that beginnings of `alias` and `comp`, and some longer names, count as parameters that they are not.
_MEANING = {
    **{name: name for name in ("branch", "maddr", "ttl", "received", "i", "comp", "rport", "hidden", "alias")},
    **dict.fromkeys(("a",), "hidden"),
    **dict.fromkeys(("al", "hiddenl"), "ttl"),
    **dict.fromkeys(("ali", "hiddenli", "ttli"), "branch"),
    **dict.fromkeys(("alia", "hiddenlia", "ttlia", "brancha"), "maddr"),
    **dict.fromkeys(("hiddenlias", "ttlias", "branchas", "maddrs"), "alias"),
    **dict.fromkeys(("c",), "received"),
    **dict.fromkeys(("co", "receivedo"), "rport"),
    **dict.fromkeys(("com", "receivedom", "rportm"), "i"),
    **dict.fromkeys(("receivedomp", "rportmp", "ip"), "comp"),
}
_NEEDS_VALUE = frozenset(("branch", "maddr", "ttl", "received", "i", "comp"))
_NEVER_VALUE = frozenset(("hidden", "alias"))


class ViaParam:
    """A Via parameter. `value` is None when there is none; `start` is the offset behind its `;`, `end` behind it."""

    __slots__ = ("end", "name", "start", "value")

    def __init__(self, name: str, value: str | None, start: int, end: int) -> None:
        self.name, self.value, self.start, self.end = name, value, start, end

    def __repr__(self) -> str:
        return f"ViaParam({self.name!r}, {self.value!r})"


class Via:
    """One Via. Immutable and shared between messages; offsets count from the start of the header's value.

    transport   as written ("UDP"), `proto` in Kamailio's terms: "udp", "tcp", "tls", "sctp", "ws", "wss", "other"
    host        brackets of IPv6 included; port 0 and port_text "" when absent (numbers above 65535 wrap, as there)
    branch      the branch parameter's value, "" none
    received, rport, alias, i, maddr, ttl    the parameter, None when absent (an rport may have no value)
    params      all parameters in order; params_text what stands between the first `;` and the end of the last
    comment     the text in parentheses, "" none
    start, end  where it starts and where the next Via of the same value starts (or the value ends)
    insert_at   where received and rport are put in when absent: in front of the first `;`, behind host and port
    """

    __slots__ = (
        "_params",
        "alias",
        "branch",
        "comment",
        "end",
        "host",
        "i",
        "insert_at",
        "maddr",
        "params_text",
        "port",
        "port_text",
        "proto",
        "received",
        "rport",
        "start",
        "transport",
        "ttl",
    )

    transport: str
    proto: str
    host: str
    port: int
    port_text: str
    branch: str
    received: ViaParam | None
    rport: ViaParam | None
    alias: ViaParam | None
    i: ViaParam | None
    maddr: ViaParam | None
    ttl: ViaParam | None
    _params: list[ViaParam] | None
    params_text: str
    comment: str
    start: int
    end: int
    insert_at: int

    @property
    def params(self) -> list[ViaParam]:
        """All parameters in order. The list is shared: do not change it."""
        params = self._params
        if params is None:
            params = []
            at = self.insert_at
            for item in self.params_text.split(";") if self.params_text else ():
                name, equals, text = item.partition("=")
                params.append(ViaParam(name, text if equals else None, at + 1, at + 1 + len(item)))
                at += 1 + len(item)
            self._params = params
        return params

    def param(self, name: str) -> ViaParam | None:
        """A parameter by name (any case), None when it is not there."""
        name = name.lower()
        for param in self.params:
            if param.name.lower() == name:
                return param
        return None

    @property
    def received_ip(self) -> str:
        """Value of received, "" none."""
        return (self.received.value or "") if self.received else ""

    @property
    def rport_value(self) -> int:
        """Value of rport, 0 when absent or empty."""
        value = self.rport.value if self.rport else None
        return int(value[-32:]) & 0xFFFFFFFF if value and value.isascii() and value.isdigit() else 0

    def __repr__(self) -> str:
        return f"Via({self.transport} {self.host}:{self.port} {self.branch!r})"


_IMPORTANT = frozenset(("received", "rport", "alias", "i", "maddr", "ttl"))


@remember(512)
def parse_via(value: str) -> list[Via]:
    """All Vias of one header value, in order; raises SipError where parse_via() fails. The list is shared.

    `value` is the header's value without its line end; folding may be in it. A NUL behind host, port, a blank or a
    comment ends the header: then the last `end` is the NUL's place.
    """
    vias: list[Via] = []
    at, length = 0, len(value)
    while at < length:
        comma = value.find(",", at)
        end = length if comma < 0 else comma + 2 if value[comma + 1 : comma + 2] == " " else comma + 1
        plain = _plain(value[at:comma] if comma >= 0 else value[at:], at, end)
        if plain is None or end == length > comma >= 0:
            break
        vias.append(plain)
        at = end
    else:
        if vias:
            return vias
    vias = []
    at = 0
    while True:
        via, at = _general(value, at)
        vias.append(via)
        if at >= len(value) or value[at] == "\0":
            return vias


@lru_cache(1024)
def _sent(text: str) -> tuple[str, str, str, int, str] | None:
    """Transport as written, protocol, host, port, port as written of `SIP/2.0/UDP host:port`; None: not plain."""
    found = _PLAIN_SENT.fullmatch(text)
    if found is None:
        return None
    transport, host, port = found.groups()
    return transport, _PROTOS[transport], host, int(port or 0) & 0xFFFF, port or ""


def _plain(text: str, start: int, end: int) -> Via | None:
    """The Via that stands at `start` of a value, the next one at `end`; None when it asks for a closer look."""
    head, semicolon, rest = text.partition(";")
    sent = _sent(head) if len(head) <= 100 else None
    if sent is None:
        return None
    via = Via()
    via.transport, via.proto, via.host, via.port, via.port_text = sent
    via.branch = via.comment = ""
    via.received = via.rport = via.alias = via.i = via.maddr = via.ttl = None
    via.start, via.end = start, end
    at = via.insert_at = start + len(head)
    via._params = None
    via.params_text = rest
    if rest[:7] == "branch=" and _PLAIN_VALUE.fullmatch(rest, 7) is not None:
        via.branch = rest[7:]  # as most have it
        return via
    if not semicolon:
        return via
    if _PLAIN_PARAMS.fullmatch(rest) is None:
        return None
    for item in rest.split(";"):
        name, equals, value = item.partition("=")
        meaning = _MEANING.get(name) or _MEANING.get(name.lower())
        if meaning is not None:
            if meaning in (_NEVER_VALUE if equals else _NEEDS_VALUE):
                return None
            if meaning == "branch":
                via.branch = value
            elif meaning in _IMPORTANT:
                setattr(via, meaning, ViaParam(name, value if equals else None, at + 1, at + 1 + len(item)))
        at += 1 + len(item)
    return via


def _general(value: str, start: int) -> tuple[Via, int]:
    """One Via that may have blanks, folding, quotes and comments; and where the next one starts."""
    via = Via()
    via.branch = via.comment = via.params_text = via.port_text = ""
    via.received = via.rport = via.alias = via.i = via.maddr = via.ttl = None
    params: list[ViaParam] = []
    via.port, via._params, via.start = 0, params, start
    found = _SENT_PROTOCOL.match(value, start)
    if found is None:
        raise SipError("bad protocol in Via")
    via.transport = found.group(1)
    via.proto = _PROTOS.get(via.transport.upper(), "other")
    at = found.end()
    found = _SENT_BY.match(value, at)
    if found is None:
        raise SipError("bad host in Via")
    via.host = found.group(1)
    at, host_end = found.end(), found.end(1)
    via.insert_at = host_end
    blank = at > host_end
    found = _PORT.match(value, at)
    if found is not None:
        text = found.group(1)
        if not text.isascii() or not text.isdigit() or len(text) > 5:
            raise SipError("bad port in Via")
        via.port_text, via.port = text, int(text) & 0xFFFF
        at = found.end()
        # Kamailio reckons this place from the lengths of host and port, as if no blanks stood between
        via.insert_at = host_end + 1 + len(text) if via.port else host_end
        blank = at > found.end(1)
    length, first = len(value), -1
    while at < length and value[at] == ";":
        if first < 0:
            first, via.insert_at = at, at
        at, blank = _param(via, value, at)
        via.params_text = value[first + 1 : via.params[-1].end]
    if at < length and value[at] == "(" and (blank or not via.params):
        at = _comment(via, value, at)
    if at >= length or value[at] == "\0":
        via.end = at
        return via, at
    if value[at] != ",":
        raise SipError("bad character in Via")
    found = _NEXT.match(value, at)
    at = found.end() if found else at + 1
    if at >= length:
        raise SipError("Via ends with a comma")
    via.end = at
    return via, at


def _param(via: Via, value: str, at: int) -> tuple[int, bool]:
    """The parameter at the `;` at `at`; where it ends, and whether blanks stood behind it."""
    params = via.params
    found = _PARAM_NAME.match(value, at)
    if found is None:
        raise SipError("bad parameter in Via")
    name = found.group(2)
    key = _MEANING.get(name.lower(), "")
    start, end = at + 1, found.end(2)
    at, blank = found.end(), bool(found.group(3))
    text: str | None = None
    if at < len(value) and value[at] == "=":
        if key in _NEVER_VALUE:
            raise SipError(f"value behind {key} in Via")
        found = _PARAM_VALUE.match(value, at)
        assert found is not None, "every part behind the '=' may be missing"
        quoted, token = found.group(1), found.group(2)
        text = quoted if quoted is not None else token
        if text is None and key in ("", "rport") and _OPEN_QUOTE.fullmatch(value, at):
            # a quote that the end of the header leaves open hides the rest of it
            param = ViaParam(name, "", start, len(value))
            params.append(param)
            if key:
                via.rport = param
            return len(value), True
        if text is None:
            text = ""
            end = found.start(3)
            if found.end() >= len(value) and key in _NEEDS_VALUE:
                raise SipError(f"value of {key} missing in Via")
            if found.end() < len(value) and value[found.end()] != ";":
                raise SipError("parameter value missing in Via")
            end = found.end()
        else:
            end = found.end(1) if quoted is not None else found.end(2)
        at, blank = found.end(), bool(found.group(3)) or quoted is not None
    elif key in _NEEDS_VALUE and not (blank and at < len(value) and value[at] == ";"):
        raise SipError(f"value of {key} missing in Via")
    elif (
        blank
        and at < len(value)
        and value[at] != ";"
        and key not in _NEVER_VALUE
        and not (value[at] == "," and key == "rport")
    ):
        raise SipError("bad character behind a Via parameter")
    if at < len(value) and value[at] == "\0" and (not blank or (text is None and key not in _NEVER_VALUE)):
        raise SipError("NUL in a Via parameter")
    param = ViaParam(name, text, start, end)
    params.append(param)
    if key == "branch":
        via.branch = text or ""
    elif key in _IMPORTANT:
        setattr(via, key, param)
    return at, blank


def _comment(via: Via, value: str, at: int) -> int:
    """The comment that opens at `at`; where the text behind it starts."""
    depth, start = 0, at + 1
    while at < len(value):
        char = value[at]
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                via.comment = value[start:at]
                found = re.compile(rf"{_LWS}*").match(value, at + 1)
                return found.end() if found else at + 1
        elif char == "\0":
            break
        at += 1
    raise SipError("comment in Via not closed")
