"""Calls as the dialog module sees them: from the INVITE to the end of the last transaction."""

from __future__ import annotations

import pytest

from kamscript.modules.dialog.cell import FLAG_TM, IFLAG_PRACK
from tests.modules.dialog.scene import Scene
from tests.modules.tm.stage import BOB, CAROL, reply, request


def acknowledge(scene: Scene) -> None:
    """Alice's ACK to a negative reply."""
    scene.play(request("ACK", "sip:bob@127.0.0.12", to_tag="b1"))


@pytest.mark.spec("3 2 6.1 8.1 8.2 8.3")
def test_a_call_and_its_states() -> None:
    """1 the INVITE, 2 the 180, 3 the 200, 4 the ACK, 5 the BYE; then it is gone with the BYE's transaction."""
    scene = Scene()
    scene.invite()
    assert (scene.states, scene.counts) == ([1], {"processed": 1})
    scene.ring()
    assert (scene.states, scene.counts) == ([2], {"processed": 1, "early": 1})
    scene.answer()
    assert (scene.states, scene.counts) == ([3], {"processed": 1, "active": 1})
    scene.ack()
    assert (scene.states, scene.only.ref) == ([4], 2)
    scene.bye()
    assert (scene.states, scene.only.ref, scene.counts) == ([5], 1, {"processed": 1})
    scene.nothing_left()


def test_what_a_dialog_remembers() -> None:
    """Elements, legs, times, the flag of a tracked transaction."""
    scene = Scene()
    scene.call()
    dlg = scene.only
    assert (dlg.callid, dlg.from_uri, dlg.to_uri) == ("call-1", "sip:alice@example.com", "sip:bob@example.com")
    assert dlg.req_uri == "sip:bob@127.0.0.12"
    assert (dlg.caller.tag, dlg.caller.cseq, dlg.caller.contact) == ("a1", "1", "sip:alice@127.0.0.11:5060")
    assert (dlg.callee.tag, dlg.callee.cseq, dlg.callee.contact) == ("b1", "0", "sip:b1@127.0.0.12:5060")
    assert (dlg.init_ts, dlg.start_ts, dlg.end_ts, dlg.lifetime) == (1000, 1000, 0, 43200)
    assert dlg.dflags & FLAG_TM
    assert dlg.caller.socket is dlg.callee.socket is scene.server.sockets[0]


@pytest.mark.spec("8.5 12.3")
def test_a_negative_reply_fails_the_dialog() -> None:
    """It stays until the transaction is gone (wait_ack)."""
    scene = Scene(rest='event_route[dialog:failed] { xlog("failed $dlg(state) $rs\\n"); }')
    scene.invite()
    scene.ring()
    scene.respond("486 Busy")
    assert (scene.states, scene.only.ref, scene.counts) == ([5], 1, {"processed": 1, "failed": 1})
    assert scene.script == ["failed 5 486"]
    acknowledge(scene)
    scene.nothing_left()


@pytest.mark.spec("6.47")
def test_without_wait_ack_the_dialog_goes_at_once() -> None:
    """With the negative reply."""
    scene = Scene(params="wait_ack=0")
    scene.invite()
    scene.respond("486 Busy")
    assert scene.states == []
    assert scene.transactions
    acknowledge(scene)
    scene.nothing_left()


def test_a_request_that_the_script_drops_leaves_no_dialog() -> None:
    """No transaction knows it: it goes behind the script."""
    scene = Scene('request_route { dlg_manage(); xlog("$dlg(state)\\n"); exit; }')
    scene.invite()
    assert (scene.script, scene.states, scene.counts) == (["1"], [], {"processed": 1})
    scene.nothing_left()


def test_a_call_that_nobody_answers() -> None:
    """408 of our own; event routes run over the made-up message."""
    config = 'event_route[dialog:failed] { xlog("failed $rm $rs $dlg(callid)\\n"); }'
    scene = Scene(rest=config)
    scene.invite()
    scene.advance(35)
    assert scene.script == ["failed OPTIONS <null> call-1"]
    assert scene.counts == {"processed": 1, "failed": 1}
    scene.nothing_left(200)


