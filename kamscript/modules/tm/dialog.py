"""The dialog state that requests of this server need (tm/dlg.c): who, where to, and the next CSeq."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kamscript.core.sockets import ListenSocket
    from kamscript.sip.message import Message


class Hooks(NamedTuple):
    """Where a request of a dialog goes (calculate_hooks): request URI, next hop, Route header line ("" none)."""

    uri: str
    next_hop: str
    route: str


def raw_uri(text: str) -> str:
    """The URI of a name-addr: what stands between `<` and `>`, else `text` itself (get_raw_uri)."""
    if text.endswith(">") and "<" in text:
        return text[text.rindex("<") + 1 : -1]
    start, end = text.find("<"), text.rfind(">")
    return text[start + 1 : end] if 0 <= start < end else text


class UacDialog:
    """What a request within a dialog is made of; also describes one that starts a dialog or stands alone.

    `local_uri`, `remote_uri` are From and To as printed in the header (name-addr or bare URI), without tags.
    `cseq` is the number used last: `Tm.request` counts it up first, but for ACK and CANCEL. `routes` are the Route
    entries in order, each as printed, brackets included. `target` is the remote target ("": `remote_uri`).
    `dst_uri` overrides where the request goes when there are no routes. `socket` forces the sending socket.
    """

    __slots__ = (
        "callid",
        "cseq",
        "dst_uri",
        "local_tag",
        "local_uri",
        "remote_tag",
        "remote_uri",
        "routes",
        "socket",
        "state",
        "target",
    )

    def __init__(
        self,
        *,
        callid: str,
        local_uri: str,
        remote_uri: str,
        target: str,
        local_tag: str = "",
        remote_tag: str = "",
        cseq: int = 0,
        routes: Sequence[str] = (),
        dst_uri: str = "",
        socket: ListenSocket | None = None,
        confirmed: bool = True,
    ) -> None:
        self.callid, self.local_uri, self.remote_uri, self.target = callid, local_uri, remote_uri, target
        self.local_tag, self.remote_tag, self.cseq = local_tag, remote_tag, cseq
        self.routes: tuple[str, ...] = tuple(route if "<" in route else f"<{route}>" for route in routes)
        self.dst_uri, self.socket = dst_uri, socket
        self.state = "confirmed" if confirmed else "new"

    def hooks(self) -> Hooks:
        """Request URI, next hop and Route header; raises SipError for a bad route."""
        target = self.target or self.remote_uri
        if not self.routes:
            return Hooks(raw_uri(target), raw_uri(self.dst_uri or target), "")
        first = raw_uri(self.routes[0])
        if parse_uri(first).lr is not None:
            return Hooks(raw_uri(target), first, f"Route: {', '.join(self.routes)}\r\n")
        # A strict router: it becomes the request URI, the target goes last.
        rest = [*self.routes[1:], f"<{self.target}>"] if self.target else list(self.routes[1:])
        return Hooks(first, first, f"Route: {', '.join(rest)}\r\n" if rest else "")


def dialog_of_reply(reply: Message) -> UacDialog | None:
    """The dialog that a 2xx establishes, seen from who sent the request (dlg_response_uac); None: it is no 2xx."""
    if not 200 <= reply.status < 300:
        return None
    from_, to, cseq = reply.from_, reply.to, reply.cseq
    if from_ is None or to is None or cseq is None:
        return None
    target = ""
    try:
        contacts = reply.contacts
        if contacts is not None and contacts.contacts:
            target = contacts.contacts[0].uri
        routes = [f"<{entry.uri}>" for entry in reversed(reply.record_routes)]
    except SipError:
        return None
    return UacDialog(
        callid=reply.callid,
        local_uri=from_.uri,
        remote_uri=to.uri,
        target=target,
        local_tag=from_.tag,
        remote_tag=to.tag,
        cseq=cseq.number,
        routes=routes,
    )
