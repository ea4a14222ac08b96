"""Which dialog the message at hand belongs to, and what the script said about dialogs before there is one.

Kamailio keeps this in one variable of each process (`_dlg_ctx` of dlg_var.h); a server here is one process, so there
is one per server: `module.context`. It is found by whoever runs while a message is dealt with, whatever route that is,
and it lives

- for a request, from the start of the request route to its end;
- for a reply, from the moment it matches a tracked transaction to the end of its processing: onreply routes see it;
- for failure routes, from TMCB_ON_FAILURE to their end;
- for event_route[dialog:...], the timeout route and event_route[tm:local-request] of a BYE at timeout, while they run.

An event route of this module leaves the context without dialog, also within a request or reply route (Kamailio does
not restore it either).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.dialog.cell import DIR_NONE

if TYPE_CHECKING:
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.sip.message import Message

#: `DialogContext.spiral`.
SPIRAL_UNKNOWN, SPIRAL_NO, SPIRAL_YES = -1, 0, 1


class DialogContext:
    """What is known while one message is dealt with.

    dialog          the dialog of the message, None when there is none; `current()` leaves out one that is gone
    flags           script flags for the dialog to come (dlg_setflag); iflags: its properties (dlg_set_property)
    timeout         `$dlg_ctx(timeout)`, s; 0: not set
    timeout_bye     `$dlg_ctx(timeout_bye)`: send BYE when it expires
    timeout_route   `$dlg_ctx(timeout_route)`: name of the route that runs then, "" none; timeout_route_id: its number
                    among the routes, 0: none, or none of this name
    on              `$dlg_ctx(on)`; direction    `$dlg_ctx(dir)`, a DIR_* value
    created         this message made the dialog, or ended it: what was not handed to tm is given back behind the script
    t, expect_t     the transaction of the message knows the dialog; whether one must
    spiral          SPIRAL_*: whether the INVITE went through here before
    variables       `$dlg_var` set before the dialog exists, None: none; they belong to the message `variables_of`
    seen            `$mi` of the request that last matched a dialog by Route, with what `$DLG_lifetime` and
                    `$DLG_status` say then: `seen_lifetime`, `seen_state`
    """

    __slots__ = (
        "created",
        "dialog",
        "direction",
        "expect_t",
        "flags",
        "iflags",
        "on",
        "seen",
        "seen_lifetime",
        "seen_state",
        "spiral",
        "t",
        "timeout",
        "timeout_bye",
        "timeout_route",
        "timeout_route_id",
        "variables",
        "variables_of",
    )

    def __init__(self) -> None:
        self.spiral = SPIRAL_UNKNOWN
        self.variables: dict[str, str] | None = None
        self.variables_of = self.seen = -1
        self.seen_lifetime = self.seen_state = 0
        self.reset()

    def reset(self) -> None:
        """Forget the dialog and all that was said about the one to come (not the local variables)."""
        self.dialog: DialogCell | None = None
        self.flags = self.iflags = self.timeout = self.timeout_bye = self.timeout_route_id = self.on = 0
        self.timeout_route = ""
        self.direction = DIR_NONE
        self.created = self.t = self.expect_t = False

    def current(self) -> DialogCell | None:
        """The dialog of the context as long as the table knows it (dlg_get_ctx_dialog)."""
        dlg = self.dialog
        return dlg if dlg is not None and dlg.ref > 0 else None

    def local_variables(self, msg: Message) -> dict[str, str] | None:
        """What `$dlg_var` holds for `msg` without a dialog; those of an earlier message are gone; None: none."""
        if msg.number != self.variables_of:
            self.variables = None
            self.variables_of = msg.number
        return self.variables

    def take_variables(self, msg: Message) -> dict[str, str] | None:
        """The same, for the dialog that is made now; they are no longer local."""
        variables = self.local_variables(msg)
        self.variables = None
        return variables

    def set_local_variable(self, msg: Message, name: str, value: str | None) -> None:
        """Set `$dlg_var(name)` before the dialog exists; None removes it."""
        variables = self.local_variables(msg)
        if value is None:
            if variables is not None:
                variables.pop(name, None)
        elif variables is None:
            self.variables = {name: value}
        else:
            variables[name] = value
