"""URIs as Kamailio reads them: sip, sips, tel and urn (core/parser/parse_uri.c; RFC 3261 section 19, RFC 3966).

Kamailio's reader is laxer than the RFC in places and stricter in others; what it takes and refuses is kept:

- the user may hold `;`, `?` and one `:` as long as an `@` follows;
- the host behind an `@` holds letters, digits, `.` and `-` only; without an `@` it may hold almost anything;
- a password that begins with a number above 65535 is refused, as that could be a port;
- nothing is unescaped.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params
from kamscript.sip.remember import LONGEST

Scheme = Literal["sip", "sips", "tel", "urn"]

#: Transports that the `transport` parameter of a URI can name (PROTO_*).
TRANSPORTS = {"udp": "udp", "tcp": "tcp", "tls": "tls", "sctp": "sctp", "ws": "ws"}
DEFAULT_PORTS = {"sip": 5060, "sips": 5061, "tel": 5060, "urn": 5060}

_SCHEME = re.compile(r"sip[:\x1a]|sips:|tel[:\x1a]|urn[:\x1a]", re.IGNORECASE | re.ASCII)
_PLAIN = re.compile(
    r"sip:(?:([A-Za-z0-9_.+\-]+)@)?([A-Za-z0-9][A-Za-z0-9.\-]*)(?::([1-5]?[0-9]{1,4}))?(?:;([A-Za-z0-9_.\-=;]+))?"
)
_USER_STOP = re.compile(r"[@:;?\[\]]")
_PASSWORD_STOP = re.compile(r"[@;?\[\]:]")
_HIDDEN_USER = re.compile(r"([^:]*)(?::([^:;?]*))?")
_HOST = re.compile(r"\[[^\]\[&@;?]*\]|[A-Za-z0-9][A-Za-z0-9.\-]*")
_HOST_CHARS = r"A-Za-z0-9.\-"
_DIGITS = re.compile(r"[0-9]*")
_SEPARATORS = str.maketrans("", "", "-.()")


class Uri:
    """A parsed URI. Texts are "" when absent.

    scheme      "sip", "sips", "tel" or "urn"; a sip URI with `user=phone` counts as "tel" (core parameter
                phone2tel), then `params` are those inside the user part and `phone_context` is True
    user, password, host, port, headers    as written; `host` keeps the brackets of an IPv6 reference; a tel URI's
                number is its user and its host is empty
    port_no     the port as a number, 0 when absent
    params      everything between the first `;` and the headers, without that `;`
    sip_params  the same; differs from `params` for sip URIs with `user=phone` only
    transport, ttl, user_param, maddr, method    values of these parameters
    lr, r2, gr  value of these parameters, "" when they stand alone, None when absent
    proto       "udp", "tcp", "tls", "sctp", "ws" when `transport` names one, else ""
    """

    __slots__ = (
        "gr",
        "headers",
        "host",
        "lr",
        "maddr",
        "method",
        "params",
        "password",
        "phone_context",
        "port",
        "port_no",
        "proto",
        "r2",
        "scheme",
        "sip_params",
        "text",
        "transport",
        "ttl",
        "user",
        "user_param",
    )

    text: str  #: what was parsed
    scheme: Scheme
    user: str
    password: str
    host: str
    port: str
    port_no: int
    params: str
    sip_params: str
    headers: str
    transport: str
    ttl: str
    user_param: str
    maddr: str
    method: str
    lr: str | None
    r2: str | None
    gr: str | None
    proto: str
    phone_context: bool

    @property
    def secure(self) -> bool:
        """Whether the scheme is sips."""
        return self.scheme == "sips"

    @property
    def effective_port(self) -> int:
        """The port, or the scheme's (5061 for sips and for transport=tls)."""
        if self.port_no:
            return self.port_no
        return 5061 if self.proto == "tls" else DEFAULT_PORTS[self.scheme]

    @property
    def bare_host(self) -> str:
        """The host without the brackets of an IPv6 reference."""
        return self.host[1:-1] if self.host[:1] == "[" else self.host

    def param(self, name: str) -> str | None:
        """A parameter's value by name (any case): "" when it stands alone, None when it is not there."""
        wanted = name.lower()
        for item in self.params.split(";"):
            key, _, value = item.partition("=")
            if key.strip(" \t\r\n").lower() == wanted:
                return value.strip(" \t\r\n")
        return None

    def aor(self) -> str:
        """`sip:user@host` without port, parameters and password."""
        return f"{self.scheme}:{self.user}@{self.host}" if self.user else f"{self.scheme}:{self.host}"

    def __repr__(self) -> str:
        return f"Uri({self.text!r})"


def parse_uri(text: str, host_extra: str = "", phone2tel: bool = True) -> Uri:
    """Parse a URI; raises SipError where parse_uri() fails.

    `host_extra` are the characters that core parameter uri_host_extra_chars allows in a host; `phone2tel` is the core
    parameter of that name. Results are kept and shared: do not change them.
    """
    parse = _kept if len(text) <= LONGEST else _parse
    return parse(text) if phone2tel and not host_extra else parse(text, host_extra, phone2tel)


