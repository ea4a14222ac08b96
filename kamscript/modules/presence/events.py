"""Event packages: what a module says of an event that it adds to presence, and how requests name one.

An event is known by its name, in any letter case, and by all its parameters: `dialog;sla` is another one than `dialog`.
A package and its watcher information (`presence` and `presence.winfo`) know each other.
Source: presence/event_list.c, core/parser/parse_event.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.presence.subscription import Subscription

_BLANKS = " \t\r\n"


class Failed(Exception):
    """What a package was asked for could not be done; the text is for the log."""


class EventName:
    """An Event header, read: the name and its parameters; raises SipError."""

    __slots__ = ("name", "params")

    def __init__(self, text: str) -> None:
        text = text.lstrip(_BLANKS)
        if not text:
            raise SipError("empty Event")
        end = next((at for at, char in enumerate(text) if char in _BLANKS or char == ";"), len(text))
        self.name = text[:end]
        rest = text[end:].lstrip(_BLANKS)
        rest = rest[1:].lstrip(_BLANKS) if rest.startswith(";") else ""
        self.params = {(param.name, param.value) for param in parse_params(rest)[0]} if rest else set()

    @property
    def id(self) -> str:
        """The parameter `id`, "" without one."""
        return next((value or "" for name, value in self.params if name == "id"), "")

    @property
    def is_sla(self) -> bool:
        """Whether it is a shared line: `dialog;sla`, or `dialog;ma`."""
        return self.name.lower() == "dialog" and bool({name.lower() for name, _ in self.params} & {"sla", "ma"})

    def same(self, other: EventName) -> bool:
        """Whether both name one event."""
        return self.name.lower() == other.name.lower() and self.params == other.params


class Event:
    """One event package. What is None or False does not concern it.

    name, content_type   as NOTIFYs print them
    default_expires      seconds, for requests without Expires
    etag_kept            a publication keeps its ETag when it changes
    needs_permission     watchers wait for what `rules` and `judge` say of them
    check_publish        looks at a PUBLISH: False refuses it (it may have replied by itself)
    check_subscribe      the same for a SUBSCRIBE
    aggregate            makes one document of the bodies in force, of which number `offline` (-1 none) has just ended;
                         bodies None: nothing is published; None: there is no document
    rules                the rules of a presentity (user, domain), None without any; raises Failed
    judge                sets `status` and `reason` of a subscription from its `rules`; raises Failed
    apply_rules          what a watcher may see of a document; None: all of it; raises Failed
    hard_state           a document that a file holds (user, domain, file's URI), None without one; raises Failed
    for_watcher          a document made for one subscription; None: as it is
    """

    def __init__(
        self,
        name: str,
        content_type: str,
        *,
        default_expires: int = 3600,
        etag_kept: bool = False,
        needs_permission: bool = False,
        check_publish: Callable[[Context], bool] | None = None,
        check_subscribe: Callable[[Context], bool] | None = None,
        aggregate: Callable[[str, str, list[str] | None, int], str | None] | None = None,
        rules: Callable[[str, str], str | None] | None = None,
        judge: Callable[[Subscription], None] | None = None,
        apply_rules: Callable[[str, Subscription], str | None] | None = None,
        hard_state: Callable[[str, str, str], str | None] | None = None,
        for_watcher: Callable[[Subscription, str | None], str | None] | None = None,
    ) -> None:
        self.name, self.content_type, self.default_expires = name, content_type, default_expires
        self.etag_kept, self.needs_permission = etag_kept, needs_permission
        self.check_publish, self.check_subscribe, self.aggregate = check_publish, check_subscribe, aggregate
        self.rules, self.judge, self.apply_rules = rules, judge, apply_rules
        self.hard_state, self.for_watcher = hard_state, for_watcher
        self.parsed = EventName(name)
        self.is_winfo = self.parsed.name.partition(".")[2].startswith("winfo")
        self.peer: Event | None = None  #: the watcher information of this event, or the event of this one

    @property
    def is_sla(self) -> bool:
        """Whether it is a shared line."""
        return self.parsed.is_sla

    @property
    def is_dialog(self) -> bool:
        """Whether its documents tell of dialogs."""
        return self.parsed.name.lower() == "dialog"


class Events:
    """The events of one server."""

    def __init__(self) -> None:
        self.known: list[Event] = []  #: the last one added comes first

    def add(self, event: Event) -> None:
        """Take an event in, unless it is there."""
        if self.find(event.name) is not None:
            return
        name = event.parsed.name
        other = self.find(name.partition(".")[0] if event.is_winfo else f"{name}.winfo")
        if other is not None:
            event.peer, other.peer = other, event
        self.known.insert(0, event)

    def find(self, name: str) -> Event | None:
        """The event that a text names; None when there is none."""
        try:
            wanted = EventName(name)
        except SipError:
            return None
        return self.search(wanted)

    def search(self, wanted: EventName) -> Event | None:
        """The event that a header names."""
        return next((event for event in self.known if event.parsed.same(wanted)), None)

    @property
    def listing(self) -> str:
        """All of them, for Allow-Events."""
        return ", ".join(event.name for event in self.known)
