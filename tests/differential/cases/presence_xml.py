"""presence_xml: documents put together, watcher information, rules, shared lines, and the functions that look."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, case, verdicts
from .presence import BOB, MODULES, Watch, config, pidf, publish, published

RULES = """modparam("presence_xml", "force_active", 0)
modparam("presence_xml", "integrated_xcap_server", 1)
"""
NS = 'xmlns="urn:ietf:params:xml:ns:pres-rules" xmlns:cr="urn:ietf:params:xml:ns:common-policy"'


def rule(identity: str, handling: str, *, transformations: str = "", conditions: str = "") -> str:
    """One rule."""
    return (
        f"<cr:rule id='a'><cr:conditions>{conditions}<cr:identity>{identity}</cr:identity></cr:conditions>"
        f"<cr:actions><sub-handling>{handling}</sub-handling></cr:actions>"
        f"<cr:transformations>{transformations}</cr:transformations></cr:rule>"
    )


def one(user: str) -> str:
    """An identity condition of one watcher."""
    return f"<cr:one id='sip:{user}@example.com'/>"


def set_rules(scene: Scene, *rules: str, user: str = "bob", kind: int = 2, uri: str = "") -> None:
    """Write the rules of a presentity into the table."""
    document = f"<?xml version='1.0' encoding='UTF-8'?><cr:ruleset {NS}>{''.join(rules)}</cr:ruleset>".replace("'", '"')
    put(scene, document, user=user, kind=kind, uri=uri)


def put(scene: Scene, document: str, *, user: str = "bob", kind: int = 2, uri: str = "") -> None:
    """Write a document into the table."""
    scene.execute(
        f"DELETE FROM xcap WHERE username = '{user}' AND doc_type = {kind}",
        "INSERT INTO xcap (username, domain, doc, doc_type, etag, source, doc_uri, port) VALUES "
        f"('{user}', 'example.com', '{document}', {kind}, 'e', 0, '{uri}', 0)",
    )


#: Documents in an order of their own, so that nobody has to wait for the next second.
ORDERED = config(
    'modparam("presence", "xavp_cfg", "pres")\nmodparam("presence", "retrieve_order", 1)\n%s',
    publish="$xavp(pres=>priority) = $(hdr(X-Priority){s.int}); handle_publish();",
)


def ordered(number: int) -> str:
    """The header for it."""
    return f"X-Priority: {number}"


# -- documents --------------------------------------------------------------------------------------------------------
@case(config(), modules=MODULES)
def bad_bodies(scene: Scene) -> None:
    """What is no document gets 415, and 500 behind it."""
    bodies = (
        "hello",
        "<presence>",
        "<a/><b/>",
        "<a x=1/>",
        "<?xml version='1.0'?>",
        '<a b="1" b="2"/>',
        "<a>\xe9</a>",
        "<p:a/>",
        "<a/> \r\n",
    )
    for number, body in enumerate(bodies, 1):
        publish(scene.bob, body, cseq=number)
        scene.settle()
        scene.label(f"body {number}")


@case(ORDERED % "", modules=MODULES)
def several_documents(scene: Scene) -> None:
    """Two phones publish: one document, in which a tuple stands once."""
    watch = Watch(scene.alice)
    watch.start()
    one = published(scene.bob, pidf(tuple_id="desk", note="at the desk"), headers=ordered(5))
    watch.told()
    published(scene.carol, pidf(tuple_id="mobile"), cseq=1, headers=ordered(7))
    watch.told()
    published(scene.carol, pidf("closed", tuple_id="DESK"), cseq=2, headers=ordered(6))
    watch.told()
    published(scene.bob, etag=one, expires=0, cseq=2)
    watch.told()
    Watch(scene.dave).start()


RICH = """<?xml version="1.0"?>
<!-- a phone -->
<presence xmlns="urn:ietf:params:xml:ns:pidf"
   xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:bob@example.com">
  <tuple id="%s"><status><basic>open</basic></status><contact priority="0.8">sip:bob@example.com</contact><rpid:class>work</rpid:class></tuple>
  <dm:person id="p1"><rpid:activities><rpid:busy/></rpid:activities><dm:note>a &lt; b &amp; "c"</dm:note></dm:person>
  <x:odd xmlns:x="urn:x" x:a="1&#10;2"><![CDATA[<raw>]]></x:odd>
  <empty></empty>
