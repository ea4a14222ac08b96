"""The names of a lab, told to a real daemon: they go into its DNS cache by RPC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from kamscript.lab.environment import LabResolver
from kamscript.lab.real.loopback import NotOnReal

#: Seconds that a name is kept in the cache.
_LIFE = 86400


class RealResolver(LabResolver):
    """A and SRV records in the daemon's cache; `tell` runs an RPC command once the daemon is there."""

    def __init__(self, hosts: Mapping[str, str | list[str]] | None, tell: Callable[..., Any]) -> None:
        super().__init__(hosts)
        self._tell = tell
        self._told: set[tuple[Any, ...]] = set()
        self._running = False

    def started(self) -> None:
        """The daemon runs: tell it what is known so far, and from now on what is added."""
        self._running = True
        self._tell_all()

    def add(self, *records: str) -> None:
        """Add records; see LabResolver.add."""
        super().add(*records)
        if self._running:
            self._tell_all()

    def _tell_all(self) -> None:
        for name, addresses in self.hosts.items():
            for address in addresses:
                if ":" in address:
                    raise NotOnReal(f"the name {name} with an IPv6 address: only IPv4 has a place on loopback")
                self._once("dns.add_a", name, _LIFE, address, 0)
        for name, records in self.srv_records.items():
            for one in records:
                self._once("dns.add_srv", name, _LIFE, one.priority, one.weight, one.port, one.target, 0)
        if self.naptr_records:
            raise NotOnReal(
                f"NAPTR of {next(iter(self.naptr_records))}: Kamailio's cache takes A and SRV records alone"
            )

    def _once(self, *command: Any) -> None:
        if command not in self._told:
            self._told.add(command)
            self._tell(*command)

    def remove(self, name: str) -> NoReturn:
        """The daemon keeps what it was told."""
        raise NotOnReal("lab.dns.remove(): the daemon keeps what it was told")

    def fail(self, *names: str) -> NoReturn:
        """Nobody answers for the DNS of the machine."""
        raise NotOnReal("lab.dns.fail(): the daemon asks the machine's DNS")

    def slow(self, name: str, seconds: float) -> NoReturn:
        """Nobody answers for the DNS of the machine."""
        raise NotOnReal("lab.dns.slow(): the daemon asks the machine's DNS")

    @property
    def asked(self) -> list[tuple[str, str]]:
        """What the daemon looks up is not seen."""
        raise NotOnReal("lab.dns.asked: what the daemon looks up is not seen")

    @asked.setter
    def asked(self, value: list[tuple[str, str]]) -> None:
        """Nothing is kept."""
