"""What `--kam-real` does without a Kamailio: addresses, comparisons, reasons, configs made ready."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.lab.real.config import for_loopback
from kamscript.lab.real.loopback import Loopback, NotOnReal
from kamscript.lab.real.transcript import differences, transcript

CONFIG = """
listen=udp:127.0.0.1:22800
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
request_route {{ xlog("L_ERR", "asked by $fU\\n"); sl_send_reply("{}", "Nobody"); }}
"""


@pytest.fixture
def names() -> Iterator[Loopback]:
    found = Loopback()
    yield found
    found.close()


@pytest.mark.parametrize(
    "text",
    [
        "INVITE sip:bob@10.0.0.2:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1\r\n\r\n",
        "Route: <sip:127.0.0.1;lr>, <sip:192.168.1.9:5080;lr>\r\n\r\n",
        "listen=udp:127.0.0.1:5060 advertise 203.0.113.5:5061\n",
        "no address: 1.2.3, 1.2.3.4.5, 300.1.1.1, 0.0.0.0, 239.1.2.3",
    ],
)
def test_addresses_come_back_as_they_went(names: Loopback, text: str) -> None:
    there = names.outward(text.encode())
    assert names.inward(there).decode() == text


def test_addresses_go_to_loopback_and_keep_what_masks_look_at(names: Loopback) -> None:
    one, other = names.place(("10.0.3.4", 5060)), names.place(("10.0.3.9", 5070))
    assert one[0].startswith("127.") and one[0].endswith(".3.4") and one[1] == 5060
    assert one[0].rpartition(".")[0] == other[0].rpartition(".")[0]
    assert names.place(("192.168.3.4", 1))[0] != one[0]
    assert names.seen(one) == ("10.0.3.4", 5060)


def test_what_is_on_loopback_already_stays(names: Loopback) -> None:
    there = names.outward(b"sip:10.0.0.1")
    assert names.outward(there) == there


def test_content_length_follows_the_body(names: Loopback) -> None:
    text = b"INVITE sip:x SIP/2.0\r\nContent-Length: 20\r\n\r\nc=IN IP4 10.0.0.1\r\n\r\n"[:-1]
    text = text.replace(b"20", b"%d" % len(text.partition(b"\r\n\r\n")[2]))
    there = names.outward(text)
    head, _, body = there.partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head and len(body) > len(text.partition(b"\r\n\r\n")[2])
    assert names.inward(there) == text


def test_a_wrong_content_length_stays_wrong(names: Loopback) -> None:
    assert b"l: 7\r\n" in names.outward(b"INVITE sip:x SIP/2.0\r\nl: 7\r\n\r\nc=IN IP4 10.0.0.1\r\n")


def test_call_ids_keep_their_text_wherever_they_stand(names: Loopback) -> None:
    names.outward(b"BYE sip:x SIP/2.0\r\nCall-ID: 1-alice@10.0.0.1\r\n\r\n")
    assert names.out("1-alice@10.0.0.1") == "1-alice@10.0.0.1"
    assert names.out("sip:alice@10.0.0.1") != "sip:alice@10.0.0.1"


def test_too_many_networks_are_a_reason(names: Loopback) -> None:
    with pytest.raises(NotOnReal, match="more than 10 networks"):
        names.out(" ".join(f"10.{number}.0.1" for number in range(11)))


def test_two_tests_side_by_side_have_different_addresses(names: Loopback) -> None:
    other = Loopback()
    assert names.place(("10.0.0.1", 1)) != other.place(("10.0.0.1", 1))
    other.close()


def test_a_config_loses_what_belongs_to_a_machine_and_keeps_its_lines() -> None:
    config = """children=8
user="kamailio"
log_stderror=no
mpath="/nowhere/at/all/"
loadmodule "db_mysql.so"
modparam("ctl", "binrpc", "tcp:localhost:2046")
modparam("tm", "fr_timer", 3000)
modparam("usrloc", "db_url", "mysql://kamailio:secret@db.example.com/kamailio")
request_route { $var(user) = "x"; }
"""
    made = for_loopback(config, {"tm": {"fr_timer": 1}}, Path("/tmp/x"), lambda url: Path("/tmp/x/1.db"))
    assert made.split("\n") == [
        "", "", "", "", 'loadmodule "db_sqlite.so"', "", "", 'modparam("usrloc", "db_url", "sqlite:////tmp/x/1.db")',
        'request_route { $var(user) = "x"; }', "",
    ]  # fmt: skip


def run(status: str, seed: int = 1) -> Lab:
    lab = Lab(text=CONFIG.format(status), seed=seed)
    lab.phone("alice").options()
    return lab


def test_what_servers_make_up_is_no_difference() -> None:
    assert differences(transcript(run("404")), transcript(run("404", seed=2))) == []


def test_differences_are_told_by_party_and_line() -> None:
    changed = Lab(text=CONFIG.format("480").replace("asked by", "called by"))
    changed.phone("alice").options()
    assert differences(transcript(run("404")), transcript(changed)) == [
        "alice got:\n  lab:      SIP/2.0 404 Nobody (1 OPTIONS)\n  kamailio: SIP/2.0 480 Nobody (1 OPTIONS)",
        "the script logged:\n  lab:      asked by alice\n  kamailio: called by alice",
    ]


def test_a_header_that_differs_is_told() -> None:
    with_header = CONFIG.format("404").replace("sl_send", 'append_to_reply("X: 1\\r\\n"); sl_send')
    changed = Lab(text=with_header.replace('loadmodule "pv', 'loadmodule "textops.so"\nloadmodule "pv'))
    changed.phone("alice").options()
    assert differences(transcript(run("404")), transcript(changed)) == [
        "alice got SIP/2.0 404 Nobody (1 OPTIONS):\n  lab:      (nothing)\n  kamailio: X: 1"
    ]
