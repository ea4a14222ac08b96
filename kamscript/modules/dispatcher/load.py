"""Call load: which destination each call went to, by Call-ID (algorithm 10, ds_load_update, ds_load_unset)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.modules.dispatcher import Dispatcher
    from kamscript.modules.dispatcher.sets import DestinationSet


class Call:
    """One call: its set, the duid of its destination, when it is forgotten."""

    __slots__ = ("confirmed", "duid", "expires", "group", "initial_expires")

    def __init__(self, group: int, duid: str, expires: int, initial_expires: int) -> None:
        self.group, self.duid, self.expires, self.initial_expires = group, duid, expires, initial_expires
        self.confirmed = False


class Calls:
    """All calls. Without `ds_hash_size` there is no table, and no call is counted."""

    def __init__(self, module: Dispatcher) -> None:
        self.module = module
        self.table: dict[str, Call] = {}

    def add(self, callid: str, group: DestinationSet, index: int) -> bool:
        """Count a call for a destination."""
        module, entry = self.module, group.entries[index]
        if not entry.duid:
            module.error(f"dst unique id not set for {group.id} ({callid})")
            return False
        if module.ds_hash_size <= 0 or callid in self.table:
            module.error(f"cannot add load to {group.id} ({callid})")
            return False
        now = module.now
        self.table[callid] = Call(group.id, entry.duid, now + module.ds_hash_expire, now + module.ds_hash_initexpire)
        group.add_load(entry, 1)
        return True

    def replace(self, callid: str, duid: str) -> int:
        """The call goes to another destination: 0, -2 when that is gone, -1 for other errors."""
        module, call = self.module, self.table.get(callid)
        if call is None:
            module.error(f"cannot find load for ({callid})")
            return -1
        group = module.sets.by_id.get(call.group)
        if group is None:
            module.error(f"destination set [{call.group}] not found")
            return -1
        new = group.by_duid.get(duid.lower())
        if new is None:
            module.error(f"new destination address not found for [{group.id}, {duid}]")
            return -2
        self._lower(group, call.duid)
        del self.table[callid]
        return 0 if self.add(callid, group, new) else -1

    def remove(self, callid: str) -> bool:
        """The call is over."""
        call = self.table.get(callid)
        if call is None:
            self.module.error(f"cannot find load for ({callid})")
            return False
        if not self._remove(call):
            return False
        del self.table[callid]
        return True

    def confirm(self, callid: str) -> None:
        """The call was answered."""
        call = self.table.get(callid)
        if call is not None:
            call.confirmed = True

    def expire(self) -> None:
        """Forget calls of which nothing was heard for too long."""
        now = self.module.now
        for callid, call in list(self.table.items()):
            if call.expires < now or (not call.confirmed and call.initial_expires < now):
                self._remove(call)
                del self.table[callid]

    def _remove(self, call: Call) -> bool:
        group = self.module.sets.by_id.get(call.group)
        if group is None:
            self.module.error(f"destination set [{call.group}] not found")
            return False
        if not self._lower(group, call.duid):
            self.module.error(f"old destination address not found for [{group.id}, {call.duid}]")
            return False
        return True

    @staticmethod
    def _lower(group: DestinationSet, duid: str) -> bool:
        index = group.by_duid.get(duid.lower())
        if index is None:
            return False
        group.add_load(group.entries[index], -1)
        return True
