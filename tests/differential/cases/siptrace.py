"""siptrace: copies in HEP, as SIP and in a table; of one message, a transaction, a dialog, of everything."""

from __future__ import annotations

from ..case import Got, Party, Scene, battery, build, case, verdicts

HEP = """
modparam("siptrace", "trace_to_database", 0)
modparam("siptrace", "trace_on", 1)
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", 3)
modparam("siptrace", "duplicate_uri", "sip:127.0.0.20:21200")
"""
DATABASE = """
modparam("siptrace", "db_url", "sqlite:///DATABASE")
modparam("siptrace", "trace_on", 1)
"""
TO_BOB = '$du = "sip:127.0.0.12:21200"; t_relay();'
COLUMNS = ("method", "status", "fromip", "toip", "direction", "fromtag", "totag", "callid", "traced_user")


def hep(scene: Scene) -> Party:
    """The collector."""
    return scene.party("hep", ("127.0.0.20", 21200))


def texts(scene: Scene) -> None:
    """What messages the table has."""
    scene.execute("CREATE VIEW texts AS SELECT id, CAST(msg AS TEXT) AS msg FROM sip_trace")
    scene.rows("texts", "msg")


def call(scene: Scene, *, code: int = 200) -> tuple[str, Got, Got]:
    """An INVITE to bob up to its final reply."""
    invite = scene.alice.request("INVITE", headers="Record-Route: <sip:127.0.0.1:21200;lr>")
    request = scene.bob.expect("INVITE")
    request.answer(180, "Ringing", f"Contact: <{scene.bob.contact}>")
    request.answer(code, "Over", f"Contact: <{scene.bob.contact}>")
    while True:
        data = scene.world.receive(scene.alice.address, 4)
        assert data is not None
        reply = Got(scene.alice, data.decode("latin-1"))
        scene.history.append((False, reply.text))
        if f" {code} " in reply.start:
            return invite, request, reply


@case(
    HEP
    + """
modparam("siptrace", "auth_key", "secret")
modparam("siptrace", "hep_capture_id", 70000)
request_route {
    sip_trace(); xlog("none $rc\\n");
    sip_trace("sip:127.0.0.21:21200"); xlog("uri $rc\\n");
    sip_trace("sip:127.0.0.20:21200", "$ci-x"); xlog("id $rc\\n");
    sip_trace("$var(null)", "$var(null)"); xlog("null $rc\\n");
    sip_trace("", "", "m"); xlog("empty $rc\\n");
    sip_trace("sip:127.0.0.20:21200", "one", " M "); xlog("m $rc\\n");
    sip_trace("nonsense"); xlog("bad uri $rc\\n");
    sip_trace("sip:no.such.host.invalid:5060"); xlog("no host $rc\\n");
    sip_trace_mode("m"); xlog("mode m $rc\\n");
    sip_trace_mode("x"); xlog("mode x $rc\\n");
    sip_trace_mode("message"); xlog("mode message $rc\\n");
    sip_trace_mode("$var(null)"); xlog("mode null $rc\\n");
    sip_trace_mode("t"); xlog("mode t $rc\\n");
    sip_trace_mode("d"); xlog("mode d $rc\\n");
    exit;
}
""",
    modules="pv xlog tm siptrace",
)
def hep_of_one_message(scene: Scene) -> None:
    """HEP 3 with all ways to call sip_trace() and sip_trace_mode()."""
    hep(scene)
    scene.party("other", ("127.0.0.21", 21200))
    scene.alice.request("OPTIONS", headers="X-Bytes: \xe9\x80")


@case(
    HEP + 'request_route { sip_trace("sip:127.0.0.20:21200", "mine", "t"); ' + TO_BOB + " }",
    modules="pv xlog tm siptrace",
)
def hep_of_a_transaction(scene: Scene) -> None:
    """What comes, what goes on, the replies in and out, the ACK to a negative reply."""
    hep(scene)
    invite, _, reply = call(scene, code=486)
    scene.bob.expect("ACK")
    scene.alice.ack(invite, reply)


