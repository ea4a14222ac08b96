"""The core's selects, `@via[1].host` (core/select_core.c), by name; those of modules are looked up there.

A select's value is always a text. One that fails and one without a value are both None: an empty text to operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from kamscript.core.branches import format_q
from kamscript.core.cfg import CfgError, split_group
from kamscript.module import FixupError
from kamscript.sip.errors import SipError
from kamscript.sip.headers import header_kind
from kamscript.sip.nameaddr import ToBody, find_not_quoted, parse_to
from kamscript.sip.params import find, parse_params
from kamscript.sip.uri import Uri, normalize_tel_user, parse_uri

if TYPE_CHECKING:
    from kamscript.core.branches import Branch
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.sip.auth import Credentials
    from kamscript.sip.contact import Contact
    from kamscript.sip.via import Via
    from kamscript.values import Value

Path = tuple[str | int, ...]
Read = Callable[["Context"], "str | None"]
T = TypeVar("T")


class Rest:
    """What of a select has still to be read."""

    def __init__(self, server: Server, path: Path, text: str) -> None:
        self.server, self.path, self.text, self.at = server, path, text, 0

    @property
    def more(self) -> bool:
        """Whether something is left."""
        return self.at < len(self.path)

    def word(self, choices: Mapping[str, object] | None = None) -> str:
        """The next name, in lower case, one of `choices`."""
        found = self.key().lower()
        if choices is not None and found not in choices:
            raise FixupError(f"unknown select {self.text}")
        return found

    def key(self) -> str:
        """The next name or quoted key, as it is."""
        if not self.more or not isinstance(self.path[self.at], str):
            raise FixupError(f"a name is missing in the select {self.text}")
        self.at += 1
        return str(self.path[self.at - 1])

    def index(self, default: int) -> int:
        """The next part if it is a number."""
        if self.more and isinstance(part := self.path[self.at], int):
            self.at += 1
            return part
        return default

    def end(self) -> None:
        """Nothing may be left."""
        if self.more:
            raise FixupError(f"unknown select {self.text}")


def make_select(server: Server, path: Path, text: str) -> Callable[[Context], Value]:
    """The reader of the select `path`; `text` is what the config says. Raises FixupError for an unknown one."""
    rest = Rest(server, path, text)
    head = rest.word()
    maker = HEADS.get(head)
    if maker is None:
        for module in server.modules.values():
            decl = module.selects.get(head)
            if decl is not None:
                made: Callable[[Context], Value] = getattr(module, decl.factory)(path[1:])
                return made
        raise FixupError(f"unknown select {text}")
    read = maker(rest)
    rest.end()

    def get(ctx: Context) -> Value:
        try:
            return read(ctx)
        except SipError:
            return None

    return get


def parse_select(text: str) -> Path:
    """The parts of a select written as a text, without its `@`: names, numbers and quoted keys in brackets.

    Raises FixupError.
    """
    parts: list[str | int] = []
    at, length = 0, len(text)
    while at < length:
        end = at
        while end < length and (text[end].isalnum() or text[end] == "_"):
            end += 1
        if end == at:
            raise FixupError(f"bad select @{text}")
        parts.append(text[at:end])
        at = end
        while text[at : at + 1] == "[":
            close = text.find("]", at)
            if close < 0:
                raise FixupError(f"bad select @{text}: `]` is missing")
            parts.append(_key(text[at + 1 : close], text))
            at = close + 1
        if at < length:
            if text[at] != "." or at + 1 == length:
                raise FixupError(f"bad select @{text}")
            at += 1
    return tuple(parts)


def _key(inner: str, text: str) -> str | int:
    inner = inner.replace('\\"', '"')
    if len(inner) >= 2 and inner[0] == inner[-1] == '"':
        return inner[1:-1]
    try:
        return int(inner)
    except ValueError:
        raise FixupError(f"bad select @{text}") from None


# --- parts of URIs, of addresses, of parameters --------------------------------------------------------------------


def uri_part(rest: Rest, whole: Read) -> Read:
    """`whole`, or the part of the URI that follows."""
    if not rest.more:
        return whole
    name = rest.word({**_URI, "params": None})
    if name == "params":
        return _uri_params(rest, whole)
    part = _URI[name]

    def read(ctx: Context) -> str | None:
        text = whole(ctx)
        return None if text is None else part(parse_uri(text))

    return read


def _uri_params(rest: Rest, whole: Read) -> Read:
    name = rest.key().replace("_", "-") if rest.more else None

    def read(ctx: Context) -> str | None:
        text = whole(ctx)
        if text is None:
            return None
        uri = parse_uri(text)
        if name is None:
            return uri.params
        found = _param(uri.params, name)
        return _param(uri.sip_params, name) if found is None else found

    return read


def _param(params: str, name: str) -> str | None:
    """A parameter out of a text of them; the last of the name wins, as Kamailio's list runs backwards."""
    if not params:
        return None
    found = None
    for param in parse_params(params)[0]:
        if param.name.lower() == name.lower():
            found = param
    return None if found is None else (found.value or None)


