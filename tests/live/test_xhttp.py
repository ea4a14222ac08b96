"""HTTP on real sockets: curl and Python's own clients against kamscript and the daemon."""

from __future__ import annotations

import http.client
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.servers import PATIENCE, Running, kamailio, kamscript

PORT = 22446
URL = f"http://127.0.0.1:{PORT}"
CONFIG = f"""
debug=1
children=1
tcp_children=1
tcp_accept_no_cl=yes
auto_aliases=no
listen=udp:127.0.0.1:{PORT}
listen=tcp:127.0.0.1:{PORT}
loadmodule "ctl.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "tm.so"
loadmodule "xhttp.so"
loadmodule "jsonrpcs.so"
modparam("jsonrpcs", "transport", 1)
request_route {{ sl_send_reply("200", "OK"); }}
event_route[xhttp:request] {{
    if ($hu =~ "^/RPC") {{
        set_reply_close();
        set_reply_no_connect();
        if (!jsonrpc_dispatch()) xhttp_reply("400", "Bad Request", "text/plain", "no JSON\\n");
        return;
    }}
    if ($hu =~ "^/echo") {{
        xhttp_reply("200", "OK", "$ct", "$rb");
        return;
    }}
    xhttp_reply("404", "Not Found", "text/html", "<p>$hu is not here</p>\\n");
}}
"""


@pytest.fixture(scope="module", params=[pytest.param(kamailio, marks=pytest.mark.kamailio), kamscript])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server under test, one for all cases."""
    directory = tmp_path_factory.mktemp("xhttp")
    config = CONFIG + f'modparam("ctl", "binrpc", "unix:{directory}/kamailio_ctl")\n'
    with request.param(config, directory, ports=(PORT,)) as running:
        yield running


def curl(*words: str) -> str:
    done = subprocess.run(
        ["curl", "-sS", "-i", "-m", str(PATIENCE), *words], capture_output=True, timeout=2 * PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().replace("\r\n", "\n")


def rpc(method: str, *params: Any) -> Any:
    """A JSON-RPC call as Python programs make it."""
    data = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": 1}).encode()
    request = urllib.request.Request(f"{URL}/RPC", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
        return json.load(reply)["result"]


@pytest.mark.curl
def test_curl_gets_a_page(server: Running) -> None:
    text = curl(f"{URL}/somewhere")
    assert text.startswith("HTTP/1.1 404 Not Found\n")
    assert text.endswith("\n\n<p>/somewhere is not here</p>\n")


@pytest.mark.curl
def test_curl_reuses_its_connection(server: Running) -> None:
    text = curl("-v", f"{URL}/one", f"{URL}/two")
    assert text.count("HTTP/1.1 404 Not Found") == 2


@pytest.mark.curl
def test_curl_posts_json_rpc(server: Running) -> None:
    request = '{"jsonrpc": "2.0", "method": "core.echo", "params": ["a", 2], "id": 7}'
    text = curl("-H", "Content-Type: application/json", "-d", request, f"{URL}/RPC")
    assert json.loads(text.partition("\n\n")[2]) == {"jsonrpc": "2.0", "result": ["a", "2"], "id": 7}
    assert "Content-Type: application/json\n" in text
    assert curl("-d", "nonsense", f"{URL}/RPC").startswith("HTTP/1.1 400 Bad Request\n")


@pytest.mark.curl
def test_curl_asks_before_it_sends(server: Running) -> None:
    text = curl("-H", "Expect: 100-continue", "-H", "Content-Type: a/b", "-d", "x" * 2000, f"{URL}/echo")
    assert text.startswith("HTTP/1.1 100 Continue\n")
    assert text.endswith("\n\n" + "x" * 2000)


def test_urllib_calls_commands(server: Running) -> None:
    assert rpc("core.version").startswith("kamailio 5.6")
    assert rpc("core.echo", "a", "b") == ["a", "b"]
    with pytest.raises(urllib.error.HTTPError) as caught:
        rpc("no.such")
    assert caught.value.code == 500
    assert json.load(caught.value)["error"] == {"code": 500, "message": "Method Not Found"}


def test_one_connection_for_many_requests(server: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE)
    for number in range(20):
        body = f"{number} " * number * 10
        connection.request("POST", "/echo", body, {"Content-Type": "text/plain"})
        reply = connection.getresponse()
        assert (reply.status, reply.read().decode()) == (200, body)
    connection.close()


def test_a_command_that_takes_its_time(server: Running) -> None:
    """tm.t_uac_wait answers over the connection when the reply to its request has come: here from the server itself."""
    uri = f"sip:127.0.0.1:{PORT}"
    headers = f"From: <sip:me@x>\r\nTo: <{uri}>\r\nContact: <sip:me@x>\r\n"
    result = rpc("tm.t_uac_wait", "OPTIONS", uri, ".", ".", headers)
    assert "200" in json.dumps(result)


@pytest.mark.curl
def test_chunks_that_come_together(tmp_path: Path) -> None:
    """The daemon waits for more to arrive behind the first of them; a client that is done waits for its answer."""
    with kamscript(CONFIG.replace(str(PORT), "22448"), tmp_path):
        url = URL.replace(str(PORT), "22448")
        text = curl("-H", "Transfer-Encoding: chunked", "-H", "Content-Type: a/b", "-d", "x" * 3000, f"{url}/echo")
        assert text.endswith("\n\n" + "x" * 3000)
