"""Dialogs in a database: the rows after each step of a call, and what becomes of them when the server is started again.

The rows hold no times here and no numbers: those of a run are its own.
"""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Got, Scene, case, verdicts

MODULES = "db_sqlite pv xlog tm sl rr textops siputils dialog"
BOB = "sip:bob@127.0.0.12:21200"
CONTACT = "Contact: <sip:bob@127.0.0.12:21200>"
ROW = (
    *("callid", "from_uri", "from_tag", "to_uri", "to_tag", "state", "caller_cseq", "callee_cseq"),
    *("caller_route_set", "callee_route_set", "caller_contact", "callee_contact", "caller_sock", "callee_sock"),
    *("iflags", "toroute_name", "req_uri"),
)
VARS = ("dialog_key", "dialog_value")


def config(mode: int, *, params: str = "", initial: str = "", within: str = "", reply: str = "", rest: str = "") -> str:
    """A proxy that keeps its dialogs in a database."""
    return f"""
modparam("tm", "wt_timer", 500)
modparam("dialog", "db_mode", {mode})
modparam("dialog", "db_url", "sqlite:///DATABASE")
modparam("dialog", "db_update_period", 1)
modparam("dialog", "profiles_with_value", "caller")
{params}
request_route {{
    if (has_totag()) {{
        if (!loose_route()) exit;
        {within}
        t_relay();
        exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    {initial}
    dlg_manage();
    $dlg_var(account) = "a17";
    record_route();
    t_on_reply("R");
    t_relay();
}}
onreply_route[R] {{ {reply} xlog("reply $rs $rm\\n"); }}
event_route[dialog:start] {{ xlog("start $dlg(callid) $dlg_var(account)\\n"); }}
event_route[dialog:end] {{ xlog("end $dlg(callid) $dlg_var(account)\\n"); }}
event_route[dialog:failed] {{ xlog("failed $dlg(callid) $dlg_var(account)\\n"); }}
{rest}
"""


class Call:
    """A call from alice to bob, and looks at the tables."""

    def __init__(self, scene: Scene, *, headers: str = "") -> None:
        self.scene = scene
        scene.alice.request("INVITE", BOB, headers=headers)
        scene.alice.expect(100)
        self.invite = scene.bob.expect("INVITE")
        self.routes = "\n".join(f"Route: {route}" for route in self.invite.headers("Record-Route"))

    def ring(self) -> None:
        """180."""
        self.invite.answer(180, "Ringing", headers=CONTACT)
        self.scene.alice.expect(180)

    def answer(self, headers: str = CONTACT) -> None:
        """200."""
        self.invite.answer(200, "OK", headers=headers)
        self.scene.alice.expect(200)

    def ack(self) -> None:
        """The ACK."""
        self.scene.alice.request("ACK", BOB, to_tag="bob", headers=self.routes)
        self.scene.bob.expect("ACK")
        self.scene.settle()

    def setup(self) -> None:
        """Up to the ACK."""
        self.ring()
        self.answer()
        self.ack()

    def within(self, method: str, cseq: int, headers: str = "") -> Got:
        """A request of alice within the call, answered by bob."""
        self.scene.alice.request(method, BOB, to_tag="bob", cseq=cseq, headers=f"{self.routes}\n{headers}")
        if method == "INVITE":
            self.scene.alice.expect(100)
        got = self.scene.bob.expect(method).answer(200, "OK", headers=CONTACT if method == "INVITE" else "")
        self.scene.alice.expect(200)
        self.scene.settle()
        return got

    def bye(self, cseq: int = 9) -> None:
        """The end, and the time until the rows are gone."""
        self.within("BYE", cseq)
        self.scene.wait(1.5)

    def look(self, label: str) -> None:
        """Both tables."""
        self.scene.rows("dialog", *ROW, label=label)
        self.scene.rows("dialog_vars", *VARS, label=label)


@case(
    config(1), modules=MODULES, spec="6.11 6.15 6.16 6.17 6.18 6.19 6.20 6.21 6.22 6.23 6.24 6.25 6.26 6.27 6.28 6.31"
)
def realtime_follows_the_call(scene: Scene) -> None:
    """The row comes with the 200, changes with requests within the call, and goes behind the BYE."""
    call = Call(scene, headers="Record-Route: <sip:127.0.0.13:21200;lr>")
    call.look("invite")
    call.ring()
    call.look("ringing")
    recorded = [*call.invite.headers("Record-Route")]
    call.answer(f"{CONTACT}\nRecord-Route: <sip:127.0.0.14:21200;lr>")
    call.look("answered")
    call.routes = f"Route: {recorded[0]}"
    scene.alice.request("ACK", BOB, to_tag="bob", headers=call.routes)
    scene.settle()
    call.look("confirmed")
    scene.alice.request("INFO", BOB, to_tag="bob", cseq=2, headers=call.routes)
    scene.settle()
    call.look("INFO")


