"""Odd flows of calls, each found by comparing random ones with the daemon, then made as small as it goes."""

from __future__ import annotations

from ..case import Scene, battery, case
from .dialog_states import MODULES, SEEN, Call, config, listed


@case(config(), modules=MODULES, spec="3")
def answered_behind_a_refusal(scene: Scene) -> None:
    """The same phone refuses, then answers: the 200 goes through, the dialog stays failed (reply_relay_mode 1)."""
    call = Call(scene)
    bobs = call.arrive()
    bobs.answer(302, "Moved", headers="Contact: <sip:bob@127.0.0.14>")
    scene.alice.expect(302)
    scene.bob.expect("ACK")
    listed(scene)
    bobs.answer(200, "OK", headers="Contact: <sip:bob@127.0.0.12:21200>")
    scene.alice.expect(200)
    listed(scene)


@case('modparam("tm", "reply_relay_mode", 0)\n' + config(), modules=MODULES, spec="3")
def answered_behind_a_refusal_that_counts(scene: Scene) -> None:
    """With reply_relay_mode 0 it comes back to life."""
    call = Call(scene)
    bobs = call.arrive()
    bobs.answer(302, "Moved", headers="Contact: <sip:bob@127.0.0.14>")
    scene.alice.expect(302)
    scene.bob.expect("ACK")
    bobs.answer(200, "OK", headers="Contact: <sip:bob@127.0.0.12:21200>")
    scene.alice.expect(200)
    listed(scene)


@case(config(), modules=MODULES, spec="10.1")
def asked_before_it_answers(scene: Scene) -> None:
    """A request of the phone that rings tells its CSeq only: the list shows the rest as unknown."""
    call = Call(scene)
    call.respond(180, "Ringing")
    scene.bob.request(
        "INFO",
        scene.alice.contact,
        cseq=7,
        headers=call.routes,
        to="<sip:alice@example.com>",
        from_="<sip:bob@example.com>",
        to_tag="alice",
    )
    scene.alice.expect("INFO")
    listed(scene)


@case(config(), modules=MODULES, spec="10.5")
def ended_by_command(scene: Scene) -> None:
    """dlg.end_dlg and dlg.terminate_dlg hold a reference while event routes run."""
    Call(scene).up()
    scene.rpc("dlg.terminate_dlg", "call-1", "alice", "bob")
    for party in (scene.alice, scene.bob):
        party.expect("BYE").answer(200, "OK")
        listed(scene)


@case(
    config(within='if (is_method("INFO")) { dlg_bye("caller"); xlog("$rc\\n"); dlg_bye("all"); xlog("$rc\\n"); }'),
    modules=MODULES,
    spec="7.8",
)
def ended_by_the_script(scene: Scene) -> None:
    """dlg_bye() holds a reference while event routes run."""
    call = Call(scene).up()
    scene.alice.request("INFO", "sip:bob@127.0.0.12:21200", cseq=2, to_tag="bob", headers=call.routes)
    listed(scene)


@case(
    config(
        rest="""
event_route[dialog:failed] { $dlg_ctx(on) = 1; $dlg_ctx(timeout) = 55; }
""",
    )
    .replace('event_route[dialog:failed] { xlog("failed', 'route[UNUSED] { xlog("failed', 1)
    .replace('reply_route { xlog("reply ', 'reply_route { xlog("reply on=$dlg_ctx(on) timeout=$dlg_ctx(timeout) '),
    modules=MODULES,
    spec="11.5",
)
def context_of_a_command(scene: Scene) -> None:
    """What an event route that a command ran says of the context does not reach the next message."""
    call = Call(scene)
    call.arrive()
    scene.rpc("dlg.terminate_dlg", "call-1", "alice", "bob")
    call.respond(180, "Ringing")


battery(
    "dialog_odd",
    "sums_for_a_text",
    """
    $var(n) = 5; $var(t) = "5"; $dlg_var(x) = "kept";
    $dlg_var(x) = $var(n) + 1;
    = $dlg_var(x)
    $dlg_var(x) = $var(t) + 1;
    = $dlg_var(x)
    $dlg_var(x) = $(dlg_var(x){s.len}) + "1";
    = $dlg_var(x)
    $dlg_var(x) = $var(n);
    = $dlg_var(x)
    $rU = $var(n) + 1;
    = $rU
    $rU = $var(t) + 1;
    = $rU
    $du = $var(n) + 1;
    = $du
    """,
    modules=MODULES,
    spec="11.6",
)


@case(
    config(within='if (is_method("INFO")) { dlg_refer("callee", "sip:dave@127.0.0.14:21200"); xlog("$rc\\n"); }'),
    modules=MODULES,
    spec="7.9",
)
def referred_by_the_script(scene: Scene) -> None:
    """So does dlg_refer()."""
    call = Call(scene).up()
    scene.alice.request("INFO", "sip:bob@127.0.0.12:21200", cseq=2, to_tag="bob", headers=call.routes)
    listed(scene)


