"""What the preprocessor's directives do to a running config."""

from __future__ import annotations

from ..case import Scene, battery, case

battery(
    "preprocessor",
    "defines_seen_at_run_time",
    """
    = NUMBER
    = TEXT
    = TEXT + "x"
    = NUMBER + 1
    = EXPR * 2
    = MULTI
    > NUMBER TEXT stays text in strings
    > $def(NUMBER) $def(TEXT) $defn(NUMBER) $def(EMPTY) $def(UNDEFINED) $defn(UNDEFINED)
    = EARLY
    = TRY
    = REDONE
    > STRSUBST and WORDSUBST
    = WORDSUBST
    > mail DOMAINSUBST
    = PLAIN
    > PLAIN $def(PLAIN) $def(QUOTED)
    = QUOTED
    > HALF whole
    #!ifdef NUMBER
    $var(d) = "number defined";
    #!else
    $var(d) = "number not defined";
    #!endif
    = $var(d)
    #!ifndef NUMBER
    $var(d) = "not defined";
    #!else
    $var(d) = "defined";
    #!endif
    = $var(d)
    #!ifdef NOTHING
    this is no config at all; " ' ( {
    #!endif
    #!ifdef EMPTY
    $var(d) = "empty is defined";
    #!ifdef NOTHING
    $var(d) = "inner";
    #!else
    $var(d) = "inner else";
    #!endif
    #!endif
    = $var(d)
    #!define LATE 5
    = LATE
    """,
    before="""
#!define NUMBER 7
#!define TEXT "text"
#!define EMPTY
#!define EXPR (2 + 3)
#!define MULTI 1 + \\
 2
#!define EARLY 1
#!trydef TRY 1
#!trydef TRY 2
#!define REDONE 1
#!redefine REDONE 2
#!subst "/STRSUBST/replaced/"
#!substdef "!WORDSUBST!\\"word\\"!g"
#!subst "!DOMAINSUBST!example.org!g"
#!substdef "/PLAIN/1234/"
#!substdefs "/QUOTED/quoted text/"
#!subst "/half/HALF/i"
""",
)


def _send(scene: Scene) -> None:
    scene.alice.request("OPTIONS")
    scene.settle()


@case(
    """
#!ifdef WITH_A
#!define MODE "mode a\\n"
#!else
#!ifdef WITH_B
#!define MODE "mode b\\n"
#!else
#!define MODE "mode none\\n"
#!endif
#!endif
#!KAMAILIO
# a comment
// another
/* a longer
   one */
request_route {
    xlog(MODE); xlog(" line $cfg(line)\\n"); /* inside */ xlog("same line\\n"); # behind
    // xlog("never\\n");
    xlog("# no comment // here /* either\\n");
    $var(x) = 1; # end
    xlog("x $var(x)\\n")
    ;
}
""",
    modules="pv xlog corex",
)
def nested_ifdefs_and_comments(scene: Scene) -> None:
    """The three kinds of comments; directives nest."""
    _send(scene)


@case(
    """
#!define ROUTENAME HELPER
#!define CALL route(HELPER)
#!define LEVEL "L_ERR"
#!define IP1 127.0.0.11
request_route {
    CALL;
    route(ROUTENAME);
    xlog(LEVEL, "level defined\\n");
    if (src_ip == IP1) xlog("from alice\\n");
}
route[HELPER] { xlog("helper\\n"); }
""",
    modules="pv xlog",
)
def a_define_may_stand_for_any_tokens(scene: Scene) -> None:
    """A call, a name of a route, an address."""
    _send(scene)


@case(
    """
mine.label = "text" desc "a text"
mine.count = 5 desc "a number"
request_route {
    xlog("$sel(cfg_get.mine.label) $sel(cfg_get.mine.count)\\n");
    $var(x) = @cfg_get.mine.count;
    xlog("$var(x)\\n");
    if (@cfg_get.mine.label == "text") xlog("equal\\n");
}
""",
    modules="pv xlog ctl cfg_rpc",
)
def custom_settings(scene: Scene) -> None:
    """mine.label of the config is read with @cfg_get and changed with cfg.seti and cfg.sets."""
    _send(scene)
    scene.rpc("cfg.get", "mine", "label")
    scene.rpc("cfg.get", "mine", "count")
    scene.rpc("cfg.seti", "mine", "count", 17)
    scene.rpc("cfg.sets", "mine", "label", "other")
    _send(scene)
    scene.rpc("cfg.get", "mine", "nope")
    scene.rpc("cfg.help", "mine", "label")
