"""The DMQ bus: bob is the other node, by hand."""

from __future__ import annotations

import json

from ..case import Got, Party, Scene, battery, build, case

HERE, BOB, CAROL = "sip:127.0.0.1:21200", "sip:127.0.0.12:21200", "sip:127.0.0.13:21200"
SETTINGS = f"""
modparam("dmq", "server_address", "{HERE}")
modparam("dmq", "num_workers", 1)
"""
CONFIG = (
    SETTINGS
    + """
request_route {
    if (is_method("KDMQ")) {
        if ($hdr(X-How) == "process") { dmq_process_message("1"); xlog("process $rc\\n"); exit; }
        if ($hdr(X-How) == "now") { dmq_process_message(); xlog("not reached\\n"); }
        if ($hdr(X-How) == "transaction") { t_newtran(); dmq_process_message("5"); xlog("process $rc\\n"); exit; }
        if ($hdr(X-How) == "1") { dmq_handle_message("1"); xlog("handle $rc\\n"); exit; }
        dmq_handle_message();
        xlog("not reached\\n");
    }
    if (is_method("MESSAGE")) {
        if ($hdr(X-Node) != $null) {
            dmq_send_message("$hdr(X-Channel)", "$hdr(X-Node)", "$rb", "text/x-own");
        } else {
            dmq_bcast_message("$hdr(X-Channel)", "$rb", "text/x-own");
        }
        xlog("sent $rc\\n");
        sl_send_reply("202", "Accepted");
        exit;
    }
    if (is_method("OPTIONS")) { dmq_is_from_node(); xlog("from node $rc\\n"); sl_send_reply("200", "OK"); exit; }
    dmq_t_replicate();
    xlog("replicated $rc\\n");
    if ($rc < 0) sl_send_reply("403", "Not again");
}
"""
)
MODULES = "tm sl pv xlog textops dmq"


def kdmq(party: Party, channel: str = "notification_peer", body: str = "", headers: str = "", hops: int = 1) -> None:
    """A request of the bus as the node `party` sends it."""
    host, port = party.address
    party._count += 1
    lines = f"""Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{party.name}-{party._count}
To: <sip:{channel}@127.0.0.1:21200>
From: <sip:{channel}@{host}:{port}>;tag=n{party._count}
CSeq: 10 KDMQ
Call-ID: node-{party.name}-{party._count}
Max-Forwards: {hops}
Content-Type: text/plain
{headers}"""
    party.send(build(f"KDMQ sip:{channel}@127.0.0.1:21200 SIP/2.0", lines, body))


def join(party: Party, *others: str, hops: int = 1) -> Got:
    """`party` says that it is there, and whom it knows."""
    own = f"sip:{party.address[0]}:{party.address[1]};status=active\n"
    kdmq(party, body=own + "".join(f"{other}\n" for other in others), hops=hops)
    return party.expect(200)


@case(CONFIG, modules=MODULES)
def a_node_says_that_it_is_there(scene: Scene) -> None:
    """The answer holds every active node; dmq.list_nodes shows all."""
    scene.rpc("dmq.list_nodes")
    join(scene.bob)
    scene.rpc("dmq.list_nodes")
    join(
        scene.bob, f"{CAROL};status=disabled", "sip:127.0.0.14:21200;status=timeout", "sip:10.0.0.9:5070;status=pending"
    )
    scene.rpc("dmq.list_nodes")
    join(scene.bob, f"{CAROL};status=active", "sip:127.0.0.14:21200;status=active", "sip:10.0.0.9:5070")
    scene.rpc("dmq.list_nodes")


@case(CONFIG, modules=MODULES)
def news_are_passed_on_as_far_as_max_forwards_says(scene: Scene) -> None:
    """Whom the server did not know is told to the active nodes."""
    join(scene.bob)
    kdmq(scene.carol, body=f"{CAROL};status=active\n", hops=2)
    scene.carol.expect("KDMQ").answer(200, "OK")
    scene.carol.expect(200)
    scene.bob.expect("KDMQ").answer(200, "OK")
    scene.label("carol came")
    join(scene.carol, hops=2)
    scene.label("nothing new")


@case(CONFIG, modules=MODULES)
def ways_to_deal_with_a_message(scene: Scene) -> None:
    """dmq_handle_message() and dmq_process_message(), with and without going on."""
    for how in ("process", "now", "transaction", "1", "0"):
        kdmq(scene.bob, headers=f"X-How: {how}")
        scene.bob.expect(200)
        scene.label(how)
    for how in ("process", "now", "transaction", "1", "0"):
        kdmq(scene.bob, "nobody", headers=f"X-How: {how}")
        scene.bob.expect(404)
        scene.label(f"nobody {how}")


