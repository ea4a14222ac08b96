"""Table tests: one route over many messages, as dialplans want it.

    lab.table("DIALPLAN", '''
        user      | source   || $ru                       | $du          | code | reply
        0049301   |          || sip:+49301@example.com    | sip:10.0.0.1 | 1    |
        911       | 10.1.0.1 ||                           | sip:10.0.0.9 |      |
        nobody    |          ||                           |              |      | 404 Not Found
    ''')

Left of `||` stands what goes in, right of it what is expected. A column is `method`, `user` (or `uri`), `caller`,
`source`, `body`, `header NAME`, or a pseudo-variable or flags to start with; expected are `code`, `reply`, `exited`,
`dropped`, `branches`, `log`, `flags`, `header NAME`, or any pseudo-variable. A blank cell on the left means the usual,
on the right that anything goes; `null` is `$null`, quotes keep a cell as it is. A CSV file (or text) has the same
columns with one called `||` between; rows from Python are `lab.table("DIALPLAN", "user || $ru", [("0049301", ...)])`.

    @pytest.mark.parametrize("row", rows("dialplan.csv"))
    def test_dialplan(lab, row):
        row.check(lab, "DIALPLAN")
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.lab.alone import RouteRun
    from kamscript.lab.lab import Lab

#: The column, or the mark, that stands between what goes in and what is expected.
MARK: Final = "||"
_INPUTS: Final = ("method", "user", "uri", "caller", "source", "body", "flags", "reply", "kind", "headers")
_OUTPUTS: Final = ("code", "reply", "exited", "dropped", "branches", "log", "flags", "text")
#: Stands for a cell that says nothing.
NOTHING: Final = object()
_NULL: Final = ("null", "$null", "<null>")

#: A table as a test writes it.
Table = str | Path | Sequence[Mapping[str, Any]]
Rows = Sequence[Sequence[Any] | Mapping[str, Any]]


class Row:
    """One row: what goes in, what is expected, and where it stands. Usable as a parameter of pytest."""

    def __init__(self, number: int, given: Mapping[str, Any], wanted: Mapping[str, Any], place: str = "") -> None:
        self.number, self.given, self.wanted, self.place = number, dict(given), dict(wanted), place

    @property
    def __name__(self) -> str:
        """What pytest calls it."""
        return "-".join(str(value) for value in self.given.values() if value is not NOTHING) or f"row{self.number}"

    def __repr__(self) -> str:
        return f"<row {self.number}: {self.__name__}>"

    def run(self, lab: Lab, route: str, **options: Any) -> RouteRun:
        """Run the route over this row's message."""
        given = {name: value for name, value in self.given.items() if value is not NOTHING}
        plain: dict[str, Any] = {**options, **{name: given.pop(name) for name in _INPUTS if name in given}}
        headers = dict(plain.pop("headers", {}) or {})
        variables: dict[str, Value] = dict(plain.pop("variables", {}))
        for name, value in given.items():
            if name.startswith("header "):
                headers[name.removeprefix("header ").strip()] = str(value)
            else:
                variables[name] = value
        target = plain.pop("uri", None) or plain.pop("user", None) or "bob"
        plain.pop("user", None)
        known: dict[str, Any] = {name: plain.pop(name) for name in ("caller", "source", "body") if name in plain}
        flags = plain.pop("flags", ())
        reply = plain.pop("reply", None)
        message = lab.request(str(plain.pop("method", "INVITE")), str(target), headers=headers, **_texts(known))
        if reply is not None:
            plain["reply"] = reply if not isinstance(reply, str) or not reply.isdecimal() else int(reply)
        flags = re.split(r"[\s,]+", flags.strip()) if isinstance(flags, str) else flags
        return lab.route(route, message, variables, flags=[_flag(flag) for flag in flags], **plain)

    def check(self, lab: Lab, route: str, **options: Any) -> RouteRun:
        """Run it and compare; AssertionError tells what is wrong."""
        run = self.run(lab, route, **options)
        wrong = self.wrong(run)
        if wrong:
            raise AssertionError(_report(route, [self], [(self, wrong)]))
        return run

    def wrong(self, run: RouteRun) -> dict[str, tuple[str, str]]:
        """What is not as expected: by column, what was found and what was wanted."""
        found: dict[str, tuple[str, str]] = {}
        for name, wanted in self.wanted.items():
            if wanted is NOTHING:
                continue
            got = _output(run, name)
            if not _same(name, got, wanted):
                found[name] = _shown(got), _shown(wanted)
        return found


def check_table(lab: Lab, route: str, table: Table, rows_: Rows | None, options: Mapping[str, Any]) -> list[RouteRun]:
    """Run every row; AssertionError shows all that are wrong at once. See `Lab.table`."""
    all_rows = rows(table, rows_)
    runs: list[RouteRun] = []
    wrong: list[tuple[Row, dict[str, tuple[str, str]]]] = []
    for row in all_rows:
        try:
            run = row.run(lab, route, **options)
        except (ValueError, LookupError) as error:
            raise type(error)(f"row {row.number}{row.place}: {error}") from None
        runs.append(run)
        differences = row.wrong(run)
        if differences:
            wrong.append((row, differences))
    if wrong:
        raise AssertionError(_report(route, all_rows, wrong))
    return runs


