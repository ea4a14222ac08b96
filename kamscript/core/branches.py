"""The destination set: branches added beside the request URI (core/dset.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket


class Branch:
    """One more destination of the request. `q` is in thousandths, -1 unset; `flags` are branch flags."""

    __slots__ = (
        "dst_uri",
        "flags",
        "instance",
        "location_ua",
        "otcpid",
        "path",
        "q",
        "reg_id",
        "ruid",
        "socket",
        "uri",
    )

    def __init__(
        self,
        uri: str,
        *,
        q: int = -1,
        dst_uri: str = "",
        path: str = "",
        flags: int = 0,
        socket: ListenSocket | None = None,
        instance: str = "",
        ruid: str = "",
        location_ua: str = "",
        reg_id: int = 0,
        otcpid: int = 0,
    ) -> None:
        self.uri, self.q, self.dst_uri, self.path, self.flags, self.socket = uri, q, dst_uri, path, flags, socket
        self.instance, self.ruid, self.location_ua, self.reg_id, self.otcpid = (
            instance,
            ruid,
            location_ua,
            reg_id,
            otcpid,
        )
