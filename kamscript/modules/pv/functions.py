"""Functions of the pv module (modules/pv/pv.c, pv_xavp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core import xavps
from kamscript.module import Const, FixupError, Format, Int, Route, Str, Target, function
from kamscript.script.bind import binding_of
from kamscript.script.format import accessor_of, format_of
from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context, Xavps
    from kamscript.core.server import Server


class Functions:
    """What a config calls."""

    server: Server

    # Provided by Variables.
    def variable(self, name: str, null: bool = False) -> Value:
        """See Variables."""
        raise NotImplementedError

    def set_variable(self, name: str, value: Value) -> None:
        """See Variables."""
        raise NotImplementedError

    # -- about pseudo-variables --------------------------------------------------------------------------------------
    @function(Route.ANY)
    def pv_isset(self, ctx: Context, pvid: Target) -> bool:
        """Whether the pseudo-variable has a value."""
        return pvid.get(ctx) is not None

    @function(Route.ANY)
    def pv_unset(self, ctx: Context, pvid: Target) -> bool:
        """Take the value of the pseudo-variable away: as if `$null` was assigned."""
        if pvid.set is None:
            return True
        return pvid.set(ctx, None) is not False

    @function(Route.ANY)
    def is_int(self, ctx: Context, pvar: Target) -> bool:
        """Whether the pseudo-variable holds an integer."""
        return pvar.get(ctx).__class__ is int

    @function(Route.ANY)
    def typeof(self, ctx: Context, pv: Target, vtype: Const) -> bool:
        """Whether the pseudo-variable is of a type: `int`, `str` or `null`; the first letter counts."""
        value = pv.get(ctx)
        wanted = vtype[:1].lower()
        if wanted == "n":
            return value is None
        return value.__class__ is (int if wanted == "i" else str) and wanted in ("i", "s")

    @function(Route.ANY)
    def not_empty(self, ctx: Context, pv: Target) -> bool:
        """Whether the pseudo-variable is a text with something in it."""
        value = pv.get(ctx)
        return value.__class__ is str and value != ""

    @function(Route.ANY, since="5.6")
    def pv_evalx(self, ctx: Context, dst: Target, fmt: Format) -> bool:
        """Expand `fmt`, then expand the result once more, and assign it to `dst`."""
        if dst.set is None:
            ctx.server.log.error("pv", "output variable is not writable")
            return False
        text = fmt(ctx)
        try:
            result = format_of(text, self.server)(ctx) if "$" in text else text
        except FixupError as error:
            ctx.server.log.error("pv", str(error))
            return False
        return dst.set(ctx, result) is not False

    # -- printing ----------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def pv_xavp_print(self, ctx: Context) -> bool:
        """Write all XAVPs to the log."""
        return self._print(ctx, ctx.xavps, "XAVP")

    @function(Route.ANY, since="5.6")
    def pv_xavu_print(self, ctx: Context) -> bool:
        """Write all XAVUs to the log."""
        return self._print(ctx, ctx.xavus, "XAVU")

    @function(Route.ANY, since="5.6")
    def pv_xavi_print(self, ctx: Context) -> bool:
        """Write all XAVIs to the log."""
        return self._print(ctx, ctx.xavis, "XAVI")

    def _print(self, ctx: Context, table: Xavps | None, what: str) -> bool:
        log = ctx.server.log
        log.info("pv", f"+++++ start {what} list")
        for line in _described(table, what, 0):
            log.info("pv", line)
        log.info("pv", f"----- end {what} list")
        return True

    # -- variables and XAVPs -----------------------------------------------------------------------------------------
    @function(Route.ANY)
    def pv_var_to_xavp(self, ctx: Context, varname: Str, xname: Str) -> int:
        """Copy `$var(varname)`, or with `*` all of them, into the XAVP `xname`, in place of what it held."""
        xavps.remove(ctx.xavps, xname)
        table = xavps.xavps(ctx)
        if varname != "*":
            if f"v_{varname}" not in binding_of(self.server).names:
                ctx.server.log.error("pv", f"script var [{varname}] not found")
                return -1
            xavps.push(table, xname, {varname: [self.variable(varname)]})
            return 1
        found: dict[str, list[Any]] = {}
        for name, value in self.variables().items():
            if value != "":
                xavps.push(found, name, value)
        if found:
            xavps.push(table, xname, found)
        return 1

    def variables(self) -> dict[str, Value]:
        """All `$var`s that the config names, with their values."""
        names = binding_of(self.server).names
        found = {pv: names[pv] for pv in names if pv.startswith("v_")}
        return {_plain_name(name[2:]): value for name, value in found.items()}

    @function(Route.ANY)
    def pv_xavp_to_var(self, ctx: Context, xname: Str) -> int:
        """Set a `$var` for every field of the XAVPs `xname`."""
        found = (ctx.xavps or {}).get(xname)
        if not found:
            ctx.server.log.error("pv", f"xavp [{xname}] not found")
            return -1
        if not isinstance(found[0], dict):
            ctx.server.log.error("pv", f"{xname} not xavp type?")
            return -1
        for fields in found:
            for name, values in fields.items() if isinstance(fields, dict) else ():
                for value in values:
                    if not isinstance(value, int | str):
                        ctx.server.log.error("pv", "avp type not STR nor INT")
                        return -1
                    self.set_variable(name, value)
        return 1

    # -- XAVPs -------------------------------------------------------------------------------------------------------
    @function(Route.ANY, since="5.6", name="xavp_copy", arity=3)
    def xavp_copy(self, ctx: Context, source_name: Str, source_index: Int, destination_name: Str) -> int:
        """Copy one XAVP to the end of the XAVPs of another name."""
        value = xavps.get(ctx.xavps, source_name, source_index)
        if value is None:
            ctx.server.log.error("pv", f"missing can not find source xavp [{source_name}]")
            return -1
        xavps.xavps(ctx).setdefault(destination_name, []).append(_copied(value))
        return 1

    @function(Route.ANY, since="5.6", name="xavp_copy", arity=4)
    def xavp_copy_to(
        self, ctx: Context, source_name: Str, source_index: Int, destination_name: Str, destination_index: Int
    ) -> int:
        """Copy one XAVP in place of another."""
        value = xavps.get(ctx.xavps, source_name, source_index)
        if value is None:
            ctx.server.log.error("pv", f"missing can not find source xavp [{source_name}]")
            return -1
        if not xavps.set_value(xavps.xavps(ctx), destination_name, _copied(value), destination_index):
            ctx.server.log.error("pv", f"xavp_copy: missing can not find destination xavp [{destination_name}]")
            return -1
        return 1

    @function(Route.ANY, since="5.6")
    def xavp_slist_explode(self, ctx: Context, slist: Str, sep: Str, mode: Str, xname: Str) -> int:
        """Cut a text at any of the characters of `sep` and keep the pieces, empty ones left out, as the fields `v` of
        a new XAVP; mode `t` trims them."""
        if not slist or not sep or not xname:
            ctx.server.log.error("pv", "invalid parameters")
            return -1
        pieces = [""]
        for char in slist:
            if char in sep:
                pieces.append("")
            else:
                pieces[-1] += char
        if mode[:1] == "t":
            pieces = [piece.strip(" \t\r\n") for piece in pieces]
        xavps.push(xavps.xavps(ctx), xname, {"v": [piece for piece in pieces if piece]})
        return 1

    @function(Route.ANY)
    def xavp_params_explode(self, ctx: Context, sparams: Str, sxname: Str) -> int:
        """Keep the parameters of `a=1;b=2` as fields of a new XAVP."""
        fields = _exploded(sparams)
        if fields is None or not sxname:
            return -1
        xavps.push(xavps.xavps(ctx), sxname, fields)
        return 1

    @function(Route.ANY, since="5.6")
    def xavp_params_implode(self, ctx: Context, sxname: Str, svname: Const) -> int:
        """Assign the fields of an XAVP as `a=1;b=2;` to the pseudo-variable named `svname`."""
        return self._implode(ctx, ctx.xavps, sxname, svname)

    @function(Route.ANY, since="5.6")
    def xavu_params_explode(self, ctx: Context, sparams: Str, sxname: Str) -> int:
        """Keep the parameters of `a=1;b=2` as fields of the XAVU `sxname`."""
        fields = _exploded(sparams)
        if fields is None or not sxname:
            return -1
        xavps.xavus(ctx)[sxname] = [{name: values[:1] for name, values in fields.items()}]
        return 1

    @function(Route.ANY, since="5.6")
    def xavu_params_implode(self, ctx: Context, sxname: Str, svname: Const) -> int:
        """Assign the fields of an XAVU as `a=1;b=2;` to the pseudo-variable named `svname`."""
        return self._implode(ctx, ctx.xavus, sxname, svname)

    def _implode(self, ctx: Context, table: Xavps | None, name: str, output: str) -> int:
        try:
            target = accessor_of(output, self.server)
        except FixupError as error:
            ctx.server.log.error("pv", f"cannot get pv spec for [{output}]: {error}")
            return -1
        if target.set is None:
            ctx.server.log.error("pv", f"read only output variable [{output}]")
            return -1
        text = xavps.serialize(table, name)
        if not text:
            return -1
        return 1 if target.set(ctx, text) is not False else -1

    @function(Route.ANY, since="5.6")
    def xavp_child_seti(self, ctx: Context, rname: Str, cname: Str, ival: Int) -> bool:
        """Set a field of the newest XAVP `rname` to an integer, making both when they are not there."""
        xavps.set_child(xavps.xavps(ctx), rname, cname, ival)
        return True

    @function(Route.ANY, since="5.6")
    def xavp_child_sets(self, ctx: Context, rname: Str, cname: Str, sval: Str) -> bool:
        """Set a field of the newest XAVP `rname` to a text, making both when they are not there."""
        xavps.set_child(xavps.xavps(ctx), rname, cname, sval)
        return True

    @function(Route.ANY, since="5.6")
    def xavp_rm(self, ctx: Context, rname: Str) -> int:
        """Remove the newest XAVP of a name."""
        return _removed(xavps.remove(ctx.xavps, rname, 0))

    @function(Route.ANY, since="5.6")
    def xavp_child_rm(self, ctx: Context, rname: Str, cname: Str) -> int:
        """Remove the newest value of a field of the newest XAVP of a name."""
        return _removed(xavps.remove(xavps.fields(ctx.xavps, rname), cname, 0))

    @function(Route.ANY, since="5.6")
    def xavi_child_seti(self, ctx: Context, rname: Str, cname: Str, ival: Int) -> bool:
        """The same as `xavp_child_seti()` for XAVIs."""
        xavps.set_child(xavps.xavis(ctx), rname.lower(), cname.lower(), ival)
        return True

    @function(Route.ANY, since="5.6")
    def xavi_child_sets(self, ctx: Context, rname: Str, cname: Str, sval: Str) -> bool:
        """The same as `xavp_child_sets()` for XAVIs."""
        xavps.set_child(xavps.xavis(ctx), rname.lower(), cname.lower(), sval)
        return True

    @function(Route.ANY, since="5.6")
    def xavi_rm(self, ctx: Context, rname: Str) -> int:
        """Remove the newest XAVI of a name."""
        return _removed(xavps.remove(ctx.xavis, rname.lower(), 0))

    @function(Route.ANY, since="5.6")
    def xavi_child_rm(self, ctx: Context, rname: Str, cname: Str) -> int:
        """Remove the newest value of a field of the newest XAVI of a name."""
        return _removed(xavps.remove(xavps.fields(ctx.xavis, rname.lower()), cname.lower(), 0))

    # -- later generations -------------------------------------------------------------------------------------------
    @function(Route.ANY, since="6.x")
    def xavp_rm_all(self, ctx: Context, rname: Str) -> bool:
        """Remove all XAVPs of a name."""
        xavps.remove(ctx.xavps, rname)
        return True

    @function(Route.ANY, since="6.x")
    def xavi_rm_all(self, ctx: Context, rname: Str) -> bool:
        """Remove all XAVIs of a name."""
        xavps.remove(ctx.xavis, rname.lower())
        return True

    @function(Route.ANY, since="6.x")
    def xavp_lshift(self, ctx: Context, xname: Str, idx: Int) -> int:
        """Turn the list of XAVPs of a name by `idx` places: the first ones go behind the others. Negative: the last."""
        values = (ctx.xavps or {}).get(xname)
        if not xname or idx == 0:
            return 1
        if not values:
            return -2
        idx %= len(values)
        values[:] = values[idx:] + values[:idx]
        return 1

    @function(Route.ANY, since="6.x")
    def xavp_xparams_explode(self, ctx: Context, sparams: Str, sep: Str, sxname: Str) -> int:
        """Keep the parameters of `a=1,b=2`, cut at the character `sep`, as fields of a new XAVP."""
        fields = _exploded(sparams, sep[:1])
        if fields is None or not sxname or len(sep) != 1:
            return -1
        xavps.push(xavps.xavps(ctx), sxname, fields)
        return 1

    @function(Route.ANY, since="6.x")
    def xavp_params_implode_qval(self, ctx: Context, sxname: Str, svname: Const) -> int:
        """The same as `xavp_params_implode()` with the values in quotes."""
        try:
            target = accessor_of(svname, self.server)
        except FixupError as error:
            ctx.server.log.error("pv", str(error))
            return -1
        fields = xavps.fields(ctx.xavps, sxname)
        if target.set is None or not fields:
            return -1
        text = "".join(
            f"{name};" if value == "" else f'{name}="{value}";'
            for name in reversed(fields)
            for value in fields[name]
            if isinstance(value, int | str)
        )
        return 1 if text and target.set(ctx, text) is not False else -1

    @function(Route.REQUEST | Route.BRANCH | Route.FAILURE, since="6.x")
    def xavp_push_dst(self, ctx: Context, xname: Str) -> int:
        """Take destination attributes from the newest XAVP of a name: fields `uri dst_uri sock path flags`, and remove
        it."""
        fields = xavps.fields(ctx.xavps, xname)
        if fields is None:
            return -2
        msg = ctx.msg
        uri = xavps.get(fields, "uri")
        if isinstance(uri, str) and uri:
            msg.new_uri, ctx.ruri_consumed = uri, False
        destination = xavps.get(fields, "dst_uri")
        if isinstance(destination, str):
            msg.dst_uri = destination
        path = xavps.get(fields, "path")
        if isinstance(path, str):
            msg.path = path
        sock = xavps.get(fields, "sock")
        if isinstance(sock, str) and sock:
            accessor_of("$fs", self.server).set(ctx, sock)  # type: ignore[misc]
        flags = xavps.get(fields, "flags")
        if isinstance(flags, int):
            ctx.bflags = flags & 0xFFFFFFFF
        xavps.remove(ctx.xavps, xname, 0)
        return 1


def _removed(count: int) -> int:
    """What the removing functions return: 1 when nothing went, else how many."""
    return count or 1


def _copied(value: Any) -> Any:
    return xavps.copy(value) if isinstance(value, dict) else value


def _exploded(text: str, separator: str = ";") -> dict[str, list[Any]] | None:
    """`a=1;b=2` as fields of an XAVP; None where it does not parse."""
    if not text:
        return None
    if text[-1] == separator:
        text = text[:-1]
    try:
        params = parse_params(text.strip(" \t\r\n"), 0, separator)[0]
    except SipError:
        return None
    fields: dict[str, list[Any]] = {}
    # the list of the original runs backwards, and each one is put in front
    for param in reversed(params):
        fields.setdefault(param.name, []).insert(0, param.value or "")
    return fields or None


def _plain_name(mangled: str) -> str:
    """The name in `$var(name)` from the name of its global."""
    out, at = [], 0
    while at < len(mangled):
        if mangled[at] == "_":
            end = mangled.index("_", at + 1)
            out.append(chr(int(mangled[at + 1 : end], 16)))
            at = end + 1
        else:
            out.append(mangled[at])
            at += 1
    return "".join(out)


def _described(table: Xavps | None, what: str, level: int) -> list[str]:
    """Lines about the values of a table, as the print functions write them."""
    pad = " " * level * 4
    lines: list[str] = []
    for name, values in (table or {}).items():
        for value in values:
            lines.append(f"{pad}*** {what} name: {name}")
            if isinstance(value, dict):
                lines.append(f"{pad}     {what} value: <list>")
                lines += _described(value, what, level + 1)
            else:
                kind = "int" if isinstance(value, int) else "str"
                lines.append(f"{pad}     {what} value: {value} ({kind})")
    return lines
