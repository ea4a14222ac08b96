"""http_client: queries while a route waits, named connections, redirects, authentication."""

from __future__ import annotations

import base64

from ..case import Relay, Scene, battery, case, verdicts

MODULES = "pv xlog sl kex counters http_client"
SERVER = "http://127.0.0.30:21200"


def answer(text: str) -> str | None:
    """What the server of the cases says to each path."""
    first, _, rest = text.partition("\n")
    path = first.split(" ")[1].partition("?")[0]
    if path.startswith("/status/"):
        return f"{path[8:]}\nX-Answer: 1\n\nstatus {path[8:]}"
    if path == "/lines":
        return "200\nContent-Type: text/plain\n\none\ntwo\n"
    if path == "/long":
        return "200\n\n" + "x" * 100
    if path == "/empty":
        return "200\n\n"
    if path == "/newline":
        return "200\n\n\nsecond"
    if path == "/moved":
        return f"302\nLocation: {SERVER}/there?a=1\n\nelsewhere"
    if path == "/relative":
        return "307\nLocation: /there\n\nelsewhere"
    if path == "/loop":
        return "301\nLocation: /loop\n\nround"
    if path in ("/basic", "/digest"):
        if "Authorization: Basic " + base64.b64encode(b"user:secret").decode() in rest:
            return "200\n\nlet in"
        if path == "/digest" and 'username="user"' in rest and "Authorization: Digest" in rest:
            return "200\n\ndigested"
        kind = 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5' if path == "/digest" else 'Basic realm="r"'
        return f"401\nWWW-Authenticate: {kind}\n\ndenied"
    return f"200\nX-Answer: 1\n\n{first} {rest.partition(chr(10) * 2)[2]}"


WEB = Relay("web", ("127.0.0.30", 21200), lambda: answer, http=True)


def queries(calls: str) -> str:
    """A route that makes each call and tells what it gave."""
    lines = (line.strip() for line in calls.strip().split("\n"))
    body = "\n".join(f'$var(r) = "before"; {line} xlog("$rc <$var(r)>\\n");' for line in lines if line)
    return "request_route {\n" + body.replace("SERVER", SERVER) + "\nexit;\n}\n"


@case(
    queries(
        """
http_client_query("SERVER/a", "$var(r)");
http_client_query("SERVER/a?b=$rU", "$var(r)");
http_client_query("SERVER", "$var(r)");
http_client_query("127.0.0.30:21200/a", "$var(r)");
http_client_query("SERVER/a", "data=1", "$var(r)");
http_client_query("SERVER/a", "", "$var(r)");
http_client_query("SERVER/a", "$var(x)", "$var(r)");
http_client_query("SERVER/a", "$hdr(None)", "$var(r)");
http_client_query("SERVER/a", "data", "X-One: 1", "$var(r)");
http_client_query("SERVER/a", "data", "Content-Type: text/plain", "$var(r)");
http_client_query("SERVER/a", "data", "X-One: 1\\r\\nContent-Type: text/plain", "$var(r)");
http_client_query("SERVER/a", "data", "Content-Type: text/plain\\r\\nX-One: 1", "$var(r)");
http_client_query("SERVER/a", "", "X-One: 1", "$var(r)");
http_client_query("SERVER/a", "", "X-Empty:", "$var(r)");
http_client_get("SERVER/a", "", "", "$var(r)");
http_client_get("SERVER/a", "data", "X-One: 1", "$var(r)");
http_client_query("SERVER/lines", "$var(r)");
http_client_query("SERVER/empty", "$var(r)");
http_client_query("SERVER/newline", "$var(r)");
http_client_query("SERVER/long", "$var(r)");
http_client_query("SERVER/status/201", "$var(r)");
http_client_query("SERVER/status/404", "$var(r)");
http_client_query("SERVER/status/500", "$var(r)");
http_client_query("SERVER/moved", "$var(r)");
http_client_query("SERVER/basic", "$var(r)");
http_client_query("http://user:secret@127.0.0.30:21200/basic", "$var(r)");
http_client_query("", "$var(r)");
http_client_query("$var(none)", "$var(r)");
http_client_query("SERVER/a", "$avp(a)"); $var(r) = $avp(a);
"""
    ),
    modules=MODULES,
    relays=(WEB,),
)
def http_queries(scene: Scene) -> None:
    """http_client_query() and http_client_get(): requests and results."""
    scene.alice.request("OPTIONS")
    scene.rpc("cnt.grp_get_all", "httpclient")


@case(
    'modparam("http_client", "query_result", 0)\nmodparam("http_client", "query_maxdatasize", 10)\n'
    + 'modparam("http_client", "httpredirect", 1)\nmodparam("http_client", "useragent", "me")\n'
    + queries(
        """
http_client_query("SERVER/lines", "$var(r)");
http_client_query("SERVER/long", "$var(r)");
http_client_query("SERVER/moved", "$var(r)");
http_client_query("SERVER/moved", "data", "$var(r)");
http_client_query("SERVER/relative", "data", "$var(r)");
http_client_query("SERVER/status/300", "$var(r)");
"""
    ),
    modules=MODULES,
    relays=(WEB,),
)
def parameters_of_queries(scene: Scene) -> None:
    """Whole answers, their most, redirects, another agent."""
    scene.alice.request("OPTIONS")


