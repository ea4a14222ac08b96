"""The rtpengines: sets of them, which one a call gets, which of them are down (rtpengine.c, rtpengine_hash.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final
from zlib import crc32

from kamscript.core.environment import Remote
from kamscript.module import FixupError
from kamscript.modules.rtpengine.bencode import Pairs, decode, encode, text_of

if TYPE_CHECKING:
    from kamscript.modules.rtpengine import Rtpengine

#: `Node.recheck` of one that was disabled by hand.
FOR_EVER: Final = 0xFFFFFFFF
DEFAULT_PORT: Final = 22222
HASH_CALLID, HASH_SHA1, HASH_CRC32 = 0, 1, 2
_SCHEMES: Final = {"udp:": "udp", "udp6:": "udp6", "unix:": "unix", "ws://": "ws", "wss://": "wss"}


class Node:
    """One rtpengine. `recheck` is the tick (second since the start) from which on a disabled one is tried again."""

    def __init__(self, url: str, index: int, weight: int, *, disabled: bool, recheck: int) -> None:
        self.url, self.index, self.weight, self.disabled, self.recheck = url, index, weight, disabled, recheck
        self.shown = True  #: False: it left the database
        self.remote: Remote | None = None  #: None: not looked up yet


class Set:
    """The rtpengines of one set, in order."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.nodes: list[Node] = []

    def shown(self) -> list[Node]:
        """Those that are still in the database, or of the config."""
        return [node for node in self.nodes if node.shown]


class Nodes:
    """All sets of one server, and which node each call went to."""

    def __init__(self, module: Rtpengine) -> None:
        self.module = module
        self.sets: dict[int, Set] = {}
        self._count = self._cookies = 0
        self._calls: dict[tuple[str, str], tuple[Node, int]] = {}

    # -- reading --------------------------------------------------------------------------------------------------
    def add_line(self, line: str) -> None:
        """A value of rtpengine_sock: `[SET ==] URL[=WEIGHT] ...`. Raises FixupError."""
        head, mark, rest = line.partition("==")
        number = self.module.setid_default
        if mark:
            digits = head.strip()
            if not rest:
                raise FixupError("script error -invalid rtpengine list!")
            if not (digits.isascii() and digits.isdigit()):
                raise FixupError("script error -invalid set_id value!")
            number = int(digits)
        else:
            rest = head
        if not rest.strip():
            if mark:
                raise FixupError("script error -empty rtp_proxy list")
            return
        for word in rest.split():
            url, equals, weight = word.partition("=")
            self.add(number, url, _weight(weight) if equals else 1)

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
        recheck = FOR_EVER if disabled else 0
        for node in found.nodes:
            if node.url == url:
                node.disabled, node.recheck, node.weight, node.shown = disabled, recheck, weight, True
                return
        found.nodes.append(Node(url, self._count, weight, disabled=disabled, recheck=recheck))
        self._count += 1

    def hide_all(self) -> None:
        """Before the database is read again: only what is still there comes back."""
        for one in self.sets.values():
            for node in one.nodes:
                node.shown = False

    def each(self) -> Iterator[tuple[Set, Node]]:
        """Every node that is shown, set by set."""
        for one in self.sets.values():
            for node in one.shown():
                yield one, node

    # -- talking --------------------------------------------------------------------------------------------------
    @property
    def ticks(self) -> int:
        """Seconds since the start."""
        timers = self.module.server.timers
        return int(timers.now - self.module.server.started)

    def ask(self, node: Node, command: Pairs) -> str | None:
        """Send a command to a node and wait for its answer (without the cookie); None: there was none."""
        module, name = self.module, str(dict(command).get("command", ""))
        remote = node.remote = node.remote or self._remote(node)
        exchange = module.server.environment.exchange
        if exchange is None:
            module.error(f'can\'t send command "{name}" to RTPEngine <{node.url}>')
            return None
        cookie = ""
        if not remote.stream:
            server_id = module.server.settings.get("server_id") or 0
            cookie = f"{server_id}_{module.server.environment.pid}_{self._cookies} "
            self._cookies += 1
        data = cookie + encode(command)
        accept: Callable[[str], bool] = lambda text: text.startswith(cookie[:-1])  # noqa: E731
        try:
            for _ in range(1 if remote.stream else module.cfg["rtpengine_retr"]):
                answer = exchange(remote, data, module.cfg["rtpengine_tout_ms"] / 1000, accept)
                if answer is not None:
                    return answer[len(cookie) :]
        except OSError as error:
            module.error(f'can\'t read reply for command "{name}" from RTPEngine <{node.url}>: {error.strerror}')
            return None
        module.error(f'timeout waiting reply for command "{name}" from RTPEngine <{node.url}>')
        return None

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
        flags = 2 if scheme == "udp6" else 1
        # A name that is not known goes on as it is: whoever carries the command says that it cannot.
        ip = next(iter(module.server.dns.addresses(host, flags)), host)
        source, tos = module.force_send_interface, module.control_cmd_tos
        return Remote("rtpengine", ip, int(port or DEFAULT_PORT), source=source, tos=tos)

    def ping(self, node: Node) -> bool:
        """Whether a node answers a ping."""
        answer = self.ask(node, Pairs([("command", "ping")]))
        return answer is not None and text_of(decode(answer), "result") == "pong"

    def test(self, node: Node, *, force: bool) -> bool:
        """Try a node again when it is time, or at once; whether it is to be left alone (rtpp_test)."""
        module = self.module
        if node.recheck == FOR_EVER:
            return True
        if not force:
            if not node.disabled:
                return False
            if node.recheck > self.ticks:
                return True
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

    def test_all(self) -> None:
        """Ping every node: at start, and behind a reload."""
        for one in self.sets.values():
            for node in one.nodes:
                node.disabled = self.test(node, force=True)

    def disable(self, node: Node) -> None:
        """Leave a node alone for rtpengine_disable_tout seconds."""
        node.disabled = True
        node.recheck = self.ticks + self.module.cfg["rtpengine_disable_tout"]

    # -- selecting ------------------------------------------------------------------------------------------------
    def select(self, active: Set | None, call_id: str, branch: str, asked: list[Node], *, delete: bool) -> Node | None:
        """The node for a command: the one that has the call, else one of the set by hash; None when there is none."""
        module = self.module
        if active is None:
            module.error("script error - no valid set selected")
            return None
        node = self.of_call(call_id, branch, delete=delete)
        if node is None or node not in active.nodes:
            node = self._new(active, call_id, asked)
            if node is None:
                module.error(f"rtpengine failed to select new for calllen={len(call_id)} callid={call_id}")
                return None
        if not node.disabled:
            return node
        if module.rtpengine_allow_op and (node.recheck == FOR_EVER or module.rtpengine_allow_op == 1):
            return node
        return None

    def _new(self, active: Set, call_id: str, asked: list[Node]) -> Node | None:
        total = self._hash(call_id)
        forced = False
        while True:
            nodes = active.shown()
            for node in nodes:
                if node.disabled and node.recheck <= self.ticks:
                    node.disabled = self.test(node, force=False)
            enabled = [node for node in nodes if not node.disabled and node not in asked]
            weights = sum(node.weight for node in enabled)
            if weights:
                rest = total % weights
                for node in enabled:
                    if rest < node.weight:
                        return node
                    rest -= node.weight
            if forced or not self.module.cfg["aggressive_redetection"]:
                return None
            forced = True
            for node in nodes:
                node.disabled = self.test(node, force=True)

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


def _weight(text: str) -> int:
    found = re.match("[0-9]+", text)
    return int(found.group()) if found else 0
