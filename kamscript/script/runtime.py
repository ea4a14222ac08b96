"""What compiled routes use while they run, and how a route is started.

Whoever starts a route (core, tm, dialog, rtimer) calls `run`. Values that Kamailio's functions return mean: negative
is false, positive is true, 0 ends the script (as `exit` does).
Source: core/action.c (run_top_route, do_action, run_actions), core/rvalue.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kamscript.module import FixupError
from kamscript.values import Value, decimal, parse_int, to_int, to_str, wrap

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.script.program import RouteFunction

E_UNSPEC = -1
E_BUG = -5


class ScriptExit(Exception):
    """`exit`, `drop`, or a function that returned 0: the whole script run is over. `code` is what the run returns."""

    def __init__(self, code: int = 0) -> None:
        self.code = code


class EvalError(Exception):
    """An expression has no value (division by zero, a bad regular expression): the statement around it is skipped."""


class Bad:
    """Stands for an argument that could not be evaluated: the call gives -1 without running the function."""

    __slots__ = ()


BAD = Bad()
#: The same where Kamailio does not get as far as the function: `$rc` stays as it was.
UNFIXED = Bad()


class Kept(int):
    """What such a call gives: -1, which is not kept in `$rc`."""


KEPT = Kept(E_UNSPEC)


def run(route: RouteFunction, ctx: Context) -> int:
    """Run `route` from the top: `$rc` starts at 0, `exit` and `drop` end here.

    Returns the code that Kamailio's run_top_route gives: the last statement's value, 0 after drop. `ctx.exited` says
    that exit or drop ended the run, `ctx.drop` that it was drop.
    """
    ctx.rc = 0
    ctx.exited = ctx.drop = False
    try:
        return route(ctx)
    except ScriptExit as end:
        ctx.exited = True
        ctx.rc = end.code
        return end.code
    except RecursionError:
        ctx.server.log.error("<core>", "routes call each other without end")
        ctx.exited = True
        return E_UNSPEC


# --- operators on values whose type only shows here -------------------------------------------------------------------


def add(left: Value, right: Value) -> int | str:
    """`left + right`: the sum when `left` is an integer, else the text of both."""
    if left.__class__ is int:
        return wrap(left + to_int(right))
    return to_str(left) + to_str(right)


def equal(left: Value, right: Value) -> bool:
    """`left == right` in the type of `left`; an undefined `left` takes the type of `right`."""
    if left.__class__ is int:
        return left == to_int(right)
    if left is None:
        if right.__class__ is int:
            return right == 0
        return not right
    return left == to_str(right)


def divide(a: int, b: int) -> int:
    """C's division: towards zero. Raises EvalError."""
    if not b:
        raise EvalError("division by zero")
    if a >= 0 and b > 0:
        return a // b
    quotient = abs(a) // abs(b)
    return wrap(quotient if (a < 0) == (b < 0) else -quotient)


def remainder(a: int, b: int) -> int:
    """C's remainder: the sign is that of `a`. Raises EvalError."""
    if not b:
        raise EvalError("remainder of a division by zero")
    rest = abs(a) % abs(b)
    return -rest if a < 0 else rest


def shift_left(a: int, b: int) -> int:
    """`a << b` on 32 bits; the processor takes the low five bits of the count."""
    return wrap(a << (b & 31))


def matches(pattern: str, text: str) -> bool:
    """`text =~ pattern` for a pattern that is only known now. Raises EvalError for a bad one."""
    from kamscript import ere

    try:
        return ere.compile(pattern, icase=True).test(text)
    except ValueError as error:
        raise EvalError(f"bad regular expression {pattern!r}: {error}") from None


# --- calls ------------------------------------------------------------------------------------------------------------


def zero(ctx: Context) -> Context:
    """`ctx`, with `$rc` 0: Kamailio starts a fresh action context for every call inside an expression."""
    ctx.rc = 0
    return ctx


def settle(ctx: Context, result: int) -> int:
    """Keep what a module's function returned in `$rc` and give it as an integer; 0 ends the script."""
    if result is True:
        result = 1
    elif result is False:
        result = E_UNSPEC
    elif result is KEPT:
        return result
    ctx.rc = result
    if not result:
        raise ScriptExit(0)
    return result


def route_value(ctx: Context, function: Callable[..., int]) -> int:
    """`route(NAME)` inside an expression; levels of nesting count from anew."""
    ctx.rc = 0
    code = ctx.rc = function(ctx, 2)
    return code


def guard(function: Callable[..., Any], ctx: Context, *args: Any) -> Any:
    """Call a module's function unless an argument had no value: -1 then."""
    if UNFIXED in args:
        return KEPT
    if BAD in args:
        return E_UNSPEC
    return function(ctx, *args)


def guard_as(no_value: int, function: Callable[..., Any], ctx: Context, *args: Any) -> Any:
    """The same for a function that returns another value then."""
    if BAD in args and UNFIXED not in args:
        return no_value
    return guard(function, ctx, *args)


