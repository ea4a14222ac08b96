"""What a server holds, as a test looks at it: dialogs, registrations, transactions, profiles, statistics, tables.

Everything here is a picture of one moment: ask the lab again after something happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kamscript.source import did_you_mean

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.modules.usrloc.contact import Contact

#: States of a dialog by Kamailio's number.
STATES = {1: "unconfirmed", 2: "early", 3: "confirmed, no ACK yet", 4: "confirmed", 5: "deleted"}


@dataclass(frozen=True, slots=True)
class Dialog:
    """A call that the dialog module tracks.

    `state` is a word of `STATES`; `caller`, `callee` and `request_uri` are URIs; `lifetime` and `expires_in` seconds
    (None: its timer does not run); `answered_for` seconds since the answer (None: not answered); `variables` are
    `$dlg_var`, `profiles` the names and values (None: a profile without) it stands in; `id` is `h_entry:h_id` as
    Kamailio shows it; `made` the config's line, `cell` what the module itself keeps.
    """

    call_id: str
    state: str
    caller: str
    callee: str
    request_uri: str
    caller_tag: str
    callee_tag: str
    lifetime: int
    expires_in: float | None
    answered_for: float | None
    to_route: str
    variables: dict[str, str]
    profiles: list[tuple[str, str | None]]
    id: str
    made: str
    cell: DialogCell = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Registration:
    """A contact that lookup() would find: `expires_in` seconds (None: for ever), `q` from 0.0 to 1.0 (None: unset)."""

    aor: str
    contact: str
    expires_in: float | None
    q: float | None
    received: str
    path: str
    user_agent: str
    call_id: str
    instance: str
    table: str
    raw: Contact = field(repr=False, compare=False)

    @property
    def user(self) -> str:
        """The address of record without its domain."""
        return self.aor.partition("@")[0]


@dataclass(frozen=True, slots=True)
class TransactionView:
    """A transaction in tm's table: `status` is the last reply sent (0: none), `ending` True while it only waits."""

    method: str
    uri: str
    call_id: str
    status: int
    suspended: bool
    ending: bool
    branches: int
    made: str
    raw: Transaction = field(repr=False, compare=False)


def dialogs(lab: Lab) -> list[Dialog]:
    """All dialogs, oldest first."""
    module = lab.module("dialog")
    found = [_dialog(lab, cell) for cell in module.table]
    return sorted(found, key=lambda one: one.cell.init_ts)


def _dialog(lab: Lab, cell: DialogCell) -> Dialog:
    now = lab.now
    return Dialog(
        call_id=cell.callid,
        state=STATES.get(cell.state, str(cell.state)),
        caller=cell.from_uri,
        callee=cell.to_uri,
        request_uri=cell.req_uri,
        caller_tag=cell.caller.tag,
        callee_tag=cell.callee.tag,
        lifetime=cell.lifetime,
        expires_in=cell.deadline - now if cell.deadline else None,
        answered_for=now - cell.start_ts if cell.start_ts else None,
        to_route=cell.toroute,
        variables=dict(cell.variables or {}),
        profiles=[(one.profile.name, one.value if one.profile.has_value else None) for one in cell.memberships or ()],
        id=f"{cell.h_entry}:{cell.h_id}",
        made=lab.leaks.dialog_made(cell),
        cell=cell,
    )


def registrations(lab: Lab) -> list[Registration]:
    """All contacts that have not expired, the one to try first in front for each address of record."""
    usrloc, now = lab.module("usrloc"), int(lab.now)
    found: list[Registration] = []
    for table in usrloc.domains.values():
        for record in _records(lab, usrloc, table):
            found += [_registration(one, now) for one in record.contacts if one.valid(now)]
    return found


def _records(lab: Lab, usrloc: Any, table: Any) -> Iterator[Any]:
    from kamscript.modules.usrloc.domain import DbDomain

    if not isinstance(table, DbDomain):
        yield from table.records()
        return
    # db_mode 3 keeps nothing in memory: the rows tell which addresses of record there are.
    columns = ["username", "domain"] if usrloc.use_domain else ["username"]
    rows = dict.fromkeys(lab.database(usrloc.db_url).query(table.name, columns))
    for row in rows:
        record = table.get_record("@".join(map(str, row)))
        if record is not None:
            yield record


def _registration(one: Contact, now: int) -> Registration:
    return Registration(
        aor=one.aor,
        contact=one.c,
        expires_in=one.expires - now if one.expires else None,
        q=one.q / 1000 if one.q >= 0 else None,
        received=one.received,
        path=one.path,
        user_agent=one.user_agent,
        call_id=one.callid,
        instance=one.instance,
        table=one.domain,
        raw=one,
    )


def transactions(lab: Lab) -> list[TransactionView]:
    """All transactions, oldest first; none without tm."""
    from kamscript.modules.tm.transaction import T_ASYNC_SUSPENDED

    tm = lab.server.modules.get("tm")
    found: dict[tuple[int, int], Transaction] = getattr(tm, "by_ident", {})
    return [
        TransactionView(
            method=t.method,
            uri=t.request.uri if t.request is not None else (t.branches[0].uri if t.branches else ""),
            call_id=t.callid,
            status=t.status,
            suspended=bool(t.flags & T_ASYNC_SUSPENDED),
            ending=bool(t.wait_deadline),
            branches=len(t.branches),
            made=lab.leaks.transaction_made(t),
            raw=t,
        )
        for t in found.values()
    ]


def profiles(lab: Lab) -> dict[str, Counter[str]]:
    """Members of dialog profiles by name and value: `{"caller": Counter({"alice": 2})}`; "" in one without values."""
    found: dict[str, Counter[str]] = {}
    for profile in lab.module("dialog").profiles:
        found[profile.name] = Counter(one.value for one in profile.memberships())
    return found


class Statistics(Mapping[str, int]):
    """Counters by `group:name`, `lab.stats["dialog:active_dialogs"]`, or by a name that only one group has."""

    def __init__(self, lab: Lab) -> None:
        self._statistics = lab.server.statistics

    def __getitem__(self, name: str) -> int:
        group, colon, counter = name.partition(":")
        found = self._statistics.get(group, counter) if colon else self._statistics.find(name)
        if found is not None:
            return found.get()
        if group == "core" and colon:
            return self._statistics.core_value(counter)  # counted in any case, shown to scripts by kex alone
        hint = did_you_mean(name, self)
        raise KeyError(f"no statistic {name}" + (f"; {hint}" if hint else ""))

    def __iter__(self) -> Iterator[str]:
        for group in self._statistics.groups():
            for counter in self._statistics.group(group):
                yield f"{group}:{counter.name}"

    def __len__(self) -> int:
        return sum(1 for _ in self)