def _parse(text: str, host_extra: str = "", phone2tel: bool = True) -> Uri:
    plain = _PLAIN.fullmatch(text)
    if plain is not None and "user" not in text.lower():
        return _parse_plain(text, plain)
    match = _SCHEME.match(text)
    if match is None or len(text) < 5:
        raise SipError("bad or missing URI scheme")
    start = match.end()
    scheme: Scheme = text[: start - 1].lower()  # type: ignore[assignment]
    first = text[start : start + 1]
    if not first:
        raise SipError("empty URI")
    if first in ":]":
        raise SipError("a URI cannot begin with ':' or ']'")

    uri = Uri()
    uri.text, uri.scheme, uri.port_no, uri.phone_context = text, scheme, 0, False
    uri.user = uri.password = uri.host = uri.port = uri.params = uri.sip_params = uri.headers = ""
    uri.transport = uri.ttl = uri.user_param = uri.maddr = uri.method = uri.proto = ""
    uri.lr = uri.r2 = uri.gr = None

    if first == "[":
        _without_user(uri, text, start, _host_end(text, start, ""))
    else:
        # the first character is part of user or host whatever it is
        stop = _USER_STOP.search(text, start + 1)
        if stop is None:
            uri.host = text[start:]
        else:
            at, mark = stop.start(), stop.group()
            if mark == "@":
                uri.user = text[start:at]
                _behind_user(uri, text, at + 1, host_extra)
            elif mark == ":":
                _password_or_port(uri, text, start, at, host_extra)
            elif mark in ";?":
                _without_user(uri, text, start, at, host_extra)
            else:
                raise SipError("a user cannot contain '[' or ']'")

    if scheme in ("sip", "sips"):
        uri.sip_params = uri.params
        if phone2tel and uri.user_param == "phone":
            uri.scheme, uri.phone_context = "tel", True
            uri.user, _, uri.params = uri.user.partition(";")
    elif scheme == "tel":
        uri.user, uri.host = uri.host, ""
    if len(uri.port) > 5:
        raise SipError("port is too long")
    if uri.host and not uri.user and uri.host[0] == "@":
        raise SipError("'@' without a user")
    return uri


def _parse_plain(text: str, plain: re.Match[str]) -> Uri:
    """The form that nearly every URI in traffic has."""
    user, host, port, params = plain.groups("")
    uri = Uri()
    uri.text, uri.scheme, uri.phone_context = text, "sip", False
    uri.user, uri.host, uri.port, uri.params, uri.sip_params = user, host, port, params, params
    uri.port_no = int(port) if port else 0
    uri.password = uri.headers = ""
    uri.transport = uri.ttl = uri.user_param = uri.maddr = uri.method = uri.proto = ""
    uri.lr = uri.r2 = uri.gr = None
    if params:
        _known_params(uri, params)
    return uri


_kept = lru_cache(1024)(_parse)


def _host_end(text: str, start: int, host_extra: str) -> int:
    match = _HOST.match(text, start)
    if match is None:
        raise SipError("bad host")
    end = match.end()
    if host_extra and text[start] != "[":
        allowed = re.compile(f"[{_HOST_CHARS}{re.escape(host_extra)}]*")
        extended = allowed.match(text, start)
        end = extended.end() if extended else end
    return end


def _behind_user(uri: Uri, text: str, start: int, host_extra: str) -> None:
    """Host, port, parameters and headers behind the `@`: here another `@` is an error."""
    end = _host_end(text, start, host_extra)
    uri.host = text[start:end]
    rest = text[end:]
    if not rest:
        return
    if rest[0] == ":":
        end = _port(uri, text, end + 1)
        rest = text[end:]
        if not rest:
            return
    if rest[0] not in ";?":
        raise SipError("bad character behind the host")
    if "@" in rest:
        raise SipError("'@' behind the host")
    _params_and_headers(uri, rest)


def _port(uri: Uri, text: str, start: int) -> int:
    match = _DIGITS.match(text, start)
    end = match.end() if match else start
    digits = text[start:end]
    if digits:
        short = digits.lstrip("0") or "0"
        number = int(short) if len(short) <= 5 else 65536
        if number > 65535:
            raise SipError("port out of range")
        uri.port_no = number
    uri.port = digits
    return end


