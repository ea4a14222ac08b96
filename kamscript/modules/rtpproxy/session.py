"""Commands about the call of a message: `U` and `L` for each stream of its SDP, `D`, `R`, `P`, `S`, `Q`.

Source: rtpproxy.c, force_rtp_proxy(), unforce_rtp_proxy(); rtpproxy_stream.c.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from kamscript.module import Route
from kamscript.modules.rtpproxy.nodes import Node
from kamscript.sip.errors import SipError
from kamscript.sip.message import FL_SDP_BODY
from kamscript.sip.sdp import Line, Session, Stream, find_sdp, parse_message_sdp

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.rtpproxy import Rtpproxy

_ADDRESS: Final = re.compile(r"IP([46])[ \t]+([^ \t\r\n]+)")
_PORT: Final = re.compile(r"m=[^ \t]+[ \t]+([^ \t]+)")
_RTCP: Final = re.compile(r"a=rtcp:[ \t]*(.*?)[ \t\r\n\0]*\Z", re.DOTALL)
_MANAGED: Final = frozenset(("INVITE", "ACK", "CANCEL", "BYE", "UPDATE", "PRACK"))
#: Letters that go to the proxy, and as what.
_PASSED: Final = {"a": "A", "i": "I", "e": "E", "w": "S"}
_OTHERS: Final = frozenset("123blfrcoxzt")
#: Priorities of ICE candidates for RTP: low and high; RTCP has one less.
_LOW, _HIGH = 16777215, 2197815295
_NOTHING, _NO_PROXY, _ALREADY = -1, -3, -2


class Names(NamedTuple):
    """What a call is called: Call-ID (with what distinguishes branches) and tags."""

    call_id: str
    shown: str  #: Call-ID as it is sent
    from_tag: str
    to_tag: str


class Flags(NamedTuple):
    """The letters of the functions' flags; case does not matter."""

    passed: str  #: options as they are sent
    repacketize: str
    has: frozenset[str]


def read_flags(module: Rtpproxy, text: str) -> Flags | None:
    """Take the letters apart; None, and a line in the log, when one is unknown."""
    passed = repacketize = ""
    has: set[str] = set()
    at = 0
    while at < len(text):
        letter = text[at].lower()
        at += 1
        if letter in _PASSED:
            passed += _PASSED[letter]
        elif letter not in _OTHERS or text[at - 1] == "B":
            module.error(f"unknown option `{text[at - 1]}'")
            return None
        elif letter == "z":
            digits = re.match("[0-9]*", text[at:])
            found = digits.group() if digits else ""
            repacketize += "Z" + found
            at += len(found)
        has.add(letter)
    return Flags(passed, repacketize, frozenset(has))


def names_of(module: Rtpproxy, ctx: Context, flags: Flags | None = None) -> Names | None:
    """Call-ID and tags of the message; None, and a line in the log, when something is missing."""
    msg = ctx.msg
    from_tag = (msg.from_.tag if msg.from_ is not None else "") or ""
    to_tag = (msg.to.tag if msg.to is not None else "") or ""
    if not msg.callid:
        module.error("can't get Call-Id field")
        return None
    if not from_tag:
        module.error("can't get From tag")
        return None
    shown = msg.callid
    has = flags.has if flags is not None else frozenset[str]()
    if has & {"1", "2", "3"}:
        first = "1" in has or ("3" in has and msg.is_request)
        via = msg.top_via if first else msg.via2
        if via is None or not via.branch:
            module.error("can't get Via branch")
            return None
        shown += f";{via.branch}"
    elif "b" in has and module.extra_id is not None:
        shown += f";{module.extra_id(ctx)}"
    return Names(msg.callid, shown, from_tag, to_tag)


def _node(module: Rtpproxy, ctx: Context, names: Names) -> Node | None:
    node = module.nodes.select(module.selected(ctx), names.call_id)
    if node is None:
        module.error("no available proxies")
    elif module.instance is not None and module.instance.set is not None:
        module.instance.set(ctx, node.url)
    return node