def rows(table: Table, values: Rows | None = None) -> list[Row]:
    """The rows of a table: a text, the path of a CSV file, rows as mappings, or a line of columns and `values`.

    Raises ValueError, with the line, for what is no such table.
    """
    if values is not None:
        if not isinstance(table, str):
            raise ValueError('columns are a text: "user || $ru, code"')
        return _of_values(_columns(table), values)
    if isinstance(table, Path) or (isinstance(table, str) and "\n" not in table and table.endswith(".csv")):
        path = Path(table)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ValueError(f"cannot read {path}: {error.strerror}") from None
        return _of_csv(text, str(path))
    if isinstance(table, str):
        lines = [line for line in table.strip("\n").split("\n") if line.strip() and not line.lstrip().startswith("#")]
        if not lines:
            raise ValueError("the table is empty")
        if MARK in lines[0] and not _is_csv(lines[0]):
            return _of_text(table)
        return _of_csv(table.strip() + "\n", "")
    found: list[Row] = []
    for number, mapping in enumerate(table, 1):
        if not isinstance(mapping, Mapping):
            raise ValueError(f'row {number} is no mapping: give the columns, lab.table(route, "user || $ru", rows)')
        given = {name: value for name, value in mapping.items() if not name.startswith("->")}
        wanted = {name[2:].strip(): value for name, value in mapping.items() if name.startswith("->")}
        found.append(_row(number, given, wanted, ""))
    return found


# -- reading -----------------------------------------------------------------------------------------------------
def _is_csv(head: str) -> bool:
    return "," in head and "|" not in head.replace(MARK, "")


def _columns(line: str) -> tuple[list[str], list[str]]:
    """The names left and right of the mark; commas or `|` separate them."""
    left, mark, right = line.partition(MARK)
    if not mark:
        raise ValueError(f'columns need a {MARK} between what goes in and what is expected: "user || $ru, code"')
    return tuple([name.strip() for name in re.split(r"[|,]", side) if name.strip()] for side in (left, right))  # type: ignore[return-value]


def _of_values(columns: tuple[list[str], list[str]], values: Rows) -> list[Row]:
    left, right = columns
    found = []
    for number, value in enumerate(values, 1):
        if isinstance(value, Mapping):
            given, wanted = ({name: value[name] for name in side if name in value} for side in columns)
            unknown = [name for name in value if name not in left + right]
            if unknown:
                raise ValueError(f"row {number} has {unknown[0]!r}, which is no column")
        else:
            if isinstance(value, str) or len(value) != len(left) + len(right):
                count = 1 if isinstance(value, str) else len(value)
                raise ValueError(f"row {number} has {count} values for {len(left) + len(right)} columns: {value!r}")
            given = dict(zip(left, value, strict=False))
            wanted = dict(zip(right, list(value)[len(left) :], strict=True))
        found.append(_row(number, given, wanted, ""))
    return found


def _of_text(text: str) -> list[Row]:
    head: tuple[list[str], list[str]] | None = None
    found: list[Row] = []
    for line_number, line in enumerate(text.strip("\n").split("\n"), 1):
        stripped = line.strip()
        if not stripped or stripped[0] == "#" or not stripped.strip("|-+=: "):
            continue  # a comment, a ruler
        if MARK not in stripped:
            raise ValueError(f"line {line_number} of the table has no {MARK}: {stripped}")
        if stripped[0] == "|" and not stripped.startswith(MARK):
            stripped = stripped[1:].rstrip("|")  # framed, as in Markdown
        sides = [_cells(side) for side in _split(stripped)]
        if head is None:
            head = sides[0], sides[1]
            continue
        named: list[dict[str, Any]] = []
        for names, cells in zip(head, sides, strict=True):
            if len(cells) > len(names) and any(cells[len(names) :]):
                raise ValueError(f"line {line_number} of the table has more cells than there are columns: {stripped}")
            cells += [""] * (len(names) - len(cells))
            named.append({name: _cell(name, cell) for name, cell in zip(names, cells, strict=False)})
        found.append(_row(len(found) + 1, named[0], named[1], f" (line {line_number})"))
    return found


def _split(line: str) -> tuple[str, str]:
    """Both sides of the mark; one in quotes counts as text."""
    quoted = False
    for at, char in enumerate(line):
        if char == '"':
            quoted = not quoted
        elif not quoted and line.startswith(MARK, at):
            return line[:at], line[at + 2 :]
    return line, ""


def _cells(side: str) -> list[str]:
    cells, quoted, current = [], False, ""
    for char in side:
        if char == '"':
            quoted = not quoted
        if char == "|" and not quoted:
            cells.append(current.strip())
            current = ""
        else:
            current += char
    cells.append(current.strip())
    return cells


