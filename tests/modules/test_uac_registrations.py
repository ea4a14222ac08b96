"""uac: accounts that stay registered elsewhere, for days."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kamscript.lab import Lab
from kamscript.lab.message import Message
from kamscript.lab.phone import Phone

DAY = 86400
CONFIG = """
loadmodule "db_mysql.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "uac.so"
modparam("uac", "restore_mode", "none")
modparam("uac", "reg_db_url", "mysql://u:p@h/k")
modparam("uac", "reg_contact_addr", "gw.example.com")
PARAMS
request_route { ROUTE }
"""
ROW = {
    "l_uuid": "acc",
    "l_username": "alice",
    "l_domain": "local",
    "r_username": "4930",
    "r_domain": "10.0.0.9",
    "realm": "provider",
    "auth_username": "4930",
    "auth_password": "secret",
    "auth_proxy": "sip:10.0.0.9",
    "expires": 3600,
}


def lab(*rows: dict[str, Any], route: str = "exit;", target: str = "5.6", **params: int | str) -> Lab:
    shown = {name: f'"{value}"' if isinstance(value, str) else value for name, value in params.items()}
    lines = "".join(f'modparam("uac", "{name}", {value})\n' for name, value in shown.items())
    text = CONFIG.replace("PARAMS", lines).replace("ROUTE", route)
    return Lab(text=text, database={"uacreg": [{**ROW, **row} for row in rows or ({},)]}, target=target)


class Registrar:
    """Challenges each REGISTER once, then takes it for the seconds that it asks for; notes when. Status 0: down."""

    def __init__(self, made: Lab, status: int = 200) -> None:
        self.lab, self.status = made, status
        self.times: list[float] = []
        self.got: list[Message] = []
        self.start = made.now
        self.phone: Phone = made.phone("registrar", "10.0.0.9")
        self.phone.on("REGISTER", self.answer)

    def answer(self, message: Message) -> None:
        self.got.append(message)
        if not self.status:
            return
        if "Authorization" not in message:
            message.reply(401, headers=['WWW-Authenticate: Digest realm="provider", nonce="abc", qop="auth"'])
            return
        self.times.append(round(self.lab.now - self.start, 1))
        contact = f"{message['Contact']};expires={message['Expires']}"
        message.reply(self.status, headers=[f"Contact: {contact}"] if self.status == 200 else [])


def info(made: Lab) -> dict[str, Any]:
    answer = made.rpc("uac.reg_info", "l_uuid", "acc")
    assert isinstance(answer, dict)
    return answer


def test_it_is_renewed_before_it_ends_for_three_days() -> None:
    with lab(reg_timer_interval=60) as made:
        registrar = Registrar(made)
        made.advance(3 * DAY)
        gaps = {after - before for before, after in zip(registrar.times, registrar.times[1:], strict=False)}
        assert gaps == {3540.0}
        assert len(registrar.times) == 3 * DAY // 3540 + 1
        assert info(made)["flags"] == 16 + 4


def test_without_reg_retry_interval_one_failure_is_the_end() -> None:
    with lab(reg_timer_interval=30) as made:
        registrar = Registrar(made, 403)
        made.advance(DAY)
        assert registrar.times == [0.0]
        assert info(made)["flags"] & 1


def test_with_reg_retry_interval_it_is_tried_again() -> None:
    with lab(reg_timer_interval=30, reg_retry_interval=600) as made:
        registrar = Registrar(made, 503)
        made.advance(1800)
        registrar.status = 200
        made.advance(700)
        assert registrar.times[:3] == [0.0, 570.0, 1140.0]
        assert info(made)["flags"] == 16 + 4


def test_a_registrar_that_is_down_all_night_is_found_in_the_morning() -> None:
    with lab(reg_timer_interval=30, reg_retry_interval=300) as made:
        registrar = Registrar(made, 0)
        made.advance(8 * 3600)
        assert info(made)["flags"] & 4 == 0
        registrar.status = 200
        made.advance(400)
        assert info(made)["flags"] == 16 + 4


def test_a_delay_is_waited_for() -> None:
    with lab({"reg_delay": 100}, reg_timer_interval=30) as made:
        registrar = Registrar(made)
        made.advance(300)
        assert registrar.times == [120.0]


def test_a_random_delay_is_less_than_the_parameter() -> None:
    with lab(reg_random_delay=50, reg_timer_interval=10) as made:
        assert 0 <= info(made)["reg_delay"] < 50


def test_the_call_id_is_kept_when_that_is_asked_for() -> None:
    with lab(reg_timer_interval=60, reg_keep_callid=1) as made:
        registrar = Registrar(made)
        made.advance(2 * 3600)
        assert len({message["Call-ID"] for message in registrar.got}) == 1
        numbers = [int(message["CSeq"].split()[0]) for message in registrar.got]
        assert numbers == list(range(10, 10 + len(numbers)))


def test_nothing_is_registered_while_reg_active_is_off() -> None:
    with lab(reg_timer_interval=30, reg_active=0) as made:
        registrar = Registrar(made)
        made.advance(3600)
        assert registrar.times == []
        made.rpc("uac.reg_active", 1)
        made.advance(30)
        assert len(registrar.times) == 1


def test_rows_that_changed_count_after_a_reload() -> None:
    with lab(reg_timer_interval=30, reg_gc_interval=60) as made:
        registrar = Registrar(made)
        made.advance(10)
        made.database().raw("UPDATE uacreg SET r_username = '4931'")
        made.rpc("uac.reg_reload")
        made.advance(30)
        assert re.search("sip:4931@10.0.0.9", registrar.got[-1]["To"])
        with pytest.raises(Exception, match="Failed to shift records"):
            made.rpc("uac.reg_reload")
        made.advance(60)
        made.rpc("uac.reg_reload")


def test_a_call_from_the_provider_finds_the_local_user() -> None:
    with lab(route='uac_reg_lookup("$rU", "$ru"); xlog("$rc $ru\\n");') as made:
        made.phone("provider").options("sip:acc@gw.example.com")
        assert made.log.script == ["1 sip:alice@local"]


def test_6_x_registers_a_contact_user_and_a_line() -> None:
    with lab(target="6.x", reg_timer_interval=30) as made:
        registrar = Registrar(made)
        made.database().raw("UPDATE uacreg SET contact_user = '+4930', l_uuid = 'acc2'")
        made.rpc("uac.reg_refresh", "acc2")
        made.advance(30)
        assert registrar.got[-1]["Contact"] == "<sip:+4930@gw.example.com;line=acc2>"
        assert made.rpc("uac.reg_info", "l_uuid", "acc2")["flags"] == 16 + 4
        before = len(registrar.times)
        made.rpc("uac.reg_register", "l_uuid", "acc2")
        made.advance(1)
        assert len(registrar.times) == before + 1


def test_a_table_of_another_version_is_not_read() -> None:
    with lab(reg_gc_interval=0) as made:
        made.advance(10)
        made.database().raw("UPDATE version SET table_version = 3 WHERE table_name = 'uacreg'")
        made.module("uac").registering.loader.columns = None
        with pytest.raises(Exception, match="Failed to reload"):
            made.rpc("uac.reg_reload")


def test_the_commands_are_there_with_a_database_only() -> None:
    text = CONFIG.replace("PARAMS", "").replace("ROUTE", "exit;")
    made = Lab(text=re.sub('modparam\\("uac", "reg_.*\n', "", text), target="5.6")
    with pytest.raises(Exception, match=r"command uac.reg_dump not found"):
        made.rpc("uac.reg_dump")