# -- commands about the call ------------------------------------------------------------------------------------------
def destroy(module: Rtpproxy, ctx: Context, text: str) -> int:
    """`D`: the session ends."""
    flags = read_flags(module, text)
    names = names_of(module, ctx, flags) if flags is not None else None
    node = _node(module, ctx, names) if names is not None else None
    if flags is None or names is None or node is None:
        return -1
    to_tag = f" {names.to_tag}" if names.to_tag and "t" not in flags.has else ""
    module.nodes.ask(node, f"D {names.shown} {names.from_tag}{to_tag}")
    return 1


def record(module: Rtpproxy, ctx: Context) -> int:
    """`R`: record what the sender of the message says."""
    names = names_of(module, ctx)
    node = _node(module, ctx, names) if names is not None else None
    if names is None or node is None:
        return -1
    tags = _tags(ctx, names)
    if tags is None:
        return -1
    module.nodes.ask(node, f"R {names.call_id} {' '.join(tags)}")
    return 1


def statistics(module: Rtpproxy, ctx: Context) -> str | None:
    """`Q`: how much went through the proxy."""
    names = names_of(module, ctx)
    node = _node(module, ctx, names) if names is not None else None
    tags = _tags(ctx, names) if names is not None else None
    if names is None or node is None or tags is None:
        return None
    asked = tags[0] if len(tags) == 1 else f"{tags[0]};1 {tags[1]}"
    return module.nodes.ask(node, f"Q {names.call_id} {asked}")


def _tags(ctx: Context, names: Names) -> list[str] | None:
    """The tags, the sender's first; None for a reply without its own."""
    if ctx.msg.is_request:
        return [names.from_tag, names.to_tag] if names.to_tag else [names.from_tag]
    return [names.to_tag, names.from_tag] if names.to_tag else None


def stream(module: Rtpproxy, ctx: Context, prompt: str | None, count: int, *, to_caller: bool) -> int:
    """`P`: play a file to one side `count` times, -1 for ever; without a file `S`: stop."""
    names = names_of(module, ctx)
    node = _node(module, ctx, names) if names is not None else None
    if names is None or node is None:
        return -1
    if not node.knows_payloads:
        module.error("required functionality is not supported by the version of the RTPproxy running on the node")
        return -1
    if not to_caller and not names.to_tag:
        return -1
    first, second = (names.from_tag, names.to_tag) if to_caller else (names.to_tag, names.from_tag)
    whom = f"{first};1 {second};1" if second else f"{first};1 "
    what = f"S {names.call_id} " if prompt is None else f"P{count} {names.call_id} {prompt} session "
    module.nodes.ask(node, what + whom)
    return 1


# -- session descriptions ---------------------------------------------------------------------------------------------
class Change(NamedTuple):
    """One offer or answer on its way: where offsets count from, and what every stream's command shares."""

    base: int
    names: Names
    letter: str  #: U or L
    flags: Flags
    ip: str  #: address to put in when the proxy names none
    forced: bool  #: and also when it does


def force(module: Rtpproxy, ctx: Context, text: str, ip: str, *, offer: bool, forced: bool) -> int:
    """Send every stream through a proxy: 1; -2 when another proxy did so already, -3 when no proxy is there."""
    msg = ctx.msg
    flags = read_flags(module, text)
    if flags is None or ("l" in flags.has and not offer):
        return -1
    try:
        start, end = find_sdp(msg)
    except SipError as error:
        module.error(f"can't extract body from the message: {error}")
        return -1
    body = msg.buf[start:end].rstrip("\r\n")
    names = names_of(module, ctx, flags)
    if names is None:
        return -1
    swapped = msg.is_request if "l" in flags.has else msg.is_request is not offer
    if swapped or "l" in flags.has:
        if not names.to_tag:
            return -1
        if swapped:
            names = names._replace(from_tag=names.to_tag, to_tag=names.from_tag)
    proxied = bool(module.no_proxy) and re.search(rf"(?:\A|(?<=[\r\n])){re.escape(module.no_proxy)}", body) is not None
    if proxied and "f" not in flags.has:
        return _ALREADY
    try:
        sdp = parse_message_sdp(msg)
    except SipError:
        module.error("Unable to parse sdp")
        return -1
    priority = _priority(module, ctx)
    if priority is None:
        return -1
    letter = "U" if offer and "l" not in flags.has else "L"
    change = Change(msg.body_offset, names, letter, flags, ip or msg.received.dst_ip, forced)
    options = flags.passed
    bridge = "x" in flags.has
    number = 0
    for session in sdp.sessions:
        altered = origin_done = False
        for one in session.streams:
            if priority and one.remote_candidates:
                break
            number += 1
            version = one.ip_version if one.ip else session.ip_version
            if bridge:
                options += "EI" if version == 6 else "IE"
                bridge = False
            if version == 6:
                options += "6"
            result = _stream(module, ctx, change, session, one, number, options, priority, common=not altered)
            if isinstance(result, int):
                return result
            new_ip, new_version = result
            if not one.ip:
                altered = True
            if "c" in flags.has and session.ip and not altered:
                _alter(ctx, change, _line(session.header, "c"), new_ip, new_version)
                altered = True
            if not origin_done:
                _alter(ctx, change, _line(session.header, "o"), new_ip, new_version)
                origin_done = True
    if not proxied and module.no_proxy:
        msg.edits.insert_after(msg.edits.anchor(start + len(body)), f"\r\n{module.no_proxy}")
    return 1


