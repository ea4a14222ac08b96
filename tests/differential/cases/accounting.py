"""Module acc: the lines it logs, by flag and by call, and what goes into them."""

from __future__ import annotations

from ..case import Scene, case

MODULES = "tm sl rr pv xlog textops acc"
BOB = "sip:bob@127.0.0.12:21200"


def _call(scene: Scene, code: int = 200) -> None:
    call = scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    invite.answer(code, f"Reason {code}")
    if code == 200:
        scene.alice.expect(200)
        scene.alice.request("ACK", BOB, to_tag="bob")
        scene.bob.expect("ACK")
        scene.alice.request("BYE", BOB, to_tag="bob", cseq=2)
        scene.bob.expect("BYE").answer(200, "OK")
        scene.alice.expect(200)
    else:
        scene.bob.expect("ACK")
        reply = scene.alice.expect(code)
        scene.alice.ack(call, reply)
    scene.settle()


@case(
    """
modparam("acc", "log_level", -1)
modparam("acc", "log_flag", 1)
modparam("acc", "log_missed_flag", 2)
modparam("acc", "log_extra", "src=$fU;dst=$rU;x=$hdr(X-None)")
request_route {
    if (is_method("INVITE|BYE")) setflag(1);
    setflag(2);
    t_relay();
}
""",
    modules=MODULES,
)
def a_call_accounted_by_flags(scene: Scene) -> None:
    """One line at the 200 of the INVITE, one at the 200 of the BYE."""
    _call(scene)


@case(
    """
modparam("acc", "log_level", -1)
modparam("acc", "log_flag", 1)
modparam("acc", "log_missed_flag", 2)
modparam("acc", "failed_transaction_flag", 3)
request_route { setflag(1); setflag(2); t_relay(); }
""",
    modules=MODULES,
)
def a_missed_call(scene: Scene) -> None:
    """The missed flag logs a refused INVITE."""
    _call(scene, 486)


@case(
    """
modparam("acc", "log_level", -1)
modparam("acc", "log_flag", 1)
modparam("acc", "failed_transaction_flag", 3)
modparam("acc", "report_ack", 1)
modparam("acc", "early_media", 1)
request_route { setflag(1); setflag(3); t_relay(); }
""",
    modules=MODULES,
)
def failed_transactions_and_early_media(scene: Scene) -> None:
    """failed_transaction_flag logs it as well."""
    _call(scene, 480)


@case(
    """
modparam("acc", "log_level", -1)
request_route {
    acc_log_request("200 by hand");
    acc_log_request("just text");
    acc_log_request("404");
    $var(c) = "486 $rU";
    acc_log_request("$var(c)");
    sl_send_reply("200", "OK");
}
""",
    modules=MODULES,
)
def acc_log_request(scene: Scene) -> None:
    """The comment is split into code and reason."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(200)


@case(
    """
modparam("acc", "log_level", -1)
modparam("acc", "log_flag", 1)
modparam("acc", "cdr_enable", 0)
modparam("acc", "detect_direction", 1)
modparam("acc", "time_mode", 0)
request_route { loose_route(); setflag(1); t_relay(); }
""",
    modules=MODULES,
)
def a_bye_from_the_called(scene: Scene) -> None:
    """detect_direction swaps From and To in what goes upstream."""
    scene.bob.request(
        "BYE",
        "sip:alice@127.0.0.11:21200",
        headers="Route: <sip:127.0.0.1:21200;lr;ftag=alice>",
        to="<sip:alice@example.com>",
        to_tag="alice",
    )
    scene.alice.expect("BYE").answer(200, "OK")
    scene.bob.expect(200)
    scene.settle()


LEGS = """
modparam("acc", "log_level", -1)
modparam("acc", "log_flag", 1)
modparam("acc", "log_missed_flag", 2)
modparam("acc", "failed_transaction_flag", 3)
modparam("acc", "failed_filter", "404,480")
modparam("acc", "report_cancels", 1)
modparam("acc", "multi_leg_info", "src=$avp(src);dst=$avp(dst)")
modparam("acc", "log_extra", "n=$null;all=$(avp(dst)[*]);ru=$ru;i=$var(i)")
"""


@case(
    LEGS
    + """
