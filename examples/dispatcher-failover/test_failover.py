"""Two carriers' gateways: sharing, failover within a call, keepalives, commands."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kamscript.lab import Lab
from kamscript.lab.phone import Phone
from kamscript.lab.plugin import LabLoader

LIST = (Path(__file__).parent / "dispatcher.list").read_text("ascii")
LIST_FILE = "/etc/kamailio/dispatcher.list"
GATEWAYS = {"gw1": "10.0.1.1", "gw2": "10.0.1.2", "backup": "10.0.2.1"}
NUMBER = "sip:+4930123456@example.com"


@pytest.fixture
def sip(lab: LabLoader) -> Lab:
    """The proxy, a PBX, and gateways that answer."""
    made = lab("kamailio.cfg", files={LIST_FILE: LIST})
    made.phone("pbx", "10.0.3.1")
    for name, address in GATEWAYS.items():
        made.phone(name, address).answers()
    return made


def states(sip: Lab) -> dict[str, str]:
    """The letters that dispatcher.list shows, by duid."""
    found: dict[str, str] = {}
    for record in sip.rpc("dispatcher.list")["RECORDS"]:
        for target in record["SET"]["TARGETS"]:
            found[target["DEST"]["ATTRS"]["DUID"]] = target["DEST"]["FLAGS"]
    return found


def taken(sip: Lab) -> str:
    """Make a call and end it: which gateway took it, or the status."""
    before = {name: len(sip.phones[name].calls) for name in GATEWAYS}
    call = sip.phones["pbx"].call(NUMBER)
    if call.status != 200:
        return str(call.status)
    call.hangup()
    return next(
        name
        for name in GATEWAYS
        if len(sip.phones[name].calls) > before[name] and sip.phones[name].last_call.state == "ended"
    )


def gateways(sip: Lab) -> list[Phone]:
    return [sip.phones[name] for name in GATEWAYS]


def test_the_gateways_of_the_first_carrier_share_the_calls(sip: Lab) -> None:
    assert sorted([taken(sip), taken(sip)]) == ["gw1", "gw2"]
    assert sorted([taken(sip), taken(sip)]) == ["gw1", "gw2"]
    assert sip.phones["backup"].calls == []


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_gateway_that_fails_is_passed_by(sip: Lab, status: int) -> None:
    sip.phones["gw1"].rejects(status, ring=None)
    assert [taken(sip), taken(sip)] == ["gw2", "gw2"]


def test_a_gateway_that_is_silent_is_passed_by_after_two_seconds(sip: Lab) -> None:
    sip.phones["gw1"].silent()
    sip.phones["gw2"].silent()
    call = sip.phones["pbx"].call(NUMBER)
    sip.wait(lambda: call.status == 200, timeout=5)
    assert sip.phones["backup"].last_call.state == "confirmed"
    call.hangup()


def test_what_the_called_party_says_is_the_end_of_it(sip: Lab) -> None:
    for phone in gateways(sip):
        phone.rejects(486)
    assert sip.phones["pbx"].call(NUMBER).expect("4xx").status == 486
    assert sum(len(phone.calls) for phone in gateways(sip)) == 1


def test_a_call_that_is_given_up_goes_no_further(sip: Lab) -> None:
    for phone in gateways(sip):
        phone.rings()
    call = sip.phones["pbx"].call(NUMBER)
    call.expect(180)
    call.cancel()
    call.expect(487)
    assert sum(len(phone.calls) for phone in gateways(sip)) == 1


def test_the_second_carrier_is_the_last_resort(sip: Lab) -> None:
    sip.phones["gw1"].rejects(503, ring=None)
    sip.phones["gw2"].rejects(500, ring=None)
    assert taken(sip) == "backup"


def test_all_gateways_failed(sip: Lab) -> None:
    for phone in gateways(sip):
        phone.rejects(500, ring=None)
    call = sip.phones["pbx"].call(NUMBER)
    assert (call.status, call.replies[-1].reason) == (503, "All Gateways Failed")
    assert [len(phone.calls) for phone in gateways(sip)] == [1, 1, 1]


def test_all_gateways_are_down(sip: Lab) -> None:
    sip.rpc("dispatcher.set_state", "d", 1, "all")
    sip.rpc("dispatcher.set_state", "d", 2, "all")
    call = sip.phones["pbx"].call(NUMBER)
    assert (call.status, call.replies[-1].reason) == (503, "No Gateway")
    assert all(not phone.calls for phone in gateways(sip))


def test_two_failed_calls_take_a_gateway_out(sip: Lab) -> None:
    sip.phones["gw1"].rejects(503, ring=None)
    assert [taken(sip) for _ in range(6)] == ["gw2"] * 6
    assert len(sip.phones["gw1"].calls) == 2
    assert "sip:10.0.1.1:5060 is down" in sip.log


def test_a_gateway_under_repair_gets_no_calls(sip: Lab) -> None:
    sip.rpc("dispatcher.set_duid_state", "d", 1, "gw1")
    assert [taken(sip), taken(sip)] == ["gw2", "gw2"]
    sip.rpc("dispatcher.set_duid_state", "a", 1, "gw1")
    assert "gw1" in [taken(sip), taken(sip)]


def test_keepalives_take_a_gateway_out_and_bring_it_back(sip: Lab) -> None:
    gateway = sip.phones["gw1"]
    sip.advance(15)
    assert gateway.expect("OPTIONS")["From"].startswith("<sip:keepalive@gateway-proxy.example>")
    assert states(sip) == {"gw1": "AP", "gw2": "AP", "backup": "AP", "pbx": "AP"}

    gateway.silent()
    sip.wait(lambda: states(sip)["gw1"] == "TP", timeout=20)
    assert "is down" not in sip.log
    sip.wait(lambda: states(sip)["gw1"] == "IP", timeout=20)
    assert "sip:10.0.1.1:5060 is down" in sip.log
    assert [taken(sip) for _ in range(4)] == ["gw2"] * 4

    gateway.answers()
    sip.advance(15)
    assert states(sip)["gw1"] == "IP"  # one answer is not enough
    sip.wait(lambda: states(sip)["gw1"] == "AP", timeout=20)
    assert "sip:10.0.1.1:5060 is up again" in sip.log
    assert "gw1" in [taken(sip), taken(sip)]


def test_nobody_answers_keepalives(sip: Lab) -> None:
    for phone in gateways(sip):
        phone.silent()
    sip.advance(minutes=1)
    assert taken(sip) == "503"
    assert "no gateway is up: INVITE to +4930123456" in sip.log


@pytest.mark.parametrize(("status", "state"), [(404, "AP"), (405, "AP"), (503, "IP")])
def test_what_counts_as_an_answer_to_a_keepalive(sip: Lab, status: int, state: str) -> None:
    sip.phones["gw2"].on("OPTIONS", status)
    sip.advance(25)
    assert states(sip)["gw2"] == state


def test_a_gateway_calls_the_pbx(sip: Lab) -> None:
    pbx = sip.phones["pbx"]
    pbx.answers()
    call = sip.phones["backup"].call("sip:100@example.com")
    assert pbx.last_call.state == "confirmed"
    call.hangup()


def test_strangers_are_sent_away(sip: Lab) -> None:
    stranger = sip.phone("eve", "10.0.9.9")
    assert stranger.call(NUMBER).status == 403
    assert "10.0.9.9:5060 is neither a PBX nor a gateway" in sip.log


@pytest.fixture
def command(sip: Lab) -> Callable[..., Any]:
    """A JSON-RPC command over HTTP, from this host."""

    def run(method: str, *params: object) -> Any:
        stream = sip.connect(("127.0.0.1", 44000))
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        stream.send(f"POST /RPC HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        answer = stream.take().partition("\r\n\r\n")[2]
        stream.close()
        return json.loads(answer)

    return run


def test_a_new_gateway_comes_with_a_reload(sip: Lab, command: Callable[..., Any]) -> None:
    third = sip.phone("gw3", "10.0.1.3")
    third.answers()
    sip.server.environment.files.write(LIST_FILE, LIST + "1 sip:10.0.1.3:5060 0 0 duid=gw3\n")
    assert command("dispatcher.reload")["result"] == "Ok. Dispatcher successfully reloaded."
    for _ in range(3):
        sip.phones["pbx"].call(NUMBER).hangup()
    assert len(third.calls) == 1


def test_commands_come_from_this_host_alone(sip: Lab) -> None:
    assert sip.http("POST", "/RPC", "{}").code == 403
