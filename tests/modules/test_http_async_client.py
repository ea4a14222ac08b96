"""http_async_client: queries beside the route. Debian has no package of the module: it is held to its sources.

How tests answer stands in tests/lab/test_doubles_ready.py, how a live server asks in tests/live/test_web.py.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kamscript.core.web import HttpQuery, HttpReply, Tls
from kamscript.lab import Lab
from kamscript.source import ConfigError

HEAD = "".join(f'loadmodule "{name}.so"\n' for name in ("pv", "xlog", "sl", "tm", "tmx", "kex", "http_async_client"))
DONE = """
route[DONE] {
    xlog("$http_ok $http_rs $http_rr <$http_rb> $http_bs $http_err $http_req_id\\n");
    if ($T_reply_code == $null) exit;
    t_reply("486", "Busy");
}
"""


def lab_of(route: str, *, before: str = "", target: str = "5.6", rest: str = DONE) -> Lab:
    """A lab with this request route."""
    return Lab(text=f"{HEAD}{before}request_route {{\n{route}\nexit;\n}}\n{rest}", target=target)


def said(lab: Lab, user: str = "bob") -> list[str]:
    """What one message makes the config say, until nothing more happens."""
    lab.send(lab.request("OPTIONS", user))
    lab.advance(5)
    return [record.text.strip() for record in lab.log if record.origin == "<script>"]


def told(lab: Lab) -> list[str]:
    """What the module logged."""
    return [record.line for record in lab.log if record.origin == "http_async_client"]


def test_a_transaction_goes_on_with_the_answer() -> None:
    lab = lab_of('t_newtran(); http_async_query("http://a.test/$fU", "DONE"); xlog("not here\\n");')
    lab.doubles.http.answer("http://a.test/alice", "yes", status=201)
    call = lab.phone("alice").call("bob")
    lab.wait(lambda: call.status)
    assert call.status == 486
    assert lab.log.script == ["1 201 Created <yes> 3 <null> 1-1"]


def test_without_a_transaction_the_script_runs_on() -> None:
    lab = lab_of('http_async_query("http://a.test/", "DONE"); xlog("$rc $http_req_id\\n");')
    lab.doubles.http.answer("*", "yes")
    assert said(lab) == ["1 1-1", "1 200 OK <yes> 3 <null> 1-1"]


def test_a_transaction_that_is_not_to_be_suspended() -> None:
    route = 't_newtran(); $http_req(suspend) = 0; http_async_query("http://a.test/", "DONE"); t_reply("200", "OK");'
    lab = lab_of(route)
    lab.doubles.http.answer("*", "yes")
    call = lab.phone("alice").call("bob")
    call.expect(200)
    assert lab.log.script == ["1 200 OK <yes> 3 <null> 1-1"]


def asked(lab: Lab) -> list[HttpQuery]:
    """What the server asks of a driver, which answers at once."""
    queries: list[HttpQuery] = []

    class Spy:
        def ask(self, query: HttpQuery) -> HttpReply:
            raise AssertionError("nobody waits here")

        def begin(self, query: HttpQuery, done: Callable[[HttpReply], object]) -> None:
            queries.append(query)

    lab.server.environment.http = Spy()
    lab.send(lab.request("OPTIONS", "bob"))
    return queries


def test_everything_that_can_be_asked() -> None:
    route = "".join(
        f"$http_req({name}) = {value};\n"
        for name, value in (
            ("method", '"put"'),
            ("hdr", '"X-A: 1"'),
            ("hdr", '"Content-Type: text/plain"'),
            ("body", '"text"'),
            ("timeout", 1500),
            ("tls_ca_path", '"/ca"'),
            ("tls_client_cert", '"/cert"'),
            ("tls_client_key", '"/key"'),
            ("authmethod", 1),
            ("username", '"u"'),
            ("password", '"p"'),
            ("keepalive", 1),
            ("ka-idle", 10),
            ("ka-interval", 20),
        )
    )
    lab = lab_of(route + 'http_async_query("https://a.test", "DONE"); http_async_query("http://b.test", "DONE");')
    first, second = asked(lab)
    headers = ("X-A: 1", "Content-Type: text/plain", "Authorization: Basic dTpw")
    assert first[:5] == ("PUT", "https://a.test/", headers, "text", 1.5)
    assert first.tls == Tls(True, True, "/ca", "/cert", "/key") and first.keep_alive == (10, 20)
    assert second == HttpQuery("GET", "http://b.test/", timeout=0.5, via="http_async_query")


def test_parameters() -> None:
    values = {
        "connection_timeout": 700,
        "tls_version": 6,
        "tls_verify_host": 0,
        "tls_verify_peer": 0,
        "tls_client_cert": '"/c"',
        "tls_client_key": '"/k"',
        "tls_ca_path": '"/a"',
        "tcp_keepalive": 1,
        "tcp_ka_idle": 3,
        "tcp_ka_interval": 4,
    }
    before = "".join(f'modparam("http_async_client", "{name}", {value})\n' for name, value in values.items())
    (query,) = asked(lab_of('http_async_query("http://a.test", "DONE");', before=before))
    assert query.tls == Tls(False, False, "/a", "/c", "/k", 6)
    assert (query.timeout, query.keep_alive) == (0.7, (3, 4))


def test_null_takes_things_back() -> None:
    route = """
    $http_req(timeout) = 1500; $http_req(timeout) = $null; $http_req(method) = "POST"; $http_req(method) = $null;
    http_async_query("http://a.test", "DONE");
    $http_req(hdr) = "X-A: 1"; $http_req(body) = "b"; $http_req(all) = $null;
    http_async_query("http://a.test", "DONE");
    $http_req(body) = "b"; $http_req(body) = "";
    http_async_query("http://a.test", "DONE");
    """
    queries = asked(lab_of(route))
    assert {query[:5] for query in queries} == {("GET", "http://a.test/", (), None, 0.5)}


def test_values_of_the_wrong_kind() -> None:
    lab = lab_of('$http_req(hdr) = 7; $http_req(timeout) = "7"; $http_req(method) = "TRACE"; $http_req(method) = "de";')
    said(lab)
    assert told(lab) == [
        "ERROR: http_async_client: invalid value type for $http_req(hdr)",
        "ERROR: http_async_client: invalid value type for $http_req(timeout)",
        "ERROR: http_async_client: Unsupported method: TRACE",
    ]


@pytest.mark.parametrize(("error", "text"), [("timeout", "TIMEOUT"), ("refused", "Couldn't connect to server")])
def test_errors(error: str, text: str) -> None:
    lab = lab_of('http_async_query("http://a.test/", "DONE");')
    lab.doubles.http.fail("*", error)
    assert said(lab) == [f"0 <null> <null> <<null>> <null> {text} 1-1"]
    assert sum("use $http_ok" in line for line in told(lab)) == 4


def test_headers_and_the_whole_answer() -> None:
    shown = "$http_hdr(x-a) $(http_hdr(Via)) $http_hdr(Hia) $(http_hdr(X-A)[1]) $http_ml"
    rest = f'route[DONE] {{ xlog("{shown}\\n$http_mb"); }}'
    lab = lab_of('http_async_query("http://a.test/", "DONE");', rest=rest)
    lab.doubles.http.answer("*", "body", headers={"X-A": "1", "Via": "1.1 proxy"})
    text = "HTTP/1.1 200 OK\r\nX-A: 1\r\nHia: 1.1 proxy\r\n\r\nbody"
    assert said(lab) == [f"1 <null> 1.1 proxy <null> {len(text)}\n{text}"]


def test_the_time_that_it_took() -> None:
    lab = lab_of(
        '$http_req(timeout) = 3000; http_async_query("http://a.test/", "DONE");',
        rest='route[DONE] { xlog("$http_time(total) $http_time(connect)\\n"); }',
    )
    lab.doubles.http.answer("*", delay=1.5)
    assert said(lab) == ["1500000 0"]


def test_redirects() -> None:
    lab = lab_of('$http_req(follow_redirect) = 1; http_async_query("http://a.test/", "DONE");')
    lab.doubles.http.answer("http://a.test/", status=301, headers={"Location": "http://b.test/"})
    lab.doubles.http.answer("http://b.test/", "there")
    assert said(lab) == ["1 200 OK <there> 5 <null> 1-1"]


def test_variables_outside_of_a_querys_route() -> None:
    lab = lab_of('xlog("$http_ok $http_rs $http_req_id|\\n");')
    assert said(lab) == ["<null> <null> |"]
    assert "can only be read from an async http worker" in told(lab)[0]


def test_a_route_that_is_not_there() -> None:
    lab = lab_of('http_async_query("http://a.test/", "NONE"); xlog("$rc\\n");')
    lab.doubles.http.answer("*")
    assert said(lab) == ["1"] and told(lab)[-1].endswith("unable to find route block [NONE]")


def test_arguments_that_are_refused() -> None:
    long = "x" * 63
    calls = (
        'http_async_query("", "DONE")',
        'http_async_query("http://a", "")',
        f'http_async_query("http://a", "{long}")',
    )
    lab = lab_of("".join(f'{call}; xlog("$rc\\n");' for call in calls))
    assert said(lab) == ["-1", "-1", "-1"]


def test_a_transaction_that_is_gone() -> None:
    lab = lab_of('$http_req(timeout) = 60000; t_newtran(); http_async_query("http://a.test/", "DONE");')
    lab.doubles.http.answer("*", delay=50)
    lab.send(lab.request("OPTIONS", "bob"))
    lab.advance(60)
    assert not lab.log.script and "transaction not found" in told(lab)[-1]


def test_statistics() -> None:
    lab = lab_of('http_async_query("http://x.test/$rU", "DONE");')
    lab.doubles.http.answer("*/a")
    lab.doubles.http.fail("*/b", "refused")
    lab.doubles.http.fail("*/c", "timeout")
    for user in "abc":
        said(lab, user)
    assert [line.split(":")[1] for line in lab.rpc("stats.get_statistics", "http_async_client:")] == [
        "errors = 1",
        "replies = 1",
        "requests = 3",
        "timeouts = 1",
    ]


def test_curl_verbose() -> None:
    before = 'debug=2\nmodparam("http_async_client", "curl_verbose", 1)\n'
    lab = lab_of('$http_req(hdr) = "X: 1"; http_async_query("http://a.test/", "DONE");', before=before)
    lab.doubles.http.answer("*", headers={"Y": "2"})
    said(lab)
    assert "[cURL hdr out] X: 1" in told(lab)[0] and "[cURL hdr in] Y: 2" in told(lab)[1]


def test_functions_of_4x() -> None:
    route = """
    http_append_header("X-A: 1"); http_set_method("POST"); http_set_timeout("900"); http_async_suspend("0");
    http_set_tls_ca_path("/a"); http_set_tls_client_cert("/c"); http_set_tls_client_key("/k");
    tls_verify_host("0"); tls_verify_peer("0");
    t_newtran(); http_async_query("http://a.test", "body", "DONE"); xlog("$rc\\n");
    """
    lab = lab_of(route, target="4.4", rest="route[DONE] { exit; }")
    (query,) = asked(lab)
    assert query[:3] == ("POST", "http://a.test/", ("X-A: 1", "Content-Type: application/x-www-form-urlencoded"))
    assert (query.body, query.timeout, query.tls) == ("body", 0.9, Tls(False, False, "/a", "/c", "/k"))


def test_functions_of_6x() -> None:
    route = 't_newtran(); http_async_send("http://a.test", "GOT");'
    route += ' http_async_send_xdata("http://b.test", "GOT", "for $rU");'
    lab = lab_of(route + ' t_reply("200", "OK");', target="6.x", rest='route[GOT] { xlog("$http_rb $http_xdata\\n"); }')
    lab.doubles.http.answer("http://a.test/", "a")
    lab.doubles.http.answer("http://b.test/", "b")
    assert said(lab) == ["a <null>", "b for bob"]


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ('modparam("http_async_client", "workers", 0)\n', "workers"),
        ('modparam("http_async_client", "memory_manager", "heap")\n', "shm and sys"),
    ],
)
def test_parameters_that_are_refused(before: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        lab_of("exit;", before=before)


@pytest.mark.parametrize("variable", ["$http_req(x)", "$http_time(x)", "$http_hdr"])
def test_variables_that_are_refused(variable: str) -> None:
    with pytest.raises(ConfigError):
        lab_of(f'xlog("{variable}");')


def test_without_a_driver() -> None:
    lab = lab_of('http_async_query("http://a.test/", "DONE"); xlog("$rc\\n");')
    lab.server.environment.http = None
    assert said(lab) == ["1", "0 <null> <null> <<null>> <null> Couldn't connect to server 1-1"]


def test_a_url_that_is_none_suspends_all_the_same() -> None:
    lab = lab_of('t_newtran(); http_async_query("ftp://a.test/", "DONE"); xlog("not here\\n");')
    call = lab.phone("alice").call("bob")
    lab.wait(lambda: call.status)
    assert call.status == 486
    assert lab.log.script == ["0 <null> <null> <<null>> <null> Unsupported protocol 1-1"]
