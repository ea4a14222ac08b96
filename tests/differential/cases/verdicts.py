"""Configs that Kamailio starts with, and those it does not: parsing, names, types, fix-ups, modules' settings."""

from __future__ import annotations

from ..case import verdicts

verdicts(
    "verdicts",
    "statements",
    r"""
    $var(x) = 1
    $var(x) = 1;
    ;
    ;;;
    { $var(x) = 1; }
    if (1) { }
    if (1) { ; }
    if (1) ;
    if 1 $var(x) = 1;
    if ($var(x)) $var(x) = 1; else ;
    if ($var(x) = 1) drop;
    if () drop;
    while (1) break;
    while (1) continue;
    break;
    return;
    return 5;
    return -1;
    return "5";
    return $var(x);
    return (1 + 2);
    return(1);
    exit;
    exit();
    drop;
    drop();
    drop(5);
    exit 5;
    switch ($var(x)) { }
    switch ($var(x)) { case 1: drop; }
    switch ($var(x)) { case 1: drop; case 1: exit; }
    switch ($var(x)) { default: drop; default: exit; }
    switch ($var(x)) { case $var(y): drop; }
    switch ($var(x)) { case 1+1: drop; }
    switch ($var(x)) { case "a"+"b": drop; }
    switch ($var(x)) { case 1: drop; case "a": exit; }
    switch ($var(x)) { case /"(": drop; }
    switch ($var(x)) { drop; case 1: exit; }
    switch (1) { case 1: drop; }
    route(NOBODY);
    route("NOBODY");
    route($var(x));
    route(NO-BODY);
    route();
    route(1);
    undefined_function();
    xlog();
    xlog("a", "b", "c");
    xlog(5);
    xlog("L_ERR", 5);
    xlog("L_NOPE", "x");
    xlog($var(x));
    xlog("a" + "b");
    xlog("a" + $var(x));
    xlog("$nope");
    xlog("$(var(x)");
    xlog("$var(x");
    xlog("$var()");
    xlog("100% $ of it");
    xlog("$");
    xlog("$$");
    xlog("a$");
    $nope = 1;
    $rm = "X";
    $ci = "x";
    $var(x) = $nope;
    $var(x) = $(var(x){s.nope});
    $var(x) = $(var(x){nope.len});
    $var(x) = $(var(x){s.substr});
    $var(x) = $(var(x){s.substr,a,b});
    $var(x) = $(var(x){s.len);
    $var(x) = ;
    $var(x) == 1;
    1 + 1;
    $var(x) = 1 +;
    $var(x) = (1;
    $var(x) = 1);
    $var(x) += 1;
    $var(x)++;
    $var(x) = "unclosed;
    $var(x) = 'single;
    $var(x) = "a" 'b';
    $var(x) = 'a' "b";
    $var(x) = "a" "b";
    $var(x) = 09;
    $var(x) = 0xzz;
    $var(x) = 99999999999999;
    $var(x) = 1.5;
    $var(x) = -"a";
    $var(x) = "a" - 1;
    $var(x) = 1 + "a";
    $var(x) = (int)"a" + 1;
    $var(x) = (float)1;
    $var(x) = $var(y) =~ "(";
    $var(x) = $var(y) =~ "[a";
    $var(x) = $var(y) =~ "a{2,1}";
    $var(x) = $var(y) =~ "*a";
    $var(x) = $var(y) =~ $var(z);
    if ($var(y) =~ 5) drop;
    $var(x) = defined $var(y);
    $var(x) = defined;
    $var(x) = strlen("a");
    $var(x) = strlen(5);
    $var(x) = strlen();
    $var(x) = @ruri.nope;
    $var(x) = @nope;
    $var(x) = @ruri.user;
    @ruri.user = "x";
    if (method == "INVITE") drop;
    if (method == INVITE) drop;
    if (method != 5) drop;
    if (uri == myself) drop;
    if (myself == uri) drop;
    if (uri =~ myself) drop;
    if (src_ip == 127.0.0.1) drop;
    if (src_ip == "127.0.0.1") drop;
    if (src_ip == localhost) drop;
    if (src_ip == 127.0.0.300) drop;
    if (src_ip == 10.0.0.0/8) drop;
    if (src_ip == 10.0.0.0/33) drop;
    if (src_ip == 10.0.0.0/255.0.0.0) drop;
    if (src_ip == [::1]) drop;
    if (src_port == 5060) drop;
    if (proto == UDP) drop;
    if (proto == NOPE) drop;
    if (msg:len > 5) drop;
    if (msg:len > max_len) drop;
    if (snd_ip == 127.0.0.1) drop;
    forward();
    forward("127.0.0.1");
    forward("127.0.0.1", 5060);
    forward(127.0.0.1, 5060);
    forward(127.0.0.1:5060);
    forward_udp(127.0.0.1, 5060);
    forward_nope();
    setflag(1);
    setflag(31);
    setflag(32);
    setflag(-1);
    setflag("1");
    setflag(FLAG);
    isflagset(1);
    strip(1);
    strip("1");
    prefix("1");
    prefix(1);
    rewriteuri("sip:a@b");
    rewriteuri($var(x));
    rewritehost(5);
    force_rport();
    force_rport;
    force_tcp_alias();
    set_advertised_address("1.2.3.4");
    set_advertised_port(5060);
    set_advertised_port("5060");
    force_send_socket(127.0.0.1:5060);
    force_send_socket(udp:127.0.0.1:5060);
    log("x");
    log(1, "x");
    log(-1, "x");
    log("L_ERR", "x");
    error("a", "b");
    """,
)

