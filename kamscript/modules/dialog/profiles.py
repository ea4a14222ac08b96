"""Profiles: tables that dialogs are put into, to be counted (dialog manual 4; dialog/dlg_profile.c).

    profile = module.profiles.find("caller")
    module.profiles.join(dlg, profile, "alice")
    profile.size("alice"), profile.members("alice")

A profile holds memberships: one for each time that a dialog was put into it, as nobody checks whether it is there
already. Joining, leaving and counting cost the same for one member and for a hundred thousand: the memberships of a
profile are grouped by value, and what lists them sorts them as Kamailio's table of 16 slots has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from kamscript.core.hashes import core_hash
from kamscript.module import FixupError
from kamscript.modules.dialog.cell import FLAG_CHANGED_PROF

if TYPE_CHECKING:
    from kamscript.core.timers import Timer
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.dialog.parameters import Parameters
    from kamscript.sip.message import Message

SLOTS: Final = 16
MAX_UID: Final = 63
#: Seconds between two looks at what expired (dlg_clean_timer).
CLEANING: Final = 90

_NAME = re.compile(r"[A-Za-z0-9_]+")


class Membership:
    """One entry of a profile.

    value       "" in a profile without values
    dlg         None: an item that another server told of (dlg_remote_profile)
    serial      its place in the order in which this server's profiles were joined
    expires     Unix second, 0: as long as the dialog
    flags       kept for the peers that set them
    own_uid     the identity that it was given; "": it is called after its serial (`Profiles.uid`)
    """

    __slots__ = ("dlg", "expires", "flags", "own_uid", "profile", "serial", "value")

    def __init__(self, profile: Profile, value: str, own_uid: str = "") -> None:
        self.profile, self.value, self.own_uid = profile, value, own_uid
        self.dlg: DialogCell | None = None
        self.serial = self.expires = self.flags = 0

    @property
    def slot(self) -> int:
        """Where Kamailio's table has it."""
        if self.profile.has_value:
            return core_hash(self.value, SLOTS)
        return core_hash(self.dlg.callid if self.dlg is not None else self.own_uid, SLOTS)


class Profile:
    """A table of memberships. `remote`: items of other servers are or were in it."""

    __slots__ = ("_count", "_groups", "_remotes", "has_value", "name")

    def __init__(self, name: str, has_value: bool) -> None:
        self.name, self.has_value = name, has_value
        # By value; a group of one is the membership itself, as most callers have one call.
        self._groups: dict[str, Membership | dict[Membership, None]] = {}
        self._remotes: dict[tuple[str, str], list[Membership]] | None = None
        self._count = 0

    def size(self, value: str | None = None) -> int:
        """How many memberships there are; with `value`, in a profile that has values, how many of that value."""
        if value is None or not self.has_value:
            return self._count
        group = self._groups.get(value)
        return 0 if group is None else len(group) if group.__class__ is dict else 1

    def memberships(self, value: str | None = None) -> list[Membership]:
        """All of them, or those of `value`, in the order of Kamailio's table: slot by slot, oldest first."""
        if value is None or not self.has_value:
            return sorted((one for group in self._groups.values() for one in _each(group)), key=_place)
        group = self._groups.get(value)
        return [] if group is None else list(_each(group))

    def members(self, value: str | None = None) -> list[DialogCell]:
        """The dialogs of `memberships`; one that is in twice comes twice, items of other servers have none."""
        return [one.dlg for one in self.memberships(value) if one.dlg is not None]

    def find_remote(self, value: str, uid: str) -> Membership | None:
        """The oldest item of another server with this identity."""
        found = self._remotes.get((value, uid)) if self._remotes else None
        return found[0] if found else None

    def remotes(self) -> Iterator[Membership]:
        """All items of other servers."""
        for group in list((self._remotes or {}).values()):
            yield from list(group)

    def add(self, one: Membership) -> None:
        """Take it in."""
        group = self._groups.get(one.value)
        if group is None:
            self._groups[one.value] = one
        elif isinstance(group, dict):
            one.value = next(reversed(group)).value  # one text for all; from the end, which costs no search
            group[one] = None
        else:
            one.value = group.value
            self._groups[one.value] = {group: None, one: None}
        self._count += 1
        if one.dlg is None:
            if self._remotes is None:
                self._remotes = {}
            self._remotes.setdefault((one.value, one.own_uid), []).append(one)

    def remove(self, one: Membership) -> None:
        """Forget it; it must be there."""
        group = self._groups[one.value]
        if isinstance(group, dict):
            del group[one]
            if not group:
                del self._groups[one.value]
        else:
            del self._groups[one.value]
        self._count -= 1
        if one.dlg is None and self._remotes is not None:
            same = self._remotes[one.value, one.own_uid]
            same.remove(one)
            if not same:
                del self._remotes[one.value, one.own_uid]


