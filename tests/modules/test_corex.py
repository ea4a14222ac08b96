"""corex: branches, sending, sockets, flags, files, places in the config, own domains, DNS records, commands."""

from __future__ import annotations

import pytest

from kamscript.core.rpc import RpcFault, to_json

from .script import INVITE, OPTIONS, refused, results, said, sent, serve, value

SOCKETS = 'listen=udp:127.0.0.1:5061 advertise 203.0.113.9:5066 name "second"\nalias=example.net:5070'


def outcomes(*calls: str, target: str = "5.6") -> list[int]:
    return results(*calls, modules="corex", before=SOCKETS, target=target)


def rpc(name: str, *arguments: str | int) -> object:
    return to_json(serve("exit;", modules="corex", before=SOCKETS).server.rpc.call(name, arguments))


# -- branches ---------------------------------------------------------------------------------------------------------
def test_branches_with_their_q() -> None:
    calls = ['append_branch("sip:a@x")', 'append_branch("sip:b@x", "0.5")', 'append_branch("sip:c@x", "2")']
    assert outcomes(*calls) == [1, 1, -1]


def test_the_request_uri_moves_into_a_branch_with_all_that_belongs_to_it() -> None:
    first = '$du = "sip:10.0.0.9"; append_branch();'
    text = "$du $(branch(dst_uri)[0]) $(branch(uri)[0])"
    assert value(text, OPTIONS, first=first, modules="corex") == "<null> sip:10.0.0.9 sip:example.com"


# -- sending ----------------------------------------------------------------------------------------------------------
def test_the_request_is_sent_as_it_came() -> None:
    (datagram,) = sent('$ru = "sip:x"; send_udp("127.0.0.12:5070");', OPTIONS, modules="corex")
    assert datagram.to[:3] == ("udp", "127.0.0.12", 5070)
    assert datagram.text == OPTIONS.replace("\n", "\r\n")


def test_any_text_is_sent_to_a_uri_from_any_socket() -> None:
    route = 'send_data("sip:127.0.0.12:5070", "to $rU"); sendx("sip:127.0.0.12", "udp:127.0.0.1:5061", "x");'
    first, second = sent(route, modules="corex", before=SOCKETS)
    assert (first.text, first.socket.port) == ("to bob", 5060)
    assert (second.text, second.socket.port) == ("x", 5061)


def test_nothing_is_sent_to_nowhere() -> None:
    assert outcomes('send_data("nope", "x")', 'send_udp("nope.invalid:5060")', 'send_tcp("127.0.0.12")') == [-1, -1, -1]


def test_4_has_another_name_for_it() -> None:
    (datagram,) = sent('send("127.0.0.12:5070");', OPTIONS, modules="corex", target="4.4")
    assert datagram.text.startswith("OPTIONS")


def test_6_forwards_as_if_the_request_started_here() -> None:
    serving = serve('force_rport(); forward_uac_uri("sip:127.0.0.12:5070");', modules="corex", target="6.x")
    (datagram,) = serving.send(INVITE, ("127.0.0.99", 5077))
    lines = datagram.text.split("\r\n")
    assert lines[1].startswith("Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK")
    assert lines[2] == "Max-Forwards: 70"
    assert datagram.to[:3] == ("udp", "127.0.0.12", 5070)


# -- sockets ----------------------------------------------------------------------------------------------------------
def test_the_socket_to_send_from() -> None:
    first = 'set_send_socket("udp:127.0.0.1:5061");'
    assert value("$fs", first=first, modules="corex", before=SOCKETS) == "udp:127.0.0.1:5061"
    assert outcomes(
        'set_send_socket("a:b:c:d")', 'set_send_socket("udp:127.0.0.1:9")', 'set_send_socket_name("none")'
    ) == [-1, 1, 1]


def test_the_socket_it_came_by_and_where_from() -> None:
    first = 'set_recv_socket_name("second"); set_source_address("10.9.8.7:6543");'
    assert value("$Rp $RAi $si $sp", first=first, modules="corex", before=SOCKETS) == "5061 203.0.113.9 10.9.8.7 6543"


