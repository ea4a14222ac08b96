"""Variables that a config makes: `$var $vn $vz $shv $avp $xavp $xavu $xavi $cnt`.

Source: modules/pv/pv_svar.c, pv_shv.c, pv_xavp.c, core/usr_avp.c and core/xavp.c of Kamailio 5.6.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from kamscript.core import xavps
from kamscript.core.rpc import missing
from kamscript.module import Accessor, FixupError, Param, PvRef, pv_class, rpc
from kamscript.script.bind import binding_of, variable_name
from kamscript.script.format import accessor_of
from kamscript.values import Value, decimal, unsigned

if TYPE_CHECKING:
    from kamscript.core.context import Context, Xavps
    from kamscript.core.rpc import Rpc
    from kamscript.core.server import Server

Index = int | str | Accessor | None


class Variables:
    """The part of the pv module that keeps values."""

    server: Server

    varset = Param("", "Start value of a `$var`: `name=i:5` or `name=s:text`.", repeat=True, set="_set_var")
    shvset = Param("", "Start value of a `$shv`: `name=i:5` or `name=s:text`.", repeat=True, set="_set_shv")
    avp_aliases = Param("", "Other names of AVPs: `alias=i:55;other=s:name`.", repeat=True, set="_add_aliases")

    # -- $var, $vz, $vn ----------------------------------------------------------------------------------------------
    @pv_class("var")
    def _var(self, ref: PvRef) -> Accessor:
        """A variable of the worker process; 0 until it is set, and again when `$null` is assigned."""
        return self._variable(ref, "v", 0)

    @pv_class("vz")
    def _vz(self, ref: PvRef) -> Accessor:
        """The same as `$var`."""
        return self._variable(ref, "v", 0)

    @pv_class("vn")
    def _vn(self, ref: PvRef) -> Accessor:
        """A variable of the worker process that is null until it is set."""
        return self._variable(ref, "n", None)

    def _variable(self, ref: PvRef, kind: str, initial: Value) -> Accessor:
        name, names = variable_name(kind, self._constant(ref)), binding_of(self.server).names
        names.setdefault(name, initial)

        def get(ctx: Context) -> Value:
            value: Value = names[name]
            return value

        def set(ctx: Context, value: Value) -> None:
            names[name] = initial if value is None else value

        return Accessor(get, set)

    def _constant(self, ref: PvRef) -> str:
        if ref.inner is None:
            raise FixupError(f"${ref.name} expects a name in parentheses")
        if not isinstance(ref.inner, str):
            # the name is taken as it is written, pseudo-variables in it are not looked at
            return str(getattr(ref.inner, "text", ""))
        return ref.inner

    def variable(self, name: str, null: bool = False) -> Value:
        """The value of `$var(name)` (`$vn(name)` with `null`)."""
        value: Value = binding_of(self.server).names.get(variable_name("n" if null else "v", name), None if null else 0)
        return value

    def set_variable(self, name: str, value: Value) -> None:
        """Set `$var(name)`."""
        binding_of(self.server).names[variable_name("v", name)] = 0 if value is None else value

    def _set_var(self, text: str) -> None:
        name, value = _start_value(text)
        self.set_variable(name, value)

    # -- $shv --------------------------------------------------------------------------------------------------------
    @pv_class("shv")
    def _shv(self, ref: PvRef) -> Accessor:
        """A variable that all processes share; 0 until it is set."""
        name, shared = self._constant(ref), self._shared()
        shared.setdefault(name, 0)

        def get(ctx: Context) -> Value:
            return shared[name]

        def set(ctx: Context, value: Value) -> None:
            shared[name] = "" if value is None else value

        return Accessor(get, set)

    def _shared(self) -> dict[str, Value]:
        table: dict[str, Value] = self.server.shared.setdefault("shv", {})
        return table

    def _set_shv(self, text: str) -> None:
        name, value = _start_value(text)
        self._shared()[name] = value

    @rpc("pv.shvGet")
    def _shv_get(self, rpc: Rpc, name: str = "") -> None:
        """One shared variable, or all of them."""
        from kamscript.core.rpc import RpcFault, Struct

        shared = self._shared()
        if name:
            if name not in shared:
                raise RpcFault(404, "Variable not found")
            rpc.add(_described(name, shared[name]))
            return
        items = Struct()
        for key in reversed(shared):
            items.add("shv", _described(key, shared[key]))
        rpc.add(Struct(items=items))

    @rpc("pv.shvSet")
    @missing(500, *(f"Missing parameter {what} (Parameters: varname type value)" for what in ("varname", "type")))
    def _shv_set(self, rpc: Rpc, name: str, type: str, value: int | str | None = None) -> str:
        """Set a shared variable; `type` is `int` or `str`."""
        from kamscript.core.rpc import RpcFault

        shared = self._shared()
        new: Value
        if type.lower() == "int":
            new = value
            if not isinstance(new, int):
                raise RpcFault(500, "Missing integer parameter value (Parameters: varname type value)")
        elif type.lower() == "str":
            new = value
            if not isinstance(new, str):
                raise RpcFault(500, "Missing string parameter value (Parameters: varname type value)")
        else:
            raise RpcFault(500, "Unknown parameter type (Types: int or str)")
        if name not in shared:
            raise RpcFault(404, "Variable not found")
        shared[name] = new
        return "Ok. Variable set to new value."

    # -- $avp --------------------------------------------------------------------------------------------------------
    def _add_aliases(self, text: str) -> None:
        aliases: dict[str, int | str] = self.server.shared.setdefault("avp_aliases", {})
        for item in text.split(";"):
            if not item.strip():
                continue
            alias, equals, name = (part.strip() for part in item.partition("="))
            if not equals or not alias or not name:
                raise FixupError(f"avp_aliases: expected alias=name in {item!r}")
            aliases[alias] = avp_key(name)

    @pv_class("avp")
    def _avp(self, ref: PvRef) -> Accessor:
        """Values that stay with the message and its transaction, a stack per name: reading gives the newest.

        `$(avp(x)[2])` is the third newest, `[-1]` the oldest, `[*]` all of them, joined by `, `. Assigning puts a new
        value on top; `$null` removes the newest, with `[*]` all.
        """
        if ref.inner is None:
            raise FixupError("$avp expects a name in parentheses")
        key = self._avp_key(ref.inner)
        index = ref.index

        def get(ctx: Context) -> Value:
            name = key(ctx) if callable(key) else key
            values = ctx.avps.lists.get(name) if name is not None else None
            if not values:
                return None
            if index == "*":  # no comma behind texts of no length in front, as in Kamailio
                return ", ".join(map(str, dropwhile(lambda value: value == "", values)))
            at = _number(index, ctx)
            if at is None:
                return None
            return values[at] if -len(values) <= at < len(values) else None

        def set(ctx: Context, value: Value) -> bool:
            name = key(ctx) if callable(key) else key
            if name is None:
                return False
            if index == "*":
                ctx.avps.delete_all(name)
            elif value is None:
                ctx.avps.delete(name)
            if value is not None:
                ctx.avps.push(name, value)
            return True

        return Accessor(get, set)

    def _avp_key(self, inner: str | Callable[[Context], str]) -> int | str | Callable[[Context], int | str | None]:
        if isinstance(inner, Accessor):
            read = inner.get

            def dynamic(ctx: Context) -> int | str | None:
                value = read(ctx)
                if value is None or value == "":
                    ctx.server.log.error("<core>", "null or empty name of an AVP")
                    return None
                return value

            return dynamic
        if not isinstance(inner, str):
            raise FixupError(f"bad AVP name {getattr(inner, 'text', '')}: one pseudo-variable, or none, is possible")
        aliases: dict[str, int | str] = self.server.shared.get("avp_aliases", {})
        return aliases[inner] if inner in aliases else avp_key(inner)

    # -- $xavp, $xavu, $xavi -----------------------------------------------------------------------------------------
    @pv_class("xavp")
    def _xavp(self, ref: PvRef) -> Accessor:
        """Extended AVPs, whose values may have named fields: `$xavp(a)`, `$xavp(a=>field)`, `$xavp(a[1]=>b[0])`.

        Assigning without an index adds on top; `$xavp(a[0]=>field) = x` adds a field to the XAVP that is there.
        """
        return self._stacked(ref, lambda ctx: ctx.xavps, xavps.xavps, lambda name: name)

    @pv_class("xavi", since="5.6")
    def _xavi(self, ref: PvRef) -> Accessor:
        """The same as `$xavp`, with names in any case."""
        return self._stacked(ref, lambda ctx: ctx.xavis, xavps.xavis, str.lower)

    def _stacked(
        self,
        ref: PvRef,
        peek: Callable[[Context], Xavps | None],
        make: Callable[[Context], Xavps],
        fold: Callable[[str], str],
    ) -> Accessor:
        root, root_index, field, field_index = self._xavp_name(ref)
        root, field = fold(root), None if field is None else fold(field)

        def get(ctx: Context) -> Value:
            value = xavps.get(peek(ctx), root, _number(root_index, ctx) or 0)
            if field is None:
                return _shown(value)
            if not isinstance(value, dict):
                return None
            if field_index == "*":
                values = value.get(field)
                return ", ".join(str(_shown(item)) for item in values) if values else None
            return _shown(xavps.get(value, field, _number(field_index, ctx) or 0))

        def set(ctx: Context, value: Value) -> bool:
            if value is None:
                _clear(peek(ctx), root, root_index, field, field_index, ctx)
                return True
            table = make(ctx)
            if field is None:
                if root_index is None:
                    xavps.push(table, root, value)
                    return True
                at = _number(root_index, ctx)
                return root_index != "*" and at is not None and xavps.set_value(table, root, value, at)
            if root_index is None:
                xavps.push(table, root, {field: [value]})
                return True
            if root_index == "*":
                return True
            inner = xavps.get(table, root, _number(root_index, ctx) or 0)
            if inner is None:
                return True
            if not isinstance(inner, dict):
                return False
            if field_index is None:
                xavps.push(inner, field, value)
            elif field_index != "*":
                xavps.set_value(inner, field, value, _number(field_index, ctx) or 0)
            return True

        return Accessor(get, set)

    @pv_class("xavu", since="5.6")
    def _xavu(self, ref: PvRef) -> Accessor:
        """Extended AVPs with one value per name: `$xavu(a)`, `$xavu(a=>field)`. Assigning replaces."""
        text = self._constant(ref).strip(" \t\r\n")
        root, arrow, field = text.partition("=>")
        if "=" in root or (arrow and not field):
            raise FixupError(f"bad XAVU name {text!r}")

        def get(ctx: Context) -> Value:
            value = xavps.get(ctx.xavus, root)
            if not arrow:
                return _shown(value)
            return _shown(xavps.get(value, field)) if isinstance(value, dict) else None

        def set(ctx: Context, value: Value) -> bool:
            if value is None:
                if not arrow:
                    xavps.remove(ctx.xavus, root)
                elif isinstance(inner := xavps.get(ctx.xavus, root), dict):
                    xavps.remove(inner, field)
                return True
            table = xavps.xavus(ctx)
            if not arrow:
                table[root] = [value]
                return True
            inner = xavps.get(table, root)
            if not isinstance(inner, dict):
                table[root] = [inner := {}]
            inner[field] = [value]
            return True

        return Accessor(get, set)

    def _xavp_name(self, ref: PvRef) -> tuple[str, Index, str | None, Index]:
        text = self._constant(ref)
        root, root_index, rest = self._name_and_index(text)
        if not rest.startswith("="):
            return root, root_index, None, None
        if not rest.startswith("=>"):
            raise FixupError(f"bad XAVP name {text!r}")
        field, field_index, _ = self._name_and_index(rest[2:])
        return root, root_index, field, field_index

    def _name_and_index(self, text: str) -> tuple[str, Index, str]:
        """The name that `text` starts with, its index, and what follows."""
        text = text.lstrip(" \t\r\n")
        end = next((at for at, char in enumerate(text) if char in "= \t\r\n["), len(text))
        name, rest = text[:end], text[end:].lstrip(" \t\r\n")
        if not name:
            raise FixupError("an XAVP needs a name")
        if rest[:1] != "[":
            return name, None, rest
        depth = 0
        for at, char in enumerate(rest):
            depth += (char == "[") - (char == "]")
            if not depth:
                return name, self._index(rest[1:at]), rest[at + 1 :]
        raise FixupError(f"'[' not closed in the XAVP name {text!r}")

    def _index(self, text: str) -> Index:
        if text[:1] == "$":
            return accessor_of(text, self.server)
        if text == "*":
            return text
        digits = text[1:] if text[:1] == "-" else text
        if not digits.isdigit() or not digits.isascii():
            raise FixupError(f"bad index [{text}]")
        return int(text)

    # -- $cnt --------------------------------------------------------------------------------------------------------
    @pv_class("cnt")
    def _cnt(self, ref: PvRef) -> Accessor:
        """How many values an AVP or XAVP has: `$cnt($avp(x))`, `$cnt($xavp(a=>b[*]))`. No index counts all."""
        from kamscript.script.pv import PvSyntaxError, parse_pv

        text = self._constant(ref)
        try:
            target = parse_pv(text)
        except PvSyntaxError as error:
            raise FixupError(str(error)) from None
        if target.name == "avp" and target.inner is not None:
            inner: Any = accessor_of(target.inner, self.server) if "$" in target.inner else target.inner
            key = self._avp_key(inner)

            def count(ctx: Context) -> int:
                name = key(ctx) if callable(key) else key
                return len(ctx.avps.lists.get(name, ())) if name is not None else 0

            return Accessor(count)
        if target.name != "xavp":
            raise FixupError(f"$cnt expects an AVP or XAVP, not {text}")
        root, root_index, field, field_index = self._xavp_name(PvRef("xavp", target.inner))

        def count_xavp(ctx: Context) -> int:
            values = (ctx.xavps or {}).get(root, [])
            if root_index is not None and root_index != "*":
                at = _number(root_index, ctx) or 0
                values = [values[at]] if -len(values) <= at < len(values) else []
            if field is None:
                return len(values)
            total = 0
            for inner in values:
                found = inner.get(field, []) if isinstance(inner, dict) else []
                if field_index is None or field_index == "*":
                    total += len(found)
                else:
                    at = _number(field_index, ctx) or 0
                    total += -len(found) <= at < len(found)
            return total

        return Accessor(count_xavp)


def _start_value(text: str) -> tuple[str, Value]:
    """`name=i:5` or `name=s:text`; raises FixupError."""
    name, equals, value = text.partition("=")
    kind, colon, rest = value.partition(":")
    if not equals or not name or not colon or kind.lower() not in ("s", "i"):
        raise FixupError(f"expected name=i:number or name=s:text, not {text!r}")
    if kind.lower() == "s":
        return name, rest
    number = decimal(rest)
    if number is None:
        raise FixupError(f"not an integer: {text!r}")
    return name, number


def _described(name: str, value: Value) -> dict[str, Any]:
    return {"name": name, "type": "int" if isinstance(value, int) else "string", "value": value}


_TRACKS = {"f": "", "t": "t"}


def avp_key(text: str) -> int | str:
    """The key of an AVP name: `x`, `s:x`, `i:5`, `t.x`, `fd.x`; raises FixupError (parse_avp_ident)."""
    if text[1:2] == ":":
        kind, name = text[0], text[2:]
        if not name:
            raise FixupError(f"bad AVP name {text!r}")
        if kind in "sS":
            return name
        if kind in "iI":
            number = unsigned(name)
            if not number:
                raise FixupError(f"bad AVP id {text!r}")
            return number
        raise FixupError(f"bad AVP name {text!r}: s: or i: is possible")
    track, dot, name = text.partition(".")
    if dot and name and track[:1] in _TRACKS and track[1:] in ("", "r", "u", "d", "g") and len(track) <= 2:
        return name if track in ("f", "fr") else f"${track}.{name}"
    return text


def _number(index: Index, ctx: Context) -> int | None:
    """An index as a number; 0 for none, None when a pseudo-variable has no number."""
    if index is None:
        return 0
    if isinstance(index, int):
        return index
    if isinstance(index, Accessor):
        value = index.get(ctx)
        if isinstance(value, int):
            return value
        ctx.server.log.error("pv", "invalid index")
    return None


def _shown(value: Any) -> Value:
    """What `$xavp(x)` is for a value of the table."""
    if isinstance(value, dict):
        return f"<<xavp:{id(value):#x}>>"
    if value is None or isinstance(value, int | str):
        return value
    return f"<<data:{id(value):#x}>>"


def _clear(
    table: Xavps | None, root: str, root_index: Index, field: str | None, field_index: Index, ctx: Context
) -> None:
    """`$xavp(...) = $null`."""
    if table is None:
        return
    if field is None:
        if root_index == "*":
            xavps.remove(table, root)
        else:
            at = _number(root_index, ctx)
            if at is not None:
                xavps.remove(table, root, at)
        return
    if root_index == "*":
        values = table.get(root, [])
    else:
        value = xavps.get(table, root, _number(root_index, ctx) or 0)
        values = [value]
    for inner in values:
        if isinstance(inner, dict):
            if field_index == "*":
                xavps.remove(inner, field)
            else:
                xavps.remove(inner, field, _number(field_index, ctx) or 0)
