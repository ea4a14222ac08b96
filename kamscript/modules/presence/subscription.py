"""One subscription: who watches whom, the dialog that NOTIFYs go along, and how it stands (presence/subscribe.h)."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kamscript.modules.presence.events import Event

ACTIVE: Final = 1
PENDING: Final = 2
TERMINATED: Final = 3
WAITING: Final = 4
#: What pres_auth_status() gives for an active watcher who is only told politely.
POLITE_BLOCK: Final = 5

#: `Subscription-State` by status.
STATES: Final = {ACTIVE: "active", PENDING: "pending", TERMINATED: "terminated", WAITING: "waiting"}
POLITE: Final = "polite-block"
TIMEOUT: Final = "timeout"

#: `unwritten` of a subscription in memory: what the timer has to do with its row.
NOTHING, UPDATE, INSERT, WRITTEN_THROUGH = 0, 1, 2, 3

#: `updated`, `updated_winfo`: no notifier has anything to do with it.
NOT_WAITING: Final = -1
WINFO_WAITING: Final = 1


@dataclass(eq=False)
class Subscription:
    """`expires` is in seconds from now, but absolute in a table. `rules` are the presentity's, when they were read."""

    event: Event
    pres_uri: str = ""
    to_user: str = ""
    to_domain: str = ""
    from_user: str = ""
    from_domain: str = ""
    watcher_user: str = ""
    watcher_domain: str = ""
    event_id: str = ""
    to_tag: str = ""
    from_tag: str = ""
    callid: str = ""
    remote_cseq: int = 0
    local_cseq: int = 0
    contact: str = ""
    local_contact: str = ""
    record_route: str = ""
    socket: str = ""
    expires: int = 0
    status: int = 0
    reason: str = ""
    version: int = 0
    flags: int = 0
    user_agent: str = ""
    updated: int = NOT_WAITING
    updated_winfo: int = NOT_WAITING
    received: int = 0  #: Unix seconds of the SUBSCRIBE (6.x, for other nodes)
    rules: str | None = None
    unwritten: int = NOTHING
    by_request: bool = False  #: made of a SUBSCRIBE that is being dealt with

    @property
    def dialog(self) -> tuple[str, str, str]:
        """What the dialog is known by."""
        return self.callid, self.to_tag, self.from_tag

    def copied(self) -> Subscription:
        """Another one, without the rules."""
        other = copy(self)
        other.rules, other.by_request = None, False
        return other


def uri_of(user: str, domain: str) -> str:
    """`sip:user@domain`, or `sip:domain`."""
    return f"sip:{user}@{domain}" if user else f"sip:{domain}"
