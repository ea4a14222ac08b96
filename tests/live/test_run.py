"""`kamscript run` as a daemon: options, log, signals, addresses."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kamscript.stores import open_database
from tests.live.servers import Running, Start, environment, kamailio, kamscript

PORT, PHONE = 22100, 22110
CONFIG = f"""
debug=2
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{PORT}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "tm.so"
request_route {{
    xlog("L_ERR", "an error of $rm\\n");
    xlog("L_INFO", "info\\n");
    xlog("L_DBG", "debug\\n");
    xlog("L_WARN", "no line end|");
    xlog("L_NOTICE", "\\n");
    sl_send_reply("200", "OK");
}}
"""


def request(headers: str = "", *, method: str = "OPTIONS", uri: str = "sip:127.0.0.1", me: str = "127.0.0.1") -> bytes:
    """A request from PHONE."""
    shown = f"[{me}]" if ":" in me else me
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {shown}:{PHONE};branch=z9hG4bK-1\r\n"
        "From: <sip:bob@127.0.0.1>;tag=a\r\nTo: <sip:bob@127.0.0.1>\r\nCall-ID: 1\r\n"
        f"CSeq: 1 {method}\r\nMax-Forwards: 70\r\n{headers}Content-Length: 0\r\n\r\n"
    ).encode()


def options(port: int = PORT, host: str = "127.0.0.1", *, me: str = "127.0.0.1", connected: bool = False) -> str:
    """Send an OPTIONS from PHONE; what came back. `connected`: nothing is taken from another address."""
    family = socket.AF_INET6 if ":" in me else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as phone:
        phone.bind((me, PHONE))
        phone.settimeout(5)
        if connected:
            phone.connect((host, port))
            phone.send(request(me=me))
        else:
            phone.sendto(request(me=me), (host, port))
        return phone.recv(65535).decode()


def command(*words: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """`kamscript run` that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "kamscript", "run", *words],
        capture_output=True, text=True, timeout=20, cwd=directory, env=environment(), check=False,
    )  # fmt: skip


# -- the log
def _script_log(server: Running) -> str:
    """What the script logged for one OPTIONS, the process's number taken out."""
    assert options().startswith("SIP/2.0 200")
    server.stop()
    log = server.log()
    at = log.index("an error of OPTIONS")
    first = log.rfind("\n", 0, at) + 1
    number = log[log.index("(", first) : log.index(")", first) + 1]
    text = log[first:].replace(number, "(pid)")
    end = text.index("|") + 1
    rest = text[end:]
    # In colours, the line before ends behind its line end.
    return text[:end].removeprefix("\033[0;39;49m") + rest[: rest.index("\n") + 1]


@pytest.mark.kamailio
@pytest.mark.parametrize(
    "changes",
    [
        "",
        "debug=3\nlog_prefix_mode=1\nlog_prefix=\"{$rm $ci} \"",
        "log_color=yes",
        'modparam("xlog", "prefix", "mine: ")',
        'log_color=yes\nmodparam("xlog", "log_colors", "l_err=Yr;l_info=cb")',
    ],
    ids=["plain", "prefix of each line", "colours", "prefix of xlog", "colours of xlog"],
)  # fmt: skip
def test_log_lines_look_like_the_daemons(tmp_path: Path, changes: str) -> None:
    """Level, prefix, colours, line ends: all that stands between the process number and the text."""
    logs = []
    for start in (kamailio, kamscript):
        directory = tmp_path / start.__name__
        directory.mkdir()
        with start(f"{CONFIG}\n{changes}\n", directory, ports=(PORT,)) as server:
            log = _script_log(server)
            logs.append([line for line in log.splitlines(keepends=True) if "[" not in line.replace("\033[", "")])
    assert logs[1] == logs[0]


def test_without_e_the_log_goes_to_syslog(tmp_path: Path) -> None:
    with kamscript(CONFIG, tmp_path, stderr=False) as server:
        assert options().startswith("SIP/2.0 200")
        server.stop()
        assert "an error" not in server.log()


def test_d_raises_the_level_from_nothing(tmp_path: Path) -> None:
    """As in Kamailio: -ddd is level 3, whatever the config says, and -d is 1."""
    with kamscript(CONFIG, tmp_path, "-ddd") as server:
        options()
        assert ": debug\n" in server.wait_for(": debug\n")
    with kamscript(CONFIG, tmp_path, "-d") as server:
        options()
        server.stop()
        assert ": info\n" not in server.log()


