"""The real kamcmd, and the other control channels, get from kamscript what they get from the daemon."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from kamscript.core.binrpc import decode_reply, encode_request
from tests.live.servers import Running, kamailio, kamscript

CONFIG = """
debug=1
children=1
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
loadmodule "jsonrpcs.so"
loadmodule "ctl.so"
modparam("ctl", "binrpc", "unix:{directory}/kamailio_ctl")
modparam("ctl", "binrpc", "unixd:{directory}/datagrams")
modparam("ctl", "binrpc", "tcp:127.0.0.1:{control}")
modparam("ctl", "binrpc", "udp:127.0.0.1:{control}")
modparam("ctl", "fifo", "{directory}/fifo")
modparam("jsonrpcs", "fifo_reply_dir", "{directory}/")
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "cfg_rpc.so"
loadmodule "counters.so"
modparam("pv", "shvset", "x=i:5")
custom.number = 5 desc "a number"
custom.text = "abc" desc "a text"
request_route {{ sl_send_reply("200", "OK"); }}
"""

COMMANDS = """
core.version
core.pwd
core.prints a b
core.printi 1 2
core.echo a 1
core.sockets_list
core.aliases_list
core.tcp_info
core.tcp_options
core.tcp_list
core.udp4_raw_info
core.modules
core.kill 0
system.listMethods
system.methodHelp nonsense
system.methodSignature core.version
stats.get_statistics tm: sl: core:
stats.get_statistics
stats.fetchn core:
stats.reset_statistics core:
cnt.list_groups
cnt.list_vars core
cnt.get core rcv_requests
cnt.get x y
ul.add location bob sip:bob@127.0.0.1:22020 600 1.0 s: 0 0 0
ul.lookup location bob
ul.lookup location nobody
ul.dump
ul.dump brief
ul.rm_contact location bob sip:x@y
ul.rm location bob
ul.rm location bob
ul.flush
ul.db_users location
tm.stats
tm.list
tm.hash_stats
tm.clean
cfg.list
cfg.list tm
cfg.help custom number
cfg.get core debug
cfg.get custom number
cfg.get custom nothing
cfg.get nothing x
cfg.get tm fr_timer
cfg.set custom number 7
cfg.set custom text xyz
cfg.seti custom number 8
cfg.sets custom text q
cfg.set_now_int custom number 9
cfg.set_now_string custom text r
cfg.set_delayed_int custom number 10
cfg.diff
cfg.commit
cfg.rollback
pv.shvGet x
pv.shvGet
pv.shvSet x int 7
pv.shvSet x str abc
pv.shvSet x zzz abc
pv.shvGet x
pv.shvGet none
corex.list_sockets
corex.list_aliases
corex.debug
corex.debug 2
jsonrpc.echo a 1
ctl.listen
ctl.connections
ctl.who
dns.lookup
dst_blocklist.view
no.such
""".strip().splitlines()

OTHER_CHANNELS = ("core.prints a b", "no.such", "ctl.connections", "ctl.listen", "cfg.get custom number")


class Pair(NamedTuple):
    """Both servers, and what of their answers is only where they run."""

    real: Running
    ours: Running

    def texts(self, words: str, channel: str = "unix:{directory}/kamailio_ctl") -> tuple[str, str]:
        """What kamcmd prints for a command over a channel, from the daemon and from kamscript."""
        real, ours = (self._text(*place, words, channel) for place in self.places())
        return real, ours

    def places(self) -> tuple[tuple[Running, int, int], tuple[Running, int, int]]:
        """Server, SIP port and control port of each."""
        return (self.real, 22080, 22081), (self.ours, 22082, 22083)

    @staticmethod
    def _text(server: Running, port: int, control: int, words: str, channel: str) -> str:
        where = channel.format(directory=server.directory, control=control)
        text = server.kamcmd(*words.split(), socket=where)
        text = text.replace(str(server.directory), "{directory}").replace(str(port), "{port}")
        text = text.replace(str(control), "{control}")
        return re.sub(r"ul\w+-\w+-\w+-\w+", "{ruid}", text)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The daemon and kamscript, beside each other."""
    real, ours = tmp_path_factory.mktemp("kamailio"), tmp_path_factory.mktemp("kamscript")
    first = CONFIG.format(directory=real, port=22080, control=22081)
    second = CONFIG.format(directory=ours, port=22082, control=22083)
    with kamailio(first, real, ports=(22080,)) as daemon, kamscript(second, ours) as running:
        yield Pair(daemon, running)


