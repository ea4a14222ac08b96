"""mqueue: queues as tests see them, the database, bad input. What 5.6 does: tests/differential/cases/mqueue.py."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.modules.mqueue import Mqueue, Queue
from tests.modules.script import refused

URL = 'modparam("mqueue", "db_url", "sqlite:///x")\n'


def queue_line(text: str) -> str:
    """A line that defines a queue."""
    return f'modparam("mqueue", "mqueue", "{text}")\n'


def lab(settings: str, route: str = "", *, earlier: Lab | None = None) -> Lab:
    """A server with the module, on the databases of an earlier one."""
    loads = "".join(f'loadmodule "{name}.so"\n' for name in ("pv", "xlog", "db_sqlite", "mqueue"))
    return Lab(
        text=f"{loads}{settings}request_route {{ {route} exit; }}\n",
        database=None if earlier is None else earlier.database,
    )


def queues(lab: Lab) -> dict[str, Queue]:
    """The queues."""
    module = lab.server.modules["mqueue"]
    assert isinstance(module, Mqueue)
    return module.queues


def test_a_route_empties_what_a_test_filled() -> None:
    server = lab(queue_line("name=q"), 'while (mq_fetch("q")) xlog("$mqk(q)=$mqv(q)\\n");')
    queues(server)["q"].add("a", "1")
    queues(server)["q"].add("b", "2")
    server.send(server.request("OPTIONS", "bob"), "10.0.0.1")
    assert server.log.script == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("addmode", "left"), [(0, ["b2", "a3", "c4"]), (1, ["a1", "b2", "c4"]), (2, ["b2", "a3", "c4"])]
)
def test_what_becomes_of_a_key_that_comes_again(addmode: int, left: list[str]) -> None:
    queue = Queue("q", 3, addmode)
    for number, key in enumerate("abac", 1):
        queue.add(key, str(number))
    assert ["".join(item) for item in queue.items()] == left


@pytest.mark.parametrize(("dbmode", "read", "left"), [(0, 0, 2), (1, 2, 3), (2, 2, 0), (3, 0, 3)])
def test_modes_of_the_database(dbmode: int, read: int, left: int) -> None:
    """2 and 3 are the other way round than in the manual. 3 adds its items to the rows that are there."""
    first = lab(URL + queue_line("name=q;dbmode=3"))
    queues(first)["q"].add("x", "1")
    queues(first)["q"].add("y", "")
    first.close()
    second = lab(URL + queue_line(f"name=q;dbmode={dbmode}"), earlier=first)
    assert len(queues(second)["q"]) == read
    queues(second)["q"].add("z", "3")
    second.close()
    assert len(second.database("sqlite:///x").query("q")) == left


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (queue_line("name=q;max=3"), "a queue has no attribute 'max'; known are name, size, dbmode, addmode"),
        (queue_line("size=3"), "a queue needs a name"),
        (queue_line("name=q") + queue_line("name=q"), "there is a queue q already"),
        (queue_line("name=q;dbmode=1"), "queue q has a dbmode, but there is no db_url"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(lines: str, why: str) -> None:
    assert why in refused("exit;", modules="mqueue", before=lines)