def _priority(module: Rtpproxy, ctx: Context) -> int | None:
    """What ice_candidate_priority_avp says: 0 no candidates, 1 high, 2 low priority; None: it is none of these."""
    if module.candidate_priority is None:
        return 0
    value = module.candidate_priority.get(ctx)
    if value is None:
        return 2
    if not isinstance(value, int) or not 0 <= value <= 2:
        module.error(f"invalid ice candidate priority value {value}")
        return None
    return value


def _stream(
    module: Rtpproxy,
    ctx: Context,
    change: Change,
    session: Session,
    one: Stream,
    number: int,
    options: str,
    priority: int,
    *,
    common: bool,
) -> tuple[str, int] | int:
    """Put a proxy's port in: the new address and its IP version; when it fails what the function returns."""
    old, version = (one.ip, one.ip_version) if one.ip else (session.ip, session.ip_version)
    answer = _ask(module, ctx, change, one, number, options, old)
    if answer is None:
        return _NO_PROXY
    words = answer.split()
    port = int(words[0]) if words and words[0].isdecimal() else 0
    if not 0 < port <= 65535:
        if not words:
            module.error("no reply from rtp proxy")
        elif port or "l" not in change.flags.has:
            module.error(f"incorrect port {port} in reply from rtp proxy")
        return _NOTHING
    new_version = version if "r" in change.flags.has or "a" in change.flags.has else _version(ctx)
    if len(words) == 2:
        new_version = 4
    elif len(words) > 2:
        new_version = 6 if words[2][0] == "6" else 4
    new_ip = change.ip if change.forced or len(words) < 2 else words[1]
    if _is_null(old, version):
        new_ip = "::" if new_version == 6 else "0.0.0.0"
    _ports(ctx, change, one, port)
    candidates = [line for line in one.lines if line.letter == "a" and line.value.startswith("candidate:")]
    if priority and candidates:
        edits = ctx.msg.edits
        edits.insert_before(edits.anchor(change.base + candidates[-1].start), _candidates(new_ip, port, priority))
    if one.ip or common:
        _alter(ctx, change, _line(one.lines if one.ip else session.header, "c"), new_ip, new_version)
    return new_ip, new_version


def _ask(
    module: Rtpproxy, ctx: Context, change: Change, one: Stream, number: int, options: str, old: str
) -> str | None:
    """One proxy after the other until one answers; None: there is none."""
    names, flags = change.names, change.flags
    address = old if flags.has & {"r", "a"} else ctx.msg.received.src_ip
    rest = f" {names.shown} {address} {one.port} {names.from_tag};{number}"
    if names.to_tag:
        rest += f" {names.to_tag};{number}"
    if change.letter == "U" and module.timeout_socket and (names.to_tag or module.timeout_tag is not None):
        rest += f" {module.timeout_socket}"
        if module.timeout_tag is not None:
            rest += f" {module.timeout_tag(ctx)}"
    active = module.selected(ctx)
    for _ in range(2 * len(active.nodes) if active is not None else 1):
        node = _node(module, ctx, names)
        if node is None:
            return None
        command = change.letter + options
        if flags.repacketize:
            if node.repacketizes:
                command += flags.repacketize
            else:
                module.warn("re-packetization is requested but is not supported by the selected RTP proxy node")
        if one.is_rtp and one.payloads and node.knows_payloads:
            command += "c" + ",".join(re.findall("[0-9]+", one.payloads))
        answer = module.nodes.ask(node, command + rest)
        if answer is not None:
            return answer
    return None


