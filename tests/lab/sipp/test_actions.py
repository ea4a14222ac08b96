"""Actions, each as a scenario uses it."""

from __future__ import annotations

import pytest

from kamscript.lab.sipp import Settings, SippError, SippResult
from tests.lab.sipp.stage import RETRANS, Stage, recv, reply, request, scenario

OPTIONS = request("OPTIONS", attributes=RETRANS, headers="X-Number: 42\nX-Two: first\nX-Two: second\n")
SERVER = scenario(recv("OPTIONS"), reply("200 OK", headers="X-Number: 42\nX-Two: first\nX-Two: second\n"))


def nop(*actions: str) -> str:
    """A <nop> that acts."""
    return f"<nop><action>{''.join(actions)}</action></nop>"


def done(stage: Stage, *actions: str, received: str = "", **options: object) -> SippResult:
    """A call that asks OPTIONS and then acts; `received` are the actions of its <recv>."""
    steps = [nop(*actions)] if actions else []
    return stage.play(scenario(OPTIONS, recv(200, "", received), *steps), SERVER, **options)


def logged(stage: Stage, *actions: str, log: str = "[$a]", received: str = "") -> str:
    """What `<log>` says at the end of the actions."""
    result = done(stage, *actions, f'<log message="{log}"/>', received=received)
    return result["client"].log[0]


@pytest.mark.parametrize(
    ("ereg", "expected"),
    [
        ('regexp="X-Number: ([0-9]+)" search_in="msg" assign_to="_,a"', "42"),
        ('regexp=".*" search_in="hdr" header="X-Number:" assign_to="a"', " 42"),
        ('regexp="[a-z]+" search_in="hdr" header="X-Two:" assign_to="a"', "first"),
        ('regexp="[a-z]+" search_in="hdr" header="X-Two:" occurrence="2" assign_to="a"', "second"),
        ('regexp="[a-z]+" search_in="hdr" header="X-Two:" occurence="2" assign_to="a"', "second"),
        ('regexp=".*" search_in="hdr" header="x-number:" case_indep="true" assign_to="a"', " 42"),
        ('regexp=".*" search_in="hdr" header="Number:" start_line="true" assign_to="a"', ""),
        ('regexp=".*" search_in="hdr" header="Number:" assign_to="a"', " 42"),
        ('regexp="(b*)(4)" search_in="msg" assign_to="_,_,a"', "4"),
        ('regexp="nothing" search_in="msg" assign_to="a"', ""),
    ],
)
def test_ereg(ereg: str, expected: str, stage: Stage) -> None:
    assert logged(stage, received=f"<ereg {ereg}/>") == expected


def test_ereg_looks_into_bodies_and_variables(stage: Stage) -> None:
    server = SERVER.replace("Content-Length: 0", "Content-Length: [len]\n\nhello world")
    received = (
        '<ereg regexp="(h.*) (w.*d)" search_in="body" check_it="true" assign_to="_,a,b"/>'
        '<ereg regexp="l+" search_in="var" variable="a" assign_to="c"/>'
    )
    client = scenario(OPTIONS, recv(200, "", received), nop('<log message="[$a] [$b] [$c]"/>'))
    assert stage.play(client, server)["client"].log == ["hello world ll"]


def test_ereg_matches_as_posix_does(stage: Stage) -> None:
    assert logged(stage, received='<ereg regexp="X|X-Number" search_in="msg" assign_to="a"/>') == "X-Number"


def test_a_failed_check_fails_the_call_which_goes_on(stage: Stage) -> None:
    result = done(
        stage, '<log message="on"/>', received='<ereg regexp="nope" search_in="msg" check_it="true" assign_to="_"/>'
    )
    assert result["client"].log == ["on"]
    assert result["client"].counts.causes == {"check": 1}
    assert result.failures[0].reason.startswith("the message does not match nope: 'SIP/2.0 200 OK")


def test_a_check_of_what_should_not_be_there(stage: Stage) -> None:
    checks = '<ereg regexp="X-Number" search_in="msg" check_it_inverse="true" assign_to="_"/>'
    assert "matches X-Number, and should not" in done(stage, received=checks).failures[0].reason


