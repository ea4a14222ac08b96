"""path: Path headers that are added, what a registrar keeps of them, and where they lead requests."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case, verdicts

MODULES = "tm sl rr pv xlog textops textopsx siputils path"

ADD = """
request_route {
    $var(e) = "";
    switch ($rU) {
        case "plain": add_path(); break;
        case "user": add_path("$fU"); break;
        case "params": add_path("lb", "ob;x=$fd"); break;
        case "nouser": add_path("", "x=y"); break;
        case "empty": add_path("$var(e)", "$var(e)"); break;
        case "null": add_path("$avp(none)", "$avp(none)"); break;
        case "received": add_path_received(); break;
        case "receiveduser": add_path_received("in bound"); break;
        case "receivedparams": add_path_received("in", "a;b=c"); break;
        case "twice": add_path("one"); add_path("two"); break;
        case "applied": add_path("one"); msg_apply_changes(); add_path("two"); break;
        case "appended": append_hf("P-First: 1\\r\\n"); add_path(); append_hf("P-Last: 1\\r\\n"); break;
        case "removed": remove_hf("Path"); add_path(); break;
    }
    xlog("$rU $rc $hdr(Path)\\n");
    t_relay_to_udp("127.0.0.12", "21200");
}
"""
USERS = (
    *("plain", "user", "params", "nouser", "empty", "null", "received", "receiveduser", "receivedparams"),
    *("twice", "applied", "appended", "removed"),
)


def add(scene: Scene) -> None:
    """Requests without and with Path headers."""
    for number, user in enumerate(USERS):
        for kind, headers in enumerate(
            ("", "Supported: path\nPath: <sip:a@10.0.0.1;lr>\nPath: <sip:b@10.0.0.2;lr>\nX: y", "X: y")
        ):
            scene.alice.request("REGISTER", f"sip:{user}@example.com", headers=headers, call_id=f"c{number}-{kind}")
            scene.bob.expect("REGISTER").answer(200, "OK")
            scene.alice.expect(200)
        scene.label(user)


for name, more in (
    ("headers_that_are_added", ""),
    ("two_headers_each", 'modparam("path", "enable_r2", 1)\n'),
    ("received_as_alias", 'modparam("path", "received_format", 1)\nmodparam("path", "received_name", "rcv")\n'),
    (
        "socket_names",
        'modparam("path", "sockname_mode", 1)\nmodparam("path", "enable_r2", 1)\nlisten=udp:127.0.0.1:21200 name "main"\n',
    ),
    ("advertised", "listen=udp:127.0.0.1:21200 advertise 192.0.2.1:5070\n"),
):

    def play(scene: Scene) -> None:
        """add_path() and add_path_received() with each kind of argument."""
        add(scene)

    play.__name__ = name
    case(more + ADD, modules=MODULES)(play)


@case(
    """
