"""registrar: what the differential cases do not show: refusals at load, statistics, streams, functions of 6.x."""

from __future__ import annotations

import re

import pytest

from kamscript.source import ConfigError

from .serving import PHONE, Served, contact_header

MODULES = "tm sl pv textops xlog kex usrloc registrar"
SAVE = 'request_route { save("location"); }\n'
CONTACT = "<sip:bob@127.0.0.12:5060>"
INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'
TCP = "listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\n"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ('modparam("registrar", "outbound_mode", 3)', "outbound_mode modparam must be"),
        ('modparam("registrar", "regid_mode", 2)', "regid_mode modparam must be"),
        ('modparam("registrar", "flow_timer", 25)', "bad value for flow_timer"),
        ('modparam("registrar", "flow_timer", 1000)\nmodparam("registrar", "outbound_mode", 1)', "flow_timer"),
        ('modparam("registrar", "received_avp", "$var(x)")', "malformed or non AVP"),
    ],
)
def test_parameters_that_kamailio_refuses(settings: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        Served(settings + "\n" + SAVE, MODULES)


@pytest.mark.parametrize("flags", ["x", "-1", "64"])
def test_flags_of_save_that_are_none(flags: str) -> None:
    with pytest.raises(ConfigError, match="bad flags"):
        Served(f'request_route {{ save("location", "{flags}"); }}\n', MODULES)


def test_memory_only_needs_memory() -> None:
    settings = 'modparam("usrloc", "db_mode", 3)\nmodparam("usrloc", "db_url", "mysql://u:p@h/k")\n'
    with pytest.raises(ConfigError, match="MEM flag set"):
        Served(settings + 'request_route { save("location", "0x01"); }\n', f"db_mysql {MODULES}")


def test_a_memory_only_contact_stays_out_of_the_database() -> None:
    settings = 'modparam("usrloc", "db_mode", 1)\nmodparam("usrloc", "db_url", "mysql://u:p@h/k")\n'
    served = Served(settings + 'request_route { save("location", "0x01"); }\n', f"db_mysql {MODULES}")
    served.register(f"{CONTACT};expires=100")
    assert list(served.databases("mysql://u:p@h/k").query("location", ["contact"])) == []
    assert contact_header(served.register("", cseq=2)) == f"{CONTACT};expires=100"


def test_statistics_count_registrations_and_show_settings() -> None:
    served = Served('modparam("registrar", "max_contacts", 1)\n' + SAVE, MODULES)
    served.register(f"{CONTACT};expires=100")
    served.register("<sip:other@127.0.0.12>;expires=100", cseq=2)
    shown = dict(line.split(" = ") for line in served.rpc("stats.get_statistics", "registrar:"))
    assert shown["registrar:accepted_regs"] == shown["registrar:rejected_regs"] == "1"
    assert (shown["registrar:max_contacts"], shown["registrar:default_expire"]) == ("1", "3600")


def test_settings_change_at_run_time() -> None:
    served = Served(SAVE, MODULES + " cfg_rpc")
    assert served.rpc("cfg.seti", "registrar", "default_expires", 120) == []
    assert contact_header(served.register(CONTACT)) == f"{CONTACT};expires=120"
    assert served.rpc("cfg.seti", "registrar", "default_q", 2000) == "400 Failed to set the variable"


def test_the_range_shortens_lifetimes_by_chance() -> None:
    served = Served('modparam("registrar", "expires_range", 50)\n' + SAVE, MODULES)
    lifetimes = {
        int(contact_header(served.register(f"{CONTACT};expires=1000", cseq=cseq)).rpartition("=")[2])
        for cseq in range(1, 30)
    }
    assert len(lifetimes) > 5
    assert all(500 <= seconds <= 1000 for seconds in lifetimes)


def test_the_connection_of_a_contact_is_kept() -> None:
    config = 'request_route { if (is_method("REGISTER")) { save("location"); exit; } reg_fetch_contacts("location", '
    config += '"sip:bob@example.com", "p"); xlog("$ulc(p=>conid) $ulc(p=>socket)\\n"); }\n'
    served = Served(config, MODULES, listen=TCP)
    served.register(f"<sip:bob@{PHONE[0]};transport=tcp>;expires=100", proto="tcp", connection=7)
    served.request()
    assert served.script == ["7 tcp:127.0.0.1:5060"]


def test_a_gruu_leads_to_its_instance() -> None:
    config = 'request_route { if (is_method("REGISTER")) { save("location"); exit; } lookup("location"); '
    config += 'xlog("$rc $ru\\n"); }\n'
    served = Served(config, MODULES)
    reply = served.register(f"{CONTACT};{INSTANCE};expires=100", headers="Supported: gruu")
    (temporary,) = re.findall(r'temp-gruu="<?(sip:[^">]*)', reply.text) or re.findall(
        r'temp-gruu="([^"]*)"', reply.text
    )
    user = temporary.removeprefix("sip:").partition("@")[0]
    served.request("OPTIONS", user)
    text = f"OPTIONS {temporary} SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.12:5060;branch=z9hG4bKx\nFrom: <sip:a@b>;tag=1\n"
    served.send(f"{text}To: <sip:b@c>\nCall-ID: x\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n")
    assert served.script[-1] == "1 sip:bob@127.0.0.12:5060"


SIX = """
request_route {
    if (is_method("REGISTER")) { save("location"); exit; }
    lookup_xavp("location", "sip:bob@example.com", "rec", "con");
    xlog("$rc $xavp(rec=>aor) $xavp(rec=>count) $xavp(con[0]=>uri) $xavp(con[1]=>uri)\\n");
    reg_from_user("location", "sip:bob@example.com", "1");
    xlog("$rc\\n");
    reg_from_user("location", "sip:nobody@example.com", "0");
    xlog("$rc\\n");
}
"""


def test_functions_of_the_sixth_generation() -> None:
    served = Served(SIX, MODULES, target="6.x")
    served.register(f"{CONTACT};expires=100, <sip:b@127.0.0.13>;expires=100")
    served.request()
    first, second, third = served.script
    assert first.startswith("1 bob 2 ")
    assert "sip:bob@127.0.0.12:5060" in first
    assert (second, third) == ("1", "-1")


def test_the_sixth_generation_only() -> None:
    with pytest.raises(ConfigError):
        Served(SIX, MODULES)
