"""Every rule of `kamscript check`: what a finding means, an example of it, what to do.

    python -m kamscript.tools.rules > docs/check.md

Tests hold this table to the code: each rule that the code can report stands here, and each example is found by its
rule. The texts of warnings say what real Kamailio 5.6.3 does, which tests/differential/check pins.
"""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """One rule. `example` is a config that it finds something in; empty where no short text can show it."""

    severity: str
    title: str
    text: str
    example: str = ""
    remedy: str = ""


def _error(title: str, text: str, example: str = "", remedy: str = "") -> Rule:
    return Rule("error", title, text, example.strip("\n"), remedy)


def _warning(title: str, text: str, example: str = "", remedy: str = "") -> Rule:
    return Rule("warning", title, text, example.strip("\n"), remedy)


def _note(title: str, text: str, example: str = "", remedy: str = "") -> Rule:
    return Rule("note", title, text, example.strip("\n"), remedy)


_PV = 'loadmodule "pv.so"\n'
_XLOG = _PV + 'loadmodule "xlog.so"\n'
_TM = _PV + 'loadmodule "tm.so"\n'
_DIALOG = _TM + 'loadmodule "rr.so"\nloadmodule "dialog.so"\n'
_AUTH = _PV + 'loadmodule "sl.so"\nloadmodule "auth.so"\n'

READING = {
    "syntax": _error(
        "Syntax error",
        "The text does not follow the grammar at this place.",
        "request_route {\n    exit\n}",
        "Look at the marked word and in front of it: a semicolon, bracket or brace is missing, or one too many.",
    ),
    "unreadable": _error("Unreadable file", "The config cannot be read: it is missing, a directory, or not yours."),
    "no-file": _error(
        "Include not found",
        "An included file cannot be read. Relative names are looked for beside the including file, too.",
        'include_file "no-such-file.cfg"\nrequest_route { exit; }',
        "Correct the name, or use import_file, which does without the file.",
    ),
    "bad-include": _error(
        "Bad include", "No file name stands behind include_file.", 'include_file ""\nrequest_route { exit; }'
    ),
    "include-depth": _error("Includes too deep", "Files include one another more than 10 levels deep, or in a circle."),
    "unclosed-comment": _error(
        "Comment never closed",
        "A `/*` has no `*/`. Behind the last route it is only a warning.",
        "request_route { exit; /* never closed",
    ),
    "unclosed-text": _error(
        "Text never closed", "A quote is opened and never closed. Behind the last route it is only a warning."
    ),
    "unclosed-variable": _error(
        "Variable never closed",
        "A parenthesis of a variable is opened and never closed.",
        "request_route { $var(x = 1; }",
    ),
    "stray-character": _warning(
        "Character without meaning",
        "Kamailio prints the character to its standard output and reads on as if it were not there.",
        "request_route { exit; } `",
        "Remove it.",
    ),
    "unbalanced-ifdef": _error(
        "Unbalanced condition",
        "`#!ifdef` and `#!endif` do not match. A lone `#!else` is only a warning: Kamailio ignores it.",
        "#!ifdef A\nrequest_route { exit; }",
    ),
    "condition-tail": _warning(
        "Text behind a condition",
        "Kamailio ignores what stands behind the name.",
        "#!ifdef A B\n#!endif\nrequest_route { exit; }",
    ),
    "bad-expression": _warning(
        "Bad #!ifexp",
        "The expression cannot be evaluated; Kamailio takes it as false.",
        "#!ifexp 1 +\n#!endif\nrequest_route { exit; }",
    ),
    "bad-define": _error(
        "Bad define", "A preprocessor definition lacks a part.", "#!defexp A 1 +\nrequest_route { exit; }"
    ),
    "bad-define-name": _error(
        "Bad name in a define",
        "The name holds a character that names cannot have.",
        "#!define A-B 1\nrequest_route { exit; }",
    ),
    "redefined": _error(
        "Defined twice",
        "The name has a definition already.",
        "#!define A 1\n#!define A 2\nrequest_route { exit; }",
        "Use #!redef to change it, #!trydef to keep the first.",
    ),
    "endless-define": _error(
        "Define within itself",
        "The value of a definition leads back to its own name.",
        "#!define A B\n#!define B A\ndebug=A\nrequest_route { exit; }",
    ),
    "no-environment": _error(
        "Unset environment variable",
        "`#!defenv` names a variable that the environment does not have.",
        "#!defenv KAMSCRIPT_NO_SUCH_VARIABLE\nrequest_route { exit; }",
        "Set it, or use #!trydefenv.",
    ),
    "bad-substitution": _error(
        "Bad substitution", "A `#!subst` is no `/expression/text/flags`.", '#!subst "/a/b"\nrequest_route { exit; }'
    ),
    "too-deep": _error("Too deep", "Statements or expressions stand too deep within one another."),
}

