"""A transaction for one route alone: real, with branches and their replies, though nothing of it was sent.

What tm would hold when the route runs: the request, a branch for each destination with the text that went there, the
replies that came, the branch that was picked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kamscript.core import dns
from kamscript.core.sockets import Received
from kamscript.lab.builder import Reply, reply_of
from kamscript.modules.tm.picking import pick_branch
from kamscript.modules.tm.transaction import FAKED_REPLY, KR_FORWARDED, ClientBranch
from kamscript.sip.message import Message

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.lab.lab import Lab
    from kamscript.modules.tm import Tm
    from kamscript.modules.tm.transaction import Transaction

#: What is said of one branch: its final reply, "timeout", or a mapping with `uri`, `dst`, `reply`, `flags`.
BranchSaid = int | str | Reply | Mapping[str, Any]

_KEYS = ("uri", "dst", "reply", "flags", "ruid")


@dataclass
class Faked:
    """The transaction, and the branch that the route is about."""

    tm: Tm
    t: Transaction
    branch: ClientBranch


def tm_of(lab: Lab, what: str) -> Tm:
    """The tm module; ValueError when the config does not load it."""
    found: Any = lab.server.modules.get("tm")
    if found is None or not hasattr(found, "newtran"):
        raise ValueError(f"{what} works on a transaction, and the config does not load tm.so")
    tm: Tm = found
    return tm


def transaction(
    lab: Lab, ctx: Context, what: str, said: Sequence[BranchSaid], index: int | None, *, decided: bool
) -> Faked:
    """Make the transaction of `ctx`'s request with these branches. `decided`: each has had its final reply.

    `index` is the branch that the route is about; None: the one whose reply tm would pick, or the last.
    """
    tm = tm_of(lab, what)
    if tm.newtran(ctx) != 1 or ctx.t is None:
        raise ValueError(f"{what}: tm makes no transaction of this request ({ctx.msg.buf.partition(chr(13))[0]})")
    t = ctx.t
    t.kept |= KR_FORWARDED
    for number, item in enumerate(said):
        _branch(lab, ctx, tm, t, number, item, what, decided)
    ctx.ruri_consumed = True
    if index is None:
        index = pick_branch(t, tm.faked_reply_prio)[0] if decided else len(said) - 1
    if not 0 <= index < len(t.branches):
        raise ValueError(f"{what}: there is no branch {index}, only {len(t.branches)}: say branches=[...]")
    tm.picked = index
    return Faked(tm, t, t.branches[index])


def _branch(
    lab: Lab, ctx: Context, tm: Tm, t: Transaction, number: int, item: BranchSaid, what: str, decided: bool
) -> None:
    given: Mapping[str, Any] = item if isinstance(item, Mapping) else {"reply": item}
    unknown = [key for key in given if key not in _KEYS]
    if unknown:
        raise ValueError(f"{what}: a branch has no {unknown[0]!r}; it has {', '.join(_KEYS)}")
    msg = ctx.msg
    uri = given.get("uri") or msg.current_uri()
    dst = given.get("dst") or ("" if given.get("uri") else msg.dst_uri)
    if dns.uri_to_destination(lab.server, dst or uri) is None:
        dst = f"sip:192.0.2.{number + 1}:5060"  # nothing is sent there: an address for documentation (RFC 5737)
    kept = ctx.bflags
    ctx.bflags = given.get("flags", kept)
    branch = tm.add_branch(ctx, t, uri, dst, msg.path, None, "")
    ctx.bflags = kept
    if not isinstance(branch, ClientBranch):
        raise ValueError(f"{what}: no branch can be made to {dst or uri} (error {branch}): the log tells why")
    branch.ruid = given.get("ruid", branch.ruid)
    if not decided:
        return
    reply = given.get("reply", "timeout")
    if reply == "timeout":
        branch.timed_out, branch.last_received, branch.reply = True, 408, FAKED_REPLY
        return
    spec = reply_of(reply)
    if spec.status < 300:
        raise ValueError(f"{what}: a branch that got {spec.status} has not failed: give 300 to 699, or timeout")
    branch.replied, branch.last_received = True, spec.status
    branch.reply = reply_message(branch, spec)


def reply_message(branch: ClientBranch, spec: Reply) -> Message:
    """The reply as it comes back on a branch."""
    socket, to = branch.socket, branch.destination
    assert socket is not None
    assert to is not None
    received = Received(to.proto, to.ip, to.port, socket.address, socket.port, socket)
    return Message(spec.text(Message(branch.text)), received)
