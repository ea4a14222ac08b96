"""`kamscript call`: one call through a config, offline, as a ladder and a verdict."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

from kamscript.lab.lab import Lab
from kamscript.lab.story import drawn
from kamscript.lab.subscribers import PASSWORD, subscribers
from kamscript.loader import UsageError

#: What stands for the characters of a ladder on a terminal that has only ASCII.
PLAIN = str.maketrans("│─⟲", "|-@")


def printable(text: str, encoding: str | None) -> str:
    """`text` as a terminal of this encoding can show it."""
    try:
        text.encode(encoding or "ascii")
    except UnicodeEncodeError:
        return text.translate(PLAIN).encode("ascii", "replace").decode("ascii")
    return text


def call(options: argparse.Namespace) -> int:
    """Register the called phone, call it, answer, hang up; 0 when the call was answered and ended."""
    fresh = partial(Lab, options.config, defines=options.defines, target=options.target)
    rows = subscribers(fresh, (options.callee, options.caller), options.domain)
    password = PASSWORD if rows else ""
    lab = fresh(database=rows or None)
    if options.trace or options.html:
        lab.trace()
    caller = lab.phone(options.caller, domain=options.domain, password=password)
    callee = lab.phone(options.callee, domain=options.domain, password=password)
    notes = [f"the config asks for passwords: {caller.user} and {callee.user} are subscribers here"] if rows else []
    if not options.no_register:
        registration = callee.register()
        if registration.status != 200:
            notes.append(f"{callee.user} could not register: {registration.status} {registration.reason}")
    callee.on_call = lambda incoming: incoming.ring()
    outgoing = caller.call(callee)
    if outgoing.state == "early":
        callee.call_waiting.answer()
    lab.advance(seconds=3)
    ended = outgoing.hangup() if outgoing.state == "confirmed" else None
    answered = outgoing.status == 200
    sys.stdout.write(printable(_drawn(lab, options), sys.stdout.encoding))
    if options.log:
        sys.stdout.writelines(line.rstrip("\n") + "\n" for line in lab.log.lines())
    if options.trace:
        sys.stdout.write(printable(f"\n{lab.trace()}\n", sys.stdout.encoding))
    for file in filter(None, (options.html, options.svg)):
        notes.append(_written(lab, file, ".html" if file is options.html else ".svg"))
    for note in notes:
        print(note)
    verdict = f"{outgoing.status} {outgoing.request.reason if outgoing.request else ''}".strip()
    if answered and ended is not None and ended.status == 200:
        print(f"{caller.user} called {callee.user}: {verdict}, ended with BYE, {len(lab.network.delivered)} messages")
        return 0
    print(f"{caller.user} called {callee.user}: {verdict or 'no answer'}")
    return 1


def _drawn(lab: Lab, options: argparse.Namespace) -> str:
    """The ladder for the terminal."""
    if options.mermaid:
        return drawn(lab, ".mmd")
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        from kamscript.report.terminal import coloured

        return coloured(lab.ladder())
    return lab.ladder()


def _written(lab: Lab, file: str, suffix: str) -> str:
    """Write a report; what to tell of it. Raises UsageError."""
    try:
        Path(file).write_text(drawn(lab, suffix), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None
    return f"written: {file}"
