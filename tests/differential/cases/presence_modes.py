"""presence: subs_db_mode 0 to 3, publ_cache 0 to 2, notifier processes, starts anew."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, case
from .presence import BOB, MODULES, ROW, Watch, config, pidf, publish, published


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
