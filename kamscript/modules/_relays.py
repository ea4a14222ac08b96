"""Media relays, as rtpengine and rtpproxy know them: sets of them, which one a call gets, which of them are down."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from kamscript.core.environment import Remote
from kamscript.module import Accessor, Fixup, FixupError, Module
from kamscript.script.format import accessor_of

if TYPE_CHECKING:
    from kamscript.core.server import Server

#: `Node.recheck` of one that was disabled by hand.
FOR_EVER: Final = 0xFFFFFFFF
DEFAULT_PORT: Final = 22222


class Node:
    """One relay. `recheck` is the tick (second since the start) from which on a disabled one is tried again."""

    def __init__(self, url: str, index: int, weight: int, *, disabled: bool) -> None:
        self.url, self.index, self.weight, self.disabled = url, index, weight, disabled
        self.recheck = FOR_EVER if disabled else 0
        self.remote: Remote | None = None  #: None: not looked up yet


AnyNode = TypeVar("AnyNode", bound=Node)


class Set(Generic[AnyNode]):
    """The relays of one set, in order."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.nodes: list[AnyNode] = []

    def shown(self) -> list[AnyNode]:
        """Those that calls may go to."""
        return self.nodes


class RelayModule(Module):
    """A module that tells relays what to do."""

    db: Any = None  #: with the sets, instead of modparam

    def error(self, text: str) -> None:
        """Log an error."""
        self.server.log.error(self.name, text)

    def warn(self, text: str) -> None:
        """Log a warning."""
        self.server.log.warning(self.name, text)

    def info(self, text: str) -> None:
        """Log how things are."""
        self.server.log.info(self.name, text)


class SetFixup(Fixup):
    """The number of a set of a module, which must be there, or a variable that holds one."""

    constant = True

    def __init__(self, module: str) -> None:
        self._module = module

    def resolve(self, text: str, server: Server) -> Set[Any] | Accessor:
        if text[:1] == "$":
            return accessor_of(text, server)
        if not (text.isascii() and text.isdigit()):
            raise FixupError(f"bad number <{text}>")
        module: Any = server.module(self._module)
        found: Set[Any] | None = module.nodes.sets.get(int(text))
        if found is None and module.db is not None and not module.nodes.sets:
            return Set(int(text))  # an empty table is what `check` sees: it cannot know the sets
        if found is None:
            raise FixupError(f"rtpp_proxy set {text} not configured")
        return found


class Relays(Generic[AnyNode]):
    """All sets of one server."""

    def __init__(self, module: RelayModule) -> None:
        self.module = module
        self.sets: dict[int, Set[AnyNode]] = {}
        self._count = self._cookies = 0

    @property
    def ticks(self) -> int:
        """Seconds since the start."""
        server = self.module.server
        return int(server.timers.now - server.started)

    # -- talking --------------------------------------------------------------------------------------------------
    def exchange(self, remote: Remote, prefix: str, command: str, tries: int, seconds: float) -> str | None:
        """Send a command and wait for its answer, without the cookie that datagrams begin with; None: there was none.

        Raises OSError when nothing can be sent.
        """
        exchange = self.module.server.environment.exchange
        if exchange is None:
            raise OSError(0, "there is no network")
        cookie = ""
        if not remote.stream:
            cookie = f"{prefix}{self.module.server.environment.pid}_{self._cookies} "
            self._cookies += 1
        accept: Callable[[str], bool] = lambda text: text.startswith(cookie[:-1])  # noqa: E731
        for _ in range(1 if remote.stream else tries):
            answer = exchange(remote, cookie + command, seconds, accept)
            if answer is not None:
                return answer[len(cookie) :]
        return None

    def address(self, host: str, *, ipv6: bool) -> str:
        """The address of a host. A name that is not known stays: whoever carries the command says that it cannot."""
        return next(iter(self.module.server.dns.addresses(host, 2 if ipv6 else 1)), host)

    @abstractmethod
    def probe(self, node: AnyNode, *, force: bool) -> bool:
        """Ask a relay whether it serves; whether it is to be left alone. `force`: it was not down before."""

    def test(self, node: AnyNode, *, force: bool) -> bool:
        """Try a relay again when it is time, or at once; whether it is to be left alone (rtpp_test)."""
        if node.recheck == FOR_EVER:
            return True
        if not force:
            if not node.disabled:
                return False
            if node.recheck > self.ticks:
                return True
        return self.probe(node, force=force)

    def test_all(self) -> None:
        """Try every relay: at start, and behind a reload."""
        for one in self.sets.values():
            for node in one.nodes:
                node.disabled = self.test(node, force=True)

    # -- choosing -------------------------------------------------------------------------------------------------
    def choose(
        self, active: Set[AnyNode], number: int, asked: Collection[AnyNode] = (), *, redetect: bool
    ) -> AnyNode | None:
        """The relay of a set that this number falls on, by weight; None: all are down, or were `asked` already.

        `redetect`: when all are down, try all of them again first.
        """
        forced = False
        while True:
            nodes = active.shown()
            for node in nodes:
                if node.disabled and node.recheck <= self.ticks:
                    node.disabled = self.test(node, force=False)
            enabled = [node for node in nodes if not node.disabled and node not in asked]
            weights = sum(node.weight for node in enabled)
            if weights:
                rest = number % weights
                for node in enabled:
                    if rest < node.weight:
                        return node
                    rest -= node.weight
            if forced or not redetect:
                return None
            forced = True
            for node in nodes:
                node.disabled = self.test(node, force=True)


def read_sockets(line: str, what: str) -> tuple[str | None, list[tuple[str, int]]]:
    """Set, and URLs with their weights, of `[SET ==] URL[=WEIGHT] ...`. Raises FixupError."""
    head, mark, rest = line.partition("==")
    if not mark:
        head, rest = "", head
    elif not rest:
        raise FixupError(f"script error -invalid {what} list!")
    elif not rest.strip():
        raise FixupError("script error -empty rtp_proxy list")
    found = []
    for word in rest.split():
        url, equals, weight = word.partition("=")
        digits = re.match("[0-9]+", weight)
        found.append((url, int(digits.group()) if digits else 0 if equals else 1))
    return head.strip() if mark else None, found
