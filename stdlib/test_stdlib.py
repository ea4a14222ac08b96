"""The routes of `kamscript/` do their jobs, here and on a real Kamailio (`pytest stdlib --kam-real`)."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import chain, combinations
from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.lab.phone import Phone
from kamscript.lab.plugin import LabLoader
from kamscript.tools.bundle import bundled
from kamscript.tools.check import findings

HERE = Path(__file__).parent
FILES = sorted((HERE / "kamscript").glob("*.cfg"))
PARTS = ("WITH_ANTIFLOOD", "WITH_AUTH", "WITH_NAT", "WITH_LIMIT", "WITH_NUMBERS", "WITH_TRUNKS")
LIST = {"/etc/kamailio/dispatcher.list": "1 sip:10.0.1.1:5060 0 20\n1 sip:10.0.1.2:5060 0 10\n"}
USERS = [
    {"username": "alice", "domain": "example.com", "password": "wonderland"},
    {"username": "bob", "domain": "example.com", "password": "builder"},
]
HOME = "203.0.113.7"


@pytest.fixture
def sip(lab: LabLoader) -> Lab:
    return lab("proxy.cfg")


def stray(method: str, uri: str = "sip:bob@example.com", *, to_tag: str = "", headers: str = "") -> str:
    """A request that no phone would send."""
    tag = f";tag={to_tag}" if to_tag else ""
    hops = "" if "Max-Forwards" in headers else "Max-Forwards: 70\r\n"
    return (
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.99:5060;branch=z9hG4bK-stray\r\n"
        f"From: <sip:a@example.com>;tag=1\r\nTo: <sip:bob@example.com>{tag}\r\n"
        f"Call-ID: stray\r\nCSeq: 1 {method}\r\n{hops}{headers}Content-Length: 0\r\n\r\n"
    )


def talk(caller: Phone, callee: Phone) -> str:
    """Call, answer, hang up; what the call was when it was answered."""
    call = caller.call(callee)
    callee.call_waiting.answer()
    state: str = call.state
    assert call.hangup().status == 200
    return state


# -- relay, cancel, within_dialog, register ---------------------------------------------------------------------------


def test_a_call(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    assert bob.register().status == 200
    assert talk(alice, bob) == "confirmed"


def test_cancel_follows_its_invite(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    bob.register()
    call = alice.call(bob)
    bob.call_waiting.ring()
    call.cancel()
    assert (call.status, bob.call_waiting.state) == (487, "cancelled")


def test_a_stray_cancel_ends_here(sip: Lab) -> None:
    assert sip.send(stray("CANCEL")) == []


def test_a_stray_request_with_a_to_tag_is_refused(sip: Lab) -> None:
    assert sip.send(stray("INFO", to_tag="2"))[0].startswith("SIP/2.0 404 Not here")


def test_a_stray_ack_ends_here(sip: Lab) -> None:
    assert sip.send(stray("ACK", to_tag="2")) == []


def test_who_is_not_registered_is_not_found(sip: Lab) -> None:
    assert sip.phone("alice").call("bob").status == 404


def test_a_method_that_no_contact_takes(lab: LabLoader) -> None:
    sip = lab("proxy.cfg", params={"registrar": {"method_filtering": 1}})
    alice, bob = sip.phone("alice"), sip.phone("bob")
    bob.register(contact='<sip:bob@10.0.0.2>;methods="INVITE,ACK,BYE"')
    assert alice.request("MESSAGE", "sip:bob@example.com").status == 405


def test_register_refuses_a_broken_contact(sip: Lab) -> None:
    assert sip.phone("bob").register(contact="<sip:bob@10.0.0.1").status == 400


# -- checks -----------------------------------------------------------------------------------------------------------


def test_a_keepalive_is_answered(sip: Lab) -> None:
    request = sip.phone("alice").request("OPTIONS", "sip:example.com")
    assert (request.status, request.reason) == (200, "Keepalive")


def test_a_request_that_went_too_far(sip: Lab) -> None:
    assert sip.send(stray("OPTIONS", headers="Max-Forwards: 0\r\n"))[0].startswith("SIP/2.0 483 Too Many Hops")


def test_a_malformed_request_is_refused(sip: Lab) -> None:
    reply = sip.send(stray("OPTIONS").replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"))[0]
    assert reply.startswith("SIP/2.0 400")


@pytest.mark.parametrize(("agent", "replies"), [("friendly-scanner", 0), ("Phone 1.0", 1)])
def test_scanners_get_no_reply(lab: LabLoader, agent: str, replies: int) -> None:
    sip = lab("proxy.cfg", defines={"STD_SCANNERS": '"scanner|sipvicious"'})
    assert len(sip.send(stray("OPTIONS", "sip:example.com", headers=f"User-Agent: {agent}\r\n"))) == replies


# -- auth -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def safe(lab: LabLoader) -> Lab:
    return lab("proxy.cfg", defines=["WITH_AUTH"], database={"subscriber": USERS})


def test_who_knows_the_password_registers_and_calls(safe: Lab) -> None:
    alice, bob = safe.phone("alice", password="wonderland"), safe.phone("bob", password="builder")
    assert bob.register().status == 200
    assert talk(alice, bob) == "confirmed"


def test_who_does_not_is_asked_again(safe: Lab) -> None:
    alice = safe.phone("alice", password="guessed")
    assert (alice.register().status, alice.call("bob").status) == (401, 407)


def test_nobody_calls_as_somebody_else(safe: Lab) -> None:
    assert safe.phone("alice", password="builder", auth_user="bob").call("bob").status == 407


def test_the_callee_does_not_see_the_credentials(safe: Lab) -> None:
    alice, bob = safe.phone("alice", password="wonderland"), safe.phone("bob", password="builder")
    bob.register()
    call = alice.call(bob)
    bob.call_waiting.answer()
    assert bob.last_request.first("proxy-authorization") is None
    call.hangup()


def test_strangers_are_not_relayed(safe: Lab) -> None:
    text = stray("INVITE", "sip:x@elsewhere.example.org").replace("<sip:a@example.com>", "<sip:a@example.net>")
    assert safe.send(text)[0].startswith("SIP/2.0 403 Not Relaying")


def test_addresses_that_are_trusted_prove_nothing(lab: LabLoader) -> None:
    trusted = {"grp": 1, "ip_addr": "10.0.0.77", "mask": 32, "port": 0}
    sip = lab(
        "proxy.cfg",
        defines={"WITH_AUTH": "", "STD_AUTH_TRUSTED": '"1"'},
        database={"subscriber": USERS, "address": [trusted]},
    )
    bob = sip.phone("bob", password="builder")
    bob.register()
    assert talk(sip.phone("alice", "10.0.0.77"), bob) == "confirmed"
    assert sip.phone("eve", "10.0.0.78").call(bob).status == 407


# -- nat --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def home(lab: LabLoader) -> Lab:
    return lab("proxy.cfg", defines=["WITH_NAT"])


def behind(sip: Lab, user: str) -> Phone:
    """A phone with a private address behind a NAT."""
    phone = sip.phone(user, rport=True)
    sip.link(phone, nat=HOME, nat_expires=30)
    return phone


def outside(sip: Lab, user: str, where: str = "198.51.100.2") -> Phone:
    """A phone with a public address."""
    return sip.phone(user, where=where)


def test_a_call_to_a_phone_behind_a_nat(home: Lab) -> None:
    relay = home.doubles.rtpengine
    alice, bob = outside(home, "alice"), behind(home, "bob")
    bob.register()
    home.advance(minutes=5)  # pings keep the way open
    call = alice.call("bob")
    bob.call_waiting.answer()
    assert relay.operations == ["offer", "answer"]
    assert call.hangup().status == 200
    assert relay.sessions == {}


def test_a_call_from_a_phone_behind_a_nat(home: Lab) -> None:
    relay = home.doubles.rtpengine
    alice, bob = behind(home, "alice"), outside(home, "bob")
    bob.register()
    alice.call("bob")
    bob.call_waiting.answer()
    invite = bob.expect("INVITE")
    assert f";alias={HOME}~" in invite["Contact"]
    assert ";nat=yes" in invite["Record-Route"]
    bob.last_call.hangup().expect(200)
    assert alice.expect("BYE").method == "BYE"
    assert relay.sessions == {}


def test_media_of_all_calls_where_that_is_wanted(lab: LabLoader) -> None:
    sip = lab("proxy.cfg", defines={"WITH_NAT": "", "STD_MEDIA_ALWAYS": ""})
    relay = sip.doubles.rtpengine
    alice, bob = outside(sip, "alice"), outside(sip, "bob", "198.51.100.3")
    bob.register()
    call = alice.call("bob")
    bob.call_waiting.answer()
    assert f"c=IN IP4 {relay.address}" in bob.expect("INVITE").body
    assert f"c=IN IP4 {relay.address}" in call.expect(200).body
    assert call.hangup().status == 200
    assert relay.operations == ["offer", "answer", "delete"]


def test_a_call_that_nobody_takes_leaves_no_session(home: Lab) -> None:
    relay = home.doubles.rtpengine
    alice, bob = outside(home, "alice"), behind(home, "bob")
    bob.register()
    bob.rejects(486)
    assert alice.call("bob").expect("4xx").status == 486
    assert relay.sessions == {}


def test_a_call_in_the_open_needs_no_relay(home: Lab) -> None:
    alice, bob = outside(home, "alice"), outside(home, "bob", "198.51.100.3")
    bob.register()
    alice.call("bob")
    bob.call_waiting.answer()
    assert "nat=yes" not in bob.expect("INVITE")["Record-Route"]
    alice.last_call.hangup()


# -- call_limit -------------------------------------------------------------------------------------------------------


def statuses(sip: Lab, *callers: str) -> list[int]:
    """What each caller gets for a call to bob, one behind the other; then all calls are ended."""
    sip.phone("bob").register()
    sip.phones["bob"].answers()
    phones = {name: sip.phone(name) for name in dict.fromkeys(callers)}
    calls = [phones[name].call("bob") for name in callers]
    found = [call.status for call in calls]
    for call in calls:
        if call.state == "confirmed":
            call.hangup()
    return found


def test_so_many_calls_and_no_more(lab: LabLoader) -> None:
    sip = lab("proxy.cfg", defines=["WITH_LIMIT"])
    assert statuses(sip, "alice", "alice", "alice", "carol") == [200, 200, 486, 200]
    call = sip.phones["alice"].call("bob")  # the others have ended
    assert call.status == 200
    call.hangup()


def test_a_limit_and_a_reply_of_ones_own(lab: LabLoader) -> None:
    sip = lab("proxy.cfg", defines={"WITH_LIMIT": "", "STD_CALLS": "1", "STD_CALLS_CODE": '"403"'})
    assert statuses(sip, "alice", "alice") == [200, 403]


def test_no_limit(lab: LabLoader) -> None:
    sip = lab("proxy.cfg", defines={"WITH_LIMIT": "", "STD_CALLS": "0"})
    assert statuses(sip, "alice", "alice", "alice") == [200, 200, 200]


# -- trunks -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def gateways(lab: LabLoader) -> Lab:
    sip = lab("proxy.cfg", defines={"WITH_TRUNKS": "", "STD_TRUNK_SILENCE": "800"}, files=LIST)
    sip.phone("one", "10.0.1.1").answers()
    sip.phone("two", "10.0.1.2").answers()
    return sip


def taken(sip: Lab) -> list[int]:
    """How many calls each gateway has seen."""
    return [len(sip.phones[name].calls) for name in ("one", "two")]


def test_the_first_gateway_takes_the_call(gateways: Lab) -> None:
    assert gateways.phone("alice").call("sip:+4930123456@example.com").status == 200
    assert taken(gateways) == [1, 0]


def test_the_next_one_takes_what_it_refuses(gateways: Lab) -> None:
    gateways.phones["one"].rejects(503, ring=None)
    assert gateways.phone("alice").call("sip:+4930123456@example.com").status == 200
    assert taken(gateways) == [1, 1]


def test_busy_is_busy(gateways: Lab) -> None:
    gateways.phones["one"].rejects(486)
    assert gateways.phone("alice").call("sip:+4930123456@example.com").expect("4xx").status == 486
    assert taken(gateways) == [1, 0]


def test_a_silent_gateway_is_left_out_of_the_choice(gateways: Lab) -> None:
    gateways.phones["one"].silent()
    call = gateways.phone("alice").call("sip:+4930123456@example.com")
    gateways.wait(lambda: call.status == 200, timeout=5)
    seen = taken(gateways)[0]
    assert gateways.phones["alice"].call("sip:+4930123456@example.com").status == 200
    assert taken(gateways) == [seen, 2]


def test_a_call_that_is_given_up_goes_no_further(gateways: Lab) -> None:
    gateways.phones["one"].rings()
    call = gateways.phone("alice").call("sip:+4930123456@example.com")
    call.expect(180)
    call.cancel()
    call.expect(487)
    assert taken(gateways) == [1, 0]


def test_all_gateways_fail(gateways: Lab) -> None:
    for name in ("one", "two"):
        gateways.phones[name].rejects(500, ring=None)
    assert gateways.phone("alice").call("sip:+4930123456@example.com").expect("5xx").status == 500


# -- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("030123456", "+4930123456"),
        ("+4930123456", "+4930123456"),
        ("0033123456789", "+33123456789"),
        ("0049-30-12.34.56", "+4930123456"),
        ("123456", "+49123456"),
        ("110", "110"),
        ("12345", "12345"),
        ("anna-lena", "anna-lena"),
    ],
)
def test_numbers(lab: LabLoader, dialled: str, number: str) -> None:
    sip = lab("proxy.cfg", defines=["WITH_NUMBERS"])
    called = sip.phone(number)
    called.register()
    sip.phone("alice").call(f"sip:{dialled}@example.com")
    assert called.call_waiting.state == "ringing" or called.expect("INVITE").method == "INVITE"


def test_numbers_of_another_country(lab: LabLoader) -> None:
    plan = {"WITH_NUMBERS": "", "STD_COUNTRY": '"1"', "STD_INTERNATIONAL": '"011"', "STD_NATIONAL": '""'}
    sip = lab("proxy.cfg", defines=plan)
    called = [sip.phone("+12125550100"), sip.phone("+4930123456")]
    for phone in called:
        phone.register()
        phone.rejects(486)
    alice = sip.phone("alice")
    statuses = [
        alice.call(f"sip:{number}@example.com").expect("4xx").status for number in ("2125550100", "0114930123456")
    ]
    assert statuses == [486, 486]


# -- anti_flood -------------------------------------------------------------------------------------------------------


def flooded(lab: LabLoader) -> Lab:
    """A server that somebody has sent forty requests at once; it looks at five in two seconds."""
    sip = lab("proxy.cfg", defines={"WITH_ANTIFLOOD": "", "STD_FLOOD_REQUESTS": "5", "STD_BAN_SECONDS": "60"})
    texts = [stray("OPTIONS", "sip:example.com").replace("-stray", f"-stray{n}") for n in range(40)]
    replies = [len(sip.send(text)) for text in texts]
    assert (replies[:5], replies[-1]) == ([1] * 5, 0)
    return sip


def test_who_sends_too_much_is_not_heard(lab: LabLoader) -> None:
    sip = flooded(lab)
    assert any("sends too many requests" in line for line in sip.log.lines("WARNING"))
    assert sip.phone("alice").request("OPTIONS", "sip:example.com").status == 200


def test_it_is_heard_again_after_a_while(lab: LabLoader) -> None:
    sip = flooded(lab)
    sip.advance(seconds=70)
    assert len(sip.send(stray("OPTIONS", "sip:example.com"))) == 1


# -- a test's own config ----------------------------------------------------------------------------------------------


def test_a_config_that_is_a_text_includes_them(lab: LabLoader) -> None:
    sip = lab(
        text="""
