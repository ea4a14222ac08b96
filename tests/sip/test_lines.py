"""Lines that were read before are looked up; odd ones are left to the careful reader."""

from __future__ import annotations

import pytest

from kamscript.sip.errors import SipError
from kamscript.sip.lines import known_first, known_header, read_first


def test_a_header_line_is_read_once() -> None:
    line = "v:  SIP/2.0/UDP h;branch=1"
    kind, value, vias = known_header(line)
    assert (kind, value, vias[0].branch) == ("via", "SIP/2.0/UDP h;branch=1", "1")
    assert known_header(line)[2] is vias


@pytest.mark.parametrize(
    "line", ["Via: no via", " folded: x", "no colon", "To: <sip:a", "X: a\0b", "X: a\nb", "CSeq: 1"]
)
def test_odd_header_lines_are_left_to_the_careful_reader(line: str) -> None:
    with pytest.raises(SipError):
        known_header(line)


def test_first_lines() -> None:
    assert read_first("BYE sip:a SIP/2.0") == (True, "BYE", "sip:a", 0, "", 4, 9)
    assert known_first("BYE sip:a SIP/2.0") is not None
    assert read_first("SIP/2.0 486 Busy Here") == (False, "", "", 486, "Busy Here", 8, 8)


@pytest.mark.parametrize(
    "line", ["bye sip:a SIP/2.0", "BYE  sip:a SIP/2.0", "SIP/2.0 20 OK", "SIP/2.0 200", "BYE sip:a"]
)
def test_odd_first_lines_are_left_to_the_careful_reader(line: str) -> None:
    assert read_first(line) is None
