"""The MI commands of module kex (4.4: modules/kex/mi_core.c, core_stats.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from kamscript.core.core_rpc import FLAGS, FULL_VERSION, PROCESS, ctime
from kamscript.core.mi import BAD_PARAMETER, MISSING_PARAMETER, MiReply
from kamscript.module import Module, mi

if TYPE_CHECKING:
    from kamscript.core.mi import Mi
    from kamscript.core.server import Server
    from kamscript.module import Counter

_NOT_FOUND = "Statistics Not Found"
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_SIGTERM = 15


class KexMi(Module):
    """About the server itself, and its statistics."""

    @mi("uptime")
    def mi_uptime(self, mi: Mi) -> MiReply:
        """Now, the start, and the seconds between."""
        now, started = self.server.timers.now, self.server.started
        reply = MiReply()
        reply.add("Now", ctime(now))
        reply.add("Up since", ctime(started))
        reply.add("Up time", f"{int(now) - int(started)} [sec]")
        return reply

    @mi("version")
    def mi_version(self, mi: Mi) -> MiReply:
        """Name, version and flags."""
        reply = MiReply()
        reply.add("Server", FULL_VERSION.strip())
        reply.add("Build", "kamscript with Python")
        reply.add("Flags", FLAGS)
        reply.add("GIT", "unknown")
        return reply

    @mi("pwd")
    def mi_pwd(self, mi: Mi) -> MiReply:
        """The working directory."""
        reply = MiReply()
        reply.add("WD", self.server.environment.working_directory)
        return reply

    @mi("arg")
    def mi_arg(self, mi: Mi) -> MiReply:
        """The command line, a word a line."""
        return _lines(self.server.environment.arguments)

    @mi("which")
    def mi_which(self, mi: Mi) -> MiReply:
        """The names of all MI commands."""
        return _lines(self.server.mi.names())

    @mi("kill")
    def mi_kill(self, mi: Mi) -> None:
        """End the server. There is no answer but that of a command that failed, if any."""
        if self.server.environment.end is not None:
            self.server.environment.end(_SIGTERM)

    @mi("ps")
    def mi_ps(self, mi: Mi) -> MiReply:
        """The processes: this one."""
        reply = MiReply()
        process = reply.add("Process")
        process.attribute("ID", 0)
        process.attribute("PID", self.server.environment.pid)
        process.attribute("Type", PROCESS)
        return reply

    @mi("debug")
    def mi_debug(self, mi: Mi) -> MiReply:
        """Show the log level, or set it to the first parameter."""
        cfg = self.server.cfg
        level = cfg.core["debug"]
        text = mi.value(0)
        if text is not None:
            if not _NUMBER.fullmatch(text):
                return MiReply(400, BAD_PARAMETER)
            level = int(text)
            cfg.set("core", "debug", level)
        reply = MiReply()
        reply.add("DEBUG", level)
        return reply

    # -- statistics ---------------------------------------------------------------------------------------------------
    @mi("get_statistics")
    def mi_get_statistics(self, mi: Mi) -> MiReply:
        """Counters as lines `group:name = value`, by name, by group (`group:`) or `all`."""
        return self._statistics(mi, _shown)

    @mi("reset_statistics")
    def mi_reset_statistics(self, mi: Mi) -> MiReply:
        """Set counters back to 0, by name only."""
        if not len(mi):
            return MiReply(400, MISSING_PARAMETER)
        found = [self.server.statistics.find(node.value) for node in mi.params if node.value]
        counters = [counter for counter in found if counter is not None]
        for counter in counters:
            counter.reset()
        return MiReply() if counters else MiReply(404, _NOT_FOUND)

    @mi("clear_statistics")
    def mi_clear_statistics(self, mi: Mi) -> MiReply:
        """Set counters back to 0 and show them, with the value they had where it was another."""
        return self._statistics(mi, _cleared)

    def _statistics(self, mi: Mi, show: Callable[[Counter], str]) -> MiReply:
        if not len(mi):
            return MiReply(400, MISSING_PARAMETER)
        names = [node.value for node in mi.params if node.value]
        reply = _lines([show(counter) for counter in named(self.server, names)])
        return reply if reply.nodes else MiReply(404, _NOT_FOUND)


def named(server: Server, names: Iterable[str], *, dotted: bool = False) -> Iterator[Counter]:
    """The counters of these names: `name`, a group (`group:`), `all`; `dotted`: also `group.name` and `group:name`."""
    statistics = server.statistics
    for name in names:
        if name == "all":
            for group in statistics.groups():
                yield from statistics.group(group)
        elif name.endswith(":"):
            yield from statistics.group(name[:-1])
        else:
            counter = statistics.find(name)
            if counter is None and dotted:
                group, _, rest = name.partition("." if "." in name else ":")
                counter = statistics.get(group, rest)
            if counter is not None:
                yield counter


def _lines(values: Iterable[str]) -> MiReply:
    reply = MiReply()
    for value in values:
        reply.add(value=value)
    return reply


def _shown(counter: Counter) -> str:
    return f"{counter.group}:{counter.name} = {counter.get()}"


def _cleared(counter: Counter) -> str:
    old = counter.get()
    counter.reset()
    return _shown(counter) + (f" ({old})" if old != counter.get() else "")
