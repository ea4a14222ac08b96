"""db_postgres: databases at `postgres://` URLs."""

from __future__ import annotations

from typing import Any

from kamscript.module import FixupError, Module, Param
from kamscript.stores import DatabaseUrl


class DbPostgres(Module, name="db_postgres"):
    """Let modules keep their data on PostgreSQL servers. Other modules name the database in their `db_url`."""

    retries = Param(2, "How often a statement is tried again when the connection was lost.")
    timeout = Param(0, "Seconds after which connecting fails; 0: 5 seconds, as all calls wait meanwhile.")
    tcp_keepalive = Param(0, "Seconds of silence after which TCP asks the server whether it is there; 0 never.")
    lockset = Param(4, "Locks for transactions: 2^lockset.", inert="one process needs no locks of its own")
    bytea_output_escape = Param(
        1, "Ask for binary data in the escape format.", since="5.6", inert="the driver reads binary data by itself"
    )
    con_param = Param("", "`NAME=VALUE`: a connection parameter of libpq.", repeat=True, since="5.6")

    def start(self) -> None:
        """Check the parameters."""
        self._parameters: dict[str, str] = {}
        for text in self.con_param:
            name, equals, value = text.partition("=")
            if not equals or not name.strip():
                raise FixupError(f"invalid connection parameter '{text}'")
            self._parameters[name.strip()] = value.strip()

    def options(self, url: DatabaseUrl) -> dict[str, Any]:
        """What the parameters ask of the database at a URL."""
        return {
            "retries": self.retries,
            "timeout": self.timeout,
            "keepalive": self.tcp_keepalive,
            "parameters": self._parameters,
        }
