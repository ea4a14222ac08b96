"""presence: PUBLISH, SUBSCRIBE and the NOTIFYs between them, ETags, lifetimes, dialogs, databases.

What the events and the XML are about stands in presence_xml.py.
"""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Got, Party, Scene, case, verdicts

MODULES = "db_sqlite tm sl rr pv xlog textops siputils presence presence_xml"
BOB = "sip:bob@example.com"
ROW = (
    *("presentity_uri", "watcher_username", "watcher_domain", "to_user", "to_domain", "event", "event_id", "from_user"),
    *("from_domain", "local_cseq", "remote_cseq", "contact", "record_route", "status", "reason", "version"),
    *("local_contact", "updated_winfo", "flags", "user_agent"),
)


def config(
    params: str = "",
    *,
    rest: str = "",
    before: str = "",
    publish: str = "handle_publish();",
    database: bool = True,
    subscribe: str = "handle_subscribe();",
) -> str:
    """A presence server that says what its functions return."""
    url = 'modparam("presence|presence_xml", "db_url", "sqlite:///DATABASE")' if database else ""
    return f"""
{url}
modparam("presence", "server_address", "sip:127.0.0.1:21200")
modparam("presence_xml", "force_active", 1)
modparam("tm", "wt_timer", 500)
{params}
request_route {{
    {before}
    if (is_method("PUBLISH")) {{ {publish} xlog("publish $rc\\n"); exit; }}
    if (is_method("SUBSCRIBE")) {{ {subscribe} xlog("subscribe $rc $subs(uri) $subs(event) $subs(expires) $subs(status)\\n"); exit; }}
}}
{rest}
"""


def pidf(basic: str = "open", *, tuple_id: str = "t1", note: str = "") -> str:
    """A presence document of one tuple."""
    note = f"<note>{note}</note>" if note else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com">'
        f'<tuple id="{tuple_id}"><status><basic>{basic}</basic></status>{note}</tuple></presence>'
    )


def publish(
    party: Party,
    body: str = "",
    *,
    uri: str = BOB,
    event: str = "presence",
    expires: int | str | None = 600,
    etag: str = "",
    headers: str = "",
    cseq: int = 1,
) -> None:
    """Send PUBLISH."""
    lines = [f"Event: {event}"] if event else []
    lines += [f"Expires: {expires}"] if expires is not None else []
    lines += [f"SIP-If-Match: {etag}"] if etag else []
    lines += ["Content-Type: application/pidf+xml"] if body else []
    party.request(
        "PUBLISH",
        uri,
        to=f"<{uri}>",
        call_id=f"pub-{party.name}",
        cseq=cseq,
        headers="\n".join([*lines, headers]),
        body=body,
    )


def published(party: Party, body: str = "", *, code: int = 200, **more: object) -> str:
    """Send PUBLISH and return the ETag that it got."""
    publish(party, body, **more)  # type: ignore[arg-type]
    return party.expect(code).header("SIP-ETag")


class Watch:
    """A subscription of a party."""

    def __init__(self, party: Party, uri: str = BOB, *, event: str = "presence", call_id: str = "") -> None:
        self.party, self.uri, self.event = party, uri, event
        self.call_id, self.tag, self.cseq = call_id or f"sub-{party.name}", "", 0
        self.target = uri

    def send(
        self,
        expires: int | str | None = 600,
        *,
        headers: str = "",
        contact: bool = True,
        cseq: int = 0,
        to_tag: str = "",
        from_: str = "",
    ) -> None:
        """Send SUBSCRIBE."""
        self.cseq = cseq or self.cseq + 1
        lines = [f"Event: {self.event}"] if self.event else []
        lines += [f"Expires: {expires}"] if expires is not None else []
        self.party.request(
            *("SUBSCRIBE", self.target),
            to=f"<{self.uri}>",
            to_tag=to_tag or self.tag,
            from_=from_,
            call_id=self.call_id,
            cseq=self.cseq,
            contact=contact,
            headers="\n".join([*lines, headers]),
        )

    def start(self, expires: int | str | None = 600, *, code: int = 200, **more: object) -> Got:
        """Subscribe, or subscribe again, and take the first NOTIFY."""
        self.send(expires, **more)  # type: ignore[arg-type]
        reply = self.party.expect(code)
        self.tag = reply.header("To").partition(";tag=")[2]
        self.target = "sip:127.0.0.1:21200"
        return self.told()

    def told(self, code: int = 200, reason: str = "OK") -> Got:
        """Take a NOTIFY."""
        return self.party.expect("NOTIFY").answer(code, reason)


