"""sdpops: questions to session descriptions, and edits of them (src/modules/sdpops/ of 4.4, 5.6 and 6.x)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kamscript.module import Accessor, Fixup, FixupError, Module, PvInt, PvRef, Route, Str, function, pv_class
from kamscript.modules.sdpops import changes
from kamscript.modules.sdpops.codecs import TooManyCodecs, listed, numbers_of, tokens
from kamscript.modules.textopsx.iterators import BodyIterator, Iterators
from kamscript.script.format import accessor_of
from kamscript.sip.content import parse_content_type
from kamscript.sip.errors import SipError
from kamscript.sip.sdp import Sdp, parse_message_sdp
from kamscript.values import Value, decimal

if TYPE_CHECKING:
    from collections.abc import Callable

    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.sip.message import Message

_NO_DESCRIPTION = -2


class _AvpFixup(Fixup):
    """The AVP that a function writes; Kamailio looks at it when the function runs, so a wrong one is no load error."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Accessor | None:
        """The AVP; None for anything else, which is told in the log when the function runs."""
        if not text.startswith(("$avp(", "$(avp(")):
            return None
        try:
            return accessor_of(text, server)
        except FixupError:
            return None


if TYPE_CHECKING:
    AvpArg = Accessor | None
else:
    AvpArg = Annotated[Any, _AvpFixup()]


