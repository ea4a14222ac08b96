r"""Odd arguments to the functions of nathelper, rr, uac, rtp relays, auth and tmx, in every route that takes them."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import REQUEST, Scene, battery, case, crlf
from .rtpengine import SDP, SOCK, TYPE, relay

MODULES = (
    "tm tmx sl rr pv xlog textops textopsx siputils kex corex usrloc registrar nathelper auth uac acc uac_redirect"
)
WITHIN = crlf(
    """BYE sip:bob@10.0.0.8:5070;alias=127.0.0.12~21200~1;ob SIP/2.0
Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-alice-2
Route: <sip:127.0.0.1:21200;r2=on;lr;ftag=a1;nat=yes;vsf=x>, <sip:u@127.0.0.1:21200;r2=on;lr;ftag=a1>
Route: <sip:next@127.0.0.12:21200;lr>
From: "Alice" <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>;tag=b1
Call-ID: call-1@example.com
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

"""
)

battery(
    "exam_flow_odd",
    "odd_arguments",
    r"""
$var(null) = $null;
$var(empty) = "";
$var(big) = "99999999999999999999";
$var(text) = "abc";
@ nat_uac_test("0")
@ nat_uac_test("$var(x)")
@ nat_uac_test("65535")
@ nat_uac_test($null)
@ nat_uac_test("$avp(none)")
@ nat_uac_test("$var(text)")
@ nat_uac_test("$var(big)")
@ nat_uac_test(19)
@ nat_uac_test(1 + 2)
@ nat_uac_test("-1")
x @ nat_uac_test("")
x @ nat_uac_test()
@ is_rfc1918("$avp(none)")
@ is_rfc1918("$var(empty)")
@ is_rfc1918("10.1")
@ is_rfc1918("sip:10.0.0.1")
@ is_rfc1918("100.64.3.3")
@ is_rfc1918("169.254.1.1")
@ is_rfc1918("172.32.0.1")
@ is_rfc1918("::1")
@ handle_ruri_alias()
@ add_contact_alias("$avp(none)", "5060", "udp")
@ add_contact_alias("10.0.0.1", "$var(big)", "udp")
@ add_contact_alias("10.0.0.1", "0", "udp")
@ add_contact_alias("nohost", "5060", "udp")
@ add_contact_alias("10.0.0.1", "5060", "sctp")
@ add_contact_alias("10.0.0.1", "5060", "ws")
@ add_contact_alias("10.0.0.1", "5060", "xxx")
@ fix_nated_contact()
@ set_contact_alias()
@ fix_nated_sdp("1")
@ fix_nated_sdp("0")
@ fix_nated_sdp("$var(text)")
@ fix_nated_sdp("8", "$avp(none)")
@ fix_nated_sdp("8", "")
x @ fix_nated_sdp("x")
@ is_direction("downstream")
@ is_direction("UPSTREAM")
x @ is_direction("sideways")
x @ is_direction("$var(text)")
@ check_route_param("nat=yes")
x @ check_route_param("(")
@ check_route_param("")
@ check_route_param("$var(text)")
@ add_rr_param("$avp(none)")
@ add_rr_param("")
@ add_rr_param("nosemicolon")
@ record_route("$avp(none)")
@ record_route_preset("$avp(none)")
@ record_route_preset("")
@ record_route_advertised_address("$avp(none)")
@ record_route_advertised_address("h:99999")
@ remove_record_route()
> <$route_uri> <$rr_count> <$rr_top_count> <$fti> <$rr>
> <$rdir(id)> <$rdir(name)>
> <$(route_uri{uri.host})> <$(hdr(Route)[0])>
@ loose_route()
> <$route_uri> <$rr_count> <$rr_top_count> <$ru> <$du> <$fti>
> <$rdir(id)> <$rdir(name)>
@ is_direction("downstream")
@ is_direction("upstream")
@ check_route_param("nat=yes")
@ check_route_param("^ftag")
@ check_route_param("nat=yes;vsf")
@ handle_ruri_alias()
> <$ru> <$du>
@ handle_ruri_alias()
@ loose_route()
> <$route_uri> <$ru> <$du>
@ uac_replace_from("$avp(none)")
@ uac_replace_from("")
@ uac_replace_from("", "")
@ uac_replace_from("x", "nouri")
@ uac_replace_to("$null")
@ uac_restore_from()
@ uac_restore_to()
x @ get_redirects("*")
@ uac_req_send()
$uac_req(method) = "OPTIONS";
@ uac_req_send()
= $uac_req(method)
= $uac_req(ruri)
= $uac_req(evroute)
$uac_req(evroute) = 99;
= $uac_req(evroute)
$uac_req(evroute) = "x";
= $uac_req(evroute)
x = $uac_req
= $uac_req(body)
$uac_req(ruri) = 5;
= $uac_req(ruri)
$uac_req(ruri) = "nonsense";
$uac_req(furi) = "sip:a@b";
$uac_req(turi) = "sip:a@b";
@ uac_req_send()
""",
    modules=MODULES,
    before='modparam("nathelper", "received_avp", "$avp(received)")\nmodparam("uac","restore_mode","manual")\n',
    messages=(REQUEST, WITHIN, REQUEST.replace("Contact: <sip:alice@127.0.0.11:21200>", "Contact: *"), REQUEST.replace("Contact: <sip:alice@127.0.0.11:21200>\r\n", "")),
)  # fmt: skip

battery(
    "exam_flow_odd",
    "odd_credentials",
    r"""