# -- the usual --------------------------------------------------------------------------------------------------------
@case(config(), modules=MODULES)
def publish_subscribe_notify(scene: Scene) -> None:
    """Watchers are told what is published, refreshed, changed and removed; the end of a subscription has its NOTIFY."""
    watch = Watch(scene.alice)
    watch.start()
    etag = published(scene.bob, pidf())
    watch.told()
    etag = published(scene.bob, etag=etag, cseq=2)
    watch.told()
    etag = published(scene.bob, pidf("closed", note="away"), etag=etag, cseq=3)
    watch.told()
    watch.start()
    published(scene.bob, etag=etag, expires=0, cseq=4)
    watch.told()
    watch.start()
    watch.start(0)


@case(config(), modules=MODULES)
def subscribe_to_what_was_published(scene: Scene) -> None:
    """The first NOTIFY has the document; a second watcher gets his own dialog."""
    published(scene.bob, pidf())
    Watch(scene.alice).start(60)
    Watch(scene.carol).start(90)
    scene.settle()
    publish(scene.bob, pidf("closed"), cseq=2)
    scene.bob.expect(200)
    scene.alice.expect("NOTIFY").answer(200, "OK")
    scene.carol.expect("NOTIFY").answer(200, "OK")
    scene.settle()
    scene.rows("active_watchers", *ROW)


@case(config(), modules=MODULES)
def fetch(scene: Scene) -> None:
    """Expires 0 without a dialog: one NOTIFY, nothing is kept."""
    published(scene.bob, pidf())
    Watch(scene.alice).start(0)
    published(scene.bob, pidf("closed"), cseq=2)
    scene.settle()


@case(config(), modules=MODULES)
def without_anything_published(scene: Scene) -> None:
    """A NOTIFY without a body, to a URI without a user, too."""
    Watch(scene.alice).start()
    Watch(scene.carol, "sip:example.com").start()


# -- ETags ------------------------------------------------------------------------------------------------------------
@case(config(), modules=MODULES)
def etags(scene: Scene) -> None:
    """412 for one that is not known, 500 for one that is none, 400 for neither ETag nor body."""
    first = published(scene.bob, pidf())
    second = published(scene.bob, pidf("closed"), etag=first, cseq=2)
    published(scene.bob, pidf(), etag=first, cseq=3, code=412)
    published(scene.bob, etag=first, expires=0, cseq=4, code=412)
    published(scene.bob, pidf(), etag="nonsense", cseq=5, code=500)
    published(scene.bob, pidf(), etag="a.b.c", cseq=6, code=500)
    published(scene.bob, pidf(), etag="no.such.1", cseq=7, code=412)
    published(scene.bob, cseq=8, code=400)
    published(scene.bob, etag=second, cseq=9)
    published(scene.bob, pidf(), etag=second, uri="sip:carol@example.com", cseq=10, code=412)
    scene.settle()
    scene.rows("presentity", "username", "domain", "event", "sender", "priority")


@case(config(), modules=MODULES)
def headers_of_publish(scene: Scene) -> None:
    """Empty headers, missing ones."""
    scene.bob.send(
        "PUBLISH sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.12:21200;branch=z9hG4bK-x1\nFrom: <sip:bob@example.com>;tag=bob\n"
        "To: <sip:bob@example.com>\nCall-ID: raw-1\nCSeq: 1 PUBLISH\nEvent: presence\nExpires: 60\n\n" + pidf()
    )
    scene.settle()
    publish(scene.bob, pidf(), headers="Content-Encoding: gzip", cseq=2)
    scene.settle()
    publish(scene.bob, pidf(), uri="tel:+4930123", cseq=3)
    scene.settle()
    publish(scene.bob, pidf(), uri="sip:example.com", cseq=4)
    scene.settle()
    scene.rows("presentity", "username", "domain")


# -- events -----------------------------------------------------------------------------------------------------------
@case(config(), modules=MODULES)
def bad_events(scene: Scene) -> None:
    """489 with Allow-Events, also for a parameter that the event does not have."""
    for number, event in enumerate(
        ("", "unknown", "presence;id=7", "presence;", "PRESENCE", "dialog", "presence.winfo;x", " presence "), 1
    ):
        publish(scene.bob, pidf(), event=event, cseq=number)
        scene.settle()
    for number, event in enumerate(("", "unknown", "presence;id=7", "dialog;sla", "Presence"), 1):
        watch = Watch(scene.alice, event=event, call_id=f"sub-{number}")
        watch.send()
        scene.settle()
    scene.wait(0.1)