CONNECTIONS = """
modparam("http_client", "maxdatasize", 20)
modparam("http_client", "httpcon", "plain=>http://127.0.0.30:21200")
modparam("http_client", "httpcon", " path => http://127.0.0.30:21200/base/x;timeout=2;useragent=you;maxdatasize=0")
modparam("http_client", "httpcon", "moved=>http://127.0.0.30:21200/moved;httpredirect=1")
modparam("http_client", "httpcon", "down=>http://127.0.0.31:21200;failover=plain")
modparam("http_client", "httpcon", "gone=>http://127.0.0.31:21200;failover=down;nonsense=1;timeout=x")
modparam("http_client", "httpcon", "broken=>http://127.0.0.30:21200/status/500;failover=path")
modparam("http_client", "httpcon", "user=>http://user:secret@127.0.0.30:21200")
modparam("http_client", "authmethod", 1)
modparam("http_client", "httpcon", "basic=>http://user:secret@127.0.0.30:21200")
"""


@case(
    CONNECTIONS
    + queries(
        """
http_connect("plain", "a", "$var(r)");
http_connect("plain", "/a", "$var(r)");
http_connect("plain", "", "$var(r)");
http_connect("plain", "$hdr(None)", "$var(r)");
http_connect("plain", "/long", "$var(r)");
http_connect("plain", "/lines", "$var(r)");
http_connect("path", "a", "$var(r)");
http_connect("path", "", "$var(r)");
http_connect("plain", "a", "application/json", "{\\"a\\": $rU}", "$var(r)");
http_connect("plain", "a", "", "data", "$var(r)");
http_connect("plain", "a", "text/plain", "", "$var(r)");
http_connect_raw("plain", "a", "text/plain", "$rU as it is", "$var(r)");
http_get_redirect("plain", "$var(r)");
http_connect("moved", "", "$var(r)");
http_get_redirect("moved", "$var(r)");
http_get_redirect("nobody", "$var(r)");
http_get_redirect("down", "$var(r)");
http_connect("nobody", "a", "$var(r)");
http_connect("down", "a", "$var(r)");
http_connect("gone", "a", "$var(r)");
http_connect("broken", "", "$var(r)");
http_connect("user", "basic", "$var(r)");
http_connect("user", "digest", "$var(r)");
http_connect("plain", "digest", "$var(r)");
http_connect("basic", "basic", "$var(r)");
http_connect("basic", "digest", "$var(r)");
"""
    ),
    modules=MODULES,
    relays=(WEB,),
)
def connections(scene: Scene) -> None:
    """http_connect() and its kin."""
    scene.alice.request("OPTIONS")
    scene.rpc("cnt.grp_get_all", "httpclient")


@case(
    'modparam("http_client", "httpcon", "one=>http://127.0.0.30:21200/3;timeout=7;failover=two")\n'
    'modparam("http_client", "httpcon", "two=>https://a.example")\n'
    "request_route { exit; }",
    modules=MODULES,
)
def list_of_connections(scene: Scene) -> None:
    """Those without an account: 5.6.3 shows bytes of its memory for others."""
    scene.rpc("httpclient.listcon")


@case("request_route { exit; }", modules=MODULES)
def no_connections(scene: Scene) -> None:
    """The list without any."""
    scene.rpc("httpclient.listcon")


@case(
    queries(
        """
http_client_query("http://127.0.0.31:21200/", "$var(r)");
http_client_query("ftp://127.0.0.30/", "$var(r)");
http_client_query("nonsense://127.0.0.30/", "$var(r)");
http_client_query("http:///", "$var(r)");
http_client_query("http://", "$var(r)");
http_client_query("http://no.such.host.invalid/", "$var(r)");
http_client_query("http://127.0.0.30:99999/", "$var(r)");
http_client_query("https://127.0.0.30:21200/", "$var(r)");
"""
    ),
    modules=MODULES,
    relays=(WEB,),
)
def errors(scene: Scene) -> None:
    """What a query gives without an answer."""
    scene.alice.request("OPTIONS")


battery(
    "http_client",
    "curlerror",
    "".join(f"> $curlerror({number})\n" for number in (*range(100), 200, 404, 1000, 3000))
    + "> $curlerror(x)\n> $curlerror(7x)\n",
    modules="pv xlog http_client",
)

verdicts(
    "http_client",
    "starts",
    """
    : modparam("http_client", "httpcon", "a=>http://b")
    : modparam("http_client", "httpcon", "a=>http://b")\\nmodparam("http_client", "httpcon", "a=>http://c")
    : modparam("http_client", "httpcon", "a=http://b")
    : modparam("http_client", "httpcon", "a")
    : modparam("http_client", "httpcon", "a=>b")
    : modparam("http_client", "httpcon", "a=>http:/b")
    : modparam("http_client", "httpcon", "")
    : modparam("http_client", "httpcon", " a => https://b;verify_peer=7;tlsversion=99;nothing=1")
    : modparam("http_client", "httpcon", "a=>ftp://b")
    : modparam("http_client", "connection_timeout", 0)
    : modparam("http_client", "tlsversion", 99)
    http_client_query("http://a", "$ru");
    http_client_query("http://a", "$si");
    http_client_query("http://a", "x");
    http_client_query("http://a");
    http_connect("none", "a", "$var(r)");
    http_connect("none", "a", "$si");
    http_connect("none", "a", "b", "$var(r)");
    http_get_redirect("a", "$si");
    xlog("$curlerror()");
    xlog("$curlerror");
    """,
    modules="pv xlog http_client",
)
