"""siptrace: HEP as bytes, and what only other generations and addresses have.

What 5.6 does stands in tests/differential/cases/siptrace.py.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.modules.siptrace.hep import LOG, Clock, Endpoint, endpoint, parse_packet, version_2, version_3
from tests.modules.script import INVITE, refused, results, said, sent
from tests.modules.serving import Served

HEP = """
modparam("siptrace", "trace_to_database", 0)
modparam("siptrace", "trace_on", 1)
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", 3)
modparam("siptrace", "duplicate_uri", "sip:127.0.0.20:9060")
"""
ALICE = Endpoint(17, bytes((10, 0, 0, 1)), 5060)
BOB = Endpoint(6, bytes((10, 0, 0, 2)), 5062)
latin = st.text(st.characters(max_codepoint=255), max_size=50)


def test_hep_3_byte_for_byte() -> None:
    text = version_3(ALICE, BOB, Clock(0x01020304, 5), "SIP", capture_id=7, correlation_id="id", auth_key="k")
    assert text.encode("latin-1").hex(" ") == (
        "48 45 50 33 00 75 00 00 00 01 00 07 02 00 00 00 02 00 07 06 00 00 00 03 00 0a 0a 00 00 01 "
        "00 00 00 04 00 0a 0a 00 00 02 00 00 00 07 00 08 13 c4 00 00 00 08 00 08 13 c6 "
        "00 00 00 09 00 0a 01 02 03 04 00 00 00 0a 00 0a 00 00 00 05 00 00 00 0b 00 07 01 "
        "00 00 00 0c 00 0a 00 00 00 07 00 00 00 11 00 08 69 64 00 00 00 0e 00 07 6b 00 00 00 0f 00 09 53 49 50"
    )


def test_hep_1_and_2_byte_for_byte() -> None:
    head = "10 02 06 13 c4 13 c6 0a 00 00 01 0a 00 00 02 "
    first = version_2(ALICE, BOB, Clock(1, 2), "SIP", version=1).encode("latin-1")
    assert first.hex(" ") == f"01 {head}53 49 50"
    second = version_2(ALICE, BOB, Clock(1, 2), "SIP", capture_id=513).encode("latin-1")
    assert second.hex(" ") == f"02 {head}01 00 00 00 02 00 00 00 01 02 00 00 53 49 50"


@given(latin, latin, latin, st.integers(0, 2**32 - 1), st.sampled_from([1, LOG]))
def test_a_collector_reads_what_was_sent(payload: str, correlation: str, key: str, capture: int, kind: int) -> None:
    text = version_3(
        ALICE, BOB, Clock(5, 6), payload, kind=kind, capture_id=capture, correlation_id=correlation, auth_key=key
    )
    packet = parse_packet(text)
    assert packet == ("10.0.0.1:5060", "10.0.0.2:5062", 5.000006, payload, kind, capture, correlation, key)


@given(latin)
def test_nonsense_is_no_packet(text: str) -> None:
    for data in (text, "HEP3" + text):
        with pytest.raises(ValueError, match="HEP 3"):
            parse_packet(data)


@pytest.mark.parametrize("text", ["", "udp:", "udp:host:5060", "icmp:10.0.0.1:1", "10.0.0.1", "udp:10.0.0.1", "udp::x"])
def test_what_is_no_endpoint(text: str) -> None:
    assert endpoint(text) is None


def test_endpoints_of_ipv6_with_and_without_brackets() -> None:
    assert endpoint("tls:[2001:db8::1]:5061") == endpoint("wss:2001:db8::1:5061")


def test_messages_over_ipv6() -> None:
    served = Served(
        HEP.replace("127.0.0.20", "[::1]") + "request_route { sip_trace(); exit; }",
        "pv xlog siptrace",
        listen="listen=udp:[::1]:5060\n",
    )
    (copy,) = served.send(INVITE, ("::1", 5062))
    assert (parse_packet(copy.text).source, parse_packet(copy.text).destination) == ("[::1]:5062", "[::1]:5060")


def test_a_text_goes_out_as_if_it_had_been_sent() -> None:
    """sip_trace_msg() of 6.x."""
    call = 'sip_trace_msg("hello", "tcp:10.0.0.1:1", "tls:10.0.0.2:2", "sip:127.0.0.21:7", "id"); exit;'
    (copy,) = sent(call, modules="siptrace", before=HEP, target="6.x")
    packet = parse_packet(copy.text)
    assert copy.to.port == 7 and packet.payload == "hello" and packet.correlation_id == "id"
    calls = ('sip_trace_msg("", "a", "b", "", "")', 'sip_trace_msg("a", "", "b", "", "")')
    more = ('sip_trace_msg("a", "b", "", "", "")', 'sip_trace_msg("a", "b", "c", "nonsense", "")')
    assert results(*calls, *more, modules="siptrace", before=HEP, target="6.x") == [-1] * 4


@pytest.mark.parametrize(("target", "copies"), [("5.6", 0), ("6.x", 1)])
def test_the_ack_belongs_to_a_dialog_in_6x(target: str, copies: int) -> None:
    route = """