def number(ctx: Context, value: Value, also_text: bool = False) -> int | Bad:
    """An integer argument from a pseudo-variable: a text is no number here, unless the variable has both forms."""
    if value.__class__ is int:
        return value
    if also_text and value.__class__ is str:
        found = parse_int(value)
        return 0 if found is None else found
    ctx.server.log.error("<core>", "could not convert a pseudo-variable to an integer")
    return BAD


def number_of_digits(ctx: Context, value: Value) -> int | Bad:
    """An integer argument from a pseudo-variable, which may hold it as a text."""
    found = decimal(value) if isinstance(value, str) else value
    return number(ctx, found)


def number_of_text(ctx: Context, text: str) -> int | Bad:
    """An integer argument from an expression's text."""
    found = decimal(text)
    if found is None:
        ctx.server.log.error("<core>", f"not an integer: {text!r}")
        return UNFIXED
    return found


def converted(ctx: Context, convert: Callable[[Value], Any], value: Value) -> Any:
    """An argument through a module's own fix-up; BAD when it refuses the value."""
    try:
        return convert(value)
    except FixupError as error:
        ctx.server.log.error("<core>", str(error))
        return BAD


def failed(ctx: Context, error: EvalError, line: int, column: int) -> None:
    """An expression had no value; the statement around it is skipped."""
    ctx.server.log.error("<core>", f"rval expression evaluation failed ({line},{column}): {error}")


def no_text(ctx: Context, value: Value, target: str) -> None:
    """A computed number is assigned where a text must be: nothing changes."""
    ctx.server.log.error("pv", f"str value required to set {target}")


def set_text(ctx: Context, store: Callable[[Context, Value], object], value: Value, target: str) -> None:
    """A computed value is assigned where a text must be."""
    if value.__class__ is int:
        no_text(ctx, value, target)
    else:
        store(ctx, value)


def too_deep(ctx: Context, level: int) -> int:
    """Routes nested deeper than Kamailio allows: the call gives -1."""
    ctx.server.log.error("<core>", f"too many recursive routing table lookups ({level}) giving up!")
    return E_UNSPEC


def turns(ctx: Context) -> int:
    """How many turns a while loop may take; a large number when there is no limit."""
    limit: int = ctx.server.cfg.core["max_while_loops"]
    return limit if limit > 0 else 1 << 62


def runaway(ctx: Context, line: int, column: int) -> None:
    """A while loop took all its turns."""
    limit = ctx.server.cfg.core["max_while_loops"]
    ctx.server.log.error("<core>", f"runaway while ({line}, {column}): more then {limit} loops")


def set_avp(ctx: Context, key: int | str, value: Value) -> None:
    """`$avp(key) = value`: push in front; null removes the newest."""
    if value is None:
        ctx.avps.delete(key)
    else:
        ctx.avps.push(key, value)


def replace_avp(ctx: Context, key: int | str, value: Value) -> None:
    """`$f.name = value`, the notation of SER: the new value replaces all others."""
    ctx.avps.delete_all(key)
    if value is not None:
        ctx.avps.push(key, value)


def lookup(ctx: Context, name: str) -> Callable[..., int] | None:
    """A request route by a name that is only known now; None, logged, when there is none."""
    from kamscript.module import Route

    # request_route is the route 0, which is also what `route($var(x))` calls when nothing was assigned to it
    found = ctx.server.routes.get((Route.REQUEST, "" if name == "0" else name))
    if found is None:
        ctx.server.log.error("<core>", f'route "{name}" not found')
    return found


def call_named(ctx: Context, name: str, level: int) -> int:
    """`route($var(x));` as a statement: `$rc` stays when there is no such route."""
    function = lookup(ctx, name)
    if function is None:
        return -10  # E_SCRIPT
    code = ctx.rc = function(ctx, level)
    return code


def value_named(ctx: Context, name: str) -> int:
    """`route($var(x))` inside an expression."""
    ctx.rc = 0
    return call_named(ctx, name, 2)


#: Names that generated code uses; they never clash with those made from a config, which begin with a letter.
NAMES: dict[str, Any] = {
    "_wrap": wrap,
    "_int": to_int,
    "_str": to_str,
    "_add": add,
    "_equal": equal,
    "_divide": divide,
    "_remainder": remainder,
    "_shift": shift_left,
    "_matches": matches,
    "_zero": zero,
    "_settle": settle,
    "_route": route_value,
    "_guard": guard,
    "_guard_as": guard_as,
    "_number": number,
    "_number_of_digits": number_of_digits,
    "_number_of_text": number_of_text,
    "_converted": converted,
    "_failed": failed,
    "_no_text": no_text,
    "_set_text": set_text,
    "_too_deep": too_deep,
    "_turns": turns,
    "_runaway": runaway,
    "_set_avp": set_avp,
    "_replace_avp": replace_avp,
    "_call_named": call_named,
    "_value_named": value_named,
    "_Exit": ScriptExit,
    "_EvalError": EvalError,
    "int": int,
    "len": len,
    "str": str,
}
