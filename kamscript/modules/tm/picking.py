"""Which branch's final reply goes upstream (RFC 3261 16.7 step 6, as t_pick_branch decides it)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.modules.tm.transaction import FAKED_REPLY, T_ASYNC_CONTINUE

if TYPE_CHECKING:
    from kamscript.modules.tm.transaction import Transaction

#: Lower is better: 6xx, then 3xx, 4xx, 5xx; within a class the lower code, but for the 4xx below.
_CLASS_PRIORITY: Final = (32000, 11000, 0, 3000, 4000, 5000, 1000)

#: 4xx that win over every other 4xx: challenges, bad media or extension, incomplete number.
_BETTER_4XX: Final = frozenset({1, 7, 15, 20, 84})

#: Some branch has no final reply yet; no branch has a reply to send.
PENDING: Final = -2
NONE: Final = -1


def priority(code: int, faked: bool, faked_extra: int) -> int:
    """How good a final reply is to send upstream (lower is better); `faked_extra` is `faked_reply_prio`."""
    group, rest = divmod(code, 100)
    if group >= 7:
        value = 10000 + code
    elif group == 4:
        value = 4000 + (rest if rest in _BETTER_4XX else 100 + rest)
    else:
        value = _CLASS_PRIORITY[group] + rest
    return value + faked_extra if faked else value


def pick_branch(t: Transaction, faked_extra: int, incoming: int = -1, code: int = 0) -> tuple[int, int]:
    """The branch with the best final reply and its code; PENDING while one has none; NONE.

    `incoming` is the branch whose reply `code` is just being decided about (-1: none).
    """
    best, best_code = NONE, 0
    best_priority = _CLASS_PRIORITY[0]
    for branch in t.branches:
        reply = branch.reply
        if branch.index == incoming:
            value = priority(code, reply is FAKED_REPLY, faked_extra)
            if value < best_priority:
                best, best_code, best_priority = branch.index, code, value
            continue
        last = branch.last_received
        if not branch.text and last >= 200:
            continue
        if last < 200 and not (t.flags & T_ASYNC_CONTINUE and branch.index == t.blind_branch):
            return PENDING, best_code
        if reply is not None:
            value = priority(last, reply is FAKED_REPLY, faked_extra)
            if value < best_priority:
                best, best_code, best_priority = branch.index, last, value
    return best, best_code


def pick_blind(t: Transaction, faked_extra: int) -> tuple[int, int]:
    """The same where branches without request text count too (t_pick_branch_blind)."""
    best, best_code = NONE, 0
    for branch in t.branches:
        if branch.last_received < 200:
            return PENDING, best_code
        if branch.reply is not None:
            faked = branch.reply is FAKED_REPLY
            if priority(branch.last_received, faked, faked_extra) < priority(best_code, faked, faked_extra):
                best, best_code = branch.index, branch.last_received
    return best, best_code
