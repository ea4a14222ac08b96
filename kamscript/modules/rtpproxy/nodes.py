"""The RTP proxies: sets of them, which one a call gets, which of them are down (rtpproxy.c, select_rtpp_node())."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from kamscript.core.environment import Remote
from kamscript.module import FixupError

if TYPE_CHECKING:
    from kamscript.modules.rtpproxy import Rtpproxy

#: `Node.recheck` of one that was disabled by hand.
FOR_EVER: Final = 0xFFFFFFFF
DEFAULT_PORT: Final = 22222
#: The version that every proxy has, what it must be able to do, and what it may.
VERSION: Final = "20040107"
REQUIRED: Final = "20050322"
REPACKETIZES, KNOWS_PAYLOADS = "20071116", "20081102"


class Node:
    """One RTP proxy. `recheck` is the tick (second since the start) from which on a disabled one is tried again."""

    def __init__(self, url: str, index: int, weight: int, *, disabled: bool) -> None:
        self.url, self.index, self.weight, self.disabled = url, index, weight, disabled
        self.recheck = FOR_EVER if disabled else 0
        self.repacketizes = self.knows_payloads = False
        self.remote: Remote | None = None


class Set:
    """The proxies of one set, in order."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.nodes: list[Node] = []


class Nodes:
    """All sets of one server."""

    def __init__(self, module: Rtpproxy) -> None:
        self.module = module
        self.sets: dict[int, Set] = {}
        self._count = self._cookies = 0

    def add_line(self, line: str) -> None:
        """A value of rtpproxy_sock: `[SET ==] URL[=WEIGHT] ...`. Raises FixupError."""
        head, mark, rest = line.partition("==")
        number = head.strip() if mark else "0"
        rest = rest if mark else head
        if mark and not rest:
            raise FixupError("script error -invalid rtp proxy list!")
        if not rest.strip():
            if mark:
                raise FixupError("script error -empty rtp_proxy list")
            return
        for word in rest.split():
            url, equals, weight = word.partition("=")
            found = re.match("[0-9]+", weight)
            self.add(number, url, int(found.group()) if found else 0 if equals else 1)

    def add(self, number: str, url: str, weight: int, *, disabled: bool = False) -> None:
        """Add a proxy to a set; FixupError for a set that has no number."""
        if not (number.isascii() and number.isdigit()):
            raise FixupError(f"Invalid set name '{number}' - must be integer")
        found = self.sets.setdefault(int(number), Set(int(number)))
        found.nodes.append(Node(url, self._count, weight, disabled=disabled))
        self._count += 1

    # -- talking --------------------------------------------------------------------------------------------------
    @property
    def ticks(self) -> int:
        """Seconds since the start."""
        server = self.module.server
        return int(server.timers.now - server.started)

    def ask(self, node: Node, command: str) -> str | None:
        """Send a command to a proxy and wait for its answer; None: it is disabled now, as there was none."""
        module = self.module
        remote = node.remote = node.remote or self._remote(node)
        answer = self._exchange(remote, command)
        if answer is None:
            module.error(f"proxy <{node.url}> does not respond, disable it")
            node.disabled, node.recheck = True, self.ticks + module.rtpproxy_disable_tout
        return answer

    def _exchange(self, remote: Remote, command: str) -> str | None:
        module = self.module
        exchange = module.server.environment.exchange
        if exchange is None:
            module.error("can't send command to a RTP proxy")
            return None
        cookie = ""
        if not remote.stream:
            cookie = f"{module.server.environment.pid}_{self._cookies} "
            self._cookies += 1
        try:
            for _ in range(1 if remote.stream else module.rtpproxy_retr):
                answer = exchange(
                    remote, cookie + command, module.rtpproxy_tout, lambda text: text.startswith(cookie[:-1])
                )
                if answer is not None:
                    return answer[len(cookie) :]
        except OSError as error:
            module.error(f"can't read reply from a RTP proxy: {error.strerror}")
            return None
        module.error("timeout waiting reply from a RTP proxy")
        return None

    def _remote(self, node: Node) -> Remote:
        scheme, _, address = node.url.partition(":")
        scheme = scheme.lower()
        if scheme not in ("udp", "udp6"):
            return Remote("rtpproxy", path=address if scheme == "unix" else node.url, stream=True)
        host, _, port = address.rpartition(":")
        host, port = (host, port) if host else (address, "")
        host = host.strip("[]")
        # A name that is not known goes on as it is: whoever carries the command says that it cannot.
        ip = next(iter(self.module.server.dns.addresses(host, 2 if scheme == "udp6" else 1)), host)
        return Remote("rtpproxy", ip, int(port) if port.isdecimal() else DEFAULT_PORT)

    def test(self, node: Node, *, force: bool) -> bool:
        """Try a proxy again when it is time, or at once; whether it is to be left alone (rtpp_test)."""
        module = self.module
        if node.recheck == FOR_EVER:
            return True
        if not force:
            if not node.disabled:
                return False
            if node.recheck > self.ticks:
                return True
        version = self.ask(node, "V")
        if version is None:
            module.warn("can't get version of the RTP proxy")
        elif _number(version) != int(VERSION):
            module.warn(
                f"unsupported version of RTP proxy <{node.url}> found: {VERSION} supported,{_number(version)} present"
            )
        else:
            able = self._can(node, REQUIRED)
            if able:
                module.info(f"rtp proxy <{node.url}> found, support for it {'' if force else 're-'}enabled")
                node.repacketizes = bool(self._can(node, REPACKETIZES))
                node.knows_payloads = bool(self._can(node, KNOWS_PAYLOADS))
                return False
            module.warn(
                "RTP proxy went down during version query"
                if able is None
                else f"RTP proxy <{node.url}> doesn't support required protocol version {REQUIRED}"
            )
        forever = module.rtpproxy_disable_tout < 0
        module.warn(f"support for RTP proxy <{node.url}> has been disabled{'' if forever else ' temporarily'}")
        if not forever:
            node.recheck = self.ticks + module.rtpproxy_disable_tout
        return True

    def _can(self, node: Node, what: str) -> bool | None:
        answer = self.ask(node, f"VF {what}")
        return None if answer is None else _number(answer) == 1

    def test_all(self) -> None:
        """At start: ask each for its version."""
        for one in self.sets.values():
            for node in one.nodes:
                node.disabled = self.test(node, force=True)

    # -- selecting ------------------------------------------------------------------------------------------------
    def select(self, active: Set | None, call_id: str) -> Node | None:
        """A proxy of the set by hash of the Call-ID and weight; None, and a line in the log, when there is none."""
        if active is None:
            self.module.error("script error -no valid set selected")
            return None
        nodes = active.nodes
        if len(nodes) == 1:
            node = nodes[0]
            if node.disabled and node.recheck <= self.ticks:
                node.disabled = self.test(node, force=False)
            return None if node.disabled else node
        total = sum(call_id.encode("latin-1")) & 0xFF
        forced = False
        while True:
            for node in nodes:
                if node.disabled and node.recheck <= self.ticks:
                    node.disabled = self.test(node, force=False)
            enabled = [node for node in nodes if not node.disabled]
            weights = sum(node.weight for node in enabled)
            if weights:
                rest = total % weights
                for node in enabled:
                    if rest < node.weight:
                        return node
                    rest -= node.weight
            if forced:
                return None
            forced = True
            for node in nodes:
                node.disabled = self.test(node, force=True)


def _number(text: str) -> int:
    """atoi()"""
    found = re.match(r"\s*([+-]?[0-9]+)", text)
    return int(found.group(1)) if found else 0
