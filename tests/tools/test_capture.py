"""SIP out of capture files: formats, links, fragments, streams, and what is no capture."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from kamscript.tools.capture import Captured, CaptureError, Reading, read_capture

from . import captures
from .captures import of_messages, pcap, pcapng, tcp, udp

ALICE, SERVER = ("10.0.0.1", 5060), ("10.0.0.9", 5060)
TEXT = "OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 4\r\n\r\nbody"
WHEN = 1700000000.25
ONE = [(WHEN, ALICE, SERVER, TEXT)]


def read(tmp_path: Path, data: bytes, reading: Reading | None = None) -> list[Captured]:
    path = tmp_path / "a.pcap"
    path.write_bytes(data)
    return list(read_capture(path, reading))


def is_the_one(found: list[Captured]) -> bool:
    one = found[0]
    return len(found) == 1 and (tuple(one.source), tuple(one.target), one.text, one.time) == (ALICE, SERVER, TEXT, WHEN)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_classic_files_of_both_byte_orders_and_units(tmp_path: Path, order: str, nano: bool) -> None:
    assert is_the_one(read(tmp_path, pcap(of_messages(ONE), order=order, nano=nano)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_newer_files_of_both_byte_orders_and_units(tmp_path: Path, order: str, nano: bool) -> None:
    assert is_the_one(read(tmp_path, pcapng(of_messages(ONE), order=order, nano=nano)))


@pytest.mark.parametrize("link", sorted(captures.LINKS))
def test_link_types(tmp_path: Path, link: int) -> None:
    assert is_the_one(read(tmp_path, pcap(of_messages(ONE), link=link)))


@pytest.mark.parametrize("link", sorted(captures.LINKS))
def test_ipv6_on_every_link(tmp_path: Path, link: int) -> None:
    packet = udp(("2001:db8::1", 5060), ("2001:db8::9", 5060), TEXT)
    (one,) = read(tmp_path, pcap([(WHEN, packet)], link=link))
    assert (str(one.source), one.text) == ("[2001:db8::1]:5060", TEXT)


def test_vlan_tags(tmp_path: Path) -> None:
    frame = captures.vlan(udp(ALICE, SERVER, TEXT))
    assert is_the_one(read(tmp_path, pcap([(WHEN, frame)], framed=True)))


def test_a_packed_file(tmp_path: Path) -> None:
    assert is_the_one(read(tmp_path, gzip.compress(pcap(of_messages(ONE)))))


def test_fragments_are_put_together_in_any_order(tmp_path: Path) -> None:
    data = udp(ALICE, SERVER, TEXT)[20:]
    pieces = [
        captures.ip(ALICE[0], SERVER[0], 17, data[40:], offset=40),
        captures.ip(ALICE[0], SERVER[0], 17, data[:24], more=True),
        captures.ip(ALICE[0], SERVER[0], 17, data[24:40], offset=24, more=True),
    ]
    assert is_the_one(read(tmp_path, pcap([(WHEN, piece) for piece in pieces])))


def test_a_stream_is_cut_by_content_length(tmp_path: Path) -> None:
    data = (TEXT + "\r\n\r\n" + TEXT.replace("ID: 1", "ID: 2")).encode()
    packets = [
        tcp(ALICE, SERVER, 99, b"", 2),
        tcp(ALICE, SERVER, 100, data[:30]),
        tcp(ALICE, SERVER, 100, data[:30]),  # sent again
        tcp(ALICE, SERVER, 160, data[60:]),  # before its turn
        tcp(ALICE, SERVER, 120, data[20:60]),  # overlaps
    ]
    found = read(tmp_path, pcap([(WHEN, packet) for packet in packets]))
    assert [one.text for one in found] == [TEXT, TEXT.replace("ID: 1", "ID: 2")]
    assert {one.proto for one in found} == {"tcp"}


def test_a_stream_whose_numbers_wrap(tmp_path: Path) -> None:
    data = TEXT.encode()
    packets = [tcp(ALICE, SERVER, 2**32 - 10, data[:10]), tcp(ALICE, SERVER, 0, data[10:])]
    assert [one.text for one in read(tmp_path, pcap([(WHEN, packet) for packet in packets]))] == [TEXT]


def test_a_stream_that_was_there_before_the_capture(tmp_path: Path) -> None:
    packets = [tcp(ALICE, SERVER, 500, b"rest of a body\r\n" + TEXT.encode())]
    assert [one.text for one in read(tmp_path, pcap([(WHEN, packet) for packet in packets]))] == [TEXT]


def test_what_is_no_sip_is_counted(tmp_path: Path) -> None:
    reading = Reading()
    packets = [
        (WHEN, udp(ALICE, SERVER, "\x80\x00 some audio")),
        (WHEN, tcp(ALICE, SERVER, 1, b"\x16\x03\x01 a handshake")),
        (WHEN, captures.ip(ALICE[0], SERVER[0], 1, b"ping")),
        (WHEN, udp(ALICE, SERVER, "\r\n\r\n")),
    ]
    assert read(tmp_path, pcap(packets), reading) == []
    assert reading.passed == {
        "UDP that is no SIP": 1,
        "TCP that is no SIP (TLS, WebSocket?)": 1,
        "neither UDP nor TCP": 1,
    }


def test_a_capture_that_was_cut_off_gives_what_is_whole(tmp_path: Path) -> None:
    whole = pcap(of_messages(ONE * 2))
    assert len(read(tmp_path, whole[:-5])) == 1
    newer = pcapng(of_messages(ONE * 2))
    assert len(read(tmp_path, newer[:-5])) == 1


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "an empty file"),
        (b"#!KAMAILIO\n", "it begins with '#!KA'"),
        (b"\x00\x01\x02\x03", "it begins with 00 01 02 03"),
        (pcap([])[:10], "ends within its header"),
        (pcap([]) + b"\xff" * 16, "the file is broken"),
        (pcapng([]) + b"\x06\0\0\0\x07\0\0\0", "the file is broken"),
        (b"\x0a\x0d\x0d\x0a" + bytes(24), "without a byte order"),
        (gzip.compress(pcap(of_messages(ONE)))[:-20], "packed by gzip"),
    ],
)
def test_what_is_no_capture_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    with pytest.raises(CaptureError, match=r"a\.pcap") as error:
        read(tmp_path, data)
    assert told in str(error.value)


@pytest.mark.parametrize("make", [pcap, pcapng])
def test_no_damage_raises_anything_else(tmp_path: Path, make: object) -> None:
    assert callable(make)
    whole = make(of_messages(ONE))
    for at in range(len(whole)):
        for value in (0, 0x7F, 0xFF):
            try:
                read(tmp_path, whole[:at] + bytes([value]) + whole[at + 1 :])
            except CaptureError:
                continue
