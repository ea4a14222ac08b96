"""Session descriptions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.sip.errors import SipError
from kamscript.sip.message import Message
from kamscript.sip.sdp import RFC2543_HOLD, RFC3264_HOLD, parse_message_sdp, parse_sdp

HEAD = "v=0\r\no=jdoe 2890844526 2890842807 IN IP4 10.47.16.5\r\ns=-\r\nc=IN IP4 224.2.17.12\r\nb=AS:64\r\nt=0 0\r\n"
AUDIO = (
    "m=audio 49170 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000/1\r\na=fmtp:101 0-15\r\n"
)
VIDEO = "m=video 51372 RTP/SAVPF 99\r\nc=IN IP6 2001:db8::1\r\na=ptime:20\r\na=rtcp:51373\r\n"


def test_session_and_streams() -> None:
    session = parse_sdp(HEAD + AUDIO + VIDEO)
    audio, video = session.streams
    assert (session.version, session.origin_ip, session.ip, session.bandwidth_type, session.bandwidth) == (
        "2890842807", "10.47.16.5", "224.2.17.12", "AS", "64",
    )  # fmt: skip
    assert (audio.media, audio.port, audio.transport, audio.payloads, audio.is_rtp) == (
        "audio", "49170", "RTP/AVP", "0 101", True,
    )  # fmt: skip
    assert [(codec.payload, codec.encoding, codec.clock, codec.parameters) for codec in audio.codecs] == [
        ("0", "PCMU", "8000", ""), ("101", "telephone-event", "8000", "1"),
    ]  # fmt: skip
    assert audio.codecs[1].fmtp == "0-15"
    assert (video.ip, video.ip_version, video.ptime, video.rtcp_port) == ("2001:db8::1", 6, "20", "51373")
    assert (HEAD + AUDIO + VIDEO)[audio.start : audio.end] == AUDIO


def test_attributes_by_name() -> None:
    stream = parse_sdp(HEAD + AUDIO + "a=Foo:1\r\na=foo\r\n").streams[0]
    assert stream.attributes("foo") == ["1", ""]


@pytest.mark.parametrize(
    ("text", "hold"),
    [
        (HEAD + AUDIO, 0),
        (HEAD + AUDIO + "a=sendonly\r\n", RFC3264_HOLD),
        (HEAD + AUDIO + "a=inactive\r\n", RFC3264_HOLD),
        (HEAD + AUDIO + "a=recvonly\r\n", 0),
        (HEAD + AUDIO + "c=IN IP4 0.0.0.0\r\n", RFC2543_HOLD),
        (HEAD.replace("224.2.17.12", "0.0.0.0") + AUDIO, RFC2543_HOLD),
        (HEAD.replace("224.2.17.12", "0.0.0.0") + AUDIO.replace("49170", "9") + "a=ice-options:trickle\r\n", 0),
    ],
)
def test_hold(text: str, hold: int) -> None:
    assert parse_sdp(text).streams[0].on_hold == hold


def test_session_on_hold() -> None:
    session = parse_sdp(HEAD + "a=sendonly\r\n" + AUDIO)
    assert (session.on_hold, session.streams[0].session_on_hold) == (RFC3264_HOLD, RFC3264_HOLD)


@pytest.mark.parametrize(
    "text",
    [
        "", "v=0\r\n", AUDIO, HEAD, HEAD.replace("c=IN IP4 224.2.17.12\r\n", "") + AUDIO, HEAD + "m=audio\r\n",
        HEAD.replace("IP4 10", "XX 10") + AUDIO, HEAD + AUDIO + "c=IN\r\n", "v=0\r\no=x\r\n" + AUDIO,
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(SipError):
        parse_sdp(text)


def _message(content_type: str, body: str) -> Message:
    return Message(
        "INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nContent-Type: "
        f"{content_type}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )


def test_body_of_a_message() -> None:
    sdp = parse_message_sdp(_message("application/sdp", HEAD + AUDIO))
    assert [stream.media for stream in sdp] == ["audio"]


def test_parts_of_a_multipart_body() -> None:
    body = (
        "--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x\r\nContent-Type: application/sdp\r\n\r\n"
        f"{HEAD}{AUDIO}--x\r\nContent-Type: application/sdp\r\n\r\n{HEAD}{VIDEO}--x--\r\n"
    )
    sdp = parse_message_sdp(_message("multipart/mixed;boundary=x", body))
    assert [(session.number, session.streams[0].media) for session in sdp.sessions] == [(0, "audio"), (1, "video")]
    first = sdp.sessions[0]
    assert body[first.start : first.end] == HEAD + AUDIO


def test_other_bodies_are_refused_and_no_body_is_empty() -> None:
    with pytest.raises(SipError):
        parse_message_sdp(_message("text/plain", "x"))
    assert not parse_message_sdp(_message("application/sdp", ""))


@given(
    st.lists(
        st.sampled_from([*(HEAD + AUDIO + VIDEO).split("\r\n"), "m=", "c=IN IP4 ", "a=rtpmap:0", "b=:"]), max_size=9
    )
)
def test_nothing_but_sip_error(lines: list[str]) -> None:
    try:
        parse_sdp("\r\n".join(lines))
    except SipError:
        pass


def test_every_truncation_is_read_or_refused() -> None:
    text = HEAD + AUDIO + VIDEO
    for end in range(len(text)):
        try:
            parse_sdp(text[:end])
        except SipError:
            pass
