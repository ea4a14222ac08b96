"""Runs: several scenarios at once, where they sit, when a run is over, and what a test sees of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.lab.network import Address
from kamscript.lab.sipp import ScenarioError, SeatTaken, Settings, SippError, SippParty, SippResult
from kamscript.source import Source
from tests.lab.sipp.stage import (
    ACK,
    ANSWER,
    INVITE,
    RETRANS,
    TRYING,
    UAS,
    Stage,
    call,
    proxy,
    recv,
    reply,
    request,
    scenario,
)

OPTIONS_CALL = scenario(request("OPTIONS", attributes=RETRANS), recv(200))
OUTSIDE = Address("10.0.0.99", 5060)
ANSWERS_OPTIONS = scenario(recv("OPTIONS"), reply("200 OK"))


@pytest.fixture
def lab() -> Lab:
    return Lab(text=proxy(), leaks="ignore")


@pytest.mark.parametrize(
    ("client", "server", "seconds"), [("uac", "uas", 4.2), ("regexp", "uas", 5.2), ("branchc", "branchs", 9.2)]
)
def test_builtin_scenarios_play(client: str, server: str, seconds: float, lab: Lab) -> None:
    result = lab.sipp(client, server, calls=2).check()
    assert [(one.name, one.successful) for one in result.scenarios] == [(client, 2), (server, 2)]
    assert round(result.seconds, 1) == seconds


def test_the_client_of_regexp_tells_what_it_found(lab: Lab) -> None:
    lab.sipp("regexp", "uas").check()
    ack = next(wire.text for wire in lab.network.delivered if wire.text.startswith("ACK"))
    assert "X-Address: 10.0.1.1:5060\r\nX-Contact: <sip:127.0.0.1:5071;transport=UDP>\r\n" in ack
    assert "X-Origin-User: -\r\nX-Origin-Id: 1\r\nX-Origin-Version: 1\r\n" in ack


def test_a_call_from_somebody_whom_branchs_does_not_know_is_refused(lab: Lab, tmp_path: Path) -> None:
    from kamscript.lab.sipp.scenario import builtin

    stranger = Source("stranger.xml", builtin("branchc").text.replace("ua1", "xy1").replace('"ua[', '"xy['))
    lab.sipp(SippParty(stranger), "branchs").check()
    assert any(wire.text.startswith("SIP/2.0 403 ") for wire in lab.network.delivered)


def test_several_scenarios_play_at_once(lab: Lab) -> None:
    result = lab.sipp("branchc", "uac", "branchs", "uas", "uac", calls=3).check()
    assert [(one.name, one.calls) for one in result.scenarios] == [
        ("branchc", 3),
        ("uac", 3),
        ("branchs", 3),
        ("uas", 6),
        ("uac-2", 3),
    ]


def test_a_server_without_an_address_answers_where_nobody_sits(lab: Lab) -> None:
    lab.sipp("uac", "uas").check()
    assert [str(wire.target) for wire in lab.network.delivered if wire.target.port == UAS][:1] == [f"127.0.0.1:{UAS}"]
    assert not lab.network.unreachable


def test_clients_sit_apart_and_leave_when_the_run_is_over(lab: Lab) -> None:
    lab.sipp("uac", "uac", "uas").check()
    assert {wire.source.ip for wire in lab.network.delivered} == {"127.0.0.1", "10.0.1.1", "10.0.1.2"}
    assert [party for party in lab.network.parties if party.ip.startswith("10.")] == []
    assert lab.network.everywhere is None


def test_a_party_sits_where_it_is_told(lab: Lab) -> None:
    lab.sipp(SippParty("uac", at="10.5.5.5:5065"), SippParty("uas", at=f"127.0.0.1:{UAS}")).check()
    assert Address("10.5.5.5", 5065) in {wire.source for wire in lab.network.delivered}


def test_two_cannot_sit_at_one_address(lab: Lab) -> None:
    with pytest.raises(SeatTaken, match=r"uas\.xml: kamailio sits at 127\.0\.0\.1:5060 already"):
        lab.sipp(SippParty("uas", at="127.0.0.1:5060"))
    with pytest.raises(SeatTaken, match=r"uac\.xml: uas sits at 10\.0\.0\.5:5060 already"):
        lab.sipp(SippParty("uas", at="10.0.0.5"), SippParty("uac", at="10.0.0.5"))
    lab.sipp("uac", SippParty("uas", at="10.0.0.5"), SippParty("uas", at=f"127.0.0.1:{UAS}"))  # the first has left


def test_phones_and_scenarios_meet(lab: Lab) -> None:
    bob = lab.phone("bob", ("127.0.0.1", UAS))
    bob.on_call = lambda incoming: incoming.answer()
    lab.sipp("uac").check()
    assert bob.received


def test_two_runs_of_a_lab_do_not_share_calls(lab: Lab) -> None:
    lab.sipp("uac", "uas").check()
    lab.sipp("uac", "uas").check()
    ids = {line for wire in lab.network.delivered for line in wire.text.split("\r\n") if line.startswith("Call-ID")}
    assert ids == {"Call-ID: 1-1000@10.0.1.1", "Call-ID: 1-2000@10.0.1.1"}


def test_a_run_repeats_itself() -> None:
    texts = []
    for _ in range(2):
        lab = Lab(text=proxy(), leaks="ignore")
        lab.sipp("uac", "uas", calls=3, lost=20)
        texts.append([(wire.time, wire.text) for wire in lab.network.delivered])
    assert texts[0] == texts[1]


def test_what_is_given_for_all_and_for_one(stage: Stage) -> None:
    asks = scenario(request("OPTIONS", headers="X: [who] [where]\n", attributes=RETRANS), recv(200))
    parties: list[Path | SippParty] = [
        SippParty(stage.file(asks, "one.xml"), keys={"who": "one"}, service="alice"),
        SippParty(stage.file(asks, "two.xml"), keys={"who": "two"}),
        stage.file(ANSWERS_OPTIONS, "server.xml"),
    ]
    stage.lab.sipp(*parties, keys={"where": "here"}, service="all").check()
    sent = {wire.text.split(" ")[1]: wire.text for wire in stage.lab.network.delivered if wire.source.port == 5060}
    assert "\r\nX: one here\r\n" in sent["sip:alice@127.0.0.1:5060"]
    assert "\r\nX: two here\r\n" in sent["sip:all@127.0.0.1:5060"]


def test_a_variable_for_all_has_to_be_somewhere(lab: Lab) -> None:
    with pytest.raises(ScenarioError, match="no scenario has the variable limit"):
        lab.sipp("uac", "uas", variables={"limit": "1"})


def test_rsa_sends_elsewhere(stage: Stage) -> None:
    stage.lab.sipp("uac", settings=Settings(rsa=Address("127.0.0.1", UAS), max_retrans=1))
    wire = stage.lab.network.unreachable[0]
    assert (str(wire.target), wire.text.split(" ")[1]) == (f"127.0.0.1:{UAS}", "sip:service@127.0.0.1:5060")


def test_scenarios_speak_tcp(tmp_path: Path) -> None:
    config = (
        proxy()
        .replace("listen=udp", "listen=tcp:127.0.0.1:5060\nlisten=udp")
        .replace("$var(uas);\n    t_relay", '$var(uas) + ";transport=tcp";\n    t_relay')
    )
    stage = Stage(tmp_path, config)
    stage.lab.sipp("uac", "uas", proto="tcp").check()
    assert {wire.proto for wire in stage.lab.network.delivered} == {"tcp"}
    assert stage.lab.network.delivered[0].text.split("\r\n")[1].startswith("Via: SIP/2.0/TCP ")


def test_files_are_found_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "kamailio.cfg").write_text(proxy())
    (tmp_path / "uac.xml").write_text(call('<nop><action><log message="[field0]"/></action></nop>'))
    (tmp_path / "users.csv").write_text("SEQUENTIAL\nalice\n")
    result = Lab(tmp_path / "kamailio.cfg", leaks="ignore").sipp("uac.xml", "uas", inject=["users.csv"]).check()
    assert result["uac"].log == ["alice"]


def test_files_are_found_beside_the_test(tmp_path: Path) -> None:
    (tmp_path / "options.xml").write_text(OPTIONS_CALL)
    (tmp_path / "answer.xml").write_text(ANSWERS_OPTIONS)
    (tmp_path / "test_it.py").write_text("def run(lab):\n    return lab.sipp('options.xml', 'answer.xml')\n")
    scope: dict[str, Callable[[Lab], SippResult]] = {}
    exec(compile((tmp_path / "test_it.py").read_text(), tmp_path / "test_it.py", "exec"), scope)
    scope["run"](Lab(text=proxy(), leaks="ignore")).check()


def test_a_file_that_is_not_there(lab: Lab) -> None:
    with pytest.raises(ScenarioError, match=r"nowhere\.xml:1:1: error: cannot be read: No such file or directory"):
        lab.sipp("nowhere.xml")


def test_an_unknown_option(lab: Lab) -> None:
    with pytest.raises(TypeError, match=r"lab\.sipp has no option rates"):
        lab.sipp("uac", rates=3)  # type: ignore[call-arg]


def test_no_scenario_at_all(lab: Lab) -> None:
    with pytest.raises(ValueError, match=r"lab\.sipp needs a scenario"):
        lab.sipp()


# -- the end of a run


def test_a_call_that_nothing_will_move_is_given_up(stage: Stage) -> None:
    server = scenario(recv("INVITE"), reply("200 OK"), recv("ACK"), recv("INFO", 'optional="true"'), recv("BYE"))
    result = stage.play(scenario(INVITE, TRYING, ANSWER, ACK), server)
    assert result["client"].successful == 1
    assert result.failures[0].reason.startswith("waits for INFO or BYE for ever (")
    assert result["server"].counts.causes == {"never ended": 1}


def test_the_config_that_answers_late_is_waited_for(stage: Stage) -> None:
    result = stage.play(call())  # nobody sits where the proxy sends, and tm gives up after 30 seconds
    assert result.failures[0].reason.startswith("unexpected 408 Request Timeout while waiting for 180 or 200 (")
    assert 30 < result.seconds < 31


def test_timeout_opens_no_more_calls(stage: Stage) -> None:
    result = stage.play(OPTIONS_CALL, ANSWERS_OPTIONS, calls=100, rate=1, timeout=5.5)
    assert (result["client"].calls, result.exit_code) == (5, 0)


def test_a_timeout_without_a_good_call_is_told_as_sipp_tells_it(stage: Stage) -> None:
    result = stage.play(OPTIONS_CALL, ANSWERS_OPTIONS, calls=100, rate=0.1, timeout=5)
    assert (result["client"].calls, result.exit_code) == (0, 97)


@pytest.mark.kam_lab_only("how far it is after five seconds depends on the machine")
def test_timeout_error_ends_the_run(lab: Lab) -> None:
    from kamscript.lab.sipp.play import Run, play

    with pytest.raises(SippError, match=r"uac\.xml: timed out after 5 seconds"):
        play(lab, ["uac", "uas"], Run(calls=100, rate=1, timeout=5, timeout_error=True))


def test_servers_alone_wait_until_they_are_called(stage: Stage) -> None:
    lab = stage.lab
    for number in (1, 2):
        text = lab.request("OPTIONS", "sip:bob@127.0.0.1")
        lab.timers.after(60.0 * number, lambda text=text: lab.network.send(text, "udp", OUTSIDE, lab.server_address()))  # type: ignore[misc]
    result = stage.play(server=ANSWERS_OPTIONS, calls=2).check()
    assert (result.calls, round(result.seconds)) == (2, 120)


def test_a_run_without_a_call(lab: Lab) -> None:
    result = lab.sipp("uas")
    assert (result.calls, result.exit_code, bool(result)) == (0, 99, False)
    assert str(result) == "uas: 0 calls, 0 successful, 0 failed\nthere was no call"


# -- what a test sees


@pytest.mark.kam_lab_only("it looks at times by the millisecond")
def test_a_failure_tells_the_call_message_by_message(stage: Stage) -> None:
    result = stage.play(OPTIONS_CALL, scenario(recv("OPTIONS"), reply("404 Not Found")), calls=5)
    with pytest.raises(AssertionError) as caught:
        result.check()
    text = str(caught.value)
    line = OPTIONS_CALL.split("\n").index('<recv response="200" ></recv>') + 1
    assert text.startswith(
        "not every call went well\n"
        "client: 5 calls, 0 successful, 5 failed (5 unexpected message)\n"
        "server: 5 calls, 5 successful, 0 failed\n"
        f"client: call 1 failed: unexpected 404 Not Found while waiting for 200 ({stage.folder}/client.xml:{line})\n"
        "      0.100 > OPTIONS sip:service@127.0.0.1:5060 SIP/2.0\n"
        "              Via: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bK-1000-1-0\n"
    )
    assert "      0.100 < SIP/2.0 404 Not Found\n" in text
    assert text.endswith("\n... and 2 more")
    assert len(result.failures) == 5
    assert result.failures[0].messages[1].startswith("SIP/2.0 404 Not Found\r\n")


def test_a_result_by_name(lab: Lab) -> None:
    result = lab.sipp("uac", "uas")
    assert result["uac"] is result[0]
    with pytest.raises(KeyError, match="no scenario is called bob: there are uac, uas"):
        result["bob"]


def test_the_lab_shows_the_parties_by_their_names(lab: Lab) -> None:
    lab.sipp("uac", SippParty("uas", at=f"127.0.0.1:{UAS}"))
    assert lab.ladder().split("\n")[0].split() == ["kamailio", "uac", "uas"]
