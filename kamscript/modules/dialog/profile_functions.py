"""Script functions about profiles (dialog manual 7.1 to 7.4, 7.15, 7.17; dialog/dialog.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from kamscript.module import Fixup, FixupError, PvInt, Route, Str, function
from kamscript.modules.dialog.cell import EARLY
from kamscript.modules.dialog.parameters import Parameters
from kamscript.script.format import accessor_of, format_of
from kamscript.script.pv import PvSyntaxError, parse_pv

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.values import Value

_NOT_IN_EVENTS = Route.REQUEST | Route.FAILURE | Route.ONREPLY | Route.BRANCH
_NUMBER = re.compile(r"[ \t\r\n]*([+-]?\d{1,18})")


class _ProfileFixup(Fixup):
    """The name of a profile that the module's parameters define."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Any:
        if not text:
            raise FixupError("the name of the profile is empty")
        profile = server.module("dialog").profiles.find(text)
        if profile is None:
            raise FixupError(f"profile <{text}> not defined: name it in profiles_with_value or profiles_no_value")
        return profile


class _MemberFixup(Fixup):
    """The value of a profile: a text with pseudo-variables that is not empty."""

    def convert(self, value: Value) -> Any:
        if not value:
            raise FixupError("the value of the profile is empty")
        return value


class _ResultFixup(Fixup):
    """An AVP or a script variable that takes a number."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Any:
        text = text.strip(" \t\r\n")
        try:
            name = parse_pv(text).name if text.startswith("$") else ""
        except PvSyntaxError as error:
            raise FixupError(str(error)) from None
        if name not in ("avp", "var", "vn", "vz"):
            raise FixupError(f"return must be an AVP or SCRIPT VAR, not {text!r}")
        return accessor_of(text, server)


class _SecondsFixup(Fixup):
    """Seconds as C's atoi() reads them; a text that is no number is 0."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> int:
        if not text:
            raise FixupError("the number of seconds is empty")
        format_of(text, server)  # the daemon wants it to be a text with pseudo-variables, and then expands none
        found = _NUMBER.match(text)
        if found is None:
            server.log.warning("dialog", f"dlg_set_timeout_by_profile: {text!r} is no number of seconds, taken as 0")
        return int(found[1]) if found is not None else 0


if TYPE_CHECKING:
    from kamscript.module import Accessor
    from kamscript.modules.dialog.profiles import Profile

    ProfileName = Profile
    Member = str
    Result = Accessor
    Seconds = int
else:
    ProfileName = Annotated[object, _ProfileFixup()]
    Member = Annotated[str, _MemberFixup()]
    Result = Annotated[object, _ResultFixup()]
    Seconds = Annotated[int, _SecondsFixup()]