def test_a_canceled_call() -> None:
    """487 fails the dialog as well."""
    scene = Scene()
    scene.invite()
    scene.ring()
    (cancel,) = [s for s in scene.play(request("CANCEL", "sip:bob@127.0.0.12")) if s.line == "CANCEL"]
    scene.answered = None
    scene.play(reply(cancel, "200 OK"), BOB)
    assert scene.states == [2]
    scene.respond("487 Request Terminated")
    assert scene.states == [5]
    acknowledge(scene)
    scene.nothing_left()


def test_a_late_ack_of_a_refused_call_finds_the_dialog_in_peace() -> None:
    """ACKs and BYEs to an ended dialog move nothing."""
    scene = Scene()
    scene.call()
    scene.bye()
    scene.ack()
    scene.bye()
    assert (scene.states, scene.only.ref, scene.counts) == ([5], 1, {"processed": 1})
    assert scene.warned() == []
    scene.nothing_left()


def test_retransmissions_count_once() -> None:
    """INVITE, 180, 200, ACK and BYE come again."""
    scene = Scene()
    for _ in range(2):
        scene.invite()
    for _ in range(2):
        scene.ring()
    for _ in range(2):
        scene.answer()
    for _ in range(2):
        scene.ack(branch="z9hG4bK-ack")
    assert (scene.states, scene.only.ref, scene.counts) == ([4], 2, {"processed": 1, "active": 1})
    for _ in range(2):
        scene.bye(branch="z9hG4bK-bye", cseq="2")
    assert (scene.states, scene.only.ref, scene.counts) == ([5], 1, {"processed": 1})
    scene.nothing_left()


def test_bye_in_place_of_the_ack() -> None:
    """State 3 ends as state 4 does."""
    scene = Scene()
    scene.invite()
    scene.answer()
    scene.bye("bob")
    assert (scene.states, scene.counts) == ([5], {"processed": 1})
    scene.nothing_left()


def test_bye_that_the_script_answers_statelessly() -> None:
    """No transaction keeps the dialog: it goes behind the script."""
    scene = Scene(within='if (is_method("BYE")) { sl_send_reply("200", "OK"); exit; }')
    scene.call()
    scene.bye()
    assert scene.states == []
    scene.nothing_left()


def test_prack_marks_the_dialog() -> None:
    """`iflags` show it."""
    scene = Scene()
    scene.invite()
    scene.answered = scene.ring()[0]
    scene.request("PRACK")
    assert scene.only.iflags & IFLAG_PRACK
    assert scene.states == [2]


def test_a_reinvite_refreshes_contact_and_cseq() -> None:
    """Of the side that sends it; other requests the CSeq alone."""
    scene = Scene()
    scene.call()
    scene.request("INVITE", headers="Contact: <sip:alice@127.0.0.13>\n")
    scene.ack(cseq="2")
    assert (scene.only.caller.contact, scene.only.caller.cseq) == ("sip:alice@127.0.0.13", "2")
    scene.request("INFO", "bob", headers="Contact: <sip:bob@127.0.0.13>\n", cseq="17")
    assert (scene.only.callee.contact, scene.only.callee.cseq) == ("sip:b1@127.0.0.12:5060", "17")
    scene.bye()
    scene.nothing_left()


def test_a_reinvite_without_contact() -> None:
    """The old one stays, and the log says so."""
    scene = Scene()
    scene.call()
    scene.request("INVITE", answer="")
    assert scene.warned() == [
        "ERROR: dialog: bad sip message or missing Contact hdr",
        "ERROR: dialog: contacts update failed",
    ]
    assert scene.only.caller.contact == "sip:alice@127.0.0.11:5060"


