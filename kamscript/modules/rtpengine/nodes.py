"""The rtpengines: sets of them, which one a call gets, which of them are down (rtpengine.c, rtpengine_hash.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from zlib import crc32

from kamscript.core.environment import Remote
from kamscript.module import FixupError
from kamscript.modules import _relays
from kamscript.modules._relays import DEFAULT_PORT, FOR_EVER, Relays, read_sockets
from kamscript.modules.rtpengine.bencode import Pairs, decode, encode, text_of

if TYPE_CHECKING:
    from kamscript.modules.rtpengine import Rtpengine

HASH_CALLID, HASH_SHA1, HASH_CRC32 = 0, 1, 2
_SCHEMES: Final = {"udp:": "udp", "udp6:": "udp6", "unix:": "unix", "ws://": "ws", "wss://": "wss"}


class Node(_relays.Node):
    """One rtpengine."""

    shown = True  #: False: it left the database


class Set(_relays.Set[Node]):
    """The rtpengines of one set, in order."""

    def shown(self) -> list[Node]:
        """Those that are still in the database, or of the config."""
        return [node for node in self.nodes if node.shown]


class Nodes(Relays[Node]):
    """All sets of one server, and which node each call went to."""

    module: Rtpengine

    def __init__(self, module: Rtpengine) -> None:
        super().__init__(module)
        self._calls: dict[tuple[str, str], tuple[Node, int]] = {}

    # -- reading --------------------------------------------------------------------------------------------------
    def add_line(self, line: str) -> None:
        """A value of rtpengine_sock. Raises FixupError."""
        number, found = read_sockets(line, "rtpengine")
        if number is not None and not (number.isascii() and number.isdigit()):
            raise FixupError("script error -invalid set_id value!")
        for url, weight in found:
            self.add(self.module.setid_default if number is None else int(number), url, weight)

    def add(self, number: int, url: str, weight: int, *, disabled: bool = False) -> None:
        """Add a node to a set, or change the one that is there; what is no address is left out with a warning."""
        found = self.sets.setdefault(number, Set(number))
        if not _is_url(url):
            scheme = next((one for one in _SCHEMES if url.lower().startswith(one)), None)
            if scheme is None:
                text = "must start with 'udp:' or 'udp6:' or 'unix:' or 'ws://' or 'wss://'"
            elif scheme in ("ws://", "wss://"):
                text = "is a WebSocket, which needs the module lwsc"
            else:
                text = "must end with a valid port number"
            self.module.warn(f"Node address {text}. Ignore '{url}'.")
            return
        for node in found.nodes:
            if node.url == url:
                node.disabled, node.weight, node.shown = disabled, weight, True
                node.recheck = FOR_EVER if disabled else 0
                return
        found.nodes.append(Node(url, self._count, weight, disabled=disabled))
        self._count += 1

    def hide_all(self) -> None:
        """Before the database is read again: only what is still there comes back."""
        for one in self.sets.values():
            for node in one.nodes:
                node.shown = False

    def each(self) -> Iterator[tuple[_relays.Set[Node], Node]]:
        """Every node that is shown, set by set."""
        for one in self.sets.values():
            for node in one.shown():
                yield one, node

    # -- talking --------------------------------------------------------------------------------------------------
    def ask(self, node: Node, command: Pairs) -> str | None:
        """Send a command to a node and wait for its answer (without the cookie); None: there was none."""
        module, name = self.module, str(dict(command).get("command", ""))
        remote = node.remote = node.remote or self._remote(node)
        if module.server.environment.exchange is None:
            module.error(f'can\'t send command "{name}" to RTPEngine <{node.url}>')
            return None
        cfg, server_id = module.cfg, module.server.settings.get("server_id") or 0
        tries, seconds = cfg["rtpengine_retr"], cfg["rtpengine_tout_ms"] / 1000
        try:
            answer = self.exchange(remote, f"{server_id}_", encode(command), tries, seconds)
        except OSError as error:
            module.error(f'can\'t read reply for command "{name}" from RTPEngine <{node.url}>: {error.strerror}')
            return None
        if answer is None:
            module.error(f'timeout waiting reply for command "{name}" from RTPEngine <{node.url}>')
        return answer

    def _remote(self, node: Node) -> Remote:
        scheme, _, address = node.url.partition(":")
        scheme = scheme.lower()
        if scheme == "unix":
            return Remote("rtpengine", path=address, stream=True)
        module = self.module
        if scheme == "udp6":
            host, _, port = address.rpartition("]:")
            host = (host or address).strip("[]")
        else:
            host, _, port = address.partition(":")
        ip = self.address(host, ipv6=scheme == "udp6")
        source, tos = module.force_send_interface, module.control_cmd_tos
        return Remote("rtpengine", ip, int(port or DEFAULT_PORT), source=source, tos=tos)

    def ping(self, node: Node) -> bool:
        """Whether a node answers a ping."""
        answer = self.ask(node, Pairs([("command", "ping")]))
        return answer is not None and text_of(decode(answer), "result") == "pong"

    def probe(self, node: Node, *, force: bool) -> bool:
        """Whether a node is to be left alone as it does not answer a ping."""
        module = self.module
        answer = self.ask(node, Pairs([("command", "ping")]))
        if answer is None:
            self.disable(node)
            module.error("proxy did not respond to ping")
            return True
        if text_of(decode(answer), "result") != "pong":
            module.error("proxy responded with invalid response")
            return True
        module.info(f"rtpengine instance <{node.url}> found, support for it {'' if force else 're-'}enabled")
        return False

    def disable(self, node: Node) -> None:
        """Leave a node alone for rtpengine_disable_tout seconds."""
        node.disabled = True
        node.recheck = self.ticks + self.module.cfg["rtpengine_disable_tout"]

    # -- selecting ------------------------------------------------------------------------------------------------
    def select(
        self, active: _relays.Set[Node] | None, call_id: str, branch: str, asked: list[Node], *, delete: bool
    ) -> Node | None:
        """The node for a command: the one that has the call, else one of the set by hash; None when there is none."""
        module = self.module
        if active is None:
            module.error("script error - no valid set selected")
            return None
        node = self.of_call(call_id, branch, delete=delete)
        if node is None or node not in active.nodes:
            redetect = bool(module.cfg["aggressive_redetection"])
            node = self.choose(active, self._hash(call_id), asked, redetect=redetect)
            if node is None:
                module.error(f"rtpengine failed to select new for calllen={len(call_id)} callid={call_id}")
                return None
        if not node.disabled:
            return node
        if module.rtpengine_allow_op and (node.recheck == FOR_EVER or module.rtpengine_allow_op == 1):
            return node
        return None

    def _hash(self, call_id: str) -> int:
        algorithm = self.module.hash_algo
        data = call_id.encode("latin-1")
        if algorithm == HASH_CRC32:
            return crc32(data)
        if algorithm == HASH_SHA1:
            from hashlib import sha1

            # characters are signed there
            return sum(b - 256 if b > 127 else b for b in sha1(data, usedforsecurity=False).digest()) & 0xFFFFFFFF
        return sum(data) & 0xFF

    # -- calls ----------------------------------------------------------------------------------------------------
    def of_call(self, call_id: str, branch: str, *, delete: bool) -> Node | None:
        """The node that has a call; a delete without branch takes any branch of it."""
        found = self._calls.get((call_id, branch))
        if found is None and delete and not branch:
            found = next((value for (known, _), value in self._calls.items() if known == call_id), None)
        return None if found is None else found[0]

    def keep(self, call_id: str, branch: str, node: Node, *, delete: bool) -> None:
        """Remember which node has a call, for hash_table_tout seconds."""
        self._expire()
        if self.of_call(call_id, branch, delete=delete) is None:
            self._calls[call_id, branch] = node, self.ticks + self.module.hash_table_tout

    def forget(self, call_id: str, branch: str) -> None:
        """The call is over; without branch all of it."""
        for key in [key for key in self._calls if key == (call_id, branch) or (key[0] == call_id and not branch)]:
            del self._calls[key]

    def total(self) -> int:
        """How many calls are known."""
        return len(self._calls)

    def _expire(self) -> None:
        ticks = self.ticks
        for key in [key for key, (_, until) in self._calls.items() if until < ticks]:
            del self._calls[key]


_URL = re.compile(r"(?i:udp6:\[?[^\s\]]*\]?(?::([0-9]*))?|udp:[^:]*(?::([0-9]*))?|unix:.*)")


def _is_url(url: str) -> bool:
    found = _URL.fullmatch(url)
    return found is not None and int(found.group(1) or found.group(2) or 0) <= 0xFFFF
