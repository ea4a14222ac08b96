"""presence_xml: the events with XML documents for module presence.

    bodies.py   presence documents: put together, taken offline, shown as far as rules allow
    rules.py    who may watch whom: documents of the table `xcap`

It adds `presence` (RFC 3856), `presence.winfo` (RFC 3857), `xcap-diff`, and `dialog;sla`.
Source: presence_xml manual, src/modules/presence_xml/ of 5.6; names of 4.4 and 6.x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.module import FixupError, Module, Param, Route, Str, function
from kamscript.modules.presence import Event, Presence
from kamscript.modules.presence.subscription import ACTIVE, Subscription
from kamscript.modules.presence.xml import BadDocument, Element, parse
from kamscript.modules.presence_xml.bodies import Bodies
from kamscript.modules.presence_xml.rules import Rules
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.sl import Sl

__all__ = ["PresenceXml"]


def _server(text: str) -> str | None:
    """What is wrong with `host[:port]`."""
    _, colon, port = text.removeprefix("http://").rpartition(":")
    if not colon or (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        return None
    return f"{text!r} is no host with a port"


class PresenceXml(Module, name="presence_xml", requires=("sl", "presence")):
    """The events `presence`, `presence.winfo`, `dialog;sla` and `xcap-diff` for module presence."""

    db_url = Param("mysql://kamailio:kamailiorw@localhost/kamailio", "Database with the rules; see force_active.")
    xcap_table = Param("xcap", "Table of XCAP documents.")
    disable_presence = Param(0, "1: without the event `presence`.")
    disable_winfo = Param(0, "1: without the event `presence.winfo`.")
    disable_bla = Param(1, "0: with the event `dialog;sla`.")
    disable_xcapdiff = Param(0, "1: without the event `xcap-diff`.")
    force_active = Param(0, "1: everybody may watch everybody; no rules are read.")
    integrated_xcap_server = Param(0, "1: all rules are in the table; 0: what is not is asked for at `xcap_server`.")
    xcap_server = Param("", "An XCAP server, `host:port`.", repeat=True, check=_server)
    passive_mode = Param(0, "1: no events are added, no database is used.")
    xcapauth_userdel_reason = Param("probation", "Reason for watchers who are in the rules no more.")
    force_dummy_presence = Param(0, "1: who has published nothing is told to be open.")
    force_presence_single_body = Param(0, "1: of several documents one is told, not all put together.", since="5.6")
    presence_single_body_priorities = Param(
        "Available|Ringing|On the Phone", "What documents are chosen by; the last counts most.", since="5.6"
    )
    presence_single_body_lookup_element = Param("note", "The element that says it.", since="5.6")
    default_expires = Param(3600, "Seconds for a request without Expires.", since="5.6")

    # -- life ---------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Add the events."""
        if self.passive_mode == 1:
            return
        server = self.server
        self.sl: Sl = server.module("sl")
        self.presence: Presence = server.module("presence")
        self.bodies = Bodies(self)
        self.rules = Rules(self) if self.force_active == 0 else None
        if self.rules is not None and not self.integrated_xcap_server:
            self._xcap_client()
        self._add_events()

    def _xcap_client(self) -> None:
        """Rules that are not in the table would be asked for with HTTP, which nobody does here."""
        if "xcap_client" not in self.server.plan.modules:
            raise FixupError(
                "Can't bind xcap_client: load that module, or set integrated_xcap_server to 1, or force_active to 1"
            )
        if not self.xcap_server:
            raise FixupError("no xcap_server parameter set")
        self.server.log.warning("presence_xml", "XCAP servers are not asked: only rules of the table count")

    def _add_events(self) -> None:
        rules, expires = self.rules, self.default_expires
        if not self.disable_presence:
            self.presence.add_event(
                Event(
                    *("presence", "application/pidf+xml"),
                    default_expires=expires,
                    needs_permission=True,
                    check_publish=self.check_publish,
                    aggregate=self.bodies.aggregate,
                    rules=rules.of if rules is not None else _no_document,
                    judge=rules.judge if rules is not None else _everybody,
                    apply_rules=rules.apply if rules is not None else None,
                    hard_state=rules.hard_state if rules is not None else _no_file,
                )
            )
        if not self.disable_winfo:
            self.presence.add_event(Event("presence.winfo", "application/watcherinfo+xml", default_expires=expires))
        if not self.disable_bla:
            self.presence.add_event(
                Event(
                    *("dialog;sla", "application/dialog-info+xml"),
                    default_expires=expires,
                    etag_kept=True,
                    check_publish=self.check_publish,
                )
            )
        if not self.disable_xcapdiff:
            self.presence.add_event(Event("xcap-diff", "application/xcap-diff+xml", default_expires=expires))

    def error(self, text: str) -> None:
        """An ERROR line."""
        self.server.log.error("presence_xml", text)

    def check_publish(self, ctx: Context) -> bool:
        """Whether a PUBLISH has a document; otherwise it gets 415 (xml_publ_handl)."""
        length = ctx.msg.content_length
        if not length:
            return True
        try:
            parse(ctx.msg.body[:length])
        except BadDocument as error:
            self.error(f"bad body format: {error}")
            self.sl.freply(ctx, 415, "Unsupported media type")
            return False
        return True

    # -- functions ----------------------------------------------------------------------------------------------------
    def _document(self, presentity_uri: str) -> Element | None:
        """The root of what is published of somebody."""
        try:
            parse_uri(presentity_uri)
        except SipError:
            self.error(f"bad uri: {presentity_uri}")
            return None
        event = self.presence.events.find("presence") if self.passive_mode != 1 else None
        if event is None:
            self.error("event presence is not registered")
            return None
        body = self.presence.document(presentity_uri, event)
        try:
            return parse(body).root if body else None
        except BadDocument:
            self.error("while parsing XML memory")
            return None

    @function(Route.ANY)
    def pres_check_basic(self, ctx: Context, presentity_uri: Str, status: Str) -> int:
        """Whether a tuple of what somebody published has this basic status, or one that begins so."""
        root = self._document(presentity_uri)
        first = root.find("tuple") if root is not None else None
        if first is None:
            return -1
        result = -1
        for one in _following(first):
            basic = one.find("basic")
            if basic is None:
                self.error("while extracting 'basic' node")
                return result
            if basic.content.lower().startswith(status.lower()):
                result = 1
        return result

    @function(Route.ANY)
    def pres_check_activities(self, ctx: Context, presentity_uri: Str, activity: Str) -> int:
        """Whether a person is said to be at this activity: -2 without activities."""
        root = self._document(presentity_uri)
        if root is None:
            return -1
        first = root.find("person")
        if first is None:
            return -2
        result = -1
        for one in _following(first):
            activities = one.find("activities")
            if activities is None or not activities.children:
                return max(result, -2) if result > 0 else -2
            if activities.find(activity) is not None:
                result = 1
        return result


def _following(first: Element) -> list[Element]:
    """An element and those of its name behind it."""
    if first.parent is None:
        return [first]
    siblings = first.parent.elements
    return [one for one in siblings[siblings.index(first) :] if one.local == first.local]


def _no_document(user: str, domain: str) -> str | None:
    return None


def _no_file(user: str, domain: str, file_uri: str) -> str | None:
    return None


def _everybody(subs: Subscription) -> None:
    """force_active: nobody has to ask."""
    subs.status, subs.reason = ACTIVE, ""
