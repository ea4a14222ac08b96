"""`kamscript sipp`: SIPp's options, its exit codes, what it prints and writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from kamscript.cli import main
from kamscript.lab.sipp import options
from kamscript.lab.sipp.options import OPTIONS, REFUSED, OptionError, read
from tests.lab.sipp.stage import RETRANS, UAS, call, proxy, recv, reply, request, scenario

Out = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The proxy's file, in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kamailio.cfg").write_text(proxy())
    (tmp_path / "busy.xml").write_text(scenario(recv("INVITE"), reply("486 Busy Here"), recv("ACK")))
    (tmp_path / "options.xml").write_text(scenario(request("OPTIONS", attributes=RETRANS), recv(200)))
    (tmp_path / "answer.xml").write_text(scenario(recv("OPTIONS"), reply("200 OK")))
    return "kamailio.cfg"


def sipp(*words: str | int) -> int:
    return main(["sipp", *map(str, words)])


def test_good_calls(config: str, capsys: Out) -> None:
    assert sipp(config, "-sn", "uac", "-sn", "uas", "-m", 10) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out == GOOD


GOOD = """\
uac (uac.xml)
                          Messages  Retrans  Timeout  Unexpected
  INVITE ---------->            10
  100 <----------               10
  180 <----------               10
  183 <----------                0
  200 <----------               10
  ACK ---------->               10
  pause [0 ms]                  10
  BYE ---------->               10
  200 <----------               10

uac: 10 calls, 10 successful, 0 failed
  at most 1 at once; a call took 0 ms on average, 0 to 0
  response time 1: 0 ms on average, 0 to 0

uas (uas.xml)
                          Messages  Retrans  Timeout  Unexpected
  INVITE <----------            10

  180 ---------->               10
  200 ---------->               10
  ACK <----------               10

  BYE <----------               10
  200 ---------->               10
  timewait [4000 ms]            10

uas: 10 calls, 10 successful, 0 failed
  at most 10 at once; a call took 4000 ms on average, 4000 to 4000
  response time 1: 0 ms on average, 0 to 0