def test_a_checked_header_has_to_be_there(stage: Stage) -> None:
    checks = '<ereg regexp=".*" search_in="hdr" header="X-Nope:" check_it="true" assign_to="_"/>'
    assert done(stage, received=checks).failures[0].reason.startswith("the header X-Nope: is not there to match .*")


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ('<assign assign_to="a" value="7"/>', "7.000000"),
        ('<assign assign_to="a" value="7"/><add assign_to="a" value="1.5"/>', "8.500000"),
        ('<assign assign_to="a" value="7"/><subtract assign_to="a" value="1"/>', "6.000000"),
        ('<assign assign_to="a" value="7"/><multiply assign_to="a" value="2"/>', "14.000000"),
        ('<assign assign_to="a" value="7"/><divide assign_to="a" value="2"/>', "3.500000"),
        ('<assign assign_to="a" value="7"/><add assign_to="a" variable="a"/>', "14.000000"),
        ('<assign assign_to="a" value="7"/><divide assign_to="a" variable="_"/>', "7.000000"),
        ('<assignstr assign_to="a" value="x[service]y&lt;"/>', "xservicey<"),
        ('<assignstr assign_to="b" value="1e3"/><todouble assign_to="a" variable="b"/>', "1000.000000"),
        ('<assignstr assign_to="b" value="1x"/><todouble assign_to="a" variable="b"/>', ""),
        ('<assignstr assign_to="a" value="  x  "/><trim assign_to="a"/>', "x"),
        ('<index assign_to="a"/>', "2.000000"),
        pytest.param(
            '<gettimeofday assign_to="a,_"/>',
            "1767225600.000000",
            marks=pytest.mark.kam_lab_only("the lab's clock starts in 2026"),
        ),
        ('<sample assign_to="a" distribution="fixed" value="3"/>', "3.000000"),
        ('<assign assign_to="b" value="3"/><test assign_to="a" variable="b" compare="equal" value="3"/>', "true"),
        ('<assign assign_to="b" value="3"/><test assign_to="a" variable="b" compare="not_equal" value="3"/>', "false"),
        (
            '<assign assign_to="b" value="3"/><test assign_to="a" variable="b" compare="greater_than" value="2"/>',
            "true",
        ),
        ('<assign assign_to="b" value="3"/><test assign_to="a" variable="b" compare="less_than" value="2"/>', "false"),
        (
            '<assign assign_to="b" value="3"/>'
            '<test assign_to="a" variable="b" compare="less_than_equal" variable2="b"/>',
            "true",
        ),
        (
            '<assign assign_to="b" value="3"/>'
            '<test assign_to="a" variable="b" compare="greater_than_equal" value="4"/>',
            "false",
        ),
        ('<assignstr assign_to="b" value="x"/><strcmp assign_to="a" variable="b" value="x"/>', ""),
        ('<assignstr assign_to="b" value="x"/><strcmp assign_to="a" variable="b" value="y"/>', "-1.000000"),
        ('<assignstr assign_to="b" value="ab"/><strcmp assign_to="a" variable="b" value="a"/>', "98.000000"),
        ('<assignstr assign_to="b" value="x"/><strcmp assign_to="a" variable="b" variable2="b"/>', ""),
        (
            '<exec play_pcap_audio="a.pcap"/><exec rtp_stream="a.wav"/><rtp_echo value="1"/>'
            '<assign assign_to="a" value="1"/>',
            "1.000000",
        ),
    ],
)
def test_an_action_on_a_variable(actions: str, expected: str, stage: Stage) -> None:
    assert logged(stage, actions) == expected


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ('<test variable="a" compare="equal" value="4" check_it="true"/>', "$a is 3, and 3 == 4 is false"),
        ('<test variable="a" compare="equal" value="3" check_it_inverse="true"/>', "$a is 3, and 3 == 3 is true"),
        ('<strcmp variable="b" value="y" check_it="true"/>', "$b is 'x', not 'y'"),
        ('<strcmp variable="b" value="x" check_it_inverse="true"/>', "$b is 'x', and should not be"),
    ],
)
def test_a_checked_comparison(check: str, expected: str, stage: Stage) -> None:
    values = '<assign assign_to="a" value="3"/><assignstr assign_to="b" value="x"/>'
    result = done(stage, values, check, '<log message="[$a][$b]"/>')
    assert result.failures[0].reason.startswith(expected)


def test_jump_goes_to_a_step_by_its_number(stage: Stage) -> None:
    client = scenario(OPTIONS, recv(200, "", '<jump value="3"/>'), '<nop counter="skipped"/>', '<nop counter="here"/>')
    assert stage.play(client, SERVER)["client"].counts.counters == {"here": 1}


@pytest.mark.parametrize(("value", "message"), [(2, "leads to itself"), (9, "leads to step 9; there are steps 0 to 3")])
def test_a_jump_to_nowhere_ends_the_run(value: int, message: str, stage: Stage) -> None:
    client = scenario(OPTIONS, recv(200), nop(f'<jump value="{value}"/>'))
    with pytest.raises(SippError, match=message):
        stage.play(client, SERVER)


def test_log_and_warning(stage: Stage) -> None:
    result = done(stage, '<log message="number [call_number]"/><warning message="careful"/>', calls=2)
    assert result["client"].log == ["number 1", "number 2"]
    assert [line.partition(": ")[2] for line in result["client"].warnings] == [
        "1-1000@10.0.1.1: careful",
        "2-1000@10.0.1.1: careful",
    ]


