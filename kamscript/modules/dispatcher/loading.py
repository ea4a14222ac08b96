"""Reading the destination sets from the list file or the database (dispatcher manual, 6.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kamscript import stores
from kamscript.module import FixupError
from kamscript.modules.dispatcher.destination import Destination, Refused, c_int
from kamscript.modules.dispatcher.sets import Sets
from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params
from kamscript.stores import DatabaseError
from kamscript.stores.base import NoDatabase

if TYPE_CHECKING:
    from kamscript.modules.dispatcher import Dispatcher

_LINE = re.compile(r"([0-9]*)[ \t\r\n]*([^ \t\r\n#]*)[ \t\r\n]*([0-9]*)[ \t\r\n]*([0-9]*)[ \t\r\n]*([^ \t\r\n]*)")
_VERSIONS = (1, 2, 3, 4)
_EXTRA_LIMIT = 1023


def from_file(module: Dispatcher) -> Sets | None:
    """The sets of `list_file`; None, and an error line, when it cannot be read."""
    try:
        text = module.server.environment.files.read(module.list_file)
    except OSError:
        module.error(f"can't open list file [{module.list_file}]")
        return None
    sets = Sets(module)
    for line in text.split("\n"):
        line = line.lstrip(" \t\r\n")
        if not line or line.startswith("#"):
            continue
        found = _LINE.match(line)
        assert found is not None
        number, uri, flags, priority, attrs = found.groups()
        if not uri:
            module.error(f"bad line [{line}]")
            return None
        if attrs.startswith("#"):
            attrs = ""
        if not add(module, sets, c_int(number), uri, c_int(flags), c_int(priority), attrs):
            return None
    return sets.finish()


def from_database(module: Dispatcher) -> Sets | None:
    """The sets of the table; None when it cannot be read."""
    columns = [module.setid_col, module.destination_col]
    columns += [module.flags_col, module.priority_col, module.attrs_col][: max(module.table_version - 1, 0)]
    extra = module.extra_attrs if module.table_version == _VERSIONS[-1] else []
    try:
        rows = module.db.query(module.table_name, [*columns, *(column for _, column in extra)])
    except DatabaseError:
        module.error("error while querying database")
        return None
    if not rows:
        module.warn("no dispatching data in the db -- empty destination set")
    sets = Sets(module)
    for row in rows:
        values = [*row[: len(columns)], 0, 0, ""]
        attrs = str(values[4] or "") if len(columns) >= len(_VERSIONS) + 1 else ""
        if extra:
            attrs = attrs.removesuffix(";") + ";" if attrs else ""
            attrs += "".join(
                f"{name}={value};" for (name, _), value in zip(extra, row[len(columns) :], strict=True) if value
            )
            if len(attrs) > _EXTRA_LIMIT:
                module.error("cannot build attrs buffer")
                return None
        flags = _integer(values[2]) if len(columns) > 2 else 0
        priority = _integer(values[3]) if len(columns) > 3 else 0
        if not add(module, sets, _integer(values[0]), str(values[1] or ""), flags, priority, attrs):
            return None
    return sets.finish()


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 0


def add(module: Dispatcher, sets: Sets, number: int, uri: str, flags: int, priority: int, attrs: str) -> bool:
    """Add one destination; one that is refused is left out, with ds_load_mode 1 everything is (False)."""
    try:
        destination = Destination(module, uri, flags, priority, attrs)
    except Refused as error:
        module.error(str(error))
        module.warn(f"unable to add destination {uri} to set {number} -- skipping")
        sets.complete = False
        return module.ds_load_mode != 1
    destination.iuid = module.next_iuid(number)
    old = module.sets.by_id.get(number) if module.ds_ping_latency_stats and module.ds_retain_latency_stats else None
    if old is not None and destination.key in old.by_uri:
        destination.latency = old.by_uri[destination.key].latency
    sets.add(number, destination)
    return True


def open_table(module: Dispatcher) -> None:
    """Find the database and the version of the table; FixupError refuses the start."""
    module.db = stores.bind(module.server, module.db_url)
    module.extra_attrs = _extra(module.ds_db_extra_attrs)
    standard = ("setid", "destination", "flags", "priority", "attrs")
    chosen = (module.setid_col, module.destination_col, module.flags_col, module.priority_col, module.attrs_col)
    renamed = {old: new for old, new in zip(standard, chosen, strict=True) if old != new}
    module.db.adopt(
        module.table_name, "dispatcher", rename=renamed, extra={column: "string" for _, column in module.extra_attrs}
    )
    if isinstance(module.db, NoDatabase):
        module.table_version = _VERSIONS[-1]
        return
    try:
        module.table_version = module.db.table_version(module.table_name)
    except DatabaseError as error:
        raise FixupError(f"failed to query table version: {error}") from error
    if module.table_version not in _VERSIONS:
        raise FixupError(f"invalid table version (found {module.table_version}, required 1, 2, 3 or 4)")


def _extra(text: str | None) -> list[tuple[str, str]]:
    if not text or len(text) <= 2:
        return []
    try:
        params = parse_params(text.removesuffix(";"))[0]
    except SipError as error:
        raise FixupError(f"failed to parse extra attrs parameter: {error}") from None
    if not all(param.name and param.value for param in params):
        raise FixupError("invalid db extra attrs parameter")
    return [(param.name, param.value or "") for param in reversed(params)]
