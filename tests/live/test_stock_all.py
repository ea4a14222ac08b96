"""The stock configuration with every WITH_ define at once, on sockets and database servers: as Kamailio does it.

A registered, authenticated, NATed, relayed, record-routed and accounted call, and everything around it. The
configuration is read from where the Debian package puts it; addresses, certificate and database are written into a copy
that lives as long as the test.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kamscript.stores import Database
from tests.differential.normalise import Normaliser
from tests.differential.relays import rtpengine
from tests.live.certificates import make
from tests.live.office import Call, Office, Phone
from tests.live.servers import STOCK, Running, Start, kamailio, kamscript, need_stock, wait_for_port
from tests.live.test_exchange import Responder
from tests.stores.servers import fresh_database

SERVER = ("127.0.0.1", 24300)
TLS = 24301
DEFINES = (
    *("MYSQL", "AUTH", "IPAUTH", "USRLOCDB", "PRESENCE", "NAT", "NATSIPPING", "RTPENGINE", "PSTN", "ALIASDB"),
    *("SPEEDDIAL", "MULTIDOMAIN", "TLS", "JSONRPC", "ANTIFLOOD", "BLOCK3XX", "BLOCK401407", "VOICEMAIL", "ACCDB"),
    *("MSGREBUILD", "DEBUG"),
)
#: Tables that servers write, and those that they only read.
WRITTEN = ("location", "location_attrs", "acc", "missed_calls", "presentity", "active_watchers", "watchers")
READ = ("subscriber", "address", "trusted", "dbaliases", "speed_dial", "domain", "domain_attrs", "xcap")
COLUMNS = (
    *("method", "sip_code", "sip_reason", "src_user", "src_domain", "src_ip", "dst_ouser", "dst_user"),
    "dst_domain",
)
SDP = "v=0\no=- 1 1 IN IP4 10.0.0.5\ns=-\nc=IN IP4 10.0.0.5\nt=0 0\nm=audio 4000 RTP/AVP 0\n"
PIDF = (
    '<?xml version="1.0"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com">'
    '<tuple id="a"><status><basic>open</basic></status></tuple></presence>'
)
TYPE = "Content-Type: application/sdp\n"
SECRET = "secret"


class Played(NamedTuple):
    """What each phone received, what the relay was asked, rows, answers over HTTP, the log."""

    received: dict[str, list[str]]
    asked: list[str]
    rows: dict[str, list[Any]]
    http: list[str]
    log: str


def _config(url: str, directory: Path, relay: int) -> str:
    """The configuration with what an operator sets in it."""
    text = STOCK.read_text("latin-1")
    kind = url.partition(":")[0]
    changes = {
        '"/etc/kamailio/tls.cfg"': f'"{directory}/tls.cfg"',
        'pstn.gw_ip = ""': 'pstn.gw_ip = "127.0.0.24"',
        'pstn.gw_port = ""': 'pstn.gw_port = "24314"',
        'voicemail.srv_ip = ""': 'voicemail.srv_ip = "127.0.0.25"',
        'voicemail.srv_port = "5060"': 'voicemail.srv_port = "24315"',
        # Both: over TLS nothing is sent again, so Kamailio looks at the time only when the first of them is over.
        '"fr_timer", 30000': '"fr_timer", 1500',
        '"fr_inv_timer", 120000': '"fr_inv_timer", 1500',
        # The whole day of the office passes in two seconds.
        '"reqs_density_per_unit", 16': '"reqs_density_per_unit", 60',
        "udp:127.0.0.1:2223": f"udp:127.0.0.1:{relay}",
        "db_mysql.so": f"db_{kind}.so",
        "children=8": "children=1",
    }
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    listens = f"listen=udp:127.0.0.1:{SERVER[1]}\nlisten=tcp:127.0.0.1:{SERVER[1]}\nlisten=tls:127.0.0.1:{TLS}\n"
    defines = "".join(f"#!define WITH_{name}\n" for name in DEFINES) + f'#!define DBURL "{url}"\n'
    (directory / "tls.cfg").write_text(
        f"[server:default]\nmethod = TLSv1.2+\nverify_certificate = no\nrequire_certificate = no\n"
        f"private_key = {directory}/server.key\ncertificate = {directory}/server.pem\n"
        "[client:default]\nverify_certificate = no\nrequire_certificate = no\n"
    )
    return f"#!KAMAILIO\n{defines}{listens}{text}"


def _fill(database: Database) -> None:
    """Kamailio's tables, the columns that the configuration asks for in a comment of its own, an office's rows."""
    database.create_all([*WRITTEN, *READ])
    wanted = STOCK.read_text("latin-1").partition("#!ifdef ACCDB_COMMENT")[2].partition("#!endif")[0]
    for statement in filter(str.strip, wanted.split(";")):
        database.raw(statement)
    for name in ("alice", "bob", "carol"):
        database.insert("subscriber", {"username": name, "domain": "example.com", "password": SECRET})
    database.insert("domain", {"domain": "example.com"})
    database.insert("address", {"grp": 1, "ip_addr": "127.0.0.27", "mask": 32})
    alias = {"username": "bob", "domain": "example.com", "alias_username": "100", "alias_domain": "example.com"}
    database.insert("dbaliases", alias)
    dial = {"username": "alice", "domain": "example.com", "sd_username": "22", "sd_domain": "example.com"}
    database.insert("speed_dial", dial | {"new_uri": "sip:carol@example.com"})


# -- what happens ------------------------------------------------------------------------------------------------------
def _register(office: Office) -> None:
    """alice from behind a NAT, bob over TLS, carol over UDP."""
    for name in ("alice", "bob", "carol"):
        phone = office.phones[name]
        reply = phone.ask("REGISTER", "sip:example.com", call_id=f"reg-{name}", password=SECRET)
        assert reply.startswith("SIP/2.0 200"), reply


def _invite(caller: Phone, user: str, call_id: str, password: str = SECRET) -> str:
    """Call; the INVITE that was taken."""
    sent = caller.propose(
        "INVITE", f"sip:{user}@example.com", call_id=call_id, password=password, headers=TYPE, body=SDP
    )  # fmt: skip
    caller.expect("SIP/2.0 100", call_id)
    return sent


def _answered(caller: Phone, callee: Phone, call_id: str) -> None:
    """Ring, answer, talk, hang up."""
    invite = callee.expect("INVITE", call_id)
    callee.answer(invite, "180 Ringing")
    caller.expect("SIP/2.0 180", call_id)
    callee.answer(invite, "200 OK", TYPE, SDP)
    call = Call(caller, caller.expect("SIP/2.0 200", call_id))
    call.within("ACK", 2)
    callee.expect("ACK", call_id)
    call.within("BYE", 3)
    callee.answer(callee.expect("BYE", call_id), "200 OK")
    caller.expect("SIP/2.0 200", call_id)


def _calls(office: Office) -> None:
    """Answered, busy and unanswered ones, and those that the called phone leads astray."""
    alice, bob, voicemail = (office.phones[name] for name in ("alice", "bob", "voicemail"))
    _invite(alice, "bob", "call")
    _answered(alice, bob, "call")
    _invite(alice, "bob", "busy")
    bob.answer(bob.expect("INVITE", "busy"), "486 Busy Here")
    bob.expect("ACK", "busy")
    _answered(alice, voicemail, "busy")
    _invite(alice, "bob", "unanswered")
    ringing = bob.expect("INVITE", "unanswered")
    bob.answer(ringing, "180 Ringing")
    alice.expect("SIP/2.0 180", "unanswered")
    bob.answer(bob.expect("CANCEL", "unanswered"), "200 OK")
    bob.answer(ringing, "487 Request Terminated")
    bob.expect("ACK", "unanswered")
    _answered(alice, voicemail, "unanswered")
    for status in ("302 Moved", "401 Unauthorized"):
        invite = _invite(alice, "bob", status[:3])
        bob.answer(bob.expect("INVITE", status[:3]), status, "Contact: <sip:thief@127.0.0.66>\n")
        bob.expect("ACK", status[:3])
        alice.ack(invite, alice.expect("SIP/2.0 404", status[:3]))


def _numbers(office: Office) -> None:
    """An alias, a speed dial, an international number; and a trunk that its address proves."""
    alice = office.phones["alice"]
    for dialled, reached in (("100", "bob"), ("22", "carol"), ("0049301234", "gateway")):
        phone, call_id = office.phones[reached], f"for-{dialled}"
        alice.propose("MESSAGE", f"sip:{dialled}@example.com", call_id=call_id, password=SECRET)
        message = phone.expect("MESSAGE", call_id)
        phone.answer(message, "200 OK")
        alice.expect("SIP/2.0 200", call_id)
    trunk, bob = office.phones["trunk"], office.phones["bob"]
    _invite(trunk, "bob", "from-trunk", password="")
    _answered(trunk, bob, "from-trunk")
    stranger = office.phones["stranger"]
    reply = stranger.ask("INVITE", "sip:max@elsewhere.example", call_id="relay")
    assert reply.startswith("SIP/2.0 403"), reply


def _presence(office: Office) -> None:
    """carol watches bob."""
    carol, bob = office.phones["carol"], office.phones["bob"]
    headers = "Event: presence\nExpires: 600\n"
    reply = carol.ask("SUBSCRIBE", bob.uri, call_id="watch", password=SECRET, headers=headers)
    assert reply.startswith("SIP/2.0 200"), reply
    carol.answer(carol.expect("NOTIFY", "watch"), "200 OK")
    told = f"{headers}Content-Type: application/pidf+xml\n"
    reply = bob.ask("PUBLISH", bob.uri, call_id="publish", password=SECRET, headers=told, body=PIDF)
    assert reply.startswith("SIP/2.0 200"), reply
    notify = carol.expect("NOTIFY", "watch")
    assert "<basic>open</basic>" in notify
    carol.answer(notify, "200 OK")


def _flood(office: Office, running: Running) -> None:
    """eve sends until nobody answers; then not even her REGISTER is answered."""
    eve = office.phone("eve", "127.0.0.26", 24316)
    sent = 0
    silent = False
    while not silent and sent < 200:
        sent += 1
        eve.request("OPTIONS", "sip:example.com", call_id=f"flood-{sent}")
        silent = eve.silence(0.3)
    assert 10 < sent < 200
    eve.request("REGISTER", "sip:example.com", call_id="banned", to=f"<{eve.uri}>")
    assert eve.silence(0.2)
    assert "127.0.0.26" in running.kamcmd("htable.dump", "ipban")
    office.phones.pop("eve").socket.close()  # how many requests it takes depends on the clock


def _http() -> list[str]:
    """JSON-RPC from this machine and from elsewhere, and another path."""
    body = '{"jsonrpc": "2.0", "method": "core.echo", "params": ["hello"], "id": 1}'
    post = f"POST /RPC HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    answers = []
    for source, text in (
        ("127.0.0.1", post),
        ("127.0.0.23", post),
        ("127.0.0.1", "GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n"),
    ):
        with socket.create_connection(SERVER, 5, (source, 0)) as stream:
            stream.sendall(text.encode())
            data = b""
            while more := stream.recv(4096):
                data += more
            answers.append(re.sub(rf"{source}:\d+", f"{source}:PORT", data.decode("latin-1")))
    return answers


def _play(start: Start, url: str, database: Database, directory: Path, port: int) -> Played:
    make(directory)
    for table in WRITTEN:
        database.delete(table)
    asked: list[str] = []
    answer = rtpengine()()

    def relay(data: bytes) -> list[bytes]:
        if data:
            asked.append(data.decode("latin-1").partition(" ")[2])
        return [(answer(data.decode("latin-1")) or "").encode("latin-1")] if data else []

    responder = Responder(relay, 60)
    office = Office(SERVER)
    try:
        config = _config(url, directory, responder.remote.port)
        with start(config, directory, ports=(SERVER[1],)) as running:
            wait_for_port(TLS, running, "tcp")
            office.phone("alice", "127.0.0.21", 24310, contact="10.0.0.5:5060")
            office.phone("bob", "127.0.0.22", port, tls=TLS)
            office.phone("carol", "127.0.0.23", 24313)
            office.phone("gateway", "127.0.0.24", 24314, domain="carrier.example")
            office.phone("voicemail", "127.0.0.25", 24315)
            office.phone("trunk", "127.0.0.27", 24317, domain="carrier.example")
            office.phone("stranger", "127.0.0.28", 24318, domain="carrier.example")
            for part in (_register, _calls, _numbers, _presence):
                part(office)
            http = _http()
            _flood(office, running)
            log = running.log()
        rows = {
            "acc": database.query("acc", COLUMNS, order="id"),
            "missed_calls": database.query("missed_calls", COLUMNS, order="id"),
            "location": sorted(
                database.query("location", ("username", "domain", "contact", "received", "socket", "cflags"))
            ),
            "presentity": database.query("presentity", ("username", "domain", "event", "body")),
            "watchers": database.query("watchers", ("presentity_uri", "watcher_username", "status")),
        }
    finally:
        office.close()
        responder.end()
    return _named(office, asked, rows, http, log, port)


def _named(office: Office, asked: list[str], rows: dict[str, Any], http: list[str], log: str, port: int) -> Played:
    """With what a server makes up, and the port that was bob's in this run, under other names."""
    normal = Normaliser(office.history)

    def text(value: object) -> Any:
        if not isinstance(value, str):
            return value
        # All challenges of a second have one nonce.
        return re.sub(r'nonce="[^"]*"', 'nonce="..."', normal.text(value.replace(str(port), "BOB")))

    received = {name: [text(one) for one in phone.received] for name, phone in office.phones.items()}
    cells = {table: [[text(cell) for cell in row] for row in found] for table, found in rows.items()}
    return Played(
        received, [text(one) for one in asked if "4:ping" not in one], cells, [text(one) for one in http], log
    )


