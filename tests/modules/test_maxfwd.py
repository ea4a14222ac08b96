"""maxfwd: Max-Forwards is lowered, added, refused."""

from __future__ import annotations

import pytest

from .script import INVITE, OPTIONS, results, sent, value


def with_hops(hops: str) -> str:
    return INVITE.replace("Max-Forwards: 70", f"Max-Forwards: {hops}")


@pytest.mark.parametrize(
    ("hops", "outcome", "left"),
    [
        ("70", 1, "69"),
        ("100", 1, " 70"),
        ("10", 1, " 9"),
        ("0", -1, "0"),
        ("x", -2, "x"),
        ("123456", -2, "123456"),
        ("1", 1, "0"),
    ],
)
def test_hops_are_lowered_in_place(hops: str, outcome: int, left: str) -> None:
    assert results('mf_process_maxfwd_header("10")', message=with_hops(hops), modules="maxfwd") == [outcome]
    (text,) = sent('process_maxfwd("10"); $du = "sip:127.0.0.12"; forward();', with_hops(hops), modules="maxfwd")
    assert f"\r\nMax-Forwards: {left}\r\n" in text.text


def test_hops_are_added() -> None:
    (text,) = sent('maxfwd_process("10"); $du = "sip:127.0.0.12"; forward();', OPTIONS, modules="maxfwd")
    assert "\r\nMax-Forwards: 10\r\n" in text.text
    assert results('maxfwd_process("10")', message=OPTIONS, modules="maxfwd") == [2]


def test_the_limit_is_a_parameter() -> None:
    before = 'modparam("maxfwd", "max_limit", 20)'
    first = 'mf_process_maxfwd_header("10");'
    assert value("$hdr(Max-Forwards)", with_hops("50"), first=first, modules="maxfwd", before=before) == "20"


@pytest.mark.parametrize(("call", "outcome"), [("71", 1), ("70", -1), ("256", -1)])
def test_fewer_hops_than(call: str, outcome: int) -> None:
    assert results(f'is_maxfwd_lt("{call}")', modules="maxfwd") == [outcome]


def test_hops_that_are_not_there_or_no_number() -> None:
    assert results('is_maxfwd_lt("5")', message=OPTIONS, modules="maxfwd") == [-2]
    assert results('is_maxfwd_lt("5")', message=with_hops("x"), modules="maxfwd") == [-3]
