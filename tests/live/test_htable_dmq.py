"""kamscript and real Kamailio on one DMQ bus: each has the items of the other.

Ports 23300 to 23319.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from . import servers
from .test_dmq import Node, until

pytestmark = pytest.mark.kamailio

CONFIG = """
listen=udp:127.0.0.1:OWN
auto_aliases=no
children=2
disable_tcp=yes
LOADS
modparam("dmq", "server_address", "sip:127.0.0.1:OWN")
modparam("dmq", "notification_address", "sip:127.0.0.1:OTHER")
modparam("htable", "enable_dmq", 1)
modparam("htable", "dmq_init_sync", 1)
modparam("htable", "htable", "r=>size=4;dmqreplicate=1")
modparam("htable", "htable", "e=>size=4;autoexpire=7200;dmqreplicate=1")
request_route { if (is_method("KDMQ")) dmq_handle_message(); exit; }
"""
MODULES = "tm sl pv textops ctl dmq htable"
PAIRS = pytest.mark.parametrize(
    ("here", "there"), [("kamailio", "kamailio"), ("kamscript", "kamailio"), ("kamailio", "kamscript")]
)


def config(own: int, other: int) -> str:
    """One node's config."""
    loads = "\n".join(f'loadmodule "{name}.so"' for name in MODULES.split())
    return CONFIG.replace("OWN", str(own)).replace("OTHER", str(other)).replace("LOADS", loads)


@PAIRS
def test_two_nodes_have_the_same_items(tmp_path: Path, here: str, there: str) -> None:
    """What was there before they met, what is set later, what expires and what is removed."""
    start: dict[str, servers.Start] = {"kamscript": servers.kamscript, "kamailio": servers.kamailio}
    ports = {"first": 23300, "second": 23301}
    with ExitStack() as stack:

        def node(name: str, kind: str, own: int, other: int) -> Node:
            folder = tmp_path / name
            folder.mkdir()
            running = stack.enter_context(start[kind](config(own, other), folder, ports=(own,)))
            return Node(running, own)

        near = node("first", here, ports["first"], ports["second"])
        near.running.kamcmd("htable.sets", "r", "before", "early text")
        near.running.kamcmd("htable.seti", "r", "number", "17")
        far = node("second", there, ports["second"], ports["first"])

        def item(who: Node, table: str, key: str) -> str:
            return who.running.kamcmd("htable.get", table, key)

        until(lambda: "early text" in item(far, "r", "before") and "17" in item(far, "r", "number"), "it is told all")
        until(lambda: near.knows(far) and far.knows(near), "they know each other")
        _tell(near, far, item)
        _tell(far, near, item)
        dumps = [who.running.kamcmd("htable.dump", "r") for who in (near, far)]
        assert dumps[0] == dumps[1]


def _tell(one: Node, other: Node, item: Callable[[Node, str, str], str]) -> None:
    """What `one` changes is changed at `other`."""
    one.running.kamcmd("htable.sets", "r", "key", f'a "quoted" text of {one.port}')
    until(lambda: item(one, "r", "key") == item(other, "r", "key"), "a text")
    one.running.kamcmd("htable.setxi", "e", "n", "-5", "60")
    until(lambda: item(one, "e", "n") == item(other, "e", "n"), "an integer that expires")
    one.running.kamcmd("htable.delete", "e", "n")
    until(lambda: "exist" in item(other, "e", "n"), "it is gone")
