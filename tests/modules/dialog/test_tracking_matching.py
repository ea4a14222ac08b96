"""How a request within a call finds its dialog: cookie, elements, or both (dlg_match_mode)."""

from __future__ import annotations

import pytest

from kamscript.modules.dialog.within import cookie_number
from tests.modules.dialog.scene import Scene

#: Behind loose_route(): whether the context has a dialog.
SEEN = 'xlog("$dlg_ctx(set)\\n");'


def cookie(scene: Scene, number: int = 0) -> str:
    """The dialog's, its number raised by `number`."""
    dlg = scene.only
    return f"{dlg.h_entry:x}"[::-1] + "." + f"{dlg.h_id + number:x}"[::-1]


def matched(mode: int, value: str | None, **more: str) -> tuple[list[str], list[str]]:
    """Whether an INFO with that cookie matches, and what the log says; `OWN` stands for the right one."""
    scene = Scene(params=f"dlg_match_mode={mode}", within=SEEN)
    scene.call()
    scene.records.clear()
    text = None if value is None else value.replace("OWN", cookie(scene)).replace("NEXT", cookie(scene, 1))
    tags = tuple(more.pop("tags").split()) if "tags" in more else None
    scene.request("INFO", cookie=text, answer="", tags=tags, **more)  # type: ignore[arg-type]
    return scene.script, scene.warned()


@pytest.mark.spec("6.8")
@pytest.mark.parametrize(
    ("value", "modes"),
    [
        (None, "111"),  # as the proxy wrote it
        ("", "011"),  # none at all
        ("OWN", "111"),
        ("OWN0", "111"),  # more digits of the same number
        ("NEXT", "011"),
        ("fff7.1", "011"),
        ("zz.1", "001"),
        ("1.z", "001"),
        ("11", "001"),
        ("+1._1", "001"),
        (".", "011"),
    ],
)
def test_which_mode_takes_which_cookie(value: str | None, modes: str) -> None:
    """DID_ONLY, DID_FALLBACK, DID_NONE."""
    assert "".join(matched(mode, value)[0][0] for mode in (0, 1, 2)) == modes


@pytest.mark.spec("6.8")
def test_no_cookie_is_written_in_mode_2() -> None:
    """Nobody learns that calls are tracked."""
    scene = Scene(params="dlg_match_mode=2")
    scene.call()
    assert "did=" not in scene.invites[0].text
    scene.bye()
    scene.nothing_left()


@pytest.mark.spec("6.8")
@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("11", "ERROR: dialog: malformed rr param '11'"),
        ("zz.1", "ERROR: dialog: invalid hash entry 'zz'"),
        ("1.z", "ERROR: dialog: invalid hash id 'z'"),
        ("1.1", "WARNING: dialog: unable to find dialog for INFO with route param '1.1' [1:1] and call-id 'call-1'"),
    ],
)
def test_bad_cookies_are_told(value: str, line: str) -> None:
    """In Kamailio's words."""
    assert matched(0, value)[1] == [line]


def test_a_cookie_of_another_call_does_not_help() -> None:
    """Tags and Call-ID must fit as well."""
    script, log = matched(0, "OWN", tags="a1 other")
    assert script == ["0"]
    assert log[0].startswith("WARNING: dialog: tight matching failed for INFO with callid='call-1'/6, ftag='a1'/2")
    assert log[1].startswith("WARNING: dialog: dialog identification elements are callid='call-1'/6, caller tag='a1'")


def test_the_direction_is_found_with_either_cookie() -> None:
    """A request of the callee refreshes the callee's CSeq."""
    scene = Scene()
    scene.call()
    scene.request("INFO", "bob", cseq="70")
    assert (scene.only.caller.cseq, scene.only.callee.cseq) == ("1", "70")


def test_a_cookie_without_value() -> None:
    """Is as bad as a wrong one."""
    scene = Scene(within=SEEN)
    scene.call()
    scene.records.clear()
    assert scene.answered is not None
    text = scene.answered.text.replace(f"did={cookie(scene)}", "did;x=y")
    scene.answered = scene.answered._replace(text=text)
    scene.request("INFO", answer="")
    assert (scene.script, scene.warned()) == (["0"], ["ERROR: dialog: NULL start of parameter string"])


@pytest.mark.spec("7.10")
def test_dlg_manage_finds_the_dialog_without_any_route() -> None:
    """By the elements, whatever dlg_match_mode says."""
    config = """
request_route {
    if (!has_totag()) { dlg_manage(); t_relay(); exit; }
    dlg_manage();
    xlog("$rm $rc $dlg(state)\\n");
    t_relay();
}
"""
    scene = Scene(config)
    scene.call()
    scene.request("INFO")
    scene.bye()
    assert scene.script == ["ACK 1 4", "INFO 1 4", "BYE 1 5"]
    scene.nothing_left()


def test_dlg_manage_of_an_unknown_call() -> None:
    """Succeeds, and there is no dialog."""
    scene = Scene('request_route { if (has_totag()) { dlg_manage(); xlog("$rc $dlg_ctx(set)\\n"); exit; } t_relay(); }')
    scene.invite()
    scene.answer()
    scene.request("INFO")
    assert scene.script == ["1 0"]


def test_dlg_manage_twice_fails_the_second_time() -> None:
    """The dialog is there already."""
    scene = Scene(after='dlg_manage(); xlog("$rc\\n");')
    scene.call()
    assert scene.script == ["-1"]
    assert len(scene.dialogs) == 1


def test_dlg_manage_of_other_methods() -> None:
    """Only an INVITE starts a call."""
    scene = Scene('request_route { dlg_manage(); xlog("$rc\\n"); }')
    scene.play(
        "OPTIONS sip:x@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.11;branch=z9hG4bK-1\nFrom: <sip:a@b>;tag=1\n"
        "To: <sip:x@127.0.0.1>\nCall-ID: o\nCSeq: 1 OPTIONS\nContact: <sip:a@b>\nContent-Length: 0\n\n"
    )
    assert (scene.script, scene.states) == (["-1"], [])


@pytest.mark.parametrize(
    ("text", "number"),
    [("", 0), ("0", 0), ("a04", 0x40A), ("A04", 0x40A), ("1 ", None), ("x1", None), ("-1", None), ("f" * 9, 2**32 - 1)],
)
def test_numbers_of_cookies(text: str, number: int | None) -> None:
    """reverse_hex2int: any letter case, 32 bits."""
    assert cookie_number(text) == number
