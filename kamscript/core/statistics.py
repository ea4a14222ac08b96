"""Statistics: counters by group and name (core/counters.c), as `stats.*`, `cnt.*`, `$stat()` and modules see them.

A module declares its own with `Statistic` (see `kamscript.module`); they are made when somebody asks for or counts
them, so a server that nobody asks starts no slower for having them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kamscript.module import Counter

if TYPE_CHECKING:
    from kamscript.core.server import Server

_METHOD_NAMES = "invite cancel ack bye info register subscribe notify message options prack update refer publish"
#: Methods with an `rcv_requests_` counter of their own.
METHODS = tuple(_METHOD_NAMES.split())
_REQUEST_COUNTERS = {method.upper(): f"rcv_requests_{method}" for method in METHODS}
_REPLY_METHODS = {
    "INVITE": "invite",
    "CANCEL": "cancel",
    "BYE": "bye",
    "REGISTER": "reg",
    "MESSAGE": "message",
    "PRACK": "prack",
    "UPDATE": "update",
    "REFER": "refer",
}

_CORE_NAMES = """
bad_URIs_rcvd bad_msg_hdr drop_replies drop_requests err_replies err_requests fwd_replies fwd_requests rcv_replies
rcv_replies_18x rcv_replies_401 rcv_replies_404 rcv_replies_407 rcv_replies_480 rcv_replies_486 rcv_requests
unsupported_methods
"""
#: Kamailio counts these in module kex: without kex they do not exist for a script or a command.
CORE = (
    *_CORE_NAMES.split(),
    *(f"rcv_requests_{method}" for method in METHODS),
    *(f"rcv_replies_{n}xx" for n in range(1, 7)),
    *(f"rcv_replies_{n}xx_{method}" for n in range(1, 7) for method in _REPLY_METHODS.values()),
)
TCP = (
    "con_reset",
    "con_timeout",
    "connect_failed",
    "connect_success",
    "current_opened_connections",
    "current_write_queue_size",
    "established",
    "local_reject",
    "passive_open",
    "send_timeout",
    "sendq_full",
)
DNS = ("failed_dns_request", "slow_dns_request")


class CoreCounter(Counter):
    """One of the core's own: what was counted raw, less what it showed when it was reset."""

    __slots__ = ("base", "statistics")

    def __init__(self, statistics: Statistics, group: str, name: str) -> None:
        super().__init__(group, name)
        self.statistics, self.base = statistics, 0

    def get(self) -> int:
        """The count since the last reset."""
        return self.statistics.core_value(self.name, self.group) - self.base

    def reset(self) -> None:
        """Back to 0; other counters that the same messages counted for stay."""
        self.base = self.statistics.core_value(self.name, self.group)


