"""The real kamcmd prints the same of kamscript's calls as of the daemon's."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.phones import Call, Phone
from tests.live.servers import Running, Start, kamailio, kamscript

PORT = 22200
CONFIG = """
debug=0
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:22200
loadmodule "ctl.so"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "dialog.so"
modparam("ctl", "binrpc", "unix:{directory}/kamailio_ctl")
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "profiles_no_value", "all")
modparam("tm", "retr_timer1", 20000)
request_route {{
    if (is_method("INVITE") && !has_totag()) {{
        record_route();
        dlg_manage();
        $dlg_var(first) = "one";
        $dlg_var(second) = "2";
        set_dlg_profile("all");
        set_dlg_profile("caller", "$fU");
    }}
    if (has_totag()) loose_route();
    t_relay();
}}
"""
COMMANDS = """
dlg.list
dlg.list_ctx
dlg.dlg_list call-1
dlg.dlg_list call-2 alice
dlg.dlg_list_ctx call-1 alice
dlg.dlg_list call-1 bob
dlg.dlg_list
dlg.briefing
dlg.briefing sISE
dlg.list_match callid eq call-2
dlg.list_match ruri re BOB@
dlg.list_match turi sw sip: 1
dlg.list_match callid eq nobody
dlg.list_match nothing eq 1
dlg.list_match callid
dlg.list_match_ctx start_ts gt s:1
dlg.profile_get_size all
dlg.profile_get_size caller alice
dlg.profile_get_size caller bob
dlg.profile_get_size nosuch
dlg.profile_get_size
dlg.profile_list caller alice
dlg.profile_list nosuch
dlg.stats_active
dlg.is_alive call-1 alice bob
dlg.is_alive call-2 alice bob
dlg.is_alive call-3 alice bob
dlg.is_alive call-1
dlg.end_dlg
dlg.end_dlg 1 2
dlg.end_dlg s:1 s:2
dlg.terminate_dlg call-1 alice
dlg.terminate_dlg call-1 alice carol
dlg.set_state call-1 alice bob 9
dlg.set_state call-1 alice bob
dlg.bridge_dlg
dlg.bridge_dlg 1 2
dlg.dump_file
dlg.dump_file s:{directory}/dialogs.json
dlg.dump_file s:{directory}/nowhere/dialogs.json
stats.get_statistics dialog:
""".strip().splitlines()
#: Behind all others, in this order: they change the calls.
LAST = ("dlg.terminate_dlg call-1 alice bob", "dlg.set_state call-3 alice bob 5", "dlg.stats_active", "dlg.list")


class Near(Phone):
    """A phone of this file's proxy."""

    def send(self, text: str) -> None:
        """To the proxy."""
        self.socket.sendto(re.sub("\r?\n", "\r\n", text).encode("latin-1"), ("127.0.0.1", PORT))


@contextlib.contextmanager
def phones() -> Iterator[tuple[Near, Near]]:
    alice, bob = Near("alice", 22201), Near("bob", 22202)
    try:
        yield alice, bob
    finally:
        alice.close()
        bob.close()


def comparable(text: str, server: Running) -> str:
    """Without what is random or tells the time; the few seconds that a call lasts here are none."""
    text = text.replace(str(server.directory), "{directory}")
    text = re.sub(r"\bh_id: \d+", "h_id: {h_id}", text)
    text = re.sub(r"\bduration: \d\b", "duration: {seconds}", text)
    text = re.sub(r'"h_id":\d+', '"h_id":{h_id}', text)
    return re.sub(r"\b1[6-9]\d{8}\b", "{time}", text)


def session(start: Start, directory: Path) -> dict[str, str]:
    """What kamcmd prints for each command, with one call up and another that rings; and the file that was written."""
    config = CONFIG.format(directory=directory)
    with start(config, directory, ports=(PORT,)) as server, phones() as (alice, bob):
        Call(alice, bob, "call-1").setup()
        Call(alice, bob, "call-3").setup()
        ringing = Call(alice, bob, "call-2")
        ringing.invite()
        ringing.ring()

        def printed(command: str) -> str:
            return comparable(server.kamcmd(*command.format(directory=directory).split()), server)

        found = {command: printed(command) for command in COMMANDS}
        found["the file"] = comparable((directory / "dialogs.json").read_text("latin-1"), server)
        for number, command in enumerate(LAST):
            found[f"{number} {command}"] = printed(command)
            if number == 0:
                for phone in (alice, bob):
                    phone.expect("BYE sip:")
        return found


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, str]]:
    """From the daemon and from kamscript, one after the other on the same ports."""
    real = session(kamailio, tmp_path_factory.mktemp("kamailio"))
    return real, session(kamscript, tmp_path_factory.mktemp("kamscript"))


@pytest.mark.kamailio
@pytest.mark.spec("10.1 10.2 10.3 10.4 10.5 10.6 10.7 10.8")
@pytest.mark.parametrize(
    "command", [*COMMANDS, "the file", *(f"{number} {command}" for number, command in enumerate(LAST))]
)
def test_kamcmd_prints_the_same_of_calls(answers: tuple[dict[str, str], dict[str, str]], command: str) -> None:
    real, ours = answers
    assert ours[command] == real[command]
