"""The DMQ bus: bob is the other node, by hand."""

from __future__ import annotations

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
