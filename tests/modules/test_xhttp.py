"""xhttp: HTTP requests in the lab. What the answers look like byte for byte the differential cases say."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.source import ConfigError

CONFIG = """
listen=tcp:127.0.0.1:5060
tcp_accept_no_cl=yes
auto_aliases=no
{core}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "kex.so"
loadmodule "textopsx.so"
loadmodule "tm.so"
loadmodule "xhttp.so"
loadmodule "jsonrpcs.so"
modparam("jsonrpcs", "transport", 1)
{params}
request_route {{ xlog("request_route\\n"); }}
event_route[xhttp:request] {{
{route}
}}
"""


def lab(route: str, *, params: str = "", core: str = "") -> Lab:
    return Lab(text=CONFIG.format(route=route, params=params, core=core), target="5.6")


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Lab(text=text, target="5.6")
    return str(caught.value)


def test_the_event_route_answers() -> None:
    here = lab('xhttp_reply("200", "Fine", "text/plain", "$rm $hu $(rb)");')
    reply = here.http("POST", "/where?a=b", "the body")
    assert (reply.code, reply.reason, reply.body) == (200, "Fine", "POST /where?a=b the body")
    assert reply.header("content-type") == "text/plain"
    assert reply.header("Content-Length") == str(len(reply.body))
    assert reply.header("X-None") is None
    assert here.log.script == []


def test_the_parts_of_a_url() -> None:
    here = lab('xhttp_reply("200", "OK", "text/plain", "$(hu{url.path})|$(hu{url.QueryString})");')
    assert here.http("GET", "/a/b?c=d&e").body == "/a/b|c=d&e"
    assert here.http("GET", "/a/b").body == "/a/b|"


def test_a_part_of_a_url_that_is_none() -> None:
    text = CONFIG.format(route='xlog("$(hu{url.port})\\n");', params="", core="")
    assert "url.port" in refused(text)


def test_hu_is_the_request_uri_of_sip() -> None:
    config = CONFIG.format(route="exit;", params="", core="").replace('"request_route\\n"', '"$hu\\n"')
    here = Lab(text=config, target="5.6")
    here.send(here.request("OPTIONS", "sip:x@example.com"), proto="tcp")
    assert here.log.script == ["sip:x@example.com"]


def test_a_reply_needs_a_code_and_a_reason() -> None:
    here = lab(
        'xhttp_reply("99", "x", "", ""); xlog("$rc\\n"); xhttp_reply("701", "x", "", ""); xlog("$rc\\n");'
        'xhttp_reply("200", "", "", ""); xlog("$rc\\n"); xhttp_reply("700", "x", "", ""); xlog("$rc\\n");'
    )
    assert here.http("GET", "/").code == 700
    assert here.log.script == ["-1", "-1", "-1", "1"]
    assert here.log.lines("ERROR", "xhttp") == [
        "ERROR: xhttp: 99 is no reply code",
        "ERROR: xhttp: 701 is no reply code",
        "ERROR: xhttp: a reply needs a reason phrase",
    ]


def test_one_body_a_request() -> None:
    here = lab('xhttp_reply("200", "A", "", "a"); xhttp_reply("201", "B", "", "b"); xlog("$rc\\n");')
    stream = here.connect()
    stream.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert stream.take().count("HTTP/1.1") == 1
    assert here.log.script == ["-1"]
    assert here.log.lines("ERROR", "xhttp") == ["ERROR: xhttp: the reply has a body already"]


def test_a_request_nobody_answers() -> None:
    here = lab("exit;")
    with pytest.raises(AssertionError, match="no answer to GET /"):
        here.http("GET", "/")


@pytest.mark.parametrize(("route", "closed"), [("return -1;", True), ("return 1;", False), ("drop;", False)])
def test_a_route_that_fails_ends_the_connection(route: str, closed: bool) -> None:
    here = lab(f'xhttp_reply("200", "OK", "", ""); {route}')
    stream = here.connect()
    stream.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert stream.take().startswith("HTTP/1.1 200 OK\r\n")
    assert stream.closed is closed
    assert here.server.connection_open(stream.number) is not closed


def test_a_connection_may_stay_open_behind_a_failure() -> None:
    here = lab("return -1;", core="tcp_script_mode=1")
    stream = here.connect()
    stream.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    stream.send("nonsense\r\n\r\n")
    assert not stream.closed


def test_a_reply_that_closes() -> None:
    here = lab('set_reply_close(); xhttp_reply("200", "OK", "", "bye");')
    stream = here.connect()
    stream.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert stream.take().endswith("bye")
    assert stream.closed
    with pytest.raises(BrokenPipeError):
        stream.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")


def test_requests_one_behind_the_other() -> None:
    here = lab('xhttp_reply("200", "OK", "", "$hu $rb\\n");')
    stream = here.connect()
    first = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
    chunked = "POST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    stream.send(first + chunked + "\r\n\r\n" + first)
    bodies = [part.rpartition("\r\n\r\n")[2].strip() for part in stream.take().split("HTTP/1.1 200 OK")[1:]]
    assert bodies == ["/1", "/2 abcde", "/1"]


def test_a_client_that_asks_first() -> None:
    here = lab('xhttp_reply("200", "OK", "", "$rb");')
    stream = here.connect()
    stream.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert stream.take() == "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n"
    stream.send("ab")
    assert stream.take().endswith("\r\n\r\nab")


def test_what_is_left_alone() -> None:
    params = 'modparam("xhttp", "url_match", "^/(a|b)")\nmodparam("xhttp", "url_skip", "no$")'
    here = lab('xhttp_reply("200", "OK", "", "");', params=params)
    assert here.http("GET", "/a").code == here.http("GET", "/bc").code == 200
    for url in ("/c", "/a/no"):
        with pytest.raises(AssertionError):
            here.http("GET", url)


@pytest.mark.parametrize("name", ["url_match", "url_skip"])
def test_an_expression_that_is_none(name: str) -> None:
    text = CONFIG.format(route="exit;", params=f'modparam("xhttp", "{name}", "a(")', core="")
    assert "is no regular expression" in refused(text)


def test_kemi_is_refused() -> None:
    text = CONFIG.format(route="exit;", params='modparam("xhttp", "event_callback", "ksr_xhttp")', core="")
    assert "write event_route[xhttp:request]" in refused(text)


def test_the_event_route_must_be_there() -> None:
    text = 'loadmodule "sl.so"\nloadmodule "xhttp.so"\nrequest_route { drop; }\n'
    assert "there is no event_route[xhttp:request]" in refused(text)


def test_sl_must_be_there() -> None:
    assert "sl" in refused('loadmodule "xhttp.so"\nrequest_route { drop; }\nevent_route[xhttp:request] { exit; }\n')


def test_a_warning_without_tcp_accept_no_cl() -> None:
    here = lab("exit;", core="tcp_accept_no_cl=no")
    assert "tcp_accept_no_cl is off" in here.log.lines("WARNING", "xhttp")[0]
    stream = here.connect()
    stream.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert stream.closed


def test_json_rpc_over_http() -> None:
    here = lab("jsonrpc_dispatch();")
    reply = here.http("POST", "/RPC", '{"jsonrpc":"2.0","method":"core.echo","params":["a"],"id":1}')
    assert (reply.code, reply.header("Content-Type")) == (200, "application/json")
    assert reply.body == '{\n\t"jsonrpc":\t"2.0",\n\t"result":\t["a"],\n\t"id":\t1\n}'
    assert here.http("POST", "/RPC", '{"jsonrpc":"2.0","method":"no.such","id":1}').reason == "Method Not Found"


def test_a_command_that_answers_later_answers_over_its_connection() -> None:
    """tm.t_uac_wait waits for the reply to the request that it sends."""
    here = lab("jsonrpc_dispatch();", core="listen=udp:127.0.0.1:5060")
    here.phone("bob", where="10.0.0.2")
    uri = "sip:bob@10.0.0.2:5060"
    stream = here.connect()
    params = f'["OPTIONS", "{uri}", ".", ".", "From: <sip:me@x>\\r\\nTo: <{uri}>\\r\\nContact: <sip:me@x>\\r\\n"]'
    body = f'{{"jsonrpc":"2.0","method":"tm.t_uac_wait","params":{params},"id":5}}'
    stream.send(f"POST /RPC HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    here.advance(1)
    answer = stream.take()
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert '"id":\t5' in answer


def test_requests_of_a_lab_have_a_host_and_a_length() -> None:
    here = lab('xhttp_reply("200", "OK", "", "$hdr(Host)|$cl|$hdr(X-Y)");')
    assert here.http("PUT", "/", "abc", headers=["X-Y: z"]).body == f"{here.domain}|3|z"
