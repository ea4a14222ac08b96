"""Phones over TCP and TLS: connections, which are used again, and NAT in front of them."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.lab.transports import StreamPhone

CONFIG = """
enable_tls=yes
listen=udp:127.0.0.1:5060
listen=tcp:127.0.0.1:5060
listen=tls:127.0.0.1:5061
alias=example.com
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("registrar", "received_avp", "$avp(received)")
request_route {
    if (is_method("OPTIONS")) {
        sl_send_reply("200", "Over $pr from $si port $sp");
        exit;
    }
    if (is_method("REGISTER")) {
        #!ifdef REUSE
        $avp(received) = $su;
        #!endif
        save("location");
        exit;
    }
    if (has_totag()) {
        loose_route();
        t_relay();
        exit;
    }
    record_route();
    if (!lookup("location")) {
        sl_send_reply("404", "Nobody");
        exit;
    }
    t_relay();
}
"""


def make(**options: object) -> Lab:
    return Lab(text=CONFIG, **options)  # type: ignore[arg-type]


def phone(lab: Lab, user: str, proto: str = "tcp") -> StreamPhone:
    made = lab.phone(user, proto=proto)
    assert isinstance(made, StreamPhone)
    return made


@pytest.mark.parametrize(("proto", "port"), [("tcp", 5060), ("tls", 5061)])
def test_a_request_goes_over_a_connection_of_its_own(proto: str, port: int) -> None:
    lab = make()
    alice = phone(lab, "alice", proto)
    assert alice.options().expect(200).reason == f"Over {proto} from 10.0.0.1 port 49152"
    assert alice.last_reply.source == ("127.0.0.1", port)
    assert alice.last_reply["Via"].startswith(f"SIP/2.0/{proto.upper()} 10.0.0.1:{port};")


def test_a_connection_is_used_again() -> None:
    lab = make()
    alice = phone(lab, "alice")
    alice.options()
    assert alice.options().expect(200).reason.endswith("port 49152")
    assert len(alice.connections) == 1


def test_behind_a_hang_up_a_new_connection_is_opened() -> None:
    lab = make()
    alice = phone(lab, "alice")
    alice.options()
    alice.disconnect()
    assert not alice.connections
    assert alice.options().expect(200).reason.endswith("port 49153")


@pytest.mark.parametrize("proto", ["tcp", "tls"])
def test_the_server_connects_to_where_a_phone_listens(proto: str) -> None:
    lab = make()
    alice, bob = phone(lab, "alice", proto), phone(lab, "bob", proto)
    bob.register()
    bob.answers()
    call = alice.call(bob)
    call.expect(200)
    assert bob.expect("INVITE").seat == bob.address
    assert [stream.seat.port for stream in bob.connections] == [49152, bob.address.port]
    assert call.hangup().status == 200
    assert bob.last_call.state == "ended"


def test_udp_and_tls_meet() -> None:
    lab = make()
    alice, bob = lab.phone("alice"), phone(lab, "bob", "tls")
    bob.register()
    bob.answers()
    call = alice.call(bob)
    call.expect(200)
    bob.expect("ACK")
    assert bob.last_call.hangup().status == 200
    assert call.state == "ended"


def test_a_phone_behind_a_nat_is_reached_over_its_connection() -> None:
    lab = make(defines={"REUSE": ""})
    alice, bob = lab.phone("alice"), phone(lab, "bob")
    lab.link(bob, nat="203.0.113.7")
    bob.register()
    assert alice.message(bob, "hello").status == 200
    assert len(bob.connections) == 1


def test_a_phone_behind_a_nat_is_not_reached_where_it_listens() -> None:
    lab = make()
    alice, bob = lab.phone("alice"), phone(lab, "bob")
    lab.link(bob, nat="203.0.113.7")
    bob.register()
    alice.message(bob, "hello")
    assert lab.network.lost[-1].why == "behind NAT 203.0.113.7"


def test_nothing_is_sent_again_over_tcp() -> None:
    lab = make()
    alice = phone(lab, "alice")
    lab.link(alice, down=True)
    request = alice.options()
    lab.advance(seconds=33)
    assert request.status == 408
    assert len(lab.network.lost) == 1


def test_over_tcp_what_is_lost_comes_later_and_in_order() -> None:
    lab = make()
    alice = phone(lab, "alice")
    lab.link(alice, loss=0.5)
    for number in range(20):
        alice.request("OPTIONS", "sip:example.com", call_id=str(number))
    lab.advance(seconds=120)
    assert [reply["Call-ID"] for reply in alice.received] == [str(number) for number in range(20)]
    assert not lab.network.lost
    assert alice.received[-1].time > 0.2


def test_where_nobody_listens_a_request_times_out() -> None:
    lab = make()
    alice = lab.phone("alice", proto="tcp", proxy="10.0.0.66")
    with pytest.raises(AssertionError, match=r"nobody sits at 10\.0\.0\.66:5060"):
        alice.options().expect(200)


def test_a_config_without_the_transport_refuses_the_phone() -> None:
    with pytest.raises(AssertionError, match="the config listens on no tls socket"):
        Lab(text="listen=udp:127.0.0.1:5060\nrequest_route { drop; }").phone("alice", proto="tls")


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(ValueError, match="proto='sctp': one of udp, tcp, tls, ws, wss is wanted"):
        make().phone("alice", proto="sctp")


def test_calls_of_a_tcp_phone_leave_nothing_behind() -> None:
    lab = make()
    alice, bob = phone(lab, "alice"), phone(lab, "bob")
    bob.register()
    bob.answers(after=1)
    call = alice.call(bob)
    call.expect(200)
    call.hangup()
    lab.verify()