def _each(group: Membership | dict[Membership, None]) -> Iterator[Membership]:
    return iter(group) if isinstance(group, dict) else iter((group,))


def _place(one: Membership) -> tuple[int, int]:
    return one.slot, one.serial


class Profiles:
    """All profiles of one server.

    Names come from `profiles_no_value` and `profiles_with_value`; FixupError refuses a bad or a repeated one.
    """

    def __init__(self, module: Parameters) -> None:
        self.module = module
        self._by_name: dict[str, Profile] = {}
        self._serial = 0
        self._cleaning: Timer | None = None
        self._pending: list[Membership] = []
        self._pending_of = -1  #: the number of the message that they belong to
        self._define(module.profiles_no_value, has_value=False)
        self._define(module.profiles_with_value, has_value=True)

    def _define(self, names: str, *, has_value: bool) -> None:
        for name in names.split(";"):
            name = name.strip(" ")
            if not name:
                continue
            if not _NAME.fullmatch(name):
                raise FixupError(f"bad profile name <{name}> - use only letters, digits and '_'")
            if name in self._by_name:
                raise FixupError(f"duplicate dialog profile registered <{name}>")
            self._by_name[name] = Profile(name, has_value)

    def find(self, name: str) -> Profile | None:
        """The profile of this name."""
        return self._by_name.get(name)

    def __iter__(self) -> Iterator[Profile]:
        """All, those without values first, as the parameters name them."""
        return iter(self._by_name.values())

    # -- dialogs ------------------------------------------------------------------------------------------------------
    def join(
        self, dlg: DialogCell, profile: Profile, value: str = "", *, uid: str = "", expires: int = 0, flags: int = 0
    ) -> Membership:
        """Put `dlg` into `profile`, once more if it is there already. `value` counts where the profile has values."""
        one = self._make(profile, value, uid)
        one.expires, one.flags = expires, flags
        self._enter(one, dlg)
        return one

    def leave(self, dlg: DialogCell, profile: Profile, value: str = "") -> bool:
        """Take the youngest membership of `dlg` with `value` out of `profile`; False: there is none."""
        for one in self.of(dlg):
            if one.profile is profile and (not profile.has_value or one.value == value):
                assert dlg.memberships is not None
                dlg.memberships.remove(one)
                if not dlg.memberships:
                    dlg.memberships = None
                profile.remove(one)
                return True
        dlg.dflags |= FLAG_CHANGED_PROF
        return False

    def leave_all(self, dlg: DialogCell) -> None:
        """Take `dlg` out of every profile."""
        memberships, dlg.memberships = dlg.memberships, None
        for one in memberships or ():
            one.profile.remove(one)

    def of(self, dlg: DialogCell) -> list[Membership]:
        """The memberships of `dlg`, youngest first."""
        return dlg.memberships[::-1] if dlg.memberships else []

    def contains(self, dlg: DialogCell, profile: Profile, value: str | None = None) -> bool:
        """Whether `dlg` is in `profile`; with `value`, where the profile has values, with that value."""
        return any(
            one.profile is profile and (value is None or not profile.has_value or one.value == value)
            for one in dlg.memberships or ()
        )

    def uid(self, one: Membership) -> str:
        """Its identity, unique among servers: what it was given, or `dlgp-` with start, process and serial."""
        if one.own_uid:
            return one.own_uid
        server = self.module.server
        identity = server.settings["server_id"]
        prefix = f"dlgp-{identity:x}-" if identity else "dlgp-"
        # The counter's digits stand in Kamailio's order, the lowest first.
        return f"{prefix}{int(server.started):x}-{server.environment.pid:x}-{f'{one.serial:x}'[::-1]}"

    def _make(self, profile: Profile, value: str, uid: str = "") -> Membership:
        return Membership(profile, value if profile.has_value else "", uid)

    def _enter(self, one: Membership, dlg: DialogCell | None) -> None:
        self._serial += 1
        one.serial, one.dlg = self._serial, dlg
        one.profile.add(one)
        if dlg is not None:
            if dlg.memberships is None:
                dlg.memberships = [one]
            else:
                dlg.memberships.append(one)
            dlg.dflags |= FLAG_CHANGED_PROF

    # -- before the dialog exists -------------------------------------------------------------------------------------
    def pend(self, msg: Message, profile: Profile, value: str = "") -> None:
        """Put the dialog that this message will make into `profile`, as soon as it is there (`attach`)."""
        if msg.number != self._pending_of:
            self._pending.clear()
            self._pending_of = msg.number
        self._pending.append(self._make(profile, value))

    def attach(self, msg: Message, dlg: DialogCell) -> None:
        """`dlg` is the dialog of `msg` from now on: it gets the pending memberships (set_current_dialog)."""
        if self._pending:
            if msg.number == self._pending_of:
                for one in reversed(self._pending):
                    self._enter(one, dlg)
            self._pending.clear()
        self._pending_of = msg.number

    def forget(self) -> None:
        """The script ended (cb_profile_reset, profile_cleanup): what is still pending is dropped."""
        self._pending_of = -1
        if self._pending:
            self._pending.clear()

    # -- other servers ------------------------------------------------------------------------------------------------
    def add_remote(self, profile: Profile, value: str, uid: str, expires: int = 0, flags: int = 0) -> bool:
        """An item that another server tells of, once more if it was told before; False: the uid is too long."""
        if len(uid) > MAX_UID:
            return False
        one = self._make(profile, value, uid)
        one.expires, one.flags = expires, flags
        self._enter(one, None)
        if expires > 0:
            self._arm()
        return True

    def remove_remote(self, profile: Profile, value: str, uid: str) -> bool:
        """Forget the oldest item with this identity; False: there is none."""
        one = profile.find_remote(value, uid)
        if one is None:
            return False
        profile.remove(one)
        return True

    def _arm(self) -> None:
        """Look once in 90 seconds, counted from the server's start, while something can expire."""
        if self._cleaning is None:
            timers = self.module.server.timers
            passed = max(timers.now - self.module.server.started, 0)
            self._cleaning = timers.after(CLEANING - passed % CLEANING, self._clean)

    def _clean(self) -> None:
        self._cleaning = None
        now = int(self.module.server.timers.now)
        waiting = False
        for profile in self._by_name.values():
            for one in profile.remotes():
                if 0 < one.expires < now:
                    profile.remove(one)
                else:
                    waiting = waiting or one.expires > 0
        if waiting:
            self._arm()

    # -- the form in databases and between servers --------------------------------------------------------------------
    def to_json(self, dlg: DialogCell) -> str | None:
        """`{"profiles":[{"name":...,"value":...,"puid":...}]}`, youngest first; None: it is in no profile."""
        if not dlg.memberships:
            return None
        items: list[dict[str, str | int]] = []
        for one in self.of(dlg):
            item: dict[str, str | int] = {"name": one.profile.name}
            if one.profile.has_value:
                item["value"] = one.value
            item["puid"] = self.uid(one)
            if one.expires:
                item["expires"] = one.expires
            if one.flags:
                item["flags"] = one.flags
            items.append(item)
        return json.dumps({"profiles": items}, ensure_ascii=False, separators=(",", ":"))

    def from_json(self, dlg: DialogCell, text: str) -> bool:
        """Put `dlg` into the profiles that `to_json` wrote; False: the text is none. Unknown profiles are logged."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            self.module.server.log.error("dialog", f"invalid json doc [[{text}]]")
            return False
        items = document.get("profiles") if isinstance(document, dict) else None
        for item in items if isinstance(items, list) else ():
            self._take(dlg, item)
        return True

    def _take(self, dlg: DialogCell, item: Any) -> None:
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str):
            return
        profile = self.find(name)
        if profile is None:
            self.module.server.log.error("dialog", f"profile [{name}] not found")
            return
        value, uid = item.get("value"), item.get("puid")
        if isinstance(value, str) != profile.has_value:
            return  # the other side has a profile of the other kind under this name
        uid = uid if isinstance(uid, str) else ""
        if len(uid) > MAX_UID:
            self.module.server.log.error("dialog", f"puid size is too large: {uid}")
            return
        self.join(dlg, profile, value or "", uid=uid, expires=_count(item, "expires"), flags=_count(item, "flags"))


def _count(item: dict[str, Any], name: str) -> int:
    number = item.get(name)
    return int(number) if isinstance(number, int | float) and 0 <= number < 1 << 63 else 0
