"""What a call does: SIPp's rules of what is expected, sent again and given up, in virtual time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from kamscript.lab.sipp import Settings, SippError, SippResult
from tests.lab.sipp.stage import (
    ACK,
    ANSWER,
    BYE,
    INVITE,
    OPTIONAL,
    RETRANS,
    TRYING,
    UAS,
    Stage,
    answering,
    call,
    recv,
    reply,
    request,
    scenario,
)

DEAF = "listen=udp:127.0.0.1:5060\nrequest_route { drop; }\n"
STATELESS = (
    f'listen=udp:127.0.0.1:5060\nloadmodule "pv.so"\nrequest_route {{ $du = "sip:127.0.0.1:{UAS}"; forward(); }}\n'
)
RINGING = recv(180, OPTIONAL)
OPTIONS = request("OPTIONS", attributes=RETRANS)


@pytest.fixture
def stateless(tmp_path: Path) -> Stage:
    """A proxy that remembers nothing."""
    return Stage(tmp_path, STATELESS)


@pytest.fixture
def deaf(tmp_path: Path) -> Stage:
    """A server that never answers."""
    return Stage(tmp_path, DEAF)


def firsts(stage: Stage, *, to: int = 0, source: str = "") -> list[str]:
    """First lines of the messages to a port, or from an address."""
    wires = stage.lab.network.delivered
    chosen = [wire for wire in wires if wire.target.port == to or wire.source.ip == source]
    return [wire.text.split("\r\n")[0].removeprefix("SIP/2.0 ").removesuffix(" SIP/2.0") for wire in chosen]


def reason(result: SippResult) -> str:
    """Why the only call that failed did."""
    assert result.failed == 1, result
    return result.failures[0].reason


def test_a_call_from_end_to_end(stage: Stage) -> None:
    result = stage.play(call(), answering(), calls=3)
    assert result
    assert [(one.name, one.calls, one.successful, one.failed) for one in result.scenarios] == [
        ("client", 3, 3, 0),
        ("server", 3, 3, 0),
    ]
    assert result.exit_code == 0


def test_calls_begin_at_the_rate(stage: Stage) -> None:
    stage.play(OPTIONS_CALL, ANSWERS_OPTIONS, calls=4, rate=5)
    times = [
        wire.time - stage.lab.network.started for wire in stage.lab.network.delivered if wire.source.ip == "10.0.1.1"
    ]
    assert [round(time, 3) for time in times] == [0.2, 0.4, 0.6, 0.8]


OPTIONS_CALL = scenario(OPTIONS, recv(200))
ANSWERS_OPTIONS = scenario(recv("OPTIONS"), reply("200 OK"))


def test_no_more_calls_are_open_than_the_limit(stage: Stage) -> None:
    result = stage.play(call('<pause milliseconds="5000"/>'), answering(), calls=6, limit=2, rate=100)
    assert result["client"].counts.peak == 2
    assert result


# -- sending again


def test_an_invite_is_sent_again_in_growing_intervals(deaf: Stage) -> None:
    result = deaf.play(scenario(INVITE, recv(200), ACK))
    times = [wire.time for wire in deaf.lab.network.delivered]
    assert [round(b - a, 3) for a, b in pairwise(times)] == [0.5, 1, 2, 4, 8]
    assert reason(result).startswith("INVITE was never answered, after 5 retransmissions (")
    assert result["client"].counts.retransmissions == 5
    assert round(result.failures[0].trace[-1].time - times[-1], 3) == 0


def test_another_request_is_sent_again_up_to_t2(deaf: Stage) -> None:
    deaf.play(OPTIONS_CALL)
    times = [wire.time for wire in deaf.lab.network.delivered]
    assert [round(b - a, 3) for a, b in pairwise(times)] == [0.5, 1, 2, 4, 4, 4, 4, 4, 4]


@pytest.mark.parametrize(
    ("settings", "messages"),
    [(Settings(retransmit=False), 1), (Settings(max_retrans=2), 3), (Settings(max_non_invite_retrans=1), 2)],
)
def test_options_change_how_often(settings: Settings, messages: int, deaf: Stage) -> None:
    result = deaf.play(OPTIONS_CALL, settings=settings)
    assert len(deaf.lab.network.delivered) == messages
    assert not result


def test_without_retrans_nothing_is_sent_again(deaf: Stage) -> None:
    result = deaf.play(scenario(request("OPTIONS"), recv(200)))
    assert len(deaf.lab.network.delivered) == 1
    assert reason(result) == f"waits for 200 for ever ({deaf.folder}/client.xml:15)"


def test_a_200_is_sent_again_until_the_ack_comes(stage: Stage) -> None:
    result = stage.play(
        scenario(INVITE, TRYING, ANSWER, '<pause milliseconds="2000"/>', ACK, BYE, recv(200)), answering()
    )
    assert firsts(stage, source="127.0.0.1").count("200 OK") > 4
    assert result["server"].counts.retransmissions == 2
    assert result


def test_a_repeated_message_is_answered_by_what_answered_it_before(stage: Stage) -> None:
    server = scenario(recv("OPTIONS"), reply("200 OK", attributes='lost="50"'), '<timewait milliseconds="30000"/>')
    result = stage.play(OPTIONS_CALL, server, calls=20)
    assert result
    assert result["server"].counts.retransmissions > 5


def test_the_next_request_waits_for_the_answer_to_the_one_before(stage: Stage) -> None:
    result = stage.play(
        scenario(OPTIONS, request("MESSAGE", 2, attributes=RETRANS), recv(200)),
        scenario(recv("OPTIONS"), '<pause milliseconds="300"/>', reply("200 OK"), recv("MESSAGE"), reply("200 OK")),
        settings=Settings(max_retrans=2),
    )
    assert "MESSAGE" not in "".join(firsts(stage, to=UAS))
    assert not result


def test_ontimeout_of_a_send_goes_on_at_its_label(deaf: Stage) -> None:
    asks = request("OPTIONS", attributes=f'{RETRANS} ontimeout="gone"')
    result = deaf.play(scenario(asks, recv(200), '<label id="gone"/>', '<nop counter="gone"/>'))
    assert result
    assert result["client"].counts.counters == {"gone": 1}


# -- what comes


def test_optional_messages_may_come_or_not(stage: Stage) -> None:
    assert stage.play(call(), answering().replace("<send", reply("180 Ringing") + "<send", 1))


def test_an_unexpected_reply_fails_the_call_and_is_acknowledged(stage: Stage) -> None:
    result = stage.play(call(), scenario(recv("INVITE"), reply("486 Busy Here"), recv("ACK")))
    assert reason(result).startswith("unexpected 486 Busy Here while waiting for 180 or 200 (")
    assert firsts(stage, source="10.0.1.1")[-1].startswith("ACK ")
    assert result["client"].counts.causes == {"unexpected message": 1}
    assert result["server"].successful == 1


def test_a_call_given_up_in_the_middle_is_ended_by_bye(stage: Stage) -> None:
    client = scenario(INVITE, TRYING, ANSWER, ACK, recv("INFO", 'timeout="1000"'))
    result = stage.play(client, answering())
    assert reason(result).startswith("no INFO within 1 seconds (")
    assert firsts(stage, to=UAS)[-1].startswith("BYE ")
    assert result["server"].successful == 1


def test_a_call_given_up_while_it_rings_is_cancelled(stage: Stage) -> None:
    server = scenario(recv("INVITE"), reply("180 Ringing"), recv("CANCEL"), reply("200 OK"))
    result = stage.play(scenario(INVITE, TRYING, RINGING, recv(200, 'timeout="2000"'), ACK), server)
    assert reason(result).startswith("no 200 within 2 seconds (")
    assert firsts(stage, to=UAS)[-1].startswith("CANCEL ")


def test_without_default_behaviors_nothing_is_sent_for_a_call_given_up(stage: Stage) -> None:
    server = scenario(recv("INVITE"), reply("180 Ringing"), recv("CANCEL", 'timeout="5000"'), reply("200 OK"))
    client = scenario(INVITE, TRYING, RINGING, recv(200, 'timeout="2000"'), ACK)
    stage.play(client, server, settings=Settings(behaviors=frozenset()))
    assert [line.split(" ")[0] for line in firsts(stage, to=UAS)] == ["INVITE"]


def test_without_abortunexp_a_call_goes_on(stage: Stage) -> None:
    result = stage.play(
        scenario(request("OPTIONS"), recv(404, 'timeout="1000" ontimeout="end"'), '<label id="end"/>', "<nop/>"),
        ANSWERS_OPTIONS,
        settings=Settings(behaviors=frozenset({"bye"})),
    )
    assert result
    assert result["client"].counts.unexpected == 1


def test_an_unexpected_bye_is_answered_and_ends_the_call(stage: Stage) -> None:
    server = scenario(
        recv("INVITE", 'rrs="true"', '<ereg regexp="tag=(.*)" search_in="hdr" header="From:" assign_to="_,tag"/>'),
        reply("200 OK", attributes=RETRANS),
        recv("ACK"),
        request("BYE", attributes=RETRANS, headers="[routes]\n")
        .replace("BYE sip:[service]@[remote_ip]:[remote_port]", "BYE [next_url]")
        .replace("To: <sip:[service]@[remote_ip]:[remote_port]>", "To: <sip:a@x>;tag=[$tag]"),
        recv(200),
    )
    result = stage.play(call('<pause milliseconds="9000"/>'), server)
    assert reason(result).startswith("unexpected BYE sip:a@10.0.1.1:5060 SIP/2.0 at pause (")
    assert result["server"].successful == 1


@pytest.mark.kam_lab_only("a BYE of the first run may reach the second")
def test_messages_during_a_pause_may_be_ignored(stage: Stage) -> None:
    server = scenario(recv("OPTIONS"), reply("180 Ringing"), reply("200 OK"))
    client = scenario(
        OPTIONS, '<pause milliseconds="100"/>', recv(200, 'timeout="300" ontimeout="x"'), '<label id="x"/>', "<nop/>"
    )
    assert not stage.play(client, server)
    assert stage.play(client, server, settings=Settings(pause_msg_ign=True, retransmit=False))


def test_global_messages_may_come_later(stage: Stage) -> None:
    server = scenario(
        recv("OPTIONS"), reply("200 OK"), recv("MESSAGE"), reply("200 OK"), '<pause milliseconds="100"/>',
        reply("183 Late"),
    )  # fmt: skip
    client = scenario(
        OPTIONS, recv(183, 'optional="global"'), recv(200), request("MESSAGE", 2, attributes=RETRANS), recv(200),
        '<pause milliseconds="500"/>',
    )  # fmt: skip
    assert stage.play(client, server)


def test_timeout_without_a_message_goes_to_the_label(stage: Stage) -> None:
    client = scenario(
        request("OPTIONS"), recv(404, 'timeout="700" ontimeout="none"'), '<label id="none"/>', '<nop counter="none"/>'
    )
    result = stage.play(client, scenario(recv("OPTIONS"), '<pause milliseconds="1000"/>', reply("200 OK")))
    assert result["client"].counts.counters == {"none": 1}
    assert round(result["client"].counts.call_lengths.mean, 3) == 0.7


def test_a_label_at_the_end_for_a_timeout_is_a_failure_as_in_sipp(stage: Stage) -> None:
    client = scenario(request("MESSAGE"), recv(200, 'timeout="700" ontimeout="end"'), '<label id="end"/>')
    assert reason(stage.play(client, scenario(recv("MESSAGE"), '<pause milliseconds="2000"/>', reply("200 OK"))))


def test_a_repeated_message_of_a_call_that_is_over_counts_as_such(stateless: Stage) -> None:
    deaf = OPTIONS_CALL.replace('response="200" ', 'response="200" lost="100" ')
    result = stateless.play(deaf, ANSWERS_OPTIONS, settings=Settings(max_retrans=2))
    assert (result["server"].calls, result["server"].counts.dead_call) == (1, 2)


def test_ended_calls_are_remembered_for_a_while_only(stateless: Stage) -> None:
    deaf = OPTIONS_CALL.replace('response="200" ', 'response="200" lost="100" ')
    result = stateless.play(deaf, ANSWERS_OPTIONS, settings=Settings(max_retrans=2, deadcall_wait=0))
    assert result["server"].calls == 3


def test_a_message_of_no_call_is_discarded(stage: Stage) -> None:
    stage.lab.timers.after(0.5, lambda: _stray(stage, "OPTIONS"))
    result = stage.play(call('<pause milliseconds="1000"/>'), answering())
    assert result["client"].counts.out_of_call == 1
    assert result


def test_aa_answers_what_nobody_expects(stage: Stage) -> None:
    stage.lab.timers.after(0.5, lambda: _stray(stage, "OPTIONS"))
    result = stage.play(call('<pause milliseconds="1000"/>'), answering(), settings=Settings(auto_answer=True))
    assert result["client"].counts.auto_answered == 1
    assert "SIP/2.0 200 OK" in [wire.text.split("\r\n")[0] for wire in stage.lab.network.unreachable]


def _stray(stage: Stage, method: str) -> None:
    from kamscript.lab.network import Address

    text = (
        f"{method} sip:a@10.0.1.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK1\r\nFrom: <sip:x@y>;tag=1\r\n"
        f"To: <sip:a@b>\r\nCall-ID: stray\r\nCSeq: 1 {method}\r\n\r\n"
    )
    stage.lab.network.send(text, "udp", Address("10.9.9.9", 5060), Address("10.0.1.1", 5060))


# -- branching


def test_next_with_a_test(stage: Stage) -> None:
    server = scenario(
        recv("OPTIONS", "", '<ereg regexp="X-Go: yes" search_in="msg" assign_to="go"/>'),
        '<nop next="good" test="go"/>',
        reply("403 No").replace("<send ", '<send next="end" '),
        '<label id="good"/>',
        reply("200 OK"),
        '<label id="end"/>',
        "<nop/>",
    )
    assert stage.play(OPTIONS_CALL.replace("CSeq:", "X-Go: yes\nCSeq:"), server)
    assert not stage.play(OPTIONS_CALL, server)


def test_chance_decides_by_the_seed(stage: Stage) -> None:
    client = scenario(
        '<nop next="right" chance="0.3"/>',
        '<nop counter="left" next="ask"/>',
        '<label id="right"/>',
        '<nop counter="right"/>',
        '<label id="ask"/>',
        OPTIONS,
        recv(200),
    )
    counters = stage.play(client, ANSWERS_OPTIONS, calls=200, rate=1000)["client"].counts.counters
    assert counters["left"] + counters["right"] == 200
    assert 40 <= counters["right"] <= 80
    again = Stage(stage.folder)
    assert again.play(client, ANSWERS_OPTIONS, calls=200, rate=1000)["client"].counts.counters == counters


def test_condexec_skips_a_step(stage: Stage) -> None:
    client = scenario(
        '<nop condexec="on" counter="never"/>',
        '<nop condexec="on" condexec_inverse="true" counter="always"/>',
        OPTIONS,
        recv(200),
    )
    assert stage.play(client, ANSWERS_OPTIONS)["client"].counts.counters == {"always": 1}


def test_a_circle_without_a_pause_is_told(stage: Stage) -> None:
    client = scenario(OPTIONS, recv(200), '<label id="a"/>', '<nop next="a"/>')
    with pytest.raises(SippError, match=r"client\.xml:\d+: the call goes round in a circle"):
        stage.play(client, ANSWERS_OPTIONS)


# -- routes, losses, times


def test_routes_and_the_next_url(stage: Stage) -> None:
    within = [
        request(method, cseq, headers="[routes]\n", to="[peer_tag_param]", attributes=attributes).replace(
            f"{method} sip:[service]@[remote_ip]:[remote_port]", f"{method} [next_url]"
        )
        for method, cseq, attributes in (("ACK", 1, ""), ("BYE", 2, RETRANS))
    ]
    assert stage.play(scenario(INVITE, TRYING, RINGING, ANSWER, within[0], within[1], recv(200)), answering())
    bye = next(wire.text for wire in stage.lab.network.delivered if wire.text.startswith("BYE"))
    assert bye.startswith("BYE sip:b@127.0.0.1:5071 SIP/2.0")
    assert "\r\nRoute: <sip:127.0.0.1;lr" in bye


def test_a_strict_router_becomes_the_target(stage: Stage) -> None:
    answers = reply("200 OK", headers="Record-Route: <sip:last.example.com;lr>, <sip:strict.example.com>\n")
    result = stage.play(
        scenario(OPTIONS, recv(200, 'rrs="true"'), '<nop><action><log message="[next_url] [routes]"/></action></nop>'),
        scenario(recv("OPTIONS"), answers.replace("[last_Record-Route:]\n", "")),
    )
    assert result["client"].log == ["sip:strict.example.com Route: <sip:last.example.com;lr>, <sip:b@127.0.0.1:5071>"]


@pytest.mark.kam_lab_only("which of several calls comes first depends on the machine")
def test_lost_messages_are_counted(stage: Stage) -> None:
    result = stage.play(OPTIONS_CALL.replace("<send ", '<send lost="40" '), ANSWERS_OPTIONS, calls=30)
    assert result
    assert result["client"].steps[0].losses > 5


@pytest.mark.kam_lab_only("it looks at times by the millisecond")
def test_response_times(stage: Stage) -> None:
    client = scenario(
        request("OPTIONS", attributes='start_rtd="asked"'),
        recv(200, 'rtd="asked"'),
        '<ResponseTimeRepartition value="100, 1000"/>',
    )
    server = scenario(recv("OPTIONS"), '<pause milliseconds="250"/>', reply("200 OK"))
    times = stage.play(client, server, calls=2)["client"].counts.response_times["asked"]
    assert (times.count, round(times.mean, 3), times.buckets) == (2, 0.25, [0, 2, 0])


@pytest.mark.parametrize(
    ("pause", "low", "high"),
    [
        ('milliseconds="1500"', 1.5, 1.5),
        ('distribution="fixed" value="1500"', 1.5, 1.5),
        ('distribution="uniform" min="1000" max="2000"', 1, 2),
        ('min="1000" max="2000"', 1, 2),
        ('distribution="normal" mean="1000" stdev="10"', 0.9, 1.1),
        ('distribution="lognormal" mean="7" stdev="0.01"', 1, 1.2),
        ('distribution="exponential" mean="1000"', 0, 20),
        ('distribution="weibull" lambda="1000" k="50"', 0.7, 1.2),
        ('distribution="pareto" k="50" x_m="1000"', 1, 2),
        ('distribution="gpareto" shape="0.1" scale="10" location="1000"', 1, 1.5),
        ('distribution="gamma" k="1000" theta="1"', 0.8, 1.2),
        ('distribution="negbin" n="1000" p="0.5"', 0.7, 1.3),
        ("", 0.7, 0.7),
    ],
)
@pytest.mark.kam_lab_only("it looks at times by the millisecond")
def test_how_long_a_pause_is(pause: str, low: float, high: float, stage: Stage) -> None:
    result = stage.play(scenario(OPTIONS, recv(200), f"<pause {pause}/>"), ANSWERS_OPTIONS, calls=5, duration=700)
    assert low - 0.002 <= result["client"].counts.call_lengths.shortest
    assert result["client"].counts.call_lengths.longest <= high + 0.002


def test_a_pause_of_twelve_hours_takes_no_time(stage: Stage) -> None:
    result = stage.play(call('<pause milliseconds="43200000"/>'), answering())
    assert result
    assert result.seconds > 43200


def test_a_label_takes_what_nothing_else_takes_and_the_call_goes_on(stage: Stage) -> None:
    inform = request("INFO", 2, to="[peer_tag_param]", attributes=RETRANS)
    client = call(inform, recv(200), '<pause milliseconds="500"/>').replace("CSeq: 2 BYE", "CSeq: 3 BYE")
    server = scenario(
        recv("INVITE"),
        reply("200 OK", attributes=RETRANS),
        recv("ACK"),
        '<pause milliseconds="1000"/>',
        '<label id="bye"/>',
        recv("BYE", 'next="end"', '<log message="[$_unexp.retaddr]|"/>'),
        '<label id="_unexp.main"/>',
        recv(".*", 'regexp_match="true"'),
        reply("200 OK", tag=""),
        '<nop><action><log message="[$_unexp.retaddr]"/><pauserestore value="0"/><assign assign_to="on" value="4"/>'
        '<assign assign_to="_unexp.retaddr" value="0"/><jump variable="on"/></action></nop>',
        '<label id="end"/>',
        reply("200 OK", tag=""),
    )
    result = stage.play(client, server)
    assert result, result
    assert result["server"].log == ["3.000000", "|"]