</presence>
"""


@case(ORDERED % "", modules=MODULES)
def documents_with_namespaces(scene: Scene) -> None:
    """Prefixes, comments, blanks and declarations stay."""
    watch = Watch(scene.alice)
    watch.start()
    one = published(scene.bob, RICH % "t1", headers=ordered(1))
    watch.told()
    two = published(scene.carol, (RICH % "t2").replace('"1.0"', '"1.0" encoding="UTF-8"'), headers=ordered(2))
    watch.told()
    published(scene.carol, etag=two, expires=0, cseq=2)
    watch.told()
    published(scene.bob, etag=one, expires=0, cseq=2)
    watch.told()


@case(config(), modules=MODULES)
def other_letters(scene: Scene) -> None:
    """UTF-8 stays where it is declared, and becomes references where nothing is."""
    watch = Watch(scene.alice)
    watch.start()
    utf8 = "gr\xfc\xdfe \u20ac".encode().decode("latin-1")
    etag = published(scene.bob, pidf(note=utf8))
    watch.told()
    etag = published(scene.bob, pidf(note=utf8).replace(' encoding="UTF-8"', ""), etag=etag, cseq=2)
    watch.told()
    published(scene.bob, pidf(note="gr\xfc\xdfe").replace("UTF-8", "ISO-8859-1"), etag=etag, cseq=3)
    watch.told()


@case(config('modparam("presence_xml", "force_dummy_presence", 1)'), modules=MODULES)
def dummy_presence(scene: Scene) -> None:
    """Who has published nothing is open."""
    Watch(scene.alice).start()
    Watch(scene.carol, "sip:example.com").start()


@case(ORDERED % 'modparam("presence_xml", "force_presence_single_body", 1)', modules=MODULES)
def single_body(scene: Scene) -> None:
    """The most important document is told."""
    watch = Watch(scene.alice)
    watch.start()
    for number, note in enumerate(("Available", "On the Phone", "Ringing", "Available", "Nonsense"), 1):
        published(scene.bob, pidf(tuple_id=f"t{number}", note=note), cseq=number, headers=ordered(number))
        watch.told()


# -- watcher information ----------------------------------------------------------------------------------------------
@case(config(), modules=MODULES)
def watcher_information(scene: Scene) -> None:
    """All watchers first, then those that change; all again when one has left."""
    alice, bob, carol = Watch(scene.alice), Watch(scene.bob, event="presence.winfo"), Watch(scene.carol)
    alice.start()
    bob.start()
    carol.start()
    bob.told()
    alice.start()
    bob.told()
    carol.start(0)
    bob.told()
    bob.start()
    bob.start(0)
    publish(scene.bob, "<x/>", event="presence.winfo")
    scene.bob.expect(200)


@case(config(RULES), modules=MODULES)
def pending_watchers(scene: Scene) -> None:
    """Without rules everybody waits, and is listed so when he is gone."""
    alice, bob = Watch(scene.alice), Watch(scene.bob, event="presence.winfo")
    alice.start()
    bob.start()
    published(scene.bob, pidf())
    alice.start(0)
    bob.told()
    scene.rows("watchers", "presentity_uri", "watcher_username", "event", "status", "reason")
    Watch(scene.carol).start(0)
    bob.start()


# -- rules ------------------------------------------------------------------------------------------------------------
@case(config(RULES), modules=MODULES)
def allowed_and_blocked(scene: Scene) -> None:
    """allow, block, polite-block, confirm, and nobody's rule."""
    set_rules(
        scene,
        rule(one("alice"), "allow"),
        rule(one("bob"), "block"),
        rule(one("carol"), "polite-block"),
        rule(one("dave"), "confirm"),
    )
    published(scene.bob, pidf())
    for party in (scene.alice, scene.bob, scene.carol, scene.dave):
        Watch(party).start()
    Watch(scene.alice, call_id="other").start(from_="<sip:eve@example.com>")
    scene.settle()
    scene.rows("watchers", "watcher_username", "status", "reason")
    publish(scene.bob, pidf("closed"), cseq=2)
    scene.bob.expect(200)
    scene.alice.expect("NOTIFY").answer(200, "OK")
    scene.settle()


