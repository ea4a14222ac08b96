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
Source: core/data_lump.c, core/msg_translator.c (lumps_len, process_lumps, adjust_clen), core/lump_struct.h.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket
    from kamscript.sip.message import Message


class Subst(enum.Enum):
    """Text that depends on where the message came in (RCV) or goes out (SND): Kamailio's SUBST_*.

    `part` of what the socket is called is meant: "ip", "port", "proto", "all", "all_ex", "name".
    """

    RCV_IP = True, "ip"
    SND_IP = False, "ip"
    RCV_PORT = True, "port"
    SND_PORT = False, "port"
    RCV_PROTO = True, "proto"
    SND_PROTO = False, "proto"
    RCV_ALL = True, "all"  #: host[:port][;transport=proto]
    SND_ALL = False, "all"
    RCV_ALL_EX = True, "all_ex"  #: the same with ;sn=socketname
    SND_ALL_EX = False, "all_ex"
    RCV_NAME = True, "name"  #: ;sn=socketname (6.x: SUBST_RCV_SOCKNAME)
    SND_NAME = False, "name"

    def __init__(self, received: bool, part: str) -> None:
        self.received, self.part = received, part


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

    __slots__ = ("content", "kind")

    def __init__(self, content: str | Subst | Condition, kind: str) -> None:
        self.content, self.kind = content, kind

    def __repr__(self) -> str:
        return f"Piece({self.content!r})"


class Edit:
    """A deletion (`delete` True, `length` characters) or an anchor (`length` 0) at `offset`.

    `before` and `after` hold the pieces in the order in which they come out. `kind` is the header kind it is about
    ("" other), as the lump type by which modules find edits again; `tag` is free for the module that made it.
    """

    __slots__ = ("after", "before", "delete", "kind", "length", "offset", "tag")

    def __init__(self, offset: int, length: int, delete: bool, kind: str, tag: str) -> None:
        self.offset, self.length, self.delete, self.kind, self.tag = offset, length, delete, kind, tag
        self.before: list[Piece] = []
        self.after: list[Piece] = []

    def copy(self) -> Edit:
        """The same edit with chains of its own."""
        edit = Edit(self.offset, self.length, self.delete, self.kind, self.tag)
        for old, new in ((self.before, edit.before), (self.after, edit.after)):
            new += [Piece(piece.content, piece.kind) for piece in old]
        return edit

    def __repr__(self) -> str:
        return f"Edit({self.offset}, {'delete ' + str(self.length) if self.delete else 'anchor'}, {self.after!r})"


class Mark(NamedTuple):
    """A state of `Edits` to come back to."""

    headers: list[Edit]
    body: list[Edit]


_offset = attrgetter("offset")


class EditLists:
    """What a message keeps of its edits. `shared`: a mark or a clone holds these lists too."""

    __slots__ = ("body", "headers", "shared")

    def __init__(self) -> None:
        self.headers: list[Edit] = []
        self.body: list[Edit] = []
        self.shared = False

    def __bool__(self) -> bool:
        return bool(self.headers or self.body)

    def copy(self) -> EditLists:
        """The same edits for a clone of the message; later changes of one do not show in the other."""
        copy = EditLists()
        copy.headers, copy.body = self.headers, self.body
        copy.shared = self.shared = True
        return copy


