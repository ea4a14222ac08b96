r"""rtpproxy with odd arguments, bodies and methods, in the routes of a call."""

from __future__ import annotations

from ..case import Scene, case
from .rtpproxy import SDP, SOCK, relay

TYPE = "Content-Type: application/sdp"


@case(
    SOCK
    + r"""
request_route {
    $var(empty) = "";
    switch ($rU) {
    case "a": rtpproxy_manage("$avp(none)"); break;
    case "b": rtpproxy_offer("$var(empty)"); break;
    case "c": rtpproxy_answer("co", "$avp(none)"); break;
    case "d": rtpproxy_destroy("$avp(none)"); break;
    case "e": rtpproxy_offer("co", "nohost"); break;
    case "f": rtpproxy_offer("yyy"); break;
    case "h": set_rtp_proxy_set("$avp(none)"); break;
    case "i": rtpproxy_manage("cwie", "2001:db8::1"); break;
    case "j": rtpproxy_stream2uac("", "1"); break;
    case "k": rtpproxy_stream2uas("/x y", "-999"); break;
    case "l": unforce_rtp_proxy(); break;
    }
    $var(rc) = $rc;
    xlog("$rm $rU $var(rc)\n");
}
""",
    modules="tm tmx sl pv xlog textops rtpproxy",
    relays=(relay(),),
)
def odd_flags_of_rtpproxy(scene: Scene) -> None:
    """Null and empty flags, addresses that are none, methods and bodies that do not fit."""
    both = f"--b\nContent-Type: application/sdp\n\n{SDP}\n--b--\n"
    for user in "abcdefhijkl":
        scene.alice.request("INVITE", f"sip:{user}@example.com", headers=TYPE, body=SDP, call_id=f"c{user}")
        scene.alice.request("INVITE", f"sip:{user}@example.com", call_id=f"e{user}")
        scene.alice.request(
            "INVITE",
            f"sip:{user}@example.com",
            headers="Content-Type: multipart/mixed;boundary=b",
            body=both,
            call_id=f"m{user}",
        )
        scene.alice.request(
            "ACK", f"sip:{user}@example.com", headers=TYPE, body="v=0\n", call_id=f"i{user}", to_tag="b"
        )
        scene.alice.request("BYE", f"sip:{user}@example.com", call_id=f"c{user}", to_tag="b")
        scene.label(user)
