"""textops: what its functions find, change and refuse."""

from __future__ import annotations

import pytest

from .script import INVITE, OPTIONS, changed, refused, results, said, sent, value

REPLY_ROUTE = 'request_route { $du = "sip:127.0.0.12:5060"; forward(); }'
MULTIPART = OPTIONS.replace("OPTIONS", "INVITE").replace(
    "Content-Length: 0\n\n",
    'Content-Type: multipart/mixed;boundary="b1"\nContent-Length: 132\n\n'
    "--b1\nContent-Type: application/sdp\n\nv=0\nm=audio 1 RTP/AVP 0\n\n"
    "--b1\nContent-Type: text/plain\nContent-Disposition: render\n\nhello\n\n--b1--\n",
)


def outcomes(*calls: str, message: str = INVITE, target: str = "5.6") -> list[int]:
    return results(*calls, message=message, modules="textops", target=target)


# -- searching --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "outcome"),
    [
        ('search("HELLO")', 1),
        ('search("nope")', -1),
        ('search("^Subject:")', 1),
        ('search_body("audio")', 1),
        ('search_body("hello")', -1),
        ('search_hf("Subject", "hello", "a")', 1),
        ('search_hf("X-One", "second", "f")', -1),
        ('search_hf("X-One", "second", "l")', 1),
        ('search_hf("From", "alice", "a")', 1),
        ('search_hf("X-None", "a", "a")', -1),
        ('in_list("b", "a,b,c", ",")', 1),
        ('in_list("d", "a,b,c", ",")', -1),
        ('in_list_prefix("bcd", "a,b,c", ",")', 1),
        ('cmp_str("abc", "abc")', 1),
        ('cmp_str("abc", "ABC")', -1),
        ('cmp_istr("abc", "ABC")', 1),
        ('starts_with("sip:bob", "sip:")', 1),
        ('starts_with("sip:bob", "tel:")', -2),
        ('ends_with("sip:bob", "bob")', 1),
        ('str_find("abc", "b")', 2),
        ('str_ifind("abc", "B")', 2),
        ('is_method("INVITE")', 1),
        ('is_method("ACK|INVITE")', 1),
        ('is_method("BYE")', -1),
        ('is_present_hf("X-One")', 1),
        ('is_present_hf("f")', 1),
        ('is_present_hf("X-None")', -1),
        ('is_present_hf_re("^X-")', 1),
        ('has_body()', 1),
        ('has_body("application/sdp")', 1),
        ('has_body("text/plain")', -1),
        ('is_audio_on_hold()', -1),
        ('is_privacy("id")', -1),
    ],
)  # fmt: skip
def test_it_finds_what_is_there(call: str, outcome: int) -> None:
    assert outcomes(call) == [outcome]


@pytest.mark.parametrize(
    ("attribute", "held"), [("a=sendonly", 2), ("a=inactive", 2), ("a=sendrecv", -1), ("c=IN IP4 0.0.0.0", 1)]
)
def test_audio_is_on_hold_by_address_or_direction(attribute: str, held: int) -> None:
    body = f"v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 0\n{attribute}\n"
    head = INVITE.partition("Content-Length:")[0]
    message = f"{head}Content-Length: {len(body) + body.count(chr(10))}\n\n{body}"
    assert outcomes("is_audio_on_hold()", message=message) == [held]


def test_the_method_of_a_reply_is_that_of_its_cseq() -> None:
    assert outcomes('is_method("OPTIONS")', message=OPTIONS) == [1]


# -- changing texts ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "old", "new"),
    [
        ('replace("hello", "goodbye")', "Subject: hello", "Subject: goodbye"),
        ('replace_all("X-One", "X-Two")', "X-One: second", "X-Two: second"),
        ('replace_body("audio", "video")', "m=audio", "m=video"),
        ('replace_hdrs("hello", "bye")', "Subject: hello", "Subject: bye"),
        ('replace_str("hello", "$rU", "a")', "Subject: hello", "Subject: bob"),
        ('replace_body_str("audio", "video", "f")', "m=audio", "m=video"),
        ('replace_hdrs_str("hello", "bye", "a")', "Subject: hello", "Subject: bye"),
        (r'subst("/hello (world)/\1 \0!/")', "Subject: hello world", "Subject: world hello world!"),
        (r'subst("/hello/$rU/")', "Subject: hello", "Subject: bob"),
        (r'subst_body("/^m=([a-z]*) /m=\1x /")', "m=audio ", "m=audiox "),
        (r'subst_hf("Subject", "/hello/bye/", "a")', "Subject: hello", "Subject: bye"),
        ('search_append("hello", " there")', "Subject: hello ", "Subject: hello there "),
        ('search_append_body("audio 4000", "1")', "audio 4000 ", "audio 40001 "),
    ],
)  # fmt: skip
def test_an_edit_changes_the_text_it_names(call: str, old: str, new: str) -> None:
    text = changed(call)
    assert old in INVITE and new in text
    assert old not in text or old in new


def test_body_edits_keep_content_length_true() -> None:
    text = changed('replace_body("audio", "application")')
    body = text.partition("\n\n")[2]
    assert f"Content-Length: {len(body) + body.count(chr(10))}" in text


