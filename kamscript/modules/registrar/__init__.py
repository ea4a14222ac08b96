"""registrar: process REGISTER requests and find registered contacts.

    request.py   what a REGISTER says
    save.py      save(), unregister()
    reply.py     the reply
    lookup.py    lookup(), registered() and their kin
    path.py      Path (RFC 3327)
    profiles.py  $ulc(...)
    outcome.py   reply codes and reasons

The contacts are kept by usrloc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from kamscript.core.cfg import CfgVar
from kamscript.module import (
    Accessor,
    Const,
    EventRoute,
    Fixup,
    FixupError,
    Int,
    Module,
    Param,
    PvRef,
    Route,
    Statistic,
    Str,
    function,
    pv_class,
)
from kamscript.modules.registrar import lookup as lookups
from kamscript.modules.registrar import save as saving
from kamscript.modules.registrar.aor import extract_aor
from kamscript.modules.registrar.outcome import Outcome, Rejected
from kamscript.modules.registrar.profiles import EXPIRED, Profile, accessor
from kamscript.modules.registrar.reply import OUTBOUND_NONE, send_reply
from kamscript.modules.usrloc import Contact, Event
from kamscript.modules.usrloc.domain import DB_ONLY
from kamscript.sip.headers import parse_options

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.modules.sl import Sl
    from kamscript.modules.usrloc import Domain, Usrloc

_NAME = "registrar"
_MAX_FLOW_TIMER = 999
_RUID, _CONTACT, _EXPIRES, _RECEIVED, _PATH = 1, 2, 4, 8, 16


#: What stands for the URI that a call leaves out.
OMITTED: Final = "\0"


def _given(uri: str) -> str | None:
    return None if uri == OMITTED else uri


class _TableFixup(Fixup):
    """The name of a location table."""

    constant = True

    def resolve(self, text: str, server: Server) -> Any:
        return server.module("usrloc").register_domain(text)


class _FlagsFixup(Fixup):
    """The flags of save(), decimal or hexadecimal."""

    constant = True

    def resolve(self, text: str, server: Server) -> int:
        try:
            flags = int(text, 16) if text[:2].lower() == "0x" else int(text)
        except ValueError:
            flags = -1
        if not 0 <= flags <= saving.ALL_FLAGS:
            raise FixupError(f"bad flags <{text}>")
        if flags & saving.MEMORY_ONLY and server.module("usrloc").db_mode == DB_ONLY:
            raise FixupError("MEM flag set while using the DB_ONLY mode in USRLOC")
        return flags


if TYPE_CHECKING:
    Table = Domain
    SaveFlags = int
else:
    Table = Annotated[object, _TableFixup()]
    SaveFlags = Annotated[object, _FlagsFixup()]


class State:
    """What the registrar keeps of a message between save() and reg_send_reply()."""

    __slots__ = ("contact_header", "outcome")

    def __init__(self) -> None:
        self.outcome = Outcome.FINE
        self.contact_header = ""


class Registrar(Module, name="registrar", requires=("usrloc", "sl"), after=("usrloc",)):
    """Register contacts, list them, and route requests to them (RFC 3261 10, RFC 3327, RFC 5626, RFC 5627)."""

    default_expires = Param(3600, "Seconds for contacts that ask for no lifetime.")
    default_expires_range = Param(0, "Percent by which chance may shorten default_expires.")
    expires_range = Param(0, "Percent by which chance may shorten a lifetime that was asked for.")
    min_expires = Param(60, "Shortest lifetime in seconds; 0 any.")
    min_expires_mode = Param(0, "A shorter one: 0 becomes min_expires, 1 is refused with 423.", since="5.6")
    max_expires = Param(0, "Longest lifetime in seconds; 0 any.")
    default_q = Param(-1, "q for contacts without one, in thousandths; -1 none.")
    realm_prefix = Param("", "Prefix to strip from the domain of an address of record.")
    append_branches = Param(1, "lookup() adds the further contacts as branches.")
    case_sensitive = Param(0, "Keep the case of the user part.")
    received_avp = Param("", "AVP that holds the source address of a REGISTER, as nathelper sets it.")
    received_param = Param("received", "Contact parameter of the 200 OK that shows it; empty none.")
    max_contacts = Param(0, "Most contacts of an address of record; 0 any number.")
    retry_after = Param(0, "Retry-After of 5xx replies in seconds; 0 none.")
    sock_flag = Param(-1, "Message flag: take the socket from a header or XAVP; -1 none.")
    sock_hdr_name = Param("", "Header that names the socket when `sock_flag` is set.")
    sock_mode = Param(0, "1: keep the advertised address of the socket.", since="5.6")
    method_filtering = Param(0, "lookup() leaves out contacts that do not take the method of an initial request.")
    use_path = Param(0, "Keep Path headers with contacts.")
    path_mode = Param(2, "Path in the reply: 0 never, 1 when supported, 2 required.")
    path_use_received = Param(0, "Take the received parameter of the first Path for the source address.")
    path_check_local = Param(0, "lookup() skips a first Path hop that is this server.")
    xavp_cfg = Param("", "XAVP with settings for single requests.")
    xavp_rcd = Param("", "XAVP that gets details of the contacts found.")
    xavp_rcd_mask = Param(0, "Details to leave out: 1 ruid, 2 contact, 4 expires, 8 received, 16 path.", since="5.6")
    gruu_enabled = Param(1, "Make GRUUs for contacts with an instance.")
    outbound_mode = Param(0, "RFC 5626: 0 not supported, 1 supported, 2 required.")
    regid_mode = Param(0, "1: take reg-id also without outbound.")
    flow_timer = Param(0, "Flow-Timer of the reply in seconds; 0 none.")
    contact_max_size = Param(512, "Longest contact URI.", since="5.6")
    event_callback = Param(
        "", "Function of an embedded script to call for events.", since="5.6", inert="there are no embedded scripts"
    )
    lookup_filter_mode = Param(
        0, "lookup() takes contacts: 1 with flags of rlf_bflags, 2 with an open connection.", since="5.6"
    )
    use_expired_contacts = Param(0, "Use contacts that have expired but are still there.", since="5.6")

    accepted_regs = Statistic("accepted_regs", "Registrations accepted.")
    rejected_regs = Statistic("rejected_regs", "Registrations rejected.")
    max_expires_stat = Statistic("max_expires", "The setting max_expires.", read="read_max_expires", reset=False)
    max_contacts_stat = Statistic("max_contacts", "The setting max_contacts.", read="read_max_contacts", reset=False)
    default_expire_stat = Statistic("default_expire", "The setting.", read="read_default_expires", reset=False)
    default_range_stat = Statistic("default_expires_range", "The setting.", read="read_default_range", reset=False)
    expires_range_stat = Statistic("expires_range", "The setting expires_range.", read="read_range", reset=False)

    contact_expired = EventRoute("usrloc:contact-expired", "A contact expired; $ulc(exp=>...) shows it.")

    def start(self) -> None:
        """Check the parameters and reach usrloc and sl."""
        self.usrloc: Usrloc = self.server.module("usrloc")
        self.sl: Sl = self.server.module("sl")
        self.default_q = max(0, min(1000, self.default_q)) if self.default_q != -1 else -1
        self.cfg = self.server.cfg.declare(
            _NAME,
            _variables(),
            {
                "realm_pref": self.realm_prefix or None,
                **{
                    name: getattr(self, name)
                    for name in (
                        *("default_expires", "default_expires_range", "expires_range", "min_expires", "max_expires"),
                        *("max_contacts", "retry_after", "case_sensitive", "default_q", "append_branches"),
                        "use_expired_contacts",
                    )
                },
            },
        )
        self.server.shared["aor_case_sensitive"] = bool(self.case_sensitive)
        self.received_accessor = self._received_accessor()
        self._profiles: dict[str, Profile] = {}
        self._ruids = 0
        self._started = int(self.server.timers.now)
        if not 0 <= self.outbound_mode <= 2:
            raise FixupError(
                "outbound_mode modparam must be 0 (not supported), 1 (supported), or 2 (supported and required)"
            )
        if not 0 <= self.regid_mode <= 1:
            raise FixupError("regid_mode modparam must be 0 (use with outbound), 1 (use always)")
        if not 0 <= self.flow_timer <= _MAX_FLOW_TIMER or (self.flow_timer and self.outbound_mode == OUTBOUND_NONE):
            raise FixupError("bad value for flow_timer")
        self.sock_bit = self._sock_bit()
        if self.server.route_function(Route.EVENT, self.contact_expired.name) is not None:
            self.usrloc.register_callback(Event.EXPIRE, self._expired)

    def _received_accessor(self) -> Accessor | None:
        if not self.received_avp:
            return None
        from kamscript.script.format import accessor_of

        if not self.received_avp.startswith(("$avp(", "$(avp(")):
            raise FixupError(f"malformed or non AVP {self.received_avp} AVP definition")
        return accessor_of(self.received_avp, self.server)

    def _sock_bit(self) -> int:
        """The message flag that asks for another socket, as a bit; 0 when none can."""
        if not self.sock_hdr_name and not self.xavp_cfg and self.sock_flag != -1:
            self.info("sock_flag defined but no sock_hdr_name or no reg_xavp_cfg -> resetting flag")
            return 0
        if self.sock_hdr_name and self.sock_flag == -1:
            self.info("empty sock_hdr_name or sock_flag not set -> resetting")
            self.sock_hdr_name = ""
        return 1 << self.sock_flag if self.sock_flag != -1 else 0

    # -- functions ------------------------------------------------------------------------------------------------
    @function(Route.REQUEST | Route.FAILURE | Route.ONREPLY)
    def save(self, ctx: Context, domain: Table, flags: SaveFlags = 0, uri: Str = OMITTED) -> int:
        """Save the contacts of a REGISTER and reply to it.

        `flags`: 1 memory only, 2 no reply, 4 keep one contact only, 8 no expires range, 16 prepare the reply's headers
        (with 2). `uri` stands for the To URI. Returns 1 inserted, 2 updated, 3 deleted, 4 listed, -1 error, -2 too
        many contacts.
        """
        return saving.save(self, ctx, domain, flags, _given(uri)) if self._usable(uri) else -1

    @function(Route.REQUEST | Route.FAILURE)
    def lookup(self, ctx: Context, domain: Table, uri: Str = OMITTED) -> int:
        """Replace the request URI by the best contact and add the others as branches.

        Returns 1, -1 no contact, -2 none that takes the method, -3 error.
        """
        return lookups.lookup(self, ctx, domain, _given(uri)) if self._usable(uri) else -1

    @function(Route.REQUEST | Route.FAILURE)
    def lookup_to_dset(self, ctx: Context, domain: Table, uri: Str = OMITTED) -> int:
        """Add all contacts as branches; the request URI stays. Returns as lookup()."""
        return lookups.lookup(self, ctx, domain, _given(uri), rewrite=False) if self._usable(uri) else -1

    @function(Route.REQUEST | Route.FAILURE)
    def lookup_branches(self, ctx: Context, domain: Table) -> int:
        """lookup() for the request URI and for every branch that is only a URI."""
        return lookups.lookup_branches(self, ctx, domain)

    @function(Route.ANY, since="6.x")
    def lookup_xavp(self, ctx: Context, ultable: Str, uri: Str, rxname: Str, cxname: Str) -> int:
        """Leave the contacts of `uri` in the XAVP `cxname`, the address of record and their number in `rxname`."""
        table = self.usrloc.get_domain(ultable)
        if table is None:
            self.error(f"usrloc domain [{ultable}] not found")
            return -1
        return lookups.lookup_xavp(self, ctx, table, uri, rxname, cxname)

    @function(Route.ANY, since="6.x")
    def reg_from_user(self, ctx: Context, ultable: Str, uri: Str, mode: Int) -> int:
        """Whether the message came from where a contact of `uri` is; `mode` 1 compares the port, 2 the transport."""
        table = self.usrloc.get_domain(ultable)
        if table is None:
            self.error(f"usrloc domain [{ultable}] not found")
            return -1
        return lookups.from_user(self, ctx, table, uri, mode)

    @function(Route.ANY)
    def registered(
        self, ctx: Context, domain: Table, uri: Str = OMITTED, match_option: Int = 0, match_action: Int = 0
    ) -> int:
        """Whether the address of record of `uri` (else the request or To URI) has a contact.

        `match_option`: 1 with the Call-ID, 2 the received address, 4 the contact that $xavp(xavp_cfg=>match_callid),
        match_received, match_contact name. `match_action`: 1 restore the contact's XAVPs, 2 leave xavp_rcd alone.
        """
        if not self._usable(uri):
            return -1
        return lookups.registered(self, ctx, domain, _given(uri), match_option, match_action)

    def _usable(self, uri: str) -> bool:
        """A URI may be left out, but not be empty."""
        if not uri:
            self.error("invalid uri parameter")
        return bool(uri)

    @function(Route.REQUEST)
    def add_sock_hdr(self, ctx: Context, hdr_name: Str) -> int:
        """Add a header with the socket on which the request came."""
        msg = ctx.msg
        if not hdr_name or msg.header_error or msg.eoh < 0:
            self.error("invalid header name parameter" if not hdr_name else "failed to parse message")
            return -1
        msg.edits.insert_before(msg.eoh, f"{hdr_name}: {msg.received.socket.text}\r\n")
        return 1

    @function(Route.ANY)
    def unregister(self, ctx: Context, domain: Table, uri: Str, ruid: Str = "") -> int:
        """Delete all contacts of `uri`, or the one with the record id: 1, -1 bad URI, -2 failed, -3 nothing there."""
        if not uri and not ruid:
            self.error("invalid uri parameter")
            return -1
        return saving.unregister(self, domain, uri, ruid or None)

    @function(Route.REQUEST | Route.FAILURE)
    def reg_fetch_contacts(self, ctx: Context, domain: Table, uri: Str, profile: Const) -> int:
        """Make the contacts of `uri` readable as $ulc(profile=>...)."""
        if not uri:
            self.error("invalid uri parameter")
            return -1
        kept = self.profile(profile)
        kept.free()
        try:
            aor, _ = extract_aor(self, uri)
        except Rejected:
            self.error("failed to extract Address Of Record")
            return -1
        kept.fill(domain.name, aor, [])
        record = domain.get_record(aor)
        if record is None:
            return -1
        kept.fill(domain.name, aor, record.contacts)
        domain.release_record(record)
        return 1

    @function(Route.REQUEST | Route.FAILURE)
    def reg_free_contacts(self, ctx: Context, profile: Const) -> int:
        """Forget the contacts of a profile."""
        self.profile(profile).free()
        return 1

    @function(Route.REQUEST | Route.FAILURE, since="5.6")
    def reg_send_reply(self, ctx: Context) -> int:
        """Send the reply that save() with flag 2 did not send."""
        state = ctx.state.get(_NAME) or self.new_state(ctx)
        return 1 if send_reply(self, ctx, state) else -1

    @pv_class("ulc")
    def ulc(self, ref: PvRef) -> Accessor:
        """$ulc(profile=>attribute), `$(ulc(profile=>attribute)[index])`: a contact that was fetched."""
        return accessor(self, ref)

    # -- what the files beside this one use -----------------------------------------------------------------------
    def new_state(self, ctx: Context) -> State:
        """A fresh state for the message."""
        state = ctx.state[_NAME] = State()
        return state

    def profile(self, name: str) -> Profile:
        """The profile of that name."""
        return self._profiles.setdefault(name, Profile())

    def _expired(self, contact: Contact, event: Event) -> None:
        profile = self.profile(EXPIRED)
        profile.fill(contact.domain, contact.aor, [contact])
        self.server.run_event(self.contact_expired.name)

    def next_ruid(self) -> str:
        """A new record id: `uloc-[server id-]start-pid-count`."""
        from kamscript.modules.usrloc import make_ruid

        self._ruids += 1
        pid = self.server.environment.pid
        return make_ruid("uloc", self.usrloc.server_id, self._started, pid, self._ruids)

    def options(self, ctx: Context, kind: str) -> set[str]:
        """Option tags of all headers of a kind (`supported`, `require`)."""
        return {tag for header in ctx.msg.all(kind) for tag in parse_options(header.value)}

    def contact_limit(self, ctx: Context) -> int:
        """Most contacts that the address of record of this request may have; 0 any number."""
        limit = self.config_int(ctx, "max_contacts")
        return int(self.cfg["max_contacts"]) if limit is None else limit

    # -- XAVPs ----------------------------------------------------------------------------------------------------
    @staticmethod
    def xavps(ctx: Context) -> dict[str, list[Any]]:
        """The XAVPs of the message, made when there are none."""
        if ctx.xavps is None:
            ctx.xavps = {}
        return ctx.xavps

    def _config(self, ctx: Context, name: str) -> list[Any]:
        values = ctx.xavps.get(self.xavp_cfg) if self.xavp_cfg and ctx.xavps else None
        inner = values[0] if values else None
        return inner.get(name, []) if isinstance(inner, dict) else []

    def config_int(self, ctx: Context, name: str) -> int | None:
        """A number in the XAVP `xavp_cfg`, None when there is none."""
        return next((value for value in self._config(ctx, name) if isinstance(value, int)), None)

    def config_str(self, ctx: Context, name: str) -> str | None:
        """A text in the XAVP `xavp_cfg`, None when there is none."""
        return next((value for value in self._config(ctx, name) if isinstance(value, str)), None)

    def record_xavp(self, ctx: Context, contact: Contact) -> None:
        """Add the details of a contact to the XAVP `xavp_rcd`."""
        if not self.xavp_rcd:
            return
        values = self.xavps(ctx).setdefault(self.xavp_rcd, [])
        if not values or not isinstance(values[0], dict):
            values.insert(0, {})
        details = (
            (_RUID, "ruid", contact.ruid),
            (_RECEIVED, "received", contact.received or None),
            (_CONTACT, "contact", contact.c),
            (_EXPIRES, "expires", contact.expires - self.usrloc.now),
            (_PATH, "path", contact.path or None),
        )
        for bit, name, value in details:
            if value is not None and not self.xavp_rcd_mask & bit:
                values[0].setdefault(name, []).insert(0, value)

    def restore_xavp(self, ctx: Context, contact: Contact, index: int) -> None:
        """Give the message the XAVP that was kept with a contact, at the index of its branch."""
        if contact.xavp is None:
            return
        values = self.xavps(ctx).setdefault(self.usrloc.xavp_contact, [])
        copy = {name: list(items) for name, items in contact.xavp.items()}
        if index < len(values) and values[index] is None:
            values[index] = copy
            return
        values += [None] * (index - len(values))
        values.insert(index, copy)

    # -- statistics and log ---------------------------------------------------------------------------------------
    def read_max_expires(self) -> int:
        """The setting max_expires."""
        return int(self.cfg["max_expires"])

    def read_max_contacts(self) -> int:
        """The setting max_contacts."""
        return int(self.cfg["max_contacts"])

    def read_default_expires(self) -> int:
        """The setting default_expires."""
        return int(self.cfg["default_expires"])

    def read_default_range(self) -> int:
        """The setting default_expires_range."""
        return int(self.cfg["default_expires_range"])

    def read_range(self) -> int:
        """The setting expires_range."""
        return int(self.cfg["expires_range"])

    def error(self, text: str) -> None:
        """Log an error."""
        self.server.log.error(_NAME, text)

    def warning(self, text: str) -> None:
        """Log a warning."""
        self.server.log.warning(_NAME, text)

    def info(self, text: str) -> None:
        """Log an information."""
        self.server.log.info(_NAME, text)


def _variables() -> list[CfgVar]:
    """The group `registrar` of the configuration framework, in Kamailio's order."""
    return [
        CfgVar("realm_pref", None, "Prefix that is cut off the domain of an address of record.", kind=str),
        CfgVar("default_expires", 3600, "Lifetime in seconds of contacts that ask for none."),
        CfgVar("default_expires_range", 0, "Percent by which chance may shorten default_expires.", high=100),
        CfgVar("expires_range", 0, "Percent by which chance may shorten a lifetime that was asked for.", high=100),
        CfgVar("min_expires", 60, "Shortest lifetime of a contact in seconds; 0: any."),
        CfgVar("max_expires", 0, "Longest lifetime of a contact in seconds; 0: any."),
        CfgVar("max_contacts", 0, "Most contacts of an address of record; 0: any number."),
        CfgVar("retry_after", 0, "Seconds in the Retry-After header of 5xx replies; 0: no such header."),
        CfgVar("case_sensitive", 0, "1: the case of user parts counts. Usually it does not."),
        CfgVar("default_q", -1, "q of contacts that give none, in thousandths; -1: none.", low=-1, high=1000),
        CfgVar("append_branches", 1, "1: lookup() makes branches of the further contacts."),
        CfgVar("use_expired_contacts", 0, "1: contacts that have expired count until they are removed."),
    ]
