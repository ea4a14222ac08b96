"""jsonrpcs: requests and answers as texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.core.rpc import Rpc
from kamscript.modules.jsonrpcs import DELAYED, Jsonrpcs, Reply

from .script import refused, said, serve

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)


def module(before: str = "") -> Jsonrpcs:
    found = serve("exit;", modules="jsonrpcs", before=before).server.module("jsonrpcs")
    assert isinstance(found, Jsonrpcs)
    return found


def answer(request: Any, before: str = "") -> Reply:
    reply = module(before).handle(request if isinstance(request, str) else json.dumps(request))
    assert reply is not None
    return reply


def ask(method: str, *params: Any, **more: Any) -> Any:
    request = {"jsonrpc": "2.0", "method": method, "params": list(params), "id": 1, **more}
    return json.loads(answer(request).body.encode("latin-1"))


# -- answers ----------------------------------------------------------------------------------------------------------
def test_one_value_stands_alone_and_lists_of_commands_that_have_them_stay_lists() -> None:
    assert ask("jsonrpc.echo", "a", 2)["result"] == ["a", 2]
    assert ask("core.version")["result"].startswith("kamailio 5.6.3")


def test_the_answer_looks_as_the_daemons() -> None:
    request = '{"jsonrpc":"2.0","method":"jsonrpc.echo","params":["a"],"id":"x"}'
    assert answer(request).body == '{\n\t"jsonrpc":\t"2.0",\n\t"result":\t["a"],\n\t"id":\t"x"\n}'
    before = 'modparam("jsonrpcs", "pretty_format", 0)'
    assert answer(request, before).body == '{"jsonrpc":"2.0","result":["a"],"id":"x"}'


@pytest.mark.parametrize(
    ("given_id", "shown"), [(7.5, 7.5), (None, 0), (True, 1), ("x", "x"), (12345678901, 12345678901)]
)
def test_the_id_comes_back(given_id: Any, shown: Any) -> None:
    assert ask("jsonrpc.echo", id=given_id)["id"] == shown


def test_without_an_id_there_is_none() -> None:
    assert "id" not in json.loads(answer('{"jsonrpc":"2.0","method":"jsonrpc.echo"}').body)


def test_members_of_an_object_count_in_their_order() -> None:
    assert ask("jsonrpc.echo", params={"x": 1, "y": "b"})["result"] == ["1", 0]


def test_a_text_is_no_number() -> None:
    assert ask("core.printi", "7")["result"] == [0]


def test_characters_that_json_escapes() -> None:
    assert ask("jsonrpc.echo", 'q"\\\n\u00e9\u20ac')["result"] == ['q"\\\n\u00e9\u20ac']


# -- faults -----------------------------------------------------------------------------------------------------------
def test_an_unknown_method() -> None:
    reply = answer({"jsonrpc": "2.0", "method": "no.such", "id": 1})
    assert (reply.code, reply.text) == (500, "Method Not Found")
    assert json.loads(reply.body)["error"] == {"code": 500, "message": "Method Not Found"}


def test_a_commands_fault() -> None:
    reply = answer({"jsonrpc": "2.0", "method": "core.tcp_info", "id": 1}, "disable_tcp=yes")
    assert json.loads(reply.body)["error"] == {"code": 500, "message": "tcp support disabled"}


def test_a_number_is_no_text() -> None:
    """The command runs no further and says nothing."""
    found = module()
    found.server.rpc.add("greet", lambda rpc, name: rpc.add(f"hello {name}"))
    found.server.rpc.add("spell", _spell)
    assert result(found, "greet", 5) == "hello 5"
    assert result(found, "spell", 5) == {}
    assert result(found, "spell", "five") == "f-i-v-e"


def test_a_missing_argument_is_a_fault_only_where_the_command_says_so() -> None:
    found = module()
    found.server.rpc.add("spell", _spell)
    assert result(found, "spell") == {}
    assert ask("pv.get")["error"]["code"] == 500


def _spell(rpc: Rpc, word: str) -> None:
    rpc.add("-".join(word))


def result(found: Jsonrpcs, method: str, *params: Any) -> Any:
    reply = found.handle(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))
    assert reply is not None
    return json.loads(reply.body)["result"]


@pytest.mark.parametrize(
    "request_", [{}, {"method": "core.version"}, {"jsonrpc": "1.0", "method": "core.version"}, {"jsonrpc": "2.0"}, []]
)
def test_half_a_request_has_an_empty_result(request_: Any) -> None:
    assert json.loads(answer(request_).body)["result"] == {}


def test_no_json_is_no_request() -> None:
    assert module().handle("bad") is None
    assert module().handle('{"jsonrpc":"2.0"}', with_reply_name=True) is None


def test_the_name_of_the_reply() -> None:
    reply = module().handle('{"jsonrpc":"2.0","method":"core.version","reply_name":"r"}', with_reply_name=True)
    assert reply is not None and reply.reply_name == "r"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000, "1" + "0" * 400, "1e400", "0.5"])
@pytest.mark.parametrize("method", ["jsonrpc.echo", "core.sockets_list", "cfg.seti", "cfg.get"])
def test_numbers_that_no_double_holds(method: str, number: str) -> None:
    for params in (f"[{number}]", f'["core",{number},{number}]', f'{{"a":{number}}}', number):
        text = f'{{"jsonrpc":"2.0","method":"{method}","params":{params},"id":{number}}}'
        assert json.loads(answer(text).body)["jsonrpc"] == "2.0"


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_words_for_numbers_are_no_json(word: str) -> None:
    assert SHARED.handle(f'{{"jsonrpc":"2.0","method":"jsonrpc.echo","params":["a",{word}]}}') is None


@given(JSON)
def test_no_input_breaks_it(request: Any) -> None:
    reply = SHARED.handle(json.dumps(request))
    assert reply is None or json.loads(reply.body)


@given(st.text(st.characters(max_codepoint=255)))
def test_no_text_breaks_it(text: str) -> None:
    SHARED.handle(text)


SHARED = module()


# -- commands that take their time ------------------------------------------------------------------------------------
def test_a_delayed_answer_comes_later() -> None:
    jsonrpcs = module()
    kept: list[Rpc] = []

    def slow(rpc: Rpc) -> None:
        rpc.delay()
        kept.append(rpc)

    jsonrpcs.server.rpc.add("slow", slow)
    request = '{"jsonrpc":"2.0","method":"slow","id":4}'
    answers: list[Reply] = []
    assert jsonrpcs.handle(request, later=answers.append) is DELAYED
    kept[0].add("done")
    kept[0].finish()
    assert json.loads(answers[0].body) == {"jsonrpc": "2.0", "result": "done", "id": 4}
    refusal = jsonrpcs.handle(request)
    assert refusal is not None and refusal.code == 500


# -- scripts ----------------------------------------------------------------------------------------------------------
def test_a_script_runs_commands() -> None:
    command = '{"jsonrpc":"2.0","method":"jsonrpc.echo","params":["$rU"],"id":1}'.replace('"', '\\"')
    route = f'jsonrpc_exec("{command}"); xlog("$rc $jsonrpl(code) $jsonrpl(text) $jsonrpl(body)\\n");'
    before = 'modparam("jsonrpcs", "pretty_format", 0)'
    assert said(route, modules="jsonrpcs", before=before) == ['1 200 OK {"jsonrpc":"2.0","result":["bob"],"id":1}']


def test_http_needs_its_module() -> None:
    assert "xhttp" in refused("exit;", modules="jsonrpcs", before='modparam("jsonrpcs", "transport", 1)')


@pytest.mark.parametrize(
    "lines",
    [
        'modparam("jsonrpcs", "transport", 8)',
        'modparam("jsonrpcs", "tcp_socket", "udp:127.0.0.1:9")',
        'modparam("jsonrpcs", "tcp_socket", "tcp:127.0.0.1")',
    ],
)
def test_tcp_needs_an_address_with_a_port(lines: str) -> None:
    assert "tcp_socket" in refused("exit;", modules="jsonrpcs", before=lines, target="6.x")
