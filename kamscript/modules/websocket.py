"""websocket: SIP over WebSocket (RFC 6455, RFC 7118).

The handshake comes through xhttp: `ws_handle_handshake()` answers it and from then on the stream carries frames, which
the driver cuts and hands to `Websocket.receive`; what is sent over it passes `Websocket.encode`. MSRP needs module
msrp, which nothing simulates: such a handshake is refused, as the daemon does without that module.
Source: websocket manual, src/modules/websocket/ws_handshake.c, ws_frame.c, ws_conn.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kamscript.core.cfg import CfgVar
from kamscript.core.rpc import Rpc, RpcFault, missing
from kamscript.core.sockets import SEND_CLOSE, SEND_NO_CONNECT, Datagram, Destination, Received
from kamscript.module import EventRoute, FixupError, Int, Module, Param, Route, Str, function, pv, rpc
from kamscript.sip.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    VERSION,
    Frame,
    FrameError,
    accept_key,
    decode,
    encode,
)

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.timers import Timer
    from kamscript.modules.sl import Sl

_EVENT = "websocket:closed"
_OPEN, _CLOSING, _REMOVING = "OPEN", "CLOSING", "REMOVING"
_SIP, _MSRP = 1, 2
_NONE, _PING, _PONG, _CHECK = range(4)
#: keepalive_timeout and others outside their range count as this.
_TIMEOUT, _SECOND, _DELAY = 180, 1, 5
_NORMAL: Final = (1000, "Normal closure")
#: Connections that ws.dump shows.
_DUMPED = 50
_LONGEST = 65535
_WS = {"tcp": "ws", "tls": "wss"}
_STATISTICS = (
    "ws_current_connections", "ws_max_concurrent_connections", "ws_sip_current_connections",
    "ws_sip_max_concurrent_connections", "ws_msrp_current_connections", "ws_msrp_max_concurrent_connections",
    "ws_failed_connections", "ws_local_closed_connections", "ws_received_frames", "ws_remote_closed_connections",
    "ws_transmitted_frames", "ws_sip_failed_connections", "ws_sip_local_closed_connections",
    "ws_sip_received_frames", "ws_sip_remote_closed_connections", "ws_sip_transmitted_frames",
    "ws_msrp_failed_connections", "ws_msrp_local_closed_connections", "ws_msrp_received_frames",
    "ws_msrp_remote_closed_connections", "ws_msrp_transmitted_frames", "ws_failed_handshakes",
    "ws_successful_handshakes", "ws_sip_successful_handshakes", "ws_msrp_successful_handshakes",
)  # fmt: skip


class Connection:
    """One WebSocket. `used` is when a frame passed last, `removed` when it was given up (0: it was not)."""

    __slots__ = ("awaiting_pong", "fragments", "received", "removed", "run_event", "state", "used")

    def __init__(self, received: Received, now: float) -> None:
        self.received, self.used = received, now
        self.state = _OPEN
        self.awaiting_pong = self.run_event = False
        self.removed = 0.0
        self.fragments = ""


class Websocket(Module, name="websocket"):
    """Speak SIP with browsers: handshake, frames, keep-alives."""

    keepalive_mechanism = Param(_PING, "0 none, 1 Ping, 2 Pong, 3 look whether the connection is still there.")
    keepalive_timeout = Param(_TIMEOUT, "Seconds of silence before a keep-alive is sent; 1 to 3600.")
    keepalive_processes = Param(1, "Processes that send keep-alives.", inert="here one timer does it")
    keepalive_interval = Param(_SECOND, "Seconds between two looks for silent connections; 1 to 60.")
    ping_application_data = Param("", "What Ping and Pong carry, 1 to 125 characters; the Server header by default.")
    sub_protocols = Param(_SIP, "Sub-protocols as bits: 1 sip, 2 msrp (which needs module msrp).")
    cors_mode = Param(0, "Access-Control-Allow-Origin in the handshake: 0 none, 1 `*`, 2 the client's Origin.")
    verbose_list = Param(0, "Log what is listed.", since="5.6", inert="it only adds debug messages")
    event_callback = Param(
        "", "KEMI function that runs instead of the event route.", since="5.6", set="_refuse_callback"
    )
    timer_interval = Param(_SECOND, "Seconds between two looks for connections that are gone; 1 to 60.", since="5.6")
    rm_delay_interval = Param(_DELAY, "Seconds before a connection that ended is forgotten; 1 to 60.", since="5.6")

    closed = EventRoute(_EVENT, "A WebSocket closed: `$si`, `$sp` and `$ws_conid` tell which.")

    def _refuse_callback(self, name: str) -> None:
        if name:
            raise FixupError(f"event_callback: no KEMI engine runs here, write event_route[{_EVENT}]")

    def start(self) -> None:
        """Look at the parameters, and wait for frames."""
        server = self.server
        self._sl: Sl = server.module("sl")
        if "xhttp" not in server.modules:
            raise FixupError("module xhttp must be loaded to use WebSocket")
        if not 0 <= self.cors_mode <= 2:
            raise FixupError(f"cors_mode {self.cors_mode}: 0, 1 or 2 is wanted")
        self._protocols = self.sub_protocols & ~_MSRP
        if not self._protocols & _SIP:
            raise FixupError("no sub-protocols enabled: sub_protocols needs 1 (sip); msrp needs module msrp")
        if self._protocols != _SIP:
            raise FixupError(f"unrecognised sub-protocols enabled: {self.sub_protocols}")
        if "nathelper" not in server.modules and "outbound" not in server.modules:
            server.log.warning(self.name, "neither nathelper nor outbound is loaded: one of them is needed to route")
        data = self.ping_application_data
        self._data = data if 1 <= len(data) <= 125 else _signature(server.settings)
        mechanism = self.keepalive_mechanism
        self._mechanism = mechanism if _NONE <= mechanism <= _CHECK else _PING
        self._interval = self.keepalive_interval if 1 <= self.keepalive_interval <= 60 else _SECOND
        self._look = self.timer_interval if 1 <= self.timer_interval <= 60 else _SECOND
        self._delay = self.rm_delay_interval if 1 <= self.rm_delay_interval <= 60 else _DELAY
        timeout = self.keepalive_timeout if 1 <= self.keepalive_timeout <= 3600 else _TIMEOUT
        self._cfg: dict[str, Any] = server.cfg.declare(
            "websocket",
            [
                CfgVar("keepalive_timeout", _TIMEOUT, "Seconds of silence before a keep-alive."),
                CfgVar("enabled", 1, "Whether handshakes are accepted."),
            ],
            values={"keepalive_timeout": timeout},
        )
        self.table: dict[int, Connection] = {}  #: by connection number, the one that was used longest ago first
        self._timers: list[Timer] = []
        self.counts = dict.fromkeys(_STATISTICS, 0)
        for name in _STATISTICS:
            server.statistics.add("websocket", name, lambda name=name: self.counts[name])  # type: ignore[misc]
        server.frames = self

    # -- the handshake ------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def ws_handle_handshake(self, ctx: Context) -> int:
        """Answer the HTTP GET of a handshake and let the stream carry frames: 1; 0 when it was refused.

        The refusal is sent, and the connection closes behind it; the route ends there.
        """
        msg, server = ctx.msg, self.server
        ctx.rpl_flags |= SEND_CLOSE | SEND_NO_CONNECT
        if not self._cfg["enabled"]:
            server.log.info(self.name, "disabled: bouncing handshake")
            return self._refuse(ctx, 503, "Service Unavailable")
        number = msg.received.connection
        if not server.connection_open(number):
            server.log.error(self.name, "the request came over no TCP or TLS connection")
            return self._refuse(ctx, 500, "Internal Server Error")
        if msg.received.proto not in _WS:
            server.log.error(self.name, f"unsupported transport: {msg.received.proto}")
            return 0
        values: dict[str, list[str]] = {}
        for header in msg.headers:
            values.setdefault(header.name.lower(), []).append(header.value)
        for name in ("sec-websocket-key", "sec-websocket-version", "origin"):
            if len(values.get(name, ())) > 1:
                server.log.warning(self.name, f"{name} found multiple times")
                return self._refuse(ctx, 400, "Bad Request")
        version = values.get("sec-websocket-version", [""])[0].strip()
        if "sec-websocket-version" in values and version != str(VERSION):
            server.log.warning(self.name, f"unsupported protocol version {version}")
            return self._refuse(ctx, 426, "Upgrade Required", f"Sec-WebSocket-Version: {VERSION}\r\n")
        good = (
            any("upgrade" in value.lower() for value in values.get("connection", ()))
            and any("websocket" in value.lower() for value in values.get("upgrade", ()))
            and any("sip" in value.lower() for value in values.get("sec-websocket-protocol", ()))
            and "sec-websocket-key" in values
            and version
        )
        if not good:
            server.log.warning(self.name, "required headers not present")
            offered = f"Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: {VERSION}\r\n"
            return self._refuse(ctx, 400, "Bad Request", offered)
        self._add(msg.received)
        lines = []
        if self.cors_mode == 1:
            lines.append("Access-Control-Allow-Origin: *")
        elif self.cors_mode and values.get("origin"):
            lines.append(f"Access-Control-Allow-Origin: {values['origin'][0]}")
        key = accept_key(values["sec-websocket-key"][0])
        lines += ["Sec-WebSocket-Protocol: sip", "Upgrade: websocket", "Connection: upgrade"]
        lines += [f"Sec-WebSocket-Accept: {key}", ""]
        ctx.rpl_flags &= ~SEND_CLOSE
        msg.add_reply_header("\r\n".join(lines))
        if self._sl.sl_reply(ctx, 101, "Switching Protocols") < 0:
            self.counts["ws_failed_handshakes"] += 1
            self._remove(self.table[number], event=False)
            return 0
        self._count("successful_handshakes")
        return 1

    def _refuse(self, ctx: Context, code: int, reason: str, headers: str = "") -> int:
        if headers:
            ctx.msg.add_reply_header(headers)
        self._sl.sl_reply(ctx, code, reason)
        self.counts["ws_failed_handshakes"] += 1
        return 0

    def _add(self, received: Received) -> None:
        upgraded = received._replace(proto=_WS[received.proto])
        self.server.connections[received.connection] = upgraded
        if not self.table:
            timers = self.server.timers
            self._timers = [timers.every(self._look, self._sweep)]
            if self._mechanism != _NONE:
                self._timers.append(timers.every(self._interval, self._keep_alive))
        self.table[received.connection] = Connection(upgraded, self.server.timers.now)
        counts = self.counts
        for kind in ("ws_", "ws_sip_"):
            counts[f"{kind}current_connections"] += 1
            now, most = counts[f"{kind}current_connections"], f"{kind}max_concurrent_connections"
            counts[most] = max(now, counts[most])

    def _count(self, what: str) -> None:
        self.counts[f"ws_{what}"] += 1
        self.counts[f"ws_sip_{what}"] += 1

    # -- frames: what the driver asks ---------------------------------------------------------------------------------
    def holds(self, connection: int) -> bool:
        """Whether the stream was upgraded."""
        return connection in self.table

    def encode(self, text: str, connection: int) -> str | None:
        """The frame for a message that is to be sent; None when it cannot be."""
        found = self.table.get(connection)
        if found is None:
            self.server.log.error(self.name, "WebSocket outbound connection not found")
            return None
        if not self._usable(found):
            return None
        self._count("transmitted_frames")
        return encode(TEXT if _is_utf8(text) else BINARY, text)

    def receive(self, now: float, raw: str, connection: int) -> bool:
        """Deal with one whole frame that arrived; False: the driver closes the stream."""
        server = self.server
        server.timers.now = max(now, server.timers.now)
        self.counts["ws_received_frames"] += 1
        found = self.table.get(connection)
        if found is None:
            server.log.error(self.name, "WebSocket connection not found")
            return False
        self._used(found)
        try:
            frame = decode(raw, _LONGEST)
        except FrameError as error:
            server.log.warning(self.name, str(error))
            self._close(found, error.status, error.reason)
            return False
        return self._take(found, frame, now)

    def _take(self, found: Connection, frame: Frame, now: float) -> bool:
        payload, opcode = frame.payload, frame.opcode
        if opcode == CONTINUATION:
            if len(found.fragments) + len(payload) >= _LONGEST:
                self.server.log.error(self.name, "too many fragments")
                return False
            found.fragments += payload
            return self.server.receive(now, found.fragments, found.received) if frame.fin else True
        if opcode in (TEXT, BINARY):
            self.counts["ws_sip_received_frames"] += 1
            if payload in ("\r\n", "\r\n\r\n"):
                self._send(found, opcode, "\r\n")
                return True
            if frame.fin:
                return self.server.receive(now, payload, found.received)
            found.fragments = payload
        elif opcode == CLOSE:
            if found.state == _OPEN:
                self._send(found, CLOSE, _closing(*_NORMAL), flags=SEND_CLOSE)
                self._remove(found)
                self._count("remote_closed_connections")
            else:
                self._close_now(found)
        elif opcode == PING:
            if not frame.fin:
                self.server.log.error(self.name, "a Ping comes in one frame")
                return False
            self._send(found, PONG, payload)
        elif payload.startswith(self._data):
            found.awaiting_pong = False
        return True

    def _used(self, found: Connection) -> None:
        found.used = self.server.timers.now
        number = found.received.connection
        self.table[number] = self.table.pop(number)

    def _usable(self, found: Connection) -> bool:
        if found.state != _OPEN:
            self.server.log.warning(self.name, "sending on closing connection")
            return False
        self._used(found)
        if not self.server.connection_open(found.received.connection):
            self.server.log.warning(self.name, "TCP/TLS connection get failed")
            self._remove(found)
            return False
        return True

    def _send(self, found: Connection, opcode: int, payload: str, flags: int = 0) -> bool:
        """Put a frame on its way as it is: the driver encodes only what is sent to ws and wss."""
        if not self._usable(found):
            return False
        where = found.received
        proto = "tcp" if where.proto == "ws" else "tls"
        to = Destination(proto, where.src_ip, where.src_port, where.connection, flags | SEND_NO_CONNECT)
        self.server.outbox.append(Datagram(where.socket, to, encode(opcode, payload)))
        self.counts["ws_transmitted_frames"] += 1
        if opcode in (TEXT, BINARY):
            self.counts["ws_sip_transmitted_frames"] += 1
        return True

    # -- the end ------------------------------------------------------------------------------------------------------
    def _close(self, found: Connection, status: int, reason: str) -> bool:
        """Begin to close from this side, or close at once what is closing already."""
        if found.state != _OPEN:
            self._close_now(found)
            return True
        if not self._send(found, CLOSE, _closing(status, reason)):
            self.server.log.error(self.name, "sending WebSocket close")
            return False
        found.state = _CLOSING
        self._count("local_closed_connections")
        return True

    def _close_now(self, found: Connection) -> None:
        self._remove(found)
        self.server.close_connection(found.received.connection)

    def _remove(self, found: Connection, *, event: bool = True) -> None:
        """Give a connection up; it is forgotten, and the event route runs, `rm_delay_interval` seconds later."""
        found.run_event = found.run_event or event
        if found.state != _REMOVING:
            found.state, found.removed = _REMOVING, self.server.timers.now

    def _sweep(self) -> None:
        server = self.server
        now = server.timers.now
        for number, found in list(self.table.items()):
            if found.state != _REMOVING:
                if not server.connection_open(number):
                    found.state, found.removed = _REMOVING, now
            elif found.removed <= now - self._delay:
                del self.table[number]
                for kind in ("ws_", "ws_sip_"):
                    self.counts[f"{kind}current_connections"] -= 1
                if found.run_event:
                    msg = server.faked_message()
                    received = found.received  # as it was when the handshake came
                    msg.received = received._replace(proto="tcp" if received.proto == "ws" else "tls")
                    server.run_event(_EVENT, msg)
        if not self.table:
            for timer in self._timers:
                timer.cancel()

    def _keep_alive(self) -> None:
        limit = self.server.timers.now - self._cfg["keepalive_timeout"]
        for number, found in list(self.table.items()):
            if found.used >= limit or found.state == _REMOVING:
                continue
            if found.state == _CLOSING or found.awaiting_pong:
                self.server.log.warning(self.name, "forcibly closing connection")
                self._close_now(found)
            elif self._mechanism == _CHECK:
                if not self.server.connection_open(number):
                    found.state = _CLOSING
            else:
                self._ping(found, PING if self._mechanism == _PING else PONG)

    def _ping(self, found: Connection, opcode: int) -> bool:
        sent = self._send(found, opcode, self._data)
        if sent and opcode == PING:
            found.awaiting_pong = True
        return sent

    # -- functions and variables --------------------------------------------------------------------------------------
    @function(Route.ANY, arity=(0, 2, 3))
    def ws_close(self, ctx: Context, status: Int = 1000, reason: Str = "Normal closure", connection: Int = -1) -> int:
        """Close the WebSocket that the message came by, or `connection`, with a status and a reason: 1, else -1."""
        found = self.table.get(ctx.msg.received.connection if connection < 0 else connection)
        if found is None:
            self.server.log.error(self.name, "failed to retrieve WebSocket connection")
            return -1
        return 1 if self._close(found, status, reason) else 0

    @pv("ws_conid", since="5.6")
    def conid(self, ctx: Context) -> int:
        """The number of the connection that closed, in event_route[websocket:closed]."""
        return ctx.msg.received.connection

    # -- commands -----------------------------------------------------------------------------------------------------
    def _of(self, number: int) -> Connection:
        found = self.table.get(number)
        if found is None:
            self.server.log.warning(self.name, "bad connection ID parameter")
            raise RpcFault(500, "Unknown connection ID")
        return found

    @rpc("ws.dump", since="5.6")
    def dump(self, rpc: Rpc, order: str = "id_hash") -> None:
        """List the first 50 WebSockets in the order `id_hash`, `used_desc` or `used_asc`."""
        order = order.lower()
        if order not in ("id_hash", "used_desc", "used_asc"):
            self.server.log.warning(self.name, "bad display order parameter")
            raise RpcFault(400, "Bad display order parameter")
        found = [one for one in self.table.values() if self.server.connection_open(one.received.connection)]
        if order == "id_hash":
            found.sort(key=lambda one: one.received.connection)
        elif order == "used_asc":
            found.reverse()
        answer = rpc.struct()
        lines = answer.array("connections")
        lines += [self._line(one) for one in found[:_DUMPED]]
        info = answer.struct("info")
        info.add("wscounter", min(len(found), _DUMPED))
        info.add("truncated", "yes" if len(found) >= _DUMPED else "no")

    def _line(self, one: Connection) -> str:
        where = one.received
        pong = "awaiting Pong, " if one.awaiting_pong else ""
        idle = int(self.server.timers.now) - int(one.used)
        return (
            f"{where.connection}: {where.proto}:{where.src_ip}:{where.src_port} -> "
            f"{where.proto}:{where.dst_ip}:{where.dst_port} (state: {one.state}, {pong} last used {idle}s ago, "
            "sub-protocol: sip)"
        )

    @rpc("ws.close", since="5.6")
    @missing(500, "Invalid Parameters")
    def rpc_close(self, rpc: Rpc, number: int) -> None:
        """Begin to close a WebSocket by its number."""
        if not self._close(self._of(number), *_NORMAL):
            raise RpcFault(500, "Error closing connection")

    @rpc("ws.ping", since="5.6")
    @missing(500, "Invalid Parameters")
    def rpc_ping(self, rpc: Rpc, number: int) -> None:
        """Send a Ping frame over a WebSocket."""
        if not self._ping(self._of(number), PING):
            raise RpcFault(500, "Error sending frame")

    @rpc("ws.pong", since="5.6")
    @missing(500, "Invalid Parameters")
    def rpc_pong(self, rpc: Rpc, number: int) -> None:
        """Send a Pong frame over a WebSocket."""
        if not self._ping(self._of(number), PONG):
            raise RpcFault(500, "Error sending frame")

    @rpc("ws.disable", since="5.6")
    def disable(self, rpc: Rpc) -> None:
        """Refuse handshakes from now on."""
        self._cfg["enabled"] = 0
        self.server.log.warning(self.name, "disabling websockets - new connections will be dropped")

    @rpc("ws.enable", since="5.6")
    def enable(self, rpc: Rpc) -> None:
        """Accept handshakes again."""
        self._cfg["enabled"] = 1
        self.server.log.warning(self.name, "enabling websockets")


def _closing(status: int, reason: str) -> str:
    return chr(status >> 8 & 0xFF) + chr(status & 0xFF) + reason


def _is_utf8(text: str) -> bool:
    try:
        text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _signature(settings: dict[str, Any]) -> str:
    """What the Server header says."""
    header = str(settings.get("server_header") or "")
    return header.partition(":")[2].strip() or "kamailio"
