r"""corex: branches, sending, sockets, flags, files, places in the config."""

from __future__ import annotations

from ..case import Scene, battery, case
from .textops import BARE, MESSAGE

LISTEN = """
listen=udp:127.0.0.1:21200 advertise 203.0.113.9:5066 name "main"
listen=udp:127.0.0.1:21201
auto_aliases=no
alias=example.net:5070
alias="udp:alias.example.net"
"""

battery(
    "corex",
    "variables and flags",
    r"""
    > $cfg(line) $cfg(name) $cfg(file) $cfg(route)
    > $lsock(n/main/l) $lsock(n/main/a) $lsock(n/main/n) $lsock(n/main/i)
    > $lsock(l/udp:127.0.0.1:21201/n)|$lsock(l/udp:127.0.0.1:21201/a)|$lsock(l/udp:127.0.0.1:21201/i)
    > $lsock(a/udp:203.0.113.9:5066/n)|$lsock(i/0/n)|$lsock(i/1/l)|$lsock(n/none/l)
    > $lsock(x/none/l)
    > $lsock(n/main)
    $var(n) = "main";
    > $lsock(n/$var(n)/l)
    > $(var(n){sock.host})
    $var(s) = "udp:10.0.0.1:5060";
    > $(var(s){sock.host})|$(var(s){sock.port})|$(var(s){sock.proto})|$(var(s){sock.touri})
    $var(s) = "10.0.0.1";
    > $(var(s){sock.host})|$(var(s){sock.port})|$(var(s){sock.proto})|$(var(s){sock.touri})
    $var(s) = "tls:[::1]";
    > $(var(s){sock.host})|$(var(s){sock.port})|$(var(s){sock.proto})|$(var(s){sock.touri})
    $var(s) = "host:99";
    > $(var(s){sock.host})|$(var(s){sock.port})|$(var(s){sock.proto})|$(var(s){sock.touri})
    @ isxflagset("33")
    @ setxflag("33")
    @ isxflagset("33")
    @ resetxflag("33")
    @ isxflagset("33")
    @ setxflag("63")
    @ setxflag("64")
    @ isxflagset("0")
    @ setxflag("0")
    @ isxflagset("0")
    @ msg_iflag_is_set("USE_UAC_FROM")
    @ msg_iflag_set("use_uac_from")
    @ msg_iflag_is_set("USE_UAC_FROM")
    @ msg_iflag_reset("USE_UAC_FROM")
    @ msg_iflag_is_set("USE_UAC_FROM")
    @ msg_iflag_is_set("UAC_AUTH")
    @ msg_iflag_is_set("NOPE")
    @ is_faked_msg()
    @ is_incoming()
    @ is_socket_name("main")
    @ is_socket_name("none")
    @ set_send_socket("udp:127.0.0.1:21201")
    > $fs $fsn
    @ set_send_socket_name("main")
    > $fs $fsn
    @ set_send_socket("udp:127.0.0.1:9")
    > $fs
    @ set_send_socket("nope:1:2:3")
    @ set_send_socket_name("none")
    > $fs
    @ set_recv_socket("udp:127.0.0.1:21201")
    > $Ri $Rp $RAi $RAp $Rn
    @ set_recv_socket_name("main")
    > $Ri $Rp $RAi $RAp $Rn
    @ set_source_address("10.9.8.7:6543")
    > $si $sp
    @ set_source_address("tcp:10.9.8.6:1")
    > $si $sp
    @ set_source_address("nope.invalid:1")
    > $si
    @ via_add_srvid("1")
    @ via_add_xavp_params("1")
    @ via_use_xavp_fields("1")
    @ append_branch("sip:a@10.0.0.1")
    @ append_branch("sip:b@10.0.0.2", "0.5")
    @ append_branch("sip:c@10.0.0.2", "2")
    @ append_branch("nope")
    > $br
    > $(branch(count))|$(branch(uri)[0])|$(branch(q)[0])|$(branch(uri)[1])|$(branch(q)[1])|$(branch(uri)[2])
    $du = "sip:10.0.0.9"; setbflag(3); $ru = "sip:new@x";
    @ append_branch()
    > $du|$bf|$fs|$(branch(dst_uri)[3])|$(branch(uri)[3])|$(branch(flags)[3])|$(branch(send_socket)[3])
    @ file_read("/nonexistent", "$var(f)")
    @ send_data("sip:127.0.0.12:21200", "hello $rm")
    @ sendx("sip:127.0.0.12:21200", "udp:127.0.0.1:21201", "again")
    @ sendx("sip:127.0.0.12:21200", "udp:127.0.0.1:9", "no socket")
    @ send_data("nope", "hello")
    @ send_udp("127.0.0.12:21200")
    @ send_udp()
    """,
    modules="pv xlog textops kex corex",
    before=LISTEN,
    messages=(BARE, MESSAGE),
)

