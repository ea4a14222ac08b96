"""rr: record routing and loose routing (RFC 3261 16.4, 16.6, 16.12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kamscript.module import Module

if TYPE_CHECKING:
    from kamscript.core.context import Context

RR_FLOW_DOWNSTREAM = 1 << 0  #: from caller to callee
RR_FLOW_UPSTREAM = 1 << 1

#: `(ctx, route_params, param)`: heard by every request that loose_route() routes; the text after the `;` of our Route.
RrCallback = Callable[["Context", str, Any], object]


class Rr(Module, name="rr"):
    """Record-Route and Route. Python API for other modules (rr/api.h)."""

    append_fromtag = 1

    def record(self, ctx: Context, user: str = "") -> int:
        """record_route(): 1, or -1."""
        raise NotImplementedError

    def loose(self, ctx: Context) -> int:
        """loose_route(): 1 routed, -1 no Route for us, -2 preloaded outbound-flow problem."""
        raise NotImplementedError

    def add_param(self, ctx: Context, text: str) -> int:
        """add_rr_param(): 1, or -1; `text` begins with `;`."""
        raise NotImplementedError

    def route_param(self, ctx: Context, name: str) -> str | None:
        """The value of a parameter of the Route header that loose_route() consumed (get_route_param).

        Empty when the parameter has no value; None when there is no such parameter or no Route was consumed.
        """
        raise NotImplementedError

    def route_params(self, ctx: Context) -> str | None:
        """All parameters of that Route header as text."""
        raise NotImplementedError

    def direction(self, ctx: Context) -> int:
        """RR_FLOW_DOWNSTREAM or RR_FLOW_UPSTREAM by the ftag parameter; 0 when it cannot be told (is_direction)."""
        raise NotImplementedError

    def register_callback(self, callback: RrCallback, param: Any = None) -> None:
        """Hear loose-routed requests (register_rrcb); the last registered is called first, as in Kamailio."""
        raise NotImplementedError
