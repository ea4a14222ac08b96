"""`kamscript new-tests CONFIG`: a first test file for a config, which says what the config does today.

Each test is tried in the lab while it is written: what the config answers then is what the test asks for. So the file
passes as it stands, and shows where the config does something that nobody meant.
"""

from __future__ import annotations

import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kamscript.lab import Lab
from kamscript.lab.subscribers import PASSWORD, subscribers
from kamscript.module import Route

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

DONE, EXISTS = 0, 1

_HEAD = '''"""First tests of {config}: what it does today. Change what is not meant that way, and go on from here."""

import pytest

from kamscript.lab import Lab
{users}

@pytest.fixture
def sip(lab) -> Lab:
    return lab({arguments})
'''


def new_tests(options: argparse.Namespace) -> int:
    """Write the file; 1 when there is one already."""
    from kamscript.loader import UsageError, defines_of

    config = Path(options.config)
    target = Path(options.output) if options.output else config.parent / f"test_{_word(config.stem)}.py"
    if target.exists() and not options.force:
        print(f"kamscript: {target} exists: name another file with -o, or replace it with --force", file=sys.stderr)
        return EXISTS
    defines = defines_of(options.defines)
    text = written(config, os.path.relpath(config, target.parent or "."), defines, options.target)
    try:
        target.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from None
    count = text.count("\ndef test_")
    print(f"{target}: {count} tests; run them: pytest {target}")
    return DONE


def written(config: Path, name: str, defines: Mapping[str, str], target: str | None) -> str:
    """The text of the test file; `name` is how the tests name the config. Raises ConfigError when it does not load."""
    arguments = [repr(name).replace("'", '"')]
    if defines:
        arguments.append(f"defines={dict(defines)!r}".replace("'", '"'))
    if target:
        arguments.append(f"target={target!r}")

    def fresh(**more: Any) -> Lab:
        return Lab(config, defines=defines, target=target, **more)

    rows = subscribers(fresh, ("bob", "alice"))
    if rows:
        arguments.append("database=USERS")
        fresh = partial(fresh, database=rows)
    tests = [*_whole(fresh, f', password="{PASSWORD}"' if rows else ""), *_routes(fresh)]
    lines = "".join(f"        {row!r},\n" for row in rows.get("subscriber", ())).replace("'", '"')
    users = f'\nUSERS = {{\n    "subscriber": [\n{lines}    ]\n}}\n' if rows else ""
    head = _HEAD.format(config=name, arguments=", ".join(arguments), users=users)
    return "\n\n".join([head, *(_tried(one, fresh) for one in tests)])


def _tried(test: str, fresh: Callable[..., Lab]) -> str:
    """The test, with what it says of itself when it runs: doubles that it needs, or why it fails."""
    problem, missing = _run(test, fresh)
    if missing:
        lines = [f'    sip.double("{name}", False)  # not simulated: say what it gives\n' for name in missing]
        head, line_end, body = test.partition("\n")
        test = head + line_end + "".join(lines) + body
        problem, _ = _run(test, fresh)
    if problem:
        test = f"@pytest.mark.xfail(reason={_quoted([problem])[1:-1]}, strict=True)\n{test}"
    return test


def _run(test: str, fresh: Callable[..., Lab]) -> tuple[str, list[str]]:
    """The first line of what a test ends with, "" when it passes, and the functions that it has no doubles for."""
    made: dict[str, Any] = {"Lab": Lab}
    exec(compile(test, "<test>", "exec"), made)
    (function,) = (value for name, value in made.items() if name.startswith("test_"))
    lab = fresh()
    problem = ""
    try:
        function(lab)
        lab.verify()
    except Exception as error:  # whatever it is, the file says so
        problem = (str(error) or type(error).__name__).splitlines()[0]
    finally:
        lab.close()
    return problem, [line.partition(": ")[2].removesuffix("()") for line in lab.doubles.missing]


def _whole(fresh: Callable[..., Lab], password: str) -> Iterator[str]:
    """A ping, a registration, calls; `password` is what phones are given besides."""
    options: dict[str, Any] = {"password": PASSWORD} if password else {}
    alice_says, bob_says = f'sip.phone("alice"{password})', f'sip.phone("bob"{password})'
    lab = fresh()
    answer = lab.phone("alice").request("OPTIONS", f"sip:{lab.domain}")
    ping = _answer('alice.request("OPTIONS", f"sip:{sip.domain}")', answer)
    yield _test("a_ping", ['alice = sip.phone("alice")', ping])
    lab = fresh()
    registered = lab.phone("bob", **options).register()
    yield _test("a_registration", [f"bob = {bob_says}", _answer("bob.register()", registered)])
    for known in (False, True) if registered.status == 200 else (False,):
        lab = fresh()
        alice, bob = lab.phone("alice", **options), lab.phone("bob", **options)
        lines = [f"alice, bob = {alice_says}, {bob_says}"]
        if known:
            bob.register()
            lines.append("bob.register()")
        call = alice.call(bob) if known else alice.call("bob")
        lines.append("call = alice.call(bob)" if known else 'call = alice.call("bob")')
        if bob.calls:
            bob.call_waiting.ring()
            bob.call_waiting.answer()
            lines += ["bob.call_waiting.ring()", "bob.call_waiting.answer()", f'assert call.state == "{call.state}"']
            if call.state == "confirmed":
                lines.append(_answer("call.hangup()", call.hangup()))
        else:
            lines.append(f"assert call.status == {call.status}")
        yield _test("a_call_to_a_registered_phone" if known else "a_call_to_nobody", lines)


def _answer(expression: str, request: object) -> str:
    status = getattr(request, "status", 0)
    return f"assert {expression}.status == {status}" + ("" if status else "  # no answer")


def _routes(fresh: Callable[..., Lab]) -> Iterator[str]:
    """Each block of the config alone, over an INVITE."""
    names = [name for kind, name in fresh().server.routes if kind is Route.REQUEST and name]
    for name in names:
        lab = fresh()
        run = lab.route(name, lab.request("INVITE", "bob"))
        lines = [f'run = sip.route("{name}", sip.request("INVITE", "bob"))', f"assert run.code == {run.code}"]
        if run.replies:
            lines.append(f"assert run.replies == {_quoted(run.replies)}")
        yield _test(f"route_{_word(name)}_alone", lines)


def _quoted(texts: list[str]) -> str:
    return "[" + ", ".join('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts) + "]"


def _test(name: str, lines: list[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"def test_{name}(sip: Lab) -> None:\n{body}\n"


def _word(text: str) -> str:
    """A name as Python wants it."""
    return re.sub(r"\W+", "_", text).strip("_").lower() or "config"
