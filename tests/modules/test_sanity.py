"""sanity: what is wrong with a message, what is answered, and what the script sees."""

from __future__ import annotations

import pytest

from .script import INVITE, refused, results, said, sent, serve

DIGEST = 'Authorization: Digest realm="r", nonce="n", uri="u",'
QUIET = 'modparam("sanity", "autodrop", 0)'


def checked(message: str, checks: int, uris: int = 15, *, target: str = "5.6", before: str = "") -> tuple[int, str]:
    """What sanity_check() returns, and the status line of its reply."""
    serving = serve(
        f'sanity_check("{checks}", "{uris}"); xlog("$rc\\n");',
        modules="sl sanity",
        before=f"{QUIET}\n{before}",
        target=target,
    )
    replies = serving.send(message)
    outcome = next(int(record.text) for record in serving.records if record.origin == "<script>")
    return outcome, replies[0].text.partition("\r\n")[0].removeprefix("SIP/2.0 ") if replies else ""


def with_header(line: str) -> str:
    return INVITE.replace("Subject:", f"{line}\nSubject:")


def test_a_good_message_passes_every_check() -> None:
    assert checked(INVITE, 0x7FFF) == (1, "")


@pytest.mark.parametrize(
    ("checks", "message", "reply"),
    [
        (2, INVITE.replace("INVITE sip:bob", "INVITE foo:bob"), "400 Bad Request URI"),
        (32, INVITE.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"), "400 CSeq method does not match request method"),
        (64, INVITE.replace("CSeq: 1 INVITE", "CSeq: abc INVITE"), "400 CSeq number is illegal"),
        (128, INVITE.replace("Content-Length: 67", "Content-Length: 60"), "400 Content-Length mis-match"),
        (256, with_header("Expires: x"), "400 Expires value is illegal"),
        (512, with_header("Proxy-Require: foo"), "420 Bad Proxy Require Extension"),
        (1024, INVITE.replace("<sip:alice@example.org>", "<alice>"), "400 Invalid From Header"),
        (1024, INVITE.replace("To: <sip:bob@example.com>", "To: <bob>"), "400 Ivalid To Header"),
        (1024, INVITE.replace("Contact: <sip:alice@127.0.0.11>", "Contact: <sip:>"), "400 Bad Contact URI"),
        (2048, with_header(f'{DIGEST} username="", response="r"'), "400 Auth Empty User"),
        (2048, with_header(f'{DIGEST} username="a"'), "400 Bad Auth Credentials"),
        (4096, INVITE.replace(";tag=a1", ";tag=a1;tag=a2"), "400 Many From Tag Params"),
    ],
)  # fmt: skip
def test_a_wrong_message_is_answered(checks: int, message: str, reply: str) -> None:
    assert checked(message, checks) == (-1, reply)


def test_what_a_proxy_supports_it_takes() -> None:
    before = 'modparam("sanity", "proxy_require", "path, outbound")'
    assert checked(with_header("Proxy-Require: path"), 512, before=before) == (1, "")


def test_a_refused_option_is_named() -> None:
    (reply,) = sent('sanity_check("512");', with_header("Proxy-Require: foo"), modules="sl sanity")
    assert "\r\nUnsupported: foo\r\n" in reply.text


def test_a_failed_check_ends_the_script_unless_told_otherwise() -> None:
    bad = INVITE.replace("CSeq: 1 INVITE", "CSeq: 1 BYE")
    route = 'sanity_check(); xlog("on\\n");'
    assert said(route, bad, modules="sl sanity") == []
    assert said(route, bad, modules="sl sanity", before=QUIET) == ["on"]


def test_the_script_may_reply_itself() -> None:
    before = f'{QUIET}\nmodparam("sanity", "noreply", 1)'
    bad = INVITE.replace("CSeq: 1 INVITE", "CSeq: 1 BYE")
    assert sent("sanity_check();", bad, modules="sl sanity", before=before) == []
    (reply,) = sent("sanity_check(); sanity_reply();", bad, modules="sl sanity", before=before)
    assert reply.text.startswith("SIP/2.0 400 CSeq method does not match request method\r\n")


def test_the_default_checks_are_parameters() -> None:
    bad = INVITE.replace("CSeq: 1 INVITE", "CSeq: 1 BYE")
    before = f'{QUIET}\nmodparam("sanity", "default_checks", 1)'
    assert results("sanity_check()", message=bad, modules="sl sanity", before=before) == [1]


def test_checks_out_of_range() -> None:
    calls = ['sanity_check("0")', 'sanity_check("32768")', 'sanity_check("1", "16")']
    assert results(*calls, modules="sl sanity", before=QUIET) == [-1, -1, -1]


def test_6_limits_sizes() -> None:
    before = 'modparam("sanity", "size_ruri", 10)'
    assert checked(INVITE, 1 << 16, target="6.x", before=before) == (-1, "")
    assert checked(INVITE, 1 << 16, target="6.x") == (1, "")


def test_it_needs_sl() -> None:
    assert refused("exit;", modules="sanity")
