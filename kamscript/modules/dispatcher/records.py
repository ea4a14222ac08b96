"""The destinations that were selected, kept with the message: XAVPs, in 4.4 AVPs (xavp_dst, xavp_ctx, dst_avp)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.core import xavps
from kamscript.module import FixupError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.dispatcher import Dispatcher
    from kamscript.modules.dispatcher.destination import Destination

_WITHOUT_ATTRS, _WITH_SOCKET, _WITH_SOCKNAME = 1, 2, 4
_WITHOUT_COUNT = 1


class Record(NamedTuple):
    """What a message remembers of one destination."""

    uri: str
    group: int
    socket: ListenSocket | None
    duid: str


class SocketPointer(str):
    """The field `sock`: a pointer in Kamailio, shown as one."""

    socket: ListenSocket

    def __new__(cls, socket: ListenSocket) -> SocketPointer:
        self = super().__new__(cls, f"<<ptr:{id(socket):#x}>>")
        self.socket = socket
        return self


class XavpRecords:
    """Records in the XAVP `xavp_dst`."""

    def __init__(self, module: Dispatcher) -> None:
        self.module, self.name, self.mode = module, module.xavp_dst, module.xavp_dst_mode

    def put(self, ctx: Context, chosen: list[Destination], group: int, calls: bool, at: int) -> bool:
        """Remember destinations behind the first `at` records; False when one has no duid and needs it."""
        made = []
        for entry in chosen:
            if calls and not entry.duid:
                self.module.error(f"no uid for destination: {group} {entry.uri}")
                break
            made.append(self._fields(entry, group, calls))
        if made:
            xavps.xavps(ctx).setdefault(self.name, [])[at:at] = made
        return len(made) == len(chosen)

    def _fields(self, entry: Destination, group: int, calls: bool) -> dict[str, list[Any]]:
        fields: dict[str, list[Any]] = {"uri": [entry.uri], "grp": [group]}
        if self.module.newer:
            fields["dstidx"] = [entry.index]
        if entry.attrs and not self.mode & _WITHOUT_ATTRS:
            fields["attrs"] = [entry.attrs]
        if entry.socket is not None:
            fields["sock"] = [SocketPointer(entry.socket)]
            if self.mode & _WITH_SOCKET and entry.socket_text:
                fields["socket"] = [entry.socket_text]
            if self.mode & _WITH_SOCKNAME and entry.sockname:
                fields["sockname"] = [entry.sockname]
        if calls:
            fields["dstid"] = [entry.duid]
        return fields

    def count(self, ctx: Context, count: int) -> None:
        """Tell the script how many were selected."""
        if not self.module.xavp_ctx_mode & _WITHOUT_COUNT:
            xavps.push(xavps.xavps(ctx), self.module.xavp_ctx, {"cnt": [count]})

    def current(self, ctx: Context) -> Record | None:
        """The record of the destination in use."""
        fields = xavps.fields(ctx.xavps, self.name)
        uri, group = xavps.get(fields, "uri"), xavps.get(fields, "grp")
        if not isinstance(uri, str):
            return None
        sock, duid = xavps.get(fields, "sock"), xavps.get(fields, "dstid")
        socket = sock.socket if isinstance(sock, SocketPointer) else None
        return Record(uri, group if isinstance(group, int) else -1, socket, duid if isinstance(duid, str) else "")

    def drop(self, ctx: Context) -> bool:
        """Forget the destination in use; False when there was none."""
        return xavps.fields(ctx.xavps, self.name) is not None and bool(xavps.remove(ctx.xavps, self.name, 0))


class AvpRecords:
    """Records in the AVPs of 4.4: one AVP for each field, a value for each destination."""

    def __init__(self, module: Dispatcher) -> None:
        self.module = module
        self.dst, self.group, self.counted, self.duid, self.attrs, self.sock = (
            _avp_name(name, text)
            for name, text in (
                ("dst_avp", module.dst_avp),
                ("grp_avp", module.grp_avp),
                ("cnt_avp", module.cnt_avp),
                ("dstid_avp", module.dstid_avp),
                ("attrs_avp", module.attrs_avp),
                ("sock_avp", module.sock_avp),
            )
        )
        self.name = str(self.dst or "")

    def put(self, ctx: Context, chosen: list[Destination], group: int, calls: bool, at: int) -> bool:
        """Remember destinations; the first is on top."""
        avps = ctx.avps
        for entry in reversed(chosen):
            if calls and not entry.duid:
                self.module.error(f"no uid for destination: {group} {entry.uri}")
                return False
            values = (
                (self.dst, entry.uri),
                (self.attrs, entry.attrs),
                (self.sock, entry.socket.text if entry.socket else ""),
                (self.duid, entry.duid if calls else ""),
            )
            for name, value in values:
                if name is not None and value:
                    avps.push(name, value)
        if self.group is not None:
            avps.push(self.group, group)
        return True

    def count(self, ctx: Context, count: int) -> None:
        """Tell the script how many were selected."""
        if self.counted is not None:
            ctx.avps.push(self.counted, count)

    def current(self, ctx: Context) -> Record | None:
        """The record of the destination in use."""
        uri = ctx.avps.get(self.dst) if self.dst is not None else None
        if not isinstance(uri, str):
            return None
        group = ctx.avps.get(self.group) if self.group is not None else None
        duid = ctx.avps.get(self.duid) if self.duid is not None else None
        sock = ctx.avps.get(self.sock) if self.sock is not None else None
        socket = next((found for found in ctx.server.sockets if found.text == sock), None) if sock else None
        return Record(uri, group if isinstance(group, int) else -1, socket, duid if isinstance(duid, str) else "")

    def drop(self, ctx: Context) -> bool:
        """Forget the destination in use; False when there was none."""
        if self.dst is None or ctx.avps.get(self.dst) is None:
            return False
        for name in (self.dst, self.attrs, self.sock, self.duid):
            if name is not None:
                ctx.avps.delete(name)
        return True


def _avp_name(param: str, text: str | None) -> int | str | None:
    if not text:
        return None
    inner = text.removeprefix("$avp(").removesuffix(")")
    if inner == text:
        raise FixupError(f"{param}: malformed or non AVP {text}")
    inner = inner.removeprefix("s:")
    number = inner.removeprefix("i:")
    return int(number) if number.isascii() and number.isdigit() else inner
