"""Module rr: Record-Route in its flavours, loose and strict routing, parameters, direction."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, case

BOB = "sip:bob@127.0.0.12:21200"
OURS = "sip:127.0.0.1:21200;lr"


def _relayed(scene: Scene, **more: str) -> None:
    scene.alice.request("INVITE", BOB, headers="\n".join(f"{name}: {value}" for name, value in more.items()))
    scene.bob.expect("INVITE")


def _flavour(name: str, config: str, doc: str, before: str = "", modules: str = "rr") -> None:
    def play(scene: Scene) -> None:
        _relayed(scene)

    play.__name__, play.__doc__ = name, doc
    case(before + "request_route { " + config + " forward(); }", modules=modules)(play)


_flavour("record_route", "record_route();", "Inserted above the Vias' other routes, with lr and no user.")
_flavour("record_route_with_params", 'record_route(";a=b;c");', "The text goes behind lr.")
_flavour("record_route_twice", "record_route(); record_route();", "The second call is refused.")
_flavour("record_route_preset", 'record_route_preset("proxy.example.com:5070");', "The address is taken as it is.")
_flavour(
    "record_route_preset_two",
    'record_route_preset("in.example.com", "out.example.com:5070");',
    "Two headers with r2=on.",
)
_flavour(
    "record_route_preset_with_transport",
    'record_route_preset("proxy.example.com;transport=tcp");',
    "A preset may hold parameters.",
)
_flavour(
    "record_route_advertised_address",
    'record_route_advertised_address("public.example.com:5080");',
    "Host and port come from the call.",
)
_flavour("add_rr_param_before", 'add_rr_param(";x=1"); add_rr_param(";y=2"); record_route();', "Collected in order.")
_flavour("add_rr_param_after", 'record_route(); add_rr_param(";x=1");', "Also what is added later goes in.")
_flavour("from_tag_param_off", "record_route();", "Without ftag.", before='modparam("rr", "append_fromtag", 0)\n')
_flavour("full_lr", "record_route();", "lr=on.", before='modparam("rr", "enable_full_lr", 1)\n')
_flavour(
    "user_in_record_route",
    "record_route();",
    "The user part of the request URI.",
    before='modparam("rr", "add_username", 1)\n',
)
_flavour("remove_record_route", "remove_record_route(); record_route();", "Nothing to remove, then added.")

ROUTES = """
modparam("rr", "enable_double_rr", 1)
request_route {
    xlog("$ci ru $ru du $du route_uri $route_uri\\n");
    if (loose_route()) {
        xlog("loose rc $rc ru $ru du $du nh $nh(u)\\n");
    } else {
        xlog("not loose rc $rc ru $ru du $du\\n");
    }
    if (is_direction("downstream")) xlog("downstream\\n");
    if (is_direction("upstream")) xlog("upstream\\n");
    if (check_route_param("x=1")) xlog("has x=1\\n");
    if (check_route_param("x=.*")) xlog("has x\\n");
    xlog("hdr $hdr(Route) $route_uri $rdir(name) rparams $(hdr(Route)[1])\\n");
    forward();
}
"""


@case(ROUTES, modules="pv xlog rr")
def loose_route(scene: Scene) -> None:
    """Our Route on top is removed, the next one becomes the destination; a strict router's turn swaps URI and Route."""
    carol = "sip:127.0.0.13:21200"
    for name, uri, routes in (
        ("none", BOB, []),
        ("ours", BOB, [f"<{OURS}>"]),
        ("ours-params", BOB, [f"<{OURS};ftag=alice;x=1>"]),
        ("ours-upstream", BOB, [f"<{OURS};ftag=other>"]),
        ("ours-then-loose", BOB, [f"<{OURS}>", f"<{carol};lr>"]),
        ("ours-and-loose-in-one", BOB, [f"<{OURS}>, <{carol};lr>"]),
        ("ours-then-strict", BOB, [f"<{OURS}>", f"<{carol}>"]),
        ("double", BOB, [f"<{OURS};r2=on>", f"<{OURS};r2=on>"]),
        ("double-then-loose", BOB, [f"<{OURS};r2=on>, <{OURS};r2=on>", f"<{carol};lr>"]),
        ("double-half", BOB, [f"<{OURS};r2=on>", f"<{carol};lr>"]),
        ("strict-came-here", f"{OURS};x=1", [f"<{BOB}>"]),
        ("strict-with-more", "sip:127.0.0.1:21200", [f"<{carol};lr>", f"<{BOB}>"]),
        ("foreign", BOB, [f"<{carol};lr>"]),
        ("foreign-strict", BOB, [f"<{carol}>"]),
        ("ours-no-lr", BOB, ["<sip:127.0.0.1:21200>"]),
        ("ours-name", BOB, [f'"us" <{OURS}>;p=q']),
        ("ours-other-port", BOB, ["<sip:127.0.0.1:5060;lr>"]),
        ("ours-user", BOB, ["<sip:someone@127.0.0.1:21200;lr>"]),
        ("ours-tcp", BOB, ["<sip:127.0.0.1:21200;transport=tcp;lr>"]),
        ("broken", BOB, ["<nonsense"]),
    ):
        headers = "\n".join(f"Route: {route}" for route in routes)
        scene.alice.request("BYE", uri, headers=headers, call_id=name, to_tag="bob")
        scene.settle()
        scene.bob.drain()
        scene.carol.drain()