@case(config(RULES), modules=MODULES)
def many_watchers(scene: Scene) -> None:
    """many, a domain, and exceptions by domain."""
    set_rules(
        scene,
        rule("<cr:many domain='example.com'/>", "allow"),
        rule("<cr:many><cr:except domain='worse.example'/></cr:many>", "confirm"),
    )
    Watch(scene.alice, call_id="1").start()
    Watch(scene.alice, call_id="2").start(from_="<sip:al@good.example>")
    Watch(scene.alice, call_id="3").start(from_="<sip:al@worse.example>")
    scene.settle()
    scene.rows("watchers", "watcher_username", "watcher_domain", "status", "reason")


@case(config(RULES), modules=MODULES)
def validity(scene: Scene) -> None:
    """A rule that holds at other times."""
    past = "<cr:validity><cr:from>2003-08-15T10:20:00Z</cr:from><cr:until>2003-09-15T10:20:00Z</cr:until></cr:validity>"
    always = (
        "<cr:validity><cr:from>1970-02-15T10:20:00Z</cr:from><cr:until>2037-09-15T10:20:00Z</cr:until></cr:validity>"
    )
    set_rules(scene, rule(one("alice"), "block", conditions=past), rule(one("alice"), "allow", conditions=always))
    Watch(scene.alice).start()


@case(config(RULES), modules=MODULES)
def transformations(scene: Scene) -> None:
    """What of a document is provided."""
    told = (
        "<provide-services><service-uri-scheme>sip</service-uri-scheme></provide-services>",
        "<provide-services><class>home</class></provide-services>",
        "<provide-services><all-services/></provide-services><provide-persons><all-persons/></provide-persons>",
        "<provide-persons>false</provide-persons><provide-activities>true</provide-activities>",
        "<provide-services><occurence-id>t1</occurence-id></provide-services><provide-note>false</provide-note>",
    )
    published(scene.bob, RICH % "t1")
    for number, transformation in enumerate(told, 1):
        set_rules(scene, rule("<cr:many/>", "allow", transformations=transformation))
        Watch(scene.alice, call_id=f"s{number}").start(from_=f"<sip:u{number}@example.com>")
    scene.settle()
    scene.alice.drain()


@case(config(RULES), modules=MODULES)
def rules_change(scene: Scene) -> None:
    """refreshWatchers and updateWatchers: from pending to active, to blocked, to nothing."""
    watch = Watch(scene.alice)
    published(scene.bob, pidf())
    watch.start()
    scene.rpc("presence.updateWatchers", BOB, "presence")
    set_rules(scene, rule(one("alice"), "allow"))
    scene.rpc("presence.refreshWatchers", BOB, "presence", 0)
    watch.told()
    scene.rpc("presence.refreshWatchers", BOB, "presence", 0)
    set_rules(scene, rule(one("alice"), "polite-block"))
    scene.rpc("presence.updateWatchers", BOB, "presence")
    watch.told()
    set_rules(scene, rule(one("somebody"), "allow"))
    scene.rpc("presence.updateWatchers", BOB, "presence")
    watch.told()
    scene.rows("watchers", "watcher_username", "status", "reason")
    scene.rows("active_watchers", "watcher_username")
    watch.send()
    scene.alice.expect(481)


@case(
    config(
        RULES
        + 'modparam("presence_xml", "xcapauth_userdel_reason", "deactivated;retry-after=30")\nmodparam("presence", "subs_db_mode", 3)\nmodparam("presence", "notifier_processes", 0)'
    ),
    modules=MODULES,
)
def rules_change_in_the_database(scene: Scene) -> None:
    """The same in mode 3, with another reason."""
    watch = Watch(scene.alice)
    set_rules(scene, rule(one("alice"), "confirm"))
    watch.start()
    set_rules(scene, rule(one("alice"), "allow"))
    scene.rpc("presence.updateWatchers", BOB, "presence")
    watch.told()
    set_rules(scene)
    scene.rpc("presence.updateWatchers", BOB, "presence")
    watch.told()
    scene.rows("active_watchers", "watcher_username")


