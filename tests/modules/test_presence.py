"""presence: three phones, notifier processes, documents of files, spheres, nodes that tell each other, later names.

What 5.6 does stands in tests/differential/cases/presence*.py.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.core.rpc import RpcFault
from kamscript.lab import Lab
from kamscript.module import FixupError
from kamscript.modules.presence import Event, Presence
from kamscript.modules.presence.events import EventName, Events
from kamscript.sip.errors import SipError
from kamscript.source import ConfigError
from tests.modules.cluster import Cluster

URL = 'modparam("presence|presence_xml", "db_url", "mysql://a:b@db/kamailio")\n'
OPEN = 'modparam("presence_xml", "force_active", 1)\n'
RULES = 'modparam("presence_xml", "integrated_xcap_server", 1)\n'
MEMORY = 'modparam("presence", "publ_cache", 2)\nmodparam("presence", "subs_db_mode", 0)\n'
NOTIFIER = 'modparam("presence", "subs_db_mode", 3)\nmodparam("presence", "waitn_time", 1)\n'
BOB = "sip:bob@example.com"


def config(params: str = URL + OPEN, *, modules: str = "", rest: str = "", publish: str = "handle_publish();") -> str:
    """A presence server."""
    loads = f"db_mysql tm sl pv xlog textops siputils {modules} presence presence_xml"
    return (
        "".join(f'loadmodule "{name}.so"\n' for name in loads.split())
        + f"""
