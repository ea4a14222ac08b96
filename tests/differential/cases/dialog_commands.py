"""What operators see and do: the RPC commands of the dialog module over calls in every state."""

from __future__ import annotations

from ..case import Got, Scene, case

MODULES = "tm sl rr pv xlog textops siputils dialog"
BOB = "sip:bob@127.0.0.12:21200"
CONTACT = "Contact: <sip:bob@127.0.0.12:21200>"
#: Timers of tm that leave the daemon alone while a case looks at it.
PATIENT = (
    'modparam("tm", "retr_timer1", 20000)\nmodparam("tm", "retr_timer2", 20000)\nmodparam("tm", "fr_timer", 60000)\n'
)
CONFIG = (
    PATIENT
    + """
modparam("dialog", "profiles_with_value", "caller;trunk")
modparam("dialog", "profiles_no_value", "all;none")
request_route {
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        if (loose_route()) { t_relay(); exit; }
        if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
        sl_send_reply("404", "Not here");
        exit;
    }
    record_route();
    t_on_reply("R");
    dlg_manage();
    SETTINGS
    t_relay();
}
onreply_route[R] { xlog("reply $rs\\n"); }
event_route[dialog:start] { xlog("start $ci\\n"); }
event_route[dialog:end] { xlog("end $ci\\n"); }
event_route[dialog:failed] { xlog("failed $ci\\n"); }
"""
)
PLAIN = CONFIG.replace("SETTINGS", "")
FULL = CONFIG.replace(
    "SETTINGS",
    """$dlg_var(first) = "one"; $dlg_var(second) = "2"; $dlg_var(first) = "uno"; dlg_setflag("3");
    set_dlg_profile("all"); set_dlg_profile("caller", "$fU"); set_dlg_profile("trunk", "$rU");""",
)


def ringing(scene: Scene, call_id: str = "call-1", *, headers: str = "") -> tuple[str, Got]:
    """A call that rings: alice's INVITE and what bob got."""
    invite = scene.alice.request("INVITE", BOB, call_id=call_id, headers=headers)
    scene.alice.expect(100)
    got = scene.bob.expect("INVITE")
    got.answer(180, "Ringing", headers=CONTACT)
    scene.alice.expect(180)
    scene.settle()
    return invite, got


def answered(scene: Scene, call_id: str = "call-1") -> Got:
    """A call that bob took: his INVITE."""
    _, got = ringing(scene, call_id)
    got.answer(200, "OK", headers=CONTACT)
    scene.alice.expect(200)
    scene.settle()
    return got


def routes(got: Got) -> str:
    """Route headers for a request of alice within the call."""
    return "\n".join(f"Route: {route}" for route in got.headers("Record-Route"))


def confirmed(scene: Scene, call_id: str = "call-1") -> Got:
    """A call with its ACK: bob's INVITE."""
    got = answered(scene, call_id)
    scene.alice.request("ACK", BOB, to_tag="bob", call_id=call_id, headers=routes(got))
    scene.bob.expect("ACK")
    scene.settle()
    return got


def hang_up(scene: Scene, got: Got, call_id: str = "call-1", cseq: int = 2) -> None:
    """Alice ends the call."""
    scene.alice.request("BYE", BOB, to_tag="bob", call_id=call_id, cseq=cseq, headers=routes(got))
    scene.bob.expect("BYE").answer(200, "OK")
    scene.alice.expect(200)
    scene.settle()


def member(answer: object, name: str) -> int:
    """An integer member of the first struct of an answer."""
    assert isinstance(answer, list)
    found = dict(answer[0])[name]
    assert isinstance(found, int)
    return found


def byes(scene: Scene, *, answer: bool = True) -> None:
    """Both sides get a BYE from the server."""
    for party in (scene.alice, scene.bob):
        got = party.expect("BYE")
        if answer:
            got.answer(200, "OK")
    scene.settle()


