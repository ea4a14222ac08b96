"""xmlrpc: RPC commands over HTTP as XML-RPC: documents, types, faults, byte for byte."""

from __future__ import annotations

from ..case import Scene, case

LISTEN = """listen=udp:127.0.0.1:21200
listen=tcp:127.0.0.1:21200
auto_aliases=no
tcp_children=1
tcp_accept_no_cl=yes
"""
MODULES = "sl pv xlog textops kex ctl cfg_rpc"
ROUTES = """
request_route {
    xlog("request_route $rm $ru\\n");
    drop;
}
route[RPC] {
    xlog("$rm|$ru|$rv|$si|$proto|$hdr(Host)|$mb");
    $var(m) = @xmlrpc.method + "";
    xlog("method $var(m)\\n");
    dispatch_rpc();
    xlog("rc $rc\\n");
}
"""
QUIET = "request_route { drop; }\nroute[RPC] { dispatch_rpc(); }\n"  # libxml2 writes into the daemon's log
LF = "\n"
ROUTE = 'modparam("xmlrpc", "route", "RPC")\n'


def post(body: str, headers: str = "", url: str = "/RPC2", method: str = "POST", version: str = "HTTP/1.1") -> str:
    """A request with a document."""
    return (
        f"{method} {url} {version}\nHost: example.com\nContent-Type: text/xml\n{headers}"
        f"Content-Length: {len(body) + body.count(LF)}\n\n{body}"
    )


def call(method: str, *params: str) -> str:
    """A request with a call; parameters as they stand inside `<value>`."""
    inner = "".join(f"<param><value>{param}</value></param>" for param in params)
    return post(
        f'<?xml version="1.0"?><methodCall><methodName>{method}</methodName><params>{inner}</params></methodCall>'
    )


@case(ROUTE + LISTEN + ROUTES, modules=f"{MODULES} xmlrpc")
def answers(scene: Scene) -> None:
    """Texts, numbers, structures, lists, nothing, faults."""
    scene.http("text", call("core.version"))
    scene.http("echo", call("core.echo", "<string>a</string>", "<string>b</string>"))
    scene.http("one of an array", call("core.echo", "<string>a</string>"))
    scene.http("nothing", call("core.echo"))
    scene.http("number", call("core.printi", "<int>7</int>"))
    scene.http("structure", call("core.tcp_info"))
    scene.http("get", call("cfg.get", "<string>core</string>", "<string>debug</string>"))
    scene.http(
        "nothing to say", call("cfg.set_now_int", "<string>core</string>", "<string>debug</string>", "<int>2</int>")
    )
    scene.http("list", call("cfg.list", "<string>tcp</string>"))
    scene.http("unknown", call("core.nothing"))
    scene.http("fault of the command", call("cfg.get", "<string>nothing</string>", "<string>x</string>"))
    scene.http("no argument", call("cfg.get"))
    scene.http("special characters", call("core.echo", "<string>a&lt;b&amp;c&gt;d\"e'f</string>"))
    scene.http("carriage return", call("core.echo", "<string>a&#xD;&#xA;b</string>"))
    scene.http("not ASCII", call("core.echo", "<string>\xc3\xa4&#228;</string>"))


@case(ROUTE + LISTEN + ROUTES, modules=f"{MODULES} xmlrpc")
def types(scene: Scene) -> None:
    """What a command that wants a text or a number takes."""
    for name, value in (
        ("string", "<string>5</string>"), ("bare", "5"), ("empty string", "<string></string>"), ("empty", ""),
        ("int", "<int>5</int>"), ("i4", "<i4>-5</i4>"), ("boolean", "<boolean>1</boolean>"),
        ("double", "<double>5.5</double>"), ("date", "<dateTime.iso8601>20011003T08:53:38</dateTime.iso8601>"),
        ("no number", "<int>x</int>"), ("a number and more", "<int>5x</int>"), ("empty int", "<int></int>"),
        ("unknown", "<nothing>5</nothing>"), ("structure", "<struct></struct>"), ("blank", "  "),
        ("CDATA", "<string><![CDATA[5]]></string>"), ("comment", "<string>5<!-- x -->6</string>"),
        ("blanks around", " <string>5</string> "), ("base64", "<base64>NQ==</base64>"),
    ):  # fmt: skip
        scene.http(f"prints {name}", call("core.prints", value))
        scene.http(f"printi {name}", call("core.printi", value))


