"""Doubles: what runs in place of functions and pseudo-variables that are known from the catalogue only.

    server.doubles.set("http_client_query", lambda ctx, url, result: 200)
    server.doubles.set("geoip2_match", 1)
    server.doubles.set("$gip2(src=>cc)", "NO")

One that nobody has set logs an error and is false: a config never goes on as if something had worked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kamscript.module import Accessor, Module, PvRef
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

DoubleCall = Callable[..., int]


class Double(Module):
    """A loaded module that nothing simulates. Its parameters are not checked, its functions are doubles."""

    def __init__(self, server: Server, name: str) -> None:
        super().__init__(server)
        self.double_name = name


class Doubles:
    """The doubles of one server, set by tests or by whoever embeds it; `calls` records every use: (name, arguments)."""

    __slots__ = ("_server", "_set", "calls")

    def __init__(self, server: Server) -> None:
        self._server = server
        self._set: dict[str, Any] = {}
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def set(self, name: str, result: Any) -> None:
        """Use `result` for a function (`name`) or pseudo-variable (`$name(inner)` or `$name`): a value, or a callable.

        A callable gets the context and the arguments (pseudo-variables: the context), and returns the value.
        """
        self._set[name] = result

    def call(self, module: str, function: str, arity: int) -> DoubleCall:
        """What a call site runs."""
        self._server.plan.doubles[module, function, arity] = None

        def run(ctx: Context, *args: Any) -> int:
            self.calls.append((function, args))
            if function not in self._set:
                text = f"function {function} of module {module} is not simulated and no double is set"
                self._server.log.error("<core>", text)
                return -1
            result = self._set[function]
            if callable(result):
                result = result(ctx, *args)
            if isinstance(result, bool):
                return 1 if result else -1
            return int(result) if result is not None else 1

        return run

    def pv(self, ref: PvRef) -> Accessor:
        """The accessor of a pseudo-variable; reads what was set or written, null before."""
        bare = f"${ref.name}"

        def key(ctx: Context) -> str:
            inner = ref.inner(ctx) if callable(ref.inner) else ref.inner
            return bare if inner is None else f"{bare}({inner})"

        def get(ctx: Context) -> Value:
            name = key(ctx)
            result = self._set.get(name, self._set.get(bare))
            found: Value = result(ctx) if callable(result) else result
            return found

        def put(ctx: Context, value: Value) -> None:
            self._set[key(ctx)] = value

        return Accessor(get, put, bare)
