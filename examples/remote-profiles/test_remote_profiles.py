"""Two servers share counts: what the config promises, and what happens when one of them does not hear the other."""

import json
import sys
from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.lab.phone import Call
from kamscript.lab.plugin import LabLoader

sys.path.insert(0, str(Path(__file__).parent))
from pair import Pair

pytestmark = pytest.mark.spec("4 7.17")


@pytest.fixture
def pair(lab: LabLoader) -> Pair:
    both = Pair(lab("kamailio.cfg"), lab("kamailio.cfg", defines={"SECOND": "1"}))
    for server in (both.first, both.second):
        server.phone("alice")
        server.phone("bob")
    return both


def begin(pair: Pair, server: Lab, caller: str = "alice") -> Call:
    """A call over one of the servers to the phone bob beside it, ringing or refused by the server."""
    call = server.phones[caller].call("sip:bob@10.0.0.2:5060")
    pair.run()
    return call


def count(server: Lab, *value: str) -> int:
    """How many calls this server knows: all, or those of a caller."""
    return int(server.rpc("dlg.profile_get_size", "caller" if value else "calls", *value))


def tell(server: Lab, op: str, uid: str, source: str = "127.0.0.2") -> str:
    """What a server answers to a KDMQ request that comes from an address, the peer's by default."""
    headers = [f"P-Op: {op}", "P-Caller: carol", f"P-Uid: {uid}", "P-Expires: 0"]
    return server.send(server.request("KDMQ", "sip:peer@127.0.0.1", headers=headers), source)[-1].splitlines()[0]


def test_a_call_counts_on_both_servers(pair: Pair) -> None:
    begin(pair, pair.first)
    assert (count(pair.first, "alice"), count(pair.second, "alice")) == (1, 1)
    assert (count(pair.first), count(pair.second)) == (1, 1)
    assert count(pair.second, "bob") == 0


def test_the_end_of_the_call_is_told(pair: Pair) -> None:
    call = begin(pair, pair.first)
    pair.first.phones["bob"].call_waiting.answer()
    pair.run()
    assert count(pair.second, "alice") == 1
    call.hangup()
    pair.run()
    assert (count(pair.first, "alice"), count(pair.second, "alice")) == (0, 0)
    assert (count(pair.first), count(pair.second)) == (0, 0)


def test_a_call_that_nobody_takes_is_not_counted_any_more(pair: Pair) -> None:
    begin(pair, pair.second)
    pair.second.phones["bob"].call_waiting.reject(486)
    pair.run()
    pair.advance(10)
    assert (count(pair.first, "alice"), count(pair.second, "alice")) == (0, 0)


def test_the_limit_holds_for_both_together(pair: Pair) -> None:
    begin(pair, pair.first)
    begin(pair, pair.second)
    assert begin(pair, pair.first).status == 403
    assert begin(pair, pair.second).status == 403
    assert "alice has 2 calls already" in pair.second.log.script
    assert begin(pair, pair.first, "bob").status != 403


def test_room_again_when_a_call_of_the_other_server_is_over(pair: Pair) -> None:
    call = begin(pair, pair.first)
    pair.first.phones["bob"].call_waiting.answer()
    begin(pair, pair.second)
    assert begin(pair, pair.second).status == 403
    call.hangup()
    pair.run()
    assert begin(pair, pair.second).status != 403


def test_a_call_whose_end_nobody_tells_is_forgotten_in_the_end(pair: Pair) -> None:
    begin(pair, pair.first)
    pair.plug(False)
    pair.first.phones["bob"].call_waiting.reject(486)
    pair.advance(43260)
    assert count(pair.first, "alice") == 0
    assert count(pair.second, "alice") == 1
    pair.advance(90 + 1)
    assert count(pair.second, "alice") == 0


def test_what_is_told_twice_counts_once(pair: Pair) -> None:
    for _ in range(2):
        assert tell(pair.first, "add", "uid-1") == "SIP/2.0 200 OK"
    assert (count(pair.first), count(pair.first, "carol")) == (1, 1)
    assert tell(pair.first, "rm", "uid-1") == "SIP/2.0 200 OK"
    assert (count(pair.first), count(pair.first, "carol")) == (0, 0)


def test_removing_what_is_not_there_is_no_mistake(pair: Pair) -> None:
    assert tell(pair.first, "rm", "uid-1") == "SIP/2.0 200 OK"


def test_nonsense_is_refused(pair: Pair) -> None:
    assert tell(pair.first, "sing", "uid-1") == "SIP/2.0 400 Bad Request"
    assert tell(pair.first, "add", "") == "SIP/2.0 400 Bad Request"


def test_strangers_are_not_believed(pair: Pair) -> None:
    assert tell(pair.first, "add", "uid-1", source="10.0.0.77") == "SIP/2.0 403 Who Are You"
    assert count(pair.first, "carol") == 0


ITEM = ("P-Caller: dave", "P-Uid: uid-9", "P-Expires: 0")


def post(server: Lab, source: str, path: str, *headers: str, body: str = "") -> tuple[int, str]:
    """Code and body of the answer to a POST that comes from an address."""
    stream = server.connect((source, 40001))
    lines = [f"POST {path} HTTP/1.1", "Host: x", *headers, f"Content-Length: {len(body)}"]
    stream.send("\r\n".join([*lines, "", body]))
    head, _, answer = stream.take().partition("\r\n\r\n")
    stream.close()
    return int(head.split()[1]), answer


def test_http_does_what_sip_does(pair: Pair) -> None:
    assert post(pair.first, "127.0.0.2", "/profile", "P-Op: add", *ITEM)[0] == 200
    assert count(pair.first, "dave") == 1
    assert post(pair.first, "127.0.0.2", "/profile", "P-Op: rm", *ITEM)[0] == 200
    assert count(pair.first, "dave") == 0
    assert post(pair.first, "127.0.0.2", "/profile", "P-Op: dance", *ITEM)[0] == 400


def test_http_is_for_the_peer_and_this_host(pair: Pair) -> None:
    assert post(pair.first, "10.0.0.77", "/profile", "P-Op: add", *ITEM)[0] == 403
    assert count(pair.first, "dave") == 0


def test_a_command_over_http_tells_the_count(pair: Pair) -> None:
    begin(pair, pair.second)
    command = {"jsonrpc": "2.0", "method": "dlg.profile_get_size", "params": ["caller", "alice"], "id": 1}
    code, answer = post(pair.first, "127.0.0.1", "/RPC", body=json.dumps(command))
    assert (code, json.loads(answer)["result"]) == (200, 1)


def test_a_command_of_one_server_tells_the_other(pair: Pair) -> None:
    """An operator's RPC on one server makes it send the request that the other one counts by."""
    headers = "\r\n".join(["From: <sip:op@example.com>", "To: <sip:peer@127.0.0.2>", "P-Op: add", *ITEM, ""])
    pair.first.rpc("tm.t_uac_start", "KDMQ", "sip:peer@127.0.0.2", ".", ".", headers)
    pair.run()
    assert count(pair.second, "dave") == 1
    assert count(pair.first, "dave") == 0
