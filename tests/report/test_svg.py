"""Ladders as pictures; `python -m tests.report.test_svg` draws the golden picture anew."""

from pathlib import Path
from xml.etree import ElementTree

from kamscript.report import Exchange
from kamscript.report.story import tell
from kamscript.report.svg import svg
from tests.report.messages import ALICE, INVITE, NAMES, short_call

GOLDEN = Path(__file__).parent / "golden" / "short_call.svg"


def test_a_call() -> None:
    assert svg(short_call()) == GOLDEN.read_text(encoding="utf-8")


def test_whatever_a_message_holds_the_picture_is_xml() -> None:
    odd = "INVITE <&\"'> SIP/2.0\r\nX: ]]></title>\r\n\r\n\x00\x07"
    ElementTree.fromstring(svg(tell("<&>", [Exchange(0.0, "a", "b", odd)], {"a": "<script>"})))


def test_no_messages() -> None:
    assert "(no messages)" in svg(tell("nothing", [], {}))


def test_a_message_to_oneself_is_a_loop() -> None:
    assert 'class="loop"' in svg(tell("", [Exchange(0.0, ALICE, ALICE, INVITE)], NAMES))


if __name__ == "__main__":
    GOLDEN.write_text(svg(short_call()), encoding="utf-8")
