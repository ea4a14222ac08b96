"""xhttp: HTTP requests over TCP, what the event route sees of them, and how the answers look byte for byte."""

from __future__ import annotations

from ..case import Scene, case

LISTEN = """listen=udp:127.0.0.1:21200
listen=tcp:127.0.0.1:21200
auto_aliases=no
tcp_children=1
"""
REQUEST_ROUTE = 'request_route { xlog("request_route $rm\\n"); drop; }\n'
MODULES = "sl pv xlog textops kex"


def _event(route: str, settings: str = "tcp_accept_no_cl=yes") -> str:
    return f"{LISTEN}{settings}\n{REQUEST_ROUTE}event_route[xhttp:request] {{\n{route}\n}}\n"


def get(url: str, headers: str = "", version: str = "HTTP/1.1", method: str = "GET") -> str:
    """A request without a body."""
    return f"{method} {url} {version}\nHost: example.com\n{headers}\n"


def post(url: str, body: str, headers: str = "") -> str:
    """A request with a body."""
    return f"POST {url} HTTP/1.1\nHost: example.com\n{headers}Content-Length: {len(body)}\n\n{body}"


REPLIES = r"""
switch ($hu) {
case "/empty":
    xhttp_reply("404", "Not here", "", "");
    xlog("rc $rc\n");
    break;
case "/refused":
    xhttp_reply("99", "Odd", "text/plain", "x");
    xlog("99: $rc\n");
    xhttp_reply("701", "Odd", "text/plain", "x");
    xlog("701: $rc\n");
    xhttp_reply("200", "", "text/plain", "x");
    xlog("no reason: $rc\n");
    break;
case "/edges":
    xhttp_reply("100", "Low", "text/plain", "");
    xhttp_reply("700", "High", "", "");
    break;
case "/twice":
    xhttp_reply("200", "One", "text/html", "one");
    xhttp_reply("201", "Two", "text/plain", "two");
    xlog("second: $rc\n");
    xhttp_reply("202", "Three", "", "");
    xlog("third: $rc\n");
    break;
case "/header":
    append_to_reply("Location: http://example.com/\r\n");
    xhttp_reply("302", "Found", "", "");
    break;
case "/variables":
    $var(code) = 418;
    xhttp_reply("$var(code)", "I am $rm", "text/$rm", "$si|$rv|$hdr(Host)");
    break;
case "/close":
    set_reply_close();
    set_reply_no_connect();
    xhttp_reply("200", "Bye", "text/plain", "bye");
    break;
case "/nothing":
    exit;
case "/drop":
    drop;
case "/error":
    xhttp_reply("200", "OK", "text/plain", "first");
    return -1;
default:
    xhttp_reply("200", "OK", "text/html", "<p>$rm $hu</p>");
}
"""


NAMES = ("empty", "refused", "edges", "twice", "header", "variables", "close", "nothing", "drop", "error", "other")


@case(_event(REPLIES), modules=f"{MODULES} xhttp")
def replies(scene: Scene) -> None:
    """Status line, Sia for Via, headers, body; what is refused; when the connection stays."""
    for name in NAMES:
        scene.http(name, get(f"/{name}"))


SEES = r"""
xlog("$rm|$hu|$ru|$rv|$rb|$cl|$ct|$ua|$hdr(Host)|$hdr(Via)|$mb\n");
xlog("$(hu{url.path})|$(hu{url.querystring})|$si $proto\n");
xhttp_reply("200", "OK", "text/plain", "$rb");
"""


@case(
    _event(SEES),
    modules=f"{MODULES} xhttp",
)
def what_the_route_sees(scene: Scene) -> None:
    """First line, headers, body, the parts of the URL."""
    scene.http("plain", get("/a?b=1&c=2", "User-Agent: test/1\n"))
    scene.http("no query", get("/a"))
    scene.http("empty query", get("/a?"))
    scene.http("two marks", get("/a?b?c"))
    scene.http("whole URL", get("http://example.com/x"))
    scene.http("body", post("/a", "hello", "Content-Type: application/json\n"))
    scene.http("empty body", post("/a", ""))
    scene.http("a Via of HTTP", get("/a", "Via: 1.1 proxy\n"))
    scene.http("a Via of SIP", get("/a", "Via: SIP/2.0/TCP 10.0.0.1:5070;branch=z9hG4bKx\n"))
    scene.http("headers of SIP", get("/a", "From: <sip:a@b>;tag=1\nTo: <sip:c@d>;tag=2\nCall-ID: x\nCSeq: 1 GET\n"))
    scene.http("two in a row", get("/a") + get("/b"))
    scene.http("version 1.0", get("/a", version="HTTP/1.0"))
    scene.http("version 2", get("/a", version="HTTP/2"))
    scene.http("small letters", get("/a", version="http/1.1", method="get"))
    scene.http("a method of SIP", get("/a", method="INVITE"))
    scene.http("expects to go on", post("/a", "hello", "Expect: 100-continue\n"))


