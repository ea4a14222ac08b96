"""Contact values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.sip.contact import parse_contacts, parse_q
from kamscript.sip.errors import SipError


def test_contacts_of_one_header() -> None:
    value = (
        '"Bob, B." <sip:b@h1;transport=tcp>;q=0.7;expires=60, sip:b@h2;+sip.instance="<urn:uuid:1>";reg-id=1, tel:+1'
    )
    contacts = parse_contacts(value)
    first, second, third = contacts.contacts
    assert not contacts.star
    assert (first.name, first.uri, first.q, first.expires) == ('"Bob, B."', "sip:b@h1;transport=tcp", "0.7", "60")
    assert (second.uri, second.instance, second.reg_id, second.q) == ("sip:b@h2", "<urn:uuid:1>", "1", None)
    assert third.uri == "tel:+1"
    assert value[second.start : second.end] == 'sip:b@h2;+sip.instance="<urn:uuid:1>";reg-id=1'
    assert [contact.uri for contact in contacts.backwards()] == ["tel:+1", "sip:b@h2", "sip:b@h1;transport=tcp"]


def test_star() -> None:
    assert parse_contacts("*").star
    assert parse_contacts(" * ").contacts == []


def test_words_in_front_of_the_uri() -> None:
    contact = parse_contacts("Bob B. sip:b@h;x").contacts[0]
    assert (contact.name, contact.uri, contact.param("x")) == ("Bob B.", "sip:b@h", "")


def test_escaped_quote_in_uri_brackets() -> None:
    assert parse_contacts('<sip:b@h?x="\\"">').contacts[0].uri == 'sip:b@h?x="\\""'


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "bob",
        "<sip:b@h",
        '"Bob <sip:b@h>',
        "<sip:b@h>,",
        "<sip:b@h>;",
        "<>",
        "sip:b>",
        "<sip:<b>",
        '<sip:b>;x="1',
        ";x",
    ],
)
def test_refused(value: str) -> None:
    with pytest.raises(SipError):
        parse_contacts(value)


@pytest.mark.parametrize(
    ("text", "q"),
    [
        ("1", 1000),
        ("1.0", 1000),
        ("0.5", 500),
        (".25", 250),
        ("0", 0),
        ("0.1234", 123),
        ("01", 1000),
        ("0.00", 0),
        ("1.1", None),
        ("2", None),
        ("0.", None),
        ("1.", None),
        ("", None),
        ("x", None),
        ("0.5 ", None),
        (" 0.5", 500),
    ],
)
def test_q_in_thousandths(text: str, q: int | None) -> None:
    assert parse_q(text) == q


@given(st.text('<>";,=\\ \r\n*sip:ab@', max_size=20))
def test_nothing_but_sip_error(text: str) -> None:
    try:
        parse_contacts(text)
    except SipError:
        pass
