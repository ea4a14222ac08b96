"""`kamscript replay`: captures that the tests write, through the same config, and through one that changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kamscript.cli import main
from kamscript.lab import Lab

from .captures import LINKS, of_lab, of_messages, pcap, pcapng, tcp

REGISTRAR = Path(__file__).parents[2] / "examples" / "registrar" / "kamailio.cfg"
CONFIG = REGISTRAR.read_text("utf-8")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "kamailio.cfg"
    path.write_text(CONFIG, "utf-8")
    return path


def calls(config: Path, seed: int = 7) -> Lab:
    """Calls that are answered, cancelled, and not answered; another seed than the replay's: other branches and tags."""
    lab = Lab(config, seed=seed)
    alice, bob = lab.phone("alice"), lab.phone("bob")
    bob.register()
    call = alice.call(bob)
    bob.call_waiting.ring()
    lab.advance(2)
    bob.call_waiting.answer()
    lab.advance(10)
    bob.call_waiting.hangup()
    call = alice.call(bob)
    bob.call_waiting.ring()
    call.cancel()
    call = alice.call(bob)
    bob.call_waiting.ring()
    lab.advance(40)
    alice.call("nobody")
    lab.advance(10)
    return lab


def captured(tmp_path: Path, lab: Lab, make: Any = pcap) -> str:
    path = tmp_path / "calls.pcap"
    path.write_bytes(make(of_lab(lab)))
    return str(path)


def told(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    status = main(["replay", *map(str, words)])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize("make", [pcap, pcapng])
def test_the_same_config_does_the_same(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], make: Any
) -> None:
    status, out, _ = told(capsys, config, captured(tmp_path, calls(config), make))
    assert out.splitlines()[-1].endswith("0 changed, 0 missing, 0 new"), out
    assert status == 0
    assert out.startswith("server 127.0.0.1:5060 (the busiest; --server says another)\n")
    assert "log INFO: <script>: no phone of nobody is registered" in out


