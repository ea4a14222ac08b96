"""The same scenario files with real SIPp, between it `kamscript run`: verdict and messages are the lab's.

What each party sends is compared byte for byte, after process numbers and what the server makes by chance are
normalised; of what it receives, the first lines.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from kamscript.lab import Lab
from kamscript.lab.sipp import Settings, SippOptions, SippParty
from kamscript.lab.sipp.scenario import builtin_names
from tests.lab.sipp import stage
from tests.lab.sipp.stage import ACK, ANSWER, BYE, INVITE, OPTIONAL, RETRANS, TRYING, recv, reply, request, scenario
from tests.live.servers import SIPP, Running, bound, kamscript

pytestmark = [
    pytest.mark.sipp,
    pytest.mark.skipif(
        not shutil.which("sipp") and not Path(SIPP).exists() and not os.environ.get("REQUIRE_KAMAILIO"),
        reason="needs SIPp (apt-get install sip-tester)",
    ),
]

SERVER, CLIENTS, APART = 22700, 22730, 30  # clients' ports, and how far from them their servers sit
MEDIA = {"client": 22710, "server": 22720}
#: Seconds after which a SIPp that waits for what never comes is ended; it counts as failed, as in the lab.
HANGS = 2.5


@dataclass
class Case:
    """Two scenarios. `client` and `server` are texts, or names of SIPp's own."""

    client: str
    server: str
    calls: int = 1
    client_options: list[str] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)
    keys: dict[str, str] = field(default_factory=dict)


TARGET = "ACK sip:[service]@[remote_ip]:[remote_port] SIP"
CHALLENGE = 'WWW-Authenticate: Digest realm="test", nonce="abc", qop="auth"\n'
ANSWERED = (recv("ACK", OPTIONAL), recv("BYE"), reply("200 OK", tag=""))
OK = reply("200 OK", attributes=RETRANS)
CHECKED = '<ereg regexp="^SIP/2.0 200 OK" search_in="msg" check_it="true" assign_to="_"/>'
WRONG = '<ereg regexp="no such text" search_in="msg" check_it="true" assign_to="_"/>'