@case(
    HEP + 'request_route { sip_trace("sip:127.0.0.20:21200", "mine", "t"); ' + TO_BOB + " }",
    modules="pv xlog tm siptrace",
)
def hep_of_an_accepted_call(scene: Scene) -> None:
    """Each request is a transaction of its own; the ACK to a 2xx is none."""
    hep(scene)
    call(scene)
    scene.alice.request("ACK", to_tag="bob")
    scene.bob.expect("ACK")
    scene.alice.request("BYE", to_tag="bob", cseq=2)
    scene.bob.expect("BYE").answer(200, "OK")
    scene.alice.expect(200)


@case(
    HEP + 'request_route { sip_trace("sip:127.0.0.20:21200", "mine", "t"); ' + TO_BOB + " }",
    modules="pv xlog tm siptrace",
)
def hep_of_a_cancelled_call(scene: Scene) -> None:
    """CANCEL in and out, and the replies to them."""
    hep(scene)
    invite = scene.alice.request("INVITE")
    request = scene.bob.expect("INVITE")
    request.answer(180, "Ringing")
    scene.alice.expect(100)
    scene.alice.expect(180)
    scene.alice.cancel(invite)
    scene.alice.expect(200)
    scene.bob.expect("CANCEL").answer(200, "OK")
    request.answer(487, "Terminated")
    scene.bob.expect("ACK")
    reply = scene.alice.expect(487)
    scene.alice.ack(invite, reply)


@case(
    HEP
    + """
request_route {
    if ($rU == "first") t_newtran();
    sip_trace("", "", "t");
    if ($rU == "local") { t_newtran(); t_reply("404", "Nobody"); exit; }
    if ($rU == "sl") { sl_send_reply("403", "No"); exit; }
    t_on_branch("edit"); t_on_failure("again");
    $du = "sip:127.0.0.12:21200"; t_relay();
}
branch_route[edit] { append_hf("X-Branch: 1\\r\\n"); }
failure_route[again] { $du = "sip:127.0.0.13:21200"; t_relay(); }
""",
    modules="pv xlog textops sl tm siptrace",
)
def hep_of_replies_made_here(scene: Scene) -> None:
    """t_reply(), sl_send_reply(), the ACKs to both, a second branch, and a transaction made before."""
    hep(scene)
    for user in ("local", "sl", "first", "fork"):
        invite = scene.alice.request("INVITE", f"sip:{user}@example.com", call_id=user)
        if user in ("local", "sl"):
            reply = scene.alice.expect(404 if user == "local" else 403)
        else:
            scene.alice.expect(100)
            scene.bob.expect("INVITE").answer(500, "Broken")
            scene.bob.expect("ACK")
            scene.carol.expect("INVITE").answer(603, "Decline")
            scene.carol.expect("ACK")
            reply = scene.alice.expect(603)
        scene.alice.ack(invite, reply)
        scene.label(user)


@case(
    HEP
    + 'modparam("dialog", "dlg_flag", 4)\nmodparam("rr", "append_fromtag", 1)\n'
    + """
request_route {
    if (has_totag()) { loose_route(); if (is_method("ACK")) { t_relay(); exit; } t_relay(); exit; }
    sip_trace("sip:127.0.0.20:21200", "$ci", "d"); xlog("$rm $rc\\n");
    record_route(); dlg_manage(); $du = "sip:127.0.0.12:21200"; t_relay();
}
""",
    modules="pv xlog textops siputils sl tm rr dialog siptrace",
)
def hep_of_a_dialog(scene: Scene) -> None:
    """The whole call, BYE included; what cannot start a dialog."""
    hep(scene)
    _, _, reply = call(scene)
    route = f"Route: {reply.header('Record-Route')}"
    scene.alice.request("ACK", scene.bob.contact, to_tag="bob", headers=route)
    scene.bob.expect("ACK")
    scene.alice.request("INFO", scene.bob.contact, to_tag="bob", cseq=2, headers=route)
    scene.bob.expect("INFO").answer(200, "OK")
    scene.alice.expect(200)
    scene.alice.request("BYE", scene.bob.contact, to_tag="bob", cseq=3, headers=route)
    scene.bob.expect("BYE").answer(200, "OK")
    scene.alice.expect(200)
    scene.label("call")
    scene.alice.request("OPTIONS", call_id="call-2")
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.alice.expect(200)


