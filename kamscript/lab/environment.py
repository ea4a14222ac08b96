"""The outside world as the lab makes it: names, chance and files that a test controls."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from kamscript.core.environment import NaptrRecord, SrvRecord


class LabResolver:
    """DNS from a table: `{"proxy.example.com": "10.0.0.9"}`, with SRV and NAPTR records where a test adds them."""

    def __init__(self, hosts: Mapping[str, str | list[str]] | None = None) -> None:
        self.hosts: dict[str, list[str]] = {
            name.lower(): [value] if isinstance(value, str) else list(value) for name, value in (hosts or {}).items()
        }
        self.srv_records: dict[str, list[SrvRecord]] = {}
        self.naptr_records: dict[str, list[NaptrRecord]] = {}
        self.asked: list[tuple[str, str]] = []  #: every look-up: (type, name)

    def a(self, name: str) -> list[str]:
        """IPv4 addresses of a name."""
        self.asked.append(("A", name))
        return [address for address in self.hosts.get(name.lower(), []) if ":" not in address]

    def aaaa(self, name: str) -> list[str]:
        """IPv6 addresses of a name."""
        self.asked.append(("AAAA", name))
        return [address for address in self.hosts.get(name.lower(), []) if ":" in address]

    def srv(self, name: str) -> list[SrvRecord]:
        """SRV records of a name."""
        self.asked.append(("SRV", name))
        return self.srv_records.get(name.lower(), [])

    def naptr(self, name: str) -> list[NaptrRecord]:
        """NAPTR records of a name."""
        self.asked.append(("NAPTR", name))
        return self.naptr_records.get(name.lower(), [])

    def ptr(self, address: str) -> str | None:
        """The first name with this address."""
        self.asked.append(("PTR", address))
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

    def write(self, path: str, text: str) -> None:
        """Keep the text in memory; the disk is never written."""
        self.files[path] = text

    def append(self, path: str, text: str) -> None:
        """Keep what `read` finds, and the text behind it, in memory."""
        self.files[path] = (self.read(path) if self.exists(path) else "") + text


def seeded(seed: int) -> random.Random:
    """The lab's chance: the same numbers for the same seed."""
    return random.Random(seed)
