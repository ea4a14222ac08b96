"""The leak check: what a server still holds when a test is over, and where it was made.

At the end of a test time goes on until every transaction of the test has died of its own timers. What stays then stays
for ever, or for as long as a dialog lives: a call that nobody ended, a profile member that nobody took out, a
transaction with neither a final reply nor a branch that could bring one. A test that means it says so:
`lab.expect_left(dialogs=1)`, or `Lab(..., leaks="ignore")`.

What is meant to outlive calls does not count: registrations, hash tables, accounting and location rows, statistics,
profile members of other servers' calls, the timers that modules keep for themselves. `leaks="strict"` counts
registrations and the rows of every table too.
"""

from __future__ import annotations

import linecache
import os
import sys
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from kamscript.lab.pending import pending
from kamscript.lab.texts import characters
from kamscript.source import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kamscript.lab.lab import Lab
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.tm.transaction import Transaction

Mode = Literal["check", "ignore", "strict"]
_MODES: tuple[Mode, ...] = get_args(Mode)

#: One-shot timers that modules keep for themselves, by module and name: no call depends on them. Those of transactions
#: and dialogs are told with the transaction and the dialog.
UPKEEP = {
    "kamscript.modules._curl.go_on.<locals>.soon.<locals>.tell",
    "kamscript.modules.async_.Async._later.<locals>.go_on",
    "kamscript.modules.async_.Async._soon.<locals>.work",
    "kamscript.modules.dialog.expiry.Expiry._fire",
    "kamscript.modules.dialog.profiles.Profiles._clean",
    "kamscript.modules.dialog.store.Store._flush",
    "kamscript.modules.dmq.Dmq._hand_over.<locals>.work",
    "kamscript.modules.sqlops.Sqlops.sql_query_async.<locals>.work",
    "kamscript.modules.tm.timer.Timers._end_of_wait",
    "kamscript.modules.tm.transaction.Outgoing.fire",
}

#: What can be left, as `expect_left` names it, and one of it in a failure text.
KINDS = {
    "transactions": "transaction",
    "suspended": "suspended transaction",
    "dialogs": "dialog",
    "profiles": "profile member",
    "timers": "timer",
    "rows": "database row",
    "registrations": "registration",
}

#: Seconds given to transactions beyond the end of the longest one's life.
_MARGIN = 1.0

Place = tuple[str, int]


def check_mode(mode: str) -> None:
    """Raise ValueError for what is no mode."""
    if mode not in _MODES:
        raise ValueError(f"leaks={mode!r}: use one of {', '.join(map(repr, _MODES))}")


def check_kinds(kinds: Iterable[str]) -> None:
    """Raise TypeError for what is no kind of things that can be left."""
    for kind in kinds:
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS) or f"use one of {', '.join(KINDS)}"
            raise TypeError(f"expect_left({kind}=...): {hint}")


class LeftBehind(AssertionError):
    """A test ended, and something of it is left that no timer takes away. `left` is everything that was found."""

    def __init__(self, text: str, left: list[Left]) -> None:
        super().__init__(text)
        self.left = left


class Left(NamedTuple):
    """One thing that is left: its kind (a key of `KINDS`), what it is, whose, and where the config made it."""

    kind: str
    text: str
    whose: str = ""  #: Call-ID and phones
    made: str = ""