class ProfileFunctions(Parameters):
    """Declared here: set_dlg_profile and its kin, dlg_set_timeout_by_profile, dlg_remote_profile."""

    @function(Route.ANY)
    def set_dlg_profile(self, ctx: Context, profile: ProfileName, value: Member = "") -> bool:
        """Put the current dialog, or the one that this request will make, into a profile, once more if it is in it.

        A profile without values ignores `value`.
        """
        if profile.has_value and not value:
            return self._valueless("set")
        dlg = self.tracking.of_message(ctx)
        if dlg is not None:
            self.profiles.join(dlg, profile, value)
        elif ctx.route & Route.REQUEST:
            self.profiles.pend(ctx.msg, profile, value)
        else:
            self.server.log.critical("dialog", "set_dlg_profile: there is no dialog, and only a request can make one")
            return False
        return True

    @function(_NOT_IN_EVENTS)
    def unset_dlg_profile(self, ctx: Context, profile: ProfileName, value: Member = "") -> bool:
        """Take the current dialog out of a profile, once. Not in request routes: False."""
        if profile.has_value and not value:
            return self._valueless("unset")
        if ctx.route & Route.REQUEST:
            self.server.log.error("dialog", "unset_dlg_profile cannot be used in a request route")
            return False
        dlg = self.tracking.of_message(ctx)
        if dlg is None:
            self.server.log.warning("dialog", "unset_dlg_profile: there is no dialog")
            return False
        return self.profiles.leave(dlg, profile, value)

    @function(Route.ANY)
    def is_in_profile(self, ctx: Context, profile: ProfileName, value: Member = "") -> bool:
        """Whether the current dialog is in a profile; with `value`, where the profile has values, with that value."""
        dlg = self.tracking.of_message(ctx)
        return dlg is not None and self.profiles.contains(dlg, profile, value or None)

    @function(Route.ANY, name="get_profile_size")
    def profile_size(self, ctx: Context, profile: ProfileName, result: Result) -> bool:
        """Store in an AVP or script variable how many dialogs are in a profile."""
        return self._store_size(ctx, profile.size(), result)

    @function(Route.ANY, name="get_profile_size")
    def profile_size_of(self, ctx: Context, profile: ProfileName, value: Member, result: Result) -> bool:
        """Store how many dialogs are in a profile with a value; a profile without values counts all."""
        return self._store_size(ctx, profile.size(value), result)

    def _store_size(self, ctx: Context, size: int, result: Result) -> bool:
        if result.set is None:
            self.server.log.error("dialog", "setting profile PV failed")
            return False
        result.set(ctx, size)
        return True

    def _valueless(self, what: str) -> bool:
        self.server.log.error("dialog", f"{what}_dlg_profile: this profile wants a value")
        return False

    # -- timeouts -----------------------------------------------------------------------------------------------------
    @function(Route.ANY, name="dlg_set_timeout_by_profile")
    def timeout_by_profile(self, ctx: Context, profile: ProfileName, seconds: Seconds) -> bool:
        """Let all answered dialogs of a profile expire that many seconds from now."""
        return self._set_timeouts(profile.members(), seconds)

    @function(Route.ANY, name="dlg_set_timeout_by_profile")
    def timeout_by_profile_of(self, ctx: Context, profile: ProfileName, value: Member, seconds: Seconds) -> bool:
        """The same for those of the profile's dialogs that are in it with `value`."""
        return self._set_timeouts(profile.members(value), seconds)

    def _set_timeouts(self, dialogs: list[DialogCell], seconds: int) -> bool:
        for dlg in dialogs:
            if dlg.state >= EARLY:
                self.set_timeout(dlg, seconds)
        return True

    def set_timeout(self, dlg: DialogCell | None, seconds: int) -> bool:
        """See Manage."""
        raise NotImplementedError

    # -- other servers ------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def dlg_remote_profile(
        self, ctx: Context, command: Str, profile: Str, value: Str, uid: Str, expires: PvInt
    ) -> bool:
        """Count a dialog of another server in a profile: `add` it, or `rm` it.

        `uid` tells it from others; `value` is empty for a profile without values. At `expires` (a Unix second; 0:
        never) it is forgotten by itself. Removing what is not there succeeds.
        """
        problem = self.remote_profile(command, profile, value, uid, expires)
        if problem:
            self.server.log.error("dialog", problem)
        return not problem

    def remote_profile(self, command: str, name: str, value: str, uid: str, expires: int) -> str:
        """Do what dlg_remote_profile() does; an empty text, or why not (dlg_cmd_remote_profile)."""
        if not command or not name or not uid:
            return "dlg_remote_profile: command, profile and uid must not be empty"
        profile = self.profiles.find(name)
        if profile is None:
            return f"profile [{name}] not found"
        if profile.has_value and not value:
            return f"profile [{name}] requires a value"
        if command == "add":
            return "" if self.profiles.add_remote(profile, value, uid, expires) else f"the uid is too long: {uid}"
        if command == "rm":
            self.profiles.remove_remote(profile, value, uid)
            return ""
        return f"unknown command [{command}]"
