"""kex: script and branch flags, the destination URI, is_myself(), the log level, and commands about statistics.

Source: kex manual, src/modules/kex/ (flags.c, km_core.c, kex_mod.c, core_stats.c, pkg_stats.c, mod_stats.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.branches import branch_flags, set_branch_flags
from kamscript.module import Format, Int, Route, Str, function, pv, rpc
from kamscript.modules._kex_mi import KexMi, named
from kamscript.modules._variable_args import Writable
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.rpc import Rpc

#: What `core.shmmem`-like commands call the memory manager of a stock daemon.
MEMORY_MANAGER = "q_malloc"
DEFAULT_PKG_MEMORY = 8  #: MiB per process


class Kex(KexMi, name="kex"):
    """Flags, destination URI, own addresses, log level; statistics and memory commands."""

    _serial = 0

    # -- script flags -------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def setsflag(self, ctx: Context, flag: Int) -> bool:
        """Set script flag `flag`, 0 to 31."""
        if not 0 <= flag <= 31:
            return False
        ctx.script_flags |= 1 << flag
        return True

    @function(Route.ANY)
    def resetsflag(self, ctx: Context, flag: Int) -> bool:
        """Clear script flag `flag`, 0 to 31."""
        if not 0 <= flag <= 31:
            return False
        ctx.script_flags &= ~(1 << flag)
        return True

    @function(Route.ANY)
    def issflagset(self, ctx: Context, flag: Int) -> bool:
        """Whether script flag `flag` is set."""
        return 0 <= flag <= 31 and bool(ctx.script_flags >> flag & 1)

    # -- branch flags -------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def setbflag(self, ctx: Context, flag: Int, branch: Int = 0) -> bool:
        """Set flag `flag`, 0 to 31, of a branch: 0 is the request URI itself, 1 the first of the destination set."""
        flags = self._flags(ctx, flag, branch)
        return flags is not None and set_branch_flags(ctx, branch, flags | 1 << flag)

    @function(Route.ANY)
    def resetbflag(self, ctx: Context, flag: Int, branch: Int = 0) -> bool:
        """Clear a flag of a branch."""
        flags = self._flags(ctx, flag, branch)
        return flags is not None and set_branch_flags(ctx, branch, flags & ~(1 << flag))

    @function(Route.ANY)
    def isbflagset(self, ctx: Context, flag: Int, branch: Int = 0) -> bool:
        """Whether a flag of a branch is set."""
        flags = self._flags(ctx, flag, branch)
        return flags is not None and bool(flags >> flag & 1)

    def _flags(self, ctx: Context, flag: int, branch: int) -> int | None:
        return branch_flags(ctx, branch) if 0 <= flag <= 31 and branch >= 0 else None

    # -- the destination URI ------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def setdsturi(self, ctx: Context, uri: Str) -> bool:
        """Set the destination URI, `$du`."""
        ctx.msg.dst_uri = uri
        ctx.ruri_consumed = False
        return True

    @function(Route.ANY)
    def resetdsturi(self, ctx: Context) -> bool:
        """Clear the destination URI."""
        ctx.msg.dst_uri = ""
        return True

    @function(Route.ANY)
    def isdsturiset(self, ctx: Context) -> bool:
        """Whether there is a destination URI."""
        return bool(ctx.msg.dst_uri)

    # -- variables ----------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    @function(Route.ANY, name="avp_printf")
    def pv_printf(self, ctx: Context, target: Writable, text: Format) -> bool:
        """Store `text`, expanded, in a pseudo-variable."""
        if target.set is None:
            return False
        target.set(ctx, text(ctx))
        return True

    @pv("sruid")
    def sruid(self, ctx: Context) -> str:
        """A new unique id at each reading: `srid-`, server id unless 0, time, process id, a counter, in hexadecimal."""
        self._serial += 1
        server = self.server
        numbers = [int(server.started), server.environment.pid, self._serial]
        if server.settings["server_id"]:
            numbers.insert(0, server.settings["server_id"])
        return "srid-" + "-".join(f"{number:x}" for number in numbers)

    # -- own addresses ------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def is_myself(self, ctx: Context, address: Str) -> bool:
        """Whether a host, or host, port and transport of a SIP URI, are this server's."""
        return self._is_own(address, host_only=False)

    @function(Route.ANY, since="6.x")
    def is_myhost(self, ctx: Context, address: Str) -> bool:
        """Whether a host, or the host of a SIP URI, is this server's."""
        return self._is_own(address, host_only=True)

    def _is_own(self, address: str, *, host_only: bool) -> bool:
        if len(address) <= 4 or not address.startswith(("sip:", "sips:")):
            return self.server.is_myself(address)
        try:
            uri = parse_uri(address)
        except SipError:
            self.server.log.error(self.name, f"{address} is no URI")
            return False
        if host_only:
            return self.server.is_myself(uri.host)
        return self.server.is_myself(uri.host, uri.port_no if uri.port else 0, uri.proto if uri.transport else "")

    # -- the log level ------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def setdebug(self, ctx: Context, level: Int) -> bool:
        """Log up to `level` (-5 to 4) until resetdebug(), whatever core's debug says."""
        self.server.log.local = level
        return True

    @function(Route.ANY)
    def resetdebug(self, ctx: Context) -> bool:
        """Log up to core's debug level again."""
        self.server.log.local = None
        return True

    # -- statistics ---------------------------------------------------------------------------------------------------
    @rpc("stats.get_statistics")
    def get_statistics(self, rpc: Rpc, *names: str) -> None:
        """Counters as texts `group:name = value`, by name, by group (`group:`) or `all`."""
        if not names:
            rpc.fault(400, "Please provide which stats to retrieve")
        for counter in named(self.server, names):
            rpc.add(f"{counter.group}:{counter.name} = {counter.get()}")

    @rpc("stats.fetch", since="5.6")
    def fetch(self, rpc: Rpc, *names: str) -> None:
        """Counters as members `group.name` with texts; also by `group.name`."""
        if not names:
            rpc.fault(400, "Please provide which stats to retrieve")
            return
        struct = rpc.struct()
        for counter in named(self.server, names, dotted=True):
            struct.add(f"{counter.group}.{counter.name}", str(counter.get()))

    @rpc("stats.fetchn", since="5.6")
    def fetchn(self, rpc: Rpc, *names: str) -> None:
        """Counters as members `group.name` with numbers; also by `group.name`."""
        if not names:
            rpc.fault(400, "Please provide which stats to retrieve")
            return
        struct = rpc.struct()
        for counter in named(self.server, names, dotted=True):
            struct.add(f"{counter.group}.{counter.name}", float(counter.get()))

    @rpc("stats.reset_statistics")
    def reset_statistics(self, rpc: Rpc, *names: str) -> None:
        """Set counters back to 0, by name, by group (`group:`) or `all`."""
        if not names:
            rpc.fault(400, "Please provide stats name")
        for counter in named(self.server, names):
            counter.reset()

    @rpc("stats.clear_statistics")
    def clear_statistics(self, rpc: Rpc, *names: str) -> None:
        """Set counters back to 0 and show them as `group:name = new (old)`."""
        if not names:
            rpc.fault(400, "Please provide stats name")
        for counter in named(self.server, names):
            old = counter.get()
            counter.reset()
            new = counter.get()
            rpc.add(f"{counter.group}:{counter.name} = {new}" + (f" ({old})" if old != new else ""))

    # -- memory -------------------------------------------------------------------------------------------------------
    @rpc("pkg.stats")
    def pkg_stats(self, rpc: Rpc, *filter: str | int) -> None:
        """Private memory by process, all or by `pid`, `rank` or `index`. There is one process here.

        Its memory is Python's, so the pool shows as one free fragment.
        """
        if filter and filter[0] not in ("pid", "rank", "index"):
            rpc.fault(500, "Invalid filter type")
            return
        if len(filter) == 1 or (filter and not isinstance(filter[1], int)):
            rpc.fault(500, "One more parameter expected")
            return
        pid = self.server.environment.pid
        if filter and filter[0] == "pid" and filter[1] != pid:
            rpc.fault(500, "No such pid")
            return
        if filter and filter[0] in ("rank", "index") and filter[1] != 0:
            return
        total = self._pkg_memory()
        rpc.struct(
            entry=0,
            pid=pid,
            rank=0,
            used=0,
            free=total,
            real_used=0,
            total_size=total,
            total_frags=1,
            desc="main process - attendant",
        )

    @rpc("pkg.info", since="5.6")
    def pkg_info(self, rpc: Rpc) -> None:
        """The manager and the size of private memory."""
        rpc.struct(name=MEMORY_MANAGER, size=self._pkg_memory())

    def _pkg_memory(self) -> int:
        return int(self.server.settings.get("pkg_mem") or DEFAULT_PKG_MEMORY) * 1024 * 1024

    @rpc("mod.stats")
    @rpc("mod.mem_stats", since="5.6")
    @rpc("mod.mem_statsx", since="5.6")
    def mod_stats(self, rpc: Rpc, module: str = "", kind: str = "") -> None:
        """Memory of one module or `all`, `pkg`, `shm` or `all` of it. Python keeps no accounts by module: all are 0."""
        if not module:
            rpc.fault(500, 'Module name or "all" needed')
            return
        if not kind:
            rpc.fault(500, '"pkg" or "shm" or "all" needed')
            return
        pools = {"pkg": 1, "shm": 1, "all": 2}.get(kind, 0)
        for name in self.server.modules if module == "all" else (module,):
            rpc.add(f"Module: {name}")
            for _ in range(pools):
                rpc.struct(Total=0)
            rpc.add("")