# -- lifetimes --------------------------------------------------------------------------------------------------------
@case(
    config(
        'modparam("presence", "min_expires", 60)\nmodparam("presence", "max_expires", 1800)\nmodparam("presence", "expires_offset", 10)'
    ),
    modules=MODULES,
)
def limits_of_expires(scene: Scene) -> None:
    """Too short is refused to watchers, too long is cut; what is no number counts as 0."""
    for number, expires in enumerate((30, 60, 4000, None, "soon", "99999999999", "", "120 seconds"), 1):
        publish(scene.bob, pidf(), expires=expires, cseq=number)
        scene.settle()
    for number, expires in enumerate((30, 60, 4000, None, "soon", "99999999999", "", 0), 1):
        Watch(scene.alice, call_id=f"sub-{number}").send(expires)
        scene.settle()
        scene.label(f"subscribe {number}")


@case(
    config(
        'modparam("presence", "min_expires", 60)\nmodparam("presence", "min_expires_action", 2)\nmodparam("presence", "subs_respond_200", 0)'
    ),
    modules=MODULES,
)
def short_lifetimes_made_longer(scene: Scene) -> None:
    """min_expires_action 2; subs_respond_200 0 answers with 202."""
    Watch(scene.alice).start(30, code=202)
    Watch(scene.bob, event="presence.winfo").start(30)


@case(config('modparam("presence", "db_update_period", 1)\nmodparam("presence", "clean_period", 1)'), modules=MODULES)
def expiry(scene: Scene) -> None:
    """A publication that ends is told as closed, a subscription that ends has a last NOTIFY; both take some seconds."""
    watch = Watch(scene.alice)
    watch.start(600)
    other = Watch(scene.carol)
    other.start(1)
    published(scene.bob, pidf(), expires=2)
    watch.told()
    other.told()
    other.told()  # the end
    watch.told()  # closed
    scene.settle()
    scene.rows("presentity", "username")


@case(config('modparam("presence", "clean_period", 1)\nmodparam("presence", "force_delete", 1)'), modules=MODULES)
def expired_and_not_told(scene: Scene) -> None:
    """force_delete: nobody is told that a publication ended."""
    watch = Watch(scene.alice)
    watch.start(600)
    published(scene.bob, pidf(), expires=1)
    watch.told()
    scene.wait(3.2)
    scene.rows("presentity", "username")


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


# -- functions --------------------------------------------------------------------------------------------------------
FUNCTIONS = """
    if (is_method("OPTIONS")) {
        pres_has_subscribers("sip:bob@example.com", "presence"); xlog("has $rc\\n");
        pres_has_subscribers("sip:bob@example.com", "presence.winfo"); xlog("has $rc\\n");
        pres_has_subscribers("sip:carol@example.com", "presence"); xlog("has $rc\\n");
        $var(u) = "sip:bob@example.com"; $var(e) = "none";
        pres_has_subscribers("$var(u)", "$var(e)"); xlog("has $rc\\n");
        pres_has_subscribers("$var(u)", "$hdr(X-None)"); xlog("has $rc\\n");
        pres_auth_status("sip:alice@example.com", "$var(u)"); xlog("auth $rc\\n");
        pres_auth_status("", "$var(u)"); xlog("auth $rc\\n");
        pres_auth_status("sip:alice@example.com", ""); xlog("auth $rc\\n");
        pres_auth_status("sip:alice@example.com", "bob"); xlog("auth $rc\\n");
        pres_update_watchers("$var(u)", "presence"); xlog("update $rc\\n");
        pres_update_watchers("$var(u)", "none"); xlog("update $rc\\n");
        pres_update_watchers("$var(u)", "presence.winfo"); xlog("update $rc\\n");
        pres_refresh_watchers("$var(u)", "presence", 1); xlog("refresh $rc\\n");
        pres_refresh_watchers("$var(u)", "presence", 0); xlog("refresh $rc\\n");
        pres_refresh_watchers("$var(u)", "presence", "$var(zero)"); xlog("refresh $rc\\n");
        pres_refresh_watchers("$var(u)", "none", 1); xlog("refresh $rc\\n");
        pres_refresh_watchers("$var(u)", "presence.winfo", 0); xlog("refresh $rc\\n");
        pres_refresh_watchers("$var(u)", "presence", 2); xlog("refresh $rc\\n");
        pres_refresh_watchers("$var(u)", "presence", 1, "f", "n"); xlog("refresh $rc\\n");
        exit;
    }
"""


@case(config(before=FUNCTIONS), modules=MODULES)
def functions(scene: Scene) -> None:
    """What the functions return, with everybody active."""
    scene.alice.request("OPTIONS", BOB)
    scene.settle()
    watch = Watch(scene.alice)
    watch.start()
    scene.alice.request("OPTIONS", BOB)
    watch.told()
    scene.settle()


