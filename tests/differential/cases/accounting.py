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