@case(PLAIN, modules=MODULES, spec="10.1 10.2")
def list_through_the_life_of_a_call(scene: Scene) -> None:
    """From nothing to ringing, answered, confirmed and ended."""
    scene.rpc("dlg.list")
    scene.rpc("dlg.list_ctx")
    scene.alice.request("INVITE", BOB)
    got = scene.bob.expect("INVITE")
    scene.rpc("dlg.list")
    got.answer(180, "Ringing", headers=CONTACT)
    scene.rpc("dlg.list")
    got.answer(200, "OK", headers=CONTACT)
    scene.rpc("dlg.list")
    scene.label("answered")
    scene.alice.request("ACK", BOB, to_tag="bob", headers=routes(got))
    scene.bob.expect("ACK")
    scene.rpc("dlg.list")
    scene.rpc("dlg.list_ctx")
    hang_up(scene, got)
    scene.rpc("dlg.list")


@case(FULL, modules=MODULES, spec="10.1 10.2")
def list_with_variables_profiles_and_flags(scene: Scene) -> None:
    """Variables newest first or last, profiles with and without values; an ended dialog shows neither."""
    got = confirmed(scene)
    scene.rpc("dlg.list")
    scene.rpc("dlg.list_ctx")
    hang_up(scene, got)
    scene.rpc("dlg.list")


@case(PLAIN, modules=MODULES, spec="10.1")
def list_after_a_reinvite(scene: Scene) -> None:
    """Contacts and CSeq numbers follow requests within the dialog."""
    got = confirmed(scene)
    scene.alice.request("INVITE", BOB, to_tag="bob", cseq=5, headers=routes(got))
    again = scene.bob.expect("INVITE")
    scene.rpc("dlg.list")
    again.answer(200, "OK", headers="Contact: <sip:bob2@127.0.0.12:21200>")
    scene.alice.request("ACK", BOB, to_tag="bob", cseq=5, headers=routes(got))
    scene.rpc("dlg.list")
    scene.bob.request(
        "INFO",
        scene.alice.contact,
        cseq=77,
        headers=routes(got),
        to="<sip:alice@example.com>",
        from_="<sip:bob@example.com>",
        to_tag="alice",
    )
    scene.alice.expect(100)
    scene.alice.expect(200)
    scene.alice.expect("INFO").answer(200, "OK")
    scene.rpc("dlg.list")


@case(PLAIN, modules=MODULES, spec="10.3 10.4")
def dlg_list_of_one_call(scene: Scene) -> None:
    """By Call-ID, perhaps with the caller's tag; nothing found is no error."""
    confirmed(scene)
    ringing(scene, "call-2")
    scene.rpc("dlg.dlg_list", "call-1")
    scene.rpc("dlg.dlg_list_ctx", "call-1")
    scene.rpc("dlg.dlg_list", "call-2", "alice")
    scene.rpc("dlg.dlg_list_ctx", "call-2", "alice", "bob", "more")
    for command in ("dlg.dlg_list", "dlg.dlg_list_ctx"):
        scene.rpc(command, "call-2", "bob")
        scene.rpc(command, "nobody")
        scene.rpc(command, "nobody", "alice")
        scene.rpc(command, "call-1", 17)
        scene.rpc(command, "")
        scene.rpc(command, "call-1", "")
        scene.rpc(command, 1)
        scene.rpc(command)


@case(FULL, modules=MODULES, spec="10.6 10.7")
def profiles_counted_and_listed(scene: Scene) -> None:
    """Sizes and members, of all values or of one; profiles without values ignore it."""
    got = confirmed(scene)
    ringing(scene, "call-2")
    for arguments in (
        ("all",),
        ("all", "anything"),
        ("none",),
        ("caller",),
        ("caller", "alice"),
        ("caller", "ALICE"),
        ("caller", ""),
        ("trunk", "bob"),
        ("trunk", 5),
        ("all", "x", "y"),
        ("nosuch",),
        ("nosuch", "x"),
        ("",),
        (5,),
        (),
    ):
        scene.rpc("dlg.profile_get_size", *arguments)
        if arguments not in (("all",), ("all", "x", "y"), ("trunk", "bob"), ("caller", "alice")):
            scene.rpc("dlg.profile_list", *arguments)
    hang_up(scene, got)
    scene.rpc("dlg.profile_get_size", "all")
    scene.rpc("dlg.profile_list", "all")


@case(PLAIN, modules=MODULES, spec="10.5")
def end_dlg_sends_two_byes(scene: Scene) -> None:
    """With the answers the dialog has ended."""
    confirmed(scene)
    answer = scene.rpc("dlg.list")
    scene.rpc("dlg.end_dlg", member(answer, "h_entry"), member(answer, "h_id"))
    scene.rpc("dlg.list")
    byes(scene)
    scene.label("bye")
    scene.rpc("dlg.list")


