"""presence: PUBLISH, SUBSCRIBE and the NOTIFYs between them, ETags, events, lifetimes, functions and commands.

Dialogs stand in presence_dialogs.py, databases in presence_modes.py, documents and rules in presence_xml.py.
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