def test_names_of_sockets() -> None:
    assert outcomes('is_socket_name("second")', 'is_socket_name("none")') == [1, -1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("$lsock(n/second/listen)", "udp:127.0.0.1:5061"),
        ("$lsock(l/udp:127.0.0.1:5061/name)", "second"),
        ("$lsock(n/second/advertise)", "udp:203.0.113.9:5066"),
        ("$lsock(n/second/index)", "1"),
        ("$lsock(n/none/listen)", "<null>"),
        ("$lsock(n/second/l)", ""),
    ],
)  # fmt: skip
def test_what_is_known_of_a_socket(text: str, shown: str) -> None:
    assert value(text, modules="corex", before=SOCKETS) == shown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("udp:10.0.0.1:5060", "10.0.0.1|5060|udp|sip:10.0.0.1:5060;transport=udp"),
        ("host", "host|||sip:host"),
        ("host:99", "host|99||sip:host:99"),
        ("[::1]:6", "[::1]|6||sip:[::1]:6"),
        ("udp:h", "h||udp|sip:h;transport=udp"),
        ("nope:h", "|||"),
        ("h:", "|||"),
    ],
)  # fmt: skip
def test_parts_of_a_socket_text(text: str, parts: str) -> None:
    shown = "|".join(f"$(var(s){{sock.{part}}})" for part in ("host", "port", "proto", "touri"))
    assert value(shown, first=f'$var(s) = "{text}";', modules="corex") == parts


# -- flags ------------------------------------------------------------------------------------------------------------
def test_extended_flags() -> None:
    assert outcomes("isxflagset(33)", "setxflag(33)", "isxflagset(33)", "resetxflag(33)", "isxflagset(33)") == [
        -1,
        1,
        1,
        1,
        -1,
    ]
    assert outcomes("setxflag(63)", "setxflag(64)") == [1, -1]


def test_internal_flags_of_the_message() -> None:
    calls = [
        'msg_iflag_is_set("UAC_AUTH")',
        'msg_iflag_set("uac_auth")',
        'msg_iflag_is_set("UAC_AUTH")',
        'msg_iflag_is_set("NOPE")',
    ]
    assert outcomes(*calls) == [-2, 1, 1, -1]


@pytest.mark.parametrize(
    ("calls", "before", "param"),
    [
        ("via_add_srvid(1);", "server_id=7", ";srvid=7"),
        ('via_add_xavp_params(1); $xavp(v=>a) = "1"; ', 'xavp_via_params="v"', ";a=1"),
    ],
)  # fmt: skip
def test_what_our_via_carries(calls: str, before: str, param: str) -> None:
    (datagram,) = sent(f'{calls} $du = "sip:127.0.0.12"; forward();', OPTIONS, modules="corex", before=before)
    via = datagram.text.split("\r\n")[1]
    assert via.endswith(param)


def test_6_has_flags_that_travel_in_the_via() -> None:
    route = 'msg_vbflag_set(4); $du = "sip:127.0.0.12"; forward();'
    (datagram,) = sent(route, OPTIONS, modules="corex", target="6.x")
    assert datagram.text.split("\r\n")[1].endswith(";kvf=10")
    calls = ["msg_vbflag_set(4)", "msg_vbflag_is_set(4)", "msg_vbflag_reset(4)", "msg_vbflag_is_set(4)"]
    assert outcomes(*calls, target="6.x") == [1, 1, 1, -1]


# -- places and files -------------------------------------------------------------------------------------------------
def test_where_in_the_config_this_is() -> None:
    route = 'route(HERE);\n}\nroute[HERE] { xlog("$cfg(line) $cfg(file) $cfg(route)\\n");'
    assert said(route, modules="corex") == ["10 kamailio.cfg HERE"]
    assert value("$cfg(route)", modules="corex") == "DEFAULT_ROUTE"


def test_files_that_are_not_there() -> None:
    assert outcomes('file_read("/none", "$var(f)")', 'file_write("/none", "x")', 'file_write("", "x")') == [-1, -1, -1]