verdicts(
    "verdicts",
    "config_level",
    r"""
    : route[A] { drop; }
    : route[A] { drop; }\nroute[A] { exit; }
    : route["A"] { drop; }
    : route[5] { drop; }
    : route[a-b] { drop; }
    : route[a.b:c] { drop; }
    : route { drop; }
    : route { drop; }\nroute { exit; }
    : request_route { drop; }\nroute { exit; }
    : request_route[X] { drop; }
    : reply_route { drop; }
    : onreply_route { drop; }
    : onreply_route[A] { drop; }
    : reply_route[A] { drop; }
    : reply_route { drop; }\nonreply_route { exit; }
    : failure_route { drop; }
    : failure_route[A] { drop; }
    : failure_route[A] { drop; }\nfailure_route[A] { drop; }
    : branch_route[A] { drop; }
    : branch_route { drop; }
    : onsend_route { drop; }
    : onsend_route[A] { drop; }
    : event_route[core:worker-one-init] { xlog("x"); }
    : event_route[nothing:at-all] { drop; }
    : event_route[x] { drop; }
    : event_route { drop; }
    : error_route { drop; }
    : route[A] { }
    : route[A] drop;
    : route[A] { drop }
    : route[A] { drop; };
    : nothing=5
    : debug=3
    : debug="3"
    : debug=-1
    : debug=x
    : debug=yes
    : log_stderror=yes
    : log_stderror=no
    : log_stderror=1
    : log_stderror=maybe
    : log_facility=LOG_LOCAL0
    : log_facility=LOG_NOPE
    : log_name="x"
    : children=2
    : children="2"
    : disable_tcp=yes
    : auto_aliases=no
    : alias="a.example.com"
    : alias=a.example.com
    : alias="a" "b"
    : alias=udp:a.example.com:5060
    : listen=udp:127.0.0.1:21200
    : listen=127.0.0.1:21200
    : listen="udp:127.0.0.1:21200"
    : port=21209
    : loadmodule "nothing.so"
    : loadmodule "tm.so"
    : loadmodule "tm"
    : loadmodule tm
    : loadmodule "pv.so"
    : loadmodule "registrar.so"
    : loadmodule "/usr/lib/x86_64-linux-gnu/kamailio/modules/tm.so"
    : loadmodulex "tm.so"
    : modparam("pv", "shvset", "a=i:1")
    : modparam("pv", "shvset", "broken")
    : modparam("pv", "nothing", 1)
    : modparam("nothing", "x", 1)
    : modparam("xlog", "buf_size", "4096")
    : modparam("xlog", "buf_size", 4096)
    : modparam("xlog", "prefix", 5)
    : modparam("xlog|pv", "buf_size", 4096)
    : modparam("x.*", "buf_size", 4096)
    : modparam("xlog", "buf_size")
    : modparam("xlog", "buf_size", 1 + 1)
    : modparam("xlog", "prefix", "a" "b")
    : modparamx("xlog", "buf_size", "4096")
    : modparamx("xlog", "prefix", "$def(X)")
    : flags A:1, B:2
    : flags A, B
    : flags A:40
    : avpflags X
    : group.item = 5
    : mygroup.item = 5 desc "text"
    : mygroup.item = "x" descr "text"
    : mygroup.item = "x" description "text"
    : mygroup.item = x
    : mygroup.item = 5\nmygroup.item = 6
    : tm.fr_timer = 1000
    : core.debug = 2
    : enum x { A }
    : import "x.cfg"
    : include_file "missing.cfg"
    : import_file "missing.cfg"
    : #!define A 1\n#!define A 2
    : #!define A 1\n#!redefine A 2
    : #!redefine A 2
    : #!trydef A 1\n#!trydef A 2
    : #!define 5A 1
    : #!define
    : #!ifdef A
    : #!endif
    : #!else
    : #!ifdef A\n#!else\n#!else\n#!endif
    : #!ifdef A\n#!else\n#!endif
    : #!nothing at all
    : #!KAMAILIO
    : #!SER
    : #!OPENSER
    : #!MAXCOMPAT
    : #!subst "/QQQ/b/"
    : #!subst "/a/b"
    : #!subst "/(/b/"
    : #!substdef "/A/b/"
    : #!substdef "/A/"
    : #!defenv NOT_SET_AT_ALL
    : #!trydefenv NOT_SET_AT_ALL
    : #!ifexp 1 == 1\n#!endif
    : !!define A 1
    : /* never closed
    : mhomed=1
    : server_signature=no
    : server_header="Server: x"
    : user_agent_header="User-Agent: x"
    : tcp_connection_lifetime=3605
    : tos=IPTOS_LOWDELAY
    : tos=0x10
    : tos=NOPE
    : dns_cache_init=off
    : fork=yes
    : check_via=no
    : syn_branch=0
    : max_while_loops=5
    : phone2tel=1
    : pv_buffer_size=2048
    : version_table="x"
    : log_prefix="x $rm "
    : log_prefix="$nope"
    : stats_name_separator="_"
    : statistics=yes
    : memlog=5
    : onsend_route_reply=yes
    : kemi.onsend_route_callback="none"
    : event_route[xhttp:request] { drop; }
    """,
)

