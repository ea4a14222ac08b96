"""Message texts with `[keywords]`, cut into pieces once and put together for every message.

Source: SIPp's manual, "Keywords"; where it is silent, SIPp 3.6.1. What never changes while a scenario is played (the
addresses, `-s`, `-key`) is written into the text when the scenario is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Protocol

from kamscript.lab.network import Address
from kamscript.lab.sipp.incoming import Incoming
from kamscript.lab.sipp.injection import InjectionFile
from kamscript.lab.sipp.markup import ScenarioError, refuse
from kamscript.lab.sipp.settings import Settings
from kamscript.lab.sipp.variables import Names, Value, text_of, to_number
from kamscript.sip.auth import Challenge
from kamscript.source import Source, Span, did_you_mean


class Speaker(Protocol):
    """The call that a message is written for."""

    id: str
    number: int
    index: int
    seat: Address
    cseq: int
    peer_tag: str
    routes: str
    next_url: str
    last: Incoming | None
    challenge: Challenge | None
    variables: list[Value]

    @property
    def now(self) -> float: ...
    @property
    def started(self) -> float: ...
    @property
    def chance(self) -> Random: ...
    def dynamic_id(self) -> int: ...
    def fatal(self, text: str) -> None: ...
    def line(self, file: InjectionFile) -> int: ...
    def authorization(self, user: str, password: str, method: str, body: str) -> str: ...


#: Writes one keyword: the call, and the message's number in the scenario.
Writer = Callable[[Speaker, int], str]

_FIXED, _DROPPABLE, _LENGTH, _AUTH = range(4)
_PLACE = "?"  # of credentials: an empty line would end the headers
_LONGEST = 65535  # characters of [fill]: no message of SIPp is longer
_BLANKS = " \t\r\n\v\f"
_HEX = re.compile(r"\\x(?:([0-9A-Fa-f]{2})|([0-9A-Fa-f]?).?)", re.DOTALL)
_OFFSET = re.compile(r"[+-][0-9]{1,9}")
#: SIPp's own keywords that the lab does not have, and why.
_REFUSED = {
    "tdmmap": "it belongs to -tdmmap, which the lab does not have",
    "users": "it belongs to -users, which the lab does not have",
    "userid": "it belongs to -users, which the lab does not have",
}
#: Behind `-1` a message of SIPp's own stands, behind `-2` one that borrows the branch of the step before.
OWN, BORROWED = -1, -2


class Template:
    """One text, ready to be written for a call. `method` is "" and `status` the code for a reply."""

    __slots__ = ("_auth", "_fixed", "_parts", "method", "status")

    def __init__(self, parts: list[str | tuple[int, Writer]], auth: tuple[Template, Template] | None) -> None:
        self._parts, self._auth = parts, auth
        self.method, self.status = "", 0
        self._fixed = "".join(map(str, parts)) if all(isinstance(part, str) for part in parts) else None

    def write(self, call: Speaker, index: int = BORROWED) -> str:
        """The text for one call; `index` is the message's number in the scenario. Raises SippError."""
        if self._fixed is not None:
            return self._fixed
        out: list[str] = []
        length_at = auth_at = -1
        auth = self._auth
        offset = 0
        bare = False  # an empty keyword alone in its line takes the line with it
        for part in self._parts:
            if isinstance(part, str):
                if bare:
                    part, bare = part.lstrip(_BLANKS), False
                out.append(part)
                continue
            kind, writer = part
            if kind == _FIXED:
                out.append(writer(call, index))
            elif kind == _DROPPABLE:
                text = writer(call, index)
                if text:
                    if "[authentication" in text and auth_at < 0:
                        before, inside, text = _split_auth(text)
                        auth_at, auth = len(out) + 1, self._inner_auth(inside)
                        out += (before, _PLACE)
                    out.append(text)
                bare = bare or (bool(out) and _ends_line(out))
            elif kind == _LENGTH:
                length_at = len(out)
                offset = int(writer(call, index))
                out.append("     ")
            else:
                auth_at = len(out)
                out.append(_PLACE)
        text = "".join(out)
        if length_at < 0 and auth_at < 0:
            return text
        head = text.find("\r\n\r\n")
        body = text[head + 4 :] if head >= 0 else ""
        if length_at >= 0:
            out[length_at] = f"{len(body) + offset if body else 0:5d}"
        if auth_at >= 0 and auth is not None:
            user, password = auth
            out[auth_at] = call.authorization(user.write(call), password.write(call), self.method, body)
        return "".join(out)

    def _inner_auth(self, keyword: str) -> tuple[Template, Template]:
        """The credentials of an `[authentication ...]` that came out of an injection file."""
        return _credentials(keyword, _Inner.of(keyword))


