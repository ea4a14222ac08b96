"""siputils: questions about messages, URIs and numbers; Contact encoded; OPTIONS answered; charging vectors."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.modules.siputils import contacts, telephone

from .script import INVITE, OPTIONS, changed, refused, results, said, sent, serve, value

MODULES = "sl siputils"


def outcomes(*calls: str, message: str = INVITE, target: str = "5.6") -> list[int]:
    return results(*calls, message=message, modules=MODULES, target=target)


def uri_after(call: str, uri: str) -> str:
    return value("$ru", first=f'$ru = "{uri}"; {call};', modules=MODULES)


# -- messages ---------------------------------------------------------------------------------------------------------
def test_what_kind_of_message_it_is() -> None:
    assert outcomes("is_request()", "is_reply()", "has_totag()", "is_first_hop()") == [1, -1, -1, -1]
    dialog = OPTIONS.replace("To: <sip:example.com>", "To: <sip:example.com>;tag=b1")
    assert outcomes("has_totag()", "is_first_hop()", message=dialog) == [1, 1]
    assert outcomes("is_sip()", "is_http()", "sip_parse_headers()", target="6.x") == [1, -1, 1]


def test_supported_options() -> None:
    message = OPTIONS.replace("Content-Length", "Supported: path, 100rel\nContent-Length")
    assert outcomes('is_supported("PATH")', 'is_supported("timer")', message=message) == [1, -1]
    assert "no option" in refused('is_supported("nope");', modules=MODULES)


def test_how_old_a_date_is() -> None:
    message = OPTIONS.replace("Content-Length", "Date: Thu, 01 Jan 1970 00:16:30 GMT\nContent-Length")
    assert outcomes("hdr_date_check(10)", "hdr_date_check(9)", message=message) == [1, -4]
    assert outcomes("hdr_date_check(10)") == [-1]


def test_nobody_is_authorized_unasked() -> None:
    assert outcomes('is_user("alice")') == [-1]


def test_options_for_the_server_itself_are_answered() -> None:
    (reply,) = sent(
        "options_reply();", OPTIONS, modules=MODULES, before='modparam("siputils", "options_support", "path")'
    )
    assert reply.text.startswith("SIP/2.0 200 OK\r\n")
    assert "\r\nAccept: */*\r\nAccept-Encoding: \r\nAccept-Language: en\r\nSupported: path\r\n" in reply.text


def test_options_for_a_user_are_not() -> None:
    assert outcomes("options_reply()", message=OPTIONS.replace("sip:example.com SIP", "sip:bob@example.com SIP")) == [
        -1
    ]
    assert outcomes("options_reply()") == [-1]


# -- texts ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "outcome"),
    [
        ('is_tel_number("+4930123")', 1),
        ('is_tel_number("123")', 1),
        ('is_tel_number("+0123")', -2),
        ('is_tel_number("+")', -2),
        ('is_tel_number("12a")', -2),
        ('is_numeric("123")', 1),
        ('is_numeric("12a")', -2),
        ('is_alphanum("aB3")', 1),
        ('is_alphanum("a-b")', -3),
        ('is_alphanumex("a-b", "-_")', 1),
        ('is_alphanumex("a.b", "-_")', -3),
        ('cmp_hdr_name("f", "From")', 1),
        ('cmp_hdr_name("From", "To")', -1),
        ('cmp_hdr_name("X-b", "X-a")', -1),
        ('cmp_hdr_name("X-a", "X-b")', -2),
        ('is_uri("sip:a@b")', 1),
        ('is_uri("nope")', -1),
        ('cmp_uri("sip:a@b;x=1", "sip:a@B")', 1),
        ('cmp_uri("sip:a@b", "sip:b@b")', -1),
        ('cmp_uri("sip:a@b", "nope")', -2),
        ('cmp_aor("sip:a@b:5060", "sip:a@b")', 1),
        ('is_gruu("sip:a@b;gr=x")', 1),
        ('is_gruu("sip:a@b;gr")', 2),
        ("is_gruu()", -1),
    ],
)  # fmt: skip
def test_what_texts_are(call: str, outcome: int) -> None:
    assert outcomes(call) == [outcome]


def test_e164_numbers_in_variables() -> None:
    assert value("$rc", first='$var(n) = "+4930123"; is_e164("$var(n)");', modules=MODULES) == "1"
    assert value("$rc", first='$var(u) = "sip:+49@x"; is_uri_user_e164("$var(u)");', modules=MODULES) == "1"
    assert "pseudo-variable" in refused('is_e164("+49");', modules=MODULES)


@given(st.text("0123456789", min_size=2, max_size=15))
def test_two_to_fifteen_digits_behind_a_plus_are_e164(digits: str) -> None:
    assert telephone.is_e164(f"+{digits}", 16)
    assert not telephone.is_e164(digits, 16)
    assert not telephone.is_e164(f"+{digits}x", 18)


# -- URIs -------------------------------------------------------------------------------------------------------------
def test_parameters_of_the_request_uri() -> None:
    calls = [
        'uri_param("transport")',
        'uri_param("transport", "udp")',
        'uri_param_any("TRANSPORT")',
        'uri_param("none")',
    ]
    assert outcomes(*calls) == [-1, 1, 1, -1]
    assert value("$var(t)", first='get_uri_param("transport", "$var(t)");', modules=MODULES) == "udp"


@pytest.mark.parametrize(
    ("call", "uri", "new"),
    [
        ('add_uri_param("x=1")', "sip:a@b;y", "sip:a@b;y;x=1"),
        ('add_uri_param("x")', "sip:a@b?h=1", "sip:a@b;x?h=1"),
        ('add_uri_param("")', "sip:a@b", "sip:a@b"),
        ('uri_param_rm("y")', "sip:a@b;x=1;y=2;z", "sip:a@b;x=1;z"),
        ('uri_param_rm("X")', "sip:a@b;x?h=1", "sip:a@b?h=1"),
        ('uri_param_rm("none")', "sip:a@b;x", "sip:a@b;x"),
    ],
)  # fmt: skip
def test_the_request_uri_gains_and_loses_parameters(call: str, uri: str, new: str) -> None:
    assert uri_after(call, uri) == new


@pytest.mark.parametrize(
    ("call", "new"),
    [
        ('$var(v) = "x"; set_uri_user("$var(u)", "$var(v)")', "sip:x@h:1;p"),
        ('$var(v) = ""; set_uri_user("$var(u)", "$var(v)")', "sip:h:1;p"),
        ('$var(v) = "x.y"; set_uri_host("$var(u)", "$var(v)")', "sip:a@x.y:1;p"),
        ('$var(v) = ""; set_uri_host("$var(u)", "$var(v)")', "sip:a@h:1;p"),
    ],
)  # fmt: skip
def test_user_and_host_of_a_uri_in_a_variable(call: str, new: str) -> None:
    assert value("$var(u)", first=f'$var(u) = "sip:a@h:1;p"; {call};', modules=MODULES) == new


def test_telephone_uris_become_sip_uris() -> None:
    first = 'tel2sip("tel:+49-(30).1", "x.org", "$var(r)");'
    assert value("$var(r) $rc", first=first, modules=MODULES) == "sip:+49301@x.org;user=phone 1"
    assert outcomes('tel2sip("sip:a@b", "x.org", "$var(r)")') == [2]


@pytest.mark.parametrize(
    ("tel", "sip"),
    [
        ("tel:1;b=2;a=1;post-dial=pp;isdn-subaddress=3", "sip:1;isdn-subaddress=3;post-dial=pp;a=1;b=2@h;user=phone"),
        ("TEL:12;phone-context=Example.com", "sip:12@h;user=phone"),
        ("tel:12;phone-context=+4-9", "sip:12;phone-context=+49@h;user=phone"),
    ],
)  # fmt: skip
def test_their_parameters_are_ordered_in_6(tel: str, sip: str) -> None:
    assert telephone.ordered_sip_uri(tel, "h") == sip


# -- Contact ----------------------------------------------------------------------------------------------------------
def test_contacts_are_encoded_into_users() -> None:
    line = "Contact: <sip:enc*alice**127.0.0.11**@10.0.0.1>"
    assert line in changed('encode_contact("enc", "10.0.0.1")', modules=MODULES)


@given(
    st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True),
    st.sampled_from(["10.0.0.1", "example.com"]),
    st.sampled_from(["", ":5070"]),
    st.sampled_from(["", ";transport=tcp"]),
)
def test_an_encoded_uri_decodes_to_itself(user: str, host: str, port: str, transport: str) -> None:
    uri = f"sip:{user}@{host}{port}{transport}"
    assert contacts.decode_uri(contacts.encode_uri(uri, "enc", "gw", "*"), "*") == uri


@given(st.text(st.characters(max_codepoint=255), min_size=1, max_size=60))
def test_base64_comes_back(text: str) -> None:
    encoded = contacts.to_base64(text)
    assert base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("latin-1") == text
    assert contacts.from_base64(encoded) == text


def test_what_is_not_encoded_does_not_decode() -> None:
    assert outcomes("decode_contact()", "decode_contact_header()") == [-26, -26]


def test_contacts_in_a_parameter() -> None:
    encoded = changed('contact_param_encode("enc", "sip:gw")', modules=MODULES)
    assert "Contact: <sip:gw;enc=c2lwOmFsaWNlQDEyNy4wLjAuMTE>" in encoded
    assert "Contact: <sip:alice@127.0.0.11>" in changed('contact_param_decode("enc")', encoded, modules=MODULES)
    assert "Contact: <sip:gw>" in changed('contact_param_rm("enc")', encoded, modules=MODULES)
    assert uri_after('contact_param_decode_ruri("enc")', "sip:gw;enc=c2lwOmFAYg") == "sip:a@b"
    assert outcomes('contact_param_check("enc")', message=encoded, target="6.x") == [1]
    assert outcomes('contact_param_check("none")', message=encoded, target="6.x") == [-1]


def test_an_alias_tells_where_the_message_came_from() -> None:
    text = changed('contact_param_encode_alias("enc", "sip:gw")', modules=MODULES, target="6.x")
    encoded = text.partition("enc=")[2].partition(">")[0]
    assert contacts.from_base64(encoded) == "sip:alice@127.0.0.11;alias=127.0.0.11~5060~1"


# -- Remote-Party-ID --------------------------------------------------------------------------------------------------
def test_the_remote_party_comes_out_of_an_avp() -> None:
    route = '$avp(s:rpid) = "<sip:+4930@x>"; {}'
    text = changed(route.format('append_rpid_hf("A ", " Z")'), modules=MODULES)
    assert "Remote-Party-ID: A <sip:+4930@x> Z\n" in text
    assert said(route.format('is_rpid_user_e164(); xlog("$rc\\n");'), modules=MODULES) == ["1"]
    assert outcomes("append_rpid_hf()") == [-1]


# -- P-Charging-Vector ------------------------------------------------------------------------------------------------
VECTOR = INVITE.replace("Subject", "P-Charging-Vector: icid-value=12;icid-generated-at=1.2.3.4;orig-ioi=home\nSubject")


def test_a_charging_vector_is_taken_apart() -> None:
    assert value("$pcv(value) $pcv(genaddr) $pcv(orig) $pcv(term)", VECTOR, modules=MODULES) == "12 1.2.3.4 home <null>"


def test_a_charging_vector_is_made_where_there_is_none() -> None:
    text = changed('sip_p_charging_vector("g")', modules=MODULES)
    assert "P-Charging-Vector: icid-value=495653" in text and "; icid-generated-at=127.0.0.1\n" in text
    assert changed('sip_p_charging_vector("g")', VECTOR, modules=MODULES).count("P-Charging-Vector") == 1


def test_6_removes_and_replaces_charging_vectors() -> None:
    removed = changed('sip_p_charging_vector("r")', VECTOR, modules=MODULES, target="6.x")
    assert "P-Charging-Vector" not in removed
    replaced = changed('sip_p_charging_vector("f")', VECTOR, modules=MODULES, target="6.x")
    assert replaced.count("P-Charging-Vector: icid-value=495653") == 1
    assert outcomes('sip_p_charging_vector("f")', message=VECTOR, target="6.x") == [5]
    assert value("$pcv(status)", VECTOR, modules=MODULES, target="6.x") == "1"


# -- 183 becomes 180 --------------------------------------------------------------------------------------------------
def test_183_becomes_180_for_calls_that_were_named() -> None:
    serving = serve(
        'ring_insert_callid(); $du = "sip:127.0.0.12:5060"; forward();',
        modules=MODULES,
        before='modparam("siputils", "ring_timeout", 30)',
        target="4.4",
    )
    (request,) = serving.send(INVITE)
    vias = "\n".join(line for line in request.text.split("\r\n") if line.startswith(("Via:", "v:")))
    rest = INVITE.partition("Max-Forwards: 70\n")[2]
    reply = f"SIP/2.0 183 Session Progress\n{vias}\n{rest}"
    (relayed,) = serving.send(reply, ("127.0.0.12", 5060))
    assert relayed.text.startswith("SIP/2.0 180 Ringing         \r\n")
    assert relayed.text.endswith("Content-Length: 0\r\n\r\n") and "Content-Type" not in relayed.text
    serving.server.timers.now += 31
    (relayed,) = serving.send(reply, ("127.0.0.12", 5060))
    assert relayed.text.startswith("SIP/2.0 183 Session Progress\r\n")
