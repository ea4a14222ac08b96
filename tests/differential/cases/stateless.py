"""Replies and forwards without a transaction: sl, forward(), Via, received and rport, Max-Forwards, sanity."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import KAMAILIO, Scene, build, case

BOB = "sip:bob@127.0.0.12:21200"


@case('request_route { sl_send_reply("404", "Nobody Here"); }', modules="sl")
def a_stateless_reply_copies_via_from_to_call_id_cseq(scene: Scene) -> None:
    """...and adds a to-tag, Server and Content-Length."""
    scene.alice.request("INVITE")
    scene.alice.expect(404)


@case(
    'request_route { if (!sl_send_reply("200", "OK")) xlog("not sent\\n"); xlog("rc $rc\\n"); }', modules="sl pv xlog"
)
def the_to_tag_of_a_request_is_kept(scene: Scene) -> None:
    """A request inside a dialog is answered with its own to-tag; ACK is never answered."""
    scene.alice.request("BYE", to_tag="known")
    scene.alice.expect(200)
    scene.alice.request("ACK", cseq=2)
    scene.settle()


@case('request_route { send_reply("200", "OK"); exit; }', modules="sl")
def the_to_tag_depends_on_the_request_alone(scene: Scene) -> None:
    """The same request gets the same tag again; another Via another tag."""
    scene.alice.request("OPTIONS", branch="z9hG4bK-same")
    scene.alice.expect(200)
    scene.alice.request("OPTIONS", branch="z9hG4bK-same")
    scene.alice.expect(200)
    scene.alice.request("OPTIONS", branch="z9hG4bK-other")
    scene.alice.expect(200)


@case(
    """
server_signature=yes
server_header="Server: My Server"
request_route {
    append_to_reply("X-One: 1\\r\\n");
    append_to_reply("X-User: $rU\\r\\n");
    switch ($rU) {
        case "code": $var(c) = 487; sl_send_reply("$var(c)", "Reason $rU"); exit;
        case "int": sl_send_reply(480, "Number"); exit;
        case "empty": sl_send_reply("480", ""); exit;
        case "odd": sl_send_reply("799", "Out of range"); exit;
        case "high": sl_send_reply("99", "Too low"); exit;
        case "prov": sl_send_reply("180", "Ringing"); exit;
        case "redirect": append_branch("sip:other@example.com"); $ru = "sip:new@example.com"; sl_send_reply("302", "Moved"); exit;
        case "error": sl_reply_error(); exit;
    }
}
""",
    modules="sl pv xlog textops corex",
)
def reply_codes_reasons_and_headers(scene: Scene) -> None:
    """Codes as numbers, strings, variables; a redirect lists the destination set; headers were appended before."""
    for number, user in enumerate(["code", "int", "empty", "odd", "high", "prov", "redirect", "error"], 1):
        scene.alice.request("OPTIONS", f"sip:{user}@example.com", cseq=number)
        scene.settle()


@case('server_signature=no\nrequest_route { sl_send_reply("200", "OK"); }', modules="sl")
def without_server_signature(scene: Scene) -> None:
    """No Server header."""
    scene.alice.request("OPTIONS")
    scene.alice.expect(200)


@case(
    'request_route { set_reply_body("v=0\\r\\n", "application/sdp"); sl_send_reply("200", "OK"); }',
    modules="sl textops",
)
def a_reply_with_a_body(scene: Scene) -> None:
    """Content-Type and the right Content-Length."""
    scene.alice.request("INVITE")
    scene.alice.expect(200)


@case('request_route { sl_send_reply("200", "OK"); }', modules="sl")
def several_vias_and_record_routes_in_a_reply(scene: Scene) -> None:
    """All Via headers are copied in order, compact and folded ones as they came; Record-Route in a 2xx."""
    scene.alice.send(
        build(
            "INVITE sip:bob@example.com SIP/2.0",
            """v: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-a;rport
