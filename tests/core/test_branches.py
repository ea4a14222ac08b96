"""The destination set."""

from __future__ import annotations

import pytest

from kamscript.core.branches import (
    Branch,
    append_branch,
    append_current,
    branch_flags,
    contact_of,
    drop_branch,
    format_q,
    set_branch_flags,
)
from kamscript.core.context import Context
from kamscript.core.errors import E_TOO_MANY_BRANCHES

from .serving import Serving


def context(setting: str = "") -> tuple[Serving, Context]:
    """A context over the made-up OPTIONS."""
    serving = Serving(setting + "listen=udp:127.0.0.1:5060\nrequest_route { exit; }")
    return serving, serving.server.context(serving.server.faked_message())


def test_the_current_uri_is_appended_with_what_belongs_to_it() -> None:
    _, ctx = context()
    ctx.msg.new_uri, ctx.msg.dst_uri, ctx.bflags = "sip:a@h", "sip:next", 5
    assert append_current(ctx) == 1
    (branch,) = ctx.branches
    assert (branch.uri, branch.dst_uri, branch.flags, branch.q) == ("sip:a@h", "sip:next", 5, -1)
    assert not ctx.ruri_consumed


def test_only_4_x_takes_the_request_uri_out_when_it_is_appended() -> None:
    _, ctx = context()
    ctx.server.target = "4.4"
    assert append_current(ctx) == 1
    assert ctx.ruri_consumed


def test_another_uri_leaves_the_request_uri_to_be_tried() -> None:
    _, ctx = context()
    assert append_current(ctx, "sip:b@h", 500) == 1
    assert not ctx.ruri_consumed
    assert ctx.branches[0].q == 500


def test_the_set_has_a_limit() -> None:
    serving, ctx = context("max_branches=3\n")
    assert [append_branch(ctx, Branch(f"sip:{n}")) for n in range(3)] == [True, True, False]
    assert ctx.ser_error == E_TOO_MANY_BRANCHES
    assert serving.log == ["ERROR: <core>: max nr of branches exceeded"]


@pytest.mark.parametrize("branch", [Branch("x" * 1024), Branch("x", dst_uri="x" * 1024), Branch("x", path="x" * 256)])
def test_texts_have_limits(branch: Branch) -> None:
    serving, ctx = context()
    assert not append_branch(ctx, branch)
    assert serving.log[0].startswith("ERROR: <core>: too long ")


@pytest.mark.parametrize(("index", "left"), [(0, "bc"), (2, "ab"), (-1, "ab"), (-3, "bc"), (3, "abc"), (-4, "abc")])
def test_a_branch_can_be_taken_out(index: int, left: str) -> None:
    _, ctx = context()
    ctx.branches = [Branch(letter) for letter in "abc"]
    drop_branch(ctx, index)
    assert "".join(branch.uri for branch in ctx.branches) == left


def test_flags_belong_to_the_request_uri_and_to_each_branch() -> None:
    _, ctx = context()
    ctx.branches = [Branch("a")]
    assert set_branch_flags(ctx, 0, 3)
    assert set_branch_flags(ctx, 1, 4)
    assert not set_branch_flags(ctx, 2, 5)
    assert [branch_flags(ctx, index) for index in range(3)] == [3, 4, None]


@pytest.mark.parametrize(("q", "text"), [(-1, ""), (0, "0"), (1, "0.001"), (500, "0.5"), (250, "0.25"), (1000, "1")])
def test_q_as_headers_show_it(q: int, text: str) -> None:
    assert format_q(q) == text


def test_the_contact_of_a_redirect() -> None:
    _, ctx = context()
    assert contact_of(ctx) == ""
    ctx.branches = [Branch("sip:a@h", q=500), Branch("sip:b@h")]
    assert contact_of(ctx) == "Contact: <sip:a@h>;q=0.5, <sip:b@h>\r\n"
    ctx.msg.new_uri, ctx.ruri_q = "sip:r@h", 1000
    assert contact_of(ctx) == "Contact: <sip:r@h>;q=1, <sip:a@h>;q=0.5, <sip:b@h>\r\n"
