"""The outside world as a daemon sees it: system DNS, files, chance, and a log on standard error or syslog."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kamscript.core.environment import Environment, LogRecord, NaptrRecord, SrvRecord

if TYPE_CHECKING:
    from dns.resolver import Resolver as DnsPython

#: Linux's request for an interface's address.
SIOCGIFADDR = 0x8915

#: syslog severities by Kamailio's log level (dprint.c).
SYSLOG_SEVERITY = {-5: 1, -4: 2, -3: 2, -2: 2, -1: 3, 0: 4, 1: 5, 2: 6, 3: 7}


class SystemFiles:
    """Files on the disk, relative to the directory the server was started in."""

    def read(self, path: str) -> str:
        """The content, latin-1; raises OSError."""
        return Path(path).read_bytes().decode("latin-1")

    def exists(self, path: str) -> bool:
        """Whether the path is there."""
        return Path(path).exists()


class SystemResolver:
    """DNS over dnspython, with the system's servers and hosts file; imported at the first look-up."""

    def __init__(self, timeout: float = 2.0) -> None:
        self.timeout = timeout
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
        try:
            return list(self._resolver.resolve(name, kind))
        except (DNSException, ValueError):
            return []

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


class StandardErrorLog:
    """Log lines as Kamailio prints them with `log_stderror=yes`: ` 1(4711) INFO: <script>: text`."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.stream = sys.stderr

    def __call__(self, record: LogRecord) -> None:
        """Write one record; texts that lack a line end keep lacking it, as in the original."""
        end = "" if record.origin == "<script>" or record.text.endswith("\n") else "\n"
        line = f" 1({self.pid}) {record.line}{end}"
        self.stream.buffer.write(line.encode("latin-1", "replace"))
        self.stream.flush()


class SystemLog:
    """Log lines to syslog, as without `log_stderror`."""

    def __init__(self, name: str = "kamailio") -> None:
        import syslog

        self._syslog = syslog
        syslog.openlog(name, syslog.LOG_PID | syslog.LOG_CONS, syslog.LOG_DAEMON)

    def __call__(self, record: LogRecord) -> None:
        """Write one record; `facility` of the record wins over the daemon's."""
        facility = getattr(self._syslog, record.facility or "LOG_DAEMON", self._syslog.LOG_DAEMON)
        priority = facility | SYSLOG_SEVERITY.get(record.level, 7)
        self._syslog.syslog(priority, record.line.rstrip())


def interfaces() -> dict[str, list[str]]:
    """The machine's IPv4 addresses by interface name."""
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


def system_environment(log: StandardErrorLog | SystemLog, directory: str = "") -> Environment:
    """Everything handed to a live server; databases over SQLAlchemy, opened when a module asks.

    `directory` is where relative database files are (the working directory).
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
        arguments=("kamailio", *sys.argv[2:]),
        execute=lambda command: subprocess.run(command, shell=True, check=False).returncode,
        end=lambda number: os.kill(os.getpid(), number),
    )