def _ports(ctx: Context, change: Change, one: Stream, port: int) -> None:
    edits = ctx.msg.edits
    buf, base = ctx.msg.buf, change.base
    media = one.lines[0]
    found = _PORT.match(buf, base + media.start, base + media.end)
    if found is not None and one.port != "0" and one.port != str(port):
        edits.insert_after(edits.delete(found.start(1), len(one.port)), str(port))
    for line in one.lines:
        if line.letter == "a" and line.value.startswith("rtcp:"):
            rtcp = _RTCP.match(buf[base + line.start : base + line.end])
            if rtcp is not None and rtcp.group(1) and rtcp.group(1) != str(port + 1):
                edits.insert_after(edits.delete(base + line.start + rtcp.start(1), len(rtcp.group(1))), str(port + 1))
            break


def _alter(ctx: Context, change: Change, line: Line | None, ip: str, version: int) -> None:
    """Another address in a c= or o= line; that of a stream on hold stays."""
    if line is None:
        return
    buf, edits = ctx.msg.buf, ctx.msg.edits
    every = list(_ADDRESS.finditer(buf, change.base + line.start, change.base + line.end))
    if not every:
        return
    found = every[-1]
    old_version, old = int(found.group(1)), found.group(2)
    if old == ip or (old_version == version and _is_null(old, version)):
        return
    if old_version == version:
        edits.insert_after(edits.delete(found.start(2), len(old)), ip)
    else:
        edits.insert_after(edits.delete(found.start(1), found.end(2) - found.start(1)), f"{version} {ip}")


def _candidates(ip: str, port: int, priority: int) -> str:
    """Candidates of the proxy for ICE (RFC 5245), RTCP first."""
    foundation = re.sub("[^0-9]", "", ip)
    level = _LOW if priority == 2 else _HIGH
    return "".join(
        f"a=candidate:{foundation} {component} UDP {level + 1 - component} {ip} {port + component - 1} typ relay\r\n"
        for component in (2, 1)
    )


def _line(lines: list[Line], letter: str) -> Line | None:
    return next((line for line in lines if line.letter == letter), None)


def _is_null(ip: str, version: int) -> bool:
    return not ip.strip("0:") if version == 6 else ip == "0.0.0.0"


def _version(ctx: Context) -> int:
    return 6 if ":" in ctx.msg.received.src_ip else 4


# -- rtpproxy_manage() ------------------------------------------------------------------------------------------------
def manage(module: Rtpproxy, ctx: Context, text: str, ip: str, *, forced: bool) -> int:
    """Offer, answer or destroy, as the message and the route ask for."""
    msg = ctx.msg
    if ctx.route is Route.BRANCH_FAILURE:
        return 1  # failure_route deletes
    method = msg.cseq.method if msg.cseq is not None else ""
    if method not in _MANAGED:
        return -1
    if method in ("CANCEL", "BYE") or (not msg.is_request and msg.status >= 300):
        return destroy(module, ctx, text)
    if not (msg.msg_flags & FL_SDP_BODY or _has_sdp(ctx)):
        return -1
    request = ctx.t.request if ctx.t is not None else None
    if msg.is_request:
        if method == "INVITE":
            msg.msg_flags |= FL_SDP_BODY
            if request is not None:
                request.msg_flags |= FL_SDP_BODY
            if ctx.route is Route.FAILURE:
                return destroy(module, ctx, text)
        offer = method != "ACK"
    else:
        answers = method in ("PRACK", "UPDATE") or request is None or request.msg_flags & FL_SDP_BODY
        offer = not answers
    return force(module, ctx, text, ip, offer=offer, forced=forced)


def _has_sdp(ctx: Context) -> bool:
    try:
        return bool(parse_message_sdp(ctx.msg))
    except SipError:
        return False
