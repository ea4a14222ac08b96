"""Kamailio's hash of a text (core/hashes.h): which slot of a table an AOR or a Call-ID has, there and here."""

from __future__ import annotations

from struct import unpack


def core_hash(text: str, size: int = 0) -> int:
    """The hash as an unsigned number of 32 bits; with `size` (a power of two) the slot."""
    data = text.encode("latin-1")
    whole = len(data) & ~3
    if text.isascii():
        words = [*unpack(f">{whole >> 2}I", data[:whole]), int.from_bytes(data[whole:])]
    else:
        words = [_word(data[at : at + 4]) for at in range(0, whole, 4)]
        words.append(_word(data[whole:]))
    total = 0
    for word in words:
        total += word ^ word >> 3
    total &= 0xFFFFFFFF
    total = (total + (total >> 11) + (total >> 13) + (total >> 23)) & 0xFFFFFFFF
    return total & size - 1 if size else total


def _word(data: bytes) -> int:
    """Up to four characters as one number: C's characters are signed."""
    word = 0
    for byte in data:
        word = (word << 8) + (byte - 256 if byte > 127 else byte)
    return word & 0xFFFFFFFF