for version in (1, 2):

    @case(
        HEP.replace('"hep_version", 3', f'"hep_version", {version}')
        + 'modparam("siptrace", "hep_capture_id", 513)\n'
        + 'request_route { sip_trace(); xlog("$rc\\n"); sip_trace("sip:127.0.0.21:21200", "id"); '
        + 'hlog("a line"); xlog("$rc\\n"); exit; }',
        modules="pv xlog tm siptrace",
    )
    def _older(scene: Scene) -> None:
        hep(scene)
        scene.party("other", ("127.0.0.21", 21200))
        scene.alice.request("OPTIONS")

    object.__setattr__(_older, "name", f"hep_version_{version}")


@case(
    HEP
    + """
modparam("siptrace", "auth_key", "secret")
request_route {
    hlog("a line of $ci"); xlog("$rc\\n");
    hlog("an id", "a line\\nand one more"); xlog("$rc\\n");
    hlog("", ""); xlog("$rc\\n");
    exit;
}
""",
    modules="pv xlog siptrace",
)
def hlog(scene: Scene) -> None:
    """Lines of the log by HEP."""
    hep(scene)
    scene.alice.request("OPTIONS")


@case(
    HEP.replace('"hep_mode_on", 1', '"hep_mode_on", 0').replace('"hep_version", 3', '"xheaders_write", 1')
    + 'request_route { sip_trace("", "", "t"); '
    + TO_BOB
    + " }",
    modules="pv xlog tm siptrace",
)
def copies_with_headers(scene: Scene) -> None:
    """As SIP, with what the receiver cannot know in headers."""
    hep(scene)
    scene.alice.request("OPTIONS", body="text\r\n\r\nmore")
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.alice.expect(200)


@case(
    HEP.replace('"hep_mode_on", 1', '"hep_mode_on", 0').replace(
        '"hep_version", 3', '"trace_local_ip", "udp:10.0.0.1:7"'
    )
    + 'modparam("siptrace", "force_send_sock", "sip:127.0.0.2:21200")\nmodparam("siptrace", "trace_flag", 8)\n'
    + "listen=udp:127.0.0.1:21200\nlisten=udp:127.0.0.2:21200\ndisable_tcp=yes\n"
    + 'request_route { if ($rU == "flagged") setflag(8); sip_trace(); xlog("$rU $rc\\n"); '
    + TO_BOB
    + " }",
    modules="pv xlog tm siptrace",
)
def copies_of_flagged_messages(scene: Scene) -> None:
    """trace_flag makes a transaction of what is a message otherwise."""
    hep(scene)
    for user in ("bob", "flagged"):
        scene.alice.request("OPTIONS", f"sip:{user}@example.com")
        scene.bob.expect("OPTIONS").answer(200, "OK")
        scene.alice.expect(200)
        scene.label(user)


@case(
    DATABASE
    + """
modparam("siptrace", "traced_user_avp", "$avp(s:user)")
modparam("siptrace", "trace_flag", 3)
request_route {
    if ($rU != "none") { $avp(s:user) = "bob"; $avp(s:user) = "alice"; }
    if ($rU != "plain") setflag(3);
    sip_trace(); xlog("$rU $rc\\n"); t_on_reply("r");
    $du = "sip:127.0.0.12:21200"; t_relay();
}
onreply_route[r] { sip_trace(); xlog("reply $rc\\n"); }
onsend_route { if ($rU == "out") { sip_trace(); xlog("onsend $rc\\n"); } }
""",
    modules="pv xlog db_sqlite kex tm siptrace",
)
def rows_for_users(scene: Scene) -> None:
    """A row for each traced user, and one for nobody while tracing is on; RPC and statistics."""
    for step, user in enumerate(("none", "plain", "out", "off", "none", "on")):
        if user in ("off", "on"):
            scene.rpc("siptrace.status", user)
        scene.alice.request("OPTIONS", f"sip:{user}@example.com", call_id=f"call-{step}", to_tag="b")
        scene.bob.expect("OPTIONS").answer(200, "OK")
        scene.alice.expect(200)
        scene.rows("sip_trace", *COLUMNS, label=f"{step} {user}")
    texts(scene)
    for word in ("check", "OFF", "check", "onward", "maybe", ""):
        scene.rpc("siptrace.status", word)
    scene.rpc("siptrace.status")
    scene.rpc("stats.get_statistics", "siptrace:")


