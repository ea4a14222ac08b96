"""kamscript and real Kamailio on one DMQ bus: each knows the calls of the other.

Ports 22500 to 22549.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from . import servers
from .servers import PATIENCE, Running

pytestmark = pytest.mark.kamailio

CONFIG = """
listen=udp:127.0.0.1:OWN
auto_aliases=no
children=2
disable_tcp=yes
LOADS
modparam("dmq", "server_address", "sip:127.0.0.1:OWN")
modparam("dmq", "notification_address", "sip:127.0.0.1:OTHER")
modparam("dialog", "enable_dmq", 1)
modparam("dialog", "profiles_no_value", "calls")
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "default_timeout", 600)
request_route {
    if (is_method("KDMQ")) {
        if ($rU == "own") xlog("L_ERR", "heard $rb\\n");
        dmq_handle_message();
    }
    if (is_method("MESSAGE")) { dmq_bcast_message("own", "$rb", "text/x-own"); sl_send_reply("202", "Accepted"); exit; }
    if (has_totag()) {
        loose_route();
        t_relay();
        exit;
    }
    dlg_manage();
    $dlg_var(color) = "bl\\"ue";
    set_dlg_profile("calls");
    set_dlg_profile("caller", "$fU");
    record_route();
    t_relay();
}
"""
MODULES = "tm sl rr pv xlog textops siputils ctl dmq dialog"


def config(own: int, other: int) -> str:
    """One node's config."""
    loads = "\n".join(f'loadmodule "{name}.so"' for name in MODULES.split())
    return CONFIG.replace("OWN", str(own)).replace("OTHER", str(other)).replace("LOADS", loads)


def until(condition: Callable[[], object], what: str = "it") -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.02)


class Phone:
    """A UDP socket that calls or is called."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE)
        self.port = self.socket.getsockname()[1]

    def send(self, text: str, port: int) -> None:
        self.socket.sendto(text.replace("\n", "\r\n").encode("latin-1"), ("127.0.0.1", port))

    def close(self) -> None:
        self.socket.close()

    def receive(self, start: str) -> str:
        """The next message that begins so; others are left out."""
        while True:
            text = self.socket.recv(65536).decode("latin-1")
            if text.startswith(start):
                return text


def headers(text: str, name: str) -> list[str]:
    """A header's values."""
    return re.findall(rf"(?mi)^{name}: (.*?)\r$", text)


class Call:
    """A call of alice's to bob through the node at `port`."""

    def __init__(self, port: int, callid: str) -> None:
        self.port, self.callid = port, callid
        self.alice, self.bob = Phone("alice"), Phone("bob")
        self.routes: list[str] = []

    def close(self) -> None:
        self.alice.close()
        self.bob.close()

    def request(self, method: str, cseq: int, to: str = "", branch: str = "", routes: str = "", body: str = "") -> str:
        contact = f"Contact: <sip:alice@127.0.0.1:{self.alice.port}>\n"
        return (
            f"{method} sip:bob@127.0.0.1:{self.bob.port} SIP/2.0\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.alice.port};branch=z9hG4bK-{self.callid}-{cseq}{branch}\n"
            f"From: <sip:alice@example.com>;tag=a1\nTo: <sip:bob@example.com>{to}\nCall-ID: {self.callid}\n"
            f"CSeq: {cseq} {method}\nMax-Forwards: 70\n{routes}{contact}Content-Length: {len(body)}\n\n{body}"
        )

    def answer(self, request: str, status: str) -> None:
        lines = [f"Via: {via}" for via in headers(request, "Via")]
        lines += [f"Record-Route: {value}" for value in headers(request, "Record-Route")]
        to = headers(request, "To")[0]
        lines += [f"From: {headers(request, 'From')[0]}", f"To: {to}" + ("" if ";tag=" in to else ";tag=b1")]
        lines += [f"Call-ID: {self.callid}", f"CSeq: {headers(request, 'CSeq')[0]}"]
        lines += [f"Contact: <sip:bob@127.0.0.1:{self.bob.port}>", "Content-Length: 0", "", ""]
        self.bob.send("\n".join([f"SIP/2.0 {status}", *lines]), self.port)

    def ring(self) -> None:
        self.alice.send(self.request("INVITE", 1), self.port)
        self.invite = self.bob.receive("INVITE")
        self.answer(self.invite, "180 Ringing")
        self.alice.receive("SIP/2.0 180")

    def pick_up(self) -> None:
        self.answer(self.invite, "200 OK")
        ok = self.alice.receive("SIP/2.0 200")
        self.routes = headers(ok, "Record-Route")
        self.within("ACK", 1, "-ack")
        self.bob.receive("ACK")

    def within(self, method: str, cseq: int, branch: str = "") -> None:
        routes = "".join(f"Route: {value}\n" for value in self.routes)
        self.alice.send(self.request(method, cseq, ";tag=b1", branch, routes), self.port)

    def bye(self) -> None:
        self.within("BYE", 2)
        self.answer(self.bob.receive("BYE"), "200 OK")
        self.alice.receive("SIP/2.0 200")


