"""Pending changes of a message: Kamailio's data lumps.

An `Edit` sits at an offset of the received text: it deletes `length` characters there, or nothing (an anchor). Texts
hang in front of it and behind it. `Edits` keeps them sorted by offset, those of the body apart; equal offsets stay in
the order they were made. Inserting behind an edit puts the new text nearest to it, inserting behind a piece puts it
directly behind that piece, so several inserts at one anchor come out last-first, as in Kamailio::

    edit = msg.edits.delete(header.value_start, len(header.value))
    msg.edits.insert_after(edit, "69")

    anchor = msg.edits.anchor(msg.headers[0].start)
    piece = msg.edits.insert_after(anchor, "Record-Route: <sip:")
    piece = msg.edits.insert_subst_after(piece, Subst.SND_ALL)
    msg.edits.insert_after(piece, ";lr>\\r\\n")

A `Condition` in a chain lets the rest of the chain through only when it holds for the socket the message leaves by.
Source: core/data_lump.c, core/msg_translator.c (lumps_len, process_lumps), core/lump_struct.h.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket
    from kamscript.sip.message import Message


class Subst(enum.Enum):
    """Text that depends on where the message came in (RCV) or goes out (SND): Kamailio's SUBST_*."""

    RCV_IP = 1
    SND_IP = 2
    RCV_PORT = 3
    SND_PORT = 4
    RCV_PROTO = 5
    SND_PROTO = 6
    RCV_ALL = 7  #: host[:port][;transport=proto]
    SND_ALL = 8
    RCV_ALL_EX = 9  #: the same with ;sn=socketname
    SND_ALL_EX = 10


class Condition(enum.Enum):
    """When the rest of a chain goes in: Kamailio's COND_*. Compares the socket of arrival with that of departure."""

    FALSE = 0
    TRUE = 1
    IF_DIFF_REALMS = 2
    IF_DIFF_AF = 3
    IF_DIFF_PROTO = 4
    IF_DIFF_PORT = 5
    IF_DIFF_IP = 6


class Outgoing(NamedTuple):
    """By which socket and protocol ("udp", "tcp", "tls", "ws", ...) a message leaves."""

    socket: ListenSocket
    proto: str


class Piece:
    """One inserted text, substitution or condition; `kind` is the header kind it stands for ("" other)."""

    __slots__ = ("chain", "content", "kind")

    chain: list[Piece]
    content: str | Subst | Condition
    kind: str


class Edit:
    """A deletion (`delete` True, `length` characters) or an anchor (`length` 0) at `offset`.

    `before` and `after` hold the pieces in the order in which they come out. `kind` is the header kind it is about
    ("" other), as the lump type by which modules find edits again; `tag` is free for the module that made it.
    """

    __slots__ = ("after", "before", "delete", "kind", "length", "offset", "tag")

    offset: int
    length: int
    delete: bool
    kind: str
    tag: str
    before: list[Piece]
    after: list[Piece]


class Mark(NamedTuple):
    """A state of `Edits` to come back to."""

    headers: list[Edit]
    body: list[Edit]


class Edits:
    """The pending edits of one message: `headers` and `body`, each sorted by offset.

    An edit whose offset lies behind the empty line goes into `body`: it changes Content-Length.
    """

    __slots__ = ("_msg", "_shared", "body", "headers")

    headers: list[Edit]
    body: list[Edit]

    def __init__(self, msg: Message) -> None:
        """No edits yet."""
        raise NotImplementedError

    def __bool__(self) -> bool:
        """Whether there is any edit."""
        raise NotImplementedError

    def delete(self, offset: int, length: int, kind: str = "", tag: str = "") -> Edit:
        """Delete a range (del_lump). Overlapping deletions delete the union. Raises SipError outside the text."""
        raise NotImplementedError

    def anchor(self, offset: int, kind: str = "", tag: str = "") -> Edit:
        """A place to hang texts on (anchor_lump). Raises SipError outside the text."""
        raise NotImplementedError

    def anchor_shared(self, offset: int, kind: str = "", tag: str = "") -> tuple[Edit, bool]:
        """The edit already at `offset` and True, or a new anchor and False (anchor_lump2)."""
        raise NotImplementedError

    def insert_after(self, target: Edit | Piece | int, text: str, kind: str = "") -> Piece:
        """Text directly behind an edit or piece; behind a new anchor when `target` is an offset."""
        raise NotImplementedError

    def insert_before(self, target: Edit | Piece | int, text: str, kind: str = "") -> Piece:
        """Text in front of an edit (insert_new_lump_before).

        The texts in front of one edit come out newest first, as Kamailio writes them; inserting "before" such a piece
        puts the text directly behind it in the output.
        """
        raise NotImplementedError

    def insert_subst_after(self, target: Edit | Piece, subst: Subst, kind: str = "") -> Piece:
        """The same for text that depends on the sockets."""
        raise NotImplementedError

    def insert_subst_before(self, target: Edit | Piece, subst: Subst, kind: str = "") -> Piece:
        """The same in front."""
        raise NotImplementedError

    def insert_condition_after(self, target: Edit | Piece, condition: Condition, kind: str = "") -> Piece:
        """A condition for what follows in the chain."""
        raise NotImplementedError

    def insert_condition_before(self, target: Edit | Piece, condition: Condition, kind: str = "") -> Piece:
        """The same in front."""
        raise NotImplementedError

    def append_header(self, line: str, kind: str = "") -> Piece:
        """A whole header line (with CRLF) behind the last header (append_hf, sr_hdr_add)."""
        raise NotImplementedError

    def remove(self, edit: Edit) -> bool:
        """Take an edit back with all its texts (remove_lump); False when it is not there."""
        raise NotImplementedError

    def set_body(self, text: str) -> None:
        """Replace the body; earlier body edits are dropped (replace_body). Raises SipError without a body offset."""
        raise NotImplementedError

    def mark(self) -> Mark:
        """The present state; costs nothing until an edit follows."""
        raise NotImplementedError

    def rollback(self, mark: Mark) -> None:
        """Back to a mark: what was edited since is gone. A mark can be used many times.

        Edits and pieces got before a mark are no targets behind it: get them again from `headers` or `body`.
        """
        raise NotImplementedError

    def clear(self) -> None:
        """Forget every edit."""
        raise NotImplementedError

    def copy(self, msg: Message) -> Edits:
        """The same edits for a clone of the message; later changes of one do not show in the other."""
        raise NotImplementedError

    def body_delta(self, out: Outgoing | None = None) -> int:
        """By how much the body edits change the length of the body."""
        raise NotImplementedError

    def join(
        self,
        out: Outgoing | None = None,
        *,
        uri: str | None = None,
        via: str = "",
        route: str = "",
        drop_first_via: bool = False,
        received: str = "",
        rport: int = 0,
        stream: bool = False,
        status: str = "",
    ) -> str:
        """The outgoing text. What no edit touches leaves as it came. The pending edits themselves do not change.

        `uri` replaces the request URI, `via` (a whole line) goes in front of the first Via header, `route` (a whole
        line) in front of the first Route or behind `via`. `drop_first_via` removes the first Via (replies).
        `received` (an IP) and `rport` (a port) are set in the topmost received Via, replacing what it has.
        Content-Length is put right when the body changed; with `stream` always, and added when missing. `status`
        ("486 Busy") replaces code and reason of a reply.
        """
        raise NotImplementedError
