"""Each trap: what it warns of, and the near miss that is fine."""

from __future__ import annotations

import pytest

from kamscript.source import MemoryReader
from kamscript.tools.examine import examine

HEAD = "".join(f'loadmodule "{name}.so"\n' for name in ("pv", "xlog", "tm", "sl", "textops", "textopsx", "siputils"))
DIALOG = """loadmodule "rr.so"
loadmodule "dialog.so"
modparam("dialog", "profiles_no_value", "calls")
modparam("dialog", "profiles_with_value", "caller ; callee")
"""

AUTH = """loadmodule "db_sqlite.so"
loadmodule "auth.so"
loadmodule "auth_db.so"
modparam("auth_db", "db_url", "sqlite:///k.db")
"""

DISPATCHER = """loadmodule "db_sqlite.so"
loadmodule "dispatcher.so"
modparam("dispatcher", "db_url", "sqlite:///k.db")
modparam("dispatcher", "xavp_dst", "dst")
"""

DOMAIN = 'loadmodule "db_sqlite.so"\nloadmodule "domain.so"\nmodparam("domain", "db_url", "sqlite:///k.db")\n'
PERMISSIONS = 'loadmodule "permissions.so"\n'
IN_MEMORY = """loadmodule "presence.so"
loadmodule "presence_xml.so"
modparam("presence", "publ_cache", 2)
modparam("presence", "subs_db_mode", 0)
modparam("presence_xml", "force_active", 1)
"""
PRESENCE = 'loadmodule "db_sqlite.so"\nloadmodule "presence.so"\nmodparam("presence", "db_url", "sqlite:///k.db")\n'

TABLES = """loadmodule "htable.so"
loadmodule "mqueue.so"
loadmodule "rtimer.so"
modparam("htable", "htable", "ipban=>size=8")
modparam("htable", "htable", "a=>size=8;autoexpire=60")
modparam("mqueue", "mqueue", "name=q;size=3")
modparam("mqueue", "mqueue_name", "bare")
modparam("rtimer", "timer", "name=t;interval=10")
"""

