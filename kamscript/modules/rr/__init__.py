"""rr: record routing and loose routing (RFC 3261 16.4, 16.6, 16.12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from kamscript.core.context import Context
from kamscript.module import (
    Accessor,
    Fixup,
    FixupError,
    Int,
    Module,
    Param,
    PvRef,
    Regex,
    Route,
    Str,
    function,
    pv,
    pv_class,
)
from kamscript.modules.rr import loose, record
from kamscript.modules.rr.loose import DOWNSTREAM as RR_FLOW_DOWNSTREAM
from kamscript.modules.rr.loose import UPSTREAM as RR_FLOW_UPSTREAM
from kamscript.script.bind import Shown
from kamscript.script.format import accessor_of
from kamscript.sip.errors import SipError
from kamscript.sip.message import FL_ROUTE_ADDR, FL_RR_ADDED

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.values import Value

#: `(ctx, route_params, param)`: heard by every request that loose_route() routes; the text behind the `;` of our Route.
RrCallback = Callable[["Context", str, Any], object]

_RECORDING = Route.REQUEST | Route.BRANCH | Route.FAILURE


class _Direction(Fixup):
    """`downstream` or `upstream`."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> int:
        if not server.modules["rr"].append_fromtag:  # type: ignore[attr-defined]
            raise FixupError("is_direction() needs the parameter append_fromtag")
        found = {"downstream": RR_FLOW_DOWNSTREAM, "upstream": RR_FLOW_UPSTREAM}.get(text.lower())
        if found is None:
            raise FixupError(f"unknown direction {text!r}: downstream or upstream")
        return found


if TYPE_CHECKING:
    Direction = int
else:
    Direction = Annotated[int, _Direction()]