request_route {
    if (has_totag()) { loose_route(); exit; }
    sip_trace("sip:127.0.0.20:9060", "", "d"); record_route(); dlg_manage(); t_relay_to_udp("127.0.0.12", "5060");
}
"""
    modules = "pv xlog siputils sl tm rr dialog siptrace"
    served = Served(HEP + route, modules, target=target)
    out = served.request("INVITE", headers="Contact: <sip:bob@127.0.0.12>")
    invite = next(message for message in out if message.text.startswith("INVITE "))
    top = [
        line for line in invite.text.split("\r\n") if line.startswith(("Via:", "Record-Route:", "From:", "Call-ID:"))
    ]
    lines = [*top, "To: <sip:bob@example.com>;tag=b", "CSeq: 1 INVITE", "Contact: <sip:b@127.0.0.12>", "", ""]
    served.send("\n".join(["SIP/2.0 200 OK", *lines]))
    route_line = next(line for line in top if line.startswith("Record-Route:")).replace("Record-", "")
    sent_on = served.request("ACK", headers=route_line, to="<sip:bob@example.com>;tag=b")
    assert len([message for message in sent_on if message.text.startswith("HEP3")]) == copies


def test_advertised_addresses_in_6x() -> None:
    config = HEP + 'modparam("siptrace", "trace_mode", 1)\nmodparam("siptrace", "data_mode", 1)\n'
    listen = "listen=udp:127.0.0.1:5060 advertise 192.0.2.1:5070\n"
    served = Served(config + "request_route { exit; }", "pv siptrace", target="6.x", listen=listen)
    (copy,) = served.request()
    assert parse_packet(copy.text).destination == "192.0.2.1:5070"


def test_direction_is_known_in_event_routes() -> None:
    """5.6 refuses the name."""
    event = 'event_route[siptrace:msg] { xlog("$siptrace(direction)\\n"); drop; }'
    before = HEP + 'modparam("siptrace", "trace_mode", 1)\n'
    found = said('sl_send_reply("200", "OK");', modules="sl siptrace", before=before, rest=event)
    assert found == ["in", "out"]


def test_errors_of_constants_name_what_is_possible() -> None:
    assert "m, t and d are possible" in refused('sip_trace("", "", "x");', modules="siptrace", before=HEP)
    assert "one of m, t and d" in refused('sip_trace("", "", "md");', modules="siptrace", before=HEP)
    assert "src_addr" in refused('xlog("$siptrace(x)");', modules="siptrace", before=HEP)


def test_hep_without_a_place_to_go_is_an_error_not_a_crash() -> None:
    before = HEP.replace('modparam("siptrace", "duplicate_uri", "sip:127.0.0.20:9060")', "")
    calls = ('sip_trace_mode("m")', 'hlog("x")', 'hlog("x", "y")')
    assert results(*calls, modules="siptrace", before=before) == [1, -1, -1]
