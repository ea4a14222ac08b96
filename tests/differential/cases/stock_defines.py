"""The configuration that Debian installs, with its defines: an office on SQLite, gateways, blocked replies, floods."""

from __future__ import annotations

from ..case import Got, Party, Scene, case
from ..digest import answer, challenge
from .presence import pidf
from .stock import BOB, PATH, _register, _stock

HERE = "sip:127.0.0.1:21200"
#: bob where users have passwords: digests are over URIs, so none has a port of the block in it.
DESK = "sip:bob@office.test"
GATEWAYS = {
    'pstn.gw_ip = ""': 'pstn.gw_ip = "127.0.0.13"',
    'pstn.gw_port = ""': 'pstn.gw_port = "21200"',
    'voicemail.srv_ip = ""': 'voicemail.srv_ip = "127.0.0.14"',
    'voicemail.srv_port = "5060"': 'voicemail.srv_port = "21200"',
}


def _changed(*defines: str) -> str:
    """The configuration with a database file, and gateways at carol's and dave's."""
    text = _stock(*(f"WITH_{name}" for name in defines))
    text = text.replace('"mysql://kamailio:kamailiorw@localhost/kamailio"', '"sqlite:///DATABASE"')
    text = text.replace("db_mysql.so", "db_sqlite.so")
    for old, new in GATEWAYS.items():
        text = text.replace(old, new)
    return text


def _users(scene: Scene) -> None:
    for name in ("alice", "bob"):
        scene.execute(f"INSERT INTO subscriber (username, domain, password) VALUES ('{name}', 'office.test', 'secret')")


def _office(scene: Scene) -> None:
    """Rows for users of office.test, a trunk at dave's address, an alias and a speed dial."""
    _users(scene)
    scene.execute(
        "INSERT INTO domain (domain, last_modified) VALUES ('office.test', 2440587.5)",
        "INSERT INTO address (grp, ip_addr, mask) VALUES (1, '127.0.0.14', 32)",
        "INSERT INTO dbaliases (alias_username, alias_domain, username, domain) "
        "VALUES ('100', 'office.test', 'bob', 'office.test')",
        "INSERT INTO speed_dial (username, domain, sd_username, sd_domain, new_uri) "
        "VALUES ('alice', 'office.test', '22', 'office.test', 'sip:bob@office.test')",
    )
    scene.rpc("domain.reload")
    scene.rpc("permissions.addressReload")


def _ask(party: Party, method: str, uri: str, call_id: str, headers: str = "", body: str = "") -> None:
    """Send a request, and again with the answer to its challenge."""
    user = f"<sip:{party.name}@office.test>"
    to = user if method in ("REGISTER", "PUBLISH") else f"<{uri}>"
    party.request(method, uri, from_=user, to=to, call_id=call_id, headers=headers, body=body)
    asked = challenge(party.expect(401 if method == "REGISTER" else 407))
    name = "Authorization" if method == "REGISTER" else "Proxy-Authorization"
    proves = f"{name}: {answer(asked, method, uri, user=party.name)}"
    party.request(method, uri, from_=user, to=to, call_id=call_id, cseq=2, headers=f"{proves}\n{headers}", body=body)


@case(
    _changed("MYSQL", "AUTH", "IPAUTH", "USRLOCDB", "ALIASDB", "SPEEDDIAL", "MULTIDOMAIN"),
    needs=PATH,
)  # fmt: skip
def an_office_on_a_database(scene: Scene) -> None:
    """Users with passwords, a trunk without, an alias, a speed dial, a domain; strangers."""
    _office(scene)
    _ask(scene.bob, "REGISTER", "sip:office.test", "reg-bob")
    scene.bob.expect(200)
    for dialled in ("bob", "100", "22"):
        _ask(scene.alice, "MESSAGE", f"sip:{dialled}@office.test", f"to-{dialled}")
        scene.bob.expect("MESSAGE").answer(200, "OK")
        scene.alice.expect(200)
    scene.dave.request("MESSAGE", "sip:100@office.test", to="<sip:100@office.test>", call_id="trunk")
    scene.bob.expect("MESSAGE").answer(200, "OK")
    scene.dave.expect(200)
    scene.dave.request("MESSAGE", "sip:22@office.test", to="<sip:22@office.test>", call_id="not-his")
    scene.dave.expect(404)
    scene.carol.request("MESSAGE", "sip:x@elsewhere.example", call_id="relay")
    scene.carol.expect(403)
    scene.carol.request(
        "REGISTER", "sip:office.test", from_="<sip:bob@office.test>", to="<sip:bob@office.test>", call_id="thief"
    )
    scene.carol.expect(401)
    scene.rpc("permissions.addressDump")
    scene.restart()
    scene.rows("location", "username", "domain", "contact", "cseq", "methods")
    scene.dave.request("MESSAGE", "sip:bob@office.test", to=f"<{DESK}>", call_id="after")
    scene.bob.expect("MESSAGE").answer(200, "OK")
    scene.dave.expect(200)


