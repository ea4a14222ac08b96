"""Contact URIs: the address that a message came from in place of theirs, or as a parameter of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kamscript.core.dns import literal
from kamscript.core.rewrite import MAX_URI, set_uri
from kamscript.core.sockets import bracketed
from kamscript.sip.contact import Contact, RewrittenContact
from kamscript.sip.errors import SipError
from kamscript.sip.protocols import PROTO_NUMBERS
from kamscript.sip.uri import Uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import Received
    from kamscript.modules.nathelper import Nathelper
    from kamscript.sip.message import Message

#: Numbers of transports to what `;transport=` says; wss shows as ws, as its URIs have it.
_TRANSPORTS = {str(number): "ws" if name == "wss" else name for name, number in PROTO_NUMBERS.items()}


class Found(NamedTuple):
    """A contact, its URI parsed, and where the URI starts in the message."""

    contact: Contact
    parsed: Uri
    start: int


def first_contact(nat: Nathelper, msg: Message) -> Found | None:
    """The contact that counts: the last of the first Contact header (get_contact_uri). None, and a line in the log."""
    header = msg.first("contact")
    if header is None:
        return None
    try:
        contacts = msg.contacts
        if contacts is None or not contacts.groups[0]:
            return None
        contact = contacts.groups[0][-1]
        parsed = contact.parsed_uri
    except SipError as error:
        nat.error(f"failed to parse Contact: {error}")
        return None
    if not parsed.host:
        nat.error(f"failed to parse Contact URI [{contact.uri}]")
        return None
    start = header.value.find(contact.uri, contact.start + len(contact.name))
    return Found(contact, parsed, header.value_start + start)


def replace_address(nat: Nathelper, ctx: Context) -> int:
    """fix_nated_contact(): the sender's address and port in place of the contact's; a maddr goes."""
    found = _unedited(nat, ctx, "you can't call fix_nated_contact twice, check your config!")
    if found is None:
        return -1
    contact, uri, start = found
    came = ctx.msg.received
    old = contact.uri
    head = old[: _host_start(old, uri)]
    rest = _without_maddr(old[len(head) + len(_host_port(uri)) :])
    _replace(ctx, contact, start, f"{head}{bracketed(came.src_ip)}:{came.src_port}{rest}")
    return 1


def add_alias(nat: Nathelper, ctx: Context) -> int:
    """add_contact_alias(): the sender's address as a parameter, behind host and port; 2 when it is the contact's."""
    if ctx.msg.first("contact") is None:
        return 2
    found = first_contact(nat, ctx.msg)
    if found is None:
        nat.error("failed to get contact uri")
        return -1
    came, uri = ctx.msg.received, found.parsed
    same_port = came.src_port == uri.port_no or (not uri.port and came.src_port == 5060)
    if literal(uri.host) == came.src_ip and same_port and uri.proto == came.proto:
        return 2
    if isinstance(found.contact, RewrittenContact):
        nat.error("you can't call add_contact_alias twice, check your config!")
        return -1
    return _insert_alias(nat, ctx, found, _sender(came))


def add_given_alias(nat: Nathelper, ctx: Context, ip: str, port: str, proto: str) -> int:
    """add_contact_alias(ip, port, proto)."""
    if ctx.msg.first("contact") is None:
        return 2
    found = first_contact(nat, ctx.msg)
    if found is None:
        nat.error("failed to get contact uri")
        return -1
    if not literal(ip):
        nat.error(f"ip param value {ip} is not valid IP address")
        return -1
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        nat.error("port param value is not valid port")
        return -1
    number = PROTO_NUMBERS.get(proto.lower())
    if number is None:
        nat.error(f"proto param value {proto} is not a known protocol")
        return -1
    if isinstance(found.contact, RewrittenContact):
        nat.error("you can't call alias_contact twice, check your config!")
        return -1
    return _insert_alias(nat, ctx, found, f"{ip}~{port}~{number}")


def _insert_alias(nat: Nathelper, ctx: Context, found: Found, alias: str) -> int:
    edits, uri = ctx.msg.edits, found.parsed
    header = ctx.msg.first("contact")
    assert header is not None
    bare = "<" not in header.value
    if bare:
        edits.insert_before(edits.anchor(header.value_start), "<")
    end = found.start + _host_start(found.contact.uri, uri) + len(_host_port(uri))
    edits.insert_after(edits.anchor(end), f";{nat.alias}={alias}{'>' if bare else ''}")
    return 1


def set_alias(nat: Nathelper, ctx: Context, trim: bool) -> int:
    """set_contact_alias(): the sender's address as the last parameter; `trim` takes an older one out."""
    found = _unedited(nat, ctx, "you can't update contact twice, check your config!")
    if found is None:
        return -1
    contact, _, start = found
    uri = contact.uri
    if trim:
        uri = trim_alias(uri, nat.alias)
    uri = f"{uri};{nat.alias}={_sender(ctx.msg.received)}"
    if len(uri) >= MAX_URI:
        return -1
    bare = ctx.msg.buf[start - 1] != "<"
    _replace(ctx, contact, start, uri, f"<{uri}>" if bare else uri)
    return 1


