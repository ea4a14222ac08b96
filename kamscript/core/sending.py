"""How a server sends: sockets, onsend_route, the outbox (core/forward.h, core/onsend.c). Part of `Server`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core.running import Running
from kamscript.core.sockets import Datagram, Destination, ListenSocket, Received, Sockets, bracketed
from kamscript.module import Route

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.environment import Environment
    from kamscript.core.hooks import Hooks
    from kamscript.core.plan import Plan
    from kamscript.core.server import RouteFunction


class Sending(Running):
    """The sending side of a server; see `Server` for the attributes."""

    plan: Plan
    environment: Environment
    settings: dict[str, Any]
    hooks: Hooks
    names: Sockets
    sockets: list[ListenSocket]
    outbox: list[Datagram]
    stream_aliases: dict[tuple[str, str, int], int]
    bind: ListenSocket | None
    onsend_route: RouteFunction | None

    def send(self, socket: ListenSocket, destination: Destination, text: str) -> None:
        """Put a message into the outbox. The hot path of forward, tm and sl: no checks, no onsend_route."""
        if self.hooks.data_out:
            for hook in self.hooks.data_out:
                text = hook(text, socket, destination)
        if self.stream_aliases and not destination.connection:
            connection = self.stream_aliases.get(destination[:3])
            if connection is not None:
                destination = destination._replace(connection=connection)
        self.outbox.append(Datagram(socket, destination, text))

    def add_stream_alias(self, source: Received, port: int) -> None:
        """Let what is sent to the sender's address and `port` use the stream it came over (tcpconn_add_alias)."""
        self.stream_aliases[source.proto, source.src_ip, port] = source.connection

    def run_onsend(
        self, ctx: Context, socket: ListenSocket, destination: Destination, text: str, *, reply: bool = False
    ) -> bool:
        """Run onsend_route over `ctx.msg` about to leave as `text`; False: the script dropped it (do not send).

        True at once when there is no onsend_route, and for replies (`reply`, or a reply in `ctx.msg`) unless
        onsend_route_reply is set.
        """
        function = self.onsend_route
        if function is None:
            return True
        if (reply or not ctx.msg.is_request) and not self.settings["onsend_route_reply"]:
            return True
        kept = ctx.route, ctx.rc, ctx.exited, ctx.drop, ctx.onsend
        ctx.route, ctx.onsend = Route.ONSEND, Datagram(socket, destination, text)
        for before in self.hooks.pre_script:
            if not before(ctx):
                ctx.route, ctx.rc, ctx.exited, ctx.drop, ctx.onsend = kept
                return False
        self.run_top(function, ctx)
        dropped = ctx.drop
        for behind in self.hooks.post_script:
            behind(ctx)
        ctx.route, ctx.rc, ctx.exited, ctx.drop, ctx.onsend = kept
        return not dropped

    def get_send_socket(self, destination: Destination, forced: ListenSocket | None = None) -> ListenSocket | None:
        """The socket that sends to `destination` (get_send_socket2): `forced` where it fits, else the default.

        For UDP the default is the UDP socket that the current message came in by.
        """
        proto = destination.proto
        ipv6 = ":" in destination.ip
        if forced is not None:
            found: ListenSocket | None = forced
            if forced.proto != proto and not (forced.proto == "tls" and proto == "ws"):
                found = self.names.find_address(forced.address, forced.port, proto)
                if found is None:
                    self.log.warning(
                        "<core>",
                        f"protocol/port mismatch (forced {forced.text}, to {proto}:{bracketed(destination.ip)}:"
                        f"{destination.port})",
                    )
            if found is not None and found.ipv6 == ipv6:
                return found
        if proto == "udp":
            if self.settings["mhomed"] and self.environment.source_address is not None:
                own = self.environment.source_address(destination.ip)
                found = self.names.find_address(own, 0, "udp") if own else None
                if found is None:
                    self.log.error("<core>", f"no corresponding socket found for(udp:{destination.ip})")
                return found
            bind = self.bind
            if bind is not None and bind.proto == "udp" and bind.ipv6 == ipv6:
                return bind
        return self.names.default(proto, ipv6)

    def default_socket(self, proto: str, ipv6: bool = False) -> ListenSocket | None:
        """The socket that sends for a transport and address family outside of any message."""
        return self.names.default(proto, ipv6)

    def find_socket(self, host: str, port: int, proto: str) -> ListenSocket | None:
        """The socket that listens on this address or advertises it (grep_sock_info); 0 and "" match any."""
        return self.names.find(host, port, proto)

    def is_myself(self, host: str, port: int = 0, proto: str = "") -> bool:
        """Whether host, port, transport name this server (check_self): sockets, aliases, `hooks.myself`.

        0 and "" match any.
        """
        if self.names.is_own(host, port, proto):
            return True
        hooks = self.hooks.myself
        return bool(hooks) and any(hook(host, port, proto) for hook in hooks)

    @property
    def domain(self) -> str:
        """What this server is called: the config's first alias, else the address it listens on first."""
        if self.plan.names:
            return bracketed(self.plan.names[0].host)
        return self.sockets[0].via_host if self.sockets else "localhost"
