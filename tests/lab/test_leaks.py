"""What a test may leave behind, and what it is told when it leaves more."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import kamscript.modules
from kamscript.lab import Lab
from kamscript.lab.leaks import UPKEEP, LeftBehind
from kamscript.lab.phone import Call
from kamscript.modules.tm.transaction import Transaction

CONFIG = Path(__file__).with_name("proxy.cfg")


pytestmark = pytest.mark.kam_lab_only("the check for what is left behind is the lab's own")


@pytest.fixture
def lab() -> Lab:
    lab = Lab(CONFIG)
    lab.phone("alice")
    lab.phone("bob")
    return lab


def confirmed(lab: Lab, user: str = "bob") -> Call:
    call = lab.phones["alice"].call(user)
    lab.phones["bob"].call_waiting.answer()
    return call


def left(lab: Lab) -> str:
    """What the test is told."""
    with pytest.raises(LeftBehind) as caught:
        lab.verify()
    return str(caught.value)


def test_a_whole_call_leaves_nothing(lab: Lab) -> None:
    confirmed(lab).hangup()
    lab.verify()


def test_a_call_that_goes_on_is_told_with_its_parties_and_the_line_that_made_it(lab: Lab) -> None:
    confirmed(lab)
    line = CONFIG.read_text().split("\n").index("        dlg_manage();") + 1
    assert left(lab).replace(f"{Path.cwd()}/", "") == (
        "1 dialog is left at the end of the test\n"
        "  sip:alice@example.com -> sip:bob@example.com, confirmed for 5 s, expires in 43195 s,"
        " in profile caller(alice)\n"
        "    Call-ID 1-alice@10.0.0.1, of alice and bob\n"
        f"    made by tests/lab/proxy.cfg:{line}: dlg_manage();\n"
        "End the call (call.hangup()) before the test ends; or say that it stays: lab.expect_left(dialogs=1), "
        'lab(..., leaks="ignore")'
    )


def test_calls_may_stay_when_the_test_says_so(lab: Lab) -> None:
    confirmed(lab)
    lab.expect_left(dialogs=1)
    lab.verify()


def test_what_is_expected_to_stay_must_stay(lab: Lab) -> None:
    confirmed(lab).hangup()
    lab.expect_left(dialogs=1)
    assert left(lab) == "no dialogs are left at the end of the test, 1 expected"


def test_a_kind_that_does_not_exist_is_refused(lab: Lab) -> None:
    with pytest.raises(TypeError, match=r"expect_left\(dialog=...\): did you mean dialogs"):
        lab.expect_left(dialog=1)


def test_a_phone_that_still_rings_is_given_the_time_to_stop(lab: Lab) -> None:
    call = lab.phones["alice"].call("bob")
    lab.phones["bob"].call_waiting.ring()
    lab.verify()
    assert call.status == 408


def test_nobody_at_the_other_end_leaves_nothing() -> None:
    lab = Lab(CONFIG)
    lab.phone("alice").call("bob")
    lab.verify()
    assert not lab.transactions


def test_a_transaction_without_an_end_is_told(lab: Lab) -> None:
    lab.module("tm").insert(Transaction(lab.module("tm"), "OPTIONS", "mine", "1"), "z9hG4bK1.0")
    text = left(lab)
    assert text.startswith(
        "1 transaction is left at the end of the test\n  OPTIONS , it was never replied to, no branch is open\n"
        "    Call-ID mine\n"
    )
    assert "lab.expect_left(transactions=1)" in text


def test_a_transaction_tells_the_line_that_made_it(lab: Lab) -> None:
    lab.phones["alice"].call("bob")
    (t,) = lab.transactions
    assert (t.method, t.ending) == ("INVITE", False)
    assert t.made.endswith(": t_relay();")


def test_a_suspended_transaction_that_nobody_continues_is_told(lab: Lab) -> None:
    lab.phones["alice"].call("later")
    assert "  INVITE sip:later@example.com waits suspended (t_suspend), and nothing continued it" in left(lab)


def test_a_suspended_transaction_that_goes_on_is_none(lab: Lab) -> None:
    lab.phones["alice"].call("later")
    t = lab.transactions[0].raw
    lab.module("tm").continue_(t.index, t.label, lambda ctx: ctx.server.modules["tm"].reply(ctx, 486, "Busy"))
    lab.verify()


def test_a_row_of_a_dialog_that_is_over_is_told() -> None:
    lab = Lab(CONFIG, defines=["WITH_DB"])
    lab.phone("alice")
    lab.phone("bob")
    confirmed(lab).hangup()
    lab.verify()
    second = confirmed(lab)
    database = lab.database("sqlite:///calls.db")
    assert len(database.query("dialog")) == 1
    second.hangup()
    lab.advance(seconds=10)
    assert not database.query("dialog")
    columns = "hash_entry hash_id callid from_uri from_tag to_uri to_tag caller_cseq callee_cseq caller_contact"
    columns += " callee_contact caller_sock callee_sock req_uri start_time"
    database.insert(
        "dialog", {**dict.fromkeys(columns.split(), ""), "hash_entry": 7, "hash_id": 9, "state": 5, "start_time": 0}
    )
    assert "  in table dialog of sqlite:///calls.db: dialog 7:9, which is over" in left(lab)


def test_rows_that_were_there_at_the_start_do_not_count() -> None:
    first = Lab(CONFIG, defines=["WITH_DB"])
    first.phone("alice")
    first.phone("bob")
    confirmed(first)
    second = Lab(CONFIG, defines=["WITH_DB"], params={"dialog": {"db_skip_load": 1}}, database=first.database)
    second.verify()


def test_registrations_stay_unless_told_otherwise() -> None:
    config = Path(__file__).parents[2] / "examples" / "registrar" / "kamailio.cfg"
    lab = Lab(config)
    lab.phone("bob").register()
    lab.verify()
    strict = Lab(config, leaks="strict")
    strict.phone("bob").register()
    assert "1 registration is left at the end of the test\n  bob at sip:bob@10.0.0.1:5060" in left(strict)


def test_ignore_ignores_everything() -> None:
    lab = Lab(CONFIG, leaks="ignore")
    lab.phone("alice")
    lab.phone("bob")
    confirmed(lab)
    lab.verify()


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="'check', 'ignore', 'strict'"):
        Lab(CONFIG, leaks="some")  # type: ignore[arg-type]


def test_a_timer_of_a_module_is_told(lab: Lab) -> None:
    def remind() -> None:
        """Nothing."""

    lab.server.timers.after(3600, remind)
    assert "1 timer is left at the end of the test\n  in 3600 s  " in left(lab)


def test_a_block_checks_at_its_end() -> None:
    with pytest.raises(LeftBehind), Lab(CONFIG) as lab:
        lab.phone("alice")
        lab.phone("bob")
        confirmed(lab)
    assert lab._stopped


def test_an_error_in_a_block_comes_out_with_the_story() -> None:
    with pytest.raises(RuntimeError) as caught, Lab(CONFIG) as lab:
        lab.phone("alice").call("bob")
        raise RuntimeError("mine")
    assert "INVITE sip:bob@example.com" in caught.value.__notes__[0]


def test_what_crosses_the_network_behind_the_end_is_not_told(lab: Lab) -> None:
    lab.phones["alice"].call("bob")
    before = lab.ladder()
    lab.verify()
    assert lab.ladder() == before


def test_the_check_at_the_end_calls_what_else_was_expected(lab: Lab) -> None:
    def check() -> None:
        raise AssertionError("nobody asked the database")

    lab.at_end.append(check)
    with pytest.raises(AssertionError, match="nobody asked"):
        lab.verify()


def names_and_timers(node: ast.AST, scope: str) -> Iterator[tuple[str, bool]]:
    """Functions of a module by their whole names; and, with True, the callbacks handed to `after`: the whole names of
    local functions, else what stands behind the dot."""
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            name = f"{scope}.{child.name}"
            yield name, False
            inner = f"{name}.<locals>" if isinstance(child, ast.FunctionDef) else name
        elif isinstance(child, ast.Call) and len(child.args) == 2 and ast.unparse(child.func).endswith("timers.after"):
            callback = child.args[1]
            text = ast.unparse(callback)
            yield f"{scope}.{text}" if isinstance(callback, ast.Name) else f".{text.rpartition('.')[2]}", True
        yield from names_and_timers(child, inner)


def test_every_one_shot_timer_of_the_modules_is_known_to_the_check() -> None:
    """A new one belongs into UPKEEP when no call depends on it."""
    folder = Path(kamscript.modules.__file__).parent
    found: set[tuple[str, bool]] = set()
    for path in folder.rglob("*.py"):
        module = ".".join(["kamscript.modules", *path.relative_to(folder).with_suffix("").parts])
        found |= set(names_and_timers(ast.parse(path.read_text("utf-8")), module.removesuffix(".__init__")))
    timers = {name for name, is_timer in found if is_timer}
    assert timers
    assert [name for name in sorted(timers) if not any(known.endswith(name) for known in UPKEEP)] == []
    assert UPKEEP - {name for name, is_timer in found if not is_timer} == set()


def test_many_calls_settle_at_once(lab: Lab) -> None:
    for _ in range(50):
        confirmed(lab).hangup()
    lab.verify()
    assert lab.stats["dialog:processed_dialogs"] == 50
