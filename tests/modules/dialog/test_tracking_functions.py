"""Functions that steer tracking, those of 6.x too; parameters that refuse the start."""

from __future__ import annotations

import pytest

from kamscript.source import ConfigError
from tests.modules.dialog.scene import Scene, proxy
from tests.modules.tm.stage import BOB, Sent, request

OPTIONS = """\
OPTIONS sip:127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.13:5060;branch=z9hG4bK-o
From: <sip:carol@example.com>;tag=c1
To: <sip:x@example.com>
Call-ID: other
CSeq: 1 OPTIONS
Content-Length: 0

"""


def asked(code: str, *, target: str = "5.6") -> tuple[Scene, list[str]]:
    """What that code says for an OPTIONS outside of any dialog while a call is up."""
    scene = Scene(
        f'request_route {{ if (is_method("OPTIONS")) {{ {code} exit; }}' + proxy().split("{", 1)[1], target=target
    )
    scene.call()
    scene.play(OPTIONS)
    return scene, scene.script


@pytest.mark.spec("7.12")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('"call-1", "a1", "b1"', "1 4 1"),
        ('"call-1", "b1", "a1"', "1 4 2"),
        ('"call-1", "a1", "x"', "-1 <null> 0"),
        ('"call-2", "a1", "b1"', "-1 <null> 0"),
    ],
)
def test_dlg_get(arguments: str, said: str) -> None:
    """The dialog with these elements is the current one, with its direction."""
    assert asked(f'$var(e) = ""; dlg_get({arguments}); xlog("$rc $dlg(state) $dlg_ctx(dir)\\n");')[1] == [said]


@pytest.mark.spec("7.12")
@pytest.mark.parametrize(("place", "name"), [(0, "Call-ID"), (1, "From tag"), (2, "To tag")])
def test_dlg_get_of_nothing(place: int, name: str) -> None:
    """Each element must be given."""
    words = ["call-1", "a1", "b1"]
    words[place] = "$var(e)"
    arguments = ", ".join(f'"{word}"' for word in words)
    scene, said = asked(f'$var(e) = ""; dlg_get({arguments}); xlog("$rc\\n");')
    assert said == ["-1"]
    assert scene.warned() == [f"ERROR: dialog: invalid {name} parameter"]


@pytest.mark.spec("7.13")
def test_is_known_dlg() -> None:
    """In every route of the call, and not outside."""
    probe = 'if (is_known_dlg()) xlog("known\\n"); else xlog("unknown\\n");'
    scene = Scene(before=probe, after=probe, within=probe, rest=f"reply_route {{ {probe} }}")
    scene.invite()
    scene.ring()
    scene.answer()
    scene.ack()
    assert scene.script == ["unknown", "known", "known", "known", "known"]
    assert asked(probe)[1] == ["unknown"]


def test_dlg_set_ruri() -> None:
    """To the contact of who gets the request."""
    scene = Scene(within='$ru = "sip:nowhere"; dlg_set_ruri(); xlog("$rc $ru\\n");')
    scene.call()
    scene.request("INFO")
    scene.request("INFO", "bob")
    assert scene.script == ["1 sip:b1@127.0.0.12:5060", "1 sip:b1@127.0.0.12:5060", "1 sip:alice@127.0.0.11:5060"]


def test_dlg_set_ruri_without_dialog_or_contact() -> None:
    """The request URI stays."""
    assert asked('dlg_set_ruri(); xlog("$rc $ru\\n");')[1] == ["-1 sip:127.0.0.1"]
    scene = Scene("debug=1\n" + proxy(after='dlg_set_ruri(); xlog("$rc $ru\\n");'))
    scene.invite()
    assert scene.script == ["-1 sip:bob@127.0.0.12"]
    assert scene.warned() == ["NOTICE: dialog: no contact uri (leg: 1)"]


# -- 6.x -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("word", "state"),
    [("unconfirmed", 1), ("early", 2), ("answered", 3), ("CONFIRMED", 4), ("deleted", 5), ("x", 4), ("$null", 4)],
)
def test_dlg_set_state(word: str, state: int) -> None:
    """By the first letter; an unknown word fails."""
    known = word not in ("x", "$null")
    scene = Scene(within=f'if (is_method("INFO")) {{ dlg_set_state("{word}"); xlog("$rc\\n"); }}', target="6.x")
    scene.call()
    scene.request("INFO")
    assert (scene.states, scene.script) == ([state], ["1" if known else "-1"])


def test_dlg_set_state_ends_a_call() -> None:
    """It has an end then, and a new begin: Kamailio sets both."""
    scene = Scene(within='if (is_method("INFO")) dlg_set_state("d");', target="6.x")
    scene.call()
    scene.advance(50)
    scene.request("INFO")
    assert (scene.only.init_ts, scene.only.end_ts) == (1050, 1050)