Via: SIP/2.0/TCP far.example.com;branch=z9hG4bK-b,
 SIP/2.0/UDP  farther.example.com:5070 ;branch=z9hG4bK-c
f: "A" <sip:a@example.com>
 ;tag=folded
t: <sip:bob@example.com>
i: call-1
Record-Route: <sip:p1.example.com;lr>
Record-Route: <sip:p2.example.com;lr>, <sip:p3.example.com;lr>
CSeq:   7   INVITE
Timestamp: 54
l: 0""",
        )
    )
    scene.alice.expect(200)


@case("request_route { forward(); }")
def received_and_rport_are_added_where_they_differ(scene: Scene) -> None:
    """received when the Via's host is not the source, rport when asked for."""
    for number, via in enumerate(
        (
            "SIP/2.0/UDP 127.0.0.11:21200",
            "SIP/2.0/UDP 127.0.0.11:21200;rport",
            "SIP/2.0/UDP 10.0.0.1:5060",
            "SIP/2.0/UDP 10.0.0.1:5060;rport",
            "SIP/2.0/UDP alice.invalid",
            "SIP/2.0/UDP 127.0.0.11:5999;rport=1234",
            "SIP/2.0/UDP 127.0.0.11:5999;received=1.2.3.4;rport",
        ),
        1,
    ):
        scene.alice.request("OPTIONS", BOB, via=via, cseq=number)
        scene.bob.expect("OPTIONS")


@case('request_route { sl_send_reply("200", "OK"); }', modules="sl")
def replies_go_where_via_says(scene: Scene) -> None:
    """To the sent-by port at the source address; to the source port when rport asks for it."""
    other = scene.party("alice-5070", ("127.0.0.11", 21201))
    scene.alice.request("OPTIONS", via="SIP/2.0/UDP 127.0.0.11:21201")
    other.expect(200)
    scene.alice.request("OPTIONS", via="SIP/2.0/UDP 127.0.0.11:21201;rport", cseq=2)
    scene.alice.expect(200)
    scene.alice.request("OPTIONS", via="SIP/2.0/UDP 10.9.9.9:21201", cseq=3)
    other.expect(200)


@case("request_route { force_rport(); add_local_rport(); forward(); }")
def force_rport_and_add_local_rport(scene: Scene) -> None:
    """force_rport treats the request as if it had asked; add_local_rport asks in the proxy's own Via."""
    scene.alice.request("OPTIONS", BOB, via="SIP/2.0/UDP 10.9.9.9:5060")
    got = scene.bob.expect("OPTIONS")
    got.answer(200, "OK")
    scene.alice.expect(200)


@case(
    """
request_route {
    switch ($rU) {
        case "uri": forward(); exit;
        case "host": forward(127.0.0.12, 21200); exit;
        case "quoted": forward("127.0.0.12", 21200); exit;
        case "dst": $du = "sip:127.0.0.12:21200"; forward(); exit;
        case "urihost": $du = $null; forward(uri:host, uri:port); exit;
    }
}
""",
    modules="pv",
)
def forward_to_a_uri_a_host_or_the_destination_uri(scene: Scene) -> None:
    """The request URI is left alone where the destination is given otherwise."""
    for number, uri in enumerate(
        (
            "sip:uri@127.0.0.12:21200",
            "sip:host@example.com",
            "sip:quoted@example.com",
            "sip:dst@example.com",
            "sip:urihost@127.0.0.12:21200",
        ),
        1,
    ):
        scene.alice.request("OPTIONS", uri, cseq=number)
        scene.bob.expect("OPTIONS")


@case("request_route { forward(); }")
def a_stateless_proxy_forwards_retransmissions_alike(scene: Scene) -> None:
    """The same branch for the same transaction; ACK and CANCEL of it too."""
    invite = scene.alice.request("INVITE", BOB)
    scene.alice.send(invite)
    scene.bob.expect("INVITE")
    scene.bob.expect("INVITE").answer(486, "Busy Here")
    busy = scene.alice.expect(486)
    scene.alice.ack(invite, busy)
    scene.bob.expect("ACK")
    scene.alice.cancel(invite)
    scene.bob.expect("CANCEL")
    scene.alice.request("INVITE", BOB, cseq=2)
    scene.bob.expect("INVITE")


