"""uac_redirect: filters, numbers and order of contacts; what is refused at load."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.modules.uac_redirect import Filters, Most, _MostFixup
from tests.modules.script import refused

HEAD = "".join(
    f'loadmodule "{name}.so"\n' for name in ("tm", "sl", "pv", "xlog", "corex", "acc", "uac_redirect")
)  # fmt: skip
ROUTES = """
request_route { t_on_failure("F"); t_relay(); }
failure_route[F] { if (t_check_status("3..") && get_redirects("%s")) t_relay(); }
"""


def followed(most: str, *contacts: str) -> list[str]:
    """Alice calls bob, who redirects; whom the call reaches then."""
    with Lab(text=HEAD + ROUTES % most, target="5.6") as lab:
        alice, bob = lab.phone("alice", "10.0.0.1"), lab.phone("bob", "10.0.0.2")
        others = [lab.phone(f"other{number}", f"10.0.1.{number}") for number in range(1, 4)]
        bob.on("INVITE", lambda message: message.reply(302, headers=[f"Contact: {', '.join(contacts)}"]))
        for phone in others:
            phone.rejects(486)
        call = alice.call("sip:bob@10.0.0.2")
        call.expect(486)
        return [phone.name for phone in others if phone.received]


def test_the_best_contact_is_followed() -> None:
    contacts = ("sip:a@10.0.1.1", "<sip:b@10.0.1.2>;q=0.9", "<sip:c@10.0.1.3>;q=0.2")
    assert followed("1", *contacts) == ["other2"]
    assert followed("2", *contacts) == ["other2", "other3"]


@pytest.mark.parametrize(
    ("text", "most"), [("*", Most(0, 0)), ("3", Most(3, 0)), ("*:2", Most(0, 2)), ("4:1", Most(4, 1)), ("", Most(0, 0))]
)
def test_numbers(text: str, most: Most) -> None:
    assert _MostFixup().resolve(text, None) == most  # type: ignore[arg-type]


def test_five_filters_beside_the_parameter() -> None:
    filters = Filters(None)
    assert [filters.add(None, 0) for _ in range(6)] == [True] * 5 + [False]
    filters.reset()
    assert filters.add(None, 0)


@pytest.mark.parametrize(
    ("route", "before", "why"),
    [
        ("", 'modparam("uac_redirect", "deny_filter", "(")\n', "no regular expression"),
        ('get_redirects("300");', "", "0 to 255"),
        ('set_deny_filter("a", "some");', "", "reset_default"),
        ('get_redirects("1", "x");', 'modparam("uac_redirect", "acc_function", "")\n', "set acc_function"),
    ],
)
def test_what_is_wrong_is_said(route: str, before: str, why: str) -> None:
    before += f"failure_route[F] {{ {route or 'exit;'} }}\n"
    assert why in refused("exit;", modules="tm acc uac_redirect", before=before)


def test_accounting_needs_acc() -> None:
    assert "load module acc" in refused("exit;", modules="tm uac_redirect")
