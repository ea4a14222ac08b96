"""Two labs side by side: what one server sends to the address of the other arrives there, at one clock."""

from __future__ import annotations

from kamscript.lab import Lab
from kamscript.lab.network import Address


class Cable:
    """The end, in one lab, of the cable to the other lab's server."""

    def __init__(self, far: Lab) -> None:
        self.far = far
        self.plugged = True

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """Put the message on the other lab's network, as if its sender sat there."""
        if self.plugged:
            self.far.network.send(text, proto, source, target)


class Pair:
    """The two labs; `run` and `advance` move both, `unplug` cuts the cable."""

    def __init__(self, first: Lab, second: Lab) -> None:
        self.first, self.second = first, second
        self.cables = []
        for near, far in ((first, second), (second, first)):
            cable = Cable(far)
            self.cables.append(cable)
            near.network.attach(far.server_address(), cable, "peer")

    def run(self) -> None:
        """Deliver everything, here, there and between."""
        before = -1
        while before != (before := len(self.first.network.delivered) + len(self.second.network.delivered)):
            self.first.run()
            self.second.run()

    def advance(self, seconds: float) -> None:
        """Let time pass in both, a minute at a time."""
        while seconds > 0:
            step = min(seconds, 60.0)
            seconds -= step
            for lab in (self.first, self.second):
                lab.advance(step)
            self.run()

    def plug(self, plugged: bool) -> None:
        """Connect the servers, or cut them off from each other."""
        for cable in self.cables:
            cable.plugged = plugged