@case(
    """
request_route {
    mf_process_maxfwd_header("10"); $var(r) = $rc;
    xlog("$rm $hdr(Max-Forwards) rc $var(r)\\n");
    if ($var(r) < 0) { sl_send_reply("483", "Too Many Hops"); exit; }
    forward();
}
""",
    modules="sl pv xlog maxfwd",
)
def max_forwards(scene: Scene) -> None:
    """Lowered, capped at max_limit, added when missing, refused at 0."""
    for number, value in enumerate((70, 1, 0, None, 300, 10), 1):
        scene.alice.request("OPTIONS", BOB, max_forwards=value, cseq=number)
        scene.settle()
        scene.bob.drain()
    scene.alice.request("OPTIONS", BOB, max_forwards=None, headers="Max-Forwards: abc", cseq=9)
    scene.settle()


@case(
    """
request_route {
    mf_process_maxfwd_header("10"); xlog("first $rc\\n");
    is_maxfwd_lt("5"); xlog("lt 5 $rc\\n");
    is_maxfwd_lt("50"); xlog("lt 50 $rc\\n");
}
""",
    modules="pv xlog maxfwd",
)
def is_maxfwd_lt(scene: Scene) -> None:
    """Compares the received value."""
    for number, value in enumerate((70, 20, 3, 0, None), 1):
        scene.alice.request("OPTIONS", BOB, max_forwards=value, cseq=number)
    scene.settle()


SANE = """
request_route {
    if (!sanity_check("%s", "%s")) { xlog("$ci insane rc $rc\\n"); exit; }
    xlog("$ci sane\\n");
    sl_send_reply("200", "OK");
}
"""


def _odd_requests(scene: Scene) -> None:
    def send(name: str, start: str, headers: str, body: str = "") -> None:
        defaults = {
            "Via": f"SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-{name}",
            "From": "<sip:a@example.com>;tag=1",
            "To": "<sip:b@example.com>",
            "Call-ID": name,
            "CSeq": "1 OPTIONS",
            "Max-Forwards": "70",
        }
        for line in headers.split("\n"):
            field, _, value = line.partition(": ")
            if value == "-":
                defaults.pop(field)
            elif line:
                defaults[field] = value
        scene.alice.send(build(start, "\n".join(f"{n}: {v}" for n, v in defaults.items()), body))
        scene.label(name)

    send("plain", "OPTIONS sip:b@example.com SIP/2.0", "")
    send("bad-uri", "OPTIONS nonsense SIP/2.0", "")
    send("version", "OPTIONS sip:b@example.com SIP/3.0", "")
    send("scheme", "OPTIONS http://b@example.com SIP/2.0", "")
    send("cseq-method", "OPTIONS sip:b@example.com SIP/2.0", "CSeq: 1 INVITE")
    send("cseq-value", "OPTIONS sip:b@example.com SIP/2.0", "CSeq: 99999999999 OPTIONS")
    send("no-from", "OPTIONS sip:b@example.com SIP/2.0", "From: -")
    send("no-cseq", "OPTIONS sip:b@example.com SIP/2.0", "CSeq: -")
    send("no-to", "OPTIONS sip:b@example.com SIP/2.0", "To: -")
    send("no-maxfwd", "OPTIONS sip:b@example.com SIP/2.0", "Max-Forwards: -")
    send("length-long", "OPTIONS sip:b@example.com SIP/2.0", "Content-Length: 50", "short")
    send("length-short", "OPTIONS sip:b@example.com SIP/2.0", "Content-Length: 2", "short")
    send("expires", "OPTIONS sip:b@example.com SIP/2.0", "Expires: soon")
    send("require", "OPTIONS sip:b@example.com SIP/2.0", "Proxy-Require: unknown-thing")
    send("from-uri", "OPTIONS sip:b@example.com SIP/2.0", "From: <nonsense>;tag=1")
    send("to-uri", "OPTIONS sip:b@example.com SIP/2.0", "To: <nonsense>")
    send("contact-uri", "OPTIONS sip:b@example.com SIP/2.0", "Contact: <nonsense>")
    send("via-version", "OPTIONS sip:b@example.com SIP/2.0", "Via: SIP/3.0/UDP 127.0.0.11:21200;branch=z9hG4bK-x")
    send("from-dup-tag", "OPTIONS sip:b@example.com SIP/2.0", "From: <sip:a@example.com>;tag=1;tag=2")
    send("digest", "OPTIONS sip:b@example.com SIP/2.0", 'Authorization: Digest username="a"')


