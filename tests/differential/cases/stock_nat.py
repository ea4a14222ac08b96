"""The configuration that Debian installs, with its NAT traversal: rtpengine or rtpproxy, and keepalives."""

from __future__ import annotations

from ..case import Got, Scene, case
from .nathelper import SDP
from .rtpengine import relay as rtpengine
from .rtpproxy import relay as rtpproxy
from .stock import BOB, PATH, _stock

TYPE = "Content-Type: application/sdp"


def _nat(*defines: str) -> str:
    text = _stock("WITH_NAT", *defines)
    text = text.replace("udp:127.0.0.1:2223", "udp:127.0.0.31:21205")
    return text.replace("udp:127.0.0.1:7722", "udp:127.0.0.33:21206")


def _register(scene: Scene) -> None:
    """Bob sits behind a NAT: his contact is a private address."""
    scene.bob.request(
        "REGISTER",
        "sip:127.0.0.1:21200",
        to="<sip:bob@127.0.0.1:21200>",
        from_="<sip:bob@127.0.0.1:21200>",
        call_id="reg",
        headers="Contact: <sip:bob@10.0.0.7>;expires=600",
        contact=False,
        via="SIP/2.0/UDP 10.0.0.7:5060;rport",
    )
    scene.bob.expect(200)


def _call(scene: Scene, contact: str, via: str = "") -> tuple[Got, Got]:
    """Alice's INVITE at bob's, and his 200 at hers."""
    scene.alice.request(
        "INVITE", BOB, to=f"<{BOB}>", body=SDP, contact=False, headers=f"{TYPE}\nContact: {contact}", via=via
    )
    invite = scene.bob.expect("INVITE")
    scene.alice.expect(100)
    invite.answer(180, "Ringing")
    scene.alice.expect(180)
    invite.answer(200, "OK", headers=f"{TYPE}\nContact: <sip:bob@10.0.0.7>", body=SDP)
    return invite, scene.alice.expect(200)


def _within(scene: Scene, ok: Got) -> None:
    """ACK and BYE along the route and the contact of the 200."""
    route = f"Route: {ok.header('Record-Route')}"
    contact = ok.header("Contact").strip("<>")
    scene.alice.request("ACK", contact, to=f"<{BOB}>", to_tag="bob", headers=route)
    scene.bob.expect("ACK")
    scene.alice.request("BYE", contact, to=f"<{BOB}>", to_tag="bob", cseq=3, headers=route)
    scene.bob.expect("BYE").answer(200, "OK")
    scene.alice.expect(200)


@case(_nat("WITH_RTPENGINE"), needs=PATH, relays=(rtpengine(),))
def a_call_to_a_phone_behind_a_nat_with_rtpengine(scene: Scene) -> None:
    """The called sits behind a NAT."""
    _register(scene)
    _within(scene, _call(scene, "<sip:alice@127.0.0.11:21200>")[1])


@case(_nat("WITH_RTPENGINE"), needs=PATH, relays=(rtpengine(),))
def both_phones_are_behind_nats(scene: Scene) -> None:
    """Caller and called sit behind NATs; the called hangs up."""
    _register(scene)
    invite, ok = _call(scene, "<sip:alice@192.168.0.5>", via="SIP/2.0/UDP 192.168.0.5:5060;rport")
    route = f"Route: {ok.header('Record-Route')}"
    contact = ok.header("Contact").strip("<>")
    scene.alice.request("ACK", contact, to=f"<{BOB}>", to_tag="bob", headers=route)
    scene.bob.expect("ACK")
    scene.bob.request(
        "BYE",
        invite.header("Contact").strip("<>"),
        from_=f"<{BOB}>",
        to="<sip:alice@example.com>",
        to_tag="alice",
        headers=f"Route: {invite.header('Record-Route')}",
    )
    scene.alice.expect("BYE").answer(200, "OK")
    scene.bob.expect(200)


@case(_nat(), needs=PATH, relays=(rtpproxy(),))
def a_call_to_a_phone_behind_a_nat_with_rtpproxy(scene: Scene) -> None:
    """The same with an RTP proxy."""
    _register(scene)
    _within(scene, _call(scene, "<sip:alice@127.0.0.11:21200>")[1])


@case(_nat(), needs=PATH, relays=(rtpproxy(),))
def a_rejected_call_with_rtpproxy(scene: Scene) -> None:
    """The proxy is told that nothing comes of the call."""
    _register(scene)
    call = scene.alice.request("INVITE", BOB, to=f"<{BOB}>", body=SDP, headers=TYPE)
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(486, "Busy Here")
    scene.bob.expect("ACK")
    scene.alice.ack(call, scene.alice.expect(486))


@case(
    _nat("WITH_NATSIPPING").replace('"natping_interval", 30', '"natping_interval", 1'),
    needs=PATH,
    relays=(rtpproxy(),),
    repeats=True,
)
def keepalives(scene: Scene) -> None:
    """OPTIONS go where the REGISTER came from."""
    _register(scene)
    scene.bob.expect("OPTIONS", timeout=3).answer(200, "OK")
    scene.settle()
    scene.rpc("nathelper.enable_ping", 0)
