"""auth: nonces over time and between servers, the names of 6.x, settings, and what nobody expects in a header."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.core.context import Context
from kamscript.core.sockets import Datagram
from kamscript.lab import Lab
from kamscript.module import Route
from kamscript.modules.auth import WWW, Auth
from kamscript.sip.auth import Challenge, authorize, parse_challenge
from kamscript.source import ConfigError

from .serving import START, Served

MODULES = "tm sl pv textops xlog siputils auth"
URI = "sip:example.com"
CHECK = """
request_route {
    $var(flags) = $(hdr(X-Flags){s.int});
    if (!pv_www_authenticate("example.com", "secret", "$var(flags)")) {
        xlog("$rc\\n");
        www_challenge("example.com", "$var(flags)");
        exit;
    }
    xlog("$Au\\n");
    sl_send_reply("200", "OK");
}
"""


class Phone:
    """alice, who knows a password, at a server of her own."""

    def __init__(self, config: str = CHECK, *, target: str = "5.6", now: float = START, **params: int | str) -> None:
        lines = (
            f'modparam("auth", "{name}", {f"{chr(34)}{value}{chr(34)}" if isinstance(value, str) else value})\n'
            for name, value in params.items()
        )
        self.served = Served("".join(lines) + config, MODULES, target=target, now=now)

    @property
    def said(self) -> str:
        return self.served.script[-1]

    def send(self, headers: str = "", **more: Any) -> Datagram:
        (reply,) = self.served.request("REGISTER", "alice", headers, **more)
        return reply

    def challenges(self, flags: int = 0) -> list[Challenge]:
        reply = self.send(f"X-Flags: {flags}")
        found = [parse_challenge(text) for text in re.findall(r"(?m)^WWW-Authenticate: (.*)\r$", reply.text)]
        return [challenge for challenge in found if challenge is not None]

    def challenge(self, flags: int = 0) -> Challenge:
        (challenge,) = self.challenges(flags)
        return challenge

    def answer(self, challenge: Challenge, password: str = "secret", *, nc: int = 1, flags: int = 0) -> str:
        """What the script said of an answer."""
        value = authorize(challenge, "REGISTER", URI, "alice", password, cnonce="c", nc=nc)
        self.send(f"Authorization: {value}\nX-Flags: {flags}")
        return self.said


GOOD = "alice@example.com"


@pytest.mark.parametrize(("flags", "qop"), [(0, ()), (1, ("auth",)), (2, ("auth-int",)), (3, ("auth-int",))])
def test_a_right_answer(flags: int, qop: tuple[str, ...]) -> None:
    phone = Phone()
    challenge = phone.challenge(flags)
    assert challenge.qop == qop
    assert phone.answer(challenge) == GOOD
    assert phone.answer(challenge, "wrong") == "-2"


def test_a_nonce_holds_its_times() -> None:
    phone = Phone(nonce_expire=60)
    raw = b64decode(phone.challenge().nonce)
    assert len(raw) == 24
    assert (int.from_bytes(raw[:4], "big"), int.from_bytes(raw[4:8], "big")) == (int(START) + 60, int(START))


@pytest.mark.parametrize(("seconds", "said"), [(300, GOOD), (301, "-4")])
def test_a_nonce_expires(seconds: int, said: str) -> None:
    phone = Phone()
    challenge = phone.challenge()
    phone.served.advance(seconds)
    assert phone.answer(challenge) == said


@pytest.mark.parametrize(
    ("drift", "ahead", "said"), [(3, 3, GOOD), (3, 4, "-4"), (0, 0, GOOD), (0, 1, "-4"), (-1, 900, GOOD)]
)
def test_nonces_from_the_future(drift: int, ahead: int, said: str) -> None:
    other = Phone(secret="shared", now=START + ahead)
    assert Phone(secret="shared", nonce_auth_max_drift=drift).answer(other.challenge()) == said


def test_a_nonce_from_before_the_start_is_stale() -> None:
    challenge = Phone(secret="shared").challenge()
    assert Phone(secret="shared", now=START + 1).answer(challenge) == "-4"


def test_servers_with_a_secret_in_common_know_their_nonces() -> None:
    challenge = Phone(secret="shared").challenge()
    assert Phone(secret="shared").answer(challenge) == GOOD
    assert Phone(secret="other").answer(challenge) == "-1"


def test_each_half_of_the_secret_signs_a_part() -> None:
    checked: dict[str, Any] = {"auth_checks_register": 1}
    challenge = Phone(secret="a" * 16 + "b" * 16, **checked).challenge()
    assert len(b64decode(challenge.nonce)) == 40
    assert Phone(secret="a" * 16 + "b" * 16, **checked).answer(challenge) == GOOD
    assert Phone(secret="a" * 16 + "c" * 16, **checked).answer(challenge) == "-4"
    assert Phone(secret="c" * 16 + "b" * 16, **checked).answer(challenge) == "-1"


def test_a_short_secret_gets_a_warning() -> None:
    assert "longer secret" in Phone(secret="short", auth_checks_register=1).served.lines("auth")[0]
    assert Phone(secret="short").served.lines("auth") == []


def test_counts_of_nonces_that_were_overwritten() -> None:
    phone = Phone(nonce_count=1, nc_array_size=2)
    first = phone.challenge(1)
    assert phone.answer(first) == GOOD
    phone.challenge(1)
    assert phone.answer(first, nc=2) == GOOD
    phone.challenge(1)
    assert phone.answer(first, nc=3) == "-4"


def test_a_one_time_nonce_is_forgotten_in_time() -> None:
    phone = Phone(one_time_nonce=1, otn_in_flight_no=64)
    first = phone.challenge()
    for _ in range(64):
        phone.challenge()
    assert phone.answer(first) == "-6"


def test_memory_grows_with_the_nonces_and_not_with_the_arrays() -> None:
    phone = Phone(nonce_count=1, nc_array_size=4)
    for _ in range(20):
        phone.challenge()
    counts = auth_of(phone).nonces.counts
    assert counts is not None and len(counts.highest) == 4


def auth_of(phone: Phone) -> Auth:
    module: Auth = phone.served.server.module("auth")
    return module


def test_a_prack_with_credentials_passes() -> None:
    """Kamailio 5.6 ends with a signal here."""
    phone = Phone('request_route { pv_auth_check("example.com", "x", "0", "1"); xlog("$rc\\n"); }')
    phone.served.request("PRACK", "alice", 'Proxy-Authorization: Digest username="bob", realm="example.com", nonce="x"')
    assert phone.said == "1"


def test_the_first_credentials_tell_who_it_is() -> None:
    route = 'request_route { pv_auth_check("example.com", "secret", "0", "1"); xlog("$rc\\n"); }'
    for target, said in (("5.6", "-8"), ("6.x", "1")):
        phone = Phone(route, target=target, secret="s")
        nonce = auth_of(phone).nonces.make(None)
        good = authorize(Challenge("example.com", nonce), "INVITE", URI, "alice", "secret", cnonce="c")
        other = good.replace('username="alice", realm="example.com"', 'username="bob", realm="example.org"')
        phone.served.request("INVITE", "alice", f"Proxy-Authorization: {other}\nProxy-Authorization: {good}")
        assert phone.said == said


def test_is_user_asks_for_the_credentials_that_were_checked() -> None:
    asked = 'is_user("alice"); $var(a) = $rc; is_user("bob"); xlog("$var(a) $rc\\n");'
    phone = Phone(f'request_route {{ pv_www_authenticate("example.com", "x", "0"); {asked} }}')
    phone.served.request("OPTIONS", "carol", 'Authorization: Digest username="alice", realm="example.com"')
    assert phone.said == "1 -1"


def test_build_challenge_leaves_the_quality_of_the_parameter() -> None:
    phone = Phone(qop=" auth-int ")
    server = phone.served.server
    ctx = Context(server, server.faked_message(), Route.REQUEST)
    auth_of(phone).build_challenge(ctx, "example.com", WWW, stale=True)
    value = str(ctx.avps.get("digest_challenge"))
    assert re.fullmatch(
        r'WWW-Authenticate: Digest realm="example.com", nonce="\S{32}", qop="auth-int", stale=true\r\n', value
    )


# -- 6.x ---------------------------------------------------------------------------------------------------------------
LISTED = CHECK.replace('"$var(flags)");\n        exit', '"$var(flags)", "SHA-256, MD5,SHA-512")\n        ;exit')


@pytest.mark.parametrize("target", ["6.x", "all"])
def test_a_challenge_for_each_algorithm(target: str) -> None:
    phone = Phone(LISTED, target=target)
    challenges = phone.challenges(1)
    assert [challenge.algorithm for challenge in challenges] == ["SHA-256", "MD5", "SHA-512"]
    assert len({challenge.nonce for challenge in challenges}) == 1
    assert [phone.answer(challenge) for challenge in challenges] == [GOOD] * 3


def test_a_challenge_with_an_unknown_algorithm_is_a_500() -> None:
    phone = Phone(LISTED.replace("MD5", "MD4"), target="6.x")
    assert phone.send().text.startswith("SIP/2.0 500 ")
    (quiet,) = [phone.served.request("REGISTER", "alice", "X-Flags: 4")]
    assert quiet == []


def test_auth_algorithm_changes_the_algorithm() -> None:
    call = '$var(a) = $hdr(X-Algorithm); auth_algorithm("$var(a)"); xlog("$rc\\n"); '
    phone = Phone(CHECK.replace("request_route {", "request_route { " + call), target="6.x")
    for name, said, kept in (("SHA-512-256", "1", "SHA-512-256"), ("SHA-1", "-1", "SHA-512-256"), ("", "1", "MD5")):
        reply = phone.send(f"X-Algorithm: {name}")
        assert phone.served.script[-2] == said
        assert f"algorithm={kept}\r\n" in reply.text


def test_6x_names_its_algorithm_always_and_hears_that_of_the_phone() -> None:
    phone = Phone(target="6.x")
    challenge = phone.challenge()
    assert challenge.algorithm == "MD5"
    challenge.algorithm = "SHA-256"
    assert phone.answer(challenge) == GOOD
    challenge.algorithm = "SHA-256-sess"
    assert phone.answer(challenge) == GOOD


def test_flag_32_counts_only_right_answers() -> None:
    phone = Phone(target="6.x", nonce_count=1)
    challenge = phone.challenge(1)
    assert phone.answer(challenge, "wrong", nc=5, flags=32) == "-2"
    assert phone.answer(challenge, nc=5, flags=32) == GOOD
    assert phone.answer(challenge, nc=5, flags=32) == "-4"


def test_hashes_of_another_length_are_errors_in_6x() -> None:
    route = 'request_route { pv_www_authenticate("example.com", "abc", "1"); xlog("$rc\\n"); }'
    for target, said in (("5.6", "-2"), ("6.x", "-1")):
        phone = Phone(route, target=target, secret="s")
        nonce = auth_of(phone).nonces.make(None)
        value = authorize(Challenge("example.com", nonce), "INVITE", URI, "alice", "x", cnonce="c")
        phone.served.request("INVITE", "alice", f"Authorization: {value}")
        assert phone.said == said


# -- settings ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"qop": "auth,auth-int"}, "auth and auth-int are"),
        ({"algorithm": "SHA-512"}, "MD5, SHA-256 are possible"),
        ({"challenge_attr": "x"}, "write it as $name"),
        ({"nonce_count": 1, "nc_array_size": 1}, "too high for nc_array_size"),
        ({"nonce_count": 1, "nc_array_order": 24}, "too big"),
        ({"nonce_count": 1, "nc_array_order": 40}, "too big for the memory"),
        ({"one_time_nonce": 1, "otn_in_flight_order": 5}, "too high for otn_in_flight_no"),
    ],
)
def test_settings_that_are_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Phone(**params)
    assert said in str(caught.value)


def test_nonce_count_without_qop_has_no_effect() -> None:
    phone = Phone(nonce_count=1, qop="")
    assert "nonce_count without qop" in phone.served.lines("auth")[0]
    challenge = phone.challenge(1)
    assert [phone.answer(challenge), phone.answer(challenge)] == [GOOD, GOOD]


# -- anything ----------------------------------------------------------------------------------------------------------
ANY = Phone(secret="s", nonce_count=1, one_time_nonce=1, auth_checks_register=15)
PIECES = st.sampled_from(
    [
        *("Digest ", "digest\t", "Basic ", ", ", "=", '"', " ", "\t", "username", "realm", "nonce", "uri", "response"),
        *('realm="example.com"', 'username="a@b:c"', "nc=00000001", "nc=zz", 'qop="auth-int"', "qop=auth", 'cnonce=""'),
        *('nonce="', "AAAA", "////", "====", "*", 'response=""', "algorithm=MD5-sess", "algorithm=x", "\xff", "\x00"),
    ]
)


@given(st.lists(PIECES, max_size=24))
def test_no_header_makes_the_script_fail(pieces: list[str]) -> None:
    before = len(ANY.served.records)
    ANY.served.request("REGISTER", "alice", f"Authorization: {''.join(pieces)}\nX-Flags: 15")
    assert [record for record in ANY.served.records[before:] if record.level <= -3] == []


@given(st.text("ABCabc019+/=*", max_size=68))
def test_no_nonce_is_taken_for_good(nonce: str) -> None:
    assert ANY.answer(Challenge("example.com", nonce)) != GOOD


# -- in the lab --------------------------------------------------------------------------------------------------------
REGISTRAR = """
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
listen=udp:127.0.0.1:5060
modparam("auth", "nonce_expire", 60)
request_route {
    if (!pv_auth_check("example.com", "secret", "0", "1")) { auth_challenge("example.com", "1"); exit; }
    consume_credentials();
    save("location");
}
"""


def test_a_phone_of_the_lab_registers() -> None:
    lab = Lab(text=REGISTRAR)
    alice = lab.phone("alice", domain="example.com", password="secret")
    assert alice.register().status == 200
    lab.advance(61)
    assert alice.register().status == 200


def test_a_phone_with_the_wrong_password_gives_up() -> None:
    lab = Lab(text=REGISTRAR)
    assert lab.phone("alice", domain="example.com", password="wrong").register().status == 401
    assert lab.phone("bob", domain="example.com", auth_user="alice", password="secret").register().status == 401