def test_an_invite_without_contact_starts_nothing() -> None:
    """dlg_manage() fails, the call goes on."""
    scene = Scene(after='xlog("$rc\\n");')
    sent = scene.invite(headers="X: 1\n")
    assert [one.line for one in sent] == ["100", "INVITE"]
    assert (scene.script, scene.states) == (["-1"], [])
    assert scene.warned()[-1] == "ERROR: dialog: could not add further info to the dialog"


def test_two_contacts_start_nothing() -> None:
    """Nor does a star."""
    for contact in ("<sip:a@1.2.3.4>, <sip:b@1.2.3.4>", "*"):
        scene = Scene()
        scene.invite(headers=f"Contact: {contact}\n")
        assert scene.states == []
        assert scene.warned()[0] == "ERROR: dialog: bad Contact HDR"


def test_a_2xx_without_contact_still_confirms() -> None:
    """The callee is unknown then: its requests cannot be matched, the dialog expires by itself."""
    scene = Scene()
    scene.invite()
    scene.play(reply(scene.invites[0], "200 OK"), BOB)
    assert scene.states == [3]
    assert scene.only.callee.tag == ""
    assert "could not add further info to the dialog" in scene.warned()[-1]


@pytest.mark.spec("6.9")
def test_a_spiral_belongs_to_the_dialog_it_made() -> None:
    """No second dialog, no second cookie; the second transaction's replies do not move it again."""
    scene = Scene()
    scene.invite()
    scene.invite(branch="z9hG4bK-2")
    assert (scene.states, scene.counts) == ([1], {"processed": 1})
    assert [";did=" in sent.text for sent in scene.invites] == [True, False]
    scene.respond("180 Ringing", fork=1)
    assert scene.states == [1]
    scene.ring(fork=0)
    assert scene.states == [2]


@pytest.mark.spec("6.9")
def test_spirals_that_are_not_detected() -> None:
    """Each makes a dialog of its own."""
    scene = Scene(params="detect_spirals=0")
    scene.invite()
    scene.invite(branch="z9hG4bK-2")
    assert (scene.states, scene.counts) == ([1, 1], {"processed": 2})
    scene.respond("486 Busy", fork=0)
    scene.respond("486 Busy", fork=1)
    acknowledge(scene)
    scene.play(request("ACK", "sip:bob@127.0.0.12", to_tag="b1", branch="z9hG4bK-2"))
    scene.nothing_left()


def test_an_invite_behind_a_failed_call_is_no_spiral() -> None:
    """The dialog of the first attempt is over: the second, with credentials, makes its own."""
    scene = Scene()
    scene.invite()
    scene.respond("407 Proxy Authentication Required")
    acknowledge(scene)
    scene.invite(branch="z9hG4bK-2", cseq="2")
    assert scene.states == [5, 1]
    scene.respond("486 Busy")
    scene.play(request("ACK", "sip:bob@127.0.0.12", to_tag="b1", branch="z9hG4bK-2", cseq="2"))
    scene.nothing_left()


def test_forks_ring_together_and_one_answers() -> None:
    """The callee is who answered first."""
    scene = Scene(after='append_branch("sip:carol@127.0.0.13");')
    scene.invite()
    assert len(scene.invites) == 2
    scene.ring(fork=0)
    scene.play(reply(scene.invites[1], "180 Ringing", tag="c1"), CAROL)
    assert (scene.states, scene.counts["early"]) == ([2], 1)
    scene.answer(fork=1, tag="c1")
    assert (scene.states, scene.only.callee.tag) == ([3], "c1")
    scene.respond("200 OK", fork=0, tag="b1")
    assert (scene.states, scene.only.callee.tag, scene.only.ref) == ([3], "c1", 2)


def test_the_next_phone_after_a_busy_one() -> None:
    """Serial forking: the dialog does not fail in between."""
    route = 'failure_route[F] { if (t_check_status("486")) { $ru = "sip:carol@127.0.0.13"; t_relay(); } }'
    scene = Scene(before='t_on_failure("F");', rest=route)
    scene.invite()
    scene.ring()
    scene.invites += [one for one in scene.respond("486 Busy") if one.line == "INVITE"]
    assert (scene.states, len(scene.invites)) == ([2], 2)
    scene.answer(tag="c1")
    assert scene.states == [3]


