"""The core's own commands: what a script may call without loading any module (core/action.c, core/cfg.y).

They are syntax in Kamailio's grammar, so they have no routes they are forbidden in. `exit`, `drop`, `return`, `route()`
and the like are statements and belong to the compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.branches import drop_branch
from kamscript.core.build import MTU_FLAGS
from kamscript.core.core_rpc import CoreRpc
from kamscript.core.dns import literal
from kamscript.core.errors import E_BAD_ADDRESS
from kamscript.core.forward import forward
from kamscript.core.log import L_DBG
from kamscript.core.rewrite import revert_uri, rewrite, set_uri
from kamscript.core.sockets import SEND_CLOSE, SEND_NO_CONNECT, ListenSocket
from kamscript.module import Any_, Const, FixupError, Int, Route, Str, function
from kamscript.sip.message import FL_ADD_LOCAL_RPORT, FL_FORCE_RPORT

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.script.nodes import SocketId


class CoreCommands(CoreRpc, name="core"):
    """The core of the server, seen as a module: its commands for scripts and its RPC commands."""

    # -- the request URI ------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def sethost(self, ctx: Context, host: Str) -> int:
        """Replace the host of the request URI (rewritehost, seth)."""
        return rewrite(ctx, "host", host)

    @function(Route.ANY)
    def sethostport(self, ctx: Context, host: Str) -> int:
        """Replace host and port of the request URI by `host` or `host:port` (rewritehostport, sethp)."""
        return rewrite(ctx, "hostport", host)

    @function(Route.ANY)
    def sethostporttrans(self, ctx: Context, host: Str) -> int:
        """Replace host, port and transport of the request URI (rewritehostporttrans, sethpt)."""
        return rewrite(ctx, "hostporttrans", host)

    @function(Route.ANY)
    def setuser(self, ctx: Context, user: Str) -> int:
        """Replace the user of the request URI (rewriteuser, setu)."""
        return rewrite(ctx, "user", user)

    @function(Route.ANY)
    def setuserpass(self, ctx: Context, user: Str) -> int:
        """Replace user and password of the request URI (rewriteuserpass, setup)."""
        return rewrite(ctx, "userpass", user)

    @function(Route.ANY)
    def setport(self, ctx: Context, port: Str) -> int:
        """Replace the port of the request URI (rewriteport, setp); an empty text removes it."""
        return rewrite(ctx, "port", port)

    @function(Route.ANY)
    def seturi(self, ctx: Context, uri: Str) -> int:
        """Replace the request URI (rewriteuri)."""
        return set_uri(ctx, uri)

    @function(Route.ANY)
    def revert_uri(self, ctx: Context) -> int:
        """Take the request URI back to what was received."""
        return revert_uri(ctx)

    @function(Route.ANY)
    def prefix(self, ctx: Context, text: Str) -> int:
        """Put a text in front of the user of the request URI."""
        return rewrite(ctx, "prefix", text)

    @function(Route.ANY)
    def strip(self, ctx: Context, count: Int) -> int:
        """Cut the first characters off the user of the request URI."""
        return rewrite(ctx, "strip", count=count)

    @function(Route.ANY)
    def strip_tail(self, ctx: Context, count: Int) -> int:
        """Cut the last characters off the user of the request URI."""
        return rewrite(ctx, "strip_tail", count=count)

    @function(Route.ANY)
    def userphone(self, ctx: Context) -> int:
        """Add `user=phone` to the request URI."""
        return rewrite(ctx, "userphone")

    # -- branches -------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def clear_branches(self, ctx: Context) -> int:
        """Empty the destination set."""
        ctx.branches.clear()
        return 1

    @function(Route.ANY)
    def remove_branch(self, ctx: Context, index: Int = 0) -> int:
        """Take branch `index` (0 the first; negative: from the end) out of the destination set."""
        drop_branch(ctx, index)
        return 1

    # -- sending --------------------------------------------------------------------------------------------------
    @function(Route.ANY, arity=(0, 1, 2))
    def forward(self, ctx: Context, host: Const = "", port: Any_ = None) -> int:
        """Send the request on without state: to its destination or request URI, or to a host and port."""
        return self._forward(ctx, host, port, "")

    @function(Route.ANY, arity=(0, 1, 2))
    def forward_udp(self, ctx: Context, host: Const = "", port: Any_ = None) -> int:
        """Send the request on over UDP without state, as forward() does."""
        return self._forward(ctx, host, port, "udp")

    @function(Route.ANY, arity=(0, 1, 2))
    def forward_tcp(self, ctx: Context, host: Const = "", port: Any_ = None) -> int:
        """Send the request on over TCP without state, as forward() does."""
        return self._forward(ctx, host, port, "tcp")

    @function(Route.ANY, arity=(0, 1, 2))
    def forward_tls(self, ctx: Context, host: Const = "", port: Any_ = None) -> int:
        """Send the request on over TLS without state, as forward() does."""
        return self._forward(ctx, host, port, "tls")

    @function(Route.ANY, arity=(0, 1, 2))
    def forward_sctp(self, ctx: Context, host: Const = "", port: Any_ = None) -> int:
        """Send the request on over SCTP, which is not spoken here: fails as on a server without SCTP sockets."""
        return self._forward(ctx, host, port, "sctp")

    def _forward(self, ctx: Context, host: str, port: object, proto: str) -> int:
        number = int(port) if isinstance(port, int) else None
        if host in ("", "uri:host"):
            return forward(ctx, "", number, proto)
        return forward(ctx, host, number, proto)

    @function(Route.ANY)
    def force_send_socket(self, ctx: Context, socket: Any_) -> int:
        """Send this request from one of the listen addresses: `proto:host:port`."""
        found = self.socket_of(socket)  # type: ignore[arg-type]
        if found is None:
            return E_BAD_ADDRESS
        ctx.msg.force_send_socket = found
        return 1

    def socket_of(self, socket: SocketId) -> ListenSocket | None:
        """The listen socket that `socket` names; transport UDP and port 5060 unless written. None: no such one."""
        host = socket.hosts[0]
        address = literal(host) or next(iter(self.server.dns.addresses(host, self.server.dns.flags)), "")
        port = socket.port or 5060
        proto = socket.proto if socket.proto not in ("", "*") else "udp"
        found = self.server.names.find_address(address, port, proto)
        if found is None:
            text = f"bad force_send_socket argument: {host}:{port} (the server doesn't listen on it)"
            self.server.log.error("<core>", text)
        return found

    def check_socket(self, socket: SocketId) -> None:
        """Raise FixupError when the server would refuse to start for a force_send_socket() of `socket`."""
        if self.socket_of(socket) is None:
            raise FixupError(f"the server does not listen on {socket.hosts[0]}:{socket.port or 5060}")

    @function(Route.ANY)
    def force_rport(self, ctx: Context) -> int:
        """Reply to the port the message came from, as if it had asked for it with rport (add_rport)."""
        ctx.msg.msg_flags |= FL_FORCE_RPORT
        return 1

    @function(Route.ANY)
    def add_local_rport(self, ctx: Context) -> int:
        """Ask the next hop to reply to our source port: rport in our Via."""
        ctx.msg.msg_flags |= FL_ADD_LOCAL_RPORT
        return 1

    @function(Route.ANY)
    def set_advertised_address(self, ctx: Context, address: Str) -> int:
        """Show this host in Via and Record-Route of the message."""
        ctx.msg.set_global_address = address
        return 1

    @function(Route.ANY)
    def set_advertised_port(self, ctx: Context, port: Int) -> int:
        """Show this port in Via and Record-Route of the message."""
        ctx.msg.set_global_port = str(port)
        return 1

    @function(Route.ANY)
    def udp_mtu_try_proto(self, ctx: Context, proto: Str) -> int:
        """Send the request over this transport when it is longer than udp_mtu."""
        ctx.msg.msg_flags |= MTU_FLAGS.get(proto, 0)
        return 1

    @function(Route.ANY)
    def force_tcp_alias(self, ctx: Context, port: Int = 0) -> int:
        """Requests for the sender's address and this port (default: Via's) may use the connection it came over."""
        source = ctx.msg.received
        via = ctx.msg.top_via
        if source.proto in ("tcp", "tls") and via is not None:
            self.server.add_stream_alias(source, port or via.port or 5060)
        return 1

    @function(Route.ANY)
    def set_forward_no_connect(self, ctx: Context) -> int:
        """Send the request on over an open connection only."""
        ctx.fwd_flags |= SEND_NO_CONNECT
        return 1

    @function(Route.ANY)
    def set_reply_no_connect(self, ctx: Context) -> int:
        """Send replies over an open connection only."""
        ctx.rpl_flags |= SEND_NO_CONNECT
        return 1

    @function(Route.ANY)
    def set_forward_close(self, ctx: Context) -> int:
        """Close the connection behind the forwarded request."""
        ctx.fwd_flags |= SEND_CLOSE
        return 1

    @function(Route.ANY)
    def set_reply_close(self, ctx: Context) -> int:
        """Close the connection behind the reply."""
        ctx.rpl_flags |= SEND_CLOSE
        return 1

    # -- flags ----------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def setflag(self, ctx: Context, flag: Int) -> int:
        """Set a message flag (0 to 31)."""
        ctx.msg.flags |= 1 << flag
        return 1

    @function(Route.ANY)
    def resetflag(self, ctx: Context, flag: Int) -> int:
        """Clear a message flag."""
        ctx.msg.flags &= ~(1 << flag)
        return 1

    @function(Route.ANY)
    def isflagset(self, ctx: Context, flag: Int) -> int:
        """Whether a message flag is set."""
        return 1 if ctx.msg.flags & 1 << flag else -1

    @function(Route.ANY)
    def setavpflag(self, ctx: Context, avp: Any_, flag: Int) -> int:
        """Set a flag of an AVP; false when there is no such AVP."""
        return 1 if ctx.avps.flag(avp, 1 << flag, True) else -1  # type: ignore[arg-type]

    @function(Route.ANY)
    def resetavpflag(self, ctx: Context, avp: Any_, flag: Int) -> int:
        """Clear a flag of an AVP; false, as the flag is not set then."""
        return 1 if ctx.avps.flag(avp, 1 << flag, False) else -1  # type: ignore[arg-type]

    @function(Route.ANY)
    def isavpflagset(self, ctx: Context, avp: Any_, flag: Int) -> int:
        """Whether a flag of an AVP is set."""
        return 1 if ctx.avps.flag(avp, 1 << flag) else -1  # type: ignore[arg-type]

    # -- the rest -------------------------------------------------------------------------------------------------
    @function(Route.ANY, arity=(1, 2))
    def log(self, ctx: Context, level: Any_, text: Any_ = None) -> int:
        """Write a log line; the level comes first (default 4: below DEBUG)."""
        if text is None:
            level, text = L_DBG + 1, level
        assert isinstance(level, int)
        self.server.log.write(level, "<script>", str(text), ctx)
        return 1

    @function(Route.ANY)
    def error(self, ctx: Context, code: Str, text: Str) -> int:
        """Does nothing but say so, as in Kamailio."""
        self.server.log.notice("<core>", f'error("{code}", "{text}") not implemented yet')
        return 1

    @function(Route.ANY)
    def exec(self, ctx: Context, command: Str) -> int:
        """Run a shell command and wait for it; true in any case."""
        run = self.server.environment.execute
        if run is None:
            self.server.log.error("<core>", f'exec("{command}"): commands may not be run here')
            return 1
        status = run(command)
        if status:
            self.server.log.notice("<core>", f"exec() returned {status}")
        return 1

    @function(Route.ANY)
    def cfg_select(self, ctx: Context, group: Str, instance: Int) -> int:
        """Let a group of run-time settings show instance `instance` until the message is done."""
        return 1 if self.server.cfg.select(group, instance) else -1

    @function(Route.ANY)
    def cfg_reset(self, ctx: Context, group: Str) -> int:
        """Let it show its own values again."""
        return 1 if self.server.cfg.select(group, None) else -1