request_route {
    $avp(src) = "a1"; $avp(src) = "a2"; $avp(dst) = "b1"; $var(i) = 7;
    setflag(1); setflag(2);
    if ($rU == "none") { $avp(src) = $null; $avp(src) = $null; $avp(dst) = $null; }
    if ($rU == "f") setflag(3);
    if ($rU == "loc") { acc_log_request("299 later"); acc_log_request("no code here"); }
    if ($rU == "loc") { sl_send_reply("200", "ok"); exit; }
    t_newtran();
    if ($rU == "rep" || $rU == "f" || $rU == "none") { t_reply("404", "Nobody Here"); exit; }
    if ($rU == "busy") { t_reply("486", "Own Words"); exit; }
    if ($rU == "ok") { t_reply("200", "Fine"); exit; }
}
""",
    modules=MODULES,
)
def legs_extras_and_local_replies(scene: Scene) -> None:
    """multi_leg_info, log_extra, replies of the server itself, failed_filter."""
    for number, user in enumerate(("loc", "rep", "f", "ok", "busy", "none"), 1):
        call = scene.alice.request("INVITE", f"sip:{user}@example.com", cseq=number, call_id=f"call-{number}")
        scene.settle()
        if user not in ("loc", "ok"):
            scene.alice.ack(call)
        scene.settle()
    scene.alice.request("OPTIONS", "sip:ok@example.com", cseq=9)
    scene.settle()


@case(
    LEGS + 'request_route { if (is_method("INVITE")) { setflag(1); setflag(2); setflag(3); } t_relay(); }',
    modules=MODULES,
)
def a_cancelled_call(scene: Scene) -> None:
    """A CANCEL: the INVITE's 487 is missed and failed, the CANCEL is reported when it carries the flag."""
    call = scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    scene.alice.cancel(call)
    scene.bob.expect("CANCEL").answer(200, "OK", tag="bob")
    invite.answer(487, "Request Terminated")
    scene.settle()


@case(
    """
modparam("acc", "log_level", -1)
modparam("acc", "early_media", 1)
modparam("acc", "log_flag", 1)
modparam("acc", "report_ack", 1)
modparam("acc", "acc_prepare_flag", 5)
modparam("acc", "acc_prepare_always", 0)
modparam("acc", "reason_from_hf", 1)
modparam("acc", "log_missed_flag", 2)

"""
    + """
request_route { setflag(5); t_on_reply("R"); t_on_failure("F"); loose_route(); t_relay(); }
onreply_route[R] { setflag(1); }
failure_route[F] { setflag(2); setflag(1); }
""",
    modules=MODULES,
)
def flags_set_late(scene: Scene) -> None:
    """acc_prepare_flag: flags set when replies come count."""
    _call(scene)


@case(
    """
modparam("acc", "log_level", -1)
modparam("acc", "early_media", 1)
modparam("acc", "log_flag", 1)
modparam("acc", "report_ack", 1)
request_route { setflag(1); t_relay(); }
""",
    modules=MODULES,
)
def early_media_and_acks(scene: Scene) -> None:
    """early_media accounts 183 with a body; report_ack ACKs within the dialog."""
    scene.alice.request("INVITE", BOB)
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(183, "Progress", headers="Content-Type: application/sdp", body="v=0\n")
    scene.alice.expect(183)
    invite.answer(200, "OK")
    scene.alice.expect(200)
    scene.alice.request("ACK", BOB, to_tag="bob")
    scene.bob.expect("ACK")
    scene.settle()


@case(
    """
modparam("acc", "log_level", -1)
modparam("acc", "log_flag", 1)
modparam("acc", "log_missed_flag", 2)
request_route { setflag(1); setflag(2); t_on_failure("F"); t_relay(); }
failure_route[F] { xlog("fail\\n"); if ($T_reply_code == 486) { $ru = "sip:carol@127.0.0.13:21200"; t_relay(); } }
""",
    modules=MODULES + " tmx",
)
def a_call_that_is_forwarded(scene: Scene) -> None:
    """Each branch that fails is missed; the call is answered once."""
    scene.alice.request("INVITE", BOB)
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE").answer(200, "OK")
    scene.settle()
