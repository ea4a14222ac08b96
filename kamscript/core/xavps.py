"""Extended AVPs: XAVPs (stacks), XAVUs (one value a name), XAVIs (names of any case) (core/xavp.c).

A list is `{name: [newest, ...]}`. A value is an int, a text, None, or a dict: an XAVP with fields of its own, again
`{name: [newest, ...]}`, nested as deep as one likes. The lists of a message hang on its Context and are made when
something is first put in; tm takes them over into the transaction.
"""

from __future__ import annotations

from typing import Any

from kamscript.core.context import Context, Xavps


def xavps(ctx: Context) -> Xavps:
    """The message's XAVPs, to be written to."""
    if ctx.xavps is None:
        ctx.xavps = {}
    return ctx.xavps


def xavus(ctx: Context) -> Xavps:
    """The message's XAVUs, to be written to."""
    if ctx.xavus is None:
        ctx.xavus = {}
    return ctx.xavus


def xavis(ctx: Context) -> Xavps:
    """The message's XAVIs, to be written to; keys are lower case."""
    if ctx.xavis is None:
        ctx.xavis = {}
    return ctx.xavis


def get(table: Xavps | None, name: str, index: int = 0) -> Any:
    """Value number `index` (0 the newest, negative from the oldest: -1) of a name; None when there is none."""
    values = table.get(name) if table else None
    if values is None:
        return None
    if index < 0:
        index += len(values)
    return values[index] if 0 <= index < len(values) else None


def push(table: Xavps, name: str, value: Any) -> Any:
    """Put a value on top (xavp_add_value); returns it."""
    table.setdefault(name, []).insert(0, value)
    return value


def set_value(table: Xavps, name: str, value: Any, index: int = 0) -> bool:
    """Replace value number `index` (xavp_set_value); False when there is none."""
    values = table.get(name)
    if values is None:
        return False
    if index < 0:
        index += len(values)
    if not 0 <= index < len(values):
        return False
    values[index] = value
    return True


def remove(table: Xavps | None, name: str, index: int | None = None) -> int:
    """Remove value number `index`, or all of a name; returns how many went."""
    values = table.get(name) if table else None
    if table is None or values is None:
        return 0
    if index is None:
        del table[name]
        return len(values)
    if index < 0:
        index += len(values)
    if not 0 <= index < len(values):
        return 0
    del values[index]
    if not values:
        del table[name]
    return 1


def fields(table: Xavps | None, name: str, index: int = 0) -> Xavps | None:
    """The fields of an XAVP that has some; None for anything else."""
    value = get(table, name, index)
    return value if isinstance(value, dict) else None


def child(table: Xavps | None, name: str, field: str) -> Any:
    """The newest value of a field of the newest XAVP of a name (xavp_get_child)."""
    return get(fields(table, name), field)


def set_child(table: Xavps, name: str, field: str, value: Any) -> None:
    """Set that field, making the XAVP and the field when they are not there (xavp_set_child_*)."""
    inner = fields(table, name)
    if inner is None:
        inner = push(table, name, {})
    if not set_value(inner, field, value):
        push(inner, field, value)


def serialize(table: Xavps | None, name: str) -> str:
    """The fields of the newest XAVP of a name as `a=1;b=text;` (xavp_serialize_fields); "" when it has none."""
    inner = fields(table, name)
    if not inner:
        return ""
    out: list[str] = []
    for field in reversed(inner):
        for value in inner[field]:
            if isinstance(value, int):
                out.append(f"{field}={value & 0xFFFFFFFF};")
            elif isinstance(value, str):
                out.append(f"{field}={value};" if value else f"{field};")
    return "".join(out)


def copy(table: Xavps | None) -> Xavps | None:
    """A deep copy of the lists: changes of one do not show in the other."""
    if table is None:
        return None
    return {
        name: [copy(value) if isinstance(value, dict) else value for value in values] for name, values in table.items()
    }
