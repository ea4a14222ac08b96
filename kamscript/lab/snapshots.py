"""Snapshots: what the server sent, kept as text beside the test and compared when the test runs again.

    def test_the_invite_as_bob_gets_it(lab, snapshot):
        lab.phone("alice").call("sip:bob@10.0.0.2")
        assert lab.messages == snapshot("invite")

`lab.messages` is everything the server sent; `lab.snapshot(log=True, rows=["acc"])` adds the log and the rows of
tables. Branches, tags and the like are named by first appearance (`kamscript.lab.normal`), times count from the start
of the test, so a snapshot is the same on every machine and for every seed. `pytest --kam-update` writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, overload

from kamscript.lab.normal import Normaliser

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab
    from kamscript.report.ladder import Exchange

#: Lines of context around a difference: enough to see which message it is in.
_CONTEXT = 6


class Messages(Sequence[str]):
    """Messages that the server sent, in order; indexing gives the texts as they left."""

    def __init__(self, lab: Lab, exchanges: Sequence[Exchange]) -> None:
        self._lab, self._all = lab, exchanges
        self._sent = [exchange for exchange in exchanges if lab.sent_by_server(exchange)]

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [exchange.text for exchange in self._sent[index]]
        return self._sent[index].text

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def firsts(self) -> list[str]:
        """Their first lines."""
        return [exchange.text.partition("\r\n")[0] for exchange in self._sent]

    def normaliser(self) -> Normaliser:
        """One that knows what the parties came up with themselves."""
        return Normaliser((not self._lab.sent_by_server(exchange), exchange.text) for exchange in self._all)

    def __str__(self) -> str:
        return self.render(self.normaliser())

    def render(self, normaliser: Normaliser) -> str:
        """The messages as a snapshot keeps them."""
        names = self._lab.network.names
        parts = []
        for one in self._sent:
            note = f" [{one.note}]" if one.note else ""
            head = f"--- {one.time:.3f} {names.get(one.source, one.source)} > {names.get(one.target, one.target)}{note}"
            parts.append(f"{head}\n{_lines(normaliser.text(one.text))}")
        return "\n".join(parts)

    def __repr__(self) -> str:
        return f"<{len(self)} messages: {', '.join(self.firsts)}>"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Sequence) and not isinstance(other, str):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]


class Recording(str):
    """What a lab did, as a snapshot keeps it: a text."""

    __slots__ = ()


def record(lab: Lab, *, messages: bool = True, log: bool = False, rows: Sequence[str] = ()) -> Recording:
    """The messages the server sent, its log, and the rows of tables (`"acc"`, or `"url table"` where two databases
    have it), normalised together."""
    sent = lab.messages
    normaliser = sent.normaliser()
    parts = [sent.render(normaliser)] if messages else []
    if log:
        text = "\n".join(line.rstrip("\n") for line in lab.log.lines())
        parts.append(f"--- log\n{_lines(normaliser.text(text))}")
    parts += [f"--- table {table}\n{_table(lab, table, normaliser)}" for table in rows]
    return Recording("\n".join(parts))


def _table(lab: Lab, name: str, normaliser: Normaliser) -> str:
    url, _, table = name.rpartition(" ")
    databases = lab.server.shared.get("databases", {})
    wanted = [database for known, database in databases.items() if not url or known == url]
    holding = [database for database in wanted if database.has_table(table)]
    if len(holding) != 1:
        where = f"{len(holding)} databases have" if holding else "no database has"
        raise LookupError(f"{where} a table {table}" + (": write 'url table'" if holding else ""))
    columns = [column for column in holding[0].raw(f"SELECT * FROM {table}").columns if column != "id"]
    lines = []
    for row in holding[0].query(table, columns):
        cells = zip(columns, row, strict=True)
        lines.append("  " + "  ".join(f"{column}={value}" for column, value in cells if value not in (None, "")))
    return normaliser.text("\n".join(lines)) + "\n"


def _lines(text: str) -> str:
    """A message as lines of a text file: no carriage returns, no blanks at the ends."""
    lines = text.replace("\r\n", "\n").replace("\r", "\\r").rstrip("\n").split("\n")
    return "".join(f"{line.rstrip()}\n" for line in lines)


class Snapshot:
    """One kept text, to compare with: `assert lab.messages == Snapshot(path)`.

    With `update` a comparison writes the file when it differs, and holds.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, path: str | Path, *, update: bool = False) -> None:
        self.path, self.update = Path(path), update
        self.written = self.differs = False
        self._compared = ""

    @property
    def kept(self) -> str | None:
        """The text on disk; None when there is none."""
        try:
            return self.path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            return None

    def __eq__(self, other: object) -> bool:
        text = shown(other)
        self._compared = text
        if self.kept == text:
            return True
        if not self.update:
            self.differs = True
            return False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(text.encode("utf-8"))
        self.written = True
        return True

    def __repr__(self) -> str:
        return f"snapshot({self.path.stem!r})"

    def explain(self) -> str:
        """Why the last comparison failed, and what to do about it."""
        if self.kept is None:
            return f"there is no snapshot {self.path} yet: pytest --kam-update writes it, look at it and keep it"
        return f"not as in {self.path}: see the difference below; if it is meant, pytest --kam-update"

    def difference(self) -> str:
        """What is other than it was, with the lines around it."""
        kept = (self.kept or "").splitlines()
        diff = unified_diff(kept, self._compared.splitlines(), "kept", "now", n=_CONTEXT, lineterm="")
        return "\n".join(diff)


def shown(value: object) -> str:
    """What a snapshot keeps of a value: recordings as they are, other texts as SIP messages, anything else by str()."""
    if isinstance(value, Recording):
        return str(value)
    if isinstance(value, str):
        return _lines(Normaliser().text(value))
    return str(value)
