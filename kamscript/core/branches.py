"""The destination set: branches added beside the request URI (core/dset.c, core/qvalue.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.errors import E_TOO_MANY_BRANCHES

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import ListenSocket

#: Longest URI that a branch, and longest Path that it takes (MAX_URI_SIZE - 1, MAX_PATH_SIZE - 1).
MAX_URI, MAX_PATH = 1023, 255


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
        self.instance, self.ruid, self.location_ua = instance, ruid, location_ua
        self.reg_id, self.otcpid = reg_id, otcpid


def append_branch(ctx: Context, branch: Branch) -> bool:
    """Add to the destination set; False, an error line and `ser_error` when it is full or a text is too long."""
    server = ctx.server
    if len(ctx.branches) >= server.settings["max_branches"] - 1:
        server.log.error("<core>", "max nr of branches exceeded")
        ctx.ser_error = E_TOO_MANY_BRANCHES
        return False
    for name, text, limit in (
        ("uri", branch.uri, MAX_URI),
        ("dst_uri", branch.dst_uri, MAX_URI),
        ("path", branch.path, MAX_PATH),
    ):
        if len(text) > limit:
            server.log.error("<core>", f"too long {name}: {text}")
            return False
    ctx.branches.append(branch)
    return True


def append_current(ctx: Context, uri: str = "", q: int = -1) -> int:
    """append_branch() of scripts: the URI given, or the current one with all that belongs to it. 1 or -1.

    The request URI remains a destination of its own, so append_branch() and t_relay() try it twice; only 4.x, where
    this was a command of the core, took it out.
    """
    msg = ctx.msg
    branch = Branch(
        uri or msg.current_uri(),
        q=q,
        dst_uri=msg.dst_uri,
        path=msg.path,
        flags=ctx.bflags,
        socket=msg.force_send_socket,
    )
    added = append_branch(ctx, branch)
    if not uri and q == -1 and ctx.server.target == "4.4":
        ctx.ruri_consumed = True
    return 1 if added else -1


def drop_branch(ctx: Context, index: int) -> None:
    """remove_branch(index): negative counts from the end; an index outside the set does nothing."""
    if -len(ctx.branches) <= index < len(ctx.branches):
        del ctx.branches[index]


def branch_flags(ctx: Context, index: int) -> int | None:
    """Flags of branch `index` (0: the request URI itself, 1: the first of the set); None when there is none."""
    if index == 0:
        return ctx.bflags
    if 0 < index <= len(ctx.branches):
        return ctx.branches[index - 1].flags
    return None


def set_branch_flags(ctx: Context, index: int, flags: int) -> bool:
    """Set them all; False when there is no such branch."""
    if index == 0:
        ctx.bflags = flags & 0xFFFFFFFF
        return True
    if 0 < index <= len(ctx.branches):
        ctx.branches[index - 1].flags = flags & 0xFFFFFFFF
        return True
    return False


def format_q(q: int) -> str:
    """A q value in thousandths as headers show it: 1000 "1", 500 "0.5", 0 "0"; unset is empty."""
    if q < 0:
        return ""
    if q >= 1000:
        return "1"
    return f"0.{q:03}".rstrip("0") if q else "0"


def contact_of(ctx: Context) -> str:
    """The Contact header (with CRLF) of a redirect to the destination set (print_dset); "" when it is empty.

    The request URI is part of it only when it was rewritten.
    """
    msg = ctx.msg
    entries: list[tuple[str, int]] = [(branch.uri, branch.q) for branch in ctx.branches]
    if msg.new_uri is not None:
        entries.insert(0, (msg.new_uri, ctx.ruri_q))
    if not entries:
        return ""
    return "Contact: " + ", ".join(f"<{uri}>" + (f";q={format_q(q)}" if q >= 0 else "") for uri, q in entries) + "\r\n"
