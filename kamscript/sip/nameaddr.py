"""Addresses: From and To bodies, Route and Record-Route entries, P-Asserted-Identity and the like.

Source: core/parser/parse_addr_spec.c (From, To, identities, Diversion, Refer-To), parse_nameaddr.c and parse_rr.c
(Route, Record-Route, Path); RFC 3261 section 20.10. Kamailio's two readers differ: a From may be a bare URI and knows
escapes in its display name, a Route must stand in `<>`.
"""

from __future__ import annotations

import re

from kamscript.sip.errors import SipError
from kamscript.sip.params import Param, last_value, parse_params
from kamscript.sip.remember import remember
from kamscript.sip.uri import Uri, parse_uri

_FOLD = r"(?:\r\n?|\n)[ \t]"
_LWS = rf"(?:[ \t]|{_FOLD})*"


def _address(comma: str) -> re.Pattern[str]:
    """Display name (quoted, or words) and URI in brackets; or a bare URI. `comma`: "," when it ends an address."""
    return re.compile(
        rf"(?:(?:(?P<quoted>\"(?:[^\"\\\r\n\0]|\\[\s\S])*\"){_LWS}"
        rf"|(?P<words>[^<>\"\\;\0 \t\r\n{comma}](?:[^<>\"\\;\0\r\n{comma}]|{_FOLD})*))?"
        rf"<[ \t]*(?P<uri>[^<>\"\\;\0 \t\r\n{comma}][^<>\"\\\0 \t\r\n]*)[ \t]*>"
        rf"|(?P<bare>[^<>\"\\;\0 \t\r\n{comma}]+)){_LWS}"
    )


_ONE, _LISTED = _address(""), _address(",")
_NAME = r"[^ \t\r\n\0\\\";=,]+"
_PARAM = re.compile(
    rf";{_LWS}(?P<name>{_NAME}){_LWS}"
    rf"(?:(?P<equals>=){_LWS}(?:\"(?P<quoted>[^\"\\\r\n\0]*)\"|(?P<token>{_NAME}))?{_LWS})?"
)
# some user agents put commas into tags; only allowed where a comma does not end the address, ignored in front of one
_TAG = re.compile(
    rf";{_LWS}(?P<name>tag){_LWS}(?P<equals>=)(?:[ \t,]|{_FOLD})*"
    rf"(?:\"(?P<quoted>[^\"\\\r\n\0]*)\"|(?P<token>[^ \t\r\n\0\\\";=,][^ \t\r\n\0\\\";=]*))?{_LWS}",
    re.IGNORECASE,
)
_VALUE_END = re.compile(r"(?:\r\n|\n|\r(?!\n))(?![ \t])")


# the form that nearly every From and To has: no folding, no escapes, no parameter but a tag
_PLAIN = re.compile(
    r"(\"[^\"\\\r\n\0]*\"[ \t]*|[^<>\"\\;\0 \t\r\n][^<>\"\\;\0\r\n]*)?<([^<>\"\\\0 \t\r\n;][^<>\"\\\0 \t\r\n]*)>"
    r"(?:;tag=([^ \t\r\n\0\\\";=,]+))?"
)
# and the one that nearly every Route has: an address in brackets, nothing else
_PLAIN_ROUTE = re.compile(r"<([^<>\"]*)>")


class NameAddr:
    """One address with its parameters. Immutable and shared between messages.

    display    the display name as written, quotes included, "" none
    uri        the URI as written, without brackets
    start, end its place in the parsed value, parameters included
    uri_start  where the URI starts in the parsed value
    addr_end   where the address ends: behind `>`, in front of the parameters
    """

    __slots__ = ("_params", "addr_end", "display", "end", "start", "uri", "uri_start")

    display: str
    uri: str
    start: int
    end: int
    uri_start: int
    addr_end: int
    _params: list[Param] | None

    @property
    def params(self) -> list[Param]:
        """The parameters behind the URI, in order. The list is shared: do not change it."""
        params = self._params
        assert params is not None, "only From and To put this off"
        return params

    @property
    def parsed_uri(self) -> Uri:
        """The URI, parsed; raises SipError."""
        return parse_uri(self.uri)

    @property
    def name(self) -> str:
        """The display name without quotes and escapes."""
        text = self.display.strip()
        if text[:1] == '"' and text[-1:] == '"' and len(text) > 1:
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        return text

    def param(self, name: str) -> str | None:
        """A parameter's value: "" when it has none, None when it is not there; the last one counts."""
        return last_value(self.params, name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.uri!r})"


class ToBody(NameAddr):
    """A From or To value. `tag` is "" when absent or empty; `tag_start`, `tag_end` its place, -1 when absent."""

    __slots__ = ("tag", "tag_end", "tag_start")

    tag: str
    tag_start: int
    tag_end: int

    @property
    def params(self) -> list[Param]:
        """The parameters behind the URI, in order. The list is shared: do not change it."""
        params = self._params
        if params is None:  # only a tag, or nothing
            start = self.tag_start
            params = [Param("tag", self.tag, start - 4, self.end)] if start >= 0 else []
            self._params = params
        return params


