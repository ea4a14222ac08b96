"""One command about the call of a message: the request that is made of it, the node that gets it, what comes back.

Source: rtpengine.c, rtpp_function_call(), rtpengine_offer_answer(), rtpengine_manage().
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kamscript.core.build import branch_base
from kamscript.module import Route
from kamscript.modules._relays import FOR_EVER, Set
from kamscript.modules.rtpengine.bencode import Pairs, Value, decode, text_of
from kamscript.modules.rtpengine.flags import TRANSPORTS, BadFlag, Flags
from kamscript.modules.rtpengine.nodes import Node
from kamscript.sip.errors import SipError
from kamscript.sip.message import FL_SDP_BODY
from kamscript.sip.sdp import find_sdp, parse_message_sdp

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.rtpengine import Rtpengine

Answer = dict[str, Value]

OFFER, ANSWER, DELETE, QUERY = "offer", "answer", "delete", "query"
SUBSCRIBE, SUBSCRIBED, UNSUBSCRIBE, CONNECT = "subscribe request", "subscribe answer", "unsubscribe", "connect"
#: Commands that are about a whole call unless a flag says whose media is meant.
_WHOLE_CALL: Final = frozenset((
    "block DTMF", "block media", "unblock DTMF", "unblock media", "start forwarding", "stop forwarding",
    "silence media", "unsilence media",
))  # fmt: skip
#: Errors with which a node says that another one shall do it.
_FULL: Final = ("Parallel session limit reached", "Ran out of ports")
_MANAGED: Final = frozenset(("INVITE", "ACK", "CANCEL", "BYE", "UPDATE", "PRACK"))
_FRAGMENT: Final = "application/trickle-ice-sdpfrag"


class Step:
    """One of the two sets that a call may go through: `more` when another follows, `sdp` what the first one gave."""

    def __init__(self, active: Set[Node] | None, sdp: str = "", *, more: bool = False) -> None:
        self.active, self.more, self.sdp = active, more, sdp


Work = Callable[["Rtpengine", "Context", Step], int]


def over_sets(module: Rtpengine, ctx: Context, work: Work, *, backwards: bool = False) -> int:
    """Do something with the set that is selected, and with the second when there are two; answers go backwards."""
    first, second = module.selected(ctx)
    more = second is not None and second is not first
    order = [first, second] if not backwards or second is None else [second, first]
    step = Step(None)
    for index in range(1 + more):
        try:
            active = module.active_set(ctx, order[index])
        except LookupError:
            return -1
        step = Step(active, step.sdp, more=more and not index)
        result = work(module, ctx, step)
        if result < 0:
            return result
    return result


def call(
    module: Rtpengine, ctx: Context, step: Step, operation: str, flags: str, branch: str = ""
) -> tuple[Answer, tuple[int, int]] | None:
    """Tell a node; its answer and where the message's session description is. None, and a line in the log: it failed.

    `branch` is the via-branch of 6.x.
    """
    msg = ctx.msg
    from_tag = (msg.from_.tag if msg.from_ is not None else "") or ""
    if not msg.callid:
        module.error("can't get Call-Id field")
        return None
    if not from_tag:
        module.error("can't get From tag")
        return None
    parsed = Flags(msg.callid, from_tag, (msg.to.tag if msg.to is not None else "") or "")
    parsed.with_to_tag = operation not in (DELETE, SUBSCRIBE)
    request = Pairs([("supports", ["load limit"])])
    place = (0, 0)
    with_lists = operation in (OFFER, ANSWER)
    with_body = with_lists or operation == SUBSCRIBED
    if with_body:
        found = _body(module, ctx)
        if found is None:
            return None
        body, place = found
        request.append(("sdp", step.sdp or body))
    parsed.members = request
    try:
        parsed.read(flags, offer=operation == OFFER)
    except BadFlag as error:
        module.error(str(error))
        return None
    if parsed.forces_answer:
        operation = ANSWER
    if with_body and (msg.value("content-type") or "").lower().startswith(_FRAGMENT):
        parsed.words.append("fragment")
    _add_lists(request, parsed, with_lists=with_lists)
    request.append(("call-id", parsed.call_id))
    if branch or parsed.via:
        branch = branch or _branch(module, ctx, parsed.via)
        if not branch:
            module.error("can't get Via branch/extra ID")
            return None
        request.append(("via-branch", branch))
    source = msg.received.src_ip
    request.append(("received-from", ["IP6" if ":" in source else "IP4", source]))
    if not _add_tags(request, parsed, operation, is_request=msg.is_request):
        module.error("No to-tag present")
        return None
    request.append(("command", operation))
    answer = _send(module, ctx, step, request, parsed.call_id, branch, delete=operation == DELETE)
    return None if answer is None else (answer, place)


def call_ok(module: Rtpengine, ctx: Context, step: Step, operation: str, flags: str, branch: str = "") -> Answer | None:
    """The same; the answer only when it is `ok`."""
    found = call(module, ctx, step, operation, flags, branch)
    if found is None:
        return None
    if text_of(found[0], "result") != "ok":
        module.error('proxy didn\'t return "ok" result')
        return None
    return found[0]


def _body(module: Rtpengine, ctx: Context) -> tuple[str, tuple[int, int]] | None:
    """The session description to send, and its place in the message."""
    if module.sdp_source is not None:
        return str(module.sdp_source.get(ctx) or ""), (0, 0)
    msg = ctx.msg
    kind = (msg.value("content-type") or "").lower()
    try:
        if kind.startswith(_FRAGMENT) and msg.body_offset >= 0 and msg.content_length:
            start, end = msg.body_offset, msg.body_offset + msg.content_length
        else:
            start, end = find_sdp(msg)
    except SipError as error:
        module.error(f"can't extract body from the message: {error}")
        return None
    text = msg.buf[start:end]
    if kind.strip().startswith("multipart/mixed"):
        # the line end in front of the boundary belongs to it
        text = text.removesuffix("\n").removesuffix("\r")
    return text, (start, start + len(text))


def _add_lists(request: Pairs, flags: Flags, *, with_lists: bool) -> None:
    """Only an offer or answer has lists of what to do with the session description."""
    lists = flags.lists if with_lists else {}
    codecs: Value = dict(flags.codecs) if with_lists else {}
    members: list[tuple[str, Value]] = [
        ("direction", flags.direction if with_lists else []), ("flags", flags.words),
        ("replace", lists.get("replace", [])), ("codec", codecs), ("transport-protocol", _transport(flags.transport)),
        ("rtcp-mux", lists.get("rtcp-mux", [])), ("SDES", lists.get("SDES", [])), ("T.38", lists.get("T.38", [])),
    ]  # fmt: skip
    request += [(name, value) for name, value in members if value]


def _transport(bits: int) -> str:
    return TRANSPORTS.get(bits & 7, "") if bits & 0x100 else ""


def _branch(module: Rtpengine, ctx: Context, which: int) -> str:
    """The branch that the flag via-branch asks for; "" when there is none."""
    msg = ctx.msg
    if which in (3, -3, -4):
        which = {3: 1, -3: -2, -4: -1}[which] if msg.is_request else {3: 2, -3: 1, -4: 1}[which]
    if which in (1, 2):
        via = msg.top_via if which == 1 else msg.via2
        return "" if via is None else via.branch
    if which == -1:
        return module.extra_id(ctx) if module.extra_id is not None else ""
    count = len(ctx.t.branches) if ctx.t is not None else 0
    return f"{branch_base(msg)}.{count:x}"


def _add_tags(request: Pairs, flags: Flags, operation: str, *, is_request: bool) -> bool:
    """Whose session description it is; False: nobody knows."""
    if operation in _WHOLE_CALL:
        if flags.directional:
            request.append(("from-tag", flags.from_tag))
        return True
    if operation in (SUBSCRIBE, SUBSCRIBED, UNSUBSCRIBE):
        # Who subscribes has a tag of its own; whose media it gets may be named one by one.
        if operation == SUBSCRIBE and flags.from_tags:
            request.append(("from-tags", flags.from_tags))
        if flags.with_to_tag and flags.to_tag:
            request.append(("to-tag", flags.to_tag))
        return True
    if (
        operation == CONNECT
        or (operation != ANSWER if is_request else operation in (DELETE, ANSWER))
        or flags.directional
    ):
        request.append(("from-tag", flags.from_tag))
        if flags.with_to_tag and flags.to_tag:
            request.append(("to-tag", flags.to_tag))
        return True
    if not flags.to_tag:
        return False
    request += [("from-tag", flags.to_tag), ("to-tag", flags.from_tag)]
    return True


def _send(
    module: Rtpengine, ctx: Context, step: Step, request: Pairs, call_id: str, branch: str, *, delete: bool
) -> Answer | None:
    """Ask one node after the other until one does it."""
    nodes = module.nodes
    asked: list[Node] = []
    while True:
        if len(asked) >= module.cfg["queried_nodes_limit"]:
            module.error("queried nodes limit reached")
            return None
        node = nodes.select(step.active, call_id, branch, asked, delete=delete)
        if node is None:
            module.error("no available proxies")
            return None
        text = nodes.ask(node, request)
        asked.append(node)
        if text is None:
            if node.recheck != FOR_EVER:
                nodes.disable(node)
            continue
        if module.instance is not None and module.instance.set is not None:
            module.instance.set(ctx, node.url)
        answer = decode(text)
        if not isinstance(answer, dict):
            module.error(f"failed to decode bencoded reply from proxy: {text}")
            return None
        result = text_of(answer, "result")
        if result is None:
            module.error(f"No 'result' dictionary entry in response from proxy {node.url}")
            return None
        if result == "load limit":
            reason = text_of(answer, "message")
            told = f" ({reason})" if reason else ""
            module.info(f"proxy {node.url} has reached its load limit{told} - trying next one")
            continue
        if result == "error":
            reason = text_of(answer, "error-reason")
            if reason in _FULL:
                module.warn(f"proxy {node.url}: {reason}")
                continue
            if reason is None:
                module.error(f"proxy return error but didn't give an error reason: {text}")
            else:
                module.error(f"proxy replied with error: {reason}")
            return None
        nodes.keep(call_id, branch, node, delete=delete)
        if delete:
            nodes.forget(call_id, branch)
        return answer


# -- what the functions do --------------------------------------------------------------------------------------------
def simple(operation: str, flags: str, branch: str = "") -> Work:
    """A command of which only matters whether it worked."""

    def work(module: Rtpengine, ctx: Context, step: Step) -> int:
        return 1 if call_ok(module, ctx, step, operation, flags, branch) is not None else -1

    return work


def measured(operation: str, flags: str, branch: str = "") -> Work:
    """A command whose answer tells how good the media was (delete, query)."""

    def work(module: Rtpengine, ctx: Context, step: Step) -> int:
        answer = call_ok(module, ctx, step, operation, flags, branch)
        if answer is None:
            return -1
        module.quality.write(ctx, answer)
        return 1

    return work


def offer_answer(operation: str, flags: str, branch: str = "") -> Work:
    """An offer or answer: the session description in the answer takes the place of the message's."""

    def work(module: Rtpengine, ctx: Context, step: Step) -> int:
        found = call(module, ctx, step, operation, flags, branch)
        if found is None:
            return -1
        answer, (start, end) = found
        if text_of(answer, "result") != "ok":
            module.error('proxy didn\'t return "ok" result')
            return -1
        sdp = text_of(answer, "sdp")
        if sdp is None:
            module.error("failed to extract sdp body from proxy reply")
            return -1
        step.sdp = sdp
        if step.more:
            return 1
        target = module.sdp_target
        if target is not None and target.set is not None:
            target.set(ctx, sdp)
            if not module.write_sdp_pv_mode:
                return 1
        msg = ctx.msg
        if module.sdp_source is not None:
            start, end = msg.body_offset, len(msg.buf)
            if start < 0:
                module.error("del_lump failed")
                return -1
        msg.edits.insert_after(msg.edits.delete(start, end - start), sdp)
        return 1

    return work


