"""mqueue: queues of keys and values, their size and modes, and the database they are kept in."""

from __future__ import annotations

from ..case import Scene, battery, case, verdicts

MODULES = "pv xlog mqueue"
QUEUES = """
modparam("mqueue", "mqueue", "name=plain")
modparam("mqueue", "mqueue", "name=small;size=2;")
modparam("mqueue", "mqueue", "name=oldest;addmode=1")
modparam("mqueue", "mqueue", "NAME=newest;AddMode=2;size=3")
modparam("mqueue", "mqueue_name", "bare")
modparam("mqueue", "mqueue_size", 1)
modparam("mqueue", "mqueue_addmode", 2)
modparam("mqueue", "mqueue_name", "one")
"""

battery(
    "mqueue",
    "adding_and_fetching",
    """
    @ mq_size("plain")
    @ mq_size("nosuch")
    @ mq_fetch("plain")
    @ mq_fetch("nosuch")
    @ mq_fetch("")
    = $mqk(plain)
    = $mqv(plain)
    = $mq_size(plain)
    = $mqk(nosuch)
    = $mqv(nosuch)
    = $mq_size(nosuch)
    > $mqk(plain) $mq_size(plain)
    > $mqk(nosuch)$mq_size(nosuch).
    @ mq_add("plain", "k1", "v1")
    @ mq_add("plain", "$rU", "call from $fU")
    @ mq_add("plain", "", "no key")
    @ mq_add("plain", "no value", "")
    @ mq_add("plain", "k1", "v1 again")
    @ mq_add("plain", "$var(none)", "$avp(none)")
    @ mq_add("nosuch", "k", "v")
    @ mq_add("", "k", "v")
    @ mq_size("plain")
    = $mq_size(plain)
    @ mq_fetch("plain")
    = $mqk(plain)
    = $mqv(plain)
    @ mq_fetch("plain")
    > $mqk(plain)=$mqv(plain)
    @ mq_fetch("plain")
    = $mqk(plain)
    = $mqv(plain)
    @ mq_fetch("plain")
    = $mqk(plain)
    = $mqv(plain)
    @ mq_pv_free("plain")
    = $mqk(plain)
    @ mq_pv_free("nosuch")
    $var(q) = "plain";
    @ mq_fetch("$var(q)")
    = $mqk($var(q))
    = $mqv($var(q))
    = $mq_size($var(q))
    = $mqk(pl$var(q))
    $var(q) = "nosuch";
    = $mqk($var(q))
    = $mqk($avp(none))
    @ mq_fetch("plain")
    > $mqk(plain)=$mqv(plain)
    @ mq_fetch("plain")
    = $mqk(plain)
    = $mqv(plain)
    """,
    modules=MODULES,
    before=QUEUES,
)

battery(
    "mqueue",
    "sizes_and_modes",
    """
    @ mq_add("small", "a", "1")
    @ mq_add("small", "b", "2")
    @ mq_add("small", "c", "3")
    @ mq_size("small")
    @ mq_fetch("small")
    > $mqk(small)=$mqv(small)
    @ mq_add("oldest", "a", "1")
    @ mq_add("oldest", "b", "2")
    @ mq_add("oldest", "a", "3")
    @ mq_size("oldest")
    @ mq_fetch("oldest")
    > $mqk(oldest)=$mqv(oldest)
    @ mq_add("oldest", "a", "4")
    @ mq_fetch("oldest")
    @ mq_fetch("oldest")
    > $mqk(oldest)=$mqv(oldest)
    @ mq_add("newest", "a", "1")
    @ mq_add("newest", "b", "2")
    @ mq_add("newest", "a", "3")
    @ mq_add("newest", "a", "4")
    @ mq_add("newest", "c", "5")
    @ mq_size("newest")
    @ mq_add("newest", "d", "6")
    @ mq_size("newest")
    @ mq_fetch("newest")
    > $mqk(newest)=$mqv(newest)
    @ mq_fetch("newest")
    > $mqk(newest)=$mqv(newest)
    @ mq_fetch("newest")
    > $mqk(newest)=$mqv(newest)
    @ mq_fetch("newest")
    @ mq_add("newest", "a", "7")
    @ mq_add("newest", "a", "8")
    @ mq_size("newest")
    @ mq_fetch("newest")
    > $mqk(newest)=$mqv(newest)
    @ mq_add("bare", "a", "1")
    @ mq_add("bare", "a", "2")
    @ mq_size("bare")
    @ mq_add("one", "a", "1")
    @ mq_add("one", "a", "2")
    @ mq_add("one", "b", "3")
    @ mq_size("one")
    @ mq_fetch("one")
    > $mqk(one)=$mqv(one)
    """,
    modules=MODULES,
    before=QUEUES,
)