alias="example.com"
{params}
request_route {{
    if (is_method("PUBLISH")) {{ {publish} exit; }}
    if (is_method("SUBSCRIBE")) {{ handle_subscribe(); exit; }}
}}
{rest}
"""
    )


def lab(params: str = URL + OPEN, **more: str) -> Lab:
    """The same, running."""
    target = more.pop("target", "5.6")
    return Lab(text=config(params, **more), target=target)


def presence(lab: Lab) -> Presence:
    """The module."""
    found = lab.server.modules["presence"]
    assert isinstance(found, Presence)
    return found


def pidf(basic: str = "open", *, id: str = "t1", more: str = "") -> str:
    """A document."""
    return (
        '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:rpid="urn:rpid" entity="sip:bob@example.com">'
        f'<tuple id="{id}"><status><basic>{basic}</basic></status></tuple>{more}</presence>'
    )


def rules(handling: str, *, identity: str = "<many/>", conditions: str = "") -> dict[str, object]:
    """A row of the table of rules of bob."""
    document = (
        f"<ruleset><rule><conditions><identity>{identity}</identity>{conditions}</conditions>"
        f"<actions><sub-handling>{handling}</sub-handling></actions></rule></ruleset>"
    )
    row = {"username": "bob", "domain": "example.com", "doc": document, "doc_type": 2, "etag": "", "source": 0}
    return row | {"doc_uri": "", "port": 0}


def listed(lab: Lab, command: str, *args: str) -> list[dict[str, object]]:
    """What a command lists."""
    found = lab.rpc(command, *args)
    return [found] if isinstance(found, dict) else list(found or ())


# -- phones -----------------------------------------------------------------------------------------------------------
def test_two_phones_watch_a_third_for_a_day() -> None:
    server = lab()
    alice, bob, carol = (server.phone(name) for name in ("alice", "bob", "carol"))
    watch, other = alice.subscribe(bob), carol.subscribe(bob, expires=60)
    assert (watch.state, watch.expect("NOTIFY").body) == ("active", "")
    bob.publish("presence", pidf())
    assert "<basic>open</basic>" in watch.expect("NOTIFY").body
    assert watch.notifies[-1].body == other.notifies[-1].body
    server.advance(200)
    assert (watch.state, other.state) == ("active", "terminated")
    assert other.notifies[-1]["Subscription-State"] == "terminated;reason=timeout"
    bob.publish("presence", pidf("closed"))
    assert "<basic>closed</basic>" in watch.notifies[-1].body
    watch.refresh()
    server.advance(3600)
    assert watch.state == "active"  # what bob published is over, alice's hour is about to be
    server.advance(86400)
    assert watch.state == "terminated"
    assert server.database().rows("active_watchers") == server.database().rows("presentity") == []


def test_a_phone_that_ends_its_subscription_hears_no_more() -> None:
    server = lab()
    alice, bob = server.phone("alice"), server.phone("bob")
    watch = alice.subscribe(bob)
    watch.unsubscribe()
    assert watch.state == "terminated"
    heard = len(watch.notifies)
    bob.publish("presence", pidf())
    assert len(watch.notifies) == heard


def test_who_watches_is_watched() -> None:
    server = lab()
    alice, bob = server.phone("alice"), server.phone("bob")
    winfo = bob.subscribe(bob, "presence.winfo")
    watch = alice.subscribe(bob)
    told = winfo.notifies[-1].body
    assert 'state="partial"' in told and 'status="active">sip:alice@example.com</watcher>' in told
    watch.unsubscribe()
    assert 'state="full"' in winfo.notifies[-1].body and "alice" not in winfo.notifies[-1].body


def test_the_line_about_a_notify_has_a_level_and_a_facility() -> None:
    params = 'modparam("presence", "local_log_level", -1)\nmodparam("presence", "local_log_facility", "LOG_LOCAL3")\n'
    server = lab(URL + OPEN + params)
    server.phone("alice").subscribe(server.phone("bob"))
    record = next(record for record in server.log if record.text.startswith("NOTIFY "))
    assert (record.level, record.facility) == (-1, "LOG_LOCAL3")
    assert "NOTIFY sip:alice@example.com via sip:alice@" in record.text
    assert " on behalf of sip:bob@example.com for event presence : " in record.text


# -- notifier processes -----------------------------------------------------------------------------------------------
def test_a_notifier_tells_within_a_second() -> None:
    server = lab(URL + OPEN + NOTIFIER)
    alice, bob = server.phone("alice"), server.phone("bob")
    watch = alice.subscribe(bob)
    bob.publish("presence", pidf())
    assert len(watch.notifies) == 1
    server.advance(1)
    assert "<basic>open</basic>" in watch.notifies[1].body
    bob.publish("presence", expires=0)
    assert [row["etag"] for row in server.database().rows("presentity")] == ["*#-OFFLINE-#*"]
    server.advance(1)
    assert watch.notifies[2].body == ""  # what has ended has no lifetime left
    assert server.database().rows("presentity") == []
    watch.unsubscribe()
    assert watch.state == "terminated"


def test_a_patient_notifier_tells_of_everything() -> None:
    """send_fast_notify 0: the first NOTIFY, watcher information and the end wait for their turn."""
    server = lab(URL + OPEN + NOTIFIER + 'modparam("presence", "send_fast_notify", 0)\n')
    alice, bob = server.phone("alice"), server.phone("bob")
    winfo = bob.subscribe(bob, "presence.winfo")
    server.advance(1.5)
    assert 'state="full"' in winfo.notifies[-1].body
    watch = alice.subscribe(bob)
    assert watch.notifies == []
    server.advance(1.5)
    assert watch.state == "active"
    assert 'state="partial"' in winfo.notifies[-1].body and "sip:alice@example.com" in winfo.notifies[-1].body
    watch.unsubscribe()
    server.advance(3)
    assert watch.state == "terminated"
    assert 'state="full"' in winfo.notifies[-1].body and "alice" not in winfo.notifies[-1].body
    assert [row["event"] for row in server.database().rows("active_watchers")] == ["presence.winfo"]


def test_a_notifier_tells_of_the_end() -> None:
    server = lab(URL + OPEN + NOTIFIER)
    alice, bob = server.phone("alice"), server.phone("bob")
    watch = alice.subscribe(bob, expires=30)
    bob.publish("presence", pidf(), expires=20)
    server.advance(102)
    assert watch.state == "terminated"
    assert server.database().rows("active_watchers") == server.database().rows("presentity") == []


def test_rules_reach_watchers_through_a_notifier() -> None:
    server = lab(URL + RULES + NOTIFIER)
    alice, bob = server.phone("alice"), server.phone("bob")
    watch = alice.subscribe(bob)
    assert watch.state == "pending"
    server.database().insert("xcap", rules("allow"))
    server.rpc("presence.updateWatchers", BOB, "presence")
    assert watch.state == "pending"
    server.advance(1)
    assert watch.state == "active"


# -- what is published ------------------------------------------------------------------------------------------------
def test_a_refresh_keeps_the_document_in_memory() -> None:
    """The original forgets it there (publ_cache 2)."""
    server = lab(MEMORY + OPEN)
    alice, bob = server.phone("alice"), server.phone("bob")
    bob.publish("presence", pidf())
    bob.publish("presence")
    assert "<basic>open</basic>" in alice.subscribe(bob).notifies[0].body
    [one] = listed(server, "presence.presentity_list", "full")
    assert one["user"] == "bob" and "<basic>open</basic>" in str(one["body"])


def test_documents_in_the_order_of_columns() -> None:
    params = 'modparam("presence", "retrieve_order", 1)\nmodparam("presence", "retrieve_order_by", "%s")\n'
    params += 'modparam("presence", "xavp_cfg", "pres")\n'
    publish = "$xavp(pres=>priority) = $(hdr(X-Priority){s.int}); handle_publish();"
    orders = {}
    for order in ("priority", "priority desc", "nonsense, priority"):
        server = lab(URL + OPEN + params % order, publish=publish)
        alice, bob = server.phone("alice"), server.phone("bob")
        for number in (2, 3, 1):
            bob.published.clear()
            bob.publish("presence", pidf(id=f"t{number}"), headers=[f"X-Priority: {number}"])
        body = alice.subscribe(bob).notifies[0].body
        orders[order] = [int(part[0]) for part in body.split('id="t')[1:]]
    assert orders == {"priority": [3, 2, 1], "priority desc": [1, 2, 3], "nonsense, priority": [3, 2, 1]}


def test_a_file_holds_a_state_for_ever() -> None:
    """pres_refresh_watchers() with type 2 takes a document from the table; SQLite of the original cannot."""
    server = lab(URL + RULES)
    alice, bob = server.phone("alice"), server.phone("bob")
    row = rules("allow") | {"doc_type": 8, "doc_uri": "http://x/index", "doc": pidf("closed")}
    server.database().insert("xcap", [rules("allow"), row])
    watch = alice.subscribe(bob)
    server.rpc("presence.refreshWatchers", BOB, "presence", 2, "http://x/index", "index")
    [kept] = server.database().rows("presentity")
    assert (kept["etag"], kept["expires"]) == ("index", -1)
    assert watch.state == "active"
    server.advance(400)
    assert len(server.database().rows("presentity")) == 1
    server.database().delete("xcap", {"doc_type": 8})
    server.rpc("presence.refreshWatchers", BOB, "presence", 2, "http://x/index", "index")
    assert server.database().rows("presentity") == []


def test_who_moves_is_watched_by_others() -> None:
    server = lab(URL + RULES + 'modparam("presence", "enable_sphere_check", 1)\n')
    alice, bob = server.phone("alice"), server.phone("bob")
    server.database().insert("xcap", rules("allow", conditions="<sphere>work</sphere>"))
    bob.publish("presence", pidf(more="<rpid:sphere>work</rpid:sphere>"))
    watch = alice.subscribe(bob)
    assert watch.state == "active"
    bob.publish("presence", pidf(more="<rpid:sphere>home</rpid:sphere>"))
    assert watch.notifies[-1]["Subscription-State"] == "terminated;reason=probation"


def test_expired_publications_are_told_as_closed_and_force_delete_tells_nobody() -> None:
    for force, told in ((0, True), (1, False)):
        server = lab(URL + OPEN + f'modparam("presence", "force_delete", {force})\n')
        alice, bob = server.phone("alice"), server.phone("bob")
        watch = alice.subscribe(bob)
        bob.publish("presence", pidf(), expires=50)
        heard = len(watch.notifies)
        server.advance(101)
        assert (len(watch.notifies) > heard) is told
        assert server.database().rows("presentity") == []


# -- starting ---------------------------------------------------------------------------------------------------------
def test_a_server_knows_its_subscriptions_again() -> None:
    server = lab()
    alice, bob = server.phone("alice"), server.phone("bob")
    alice.subscribe(bob)
    bob.publish("presence", pidf())
    server.server.stop()
    again = Lab(text=config(), target="5.6", database=server.database, start=server.now + 10)
    assert presence(again).watchers.count(BOB, "presence") == 1
    found = presence(again).events.find("presence")
    assert found is not None and "open" in (presence(again).document(BOB, found) or "")


def test_without_a_database_it_is_a_library() -> None:
    own = 'loadmodule "sl.so"\nloadmodule "tm.so"\nloadmodule "presence.so"\nrequest_route { %s exit; }\n'
    server = Lab(text=own % "", target="6.x")
    assert presence(server).library
    assert (server.rpc("presence.cleanup"), listed(server, "presence.presentity_list")) == ("Reload OK", [])
    assert server.rpc("presence.publish_cache_sync") == "OK"
    with pytest.raises(RpcFault, match="Execution failed"):
        server.rpc("presence.refreshWatchers", BOB, "presence", 1)
    with pytest.raises(ConfigError, match="you can not call 'handle_publish' function"):
        Lab(text=own % "handle_publish();", target="5.6")


def test_a_module_adds_events() -> None:
    events = Events()
    for name in ("message-summary", "dialog", "dialog;sla", "dialog.winfo", "dialog"):
        events.add(Event(name, "text/plain"))
    assert events.listing == "dialog.winfo, dialog;sla, dialog, message-summary"
    dialog, winfo = events.find("DIALOG"), events.find("dialog.winfo")
    assert dialog is not None and winfo is not None
    assert winfo.is_winfo and not dialog.is_winfo and not dialog.is_sla
    assert events.find("dialog;sla=1") is None and events.find("") is None


@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_event_headers_are_read_or_refused(text: str) -> None:
    try:
        name = EventName(text)
    except SipError:
        return
    assert name.same(EventName(text)) and name.name == name.name.strip(" \t\r\n")


# -- nodes ------------------------------------------------------------------------------------------------------------
def node(number: int, more: str = "") -> str:
    """One of two servers that share what is published."""
    params = f"""
