"""Calls on a server that keeps them in a database, and the server that comes after it.

    disk = Disk()
    first = Kept(disk, "db_mode=1")
    first.call()
    second = Kept(disk, "db_mode=1")
    assert second.states == [4]

`disk.dialogs()` and `disk.variables()` are the rows; `disk.down = True` takes the database away.
"""

from __future__ import annotations

from typing import Any

from kamscript.module import Module
from kamscript.stores import DatabaseUrl, schema
from kamscript.stores.database import MemoryDatabase
from tests.core.serving import NOW, Names, Serving

from .scene import MODULES, Scene, proxy

URL = "mysql://kamailio:kamailiorw@localhost/kamailio"
Row = dict[str, Any]


class Disk(MemoryDatabase):
    """A database that outlives servers. `statements` counts what reached it, `fetched` the sizes asked of `fetch`."""

    def __init__(self) -> None:
        self.down = False
        self.lines: list[str] = []
        self.statements = 0
        self.opened: list[str] = []
        self.fetched: list[int] = []
        super().__init__(DatabaseUrl("mysql"), lambda level, text: self.lines.append(text))

    def __call__(self, url: str) -> Disk:
        """What a server is handed as `Environment.database`."""
        self.opened.append(url)
        return self

    def _run(self, statement: Any, parameters: Any = None, retries: int | None = None) -> Any:
        if self.down:
            raise self._failed("driver error on query", OSError("server has gone away"), lost=True)
        self.statements += 1
        return super()._run(statement, parameters, retries)

    def fetch(self, *args: Any, size: int = 2000, **named: Any) -> Any:
        self.fetched.append(size)
        return super().fetch(*args, size=size, **named)

    def rows(self, table: str) -> list[Row]:
        """All rows, in the order in which they were added."""
        found = self._run(f"SELECT * FROM {table} ORDER BY id")
        return [dict(row._mapping) for row in found]

    def dialogs(self) -> list[Row]:
        """The rows of table dialog."""
        return self.rows("dialog") if self.has_table("dialog") else []

    def variables(self) -> dict[str, str]:
        """Table dialog_vars, of all dialogs."""
        rows = self.rows("dialog_vars") if self.has_table("dialog_vars") else []
        assert len({row["dialog_key"] for row in rows}) == len(rows), "a variable stands there twice"
        return {row["dialog_key"]: row["dialog_value"] for row in rows}

    def rename(
        self, like: str, table: str = "", *, names: dict[str, str] | None = None, nullable: bool = False
    ) -> None:
        """Create Kamailio's table `like` with other names, none under the name it had; `nullable`: all may be null."""
        definition = schema.table(like)
        assert definition is not None
        renamed = [
            column._replace(name=(names or {}).get(column.name, column.name), null=column.null or nullable)
            for column in definition.columns
        ]
        name = table or like
        self._made.add(name)
        self.create_table(definition._replace(name=name, columns=renamed, indexes=[]))
        self._versions[name] = definition.version


class Kept(Scene):
    """A scene whose server has a database. `params` are modparams of dialog as `scene.proxy` takes them."""

    def __init__(
        self,
        disk: Disk,
        params: str = "db_mode=1",
        *,
        now: float = NOW,
        database: str = "db_mysql",
        listen: str = "listen=udp:127.0.0.1:5060\n",
        target: str = "5.6",
        own: dict[str, type[Module]] | None = None,
        **more: str,
    ) -> None:
        self.disk = disk
        self.sent, self.invites, self.answered = [], [], None
        self.cseqs = {"alice": 1, "bob": 0}
        loads = "".join(f'loadmodule "{name}.so"\n' for name in f"{database} {MODULES} {' '.join(own or {})}".split())
        config = f"{listen}{loads}{proxy(params=params, **more)}"
        Serving.__init__(self, config, Names({}), target=target, now=now, modules=own, database=disk)
        self.server.fire(now)

    def after(self, seconds: float, params: str = "db_mode=1", **more: Any) -> Kept:
        """The server that starts on the same database some seconds later; this one is simply gone."""
        return Kept(self.disk, params, now=self.server.timers.now + seconds, **more)
