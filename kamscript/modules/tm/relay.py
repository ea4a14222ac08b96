"""Forwarding: t_relay and its kin, CANCEL, the branches of a request (tm/t_funcs.c, t_fwd.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.core import dns
from kamscript.core.errors import (
    E_BAD_ADDRESS,
    E_BAD_VIA,
    E_CANCELED,
    E_SCRIPT,
    E_SEND,
    E_TOO_MANY_BRANCHES,
    E_UNSPEC,
)
from kamscript.core.forward import forward, forward_request
from kamscript.module import Route
from kamscript.modules.tm.branches import Branches, Proxy
from kamscript.modules.tm.callbacks import (
    TMCB_ACK_NEG_IN,
    TMCB_REQUEST_FWDED,
    TMCB_REQUEST_OUT,
)
from kamscript.modules.tm.transaction import (
    KR_ERROR_DELAYED,
    KR_FORWARDED,
    T_AUTO_INV_100,
    T_CANCELED,
    T_DISABLE_INTERNAL_REPLY,
    T_IS_LOCAL,
    ClientBranch,
    Transaction,
)

if TYPE_CHECKING:
    from kamscript.core.branches import Branch
    from kamscript.core.context import Context
    from kamscript.core.sockets import Destination

#: Kamailio's error for "the script forbids it" (a branch route dropped the branch, nothing to forward).
E_CFG: Final = -6


class Relay(Branches):
    """From a request that came in to the requests that go out."""

    # -- t_relay --------------------------------------------------------------------------------------------------
    def relay(self, ctx: Context, destination: Destination | None = None, *, replicate: bool = False) -> int:
        """See `TmApi`."""
        proxy = Proxy(destination.ip, destination.port, destination.proto) if destination is not None else None
        return self.relay_to(ctx, proxy, "", replicate=replicate)

    def relay_to(self, ctx: Context, proxy: Proxy | None = None, proto: str = "", *, replicate: bool = False) -> int:
        """t_relay() and its kin: in a failure route add branches, else make the transaction and forward."""
        route = ctx.route
        if (route is Route.FAILURE or route is Route.BRANCH_FAILURE) and not replicate:
            t = ctx.t
            if t is None:
                return -1
            result = self.forward(ctx, t, proxy, proto)
            if result <= 0:
                if result != E_CFG:
                    self.server.log.error("tm", "t_forward_nonack failed")
                self.tm_error = ctx.ser_error
                return -1
            return 1
        return self._relay_request(ctx, proxy, proto, replicate)

    def _relay_request(self, ctx: Context, proxy: Proxy | None, proto: str, replicate: bool) -> int:
        msg = ctx.msg
        method = msg.method
        if method == "CANCEL":
            result = self._forward_cancel(ctx, proxy, proto)
            t = ctx.t
            return self._relayed(ctx, t, result, replicate) if t is not None else result
        made = self.newtran(ctx)
        fresh = made == 1
        if made != E_SCRIPT:
            if made < 0:
                ctx.ser_error = made
                return 0 if made == E_BAD_VIA and self.server.settings["reply_to_via"] else made
            if made == 0:
                return 1
        elif method == "ACK":
            t = ctx.t
            assert t is not None
            self.server.log.warning("tm", "negative or local ACK caught, please report")
            if t.types & TMCB_ACK_NEG_IN:
                self.tell(TMCB_ACK_NEG_IN, t, ctx, msg, None, 4)
            self.acknowledged(t)
            return 1
        if method == "ACK":
            return self._forward_statelessly(ctx, proxy, proto)
        t = ctx.t
        assert t is not None
        if replicate:
            t.flags |= T_IS_LOCAL
        if t.flags & T_AUTO_INV_100 and t.is_invite and t.status < 100:
            self.reply_with(ctx, t, msg, 100, self.cfg["auto_inv_100_reason"])
        result = self.forward(ctx, t, proxy, proto, fresh=fresh)
        return self._relayed(ctx, t, result, replicate)

    def _relayed(self, ctx: Context, t: Transaction, result: int, replicate: bool) -> int:
        if result > 0:
            return result
        if replicate:
            self.release(t)
            return result
        self.tm_error = ctx.ser_error
        if t.flags & T_DISABLE_INTERNAL_REPLY:
            return -4
        if not self.delayed_reply:
            if self.kill(t, ctx.ser_error, ctx) <= 0:
                self.release(t)
            return result
        t.kept |= KR_ERROR_DELAYED
        return result

    def _forward_statelessly(self, ctx: Context, proxy: Proxy | None, proto: str) -> int:
        if proxy is not None:
            result = forward_request(ctx, proxy.host, proxy.port, proto or proxy.proto)
        elif dns.uri_target(ctx.msg.dst_uri or ctx.msg.current_uri()) is None:
            result = ctx.ser_error = E_BAD_ADDRESS
        else:
            result = forward(ctx, proto=proto)
        return 1 if result >= 0 else result

    # -- CANCEL ---------------------------------------------------------------------------------------------------
    def _forward_cancel(self, ctx: Context, proxy: Proxy | None, proto: str) -> int:
        """A CANCEL is relayed (t_forward_cancel): to the branches of its INVITE, else as `unmatched_cancel` says."""
        mode = self.cfg["unmatched_cancel"]
        t_invite = self.match_canceled(ctx.msg) if mode else None
        if mode == 0 or t_invite is not None:
            made = self.newtran(ctx)
            if made <= 0 and made != E_SCRIPT:
                ctx_t, ctx.t = ctx.t, None
                if made == 0:
                    ctx.t = ctx_t
                    return 1
                ctx.ser_error = made
                return 0 if made == E_BAD_VIA and self.server.settings["reply_to_via"] else made
            t = ctx.t
            assert t is not None
            if t_invite is not None:
                self.cancel_end_to_end(ctx, t, t_invite)
                return 1
            return self.forward(ctx, t, proxy, proto, fresh=made == 1)
        if mode == 2:
            return 1
        return min(self._forward_statelessly(ctx, proxy, proto), 0)

    def relay_cancel(self, ctx: Context) -> int:
        """t_relay_cancel(): 0 when the CANCEL matched an INVITE and was dealt with, 1 when not, <0 error."""
        t_invite = self.match_canceled(ctx.msg)
        if t_invite is None:
            return 1
        made = self.newtran(ctx)
        if made <= 0 and made != E_SCRIPT:
            if made == 0 or (made == E_BAD_VIA and self.server.settings["reply_to_via"]):
                return 0
            return made
        assert ctx.t is not None
        self.cancel_end_to_end(ctx, ctx.t, t_invite)
        return 0

    # -- forwarding -----------------------------------------------------------------------------------------------
    def forward(self, ctx: Context, t: Transaction, proxy: Proxy | None, proto: str, *, fresh: bool = False) -> int:
        """Make branches of the request URI and the destination set and send them (t_forward_nonack): 1, or <0."""
        msg = ctx.msg
        if t.flags & T_CANCELED:
            return self._canceled(ctx, t, ctx.bflags)
        if msg.method == "CANCEL":
            t_invite = self.match_canceled(msg)
            if t_invite is not None:
                self.cancel_end_to_end(ctx, t, t_invite)
                t.kept |= KR_FORWARDED
                return 1
        first = len(t.branches)
        branch_route = t.on_branch
        if branch_route:
            t.on_branch_delayed = branch_route
            t.on_branch = ""
        if first == 0 and not fresh and ctx.route is Route.REQUEST:
            self.save_edits(t, msg)
        lowest = E_UNSPEC
        tried = 0
        added: list[ClientBranch] = []
        kept_flags = ctx.bflags
        if not ctx.ruri_consumed:
            tried = 1
            result = self.add_branch(ctx, t, msg.current_uri(), msg.dst_uri, msg.path, proxy, proto, branch_route)
            if t.flags & T_CANCELED:
                return self._canceled(ctx, t, kept_flags)
            if isinstance(result, ClientBranch):
                added.append(result)
            else:
                lowest = min(lowest, result)
        if ctx.branches:
            for more in ctx.branches:
                tried += 1
                ctx.bflags = more.flags
                result = self.add_branch(
                    ctx, t, more.uri, more.dst_uri, more.path, proxy, proto, branch_route, more=more
                )
                if t.flags & T_CANCELED:
                    return self._canceled(ctx, t, kept_flags)
                if isinstance(result, ClientBranch):
                    added.append(result)
                else:
                    lowest = min(lowest, result)
            ctx.branches = []
        ctx.bflags = kept_flags
        ctx.ruri_q = -1
        ctx.ruri_consumed = True
        request = t.request
        if request is not None:
            request.flags = msg.flags
        if not added:
            if not tried:
                self.server.log.error("tm", "no branches for forwarding")
                ctx.ser_error = min(lowest, E_CFG)
                return -1
            if lowest != E_CFG:
                self.server.log.error("tm", "failure to add branches")
            ctx.ser_error = lowest
            return lowest
        added[0].first_of_set = True
        ctx.ser_error = 0
        sent = False
        for branch in added:
            result = self.send_branch(t, branch, ctx)
            if result == branch.index:
                sent = True
                if t.types & TMCB_REQUEST_OUT:
                    self.tell(TMCB_REQUEST_OUT, t, ctx, msg, None, 0, branch.index, 0, branch.text, branch.destination)
            elif result >= 0:
                added.append(t.branches[result])
        if not sent:
            ctx.ser_error = E_SEND
            return -1
        t.kept |= KR_FORWARDED
        return 1

    def _canceled(self, ctx: Context, t: Transaction, bflags: int) -> int:
        ctx.bflags = bflags
        ctx.branches = []
        ctx.ruri_q = -1
        ctx.ruri_consumed = True
        if t.request is not None:
            t.request.flags = ctx.msg.flags
        ctx.ser_error = E_CANCELED
        return -1

    def add_branch(
        self,
        ctx: Context,
        t: Transaction,
        uri: str,
        dst_uri: str,
        path: str,
        proxy: Proxy | None,
        proto: str,
        branch_route: str = "",
        *,
        more: Branch | None = None,
    ) -> ClientBranch | int:
        """One more branch, ready to be sent (add_uac): its branch route run, its text built; or an error code."""
        msg = ctx.msg
        index = len(t.branches)
        if index >= self.max_branches:
            self.server.log.error("tm", "maximum number of branches exceeded")
            ctx.ser_error = E_TOO_MANY_BRANCHES
            return E_TOO_MANY_BRANCHES
        branch = ClientBranch(t, index)
        if more is None:
            forced = msg.force_send_socket
            branch.instance, branch.ruid, branch.location_ua = msg.instance, msg.ruid, msg.location_ua
        else:
            forced = more.socket
            branch.instance, branch.ruid, branch.location_ua = more.instance, more.ruid, more.location_ua
        next_hop = dst_uri or uri
        listeners = t.types & TMCB_REQUEST_FWDED
        if not branch_route and not listeners:
            error = self._prepare(ctx, t, branch, uri, path, next_hop, forced, proxy, proto)
        else:
            kept = (msg.new_uri, msg.dst_uri, msg.path, msg.instance, msg.ruid, msg.location_ua, msg.force_send_socket)
            mark = msg.edits.mark()
            msg.new_uri, msg.path, msg.dst_uri = uri, path, dst_uri
            msg.instance, msg.ruid, msg.location_ua = branch.instance, branch.ruid, branch.location_ua
            error = 0
            if branch_route:
                msg.force_send_socket = forced
                if not self._run_branch_route(ctx, t, branch, branch_route):
                    error = E_CFG
                forced = msg.force_send_socket
            if not error:
                if listeners:
                    self.tell(TMCB_REQUEST_FWDED, t, ctx, msg, None, 0, index)
                uri, path = msg.current_uri(), msg.path
                next_hop = msg.dst_uri or next_hop
                branch.instance, branch.ruid, branch.location_ua = msg.instance, msg.ruid, msg.location_ua
                error = self._prepare(ctx, t, branch, uri, path, next_hop, forced, proxy, proto)
            (
                msg.new_uri,
                msg.dst_uri,
                msg.path,
                msg.instance,
                msg.ruid,
                msg.location_ua,
                msg.force_send_socket,
            ) = kept
            msg.edits.rollback(mark)
        if error:
            ctx.ser_error = error
            return error
        branch.branch_flags = ctx.bflags
        t.branches.append(branch)
        return branch

    def _run_branch_route(self, ctx: Context, t: Transaction, branch: ClientBranch, name: str) -> bool:
        """Run branch_route[name] for a branch that is being made; False: the script dropped the branch."""
        function = self.server.route_function(Route.BRANCH, name)
        if function is None:
            return True
        route, index = ctx.route, ctx.branch
        ctx.route, ctx.branch = Route.BRANCH, branch.index
        dropped, exited = ctx.drop, ctx.exited
        ctx.drop = ctx.exited = False
        self.server.run_top(function, ctx)
        going = not ctx.drop
        ctx.route, ctx.branch, ctx.drop, ctx.exited = route, index, dropped, exited
        return going
