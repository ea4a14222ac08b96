"""What edits take out of session descriptions: codecs, streams, lines (sdpops_mod.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from kamscript.modules.sdpops.codecs import listed, tokens

if TYPE_CHECKING:
    from kamscript.sip.message import Message
    from kamscript.sip.sdp import Sdp, Stream

_OF_CODECS: Final = ("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:")
#: A rest of a stream that is too short for a line about a codec.
_SHORT: Final = 5


def of_media(sdp: Sdp, media: str) -> Iterator[Stream]:
    """The streams of a kind; all of them for "" ."""
    wanted = media.lower()
    return (stream for stream in sdp if not wanted or stream.media.lower() == wanted)


def remove_codecs(msg: Message, sdp: Sdp, codecs: str, media: str) -> None:
    """Take the payloads of a list out of the m= lines, and the lines about them."""
    for stream in of_media(sdp, media):
        for codec in tokens(codecs, ","):
            _remove_codec(msg, stream, codec)


def keep_codecs(msg: Message, sdp: Sdp, codecs: str, media: str) -> None:
    """Take all other payloads out."""
    for stream in of_media(sdp, media):
        for codec in tokens(stream.payloads, " "):
            if listed(codecs, codec, ",") < 0:
                _remove_codec(msg, stream, codec)


def _remove_codec(msg: Message, stream: Stream, codec: str) -> None:
    base = msg.body_offset
    at = listed(stream.payloads, codec, " ")
    if at >= 0:
        first = stream.lines[0]
        payloads = first.value_start + len(first.value.rstrip(" \t\r\n")) - len(stream.payloads)
        msg.edits.delete(base + payloads + at - 1, len(codec) + 1)
    buf, at, end = msg.buf, base + stream.start, base + stream.end
    while end - at > _SHORT:
        start, stop = _line(buf, at)
        line = buf[start:stop]
        for name in _OF_CODECS:
            behind = len(name) + len(codec)
            if line[: len(name)].lower() == name and line[len(name) : behind + 1] == f"{codec} ":
                msg.edits.delete(start, stop - start)
        at = stop


def remove_streams(msg: Message, sdp: Sdp, wanted: Callable[[Stream], bool]) -> int:
    """Take streams out whole; how many."""
    count, base = 0, msg.body_offset
    for session in sdp.sessions:
        for index, stream in enumerate(session.streams):
            if wanted(stream):
                last = index + 1 == len(session.streams)
                end = sdp.sessions[-1].end if last else session.streams[index + 1].start
                msg.edits.delete(base + stream.start, end - stream.start)
                count += 1
    return count


def remove_lines(msg: Message, prefix: str, start: int, end: int) -> None:
    """Take out the lines between two places of the message that begin with a prefix; neighbours go in one piece."""
    pending: tuple[int, int] | None = None
    for first, stop in lines(msg.buf, prefix[:1], start, end):
        if end < first + len(prefix):
            break
        if not msg.buf.startswith(prefix, first):
            continue
        if pending is not None and pending[1] == first:
            pending = pending[0], stop
            continue
        if pending is not None:
            msg.edits.delete(pending[0], pending[1] - pending[0])
        pending = first, stop
    if pending is not None:
        msg.edits.delete(pending[0], pending[1] - pending[0])


def lines(buf: str, letter: str, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the lines `letter=` between two places start and end, line ends included."""
    while letter and (at := buf.find(f"{letter}=", at, end)) >= 0:
        if buf[at - 1] in "\r\n":
            yield _line(buf, at)
        at += 2


def _line(buf: str, at: int) -> tuple[int, int]:
    """Where the line around a place starts and ends."""
    end = buf.find("\n", at)
    return buf.rfind("\n", 0, at) + 1, len(buf) if end < 0 else end + 1