@case('modparam("xmlrpc", "autoconversion", 1)\n' + ROUTE + LISTEN + ROUTES, modules=f"{MODULES} xmlrpc")
def autoconversion(scene: Scene) -> None:
    """Numbers as texts and texts as numbers."""
    for name, value in (
        ("string", "<string>5</string>"), ("no number", "<string>x</string>"), ("int", "<int>5</int>"),
        ("boolean", "<boolean>1</boolean>"), ("double", "<double>5.5</double>"),
        ("date", "<dateTime.iso8601>20011003T08:53:38</dateTime.iso8601>"), ("empty", ""), ("unknown", "<x>5</x>"),
        ("empty string", "<string></string>"), ("padded", "<string> 5 </string>"),
    ):  # fmt: skip
        scene.http(f"prints {name}", call("core.prints", value))
        scene.http(f"printi {name}", call("core.printi", value))
    scene.http("prints bare", call("core.prints", "5"))  # a number from a bare text ends the daemon


@case(ROUTE + LISTEN + QUIET, modules=f"{MODULES} xmlrpc")
def documents(scene: Scene) -> None:
    """What is no call is a fault with status 200."""
    scene.http("no body", post(""))
    scene.http("no XML", post("hello"))
    scene.http("not closed", post("<methodCall><methodName>core.version</methodName>"))
    scene.http("another root", post("<methodResponse/>"))
    scene.http("no name", post("<methodCall><params/></methodCall>"))
    scene.http("empty name", post("<methodCall><methodName></methodName></methodCall>"))
    scene.http("no params", post("<methodCall><methodName>core.version</methodName></methodCall>"))
    scene.http("in lines", post("<methodCall>\n <methodName>core.prints</methodName>\n <params>\n  <param>\n   "
               "<value>\n<string>x</string></value>\n  </param>\n </params>\n</methodCall>\n"))  # fmt: skip
    scene.http("blank name", post("<methodCall><methodName> core.version </methodName></methodCall>"))
    scene.http("params first", post("<methodCall><params/><methodName>core.version</methodName></methodCall>"))
    scene.http("a param without value", post("<methodCall><methodName>core.prints</methodName><params><param/></params>"
               "</methodCall>"))  # fmt: skip
    scene.http("another encoding", post('<?xml version="1.0" encoding="ISO-8859-1"?><methodCall><methodName>core.echo'
               "</methodName><params><param><value>\xe4</value></param></params></methodCall>"))  # fmt: skip
    scene.http("an entity", post('<!DOCTYPE x [<!ENTITY e "e">]><methodCall><methodName>core.echo</methodName><params>'
               "<param><value><string>a&e;</string></value></param></params></methodCall>"))  # fmt: skip


@case(ROUTE + LISTEN + ROUTES, modules=f"{MODULES} xmlrpc")
def requests(scene: Scene) -> None:
    """GET and POST come to the route, whatever the URL; others end the connection."""
    body = "<methodCall><methodName>core.version</methodName></methodCall>"
    scene.http("GET", post(body, method="GET"))
    scene.http("small letters", post(body, method="post"))
    scene.http("PUT", post(body, method="PUT"))
    scene.http("version 1.0", post(body, version="HTTP/1.0", url="/"))
    scene.http("with a Via", post(body, "Via: SIP/2.0/TCP 10.0.0.1:5070;branch=z9hG4bKx\n"))
    scene.http("two in a row", post(body) + post(body))


@case(
    'modparam("xmlrpc", "url_match", "^/(RPC|x)")\nmodparam("xmlrpc", "url_skip", "^/x.*[.]js$")\n'
    + ROUTE + LISTEN + ROUTES,
    modules=f"{MODULES} xmlrpc",
)  # fmt: skip
def url_match_and_url_skip(scene: Scene) -> None:
    """Requests for other URLs are somebody else's."""
    body = "<methodCall><methodName>core.version</methodName></methodCall>"
    for url in ("/RPC2", "/x", "/x.js", "/y"):
        scene.http(url, post(body, url=url))


