"""The parts of the runner that judge: normalising, comparing, the RPC protocol, how batteries become configs."""

from __future__ import annotations

import pytest

from . import binrpc
from .case import _FACTS, build, crlf
from .normalise import Normaliser
from .outcome import _facts, differences, flat


def test_a_generated_branch_is_named_and_keeps_its_index() -> None:
    normal = Normaliser()
    first = normal.text("Via: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK12ab.0123456789abcdef0123456789abcdef.1")
    second = normal.text("Via: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK12ab.0123456789abcdef0123456789abcdef.0")
    assert first == "Via: SIP/2.0/UDP 1.2.3.4;branch={branch 1}.1"
    assert second == "Via: SIP/2.0/UDP 1.2.3.4;branch={branch 1}.0"


def test_what_a_party_sent_first_stays() -> None:
    normal = Normaliser([(True, "Via: x;branch=z9hG4bK-alice-1\r\nFrom: <sip:a@b>;tag=a1\r\nCall-ID: mine\r\n")])
    text = "Via: x;branch=z9hG4bK-alice-1\r\nFrom: <sip:a@b>;tag=a1\r\nCall-ID: mine\r\n"
    assert normal.text(text) == text


def test_what_a_party_echoes_is_still_generated() -> None:
    generated = "Via: x;branch=z9hG4bKffff.1.0\r\nTo: <sip:a@b>;tag=made-up\r\n"
    normal = Normaliser([(False, generated), (True, generated)])
    assert normal.text(generated) == "Via: x;branch={branch 1}.0\r\nTo: <sip:a@b>;tag={tag 1}\r\n"


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("Server: kamailio (5.6.3 (x86_64/linux))\r\n", "Server: {kamailio}\r\n"),
        ("Date: Tue, 24 Nov 2026 20:01:34 GMT", "Date: {date}"),
        ("Ruid uloc-6a13a9f2-1b2c-1", "Ruid {ruid 1}"),
        ("timestamp=1795551477;method=BYE", "timestamp={time};method=BYE"),
    ],
)
def test_products_dates_and_record_ids(text: str, normalised: str) -> None:
    assert Normaliser().text(text) == normalised


def test_times_in_rpc_answers() -> None:
    answer = [["Last-Modified", 1795551407], ["Last-Keepalive", 0], ["Expires", 60]]
    assert Normaliser().value(answer) == [["Last-Modified", "{time}"], ["Last-Keepalive", 0], ["Expires", 60]]


def test_a_difference_shows_both_sides() -> None:
    assert differences({"log": ["a", "b"]}, {"log": ["a", "c"]}, {}) == [
        "log/1\n    kamailio:  'b'\n    kamscript: 'c'",
    ]


def test_a_missing_and_an_extra_leaf_differ() -> None:
    assert len(differences({"log": ["a"]}, {"log": ["a", "b"]}, {})) == 1
    assert len(differences({"log": ["a", "b"]}, {"log": ["a"]}, {})) == 1


def test_a_known_difference_passes_and_must_go_on() -> None:
    known = {"log/0": "the manual says so"}
    assert differences({"log": ["a"]}, {"log": ["b"]}, known) == []
    assert differences({"log": ["a"]}, {"log": ["a"]}, known) == [
        "log/0: no longer differs, drop it from `differs` (the manual says so)"
    ]


def test_a_known_difference_covers_what_lies_below() -> None:
    assert differences({"bob": [["a", "b"]]}, {"bob": [["c", "d"]]}, {"bob/0": "another message"}) == []


def test_empty_containers_are_leaves() -> None:
    assert flat({"rpc": [], "log": {}}) == {"rpc": [], "log": {}}


def test_facts_keep_their_order_repeats_and_what_was_not_reached() -> None:
    facts = {3: "= 1 + 1", 4: "> $rU", 5: "> never"}
    log = ["ERROR: 4|bob", "ERROR: 3|int 2", "ERROR: 4|carol\nsecond line"]
    assert list(_facts(facts, log).items()) == [
        ("> $rU", "bob"),
        ("= 1 + 1", "int 2"),
        ("> $rU  (2)", "carol\nsecond line"),
        ("> never", "(not reached)"),
    ]


def test_a_fact_is_one_line_of_config() -> None:
    for make in _FACTS.values():
        assert "\n" not in make(7, "$rU")


def test_build_adds_content_length_and_crlf() -> None:
    assert build("OPTIONS sip:a SIP/2.0", "Via: x\n", "body\n") == (
        "OPTIONS sip:a SIP/2.0\r\nVia: x\r\nContent-Length: 6\r\n\r\nbody\r\n"
    )
    assert "Content-Length" not in build("OPTIONS sip:a SIP/2.0", "l: 0\n")
    assert crlf("a\nb\r\n") == b"a\r\nb\r\n"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("00", 0),
        ("1005", 5),
        ("40ffffffff", -1),
        ("4161626300", "abc"),
        ("91 09 6162636465666768 00", "abcdefgh"),
        ("04 1001 1002 84", [1, 2]),
        ("03 75696e7476616c00 1003 257300 4161626300 83", [["intval", 3], ["s", "abc"]]),
        ("03 257800 03 83 83", [["x", []]]),
    ],
)
def test_binrpc_records(body: str, value: object) -> None:
    """The examples that Kamailio's binrpc.h gives, and the edges."""
    data = bytes.fromhex(body.replace(" ", ""))
    packet = bytes([0xA1, 0x10, len(data), 0x01]) + data
    assert binrpc.decode(packet) == [value]


def test_binrpc_fault() -> None:
    data = bytes.fromhex("2001f4") + b"\x61oops!\0"
    assert binrpc.decode(bytes([0xA1, 0x30, len(data), 0x01]) + data) == {"code": 500, "error": "oops!"}


def test_binrpc_request() -> None:
    assert binrpc.encode("a.b", ("x", 1, 0.5)) == (
        b"\xa1\x03\x0d\x13\x57\x9b\xdf" + b"\x41a.b\0" + b"\x21x\0" + b"\x10\x01" + b"\x22\x01\xf4"
    )
