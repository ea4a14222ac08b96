"""Hash tables as a test fills them and looks at them; marked ones ask a real Kamailio, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kamscript.lab import Lab
from kamscript.lab.real import RealLab

CONFIG = """
listen=udp:127.0.0.1:5060
loadmodule "htable.so"
loadmodule "pv.so"
loadmodule "sl.so"
modparam("htable", "htable", "blocked=>size=4;autoexpire=60;")
modparam("htable", "htable", "calls=>size=4;initval=0;")
request_route {
    if ($sht(blocked=>$fU) == 1) { sl_send_reply("403", "Blocked"); exit; }
    $sht(calls=>$fU) = $sht(calls=>$fU) + 1;
    $sht(calls=>last) = $rm;
    sl_send_reply("200", "OK");
}
"""


@pytest.fixture(params=[Lab, pytest.param(RealLab, marks=pytest.mark.kamailio)])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with request.param(text=CONFIG) as lab:
        yield lab


def test_what_the_config_wrote(lab: Lab) -> None:
    alice = lab.phone("alice")
    alice.options()
    alice.options()
    assert lab.htables["calls"]["alice"] == 2
    assert lab.htables["calls"] == {"alice": 2, "last": "OPTIONS"}
    assert len(lab.htables["calls"]) == 2


def test_what_the_test_wrote(lab: Lab) -> None:
    blocked = lab.htables["blocked"]
    blocked["alice"] = 1
    blocked["bob"] = "no"
    assert blocked == {"alice": 1, "bob": "no"}
    assert lab.phone("alice").options().status == 403
    assert lab.phone("bob").options().status == 200
    del blocked["alice"]
    assert "alice" not in blocked
    assert lab.phones["alice"].options().status == 200


def test_an_item_of_its_own_age(lab: Lab) -> None:
    blocked = lab.htables["blocked"]
    blocked.set("alice", 1, expires=1)
    blocked.set("bob", 1)
    lab.advance(2)  # expiry is in whole seconds
    assert blocked == {"bob": 1}
    assert lab.phone("alice").options().status == 200


def test_what_is_not_there(lab: Lab) -> None:
    tables = lab.htables
    assert list(tables) == ["blocked", "calls"]
    with pytest.raises(KeyError, match="the config has no hash table bloked; did you mean blocked"):
        _ = tables["bloked"]
    tables["blocked"]["alice"] = 1
    with pytest.raises(KeyError, match="the hash table blocked has no item alise; did you mean alice"):
        _ = tables["blocked"]["alise"]
    with pytest.raises(KeyError):
        del tables["calls"]["alice"]
    assert tables["calls"].get("alice") is None  # initval is what the config reads


def test_what_cannot_be_set(lab: Lab) -> None:
    with pytest.raises(TypeError, match="an item of calls is an integer or a text, not None"):
        lab.htables["calls"]["alice"] = None  # type: ignore[assignment]
    with pytest.raises(ValueError, match="items of calls never expire: its definition has no autoexpire"):
        lab.htables["calls"].set("alice", 1, expires=5)


def test_a_config_without_hash_tables() -> None:
    with pytest.raises(LookupError, match=r"the config does not load htable\.so"):
        _ = Lab(text="request_route { drop; }").htables
