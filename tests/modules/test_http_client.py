"""http_client: named connections of files, redirects and accounts that tests set, names of other generations.

What 5.6 does stands in tests/differential/cases/http_client.py; how a live server asks in tests/live/test_web.py.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kamscript.core.web import HttpQuery, HttpReply, Tls
from kamscript.lab import Lab
from kamscript.lab.ready.http import HttpRequest
from kamscript.modules._curl import BASIC, DIGEST, Account, header_lines, transfer
from kamscript.source import ConfigError

LOADS = 'loadmodule "pv.so"\nloadmodule "xlog.so"\nloadmodule "http_client.so"\n'
FILE = """
# comment
[one]
url = http://one.test/base
timeout = 3
useragent = "from a file"

[two]
url = "http://two.test"
httpredirect = yes
maxdatasize = 5
verify_peer = off
tlsversion = TLSv1.2
failover = one
keepconnections = 1
"""


def lab_of(*calls: str, before: str = "", target: str = "5.6", files: dict[str, str] | None = None) -> Lab:
    """A lab whose request route makes these calls and tells what they gave."""
    lines = "\n".join(f'{call} xlog("$rc [$var(r)]\\n");' for call in calls)
    return Lab(text=f"{LOADS}{before}request_route {{\n{lines}\nexit;\n}}\n", target=target, files=files)


def said(lab: Lab) -> list[str]:
    """What one message makes it say."""
    lab.send(lab.request("OPTIONS", "bob"))
    return [record.text.strip() for record in lab.log if record.origin == "<script>"]


def test_connections_of_a_file() -> None:
    before = 'modparam("http_client", "config_file", "http.cfg")\n'
    lab = lab_of('http_connect("two", "a", "$var(r)");', before=before, files={"http.cfg": FILE})
    web = lab.doubles.http
    web.answer("http://two.test/a", status=503)
    web.answer("http://one.test/base/a", "one and only")
    assert said(lab) == ["200 [one and only]"]
    assert [line for line in web.requests[1].sent if line.startswith("User-Agent")] == ["User-Agent: from a file"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[a\nurl = http://b\n", "http.cfg:1: expected [NAME]"),
        ("url = http://b\n", "http.cfg:1: expected [NAME]"),
        ("[a]\nurl = http://b\nnothing = 1\n", "http.cfg:3: there is no option nothing"),
        ("[a]\nurl = b\n", "http.cfg:2: connection a needs url"),
        ("[a]\ntimeout = 1\n", "connection a needs url"),
        ("[a]\nurl = http://b\ntimeout = soon\n", "http.cfg:3: timeout is a number, not soon"),
        ("[a]\nurl = http://b\nverify_peer = perhaps\n", "http.cfg:3: verify_peer is yes or no"),
        ("[a]\nurl = http://b\ntlsversion = 9\n", "http.cfg:3: tlsversion is one of DEFAULT"),
        ("[a]\nurl = http://b\n[a]\nurl = http://c\n", "two connections called a"),
    ],
)
def test_files_that_are_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        lab_of("exit;", before='modparam("http_client", "config_file", "http.cfg")\n', files={"http.cfg": text})
    assert told in str(caught.value)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"config_file nothing\.cfg cannot be read"):
        lab_of("exit;", before='modparam("http_client", "config_file", "nothing.cfg")\n')


def test_a_redirect_in_the_lab() -> None:
    before = 'modparam("http_client", "httpredirect", 1)\n'
    lab = lab_of('http_client_query("http://a.test/x", "data", "$var(r)");', before=before)
    lab.doubles.http.answer("http://a.test/x", status=302, headers={"Location": "/y"})
    lab.doubles.http.answer("http://a.test/y", "there", method="GET")
    assert said(lab) == ["200 [there]"]


def test_the_server_waits_for_an_answer() -> None:
    lab = lab_of('http_client_query("http://a.test/x", "$var(r)");')
    lab.doubles.http.answer("*", "late", delay=3)
    started = lab.now
    assert said(lab) == ["200 [late]"] and 3 <= lab.now - started < 3.1


def test_time_runs_over_redirects_as_well() -> None:
    before = 'modparam("http_client", "httpredirect", 1)\n'
    lab = lab_of('http_client_query("http://a.test/x", "$var(r)");', before=before)
    lab.doubles.http.answer("http://a.test/x", status=302, headers={"Location": "/y"}, delay=3)
    lab.doubles.http.answer("http://a.test/y", "late", delay=3)
    assert said(lab) == ["28 []"]


def test_what_is_asked_of_a_driver() -> None:
    before = "".join(
        f'modparam("http_client", "{name}", {value})\n'
        for name, value in (
            ("cacert", '"/ca"'),
            ("client_cert", '"/cert"'),
            ("client_key", '"/key"'),
            ("cipher_suites", '"HIGH"'),
            ("tlsversion", 6),
            ("verify_peer", 0),
            ("verify_host", 0),
            ("httpproxy", '"proxy.test"'),
            ("httpproxyport", 3128),
            ("netinterface", '"eth0"'),
            ("keep_connections", 1),
            ("httpcon", '"a=>https://a.test;timeout=7"'),
        )
    )
    lab = lab_of('http_client_query("https://b.test", "$var(r)");', 'http_connect("a", "/", "$var(r)");', before=before)
    asked: list[HttpQuery] = []

    class Spy:
        def ask(self, query: HttpQuery) -> HttpReply:
            asked.append(query)
            return HttpReply(200)

        def begin(self, query: HttpQuery, done: Callable[[HttpReply], object]) -> None:
            raise AssertionError

    lab.server.environment.http = Spy()
    assert said(lab) == ["200 []", "200 []"]
    tls = Tls(False, False, "/ca", "/cert", "/key", 6, "HIGH")
    assert {(query.tls, query.proxy, query.interface) for query in asked} == {(tls, "proxy.test:3128", "eth0")}
    assert [(query.timeout, query.keep) for query in asked] == [(4.0, False), (7.0, True)]


def test_without_a_driver_nobody_is_reached() -> None:
    lab = lab_of('http_client_query("http://b.test", "$var(r)");')
    lab.server.environment.http = None
    assert said(lab) == ["7 []"]


def test_of_parameters_those_in_front_of_a_connection_count_for_it() -> None:
    before = (
        'modparam("http_client", "httpcon", "a=>http://a.test")\nmodparam("http_client", "connection_timeout", 9)\n'
    )
    lab = lab_of("exit;", before=before)
    assert lab.rpc("httpclient.listcon")["CONNECTION"]["TIMEOUT"] == 4


def test_the_name_of_authmethod_in_4x() -> None:
    before = 'modparam("http_client", "authmetod", 1)\nmodparam("http_client", "httpcon", "a=>http://u:p@a.test")\n'
    lab = lab_of('http_connect("a", "/", "$var(r)");', before=before, target="4.4")
    lab.doubles.http.answer("*", "in")
    assert said(lab) == ["200 [in]"]
    assert "Authorization: Basic dTpw" in lab.doubles.http.requests[0].sent


def test_methods_and_headers_of_6x() -> None:
    lab = lab_of(
        'http_client_request("DELETE", "http://a.test/", "", "", "$var(r)"); $var(r) = $httprhdr(x-one);',
        'http_client_response_headers_clear(""); $var(r) = "" + $httprhdr(x-one);',
        'http_client_response_headers_set(0); http_client_query("http://a.test/", "$var(r)"); '
        '$var(r) = "" + $httprhdr(x-one);',
        before='modparam("http_client", "response_headers", 1)\n',
        target="6.x",
    )
    lab.doubles.http.answer("*", "x", headers={"X-One": "1"})
    assert said(lab) == ["200 [1]", "1 []", "200 []"]
    assert lab.doubles.http.requests[0].method == "DELETE"


@pytest.mark.parametrize(("mode", "seconds"), [(0, None), (1, 4), (2, 0.004)])
def test_units_of_time_in_6x(mode: int, seconds: float | None) -> None:
    before = f'modparam("http_client", "timeout_mode", {mode})\n'
    lab = lab_of('http_client_query("http://a.test/", "$var(r)");', before=before, target="6.x")
    lab.doubles.http.answer("*", "x", delay=100)
    started = lab.now
    found = said(lab)
    assert found == (["200 [x]"] if seconds is None else ["28 []"])
    assert lab.now - started == pytest.approx(seconds or 100, abs=0.01)


def run(
    query: HttpQuery, replies: list[HttpReply], account: Account | None = None
) -> tuple[list[HttpQuery], HttpReply]:
    """What a transfer asks when it is answered so, and how it ends."""
    steps, asked = transfer(query, True, account), []
    try:
        asked.append(next(steps))
        for reply in replies:
            asked.append(steps.send(reply))
    except StopIteration as end:
        return asked, end.value
    raise AssertionError("the transfer goes on")


def test_digest_as_rfc_7616_shows_it() -> None:
    challenge = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    account = Account(
        "Mufasa", "Circle of Life", BASIC | DIGEST, lambda: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    )
    url = "http://www.example.org/dir/index.html"
    refused = HttpReply(401, headers=(("WWW-Authenticate", challenge),))
    asked, end = run(HttpQuery("GET", url), [refused, HttpReply(200)], account)
    assert 'response="8ca523f5e9506fed4657c9700eebdbec"' in asked[1].headers[-1] and end.status == 200


def test_an_account_stays_with_its_host() -> None:
    account = Account("u", "p", BASIC, str)
    elsewhere = HttpReply(302, headers=(("Location", "http://b.test/"),))
    asked, _ = run(HttpQuery("GET", "http://a.test/"), [elsewhere, HttpReply(200)], account)
    assert [any("Authorization" in line for line in query.headers) for query in asked] == [True, False]


def test_redirects_without_an_end() -> None:
    again = HttpReply(302, headers=(("Location", "/"),))
    asked, end = run(HttpQuery("GET", "http://a.test/"), [again] * 31)
    assert len(asked) == 31 and end.error == 47


@pytest.mark.parametrize("url", ["http://", "http:///x", "http://a b/", "http://a:99999/", "http://[::1/"])
def test_urls_that_are_none(url: str) -> None:
    assert run(HttpQuery("GET", url), [])[1].error == 3


def test_header_lines() -> None:
    form = "Content-Type: application/x-www-form-urlencoded"
    assert header_lines(["A: 1\r\nB: 2", "C:"], "x") == ("A: 1", "B: 2", form)
    assert header_lines(["content-type: x"], "x") == ("content-type: x",)


def test_an_answer_may_have_headers_of_its_own() -> None:
    def answer(request: HttpRequest) -> tuple[int, str, dict[str, str]]:
        return 302, "", {"Location": "http://b.test/"}

    lab = lab_of(
        'http_connect("a", "/", "$var(r)");', before='modparam("http_client", "httpcon", "a=>http://a.test")\n'
    )
    lab.doubles.http.answer("http://a.test/", answer)
    assert said(lab) == ["302 []"]
