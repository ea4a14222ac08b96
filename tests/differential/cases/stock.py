"""The configuration that Debian installs, untouched but for the number of processes and where the log goes."""

from __future__ import annotations

import re
from pathlib import Path

from ..case import Scene, case
from ..digest import answer, challenge

PATH = "/etc/kamailio/kamailio.cfg"


def _stock(*defines: str) -> str:
    try:
        text = Path(PATH).read_text("latin-1")
    except OSError:
        return ""
    text = re.sub(r"(?m)^log_stderror=no$", "log_stderror=yes", text)
    text = re.sub(r"(?m)^children=8$", "children=1", text)
    return "#!KAMAILIO\n" + "".join(f"#!define {name}\n" for name in defines) + text


BOB = "sip:bob@127.0.0.1:21200"


def _register(scene: Scene, contact: str = "<sip:bob@127.0.0.12:21200>;expires=600") -> None:
    scene.bob.request(
        "REGISTER",
        "sip:127.0.0.1:21200",
        to="<sip:bob@127.0.0.1:21200>",
        from_="<sip:bob@127.0.0.1:21200>",
        call_id="reg",
        headers=f"Contact: {contact}",
        contact=False,
    )
    scene.bob.expect(200)


@case(_stock(), needs=PATH)
def a_call_to_a_registered_user(scene: Scene) -> None:
    """REGISTER, INVITE, 180, 200, ACK, re-INVITE, BYE: record-routed and accounted."""
    _register(scene)
    scene.alice.request("INVITE", BOB, to=f"<{BOB}>", body="v=0\n", headers="Content-Type: application/sdp")
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    invite.answer(200, "OK", headers="Contact: <sip:bob@127.0.0.12:21200>", body="v=0\n")
    ok = scene.alice.expect(200)
    route = f"Route: {ok.header('Record-Route')}"
    contact = "sip:bob@127.0.0.12:21200"
    scene.alice.request("ACK", contact, to=f"<{BOB}>", to_tag="bob", headers=route)
    scene.bob.expect("ACK")
    scene.alice.request("INVITE", contact, to=f"<{BOB}>", to_tag="bob", cseq=2, headers=route)
    again = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    again.answer(200, "OK")
    scene.alice.expect(200)
    scene.alice.request("ACK", contact, to=f"<{BOB}>", to_tag="bob", cseq=2, headers=route)
    scene.bob.expect("ACK")
    scene.alice.request("BYE", contact, to=f"<{BOB}>", to_tag="bob", cseq=3, headers=route)
    scene.bob.expect("BYE").answer(200, "OK")
    scene.alice.expect(200)


@case(_stock(), needs=PATH)
def a_call_cancelled(scene: Scene) -> None:
    """CANCEL while it rings."""
    _register(scene)
    call = scene.alice.request("INVITE", BOB, to=f"<{BOB}>")
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    scene.alice.cancel(call)
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    invite.answer(487, "Request Terminated")
    scene.bob.expect("ACK")
    gone = scene.alice.expect(487)
    scene.alice.ack(call, gone)


@case(_stock(), needs=PATH)
def a_call_refused(scene: Scene) -> None:
    """486 passes and the missed call is accounted."""
    _register(scene)
    call = scene.alice.request("INVITE", BOB, to=f"<{BOB}>")
    scene.bob.expect("INVITE").answer(486, "Busy Here")
    scene.alice.expect(100)
    scene.bob.expect("ACK")
    scene.alice.ack(call, scene.alice.expect(486))


