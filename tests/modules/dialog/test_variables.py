"""Variables, attributes, flags and properties of dialogs, at the generations that know them."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

import pytest

from kamscript.modules.dialog.cell import IFLAG_KA_DST, IFLAG_KA_SRC, IFLAG_TIMER_NORESET
from kamscript.source import ConfigError
from tests.modules.dialog.scene import Scene
from tests.modules.tm.stage import request


def said(scene: Scene, **more: str) -> list[str]:
    """What the script says about alice's INVITE."""
    scene.invite(**more)
    return scene.script


@pytest.mark.spec("11.6")
def test_variables_set_before_the_dialog_become_its_own() -> None:
    scene = Scene(before='$dlg_var(a) = "x"; $dlg_var(b) = "y"; $dlg_var(b) = $null;', after='xlog("$dlg_var(a)\\n");')
    assert said(scene) == ["x"]
    assert scene.only.variables == {"a": "x"}
    assert scene.dialog.context.variables is None


@pytest.mark.spec("11.6")
def test_variables_of_one_message_are_not_those_of_the_next() -> None:
    scene = Scene(before='xlog("<$dlg_var(a)>\\n"); $dlg_var(a) = "x"; if ($hdr(X) != $null) exit;')
    scene.invite(callid="one", headers="X: 1\n")
    scene.invite(callid="two", branch="z9hG4bK-2", headers="X: 1\n")
    assert scene.script == ["<<null>>", "<<null>>"]


@pytest.mark.spec("11.6")
def test_a_variable_that_goes_leaves_nothing_behind() -> None:
    scene = Scene(after='$dlg_var(a) = "x"; $dlg_var(a) = $null; $dlg_var(never) = $null;')
    scene.invite()
    assert scene.only.variables is None


@pytest.mark.spec("11.6")
def test_a_variable_takes_texts_only() -> None:
    """A number that is written or computed is refused, one that another variable holds becomes a text."""
    scene = Scene(after="$dlg_var(a) = 5; $dlg_var(b) = 1 + 1; $var(n) = 7; $dlg_var(c) = $var(n);")
    scene.invite()
    assert scene.only.variables == {"c": "7"}


@pytest.mark.spec("11.6")
def test_pseudo_variables_in_a_name_are_part_of_it() -> None:
    scene = Scene(after='$var(n) = "a"; $dlg_var($var(n)) = "x"; $dlg_var(p$var(n)q) = "y"; xlog("$dlg_var(a)\\n");')
    assert said(scene) == ["<null>"]
    assert scene.only.variables == {"$var(n)": "x", "p$var(n)q": "y"}


@pytest.mark.spec("11.6")
def test_ten_thousand_characters() -> None:
    scene = Scene(after='$dlg_var(long) = $hdr(X-Long); xlog("$(dlg_var(long){s.len})\\n");')
    assert said(scene, headers=f"X-Long: {'x' * 10_000}\n") == ["10000"]


@pytest.mark.spec("11.4")
@pytest.mark.parametrize(
    "name",
    ["ref", "h_id", "h_entry", "state", "dflags", "sflags", "callid", "lifetime", "start_ts", "toroute"]
    + [f"{side}_{what}" for side in ("from", "to") for what in ("uri", "tag", "cseq", "rs", "contact", "bindaddr")],
)
def test_every_attribute_is_null_without_a_dialog(name: str) -> None:
    scene = Scene(before=f'xlog("$dlg({name})\\n");')
    assert said(scene) == ["<null>"]


@pytest.mark.spec("11.4")
def test_attributes_of_a_call() -> None:
    """What the dialog is known by; a reference more than it has without the question."""
    scene = Scene(within='xlog("$dlg(h_entry):$dlg(h_id) $dlg(state) $dlg(start_ts) $dlg(ref) $dlg(to_tag)\\n");')
    scene.call()
    dlg = scene.only
    assert scene.script == [f"{dlg.h_entry}:{dlg.h_id} 4 {dlg.start_ts} 3 b1"]