"""


def test_a_call_that_fails(config: str, capsys: Out) -> None:
    assert sipp(config, "-sn", "uac", "-sf", "busy.xml") == 1
    shown = capsys.readouterr()
    assert "uac: 1 call, 0 successful, 1 failed (1 unexpected message)" in shown.out
    assert "uac: call 1 failed: unexpected 486 Busy Here while waiting for 180, 183 or 200 (uac.xml:" in shown.err
    assert "      0.100 < SIP/2.0 486 Busy Here\n" in shown.err


def test_a_scenario_that_stops_the_run(config: str, tmp_path: Path) -> None:
    (tmp_path / "stop.xml").write_text(call('<nop><action><exec int_cmd="stop_now"/></action></nop>'))
    assert sipp(config, "-sf", "stop.xml", "-sn", "uas") == 97


def test_no_call_at_all(config: str, capsys: Out) -> None:
    assert sipp(config, "-sn", "uas") == 99
    assert capsys.readouterr().err == "kamscript sipp: there was no call\n"


def test_messages_that_circulate(config: str, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kamscript.lab.lab.MAX_DELIVERIES", 3)
    assert sipp(config, "-sn", "uac", "-sn", "uas") == 255
    assert capsys.readouterr().err.startswith("kamscript sipp: messages circulate: 3 deliveries at one moment")


def test_an_address_that_is_taken(config: str, capsys: Out) -> None:
    assert sipp(config, "-sn", "uac", "-i", "127.0.0.1", "-p", 5060) == 254
    assert capsys.readouterr().err == "kamscript sipp: uac.xml: kamailio sits at 127.0.0.1:5060 already\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "kamscript sipp: a CONFIG is due: kamscript sipp kamailio.cfg -sf uac.xml\n"),
        (["kamailio.cfg"], "kamscript sipp: a scenario is due: -sf FILE or -sn NAME\n"),
        (["kamailio.cfg", "-sn", "uac", "-foo"], "kamscript sipp: unknown option -foo; kamscript sipp -h lists them\n"),
        (["kamailio.cfg", "-sn", "uac", "-recv_timout", "5"], "did you mean recv_timeout"),
        (
            ["kamailio.cfg", "-sn", "uac", "-users", "5"],
            "-users is SIPp's, and the lab does not take it: the lab has no",
        ),
        (["kamailio.cfg", "-sn", "uac", "-m", "ten"], "kamscript sipp: -m ten: a whole number is due\n"),
        (["kamailio.cfg", "-sn", "uac", "-m"], "kamscript sipp: -m needs a value\n"),
        (
            ["kamailio.cfg", "-sn", "uac", "-m", "1", "-sn", "uas", "-m", "2"],
            "-m is meant for the whole run: give it once",
        ),
        (["kamailio.cfg", "-sn", "uac", "-r", "0"], "kamscript sipp: -r 0: a number above zero is due\n"),
        (["kamailio.cfg", "-sn", "uac", "-rp", "0"], "kamscript sipp: -rp 0: a period above zero is due\n"),
        (["kamailio.cfg", "-sn", "uac", "-d", "soon"], "kamscript sipp: -d soon: a time is due, as 500, 500ms, 10s"),
        (["kamailio.cfg", "-sn", "uac", "-p", "0"], "kamscript sipp: -p 0: a port is 1 to 65535\n"),
        (["kamailio.cfg", "-sn", "uac", "-t", "tn"], "kamscript sipp: -t tn: the lab plays u1 and t1\n"),
        (["kamailio.cfg", "-sn", "uac", "-t", "x"], "kamscript sipp: -t x: u1 or t1\n"),
        (["kamailio.cfg", "-sn", "uac", "-lost", "101"], "kamscript sipp: -lost 101: 0 to 100 are due\n"),
        (["kamailio.cfg", "-sn", "uac", "-rtcheck", "x"], "kamscript sipp: -rtcheck x: full or loose\n"),
        (["kamailio.cfg", "-sn", "uac", "-key", "a"], "kamscript sipp: -key needs two values: NAME VALUE\n"),
        (["kamailio.cfg", "-sn", "uac", "-default_behaviors", "x"], "kamscript sipp: -default_behaviors x: all, none,"),
        (["kamailio.cfg", "-p", "5", "-sn", "uac", "-sn", "uas"], "kamscript sipp: -p stands behind the scenario that"),
        (["kamailio.cfg", "two.cfg"], "kamscript sipp: two.cfg: there is one CONFIG, and it is kamailio.cfg\n"),
        (["kamailio.cfg", "-sn", "nix"], "no built-in scenario is called nix"),
        (["kamailio.cfg", "-sf", "nix.xml"], "nix.xml:1:1: error: cannot be read: No such file or directory"),
        (["kamailio.cfg", "-sf", "kamailio.cfg"], "kamailio.cfg:1:1: error: a scenario begins with <?xml"),
        (["kamailio.cfg", "-sn", "uac", "-inf", "nix.csv"], "nix.csv:1:1: error: cannot be read"),
        (["nix.cfg", "-sn", "uac"], "nix.cfg:1:1: error: cannot read nix.cfg"),
        (["kamailio.cfg", "-sn", "uac", "-t", "t1"], "the config listens on no tcp socket"),
        (["kamailio.cfg", "-sn", "uac", "-set", "a", "1"], "no scenario has the variable a"),
        (["kamailio.cfg", "--host", "x", "-sn", "uac"], "kamscript sipp: --host is written NAME=ADDRESS\n"),
        (["kamailio.cfg", "--target", "7", "-sn", "uac"], "kamscript sipp: --target 7: 4.4, 5.6, 6.x or all\n"),
        (
            ["kamailio.cfg", "-sn", "uac", "-sn", "uas", "-m", "9", "-timeout", "1", "-r", "1", "-timeout_error"],
            "timed out",
        ),
        (["kamailio.cfg", "-sn", "uac", "-trace_msg", "-message_file", "no/where"], "cannot be written"),
    ],
)
def test_what_cannot_be_played(words: list[str], expected: str, config: str, capsys: Out) -> None:
    assert sipp(*words) == 255
    shown = capsys.readouterr().err
    assert expected in shown
    assert "Traceback" not in shown


def test_a_config_that_does_not_load(config: str, tmp_path: Path, capsys: Out) -> None:
    (tmp_path / "bad.cfg").write_text("request_route { t_rely(); }\n")
    assert sipp("bad.cfg", "-sn", "uac") == 255
    assert "bad.cfg:1:17: error: unknown function t_rely" in capsys.readouterr().err


def test_a_builtin_scenario_is_printed(capsys: Out) -> None:
    assert sipp("-sd", "uas") == 99
    assert '<recv request="INVITE" crlf="true"/>' in capsys.readouterr().out


def test_the_help_names_every_option(capsys: Out) -> None:
    assert sipp("-h") == 99
    shown = capsys.readouterr().out
    assert all(f" -{name} " in shown for name in OPTIONS)
    assert max(map(len, shown.split("\n"))) <= 120


def test_the_top_help_names_the_command(capsys: Out) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "sipp" in capsys.readouterr().out


@pytest.mark.sipp
def test_every_option_of_sipp_is_taken_or_refused_with_a_reason() -> None:
    import re
    import shutil
    import subprocess

    if not shutil.which("sipp"):
        pytest.skip("needs SIPp (apt-get install sip-tester)")
    text = subprocess.run(["sipp", "-h"], capture_output=True, check=False).stdout.decode("latin-1")
    names = set(re.findall(r"^   -([a-zA-Z3]\w*) *:", text, re.MULTILINE))
    assert len(names) > 90
    assert names - set(OPTIONS) - set(REFUSED) == set()
    assert set(OPTIONS) & set(REFUSED) == set()


# -- options


def test_options_belong_to_all_or_to_the_scenario_in_front() -> None:
    text = "a.cfg -sf x.xml -p 5070 -s bob -sf y.xml -i 10.0.0.9 -s eve -m 3 -key a 1 -key b 2"
    words = read(text.split())
    assert words.config == "a.cfg"
    assert words.own == [{"p": 5070, "s": "bob"}, {"i": "10.0.0.9", "s": "eve"}]
    assert words.common == {"m": 3, "key": [("a", "1"), ("b", "2")]}


def test_an_option_given_once_is_for_all() -> None:
    words = read(["a.cfg", "-sf", "x.xml", "-sf", "y.xml", "-s", "bob", "-t", "t1", "-inf", "a.csv"])
    assert (words.common, words.own) == ({"s": "bob", "inf": ["a.csv"]}, [{}, {"t": "tcp"}])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500", 500), ("500ms", 500), ("2s", 2000), ("1.5m", 90000), ("1h", 3600000)],
)
def test_times_have_units(text: str, expected: float) -> None:
    assert read(["-d", text]).common == {"d": expected}
    assert read(["-timeout", "20"]).common == {"timeout": 20000}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", {"bye", "abortunexp", "pingreply"}),
        ("none", set()),
        ("all,-bye", {"abortunexp", "pingreply"}),
        ("bye", {"bye"}),
    ],
)
def test_default_behaviors(text: str, expected: set[str]) -> None:
    assert read(["-default_behaviors", text]).common == {"default_behaviors": expected}


def test_every_kind_of_option_has_a_reader() -> None:
    kinds = {option.kind for option in OPTIONS.values()}
    assert kinds - {"scenario", "flag", "pair", "text", "list"} == set(options._READERS)
    with pytest.raises(OptionError, match="an address is due"):
        read(["-rsa", ""])


@pytest.mark.kam_lab_only("it looks at times by the millisecond")
def test_options_reach_the_scenarios(config: str, tmp_path: Path, capsys: Out) -> None:
    asks = request(
        "OPTIONS",
        headers="X: [who] [field0] [cseq] [media_ip]:[media_port] [$limit] [$limit]\n",
        attributes=RETRANS,
    )
    (tmp_path / "ask.xml").write_text(scenario(asks, recv(200), "<pause/>"))
    (tmp_path / "users.csv").write_text("SEQUENTIAL\nalice\n")
    words = "-sf ask.xml -i 10.3.3.3 -p 5099 -sf answer.xml -p 5071 -s bob -key who me -inf users.csv -base_cseq 41"
    more = "-mi 10.4.4.4 -mp 7000 -set limit 5 -cid_str %u.%p.%s%% -d 1500 -trace_msg -nostdin"
    assert sipp(config, *words.split(), *more.split()) == 0
    text = (tmp_path / "ask_messages.log").read_text()
    assert "OPTIONS sip:bob@127.0.0.1:5060 SIP/2.0\n" in text
    assert "X: me alice 41 10.4.4.4:7000 5 5\n" in text
    assert "Call-ID: 1.1000.10.3.3.3%\n" in text
    assert "SIP/2.0/UDP 10.3.3.3:5099;" in text
    assert "a call took 1500 ms on average" in capsys.readouterr().out


def test_a_call_that_is_open_when_time_is_up_may_end(config: str, tmp_path: Path, capsys: Out) -> None:
    asks = request("OPTIONS", attributes=RETRANS)
    (tmp_path / "slow.xml").write_text(scenario('<pause milliseconds="1500"/>', asks, recv(200)))
    assert sipp(config, "-sf", "slow.xml", "-sf", "answer.xml", "-timeout", 1, "-m", 5, "-r", 2) == 0
    assert "slow: 1 call, 1 successful, 0 failed" in capsys.readouterr().out


def test_a_run_that_breaks_off_leaves_its_traces(config: str, tmp_path: Path) -> None:
    ends = '<action><log message="so far"/><error message="no more"/></action>'
    (tmp_path / "ends.xml").write_text(scenario(request("OPTIONS"), recv(200).replace("></recv>", f">{ends}</recv>")))
    assert sipp(config, "-sf", "ends.xml", "-sf", "answer.xml", "-trace_logs", "-trace_screen") == 255
    assert (tmp_path / "ends_logs.log").read_text() == "so far\n"
    assert "ends: 1 call, 0 successful, 0 failed" in (tmp_path / "ends_screen.log").read_text()


def test_options_of_one_scenario_among_several(config: str, tmp_path: Path, capsys: Out) -> None:
    (tmp_path / "late.xml").write_text(scenario(recv("OPTIONS"), "<pause/>", reply("200 OK")))
    waits = ("-sf", "options.xml", "-recv_timeout", 300, "-sf", "late.xml", "-d", 500, "-recv_timeout", 1000)
    assert sipp(config, *waits) == 1
    assert "options: call 1 failed: no 200 within 0.3 seconds (options.xml:" in capsys.readouterr().err
    assert sipp(config, *waits, "-d", 100) == 0
    assert sipp(config, *waits, "-m", 1, "-m", 1) == 1


def test_cseq_begins_where_the_command_line_says(config: str, tmp_path: Path) -> None:
    asks = request("OPTIONS", headers="X: [cseq]\n", attributes=RETRANS)
    (tmp_path / "ask.xml").write_text(scenario(asks, recv(200), asks, recv(200)))
    (tmp_path / "twice.xml").write_text(scenario(recv("OPTIONS"), reply("200 OK"), recv("OPTIONS"), reply("200 OK")))
    assert sipp(config, "-sf", "ask.xml", "-sf", "twice.xml", "-base_cseq", 7, "-trace_msg") == 0
    sent = (tmp_path / "ask_messages.log").read_text()
    assert [line for line in sent.splitlines() if line.startswith("X: ")] == ["X: 7", "X: 8"]


def test_a_file_in_a_message(config: str, tmp_path: Path, capsys: Out) -> None:
    body = request("MESSAGE").replace("[len]\n", '[len]\n\n[file name="[kind].txt"][file name=b.txt]')
    (tmp_path / "message.xml").write_text(scenario(body, recv(200)))
    (tmp_path / "taken.xml").write_text(scenario(recv("MESSAGE"), reply("200 OK")))
    words = ("-sf", "message.xml", "-key", "kind", "a", "-sf", "taken.xml", "-trace_msg")
    assert sipp(config, *words) == 255
    assert "message.xml:14:25: error: b.txt cannot be read: No such file" in capsys.readouterr().err
    (tmp_path / "b.txt").write_text("two")
    assert sipp(config, *words) == 255
    assert "message.xml:3: [file]: a.txt cannot be read: No such file" in capsys.readouterr().err
    (tmp_path / "a.txt").write_text("one ")
    assert sipp(config, *words) == 0
    assert "Content-Length:     9\n\none two\n" in (tmp_path / "message_messages.log").read_text()


def test_files_of_traces(config: str, tmp_path: Path) -> None:
    (tmp_path / "log.xml").write_text(
        call('<nop><action><log message="in call [call_number]"/><warning message="hm"/></action></nop>')
    )
    words = ("-sf", "log.xml", "-sn", "uas", "-m", 2, "-trace_err", "-trace_logs", "-trace_screen")
    assert sipp(config, *words, "-screen_file", "end.log") == 0
    assert (tmp_path / "log_logs.log").read_text() == "in call 1\nin call 2\n"
    assert (tmp_path / "log_errors.log").read_text().count(": hm\n") == 2
    assert "uas: 2 calls, 2 successful, 0 failed" in (tmp_path / "uas_end.log").read_text()
    assert (tmp_path / "uas_errors.log").read_text() == ""


def test_an_error_file_holds_the_calls_that_failed(config: str, tmp_path: Path) -> None:
    assert sipp(config, "-sn", "uac", "-sf", "busy.xml", "-trace_err", "-m", 2) == 1
    assert (tmp_path / "uac_errors.log").read_text().count("> INVITE sip:service@127.0.0.1:5060 SIP/2.0") == 2


def test_names_come_from_the_command_line(config: str, tmp_path: Path) -> None:
    (tmp_path / "named.cfg").write_text(proxy().replace('"sip:127.0.0.1:" + $var(uas)', f'"sip:gw.example.com:{UAS}"'))
    assert sipp("named.cfg", "-sn", "uac", "-sn", "uas", "--host", "gw.example.com=10.9.9.9") == 0


def test_a_define_reaches_the_config(config: str, tmp_path: Path) -> None:
    (tmp_path / "with.cfg").write_text("#!ifdef REFUSE\nrequest_route { drop; }\n#!else\n" + proxy() + "#!endif\n")
    assert sipp("with.cfg", "-sn", "uac", "-sn", "uas") == 0
    assert sipp("with.cfg", "-sn", "uac", "-sn", "uas", "-A", "REFUSE") in (1, 255)


def test_a_long_run_shows_its_progress(config: str, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("kamscript.lab.sipp.command.time.monotonic", lambda: float(next(clock)))
    assert sipp(config, "-sf", "options.xml", "-sf", "answer.xml", "-m", 300, "-r", 100) == 0
    lines = capsys.readouterr().err.rstrip().split("\n")
    assert lines[0].endswith(" of the lab's time")
    assert " of 300 calls, 0 failed, " in lines[0]


def test_a_long_run_keeps_no_record(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from kamscript.lab.sipp import command

    monkeypatch.setattr(command, "_KEEP", 100)
    most = []
    look = command._Progress.look

    def watched(self: command._Progress, parties: object) -> None:
        most.append(len(self.lab.network.delivered))
        look(self, parties)  # type: ignore[arg-type]

    monkeypatch.setattr(command._Progress, "look", watched)
    assert sipp(config, "-sf", "options.xml", "-sf", "answer.xml", "-m", 500, "-r", 1000) == 0
    assert max(most) < 1000
