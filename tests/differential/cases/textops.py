r"""textops: searching, replacing, headers, bodies, multipart, comparing texts.

Edits are shown by applying them: each line of `edits(...)` runs over the same message, logs the value of the call and
then the whole message as it would leave.
"""

from __future__ import annotations

from ..case import Scene, battery, build, case

MESSAGE = build(
    "INVITE sip:bob@example.com:5070;transport=udp SIP/2.0",
    """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-1
v: SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bK-0
Max-Forwards: 70
f: "Alice" <sip:alice@example.org>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-1@example.com
CSeq: 1 INVITE
Contact: <sip:alice@127.0.0.11:21200>
Subject: hello world
X-One: first
X-Two: a, b ,"c,d"
x-one: second
X-Fold: one
 two
Privacy: id;user
Content-Type: application/sdp""",
    """v=0
o=- 1 1 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
m=audio 4000 RTP/AVP 0 8
a=sendonly
""",
)

MULTIPART = build(
    "INVITE sip:bob@example.com SIP/2.0",
    """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-2
From: <sip:alice@example.org>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-2@example.com
CSeq: 1 INVITE
Content-Type: multipart/mixed;boundary="bound1"
""",
    """--bound1
Content-Type: application/sdp

v=0
m=audio 1 RTP/AVP 0

--bound1
content-type: text/plain
Content-Disposition: render

hello

--bound1--
""",
)

BARE = build(
    "OPTIONS sip:example.com SIP/2.0",
    """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-3
From: <sip:alice@example.org>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-3@example.com
CSeq: 1 OPTIONS""",
).replace("Content-Length: 0\r\n", "")

MODULES = "pv xlog textops textopsx"


def edits(calls: str) -> str:
    """Facts that show what each call does to the message."""
    lines = ["$var(mb) = $mb;"]
    for call in calls.strip("\n").split("\n"):
        call = call.strip()
        if call:
            lines += [f"@ {call}", "msg_apply_changes();", "> $mb", '$ru = "sip:start@x"; msg_set_buffer("$var(mb)");']
    return "\n".join(lines)


battery(
    "textops",
    "search",
    r"""
    @ search("hello")
    @ search("HELLO")
    @ search("^INVITE")
    @ search("^Subject: hello world")
    @ search("^subject:.*WORLD$")
    @ search("one$")
    @ search("one. two")
    @ search("z{2}")
    @ search("[[:digit:]]{4}")
    @ search("(From|f):.*alice")
    @ search("\\.1:21200")
    @ search("nothing like this")
    @ search_body("v=0")
    @ search_body("hello")
    @ search_body("^m=audio")
    @ search_body("^a=sendonly$")
    @ search_body("^a=sendonly.$")
    @ search_hf("Subject", "hello", "a")
    @ search_hf("subject", "^hello", "f")
    @ search_hf("s", "world$", "l")
    @ search_hf("X-One", "second", "a")
    @ search_hf("X-One", "second", "f")
    @ search_hf("X-One", "first", "l")
    @ search_hf("X-One", "second", "l")
    @ search_hf("X-One", "second", "x")
    @ search_hf("X-One", "second", "")
    @ search_hf("From", "alice", "a")
    @ search_hf("X-None", "alice", "a")
    @ search_hf("X-Fold", "two$", "a")
    @ search_hf("Via", "10.1", "f")
    @ search_str("some Text", "text")
    @ search_str("$ru", "transport=UDP")
    @ search_str("$ru", "^bob")
    @ search_str("", "x")
    @ search_str("abc", "")
    @ search_str("a\nb", "^b")
    @ search_str("a\nb", "a.b")
    @ search_str("$null", "null")
    @ search_str("abc", "[")
    """,
    modules=MODULES,
    messages=(MESSAGE, BARE),
)