@case(PLAIN, modules=MODULES, spec="10.5")
def end_dlg_adds_headers(scene: Scene) -> None:
    """Extra headers stand in both BYEs."""
    confirmed(scene)
    answer = scene.rpc("dlg.list")
    scene.rpc("dlg.end_dlg", member(answer, "h_entry"), member(answer, "h_id"), "X-Why: done\r\nX-Who: me\r\n")
    byes(scene)
    scene.rpc("dlg.list")


@case(PLAIN, modules=MODULES, spec="10.5")
def end_dlg_errors(scene: Scene) -> None:
    """Unknown dialogs, wrong arguments, and a call that rings, which is not ended and not complained about."""
    ringing(scene)
    answer = scene.rpc("dlg.list")
    entry, number = member(answer, "h_entry"), member(answer, "h_id")
    scene.rpc("dlg.end_dlg")
    scene.rpc("dlg.end_dlg", entry)
    scene.rpc("dlg.end_dlg", "x", "y")
    scene.rpc("dlg.end_dlg", str(entry), str(number))
    scene.rpc("dlg.end_dlg", entry, 99999)
    scene.rpc("dlg.end_dlg", 4095 - entry, number)
    scene.rpc("dlg.end_dlg", 100000, 1)
    scene.rpc("dlg.end_dlg", -1, -1)
    scene.rpc("dlg.end_dlg", entry, number)
    scene.rpc("dlg.end_dlg", entry, number, 5)
    scene.rpc("dlg.list")


@case(PLAIN, modules=MODULES)
def terminate_dlg_by_tags(scene: Scene) -> None:
    """dlg.terminate_dlg wants all three of Call-ID and tags."""
    confirmed(scene)
    scene.rpc("dlg.terminate_dlg")
    scene.rpc("dlg.terminate_dlg", "call-1")
    scene.rpc("dlg.terminate_dlg", "call-1", "alice")
    scene.rpc("dlg.terminate_dlg", "call-1", "alice", "carol")
    scene.rpc("dlg.terminate_dlg", "call-9", "alice", "bob")
    scene.rpc("dlg.terminate_dlg", 1, 2, 3)
    scene.rpc("dlg.terminate_dlg", "call-1", "alice", "bob", "more")
    byes(scene)
    scene.rpc("dlg.list")


@case(PLAIN, modules=MODULES)
def terminate_dlg_from_the_other_side(scene: Scene) -> None:
    """The tags may stand in the callee's order."""
    confirmed(scene)
    scene.rpc("dlg.terminate_dlg", "call-1", "bob", "alice")
    byes(scene)
    scene.rpc("dlg.list")


@case(PLAIN, modules=MODULES)
def terminate_dlg_while_it_rings(scene: Scene) -> None:
    """Nothing is sent; the reference that the command took is not given back."""
    ringing(scene)
    scene.rpc("dlg.list")
    scene.rpc("dlg.terminate_dlg", "call-1", "alice", "bob")
    scene.rpc("dlg.list")


@case(PLAIN, modules=MODULES)
def is_alive(scene: Scene) -> None:
    """dlg.is_alive tells confirmed calls from others."""
    scene.rpc("dlg.is_alive", "call-1", "alice", "bob")
    ringing(scene)
    scene.rpc("dlg.is_alive", "call-1", "alice", "bob")
    scene.rpc("dlg.is_alive", "call-1", "alice", "")
    got = confirmed(scene, "call-2")
    scene.rpc("dlg.is_alive", "call-2", "alice", "bob")
    scene.rpc("dlg.is_alive", "call-2", "bob", "alice")
    scene.rpc("dlg.is_alive", "call-2", "alice", "")
    scene.rpc("dlg.is_alive", "call-2", "alice")
    scene.rpc("dlg.is_alive", "call-2")
    scene.rpc("dlg.is_alive")
    scene.rpc("dlg.is_alive", 1, 2, 3)
    scene.rpc("dlg.is_alive", "call-2", "alice", "bob", "more")
    hang_up(scene, got, "call-2")
    scene.rpc("dlg.is_alive", "call-2", "alice", "bob")


