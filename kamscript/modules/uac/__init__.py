"""uac: act as a client. From and To replaced, challenges answered, requests of the script, remote registrations.

    addresses.py      uac_replace_from() and its kin
    auth.py           uac_auth(): challenges and what answers them
    requests.py       $uac_req(...), uac_req_send(), event_route[uac:reply]
    registrations.py  accounts at other registrars
    loading.py        their table
    registering.py    keeping them registered
    commands.py       the RPC commands

Source: uac manual; behaviour of 5.6; names of 4.4 and 6.x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.rewrite import set_uri
from kamscript.module import (
    Accessor,
    EventRoute,
    FixupError,
    Param,
    PvInt,
    PvRef,
    Route,
    Statistic,
    Str,
    function,
    pv_class,
)
from kamscript.modules._hostport import parse_host_port
from kamscript.modules._variable_args import Variable
from kamscript.modules.dialog.callbacks import DLGCB_LOADED
from kamscript.modules.uac.addresses import FROM, TO, Addresses, Side
from kamscript.modules.uac.auth import Credential, authenticate, parse_credential
from kamscript.modules.uac.commands import RegistrationCommands
from kamscript.modules.uac.registering import Registering
from kamscript.modules.uac.registrations import DISABLED, ONGOING, ONLINE, Registration, UnknownAttribute
from kamscript.modules.uac.requests import Requests
from kamscript.script.format import accessor_of
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.dialog import Dialog
    from kamscript.modules.rr import Rr

_REPLACE = Route.REQUEST | Route.BRANCH
_AUTH = Route.FAILURE
_REQUEST_TO = Route.REQUEST | Route.FAILURE | Route.BRANCH
#: Bits of uac_reg_request_to()'s mode.
_BY_USERNAME, _WITH_HA1 = 1, 2
_RELOAD_DELTA = 30


class Uac(RegistrationCommands, name="uac", requires=("tm",), after=("tm",)):
    """Hide addresses, answer challenges, send requests, register at other registrars."""

    rr_from_store_param = Param("vsf", "Parameter of Record-Route that keeps the From URI.")
    rr_to_store_param = Param("vst", "Parameter of Record-Route that keeps the To URI.")
    restore_mode = Param(
        "auto", "What is restored: `none`, replies only (`manual`), or also the requests that follow (`auto`)."
    )
    restore_dlg = Param(0, "1: keep the URIs in variables of the dialog, when there is one.")
    restore_passwd = Param("", "Password that the URIs in Record-Route are encrypted with.")
    restore_from_avp = Param("", "AVP that keeps the From address for replies.")
    restore_to_avp = Param("", "AVP that keeps the To address for replies.")
    credential = Param("", "Who one is in a realm: `user:realm:password`.", repeat=True)
    auth_realm_avp = Param("", "Variable with the realm for uac_auth(); empty: any realm.")
    auth_username_avp = Param("", "Variable with the user for uac_auth().")
    auth_password_avp = Param("", "Variable with the password for uac_auth().")
    reg_db_url = Param("", "Database with the remote registrations; without it there are none.")
    reg_db_table = Param("uacreg", "Table with the remote registrations.")
    reg_contact_addr = Param("", "Host, port and parameters of the contacts that are registered.")
    reg_timer_interval = Param(90, "Seconds between two rounds over the remote registrations.")
    reg_retry_interval = Param(0, "Seconds until a registration that failed is tried again; 0: never.")
    reg_keep_callid = Param(0, "1: renew registrations with the same Call-ID.", since="5.6")
    reg_random_delay = Param(0, "Wait up to so many seconds before an account is registered first.", since="5.6")
    reg_active = Param(1, "0: register nobody until uac.reg_active says so.", since="5.6")
    reg_gc_interval = Param(150, "Least seconds between two reloads.", since="5.6")
    reg_hash_size = Param(4, "2^n slots of the table of remote registrations, n from 2 to 14.", since="5.6")
    reg_use_domain = Param(0, "1: look for users with their domain.", since="5.6")
    reload_delta = Param(_RELOAD_DELTA, "Least seconds between two reloads, in place of reg_gc_interval.", since="6.x")
    default_socket = Param("", "Socket that REGISTER and uac_req_send() leave by.", since="5.6")
    event_callback = Param(
        "", "KEMI function in place of event_route[uac:reply]; there is no KEMI here: neither runs.", since="5.6"
    )

    regtotal = Statistic("regtotal", "Remote registrations.", reset=False)
    regactive = Statistic("regactive", "As Kamailio counts: minus the REGISTERs without a final reply.", reset=False)
    regdisabled = Statistic("regdisabled", "Remote registrations that failed or were disabled.", reset=False)

    reply = EventRoute("uac:reply", "The final reply to a request of uac_req_send() with $uac_req(evroute).")

    dialog: Dialog | None = None
    registering: Registering | None = None

    # -- life -----------------------------------------------------------------------------------------------------
    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.newer = server.target not in ("4.4", "5.6")  #: what 6.x added works
        self.changed = server.target == "6.x"  #: what 6.x does otherwise is done so
        self.requests = Requests(self)  # pseudo-variables are resolved before modules start

    def start(self) -> None:
        """Check the parameters and reach the other modules."""
        server = self.server
        self.mode = self.restore_mode.lower() or "auto"
        if self.mode not in ("none", "manual", "auto"):
            raise FixupError(f"unsupported value '{self.restore_mode}' for restore_mode: none, manual or auto")
        if self.mode != "none" and not (self.rr_from_store_param and self.rr_to_store_param):
            raise FixupError("rr_from_store_param and rr_to_store_param cannot be empty when URIs are restored")
        self.credentials = [self._credential(text) for text in self.credential]
        self.auth_variables = self._auth_variables()
        self.tm = server.module("tm")
        self.avps: dict[Side, Accessor | None] = {FROM: None, TO: None}
        self.addresses = Addresses(self)
        if self.mode != "none":
            self._start_restoring()
        self.statistics_shown = bool(self.reg_db_url)
        if self.reg_db_url and not self.reg_contact_addr:
            raise FixupError("contact address parameter not set: reg_contact_addr")
        if self.default_socket and self._local_socket(self.default_socket) is None:
            raise FixupError(f"non-local socket <{self.default_socket}>")
        if self.reg_db_url:
            self.registering = Registering(self)

    def _start_restoring(self) -> None:
        server = self.server
        if "rr" not in server.modules:
            raise FixupError("can't load RR API: load module rr, or set restore_mode to none")
        self.rr: Rr = server.module("rr")
        for side, text in ((FROM, self.restore_from_avp), (TO, self.restore_to_avp)):
            if text:
                self.avps[side] = self._avp(text)
        if self.mode == "manual":
            return
        if not self.restore_dlg and not self.rr.append_fromtag:
            raise FixupError("'append_fromtag' RR param is not enabled! - required by AUTO restore mode")
        if self.restore_dlg:
            if "dialog" not in server.modules:
                raise FixupError("failed to find dialog API - is dialog module loaded?")
            self.dialog = server.module("dialog")
        self.rr.register_callback(self.addresses.routed)

    def ready(self) -> None:
        """Hear of dialogs that the database has; read the remote registrations and begin to register."""
        if self.dialog is not None:
            self.dialog.register_dlgcb(None, DLGCB_LOADED, self.addresses.loaded)
        if self.registering is not None:
            self.registering.load()
            self.registering.run()
            self.server.timers.every(max(self.reg_timer_interval, 1), self.registering.run)

    def _credential(self, text: str) -> Credential:
        found = parse_credential(text)
        if found is None:
            raise FixupError(f"parse error in <{text}>: write user:realm:password")
        return found

    def _auth_variables(self) -> tuple[Accessor, Accessor, Accessor] | None:
        texts = (self.auth_realm_avp, self.auth_username_avp, self.auth_password_avp)
        if not any(texts):
            return None
        if not all(texts):
            raise FixupError("partial definition of auth AVP: set auth_realm_avp, auth_username_avp, auth_password_avp")
        realm, user, password = (accessor_of(text, self.server) for text in texts)
        return realm, user, password

    def _avp(self, text: str) -> Accessor:
        if not text.startswith(("$avp(", "$(avp(")):
            raise FixupError(f"malformed or non AVP {text} AVP definition")
        return accessor_of(text, self.server)

    # -- for the parts --------------------------------------------------------------------------------------------
    @property
    def least_between_reloads(self) -> int:
        """Seconds: what 6.x has a parameter of its own for."""
        return self.reload_delta if self.changed or self.reload_delta != _RELOAD_DELTA else self.reg_gc_interval

    def _local_socket(self, text: str) -> ListenSocket | None:
        place = parse_host_port(text, self.server)
        return None if place is None else self.server.find_socket(place.host, place.port, place.proto)

    def socket_of(self, text: str) -> ListenSocket | None:
        """The listen socket that `proto:host:port` names; None for "" and, with a warning, when there is none."""
        socket = self._local_socket(text) if text else None
        if text and socket is None:
            self.warn(f"non-local socket <{text}>")
        return socket

    def critical(self, text: str) -> None:
        """Log what should not happen."""
        self.server.log.critical(self.name, text)

    def error(self, text: str) -> None:
        """Log an error."""
        self.server.log.error(self.name, text)

    def warn(self, text: str) -> None:
        """Log a warning."""
        self.server.log.warning(self.name, text)

    def info(self, text: str) -> None:
        """Log what may be of interest."""
        self.server.log.info(self.name, text)

    # -- From and To ----------------------------------------------------------------------------------------------
    @function(_REPLACE, name="uac_replace_from")
    def uac_replace_from(self, ctx: Context, uri: Str) -> bool:
        """Replace the URI in From; "" leaves it."""
        return self.addresses.replace(ctx, FROM, None, uri)

    @function(_REPLACE, name="uac_replace_from")
    def uac_replace_from_display(self, ctx: Context, display: Str, uri: Str) -> bool:
        """Replace display name (quotes included) and URI in From; "" removes the name, leaves the URI."""
        return self.addresses.replace(ctx, FROM, display, uri)

    @function(_REPLACE, name="uac_replace_to")
    def uac_replace_to(self, ctx: Context, uri: Str) -> bool:
        """Replace the URI in To; "" leaves it."""
        return self.addresses.replace(ctx, TO, None, uri)

    @function(_REPLACE, name="uac_replace_to")
    def uac_replace_to_display(self, ctx: Context, display: Str, uri: Str) -> bool:
        """Replace display name (quotes included) and URI in To; "" removes the name, leaves the URI."""
        return self.addresses.replace(ctx, TO, display, uri)

    @function(Route.REQUEST)
    def uac_restore_from(self, ctx: Context) -> bool:
        """Put back the From URI that the Route tells (for restore_mode manual)."""
        return self._restore(ctx, FROM)

    @function(Route.REQUEST)
    def uac_restore_to(self, ctx: Context) -> bool:
        """Put back the To URI that the Route tells (for restore_mode manual)."""
        return self._restore(ctx, TO)

    def _restore(self, ctx: Context, side: Side) -> bool:
        if self.mode == "none":
            self.error("nothing is restored with restore_mode none")
            return False
        return self.addresses.restore(ctx, side)

    # -- authentication -------------------------------------------------------------------------------------------
    @function(_AUTH, name="uac_auth")
    def uac_auth(self, ctx: Context) -> bool:
        """Answer the challenge of the failed branch; t_relay() sends the request again."""
        return authenticate(self, ctx, 0)

    @function(_AUTH, name="uac_auth", since="5.6")
    @function(_AUTH, name="uac_auth_mode", since="5.6")
    def uac_auth_mode(self, ctx: Context, mode: PvInt) -> bool:
        """The same; 1: the password is a hash HA1."""
        return authenticate(self, ctx, mode)

    # -- requests -------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def uac_req_send(self, ctx: Context) -> bool:
        """Send the request that $uac_req(...) describes."""
        return self.requests.send()

    @pv_class("uac_req")
    def uac_req(self, ref: PvRef) -> Accessor:
        """A part of the request that uac_req_send() sends: method, ruri, furi, turi, hdrs, body, ouri, callid, ..."""
        return self.requests.accessor(ref)

    # -- remote registrations -------------------------------------------------------------------------------------
    def _of_uuid(self, uuid: str) -> Registration | None:
        if self.registering is None:
            self.error("reg hash table not initialized: set reg_db_url")
            return None
        return self.registering.entries.of_uuid(uuid)

    def _of_user(self, user: str, domain: str) -> Registration | None:
        if self.registering is None:
            self.error("reg hash table not initialized: set reg_db_url")
            return None
        return self.registering.entries.of_user(user, domain if self.reg_use_domain else None)

    @function(Route.ANY)
    def uac_reg_lookup(self, ctx: Context, uuid: Str, target: Variable) -> int:
        """Write the local address of an account, `sip:l_username@l_domain`, into a variable."""
        entry = self._of_uuid(uuid)
        return -1 if entry is None else self._write(ctx, target, f"sip:{entry.l_username}@{entry.l_domain}")

    @function(Route.ANY, since="5.6")
    def uac_reg_lookup_uri(self, ctx: Context, uri: Str, target: Variable) -> int:
        """Write the l_uuid of the account with the URI's user as l_username into a variable; -2: no URI."""
        try:
            parsed = parse_uri(uri)
        except SipError:
            self.error("failed to parse uri")
            return -2
        entry = self._of_user(parsed.user, parsed.host)
        return -1 if entry is None else self._write(ctx, target, entry.l_uuid)

    def _write(self, ctx: Context, target: Accessor, text: str) -> int:
        if target.set is None:
            self.error("dst is not w/")
            return -1
        target.set(ctx, text)
        return 1

    @function(Route.ANY, since="5.6")
    def uac_reg_status(self, ctx: Context, uuid: Str) -> int:
        """1 registered, -1 no such account, -2 registering, -3 disabled, -99 waiting."""
        entry = self._of_uuid(uuid)
        if entry is None or self.registering is None:
            return -1
        if entry.flags & ONLINE and entry.timer_expires > self.registering.now:
            return 1
        return -2 if entry.flags & ONGOING else -3 if entry.flags & DISABLED else -99

    @function(_REQUEST_TO)
    def uac_reg_request_to(self, ctx: Context, user: Str, mode: PvInt) -> int:
        """Aim the request at the registrar of an account and set the variables of auth_*_avp to its credentials.

        Bit 1: `user` is an l_username, else an l_uuid. Bit 2: HA1 is the password.
        """
        if mode > _BY_USERNAME | _WITH_HA1:
            self.error("invalid mode")
            return -1
        domain = ""
        if mode & _BY_USERNAME and self.reg_use_domain:
            try:
                parsed = parse_uri(user)
            except SipError:
                self.error("failed to parse uri")
                return -2
            user, domain = parsed.user, parsed.host
        entry = self._of_user(user, domain) if mode & _BY_USERNAME else self._of_uuid(user)
        if entry is None:
            return -1
        set_uri(ctx, f"sip:{entry.r_username}@{entry.r_domain}")
        ctx.msg.dst_uri = entry.auth_proxy
        secret = entry.auth_ha1 if mode & _WITH_HA1 else entry.auth_password
        for variable, value in zip(self.auth_variables or (), (entry.realm, entry.auth_username, secret), strict=False):
            if variable.set is not None:
                variable.set(ctx, value)
        return 1

    @function(Route.ANY, since="5.6")
    def uac_reg_enable(self, ctx: Context, attribute: Str, value: Str) -> int:
        """Register an account again: 1; -2 there is none, -3 accounts are not looked for by this attribute."""
        return self._mark_account(attribute, value, disable=False)

    @function(Route.ANY, since="5.6")
    def uac_reg_disable(self, ctx: Context, attribute: Str, value: Str) -> int:
        """Register an account no more: 1; -2 there is none, -3 accounts are not looked for by this attribute."""
        return self._mark_account(attribute, value, disable=True)

    def _mark_account(self, attribute: str, value: str, *, disable: bool) -> int:
        self.regdisabled.value += 1 if disable else -1  # also when nothing is found
        if self.registering is None:
            self.error("uac remote registrations not enabled: set reg_db_url")
            return -1
        if not attribute or not value:
            self.error("bad parameter values")
            return -1
        try:
            entry = self.registering.entries.search(attribute, value)
        except UnknownAttribute:
            return -3
        if entry is None:
            return -2
        self.registering.mark(entry, disable=disable)
        return 1

    @function(Route.ANY, since="5.6")
    def uac_reg_refresh(self, ctx: Context, uuid: Str) -> bool:
        """Read an account from the database again."""
        if not uuid or self.registering is None:
            self.error("invalid parameters" if self.registering is not None else "no db url")
            return False
        done = self.registering.refresh(uuid)
        if done <= 0:
            self.warn(f"record not found: {uuid}" if done == 0 else f"failed to refresh record: {uuid}")
        return done > 0

    @function(Route.ANY, since="6.x")
    def uac_reg_send_register(self, ctx: Context, attribute: Str, value: Str) -> bool:
        """Send REGISTER for an account now."""
        return self._send_now(attribute, value, leave=False)

    @function(Route.ANY, since="6.x")
    def uac_reg_send_unregister(self, ctx: Context, attribute: Str, value: Str) -> bool:
        """Send REGISTER with `Expires: 0` for an account now."""
        return self._send_now(attribute, value, leave=True)

    def _send_now(self, attribute: str, value: str, *, leave: bool) -> bool:
        entry = None
        try:
            entry = self.registering.entries.search(attribute, value) if self.registering is not None else None
        except UnknownAttribute:
            self.error(f"Unsupported filter attribute {attribute}")
            return False
        if entry is None or self.registering is None:
            self.error("Record not found")
            return False
        (self.registering.unregister if leave else self.registering.send)(entry)
        return True