@case(config(RULES), modules=MODULES)
def bad_rules(scene: Scene) -> None:
    """Rules that are none: the SUBSCRIBE fails."""
    for number, document in enumerate(
        (
            "no document",
            "",
            "<cr:ruleset/>",
            "<ruleset><rule/></ruleset>",
            f"<ruleset>{rule(one('alice'), 'odd')}</ruleset>".replace("'", '"').replace("cr:", ""),
        ),
        1,
    ):
        put(scene, document)
        Watch(scene.alice, call_id=f"s{number}").send()
        scene.settle()
        scene.label(f"rules {number}")
        scene.execute("DELETE FROM watchers")


STATUS = """
    if (is_method("OPTIONS")) {
        pres_auth_status("$fu", "sip:bob@example.com"); xlog("auth $rc\\n");
        pres_update_watchers("sip:bob@example.com", "presence"); xlog("update $rc\\n");
        pres_refresh_watchers("sip:bob@example.com", "presence", 0); xlog("refresh $rc\\n");
        exit;
    }
"""


@case(config(RULES, before=STATUS), modules=MODULES)
def auth_status(scene: Scene) -> None:
    """pres_auth_status() by the rules."""
    scene.alice.request("OPTIONS", BOB)
    scene.settle()
    set_rules(
        scene,
        rule(one("alice"), "allow"),
        rule(one("bob"), "block"),
        rule(one("carol"), "polite-block"),
        rule(one("dave"), "confirm"),
    )
    for party in (scene.alice, scene.bob, scene.carol, scene.dave):
        party.request("OPTIONS", BOB)
        scene.settle()


SPHERE = '<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:rpid="urn:x" entity="sip:bob@example.com"><tuple id="a"><status><basic>open</basic></status></tuple><rpid:sphere>%s</rpid:sphere></presence>'


@case(
    config(RULES + 'modparam("presence", "enable_sphere_check", 1)\nmodparam("presence", "publ_cache", 0)'),
    modules=MODULES,
)
def spheres(scene: Scene) -> None:
    """Rules for work and home. (With publ_cache 1 the real one never learns of them.)"""
    set_rules(
        scene,
        rule(one("alice"), "block", conditions="<cr:sphere>home</cr:sphere>"),
        rule(one("alice"), "allow", conditions="<cr:sphere>work</cr:sphere>"),
    )
    published(scene.bob, SPHERE % "work")
    Watch(scene.alice).start()


@case(
    config(RULES + 'modparam("presence", "enable_sphere_check", 1)'),
    modules=MODULES,
    differs=dict.fromkeys(
        ("alice/1/4", "alice/1/6", "alice/1/11", "alice/1/12", "alice/1/14", "log/1"),
        "with publ_cache 1 the original never learns of a sphere, so that the rule for another one holds",
    ),
)
def spheres_in_the_index(scene: Scene) -> None:
    """publ_cache 1: who is at work is watched as the rule for home says."""
    set_rules(
        scene,
        rule(one("alice"), "block", conditions="<cr:sphere>home</cr:sphere>"),
        rule(one("alice"), "allow", conditions="<cr:sphere>work</cr:sphere>"),
    )
    published(scene.bob, SPHERE % "work")
    Watch(scene.alice).start()


# -- other events -----------------------------------------------------------------------------------------------------
SLA = '<?xml version="1.0"?><dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="sip:bob@example.com">%s</dialog-info>'
DIALOG = '<dialog id="d1"><state>%s</state></dialog>'
LINE = "sip:alice@example.com"


@case(
    config(
        'modparam("presence_xml", "disable_bla", 0)',
        publish='if (is_present_hf("Sender")) handle_publish("$hdr(Sender)"); else handle_publish();',
    ),
    modules=MODULES,
)
def shared_lines(scene: Scene) -> None:
    """dialog;sla: the line is that of the Contact; whoever told of a dialog is not told of it."""
    alice = Watch(scene.alice, "sip:alice@example.com", event="dialog;sla")
    alice.start()
    etag = published(
        scene.bob, SLA % (DIALOG % "trying"), uri=LINE, event="dialog;sla", headers="Sender: sip:bob@127.0.0.12:21200"
    )
    alice.told()
    again = published(
        scene.bob,
        SLA % (DIALOG % "confirmed"),
        uri=LINE,
        event="dialog;sla",
        etag=etag,
        cseq=2,
        headers="Sender: sip:alice@127.0.0.11:21200",
    )
    scene.settle()
    alice.start()
    published(
        scene.carol,
        SLA % "",
        uri=LINE,
        event="dialog;sla",
        etag=again,
        cseq=3,
        headers="Sender: sip:carol@127.0.0.13:21200",
    )
    scene.settle()
    published(scene.bob, SLA % (DIALOG % "terminated"), uri=LINE, event="dialog;sla", etag=again, cseq=4)
    alice.told()
    published(scene.bob, SLA % (DIALOG % "trying"), uri=LINE, event="dialog;sla", etag=again, cseq=5)
    scene.settle()
    publish(scene.bob, "none", uri=LINE, event="dialog;sla", cseq=6)
    scene.settle()
    publish(scene.bob, SLA % "", uri=LINE, event="dialog;sla", cseq=7, headers="Sender: nonsense")
    scene.settle()


