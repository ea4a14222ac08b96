"""Phones answer challenges."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.lab.message import Message
from kamscript.lab.phone import Phone
from kamscript.sip.auth import ha1, parse_credentials, response

CHALLENGE = 'Digest realm="x", nonce="n1"'


@pytest.fixture
def lab() -> Lab:
    lab = Lab(text="request_route { drop; }")
    registrar = lab.phone("registrar")
    lab.phone("alice", password="secret", proxy=("10.0.0.1", 5060))
    lab.phone("bob", proxy=("10.0.0.1", 5060))
    assert registrar.address == ("10.0.0.1", 5060)
    return lab


@pytest.fixture
def alice(lab: Lab) -> Phone:
    return lab.phones["alice"]


@pytest.fixture
def registrar(lab: Lab) -> Phone:
    return lab.phones["registrar"]


def is_right(message: Message, name: str = "Authorization", password: str = "secret") -> bool:
    """Whether the credentials of a request are those of alice."""
    found = parse_credentials(message.get(name, "Basic x"))
    if found is None:
        return False
    algorithm, nonce, cnonce = found.algorithm or "", found.nonce or "", found.cnonce or ""
    hashed = ha1("alice", found.realm or "", password, algorithm, nonce, cnonce)
    return found.username == "alice" and found.response == response(
        hashed, nonce, message.method, found.uri or "", qop=found.qop or "", nc=found.nc or "", cnonce=cnonce,
        algorithm=algorithm,
    )  # fmt: skip


def guard(phone: Phone, method: str, *challenges: str, status: int = 401) -> None:
    """Let `phone` ask for credentials."""
    asks, answers = {
        401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization"),
    }[status]  # fmt: skip

    def check(message: Message) -> None:
        if is_right(message, answers):
            message.reply(200)
        else:
            message.reply(status, headers=[f"{asks}: {value}" for value in challenges])

    phone.on(method, check)


@pytest.mark.parametrize(
    "more",
    [
        "",
        ', qop="auth"',
        ', qop="auth,auth-int", algorithm=MD5',
        ', qop="auth", algorithm=SHA-256',
        ", algorithm=SHA-256",
        ', qop="auth", algorithm=MD5-sess',
        ', qop="auth", algorithm=SHA-512-256, opaque="o"',
    ],
)
def test_a_challenge_is_answered(alice: Phone, registrar: Phone, more: str) -> None:
    guard(registrar, "REGISTER", CHALLENGE + more)
    request = alice.register()
    assert [reply.status for reply in request.replies] == [401, 200]
    assert request.status == 200


def test_each_attempt_has_its_own_cseq_and_branch(alice: Phone, registrar: Phone) -> None:
    guard(registrar, "REGISTER", CHALLENGE)
    alice.register()
    alice.register()
    assert [message["CSeq"] for message in registrar.received] == [f"{n} REGISTER" for n in (1, 2, 3, 4)]
    assert len({message["Via"] for message in registrar.received}) == 4
    assert len({message["Call-ID"] for message in registrar.received}) == 1


def test_a_nonce_used_again_is_counted(alice: Phone, registrar: Phone) -> None:
    guard(registrar, "REGISTER", f'{CHALLENGE}, qop="auth"')
    alice.register()
    alice.register()
    counts = [parse_credentials(message["Authorization"]).nc for message in registrar.received[1::2]]  # type: ignore[union-attr]
    assert counts == ["00000001", "00000002"]


def test_the_first_known_algorithm_of_a_realm_is_taken(alice: Phone, registrar: Phone) -> None:
    guard(registrar, "REGISTER", f"{CHALLENGE}, algorithm=SHA3", f"{CHALLENGE}, algorithm=SHA-256", CHALLENGE)
    assert alice.register().status == 200
    assert "SHA-256" in registrar.last_request["Authorization"]


def test_a_proxy_asks(alice: Phone, registrar: Phone) -> None:
    guard(registrar, "MESSAGE", CHALLENGE, status=407)
    assert alice.message("bob", "hello").status == 200
    assert registrar.last_request.body == "hello"


def test_a_call_is_challenged(alice: Phone, registrar: Phone) -> None:
    guard(registrar, "INVITE", f'{CHALLENGE}, qop="auth"', status=407)
    call = alice.call("bob")
    assert [reply.status for reply in call.replies] == [407, 200]
    assert call.state == "confirmed"
    assert [message.method for message in registrar.received] == ["INVITE", "ACK", "INVITE", "ACK"]
    call.hangup()
    assert registrar.last_request["CSeq"] == "3 BYE"


def test_a_wrong_password_is_tried_once(lab: Lab, registrar: Phone) -> None:
    eve = lab.phone("alice", name="eve", password="wrong", proxy="10.0.0.1")
    guard(registrar, "REGISTER", CHALLENGE)
    assert [reply.status for reply in eve.register().replies] == [401, 401]
    assert eve.register().status == 401


def test_a_stale_nonce_is_answered_again(alice: Phone, registrar: Phone) -> None:
    def check(message: Message) -> None:
        tries = len(registrar.received)
        if tries == 3:
            message.reply(200)
        else:
            stale = ", stale=true" if tries == 2 else ""
            message.reply(401, headers=[f'WWW-Authenticate: Digest realm="x", nonce="n{tries}"{stale}'])

    registrar.on("REGISTER", check)
    assert [reply.status for reply in alice.register().replies] == [401, 401, 200]


@pytest.mark.parametrize("challenge", ["Basic realm=x", 'Digest realm="x"', f"{CHALLENGE}, algorithm=SHA3"])
def test_what_cannot_be_answered_is_left(alice: Phone, registrar: Phone, challenge: str) -> None:
    guard(registrar, "REGISTER", challenge)
    assert [reply.status for reply in alice.register().replies] == [401]


def test_a_phone_without_password_shows_the_challenge(lab: Lab, registrar: Phone) -> None:
    guard(registrar, "REGISTER", CHALLENGE)
    assert lab.phones["bob"].register().expect(401)["WWW-Authenticate"] == CHALLENGE


def test_the_user_of_the_credentials_may_be_another(lab: Lab, registrar: Phone) -> None:
    phone = lab.phone("+4930123", auth_user="alice", password="secret", proxy="10.0.0.1")
    guard(registrar, "REGISTER", CHALLENGE)
    assert phone.register().status == 200
