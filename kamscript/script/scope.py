"""What the code generator knows of a config: its modules, flags, and the names that its routes need at run time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kamscript.module import Module
from kamscript.script import nodes, trace
from kamscript.script.bind import BUILTIN, exists, variable_name
from kamscript.script.program import Action, Need
from kamscript.script.pv import PvSyntaxError, PvText, parse_pv
from kamscript.script.resolve import Resolved
from kamscript.source import Diagnostic, Span

#: Kinds of generated value: "int", "str", "text" (str or None), "val" (int or str) and "any" (int, str or None).
Kind = str

#: Pseudo-variables that Kamailio gives as a text and as a number at once (pv_get_strintval): `$rp + 1` joins, and an
#: integer argument takes them.
BOTH_FORMS: Final = frozenset({"rp", "cs", "rs", "cl", "expires", "dp", "op"})


class Scope:
    """One compilation: collects needs and diagnostics; the same text gives the same name."""

    def __init__(
        self,
        resolved: Resolved,
        modules: Mapping[str, type[Module]],
        target: str,
        namespace: str = "",
        traced: bool = False,
    ) -> None:
        self.resolved, self.modules, self.target, self.namespace = resolved, modules, target, namespace
        self.needs: dict[str, Need] = {}
        self.diagnostics: list[Diagnostic] = []
        self.actions: list[Action] = []
        self.pvs: dict[str, None] = {}
        self._names: dict[tuple[object, ...], str] = {}
        self._counts: dict[str, int] = {}
        self.rests: dict[int, str] = {}  #: by the call that they stand behind: statements as a function
        self._parts = 0
        self._inline: dict[str, tuple[str, Kind]] = self._of_pv("inline")
        self._numbers: dict[str, str] = self._of_pv("numbers")
        self.unknown_modules = any(name not in modules for name in resolved.modules)
        self.traced = traced or "debugger" in resolved.modules
        self.max_level = 256
        for item in resolved.config.items:
            if isinstance(item, nodes.Setting) and item.name == "max_recursive_level":
                self.max_level = getattr(item.value, "value", 256)

    def error(self, rule: str, message: str, span: Span, hint: str = "") -> None:
        """Note something that Kamailio refuses."""
        self.diagnostics.append(Diagnostic(rule, message, span, hint=hint))

    def trace(self, node: nodes.Statement | nodes.Expr, route: str) -> str:
        """Python that tells the debugger of a statement, or of a call in an expression; its value is None."""
        place = (node.pos.path, node.pos.line, trace.line(node))
        inner = not isinstance(node, nodes.Statement)
        self.actions.append(Action(*place, *trace.action(node), trace.route_name(route), route, inner, node.pos.column))
        return f"_trace(ctx, {len(self.actions) - 1})"

    def opens(self, action: int, way: str, first: int) -> None:
        """The actions from `first` on are those that run when `action`, an `if` or a `switch`, goes this way."""
        if self.traced:
            known = self.actions[action]
            self.actions[action] = known._replace(blocks=(*known.blocks, (way, first, len(self.actions))))

    def note(self, pv: PvText) -> None:
        """Keep a pseudo-variable for the debugger's dump."""
        if self.traced:
            self.pvs[pv.text] = None

    # -- names ------------------------------------------------------------------------------------------------------
    def need(self, prefix: str, kind: str, args: tuple[object, ...], span: Span) -> str:
        """The global name of something made by `Binding._make_<kind>(*args)`."""
        key = (kind, *args)
        try:
            name = self._names.get(key)
        except TypeError:  # an argument without a hash
            name = None
            key = ()
        if name is None:
            prefix = self.namespace + prefix
            # Numbered per prefix: a config compiled with the debugger's hooks has the same names, and some more.
            name, number = prefix, 1
            while name in self.needs:
                number = self._counts[prefix] = max(self._counts.get(prefix, 1), number) + 1
                name = f"{prefix}_{number}"
            self.needs[name] = Need(kind, args, span)
            if key:
                self._names[key] = name
        return name

    def part(self, prefix: str, span: Span) -> str:
        """A new global name for a function that routes call (`Function.parts`)."""
        self._parts += 1
        return self.need(prefix, "part", (self._parts,), span)

    def variable(self, pv: PvText, span: Span) -> str | None:
        """The global that holds a `$var`, `$vz` or `$vn`; None when `pv` is none of them."""
        if pv.name not in ("var", "vz", "vn") or pv.inner is None or "$" in pv.inner or pv.index is not None:
            return None
        if "pv" not in self.modules or "pv" not in self.resolved.modules:
            return None
        null = pv.name == "vn"
        name = variable_name("n" if null else "v", pv.inner)
        self.needs.setdefault(name, Need("variable", (None if null else 0,), span))
        return name

    def parse(self, text: str, span: Span) -> PvText | None:
        """The pseudo-variable; None, with a diagnostic, when it is none."""
        try:
            return parse_pv(text)
        except PvSyntaxError as error:
            self.error("bad-pseudo-variable", str(error), span)
            return None

    # -- pseudo-variables -------------------------------------------------------------------------------------------
    def _of_pv(self, table: str) -> dict[str, Any]:
        """What module pv says of its variables, when the config loads it."""
        if "pv" not in self.resolved.modules or "pv" not in self.modules:
            return {}
        return dict(getattr(self.modules["pv"], table, {}))

    def wants_text(self, pv: PvText) -> bool:
        """Whether a computed number assigned to it is refused."""
        return any(pv.name in getattr(self.modules.get(name), "text_only", ()) for name in self.resolved.modules)

    def number(self, pv: PvText) -> PvText:
        """The pseudo-variable that has the number where `pv` gives a text and a number; `pv` for any other."""
        name = self._numbers.get(pv.name)
        if name is None or pv.inner is not None or pv.index is not None or pv.transformations:
            return pv
        return parse_pv(f"${name}")

    def known_pv(self, name: str) -> bool:
        """Whether a loaded module, or the core, has the class `$name`."""
        if name in BUILTIN or name == "$":
            return True
        for module in ("core", *self.resolved.modules):
            decl = self.modules[module].pvs.get(name) if module in self.modules else None
            if decl is not None and exists(decl.since, decl.until, self.target):
                return True
        return False

    def is_attr(self, pv: PvText) -> bool:
        """Whether `$name` is an AVP in SER's notation, as no pseudo-variable has this name."""
        return pv.text == f"${pv.name}" and not self.known_pv(pv.name) and not self.unknown_modules

    def avp_key(self, pv: PvText) -> str | None:
        """The key of a plain `$avp(name)`; None when the general way must be taken."""
        if pv.name != "avp" or pv.inner is None or pv.index is not None or "pv" not in self.modules:
            return None
        plain = pv.inner.replace("_", "a").replace("-", "a")
        if not (plain.isalnum() and plain.isascii()) or plain.isdigit():
            return None
        if any(module == "pv" and line.name == "avp_aliases" for module, line in self.resolved.params):
            return None
        return pv.inner

    def read(self, pv: PvText, span: Span) -> tuple[str, Kind]:
        """Python that reads a pseudo-variable, and the kind of its value."""
        self.note(pv)
        if pv.transformations:
            return f"{self.need(_hint('p', pv), 'get', (pv,), span)}(ctx)", "any"
        variable = self.variable(pv, span)
        if variable is not None:
            return variable, "any" if pv.name == "vn" else "val"
        if pv.name in ("rc", "retcode", "?") and pv.inner is None:
            return "ctx.rc", "int"
        if pv.name == "null" and pv.inner is None:
            return "None", "any"
        if pv.name == "$":
            return "'$'", "str"
        key = self.avp_key(pv)
        if key is not None:
            return f"(_0[0] if (_0 := ctx.avps.lists.get({key!r})) else None)", "any"
        if self.is_attr(pv):
            return f"(_0[0] if (_0 := ctx.avps.lists.get({pv.name!r})) else None)", "any"
        if pv.inner is None and pv.index is None and pv.name in self._inline:
            return self._inline[pv.name]
        return f"{self.need(_hint('p', pv), 'get', (pv,), span)}(ctx)", "any"


def _hint(prefix: str, pv: PvText) -> str:
    """A readable global name for what stands for a pseudo-variable."""
    inner = "" if pv.inner is None else "_" + pv.inner
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in pv.name + inner)
    return f"{prefix}_{plain[:40]}"
