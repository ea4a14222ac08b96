"""Bad input ends in one clear failure: what is wrong, in which file and line, and what to do. Whole texts are here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from kamscript.cli import main
from kamscript.lab import Lab

XML = '<?xml version="1.0"?>'
CONFIG = Path(__file__).with_name("proxy.cfg")


pytestmark = pytest.mark.kam_lab_only("whole texts are those of the lab")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named as a user names them, from where they are."""
    monkeypatch.chdir(tmp_path)
    Path("kamailio.cfg").write_text(CONFIG.read_text("utf-8"), "utf-8")


def failure(act: Callable[[], object]) -> str:
    """The whole text of what an act ends in."""
    with pytest.raises((Exception, pytest.fail.Exception)) as caught:
        act()
    return str(caught.value).rstrip("\n")


def shown(text: str) -> str:
    return dedent(text).strip("\n")


# -- a broken SIPp scenario -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (
            f"{XML}\n<scenario>\n  <send>\n  </sned>\n</scenario>\n",
            """
            call.xml:4:3: error: </sned> where </send> is due [sipp-xml]
               4 |   </sned>
                 |   ^^^^^^^
            """,
        ),
        (
            f'{XML}\n<scenario>\n  <recv respons="200"/>\n</scenario>\n',
            """
            call.xml:3:4: error: <recv> takes either response or request [sipp]
               3 |   <recv respons="200"/>
                 |    ^^^^
            call.xml:3:9: error: unknown attribute respons of <recv> [sipp]
               3 |   <recv respons="200"/>
                 |         ^^^^^^^
                 = hint: did you mean response?
            """,
        ),
        (
            "no XML at all\n",
            """
            call.xml:1:1: error: a scenario begins with <?xml version=...?> [sipp-xml]
               1 | no XML at all
                 | ^
            """,
        ),
        ("", "call.xml:1:1: error: a scenario begins with <?xml version=...?> [sipp-xml]"),
    ],
)
def test_a_broken_scenario(xml: str, expected: str) -> None:
    Path("call.xml").write_text(xml, "utf-8")
    assert failure(lambda: Lab("kamailio.cfg").sipp("call.xml")) == shown(expected)