listen=udp:10.9.0.{number}:5060
modparam("dmq", "server_address", "sip:10.9.0.{number}:5060")
modparam("dmq", "notification_address", "sip:10.9.0.{3 - number}:5060")
modparam("presence", "enable_dmq", 1)
{MEMORY}{OPEN}{more}
"""
    text = config(params, modules="dmq")
    return text.replace("request_route {", 'request_route { if (is_method("KDMQ")) { dmq_handle_message(); exit; }', 1)


@pytest.mark.parametrize("target", ["5.6", "6.x"])
def test_nodes_share_what_is_published(target: str) -> None:
    cluster = Cluster(node(1), node(2), target=target)
    first, second = cluster.labs
    watch = second.phone("alice").subscribe(BOB)
    bob = first.phone("bob")
    bob.publish("presence", pidf())
    cluster.run()
    assert "<basic>open</basic>" in watch.notifies[-1].body
    etag = bob.published["presence"]
    assert [one["etag"] for one in listed(second, "presence.presentity_list")] == [etag]
    bob.publish("presence", pidf("closed"))
    cluster.run()
    assert "<basic>closed</basic>" in watch.notifies[-1].body
    bob.publish("presence", expires=0)
    cluster.run()
    assert listed(second, "presence.presentity_list") == []


def test_nodes_share_subscriptions() -> None:
    """6.x: a node that comes later is told of all, and tells what its neighbour would have told."""
    more = 'modparam("presence", "enable_subs_dmq", 1)\n'
    cluster = Cluster(node(1, more), node(2, more), target="6.x")
    first, second = cluster.labs
    first.phone("alice").subscribe(BOB)
    first.phone("bob").publish("presence", pidf())
    cluster.run()
    assert presence(second).watchers.count(BOB, "presence") == 1
    fresh = cluster.restart(second, node(2, more))
    cluster.advance(2)
    assert presence(fresh).watchers.count(BOB, "presence") == 1
    [shown] = listed(fresh, "presence.presentity_list")
    assert shown["user"] == "bob"


@pytest.mark.parametrize("body", ["", "no json", "[]", '{"action": 1}', '{"action": 1, "presentity": {"event": "x"}}'])
def test_what_a_node_says_may_be_nonsense(body: str) -> None:
    cluster = Cluster(node(1), node(2))
    first, second = cluster.labs
    replication = presence(first).replication
    assert replication is not None
    replication.dmq.bcast_message(replication.peer, body, "application/json")
    cluster.advance(0.1)
    assert listed(second, "presence.presentity_list") == []
    assert any(record.origin == "presence" and record.level == -1 for record in second.log)


def test_a_bus_needs_its_module() -> None:
    with pytest.raises(ConfigError, match="needs the module dmq"):
        lab(URL + OPEN + 'modparam("presence", "enable_dmq", 1)\n')


# -- generations ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("target", "code"), [("4.4", 202), ("5.6", 200), ("6.x", 200)])
def test_a_subscribe_is_accepted_with_the_code_of_its_time(target: str, code: int) -> None:
    server = lab(target=target)
    assert server.phone("alice").subscribe(BOB).status == code


def test_a_default_socket_is_one_of_the_server() -> None:
    params = 'modparam("presence", "default_socket", "udp:%s:5060")\n'
    with pytest.raises(ConfigError, match=r"192\.0\.2\.9:5060 is not a socket"):
        lab("listen=udp:10.9.0.1:5060\n" + URL + OPEN + params % "192.0.2.9", target="6.x")
    lab("listen=udp:10.9.0.1:5060\n" + URL + OPEN + params % "10.9.0.1", target="6.x")


# -- later names ------------------------------------------------------------------------------------------------------
def test_commands_of_6_x() -> None:
    server = lab(MEMORY + OPEN, target="6.x")
    alice, bob = server.phone("alice"), server.phone("bob")
    bob.publish("presence", pidf())
    alice.subscribe(bob)
    [shown] = listed(server, "presence.presentity_show", "basic", "bob", "*")
    assert shown["domain"] == "example.com" and "body" not in shown
    assert listed(server, "presence.presentity_show", "full", "carol", "*") == []
    [watcher] = listed(server, "presence.watcher_list", "full", BOB)
    assert (watcher["watcher_user"], watcher["status"], watcher["to_user"]) == ("alice", 1, "bob")
    with pytest.raises(RpcFault, match="Unknown output mode"):
        server.rpc("presence.watcher_list", "some", BOB)
    with pytest.raises(RpcFault, match="Not enough parameters"):
        server.rpc("presence.presentity_show", "full")
    assert server.rpc("presence.publish_cache_sync") == "OK"


def test_the_index_learns_what_somebody_else_wrote() -> None:
    server = lab(target="6.x")
    alice, bob = server.phone("alice"), server.phone("bob")
    row = {"username": "bob", "domain": "example.com", "event": "presence", "etag": "x", "expires": 2_000_000_000}
    server.database().insert("presentity", row | {"received_time": 0, "body": pidf(), "sender": "", "ruid": "r"})
    assert alice.subscribe(bob).notifies[0].body == ""
    server.rpc("presence.publish_cache_sync")
    assert "open" in alice.subscribe(bob).notifies[0].body


def test_events_come_after_presence() -> None:
    server = lab()
    with pytest.raises(FixupError, match=r"load presence\.so before"):
        Presence(server.server).add_event(Event("x", "y"))