@case(PLAIN, modules=f"kex {MODULES}")
def set_state_of_a_call(scene: Scene) -> None:
    """dlg.set_state moves a dialog by force; its end leaves it in memory until the next clean-up."""
    got = confirmed(scene)
    scene.rpc("dlg.set_state")
    scene.rpc("dlg.set_state", "call-1", "alice", "bob")
    scene.rpc("dlg.set_state", "call-1", "alice", "bob", "5")
    scene.rpc("dlg.set_state", "call-1", "alice", "bob", 0)
    scene.rpc("dlg.set_state", "call-1", "alice", "bob", 6)
    scene.rpc("dlg.set_state", "call-1", "alice", "bob", -1)
    scene.rpc("dlg.set_state", "call-1", "alice", "carol", 5)
    scene.rpc("dlg.set_state", "call-1", "alice", "bob", 3, "more")
    scene.rpc("dlg.list")
    scene.rpc("dlg.set_state", "call-1", "alice", "bob", 4)
    scene.rpc("dlg.set_state", "call-1", "alice", "bob", 5)
    scene.rpc("dlg.list")
    scene.rpc("dlg.stats_active")
    scene.rpc("stats.get_statistics", "active_dialogs")
    scene.alice.request("INFO", BOB, to_tag="bob", cseq=2, headers=routes(got))
    scene.bob.expect("INFO").answer(200, "OK")
    scene.rpc("dlg.list")


@case(PLAIN, modules=MODULES)
def stats_active(scene: Scene) -> None:
    """dlg.stats_active counts by state."""
    scene.rpc("dlg.stats_active")
    scene.alice.request("INVITE", BOB, call_id="call-0")
    scene.bob.expect("INVITE")
    scene.alice.expect(100)
    ringing(scene)
    answered(scene, "call-2")
    got = confirmed(scene, "call-3")
    confirmed(scene, "call-4")
    scene.rpc("dlg.stats_active")
    scene.rpc("dlg.stats_active", 1)
    scene.rpc("dlg.stats_active", 0)
    scene.rpc("dlg.stats_active", "x")
    scene.rpc("dlg.stats_active", 1, 2)
    hang_up(scene, got, "call-3")
    scene.rpc("dlg.stats_active")


@case(PLAIN, modules=MODULES)
def briefing(scene: Scene) -> None:
    """dlg.briefing shows the fields that the letters name, in their order, as often as they come."""
    scene.rpc("dlg.briefing", "f")
    scene.rpc("dlg.briefing")
    ringing(scene)
    confirmed(scene, "call-2")
    for letters in ("ftcFT", "s", "TFctf", "ISE", "ff", "xyz", "", "fzs", "ftcFTISEs"):
        scene.rpc("dlg.briefing", letters)
    scene.rpc("dlg.briefing")
    scene.rpc("dlg.briefing", 5)
    scene.rpc("dlg.briefing", "s", "more")


#: Arguments of dlg.list_match.
MATCHES: tuple[tuple[str | int, ...], ...] = (
    ("ruri", "eq", BOB),
    ("ruri", "sw", "sip:bob@"),
    ("ruri", "re", "^sip:BOB@.*:21200$"),
    ("furi", "eq", "sip:alice@example.com"),
    ("furi", "re", "alice"),
    ("furi", "sw", "alice"),
    ("turi", "eq", "sip:bob@example.com", 1),
    ("turi", "eq", "sip:bob@example.com", 2),
    ("turi", "eq", "sip:bob@example.com", 0),
    ("turi", "eq", "sip:bob@example.com", -1),
    ("callid", "eq", "call-2"),
    ("callid", "eq", "call"),
    ("callid", "sw", "call"),
    ("callid", "sw", "call-2-and-more"),
    ("callid", "re", "^(other|call)-[23]$"),
    ("callid", "re", "["),
    ("callid", "re", "(", 1),
    ("callid", "gt", "1"),
    ("callid", "lt", "1"),
    ("start_ts", "gt", "1"),
    ("start_ts", "lt", "1"),
    ("start_ts", "lt", "x"),
    ("start_ts", "gt", "99999999999"),
    ("start_ts", "gt", "-1"),
    ("start_ts", "gt", ""),
    ("start_ts", "eq", "1"),
    ("start_ts", "re", "1"),
    ("start_ts", "re", "["),
    ("start_ts", "sw", "1"),
    ("callid", "xx", "1"),
    ("callid", "equal", "1"),
    ("callid", "e", "1"),
    ("CALLID", "eq", "1"),
    ("nokey", "xx", "1"),
    ("", "eq", "1"),
    ("callid", "", "1"),
    ("callid", "eq", ""),
    ("callid", "eq"),
    ("callid",),
    (),
    ("callid", "eq", 5),
    ("callid", "eq", "call-2", "x"),
    ("callid", "eq", "call-2", 1, 2),
    ("callid", "eq", "nobody"),
    ("callid", "eq", "nobody", "x"),
)