@case(
    DATABASE
    + """
modparam("siptrace", "trace_table_avp", "$avp(table)")
modparam("siptrace", "trace_local_ip", "10.0.0.1")
modparam("siptrace", "hep_mode_on", 1)
modparam("siptrace", "hep_version", 3)
modparam("siptrace", "duplicate_uri", "sip:127.0.0.20:21200")
request_route {
    $avp(table) = $rU;
    sip_trace("sip:127.0.0.20:21200", "x", "t"); xlog("$rU $rc\\n");
    t_newtran(); t_reply("200", "OK");
}
""",
    modules="pv xlog db_sqlite tm siptrace",
)
def rows_in_another_table(scene: Scene) -> None:
    """The table of an AVP; an own address without a transport is nothing for HEP; a table that is not there."""
    hep(scene)
    scene.wait(0.5)  # processes that start look at the tables, and end the daemon when the database is locked then
    scene.execute("CREATE TABLE mine AS SELECT * FROM sip_trace")
    for user in ("sip_trace", "mine"):
        scene.alice.request("OPTIONS", f"sip:{user}@example.com", call_id=user, to_tag="b")
        scene.alice.expect(200)
    scene.rows("sip_trace", *COLUMNS)
    scene.rows("mine", *COLUMNS)


EVERYTHING = """
modparam("siptrace", "trace_on", 1)
modparam("siptrace", "trace_to_database", 0)
modparam("siptrace", "hep_version", 3)
modparam("siptrace", "duplicate_uri", "sip:127.0.0.20:21200")
modparam("siptrace", "trace_init_mode", 1)
"""


@case(
    EVERYTHING
    + 'modparam("siptrace", "trace_mode", 1)\n'
    + """
request_route { if ($rU == "sl") { sl_send_reply("404", "Nobody"); exit; } $du = "sip:127.0.0.12:21200"; t_relay(); }
""",
    modules="pv xlog sl tm siptrace",
)
def everything_by_hep(scene: Scene) -> None:
    """trace_mode 1: all that comes and goes, retransmissions and what is no SIP included."""
    hep(scene)
    scene.alice.request("OPTIONS", "sip:sl@example.com")
    scene.alice.expect(404)
    scene.alice.request("OPTIONS")
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.alice.expect(200)
    scene.alice.send("this is not SIP at all, but long enough to be looked at\n\n")
    scene.settle()
    scene.rpc("siptrace.status", "off")
    scene.alice.request("OPTIONS", "sip:sl@example.com")
    scene.alice.expect(404)


@case(
    EVERYTHING.replace('"trace_init_mode", 1', '"trace_init_mode", 0')
    + 'modparam("siptrace", "trace_mode", 7)\nmodparam("siptrace", "db_url", "sqlite:///DATABASE")\n'
    + 'modparam("siptrace", "xheaders_write", 1)\n'
    + """
request_route { if ($rU == "sl") { sl_send_reply("404", "Nobody"); exit; } $du = "sip:127.0.0.12:21200"; t_relay(); }
event_route[siptrace:msg] {
    xlog("$rm $siptrace(src_addr) > $siptrace(dst_addr)\\n");
    xlog("$siptrace(src_host) $siptrace(src_hostip) $siptrace(src_port) $siptrace(src_proto)\\n");
    xlog("$siptrace(dst_host) $siptrace(dst_hostip) $siptrace(dst_port) $siptrace(dst_proto) $rs $ci\\n");
    if (is_method("REGISTER")) drop();
    if (is_method("PUBLISH")) exit;
}
""",
    modules="pv xlog textops sl db_sqlite tm siptrace",
)
def everything_three_ways(scene: Scene) -> None:
    """trace_mode 7, with an event route that leaves some messages out."""
    hep(scene)
    for method in ("OPTIONS", "REGISTER", "PUBLISH"):
        scene.alice.request(method, "sip:sl@example.com", to_tag="b")
        scene.alice.expect(404)
        scene.label(method)
    scene.alice.send("this is not SIP at all, but long enough to be looked at\n\n")
    scene.rows("sip_trace", *COLUMNS)