NAMES = {
    "no-module": _error(
        "Unknown module", "No Kamailio module has this name.", 'loadmodule "tmm.so"\nrequest_route { exit; }'
    ),
    "module-twice": _error(
        "Module loaded twice", "The module is loaded already.", _PV + _PV + "request_route { exit; }"
    ),
    "module-not-loaded": _error(
        "Parameter of a module that is not loaded",
        "No module loaded above matches the first argument of modparam.",
        'modparam("tm", "fr_timer", 5000)\nrequest_route { exit; }',
        "Load the module above the line.",
    ),
    "no-engine": _error(
        "Unknown routing language",
        "`cfgengine` names a language that no loaded app_ module brings.",
        'cfgengine "lua"\nrequest_route { exit; }',
    ),
    "unknown-parameter": _error(
        "Unknown parameter",
        "The module has no parameter of this name.",
        _TM + 'modparam("tm", "fr_timr", 5000)\nrequest_route { exit; }',
    ),
    "unknown-module": _error("Unknown module in a parameter", "A parameter names a module that is not there."),
    "parameter-type": _error(
        "Wrong type of parameter",
        "The parameter takes a number and got a text, or the other way round.",
        _TM + 'modparam("tm", "fr_timer", "5000")\nrequest_route { exit; }',
    ),
    "parameter-value": _error(
        "Bad parameter value",
        "The module refuses the value when it starts.",
        _PV + 'modparam("pv", "shvset", "a")\nrequest_route { exit; }',
    ),
    "no-value": _error(
        "No value",
        "Something is used that has no value: a definition in modparamx, or a setting of an instance whose plain form "
        "is not declared.",
        "a[1].b = 2\nrequest_route { exit; }",
    ),
    "expanded-param": _warning(
        "Name only known at start",
        "The module's or parameter's name holds variables, so the check cannot look it up.",
        _TM + 'modparamx("$def(A)", "fr_timer", 5000)\nrequest_route { exit; }',
    ),
    "expanded-path": _warning(
        "Path only known at start",
        "The module's path holds variables, so the check cannot know the module.",
        'loadmodulex "$def(A)pv.so"\nrequest_route { exit; }',
    ),
    "unknown-function": _error(
        "Unknown function",
        "No module loaded above has a function of this name.",
        _TM + "request_route { t_rely(); }",
        "Correct the name, or load the module above the route.",
    ),
    "wrong-arity": _error(
        "Wrong number of arguments",
        "The function exists, with other numbers of arguments.",
        _TM + 'request_route { t_newtran("x"); }',
    ),
    "wrong-route": _error(
        "Not allowed here",
        "The function or keyword may not be used in this kind of route.",
        'loadmodule "sl.so"\nrequest_route { exit; }\nonreply_route[R] { sl_send_reply("404", "x"); }',
    ),
    "unknown-route": _error(
        "Unknown route",
        "No request route has the name that is called.",
        "request_route { route(NOPE); }",
    ),
    "route-twice": _error(
        "Route defined twice",
        "A route block of this kind and name exists already.",
        "request_route { route(A); }\nroute[A] { exit; }\nroute[A] { exit; }",
    ),
    "unknown-variable": _error(
        "Unknown pseudo-variable",
        "No loaded module has a pseudo-variable of this name. In an expression a plain `$name` would be an AVP; in a "
        "text it is an error.",
        _XLOG + 'request_route { xlog("$nope(x)\\n"); }',
    ),
    "bad-variable": _error(
        "Bad pseudo-variable",
        "The inner name, index or brackets of the variable are not what it takes.",
        _XLOG + 'request_route { xlog("$time(century)\\n"); }',
    ),
    "bad-pseudo-variable": _error(
        "Bad pseudo-variable in a text",
        "A `$` in a text starts no pseudo-variable that can be read.",
        _XLOG + 'loadmodule "textops.so"\nrequest_route { append_hf("X: $(ru{s.len\\r\\n"); }',
        "Write $$ for a dollar sign.",
    ),
    "no-pseudo-variable": _error(
        "No pseudo-variable",
        "The argument must be a pseudo-variable.",
        _PV + 'request_route { pv_unset("x"); }',
    ),
    "bad-select": _error("Bad select", "The select does not exist."),
    "unknown-transformation": _error(
        "Unknown transformation",
        "There is no transformation of this name.",
        _PV + "request_route { $var(x) = $(ru{s.lenght}); }",
    ),
    "plain-avp": _warning(
        "AVP by accident",
        "No pseudo-variable has this name, so Kamailio takes it for the AVP of that name, which is null.",
        "request_route { if ($ruu == 1) exit; }",
        "Load the module that has the variable, correct the name, or write $avp(name). Told once a name.",
    ),
    "read-only": _error(
        "Cannot be written",
        "The variable can only be read.",
        _PV + 'request_route { $ci = "x"; }',
    ),
    "not-writable": _error("Transformation written to", "A variable with a transformation cannot be assigned to."),
    "shared-memory-late": _warning(
        "$shv too early",
        "5.6 has no shared memory when it reads this: it needs a modparam or another route block above.",
        _PV + "request_route { $shv(x) = 1; }",
    ),
    "unknown-flag": _error("Unknown flag", "No `flags` line declares the name."),
    "bad-flag": _error(
        "Bad flag",
        "A flag is numbered above 31, or has no declaration.",
        "request_route { setflag(32); }",
    ),
    "flag-range": _error("Flag out of range", "Flags are numbered 0 to 31."),
    "flag-shared": _warning(
        "Flag number used twice",
        "Two names have the same number: setting one sets the other.",
        "flags a:1, b:1\nrequest_route { exit; }",
    ),
    "no-group": _error(
        "Unknown group of settings",
        "`cfg_select` or `cfg_reset` names a group that neither the core, a loaded module nor the config declares.",
        'request_route { cfg_select("nope", 1); }',
    ),
    "variable-group": _error(
        "Group is taken",
        "The group of a custom setting belongs to the core or to a module; the daemon does not start. `kamailio -c` "
        "does not see it.",
        "core.x = 5\nrequest_route { exit; }",
    ),
    "variable-twice": _error(
        "Setting declared twice", "The custom setting is declared already.", "a.b = 1\na.b = 2\nrequest_route { exit; }"
    ),
    "bad-setting": _error(
        "Bad core parameter",
        "The value is none that the core parameter takes.",
        "max_branches=100\nrequest_route { exit; }",
    ),
    "setting-too-late": _error(
        "Core parameter too late",
        "The core parameter must stand above all modparam lines and routes.",
        "request_route { exit; }\nshm_force_alloc=yes",
    ),
    "bad-address": _error(
        "Bad address", "A number of the address or of its mask is too big.", "alias=1.2.3.400\nrequest_route { exit; }"
    ),
    "bad-socket": _error(
        "Bad socket block",
        "A `socket = { ... }` has no bind attribute.",
        'socket = { name = "x"; }\nrequest_route { exit; }',
    ),
    "listen-address": _error("Bad listen address", "What stands behind `listen` can be no address or host name."),
    "no-socket": _error(
        "No such socket",
        "The config names a socket that it does not listen on, or all its listen lines are for disabled protocols.",
        "listen=tls:127.0.0.1:5061\nrequest_route { exit; }",
    ),
}