def manage(flags: str, branch: str = "") -> Work:
    """rtpengine_manage(): what the message and the route ask for."""

    def work(module: Rtpengine, ctx: Context, step: Step) -> int:
        chosen = _managed(ctx)
        if chosen is None:
            return 1 if ctx.route is Route.BRANCH_FAILURE else -1
        if chosen == DELETE:
            return measured(DELETE, flags, branch)(module, ctx, step)
        return offer_answer(chosen, flags, branch)(module, ctx, step)

    return work


def _managed(ctx: Context) -> str | None:
    msg = ctx.msg
    if ctx.route is Route.BRANCH_FAILURE:
        return None  # failure_route deletes
    method = msg.cseq.method if msg.cseq is not None else ""
    if method not in _MANAGED:
        return None
    if method in ("CANCEL", "BYE"):
        return DELETE
    with_sdp = bool(msg.msg_flags & FL_SDP_BODY) or has_sdp(ctx)
    request = ctx.t.request if ctx.t is not None else None
    if msg.is_request:
        if not with_sdp:
            return None
        if method in ("ACK", "PRACK"):
            return ANSWER
        if method == "INVITE":
            msg.msg_flags |= FL_SDP_BODY
            if request is not None:
                request.msg_flags |= FL_SDP_BODY
            if ctx.route is Route.FAILURE:
                return DELETE
        return OFFER
    if msg.status >= 300:
        return DELETE
    if not with_sdp:
        return None
    if method == "UPDATE" or request is None or request.msg_flags & FL_SDP_BODY:
        return ANSWER
    return OFFER


def has_sdp(ctx: Context) -> bool:
    """Whether the message has a session description that parses."""
    try:
        return bool(parse_message_sdp(ctx.msg))
    except SipError:
        return False
