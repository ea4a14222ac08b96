"""Users for a config that asks for passwords, for those who only want to see it work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kamscript.source import ConfigError

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab

PASSWORD = "secret"  #: of the users that are made up here


def subscribers(fresh: Callable[..., Lab], users: Sequence[str], domain: str = "") -> dict[str, list[dict[str, str]]]:
    """Rows of subscriber for `users`, all with PASSWORD, when the config of `fresh()` takes them; else nothing."""
    lab = fresh()
    if "auth_db" not in lab.server.modules or lab.phone(users[0], domain=domain).register().status not in (401, 407):
        return {}
    row = {"domain": domain or lab.domain, "password": PASSWORD}
    rows = {"subscriber": [{"username": user, **row} for user in users]}
    try:
        taken = fresh(database=rows).phone(users[0], domain=domain, password=PASSWORD).register().status == 200
    except (ConfigError, ValueError):
        taken = False  # it has tables of its own
    return rows if taken else {}
