"""Doubles: functions, routes and pseudo-variables that a test answers for.

    lab.double("http_client_query", 200)                      # any call gives 200
    lab.double("ds_next_dst", [True, False])                  # in turn; a third call fails the test
    lab.double("is_user_in", lambda call, user, group: group == "vip")
    lab.double("ds_select_dst", '$du = "sip:10.0.0.9"; return 1;')      # statements of the config's language
    lab.double("route[AUTH]", True)
    lab.double("$dsv(code)", 200)

    charge = lab.double("http_client_query", 402)
    ...
    charge.called_once_with("http://billing/alice", "<null>")

It works for what kamscript simulates and for what only the catalogue knows. A double that was never needed fails
`lab.verify()`, as does a function that nothing simulates and no double stands for; the pytest plugin calls it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from kamscript.core.doubles import INLINE, Site, config_line
from kamscript.module import FixupError
from kamscript.script.format import accessor_of
from kamscript.script.runtime import ScriptExit
from kamscript.source import did_you_mean
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.lab.lab import Lab
    from kamscript.lab.ready.execute import Commands
    from kamscript.lab.ready.http import Web
    from kamscript.lab.ready.media import MediaRelay
    from kamscript.lab.ready.redis import Redis
    from kamscript.sip.message import Message

MODES: Final = ("strict", "lenient")
#: What a double may give: a value, a callable `(call, *arguments)`, statements; or a list of these, in turn.
Result = Any


class Call(tuple[Any, ...]):
    """One call of a double: the tuple of its arguments, as plain values.

    name        the function, route or pseudo-variable
    texts       the arguments as the config has them: `$var(result)` where the value is what it held; None where that
                is not kept
    where       `file:line` of the config
    message     the message that the route was working on; `first_line` what it was at the time
    result      what the double gave

    `call["$ru"]` reads a pseudo-variable, `call["$ru"] = ...` writes it; `call[1] = ...` writes the pseudo-variable
    that the config gave as the second argument, as functions that hand back a result do.
    """

    name: str
    texts: tuple[str | None, ...]
    where: str
    context: Context
    first_line: str
    result: Any

    @classmethod
    def _of(
        cls, name: str, ctx: Context, args: Sequence[Any], site: Site | None, real: Callable[[], Any] | None
    ) -> Call:
        call = cls(args)
        call.name, call.context, call.result = name, ctx, None
        call.texts = site.texts if site is not None else ()
        call.where = config_line(ctx.server)
        call.first_line = ctx.msg.buf.partition("\r\n")[0]
        call._real = real
        return call

    _real: Callable[[], Any] | None = None

    @property
    def message(self) -> Message:
        """The message that the route was working on."""
        return self.context.msg

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return accessor_of(key, self.context.server).get(self.context)
        return super().__getitem__(key)

    def __setitem__(self, key: int | str, value: Value) -> None:
        text: str | None
        if isinstance(key, int):
            text = self.texts[key] if -len(self.texts) <= key < len(self.texts) else None
            if text is None or text[:1] != "$":
                raise ValueError(f"argument {key + 1} of {self} is no pseudo-variable: {text or self[key]!r}")
        else:
            text = key
        accessor = accessor_of(text, self.context.server)
        if accessor.set is None:
            raise ValueError(f"{text} cannot be written")
        accessor.set(self.context, value)

    def real(self) -> Any:
        """Run what the double stands for, and give its value: so a test looks on without changing anything."""
        if self._real is None:
            raise ValueError(f"nothing simulates {self.name}: there is nothing to run but the double")
        return self._real()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(_quoted, self))})"

    def __repr__(self) -> str:
        return str(self)

    def __hash__(self) -> int:
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)


class Double:
    """What stands for one function, route or pseudo-variable. `calls` are those that it answered, oldest first."""

    def __init__(
        self, lab: Lab, name: str, result: Result, args: Sequence[Any] | None, times: int | None, optional: bool
    ) -> None:
        self.name, self.args, self.optional = name, args, optional
        self.in_turn = isinstance(result, list)
        self.results: list[Any] = [_maker(lab, name, item) for item in (result if self.in_turn else [result])]
        self.times = len(self.results) if self.in_turn else times
        self.calls: list[Call] = []
        self.too_many: list[Call] = []

    # -- what a test asks -----------------------------------------------------------------------------------------
    @property
    def called(self) -> bool:
        """Whether it was called at all."""
        return bool(self.calls)

    @property
    def count(self) -> int:
        """How often it was called."""
        return len(self.calls)

    @property
    def last(self) -> Call:
        """The newest call; AssertionError when there is none."""
        if not self.calls:
            raise AssertionError(f"{self.name} was never called")
        return self.calls[-1]

    def called_once_with(self, *args: Any) -> bool:
        """True when it was called once, with these arguments (`...` stands for any); else AssertionError tells."""
        if len(self.calls) == 1 and _matches(args, self.calls[0]):
            return True
        raise AssertionError(self._complaint("once with", args))

    def called_with(self, *args: Any) -> bool:
        """True when one of its calls had these arguments (`...` stands for any); else AssertionError tells."""
        if any(_matches(args, call) for call in self.calls):
            return True
        raise AssertionError(self._complaint("with", args))

    def not_called(self) -> bool:
        """True when it was never called; else AssertionError tells of the calls. Such a double is not missed."""
        if self.calls:
            raise AssertionError(f"{self.name} was not to be called, but was:\n{_listed(self.calls)}")
        self.optional = True
        return True

    def _complaint(self, how: str, args: Sequence[Any]) -> str:
        wanted = f"{self.name} was to be called {how} ({', '.join(map(_quoted, args))})"
        return f"{wanted}, but it was never called" if not self.calls else f"{wanted}, but was:\n{_listed(self.calls)}"

    # -- answering ------------------------------------------------------------------------------------------------
    def fits(self, args: Sequence[Any]) -> bool:
        """Whether this one answers a call with these arguments."""
        return self.args is None or _matches(self.args, args)

    @property
    def spent(self) -> bool:
        """Whether it has answered as often as it was told to."""
        return self.times is not None and len(self.calls) >= self.times

    def answer(self, call: Call) -> Any:
        """What it gives for one more call."""
        self.calls.append(call)
        result = self.results[len(self.calls) - 1] if self.in_turn else self.results[0]
        call.result = result(call) if callable(result) else result
        return call.result

    def problems(self) -> Iterator[str]:
        """What a test that ends now left undone."""
        shown = self.name if self.args is None else f"{self.name} with ({', '.join(map(_quoted, self.args))})"
        for call in self.too_many:
            told = f"a list of {self.times}" if self.in_turn else f"times={self.times}"
            yield f"{call} was called once more than its double allows ({told}){_at(call)}"
        if self.optional or (self.calls and (self.times is None or len(self.calls) >= self.times)):
            return
        if not self.calls and self.times != 0:
            yield f"the double of {shown} was never needed: drop it, or say optional=True"
        elif self.calls:
            yield f"the double of {shown} was needed {len(self.calls)} times, not {self.times}:\n{_listed(self.calls)}"


class LabDoubles:
    """All doubles of a lab, and the ready ones: `lab.doubles.http`, `.rtpengine`, `.rtpproxy`, `.exec`, `.redis`.

    `mode` says what a function gives that nothing simulates and no double stands for: "strict", it is false, an error
    in the log, and `verify` fails; "lenient", it is 1, a warning in the log, and `missing` lists it.
    """

    def __init__(self, lab: Lab, mode: str = "strict") -> None:
        if mode not in MODES:
            raise ValueError(f"doubles={mode!r}: say one of {', '.join(MODES)}")
        self.lab, self.mode = lab, mode
        self._core = lab.server.doubles
        self._core.lenient = mode == "lenient"
        self._by_name: dict[str, list[Double]] = {}
        self._ready: dict[str, Any] = {}
        self.raised: list[Exception] = []  #: what callables of the test raised; the test is told at the next step
        lab.at_end.append(self.verify)

    # -- setting --------------------------------------------------------------------------------------------------
    def add(
        self,
        name: str,
        result: Result = True,
        *,
        args: Sequence[Any] | None = None,
        times: int | None = None,
        optional: bool = False,
    ) -> Double:
        """See `Lab.double`."""
        if not optional:
            self._check_name(name)
        double = Double(self.lab, name, result, args, times, optional)
        known = self._by_name.get(name)
        if known is None:
            try:
                self._core.set(name, self._handler(name))
            except FixupError as error:
                raise ValueError(str(error)) from None
            known = self._by_name[name] = []
        known.insert(0, double)  # the newest first: a test overrules what its fixtures set
        return double

    def remove(self, name: str) -> None:
        """Forget the doubles of that name; what is simulated runs again."""
        if self._by_name.pop(name, None) is not None:
            self._core.reset(name)

    def __getitem__(self, name: str) -> Double:
        """The newest double of that name."""
        if name not in self._by_name:
            raise KeyError(f"no double is set for {name}; {_some(self._by_name) or 'there are none'}")
        return self._by_name[name][0]

    def _check_name(self, name: str) -> None:
        """Refuse what this config does not use: a slip of the pen, as a rule."""
        from kamscript.script.catalog import catalog

        core = self._core
        if name[:1] == "$" or "[" in name or core.simulated(name) or name in INLINE:
            return
        used = {function for _, function, _ in self.lab.server.plan.doubles}
        needs = self.lab.program.needs.values()
        used |= {need.args[1] for need in needs if need.kind == "double"}
        if name in used:
            return
        called = used | {need.args[2] for need in needs if need.kind == "function"}
        hint = did_you_mean(name, called)
        exporters = {fact.module for fact in catalog().exporters(name)}
        loaded = sorted(exporters & set(self.lab.program.modules))
        if loaded or name in type(self.lab.server.modules["core"]).__dict__:
            text = f"this config never calls {name}(); say optional=True if that is fine"
        elif exporters:
            text = f"this config never calls {name}(), which module {sorted(exporters)[0]} has"
        else:
            text = f"there is no function {name}()"
        raise ValueError(text + (f"; {hint}" if hint else ""))

    def _handler(self, name: str) -> Callable[..., Any]:
        def handle(ctx: Context, *args: Any) -> Any:
            call = Call._of(name, ctx, args, self._core.site, self._core.real)
            fitting = [double for double in self._by_name[name] if double.fits(args)]
            double = next((double for double in fitting if not double.spent), None)
            if double is None:
                return self._nobody(call, fitting)
            try:
                return double.answer(call)
            except ScriptExit:
                raise
            except Exception as error:
                self.raised.append(error)
                ctx.server.log.error("<core>", f"the double of {name} raised {type(error).__name__}: {error}")
                return None if name[:1] == "$" else -1

        return handle

    def _nobody(self, call: Call, fitting: list[Double]) -> Any:
        """A call that no double is for: what is simulated runs; else it is false, and the test is told."""
        if fitting:
            fitting[0].too_many.append(call)
        elif call._real is not None:
            return call.real()
        else:
            args = "\n".join(f"  ({', '.join(map(_quoted, d.args or ()))})" for d in self._by_name[call.name])
            self.raised.append(AssertionError(f"no double of {call.name} is for {call}{_at(call)}; those set:\n{args}"))
        return None if call.name[:1] == "$" else -1

    # -- the end of a test ----------------------------------------------------------------------------------------
    @property
    def lab_only(self) -> bool:
        """Whether a test set a double, or took a ready one, that no other program can be in the place of."""
        return bool(self._by_name or self._ready.keys() - {"rtpengine", "rtpproxy"})

    @property
    def missing(self) -> list[str]:
        """The functions that were called, that nothing simulates and no double stands for: `module: name()`."""
        return [f"{module}: {name}()" for name, module in sorted(self._core.unset.items())]

    def problems(self) -> list[str]:
        """Everything that a test that ends now is to be told of."""
        found = [f"a double raised {type(error).__name__}: {error}" for error in self.raised]
        if self.mode == "strict":
            found += [
                f"{name}() of module {module} was called: kamscript does not simulate it, so say what it gives: "
                f'lab.double("{name}", ...)'
                for name, module in sorted(self._core.unset.items())
            ]
        for doubles in self._by_name.values():
            for double in reversed(doubles):
                found += double.problems()
        for ready in self._ready.values():
            found += ready.problems()
        return found

    def verify(self) -> None:
        """Fail, with all of them, when there are problems."""
        found = self.problems()
        if found:
            raise AssertionError("\n".join(found))

    def tell(self) -> None:
        """Raise what a callable of the test raised."""
        if self.raised:
            raise self.raised.pop(0)

    # -- ready ones -----------------------------------------------------------------------------------------------
    @property
    def http(self) -> Web:
        """What HTTP clients reach; see kamscript.lab.ready.http."""
        return self._get_ready("http")  # type: ignore[no-any-return]

    @property
    def rtpengine(self) -> MediaRelay:
        """An rtpengine; see kamscript.lab.ready.media."""
        return self._get_ready("rtpengine")  # type: ignore[no-any-return]

    @property
    def rtpproxy(self) -> MediaRelay:
        """An rtpproxy; see kamscript.lab.ready.media."""
        return self._get_ready("rtpproxy")  # type: ignore[no-any-return]

    @property
    def exec(self) -> Commands:
        """The shell; see kamscript.lab.ready.execute."""
        return self._get_ready("exec")  # type: ignore[no-any-return]

    @property
    def redis(self) -> Redis:
        """Redis servers; see kamscript.lab.ready.redis."""
        return self._get_ready("redis")  # type: ignore[no-any-return]

    def _get_ready(self, name: str) -> Any:
        found = self._ready.get(name)
        if found is None:
            from kamscript.lab.ready import make

            found = self._ready[name] = make(name, self.lab)
        return found


def _maker(lab: Lab, name: str, result: Any) -> Any:
    """A result as something that takes a Call, or a plain value."""
    if callable(result):
        return _checked(name, result)
    if isinstance(result, str) and name[:1] != "$":
        from kamscript.lab.doubles_script import script_of

        return script_of(lab, name, result)
    if name[:1] == "$":
        if not isinstance(result, int | str | None):
            raise ValueError(f"{name} is an integer, a text or None, not {result!r}")
    elif not isinstance(result, int | None):
        raise ValueError(f"{name} gives an integer, True, False or None, or statements as a text; not {result!r}")
    return int(result) if isinstance(result, bool) and name[:1] == "$" else result


def _checked(name: str, function: Callable[..., Any]) -> Callable[[Call], Any]:
    """A callable of the test, called with the call and its arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        signature = None

    def run(call: Call) -> Any:
        if signature is not None:
            try:
                signature.bind(call, *call)
            except TypeError:
                wanted = f"(call, {len(call)} argument{'s' * (len(call) != 1)})"
                raise TypeError(
                    f"the double of {name} is called as {wanted}, its callable takes {signature}{_at(call)}"
                ) from None
        return function(call, *call)

    return run


def _matches(wanted: Sequence[Any], args: Sequence[Any]) -> bool:
    """Whether arguments are those wanted; a number equals its text, as many functions take their numbers as texts."""
    return len(wanted) == len(args) and all(
        w is ... or w == a or (w is not None and a is not None and str(w) == str(a))
        for w, a in zip(wanted, args, strict=True)
    )


def _quoted(value: Any) -> str:
    return "..." if value is ... else f'"{value}"' if isinstance(value, str) else str(value)


def _at(call: Call) -> str:
    return f" at {call.where}" if call.where else ""


def _listed(calls: Sequence[Call]) -> str:
    return "\n".join(f"  {n}. {call}{_at(call)}, {call.first_line}" for n, call in enumerate(calls, 1))


def _some(names: Any) -> str:
    return "those set: " + ", ".join(sorted(names)) if names else ""