# -- a capture that is none -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"hello\n", "kamscript: calls.pcap: not a capture: it begins with 'hell'; pcap or pcapng is wanted\n"),
        (b"", "kamscript: calls.pcap: an empty file, not a capture\n"),
        (None, "kamscript: calls.pcap: No such file or directory\n"),
    ],
)
def test_a_capture_that_is_none(content: bytes | None, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    if content is not None:
        Path("calls.pcap").write_bytes(content)
    assert main(["replay", "kamailio.cfg", "calls.pcap"]) == 2
    assert capsys.readouterr().err == expected


# -- a config that does not load --------------------------------------------------------------------------------------
def test_a_config_that_does_not_load() -> None:
    Path("broken.cfg").write_text('loadmodule "tm.so"\nrequest_route {\n    t_realy();\n}\n', "utf-8")
    assert failure(lambda: Lab("broken.cfg")) == shown("""
        broken.cfg:3:5: error: unknown function t_realy [unknown-function]
           3 |     t_realy();
             |     ^^^^^^^
             = hint: did you mean t_reply or t_relay?
        """)


def test_a_config_that_is_not_there() -> None:
    text = "missing.cfg:1:1: error: cannot read missing.cfg: No such file or directory [unreadable]"
    assert failure(lambda: Lab("missing.cfg")) == text


# -- a phone called twice ---------------------------------------------------------------------------------------------
def test_a_phone_that_two_call() -> None:
    lab = Lab("kamailio.cfg")
    alice, bob, carol = lab.phone("alice"), lab.phone("bob"), lab.phone("carol")
    alice.call(bob)
    carol.call(bob)
    assert failure(lambda: bob.call_waiting) == shown("""
        2 calls wait at bob at once, from sip:alice@example.com and sip:carol@example.com: say which one, bob.call_from('alice')
          alice                                              kamailio                           bob              carol
          10.0.0.1:5060                                      127.0.0.1:5060                     10.0.0.2:5060    10.0.0.3:5060
          │                                                  │                                  │                │
          │────────── INVITE sip:bob@example.com ───────────>│                                  │                │  0.000
          │<─── 100 trying -- your call is important to us ──│                                  │                │
          │                                                  │── INVITE sip:bob@example.com ───>│                │
          │                                                  │<─────────── INVITE sip:bob@example.com ───────────│
          │                                                  │─── 100 trying -- your call is important to us ───>│
          │                                                  │── INVITE sip:bob@example.com ───>│                │
          INFO: <script>: alice calls bob
          INFO: <script>: carol calls bob
        """)  # noqa: E501


def test_a_call_that_is_answered_twice() -> None:
    lab = Lab("kamailio.cfg")
    alice, bob = lab.phone("alice"), lab.phone("bob")
    alice.call(bob)
    call = bob.call_waiting
    call.answer()
    assert failure(call.answer).partition("\n")[0] == "bob cannot send 200: it was answered with 200"


def test_two_phones_of_one_name() -> None:
    lab = Lab("kamailio.cfg")
    lab.phone("bob")
    assert failure(lambda: lab.phone("bob")) == (
        "there is a phone bob already, at 10.0.0.1:5060: a second one of a user needs a name, "
        "lab.phone('bob', name='bob2')"
    )


# -- a wait that nothing ends -----------------------------------------------------------------------------------------
def test_a_wait_that_nothing_ends() -> None:
    lab = Lab("kamailio.cfg")
    alice = lab.phone("alice")
    call = alice.call("nobody")

    def confirmed() -> bool:
        return call.state == "confirmed"

    assert failure(lambda: lab.wait(confirmed, timeout=4)) == shown("""
        it did not happen within 4 seconds: confirmed
        pending timers:
              in 3.500 s  tm: retransmission of INVITE sip:nobody@example.com (Call-ID 1-alice@10.0.0.1)
                 in 86 s  dialog: clean, again and again
          alice                                              kamailio                                                    10.0.0.2:5060
          10.0.0.1:5060                                      127.0.0.1:5060
          │                                                  │                                                           │
          │───────── INVITE sip:nobody@example.com ─────────>│                                                           │  0.000
          │<─── 100 trying -- your call is important to us ──│                                                           │
          │                                                  │────── INVITE sip:nobody@example.com [nobody there] ──────>│
          │                                                  │── INVITE sip:nobody@example.com [nobody there, again] ───>│  0.500
          │                                                  │── INVITE sip:nobody@example.com [nobody there, again] ───>│  1.500
          │                                                  │── INVITE sip:nobody@example.com [nobody there, again] ───>│  3.500
          INFO: <script>: alice calls nobody
        """)  # noqa: E501


def test_an_expectation_that_nothing_meets() -> None:
    lab = Lab("kamailio.cfg")
    alice, bob = lab.phone("alice"), lab.phone("bob")
    bob.on("INVITE", 486)
    call = alice.call(bob)
    assert failure(lambda: call.expect(180)) == shown("""
        alice's call to sip:bob@example.com should get 180, but the final reply was 486 Busy Here (INVITE)
        alice got in it: 100 trying -- your call is important to us (INVITE), 486 Busy Here (INVITE)

          alice                                              kamailio                           bob
          10.0.0.1:5060                                      127.0.0.1:5060                     10.0.0.2:5060
          │                                                  │                                  │
          │────────── INVITE sip:bob@example.com ───────────>│                                  │  0.000
          │<─── 100 trying -- your call is important to us ──│                                  │
          │                                                  │── INVITE sip:bob@example.com ───>│
          │                                                  │<───── 486 Busy Here (INVITE) ────│
          │                                                  │──── ACK sip:bob@example.com ────>│
          │<───────────── 486 Busy Here (INVITE) ────────────│                                  │
          │──────────── ACK sip:bob@example.com ────────────>│                                  │
          INFO: <script>: alice calls bob
        """)
