"""No input stops the server: it is answered, forwarded or dropped, and the next message is dealt with."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.core.environment import LogRecord

from .serving import ALICE, Serving, reply, request

CONFIG = """
listen=udp:127.0.0.1:5060
listen=tcp:127.0.0.1:5060
loadmodule "sl"
request_route {
    force_rport();
    if (method == "OPTIONS") { sl_send_reply("200", "OK"); exit; }
    setport("5070"); strip(1); prefix("1");
    forward();
}
reply_route { force_rport(); }
"""
TORTURE = sorted((Path(__file__).parents[1] / "data" / "rfc4475").glob("*.dat"))
SERVING = Serving(CONFIG)


def feed(text: str, proto: str = "udp") -> list[LogRecord]:
    """What the server logs as a mistake of its own over a message; the next message must go through."""
    SERVING.records.clear()
    SERVING.send(text, proto=proto, connection=3 if proto == "tcp" else 0)
    wrong = [record for record in SERVING.records if record.level < -2]
    assert len(SERVING.send(request("sip:x1@127.0.0.12"), ALICE)) == 1
    return wrong


@given(st.text(st.characters(max_codepoint=255), max_size=300))
def test_any_bytes(text: str) -> None:
    assert feed(text.ljust(32)) == []


def _changed(text: str) -> st.SearchStrategy[str]:
    """`text` with a stretch replaced by something else."""
    places = st.integers(0, len(text))
    return st.builds(
        lambda start, end, new: text[: min(start, end)] + new + text[max(start, end) :],
        places,
        places,
        st.text(st.sampled_from('\r\n\t\0 ;:=,<>@"sip/2.0\xff'), max_size=8),
    )


@settings(max_examples=300)
@given(st.sampled_from([request(), request(method="OPTIONS"), reply(), request(body="v=0\n")]).flatmap(_changed))
def test_messages_with_a_damaged_stretch(text: str) -> None:
    assert feed(text.ljust(32)) == []
    assert feed(text, "tcp") == []


@pytest.mark.parametrize("path", TORTURE, ids=[path.stem for path in TORTURE])
def test_rfc_4475(path: Path) -> None:
    text = path.read_bytes().decode("latin-1")
    assert feed(text) == []


@pytest.mark.parametrize("length", [0, 31, 32, 65_535, 65_536, 200_000])
def test_any_length(length: int) -> None:
    text = request(headers=f"X-Long: {'x' * length}\n")
    assert feed(text[:length]) == []
    assert feed(text) == []