def test_error_ends_the_run_with_its_line(stage: Stage) -> None:
    with pytest.raises(SippError, match=r"client\.xml:\d+: enough of service"):
        done(stage, '<error message="enough of [service]"/>')


def test_stop_call_fails_the_call(stage: Stage) -> None:
    result = done(stage, '<exec int_cmd="stop_call"/>', calls=2)
    assert result["client"].counts.causes == {"rejected": 2}


def test_stop_gracefully_opens_no_more_calls(stage: Stage) -> None:
    result = done(stage, '<exec int_cmd="stop_gracefully"/>', calls=5)
    assert (result["client"].calls, result.exit_code) == (1, 0)


def test_stop_now_ends_the_run(stage: Stage) -> None:
    result = done(stage, '<exec int_cmd="stop_now"/>', calls=5)
    assert (result["client"].calls, result.exit_code) == (1, 97)


@pytest.mark.parametrize(("password", "good"), [("secret", True), ("other", False)])
def test_verifyauth_and_authentication(password: str, good: bool, stage: Stage) -> None:
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth,auth-int", opaque="o"\n'
    client = scenario(
        OPTIONS,
        recv(401, 'auth="true"'),
        request("OPTIONS", 2, headers="[authentication]\n", attributes=RETRANS),
        recv(200),
    )
    server = scenario(
        recv("OPTIONS"),
        reply("401 Unauthorized", headers=challenge),
        recv("OPTIONS", "", '<verifyauth assign_to="good" username="joe" password="secret"/>'),
        '<nop next="good" test="good"/>',
        reply("403 Forbidden").replace("<send ", '<send next="end" '),
        '<label id="good"/>',
        reply("200 OK"),
        '<label id="end"/>',
        "<nop/>",
    )
    assert bool(stage.play(client, server, auth_user="joe", auth_password=password)) is good


def test_credentials_count_up_and_name_the_right_header(stage: Stage) -> None:
    client = scenario(
        OPTIONS,
        recv(407, 'auth="true"'),
        *(request("OPTIONS", n, headers="[authentication username=u password=p]\n") + recv(200) for n in (2, 3)),
    )
    challenge = 'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"\n'
    server = scenario(
        recv("OPTIONS"), reply("407 Who", headers=challenge), *(recv("OPTIONS") + reply("200 OK") for _ in (2, 3))
    )
    stage.play(client, server, settings=Settings(auth_uri="example.com")).check()
    sent = [wire.text for wire in stage.lab.network.delivered if "Proxy-Authorization: " in wire.text]
    assert [text.count(f"nc=0000000{n}") for text, n in zip(sent[::2], (1, 2), strict=True)] == [1, 1]
    assert all('uri="sip:example.com"' in text for text in sent)


def test_credentials_without_a_challenge_end_the_run(stage: Stage) -> None:
    with pytest.raises(SippError, match=r"\[authentication\] needs a challenge"):
        stage.play(scenario(request("OPTIONS", headers="[authentication]\n"), recv(200)), SERVER)


def test_a_challenge_that_is_none_ends_the_run(stage: Stage) -> None:
    client = scenario(OPTIONS, recv(401, 'auth="true"'))
    with pytest.raises(SippError, match="no digest challenge in the 401: the header is missing"):
        stage.play(client, scenario(recv("OPTIONS"), reply("401 Unauthorized")))


# -- variables


def test_global_variables_are_shared_and_preset(stage: Stage) -> None:
    client = scenario(
        '<Global variables="count"/>',
        nop('<add assign_to="count" value="1"/>'),
        OPTIONS,
        recv(200),
        nop('<log message="[$count] [$preset] [$preset]"/>'),
    )
    result = stage.play(client, SERVER, calls=3, variables={"preset": "x"})
    assert result["client"].log == ["1.000000 x x", "2.000000 x x", "3.000000 x x"]


def test_init_runs_once_before_the_calls(stage: Stage) -> None:
    client = scenario(
        '<Global variables="start"/>',
        "<init>" + nop('<assign assign_to="start" value="100"/>') + "</init>",
        nop('<add assign_to="start" value="1"/>'),
        OPTIONS,
        recv(200),
        nop('<log message="[$start]"/>'),
    )
    result = stage.play(client, SERVER, calls=2)
    assert result["client"].log == ["101.000000", "102.000000"]
    assert result["client"].calls == 2


def test_fill_and_fields(stage: Stage) -> None:
    (stage.folder / "users.csv").write_text("SEQUENTIAL\nalice;a\nbob;b\n")
    client = scenario(
        nop('<assign assign_to="n" value="7"/>'),
        OPTIONS,
        recv(200),
        nop('<log message="[field0] [field1] [fill text=abc variable=n]"/>'),
    )
    result = stage.play(client, SERVER, calls=3, inject=[stage.folder / "users.csv"])
    assert result["client"].log == ["alice a abcabca", "bob b abcabca", "alice a abcabca"]