def test_another_reply_is_a_difference(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = captured(tmp_path, calls(config))
    config.write_text(CONFIG.replace('sl_send_reply("404", "Not Found")', 'sl_send_reply("604", "Nowhere")'), "utf-8")
    status, out, _ = told(capsys, config, capture, "--only-differences")
    assert status == 1
    shown = [line.strip() for line in out.splitlines()]
    assert "~ 604 Nowhere (INVITE) to 10.0.0.1:5060" in shown
    assert "status: 404 in the capture, now 604" in shown
    assert "#1 " not in out


def test_another_place_is_a_difference(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = captured(tmp_path, calls(config))
    changed = CONFIG.replace(
        "route[RELAY] {", 'route[RELAY] {\n    if (is_method("INVITE")) $du = "sip:10.0.0.7:5070";'
    )
    config.write_text(changed, "utf-8")
    status, out, _ = told(capsys, config, capture)
    assert status == 1
    assert "destination: 10.0.0.2:5060 in the capture, now 10.0.0.7:5070" in out
    assert "[nobody there]" in out


def test_record_route_and_request_uri_are_compared(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = captured(tmp_path, calls(config))
    changed = CONFIG.replace("    record_route();\n", "")
    changed = changed.replace('t_on_failure("NO_ANSWER");', 't_on_failure("NO_ANSWER"); $rU = "x";')
    config.write_text(changed, "utf-8")
    _, out, _ = told(capsys, config, capture)
    assert "Record-Route: <sip:127.0.0.1;lr;ftag=alice1> in the capture, now (none)" in out
    assert "request URI: sip:bob@10.0.0.2:5060 in the capture, now sip:x@10.0.0.2:5060" in out


def test_what_is_no_longer_sent_and_the_replies_to_it(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = captured(tmp_path, calls(config))
    config.write_text(CONFIG.replace("    record_route();", '    sl_send_reply("503", "Closed"); exit;'), "utf-8")
    status, out, _ = told(capsys, config, capture)
    assert status == 1
    assert "- INVITE sip:bob@10.0.0.2:5060 to 10.0.0.2:5060   (only in the capture)" in out
    assert "left out: the config sent nothing that it answers" in out


def test_json_for_programs(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = told(capsys, config, captured(tmp_path, calls(config)), "--format", "json")
    report = json.loads(out)
    assert status == 0
    assert report["summary"]["changed"] == report["summary"]["missing"] == report["summary"]["new"] == 0
    assert report["summary"]["same"] == sum(len(message["sent"]) for message in report["messages"])
    register = report["messages"][0]
    assert (register["message"], register["source"]) == ("REGISTER sip:example.com", "10.0.0.2:5060")
    assert register["sent"][0]["now"]["message"] == "200 OK (REGISTER)"


def test_a_server_that_sat_elsewhere(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = tmp_path / "there.cfg"
    elsewhere.write_text(CONFIG.replace("udp:127.0.0.1:5060", "udp:192.0.2.5:5080"), "utf-8")
    capture = captured(tmp_path, calls(elsewhere))
    status, out, _ = told(capsys, config, capture, "--server", "192.0.2.5")
    assert "as if it listened at udp:192.0.2.5:5080" in out
    assert out.splitlines()[-1].endswith("0 changed, 0 missing, 0 new"), out
    assert status == 0


def test_digests_count_as_the_capture_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "auth.cfg"
    config.write_text(
        """
listen=udp:127.0.0.1:5060
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "auth.so"
request_route {
    if (!pv_www_authenticate("x", "secret", "0")) { www_challenge("x", "0"); exit; }
    sl_send_reply("200", "Welcome");
}
""",
        "utf-8",
    )
    lab = Lab(config, seed=7)  # another secret than the replay's
    assert lab.phone("alice", password="secret").options().status == 200
    assert lab.phone("mallory", password="guessed").options().status == 401
    capture = captured(tmp_path, lab)
    assert told(capsys, config, capture)[0] == 0
    status, out, _ = told(capsys, config, capture, "--check-credentials")
    assert status == 1
    assert "status: 200 in the capture, now 401" in out


def test_a_message_over_tcp(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "tcp.cfg"
    config.write_text('listen=tcp:127.0.0.1:5060\nloadmodule "sl.so"\nrequest_route { sl_send_reply("200", "OK"); }\n')
    head = "\r\nVia: SIP/2.0/TCP 10.0.0.1:40000;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>{}\r\n"
    head += "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    alice, server = ("10.0.0.1", 40000), ("127.0.0.1", 5060)
    request, reply = "OPTIONS sip:a SIP/2.0" + head.format(""), "SIP/2.0 200 OK" + head.format(";tag=there")
    packets = [(1.0, tcp(alice, server, 1, request.encode())), (1.1, tcp(server, alice, 1, reply.encode()))]
    path = tmp_path / "tcp.pcap"
    path.write_bytes(pcap(packets))
    status, out, _ = told(capsys, config, path)
    assert "= 200 OK (OPTIONS) to tcp:10.0.0.1:40000" in out, out
    assert status == 0


def test_no_capture_is_told(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = told(capsys, config, config)
    assert (status, out) == (2, "")
    assert err == f"kamscript: {config}: not a capture: it begins with '#!KA'; pcap or pcapng is wanted\n"


def test_a_capture_that_is_not_there(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = told(capsys, config, tmp_path / "none.pcap")
    assert (status, err) == (2, f"kamscript: {tmp_path}/none.pcap: No such file or directory\n")


def test_a_capture_without_sip(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "audio.pcap"
    path.write_bytes(pcap(of_messages([(1.0, ("10.0.0.1", 4000), ("10.0.0.2", 4000), "\x80audio")])))
    status, _, err = told(capsys, config, path)
    assert (status, err) == (2, f"kamscript: {path}: no SIP in 1 packets (1 UDP that is no SIP)\n")


def test_a_server_that_gets_nothing(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = captured(tmp_path, calls(config))
    status, _, err = told(capsys, config, capture, "--server", "203.0.113.1:5060")
    assert status == 2
    assert err == f"kamscript: {capture}: no message goes to 203.0.113.1:5060; --server says who the server is\n"
    status, _, err = told(capsys, config, capture, "--server", "kamailio")
    assert status == 2 and "an address of the capture is wanted" in err


def test_a_config_that_does_not_load(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = captured(tmp_path, calls(config))
    config.write_text("request_route { no_such_thing(); }\n", "utf-8")
    status, _, err = told(capsys, config, capture)
    assert status == 1 and "no_such_thing" in err


def test_broken_messages_are_left_out_and_told(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.pcap"
    text = "OPTIONS sip:x SIP/2.0\r\nVia: nothing\r\n\r\n"
    lab = calls(config)
    when = lab.now
    path.write_bytes(pcap(of_lab(lab) + of_messages([(when, ("10.0.0.1", 5060), ("127.0.0.1", 5060), text)])))
    assert "note: 1 messages of the capture are broken and were left out" in told(capsys, config, path)[1]


def test_progress_on_demand(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kamscript.tools.replay._PROGRESS", 0.0)
    _, out, err = told(capsys, config, captured(tmp_path, calls(config)), "--progress")
    assert " (100 %)\n" in err
    assert "%" not in out


@pytest.mark.kamailio
def test_a_capture_of_the_real_kamailio(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from kamscript.lab.real import RealLab

    with RealLab(config) as lab:
        alice, bob = lab.phone("alice"), lab.phone("bob")
        bob.register()
        call = alice.call(bob)
        bob.call_waiting.ring()
        bob.call_waiting.answer()
        call.hangup()
        alice.call("nobody")
        capture = captured(tmp_path, lab)
    status, out, _ = told(capsys, config, capture)
    assert out.splitlines()[-1].endswith("0 changed, 0 missing, 0 new"), out
    assert status == 0


def test_every_link_type_reaches_the_config(tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packets = of_lab(calls(config))
    for link in LINKS:
        path = tmp_path / f"{link}.pcap"
        path.write_bytes(pcap(packets, link=link))
        assert told(capsys, config, path)[0] == 0
