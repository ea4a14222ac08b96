"""RPC commands: arguments, answers, faults, and the core's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import kamscript
from kamscript.core.binrpc import decode_reply, encode_reply
from kamscript.core.rpc import ARRAY_MEMBERS, Rpc, RpcFault, Struct, to_json, with_arrays

from .serving import NOW, Names, Serving

CONFIG = "listen=udp:127.0.0.1:5060\nalias=example.com:5080\nrequest_route { exit; }"


def rpc(name: str, *arguments: Any, config: str = CONFIG, convert: bool = True) -> Any:
    """The answer of a command on a fresh server, as JSON."""
    return to_json(Serving(config).server.rpc.call(name, arguments, convert=convert))


def fault(name: str, *arguments: Any, config: str = CONFIG, convert: bool = True) -> tuple[int, str]:
    """Code and text of the fault that a command ends with."""
    with pytest.raises(RpcFault) as caught:
        rpc(name, *arguments, config=config, convert=convert)
    return caught.value.code, caught.value.text


# -- values -----------------------------------------------------------------------------------------------------------
def test_a_struct_keeps_order_and_repeated_names() -> None:
    struct = Struct(a=1)
    struct.add("b", {"c": 2})
    struct.add("a", 3)
    assert list(struct) == [("a", 1), ("b", Struct(c=2)), ("a", 3)]
    assert struct["a"] == 1
    assert to_json(struct) == {"a": [1, 3], "b": {"c": 2}}


def test_an_array_of_named_members_is_a_list_of_objects_in_json() -> None:
    array = Struct(is_array=True)
    array.add("x", Struct(y=1))
    array.add("x", Struct(y=2))
    assert to_json(array) == [{"x": {"y": 1}}, {"x": {"y": 2}}]


# -- arguments --------------------------------------------------------------------------------------------------------
def serving() -> Serving:
    """A server with commands of the test's own."""
    made = Serving(CONFIG)

    def add(rpc: Rpc, left: int, right: int = 1) -> int:
        return left + right

    def join(rpc: Rpc, first: str, *rest: str) -> str:
        return "-".join((first, *rest))

    def half(rpc: Rpc, number: float) -> float:
        return number / 2

    for command in (add, join, half):
        made.server.rpc.add(command.__name__, command)
    return made


def test_arguments_are_converted_for_channels_that_cannot_tell_types() -> None:
    call = serving().server.rpc.call
    assert call("add", ["2", "0x10"]) == [18]
    assert call("join", [1, 2.5]) == ["1-2.500000"]
    assert call("half", ["3"]) == [1.5]
    assert call("half", [3]) == [1.5]
    for number in ("x", float("inf"), float("nan"), "9" * 5000):
        with pytest.raises(RpcFault, match="expected integer type"):
            call("add", [number])


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("add", ["2"], "error at parameter 0: expected integer type but record doesn't match type"),
        ("add", [], "error at parameter 0: expected integer type but end of packet encountered"),
        ("join", [1], "error at parameter 0: expected string type but record doesn't match type"),
        ("half", [1 << 2000], "error at parameter 0: expected double type but record doesn't match type"),
    ],
)
def test_the_binary_channel_wants_the_right_types(name: str, arguments: list[Any], text: str) -> None:
    with pytest.raises(RpcFault) as caught:
        serving().server.rpc.call(name, arguments, convert=False)
    assert (caught.value.code, caught.value.text) == (400, text)


def test_an_optional_argument_of_another_type_ends_the_reading() -> None:
    call = serving().server.rpc.call
    assert call("add", [2, "3"], convert=False) == call("add", [2])
    assert call("join", ["a", 1], convert=False) == call("join", ["a"])


def test_an_optional_argument_may_be_left_out_and_extra_ones_are_ignored() -> None:
    call = serving().server.rpc.call
    assert call("add", [1]) == [2]
    assert call("add", [1, 2, 3]) == [3]


def test_a_text_that_is_no_number_is_refused() -> None:
    with pytest.raises(RpcFault, match="expected integer"):
        serving().server.rpc.call("add", ["two"])