VALUES = {
    "type-mismatch": _error(
        "Types do not fit",
        "An operator gets a text where it needs a number, or the other way round.",
        'request_route { if ("a" - 1) exit; }',
        "Cast with (int) or (str).",
    ),
    "wrong-type": _error(
        "Wrong type", "The value has another type than is needed.", 'a.b = 1\na[1].b = "x"\nrequest_route { exit; }'
    ),
    "bad-integer": _error(
        "Not a number",
        "The argument must be a number or a pseudo-variable.",
        'loadmodule "maxfwd.so"\nrequest_route { mf_process_maxfwd_header("x"); }',
    ),
    "bad-regex": _error(
        "Bad regular expression",
        "The POSIX extended regular expression cannot be compiled, so the daemon does not start.",
        _PV + 'request_route { if ($rU =~ "^+49") exit; }',
        "Escape what is meant literally: [+] or \\+.",
    ),
    "fix-up": _error(
        "Bad argument",
        "The function refuses the constant argument when the daemon starts.",
        _XLOG + 'request_route { xlog("L_FOO", "x"); }',
    ),
    "constant-argument": _warning(
        "Argument must be constant",
        "5.6 refuses a variable as this argument (an error with --target 5.6); a text with the variable in it is "
        "expanded when the function runs.",
        _TM + "request_route { t_on_failure($var(x)); }",
    ),
    "not-constant": _error(
        "Expression not possible",
        "The argument must be written as a text.",
        _PV + 'request_route { pv_isset("a" + $rU); }',
    ),
    "nested-call": _error(
        "Call in an argument",
        "A function of a module cannot be an argument of another.",
        'loadmodule "textops.so"\nrequest_route { search(has_body()); }',
    ),
    "too-many-arguments": _error(
        "Too many arguments",
        "A function takes at most six arguments.",
        'loadmodule "textops.so"\nrequest_route { append_hf("1", "2", "3", "4", "5", "6", "7"); }',
    ),
    "case-not-constant": _error("Case not constant", "A case takes a constant."),
    "bad-switch": _error(
        "Bad switch",
        "Number and text cases are mixed, or there are two defaults.",
        _PV + 'request_route { switch ($rU) { case 1: exit; case "a": exit; } }',
    ),
    "duplicate-case": _error(
        "Case twice",
        "The switch has this case already; the daemon does not start.",
        _PV + "request_route { switch ($var(x)) { case 1: exit; case 1: drop; } }",
    ),
    "empty-switch": _warning(
        "Empty switch", "A switch without cases does nothing.", _PV + "request_route { switch ($var(x)) { } }"
    ),
    "long-select": _error("Select too long", "A select has too many parts."),
    "constant-condition": _warning(
        "Constant condition",
        "The condition never changes.",
        "request_route { if (1) exit; }",
    ),
    "module-start": _error(
        "Module does not start",
        "The module refuses to start with these parameters, or lacks another module.",
        _PV + 'loadmodule "registrar.so"\nrequest_route { exit; }',
        "Load what it needs above it.",
    ),
    "internal": _error(
        "Fault of kamscript", "The check ran into a fault of kamscript or of a plug-in.", "", "Please report it."
    ),
}