def _of_csv(text: str, path: str) -> list[Row]:
    lines = list(csv.reader(io.StringIO(text), skipinitialspace=True))
    head = [name.strip() for name in lines[0]] if lines else []
    at = head.index(MARK) if MARK in head else -1
    if at < 0 and not any(name.startswith("->") for name in head):
        place = f" of {path}" if path else ""
        raise ValueError(
            f"the first line{place} names no expected column: put one called {MARK} in front of them, or write -> NAME"
        )
    found: list[Row] = []
    for number, cells in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(head):
            raise ValueError(f"{path or 'the table'}:{number} has {len(cells)} cells for {len(head)} columns")
        given: dict[str, Any] = {}
        wanted: dict[str, Any] = {}
        for position, name in enumerate(head):
            cell = cells[position].strip() if position < len(cells) else ""
            if name == MARK:
                continue
            expected = name.startswith("->") or 0 <= at < position
            plain = name.removeprefix("->").strip()
            (wanted if expected else given)[plain] = _cell(plain, cell)
        found.append(_row(len(found) + 1, given, wanted, f" ({path or 'line'}{':' if path else ' '}{number})"))
    return found


def _cell(name: str, cell: str) -> Any:
    """What a cell of a text says: nothing, `null`, a text in quotes, a number for variables, else the text."""
    if not cell:
        return NOTHING
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1]
    if cell in _NULL:
        return None
    number = re.fullmatch(r"0|-?[1-9]\d{0,8}", cell) is not None
    return int(cell) if number and re.match(r"\$\(?(var|avp|shv|x?avp|vn|vz|mf|sf|bf)\b", name) else cell


def _row(number: int, given: dict[str, Any], wanted: dict[str, Any], place: str) -> Row:
    for name in given:
        if name not in _INPUTS and name[:1] != "$" and not name.startswith("header "):
            raise ValueError(
                f"{name!r} is no input column: say {', '.join(_INPUTS[:6])}, flags, header NAME or a pseudo-variable"
            )
    for name in wanted:
        if name not in _OUTPUTS and name[:1] != "$" and not name.startswith("header "):
            raise ValueError(
                f"{name!r} is no expected column: say {', '.join(_OUTPUTS)}, header NAME or a pseudo-variable"
            )
    if not wanted:
        raise ValueError(f"row {number}{place} expects nothing")
    return Row(number, given, wanted, place)


# -- comparing ---------------------------------------------------------------------------------------------------
def _output(run: RouteRun, name: str) -> Any:
    if name[:1] == "$":
        return run[name]
    if name.startswith("header "):
        from kamscript.sip.headers import header_kind
        from kamscript.sip.message import Message

        return Message(run.text).value(str(header_kind(name.removeprefix("header ").strip())))
    if name == "reply":
        return ", ".join(run.replies)
    if name == "branches":
        return ", ".join(run.branches)
    if name == "log":
        return "\n".join(run.said)
    if name == "flags":
        return ", ".join(sorted(map(str, run.flags)))
    return getattr(run, name)


def _same(name: str, got: Any, wanted: Any) -> bool:
    if name in ("exited", "dropped"):
        return bool(got) == (str(wanted).lower() in ("true", "yes", "1"))
    if name in ("log", "text"):
        return str(wanted) in str(got)
    if name == "reply":
        text = str(wanted)
        return bool(got == text or (text.isdecimal() and str(got).partition(" ")[0] == text))
    if name in ("branches", "flags") and not isinstance(wanted, str):
        wanted = ", ".join(map(str, wanted))
    if wanted is None or got is None:
        return got is wanted
    return str(got) == str(wanted)


def _shown(value: Any) -> str:
    return "null" if value is None else str(value) if value != "" else '""'


def _report(route: str, all_rows: Sequence[Row], wrong: Sequence[tuple[Row, Mapping[str, tuple[str, str]]]]) -> str:
    """All wrong rows as one table: what went in, and beside each wrong value the expected one."""
    inputs = list(dict.fromkeys(name for row, _ in wrong for name, v in row.given.items() if v is not NOTHING))
    outputs = list(dict.fromkeys(name for _, differences in wrong for name in differences))
    lines = [["row", *inputs, MARK, *outputs]]
    for row, differences in wrong:
        cells = ["" if row.given.get(name, NOTHING) is NOTHING else _shown(row.given[name]) for name in inputs]
        marks = [f"{differences[n][0]} != {differences[n][1]}" if n in differences else "" for n in outputs]
        lines.append([str(row.number), *cells, MARK, *marks])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    table = "\n".join("  " + "  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    noun = "row" if len(all_rows) == 1 else "rows"
    verb = "is" if len(wrong) == 1 else "are"
    return f"{len(wrong)} of {len(all_rows)} {noun} of {route} {verb} wrong (found != expected):\n{table}"


def _flag(flag: Any) -> str | int:
    return int(flag) if isinstance(flag, str) and flag.isdecimal() else flag


def _texts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, int) else value for name, value in values.items()}
