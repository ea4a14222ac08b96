"""uac_redirect: follow redirects. The contacts of 3xx replies, filtered and sorted, become branches.

Source: uac_redirect manual; src/modules/uac_redirect/ of 5.6 and 6.x.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from kamscript.core.branches import Branch, append_branch
from kamscript.module import Fixup, FixupError, Module, Param, Route, Str, function
from kamscript.modules._regex import regcomp
from kamscript.modules.tm.transaction import FakedReply
from kamscript.modules.usrloc import make_ruid
from kamscript.sip.contact import parse_q
from kamscript.sip.errors import SipError
from kamscript.values import unsigned

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.ere import Ere
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.contact import Contact
    from kamscript.sip.message import Message

#: Filters of a kind, the parameter's one counted; contacts of one reply.
_MAX_FILTERS: Final = 6
_MAX_CONTACTS: Final = 16
_ACCOUNTING: Final = ("acc_log_request", "acc_db_request", "acc_request")
_RESET_ADDED, _RESET_DEFAULT = 1, 2
_RESETS: Final = {
    "": 0,
    "reset_all": _RESET_ADDED | _RESET_DEFAULT,
    "reset_default": _RESET_DEFAULT,
    "reset_added": _RESET_ADDED,
}


class Most(NamedTuple):
    """How many contacts are taken: of all replies, and of each; 0 all."""

    in_all: int
    of_each: int


def _number(text: str) -> int:
    if text == "*":
        return 0
    if not re.fullmatch(r"[0-9]{0,5}", text) or int(text or 0) & 0xFFFF > 255:
        raise FixupError(f"bad number <{text}>: 0 to 255, or * for all")
    return int(text or 0) & 0xFFFF


class _MostFixup(Fixup):
    """`total`, or `total:of each branch`."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Most:
        total, _, each = text.partition(":")
        return Most(_number(total), _number(each))


class _FilterFixup(Fixup):
    """A regular expression; an empty one matches nothing."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Ere | None:
        return _compiled(text)


class _ResetFixup(Fixup):
    """Which filters are taken out first."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> int:
        found = _RESETS.get(text.lower())
        if found is None:
            raise FixupError(f"unknown reset type <{text}>: reset_all, reset_default, reset_added, or empty")
        return found


def _compiled(text: str) -> Ere | None:
    if not text:
        return None
    expression = regcomp(text)
    if expression is None:
        raise FixupError(f"{text!r} is no regular expression")
    return expression


class _AccountedFixup(_MostFixup):
    """The same where contacts are accounted."""

    def resolve(self, text: str, server: Server) -> Most:
        module: UacRedirect = server.module("uac_redirect")
        if not module.acc_function:
            raise FixupError("acc support enabled, but no acc function defined: set acc_function")
        return super().resolve(text, server)


if TYPE_CHECKING:
    MostArg = Most
    AccountedArg = Most
    FilterArg = Ere | None
    ResetArg = int
else:
    MostArg = Annotated[object, _MostFixup()]
    AccountedArg = Annotated[object, _AccountedFixup()]
    FilterArg = Annotated[object, _FilterFixup()]
    ResetArg = Annotated[int, _ResetFixup()]


class Filters:
    """The filters of one kind: the parameter's, and those that the script added for one message."""

    def __init__(self, default: Ere | None) -> None:
        self.default = default
        self.with_default = True
        self.added: list[Ere | None] = []

    def reset(self) -> None:
        """Back to the parameter's."""
        self.with_default, self.added = True, []

    def add(self, expression: Ere | None, reset: int) -> bool:
        """One more; False when there are too many already."""
        if 1 + len(self.added) == _MAX_FILTERS:
            return False
        if reset & _RESET_ADDED:
            self.added = []
        if reset & _RESET_DEFAULT:
            self.with_default = False
        self.added.append(expression)
        return True

    def match(self, uri: str) -> bool:
        """Whether one of them does."""
        every = [self.default, *self.added] if self.with_default else self.added
        return any(expression is not None and expression.search(uri) is not None for expression in every)


