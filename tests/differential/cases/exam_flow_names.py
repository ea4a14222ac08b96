r"""Odd From, To, Route and Contact headers through uac_replace_*(), loose_route(), aliases and the dialogs above them."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, build, case

REPLACING = r"""
modparam("uac", "restore_mode", "MODE")
request_route {
    if (is_method("ACK|CANCEL")) { t_relay(); exit; }
    if (has_totag()) { loose_route(); xlog("within $rc $fu $tu\n"); t_on_reply("R"); t_relay(); exit; }
    record_route();
    switch ($rU) {
    case "a": uac_replace_from("sip:new@example.net"); break;
    case "b": uac_replace_from("New Name", "sip:new@example.net;x=y"); break;
    case "c": uac_replace_from("\"Quo ted\"", ""); break;
    case "d": uac_replace_from("", "sip:new@example.net"); break;
    case "e": uac_replace_from("<none>", "tel:+49;phone-context=x"); break;
    case "f": uac_replace_to("sip:new@example.net"); break;
    case "g": uac_replace_to("$fn", "$fu"); break;
    }
    xlog("$rU $rc fn <$fn> tn <$tn>\n");
    msg_apply_changes();
    xlog("now <$fn> $fu <$tn> $tu\n");
    t_on_reply("R");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
onreply_route[R] { xlog("$rs <$fn> $fu <$tn> $tu\n"); }
"""
FROMS = (
    'From: "Alice" <sip:alice@example.com>;tag=a',
    "From: Alice <sip:alice@example.com>;tag=a",
    "From: sip:alice@example.com;tag=a",
    "f: <sip:alice@example.com;user=phone>;tag=a;x=y",
    'FROM :\t"A \\" B" <sip:alice@example.com> ; tag=a',
    'From: "Alice"\n <sip:alice@example.com>\n ;tag=a',
    "From: <tel:+4930123>;tag=a",
    "From: <sip:example.com>;tag=a",
    'From: "" <sips:alice@[::1]:5061>;tag=a',
    'From: "\xc3\xa9\xc3\xa8" <sip:%61lice@example.com>;tag=a',
    "From: <sip:alice:pw@example.com:5070;transport=udp?h=v>;tag=a",
)


def _replaced(scene: Scene) -> None:
    for number, from_ in enumerate(FROMS):
        for user in "abcdefg" if number in (0, 2) else "abg":
            label = f"{from_} {user}"
            scene.alice.send(
                build(
                    f"MESSAGE sip:{user}@example.com SIP/2.0",
                    f"Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-{number}-{user}\n{from_}\n"
                    f"To: {'<sip:bob@example.com>' if number % 2 else 'Bob <sip:bob@example.com>;p=q'}\n"
                    f"Call-ID: c-{number}-{user}\nCSeq: 1 MESSAGE\nMax-Forwards: 70",
                )
            )
            scene.settle()
            data = scene.world.receive(scene.bob.address, 1)
            if data is not None:
                text = data.decode("latin-1")
                scene.bob.received.append(text)
                scene.history.append((False, text))
                head = [
                    line
                    for line in text.split("\r\n")
                    if line[:4].lower() in ("via:", "from", "f: <", "to: ", "call", "cseq")
                    or line.startswith((" ", "\t"))
                ]
                scene.bob.send(build("SIP/2.0 200 OK", "\n".join(head)))
            scene.label(label.replace("\n", " "))


for _mode in ("auto", "manual", "none"):

    def _play(scene: Scene) -> None:
        """From headers in every shape, replaced, and put back in the reply."""
        _replaced(scene)

    _play.__name__ = f"replaced_names_{_mode}"
    case(REPLACING.replace("MODE", _mode), modules="tm sl rr pv xlog textops textopsx siputils uac")(_play)


ROUTING = r"""
listen=udp:127.0.0.1:21200
listen=udp:127.0.0.1:21205
alias="proxy.example.net:5090"
PARAMS
request_route {
    loose_route();
    $var(rc) = $rc;
    xlog("$ci rc $var(rc) ru $ru du $du fs $fs route <$hdr(Route)> uri <$route_uri> up $(var(rc){s.int})\n");
    is_direction("upstream"); xlog("up $rc\n");
    check_route_param("x=1"); xlog("x $rc\n");
    record_route();
    if ($var(rc) < 1 || $du =~ "nowhere" || $rd =~ "nowhere") exit;
    if ($du == "") { if ($rd != "127.0.0.12") exit; } else if (is_myself("$du")) exit;
    forward();
}
"""
ROUTES = (
    "",
    "Route: <sip:127.0.0.1:21200;lr>",
    "Route: <sip:127.0.0.1:21200;lr=on;x=1;ftag=alice>",
    "Route: <sip:127.0.0.1:21200;ftag=other;lr>",
    "Route: <sip:user@127.0.0.1:21200;lr>",
    "Route: <sip:127.0.0.1:21200>",
    "Route: sip:127.0.0.1:21200;lr",
    "Route: <sip:127.0.0.1:21200;lr;r2=on>,<sip:127.0.0.1:21205;lr;r2=on>",
    "Route: <sip:127.0.0.1:21205;lr;r2=on>\nRoute: <sip:127.0.0.1:21200;lr;r2=on>\nRoute: <sip:127.0.0.12:21200;lr>",
    "Route: <sip:127.0.0.1:21205;lr;r2=on>",
    "Route: <sip:127.0.0.1:21205;lr>, <sip:127.0.0.1:21200;lr>, <sip:127.0.0.12:21200;lr>",
    "Route: <sip:proxy.example.net:5090;lr>",
    "Route: <sip:PROXY.example.net:5090;lr>, <sip:bob@127.0.0.12:21200;lr;transport=udp>",
    "Route: <sip:127.0.0.12:21200;lr>",
    "Route: <sip:127.0.0.12:21200>",
    "Route: <sip:127.0.0.1:21200;lr>, <sip:strict@127.0.0.12:21200>",
    "Route: <sip:127.0.0.1:21200;lr>, <sip:strict@127.0.0.12:21200>, <sip:next@nowhere.example.com;lr>",
    "Route: <sip:127.0.0.1:21200;lr>,\n\t<sip:127.0.0.12:21200;lr>",
    "Route: <sip:127.0.0.1:21200;lr>,,<sip:127.0.0.12:21200;lr>",
    "Route: <sip:127.0.0.1:21200;lr>,",
    "Route: <sip:127.0.0.1:21200;lr",
    "Route: garbage",
    "Route:",
    "Route: <sip:127.0.0.1:21200;lr>;x=1",
    'Route: "Us" <sip:127.0.0.1:21200;lr;x=1>, "Bob" <sip:127.0.0.12:21200;lr>',
    "Route: <sip:127.0.0.1:21200;transport=tcp;lr>",
    "Route: <sips:127.0.0.1:21200;lr>",
    "Route: <sip:127.0.0.1:21200;lr?x=1>",
    "Route: <sip:127.0.0.1:21200;lr;maddr=127.0.0.12>",
    "route: <sip:127.0.0.1:21200;LR>, <sip:127.0.0.12:21200;Lr>",
)
TARGETS = ("sip:bob@127.0.0.12:21200", "sip:127.0.0.1:21200;lr", "sip:alice@127.0.0.1:21205", "tel:+49")


def _routed(scene: Scene) -> None:
    for number, route in enumerate(ROUTES):
        for target in TARGETS if number in (0, 1, 7, 13, 15) else TARGETS[:2]:
            for tag in ("", "b") if number in (1, 5, 7, 13) else ("b",):
                name = f"{number}-{TARGETS.index(target)}{tag}"
                scene.alice.request("INFO", target, headers=route, to_tag=tag, call_id=name)
                scene.label(f"{name} {route} to {target}".replace("\n", " "))


for _name, _params in {
    "default": "",
    "append_fromtag_off": 'modparam("rr", "append_fromtag", 0)\nmodparam("rr", "enable_double_rr", 0)',
    "add_username": 'modparam("rr", "add_username", 1)\nmodparam("rr", "enable_full_lr", 1)',
    "ignore_sips": 'modparam("rr", "ignore_sips", 1)\nmodparam("rr", "force_send_socket", 0)\nmodparam("rr", "enable_double_rr", 2)',
}.items():

    def _play_routes(scene: Scene) -> None:
        """Route headers in every shape."""
        _routed(scene)

    _play_routes.__name__ = f"routes_{_name}"
    _text = ROUTING.replace("PARAMS", _params)
    if "fromtag" in _name:
        _text = _text.replace('is_direction("upstream"); xlog("up $rc\\n");', "")
    case(_text, modules="sl rr pv xlog textops siputils kex")(_play_routes)
