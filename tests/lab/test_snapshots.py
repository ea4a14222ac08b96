"""Snapshots as an API; `test_plugin_snapshots.py` shows them in pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.lab.normal import Normaliser
from kamscript.lab.snapshots import Snapshot

CONFIG = Path(__file__).with_name("proxy.cfg")


def called(seed: int = 1) -> Lab:
    lab = Lab(CONFIG, seed=seed)
    alice, bob = lab.phone("alice"), lab.phone("bob")
    alice.call("bob")
    bob.call_waiting.answer()
    return lab


def test_messages_are_those_that_the_server_sent() -> None:
    lab = called()
    assert lab.messages.firsts == [
        "SIP/2.0 100 trying -- your call is important to us",
        "INVITE sip:bob@example.com SIP/2.0",
        "SIP/2.0 200 OK",
        "ACK sip:bob@10.0.0.2:5060 SIP/2.0",
    ]
    assert lab.messages[1].startswith("INVITE ") and lab.messages[1:2] == [lab.messages[1]]
    assert len(lab.messages) == 4


def test_a_snapshot_names_what_the_server_made_up_and_keeps_what_the_phones_did() -> None:
    text = str(called().messages)
    assert text.startswith("--- 0.000 kamailio > alice\nSIP/2.0 100 trying -- your call is important to us\n")
    assert "--- 0.000 kamailio > bob\nINVITE sip:bob@example.com SIP/2.0\n" in text
    assert "branch={branch 1}.0" in text
    assert "Call-ID: 1-alice@10.0.0.1\n" in text
    assert ".{h_id 1}" in text
    assert "\r" not in text


def test_another_seed_gives_the_same_snapshot() -> None:
    one, other = called(1), called(2)
    assert one.messages[1] != other.messages[1]
    assert str(one.messages) == str(other.messages)


def test_log_and_rows_on_request() -> None:
    lab = Lab(CONFIG, defines=["WITH_DB"])
    alice, bob = lab.phone("alice"), lab.phone("bob")
    call = alice.call("bob")
    bob.call_waiting.answer()
    text = lab.snapshot(messages=False, log=True, rows=["dialog_vars"])
    assert text.startswith("--- log\nINFO: <script>: alice calls bob\n\n--- table dialog_vars\n  hash_entry=")
    assert "dialog_key=to  dialog_value=bob\n" in text
    with pytest.raises(LookupError, match="no database has a table acc"):
        lab.snapshot(rows=["acc"])
    call.hangup()


def test_a_snapshot_is_written_only_on_demand(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "one.txt"
    snapshot = Snapshot(file)
    assert called().messages != snapshot
    assert not file.exists()
    assert snapshot.explain().startswith(f"there is no snapshot {file} yet: pytest --kam-update writes it")
    update = Snapshot(file, update=True)
    assert called().messages == update and update.written
    assert called(7).messages == Snapshot(file)


def test_an_unchanged_snapshot_is_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / "one.txt"
    assert called().messages == Snapshot(file, update=True)
    again = Snapshot(file, update=True)
    assert called().messages == again and not again.written


def test_a_difference_is_shown_with_the_message_it_is_in(tmp_path: Path) -> None:
    file = tmp_path / "one.txt"
    assert called().messages == Snapshot(file, update=True)
    file.write_text(file.read_text().replace("Max-Forwards: 70", "Max-Forwards: 69", 1))
    snapshot = Snapshot(file)
    assert called().messages != snapshot
    assert snapshot.explain().startswith(f"not as in {file}: see the difference")
    lines = snapshot.difference().split("\n")
    assert "-Max-Forwards: 69" in lines and "+Max-Forwards: 70" in lines
    assert " INVITE sip:bob@example.com SIP/2.0" in lines


def test_any_text_may_be_kept(tmp_path: Path) -> None:
    lab = called()
    assert lab.messages[2] == Snapshot(tmp_path / "reply.txt", update=True)
    assert (tmp_path / "reply.txt").read_text().startswith("SIP/2.0 200 OK\n")


def test_values_keep_their_names() -> None:
    normaliser = Normaliser()
    assert normaliser.text("tag=a;tag=b;tag=a") == "tag={tag 1};tag={tag 2};tag={tag 1}"
    assert normaliser.text("branch=z9hG4bKcf.1234.0 z9hG4bKcf.1234.1") == "branch={branch 1}.0 {branch 1}.1"
    assert normaliser.known("b") == "{tag 2}" and normaliser.known("c") == "c"


def test_what_a_party_sent_first_is_its_own() -> None:
    normaliser = Normaliser([(True, "tag=mine"), (False, "tag=theirs"), (True, "tag=theirs")])
    assert normaliser.text("tag=mine tag=theirs") == "tag=mine tag={tag 1}"