@pytest.mark.kamailio
@pytest.mark.parametrize("command", COMMANDS)
def test_kamcmd_prints_the_same(pair: Pair, command: str) -> None:
    """In this order, as each finds what the ones before it left."""
    real, ours = pair.texts(command)
    assert ours == real


@pytest.mark.kamailio
@pytest.mark.parametrize(
    "channel", ["unixd:{directory}/datagrams", "tcp:127.0.0.1:{control}", "udp:127.0.0.1:{control}"]
)
@pytest.mark.parametrize("command", OTHER_CHANNELS)
def test_kamcmd_prints_the_same_over_every_transport(pair: Pair, channel: str, command: str) -> None:
    real, ours = pair.texts(command, channel)
    assert ours == real


def _json_over_fifo(server: Running, request: dict[str, object]) -> str:
    reply = server.directory / "answer"
    os.mkfifo(reply)
    fd = os.open(reply, os.O_RDWR | os.O_NONBLOCK)
    try:
        with open(server.directory / "kamailio_rpc.fifo", "w") as fifo:
            fifo.write(json.dumps({"jsonrpc": "2.0", "reply_name": "answer", "id": 1, **request}) + "\n")
        assert select.select([fd], [], [], 5)[0], server.log()[-1000:]
        return os.read(fd, 65536).decode()
    finally:
        os.close(fd)
        reply.unlink()


def _json_over_datagrams(server: Running, request: dict[str, object]) -> str:
    path = server.directory / "client"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.bind(str(path))
        client.settimeout(5)
        data = json.dumps({"jsonrpc": "2.0", "id": 1, **request}).encode()
        client.sendto(data, str(server.directory / "kamailio_rpc.sock"))
        answer = client.recv(65536).decode()
    path.unlink()
    return answer


REQUESTS: list[dict[str, object]] = [
    {"method": "core.echo", "params": ["a", "b"]},
    {"method": "cfg.get", "params": ["custom", "text"]},
    {"method": "no.such"},
    {"method": "cfg.get", "params": ["custom", "nothing"]},
    {"method": "pv.shvGet"},
    {"method": "tm.stats"},
]


@pytest.mark.kamailio
@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: str(request["method"]))
def test_json_rpc_answers_the_same(pair: Pair, request_: dict[str, object]) -> None:
    for ask in (_json_over_fifo, _json_over_datagrams):
        assert ask(pair.ours, request_) == ask(pair.real, request_)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Running]:
    """kamscript alone."""
    with kamscript(CONFIG.format(directory=tmp_path, port=22084, control=22085), tmp_path) as running:
        yield running


def test_the_old_line_protocol(alone: Running) -> None:
    """The daemon's own answers are read from memory that it has freed (5.6.3); what was meant is what is sent here."""
    reply = Path(f"/tmp/kamscript_lines_{os.getpid()}")
    os.mkfifo(reply)
    fd = os.open(reply, os.O_RDWR | os.O_NONBLOCK)
    try:
        with open(alone.directory / "fifo", "w") as fifo:
            fifo.write(f":core.prints:{reply.name}\na\nb\\nc\n\n")
        assert select.select([fd], [], [], 5)[0], alone.log()
        assert os.read(fd, 65536) == b"200 OK\na\nb\\nc\n"
    finally:
        os.close(fd)
        reply.unlink()


def test_a_client_that_sends_nonsense_is_dropped(alone: Running) -> None:
    for junk in (b"\xff" * 100, b"\xa1\x0f\xff\xff\xff\xff" + b"x" * 200_000, b"\xa1\x03\x03abcdabc"):
        with socket.create_connection(("127.0.0.1", 22085), timeout=5) as client, contextlib.suppress(OSError):
            client.sendall(junk)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
    with socket.create_connection(("127.0.0.1", 22085), timeout=5) as client:
        client.sendall(encode_request("core.prints", ["still here"]))
        assert decode_reply(client.recv(65536)) == ["still here"]
    assert "Traceback" not in alone.log()


def test_sockets_and_fifos_are_removed(alone: Running) -> None:
    made = {path.name for path in alone.directory.iterdir()}
    assert {"kamailio_ctl", "datagrams", "fifo", "kamailio_rpc.fifo", "kamailio_rpc.sock"} <= made
    assert alone.stop() == 0
    assert {path.name for path in alone.directory.iterdir()} == {"kamailio.cfg"}
