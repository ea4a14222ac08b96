"""Call data records of module acc: when they are written, and what stands in them."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Got, Scene, case, verdicts

MODULES = "pv xlog tm tmx sl rr textops siputils kex dialog acc"
BOB = "sip:bob@127.0.0.12:21200"
EXTRA = "caller=$dlg_var(caller);m=$rm;from=$fU;code=$rs;uri=$ru;var=$var(here);avp=$avp(there);none=$hdr(X-None);state=$dlg(state);num=$(dlg_var(caller){s.len})"
#: Each process of the daemon has a `$var` of its own, that of the timers too.
NO_VAR = EXTRA.replace("var=$var(here);", "")
SEEN = "$dlg_var(start_time) $dlg_var(end_time) $dlg_var(duration)"
CONFIG = f"""
modparam("tm", "retr_timer1", 20000)
modparam("tm", "retr_timer2", 20000)
modparam("tm", "wt_timer", 1000)
modparam("acc", "log_level", -1)
modparam("acc", "cdr_enable", 1)
PARAMS
request_route {{
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    $avp(there) = $rm + "-avp";
    $var(here) = $rm + "-var";
    if (has_totag()) {{
        if (loose_route()) {{
            WITHIN
            t_relay();
            exit;
        }}
        if (is_method("ACK") && t_check_trans()) t_relay();
        exit;
    }}
    dlg_manage();
    xlog("made {SEEN}\\n");
    $dlg_var(caller) = "c-" + $fU;
    AFTER
    record_route();
    t_relay();
}}
event_route[dialog:start] {{ xlog("start {SEEN}\\n"); }}
event_route[dialog:end] {{ xlog("end {SEEN}\\n"); }}
event_route[dialog:failed] {{ xlog("failed {SEEN}\\n"); }}
"""


def config(params: str = "", *, extra: str = EXTRA, after: str = "", within: str = "", rest: str = "") -> str:
    """The config with further parameters, a line each: `name=value` of acc, `module.name=value` of another."""
    lines = f'modparam("acc", "cdr_extra", "{extra}")\n' if extra else ""
    for setting in (line.strip() for line in params.strip().split("\n") if line.strip()):
        name, _, value = setting.partition("=")
        module, _, name = name.rpartition(".")
        lines += f'modparam("{module or "acc"}", "{name}", {value})\n'
    return CONFIG.replace("PARAMS", lines).replace("AFTER", after).replace("WITHIN", within) + rest


class Call:
    """Alice calls bob; either may send what belongs into the call."""

    def __init__(self, scene: Scene, call_id: str = "call-1", headers: str = "") -> None:
        self.scene, self.call_id = scene, call_id
        self.invite = scene.alice.request("INVITE", BOB, call_id=call_id, headers=headers)
        self.arrived: Got = scene.bob.expect("INVITE")
        self.routes = "\n".join(f"Route: {route}" for route in self.arrived.headers("Record-Route"))
        self.cseqs = {"alice": 1, "bob": 20}
        scene.alice.expect(100)

    def ring(self) -> None:
        self.arrived.answer(180, "Ringing")
        self.scene.alice.expect(180)

    def answer(self) -> None:
        self.arrived.answer(200, "OK", headers="Contact: <sip:bob@127.0.0.12:21200>")
        self.scene.alice.expect(200)

    def ack(self) -> None:
        self.scene.alice.request("ACK", BOB, to_tag="bob", headers=self.routes, call_id=self.call_id)
        self.scene.bob.expect("ACK")

    def up(self) -> Call:
        self.ring()
        self.answer()
        self.ack()
        self.scene.settle()
        return self

    def send(self, method: str, by: str = "alice") -> Got:
        """Send a request; what the other side got."""
        self.cseqs[by] += 1
        cseq = self.cseqs[by]
        alice, bob = self.scene.alice, self.scene.bob
        if by == "alice":
            alice.request(method, BOB, to_tag="bob", cseq=cseq, headers=self.routes, call_id=self.call_id)
            return bob.expect(method)
        uri = alice.contact
        to, call_id = "<sip:alice@example.com>", self.call_id
        bob.request(method, uri, to=to, to_tag="alice", cseq=cseq, headers=self.routes, call_id=call_id)
        return alice.expect(method)

    def bye(self, by: str = "alice", code: int = 200) -> None:
        arrived = self.send("BYE", by)
        arrived.answer(code, "Answered")
        self.scene.party(by).expect(code)
        self.scene.settle()

    def refused(self, code: int) -> None:
        self.arrived.answer(code, f"Reason {code}")
        self.scene.bob.expect("ACK")
        self.scene.alice.ack(self.invite, self.scene.alice.expect(code))
        self.scene.settle()


@case(config(), modules=MODULES)
def a_call(scene: Scene) -> None:
    """One record when the BYE is answered, of the BYE; times from the INVITE to the BYE."""
    call = Call(scene)
    call.ring()
    scene.wait(1)
    call.answer()
    call.ack()
    call.bye()


@case(config(), modules=MODULES)
def a_call_that_the_called_ends(scene: Scene) -> None:
    """What is read of the message is the BYE's."""
    Call(scene).up().bye("bob")