# -- life
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    pidfile = tmp_path / "pid"
    with kamscript(CONFIG, tmp_path, "-P", str(pidfile), "-G", "pgid") as server:
        assert pidfile.read_text() == f"{server.process.pid}\n"
        assert (tmp_path / "pgid").exists()
        assert server.stop(number) == 0
        assert "Thank you for flying kamailio!!!" in server.log()
        assert not pidfile.exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE])
def test_other_signals_do_not(tmp_path: Path, number: signal.Signals) -> None:
    with kamscript(CONFIG, tmp_path) as server:
        server.process.send_signal(number)
        assert options().startswith("SIP/2.0 200")
        assert server.stop() == 0


def test_locations_are_written_when_it_stops(tmp_path: Path) -> None:
    """Modules get the chance to write what must be kept."""
    config = f"""
debug=0
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{PORT}
loadmodule "db_sqlite.so"
loadmodule "sl.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "db_mode", 2)
modparam("usrloc", "timer_interval", 3600)
modparam("usrloc", "db_url", "sqlite://{tmp_path}/location.db")
request_route {{ save("location"); }}
"""
    open_database(f"sqlite://{tmp_path}/location.db", lambda level, text: None).create_all(["location"])
    with kamscript(config, tmp_path) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", PHONE))
        phone.settimeout(5)
        contact = "Contact: <sip:bob@127.0.0.1:9>;expires=600\r\n"
        phone.sendto(request(contact, method="REGISTER"), ("127.0.0.1", PORT))
        assert phone.recv(65535).startswith(b"SIP/2.0 200")
        assert server.stop() == 0, server.log()
    assert b"sip:bob@127.0.0.1:9" in (tmp_path / "location.db").read_bytes()