class Edits:
    """A hand on the pending edits of one message: what `Message.edits` gives, a new one each time.

    (The message keeps `EditLists` only: an object that holds the message may not hang on it, or each message would be
    a cycle that waits for the garbage collector.) An edit whose offset lies behind the empty line goes into `body`: it
    changes Content-Length. As in Kamailio, where the empty line is has to be known by then: `replace()` on a message of
    which nothing asked for all headers yet leaves Content-Length as it was.
    """

    __slots__ = ("_lists", "_msg")

    def __init__(self, msg: Message, lists: EditLists | None = None) -> None:
        """The edits in `lists`, or none yet."""
        self._msg = msg
        self._lists = EditLists() if lists is None else lists

    @property
    def headers(self) -> list[Edit]:
        """The edits in front of the body, sorted by offset."""
        return self._lists.headers

    @property
    def body(self) -> list[Edit]:
        """The edits of the body, sorted by offset."""
        return self._lists.body

    def __bool__(self) -> bool:
        """Whether there is any edit."""
        return bool(self._lists)

    # -- making edits ---------------------------------------------------------------------------------------------
    def delete(self, offset: int, length: int, kind: str = "", tag: str = "") -> Edit:
        """Delete a range (del_lump). Overlapping deletions delete the union. Raises SipError outside the text."""
        if offset < 0 or length < 0 or offset + length > len(self._msg.buf):
            raise SipError("edit outside the message")
        return self._add(Edit(offset, length, True, kind, tag))

    def anchor(self, offset: int, kind: str = "", tag: str = "") -> Edit:
        """A place to hang texts on (anchor_lump). Raises SipError outside the text."""
        if offset < 0 or offset > len(self._msg.buf):
            raise SipError("edit outside the message")
        return self._add(Edit(offset, 0, False, kind, tag))

    def anchor_shared(self, offset: int, kind: str = "", tag: str = "") -> tuple[Edit, bool]:
        """The first edit already at `offset` and True, or a new anchor and False (anchor_lump2)."""
        self._own()
        for edit in self._list(offset):
            if edit.offset == offset:
                return edit, True
        return self.anchor(offset, kind, tag), False

    def _list(self, offset: int) -> list[Edit]:
        msg = self._msg
        return self._lists.body if msg.ended and 0 <= msg.eoh < offset else self._lists.headers

    def _add(self, edit: Edit) -> Edit:
        if self._lists.shared:
            self._own()
        edits = self._list(edit.offset)
        if edits:
            edits.insert(bisect_right(edits, edit.offset, key=_offset), edit)
        else:
            edits.append(edit)
        return edit

    def _own(self) -> None:
        """Before a change: lists that a mark or a clone holds too are copied first."""
        lists = self._lists
        if lists.shared:
            lists.headers = [edit.copy() for edit in lists.headers]
            lists.body = [edit.copy() for edit in lists.body]
            lists.shared = False

    def insert_after(self, target: Edit | Piece | int, text: str, kind: str = "") -> Piece:
        """Text directly behind an edit or piece; behind a new anchor when `target` is an offset."""
        if isinstance(target, int):
            target = self.anchor(target, kind)
        return self._hang(target, text, kind, behind=True)

    def insert_before(self, target: Edit | Piece | int, text: str, kind: str = "") -> Piece:
        """Text in front of an edit (insert_new_lump_before).

        The texts in front of one edit come out newest first, as Kamailio writes them; inserting "before" such a piece
        puts the text directly behind it in the output.
        """
        if isinstance(target, int):
            target = self.anchor(target, kind)
        return self._hang(target, text, kind, behind=False)

    def insert_subst_after(self, target: Edit | Piece, subst: Subst, kind: str = "") -> Piece:
        """The same for text that depends on the sockets."""
        return self._hang(target, subst, kind, behind=True)

    def insert_subst_before(self, target: Edit | Piece, subst: Subst, kind: str = "") -> Piece:
        """The same in front."""
        return self._hang(target, subst, kind, behind=False)

    def insert_condition_after(self, target: Edit | Piece, condition: Condition, kind: str = "") -> Piece:
        """A condition for what follows in the chain."""
        return self._hang(target, condition, kind, behind=True)

    def insert_condition_before(self, target: Edit | Piece, condition: Condition, kind: str = "") -> Piece:
        """The same in front."""
        return self._hang(target, condition, kind, behind=False)

    def append_header(self, line: str, kind: str = "") -> Piece:
        """A whole header line (with CRLF) behind the last header (append_hf, sr_hdr_add)."""
        return self._hang(self.anchor(self._msg.headers_end, kind), line, kind, behind=True)

    def _hang(self, target: Edit | Piece, content: str | Subst | Condition, kind: str, *, behind: bool) -> Piece:
        piece = Piece(content, kind)
        if isinstance(target, Edit):
            (target.after if behind else target.before).insert(0, piece)
            return piece
        # A piece does not know its chain: the two would keep each other alive.
        for edit in (*self._lists.headers, *self._lists.body):
            for chain in (edit.before, edit.after):
                for index, other in enumerate(chain):
                    if other is target:
                        chain.insert(index + 1, piece)
                        return piece
        raise SipError("the piece to insert at is gone")

    def remove(self, edit: Edit) -> bool:
        """Take an edit back with all its texts (remove_lump); False when it is not there."""
        lists = self._lists
        for edits, name in ((lists.headers, "headers"), (lists.body, "body")):
            for index, other in enumerate(edits):
                if other is edit:
                    self._own()
                    del getattr(lists, name)[index]
                    return True
        return False

    def set_body(self, text: str) -> None:
        """Replace the body; earlier body edits are dropped (replace_body). Raises SipError without a body offset."""
        start = self._msg.body_offset
        if start < 0:
            raise SipError("malformed message: no body")
        self.drop_body_edits()
        self.delete(start, len(self._msg.buf) - start)
        self.insert_after(self.anchor(start), text)

    def drop_body_edits(self) -> None:
        """Forget the edits of the body."""
        self._lists.body = []

    # -- going back -----------------------------------------------------------------------------------------------
    def mark(self) -> Mark:
        """The present state; costs nothing until an edit follows.

        Edits and pieces got before a mark are no targets behind it: get them again from `headers` or `body`.
        """
        lists = self._lists
        lists.shared = True
        return Mark(lists.headers, lists.body)

    def rollback(self, mark: Mark) -> None:
        """Back to a mark: what was edited since is gone. A mark can be used many times."""
        lists = self._lists
        lists.headers, lists.body = mark
        lists.shared = True

    def clear(self) -> None:
        """Forget every edit."""
        lists = self._lists
        lists.headers, lists.body, lists.shared = [], [], False

    # -- the outgoing text ----------------------------------------------------------------------------------------
    def body_delta(self, out: Outgoing | None = None) -> int:
        """By how much the body edits change the length of the body."""
        buf_length, position, delta = len(self._msg.buf), 0, 0
        for edit in self._lists.body:
            delta += len(self._texts(edit, out))
            position = max(position, edit.offset)
            if edit.delete:
                end = min(max(edit.offset + edit.length, position), buf_length)
                delta -= end - position
                position = end
        return delta

    def join(
        self,
        out: Outgoing | None = None,
        *,
        uri: str | None = None,
        via: str = "",
        route: str = "",
        drop_via: bool = False,
        received: str = "",
        rport: int = 0,
        stream: bool = False,
    ) -> str:
        """The outgoing text. What no edit touches leaves as it came. The pending edits themselves do not change.

        `uri` replaces the request URI, `via` (a whole line) goes in front of the first Via header, `route` (a whole
        line) in front of the first Route or else behind `via`. `drop_via` removes the first Via (of replies, and of
        requests that get a new one). `received` (an IP) and `rport` (a port) are set in the topmost received Via,
        replacing what it has. Content-Length is put right when the body changed; with `stream` always, and added
        when missing. Substitutions and conditions without `out` count as absent.
        """
        msg, lists = self._msg, self._lists
        buf = msg.buf
        # (offset, order, length to delete, text): the order keeps edits at one offset as they were made
        ops: list[tuple[int, int, int, str]] = []
        order = 0
        if uri is not None and uri != msg.uri:
            ops.append((msg.uri_start, 0, msg.uri_end - msg.uri_start, uri))
        for edit in lists.headers:
            order += 1
            ops.append((edit.offset, order, edit.length, self._texts(edit, out)))
        if lists.body or stream:
            delta = self.body_delta(out) if lists.body else 0
            if delta or stream:
                order += 1
                op = self._content_length(order, delta, stream)
                if op is not None:
                    ops.append(op)
        top = msg.top_via if via or drop_via or received or rport else None
        via_start = -1
        if top is not None:
            order += 1
            via_start, base, via_end = msg.place("via")
            if via:
                ops.append((via_start, order, 0, via))
            if drop_via:
                order += 1
                if top.end < len(msg.value("via") or ""):
                    ops.append((base, order, top.end, ""))
                else:
                    ops.append((via_start, order, via_end - via_start, ""))
            elif received or rport:
                at = base + top.insert_at
                behind = ""  # where the rport goes that has no place of its own
                if received:
                    order += 1
                    old = top.received
                    if old is None:
                        behind = f";received={received}"
                    else:
                        start = base + old.start - 1
                        text = f";received={received}"
                        if rport and top.rport is None:
                            # behind the edit that replaced the old received, and inserted there first
                            text, rport = f";rport={rport}{text}", 0
                        ops.append((start, order, base + old.end - start, text))
                if rport:
                    old = top.rport
                    if old is None:
                        behind = f";rport={rport}{behind}"
                    else:
                        order += 1
                        start = base + old.start - 1
                        ops.append((start, order, base + old.end - start, f";rport={rport}"))
                if behind:
                    ops.append((at, order, 0, behind))
        if route:
            first = msg.first("route")
            start = first.start if first is not None else via_start if via_start >= 0 else msg.first_end
            ops.append((start, order + 1, 0, route))
        if not ops and not lists.body:
            return buf
        ops.sort()
        unaware = bool(ops and lists.body and ops[-1][0] > msg.eoh)
        for edit in lists.body:
            ops.append((edit.offset, order, edit.length, self._texts(edit, out)))
        if unaware:  # edits of the body from before its start was known
            ops.sort()
        parts: list[str] = []
        position = 0
        for offset, _, length, text in ops:
            if offset > position:
                parts.append(buf[position:offset])
                position = offset
            if text:
                parts.append(text)
            if length and offset + length > position:
                position = offset + length
        parts.append(buf[position:])
        return "".join(parts)

    def _content_length(self, order: int, delta: int, stream: bool) -> tuple[int, int, int, str] | None:
        """The change that puts Content-Length right (adjust_clen); None when it is right or not wanted."""
        msg = self._msg
        header = msg.first("content-length")
        start = msg.body_offset
        if header is None:
            if not stream or start < 0:
                return None
            return (msg.eoh, order, 0, f"Content-Length: {len(msg.buf) - start + delta}\r\n")
        if start < 0:
            raise SipError("no message body found")
        length = len(msg.buf) - start + delta
        if not delta and length == msg.content_length:
            return None
        return (header.value_start, order, header.value_end - header.value_start, str(length))

    def _texts(self, edit: Edit, out: Outgoing | None) -> str:
        """The texts in front of an edit and behind it; what it deletes lies between, so they meet."""
        text = ""
        for chain in (edit.before, edit.after):
            for piece in chain:
                content = piece.content
                if isinstance(content, str):
                    text += content
                elif isinstance(content, Subst):
                    text += substitute(content, self._msg, out)
                elif not holds(content, self._msg, out):
                    break
        return text