def test_a_2xx_of_our_own() -> None:
    """Nobody is known on the other side."""
    scene = Scene('request_route { t_newtran(); dlg_manage(); t_reply("200", "OK"); }')
    scene.invite()
    assert scene.states == [3]
    assert scene.warned() == ["ERROR: dialog: Faked reply!"]


@pytest.mark.spec("6.4 2")
def test_the_flag_makes_dialogs_too() -> None:
    """dlg_flag on an initial INVITE, looked at when the transaction is made."""
    for flags, states in (("setflag(4);", [1]), ("setflag(5);", []), ("", [])):
        config = f'modparam("dialog", "dlg_flag", 4)\nrequest_route {{ {flags} record_route(); t_relay(); }}'
        scene = Scene(config)
        scene.invite()
        assert scene.states == states
        assert (";did=" in scene.invites[0].text) is bool(states)


@pytest.mark.spec("6.2")
def test_hash_size_is_rounded_down() -> None:
    """To a power of two, with a word; the slot is Kamailio's."""
    scene = Scene(params="hash_size=100")
    scene.invite()
    assert scene.dialog.table.size == 64
    assert scene.only.h_entry == 1390 % 64
    (warning,) = [line for line in scene.log if "hash_size" in line]
    assert "rounding from 100 to 64" in warning


@pytest.mark.spec("6.2 6.3")
def test_the_cookie() -> None:
    """Slot and number, lowest digit first, under the name of rr_param."""
    scene = Scene(params='rr_param="x-dlg" hash_size=8')
    scene.invite()
    dlg = scene.only
    cookie = f"{dlg.h_entry:x}"[::-1] + "." + f"{dlg.h_id:x}"[::-1]
    assert scene.invites[0].header("Record-Route") == [f"<sip:127.0.0.1;lr;ftag=a1;x-dlg={cookie}>"]


def test_numbers_of_dialogs() -> None:
    """h_id_start and h_id_step: servers that share a database do not share numbers."""
    scene = Scene(params="h_id_start=7 h_id_step=100 hash_size=1")
    for number in range(3):
        scene.invite(callid=f"call-{number}")
    first, second, third = (dlg.h_id for dlg in scene.dialogs)
    assert first % 100 == 7
    assert (second, third) == (first + 100, first + 200)


@pytest.mark.spec("6.1")
def test_without_statistics() -> None:
    """enable_stats=0: nobody is shown any."""
    scene = Scene(params="enable_stats=0")
    scene.call()
    assert list(scene.server.statistics.group("dialog")) == []
    assert scene.server.statistics.find("active_dialogs") is None
    scene.bye()
    scene.nothing_left()


def test_the_request_uri_that_is_kept() -> None:
    """ruri_pvar: any text with pseudo-variables."""
    scene = Scene(params='ruri_pvar=" $rU@$fd "', before='$ru = "sip:carol@127.0.0.12";')
    scene.invite()
    assert scene.only.req_uri == "carol@example.com"


@pytest.mark.parametrize(
    ("keep", "caller", "callee"),
    [
        (0, "<sip:10.0.0.1;lr>", "<sip:10.9.9.9;lr>"),
        (1, "<sip:10.0.0.1;lr>", "OWN,<sip:10.9.9.9;lr>"),
        (2, "OWN,<sip:10.0.0.1;lr>", "<sip:10.9.9.9;lr>"),
        (3, "OWN,<sip:10.0.0.1;lr>", "OWN,<sip:10.9.9.9;lr>"),
    ],
)
def test_route_sets(keep: int, caller: str, callee: str) -> None:
    """Of a proxy on each side; keep_proxy_rr says who learns ours."""
    scene = Scene(params=f"keep_proxy_rr={keep}")
    scene.invite(headers="Contact: <sip:alice@127.0.0.11>\nRecord-Route: <sip:10.0.0.1;lr>\n")
    own = scene.invites[0].header("Record-Route")[0]
    answer = "Record-Route: <sip:10.9.9.9;lr>\nContact: <sip:bob@127.0.0.12>\n"
    recorded = "".join(f"Record-Route: {value}\n" for value in scene.invites[0].header("Record-Route"))
    scene.play(reply(scene.invites[0], "200 OK", headers=answer + recorded), BOB)
    assert scene.only.caller.route_set == caller.replace("OWN", own)
    assert scene.only.callee.route_set == callee.replace("OWN", own)


