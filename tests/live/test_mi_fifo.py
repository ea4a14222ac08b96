"""MI over a FIFO and over datagrams, as kamctl of the 4.x generation used it."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kamscript.live.fifo import Answer
from tests.live.one_call import call, end, parties
from tests.live.servers import PATIENCE, Running, bound, kamscript

CONFIG = """
debug=1
listen=udp:127.0.0.1:22440
disable_tcp=yes
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "dialog.so"
loadmodule "mi_fifo.so"
loadmodule "mi_datagram.so"
modparam("mi_fifo", "fifo_name", "mi")
modparam("mi_fifo", "reply_dir", "{directory}/replies/")
{more}
request_route {{ drop; }}
"""
UNIX = 'modparam("mi_datagram", "socket_name", "{directory}/datagrams")'


def config(directory: Path, more: str = "") -> str:
    (directory / "replies").mkdir()
    if "socket_name" not in more:
        more += UNIX.format(directory=directory)
    return CONFIG.format(directory=directory, more=more)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with kamscript(config(tmp_path), tmp_path, "--target", "4.4") as running:
        yield running


class Client:
    """Somebody with a reply FIFO, open for reading."""

    def __init__(self, server: Running, name: str = "answers") -> None:
        self.server, self.name = server, name
        self.path = server.directory / "replies" / name
        os.mkfifo(self.path)
        self.fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)

    def ask(self, command: str, *params: str) -> str:
        """Send a request; its answer."""
        send(self.server, f":{command}:{self.name}\n" + "".join(f"{param}\n" for param in params) + "\n")
        return self.answer()

    def answer(self) -> str:
        """What comes until the server closes the FIFO."""
        answer = b""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not select.select([self.fd], [], [], PATIENCE)[0]:
                break
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:  # somebody has just opened it for writing
                continue
            if not data and answer:
                return answer.decode("latin-1")
            answer += data
        raise AssertionError(f"no answer: {answer!r}\n{self.server.log()[-2000:]}")

    def close(self) -> None:
        """Go."""
        os.close(self.fd)
        self.path.unlink()


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    found = Client(server)
    yield found
    found.close()


def send(server: Running, text: str) -> None:
    with (server.directory / "mi").open("w", encoding="latin-1") as fifo:
        fifo.write(text)


def test_an_answer_has_a_head_lines_and_an_empty_line(client: Client) -> None:
    assert client.ask("get_statistics", "rcv_requests", "drop_requests") == (
        "200 OK\ncore:rcv_requests = 0\ncore:drop_requests = 0\n\n"
    )
    assert client.ask("get_statistics") == "400 Too few or too many arguments\n\n"
    assert client.ask("dlg_list") == "200 OK\n\n"


def test_errors_of_the_channel_are_one_line(client: Client) -> None:
    assert client.ask("no_such", "a") == "500 command 'no_such' not available\n"
    assert client.ask("get_statistics", 'a"b') == "400 parse error in command 'get_statistics'\n"


def test_requests_are_answered_in_order(client: Client) -> None:
    """Also those that arrive in pieces, and together."""
    send(client.server, f":pwd:{client.name}\n")
    send(client.server, "\n")
    assert client.answer().startswith("200 OK\nWD:: ")
    other = Client(client.server, "others")
    try:
        send(client.server, f":which:{client.name}\n\n:debug:{other.name}\n\n")
        assert "uptime\n" in client.answer()
        assert other.answer() == "200 OK\nDEBUG:: 1\n\n"
    finally:
        other.close()


@pytest.mark.parametrize(
    "garbage",
    [
        "\n\n\n",
        "garbage\nmore of it\n\n",
        ":\n\n",
        "::\n\n",
        ":uptime\n\n",
        ":uptime:\n\n",
        ":uptime:../answers\n\n",
        ":uptime:a/b\n\n",
        ":uptime:nobody\n\n",
        f":uptime:{'x' * 200}\n\n",
        f":{'x' * 2000}:answers\n\n",
        "\x00\xff\x80\n\n",
        "x" * 70_000 + "\n\n",
    ],
)
def test_garbage_does_not_stop_it(client: Client, garbage: str) -> None:
    send(client.server, garbage)
    assert client.ask("pwd").startswith("200 OK\n")
    assert "Traceback" not in client.server.log()


def test_a_command_does_not_run_for_a_client_that_is_gone(client: Client) -> None:
    os.mkfifo(client.server.directory / "replies" / "unread")
    send(client.server, ":debug:unread\n3\n\n:debug:\n3\n\n:debug:nobody\n3\n\n")
    assert client.ask("debug") == "200 OK\nDEBUG:: 1\n\n"
    client.server.wait_for("no client at")


def test_a_client_that_does_not_read_blocks_nobody(client: Client) -> None:
    """Its FIFO holds 64 KiB; the answers do not fit. Others get theirs, and the server ends when it is told to."""
    lazy = [Client(client.server, f"lazy{number}") for number in range(8)]
    try:
        for sleeper in lazy:
            names = "all\n" * 30
            send(client.server, f":get_statistics:{sleeper.name}\n{names}\n")
        assert client.ask("pwd").startswith("200 OK\n")
        assert len(os.read(lazy[0].fd, 1 << 20)) == 65536
        assert client.server.stop() == 0
    finally:
        for sleeper in lazy:
            sleeper.close()


def test_an_answer_that_nobody_takes_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its FIFO is closed, and whoever wrote it hears of it."""
    monkeypatch.setattr("kamscript.live.fifo.STUCK", 0.01)
    path = tmp_path / "fifo"
    os.mkfifo(path)

    async def write() -> None:
        stuck = asyncio.Event()
        reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        writing = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        Answer(writing, b"x" * 1_000_000, stuck.set)
        await asyncio.wait_for(stuck.wait(), PATIENCE)
        assert len(os.read(reading, 1_000_000)) == 65536
        assert os.read(reading, 1) == b"", "nobody has it open for writing"
        os.close(reading)

    asyncio.run(write())