def substitute(subst: Subst, msg: Message, out: Outgoing | None) -> str:
    """The text of a substitution; "" when the socket it asks about is unknown."""
    if subst.received:
        socket, proto = msg.received.socket, msg.received.proto
        if socket is None:
            return ""
        number = socket.via_port
        host, port, proto_text = socket.via_host, str(number), _uri_proto(socket.proto, proto)
        show_port = number != 5060
    else:
        if out is None:
            return ""
        socket = out.socket
        host = socket.advertise_host or msg.set_global_address or socket.host
        port = str(socket.advertise_port) if socket.advertise_port else msg.set_global_port or str(socket.port)
        proto_text = _uri_proto(socket.proto, out.proto)
        show_port = socket.port != 5060 or bool(socket.advertise_port or msg.set_global_port)
    if ":" in host and host[0] != "[":
        host = f"[{host}]"
    part = subst.part
    if part == "name":
        return f";sn={socket.name}" if socket.name else ""
    if part == "ip":
        return host
    if part == "port":
        return port
    if part == "proto":
        return proto_text
    text = f"{host}:{port}" if show_port else host
    if proto_text != "udp":
        text += f";transport={proto_text}"
    if part == "all_ex" and socket.name:
        text += f";sn={socket.name}"
    return text


def _uri_proto(socket_proto: str, proto: str) -> str:
    """The transport that a URI names for a socket over which `proto` runs: WebSockets run over TCP and TLS sockets."""
    if socket_proto in ("tcp", "tls") and proto in ("ws", "wss"):
        return "ws"
    return socket_proto


def holds(condition: Condition, msg: Message, out: Outgoing | None) -> bool:
    """Whether a condition lets its chain through (lump_check_opt); True when the socket of departure is unknown."""
    if condition is Condition.FALSE:
        return False
    if condition is Condition.TRUE or out is None:
        return True
    came, leaves = msg.received.socket, out.socket
    if condition is Condition.IF_DIFF_REALMS:
        return not (
            came.port == leaves.port
            and came.proto == leaves.proto
            and msg.received.proto == out.proto
            and came.address == leaves.address
        )
    if condition is Condition.IF_DIFF_AF:
        return (":" in came.address) != (":" in leaves.address)
    if condition is Condition.IF_DIFF_PROTO:
        return came.proto != leaves.proto or msg.received.proto != out.proto
    if condition is Condition.IF_DIFF_PORT:
        return came.port != leaves.port
    return came.address != leaves.address
