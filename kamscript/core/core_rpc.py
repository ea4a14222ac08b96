"""The RPC commands of the core: `core.*`, `system.*`, `dns.*`, `dst_blocklist.*` (core/core_cmd.c).

This server is one process and has no memory pools of its own; commands about those answer for what is there: one
process, an empty pool.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from kamscript.core.blocklist import IS_IPV6
from kamscript.core.blocklist import PERMANENT as BLOCK_PERMANENT
from kamscript.core.dns import BAD_NAME, PERMANENT, DnsEntry, literal
from kamscript.core.environment import NaptrRecord, SrvRecord
from kamscript.core.rpc import Struct, converted
from kamscript.core.sockets import Destination
from kamscript.module import Module, rpc
from kamscript.sip.protocols import PROTO_NUMBERS, PROTOCOLS

if TYPE_CHECKING:
    from kamscript.core.rpc import Rpc
    from kamscript.core.sockets import ListenSocket

NAME, VERSION = "kamailio", "5.6.3"
FULL_VERSION = f"{NAME} {VERSION} (x86_64/linux) "
FLAGS = "USE_TCP, USE_TLS, DNS_IP_HACK, USE_DNS_CACHE, USE_DNS_FAILOVER, USE_NAPTR, USE_DST_BLOCKLIST"
_UNITS = {"b": 0, "k": 10, "m": 20, "g": 30}
_RECORD_TYPES = ("A", "AAAA", "SRV", "NAPTR", "PTR", "CNAME", "TXT", "EBL")
_TYPE_NUMBERS = {"A": 1, "AAAA": 28, "SRV": 33, "NAPTR": 35, "PTR": 12, "CNAME": 5, "TXT": 16, "EBL": 65300}


def ctime(seconds: float) -> str:
    """`Tue Nov 24 20:03:21 2026` in local time, as C's ctime prints it."""
    at = datetime.fromtimestamp(int(seconds))
    return f"{at:%a %b} {at.day:2} {at:%H:%M:%S %Y}"