def _user(uri: Uri) -> str | None:
    if uri.scheme == "tel" and not uri.phone_context:
        return normalize_tel_user(uri.user) or None
    return uri.user


def _rn_user(uri: Uri) -> str | None:
    routing = _param(uri.params, "rn") or _param(uri.sip_params, "rn")
    return _user(uri) if routing is None else normalize_tel_user(routing)


def _hostport(uri: Uri) -> str | None:
    if not uri.host:
        return None
    return f"{uri.host}:{uri.port or (5061 if uri.secure else 5060)}"


_URI: dict[str, Callable[[Uri], str | None]] = {
    "type": lambda uri: uri.scheme,
    "user": _user,
    "rn_user": _rn_user,
    "pwd": lambda uri: uri.password,
    "host": lambda uri: uri.host,
    "port": lambda uri: uri.port,
    "hostport": _hostport,
    "transport": lambda uri: uri.proto or ("tls" if uri.secure else "udp"),
}


def address_part(rest: Rest, whole: Read) -> Read:
    """Parts of a text that is an address, `"Name" <uri>;params`."""
    part = rest.word({"name": None, "uri": None, "params": None})
    if part == "uri":
        return uri_part(rest, _applied(whole, _nameaddr_uri))
    if part == "name":
        return _applied(whole, _nameaddr_name)
    name = rest.key() if rest.more else None

    def read(text: str) -> str | None:
        params = _nameaddr_params(text)
        if params is None or name is None:
            return params or None
        return _param(params, name)

    return _applied(whole, read)


def _applied(whole: Read, part: Callable[[str], str | None]) -> Read:
    def read(ctx: Context) -> str | None:
        text = whole(ctx)
        return None if text is None else part(text)

    return read


def _nameaddr_name(text: str) -> str | None:
    start = find_not_quoted(text, "<")
    return None if start < 0 else text[:start].rstrip(" \t")


def _nameaddr_uri(text: str) -> str | None:
    start = find_not_quoted(text, "<")
    if start < 0:
        return text.partition(";")[0]
    end = find_not_quoted(text, ">", start + 1)
    return None if end < 0 else text[start + 1 : end]


def _nameaddr_params(text: str) -> str | None:
    start = find_not_quoted(text, "<")
    if start >= 0:
        start = find_not_quoted(text, ">", start + 1)
        if start < 0:
            return None
    found = find_not_quoted(text, ";", max(start, 0))
    return None if found < 0 else text[found + 1 :]


# --- headers ---------------------------------------------------------------------------------------------------------


def _body_of(kind: str) -> Callable[[Context], ToBody | None]:
    if kind == "from":
        return lambda ctx: ctx.msg.from_
    if kind == "to":
        return lambda ctx: ctx.msg.to

    def body(ctx: Context) -> ToBody | None:
        header = ctx.msg.first(kind)
        return None if header is None else parse_to(header.value)

    return body


def _address_header(kind: str) -> Callable[[Rest], Read]:
    """From, To, Refer-To, Remote-Party-ID."""
    body = _body_of(kind)

    def make(rest: Rest) -> Read:
        part: Callable[[ToBody], str | None]
        if not rest.more:
            return lambda ctx: None if body(ctx) is None else ctx.msg.value(kind)
        word = rest.word({"uri": None, "tag": None, "name": None, "params": None})
        if word == "uri":
            return uri_part(rest, _of(body, lambda address: address.uri))
        if word == "tag":
            part = lambda address: address.tag  # noqa: E731
        elif word == "name":
            part = lambda address: address.display  # noqa: E731
        else:
            name = rest.key()
            part = lambda address: address.param(name)  # noqa: E731
        return _of(body, part)

    return make


