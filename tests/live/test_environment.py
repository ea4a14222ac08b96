"""What the live server takes from the system."""

from __future__ import annotations

import pytest

from kamscript.live.environment import SystemResolver


class Answering:
    """Stands for dnspython's resolver."""

    def __init__(self) -> None:
        self.nameservers = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
        self.timeout, self.lifetime, self.use_search_by_default = 2.0, 2.0, True


@pytest.mark.parametrize(
    ("core", "servers", "timeout", "lifetime"),
    [
        ({}, 3, 2.0, 2.0),
        ({"dns_servers_no": 1}, 1, 2.0, 2.0),
        ({"dns_retr_time": 1, "dns_retr_no": 2}, 3, 1, 6),
        ({"dns_retr_time": 1, "dns_retr_no": 3, "dns_servers_no": 1}, 1, 1, 3),
    ],
)
def test_how_often_and_whom_dns_is_asked(core: dict[str, int], servers: int, timeout: float, lifetime: float) -> None:
    resolver, asked = SystemResolver(), Answering()
    resolver.core = core
    for _ in range(2):  # the second look-up starts from the system's servers again
        resolver._configure(asked)  # type: ignore[arg-type]
        assert (len(asked.nameservers), asked.timeout, asked.lifetime) == (servers, timeout, lifetime)


@pytest.mark.parametrize("used", [0, 1])
def test_the_search_list_is_used_or_not(used: int) -> None:
    resolver, asked = SystemResolver(), Answering()
    resolver.core = {"dns_use_search_list": used}
    resolver._configure(asked)  # type: ignore[arg-type]
    assert asked.use_search_by_default is bool(used)