@pytest.mark.spec("11.4 11.5")
@pytest.mark.parametrize(
    "text", ["$dlg(nobody)", "$dlg(CALLID)", "$dlg($var(x))", "$(dlg(callid)[0])", "$dlg_ctx(nobody)", "$dlg_ctx(ON)"]
)
def test_what_is_no_attribute_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        Scene(after=f"$var(x) = {text};")


@pytest.mark.spec("11.4")
def test_attributes_are_read_only() -> None:
    with pytest.raises(ConfigError):
        Scene(after='$dlg(callid) = "x";')


@pytest.mark.spec("11.1")
def test_the_count_is_of_answered_calls() -> None:
    scene = Scene(after='xlog("$DLG_count\\n");', within='xlog("$DLG_count\\n");')
    scene.call()
    assert scene.script == ["0", "1"]


@pytest.mark.spec("11.1 6.1")
def test_without_statistics_the_count_is_0() -> None:
    scene = Scene(params="enable_stats=0", within='xlog("$DLG_count\\n");')
    scene.call()
    assert scene.script == ["0"]


@pytest.mark.spec("11.2 11.3")
def test_status_and_lifetime_speak_of_requests_within_the_dialog() -> None:
    scene = Scene(after='xlog("$DLG_status $DLG_lifetime\\n");', within='xlog("$rm $DLG_status $DLG_lifetime\\n");')
    scene.call()
    scene.advance(90)
    scene.request("INFO")
    scene.bye()
    assert scene.script == ["<null> <null>", "ACK 4 0", "INFO 4 90", "BYE 5 90"]


# -- the context -------------------------------------------------------------------------------------------------------
@pytest.mark.spec("11.5")
def test_the_context_is_empty_for_each_request() -> None:
    line = 'xlog("$dlg_ctx(on) $dlg_ctx(timeout_bye) $dlg_ctx(timeout_route)\\n");'
    scene = Scene(before=f'{line} $dlg_ctx(on) = 3; $dlg_ctx(timeout_bye) = 1; $dlg_ctx(timeout_route) = "L"; {line}',
                  rest="route[L] { drop; }")  # fmt: skip
    scene.invite(callid="one")
    scene.invite(callid="two", branch="z9hG4bK-2")
    assert scene.script == ["0 0 <null>", "3 1 L"] * 2


@pytest.mark.spec("11.5")
@pytest.mark.parametrize(("target", "shown"), [("4.4", "2"), ("5.6", "LATE"), ("6.x", "LATE"), ("all", "LATE")])
def test_the_timeout_route_is_a_number_in_4_4_and_a_name_since(target: str, shown: str) -> None:
    scene = Scene(
        before='$dlg_ctx(timeout_route) = "LATE"; xlog("$dlg_ctx(timeout_route)\\n");',
        rest="route[EARLY] { drop; }\nroute[LATE] { drop; }",
        target=target,
    )
    assert said(scene) == [shown]


@pytest.mark.spec("11.5")
def test_the_flags_of_the_context() -> None:
    """Every Kamailio documents `$dlg_ctx(flags)` and refuses it; so do the targets, not the default."""
    line = '$dlg_ctx(flags) = 6; dlg_setflag("0"); xlog("$dlg_ctx(flags)\\n");'
    scene = Scene(before=line, target="all")
    assert said(scene) == ["7"]
    assert scene.only.sflags == 7
    for target in ("4.4", "5.6", "6.x"):
        with pytest.raises(ConfigError):
            Scene(before=line, target=target)


@pytest.mark.spec("11.4")
@pytest.mark.parametrize(("target", "flags"), [("5.6", 1024), ("6.x", 2048), ("all", 2048)])
def test_the_flag_of_a_changed_profile_moved(target: str, flags: int) -> None:
    """In 5.6 it is the flag of a dialog that expired."""
    scene = Scene(
        params='profiles_no_value="all"', after='set_dlg_profile("all"); xlog("$dlg(dflags)\\n");', target=target
    )
    assert said(scene) == [str(flags)]


