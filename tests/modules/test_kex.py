"""kex: flags, the destination URI, own addresses, the log level, statistics and memory commands."""

from __future__ import annotations

import pytest

from kamscript.core.rpc import RpcFault, to_json

from .script import OPTIONS, refused, results, said, serve, value

BEFORE = 'alias="example.net":5070'


def outcomes(*calls: str, target: str = "5.6") -> list[int]:
    return results(*calls, modules="kex", before=BEFORE, target=target)


def rpc(name: str, *arguments: str | int) -> object:
    serving = serve('sl_send_reply("200", "OK");', modules="sl kex")
    serving.send(OPTIONS)
    return to_json(serving.server.rpc.call(name, arguments))


# -- flags ------------------------------------------------------------------------------------------------------------
def test_script_flags() -> None:
    calls = ["issflagset(5)", "setsflag(5)", "issflagset(5)", "resetsflag(5)", "issflagset(5)", "setsflag(32)"]
    assert outcomes(*calls) == [-1, 1, 1, 1, -1, -1]


def test_branch_flags() -> None:
    calls = ["setbflag(3)", "isbflagset(3)", "isbflagset(3, 0)", "isbflagset(3, 1)", "resetbflag(3)", "isbflagset(3)"]
    assert outcomes(*calls) == [1, 1, 1, -1, 1, -1]


def test_branch_flags_of_added_branches() -> None:
    route = 'append_branch("sip:x"); setbflag(4, 1); xlog("$rc $(branch(flags)[0]) $bf\\n");'
    assert said(route, modules="kex corex") == ["1 16 0"]


# -- the destination URI ----------------------------------------------------------------------------------------------
def test_the_destination_uri_comes_and_goes() -> None:
    assert outcomes("isdsturiset()", 'setdsturi("sip:x")', "isdsturiset()", "resetdsturi()", "isdsturiset()") == [
        -1,
        1,
        1,
        1,
        -1,
    ]
    assert value("$du", first='setdsturi("sip:$rU@x");', modules="kex") == "sip:bob@x"


def test_texts_go_into_variables() -> None:
    assert value("$var(x)", first='pv_printf("$var(x)", "to $rU");', modules="kex") == "to bob"
    assert "cannot be written" in refused('pv_printf("$mi", "x");', modules="kex")


def test_each_unique_id_is_new() -> None:
    first, second = said('xlog("$sruid\\n"); xlog("$sruid\\n");', modules="kex")
    assert first.startswith("srid-") and first != second


# -- own addresses ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("127.0.0.1", 1),
        ("example.net", 1),
        ("example.org", -1),
        ("sip:bob@127.0.0.1:5060", 1),
        ("sip:bob@127.0.0.1:5061", -1),
        ("sip:bob@127.0.0.1:5060;transport=tcp", -1),
        ("sip:bob@example.net:5070", 1),
        ("sip:x y", -1),
    ],
)  # fmt: skip
def test_which_addresses_are_own(address: str, own: int) -> None:
    assert outcomes(f'is_myself("{address}")') == [own]


def test_6_looks_at_the_host_alone() -> None:
    assert outcomes('is_myhost("sip:bob@127.0.0.1:9")', target="6.x") == [1]


# -- the log level ----------------------------------------------------------------------------------------------------
def test_the_log_level_of_one_script() -> None:
    route = 'xlog("L_DBG", "1"); setdebug(3); xlog("L_DBG", "2"); resetdebug(); xlog("L_DBG", "3");'
    assert said(route, modules="kex") == ["2"]


# -- commands ---------------------------------------------------------------------------------------------------------
def test_statistics_by_name_and_group() -> None:
    assert rpc("stats.get_statistics", "rcv_requests") == ["core:rcv_requests = 1"]
    assert rpc("stats.fetch", "core.rcv_requests") == [{"core.rcv_requests": "1"}]
    assert rpc("stats.fetchn", "rcv_requests", "nope") == [{"core.rcv_requests": 1.0}]
    assert "sl:200_replies = 1" in rpc("stats.get_statistics", "sl:")  # type: ignore[operator]


def test_statistics_go_back_to_zero() -> None:
    assert rpc("stats.clear_statistics", "rcv_requests") == ["core:rcv_requests = 0 (1)"]
    assert rpc("stats.reset_statistics", "rcv_requests") == []
    with pytest.raises(RpcFault, match="stats name"):
        rpc("stats.reset_statistics")


def test_memory_that_python_has_no_accounts_of() -> None:
    assert rpc("mod.stats", "xlog", "all") == ["Module: xlog", {"Total": 0}, {"Total": 0}, ""]
    assert rpc("pkg.info") == [{"name": "q_malloc", "size": 8388608}]
    for arguments in (("nope",), ("pid", 999999), ("index",)):
        with pytest.raises(RpcFault):
            rpc("pkg.stats", *arguments)
