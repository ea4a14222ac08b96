"""RFC 4475's torture messages: the verdict and the values of Kamailio 5.6.3 (tests/differential/test_rfc4475.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kamscript.sip.errors import SipError
from kamscript.sip.message import Message

MESSAGES = Path(__file__).parents[1] / "data" / "rfc4475"
VERDICTS: dict[str, str] = json.loads((Path(__file__).parent / "rfc4475.json").read_text(encoding="utf-8"))


def verdict(text: str) -> dict[str, str]:
    """What a route would see, by Kamailio's names; empty when no route would run."""
    try:
        msg = Message(text)
    except SipError:
        return {}
    if not msg.complete or not msg.is_sip:
        return {}
    cseq, sender, to = msg.cseq, msg.from_, msg.to
    assert cseq is not None and to is not None
    return {
        "kind": "request" if msg.is_request else "reply",
        "$rm": msg.method if msg.is_request else cseq.method,
        "$rs": str(msg.status) if msg.status else "<null>",
        "$rr": msg.reason if msg.status else "<null>",
        "$ci": msg.callid,
        "$cs": cseq.number_text,
        "$fu": sender.uri if sender else "<null>",
        "$ft": (sender.tag if sender else "") or "<null>",
        "$tu": to.uri,
        "$tt": to.tag or "<null>",
        # $hdr() reads all headers first, and finds nothing when one is bad
        "$hdr(Max-Forwards)": ("" if msg.header_error else msg.value("max-forwards")) or "<null>",
    }


def test_all_messages_are_there() -> None:
    assert len(VERDICTS) == 49
    assert sorted(VERDICTS) == sorted(path.stem for path in MESSAGES.glob("*.dat"))


@pytest.mark.parametrize("name", sorted(VERDICTS))
def test_verdict(name: str) -> None:
    found = verdict((MESSAGES / f"{name}.dat").read_bytes().decode("latin-1"))
    if not VERDICTS[name]:
        assert not found
        return
    names = ["kind", "$rm", "$ru", "$rs", "$rr", "$ci", "$cs", "$fu", "$ft", "$tu", "$tt", "$hdr(Max-Forwards)"]
    expected = dict(zip(names, VERDICTS[name].split("|"), strict=False))
    del expected["$ru"]
    assert found == expected
