"""presence: the dialogs of subscriptions, NOTIFYs and their replies, what scripts see of them, odd requests."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, case
from .presence import BOB, MODULES, ROW, Watch, config, pidf, publish, published


# -- dialogs ----------------------------------------------------------------------------------------------------------
@case(config('modparam("presence", "cseq_offset", 0)'), modules=MODULES)
def dialogs(scene: Scene) -> None:
    """481 for a dialog that is not known, 400 for an old CSeq, 500 for a SUBSCRIBE without Contact."""
    watch = Watch(scene.alice)
    watch.start()
    watch.send(cseq=1)
    scene.settle()
    watch.send(cseq=5)
    scene.alice.expect(400)
    scene.alice.expect(200)
    watch.told()
    watch.send(to_tag="wrong", cseq=6)
    scene.alice.expect(481)
    Watch(scene.alice, call_id="new").send(contact=False)
    scene.alice.expect(500)
    Watch(scene.alice, call_id="star").send(contact=False, headers="Contact: *")
    scene.alice.expect(500)
    watch.start(0, cseq=7)
    watch.send(cseq=8)
    scene.alice.expect(481)


@case(config(), modules=MODULES)
def routes_and_contacts(scene: Scene) -> None:
    """NOTIFYs follow the record routes; a new Contact is the new target, the routes stay."""
    watch = Watch(scene.alice)
    watch.send(
        headers="Record-Route: <sip:127.0.0.13:21200;lr;n=1>, <sip:127.0.0.14:21200;lr>\nRecord-Route: <sip:far.example.com;lr>\nUser-Agent: phone 1"
    )
    watch.tag = scene.alice.expect(200).header("To").partition(";tag=")[2]
    scene.carol.expect("NOTIFY").answer(200, "OK")
    scene.settle()
    watch.send(
        contact=False, headers="Contact: <sip:alice@127.0.0.15:21200;x=y>;expires=3", from_="<sip:other@example.net>"
    )
    scene.alice.expect(200)
    scene.carol.expect("NOTIFY").answer(200, "OK")
    published(scene.bob, pidf())
    scene.carol.expect("NOTIFY").answer(200, "OK")
    scene.settle()


@case(config('modparam("presence", "subs_db_mode", 1)'), modules=MODULES)
def the_far_end_is_gone(scene: Scene) -> None:
    """481 and 404 to a NOTIFY end the subscription, other failures do not."""
    watch, other, third = Watch(scene.alice), Watch(scene.carol), Watch(scene.dave)
    for each in (watch, other, third):
        each.start()
    scene.rows("active_watchers", "watcher_username")
    published(scene.bob, pidf())
    watch.told(481, "Gone")
    other.told(404, "Not found")
    third.told(500, "Busy")
    scene.settle()
    scene.rows("active_watchers", "watcher_username", label="later")
    published(scene.bob, pidf("closed"), cseq=2)
    third.told()
    scene.settle()
    watch.send()
    scene.alice.expect(481)


EVENTS = """
event_route[presence:notify-reply] {
    xlog("reply $notify_reply($rs) $notify_reply($hdr(X-Told)) to $rm $ru, $subs(uri) $subs(watcher_username) $subs(expires) $subs(reason)\\n");
    if ($notify_reply($rs) == 500) $xavp(pres=>delete_subscription) = 1;
}
event_route[tm:local-request] { xlog("local $rm $subs(pres_uri) $subs(from_user) $subs(status) $subs(local_cseq) $subs(version)\\n"); append_hf("X-Local: yes\\r\\n"); }
"""


@case(config('modparam("presence", "xavp_cfg", "pres")', rest=EVENTS), modules=MODULES)
def event_routes(scene: Scene) -> None:
    """The reply to a NOTIFY is seen and may end the subscription; the NOTIFY may be changed before it leaves."""
    watch = Watch(scene.alice)
    watch.send()
    watch.tag = scene.alice.expect(200).header("To").partition(";tag=")[2]
    scene.alice.expect("NOTIFY").answer(200, "OK", "X-Told: first")
    scene.settle()
    published(scene.bob, pidf())
    scene.alice.expect("NOTIFY").answer(486, "Busy", "X-Told: second")
    scene.settle()
    published(scene.bob, pidf("closed"), cseq=2)
    watch.told(500, "Broken")
    scene.settle()
    published(scene.bob, pidf("open"), cseq=3)
    scene.settle()


SUBS = """
    xlog("$subs(uri)|$subs(pres_uri)|$subs(to_user)|$subs(to_domain)|$subs(from_user)|$subs(from_domain)|$subs(watcher_username)|$subs(watcher_domain)\\n");
    xlog("$subs(event)|$subs(event_id)|$subs(from_tag)|$subs(callid)|$subs(remote_cseq)|$subs(local_cseq)|$subs(contact)|$subs(local_contact)\\n");
    xlog("$subs(record_route)|$subs(expires)|$subs(status)|$subs(reason)|$subs(version)|$subs(flags)|$subs(user_agent)|$subs(sockinfo)\\n");
    if ($subs(reason) == $null) xlog("no reason\\n");
    if ($subs(to_tag) == $null) xlog("no tag\\n");
