"""Dialogs on a DMQ bus: what a node tells, what it makes of what others tell, and two nodes together.

Carol is the other node, played by hand.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from kamscript.core.hashes import core_hash
from kamscript.core.sockets import Datagram
from kamscript.lab import Lab
from kamscript.lab.phone import Call
from kamscript.modules.dialog import Dialog
from kamscript.modules.dialog.callbacks import DLGCB_CREATED, DLGCB_DESTROY, DLGCB_TERMINATED, DialogParams
from kamscript.modules.dialog.cell import CONFIRMED, DELETED, EARLY, UNCONFIRMED, DialogCell
from kamscript.modules.dmq import Dmq
from kamscript.source import ConfigError
from tests.modules.cluster import Cluster
from tests.modules.dialog.scene import Scene, proxy
from tests.modules.tm.stage import CAROL, Sent, reply

MODULES = "tm tmx sl rr pv xlog textops siputils corex kex dmq dialog"
SETTINGS = 'enable_dmq=1 profiles_no_value="calls" profiles_with_value="caller"'
KEEP = 'set_dlg_profile("calls"); set_dlg_profile("caller", "alice"); $dlg_var(color) = "blue";'
BUS = 'modparam("dmq", "server_address", "sip:127.0.0.1:5060")\n'


def on_bus(text: str) -> str:
    """The proxy with a way for the bus."""
    return text.replace("request_route {", 'request_route {\nif (is_method("KDMQ")) dmq_handle_message();', 1)


class Node(Scene):
    """A server whose bus has carol on it."""

    def __init__(self, *, params: str = "", target: str = "5.6", after: str = "", rest: str = "", **more: str) -> None:
        text = on_bus(proxy(params=f"{SETTINGS} {params}", after=after or KEEP, rest=rest, **more))
        super().__init__("debug=2\n" + BUS + text, modules=MODULES, target=target)
        self.number = 0
        self.kdmq("sip:127.0.0.13:5060;status=active\r\n", channel="notification_peer")
        self.told()

    def kdmq(self, body: str, *, channel: str = "dialog", length: str = "") -> str:
        """What carol sends; the first line of the answer, the line of its status."""
        self.number += 1
        size = length or f"Content-Length: {len(body)}\n"
        sent = self.play(
            f"KDMQ sip:{channel}@127.0.0.1:5060 SIP/2.0\n"
            f"Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bKk{self.number}\n"
            f"To: <sip:{channel}@127.0.0.1:5060>\nFrom: <sip:{channel}@127.0.0.13:5060>;tag=c{self.number}\n"
            f"CSeq: 10 KDMQ\nCall-ID: k{self.number}\nMax-Forwards: 1\nContent-Type: application/json\n{size}\n{body}",
            CAROL,
        )
        (answer,) = [one for one in sent if one.line.isdigit()]
        return answer.line

    def tell(self, action: int, **members: Any) -> str:
        """Carol tells of the dialog that she has with Call-ID `far`."""
        about = {"action": action, "h_entry": core_hash("far", 4096), "h_id": 4711, **members}
        return self.kdmq(json.dumps(about))

    def note(self, datagrams: list[Datagram]) -> list[Sent]:
        """Carol answers whatever comes by the bus."""
        found = super().note(datagrams)
        for one in found:
            if one.line == "KDMQ" and one.to == "carol":
                self.play(reply(one, "200 OK", tag="c"), CAROL)
        return found

    def told(self) -> list[dict[str, Any]]:
        """What went to carol since the last time, pings left out."""
        sent = [one for one in self.sent if one.line == "KDMQ" and one.to == "carol"]
        self.sent.clear()
        bodies = [one.text.partition("\r\n\r\n")[2] for one in sent]
        return [json.loads(body) for body in bodies if body.startswith("{")]


FAR: dict[str, Any] = {
    "init_ts": 900,
    "callid": "far",
    "from_uri": "sip:a@far",
    "to_uri": "sip:b@far",
    "req_uri": "sip:b@there",
    "tag1": "t1",
    "cseq1": "7",
    "route_set1": "<sip:r1;lr>",
    "contact1": "sip:a@c1",
    "vars": {"color": "green", "size": "3"},
    "profiles": '{"profiles":[{"name":"caller","value":"ann","puid":"p-1"},{"name":"calls","puid":"p-2"}]}',
}
UP: dict[str, Any] = {
    "state": 4,
    "start_ts": 950,
    "lifetime": 600,
    **{name: FAR[name] for name in ("tag1", "cseq1", "route_set1", "contact1")},
    "tag2": "t2",
    "cseq2": "9",
    "route_set2": "<sip:r2;lr>",
    "contact2": "sip:b@c2",
}


def size(scene: Scene, name: str, value: str | None = None) -> int:
    """How many are in a profile."""
    profile = scene.dialog.profiles.find(name)
    assert profile is not None
    return profile.size(value)


# -- what a node tells ----------------------------------------------------------------------------------------------
def test_a_new_dialog_is_told_when_its_invite_leaves() -> None:
    scene = Node()
    scene.invite()
    (told,) = scene.told()
    dlg = scene.only
    profiles = json.loads(told.pop("profiles"))["profiles"]
    assert [(item["name"], item.get("value")) for item in profiles] == [("caller", "alice"), ("calls", None)]
    assert told == {
        "action": 1, "h_entry": dlg.h_entry, "h_id": dlg.h_id, "init_ts": 1000, "callid": "call-1",
        "from_uri": "sip:alice@example.com", "to_uri": "sip:bob@example.com", "req_uri": "sip:bob@127.0.0.12",
        "tag1": "a1", "cseq1": "1", "route_set1": "", "contact1": "sip:alice@127.0.0.11:5060",
        "vars": {"color": "blue"}, "state": UNCONFIRMED,
    }  # fmt: skip


def test_each_state_is_told_but_that_of_the_2xx() -> None:
    scene = Node()
    scene.invite()
    scene.told()
    scene.ring()
    (early,) = scene.told()
    assert (early["action"], early["state"], early["tag1"], early["lifetime"]) == (2, EARLY, "a1", 43200)
    assert "tag2" not in early
    scene.ring()
    scene.answer()
    assert scene.told() == []
    scene.ack()
    (confirmed,) = scene.told()
    assert (confirmed["action"], confirmed["state"], confirmed["tag2"]) == (2, CONFIRMED, "b1")
    assert confirmed["start_ts"] == 1000 and confirmed["contact2"] == "sip:b1@127.0.0.12:5060"
    scene.bye()
    (ended,) = scene.told()
    assert ended == {"action": 2, "h_entry": scene.only.h_entry, "h_id": scene.only.h_id, "state": DELETED}
    scene.advance(30)
    (gone,) = scene.told()
    assert (gone["action"], gone["state"]) == (3, DELETED)
    scene.nothing_left()


def test_a_failed_call_is_told_to_have_ended() -> None:
    scene = Node()
    scene.invite()
    scene.respond("486 Busy")
    assert [told["state"] for told in scene.told()] == [UNCONFIRMED, DELETED]
    scene.advance(60)
    assert [told["action"] for told in scene.told()] == [3]


def test_a_second_branch_tells_again_only_what_profiles_changed() -> None:
    for change, count in (("", 1), ('set_dlg_profile("caller", "again");', 2)):
        scene = Node(
            after=f'{KEEP} t_on_failure("F");', rest=f"failure_route[F] {{ {change} append_branch(); t_relay(); }}"
        )
        scene.invite()
        scene.respond("486 Busy")
        assert len([told for told in scene.told() if told["action"] == 1]) == count


def test_texts_survive_json() -> None:
    scene = Node(after='$dlg_var(a) = "q\\"b\\\\s\\tt"; $dlg_var(b) = "gr\xfc\xdf"; $dlg_var(c) = "\xe2\x82\xac";')
    scene.invite()
    (told,) = scene.told()
    assert told["vars"] == {"a": 'q"b\\s\tt', "b": "gr\xfc\xdf", "c": "\xe2\x82\xac"}


def test_expiry_is_told() -> None:
    scene = Node(params="default_timeout=100")
    scene.call()
    scene.told()
    scene.advance(101)
    assert [told["action"] for told in scene.told() if "action" in told] == [3]


def test_a_new_node_is_told_all_dialogs() -> None:
    scene = Node()
    scene.call()
    scene.told()
    assert scene.kdmq('{"action":4}') == "200"
    (told,) = scene.told()
    assert (told["action"], told["state"], told["tag2"], told["vars"]) == (1, CONFIRMED, "b1", {"color": "blue"})


def test_whoever_finds_the_bus_asks_for_all_dialogs() -> None:
    scene = Scene(BUS + on_bus(proxy(params=SETTINGS)), modules=MODULES)
    scene.play(
        "KDMQ sip:notification_peer@127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bK1\n"
        "To: <sip:notification_peer@127.0.0.1>\nFrom: <sip:notification_peer@127.0.0.13>;tag=1\nCSeq: 10 KDMQ\n"
        "Call-ID: 1\nContent-Length: 35\n\nsip:127.0.0.13:5060;status=active\n",
        CAROL,
    )
    (asked,) = [one for one in scene.sent if one.line == "KDMQ"]
    assert asked.text.startswith("KDMQ sip:dialog@127.0.0.13:5060 SIP/2.0\r\n")
    assert asked.header("Content-Type") == ["application/json"]
    assert asked.text.endswith('\r\n\r\n{"action":4}')


def test_without_enable_dmq_nothing_is_told() -> None:
    scene = Scene(BUS + on_bus(proxy()), modules=MODULES)
    scene.call()
    assert scene.dialog.replication is None
    assert [one for one in scene.sent if one.line == "KDMQ"] == []


def test_dmq_peer_id_names_the_channel() -> None:
    scene = Node(params='dmq_peer_id="talks"', target="6.x")
    scene.invite()
    sent = [one for one in scene.sent if one.line == "KDMQ"]
    assert sent[0].text.startswith("KDMQ sip:talks@127.0.0.13:5060")
    assert scene.kdmq("{}", channel="dialog") == "404"
    assert scene.kdmq("{}", channel="talks") == "200"


# -- what it makes of what others tell ------------------------------------------------------------------------------
def test_a_dialog_of_another_node_is_there() -> None:
    scene = Node()
    assert scene.tell(1, **FAR, state=1) == "200"
    dlg = scene.only
    assert (dlg.callid, dlg.h_id, dlg.state, dlg.init_ts, dlg.ref) == ("far", 4711, UNCONFIRMED, 900, 1)
    assert (dlg.from_uri, dlg.to_uri, dlg.req_uri) == ("sip:a@far", "sip:b@far", "sip:b@there")
    leg = dlg.caller
    assert (leg.tag, leg.cseq, leg.route_set, leg.contact) == ("t1", "7", "<sip:r1;lr>", "sip:a@c1")
    assert dlg.variables == {"color": "green", "size": "3"}
    assert (size(scene, "calls"), size(scene, "caller", "ann")) == (1, 1)
    assert scene.told() == []


def test_it_is_confirmed_and_ends_as_the_other_node_says() -> None:
    scene = Node()
    scene.tell(1, **FAR, state=1)
    assert scene.tell(2, **UP) == "200"
    dlg = scene.only
    assert (dlg.state, dlg.start_ts, dlg.lifetime, dlg.deadline) == (CONFIRMED, 950, 600, 1600)
    assert (dlg.callee.tag, dlg.callee.contact, dlg.ref) == ("t2", "sip:b@c2", 2)
    assert scene.counts == {"active": 1}
    assert scene.tell(2, state=5) == "200"
    assert (dlg.state, dlg.deadline, dlg.ref, size(scene, "calls")) == (DELETED, 0, 1, 0)
    assert scene.counts == {}
    assert scene.tell(3, state=5) == "200"
    scene.nothing_left(10)
    assert scene.told() == []


def test_a_sync_brings_it_as_it_is() -> None:
    scene = Node()
    assert scene.tell(1, **{**FAR, **UP}) == "200"
    dlg = scene.only
    assert (dlg.state, dlg.ref, dlg.callee.tag, size(scene, "caller")) == (CONFIRMED, 2, "t2", 1)
    assert scene.tell(1, **{**FAR, **UP}) == "200"
    assert (scene.only, dlg.ref, size(scene, "caller")) == (dlg, 2, 1)
    assert scene.tell(3, state=4) == "200"
    scene.nothing_left(10)
    assert scene.counts == {}


def test_the_same_state_twice_starts_its_lifetime_again() -> None:
    scene = Node()
    scene.tell(1, **{**FAR, **UP})
    scene.advance(100)
    scene.tell(2, **{**UP, "lifetime": 700})
    assert (scene.only.deadline, scene.only.ref) == (1800, 2)


def test_an_update_replaces_profiles_and_adds_variables() -> None:
    scene = Node()
    scene.tell(1, **FAR, state=1)
    members = {"vars": {"size": "4"}, "profiles": '{"profiles":[{"name":"caller","value":"joe"}]}'}
    scene.tell(1, **{**FAR, **members}, state=1)
    assert scene.only.variables == {"color": "green", "size": "4"}
    assert (size(scene, "calls"), size(scene, "caller", "ann"), size(scene, "caller", "joe")) == (0, 0, 1)


def test_a_state_never_goes_back() -> None:
    scene = Node()
    scene.tell(1, **{**FAR, **UP})
    assert scene.tell(2, state=2) == "200"
    assert scene.only.state == CONFIRMED
    assert scene.warned() == [
        f"NOTICE: dialog: Ignoring backwards state change on dlg [{scene.only.h_entry}:4711]"
        " with callid [far] from state [4] to state [2]"
    ]


def test_one_that_expires_here_ends_on_the_other_nodes_too() -> None:
    scene = Node()
    scene.tell(1, **{**FAR, **UP})
    scene.told()
    scene.advance(601)
    assert [told["action"] for told in scene.told()] == [3]
    scene.nothing_left(10)
    assert scene.counts == {"expired": 1}


def test_one_that_ended_elsewhere_and_is_never_taken_away_goes_by_itself() -> None:
    scene = Node()
    scene.tell(1, **{**FAR, **UP})
    scene.tell(2, state=5)
    scene.advance(500)  # end_timeout and the period of the look-around; Kamailio 5.6 keeps it for ever
    assert scene.dialogs == []


def test_the_bye_may_come_by_another_node() -> None:
    scene = Node()
    dlg_id = f"{core_hash('far', 4096):x}"[::-1] + "." + f"{4711:x}"[::-1]
    scene.tell(1, **{**FAR, **UP})
    sent = scene.play(
        "BYE sip:b@127.0.0.12 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.11:5060;branch=z9hG4bKb\nFrom: <sip:a@far>;tag=t1\n"
        f"To: <sip:b@far>;tag=t2\nRoute: <sip:127.0.0.1;lr;did={dlg_id}>\nCall-ID: far\nCSeq: 8 BYE\n"
        "Max-Forwards: 70\nContent-Length: 0\n\n"
    )
    assert ("BYE", "bob") in [(one.line, one.to) for one in sent]
    assert [told["state"] for told in scene.told()] == [DELETED]
    assert (scene.counts, size(scene, "calls")) == ({}, 0)


def test_numbers_of_other_nodes_are_not_given_to_own_dialogs() -> None:
    scene = Node()
    scene.kdmq(
        json.dumps({"action": 1, **FAR, "callid": "call-1", "h_entry": core_hash("call-1", 4096), "h_id": 99999})
    )
    scene.invite()
    assert sorted(dlg.h_id for dlg in scene.dialogs) == [99999, 100000]


@pytest.mark.parametrize(
    ("body", "answer", "line"),
    [
        ("", "400", ""),
        ("{", "400", "invalid json doc"),
        ("nonsense", "400", "invalid json doc"),
        ("[" * 100000, "400", "invalid json doc"),
        ("[]", "200", ""),
        ("5", "200", ""),
        ("{}", "200", ""),
        ('{"action":0}', "200", ""),
        ('{"action":9}', "200", ""),
        ('{"action":"1"}', "200", ""),
        ('{"action":4,"new":1}', "200", "unrecognized field in json object: new"),
        ('{"action":1}', "500", "callid and h_id are needed"),
        ('{"action":1,"callid":5,"h_entry":-1,"h_id":1e99}', "500", "callid and h_id are needed"),
        ('{"action":1,"callid":"x","h_entry":1,"h_id":1}', "500", "make sure all Kamailio's use the same hash size"),
        ('{"action":2,"h_entry":1,"h_id":1,"state":4}', "500", "dialog [1:1] not found"),
        ('{"action":3,"h_entry":1,"h_id":1}', "500", "dialog [1:1] not found"),
    ],
)
def test_bad_messages(body: str, answer: str, line: str) -> None:
    scene = Node()
    assert scene.kdmq(body) == answer
    assert scene.dialogs == []
    assert not line or any(line in text for text in scene.log)


def test_a_message_without_length_is_refused() -> None:
    scene = Node()
    assert scene.kdmq("{}", length="X: y\n") == "400"


def test_an_unknown_state_leaves_the_dialog() -> None:
    scene = Node()
    assert scene.tell(1, **{**FAR, "state": 3}) == "500"
    assert scene.only.state == UNCONFIRMED
    assert scene.tell(2, **UP) == "200"
    assert scene.only.state == CONFIRMED


def test_another_call_under_the_same_number_is_left_alone() -> None:
    scene = Node()
    scene.tell(1, **FAR, state=1)
    other = next(f"c{number}" for number in range(100000) if core_hash(f"c{number}", 4096) == core_hash("far", 4096))
    assert scene.tell(1, **{**FAR, "callid": other, "vars": {"color": "red"}}, state=1) == "500"
    assert (scene.only.callid, scene.only.variables) == ("far", FAR["vars"])


# -- generations ----------------------------------------------------------------------------------------------------
def test_6_x_says_when_the_dialog_changed_and_heeds_the_newest() -> None:
    scene = Node(target="6.x")
    scene.invite()
    scene.advance(5)
    scene.ring()
    assert [told["last_modified"] for told in scene.told()] == [1000, 1005]
    scene.tell(1, **{**FAR, **UP}, last_modified=2000)
    assert scene.tell(2, state=5, last_modified=1999) == "200"
    assert {dlg.callid: dlg.state for dlg in scene.dialogs}["far"] == CONFIRMED
    assert scene.tell(2, state=5, last_modified=2000) == "200"
    assert {dlg.callid: dlg.state for dlg in scene.dialogs}["far"] == DELETED


def test_6_x_callbacks_hear_of_a_call_that_ended_elsewhere() -> None:
    for target, expected in (("5.6", [DLGCB_DESTROY]), ("6.x", [DLGCB_TERMINATED, DLGCB_DESTROY])):
        scene = Node(target=target)
        heard: list[int] = []
        scene.tell(1, **{**FAR, **UP})

        def hear(dlg: DialogCell, kind: int, params: DialogParams) -> None:
            params.param.append(kind)

        scene.dialog.register_dlgcb(scene.only, DLGCB_TERMINATED | DLGCB_DESTROY, hear, heard)
        scene.tell(2, state=5)
        scene.tell(3, state=5)
        assert heard == expected


def test_enable_dmq_ka_iflags_sync_shares_who_gets_keepalives() -> None:
    for on in (0, 1):
        scene = Node(
            params=f"enable_dmq_ka_iflags_sync={on} ka_timer=10", target="6.x", after='dlg_set_property("ka-src");'
        )
        scene.invite()
        assert [told.get("iflags", 0) & 2 for told in scene.told()] == [2 * on]
        scene.tell(1, **{**FAR, **UP, "iflags": 0xFF})
        (dlg,) = [dlg for dlg in scene.dialogs if dlg.callid == "far"]
        assert dlg.iflags & 0b111 == 0b110 * on


def test_dlg_remove_dialogs_from_node_forgets_what_a_node_told_of() -> None:
    scene = Node(
        target="6.x",
        rest='route[GONE] { dlg_remove_dialogs_from_node("$var(node)"); xlog("$rc\\n"); }'
        "event_route[dmq:peer-disabled] { $var(node) = $ru; route(GONE);"
        ' $var(node) = "sip:127.0.0.13:5060"; route(GONE); }',
    )
    scene.call()
    scene.tell(1, **{**FAR, **UP})
    scene.told()
    found = scene.server.modules["dmq"]
    assert isinstance(found, Dmq)
    (carol,) = [one for one in found.nodes if not one.local]
    found.nodes.set_status(carol, "disabled")
    assert scene.script == ["1", "-1"]
    assert [dlg.callid for dlg in scene.dialogs] == ["call-1"]
    assert (scene.counts["active"], size(scene, "caller", "ann")) == (1, 0)
    assert scene.told() == []


def test_dlg_remove_dialogs_from_node_without_a_bus() -> None:
    scene = Scene(after='dlg_remove_dialogs_from_node("sip:x"); xlog("$rc\\n");', target="6.x")
    scene.invite()
    assert scene.script == ["-1"]


def test_enable_dmq_wants_the_module_loaded_before() -> None:
    for modules in ("tm sl rr pv dialog", "tm sl rr pv dialog dmq"):
        with pytest.raises(ConfigError, match="dmq"):
            Scene(
                ("" if modules.endswith("dialog") else BUS)
                + 'modparam("dialog", "enable_dmq", 1)\nrequest_route { exit; }',
                modules=modules,
            )


# -- two nodes together ---------------------------------------------------------------------------------------------
def config(number: int, params: str = "") -> str:
    """Node `number`; both carry calls to phones and know each other's."""
    loads = "".join(f'loadmodule "{name}.so"\n' for name in f"db_mysql {MODULES}".split())
    return (
        f'listen=udp:10.1.0.{number}:5060\n{loads}modparam("dmq", "server_address", "sip:10.1.0.{number}:5060")\n'
        f'modparam("dmq", "notification_address", "sip:10.1.0.{3 - number}:5060")\n'
        + on_bus(proxy(params=f"{SETTINGS} {params}", after=f'{KEEP} $du = "sip:10.0.0.2:5060";'))
    )


