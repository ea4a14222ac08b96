r"""maxfwd: Max-Forwards checked, lowered, added."""

from __future__ import annotations

from ..case import Scene, battery, case
from .textops import BARE, MESSAGE

WITH = {value: MESSAGE.replace("Max-Forwards: 70", f"Max-Forwards: {value}") for value in ("0", "1", "10", "100", "7x")}
SPACED = MESSAGE.replace("Max-Forwards: 70", "Max-Forwards:   070  ")
EMPTY = MESSAGE.replace("Max-Forwards: 70", "Max-Forwards: ")
BIG = MESSAGE.replace("Max-Forwards: 70", "Max-Forwards: 65537")

FACTS = r"""
    @ is_maxfwd_lt("10")
    @ is_maxfwd_lt("70")
    @ is_maxfwd_lt("71")
    @ is_maxfwd_lt("256")
    @ is_maxfwd_lt("-1")
    @ mf_lowlimit("5")
    @ maxfwd_at_least("5")
    @ mf_process_maxfwd_header("300")
    @ mf_process_maxfwd_header("10")
    > $hdr(Max-Forwards)|$mf|$(mb{s.len})
    @ process_maxfwd("10")
    > $hdr(Max-Forwards)|$mf
    @ maxfwd_process("10")
    > $hdr(Max-Forwards)|$mf
    $var(l) = 8;
    @ maxfwd_process("$var(l)")
    @ is_maxfwd_lt("$var(l)")
    """

battery(
    "maxfwd",
    "with the default limit",
    FACTS,
    modules="pv xlog textops maxfwd",
    messages=(MESSAGE, *WITH.values(), SPACED, EMPTY, BIG, BARE),
)

battery(
    "maxfwd",
    "with a lower limit",
    FACTS,
    modules="pv xlog textops maxfwd",
    before='modparam("maxfwd", "max_limit", 9)',
    messages=(MESSAGE, *WITH.values(), SPACED, BARE),
)


@case(
    modules="pv xlog maxfwd",
    config='request_route { mf_process_maxfwd_header("10"); xlog("$rc\\n"); $du = "sip:127.0.0.12:21200"; forward(); }',
)
def forwarded_with_one_less(scene: Scene) -> None:
    """Lowered in place, or added in front of all headers."""
    for message in (MESSAGE, WITH["100"], WITH["10"], SPACED, BARE):
        scene.alice.send(message)
        scene.settle()
        scene.bob.drain()