def _ends_line(out: list[str]) -> bool:
    """Whether the text so far ends a line."""
    return next((text[-1] == "\n" for text in reversed(out) if text), False)


def _split_auth(text: str) -> tuple[str, str, str]:
    before, _, rest = text.partition("[authentication")
    inside, _, after = rest.partition("]")
    return before, inside, after


class Compiler:
    """Cuts texts of one scenario; variables are numbered by `names`, errors are gathered in `errors`."""

    def __init__(self, settings: Settings, names: Names) -> None:
        self.settings, self.names = settings, names
        self.errors: list[ScenarioError] = []

    def message(self, cdata: str, span: Span) -> Template:
        """The text of a `<send>`: trimmed, line by line, as SIPp trims it."""
        text = tidy(cdata)
        template = self.text(text, span, lines=True)
        word, blank, rest = text.lstrip(_BLANKS).partition("\n")[0].partition(" ")
        if not blank or "[" in word:
            self.error("a message begins with a method or SIP/2.0 and a blank, written out", span)
        elif word == "SIP/2.0":
            code = rest.lstrip().split(" ")[0]
            if not code.isdecimal() or not 100 <= int(code) < 700:
                self.error(f"{code or 'nothing'} is no status: 100 to 699", span)
            else:
                template.status = int(code)
        else:
            template.method = word
        return template

    def text(self, text: str, span: Span, *, lines: bool = False) -> Template:
        """Any text with keywords. `lines` turns line feeds into CRLF, as messages need them."""
        return _Cutter(self, text, span, lines).cut()

    def error(self, message: str, span: Span, hint: str = "") -> None:
        """Note what is wrong."""
        self.errors.append(ScenarioError([refuse(message, span, hint, rule="sipp-keyword")]))


def tidy(cdata: str) -> str:
    """CDATA as SIPp sends it: no blanks around lines, a blank line behind the headers, one line end behind a body."""
    stripped = cdata.lstrip(" \t\n")
    body = stripped.rstrip(" \t\n")
    removed = "\n" in stripped[len(body) :]
    for blanks in ("\n +", " +\n", "\n\t+", "\t+\n"):  # in this order: what mixes blanks and tabs keeps some
        body = re.sub(blanks, "\n", body)
    if "\n\n" not in body:
        return body + "\n\n"
    return body + "\n" if removed else body


