"""uac: what hides in Record-Route, answers to challenges, requests of the script; what the daemon cannot be asked."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.lab import Lab
from kamscript.modules.uac.addresses import decode, mask, unmask
from kamscript.modules.uac.auth import (
    AuthError,
    Challenge,
    Credential,
    answer,
    challenge_of,
    parse_challenge,
    parse_credential,
)
from kamscript.sip.message import Message
from tests.modules.script import INVITE, changed, refused, results, serve

RESTORE_NONE = 'modparam("uac", "restore_mode", "none")\n'
URIS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


# -- what Record-Route carries --------------------------------------------------------------------------------------
@given(URIS, URIS, st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=9))
def test_with_one_uri_and_the_password_the_other_is_read(one: str, other: str, password: str) -> None:
    data = decode(mask(one, other, password))
    assert data is not None
    assert (unmask(data, other, password), unmask(data, one, password)) == (one, other) or one == other


def test_the_password_makes_another_text() -> None:
    assert mask("sip:a@b", "sip:c@d", "secret") != mask("sip:a@b", "sip:c@d", "")


@given(st.text(max_size=30))
def test_any_parameter_is_read_or_refused(text: str) -> None:
    data = decode(text)
    assert data is None or len(data) <= len(text)


@pytest.mark.parametrize(
    ("call", "new"),
    [
        ('uac_replace_from("", "sip:x@h")', "From:  <sip:x@h>"),
        ('uac_replace_to("sip:x@h;a=b")', "To: sip:x@h;a=b"),
    ],
)
def test_6_x_leaves_no_blanks_and_no_bare_parameters(call: str, new: str) -> None:
    message = INVITE.replace("f: ", "From: ").replace("To: <sip:bob@example.com>", "To: sip:bob@example.com")
    before = changed(call, message, modules="tm rr uac")
    after = changed(call, message, modules="tm rr uac", target="6.x")
    assert new in before
    assert new.replace(":  <", ": <").replace("sip:x@h;a=b", "<sip:x@h;a=b>") in after


# -- challenges -----------------------------------------------------------------------------------------------------
@given(st.text(st.characters(max_codepoint=255), max_size=60), st.booleans())
def test_any_challenge_is_read_or_refused(text: str, newer: bool) -> None:
    try:
        assert parse_challenge(f"Digest {text}", newer).nonce
    except AuthError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "credential"),
    [("a:b:c", ("a", "b", "c")), (" a : b : c:d ", ("a", "b", "c:d")), ("a:b", None), ("a:b c:d", None), ("", None)],
)
def test_a_credential_has_three_parts(text: str, credential: tuple[str, str, str] | None) -> None:
    found = parse_credential(text)
    assert (found and tuple(found)[:3]) == credential


def uac(target: str = "5.6"):  # type: ignore[no-untyped-def]
    return serve("exit;", modules="tm uac", before=RESTORE_NONE, target=target).server.module("uac")


def challenged(*values: str) -> Message:
    lines = "".join(f"WWW-Authenticate: {value}\r\n" for value in values)
    return Message(f"SIP/2.0 401 Who\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n{lines}\r\n")


MD5 = 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"'
SHA = 'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"'


def test_sha_256_is_answered_since_6_x() -> None:
    with pytest.raises(AuthError, match="unsupported algorithm"):
        challenge_of(uac("5.6"), challenged(SHA), 401)
    module = uac("6.x")
    challenge = challenge_of(module, challenged(SHA), 401)
    line = answer(module, challenge, 401, "INVITE", "sip:b", Credential("u", "r", "p"))

    def sha(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    cnonce = line.partition('cnonce="')[2].partition('"')[0]
    expected = sha(f"{sha('u:r:p')}:n:00000001:{cnonce}:auth:{sha('INVITE:sip:b')}")
    assert f'response="{expected}", algorithm=SHA-256' in line


def test_6_x_takes_the_strongest_of_several_challenges() -> None:
    reply = challenged(MD5, SHA, 'Digest realm="r", nonce="n", algorithm=FOO')
    assert challenge_of(uac("5.6"), reply, 401).algorithm == "MD5"
    assert challenge_of(uac("6.x"), reply, 401).algorithm == "SHA-256"


def test_md5_sess_needs_qop() -> None:
    module = uac("6.x")
    line = answer(module, Challenge("r", "n", "", "auth", "MD5-sess"), 407, "M", "u", Credential("u", "r", "p"))
    assert line.startswith("Proxy-Authorization: Digest ") and line.endswith("algorithm=MD5-sess\r\n")
    with pytest.raises(AuthError, match="needs qop"):
        answer(module, Challenge("r", "n", "", "", "MD5-sess"), 407, "M", "u", Credential("u", "r", "p"))


def test_a_hash_that_is_too_short_is_no_hash() -> None:
    with pytest.raises(AuthError, match="HA1 length 3"):
        answer(uac(), Challenge("r", "n", "", "", "MD5"), 401, "M", "u", Credential("u", "r", "abc", hashed=True))


def test_an_answer_with_auth_int_is_known_to_be_refused() -> None:
    serving = serve("exit;", modules="tm uac", before=RESTORE_NONE)
    module = serving.server.module("uac")
    answer(module, Challenge("r", "n", "", "auth-int", "MD5"), 401, "M", "u", Credential("u", "r", "p"))
    assert "auth-int is not supported" in serving.records[-1].text


# -- requests -------------------------------------------------------------------------------------------------------
def test_nothing_is_sent_without_method_and_request_uri() -> None:
    assert results("uac_req_send()", modules="tm uac", before=RESTORE_NONE) == [-1]


def lab(route: str, rest: str = "", target: str = "5.6", params: str = RESTORE_NONE) -> Lab:
    loads = "".join(f'loadmodule "{name}.so"\n' for name in ("tm", "sl", "rr", "pv", "xlog", "uac"))
    return Lab(text=f"{loads}{params}request_route {{\n{route}\n}}\n{rest}", target=target)


SEND = """
$uac_req(all) = $null;
$uac_req(method) = "OPTIONS";
$uac_req(ruri) = "sip:gw@10.0.0.9";
%s
uac_req_send();
"""


def test_an_own_socket_can_be_taken_back() -> None:
    """5.6.3 empties the password in its place."""
    with lab('$uac_req(apasswd) = "p"; $uac_req(sock) = "udp:h:1"; $uac_req(sock) = $null; '
             'xlog("$uac_req(apasswd) $uac_req(sock)\\n");') as made:  # fmt: skip
        made.phone("alice").options("sip:x@example.com")
        assert made.log.script == ["p <null>"]


def test_6_x_says_the_cseq_and_the_tags() -> None:
    keys = '$uac_req(cseqno) = 77; $uac_req(ftag) = "f1"; $uac_req(ttag) = "t1";'
    with lab(SEND % keys, target="6.x") as made:
        gateway = made.phone("gw", "10.0.0.9")
        gateway.on("OPTIONS", 200)
        made.phone("alice").options("sip:x@example.com")
        request = gateway.received[0]
        assert request["CSeq"] == "77 OPTIONS"
        assert request["From"].endswith(";tag=f1")
        assert request["To"].endswith(";tag=t1")


def test_6_x_says_how_long_a_reply_is_waited_for() -> None:
    event = 'event_route[uac:reply] { xlog("$uac_req(evcode)\\n"); }'
    with lab(SEND % "$uac_req(evroute) = 1; $uac_req(fr_timeout) = 3000;", event, target="6.x") as made:
        made.phone("gw", "10.0.0.9").silent()
        made.phone("alice").options("sip:x@example.com")
        made.advance(2.9)
        assert made.log.script == []
        made.advance(0.3)
        assert made.log.script == ["408"]


def test_headers_without_a_line_end_stay_a_header_of_their_own() -> None:
    """5.6.3 hangs the credentials at its end."""
    keys = '$uac_req(hdrs) = "X-One: 1"; $uac_req(auser) = "u"; $uac_req(apasswd) = "p";'
    with lab(SEND % keys) as made:
        gateway = made.phone("gw", "10.0.0.9")

        @gateway.on("OPTIONS")
        def challenge(message):  # type: ignore[no-untyped-def]
            message.reply(401, headers=[f"WWW-Authenticate: {MD5}"])

        made.phone("alice").options("sip:x@example.com")
        request = gateway.received[1]
        assert request["X-One"] == "1"
        assert request["Authorization"].startswith('Digest username="u"')


# -- loading --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('"restore_mode", "some"', "unsupported value 'some'"),
        ('"credential", "a:b"', "user:realm:password"),
        ('"auth_realm_avp", "$avp(r)"', "partial definition"),
        ('"restore_dlg", 1', "is dialog module loaded"),
        ('"default_socket", "udp:10.9.9.9:1"', "non-local socket"),
        ('"reg_db_url", "sqlite:///x"', "reg_contact_addr"),
    ],
)
def test_what_is_wrong_is_said(line: str, why: str) -> None:
    assert why in refused("exit;", modules="tm rr uac", before=f'modparam("uac", {line})\n')


def test_without_rr_nothing_can_be_restored() -> None:
    assert "load module rr" in refused("exit;", modules="tm uac")
