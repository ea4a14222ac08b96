"""`python -m kamscript.tools.usage TABLE.tsv`: how much of what configs use is simulated.

The table has the columns kind, name, module, repos, configs (tab-separated, a heading line): what of Kamailio a set of
configs uses and in how many repositories and configs. A row counts by its repositories. Exit status: 0, or 2 for a
table that cannot be read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from kamscript.tools import port_names as names
from kamscript.tools.port_names import Known, State
from kamscript.tools.port_successors import successor

COLUMNS = ("kind", "name", "module", "repos", "configs")


class Row(NamedTuple):
    """One line of the table."""

    kind: str
    name: str
    module: str  #: empty: not said
    repos: int
    configs: int


class TableError(ValueError):
    """A line of the table that is none, with its number."""


def table_of(text: str) -> list[Row]:
    """The rows of a table; raises TableError."""
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split("\t")
        if (number == 1 and cells == list(COLUMNS)) or not line:
            continue
        try:
            kind, name, module, repos, configs = cells
            if not kind or not name:
                raise ValueError
            rows.append(Row(kind, name, "" if module == "?" else module, int(repos), int(configs)))
        except ValueError:
            raise TableError(f"line {number} has not the columns {', '.join(COLUMNS)}: {line!r}") from None
    return rows


#: Kinds whose names stand alone.
_PLAIN: Mapping[str, Callable[[str], Known]] = {
    "module": names.module,
    "event route": names.event_route,
    "core parameter": names.core_parameter,
}


def known(row: Row) -> Known | None:
    """How the name of a row runs here; None for a kind of row that is no name (syntax, operators)."""
    name = row.name
    if row.kind == "function" and row.module != "core":
        return names.function(row.module, name)
    if row.kind in ("function", "core function"):
        found = names.core_function(name)
        # Commands of older cores that became functions of modules.
        return found if found.state is State.REAL else names.function("", name)
    if row.kind == "modparam":
        return _parameter(row.module, name)
    if row.kind == "pseudo-variable":
        return names.variable(name.removesuffix("()"), bare=not name.endswith("()"))
    if row.kind == "transformation":
        klass, _, rest = name.partition(".")
        return names.transformation(klass, rest)
    if row.kind == "select":
        return names.select(name)
    one = _PLAIN.get(row.kind)
    return None if one is None else one(name)


def _parameter(modules: str, name: str) -> Known:
    """A parameter of one module, or of several (`usrloc|registrar`): as the least simulated of those that have it."""
    found = [names.parameter(module, name) for module in modules.split("|")]
    order = [State.DOUBLE, State.INERT, State.REAL, State.UNKNOWN]
    return min(found, key=lambda one: order.index(one.state))


class Share:
    """Rows and repositories by state."""

    def __init__(self) -> None:
        self.rows = dict.fromkeys(State, 0)
        self.weight = dict.fromkeys(State, 0)

    def add(self, state: State, repos: int) -> None:
        """Count one row."""
        self.rows[state] += 1
        self.weight[state] += repos

    def part(self, *states: State) -> float:
        """The share of these states in all, weighted by repositories; 0 to 1."""
        whole = sum(self.weight.values())
        return sum(self.weight[state] for state in states) / whole if whole else 0.0


def report(rows: Sequence[Row]) -> str:
    """The shares per kind and per module, and the names that no generation of Kamailio has."""
    kinds: dict[str, Share] = {}
    modules: dict[str, Share] = {}
    total = Share()
    unknown: list[tuple[Row, str]] = []
    doubled: list[tuple[Row, Known]] = []
    passed: dict[str, int] = {}
    for row in rows:
        found = known(row)
        if found is None:
            passed[row.kind] = passed.get(row.kind, 0) + 1
            continue
        owner = found.module or row.module or "(not said)"
        for share in (total, kinds.setdefault(row.kind, Share()), modules.setdefault(owner, Share())):
            share.add(found.state, row.repos)
        if found.state is State.UNKNOWN:
            unknown.append((row, _reason(row, found)))
        elif found.state is State.DOUBLE:
            doubled.append((row, found))
    lines = ["Share of what configs use, weighted by repositories (rows in brackets)", ""]
    lines += _shares("kind", [("all", total), *kinds.items()])
    lines.append("")
    lines += _shares("module", sorted(modules.items(), key=lambda item: -sum(item[1].weight.values())))
    lines += ["", f"Doubles ({len(doubled)}): name, module, repositories"]
    ordered = sorted(doubled, key=lambda pair: -pair[0].repos)
    lines += [f"  {row.kind} {row.name}  {found.module}  {row.repos}" for row, found in ordered]
    lines += ["", f"Unknown ({len(unknown)}): name, module, repositories, why"]
    for row, why in sorted(unknown, key=lambda pair: -pair[0].repos):
        lines.append(f"  {row.kind} {row.name}  {row.module or '-'}  {row.repos}  {why}")
    if passed:
        others = ", ".join(f"{number} of {kind}" for kind, number in passed.items())
        lines += ["", f"Rows that are no names of Kamailio and are not counted: {others}"]
    return "\n".join(lines) + "\n"


#: SQL in texts looks like calls.
_SQL = frozenset(("VARCHAR", "FROM_UNIXTIME", "MICROSECOND", "NOW", "UTC_DATE", "VALUES", "COUNT", "CONCAT"))


def _reason(row: Row, found: Known) -> str:
    """Why nobody knows a name: it ended, belongs to a module of no Kamailio, or is no name of Kamailio's at all."""
    kind = {"modparam": "parameter"}.get(row.kind, row.kind)
    ended = successor(kind, row.name, row.module) or successor(kind, row.name)
    if ended is not None:
        return f"ended; instead: {ended.instead}"
    if row.kind == "function" and row.name.upper() in _SQL:
        return "SQL within a text"
    if row.module and names.module(row.module).state is State.UNKNOWN:
        return f"no generation has a module {row.module}"
    return found.why


def _shares(title: str, shares: Iterable[tuple[str, Share]]) -> Iterator[str]:
    yield f"{title:<24}{'real':>16}{'without effect':>16}{'double':>16}{'unknown':>16}"
    for name, share in shares:
        cells = "".join(f"{f'{share.part(state):.1%} [{share.rows[state]}]':>16}" for state in State)
        yield f"{name:<24}{cells}"


def main(arguments: Sequence[str]) -> int:
    """Print the report of one table."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print(__doc__, file=sys.stdout if "-h" in arguments or "--help" in arguments else sys.stderr)
        return 0 if arguments and arguments[0] in ("-h", "--help") else 2
    try:
        with open(arguments[0], encoding="utf-8") as file:
            rows = table_of(file.read())
    except (OSError, ValueError) as error:
        print(f"usage: {arguments[0]}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 2
    sys.stdout.write(report(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
