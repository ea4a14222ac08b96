"""path: a Path header in a REGISTER says which proxies a request to its contact has to take (RFC 3327).

Source: path manual; src/modules/path/ of 5.6 and 6.x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kamscript.core.branches import MAX_URI
from kamscript.core.sockets import bracketed
from kamscript.module import FixupError, Module, Param, Route, Str, function
from kamscript.modules.pv.encodings import from_percent
from kamscript.script.bind import TransformationFailed
from kamscript.sip.edits import Subst
from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params
from kamscript.sip.protocols import PROTO_NUMBERS
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context

_NAME: Final = "path"
#: Bytes that have to fit behind an address: `sip:`, and `;transport=sctp` with some room.
_ROOM: Final = 24
#: What transports are called in URIs, by number; wss is ws there.
_TRANSPORTS: Final = {str(number): "ws" if name == "wss" else name for name, number in PROTO_NUMBERS.items()}


class Path(Module, name="path"):
    """Add Path headers, and send requests on to the addresses that such headers named."""

    use_received = Param(0, "1: loose_route() sends to the address in the `received` parameter of our Route.")
    received_format = Param(
        0, "How that address is written: 0 a URI, 1 `ip~port~proto` as nathelper's alias.", since="5.6"
    )
    received_name = Param("received", "Name of that parameter.", since="5.6")
    enable_r2 = Param(0, "1: two headers, for the socket of departure and that of arrival.", since="5.6")
    sockname_mode = Param(0, "1: headers tell the socket's name (`sn`).", since="5.6")

    def start(self) -> None:
        """Listen to loose_route()."""
        if not self.use_received:
            return
        rr: Any = self.server.modules.get("rr")
        if rr is None:
            raise FixupError("use_received needs the module rr: load it, too")
        rr.register_callback(self._routed)

    def _error(self, text: str) -> None:
        self.server.log.error(_NAME, text)

    # -- adding headers -------------------------------------------------------------------------------------------
    @function(Route.REQUEST)
    def add_path(self, ctx: Context, user: Str = "", parameters: Str = "") -> bool:
        """Add a Path header with the address that the request leaves by, a user, and parameters (without `;`)."""
        return self._add(ctx, user, parameters)

    @function(Route.REQUEST)
    def add_path_received(self, ctx: Context, user: Str = "", parameters: Str = "") -> bool:
        """The same with the address that the request came from in a parameter."""
        return self._add(ctx, user, parameters, received=True)

    @function(Route.REQUEST, since="6.x")
    def add_path_advertised_address(self, ctx: Context, address: Str, user: Str = "", parameters: Str = "") -> bool:
        """add_path() with another address."""
        return self._is_address(address) and self._add(ctx, user, parameters, address=address)

    @function(Route.REQUEST, since="6.x")
    def add_path_received_advertised_address(
        self, ctx: Context, address: Str, user: Str = "", parameters: Str = ""
    ) -> bool:
        """add_path_received() with another address."""
        return self._is_address(address) and self._add(ctx, user, parameters, address=address, received=True)

    def _is_address(self, address: str) -> bool:
        try:
            fine = bool(address) and bool(parse_uri(f"sip:{address};lr").host)
        except SipError:
            fine = False
        if not fine:
            self._error(f"invalid advertised address: {address}" if address else "empty advertised address value")
        return fine

    def _add(self, ctx: Context, user: str, parameters: str, *, address: str = "", received: bool = False) -> bool:
        msg = ctx.msg
        if msg.header_error:
            self._error("failed to parse message for Path header")
            return False
        start = f"Path: <sip:{user}@" if user else "Path: <sip:"
        end = ";lr"
        if received:
            end += f";{self.received_name}={self._sender(ctx)}"
        if parameters:
            end += f";{parameters}"
        end += ";r2=on>\r\n" if self.enable_r2 else ">\r\n"
        first = msg.first("path")
        edits = msg.edits
        piece: Any = edits.anchor(msg.headers_end if first is None else first.start)
        for arrival in (False, True) if self.enable_r2 else (False,):
            piece = edits.insert_before(piece, start)
            for part in self._place(address, arrival=arrival):
                piece = (
                    edits.insert_before(piece, part)
                    if isinstance(part, str)
                    else edits.insert_subst_before(piece, part)
                )
            piece = edits.insert_before(piece, end)
        return True

    def _place(self, address: str, *, arrival: bool) -> list[str | Subst]:
        """What stands for the address: the socket's, or a given one with the socket's transport."""
        if not address:
            if self.sockname_mode:
                return [Subst.RCV_ALL_EX if arrival else Subst.SND_ALL_EX]
            return [Subst.RCV_ALL if arrival else Subst.SND_ALL]
        parts = [address, ";transport=", Subst.RCV_PROTO if arrival else Subst.SND_PROTO]
        return [*parts, Subst.RCV_NAME if arrival else Subst.SND_NAME] if self.sockname_mode else parts

    def _sender(self, ctx: Context) -> str:
        came = ctx.msg.received
        host = bracketed(came.src_ip)
        number = PROTO_NUMBERS[came.proto]
        if self.received_format:
            return f"{host}~{came.src_port}~{number}"
        transport = "" if came.proto == "udp" else f"%3Btransport%3D{_TRANSPORTS[str(number)]}"
        return f"sip:{host}:{came.src_port}{transport}"

    # -- following them -------------------------------------------------------------------------------------------
    def _routed(self, ctx: Context, route_params: str, _: object) -> None:
        """loose_route() found a Route of ours: the address in its parameter is where the request goes."""
        try:
            params = parse_params(route_params)[0]
        except SipError:
            self._error("failed to parse route parameters")
            return
        name = self.received_name
        any_case = name == "received"
        found = [p.value for p in params if p.name == name or (any_case and p.name.lower() == name)]
        value = found[-1] if found else None
        if not value:
            return
        if len(value) + _ROOM > MAX_URI:
            self._error(f"received uri is too long: {len(value)}")
            return
        uri = self._as_alias(value) if self.received_format else self._as_uri(value)
        if uri is not None:
            ctx.msg.dst_uri = uri
            ctx.ruri_consumed = False

    def _as_uri(self, value: str) -> str | None:
        try:
            return from_percent(value)
        except TransformationFailed:
            self._error("unescaping received failed")
            return None

    def _as_alias(self, value: str) -> str | None:
        """`ip~port~proto` as a URI; only the first digit of `proto` counts."""
        parts = value.split("~", 2)
        uri = f"sip:{':'.join(parts[:2])}"
        if len(parts) < 3:
            return uri
        if not parts[2]:
            self._error("invalid received format")
            return None
        transport = _TRANSPORTS.get(parts[2][0])
        if transport is None:
            self._error("unknown proto in received param")
            return None
        return uri if transport == "udp" else f"{uri};transport={transport}"