def three_calls(scene: Scene) -> None:
    """One rings, two are confirmed."""
    ringing(scene)
    confirmed(scene, "call-2")
    confirmed(scene, "other-3")


@case(PLAIN, modules=MODULES)
def list_match(scene: Scene) -> None:
    """Key, operator, value and a number of results; nothing found is an error."""
    three_calls(scene)
    for arguments in MATCHES:
        scene.rpc("dlg.list_match", *arguments)


@case(PLAIN, modules=MODULES)
def list_match_ctx(scene: Scene) -> None:
    """The same with what other modules know, of which there is nothing here."""
    three_calls(scene)
    scene.rpc("dlg.list_match_ctx", "callid", "sw", "call", 1)
    scene.rpc("dlg.list_match_ctx", "callid", "eq", "nobody")
    scene.rpc("dlg.list_match_ctx", "callid", "eq")


@case(PLAIN, modules=MODULES)
def dump_file_errors(scene: Scene) -> None:
    """Without a name, or where nothing can be written."""
    ringing(scene)
    scene.rpc("dlg.dump_file")
    scene.rpc("dlg.dump_file", "/nonexistent/directory/dialogs.json")


@case(PLAIN, modules=MODULES, spec="10.8")
def bridge_dlg_calls_and_refers(scene: Scene) -> None:
    """INVITE with a hold offer, then REFER, then BYE."""
    scene.rpc("dlg.bridge_dlg", "sip:alice@127.0.0.11:21200", BOB)
    invite = scene.alice.expect("INVITE")
    invite.answer(200, "OK", headers="Contact: <sip:alice@127.0.0.11:21200>")
    scene.alice.expect("ACK")
    scene.alice.expect("REFER").answer(202, "Accepted")
    scene.settle()
    scene.rpc("dlg.list")


@case(PLAIN, modules=MODULES, spec="10.8")
def bridge_dlg_through_a_proxy(scene: Scene) -> None:
    """The third argument is the next hop, unless it is a dot; the fourth is a body."""
    scene.rpc("dlg.bridge_dlg", "sip:alice@example.com", BOB, "sip:127.0.0.13:21200")
    scene.carol.expect("INVITE").answer(486, "Busy")
    scene.carol.expect("ACK")
    scene.label("outbound proxy")
    scene.rpc("dlg.bridge_dlg", "sip:alice@127.0.0.11:21200", BOB, ".", "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n")
    scene.alice.expect("INVITE").answer(486, "Busy")
    scene.alice.expect("ACK")
    scene.label("body")
    scene.rpc("dlg.bridge_dlg", "sip:alice@127.0.0.11:21200", BOB, ".", ".")
    scene.alice.expect("INVITE").answer(486, "Busy")
    scene.alice.expect("ACK")
    scene.label("dot")
    scene.rpc("dlg.bridge_dlg", "sip:alice@127.0.0.11:21200", BOB, ".", "_")
    scene.alice.expect("INVITE").answer(486, "Busy")
    scene.alice.expect("ACK")
    scene.label("underscore")


@case(PLAIN, modules=MODULES, spec="10.8")
def bridge_dlg_errors(scene: Scene) -> None:
    """Missing and wrong arguments; what cannot be sent is not told."""
    scene.rpc("dlg.bridge_dlg")
    scene.rpc("dlg.bridge_dlg", "sip:alice@127.0.0.11:21200")
    scene.rpc("dlg.bridge_dlg", 1, 2)
    scene.rpc("dlg.bridge_dlg", "garbage", BOB)
    scene.rpc("dlg.bridge_dlg", "", "")