"""


@case(
    config(subscribe=f'xlog("before $subs(uri)\\n"); setbflag(3); handle_subscribe("sip:someone@example.org"); {SUBS}'),
    modules=MODULES + " kex",
)
def variables(scene: Scene) -> None:
    """What $subs() knows; the watcher is whom the argument names."""
    watch = Watch(scene.alice)
    watch.start(headers="User-Agent: phone 1\nRecord-Route: <sip:127.0.0.11:21200;lr>")
    watch.start()
    watch.start(0)
    Watch(scene.alice, event="none", call_id="x").send()
    scene.settle()


@case(
    config('modparam("presence", "pres_subs_mode", 0)', subscribe=f'handle_subscribe("$fu"); {SUBS}'), modules=MODULES
)
def no_variables(scene: Scene) -> None:
    """pres_subs_mode 0: $subs() is null."""
    Watch(scene.alice).start()


@case(
    config(
        before='if (is_method("PUBLISH|SUBSCRIBE") && !t_newtran()) { sl_reply_error(); exit; }',
        publish="handle_publish(); t_release();",
        subscribe="handle_subscribe(); t_release();",
    ),
    modules=MODULES,
)
def with_transactions(scene: Scene) -> None:
    """Replies through tm: repeated requests change nothing."""
    watch = Watch(scene.alice)
    watch.start()
    publish(scene.bob, pidf())
    scene.bob.expect(200)
    watch.told()
    scene.bob.request(
        "PUBLISH",
        BOB,
        to=f"<{BOB}>",
        call_id="pub-bob",
        branch="z9hG4bK-bob-1",
        headers="Event: presence\nExpires: 600\nContent-Type: application/pidf+xml",
        body=pidf(),
    )
    scene.settle()
    watch.start(0)


@case(
    config(
        'modparam("tm", "fr_timer", 400)\nmodparam("tm", "retr_timer1", 1000)\nmodparam("presence", "subs_db_mode", 1)',
        rest="""
event_route[presence:notify-reply] { xlog("reply $notify_reply($rs) $notify_reply($rr) $notify_reply($ci) $subs(watcher_username)\\n"); }
""",
    ),
    modules=MODULES,
)
def nobody_answers(scene: Scene) -> None:
    """A NOTIFY that is not answered in time ends the subscription, but not the last one's."""
    watch = Watch(scene.alice)
    watch.send()
    watch.tag = scene.alice.expect(200).header("To").partition(";tag=")[2]
    scene.alice.expect("NOTIFY")
    scene.wait(0.9)
    scene.rows("active_watchers", "watcher_username")
    watch.send()
    scene.alice.expect(481)
    fetch = Watch(scene.alice, call_id="fetch")
    fetch.send(0)
    scene.alice.expect(200)
    scene.alice.expect("NOTIFY")
    scene.wait(0.9)


@case(
    config(
        'modparam("tm", "fr_timer", 400)\nmodparam("tm", "retr_timer1", 1000)\nmodparam("presence", "timeout_rm_subs", 0)'
    ),
    modules=MODULES,
)
def nobody_answers_and_nobody_minds(scene: Scene) -> None:
    """timeout_rm_subs 0: the subscription stays."""
    watch = Watch(scene.alice)
    watch.send()
    watch.tag = scene.alice.expect(200).header("To").partition(";tag=")[2]
    scene.alice.expect("NOTIFY")
    scene.wait(0.9)
    watch.start()


@case(
    config(
        'modparam("presence", "server_address", "")',
        before='if (is_method("MESSAGE")) { handle_publish(); handle_subscribe(); exit; }',
    ),
    modules=MODULES,
)
def own_address(scene: Scene) -> None:
    """Contact without server_address; the functions do not look at the method."""
    Watch(scene.alice).start()
    scene.carol.request("MESSAGE", BOB, headers="Event: presence\nExpires: 60", body=pidf())
    scene.settle()