TRAPS = {
    "unreachable-code": _warning(
        "Code that never runs",
        "The statement stands behind exit, return, drop or break, or behind an if that leaves either way.",
        'request_route { exit; log("never"); }',
    ),
    "fall-through": _warning(
        "Case runs on",
        "A case without break runs on into the statements of the next one.",
        _XLOG + 'request_route { switch ($var(x)) { case 1: xlog("a"); case 2: xlog("b"); break; } }',
        "End it with break.",
    ),
    "return-zero": _warning(
        "return 0 ends the script",
        "`return 0` (also `return off`, `return no`) in a route that others call ends the whole script, as exit does: "
        "the caller's statements behind the call do not run.",
        "request_route { route(A); }\nroute[A] { return 0; }",
        "return -1 for no, return 1 for yes, exit to end.",
    ),
    "answered-twice": _warning(
        "Answered twice",
        "The request gets a final reply, and is then answered again or relayed: a reply does not end the script.",
        'loadmodule "sl.so"\n' + _TM + 'request_route { sl_send_reply("404", "Not Found"); t_relay(); }',
        "Write exit behind the reply.",
    ),
    "assignment-in-condition": _warning(
        "Assignment in a condition",
        "`=` assigns, and an assignment is true whatever the value.",
        _PV + "request_route { if (($var(x) = 0)) exit; }",
        "Write == to compare.",
    ),
    "unused-route": _warning(
        "Route never called",
        "No call names the route block. Not told when some route is called by a variable name.",
        "request_route { exit; }\nroute[A] { exit; }",
    ),
    "unarmed-route": _warning(
        "Route never armed",
        "A failure, branch or reply route runs for transactions that armed it with t_on_failure, t_on_branch or "
        "t_on_reply; nothing does.",
        _TM + "request_route { t_relay(); }\nfailure_route[F] { exit; }",
    ),
    "missing-route": _warning(
        "Armed route missing",
        "t_on_failure and its kin, or rtimer's exec, name a route block that does not exist. Kamailio goes without.",
        _TM + 'request_route { t_on_failure("FAIL"); t_relay(); }',
    ),
    "unknown-event": _warning(
        "Event route never run",
        "Nothing raises the event, or its module is not loaded. Kamailio accepts any name.",
        _TM + "request_route { exit; }\nevent_route[tm:local-reqest] { exit; }",
    ),
    "never-written": _warning(
        "Variable never written",
        "The variable is read, and neither the config nor a function it is handed to can write it: $var and $vz are 0, "
        " $avp, $vn and $xavp as null.",
        _XLOG + 'request_route { $var(caller) = $fU; xlog("$var(callr)\\n"); }',
    ),
    "not-expanded": _warning(
        "Text is not expanded",
        'Only functions expand variables in their texts. In an expression `"sip:$rU"` stays as it is written.',
        _PV + 'request_route { $var(x) = "sip:$rU"; }',
        'Join the parts: "sip:" + $rU.',
    ),
    "never-null": _warning(
        "Never null",
        "A $var without a value is 0, so comparing it with $null always gives the same. $vn can be null.",
        _PV + "request_route { if ($var(x) == $null) exit; $var(x) = 1; }",
    ),
    "text-condition": _warning(
        "Text as a condition",
        "A text counts as the number that it reads as, so one that is no number is false (and a warning in the log). "
        "In a while the daemon refuses a constant text.",
        _PV + "request_route { if ($rU) exit; }",
        'Ask != $null or != "".',
    ),
    "method-list": _warning(
        "Method never equal",
        '`== "INVITE|ACK"` compares with the whole text, and no method is called that.',
        'request_route { if (method == "INVITE|ACK") exit; }',
        'is_method("INVITE|ACK"), or =~ with a regular expression.',
    ),
    "method-case": _warning(
        "Method in lower case",
        "`$rm` is compared with its case, and methods are upper case.",
        _PV + 'request_route { if ($rm == "invite") exit; }',
    ),
    "null-text": _warning(
        "Compared with a null text",
        "A variable without a value is printed as <null>, but equals the empty text.",
        _PV + 'request_route { if ($avp(x) == "<null>") exit; $avp(x) = 1; }',
        "Compare with $null.",
    ),
    "network-text": _warning(
        "Network as a text",
        "$si is a text: it never equals a network. src_ip knows networks.",
        _PV + 'request_route { if ($si == "10.0.0.0/8") exit; }',
        "src_ip == 10.0.0.0/8",
    ),
    "pattern-compared": _warning(
        "Pattern compared with ==",
        "== and != compare with the text itself; it looks like a regular expression.",
        _PV + 'request_route { if ($rU == "^00.*") exit; }',
        "Write =~.",
    ),
    "pattern-label": _warning(
        "Pattern as a case",
        "A case fits its own text only, unless a slash stands in front of the quotes.",
        _PV + 'request_route { switch ($rU) { case "^00.*": exit; } }',
        'case /"^00.*":',
    ),
    "loose-dot": _warning(
        "Dot fits anything",
        "In a regular expression a dot fits any character, and without ^ and $ the text may stand anywhere: "
        '=~ "sip.example.com" fits "sipXexample.com.evil.org", too.',
        _PV + 'request_route { if ($rd =~ "sip.example.com") exit; }',
        "Write == for exactly this text, [.] for a dot.",
    ),
    "glued-header": _warning(
        "Header without a line end",
        "append_to_reply takes the text as it is: without \\r\\n the next header of the reply is glued to it.",
        'loadmodule "textops.so"\nrequest_route { append_to_reply("X-A: 1"); }',
    ),
    "flag-ignored": _warning(
        "Flag that Kamailio ignores",
        "fnmatch() documents the flag i, for any case; Debian's Kamailio is built without it and compares case. "
        "kamscript does what the manual says.",
        'loadmodule "textopsx.so"\nrequest_route { if (fnmatch("$rU", "a*", "i")) exit; }',
    ),
    "valueless-profile": _warning(
        "Profile without its value",
        "The manual of dialog says that is_in_profile() and get_profile_size() without a value ask about the profile "
        "as such; Kamailio 5.6 fails when the profile has values, as set_dlg_profile() and unset_dlg_profile() do "
        "anywhere. kamscript does what the manual says.",
        _DIALOG + 'modparam("dialog", "profiles_with_value", "caller")\n'
        'request_route { if (is_in_profile("caller")) exit; }',
        "Give the value; or keep a profile without values beside it.",
    ),
    "profile-timeout": _warning(
        "Timeout of a profile that is misread",
        "dlg_set_timeout_by_profile() without a value takes something else for its seconds, mostly 0, and never "
        "expands pseudo-variables in them: the calls end at once. kamscript obeys the form without a value.",
        _DIALOG + 'modparam("dialog", "profiles_no_value", "calls")\n'
        'request_route { dlg_set_timeout_by_profile("calls", "30"); }',
        'Give a value where the profile has none, too: dlg_set_timeout_by_profile("calls", "x", "30").',
    ),
    "remote-profile": _warning(
        "Remote items hang Kamailio",
        "Every 90 seconds Kamailio looks for remote items that expired, and never comes back from one that has not: "
        "all that touches the profile then waits for it. kamscript forgets what expired and keeps the rest.",
        _DIALOG + 'modparam("dialog", "profiles_no_value", "calls")\n'
        'request_route { dlg_remote_profile("add", "calls", "", "uid-1", "0"); }',
        "Count shared calls by other means on Kamailio itself, such as DMQ.",
    ),
    "hash-size": _warning(
        "Size of the dialog table",
        "hash_size of dialog must be a power of two. Kamailio means to round another number down, but asks for 2^30 "
        "slots and does not start for lack of memory. kamscript rounds down.",
        _DIALOG + 'modparam("dialog", "hash_size", 1000)\nrequest_route { dlg_manage(); }',
        "Write a power of two: 1024.",
    ),
    "number-in-variable": _warning(
        "Number in a dialog variable",
        "$dlg_var(...) holds texts: a number that is written there is refused when the line runs, and nothing changes.",
        _DIALOG + "request_route { $dlg_var(tries) = 1; }",
        'Write it in quotes: $dlg_var(tries) = "1".',
    ),
    "auth-int": _warning(
        "Challenge with qop=auth-int",
        "Phones that answer such a challenge put a hash of the body into their answer. Kamailio compares it with "
        "memory that it never filled: every answer is a wrong password. kamscript compares it with the body.",
        _AUTH + 'request_route { www_challenge("example.com", "2"); }',
        "Offer qop=auth: flag 1 of challenges, flag 4 of pv_www_authenticate() and its kin.",
    ),
    "stale-flag": _warning(
        "Stale challenge in an AVP",
        "The manual of auth has flag 16 put stale=true into the challenge that pv_www_authenticate() and its kin leave "
        "in an AVP; 5.6 does not obey. kamscript does what the manual says.",
        _AUTH + 'request_route { pv_www_authenticate("example.com", "secret", "20"); }',
        "Challenge with flag 16 of www_challenge() or proxy_challenge().",
    ),
    "last-alias": _warning(
        "Last alias of a request URI",
        "handle_ruri_alias() with a mode other than 0 is to take the last alias parameter. 5.6 looks for its parts in "
        "as many characters as stand behind the last parameter, and so fails for most URIs. kamscript takes the last.",
        'loadmodule "nathelper.so"\nrequest_route { handle_ruri_alias("1"); }',
        "Call handle_ruri_alias(), which takes the first.",
    ),
    "no-relays": _warning(
        "Media relay that nobody named",
        "The functions of rtpengine and rtpproxy ask a relay of the set that is selected, set 0 by default. Without "
        "rtpengine_sock, rtpproxy_sock or db_url there is no set, and every call of them is false.",
        'loadmodule "rtpengine.so"\nrequest_route { rtpengine_manage(); }',
        "Say where the relay is: rtpengine_sock or rtpproxy_sock, or a table by db_url.",
    ),
    "unknown-table": _warning(
        "Hash table or queue that nobody defined",
        "No modparam of htable defines the table, none of mqueue the queue. Kamailio starts; the table reads as null, "
        "what is written is lost, and the functions are false.",
        'loadmodule "htable.so"\nmodparam("htable", "htable", "ipban=>size=8")\nrequest_route { $sht(ipbann=>x) = 1; }',
        "Correct the name, or define it.",
    ),
    "ends-script": _warning(
        "Call that ends the script",
        "A function that returns 0 ends the script, and in 5.6 sht_setxi() returns 0 when all went well. kamscript "
        "does so at targets up to 5.6.",
        'loadmodule "htable.so"\nmodparam("htable", "htable", "a=>autoexpire=60")\n'
        'request_route { sht_setxi("a", "x", "1", "10"); }',
        "Assign $sht and $shtex.",
    ),
    "no-columns": _warning(
        "Subscriber without columns",
        "Without flag 2 is_subscriber() reads the columns of load_credentials. When there are none it asks the "
        "database for no column at all, which is an error, and returns -1 for every subscriber.",
        'loadmodule "db_sqlite.so"\n'
        + _AUTH
        + 'loadmodule "auth_db.so"\nmodparam("auth_db", "db_url", "sqlite:///k.db")\n'
        + 'request_route { if (!is_subscriber("$ru", "subscriber", "1")) exit; }',
        "Set flag 2: 3 in place of 1.",
    ),
    "rule-files": _warning(
        "Files of rules that are mixed up",
        "allow_routing(), allow_register() and allow_uri() use two files: what is allowed, and what is not. 5.6 keeps "
        "both by the place of the first in a list: calls that share one file and not the other use each other's files, "
        "or the daemon ends when it starts. In kamscript each call uses the files that it names.",
        'loadmodule "permissions.so"\n'
        'request_route { if (!allow_routing("a", "b")) exit; if (!allow_routing("a", "c")) exit; }',
        "Copy the file that the calls share, so that each has two of its own.",
    ),
    "unknown-spheres": _warning(
        "Spheres that nobody knows",
        "With enable_sphere_check rules may depend on the sphere that somebody publishes. With publ_cache=1, which is "
        "the default, 5.6 keeps an index in memory that never learns of it: a rule for one sphere holds in all. In "
        "kamscript spheres are known.",
        'loadmodule "db_sqlite.so"\n' + _TM + 'loadmodule "sl.so"\nloadmodule "presence.so"\n'
        'modparam("presence", "db_url", "sqlite:///k.db")\nmodparam("presence", "enable_sphere_check", 1)\n'
        "request_route { handle_publish(); }",
        "Set publ_cache to 0.",
    ),
    "winfo-without-database": _warning(
        "Watcher information without a database",
        "With publ_cache=2 and subs_db_mode=0 presence needs no database. Watcher information looks there all the "
        "same: the first SUBSCRIBE to presence.winfo, whoever sends it, ends 5.6. In kamscript the watchers in memory "
        "are told.",
        _TM + 'loadmodule "sl.so"\nloadmodule "presence.so"\nloadmodule "presence_xml.so"\n'
        'modparam("presence", "publ_cache", 2)\nmodparam("presence", "subs_db_mode", 0)\n'
        'modparam("presence_xml", "force_active", 1)\nrequest_route { handle_subscribe(); }',
        "Set disable_winfo of presence_xml to 1, or give presence a database.",
    ),
    "notifier-on-sqlite": _warning(
        "Notifier on SQLite",
        "With subs_db_mode=3 a process of its own tells watchers (notifier_processes is 1 by default). An SQLite "
        "database is locked for the workers from its first NOTIFY on: the next PUBLISH is answered with 500. In "
        "kamscript one process does both.",
        'loadmodule "db_sqlite.so"\n' + _TM + 'loadmodule "sl.so"\nloadmodule "presence.so"\n'
        'modparam("presence", "db_url", "sqlite:///k.db")\nmodparam("presence", "subs_db_mode", 3)\n'
        "request_route { handle_publish(); }",
        "Use another database, or set notifier_processes to 0.",
    ),
    "unset-without-call-id": _warning(
        "Call load unset without a Call-ID",
        "ds_load_unset() looks for the call by the Call-ID of the message. When a dialog ends by its timeout, "
        "event_route[dialog:end] runs with a message that Kamailio made up and did not parse: 5.6 ends there. In "
        "kamscript no call is found.",
        _TM + 'loadmodule "rr.so"\nloadmodule "dialog.so"\nloadmodule "db_sqlite.so"\nloadmodule "dispatcher.so"\n'
        'modparam("dispatcher", "db_url", "sqlite:///k.db")\n'
        "request_route { dlg_manage(); }\nevent_route[dialog:end] { ds_load_unset(); }",
        "Call ds_load_update() for the BYE, in the request route and in event_route[tm:local-request].",
    ),
    "no-fault": _warning(
        "Fault that is none",
        "From code 300 on xmlrpc_reply() is to answer with a fault. 5.6 forgets the code and answers 1, which says "
        "that all went well. In kamscript it is a fault.",
        'loadmodule "sl.so"\nloadmodule "xmlrpc.so"\nrequest_route { xmlrpc_reply("404", "Not found"); }',
    ),
    "never-opened": _warning(
        "Route for connections that never runs",
        "event_route[tls:connection-out] is to run for each TLS connection that the server opens. While TCP is "
        "asynchronous, the default, 5.6 does not run it. In kamscript it runs.",
        'loadmodule "tls.so"\nrequest_route { exit; }\nevent_route[tls:connection-out] { drop; }',
        "Set tcp_async=no.",
    ),
    "whole-name": _warning(
        "Name of a certificate that is always null",
        "$tls_peer_subject, $tls_peer_issuer, $tls_my_subject and $tls_my_issuer are null in 5.6, whatever the "
        "certificate says. In kamscript they are the whole name.",
        'loadmodule "pv.so"\nloadmodule "tls.so"\nrequest_route { if ($tls_peer_subject == "CN=a") exit; }',
        "Read the parts: $tls_peer_subject_cn and so on.",
    ),
    "own-address": _warning(
        "TLS profile by the own address",
        "A profile `[client:IP:PORT]` is to hold for connections to that address. Kamailio compares it with the "
        "address that it connects from, so that the profile holds for no connection or for wrong ones. In kamscript "
        "it is the address of the other side.",
        '# tls.cfg: [client:192.0.2.1:5061]\nloadmodule "tls.so"\nmodparam("tls", "config", "tls.cfg")\n'
        "request_route { exit; }",
        "Give the profile a server_id, and say it in the XAVP of xavp_cfg.",
    ),
    "parameter-twice": _warning(
        "Parameter given twice",
        "The parameter takes one value, and a line below sets it again: the last one counts.",
        _TM + 'modparam("tm", "fr_timer", 1000)\nmodparam("tm", "fr_timer", 2000)\nrequest_route { exit; }',
    ),
    "inert-parameter": _note(
        "Parameter without effect here",
        "kamscript accepts the parameter, but it changes nothing here; the finding says why. Kamailio obeys it.",
    ),
    "double": _note(
        "Function not simulated",
        "The function is known from the catalogue only: a test sets what its double does, and a live server needs "
        "--doubles.",
        'loadmodule "geoip2.so"\nrequest_route { geoip2_match("1.2.3.4", "x"); }',
    ),
}

