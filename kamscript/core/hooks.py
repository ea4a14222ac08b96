"""Where modules put a hand on the way of a message (core/script_cb.c, core/events.c, core/sr_module.h)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import Datagram, ListenSocket, Received


class Hooks:
    """Lists of callables; modules append in `start()`. An empty list costs one truth test per message.

    pre_script       `(ctx) -> bool`, before the request, reply or onsend route (`ctx.route` tells); False ends it there
    post_script      `(ctx) -> object`, behind that route and what follows it, and behind each failure route
    reply_in         `(ctx) -> bool`, replies behind the core's reply route; True: handled, do not forward
    data_in          `(text, received) -> str`, every arriving message before parsing (SREV_NET_DATA_IN)
    data_out         `(text, socket, destination) -> str`, every leaving message (SREV_NET_DATA_OUT)
    not_sip          `(text, received) -> bool`, what does not parse; True: dealt with (SREV_RCV_NOSIP)
    nonsip_request   `(ctx) -> int`, requests of another protocol: 1 route, 0 drop, -1 error, 2 ask the next
    myself           `(host, port, proto) -> bool`, asked behind sockets and aliases (register_check_self_func)
    request_build    `(ctx) -> object`, before a request's outgoing text is built, each branch
    via_params       `(ctx, socket) -> str`, text (with its `;`) added to the Via that a request gets
    send_failed      `(datagram) -> object`, the driver could not send
    closed           `(connection) -> object`, a stream is gone
    """

    __slots__ = (
        "closed",
        "data_in",
        "data_out",
        "myself",
        "nonsip_request",
        "not_sip",
        "post_script",
        "pre_script",
        "reply_in",
        "request_build",
        "send_failed",
        "via_params",
    )

    def __init__(self) -> None:
        self.pre_script: list[Callable[[Context], bool]] = []
        self.post_script: list[Callable[[Context], object]] = []
        self.reply_in: list[Callable[[Context], bool]] = []
        self.data_in: list[Callable[[str, Received], str]] = []
        self.data_out: list[Callable[[str, ListenSocket, Any], str]] = []
        self.not_sip: list[Callable[[str, Received], bool]] = []
        self.nonsip_request: list[Callable[[Context], int]] = []
        self.myself: list[Callable[[str, int, str], bool]] = []
        self.request_build: list[Callable[[Context], object]] = []
        self.via_params: list[Callable[[Context, ListenSocket], str]] = []
        self.send_failed: list[Callable[[Datagram], object]] = []
        self.closed: list[Callable[[int], object]] = []
