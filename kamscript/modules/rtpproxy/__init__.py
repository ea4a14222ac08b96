"""rtpproxy: calls whose media goes through RTP proxies, which are told by a text protocol.

nodes.py    the proxies: sets, selection, which are down
session.py  commands about the call of a message, and its session description
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from kamscript import stores
from kamscript.core.rpc import Struct, missing
from kamscript.module import Accessor, FixupError, Param, Route, Str, function, pv, rpc
from kamscript.modules._number_arg import Number
from kamscript.modules._relays import FOR_EVER, RelayModule, Set, SetFixup
from kamscript.modules.rtpproxy import session
from kamscript.modules.rtpproxy.nodes import Node, Nodes
from kamscript.script.format import accessor_of, format_of
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.core.context import Context, Format
    from kamscript.core.rpc import Rpc

_ANY = Route.ANY
_TABLE_VERSION: Final = 1
_MAX_RECHECK: Final = -1  #: what rtpproxy.list shows for a proxy that was disabled by hand


if TYPE_CHECKING:
    SetNumber = Set[Node] | Accessor
else:
    SetNumber = Annotated[object, SetFixup("rtpproxy")]


class Rtpproxy(RelayModule, name="rtpproxy"):
    """Send the media of calls through RTP proxies."""

    rtpproxy_sock = Param("", "Addresses of a set: `[SET ==] udp:HOST:PORT[=WEIGHT] ...`.", repeat=True)
    rtpproxy_disable_tout = Param(60, "Seconds for which one that does not answer is left alone; -1 for good.")
    rtpproxy_tout = Param(1, "Seconds to wait for an answer.")
    rtpproxy_retr = Param(5, "How often a command is sent when no answer comes.")
    nortpproxy_str = Param("a=nortpproxy:yes", "Line that marks a session description as done; empty: none.")
    timeout_socket = Param("", "Where a proxy tells of sessions without media.")
    timeout_tag_pv = Param("", "Text that it tells then.", since="6.x")
    ice_candidate_priority_avp = Param("", "AVP: 0 no ICE candidates, 1 with high, 2 with low priority.")
    extra_id_pv = Param("", "Text that the flag b adds to the Call-ID.")
    db_url = Param("", "Database with the sets, instead of rtpproxy_sock.")
    table_name = Param("rtpproxy", "Table with the sets.")
    rtp_inst_pvar = Param("", "Variable that gets the address of the proxy that was used.")

    instance: Accessor | None = None
    candidate_priority: Accessor | None = None
    extra_id: Format | None = None
    timeout_tag: Format | None = None
    no_proxy = ""

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Check the parameters and read the sets."""
        server = self.server
        self.no_proxy = self.nortpproxy_str.rstrip("\r\n")
        self.nodes = Nodes(self)
        if self.db_url:
            if any(self.rtpproxy_sock):
                self.warn("rtpproxy db url configured - ignoring modparam sets")
            self._load()
        else:
            for line in self.rtpproxy_sock:
                self.nodes.add_line(line)
        if self.ice_candidate_priority_avp:
            self.candidate_priority = self._variable(self.ice_candidate_priority_avp, ("avp",))
        if self.rtp_inst_pvar:
            self.instance = self._variable(self.rtp_inst_pvar, ("avp", "xavp", "var"))
        if self.extra_id_pv:
            self.extra_id = format_of(self.extra_id_pv, server)
        if self.timeout_tag_pv:
            self.timeout_tag = format_of(self.timeout_tag_pv, server)
        elif self.timeout_socket and server.target == "6.x":
            raise FixupError("The timeout_tag_pv has to be set along with timeout_socket")

    def ready(self) -> None:
        """Ask every proxy for its version."""
        self.nodes.test_all()

    def _variable(self, text: str, kinds: tuple[str, ...]) -> Accessor:
        if not any(text.startswith((f"${kind}(", f"$({kind}(")) for kind in kinds):
            raise FixupError(f"malformed or non {' or '.join(kind.upper() for kind in kinds)} definition <{text}>")
        return accessor_of(text, self.server)

    def _load(self) -> None:
        self.db = stores.bind(self.server, self.db_url)
        self.db.adopt(self.table_name, "rtpproxy")
        try:
            version = self.db.table_version(self.table_name)
            rows = self.db.query(self.table_name, ["setid", "url", "weight", "flags"])
        except DatabaseError as error:
            self.error(f"error while running db query: {error}")
            return
        if version != _TABLE_VERSION:
            self.error(f"invalid version {version} for table {self.table_name} found, expected {_TABLE_VERSION}")
            return
        if not rows:
            self.warn("No rtpproxy instances in database")
        for number, url, weight, flags in rows:
            try:
                self.nodes.add(str(number or ""), str(url or ""), int(weight or 0), disabled=bool(flags))
            except FixupError as error:
                self.error(str(error))

    # -- sets -----------------------------------------------------------------------------------------------------
    def selected(self, ctx: Context) -> Set[Node] | None:
        """The set of this message: the one chosen, or set 0."""
        found: Set[Node] | None = ctx.state.get(self.name) or self.nodes.sets.get(0)
        return found

    @function(_ANY)
    def set_rtp_proxy_set(self, ctx: Context, number: SetNumber) -> bool:
        """Choose the set for this message."""
        if isinstance(number, Accessor):
            value = number.get(ctx)
            if not isinstance(value, int):
                self.error("pv param must hold an integer value")
                return False
            found = self.nodes.sets.get(value)
            if found is None:
                self.error(f"could not locate rtpproxy set {value}")
                return False
        else:
            found = number
        ctx.state[self.name] = found
        return True

    # -- calls ----------------------------------------------------------------------------------------------------
    @function(_ANY, arity=(0, 1))
    def rtpproxy_offer(self, ctx: Context, flags: Str = "") -> int:
        """Offer the streams of the message; the session description gets the proxy's address and ports."""
        return session.force(self, ctx, flags, "", offer=True, forced=False)

    @function(_ANY, name="rtpproxy_offer")
    def rtpproxy_offer_ip(self, ctx: Context, flags: Str, ip: Str) -> int:
        """The same with this address instead of the proxy's."""
        return session.force(self, ctx, flags, ip, offer=True, forced=True)

    @function(_ANY, arity=(0, 1))
    def rtpproxy_answer(self, ctx: Context, flags: Str = "") -> int:
        """Answer with the streams of a reply or ACK."""
        if ctx.msg.is_request and ctx.msg.method != "ACK":
            return -1
        return session.force(self, ctx, flags, "", offer=False, forced=False)

    @function(_ANY, name="rtpproxy_answer")
    def rtpproxy_answer_ip(self, ctx: Context, flags: Str, ip: Str) -> int:
        """The same with this address instead of the proxy's."""
        if ctx.msg.is_request and ctx.msg.method != "ACK":
            return -1
        return session.force(self, ctx, flags, ip, offer=False, forced=True)

    @function(_ANY, arity=(0, 1))
    def rtpproxy_manage(self, ctx: Context, flags: Str = "") -> int:
        """Offer, answer or destroy, as the message and the route ask for."""
        return session.manage(self, ctx, flags, "", forced=False)

    @function(_ANY, name="rtpproxy_manage")
    def rtpproxy_manage_ip(self, ctx: Context, flags: Str, ip: Str) -> int:
        """The same with this address instead of the proxy's."""
        return session.manage(self, ctx, flags, ip, forced=True)

    @function(_ANY)
    @function(_ANY, name="unforce_rtp_proxy")
    def rtpproxy_destroy(self, ctx: Context, flags: Str = "") -> int:
        """End the session."""
        return session.destroy(self, ctx, flags)

    @function(_ANY)
    def start_recording(self, ctx: Context) -> int:
        """Record what the sender of the message says."""
        return session.record(self, ctx)

    @function(_ANY)
    def rtpproxy_stream2uac(self, ctx: Context, prompt: Str, count: Number) -> int:
        """Play a file to the caller so many times, -1 until it is stopped."""
        return session.stream(self, ctx, prompt, count, to_caller=True)

    @function(_ANY)
    def rtpproxy_stream2uas(self, ctx: Context, prompt: Str, count: Number) -> int:
        """Play a file to the called."""
        return session.stream(self, ctx, prompt, count, to_caller=False)

    @function(_ANY)
    def rtpproxy_stop_stream2uac(self, ctx: Context) -> int:
        """Play nothing to the caller any more."""
        return session.stream(self, ctx, None, 0, to_caller=True)

    @function(_ANY)
    def rtpproxy_stop_stream2uas(self, ctx: Context) -> int:
        """Play nothing to the called any more."""
        return session.stream(self, ctx, None, 0, to_caller=False)

    @pv("rtpstat")
    @pv("rtppstat", since="5.6")
    def rtpstat(self, ctx: Context) -> str | None:
        """What a proxy tells of the session: seconds left, packets from both sides, relayed, dropped."""
        return session.statistics(self, ctx)

    # -- RPC ------------------------------------------------------------------------------------------------------
    @rpc("rtpproxy.list", since="5.6")
    def list(self, rpc: Rpc) -> None:
        """All proxies."""
        for one in self.nodes.sets.values():
            for node in one.nodes:
                rpc.add(
                    Struct(
                        setid=one.number,
                        url=node.url,
                        index=node.index,
                        disabled=int(node.disabled),
                        weight=node.weight,
                        recheck=_MAX_RECHECK if node.recheck == FOR_EVER else node.recheck,
                    )
                )

    @rpc("rtpproxy.enable", since="5.6")
    @missing(500, "Not enough parameters")
    def enable(self, rpc: Rpc, url: str, enable: int) -> None:
        """Disable a proxy (0) until it is enabled (1)."""
        found = [node for one in self.nodes.sets.values() for node in one.nodes if node.url == url]
        if not found:
            raise rpc.fault(404, "RTPProxy not found")
        for node in found:
            node.disabled, node.recheck = not enable, 0 if enable else FOR_EVER
