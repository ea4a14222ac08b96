"""textops: text operations on messages and texts with POSIX regular expressions.

Everything that changes the message is an edit of the text that was received: it shows when the message leaves, or after
msg_apply_changes(). Searching looks at the received text. Source: textops manual, src/modules/textops/textops.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from kamscript.core.rewrite import rewrite
from kamscript.module import Const, FixupError, Int, Module, Route, Str, function, transformation
from kamscript.modules._clock import http_date
from kamscript.modules._headers import all_headers, kind_of
from kamscript.modules._regex import regcomp, search_behind
from kamscript.modules._variable_args import Writable
from kamscript.modules.textops import multipart, strings
from kamscript.modules.textops.fixups import (
    PRIVACY_VALUES,
    Expression,
    ExpressionAtOnce,
    HeaderName,
    Methods,
    MimeType,
    PrivacyValue,
    Separator,
    SubstExpression,
)
from kamscript.modules.textops.mime import SDP
from kamscript.modules.textops.subst import EmptyMatch, Subst, parse_subst
from kamscript.script.bind import TransformationFailed
from kamscript.script.format import accessor_of
from kamscript.sip.errors import SipError
from kamscript.sip.message import FL_BODY_MULTIPART, Message
from kamscript.sip.scan import Header
from kamscript.sip.sdp import parse_message_sdp
from kamscript.sip.via import parse_via
from kamscript.values import Value, to_str

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.ere import Ere
    from kamscript.module import Accessor

_ANY = Route.ANY
_MAKING = Route.REQUEST | Route.FAILURE | Route.BRANCH
_EDITING = _MAKING | Route.ONREPLY


class Textops(Module, name="textops"):
    """Search, replace and compare texts; add, remove and change headers; take bodies apart."""

    # -- searching ----------------------------------------------------------------------------------------------------
    @function(_ANY)
    def search(self, ctx: Context, expression: Expression) -> bool:
        """Whether the expression matches anywhere in the message, first line included."""
        return expression.test(ctx.msg.buf)

    @function(_ANY)
    def search_body(self, ctx: Context, expression: Expression) -> bool:
        """Whether the expression matches in the body."""
        body = self._body(ctx)
        return bool(body) and expression.test(body)

    @function(_ANY)
    def search_hf(self, ctx: Context, name: HeaderName, expression: Expression, flags: Const) -> bool:
        """Whether the expression matches a header's value: any (`a`), the first (`f`) or the last (`l`) of its name."""
        headers = self._of_kind(ctx, name)
        if flags[:1] == "f":
            headers = headers[:1]
        elif flags[:1] == "l":
            headers = headers[-1:]
        return any(expression.test(header.value) for header in headers)

    @function(_ANY, since="5.6")
    def search_str(self, ctx: Context, text: Str, expression: Str) -> int:
        """Whether an expression matches a text: 1, -1; -2 for an empty text or a bad expression, 2 for an empty one."""
        if not text:
            return -2
        if not expression:
            return 2
        pattern = self._compiled(expression)
        if pattern is None:
            return -2
        return 1 if pattern.test(text) else -1

    @function(_ANY)
    def search_append(self, ctx: Context, expression: Expression, text: Const) -> bool:
        """Add `text` behind the first match among the headers and the body."""
        return self._append(ctx, self._behind_first_line(ctx), expression, text)

    @function(_ANY)
    def search_append_body(self, ctx: Context, expression: Expression, text: Const) -> bool:
        """Add `text` behind the first match in the body."""
        return bool(self._body(ctx)) and self._append(ctx, ctx.msg.body_offset, expression, text)

    def _append(self, ctx: Context, offset: int, expression: Ere, text: str) -> bool:
        match = expression.search(ctx.msg.buf[offset:])
        if match is None:
            return False
        ctx.msg.edits.insert_after(offset + match.end(), text)
        return True

    # -- replacing ----------------------------------------------------------------------------------------------------
    @function(_ANY)
    def replace(self, ctx: Context, expression: Expression, text: Const) -> bool:
        """Replace the first match among the headers and the body."""
        return self._replace_first(ctx, self._behind_first_line(ctx), None, expression, text)

    @function(_ANY)
    def replace_body(self, ctx: Context, expression: Expression, text: Const) -> bool:
        """Replace the first match in the body."""
        return bool(self._body(ctx)) and self._replace_first(ctx, ctx.msg.body_offset, None, expression, text)

    @function(_ANY, since="5.6")
    def replace_hdrs(self, ctx: Context, expression: Expression, text: Const) -> bool:
        """Replace the first match among the headers."""
        end = self._headers_end(ctx)
        return end >= 0 and self._replace_first(ctx, self._behind_first_line(ctx), end, expression, text)

    def _replace_first(self, ctx: Context, start: int, end: int | None, expression: Ere, text: str) -> bool:
        match = expression.search(ctx.msg.buf[start:end])
        if match is None:
            return False
        edits = ctx.msg.edits
        edits.insert_after(edits.delete(start + match.start(), match.end() - match.start()), text)
        return True

    @function(_ANY)
    def replace_all(self, ctx: Context, expression: Expression, text: Const) -> bool:
        """Replace every match among the headers and the body."""
        return self._replace_all(ctx, self._behind_first_line(ctx), expression, text)

    @function(_ANY)
    def replace_body_all(self, ctx: Context, expression: Expression, text: Const) -> bool:
        """Replace every match in the body; `^` and `$` match at every line."""
        return bool(self._body(ctx)) and self._replace_all(ctx, ctx.msg.body_offset, expression, text)

    @function(_ANY)
    def replace_body_atonce(self, ctx: Context, expression: ExpressionAtOnce, text: Const) -> bool:
        """Replace every match in the body, taken as one line: `^` and `$` match only at its ends."""
        return bool(self._body(ctx)) and self._replace_all(ctx, ctx.msg.body_offset, expression, text, once=True)

    def _replace_all(self, ctx: Context, start: int, expression: Ere, text: str, *, once: bool = False) -> bool:
        subject, edits = ctx.msg.buf[start:].partition("\0")[0], ctx.msg.edits
        at, found = 0, False
        while at < len(subject):
            if once:
                match, shift = expression.search(subject, at), 0
            else:
                match, shift = search_behind(expression, subject, at) or (None, 0)
            if match is None:
                break
            begin, at = match.start() + shift, match.end() + shift
            if begin == at:
                self._error("an expression that matches nothing at all cannot be replaced")
                return False
            edits.insert_after(edits.delete(start + begin, at - begin), text)
            found = True
        return found

    @function(_ANY, since="5.6")
    def replace_str(self, ctx: Context, match: Str, text: Str, mode: Str) -> bool:
        """Replace a plain text among the headers and the body: the first (`f`) or every one (`a`). Always true."""
        start = self._behind_first_line(ctx)
        return self._replace_str(ctx, start, len(ctx.msg.buf), match, text, mode)

    @function(_ANY, since="5.6")
    def replace_body_str(self, ctx: Context, match: Str, text: Str, mode: Str) -> bool:
        """Replace a plain text in the body: the first (`f`) or every one (`a`). True unless there is no body."""
        if not self._body(ctx):
            return False
        return self._replace_str(ctx, ctx.msg.body_offset, len(ctx.msg.buf), match, text, mode)

    @function(_ANY, since="5.6")
    def replace_hdrs_str(self, ctx: Context, match: Str, text: Str, mode: Str) -> bool:
        """Replace a plain text among the headers: the first (`f`) or every one (`a`)."""
        end = self._headers_end(ctx)
        return end >= 0 and self._replace_str(ctx, self._behind_first_line(ctx), end, match, text, mode)

    def _replace_str(self, ctx: Context, start: int, end: int, match: str, text: str, mode: str) -> bool:
        buf, edits = ctx.msg.buf, ctx.msg.edits
        if not match or end <= start:
            return True
        at = buf.find(match, start, end)
        while at >= 0:
            edits.insert_after(edits.delete(at, len(match)), text)
            if mode[:1] in ("f", "F", ""):
                break
            # Behind the first match Kamailio searches on to the end of the message, body included.
            at = buf.find(match, at + len(match))
        return True

    @function(_ANY)
    def subst(self, ctx: Context, expression: SubstExpression) -> bool:
        """Substitute among the headers and the body: `/expression/replacement/flags`."""
        return self._subst(ctx, self._behind_first_line(ctx), len(ctx.msg.buf), expression)

    @function(_ANY)
    def subst_body(self, ctx: Context, expression: SubstExpression) -> bool:
        """Substitute in the body."""
        return bool(self._body(ctx)) and self._subst(ctx, ctx.msg.body_offset, len(ctx.msg.buf), expression)

    @function(_ANY)
    def subst_hf(self, ctx: Context, name: HeaderName, expression: SubstExpression, flags: Const) -> bool:
        """Substitute in header values: all (`a`), the first (`f`) or the last (`l`) of the name."""
        headers = self._of_kind(ctx, name)
        if flags[:1] == "f":
            headers = headers[:1]
        elif flags[:1] == "l":
            headers = headers[-1:]
        done = [self._subst(ctx, header.value_start, header.value_end, expression) for header in headers]
        return any(done)

    def _subst(self, ctx: Context, start: int, end: int, expression: Subst) -> bool:
        try:
            found = expression.run(ctx.msg.buf[start:end], ctx)
        except EmptyMatch:
            self._error("a substitution matched nothing at all")
            return False
        edits = ctx.msg.edits
        for begin, stop, text in found:
            edits.insert_after(edits.delete(start + begin, stop - begin), text)
        return bool(found)

    @function(_EDITING)
    def subst_uri(self, ctx: Context, expression: SubstExpression) -> bool:
        """Substitute in the request URI."""
        msg = ctx.msg
        # In a reply Kamailio finds the status where a request has its URI; what it makes of it goes nowhere.
        new = self._substituted(expression, msg.current_uri() if msg.is_request else str(msg.status), ctx)
        if new is None:
            return False
        msg.new_uri = new
        ctx.ruri_consumed = False
        return True

    @function(_EDITING)
    def subst_user(self, ctx: Context, expression: SubstExpression) -> bool:
        """Substitute in the user part of the request URI; a URI without one has an empty one."""
        msg = ctx.msg
        uri, kept = msg.current_uri(), msg.new_uri
        try:
            user = msg.parsed_uri().user
        except SipError:
            return False
        if user:
            # The daemon ends the URI behind its user meanwhile, which `\\u` shows.
            end = uri.index(user, uri.index(":")) + len(user)
            msg.new_uri = f"{uri[:end]}\0{uri[end + 1 :]}"
        try:
            new = self._substituted(expression, user, ctx)
        finally:
            msg.new_uri = kept
        return new is not None and rewrite(ctx, "user", new.partition("\0")[0]) > 0

    def _substituted(self, expression: Subst, text: str, ctx: Context) -> str | None:
        try:
            return expression.apply(text, ctx)
        except EmptyMatch:
            self._error("a substitution matched nothing at all")
            return None

    @transformation("re")
    def re_class(self, args: tuple[str, ...]) -> Callable[[Context, Value], Value]:
        """`{re.subst,/expression/replacement/flags}`: the text substituted; as it was when nothing matches."""
        if len(args) < 2 or args[0].strip().lower() != "subst":
            raise FixupError(f"unknown transformation {{re.{','.join(args)}}}: {{re.subst,/a/b/}} is known")
        source = ",".join(args[1:])
        if not source.startswith("$"):
            constant = parse_subst(source, self.server)
            return lambda ctx, value: _transformed(constant, value, ctx)
        accessor = accessor_of(source.strip(), self.server)

        def dynamic(ctx: Context, value: Value) -> Value:
            text = accessor.get(ctx)
            if not isinstance(text, str) or not text:
                raise TransformationFailed
            try:
                return _transformed(parse_subst(text, self.server), value, ctx)
            except FixupError as error:
                self._error(str(error))
                raise TransformationFailed from None

        return dynamic

    # -- headers ------------------------------------------------------------------------------------------------------
    @function(_ANY)
    def append_hf(self, ctx: Context, text: Str, header: HeaderName = "") -> bool:
        """Add a whole header line (with CRLF) behind the last header called `header`, else behind all headers."""
        headers = all_headers(ctx, self.name)
        if not headers or not self._something(text):
            return False
        offset = ctx.msg.eoh
        if header:
            offset = next((h.end for h in reversed(headers) if h.kind == header), offset)
        ctx.msg.edits.insert_before(offset, text)
        return True

    @function(_ANY)
    def insert_hf(self, ctx: Context, text: Str, header: HeaderName = "") -> bool:
        """Add a whole header line (with CRLF) in front of the first header called `header`, else of all headers."""
        headers = all_headers(ctx, self.name)
        if not headers or not self._something(text):
            return False
        offset = headers[0].start
        if header:
            offset = next((h.start for h in headers if h.kind == header), offset)
        ctx.msg.edits.insert_before(offset, text)
        return True

    @function(_MAKING)
    def append_urihf(self, ctx: Context, prefix: Const, suffix: Const) -> bool:
        """Add a header made of `prefix`, the request URI as it was received, and `suffix`."""
        if not all_headers(ctx, self.name):
            return False
        ctx.msg.edits.insert_before(ctx.msg.eoh, prefix + ctx.msg.uri + suffix)
        return True

    def _something(self, text: str) -> bool:
        if not text:
            self.server.log.info(self.name, "nothing to add")
        return bool(text)

    @function(_ANY)
    def remove_hf(self, ctx: Context, name: HeaderName) -> bool:
        """Remove every header of this name."""
        return self._remove(ctx, self._of_kind(ctx, name))

    @function(_ANY, since="5.6")
    def remove_hf_pv(self, ctx: Context, name: Str) -> int:
        """Remove every header of this name. True when the name is good, whether there was one or not."""
        kind = self._kind(name)
        if kind is None:
            return -1
        self._remove(ctx, self._of_kind(ctx, kind))
        return 1

    @function(_ANY)
    def remove_hf_re(self, ctx: Context, expression: Expression) -> bool:
        """Remove every header whose name matches."""
        return self._remove(ctx, self._named_like(ctx, expression))

    @function(_ANY, since="5.6")
    def remove_hf_re_pv(self, ctx: Context, expression: Str) -> bool:
        """Remove every header whose name matches."""
        pattern = self._compiled(expression)
        return pattern is not None and self._remove(ctx, self._named_like(ctx, pattern))

    @function(_ANY, since="5.6")
    def remove_hf_exp(self, ctx: Context, expression: Expression, keep: Expression) -> bool:
        """Remove every header whose name matches `expression` and not `keep`."""
        return self._remove(ctx, [h for h in self._named_like(ctx, expression) if not keep.test(h.name)])

    @function(_ANY, since="5.6")
    def remove_hf_exp_pv(self, ctx: Context, expression: Str, keep: Str) -> bool:
        """Remove every header whose name matches `expression` and not `keep`."""
        pattern, skip = self._compiled(expression), self._compiled(keep)
        if pattern is None or skip is None:
            return False
        return self._remove(ctx, [h for h in self._named_like(ctx, pattern) if not skip.test(h.name)])

    @function(_ANY, since="5.6")
    def remove_hf_idx(self, ctx: Context, name: Str, index: Int) -> int:
        """Remove the header at `index`, from 0, or from the end when negative.

        1 removed; 2 no such index, 1 when it was counted from the end.
        """
        kind = self._kind(name)
        if kind is None or (headers := all_headers(ctx, self.name)) is None:
            return -1
        headers = [header for header in headers if header.kind == kind]
        if index < -len(headers):
            return 1
        if index >= len(headers):
            return 2
        self._remove(ctx, [headers[index]])
        return 1

    @function(_ANY, since="5.6")
    def remove_hf_match(self, ctx: Context, name: Str, operator: Str, text: Str) -> int:
        """Remove headers by value: `eq`ual, `ne` not equal, `in` contains, `re` matches. 1, -2 none, -1 an error."""
        kind = self._kind(name)
        if kind is None or (headers := all_headers(ctx, self.name)) is None:
            return -1
        test: Callable[[str], bool]
        match operator.lower():
            case "eq":
                test = lambda value: value == text  # noqa: E731
            case "ne":
                test = lambda value: value != text  # noqa: E731
            case "in":
                test = lambda value: text in value  # noqa: E731
            case "re":
                pattern = self._compiled(text)
                if pattern is None:
                    return -1
                test = lambda value: pattern.test(value)  # noqa: E731
            case _:
                self._error(f"unknown operator {operator}")
                return -1
        return 1 if self._remove(ctx, [h for h in headers if h.kind == kind and test(h.value)]) else -2

    def _remove(self, ctx: Context, headers: Iterable[Header]) -> bool:
        edits = ctx.msg.edits
        found = False
        for header in headers:
            edits.delete(header.start, header.end - header.start)
            found = True
        return found

    @function(_ANY)
    def is_present_hf(self, ctx: Context, name: HeaderName) -> bool:
        """Whether the message has a header of this name."""
        return not self._bad_headers(ctx) and ctx.msg.first(name) is not None

    @function(_ANY, since="5.6")
    def is_present_hf_pv(self, ctx: Context, name: Str) -> bool:
        """Whether the message has a header of this name."""
        kind = self._kind(name)
        return kind is not None and not self._bad_headers(ctx) and ctx.msg.first(kind) is not None

    @function(_ANY)
    def is_present_hf_re(self, ctx: Context, expression: Expression) -> bool:
        """Whether the message has a header whose name matches."""
        return bool(self._named_like(ctx, expression))

    @function(_ANY, since="5.6")
    def is_present_hf_re_pv(self, ctx: Context, expression: Str) -> bool:
        """Whether the message has a header whose name matches."""
        pattern = self._compiled(expression)
        return pattern is not None and bool(self._named_like(ctx, pattern))

    @function(_MAKING)
    def append_time(self, ctx: Context) -> bool:
        """Add a Date header to replies made here."""
        ctx.msg.add_reply_header(f"Date: {http_date(self.server.timers.now)}\r\n")
        return True

    @function(_ANY)
    def append_time_to_request(self, ctx: Context) -> bool:
        """Add a Date header behind the first header."""
        headers = ctx.msg.headers
        if not headers:
            return False
        ctx.msg.edits.insert_after(headers[0].end, f"Date: {http_date(self.server.timers.now)}\r\n")
        return True

    @function(_MAKING)
    def append_to_reply(self, ctx: Context, text: Str) -> bool:
        """Add a whole header line (with CRLF) to replies made here."""
        ctx.msg.add_reply_header(text)
        return True

    @function(_ANY)
    def is_method(self, ctx: Context, methods: Methods) -> bool:
        """Whether the request's method (a reply's CSeq method) is this one, or one of several separated by `|`."""
        msg = ctx.msg
        method = msg.method if msg.is_request else _cseq_method(msg)
        return method.upper() in methods

    # -- bodies -------------------------------------------------------------------------------------------------------
    @function(_ANY)
    def has_body(self, ctx: Context, mime: MimeType = None) -> bool:
        """Whether Content-Length says there is a body, and its type is `mime`; without Content-Type it is SDP."""
        if not ctx.msg.content_length:
            return False
        if mime is None:
            return True
        found = multipart.content_type(ctx.msg)
        if found is False:
            self._error("Content-Type is malformed")
            return False
        return (SDP if found is None else found) == mime

    @function(_EDITING)
    def set_body(self, ctx: Context, text: Str, mime: Str) -> bool:
        """Replace the body and Content-Type."""
        return self._set_body(ctx, text, mime)

    @function(Route.ANY, since="6.x")
    def set_body_hex(self, ctx: Context, text: Str, mime: Str) -> bool:
        """Replace the body, given in hexadecimal digits (blanks between bytes allowed), and Content-Type."""
        raw = self._unhex(text)
        return raw is not None and self._set_body(ctx, raw, mime)

    def _set_body(self, ctx: Context, text: str, mime: str) -> bool:
        msg = ctx.msg
        if not text or not mime:
            self._error("set_body needs a body and a content type")
            return False
        if msg.body_offset < 0:
            self._error("the message has no end of headers")
            return False
        length = msg.content_length
        if length is not None and length > len(msg.buf) - msg.body_offset:
            self._error(f"Content-Length says {length}, more than there is")
            return False
        msg.edits.set_body(text)
        anchor = msg.edits.anchor(msg.eoh)
        if length is None:
            msg.edits.insert_after(anchor, f"Content-Length: {len(text)}\r\n")
        header = msg.first("content-type")
        if header is None or header.value != mime:
            if header is not None:
                msg.edits.delete(header.start, header.end - header.start)
            msg.edits.insert_after(anchor, f"Content-Type: {mime}\r\n")
        return True

    @function(_MAKING)
    def set_reply_body(self, ctx: Context, text: Str, mime: Str) -> bool:
        """Give replies made here a body. Only once: a second body is refused, though its Content-Type is added."""
        return self._set_reply_body(ctx, text, mime)

    @function(_MAKING, since="6.x")
    def set_reply_body_hex(self, ctx: Context, text: Str, mime: Str) -> bool:
        """Give replies made here a body, written in hexadecimal digits."""
        raw = self._unhex(text)
        return raw is not None and self._set_reply_body(ctx, raw, mime)

    def _set_reply_body(self, ctx: Context, text: str, mime: str) -> bool:
        if not text or not mime:
            self._error("set_reply_body needs a body and a content type")
            return False
        ctx.msg.add_reply_header(f"Content-Type: {mime}\r\n")
        if ctx.msg.reply_body is not None:
            self._error("the reply has a body already")
            return False
        ctx.msg.reply_body = text
        return True

    @function(_ANY)
    def filter_body(self, ctx: Context, mime: Const) -> bool:
        """Leave of a multipart/mixed body only the first part of this type."""
        body = self._body(ctx)
        if not body:
            return False
        mark = multipart.boundary(ctx.msg) if multipart.is_mixed(ctx.msg) else None
        if mark is None:
            self.server.log.warning(self.name, "the body is not multipart/mixed")
            return False
        part = multipart.find_part(body, mime, f"--{mark}")
        if part is None:
            return False
        begin = part.headers_end
        while begin < part.end and body[begin] in "\r\n":
            begin += 1
        offset, edits = ctx.msg.body_offset, ctx.msg.edits
        edits.delete(offset, begin)
        edits.delete(offset + part.end - 2, len(body) - part.end + 2)
        return True

    @function(_MAKING, name="set_body_multipart", arity=0)
    def set_body_multipart_0(self, ctx: Context) -> bool:
        """Turn the body into the first part of a multipart body; true when it is multipart already."""
        return self._set_multipart(ctx, "", "", "")

    @function(_MAKING, name="set_body_multipart", arity=1)
    def set_body_multipart_1(self, ctx: Context, boundary: Str) -> bool:
        """Turn the body into the first part of a multipart body with this boundary."""
        return self._set_multipart(ctx, "", "", boundary)

    @function(_MAKING, name="set_body_multipart", arity=(2, 3))
    def set_body_multipart(self, ctx: Context, text: Str, mime: Str, boundary: Str = "") -> bool:
        """Replace the body by a multipart body whose first part is `text` of type `mime`."""
        return self._set_multipart(ctx, text, mime, boundary)

    def _set_multipart(self, ctx: Context, text: str, mime: str, mark: str) -> bool:
        msg = ctx.msg
        mixed = multipart.is_mixed(msg)
        if mixed and not text:
            return True
        if msg.body_offset < 0:
            self._error("the message has no end of headers")
            return False
        mark = mark or multipart.DEFAULT_BOUNDARY
        mime = mime or multipart.DEFAULT_TYPE
        if not text:
            text, mime = msg.body, msg.value("content-type") or mime
        msg.edits.set_body("")
        if not text:
            self.server.log.warning(self.name, "there is no body to put into the message")
            return False
        if mark.startswith("-"):
            self._error("a boundary must not start with a dash")
            return False
        body = multipart.build_part(text, mime, mark, first=True)
        anchor = msg.edits.anchor(msg.eoh)
        if msg.content_length is None:
            msg.edits.insert_after(anchor, f"Content-Length: {len(body)}\r\n")
        if not mixed:
            header = msg.first("content-type")
            if header is not None:
                msg.edits.delete(header.start, header.end - header.start)
            msg.edits.insert_after(anchor, f'Content-Type: multipart/mixed;boundary="{mark}"\r\n')
            msg.edits.insert_before(msg.eoh, "Mime-Version: 1.0\r\n")
        msg.edits.set_body(body)
        msg.msg_flags |= FL_BODY_MULTIPART
        return True

    @function(_MAKING)
    def append_body_part(self, ctx: Context, text: Str, mime: Str, disposition: Str = "") -> bool:
        """Add a part to a multipart body."""
        return self._append_part(ctx, text, mime, disposition)

    @function(_MAKING, since="5.6")
    def append_body_part_hex(self, ctx: Context, text: Str, mime: Str, disposition: Str = "") -> bool:
        """Add a part, given in hexadecimal digits (blanks between bytes allowed), to a multipart body."""
        raw = self._unhex(text)
        return raw is not None and self._append_part(ctx, raw, mime, disposition)

    def _append_part(self, ctx: Context, text: str, mime: str, disposition: str) -> bool:
        if not text or not mime:
            self._error("append_body_part needs a text and a content type")
            return False
        if not self._body(ctx):
            return False
        mark = multipart.boundary(ctx.msg)
        if not mark:
            self._error("the body is not multipart")
            return False
        part = multipart.build_part(text, mime, mark, disposition=disposition)
        ctx.msg.edits.insert_after(len(ctx.msg.buf), part)
        ctx.msg.msg_flags |= FL_BODY_MULTIPART
        return True

    @function(_MAKING)
    def remove_body_part(self, ctx: Context, mime: Str) -> bool:
        """Remove the first part of this type from a multipart body."""
        part = self._part(ctx, mime)
        if part is None:
            return False
        ctx.msg.edits.delete(ctx.msg.body_offset + part.start, part.next - part.start)
        ctx.msg.msg_flags |= FL_BODY_MULTIPART
        return True

    @function(_EDITING)
    def get_body_part(self, ctx: Context, mime: Str, target: Writable) -> bool:
        """Store what follows the Content-Type line of the first part of this type; the whole body if not multipart."""
        return self._get_part(ctx, mime, target, raw=False)

    @function(_EDITING)
    def get_body_part_raw(self, ctx: Context, mime: Str, target: Writable) -> bool:
        """Store the first part of this type, its Content-Type line and the boundary behind it included."""
        return self._get_part(ctx, mime, target, raw=True)

    def _get_part(self, ctx: Context, mime: str, target: Accessor, *, raw: bool) -> bool:
        body = self._body(ctx)
        if not body or target.set is None:
            return False
        if multipart.boundary(ctx.msg) is None:
            if ";" in (ctx.msg.value("content-type") or ""):
                return False  # parameters, but no boundary among them
            target.set(ctx, body)
            return True
        part = self._part(ctx, mime)
        if part is None:
            return False
        target.set(ctx, body[part.start : part.next] if raw else body[part.headers_end : part.end])
        return True

    def _part(self, ctx: Context, mime: str) -> multipart.Part | None:
        body = self._body(ctx)
        mark = multipart.boundary(ctx.msg)
        if not body or mark is None:
            return None
        return multipart.find_part(body, mime, f"--{mark}")

    @function(_ANY)
    def is_audio_on_hold(self, ctx: Context) -> int:
        """Whether an SDP audio stream is on hold: 1 by its address (RFC 2543), 2 by its direction, else -1."""
        try:
            streams = parse_message_sdp(ctx.msg)
        except SipError as error:
            self._error(f"the body does not parse: {error}")
            return -1
        for stream in streams:
            if stream.media == "audio" and (held := stream.on_hold or stream.session_on_hold):
                return held
        return -1

    @function(_ANY)
    def is_privacy(self, ctx: Context, value: PrivacyValue) -> bool:
        """Whether the Privacy header holds this value (RFC 3323, 3325)."""
        text = ctx.msg.value("privacy")
        if text is None:
            return False
        values = [item.strip(" \t\r\n").lower() for item in text.split(";")]
        if not PRIVACY_VALUES.issuperset(values) or ("none" in values and len(set(values)) > 1):
            self._error("the Privacy header is malformed")
            return False
        return value in values

    # -- texts --------------------------------------------------------------------------------------------------------
    @function(_ANY)
    def in_list(self, ctx: Context, text: Str, items: Str, separator: Separator) -> bool:
        """Whether `text` is one of the items; blanks around items do not count."""
        if not text:
            self._error("an empty text is in no list")
            return False
        return strings.in_list(text, items, separator)

    @function(_ANY, since="5.6")
    def in_list_prefix(self, ctx: Context, text: Str, items: Str, separator: Separator) -> bool:
        """Whether `text` starts with one of the items."""
        if not text:
            self._error("an empty text is in no list")
            return False
        return strings.in_list_prefix(text, items, separator)

    @function(_ANY)
    def cmp_str(self, ctx: Context, one: Str, other: Str) -> int:
        """Compare texts: 1 equal, -1 the first is greater, -2 it is less."""
        return strings.compare(one, other)

    @function(_ANY)
    def cmp_istr(self, ctx: Context, one: Str, other: Str) -> int:
        """Compare texts whatever their case: 1 equal, -1 the first is greater, -2 it is less."""
        return strings.compare(strings.lower(one), strings.lower(other))

    @function(_ANY)
    def starts_with(self, ctx: Context, text: Str, prefix: Str) -> int:
        """Whether `text` starts with `prefix`: 1, else -1, or -2 when it sorts in front of it."""
        if len(text) < len(prefix):
            return -1
        return strings.compare(text[: len(prefix)], prefix)

    @function(_ANY, since="5.6")
    def ends_with(self, ctx: Context, text: Str, suffix: Str) -> int:
        """Whether `text` ends with `suffix`: 1, else -1, or -2 when its end sorts in front of it."""
        if len(text) < len(suffix):
            return -1
        return strings.compare(text[len(text) - len(suffix) :], suffix)

    @function(_ANY, since="5.6")
    def str_find(self, ctx: Context, text: Str, needle: Str) -> int:
        """Where `needle` starts in `text`, from 1; -1 when it does not occur."""
        return strings.find(text, needle)

    @function(_ANY, since="5.6")
    def str_ifind(self, ctx: Context, text: Str, needle: Str) -> int:
        """Where `needle` starts in `text`, whatever the case, from 1; -1 when it does not occur."""
        if text and not needle:
            return 1
        return strings.find(strings.lower(text), strings.lower(needle))

    @function(_ANY, since="6.x")
    def str_any_in(self, ctx: Context, text: Str, characters: Str) -> bool:
        """Whether any of `characters` occurs in `text`."""
        return not set(text).isdisjoint(characters)

    @function(_ANY, since="6.x")
    def str_all_in(self, ctx: Context, text: Str, characters: Str) -> bool:
        """Whether every one of `characters` occurs in `text`."""
        return bool(characters) and set(text).issuperset(characters)

    @function(_EDITING, since="5.6")
    def regex_substring(self, ctx: Context, text: Str, expression: Str, group: Int, groups: Int, target: Const) -> int:
        """Store what a group of the expression matched (0: all of it): 1; -2 no match, -1 an error or an empty group.

        `groups` is how many matches, the whole one included, are looked at; case counts, `.` matches line ends.
        """
        if group > groups - 1:
            self._error("the index of the group must be less than the number of groups")
            return -1
        try:
            accessor = accessor_of(target, self.server)
        except FixupError as error:
            self._error(str(error))
            return -1
        pattern = regcomp(expression, icase=False, newline=False)
        if accessor.set is None or pattern is None or group < 0:
            self._error(f"{target} cannot be written" if accessor.set is None else f"bad expression {expression}")
            return -1
        match = pattern.search(text)
        if match is None:
            return -2
        found = match.group(group) if group <= pattern.groups else None
        if not found:
            self.server.log.warning(self.name, "the group matched nothing")
            return -1
        accessor.set(ctx, found)
        return 1

    @function(_ANY, since="6.x")
    def subst_v(self, ctx: Context, text: Str, expression: Str, target: Writable) -> bool:
        """Store `text` with a substitution done in `target`; false when nothing matches."""
        try:
            new = self._substituted(parse_subst(expression, self.server), text, ctx)
        except FixupError as error:
            self._error(str(error))
            return False
        if new is None or target.set is None:
            return False
        target.set(ctx, new)
        return True

    @function(_ANY, since="6.x")
    def via_param_rm(self, ctx: Context, name: Str, index: Int) -> int:
        """Remove a parameter from the Via at `index`, 0 the topmost, -1 the last: how many went, or -1."""
        if not ctx.msg.vias or self._bad_headers(ctx):
            return -1
        places = [(via, header.value_start) for header in ctx.msg.all("via") for via in parse_via(header.value)]
        if not -len(places) <= index < len(places):
            return -1
        via, offset = places[index]
        removed = 0
        for param in via.params:
            if param.name.lower() == name.lower():
                ctx.msg.edits.delete(offset + param.start - 1, param.end - param.start + 1)
                removed += 1
        return removed or -1

    # -- common -------------------------------------------------------------------------------------------------------
    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)

    def _compiled(self, expression: str) -> Ere | None:
        pattern = regcomp(expression)
        if pattern is None:
            self._error(f"{expression} is no regular expression")
        return pattern

    def _body(self, ctx: Context) -> str:
        if ctx.msg.body_offset < 0:
            self._error("the message has no end of headers, so no body")
        return ctx.msg.body

    def _behind_first_line(self, ctx: Context) -> int:
        # C adds the length of the first line to the start of the buffer, whatever blanks stand in front of that line.
        return ctx.msg.first_end - ctx.msg.first_start

    def _bad_headers(self, ctx: Context) -> bool:
        return all_headers(ctx, self.name) is None

    def _headers_end(self, ctx: Context) -> int:
        return -1 if self._bad_headers(ctx) else ctx.msg.eoh

    def _of_kind(self, ctx: Context, kind: str) -> list[Header]:
        return [] if self._bad_headers(ctx) else ctx.msg.all(kind)

    def _named_like(self, ctx: Context, expression: Ere) -> list[Header]:
        headers = all_headers(ctx, self.name) or ()
        return [header for header in headers if expression.test(header.name)]

    def _kind(self, name: str) -> str | None:
        kind = kind_of(name)
        if kind is None:
            self._error(f"{name} is no header name")
        return kind

    def _unhex(self, text: str) -> str | None:
        try:
            raw = bytes.fromhex(text.replace("\t", " ")).decode("latin-1")
        except ValueError:
            raw = ""
        if not raw:
            self._error("the text is not made of hexadecimal digits")
            return None
        return raw


def _transformed(expression: Subst, value: Value, ctx: Context) -> Value:
    if value is None:
        raise TransformationFailed
    text = to_str(value)
    try:
        new = expression.apply(text, ctx)
    except EmptyMatch:
        raise TransformationFailed from None
    return text if new is None else new


def _cseq_method(msg: Message) -> str:
    try:
        cseq = msg.cseq
    except SipError:
        return ""
    return "" if cseq is None else cseq.method
