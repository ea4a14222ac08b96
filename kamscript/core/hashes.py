"""Kamailio's hash of texts (core/hashes.h): the slot of an AOR, a Call-ID or a transaction, there and here."""

from __future__ import annotations

from struct import unpack

from kamscript.sip.remember import remember


def core_hash(text: str, size: int = 0, second: str = "") -> int:
    """The hash of one text, or of two, as an unsigned number of 32 bits; with `size` (a power of two) the slot."""
    total = (_mixed(text) + _mixed(second) if second else _mixed(text)) & 0xFFFFFFFF
    total = (total + (total >> 11) + (total >> 13) + (total >> 23)) & 0xFFFFFFFF
    return total & size - 1 if size else total


@remember(4096)
def _mixed(text: str) -> int:
    """The sum of the words of a text, four characters each, mixed: of a Call-ID it is asked with each message."""
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
    return total


def _word(data: bytes) -> int:
    """Up to four characters as one number: C's characters are signed."""
    word = 0
    for byte in data:
        word = (word << 8) + (byte - 256 if byte > 127 else byte)
    return word & 0xFFFFFFFF
