"""Stateless forwarding of requests and replies, and where replies go (core/forward.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import Destination
    from kamscript.sip.message import Message


def forward_request(ctx: Context, host: str = "", port: int = 0, proto: str = "") -> int:
    """forward(): send the current request on without state; without `host` to its destination or request URI.

    Returns 1, or a negative error code (E_BAD_ADDRESS -478?, E_SEND, E_NO_SOCKET ...) as the script sees in `$rc`.
    """
    raise NotImplementedError


def forward_reply(ctx: Context) -> bool:
    """Send the current reply on to its second Via (do_forward_reply without the module callbacks)."""
    raise NotImplementedError


def reply_destination(ctx: Context, msg: Message) -> Destination | None:
    """Where a reply made here to the request `msg` goes (update_sock_struct_from_via, reply_to_via, force_rport).

    That is: back to the source address; to the port the request came from with rport or force_rport, else to Via's
    port; over the same connection for streams. With `reply_to_via` to Via's host, looked up.
    """
    raise NotImplementedError