class CoreRpc(Module):
    """RPC commands; `CoreCommands` adds those of scripts."""

    # -- system ---------------------------------------------------------------------------------------------------
    @rpc("system.listMethods")
    def system_list_methods(self, rpc: Rpc) -> None:
        """List all RPC commands."""
        rpc.add(*self.server.rpc.names())

    @rpc("system.methodSignature")
    def system_method_signature(self, rpc: Rpc) -> None:
        """Not implemented, as in Kamailio."""
        rpc.fault(500, "Not Implemented Yet")

    @rpc("system.methodHelp")
    def system_method_help(self, rpc: Rpc, name: str = "") -> None:
        """Say what an RPC command does."""
        if not name:
            raise rpc.fault(400, "Method Name Expected")
        if name not in self.server.rpc:
            raise rpc.fault(400, "command not found")
        rpc.add(self.server.rpc.doc(name) or "undocumented")

    # -- the server -----------------------------------------------------------------------------------------------
    @rpc("core.prints")
    def core_prints(self, rpc: Rpc, *texts: str) -> None:
        """Give the texts back."""
        rpc.add(*texts)

    @rpc("core.printi")
    def core_printi(self, rpc: Rpc, *numbers: int) -> None:
        """Give the numbers back."""
        rpc.add(*numbers)

    @rpc("core.echo")
    @converted(0)
    def core_echo(self, rpc: Rpc, *values: str) -> None:
        """Give the arguments back as texts."""
        rpc.add(*values)

    @rpc("core.version")
    def core_version(self, rpc: Rpc) -> None:
        """Name, version and platform."""
        rpc.add(FULL_VERSION)

    @rpc("core.flags")
    def core_flags(self, rpc: Rpc) -> None:
        """What this server was built with."""
        rpc.add(FLAGS)

    @rpc("core.info")
    def core_info(self, rpc: Rpc) -> None:
        """Version, flags, compiler."""
        rpc.struct(version=f"{NAME} {VERSION}", id="kamscript", compiler="Python", compiled="", flags=FLAGS)

    @rpc("core.runinfo", since="5.6")
    def core_runinfo(self, rpc: Rpc) -> None:
        """Version and how long the server has been running."""
        now, started = int(self.server.timers.now), int(self.server.started)
        uptime = now - started
        rpc.struct(
            name=NAME,
            version=VERSION,
            sourceid="kamscript",
            compiler="Python",
            compiled="",
            time_now=ctime(now),
            time_started=ctime(started),
            uptime_secs=uptime,
            utime_days=f"{uptime // 86400}d {uptime % 86400 // 3600}h {uptime % 3600 // 60}m {uptime % 60}s",
        )

    @rpc("core.uptime")
    def core_uptime(self, rpc: Rpc) -> None:
        """Now, the start, and the seconds between."""
        now, started = self.server.timers.now, self.server.started
        rpc.struct(now=ctime(now), up_since=ctime(started), uptime=int(now) - int(started))

    @rpc("core.ps")
    def core_ps(self, rpc: Rpc) -> None:
        """The processes: this one."""
        rpc.add(self.server.environment.pid, PROCESS)

    @rpc("core.psx")
    def core_psx(self, rpc: Rpc) -> None:
        """The processes with their index."""
        rpc.struct(IDX=0, PID=self.server.environment.pid, DSC=PROCESS)

    @rpc("core.psa", since="5.6")
    def core_psa(self, rpc: Rpc) -> None:
        """The processes with all that is known of them."""
        rpc.struct(index=0, pid=self.server.environment.pid, status=1, rank=0, description=PROCESS)

    @rpc("core.pwd")
    def core_pwd(self, rpc: Rpc) -> None:
        """The working directory."""
        rpc.add(self.server.environment.working_directory)

    @rpc("core.arg")
    def core_arg(self, rpc: Rpc) -> None:
        """The command line."""
        rpc.add(*self.server.environment.arguments)

    @rpc("core.kill")
    def core_kill(self, rpc: Rpc, signal: int = 15) -> None:
        """End the server with a signal."""
        if self.server.environment.end is None:
            raise rpc.fault(500, "this server cannot be ended from inside")
        self.server.environment.end(signal)

    @rpc("core.shmmem")
    def core_shmmem(self, rpc: Rpc, unit: str = "b") -> None:
        """Shared memory (b, k, m or g): a pool that nothing uses."""
        shift = _UNITS.get(unit[:1].lower())
        if shift is None or (len(unit) > 1 and unit[1:].lower() != "b"):
            raise rpc.fault(500, "bad param, (use b|k|m|g)")
        total = int(self.server.settings["shm_mem"]) * 1024 * 1024 >> shift
        rpc.struct(total=total, free=total, used=0, real_used=0, max_used=0, fragments=1)

    @rpc("core.modules")
    def core_modules(self, rpc: Rpc) -> None:
        """The loaded modules, the last one first."""
        rpc.add(*[name for name in reversed(self.server.modules) if name != "core"])

    @rpc("core.ppdefines", since="5.6")
    def core_ppdefines(self, rpc: Rpc) -> None:
        """The names defined for the preprocessor."""
        rpc.add(*self._defines())

    @rpc("core.ppdefines_full", since="5.6")
    def core_ppdefines_full(self, rpc: Rpc) -> None:
        """The names defined for the preprocessor, with their values."""
        for name, value in self._defines().items():
            rpc.struct(name=name, type=0, value=value or "none")

    def _defines(self) -> dict[str, str]:
        """Those of the config between those that are always there: versions first, modules last."""
        major, minor, patch = VERSION.split(".")[:3]
        versions = (f"KAMAILIO_{major}", f"KAMAILIO_{major}_{minor}", f"KAMAILIO_{major}_{minor}_{patch}")
        modules = (f"MOD_{name}" for name in self.server.modules if name != "core")
        return {**dict.fromkeys(versions, ""), **self.server.program.defines, **dict.fromkeys(modules, "")}

    # -- addresses ------------------------------------------------------------------------------------------------
    @rpc("core.sockets_list")
    def core_sockets_list(self, rpc: Rpc) -> None:
        """The addresses that the server listens on."""
        out = rpc.add(Struct(is_array=True))
        for socket in self.server.sockets:
            out.add("socket", _socket(socket, bool(self.server.settings["auto_aliases"])))

    @rpc("core.aliases_list")
    def core_aliases_list(self, rpc: Rpc) -> None:
        """The names of this server."""
        out = rpc.struct(myself_callbacks="yes" if self.server.hooks.myself else "no")
        aliases = out.add("aliases", Struct(is_array=True))
        for alias in self.server.names.aliases:
            aliases.add("alias", Struct(proto=alias.proto or "*", address=alias.host, port=alias.port or "*"))

    @rpc("core.tcp_info")
    def core_tcp_info(self, rpc: Rpc) -> None:
        """How many connections there are and may be."""
        self._tcp(rpc)
        tcp = self.server.tcp
        opened = list(self.server.connections.values())
        rpc.struct(
            readers=1,
            max_connections=tcp["max_connections"],
            max_tls_connections=tcp["max_tls_connections"],
            opened_connections=len(opened),
            opened_tls_connections=sum(c.proto in ("tls", "wss") for c in opened),
            write_queued_bytes=0,
        )

    @rpc("core.tcp_options")
    def core_tcp_options(self, rpc: Rpc) -> None:
        """The TCP settings."""
        self._tcp(rpc)
        out = rpc.struct()
        for name, value in self.server.tcp.items():
            if name in ("accept_no_cl", "reuse_port", "wait_data_ms", "rd_buf_size", "wq_blk_size"):
                continue
            out.add(name + "(soft)" if name in ("max_connections", "max_tls_connections") else name, value)

    @rpc("core.tcp_list")
    def core_tcp_list(self, rpc: Rpc) -> None:
        """The open connections."""
        self._tcp(rpc)
        lifetime = int(self.server.tcp["connection_lifetime"])
        for number, connection in self.server.connections.items():
            rpc.struct(
                id=number,
                type=connection.proto.upper(),
                state="CONN_OK",
                timeout=lifetime,
                lifetime=lifetime,
                ref_count=1,
                src_ip=connection.src_ip,
                src_port=connection.src_port,
                dst_ip=connection.dst_ip,
                dst_port=connection.dst_port,
            )

    def _tcp(self, rpc: Rpc) -> None:
        if self.server.settings["disable_tcp"]:
            raise rpc.fault(500, "tcp support disabled")

    @rpc("core.udp4_raw_info")
    def core_udp4_raw_info(self, rpc: Rpc) -> None:
        """The settings of the raw socket."""
        core = self.server.cfg.core
        rpc.struct(
            udp4_raw=core["udp4_raw"],
            udp4_raw_mtu=core["udp4_raw_mtu"],
            udp4_raw_ttl=core["udp4_raw_ttl"] if core["udp4_raw_ttl"] >= 0 else 64,
        )

    # -- DNS ------------------------------------------------------------------------------------------------------
    def _dns(self, rpc: Rpc) -> None:
        if not self.server.cfg.core["use_dns_cache"]:
            raise rpc.fault(500, "dns cache support disabled (see use_dns_cache)")

    @rpc("dns.mem_info")
    def dns_mem_info(self, rpc: Rpc) -> None:
        """Memory used and allowed for added records."""
        self._dns(rpc)
        rpc.add(0, self.server.cfg.core["dns_cache_mem"] * 1024)

    @rpc("dns.debug")
    def dns_debug(self, rpc: Rpc) -> None:
        """The added records, as bare values."""
        self._dns(rpc)
        now = self.server.timers.now
        for (kind, name), entry in list(self.server.dns.added.items()):
            left = int(entry.until - now) if entry.until >= now else -1
            rpc.add(name, _TYPE_NUMBERS[kind], 0, 1, left, int(now - entry.used), entry.flags)

    @rpc("dns.debug_all")
    def dns_debug_all(self, rpc: Rpc) -> None:
        """The added records, as bare values."""
        self.dns_debug(rpc)

    @rpc("dns.view")
    def dns_view(self, rpc: Rpc) -> None:
        """The added records."""
        self._dns(rpc)
        dns = self.server.dns
        for kind, name in list(dns.added):
            entry = dns.entry(kind, name)
            if entry is not None:
                rpc.add(self._entry(kind, name, entry))

    @rpc("dns.lookup")
    def dns_lookup(self, rpc: Rpc, kind: str, name: str) -> None:
        """Look a record up: type (A, AAAA, SRV, NAPTR, PTR) and name."""
        self._dns(rpc)
        kind = kind.upper()
        if kind not in _RECORD_TYPES:
            raise rpc.fault(400, "Invalid type")
        dns, resolver = self.server.dns, self.server.environment.resolver
        entry = dns.entry(kind, name)
        if entry is None:
            entry = DnsEntry(0, self.server.timers.now)
            if kind in ("A", "AAAA"):
                entry.answers = list(resolver.a(name) if kind == "A" else resolver.aaaa(name))
            elif kind == "SRV":
                entry.answers = dns.srv(name)
            elif kind == "NAPTR":
                entry.answers = list(resolver.naptr(name))
            elif kind == "PTR":
                found = resolver.ptr(name)
                entry.answers = [found] if found else []
            if not entry.answers:
                raise rpc.fault(400, "Not found")
        rpc.add(self._entry(kind, name, entry))

    def _entry(self, kind: str, name: str, entry: DnsEntry) -> Struct:
        now = self.server.timers.now
        permanent = bool(entry.flags & PERMANENT)
        out = Struct(
            {
                "name": name,
                "type": kind,
                "size_bytes": 0,
                "reference_counter": 1,
                "permanent": "yes" if permanent else "no",
                "expires": 0 if permanent else max(-1, int(entry.until - now)),
                "last_used": int(now - entry.used),
                "negative_entry": "yes" if entry.flags & BAD_NAME else "no",
            }
        )
        if entry.answers:
            records = out.array("records")
            for index, answer in enumerate(entry.answers):
                record = Struct(rr_idx=index)
                if isinstance(answer, SrvRecord):
                    for member in ("target", "port", "priority", "weight"):
                        record.add("rr_name" if member == "target" else f"rr_{member}", getattr(answer, member))
                elif isinstance(answer, NaptrRecord):
                    for member in ("order", "preference", "flags", "service", "regexp"):
                        record.add(f"rr_{member}", getattr(answer, member))
                    record.add("rr_regexp", answer.replacement)  # sic
                else:
                    record.add("rr_ip" if kind in ("A", "AAAA") else "rr_name", answer)
                records.append(record)
        return out

    @rpc("dns.delete_all")
    def dns_delete_all(self, rpc: Rpc) -> None:
        """Forget the added records that are not permanent."""
        self._dns(rpc)
        dns = self.server.dns
        dns.added = {key: entry for key, entry in dns.added.items() if entry.flags & PERMANENT}
        rpc.struct(status="ok")

    @rpc("dns.delete_all_force")
    def dns_delete_all_force(self, rpc: Rpc) -> None:
        """Forget all added records."""
        self._dns(rpc)
        self.server.dns.added.clear()
        rpc.struct(status="ok")

    def _add(self, rpc: Rpc, kind: str, name: str, ttl: int, value: Any, flags: int) -> None:
        dns = self.server.dns
        address = value if isinstance(value, str) else ""
        wrong = kind in ("A", "AAAA") and (not literal(address) or (":" in address) != (kind == "AAAA"))
        key = (kind, name.lower())
        known = dns.added.get(key)
        refused = known is not None and known.flags & PERMANENT and not flags & PERMANENT
        if not self.server.cfg.core["use_dns_cache"] or refused or (wrong and not flags & BAD_NAME):
            raise rpc.fault(400, "Failed to add the entry to the cache")
        if known is None or (known.flags ^ flags) & (BAD_NAME | PERMANENT):
            known = dns.added[key] = DnsEntry(flags, self.server.timers.now)
        known.until = max(known.until, self.server.timers.now + ttl)
        if not flags & BAD_NAME:
            answers: list[Any] = list(known.answers)
            if isinstance(value, SrvRecord):
                answers = [answer for answer in answers if answer.target != value.target]
            elif value in answers:
                answers.remove(value)
            known.answers = [*answers, value]

    @rpc("dns.add_a")
    def dns_add_a(self, rpc: Rpc, name: str, ttl: int, ip: str, flags: int) -> None:
        """Add an A record: name, seconds to live, address, flags (1 does not exist, 2 permanent)."""
        self._add(rpc, "A", name, ttl, ip, flags)

    @rpc("dns.add_aaaa")
    def dns_add_aaaa(self, rpc: Rpc, name: str, ttl: int, ip: str, flags: int) -> None:
        """Add an AAAA record: name, seconds to live, address, flags."""
        self._add(rpc, "AAAA", name, ttl, ip, flags)

    @rpc("dns.add_srv")
    def dns_add_srv(
        self, rpc: Rpc, name: str, ttl: int, priority: int, weight: int, port: int, target: str, flags: int
    ) -> None:
        """Add an SRV record: name, seconds to live, priority, weight, port, target, flags."""
        self._add(rpc, "SRV", name, ttl, SrvRecord(priority, weight, port, target), flags)

    def _delete(self, rpc: Rpc, kind: str, name: str) -> None:
        self._dns(rpc)
        if self.server.dns.added.pop((kind, name.lower()), None) is None:
            raise rpc.fault(400, "Not found")

    @rpc("dns.delete_a")
    def dns_delete_a(self, rpc: Rpc, name: str) -> None:
        """Forget the added A records of a name."""
        self._delete(rpc, "A", name)

    @rpc("dns.delete_aaaa")
    def dns_delete_aaaa(self, rpc: Rpc, name: str) -> None:
        """Forget the added AAAA records of a name."""
        self._delete(rpc, "AAAA", name)

    @rpc("dns.delete_srv")
    def dns_delete_srv(self, rpc: Rpc, name: str) -> None:
        """Forget the added SRV records of a name."""
        self._delete(rpc, "SRV", name)

    @rpc("dns.delete_naptr")
    def dns_delete_naptr(self, rpc: Rpc, name: str) -> None:
        """Nothing is kept of NAPTR records."""
        self._delete(rpc, "NAPTR", name)

    @rpc("dns.delete_cname")
    def dns_delete_cname(self, rpc: Rpc, name: str) -> None:
        """Nothing is kept of CNAME records."""
        self._delete(rpc, "CNAME", name)

    @rpc("dns.delete_txt")
    def dns_delete_txt(self, rpc: Rpc, name: str) -> None:
        """Nothing is kept of TXT records."""
        self._delete(rpc, "TXT", name)

    @rpc("dns.delete_ebl")
    def dns_delete_ebl(self, rpc: Rpc, name: str) -> None:
        """Nothing is kept of EBL records."""
        self._delete(rpc, "EBL", name)

    @rpc("dns.delete_ptr")
    def dns_delete_ptr(self, rpc: Rpc, name: str) -> None:
        """Nothing is kept of PTR records."""
        self._delete(rpc, "PTR", name)

    # -- destinations that failed ---------------------------------------------------------------------------------
    def _blocklist(self, rpc: Rpc) -> None:
        if not self.server.blocklist.enabled:
            raise rpc.fault(500, "dst blocklist support disabled")

    @rpc("dst_blocklist.mem_info", since="5.6")
    def dst_blocklist_mem_info(self, rpc: Rpc) -> None:
        """Memory used and allowed for the list."""
        self._blocklist(rpc)
        rpc.add(0, self.server.cfg.core["dst_blocklist_mem"] * 1024)

    @rpc("dst_blocklist.debug", since="5.6")
    def dst_blocklist_debug(self, rpc: Rpc) -> None:
        """The entries, as bare values."""
        self._blocklist(rpc)
        now = self.server.timers.now
        for (proto, ip, port), entry in self.server.blocklist.entries.items():
            rpc.add(PROTO_NUMBERS.get(proto, 0), ip, port, int(entry.until - now), entry.flags)

    @rpc("dst_blocklist.view", since="5.6")
    def dst_blocklist_view(self, rpc: Rpc) -> None:
        """The entries for people."""
        self._blocklist(rpc)
        now = self.server.timers.now
        for (proto, ip, port), entry in self.server.blocklist.entries.items():
            left = int(entry.until - now)
            if left < 0:
                continue
            rpc.add(
                f"{{\n    protocol: {proto}",
                f"    ip: {ip}",
                f"    port: {port}",
                f"    expires in (s): {left}",
                f"    flags: {entry.flags}\n}}",
            )

    @rpc("dst_blocklist.delete_all", since="5.6")
    def dst_blocklist_delete_all(self, rpc: Rpc) -> None:
        """Forget the entries that are not permanent."""
        self._blocklist(rpc)
        self.server.blocklist.clear()

    @rpc("dst_blocklist.add", since="5.6")
    def dst_blocklist_add(self, rpc: Rpc, ip: str, port: int, proto: int, flags: int) -> None:
        """Block a destination: address, port (0 all), protocol number (1 udp, 2 tcp, 3 tls, 4 sctp), flags."""
        self._blocklist(rpc)
        if not 0 <= proto <= 4:
            raise rpc.fault(400, "Unknown protocol")
        address = literal(ip)
        if not address or (flags & IS_IPV6 and ":" not in address):
            raise rpc.fault(400, "Malformed ip address")
        self.server.blocklist.force(
            Destination(("", *PROTOCOLS)[proto], address, port), flags & (IS_IPV6 | BLOCK_PERMANENT | 0xFE)
        )


#: What the only process is called.
PROCESS = "main process - attendant"


def _socket(socket: ListenSocket, auto_aliases: bool) -> Struct:
    out = Struct(proto=socket.proto, address=socket.host)
    # The daemon only knows that a host is an address when it looks for its aliases.
    if socket.host != socket.address or not auto_aliases:
        out.add("ipaddress", socket.address)
    out.add("port", str(socket.port))
    out.add("mcast", "no")
    out.add("mhomed", "no")
    out.add("virtual", "yes" if socket.virtual else "no")
    return out