@case(
    QUEUES
    + """
request_route {
    mq_add("plain", "k1", "v1");
    mq_add("plain", "k2", "");
    mq_add("plain", "k3", "v3");
    mq_add("one", "k", "v");
}
""",
    modules=MODULES,
)
def commands(scene: Scene) -> None:
    """Sizes, and fetching from outside."""

    def ask(command: str, *names: str) -> None:
        for name in names:
            scene.rpc(f"mqueue.{command}", name)

    scene.rpc("mqueue.get_sizes")
    scene.alice.request()
    scene.rpc("mqueue.get_sizes")
    ask("get_size", "plain", "one", "nosuch", "")
    scene.rpc("mqueue.get_size")
    ask("fetch", "plain", "plain", "plain", "plain", "nosuch", "")
    scene.rpc("mqueue.fetch")
    scene.rpc("mqueue.get_sizes")


@case(
    """
modparam("mqueue", "db_url", "sqlite:///DATABASE")
modparam("mqueue", "mqueue", "name=both;dbmode=3")
modparam("mqueue", "mqueue", "name=none")
request_route {
    mq_add("both", "k1", "v1");
    mq_add("both", "k2", "$ci");
    mq_add("none", "k", "v");
}
""",
    modules=f"db_sqlite {MODULES}",
)
def a_queue_is_written_at_the_end(scene: Scene) -> None:
    """dbmode 3: not read at the start. The manual has it the other way round."""
    _table(scene, "both")
    scene.alice.request()
    scene.rpc("mqueue.get_sizes")
    scene.restart()
    scene.rows("both", "key", "val")
    scene.rpc("mqueue.get_sizes")


@case(
    """
modparam("mqueue", "db_url", "sqlite:///DATABASE")
modparam("mqueue", "mqueue", "name=htable;dbmode=0;size=3")
request_route { drop; }
""",
    modules=f"db_sqlite {MODULES}",
)
def a_queue_without_database(scene: Scene) -> None:
    """dbmode 0 does not look at a table of its name."""
    scene.rpc("mqueue.get_sizes")


def _table(scene: Scene, name: str) -> None:
    scene.execute(
        f"CREATE TABLE IF NOT EXISTS {name} (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " key character varying(64) DEFAULT '' NOT NULL, val character varying(4096) DEFAULT '' NOT NULL)"
    )


verdicts(
    "mqueue",
    "what_the_start_is_refused_for",
    """
: modparam("mqueue", "mqueue", "name=a")
: modparam("mqueue", "mqueue", "name=a;size=10;")
: modparam("mqueue", "mqueue", "name=a;size=x")
: modparam("mqueue", "mqueue", "name=a;size=-1")
: modparam("mqueue", "mqueue", "name=a;addmode=9")
: modparam("mqueue", "mqueue", "name=a;dbmode=9")
: modparam("mqueue", "mqueue", "name=a;other=1")
: modparam("mqueue", "mqueue", "size=10")
: modparam("mqueue", "mqueue", "name=")
: modparam("mqueue", "mqueue", "a")
: modparam("mqueue", "mqueue", "name=a")\\nmodparam("mqueue", "mqueue", "name=a;size=3")
: modparam("mqueue", "mqueue", "name=a")\\nmodparam("mqueue", "mqueue", "name=A")
: modparam("mqueue", "mqueue", "name=a")\\nmodparam("mqueue", "mqueue_name", "a")
: modparam("mqueue", "mqueue_name", "a")\\nmodparam("mqueue", "mqueue_name", "b c")
: modparam("mqueue", "mqueue_name", "")
: modparam("mqueue", "mqueue_size", "x")
mq_add("a", "b");
mq_add("a", "b", "$nosuch(x)");
mq_fetch();
mq_size("nosuch");
xlog("$mqk(nosuch)");
xlog("$mqk()");
xlog("$mqk");
xlog("$(mqk(a)[0])");
$mqk(a) = 1;
""",
    modules=MODULES,
)