class Leaks:
    """The watch over one lab's server."""

    __slots__ = ("_dialogs", "_lab", "_paths", "_rows", "_stuck", "expected", "mode")

    def __init__(self, lab: Lab, mode: Mode) -> None:
        check_mode(mode)
        self._lab, self.mode = lab, mode
        self.expected: dict[str, int] = {}
        self._dialogs: dict[tuple[int, int], Place] = {}
        self._rows: dict[tuple[str, str], set[tuple[Any, ...]] | int] = {}
        self._stuck: list[Transaction] = []
        self._paths = frozenset(lab.program.sources) or frozenset((lab.program.path,))

    def watch(self) -> None:
        """Note from now on where transactions and dialogs are made, and which rows are there already."""
        if self.mode == "ignore":
            return
        modules = self._lab.server.modules
        tm: Any = modules.get("tm")
        dialog: Any = modules.get("dialog")
        if tm is not None:
            from kamscript.modules.tm.callbacks import TMCB_REQUEST_IN

            tm.register_tmcb(TMCB_REQUEST_IN, self._transaction)
        if dialog is not None:
            from kamscript.modules.dialog.callbacks import DLGCB_CREATED

            dialog.register_dlgcb(None, DLGCB_CREATED, self._dialog)
        if self._lab.server.shared.get("databases"):
            self._rows = dict(self._present())

    # -- where things are made ----------------------------------------------------------------------------------------
    def _place(self) -> Place | None:
        """The line of the config that runs now; None outside of its routes."""
        frame = sys._getframe(2)
        paths = self._paths
        while frame is not None:
            if frame.f_code.co_filename in paths:
                return frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return None

    def _transaction(self, t: Transaction, kind: int, params: object) -> None:
        place = self._place()
        if place is not None:
            t.state["lab"] = place

    def _dialog(self, dlg: DialogCell, kind: int, params: object) -> None:
        place = self._place()
        if place is not None:
            self._dialogs[dlg.h_entry, dlg.h_id] = place

    def transaction_made(self, t: Transaction) -> str:
        """The config's line that made a transaction; empty when the server made it by itself or nobody watched."""
        return self._line(t.state.get("lab"))

    def dialog_made(self, dlg: DialogCell) -> str:
        """The config's line that made a dialog."""
        return self._line(self._dialogs.get((dlg.h_entry, dlg.h_id)))

    def _line(self, place: Place | None) -> str:
        if place is None:
            return ""
        path, number = place
        here = os.getcwd() + os.sep
        text = characters(self._lab.text.split("\n")[number - 1]) if self._lab.text else linecache.getline(path, number)
        return f"{path.removeprefix(here)}:{number}: {text.strip()}".rstrip(": ")

    def forget(self) -> None:
        """Drop what was noted of dialogs that are gone: for long runs."""
        dialog = self._lab.server.modules.get("dialog")
        alive = {(dlg.h_entry, dlg.h_id) for dlg in getattr(dialog, "table", ())}
        self._dialogs = {key: place for key, place in self._dialogs.items() if key in alive}

    # -- the end of a test --------------------------------------------------------------------------------------------
    def settle(self) -> None:
        """Let time pass until the transactions that are there now are gone, at most to the end of their lives."""
        lab = self._lab
        lab.run()
        tm = lab.server.modules.get("tm")
        alive: dict[tuple[int, int], Transaction] = getattr(tm, "by_ident", {})
        self._stuck = []
        if not alive:
            return
        from kamscript.modules.tm.transaction import T_ASYNC_SUSPENDED

        waiting = list(alive.values())
        suspended = [t for t in waiting if t.flags & T_ASYNC_SUSPENDED]
        cfg = tm.cfg  # type: ignore[union-attr]
        last = max(max(t.end_of_life, t.wait_deadline) for t in waiting)
        limit = max(last, lab.now) + (cfg["fr_timer"] + cfg["fr_inv_timer"] + cfg["wt_timer"]) / 1000 + _MARGIN
        while True:
            while waiting and alive.get((waiting[-1].index, waiting[-1].label)) is not waiting[-1]:
                waiting.pop()
            if not waiting or not lab.step(limit):
                break
        # One that was continued has lost the mark; one that only timed out has it still.
        self._stuck = [t for t in suspended if t.flags & T_ASYNC_SUSPENDED]

    def find(self) -> list[Left]:
        """Everything that is left, after `settle`."""
        return [*self._transactions(), *self._calls(), *self._members(), *self._timers(), *self._kept()]

    def verify(self) -> None:
        """Settle, then raise LeftBehind for what is left and not expected, or expected and not left."""
        if self.mode == "ignore":
            return
        self.settle()
        left = self.find()
        if not left and not self.expected:
            return
        counts = dict.fromkeys(KINDS, 0)
        for one in left:
            counts[one.kind] += 1
        wrong = [kind for kind, count in counts.items() if count != self.expected.get(kind, 0)]
        if wrong:
            raise LeftBehind(self._text([one for one in left if one.kind in wrong], counts, wrong), left)

    def expect(self, counts: dict[str, int]) -> None:
        """Note what may and must be left; see `Lab.expect_left`."""
        check_kinds(counts)
        self.expected |= counts

    # -- kinds --------------------------------------------------------------------------------------------------------
    def _transactions(self) -> Iterator[Left]:
        tm = self._lab.server.modules.get("tm")
        for t in self._stuck:
            text = f"{_method(t)} waits suspended (t_suspend), and nothing continued it"
            yield Left("suspended", text, self._parties(t.callid), self.transaction_made(t))
        now = self._lab.now
        for t in getattr(tm, "by_ident", {}).values():
            # Those that began while the others died come and go: keepalives, requests of timers.
            if t not in self._stuck and max(t.end_of_life, t.wait_deadline) < now:
                reply = f"its last reply was {t.status}" if t.status else "it was never replied to"
                text = f"{_method(t)}, {reply}, no branch is open"
                yield Left("transactions", text, self._parties(t.callid), self.transaction_made(t))

    def _calls(self) -> Iterator[Left]:
        if "dialog" not in self._lab.server.modules:
            return
        for one in self._lab.dialogs:
            since = f" for {one.answered_for:.0f} s" if one.answered_for is not None else ""
            ends = f", expires in {one.expires_in:.0f} s" if one.expires_in is not None else ", never expires"
            members = [name if value is None else f"{name}({value})" for name, value in one.profiles]
            inside = f", in profile {', '.join(members)}" if members else ""
            text = f"{one.caller} -> {one.callee}, {one.state}{since}{ends}{inside}"
            yield Left("dialogs", text, self._parties(one.call_id), one.made)

    def _members(self) -> Iterator[Left]:
        dialog = self._lab.server.modules.get("dialog")
        if dialog is None:
            return
        for profile in getattr(dialog, "profiles", ()):
            if not profile.size():
                continue
            for one in profile.memberships():
                # Those of living dialogs are told with them; those without one tell of calls on other servers.
                if one.dlg is not None and one.dlg.ref <= 0:
                    value = f"({one.value})" if profile.has_value else ""
                    yield Left("profiles", f"{profile.name}{value}, of a dialog that is over", one.dlg.callid)

    def _timers(self) -> Iterator[Left]:
        for one in pending(self._lab):
            if one.owner == "server" and not one.periodic and one.name not in UPKEEP:
                yield Left("timers", f"{one}".strip())

    def _kept(self) -> Iterator[Left]:
        for (url, table), rows in self._present():
            before = self._rows.get((url, table), 0)
            if isinstance(rows, int):
                count = rows - (before if isinstance(before, int) else len(before))
                yield from [Left("rows", f"in table {table} of {url}")] * max(count, 0)
                continue
            for row in sorted(rows - (before if isinstance(before, set) else set())):
                yield Left("rows", f"in table {table} of {url}: dialog {':'.join(map(str, row))}, which is over")
        if self.mode == "strict" and "usrloc" in self._lab.server.modules:
            for contact in self._lab.registrations:
                yield Left("registrations", f"{contact.aor} at {contact.contact}")

    def _present(self) -> Iterator[tuple[tuple[str, str], set[tuple[Any, ...]] | int]]:
        """Rows by URL and table: identities of the dialogs that are over, or with `strict` how many there are."""
        databases = self._lab.server.shared.get("databases")
        if not databases:
            return
        dialog = self._lab.server.modules.get("dialog")
        store = getattr(dialog, "store", None)
        own: set[str] = set()
        if store is not None and store.mode:
            columns = store.columns
            alive = {(dlg.h_entry, dlg.h_id) for dlg in dialog.table} | set(store._gone)  # type: ignore[union-attr]
            for table, key in ((columns.table, columns.key), (columns.vars_table, columns.vars_key)):
                own.add(table)
                yield (store.db.url.without_password(), table), set(store.db.query(table, key)) - alive
        if self.mode == "strict":
            for url, database in databases.items():
                for table in sorted(getattr(database, "_made", ())):
                    if table not in own and table != "version" and database.has_table(table):
                        yield (url, table), len(database.query(table))

    # -- words --------------------------------------------------------------------------------------------------------
    def _parties(self, call_id: str) -> str:
        phones = [
            user for user, phone in self._lab.phones.items() if any(call.call_id == call_id for call in phone.calls)
        ]
        between = f", of {' and '.join(phones)}" if phones else ""
        return f"Call-ID {call_id}{between}"

    def _text(self, left: list[Left], counts: dict[str, int], wrong: list[str]) -> str:
        lines: list[str] = []
        for kind in wrong:
            wanted = self.expected.get(kind, 0)
            lines.append(_count(kind, counts[kind], wanted))
            for one in left:
                if one.kind == kind:
                    lines.append(f"  {one.text}")
                    if one.whose:
                        lines.append(f"    {one.whose}")
                    if one.made:
                        lines.append(f"    made by {one.made}")
        more = [kind for kind in wrong if counts[kind] > self.expected.get(kind, 0)]
        if more:
            said = ", ".join(f"{kind}={counts[kind]}" for kind in more)
            end = "End the call (call.hangup()) before the test ends" if "dialogs" in more else "Let the config end it"
            lines.append(f'{end}; or say that it stays: lab.expect_left({said}), lab(..., leaks="ignore")')
        return "\n".join(lines)


def _method(t: Transaction) -> str:
    uri = t.request.uri if t.request is not None else (t.branches[0].uri if t.branches else "")
    return f"{t.method} {uri}"


def _count(kind: str, count: int, wanted: int) -> str:
    name = KINDS[kind] if count == 1 else f"{KINDS[kind]}s"
    head = f"{count or 'no'} {name} {'is' if count == 1 else 'are'} left at the end of the test"
    return f"{head}, {wanted} expected" if wanted else head