@case(config("cdr_start_on_confirmed=1"), modules=MODULES)
def started_on_confirmed(scene: Scene) -> None:
    """The ACK begins the call; before it the INVITE did."""
    call = Call(scene)
    call.ring()
    scene.wait(1)
    call.answer()
    scene.rpc("dlg.list")
    call.ack()
    call.bye()


@case(config("cdr_start_on_confirmed=1"), modules=MODULES)
def started_on_confirmed_but_refused(scene: Scene) -> None:
    """Then the INVITE began it."""
    Call(scene).refused(486)


@case(config(), modules=MODULES)
def refused_calls(scene: Scene) -> None:
    """A record of a call that failed reads the reply."""
    for number, code in enumerate((486, 302, 603)):
        call = Call(scene, call_id=f"call-{number}")
        call.ring()
        call.refused(code)


@case(config("cdr_on_failed=0"), modules=MODULES)
def refused_calls_left_out(scene: Scene) -> None:
    """cdr_on_failed 0."""
    Call(scene).refused(486)


@case(config("tm.fr_timer=1000\ntm.fr_inv_timer=1000", extra=NO_VAR), modules=MODULES)
def nobody_answers(scene: Scene) -> None:
    """A failure without a reply reads the INVITE."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(100)
    scene.alice.expect(408)
    scene.settle()


@case(config(after='t_newtran(); t_reply("480", "Not Here"); exit;'), modules=MODULES)
def refused_by_the_server(scene: Scene) -> None:
    """And so does one that the script makes."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(480)
    scene.settle()


@case(config(after='sl_send_reply("480", "Not Here"); exit;'), modules=MODULES)
def refused_without_a_transaction(scene: Scene) -> None:
    """Nothing is told of a dialog that no transaction follows."""
    scene.alice.request("INVITE", BOB)
    scene.alice.expect(480)
    scene.settle()


@case(config(), modules=MODULES)
def a_cancelled_call(scene: Scene) -> None:
    """487."""
    call = Call(scene)
    call.ring()
    scene.alice.cancel(call.invite)
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    call.refused(487)


@case(
    config('cdr_skip="nocdr"', after='if ($rU == "bob" && $hdr(X-Skip) != $null) $dlg_var(nocdr) = $hdr(X-Skip);'),
    modules=MODULES,
)
def skipped(scene: Scene) -> None:
    """cdr_skip: a variable of the dialog, whatever it holds."""
    Call(scene, headers="X-Skip: 0").up().bye()
    Call(scene, headers="X-Skip: yes", call_id="call-2").refused(486)
    Call(scene, call_id="call-3").up().bye()