def _of(source: Callable[[Context], T | None], part: Callable[[T], str | None]) -> Read:
    def read(ctx: Context) -> str | None:
        found = source(ctx)
        return None if found is None else part(found)

    return read


def _contact(rest: Rest) -> Read:
    if not rest.more:
        return lambda ctx: ctx.msg.value("contact")

    def last(ctx: Context) -> Contact | None:
        contacts = ctx.msg.contacts
        return contacts.groups[0][-1] if contacts is not None and contacts.groups and contacts.groups[0] else None

    word = rest.word({**_CONTACT, "uri": None, "params": None})
    if word == "uri":
        return uri_part(rest, _of(last, lambda contact: contact.uri))
    if word == "params":
        name = rest.key()
        return _of(last, lambda contact: contact.param(name) or None)
    return _of(last, _CONTACT[word])


_CONTACT: dict[str, Callable[[Contact], str | None]] = {
    "name": lambda contact: contact.name,
    "q": lambda contact: contact.q,
    "expires": lambda contact: contact.expires,
    "methods": lambda contact: contact.methods,
    "received": lambda contact: contact.received,
    "instance": lambda contact: contact.instance,
}


def _via(rest: Rest) -> Read:
    index = rest.index(1)

    def entry(ctx: Context) -> tuple[Via, str] | None:
        found = [(via, header.value) for header in ctx.msg.all("via") for via in _vias_of(header.value)]
        at = index - 1 if index > 0 else index
        return found[at] if index and -len(found) <= at < len(found) else None

    def via_of(ctx: Context) -> Via | None:
        found = entry(ctx)
        return None if found is None else found[0]

    if not rest.more:
        return _of(entry, lambda pair: pair[1][pair[0].start : pair[0].end].rstrip(", \t\r\n"))
    word = rest.word({**_VIA, "params": None})
    if word == "params":
        name = rest.key()
        return _of(via_of, lambda via: _via_param(via, name))
    return _of(via_of, _VIA[word])


def _vias_of(value: str) -> list[Via]:
    from kamscript.sip.via import parse_via

    return parse_via(value)


def _via_param(via: Via, name: str) -> str | None:
    found = via.param(name)
    return None if found is None else found.value


_VIA: dict[str, Callable[[Via], str | None]] = {
    "name": lambda via: "SIP",
    "version": lambda via: "2.0",
    "transport": lambda via: via.transport,
    "host": lambda via: via.host,
    "port": lambda via: via.port_text,
    "comment": lambda via: via.comment,
    "branch": lambda via: via.branch or None,
    "received": lambda via: via.received.value if via.received else None,
    "rport": lambda via: via.rport.value if via.rport else None,
    "i": lambda via: via.i.value if via.i else None,
    "alias": lambda via: via.alias.value if via.alias else None,
}


def _record_route(rest: Rest) -> Read:
    from kamscript.sip.nameaddr import NameAddr, parse_routes

    def first(ctx: Context) -> NameAddr | None:
        header = ctx.msg.first("record-route")
        return None if header is None else parse_routes(header.value)[0]

    if not rest.more:
        return lambda ctx: None if first(ctx) is None else ctx.msg.value("record-route")
    word = rest.word({"uri": None, "name": None, "params": None})
    if word == "uri":
        return uri_part(rest, _of(first, lambda address: address.uri))
    if word == "name":
        return _of(first, lambda address: address.display)
    name = rest.key()

    def param(address: NameAddr) -> str:
        found = find(address.params, name)
        return "" if found is None else found.value or ""

    return _of(first, param)


def _cseq(rest: Rest) -> Read:
    if not rest.more:
        return lambda ctx: None if ctx.msg.cseq is None else ctx.msg.value("cseq")
    if rest.word({"num": None, "method": None}) == "num":
        return lambda ctx: None if ctx.msg.cseq is None else ctx.msg.cseq.number_text
    return lambda ctx: None if ctx.msg.cseq is None else ctx.msg.cseq.method