@case(
    config(
        'modparam("presence", "startup_mode", 0)\nmodparam("presence", "retrieve_order", 1)\nmodparam("presence", "retrieve_order_by", "priority")\nmodparam("presence", "xavp_cfg", "pres")'
    ),
    modules=MODULES,
)
def what_has_expired_counts(scene: Scene) -> None:
    """startup_mode 0: publications count until the timer takes them away."""
    published(scene.bob, pidf(), expires="soon")
    Watch(scene.alice).start()


@case(
    config(
        'modparam("presence", "subs_db_mode", 3)\nmodparam("presence", "notifier_processes", 0)\nmodparam("presence", "cseq_offset", 2)\nmodparam("presence", "db_update_period", 1)'
    ),
    modules=MODULES,
)
def dialogs_in_the_database(scene: Scene) -> None:
    """Mode 3: unknown dialogs, CSeqs that are a little late, and the end of a subscription.

    (The real one leaves the row, and tells of the end again and again.)
    """
    watch = Watch(scene.alice)
    watch.start(cseq=10)
    watch.start(cseq=9)
    watch.send(cseq=7)
    scene.alice.expect(400)
    watch.send(cseq=11, to_tag="wrong")
    scene.alice.expect(481)
    watch.start(1, cseq=12)
    watch.told()  # the end


@case(config(subscribe='handle_subscribe("$hdr(X-Watcher)");'), modules=MODULES)
def who_watches(scene: Scene) -> None:
    """The watcher that an argument names, well or badly."""
    for number, watcher in enumerate(("sip:w@example.org", "nonsense", "", "tel:+4930", "sip:example.org"), 1):
        Watch(scene.alice, call_id=f"w{number}").send(headers=f"X-Watcher: {watcher}" if watcher else "")
        scene.settle()
        scene.label(f"watcher {watcher}")
    scene.rpc("presence.cleanup")
    scene.rows("active_watchers", "watcher_username", "watcher_domain", "from_user")


@case(config(), modules=MODULES)
def bad_subscribes(scene: Scene) -> None:
    """Headers that cannot be read."""
    for number, headers in enumerate(
        (
            "Contact: <sip:alice@127.0.0.11:21200>, <sip:b@c>",
            "Contact: sip:alice@127.0.0.11:21200;x=y",
            "Contact: <sip:alice",
            "Record-Route: <sip:a",
            "Record-Route: sip:127.0.0.13:21200;lr",
        ),
        1,
    ):
        Watch(scene.alice, call_id=f"s{number}").send(contact=not headers.startswith("Contact"), headers=headers)
        scene.settle()
        scene.label(f"subscribe {number}")
    for number, target in enumerate(
        ("sip:", "tel:+49", "sips:bob@example.com", "sip:bob:pw@example.com:5070;transport=tcp"), 1
    ):
        watch = Watch(scene.alice, call_id=f"t{number}")
        watch.target = target
        watch.send()
        scene.settle()
        scene.label(f"target {target}")


@case(
    "listen=udp:127.0.0.1:21200\nlisten=tcp:127.0.0.1:21200\n"
    + config('modparam("presence", "server_address", "")\nmodparam("presence", "subs_db_mode", 1)'),
    modules=MODULES,
)
def over_tcp(scene: Scene) -> None:
    """Contact names the transport; the NOTIFY goes to the Contact of the watcher."""
    scene.http(
        "subscribe",
        "SUBSCRIBE sip:bob@example.com SIP/2.0\nVia: SIP/2.0/TCP 127.0.0.11:21200;branch=z9hG4bK-tcp-1\nFrom: <sip:alice@example.com>;tag=alice\n"
        "To: <sip:bob@example.com>\nCall-ID: tcp-1\nCSeq: 1 SUBSCRIBE\nContact: <sip:alice@127.0.0.11:21200>\nEvent: presence\nExpires: 60\nContent-Length: 0\n\n",
    )
    scene.alice.expect("NOTIFY").answer(200, "OK")
    scene.rows("active_watchers", "contact", "local_contact", "socket_info")