@case(
    config(
        'cdr_start_id="s"\ncdr_end_id="e"\ncdr_duration_id="my_duration"',
        after='xlog("$dlg_var(s) $dlg_var(e) $dlg_var(my_duration)\\n");',
    ),
    modules=MODULES,
)
def other_names(scene: Scene) -> None:
    """cdr_start_id, cdr_end_id, cdr_duration_id."""
    Call(scene).up().bye()


@case(config("cdr_log_enable=0"), modules=MODULES)
def no_lines(scene: Scene) -> None:
    """cdr_log_enable 0."""
    Call(scene).up().bye()


@case(config(extra=""), modules=MODULES)
def nothing_extra(scene: Scene) -> None:
    """Without cdr_extra."""
    Call(scene).up().bye()


EXPIRED = "v=$dlg_var(caller);len=$(dlg_var(caller){s.len});a=$avp(caller);as=$avp(s:caller);x=$xavp(caller);var=$var(caller);h=$hdr(caller);hs=$hdr(Subject);ua=$hdr(User-Agent);f=$fU;rm=$rm;d=$dlg(state);dc=$dlg(callid);t=$time(year);none=$dlg_var(none);ctx=$dlg_ctx(on);tr=$T_rpl($ru);shv=$shv(caller);hfl=$(hfl(caller)[0]);avpi=$(avp(caller)[0]);td=$(avp(caller){s.len})"


@case(config("dialog.default_timeout=2\ncdr_expired_dlg_enable=1", extra=EXPIRED), modules=MODULES)
def an_expired_call(scene: Scene) -> None:
    """cdr_expired_dlg_enable: a record of a call without BYE; only variables of the dialog can be read.

    An AVP with a number behind one with a name ends 5.6 here: it looks for a variable whose name is anywhere.
    """
    Call(scene).up()
    scene.wait(4)


@case(config("dialog.default_timeout=2"), modules=MODULES)
def an_expired_call_left_out(scene: Scene) -> None:
    """Without it there is none."""
    Call(scene).up()
    scene.wait(4)


@case(config("dialog.default_timeout=2\ncdr_expired_dlg_enable=1\ncdr_start_on_confirmed=1"), modules=MODULES)
def an_expired_call_without_ack(scene: Scene) -> None:
    """It gets no duration."""
    call = Call(scene)
    call.answer()
    scene.wait(4)


@case(config('dialog.default_timeout=2\ncdr_expired_dlg_enable=1\ncdr_skip="caller"'), modules=MODULES)
def an_expired_call_skipped(scene: Scene) -> None:
    """cdr_skip counts here too."""
    Call(scene).up()
    scene.wait(4)


def _byes(scene: Scene, bob: int = 200) -> None:
    """Both sides answer the BYE of the server."""
    scene.alice.expect("BYE").answer(200, "OK", tag="")
    scene.bob.expect("BYE").answer(bob, "Answered", tag="")
    scene.wait(2)


@case(config("dialog.default_timeout=2\ndialog.send_bye=1"), modules=MODULES)
def an_expired_call_with_bye(scene: Scene) -> None:
    """The BYE of the server is no message that a record could be made of."""
    Call(scene).up()
    _byes(scene)


@case(config("dialog.default_timeout=2\ndialog.send_bye=1\ncdr_expired_dlg_enable=1"), modules=MODULES)
def an_expired_call_with_bye_and_record(scene: Scene) -> None:
    """With cdr_expired_dlg_enable it is made of the dialog's variables."""
    Call(scene).up()
    _byes(scene)


@case(config("cdr_expired_dlg_enable=1"), modules=MODULES)
def a_call_ended_by_a_command(scene: Scene) -> None:
    """dlg.terminate_dlg."""
    Call(scene).up()
    scene.wait(1)
    scene.rpc("dlg.terminate_dlg", "call-1", "alice", "bob")
    _byes(scene, 481)