battery(
    "corex",
    "aliases with subdomains",
    r"""
    ? uri == myself
    $ru = "sip:example.org";
    ? uri == myself
    $ru = "sip:a.b.example.org:7";
    ? uri == myself
    $ru = "sip:badexample.org";
    ? uri == myself
    $ru = "sip:sub.example.com:5062";
    ? uri == myself
    $ru = "sip:sub.example.com:5060";
    ? uri == myself
    $ru = "sip:sub.example.com";
    ? uri == myself
    $ru = "sip:t.example.info;transport=tcp";
    ? uri == myself
    $ru = "sip:t.example.info;transport=udp";
    ? uri == myself
    $ru = "sip:T.EXAMPLE.INFO";
    ? uri == myself
    """,
    modules="pv xlog corex",
    before="""
modparam("corex", "alias_subdomains", "example.org")
modparam("corex", "alias_subdomains", "example.com:5062")
modparam("corex", "alias_subdomains", "tcp:example.info")
""",
    messages=(BARE,),
)


@case(
    modules="pv xlog corex",
    config=LISTEN + 'request_route { send_udp("127.0.0.12:21200"); send_data("sip:127.0.0.12:21200", "data $rU"); }',
)
def sending_as_it_came(scene: Scene) -> None:
    """send_udp sends the received text, send_data anything."""
    scene.bob.drain()
    scene.alice.send(MESSAGE)
    scene.settle()


@case(
    modules="pv xlog sl corex",
    config=LISTEN
    + """request_route { sl_send_reply("200", "OK"); }
    event_route[corex:reply-out] { xlog("$rs $rr to $sndto(ip):$sndto(port) [$cs]\\n"); }""",
)
def the_event_of_a_reply_that_leaves(scene: Scene) -> None:
    """event_route[corex:reply-out] sees the reply."""
    scene.alice.send(MESSAGE)
    scene.alice.expect(200)


@case(
    modules="pv xlog sl corex",
    config="""
modparam("corex", "nio_intercept", 1)
modparam("corex", "nio_min_msg_len", 32)
modparam("corex", "nio_msg_avp", "$avp(msg)")
request_route { xlog("$hdr(X-In)\\n"); sl_send_reply("200", "OK"); }
event_route[network:msg] {
    if (is_incoming()) $avp(msg) = $(mb{s.replace,Subject:,X-In: yes\\r\\nSubject:});
    else $avp(msg) = $(mb{s.replace,OK,Changed});
}""",
)
def messages_changed_on_their_way(scene: Scene) -> None:
    """event_route[network:msg] changes what arrives and what leaves."""
    scene.alice.send(MESSAGE)
    scene.alice.expect(200)


@case(modules="pv xlog kex corex", config=LISTEN + "request_route { exit; }")
def commands(scene: Scene) -> None:
    """corex.list_sockets, list_aliases, debug."""
    scene.rpc("corex.list_sockets")
    scene.rpc("corex.list_aliases")
    scene.rpc("corex.debug")
    scene.rpc("corex.debug", 1)
    scene.rpc("corex.debug")
    scene.rpc("corex.pkg_summary", "idx", 0)
    scene.rpc("corex.pkg_summary", "pid", 1)
    scene.rpc("corex.pkg_summary", "nope", 1)
    scene.rpc("corex.pkg_summary", "foo", 1)
    scene.rpc("corex.pkg_summary")
    scene.rpc("corex.pkg_summary", "idx", 999)
    scene.rpc("corex.shm_summary")
    scene.rpc("corex.shm_status")
    scene.rpc("shm.info")