@case(config(), modules=MODULES)
def commands(scene: Scene) -> None:
    """presence.* and how they fail."""
    watch = Watch(scene.alice)
    watch.start()
    scene.execute(
        "INSERT INTO presentity (username, domain, event, etag, expires, received_time, body, sender, priority, ruid) VALUES "
        f"('bob', 'example.com', 'presence', 'x.1', 2000000000, 5, '{pidf()}', '', 0, 'r1')"
    )
    scene.rpc("presence.refreshWatchers", BOB, "presence", 1)
    watch.told()
    scene.rpc("presence.refreshWatchers", BOB, "presence", 0)
    scene.rpc("presence.refreshWatchers", BOB, "none", 1)
    scene.rpc("presence.refreshWatchers", BOB, "presence", 2)
    scene.rpc("presence.refreshWatchers", BOB, "presence", 2, "file", "")
    scene.rpc("presence.refreshWatchers", BOB, "presence")
    scene.rpc("presence.refreshWatchers", "", "presence", 1)
    scene.rpc("presence.refreshWatchers", BOB, "", 1)
    scene.rpc("presence.updateWatchers", BOB, "presence")
    scene.rpc("presence.updateWatchers", BOB)
    scene.rpc("presence.updateWatchers", "", "presence")
    scene.rpc("presence.updateWatchers", BOB, "")
    scene.rpc("presence.presentity_list")
    scene.rpc("presence.cleanup")
    scene.rows("active_watchers", *ROW)


# -- databases --------------------------------------------------------------------------------------------------------
def _through_the_modes(scene: Scene) -> None:
    watch = Watch(scene.alice)
    watch.start()
    scene.rows("active_watchers", *ROW, label="new")
    published(scene.bob, pidf())
    watch.told()
    scene.settle()
    scene.rows("active_watchers", *ROW, label="told")
    watch.start()
    scene.rows("active_watchers", *ROW, label="again")
    scene.restart()
    published(scene.bob, pidf("closed"), cseq=2)
    watch.told()
    watch.start()
    scene.rows("active_watchers", *ROW, label="restarted")
    watch.start(0)
    scene.rows("active_watchers", *ROW, label="ended")
    scene.rows("watchers", "presentity_uri", "watcher_username", "watcher_domain", "event", "status", "reason")


@case(config('modparam("presence", "subs_db_mode", 1)'), modules=MODULES)
def write_through(scene: Scene) -> None:
    """Mode 1: rows follow at once."""
    _through_the_modes(scene)


@case(config('modparam("presence", "subs_db_mode", 2)'), modules=MODULES)
def write_back(scene: Scene) -> None:
    """Mode 2: rows are written by the timer, and at the end."""
    _through_the_modes(scene)


@case(
    config(
        'modparam("presence", "subs_db_mode", 3)\nmodparam("presence", "notifier_processes", 0)\nmodparam("presence", "publ_cache", 0)'
    ),
    modules=MODULES,
)
def database_only(scene: Scene) -> None:
    """Mode 3 without notifier processes."""
    _through_the_modes(scene)


@case(config('modparam("presence", "subs_db_mode", 0)'), modules=MODULES)
def memory_only(scene: Scene) -> None:
    """Mode 0: subscriptions are lost at the end."""
    watch = Watch(scene.alice)
    watch.start()
    published(scene.bob, pidf())
    watch.told()
    scene.settle()
    scene.rows("active_watchers", *ROW)
    scene.restart()
    watch.send()
    scene.alice.expect(481)
    Watch(scene.carol).start()


@case(
    config(
        'modparam("presence", "subs_db_mode", 0)\nmodparam("presence", "publ_cache", 2)\nmodparam("presence", "clean_period", 1)',
        database=False,
    ),
    modules=MODULES,
)
def without_a_database(scene: Scene) -> None:
    """publ_cache 2 and subs_db_mode 0 need none."""
    watch = Watch(scene.alice)
    watch.start()
    etag = published(scene.bob, pidf())
    watch.told()
    scene.settle()
    scene.rpc("presence.presentity_list")
    scene.rpc("presence.presentity_list", "full")
    published(scene.bob, pidf(), etag="no.such.1", cseq=2, code=412)
    etag = published(scene.bob, pidf("closed"), etag=etag, cseq=3)
    watch.told()
    published(scene.bob, pidf(tuple_id="t2"), cseq=4)
    watch.told()
    published(scene.bob, etag=etag, expires=0, cseq=5)
    watch.told()
    scene.settle()
    published(scene.carol, pidf(), uri="sip:carol@example.com", expires=1)
    carol = Watch(scene.dave, "sip:carol@example.com")
    carol.start()
    carol.told()  # closed
    scene.settle()