def trim_alias(uri: str, name: str) -> str:
    """The URI without its last alias parameter (uri_trim_rcv_alias)."""
    mark = f";{name}="
    start = uri.rfind(mark, 6, max(len(uri) - 11, 0)) if len(uri) >= len(mark) + 16 else -1
    if start < 0:
        return uri
    end = uri.find(";", start + 1)
    end = len(uri) if end < 0 else end
    parts = uri[start + len(mark) : end].split("~")
    return uri[:start] + uri[end:] if len(parts) == 3 and len(parts[2]) == 1 else uri


def add_received(nat: Nathelper, ctx: Context, in_uri: bool) -> int:
    """add_rcv_param(): where the message came from as a parameter of every contact, or of its URI."""
    msg = ctx.msg
    if in_uri and msg.received.proto != "udp":
        nat.error("adding received parameter to Contact URI works only for UDP")
        return -1
    uri, edits = source_uri(msg.received), msg.edits
    try:
        contacts = msg.contacts
    except SipError as error:
        nat.error(f"failed to parse Contact: {error}")
        return -1
    headers = msg.all("contact")
    for header, group in zip(headers, contacts.groups if contacts is not None else [], strict=False):
        for contact in group:
            if not in_uri:
                edits.insert_after(edits.anchor(header.value_start + contact.end), f';received="{uri}"')
                continue
            if isinstance(contact, RewrittenContact):
                nat.error("the URI of the contact was rewritten before: it takes no parameter any more")
                return -1
            place = header.value.find(contact.uri, contact.start + len(contact.name)) + len(contact.uri)
            edits.insert_after(edits.anchor(header.value_start + place), f";received={uri}")
    return 1


def handle_alias(nat: Nathelper, ctx: Context, last: bool) -> int:
    """handle_ruri_alias(): the destination that the request URI's alias parameter names; the parameter goes.

    2 when there is none. The first of several counts, or the last one.
    """
    try:
        uri = ctx.msg.parsed_uri()
    except SipError:
        nat.error("while parsing Request-URI")
        return -1
    current, params = ctx.msg.current_uri(), uri.sip_params
    if not params:
        return 2
    base = current.rindex(";" + params) + 1
    at, name = -1, nat.alias + "="
    place = 0
    while len(params) - place > len(name) + 4:
        if params.startswith(name, place):
            at = place
            if not last:
                break
        following = params.find(";", place)
        if following < 0:
            break
        place = following + 1
    if at < 0:
        return 2
    start = base + at + len(name)
    tail = current[start:]
    ip, tilde, rest = tail[: len(params) - at - len(name)].partition("~")
    if not tilde:
        nat.error("no '~' in alias param value")
        return -1
    port, tilde, number = rest.partition("~")
    # From here on the daemon has written a colon over the first tilde, whatever becomes of the rest.
    ctx.msg.new_uri = f"{current[: start + len(ip)]}:{current[start + len(ip) + 1 :]}"
    if not tilde:
        nat.error("no second '~' in alias param value")
        return -1
    number, _, _ = number.partition(";")
    if number == "":
        nat.error("no proto in alias param")
        return -1
    proto = _TRANSPORTS.get(number[0])
    if proto is None:
        nat.error("unknown proto in alias param")
        return -1
    if len(number) > 1:
        nat.error("invalid alias param value")
        return -1
    ctx.msg.dst_uri = f"sip:{ip}:{port}" + (f";transport={proto}" if proto != "udp" else "")
    end = start + len(ip) + len(port) + 3
    return set_uri(ctx, current[: start - len(name) - 1] + current[end:])