@case(config(), modules=MODULES)
def contacts_that_cannot_be_reached(scene: Scene) -> None:
    """The SUBSCRIBE is answered, the function fails, and the subscription is there."""
    for number, contact in enumerate(
        (
            "sip:alice@127.0.0.11:21200;transport=tls",
            "sip:",
            "nonsense",
            "sip:a@127.0.0.11:21200?X=y",
            "sips:alice@127.0.0.11",
        ),
        1,
    ):
        Watch(scene.alice, call_id=f"c{number}").send(contact=False, headers=f"Contact: <{contact}>")
        scene.settle()
        scene.label(f"contact {contact}")
    published(scene.bob, pidf())
    scene.settle()
    scene.label("published")
    scene.rpc("presence.cleanup")
    scene.rows("active_watchers", "callid", "contact", "local_cseq")


@case(config(), modules=MODULES)
def a_watcher_with_several_dialogs(scene: Scene) -> None:
    """Each dialog has NOTIFYs of its own, the oldest first."""
    for number in (1, 2, 3):
        Watch(scene.alice, call_id=f"d{number}").start(100 * number)
    publish(scene.bob, pidf())
    scene.bob.expect(200)
    for _ in range(3):
        scene.alice.expect("NOTIFY").answer(200, "OK")
    scene.settle()
    publish(scene.bob, pidf("closed"), headers="Content-Length: 10", cseq=2)
    scene.settle()
    publish(scene.bob, "", etag="x.1", headers="Content-Length: nonsense", cseq=3)
    scene.settle()


@case(config(), modules=MODULES)
def a_subscribe_that_comes_twice(scene: Scene) -> None:
    """Without a transaction it makes two subscriptions of one dialog."""
    watch = Watch(scene.alice)
    watch.start()
    scene.alice.request(
        "SUBSCRIBE",
        BOB,
        to=f"<{BOB}>",
        call_id="sub-alice",
        branch="z9hG4bK-alice-1",
        headers="Event: presence\nExpires: 600",
    )
    scene.alice.expect(200)
    watch.told()
    publish(scene.bob, pidf())
    scene.bob.expect(200)
    scene.settle()
    scene.label("published")
    watch.start(0)
    publish(scene.bob, pidf("closed"), cseq=2)
    scene.settle()


@case(config('modparam("presence", "publ_cache", 0)'), modules=MODULES)
def odd_headers(scene: Scene) -> None:
    """Compact names, headers that stand twice, tags that are missing."""
    watch = Watch(scene.alice, event="")
    watch.start(headers="o: presence\nEvent: unknown")
    first = published(scene.bob, pidf(), event="", headers="o:presence")
    watch.told()
    published(scene.bob, pidf("closed"), headers=f"sip-if-match: {first}\nSIP-If-Match: nonsense", cseq=2)
    watch.told()
    publish(scene.bob, pidf(), expires=0, cseq=3)
    scene.bob.expect(200)
    watch.told()
    scene.settle()
    for number, (to, tag, callid) in enumerate(
        (
            ("<sip:bob@example.com>", "", "x 1"),
            ("sip:bob@example.com", ";tag=", "x2"),
            ("Bob <sip:bob@example.com>", ";tag=a;x=y", "x3"),
        ),
        1,
    ):
        scene.carol.send(
            f"SUBSCRIBE sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.13:21200;branch=z9hG4bK-odd-{number}\nFrom: <sip:carol@example.com>{tag}\n"
            f"To: {to}\nCall-ID: {callid}\nCSeq: 4294967295 SUBSCRIBE\nm: <sip:carol@127.0.0.13:21200>\nEvent: presence\nExpires: 50\nl: 0\n\n"
        )
        scene.settle()
        scene.label(f"odd {number}")
    scene.carol.send(
        "SUBSCRIBE sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.13:21200;branch=z9hG4bK-odd-9\nFrom: <sip:carol@example.com>;tag=c\n"
        "To: <sip:bob@example.com>\nCall-ID: x9\nCSeq: 1 SUBSCRIBE\nContact: sip:carol@127.0.0.13:21200;expires=5, <sip:x@y>\nEvent: presence\nUser-Agent: a\n b\nl: 0\n\n"
    )
    scene.settle()
    scene.label("folded")
    scene.rpc("presence.cleanup")
    scene.rows("active_watchers", *ROW)
    scene.rows("presentity", "username", "etag")


@case(
    config(
        before='if (is_method("SUBSCRIBE") && is_present_hf("X-Twice")) { handle_subscribe(); xlog("first $rc $subs(status)\\n"); }'
    ),
    modules=MODULES,
)
def handled_twice(scene: Scene) -> None:
    """The function called twice for one request."""
    watch = Watch(scene.alice)
    watch.send(headers="X-Twice: yes")
    scene.settle()
    scene.label("twice")