battery(
    "textops",
    "replacing",
    edits(r"""
    search_append("hello", " there")
    search_append("invite", "X")
    search_append("nope", "X")
    search_append_body("audio 4000", "1")
    search_append_body("nope", "1")
    replace("hello", "goodbye")
    replace("INVITE", "ACK")
    replace("bob@example.com", "X")
    replace("example", "EXAMPLE")
    replace("nope", "")
    replace("X-Fold.*$", "")
    replace_all("example", "test")
    replace_all("^X-", "Y-")
    replace_all("[0-9]+", "#")
    replace_all("x*", "#")
    replace_all("nope", "#")
    replace_body("audio", "video")
    replace_body("^[a-z]=", "#")
    replace_body("nope", "#")
    replace_body_all("^[a-z]=", "#")
    replace_body_all("0", "zero")
    replace_body_all("$", "#")
    replace_body_atonce("^[a-z]=", "#")
    replace_body_atonce("v.*s", "#")
    replace_body_atonce(".+", "all")
    replace_hdrs("example", "EXAMPLE")
    replace_hdrs("audio", "video")
    replace_hdrs("^Subject", "s")
    replace_str("example", "e", "f")
    replace_str("example", "e", "a")
    replace_str("example", "e", "F")
    replace_str("EXAMPLE", "e", "a")
    replace_str("$rU", "[$rU]", "a")
    replace_str("aa", "$$", "all")
    replace_str("", "x", "a")
    replace_body_str("0", "9", "f")
    replace_body_str("0", "9", "a")
    replace_body_str("hello", "9", "a")
    replace_hdrs_str("o", "0", "f")
    replace_hdrs_str("audio", "video", "a")
    replace_hdrs_str("example", "e", "a")
    subst("/hello (world)/\1 \0!/")
    subst("/example/test/")
    subst("/example/test/g")
    subst("/EXAMPLE/test/g")
    subst("/EXAMPLE/test/gi")
    subst("#^X-(.*): (.*)$#Y-\1: <\2>#g")
    subst("/^X-(.*): (.*)$/Y-\1: <\2>/gs")
    subst("/first/$rU\$\t\\\u/")
    subst("/INVITE/ACK/")
    subst("/nope/x/")
    subst("/(a)|(b)/[\2]/g")
    subst("/x*/y/g")
    subst("!example!a\!b!")
    subst_body("/^([a-z])=/\1:/g")
    subst_body("/audio/video/")
    subst_body("/hello/video/")
    subst_hf("Subject", "/hello/bye/", "a")
    subst_hf("X-One", "/(.*)/<\1>/", "a")
    subst_hf("X-One", "/(.*)/<\1>/", "f")
    subst_hf("X-One", "/(.*)/<\1>/", "l")
    subst_hf("X-One", "/second/2/", "f")
    subst_hf("X-One", "/second/2/", "a")
    subst_hf("From", "/alice/carol/", "a")
    subst_hf("X-None", "/alice/carol/", "a")
    subst_hf("Subject", "/o/0/g", "a")
    subst_hf("Subject", "/^hello/$fU/", "l")
    """),
    modules=MODULES,
    messages=(MESSAGE,),
)

battery(
    "textops",
    "substituting the request URI",
    r"""
    @ subst_uri("/bob/carol/")
    > $ru $rU $rd
    @ subst_uri("/carol/x/i")
    > $ru
    @ subst_uri("/nope/x/i")
    > $ru
    @ subst_uri("/^sip:([^@]*)@(.*)$/sip:\1-\2@$fd;u=\0/")
    > $ru
    $ru = "sip:alice:pw@h:5061;a=b";
    @ subst_user("/al/AL/")
    > $ru
    @ subst_user("/nope/AL/")
    > $ru
    @ subst_user("/.*//")
    > $ru
    @ subst_user("/^$/x/")
    > $ru
    @ subst_user("/(.)/\1\1/g")
    > $ru
    $ru = "sip:h:5061;a=b";
    @ subst_user("/x/y/")
    > $ru
    $ru = "sip:a@h";
    @ subst_user("/^(.*)$/9\1\u/")
    > $ru
    $ru = "sip:aXbXc@h";
    @ subst_uri("/x/-/ig")
    > $ru
    > $(ru{re.subst,/a/A/g})
    > $(ru{re.subst,/A-b/$rd/})
    > $(ru{re.subst,/nope/$rd/})
    > $(ru{re.subst,/([a-z])-/\1+/g})
    $var(re) = "/c/C/";
    > $(ru{re.subst,$var(re)})
    > $(null{re.subst,/a/b/})
    """,
    modules=MODULES,
    messages=(MESSAGE,),
)

