"""What the options of `kamscript run` become, and what is refused."""

from __future__ import annotations

import argparse

import pytest

from kamscript.live.log import terminal_color
from kamscript.live.options import add_options
from kamscript.live.run import config_lines, listen_lines
from kamscript.loader import UsageError


def parsed(*words: str) -> argparse.Namespace:
    """The options as the command line gives them."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("127.0.0.1", ["listen=127.0.0.1"]),
        ("eth0:5062", ["listen=eth0:5062"]),
        ("udp:127.0.0.1:5080", ["listen=udp:127.0.0.1:5080"]),
        ("udp:127.0.0.1:5080/1.2.3.4:5060", ["listen=udp:127.0.0.1:5080 advertise 1.2.3.4:5060"]),
        ("tcp:host/example.com", ["listen=tcp:host advertise example.com"]),
        ("udp:[::1]:5060", ["listen=udp:[::1]:5060"]),
        ("::1", ["listen=[::1]"]),
        ("(eth0, eth1,127.0.0.1):5065", ["listen=eth0:5065", "listen=eth1:5065", "listen=127.0.0.1:5065"]),
    ],
)
def test_listen(text: str, lines: list[str]) -> None:
    assert listen_lines(text) == lines


@pytest.mark.parametrize("text", ["", "udp:", "udp:a:b", "a/b/c", "udp:1.1.1.1:1:2", "(a"])
def test_listen_refused(text: str) -> None:
    with pytest.raises(UsageError, match="bad -l parameter"):
        listen_lines(text)


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("", []),
        ("-d", ["debug=1"]),
        ("-ddd", ["debug=3"]),
        ("--debug=-2", ["debug=-2"]),
        ("-n 4 -N 2", ["children=4", "tcp_children=2"]),
        ("-T -K -r -R", ["disable_tcp=yes", "check_via=yes", "dns=yes", "rev_dns=yes"]),
        ("-a off --alias a.example.com", ["alias=a.example.com", "auto_aliases=no"]),
        ("-Y /run/x", ['run_dir="/run/x"']),
        ("-m 64 -M 8 -x fm -X fm -b 4096 -O 0 -S -Q 2 -W poll -L /x -DD -E -e", []),
    ],
)
def test_lines(words: str, lines: list[str]) -> None:
    assert config_lines(parsed(*words.split())) == lines


def test_auto_aliases_refused() -> None:
    with pytest.raises(UsageError, match="bad auto aliases parameter 'maybe'"):
        config_lines(parsed("-a", "maybe"))


@pytest.mark.parametrize(
    ("letters", "sequence"),
    [("rx", "\033[0;31;49m"), ("Rx", "\033[1;31;49m"), ("xx", "\033[0;39;49m"), ("cb", "\033[0;36;44m")],
)
def test_colours(letters: str, sequence: str) -> None:
    assert terminal_color(*letters) == sequence