#: Rule, statements of a request route that it warns of, statements that it does not warn of.
STATEMENTS = [
    ("unreachable-code", "exit; $var(x) = 1;", "if ($rU == $null) exit; $var(x) = 1;"),
    (
        "unreachable-code",
        'if (is_method("ACK")) { exit; } else { drop; } xlog("x");',
        'if (is_method("ACK")) { exit; } xlog("x");',
    ),
    ("unreachable-code", 'while (1) { break; xlog("x"); }', 'while (1) { xlog("x"); break; }'),
    ("unreachable-code", 'exit; xlog("x");', "exit;\n#!ifndef A\n return;\n#!endif"),
    ("unreachable-code", 'exit; xlog("x");', 'exit;\n#!ifndef A\n#!endif\n xlog("x");'),
    (
        "fall-through",
        'switch ($rU) { case "a": xlog("a"); case "b": exit; }',
        'switch ($rU) { case "a": case "b": exit; }',
    ),
    ("answered-twice", 'sl_send_reply("404", "x"); t_relay();', 'sl_send_reply("404", "x"); exit;'),
    (
        "answered-twice",
        'send_reply("404", "x"); xlog("x"); send_reply("500", "y");',
        'send_reply("100", "x"); t_relay();',
    ),
    (
        "answered-twice",
        'sl_send_reply(404, "x"); forward();',
        'if (is_method("ACK")) sl_send_reply("483", "x"); t_relay();',
    ),
    ("assignment-in-condition", "if (($var(a) = 0)) exit;", "if ($var(a) == 0) exit; $var(a) = 1;"),
    ("missing-route", 't_on_failure("F");', 't_on_failure("0");'),
    ("missing-route", 't_on_branch("F");', 't_on_branch("$var(x)"); $var(x) = "F";'),
    (
        "never-written",
        '$var(caller) = $fU; xlog("$var(callr) $var(caller)");',
        '$var(caller) = $fU; xlog("$var(caller) ");',
    ),
    ("never-written", "if ($avp(x) == 1) exit;", "$avp(x) = 1; if ($avp(x) == 1) exit;"),
    ("never-written", "if ($var(x) == 1) exit;", 'get_uri_param("a", "$var(x)"); if ($var(x) == 1) exit;'),
    ("not-expanded", '$var(x) = "sip:$rU";', '$var(x) = "sip:" + $rU;'),
    ("not-expanded", 'if ($rU == "$fU") exit;', 'xlog("$fU"); if ($rU =~ "^a$") exit;'),
    ("never-null", "$var(x) = 1; if ($var(x) == $null) exit;", "$vn(x) = 1; if ($vn(x) == $null) exit;"),
    ("text-condition", "if ($rU) exit;", "if ($rU != $null) exit;"),
    ("text-condition", "if (!$hdr(X) && 1) exit;", "if ($(hdr(X){s.len})) exit;"),
    ("method-list", 'if (method == "INVITE|ACK") exit;', 'if (method =~ "INVITE|ACK") exit;'),
    ("method-list", 'if ($rm != "BYE,ACK") exit;', 'if (is_method("BYE|ACK")) exit;'),
    ("method-case", 'if ($rm == "invite") exit;', 'if (method == "invite" || $rU == "invite") exit;'),
    ("null-text", 'if ($rU == "<null>") exit;', "if ($rU == $null) exit;"),
    ("network-text", 'if ($si == "10.0.0.0/8") exit;', 'if (src_ip == 10.0.0.0/8 || $si == "10.0.0.1") exit;'),
    ("pattern-compared", 'if ($rU == "^00.*") exit;', 'if ($rU =~ "^00.*" || $rU == "a.b") exit;'),
    ("pattern-label", 'switch ($rU) { case "^00.*": exit; }', 'switch ($rU) { case /"^00.*": exit; }'),
    ("pattern-label", 'switch ($rm) { case "INVITE|ACK": exit; }', 'switch ($rm) { case "INVITE": exit; }'),
    ("loose-dot", 'if ($rd =~ "sip.example.com") exit;', 'if ($rd == "sip.example.com") exit;'),
    ("loose-dot", 'if ($si =~ "^10.0.0.1$") exit;', 'if ($si =~ "^10[.]0[.]0[.]1$" || $rU =~ "a.b*") exit;'),
    ("flag-ignored", 'if (fnmatch("$rU", "a*", "i")) exit;', 'if (fnmatch("$rU", "a*")) exit;'),
    ("valueless-profile", 'is_in_profile("caller");', 'is_in_profile("caller", "x"); is_in_profile("calls");'),
    ("valueless-profile", 'get_profile_size("caller", "$var(n)");', 'get_profile_size("caller", "x", "$var(n)");'),
    ("valueless-profile", 'set_dlg_profile("caller");', 'set_dlg_profile("caller", "x"); set_dlg_profile("calls");'),
    (
        "profile-timeout",
        'dlg_set_timeout_by_profile("calls", "3");',
        'dlg_set_timeout_by_profile("calls", "x", "3");',
    ),
    (
        "profile-timeout",
        '$var(s) = 3; dlg_set_timeout_by_profile("calls", "x", "$var(s)");',
        'dlg_set_timeout_by_profile("calls", "x", " +3");',
    ),
    (
        "remote-profile",
        'dlg_remote_profile("add", "calls", "", "u", "0");',
        'dlg_remote_profile("rm", "calls", "", "u", "0");',
    ),
    (
        "remote-profile",
        '$var(c) = "add"; dlg_remote_profile("$var(c)", "calls", "", "u", "0");',
        'dlg_remote_profile("rm", "calls", "", "u", "0");',
    ),
    ("number-in-variable", "$dlg_var(x) = 5;", '$dlg_var(x) = "5"; $var(x) = 5; $dlg_var(x) = $var(x);'),
    ("glued-header", 'append_to_reply("X: 1");', 'append_to_reply("X: 1\\r\\n");'),
]