# -- what is the same --------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module", params=["mysql", "postgres"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Played, Played]]:
    """The whole day of the office, on the daemon and on kamscript."""
    need_stock()
    with fresh_database(request.param, lambda level, text: None) as (url, database):
        _fill(database)
        real = _play(kamailio, url, database, tmp_path_factory.mktemp("kamailio"), 24311)
        ours = _play(kamscript, url, database, tmp_path_factory.mktemp("kamscript"), 24312)
    yield real, ours


PHONES = ("alice", "bob", "carol", "gateway", "voicemail", "trunk", "stranger")


@pytest.mark.kamailio
@pytest.mark.parametrize("name", PHONES)
def test_every_phone_receives_what_kamailio_sends(played: tuple[Played, Played], name: str) -> None:
    real, ours = played
    assert ours.received[name] == real.received[name]
    assert real.received[name]


@pytest.mark.kamailio
def test_the_relay_is_asked_the_same(played: tuple[Played, Played]) -> None:
    real, ours = played
    assert ours.asked == real.asked
    assert real.asked


@pytest.mark.kamailio
@pytest.mark.parametrize("table", ["acc", "missed_calls", "location", "presentity", "watchers"])
def test_the_tables_hold_the_same(played: tuple[Played, Played], table: str) -> None:
    real, ours = played
    assert ours.rows[table] == real.rows[table]
    assert real.rows[table]


@pytest.mark.kamailio
def test_http_is_answered_the_same(played: tuple[Played, Played]) -> None:
    real, ours = played
    assert ours.http == real.http
    assert "hello" in real.http[0]


@pytest.mark.kamailio
def test_nothing_is_logged_as_a_fault(played: tuple[Played, Played]) -> None:
    """But for msg_apply_changes() behind record_route(), which Kamailio refuses as well."""
    real, ours = played
    for log in (real.log, ours.log):
        faults = [line for line in log.splitlines() if re.search(r"CRITICAL|ERROR|Traceback", line)]
        assert [line for line in faults if "record" not in line] == []
