r"""rtpengine: what is sent to rtpengines, byte by byte, and what becomes of their answers."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..case import Relay, Scene, case, verdicts
from ..relays import rtpengine

HERE = ("127.0.0.31", 21205)
THERE = ("127.0.0.32", 21205)
MODULES = "tm sl pv xlog textops rtpengine"
SDP = """v=0
o=alice 1 2 IN IP4 127.0.0.11
s=-
c=IN IP4 127.0.0.11
t=0 0
m=audio 4000 RTP/AVP 0 8
"""
SOCK = 'modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.31:21205")\n'
TYPE = "Content-Type: application/sdp"


def relay(answers: Mapping[str, Any] | None = None, name: str = "one", address: tuple[str, int] = HERE) -> Relay:
    """An rtpengine."""
    return Relay(name, address, rtpengine(answers))


ONE = (relay(),)
FLAGS = [
    "", "replace-origin replace-session-connection", "replace=origin ICE=remove", "RTP/AVP", "RTP/SAVP", "RTP/AVPF",
    "RTP/SAVPF", "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF", "SRTP AVPF", "DTLS", "RTP", "SRTP DTLS AVPF AVP", "internal external",
    "direction=priv direction=pub", "trust-address  asymmetric   ", "rtcp-mux-offer rtcp-mux=require rtcp-mux", "SDES-off SDES=no-auth",
    "T38-decode T.38=force", "transcode-PCMU codec-transcode=opus codec-strip-all codec-offer=PCMA codec-mask-G729 codec-set=x codec-except-y",
    "TOS=184", "TOS=x", "TOS", "repacketize=20", "repacketize=20ms", "repacketize", "repacketize=x", "delete-delay=5", "delete-delay",
    "call-id=other", "call-id", "from-tag=x", "from-tag", "to-tag", "to-tag=zz", "directional", "via-branch=1", "via-branch=2", "via-branch=auto",
    "via-branch=extra", "via-branch=auto-extra", "via-branch=3", "via-branch", "force-answer", "address-family=IP4 media-address=10.0.0.1",
    "label=caller metadata=a=b", "=x", "a=", "codec-strip", "replace", "replace-", "RTP/AVP=x", "loop-protect full-rtcp-attribute port-latching",
]  # fmt: skip


@case(
    SOCK
    + 'modparam("rtpengine", "extra_id_pv", "$avp(extra)")\nrequest_route {\n$avp(extra) = "extra-1";\n'
    + "switch ($rU) {\n"
    + "\n".join(
        f'case "f{number}": rtpengine_offer("{flags}"); break;' if flags else f'case "f{number}": rtpengine_offer(); break;'
        for number, flags in enumerate(FLAGS)
    )
    + '\n}\n$var(rc) = $rc; xlog("$rU $var(rc)\\n");\n}\n',
    modules=MODULES,
    relays=ONE,
)  # fmt: skip
def flags_of_an_offer(scene: Scene) -> None:
    """Every flag has its place in the request."""
    for number in range(len(FLAGS)):
        scene.alice.request("INVITE", f"sip:f{number}@example.com", headers=TYPE, body=SDP)
        scene.settle()


COMMANDS = """
rtpengine_delete();
rtpengine_delete("delete-delay=0 from-tag");
rtpengine_delete("to-tag delete-delay=0");
rtpengine_delete("from-tag=a1 force-answer");
rtpengine_query();
rtpengine_query("via-branch=1");
rtpengine_info();
rtpengine_info("label=x");
rtpengine_answer();
start_recording();
start_recording("metadata=x");
stop_recording();
stop_recording("pause");
block_dtmf();
block_dtmf("directional");
unblock_dtmf();
block_media();
block_media("from-tag=b1");
unblock_media();
silence_media();
unsilence_media();
start_forwarding();
stop_forwarding();
play_media("file=/tmp/x.wav");
play_media("file=/tmp/x.wav from-tag=b1 repeat-times=3");
stop_media();
stop_media("directional");
play_dtmf("code=5 volume=10");
rtpengine_query_v("j", "$var(q)"); xlog("[$var(q)]\\n");
rtpengine_query_v("jp", "$var(q)"); xlog("[$var(q)]\\n");
rtpengine_query_v("x", "$var(q)");
xlog("[$rtpstat] [$rtpestat]\\n");
"""
TOTALS = {
    "RTP": {"packets": 100, "bytes": 17200, "errors": 1},
    "RTCP": {"packets": 2, "bytes": 300, "errors": 0},
}
STATISTICS = {
    "created": 1000,
    "tags": {
        "t1": {"label": "A", "medias": [{"streams": [{"SSRC": 11}, {"SSRC": 99}]}]},
        "t2": {"label": "B", "medias": [{"streams": [{"SSRC": 22}]}, {"streams": []}]},
    },
    "SSRC": {
        "11": {
            "average MOS": {"MOS": 43, "samples": 5, "packet loss": 1, "jitter": 2, "round-trip time": 3000},
            "lowest MOS": {"MOS": 38, "reported at": 1015, "packet loss": 4, "jitter": 20, "round-trip time": 9000, "round-trip time leg": 7},
            "highest MOS": {"MOS": 44, "reported at": 1100, "packet loss": 0, "jitter": 1, "round-trip time": 100, "round-trip time leg": 2},
        },
        "22": {
            "average MOS": {"MOS": 30, "samples": 10, "packet loss": 11, "jitter": 12, "round-trip time": 13},
            "lowest MOS": {"MOS": 9, "reported at": 1005, "packet loss": 40, "jitter": 50, "round-trip time": 60},
            "highest MOS": {"MOS": 40, "reported at": 5000, "packet loss": 5, "jitter": 6, "round-trip time": 7},
        },
    },
    "totals": TOTALS,
    "list": [1, "two", ["x"]],
    "result": "ok",
}  # fmt: skip
TOLD = relay({"query": STATISTICS, "delete": STATISTICS, "play media": {"duration": 3200, "result": "ok"}})
_LINES = [line for line in COMMANDS.strip().split("\n") if line]


@case(
    SOCK
    + 'modparam("rtpengine", "media_duration", "$avp(duration)")\nmodparam("rtpengine", "rtp_inst_pvar", "$avp(inst)")\nrequest_route {\nswitch ($rU) {\n'
    + "\n".join(f'case "c{number}": {line} break;' for number, line in enumerate(_LINES))
    + '\n}\n$var(rc) = $rc; xlog("$rU $var(rc) $avp(duration) $avp(inst)\\n");\n}\n',
    modules=MODULES,
    relays=(TOLD,),
)
def other_commands(scene: Scene) -> None:
    """Requests about a call, and the variables that their answers fill."""
    for number in range(len(_LINES)):
        scene.alice.request("INVITE", f"sip:c{number}@example.com", headers=TYPE, body=SDP, to_tag="b1")
        scene.settle()


@case(
    SOCK
    + "".join(
        f'modparam("rtpengine", "mos_{kind}{what}{side}_pv", "$avp(m{kind}{what}{side})")\n'
        for side in ("", "_A", "_B")
        for kind in ("min", "max", "average")
        for what in ("", "_at", "_packetloss", "_jitter", "_roundtrip", "_roundtrip_leg", "_samples")
        if not (kind == "average" and what == "_at") and not (kind != "average" and what == "_samples")
    )
    + 'modparam("rtpengine", "mos_A_label_pv", "$var(label)")\nmodparam("rtpengine", "mos_B_label_pv", "B")\n'
    + 'request_route {\n$var(label) = "A";\nrtpengine_delete(); xlog("$rc\\n");\n'
    + "".join(
        f'xlog("{side} {kind}: $avp(m{kind}{side}) $avp(m{kind}_at{side}) $avp(m{kind}_packetloss{side}) $avp(m{kind}_jitter{side}) $avp(m{kind}_roundtrip{side}) $avp(m{kind}_roundtrip_leg{side}) $avp(m{kind}_samples{side})\\n");\n'
        for side in ("", "_A", "_B")
        for kind in ("min", "max", "average")
    )
    + "}\n",
    modules=MODULES,
    relays=(TOLD,),
)
def opinion_scores(scene: Scene) -> None:
    """What the answer to delete tells of quality, of all streams and of two sides."""
    scene.alice.request("BYE", to_tag="b1")
    scene.settle()


MANAGED = (
    SOCK
    + """