def test_an_unknown_command() -> None:
    assert fault("no.such") == (500, "command no.such not found")


def test_a_fault_may_be_returned_from_or_raised() -> None:
    server = Serving(CONFIG).server

    def returning(rpc: Rpc) -> None:
        rpc.fault(404, "returned")

    def raising(rpc: Rpc) -> None:
        raise rpc.fault(405, "raised")

    server.rpc.add("returning", returning)
    server.rpc.add("raising", raising)
    for name, code in (("returning", 404), ("raising", 405)):
        with pytest.raises(RpcFault) as caught:
            server.rpc.call(name)
        assert caught.value.code == code


def test_an_answer_may_come_later() -> None:
    server = Serving(CONFIG).server
    kept: list[Rpc] = []

    def later(rpc: Rpc) -> None:
        rpc.delay()
        kept.append(rpc)

    server.rpc.add("later", later)
    answers: list[list[Any]] = []
    handle = server.rpc.start("later", on_finish=lambda rpc: answers.append(rpc.answer))
    assert handle.delayed
    assert answers == []
    kept[0].add("done")
    kept[0].finish()
    assert answers == [["done"]]


# -- the core's commands ----------------------------------------------------------------------------------------------
def test_commands_are_listed_and_explained() -> None:
    names = rpc("system.listMethods")
    assert names == sorted(names)
    assert {"core.uptime", "dns.view", "system.listMethods"} <= set(names)
    assert rpc("system.methodHelp", "core.version") == ["Name, version and platform."]
    assert fault("system.methodHelp", "no.such") == (400, "command not found")
    assert fault("system.methodHelp") == (400, "Method Name Expected")
    assert fault("system.methodSignature", "core.version") == (500, "Not Implemented Yet")


def test_echo_commands_give_their_arguments_back() -> None:
    assert rpc("core.prints", "a", "b") == ["a", "b"]
    assert rpc("core.printi", 1, 2) == [1, 2]
    assert rpc("core.echo", "a", 1) == ["a", "1"]
    assert rpc("core.printi") == []
    assert fault("core.prints", 1, convert=False)[0] == 400


def test_uptime_counts_from_the_start() -> None:
    made = Serving(CONFIG)
    made.server.fire(NOW + 90061)
    assert to_json(made.server.rpc.call("core.uptime"))[0]["uptime"] == 90061
    assert to_json(made.server.rpc.call("core.runinfo"))[0]["utime_days"] == "1d 1h 1m 1s"


def test_sockets_and_aliases_are_listed() -> None:
    (sockets,) = rpc("core.sockets_list")
    assert sockets == [
        {
            "socket": {
                "proto": "udp",
                "address": "127.0.0.1",
                "port": "5060",
                "mcast": "no",
                "mhomed": "no",
                "virtual": "no",
            }
        }
    ]
    (aliases,) = rpc("core.aliases_list")
    assert aliases == {
        "myself_callbacks": "no",
        "aliases": [{"alias": {"proto": "*", "address": "example.com", "port": 5080}}],
    }


def test_tcp_commands_say_when_there_is_no_tcp() -> None:
    assert rpc("core.tcp_info")[0]["max_connections"] == 2048
    assert list(rpc("core.tcp_options")[0])[:4] == [
        "connect_timeout",
        "send_timeout",
        "connection_lifetime",
        "max_connections(soft)",
    ]
    assert fault("core.tcp_info", config="disable_tcp=yes\n" + CONFIG) == (500, "tcp support disabled")


def test_shared_memory_is_all_free() -> None:
    (memory,) = rpc("core.shmmem", "m")
    assert (memory["total"], memory["free"], memory["used"]) == (64, 64, 0)
    assert fault("core.shmmem", "x") == (500, "bad param, (use b|k|m|g)")


