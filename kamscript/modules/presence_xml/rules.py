"""Presence rules: who may watch somebody, and what of him (RFC 4745, 5025; presence_xml/xcap_auth.c).

A rule holds for the watchers that its conditions name, while they hold; the first one counts. Its `sub-handling` says
what a subscription is answered with.
"""

from __future__ import annotations

import calendar
import re
from typing import TYPE_CHECKING, Final

from kamscript import stores
from kamscript.modules.presence.events import Failed
from kamscript.modules.presence.subscription import ACTIVE, PENDING, POLITE, TERMINATED, Subscription, uri_of
from kamscript.modules.presence.xml import BadDocument, Element, parse
from kamscript.modules.presence_xml.bodies import shown
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.modules.presence_xml import PresenceXml

XCAP_VERSION: Final = 4
#: Kinds of documents in the table.
PRES_RULES: Final = 1 << 1
PIDF_MANIPULATION: Final = 1 << 3

#: By how a value of `sub-handling` begins: status and reason.
_HANDLING: Final = (
    ("block", TERMINATED, "rejected"),
    ("confirm", PENDING, ""),
    ("polite-block", ACTIVE, POLITE),
    ("allow", ACTIVE, ""),
)
_TIME: Final = re.compile(r"(\d{4})-(\d\d?)-(\d\d?).(\d\d?):(\d\d?):(\d\d?)(?:\.\d*)?(?:Z|([+-])(\d\d):(\d\d))?")


class Rules:
    """The rules of one `PresenceXml`."""

    def __init__(self, module: PresenceXml) -> None:
        """Open the database; raises FixupError."""
        self.module = module
        self.db = stores.bind(module.server, module.db_url)
        if stores.table(module.xcap_table) is None:
            self.db.adopt(module.xcap_table, "xcap")
        self.db.check_version(module.xcap_table, XCAP_VERSION)

    # -- documents ----------------------------------------------------------------------------------------------------
    def of(self, user: str, domain: str) -> str | None:
        """The rules of a presentity; None without any; raises Failed."""
        return self._document({"doc_type": PRES_RULES, "username": user, "domain": domain})

    def hard_state(self, user: str, domain: str, file_uri: str) -> str | None:
        """A document that a file holds; None without one; raises Failed."""
        return self._document({"doc_type": PIDF_MANIPULATION, "doc_uri": file_uri})

    def _document(self, where: dict[str, int | str]) -> str | None:
        try:
            rows = self.db.query(self.module.xcap_table, ["doc"], where)
        except DatabaseError as error:
            raise Failed(f"while querying table {self.module.xcap_table}") from error
        if not rows:
            return None
        document = rows[0][0]
        if isinstance(document, bytes):
            document = document.decode("latin-1")
        if not document:
            raise Failed("Xcap doc empty")
        return str(document)

    # -- judging ------------------------------------------------------------------------------------------------------
    def judge(self, subs: Subscription) -> None:
        """Set status and reason of a subscription by its rules; raises Failed (pres_watcher_allowed)."""
        if subs.rules is None:
            subs.status, subs.reason = PENDING, ""
            return
        rule = self._rule(subs)
        if rule is None:
            if subs.status != PENDING:
                subs.status, subs.reason = TERMINATED, self.module.xcapauth_userdel_reason
            return
        subs.status, subs.reason = PENDING, ""
        actions = rule.child("actions")
        handling = actions.child("sub-handling") if actions is not None else None
        if handling is None:
            return
        for word, status, reason in _HANDLING:
            if handling.content.startswith(word):
                subs.status, subs.reason = status, reason
                return
        raise Failed("unknown subscription handling action")

    def apply(self, body: str, subs: Subscription) -> str | None:
        """What a watcher may see of a document; None: all of it; raises Failed (pres_apply_auth)."""
        rule = self._rule(subs)
        if rule is None:
            return None
        try:
            return shown(body, rule)
        except BadDocument as error:
            raise Failed(f"while parsing the xml body message: {error}") from error

    def _rule(self, subs: Subscription) -> Element | None:
        """The rule that holds for a watcher (get_rule_node)."""
        try:
            document = parse(subs.rules or "")
        except BadDocument as error:
            raise Failed(f"parsing xml doc: {error}") from error
        ruleset = document.find("ruleset")
        for rule in ruleset.elements if ruleset is not None else ():
            conditions = rule.child("conditions")
            if conditions is None:
                return None
            try:
                holds = self._valid(conditions) and self._in_sphere(conditions, subs)
            except ValueError:
                self.module.error("failed to parse xml dateTime")
                return None
            if not holds:
                continue
            identity = conditions.child("identity")
            if identity is None:
                self.module.server.log.warning("presence_xml", "didn't find identity tag")
                continue
            if _names(identity, subs):
                return rule
        return None

    def _valid(self, conditions: Element) -> bool:
        """Whether now is in a pair of `from` and `until`; raises ValueError."""
        validity = conditions.child("validity")
        if validity is None:
            return True
        now, start, valid = int(self.module.server.timers.now), None, False
        for time in validity.elements:
            if time.local == "from":
                start = _seconds(time.content)
            elif time.local == "until" and start is not None:
                valid = valid or start <= now <= _seconds(time.content)
                start = None
        return valid

    def _in_sphere(self, conditions: Element, subs: Subscription) -> bool:
        """Whether the presentity is in the sphere that is asked for; nobody knows: yes."""
        wanted = conditions.child("sphere")
        if wanted is None:
            return True
        sphere = self.module.presence.sphere(subs.pres_uri)
        return sphere is None or (wanted.content or wanted.attribute("value") or "").lower() == sphere.lower()


def _names(identity: Element, subs: Subscription) -> bool:
    """Whether `one` or `many` in an identity condition stand for a watcher."""
    uri = uri_of(subs.watcher_user, subs.watcher_domain)
    named = False
    for one in identity.elements:
        if one.local == "one" and one.attribute("id") == uri:
            return True
    for many in identity.elements:
        if many.local != "many":
            continue
        domain = many.attribute("domain")
        if domain is not None and domain != subs.watcher_domain:
            continue
        named = not any(_excepts(each, uri, subs.watcher_domain) for each in many.elements if each.local == "except")
        if named:
            return True
    return named


def _excepts(exception: Element, uri: str, domain: str) -> bool:
    identity = exception.attribute("id")
    if identity is not None:
        return identity == uri
    return exception.attribute("domain") == domain


def _seconds(text: str) -> int:
    """Unix seconds of an XML dateTime, UTC without a zone; raises ValueError."""
    found = _TIME.match(text.strip())
    if found is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    at = calendar.timegm((year, month, day, hour, minute, second, 0, 0, 0))
    if found[7]:
        offset = int(found[8]) * 3600 + int(found[9]) * 60
        at += -offset if found[7] == "+" else offset
    return at