@case(_stock(), needs=PATH)
def everything_else_the_stock_config_answers(scene: Scene) -> None:
    """Unknown user, OPTIONS, foreign domains, requests outside a dialog, hop limit, scanners, stray ACK and CANCEL."""
    here = "sip:127.0.0.1:21200"
    scene.alice.request("INVITE", "sip:nobody@127.0.0.1:21200", call_id="unknown")
    scene.settle()
    scene.alice.request("OPTIONS", here, call_id="options")
    scene.alice.request("OPTIONS", "sip:nobody@127.0.0.1:21200", call_id="options-user")
    scene.alice.request("INVITE", "sip:bob@127.0.0.12:21200", call_id="foreign")
    scene.settle()
    scene.bob.drain()
    scene.alice.request("BYE", "sip:bob@127.0.0.12:21200", to_tag="x", call_id="outside")
    scene.alice.request("ACK", "sip:bob@127.0.0.12:21200", to_tag="x", call_id="stray-ack")
    scene.alice.request("CANCEL", BOB, call_id="stray-cancel")
    scene.alice.request("OPTIONS", here, max_forwards=0, call_id="hops")
    scene.alice.request("OPTIONS", here, headers="User-Agent: friendly-scanner", call_id="scanner")
    scene.alice.request("OPTIONS", here, headers="User-Agent: sipcli/1", call_id="sipcli")
    scene.alice.request("PUBLISH", BOB, call_id="publish")
    scene.alice.request("SUBSCRIBE", BOB, call_id="subscribe")
    scene.alice.request("MESSAGE", "sip:nobody@127.0.0.1:21200", call_id="message")
    scene.alice.request("INFO", "sip:@127.0.0.1:21200", call_id="no-user")
    scene.alice.request("INVITE", BOB, headers="Route: <sip:127.0.0.12:21200;lr>", call_id="preloaded")
    scene.alice.request("REGISTER", here, to="<sip:a@127.0.0.1:21200>", headers="Expires: 9999", call_id="long")
    scene.alice.request("FOO", BOB, call_id="odd-method")
    scene.alice.send("OPTIONS sip:x@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-1\n\n")
    scene.settle()


@case(_stock("WITH_DEBUG"), needs=PATH)
def cfgtrace_of_the_stock_config(scene: Scene) -> None:
    """Each action that an OPTIONS and a REGISTER run through."""
    scene.alice.request("OPTIONS", "sip:127.0.0.1:21200")
    scene.settle()
    _register(scene)


LOOKUPS = _stock(
    *('DBURL "sqlite:///DATABASE"', "WITH_AUTH", "WITH_IPAUTH", "WITH_ALIASDB", "WITH_SPEEDDIAL", "WITH_MULTIDOMAIN")
).replace('loadmodule "jsonrpcs.so"', 'loadmodule "db_sqlite.so"\nloadmodule "jsonrpcs.so"')


@case(LOOKUPS, needs=PATH)
def addresses_aliases_short_numbers_and_domains(scene: Scene) -> None:
    """A gateway calls a short number of its own, which is an alias of a user in a domain of the table."""
    scene.rpc("domain.dump")
    scene.execute(
        "INSERT INTO domain (domain) VALUES ('example.com')",
        "INSERT INTO address (grp, ip_addr, mask, tag) VALUES (1, '127.0.0.14', 32, 'gateway')",
        "INSERT INTO subscriber (username, domain, password, ha1, ha1b) "
        "VALUES ('alice', 'example.com', 'secret', '', '')",
        "INSERT INTO dbaliases (alias_username, alias_domain, username, domain) "
        "VALUES ('sales', 'example.com', 'alice', 'example.com')",
        "INSERT INTO speed_dial (username, domain, sd_username, sd_domain, new_uri, fname, lname, description) "
        "VALUES ('dave', 'example.com', '11', 'example.com', 'sip:sales@example.com', '', '', '')",
    )
    scene.rpc("domain.reload")
    scene.rpc("permissions.addressReload")
    uri, alice = "sip:example.com", "<sip:alice@example.com>"
    scene.alice.request("REGISTER", uri, to=alice, call_id="reg")
    asked = challenge(scene.alice.expect(401))
    headers = f"Authorization: {answer(asked, 'REGISTER', uri)}"
    scene.alice.request("REGISTER", uri, to=alice, call_id="reg", cseq=2, headers=headers)
    scene.alice.expect(200)
    for number, called in enumerate(("11", "sales", "alice", "12", "nobody")):
        scene.dave.request("MESSAGE", f"sip:{called}@example.com", call_id=f"m{number}")
        if called in ("11", "sales", "alice"):
            scene.alice.expect("MESSAGE").answer(200, "OK")
        scene.settle()
    scene.bob.request("MESSAGE", "sip:alice@example.com", call_id="unknown")
    scene.bob.request("MESSAGE", "sip:alice@example.com", call_id="foreign", from_="<sip:bob@example.org>")
    scene.alice.expect("MESSAGE").answer(200, "OK")
    scene.bob.request("MESSAGE", "sip:alice@example.org", call_id="relay", from_="<sip:bob@example.org>")