@case(ROUTES, modules="pv xlog rr")
def loose_route_of_an_initial_request(scene: Scene) -> None:
    """A preloaded route works without a to-tag as well."""
    scene.alice.request("INVITE", BOB, headers=f"Route: <{OURS};ftag=alice;x=1>")
    scene.bob.expect("INVITE")


@case(
    """
request_route {
    loose_route();
    xlog("ftag $(route_uri{uri.param,ftag}) up\\n");
    if (is_direction("upstream")) xlog("upstream $rdir(id) $rdir(name)\\n"); else xlog("downstream $rdir(id) $rdir(name)\\n");
    forward();
}
""",
    modules="pv xlog rr",
)
def direction_is_told_by_ftag(scene: Scene) -> None:
    """ftag is the caller's tag: equal to the From tag means downstream."""
    for number, tag in enumerate(("alice", "bob", ""), 1):
        route = f"<{OURS};ftag={tag}>" if tag else f"<{OURS}>"
        scene.alice.request("BYE", BOB, headers=f"Route: {route}", to_tag="bob", cseq=number)
        scene.bob.expect("BYE")


@case(
    """
request_route {
    if (loose_route()) { xlog("loose\\n"); }
    if (has_totag()) record_route();
    forward();
}
""",
    modules="sl pv xlog rr siputils",
)
def record_route_within_a_dialog(scene: Scene) -> None:
    """Allowed; the route just removed is not put back."""
    scene.alice.request("INVITE", BOB, headers=f"Route: <{OURS};ftag=alice>", to_tag="bob")
    scene.bob.expect("INVITE")


@case(
    """
request_route { record_route(); forward(); }
reply_route { xlog("reply $rs rr $hdr(Record-Route)\\n"); }
""",
    modules="pv xlog rr",
)
def record_route_goes_above_the_routes_before(scene: Scene) -> None:
    """And the reply carries all of them back."""
    scene.alice.request("INVITE", BOB, headers="Record-Route: <sip:earlier.example.com;lr>\nX-Last: 1")
    scene.bob.expect("INVITE").answer(200, "OK")
    scene.alice.expect(200)


@case(
    """
modparam("rr", "add_username", 1)
modparam("rr", "custom_user_avp", "$avp(rruser)")
request_route { $avp(rruser) = "cookie"; record_route(); forward(); }
""",
    modules="pv rr",
)
def custom_user_avp(scene: Scene) -> None:
    """The user part of the Record-Route comes from the AVP."""
    _relayed(scene)


@case(
    """
listen=udp:127.0.0.1:21200
listen=udp:127.0.0.1:21205
mhomed=0
request_route { $fs = "udp:127.0.0.1:21205"; record_route(); forward(); }
""",
    modules="pv rr",
)
def double_record_route_between_two_sockets(scene: Scene) -> None:
    """In on one socket, out on the other: two headers with r2=on, the outgoing one on top."""
    _relayed(scene)


@case(
    """
listen=udp:127.0.0.1:21200 advertise 203.0.113.5:5090
request_route { record_route(); forward(); }
""",
    modules="pv rr",
)
def an_advertised_address(scene: Scene) -> None:
    """Via and Record-Route name the advertised address."""
    _relayed(scene)


@case(
    """
advertised_address="203.0.113.6"
advertised_port=5091
request_route { record_route(); forward(); }
""",
    modules="pv rr",
)
def advertised_address_of_the_core(scene: Scene) -> None:
    """The core parameters do it for every socket, in Via only."""
    _relayed(scene)


@case(
    """
request_route { set_advertised_address("203.0.113.7"); set_advertised_port(5092); record_route(); forward(); }
""",
    modules="pv rr",
)
def advertised_address_of_one_request(scene: Scene) -> None:
    """set_advertised_address and set_advertised_port."""
    _relayed(scene)


@case(
    modules="pv xlog rr",
    config="""request_route {
record_route_preset("192.0.2.1:5060;a=b");
add_rr_param(";q=1"); xlog("$rc\\n");
$du = "sip:127.0.0.12:21200"; forward();
}""",
)
def a_parameter_for_a_single_preset_header(scene: Scene) -> None:
    """add_rr_param() adds it and fails all the same: it looks for the second header of double record routing."""
    scene.alice.request("INVITE")
    scene.bob.expect("INVITE")