verdicts(
    "verdicts",
    "routes_a_function_may_be_called_from",
    r"""
    t_relay();
    : onreply_route[A] { t_relay(); }
    : failure_route[A] { t_relay(); }
    : branch_route[A] { t_relay(); }
    : onsend_route { t_relay(); }
    : route[A] { t_relay(); }
    : event_route[tm:local-request] { t_relay(); }
    : onreply_route[A] { sl_send_reply("200", "OK"); }
    : branch_route[A] { sl_send_reply("200", "OK"); }
    : failure_route[A] { sl_send_reply("200", "OK"); }
    : onreply_route[A] { record_route(); }
    : branch_route[A] { record_route(); }
    : failure_route[A] { record_route(); }
    : onreply_route[A] { loose_route(); }
    : branch_route[A] { append_hf("X: 1\r\n"); }
    : onsend_route { xlog("x"); }
    : onsend_route { append_hf("X: 1\r\n"); }
    : onreply_route[A] { save("location"); }
    : onreply_route[A] { t_check_status("200"); }
    t_check_status("200");
    t_on_failure("NOBODY");
    t_on_failure("A");
    : request_route { t_on_failure("A"); }\nfailure_route[A] { drop; }
    : request_route { t_on_branch("B"); }
    : request_route { t_on_reply("B"); }
    : request_route { t_on_reply("B"); }\nonreply_route[B] { drop; }
    t_set_fr("a");
    t_set_fr(1000);
    t_set_fr(1000, 500, 1);
    t_reply("200", "OK");
    t_reply(200, "OK");
    t_reply("200");
    t_reply("abc", "OK");
    sl_send_reply("200", "OK");
    sl_send_reply(200, "OK");
    sl_send_reply("abc", "OK");
    sl_send_reply("200");
    send_reply("$var(c)", "$var(r)");
    is_method("INVITE");
    is_method("NOPE");
    is_method("INVITE|NOPE");
    is_method("");
    is_method(5);
    remove_hf("X");
    remove_hf(X);
    remove_hf("");
    subst("/a/b/");
    subst("/a/b");
    subst("/(/b/");
    subst("a");
    replace("(", "x");
    search("[");
    save("location");
    save("nowhere");
    save();
    save("location", "0x01");
    save("location", "x");
    lookup("location");
    setbflag("1");
    setbflag("x");
    setbflag("40");
    maxfwd("10");
    mf_process_maxfwd_header("10");
    mf_process_maxfwd_header(10);
    mf_process_maxfwd_header("0");
    mf_process_maxfwd_header("300");
    mf_process_maxfwd_header("x");
    sanity_check();
    sanity_check("1511");
    sanity_check("1511", "7");
    sanity_check(1511, 7);
    sanity_check("x");
    is_direction("downstream");
    is_direction("sideways");
    check_route_param("(");
    add_rr_param(";x=1");
    record_route_preset("a");
    record_route_preset();
    append_hf("X: 1\r\n", "Y");
    append_hf("X: 1\r\n", "");
    """,
    modules="tm sl rr pv xlog textops maxfwd sanity usrloc registrar kex corex",
)

