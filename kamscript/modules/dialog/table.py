"""The table of dialogs: slots by the hash of the Call-ID, numbers within a slot (dialog/dlg_hash.c).

Slot and number travel in Record-Route cookies and stand in the database, so both are what Kamailio makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kamscript.core.hashes import core_hash
from kamscript.modules.dialog.cell import CONFIRMED_NA, DIR_NONE, DOWNSTREAM, UPSTREAM, DialogCell

if TYPE_CHECKING:
    from kamscript.core.environment import Chance


class DialogTable:
    """All dialogs of one server. `destroyed` hears of each that the table forgets."""

    def __init__(
        self, size: int, *, id_start: int, id_step: int, chance: Chance, destroyed: Callable[[DialogCell], object]
    ) -> None:
        self.size, self.id_start, self.id_step, self.chance, self.destroyed = size, id_start, id_step, chance, destroyed
        self._slots: dict[int, dict[int, DialogCell]] = {}
        self._last: dict[int, int] = {}  #: by slot, the number given last
        self.count = 0

    def __iter__(self) -> Iterator[DialogCell]:
        """Every dialog, slot by slot, oldest first; dialogs may come and go meanwhile."""
        for entry in sorted(self._slots):
            yield from list(self._slots.get(entry, {}).values())

    def all(self) -> list[DialogCell]:
        """Every dialog that is there now, slot by slot, oldest first."""
        slots = self._slots
        if len(slots) == 1:
            return list(next(iter(slots.values())).values())
        return [dlg for entry in sorted(slots) for dlg in slots[entry].values()]

    def slot_of(self, callid: str) -> int:
        """The slot of a Call-ID's dialogs."""
        return core_hash(callid, self.size)

    def link(self, dlg: DialogCell, entry: int = -1) -> None:
        """Take `dlg` in: it gets slot (known to who hands it over), number and the reference of the table."""
        entry = dlg.h_entry = entry if entry >= 0 else core_hash(dlg.callid, self.size)
        last = self._last.get(entry)
        if last is None:
            last = self._begin()
        number = last + (self.id_step if self.id_step > 1 else 1)
        if number > 0xFFFFFFFF:
            number = self.id_start + self.id_step if self.id_step > 1 else 1
        dlg.h_id = self._last[entry] = number
        self.place(dlg)

    def _begin(self) -> int:
        # Each slot begins anywhere, so that numbers of an earlier life of the server do not come again.
        place = self.chance.randrange(0, 3 * self.size)
        return self.id_start + self.id_step * place if self.id_step > 1 else place

    def place(self, dlg: DialogCell) -> None:
        """Take in `dlg` with the slot and number that it has already (from a database, from a peer)."""
        self._slots.setdefault(dlg.h_entry, {})[dlg.h_id] = dlg
        self.count += 1
        dlg.ref += 1

    def reserve(self, entry: int, number: int) -> None:
        """Numbers given in this slot from now on are higher than `number`."""
        last = self._last.get(entry)
        self._last[entry] = max(number, self._begin() if last is None else last)

    def lookup(self, entry: int, number: int) -> DialogCell | None:
        """The dialog with this identity."""
        slot = self._slots.get(entry)
        return slot.get(number) if slot else None

    def search(self, callid: str, from_tag: str, to_tag: str, entry: int = -1) -> tuple[DialogCell | None, int]:
        """The dialog of a message with these elements, and the direction the message flows in; `entry` its slot.

        One without the callee's tag yet matches too, unless another matches wholly.
        """
        early: DialogCell | None = None
        early_direction = DIR_NONE
        slot = self._slots.get(entry if entry >= 0 else core_hash(callid, self.size))
        if slot is None:
            return None, DIR_NONE
        for dlg in slot.values():
            if dlg.callid != callid:
                continue
            direction = match(dlg, from_tag, to_tag, early_direction)
            if direction == DIR_NONE:
                continue
            if dlg.callee.tag:
                return dlg, direction
            # Another one may match wholly, but only in this direction.
            early, early_direction = dlg, direction
        return early, early_direction

    def by_callid(self, callid: str) -> list[DialogCell]:
        """All dialogs with this Call-ID, oldest first."""
        slot = self._slots.get(core_hash(callid, self.size), {})
        return [dlg for dlg in slot.values() if dlg.callid == callid]

    def unref(self, dlg: DialogCell, count: int = 1) -> None:
        """Give back references; with the last one the table forgets `dlg`. Nothing happens when it is gone."""
        if dlg.ref > 0:
            dlg.ref -= count
            if dlg.ref <= 0:
                self.remove(dlg)

    def remove(self, dlg: DialogCell) -> None:
        """Forget `dlg`, whoever refers to it still (destroy_dlg); those see by `ref` 0 that it is gone."""
        slot = self._slots.get(dlg.h_entry)
        dlg.ref = 0
        if slot is not None and slot.get(dlg.h_id) is dlg:
            del slot[dlg.h_id]
            if not slot:
                del self._slots[dlg.h_entry]
            self.count -= 1
            self.destroyed(dlg)


def match(dlg: DialogCell, from_tag: str, to_tag: str, only: int = DIR_NONE) -> int:
    """The direction in which a message with these tags flows within `dlg`; DIR_NONE: it is not of this dialog.

    `only`: the one direction that counts; DIR_NONE: any.
    """
    caller, callee = dlg.caller.tag, dlg.callee.tag
    if only != DOWNSTREAM and caller == to_tag and (not callee or callee == from_tag):
        # Without a callee its tag is not known yet.
        return UPSTREAM
    if only != UPSTREAM and caller == from_tag and (not callee or callee == to_tag):
        return DOWNSTREAM
    if only == DIR_NONE and caller == from_tag and not to_tag and dlg.state == CONFIRMED_NA:
        # The INVITE itself, looked at while its 2xx goes through.
        return DOWNSTREAM
    return DIR_NONE