request_route {
    xlog("$rm $rr_manage\\n");
    if (is_method("CANCEL")) { rtpengine_manage(); xlog("manage $rc\\n"); t_relay_to_udp("127.0.0.12", "21200"); exit; }
    if (is_method("INVITE")) { t_on_reply("MEDIA"); t_on_failure("GONE"); t_on_branch("BRANCH"); }
    rtpengine_manage("replace-origin");
    xlog("manage $rc\\n");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
branch_route[BRANCH] { xlog("branch\\n"); }
onreply_route[MEDIA] { rtpengine_manage(); xlog("reply $rs manage $rc\\n"); }
failure_route[GONE] { rtpengine_manage(); xlog("failure manage $rc\\n"); }
"""
).replace(' $rr_manage', '')  # fmt: skip


@case(MANAGED, modules=MODULES, relays=ONE)
def managed_calls(scene: Scene) -> None:
    """rtpengine_manage() through calls: answered, rejected, offer in the reply, UPDATE, BYE, other methods."""
    alice, bob = scene.alice, scene.bob
    invite = alice.request("INVITE", headers=TYPE, body=SDP)
    ringing = bob.expect("INVITE")
    ringing.answer(180, "Ringing")
    alice.expect(100)
    alice.expect(180)
    ringing.answer(183, "Progress", headers=TYPE, body=SDP.replace("127.0.0.11", "127.0.0.12"))
    alice.expect(183)
    ringing.answer(200, "OK", headers=TYPE, body=SDP.replace("127.0.0.11", "127.0.0.12"))
    alice.expect(200)
    alice.request("ACK", to_tag="bob", cseq=1)
    bob.expect("ACK")
    alice.request("UPDATE", to_tag="bob", cseq=2, headers=TYPE, body=SDP)
    bob.expect("UPDATE").answer(200, "OK", headers=TYPE, body=SDP)
    alice.expect(200)
    alice.request("INFO", to_tag="bob", cseq=3, headers=TYPE, body=SDP)
    bob.expect("INFO").answer(200, "OK")
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
    late = bob.expect("INVITE")
    late.answer(200, "OK", headers=TYPE, body=SDP.replace("127.0.0.11", "127.0.0.12"))
    alice.expect(100)
    alice.expect(200)
    alice.request("ACK", to_tag="bob", call_id="call-3", headers=TYPE, body=SDP)
    bob.expect("ACK")
    scene.label("late offer")
    scene.rpc("rtpengine.get_hash_total")
    scene.rpc("rtpengine.show", "all")


MULTIPART = f"""--b1
Content-Type: application/sdp

{SDP}
--b1
Content-Type: text/plain

hello
--b1--
"""


@case(
    SOCK + 'request_route { rtpengine_offer(); xlog("$rc\\n"); $du = "sip:127.0.0.12:21200"; forward(); }\n',
    modules=MODULES,
    relays=ONE,
)
def bodies(scene: Scene) -> None:
    """Where the session description is found, and what leaves."""
    for headers, body in (
        (TYPE, SDP),
        ("Content-Type: multipart/mixed;boundary=b1", MULTIPART),
        ("", SDP),
        ("Content-Type: application/trickle-ice-sdpfrag", "a=ice-ufrag:x\n"),
        ("Content-Type: text/plain", SDP),
        ("Content-Type: application/sdp-x", SDP),
        (TYPE, ""),
        ("Content-Type: application/sdp ;charset=utf-8", SDP + "\n"),
    ):
        scene.alice.request("INVITE", headers=headers, body=body)
        scene.settle()
        scene.label(headers + str(len(body)))


@case(
    SOCK
    + """
modparam("rtpengine", "write_sdp_pv", "$avp(new)")
modparam("rtpengine", "read_sdp_pv", "$var(old)")
request_route {
    $var(old) = $rb + "a=more\\r\\n";
    rtpengine_offer();
    xlog("$rc [$avp(new)] [$rb]\\n");
    $du = "sip:127.0.0.12:21200";
    forward();
}
""",
    modules=MODULES,
    relays=ONE,
)
def sdp_in_variables(scene: Scene) -> None:
    """write_sdp_pv, read_sdp_pv."""
    scene.alice.request("INVITE", headers=TYPE, body=SDP)
    scene.bob.expect("INVITE")


@case(
    SOCK
    + """
modparam("rtpengine", "read_sdp_pv", "$var(old)")
request_route {
    $var(old) = $rb + "a=more\\r\\n";
    rtpengine_offer();
    xlog("$rc [$rb]\\n");
    $du = "sip:127.0.0.12:21200";
    forward();
}
""",
    modules=MODULES,
    relays=ONE,
)
def sdp_read_from_a_variable(scene: Scene) -> None:
    """Only read_sdp_pv: the message gets what comes back."""
    scene.alice.request("INVITE", headers=TYPE, body=SDP)
    scene.bob.expect("INVITE")


SETS = """
modparam("rtpengine", "rtpengine_tout_ms", 20)
modparam("rtpengine", "rtpengine_retr", 2)
modparam("rtpengine", "rtpengine_sock", "1 == udp:127.0.0.31:21205=3 udp:127.0.0.32:21205=1")
modparam("rtpengine", "rtpengine_sock", "2 == udp:127.0.0.32:21205")
modparam("rtpengine", "setid_default", 1)
modparam("rtpengine", "setid_avp", "$avp(setid)")
modparam("rtpengine", "rtp_inst_pvar", "$avp(inst)")
"""
SELECTED = """
request_route {
    switch ($rU) {
        case "two": set_rtpengine_set("2"); break;
        case "both": set_rtpengine_set("1", "2"); break;
        case "var": $var(s) = 2; set_rtpengine_set("$var(s)"); break;
        case "none": $var(s) = 7; set_rtpengine_set("$var(s)"); break;
        case "text": $var(s) = "2"; set_rtpengine_set("$var(s)"); break;
        case "avp": $avp(setid) = 2; break;
        case "bad": $avp(setid) = 9; break;
    }
    xlog("set $rc\\n");
    rtpengine_offer();
    xlog("$rU $rc $avp(inst)\\n");
    $du = "sip:127.0.0.12:21200";
    forward();
}
"""


@case(SETS + SELECTED, modules=MODULES, relays=(relay(), relay(None, "two", THERE)))
def sets_and_weights(scene: Scene) -> None:
    """Calls are shared out by Call-ID and weight; functions and AVPs choose sets, or two of them."""
    for user in ("any", "two", "both", "var", "none", "text", "avp", "bad"):
        scene.alice.request("INVITE", f"sip:{user}@example.com", call_id=f"c-{user}", headers=TYPE, body=SDP)
        scene.settle()
        scene.label(user)
    for call in range(12):
        scene.alice.request("INVITE", "sip:any@example.com", call_id=f"many-{call}-{call * 7}", headers=TYPE, body=SDP)
        scene.settle()
    scene.rpc("rtpengine.show", "all")
    scene.rpc("rtpengine.get_hash_total")


@case(SETS.replace('"setid_avp"', '"hash_algo", 2)\nmodparam("rtpengine", "setid_avp"') + SELECTED, modules=MODULES, relays=(relay(), relay(None, "two", THERE)))  # fmt: skip
def shared_by_crc(scene: Scene) -> None:
    """hash_algo 2."""
    for call in range(12):
        scene.alice.request("INVITE", "sip:any@example.com", call_id=f"many-{call}-{call * 7}", headers=TYPE, body=SDP)
        scene.settle()


@case(SETS + SELECTED, modules=MODULES, relays=(relay({"ping": None, "offer": None}), relay(None, "two", THERE)))
def one_is_silent(scene: Scene) -> None:
    """What does not answer is left alone."""
    scene.rpc("rtpengine.show", "udp:127.0.0.32:21205")
    scene.rpc("rtpengine.ping", "udp:127.0.0.31:21205")
    scene.rpc("rtpengine.ping", "all")
    scene.rpc("rtpengine.ping", "udp:127.0.0.32:21205")
    scene.rpc("rtpengine.ping", "udp:1.1.1.1:1")
    scene.rpc("rtpengine.ping")
    scene.alice.request("INVITE", "sip:any@example.com", headers=TYPE, body=SDP)
    scene.settle()
    scene.rpc("rtpengine.enable", "udp:127.0.0.32:21205", 0)
    scene.rpc("rtpengine.show", "udp:127.0.0.32:21205")
    scene.alice.request("INVITE", "sip:two@example.com", headers=TYPE, body=SDP, call_id="other")
    scene.settle()
    scene.rpc("rtpengine.enable", "udp:127.0.0.32:21205", 1)
    scene.rpc("rtpengine.enable", "udp:127.0.0.31:21205", 1)
    scene.rpc("rtpengine.enable", "all")
    scene.rpc("rtpengine.show", "x")
    scene.rpc("rtpengine.show")
    scene.rpc("rtpengine.reload")


ANSWERS = {
    "offer": {"result": "error", "error-reason": "Unknown call"},
    "answer": {"result": "load limit", "message": "full"},
    "delete": "d6:result",
    "query": {"no": "result"},
    "play media": {"result": "error", "error-reason": "Ran out of ports"},
    "start recording": {"result": "maybe"},
    "stop media": {"result": "error"},
    "block media": "l1:ae",
}


@case(
    SOCK
    + 'request_route { rtpengine_offer(); xlog("$rc\\n"); rtpengine_delete(); xlog("$rc\\n"); rtpengine_query(); xlog("$rc $rtpstat\\n"); play_media("file=x"); xlog("$rc\\n"); start_recording(); xlog("$rc\\n"); stop_media(); xlog("$rc\\n"); block_media(); xlog("$rc\\n"); stop_recording(); xlog("$rc\\n"); }\n',
    modules=MODULES,
    relays=(relay(ANSWERS),),
    differs={"log/2": "a variable that cannot be read prints as nothing there, as null here"},
)  # fmt: skip
def bad_answers(scene: Scene) -> None:
    """Errors, limits and nonsense."""
    scene.alice.request("INVITE", headers=TYPE, body=SDP)
    scene.settle()
    scene.rpc("rtpengine.get_hash_total")


verdicts(
    "rtpengine",
    "starts",
    r"""
    rtpengine_manage();
    rtpengine_manage("a", "b");
    rtpengine_offer($var(x));
    rtpengine_offer("a $var(x)");
    rtpengine_query_v("j", "$nothing(x)");
    rtpengine_query_v("j", "text");
    set_rtpengine_set("0");
    set_rtpengine_set("5");
    set_rtpengine_set("x");
    set_rtpengine_set("$var(x)");
    set_rtpengine_set(0);
    set_rtpengine_set("0", "0");
    play_media();
    :modparam("rtpengine", "rtpengine_sock", "")
    :modparam("rtpengine", "rtpengine_sock", "1 ==")
    :modparam("rtpengine", "rtpengine_sock", "1 == ")
    :modparam("rtpengine", "rtpengine_sock", "x == udp:127.0.0.1:9")
    :modparam("rtpengine", "rtpengine_sock", "127.0.0.1:9")
    :modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:99999")
    :modparam("rtpengine", "rtpengine_sock", "ws://127.0.0.1:9")
    :modparam("rtpengine", "write_sdp_pv", "$x")
    :modparam("rtpengine", "write_sdp_pv", "$avp(x)")
    :modparam("rtpengine", "read_sdp_pv", "$rb")
    :modparam("rtpengine", "setid_avp", "$var(x)")
    :modparam("rtpengine", "rtp_inst_pvar", "$xavp(x)")
    :modparam("rtpengine", "rtp_inst_pvar", "$ru")
    :modparam("rtpengine", "force_send_interface", "nonsense")
    :modparam("rtpengine", "hash_algo", 1)
    :modparam("rtpengine", "wsapi", "other")
    """,
    modules="pv xlog rtpengine",
    before='modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:9")\n',
)


@case(
    """
modparam("rtpengine", "db_url", "sqlite:///DATABASE")
modparam("rtpengine", "rtpengine_tout_ms", 20)
modparam("rtpengine", "rtpengine_retr", 1)
request_route { rtpengine_offer(); xlog("$rc\\n"); }
""",
    modules="db_sqlite " + MODULES,
    relays=ONE,
)
def sets_from_a_database(scene: Scene) -> None:
    """The table is read at start and when told to, ten seconds later at the earliest."""
    scene.execute("INSERT INTO rtpengine (setid, url, weight, disabled) VALUES (0, 'udp:127.0.0.31:21205', 2, 0)")
    scene.rpc("rtpengine.show", "all")
    scene.rpc("rtpengine.reload")
    scene.alice.request("INVITE", headers=TYPE, body=SDP)
    scene.settle()