# Arguments of transformations are read at the start; blanks may stand behind the last one.
verdicts(
    "verdicts",
    "arguments_of_transformations",
    r"""
    xlog("$(ru{param.value,a,,})\n");
    xlog("$(ru{param.valueat,0,,})\n");
    xlog("$(ru{param.in,a,;})\n");
    xlog("$(ru{param.count,,})\n");
    xlog("$(ru{s.select,0,,})\n");
    xlog("$(ru{s.substr,0,-1})\n");
    xlog("$(ru{s.substr,0,-0})\n");
    xlog("$(ru{s.substr,-1,1})\n");
    xlog("$(ru{s.fmtlines,-1,0})\n");
    xlog("$(ru{s.fmtlines,4,-1})\n");
    xlog("$(ru{s.strip,-1})\n");
    xlog("$(ru{s.len} )\n");
    xlog("$(ru )\n");
    xlog("$(hdr(x)[0] )\n");
    xlog("$(ru{s.md5,x})\n");
    xlog("$(ru{uri.user,x})\n");
    xlog("$(ru{tobody.uri,x})\n");
    xlog("$(ru{line.count,x})\n");
    xlog("$(ru{s.prefixes,})\n");
    $var(x) = $(ru{s.len} );
    $var(x) = $(to.user);
    $var(x) = $to.user;
    $(ruri.user) = "x";
    $var(x) = $hdr;
    $var(x) = $rcv;
    $timef = 5;
    xlog("$hdr\n");
    $var(x) = @cfg_get.nobody.knows;
    """,
)

# The condition of `while`, unlike that of `if`, may be no text.
verdicts(
    "verdicts",
    "conditions_that_are_texts",
    r"""
    while("a") { drop; }
    while("a" + "b") { drop; }
    while("a" == "a") { drop; }
    while(@ruri.user) { drop; }
    while((str)$var(x)) { drop; }
    while($ru) { drop; }
    while(1) { drop; }
    if ("a") { drop; }
    if (@ruri.user) { drop; }
    if ((str)$var(x)) { drop; }
    """,
)
