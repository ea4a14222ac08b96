"""The server itself: version, process, statistics, settings; `$sel` and `$_s` (modules/pv/pv_core.c, pv_stats.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.module import Accessor, FixupError, PvRef, pv, pv_class
from kamscript.modules.pv.uris import choose
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

#: What `$version(num)` says, by target: the generation that is simulated.
VERSIONS = {"4.4": "4.4.0", "5.6": "5.6.3", "6.x": "6.0.0"}


def version_of(target: str) -> str:
    """The Kamailio version that a config sees."""
    return VERSIONS.get(target, VERSIONS["5.6"])


class ServerVariables:
    """The part of the pv module about the server."""

    server: Server

    @pv("pp")
    def _pp(self, ctx: Context) -> Value:
        """Process id."""
        return ctx.server.environment.pid

    @pv("sid")
    def _sid(self, ctx: Context) -> Value:
        """Core parameter server_id."""
        number: int = ctx.server.settings["server_id"]
        return number

    @pv("true")
    def _true(self, ctx: Context) -> Value:
        """1."""
        return 1

    @pv_class("version")
    def _version(self, ref: PvRef) -> Accessor:
        """The Kamailio version that is simulated: `num`, `full`, `hash`."""
        number = version_of(self.server.target)
        text = choose(ref, {"num": number, "full": f"kamailio {number} (x86_64/linux)", "hash": "unknown"})
        return Accessor(lambda ctx: text)

    @pv_class("ksr", since="5.6")
    def _ksr(self, ref: PvRef) -> Accessor:
        """`ver`: the version; `verval`: as a number."""
        number = version_of(self.server.target)
        major, minor, patch = map(int, number.split("."))
        value = choose(ref, {"ver": number, "verval": major * 1_000_000 + minor * 1_000 + patch})
        return Accessor(lambda ctx: value)

    @pv_class("stat")
    def _stat(self, ref: PvRef) -> Accessor:
        """A statistic by name."""
        inner = ref.inner
        if inner is None:
            raise FixupError("$stat expects the name of a statistic")

        def get(ctx: Context) -> Value:
            name = inner if isinstance(inner, str) else inner(ctx)
            counter = ctx.server.statistics.find(name)
            if counter is None:
                ctx.server.log.warning("pv", f"No stat variable ``{name}''")
                return None
            return counter.get()

        return Accessor(get)

    @pv_class("sel")
    def _sel(self, ref: PvRef) -> Accessor:
        """A select: `$sel(via[1].host)`, `$sel(cfg_get.core.debug)`; null when it has no value."""
        from kamscript.core.selects import make_select, parse_select

        if not isinstance(ref.inner, str):
            raise FixupError("$sel expects the name of a select")
        text = ref.inner.removeprefix("@")
        read = make_select(self.server, parse_select(text), "@" + text)
        if text.endswith(("contact.name", "uri.host")):
            return Accessor(read)  # these are there even when they are empty
        return Accessor(lambda ctx: read(ctx) or None)

    @pv_class("_s")
    def _s_(self, ref: PvRef) -> Accessor:
        """The text in parentheses with its pseudo-variables expanded."""
        inner = ref.inner
        if inner is None:
            raise FixupError("$_s expects a text in parentheses")
        if isinstance(inner, str):
            return Accessor(lambda ctx: inner)
        return Accessor(inner)

    @pv_class("ccp", since="5.6")
    def _ccp(self, ref: PvRef) -> Accessor:
        """A variable of the config framework: `$ccp(group.name)`; assigning sets it at once."""
        from kamscript.core.cfg import CfgError, split_group

        text = ref.inner if isinstance(ref.inner, str) else ""
        head, dot, name = text.rpartition(".")
        if not dot or not head or not name:
            raise FixupError(f"invalid PV ccp key: {text}")
        group, instance = split_group(head)

        def get(ctx: Context) -> Value:
            try:
                return ctx.server.cfg.get(group, name, instance)
            except CfgError:
                ctx.server.log.error("pv", f"failed to get the variable [{text}]")
                return None

        def set(ctx: Context, value: Value) -> bool:
            if value is None:
                ctx.server.log.warning("pv", "ignoring null assignment")
                return True
            try:
                ctx.server.cfg.set(group, name, value, instance)
            except CfgError:
                ctx.server.log.error("pv", f"failed to set the variable: [{text}]")
                return False
            return True

        return Accessor(get, set)