listen=udp:127.0.0.1:21200
listen=udp:127.0.0.1:21201
listen=tcp:127.0.0.1:21200
modparam("path", "enable_r2", 1)
request_route {
    if ($rU == "out") $fs = "udp:127.0.0.1:21201";
    add_path_received("u");
    t_relay_to_udp("127.0.0.12", "21200");
}
""",
    modules=MODULES,
)
def two_sockets(scene: Scene) -> None:
    """The first header has the socket of departure, the second that of arrival; a request may come over TCP."""
    for number, user in enumerate(("out", "same")):
        scene.alice.request("REGISTER", f"sip:{user}@example.com", call_id=f"c{number}")
        scene.bob.expect("REGISTER").answer(200, "OK")
        scene.alice.expect(200)


FOLLOW = """
request_route {
    loose_route(); $var(rc) = $rc;
    xlog("$var(rc) $ru $du\\n");
    if ($hdr(X-Send) != $null) t_relay();
}
"""
RECEIVED = (
    "received=sip:127.0.0.12:21200",
    "received=sip:127.0.0.12:21200%3Btransport%3Dudp",
    "Received=sip:10.0.0.1",
    "received=sip:10.0.0.1;received=sip:10.0.0.2",
    "rcv=sip:10.0.0.3;received=sip:10.0.0.4",
    "received",
    "received=",
    'received="sip:10.0.0.5"',
    "received=sip:10.0.0.6%3",
    "received=sip:10.0.0.6%zz",
    "received=sip:10.0.0.6%01",
    "received=nonsense",
    "received=sip:[2001:db8::1]:5070",
    "x=y",
    "rcv=127.0.0.12~21200~1",
    "rcv=10.0.0.1~5061~2",
    "rcv=10.0.0.1~5061~3x",
    "RCV=10.0.0.1~5061~4",
    "rcv=[2001:db8::1]~5061~5",
    "rcv=10.0.0.1~5061~6",
    "rcv=10.0.0.1~5061~7",
    "rcv=10.0.0.1~5061~0",
    "rcv=10.0.0.1~5061~",
    "rcv=10.0.0.1~5061~2~3",
    "rcv=a;rcv=10.0.0.1~5061~2",
    "received=10.0.0.1~5061~2",
)


def follow(scene: Scene) -> None:
    """Routes with each kind of parameter."""
    for text in RECEIVED:
        for route in (f"<sip:127.0.0.1:21200;lr;{text}>", f"<sip:x@127.0.0.1:21200;{text};lr>, <sip:10.9.9.9;lr>"):
            scene.alice.request("OPTIONS", "sip:bob@10.1.1.1", headers=f"Route: {route}")
            scene.settle()
    scene.alice.request(
        "OPTIONS",
        "sip:bob@127.0.0.13:21200",
        headers=f"X-Send: 1\nRoute: <sip:127.0.0.1:21200;lr;{RECEIVED[0]};rcv=127.0.0.12~21200~1>",
    )
    scene.settle()


for name, more in (
    ("addresses_that_are_followed", 'modparam("path", "use_received", 1)\n'),
    ("addresses_that_are_not", ""),
    (
        "aliases_that_are_followed",
        'modparam("path", "use_received", 1)\nmodparam("path", "received_format", 1)\nmodparam("path", "received_name", "rcv")\n',
    ),
    ("another_name", 'modparam("path", "use_received", 1)\nmodparam("path", "received_name", "rcv")\n'),
):

    def walk(scene: Scene) -> None:
        """loose_route() and the parameter of our Route."""
        follow(scene)

    walk.__name__ = name
    case(more + FOLLOW, modules=MODULES)(walk)


@case(
    """
modparam("usrloc", "db_mode", 0)
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 0)
modparam("registrar", "path_use_received", 1)
modparam("path", "use_received", 1)
request_route {
    if ($rU == "edge" || $hdr(X-Edge) != $null) {
        # the edge proxy: one server plays both
        add_path_received("edge");
        remove_hf("X-Edge");
        $du = "sip:127.0.0.1:21200";
        t_relay();
        exit;
    }
    if (is_method("REGISTER")) { save("location"); exit; }
    loose_route();
    if ($rc == 1 || $rc == -3) { xlog("edge $ru $du\\n"); t_relay(); exit; }
    lookup("location"); $var(rc) = $rc;
    xlog("registrar $var(rc) $ru $du $(branch(path)[0]) $hdr(Route)\\n");
    t_relay();
}
""",
    modules="tm sl rr pv xlog textops textopsx siputils usrloc registrar path",
)
def a_registrar_behind_an_edge_proxy(scene: Scene) -> None:
    """A phone registers by an edge proxy, and is called by it, at the address that it came from."""
    scene.alice.request(
        "REGISTER",
        "sip:example.com",
        to="<sip:alice@example.com>",
        headers="X-Edge: 1\nSupported: path\nContact: <sip:alice@192.168.1.2:5060>",
        contact=False,
    )
    scene.alice.expect(200)
    scene.bob.request("OPTIONS", "sip:alice@example.com", call_id="c2")
    scene.alice.expect("OPTIONS").answer(200, "OK")
    scene.bob.expect(200)


verdicts(
    "path",
    "arguments",
    """
add_path();
add_path("");
add_path("$fU");
add_path($fU);
add_path("$nosuch");
add_path("a", "b", "c");
add_path("a", "");
add_path_received("a", "$nosuch");
add_path_received("$fU", "ob");
: branch_route[x] { add_path(); }
: failure_route[x] { add_path_received(); }
: onreply_route { add_path(); }
: modparam("path", "use_received", 1)
: modparam("path", "received_name", "")
: modparam("path", "received_format", 2)
: modparam("path", "enable_r2", "1")
: loadmodule "rr.so"\\nmodparam("path", "use_received", 1)
""",
    modules="pv xlog path",
)
