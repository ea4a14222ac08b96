"""Kamailio's three kinds of value and the conversions between them.

A script value is a Python ``int``, a ``str`` (latin-1: a character is a byte) or ``None`` for ``$null``.
Source: core/rvalue.c, core/ut.h and core/pvar.c of Kamailio 5.6; the differential batteries pin every rule here.
"""

from __future__ import annotations

Value = int | str | None

INT_MIN, INT_MAX = -(2**31), 2**31 - 1


def wrap(number: int) -> int:
    """`number` as the signed 32-bit integer that Kamailio's arithmetic leaves."""
    if INT_MIN <= number <= INT_MAX:
        return number
    return (number + 0x80000000 & 0xFFFFFFFF) - 0x80000000


def decimal(text: str) -> int | None:
    """`text` as a decimal number, with a sign or without (str2sint).

    A sign alone and the empty text are 0. None for anything else, and for numbers outside 32 bits.
    """
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not digits:
        return 0
    number = _whole(digits) if digits.isdigit() and digits.isascii() else None
    if number is None:
        return None
    number = -number if text[0] == "-" else number
    return number if INT_MIN <= number <= INT_MAX else None


def leading_int(text: str) -> int:
    """The integer that a text begins with, 0 for none: what str2sint leaves for those who ignore that it failed."""
    end = 1 if text[:1] in ("-", "+") else 0
    while end < len(text) and text[end] in "0123456789":
        end += 1
    digits = text[:end].lstrip("+-").lstrip("0")[:11]
    number = int(digits or "0")
    return max(-number, INT_MIN) if text[:1] == "-" else min(number, INT_MAX)


def c_int(text: str) -> int:
    """What C's atoi() reads on 64-bit machines: blanks, a sign, digits; of long numbers the low 32 bits, 0 for none."""
    text = text.lstrip(" \t\n\v\f\r")
    end = 1 if text[:1] in ("-", "+") else 0
    while end < len(text) and text[end] in "0123456789":
        end += 1
    digits = text[:end].lstrip("+-").lstrip("0")
    number = int(digits[:20] or "0") if text[:1] != "-" else -int(digits[:20] or "0")
    return wrap(max(-(2**63), min(number, 2**63 - 1)))


def _whole(digits: str) -> int | None:
    """Decimal digits as a number; None for more than ten behind the zeros: Python reads only some thousands at once."""
    if len(digits) > 10:
        digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= 10 else None


def unsigned(text: str) -> int | None:
    """`text` as an unsigned decimal number of at most 32 bits (str2int); None for anything else."""
    digits = text[1:] if text[:1] == "+" else text
    if not digits:
        return 0
    number = _whole(digits) if digits.isdigit() and digits.isascii() else None
    return number if number is not None and number <= 0xFFFFFFFF else None


def hexadecimal(digits: str) -> int | None:
    """Hexadecimal digits without prefix as a 32-bit integer (hexstr2int); None for anything else."""
    number = 0
    for digit in digits:
        if digit not in "0123456789abcdefABCDEF":
            return None
        number = (number << 4 | int(digit, 16)) & 0xFFFFFFFF
    return wrap(number)


def parse_int(text: str) -> int | None:
    """`text`, read whole, as a decimal number or a hexadecimal one behind `0x`; None when it is anything else."""
    if text.isdigit() and len(text) < 10 and text.isascii():
        return int(text)
    number = decimal(text)
    if number is None and len(text) > 2 and text[:2] in ("0x", "0X"):
        return hexadecimal(text[2:])
    return number


def to_int(value: Value) -> int:
    """`value` as an integer: null and texts that are no number are 0."""
    if value.__class__ is int:
        return value
    if not value:
        return 0
    return parse_int(str(value)) or 0


def to_str(value: Value) -> str:
    """`value` as text: null is empty."""
    return "" if value is None else str(value)


class Both(int):
    """A number that prints as another text: the port of a URI without one is 0 and prints as nothing."""

    text: str

    def __new__(cls, number: int, text: str) -> Both:
        """`number`, printed as `text`."""
        made = super().__new__(cls, number)
        made.text = text
        return made

    def __str__(self) -> str:
        return self.text