@case(CONFIG, modules=MODULES)
def messages_of_a_script(scene: Scene) -> None:
    """dmq_send_message() and dmq_bcast_message() make a channel of which all messages are accepted afterwards."""
    join(scene.bob)
    join(scene.carol, hops=0)
    kdmq(scene.bob, "own", body="x")
    scene.bob.expect(404)
    scene.label("no such channel yet")
    for node in (BOB, CAROL, "sip:10.0.0.9", "garbage"):
        scene.alice.request("MESSAGE", HERE, headers=f"X-Channel: own\nX-Node: {node}", body=f"to {node}")
        scene.settle()
        for party in (scene.bob, scene.carol):
            if party.contact.split("@")[1] in node:
                party.expect("KDMQ").answer(202, "Accepted DMQ")
        scene.label(f"to {node}")
    kdmq(scene.bob, "own", body="x")
    scene.bob.expect(202)
    scene.label("the channel is there")
    scene.alice.request("MESSAGE", HERE, headers="X-Channel: other", body="to all")
    scene.bob.expect("KDMQ").answer(202, "Accepted DMQ")
    scene.carol.expect("KDMQ").answer(202, "Accepted DMQ")
    scene.label("to all")


@case(CONFIG, modules=MODULES)
def a_node_is_known_by_its_address(scene: Scene) -> None:
    """dmq_is_from_node()."""
    scene.bob.request("OPTIONS", HERE)
    scene.bob.expect(200)
    join(scene.bob, f"{CAROL};status=disabled")
    for party in (scene.alice, scene.bob, scene.carol):
        party.request("OPTIONS", HERE)
        party.expect(200)


@case(CONFIG, modules=MODULES)
def a_request_is_replicated_to_all_nodes(scene: Scene) -> None:
    """dmq_t_replicate() sends what came to every active node, unless a node sent it."""
    join(scene.bob)
    join(scene.carol, "sip:127.0.0.14:21200;status=disabled", hops=0)
    scene.alice.request("REGISTER", "sip:example.com", call_id="r1")
    for party in (scene.bob, scene.carol):
        party.expect("REGISTER").answer(200, "OK")
    scene.label("from alice")
    scene.bob.request("REGISTER", "sip:example.com", call_id="r2")
    scene.label("from bob")


@case(CONFIG, modules=MODULES)
def a_node_is_removed(scene: Scene) -> None:
    """dmq.remove: not the server itself."""
    join(scene.bob)
    scene.rpc("dmq.remove", CAROL)
    scene.rpc("dmq.remove", "garbage")
    scene.rpc("dmq.remove", HERE)
    scene.rpc("dmq.list_nodes")
    scene.rpc("dmq.remove", BOB)
    scene.rpc("dmq.list_nodes")
    scene.rpc("dmq.remove")


SHARED = (
    SETTINGS
    + """
modparam("dialog", "enable_dmq", 1)
modparam("dialog", "profiles_no_value", "calls")
modparam("dialog", "profiles_with_value", "caller")
request_route {
    if (is_method("KDMQ")) dmq_handle_message();
    if (has_totag()) { loose_route(); $var(d) = $dlg_var(color); xlog("$rm $DLG_status $var(d)\\n"); t_relay(); exit; }
    dlg_manage();
    $dlg_var(color) = "blue";
    set_dlg_profile("calls");
    t_relay();
}
event_route[dialog:start] { xlog("start $ci\\n"); }
event_route[dialog:end] { xlog("end $ci\\n"); }
"""
)
#: Slot 3590 of 4096 is that of Call-ID `far`.
ABOUT: dict[str, object] = {"h_entry": 3590, "h_id": 4711}
FAR: dict[str, object] = {
    "init_ts": 1700000000,
    "callid": "far",
    "from_uri": "sip:a@far",
    "to_uri": "sip:b@far",
    "req_uri": "sip:b@there",
    "tag1": "t1",
    "cseq1": "7",
    "route_set1": "<sip:127.0.0.14:21200;lr>",
    "contact1": "sip:a@127.0.0.11:21200",
}
KEPT: dict[str, object] = {
    "vars": {"color": "green", "size": "3"},
    "profiles": '{"profiles":[{"name":"caller","value":"ann","puid":"p-1"},{"name":"calls","puid":"p-2"}]}',
}
UP: dict[str, object] = {
    "state": 4,
    "start_ts": 1700000001,
    "lifetime": 600,
    "tag1": "t1",
    "cseq1": "7",
    "route_set1": "<sip:127.0.0.14:21200;lr>",
    "contact1": "sip:a@127.0.0.11:21200",
    "tag2": "t2",
    "cseq2": "9",
    "route_set2": "<sip:127.0.0.12:21200;lr>",
    "contact2": "sip:b@127.0.0.12:21200",
}


