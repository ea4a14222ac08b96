"""Codecs by number and name: lists of them, and what the numbers below 35 stand for (sdpops_data.c, RFC 3551)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kamscript.sip.sdp import Sdp

#: Numbers that a name always has, whatever the description says.
_FIXED: Final = {
    "pcmu": ["0"],
    "gsm": ["3"],
    "g723": ["4"],
    "dvi4": ["5", "6", "16", "17"],
    "lpc": ["7"],
    "pcma": ["8"],
    "g722": ["9"],
    "l16": ["10", "11"],
    "qcelp": ["12"],
    "cn": ["13"],
    "mpa": ["14"],
    "g728": ["15"],
    "g729": ["18"],
}
_MOST_OF_ONE_NAME: Final = 16
_LONGEST_LIST: Final = 128


class TooManyCodecs(ValueError):
    """The numbers of the codecs are more than Kamailio has room for."""


def tokens(text: str, delimiter: str) -> Iterator[str]:
    """The entries of a list; an empty one ends it, blanks in front of one are skipped."""
    while True:
        text = text.removeprefix(delimiter).lstrip(" \t\r\n")
        end = next((at for at, character in enumerate(text) if character in (delimiter, "\0", "\r", "\n")), len(text))
        if not end:
            return
        yield text[:end]
        text = text[end:]


def listed(text: str, codec: str, delimiter: str) -> int:
    """Where a codec stands in a list, -1 when it does not."""
    if not codec:
        return -1
    return f"{delimiter}{text}{delimiter}".find(f"{delimiter}{codec}{delimiter}")


def numbers_of(sdp: Sdp, names: str) -> str:
    """The payload numbers of a list of names, as a list; "" when no name has any. Raises TooManyCodecs."""
    numbers: list[str] = []
    for name in tokens(names, ","):
        wanted = name.lower()
        found = _FIXED.get(wanted)
        if found is None:
            found = [codec.payload for stream in sdp for codec in stream.codecs if codec.encoding.lower() == wanted]
            if len(found) > _MOST_OF_ONE_NAME:
                found = []
        numbers += found
        if sum(len(number) + 1 for number in numbers) > _LONGEST_LIST:
            raise TooManyCodecs
    return ",".join(numbers)