# -- flags and properties ----------------------------------------------------------------------------------------------
@pytest.mark.spec("7.5 7.6 7.7")
def test_flags_before_and_behind_the_dialog() -> None:
    scene = Scene(
        before='dlg_setflag("1"); dlg_setflag(2); dlg_resetflag("1");',
        after='dlg_isflagset("2"); xlog("$rc\\n"); dlg_isflagset("1"); xlog("$rc\\n"); dlg_setflag(31); dlg_resetflag("2");',
    )
    assert said(scene) == ["1", "-1"]
    assert scene.only.sflags == 1 << 31


@pytest.mark.spec("7.5 7.6 7.7")
@pytest.mark.parametrize("flag", ["-1", "32", "1000000"])
@pytest.mark.parametrize("function", ["dlg_setflag", "dlg_resetflag", "dlg_isflagset"])
def test_flags_are_0_to_31(function: str, flag: str) -> None:
    scene = Scene(after=f'{function}("{flag}"); xlog("$rc\\n");')
    assert said(scene) == ["-1"]
    assert scene.only.sflags == 0


@pytest.mark.spec("7.16")
def test_properties_before_and_behind_the_dialog() -> None:
    scene = Scene(before='dlg_set_property("ka-src");', after='dlg_set_property("timeout-noreset");')
    scene.invite()
    assert scene.only.iflags == IFLAG_KA_SRC | IFLAG_TIMER_NORESET


@pytest.mark.spec("7.16")
def test_properties_are_taken_back() -> None:
    scene = Scene(
        before='dlg_set_property("ka-src"); dlg_set_property("ka-dst"); dlg_reset_property("ka-src");',
        after='dlg_set_property("timeout-noreset"); dlg_reset_property("timeout-noreset");',
    )
    scene.invite()
    assert scene.only.iflags == IFLAG_KA_DST


@pytest.mark.spec("7.16")
@pytest.mark.parametrize("name", ["nothing", "KA-SRC", "", "ka-src "])
def test_unknown_properties_fail(name: str) -> None:
    scene = Scene(after=f'dlg_set_property("{name}"); xlog("$rc\\n");')
    assert said(scene) == ["-1"]
    assert scene.only.iflags == 0


# -- 6.x ---------------------------------------------------------------------------------------------------------------
OTHER = 'dlg_set_var("call-1", "a1", "", "k", "$fU"); xlog("$rc\\n"); dlg_get_var("call-1", "a1", "", "k", "$var(v)"); xlog("$rc $var(v)\\n");'


def test_variables_of_another_dialog() -> None:
    """6.x reads and writes them by the dialog's elements."""
    scene = Scene(before=f'if ($ci == "call-2") {{ {OTHER} exit; }}', target="6.x")
    scene.invite()
    scene.play(request("INVITE", callid="call-2", branch="z9hG4bK-2"))
    assert scene.script == ["1", "1 alice"]
    assert scene.only.variables == {"k": "alice"}


@pytest.mark.parametrize("elements", ['"nobody", "a1", ""', '"", "a1", ""', '"call-1", "", ""', '"call-1", "zz", ""'])
def test_variables_of_a_dialog_that_is_not_there(elements: str) -> None:
    """Nothing is written; what is read is null."""
    scene = Scene(
        after=f'$avp(v) = "old"; dlg_set_var({elements}, "k", "x"); xlog("$rc\\n"); dlg_get_var({elements}, "k", "$avp(v)"); xlog("$rc $avp(v)\\n");',
        target="6.x",
    )
    assert said(scene) == ["-1", "1 <null>"]
    assert scene.only.variables is None


def test_debug_variables_lists_them() -> None:
    """The youngest first, at debug level."""
    scene = Scene(
        params="debug_variables=1",
        before='$dlg_var(a) = "x";',
        after='$dlg_var(b) = "y";',
        target="6.x",
    )
    scene.server.log.level = 3
    scene.invite()
    lines = [line for line in scene.log if line.startswith("DEBUG: dialog: ")]
    assert lines[-4:] == [
        "DEBUG: dialog: Internal var-list:",
        "DEBUG: dialog: Dialog var-list:",
        "DEBUG: dialog: b=y",
        "DEBUG: dialog: a=x",
    ]
