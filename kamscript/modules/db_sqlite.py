"""db_sqlite: databases at `sqlite://` URLs."""

from __future__ import annotations

from typing import Any

from kamscript.module import FixupError, Module, Param
from kamscript.stores import DatabaseUrl

_JOURNAL_MODES = ("DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL", "OFF")


class DbSqlite(Module, name="db_sqlite"):
    """Let modules keep their data in SQLite files. Other modules name the file in their `db_url`."""

    db_set_readonly = Param("", "Path of a file to open for reading only.", repeat=True, since="5.6")
    db_set_journal_mode = Param("", "`PATH=MODE;`: the journal mode of a file.", repeat=True, since="5.6")
    db_set_busy_timeout = Param("", "`PATH=MS;`: how long to wait for a lock.", repeat=True, since="6.x")

    _journal_modes: dict[str, str] | None = None
    _busy_timeouts: dict[str, int] = {}

    def start(self) -> None:
        """Check the parameters."""
        self._journal_modes = dict(self._pair(text) for text in self.db_set_journal_mode)
        for mode in self._journal_modes.values():
            if mode.upper() not in _JOURNAL_MODES:
                raise FixupError(f"unknown journal mode {mode!r}")
        timeouts = dict(self._pair(text) for text in self.db_set_busy_timeout)
        try:
            self._busy_timeouts = {path: int(number) for path, number in timeouts.items()}
        except ValueError as error:
            raise FixupError(f"bad busy timeout: {error}") from error

    @staticmethod
    def _pair(text: str) -> tuple[str, str]:
        path, equals, value = text.removesuffix(";").partition("=")
        if not equals:
            raise FixupError(f"not PATH=VALUE: {text!r}")
        return path, value

    def options(self, url: DatabaseUrl) -> dict[str, Any]:
        """What the parameters ask of the database at a URL; modules that start before this one ask too."""
        if self._journal_modes is None:
            self.start()
        return {
            "readonly": list(self.db_set_readonly),
            "journal_mode": self._journal_modes,
            "busy_timeout": self._busy_timeouts.get(url.name, 0),
        }
