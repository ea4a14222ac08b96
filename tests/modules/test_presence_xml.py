"""presence_xml: documents as bytes, rules as RFC 5025 means them, and what is refused.

What 5.6 does stands in tests/differential/cases/presence_xml.py.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.lab import Lab
from kamscript.modules.presence.events import Failed
from kamscript.modules.presence.xml import BadDocument, parse
from kamscript.modules.presence_xml.bodies import merged, shown, taken_offline
from kamscript.source import ConfigError
from tests.modules.test_presence import BOB, OPEN, RULES, URL, config, lab, pidf, rules

HEAD = '<?xml version="1.0"?>\n'
UTF8, LATIN = '<?xml version="1.0" encoding="UTF-8"?>', '<?xml version="1.0" encoding="ISO-8859-1"?>'


# -- documents --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<a/>", HEAD + "<a/>\n"),
        ("<a></a>", HEAD + "<a/>\n"),
        ("<a><b/><c>x</c></a>", HEAD + "<a>\n  <b/>\n  <c>x</c>\n</a>\n"),
        ("<a> <b/></a>", HEAD + "<a> <b/></a>\n"),
        ('<a y="1" xmlns:p="u" x="&lt;&#10;&quot;"/>', HEAD + '<a xmlns:p="u" y="1" x="&lt;&#10;&quot;"/>\n'),
        ("<a>&amp;&gt;&#13;</a>", HEAD + "<a>&amp;&gt;&#13;</a>\n"),
        ("<!-- x --><a><!-- y --><b/></a><?p q?>", HEAD + "<!-- x -->\n<a>\n  <!-- y -->\n  <b/>\n</a>\n<?p q?>\n"),
        ("<a>\xc3\xa9</a>", HEAD + "<a>&#xE9;</a>\n"),
        (f"{UTF8}<a>\xc3\xa9</a>", f"{UTF8}\n<a>\xc3\xa9</a>\n"),
        (f"{LATIN}<a>\xe9</a>", f"{LATIN}\n<a>\xe9</a>\n"),
        ('<?xml version="1.0" standalone="yes"?><a/>', '<?xml version="1.0" standalone="yes"?>\n<a/>\n'),
        ("<a><![CDATA[<&]]></a>", HEAD + "<a><![CDATA[<&]]></a>\n"),
        ("<p:a/>", HEAD + "<p:a/>\n"),
    ],
)  # fmt: skip
def test_documents_are_written_as_they_came(text: str, written: str) -> None:
    assert parse(text).dump() == written


def test_entities_are_no_way_to_grow() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>'
    for text in (bomb, "<!DOCTYPE a><a/>", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "<a>&x;</a>"):
        with pytest.raises(BadDocument):
            parse(text)


def test_depth_has_an_end() -> None:
    parse("<a>" * 200 + "</a>" * 200)
    with pytest.raises(BadDocument, match="within each other"):
        parse("<a>" * 100_000)


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_any_text_is_a_document_or_refused(text: str) -> None:
    for each in (text, f"<a>{text}</a>", f'<a b="{text}"/>'):
        try:
            document = parse(each)
        except BadDocument:
            continue
        assert parse(document.dump()).dump() == document.dump()


def test_a_copy_declares_the_prefixes_that_it_needs() -> None:
    root = parse('<a xmlns="u" xmlns:p="v"><p:b q="1"><c/></p:b></a>').root
    assert root.elements[0].copied().namespaces == [("p", "v"), ("", "u")]


def test_a_tuple_stands_once() -> None:
    told = merged([parse("<presence><tuple id='a'/><x/></presence>"), parse("<presence><tuple id='A'/></presence>")])
    assert told.dump() == HEAD + '<presence>\n  <tuple id="A"/>\n</presence>\n'
    with pytest.raises(Failed, match="tuple id"):
        merged([parse("<presence><tuple/></presence>"), parse("<presence/>")])
    with pytest.raises(Failed, match="root"):
        merged([parse("<x/>"), parse("<presence/>")])


def test_what_has_ended_is_closed() -> None:
    assert "<basic>closed</basic>" in taken_offline(pidf())
    with pytest.raises(Failed):
        taken_offline("<presence/>")


# -- rules ------------------------------------------------------------------------------------------------------------
def shown_by(transformations: str, body: str) -> str:
    """What a rule leaves of a document, without the first line and blanks."""
    return shown(body, parse(f"<rule><transformations>{transformations}</transformations></rule>").root)[len(HEAD) :]


def test_what_a_rule_provides() -> None:
    body = (
        '<presence><tuple id="1"><class>work</class><contact>sip:a</contact></tuple><tuple id="2"/><note>n</note>'
        "<person><deviceID>urn:x</deviceID></person></presence>"
    )
    tuples = [
        ("<provide-services><class>WORK</class></provide-services>", [True, False]),
        ("<provide-services><service-uri>sip:a</service-uri></provide-services>", [True, False]),
        ("<provide-services><service-uri-scheme>tel</service-uri-scheme></provide-services>", [False, False]),
        ("<provide-services><occurence-id>2</occurence-id></provide-services>", [False, True]),
        ("<provide-services><all-services/></provide-services>", [True, True]),
        ("<provide-services>TRUE</provide-services>", [True, True]),
        ("<provide-services>false</provide-services>", [False, False]),
        ("<odd/><provide-/><provide-something-very-very-long-indeed/>", [True, True]),
    ]
    for transformation, kept in tuples:
        told = shown_by(transformation, body)
        assert [f'id="{number}"' in told for number in (1, 2)] == kept, transformation
    assert "<person>" in shown_by("<provide-persons><deviceID>urn:X</deviceID></provide-persons>", body)
    assert "<person>" not in shown_by("<provide-persons><deviceID>urn:y</deviceID></provide-persons>", body)
    assert "note" not in shown_by("<provide-note>false</provide-note>", body)


@pytest.mark.parametrize(
    ("identity", "state"),
    [
        ('<one id="sip:alice@example.com"/>', "active"),
        ('<one id="sip:carol@example.com"/>', "pending"),
        ("<many/>", "active"),
        ('<many domain="example.com"/>', "active"),
        ('<many domain="example.net"/>', "pending"),
        ('<many><except id="sip:alice@example.com"/></many>', "pending"),
        ('<many><except domain="example.com"/></many>', "pending"),
        ('<many><except id="sip:carol@example.com"/></many>', "active"),
        ('<many domain="example.com"><except domain="other"/></many>', "active"),
        ("", "pending"),
    ],
)
def test_whom_a_rule_is_for(identity: str, state: str) -> None:
    """The original takes any domain as long as the right one for it, and no exception by name."""
    server = lab(URL + RULES)
    server.database().insert("xcap", rules("allow", identity=identity))
    assert server.phone("alice").subscribe(BOB).state == state


@pytest.mark.parametrize(
    ("validity", "state"),
    [
        ("<from>2000-01-01T00:00:00Z</from><until>2090-01-01T00:00:00+02:00</until>", "active"),
        ("<from>2000-01-01T00:00:00Z</from><until>2001-01-01T00:00:00.5Z</until>", "pending"),
        ("<from>2090-01-01T00:00:00Z</from><until>2091-01-01T00:00:00-02:00</until>", "pending"),
        ("<from>2000-01-01T00:00:00Z</from>", "pending"),
        ("<from>yesterday</from><until>tomorrow</until>", "pending"),
        (
            "<from>1999-01-01T00:00:00Z</from><until>2000-01-01T00:00:00Z</until>"
            "<from>2000-01-01T00:00:00Z</from><until>2090-01-01T00:00:00Z</until>",
            "active",
        ),
    ],
)
def test_when_a_rule_holds(validity: str, state: str) -> None:
    server = lab(URL + RULES)
    server.database().insert("xcap", rules("allow", conditions=f"<validity>{validity}</validity>"))
    assert server.phone("alice").subscribe(BOB).state == state


def test_rules_that_are_none_refuse_the_subscription() -> None:
    server = lab(URL + RULES)
    server.database().insert("xcap", rules("allow") | {"doc": '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'})
    assert server.phone("alice").subscribe(BOB).status == 500
    assert any("DOCTYPE" in record.text for record in server.log)


# -- starting ---------------------------------------------------------------------------------------------------------
def test_rules_are_asked_for_nowhere_else() -> None:
    """Documents of XCAP servers (xcap_client) are not fetched: the start says so, or is refused without the module."""
    server = 'modparam("presence_xml", "xcap_server", "xcap.example.com:8080")\n'
    with pytest.raises(ConfigError, match="integrated_xcap_server to 1"):
        lab(URL + server)
    with pytest.raises(ConfigError, match="no xcap_server parameter"):
        lab(URL, modules="xcap_client")
    found = lab(URL + server, modules="xcap_client")
    assert any("only rules of the table count" in record.text for record in found.log)


def test_passive_mode_adds_no_events() -> None:
    passive = 'modparam("presence_xml", "passive_mode", 1)\n'
    check = 'if (is_method("OPTIONS")) { pres_check_basic("$ru", "open"); xlog("rc $rc\\n"); exit; }'
    server = Lab(
        text=config(URL + OPEN + passive).replace("request_route {", f"request_route {{ {check}"), target="5.6"
    )
    alice = server.phone("alice")
    assert alice.subscribe(BOB).status == 489
    alice.options(BOB)
    assert any(record.text.strip() == "rc -1" for record in server.log)


def test_a_document_with_entities_gets_415() -> None:
    server = lab()
    bob = server.phone("bob")
    request = bob.publish("presence", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>')
    assert request.status == 415
    assert server.database().rows("presentity") == []


def test_the_table_of_rules_has_a_version() -> None:
    with pytest.raises(ConfigError, match="invalid version 9 for table location"):
        lab(URL + RULES + 'modparam("presence_xml", "xcap_table", "location")\n')