@case(_changed("MYSQL", "AUTH", "PRESENCE", "MSGREBUILD") + 'alias="office.test"\n', needs=PATH)
def presence_of_users_with_passwords(scene: Scene) -> None:
    """alice watches bob; what he publishes reaches her."""
    _users(scene)
    _ask(scene.alice, "SUBSCRIBE", DESK, "watch", "Event: presence\nExpires: 600")
    scene.alice.expect(200)
    scene.alice.expect("NOTIFY").answer(200, "OK")
    _ask(
        scene.bob,
        "PUBLISH",
        DESK,
        "publish",
        "Event: presence\nExpires: 600\nContent-Type: application/pidf+xml",
        pidf(),
    )
    scene.bob.expect(200)
    scene.alice.expect("NOTIFY").answer(200, "OK")
    scene.alice.request("SUBSCRIBE", DESK, to=f"<{DESK}>", call_id="summary", headers="Event: message-summary")
    scene.settle()
    scene.rows("presentity", "username", "domain", "event")
    scene.rows("watchers", "presentity_uri", "watcher_username", "status")


@case(_changed("PSTN", "VOICEMAIL", "BLOCK3XX", "BLOCK401407"), needs=PATH)
def gateways_and_blocked_replies(scene: Scene) -> None:
    """Numbers for the gateway; who is busy or unknown goes to voicemail; 3xx, 401 and 407 become 404."""
    for number in ("0049301234", "+4930", "+49301234", "00123", "12345"):
        uri = f"sip:{number}@127.0.0.1:21200"
        local = "<sip:alice@127.0.0.1>"
        scene.alice.request("OPTIONS", uri, to=f"<{uri}>", from_=local, call_id=f"number-{number}")
        scene.settle()
        for text in [data.decode("latin-1") for data in scene.world.pending(scene.carol.address)]:
            scene.carol.received.append(text)
            Got(scene.carol, text).answer(200, "OK")
        scene.settle()
    scene.alice.request("OPTIONS", "sip:+49301234@127.0.0.1:21200", call_id="not-local")
    scene.label("numbers")
    _register(scene)
    for status in (302, 401, 407, 486, 603):
        call_id = f"refused-{status}"
        call = scene.alice.request("INVITE", BOB, to=f"<{BOB}>", call_id=call_id)
        scene.bob.expect("INVITE").answer(status, "No", headers="Contact: <sip:thief@127.0.0.66>")
        scene.alice.expect(100)
        scene.bob.expect("ACK")
        if status == 486:
            scene.dave.expect("INVITE").answer(480, "Full")
            scene.dave.expect("ACK")
        final = scene.alice.expect({302: 404, 401: 404, 407: 404, 486: 480}.get(status, status))
        scene.alice.ack(call, final)
        scene.label(str(status))
    call = scene.alice.request("INVITE", "sip:nobody@127.0.0.1:21200", call_id="unknown")
    scene.dave.expect("INVITE").answer(480, "Full")
    scene.dave.expect("ACK")
    scene.alice.expect(100)
    scene.alice.ack(call, scene.alice.expect(480))
    scene.alice.request("MESSAGE", "sip:nobody@127.0.0.1:21200", call_id="message")
    scene.alice.expect(404)
    summary = "Event: message-summary"
    scene.alice.request("SUBSCRIBE", "sip:alice@127.0.0.1:21200", call_id="summary", headers=summary)
    scene.dave.expect("SUBSCRIBE").answer(200, "OK", headers="Expires: 600")
    scene.alice.expect(200)


@case(
    _changed("JSONRPC").replace("src_ip!=127.0.0.1", "src_ip!=127.0.0.11") + "listen=tcp:127.0.0.1:21200\n"
    "listen=udp:127.0.0.1:21200\n",
    needs=PATH,
)
def json_rpc_over_http(scene: Scene) -> None:
    """Calls, other paths, and a request without Content-Length."""
    for label, body in (
        ("echo", '{"jsonrpc": "2.0", "method": "core.echo", "params": ["hello", 7], "id": 1}'),
        ("unknown", '{"jsonrpc": "2.0", "method": "no.such", "id": "a"}'),
        ("a variable", '{"jsonrpc": "2.0", "method": "cfg.get", "params": ["core", "debug"], "id": 2}'),
        ("no JSON", "hello"),
    ):
        head = f"POST /RPC HTTP/1.1\nHost: x\nContent-Type: application/json\nContent-Length: {len(body)}\n\n"
        scene.http(label, head + body)
    scene.http("another path", "GET /index.html HTTP/1.1\nHost: x\n\n")


@case(_changed("ANTIFLOOD").replace("autoexpire=300", "autoexpire=1"), needs=PATH)
def a_flood(scene: Scene) -> None:
    """Who sends too much is banned; others are not."""
    for number in range(40):
        scene.alice.request("OPTIONS", HERE, to=f"<{HERE}>", call_id=f"flood-{number}")
    scene.settle()
    scene.label("flood")
    scene.alice.request("REGISTER", HERE, to="<sip:alice@127.0.0.1>", call_id="banned")
    scene.settle()
    scene.rpc("htable.stats")
    _register(scene)