#: Rule, further top-level text that it warns of, text that is fine.
TOP = [
    (
        "hash-size",
        DIALOG + 'modparam("dialog", "hash_size", 1000)\nrequest_route { exit; }',
        DIALOG + 'modparam("dialog", "hash_size", 1024)\nmodparam("tm", "fr_timer", 1000)\nrequest_route { exit; }',
    ),
    ("return-zero", "request_route { route(A); }\nroute[A] { return 0; }", "request_route { return 0; }"),
    (
        "return-zero",
        "request_route { route(A); }\nroute[A] { return off; }",
        "request_route { route(A); }\nroute[A] { return -1; }",
    ),
    ("unused-route", "request_route { exit; }\nroute[A] { exit; }", "request_route { route(A); }\nroute[A] { exit; }"),
    (
        "unused-route",
        "request_route { exit; }\nroute[A] { exit; }",
        "request_route { route($var(x)); $var(x) = 1; }\nroute[A] { exit; }",
    ),
    ("unused-route", "request_route { exit; }\nroute[A] { exit; }", "route[A] { exit; }"),
    (
        "unarmed-route",
        "request_route { exit; }\nfailure_route[F] { exit; }",
        'request_route { t_on_failure("F"); }\nfailure_route[F] { exit; }',
    ),
    (
        "unarmed-route",
        "request_route { exit; }\nonreply_route[F] { exit; }",
        'modparam("tm", "on_sl_reply", "F")\nrequest_route { exit; }\nonreply_route[F] { exit; }',
    ),
    (
        "missing-route",
        'request_route { t_on_failure("F"); }\nbranch_route[F] { drop; }',
        'request_route { t_on_failure("F"); t_on_branch("F"); }\nbranch_route[F] { drop; }\nfailure_route[F] { drop; }',
    ),
    (
        "missing-route",
        'request_route { t_on_branch_failure("F"); }',
        'request_route { t_on_branch_failure("F"); }\nevent_route[tm:branch-failure:F] { exit; }',
    ),
    (
        "unknown-event",
        "request_route { exit; }\nevent_route[tm:local-reqest] { exit; }",
        "request_route { exit; }\nevent_route[tm:local-request] { exit; }",
    ),
    (
        "unknown-event",
        "request_route { exit; }\nevent_route[dialog:start] { exit; }",
        "request_route { exit; }\nevent_route[my:own] { exit; }",
    ),
    (
        "parameter-twice",
        'modparam("tm", "fr_timer", 1)\nmodparam("tm", "fr_timer", 2)\nrequest_route { exit; }',
        'modparam("pv", "varset", "a=i:1")\nmodparam("pv", "varset", "b=i:1")\nrequest_route { exit; }',
    ),
    *(
        (rule, f"{AUTH}request_route {{ {bad} }}", f"{AUTH}request_route {{ {good} }}")
        for rule, bad, good in (
            ("auth-int", 'www_challenge("x", "2");', 'www_challenge("x", "1"); proxy_challenge("x", "20");'),
            ("auth-int", 'auth_challenge("x", 3);', 'auth_challenge("x", "$var(f)");'),
            ("auth-int", 'pv_auth_check("x", "y", "8", "0");', 'pv_auth_check("x", "y", "4", "8");'),
            ("stale-flag", 'pv_www_authenticate("x", "y", "20");', 'pv_www_authenticate("x", "y", "16");'),
            ("no-columns", 'is_subscriber("$ru", "subscriber", "1");', 'is_subscriber("$ru", "subscriber", "3");'),
            ("no-columns", 'is_subscriber("$ru", "subscriber", 0);', 'is_subscriber("$ru", "subscriber", "$var(f)");'),
            ("never-written", 'xlog("$avp(digest) ");', 'xlog("$avp(digest_challenge) ");'),
        )
    ),
    *(
        (
            "last-alias",
            f'loadmodule "nathelper.so"\nrequest_route {{ {bad} }}',
            f'loadmodule "nathelper.so"\nrequest_route {{ {good} }}',
        )
        for bad, good in (
            ('handle_ruri_alias("1");', 'handle_ruri_alias(); handle_ruri_alias("0");'),
            ("handle_ruri_alias(2);", 'handle_ruri_alias(0); handle_ruri_alias("$var(m)");'),
        )
    ),
    *(
        (
            "no-relays",
            f'loadmodule "{module}.so"\nrequest_route {{ {module}_manage(); }}',
            f'loadmodule "{module}.so"\nmodparam("{module}", "{param}", "udp:127.0.0.1:9")\n'
            f"request_route {{ {module}_manage(); }}",
        )
        for module, param in (("rtpengine", "rtpengine_sock"), ("rtpproxy", "rtpproxy_sock"))
    ),
    *(
        (rule, f"{TABLES}request_route {{ {bad} }}", f"{TABLES}request_route {{ {good} }}")
        for rule, bad, good in (
            ("unknown-table", "$sht(ipbann=>x) = 1;", "$sht(ipban=>x) = 1;"),
            ("unknown-table", 'xlog("$(sht(ban=>x){s.len})");', 'xlog("$sht( ipban =>x) $shtcn(a=>**)");'),
            ("unknown-table", "$var(x) = $shtinc(ipban=>$sht(b=>x));", "$var(x) = $shtinc(ipban=>$sht(a=>x));"),
            ("unknown-table", 'sht_lock("b=>x");', 'sht_lock("a=>x"); sht_reset("$var(t)");'),
            ("unknown-table", 'sht_iterator_start("i", "b");', 'sht_iterator_start("i", "a");'),
            ("unknown-table", 'mq_add("qq", "a", "b");', 'mq_add("q", "a", "b"); mq_fetch("bare");'),
            ("unknown-table", 'xlog("$mqk(x)");', 'xlog("$mqk(bare) $mq_size($var(q))");'),
            ("ends-script", 'sht_setxi("a", "x", "1", "9");', 'sht_setxs("a", "x", "1", "9");'),
        )
    ),
    (
        "missing-route",
        TABLES + 'modparam("rtimer", "exec", "timer=t;route=B")\nrequest_route { exit; }\nroute[A] { exit; }',
        TABLES + 'modparam("rtimer", "exec", "timer=t;route=A")\nrequest_route { exit; }\nroute[A] { exit; }',
    ),
    (
        "no-columns",
        AUTH + 'request_route { is_subscriber("$ru", "subscriber", "1"); }',
        AUTH + 'modparam("auth_db", "load_credentials", "ha1")\n'
        'request_route { is_subscriber("$ru", "subscriber", "1"); }',
    ),
    (
        "never-written",
        AUTH + 'request_route { xlog("$avp(ha1) "); }',
        AUTH + 'modparam("auth_db", "load_credentials", "id; ha1")\nrequest_route { xlog("$avp(ha1) "); }',
    ),
    (
        "never-written",
        DOMAIN + 'request_route { is_domain_local("$rd"); xlog("$avp(color) "); }',
        DOMAIN + 'request_route { lookup_domain("$rd"); xlog("$avp(color) $avp(did) "); }',
    ),
    (
        "rule-files",
        PERMISSIONS + 'request_route { allow_routing("a", "b"); allow_routing("a", "c"); }',
        PERMISSIONS + 'request_route { allow_routing("a", "b"); allow_routing("c", "d"); allow_routing("a", "b"); }',
    ),
    (
        "rule-files",
        PERMISSIONS + 'request_route { allow_register("r"); allow_routing("other", "r.deny"); }',
        PERMISSIONS
        + 'request_route { allow_register("r"); allow_routing("r.allow", "r.deny"); allow_uri("r", "$ru"); }',
    ),
    (
        "rule-files",
        PERMISSIONS + 'request_route { allow_routing("permissions.allow", "x"); }',
        PERMISSIONS + 'request_route { allow_routing("permissions.allow", "permissions.deny"); allow_routing(); }',
    ),
    (
        "unknown-spheres",
        PRESENCE + 'modparam("presence", "enable_sphere_check", 1)\nrequest_route { exit; }',
        PRESENCE + 'modparam("presence", "enable_sphere_check", 1)\nmodparam("presence", "publ_cache", 0)\n'
        "request_route { exit; }",
    ),
    (
        "winfo-without-database",
        IN_MEMORY + "request_route { exit; }",
        IN_MEMORY + 'modparam("presence_xml", "disable_winfo", 1)\nrequest_route { exit; }',
    ),
    (
        "notifier-on-sqlite",
        PRESENCE + 'modparam("presence", "subs_db_mode", 3)\nrequest_route { exit; }',
        PRESENCE + 'modparam("presence", "subs_db_mode", 3)\nmodparam("presence", "notifier_processes", 0)\n'
        "request_route { exit; }",
    ),
    (
        "no-fault",
        'loadmodule "xmlrpc.so"\nrequest_route { xmlrpc_reply("404", "Not found"); }',
        'loadmodule "xmlrpc.so"\nrequest_route { xmlrpc_reply("200", "OK"); }',
    ),
    (
        "never-opened",
        'loadmodule "tls.so"\nrequest_route { exit; }\nevent_route[tls:connection-out] { drop; }',
        'tcp_async=no\nloadmodule "tls.so"\nrequest_route { exit; }\nevent_route[tls:connection-out] { drop; }',
    ),
    (
        "whole-name",
        'loadmodule "tls.so"\nrequest_route { if ($tls_peer_subject == "CN=a") exit; }',
        'loadmodule "tls.so"\nrequest_route { if ($tls_peer_subject_cn == "a") exit; }',
    ),
    (
        "whole-name",
        'loadmodule "tls.so"\nrequest_route { xlog("from $tls_my_issuer\\n"); }',
        'loadmodule "tls.so"\nrequest_route { xlog("from $tls_my_issuer_cn\\n"); }',
    ),
    (
        "unset-without-call-id",
        DISPATCHER + DIALOG + "request_route { exit; }\nevent_route[dialog:end] { ds_load_unset(); }",
        DISPATCHER + DIALOG + "request_route { ds_load_unset(); }\nevent_route[tm:local-request] { ds_load_update(); }",
    ),
    (
        "never-written",
        DISPATCHER + 'request_route { xlog("$xavp(_dsdst_=>uri) "); }',
        DISPATCHER + 'request_route { xlog("$xavp(dst=>uri) $xavp(_dsctx_=>cnt) "); }',
    ),
    (
        "never-written",
        'request_route { xlog("$avp(a) "); }',
        'modparam("tm", "fr_timer_avp", "$avp(a)")\nrequest_route { xlog("$avp(a) "); }',
    ),
]


