"""db_mysql: databases at `mysql://` URLs, MySQL and MariaDB."""

from __future__ import annotations

from typing import Any

from kamscript.module import Module, Param
from kamscript.stores import DatabaseUrl

_SSL_DISABLED = 1
_SSL_VERIFY_CA = 4


class DbMysql(Module, name="db_mysql"):
    """Let modules keep their data on MySQL servers. Other modules name the database in their `db_url`."""

    ping_interval = Param(300, "Seconds without a statement after which the server is asked whether it is there.")
    server_timezone = Param(0, "Let the server convert times (FROM_UNIXTIME).", since="5.6")
    timeout_interval = Param(2, "Seconds after which connecting, reading or writing fails.")
    connect_timeout = Param(0, "Seconds after which connecting fails; 0 as timeout_interval.")
    send_timeout = Param(0, "Seconds after which writing fails; 0 as timeout_interval.")
    receive_timeout = Param(0, "Seconds after which reading fails; 0 as timeout_interval.")
    retries = Param(1, "How often a statement is tried again when the connection was lost.")
    auto_reconnect = Param(1, "Connect again when the connection was lost.")
    insert_delayed = Param(0, "Make every INSERT an INSERT DELAYED.")
    update_affected_found = Param(0, "An UPDATE counts the rows it found, not those it changed.")
    unsigned_type = Param(
        0, "Types of unsigned columns.", since="5.6", inert="numbers from the database have no width here"
    )
    opt_ssl_mode = Param(0, "TLS: 1 none, 2 preferred, 3 required, 4 and 5 with a verified certificate.", since="5.6")
    opt_ssl_ca = Param("", "File with the certificates to verify with.", since="6.x")

    def options(self, url: DatabaseUrl) -> dict[str, Any]:
        """What the parameters ask of the database at a URL."""
        options: dict[str, Any] = {
            "ping_interval": self.ping_interval,
            "server_timezone": self.server_timezone,
            "connect_timeout": self.connect_timeout or self.timeout_interval,
            "write_timeout": self.send_timeout or self.timeout_interval,
            "read_timeout": self.receive_timeout or self.timeout_interval,
            "retries": self.retries if self.auto_reconnect else 0,
            "insert_delayed": self.insert_delayed,
            "found_rows": self.update_affected_found,
            "ssl_disabled": self.opt_ssl_mode == _SSL_DISABLED,
        }
        if self.opt_ssl_mode > _SSL_DISABLED:
            options["ssl"] = {"ca": self.opt_ssl_ca or None, "check_hostname": self.opt_ssl_mode > _SSL_VERIFY_CA}
        return options
