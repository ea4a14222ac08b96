"""The RTP proxies: sets of them, which one a call gets, which of them are down (rtpproxy.c, select_rtpp_node())."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.core.environment import Remote
from kamscript.module import FixupError
from kamscript.modules import _relays
from kamscript.modules._relays import DEFAULT_PORT, Relays, Set, read_sockets
from kamscript.values import c_int

if TYPE_CHECKING:
    from kamscript.modules.rtpproxy import Rtpproxy

#: The version that every proxy has, what it must be able to do, and what it may.
VERSION: Final = "20040107"
REQUIRED: Final = "20050322"
REPACKETIZES, KNOWS_PAYLOADS = "20071116", "20081102"


class Node(_relays.Node):
    """One RTP proxy."""

    repacketizes = knows_payloads = False


class Nodes(Relays[Node]):
    """All sets of one server."""

    module: Rtpproxy

    def add_line(self, line: str) -> None:
        """A value of rtpproxy_sock. Raises FixupError."""
        number, found = read_sockets(line, "rtp proxy")
        for url, weight in found:
            self.add("0" if number is None else number, url, weight)

    def add(self, number: str, url: str, weight: int, *, disabled: bool = False) -> None:
        """Add a proxy to a set; FixupError for a set that has no number."""
        if not (number.isascii() and number.isdigit()):
            raise FixupError(f"Invalid set name '{number}' - must be integer")
        found = self.sets.setdefault(int(number), Set(int(number)))
        found.nodes.append(Node(url, self._count, weight, disabled=disabled))
        self._count += 1

    # -- talking --------------------------------------------------------------------------------------------------
    def ask(self, node: Node, command: str) -> str | None:
        """Send a command to a proxy and wait for its answer; None: it is disabled now, as there was none."""
        module = self.module
        remote = node.remote = node.remote or self._remote(node)
        answer = self._answer(remote, command)
        if answer is None:
            module.error(f"proxy <{node.url}> does not respond, disable it")
            node.disabled, node.recheck = True, self.ticks + module.rtpproxy_disable_tout
        return answer

    def _answer(self, remote: Remote, command: str) -> str | None:
        module = self.module
        if module.server.environment.exchange is None:
            module.error("can't send command to a RTP proxy")
            return None
        try:
            answer = self.exchange(remote, "", command, module.rtpproxy_retr, module.rtpproxy_tout)
        except OSError as error:
            module.error(f"can't read reply from a RTP proxy: {error.strerror}")
            return None
        if answer is None:
            module.error("timeout waiting reply from a RTP proxy")
        return answer

    def _remote(self, node: Node) -> Remote:
        scheme, _, address = node.url.partition(":")
        scheme = scheme.lower()
        if scheme not in ("udp", "udp6"):
            return Remote("rtpproxy", path=address if scheme == "unix" else node.url, stream=True)
        host, _, port = address.rpartition(":")
        host, port = (host, port) if host else (address, "")
        host = host.strip("[]")
        ip = self.address(host, ipv6=scheme == "udp6")
        return Remote("rtpproxy", ip, int(port) if port.isdecimal() else DEFAULT_PORT)

    def probe(self, node: Node, *, force: bool) -> bool:
        """Whether a proxy is to be left alone as its version is not the one that we know."""
        module = self.module
        version = self.ask(node, "V")
        if version is None:
            module.warn("can't get version of the RTP proxy")
        elif c_int(version) != int(VERSION):
            module.warn(
                f"unsupported version of RTP proxy <{node.url}> found: {VERSION} supported,{c_int(version)} present"
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
        return None if answer is None else c_int(answer) == 1

    # -- selecting ------------------------------------------------------------------------------------------------
    def select(self, active: Set[Node] | None, call_id: str) -> Node | None:
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
        return self.choose(active, sum(call_id.encode("latin-1")) & 0xFF, redetect=True)