@ auth_challenge("$avp(none)", "0")
x @ auth_challenge("", "0")
@ auth_challenge("$var(x)", "$avp(none)")
@ auth_challenge("r", "$var(text)")
x @ www_challenge("r", "99999999999")
@ proxy_challenge("a b\"c", "0")
x @ pv_www_authenticate("", "x", "0")
x @ pv_www_authenticate("r", "", "0")
@ pv_www_authenticate("r", "$avp(none)", "0")
@ pv_proxy_authenticate("r", "p", "-1")
@ pv_auth_check("r", "p", "0", "0")
x @ pv_auth_check("", "p", "0", "0")
@ pv_auth_check("r", "p", "$var(text)", "0")
@ auth_get_www_authenticate("r", "0", "$var(a)")
? $var(a) =~ "^WWW-Authenticate: Digest realm=\"r\", nonce=\"[^\"]+\""
x @ auth_get_www_authenticate("r", "0", "none")
x @ auth_get_www_authenticate("", "0", "$var(b)")
= $var(b)
@ consume_credentials()
> <$au> <$ar> <$aU> <$ad> <$Au> <$adu> <$aa>
@ has_credentials("r")
@ has_credentials("$avp(none)")
@ has_credentials("")
@ t_precheck_trans()
@ t_is_branch_route()
@ t_is_failure_route()
@ t_is_request_route()
@ t_is_reply_route()
@ t_is_canceled()
@ t_suspend()
@ t_continue("0", "0", "NOROUTE")
@ t_reuse_branch()
x @ t_cancel_branches("all")
@ t_cancel_callid("$avp(none)", "1", "0")
@ t_cancel_callid("none@x", "1", "0")
@ t_reply_callid("none@x", "1", "486", "Busy")
@ t_flush_flags()
@ t_drop()
> <$T_branch_idx> <$T_reply_last> <$T_reply_code> <$T_req($ci)> <$T_rpl($rs)> <$T_inv($ci)> <$T(id_index)>
""",
    modules="tm tmx sl rr pv xlog textops kex auth siputils",
    messages=(
        REQUEST,
        REQUEST.replace("Max-Forwards", 'Authorization: Digest username="u", realm="r", nonce="n", uri="sip:x", response="0"\r\nMax-Forwards'),
        REQUEST.replace("Max-Forwards", "Proxy-Authorization: Digest\r\nAuthorization: Basic abc\r\nMax-Forwards"),
        REQUEST.replace("Max-Forwards", 'Authorization: Digest realm="r", username="", nonce="", uri="", response=""\r\nMax-Forwards'),
    ),
)  # fmt: skip


@case(
    SOCK
    + r"""
request_route {
    $var(empty) = "";
    switch ($rU) {
    case "a": rtpengine_manage("$avp(none)"); break;
    case "b": rtpengine_offer("$var(empty)"); break;
    case "c": rtpengine_answer(); break;
    case "d": rtpengine_delete("$avp(none)"); break;
    case "e": rtpengine_query(); break;
    case "f": set_rtpengine_set("$avp(none)"); break;
    case "i": rtpengine_offer("call-id=$ci-1 from-tag=$ft via-branch=$T_branch_idx"); break;
    case "j": rtpengine_offer("replace-origin,ICE=remove"); break;
    case "k": $avp(f) = "ICE=force"; rtpengine_manage("$avp(f) trust-address"); break;
    case "l": start_recording(); break;
    case "m": block_media(); block_dtmf("directional"); break;
    case "n": rtpengine_offer("TOS=99999999999"); break;
    case "o": rtpengine_offer("repacketize=99999999999ms delete-delay=99999999999999999999"); break;
    case "p": set_rtpengine_set(0); break;
    case "q": play_media("file=/tmp/x y"); break;
    case "r": rtpengine_manage("received-from=IP4 10.0.0.1"); break;
    }
    $var(rc) = $rc;
    xlog("$rm $rU $var(rc)\n");
}
""",
    modules="tm tmx sl pv xlog textops rtpengine",
    relays=(relay(),),
)
def odd_flags_of_rtpengine(scene: Scene) -> None:
    """Null and empty flags, sets that are not there, methods and bodies that do not fit."""
    for user in "abcdefijklmnopqr":
        scene.alice.request("INVITE", f"sip:{user}@example.com", headers=TYPE, body=SDP, call_id=f"c{user}")
        scene.alice.request("INVITE", f"sip:{user}@example.com", call_id=f"e{user}")
        scene.alice.request(
            "INFO", f"sip:{user}@example.com", headers=TYPE, body="v=0\n", call_id=f"i{user}", to_tag="b"
        )
        scene.label(user)
