"""The outgoing text of requests and replies (core/msg_translator.c). Shared by forward, tm and sl."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import Destination, ListenSocket
    from kamscript.sip.message import Message


def build_request(
    ctx: Context,
    socket: ListenSocket,
    destination: Destination,
    branch: str,
    *,
    uri: str | None = None,
    path: str | None = None,
) -> tuple[str, Destination]:
    """The current request as it leaves through `socket`: our Via on top, received/rport on the one below, edits done.

    `branch` is the whole branch parameter value (`z9hG4bK...`); `uri` overrides the request URI, `path` adds a Route
    header (both default to what the message carries). Returns the text and the destination: UDP becomes the
    `udp_mtu_try_proto` transport when the text is longer than `udp_mtu`.
    """
    raise NotImplementedError


def build_reply(ctx: Context, reply: Message) -> str:
    """The reply as it goes upstream: without its first Via, edits done (build_res_buf_from_sip_res)."""
    raise NotImplementedError


def build_local_reply(
    ctx: Context, request: Message, code: int, reason: str, totag: str = "", *, headers: str = "", body: str = ""
) -> str:
    """A reply that this server makes to `request` (build_res_buf_from_sip_req).

    Vias (received and rport filled in), From, To (with `totag` unless it has a tag), Call-ID, CSeq, Record-Route for
    1xx/2xx to INVITE-like requests; then `headers` (each with CRLF) and reply lumps, Server, Content-Length, `body`.
    """
    raise NotImplementedError


def via_text(ctx: Context, socket: ListenSocket, destination: Destination, branch: str) -> str:
    """A whole `Via: ...` line with CRLF for messages leaving through `socket` (create_via_hf)."""
    raise NotImplementedError


def branch_base(msg: Message, hash_index: int) -> str:
    """`z9hG4bK` + hash + md5 of the request's identity, the part of the branch parameter that all branches share.

    A branch parameter is `f"{branch_base(...)}.{n:x}"` (branch_builder, char_msg_val).
    """
    raise NotImplementedError