NOTIFIER = 'modparam("presence", "subs_db_mode", 3)\nmodparam("presence", "waitn_time", 1)\nmodparam("presence", "notifier_poll_rate", 2)\nmodparam("presence", "publ_cache", 0)'


@case(config(NOTIFIER), modules=MODULES)
def notifier(scene: Scene) -> None:
    """Mode 3 with a notifier process: SUBSCRIBE is answered at once, publications are told within a second.

    With SQLite that is all: the notifier keeps the database locked for the worker then.
    """
    watch = Watch(scene.alice)
    watch.start()
    published(scene.bob, pidf())
    watch.told()


@case(
    config(NOTIFIER),
    modules=MODULES,
    differs=dict.fromkeys(
        ("bob/1/0", "bob/1/6", "bob/1/7", "bob/1/8", "bob/1/9", "bob/1/10", "bob/1/11", "log/2"),
        "the notifier of the original keeps an SQLite database locked",
    ),
)
def notifier_on_sqlite(scene: Scene) -> None:
    """The second PUBLISH behind the first NOTIFY of a notifier process."""
    watch = Watch(scene.alice)
    watch.start()
    published(scene.bob, pidf())
    watch.told()
    publish(scene.bob, pidf("closed"), cseq=2)
    scene.settle()


@case(config(NOTIFIER + '\nmodparam("presence", "send_fast_notify", 0)'), modules=MODULES)
def patient_notifier(scene: Scene) -> None:
    """send_fast_notify 0: the first NOTIFY waits for its turn, too."""
    Watch(scene.alice).start()


@case(
    config(
        'modparam("presence", "delete_same_subs", 1)\nmodparam("presence", "subs_remove_match", 1)\nmodparam("presence", "sip_uri_match", 1)'
    ),
    modules=MODULES,
)
def the_same_call_id_again(scene: Scene) -> None:
    """delete_same_subs: a new dialog with the Call-ID of an old one ends that one."""
    watch = Watch(scene.alice)
    watch.start()
    watch.tag, watch.target = "", BOB
    watch.start()
    published(scene.bob, pidf(), uri="sip:BOB@Example.com")
    scene.settle()
    scene.label("another spelling")
    published(scene.bob, pidf(), cseq=2)
    scene.settle()
    scene.label("the same spelling")
    watch.start(0)


# -- starting ---------------------------------------------------------------------------------------------------------
verdicts(
    "presence",
    "what_the_start_is_refused_for",
    """
: modparam("presence", "db_url", "sqlite:///DATABASE")
handle_publish();
handle_subscribe();
pres_auth_status("sip:a@b", "sip:c@d");
: modparam("presence", "publ_cache", 2)
: modparam("presence", "publ_cache", 2)\\nmodparam("presence", "subs_db_mode", 0)\\nrequest_route { handle_publish(); handle_subscribe(); }
: modparam("presence", "db_url", "nonsense")
: modparam("presence", "db_url", "mysql://a:b@127.0.0.1/c")
: modparam("presence", "db_url", "sqlite:///DATABASE")\\nmodparam("presence", "min_expires_action", 3)
: modparam("presence", "db_url", "sqlite:///DATABASE")\\nmodparam("presence", "min_expires_action", 0)
: modparam("presence", "db_url", "sqlite:///DATABASE")\\nmodparam("presence", "presentity_table", "location")
: modparam("presence", "db_url", "sqlite:///DATABASE")\\nmodparam("presence", "watchers_table", "location")
: modparam("presence", "db_url", "sqlite:///DATABASE")\\nmodparam("presence", "active_watchers_table", "location")
: modparam("presence", "db_url", "sqlite:///DATABASE")\\nmodparam("presence", "active_watchers_table", "location")\\nmodparam("presence", "subs_db_mode", 0)
: modparam("presence", "db_url", "sqlite:///DATABASE")\\nmodparam("presence", "local_log_facility", "LOG_LOCAL3")
: modparam("presence", "db_url", "sqlite:///DATABASE")\\nmodparam("presence", "local_log_facility", "NONE")
: modparam("presence", "db_url", "sqlite:///DATABASE")\\nmodparam("presence", "enable_dmq", 1)
xlog("$subs(none)");
xlog("$subs()");
xlog("$notify_reply($rs)");
xlog("$notify_reply(rs)");
$subs(uri) = "x";
pres_refresh_watchers("a", "b", "c");
pres_refresh_watchers("a", "b", 1, "c");
""",
    modules=MODULES,
    before='modparam("presence_xml", "force_active", 1)\n',
)