@case(config(), modules=MODULES)
def xcap_diff(scene: Scene) -> None:
    """xcap-diff: the last document as it is; nothing is put together."""
    watch = Watch(scene.alice, event="xcap-diff")
    watch.start()
    etag = published(scene.bob, "<xcap-diff/>", event="xcap-diff")
    watch.told()
    published(scene.bob, etag=etag, event="xcap-diff", cseq=2)
    watch.told()
    watch.start()
    published(scene.bob, "no document at all", event="xcap-diff", cseq=3)
    watch.told()


@case(
    config(
        'modparam("presence_xml", "disable_presence", 1)\nmodparam("presence_xml", "disable_xcapdiff", 1)\nmodparam("presence_xml", "disable_bla", 0)\nmodparam("presence_xml", "default_expires", 90)'
    ),
    modules=MODULES,
)
def fewer_events(scene: Scene) -> None:
    """disable_*: the events are not known."""
    Watch(scene.alice).send()
    scene.alice.expect(489)
    Watch(scene.carol, event="dialog;sla").start(None)


@case(
    config(
        'modparam("presence_xml", "disable_bla", 0)\nmodparam("presence", "publ_cache", 2)\nmodparam("presence", "subs_db_mode", 0)',
        publish='if (is_present_hf("Sender")) handle_publish("$hdr(Sender)"); else handle_publish();',
        database=False,
    ),
    modules=MODULES,
)
def other_events_in_memory(scene: Scene) -> None:
    """publ_cache 2: shared lines and xcap-diff."""
    line = Watch(scene.alice, "sip:alice@example.com", event="dialog;sla", call_id="line")
    line.start()
    sender = "Sender: sip:bob@127.0.0.12:21200"
    etag = published(scene.bob, SLA % (DIALOG % "trying"), uri=LINE, event="dialog;sla", headers=sender)
    line.told()
    published(scene.bob, SLA % "", uri=LINE, event="dialog;sla", etag=etag, cseq=2, headers="Sender: sip:x@y")
    published(scene.bob, SLA % (DIALOG % "terminated"), uri=LINE, event="dialog;sla", etag=etag, cseq=3, headers=sender)
    line.told()
    published(scene.bob, SLA % (DIALOG % "early"), uri=LINE, event="dialog;sla", etag=etag, cseq=4, headers=sender)
    published(
        scene.bob, SLA % (DIALOG % "early"), uri=LINE, event="dialog;sla", etag="a.1", cseq=5, headers=sender, code=412
    )
    scene.settle()
    diff = Watch(scene.carol, event="xcap-diff", call_id="diff")
    diff.start()
    etag = published(scene.bob, "<a/>", event="xcap-diff", cseq=6)
    diff.told()
    published(scene.bob, "<b/>", event="xcap-diff", cseq=7)
    diff.told()
    diff.start()
    published(scene.bob, event="xcap-diff", etag=etag, expires=0, cseq=8)
    diff.told()
    diff.start(0)


@case(
    config(RULES + 'modparam("presence", "subs_db_mode", 1)\nmodparam("presence", "expires_offset", 5)'),
    modules=MODULES,
)
def rules_and_watcher_information(scene: Scene) -> None:
    """Mode 1: who is pending, blocked and allowed, as the presentity sees it, before and after a restart."""
    set_rules(scene, rule(one("carol"), "block"), rule(one("dave"), "allow"))
    bob = Watch(scene.bob, event="presence.winfo")
    bob.start()
    Watch(scene.alice).start()
    bob.told()
    Watch(scene.carol).start()
    bob.told()
    dave = Watch(scene.dave)
    dave.start()
    bob.told()
    dave.start(30)
    bob.told()
    scene.restart()
    bob.start()
    published(scene.bob, pidf(), expires=60)
    dave.told()
    dave.start(0)
    bob.told()
    scene.settle()
    scene.rows("active_watchers", "watcher_username", "event", "status", "reason", "local_cseq", "version")


