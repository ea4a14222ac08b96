"""The outside world as the lab makes it: names, chance and files that a test controls."""

from __future__ import annotations

import random
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from kamscript.core.environment import NaptrRecord, SrvRecord
from kamscript.core.web import Http, HttpQuery, HttpReply


class LabResolver:
    """DNS from tables: `hosts` are addresses by name; `add` takes lines of a zone file.

    lab.dns.add("_sip._udp.example.com SRV 10 60 5060 gw1.example.com", "gw1.example.com A 10.0.0.1")
    lab.dns.fail("gw1.example.com")             # no answer, whatever is known
    lab.dns.slow("gw2.example.com", 2.5)        # each look-up holds the server up for so long
    lab.dns.asked                               # every look-up: (type, name)
    """

    def __init__(self, hosts: Mapping[str, str | list[str]] | None = None) -> None:
        self.hosts: dict[str, list[str]] = {
            name.lower(): [value] if isinstance(value, str) else list(value) for name, value in (hosts or {}).items()
        }
        self.srv_records: dict[str, list[SrvRecord]] = {}
        self.naptr_records: dict[str, list[NaptrRecord]] = {}
        self.asked: list[tuple[str, str]] = []
        self.failing: set[str] = set()
        self.delays: dict[str, float] = {}
        self.block: Callable[[float], object] = lambda seconds: None  #: lets the server's time pass

    # -- what a test says
    def add(self, *records: str) -> None:
        """Add records, each a line of a zone file: `name [ttl] [IN] type data`; A, AAAA, SRV and NAPTR.

        Raises ValueError for what is none.
        """
        for line in (line for text in records for line in text.splitlines()):
            if line.strip() and line.strip()[0] != ";":
                self._add(line)

    def _add(self, line: str) -> None:
        name, *words = shlex.split(line)
        while words and (words[0].isdecimal() or words[0].upper() == "IN"):
            del words[0]
        name = name.rstrip(".").lower()
        match words:
            case [kind, address] if kind.upper() in ("A", "AAAA") and (":" in address) == (kind.upper() == "AAAA"):
                self.hosts.setdefault(name, []).append(address)
            case [kind, priority, weight, port, target] if (
                kind.upper() == "SRV" and priority.isdecimal() and weight.isdecimal() and port.isdecimal()
            ):
                record = SrvRecord(int(priority), int(weight), int(port), target.rstrip("."))
                self.srv_records.setdefault(name, []).append(record)
            case [kind, order, preference, flags, service, regexp, target] if (
                kind.upper() == "NAPTR" and order.isdecimal() and preference.isdecimal()
            ):
                found = NaptrRecord(int(order), int(preference), flags, service, regexp, target.rstrip("."))
                self.naptr_records.setdefault(name, []).append(found)
            case _:
                raise ValueError(
                    f'no DNS record: {line.strip()!r}; write "host.example.com A 10.0.0.1", '
                    '"_sip._udp.example.com SRV 10 60 5060 host.example.com" or '
                    "\"example.com NAPTR 10 50 s SIP+D2U '' _sip._udp.example.com\""
                )

    def remove(self, name: str) -> None:
        """Forget everything of a name."""
        for table in (self.hosts, self.srv_records, self.naptr_records):
            table.pop(name.lower(), None)

    def fail(self, *names: str) -> None:
        """Let look-ups of these names find nothing (`*`: of any), as when their server is gone."""
        self.failing.update(name.lower() for name in names)

    def restore(self, *names: str) -> None:
        """Let them be found again, at once; all without names."""
        self.failing.difference_update([name.lower() for name in names] or list(self.failing))
        for name in names or list(self.delays):
            self.delays.pop(name.lower(), None)

    def slow(self, name: str, seconds: float) -> None:
        """Let each look-up of a name (`*`: of any) take so long; the server does nothing else meanwhile."""
        if seconds < 0:
            raise ValueError(f"a look-up takes no {seconds:g} seconds")
        self.delays[name.lower()] = seconds

    def _ask(self, kind: str, name: str) -> str:
        """Note a look-up; the name to look for, "" when it fails."""
        self.asked.append((kind, name))
        name = name.rstrip(".").lower()
        if self.delays:
            seconds = self.delays.get(name, self.delays.get("*", 0.0))
            if seconds:
                self.block(seconds)
        return "" if self.failing and (name in self.failing or "*" in self.failing) else name

    # -- what the server asks
    def a(self, name: str) -> list[str]:
        """IPv4 addresses of a name."""
        return [address for address in self.hosts.get(self._ask("A", name), []) if ":" not in address]

    def aaaa(self, name: str) -> list[str]:
        """IPv6 addresses of a name."""
        return [address for address in self.hosts.get(self._ask("AAAA", name), []) if ":" in address]

    def srv(self, name: str) -> list[SrvRecord]:
        """SRV records of a name."""
        return self.srv_records.get(self._ask("SRV", name), [])

    def naptr(self, name: str) -> list[NaptrRecord]:
        """NAPTR records of a name."""
        return self.naptr_records.get(self._ask("NAPTR", name), [])

    def ptr(self, address: str) -> str | None:
        """The first name with this address."""
        if not self._ask("PTR", address):
            return None
        if address == "127.0.0.1":
            return "localhost"
        return next((name for name, addresses in self.hosts.items() if address in addresses), None)


class LabFiles:
    """Files the config opens while it runs: those a test hands in, then the disk."""

    def __init__(self, files: Mapping[str, str] | None = None) -> None:
        self.files = dict(files or {})

    def read(self, path: str) -> str:
        """The content, latin-1; raises OSError."""
        if path in self.files:
            return self.files[path]
        return Path(path).read_bytes().decode("latin-1")

    def exists(self, path: str) -> bool:
        """Whether `read` would find it."""
        return path in self.files or Path(path).exists()

    def names(self, folder: str) -> list[str] | None:
        """The paths of the files in a folder, those in memory and those on the disk; None when it is no folder."""
        start, path = folder.rstrip("/") + "/", Path(folder)
        found = {name for name in self.files if name.startswith(start) and "/" not in name[len(start) :]}
        if not found and not path.is_dir():
            return None
        return sorted(found | {str(name) for name in (path.iterdir() if path.is_dir() else ()) if name.is_file()})

    def write(self, path: str, text: str) -> None:
        """Keep the text in memory; the disk is never written."""
        self.files[path] = text

    def append(self, path: str, text: str) -> None:
        """Keep what `read` finds, and the text behind it, in memory."""
        self.files[path] = (self.read(path) if self.exists(path) else "") + text


class LabHttp:
    """HTTP as servers of a lab reach it: the ready double, which is installed when somebody asks first."""

    def __init__(self, web: Callable[[], Http]) -> None:
        self._web = web

    def ask(self, query: HttpQuery) -> HttpReply:
        """See `Http`."""
        return self._web().ask(query)

    def begin(self, query: HttpQuery, done: Callable[[HttpReply], object]) -> None:
        """See `Http`."""
        self._web().begin(query, done)


def seeded(seed: int) -> random.Random:
    """The lab's chance: the same numbers for the same seed."""
    return random.Random(seed)