class _Cutter:
    """One text on its way to a Template."""

    def __init__(self, compiler: Compiler, text: str, span: Span, lines: bool) -> None:
        self.compiler, self.text, self.span, self.lines = compiler, text, span, lines
        self.settings, self.names = compiler.settings, compiler.names
        self.parts: list[str | tuple[int, Writer]] = []
        self.auth: tuple[Template, Template] | None = None

    def cut(self) -> Template:
        text, at = self.text, 0
        while at < len(text):
            opened = text.find("[", at)
            if opened < 0:
                break
            self.literal(text[at:opened])
            closed = _outside_quotes(text, opened + 1, "]")
            inner = _outside_quotes(text, opened + 1, "[")
            if 0 <= inner < closed:
                self.literal(text[opened:inner])
                opened = inner
            if closed < 0 or closed == opened + 1:
                what = "[ that no ] closes" if closed < 0 else "[] holds no keyword"
                self.error(what, text[opened : opened + 1])
                return Template([""], None)
            self.keyword(text[opened + 1 : closed])
            at = closed + 1
        self.literal(text[at:])
        return Template(self.parts or [""], self.auth)

    def literal(self, text: str) -> None:
        text = _HEX.sub(_unhex, text) if "\\x" in text else text
        if self.lines:
            text = text.replace("\n", "\r\n")
        if not text:
            return
        if self.parts and isinstance(self.parts[-1], str):
            self.parts[-1] += text
        else:
            self.parts.append(text)

    def add(self, writer: Writer, kind: int = _FIXED) -> None:
        self.parts.append((kind, writer))

    def fixed(self, text: str) -> None:
        """Text that is no more touched: a line feed in it stays one, and behind an empty keyword its blanks."""
        if self.parts and not isinstance(self.parts[-1], str) and text:
            self.add(lambda call, index: text)
        else:
            self.plain(text)

    def plain(self, text: str) -> None:
        """Text that is as good as written out."""
        if self.parts and isinstance(self.parts[-1], str):
            self.parts[-1] += text
        elif text:
            self.parts.append(text)

    def error(self, message: str, keyword: str, hint: str = "") -> None:
        """An error at the keyword's place in the file."""
        self.compiler.error(message, self.place(keyword), hint)

    def place(self, keyword: str) -> Span:
        """Where the keyword stands."""
        span, source = self.span, self.span.source
        found = source.text.find(keyword, span.start, span.end)
        return Span(source, found, found + len(keyword)) if found >= 0 else span

    def keyword(self, whole: str) -> None:
        """One `[keyword]`; SIPp's order of looking: its own, field, $, fill, last_, authentication, then -key."""
        word, offset = whole, 0
        if not whole.startswith(("authentication", "tdmmap")):
            sign = whole.find("+") if "+" in whole else whole.find("-")
            found = _OFFSET.match(whole, sign) if sign > 0 else None
            if found is not None:
                word, offset = whole[:sign], int(found.group())
        if self.static(word, offset) or self.changing(word, offset):
            return
        if re.fullmatch(r"field[0-9]{1,9}(?![0-9]).*", word, re.DOTALL):
            self.field(whole)
        elif word.startswith("$"):
            self.variable(whole[1:], whole)
        elif word.startswith("fill"):
            self.fill(whole)
        elif word.startswith("file "):
            self.file(whole)
        elif word.startswith("last_"):
            name = word[5:].rstrip(":").lower()
            self.add(lambda call, index: call.last.header_line(name) if call.last else "", _DROPPABLE)
        elif word.startswith("authentication"):
            if self.auth is not None:
                self.error("only one [authentication] fits into a message", f"[{whole}]")
            self.auth = _credentials(whole[len("authentication") :], self)
            self.add(lambda call, index: "", _AUTH)
        elif word in self.settings.keys:
            self.plain(self.settings.keys[word])
        elif word.split(" ")[0] in _REFUSED:
            self.error(f"the lab has no [{word}]: {_REFUSED[word.split(' ')[0]]}", f"[{whole}]")
        else:
            near = did_you_mean(word, [*_KEYWORDS, *_STATIC, "authentication", *self.settings.keys])
            hint = near or f"SIPp has no such keyword; -key {word} VALUE defines one"
            self.error(f"unknown keyword [{whole}]", f"[{whole}]", hint)

    def static(self, word: str, offset: int) -> bool:
        """What is known when the scenario is read."""
        settings = self.settings
        writer = _STATIC.get(word)
        if writer is None:
            return False
        text = writer(settings, offset)
        if text is None:
            return False
        self.fixed(text)
        return True

    def changing(self, word: str, offset: int) -> bool:
        """What differs from call to call or from message to message."""
        make = _KEYWORDS.get(word)
        if make is None:
            return False
        kind = _LENGTH if word == "len" else _DROPPABLE if word == "routes" else _FIXED
        self.add(make(self.settings, offset), kind)
        return True

    def field(self, whole: str) -> None:
        files = self.settings.files
        number = int(re.match(r"field([0-9]+)", whole).group(1))  # type: ignore[union-attr]
        name, line = _parameter(whole, "file"), _parameter(whole, "line")
        if not files:
            self.error(f"[{whole}] needs an injection file: -inf FILE", f"[{whole}]")
            return
        file = files.get(name) if name else next(iter(files.values()))
        if file is None:
            self.error(f"no injection file is called {name}", f"[{whole}]", did_you_mean(name, files))
            return
        row = self.compiler.text(line, self.span) if line else None

        def write(call: Speaker, index: int) -> str:
            if row is None:
                return file.field(call.line(file), number)
            written = to_number(row.write(call))
            return file.field(int(written) if written is not None and 0 <= written < file.lines else -1, number)

        self.add(write, _DROPPABLE)

    def variable(self, name: str, whole: str) -> None:
        slot = self.names.use(name, self.place(f"[{whole}]"))
        self.add(lambda call, index: text_of(call.variables[slot]), _DROPPABLE)

    def file(self, whole: str) -> None:
        """`[file name=...]`: what stands in a file, which is looked for where scenarios are."""
        named = _parameter(whole, "name")
        if not named:
            self.error("[file] needs name=FILE", f"[{whole}]")
            return
        if "[" not in named:
            self.fixed(self.content(named, whole))
            return
        name = self.compiler.text(named, self.span)

        def write(call: Speaker, index: int) -> str:
            found = self.settings.find(name.write(call))
            try:
                return found.read_bytes().decode("latin-1")
            except OSError as error:
                call.fatal(f"[file]: {found} cannot be read: {error.strerror or error}")
                return ""

        self.add(write)

    def content(self, name: str, whole: str) -> str:
        """What stands in a file whose name is known when the scenario is read."""
        try:
            return self.settings.find(name).read_bytes().decode("latin-1")
        except OSError as error:
            self.error(f"{name} cannot be read: {error.strerror or error}", f"[{whole}]")
            return ""

    def fill(self, whole: str) -> None:
        text, name = _parameter(whole, "text") or "X", _parameter(whole, "variable")
        if not name:
            self.error("[fill] needs variable=NAME, which says how many characters", f"[{whole}]")
            return
        slot = self.names.use(name, self.place(f"[{whole}]"))

        def write(call: Speaker, index: int) -> str:
            value = call.variables[slot]
            count = int(min(value, _LONGEST)) if isinstance(value, float) and value > 0 else 0
            return (text * (count // len(text) + 1))[:count]

        self.add(write)


class _Inner:
    """Reads credentials out of an injected text; there is no scenario to complain to, so nothing is refused."""

    @classmethod
    def of(cls, keyword: str) -> _Cutter:
        compiler = Compiler(Settings(), Names({}))
        return _Cutter(compiler, keyword, Span(Source("<injected>", keyword), 0, len(keyword)), lines=False)


def _credentials(keyword: str, cutter: _Cutter) -> tuple[Template, Template]:
    settings, compiler = cutter.settings, cutter.compiler
    for name in ("aka_K", "aka_OP", "aka_AMF"):
        if f"{name}=" in keyword:
            cutter.error(f"{name}: the lab knows MD5 and SHA-256 digests, not AKA", f"{name}=")
    user = _parameter(keyword, "username") or settings.auth_user or settings.service
    password = _parameter(keyword, "password") or settings.auth_password
    return compiler.text(user, cutter.span), compiler.text(password, cutter.span)


def _parameter(keyword: str, name: str) -> str:
    """`name=value` out of a keyword: a word, a quoted text with backslashes, or 0x and hex digits."""
    start = keyword.find(f"{name}=")
    if start < 0:
        return ""
    start += len(name) + 1
    if keyword.startswith('"', start):
        quoted = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL).match(keyword, start + 1)
        return re.sub(r"\\(.)", r"\1", quoted.group()) if quoted else ""
    if keyword.startswith("0x", start):
        digits = re.compile(r"[0-9A-Fa-f]*").match(keyword, start + 2)
        text = digits.group() if digits else ""
        return bytes.fromhex(text if len(text) % 2 == 0 else text[:-1]).decode("latin-1")
    word = re.compile(r"[!-~]*").match(keyword, start)
    return word.group() if word else ""


def _outside_quotes(text: str, at: int, char: str) -> int:
    """Where `char` next stands outside of double quotes; -1: nowhere."""
    while at < len(text) and text[at] != char:
        if text[at] == '"':
            close = text.find('"', at + 1)
            if close < 0:
                return -1
            at = close
        at += 1
    return at if at < len(text) else -1


def _unhex(match: re.Match[str]) -> str:
    """`\\x5B` as its character; where a digit is missing, SIPp drops the character that stands there."""
    digits = match[1] or match[2]
    return chr(int(digits, 16)) if digits else ""


def _seat(settings: Settings, offset: int) -> str | None:
    return settings.seat.ip if settings.seat else None


def _media_ip(settings: Settings, offset: int) -> str | None:
    return settings.media_ip or _seat(settings, offset)


def _ip_type(ip: str) -> str:
    return "6" if ":" in ip else "4"


def _bracketed(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


#: Keywords whose text is known when the scenario is read; None: not with these settings.
_STATIC: dict[str, Callable[[Settings, int], str | None]] = {
    "remote_ip": lambda s, n: _bracketed(s.remote.ip),
    "remote_host": lambda s, n: s.remote.ip,
    "remote_port": lambda s, n: str(s.remote.port + n),
    "transport": lambda s, n: s.proto.upper(),
    "local_ip": lambda s, n: _bracketed(s.seat.ip) if s.seat else None,
    "server_ip": _seat,
    "local_port": lambda s, n: str(s.seat.port + n) if s.seat else None,
    "local_ip_type": lambda s, n: _ip_type(s.seat.ip) if s.seat else None,
    "media_ip": _media_ip,
    "media_ip_type": lambda s, n: _ip_type(_media_ip(s, n) or "") if s.seat or s.media_ip else None,
    "media_port": lambda s, n: str(s.media_port + n),
    "rtpstream_audio_port": lambda s, n: str(s.media_port),
    "rtpstream_video_port": lambda s, n: str(s.media_port),
    "pid": lambda s, n: str(s.pid),
    "service": lambda s, n: s.service,
    "sipp_version": lambda s, n: "kamscript",
}


def _timestamp(call: Speaker, index: int) -> str:
    now = call.now
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d\t%H:%M:%S.%f}\t{now:017.6f}"


def _date(call: Speaker, index: int) -> str:
    return f"{datetime.fromtimestamp(call.now, UTC):%a, %d %b %Y %H:%M:%S} GMT"


def _branch(pid: int, offset: int) -> Writer:
    def write(call: Speaker, index: int) -> str:
        number = call.index - 1 if index == BORROWED else index
        return f"z9hG4bK-{pid}-{call.number}-{number + offset}"

    return write


#: Keywords whose text differs: the settings and the offset give the writer.
_KEYWORDS: dict[str, Callable[[Settings, int], Writer]] = {
    "local_ip": lambda s, n: lambda call, index: _bracketed(call.seat.ip),
    "server_ip": lambda s, n: lambda call, index: call.seat.ip,
    "local_port": lambda s, n: lambda call, index: str(call.seat.port + n),
    "local_ip_type": lambda s, n: lambda call, index: _ip_type(call.seat.ip),
    "media_ip": lambda s, n: lambda call, index: s.media_ip or call.seat.ip,
    "media_ip_type": lambda s, n: lambda call, index: _ip_type(s.media_ip or call.seat.ip),
    "auto_media_port": lambda s, n: lambda call, index: str(s.media_port + 4 * (call.number - 1) % 10000 + n),
    "call_number": lambda s, n: lambda call, index: str(call.number),
    "dynamic_id": lambda s, n: lambda call, index: str(call.dynamic_id()),
    "call_id": lambda s, n: lambda call, index: call.id,
    "cseq": lambda s, n: lambda call, index: str(call.cseq + n),
    "branch": lambda s, n: _branch(s.pid, n),
    "msg_index": lambda s, n: lambda call, index: str(index),
    "next_url": lambda s, n: lambda call, index: call.next_url,
    "len": lambda s, n: lambda call, index: str(n),
    "peer_tag_param": lambda s, n: lambda call, index: f";tag={call.peer_tag}" if call.peer_tag else "",
    "last_Request_URI": lambda s, n: lambda call, index: call.last.to_uri if call.last else "",
    "last_cseq_number": lambda s, n: lambda call, index: str((call.last.cseq if call.last else 0) + n),
    "last_message": lambda s, n: lambda call, index: call.last.text if call.last else "",
    "routes": lambda s, n: lambda call, index: f"Route: {call.routes}" if call.routes else "",
    "clock_tick": lambda s, n: lambda call, index: str(round(1000 * (call.now - call.started))),
    "timestamp": lambda s, n: _timestamp,
    "date": lambda s, n: _date,
}