def tell(party: Party, code: int, action: int, *members: dict[str, object]) -> None:
    """`party` tells of its dialog, and gets an answer."""
    body: dict[str, object] = {"action": action, **ABOUT}
    for more in members:
        body.update(more)
    kdmq(party, "dialog", json.dumps(body))
    party.expect(code)


def meet(scene: Scene) -> None:
    """Carol comes to the bus, and is asked for her dialogs."""
    kdmq(scene.carol, body=f"{CAROL};status=active\n")
    asked = scene.carol.expect("KDMQ")
    scene.carol.expect(200)
    asked.answer(200, "OK")
    scene.settle()


def look(scene: Scene) -> None:
    """What the commands show."""
    scene.rpc("dlg.list")
    scene.rpc("dlg.profile_get_size", "calls")
    scene.rpc("dlg.profile_get_size", "caller", "ann")


@case(SHARED, modules="tm sl rr pv xlog textops siputils dmq dialog")
def a_node_tells_of_a_dialog(scene: Scene) -> None:
    """Update, state and removal, and what comes twice or too late."""
    meet(scene)
    tell(scene.carol, 500, 2, UP)
    tell(scene.carol, 500, 3, {"state": 5})
    tell(scene.carol, 200, 1, FAR, KEPT, {"state": 1})
    look(scene)
    tell(scene.carol, 200, 2, UP, {"state": 2})
    look(scene)
    tell(scene.carol, 200, 2, UP)
    look(scene)
    tell(scene.carol, 200, 2, UP, {"state": 2})
    tell(scene.carol, 500, 1, FAR, {"h_entry": 3591, "h_id": 1, "state": 1})
    tell(scene.carol, 200, 1, FAR, UP, {"vars": {"size": "4"}, "profiles": '{"profiles":[{"name":"calls"}]}'})
    look(scene)
    tell(scene.carol, 200, 2, {"state": 5})
    scene.rpc("dlg.profile_get_size", "calls")
    tell(scene.carol, 200, 3, {"state": 5})
    look(scene)


@case(SHARED, modules="tm sl rr pv xlog textops siputils dmq dialog")
def the_bye_of_a_dialog_of_another_node(scene: Scene) -> None:
    """It is followed as if the call had come in here."""
    meet(scene)
    tell(scene.carol, 200, 1, FAR, UP, KEPT, {"tag1": "alice"})
    look(scene)
    route = "Route: <sip:127.0.0.1:21200;lr;did=60e.7621>"
    scene.alice.request("BYE", BOB, from_="<sip:a@far>", to="<sip:b@far>", to_tag="t2", call_id="far", headers=route)
    told = scene.carol.expect("KDMQ")
    scene.bob.expect("BYE").answer(200, "OK", tag=None)
    scene.alice.expect(200)
    told.answer(200, "OK")
    scene.settle()
    scene.rpc("dlg.profile_get_size", "calls")


@case(SHARED, modules="tm sl rr pv xlog textops siputils dmq dialog")
def what_is_no_message_of_dialog(scene: Scene) -> None:
    """Bodies that cannot be read, and actions that nobody knows."""
    meet(scene)
    for code, body in ((400, ""), (400, "{"), (200, "{}"), (200, '{"action":0}'), (200, '{"action":9,"new":1}')):
        kdmq(scene.carol, "dialog", body)
        scene.carol.expect(code)
    scene.rpc("dlg.list")


battery(
    "dmq",
    "arguments",
    """
    @ dmq_bcast_message("x", "y", "text/plain")
    @ dmq_send_message("x", "sip:127.0.0.13:21200", "y", "text/plain")
    @ dmq_bcast_message("", "y", "text/plain")
    @ dmq_is_from_node()
    x dmq_handle_message("$var(x)");
    x dmq_process_message("a");
    x dmq_bcast_message("x", "y");
    """,
    modules="tm sl pv xlog dmq",
    before=SETTINGS,
)
