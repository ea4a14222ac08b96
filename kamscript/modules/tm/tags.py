"""To-tags of replies that this server makes (core/tags.h).

A tag is a part that identifies the server and a part that depends on the request only, so that a reply made again
carries the same tag, and the ACK to it is recognised without state.
"""

from __future__ import annotations

import hashlib
from binascii import crc32
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.sip.message import Message


@lru_cache(64)
def digest(identity: str) -> str:
    """The MD5 of what identifies a server, in hex; many servers of a test run have the same."""
    return hashlib.md5(identity.encode("latin-1"), usedforsecurity=False).hexdigest()


class Tags:
    """Makes tags of 41 characters: `<md5 of signature and first socket><separator><8 hex digits>`."""

    __slots__ = ("_prefix",)

    def __init__(self, server: Server, signature: str, separator: str) -> None:
        first = server.sockets[0] if server.sockets else None
        identity = signature + (f"{first.address}{first.port}" if first is not None else "")
        self._prefix = digest(identity) + separator

    def make(self, msg: Message) -> str:
        """The tag for replies to `msg`."""
        via = msg.top_via
        if via is None:
            return self._prefix + "00000000"
        # Kamailio's checksums end where a port is missing.
        identity = f"{via.host}{via.port}{via.branch}{msg.callid}" if via.port_text else via.host
        return f"{self._prefix}{crc32(identity.encode('latin-1')):08x}"