# -- options
def test_a_bad_option_is_a_usage_error(tmp_path: Path) -> None:
    done = command("-Z", directory=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "kamscript: error: unrecognized arguments: -Z"


@pytest.mark.parametrize("text", ["udp:127.0.0.1:port", "a/b/c", "udp:127.0.0.1:1:2"])
def test_a_bad_listen_option(tmp_path: Path, text: str) -> None:
    (tmp_path / "k.cfg").write_text(CONFIG)
    done = command("-f", "k.cfg", "-l", text, directory=tmp_path)
    assert done.returncode == 2
    assert f"bad -l parameter {text!r}" in done.stderr


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "k.cfg").write_text(CONFIG)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", PORT))
        done = command("-f", "k.cfg", directory=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"kamscript: listen udp:127.0.0.1:{PORT}: Address already in use\n"


def test_c_checks_and_ends(tmp_path: Path) -> None:
    (tmp_path / "k.cfg").write_text(CONFIG)
    assert command("-c", "-f", "k.cfg", directory=tmp_path).returncode == 0
    (tmp_path / "bad.cfg").write_text("request_route { nothing(); }\n")
    done = command("-c", "-f", "bad.cfg", directory=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("bad.cfg:1:17: error: ")


def test_all_of_kamailios_usual_options_together(tmp_path: Path) -> None:
    words = ["-DD", "-m", "64", "-M", "8", "-n", "2", "-N", "2", "-x", "fm", "-X", "fm", "-L", "/usr/lib/x", "-a", "no"]
    words += ["-b", "262144", "-O", "0", "-S", "-Q", "1", "-W", "epoll_lt", "-w", str(tmp_path), "-A", "WITH_X", "-e"]
    with kamscript(CONFIG, tmp_path, *words, "--alias", "udp:sip.example.com:5070", "--server-id", "3") as server:
        assert options().startswith("SIP/2.0 200")
        assert "udp: sip.example.com:5070" in server.started


def test_names_and_lists_to_listen_on(tmp_path: Path) -> None:
    with kamscript(CONFIG, tmp_path, "-l", f"udp:(localhost,127.0.0.2):{PORT + 1}") as server:
        assert f"udp: localhost [127.0.0.1]:{PORT + 1}" in server.started
        assert options(PORT + 1).startswith("SIP/2.0 200")
        assert options(PORT + 1, "127.0.0.2").startswith("SIP/2.0 200")


def test_an_interface_to_listen_on(tmp_path: Path) -> None:
    with kamscript(CONFIG, tmp_path, "-l", f"udp:lo:{PORT + 1}") as server:
        assert f"udp: 127.0.0.1 [127.0.0.1]:{PORT + 1}" in server.started
        assert options(PORT + 1).startswith("SIP/2.0 200")


@pytest.mark.kamailio
def test_what_it_says_when_it_starts(tmp_path: Path) -> None:
    """Where it listens and how it is called, line for line."""
    config = f"""
children=1
listen=udp:127.0.0.1:{PORT}
listen=tcp:127.0.0.1:{PORT}
listen=udp:127.0.0.1:{PORT + 1} advertise 1.2.3.4:6000
listen=udp:localhost:{PORT + 2} name "s4"
listen=udp:[::1]:{PORT}
alias=udp:b.example.com:5070
alias=c.example.com
loadmodule "tm.so"
request_route {{ exit; }}
"""
    started = []
    for start in (kamailio, kamscript):
        directory = tmp_path / start.__name__
        directory.mkdir()
        with start(config, directory, "-a", "no", ports=(PORT,)) as server:
            assert server.process.stdout is not None
            server.stop()
            text = server.started + os.read(server.process.stdout.fileno(), 65536).decode()
            started.append(text[text.index("Listening on") :])
    assert started[1] == started[0]


# -- addresses
def test_ipv6(tmp_path: Path) -> None:
    with kamscript(CONFIG, tmp_path, "-l", f"udp:[::1]:{PORT}"):
        reply = options(host="::1", me="::1")
        assert reply.startswith("SIP/2.0 200")
        assert f"Via: SIP/2.0/UDP [::1]:{PHONE}" in reply


def test_replies_leave_from_the_socket_the_request_came_in_by(tmp_path: Path) -> None:
    with kamscript(CONFIG, tmp_path, "-l", f"udp:127.0.0.3:{PORT}"):
        assert options(host="127.0.0.3", connected=True).startswith("SIP/2.0 200")


RELAY = CONFIG.replace('sl_send_reply("200", "OK");', f'$du = "sip:127.0.0.1:{PHONE + 1}"; t_relay();')


@pytest.mark.parametrize("start", [pytest.param(kamailio, marks=pytest.mark.kamailio), kamscript])
def test_what_is_too_long_for_udp_goes_over_tcp(start: Start, tmp_path: Path) -> None:
    """udp_mtu and udp_mtu_try_proto."""
    config = RELAY.replace("disable_tcp=yes", "udp_mtu=600\nudp_mtu_try_proto=TCP")
    config += f"listen=tcp:127.0.0.1:{PORT}\n"
    with (
        start(config, tmp_path, ports=(PORT,)),
        socket.create_server(("127.0.0.1", PHONE + 1)) as callee,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone,
    ):
        callee.settimeout(5)
        phone.sendto(request(f"X-Long: {'x' * 700}\r\n"), ("127.0.0.1", PORT))
        stream, _ = callee.accept()
        with stream:
            stream.settimeout(5)
            got = stream.recv(65535).decode()
        assert got.startswith("OPTIONS sip:127.0.0.1 SIP/2.0\r\n")
        assert "Via: SIP/2.0/TCP 127.0.0.1" in got


@pytest.mark.parametrize("start", [pytest.param(kamailio, marks=pytest.mark.kamailio), kamscript])
def test_mhomed_takes_the_socket_of_the_way_there(start: Start, tmp_path: Path) -> None:
    """To 127.0.0.1 a packet leaves from 127.0.0.1, so from that socket, though the request came in by another."""
    config = RELAY.replace("debug=2", "debug=2\nmhomed=yes") + f"listen=udp:127.0.0.3:{PORT + 1}\n"
    with (
        start(config, tmp_path, ports=(PORT, PORT + 1)),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as callee,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone,
    ):
        callee.bind(("127.0.0.1", PHONE + 1))
        callee.settimeout(5)
        phone.sendto(request(), ("127.0.0.3", PORT + 1))
        data, source = callee.recvfrom(65535)
        assert source == ("127.0.0.1", PORT)
        assert f"Via: SIP/2.0/UDP 127.0.0.1:{PORT};".encode() in data
