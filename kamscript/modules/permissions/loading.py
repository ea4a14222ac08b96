"""Reading the table of addresses from `address_file` or the database (permissions manual, 6; address.c)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kamscript.modules.permissions.addresses import Refused, Table
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.modules.permissions import Permissions

VERSION = 6
_LINE = re.compile(
    r"[ \t\r]*+([0-9]*+)[ \t\r]*+([^ \t\r#]+)[ \t\r]*([0-9]*)[ \t\r]*([0-9]*)[ \t\r]*([^ \t\r#]*)", re.ASCII
)

Row = tuple[int, str, int, int, str | None]


def open_table(module: Permissions) -> None:
    """Find the database and the table; FixupError refuses the start."""
    standard = {"grp": module.grp_col, "ip_addr": module.ip_addr_col, "mask": module.mask_col}
    standard |= {"port": module.port_col, "tag": module.tag_col}
    module.bind(module.address_table, "address", standard, VERSION)


def load(module: Permissions) -> Table | None:
    """The table; None, and an error line, when it cannot be read whole."""
    rows = _from_file(module) if module.address_file else _from_database(module)
    if rows is None:
        return None
    table = Table(module.max_subnets, longest=module.modern and module.subnet_match_mode != 0)
    for place, row in rows:
        if row is None:
            module.error(f"invalid record: {place}")
            return None
        try:
            if not table.add(*row):
                module.server.log.critical(module.name, f"subnet table is full: {place} is left out, see max_subnets")
        except Refused as error:
            module.error(f"invalid record: {place}: {error}")
            return None
    return table


def _from_file(module: Permissions) -> Iterable[tuple[str, Row | None]] | None:
    path = module.files.path(module.address_file)
    try:
        text = module.server.environment.files.read(path)
    except OSError:
        module.error(f"can't open list file [{path}]")
        return None
    return _lines(text, path)


def _lines(text: str, path: str) -> Iterable[tuple[str, Row | None]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip(" \t\r") or line.lstrip(" \t\r").startswith("#"):
            continue
        found = _LINE.match(line)
        if found is None:
            yield f"{path}, line {number}: {line}", None
            continue
        group, address, mask, port, tag = found.groups()
        yield f"{path}, line {number}", (int(group or 0), address, int(mask or 0), int(port or 0), tag or None)


def _from_database(module: Permissions) -> Iterable[tuple[str, Row | None]] | None:
    columns = [module.grp_col, module.ip_addr_col, module.mask_col, module.port_col, module.tag_col]
    try:
        rows = module.db.query(module.address_table, columns)
    except DatabaseError:
        module.error("failed to query database")
        return None
    return ((f"a row of {module.address_table}, {row}", _checked(row)) for row in rows)


def _checked(row: tuple[Any, ...]) -> Row | None:
    group, address, mask, port, tag = row
    if not (isinstance(group, int) and group > 0 and isinstance(mask, int) and isinstance(port, int)):
        return None
    if not isinstance(address, str):
        return None
    return group, address, mask, port, None if tag is None else str(tag)
