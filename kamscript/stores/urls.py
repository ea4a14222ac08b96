"""Database URLs: `driver://[user[:password]@]host[:port]/name[?options]` (Kamailio's lib/srdb1/db_id.c)."""

from __future__ import annotations

from typing import NamedTuple


class DatabaseUrl(NamedTuple):
    """The parts of a database URL; empty text or 0 where the URL has none."""

    driver: str
    user: str = ""
    password: str = ""
    host: str = ""
    port: int = 0
    name: str = ""

    def without_password(self) -> str:
        """The URL for logs."""
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"{self.driver}://{user}{self.host}{port}/{self.name}"


def parse_url(text: str) -> DatabaseUrl:
    """The parts of a database URL; ValueError when Kamailio would not read it.

    The name of the database is all that follows the first slash behind the host, so that
    `sqlite:///var/k.db` names `var/k.db` (a path relative to the working directory, `/` for a daemon) and
    `sqlite:////var/k.db` names `/var/k.db`. The last `@` ends the user and password, which may hold others.
    A `text://` URL is a driver and a directory.
    """
    driver, separator, rest = text.partition("://")
    if not separator or not driver or ":" in driver:
        raise ValueError(f"not a database URL: {text!r}")
    if driver == "text":
        if not rest:
            raise ValueError(f"no directory in the database URL {text!r}")
        return DatabaseUrl(driver, name=rest)
    user = password = ""
    login, at, behind = rest.rpartition("@")
    if at and ("/" not in login or "/" in behind):
        rest = behind
        user, _, password = login.partition(":")
    host, slash, name = rest.partition("/")
    if not slash:
        raise ValueError(f"no database name in the database URL {text!r}")
    address, port = _split_port(host)
    return DatabaseUrl(driver, user, password, address, port, name.partition("?")[0] if driver != "sqlite" else name)


def _split_port(host: str) -> tuple[str, int]:
    """Host and port; an IPv6 address loses its brackets, a `[group]` of my.cnf keeps them."""
    if host.startswith("["):
        inside, _, behind = host[1:].partition("]")
        address = inside if ":" in inside else f"[{inside}]{behind.partition(':')[0]}"
        digits = behind.rpartition(":")[2] if ":" in behind else ""
    else:
        address, _, digits = host.partition(":")
    return address, int(digits) if digits.isascii() and digits.isdigit() else 0