def test_states_by_the_script() -> None:
    """dlg_mode=1: transactions move nothing, dlg_update_state() does, and ends the script."""
    route = """
request_route {
    if (has_totag()) { loose_route(); dlg_update_state(); xlog("not reached\\n"); }
    dlg_manage(); dlg_set_state("early"); record_route(); t_on_reply("R"); t_relay();
}
onreply_route[R] { dlg_update_state(); }
"""
    scene = Scene('modparam("dialog", "dlg_mode", 1)\n' + route, target="6.x")
    scene.invite()
    assert scene.states == [2]
    scene.ring()
    scene.answer()
    assert (scene.states, scene.counts) == ([3], {"processed": 1})
    scene.ack()
    assert (scene.states, scene.script) == ([4], [])


def test_without_a_state_by_the_script_the_dialog_goes() -> None:
    """dlg_mode=1: no transaction keeps it."""
    scene = Scene('modparam("dialog", "dlg_mode", 1)\n' + proxy(), target="6.x")
    scene.invite()
    assert scene.states == []


def test_dlg_update_state_of_nobody() -> None:
    """No dialog with these elements."""
    assert asked('dlg_update_state(); xlog("$rc\\n");', target="6.x")[1] == ["-1"]


@pytest.mark.parametrize(("by", "side"), [("alice", "caller"), ("bob", "callee")])
def test_dlg_update_contact_and_socket(by: str, side: str) -> None:
    """What is known of who sent the message becomes what it says."""
    code = 'if (is_method("INFO")) { dlg_update_contact(); xlog("$rc\\n"); dlg_update_socket(); xlog("$rc\\n"); }'
    scene = Scene(within=code, target="6.x")
    scene.call()
    leg = getattr(scene.only, side)
    leg.socket = None
    scene.request("INFO", by, headers="Contact: <sip:new@192.0.2.1>\n")
    assert (leg.contact, leg.socket, scene.script) == ("sip:new@192.0.2.1", scene.server.sockets[0], ["1", "1"])


def test_dlg_update_contact_by_a_reply() -> None:
    """A reply comes from the other side."""
    scene = Scene(rest="reply_route { dlg_update_contact(); }", target="6.x")
    scene.call()
    scene.request("INFO", answer="")
    info = next(sent for sent in reversed(scene.sent) if sent.line == "INFO")
    scene.play(_with_contact(info), BOB)
    assert (scene.only.caller.contact, scene.only.callee.contact) == ("sip:alice@127.0.0.11:5060", "sip:b9@192.0.2.2")


def _with_contact(info: Sent) -> str:
    from tests.modules.tm.stage import reply

    return reply(info, "200 OK", tag="", headers="Contact: <sip:b9@192.0.2.2>\n")


def test_dlg_update_contact_fails_without_one() -> None:
    """No Contact, no dialog."""
    scene = Scene(within='dlg_update_contact(); xlog("$rc\\n");', target="6.x")
    scene.call()
    assert scene.script == ["-1"]
    assert asked('dlg_update_contact(); xlog("$rc\\n"); dlg_update_socket(); xlog("$rc\\n");', target="6.x")[1] == [
        "-1",
        "-1",
    ]


@pytest.mark.parametrize(("mode", "said"), [(0, ["0", "0"]), (1, ["0", "1"])])
def test_dlg_ctxiuid_mode(mode: int, said: list[str]) -> None:
    """1: the dialog of a CANCEL is the current one once it was looked for."""
    config = f"""
modparam("dialog", "dlg_ctxiuid_mode", {mode})
request_route {{
    if (is_method("CANCEL")) {{ xlog("$dlg_ctx(set)\\n"); is_known_dlg(); xlog("$dlg_ctx(set)\\n"); exit; }}
    dlg_manage(); t_relay();
}}
"""
    scene = Scene(config, target="6.x")
    scene.invite()
    scene.play(request("CANCEL", "sip:bob@127.0.0.12"))
    assert scene.script == said


# -- parameters ------------------------------------------------------------------------------------------------------
@pytest.mark.spec("6.2 6.3 6.4 6.5 6.6 6.8 6.9 6.45 6.50")
@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("dlg_flag=32", "dlg_flag must be a message flag from 0 to 31, or -1 for none, not 32"),
        ('rr_param=""', "rr_param must not be empty"),
        (f'rr_param="{"x" * 33}"', "rr_param must have at most 32 characters, not 33"),
        ('timeout_avp="nonsense"', "timeout"),
        ("default_timeout=0", "default_timeout"),
        ("dlg_match_mode=3", "dlg_match_mode"),
        ("detect_spirals=2", "detect_spirals"),
        ("initial_cbs_inscript=2", "initial_cbs_inscript"),
        ("timeout_noreset=2", "timeout_noreset"),
        ("keep_proxy_rr=4", "keep_proxy_rr"),
        ('ruri_pvar=""', "ruri_pvar must not be empty"),
        ('ruri_pvar="$nope"', "ruri_pvar must be a text"),
    ],
)
def test_what_refuses_the_start(setting: str, text: str) -> None:
    """As the daemon does."""
    with pytest.raises(ConfigError, match=text):
        Scene(params=setting)
