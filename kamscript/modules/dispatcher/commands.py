"""The RPC commands dispatcher.* (dispatcher manual, 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.rpc import Rpc
from kamscript.modules.dispatcher import hashing, loading, states
from kamscript.modules.dispatcher.destination import DISABLED, INACTIVE, PROBING, TRYING, Destination, Refused
from kamscript.modules.dispatcher.sets import DestinationSet

if TYPE_CHECKING:
    from kamscript.modules.dispatcher import Dispatcher

_STATES = {"0": INACTIVE, "i": INACTIVE, "1": 0, "a": 0, "2": DISABLED, "d": DISABLED, "3": TRYING, "t": TRYING}


def reload(module: Dispatcher, rpc: Rpc) -> None:
    """Read all sets again."""
    _begin(module, rpc)
    if not module.reload():
        raise rpc.fault(500, "Reload Failed")
    rpc.add("Ok. Dispatcher successfully reloaded.")


def _begin(module: Dispatcher, rpc: Rpc) -> None:
    if not module.may_reload():
        raise rpc.fault(500, "Ongoing reload")


def set_state(module: Dispatcher, rpc: Rpc, state: str, number: int, target: str, *, by_duid: bool) -> None:
    """Set the state of a destination, or of all in a set."""
    if not state:
        raise rpc.fault(500, "Invalid State Parameter")
    flags = of_command(state)
    if flags is None:
        module.error("unknown state value")
        raise rpc.fault(500, "Unknown State Value")
    if not put_state(module, flags, number, target, by_duid=by_duid) and target != "all":
        raise rpc.fault(500, "State Update Failed")
    rpc.add("Ok. Dispatcher state updated.")


def of_command(state: str) -> int | None:
    """The flags that `ip`, `a`, `2` and the like stand for; None: no state."""
    flags = _STATES.get(state[:1].lower())
    if flags is not None and flags != DISABLED and state[1:2].lower() == "p":
        flags |= PROBING
    return flags


def put_state(module: Dispatcher, flags: int, number: int, target: str, *, by_duid: bool = False) -> bool:
    """Give a destination, or `all` of a set, these flags; False: it is not there."""
    group = module.sets.by_id.get(number)
    if group is None:
        module.error(f"destination set [{number}] not found")
        return False
    if target == "all":
        for entry in group.entries:
            states.replace(group, entry, flags)
        return True
    found = _find(group, target, by_duid)
    if found is None:
        return False
    states.replace(group, found, flags)
    return True


def _find(group: DestinationSet, target: str, by_duid: bool) -> Destination | None:
    if not by_duid:
        return group.by_uri.get(target.lower())
    index = group.by_duid.get(target.lower())
    return None if index is None else group.entries[index]


def ping_active(module: Dispatcher, rpc: Rpc, state: int) -> None:
    """Switch the keepalives off and on."""
    old = module.prober.active
    if state == -1:
        rpc.struct(OldPingState=old)
        return
    module.prober.active = state
    rpc.struct(NewPingState=state, OldPingState=old)


def add(module: Dispatcher, rpc: Rpc, number: int | None, uri: str, flags: int, priority: int, attrs: str) -> None:
    """Add a destination in memory."""
    _begin(module, rpc)
    if number is None or not uri or rpc.mistyped is not None:
        raise rpc.fault(500, "Invalid Parameters")
    sets = module.sets.copied()
    if not loading.add(module, sets, number, uri, flags, priority, attrs):
        raise rpc.fault(500, "Adding dispatcher dst failed")
    module.sets = sets.finish()
    rpc.add("Ok. Dispatcher destination added.")


def remove(module: Dispatcher, rpc: Rpc, number: int | None, uri: str) -> None:
    """Remove a destination from memory."""
    _begin(module, rpc)
    if number is None or not uri:
        raise rpc.fault(500, "Invalid Parameters")
    try:
        known = Destination(module, uri).uri
    except Refused as error:
        module.error(str(error))
        raise rpc.fault(500, "Removing dispatcher dst failed") from None
    module.sets = module.sets.copied(without=(number, known)).finish()
    rpc.add("Ok. Dispatcher destination removed.")


def hash_of(rpc: Rpc, slots: int, text: str, second: str) -> None:
    """The hash of one text or two, and the slot among so many destinations."""
    value = hashing.ds_hash(text, second)
    rpc.struct(hashid=value, slot=value % slots if slots > 0 else 0)
