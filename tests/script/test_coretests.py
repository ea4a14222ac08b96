"""Tests of the core's own words, `uri == myself`. Every value here was asked of Kamailio 5.6.3."""

from __future__ import annotations

import pytest

from .scripting import logged

FACTS = (
    ('method == "INVITE"', True),
    ('method == "invite"', True),
    ("method == INVITE", True),
    ('method != "BYE"', True),
    ('method =~ "^INV|BYE"', True),
    ("uri == myself", False),
    ("uri != myself", True),
    ("from_uri == myself", False),
    ("src_ip == 127.0.0.11", True),
    ("src_ip == 127.0.0.0/8", True),
    ("src_ip != 10.0.0.0/8", True),
    ("src_ip == 10.0.0.0/255.0.0.0", False),
    ('src_ip == "127.0.0.11"', True),
    ("src_ip == myself", False),
    ("dst_ip == myself", True),
    ("dst_ip == 127.0.0.1", True),
    ("src_port > 1024", True),
    ("src_port == 1", False),
    ("proto == UDP", True),
    ("proto != TCP", True),
    ("af == INET", True),
    ("af == INET6", False),
    ("msg:len > 10", True),
    ("msg:len < 10", False),
    ('uri =~ "bob@"', True),
    ('to_uri =~ "BOB"', True),
    ('from_uri == "sip:alice@from.example.org;p=1"', True),
    ('src_ip == $si', True),
)  # fmt: skip


@pytest.mark.parametrize(("test", "holds"), FACTS)
def test_facts(test: str, holds: bool) -> None:
    said = logged(f'if ({test}) xlog("yes\\n"); else xlog("no\\n");')
    assert said == ["yes" if holds else "no"]


def test_not() -> None:
    assert logged('if (!(uri == myself)) xlog("yes\\n");') == ["yes"]