@pytest.mark.parametrize(
    ("call", "uri"),
    [
        ('subst_uri("/bob/carol/")', "sip:carol@example.com:5070;transport=udp"),
        (r'subst_user("/^(.*)$/9\1/")', "sip:9bob@example.com:5070;transport=udp"),
        ('subst_user("/nope/x/")', "sip:bob@example.com:5070;transport=udp"),
        ('subst_uri("/BOB/x/")', "sip:bob@example.com:5070;transport=udp"),
        ('subst_uri("/BOB/x/i")', "sip:x@example.com:5070;transport=udp"),
    ],
)  # fmt: skip
def test_substitutions_in_the_request_uri(call: str, uri: str) -> None:
    assert value("$ru", first=f"{call};", modules="textops") == uri


def test_the_transformation_substitutes() -> None:
    assert value("$(rU{re.subst,/b/B/g})", modules="textops") == "BoB"
    assert value("$(rU{re.subst,/x/B/g})", modules="textops") == "bob"


# -- headers ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "lines"),
    [
        (r'append_hf("X: 1\r\n")', "Content-Length: 67\nX: 1\n\n"),
        (r'append_hf("X: 1\r\n", "Subject")', "Subject: hello world\nX: 1\n"),
        (r'insert_hf("X: 1\r\n", "Subject")', "X: 1\nSubject: hello world\n"),
        (r'insert_hf("X: 1\r\n")', " SIP/2.0\nX: 1\nVia: "),
        (r'append_urihf("X: ", "\r\n")', "X: sip:bob@example.com:5070;transport=udp\n\n"),
    ],
)  # fmt: skip
def test_headers_go_where_they_are_wanted(call: str, lines: str) -> None:
    assert lines in changed(call)


def test_headers_are_removed_by_name_expression_and_index() -> None:
    assert "X-One" not in changed('remove_hf("X-One")')
    assert "X-One" not in changed('remove_hf_re("^x-")')
    assert "X-One: first" not in changed('remove_hf_idx("X-One", "0")')
    assert "X-One: second" in changed('remove_hf_idx("X-One", "0")')
    kept = changed('remove_hf_exp("^(X-|Subject)", "^X-One")')
    assert "X-One: second" in kept and "Subject" not in kept


def test_headers_of_replies_and_their_body() -> None:
    route = (
        r'append_to_reply("X: $rU\r\n"); set_reply_body("no", "text/plain"); append_time();'
        ' sl_send_reply("486", "Busy");'
    )
    (reply,) = sent(route, modules="sl textops")
    assert "\r\nX: bob\r\n" in reply.text
    assert "\r\nDate: Thu, 01 Jan 1970 00:16:40 GMT\r\n" in reply.text
    assert "\r\nContent-Type: text/plain\r\n" in reply.text
    assert reply.text.endswith("Content-Length: 2\r\n\r\nno")


def test_a_date_goes_behind_the_first_header_of_requests() -> None:
    assert "z9hG4bK-1\nDate: Thu, 01 Jan 1970 00:16:40 GMT\n" in changed("append_time_to_request()")


# -- bodies -----------------------------------------------------------------------------------------------------------
def test_a_body_is_set_with_its_type() -> None:
    text = changed('set_body("hi", "text/plain")')
    assert text.endswith("X-One: second\nContent-Length: 2\nContent-Type: text/plain\n\nhi")


def test_a_body_is_removed() -> None:
    assert changed("remove_body()").endswith("Content-Length: 0\n\n")


def test_parts_of_a_multipart_body() -> None:
    part = value("$var(p)", MULTIPART, first='get_body_part("text/plain", "$var(p)");', modules="textops")
    assert part.startswith("Content-Disposition: render\r\n\r\nhello\r\n")
    only = changed('filter_body("application/sdp")', MULTIPART)
    assert "m=audio 1" in only and "hello" not in only
    left = changed('remove_body_part("application/sdp")', MULTIPART)
    assert "m=audio 1" not in left and "hello" in left


def test_a_plain_body_becomes_the_first_part() -> None:
    text = changed('set_body_multipart(); msg_apply_changes(); append_body_part("more", "text/plain")')
    assert 'Content-Type: multipart/mixed;boundary="unique-boundary-1"' in text
    assert text.rstrip().endswith("more\n--unique-boundary-1--")


# -- refusals ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "call",
    [
        'has_body("nope")',
        'has_body("text/plain,text/html")',
        'has_body("*/sdp")',
        'is_present_hf("")',
        'is_present_hf("a b")',
        'is_present_hf("X-$var(x)")',
        'remove_hf("[")',
        'is_method("FOO|INVITE")',
        'is_method("INVITE|")',
        'is_method("INV ITE")',
        'search("[")',
        'search("a{2,1}")',
        'subst("no separators")',
        'is_privacy("nope")',
        'get_body_part("text/plain", "$mi")',
        'get_body_part("text/plain", "x")',
    ],
)  # fmt: skip
def test_what_the_daemon_refuses_at_start(call: str) -> None:
    assert "[fix-up]" in refused(f"{call};", modules="textops")


@pytest.mark.parametrize(
    "call",
    [
        'has_body("nope/nope")',
        'is_method("INVITE,ACK")',
        'is_method("FOO,BAR")',
        'search("a**")',
        'is_present_hf("a:")',
    ],
)
def test_what_it_takes(call: str) -> None:
    said(f"{call};", modules="textops")


def test_a_message_whose_headers_do_not_parse_is_left_alone() -> None:
    bad = INVITE.replace("Subject: hello world", "Subject hello world")
    assert outcomes(r'append_hf("X: 1\r\n")', 'remove_hf("X-One")', message=bad) == [-1, -1]
