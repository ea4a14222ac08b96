"""Each route does its job here, and real Kamailio accepts it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.lab.plugin import LabLoader

HERE = Path(__file__).parent
MODULES = ("tm", "sl", "rr", "pv", "maxfwd", "sanity", "textops", "siputils", "usrloc", "registrar")
FILES = ("initial_checks", "within_dialog", "cancel", "register")


def config(port: int = 5060) -> str:
    """A whole proxy made of nothing but the routes of this folder."""
    lines = ["#!KAMAILIO", f"listen=udp:127.0.0.1:{port}", 'alias="example.com"', "children=1"]
    lines += [f'loadmodule "{name}.so"' for name in MODULES]
    lines += [(HERE / f"{name}.cfg").read_text(encoding="utf-8") for name in FILES]
    lines.append(
        """request_route {
    route(STD_INITIAL_CHECKS);
    route(STD_CANCEL);
    route(STD_WITHIN_DIALOG);
    route(STD_REGISTER);
    record_route();
    if (!lookup("location")) {
        sl_send_reply("404", "Not Found");
        exit;
    }
    t_relay();
}
"""
    )
    return "\n".join(lines)


@pytest.fixture
def sip(lab: LabLoader) -> Lab:
    return lab(text=config())


def test_together_they_carry_a_call(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    assert bob.register().status == 200
    call = alice.call(bob)
    bob.call_waiting.answer()
    assert call.state == "confirmed"
    assert call.hangup().status == 200


def test_initial_checks_answer_a_keepalive(sip: Lab) -> None:
    request = sip.phone("alice").request("OPTIONS", "sip:example.com")
    assert (request.status, request.reason) == (200, "Keepalive")


def test_cancel_follows_its_invite(sip: Lab) -> None:
    alice, bob = sip.phone("alice"), sip.phone("bob")
    bob.register()
    call = alice.call(bob)
    bob.call_waiting.ring()
    call.cancel()
    assert (call.status, bob.call_waiting.state) == (487, "cancelled")


def test_a_stray_request_with_a_to_tag_is_refused(sip: Lab) -> None:
    reply = sip.send(
        "INFO sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.99:5060;branch=z9hG4bK-stray\r\n"
        "From: <sip:a@example.com>;tag=1\r\nTo: <sip:bob@example.com>;tag=2\r\n"
        "Call-ID: stray\r\nCSeq: 1 INFO\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )[0]
    assert reply.startswith("SIP/2.0 404 Not here")


def test_register_refuses_a_broken_contact(sip: Lab) -> None:
    assert sip.phone("bob").register(contact="<sip:bob@10.0.0.1").status == 400


@pytest.mark.kamailio
def test_kamailio_accepts_them(tmp_path: Path) -> None:
    kamailio = shutil.which("kamailio")
    if kamailio is None:
        pytest.skip("needs Kamailio: apt-get install kamailio")
    path = tmp_path / "kamailio.cfg"
    path.write_text(config())
    checked = subprocess.run([kamailio, "-c", "-f", str(path)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
