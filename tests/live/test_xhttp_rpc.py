"""Web pages of RPC commands. Each case holds for the daemon and for kamscript, whose pages differ."""

from __future__ import annotations

import html
import http.client
import re
from collections.abc import Iterator

import pytest

from tests.live.servers import Running, kamailio, kamscript, wait_for_port

PORT = 22204
CONFIG = f"""
debug=2
children=1
tcp_children=1
tcp_accept_no_cl=yes
auto_aliases=no
listen=udp:127.0.0.1:{PORT}
listen=tcp:127.0.0.1:{PORT}
loadmodule "ctl.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "cfg_rpc.so"
loadmodule "xhttp.so"
loadmodule "xhttp_rpc.so"
modparam("xhttp_rpc", "xhttp_rpc_root", "rpc")
event_route[xhttp:request] {{
    dispatch_xhttp_rpc();
    xlog("never reached\\n");
}}
request_route {{ exit; }}
"""


@pytest.fixture(scope="module", params=[pytest.param(kamailio, marks=pytest.mark.kamailio), kamscript])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server under test, one for all cases."""
    directory = tmp_path_factory.mktemp("pages")
    config = f'{CONFIG}modparam("ctl", "binrpc", "unix:{directory}/kamailio_ctl")\n'
    with request.param(config, directory, ports=(PORT,)) as running:
        wait_for_port(PORT, running, "tcp")
        yield running


def page(url: str) -> tuple[int, str, str]:
    """Status, reason and body of a page."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", url)
        answer = connection.getresponse()
        assert answer.getheader("Content-Type") == "text/html"
        return answer.status, answer.reason, answer.read().decode("latin-1")
    finally:
        connection.close()


def answer(url: str) -> tuple[int, str, str]:
    """Status, reason, and what the page shows of an answer."""
    status, reason, body = page(url)
    found = re.search("<pre>(.*?)</pre>", body, re.DOTALL)
    return status, reason, html.unescape(found[1]) if found else ""


def links(url: str) -> list[str]:
    status, _, body = page(url)
    assert status == 200
    return re.findall("href='([^']*)'", body)


@pytest.mark.parametrize("url", ["/rpc", "/rpc/"])
def test_the_first_page_lists_groups(server: Running, url: str) -> None:
    assert {"/rpc/core", "/rpc/tm", "/rpc/cfg"} <= set(links(url))
    assert not any(link.count("/") > 2 for link in links(url))


@pytest.mark.parametrize("url", ["/rpc/core", "/rpc/core/"])
def test_the_page_of_a_group_lists_its_commands(server: Running, url: str) -> None:
    assert {"/rpc/core/core.version", "/rpc/core/core.uptime"} <= set(links(url))


def test_the_page_of_a_command_asks_for_arguments(server: Running) -> None:
    assert 'name="arg"' in page("/rpc/core/core.version")[2]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("/rpc/core/core.echo?arg=a+b%20c", "a<br/>b<br/>c<br/>"),
        ("/rpc/core/core.echo?arg=", ""),
        ("/rpc/core/core.echo?xyz=a", "a<br/>"),
        ("/rpc/core/core.echo?arg=%3Cb%3E", "<b><br/>"),
        ("/rpc/core/core.printi?arg=0x10", "16<br/>"),
        ("/rpc/core/core.printi?arg=010", "8<br/>"),
        ("/rpc/core/core.printi?arg=-5x", "-5<br/>"),
        ("/rpc/core/core.printi?arg=x", "0<br/>"),
        ("/rpc/cfg/cfg.get?arg=core+debug", "2<br/>"),
        (
            "/rpc/core/core.tcp_info?arg=",
            "readers: 1<br/>max_connections: 2048<br/>max_tls_connections: 2048<br/>opened_connections: 1<br/>"
            "opened_tls_connections: 0<br/>write_queued_bytes: 0<br/>",
        ),
        (
            "/rpc/corex/corex.list_sockets?arg=",
            "".join(
                f"PROTO: {proto}<br/>NAME: 127.0.0.1<br/>ADDRLIST: <br/>\tADDR: 127.0.0.1<br/>PORT: {PORT}<br/>"
                "MCAST: no<br/>MHOMED: no<br/>VIRTUAL: no<br/>SOCKNAME: -<br/>ADVERTISE: -<br/>"
                for proto in ("udp", "tcp")
            ),
        ),
        ("/rpc/core/core.aliases_list?arg=", "myself_callbacks: no<br/>aliases: <br/>"),
    ],
)
def test_a_command_answers(server: Running, url: str, shown: str) -> None:
    assert answer(url) == (200, "OK", shown)


@pytest.mark.parametrize(
    ("url", "code", "reason", "shown"),
    [
        ("/", 500, "Bad URL", "500: Bad URL"),
        ("/rpcx", 500, "Bad URL", "500: Bad URL"),
        ("/rpc/cor", 500, "Bad URL", "500: Bad URL"),
        ("/rpc/core/core.nothing", 500, "Bad URL", "500: Bad URL"),
        ("/rpc/core/core.echo?", 500, "Bad URL", "500: Bad URL"),
        ("/rpc/core/core.echo?arg", 500, "Bad URL", "500: Bad URL"),
        ("/rpc/core/core.echo?arg=%zz", 500, "Bad arg in URL", "500: Bad arg in URL"),
        ("/rpc/cfg/cfg.get?arg=nothing+x", 400, "Failed to get the variable", ""),
    ],
)
def test_a_page_that_is_not_there(server: Running, url: str, code: int, reason: str, shown: str) -> None:
    assert answer(url) == (code, reason, shown)
