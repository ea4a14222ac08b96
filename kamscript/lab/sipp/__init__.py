"""SIPp's scenarios, played on the lab's network in virtual time.

    result = lab.sipp("uac.xml", "uas.xml", calls=10)
    assert result, result

A scenario that begins with `<send>` is a client: it opens calls. One that begins with `<recv>` is a server: it answers
what comes, at its address, or, without one, at every address where nobody else sits. The files are SIPp's own, its
rules of what is expected, repeated and given up too (SIPp 3.6.1 is the judge). `uac`, `uas`, `regexp`, `branchc` and
`branchs` are built in. What the lab does not play (3PCC, shell commands, `-users`, AKA) is refused with file and line
when the file is read.

`markup` reads the file, `scenario` checks it, `template` writes messages, `actions` are its actions, `call` is one
call, `party` one scenario on the network, `play` a run, `result` what came of it, `command` the command line.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from kamscript.lab.sipp.call import SippError
from kamscript.lab.sipp.markup import ScenarioError
from kamscript.lab.sipp.play import Run, SeatTaken, play
from kamscript.lab.sipp.result import Failure, ScenarioResult, SippResult
from kamscript.lab.sipp.settings import Settings, SippParty

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab

__all__ = [
    "Failure",
    "ScenarioError",
    "ScenarioResult",
    "SeatTaken",
    "Settings",
    "SippError",
    "SippOptions",
    "SippParty",
    "SippResult",
    "play_scenarios",
]


class SippOptions(TypedDict, total=False):
    """Options of `lab.sipp`; SIPp's names in brackets. `settings` holds all the others."""

    rate: float  #: calls begun per second, default 10 (-r)
    limit: int  #: most calls open at once; by default what SIPp computes (-l)
    service: str  #: [service], default "service" (-s)
    keys: Mapping[str, str]  #: [name] in messages (-key)
    variables: Mapping[str, str]  #: global variables (-set)
    inject: Sequence[str | Path]  #: CSV files for [field0] (-inf)
    duration: float  #: milliseconds of a <pause/> (-d)
    timeout: float  #: seconds after which no new calls begin (-timeout)
    recv_timeout: float  #: milliseconds that a <recv> waits (-recv_timeout)
    lost: float  #: percent of messages to lose (-lost)
    auth_user: str  #: (-au)
    auth_password: str  #: (-ap)
    proto: str  #: "udp" or "tcp" (-t u1, -t t1)
    settings: Settings


_OF_RUN = ("rate", "limit", "timeout", "inject")
_OF_SETTINGS = ("service", "duration", "recv_timeout", "lost", "auth_user", "auth_password", "proto")


def play_scenarios(
    lab: Lab, scenarios: Sequence[str | Path | SippParty], serial: int, calls: int, options: SippOptions
) -> SippResult:
    """What `Lab.sipp` does; `serial` tells one run of a lab from another."""
    unknown = set(options) - set(SippOptions.__annotations__)
    if unknown:
        raise TypeError(f"lab.sipp has no option {sorted(unknown)[0]}: see kamscript.lab.sipp.SippOptions")
    given: dict[str, Any] = dict(options)
    settings = options.get("settings", Settings())
    settings = replace(
        settings,
        keys={**settings.keys, **options.get("keys", {})},
        variables={**settings.variables, **options.get("variables", {})},
        **{name: value for name, value in given.items() if name in _OF_SETTINGS},
    )
    of_run = {name: value for name, value in given.items() if name in _OF_RUN}
    run = Run(calls=calls, settings=settings, serial=serial, directories=_directories(lab), **of_run)
    return play(lab, scenarios, run)


def _directories(lab: Lab) -> list[Path]:
    """Where files are looked for: beside the test that called `lab.sipp`, then beside the config."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("kamscript."):
        frame = frame.f_back
    found = [Path(frame.f_code.co_filename).parent]
    if lab.text is None:
        found.append(Path(lab.program.path).parent)
    return found