@case(SANE % ("1511", "7"), modules="tm sl pv xlog sanity")
def sanity_with_the_stock_checks(scene: Scene) -> None:
    """What `sanity_check("1511", "7")` of the stock config says to odd requests, and the replies it sends."""
    _odd_requests(scene)


@case(SANE % ("8191", "31"), modules="tm sl pv xlog sanity")
def sanity_with_every_check(scene: Scene) -> None:
    """All checks of 5.6."""
    _odd_requests(scene)


@case(
    'request_route { xlog("$ci $rm $ru $cs $fu $tu $hdr(Via)\\n"); sl_send_reply("200", "OK"); }', modules="sl pv xlog"
)
def odd_requests_without_sanity(scene: Scene) -> None:
    """What the core alone accepts, and what it answers."""
    _odd_requests(scene)


@case('request_route { xlog("request $rm\\n"); }\nreply_route { xlog("reply $rs\\n"); }', modules="pv xlog")
def what_is_not_sip_is_dropped(scene: Scene) -> None:
    """Garbage, keep-alives, a reply whose top Via is not ours."""
    scene.alice.send(b"\r\n\r\n")
    scene.alice.send(b"\0\0\0\0")
    scene.alice.send(b"hello\r\n\r\n")
    scene.alice.send(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
    scene.alice.send(build("SIP/2.0 200 OK", "Via: SIP/2.0/UDP 127.0.0.12:21200;branch=z9hG4bK-x\nCSeq: 1 OPTIONS"))
    ours = f"Via: SIP/2.0/UDP {KAMAILIO[0]}:{KAMAILIO[1]};branch=z9hG4bK-x"
    scene.alice.send(
        build("SIP/2.0 200 OK", ours + "\nVia: SIP/2.0/UDP 127.0.0.12:21200;branch=z9hG4bK-y\nCSeq: 1 OPTIONS")
    )
    scene.alice.send(build("SIP/2.0 200 OK", ours + "\nCSeq: 1 OPTIONS"))
    scene.settle()
    scene.bob.drain()


@case(
    """
alias="proxy.example.com"
alias=udp:other.example.com:5066
request_route {
    if (uri == myself) xlog("$ru uri is myself\\n");
    if (is_myself("$ru")) xlog("$ru is_myself\\n");
    if (is_myself("$rd")) xlog("$rd domain is_myself\\n");
}
""",
    modules="pv xlog kex",
)
def myself_is_the_sockets_and_the_aliases(scene: Scene) -> None:
    """Host and port both count; an alias without port fits any."""
    for number, uri in enumerate(
        (
            "sip:127.0.0.1:21200",
            "sip:127.0.0.1",
            "sip:x@127.0.0.1:5060",
            "sip:proxy.example.com",
            "sip:proxy.example.com:21200",
            "sip:PROXY.example.com:9",
            "sip:other.example.com",
            "sip:other.example.com:5066",
            "sip:other.example.com:5066;transport=tcp",
            "sip:sub.proxy.example.com",
            "tel:+49123",
        ),
        1,
    ):
        scene.alice.request("OPTIONS", uri, cseq=number)
    scene.settle()
