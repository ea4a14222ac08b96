"""MI: the registry of commands, and how an answer looks on the wire."""

from __future__ import annotations

import pytest

from kamscript.core.mi import Mi, MiReply, Node

from .serving import Serving

CONFIG = "listen=udp:127.0.0.1:5060\nrequest_route { exit; }"


def _echo(mi: Mi) -> MiReply:
    reply = MiReply()
    for param in mi.params:
        reply.nodes.append(param)
    return reply


def serving(target: str = "4.4") -> Serving:
    made = Serving(CONFIG, target=target)
    made.server.mi.add("echo", _echo)
    made.server.mi.add("fail", lambda mi: None)
    return made


def test_a_tree_is_indented_by_tabs() -> None:
    reply = MiReply()
    call = reply.add("dialog")
    call.attribute("hash", "17:4")
    call.attribute("", "bare")
    call.add("state", 4).add("deep", "er")
    call.add("callid")
    reply.add(value="a value alone")
    assert reply.text() == ("200 OK\ndialog::  hash=17:4bare\n\tstate:: 4\n\t\tdeep:: er\n\tcallid:: \na value alone\n")


def test_the_indent_is_the_channels() -> None:
    reply = MiReply(202, "Accepted")
    reply.add("a").add("b", 0)
    assert reply.text("  ") == "202 Accepted\na:: \n  b:: 0\n"


def test_parameters_may_have_names() -> None:
    reply = serving().server.mi.run("echo", ["one", Node("two", "2"), ""])
    assert [(node.name, node.value) for node in reply.nodes] == [("", "one"), ("two", "2"), ("", "")]


def test_a_parameter_that_is_not_there_has_no_value() -> None:
    mi = Mi(serving().server, "x", ["a", ""])
    assert [mi.value(index) for index in range(3)] == ["a", "", None]
    assert len(mi) == 2


@pytest.mark.parametrize(("name", "text"), [("nosuch", "not available"), ("fail", "failed")])
def test_without_an_answer_of_a_command_there_is_a_line(name: str, text: str) -> None:
    reply = serving().server.mi.run(name)
    assert reply.bare and reply.text() == f"500 command '{name}' {text}\n"


@pytest.mark.parametrize(("target", "there"), [("4.4", True), ("all", True), ("5.6", False), ("6.x", False)])
def test_later_generations_have_none(target: str, there: bool) -> None:
    mi = serving(target).server.mi
    assert ("echo" in mi, bool(mi.names())) == (there, there)