def _header(name: str) -> Callable[[Rest], Read]:
    """The value of the first header of a name."""
    kind = header_kind(name)
    return lambda rest: lambda ctx: ctx.msg.value(kind)


def _event(rest: Rest) -> Read:
    def read(ctx: Context) -> str | None:
        value = ctx.msg.value("event")
        return None if value is None else value.partition(";")[0].strip(" \t\r\n")

    return read


def _credentials(kind: str) -> Callable[[Rest], Read]:
    def make(rest: Rest) -> Read:
        realm = _realm(rest)
        name = rest.word({**_DIGEST, "username": None}) if rest.more else ""
        if name == "username" and rest.more:
            name = {"user": "user", "domain": "domain"}[rest.word({"user": None, "domain": None})]

        def found(ctx: Context) -> tuple[Credentials, str] | None:
            from kamscript.sip.auth import parse_credentials

            wanted = realm(ctx)
            for header in ctx.msg.all(kind):
                credentials = parse_credentials(header.value)
                if credentials is not None and credentials.realm_for_lookup() == wanted:
                    return credentials, header.value
            return None

        if not name:
            return _of(found, lambda pair: pair[1])
        return _of(found, lambda pair: getattr(pair[0], name) or "")

    return make


def _realm(rest: Rest) -> Callable[[Context], str]:
    from kamscript.script.format import format_of

    key = rest.key()
    if "$" not in key:
        return lambda ctx: key
    return format_of(key, rest.server)


_DIGEST = dict.fromkeys(("realm", "nonce", "uri", "cnonce", "nc", "response", "opaque", "algorithm", "qop"))


# --- the message -----------------------------------------------------------------------------------------------------


def _first_line(ctx: Context) -> str:
    text = ctx.msg.buf
    end = text.find("\n")
    return (text if end < 0 else text[:end]).rstrip("\r")


def _body(ctx: Context) -> str:
    return ctx.msg.body


def _sdp(ctx: Context) -> str | None:
    kind = (ctx.msg.value("content-type") or "").partition(";")[0].strip().lower()
    return (ctx.msg.body or None) if kind == "application/sdp" else None


def _message(rest: Rest) -> Read:
    if not rest.more:
        return lambda ctx: ctx.msg.buf
    word = rest.word(_MESSAGE)
    maker = _MESSAGE[word]
    return maker(rest)


def _message_id(rest: Rest) -> Read:
    if rest.more:
        rest.word({"hex": None})
        return lambda ctx: f"{ctx.msg.number:08x}"
    return lambda ctx: str(ctx.msg.number)


def _message_body(rest: Rest) -> Read:
    if not rest.more:
        return lambda ctx: ctx.msg.body
    rest.word({"sdp": None})
    if not rest.more:
        return _sdp
    rest.word({"line": None})
    key = rest.key()
    if not key or len(key) > 2 or (len(key) == 2 and key[1] != "="):
        raise FixupError(f"wrong SDP line format: {key}")
    return _applied(_sdp, lambda text: _sdp_line(text, key[0]))


def _sdp_line(text: str, letter: str) -> str | None:
    for line in text.split("\n")[:-1]:
        if line[:1] == letter:
            value = line[2:].removesuffix("\r")
            return value if line[1:2] == "=" and value else None
    return None


def _message_header(rest: Rest) -> Read:
    if not rest.more:
        return lambda ctx: ctx.msg.buf[len(_first_line(ctx)) + 2 : ctx.msg.body_offset]
    kind = header_kind(rest.key().replace("_", "-"))
    index = rest.index(1)

    def value(ctx: Context) -> str | None:
        headers = ctx.msg.all(kind)
        at = index - 1 if index > 0 else index
        return headers[at].value.strip(" \t\r\n") if index and -len(headers) <= at < len(headers) else None

    if not rest.more:
        return value
    if rest.word({"nameaddr": None, "params": None}) == "nameaddr":
        return address_part(rest, value) if rest.more else value
    name = rest.key().replace("_", "-")
    return _applied(value, lambda text: _param(text, name))


def _requests(read: Read) -> Read:
    return lambda ctx: read(ctx) if ctx.msg.is_request else None


def _replies(read: Read) -> Read:
    return lambda ctx: None if ctx.msg.is_request else read(ctx)


