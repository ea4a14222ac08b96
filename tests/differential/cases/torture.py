"""The torture messages of RFC 4475: what the core reads in them, what it answers, what it forwards."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from pathlib import Path

from ..case import Scene, case

MESSAGES = sorted((Path(__file__).parents[2] / "data" / "rfc4475").glob("*.dat"))


def _play(scene: Scene) -> None:
    for path in MESSAGES:
        scene.alice.send(path.read_bytes())
        scene.label(path.stem)


@case(
    """
request_route {
    force_rport();
    xlog("$ci $rm $ru | user $rU domain $rd port $rp proto $rP | from $fu $fn $ft | to $tu $tt | cseq $cs $csb | len $ml $cl $bs\\n");
    xlog("contact $ct | via $hdr(Via) | $hdrc(Via) $hflc(Via) $hfl(Route) | $via0(host) $via0(port) $via0(branch) $via1(host) | mf $hdr(Max-Forwards)\\n");
    sl_send_reply("200", "OK");
}
reply_route { xlog("reply $rs $rr $rm $cs $ci\\n"); }
""",
    modules="sl pv xlog",
)
def read_and_answered(scene: Scene) -> None:
    """One 200 for each request that the core can read."""
    _play(scene)


@case('request_route { $du = "sip:127.0.0.12:21200"; forward(); }', modules="pv")
def forwarded(scene: Scene) -> None:
    """Every byte that is not ours to change arrives as it was sent."""
    _play(scene)


@case(
    """
request_route {
    force_rport();
    if (!sanity_check("1511", "7")) { xlog("$ci insane\\n"); exit; }
    if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
    xlog("$ci sane\\n");
    $du = "sip:127.0.0.12:21200";
    record_route();
    t_relay();
}
""",
    modules="tm sl rr pv xlog maxfwd sanity",
)
def checked_and_relayed(scene: Scene) -> None:
    """The checks of the stock configuration, then tm."""
    _play(scene)