@case(_event(SEES), modules=f"{MODULES} xhttp")
def what_is_no_request(scene: Scene) -> None:
    """What does not parse ends the connection; another protocol gets nothing."""
    scene.http("no headers", "GET / HTTP/1.1\n\n")
    scene.http("no version", "GET /\nHost: x\n\n")
    scene.http("no method", "/\nHost: x\n\n")
    scene.http("another protocol", get("/", version="FOO/1.1"))
    scene.http("a later version", get("/", version="HTTP/3"))
    scene.http("a reply", "HTTP/1.1 200 OK\nContent-Length: 0\n\n")
    scene.http("a bad header", "GET / HTTP/1.1\nHost: x\nnonsense\n\n")
    scene.http("a bad length", "GET / HTTP/1.1\nHost: x\nContent-Length: -1\n\n")


@case(_event(SEES, ""), modules=f"{MODULES} xhttp")
def without_accept_no_cl(scene: Scene) -> None:
    """Content-Length must be there; Via is what it is in SIP."""
    scene.http("no length", get("/"))
    scene.http("a length", post("/", ""))
    scene.http("a Via of HTTP", post("/", "x", "Via: 1.1 proxy\n"))
    scene.http("a Via of SIP", post("/", "x", "Via: SIP/2.0/TCP 10.0.0.1:5070;branch=z9hG4bKx\n"))


@case(
    'modparam("xhttp", "url_match", "^/(xcap|RPC)")\nmodparam("xhttp", "url_skip", "[.]js$")\n' + _event(SEES),
    modules=f"{MODULES} xhttp",
)
def url_match_and_url_skip(scene: Scene) -> None:
    """Expressions over the URL, query included."""
    for url in ("/xcap/a", "/RPC", "/rpc", "/x/xcap", "/xcap/a.js", "/xcap/a.js?b", "/RPC?x.js"):
        scene.http(url, get(url))


@case(_event("return -1;", "tcp_accept_no_cl=yes\ntcp_script_mode=1"), modules=f"{MODULES} xhttp")
def tcp_script_mode_keeps_the_connection(scene: Scene) -> None:
    """A route that fails does not end it."""
    scene.http("route", get("/"))
    scene.http("parser", "GET /\nHost: x\n\n")


FAILS = """tcp_children=1
listen=udp:127.0.0.1:21200
listen=tcp:127.0.0.1:21200
auto_aliases=no
request_route {
    sl_send_reply("200", "OK");
    if ($rU == "bad") return -1;
    if ($rU == "exit") exit;
    if ($rU == "drop") drop;
    return 1;
}
"""


@case(FAILS, modules="sl pv")
def sip_that_fails_ends_the_connection(scene: Scene) -> None:
    """The same for SIP: a route that returns a negative value, a request that lacks a header."""
    for user in ("good", "bad", "exit", "drop"):
        scene.http(
            user,
            f"""OPTIONS sip:{user}@example.com SIP/2.0
Via: SIP/2.0/TCP 127.0.0.11;branch=z9hG4bK{user};rport
From: <sip:a@example.com>;tag=1
To: <sip:b@example.com>;tag=2
Call-ID: {user}
CSeq: 1 OPTIONS
Content-Length: 0

""",
        )
    scene.http(
        "no CSeq",
        "OPTIONS sip:x@example.com SIP/2.0\nVia: SIP/2.0/TCP 127.0.0.11\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\n"
        "Call-ID: x\nContent-Length: 0\n\n",
    )


JSONRPC = (
    'modparam("jsonrpcs", "transport", 1)\nmodparam("jsonrpcs", "fifo_name", "")\n'
    'modparam("jsonrpcs", "dgram_socket", "")\n'
    + _event(
        r"""
if ($hu =~ "^/RPC") {
    jsonrpc_dispatch();
    xlog("rc $rc\n");
    return;
}
xhttp_reply("404", "Not Found", "text/plain", "no such place");
"""
    )
)


@case(JSONRPC, modules=f"{MODULES} xhttp jsonrpcs")
def jsonrpc_over_http(scene: Scene) -> None:
    """jsonrpc_dispatch(): answers, errors, and what is no JSON."""
    for label, body in (
        ("answer", '{"jsonrpc":"2.0","method":"core.echo","params":["a",2],"id":1}'),
        ("no params", '{"jsonrpc":"2.0","method":"core.prints","id":"x"}'),
        ("no such method", '{"jsonrpc":"2.0","method":"no.such","id":1}'),
        ("a fault", '{"jsonrpc":"2.0","method":"core.shmmem","params":["nope"],"id":9}'),
        ("another version", '{"jsonrpc":"1.0","method":"core.echo","id":1}'),
        ("no method", '{"jsonrpc":"2.0","id":1}'),
        ("params that are none", '{"jsonrpc":"2.0","method":"core.echo","params":"a","id":1}'),
        ("an array", "[1]"),
        ("requests are counted", '{"jsonrpc":"2.0","method":"stats.get_statistics","params":["rcv_requests"],"id":1}'),
        ("no JSON", "nonsense"),
        ("half of it", '{"jsonrpc":"2.0","method":"core.echo"'),
        ("nothing", ""),
    ):
        scene.http(label, post("/RPC", body, "Content-Type: application/json\n"))
    scene.http("GET", get("/RPC"))
    scene.http("elsewhere", get("/other"))
