"""URIs as Kamailio's parse_uri reads them; every expectation was asked of Kamailio 5.6.3 (`{uri.*}`)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.sip.errors import SipError
from kamscript.sip.uri import normalize_tel_user, parse_uri, same_aor, same_uri


@pytest.mark.parametrize(
    ("text", "scheme", "user", "password", "host", "port", "params", "headers"),
    [
        ("sip:host", "sip", "", "", "host", "", "", ""),
        ("sip:alice@example.com", "sip", "alice", "", "example.com", "", "", ""),
        ("SIPS:alice:secret@example.com:5061", "sips", "alice", "secret", "example.com", "5061", "", ""),
        ("sip:a@h;transport=tcp;lr?Subject=x", "sip", "a", "", "h", "", "transport=tcp;lr", "Subject=x"),
        ("sip:a@[2001:db8::1]:5062;x", "sip", "a", "", "[2001:db8::1]", "5062", "x", ""),
        ("sip:[::1]", "sip", "", "", "[::1]", "", "", ""),
        ("sip:host:5070", "sip", "", "", "host", "5070", "", ""),
        ("sip:host:", "sip", "", "", "host", "", "", ""),
        ("sip:user;par=u%40h@example.com", "sip", "user;par=u%40h", "", "example.com", "", "", ""),
        ("sip:user?x@example.com", "sip", "user?x", "", "example.com", "", "", ""),
        ("sip:user;x:pw@example.com", "sip", "user;x", "pw", "example.com", "", "", ""),
        ("sip:a_b", "sip", "", "", "a_b", "", "", ""),  # without a user the host may hold anything
        ("tel:+1-201-555;phone-context=x", "tel", "+1-201-555", "", "", "", "phone-context=x", ""),
        ("urn:service:sos", "urn", "service", "", "sos", "", "", ""),
        ("sip:;lr@host", "sip", ";lr", "", "host", "", "", ""),
    ],
)
def test_parts(
    text: str, scheme: str, user: str, password: str, host: str, port: str, params: str, headers: str
) -> None:
    uri = parse_uri(text)
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.port, uri.params, uri.headers) == (
        scheme, user, password, host, port, params, headers,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "", "sip", "sip:", "sip:@host", "http://x", "sip::x", "sip:]", "sip:a@", "sip:a@h_x", "sip:a@-h",
        "sip:a@h:70000", "sip:a@h:x",
        "sip:a@h@i", "sip:a[b@h", "sip:70000:x:y@h", "sip:h:5060@i;x@j", "sip:[::1", "sip:[::1]x", "sip:h?a;b",
        "sip:a:70000@h", "sip:h:1x", "sip:a:b:c@h", "sip:h;a:b;c@i", "sip:h:000012",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(SipError):
        parse_uri(text)


def test_known_parameters() -> None:
    uri = parse_uri("sip:h;transport=TLS;maddr=1.2.3.4;ttl=3;method=BYE;lr=on;r2;gr=x;user=ip")
    assert (uri.transport, uri.proto, uri.maddr, uri.ttl, uri.method, uri.lr, uri.r2, uri.gr, uri.user_param) == (
        "TLS", "tls", "1.2.3.4", "3", "BYE", "on", "", "x", "ip",
    )  # fmt: skip


def test_parameters_that_do_not_count() -> None:
    uri = parse_uri("sip:h;transport=;transport=:x;xlr;lr:;r2=;lr=")
    assert (uri.transport, uri.proto, uri.r2) == ("", "", None)
    assert uri.lr == "", "lr= counts at the end of the URI"


def test_unknown_transport_names_no_protocol() -> None:
    uri = parse_uri("sip:h;transport=carrier-pigeon")
    assert (uri.transport, uri.proto) == ("carrier-pigeon", "")


def test_sip_uri_with_user_phone_counts_as_tel() -> None:
    uri = parse_uri("sip:+1-20;ext=5@h;user=phone")
    assert (uri.scheme, uri.user, uri.host, uri.params, uri.sip_params) == ("tel", "+1-20", "h", "ext=5", "user=phone")
    assert parse_uri("sip:+1@h;user=phone", "", False).scheme == "sip"


def test_extra_host_characters_are_a_matter_of_configuration() -> None:
    with pytest.raises(SipError):
        parse_uri("sip:a@my_host")
    assert parse_uri("sip:a@my_host:5060", "_").host == "my_host"


def test_any_parameter_by_name() -> None:
    uri = parse_uri("sip:h;Foo=1;bar;lr")
    assert (uri.param("foo"), uri.param("BAR"), uri.param("x")) == ("1", "", None)


def test_port_to_use() -> None:
    assert [parse_uri(text).effective_port for text in ("sip:h", "sips:h", "sip:h;transport=tls", "sip:h:7")] == [
        5060, 5061, 5061, 7,
    ]  # fmt: skip


def test_visual_separators_of_telephone_numbers() -> None:
    assert normalize_tel_user("+1-(201).555") == "+1201555"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("sip:a@H", "sip:a@h", True),
        ("sip:A@h", "sip:a@h", False),
        ("sip:a@h", "sip:a@h:5060", False),
        ("sip:a@h;x=1", "sip:a@h", True),
        ("sip:a@h;x=1", "sip:a@h;X=1;y", True),
        ("sip:a@h;x=1", "sip:a@h;x=2", False),
        ("sip:a@h;ttl=1", "sip:a@h", False),
        ("sip:a@h", "sips:a@h", False),
    ],
)
def test_equality(one: str, other: str, same: bool) -> None:
    assert same_uri(parse_uri(one), parse_uri(other)) is same


def test_equal_addresses_of_record_may_leave_out_the_port() -> None:
    assert same_aor(parse_uri("sip:a@h"), parse_uri("sips:a@H:5060;x"))
    assert not same_aor(parse_uri("sip:a@h"), parse_uri("sip:a@h:5061"))


@given(st.text("sip:alh@;?&=.[]1 \0\xe9", max_size=20))
def test_nothing_but_sip_error(text: str) -> None:
    for whole in (text, "sip:" + text):
        try:
            uri = parse_uri(whole)
        except SipError:
            continue
        assert uri.text == whole


def test_every_truncation_is_read_or_refused() -> None:
    text = "sip:alice;day=tuesday:pw@[::1]:5060;transport=tcp;lr=on?to=bob"
    for end in range(len(text)):
        try:
            parse_uri(text[:end])
        except SipError:
            pass