_METHOD = _requests(lambda ctx: ctx.msg.method)
_URI_OF_REQUEST = _requests(lambda ctx: ctx.msg.uri)
_VERSION: Read = lambda ctx: ctx.msg.version  # noqa: E731
_STATUS = _replies(lambda ctx: str(ctx.msg.status))
_REASON = _replies(lambda ctx: ctx.msg.reason)


def _request(rest: Rest) -> Read:
    if not rest.more:
        return _requests(lambda ctx: ctx.msg.buf)
    word = rest.word({"method": None, "uri": None, "version": None})
    if word == "uri":
        return uri_part(rest, _URI_OF_REQUEST)
    return _METHOD if word == "method" else _requests(_VERSION)


def _response(rest: Rest) -> Read:
    if not rest.more:
        return _replies(lambda ctx: ctx.msg.buf)
    word = rest.word({"version": None, "status": None, "code": None, "reason": None})
    return {"version": _replies(_VERSION), "reason": _REASON}.get(word, _STATUS)


_MESSAGE: dict[str, Callable[[Rest], Read]] = {
    "first_line": lambda rest: _first_line,
    "flags": lambda rest: lambda ctx: str(ctx.msg.flags),
    "len": lambda rest: lambda ctx: str(len(ctx.msg.buf)),
    "id": _message_id,
    "type": lambda rest: lambda ctx: "1" if ctx.msg.is_request else "2",
    "header": _message_header,
    "h": _message_header,
    "body": _message_body,
    "content": _message_body,
    "request": _request,
    "req": _request,
    "response": _response,
    "res": _response,
}


# --- where it goes and comes from ------------------------------------------------------------------------------------


def _ruri(ctx: Context) -> str | None:
    return ctx.msg.current_uri() if ctx.msg.is_request else None


def _next_hop(rest: Rest) -> Read:
    def hop(ctx: Context) -> str | None:
        return ctx.msg.dst_uri or _ruri(ctx)

    if rest.more and isinstance(rest.path[rest.at], str) and str(rest.path[rest.at]).lower() == "src_ip":
        rest.at += 1
        return lambda ctx: ctx.msg.received.socket.host
    return uri_part(rest, hop)


_ENDS: dict[str, tuple[Read, Callable[[Context], int]]] = {
    "src": (lambda ctx: ctx.msg.received.src_ip, lambda ctx: ctx.msg.received.src_port),
    "dst": (lambda ctx: ctx.msg.received.dst_ip, lambda ctx: ctx.msg.received.dst_port),
    "received": (lambda ctx: ctx.msg.received.socket.host, lambda ctx: ctx.msg.received.socket.port),
}


def _end(name: str) -> Callable[[Rest], Read]:
    ip, port = _ENDS[name]

    def make(rest: Rest) -> Read:
        words: dict[str, Read] = {
            "ip": ip,
            "port": lambda ctx: str(port(ctx)),
            "ip_port": lambda ctx: f"{ip(ctx)}:{port(ctx)}",
        }
        if name == "received":
            words["proto"] = _proto
            words["proto_ip_port"] = lambda ctx: f"{_proto(ctx)}:{ip(ctx)}:{port(ctx)}"
        return words[rest.word(words)]

    return make


def _proto(ctx: Context) -> str | None:
    return ctx.msg.received.proto


# --- the server ------------------------------------------------------------------------------------------------------


def _sys(rest: Rest) -> Read:
    words = {"pid": None, "unique": None, "now": None, "server_id": None}
    word = rest.word(words)
    if word == "pid":
        return lambda ctx: str(ctx.server.environment.pid)
    if word == "server_id":
        return lambda ctx: str(ctx.server.settings["server_id"])
    if word == "unique":
        return _unique
    if not rest.more:
        return lambda ctx: str(int(ctx.server.timers.now))
    zone = None if rest.word({"local": None, "gmt": None, "utc": None}) == "local" else UTC
    form = rest.key() if rest.more else None

    def now(ctx: Context) -> str | None:
        moment = datetime.fromtimestamp(int(ctx.server.timers.now), zone)
        return moment.ctime() if form is None else moment.strftime(form)

    return now


