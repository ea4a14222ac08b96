"""What Kamailio 6.x adds to the pv module: `$E*`, `$ctu` and others; `{s.sha1}`, `{s.charat,0}`, `{num.ldigit}`."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from kamscript.module import Accessor, FixupError, PvRef, pv, pv_class, transformation
from kamscript.modules.pv.arguments import Arguments, Transform, filled, text_of
from kamscript.script.bind import TransformationFailed
from kamscript.values import Both, Value, decimal, wrap

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.sip.contact import Contacts


def has_later(target: str) -> bool:
    """Whether a generation has what this file adds."""
    return target not in ("4.4", "5.6")


class Later:
    """Pseudo-variables of 6.x, and the class `{num.*}`."""

    server: Server

    # Provided by Network and Variables.
    def _rcv(self, ref: PvRef) -> Accessor:
        raise NotImplementedError

    def _shared(self) -> dict[str, Value]:
        raise NotImplementedError

    def _constant(self, ref: PvRef) -> str:
        raise NotImplementedError

    @pv("En", since="6.x")
    def _En(self, ctx: Context) -> Value:
        """A line feed."""
        return "\n"

    @pv("Er", since="6.x")
    def _Er(self, ctx: Context) -> Value:
        """A carriage return."""
        return "\r"

    @pv("Et", since="6.x")
    def _Et(self, ctx: Context) -> Value:
        """A tabulator."""
        return "\t"

    @pv("Es", since="6.x")
    def _Es(self, ctx: Context) -> Value:
        """A space."""
        return " "

    @pv("Ec", since="6.x")
    def _Ec(self, ctx: Context) -> Value:
        """A comma."""
        return ","

    @pv("Eq", since="6.x")
    def _Eq(self, ctx: Context) -> Value:
        """A double quote."""
        return '"'

    @pv("Ek", since="6.x")
    def _Ek(self, ctx: Context) -> Value:
        """A single quote."""
        return "'"

    @pv("Ei", since="6.x")
    def _Ei(self, ctx: Context) -> Value:
        """A colon."""
        return ":"

    @pv("Ej", since="6.x")
    def _Ej(self, ctx: Context) -> Value:
        """A semicolon."""
        return ";"

    @pv("Eb", since="6.x")
    def _Eb(self, ctx: Context) -> Value:
        """A backslash."""
        return "\\"

    @pv("Ev", since="6.x")
    def _Ev(self, ctx: Context) -> Value:
        """A backtick."""
        return "`"

    @pv("ctu", since="6.x")
    def _ctu(self, ctx: Context) -> Value:
        """URI of the contact that Kamailio reads first: the last of the first Contact header."""
        contacts = _contacts(ctx)
        return contacts.groups[0][-1].uri if contacts is not None and contacts.groups and contacts.groups[0] else None

    @pv("cts", since="6.x")
    def _cts(self, ctx: Context) -> Value:
        """1 when Contact is `*`, else 0; null without one."""
        contacts = _contacts(ctx)
        return None if contacts is None else int(contacts.star)

    @pv("tts", since="6.x")
    def _tts(self, ctx: Context) -> Value:
        """1 when To has a tag, else 0."""
        body = ctx.msg.to
        return int(body is not None and body.tag != "")

    @pv("ful", since="6.x")
    def _ful(self, ctx: Context) -> Value:
        """Length of the From URI."""
        body = ctx.msg.from_
        return None if body is None else len(body.uri)

    @pv("rul", since="6.x")
    def _rul(self, ctx: Context) -> Value:
        """Length of the request URI."""
        return len(ctx.msg.current_uri()) if ctx.msg.is_request else None

    @pv_class("recv", since="6.x")
    def _recv(self, ref: PvRef) -> Accessor:
        """Another name of `$rcv(...)`."""
        return self._rcv(ref)

    @pv_class("shvinc", since="6.x")
    def _shvinc(self, ref: PvRef) -> Accessor:
        """Adds 1 to `$shv(name)` whenever it is read, and is the sum; 0 for a text."""
        name, shared = self._constant(ref), self._shared()
        shared.setdefault(name, 0)

        def get(ctx: Context) -> Value:
            value = shared[name]
            if not isinstance(value, int):
                return 0
            value = shared[name] = wrap(value + 1)
            return value

        return Accessor(get)

    @transformation("num")
    def _num(self, args: tuple[str, ...]) -> Transform:
        """Digits of a number: `fdigit` the first, `ldigit` the last; 0 for a text."""
        arguments = Arguments(self.server, args)
        if not has_later(self.server.target):
            raise FixupError("unknown transformation {num.*}: it belongs to a later Kamailio")
        if arguments.name == "fdigit":
            return lambda ctx, value: int(str(abs(value))[0]) if isinstance(value, int) else 0
        if arguments.name == "ldigit":
            return lambda ctx, value: _last_digit(value) if isinstance(value, int) else 0
        raise FixupError(f"unknown transformation {{num.{arguments.shown}}}")


def _last_digit(number: int) -> Value:
    """The remainder keeps the sign; what is printed is the character that far from `0`."""
    digit = abs(number) % 10
    return digit if number >= 0 else Both(-digit, chr(ord("0") - digit))


def _contacts(ctx: Context) -> Contacts | None:
    return ctx.msg.contacts


# --- {s.*} ------------------------------------------------------------------------------------------------------------


def _intv(text: str) -> int:
    number = decimal(text)
    if number is None:
        raise TransformationFailed
    return number


def _escape_crlf(text: str) -> str:
    if not text:
        raise TransformationFailed
    return text.replace("\n", "\\n").replace("\r", "\\r")


def _unescape_crlf(text: str) -> str:
    if not text:
        raise TransformationFailed
    return text.replace("\\n", "\n").replace("\\r", "\r")


#: Without arguments.
PLAIN: dict[str, Callable[[str], Value]] = {
    "intv": _intv,
    "sha1": lambda text: hashlib.sha1(text.encode("latin-1")).hexdigest(),
    "crc32": lambda text: wrap(zlib.crc32(text.encode("latin-1"))),
    "rmhdws": lambda text: re.sub(r"[\r\n]+(?:[ \t][ \t\r\n]*)?", lambda m: " " if m[0].strip("\r\n") else "", text),
    "rmhlws": lambda text: re.sub(r"[\r\n]+[ \t\r\n]*", "", text),
    "escape.crlf": _escape_crlf,
    "unescape.crlf": _unescape_crlf,
}


def _at(as_text: bool) -> Callable[[Arguments], Transform]:
    def make(arguments: Arguments) -> Transform:
        arguments.required()
        index = arguments.number()
        arguments.end()

        def run(ctx: Context, value: Value) -> Value:
            text, at = text_of(value), index(ctx)
            inside = 0 <= at < len(text)
            if as_text:
                return text[at] if inside else ""
            return ord(text[at]) if inside else Both(-1, "")

        return run

    return make


def _select_words(arguments: Arguments) -> Transform:
    arguments.required()
    index = arguments.number()
    arguments.end()

    def run(ctx: Context, value: Value) -> Value:
        words, at = re.split(r"[ \t\r\n]", text_of(value)), index(ctx)
        return words[at] if -len(words) <= at < len(words) else ""

    return run


def _sponge(suffix: int) -> Callable[[Arguments], Transform]:
    """SHA-3 (suffix 6) and Keccak (suffix 1), of 256 bits unless 384 or 512 are asked for."""

    def make(arguments: Arguments) -> Transform:
        bits = int(arguments.constant() or "256") if arguments.given else 256
        if bits not in (256, 384, 512):
            raise FixupError(f"{{s.{arguments.shown}}}: 256, 384 or 512 bits")
        return lambda ctx, value: keccak(text_of(value).encode("latin-1"), bits, suffix).hex()

    return make


_ROUNDS = (
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000A, 0x000000008000808B, 0x800000000000008B, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
)  # fmt: skip
_WORD = (1 << 64) - 1


def keccak(data: bytes, bits: int, suffix: int) -> bytes:
    """The sponge of FIPS 202 with a digest of `bits` and capacity twice that; `suffix` is 6 for SHA-3, 1 for Keccak."""
    rate = 200 - bits // 4
    padded = bytearray(data) + bytes([suffix]) + bytes(-(len(data) + 1) % rate)
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), rate):
        for at in range(rate // 8):
            lanes[at] ^= int.from_bytes(padded[start + 8 * at : start + 8 * at + 8], "little")
        lanes = _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes)[: bits // 8]


def _rotate(lane: int, by: int) -> int:
    by %= 64
    return (lane << by | lane >> (64 - by)) & _WORD


def _permute(lanes: list[int]) -> list[int]:
    for constant in _ROUNDS:
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        parity = [columns[(x + 4) % 5] ^ _rotate(columns[(x + 1) % 5], 1) for x in range(5)]
        lanes = [lane ^ parity[at % 5] for at, lane in enumerate(lanes)]
        x, y, current = 1, 0, lanes[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, lanes[x + 5 * y] = lanes[x + 5 * y], _rotate(current, (step + 1) * (step + 2) // 2)
        lanes = [
            lanes[at] ^ (~lanes[at - at % 5 + (at + 1) % 5] & lanes[at - at % 5 + (at + 2) % 5] & _WORD)
            for at in range(25)
        ]
        lanes[0] ^= constant
    return lanes


#: With arguments.
MAKERS: dict[str, Callable[[Arguments], Transform]] = {
    "charat": _at(True),
    "byteat": _at(False),
    "selectsw": _select_words,
    "sha3": _sponge(6),
    "keccak": _sponge(1),
}


def remove_param(arguments: Arguments) -> Transform:
    """`{uri.rmparam,name}`: the URI without a parameter."""
    arguments.required()
    name = arguments.string()
    arguments.end()

    def run(ctx: Context, value: Value) -> Value:
        head, mark, headers = filled(value).partition("?")
        wanted = name(ctx).lower()
        first, *params = head.split(";")
        kept = [param for param in params if param.partition("=")[0].strip().lower() != wanted]
        return ";".join([first, *kept]) + mark + headers

    return run
