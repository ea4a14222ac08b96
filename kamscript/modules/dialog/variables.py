"""$dlg_var(...), $dlg(...), $dlg_ctx(...) and $DLG_* (dialog manual 11; dialog/dlg_var.c)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from kamscript.module import Accessor, FixupError, PvRef, Route, Str, Target, function, pv, pv_class
from kamscript.modules.dialog.cell import FLAG_CHANGED_VARS, shown_dflags
from kamscript.modules.dialog.parameters import Parameters
from kamscript.script.nodes import RouteKind

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.values import Value

#: A timeout route's name is shorter than this (DLG_TOROUTE_SIZE).
ROUTE_NAME: Final = 32

_ATTRIBUTES: Final[dict[str, Callable[[DialogCell], Value]]] = {
    "ref": lambda dlg: dlg.ref + 1,  # whoever asks holds one
    "h_id": lambda dlg: dlg.h_id,
    "h_entry": lambda dlg: dlg.h_entry,
    "state": lambda dlg: dlg.state,
    "sflags": lambda dlg: dlg.sflags,
    "callid": lambda dlg: dlg.callid or None,
    "lifetime": lambda dlg: dlg.lifetime,
    "start_ts": lambda dlg: dlg.start_ts,
    "from_uri": lambda dlg: dlg.from_uri or None,
    "from_tag": lambda dlg: dlg.caller.tag or None,
    "from_cseq": lambda dlg: dlg.caller.cseq or None,
    "from_rs": lambda dlg: dlg.caller.route_set or None,
    "from_contact": lambda dlg: dlg.caller.contact or None,
    "from_bindaddr": lambda dlg: dlg.caller.socket.text if dlg.caller.socket is not None else None,
    "to_uri": lambda dlg: dlg.to_uri or None,
    "to_tag": lambda dlg: dlg.callee.tag or None,
    "to_cseq": lambda dlg: dlg.callee.cseq or None,
    "to_rs": lambda dlg: dlg.callee.route_set or None,
    "to_contact": lambda dlg: dlg.callee.contact or None,
    "to_bindaddr": lambda dlg: dlg.callee.socket.text if dlg.callee.socket is not None else None,
}
#: Attributes of the context that hold a number the script sets.
_NUMBERS: Final = ("on", "timeout", "timeout_bye", "flags")


class Variables(Parameters):
    """Declared here: the pseudo-variables, dlg_get_var, dlg_set_var; for other modules set_dlg_var, get_dlg_var."""

    #: Pseudo-variables that take no number, unless another pseudo-variable holds it.
    text_only: ClassVar[frozenset[str]] = frozenset(["dlg_var"])

    # -- the dialog ---------------------------------------------------------------------------------------------------
    @pv("DLG_count")
    def dialog_count(self, ctx: Context) -> int:
        """How many confirmed dialogs there are; 0 without statistics."""
        return self.active.get() if self.enable_stats else 0

    @pv("DLG_status")
    def dialog_status(self, ctx: Context) -> int | None:
        """State of the dialog that loose_route() found for this request; null: none."""
        context = self.context
        return context.seen_state if context.seen == ctx.msg.number else None

    @pv("DLG_lifetime")
    def dialog_lifetime(self, ctx: Context) -> int | None:
        """Seconds since the answer of the dialog that loose_route() found for this request; null: none."""
        context = self.context
        return context.seen_lifetime if context.seen == ctx.msg.number else None

    @pv_class("dlg")
    def dialog(self, ref: PvRef) -> Accessor:
        """An attribute of the current dialog; null without one. Read only."""
        name = _name(ref) or "ref"
        if name == "toroute":
            read: Callable[[DialogCell], Value] = self._timeout_route_of
        elif name == "dflags":
            read = partial(shown_dflags, target=self.server.target)
        elif name in _ATTRIBUTES:
            read = _ATTRIBUTES[name]
        else:
            raise _unknown("dlg", name, ("toroute", "dflags", *_ATTRIBUTES))

        # Another module may ask for this before this one has started.
        def get(ctx: Context) -> Value:
            context = self.context
            dlg = context.current() if context.dialog is not None else self.tracking.of_message(ctx)
            return None if dlg is None else read(dlg)

        return Accessor(get)

    def _timeout_route_of(self, dlg: DialogCell) -> int:
        return self._route_number(dlg.toroute) if dlg.toroute else 0

    def _route_number(self, name: str) -> int:
        """The place of route[name] among the routes of the config, as Kamailio counts them; -1: there is none."""
        numbers = self.__dict__.get("_route_numbers")
        if numbers is None:
            numbers = self._route_numbers = {"0": 0}
            for route in self.server.program.routes:
                if route.kind is RouteKind.REQUEST and route.name:
                    numbers.setdefault(route.name, len(numbers))
        return numbers.get(name, -1)

    # -- the context --------------------------------------------------------------------------------------------------
    @pv_class("dlg_ctx")
    def dialog_context(self, ref: PvRef) -> Accessor:
        """What the script asks of the dialog to come (timeout_route, timeout_bye, ...), and whether there is one."""
        name = _name(ref) or "on"
        context = self.context
        if name == "set":
            return Accessor(lambda ctx: 1 if context.dialog is not None else 0, self._set_on)
        if name == "dir":
            return Accessor(lambda ctx: context.direction, self._set_on)
        if name == "timeout_route":
            return Accessor(self._timeout_route_number if self._old else self._timeout_route, self._set_timeout_route)
        if name == "timeout_route_id" and not self._old:
            return Accessor(self._timeout_route_number, self._set_on)
        # No generation reads its name: all of them look for a sixth character.
        if name not in _NUMBERS or (name == "flags" and self.server.target != "all"):
            raise _unknown("dlg_ctx", name, (*_NUMBERS[:3], "timeout_route", "timeout_route_id", "dir", "set"))

        def store(ctx: Context, value: Value) -> None:
            number = value if isinstance(value, int) else 0
            setattr(context, name, number & 0xFFFFFFFF if name == "flags" else number)

        return Accessor(lambda ctx: getattr(context, name), store)

    @property
    def _old(self) -> bool:
        return self.server.target == "4.4"

    def _set_on(self, ctx: Context, value: Value) -> None:
        """What cannot be set sets `on`, which means nothing."""
        self.context.on = value if isinstance(value, int) else 0

    def _timeout_route(self, ctx: Context) -> str | None:
        return self.context.timeout_route if self.context.timeout_route_id > 0 else None

    def _timeout_route_number(self, ctx: Context) -> int:
        return self.context.timeout_route_id

    def _set_timeout_route(self, ctx: Context, value: Value) -> None:
        """Choose the route; without value, or with a name too long, the last name stays and its number goes."""
        context = self.context
        name = str(value) if value else ""
        context.timeout_route_id = 0
        if name and len(name) < ROUTE_NAME:
            context.timeout_route = name
            context.timeout_route_id = max(self._route_number(name), 0)

    # -- variables ----------------------------------------------------------------------------------------------------
    @pv_class("dlg_var")
    def dialog_variable(self, ref: PvRef) -> Accessor:
        """A variable of the current dialog, or of the one that this message will make; null when not set."""
        if ref.index is not None:
            raise FixupError("$dlg_var() takes no index")
        inner = ref.inner
        if inner is None:
            return Accessor(self._nameless, self._set_nameless)
        # Pseudo-variables in the name are part of it.
        name: str = inner if isinstance(inner, str) else inner.text  # type: ignore[attr-defined]
        if not name:
            raise FixupError("$dlg_var() needs a name")

        def get(ctx: Context) -> Value:
            dlg = self.tracking.of_message(ctx)
            variables = self.context.local_variables(ctx.msg) if dlg is None else dlg.variables
            if self.debug_variables:
                self._list(dlg)
            return variables.get(name) if variables else None

        def store(ctx: Context, value: Value) -> None:
            text = None if value is None else str(value)
            dlg = self.tracking.of_message(ctx)
            if dlg is None:
                self.context.set_local_variable(ctx.msg, name, text)
            else:
                self.set_dlg_var(dlg, name, text)
            if self.debug_variables:
                self._list(dlg)

        return Accessor(get, store)

    def _nameless(self, ctx: Context) -> None:
        self.server.log.critical("dialog", "$dlg_var without a name")

    def _set_nameless(self, ctx: Context, value: Value) -> None:
        self._nameless(ctx)

    def _list(self, dlg: DialogCell | None) -> None:
        """`debug_variables`: log what is set, the youngest first."""
        debug = self.server.log.debug
        for title, variables in (
            ("Internal var-list", self.context.variables),
            ("Dialog var-list", dlg.variables if dlg is not None else None),
        ):
            if title[0] == "I" or dlg is not None:
                debug("dialog", f"{title}:")
            for name in reversed(variables or {}):
                debug("dialog", f"{name}={(variables or {})[name]}")

    def set_dlg_var(self, dlg: DialogCell, key: str, value: str | None) -> None:
        """Set a variable of `dlg`; None removes it."""
        variables = dlg.variables
        if value is None:
            if not variables or key not in variables:
                return
            del variables[key]
            if not variables:
                dlg.variables = None
        elif variables is None:
            dlg.variables = {key: value}
        else:
            variables[key] = value
        dlg.dflags |= FLAG_CHANGED_VARS
        self.store.update(dlg)

    def get_dlg_var(self, dlg: DialogCell, key: str) -> str | None:
        """A variable of `dlg`; None: not set."""
        return dlg.variables.get(key) if dlg.variables else None

    @function(Route.ANY, since="6.x")
    def dlg_get_var(self, ctx: Context, callid: Str, from_tag: Str, to_tag: Str, key: Str, target: Target) -> bool:
        """Read a variable of the dialog with these elements into `target`; null: no such dialog or variable."""
        dlg = self._named(callid, from_tag, to_tag)
        if target.set is None:
            self.server.log.error("dialog", "unable to set value to dst_pv")
            return False
        target.set(ctx, self.get_dlg_var(dlg, key) if dlg is not None else None)
        return True

    @function(Route.ANY, since="6.x")
    def dlg_set_var(self, ctx: Context, callid: Str, from_tag: Str, to_tag: Str, key: Str, value: Str) -> bool:
        """Set a variable of the dialog with these elements; False: there is no such dialog."""
        dlg = self._named(callid, from_tag, to_tag)
        if dlg is None or not key:
            return False
        self.set_dlg_var(dlg, key, value)
        return True

    def _named(self, callid: str, from_tag: str, to_tag: str) -> DialogCell | None:
        for what, given in (("Call-ID", callid), ("From tag", from_tag)):
            if not given:
                self.server.log.error("dialog", f"invalid {what} parameter")
                return None
        return self.table.search(callid, from_tag, to_tag)[0]


def _unknown(variable: str, name: str, known: Iterable[str]) -> FixupError:
    return FixupError(f"unknown PV name {name}: ${variable}() has {', '.join(known)}")


def _name(ref: PvRef) -> str | None:
    """The attribute that is asked for; FixupError for what can be no name."""
    if ref.index is not None:
        raise FixupError(f"${ref.name}() takes no index")
    if ref.inner is None:
        return None
    if not isinstance(ref.inner, str) or not ref.inner:
        raise FixupError(f"${ref.name}() wants the name of an attribute")
    return ref.inner