CASES: dict[str, Case] = {
    "uac and uas": Case("uac", "uas", calls=3),
    "regexp": Case("regexp", "uas"),
    "branchc and branchs": Case("branchc", "branchs"),
    "a call along the route set": Case(
        scenario(
            INVITE,
            TRYING,
            recv(180, OPTIONAL),
            ANSWER,
            request("ACK", headers="[routes]\n", to="[peer_tag_param]").replace(TARGET, "ACK [next_url] SIP"),
            request("BYE", 2, headers="[routes]\n", to="[peer_tag_param]", attributes=RETRANS).replace(
                TARGET.replace("ACK", "BYE"), "BYE [next_url] SIP"
            ),
            recv(200),
        ),
        scenario(recv("INVITE"), reply("180 Ringing"), OK, *ANSWERED),
    ),
    "busy, and expected": Case(
        scenario(INVITE, TRYING, recv(486), ACK), scenario(recv("INVITE"), reply("486 Busy Here"), recv("ACK"))
    ),
    "busy, and not expected": Case(
        scenario(INVITE, TRYING, recv(200), ACK), scenario(recv("INVITE"), reply("486 Busy Here"), recv("ACK"))
    ),
    "an expression that matches": Case(
        scenario(INVITE, TRYING, recv(200, "", CHECKED), ACK, BYE, recv(200)), scenario(recv("INVITE"), OK, *ANSWERED)
    ),
    "an expression that does not match": Case(
        scenario(INVITE, TRYING, recv(200, "", WRONG), ACK, BYE, recv(200)), scenario(recv("INVITE"), OK, *ANSWERED)
    ),
    "nothing comes, and the call is given up": Case(
        scenario(INVITE, TRYING, recv(180, OPTIONAL), recv(200, 'timeout="600"'), ACK),
        scenario(recv("INVITE"), reply("180 Ringing"), recv("CANCEL", 'timeout="3000"'), reply("200 OK", tag="")),
    ),
    "nothing comes, and there is a label for it": Case(
        scenario(
            INVITE,
            TRYING,
            recv(180, OPTIONAL),
            recv(200, 'timeout="400" ontimeout="late" next="end"'),
            '<label id="late"/>',
            request("CANCEL").replace("branch=[branch]", "branch=[branch-4]"),
            recv(200),
            recv(487),
            ACK.replace("branch=[branch]", "branch=[branch-7]"),
            '<label id="end"/>',
        ),
        scenario(
            recv("INVITE"),
            reply("180 Ringing"),
            recv("CANCEL"),
            reply("200 OK"),
            reply("487 Request Terminated").replace("[last_CSeq:]", "CSeq: 1 INVITE"),
            recv("ACK"),
        ),
    ),
    "the server hangs up": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, recv("BYE"), reply("200 OK", tag="")),
        scenario(
            recv("INVITE", 'rrs="true"'),
            OK,
            recv("ACK"),
            stage.send(
                "BYE [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n[routes]\n"
                "From: <sip:b@[local_ip]>;tag=[pid]-b-[call_number]\nTo: <sip:a@[local_ip]>;tag=[$tag]\n"
                "[last_Call-ID:]\nCSeq: 1 BYE\nMax-Forwards: 70\nContent-Length: 0",
                RETRANS,
            ),
            recv(200),
        ).replace(
            '<recv request="INVITE" rrs="true">',
            '<recv request="INVITE" rrs="true"><action><ereg regexp="tag=(.*)" search_in="hdr" header="From:" '
            'assign_to="_,tag"/></action>',
        ),
    ),
    "the other side hangs up unexpectedly": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, '<pause milliseconds="1000"/>', BYE, recv(200)),
        scenario(
            recv("INVITE", 'rrs="true"'),
            OK,
            recv("ACK"),
            stage.send(
                "BYE [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n[routes]\n"
                "From: <sip:b@[local_ip]>;tag=x\nTo: <sip:a@[local_ip]>;tag=y\n"
                "[last_Call-ID:]\nCSeq: 1 BYE\nMax-Forwards: 70\nContent-Length: 0",
                RETRANS,
            ),
            recv(200),
        ),
    ),
    "digest, verified at the other side": Case(
        scenario(
            request("REGISTER", attributes=RETRANS),
            recv(401, 'auth="true"'),
            request("REGISTER", 2, attributes=RETRANS, headers="[authentication username=joe password=secret]\n"),
            recv(200),
        ),
        scenario(
            recv("REGISTER"),
            reply("401 Unauthorized", headers=CHALLENGE),
            recv("REGISTER", "", '<verifyauth assign_to="good" username="joe" password="secret"/>'),
            '<nop next="good" test="good"/>',
            reply("403 Forbidden").replace("<send ", '<send next="end" '),
            '<label id="good"/>',
            reply("200 OK"),
            '<label id="end"/>',
        ),
    ),
    "digest with the wrong password": Case(
        scenario(
            request("REGISTER", attributes=RETRANS),
            recv(401, 'auth="true"'),
            request("REGISTER", 2, attributes=RETRANS, headers="[authentication username=joe password=wrong]\n"),
            recv(200),
        ),
        scenario(
            recv("REGISTER"),
            reply("401 Unauthorized", headers=CHALLENGE),
            recv("REGISTER", "", '<verifyauth assign_to="good" username="joe" password="secret"/>'),
            '<nop next="good" test="good"/>',
            reply("403 Forbidden").replace("<send ", '<send next="end" '),
            '<label id="good"/>',
            reply("200 OK"),
            '<label id="end"/>',
        ),
    ),
    "keywords": Case(
        scenario(
            request(
                "MESSAGE",
                attributes=RETRANS,
                headers="X-Call: [call_number] [msg_index] [cseq] [cseq+5] [media_ip] [media_ip_type]\n"
                "X-audio: [media_port+2]\n"
                "X-Key: [greeting]\nX-Fill: [fill text=abc variable=n]\nX-Hex: \\x5Bno keyword\\x5D\n"
                "X-Local: [local_ip_type] [server_ip]\n[last_Nothing:]\nX-Var: [$n] [$text]|\n"
                "X-Empty: [last_Nothing]|\n",
            ).replace(
                "<send ",
                '<nop><action><assign assign_to="n" value="7"/><assignstr assign_to="text" value="a[service]b"/>'
                "</action></nop><send ",
            ),
            recv(200),
            request("MESSAGE", 2, headers="X-Last: [last_cseq_number+1] [last_Request_URI]\n[last_Contact:]\n"),
            recv(200),
        ),
        scenario(recv("MESSAGE"), reply("200 OK"), recv("MESSAGE"), reply("200 OK")),
        client_options=["-key", "greeting", "good [day]", "-s", "bob"],
        settings=Settings(service="bob"),
        keys={"greeting": "good [day]"},
    ),
    "a loop of variables": Case(
        scenario(
            '<nop><action><assign assign_to="n" value="0"/></action></nop>',
            '<label id="again"/>',
            request("OPTIONS", attributes=RETRANS).replace("CSeq: 1", "CSeq: [cseq]"),
            recv(200),
            '<nop next="again" test="more"><action><add assign_to="n" value="1"/>'
            '<test assign_to="more" variable="n" compare="less_than" value="3"/></action></nop>',
        ),
        scenario(
            *[part for _ in range(3) for part in (recv("OPTIONS"), reply("200 OK"))],
        ),
    ),
    "requests that match an expression": Case(
        scenario(request("INFO", attributes=RETRANS), recv(200)),
        scenario(recv("MESSAGE|INFO", 'regexp_match="true"'), reply("200 OK")),
    ),
    "an unexpected request": Case(
        scenario(request("INFO", attributes=RETRANS), recv(200, 'timeout="700"')),
        scenario(recv("MESSAGE"), reply("200 OK")),
        client_options=["-max_retrans", "1"],
        settings=Settings(max_retrans=1),
    ),
    "named transactions": Case(
        scenario(
            request("INVITE", attributes=f'{RETRANS} start_txn="call"'),
            recv(100, 'optional="true" response_txn="call"'),
            recv(180, 'optional="true" response_txn="call"'),
            recv(200, 'response_txn="call"'),
            request("ACK", to="[peer_tag_param]", attributes='ack_txn="call"'),
            request("BYE", 2, to="[peer_tag_param]", attributes=f'{RETRANS} start_txn="bye"'),
            recv(200, 'response_txn="bye"'),
        ),
        scenario(recv("INVITE"), reply("180 Ringing"), OK, *ANSWERED),
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("server")
    with kamscript(stage.proxy(SERVER, f"$sp + {APART}"), folder) as running:
        yield running


@pytest.mark.parametrize("name", CASES)
def test_real_sipp_and_the_lab_agree(name: str, server: Running, tmp_path: Path) -> None:
    case = CASES[name]
    files = [_file(case.client, tmp_path / "client.xml"), _file(case.server, tmp_path / "server.xml")]
    port = CLIENTS + [*CASES].index(name)  # the server may go on sending to the one before
    real = _real(case, files, tmp_path, port)
    offline = _offline(case, files, port)
    for party in ("client", "server"):
        assert offline[party].sent == real[party].sent, f"the {party} sends something else"
        heard = real[party].received
        assert offline[party].received[: len(heard)] == heard, f"the {party} receives something else"
        assert offline[party].good == real[party].good, f"the {party} judges differently"


@pytest.mark.parametrize("name", builtin_names())
def test_a_builtin_scenario_takes_the_steps_of_sipps_own(name: str, tmp_path: Path) -> None:
    from kamscript.lab.sipp.scenario import builtin, load

    ours, theirs = load(builtin(name), Settings()), load(_file(name, tmp_path / "sipp.xml"), Settings())
    assert [(step.label, step.next, step.retrans, step.optional) for step in ours.steps] == [
        (step.label, step.next, step.retrans, step.optional) for step in theirs.steps
    ]


class Seen(NamedTuple):
    """What a party found. SIPp hears nothing any more once its last call is over."""

    good: bool
    sent: list[str]
    received: list[str]


def _file(text: str, path: Path) -> Path:
    if text in builtin_names():
        text = subprocess.run([SIPP, "-sd", text], capture_output=True, check=False).stdout.decode("latin-1")
    path.write_text(text, encoding="latin-1")
    return path


def _real(case: Case, files: list[Path], folder: Path, port: int) -> dict[str, Seen]:
    common = ["-i", "127.0.0.1", "-mi", "127.0.0.1", "-m", str(case.calls), "-nostdin", "-trace_msg"]
    ports = {"client": port, "server": port + APART}
    started: dict[str, subprocess.Popen[bytes]] = {}
    logs = {party: folder / f"{party}.log" for party in ports}
    for party, file in zip(("server", "client"), reversed(files), strict=True):
        own = case.client_options if party == "client" else []
        command = [SIPP, f"127.0.0.1:{SERVER}", "-sf", str(file), "-p", str(ports[party]), *common, *own]
        command += ["-mp", str(MEDIA[party])]
        started[party] = subprocess.Popen(
            [*command, "-message_file", str(logs[party])], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        while not bound(ports[party]) and started[party].poll() is None:
            pass
    codes: dict[str, int] = {}
    for party in ("client", "server"):
        process = started[party]
        patience = HANGS if party == "server" and codes["client"] else 15.0
        try:
            output, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
        codes[party] = process.returncode
        print(party, process.returncode, output.decode("latin-1")[-1500:])
        assert logs[party].exists(), output.decode("latin-1")[-2000:]
    return {party: Seen(codes[party] == 0, *_log(logs[party], process.pid)) for party, process in started.items()}


_LOGGED = re.compile(r"^-{20,}[^\n]*\nUDP message (sent|received) ?[\[(](\d+)[\])]? ?bytes\)? ?:\n\n", re.MULTILINE)


def _log(path: Path, pid: int) -> tuple[list[str], list[str]]:
    text = path.read_bytes().decode("latin-1")
    sent: list[str] = []
    received: list[str] = []
    for match in _LOGGED.finditer(text):
        message = text[match.end() : match.end() + int(match[2])]
        (sent if match[1] == "sent" else received).append(message)
    return [_plain(message, pid) for message in sent], [_first(message, pid) for message in received]


def _offline(case: Case, files: list[Path], port: int) -> dict[str, Seen]:
    lab = Lab(text=stage.proxy(SERVER, f"$sp + {APART}"), leaks="ignore")
    ports = {"client": port, "server": port + APART}
    options: SippOptions = {"settings": case.settings}
    result = lab.sipp(
        SippParty(files[0], at=f"127.0.0.1:{port}", keys=case.keys, media_port=MEDIA["client"]),
        SippParty(files[1], at=f"127.0.0.1:{port + APART}", media_port=MEDIA["server"]),
        calls=case.calls,
        **options,
    )
    found = {}
    for number, (party, seat) in enumerate(ports.items()):
        sent = [wire.text for wire in lab.network.delivered if wire.source.port == seat]
        received = [_first(wire.text, 1000 + number) for wire in lab.network.delivered if wire.target.port == seat]
        good = bool(result[party].calls) and not result[party].failed
        found[party] = Seen(good, [_plain(text, 1000 + number) for text in sent], received)
    return found


def _first(message: str, pid: int) -> str:
    return _plain(message.split("\r\n")[0], pid).replace("1000-a-", "PID-a-").replace(f"{pid}-", "PID-")


def _plain(message: str, pid: int) -> str:
    """Without process numbers, and without what the server makes by chance."""
    message = re.sub(r"Call-ID: (\d+)-\d+@", r"Call-ID: \1-PID@", message)
    message = re.sub(rf"\b{pid}(SIPpTag|-[ab]-)", r"PID\1", message)
    message = re.sub(r"z9hG4bK-\d+-", "z9hG4bK-PID-", message)
    message = re.sub(r"z9hG4bK[0-9a-f]+\.[0-9a-f.]+", "z9hG4bK.SERVER", message)
    message = re.sub(r"(tag=)\d+((?:SIPpTag|-[ab]-)\w+)", r"\1PID\2", message)
    with contextlib.suppress(ValueError):
        message = re.sub(r'(cnonce|response)="?[0-9a-f]+"?', r"\1=CHANCE", message)
    message = message.replace("Subject: Performance Test\r\n", "")
    return re.sub(r"(Authorization: Digest )(.*)", lambda m: m[1] + _sorted(m[2]), message)


def _sorted(credentials: str) -> str:
    return ", ".join(sorted(part.strip() for part in credentials.split(",")))