def dialogs(lab: Lab) -> list[tuple[str, int]]:
    """Call-ID and state of every dialog."""
    module = lab.server.modules["dialog"]
    assert isinstance(module, Dialog)
    return [(dlg.callid, dlg.state) for dlg in module.table]


def start_call(lab: Lab) -> Call:
    """Alice talks to bob."""
    alice, bob = lab.phone("alice"), lab.phone("bob")
    call = alice.call(bob)
    bob.call_waiting.answer()
    lab.run()
    assert call.status == 200
    return call


def test_two_servers_know_each_others_calls_until_they_end() -> None:
    cluster = Cluster(config(1), config(2))
    first, second = cluster.labs
    call = start_call(first)
    cluster.run()
    ((callid, state),) = dialogs(first)
    assert (dialogs(second), state) == ([(callid, CONFIRMED)], CONFIRMED)
    for lab in cluster.labs:
        assert lab.rpc("dlg.profile_get_size", "caller", "alice") == 1
    call.hangup()
    cluster.advance(60)
    assert dialogs(first) == dialogs(second) == []


def test_a_server_that_comes_back_learns_of_the_calls() -> None:
    cluster = Cluster(config(1), config(2))
    first, second = cluster.labs
    cluster.cut.add(second)
    start_call(first)
    cluster.advance(300)
    assert dialogs(second) == []
    cluster.cut.clear()
    cluster.restart(second, config(2))
    cluster.advance(1)
    assert dialogs(cluster.labs[1]) == dialogs(first) != []


