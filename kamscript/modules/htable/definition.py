"""What `modparam("htable", "htable", "name=>size=4;autoexpire=7200;...")` says of one table (ht_table_spec)."""

from __future__ import annotations

from typing import NamedTuple

from kamscript.module import FixupError
from kamscript.sip.errors import SipError
from kamscript.sip.params import Param, parse_params
from kamscript.values import decimal, unsigned, wrap

BLANKS = " \t\r\n"
MAX_COLUMNS = 8
#: Attributes that are numbers, and their defaults.
_NUMBERS = {"size": 4, "autoexpire": 0, "dbmode": 0, "updateexpire": 1, "dmqreplicate": 0}
#: Attributes of 6.x.
_NEWER = ("coldelim", "colnull", "reloadat")


class Definition(NamedTuple):
    """A table's attributes. `slots` is 2^size, `initval` None where there is none, `reloadat` seconds."""

    name: str
    slots: int
    autoexpire: int
    dbtable: str
    columns: tuple[str, ...]
    dbmode: int
    initval: int | None
    updateexpire: int
    dmqreplicate: int
    delimiter: str
    null: str
    reloadat: int


def split_name(text: str) -> tuple[str, str]:
    """`name=>rest`, the way tables and keys are written; FixupError when there is no `=>`."""
    start = len(text) - len(text.lstrip(BLANKS))
    end = start
    while end < len(text) and text[end] != "=" and text[end] not in BLANKS:
        end += 1
    rest = text[end:].lstrip(BLANKS)
    if not rest.startswith("=>"):
        raise FixupError(f"{text!r} does not name a table: write table=>...")
    return text[start:end], rest[2:]


def parse_definition(text: str, *, newer: bool = True) -> Definition:
    """Read a definition; FixupError says what is wrong. `newer`: the attributes of 6.x are known."""
    name, rest = split_name(text)
    rest = rest.lstrip(BLANKS)
    try:
        params = parse_params(rest.removesuffix(";"))[0]
    except SipError as error:
        raise FixupError(f"hash table [{name}]: {error}") from None
    numbers = dict(_NUMBERS)
    texts = {"dbtable": "", "cols": "", "coldelim": ",", "colnull": "*"}
    initval: int | None = None
    reloadat = 0
    # The first of a name counts: the list that Kamailio goes through runs backwards.
    for param in reversed(params):
        key = param.name
        if key in _NEWER and not newer:
            raise FixupError(f"hash table [{name}]: {key} is an attribute of 6.x")
        if key in numbers:
            numbers[key] = _number(name, param)
        elif key == "reloadat":
            reloadat = _number(name, param)
        elif key == "initval":
            initval = decimal(param.value) if param.value is not None else None
            if initval is None:
                raise FixupError(f"hash table [{name}]: initval is no integer: {param.value or ''!r}")
        elif key in texts:
            texts[key] = param.value or ""
        else:
            known = ", ".join([*numbers, "initval", "dbtable", "cols", *(_NEWER if newer else ())])
            raise FixupError(f"hash table [{name}]: there is no attribute {key!r}; known are {known}")
    if len(texts["coldelim"]) != 1 or len(texts["colnull"]) > 1:
        raise FixupError(f"hash table [{name}]: coldelim takes one character, colnull one or none")
    return Definition(
        name,
        _slots(wrap(numbers["size"])),
        numbers["autoexpire"],
        texts["dbtable"],
        _columns(name, texts["cols"]),
        numbers["dbmode"],
        initval,
        numbers["updateexpire"],
        numbers["dmqreplicate"],
        texts["coldelim"],
        texts["colnull"],
        reloadat,
    )


def _number(name: str, param: Param) -> int:
    number = unsigned(param.value) if param.value is not None else None
    if number is None:
        raise FixupError(f"hash table [{name}]: {param.name} is no number: {param.value or ''!r}")
    return number


def _slots(size: int) -> int:
    if size <= 1:
        return 8
    return 1 << 14 if size > 31 else 1 << size


def _columns(name: str, text: str) -> tuple[str, ...]:
    columns = tuple(text.split(",")) if text else ()
    if len(columns) == 1:
        raise FixupError(f"hash table [{name}]: cols needs at least two columns, those of the name and of the value")
    if len(columns) > MAX_COLUMNS:
        raise FixupError(f"hash table [{name}]: {len(columns)} columns are too many, {MAX_COLUMNS} are possible")
    return columns
