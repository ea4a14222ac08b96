"""The lab as a test author meets it."""

from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.module import Route
from kamscript.source import ConfigError

CONFIG = """
listen=udp:127.0.0.1:5060
alias="example.com"
debug=2
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "xlog.so"
loadmodule "textops.so"
loadmodule "corex.so"
request_route {
    route(ROUTE_IT);
    t_relay();
}
route[ROUTE_IT] {
    if ($rU =~ "^00") {
        $rU = "+" + $(rU{s.substr,2,0});
        $du = "sip:gateway.example.net";
        append_hf("X-Route: gateway\\r\\n");
        append_branch("sip:second@example.net");
        xlog("L_INFO", "out to $rU from $var(who)\\n");
        return 7;
    }
    sl_send_reply("404", "Not Found");
    exit;
}
event_route[tm:local-request] {
    drop;
}
"""


@pytest.fixture
def lab() -> Lab:
    return Lab(text=CONFIG, hosts={"gateway.example.net": "10.0.9.9"})


def test_a_route_alone_gives_its_return_code(lab: Lab) -> None:
    run = lab.route("ROUTE_IT", lab.request("INVITE", "004912345"))
    assert (run.code, run.exited, run.dropped) == (7, False, False)


def test_a_route_alone_shows_its_variables(lab: Lab) -> None:
    run = lab.route("ROUTE_IT", lab.request("INVITE", "004912345"))
    assert (run["$rU"], run["$du"], run["$avp(x)"]) == ("+4912345", "sip:gateway.example.net", None)


def test_variables_are_set_before_a_route_alone(lab: Lab) -> None:
    run = lab.route("ROUTE_IT", lab.request("INVITE", "0049"), {"$var(who)": "me"})
    assert [record.text for record in run.log] == ["out to +49 from me\n"]


def test_a_route_alone_shows_the_changed_message(lab: Lab) -> None:
    run = lab.route("ROUTE_IT", lab.request("INVITE", "0049"))
    assert run.text.startswith("INVITE sip:+49@example.com SIP/2.0\r\n")
    assert "X-Route: gateway\r\n" in run.text


def test_a_route_alone_shows_its_branches(lab: Lab) -> None:
    assert lab.route("ROUTE_IT", lab.request("INVITE", "0049")).branches == ["sip:second@example.net"]


def test_a_route_alone_shows_its_replies(lab: Lab) -> None:
    run = lab.route("ROUTE_IT", lab.request("INVITE", "bob"))
    assert (run.replies, run.exited) == (["404 Not Found"], True)


def test_what_a_route_alone_sends_reaches_nobody(lab: Lab) -> None:
    lab.route("ROUTE_IT", lab.request("INVITE", "bob"))
    lab.run()
    assert lab.ladder() == "(no messages)\n"


def test_a_missing_route_names_the_likely_one(lab: Lab) -> None:
    with pytest.raises(LookupError, match="did you mean ROUTE_IT"):
        lab.route("ROUTE_ID", lab.request("INVITE", "bob"))


def test_an_event_route_alone(lab: Lab) -> None:
    assert lab.route("tm:local-request", lab.request("BYE", "bob"), kind=Route.EVENT).dropped


def test_a_variable_that_cannot_be_written_says_so(lab: Lab) -> None:
    with pytest.raises(ValueError, match=r"\$rm"):
        lab.route("ROUTE_IT", lab.request("INVITE", "bob"), {"$rm": "BYE"})


@pytest.mark.kam_lab_only("what is sent to nobody is seen in the lab alone")
def test_names_resolve_as_the_test_says(lab: Lab) -> None:
    lab.send(lab.request("INVITE", "0049"))
    first = lab.network.unreachable[0]
    assert (str(first.target), first.text[:30]) == ("10.0.9.9:5060", "INVITE sip:+49@example.com SIP")


def test_time_passes_only_when_told(lab: Lab) -> None:
    before = lab.now
    lab.send(lab.request("INVITE", "0049"))
    assert lab.now == before
    lab.advance(minutes=2)
    assert lab.now == before + 120


@pytest.mark.kam_lab_only("what is sent to nobody is seen in the lab alone")
def test_the_server_retransmits_while_time_passes(lab: Lab) -> None:
    lab.send(lab.request("INVITE", "0049"))
    lab.advance(seconds=1.6)
    first = [wire for wire in lab.network.unreachable if "sip:+49@" in wire.text]
    times = [wire.time - lab.network.started for wire in first]
    assert times == [0.0, 0.5, 1.5]


def test_wait_jumps_to_the_moment(lab: Lab) -> None:
    alice = lab.phone("alice")
    call = alice.call("sip:0049@example.com")
    lab.wait(lambda: call.status)
    assert (call.status, lab.now - lab.network.started) == (408, 30.0)


def test_wait_tells_the_story_when_it_gives_up(lab: Lab) -> None:
    lab.phone("alice").call("sip:bob@example.com")
    with pytest.raises(AssertionError, match="404 Not Found"):
        lab.wait(lambda: False, timeout=100)


def test_rpc_answers_as_plain_values(lab: Lab) -> None:
    lab.send(lab.request("INVITE", "0049"))
    assert lab.rpc("tm.stats")["current"] == 1


@pytest.mark.kam_lab_only("what is sent to nobody is seen in the lab alone")
def test_the_same_seed_gives_the_same_messages() -> None:
    def first_line_of_relay(seed: int) -> str:
        lab = Lab(text=CONFIG, hosts={"gateway.example.net": "10.0.9.9"}, seed=seed)
        lab.send(lab.request("INVITE", "0049"))
        return lab.network.unreachable[0].text

    assert first_line_of_relay(3) == first_line_of_relay(3)


def test_two_labs_do_not_meet() -> None:
    one, two = Lab(text=CONFIG), Lab(text=CONFIG)
    one.route("ROUTE_IT", one.request("INVITE", "bob"), {"$var(who)": "one"})
    assert two.route("ROUTE_IT", two.request("INVITE", "0049"))["$var(who)"] == 0


def test_a_config_that_does_not_start_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="no_such_thing"):
        Lab(text="request_route { no_such_thing(); }")


def test_a_config_file_is_compiled_once(tmp_path: Path) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_text(CONFIG)
    assert Lab(path).program is Lab(path).program


def test_a_changed_config_file_is_compiled_again(tmp_path: Path) -> None:
    path = tmp_path / "kamailio.cfg"
    path.write_text(CONFIG)
    before = Lab(path).program
    path.write_text(CONFIG + "\n# changed\n")
    assert Lab(path).program is not before
