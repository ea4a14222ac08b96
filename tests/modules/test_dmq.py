"""dmq: nodes that find and lose each other, and what they send."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.modules.dmq import Dmq
from kamscript.modules.dmq.nodes import Node
from kamscript.modules.dmq.peers import PeerReply
from kamscript.sip.message import Message
from kamscript.source import ConfigError
from tests.modules.cluster import Cluster
from tests.modules.tm.stage import BOB, CAROL, Sent, Stage

LOADS = "".join(f'loadmodule "{name}.so"\n' for name in ["tm", "sl", "pv", "xlog", "textops", "maxfwd"])
ROUTE = """
request_route {
    if (is_method("KDMQ")) dmq_handle_message();
    if (is_method("REGISTER")) { LOOP; xlog("not replicated\\n"); }
    sl_send_reply("200", "OK");
}
"""
BUS = 'modparam("dmq", "server_address", "sip:127.0.0.1:5060")\n'


def node(number: int, *, settings: str = "", asks: int = 1, rest: str = "", route: str = ROUTE) -> str:
    """The config of node `number`, which asks node `asks` who is there."""
    lines = f'listen=udp:10.1.0.{number}:5060\n{LOADS}loadmodule "dmq.so"\n'
    lines += f'modparam("dmq", "server_address", "sip:10.1.0.{number}:5060")\n'
    if asks != number:
        lines += f'modparam("dmq", "notification_address", "sip:10.1.0.{asks}:5060")\n'
    return lines + settings + route.replace("LOOP", "dmq_t_replicate()") + rest


def known(lab: Lab) -> dict[str, str]:
    """The states of the nodes that a server knows, by the last number of the address."""
    return {one.parsed.host.rpartition(".")[2]: one.status for one in dmq(lab).nodes}


def dmq(lab: Lab) -> Dmq:
    """The module."""
    found = lab.server.modules["dmq"]
    assert isinstance(found, Dmq)
    return found


def stage(route: str = "", *, settings: str = "", target: str = "5.6", rest: str = "") -> Stage:
    """A node at 127.0.0.1 whose other nodes are played by hand."""
    config = f'loadmodule "dmq.so"\n{BUS}{settings}{route or ROUTE.replace("LOOP", "dmq_t_replicate()")}{rest}'
    return Stage(config, modules="tm sl pv xlog textops maxfwd", target=target)


def kdmq(
    scene: Stage, body: str = "", *, channel: str = "notification_peer", source: tuple[str, int] = BOB, hops: int = 1
) -> list[Sent]:
    """A message of the node at `source`."""
    number = len(scene.sent) + scene.server.message_number
    sender = f"<sip:{channel}@{source[0]}:{source[1]}>;tag=n{number}"
    return scene.play(
        f"KDMQ sip:{channel}@127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP {source[0]}:{source[1]};branch=z9hG4bK{number}\n"
        f"To: <sip:{channel}@127.0.0.1:5060>\nFrom: {sender}\nCSeq: 10 KDMQ\nCall-ID: k{number}\n"
        f"Max-Forwards: {hops}\nContent-Type: text/plain\nContent-Length: {len(body)}\n\n{body}",
        source,
    )


def listed(scene: Stage) -> list[str]:
    """The nodes as dmq.list_nodes shows them: `127.0.0.12:5060 active`."""
    return [
        f"{shown['host']}:{shown['port']} {shown['status']}" for shown in scene.server.rpc.call("dmq.list_nodes", [])
    ]


HERE = "127.0.0.1:5060 active"
BOBS = "sip:127.0.0.12:5060;status=active\n"


# -- finding each other ---------------------------------------------------------------------------------------------
def test_three_nodes_find_each_other_through_one() -> None:
    cluster = Cluster(node(1), node(2), node(3))
    everybody = {"1": "active", "2": "active", "3": "active"}
    assert [known(lab) for lab in cluster.labs] == [everybody] * 3


def test_a_node_that_starts_later_is_found_by_the_retransmission() -> None:
    cluster = Cluster(node(1), node(2))
    first, second = cluster.labs
    dmq(first).nodes.remove(("10.1.0.2", "5060", ""))
    dmq(second).nodes.remove(("10.1.0.1", "5060", ""))
    cluster.advance(60)  # alone, it asks again
    assert known(first) == known(second) == {"1": "active", "2": "active"}


def test_several_notification_addresses_are_all_asked() -> None:
    more = 'modparam("dmq", "notification_address", "sip:10.1.0.3:5060")\n'
    cluster = Cluster(node(1), node(2, settings=more), node(3, asks=3))
    assert known(cluster.labs[1]) == {"1": "active", "2": "active", "3": "active"}


def test_multi_notify_asks_every_address_of_a_name() -> None:
    name = 'modparam("dmq", "multi_notify", 1)\nmodparam("dmq", "notification_address", "sip:bus.example.com:5060")\n'
    cluster = Cluster(
        node(1, asks=1), node(2, asks=2), node(3, asks=3, settings=name),
        hosts={"bus.example.com": ["10.1.0.1", "10.1.0.2"]},
    )  # fmt: skip
    assert known(cluster.labs[2]) == {"1": "active", "2": "active", "3": "active"}


def test_without_multi_notify_a_name_is_one_node() -> None:
    name = 'modparam("dmq", "notification_address", "sip:bus.example.com:5060")\n'
    cluster = Cluster(
        node(1, asks=1), node(2, asks=2), node(3, asks=3, settings=name),
        hosts={"bus.example.com": ["10.1.0.1", "10.1.0.2"]},
    )  # fmt: skip
    assert known(cluster.labs[1]) == {"2": "active"}
    (found,) = [one for one in dmq(cluster.labs[2]).nodes if one.parsed.host == "bus.example.com"]
    assert (found.address, found.status) == ("10.1.0.1", "active")


def test_a_node_that_ends_is_disabled_at_once() -> None:
    cluster = Cluster(node(1), node(2))
    first, second = cluster.labs
    second.server.stop()
    second.flush()
    cluster.run()
    assert known(first) == {"1": "active", "2": "disabled"}


def test_a_list_without_line_end_counts_whole() -> None:
    scene = stage()
    kdmq(scene, BOBS.rstrip("\n"))
    assert listed(scene) == ["127.0.0.12:5060 active", HERE]


@pytest.mark.parametrize("line", ["sip:127.0.0.13:5060;status=ill", "garbage", "", "sip:nowhere.example.com"])
def test_a_line_that_cannot_be_read_ends_the_list_and_nothing_else(line: str) -> None:
    scene = stage()
    (sent,) = kdmq(scene, f"{BOBS}{line}\nsip:127.0.0.14:5060\n")
    assert sent.line == "200"  # Kamailio 5.6 keeps the list locked and answers nobody any more
    assert listed(scene) == ["127.0.0.12:5060 active", HERE]
    assert [one.line for one in kdmq(scene, BOBS)] == ["200"]


def test_maxfwd_in_front_of_the_bus_counts_the_same_hop() -> None:
    both = stage('request_route { mf_process_maxfwd_header("10"); dmq_handle_message(); }')
    for scene in (stage(), both):
        told = [one.line for one in kdmq(scene, BOBS, hops=2)]
        assert told == ["KDMQ", "200"]
        assert scene.sent[0].header("Max-Forwards") == ["1"]
        assert [one.line for one in kdmq(scene, "sip:127.0.0.13:5060;status=active\n", hops=1)] == ["200"]


def test_own_address_is_no_other_node() -> None:
    scene = stage(settings='modparam("dmq", "notification_address", "sip:127.0.0.1:5060")\n')
    assert listed(scene) == [HERE]
    assert not scene.server.take_outbox()


# -- losing each other ----------------------------------------------------------------------------------------------
def test_a_node_that_does_not_answer_two_pings_is_forgotten() -> None:
    cluster = Cluster(node(1), node(2))
    first, second = cluster.labs
    cluster.cut.add(second)
    cluster.advance(60 + 31)
    assert known(first) == {"1": "active", "2": "disabled"}
    cluster.advance(60)
    assert known(first) == {"1": "active"}


def test_a_notification_address_is_never_forgotten() -> None:
    cluster = Cluster(node(1), node(2))
    first, second = cluster.labs
    cluster.cut.add(first)
    cluster.advance(60 + 31)
    assert known(second) == {"1": "pending", "2": "active"}
    cluster.advance(300)
    cluster.cut.clear()
    cluster.advance(60)
    assert known(second) == {"1": "active", "2": "active"}


def test_pings_come_as_often_as_ping_interval_says_but_not_more_than_once_a_minute() -> None:
    for interval, first in ((10, 60.0), (90, 90.0)):
        scene = stage(settings=f'modparam("dmq", "ping_interval", {interval})\n')
        kdmq(scene, BOBS)
        sent = scene.advance(first)
        assert [(one.at, one.line, one.to) for one in sent] == [(first, "KDMQ", "bob")]


def test_4_4_forgets_a_node_with_the_first_ping() -> None:
    cluster = Cluster(node(1), node(2), target="4.4")
    first, second = cluster.labs
    cluster.cut.add(second)
    cluster.advance(60 + 31)
    assert known(first) == {"1": "active"}


def test_6_x_calls_a_lost_notification_address_not_active() -> None:
    cluster = Cluster(node(1), node(2), target="6.x")
    first, second = cluster.labs
    cluster.cut.add(first)
    cluster.advance(60 + 31)
    assert known(second) == {"1": "not_active", "2": "active"}


def test_remove_inactive_0_keeps_nodes() -> None:
    cluster = Cluster(node(1, settings='modparam("dmq", "remove_inactive", 0)\n'), node(2), target="6.x")
    first, second = cluster.labs
    cluster.cut.add(second)
    cluster.advance(200)
    assert known(first) == {"1": "active", "2": "not_active"}


def test_failures_are_counted_up_to_the_thresholds() -> None:
    counting = 'modparam("dmq", "fail_count_enabled", 1)\nmodparam("dmq", "fail_count_threshold_not_active", 1)\n'
    counting += 'modparam("dmq", "fail_count_threshold_disabled", 2)\n'
    cluster = Cluster(node(1, settings=counting), node(2), target="6.x")
    first, second = cluster.labs
    cluster.cut.add(second)
    seen: list[tuple[str | None, list[int]]] = []
    for _ in range(4):
        cluster.advance(60 if seen else 91)
        seen.append((known(first).get("2"), [one.failures for one in dmq(first).nodes if not one.local]))
    assert seen == [("active", [1]), ("not_active", [2]), ("disabled", [3]), (None, [])]


def test_an_answer_sets_the_count_back() -> None:
    counting = 'modparam("dmq", "fail_count_enabled", 1)\nmodparam("dmq", "fail_count_threshold_not_active", 5)\n'
    cluster = Cluster(node(1, settings=counting), node(2), target="6.x")
    first, second = cluster.labs
    cluster.cut.add(second)
    cluster.advance(91)
    shown = first.rpc("dmq.list_nodes")
    assert [one["fail_count"] for one in shown] == [1, 0]
    cluster.cut.clear()
    cluster.advance(60)
    assert [one["fail_count"] for one in first.rpc("dmq.list_nodes")] == [0, 0]


def test_event_routes_tell_each_state_once() -> None:
    routes = "".join(
        f'event_route[dmq:peer-{name}] {{ xlog("{name} $ru\\n"); }}\n' for name in ("up", "down", "disabled")
    )
    cluster = Cluster(node(1, rest=routes), node(2), target="6.x")
    first, second = cluster.labs
    cluster.advance(120)
    assert first.log.script == ["up sip:10.1.0.2:5060;status=active"]
    cluster.cut.add(second)
    cluster.advance(300)
    assert first.log.script[1:] == ["disabled sip:10.1.0.2:5060;status=active"]


# -- messages -------------------------------------------------------------------------------------------------------
def test_a_peer_of_a_module_gets_messages_and_answers_them() -> None:
    cluster = Cluster(node(1), node(2))
    first, second = cluster.labs
    heard: list[tuple[str, str]] = []
    answers: list[tuple[int, str]] = []

    def received(msg: Message, sender: Node | None) -> PeerReply:
        heard.append((msg.body, sender.parsed.host if sender is not None else ""))
        return PeerReply(200, "Fine", "text/x-answer", "thanks")

    def answered(reply: Message | None, code: int, sender: Node) -> None:
        answers.append((code, reply.body if reply is not None else ""))

    peer = dmq(first).register_dmq_peer("mine", received)
    dmq(second).register_dmq_peer("mine", received)
    assert dmq(first).bcast_message(peer, "to all", "text/plain", response=answered)
    first.flush()
    cluster.run()
    assert heard == [("to all", "10.1.0.1")]
    assert answers == [(200, "thanks")]
    (other,) = [one for one in dmq(first).nodes if not one.local]
    cluster.cut.add(second)
    assert dmq(first).send_message(peer, "to you", "text/plain", other, response=answered)
    cluster.advance(31)
    assert answers[1:] == [(408, "")]


@pytest.mark.parametrize(("single", "told"), [(0, [None]), (1, ["127.0.0.12"])])
def test_a_peer_hears_once_that_the_bus_was_found(single: int, told: list[str | None]) -> None:
    joined: list[Node | None] = []
    scene = stage(settings=f'modparam("dmq", "init_with_single", {single})\n', target="6.x")
    found = scene.server.modules["dmq"]
    assert isinstance(found, Dmq)
    found.register_dmq_peer("mine", lambda msg, sender: None, joined.append)
    assert found.nodes.build("sip:127.0.0.12:5060") is not None
    kdmq(scene, BOBS)
    kdmq(scene, BOBS)
    assert [sender and sender.address for sender in joined] == told


def test_a_peer_that_fails_answers_nothing() -> None:
    scene = stage('request_route { dmq_process_message("1"); xlog("$rc\\n"); }')
    found = scene.server.modules["dmq"]
    assert isinstance(found, Dmq)
    found.register_dmq_peer("mine", lambda msg, sender: None)
    assert kdmq(scene, "x", channel="mine") == []
    assert scene.script == ["-1"]


def test_a_name_can_be_taken_once() -> None:
    scene = stage()
    found = scene.server.modules["dmq"]
    assert isinstance(found, Dmq)
    with pytest.raises(Exception, match="peer already exists: notification_peer"):
        found.register_dmq_peer("notification_peer", lambda msg, sender: None)


def test_notification_channel_names_the_channel() -> None:
    scene = stage(settings='modparam("dmq", "notification_channel", "nodes")\n')
    assert [one.line for one in kdmq(scene, BOBS)] == ["404"]
    assert [one.line for one in kdmq(scene, BOBS, channel="nodes")] == ["200"]


def test_without_workers_dmq_handle_message_fails() -> None:
    scene = stage(
        'request_route { dmq_handle_message("1"); xlog("$rc\\n"); }', settings='modparam("dmq", "num_workers", 0)\n'
    )
    assert kdmq(scene, BOBS) == []
    assert scene.script == ["-1"]


def test_worker_usleep_lets_messages_wait() -> None:
    scene = stage(settings='modparam("dmq", "worker_usleep", 500000)\n')
    assert kdmq(scene, BOBS) == []
    assert [(one.at, one.line) for one in scene.advance(1)] == [(0.5, "200")]


def test_server_socket_sends() -> None:
    config = f'loadmodule "dmq.so"\n{BUS}modparam("dmq", "server_socket", "udp:127.0.0.1:5070")\n'
    config += (
        'request_route { if (is_method("KDMQ")) dmq_handle_message(); dmq_bcast_message("x", "y", "text/plain"); }'
    )
    scene = Stage(
        config,
        modules="tm sl pv xlog textops",
        listen="listen=udp:127.0.0.1:5060\nlisten=udp:127.0.0.1:5070\n",
    )
    kdmq(scene, BOBS)
    (sent,) = scene.invite()
    assert sent.header("Via")[0].startswith("SIP/2.0/UDP 127.0.0.1:5070;branch=")
    assert sent.header("From")[0].startswith("<sip:x@127.0.0.1:5060>;tag=")


def test_a_node_over_tcp_is_sent_to_over_tcp() -> None:
    config = f'loadmodule "dmq.so"\n{BUS}request_route {{ dmq_bcast_message("x", "y", "text/plain"); }}'
    scene = Stage(
        config, modules="tm sl pv xlog textops", listen="listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\n"
    )
    found = scene.server.modules["dmq"]
    assert isinstance(found, Dmq)
    built = found.nodes.build("sip:127.0.0.12:5060;transport=tcp;status=active")
    assert built is not None
    found.nodes.add(built)
    assert built.line() == "sip:127.0.0.12:5060;transport=tcp;status=active"
    (sent,) = scene.invite()
    assert sent.text.startswith("KDMQ sip:x@127.0.0.12:5060;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1")


def test_sl_send_leaves_out_transactions_where_nobody_listens() -> None:
    scene = stage(settings='modparam("dmq", "sl_send", 1)\n', target="6.x")
    kdmq(scene, BOBS)
    found = scene.server.modules["dmq"]
    assert isinstance(found, Dmq)
    peer = found.register_dmq_peer("mine", lambda msg, sender: None)
    assert found.bcast_message(peer, "body", "text/plain")
    (sent,) = scene.note(scene.server.take_outbox())
    assert sent.line == "KDMQ" and sent.header("Max-Forwards") == ["1"] and sent.text.endswith("\r\n\r\nbody")
    assert scene.transactions == []
    found.bcast_message(peer, "body", "text/plain", response=lambda reply, code, sender: None)
    assert len(scene.transactions) == 1


@pytest.mark.parametrize("function", ["dmq_process_custom", "dmq_handle_custom"])
def test_custom_messages_reach_the_peer_without_an_answer(function: str) -> None:
    call = f'{function}("mine", "sip:127.0.0.12:5060", "$rb", "text/x"); xlog("$rc\\n");'
    call += f' {function}("nobody", "sip:127.0.0.12:5060", "$rb", "text/x"); xlog("$rc\\n");'
    scene = stage(f'request_route {{ if (is_method("KDMQ")) dmq_handle_message(); {call} }}', target="6.x")
    kdmq(scene, BOBS)
    heard: list[tuple[str, str | None, Node | None]] = []

    def received(msg: Message, sender: Node | None) -> PeerReply:
        heard.append((msg.body, msg.value("content-type"), sender))
        return PeerReply(200, "OK")

    found = scene.server.modules["dmq"]
    assert isinstance(found, Dmq)
    found.register_dmq_peer("mine", received)
    assert scene.invite(body="custom") == []
    ((body, kind, sender),) = heard
    assert (body, kind) == ("custom", "text/x")
    assert sender is not None and sender.parsed.host == "127.0.0.12"
    assert scene.script == ["1", "-1"]


def test_skip_loop_test_replicates_what_a_node_sent() -> None:
    """Kamailio 5.6 cannot read the argument and replicates nothing."""
    register = (
        "REGISTER sip:example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.12:5060;branch=z9hG4bKr\n"
        "From: <sip:a@example.com>;tag=1\nTo: <sip:a@example.com>\nCall-ID: r\nCSeq: 1 REGISTER\nContent-Length: 0\n\n"
    )
    for argument, to in (('"1"', ["bob", "carol"]), ("0", []), ('"$var(one)"', ["bob", "carol"])):
        scene = stage("$var(one) = 1;".join(("request_route { ", ROUTE.partition("{")[2])).replace(
            "LOOP", f"dmq_t_replicate({argument})"
        ))  # fmt: skip
        kdmq(scene, BOBS + "sip:127.0.0.13:5060;status=active\n")
        scene.sent.clear()
        scene.play(register, BOB)
        assert sorted(one.to for one in scene.sent if one.line == "REGISTER") == to
        assert scene.script == ([] if to else ["not replicated"])


def test_is_from_node_looks_at_the_address_alone() -> None:
    scene = stage(
        'request_route { if (is_method("KDMQ")) dmq_handle_message(); dmq_is_from_node(); xlog("$si $rc\\n"); }'
    )
    kdmq(scene, "sip:127.0.0.12:9999;status=disabled\n")
    for source in (BOB, CAROL):
        scene.play(
            f"OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP {source[0]};branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\n"
            "To: <sip:a@b>\nCall-ID: o\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
            source,
        )
    assert scene.script == ["127.0.0.12 1", "127.0.0.13 -1"]


# -- commands -------------------------------------------------------------------------------------------------------
def test_commands_of_6_x() -> None:
    scene = stage(target="6.x")

    def call(*words: str) -> str:
        try:
            return str(scene.server.rpc.call(words[0], list(words[1:]))[0])
        except Exception as error:
            return str(error)

    address = "sip:127.0.0.12:5060"
    assert call("dmq.add", address) == "Ok. DMQ node added."
    assert call("dmq.add", address) == "500 Node is already added"
    assert call("dmq.add", "garbage") == "500 Failure"
    assert call("dmq.add") == "500 Invalid Parameters"
    assert call("dmq.change_status", address, "not_active") == "Ok. DMQ node status changed."
    assert call("dmq.change_status", address, "not_active") == "Ok. DMQ node status is already not_active."
    assert call("dmq.change_status", address, "ill") == "500 Invalid Status - use: active, not_active, disabled"
    assert call("dmq.change_status", "sip:127.0.0.13", "active") == "500 Node Not Found"
    assert call("dmq.change_status", "sip:127.0.0.1:5060", "disabled") == "500 Node is local"
    assert call("dmq.change_status", address) == "500 Invalid Parameters"
    assert listed(scene) == ["127.0.0.12:5060 not_active", HERE]


def test_4_4_shows_states_as_numbers() -> None:
    scene = stage(target="4.4")
    kdmq(scene, "sip:127.0.0.12:5060;status=disabled\n")
    assert listed(scene) == ["127.0.0.12:5060 8", "127.0.0.1:5060 2"]


# -- refusals -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ("", "server address invalid"),
        ('modparam("dmq", "server_address", "nonsense")', "server address invalid"),
        ('modparam("dmq", "server_address", "sip:10.0.0.9:5060")', "not a socket the proxy is listening on"),
        (f'{BUS}modparam("dmq", "server_socket", "udp:127.0.0.1:9")', "not a socket the proxy is listening on"),
        (f'{BUS}modparam("dmq", "server_socket", "::::")', "not a socket the proxy is listening on"),
        (f'{BUS}modparam("dmq", "notification_address", "x")', "could not parse notification address"),
    ],
)
def test_refused(settings: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        Stage(f'loadmodule "dmq.so"\n{settings}\nrequest_route {{ exit; }}', modules="tm sl pv")