def test_records_can_be_added_to_dns() -> None:
    server = Serving(CONFIG, Names({"h": ["192.0.2.1"]})).server
    call = server.rpc.call
    assert to_json(call("dns.lookup", ["A", "h"]))[0]["records"] == [{"rr_idx": 0, "rr_ip": "192.0.2.1"}]
    call("dns.add_a", ["h", 60, "192.0.2.2", 0])
    call("dns.add_a", ["h", 60, "192.0.2.3", 0])
    records = to_json(call("dns.view"))[0]["records"]
    assert [record["rr_ip"] for record in records] == ["192.0.2.2", "192.0.2.3"]
    assert server.dns.addresses("H", 0) == ["192.0.2.2", "192.0.2.3"]
    server.fire(NOW + 61)
    assert server.dns.addresses("h", 0) == ["192.0.2.1"]
    assert call("dns.view") == []


def test_what_cannot_be_added_or_found_in_dns() -> None:
    failed = (400, "Failed to add the entry to the cache")
    assert fault("dns.add_a", "h", 60, "::1", 0) == failed
    assert fault("dns.add_aaaa", "h", 60, "10.0.0.1", 0) == failed
    assert fault("dns.lookup", "A", "h") == (400, "Not found")
    assert fault("dns.lookup", "X", "h") == (400, "Invalid type")
    assert fault("dns.view", config="use_dns_cache=off\n" + CONFIG)[0] == 500


def test_destinations_can_be_blocked_by_hand() -> None:
    server = Serving("use_dst_blocklist=on\n" + CONFIG).server
    server.rpc.call("dst_blocklist.add", ["192.0.2.1", 5060, 1, 2])
    assert server.rpc.call("dst_blocklist.debug") == [1, "192.0.2.1", 5060, 60, 2]
    assert len(server.rpc.call("dst_blocklist.view")) == 5
    server.rpc.call("dst_blocklist.delete_all")
    assert server.rpc.call("dst_blocklist.debug") == []
    assert fault("dst_blocklist.view") == (500, "dst blocklist support disabled")


def test_kill_ends_the_server_through_its_driver() -> None:
    made = Serving(CONFIG)
    assert fault("core.kill")[0] == 500
    signals: list[int] = []
    made.environment.end = signals.append
    made.server.rpc.call("core.kill")
    made.server.rpc.call("core.kill", [9])
    assert signals == [15, 9]


def test_modules_and_defines_are_listed() -> None:
    config = "#!define WITH_X\n#!define Y 3\n" + CONFIG
    assert rpc("core.modules", config=config) == []
    names = rpc("core.ppdefines", config=config)
    assert {"WITH_X", "Y"} <= set(names)
    values = {item["name"]: item["value"] for item in rpc("core.ppdefines_full", config=config)}
    assert (values["WITH_X"], values["Y"]) == ("none", "3")


@pytest.mark.parametrize(
    "name",
    "core.arg core.flags core.info core.ps core.psa core.psx core.pwd core.tcp_list core.udp4_raw_info core.version "  # noqa: SIM905
    "dns.debug dns.debug_all dns.delete_all dns.delete_all_force dns.mem_info".split(),
)
def test_commands_without_arguments_answer(name: str) -> None:
    assert isinstance(rpc(name), list)


def test_arrays_that_came_over_binrpc_are_known_by_their_names() -> None:
    sent = Struct(is_array=True)
    sent.add("SET", Struct(ID=1))
    sent.add("SET", Struct(ID=2))
    (came,) = decode_reply(encode_reply([Struct(NRSETS=2, RECORDS=sent)], 1))
    assert to_json(with_arrays(came)) == {"NRSETS": 2, "RECORDS": [{"SET": {"ID": 1}}, {"SET": {"ID": 2}}]}


def test_every_array_of_a_module_has_a_known_name() -> None:
    folder = Path(kamscript.__file__).parent
    added = re.compile(r'add\("([^"]+)", Struct\(is_array=True\)\)')
    found = {name for path in folder.rglob("*.py") for name in added.findall(path.read_text("utf-8"))}
    assert found
    assert found <= ARRAY_MEMBERS
