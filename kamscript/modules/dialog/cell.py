"""One dialog: what the module remembers of a call (dialog/dlg_hash.h).

Attributes are slots and texts only, no containers until something is put into them: 100,000 calls fit in a small
machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.dialog.callbacks import DialogCallback
    from kamscript.modules.dialog.profiles import Membership

#: States, as the specification numbers them.
UNCONFIRMED, EARLY, CONFIRMED_NA, CONFIRMED, DELETED = 1, 2, 3, 4, 5

#: Directions of a message within a dialog: caller to callee is downstream.
DIR_NONE, DOWNSTREAM, UPSTREAM = 0, 1, 2

#: Legs: indices of `Dialog.legs`.
CALLER, CALLEE = 0, 1

#: `dflags`: what happened to the dialog in memory.
FLAG_NEW = 1 << 0  #: not in the database yet
FLAG_CHANGED = 1 << 1  #: other than in the database
FLAG_HASBYE = 1 << 2
FLAG_DMQ_DELETED = 1 << 3  #: another node of the DMQ bus said that it ended
FLAG_CALLERBYE = 1 << 4
FLAG_CALLEEBYE = 1 << 5
FLAG_CHANGED_VARS = 1 << 7  #: its variables are other than in the database
FLAG_TM = 1 << 9  #: it belongs to a transaction
FLAG_EXPIRED = 1 << 10
FLAG_CHANGED_PROF = 1 << 11  #: it entered or left a profile since the DMQ bus was told
FLAG_DB_LOAD_EXTRA = 1 << 12  #: variables and profiles were loaded from the database

#: `iflags`: kept in the database, with Kamailio's bits.
IFLAG_TIMEOUTBYE = 1 << 0
IFLAG_KA_SRC = 1 << 1
IFLAG_KA_DST = 1 << 2
IFLAG_TIMER_NORESET = 1 << 3
IFLAG_CSEQ_DIFF = 1 << 4
IFLAG_PRACK = 1 << 5
IFLAG_DMQ_SYNC = 1 << 6


class Leg:
    """One side of a call: tag, CSeq (its number as text), Contact, route set and the socket that side talks to."""

    __slots__ = ("contact", "cseq", "route_set", "socket", "tag")

    def __init__(self) -> None:
        self.tag = self.cseq = self.contact = self.route_set = ""
        self.socket: ListenSocket | None = None


class DialogCell:
    """A dialog in the table.

    h_entry, h_id   slot and number in the slot: the identity (iuid), also in the Record-Route cookie
    ref             references, as Kamailio counts them; the table forgets the dialog when none is left
    lifetime        seconds
    init_ts, start_ts, end_ts    Unix seconds: made, answered, ended; 0 not yet
    deadline        Unix second at which it expires; 0: its timer does not run
    toroute         name of the route that runs when it expires
    from_rr_nb      Record-Route addresses that the INVITE came with
    variables       `$dlg_var`; None: none yet
    memberships     the profile entries it stands in; None: none
    callbacks       who hears about it, `callback_types` all their types; None: nobody
    ka_src, ka_dst  unanswered keepalives to caller and callee
    stored          what the database has: None no row, else its variables, names and values in turn (store.py)
    """

    __slots__ = (
        "callback_types",
        "callbacks",
        "callee",
        "caller",
        "callid",
        "deadline",
        "dflags",
        "end_ts",
        "from_rr_nb",
        "from_uri",
        "h_entry",
        "h_id",
        "iflags",
        "init_ts",
        "ka_dst",
        "ka_src",
        "lifetime",
        "memberships",
        "ref",
        "req_uri",
        "sflags",
        "start_ts",
        "state",
        "stored",
        "to_uri",
        "toroute",
        "variables",
    )

    def __init__(self, callid: str, from_uri: str, to_uri: str, req_uri: str, from_tag: str) -> None:
        self.callid, self.from_uri, self.to_uri, self.req_uri = callid, from_uri, to_uri, req_uri
        self.caller, self.callee = Leg(), Leg()
        self.caller.tag = from_tag
        self.h_entry = self.h_id = self.ref = 0
        self.state = UNCONFIRMED
        self.lifetime = self.init_ts = self.start_ts = self.end_ts = self.deadline = 0
        self.dflags = self.iflags = self.sflags = self.from_rr_nb = self.ka_src = self.ka_dst = 0
        self.toroute = ""
        self.variables: dict[str, str] | None = None
        self.memberships: list[Membership] | None = None
        self.callbacks: list[DialogCallback] | None = None
        self.callback_types = 0
        self.stored: tuple[str, ...] | None = None

    def leg(self, side: int) -> Leg:
        """The leg CALLER or CALLEE."""
        return self.callee if side else self.caller

    def __repr__(self) -> str:
        return f"<dialog [{self.h_entry}:{self.h_id}] {self.callid} state {self.state} ref {self.ref}>"


def shown_dflags(dlg: DialogCell, target: str) -> int:
    """`dflags` as a generation shows them: 4.4 has no FLAG_CHANGED_PROF, in 5.6 it shares a bit with FLAG_EXPIRED."""
    flags = dlg.dflags
    if flags & FLAG_CHANGED_PROF and target in ("4.4", "5.6"):
        flags ^= FLAG_CHANGED_PROF
        return flags | FLAG_EXPIRED if target == "5.6" else flags
    return flags