RULES: dict[str, Rule] = {**READING, **NAMES, **VALUES, **TRAPS}

_HEAD = """# The rules of `kamscript check`

`kamscript check FILE...` says everything for which the Kamailio daemon would refuse to start (errors), what it would
accept and then do otherwise than the text looks (warnings), and what is different here (notes). Warnings tell what
Kamailio 5.6.3 does. Exit status: 0 clean (notes do not count), 1 errors or warnings, 2 wrong usage.

    kamscript check kamailio.cfg
    kamscript check -A WITH_NAT --target 5.6 --format sarif kamailio.cfg > findings.sarif
    kamscript check --ignore unused-route,loose-dot kamailio.cfg
    kamscript check --no-warnings - < kamailio.cfg

Errors cannot be ignored. What was found is kept in the user's cache directory (`KAMSCRIPT_CACHE`; empty: nowhere)
under the content of every file that was read; `--no-cache` finds everything again.

This page is made by `python -m kamscript.tools.rules`.
"""


def manual() -> str:
    """docs/check.md."""
    parts = [_HEAD]
    for title, table in (
        ("Reading the text", READING),
        ("Names", NAMES),
        ("Values and start", VALUES),
        ("Traps", TRAPS),
    ):
        parts.append(f"\n## {title}\n")
        for name, rule in table.items():
            parts.append(f"\n### {name}\n\n**{rule.title}** ({rule.severity}). {rule.text}\n")
            if rule.example:
                parts.append("\n" + "".join(f"    {line}\n" for line in rule.example.split("\n")))
            if rule.remedy:
                parts.append(f"\nWhat to do: {rule.remedy}\n")
    return "".join(parts)


if __name__ == "__main__":
    import sys

    sys.stdout.write(manual())
