"""Text beyond ASCII: UTF-8 for the server, as phones send it, and characters for the test."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.lab import Lab
from kamscript.lab.texts import characters, octets

CONFIG = """
listen=udp:10.0.0.254:5060
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "xlog.so"
request_route {
    if ($hdr(Subject) == "Küche") append_to_reply("X-Room: Küche €\\r\\n");
    $var(size) = $(rb{s.len});
    xlog("$rb is $var(size) bytes, said $cl\\n");
    if (is_method("INVITE")) { $du = "sip:10.0.0.2"; t_relay(); exit; }
    sl_send_reply("200", "Schön");
}
"""


@pytest.fixture
def lab() -> Lab:
    return Lab(text=CONFIG)


def test_a_body_counts_the_bytes_of_its_utf_8(lab: Lab) -> None:
    lab.phone("alice").message("bob", "Grüße")
    assert lab.log.script == ["Grüße is 7 bytes, said 7"]


def test_characters_that_latin_1_does_not_have_travel_too(lab: Lab) -> None:
    lab.phone("alice").message("bob", "5 €")
    assert lab.log.script == ["5 € is 5 bytes, said 5"]


def test_headers_and_the_config_meet_in_utf_8(lab: Lab) -> None:
    reply = lab.phone("alice").message("bob", "x", headers=["Subject: Küche"]).expect(200)
    assert (reply["X-Room"], reply.get("x-room"), reply.each("x-room")) == ("Küche €", "Küche €", ["Küche €"])


def test_a_phone_reads_what_another_wrote(lab: Lab) -> None:
    alice, bob = lab.phone("alice"), lab.phone("bob", "10.0.0.2")
    call = alice.call("bob", body="Grüße", headers=["Subject: Küche"])
    invite = bob.expect("INVITE")
    assert (invite.body, invite["Subject"], invite["Content-Length"]) == ("Grüße", "Küche", "7")
    assert "Subject: Küche\r\n" in invite.text
    invite.reply(603, "Nö", headers=["X-Why: müde"])
    assert call.expect(603)["X-Why"] == "müde"
    assert call.reason == "Nö"


@pytest.mark.kam_lab_only("single routes are the lab's alone")
def test_a_single_route_is_told_and_tells_in_characters(lab: Lab) -> None:
    run = lab.route("", lab.request("OPTIONS", "bob", body="Grüße", headers={"Subject": "Küche"}), {"$var(x)": "ß"})
    assert (run["$var(x)"], run["$(var(x){s.len})"], run["$rb"], run.said) == (
        "ß", 2, "Grüße", ["Grüße is 7 bytes, said 7"],
    )  # fmt: skip
    assert "Grüße" in run.text


def test_what_is_no_utf_8_stays_a_character_a_byte(lab: Lab) -> None:
    lab.send(lab.request("OPTIONS", "bob").replace("Content-Length: 0", "Content-Length: 1") + "\xfc")
    assert lab.log.script == ["\xfc is 1 bytes, said 1"]


@given(st.text(st.characters(codec="utf-8")))
def test_octets_are_bytes_and_say_the_same(text: str) -> None:
    there = octets(text)
    assert there.encode("latin-1").decode("utf-8") in (text, characters(text))
    assert octets(there) == there
