"""Encodings, escapes and hashes of texts (core/strutils.c, core/basex.c, core/hashes.h, modules/pv/pv_trans.c)."""

from __future__ import annotations

import base64
from collections.abc import Callable

from kamscript.script.bind import TransformationFailed
from kamscript.values import Value

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_HEX = "0123456789abcdefABCDEF"
_ALNUM = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_USER = _ALNUM | frozenset("-_.!~*'()&=+$,;?")
_PARAM = _ALNUM | frozenset("-_.!~*'()[]/:&+$")
_URL = _ALNUM | frozenset("-_.~")


def _hexa(text: str) -> str:
    return text.encode("latin-1").hex()


def _from_hexa(text: str) -> str:
    text = text[: len(text) // 2 * 2]
    if any(char not in _HEX for char in text):
        raise TransformationFailed
    return bytes.fromhex(text).decode("latin-1")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("latin-1")).decode()


def _trimmed(text: str) -> str:
    """Without padding."""
    return text[:1] + text[1:].rstrip("=")


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def _from_base64(text: str) -> str:
    if not text:
        return ""
    if len(text) % 4 or (text[-2] == "=" and text[-1] != "="):
        raise TransformationFailed
    try:
        return base64.b64decode(text.encode("latin-1")).decode("latin-1")
    except ValueError:
        raise TransformationFailed from None


def _base64url(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("latin-1")).decode()


def _from_base64url(text: str) -> str:
    digits = text.rstrip("=")
    if not digits or any(char not in _ALNUM and char not in "-_" for char in digits) or len(digits) % 4 == 1:
        raise TransformationFailed
    return base64.urlsafe_b64decode(_padded(digits)).decode("latin-1")


def _base58(text: str) -> str:
    data = text.encode("latin-1")
    number, out = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        out = _BASE58[digit] + out
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + out


def _from_base58(text: str) -> str:
    number = 0
    for char in text:
        digit = _BASE58.find(char)
        if digit < 0:
            raise TransformationFailed
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    return "\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big").decode("latin-1")


def _seven_bit(text: str) -> str:
    """Characters of seven bits packed into octets, as in SMS, in hexadecimal."""
    data = text.encode("latin-1") + b"\0\0"
    out, at, place, left = [], 0, 0, 1
    while place < len(text):
        octet = (data[at] >> (left - 1)) | (data[at + 1] << (8 - left)) & 0xFF
        out.append(f"{octet:02X}")
        left += 1
        if left == 8:
            at += 1
            place += 1
            left = 1
        at += 1
        place += 1
    return "".join(out)


def _nibble(char: str) -> int:
    if "0" <= char <= "9":
        return ord(char) - 48
    if "a" <= char <= "f":
        return ord(char) - 87
    if "A" <= char <= "F":
        return ord(char) - 55
    return 0


def _from_seven_bit(text: str) -> str:
    out, left, carry = [], 1, 0
    for at in range(0, len(text), 2):
        octet = _nibble(text[at]) << 4 | _nibble(text[at + 1 : at + 2] or "0")
        rest = octet >> (8 - left)
        out.append(chr((octet << (left - 1)) & 0x7F | carry))
        carry = rest
        left += 1
        if left == 8:
            out.append(chr(carry))
            left, carry = 1, 0
    return "".join(out)


def _common(text: str) -> str:
    return "".join({"\0": "\\0", "'": "\\'", '"': '\\"', "\\": "\\\\"}.get(char, char) for char in text)


def _from_common(text: str) -> str:
    out, at = [], 0
    while at < len(text):
        char, following = text[at], text[at + 1 : at + 2]
        if char == "\\" and following and following in "'\"\\0":
            out.append("\0" if following == "0" else following)
            at += 1
        else:
            out.append(char)
        at += 1
    return "".join(out)


def _percent(allowed: frozenset[str]) -> Callable[[str], str]:
    def escape(text: str) -> str:
        if any(not " " <= char <= "~" for char in text):
            raise TransformationFailed
        return "".join(char if char in allowed else f"%{ord(char):02x}" for char in text)

    return escape


def from_percent(text: str) -> str:
    """`%XX` as the character it stands for (unescape_user); TransformationFailed for what stands for no visible one."""
    out, at = [], 0
    while at < len(text):
        if text[at] == "%":
            digits = text[at + 1 : at + 3]
            if len(digits) < 2 or any(digit not in _HEX for digit in digits):
                raise TransformationFailed
            number = int(digits, 16)
            if not 32 <= number <= 126:
                raise TransformationFailed
            out.append(chr(number))
            at += 3
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


def _csv(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _url(text: str) -> str:
    return "".join(char if char in _URL else f"%{ord(char):02x}" for char in text)


def _from_url(text: str) -> str:
    out, at = [], 0
    while at < len(text):
        char = text[at]
        if char == "%":
            digits = text[at + 1 : at + 3]
            if len(digits) == 2:
                out.append(chr(_nibble(digits[0]) << 4 | _nibble(digits[1])))
                at += 2
        elif char == "+":
            out.append(" ")
        else:
            out.append(char)
        at += 1
    return "".join(out)


_JSON = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def json_escape(text: str) -> str:
    """`text` as it stands between the quotes of a JSON string."""
    return "".join(_JSON.get(char) or (f"\\u{ord(char):04x}" if char < " " else char) for char in text)


TABLE: dict[str, Callable[[str], Value]] = {
    "encode.hexa": _hexa,
    "decode.hexa": _from_hexa,
    "encode.7bit": _seven_bit,
    "decode.7bit": _from_seven_bit,
    "encode.base58": _base58,
    "decode.base58": _from_base58,
    "encode.base64": _base64,
    "decode.base64": _from_base64,
    "encode.base64t": lambda text: _trimmed(_base64(text)),
    "decode.base64t": lambda text: _from_base64(_padded(text)),
    "encode.base64url": _base64url,
    "decode.base64url": _from_base64url,
    "encode.base64urlt": lambda text: _trimmed(_base64url(text)),
    "decode.base64urlt": lambda text: _from_base64url(_padded(text)),
    "escape.common": _common,
    "unescape.common": _from_common,
    "escape.user": _percent(_USER),
    "unescape.user": from_percent,
    "escape.param": _percent(_PARAM),
    "unescape.param": from_percent,
    "escape.csv": _csv,
    "urlencode.param": _url,
    "urldecode.param": _from_url,
}