def test_an_answer_goes_on_when_its_reader_does(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)

    async def write() -> None:
        reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        Answer(os.open(path, os.O_WRONLY | os.O_NONBLOCK), b"x" * 1_000_000, lambda: None)
        size = 0
        while data := os.read(reading, 10_000):
            size += len(data)
            await asyncio.sleep(0)
        assert size == 1_000_000
        os.close(reading)

    asyncio.run(write())


def test_a_long_answer_comes_whole(client: Client) -> None:
    answer = client.ask("get_statistics", *["all"] * 50)
    assert len(answer) > 100_000
    assert answer.endswith("\n\n") and answer.count("core:rcv_requests = 0\n") == 50


def test_a_file_is_no_reply_fifo(client: Client) -> None:
    target = client.server.directory / "replies" / "file"
    target.write_text("mine")
    link = client.server.directory / "replies" / "link"
    link.symlink_to(client.path)
    send(client.server, ":pwd:file\n\n:pwd:link\n\n")
    assert client.ask("pwd").startswith("200 OK\n")
    assert target.read_text() == "mine"
    client.server.wait_for("file is not a fifo")


def test_permissions_and_indent(tmp_path: Path) -> None:
    more = (
        'modparam("mi_fifo", "fifo_mode", 0600)\nmodparam("mi_fifo", "reply_indent", "> ")\n'
        f'modparam("mi_fifo", "fifo_user", {os.getuid()})\nmodparam("mi_fifo", "fifo_group", {os.getgid()})\n'
        'modparam("dialog", "profiles_no_value", "all")\n'
    )
    with kamscript(config(tmp_path, more), tmp_path, "--target", "4.4") as server:
        found = (tmp_path / "mi").stat()
        assert stat.S_ISFIFO(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o600
        client = Client(server)
        try:
            assert client.ask("profile_get_size", "all") == "200 OK\nprofile::  name=all value= count=0\n\n"
        finally:
            client.close()
        server.stop()
        assert not (tmp_path / "mi").exists() and not (tmp_path / "datagrams").exists()


def test_a_reply_dir_that_is_not_there(tmp_path: Path) -> None:
    text = config(tmp_path)
    (tmp_path / "replies").rmdir()
    with (
        pytest.raises(AssertionError, match="is no directory"),
        kamscript(text, tmp_path, "--target", "4.4"),
    ):
        pass


CALLS = """
debug=1
listen=udp:127.0.0.1:22440
disable_tcp=yes
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "dialog.so"
loadmodule "mi_fifo.so"
modparam("mi_fifo", "fifo_name", "mi")
modparam("mi_fifo", "reply_dir", "{directory}/replies/")
modparam("dialog", "dlg_flag", 4)
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "profiles_no_value", "inbound")
request_route {{
    setflag(4);
    record_route();
    if ($rm == "INVITE") {{
        set_dlg_profile("caller", "$fU");
        set_dlg_profile("inbound");
    }}
    loose_route();
    $du = "sip:127.0.0.1:22442";
    t_relay();
}}
"""


@pytest.mark.spec("9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "9.7")
def test_the_commands_of_the_dialog_module(tmp_path: Path) -> None:
    """In the form that its manual shows for each, over calls that are up."""
    (tmp_path / "replies").mkdir()
    with kamscript(CALLS.format(directory=tmp_path), tmp_path, "--target", "4.4") as server:
        client = Client(server)
        try:
            call(22440, 22442, "first")
            listed = client.ask("dlg_list")
            head, dialog, *rest = listed.split("\n")
            assert head == "200 OK"
            assert "\tcallid:: first" in rest and "\tstate:: 4" in rest
            assert all(line.startswith("\t") for line in rest[:-2]) and rest[-2:] == ["", ""]
            assert client.ask("dlg_list", "first", "a1").split("\n")[1] == dialog
            assert client.ask("dlg_list_ctx").split("\n")[1] == dialog
            assert client.ask("dlg_list", "first", "nobody") == "404 Nu such dialog\n\n"
            assert "count=1" in client.ask("profile_get_size", "inbound")
            assert "count=1" in client.ask("profile_get_size", "caller", "alice")
            assert "count=0" in client.ask("profile_get_size", "caller", "bob")
            assert "callid:: first" in client.ask("profile_list_dlgs", "inbound")
            entry, _, identity = dialog.partition("hash=")[2].partition(":")
            with parties(22442) as phones:
                assert client.ask("dlg_end_dlg", entry, identity) == "200 OK\n\n"
                end(22440, phones)
            call(22440, 22442, "second")
            with parties(22442) as phones:
                assert client.ask("dlg_terminate_dlg", "second", "a1") == "200 OK\n\n"
                end(22440, phones)
                from_, to = "sip:alice@127.0.0.1:22443", "sip:bob@127.0.0.1:22442"
                assert client.ask("dlg_bridge", from_, to, "sip:127.0.0.1:22443") == "200 OK\n\n"
                assert phones[0].recv(65536).startswith(b"INVITE ")
        finally:
            client.close()


# -- mi_datagram


def ask_datagram(client: socket.socket, where: str | tuple[str, int], text: str) -> str:
    client.settimeout(PATIENCE)
    client.sendto(text.encode("latin-1"), where)
    return client.recv(65536).decode("latin-1")


def test_datagrams_over_a_unix_socket(server: Running, tmp_path: Path) -> None:
    where = str(tmp_path / "datagrams")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.bind(str(tmp_path / "client"))
        assert ask_datagram(client, where, ":debug:\n") == "200 OK\nDEBUG:: 1\n"
        assert ask_datagram(client, where, ":debug:\n2\n") == "200 OK\nDEBUG:: 2\n"
        assert ask_datagram(client, where, ":no_such:\n") == "500 command not available\n"
        assert ask_datagram(client, where, "garbage") == "500 command not available\n"
        assert ask_datagram(client, where, ':debug:\n"2\n') == "400 parse error in command\n"
        params = "all\n" * 30
        assert ask_datagram(client, where, f":get_statistics:\n{params}") == "500 Internal server error\n"
        client.sendto(b"", where)
        assert ask_datagram(client, where, ":debug:\n") == "200 OK\nDEBUG:: 2\n"
    assert "Traceback" not in server.log()


def test_datagrams_over_udp(tmp_path: Path) -> None:
    more = 'modparam("mi_datagram", "socket_name", "udp:127.0.0.1:22444")'
    with kamscript(config(tmp_path, more), tmp_path, "--target", "4.4"):
        assert bound(22444)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            assert ask_datagram(client, ("127.0.0.1", 22444), ":dlg_list:\n") == "200 OK\n"
