"""Contact headers (core/parser/contact/; RFC 3261 section 20.10, RFC 5626)."""

from __future__ import annotations

import re

from kamscript.sip.errors import SipError
from kamscript.sip.params import Param, last_value, parse_params
from kamscript.sip.remember import remember
from kamscript.sip.uri import Uri, parse_uri

_BLANKS = " \t\r\n"
_NAME_STOP = re.compile(r"[<:;\"]")
_URI_STOP = re.compile(r"[,;\"<>]")
_QUOTE_STOP = re.compile(r"[\"\\]")
_Q = re.compile(r"[ \t]*(?:0+(?:\.([0-9]+))?|\.([0-9]+)|0*1(?:\.0+)?)")
_ESCAPED = re.compile(r"[\"\\<>]")


class Contact:
    """One contact. Immutable and shared between messages.

    name       what stands in front of the URI, quotes included
    uri        the URI without brackets
    params     parameters in the order of the text; of several with one name the last counts
    start, end its place in the header's value
    q, expires, received, methods, instance, reg_id, ob, flags    values of these parameters, None when absent
    """

    __slots__ = ("end", "name", "params", "start", "uri")

    name: str
    uri: str
    params: list[Param]
    start: int
    end: int

    @property
    def parsed_uri(self) -> Uri:
        """The URI, parsed; raises SipError."""
        return parse_uri(self.uri)

    def param(self, name: str) -> str | None:
        """A parameter's value: "" when it has none, None when it is not there; the last one counts."""
        return last_value(self.params, name)

    @property
    def q(self) -> str | None:
        """The q parameter as written; `parse_q` makes thousandths of it."""
        return self.param("q")

    @property
    def expires(self) -> str | None:
        """The expires parameter as written."""
        return self.param("expires")

    @property
    def received(self) -> str | None:
        """The received parameter."""
        return self.param("received")

    @property
    def methods(self) -> str | None:
        """The methods parameter."""
        return self.param("methods")

    @property
    def instance(self) -> str | None:
        """The +sip.instance parameter without quotes."""
        return self.param("+sip.instance")

    @property
    def reg_id(self) -> str | None:
        """The reg-id parameter."""
        return self.param("reg-id")

    @property
    def ob(self) -> str | None:
        """The ob parameter."""
        return self.param("ob")

    @property
    def flags(self) -> str | None:
        """The flags parameter."""
        return self.param("flags")

    def __repr__(self) -> str:
        return f"Contact({self.uri!r})"


class RewrittenContact(Contact):
    """A contact whose URI was rewritten by edits: `uri` is the new one, which stands nowhere in the message."""

    __slots__ = ()

    def __init__(self, contact: Contact, uri: str) -> None:
        self.name, self.uri, self.params = contact.name, uri, contact.params
        self.start, self.end = contact.start, contact.end


class Contacts:
    """The contacts of one or all Contact headers: `star` for `*`, else `contacts` in the order of the text.

    Kamailio's list of one header runs backwards (its "first contact" is the last of the first header); `groups`
    holds the contacts by header for whoever must walk them in that order: see `backwards`.
    """

    __slots__ = ("contacts", "groups", "star")

    def __init__(self, star: bool, groups: list[list[Contact]]) -> None:
        self.star, self.groups = star, groups
        self.contacts = groups[0] if len(groups) == 1 else [c for group in groups for c in group]

    def backwards(self) -> list[Contact]:
        """Header by header, each header's contacts from last to first: the order of contact_iterator()."""
        return [contact for group in self.groups for contact in reversed(group)]


class RewrittenContacts(Contacts):
    """Contacts of a message, some of them rewritten."""

    __slots__ = ()


@remember(4096)
def parse_contacts(value: str) -> Contacts:
    """One Contact header's value; raises SipError where parse_contact() fails."""
    text = value.lstrip(_BLANKS)
    at = len(value) - len(text)
    if not text:
        raise SipError("empty Contact")
    if text[0] == "*":
        return Contacts(True, [[]])
    found: list[Contact] = []
    length = len(value)
    while True:
        contact = Contact()
        contact.start, contact.params = at, []
        uri_start = _skip_name(value, at)
        contact.name = value[at:uri_start].rstrip(_BLANKS)
        end = _skip_uri(value, uri_start)
        uri = value[uri_start:end].rstrip(_BLANKS)
        if len(uri) >= 2 and uri[0] == "<" and uri[-1] == ">":
            uri = uri[1:-1]
        contact.uri = uri.strip(_BLANKS)
        if not contact.uri:
            raise SipError("empty URI in Contact")
        at = end
        if at < length and value[at] == ";":
            at += 1
            while at < length and value[at] in _BLANKS:
                at += 1
            if at >= length:
                raise SipError("parameter missing in Contact")
            contact.params, at = parse_params(value, at)
        contact.end = at
        found.append(contact)
        if at >= length:
            return Contacts(False, [found])
        at += 1  # the comma
        while at < length and value[at] in _BLANKS:
            at += 1
        if at >= length:
            raise SipError("contact missing behind ','")


def _skip_name(value: str, start: int) -> int:
    """Where the URI starts: at `<`, or behind the last blank in front of the first `:` or `;`."""
    at, blank = start, -1
    while True:
        found = _NAME_STOP.search(value, at)
        if found is None:
            raise SipError("no URI in Contact")
        stop = found.start()
        char = value[stop]
        if char == "<":
            return stop
        if char == '"':
            close = value.find('"', stop + 1)
            while close > 0 and value[close - 1] == "\\":
                close = value.find('"', close + 1)
            if close < 0:
                raise SipError("quote in Contact not closed")
            blank, at = _last_blank(value, at, stop, blank), close + 1
            continue
        blank = _last_blank(value, at, stop, blank)
        return start if blank < 0 else blank


def _last_blank(value: str, start: int, end: int, before: int) -> int:
    return max(value.rfind(" ", start, end), value.rfind("\t", start, end), before)


def _skip_uri(value: str, at: int) -> int:
    """Where the URI ends: at a `,` or `;` outside quotes and brackets, or at the end."""
    angle = False
    while True:
        found = _URI_STOP.search(value, at)
        if found is None:
            if angle:
                raise SipError("'<' in Contact not closed")
            return len(value)
        at = found.start()
        char = value[at]
        if char in ",;":
            if not angle:
                return at
        elif char == "<":
            if angle:
                raise SipError("second '<' in Contact")
            angle = True
        elif char == ">":
            if not angle:
                raise SipError("'>' without '<' in Contact")
            angle = False
        else:
            at = _skip_quoted(value, at + 1)
            continue
        at += 1


def _skip_quoted(value: str, at: int) -> int:
    while True:
        found = _QUOTE_STOP.search(value, at)
        if found is None:
            raise SipError("quote in Contact not closed")
        at = found.end()
        if found.group() == '"':
            return at
        # an escape reaches to the next of these characters, however far
        found = _ESCAPED.search(value, at)
        if found is None:
            raise SipError("quote in Contact not closed")
        at = found.end()


def parse_q(text: str) -> int | None:
    """A q value in thousandths, 0 to 1000 (str2q: digits behind the third are cut off); None when it is no q."""
    found = _Q.fullmatch(text)
    if found is None:
        return None
    fraction = found.group(1) or found.group(2)
    if fraction is not None:
        return int((fraction + "00")[:3])
    return 1000 if "1" in text else 0