# -- names ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("uri", "own"),
    [
        ("sip:example.org", 1),
        ("sip:a.b.example.org:7", 1),
        ("sip:badexample.org", -1),
        ("sip:x.example.com:5062", 1),
        ("sip:x.example.com:5060", -1),
        ("sip:x.example.com", 1),
        ("sip:x.example.info;transport=tcp", 1),
        ("sip:x.example.info;transport=udp", -1),
    ],
)  # fmt: skip
def test_whole_domains_are_own(uri: str, own: int) -> None:
    domains = ("example.org", "example.com:5062", "tcp:example.info")
    before = "".join(f'modparam("corex", "alias_subdomains", "{text}")\n' for text in domains)
    assert results(f'is_myself("{uri}")', modules="kex corex", before=before) == [own]


def test_records_for_the_dns_cache() -> None:
    before = 'modparam("corex", "dns_cache", "name=gw.test;type=A;addr=127.0.0.12;ttl=60;flags=2")'
    (datagram,) = sent('send_udp("gw.test:5070");', OPTIONS, modules="corex", before=before)
    assert datagram.to.ip == "127.0.0.12"


@pytest.mark.parametrize(
    "before",
    [
        'modparam("corex", "alias_subdomains", "nope:x:1")',
        'modparam("corex", "alias_subdomains", "x.org:")',
        'modparam("corex", "dns_cache", "name=a;type=MX;addr=x")',
        'modparam("corex", "dns_cache", "name=a;type=A;addr=x")',
        'modparam("corex", "dns_cache", "name=a;type=A;addr=127.0.0.1;ttl=x")',
        'modparam("corex", "nio_intercept", 1)',
    ],
)  # fmt: skip
def test_what_is_refused_at_start(before: str) -> None:
    assert refused("exit;", modules="corex", before=before)


# -- events -----------------------------------------------------------------------------------------------------------
def test_messages_are_changed_on_their_way() -> None:
    before = 'modparam("corex", "nio_intercept", 1)\nmodparam("corex", "nio_msg_avp", "$avp(m)")'
    event = """event_route[network:msg] {
        if (is_incoming()) $avp(m) = $(mb{s.replace,bob,carol}); else $avp(m) = $(mb{s.replace,OK,Fine});
    }"""
    serving = serve('xlog("$rU\\n"); sl_send_reply("200", "OK");', modules="sl corex", before=before, rest=event)
    (reply,) = serving.send(INVITE)
    assert [record.text for record in serving.records] == ["carol\n"]
    assert reply.text.startswith("SIP/2.0 200 Fine\r\n")


def test_short_messages_pass_unseen() -> None:
    before = 'modparam("corex", "nio_intercept", 1)\nmodparam("corex", "nio_min_msg_len", 5000)'
    event = 'event_route[network:msg] { xlog("seen"); }'
    assert said("exit;", modules="corex", before=before, rest=event) == []


@pytest.mark.parametrize(("target", "lines"), [("5.6", []), ("6.x", ["200 OK"])])
def test_6_tells_of_replies_that_leave(target: str, lines: list[str]) -> None:
    event = 'event_route[corex:reply-out] { xlog("$rs $rr\\n"); }'
    assert said('sl_send_reply("200", "OK");', modules="sl corex", rest=event, target=target) == lines


# -- commands ---------------------------------------------------------------------------------------------------------
def test_sockets_and_aliases_are_listed() -> None:
    sockets = rpc("corex.list_sockets")
    assert isinstance(sockets, list)
    assert sockets[1] == {
        "PROTO": "udp",
        "NAME": "127.0.0.1",
        "ADDRLIST": {"ADDR": "127.0.0.1"},
        "PORT": "5061",
        "MCAST": "no",
        "MHOMED": "no",
        "VIRTUAL": "no",
        "SOCKNAME": "second",
        "ADVERTISE": "203.0.113.9",
    }
    assert rpc("corex.list_aliases") == [{"PROTO": "*", "ADDR": "example.net", "PORT": 5070}]


def test_the_log_level() -> None:
    server = serve("exit;", modules="corex").server
    assert to_json(server.rpc.call("corex.debug", [3])) == [{"old": 0, "new": 3}]
    assert to_json(server.rpc.call("corex.debug")) == [{"debug": 3}]


def test_memory() -> None:
    assert rpc("shm.info") == [{"name": "q_malloc", "size": 67108864}]
    assert rpc("corex.pkg_summary", "idx", 0) == []
    for arguments in ((), ("nope", 1), ("foo", 1), ("idx", 999)):
        with pytest.raises(RpcFault):
            rpc("corex.pkg_summary", *arguments)