def _unique(ctx: Context) -> str:
    """A text that no other call gives: process, time of the first call, a counter from a random start."""
    environment = ctx.server.environment
    state = ctx.server.shared.get("select_unique")
    if state is None:
        state = [
            f"{environment.pid & 0xFFFF:04x}-{int(ctx.server.timers.now):08x}-",
            int(environment.chance.random() * 2**32),
        ]
        ctx.server.shared["select_unique"] = state
    state[1] = (state[1] + 1) & 0xFFFFFFFF
    return f"{state[0]}{state[1]:08x}"


def _branch(rest: Rest) -> Read:
    word = rest.word({"count": None, "uri": None, "dst_uri": None, "uriq": None, "q": None})
    if word == "count":
        return lambda ctx: str(len(ctx.branches))
    form = _BRANCH[word]
    index = rest.index(-1)

    def read(ctx: Context) -> str | None:
        branches = ctx.branches
        if index < 0:
            return ",".join(map(form, branches)) if branches else None
        return form(branches[index]) if index < len(branches) else None

    if word in ("uri", "dst_uri"):
        return uri_part(rest, read)
    return address_part(rest, read) if word == "uriq" and rest.more else read


def _uriq(branch: Branch) -> str:
    return branch.uri if branch.q < 0 else f"<{branch.uri}>;q={format_q(branch.q)}"


_BRANCH: dict[str, Callable[[Branch], str]] = {
    "uri": lambda branch: branch.uri,
    "dst_uri": lambda branch: branch.dst_uri,
    "uriq": _uriq,
    "q": lambda branch: "" if branch.q < 0 else format_q(branch.q),
}


def _cfg_get(rest: Rest) -> Read:
    head, name = rest.key(), rest.key()
    group, instance = split_group(head)
    try:
        rest.server.cfg.get(group, name, instance)
    except CfgError as error:
        raise FixupError(f"{rest.text}: {error}") from None

    def read(ctx: Context) -> str | None:
        value = ctx.server.cfg.get(group, name, instance)
        return None if value is None else str(value)

    if not rest.more:
        return read
    word = rest.word({"nameaddr": None, "uri": None, "params": None})
    if word == "uri":
        return uri_part(rest, read)
    if word == "nameaddr":
        return address_part(rest, read)
    key = rest.key()
    return _applied(read, lambda text: _param(text, key))


HEADS: dict[str, Callable[[Rest], Read]] = {
    "ruri": lambda rest: uri_part(rest, _ruri),
    "request_uri": lambda rest: uri_part(rest, _ruri),
    "dst_uri": lambda rest: uri_part(rest, lambda ctx: ctx.msg.dst_uri or ""),
    "next_hop": _next_hop,
    "from": _address_header("from"),
    "f": _address_header("from"),
    "to": _address_header("to"),
    "t": _address_header("to"),
    "refer_to": _address_header("refer-to"),
    "remote_party_id": _address_header("remote-party-id"),
    "rpid": _address_header("remote-party-id"),
    "contact": _contact,
    "m": _contact,
    "via": _via,
    "v": _via,
    "event": _event,
    "record_route": _record_route,
    "rr": _record_route,
    "cseq": _cseq,
    "msg": _message,
    "message": _message,
    "method": lambda rest: _METHOD,
    "version": lambda rest: _VERSION,
    "status": lambda rest: _STATUS,
    "code": lambda rest: _STATUS,
    "reason": lambda rest: _REASON,
    "proxy_authorization": _credentials("proxy-authorization"),
    "authorization": _credentials("authorization"),
    "src": _end("src"),
    "dst": _end("dst"),
    "received": _end("received"),
    "call_id": _header("Call-ID"),
    "expires": _header("Expires"),
    "max_forwards": _header("Max-Forwards"),
    "content_type": _header("Content-Type"),
    "content_length": _header("Content-Length"),
    "subject": _header("Subject"),
    "organization": _header("Organization"),
    "priority": _header("Priority"),
    "session_expires": _header("Session-Expires"),
    "min_se": _header("Min-SE"),
    "user_agent": _header("User-Agent"),
    "sip_if_match": _header("SIP-If-Match"),
    "date": _header("Date"),
    "identity": _header("Identity"),
    "identity_info": _header("Identity-Info"),
    "sys": _sys,
    "branch": _branch,
    "cfg_get": _cfg_get,
}