@case(config(1), modules=MODULES, spec="6.11")
def realtime_deletes_behind_the_bye(scene: Scene) -> None:
    """Both tables are empty when the transaction of the BYE is gone."""
    call = Call(scene)
    call.setup()
    call.within("INFO", 2)
    call.within("INVITE", 3)
    call.look("re-INVITE")
    call.bye()
    call.look("ended")


@case(
    config(
        1,
        within='if (is_method("INFO")) { $dlg_var(account) = "b18"; $dlg_var(note) = "n"; } else if (is_method("UPDATE")) { $dlg_var(note) = $null; }',
    ),
    modules=MODULES,
    spec="6.36 6.39 6.40",
    differs={"rpc/2/1/1": "Kamailio never deletes the row of a variable that was removed: it is back after a restart"},
)
def realtime_follows_the_variables(scene: Scene) -> None:
    """Set, changed, removed."""
    call = Call(scene)
    call.setup()
    scene.rows("dialog_vars", *VARS, label="confirmed")
    call.within("INFO", 2)
    scene.rows("dialog_vars", *VARS, label="INFO")
    call.within("UPDATE", 3)
    scene.rows("dialog_vars", *VARS, label="UPDATE")
    call.bye()
    scene.rows("dialog_vars", *VARS, label="ended")


@case(config(1), modules=MODULES, spec="6.11")
def a_refused_call_leaves_nothing(scene: Scene) -> None:
    """486: no row comes, and none stays."""
    call = Call(scene)
    call.ring()
    call.invite.answer(486, "Busy Here")
    scene.alice.expect(486)
    scene.settle()
    call.look("refused")


@case(config(2), modules=MODULES, spec="6.11 6.12")
def delayed_writes_in_its_time(scene: Scene) -> None:
    """With db_mode 2 the row comes with the timer, and goes at once."""
    call = Call(scene)
    call.setup()
    scene.wait(2.5)
    call.look("confirmed")
    call.within("INFO", 2)
    scene.wait(2.5)
    call.look("INFO")
    call.bye()
    call.look("ended")


@case(config(0), modules=MODULES, spec="6.11")
def without_a_mode_nothing_is_written(scene: Scene) -> None:
    """db_mode 0."""
    call = Call(scene)
    call.setup()
    call.look("confirmed")
    scene.restart()
    call.look("after the end")


@case(config(1), modules=MODULES, spec="6.11 6.29 6.30")
def a_killed_server_finds_its_calls_again(scene: Scene) -> None:
    """The BYE carries the cookie of the server that was killed."""
    call = Call(scene)
    call.setup()
    scene.restart(kill=True)
    call.look("restarted")
    call.within("INFO", 2)
    call.look("INFO")
    call.bye()
    call.look("ended")


@case(config(3), modules=MODULES, spec="6.11")
def shutdown_writes_at_the_end(scene: Scene) -> None:
    """With db_mode 3 the tables are empty while the server runs, and the call goes on behind a restart."""
    call = Call(scene)
    call.setup()
    call.look("confirmed")
    scene.restart()
    call.look("restarted")
    call.bye()
    call.look("ended")


@case(
    config(3),
    modules=MODULES,
    spec="6.11",
    differs={
        "log/3": "Kamailio does not write at the second end what it loaded at the first start: the call is lost",
    },
)
def shutdown_writes_what_it_loaded(scene: Scene) -> None:
    """Restarted twice."""
    call = Call(scene)
    call.setup()
    scene.restart()
    scene.restart()
    call.bye()


@case(
    config(
        1,
        within='if (is_method("INFO")) { dlg_db_load_callid("$ci"); xlog("load $rc\\n"); } else if (is_method("UPDATE")) { dlg_db_load_extra(); xlog("extra $rc\\n"); } xlog("$rm $dlg_var(account)\\n");',
        params='modparam("dialog", "db_skip_load", 1)',
    ),
    modules=MODULES,
    spec="6.14",
)
def skipped_dialogs_are_loaded_on_demand(scene: Scene) -> None:
    """db_skip_load, then dlg_db_load_callid() for a call that is not known."""
    call = Call(scene)
    call.setup()
    scene.restart()
    call.look("restarted")
    call.within("MESSAGE", 2)
    call.within("INFO", 3)
    call.within("MESSAGE", 4)
    call.within("UPDATE", 5)
    call.bye()
    call.look("ended")


