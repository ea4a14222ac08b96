"""Module xhttp_rpc, its parameters. Its pages are judged in tests/live/test_xhttp_rpc.py."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.lab import Lab
from kamscript.source import ConfigError

CONFIG = """
listen=tcp:127.0.0.1:5060
tcp_accept_no_cl=yes
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "xhttp.so"
loadmodule "xhttp_rpc.so"
%s
request_route { drop; }
event_route[xhttp:request] { dispatch_xhttp_rpc(); }
"""


def lab(*params: str) -> Lab:
    return Lab(text=CONFIG % "\n".join(f'modparam("xhttp_rpc", {param})' for param in params))


def test_another_root() -> None:
    here = lab('"xhttp_rpc_root", "pages"')
    assert "href='/pages/core'" in here.http("GET", "/pages").body
    assert here.http("GET", "/rpc").code == 500


def test_no_root() -> None:
    here = lab('"xhttp_rpc_root", ""')
    assert "href='/core'" in here.http("GET", "/").body
    assert "<pre>a<br/></pre>" in here.http("GET", "/core/core.echo?arg=a").body


def test_a_root_with_other_characters_is_refused() -> None:
    with pytest.raises(ConfigError, match="letters, digits and `_` are wanted"):
        lab('"xhttp_rpc_root", "a/b"')


def test_a_page_that_is_too_long() -> None:
    reply = lab('"xhttp_rpc_buf_size", 100').http("GET", "/rpc")
    assert (reply.code, reply.reason, reply.body) == (500, "Internal Server Error", "Internal Server Error")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=30))
def test_any_url_has_a_page(text: str) -> None:
    here = lab()
    with contextlib.suppress(AssertionError):  # no HTTP request
        assert here.http("GET", f"/rpc/core/{text}").code in (200, 400, 500)