def rules(text: str) -> set[str]:
    found = examine("kamailio.cfg", MemoryReader({"kamailio.cfg": text + "\n"}))
    assert not [finding for finding in found if finding.severity == "error"], found
    return {finding.rule for finding in found}


@pytest.mark.parametrize(("rule", "bad", "good"), STATEMENTS)
def test_statements(rule: str, bad: str, good: str) -> None:
    assert rule in rules(HEAD + DIALOG + "request_route {\n" + bad + "\n}")
    assert rule not in rules(HEAD + DIALOG + "request_route {\n" + good + "\n}")


@pytest.mark.parametrize(("rule", "bad", "good"), TOP)
def test_the_whole_config(rule: str, bad: str, good: str) -> None:
    assert rule in rules(HEAD + bad)
    assert rule not in rules(HEAD + good)


def test_a_typing_error_gets_a_hint() -> None:
    text = HEAD + 'request_route { $var(caller) = $fU; xlog("$var(callr) \\n"); }\n'
    (finding,) = examine("kamailio.cfg", MemoryReader({"kamailio.cfg": text}))
    assert finding.hint == "did you mean $var: caller?"


def test_an_avp_that_an_unknown_module_may_write() -> None:
    assert "never-written" not in rules(HEAD + 'loadmodule "dialplan.so"\nrequest_route { if ($avp(x) == 1) exit; }')


def test_a_tls_profile_by_the_own_address_is_told_with_its_line() -> None:
    text = HEAD + 'loadmodule "tls.so"\nmodparam("tls", "config", "tls.cfg")\nrequest_route { exit; }\n'
    profiles = "[server:default]\n[client:default]\n[client:any]\n# [client:1.2.3.4:5061]\n[Client: 10.0.0.9:5061]\n"
    (finding,) = examine("etc/k.cfg", MemoryReader({"etc/k.cfg": text, "etc/tls.cfg": profiles}))
    assert (finding.rule, finding.message) == (
        "own-address",
        "tls.cfg:5: Kamailio compares 10.0.0.9:5061 with the address that it connects from",
    )


def test_doubles_and_inert_parameters_are_notes() -> None:
    text = 'loadmodule "geoip2.so"\nrequest_route { geoip2_match("1.2.3.4", "x"); geoip2_match("1.2.3.4", "y"); }\n'
    assert [(f.rule, f.severity) for f in examine("k.cfg", MemoryReader({"k.cfg": text}))] == [("double", "note")]
