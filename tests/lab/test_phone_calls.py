"""Phones in calls: behaviours, expectations, retransmissions, forks, holds, transfers."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.lab.message import Message
from kamscript.lab.phone import Call, Phone

CONFIG = """
listen=udp:127.0.0.1:5060
alias=example.com
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
request_route {
    if (is_method("REGISTER")) {
        save("location");
        exit;
    }
    if (has_totag()) {
        loose_route();
        t_relay();
        exit;
    }
    if (is_method("CANCEL")) {
        if (t_check_trans()) t_relay();
        exit;
    }
    if (is_method("INVITE|SUBSCRIBE|REFER")) record_route();
    if (!lookup("location")) {
        sl_send_reply("404", "Nobody");
        exit;
    }
    t_relay();
}
"""


@pytest.fixture
def lab() -> Lab:
    lab = Lab(text=CONFIG)
    for user in ("alice", "bob", "carol"):
        assert lab.phone(user).register().status == 200
    return lab


@pytest.fixture
def alice(lab: Lab) -> Phone:
    return lab.phones["alice"]


@pytest.fixture
def bob(lab: Lab) -> Phone:
    return lab.phones["bob"]


@pytest.fixture
def carol(lab: Lab) -> Phone:
    return lab.phones["carol"]


def answered(alice: Phone, bob: Phone) -> Call:
    bob.answers()
    call = alice.call(bob)
    call.expect(200)
    return call


# -- behaviours


def test_a_phone_answers_by_itself_after_a_while(lab: Lab, alice: Phone, bob: Phone) -> None:
    bob.answers(after=3)
    call = alice.call(bob)
    assert call.expect(180).time == 0
    assert call.expect(200).time == 3
    assert call.state == "confirmed"


def test_a_phone_answers_without_ringing(alice: Phone, bob: Phone) -> None:
    bob.answers(ring=None)
    call = alice.call(bob)
    assert [reply.status for reply in call.replies] == [100, 200]


def test_a_phone_rings_for_ever(lab: Lab, alice: Phone, bob: Phone) -> None:
    bob.rings()
    call = alice.call(bob)
    lab.advance(seconds=60)
    assert call.state == "early"


def test_a_call_has_the_final_replys_reason(alice: Phone, bob: Phone) -> None:
    call = alice.call(bob)
    assert (call.status, call.reason) == (0, "")
    bob.call_waiting.reject(480, "Gone Fishing")
    assert (call.status, call.reason) == (480, "Gone Fishing")


def test_a_phone_rejects_by_itself(alice: Phone, bob: Phone) -> None:
    bob.rejects(480, "Not Here", after=2, ring=180)
    call = alice.call(bob)
    call.expect(180)
    assert call.expect("4xx").reason == "Not Here"


def test_a_phone_redirects(alice: Phone, bob: Phone, carol: Phone) -> None:
    bob.redirects(carol, "dave")
    reply = alice.call(bob).expect(302)
    assert reply.each("Contact") == ["<sip:carol@10.0.0.3:5060>", "<sip:dave@example.com>"]


def test_a_silent_phone_answers_nothing(lab: Lab, alice: Phone, bob: Phone) -> None:
    bob.silent()
    call = alice.call(bob)
    assert call.expect(408).time == 30  # fr_timer of tm
    bob.waits()
    assert alice.message(bob, "hello").status == 200


def test_a_cancelled_call_is_not_answered_later(lab: Lab, alice: Phone, bob: Phone) -> None:
    bob.answers(after=5)
    call = alice.call(bob)
    call.cancel()
    lab.advance(seconds=10)
    assert (call.state, bob.last_call.state) == ("cancelled", "cancelled")


def test_a_handler_deals_with_a_method(alice: Phone, bob: Phone) -> None:
    texts = []

    @bob.on("MESSAGE")
    def keep(message: Message) -> int:
        texts.append(message.body)
        return 202

    assert alice.message(bob, "hello").status == 202
    assert texts == ["hello"]


def test_a_number_is_a_handler(alice: Phone, bob: Phone) -> None:
    bob.on("MESSAGE", 486)
    assert alice.message(bob, "hello").status == 486


def test_a_handler_may_leave_it_to_the_phone(alice: Phone, bob: Phone) -> None:
    bob.on("MESSAGE", lambda message: message.reply(488) if "spam" in message.body else bob.usual(message))
    assert alice.message(bob, "spam").status == 488
    assert alice.message(bob, "hello").status == 200


def test_a_handler_of_invite_rings_and_answers(alice: Phone, bob: Phone) -> None:
    def pick_up(invite: Message) -> None:
        invite.reply(183, body="v=0\r\n")
        invite.reply(200, headers=["X-Mood: fine"])

    bob.on("INVITE", pick_up)
    call = alice.call(bob)
    assert call.expect(183).body == "v=0\r\n"
    assert call.expect(200)["X-Mood"] == "fine"
    assert bob.expect("ACK").dialog is bob.last_call


def test_a_handler_of_invite_is_not_asked_about_reinvites(alice: Phone, bob: Phone) -> None:
    bob.on("INVITE", 200)
    bob.on("re-INVITE", 488)
    call = alice.call(bob)
    assert call.reinvite().status == 488
    assert call.state == bob.last_call.state == "confirmed"


def test_a_handler_hears_of_replies(alice: Phone, bob: Phone) -> None:
    heard: list[str] = []
    alice.on(180, lambda reply: heard.append(reply["CSeq"]))
    bob.rings()
    alice.call(bob)
    assert heard == ["1 INVITE"]


@pytest.mark.kam_lab_only("the exact time is in its text")
def test_a_handler_that_raises_says_where(alice: Phone, bob: Phone) -> None:
    @bob.on("MESSAGE")
    def fail(message: Message) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError) as caught:
        alice.message(bob, "hello")
    assert caught.value.__notes__ == ["in what bob does with MESSAGE sip:bob@10.0.0.2:5060 at 0.000 s"]
    bob.on("MESSAGE", 200)
    assert alice.message(bob, "again").status == 200


@pytest.mark.parametrize(
    ("what", "handler", "told"),
    [
        ("message", 200, "'message' is no method"),
        ("MESSAGE", 99, "99 is no status"),
        ("MESSAGE", "busy", "the handler for MESSAGE is no function"),
    ],
)
def test_a_handler_must_make_sense(bob: Phone, what: str, handler: object, told: str) -> None:
    with pytest.raises((ValueError, TypeError), match=told):
        bob.on(what, handler)  # type: ignore[call-overload]


def test_a_handler_returns_a_status(alice: Phone, bob: Phone) -> None:
    bob.on("MESSAGE", lambda message: "fine")  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError, match=r"returned 'fine': a status or None is wanted"):
        alice.message(bob, "hello")


# -- messages


def test_headers_are_read_by_name(alice: Phone, bob: Phone) -> None:
    alice.call(bob, headers=["s: Lunch"])
    invite = bob.expect("INVITE")
    assert invite["Contact"] == "<sip:alice@10.0.0.1:5060>"
    assert invite["Subject"] == "Lunch"
    assert "Diversion" not in invite
    assert invite.get("Diversion", "none") == "none"
    assert len(invite.each("v")) == 2
    assert str(invite.source) == "127.0.0.1:5060"


def test_a_header_that_is_not_there_is_named(alice: Phone, bob: Phone) -> None:
    alice.message(bob, "hello")
    with pytest.raises(KeyError, match=r"no Diversion header in MESSAGE sip:bob@10.0.0.2:5060: it has Via, "):
        bob.last_request["Diversion"]


def test_the_last_reply_and_request(alice: Phone, bob: Phone) -> None:
    alice.message(bob, "hello")
    assert (alice.last_reply.status, bob.last_request.body) == (200, "hello")
    with pytest.raises(AssertionError, match=r"no request reached alice"):
        _ = alice.last_request


def test_a_request_is_answered_once(alice: Phone, bob: Phone) -> None:
    alice.message(bob, "hello")
    with pytest.raises(AssertionError, match=r"bob answered MESSAGE .* with 200 already"):
        bob.last_request.reply(486)
    with pytest.raises(AssertionError, match=r"200 OK \(MESSAGE\) is a reply"):
        alice.last_reply.reply(200)


# -- expectations


def test_an_expectation_finds_what_came(alice: Phone, bob: Phone) -> None:
    call = answered(alice, bob)
    assert bob.expect("INVITE").dialog is bob.last_call
    bob.expect("ACK")
    call.hangup()
    assert bob.last_call.expect("BYE").method == "BYE"


def test_a_final_reply_ends_an_expectation_at_once(lab: Lab, alice: Phone, bob: Phone) -> None:
    bob.rejects(486)
    call = alice.call(bob)
    with pytest.raises(AssertionError) as caught:
        call.expect(180)
    text = str(caught.value)
    assert text.startswith(
        "alice's call to sip:bob@example.com should get 180, but the final reply was 486 Busy Here (INVITE)\n"
        "alice got in it: 100 trying -- your call is important to us (INVITE), 486 Busy Here (INVITE)\n"
    )
    assert "─ INVITE sip:bob@10.0.0.2:5060 ─" in text
    assert lab.now == lab.network.started


def test_what_came_before_is_told(alice: Phone, bob: Phone) -> None:
    call = answered(alice, bob)
    with pytest.raises(AssertionError, match=r"alice got in it since the message found last: nothing") as caught:
        call.expect(180)
    assert "before that: 100 trying" in str(caught.value)


@pytest.mark.kam_lab_only("it is about pending timers")
def test_a_wait_that_nothing_satisfies_names_the_timers(alice: Phone, bob: Phone) -> None:
    with pytest.raises(AssertionError) as caught:
        bob.expect("INVITE", within=5)
    text = str(caught.value)
    assert text.startswith("bob should get INVITE, but it did not within 5 s; pending timers:\n")
    assert "usrloc" in text
    assert "\nbob got: 200 OK (REGISTER)\n" in text


@pytest.mark.kam_lab_only("it is about pending timers")
def test_a_wait_for_which_no_timer_is_left_fails_at_once() -> None:
    lab = Lab(text="request_route { drop; }")
    bob = lab.phone("bob")
    with pytest.raises(AssertionError, match=r"bob should get 4xx, but nothing is under way and no timer is pending"):
        bob.expect("4xx", within=1e9)
    assert lab.now == lab.network.started


def test_a_request_that_nobody_answers_says_where_it_went() -> None:
    lab = Lab(text=CONFIG)
    call = lab.phone("alice", proxy="10.0.0.66").call("bob")
    with pytest.raises(AssertionError, match=r"it timed out after 32 s, and nobody sits at 10.0.0.66:5060"):
        call.expect(200)
    assert (call.state, call.status) == ("failed", 408)


def test_where_narrows_an_expectation(alice: Phone, bob: Phone) -> None:
    for text in ("one", "two"):
        alice.message(bob, text)
    assert bob.expect("MESSAGE", where=lambda message: message.body == "two").body == "two"


def test_nothing_is_expected(lab: Lab, alice: Phone, bob: Phone) -> None:
    bob.expect_no(within=10)
    assert lab.now == lab.network.started + 10
    alice.message(bob, "hello")
    bob.expect_no("INVITE")
    with pytest.raises(AssertionError, match=r"bob should not get any request, but MESSAGE .* came at 10.000 s"):
        bob.expect_no()


@pytest.mark.parametrize("wanted", ["invite", "7", ""])
def test_what_is_no_message_is_refused(alice: Phone, bob: Phone, wanted: str) -> None:
    alice.message(bob, "hello")
    with pytest.raises(ValueError, match=r"is no SIP message"):
        bob.expect(wanted)


# -- calls at once


def test_two_calls_at_once_must_be_told_apart(alice: Phone, bob: Phone, carol: Phone) -> None:
    alice.call(bob)
    carol.call(bob)
    with pytest.raises(
        AssertionError, match=r"2 calls wait at bob at once, from sip:alice@example.com and sip:carol@example.com: "
        r"say which one, bob.call_from\('alice'\)",
    ):  # fmt: skip
        _ = bob.call_waiting
    bob.call_from("carol").answer()
    assert bob.call_waiting is bob.call_from(alice)


def test_no_call_from_somebody(bob: Phone) -> None:
    with pytest.raises(AssertionError, match=r"no call from dave reached bob"):
        bob.call_from("dave")


def test_a_second_phone_of_a_user_has_a_name(lab: Lab) -> None:
    with pytest.raises(ValueError, match=r"there is a phone bob already, at 10.0.0.2:5060"):
        lab.phone("bob")
    assert lab.phone("bob", name="desk").user == "bob"


def test_an_address_is_taken_once(lab: Lab) -> None:
    with pytest.raises(ValueError, match=r"10.0.0.2:5060 is taken by bob"):
        lab.phone("dave", "10.0.0.2")


@pytest.mark.parametrize("action", ["ring", "answer", "reject"])
def test_a_call_is_answered_once(alice: Phone, bob: Phone, action: str) -> None:
    answered(alice, bob)
    with pytest.raises(AssertionError, match=r"bob cannot send ...: it was answered with 200"):
        getattr(bob.last_call, action)()


def test_a_cancelled_call_cannot_be_answered(alice: Phone, bob: Phone) -> None:
    bob.rings()
    alice.call(bob).cancel()
    with pytest.raises(AssertionError, match=r"bob cannot send 200: the call is cancelled"):
        bob.call_waiting.answer()


def test_only_the_called_side_answers(alice: Phone, bob: Phone) -> None:
    with pytest.raises(AssertionError, match=r"alice cannot send 200: this side called"):
        alice.call(bob).answer()


# -- retransmissions and timers of RFC 3261


def sent(lab: Lab, start: str, phone: Phone) -> list[float]:
    """When a phone sent messages that begin so."""
    wires = [*lab.network.delivered, *lab.network.unreachable, *(lost.wire for lost in lab.network.lost)]
    mine = [wire for wire in wires if wire.source == phone.address and wire.text.startswith(start)]
    return sorted(round(wire.time - lab.network.started, 2) for wire in mine)


def test_a_200_is_sent_until_its_ack_comes_and_then_the_call_ends(lab: Lab, alice: Phone, bob: Phone) -> None:
    alice.call(bob)
    lab.link(bob, way="in", down=True)
    bob.call_waiting.answer()
    lab.advance(seconds=40)
    assert sent(lab, "SIP/2.0 200 OK", bob) == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert bob.last_call.state == "ended"
    assert sent(lab, "BYE", bob)[0] == 32


def test_a_rejection_is_sent_until_its_ack_comes(lab: Lab, alice: Phone, bob: Phone) -> None:
    bob.rejects()
    lab.link(bob, way="in", down=True)
    invite = alice.build("INVITE", bob.contact, "z9hG4bK-x", "<sip:a@x>;tag=1", "<sip:b@x>", "id", 1, ())
    lab.network.links.clear()
    lab.network.send(invite, "udp", alice.address, bob.address)
    lab.run()
    lab.advance(seconds=6)
    assert sent(lab, "SIP/2.0 486", bob) == [0, 0.5, 1.5, 3.5]


def test_a_retransmitted_request_gets_the_same_reply_and_is_no_news(lab: Lab, alice: Phone, bob: Phone) -> None:
    handled: list[Message] = []
    bob.on("MESSAGE", lambda message: handled.append(message) or 200)  # type: ignore[func-returns-value]
    text = alice.build("MESSAGE", bob.contact, "z9hG4bK-x", "<sip:a@x>;tag=1", "<sip:b@x>", "id", 1, ())
    for _ in range(2):
        lab.network.send(text, "udp", alice.address, bob.address)
        lab.run()
    assert len(handled) == 1
    assert [message.again for message in bob.received if message.method == "MESSAGE"] == [False, True]
    assert len(sent(lab, "SIP/2.0 200 OK", bob)) == 2


def test_a_repeated_200_is_acknowledged_again(lab: Lab, alice: Phone, bob: Phone) -> None:
    answered(alice, bob)
    lab.network.send(bob.expect("INVITE").answer, "udp", bob.address, alice.proxy)
    lab.run()
    assert len(sent(lab, "ACK", alice)) == 2


def test_cancel_waits_for_a_provisional_reply(lab: Lab, alice: Phone, bob: Phone) -> None:
    lab.link(alice, delay=0.1)
    call = alice.call(bob)
    cancel = call.cancel()
    assert not sent(lab, "CANCEL", alice)
    assert cancel.expect(200).time > 0.2
    assert call.expect(487)


def test_an_answer_that_crosses_the_cancel_ends_the_call(lab: Lab, alice: Phone, bob: Phone) -> None:
    lab.link(alice, delay=0.1)
    call = alice.call(bob)
    call.expect(100)
    bob.call_waiting.answer()
    call.cancel()
    bob.expect("BYE")
    assert call.state == "ended"


def test_an_unknown_dialog_is_refused(alice: Phone, bob: Phone) -> None:
    call = answered(alice, bob)
    call.local = call.local + "x"
    assert call.send("INFO").status == 481


def test_an_old_cseq_is_refused(alice: Phone, bob: Phone) -> None:
    call = answered(alice, bob)
    call.cseq = 10
    assert call.send("INFO").status == 200
    call.cseq = 5
    assert call.send("INFO").status == 500


def test_invites_that_cross_are_refused(lab: Lab, alice: Phone, bob: Phone) -> None:
    call = answered(alice, bob)
    other = bob.last_call
    lab.link(alice, delay=0.1)
    mine, theirs = call.start("INVITE"), other.start("INVITE")
    assert (mine.expect("4xx").status, theirs.expect("4xx").status) == (491, 491)
    assert call.state == other.state == "confirmed"


# -- forks


def test_a_forked_call_has_a_dialog_for_each_phone_that_rings(lab: Lab, alice: Phone, bob: Phone) -> None:
    desk = lab.phone("bob", name="desk")
    desk.register()
    bob.rings()
    desk.answers(after=2)
    call = alice.call(bob)
    assert (call.state, [fork.state for fork in call.forks]) == ("early", ["early"])
    answer = call.expect(200)
    assert call.remote == answer["To"]
    assert call.state == "confirmed"
    assert bob.expect("CANCEL")
    assert call.hangup().status == 200
    assert desk.last_call.state == "ended"


def test_two_answers_make_two_calls(lab: Lab, alice: Phone, bob: Phone) -> None:
    lab.phone("bob", name="desk").register()
    phones = [bob, lab.phones["desk"]]
    for phone in phones:
        lab.link(phone, delay=0.1)
        phone.answers(ring=None)
    call = alice.call(bob)
    for phone in phones:
        phone.expect("ACK")
    (fork,) = call.forks
    assert (call.state, fork.state) == ("confirmed", "confirmed")
    assert call.remote != fork.remote
    assert fork.hangup().expect(200)
    assert sorted(phone.last_call.state for phone in phones) == ["confirmed", "ended"]


def test_the_same_invite_by_two_ways_is_merged(lab: Lab, alice: Phone, bob: Phone) -> None:
    bob.register(contact="<sip:bob@10.0.0.2:5060;line=2>")
    alice.call(bob)
    assert [m.replied for m in bob.received if m.method == "INVITE"] == [0, 482]


# -- in calls


def test_hold_and_resume(alice: Phone, bob: Phone) -> None:
    call = answered(alice, bob)
    assert call.hold().status == 200
    assert bob.last_call.on_hold
    assert "a=recvonly" in alice.last_reply.body
    call.resume()
    assert not bob.last_call.on_hold
    assert "o=- 1 3 IN IP4 10.0.0.1" in bob.expect("re-INVITE", where=lambda m: "sendonly" not in m.body).body


def test_an_invite_without_offer_gets_the_answer_in_its_ack(alice: Phone, bob: Phone) -> None:
    bob.answers()
    alice.call(bob, body="")
    assert bob.expect("INVITE").body == ""
    assert bob.expect("ACK").body.startswith("v=0\r\n")


def test_update_refreshes_the_target(alice: Phone, bob: Phone) -> None:
    call = answered(alice, bob)
    alice.contact = "sip:alice@10.0.0.1:5060;moved"
    assert call.update().status == 200
    assert bob.last_call.target == "sip:alice@10.0.0.1:5060;moved"


def test_info_and_dtmf(alice: Phone, bob: Phone) -> None:
    call = answered(alice, bob)
    assert call.dtmf("5").status == 200
    assert bob.expect("INFO")["Content-Type"] == "application/dtmf-relay"


def test_a_reliable_ring_is_proved(alice: Phone, bob: Phone) -> None:
    bob.rings(183, reliable=True)
    call = alice.call(bob, reliable=True)
    assert call.expect(183)["RSeq"] == "1"
    assert bob.expect("PRACK")["RAck"] == "1 1 INVITE"
    bob.call_waiting.answer()
    assert call.expect(200)


def test_a_reliable_ring_is_sent_until_it_is_proved(lab: Lab, alice: Phone, bob: Phone) -> None:
    alice.proves = False
    bob.answers(reliable=True)
    alice.call(bob, reliable=True)
    lab.advance(seconds=31)
    assert sent(lab, "SIP/2.0 180", bob) == [0, 0.5, 1.5, 3.5, 7.5, 15.5]
    assert bob.last_call.state == "ringing"
    lab.advance(seconds=2)
    assert bob.last_call.state == "failed"


def test_a_reliable_ring_needs_a_caller_that_knows_it(alice: Phone, bob: Phone) -> None:
    alice.call(bob)
    with pytest.raises(AssertionError, match=r"bob cannot send a reliable 180: the INVITE does not support 100rel"):
        bob.call_waiting.ring(reliable=True)


# -- transfers


def test_a_blind_transfer(alice: Phone, bob: Phone, carol: Phone) -> None:
    call = answered(alice, bob)
    carol.answers(after=2)
    transfer = call.transfer(carol)
    assert transfer.status == 202
    transfer.expect(200)
    assert transfer.progress == [100, 180, 200]
    assert (call.state, bob.calls[0].state) == ("ended", "ended")
    assert carol.expect("INVITE")["Referred-By"] == "<sip:alice@example.com>"
    assert (bob.last_call.state, carol.last_call.state) == ("confirmed", "confirmed")


def test_a_transfer_to_a_busy_phone_leaves_the_call(alice: Phone, bob: Phone, carol: Phone) -> None:
    call = answered(alice, bob)
    carol.rejects(486)
    transfer = call.transfer(carol)
    with pytest.raises(AssertionError, match=r"should come to 200, but it is over; NOTIFYs told 100, 486"):
        transfer.expect(200)
    assert call.state == "confirmed"


def test_an_attended_transfer(alice: Phone, bob: Phone, carol: Phone) -> None:
    call = answered(alice, bob)
    consultation = answered(alice, carol)
    call.transfer(consultation).expect(200)
    assert "Replaces" in carol.expect("INVITE", where=lambda invite: "Replaces" in invite)
    assert (bob.last_call.state, carol.last_call.state) == ("confirmed", "confirmed")
    assert bob.last_call.peer == "sip:carol@10.0.0.3:5060"
    assert (call.state, consultation.state) == ("ended", "ended")


def test_a_refused_refer(alice: Phone, bob: Phone) -> None:
    call = answered(alice, bob)
    bob.on("REFER", 603)
    with pytest.raises(AssertionError, match=r"REFER was answered with 603 Decline"):
        call.transfer("carol").expect(200)


def test_a_refer_outside_a_call(alice: Phone, bob: Phone, carol: Phone) -> None:
    carol.answers()
    request = alice.request("REFER", bob, headers=["Refer-To: <sip:carol@example.com>"])
    assert request.status == 202
    assert bob.last_call.state == carol.last_call.state == "confirmed"


# -- subscriptions and publications


def test_a_subscription(lab: Lab, alice: Phone, bob: Phone) -> None:
    watch = alice.subscribe(bob, "presence", expires=600)
    assert watch.status == 200
    assert watch.expect()["Subscription-State"] == "active;expires=600"
    bob.watchers[0].notify("<busy/>", "application/pidf+xml")
    assert watch.expect().body == "<busy/>"
    lab.advance(seconds=601)
    assert watch.state == "terminated"


def test_a_subscription_is_refreshed_and_ended(lab: Lab, alice: Phone, bob: Phone) -> None:
    watch = alice.subscribe(bob, expires=600)
    lab.advance(seconds=500)
    assert watch.refresh(600).status == 200
    lab.advance(seconds=500)
    assert watch.state == "active"
    watch.unsubscribe()
    assert (watch.state, bob.watchers[0].state) == ("terminated", "terminated")


def test_a_refused_subscription(alice: Phone, bob: Phone) -> None:
    bob.on("SUBSCRIBE", 489)
    watch = alice.subscribe(bob)
    assert (watch.status, watch.state) == (489, "terminated")


def test_a_publication_keeps_its_entity_tag(alice: Phone, bob: Phone) -> None:
    bob.on("PUBLISH", lambda publish: publish.reply(200, headers=["SIP-ETag: e1"]))
    alice.proxy = bob.address
    assert alice.publish(body="<open/>").status == 200
    alice.publish(body="<closed/>")
    assert bob.last_request["SIP-If-Match"] == "e1"


def test_options(alice: Phone, bob: Phone) -> None:
    assert alice.options(bob).expect("2xx")


def test_a_registration_is_kept(lab: Lab, bob: Phone) -> None:
    bob.register(expires=600, keep=True)
    lab.advance(hours=2)
    assert [one.aor for one in lab.registrations] == ["bob"]
    assert bob.unregister().status == 200
    lab.advance(hours=2)
    assert not lab.registrations


def test_a_header_of_the_test_stands_in_place_of_the_phones_own(alice: Phone, bob: Phone) -> None:
    alice.call(bob, headers=["Max-Forwards: 9", "m: <sip:alice@10.9.9.9>"])
    invite = bob.expect("INVITE")
    assert invite.each("Max-Forwards") == ["9"]
    assert invite.each("Contact") == ["<sip:alice@10.9.9.9>"]
    invite.reply(200, headers=["Contact: <sip:bob@10.8.8.8>"])
    assert alice.last_call.expect(200).each("Contact") == ["<sip:bob@10.8.8.8>"]


def test_only_an_answered_call_is_held(alice: Phone, bob: Phone) -> None:
    call = alice.call(bob)
    with pytest.raises(AssertionError, match="alice cannot hold: the call is calling, only one that was answered"):
        call.hold()


def test_an_offer_waits_for_the_answer_to_the_one_before(lab: Lab, alice: Phone, bob: Phone) -> None:
    call = answered(alice, bob)
    with lab.link(bob, delay=1):
        held = call.hold()
        with pytest.raises(AssertionError, match="alice cannot resume: its last INVITE has no final reply yet"):
            call.resume()
        held.expect(200)
        call.resume().expect(200)


def test_a_slip_in_a_method_is_told(bob: Phone) -> None:
    with pytest.raises(AssertionError, match="SIP has no method INVIET; did you mean INVITE"):
        bob.expect("INVIET")


def test_a_subscription_that_is_refused_is_not_waited_for(lab: Lab, alice: Phone) -> None:
    watch = alice.subscribe("nobody")
    with pytest.raises(AssertionError, match="should get NOTIFY, but the final reply was 404 Nobody"):
        watch.expect()
    assert lab.now == lab.network.started
