"""Whole calls a second in the lab, phones included, and the price of a fresh server: python bench/lab.py [calls]"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

from kamscript.lab import Lab

CONFIG = Path(__file__).parents[1] / "examples" / "registrar" / "kamailio.cfg"


def calls_per_second(calls: int) -> float:
    """Place, answer and end `calls` calls one after the other through the example registrar."""
    lab = Lab(CONFIG)
    alice, bob = lab.phone("alice"), lab.phone("bob")
    bob.register()
    gc.collect()
    gc.freeze()
    started = time.perf_counter()
    for number in range(calls):
        call = alice.call(bob)
        bob.call_waiting.ring()
        bob.call_waiting.answer()
        assert call.hangup().status == 200, lab.story()
        if number % 100 == 99:
            lab.advance(seconds=10)
            lab.forget()
    return calls / (time.perf_counter() - started)


def fresh_server_ms(rounds: int) -> float:
    """Milliseconds for a server started from a config that is compiled already."""
    Lab(CONFIG)
    started = time.perf_counter()
    for _ in range(rounds):
        Lab(CONFIG)
    return (time.perf_counter() - started) / rounds * 1000


def main(calls: int = 3000) -> int:
    """Print both figures."""
    print(f"whole calls a second in the lab: {calls_per_second(calls):.0f} (goal 2000)")
    print(f"a fresh lab from a compiled config: {fresh_server_ms(300):.2f} ms (goal 0.3)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