def _password_or_port(uri: Uri, text: str, start: int, colon: int, host_extra: str) -> None:
    """What stands before the colon is the user when an `@` follows, else the host."""
    end = _port(uri, text, colon + 1)  # a password that begins with a number too big for a port is refused too
    mark = text[end : end + 1]
    if mark not in ("", "@", ";", "?"):
        if mark in "[]:":
            raise SipError("bad character in password or port")
        uri.port, uri.port_no = "", 0
        stop = _PASSWORD_STOP.search(text, end)
        if stop is None:
            if uri.scheme != "urn":
                raise SipError("bad port")
            uri.user, uri.host = text[start:colon], text[colon + 1 :]
            return
        if stop.group() != "@":
            raise SipError("bad character in password or port")
        end, mark = stop.start(), "@"
    if mark == "@":
        uri.user, uri.password, uri.port, uri.port_no = text[start:colon], text[colon + 1 : end], "", 0
        _behind_user(uri, text, end + 1, host_extra)
        return
    uri.host = text[start:colon]
    rest = text[end:]
    if "@" in rest:
        raise SipError("'@' behind the host")
    if rest:
        _params_and_headers(uri, rest)


def _without_user(uri: Uri, text: str, start: int, end: int, host_extra: str = "") -> None:
    """`text[start:end]` looks like a host and parameters or headers follow; but an `@` makes all of it the user."""
    if text[end : end + 1] == ":":  # only behind an IPv6 reference
        host_end, end = end, _port(uri, text, end + 1)
    else:
        host_end = end
    mark = text[end : end + 1]
    if mark not in ("", ";", "?"):
        raise SipError("bad character behind the host")
    at = text.find("@", end)
    if at >= 0:
        hidden = _HIDDEN_USER.fullmatch(text, end, at)
        segment = text[end:at]
        if hidden is None or (hidden.group(2) is not None and _colon_is_late(segment)):
            raise SipError("'@' where no user can be")
        password = hidden.group(2)
        uri.user = text[start : at if password is None else at - len(password) - 1]
        uri.password = password or ""
        uri.port, uri.port_no = "", 0
        _behind_user(uri, text, at + 1, host_extra)
        return
    uri.host = text[start:host_end]
    if mark:
        _params_and_headers(uri, text[end:])


def _colon_is_late(segment: str) -> bool:
    """Never: a colon followed by no `;` or `?` may begin a password wherever it stands."""
    return False


def _params_and_headers(uri: Uri, rest: str) -> None:
    """`rest` begins with `;` or `?`."""
    if rest[0] == ";":
        params, question, headers = rest[1:].partition("?")
        uri.params = params
        if params:
            _known_params(uri, params)
    else:
        question, headers = "?", rest[1:]
    if question:
        if ";" in headers:
            raise SipError("';' in URI headers")
        uri.headers = headers


def _known_params(uri: Uri, params: str) -> None:
    items = params.split(";")
    last = len(items) - 1
    for number, item in enumerate(items):
        name, equals, value = item.partition("=")
        key = name.lower()
        if equals:
            # a value that is empty or begins with a colon does not count; at the end of the parameters lr= and r2=
            # do, as the reader is then still in front of the value
            if key not in _SETTERS:
                continue
            if not value or value[0] == ":":
                if key in ("lr", "r2", "gr") and not value and number == last and not uri.headers:
                    setattr(uri, key, "")
                continue
            if key == "transport":
                uri.transport = value
                proto = TRANSPORTS.get(value.lower())
                if proto:
                    uri.proto = proto
            else:
                setattr(uri, _SETTERS[key], value)
        elif key in ("lr", "r2", "gr"):
            setattr(uri, key, "")


_SETTERS = {
    "transport": "transport",
    "ttl": "ttl",
    "user": "user_param",
    "maddr": "maddr",
    "method": "method",
    "lr": "lr",
    "r2": "r2",
    "gr": "gr",
}


def normalize_tel_user(number: str) -> str:
    """A telephone number without its visual separators (normalize_tel_user)."""
    return number.translate(_SEPARATORS)


def same_uri(one: Uri, other: Uri) -> bool:
    """Whether two URIs are equal by RFC 3261 section 19.1.4 as Kamailio compares them (cmp_uri). Raises SipError.

    Scheme, user, password and port as texts, the host in any case; parameters that both have must agree; user, ttl,
    method and maddr may not be missing on one side when that side has no parameters at all.
    """
    if not _same_address(one, other):
        return False
    if not one.params and not other.params:
        return True
    for empty, full in ((one, other), (other, one)):
        if not empty.params and (full.user_param or full.ttl or full.method or full.maddr):
            return False
    first, second = parse_params(one.params)[0], parse_params(other.params)[0]
    return not any(
        a.name.lower() == b.name.lower() and (a.value or "").lower() != (b.value or "").lower()
        for a in first
        for b in second
    )


def same_aor(one: Uri, other: Uri) -> bool:
    """Whether two URIs name one address of record: user, host and port, a missing port being 5060 (cmp_aor)."""
    if one.user != other.user or one.host.lower() != other.host.lower():
        return False
    if one.port == other.port:
        return True
    if not one.port and other.port_no != 5060:
        return False
    return other.port != "" or one.port_no == 5060


def _same_address(one: Uri, other: Uri) -> bool:
    return (
        one.scheme == other.scheme
        and one.user == other.user
        and one.port == other.port
        and one.password == other.password
        and one.host.lower() == other.host.lower()
    )
