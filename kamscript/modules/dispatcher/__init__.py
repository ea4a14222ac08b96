"""dispatcher: share requests out among destinations, and keep away from those that do not answer.

    destination.py  one destination: URI, attributes, latency
    sets.py         the sets, their order and weights
    loading.py      list file and database
    hashing.py      the hashes over parts of a request
    selection.py    the algorithms, failover
    records.py      XAVPs (4.4: AVPs) that remember what was selected
    load.py         call load by Call-ID
    states.py       states and the event routes about them
    probing.py      keepalives
    matching.py, addresses.py  ds_is_from_list, ds_is_active
    listing.py, commands.py    the RPC commands
    mi_commands.py  the MI commands of 4.4

Source: dispatcher manual and behaviour of 5.6; names of 4.4 and 6.x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core.cfg import CfgVar
from kamscript.core.rpc import missing
from kamscript.module import (
    Accessor,
    Const,
    EventRoute,
    FixupError,
    Module,
    Param,
    PvDigits,
    PvInt,
    PvRef,
    Route,
    Str,
    function,
    mi,
    pv_class,
    rpc,
)
from kamscript.modules.dispatcher import addresses, commands, listing, loading, matching, mi_commands, selection, states
from kamscript.modules.dispatcher.destination import DNS_TIMER, INACTIVE, NO_DNS, PROBING, Refused, find_socket
from kamscript.modules.dispatcher.load import Calls
from kamscript.modules.dispatcher.probing import ALL, Prober, reply_codes
from kamscript.modules.dispatcher.records import AvpRecords, XavpRecords
from kamscript.modules.dispatcher.selection import TO_DST, TO_RURI, TO_XAVP
from kamscript.modules.dispatcher.sets import Sets
from kamscript.script.format import accessor_of, format_of
from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.mi import Mi, MiReply
    from kamscript.core.rpc import Rpc
    from kamscript.core.sockets import ListenSocket

_SELECT = Route.REQUEST | Route.FAILURE
_MARK = _SELECT | Route.ONREPLY
_FROM = _MARK | Route.BRANCH
_INVALID = (500, "Invalid Parameters")


class Dispatcher(Module, name="dispatcher"):
    """Share requests out among sets of destinations: by hash, in turn, by weight, load or latency."""

    list_file = Param("/etc/kamailio/dispatcher.list", "File with the destination sets.")
    db_url = Param("", "Database with the destination sets, instead of the file.")
    table_name = Param("dispatcher", "Table with the destination sets.")
    setid_col = Param("setid", "Column of the set's number.")
    destination_col = Param("destination", "Column of the URI.")
    flags_col = Param("flags", "Column of the flags.")
    priority_col = Param("priority", "Column of the priority.")
    attrs_col = Param("attrs", "Column of the attributes.")
    force_dst = Param(1, "0: fail when the destination URI is set already.")
    flags = Param(0, "1: hash the user part of URIs only; 2: keep further destinations for failover.")
    use_default = Param(0, "1: the last destination of a set is only used when nothing else is left.")
    xavp_dst = Param("_dsdst_", "XAVP that keeps the selected destinations.", since="5.6")
    xavp_dst_mode = Param(0, "Fields in it: 1 leaves attrs out, 2 adds socket, 4 adds sockname.", since="5.6")
    xavp_ctx = Param("_dsctx_", "XAVP that tells how many were selected.", since="5.6")
    xavp_ctx_mode = Param(0, "1: leave cnt out of it.", since="5.6")
    dst_avp = Param("", "AVP that keeps the selected destinations.", until="5.0")
    grp_avp = Param("", "AVP that keeps their set.", until="5.0")
    cnt_avp = Param("", "AVP that tells how many were selected.", until="5.0")
    dstid_avp = Param("", "AVP that keeps their duid.", until="5.0")
    attrs_avp = Param("", "AVP that keeps their attributes.", until="5.0")
    sock_avp = Param("", "AVP that keeps their socket.", until="5.0")
    hash_pvar = Param("", "Text with pseudo-variables that algorithm 7 hashes.")
    setid_pvname = Param("", "Pseudo-variable that ds_is_from_list() sets to the number of the set.")
    attrs_pvname = Param("", "Pseudo-variable that ds_is_from_list() sets to the attributes.")
    ds_ping_method = Param("OPTIONS", "Method of keepalives.")
    ds_ping_from = Param("sip:dispatcher@localhost", "From URI of keepalives.")
    ds_ping_interval = Param(0, "Seconds between two rounds of keepalives; 0 none.")
    ds_probing_threshold = Param(1, "So many failures in a row make a destination inactive.")
    ds_inactive_threshold = Param(1, "So many successes make an inactive destination active.")
    ds_ping_reply_codes = Param("", "Reply codes beside 2xx that are a success: `code=403;class=3`.")
    ds_probing_mode = Param(0, "Who gets keepalives: 0 probing, 1 all, 2 inactive and probing, 3 probing for good.")
    ds_ping_latency_stats = Param(0, "1: measure how long answers to keepalives take.", since="5.6")
    ds_latency_estimator_alpha = Param(900, "Weight of the past in the estimate, in thousandths.", since="5.6")
    ds_retain_latency_stats = Param(0, "1: keep the measurements when sets are reloaded.", since="6.x")
    ds_ping_fr_timeout = Param(0, "Milliseconds to wait for an answer.", aliases=("ds_ping_fr_timer",), since="6.x")
    ds_ping_socket = Param("", "Socket that keepalives leave by.", since="6.x")
    ds_hash_size = Param(0, "2^n slots for call load; 0: no call load.")
    ds_hash_expire = Param(7200, "Seconds after which a call is forgotten.")
    ds_hash_initexpire = Param(7200, "Seconds after which a call is forgotten that was not answered.")
    ds_hash_check_interval = Param(30, "Seconds between two looks for such calls.")
    outbound_proxy = Param("", "URI that keepalives are sent to.")
    ds_default_socket = Param("", "Socket for destinations that name none.")
    ds_default_sockname = Param("", "Name of that socket.", since="5.6")
    ds_timer_mode = Param(0, "1: a timer process of its own.", inert="there is one process with one timer")
    event_callback = Param(
        "", "KEMI function in place of the event routes; there is no KEMI here: neither runs.", since="5.6"
    )
    event_callback_mode = Param(
        0, "Event routes: 0 always, 1 only for keepalives, 2 also for first states.", since="6.x"
    )
    ds_attrs_none = Param(0, "1: destinations without attributes get none=yes.", since="5.6")
    ds_db_extra_attrs = Param("", "Further columns to add to the attributes: `name=column;...`.", since="5.6")
    ds_load_mode = Param(0, "1: one bad destination refuses the whole list.", since="5.6")
    reload_delta = Param(5, "Least seconds between two reloads.", since="5.6")
    ds_dns_mode = Param(1, "Look hosts up: 1 at load, 2 when matching, 4 also by timer, 8 with SRV.", since="5.6")
    ds_dns_interval = Param(600, "Seconds between look-ups by timer.", since="5.6")
    ds_dns_ttl = Param(
        0, "Seconds to keep answers of the DNS.", since="5.6", inert="the resolver that is handed in keeps no answers"
    )
    ds_dns_match_all = Param(0, "1: match all addresses of a host, up to 32.", since="6.x")

    dst_down = EventRoute("dispatcher:dst-down", "A destination gets no more traffic.")
    dst_up = EventRoute("dispatcher:dst-up", "A destination gets traffic again.")

    db: Any = None
    table_version = 0

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Check the parameters and load the sets."""
        server = self.server
        self.newer = server.target not in ("4.4", "5.6")  #: what 6.x added works
        self.changed = server.target == "6.x"  #: what 6.x does otherwise is done so
        self._made = 0
        self.cause: states.Cause | None = None
        self._reloaded: int | None = None
        self._fetched: tuple[int, str] = (1, "")
        self.extra_attrs: list[tuple[str, str]] = []
        self.cfg = server.cfg.declare(
            "dispatcher",
            [
                CfgVar("probing_threshold", 1, "Failures that make a destination inactive."),
                CfgVar("inactive_threshold", 1, "Successes that make it active."),
                CfgVar("ping_reply_codes", None, "Reply codes that are a success.", kind=str, on_change=self._codes),
            ],
            {
                "probing_threshold": self.ds_probing_threshold,
                "inactive_threshold": self.ds_inactive_threshold,
                "ping_reply_codes": self.ds_ping_reply_codes or None,
            },
        )
        self.default_socket = self._default_socket()
        self.ping_socket = self._socket("ds_ping_socket", self.ds_ping_socket)
        self.alpha = self.ds_latency_estimator_alpha / 1000 if 0 < self.ds_latency_estimator_alpha < 1000 else 0.9
        self.hash_format = format_of(self.hash_pvar, server) if self.hash_pvar else None
        self.setid_target = self._target("setid_pvname", self.setid_pvname)
        self.attrs_target = self._target("attrs_pvname", self.attrs_pvname)
        in_avps = server.target == "4.4" or (server.target == "all" and self.dst_avp)
        self.records: XavpRecords | AvpRecords = AvpRecords(self) if in_avps else XavpRecords(self)
        self.calls = Calls(self)
        self.sets = Sets(self).finish()
        if self.db_url:
            loading.open_table(self)
        if not self.load():
            raise FixupError(f"no dispatching list loaded from {self.table_name if self.db_url else self.list_file}")
        self.prober = Prober(self)
        try:
            self.prober.codes = reply_codes(self.ds_ping_reply_codes)
        except SipError as error:
            raise FixupError(f"ds_ping_reply_codes: {error}") from None

    def ready(self) -> None:
        """Start the timers."""
        timers = self.server.timers
        if self.ds_hash_size > 0:
            timers.every(self.ds_hash_check_interval, self.calls.expire)
        if self.ds_ping_interval > 0:
            timers.every(self.ds_ping_interval, self.prober.run)
        if self.ds_dns_mode & DNS_TIMER:
            timers.every(self.ds_dns_interval if self.ds_dns_interval > 0 else 600, self._resolve)

    def _default_socket(self) -> ListenSocket | None:
        if self.ds_default_sockname:
            socket: ListenSocket | None = self.server.names.named(self.ds_default_sockname)
            if socket is None:
                raise FixupError(f"non-local socket name <{self.ds_default_sockname}>")
            return socket
        return self._socket("ds_default_socket", self.ds_default_socket)

    def _socket(self, param: str, text: str) -> ListenSocket | None:
        try:
            return find_socket(self, text) if text else None
        except Refused as error:
            raise FixupError(f"{param}: {error}") from None

    def _target(self, param: str, text: str) -> Accessor | None:
        target = accessor_of(text, self.server) if text else None
        if target is not None and target.set is None:
            raise FixupError(f"[{text}]- invalid {param}")
        return target

    def _codes(self, old: str | None, new: str | None) -> None:
        try:
            self.prober.codes = reply_codes(new)
        except SipError as error:
            self.error(f"ping_reply_codes: {error}")

    def _resolve(self) -> None:
        for _, entry in self.sets:
            if not entry.flags & NO_DNS:
                if entry.resolve(self):
                    entry.dns_time = self.server.timers.now
                else:
                    self.error(f"could not resolve {entry.host}")
        self.sets.moved()

    # -- for the parts --------------------------------------------------------------------------------------------
    @property
    def now(self) -> int:
        """Unix time in whole seconds."""
        return int(self.server.timers.now)

    def load(self) -> bool:
        """Load the sets; False: those that were there stay."""
        sets = loading.from_database(self) if self.db_url else loading.from_file(self)
        if sets is None:
            return False
        self.sets = sets
        return True

    def reload(self) -> bool:
        """Load the sets again. False also when the database has a destination that was left out; the rest counts."""
        return self.load() and (self.sets.complete or not self.db_url)

    def may_reload(self) -> bool:
        """Whether the last reload is long enough ago; this one counts then."""
        if self._reloaded is not None and self._reloaded > self.now - self.reload_delta:
            self.error("ongoing reload")
            return False
        self._reloaded = self.now
        return True

    def next_iuid(self, number: int) -> str:
        """What 6.x calls the next destination of a set (core/utils/sruid.c)."""
        self._made += 1
        server = self.server
        return f"dspt-{int(server.started):x}-{server.environment.pid:x}-{number:x}-{self._made:x}"

    def shuffle(self, places: list[Any]) -> None:
        """Put 100 places in random order."""
        chance = self.server.environment.chance
        for index in range(len(places)):
            other = chance.randrange(index, len(places))
            places[index], places[other] = places[other], places[index]

    def error(self, text: str) -> None:
        """Log an error."""
        self.server.log.error("dispatcher", text)

    def warn(self, text: str) -> None:
        """Log a warning."""
        self.server.log.warning("dispatcher", text)

    # -- selecting ------------------------------------------------------------------------------------------------
    @function(Route.ANY, name="ds_select", since="5.6")
    def ds_select(self, ctx: Context, group: PvDigits, algorithm: PvDigits) -> int:
        """Select destinations and only keep them for ds_next_dst() and its kin."""
        return selection.select(self, ctx, group, algorithm, 0, TO_XAVP)

    @function(_SELECT, name="ds_select", since="5.6")
    def ds_select_limit(self, ctx: Context, group: PvDigits, algorithm: PvDigits, limit: PvDigits) -> int:
        """The same, keeping at most `limit` destinations."""
        return selection.select(self, ctx, group, algorithm, limit, TO_XAVP)

    @function(_SELECT)
    def ds_select_dst(self, ctx: Context, group: PvDigits, algorithm: PvDigits, limit: PvDigits = 0) -> int:
        """Select a destination and set the destination URI to it."""
        return selection.select(self, ctx, group, algorithm, limit, TO_DST)

    @function(_SELECT)
    def ds_select_domain(self, ctx: Context, group: PvDigits, algorithm: PvDigits, limit: PvDigits = 0) -> int:
        """Select a destination and set the host of the request URI to it."""
        return selection.select(self, ctx, group, algorithm, limit, TO_RURI)

    @function(_SELECT, since="5.6")
    def ds_select_routes(self, ctx: Context, rules: Str, mode: Str, limit: PvInt = 0) -> int:
        """Select from several sets: `1=4;2=8`; `mode` tells what to set (d, r, x)."""
        return selection.select_routes(self, ctx, rules, mode, limit)

    @function(_SELECT)
    def ds_next_dst(self, ctx: Context) -> int:
        """Set the destination URI to the next destination."""
        return selection.update(self, ctx, TO_DST, following=True)

    @function(_SELECT)
    def ds_next_domain(self, ctx: Context) -> int:
        """Set the host of the request URI to the next destination."""
        return selection.update(self, ctx, TO_RURI, following=True)

    @function(_SELECT, since="5.6")
    def ds_set_dst(self, ctx: Context) -> int:
        """Set the destination URI to the current destination."""
        return selection.update(self, ctx, TO_DST, following=False)

    @function(_SELECT, since="5.6")
    def ds_set_domain(self, ctx: Context) -> int:
        """Set the host of the request URI to the current destination."""
        return selection.update(self, ctx, TO_RURI, following=False)

    # -- states ---------------------------------------------------------------------------------------------------
    @function(_MARK)
    def ds_mark_dst(self, ctx: Context, state: Const = "") -> bool:
        """Set the state of the current destination: a, i, t or d, and p for keepalives; without one inactive."""
        wanted = states.of_letters(state) if state else INACTIVE | (PROBING if self.ds_probing_mode == ALL else 0)
        if wanted < 0:
            self.warn(f"Failed to parse state flags: {state}")
            return False
        if not self.flags & selection.FAILOVER:
            self.warn("failover support disabled")
            return False
        record = self.records.current(ctx)
        if record is None:
            return False
        return states.change(self, record.group, record.uri, wanted, states.cause_of(ctx), ctx, marked=True)

    @function(Route.ANY, since="6.x")
    def ds_mark_addr(self, ctx: Context, state: Str, group: PvInt, uri: Str) -> bool:
        """Set the state of a destination by set and URI."""
        wanted = states.of_letters(state)
        if wanted < 0:
            self.warn(f"failed to parse state flags: {state}")
            return False
        return states.change(self, group, uri, wanted, states.cause_of(ctx), ctx, marked=True)

    @function(Route.ANY, since="6.x")
    def ds_oc_set_attrs(self, ctx: Context, group: PvInt, uri: Str, rate: PvInt, interval: PvInt, seq: PvInt) -> int:
        """Leave out `rate` percent of the requests to a destination for `interval` ms (algorithm 64)."""
        found = self.sets.by_id.get(group)
        if found is None:
            return -1
        result = -2
        for entry in found.entries:
            overload = entry.overload
            if entry.key == uri.lower() and overload.sequence < seq:
                overload.rate, overload.sequence = rate, seq
                overload.prepare(self)
                overload.until = self.server.timers.now + (interval if interval > 0 else 500) / 1000
                result = 1
        return result

    # -- asking ---------------------------------------------------------------------------------------------------
    @function(Route.ANY, no_value=-2)
    @function(Route.ANY, name="ds_list_exists", since="5.6", no_value=-2)
    def ds_list_exist(self, ctx: Context, group: PvInt) -> bool:
        """Whether there is such a set."""
        return group in self.sets.by_id

    @function(_FROM, name="ds_is_from_list")
    def ds_is_from_any(self, ctx: Context) -> int:
        """Whether the message comes from the address and port of a destination of any set."""
        return matching.is_from(self, ctx, -1, addresses.ANY_PROTO)

    @function(Route.ANY, name="ds_is_from_list")
    def ds_is_from_set(self, ctx: Context, group: PvInt) -> int:
        """The same for one set."""
        return matching.is_from(self, ctx, group, addresses.ANY_PROTO)

    @function(Route.ANY, name="ds_is_from_list", arity=(2, 3))
    def ds_is_from_list(self, ctx: Context, group: PvInt, mode: PvInt, uri: Str = "") -> int:
        """The same, perhaps of a URI; `mode`: 1 any port, 2 any transport, 4 only active, 8 same socket, 16 best."""
        return matching.is_from(self, ctx, group, mode, uri)

    @function(Route.ANY, since="5.6")
    def ds_is_active(self, ctx: Context, group: PvInt, uri: Str = "") -> bool:
        """Whether a set has an active destination, or whether this one is."""
        return matching.is_active(self, group, uri)

    @function(Route.ANY, since="6.x")
    def ds_dsg_fetch(self, ctx: Context, group: PvInt) -> bool:
        """Choose the set that `$dsg(...)` tells of."""
        self._fetched = (group, "")
        return True

    @function(Route.ANY, since="6.x")
    def ds_dsg_fetch_uri(self, ctx: Context, group: PvInt, uri: Str) -> bool:
        """Choose the set and the destination that `$dsg(...)` tells of."""
        self._fetched = (group, uri)
        return True

    # -- call load ------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def ds_load_update(self, ctx: Context) -> bool:
        """A BYE or CANCEL ends a call, a 2xx to an INVITE confirms it."""
        msg = ctx.msg
        if msg.cseq is None or msg.callid is None:
            self.error("cannot parse cseq and callid headers")
            return False
        if msg.is_request:
            if msg.method in ("BYE", "CANCEL"):
                self.calls.remove(msg.callid)
        elif msg.cseq.method == "INVITE" and msg.status // 100 == 2:
            self.calls.confirm(msg.callid)
        return True

    @function(Route.ANY)
    def ds_load_unset(self, ctx: Context) -> bool:
        """The call is over."""
        if not self.records.name:
            return True
        if ctx.msg.is_request and ctx.msg.method == "INVITE":
            record = self.records.current(ctx)
            if record is None or not record.duid:
                return True
        return self.calls.remove(ctx.msg.callid)

    @function(Route.ANY, since="5.6")
    def ds_reload(self, ctx: Context) -> bool:
        """Read all sets again."""
        return self.may_reload() and self.reload()

    # -- pseudo-variables -----------------------------------------------------------------------------------------
    @pv_class("dsv", since="5.6")
    def dsv(self, ref: PvRef) -> Accessor:
        """In the event routes: `code`, `reason` and `flags` of what changed the state; 6.x: `uri`, `setid`."""
        name = str(ref.inner)
        if name not in _CAUSE_FIELDS and not (self.newer and name in _LATER_CAUSE_FIELDS):
            raise FixupError(f"unknown PV key: {name}")
        field = "setid" if name == "group" else name

        def value(ctx: Context) -> int | str | None:
            found: int | str | None = getattr(self.cause, field, None)
            return None if found == "" else found

        return Accessor(value)

    @pv_class("dsg", since="6.x")
    def dsg(self, ref: PvRef) -> Accessor:
        """Of the set that ds_dsg_fetch() chose: count, active, inactive, ocrate, octime_sec and the like."""
        name = str(ref.inner)
        if name not in _GROUP_FIELDS:
            raise FixupError(f"unknown PV key: {name}")
        return Accessor(lambda ctx: self._of_group(name))

    def _of_group(self, name: str) -> int | None:
        number, uri = self._fetched
        group = self.sets.by_id.get(number)
        if group is None:
            return None
        count = len(group.entries)
        active = group.active
        found = group.by_uri.get(uri.lower()) if uri else None
        overload = found.overload if found is not None else None
        return {
            "count": count,
            "active": active,
            "inactive": count - active,
            "pactive": active * 100 // count,
            "pinactive": (count - active) * 100 // count,
            "octime_sec": int(overload.until) if overload else 0,
            "octime_usec": int(overload.until % 1 * 1_000_000) if overload else 0,
            "ocseq": overload.sequence if overload else 0,
            "ocrate": overload.rate if overload else 0,
        }[name]

    # -- RPC ------------------------------------------------------------------------------------------------------
    @rpc("dispatcher.list")
    def rpc_list(self, rpc: Rpc, mode: str = "") -> None:
        """Show all sets; `short` without attributes, `full` with addresses."""
        listing.show(self, rpc, mode)

    @rpc("dispatcher.reload")
    def rpc_reload(self, rpc: Rpc) -> None:
        """Read all sets again."""
        commands.reload(self, rpc)

    @rpc("dispatcher.set_state")
    @missing(*_INVALID)
    def rpc_set_state(self, rpc: Rpc, state: str, group: int, address: str) -> None:
        """Set the state of a destination, or of `all` in a set."""
        commands.set_state(self, rpc, state, group, address, by_duid=False)

    @rpc("dispatcher.set_duid_state", since="5.6")
    @missing(*_INVALID)
    def rpc_set_duid_state(self, rpc: Rpc, state: str, group: int, duid: str) -> None:
        """Set the state of the destination with a duid."""
        commands.set_state(self, rpc, state, group, duid, by_duid=True)

    @rpc("dispatcher.ping_active")
    def rpc_ping_active(self, rpc: Rpc, state: int = -1) -> None:
        """Switch the keepalives off (0) and on (1), or tell whether they are on."""
        commands.ping_active(self, rpc, state)

    @rpc("dispatcher.add", since="5.6")
    def rpc_add(
        self, rpc: Rpc, group: int | None = None, address: str = "", flags: int = 0, priority: int = 0, attrs: str = ""
    ) -> None:
        """Add a destination until the next reload."""
        commands.add(self, rpc, group, address, flags, priority, attrs)

    @rpc("dispatcher.remove", since="5.6")
    def rpc_remove(self, rpc: Rpc, group: int | None = None, address: str = "") -> None:
        """Remove a destination until the next reload."""
        commands.remove(self, rpc, group, address)

    @rpc("dispatcher.hash", since="5.6")
    @missing(*_INVALID)
    def rpc_hash(self, rpc: Rpc, slots: int, value: str, second: str = "") -> None:
        """The hash of one text or two, and its slot among so many destinations."""
        commands.hash_of(rpc, slots, value, second)

    @rpc("dispatcher.oclist", since="6.x")
    @missing(*_INVALID)
    def rpc_oclist(self, rpc: Rpc, group: int) -> None:
        """Show the overload control of a set."""
        listing.show_overload(self, rpc, group)

    # -- MI -------------------------------------------------------------------------------------------------------
    @mi("ds_set_state")
    def mi_set_state(self, mi: Mi) -> MiReply:
        """Set the state of a destination, or of `all` in a set."""
        return mi_commands.set_state(self, mi)

    @mi("ds_list")
    def mi_list(self, mi: Mi) -> MiReply:
        """Show all sets."""
        return mi_commands.show(self)

    @mi("ds_reload")
    def mi_reload(self, mi: Mi) -> MiReply:
        """Read all sets again."""
        return mi_commands.reload(self)


_CAUSE_FIELDS = frozenset(("code", "reason", "flags"))
_LATER_CAUSE_FIELDS = frozenset(("uri", "setid", "group"))
_GROUP_FIELDS = frozenset(
    ("count", "active", "inactive", "pactive", "pinactive", "octime_sec", "octime_usec", "ocseq", "ocrate")
)