battery(
    "textops",
    "headers",
    edits(r"""
    append_hf("X-New: 1\r\n")
    append_hf("X-New: $fU $ua\r\n")
    append_hf("X-New: 1\r\n", "X-One")
    append_hf("X-New: 1\r\n", "f")
    append_hf("X-New: 1\r\n", "Subject")
    append_hf("X-New: 1\r\n", "X-None")
    append_hf("X-New: 1\r\n", "Via")
    append_hf("no header")
    append_hf("")
    append_hf("A: 1\r\n"); append_hf("B: 2\r\n"); append_hf("C: 3\r\n")
    append_hf("A: 1\r\n", "To"); append_hf("B: 2\r\n", "To"); append_hf("C: 3\r\n")
    insert_hf("A: 1\r\n")
    insert_hf("A: 1\r\n", "X-One")
    insert_hf("A: 1\r\n", "Call-ID")
    insert_hf("A: 1\r\n", "i")
    insert_hf("A: 1\r\n", "X-None")
    insert_hf("A: 1\r\n"); insert_hf("B: 2\r\n"); insert_hf("C: 3\r\n")
    insert_hf("A: 1\r\n", "To"); insert_hf("B: 2\r\n", "To"); append_hf("C: 3\r\n", "From")
    append_urihf("P: <", ">\r\n")
    $ru = "sip:new@uri"; append_urihf("P: <", ">\r\n")
    remove_hf("Subject")
    remove_hf("subject")
    remove_hf("s")
    remove_hf("X-One")
    remove_hf("From")
    remove_hf("Via")
    remove_hf("X-None")
    remove_hf("X-Fold")
    remove_hf("Content-Type")
    remove_hf("Content-Length")
    remove_hf_pv("X-One")
    remove_hf_pv("$(var(no))X-One")
    remove_hf_pv("X-None")
    remove_hf_pv("")
    remove_hf_re("^X-")
    remove_hf_re("^x-o")
    remove_hf_re("nope")
    remove_hf_re("o$")
    remove_hf_re_pv("^$(var(none))X-[of]")
    remove_hf_re_pv("[")
    remove_hf_exp("^X-", "Two")
    remove_hf_exp(".*", "^(Via|v|From|f|To|Call-ID|CSeq|Content-Length|Content-Type)$")
    remove_hf_exp("nope", "a")
    remove_hf_exp_pv("^X-", "F")
    remove_hf_exp_pv("[", "F")
    remove_hf_exp_pv("X", "[")
    remove_hf_idx("X-One", "0")
    remove_hf_idx("X-One", "1")
    remove_hf_idx("X-One", "2")
    remove_hf_idx("X-One", "-1")
    remove_hf_idx("X-One", "-2")
    remove_hf_idx("X-One", "-3")
    remove_hf_idx("Via", "1")
    remove_hf_idx("X-None", "0")
    remove_hf_idx("X-None", "-1")
    remove_hf_match("X-One", "eq", "second")
    remove_hf_match("X-One", "eq", "SECOND")
    remove_hf_match("X-One", "ne", "second")
    remove_hf_match("X-One", "in", "ir")
    remove_hf_match("X-One", "re", "^FIR|sec")
    remove_hf_match("X-One", "RE", "nope")
    remove_hf_match("X-One", "xx", "nope")
    remove_hf_match("X-One", "re", "[")
    remove_hf_match("X-None", "eq", "a")
    remove_hf_match("f", "in", "Alice")
    remove_hf("Subject"); append_hf("Subject: new\r\n")
    remove_hf("Subject"); append_hf("Subject: new\r\n", "Subject")
    remove_hf("Subject"); insert_hf("Subject: new\r\n", "Subject")
    remove_hf("X-One"); remove_hf("X-One"); subst("/first/1/")
    """),
    modules=MODULES,
    messages=(MESSAGE,),
)

battery(
    "textops",
    "header presence",
    r"""
    @ is_present_hf("Subject")
    @ is_present_hf("s")
    @ is_present_hf("SUBJECT")
    @ is_present_hf("From")
    @ is_present_hf("f")
    @ is_present_hf("x-one")
    @ is_present_hf("X-On")
    @ is_present_hf("Require")
    @ is_present_hf_pv("Sub$(var(no))ject")
    @ is_present_hf_pv("X-Two")
    @ is_present_hf_pv("X-Three")
    @ is_present_hf_pv("")
    @ is_present_hf_re("^x-t")
    @ is_present_hf_re("^t$")
    @ is_present_hf_re("wo$")
    @ is_present_hf_re_pv("^$(var(no))x-t")
    @ is_present_hf_re_pv("[")
    @ is_method("INVITE")
    @ is_method("invite")
    @ is_method("ACK|INVITE|BYE")
    @ is_method("ACK|BYE")
    @ is_method("FOO")
    @ is_method("OPTIONS")
    @ has_body()
    @ has_body("application/sdp")
    @ has_body("text/plain")
    @ has_body("")
    @ is_audio_on_hold()
    @ is_privacy("id")
    @ is_privacy("user")
    @ is_privacy("header")
    @ is_privacy("none")
    @ is_privacy("session")
    @ is_privacy("critical")
    """,
    modules=MODULES,
    messages=(MESSAGE, BARE, MULTIPART),
)