@case(PLAIN, modules=MODULES, spec="10.1")
def list_of_many_slots(scene: Scene) -> None:
    """Calls stand slot by slot, whatever their age."""
    for number in range(6):
        ringing(scene, f"many-{number}")
    scene.rpc("dlg.list")
    scene.rpc("dlg.briefing", "c")


@case('modparam("dialog", "hash_size", 1)\n' + PLAIN, modules=MODULES, spec="10.1")
def list_of_one_slot(scene: Scene) -> None:
    """Within a slot the oldest stands first."""
    for number in range(4):
        ringing(scene, f"many-{number}")
    scene.rpc("dlg.briefing", "c")
    scene.rpc("dlg.dlg_list", "many-2")


@case(PLAIN, modules=MODULES, spec="10.1")
def list_of_a_failed_call(scene: Scene) -> None:
    """A refused call stays until its transaction is gone."""
    invite, got = ringing(scene)
    got.answer(486, "Busy", headers=CONTACT)
    scene.bob.expect("ACK")
    busy = scene.alice.expect(486)
    scene.rpc("dlg.list")
    scene.alice.ack(invite, busy)
    scene.rpc("dlg.list")
    scene.rpc("dlg.stats_active")


JSON = FULL.replace(
    "request_route {",
    """request_route {
    if (is_method("OPTIONS")) {
        jsonrpc_exec('{"jsonrpc":"2.0","method":"$hdr(X-Method)","params":$(hdr(X-Params)),"id":1}');
        xlog("$hdr(X-Method) $hdr(X-Params) -> $jsonrpl(code) $jsonrpl(text) $jsonrpl(body)\\n");
        exit;
    }""",
    1,
)


@case('loadmodule "jsonrpcs.so"\n' + JSON, modules=MODULES, spec="10.1 10.3 10.5 10.6 10.7 10.8")
def answers_as_json(scene: Scene) -> None:
    """Lists are lists, one dialog is an object; missing arguments are no error unless the command says so."""
    ringing(scene, "call-2")
    confirmed(scene)
    for index, (method, params) in enumerate(
        (
            ("list", "[]"),
            ("list_ctx", "[]"),
            ("briefing", "[]"),
            ("briefing", '["sIf"]'),
            ("briefing", "[5]"),
            ("dlg_list", '["call-1"]'),
            ("dlg_list", '["call-1", "alice"]'),
            ("dlg_list_ctx", '["call-1", "bob"]'),
            ("dlg_list", "[]"),
            ("dlg_list", "[1]"),
            ("profile_list", '["all"]'),
            ("profile_list", '["caller", "nobody"]'),
            ("profile_list", '["nosuch"]'),
            ("profile_list", "[]"),
            ("profile_get_size", '["caller", "alice"]'),
            ("profile_get_size", "[]"),
            ("profile_get_size", "[5]"),
            ("profile_get_size", '["trunk", 5]'),
            ("end_dlg", "[]"),
            ("end_dlg", '["1", "2"]'),
            ("end_dlg", "[1, 2, 5]"),
            ("end_dlg", "[1.5, 2.5]"),
            ("set_state", '["call-1", "alice", "bob", "4"]'),
            ("set_state", '["call-1", "alice", "bob", 4.0]'),
            ("set_state", '["call-1", "alice", "bob"]'),
            ("set_state", "[]"),
            ("is_alive", '["call-1", "alice", "bob"]'),
            ("is_alive", '["call-1", "alice"]'),
            ("is_alive", "[1, 2, 3]"),
            ("terminate_dlg", "[1, 2, 3]"),
            ("terminate_dlg", '["call-1"]'),
            ("list_match", '["callid", "eq", 5]'),
            ("list_match", '["callid", "eq", "call-1", "1"]'),
            ("list_match", '["callid", "eq"]'),
            ("list_match_ctx", '["ruri", "sw", "sip:", 1]'),
            ("stats_active", "[]"),
            ("stats_active", '["1"]'),
            ("bridge_dlg", "[1, 2]"),
            ("bridge_dlg", "[]"),
            ("dump_file", "[]"),
        )
    ):
        scene.alice.request(
            "OPTIONS", call_id=f"options-{index}", headers=f"X-Method: dlg.{method}\nX-Params: {params}", contact=False
        )
        scene.settle()
