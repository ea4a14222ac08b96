r"""exec: what programs are told, what becomes of what they print, and which statuses fail."""

# ruff: noqa: E501 - a line of a config stays one line

from __future__ import annotations

from ..case import Scene, battery, build, case, edits, verdicts

MODULES = "sl pv xlog textops kex corex exec"

FACTS = r"""
@ exec_cmd("true")
@ exec_cmd("false")
@ exec_cmd("exit 7")
@ exec_cmd("nonsense-that-is-no-program 2>/dev/null")
@ exec_cmd("kill -9 $$$$")
@ exec_cmd("")
@ exec_cmd("test $rU = bob")
@ exec_cmd("test -z \"$$SIP_RURI\"")
@ exec_msg("grep -q '^INVITE sip:bob'")
@ exec_msg("grep -q '^OPTIONS'")
@ exec_msg("cat >/dev/null; exit 3")
@ exec_msg("cat >/dev/null; test \"$$SIP_RURI\" = sip:bob@example.com")
@ exec_avp("echo one; echo; echo 'two  '; printf '\\tthree\\r\\n'")
> $(avp(i:1)) $(avp(i:2)) $(avp(i:3)) $(avp(i:4))
@ exec_avp("echo four; false")
> $(avp(i:1)[*])
@ exec_avp("true")
@ exec_avp("printf 'a\\nb\\nc'", "$avp(x);$avp(y)")
> $avp(x) $avp(y) $(avp(i:3)[*])
@ exec_avp("echo z", "$avp(x)")
> $(avp(x)[*])
@ exec_avp("echo 5", "$avp(i:9), $avp(s:t)")
= $avp(i:9)
@ exec_avp("yes x | head -c 1500 | tr -d '\\n'", "$avp(long)")
= $(avp(long){s.len})
= $(avp(i:2){s.len})
$avp(n) = "dyn";
@ exec_avp("echo $$SIP_SRCIP", "$avp(ip)")
> $avp(ip)
"""
battery("exec", "results", FACTS.replace("$$$$", "$$$$"), modules="sl pv xlog textops kex corex exec")

DSETS = r"""
exec_dset("echo sip:one@h #");
exec_dset("printf 'sip:one@h\\nsip:two@h\\n\\nsip:three@h  \\n' #");
exec_dset("true");
exec_dset("echo sip:one@h; false");
exec_dset("echo");
exec_dset("f() { echo $$1; }; f");
$ru = "sip:new@h"; exec_dset("f() { echo $$1; }; f");
exec_dset("echo nonsense #");
exec_dset("seq 20 #");
"""
edits(
    "exec",
    "destinations",
    "\n".join(
        f'{line.strip()} $var(d) = $rc; xlog("$rU rc $var(d) ru $ru $branch(count) $(branch(uri)[0]) $(branch(uri)[1])\\n"); $ru = "sip:" + "x@h";'
        for line in DSETS.strip().split("\n")
    ),
    build(
        "MESSAGE sip:@EDIT@@example.com SIP/2.0",
        """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-@EDIT@
From: <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-@EDIT@
CSeq: 1 MESSAGE
Max-Forwards: 70""",
    ),
    modules=MODULES,
)

VARIABLES = r"""
request_route {
    if ($rU == "changed") $ru = "sip:else@h:5070";
    exec_avp("env | grep ^SIP_ | LC_ALL=C sort | tr '\\n' '|'", "$avp(all)");
    xlog("$avp(all)\n");
}
"""
MESSAGE = """{method} {uri} SIP/2.0
v: SIP/2.0/UDP phone.example.com;branch=z9hG4bK-1
Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK-0
Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK-x
f: "Alice" <sip:alice@example.com>;tag=a1
t: <sip:bob@example.com>{tag}
i: call-1
CSeq: 7 {method}
Max-Forwards: 70
m: <sip:alice@127.0.0.11:21200>
k: timer
Subject: hello
s: again
X-One: 1
x-one: 2
X-ONE: 3
X-Odd~Name.x: odd
X-Shock: () {{ :; }}; echo
o: presence
Content-Type: text/plain
User-Agent:   folded
  line
Content-Length: 2

hi"""


def told(scene: Scene) -> None:
    """An INVITE, a request within a dialog, a rewritten request URI, URIs without user or without sense."""
    for method, uri, tag in (
        ("INVITE", "sip:bob@example.com", ""),
        ("MESSAGE", "sip:bob:pw@example.com:5062;x=y", ";tag=b1"),
        ("MESSAGE", "sip:changed@example.com", ""),
        ("OPTIONS", "sip:example.com", ""),
        ("OPTIONS", "tel:+4930", ""),
    ):
        scene.alice.send(MESSAGE.format(method=method, uri=uri, tag=tag))
        scene.settle()


for name, params in {
    "variables": "",
    "variables_without_safety": 'modparam("exec", "bash_safety", 0)\n',
    "no_variables": 'modparam("exec", "setvars", 0)\n',
}.items():

    def play(scene: Scene) -> None:
        """See `told`."""
        told(scene)

    play.__name__ = name
    case(params + VARIABLES, modules="sl pv xlog textops exec")(play)

verdicts(
    "exec",
    "starts",
    r"""
exec_cmd("true");
exec_cmd("");
exec_cmd($var(x));
exec_cmd("a", "b");
exec_avp("a", "");
exec_avp("a", ";");
exec_avp("a", "x");
exec_avp("a", "$avp(x) $avp(y)");
exec_avp("a", "$avp(x),,;$avp(y);");
exec_avp("a", "$avp(x)$avp(y)");
exec_avp("a", "$(avp(x))");
exec_avp("a", "$avp(x);y");
exec_avp("a", "$avp($var(x))");
exec_avp("a", "$hdr(x)");
: modparam("exec", "time_to_kill", 3)
: modparam("exec", "setvars", "x")
: onreply_route[R] { exec_cmd("a"); }
: onreply_route[R] { exec_msg("a"); }
: branch_route[R] { exec_avp("a"); }
: failure_route[R] { exec_dset("a"); }
: event_route[tm:local-request] { exec_avp("a"); exec_msg("b"); }
: event_route[tm:local-request] { exec_dset("a"); }
""",
    modules="tm sl pv xlog exec",
)
