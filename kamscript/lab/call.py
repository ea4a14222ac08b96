"""`kamscript call`: one call through a config, offline, as a ladder and a verdict."""

from __future__ import annotations

import argparse
import sys

from kamscript.lab.lab import Lab

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
    lab = Lab(options.config, defines=options.defines, target=options.target)
    caller = lab.phone(options.caller, domain=options.domain)
    callee = lab.phone(options.callee, domain=options.domain)
    notes = []
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
    sys.stdout.write(printable(lab.ladder(), sys.stdout.encoding))
    if options.log:
        sys.stdout.writelines(line.rstrip("\n") + "\n" for line in lab.log.lines())
    for note in notes:
        print(note)
    verdict = f"{outgoing.status} {outgoing.request.reason if outgoing.request else ''}".strip()
    if answered and ended is not None and ended.status == 200:
        print(f"{caller.user} called {callee.user}: {verdict}, ended with BYE, {len(lab.network.delivered)} messages")
        return 0
    print(f"{caller.user} called {callee.user}: {verdict or 'no answer'}")
    return 1
