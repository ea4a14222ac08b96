"""sdpops: what edits leave, iterators of 6.x, versions, errors. What 5.6 does: tests/differential/cases/sdpops.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.modules.sdpops.codecs import listed, tokens
from tests.modules.script import INVITE, OPTIONS, changed, refused, results, said

BODY = """\
v=0
o=- 1 3909090909 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
m=audio 4000 RTP/AVP 0 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
m=video 5000 RTP/AVP 96
a=rtpmap:96 H264/90000
"""
CALL = f"{INVITE.partition('Content-Length')[0]}Content-Length: {len(BODY) + BODY.count(chr(10))}\n\n{BODY}"


def body_after(call: str, target: str = "5.6") -> list[str]:
    """The lines of the body that a change leaves."""
    return changed(call, CALL, modules="sdpops", target=target).partition("\n\n")[2].splitlines()


@pytest.mark.parametrize(
    ("call", "line"),
    [
        ('sdp_remove_codecs_by_name("PCMA")', "m=audio 4000 RTP/AVP 0 101"),
        ('sdp_keep_codecs_by_name("PCMU,telephone-event", "audio")', "m=audio 4000 RTP/AVP 0 101"),
        ('sdp_keep_codecs_by_id("8", "audio")', "m=audio 4000 RTP/AVP 8"),
    ],
)
def test_codecs_go_with_the_lines_about_them(call: str, line: str) -> None:
    left = body_after(call)
    assert line in left
    payloads = " ".join(entry.split("AVP ")[1] for entry in left if entry.startswith("m="))
    assert all(entry.split()[0].removeprefix("a=rtpmap:") in payloads.split() for entry in left if "rtpmap" in entry)


def test_a_stream_goes_whole() -> None:
    assert body_after('sdp_remove_media("video")') == BODY.splitlines()[:8]


def test_versions_of_more_than_32_bits_belong_to_6() -> None:
    show = 'xlog("$sdp(sess_version)\\n");'
    assert said(show, CALL, modules="sdpops") == ["<null>"]
    assert said(show, CALL, modules="sdpops", target="6.x") == ["3909090909"]
    assert "o=- 1 3909090910 IN IP4 192.0.2.1" in body_after("$sdp(sess_version) = -1", "6.x")


def test_an_iterator_walks_the_lines_and_changes_them() -> None:
    walk = """sdp_iterator_start("i"); while (sdp_iterator_next("i")) {
        if ($sdpitval(i) =~ "^a=rtpmap:8 ") sdp_iterator_rm("i");
        if ($sdpitval(i) =~ "^m=video") sdp_iterator_insert("i", "a=sendonly\\r\\n");
        if ($sdpitval(i) =~ "^c=") sdp_iterator_append("i", "b=AS:64\\r\\n");
    } sdp_iterator_end("i")"""
    lines = BODY.splitlines()
    assert body_after(walk, "6.x") == [*lines[:4], "b=AS:64", *lines[4:6], lines[7], "a=sendonly", *lines[8:]]


def test_an_iterator_needs_a_description_and_a_name() -> None:
    calls = ('sdp_iterator_start("i")', 'sdp_iterator_next("i")', 'sdp_iterator_rm("i")')
    assert results(*calls, message=OPTIONS, modules="sdpops", target="6.x") == [-1, -1, -1]


def test_a_description_that_changed_is_read_again() -> None:
    calls = ('sdp_with_media("video")', 'sdp_remove_media("video")', "msg_apply_changes()", 'sdp_with_media("video")')
    assert results(*calls, message=CALL, modules="sdpops textops textopsx") == [1, 1, 1, -1]


def test_what_the_printed_description_says() -> None:
    from tests.modules.script import serve

    serving = serve("sdp_print(-1);", modules="sdpops")
    serving.send(CALL)
    assert [record.text for record in serving.records if record.origin == "sdpops"] == [
        "session 0: 192.0.2.1",
        "stream 0: audio - 4000 RTP/AVP 0 8 101",
        "stream 1: video - 5000 RTP/AVP 96",
    ]


def test_parts_that_there_are_not() -> None:
    assert "$sdp has the parts body and sess_version" in refused('xlog("$sdp(media)");', modules="sdpops")


@given(st.lists(st.text(st.characters(min_codepoint=48, max_codepoint=122), min_size=1, max_size=5), max_size=6))
def test_a_list_holds_its_entries(entries: list[str]) -> None:
    text = ",".join(entries)
    assert list(tokens(text, ",")) == entries
    assert all(text[listed(text, entry, ",") :].startswith(entry) for entry in entries)
    assert listed(text, "", ",") == -1
