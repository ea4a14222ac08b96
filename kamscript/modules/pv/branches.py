"""The destination set: `$branch $sbranch $br $bR` and the static branch's functions (modules/pv/pv_branch.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core.branches import MAX_PATH, MAX_URI, Branch, append_branch, drop_branch, format_q
from kamscript.module import Accessor, FixupError, PvRef, Route, function, pv, pv_class
from kamscript.modules.pv.network import split_socket
from kamscript.values import Value, wrap

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

_NAMES = ("uri", "dst_uri", "path", "q", "send_socket", "count", "flags", "ruid", "location_ua", "otcpid", "instance")


class Branches:
    """The part of the pv module that works on branches."""

    server: Server

    @pv("br", setter="_set_br")
    def _br(self, ctx: Context) -> Value:
        """URI of the first branch of the destination set. Assigning adds a branch."""
        if not ctx.msg.is_request or not ctx.branches:
            return None
        return ctx.branches[0].uri

    def _set_br(self, ctx: Context, value: Value) -> bool:
        if not isinstance(value, str) or not value:
            ctx.server.log.error("pv", "str value required to set the branch")
            return False
        return append_branch(ctx, Branch(value, socket=ctx.msg.force_send_socket))

    @pv("bR")
    def _bR(self, ctx: Context) -> Value:
        """URIs of all branches of the destination set, with their q, joined by `, `."""
        if not ctx.msg.is_request or not ctx.branches:
            return None
        return ", ".join(
            branch.uri if branch.q < 0 else f"<{branch.uri}>;q={format_q(branch.q)}" for branch in ctx.branches
        )

    @pv_class("branch")
    def _branch(self, ref: PvRef) -> Accessor:
        """A branch of the destination set by `[index]`: `uri dst_uri path q send_socket count flags ruid location_ua
        otcpid instance`; `$null` to `uri` removes it."""
        name, index = _name(ref), ref.index

        def find(ctx: Context) -> tuple[Branch, int] | None:
            at: Any = 0 if index is None or index == "*" else index  # "all" is the first here
            if isinstance(at, Accessor):
                at = at.get(ctx)
            if not isinstance(at, int):
                ctx.server.log.error("pv", "invalid index")
                return None
            if at < 0:
                at += len(ctx.branches)
            return (ctx.branches[at], at) if 0 <= at < len(ctx.branches) else None

        def get(ctx: Context) -> Value:
            found = find(ctx)
            return None if found is None else _read(found[0], name, ctx)

        def set(ctx: Context, value: Value) -> bool:
            found = find(ctx)
            if found is None:
                return False
            branch, at = found
            if name == "uri" and (value is None or value == ""):
                drop_branch(ctx, at)
                return True
            return _write(branch, name, value, ctx)

        return Accessor(get, set)

    @pv_class("sbranch", since="4.4")
    def _sbranch(self, ref: PvRef) -> Accessor:
        """The static branch, which belongs to no message until `sbranch_append()` or `sbranch_set_ruri()`."""
        name = _name(ref)

        def get(ctx: Context) -> Value:
            branch = self._static()
            if name == "count":
                return len(ctx.branches)
            if not branch.uri:
                ctx.server.log.error("pv", "error accessing branch [0]")
                return None
            return _read(branch, name, ctx)

        def set(ctx: Context, value: Value) -> bool:
            if name == "uri" and (value is None or value == ""):
                self.server.shared["pv.sbranch"] = Branch("", q=0)
                return True
            return _write(self._static(), name, value, ctx)

        return Accessor(get, set)

    def _static(self) -> Branch:
        branch: Branch = self.server.shared.setdefault("pv.sbranch", Branch("", q=0))
        return branch

    @function(Route.ANY)
    def sbranch_set_ruri(self, ctx: Context) -> int:
        """Make the static branch the request URI, with its destination, flags and the rest."""
        branch, msg = self._static(), ctx.msg
        if not branch.uri:
            return -1
        msg.new_uri = branch.uri
        ctx.ruri_consumed = False
        msg.dst_uri = branch.dst_uri
        msg.path = branch.path
        msg.instance, msg.ruid, msg.location_ua = branch.instance, branch.ruid, branch.location_ua
        if branch.socket is not None:
            msg.force_send_socket = branch.socket
        msg.reg_id, msg.otcpid = branch.reg_id, branch.otcpid
        ctx.ruri_q = branch.q
        ctx.bflags |= branch.flags
        return 1

    @function(Route.ANY)
    def sbranch_append(self, ctx: Context) -> int:
        """Add the static branch to the destination set."""
        branch = self._static()
        if not branch.uri:
            return -1
        return 1 if append_branch(ctx, _copy(branch)) else -1

    @function(Route.ANY)
    def sbranch_reset(self, ctx: Context) -> bool:
        """Empty the static branch."""
        self.server.shared["pv.sbranch"] = Branch("", q=0)
        return True


def _copy(branch: Branch) -> Branch:
    return Branch(
        branch.uri,
        q=branch.q,
        dst_uri=branch.dst_uri,
        path=branch.path,
        flags=branch.flags,
        socket=branch.socket,
        instance=branch.instance,
        ruid=branch.ruid,
        location_ua=branch.location_ua,
        reg_id=branch.reg_id,
        otcpid=branch.otcpid,
    )


def _name(ref: PvRef) -> str:
    inner = ref.inner
    name = "q" if inner == "Q" else inner
    if not isinstance(name, str) or name not in _NAMES:
        raise FixupError(f"unknown name in ${ref.name}({inner}): one of {', '.join(_NAMES)} is possible")
    return name


def _read(branch: Branch, name: str, ctx: Context) -> Value:
    if name == "count":
        return len(ctx.branches)
    if name == "q":
        return branch.q if branch.q >= 0 else None
    if name == "send_socket":
        return None if branch.socket is None else branch.socket.text
    if name in ("flags", "otcpid"):
        return wrap(getattr(branch, name))
    return getattr(branch, name) or None


def _write(branch: Branch, name: str, value: Value, ctx: Context) -> bool:
    log = ctx.server.log
    if name in ("count", "ruid", "location_ua", "instance"):
        return True  # these cannot be written; trying to is no error
    if name in ("q", "flags", "otcpid"):
        if value is None:
            value = -1 if name == "q" else 0
        if not isinstance(value, int):
            log.error("pv", f"int value required to set branch {name}")
            return False
        setattr(branch, name, value & 0xFFFFFFFF if name == "flags" else value)
        return True
    if value is not None and not isinstance(value, str):
        log.error("pv", f"str value required to set branch {name}")
        return False
    text = value or ""
    if name == "send_socket":
        branch.socket = None
        if text:
            parts = split_socket(text)
            if parts is None:
                log.error("pv", "invalid socket specification")
                return False
            proto, host, port = parts
            branch.socket = ctx.server.find_socket(host, port, proto)
            if branch.socket is None:
                log.warning("pv", f"no socket found to match [{text}]")
        return True
    if len(text) > (MAX_PATH if name == "path" else MAX_URI):
        log.error("pv", f"too long {name}: {text}")
        return False
    setattr(branch, name, text)
    return True
