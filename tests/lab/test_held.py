"""What a test sees of what the server holds, of time and of what is to come."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.lab.pending import pending, pending_text

CONFIG = Path(__file__).with_name("proxy.cfg")
REGISTRAR = Path(__file__).parents[2] / "examples" / "registrar" / "kamailio.cfg"


@pytest.fixture
def lab() -> Lab:
    lab = Lab(CONFIG)
    lab.phone("alice")
    lab.phone("bob")
    return lab


def test_a_dialog_tells_what_the_module_knows(lab: Lab) -> None:
    assert lab.dialogs == []
    lab.phones["alice"].call("bob")
    assert [(one.state, one.answered_for) for one in lab.dialogs] == [("unconfirmed", None)]
    lab.phones["bob"].call_waiting.answer()
    lab.advance(seconds=10)
    (one,) = lab.dialogs
    assert (one.caller, one.callee, one.state) == ("sip:alice@example.com", "sip:bob@example.com", "confirmed")
    assert (one.lifetime, one.expires_in, one.answered_for) == (43200, 43190, 10)
    assert (one.variables, one.profiles) == ({"to": "bob"}, [("caller", "alice")])
    assert one.call_id == "1-alice@10.0.0.1"
    assert one.id == f"{one.cell.h_entry}:{one.cell.h_id}"
    assert one.made.endswith(": dlg_manage();")


def test_profiles_count_by_value(lab: Lab) -> None:
    lab.phones["alice"].call("bob")
    lab.phones["alice"].call("bob")
    assert lab.profiles["caller"]["alice"] == 2
    assert (lab.profiles["caller"]["bob"], lab.profiles["caller"].total()) == (0, 2)


def test_a_module_that_is_not_loaded_is_named(lab: Lab) -> None:
    with pytest.raises(LookupError, match=r"the config does not load usrloc\.so"):
        _ = lab.registrations


def test_transactions_come_and_go(lab: Lab) -> None:
    lab.phones["alice"].call("bob")
    (one,) = lab.transactions
    assert (one.method, one.uri, one.status, one.branches, one.ending) == (
        "INVITE",
        "sip:bob@example.com",
        100,
        1,
        False,
    )


def test_registrations_are_those_that_count() -> None:
    lab = Lab(REGISTRAR)
    bob = lab.phone("bob")
    bob.register(expires=60)
    (one,) = lab.registrations
    assert (one.user, one.contact, one.expires_in, one.q) == ("bob", "sip:bob@10.0.0.1:5060", 60, None)
    lab.advance(seconds=61)
    assert lab.registrations == []


def test_registrations_that_only_the_database_has() -> None:
    params: dict[str, dict[str, int | str]] = {"usrloc": {"db_mode": 3, "db_url": "sqlite:///x.db"}}
    text = REGISTRAR.read_text().replace('loadmodule "usrloc.so"', 'loadmodule "db_sqlite.so"\nloadmodule "usrloc.so"')
    lab = Lab(text=text, params=params)
    lab.phone("bob").register()
    assert [one.aor for one in lab.registrations] == ["bob"]


def test_statistics_by_group_and_name(lab: Lab) -> None:
    lab.phones["alice"].call("bob")
    assert lab.stats["dialog:early_dialogs"] == lab.stats["early_dialogs"] == 0
    assert lab.stats["dialog:processed_dialogs"] == 1
    assert lab.stats["core:rcv_requests"] == 1
    assert "dialog:active_dialogs" in lab.stats
    assert len(lab.stats) == len(list(lab.stats))


def test_a_statistic_that_does_not_exist_names_the_likely_one(lab: Lab) -> None:
    with pytest.raises(KeyError, match="did you mean dialog:active_dialogs"):
        _ = lab.stats["dialog:active_dialog"]


def test_the_clock_starts_when_the_test_says() -> None:
    assert Lab(CONFIG, start=datetime(2026, 12, 24, 18, tzinfo=UTC)).now == 1798135200
    assert Lab(CONFIG, start="2026-12-24 18:00+00:00").now == 1798135200
    lab = Lab(text='loadmodule "pv.so"\nrequest_route { return 1; }\n', start="2026-12-24 18:30")
    run = lab.route("", lab.request("INVITE", "sip:bob@example.com"))
    assert (run["$timef(%H:%M)"], run["$TV(s)"]) == ("18:30", int(lab.now))


def test_time_goes_on_to_a_moment(lab: Lab) -> None:
    lab.advance(to="2026-01-02 00:00+00:00")
    assert lab.now == 1767312000
    with pytest.raises(ValueError, match="time only goes forward"):
        lab.advance(to="2026-01-01 00:00+00:00")


def test_a_wait_for_nothing_fails_with_what_is_pending(lab: Lab) -> None:
    call = lab.phones["alice"].call("bob")
    lab.phones["bob"].call_waiting.ring()
    with pytest.raises(AssertionError) as caught:
        lab.wait(lambda: call.status == 200, timeout=60)
    text = str(caught.value)
    assert text.startswith(
        "it did not happen within 60 seconds: lab.wait(lambda: call.status == 200, timeout=60)\npending timers:\n"
    )
    assert "        in 60 s  tm: final reply to INVITE sip:bob@example.com (Call-ID 1-alice@10.0.0.1)" in text
    assert "180 Ringing" in text


def test_a_wait_with_nothing_pending_says_so() -> None:
    lab = Lab(text="request_route { drop; }")
    with pytest.raises(AssertionError, match="pending timers: none, so nothing more will happen by itself"):
        lab.wait(bool)


def test_pending_timers_tell_whose_they_are(lab: Lab) -> None:
    lab.phone("carol", proxy="10.0.0.66").call("bob")
    call = lab.phones["alice"].call("bob")
    lab.phones["bob"].call_waiting.answer()
    texts = [str(one).split("  ")[-1] for one in pending(lab)]
    assert "carol sends INVITE again, which nobody answered" in texts
    assert "dialog: the next dialog expires" in texts
    assert "tm: end of 1 finished transaction(s)" in texts
    assert "dialog: clean, again and again" in texts
    assert call.state == "confirmed"


def test_only_the_next_timers_are_named() -> None:
    lab = Lab(text="request_route { drop; }")
    for seconds in range(20):
        lab.server.timers.after(seconds, print)
    text = pending_text(lab)
    assert text.count("\n") == 14 and text.endswith("  and 8 more\n")
