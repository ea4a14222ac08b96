"""What dispatcher.list and dispatcher.oclist show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.rpc import Rpc, Struct
from kamscript.modules.dispatcher.destination import DISABLED, INACTIVE, NO_PING, PROBING, TRYING, Destination

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


def letters(flags: int, newer: bool = False) -> str:
    """The state as two letters: A, I, T or D, and P or X; in 6.x N for a destination that gets no keepalives."""
    first = "I" if flags & INACTIVE else "D" if flags & DISABLED else "T" if flags & TRYING else "A"
    return first + ("P" if flags & PROBING else "N" if newer and flags & NO_PING else "X")


def _destination(module: Dispatcher, entry: Destination, index: int, mode: str) -> Struct:
    newer = module.changed
    shown = Struct()
    if newer:
        shown.add("IDX", index)
    shown.add("URI", entry.uri)
    shown.add("FLAGS", letters(entry.flags, newer))
    shown.add("PRIORITY", entry.priority)
    if newer:
        shown.add("IUID", entry.iuid)
    if mode == "full":
        shown.add("HOST", entry.host)
        shown.add("IPADDR", entry.address)
        shown.add("PORT", entry.port)
        shown.add("PROTOID", _PROTOCOLS.get(entry.proto, 0))
        _add_time(shown, "DNSTIME", entry.dns_time)
        if newer:
            overload = entry.overload
            shown.add("OCRATE", overload.rate)
            shown.add("OCIDX", overload.at)
            shown.add("OCSEQ", overload.sequence)
            _add_time(shown, "OCTIME", overload.until)
    if (mode != "short" and entry.attrs) or (mode == "full" and newer):
        shown.add("ATTRS", _attributes(entry, newer))
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


def _attributes(entry: Destination, newer: bool) -> Struct:
    shown = Struct(BODY=entry.attrs, DUID=entry.duid or None)
    if newer:
        shown.add("PROBING_COUNT", entry.messages)
    shown.add("MAXLOAD", entry.maxload)
    shown.add("WEIGHT", entry.weight)
    shown.add("RWEIGHT", entry.rweight)
    shown.add("SOCKET", entry.socket_text or None)
    shown.add("SOCKNAME", entry.sockname or None)
    if newer:
        shown.add("PING_SOCKET", entry.ping_socket_text or None)
    shown.add("OBPROXY", entry.obproxy or None)
    if newer:
        shown.add("OCMIN", entry.overload.min)
        shown.add("OCMAX", entry.overload.max)
    return shown


def _add_time(shown: Struct, name: str, seconds: float) -> None:
    shown.add(f"{name}_SEC", int(seconds))
    shown.add(f"{name}_USEC", int(seconds % 1 * 1_000_000))


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