@remember(512)
def parse_to(value: str) -> ToBody:
    """A From or To value, whole or up to a NUL (`end` tells); raises SipError where parse_to() fails."""
    found = _PLAIN.fullmatch(value)
    if found is not None:
        body = ToBody()
        display, body.uri, tag = found.groups()
        body.start, body.display, body._params = 0, display.rstrip(" \t") if display else "", None
        body.uri_start, end = found.span(2)
        body.addr_end = end + 1
        body.end = len(value)
        if tag is None:
            body.tag, body.tag_start, body.tag_end = "", -1, -1
        else:
            body.tag, body.tag_start, body.tag_end = tag, end + 6, body.end
        return body
    body, end = _address_at(value, 0, _ONE)
    if end != len(value) and value[end] != "\0":
        raise SipError("bad address")
    return body


def parse_from(value: str) -> ToBody:
    """A From value: as To, but Kamailio looks no further than the first bare line end; raises SipError."""
    if "\r" in value or "\n" in value:
        found = _VALUE_END.search(value)
        if found is not None:
            after = value[found.end() : found.end() + 1]
            value = value[: found.start()]
            if after in ("\\", "\0") or (after == "," and value.rfind(";") > value.rfind(">")):
                raise SipError("bad character behind a line end")
    return parse_to(value)


@remember(1024)
def parse_addresses(value: str) -> list[ToBody]:
    """A comma-separated list of addresses (P-Asserted-Identity, P-Preferred-Identity, Diversion): raises SipError."""
    found: list[ToBody] = []
    at = 0
    while True:
        body, at = _address_at(value, at, _LISTED)
        found.append(body)
        if at == len(value):
            if not body._params and value[body.addr_end - 1] != ">":
                body.uri = value[body.uri_start :]  # Kamailio takes the blanks behind a bare URI for part of it here
            return found
        if value[at] != ",":
            raise SipError("bad address")
        at += 1
        while at < len(value) and value[at] in " \t\r\n":
            at += 1


def _address_at(value: str, start: int, pattern: re.Pattern[str]) -> tuple[ToBody, int]:
    found = pattern.match(value, start)
    if found is None:
        raise SipError("bad address")
    body = ToBody()
    quoted, words, uri, bare = found.groups()
    body.start = start
    if uri is not None:
        body.display = quoted or (words.rstrip(" \t\r\n") if words else "")
        body.uri, body.uri_start = uri, found.start("uri")
        body.addr_end = value.index(">", found.end("uri")) + 1
    else:
        body.display, body.uri, body.uri_start, body.addr_end = "", bare, found.start("bare"), found.end("bare")
    params: list[Param] = []
    body._params, body.tag, body.tag_start, body.tag_end = params, "", -1, -1
    at, length = found.end(), len(value)
    while at < length and value[at] == ";":
        item = (_TAG.match(value, at) if pattern is _ONE else None) or _PARAM.match(value, at)
        if item is None:
            raise SipError("bad parameter behind an address")
        name, equals, text, token = item.groups()
        place = item.span("quoted" if token is None else "token")
        if text is None:
            text = token
        if text is None:
            text = "" if equals else None
            place = (item.end(), item.end())
        params.append(Param(name, text, item.start("name"), item.end()))
        if len(name) == 3 and name.lower() == "tag":
            if text is None:
                body.tag, body.tag_start, body.tag_end = "", -1, -1
            else:
                body.tag, (body.tag_start, body.tag_end) = text, place
        at = item.end()
    body.end = at
    return body, at


@remember(512)
def parse_routes(value: str) -> list[NameAddr]:
    """Entries of a Route, Record-Route or Path value in order; raises SipError where parse_rr_body() fails.

    The list is shared: do not change it.
    """
    length = len(value)
    plain = _PLAIN_ROUTE.fullmatch(value)
    if plain is not None:
        only = NameAddr()
        only.display, only.uri, only._params = "", plain[1], []
        only.start, only.uri_start, only.addr_end, only.end = 0, 1, length, length
        return [only]
    routes: list[NameAddr] = []
    at = _skip(value, 0)
    if at >= length:
        raise SipError("empty Route")
    while True:
        entry = NameAddr()
        entry.start = at
        opening = find_not_quoted(value, "<", at)
        if opening < 0:
            raise SipError("'<' missing in a Route")
        closing = find_not_quoted(value, ">", opening + 1)
        if closing < 0:
            raise SipError("'>' missing in a Route")
        entry.display = value[at:opening].strip(" \t\r\n")
        entry.uri, entry.uri_start, entry.addr_end = value[opening + 1 : closing], opening + 1, closing + 1
        entry.end, entry._params = closing + 1, []
        routes.append(entry)
        at = _skip(value, closing + 1)
        if at >= length:
            return routes
        if value[at] == ";":
            at = _skip(value, at + 1)
            if at >= length:
                raise SipError("parameter missing in a Route")
            entry._params, at = parse_params(value, at)
            entry.end = entry._params[-1].end
            at = _skip(value, at)
            if at >= length:
                return routes
        if value[at] != ",":
            raise SipError("',' missing between Routes")
        at = _skip(value, at + 1)
        if at >= length:
            raise SipError("Route missing behind ','")


def find_not_quoted(text: str, char: str, start: int = 0, end: int | None = None) -> int:
    """Where `char` stands outside `"`quotes`"`, -1 nowhere (find_not_quoted)."""
    end = len(text) if end is None else end
    quote = text.find('"', start, end)
    found = text.find(char, start, end)
    while found >= 0 and 0 <= quote < found:
        close = text.find('"', quote + 1, end)
        while close > 0 and text[close - 1] == "\\" and close - 1 > quote:
            close = text.find('"', close + 1, end)
        if close < 0:
            return -1
        found, quote = text.find(char, close + 1, end), text.find('"', close + 1, end)
    return found


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at
