r"""rtpproxy: what is sent to RTP proxies, and what becomes of session descriptions."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from collections.abc import Mapping

from ..case import Relay, Scene, case, verdicts
from ..relays import rtpproxy
from .rtpengine import MANAGED, TYPE

HERE = ("127.0.0.33", 21206)
THERE = ("127.0.0.34", 21206)
MODULES = "tm sl pv xlog textops rtpproxy"
SOCK = 'modparam("rtpproxy", "rtpproxy_sock", "udp:127.0.0.33:21206")\n'
SDP = """v=0
o=alice 1 2 IN IP4 127.0.0.11
s=-
c=IN IP4 127.0.0.11
t=0 0
m=audio 4000 RTP/AVP 0 8 101
a=rtpmap:101 telephone-event/8000
a=rtcp:4001 IN IP4 127.0.0.11
a=candidate:1 1 UDP 100 127.0.0.11 4000 typ host
a=candidate:1 2 UDP 99 127.0.0.11 4001 typ host
m=video 4002 RTP/AVP 31
c=IN IP4 10.0.0.5
m=image 0 udptl t38
"""
SIX = """v=0
o=alice 1 2 IN IP6 2001:db8::1
s=-
c=IN IP6 2001:db8::1
t=0 0
m=audio 4000 RTP/AVP 0
m=audio 4002 RTP/AVP 0
c=IN IP4 10.0.0.5
"""


def relay(answers: Mapping[str, str | None] | None = None, ip: str = "203.0.113.1", name: str = "one", address: tuple[str, int] = HERE) -> Relay:  # fmt: skip
    """An RTP proxy; each process of the daemon asks for its version."""
    return Relay(name, address, rtpproxy(answers, ip), r"\S+ VF?\b")


CALLS = [
    "rtpproxy_offer();", 'rtpproxy_offer("r");', 'rtpproxy_offer("AEIWro");', 'rtpproxy_offer("c");', 'rtpproxy_offer("f");',
    'rtpproxy_offer("x");', 'rtpproxy_offer("xr");', 'rtpproxy_offer("1");', 'rtpproxy_offer("2");', 'rtpproxy_offer("3");',
    'rtpproxy_offer("b");', 'rtpproxy_offer("l");', 'rtpproxy_offer("t");', 'rtpproxy_offer("q");', 'rtpproxy_offer("B");', 'rtpproxy_offer("", "198.51.100.7");',
    'rtpproxy_offer("r", "$si");', 'rtpproxy_answer();', 'rtpproxy_answer("l");', 'rtpproxy_manage();', 'rtpproxy_manage("co");', 'rtpproxy_manage("", "198.51.100.7");',
    'rtpproxy_offer("$var(none)");', "rtpproxy_destroy();", 'rtpproxy_destroy("t");', 'rtpproxy_destroy("1");', 'rtpproxy_destroy("b");', 'rtpproxy_destroy("q");',
    "unforce_rtp_proxy();", "start_recording();", 'rtpproxy_stream2uac("/tmp/a", "2");', 'rtpproxy_stream2uas("/tmp/$rU", "-1");', "rtpproxy_stop_stream2uac();",
    "rtpproxy_stop_stream2uas();", 'xlog("[$rtpstat] [$rtppstat]\\n");', "rtpproxy_offer(); rtpproxy_offer();",
]  # fmt: skip
SWITCH = (
    'request_route {\n$avp(extra) = "x1";\nswitch ($rU) {\n'
    + "\n".join(f'case "c{number}": {line} break;' for number, line in enumerate(CALLS))
    + '\n}\n$var(rc) = $rc; xlog("$rU $var(rc) $avp(inst)\\n");\n$du = "sip:127.0.0.12:21200"; forward();\n}\n'
)
PARAMS = 'modparam("rtpproxy", "extra_id_pv", "$avp(extra)")\nmodparam("rtpproxy", "rtp_inst_pvar", "$avp(inst)")\n'


def each_call(scene: Scene, body: str = SDP, to_tag: str = "", headers: str = TYPE, number: int | None = None) -> None:
    """A request for every call, or one."""
    for one in range(len(CALLS)) if number is None else [number]:
        scene.alice.request("INVITE", f"sip:c{one}@example.com", headers=headers, body=body, to_tag=to_tag)
        scene.label(f"{one}{to_tag}")


@case(SOCK + PARAMS + SWITCH, modules=MODULES, relays=(relay(),))
def commands_outside_a_dialog(scene: Scene) -> None:
    """Functions and their flags for a first request."""
    each_call(scene)


@case(
    SOCK + PARAMS + 'modparam("rtpproxy", "timeout_socket", "udp:127.0.0.1:9")\n' + SWITCH,
    modules=MODULES,
    relays=(relay(),),
)
def commands_within_a_dialog(scene: Scene) -> None:
    """The same with a To tag."""
    each_call(scene, to_tag="b1")


@case(SOCK + PARAMS + 'modparam("rtpproxy", "nortpproxy_str", "")\n' + SWITCH, modules=MODULES, relays=(relay(ip=""),))
def addresses_of_the_server(scene: Scene) -> None:
    """A proxy that only names a port stands where the server is."""
    for number in (0, 1, 15, 19):
        each_call(scene, number=number)


@case(SOCK + PARAMS + SWITCH, modules=MODULES, relays=(relay(ip="2001:db8::9 6"),))
def ipv6(scene: Scene) -> None:
    """Other address families."""
    for number in (0, 1, 3, 5, 6, 15):
        each_call(scene, number=number)
        each_call(scene, SIX, "six", number=number)


@case(SOCK + 'modparam("rtpproxy", "ice_candidate_priority_avp", "$avp(p)")\n' + PARAMS + SWITCH.replace('$avp(extra) = "x1";', 'if ($hdr(P) != $null) $avp(p) = $(hdr(P){s.int});'), modules=MODULES, relays=(relay(),))  # fmt: skip
def candidates(scene: Scene) -> None:
    """Candidates for ICE."""
    for value in ("0", "1", "2", "3"):
        each_call(scene, headers=f"{TYPE}\nP: {value}", number=0, to_tag=f"p{value}")
    each_call(scene, number=0)


@case(
    MANAGED.replace('"rtpengine", "rtpengine_sock", "udp:127.0.0.31:21205"', '"rtpproxy", "rtpproxy_sock", "udp:127.0.0.33:21206"')
    .replace('rtpengine_manage("replace-origin")', 'rtpproxy_manage("co")').replace("rtpengine_manage", "rtpproxy_manage"),
    modules=MODULES,
    relays=(relay(),),
)  # fmt: skip
def managed_calls(scene: Scene) -> None:
    """rtpproxy_manage() through calls."""
    alice, bob = scene.alice, scene.bob
    alice.request("INVITE", headers=TYPE, body=SDP)
    ringing = bob.expect("INVITE")
    alice.expect(100)
    ringing.answer(200, "OK", headers=TYPE, body=SDP.replace("127.0.0.11", "127.0.0.12"))
    alice.expect(200)
    alice.request("UPDATE", to_tag="bob", cseq=2, headers=TYPE, body=SDP)
    bob.expect("UPDATE").answer(200, "OK", headers=TYPE, body=SDP)
    alice.expect(200)
    alice.request("BYE", to_tag="bob", cseq=4)
    bob.expect("BYE").answer(200, "OK")
    alice.expect(200)
    scene.label("answered")
    invite = alice.request("INVITE", headers=TYPE, body=SDP, call_id="call-2")
    bob.expect("INVITE").answer(486, "Busy Here")
    bob.expect("ACK")
    alice.expect(100)
    alice.ack(invite, alice.expect(486))
    scene.label("rejected")
    alice.request("INVITE", call_id="call-3")
    bob.expect("INVITE").answer(200, "OK", headers=TYPE, body=SDP.replace("127.0.0.11", "127.0.0.12"))
    alice.expect(100)
    alice.expect(200)
    alice.request("ACK", to_tag="bob", call_id="call-3", headers=TYPE, body=SDP)
    bob.expect("ACK")


@case(SOCK + 'request_route { rtpproxy_offer("z20r"); xlog("$rc\\n"); rtpproxy_offer("frZ"); xlog("$rc\\n"); }\n', modules=MODULES, relays=(relay(),))  # fmt: skip
def repacketizing(scene: Scene) -> None:
    """Of one stream: with more of them the daemon sends bytes of its memory behind the number."""
    scene.alice.request("INVITE", headers=TYPE, body=SDP.partition("m=video")[0])
    scene.settle()


SETS = """
modparam("rtpproxy", "rtpproxy_retr", 1)
modparam("rtpproxy", "rtpproxy_sock", "udp:127.0.0.33:21206=3 udp:127.0.0.34:21206")
modparam("rtpproxy", "rtpproxy_sock", "2 == udp:127.0.0.34:21206")
modparam("rtpproxy", "rtp_inst_pvar", "$avp(inst)")
request_route {
    switch ($rU) {
        case "two": set_rtp_proxy_set("2"); break;
        case "var": $var(s) = 2; set_rtp_proxy_set("$var(s)"); break;
        case "none": $var(s) = 7; set_rtp_proxy_set("$var(s)"); break;
        case "text": $var(s) = "2"; set_rtp_proxy_set("$var(s)"); break;
    }
    xlog("set $rc\\n");
    rtpproxy_offer();
    xlog("$rU $rc $avp(inst)\\n");
}
"""


@case(SETS, modules=MODULES, relays=(relay(), relay(name="two", address=THERE)))
def sets_and_weights(scene: Scene) -> None:
    """Calls are shared out; sets are chosen; RPC."""
    for user in ("any", "two", "var", "none", "text"):
        scene.alice.request("INVITE", f"sip:{user}@example.com", call_id=f"c-{user}", headers=TYPE, body=SDP)
        scene.settle()
    for call in range(8):
        scene.alice.request("INVITE", "sip:any@example.com", call_id=f"many-{call}-{call * 7}", headers=TYPE, body=SDP)
        scene.settle()
    scene.rpc("rtpproxy.list")
    scene.rpc("rtpproxy.enable", "udp:127.0.0.34:21206", 0)
    scene.rpc("rtpproxy.list")
    scene.alice.request("INVITE", "sip:two@example.com", call_id="later", headers=TYPE, body=SDP)
    scene.settle()
    scene.rpc("rtpproxy.enable", "udp:127.0.0.34:21206", 1)
    scene.rpc("rtpproxy.enable", "udp:1.1.1.1:1", 1)
    scene.rpc("rtpproxy.enable", "x")
    scene.rpc("rtpproxy.list")


@case(SOCK + PARAMS + SWITCH, modules=MODULES, relays=(relay({"U": "0", "L": "70000", "D": "E1", "Q": "60 1 2 3 4"}),))
def answers_without_a_port(scene: Scene) -> None:
    """What is no port leaves the message as it is."""
    for number in (0, 11, 17, 23, 34):
        each_call(scene, number=number, to_tag="b1")


@case(SOCK + PARAMS + SWITCH, modules=MODULES, relays=(relay({"VF": "0"}),))
def too_old(scene: Scene) -> None:
    """A proxy that cannot do what is needed is not used."""
    each_call(scene, number=0)


@case(SOCK + PARAMS + SWITCH, modules=MODULES, relays=(relay({"V": "20040107", "U": ""}),))
def empty_answers(scene: Scene) -> None:
    """An empty answer is no port either."""
    each_call(scene, number=0)


@case(SOCK + PARAMS + SWITCH, modules=MODULES, relays=(relay(),))
def bodies(scene: Scene) -> None:
    """Session descriptions of other kinds, marked ones, and none."""
    for index, (headers, body) in enumerate(
        (
            (TYPE, SDP + "a=nortpproxy:yes\n"),
            (TYPE, SDP.replace("IP4 127.0.0.11", "IP4 0.0.0.0")),
            (TYPE, ""),
            ("Content-Type: text/plain", SDP),
            ("", SDP),
            (TYPE, "v=0\no=-\n"),
            ("Content-Type: multipart/mixed;boundary=b1", f"--b1\nContent-Type: application/sdp\n\n{SDP}\n--b1--\n"),
        )
    ):
        each_call(scene, body, f"n{index}", headers, 0)
    each_call(scene, SDP + "a=nortpproxy:yes\n", "again", number=4)


verdicts(
    "rtpproxy",
    "starts",
    r"""
    rtpproxy_manage();
    rtpproxy_manage("a", "b", "c");
    rtpproxy_offer($var(x));
    set_rtp_proxy_set("0");
    set_rtp_proxy_set("5");
    set_rtp_proxy_set("x");
    set_rtp_proxy_set("$var(x)");
    rtpproxy_stream2uac("x", "y");
    rtpproxy_stream2uac("x", "$var(y)");
    rtpproxy_stream2uac("x", "-1");
    rtpproxy_stream2uac("$nothing(x)", "1");
    :modparam("rtpproxy", "rtpproxy_sock", "")
    :modparam("rtpproxy", "rtpproxy_sock", "1 ==")
    :modparam("rtpproxy", "rtpproxy_sock", "1 == ")
    :modparam("rtpproxy", "rtpproxy_sock", "x == udp:127.0.0.1:9")
    :modparam("rtpproxy", "ice_candidate_priority_avp", "$var(x)")
    :modparam("rtpproxy", "rtp_inst_pvar", "$ru")
    :modparam("rtpproxy", "rtp_inst_pvar", "$xavp(x)")
    """,
    modules="pv xlog rtpproxy",
    before='modparam("rtpproxy", "rtpproxy_retr", 1)\nmodparam("rtpproxy", "rtpproxy_sock", "udp:127.0.0.1:9")\n',
)