class Node:
    """A server of the bus."""

    def __init__(self, running: Running, port: int) -> None:
        self.running, self.port = running, port

    def nodes(self) -> str:
        return self.running.kamcmd("dmq.list_nodes")

    def knows(self, other: Node) -> bool:
        shown = re.findall(r"port: (\d+).*?status: (\w+)", self.nodes(), re.DOTALL)
        return (str(other.port), "active") in shown

    def calls(self) -> str:
        return self.running.kamcmd("dlg.list")

    def member(self, name: str) -> list[str]:
        """What dlg.list shows under this name, as often as it does."""
        return re.findall(rf"(?m)^\s*{name}: ?(.*)$", self.calls())

    def size(self, *words: str) -> str:
        return self.running.kamcmd("dlg.profile_get_size", *words).strip()


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    """A kamscript and a real Kamailio that found each other."""
    ours, theirs = 22500, 22501
    one, other = tmp_path_factory.mktemp("kamscript"), tmp_path_factory.mktemp("kamailio")
    with (
        servers.kamailio(config(theirs, ours), other, ports=(theirs,)) as kamailio,
        servers.kamscript(config(ours, theirs), one) as kamscript,
    ):
        nodes = {"kamscript": Node(kamscript, ours), "kamailio": Node(kamailio, theirs)}
        until(lambda: nodes["kamscript"].knows(nodes["kamailio"]), "kamscript finds Kamailio")
        until(lambda: nodes["kamailio"].knows(nodes["kamscript"]), "Kamailio finds kamscript")
        yield nodes


@pytest.fixture
def start_call() -> Iterator[Callable[[int, str], Call]]:
    """Makes calls; their sockets are closed afterwards."""
    calls: list[Call] = []

    def make(port: int, callid: str) -> Call:
        calls.append(Call(port, callid))
        return calls[-1]

    yield make
    for call in calls:
        call.close()


Start = Callable[[int, str], Call]
BOTH = pytest.mark.parametrize(("here", "there"), [("kamscript", "kamailio"), ("kamailio", "kamscript")])


@BOTH
def test_a_call_on_one_node_is_known_to_the_other(
    bus: dict[str, Node], start_call: Start, here: str, there: str
) -> None:
    near, far = bus[here], bus[there]
    call = start_call(near.port, f"life-{here}")
    call.ring()
    until(lambda: far.member("state") == ["2"], "it rings there")
    call.pick_up()
    until(lambda: far.member("state") == ["4"], "it is confirmed there")
    for name in ("h_entry", "h_id", "call-id", "from_uri", "to_uri", "tag", "contact", "cseq", "route_set", "lifetime"):
        assert far.member(name) == near.member(name), name
    assert far.member("color") == near.member("color") == ['bl"ue']
    assert far.size("calls") == near.size("calls") == "1"
    assert far.size("caller", "alice") == near.size("caller", "alice") == "1"
    call.bye()
    until(lambda: far.size("calls") == "0", "it left its profiles there")
    until(lambda: not far.calls().strip(), "it is forgotten there")


@BOTH
def test_a_call_that_fails_is_forgotten_by_both(bus: dict[str, Node], start_call: Start, here: str, there: str) -> None:
    near, far = bus[here], bus[there]
    call = start_call(near.port, f"busy-{here}")
    call.ring()
    until(lambda: far.member("state") == ["2"], "it rings there")
    call.answer(call.invite, "486 Busy Here")
    call.alice.receive("SIP/2.0 486")
    until(lambda: far.size("calls") == "0", "it left its profiles there")
    until(lambda: not far.calls().strip(), "it is forgotten there")


@BOTH
def test_the_other_node_ends_the_call(bus: dict[str, Node], start_call: Start, here: str, there: str) -> None:
    near, far = bus[here], bus[there]
    call = start_call(near.port, f"moved-{here}")
    call.ring()
    call.pick_up()
    until(lambda: far.member("state") == ["4"], "it is confirmed there")
    call.routes = [route.replace(str(near.port), str(far.port)) for route in call.routes]
    call.port = far.port
    call.bye()
    until(lambda: near.size("calls") == "0", "it left its profiles here")
    until(lambda: not near.calls().strip() and not far.calls().strip(), "it is forgotten by both")


@BOTH
def test_a_script_sends_to_the_other_node(bus: dict[str, Node], start_call: Start, here: str, there: str) -> None:
    call = start_call(bus[here].port, f"message-{here}")
    call.alice.send(call.request("MESSAGE", 1, body=f"hello from {here}"), call.port)
    bus[there].running.wait_for(f"heard hello from {here}")


@BOTH
def test_a_node_that_comes_later_learns_of_the_calls(tmp_path: Path, start_call: Start, here: str, there: str) -> None:
    start = {"kamscript": servers.kamscript, "kamailio": servers.kamailio}
    folders = {name: tmp_path / name for name in (here, there)}
    for folder in folders.values():
        folder.mkdir()
    with start[here](config(22510, 22511), folders[here], ports=(22510,)) as first:
        near = Node(first, 22510)
        call = start_call(near.port, f"early-{here}")
        call.ring()
        call.pick_up()
        until(lambda: near.member("state") == ["4"], "it is confirmed here")
        with start[there](config(22511, 22510), folders[there], ports=(22511,)) as second:
            far = Node(second, 22511)
            until(lambda: far.member("state") == ["4"], "it is known there")
            assert far.member("color") == ['bl"ue']
            assert far.size("caller", "alice") == "1"
            call.bye()
            until(lambda: not far.calls().strip() and not near.calls().strip(), "it is forgotten by both")


def test_a_kamscript_that_ends_says_so(tmp_path: Path) -> None:
    one, other = tmp_path / "kamscript", tmp_path / "kamailio"
    one.mkdir()
    other.mkdir()
    with servers.kamailio(config(22521, 22520), other, ports=(22521,)) as kamailio:
        far = Node(kamailio, 22521)
        with servers.kamscript(config(22520, 22521), one) as kamscript:
            until(lambda: far.knows(Node(kamscript, 22520)), "they find each other")
        until(lambda: "disabled" in far.nodes(), "its end is known")