def test_a_call_expires_on_both_servers() -> None:
    cluster = Cluster(config(1), config(2))
    first, second = cluster.labs
    start_call(first)
    cluster.advance(43100)
    assert len(dialogs(second)) == 1
    cluster.advance(200)
    assert dialogs(first) == dialogs(second) == []


def test_only_the_server_where_the_call_came_in_writes_it_to_its_database() -> None:
    cluster = Cluster(config(1, "db_mode=1"), config(2, "db_mode=1"))
    start_call(cluster.labs[0])
    cluster.advance(1)
    counts = []
    for lab in cluster.labs:
        assert len(dialogs(lab)) == 1
        database = lab.server.environment.database
        assert database is not None
        rows = database("mysql://kamailio:kamailiorw@localhost/kamailio").query("dialog", ["hash_id"])
        counts.append(len(rows))
    assert counts == [1, 0]


def test_created_is_heard_where_the_call_came_in_only() -> None:
    cluster = Cluster(config(1), config(2))
    heard: list[int] = []

    def hear(dlg: DialogCell, kind: int, params: DialogParams) -> None:
        heard.append(params.param)

    for number, lab in enumerate(cluster.labs, 1):
        module = lab.server.modules["dialog"]
        assert isinstance(module, Dialog)
        module.register_dlgcb(None, DLGCB_CREATED, hear, number)
    start_call(cluster.labs[0])
    cluster.run()
    assert heard == [1]
