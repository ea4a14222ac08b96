r"""HTTP beside SIP on one TCP port: JSON-RPC, pages of xhttp_rpc, WebSocket handshakes, XML-RPC, as configs combine them."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, case
from .xhttp import LISTEN, get, post

MODULES = (
    "tm sl rr pv xlog textops kex usrloc registrar nathelper htable jsonrpcs xhttp xhttp_rpc websocket xmlrpc corex"
)
CONFIG = (
    LISTEN
    + r"""
tcp_accept_no_cl=yes
modparam("jsonrpcs", "pretty_format", 1)
modparam("jsonrpcs", "transport", 1)
modparam("nathelper|registrar", "received_avp", "$avp(received)")
modparam("htable", "htable", "a=>size=4;")
modparam("xhttp_rpc", "xhttp_rpc_root", "rpc")
modparam("xmlrpc", "route", "XMLRPC")
modparam("xmlrpc", "url_match", "^/xmlrpc")
modparam("xhttp", "url_skip", "^/xmlrpc")
modparam("websocket", "sub_protocols", 1)
request_route {
    xlog("SIP $rm $proto $Rp $hdr(Upgrade)\n");
    if ($rm == "REGISTER") { if (nat_uac_test("64")) xlog("websocket\n"); fix_nated_register(); add_contact_alias(); save("location"); exit; }
    sl_send_reply("200", "OK");
}
route[XMLRPC] { xlog("XMLRPC $rm\n"); dispatch_rpc(); }
event_route[xhttp:request] {
    set_reply_close();
    set_reply_no_connect();
    xlog("$rm $hu $proto:$si $Rp <$hdr(Host)> <$hdr(Upgrade)> body <$rb>\n");
    if ($hdr(Upgrade) =~ "websocket" && $hdr(Connection) =~ "Upgrade" && $rm =~ "GET") {
        if ($hdr(Host) == $null || !is_myself("sip:" + $hdr(Host))) { xhttp_reply("403", "Forbidden", "", ""); exit; }
        if ($hdr(Origin) != $null && $hdr(Origin) != "http://good.example.com") { xhttp_reply("403", "Origin", "text/plain", "$hdr(Origin)"); exit; }
        if (ws_handle_handshake()) { xlog("handshake\n"); exit; }
        xlog("handshake failed $rc\n");
        exit;
    }
    if ($hu =~ "^/RPC") { jsonrpc_dispatch(); xlog("dispatch $rc\n"); exit; }
    if ($hu =~ "^/rpc") { dispatch_xhttp_rpc(); xlog("pages $rc\n"); exit; }
    if ($hu =~ "^/exec") {
        jsonrpc_exec('{"jsonrpc": "2.0", "method": "$(hu{url.querystring})", "id": 7}');
        xhttp_reply("$jsonrpl(code)", "$(jsonrpl(text){s.len})", "application/json", "$jsonrpl(body)"); exit;
    }
    if ($hu =~ "^/set") { $sht(a=>$(hu{s.substr,5,0})) = $rb; xhttp_reply("201", "Set", "text/html", "<html>$sht(a=>x)</html>"); exit; }
    if ($hu == "/null") { xhttp_reply("200", "$avp(none)", "$avp(none)", "$avp(none)"); xlog("null $rc\n"); exit; }
    if ($hu == "/empty") { $var(e) = ""; xhttp_reply("200", "OK", "$var(e)", "$var(e)"); xlog("empty $rc\n"); exit; }
    if ($hu == "/none") { exit; }
    if ($hu == "/sl") { sl_send_reply("200", "By sl"); xlog("sl $rc\n"); exit; }
    if ($hu == "/headers") { append_to_reply("X-Ours: $hdr(X-Their)\r\nCache-Control: no-store\r\n"); xhttp_reply("302", "Found", "", ""); exit; }
    if ($hu == "/long") { xhttp_reply("2000000000", "Long", "text/plain", "x"); xlog("long $rc\n"); xhttp_reply("$ua", "Text", "text/plain", "x"); xlog("text $rc\n"); xhttp_reply("$rb", "", "text/plain", "x"); xlog("body $rc\n"); exit; }
    xhttp_reply("404", "Not Found", "text/html", "<html><body>$hu</body></html>");
}
event_route[websocket:closed] { xlog("closed $si\n"); }
"""
)


@case(CONFIG, modules=MODULES)
def one_port_for_all(scene: Scene) -> None:
    """Each kind of request at its path, good and bad."""
    for label, text in {
        "json": post("/RPC", '{"jsonrpc":"2.0","method":"core.echo","params":["a",1,"s:2"],"id":1}'),
        "json string id": post("/RPC", '{"jsonrpc":"2.0","method":"core.echo","params":["\\u00e9\\n\\"q"],"id":"x"}'),
        "json no id": post("/RPC", '{"jsonrpc":"2.0","method":"core.echo","params":["a"]}'),
        "json null id": post("/RPC", '{"jsonrpc":"2.0","method":"core.echo","params":["a"],"id":null}'),
        "json object": post("/RPC", '{"jsonrpc":"2.0","method":"htable.get","params":{"table":"a","key":"x"},"id":1}'),
        "json unknown": post("/RPC", '{"jsonrpc":"2.0","method":"no.such","id":1}'),
        "json batch": post("/RPC", '[{"jsonrpc":"2.0","method":"core.echo","id":1}]'),
        "json bad": post("/RPC", '{"jsonrpc":"2.0","method":'),
        "json version": post("/RPC", '{"jsonrpc":"1.0","method":"core.echo","id":1}'),
        "json empty": post("/RPC", ""),
        "json get": get("/RPC"),
        "json float": post(
            "/RPC", '{"jsonrpc":"2.0","method":"core.echo","params":[1.5,true,null,[1],{"a":1},99999999999],"id":1.5}'
        ),
        "json missing": post("/RPC", '{"jsonrpc":"2.0","method":"htable.get","params":["a"],"id":1}'),
        "json no table": post("/RPC", '{"jsonrpc":"2.0","method":"htable.dump","params":["none"],"id":1}'),
        "json array first": post("/RPC", '{"jsonrpc":"2.0","method":"core.echo","params":[[1],"a"],"id":1}'),
        "json object for a text": post("/RPC", '{"jsonrpc":"2.0","method":"htable.get","params":[{"a":1},"a"],"id":1}'),
        "json object for a number": post(
            "/RPC", '{"jsonrpc":"2.0","method":"htable.seti","params":["a","n",[7]],"id":1}'
        ),
        "json text for a number": post(
            "/RPC", '{"jsonrpc":"2.0","method":"htable.seti","params":["a","m","7"],"id":1}'
        ),
        "json null for a text": post("/RPC", '{"jsonrpc":"2.0","method":"htable.sets","params":["a","o",null],"id":1}'),
        "json array for any": post("/RPC", '{"jsonrpc":"2.0","method":"core.prints","params":["a",["b"]],"id":1}'),
        "exec": get("/exec?core.version"),
        "exec unknown": get("/exec?none"),
        "set": post("/set/x", "value"),
        "get set": post("/RPC", '{"jsonrpc":"2.0","method":"htable.get","params":["a","x"],"id":1}'),
        "null": get("/null"),
        "empty": get("/empty"),
        "none": get("/none"),
        "sl": get("/sl"),
        "headers": get("/headers", "X-Their: yes\n"),
        "long": post("/long", "200"),
        "unknown": get("/x?a=b&c=%20"),
        "head": get("/x", method="HEAD"),
        "options": get("*", method="OPTIONS"),
        "delete": get("/x", method="DELETE"),
        "xmlrpc": post(
            "/xmlrpc",
            '<?xml version="1.0"?><methodCall><methodName>core.echo</methodName><params><param><value>a</value></param></params></methodCall>',
        ),
        "xmlrpc bad": post("/xmlrpc", "<methodCall/>"),
        "rpc at another path": post(
            "/x", '<?xml version="1.0"?><methodCall><methodName>core.echo</methodName></methodCall>'
        ),
    }.items():
        scene.http(label, text.replace("core.version", "core.echo"))
    scene.rpc("htable.dump", "a")


UPGRADE = "Upgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Protocol: sip\nSec-WebSocket-Version: 13\n"


@case(CONFIG, modules=MODULES)
def handshakes(scene: Scene) -> None:
    """WebSocket handshakes that are refused."""
    host = "Host: 127.0.0.1:21200\n"
    ask = f"GET /ws HTTP/1.1\n{host}{UPGRADE}\n"
    for label, text in {
        "bad origin": ask.replace(host, host + "Origin: http://bad.example.com\n"),
        "no protocol": ask.replace("Sec-WebSocket-Protocol: sip\n", ""),
        "other protocol": ask.replace("Protocol: sip", "Protocol: chat"),
        "msrp": ask.replace("Protocol: sip", "Protocol: msrp"),
        "no key": ask.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n", ""),
        "version 8": ask.replace("Version: 13", "Version: 8"),
        "no version": ask.replace("Sec-WebSocket-Version: 13\n", ""),
        "text version": ask.replace("Version: 13", "Version: x"),
        "no host": ask.replace(host, ""),
        "foreign host": ask.replace("127.0.0.1:21200", "example.org"),
        "post": ask.replace("GET", "POST"),
    }.items():
        scene.http(label, text)
