"""What a daemon tells of itself by RPC, as the lab shows it: dialogs, registrations, profiles, statistics.

What no command tells (a dialog's line of the config, a contact's record) raises NotOnReal when it is asked for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kamscript.core.rpc import RpcFault
from kamscript.lab.held import STATES
from kamscript.lab.real.loopback import NotOnReal
from kamscript.lab.real.moments import About
from kamscript.source import did_you_mean

if TYPE_CHECKING:
    from kamscript.lab.real.lab import RealLab


class Seen:
    """One thing that the daemon holds, with the fields of its counterpart in kamscript.lab.held that it tells."""

    def __init__(self, what: str, fields: dict[str, Any]) -> None:
        self._what = what
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotOnReal(f"{name} of a {self._what}: Kamailio tells it by no command")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name[0] != "_")
        return f"{self._what}({shown})"


def _check_loaded(lab: RealLab, module: str) -> None:
    if module not in lab.program.modules:
        raise LookupError(f"the config does not load {module}.so")


def dialogs(lab: RealLab) -> list[Any]:
    """All dialogs, oldest first."""
    _check_loaded(lab, "dialog")
    found = sorted(_listed(lab.rpc("dlg.list")), key=lambda one: one["init_ts"])
    return [Seen("dialog", _dialog(one, lab.now)) for one in found]


def _dialog(one: dict[str, Any], now: float) -> dict[str, Any]:
    return {
        "call_id": one["call-id"],
        "state": STATES.get(one["state"], str(one["state"])),
        "caller": one["from_uri"],
        "callee": one["to_uri"],
        "caller_tag": one["caller"]["tag"],
        "callee_tag": one["callee"]["tag"],
        "lifetime": one["lifetime"],
        "expires_in": About(one["timeout"] - now) if one["timeout"] else None,
        "answered_for": About(now - one["start_ts"]) if one["start_ts"] else None,
        "variables": {name: value for pair in one["variables"] for name, value in pair.items()},
        "profiles": [(name, value or None) for pair in one["profiles"] for name, value in pair.items()],
        "id": f"{one['h_entry']}:{one['h_id']}",
    }


def profiles(lab: RealLab) -> Mapping[str, Counter[str]]:
    """Members of dialog profiles by name and value."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for one in dialogs(lab):
        for name, value in one.profiles:
            found[name][value or ""] += 1
    return found


def registrations(lab: RealLab) -> list[Any]:
    """All contacts that have not expired, in the order in which they came."""
    _check_loaded(lab, "usrloc")
    if any(module == "usrloc" and line.name == "db_mode" and _three(line.value) for module, line in lab.program.params):
        raise NotOnReal("lab.registrations: with db_mode 3 Kamailio tells of none; lab.database() has them")
    found: list[tuple[int, Seen]] = []
    for domain in _each(lab.rpc("ul.dump")["Domains"], "Domain"):
        for record in _each(domain["AoRs"], "Info"):
            for one in _each(record["Contacts"], "Contact"):
                if one["Expires"] not in ("expired", "deleted"):
                    contact = _registration(record["AoR"], domain["Domain"], one)
                    found.append((int(one["Ruid"].rpartition("-")[2], 16), Seen("registration", contact)))
    return [contact for _, contact in sorted(found, key=lambda pair: pair[0])]


def _registration(aor: str, table: str, one: dict[str, Any]) -> dict[str, Any]:
    def text(name: str) -> str:
        return "" if one[name] == "[not set]" else str(one[name])

    return {
        "aor": aor,
        "user": aor.partition("@")[0],
        "contact": one["Address"],
        "expires_in": About(one["Expires"]) if isinstance(one["Expires"], int) else None,
        "q": one["Q"] if one["Q"] >= 0 else None,
        "received": text("Received"),
        "path": text("Path"),
        "user_agent": text("User-Agent"),
        "call_id": one["Call-ID"],
        "instance": text("Instance"),
        "table": table,
    }


class RealStatistics(Mapping[str, int]):
    """Counters by `group:name`, or by a name that only one group has."""

    def __init__(self, lab: RealLab) -> None:
        try:
            lines = _listed(lab.rpc("stats.get_statistics", "all"))
        except RpcFault as fault:
            raise NotOnReal(f"lab.stats: {fault.text}") from None
        pairs = (line.partition(" = ") for line in lines)
        self._values = {name.strip(): int(value) for name, _, value in pairs}

    def __getitem__(self, name: str) -> int:
        found = [name] if name in self._values else [one for one in self._values if one.partition(":")[2] == name]
        if len(found) != 1:
            hint = did_you_mean(name, self)
            raise KeyError(f"no statistic {name}" + (f"; {hint}" if hint else ""))
        return self._values[found[0]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _three(value: object) -> bool:
    return getattr(value, "value", None) == 3


def _each(records: Any, name: str) -> list[Any]:
    """The records of a name, however many: one stands by itself, none is an empty list."""
    return [inner for record in _listed(records) for inner in _listed(record.get(name))]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []
