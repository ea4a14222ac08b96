"""htable: what only later generations have, what tests see of the tables, nodes that tell each other, bad input.

What 5.6 does stands in tests/differential/cases/htable.py.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.lab import Lab
from kamscript.module import FixupError
from kamscript.modules.htable import Htable, Table
from kamscript.modules.htable.definition import Definition, parse_definition
from kamscript.modules.htable.dmq import Replication
from kamscript.sip.message import Message
from kamscript.source import ConfigError
from kamscript.values import leading_int
from tests.modules.cluster import Cluster
from tests.modules.script import refused, results, said, serve

A = 'modparam("htable", "htable", "a=>size=4;autoexpire=100")\n'


def lab(settings: str, route: str = "", *, target: str = "6.x", modules: str = "", rest: str = "") -> Lab:
    """A server with the module; events need no request."""
    loads = "".join(f'loadmodule "{name}.so"\n' for name in f"pv xlog {modules} htable".split())
    return Lab(text=f"{loads}{settings}\nrequest_route {{ {route} exit; }}\n{rest}", target=target)


def htable(lab: Lab) -> Htable:
    """The module."""
    found = lab.server.modules["htable"]
    assert isinstance(found, Htable)
    return found


def table(text: str = "t=>size=4", now: float = 1000.0) -> Table:
    """A table whose clock stands still."""
    return Table(parse_definition(text), lambda: now)


# -- a table as tests see it ----------------------------------------------------------------------------------------
def test_a_table_is_read_and_changed_from_python() -> None:
    server = lab(A)
    seen = htable(server).tables["a"]
    seen.set("x", 5)
    seen.set("y", "text", 10)
    assert dict(seen.items()) == {"x": 5, "y": "text"}
    assert (seen.get("x"), seen.get("none"), seen.expires_in("y"), len(seen)) == (5, None, 10, 2)
    server.advance(50)
    assert dict(seen.items()) == {"x": 5}
    assert seen.delete("x") and not seen.delete("x")
    seen.clear()
    assert len(seen) == 0


def test_the_order_follows_the_slots_and_the_hashes() -> None:
    walked = table("t=>size=1")
    for number in range(20):
        walked.set(f"k{number}", number)
    places = [cell.place for cell in walked.ordered()]
    assert places == sorted(places)
    assert {slot for slot, _ in walked.filled()} <= set(range(8))


@given(st.text(st.characters(max_codepoint=255)))
def test_a_definition_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(parse_definition(f"a=>{text}"), Definition)
    except FixupError as error:
        assert "hash table" in str(error) or "=>" in str(error)


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), ("-4x", -4), ("x", 0), ("", 0), ("99999999999", 2147483647), ("-", 0)]
)
def test_the_integer_a_text_begins_with(text: str, number: int) -> None:
    assert leading_int(text) == number


def test_what_is_wrong_with_a_table_is_said_at_its_line() -> None:
    before = '\n\nmodparam("htable", "htable", "ipban=>size=8;autoexpires=300")\n'
    text = refused("exit;", modules="htable", before=before)
    assert "there is no attribute 'autoexpires'; known are size, autoexpire" in text
    assert "ipban=>size=8" in text


def test_attributes_of_later_generations_are_refused_for_earlier_ones() -> None:
    before = 'modparam("htable", "htable", "a=>size=8;coldelim=\';\'")\n'
    assert "coldelim is an attribute of 6.x" in refused("exit;", modules="htable", before=before)


def test_a_start_that_the_config_drops() -> None:
    with pytest.raises(ConfigError, match="ended with drop, which ends the start"):
        lab(A, rest="event_route[htable:mod-init] { drop; }")


# -- 6.x ------------------------------------------------------------------------------------------------------------
def test_functions_of_6x() -> None:
    before = A + 'modparam("htable", "htable", "b=>initval=0")\n'
    calls = {
        'sht_is_null("a", "x")': 1,
        'sht_is_null("none", "x")': 2,
        'sht_is_null("a", "")': 3,
        'sht_is_null("b", "x")': -2,
        'sht_inc("a", "x")': -1,
        'sht_inc("b", "x")': 1,
        'sht_dec("b", "y")': 1,
        'sht_setxi("a", "n", "5", "10")': 1,
        'sht_is_null("a", "n")': -1,
        'sht_inc("a", "n")': 1,
    }
    assert results(*calls, modules="htable", before=before, target="6.x") == list(calls.values())
    more = 'sht_inc("b", "x"); sht_inc("b", "x"); xlog("$sht(b=>x)\\n");'
    assert said(more, modules="htable", before=before, target="6.x") == ["2"]


def test_an_event_route_may_keep_an_item_alive() -> None:
    route = 'event_route[htable:expired:a] { xlog("$shtrecord(key)\\n"); $sht(a=>x) = 2; }'
    server = lab(A, rest=route)
    htable(server).tables["a"].set("x", 1)
    htable(server).tables["a"].set("y", 1)
    server.advance(130)
    assert dict(htable(server).tables["a"].items()) == {"x": 2}


def test_a_table_is_read_anew_from_time_to_time() -> None:
    settings = 'modparam("htable", "db_url", "sqlite:///x")\nmodparam("htable", "timer_interval", 5)\n'
    settings += 'modparam("htable", "htable", "t=>dbtable=htable;reloadat=12;")\n'
    server = lab(settings, modules="db_sqlite", rest='event_route[htable:reloaded:t] { xlog("read anew\\n"); }')
    database = server.database("sqlite:///x")
    database.insert("htable", {"key_name": "x", "key_value": "1"})
    server.advance(6)
    assert dict(htable(server).tables["t"].items()) == {"x": "1"}
    database.insert("htable", {"key_name": "y", "key_value": "2"})
    server.advance(10)
    assert len(htable(server).tables["t"]) == 1
    server.advance(10)
    assert len(htable(server).tables["t"]) == 2
    assert sum("read anew" in line for line in server.log.script) == 2


def test_columns_are_packed_with_another_delimiter() -> None:
    settings = 'modparam("htable", "db_url", "sqlite:///x")\n'
    settings += "modparam(\"htable\", \"htable\", \"t=>dbtable=own;cols='name,a,b';coldelim=';';colnull=''\")\n"
    server = lab(settings, modules="db_sqlite")
    server.database("sqlite:///x").insert("own", {"name": "bob", "a": "1"})
    server.rpc("htable.reload", "t")
    assert dict(htable(server).tables["t"].items()) == {"bob": "1;"}


def test_a_table_with_columns_is_not_emptied_by_a_command() -> None:
    """Kamailio removes all rows and then finds that it cannot write any."""
    settings = 'modparam("htable", "db_url", "sqlite:///x")\n'
    settings += 'modparam("htable", "htable", "t=>dbtable=own;cols=\'name,a\'")\n'
    server = lab(settings, modules="db_sqlite", target="5.6")
    server.database("sqlite:///x").insert("own", {"name": "bob", "a": "1"})
    server.rpc("htable.store", "t")
    assert len(server.database("sqlite:///x").query("own")) == 1


def test_an_update_gives_an_expired_item_a_new_life() -> None:
    """With updateexpire=0: 5.6 lets it go with the old one."""
    settings = (
        'modparam("htable", "htable", "a=>autoexpire=10;updateexpire=0")\nmodparam("htable", "timer_interval", 90)\n'
    )
    for target, value in (("6.x", 2), ("5.6", None)):
        server = lab(settings, target=target)
        seen = htable(server).tables["a"]
        seen.set("x", 1)
        server.advance(15)
        seen.set("x", 2)
        assert seen.get("x") == value


# -- walks ----------------------------------------------------------------------------------------------------------
def test_a_walk_meets_what_is_added_behind_it_and_nothing_that_is_gone() -> None:
    server = lab('modparam("htable", "htable", "a=>size=4")\n')
    module = htable(server)
    seen, walk = module.tables["a"], module.iterators
    for number in range(6):
        seen.set(f"k{number}", number)
    order = [cell.key for cell in seen.ordered()]
    walk.start("i", "a", seen)
    assert walk.next("i") and walk.next("i")
    seen.delete(order[0])
    seen.delete(order[2])
    seen.set(order[2], "again")
    seen.delete(order[4])
    met = []
    while walk.next("i"):
        cell = walk.current("i")
        assert cell is not None
        met.append(cell.key)
    assert met == [order[2], order[3], order[5]]


def test_locks_are_counted() -> None:
    server = serve('sht_lock("a=>x"); sht_lock("a=>X"); sht_unlock("a=>x");', modules="htable", before=A)
    server.send(
        "OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.11:5060\nFrom: a:b\nTo: a:b\nCall-ID: x\nCSeq: 1 OPTIONS\n\n"
    )
    found = server.server.modules["htable"]
    assert isinstance(found, Htable)
    assert list(found.tables["a"].locks.values()) == [1]


# -- the database ---------------------------------------------------------------------------------------------------
def test_a_row_without_a_value_refuses_the_start() -> None:
    settings = 'modparam("htable", "db_url", "sqlite:///x")\nmodparam("htable", "htable", "t=>dbtable=own;")\n'
    first = lab(settings, modules="db_sqlite", target="5.6")
    database = first.database("sqlite:///x")
    database.raw("CREATE TABLE bare (key_name VARCHAR(9), key_type INT, value_type INT, key_value VARCHAR(9))")
    database.raw("INSERT INTO bare VALUES ('x', 0, 0, NULL)")
    htable(first).tables["t"].definition = htable(first).tables["t"].definition._replace(dbtable="bare")
    with pytest.raises(Exception, match="Htable reload failed"):
        first.rpc("htable.reload", "t")


# -- MI of 4.4 ------------------------------------------------------------------------------------------------------
def test_mi_commands_of_44() -> None:
    server = lab('modparam("htable", "htable", "a=>size=2")\n', target="4.4")
    htable(server).tables["a"].set("x", 1)
    run = server.server.mi.run
    assert run("sht_dump", ["a"]).text().splitlines()[1:] == ["Entry:: 3", "\tx:: 1"]
    assert (run("sht_delete", ["a", "x"]).code, run("sht_delete", ["b", "x"]).code, run("sht_delete", ["a"]).code) == (
        200,
        404,
        400,
    )
    assert len(htable(server).tables["a"]) == 0
    assert (run("sht_dump", []).code, run("sht_dump", ["none"]).reason) == (400, "no such hash table")
    assert run("sht_reload", ["a"]).reason == "ERROR Reloading data"


# -- other nodes ----------------------------------------------------------------------------------------------------
ROUTE = 'if (is_method("KDMQ")) dmq_handle_message();'


def node(number: int, *, more: str = "") -> str:
    """The config of node `number`; they ask node 1 who is there."""
    loads = "".join(f'loadmodule "{name}.so"\n' for name in ["tm", "sl", "pv", "textops", "dmq", "htable"])
    lines = f'listen=udp:10.1.0.{number}:5060\n{loads}modparam("dmq", "server_address", "sip:10.1.0.{number}:5060")\n'
    if number > 1:
        lines += 'modparam("dmq", "notification_address", "sip:10.1.0.1:5060")\n'
    lines += 'modparam("htable", "enable_dmq", 1)\nmodparam("htable", "htable", "r=>size=4;dmqreplicate=1")\n'
    return f"{lines}{more}request_route {{ {ROUTE} exit; }}\n"


@pytest.mark.parametrize("target", ["5.6", "6.x"])
def test_nodes_tell_each_other(target: str) -> None:
    cluster = Cluster(node(1), node(2), target=target)
    first, second = cluster.labs
    first.rpc("htable.sets", "r", "x", 'caf\xc3\xa9 "q"')
    second.rpc("htable.seti", "r", "y", 7)
    cluster.run()
    for one in cluster.labs:
        assert dict(htable(one).tables["r"].items()) == {"x": 'caf\xc3\xa9 "q"', "y": 7}
    second.rpc("htable.delete", "r", "x")
    htable(first).remove(htable(first).tables["r"], "sw", "y", name=True)
    cluster.advance(0.1)
    assert [len(htable(one).tables["r"]) for one in cluster.labs] == [0, 0]


@pytest.mark.parametrize("target", ["5.6", "6.x"])
def test_a_node_that_comes_later_is_told_everything(target: str) -> None:
    cluster = Cluster(node(1), node(2, more='modparam("htable", "dmq_init_sync", 1)\n'), target=target)
    first, second = cluster.labs
    for number in range(3000):
        htable(first).tables["r"].set(f"key{number}", "some text or other")
    cluster.restart(second, node(2, more='modparam("htable", "dmq_init_sync", 1)\n'))
    cluster.advance(2)
    assert len(htable(cluster.labs[1]).tables["r"]) == 3000


def test_what_is_older_is_ignored() -> None:
    """6.x: an item of another node that was set before the one that is here."""
    cluster = Cluster(node(1), node(2), target="6.x")
    first, _ = cluster.labs
    module = htable(first)
    module.put(module.tables["r"], "x", "new")
    cluster.run()
    assert module.replication is not None
    for modified, value in ((1, "new"), (module.tables["r"].cells["x"].modified + 1, "newer")):
        told = {"action": 2, "htname": "r", "cname": "x", "type": 2, "strval": "newer", "last_modified": modified}
        module.replication._heed(json.loads(json.dumps(told)), None)
        assert module.tables["r"].get("x") == value


def test_items_are_asked_for_by_command() -> None:
    cluster = Cluster(node(1), node(2), target="6.x")
    first, second = cluster.labs
    htable(first).tables["r"].set("x", 1)
    assert second.rpc("htable.dmqsync", "none") == "Ok"
    cluster.run()
    assert len(htable(second).tables["r"]) == 0
    htable(second).tables["r"].set("own", 1)
    assert second.rpc("htable.dmqresync", "r") == "Ok"
    cluster.run()
    assert dict(htable(second).tables["r"].items()) == {"x": 1}


def test_a_bus_needs_its_module() -> None:
    assert "needs the module dmq" in refused(
        "exit;", modules="htable", before='modparam("htable", "enable_dmq", 1)\n' + A
    )


MEMBERS = st.sampled_from(["action", "htname", "cname", "type", "strval", "intval", "mode", "cells", "expire", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=5),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def replication() -> Replication:
    """That of a node which is alone on its bus."""
    found = htable(Lab(text=node(1), target="6.x")).replication
    assert found is not None
    return found


@given(told=st.dictionaries(MEMBERS, JSON | st.sampled_from(["r", 1, 2, 3, 4, 5, 6]), max_size=7))
def test_whatever_a_node_tells_is_answered(replication: Replication, told: dict[str, object]) -> None:
    body = json.dumps(told)
    length = len(body.encode())
    msg = Message(f"KDMQ sip:htable@x SIP/2.0\r\nContent-Length: {length}\r\n\r\n{body}")
    assert replication.received(msg, None).code in (200, 400, 500)