@case(config(within='if (is_method("INFO")) { dlg_bye("caller"); sl_send_reply("200", "OK"); exit; }'), modules=MODULES)
def a_call_ended_on_one_side(scene: Scene) -> None:
    """dlg_bye() for one side tells nobody that the call ended."""
    call = Call(scene).up()
    scene.alice.request("INFO", BOB, to_tag="bob", cseq=2, headers=call.routes)
    bye = scene.alice.expect("BYE")
    scene.alice.expect(200)
    bye.answer(200, "OK", tag="")
    scene.settle()


@case(config("tm.fr_timer=1000", extra=NO_VAR), modules=MODULES)
def the_bye_is_not_answered(scene: Scene) -> None:
    """Then tm answers it."""
    call = Call(scene).up()
    call.send("BYE")
    scene.alice.expect(408)
    scene.settle()


@case(config(), modules=MODULES)
def the_bye_is_answered_twice(scene: Scene) -> None:
    """A provisional reply counts as an answer."""
    arrived = Call(scene).up().send("BYE")
    arrived.answer(183, "Wait")
    scene.alice.expect(183)
    arrived.answer(200, "OK")
    scene.alice.expect(200)
    arrived.answer(200, "OK")
    scene.settle()


@case(config(), modules=MODULES)
def both_end_the_call(scene: Scene) -> None:
    """The first BYE makes the record."""
    call = Call(scene).up()
    first = call.send("BYE")
    second = call.send("BYE", "bob")
    second.answer(200, "OK")
    scene.bob.expect(200)
    first.answer(481, "Gone")
    scene.alice.expect(481)
    scene.settle()


@case(config(), modules=MODULES)
def the_bye_comes_before_the_ack(scene: Scene) -> None:
    """It ends the call all the same."""
    call = Call(scene)
    call.answer()
    call.bye()


@case(config(within='if (is_method("BYE")) { t_newtran(); t_reply("200", "Mine"); exit; }'), modules=MODULES)
def the_server_answers_the_bye(scene: Scene) -> None:
    """Any answer makes the record."""
    call = Call(scene).up()
    scene.alice.request("BYE", BOB, to_tag="bob", cseq=2, headers=call.routes)
    scene.alice.expect(200)
    scene.settle()


@case(config(within='if (is_method("BYE")) { sl_send_reply("200", "Mine"); exit; }'), modules=MODULES)
def the_server_answers_the_bye_without_a_transaction(scene: Scene) -> None:
    """Unless it goes out without a transaction."""
    call = Call(scene).up()
    scene.alice.request("BYE", BOB, to_tag="bob", cseq=2, headers=call.routes)
    scene.alice.expect(200)
    scene.settle()


START_TIMES = (
    "now",
    "12",
    "12.",
    "1.2.3",
    "1234567890.1234567890",
    ".5",
    "9999999999.999",
    "a.b",
    "12345678901234567.1",
    "1.5",
    "1.123456",
)


@case(
    config(
        after="if ($hdr(X-Start) != $null) $dlg_var(start_time) = $hdr(X-Start); if ($hdr(X-None) != $null) $dlg_var(start_time) = $null;",
        extra="i=$ci",
    ),
    modules=MODULES,
)
def starts_that_the_script_sets(scene: Scene) -> None:
    """What cannot be read as a time leaves the duration as it was."""
    for number, start in enumerate(START_TIMES):
        Call(scene, call_id=f"call-{number}", headers=f"X-Start: {start}").up().bye()
    Call(scene, call_id="call-none", headers="X-None: 1").up().bye()


@case(config(extra=";".join(f"n{number}=$hdr(X-Long)" for number in range(20))), modules=MODULES)
def a_record_that_is_too_long(scene: Scene) -> None:
    """It ends with the last attribute that fits."""
    call = Call(scene).up()
    scene.alice.request("BYE", BOB, to_tag="bob", cseq=2, headers=f"{call.routes}\nX-Long: {'x' * 5000}")
    scene.bob.expect("BYE").answer(200, "OK")
    scene.alice.expect(200)
    scene.settle()


