"""counters: counters of the config's own, and commands to read and reset any counter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kamscript.core.rpc import Rpc, Struct
from kamscript.module import Counter, Fixup, FixupError, Int, Module, Param, Route, function, rpc

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

_ROUTES = Route.REQUEST | Route.FAILURE | Route.ONREPLY | Route.ONSEND
_OWN_DOC = "custom script counter."
_OTHER_DOC = "kamailio statistic (no description)"


class _CounterFixup(Fixup):
    """`[group.]name` of a counter that exists."""

    constant = True

    def resolve(self, text: str, server: Server) -> Any:
        counters: Counters = server.module("counters")
        group, name = counters.split(text)
        counter = server.statistics.get(group, name)
        if counter is None:
            raise FixupError(f"counter {group}.{name} does not exist (forgot to define it?)")
        return counter


if TYPE_CHECKING:
    CounterName = Counter
else:
    CounterName = Annotated[object, _CounterFixup()]


class Counters(Module, name="counters"):
    """Count what happens in a config."""

    script_cnt_grp_name = Param("script", "Group of counters that name none, for the lines below it.", set="set_group")
    script_counter = Param("", "A counter: `[group.]name`, then a blank or colon and its description.", set="define")

    _group = "script"

    def set_group(self, name: str) -> None:
        """Take the group for counters defined from now on, and for functions."""
        self._group = name

    def define(self, text: str) -> None:
        """Make the counter that a `script_counter` line defines."""
        # A colon anywhere goes before a blank, as in Kamailio: "a b:c" is the counter "a b" described as "c".
        name, mark, doc = text.partition(":") if ":" in text else text.partition(" ")
        group, counter = self.split(name)
        if name and not counter:
            raise FixupError(f"failed to register counter {name}")
        statistics = self.server.statistics
        if statistics.get(group, counter) is not None:
            self.server.log.error("<core>", f"counter {group}.{counter} already registered")
            return
        statistics.add(group, counter)
        docs: dict[tuple[str, str], str] = self.__dict__.setdefault("_docs", {})
        docs[group, counter] = (doc.lstrip(" \t") if mark else "") or _OWN_DOC

    def split(self, text: str) -> tuple[str, str]:
        """Group and name of `[group.]name`."""
        group, dot, name = text.partition(".")
        return (group, name) if dot else (self._group, text)

    # -- functions ------------------------------------------------------------------------------------------------
    @function(_ROUTES)
    def cnt_inc(self, ctx: Context, counter: CounterName) -> int:
        """Count one more."""
        counter.value += 1
        return 1

    @function(_ROUTES)
    def cnt_add(self, ctx: Context, counter: CounterName, number: Int) -> int:
        """Add a number, which may be negative."""
        counter.value += number
        return 1

    @function(_ROUTES)
    def cnt_reset(self, ctx: Context, counter: CounterName) -> int:
        """Back to 0."""
        counter.reset()
        return 1

    # -- commands -------------------------------------------------------------------------------------------------
    @rpc("cnt.get")
    def get(self, rpc: Rpc, group: str, name: str = "") -> None:
        """Value of a counter; of all counters of a group when no name is given."""
        if len(rpc.arguments) < 2:
            self.get_all(rpc, group)
        else:
            rpc.add(self._find(rpc, group, name).get())

    @rpc("cnt.get_raw")
    def get_raw(self, rpc: Rpc, group: str, name: str) -> None:
        """Value of a counter as it is kept, without what a reader computes."""
        rpc.add(self._find(rpc, group, name).value)

    @rpc("cnt.reset")
    def reset(self, rpc: Rpc, group: str, name: str) -> None:
        """Set a counter back to 0."""
        self._find(rpc, group, name).reset()

    @rpc("cnt.list_groups", since="5.6")
    @rpc("cnt.grps_list")
    def list_groups(self, rpc: Rpc) -> None:
        """Names of all groups."""
        rpc.add(*self.server.statistics.groups())

    @rpc("cnt.list_vars", since="5.6")
    @rpc("cnt.var_list")
    def list_names(self, rpc: Rpc, group: str) -> None:
        """Names of the counters of a group."""
        rpc.add(*(counter.name for counter in self.server.statistics.group(group)))

    @rpc("cnt.get_vars", since="5.6")
    @rpc("cnt.grp_get_all")
    def get_all(self, rpc: Rpc, group: str) -> None:
        """Names and values of the counters of a group."""
        shown = Struct()
        for counter in self.server.statistics.group(group):
            shown.add(counter.name, counter.get())
        rpc.add(shown)

    @rpc("cnt.help")
    def help(self, rpc: Rpc, group: str, name: str) -> None:
        """Description of a counter."""
        self._find(rpc, group, name)
        docs: dict[tuple[str, str], str] = self.__dict__.get("_docs", {})
        rpc.add(docs.get((group, name), _OTHER_DOC))

    def _find(self, rpc: Rpc, group: str, name: str) -> Counter:
        counter = self.server.statistics.get(group, name)
        if counter is None:
            raise rpc.fault(400, f"non-existent counter {group}.{name}\n")
        return counter
