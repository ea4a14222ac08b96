"""Boundaries of bodies with several parts."""

from __future__ import annotations

import pytest

from kamscript.core.build import build_reply, build_request
from kamscript.core.multipart import apply_changes, tidied
from kamscript.core.sockets import Destination
from kamscript.sip.message import FL_BODY_MULTIPART, Message

from .serving import Serving, request


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("--b\r\none\r\n--b--\r\n", "--b\r\none\r\n--b--\r\n"),
        ("--b\r\none\r\n--b--\r\nX\r\n--b--\r\n", "--b\r\none\r\n--b\r\nX\r\n--b--\r\n"),
        ("before\r\n--b\r\none\r\n--b--behind", "--b\r\none\r\n--b--\r\n"),
        ("--b \r\none\r\n--b--\r\n", "--b\r\none\r\n--b--\r\n"),
        ("--b\r\none\r\n", None),
        ("", None),
        ("one --b\r\n--b--\r\n", None),
    ],
)
def test_boundary_lines_are_made_tidy(body: str, expected: str | None) -> None:
    assert tidied(body, "--b") == expected


def message(content_type: str) -> tuple[Serving, Message]:
    """A request with a body of one part to which another was put behind the end."""
    serving = Serving("debug=2\nlisten=udp:127.0.0.1:5060\nrequest_route { exit; }")
    body = "--b\r\none\r\n--b--\r\n"
    text = request(headers=f"Content-Type: {content_type}\n", body=body.replace("\r\n", "\n"))
    msg = Message(text.replace("\n", "\r\n"), serving.server.faked_message().received)
    msg.edits.set_body(body + "two\r\n--b--\r\n")
    msg.msg_flags |= FL_BODY_MULTIPART
    return serving, msg


def test_a_message_is_tidied_before_it_leaves() -> None:
    serving, msg = message('multipart/mixed; boundary="b"')
    server = serving.server
    text, _, _ = build_request(server.context(msg), server.sockets[0], Destination("udp", "127.0.0.12", 5060), "x")
    assert text.endswith("\r\n\r\n--b\r\none\r\n--b\r\ntwo\r\n--b--\r\n")
    assert not msg.msg_flags & FL_BODY_MULTIPART


def test_a_reply_is_tidied_too() -> None:
    serving, msg = message("multipart/mixed;boundary=b")
    assert build_reply(serving.server.context(msg), msg).endswith("\r\n--b\r\ntwo\r\n--b--\r\n")


def test_changes_are_applied_with_tidy_boundaries() -> None:
    serving, msg = message("multipart/mixed;boundary=b")
    apply_changes(serving.server, msg)
    assert msg.body == "--b\r\none\r\n--b\r\ntwo\r\n--b--\r\n"


def test_without_a_boundary_nothing_is_touched() -> None:
    serving, msg = message("text/plain")
    serving.records.clear()
    apply_changes(serving.server, msg)
    assert msg.body.endswith("two\r\n--b--\r\n")
    assert len(serving.log) == 2
