"""Requests within a dialog through a record-routing proxy: retransmitted, answered twice, routed in odd ways."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, case

BOB, HERE = "sip:bob@127.0.0.12:21200", "sip:127.0.0.1:21200"
CONFIG = """
request_route {
    xlog("$rm $ru $du $hdr(Route)\\n");
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (!is_method("ACK")) { t_precheck_trans(); xlog("precheck $rc\\n"); }
    if (has_totag()) {
        if (loose_route()) {
            xlog("loose $rc ru=$ru du=$du r=$route_uri dir=$rdir(id)\\n");
            t_relay();
            exit;
        }
        if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
        sl_send_reply("404", "Not here");
        exit;
    }
    t_check_trans();
    remove_hf("Route");
    if (is_method("INVITE|SUBSCRIBE")) record_route("PARAMETER");
    t_on_failure("F");
    t_on_reply("R");
    t_relay();
}
failure_route[F] { xlog("F $T_reply_code $ru $du\\n"); }
onreply_route[R] { xlog("R $rs $rm\\n"); }
reply_route { xlog("reply $rs $rm $cs\\n"); }
"""
ROUTES = (
    "<sip:127.0.0.1:21200;lr>",
    "<sip:bob@127.0.0.12:21200>",
    "<sip:127.0.0.1:21200;lr;ftag=zzz>\nRoute: <sip:127.0.0.12:21200>\nRoute: <sip:127.0.0.14:21200;lr>",
    "<sip:127.0.0.12:21200;lr>,<sip:127.0.0.1:21200;lr>",
    "<sip:127.0.0.1:21200;lr>,<sip:127.0.0.1:21200;lr;x=1>,<sip:127.0.0.14:21200;lr>",
    '"Me" <sip:u@127.0.0.1:21200;lr=on;a=b>;p=1 , <sip:127.0.0.14:21200;lr>',
    "sip:127.0.0.1:21200;lr",
    "<tel:123>",
    "garbage",
    "<sip:127.0.0.1;lr>",
    "<sips:127.0.0.1:21200;lr>",
    "<sip:127.0.0.1:21200;transport=tcp;lr>",
    "<sip:127.0.0.1:21200;lr;r2=on>,<sip:127.0.0.1:21200;lr;r2=on>,<sip:127.0.0.14:21200;lr>",
)


def _flavour(name: str, doc: str, parameter: str, settings: str) -> None:
    def play(scene: Scene) -> None:
        invite = scene.alice.request("INVITE", BOB, body="v=0\n", headers="Content-Type: application/sdp")
        scene.alice.send(invite)
        scene.settle()
        scene.alice.expect(100)
        bobs = scene.bob.expect("INVITE")
        for code, reason in ((180, "Ringing"), (180, "Ringing"), (200, "OK"), (200, "OK")):
            bobs.answer(code, reason, headers="Contact: <sip:bob@127.0.0.12:21200>")
            scene.settle()
            scene.alice.send(invite)
            scene.settle()
        scene.label("setup")
        routes = "\n".join(f"Route: {route}" for route in bobs.headers("Record-Route"))
        for _ in range(2):
            scene.alice.request("ACK", BOB, to_tag="bob", headers=routes)
            scene.settle()
        scene.alice.request("INVITE", BOB, cseq=2, to_tag="bob", headers=routes)
        scene.settle()
        scene.label("ack and re-INVITE")
        scene.alice.request("UPDATE", BOB, cseq=3, to_tag="bob", headers=routes)
        scene.settle()
        scene.bob.expect("UPDATE").answer(488, "No")
        info = scene.alice.request("INFO", BOB, cseq=4, to_tag="bob", headers=routes)
        scene.alice.send(info)
        scene.settle()
        scene.bob.expect("INFO").answer(200, "OK")
        scene.settle()
        scene.alice.send(info)
        scene.settle()
        scene.label("more")
        scene.bob.request(
            "BYE",
            scene.alice.contact,
            cseq=99,
            headers=routes,
            to="<sip:alice@example.com>",
            from_="<sip:bob@example.com>",
            to_tag="alice",
        )
        scene.alice.expect("BYE").answer(200, "OK")
        scene.label("upstream")
        for number, route in enumerate(ROUTES):
            uri = HERE if number < 2 else "sip:x@127.0.0.13:21200"
            scene.alice.request("BYE", uri, to_tag="bob", cseq=100 + number, headers=f"Route: {route}")
            scene.settle()
        scene.label("odd routes")
        scene.alice.request("BYE", HERE, to_tag="bob", cseq=200)
        scene.settle()
        scene.alice.request("ACK", BOB, to_tag="bob", cseq=200)
        scene.settle()
        scene.alice.request(
            "BYE",
            f"{HERE};lr",
            to_tag="bob",
            cseq=201,
            headers="Route: <sip:127.0.0.12:21200;lr>, <sip:bob@127.0.0.12:21200>",
        )
        scene.alice.request("INVITE", "sip:bob@127.0.0.1:21200", call_id="loop", max_forwards=3)
        scene.settle()
        scene.alice.expect(404)
        scene.alice.expect(100)
        scene.alice.expect(483)
        scene.settle()
        scene.label("no routes")

    play.__name__, play.__module__, play.__doc__ = name, __name__, doc
    config = CONFIG.replace('"PARAMETER"', f'"{parameter}"' if parameter else "")
    patient = 'modparam("tm", "retr_timer1", 20000)\nmodparam("tm", "retr_timer2", 20000)\n'
    case(settings + patient + config, modules="tm sl rr pv xlog textops tmx corex siputils maxfwd")(play)


_flavour("plain", "record_route() alone.", "", "")
_flavour("with_a_parameter", "And something to know the dialog by.", ";nat=yes", "")
_flavour(
    "without_ftag",
    "Nothing tells the direction.",
    "",
    'modparam("rr", "append_fromtag", 0)\nmodparam("rr", "enable_full_lr", 1)\n',
)
_flavour(
    "with_username",
    "Sockets do not matter.",
    "",
    'modparam("rr", "add_username", 1)\nmodparam("rr", "enable_double_rr", 0)\nmodparam("rr", "force_send_socket", 0)\n',
)
