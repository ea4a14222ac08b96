"""Stateless forwarding. The texts are what Kamailio 5.6.3 sends for the same config and message."""

from __future__ import annotations

import pytest

from .serving import BOB, Names, Serving, reply, request

LISTEN = "listen=udp:127.0.0.1:5060\n"
FORWARD = LISTEN + "request_route { forward(); }"


def lines(text: str, name: str) -> list[str]:
    """The header lines called `name`, without it."""
    return [line.partition(": ")[2] for line in text.split("\r\n") if line.startswith(name + ":")]


def test_a_request_goes_to_its_uri_with_our_via_on_top() -> None:
    (sent,) = Serving(FORWARD).send(request())
    assert sent.to[:3] == ("udp", "127.0.0.12", 5060)
    assert sent.text == (
        "INVITE sip:bob@127.0.0.12 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK87d5.06120b66550244568b6ab17eca37261a.0\r\n"
        "Via: SIP/2.0/UDP 127.0.0.11:5060;branch=z9hG4bK1\r\n"
        "From: <sip:alice@example.com>;tag=a1\r\nTo: <sip:bob@example.com>\r\nCall-ID: call-1@x\r\n"
        "CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )


def test_a_retransmission_gets_the_same_branch() -> None:
    serving = Serving(FORWARD)
    assert serving.send(request())[0].text == serving.send(request())[0].text


@pytest.mark.parametrize(
    ("config", "via", "expected"),
    [
        ("", "h.example.com:5099;branch=x", "h.example.com:5099;received=127.0.0.11;branch=x"),
        ("", "127.0.0.11:5099;rport;branch=x", "127.0.0.11:5099;received=127.0.0.11;rport=5060;branch=x"),
        (
            "",
            "h:5099;rport=1;received=1.2.3.4;branch=x",
            "h:5099;rport=5060;received=127.0.0.11;branch=x",
        ),
        ("force_rport=yes\n", "127.0.0.11;branch=x", "127.0.0.11;rport=5060;branch=x"),
    ],
)
def test_the_via_below_tells_where_the_request_came_from(config: str, via: str, expected: str) -> None:
    (sent,) = Serving(config + FORWARD).send(request(via=f"SIP/2.0/UDP {via}"))
    assert lines(sent.text, "Via")[1] == f"SIP/2.0/UDP {expected}"


@pytest.mark.parametrize(
    ("config", "shown"),
    [
        ("listen=udp:127.0.0.1:5060 advertise 9.9.9.9:5060", "9.9.9.9:5060"),
        ('listen=udp:127.0.0.1:5060\nadvertised_address="a.example.com"', "a.example.com"),
        ("listen=udp:127.0.0.1:5070\nadvertised_port=99", "127.0.0.1:99"),
        ("listen=udp:127.0.0.1:5070", "127.0.0.1:5070"),
        ("listen=udp:127.0.0.1:5060", "127.0.0.1"),
        ("listen=udp:[::1]:5060", "[::1]"),
    ],
)
def test_our_via_shows_the_socket_or_what_is_advertised(config: str, shown: str) -> None:
    uri = "sip:bob@[::2]" if "::1" in config else "sip:bob@127.0.0.12"
    (sent,) = Serving(config + "\nrequest_route { forward(); }").send(request(uri))
    assert lines(sent.text, "Via")[0].startswith(f"SIP/2.0/UDP {shown};branch=")


def test_a_script_may_advertise_something_for_one_request() -> None:
    body = 'set_advertised_address("a.example.com"); set_advertised_port(99); add_local_rport(); forward();'
    (sent,) = Serving(LISTEN + f"request_route {{ {body} }}").send(request())
    via = lines(sent.text, "Via")[0]
    assert via.startswith("SIP/2.0/UDP a.example.com:99;branch=")
    assert via.endswith(".0;rport")


def test_forwarding_twice_shows_the_first_via_too() -> None:
    first, second = Serving(LISTEN + "request_route { forward(); forward(); }").send(request())
    assert len(lines(first.text, "Via")) == 2
    assert len(lines(second.text, "Via")) == 3


def test_the_via_of_the_first_time_stays_on_top() -> None:
    body = "force_send_socket(127.0.0.2:5061); forward(); force_send_socket(127.0.0.1:5060); forward();"
    config = f"{LISTEN}listen=udp:127.0.0.2:5061\nrequest_route {{ {body} }}"
    _, second = Serving(config).send(request())
    shown = [via.split(";")[0] for via in lines(second.text, "Via")]
    assert shown == ["SIP/2.0/UDP 127.0.0.2:5061", "SIP/2.0/UDP 127.0.0.1", "SIP/2.0/UDP 127.0.0.11:5060"]


def test_a_named_host_is_looked_up() -> None:
    serving = Serving(FORWARD, Names({"bob.example.com": ["127.0.0.13"]}))
    (sent,) = serving.send(request("sip:bob@bob.example.com:5070"))
    assert (sent.to.ip, sent.to.port) == ("127.0.0.13", 5070)


def test_a_host_without_address_is_an_error() -> None:
    serving = Serving(LISTEN + 'request_route { if (forward()) log(0, "sent"); else log(0, "failed"); }')
    assert serving.send(request("sip:bob@nowhere.example.com")) == []
    assert serving.script == ["failed"]
    assert serving.log[0] == 'ERROR: <core>: resolving "nowhere.example.com" failed'


def test_without_failover_one_address_is_tried() -> None:
    names = Names({"bob": ["127.0.0.13", "127.0.0.14"]})
    drop = 'onsend_route { log(0, "out\\n"); drop; }'
    serving = Serving(FORWARD + drop, names)
    assert serving.send(request("sip:bob:5060")) == []
    assert serving.script == ["out"]


def test_with_failover_every_address_is_tried() -> None:
    names = Names({"bob": ["127.0.0.13", "127.0.0.14"]})
    serving = Serving("use_dns_failover=on\n" + FORWARD + 'onsend_route { log(0, "out\\n"); drop; }', names)
    assert serving.send(request("sip:bob:5060")) == []
    assert serving.script == ["out", "out"]


def test_what_is_too_long_for_udp_goes_over_tcp() -> None:
    config = "udp_mtu=500\nudp_mtu_try_proto=tcp\nlisten=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\n"
    serving = Serving(config + "request_route { forward(); }")
    (short,) = serving.send(request())
    (long,) = serving.send(request(headers="Subject: " + "x" * 500 + "\n"))
    assert (short.to.proto, short.socket.proto) == ("udp", "udp")
    assert (long.to.proto, long.socket.proto) == ("tcp", "tcp")
    assert lines(long.text, "Via")[0].startswith("SIP/2.0/TCP 127.0.0.1;branch=")


def test_a_stream_gets_a_content_length() -> None:
    config = "listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\nrequest_route { forward(); }"
    text = request("sip:bob@127.0.0.12;transport=tcp").replace("Content-Length: 0\n", "")
    (sent,) = Serving(config).send(text)
    assert sent.to.proto == "tcp"
    assert lines(sent.text, "Content-Length") == ["0"]


def test_a_request_that_came_over_tcp_names_its_connection() -> None:
    config = "listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\nrequest_route { forward(); }"
    (sent,) = Serving(config).send(request(), proto="tcp", connection=0x1A2)
    assert lines(sent.text, "Via")[0].endswith(".0;i=2a1")


# -- replies ----------------------------------------------------------------------------------------------------------
def test_a_reply_loses_our_via_and_follows_the_next() -> None:
    (sent,) = Serving(FORWARD).send(reply(), BOB)
    assert sent.to[:3] == ("udp", "127.0.0.11", 5060)
    assert lines(sent.text, "Via") == ["SIP/2.0/UDP 127.0.0.11:5060;branch=z9hG4bK1"]


def test_a_reply_goes_where_received_and_rport_say() -> None:
    (sent,) = Serving(FORWARD).send(reply(via="SIP/2.0/UDP h:99;received=127.0.0.11;rport=5072;branch=x"), BOB)
    assert sent.to[:3] == ("udp", "127.0.0.11", 5072)


def test_a_reply_with_two_vias_in_one_header() -> None:
    text = reply(via="").replace("branch=z9hG4bKserver", "branch=z9hG4bKserver , SIP/2.0/UDP 127.0.0.11;branch=x")
    (sent,) = Serving(FORWARD).send(text, BOB)
    assert lines(sent.text, "Via") == ["SIP/2.0/UDP 127.0.0.11;branch=x"]


def test_a_reply_without_second_via_ends_here() -> None:
    assert Serving(FORWARD).send(reply(via=""), BOB) == []


def test_a_reply_finds_the_connection_of_its_request() -> None:
    config = "listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\nrequest_route { exit; }"
    text = reply(via="SIP/2.0/TCP 127.0.0.11;branch=x").replace("branch=z9hG4bKserver", "branch=z9hG4bKserver;i=2a1")
    (sent,) = Serving(config).send(text, BOB)
    assert (sent.to.proto, sent.to.connection) == ("tcp", 0x1A2)


def test_check_via_refuses_replies_to_others() -> None:
    serving = Serving("check_via=1\n" + FORWARD)
    assert len(serving.send(reply(), BOB)) == 1
    assert serving.send(reply().replace("127.0.0.1;branch=z9hG4bKserver", "127.0.0.9;branch=x"), BOB) == []
    assert serving.log == ["ERROR: <core>: host in first via!=me : 127.0.0.9:0"]


def test_onsend_route_sees_replies_only_when_asked() -> None:
    onsend = 'onsend_route { log(0, "out\\n"); }'
    for setting, said in (("", []), ("onsend_route_reply=1\n", ["out"])):
        serving = Serving(setting + FORWARD + onsend)
        assert len(serving.send(reply(), BOB)) == 1
        assert serving.script == said