@case(
    'modparam("xmlrpc", "double_lf_to_crlf", 1)\nmodparam("xmlrpc", "escape_cr", 0)\n' + ROUTE + LISTEN + ROUTES,
    modules=f"{MODULES} xmlrpc",
)
def line_ends(scene: Scene) -> None:
    """double_lf_to_crlf and escape_cr."""
    scene.http("two", call("core.echo", "<string>a&#xA;&#xA;b</string>"))
    scene.http("three", call("core.echo", "<string>a&#xA;&#xA;&#xA;b</string>"))
    scene.http("bare", call("core.echo", "a&#xA;&#xA;b"))


MAIN = """
request_route {
    if ($rm == "POST") {
        dispatch_rpc();
        exit;
    }
    drop;
}
"""


@case(LISTEN + MAIN, modules=f"{MODULES} xmlrpc")
def the_main_route(scene: Scene) -> None:
    """Without parameter route the main route runs."""
    scene.http("POST", call("core.printi", "<int>7</int>"))


REPLIES = """
request_route { drop; }
route[RPC] {
    switch ($hdr(X-What)) {
    case "good": xmlrpc_reply("200", "Fine"); break;
    case "close": set_reply_close(); dispatch_rpc(); break;
    case "twice": dispatch_rpc(); dispatch_rpc(); xlog("rc $rc\\n"); break;
    case "nothing": break;
    case "error": dispatch_rpc(); return -1;
    }
}
"""


@case(ROUTE + LISTEN + REPLIES, modules=f"{MODULES} xmlrpc")
def what_the_route_does(scene: Scene) -> None:
    """xmlrpc_reply, closing, two answers, none, an error."""
    body = "<methodCall><methodName>core.echo</methodName></methodCall>"
    for what in ("good", "close", "twice", "nothing", "error"):
        scene.http(what, post(body, f"X-What: {what}\n"))


@case(
    ROUTE + LISTEN + REPLIES.replace('"200", "Fine"', '"400", "Not <you>"'),
    modules=f"{MODULES} xmlrpc",
    differs={"http: fault": "the daemon forgets the code, and a refused caller reads success"},
)
def xmlrpc_reply_with_a_fault(scene: Scene) -> None:
    """A code from 300 is a fault by the manual."""
    scene.http("fault", post("", "X-What: good\n"))


XHTTP = """
request_route { drop; }
event_route[xhttp:request] {
    if ($hu == "/RPC2") {
        dispatch_rpc();
        exit;
    }
    xhttp_reply("404", "Not here", "", "");
}
"""


@case(
    'modparam("xmlrpc", "mode", 1)\n' + LISTEN + XHTTP,
    modules=f"{MODULES} xhttp xmlrpc",
)
def in_the_route_of_xhttp(scene: Scene) -> None:
    """With mode 1 the module waits to be called."""
    scene.http("call", call("core.printi", "<int>7</int>"))
    scene.http("other", post("", url="/x"))


@case(ROUTE.replace("RPC", "NONE") + LISTEN + ROUTES, modules=f"{MODULES} xmlrpc")
def a_route_that_is_not_there(scene: Scene) -> None:
    """It answers nothing."""
    scene.http("call", call("core.printi", "<int>7</int>"))


@case(
    ROUTE + LISTEN + QUIET,
    modules=f"{MODULES} corex usrloc xmlrpc",
)
def structures(scene: Scene) -> None:
    """Structures in structures, lists in structures, lists of members."""
    for method in (
        "core.sockets_list", "core.aliases_list", "corex.list_sockets", "corex.list_aliases",
         "core.tcp_options", "ul.dump", "system.methodSignature", "cfg.diff", "core.ppdefines",
    ):  # fmt: skip
        scene.http(method, call(method))
    scene.http("cfg.help", call("cfg.help", "<string>core</string>", "<string>debug</string>"))
    scene.http("no contact", call("ul.lookup", "<string>location</string>", "<string>nobody</string>"))
    scene.http("add", call("ul.add", *(f"<string>{x}</string>" for x in ("location", "bob", "sip:bob@10.0.0.1")),
               "<int>0</int>", "<double>0.5</double>", "<string>0</string>", "<int>0</int>", "<int>0</int>",
               "<int>0</int>"))  # fmt: skip
    scene.http("contact", call("ul.lookup", "<string>location</string>", "<string>bob</string>"))
    scene.http("dump", call("ul.dump"))
