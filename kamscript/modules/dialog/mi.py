"""The MI commands of the 4.x generation (4.4: dialog/dlg_hash.c, dlg_req_within.c, dlg_profile.c, dialog.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.mi import BAD_PARAMETER, INTERNAL_ERROR, MISSING_PARAMETER, Mi, MiReply
from kamscript.module import mi
from kamscript.modules.dialog.cell import DELETED
from kamscript.modules.dialog.parameters import Parameters

if TYPE_CHECKING:
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.dialog.listing import Listing
    from kamscript.modules.dialog.profiles import Profile

_DIGITS, _HEXADECIMAL = frozenset("0123456789"), frozenset("0123456789abcdefABCDEF")


def _missing() -> MiReply:
    return MiReply(400, MISSING_PARAMETER)


def number(text: str) -> int | None:
    """An unsigned number as MI reads it, decimal or `0x...`; None for anything else."""
    if text.startswith("0x") and len(text) > 2:
        return int(text[2:], 16) & 0xFFFFFFFF if _HEXADECIMAL.issuperset(text[2:]) else None
    if not text or not _DIGITS.issuperset(text):
        return None
    value = 0
    for digit in text:
        value = value * 10 + int(digit) & 0xFFFFFFFF  # too large a number begins anew, as in C
    return value


class DialogMi(Parameters):
    """What mi_fifo and mi_datagram offer of dialogs."""

    listing: Listing

    @mi("dlg_list")
    def mi_list(self, mi: Mi) -> MiReply:
        """All dialogs, or the one with a Call-ID (and the caller's tag)."""
        return self._mi_list(mi, context=False)

    @mi("dlg_list_ctx")
    def mi_list_ctx(self, mi: Mi) -> MiReply:
        """The same, with what other modules know of them."""
        return self._mi_list(mi, context=True)

    def _mi_list(self, mi: Mi, *, context: bool) -> MiReply:
        found = self._mi_dialog(mi)
        if isinstance(found, MiReply):
            return found
        reply = MiReply()
        for dlg in self.table if found is None else (found,):
            reply.nodes.append(self.listing.node(dlg, context=context))
        return reply

    def _mi_dialog(self, mi: Mi) -> DialogCell | MiReply | None:
        """The dialog that the parameters name, None when there are none, or what is wrong with them."""
        callid, tag = mi.value(0), mi.value(1)
        if callid is None:
            return None
        if not callid or (tag and len(mi) > 2):
            return _missing()
        for dlg in self.table.by_callid(callid):
            if not tag or dlg.caller.tag == tag:
                if dlg.state == DELETED:
                    break
                return dlg
        return MiReply(404, "Nu such dialog")

    @mi("dlg_terminate_dlg")
    def mi_terminate(self, mi: Mi) -> MiReply | None:
        """End the call with a Call-ID (and the caller's tag): BYE to both sides."""
        found = self._mi_dialog(mi)
        if isinstance(found, MiReply):
            return found
        if found is None:
            return _missing()
        return MiReply() if self.requests.bye_all(found) else None

    @mi("dlg_end_dlg")
    def mi_end(self, mi: Mi) -> MiReply:
        """End the call at a slot and number, perhaps with more headers: BYE to both sides."""
        if len(mi) < 2:
            return _missing()
        entry, identity = number(mi.value(0) or ""), number(mi.value(1) or "")
        if entry is None or identity is None:
            return MiReply(400, BAD_PARAMETER)
        dlg = self.table.lookup(entry, identity)
        if dlg is None:
            return MiReply(404, "Requested Dialog not found")
        return MiReply() if self.requests.bye_all(dlg, mi.value(2) or "") else MiReply(500, "Operation failed")

    @mi("profile_get_size")
    def mi_profile_size(self, mi: Mi) -> MiReply:
        """How many dialogs are in a profile, perhaps with a value."""
        profile = self._mi_profile(mi)
        if isinstance(profile, MiReply):
            return profile
        value, reply = mi.value(1), MiReply()
        node = reply.add("profile")
        node.attribute("name", profile.name)
        node.attribute("value", value or "")
        node.attribute("count", profile.size(value))
        return reply

    @mi("profile_list_dlgs")
    def mi_profile_list(self, mi: Mi) -> MiReply:
        """The dialogs in a profile, perhaps with a value."""
        profile = self._mi_profile(mi)
        if isinstance(profile, MiReply):
            return profile
        reply = MiReply()
        reply.nodes.extend(self.listing.node(dlg) for dlg in profile.members(mi.value(1)))
        return reply

    def _mi_profile(self, mi: Mi) -> Profile | MiReply:
        name, value = mi.value(0), mi.value(1)
        if not name:
            return _missing()
        if value == "":
            return MiReply(400, BAD_PARAMETER)
        if len(mi) > 2:
            return _missing()
        return self.profiles.find(name) or MiReply(404, "Profile not found")

    @mi("dlg_bridge")
    def mi_bridge(self, mi: Mi) -> MiReply:
        """Call one address and refer it to another, perhaps through a proxy (`.`: none) and with a body."""
        for position, what in enumerate(("From", "To", "OP", "SDP")):
            value = mi.value(position)
            if value is None and position < 2:
                return _missing()
            if value == "":
                return MiReply(500, f"Bad {what} value")
        outbound = mi.value(2) or ""
        done = self.requests.bridge(
            mi.value(0) or "", mi.value(1) or "", "" if outbound == "." else outbound, mi.value(3)
        )
        return MiReply() if done else MiReply(500, INTERNAL_ERROR)
