"""The dialog state that requests of this server need (tm/dlg.h): who, where to, and the next CSeq."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket


class UacDialog:
    """What a request within a dialog is made of; also describes one that starts a dialog or stands alone.

    `local_uri`/`remote_uri` are From and To as printed in the header (name-addr allowed), without tags.
    `cseq` is the number used last; `request()` of tm increments it, except for ACK and CANCEL. `routes` are the Route
    URIs in order, as printed between `<` and `>` with parameters. `target` is the request URI (the remote target).
    `dst_uri` overrides where the request is sent.
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
        routes: tuple[str, ...] = (),
        dst_uri: str = "",
        socket: ListenSocket | None = None,
        confirmed: bool = True,
    ) -> None:
        self.callid, self.local_uri, self.remote_uri, self.target = callid, local_uri, remote_uri, target
        self.local_tag, self.remote_tag, self.cseq, self.routes = local_tag, remote_tag, cseq, routes
        self.dst_uri, self.socket = dst_uri, socket
        self.state = "confirmed" if confirmed else "new"