@case(
    DATABASE + 'modparam("siptrace", "xheaders_read", 1)\n' + 'request_route { sip_trace(); xlog("$rc\\n"); exit; }',
    modules="pv xlog db_sqlite tm siptrace",
)
def headers_are_read(scene: Scene) -> None:
    """A collector takes what the headers say, and them out."""
    scene.alice.request("OPTIONS")
    told = "X-Siptrace-Fromip: udp:10.0.0.1:5060\nX-Siptrace-Toip: tcp:10.0.0.2:5061\nX-Siptrace-Time: 1700000000 17\n"
    told += "X-Siptrace-Method: INVITE\nX-Siptrace-Dir: out"
    lines = (
        "Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-x\nFrom: <sip:a@b>;tag=1\nTo: <sip:b@b>;tag=2\nCall-ID: x\n"
    )
    lines += "CSeq: 1 OPTIONS\nContent-Length: 4\n"
    scene.alice.send(build("OPTIONS sip:bob@example.com SIP/2.0", lines + told, "body"))
    scene.settle()
    scene.rows("sip_trace", *COLUMNS, "time_us")
    texts(scene)


battery(
    "siptrace",
    "nothing_is_on",
    """
    @ sip_trace()
    @ sip_trace("sip:127.0.0.20:21200")
    @ sip_trace("$null")
    @ sip_trace_mode("m")
    @ sip_trace("sip:127.0.0.20:21200", "x", "t")
    @ sip_trace("sip:127.0.0.20:21200", "x", "d")
    > $siptrace(src_addr)
    x @ sip_trace("a", "b", "m", "d")
    x @ sip_trace_mode()
    x @ hlog()
    """,
    modules="pv xlog siptrace",
    before='modparam("siptrace", "trace_to_database", 0)\n',
)

verdicts(
    "siptrace",
    "starts",
    """
    : modparam("siptrace", "trace_to_database", 1)
    : modparam("siptrace", "hep_version", 4)
    : modparam("siptrace", "hep_version", 2)
    : modparam("siptrace", "trace_flag", 31)
    : modparam("siptrace", "trace_flag", 32)
    : modparam("siptrace", "trace_flag", -2)
    : modparam("siptrace", "trace_init_mode", 1)
    : modparam("siptrace", "trace_init_mode", 1)\\nmodparam("siptrace", "trace_mode", 1)
    : modparam("siptrace", "trace_init_mode", 2)\\nmodparam("siptrace", "traced_user_avp", "$var(x)")
    : modparam("siptrace", "traced_user_avp", "user")
    : modparam("siptrace", "trace_table_avp", "$hdr(x)")
    : modparam("siptrace", "duplicate_uri", "nonsense")
    : modparam("siptrace", "duplicate_uri", "sip:127.0.0.1;transport=tcp")
    : modparam("siptrace", "force_send_sock", "nonsense")
    : modparam("siptrace", "force_send_sock", "sip:127.0.0.99:5099")
    : modparam("siptrace", "send_sock_name", "nobody")
    : modparam("siptrace", "nothing", 1)
    : modparam("siptrace", "trace_mode", 2)
    sip_trace("sip:a", "b", "$var(x)");
    sip_trace("sip:a", "b", "x");
    sip_trace("sip:a", "b", "mt");
    sip_trace("sip:a", "b", "");
    sip_trace("sip:a", "b", "D ");
    sip_trace("sip:a", "b", "mm");
    xlog("$siptrace(nothing)");
    xlog("$siptrace(dst_hostip)");
    """,
    modules="pv xlog siptrace",
    before='modparam("siptrace", "trace_to_database", 0)\n',
)