listen=udp:127.0.0.1:5060
alias="example.com"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
include_file "kamscript/numbers.cfg"
request_route {
    route(STD_NUMBERS);
    sl_send_reply("404", "No $rU");
}
"""
    )
    request = sip.phone("alice").request("OPTIONS", "sip:030123456@example.com")
    assert (request.status, request.reason) == (404, "No +4930123456")


# -- the files themselves ---------------------------------------------------------------------------------------------


def test_nothing_is_found_in_any_combination() -> None:
    sets = chain.from_iterable(combinations(PARTS, n) for n in (0, 1, len(PARTS)))
    told = [
        (names, found)
        for names in sets
        for found in findings(str(HERE / "proxy.cfg"), defines=dict.fromkeys(names, ""), folder="")
        if "no dispatching list" not in found.message
    ]
    assert told == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_parameter_is_documented_with_its_default(file: Path) -> None:
    text = file.read_text(encoding="ascii")
    header = text[: text.index("\n\n") if "\n\n" in text else len(text)]
    for name, value in re.findall(r"(?m)^#!trydef (\w+) (.+)$", text):
        assert re.search(rf"(?m)^# {name} +{re.escape(value)}  ", header), f"{file.name}: {name} {value}"
    for name in re.findall(r"(?m)^#!ifn?def (STD_\w+)$", text):
        assert name == "STD_NAT" or re.search(rf"(?m)^# {name} ", header), f"{file.name}: {name}"


def test_every_file_is_in_the_manual() -> None:
    manual = (HERE.parent / "docs" / "stdlib.md").read_text(encoding="utf-8")
    missing = [file.name for file in FILES if f"`kamscript/{file.name}`" not in manual]
    routes = [name for file in FILES for name in re.findall(r"(?m)^route\[(\w+)\]", file.read_text("ascii"))]
    assert missing + [name for name in routes if f"`{name}`" not in manual] == []


@pytest.mark.kamailio
@pytest.mark.parametrize("names", [(), PARTS], ids=["plain", "whole"])
def test_kamailio_accepts_them(tmp_path: Path, names: tuple[str, ...]) -> None:
    kamailio = shutil.which("kamailio")
    if kamailio is None:
        pytest.skip("needs Kamailio: apt-get install kamailio")
    path = tmp_path / "kamailio.cfg"
    path.write_text(bundled(str(HERE / "proxy.cfg")), "latin-1")
    options = [word for name in names for word in ("-A", name)]
    command = [kamailio, "-c", "-f", str(path), *options]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
