"""Run a case in a world and write down what came of it; compare two such outcomes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from .case import Case, Refused, Scene, World
from .hep import readable
from .normalise import Normaliser

GOLDEN = Path(__file__).parent / "golden"
Outcome = dict[str, object]
_COOKIE = re.compile(r"\A\S+ ")


def run(case: Case, start: Callable[..., World]) -> Outcome:
    """Play the case in the world that `start(config)` makes."""
    if case.files:
        start = partial(start, files=case.files)
    if case.verdicts:
        return {"starts": {line: _starts(config, start) for line, config in case.verdicts.items()}}
    refused = _refused(case, start) if case.refused else set()
    asked: dict[str, list[str]] = {relay.name: [] for relay in case.relays}
    world = start(case.config, case.relays, asked) if case.relays else start(case.config)
    try:
        scene = Scene(world)
        case.play(scene)
        world.settle()
        for party in scene.parties.values():
            party.drain()
        for relay in case.relays:
            texts = [text if relay.http else _COOKIE.sub("{cookie} ", text) for text in asked[relay.name]]
            heard = [text for text in texts if not (relay.unheard and re.match(relay.unheard, text))]
            scene.labelled[f"relay {relay.name}"] = heard
        outcome = _outcome(case, scene, world.log())
    finally:
        world.close()
    facts = outcome.get("facts")
    if isinstance(facts, dict) and case.facts:
        facts.update({text: "refused" for line, text in case.facts.items() if line in refused})
    return outcome


def _starts(config: str, start: Callable[[str], World]) -> bool:
    try:
        start(config).close()
    except Refused:
        return False
    return True


def _refused(case: Case, start: Callable[[str], World]) -> set[int]:
    """The lines with which the server refuses to start."""
    try:
        start(case.refused).close()
    except Refused as error:
        return error.lines
    return set()


def _outcome(case: Case, scene: Scene, log: list[str]) -> Outcome:
    normal = Normaliser(scene.history)
    outcome: Outcome = {}
    received = {**scene.labelled, **{name: party.received for name, party in scene.parties.items()}}
    normals = {"": normal}
    for name, raw in received.items():
        # Names count anew under each label, so that one difference does not shift the rest.
        label = name.partition(": ")[2]
        its = normals.setdefault(label, Normaliser(scene.history))
        texts = [its.text(readable(text)) for text in raw]
        if case.repeats:
            texts = [text for index, text in enumerate(texts) if text not in texts[:index]]
        if texts:
            outcome[name] = [_lines(text) for text in texts]
    entries = [normal.text(entry) for entry in log]
    if case.facts is not None:
        outcome["facts"] = _facts(case.facts, entries)
    elif entries:
        outcome["log"] = entries
    if scene.answers:
        outcome["rpc"] = [[normal.command(command), normal.value(answer)] for command, answer in scene.answers]
    return outcome


def _lines(text: str) -> list[str]:
    """A message line by line, for readable golden files; a line that does not end in CRLF shows how it ends."""
    parts = text.split("\r\n")
    return [json.dumps(part)[1:-1].replace('\\"', '"').replace("\\\\", "\\") for part in parts]


def _facts(facts: Mapping[int, str], log: list[str]) -> dict[str, str]:
    """The facts of a battery in the order in which they were logged: the fact's text -> what it came to.

    A fact that repeats (a second message, or the same text twice) is numbered; one that never logged says so.
    """
    result: dict[str, str] = {}
    for entry in log:
        number, _, value = entry.partition(": ")[2].partition("|")
        text = facts[int(number)]
        key, count = text, 1
        while key in result:
            count += 1
            key = f"{text}  ({count})"
        result[key] = value
    for text in facts.values():
        result.setdefault(text, "(not reached)")
    return result


def digest(case: Case) -> str:
    """Changes when the case's config does."""
    return hashlib.sha256(case.config.encode("latin-1")).hexdigest()[:12]


def golden(case: Case) -> Outcome | None:
    """What the daemon did when the case was recorded; None when it never was, or with another config."""
    path = GOLDEN / f"{case.topic}.json"
    if not path.exists():
        return None
    entry = json.loads(path.read_text("utf-8")).get(case.name)
    if entry is None or entry["config"] != digest(case):
        return None
    outcome = entry["outcome"]
    assert isinstance(outcome, dict)
    return outcome


def flat(value: object, key: str = "") -> dict[str, object]:
    """An outcome as key -> leaf, `bob/0/3` for the fourth line of bob's first message."""
    if isinstance(value, Mapping) and value:
        items = [(str(name), item) for name, item in value.items()]
    elif isinstance(value, list) and value:
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        return {key: value} if key else {}
    result: dict[str, object] = {}
    for name, item in items:
        result.update(flat(item, f"{key}/{name}" if key else name))
    return result


def _one_line_for_a_missing_message(left: dict[str, object], right: dict[str, object]) -> None:
    """Leave only the first line of a message that one side did not see at all: `bob/3/0` without `bob/3/1` and on."""
    for one, other in ((left, right), (right, left)):
        seen = {key.rpartition("/")[0] for key in other}
        for key in list(one):
            message, _, line = key.rpartition("/")
            if message.count("/") == 1 and line.isdigit() and line != "0" and message not in seen:
                del one[key]


def differences(wanted: Outcome, got: Outcome, known: Mapping[str, str]) -> list[str]:
    """What differs, one line each; `known` differences (by key or by the key's beginning) must differ."""
    left, right = flat(wanted), flat(json.loads(json.dumps(got)))
    _one_line_for_a_missing_message(left, right)
    lines: list[str] = []
    met: set[str] = set()
    for key in [*left, *(key for key in right if key not in left)]:
        kamailio, kamscript = left.get(key, "(nothing)"), right.get(key, "(nothing)")
        if kamailio == kamscript:
            continue
        reason = next((name for name in known if key == name or key.startswith(name + "/")), None)
        if reason is not None:
            met.add(reason)
            continue
        lines.append(f"{key}\n    kamailio:  {kamailio!r}\n    kamscript: {kamscript!r}")
    lines += [f"{key}: no longer differs, drop it from `differs` ({known[key]})" for key in known if key not in met]
    return lines
