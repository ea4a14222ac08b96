"""The outside world as a daemon sees it: system DNS, files, chance, databases, other programs."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kamscript.core.environment import Environment, LogRecord, NaptrRecord, Program, Ran, SrvRecord
from kamscript.live.exchange import Sockets
from kamscript.live.log import LogWriter
from kamscript.live.web import Web

if TYPE_CHECKING:
    from dns.resolver import Resolver as DnsPython

#: Linux's request for an interface's address.
SIOCGIFADDR = 0x8915


class SystemFiles:
    """Files on the disk, relative to the directory the server was started in."""

    def read(self, path: str) -> str:
        """The content, latin-1; raises OSError."""
        return Path(path).read_bytes().decode("latin-1")

    def exists(self, path: str) -> bool:
        """Whether the path is there."""
        return Path(path).exists()

    def names(self, folder: str) -> list[str] | None:
        """The paths of the files in a folder, sorted; None when it is no folder."""
        path = Path(folder)
        return sorted(str(name) for name in path.iterdir() if name.is_file()) if path.is_dir() else None

    def write(self, path: str, text: str) -> None:
        """Write the file anew; raises OSError."""
        Path(path).write_bytes(text.encode("latin-1"))

    def append(self, path: str, text: str) -> None:
        """Write behind what the file holds; make it when there is none; raises OSError."""
        with Path(path).open("ab") as file:
            file.write(text.encode("latin-1"))


class SystemResolver:
    """DNS over dnspython, with the system's servers and hosts file; imported at the first look-up."""

    def __init__(self, timeout: float = 2.0) -> None:
        self.timeout = timeout
        self.core: Mapping[str, Any] = {}  #: the run-time group `core` of the server
        self._servers: list[Any] = []
        self._resolver: DnsPython | None = None

    def _ask(self, name: str, kind: str) -> list[Any]:
        from dns.exception import DNSException
        from dns.resolver import NoResolverConfiguration, Resolver

        if self._resolver is None:
            try:
                self._resolver = Resolver()
            except NoResolverConfiguration:
                return []
            self._resolver.lifetime = self.timeout
        self._configure(self._resolver)
        try:
            return list(self._resolver.resolve(name, kind))
        except (DNSException, ValueError):
            return []

    def _configure(self, resolver: DnsPython) -> None:
        """Heed dns_retr_time, dns_retr_no, dns_servers_no and the search list; -1 leaves what the system says."""
        servers = self._servers = self._servers or list(resolver.nameservers)
        core = self.core
        most, again, every = (int(core.get(f"dns_{name}", -1)) for name in ("servers_no", "retr_no", "retr_time"))
        resolver.nameservers = servers[: most if most >= 0 else len(servers)]
        if every > 0:
            resolver.timeout = every
        if every > 0 or again > 0:
            resolver.lifetime = max(resolver.timeout * max(again, 1) * len(resolver.nameservers), resolver.timeout)
        resolver.use_search_by_default = bool(core.get("dns_use_search_list", 1))

    def a(self, name: str) -> list[str]:
        """IPv4 addresses: hosts file and DNS, as the system resolves."""
        return self._addresses(name, socket.AF_INET)

    def aaaa(self, name: str) -> list[str]:
        """IPv6 addresses, likewise."""
        return self._addresses(name, socket.AF_INET6)

    def _addresses(self, name: str, family: socket.AddressFamily) -> list[str]:
        try:
            found = socket.getaddrinfo(name, None, family, socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            return []
        return [str(entry[4][0]) for entry in found]

    def srv(self, name: str) -> list[SrvRecord]:
        """SRV records by priority; equal priorities keep the server's order."""
        records = [SrvRecord(r.priority, r.weight, r.port, str(r.target).rstrip(".")) for r in self._ask(name, "SRV")]
        return sorted(records, key=lambda record: record.priority)

    def naptr(self, name: str) -> list[NaptrRecord]:
        """NAPTR records by order and preference."""
        records = [
            NaptrRecord(
                r.order,
                r.preference,
                r.flags.decode(),
                r.service.decode(),
                r.regexp.decode(),
                str(r.replacement).rstrip("."),
            )
            for r in self._ask(name, "NAPTR")
        ]
        return sorted(records, key=lambda record: (record.order, record.preference))

    def ptr(self, address: str) -> str | None:
        """The name of an address, or None."""
        try:
            return socket.gethostbyaddr(address)[0]
        except OSError:
            return None


def interfaces() -> dict[str, list[str]]:
    """The machine's addresses by interface name, IPv4 first."""
    import fcntl
    import struct

    found: dict[str, list[str]] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, request)
            except OSError:
                continue
            found[name] = [socket.inet_ntoa(answer[20:24])]
    try:
        lines = Path("/proc/net/if_inet6").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        address, _, _, scope, _, name = line.split()
        # Addresses of one link only mean something together with an interface.
        if scope != "20":
            found.setdefault(name, []).append(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address)))
    return found


def source_address(ip: str) -> str | None:
    """The own address that packets to `ip` leave from; None when there is no way there."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((ip.strip("[]"), 9))
            return str(probe.getsockname()[0])
    except OSError:
        return None


def run_program(program: Program) -> Ran:
    """Let the shell run a command line, and wait for it; what still runs behind its time is killed."""
    given = None if program.given is None else program.given.encode("latin-1")
    variables = {name.encode("latin-1"): text.encode("latin-1") for name, text in program.variables.items()}
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", program.line.encode("latin-1")],
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environb, **variables},
            start_new_session=True,
        )
    except OSError:  # the message is too long for variables
        return Ran("", 126)
    try:
        output, _ = process.communicate(given, program.seconds or None)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    return Ran(output.decode("latin-1"), process.returncode)


def system_environment(log: LogWriter, directory: str = "", arguments: Sequence[str] = ()) -> Environment:
    """Everything handed to a live server; databases over SQLAlchemy, opened when a module asks.

    `directory` is where relative database files are (the working directory); `arguments` the command line's, which
    core.arg shows behind the program's name.
    """
    where = directory or os.getcwd()

    def database(url: str) -> Any:
        from kamscript.stores import open_database

        return open_database(url, lambda level, text: log(LogRecord(level, "db", text)), directory=where)

    return Environment(
        now=time.time(),
        chance=random.Random(),
        resolver=SystemResolver(),
        files=SystemFiles(),
        log=log,
        database=database,
        environ=dict(os.environ),
        pid=os.getpid(),
        hostname=socket.gethostname(),
        working_directory=where,
        interfaces=interfaces(),
        source_address=source_address,
        arguments=("kamailio", *arguments),
        execute=lambda command: subprocess.run(command, shell=True, check=False).returncode,
        programs=run_program,
        exchange=Sockets(),
        http=Web(lambda text: log(LogRecord(-1, "http_client", text))),
        end=lambda number: os.kill(os.getpid(), number),
        sleep=time.sleep,
        stopwatch=time.perf_counter,
    )
