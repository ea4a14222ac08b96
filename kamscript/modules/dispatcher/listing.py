"""What dispatcher.list and dispatcher.oclist show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.rpc import Rpc, Struct
from kamscript.modules.dispatcher.destination import DISABLED, INACTIVE, PROBING, TRYING, Destination

if TYPE_CHECKING:
    from kamscript.modules.dispatcher import Dispatcher

_PROTOCOLS = {"udp": 1, "tcp": 2, "tls": 3, "sctp": 4, "ws": 5, "wss": 6}


def show(module: Dispatcher, rpc: Rpc, mode: str) -> None:
    """All sets; `mode` is short, full or anything else."""
    if not module.sets:
        raise rpc.fault(500, "No Destination Sets")
    top = rpc.struct(NRSETS=len(module.sets))
    records = top.add("RECORDS", Struct(is_array=True))
    for group in module.sets.ordered:
        shown = records.struct("SET")
        shown.add("ID", group.id)
        targets = shown.add("TARGETS", Struct(is_array=True))
        for index, entry in enumerate(group.entries):
            targets.add("DEST", _destination(module, entry, index, mode.lower()))


def letters(flags: int) -> str:
    """The state as two letters: A, I, T or D, and P or X."""
    first = "I" if flags & INACTIVE else "D" if flags & DISABLED else "T" if flags & TRYING else "A"
    return first + ("P" if flags & PROBING else "X")


def _destination(module: Dispatcher, entry: Destination, index: int, mode: str) -> Struct:
    shown = Struct()
    if module.server.target == "6.x":
        shown.add("IDX", index)
    shown.add("URI", entry.uri)
    shown.add("FLAGS", letters(entry.flags))
    shown.add("PRIORITY", entry.priority)
    if mode == "full":
        shown.add("HOST", entry.host)
        shown.add("IPADDR", entry.address)
        shown.add("PORT", entry.port)
        shown.add("PROTOID", _PROTOCOLS.get(entry.proto, 0))
        shown.add("DNSTIME_SEC", int(entry.dns_time))
        shown.add("DNSTIME_USEC", int(entry.dns_time % 1 * 1_000_000))
    if mode != "short" and entry.attrs:
        shown.add(
            "ATTRS",
            Struct(
                BODY=entry.attrs,
                DUID=entry.duid or None,
                MAXLOAD=entry.maxload,
                WEIGHT=entry.weight,
                RWEIGHT=entry.rweight,
                SOCKET=entry.socket_text or None,
                SOCKNAME=entry.sockname or None,
                OBPROXY=entry.obproxy or None,
            ),
        )
    if module.ds_ping_latency_stats:
        latency = entry.latency
        shown.add(
            "LATENCY",
            Struct(
                AVG=latency.average,
                STD=latency.deviation,
                EST=latency.estimate,
                MAX=latency.largest,
                TIMEOUT=latency.timeouts,
            ),
        )
    if module.ds_hash_size > 0:
        shown.add("RUNTIME", Struct(DLGLOAD=entry.load))
    return shown


def show_overload(module: Dispatcher, rpc: Rpc, number: int) -> None:
    """How much each destination of a set asked to leave out."""
    group = module.sets.by_id.get(number)
    if group is None:
        raise rpc.fault(404, "Destination Group Not Found")
    for entry in group.entries:
        overload = entry.overload
        rpc.struct(
            group=number,
            uri=entry.uri,
            flags=entry.flags,
            priority=entry.priority,
            ocrate=overload.rate,
            ocidx=overload.at,
            ocseq=overload.sequence,
            octime_sec=int(overload.until),
            octime_usec=int(overload.until % 1 * 1_000_000),
            ocmin=overload.min,
            ocmax=overload.max,
        )