def alias_uri(nat: Nathelper, ctx: Context) -> str | None:
    """The URI that the alias parameter of the only contact stands for; None, and a line in the log."""
    header = ctx.msg.first("contact")
    if header is None:
        return None
    try:
        contacts = ctx.msg.contacts
    except SipError:
        contacts = None
    if contacts is None or len(contacts.groups[0]) != 1:
        nat.error("Couldn't parse Contact Header")
        return None
    contact = contacts.groups[0][0]
    text = header.value[contact.start : contact.end]
    _, mark, rest = text.partition(f";{nat.alias}=")
    host, first, rest = rest.partition("~")
    port, second, rest = rest.partition("~")
    if not mark or not first or not second or not port:
        nat.error("Alias sign couldn't be found")
        return None
    return f"sip:{host}:{port};transport={_TRANSPORTS.get(rest[:1], 'none')}"


def rewritten(ctx: Context, number: int) -> str | None:
    """`@nathelper.rewrite_contact[number]`: a contact with the sender's address in it; None when there is none."""
    found = ctx.msg.contacts
    groups = [] if found is None else found.groups
    every = [
        (header, one) for header, group in zip(ctx.msg.all("contact"), groups, strict=False) for one in group[::-1]
    ]
    if not 0 < number <= len(every):
        return None
    header, contact = every[number - 1]
    uri = contact.parsed_uri
    if not uri.host:
        return None
    came = ctx.msg.received
    text = header.value[contact.start : contact.end]
    at = text.find(contact.uri, len(contact.name)) + _host_start(contact.uri, uri)
    default = came.src_port == (5061 if came.proto == "tls" else 5060)
    address = came.src_ip if default else f"{came.src_ip}:{came.src_port}"
    return text[:at] + address + text[at + len(_host_port(uri)) :]


def source_uri(came: Received) -> str:
    """Where a message came from, as a URI (get_src_uri)."""
    transport = "" if came.proto == "udp" else f";transport={'ws' if came.proto == 'wss' else came.proto}"
    return f"sip:{bracketed(came.src_ip)}:{came.src_port}{transport}"


def _sender(came: Received) -> str:
    return f"{bracketed(came.src_ip)}~{came.src_port}~{PROTO_NUMBERS[came.proto]}"


def _unedited(nat: Nathelper, ctx: Context, complaint: str) -> Found | None:
    found = first_contact(nat, ctx.msg)
    if found is not None and isinstance(found.contact, RewrittenContact):
        nat.error(complaint)
        return None
    return found


def _replace(ctx: Context, contact: Contact, start: int, uri: str, text: str = "") -> None:
    edits = ctx.msg.edits
    edits.insert_after(edits.delete(start, len(contact.uri), "contact"), text or uri, "contact")
    ctx.msg.rewrite_contact(contact, uri)


def _host_start(text: str, uri: Uri) -> int:
    """Where the host starts in the text of a URI."""
    at = len(uri.scheme) + 1
    if uri.user or uri.password:
        at += len(uri.user) + 1 + (len(uri.password) + 1 if uri.password else 0)
    return text.index(uri.host, at)


def _host_port(uri: Uri) -> str:
    return f"{uri.host}:{uri.port}" if uri.port else uri.host


def _without_maddr(rest: str) -> str:
    """What follows the port, without the maddr parameter that counts: it makes no sense any more."""
    params, question, headers = rest.partition("?")
    items = params.split(";")
    for index in range(len(items) - 1, 0, -1):
        name, _, value = items[index].partition("=")
        if name.strip().lower() == "maddr" and value:
            del items[index]
            break
    return ";".join(items) + question + headers