@case(
    config(
        1,
        initial='set_dlg_profile("caller", "$fU");',
        within='get_profile_size("caller", "alice", "$var(n)"); xlog("$rm $var(n)\\n");',
    ),
    modules=MODULES,
    spec="6.41",
)
def profiles_come_back(scene: Scene) -> None:
    """The profile of a loaded call counts it."""
    call = Call(scene)
    call.setup()
    scene.restart(kill=True)
    call.within("INFO", 2)
    call.bye()


@case(
    config(
        1,
        params='modparam("dialog", "default_timeout", 2)',
        rest='route[OVER] { xlog("over $dlg(callid)\\n"); }',
        initial='$dlg_ctx(timeout_route) = "OVER";',
    ),
    modules=MODULES,
    spec="6.33 6.35",
)
def a_call_that_ended_while_nobody_looked(scene: Scene) -> None:
    """Its time is over when the server is started again: the timeout route and the event route run at once."""
    call = Call(scene)
    call.setup()
    scene.rows("dialog", "callid", "toroute_name", label="confirmed")
    scene.restart(kill=True)
    scene.wait(4)
    call.look("over")


@case(
    config(1, within='if (is_method("INFO")) $dlg_var(note) = "n";'),
    modules=MODULES,
    spec="6.36",
    differs={
        "rpc/1/1": "Kamailio inserts the variables that it loaded once more with the first change",
    },
)
def loaded_variables_are_written_once(scene: Scene) -> None:
    """A variable is set behind a restart."""
    call = Call(scene)
    call.setup()
    scene.rows("dialog_vars", *VARS, label="confirmed")
    scene.restart(kill=True)
    call.within("INFO", 2)
    scene.rows("dialog_vars", *VARS, label="INFO")


@case(
    config(1, reply='$dlg_var(note) = "n";'),
    modules=MODULES,
    spec="6.36",
)
def variables_of_a_ringing_call(scene: Scene) -> None:
    """A variable is set when the 180 comes."""
    call = Call(scene)
    call.ring()
    call.look("ringing")
    call.answer()
    call.look("answered")


@case(
    config(1),
    modules=MODULES,
    spec="6.26",
    differs={
        "rpc/0/1": "Kamailio does not write a call whose 200 has no Contact, and loses it at a restart",
        "rpc/2/1": "Kamailio does not write a call whose 200 has no Contact, and loses it at a restart",
    },
)
def a_200_without_contact(scene: Scene) -> None:
    """The callee's side of the dialog is not known."""
    call = Call(scene)
    call.ring()
    call.answer("")
    call.ack()
    call.look("confirmed")
    call.within("INFO", 2)
    call.look("INFO")


@case(
    config(1, within='if (is_method("INFO")) dlg_setflag("5");'),
    modules=MODULES,
    spec="6.34",
    differs={
        "rpc/2/1": "Kamailio of 5.6 never writes flags that were set behind the 200; here they come with the next change",
    },
)
def flags_set_during_the_call(scene: Scene) -> None:
    """dlg_setflag() in a request within the call."""
    call = Call(scene)
    call.setup()
    scene.rows("dialog", "callid", "sflags", label="confirmed")
    call.within("INFO", 2)
    scene.rows("dialog", "callid", "sflags", label="INFO")
    call.within("MESSAGE", 3)
    scene.rows("dialog", "callid", "sflags", label="MESSAGE")


verdicts(
    "dialog_db",
    "what_the_start_is_refused_for",
    """
: modparam("dialog", "db_mode", 1)\\nmodparam("dialog", "db_url", "sqlite:///DATABASE")
: modparam("dialog", "db_mode", 4)\\nmodparam("dialog", "db_url", "sqlite:///DATABASE")
: modparam("dialog", "db_mode", -1)\\nmodparam("dialog", "db_url", "sqlite:///DATABASE")
: modparam("dialog", "db_mode", 1)
: modparam("dialog", "db_mode", 0)\\nmodparam("dialog", "db_url", "nonsense")
: modparam("dialog", "db_mode", 1)\\nmodparam("dialog", "db_url", "nonsense")
: modparam("dialog", "db_mode", 1)\\nmodparam("dialog", "db_url", "")
: modparam("dialog", "db_mode", 1)\\nmodparam("dialog", "db_url", "postgres://a:b@127.0.0.1/c")
: modparam("dialog", "db_mode", 1)\\nmodparam("dialog", "db_url", "sqlite:///DATABASE")\\nmodparam("dialog", "table_name", "dialog_vars")
""",
    modules=MODULES,
    spec="6.10 6.11",
)