@case(
    config("default_timeout=1 send_bye=1")
    .replace('event_route[dialog:end] { xlog("end', 'event_route[dialog:end] { xlog("end on=$dlg_ctx(on)')
    .replace('event_route[dialog:failed] { xlog("', 'event_route[dialog:failed] { $dlg_ctx(on) = 1; xlog("'),
    modules=MODULES,
    spec="11.5",
)
def context_of_an_expired_call(scene: Scene) -> None:
    """Nor the routes of a dialog whose time is over."""
    Call(scene).up()
    other = Call(scene, call_id="call-2")
    other.arrive()
    scene.rpc("dlg.terminate_dlg", "call-2", "alice", "bob")
    scene.wait(2.5)


@case(config(), modules=MODULES, spec="2 7.13")
def each_calls_the_other(scene: Scene) -> None:
    """Two INVITEs of one Call-ID in opposite directions: the first dialog found decides which way counts."""
    scene.bob.request(
        "INVITE", scene.alice.contact, to="<sip:alice@example.com>", from_="<sip:bob@example.com>", headers="X: 1"
    )
    scene.bob.expect(100)
    alices = scene.alice.expect("INVITE")
    call = Call(scene)
    call.respond(180, "Ringing")
    alices.answer(180, "Ringing")
    scene.bob.expect(180)
    call.respond(200, "OK")
    call.by_alice("ACK")
    listed(scene)
    alices.answer(200, "OK", headers=f"Contact: <{scene.alice.contact}>")
    scene.bob.expect(200)
    listed(scene)
    call.by_bob("BYE", 9)
    listed(scene)


@case(config(within=f'xlog("call [$dlg(callid)] {SEEN}\\n");'), modules=MODULES, spec="11.4")
def blanks_around_call_ids(scene: Scene) -> None:
    """They are no part of the Call-ID of a dialog."""
    call = Call(scene, call_id="call-1  ")
    call.up()
    call.call_id = "call-1"
    call.by_bob("INFO", 5)
    call.call_id = "\t call-1\t"
    call.by_alice("BYE", 2)
    listed(scene)


def _blanks_in_routes(number: int, routes: str) -> None:
    def play(scene: Scene) -> None:
        call = Call(scene)
        bobs = call.arrive()
        own = bobs.headers("Record-Route")[0]
        bobs.answer(180, "Ringing", tag="bob")
        scene.alice.expect(180)
        lines = [f"Via: {via}" for via in bobs.headers("Via")]
        lines += [f"Record-Route: {value}" for value in routes.replace("OWN", own).split("|")]
        lines += [f"From: {bobs.header('From')}", f"To: {bobs.header('To')};tag=bob"]
        lines += [
            f"Call-ID: {bobs.header('Call-ID')}",
            f"CSeq: {bobs.header('CSeq')}",
            f"Contact: <{scene.bob.contact}>",
        ]
        # A line of `build` would lose its blanks.
        scene.bob.send("SIP/2.0 200 OK\n" + "\n".join(lines) + "\nContent-Length: 0\n\n")
        scene.alice.expect(200)
        listed(scene)

    play.__name__, play.__module__ = f"blanks_in_record_routes_{number}", __name__
    play.__doc__ = "How much of a Record-Route with blanks the route set takes."
    case(config("keep_proxy_rr=3"), modules=MODULES, spec="3")(play)


for _number, _text in enumerate(
    (
        "<sip:10.1.0.1;lr>  |OWN  ",
        "<sip:10.1.0.1;lr>;x=1  |OWN ;y  ",
        '<sip:10.1.0.1;lr> ;x=1 , "N" <sip:10.1.0.2;lr>  ; y = 2 , OWN ',
        "\t<sip:10.1.0.1;lr>\t|  OWN\t",
        "sip:10.1.0.1;lr  |OWN",
    )
):
    _blanks_in_routes(_number, _text)


@case(
    "listen=udp:127.0.0.1:21200\nlisten=udp:127.0.0.1:21201\ndisable_tcp=yes\nauto_aliases=no\n" + config(),
    modules=MODULES,
    spec="10.8",
)
def bridged_over_two_sockets(scene: Scene) -> None:
    """A command sends over the default socket, not over the one where the last message came in."""
    scene.alice.request("OPTIONS", "sip:127.0.0.1:21200", call_id="else")
    scene.rpc("dlg.bridge_dlg", scene.alice.contact, scene.bob.contact)
    scene.alice.expect("INVITE")


@case(
    config(
        before='$avp(x) = "kept"; $xavp(y=>z) = 5;',
        after='dlg_bye("caller"); xlog("$rc $avp(x) $avp(n)\\n"); dlg_bye("all"); xlog("$rc $avp(x) $avp(n)\\n");',
    ).replace(
        'event_route[dialog:failed] { xlog("failed ',
        'event_route[dialog:failed] { $avp(n) = "new"; xlog("failed avp=$avp(x) xavp=$xavp(y=>z) $T_branch_idx ',
    ),
    modules=MODULES,
    spec="7.8 12.3",
)
def what_the_route_of_an_early_bye_sees(scene: Scene) -> None:
    """dlg_bye() of a ringing call sends nothing, but runs event_route[dialog:failed] with the AVPs of the message."""
    Call(scene).arrive()
    listed(scene)
