"""P-Charging-Vector (RFC 7315): read, remove, make. Source: siputils manual, src/modules/siputils/chargingvector.c."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from kamscript.sip.edits import Edit, Subst

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.sip.scan import Header

NAME = "P-Charging-Vector"
_ORIGIN = "siputils"
_VALUE_END = re.compile(r"[\0 ;,\r\n]")


class Status(IntEnum):
    """What `$pcv(status)` says."""

    NONE = 0
    PARSED = 1
    ICID_MISSING = 2
    GENERATED = 3
    DELETED = 4
    REPLACED = 5


@dataclass
class Vector:
    """A message's charging vector as `$pcv` shows it; None: not there."""

    status: Status = Status.NONE
    all: str = ""
    value: str | None = None
    genaddr: str | None = None
    orig: str | None = None
    term: str | None = None
    header: Header | None = None

    def read(self, text: str, server: Server) -> bool:
        """Find the parts in a header value; False without the icid-value that every vector must have."""
        self.value, self.genaddr = _part(text, "icid-value="), _part(text, "icid-generated-at=")
        self.orig, self.term = _part(text, "orig-ioi="), _part(text, "term-ioi=")
        if self.value is None:
            server.log.warning(_ORIGIN, "P-Charging-Vector without its mandatory icid-value")
        elif self.genaddr is None:
            server.log.warning(_ORIGIN, f"P-Charging-Vector without icid-generated-at: {text}")
        return self.value is not None


def _part(text: str, name: str) -> str | None:
    start = text.find(name)
    return None if start < 0 else _VALUE_END.split(text[start + len(name) :], maxsplit=1)[0]


class Charging:
    """Vectors for one server: it counts those it makes."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._made = 0
        # What 6.x does better: it finds the header to remove, and knows what it did.
        self._newer = server.target not in ("4.4", "5.6")

    def vector(self, ctx: Context) -> Vector:
        """The message's vector, read when it was not."""
        found: Vector | None = ctx.state.get("pcv")
        if found is None or found.status is Status.NONE:
            found = ctx.state["pcv"] = self._from_message(ctx)
        return found

    def _from_message(self, ctx: Context) -> Vector:
        vector = Vector()
        msg = ctx.msg
        header = next((h for h in msg.headers if h.name[0] == "P" and h.kind == NAME.lower()), None)
        if header is None or msg.header_error:
            return vector
        if not header.value:
            self._server.log.warning(_ORIGIN, "P-Charging-Vector without a value")
            vector.header = header
            vector.status = Status.ICID_MISSING if self._newer else Status.NONE
            return vector
        vector.header = header if self._newer else None
        if vector.read(header.value, self._server):
            vector.status, vector.all = Status.PARSED, header.value
        elif self._newer:
            vector = Vector(Status.ICID_MISSING, header.value, header=header)
        return vector

    def handle(self, ctx: Context, flags: str) -> int:
        """sip_p_charging_vector(): remove (`r`), make one if there is none (`g`), make one in any case (`f`)."""
        wanted = set(flags.lower())
        replace = "f" in wanted
        remove, generate = "r" in wanted or replace, "g" in wanted or replace
        return (
            self._handle_newer(ctx, flags, remove, generate, replace)
            if self._newer
            else self._handle(ctx, generate, replace)
        )

    def _handle(self, ctx: Context, generate: bool, replace: bool) -> int:
        """As up to 5.6: a header with a value is never removed (it loses track of it), so `f` makes a second one."""
        vector = ctx.state["pcv"] = self._from_message(ctx)
        if replace or (generate and vector.status is not Status.PARSED):
            socket = ctx.msg.received.socket
            body = f"icid-value={self._identifier()}; icid-generated-at={socket.address}\r\n"
            made = Vector(Status.GENERATED, f"{NAME}: {body}")
            made.read(body, self._server)
            ctx.msg.edits.insert_before(ctx.msg.eoh, made.all)
            self._server.log.info(_ORIGIN, f"Generated PCV header {made.all[:-2]}")
            ctx.state["pcv"] = made
        return 1

    def _handle_newer(self, ctx: Context, flags: str, remove: bool, generate: bool, replace: bool) -> int:
        """As 6.x does: returns what it did, PARSED for nothing."""
        vector = self.vector(ctx)
        log = self._server.log
        if vector.status is Status.GENERATED:
            log.warning(_ORIGIN, f"P-Charging-Vector cannot change once generated; {flags!r} is skipped")
            return Status.PARSED
        if vector.status is Status.DELETED and "r" in flags.lower():
            return Status.PARSED
        done, place = Status.PARSED, None
        if (vector.status is Status.PARSED and remove) or vector.status is Status.ICID_MISSING:
            place = self._delete(ctx, vector)
            vector = ctx.state["pcv"] = Vector(Status.DELETED)
            done = Status.DELETED
        if replace or (generate and vector.status is not Status.PARSED):
            body = f"icid-value={self._identifier()};icid-generated-at="
            edits = ctx.msg.edits
            target = place if place is not None else edits.anchor(ctx.msg.eoh)
            # Pieces put "before" a piece come out behind it.
            head = edits.insert_before(target, f"{NAME}: {body}")
            edits.insert_before(edits.insert_subst_before(head, Subst.SND_IP), "\r\n")
            done = Status.REPLACED if vector.status is Status.DELETED else Status.GENERATED
            made = ctx.state["pcv"] = Vector(Status.GENERATED, body)
            made.read(body, self._server)
            log.info(_ORIGIN, f"Generated new PCV header {NAME}: {body}")
        return done

    def _delete(self, ctx: Context, vector: Vector) -> Edit | None:
        header = vector.header
        return None if header is None else ctx.msg.edits.delete(header.start, header.end - header.start)

    def _identifier(self) -> str:
        """`IVS`, this server's IPv4 address, process id, seconds, a counter, in hexadecimal."""
        server = self._server
        address = next((s.address for s in server.sockets if ":" not in s.address), "0.0.0.0")
        number = self._made & 0xFFFFFFFF
        self._made += 1
        octets = b"IVS" + ipaddress.IPv4Address(address).packed
        octets += (server.environment.pid & 0xFFFFFFFF).to_bytes(4, "little")
        octets += bytes((int(server.timers.now) & 0xFF,)) + number.to_bytes(4, "little")
        return octets.hex().upper()
