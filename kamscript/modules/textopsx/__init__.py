"""textopsx: apply changes, change the status of replies, work on single values of headers, step over headers and lines.

Source: textopsx manual, src/modules/textopsx/textopsx.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from kamscript.core.multipart import apply_changes
from kamscript.core.selects import Rest, address_part, uri_part
from kamscript.module import (
    Accessor,
    Fixup,
    FixupError,
    Int,
    Module,
    PvRef,
    Regex,
    Route,
    Str,
    function,
    pv_class,
    select,
)
from kamscript.modules._headers import all_headers, kind_of
from kamscript.modules.textopsx import values
from kamscript.modules.textopsx.fnmatch import shell_pattern
from kamscript.modules.textopsx.iterators import BodyIterator, HeaderIterator, Iterators
from kamscript.modules.textopsx.values import Path, Place, find_credential, find_item, find_param
from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.ere import Ere
    from kamscript.sip.scan import Header

_EDITING = Route.REQUEST | Route.ONREPLY | Route.FAILURE | Route.BRANCH
_CHANGING = Route.REQUEST | Route.ONREPLY
_MAX_TEXT = 65535  #: Kamailio's BUF_SIZE
#: Headers that keep_hf() never removes.
_KEPT = frozenset(
    (
        *("from", "to", "call-id", "cseq", "via", "contact", "content-length", "content-type"),
        *("route", "record-route", "max-forwards"),
    )
)


class _PathFixup(Fixup):
    """A header path; what is allowed in it depends on the function."""

    constant = True

    def __init__(self, kind: str) -> None:
        self.kind = kind  # type: ignore[misc]

    def resolve(self, text: str, server: Server) -> Path:
        """The path with its default index; raises FixupError."""
        path = values.parse_path(text)
        if path.nth is not None and path.nth < -values.MAX_BACK:
            raise FixupError(f"{text!r}: an index cannot be lower than {-values.MAX_BACK}")
        if self.kind == "hf-name" and (path.nth is not None or path.param):
            raise FixupError(f"{text!r}: neither an index nor a parameter may stand here")
        if self.kind in ("hf-append", "hf-insert"):
            if path.every:
                raise FixupError(f"{text!r}: an asterisk may not stand here")
            if path.param:
                raise FixupError(f"{text!r}: a parameter may not stand here")
        if self.kind == "hf-assign" and path.every and not path.param:
            raise FixupError(f"{text!r}: an asterisk needs a parameter here")
        return path


if TYPE_CHECKING:
    AppendPath = Path
    InsertPath = Path
    RemovePath = Path
    AssignPath = Path
    NamePath = Path
    Expression = Ere
else:
    AppendPath = Annotated[object, _PathFixup("hf-append")]
    InsertPath = Annotated[object, _PathFixup("hf-insert")]
    RemovePath = Annotated[object, _PathFixup("hf-remove")]
    AssignPath = Annotated[object, _PathFixup("hf-assign")]
    NamePath = Annotated[object, _PathFixup("hf-name")]
    Expression = Regex


class Textopsx(Module, name="textopsx"):
    """Apply changes at once; values and parameters of headers; iterators."""

    _headers: Iterators[HeaderIterator]
    _lines: Iterators[BodyIterator]

    def start(self) -> None:
        """No iterators yet."""
        self._headers, self._lines = Iterators(HeaderIterator), Iterators(BodyIterator)

    # -- the whole message --------------------------------------------------------------------------------------------
    @function(_CHANGING)
    def msg_apply_changes(self, ctx: Context) -> int:
        """Put all edits into the message, as if it had arrived so. Not after record_route().

        1; -1 not here; 0, which ends the script, when what comes out is no message.
        """
        if ctx.msg.is_request and ctx.route != Route.REQUEST:
            self._error("changes of a request can be applied in a request route only")
            return -1
        if self._record_routed(ctx):
            self._error("changes cannot be applied behind record_route(): its second header depends on where it goes")
            return -1
        return self._changed(ctx, lambda: apply_changes(self.server, ctx.msg))

    def _changed(self, ctx: Context, change: Callable[[], None]) -> int:
        msg = ctx.msg
        try:
            change()
            if msg.header_error and msg.cseq is None:
                raise SipError(msg.header_error)
            # Kamailio reads these at once; the properties raise.
            _ = msg.from_, msg.to, msg.cseq
        except SipError as error:
            self._error(f"the changed message does not parse: {error}")
            return 0
        return 1

    def _record_routed(self, ctx: Context) -> bool:
        edits = ctx.msg.edits if ctx.msg.has_edits else None
        return edits is not None and any(edit.kind == "record-route" for edit in edits.headers)

    @function(_CHANGING, since="5.6")
    def msg_set_buffer(self, ctx: Context, text: Str) -> int:
        """Replace the whole message by `text`: 1; -1 not here or not with that length; 0, which ends the script, when
        the text is no message."""
        if ctx.msg.is_request and ctx.route != Route.REQUEST:
            self._error("a request can be replaced in a request route only")
            return -1
        if not text or len(text) >= _MAX_TEXT:
            self._error("the message is empty or too long")
            return -1
        return self._changed(ctx, lambda: ctx.msg.set_text(text))

    @function(Route.ANY, since="6.x")
    def msg_changed_route(self, ctx: Context, name: Str) -> int:
        """Run route[`name`] over the message with its edits applied; the message itself stays. False: impossible."""
        changed = ctx.msg.clone()
        try:
            apply_changes(self.server, changed)
        except SipError as error:
            self._error(f"the changed message does not parse: {error}")
            return -1
        original, ctx.msg = ctx.msg, changed
        try:
            if self.server.run_route(name, ctx) is None:
                self._error(f"there is no route[{name}]")
                return -1
        finally:
            ctx.msg = original
        return 1

    @function(Route.ONREPLY)
    def change_reply_status(self, ctx: Context, code: Int, reason: Str) -> bool:
        """Change code and reason of a reply. Provisional and positive replies stay in their class."""
        if not reason:
            self._error("the reason is empty")
            return False
        if not self._may_become(ctx, code):
            return False
        ctx.msg.replace_status(code, reason)
        return True

    @function(Route.ONREPLY, since="5.6")
    def change_reply_status_code(self, ctx: Context, code: Int) -> bool:
        """Change the code of a reply and leave its reason."""
        if not self._may_become(ctx, code):
            return False
        msg = ctx.msg
        # In place, as Kamailio does: the reason, and what an edit makes of it, stays.
        msg.buf = f"{msg.buf[: msg.uri_start]}{code}{msg.buf[msg.uri_start + 3 :]}"
        msg.status = code
        return True

    def _may_become(self, ctx: Context, code: int) -> bool:
        if not 100 <= code <= 699:
            self._error(f"{code} is no status code")
            return False
        old = ctx.msg.status
        if (code < 300 or old < 300) and code // 100 != old // 100:
            self._error(f"a {old} reply cannot become {code}: its class stays")
            return False
        return True

    @function(Route.ANY)
    def remove_body(self, ctx: Context) -> bool:
        """Remove the body."""
        offset = ctx.msg.body_offset
        if 0 <= offset < len(ctx.msg.buf):
            ctx.msg.edits.delete(offset, len(ctx.msg.buf) - offset)
        return True

    @function(Route.ANY, name="keep_hf", arity=0)
    def keep_hf_0(self, ctx: Context) -> int:
        """Remove all headers but those that a message needs. Always false."""
        return self._keep(ctx, None)

    @function(Route.ANY)
    def keep_hf(self, ctx: Context, names: Expression) -> int:
        """Remove all headers but those that a message needs and those whose name matches. Always false."""
        return self._keep(ctx, names)

    def _keep(self, ctx: Context, names: Ere | None) -> int:
        for header in all_headers(ctx, self.name) or ():
            if header.kind not in _KEPT and (names is None or not names.test(header.name)):
                ctx.msg.edits.delete(header.start, header.end - header.start)
        return -1

    @function(Route.ANY)
    def fnmatch(self, ctx: Context, text: Str, pattern: Str, flags: Str = "") -> bool:
        """Whether a text matches a shell pattern; with the flag `i` in any case.

        The daemon of Debian is built without FNM_CASEFOLD and looks at no flag.
        """
        return shell_pattern(pattern, flags[:1] in ("i", "I")).fullmatch(text) is not None

    # -- values -------------------------------------------------------------------------------------------------------
    @function(_EDITING)
    def append_hf_value(self, ctx: Context, path: AppendPath, text: Str) -> bool:
        """Add a header of this value behind all, or, with an index, the value behind the one there."""
        if self._bad(ctx):
            return False
        edits = ctx.msg.edits
        if path.nth is None:
            edits.insert_before(ctx.msg.eoh, f"{path.name}: {text}\r\n")
            return True
        item = find_item(ctx.msg, path.kind, path.nth or -1)
        if item is None:
            edits.insert_before(ctx.msg.eoh, f"{path.name}: {text}\r\n")
        elif item.last:
            edits.insert_after(item.cut_end, "," + text if item.cut_end == item.header.value_end else text + ",")
        else:
            edits.insert_before(item.cut_end, text + ",")
        return True

    @function(_EDITING)
    def insert_hf_value(self, ctx: Context, path: InsertPath, text: Str) -> bool:
        """Add a header of this value in front of the first of its name, or, with an index, in front of that value."""
        if self._bad(ctx):
            return False
        edits, index = ctx.msg.edits, path.nth or 1
        item = find_item(ctx.msg, path.kind, index)
        if item is None:
            if index != 1:
                return False
            edits.insert_before(ctx.msg.eoh, f"{path.name}: {text}\r\n")
        elif path.nth is None:
            edits.insert_before(item.header.start, f"{path.name}: {text}\r\n")
        else:
            self._insert_value(ctx, item.header, item.cut_start, text)
        return True

    def _insert_value(self, ctx: Context, header: Header, offset: int, text: str) -> None:
        ctx.msg.edits.insert_before(offset, "," + text if offset == header.value_end else text + ",")

    @function(_EDITING)
    def remove_hf_value(self, ctx: Context, path: RemovePath) -> bool:
        """Remove a value, all headers of a name (`[*]`), or a parameter of one value or of all."""
        return self._change(ctx, path, None)

    @function(_EDITING)
    def assign_hf_value(self, ctx: Context, path: AssignPath, text: Str) -> bool:
        """Replace a value, or set a parameter of one value or of all (`[*]`); a new one goes behind the others."""
        return self._change(ctx, path, text)

    def _change(self, ctx: Context, path: Path, text: str | None) -> bool:
        if self._bad(ctx):
            return False
        msg = ctx.msg
        if path.every:
            return self._change_all(ctx, path, text)
        item = find_item(msg, path.kind, path.nth or 1)
        if item is None:
            return False
        if path.param:
            return self._change_params(ctx, item.start, item.end, path.param, text, credentials=False)
        if text is not None:
            self._replace(ctx, item.start, item.end, text)
        else:
            self._remove_item(ctx, item)
        return True

    def _change_all(self, ctx: Context, path: Path, text: str | None) -> bool:
        done = False
        for header in ctx.msg.all(path.kind):
            if not path.param:
                self._remove_header(ctx, header)
                done = True
                continue
            for item in values.items_of(ctx.msg, header):
                done |= self._change_params(ctx, item.start, item.end, path.param, text, credentials=False)
        return done

    @function(_EDITING)
    def remove_hf_value2(self, ctx: Context, path: RemovePath) -> bool:
        """Remove a header, or a parameter of a header such as Authorization, whose commas part parameters."""
        return self._change2(ctx, path, None)

    @function(_EDITING)
    def assign_hf_value2(self, ctx: Context, path: AssignPath, text: Str) -> bool:
        """Replace the value of a header, or set a parameter of a header such as Authorization."""
        return self._change2(ctx, path, text)

    def _change2(self, ctx: Context, path: Path, text: str | None) -> bool:
        if self._bad(ctx):
            return False
        if path.every:
            headers = ctx.msg.all(path.kind)
        else:
            header = values.find_header(ctx.msg, path.kind, path.nth or 1)
            headers = [] if header is None else [header]
        done = False
        for header in headers:
            if path.param:
                done |= self._change_params(
                    ctx, header.value_start, header.value_end, path.param, text, credentials=True
                )
            elif text is None or path.every:
                self._remove_header(ctx, header)
                done = True
            else:
                self._replace(ctx, header.value_start, header.value_end, text)
                done = True
        return done

    def _change_params(
        self, ctx: Context, start: int, end: int, name: str, text: str | None, *, credentials: bool
    ) -> bool:
        value = ctx.msg.buf[start:end]
        at = 0 if credentials else values.split_address(value).params
        done: bool | None = None
        while True:
            place = find_credential(value, at, name) if credentials else find_param(value, at, name)
            changed = self._lump(ctx, start, place, name, text)
            done = changed if done is None else done
            if text is not None or not place.found:
                return done
            at = place.end

    def _lump(self, ctx: Context, start: int, place: Place, name: str, text: str | None) -> bool:
        edits = ctx.msg.edits
        if not place.found:
            if text is None:
                return False
            edits.insert_before(start + place.start, f"{place.separator}{name}{'=' if text else ''}{text}")
            return True
        if text is None:
            edits.delete(start + place.start, place.end - place.start)
            return True
        if place.set_end > place.set_start:
            edits.delete(start + place.set_start, place.set_end - place.set_start)
        if text:
            edits.insert_before(start + place.set_start, "=" + text)
        return True

    def _replace(self, ctx: Context, start: int, end: int, text: str) -> None:
        ctx.msg.edits.delete(start, end - start)
        if text:
            ctx.msg.edits.insert_before(start, text)

    def _remove_item(self, ctx: Context, item: values.Item) -> None:
        header, start, end = item.header, item.cut_start, item.cut_end
        if end == header.value_end and start > header.value_start:
            start -= 1  # the comma in front of the last value goes with it
        if start == header.value_start and end == header.value_end:
            self._remove_header(ctx, header)
        else:
            ctx.msg.edits.delete(start, end - start)

    def _remove_header(self, ctx: Context, header: Header) -> None:
        ctx.msg.edits.delete(header.start, header.end - header.start)

    @function(_EDITING)
    def include_hf_value(self, ctx: Context, path: NamePath, text: Str) -> bool:
        """Add a value to the first header of the name unless one of them has it (in any case)."""
        if not text or self._bad(ctx):
            return False
        if self._having(ctx, path, text):
            return True
        header = ctx.msg.first(path.kind)
        if header is not None:
            self._insert_value(ctx, header, header.value_end, text)
        else:
            ctx.msg.edits.insert_before(ctx.msg.eoh, f"{path.name}: {text}\r\n")
        return True

    @function(_EDITING)
    def exclude_hf_value(self, ctx: Context, path: NamePath, text: Str) -> bool:
        """Remove a value wherever headers of the name have it (in any case)."""
        if not text or self._bad(ctx):
            return False
        for item in self._having(ctx, path, text):
            self._remove_item(ctx, item)
        return True

    @function(_EDITING)
    def hf_value_exists(self, ctx: Context, path: NamePath, text: Str) -> bool:
        """Whether a header of the name has this value (in any case)."""
        return bool(text) and not self._bad(ctx) and bool(self._having(ctx, path, text))

    def _having(self, ctx: Context, path: Path, text: str) -> list[values.Item]:
        wanted, buf = text.lower(), ctx.msg.buf
        return [
            item
            for header in ctx.msg.all(path.kind)
            for item in values.items_of(ctx.msg, header)
            if buf[item.start : item.end].lower() == wanted
        ]

    # -- selects ------------------------------------------------------------------------------------------------------
    @select("hf_value")
    def select_value(self, parts: tuple[str | int, ...]) -> Callable[[Context], Value]:
        """`@hf_value.name[index]`: a value, all of them without index.

        Behind it stands a part: `.uri` (and `.user`, `.host`... of it), `.name`, `.nameaddr.uri`, `.nameaddr.params.x`,
        with an index `.param.x` or `.p.x`, or `.params.x`. Anything else is not looked at, as in the daemon.
        """
        kind, index, path = self._select_path(parts)
        rest = Rest(self.server, path, f"@hf_value.{kind}")
        what = rest.key() if path and isinstance(path[0], str) else ""
        if what in ("param", "p", "nameaddr", "params") and not rest.more:
            return lambda ctx: None  # the daemon starts, but never finds anything
        whole = self._select_whole(kind, index)
        if what in ("param", "p") and index is not None:
            return self._select_param(kind, index, _dashed(rest.key()))
        if what == "uri":
            return _unless_bad(uri_part(rest, self._select_uri(kind, index)))
        if what == "name":
            return self._select_name(kind, index)
        if what == "nameaddr":
            return _unless_bad(address_part(rest, whole))
        if what == "params":
            return _param_of(whole, rest.key())
        return whole

    def _select_whole(self, kind: str, index: int | None) -> Callable[[Context], str | None]:
        def read(ctx: Context) -> str | None:
            if index is None:
                return ",".join(self._texts(ctx, kind)) or None
            item = find_item(ctx.msg, kind, index)
            return None if item is None else ctx.msg.buf[item.start : item.end]

        return read

    def _texts(self, ctx: Context, kind: str) -> list[str]:
        buf = ctx.msg.buf
        return [buf[i.start : i.end] for header in ctx.msg.all(kind) for i in values.items_of(ctx.msg, header)]

    def _select_param(self, kind: str, index: int, name: str) -> Callable[[Context], Value]:
        def read(ctx: Context) -> Value:
            item = find_item(ctx.msg, kind, index)
            if item is None:
                return None
            text = ctx.msg.buf[item.start : item.end]
            place = find_param(text, values.split_address(text).params, name)
            return place.value if place.found else None

        return read

    def _select_uri(self, kind: str, index: int | None) -> Callable[[Context], str | None]:
        def uri_of(text: str) -> str:
            uri = values.split_address(text).uri
            return uri[1:-1] if uri.startswith("<") else uri

        def read(ctx: Context) -> str | None:
            if index is None:
                return ",".join(map(uri_of, self._texts(ctx, kind))) or None
            item = find_item(ctx.msg, kind, index)
            return None if item is None else uri_of(ctx.msg.buf[item.start : item.end])

        return read

    def _select_name(self, kind: str, index: int | None) -> Callable[[Context], Value]:
        def read(ctx: Context) -> Value:
            item = find_item(ctx.msg, kind, index or 1)
            if item is None:
                return None
            name = values.split_address(ctx.msg.buf[item.start : item.end]).name
            return name[1:-1] if len(name) >= 2 and name[0] == name[-1] == '"' else name

        return read

    @select("hf_value2")
    def select_value2(self, parts: tuple[str | int, ...]) -> Callable[[Context], Value]:
        """`@hf_value2.name[index]`: a whole header, the first without index; `.params.x`: a parameter of it.

        The parameter that the manual has behind a dot (`@hf_value2.authorization.nonce`) the daemon does not look at.
        """
        kind, index, path = self._select_path(parts)

        def whole(ctx: Context) -> str | None:
            header = values.find_header(ctx.msg, kind, index or 1)
            return None if header is None else header.value

        if path and path[0] == "params":
            return _param_of(whole, str(path[1])) if len(path) > 1 else lambda ctx: None
        return whole

    @select("hf_value_exists")
    def select_exists(self, parts: tuple[str | int, ...]) -> Callable[[Context], Value]:
        """`@hf_value_exists.name.value`: "1" when a header of the name has this value, else "0"."""
        kind, _, rest = self._select_path(parts)
        if not rest:
            raise FixupError("@hf_value_exists wants a header and a value")
        path = Path("", kind, None, False, "")
        text = str(rest[0])
        return lambda ctx: "1" if self._having(ctx, path, text) else "0"

    def _select_path(self, parts: tuple[str | int, ...]) -> tuple[str, int | None, tuple[str | int, ...]]:
        kind = kind_of(_dashed(parts[0])) if parts and isinstance(parts[0], str) else None
        if kind is None:
            raise FixupError("the select wants the name of a header")
        if len(parts) > 1 and isinstance(parts[1], int):
            index = parts[1] or 1
            if index < -values.MAX_BACK:
                raise FixupError(f"an index cannot be lower than {-values.MAX_BACK}")
            return kind, index, parts[2:]
        return kind, None, parts[1:]

    # -- iterators over headers ---------------------------------------------------------------------------------------
    @function(Route.ANY, since="5.6")
    def hf_iterator_start(self, ctx: Context, name: Str) -> bool:
        """Put the iterator `name` in front of the first header; there are four at most."""
        iterator = self._headers.open(name)
        if iterator is None:
            self._error("no more iterators (4 at most), or the name is too long")
            return False
        iterator.start(ctx.msg)
        return not self._bad(ctx) and bool(ctx.msg.headers)

    @function(Route.ANY, since="5.6")
    def hf_iterator_next(self, ctx: Context, name: Str) -> bool:
        """Go on to the next header; false behind the last."""
        iterator = self._header_iterator(name)
        return iterator is not None and iterator.next(ctx.msg)

    @function(Route.ANY, since="5.6")
    def hf_iterator_prev(self, ctx: Context, name: Str) -> bool:
        """Go back to the header before."""
        iterator = self._header_iterator(name)
        return iterator is not None and iterator.previous(ctx.msg)

    @function(Route.ANY, since="5.6")
    def hf_iterator_end(self, ctx: Context, name: Str) -> bool:
        """Stop iterating; the name stays taken."""
        iterator = self._header_iterator(name)
        if iterator is None:
            return False
        iterator.end()
        return True

    @function(Route.ANY, since="5.6")
    def hf_iterator_rm(self, ctx: Context, name: Str) -> bool:
        """Remove the current header."""
        header = self._current(name)
        if header is None:
            return False
        self._remove_header(ctx, header)
        return True

    @function(Route.ANY, since="5.6")
    def hf_iterator_append(self, ctx: Context, name: Str, text: Str) -> bool:
        """Add a whole header line (with CRLF) behind the current header."""
        header = self._current(name)
        if header is None:
            return False
        ctx.msg.edits.insert_before(header.end, text)
        return True

    @function(Route.ANY, since="5.6")
    def hf_iterator_insert(self, ctx: Context, name: Str, text: Str) -> bool:
        """Add a whole header line (with CRLF) in front of the current header."""
        header = self._current(name)
        if header is None:
            return False
        ctx.msg.edits.insert_before(header.start, text)
        return True

    @pv_class("hfitname", since="5.6")
    def hfitname(self, ref: PvRef) -> Accessor:
        """`$hfitname(name)`: the name of the iterator's current header."""
        name = _inner(ref)
        return Accessor(lambda ctx: None if (header := self._current(name)) is None else header.name)

    @pv_class("hfitbody", since="5.6")
    def hfitbody(self, ref: PvRef) -> Accessor:
        """`$hfitbody(name)`: the value of the iterator's current header."""
        name = _inner(ref)
        return Accessor(lambda ctx: None if (header := self._current(name)) is None else header.value)

    def _header_iterator(self, name: str) -> HeaderIterator | None:
        found = self._headers.get(name)
        if found is None:
            self._error(f"there is no iterator {name}")
        return found

    def _current(self, name: str) -> Header | None:
        iterator = self._header_iterator(name)
        return None if iterator is None else iterator.header

    # -- iterators over the lines of the body -------------------------------------------------------------------------
    @function(Route.ANY, since="5.6")
    def bl_iterator_start(self, ctx: Context, name: Str) -> bool:
        """Put the iterator `name` in front of the body's first line; there are four at most."""
        iterator = self._lines.open(name)
        if iterator is None:
            self._error("no more iterators (4 at most), or the name is too long")
            return False
        return iterator.start(ctx.msg)

    @function(Route.ANY, since="5.6")
    def bl_iterator_next(self, ctx: Context, name: Str) -> bool:
        """Go on to the next line; false behind the last."""
        iterator = self._line_iterator(name)
        return iterator is not None and iterator.next()

    @function(Route.ANY, since="5.6")
    def bl_iterator_end(self, ctx: Context, name: Str) -> bool:
        """Stop iterating; the name stays taken."""
        iterator = self._line_iterator(name)
        if iterator is None:
            return False
        iterator.end()
        return True

    @function(Route.ANY, since="5.6")
    def bl_iterator_rm(self, ctx: Context, name: Str) -> bool:
        """Remove the current line."""
        iterator = self._line_iterator(name)
        if iterator is None or iterator.line is None:
            return False
        ctx.msg.edits.delete(iterator.line.start, iterator.line.end - iterator.line.start)
        return True

    @function(Route.ANY, since="5.6")
    def bl_iterator_append(self, ctx: Context, name: Str, text: Str) -> bool:
        """Add a text behind the current line."""
        iterator = self._line_iterator(name)
        if iterator is None or iterator.line is None:
            return False
        ctx.msg.edits.insert_before(iterator.line.end, text)
        return True

    @function(Route.ANY, since="5.6")
    def bl_iterator_insert(self, ctx: Context, name: Str, text: Str) -> bool:
        """Add a text in front of the current line."""
        iterator = self._line_iterator(name)
        if iterator is None or iterator.line is None:
            return False
        ctx.msg.edits.insert_before(iterator.line.start, text)
        return True

    @pv_class("blitval", since="5.6")
    def blitval(self, ref: PvRef) -> Accessor:
        """`$blitval(name)`: the iterator's current line with its line end."""
        name = _inner(ref)

        def read(ctx: Context) -> Value:
            iterator = self._line_iterator(name)
            return None if iterator is None else iterator.text

        return Accessor(read)

    def _line_iterator(self, name: str) -> BodyIterator | None:
        found = self._lines.get(name)
        if found is None:
            self._error(f"there is no iterator {name}")
        return found

    # -- common -------------------------------------------------------------------------------------------------------
    def _bad(self, ctx: Context) -> bool:
        return all_headers(ctx, self.name) is None

    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)


def _dashed(name: str) -> str:
    """A name of a select: underscores behind the first character stand for dashes."""
    return name[:1] + name[1:].replace("_", "-")


def _inner(ref: PvRef) -> str:
    if not isinstance(ref.inner, str) or not ref.inner:
        raise FixupError(f"${ref.name}(...) wants the name of an iterator")
    return ref.inner


def _unless_bad(read: Callable[[Context], str | None]) -> Callable[[Context], Value]:
    """None where the text does not parse."""

    def get(ctx: Context) -> Value:
        try:
            return read(ctx)
        except SipError:
            return None

    return get


def _param_of(whole: Callable[[Context], str | None], name: str) -> Callable[[Context], Value]:
    """A parameter of a text that consists of parameters alone."""

    def read(ctx: Context) -> str | None:
        text = whole(ctx)
        found = (
            None if text is None else next((p for p in parse_params(text)[0] if p.name.lower() == name.lower()), None)
        )
        return None if found is None else found.value

    return _unless_bad(read)