class Sdpops(Module, name="sdpops"):
    """Ask and change session descriptions (SDP)."""

    def __init__(self, server: Server) -> None:
        """No iterators yet."""
        super().__init__(server)
        self._lines: Iterators[BodyIterator] = Iterators(BodyIterator)

    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)

    def _read(self, ctx: Context) -> Sdp | None:
        """The descriptions of the message, empty without a body; None when there is something else, which is logged.

        They are kept as long as the text of the message stays as it is.
        """
        msg = ctx.msg
        kept = ctx.state.get(self.name)
        if kept is not None and kept[0] is msg.buf:
            return kept[1]  # type: ignore[no-any-return]
        try:
            found = parse_message_sdp(msg)
        except SipError as error:
            self._error(f"Unable to parse sdp: {error}")
            return None
        ctx.state[self.name] = msg.buf, found
        return found

    # -- what there is --------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def sdp_content(self, ctx: Context) -> bool:
        """Whether the message has a session description that can be read."""
        return bool(self._read(ctx))

    @function(Route.ANY, name="sdp_content", arity=1)
    def sdp_content_sloppy(self, ctx: Context, sloppy: AvpArg) -> bool:
        """Whether the headers promise one; of a multipart body, whether it names `application/sdp`. Any argument."""
        body = ctx.msg.body
        if not body:
            return False
        value = ctx.msg.value("content-type")
        if value is None:
            return True
        try:
            mime = parse_content_type(value)
        except SipError:
            return False
        if (mime.type, mime.subtype) == ("multipart", "mixed"):
            return "application/sdp" in body.lower()
        return (mime.type, mime.subtype) == ("application", "sdp")

    @function(Route.ANY)
    def sdp_with_ice(self, ctx: Context) -> bool:
        """Whether the body has ICE candidates."""
        return "a=candidate" in ctx.msg.body

    @function(Route.ANY, since="5.6")
    def sdp_get_address_family(self, ctx: Context) -> int:
        """4 or 6, as the session's c= line says (the last session's); -1 when it has none."""
        sdp = self._read(ctx)
        if not sdp or not sdp.sessions[-1].ip:
            return -1
        return sdp.sessions[-1].ip_version

    @function(Route.ANY)
    def sdp_with_media(self, ctx: Context, media: Str) -> bool:
        """Whether there is a stream of that kind: `audio`, `video`, ..."""
        sdp = self._read(ctx)
        return bool(sdp) and any(stream.media.lower() == media.lower() for stream in sdp or ())

    @function(Route.ANY)
    def sdp_with_active_media(self, ctx: Context, media: Str) -> bool:
        """Whether there is a stream of that kind with a port other than 0 that is not `inactive`."""
        wanted = media.lower()
        return any(
            stream.media.lower() == wanted
            and stream.port.strip("0")[:1].isdigit()
            and stream.mode.lower() != "inactive"
            for stream in self._read(ctx) or ()
        )

    @function(Route.ANY)
    def sdp_with_transport(self, ctx: Context, transport: Str) -> bool:
        """Whether there is a stream of that transport: `RTP/AVP`, ..."""
        return any(stream.transport.lower() == transport.lower() for stream in self._read(ctx) or ())

    @function(Route.ANY)
    def sdp_with_transport_like(self, ctx: Context, transport: Str) -> bool:
        """Whether there is a stream whose transport contains the text, in the same case."""
        return any(transport in stream.transport for stream in self._read(ctx) or ())

    @function(Route.ANY)
    def sdp_with_codecs_by_id(self, ctx: Context, codecs: Str) -> int:
        """Whether streams have the payloads `0,8`: 1 each one has all, 2 some, -1 none, -2 there is no description."""
        sdp = self._read(ctx)
        return self._with_codecs(sdp, codecs) if sdp else _NO_DESCRIPTION

    @function(Route.ANY)
    def sdp_with_codecs_by_name(self, ctx: Context, codecs: Str) -> int:
        """The same by name, `PCMU,opus`; -1 as well when there is no description."""
        sdp = self._read(ctx)
        numbers = self._numbers(sdp, codecs) if sdp else ""
        return self._with_codecs(sdp, numbers) if sdp and numbers else -1

    @staticmethod
    def _with_codecs(sdp: Sdp, codecs: str) -> int:
        found = {listed(stream.payloads, codec, " ") >= 0 for stream in sdp for codec in tokens(codecs, ",")}
        return len(found) if True in found else -1

    def _numbers(self, sdp: Sdp, names: str) -> str:
        try:
            return numbers_of(sdp, names)
        except TooManyCodecs:
            self._error("the list with codecs ids is too big")
            return ""

    # -- reading it -----------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def sdp_transport(self, ctx: Context, avp: AvpArg) -> int:
        """Add the transport that all streams have to an AVP; -2 when they have several."""
        target = self._target(avp)
        sdp = self._read(ctx) if target else None
        if target is None or sdp is None:
            return -1
        transports = [stream.transport for stream in sdp]
        if len({transport.lower() for transport in transports}) > 1:
            return -2
        if transports:
            target(ctx, transports[0])
        return 1

    @function(Route.ANY)
    def sdp_get(self, ctx: Context, avp: AvpArg) -> int:
        """Add the text of the description to an AVP; -2 when there is none."""
        target = self._target(avp)
        sdp = self._read(ctx) if target else None
        if target is None or sdp is None:
            return -1
        if not sdp:
            return _NO_DESCRIPTION
        target(ctx, _text(sdp))
        return 1

    @function(Route.ANY)
    def sdp_get_line_startswith(self, ctx: Context, avp: AvpArg, prefix: Str) -> int:
        """Add the first line that begins with a text to an AVP; -2 when there is no description."""
        if not prefix:
            self._error("Search string is null or empty")
            return -1
        sdp = self._read(ctx)
        if not sdp:
            return -1 if sdp is None else _NO_DESCRIPTION
        target = self._target(avp)
        if target is None:
            return -1
        buf = ctx.msg.buf
        for start, end in changes.lines(buf, prefix[0], ctx.msg.body_offset + sdp.sessions[-1].start, len(buf)):
            if buf.startswith(prefix, start):
                target(ctx, buf[start:end].removesuffix("\r\n"))
                return 1
        return -1

    def _target(self, avp: Accessor | None) -> Callable[[Context, Value], object] | None:
        if avp is None or avp.set is None:
            self._error("malformed or non AVP definition")
            return None
        return avp.set

    @function(Route.ANY)
    def sdp_print(self, ctx: Context, level: PvInt) -> bool:
        """Log what the description is made of."""
        sdp = self._read(ctx)
        if sdp is None:
            return False
        if not sdp:
            self.server.log.write(level, self.name, "no sdp body", ctx)
        for session in sdp.sessions:
            self.server.log.write(level, self.name, f"session {session.number}: {session.ip or '-'}", ctx)
            for stream in session.streams:
                text = f"stream {stream.number}: {stream.media} {stream.ip or '-'} {stream.port} {stream.transport}"
                self.server.log.write(level, self.name, f"{text} {stream.payloads} {stream.mode}".rstrip(), ctx)
        return True

    # -- changing it ----------------------------------------------------------------------------------------------
    @function(Route.ANY, arity=1)
    def sdp_remove_codecs_by_id(self, ctx: Context, codecs: Str) -> bool:
        """Remove payloads, `0,8`, and the lines about them."""
        return self._change_codecs(ctx, changes.remove_codecs, codecs, "")

    @function(Route.ANY, name="sdp_remove_codecs_by_id", arity=2, since="5.6")
    def sdp_remove_codecs_of_media_by_id(self, ctx: Context, codecs: Str, media: Str) -> bool:
        """The same in the streams of one kind."""
        return self._change_codecs(ctx, changes.remove_codecs, codecs, media)

    @function(Route.ANY, arity=1)
    def sdp_remove_codecs_by_name(self, ctx: Context, codecs: Str) -> bool:
        """Remove codecs, `PCMU,opus`, and the lines about them; -1 when the description knows none of the names."""
        return self._change_names(ctx, changes.remove_codecs, codecs, "")

    @function(Route.ANY, name="sdp_remove_codecs_by_name", arity=2, since="5.6")
    def sdp_remove_codecs_of_media_by_name(self, ctx: Context, codecs: Str, media: Str) -> bool:
        """The same in the streams of one kind."""
        return self._change_names(ctx, changes.remove_codecs, codecs, media)

    @function(Route.ANY)
    def sdp_keep_codecs_by_id(self, ctx: Context, codecs: Str, media: Str = "") -> bool:
        """Remove all other payloads, perhaps only in the streams of one kind."""
        return self._change_codecs(ctx, changes.keep_codecs, codecs, media)

    @function(Route.ANY)
    def sdp_keep_codecs_by_name(self, ctx: Context, codecs: Str, media: Str = "") -> bool:
        """Remove all other codecs, perhaps only in the streams of one kind; -1 when none of the names is known."""
        return self._change_names(ctx, changes.keep_codecs, codecs, media)

    def _change_codecs(
        self, ctx: Context, change: Callable[[Message, Sdp, str, str], None], codecs: str, media: str
    ) -> bool:
        sdp = self._read(ctx)
        if not sdp:
            return False
        change(ctx.msg, sdp, codecs, media)
        return True

    def _change_names(
        self, ctx: Context, change: Callable[[Message, Sdp, str, str], None], names: str, media: str
    ) -> bool:
        sdp = self._read(ctx)
        numbers = self._numbers(sdp, names) if sdp else ""
        return bool(numbers) and self._change_codecs(ctx, change, numbers, media)

    @function(Route.ANY)
    def sdp_remove_media(self, ctx: Context, media: Str) -> bool:
        """Remove the streams of a kind; false when there is none."""
        sdp, wanted = self._read(ctx), media.lower()
        return bool(sdp and changes.remove_streams(ctx.msg, sdp, lambda stream: stream.media.lower() == wanted))

    @function(Route.ANY)
    def sdp_remove_transport(self, ctx: Context, transport: Str) -> bool:
        """Remove the streams of a transport; false when there is none."""
        sdp, wanted = self._read(ctx), transport.lower()
        return bool(sdp and changes.remove_streams(ctx.msg, sdp, lambda stream: stream.transport.lower() == wanted))

    @function(Route.ANY, arity=1)
    def sdp_remove_line_by_prefix(self, ctx: Context, prefix: Str) -> bool:
        """Remove the lines that begin with a text, `a=X-`."""
        sdp = self._read(ctx)
        if not sdp:
            return False
        base, session = ctx.msg.body_offset, sdp.sessions[-1]
        changes.remove_lines(ctx.msg, prefix, base + session.start, base + session.end)
        return True

    @function(Route.ANY, name="sdp_remove_line_by_prefix", arity=2, since="5.6")
    def sdp_remove_line_of_media(self, ctx: Context, prefix: Str, media: Str) -> bool:
        """The same in the streams of one kind."""
        if not media:
            return self.sdp_remove_line_by_prefix(ctx, prefix)
        sdp = self._read(ctx)
        if not sdp:
            return False
        base = ctx.msg.body_offset
        for stream in changes.of_media(sdp, media):
            changes.remove_lines(ctx.msg, prefix, base + stream.start, base + stream.end)
        return True

    # -- variables ------------------------------------------------------------------------------------------------
    @pv_class("sdp")
    def sdp(self, ref: PvRef) -> Accessor:
        """`$sdp(body)`: the text; `$sdp(sess_version)`: the version in o=, which can be set; -1 sets the next one."""
        if ref.inner == "body":
            return Accessor(self._body, lambda ctx, value: self._error("$sdp(body) cannot be written"))
        if ref.inner == "sess_version":
            return Accessor(self._version, self._set_version)
        raise FixupError("$sdp has the parts body and sess_version")

    def _body(self, ctx: Context) -> Value:
        sdp = self._read(ctx)
        return _text(sdp) if sdp else None

    def _version(self, ctx: Context) -> Value:
        sdp = self._read(ctx)
        if not sdp:
            return None
        text = sdp.sessions[-1].version
        number = decimal(text)
        if number is not None:
            return number
        return text if self._wide and text.isdigit() else None

    @property
    def _wide(self) -> bool:
        """Whether versions may have more than 32 bits."""
        return self.server.target not in ("4.4", "5.6")

    def _set_version(self, ctx: Context, value: Value) -> None:
        sdp = self._read(ctx)
        if not isinstance(value, int):
            self._error("$sdp(sess_version) takes a number")
            return
        old = sdp.sessions[-1].version if sdp else ""
        if not sdp or not (old.lstrip("+-").isdigit() and (self._wide or decimal(old) is not None)):
            self._error("there is no session version to set")
            return
        new = str(int(old) + 1 if value == -1 else value)
        if value == -1 and (len(new) < len(old) or (not self._wide and decimal(new) is None)):
            self._error(f"the session version {old} has no next one")
            return
        origin = next(line for line in sdp.sessions[-1].header if line.letter == "o")
        at = ctx.msg.body_offset + origin.value_start + sum(len(word) + 1 for word in origin.value.split(" ")[:2])
        edits = ctx.msg.edits
        edits.insert_after(edits.delete(at, len(old)), new)

    # -- iterators ------------------------------------------------------------------------------------------------
    @function(Route.ANY, since="6.x")
    def sdp_iterator_start(self, ctx: Context, name: Str) -> bool:
        """Put the iterator `name` in front of the description's first line; there are four at most."""
        sdp = self._read(ctx)
        if not sdp:
            return False
        iterator = self._lines.open(name)
        if iterator is None:
            self._error("no more iterators (4 at most), or the name is too long")
            return False
        base, session = ctx.msg.body_offset, sdp.sessions[-1]
        iterator.start_in(ctx.msg.buf[: base + session.end], base + session.start)
        return True

    @function(Route.ANY, since="6.x")
    def sdp_iterator_next(self, ctx: Context, name: Str) -> bool:
        """Go on to the next line; false behind the last."""
        iterator = self._iterator(name)
        return iterator is not None and iterator.next()

    @function(Route.ANY, since="6.x")
    def sdp_iterator_end(self, ctx: Context, name: Str) -> bool:
        """Stop iterating; the name stays taken."""
        iterator = self._iterator(name)
        if iterator is None:
            return False
        iterator.end()
        return True

    @function(Route.ANY, since="6.x")
    def sdp_iterator_rm(self, ctx: Context, name: Str) -> bool:
        """Remove the current line."""
        iterator = self._iterator(name)
        if iterator is None or iterator.line is None:
            return False
        ctx.msg.edits.delete(iterator.line.start, iterator.line.end - iterator.line.start)
        return True

    @function(Route.ANY, since="6.x")
    def sdp_iterator_append(self, ctx: Context, name: Str, text: Str) -> bool:
        """Add a text behind the current line."""
        iterator = self._iterator(name)
        if iterator is None or iterator.line is None:
            return False
        ctx.msg.edits.insert_before(iterator.line.end, text)
        return True

    @function(Route.ANY, since="6.x")
    def sdp_iterator_insert(self, ctx: Context, name: Str, text: Str) -> bool:
        """Add a text in front of the current line."""
        iterator = self._iterator(name)
        if iterator is None or iterator.line is None:
            return False
        ctx.msg.edits.insert_before(iterator.line.start, text)
        return True

    @pv_class("sdpitval", since="6.x")
    def sdpitval(self, ref: PvRef) -> Accessor:
        """`$sdpitval(name)`: the iterator's current line with its line end."""
        if not isinstance(ref.inner, str) or not ref.inner:
            raise FixupError("$sdpitval needs the name of an iterator")
        name = ref.inner

        def read(ctx: Context) -> Value:
            iterator = self._iterator(name)
            return None if iterator is None else iterator.text

        return Accessor(read)

    def _iterator(self, name: str) -> BodyIterator | None:
        found = self._lines.get(name)
        if found is None:
            self._error(f"there is no iterator {name}")
        return found


def _text(sdp: Sdp) -> str:
    """The text of the last description."""
    return sdp.text[sdp.sessions[-1].start : sdp.sessions[-1].end]