class Rr(Module, name="rr"):
    """Record-Route and Route. The methods without `rr_` or `pv` are what other modules use (rr/api.h)."""

    append_fromtag = Param(1, "Record-Route tells the caller's tag (`ftag`), which is_direction() needs.")
    enable_double_rr = Param(1, "Two Record-Routes when a request leaves by another socket (1), or always (2).")
    enable_full_lr = Param(0, "Write `lr=on` instead of `lr`.")
    add_username = Param(0, "Record-Route carries the request URI's user.")
    enable_socket_mismatch_warning = Param(1, "Warn when the second of two Routes of ours names no socket.")
    custom_user_avp = Param("", "AVP with the user part of Record-Route (with add_username).")
    force_send_socket = Param(0, "Send by the socket that a single Route of ours names.", since="5.6")
    ignore_sips = Param(0, "Write `sip:` also for a sips request URI.", since="5.6")
    sockname_mode = Param(0, "Record-Route tells the socket's name (`sn`), Routes choose sockets by it.", since="5.6")
    ignore_user = Param("", "A Route with this user is not ours.", until="5.6")
    loose_route_mode_param = Param(
        0,
        "What loose_route() does: 1 never takes a request for a strict router's.",
        name="loose_route_mode",
        since="6.x",
    )

    def __init__(self, server: Server) -> None:
        """Modules loaded before this one register callbacks, too."""
        super().__init__(server)
        self.callbacks: list[tuple[RrCallback, Any]] = []

    def start(self) -> None:
        """Resolve the AVP that names users."""
        self.custom_user: Accessor | None = None
        if self.custom_user_avp:
            try:
                self.custom_user = accessor_of(self.custom_user_avp, self.server)
            except (FixupError, ValueError) as error:
                raise FixupError(f"malformed or non AVP custom_user AVP definition: {error}") from None

    # -- for other modules ----------------------------------------------------------------------------------------
    def record(self, ctx: Context, params: str = "") -> int:
        """record_route(): 1, or -1. `params` is text behind `;lr`, beginning with `;`."""
        msg = ctx.msg
        if msg.msg_flags & FL_RR_ADDED:
            self.server.log.error("rr", "Double attempt to record-route")
            return -1
        if record.record_route(self, ctx, params) < 0:
            return -1
        if ctx.route is not Route.BRANCH:
            msg.msg_flags |= FL_RR_ADDED
        return 1

    def loose(self, ctx: Context) -> int:
        """loose_route(): 1 routed; -1 no Route, or an error; -3 routed by a preloaded Route of ours alone."""
        return loose.loose_route(self, ctx, self.loose_route_mode_param)

    def add_param(self, ctx: Context, text: str) -> int:
        """add_rr_param(): 1, or -1; `text` begins with `;`."""
        return 1 if record.add_rr_param(self, ctx, text) == 0 else -1

    def route_param(self, ctx: Context, name: str) -> str | None:
        """The value of a parameter of the Route that led here (get_route_param): "" without value, None: not there."""
        params = loose.route_params(self, ctx)
        return loose.param_of(params, name) if params else None

    def route_params(self, ctx: Context) -> str | None:
        """All parameters of that Route as text; None: no Route of ours."""
        return loose.route_params(self, ctx)

    def direction(self, ctx: Context) -> int:
        """RR_FLOW_DOWNSTREAM or RR_FLOW_UPSTREAM by the ftag parameter (is_direction); downstream when unknown."""
        return loose.direction(self, ctx)

    def register_callback(self, callback: RrCallback, param: Any = None) -> None:
        """Hear loose-routed requests (register_rrcb); the last registered is called first, as in Kamailio."""
        self.callbacks.insert(0, (callback, param))

    # -- script ---------------------------------------------------------------------------------------------------
    @function(Route.REQUEST)
    def loose_route(self, ctx: Context) -> int:
        """Follow the Route headers of a request within a dialog."""
        return self.loose(ctx)

    @function(Route.REQUEST, since="5.6")
    def loose_route_preloaded(self, ctx: Context) -> bool:
        """Whether loose routing used up a preloaded Route of ours."""
        return loose.loose_route(self, ctx, 0) == loose.PRELOADED

    @function(Route.REQUEST, since="5.6")
    def loose_route_mode(self, ctx: Context, mode: Int) -> int:
        """As loose_route(); mode 1 never takes the request for a strict router's."""
        return loose.loose_route(self, ctx, mode)

    @function(_RECORDING)
    def record_route(self, ctx: Context, params: Str = "") -> int:
        """Add a Record-Route header with our address."""
        return self.record(ctx, params)

    @function(_RECORDING)
    def record_route_preset(self, ctx: Context, address: Str, second: Str = "") -> int:
        """Add Record-Route headers with the given addresses."""
        msg = ctx.msg
        if msg.msg_flags & FL_RR_ADDED:
            self.server.log.error("rr", "Double attempt to record-route")
            return -1
        if second and not self.enable_double_rr:
            self.server.log.error("rr", "Attempt to double record-route while 'enable_double_rr' param is disabled")
            return -1
        for text in (address, second):
            if (text or text is address) and record.record_route_preset(self, ctx, text) < 0:
                return -1
        msg.msg_flags |= FL_RR_ADDED
        loose.state_of(ctx).alone = bool(self.enable_double_rr and not second)
        return 1

    @function(_RECORDING)
    def record_route_advertised_address(self, ctx: Context, address: Str) -> int:
        """Add Record-Route headers with the given address and the transports in use."""
        msg = ctx.msg
        if msg.msg_flags & FL_RR_ADDED:
            self.server.log.error("rr", "Double attempt to record-route")
            return -1
        if record.record_route_advertised(self, ctx, address) < 0:
            return -1
        msg.msg_flags |= FL_RR_ADDED
        return 1

    @function(_RECORDING)
    def add_rr_param(self, ctx: Context, text: Str) -> int:
        """Add a parameter (with its `;`) to the Record-Route made before or later."""
        return self.add_param(ctx, text)

    @function(Route.REQUEST | Route.FAILURE)
    def remove_record_route(self, ctx: Context) -> int:
        """Take back the Record-Route headers added so far."""
        record.remove_record_route(ctx)
        return 1

    @function(Route.REQUEST)
    def check_route_param(self, ctx: Context, pattern: Regex) -> bool:
        """Whether a regular expression matches the parameters (from `;` on) of the Route that led here."""
        params = loose.route_params(self, ctx)
        return bool(params) and pattern.search(f";{params}") is not None

    @function(Route.REQUEST)
    def is_direction(self, ctx: Context, wanted: Direction) -> bool:
        """Whether the request flows "downstream" (from caller to callee) or "upstream"."""
        return loose.direction(self, ctx) == wanted

    @function(Route.ANY, since="5.6")
    def rr_next_hop_route(self, ctx: Context) -> bool:
        """Whether the next hop was taken from a Route behind ours."""
        return bool(ctx.msg.msg_flags & FL_ROUTE_ADDR)

    # -- pseudo-variables -----------------------------------------------------------------------------------------
    @pv_class("route_uri")
    def route_uri(self, ref: PvRef) -> Accessor:
        """The URI of the first Route; null without, which prints nothing at all."""
        return Shown(self._route_uri, lambda ctx: str(self._route_uri(ctx) or ""))

    def _route_uri(self, ctx: Context) -> Value:
        if ctx.msg.first("route") is None:
            return None
        try:
            return loose.entries(ctx.msg)[0].addr.uri
        except SipError:
            return None

    @pv("fti")
    def from_tag_initial(self, ctx: Context) -> Value:
        """The caller's tag, whoever sent this request."""
        msg = ctx.msg
        body = msg.to if loose.direction(self, ctx) == RR_FLOW_UPSTREAM else msg.from_
        return (body.tag or None) if body is not None else None

    @pv("tti")
    def to_tag_initial(self, ctx: Context) -> Value:
        """The callee's tag, whoever sent this request."""
        msg = ctx.msg
        body = msg.from_ if loose.direction(self, ctx) == RR_FLOW_UPSTREAM else msg.to
        return (body.tag or None) if body is not None else None

    @pv_class("rdir")
    def route_direction(self, ref: PvRef) -> Accessor:
        """The direction: `$rdir(id)` 1 downstream, 2 upstream; `$rdir(name)` as text."""
        if ref.inner == "id":
            return Accessor(lambda ctx: loose.direction(self, ctx))
        if ref.inner == "name":
            return Accessor(lambda ctx: "upstream" if loose.direction(self, ctx) == RR_FLOW_UPSTREAM else "downstream")
        raise FixupError(f"unknown PV rdir key: {ref.inner}")
