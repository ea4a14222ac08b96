"""Several labs on one network: what one server sends to another's address arrives there, in one virtual time."""

from __future__ import annotations

from kamscript.lab import Lab
from kamscript.lab.lab import EPOCH
from kamscript.lab.network import Address


class _Wire:
    """The seat of a server on the network of another one."""

    def __init__(self, sender: Lab, lab: Lab, cut: set[Lab]) -> None:
        self.sender, self.lab, self.cut = sender, lab, cut

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """Carry it over, unless one of the two is cut off."""
        if not self.cut & {self.sender, self.lab}:
            self.lab.network.send(text, proto, source, target)


class Cluster:
    """The labs of `configs`. `cut` are those that are off the network."""

    def __init__(self, *configs: str, target: str = "5.6", hosts: dict[str, list[str]] | None = None) -> None:
        self.target, self.hosts = target, hosts
        self.cut: set[Lab] = set()
        self.labs = [self._lab(text, number) for number, text in enumerate(configs, 1)]
        self._wire()
        self.run()

    def _lab(self, text: str, seed: int, start: float = EPOCH) -> Lab:
        return Lab(text=text, target=self.target, hosts=self.hosts, seed=seed, start=start)

    def _wire(self) -> None:
        for lab in self.labs:
            for other in self.labs:
                if other is not lab:
                    for socket in other.server.sockets:
                        where = Address(socket.address, socket.port)
                        lab.network.attach(where, _Wire(lab, other, self.cut), f"node {where}")

    def restart(self, lab: Lab, text: str) -> Lab:
        """End a server without a word and start one in its place."""
        place = self.labs.index(lab)
        fresh = self.labs[place] = self._lab(text, len(self.labs) + 1, lab.now)
        self._wire()
        self.run()
        return fresh

    def run(self) -> None:
        """Deliver everything under way."""
        for _ in range(100_000):
            moved = [lab.network.step() for lab in self.labs]
            if True not in moved:
                return
        raise AssertionError("messages circulate")

    def advance(self, seconds: float) -> None:
        """Let time pass for all, from deadline to deadline."""
        until = self.labs[0].now + seconds
        self.run()
        while self.labs[0].now < until:
            deadlines = [timers.next_deadline() for lab in self.labs for timers in (lab.timers, lab.server.timers)]
            first = min([until, *(deadline for deadline in deadlines if deadline is not None)])
            for lab in self.labs:
                lab.advance(max(first - lab.now, 0))
            self.run()