battery(
    "textops",
    "comparing texts",
    r"""
    @ in_list("a", "a,b,c", ",")
    @ in_list("c", "a,b,c", ",")
    @ in_list("b", "a, b ,c", ",")
    @ in_list("d", "a, b ,c", ",")
    @ in_list("A", "a, b ,c", ",")
    @ in_list("a b", " a b ", ",")
    @ in_list("a", "a|b", "|")
    @ in_list("", "a,b", ",")
    @ in_list("a", "", ",")
    @ in_list("a", ",a", ",")
    @ in_list("a", "b,a,", ",")
    @ in_list("$rU", "alice,bob", ",")
    @ in_list("ab", "a", ",")
    @ in_list_prefix("abc", "a", ",")
    @ in_list_prefix("abc", "b,ab", ",")
    @ in_list_prefix("abc", "b, ab ,c", ",")
    @ in_list_prefix("abc", "abcd", ",")
    @ in_list_prefix("abc", "b,", ",")
    @ in_list_prefix("abc", ",,abc", ",")
    @ in_list_prefix("abc", "", ",")
    @ cmp_str("a", "a")
    @ cmp_str("a", "b")
    @ cmp_str("b", "a")
    @ cmp_str("a", "A")
    @ cmp_str("a", "ab")
    @ cmp_str("ab", "a")
    @ cmp_str("", "")
    @ cmp_str("", "a")
    @ cmp_str("$rU", "bob")
    @ cmp_str("\xe9", "z")
    @ cmp_istr("a", "A")
    @ cmp_istr("aB", "Ab")
    @ cmp_istr("a", "B")
    @ cmp_istr("B", "a")
    @ cmp_istr("a", "AB")
    @ cmp_istr("\xc9", "\xe9")
    @ starts_with("hello", "he")
    @ starts_with("hello", "hello")
    @ starts_with("hello", "hellos")
    @ starts_with("hello", "")
    @ starts_with("", "")
    @ starts_with("hello", "ha")
    @ starts_with("hello", "hi")
    @ starts_with("hello", "HE")
    @ ends_with("hello", "lo")
    @ ends_with("hello", "la")
    @ ends_with("hello", "lz")
    @ ends_with("hello", "")
    @ ends_with("lo", "hello")
    @ str_find("hello", "l")
    @ str_find("hello", "h")
    @ str_find("hello", "L")
    @ str_find("hello", "xyz")
    @ str_find("hello", "")
    @ str_find("", "")
    @ str_find("he", "hello")
    @ str_ifind("hello", "L")
    @ str_ifind("hello", "LO")
    @ str_ifind("hello", "LX")
    $var(r) = "none";
    @ regex_substring("abc123def", "[a-z]([0-9]+)([a-z])", "1", "3", "$var(r)")
    > $var(r)
    @ regex_substring("abc123def", "[a-z]([0-9]+)([a-z])", "0", "1", "$var(r)")
    > $var(r)
    @ regex_substring("abc123def", "[a-z]([0-9]+)([a-z])", "2", "2", "$var(r)")
    @ regex_substring("abc123def", "[a-z]([0-9]+)([a-z])", "3", "5", "$var(r)")
    @ regex_substring("abc123def", "(x)?c", "1", "2", "$var(r)")
    @ regex_substring("abc123def", "(x*)c", "1", "2", "$var(r)")
    @ regex_substring("abc123def", "nope", "0", "2", "$var(r)")
    @ regex_substring("abc123def", "ABC", "0", "2", "$var(r)")
    @ regex_substring("abc123def", "[", "0", "2", "$var(r)")
    @ regex_substring("a\nb", "a.b", "0", "1", "$var(r)")
    > $var(r)
    @ regex_substring("$ru", "@(.*):", "1", "2", "$avp(r)")
    > $avp(r)
    @ regex_substring("abc", "b", "0", "1", "$mi")
    """,
    modules=MODULES,
    messages=(MESSAGE,),
)

