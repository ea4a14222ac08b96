"""auth_db: passwords in the lab's database, whatever its URL."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.sip.auth import Challenge, authorize, ha1
from kamscript.source import ConfigError

from .serving import Databases, Served

URL = "mysql://u:p@h/k"
MODULES = "db_mysql tm sl pv textops xlog auth auth_db"
URI = "sip:example.com"


class Phone:
    """A server with one subscriber, and credentials of her own."""

    def __init__(self, route: str, *, target: str = "5.6", table: str = "subscriber", **params: int | str) -> None:
        lines = (
            f'modparam("auth_db", "{name}", {f"{chr(34)}{value}{chr(34)}" if isinstance(value, str) else value})\n'
            for name, value in {"db_url": URL, **params}.items()
        )
        self.databases = Databases()
        config = "".join(lines) + f"request_route {{ {route} }}\n"
        self.served = Served(config, MODULES, databases=self.databases, target=target)
        self.database, self.table = self.databases(URL), table

    def add(self, **row: str | int | None) -> None:
        self.database.insert(self.table, row)

    def answer(self, user: str = "alice", password: str = "secret", method: str = "REGISTER") -> list[str]:
        nonce = self.served.server.module("auth").nonces.make(None)
        value = authorize(Challenge("example.com", nonce), method, URI, user, password, cnonce="c")
        kind = "Authorization" if method == "REGISTER" else "Proxy-Authorization"
        before = len(self.served.script)
        self.served.request(method, "alice", f"{kind}: {value}")
        return self.served.script[before:]


CHECK = 'www_authenticate("example.com", "subscriber"); xlog("$rc $avp(rpid) $avp(mail)\\n");'
HASH = ha1("alice", "example.com", "secret")


def test_the_lab_has_the_columns_that_the_config_names() -> None:
    phone = Phone(
        CHECK,
        user_column="login",
        password_column="hash",
        password_column_2="hash_b",
        load_credentials="rpid;$avp(mail)=email_address",
    )
    phone.add(login="alice", domain="x", hash=HASH, rpid="+49", email_address="a@b")
    assert phone.answer() == ["1 +49 a@b"]
    assert phone.answer(password="wrong") == ["-2 <null> <null>"]


def test_a_plain_password_in_a_column_that_exists() -> None:
    phone = Phone(CHECK, password_column="password", calculate_ha1=1)
    phone.add(username="alice", password="secret")
    assert phone.answer() == ["1 <null> <null>"]


def test_a_table_of_another_name() -> None:
    route = 'auth_check("example.com", "people", "1"); xlog("$rc\\n");'
    phone = Phone(route, table="people", use_domain=1)
    phone.add(username="alice", domain="example.com", ha1=HASH)
    assert phone.answer() == ["1"]
    assert phone.answer(method="INVITE") == ["1"]
    assert phone.answer("bob") == ["-3"]


def test_a_column_that_is_null_does_not_touch_an_avp() -> None:
    phone = Phone(f'$avp(rpid) = "old"; $avp(mail) = "old"; {CHECK}', load_credentials="rpid;mail")
    phone.add(username="alice", ha1=HASH, mail="new")
    assert phone.answer() == ["1 old new"]


def test_a_password_that_is_null_is_an_error() -> None:
    """Kamailio 5.6 ends with a signal here."""
    phone = Phone(
        'auth_check("example.com", "$var(t)", "0"); xlog("$rc\\n");'.replace("auth", '$var(t) = "t"; auth', 1)
    )
    phone.database.raw("CREATE TABLE t (username VARCHAR(64), domain VARCHAR(64), ha1 VARCHAR(64), ha1b VARCHAR(64))")
    phone.database.raw("INSERT INTO t (username) VALUES ('alice')")
    assert phone.answer() == ["-1"]
    assert "ha1 of alice is null" in phone.served.lines("auth_db")


def test_a_table_that_is_not_there_is_an_error() -> None:
    phone = Phone('$var(t) = "nosuch"; auth_check("example.com", "$var(t)", "0"); xlog("$rc\\n");')
    assert phone.answer() == ["-1"]


def test_sessions_need_plain_passwords_in_6x() -> None:
    def outcome(**params: Any) -> list[str]:
        phone = Phone(CHECK, target="6.x", **params)
        phone.add(username="alice", password="secret", ha1=HASH)
        nonce = phone.served.server.module("auth").nonces.make(None)
        challenge = Challenge("example.com", nonce, algorithm="MD5-sess")
        value = authorize(challenge, "REGISTER", URI, "alice", "secret", cnonce="c")
        phone.served.request("REGISTER", "alice", f"Authorization: {value}")
        return phone.served.script

    assert outcome() == ["-1 <null> <null>"]
    assert outcome(calculate_ha1=1, password_column="password") == ["1 <null> <null>"]


def test_is_subscriber_without_columns_fails_as_in_kamailio() -> None:
    route = 'is_subscriber("$fu", "subscriber", "{}"); xlog("$rc\\n");'
    for flags, said in ((0, "-1"), (1, "-1"), (2, "1"), (3, "1")):
        phone = Phone(route.format(flags))
        phone.add(username="alice", domain="example.com")
        assert phone.answer() == [said]


def test_numbers_stay_numbers() -> None:
    phone = Phone('is_subscriber("$fu", "subscriber", "0"); if ($avp(id) == 1) xlog("one\\n");', load_credentials="id")
    phone.add(username="alice")
    assert phone.answer() == ["one"]


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ('www_authenticate("x", "$var(t)");', "takes no pseudo-variables"),
        ('www_authenticate("x", "version");', "invalid version"),
        ('www_authenticate("", "subscriber");', "empty argument"),
        ('auth_check("x", "y", "z");', "neither a number nor a pseudo-variable"),
    ],
)
def test_arguments_that_are_refused(route: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Phone(route)
    assert said in str(caught.value)


def test_a_wrong_version_is_refused_unless_nobody_looks() -> None:
    with pytest.raises(ConfigError):
        Phone('www_authenticate("x", "location");')
    Phone('www_authenticate("x", "location");', version_table=0)


@pytest.mark.parametrize("value", [";", "a;;b", "$avp(x)=", "$rm=a", "x=a"])
def test_columns_that_cannot_be_loaded(value: str) -> None:
    with pytest.raises(ConfigError):
        Phone(CHECK, load_credentials=value)


def test_the_database_module_is_needed() -> None:
    with pytest.raises(ConfigError) as caught:
        Phone(CHECK, db_url="postgres://x/y")
    assert "db_postgres" in str(caught.value)
