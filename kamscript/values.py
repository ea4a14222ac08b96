"""Kamailio's three kinds of value and the conversions between them.

A script value is a Python ``int``, a ``str`` (latin-1: a character is a byte) or ``None`` for ``$null``.
Source: core/rvalue.c and core/pvar.c of Kamailio 5.6; the differential batteries pin every rule here.
"""

from __future__ import annotations

Value = int | str | None

INT_MIN, INT_MAX = -(2**31), 2**31 - 1


def wrap(number: int) -> int:
    """`number` as the signed 32-bit integer that Kamailio's arithmetic leaves."""
    if INT_MIN <= number <= INT_MAX:
        return number
    return (number + 0x80000000 & 0xFFFFFFFF) - 0x80000000


def parse_int(text: str) -> int | None:
    """`text` read whole as a decimal, hexadecimal (0x) or octal (0) integer; None when it is anything else."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not digits.isascii() or not digits.isalnum():
        return None
    try:
        if digits[:2] in ("0x", "0X"):
            number = int(digits[2:], 16)
        elif digits[0] == "0" and len(digits) > 1:
            number = int(digits, 8)
        else:
            number = int(digits)
    except ValueError:
        return None
    return -number if text[0] == "-" else number


def to_int(value: Value) -> int:
    """`value` as an integer: null and texts that are no number are 0."""
    if value.__class__ is int:
        return value  # type: ignore[return-value]
    if not value:
        return 0
    return parse_int(str(value)) or 0


def to_str(value: Value) -> str:
    """`value` as text: null is empty."""
    if value.__class__ is str:
        return value  # type: ignore[return-value]
    return "" if value is None else str(value)


def to_bool(value: Value) -> bool:
    """`value` as a condition: a number other than 0, a text that is not empty."""
    return bool(value)
