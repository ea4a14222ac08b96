"""mi_datagram: MI commands of the 4.x generation as datagrams over a Unix or UDP socket.

    :dlg_list:                  the command; its line ends right behind the second colon
    parameter                   one a line, each perhaps `name::value`

The module says where to listen; `kamscript.live.mi` opens the socket.
Source: mi_datagram manual and modules/mi_datagram of Kamailio 4.4.
"""

from __future__ import annotations

from kamscript.module import FixupError, Module, Param


class MiDatagram(Module, name="mi_datagram"):
    """Serve MI commands over datagrams."""

    socket_name = Param("", "Path of a Unix socket, or `udp:host:port` with a port above 1023.", until="4.4")
    children_count = Param(
        1,
        "Processes that serve datagrams.",
        until="4.4",
        inert="one event loop serves all datagrams, whatever the number",
    )
    unix_socket_mode = Param(0o660, "Permissions of the Unix socket.", until="4.4")
    unix_socket_group = Param("", "Group of the Unix socket, a name or a number.", kind=object, until="4.4")
    unix_socket_user = Param("", "Owner of the Unix socket, a name or a number.", kind=object, until="4.4")
    socket_timeout = Param(
        2000,
        "Milliseconds to try to send an answer.",
        until="4.4",
        inert="an answer waits in the event loop until the client has room for it",
    )
    reply_indent = Param("\t", "What stands in front of an answer's line for each level of depth.", until="4.4")

    def start(self) -> None:
        """Check the address."""
        name = self.socket_name
        if not name:
            raise FixupError("socket_name is missing: there is nothing to listen on")
        self.address: tuple[str, int] | None = None  #: of a UDP socket
        if name.startswith("udp:"):
            host, _, port = name.removeprefix("udp:").rpartition(":")
            if not host or not (port.isascii() and port.isdecimal() and 1024 <= int(port) <= 65535):
                raise FixupError(f"socket_name is not udp:host:port with a port of 1024 to 65535: {name}")
            self.address = (host.strip("[]"), int(port))
        elif not self.unix_socket_mode:
            self.server.log.warning(self.name, "unix_socket_mode is 0: 0600 is used")
            self.unix_socket_mode = 0o600