battery(
    "textops",
    "bodies",
    edits(r"""
    set_body("new body", "text/plain")
    set_body("new body", "application/sdp")
    set_body("", "text/plain")
    set_body("x", "")
    set_body("$rU", "text/$rm")
    set_body("one", "text/plain"); set_body("two", "text/html")
    replace_body("v", "w"); set_body("two", "text/html")
    filter_body("application/sdp")
    filter_body("text/plain")
    filter_body("text/html")
    set_body_multipart()
    set_body_multipart("delim")
    set_body_multipart("text", "text/plain")
    set_body_multipart("text", "text/plain", "delim")
    set_body_multipart("text\r\n\r\n", "text/plain", "delim")
    set_body_multipart("", "text/plain", "delim")
    set_body_multipart("text", "text/plain", "-delim")
    set_body_multipart(); msg_apply_changes(); append_body_part("more", "text/plain")
    set_body_multipart(); msg_apply_changes(); append_body_part("more\r\n\r\n", "text/plain", "x;y=z")
    append_body_part("more", "text/plain")
    append_body_part("more", "text/plain", "inline")
    append_body_part("", "text/plain")
    append_body_part("x", "")
    append_body_part_hex("6d 6F7265", "text/plain")
    append_body_part_hex("6d6", "text/plain")
    append_body_part_hex("zz", "text/plain", "inline")
    append_body_part_hex("  ", "text/plain", "inline")
    remove_body_part("application/sdp")
    remove_body_part("text/plain")
    remove_body_part("text/html")
    remove_body()
    """),
    modules=MODULES,
    messages=(MESSAGE, MULTIPART),
)

# set_body_multipart with a text kills 5.6.3 when the request has neither body nor Content-Length.
battery(
    "textops",
    "bodies where there was none",
    edits(r"""
    set_body("new body", "text/plain")
    set_body("", "text/plain")
    set_body_multipart()
    filter_body("text/plain")
    append_body_part("more", "text/plain")
    remove_body_part("text/plain")
    remove_body()
    replace_body("a", "b")
    subst_body("/a/b/")
    """),
    modules=MODULES,
    messages=(BARE,),
)

battery(
    "textops",
    "body parts",
    r"""
    @ get_body_part("application/sdp", "$var(p)")
    > $var(p)
    @ get_body_part("text/plain", "$var(p)")
    > $var(p)
    @ get_body_part("text/html", "$var(q)")
    > $var(q)
    @ get_body_part_raw("application/sdp", "$var(p)")
    > $var(p)
    @ get_body_part_raw("text/plain", "$var(p)")
    > $var(p)
    @ get_body_part_raw("text/html", "$var(q)")
    > $var(q)
    """,
    modules=MODULES,
    messages=(MESSAGE, MULTIPART, BARE),
)


@case(
    modules="pv xlog textops sl",
    config=r"""request_route {
        append_to_reply("X-A: 1\r\n");
        append_to_reply("X-B: $fU\r\n");
        append_time();
        set_reply_body("what a body", "text/x-$rm");
        sl_send_reply("486", "Busy");
    }""",
)
def headers_and_a_body_for_replies(scene: Scene) -> None:
    """append_to_reply, append_time and set_reply_body reach the reply in this order."""
    scene.alice.send(MESSAGE)
    scene.alice.expect(486)


@case(
    modules="pv xlog textops sl",
    config=r"""request_route {
        append_time_to_request();
        $du = "sip:127.0.0.12:21200";
        append_hf("X-Last: 1\r\n");
        remove_hf("X-One");
        subst_body("/audio/video/");
        forward();
    }""",
)
def edits_of_a_request_that_is_forwarded(scene: Scene) -> None:
    """The date goes behind the first header; Content-Length follows the body."""
    scene.alice.send(MESSAGE)
    scene.bob.expect("INVITE")


@case(
    modules="pv xlog textops textopsx",
    config=r"""request_route { $du = "sip:127.0.0.12:21200"; forward(); }
    reply_route {
        append_hf("X-Reply: $rs $rr\r\n");
        remove_hf("Server");
        replace_body("hello", "goodbye");
        if (is_method("INVITE")) xlog("method $rm\n");
        xlog("$rc\n");
    }""",
)
def edits_of_a_reply(scene: Scene) -> None:
    """Replies are edited in the reply route."""
    scene.alice.send(MESSAGE)
    got = scene.bob.expect("INVITE")
    got.answer(200, "OK", "Server: bob\nContent-Type: text/plain", "hello world")
    scene.alice.expect(200)


_WITH_PARAMETERS = build(
    "MESSAGE sip:bob@example.com SIP/2.0",
    """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-alice-1
From: <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-1
CSeq: 1 MESSAGE
Content-Type: text/html; charset=utf-8""",
    "<p>",
)

battery(
    "textops",
    "parts_of_a_body_that_has_none_and_empty_needles",
    """
    @ get_body_part("text/html", "$var(part)")
    @ get_body_part_raw("text/html", "$var(part)")
    = $var(part)
    @ str_ifind("a,b,c", "")
    @ str_ifind("", "")
    @ str_find("a,b,c", "")
    """,
    modules="pv xlog textops",
    messages=(_WITH_PARAMETERS,),
)
