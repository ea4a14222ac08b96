"""Parameters of registrar that no other file shows at work."""

from __future__ import annotations

import pytest

from .serving import Served, contact_header

MODULES = "tm sl pv textops xlog kex usrloc registrar"
CONTACT = "<sip:bob@127.0.0.12:5060>"
ROUTES = """
request_route {
    if (is_method("REGISTER")) { if ($hdr(X-Bit) != $null) setbflag(3); save("location"); exit; }
    lookup("location");
    xlog("$rc\\n");
}
"""


def served(*lines: str, routes: str = ROUTES, listen: str = "listen=udp:127.0.0.1:5060\n") -> Served:
    return Served("".join(f'modparam("registrar", {line})\n' for line in lines) + routes, MODULES, listen=listen)


def seconds(server: Served, user: str) -> int:
    return int(contact_header(server.register(CONTACT, user)).rpartition("=")[2])


def test_default_expires_range_lets_chance_shorten_the_default() -> None:
    server = served('"default_expires", 1000', '"default_expires_range", 20')
    found = [seconds(server, f"u{number}") for number in range(40)]
    assert 800 <= min(found) < 850 and 950 < max(found) <= 1000
    assert {seconds(served('"default_expires", 1000'), f"u{number}") for number in range(3)} == {1000}


def test_default_expires_range_is_a_statistic() -> None:
    shown = served('"default_expires_range", 20').rpc("stats.get_statistics", "default_expires_range")
    assert shown == ["registrar:default_expires_range = 20"]


@pytest.mark.parametrize(("mode", "socket"), [(0, "udp:127.0.0.1:5060"), (1, "udp:192.0.2.7:5080")])
def test_sock_mode_keeps_the_advertised_address(mode: int, socket: str) -> None:
    server = served(f'"sock_mode", {mode}', listen="listen=udp:127.0.0.1:5060 advertise 192.0.2.7:5080\n")
    server.register(f"{CONTACT};expires=100")
    assert socket in str(server.rpc("ul.dump"))


@pytest.mark.parametrize(
    ("mask", "names"),
    [
        (0, "ruid contact expires"),
        (1, "contact expires"),
        (2, "ruid expires"),
        (4, "ruid contact"),
        (7, ""),
    ],
)
def test_xavp_rcd_mask_leaves_details_out(mask: int, names: str) -> None:
    shown = "".join(f'if ($xavp(ulrcd=>{n}) != $null) xlog("{n}\\n"); ' for n in ("ruid", "contact", "expires"))
    routes = ROUTES.replace('xlog("$rc\\n");', shown)
    server = served('"xavp_rcd", "ulrcd"', f'"xavp_rcd_mask", {mask}', routes=routes)
    server.register(f"{CONTACT};expires=100")
    server.request("OPTIONS")
    assert " ".join(server.script) == names


@pytest.mark.parametrize(("length", "status"), [(40, "200"), (41, "400")])
def test_contact_max_size_refuses_longer_uris(length: int, status: str) -> None:
    uri = "sip:bob@127.0.0.12;x=".ljust(length, "x")
    reply = served('"contact_max_size", 40').register(f"<{uri}>;expires=100")
    assert reply.text.split(" ")[1] == status


@pytest.mark.parametrize(("header", "found"), [("X-Bit: 1", "1"), ("", "-1")])
def test_lookup_filter_mode_1_wants_flags_of_the_contact(header: str, found: str) -> None:
    routes = ROUTES.replace('lookup("location");', '$xavp(cfg=>rlf_bflags) = 8; lookup("location");')
    server = served('"lookup_filter_mode", 1', '"xavp_cfg", "cfg"', routes=routes)
    server.register(f"{CONTACT};expires=100", headers=header)
    server.request("OPTIONS")
    assert server.script == [found]