@case(
    config(
        'modparam("presence_xml", "disable_bla", 0)\nmodparam("presence", "subs_db_mode", 3)\nmodparam("presence", "notifier_processes", 0)'
    ),
    modules=MODULES,
)
def other_events_in_the_database(scene: Scene) -> None:
    """Mode 3: shared lines, watcher information and routes."""
    line = Watch(scene.alice, "sip:alice@example.com", event="dialog;sla", call_id="line")
    line.start(headers="Record-Route: <sip:127.0.0.11:21200;lr;x=1>")
    published(scene.bob, SLA % (DIALOG % "trying"), uri=LINE, event="dialog;sla")
    line.told()
    line.start()
    bob = Watch(scene.bob, event="presence.winfo")
    bob.start()
    Watch(scene.carol).start(100)
    bob.told()
    Watch(scene.dave, call_id="other").start(200)
    bob.told()
    bob.start()
    bob.start(0)
    scene.settle()
    scene.rows("active_watchers", "watcher_username", "event", "status", "local_cseq", "version", "record_route")


# -- functions --------------------------------------------------------------------------------------------------------
CHECKS = """
    if (is_method("OPTIONS")) {
        $var(u) = "sip:bob@example.com";
        pres_check_basic("$var(u)", "open"); xlog("open $rc\\n");
        pres_check_basic("$var(u)", "OP"); xlog("OP $rc\\n");
        pres_check_basic("$var(u)", "closed"); xlog("closed $rc\\n");
        pres_check_basic("$var(u)", "$hdr(X-None)"); xlog("empty $rc\\n");
        pres_check_basic("nonsense", "open"); xlog("bad $rc\\n");
        pres_check_activities("$var(u)", "busy"); xlog("busy $rc\\n");
        pres_check_activities("$var(u)", "BUSY"); xlog("BUSY $rc\\n");
        pres_check_activities("$var(u)", "away"); xlog("away $rc\\n");
        pres_check_activities("nonsense", "away"); xlog("bad $rc\\n");
        exit;
    }
"""


@case(config(before=CHECKS), modules=MODULES)
def checks(scene: Scene) -> None:
    """pres_check_basic() and pres_check_activities() on what is published."""
    documents = (
        "",
        pidf(),
        pidf("closed"),
        RICH % "t1",
        "<presence/>",
        "<presence><tuple/></presence>",
        "<presence><tuple><basic>open</basic></tuple><person/></presence>",
    )
    etag = ""
    for number, document in enumerate(documents, 1):
        if document:
            etag = published(scene.bob, document, etag=etag, cseq=number)
        scene.alice.request("OPTIONS", BOB)
        scene.settle()


verdicts(
    "presence_xml",
    "what_the_start_is_refused_for",
    """
: modparam("presence_xml", "force_active", 1)
: modparam("presence_xml", "force_active", 0)\\nmodparam("presence_xml", "integrated_xcap_server", 1)
: modparam("presence_xml", "integrated_xcap_server", 1)\\nmodparam("presence_xml", "xcap_table", "location")
: modparam("presence_xml", "db_url", "nonsense")
: modparam("presence_xml", "db_url", "nonsense")\\nmodparam("presence_xml", "force_active", 1)
: modparam("presence_xml", "integrated_xcap_server", 0)
: modparam("presence_xml", "force_active", 1)\\nmodparam("presence_xml", "xcap_server", "xcap.example.org:8080")
: modparam("presence_xml", "force_active", 1)\\nmodparam("presence_xml", "xcap_server", "xcap.example.org:x")
: modparam("presence_xml", "force_active", 1)\\nmodparam("presence_xml", "xcap_server", "xcap.example.org:0")
: modparam("presence_xml", "passive_mode", 1)
pres_check_basic("a");
""",
    modules=MODULES,
    before='modparam("presence|presence_xml", "db_url", "sqlite:///DATABASE")\n',
)
