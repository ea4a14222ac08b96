"""xlog and log: levels, formats, escapes, facilities, what is printed and what is not."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, case

ONE = """
request_route {
%s
}
"""


def _one_request(scene: Scene) -> None:
    scene.alice.request("INVITE")
    scene.settle()


@case(
    """
debug=3
request_route {
    xlog("L_ALERT", "alert\\n"); xlog("L_CRIT", "crit\\n");
    xlog("L_ERR", "err\\n"); xlog("L_WARN", "warn\\n"); xlog("L_NOTICE", "notice\\n"); xlog("L_INFO", "info\\n");
    xlog("L_DBG", "dbg\\n");
    xlog("no level\\n");
    $var(l) = 0; xlog("$var(l)", "level from a variable\\n");
    xdbg("xdbg $rm\\n"); xinfo("xinfo $rm\\n"); xnotice("xnotice $rm\\n"); xwarn("xwarn $rm\\n"); xerr("xerr $rm\\n"); xcrit("xcrit $rm\\n"); xalert("xalert $rm\\n"); xbug("xbug $rm\\n");
    xlogl("L_INFO", "with line\\n"); xlogl("xlogl\\n");
    log("log text\\n"); log(2, "log 2\\n"); log(4, "log 4\\n");
}
""",
    modules="pv xlog",
)
def levels_and_how_they_are_printed(scene: Scene) -> None:
    """Names or numbers; the default is L_ERR; log() of the core takes numbers."""
    _one_request(scene)


@case(
    """
debug=0
request_route {
    xlog("L_ERR", "err\\n"); xlog("L_WARN", "warn\\n"); xlog("L_NOTICE", "notice\\n"); xlog("L_INFO", "info\\n"); xlog("L_DBG", "dbg\\n");
    log(0, "log 0\\n"); log(1, "log 1\\n"); xerr("xerr\\n"); xinfo("xinfo\\n");
}
""",
    modules="pv xlog",
)
def the_debug_level_decides(scene: Scene) -> None:
    """debug=0 prints errors and warnings."""
    _one_request(scene)


@case(
    ONE
    % """
    xlog("plain: $rm [$ru] ($fU@$fd) $$ 100% %% %s\\n");
    xlog("undefined $avp(x) $hdr(Nope) $vn(u) $var(u)\\n");
    xlog("tab\\there quote\\" backslash\\\\ n\\\\n\\n");
    xlog('single $rm not escaped \\n
');
    xlog("\\n");
    xlog("two\\nlines\\n");
    xlog("cr\\r\\n");
    xlog("adjacent " "strings " "$rU\\n");
    xlog("plus " + "strings $rU" + "\\n");
    $var(t) = "text $rU";
    xlog("$var(t)\\n");
    xlog("$$rU $(rU)x\\n");
""",
    modules="pv xlog",
)
def texts_and_escapes(scene: Scene) -> None:
    """$$ is a dollar, null prints <null>, % means nothing."""
    _one_request(scene)


@case(
    ONE % ('    xlog("' + "0123456789" * 30 + ' end\\n");\n    $var(x) = 1;\n    xlog("$rm" + " done\\n");'),
    modules="pv xlog",
)
def a_long_text(scene: Scene) -> None:
    """Texts up to the buffer's size are printed whole."""
    _one_request(scene)


@case(
    """
modparam("xlog", "buf_size", 64)
request_route {
    xlog("short $rm\\n");
    xlog("long $ru $ru $ru $ru\\n");
    xlog("0123456789012345678901234567890123456789012345678901234567890123456789\\n");
    xlog("after rc=$rc\\n");
}
""",
    modules="pv xlog",
)
def a_text_longer_than_the_buffer(scene: Scene) -> None:
    """What does not fit in buf_size is not logged as text."""
    _one_request(scene)


@case(
    """
modparam("xlog", "prefix", "PREFIX ")
modparam("xlog", "methods_filter", 8)
modparam("xlog", "log_facility", "LOG_LOCAL3")
log_prefix="[$rm $ci] "
request_route { xlog("L_ERR", "text\\n"); log(1, "core log\\n"); }
""",
    modules="pv xlog",
)
def prefixes(scene: Scene) -> None:
    """log_prefix of the core goes before the function's own, the module's prefix replaces "<script>: "."""
    _one_request(scene)


@case(
    """
modparam("xlog", "methods_filter", -1)
request_route {
    xlog("L_ERR", "xlog\\n");
}
""",
    modules="pv xlog",
)
def methods_filter(scene: Scene) -> None:
    """A filter that names every method leaves all logs in."""
    _one_request(scene)


@case(
    """
modparam("xlog", "long_format", 1)
request_route { xlog("L_ERR", "long format\\n"); route(A); }
route[A] { xlogl("L_ERR", "in A\\n"); }
""",
    modules="pv xlog",
)
def long_format_adds_the_place(scene: Scene) -> None:
    """File and line of the config stand in the text with the l-functions."""
    _one_request(scene)


@case(
    """
log_prefix="{$mt $rm $rs $ci} "
modparam("tm", "fr_timer", 300)
request_route {
    xlog("request\\n");
    t_on_reply("REPLY");
    t_on_failure("FAILURE");
    $du = "sip:127.0.0.12:21200";
    t_relay();
}
onreply_route[REPLY] { xlog("reply\\n"); }
failure_route[FAILURE] {
    xlog("failure $T_reply_code\\n");
    t_on_branch("BRANCH");
    t_on_failure("SECOND");
    $du = "sip:127.0.0.13:21200";
    t_relay();
}
branch_route[BRANCH] { xlog("branch\\n"); }
failure_route[SECOND] { xlog("second\\n"); }
event_route[tm:local-response] { xlog("response\\n"); }
""",
    modules="tm tmx sl pv xlog",
    repeats=True,
)
def the_prefix_of_failure_routes(scene: Scene) -> None:
    """A failure route has the prefix of the request, behind a reply and behind a timer; after it there is none."""
    scene.alice.request("INVITE", "sip:bob@127.0.0.12:21200")
    scene.alice.expect(100)
    scene.bob.expect("INVITE").answer(486, "Busy")
    scene.bob.expect("ACK")
    scene.carol.expect("INVITE")
    scene.alice.expect(408)
