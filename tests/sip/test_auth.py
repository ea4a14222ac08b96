"""Digest authentication against the examples of the RFCs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.sip import auth
from kamscript.sip.errors import SipError

RFC2617 = (
    'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",\r\n'
    ' uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b",'
    ' response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)


def test_credentials() -> None:
    found = auth.parse_credentials(RFC2617)
    assert found is not None
    assert (found.username, found.user, found.domain, found.realm) == ("Mufasa", "Mufasa", "", "testrealm@host.com")
    assert (found.uri, found.qop, found.nc, found.cnonce) == ("/dir/index.html", "auth", "00000001", "0a4f113b")
    assert (found.response, found.opaque, found.algorithm) == (
        "6629fae49393a05397450978507c4ef1", "5ccc069c403ebaf9f0171e9517f40e41", None,
    )  # fmt: skip
    assert found.missing() == []


def test_user_and_domain_of_a_username() -> None:
    found = auth.parse_credentials('Digest username="sip:bob@example.com", realm="r"')
    assert found is not None
    assert (found.user, found.domain, found.realm_for_lookup()) == ("bob", "example.com", "example.com")
    assert found.missing() == ["nonce", "uri", "response"]


def test_other_schemes_are_none() -> None:
    assert auth.parse_credentials("Basic QWxhZGRpbg==") is None
    assert auth.parse_challenge("Basic realm=x") is None


@pytest.mark.parametrize(
    "value", ["Digest x", 'Digest username="a', "Digest username=", "Digest username=a, ", "Digest a=,b=c"]
)
def test_malformed_credentials(value: str) -> None:
    with pytest.raises(SipError):
        auth.parse_credentials(value)


def test_response_of_rfc_2617() -> None:
    ha1 = auth.ha1("Mufasa", "testrealm@host.com", "Circle Of Life")
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    assert (
        auth.response(ha1, nonce, "GET", "/dir/index.html", qop="auth", nc="00000001", cnonce="0a4f113b")
        == "6629fae49393a05397450978507c4ef1"
    )


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_responses_of_rfc_7616(algorithm: str, expected: str) -> None:
    challenge = auth.Challenge(
        "http-auth@example.org",
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        qop=("auth", "auth-int"),
        algorithm=algorithm,
        opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    )
    value = auth.authorize(
        challenge, "GET", "/dir/index.html", "Mufasa", "Circle of Life",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )  # fmt: skip
    found = auth.parse_credentials(value)
    assert found is not None
    assert found.response == expected
    assert (found.qop, found.nc, found.algorithm, found.opaque) == ("auth", "00000001", algorithm, challenge.opaque)


def test_auth_int_covers_the_body() -> None:
    plain = auth.response("a", "n", "INVITE", "sip:b", qop="auth-int", nc="1", cnonce="c", body="")
    assert plain != auth.response("a", "n", "INVITE", "sip:b", qop="auth-int", nc="1", cnonce="c", body="x")


def test_session_algorithm_binds_the_nonce() -> None:
    assert auth.ha1("u", "r", "p", "MD5-sess", "n1", "c") != auth.ha1("u", "r", "p", "MD5-sess", "n2", "c")


def test_a_session_without_qop_tells_its_cnonce() -> None:
    plain, session = (auth.Challenge("r", "n", algorithm=name) for name in ("MD5", "MD5-sess"))
    values = [auth.authorize(challenge, "INVITE", "sip:b", "u", "p", cnonce="c") for challenge in (plain, session)]
    assert ["cnonce" in value for value in values] == [False, True]


def test_a_challenge_is_written_in_the_order_of_kamailio() -> None:
    text = auth.Challenge("r", "n", qop=("auth",), algorithm="MD5", stale=True).text()
    assert text == 'Digest realm="r", nonce="n", qop="auth", stale=true, algorithm=MD5'


@pytest.mark.parametrize(("name", "length"), [("", 32), ("md5", 32), ("SHA-256", 64), ("SHA-512", 128)])
def test_lengths_of_hashes(name: str, length: int) -> None:
    assert len(auth.digest_hash("x", name)) == length


def test_unknown_algorithm() -> None:
    with pytest.raises(SipError):
        auth.digest_hash("x", "SHA-1")


def test_challenge_is_read_as_written() -> None:
    challenge = auth.Challenge("r", "n", qop=("auth",), algorithm="SHA-256", opaque="o", stale=True)
    again = auth.parse_challenge(challenge.text())
    assert again is not None
    assert (again.realm, again.nonce, again.qop, again.algorithm, again.opaque, again.stale) == (
        "r", "n", ("auth",), "SHA-256", "o", True,
    )  # fmt: skip


def test_challenge_needs_realm_and_nonce() -> None:
    with pytest.raises(SipError):
        auth.parse_challenge('Digest realm="x"')


@given(st.text('Digest urn="=, a\r\n', max_size=20))
def test_nothing_but_sip_error(text: str) -> None:
    for parse in (auth.parse_credentials, auth.parse_challenge):
        try:
            parse("Digest " + text)
        except SipError:
            pass
