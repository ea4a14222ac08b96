r"""uac: challenges that a failure route answers, and requests that the script sends."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Got, Scene, case

MODULES = "tm tmx sl rr pv xlog textops textopsx siputils kex uac"
ROUTES = """
request_route {
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    BEFORE
    t_on_failure("F");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
failure_route[F] {
    CALL
    $var(rc) = $rc;
    xlog("$T_reply_code $rm rc $var(rc) ru $ru du $du hdr $hdr(Authorization)\\n");
    if ($var(rc) > 0) { $du = "sip:127.0.0.12:21200"; t_on_failure("F2"); t_relay(); }
}
failure_route[F2] { xlog("again $T_reply_code\\n"); }
"""


def config(call: str = "uac_auth();", before: str = "", params: str = "") -> str:
    """The routes, with what answers a challenge; `params` are lines of modparam."""
    return params + ROUTES.replace("CALL", call).replace("BEFORE", before)


CREDENTIALS = """
modparam("uac", "credential", "alice:provider:secret")
modparam("uac", "credential", "carol:other:y")
modparam("uac", "credential", "dave:provider:newer")
"""
AVPS = """
modparam("uac", "auth_realm_avp", "$avp(realm)")
modparam("uac", "auth_username_avp", "$avp(user)")
modparam("uac", "auth_password_avp", "$avp(password)")
"""


def challenge(
    scene: Scene,
    headers: str,
    code: int = 401,
    method: str = "MESSAGE",
    uri: str = "sip:bob@example.com",
    body: str = "",
) -> Got | None:
    """A request that bob challenges; what he gets then, None when alice gets the challenge."""
    scene.alice.request(method, uri, call_id=f"call-{len(scene.history)}", body=body)
    scene.bob.expect(method).answer(code, "Who are you", headers=headers)
    scene.settle()
    if scene.world.log()[-1].find(" rc 1 ") < 0:
        scene.alice.expect(code)
        scene.label(f"{code} {headers}")
        return None
    got = scene.bob.expect(method)
    got.answer(200, "OK")
    scene.alice.expect(200)
    scene.label(f"{code} {headers}")
    return got


CHALLENGES = (
    'Digest realm="provider", nonce="abc"',
    'Digest realm="provider",nonce="abc",qop="auth"',
    'digest  nonce="abc", realm="provider", qop="auth,auth-int", opaque="op"',
    'Digest realm="provider", nonce="abc", qop=auth, algorithm=MD5, stale=TRUE',
    'Digest realm="provider", nonce="abc", qop="auth", algorithm="md5", stale="false", domain="sip:x"',
    'Digest realm="provider", nonce="abc", qop="auth-int"',
    'Digest realm="provider", nonce="abc", qop="auth-int,auth"',
    'Digest realm="provider", nonce="abc", qop=""',
    'Digest realm="provider", nonce="abc", opaque=""',
    'Digest realm="provider", nonce="abc", algorithm=SHA-256',
    'Digest realm="provider", nonce="abc", algorithm=MD5-sess, qop="auth"',
    'Digest realm="provider", nonce="abc", algorithm=FOO',
    'Digest realm="provider", nonce="abc", stale=maybe',
    'Digest realm="provider"',
    'Digest nonce="abc"',
    'Digest realm=provider, nonce="abc"',
    'Digest realm="provider", nonce=abc',
    'Digest realm="Provider", nonce="abc"',
    'Digest realm="other realm", nonce="abc"',
    'Digest realm="other", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", qop="auth"',
    'Digest realm="provider", nonce=""',
    "Digest",
    'Basic realm="provider"',
    'Digest realm="provider", nonce="abc", unknown="x", other=y',
    'Digest realm="provider", nonce="abc" , qop = "auth" ,',
    'Digest realm="provider", nonce="abc", stale=t',
)


@case(config(params=CREDENTIALS), modules=MODULES)
def challenges(scene: Scene) -> None:
    """Which are answered, and how."""
    for text in CHALLENGES:
        challenge(scene, f"WWW-Authenticate: {text}")


@case(config(params=CREDENTIALS), modules=MODULES)
def replies_that_ask(scene: Scene) -> None:
    """401 and 407 with their headers; the first header of several; other replies; INVITE; a long request URI; a body."""
    text = 'Digest realm="provider", nonce="abc"'
    challenge(scene, f"Proxy-Authenticate: {text}", 407)
    challenge(scene, f"Proxy-Authenticate: {text}", 401)
    challenge(scene, f"WWW-Authenticate: {text}", 407)
    challenge(scene, "X: 1", 401)
    challenge(scene, f"WWW-Authenticate: {text}", 403)
    challenge(scene, f'WWW-Authenticate: Digest realm="x", nonce="1"\nWWW-Authenticate: {text}')
    challenge(scene, f'WWW-Authenticate: {text}\nWWW-Authenticate: Digest realm="other", nonce="1"')
    challenge(scene, f"WWW-Authenticate: {text.replace('abc', 'a,b')}", uri="sip:bob@example.com;user=phone?x=y")
    challenge(scene, f"WWW-Authenticate: {text}, qop=auth", body="hello")


@case(
    config(
        'if ($rm == "INFO") uac_auth_mode("1"); else if ($rm == "OPTIONS") uac_auth("$var(mode)"); else uac_auth();',
        before="""
    if (is_method("INFO")) { $avp(user) = "alice"; $avp(password) = "36d0a02793542b4961e8348347236dbf"; }
    if (is_method("OPTIONS")) { $avp(user) = "alice"; $avp(realm) = "provider"; $avp(password) = "36D0A02793542B4961E8348347236DBF"; $var(mode) = 3; }
    if (is_method("MESSAGE")) { $avp(user) = "alice"; $avp(password) = "p w"; $avp(realm) = $hdr(X); }
    if (is_method("SUBSCRIBE")) { $avp(user) = "alice"; }
    if (is_method("PUBLISH")) { $avp(user) = 12; $avp(password) = 34; $avp(realm) = ""; }
    """,
        params=CREDENTIALS + AVPS,
    ),
    modules=MODULES,
)
def credentials_in_variables(scene: Scene) -> None:
    """Any realm without auth_realm_avp; hashes with mode 1; else those of the parameter."""
    text = 'Digest realm="provider", nonce="abc"'
    # Kamailio's process remembers mode 1: it comes last.
    challenge(scene, f"WWW-Authenticate: {text}", method="MESSAGE")
    challenge(scene, f"WWW-Authenticate: {text}, qop=auth", method="MESSAGE")
    challenge(scene, f"WWW-Authenticate: {text}", method="SUBSCRIBE")
    challenge(scene, f"WWW-Authenticate: {text}", method="PUBLISH")
    challenge(scene, f"WWW-Authenticate: {text}", method="NOTIFY")
    challenge(scene, f"WWW-Authenticate: {text.replace('provider', 'elsewhere')}", method="NOTIFY")
    challenge(scene, f"WWW-Authenticate: {text}", method="INFO")
    challenge(scene, f"WWW-Authenticate: {text}, qop=auth", method="OPTIONS")


@case(
    config(
        params=CREDENTIALS + 'modparam("tm", "fr_timer", 500)\n',
        before='t_on_branch("B"); if ($rU == "many") append_branch("sip:carol@example.com");',
    )
    + 'branch_route[B] { if ($rU == "carol") $du = "sip:127.0.0.13:21200"; }',
    modules=f"{MODULES} corex",
)
def branches_and_silence(scene: Scene) -> None:
    """The challenge of the picked branch is answered there; silence is none."""
    scene.alice.request("MESSAGE", "sip:many@example.com")
    one, two = scene.bob.expect("MESSAGE"), scene.carol.expect("MESSAGE")
    one.answer(503, "No")
    two.answer(407, "Who", headers='Proxy-Authenticate: Digest realm="provider", nonce="abc"')
    scene.bob.expect("MESSAGE").answer(200, "OK")
    scene.alice.expect(200)
    scene.label("branches")
    scene.alice.request("INFO", "sip:bob@example.com", call_id="call-2")
    scene.bob.expect("INFO")
    scene.wait(1)
    scene.settle()


@case(
    config(
        params=CREDENTIALS,
        before='uac_replace_from("\\"New\\"", "sip:new@h"); record_route(); append_hf("X-Before: 1\\r\\n");',
    ),
    modules=MODULES,
)
def an_invite(scene: Scene) -> None:
    """From stays replaced in the second INVITE; ACK and CANCEL follow it."""
    invite = scene.alice.request("INVITE", "sip:bob@example.com")
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(
        401, "Who", headers='WWW-Authenticate: Digest realm="provider", nonce="abc", qop="auth"'
    )
    scene.bob.expect("ACK")
    scene.bob.expect("INVITE").answer(
        401, "Who", headers='WWW-Authenticate: Digest realm="provider", nonce="xyz", stale=true'
    )
    scene.bob.expect("ACK")
    scene.alice.ack(invite, scene.alice.expect(401))


# -- uac_req_send() -------------------------------------------------------------------------------------------------
SEND = """
request_route {
    sl_send_reply("202", "Sending");
    $uac_req(all) = $null;
    $uac_req(method) = "OPTIONS";
    $uac_req(ruri) = "sip:bob@example.com";
    $uac_req(ouri) = "sip:127.0.0.12:21200";
    switch ($rU) {
        case "plain": break;
        case "full":
            $uac_req(method) = "MESSAGE";
            $uac_req(furi) = "\\"Me\\" <sip:me@example.com>";
            $uac_req(turi) = "sip:you@example.com";
            $uac_req(ruri) = "sip:you@example.com";
            $uac_req(ouri) = "sip:127.0.0.12:21200";
            $uac_req(hdrs) = "Subject: hi\\r\\nContent-Type: text/plain";
            $uac_req(body) = "hello";
            $uac_req(callid) = "my-call-id";
            $uac_req(sock) = "udp:127.0.0.1:21200";
            $uac_req(evroute) = 1;
            $uac_req(evparam) = "param";
            break;
        case "nowhere": $uac_req(ruri) = "nonsense"; $uac_req(ouri) = $null; $uac_req(evroute) = 1; break;
        case "auth":
            $uac_req(auser) = "me"; $uac_req(apasswd) = "secret"; $uac_req(evroute) = 1; $uac_req(hdrs) = "X: 1\\r\\n"; $uac_req(callid) = "c2"; $uac_req(body) = "b";
            $uac_req(furi) = "\\"Me\\" <sip:me@example.com>"; $uac_req(turi) = "sip:bob@example.com";
            break;
        case "quiet": $uac_req(auser) = "me"; $uac_req(apasswd) = "36d0a02793542b4961e8348347236dbf"; $uac_req(flags) = 1; break;
        case "fails": $uac_req(evroute) = 2; break;
        case "invite": $uac_req(method) = "INVITE"; $uac_req(evroute) = 1; break;
        case "ack": $uac_req(method) = "ACK"; break;
        case "replaced": $uac_req(evroute) = 1; $uac_req(evparam) = "kept"; break;
    }
    uac_req_send();
    xlog("sent $rc\\n");
    if ($rU == "replaced") { $uac_req(evparam) = "changed"; $uac_req(ruri) = "sip:changed"; }
}
event_route[uac:reply] {
    xlog("reply $uac_req(evcode) type $uac_req(evtype) param $uac_req(evparam) ruri $uac_req(ruri) rs $rs rr $rr rm $rm fu $fu T $T_reply_code $T_branch_idx route $uac_req(evroute)\\n");
}
"""
REQUEST_MODULES = "tm tmx sl pv xlog textops uac"
FAST = 'modparam("uac", "restore_mode", "none")\nmodparam("tm", "fr_timer", 500)\n'
DIGEST = 'WWW-Authenticate: Digest realm="provider", nonce="abc", qop="auth"'


def send(scene: Scene, user: str) -> None:
    """Ask for one of the requests."""
    scene.alice.request("INFO", f"sip:{user}@example.com", call_id=f"ask-{user}-{len(scene.history)}")
    scene.alice.expect(202)


@case(FAST + SEND, modules=REQUEST_MODULES)
def requests_of_the_script(scene: Scene) -> None:
    """As the keys say; the route runs over the reply."""
    send(scene, "plain")
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.label("plain")
    send(scene, "full")
    scene.bob.expect("MESSAGE").answer(202, "Fine")
    scene.label("full")
    send(scene, "nowhere")
    scene.label("nowhere")
    send(scene, "replaced")
    scene.bob.expect("OPTIONS").answer(404, "Nobody")
    scene.label("replaced")
    send(scene, "invite")
    invite = scene.bob.expect("INVITE")
    invite.answer(180, "Ringing")
    invite.answer(200, "OK", headers=f"Contact: <{scene.bob.contact}>")
    scene.bob.expect("ACK")
    scene.label("invite")
    send(scene, "ack")
    scene.bob.expect("ACK")
    scene.label("ack")


@case(FAST + SEND, modules=REQUEST_MODULES)
def requests_with_credentials(scene: Scene) -> None:
    """A challenge is answered once; the route hears of both replies."""
    send(scene, "auth")
    scene.bob.expect("OPTIONS").answer(401, "Who", headers=DIGEST)
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.label("auth")
    send(scene, "auth")
    scene.bob.expect("OPTIONS").answer(401, "Who", headers=DIGEST)
    scene.bob.expect("OPTIONS").answer(401, "Who", headers=DIGEST)
    scene.label("auth fails")
    send(scene, "auth")
    scene.bob.expect("OPTIONS").answer(407, "Who", headers=DIGEST)
    scene.label("no such header")
    send(scene, "quiet")
    scene.bob.expect("OPTIONS").answer(407, "Who", headers=DIGEST.replace("WWW", "Proxy"))
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.label("quiet")


@case(FAST + 'modparam("tm", "enable_uac_fr", 1)\n' + SEND, modules=REQUEST_MODULES, repeats=True)
def requests_that_fail(scene: Scene) -> None:
    """With evroute 2 the route runs for failures and timeouts only; with 1 for timeouts, too."""
    send(scene, "fails")
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.label("200")
    send(scene, "fails")
    scene.bob.expect("OPTIONS").answer(503, "No")
    scene.label("503")
    send(scene, "fails")
    scene.bob.expect("OPTIONS")
    scene.wait(0.8)
    scene.label("fails silently")
    send(scene, "replaced")
    scene.bob.expect("OPTIONS")
    scene.wait(0.8)
    scene.label("silence")


@case(FAST + SEND, modules=REQUEST_MODULES, repeats=True)
def requests_that_fail_without_enable_uac_fr(scene: Scene) -> None:
    """The same, but for timeouts."""
    send(scene, "fails")
    scene.bob.expect("OPTIONS").answer(503, "No")
    scene.label("503")
    send(scene, "fails")
    scene.bob.expect("OPTIONS")
    scene.wait(0.8)
    scene.label("fails silently")
    send(scene, "replaced")
    scene.bob.expect("OPTIONS")
    scene.wait(0.8)
    scene.label("silence")


@case(
    FAST
    + 'modparam("uac", "default_socket", "udp:127.0.0.1:21201")\nlisten=udp:127.0.0.1:21200\nlisten=udp:127.0.0.1:21201\ndisable_tcp=yes\nauto_aliases=no\n'
    + SEND,
    modules=REQUEST_MODULES,
)
def default_socket(scene: Scene) -> None:
    """The first request leaves by it; the one with credentials does not; $uac_req(sock) counts more."""
    send(scene, "auth")
    scene.bob.expect("OPTIONS").answer(401, "Who", headers=DIGEST)
    scene.bob.expect("OPTIONS").answer(200, "OK")
    scene.label("auth")
    send(scene, "full")
    scene.bob.expect("MESSAGE").answer(202, "Fine")


CHAIN = """
request_route {
    sl_send_reply("202", "Sending");
    $avp(mine) = "of the request";
    $var(mine) = "still here";
    $uac_req(all) = $null;
    $uac_req(method) = "OPTIONS";
    $uac_req(ruri) = "sip:first@example.com";
    $uac_req(ouri) = "sip:127.0.0.12:21200";
    $uac_req(furi) = "sip:me@example.com";
    $uac_req(evroute) = 1;
    $uac_req(evparam) = "first";
    $uac_req(hdrs) = "X-From: $rU\\r\\nX-Two: 2\\r\\n";
    uac_req_send();
    if ($rU == "two") {
        $uac_req(ruri) = "sip:second@example.com";
        $uac_req(evparam) = "second";
        uac_req_send();
    }
}
event_route[uac:reply] {
    xlog("$uac_req(evparam) $uac_req(evcode) $uac_req(ruri) hdrs <$uac_req(hdrs)> rs $rs ct $ct body $rb X $hdr(X-Reply) cs $cs si $si sp $sp avp $avp(mine) var $var(mine) T $T(reply_code) $T(id_label) $T_branch_idx is $(T_req($ru)) $(T_rpl($rs))\\n");
    if ($uac_req(evparam) == "first") {
        $avp(mine) = "of the reply";
        $uac_req(method) = "INFO";
        $uac_req(ruri) = "sip:chained@example.com";
        $uac_req(evparam) = "chained";
        $uac_req(hdrs) = $null;
        $uac_req(body) = "code $uac_req(evcode)";
        uac_req_send();
        xlog("chained $rc\\n");
        exit;
    }
    if ($uac_req(evparam) == "second") drop;
    return 0;
}
event_route[tm:local-request] {
    xlog("local $rm $ru avp $avp(mine) uac $uac_req(evparam)\\n");
    if ($rU == "chained") { append_hf("X-Local: yes\\r\\n"); $avp(mine) = "of local"; }
    if ($rU == "second") drop;
}
"""


@case(FAST + CHAIN.replace("$T(id_label)", ""), modules=REQUEST_MODULES)
def a_reply_that_leads_to_another_request(scene: Scene) -> None:
    """The route may send again; event_route[tm:local-request] sees each, and drops one."""
    send(scene, "one")
    first = scene.bob.expect("OPTIONS")
    first.answer(100, "Trying")
    first.answer(200, "OK", headers="X-Reply: yes\nContact: <sip:bob@h>\nContent-Type: text/plain", body="hello")
    scene.bob.expect("INFO").answer(404, "Not Found")
    scene.label("one")
    send(scene, "two")
    scene.bob.expect("OPTIONS").answer(302, "Moved", headers="Contact: <sip:else@h>")
    scene.bob.expect("INFO").answer(200, "OK")
    scene.label("two")


@case(
    FAST
    + SEND.replace(
        '$uac_req(method) = "INVITE"; $uac_req(evroute) = 1;',
        '$uac_req(method) = "INVITE"; $uac_req(evroute) = 1; $uac_req(auser) = "u"; $uac_req(apasswd) = "p";',
    ),
    modules=REQUEST_MODULES,
)
def an_invite_with_credentials(scene: Scene) -> None:
    """Acknowledged, sent again with the next CSeq, and with the same Call-ID and tag; then refused."""
    send(scene, "invite")
    invite = scene.bob.expect("INVITE")
    invite.answer(407, "Who", headers='Proxy-Authenticate: Digest realm="nobody", nonce="1", algorithm=FOO')
    scene.bob.expect("ACK")
    scene.bob.expect("INVITE").answer(200, "OK", headers=f"Contact: <{scene.bob.contact}>")
    scene.bob.expect("ACK")
    scene.label("any algorithm of three letters")
    send(scene, "invite")
    scene.bob.expect("INVITE").answer(486, "Busy Here")
    scene.bob.expect("ACK")


ANYWHERE = """
modparam("rtimer", "timer", "name=t;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=t;route=T")
request_route {
    if (is_method("ACK")) exit;
    t_on_branch("B"); t_on_reply("R"); t_on_failure("F");
    $du = "sip:127.0.0.12:21200";
    route(SEND);
    t_relay();
}
route[SEND] {
    $uac_req(method) = "OPTIONS"; $uac_req(ruri) = "sip:x@example.com"; $uac_req(ouri) = "sip:127.0.0.13:21200";
    $uac_req(furi) = "sip:$cfg(route)@h"; $uac_req(hdrs) = "X-Where: $uac_req(evparam)\\r\\n"; $uac_req(evroute) = 1;
    uac_req_send();
    xlog("$uac_req(evparam) rc $rc T $T_reply_code rs $rs rm $rm\\n");
}
branch_route[B] { $uac_req(evparam) = "branch"; route(SEND); }
onreply_route[R] { $uac_req(evparam) = "reply"; route(SEND); }
failure_route[F] { $uac_req(evparam) = "failure"; route(SEND); xlog("behind $T_reply_code $ru\\n"); t_reply("480", "Gone"); }
reply_route { $uac_req(evparam) = "core"; if ($rm == "MESSAGE") route(SEND); }
route[T] { if ($shv(x) == 0) { $shv(x) = 1; $uac_req(evparam) = "timer"; route(SEND); } }
event_route[uac:reply] { xlog("answered $uac_req(evparam) $rs\\n"); }
"""


@case(FAST + ANYWHERE, modules="tm tmx sl pv xlog textops rtimer uac")
def requests_from_every_route(scene: Scene) -> None:
    """In request, branch, onreply, failure, timer and core reply routes."""
    scene.wait(1.5)
    scene.carol.expect("OPTIONS").answer(200, "OK")
    scene.label("timer")
    scene.alice.request("MESSAGE", "sip:bob@example.com")
    for _ in range(2):
        scene.carol.expect("OPTIONS").answer(200, "OK")
    scene.settle()
    scene.bob.expect("MESSAGE").answer(404, "No")
    for _ in range(3):
        scene.carol.expect("OPTIONS").answer(200, "OK")
    scene.alice.expect(480)
    scene.settle()