class UacRedirect(Module, name="uac_redirect", requires=("tm",)):
    """Follow 3xx replies: select contacts by number, regular expression and q, and account each."""

    default_filter = Param("accept", "What becomes of contacts that no filter matches: accept or deny.")
    deny_filter = Param("", "Regular expression for contacts that are left out.")
    accept_filter = Param("", "Regular expression for contacts that are taken.")
    acc_function = Param("acc_log_request", "Function of module acc that accounts redirects; empty: none.")
    acc_db_table = Param("acc", "Table that it writes.")
    bflags = Param(0, "Branch flags of the new branches.")
    flags_hdr_mode = Param(0, "The contact's parameter flags: 1 in place of bflags, 2 beside them.", since="5.6")
    q_value = Param(10, "q of contacts without one, in thousandths.", since="5.6")

    def start(self) -> None:
        """Check the parameters and reach tm and acc."""
        server = self.server
        self.tm = server.module("tm")
        if self.acc_function and "acc" not in server.modules:
            raise FixupError("cannot bind to ACC API: load module acc, or set acc_function to an empty text")
        self.denies = self.default_filter.lower() == "deny"
        if not self.denies and self.default_filter.lower() != "accept":
            self.error(f"unknown default filter <{self.default_filter}>")
        self.accept, self.deny = Filters(_compiled(self.accept_filter)), Filters(_compiled(self.deny_filter))
        self._of: int | None = None  #: number of the message that filters were added for
        self._ruids = 0

    def error(self, text: str) -> None:
        """Log an error."""
        self.server.log.error(self.name, text)

    # -- filters --------------------------------------------------------------------------------------------------
    @function(Route.FAILURE)
    def set_deny_filter(self, ctx: Context, expression: FilterArg, reset: ResetArg) -> bool:
        """Leave out contacts that match, in the next get_redirects(); `reset_all`, `reset_default`, `reset_added`."""
        return self._add(ctx, self.deny, expression, reset)

    @function(Route.FAILURE)
    def set_accept_filter(self, ctx: Context, expression: FilterArg, reset: ResetArg) -> bool:
        """Take contacts that match, in the next get_redirects(); `reset_all`, `reset_default`, `reset_added`."""
        return self._add(ctx, self.accept, expression, reset)

    def _add(self, ctx: Context, filters: Filters, expression: Ere | None, reset: int) -> bool:
        self._follow(ctx)
        if filters.add(expression, reset):
            return True
        self.error("too many filters")
        return False

    def _follow(self, ctx: Context) -> None:
        """Forget filters that were added for another message."""
        number = ctx.msg.number
        if self._of is not None and self._of != number:
            self.server.log.warning(self.name, "filters set but not used -> resetting to default")
            self._reset()
        self._of = number

    def _reset(self) -> None:
        self.accept.reset()
        self.deny.reset()

    def _is_taken(self, uri: str) -> bool:
        if self.accept.match(uri):
            return True
        return not self.denies and not self.deny.match(uri)

    # -- redirects ------------------------------------------------------------------------------------------------
    @function(Route.FAILURE, name="get_redirects")
    def get_redirects(self, ctx: Context, most: MostArg) -> bool:
        """Add contacts of the 3xx replies as branches: `*`, `5`, `5:2` (2 of each reply). False: none was added."""
        return self._redirect(ctx, most, None)

    @function(Route.FAILURE, name="get_redirects")
    def get_redirects_accounted(self, ctx: Context, most: AccountedArg, reason: Str) -> bool:
        """The same; each contact is accounted by acc_function, with this reason."""
        return self._redirect(ctx, most, reason)

    def _redirect(self, ctx: Context, most: Most, reason: str | None) -> bool:
        self._follow(ctx)
        try:
            return ctx.t is not None and self._follow_replies(ctx, ctx.t, most, reason) > 0
        finally:
            self._reset()
            self._of = None

    def _follow_replies(self, ctx: Context, t: Transaction, most: Most, reason: str | None) -> int:
        """How many contacts of the last set of branches were added."""
        first = max((branch.index for branch in t.branches if branch.first_of_set), default=0)
        added = 0
        for branch in t.branches[first:]:
            reply = branch.reply
            if not 300 <= branch.last_received <= 399 or reply is None or isinstance(reply, FakedReply):
                continue
            left = most.in_all - added if most.in_all else None
            wanted = most.of_each or None if left is None else min(left, most.of_each or left)
            if wanted != 0:
                added += self._add_contacts(ctx, self._sorted(reply)[-(wanted or 0) :], reason)
        return added

    def _sorted(self, reply: Message) -> list[tuple[int, Contact]]:
        """The contacts that are taken by q, the lowest first: the last ones are the best; at most 16."""
        try:
            contacts = reply.contacts
        except SipError as error:
            self.error(f"failed to parse Contact body: {error}")
            return []
        if contacts is None or contacts.star or not contacts.groups[0]:
            return []
        found: list[tuple[int, Contact]] = []
        for contact in contacts.backwards():
            if not self._is_taken(contact.uri):
                continue
            q = parse_q(contact.q) if contact.q else self.q_value
            if q is None:
                self.error("invalid q param")
                continue
            found.insert(bisect_right(found, q, key=lambda one: one[0]), (q, contact))
            del found[_MAX_CONTACTS:]
        return found

    def _add_contacts(self, ctx: Context, contacts: list[tuple[int, Contact]], reason: str | None) -> int:
        added = 0
        for q, contact in contacts:
            ruid = self._next_ruid()
            branch = Branch(contact.uri, q=q, flags=self._flags(contact), instance=ruid, ruid=ruid, location_ua=ruid)
            if not append_branch(ctx, branch):
                self.error("failed to add contact to dset")
                continue
            added += 1
            if reason is not None and self.acc_function:
                self._account(ctx, contact.uri, reason)
        return added

    def _flags(self, contact: Contact) -> int:
        given = unsigned(contact.flags) if self.flags_hdr_mode and contact.flags else None
        if given is None:
            return self.bflags
        return given | self.bflags if self.flags_hdr_mode == 2 else given

    def _next_ruid(self) -> str:
        self._ruids += 1
        server = self.server
        return make_ruid("rdir", 0, int(server.started), server.environment.pid, self._ruids)

    def _account(self, ctx: Context, uri: str, reason: str) -> None:
        """A record with the contact as the request URI."""
        acc, msg = self.server.module("acc"), ctx.msg
        complaint = "cfg variable detected - not supported" if "$" in reason else "" if reason else "invalid parameters"
        if complaint:
            acc.error(complaint)
            acc.error("failed execution")
            return
        kept, msg.new_uri = msg.new_uri, uri
        try:
            if self.acc_function == "acc_log_request":
                acc.acc_log_request(ctx, reason)
            elif self.acc_function in _ACCOUNTING:
                getattr(acc, self.acc_function)(ctx, reason, self.acc_db_table)
        finally:
            msg.new_uri = kept
