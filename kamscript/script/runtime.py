"""What compiled routes use while they run, and how a route is started.

Whoever starts a route (core, tm, dialog, rtimer) calls `run`. Values that Kamailio's functions return mean: negative
is false, positive is true, 0 ends the script (as `exit` does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.script.program import RouteFunction


class ScriptExit(Exception):  # noqa: N818 - not an error
    """`exit`, `drop`, or a function that returned 0: the whole script run is over. `code` is what the run returns."""

    def __init__(self, code: int = 0) -> None:
        self.code = code


class EvalError(Exception):
    """An expression has no value (division by zero, a bad regular expression): the statement around it is skipped."""


def run(route: RouteFunction, ctx: Context) -> int:
    """Run `route` from the top: `$rc` starts at 0, `exit` and `drop` end here.

    Returns the code that Kamailio's run_top_route gives: the last statement's value, 0 after exit or drop.
    `ctx.exited` says that exit or drop ended the run, `ctx.drop` that it was drop.
    """
    ctx.rc = 0
    ctx.exited = ctx.drop = False
    try:
        return route(ctx)
    except ScriptExit as end:
        ctx.exited = True
        ctx.rc = end.code
        return end.code
