"""Ladders in colour."""

import re

import pytest

from kamscript.report import Exchange, ladder
from kamscript.report.terminal import coloured
from tests.report.messages import ALICE, BUSY, INVITE, KAMAILIO, NAMES, RINGING


def drawn(text: str, note: str = "") -> str:
    return ladder([Exchange(0.0, ALICE, KAMAILIO, text, note)], NAMES)


@pytest.mark.parametrize(("text", "colour"), [(INVITE, "94"), (RINGING, "90"), (BUSY, "31")])
def test_requests_and_replies_have_colours(text: str, colour: str) -> None:
    assert f"\x1b[{colour}m──" in coloured(drawn(text))


def test_what_became_of_a_message_stands_out() -> None:
    assert "\x1b[1;31m[lost]" in coloured(drawn(INVITE, "lost"))


def test_colours_change_no_text() -> None:
    plain = drawn(INVITE)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured(plain)) == plain