def test_the_context_ends_with_the_message() -> None:
    """Nothing of one message is left for the next."""
    scene = Scene(after='$dlg_ctx(timeout_bye) = 1; $dlg_ctx(timeout_route) = "X";', rest="route[X] { exit; }")
    scene.call()
    context = scene.dialog.context
    assert (context.dialog, context.timeout_bye, context.timeout_route, context.t) == (None, 0, "", False)


@pytest.mark.parametrize("arm", ["", 't_on_failure("F");'])
def test_the_context_ends_with_a_timeout_too(arm: str) -> None:
    """Whether or not a failure route runs when nobody answered."""
    scene = Scene(after=arm, rest='failure_route[F] { xlog("$dlg_ctx(set) $dlg(state)\\n"); }')
    scene.invite()
    scene.advance(35)
    assert scene.script == (["1 1"] if arm else [])
    assert scene.dialog.context.dialog is None


@pytest.mark.spec("12.1 12.2")
def test_what_event_routes_see() -> None:
    """The 2xx, the BYE; the dialog; AVPs of the transaction; a local route."""
    scene = Scene(
        before='$avp(x) = "mine"; $dlg_var(v) = "kept";',
        rest="""
event_route[dialog:start] { xlog("start $rs $rm $dlg(state) $dlg_var(v) $avp(x)\\n"); }
event_route[dialog:end] { xlog("end $rm $dlg(state) $dlg_var(v) $avp(x)\\n"); }
""",
    )
    scene.call()
    scene.bye("bob")
    assert scene.script == ["start 200 INVITE 3 kept mine", "end BYE 5 kept <null>"]
    scene.nothing_left()


def test_an_event_route_takes_the_dialog_out_of_the_context() -> None:
    """As in Kamailio: a reply of our own in the middle of the script runs dialog:failed, and the context is empty."""
    config = """
request_route { t_newtran(); dlg_manage(); xlog("$dlg_ctx(set)\\n"); t_reply("404", "No"); xlog("$dlg_ctx(set)\\n"); }
event_route[dialog:failed] { xlog("failed $dlg_ctx(set)\\n"); }
"""
    scene = Scene(config)
    scene.invite()
    assert scene.script == ["1", "failed 1", "0"]


def test_event_callback_silences_the_event_routes() -> None:
    """There is no KEMI engine to call, and Kamailio runs neither."""
    scene = Scene(params='event_callback="f"', rest='event_route[dialog:start] { xlog("start\\n"); }')
    scene.call()
    assert scene.script == []


def test_a_failing_event_route_is_only_logged() -> None:
    """exit and drop end the route, not the reply."""
    scene = Scene(rest='event_route[dialog:start] { xlog("one\\n"); drop; xlog("two\\n"); }')
    scene.call()
    assert (scene.script, scene.states) == (["one"], [4])


def test_hundreds_of_calls_leave_nothing() -> None:
    """Whatever becomes of them."""
    scene = Scene()
    for number in range(60):
        scene.invites.clear()
        branch = f"z9hG4bK-{number}"
        scene.invite(callid=f"call-{number}", branch=branch)
        if number % 3:
            scene.ring()
        if number % 2:
            scene.answer()
            scene.ack(callid=f"call-{number}", branch=f"{branch}-a")
            scene.bye(callid=f"call-{number}", branch=f"{branch}-b")
        else:
            scene.respond("486 Busy")
    scene.nothing_left(300)
    assert scene.counts == {"processed": 60, "failed": 30}
