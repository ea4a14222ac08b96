"""What each party received and what the script logged, to be compared between the lab and a real Kamailio.

Values that the server made up are named (kamscript.lab.normal), so are nonces and times. A message that came again
counts once: how often something is sent again depends on the machine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

from kamscript.lab.normal import Normaliser

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab

_SECRET = re.compile(r'\b(c?nonce|response|opaque|nc)="?([^",\r\n]*)"?')
_TIME = re.compile(r"(?<![\d.])1[5-9]\d{8}(?:\.\d+)?(?![\d.])")
_CALL_ID = re.compile(r"(?im)^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)")
#: How long a subscription lasts: a few seconds less than a round number are the time that the test took.
_LEFT = re.compile(r"(?m)^(Subscription-State: \w+;expires=)(\d*[6789])(?=\r?$)")
_SERVER_ID = re.compile(r"\bsrid-[0-9a-f]+-[0-9a-f]+(?:-[0-9a-f]+)?\b")


class Transcript(NamedTuple):
    """The messages that reached each party, by its name; the script's log; all messages as (a party sent it, text)."""

    parties: dict[str, list[str]]
    log: list[str]
    history: list[tuple[bool, str]]


class _Names(Normaliser):
    """What differs from run to run is named; what parties made up stays where both runs have it."""

    def __init__(self, mine: Transcript, other: Transcript) -> None:
        super().__init__(mine.history)
        self._own &= Normaliser(other.history)._own

    def text(self, text: str) -> str:
        """The text with what differs from run to run named."""
        text = super().text(text)
        text = _SECRET.sub(lambda found: f"{found[1]}={self.name(found[1], found[2])}", text)
        text = _SERVER_ID.sub(lambda found: self.name("srid", found[0]), text)
        text = _LEFT.sub(lambda found: f"{found[1]}{-(-int(found[2]) // 10) * 10}", text)
        return _TIME.sub("{time}", text)


def transcript(lab: Lab) -> Transcript:
    """What happened in a lab so far, or until the end of its test."""
    exchanges = lab.exchanges()
    came: dict[str, list[str]] = {}
    for one in exchanges:
        if lab.sent_by_server(one) and not one.note:
            texts = came.setdefault(lab.network.names.get(one.target, one.target), [])
            if one.text not in texts:
                texts.append(one.text)
    history = [(not lab.sent_by_server(one), one.text) for one in exchanges]
    return Transcript(dict(sorted(came.items())), lab.log.script, history)


def differences(lab: Transcript, real: Transcript) -> list[str]:
    """What Kamailio did otherwise, as paragraphs; empty when nothing."""
    ours, theirs = _Names(lab, real), _Names(real, lab)
    found = []
    # Named party by party: the order between parties is nobody's promise.
    for name in sorted({*lab.parties, *real.parties}):
        mine = [ours.text(text) for text in lab.parties.get(name, [])]
        other = [theirs.text(text) for text in real.parties.get(name, [])]
        calls = list(dict.fromkeys(map(_call_id, [*mine, *other])))
        if len(calls) > 1:  # nor is that between calls that go on at a time
            mine, other = (sorted(texts, key=lambda text: calls.index(_call_id(text))) for texts in (mine, other))
        found += _messages(name, mine, other)
    log, logged = [ours.text(line) for line in lab.log], [theirs.text(line) for line in real.log]
    if log != logged:
        found.append("the script logged:\n" + _lines(log, logged))
    return found


def _messages(name: str, lab: Sequence[str], real: Sequence[str]) -> list[str]:
    """One party's: messages are paired by their first lines and CSeq."""
    ours, theirs = [_title(text) for text in lab], [_title(text) for text in real]
    found = []
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind == "equal":
            for mine, other in zip(lab[a:b], real[c:d], strict=True):
                if mine != other:
                    found.append(f"{name} got {_title(mine)}:\n" + _lines(mine.split("\r\n"), other.split("\r\n")))
        else:
            lines = [f"  lab:      {title}" for title in ours[a:b]] or ["  lab:      (nothing)"]
            lines += [f"  kamailio: {title}" for title in theirs[c:d]] or ["  kamailio: (nothing)"]
            found.append(f"{name} got:\n" + "\n".join(lines))
    return found


def _call_id(text: str) -> str:
    found = _CALL_ID.search(text)
    return found[1] if found else ""


def _title(text: str) -> str:
    first = text.partition("\r\n")[0]
    cseq = re.search(r"(?im)^cseq[ \t]*:[ \t]*([^\r\n]*)", text)
    return f"{first} ({cseq[1]})" if cseq and first.startswith("SIP/") else first


def _lines(lab: Sequence[str], real: Sequence[str]) -> str:
    lines: list[str] = []
    for kind, a, b, c, d in SequenceMatcher(None, lab, real, autojunk=False).get_opcodes():
        if kind != "equal":
            lines += [f"  lab:      {line}" for line in lab[a:b]] or ["  lab:      (nothing)"]
            lines += [f"  kamailio: {line}" for line in real[c:d]] or ["  kamailio: (nothing)"]
    return "\n".join(lines)