class Statistics:
    """Every counter of one server.

    `rcv_requests`, `rcv_replies`, ... are the core's counters that the hot path counts; they are kept in any case and
    visible when kex is loaded.
    """

    __slots__ = ("_counts", "_groups", "_later", "_made", "_replies", "_server")

    def __init__(self, server: Server) -> None:
        self._server = server
        self._groups: dict[str, dict[str, Counter]] | None = None
        self._made: dict[tuple[str, str], Counter] = {}
        self._later: list[Callable[[], object]] = []
        self._counts: dict[str, int] = {}
        self._replies: dict[tuple[int, str], int] = {}

    # -- counting -------------------------------------------------------------------------------------------------
    def core(self, name: str, by: int = 1) -> None:
        """Count one of the core's own: `core("fwd_requests")`; of another group `core("dns:failed_dns_request")`."""
        self._counts[name] = self._counts.get(name, 0) + by

    def count_request(self, method: str) -> None:
        """A request came in."""
        counts = self._counts
        counts["rcv_requests"] = counts.get("rcv_requests", 0) + 1
        name = _REQUEST_COUNTERS.get(method, "unsupported_methods")
        counts[name] = counts.get(name, 0) + 1

    def count_reply(self, status: int, method: str) -> None:
        """A reply came in; `method` is its CSeq's."""
        counts = self._counts
        counts["rcv_replies"] = counts.get("rcv_replies", 0) + 1
        replies = self._replies
        key = (status, _REPLY_METHODS.get(method, ""))
        replies[key] = replies.get(key, 0) + 1

    def core_value(self, name: str, group: str = "core") -> int:
        """What was counted since the start; replies are counted by code and method and summed up here."""
        if group != "core":
            return self._counts.get(f"{group}:{name}", 0)
        if name.startswith("rcv_replies_"):
            what, _, method = name[12:].partition("_")
            return sum(
                n
                for (code, cseq), n in self._replies.items()
                if _reply_matches(code, what) and (not method or cseq == method)
            )
        return self._counts.get(name, 0)

    # -- the table ------------------------------------------------------------------------------------------------
    def add(
        self, group: str, name: str, read: Callable[[], int] | None = None, *, doc: str = "", reset: bool = True
    ) -> Counter:
        """The counter `group`.`name`, made when it is new; with `read` it is computed when asked.

        `reset` False: commands cannot set it back (STAT_NO_RESET).
        """
        counter = self._made.get((group, name))
        if counter is None:
            counter = self._made[group, name] = Counter(group, name, read, doc, reset)
            self._groups = None
        return counter

    def later(self, declare: Callable[[], object]) -> None:
        """Let `declare` add its counters when somebody asks for any: a server that nobody asks starts sooner."""
        self._later.append(declare)
        self._groups = None

    def get(self, group: str, name: str) -> Counter | None:
        """One counter."""
        return self._table().get(group, {}).get(name)

    def find(self, name: str) -> Counter | None:
        """The first counter called `name` in any group (get_stat)."""
        for counters in self._table().values():
            if name in counters:
                return counters[name]
        return None

    def groups(self) -> list[str]:
        """All group names, sorted as Kamailio lists them."""
        return sorted(self._table())

    def group(self, group: str) -> Iterator[Counter]:
        """All counters of a group, sorted as Kamailio lists them."""
        counters = self._table().get(group, {})
        return iter([counters[name] for name in sorted(counters)])

    def _table(self) -> dict[str, dict[str, Counter]]:
        if self._later:
            later, self._later = self._later, []
            for declare in later:
                declare()
        table = self._groups
        if table is None:
            table = self._groups = {}
            modules = self._server.modules
            own: list[tuple[str, tuple[str, ...]]] = [("dns", DNS)]
            if not self._server.settings["disable_tcp"]:
                own.append(("tcp", TCP))
            if "kex" in modules:
                own.insert(0, ("core", CORE))
                table["shmem"] = {counter.name: counter for counter in self._memory()}
            for group, names in own:
                for name in names:
                    # Once made it stays: it knows when it was reset.
                    counter = self._made.setdefault((group, name), CoreCounter(self, group, name))
                    table.setdefault(group, {})[name] = counter
            for module in modules.values():
                if not module.statistics_shown:
                    continue
                for statistic in type(module).statistics.values():
                    counter = getattr(module, statistic.attribute)
                    table.setdefault(counter.group, {})[counter.name] = counter
            for (group, name), counter in self._made.items():
                table.setdefault(group, {})[name] = counter
        return table

    def _memory(self) -> list[Counter]:
        # There is no shared memory: the pool shows as one free fragment.
        total = int(self._server.settings["shm_mem"]) * 1024 * 1024
        values = {
            "fragments": 1,
            "free_size": total,
            "max_used_size": 0,
            "real_used_size": 0,
            "total_size": total,
            "used_size": 0,
        }
        return [Counter("shmem", name, lambda value=value: value) for name, value in values.items()]  # type: ignore[misc]


def _reply_matches(code: int, what: str) -> bool:
    if what == "18x":
        return 180 <= code <= 189
    if what.endswith("xx"):
        return code // 100 == int(what[0])
    return code == int(what)