@case(
    config(
        extra="a=$avp(there);b=$var(here);c=$avp(set);x=$xavp(a=>b)",
        after='$avp(set) = "by INVITE"; t_on_reply("R");',
        within='t_on_reply("BYE");',
        rest="""
onreply_route[R] { $avp(set) = "by reply"; $var(here) = "reply"; }
onreply_route[BYE] { $avp(set) = "by answer"; $xavp(a=>b) = "x"; $var(here) = "answer"; }
""",
    ),
    modules=MODULES,
)
def variables_of_the_last_transaction(scene: Scene) -> None:
    """AVPs are those of the transaction that ends the call."""
    Call(scene).up().bye()
    Call(scene, call_id="call-2").refused(486)


@case(
    config(
        "dialog.detect_spirals=1",
        after='if ($si == "127.0.0.11") { record_route(); $du = "sip:127.0.0.1:21200"; t_relay(); exit; }',
    ),
    modules=MODULES,
)
def a_spiral(scene: Scene) -> None:
    """One dialog, one record, though the call goes through twice."""
    call = Call(scene)
    call.answer()
    scene.settle()
    scene.alice.request("BYE", BOB, to_tag="bob", cseq=2, headers=call.routes)
    scene.bob.expect("BYE").answer(200, "OK")
    scene.alice.expect(200)
    scene.settle()


@case(config('dialog.dlg_flag=4\ncdr_extra="a=$ci"', extra="").replace("dlg_manage();", "setflag(4);"), modules=MODULES)
def tracked_by_flag(scene: Scene) -> None:
    """dlg_flag."""
    Call(scene).up().bye()


@case(config('time_mode=4\ntime_format="%Z"\nlog_flag=1', after="setflag(1);"), modules=MODULES)
def records_and_lines_of_transactions(scene: Scene) -> None:
    """Transactions are accounted apart; time_mode changes no line of a record."""
    Call(scene).up().bye()


verdicts(
    "acc_cdr",
    "parameters",
    r"""
    : modparam("acc", "cdr_enable", 1)
    : modparam("acc", "cdr_enable", 2)
    : modparam("acc", "cdr_enable", -1)
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_extra", "a=$dlg_var(x);b=$ru")
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_extra", "a")
    : modparam("acc", "cdr_enable", 0)\nmodparam("acc", "cdr_extra", "a")
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_extra", "")
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_extra", "a=$ru;")
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_facility", "LOG_LOCAL3")
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_facility", "log_local3")
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_facility", "LOG_NOPE")
    : modparam("acc", "cdr_enable", 0)\nmodparam("acc", "cdr_facility", "LOG_NOPE")
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_facility", "")
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_start_id", "")
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_end_id", "")
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_duration_id", "")
    : modparam("acc", "cdr_enable", 0)\nmodparam("acc", "cdr_start_id", "")
    : modparam("acc", "cdr_extra_nullable", 2)
    : modparam("acc", "cdr_expired_dlg_enable", 2)
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_start_on_confirmed", 7)
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdrs_table", "cdrs")
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_on_failed", 7)
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "acc_extra_size", 1)\nmodparam("acc", "cdr_extra", "a=$ru;b=$ru")
    : modparam("acc", "cdr_enable", 1)\nmodparam("acc", "cdr_skip", "")
    : modparam("acc", "log_facility", "")
    : modparam("acc", "log_extra", "")
    : modparam("acc", "multi_leg_info", "")
    """,
    modules="tm sl rr pv dialog acc",
)
verdicts(
    "acc_cdr",
    "without_dialog",
    r"""
    : modparam("acc", "cdr_enable", 0)
    : modparam("acc", "cdr_enable", 1)
    : loadmodule "rr.so"\nloadmodule "dialog.so"\nmodparam("acc", "cdr_enable", 1)
    """,
    modules="tm sl pv acc",
)
