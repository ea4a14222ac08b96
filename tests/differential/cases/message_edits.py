"""What the functions of textops, textopsx and siputils do to a message, seen on the wire."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import Scene, battery, build, case, edits

INVITE = build(
    "INVITE sip:@EDIT@@example.com;user=phone SIP/2.0",
    """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-alice-1
From: "Alice" <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-1
CSeq: 1 INVITE
Max-Forwards: 70
Contact: <sip:alice@127.0.0.11:21200>
Supported: timer, 100rel,replaces
Supported: path
X-Test: one
X-Test: two
X-Other: x
Subject: Hello hello World
Content-Type: application/sdp""",
    "v=0\no=- 1 1 IN IP4 127.0.0.11\ns=-\nc=IN IP4 127.0.0.11\nt=0 0\nm=audio 4000 RTP/AVP 0 8\na=sendrecv\n",
)

edits(
    "message_edits",
    "headers",
    r"""
    append_hf("X-New: $rU\r\n");
    append_hf("X-New: 1\r\n"); append_hf("X-New: 2\r\n");
    append_hf("X-New: 1\r\n", "To");
    append_hf("X-New: 1\r\n", "X-Test");
    append_hf("X-New: 1\r\n", "X-Nope");
    insert_hf("X-New: 1\r\n");
    insert_hf("X-New: 1\r\n"); insert_hf("X-New: 2\r\n");
    insert_hf("X-New: 1\r\n", "X-Test");
    insert_hf("X-New: 1\r\n", "X-Nope");
    append_hf("no line end");
    remove_hf("X-Test");
    remove_hf("x-test");
    remove_hf("X-Nope");
    remove_hf("Subject"); append_hf("Subject: new\r\n");
    remove_hf_re("^X-");
    remove_hf_exp("^X-", "X-Other");
    remove_hf_idx("X-Test", "0");
    remove_hf_idx("X-Test", "1");
    remove_hf_idx("X-Test", "-1");
    remove_hf_idx("X-Test", "7");
    remove_hf_match("X-Test", "eq", "two");
    remove_hf_match("X-Test", "re", "^o");
    $var(h) = "X-Other"; remove_hf_pv("$var(h)");
    remove_hf_pv("Subject");
    append_time_to_request(); remove_hf("Date");
    append_urihf("P-Uri: ", "\r\n");
    keep_hf("Subject");
    insert_hf("X-A: 1\r\n"); remove_hf("Via");
    remove_hf("Contact"); remove_hf("Contact"); append_hf("Contact: <sip:x@y>\r\n");
    is_present_hf("X-Test");
    is_present_hf("X-Nope");
    is_present_hf_re("^X-T");
    is_present_hf_pv("X-Test");
    """,
    INVITE,
    modules="sl pv xlog textops textopsx",
)

edits(
    "message_edits",
    "texts",
    r"""
    replace("Alice", "Carol");
    replace("[a-z]+@example", "x@sample");
    replace("NotThere", "x");
    replace_all("example\.com", "example.org");
    replace_str("X-Test", "X-Rest", "f");
    replace_str("X-Test", "X-Rest", "a");
    replace_hdrs("RTP", "XXX");
    replace_hdrs_str("X-Test", "Y-Test", "a");
    replace_body("127\.0\.0\.11", "192.0.2.1");
    replace_body_all("127\.0\.0\.11", "192.0.2.1");
    replace_body_atonce("^a=", "b=");
    replace_body_str("0 8", "8", "f");
    subst('/^Subject: *(.*)$/Subject: <\1>/');
    subst('/hello/bye/i');
    subst('/hello/bye/g');
    subst('/hello/bye/ig');
    subst('/nothere/x/');
    subst('/^To:(.*)$/To:\1\r\nX-Sub: $rU/');
    subst_uri('/^sip:(e[0-9]+)@(.*)$/sip:+\1@\2/');
    subst_uri('/^tel:/sip:/');
    subst_user('/^e/u/');
    subst_user('/^x/u/');
    subst_body('/0 8/8 0/');
    subst_hf("Subject", "/Hello/Goodbye/", "f");
    subst_hf("X-Test", "/o/0/g", "a");
    subst_hf("X-Test", "/o/0/", "l");
    search("Subject: Hello");
    search("subject: nothing");
    search_body("audio");
    search_body("video");
    search_hf("Subject", "world", "f");
    search_hf("X-Test", "two", "a");
    search_hf("X-Test", "two", "f");
    search_append("^Subject: [a-z]*", "-INSERTED-");
    search_append_body("m=audio", "-X-");
    replace("one", "1"); replace("two", "2"); append_hf("X-Last: l\r\n");
    """,
    INVITE,
)

edits(
    "message_edits",
    "bodies",
    r"""
    set_body("hello\r\n", "text/plain");
    set_body("$rU", "text/x");
    remove_body();
    set_body("", "");
    has_body();
    has_body("application/sdp");
    has_body("text/plain");
    filter_body("application/sdp");
    set_body_multipart();
    set_body_multipart("text", "text/plain");
    set_body_multipart("text", "text/plain", "bound");
    set_body_multipart("text", "text/plain", "bound"); append_body_part("more", "text/plain");
    set_body_multipart("text", "text/plain", "bound"); append_body_part("more", "text/plain", "inline;handling=optional");
    set_body("one", "text/plain"); set_body("two", "text/plain");
    set_body("abc", "text/plain"); append_hf("X-After: 1\r\n");
    is_audio_on_hold();
    msg_apply_changes();
    append_hf("X-One: 1\r\n"); msg_apply_changes(); append_hf("X-Two: $hdr(X-One)\r\n");
    remove_hf("X-Test"); msg_apply_changes(); append_hf("X-Count: $hdrc(X-Test)\r\n");
    replace_body_all("127", "128"); msg_apply_changes(); append_hf("X-Len: $cl\r\n");
    $fu = "sip:changed@example.org"; msg_apply_changes(); append_hf("X-From: $fu\r\n");
    $fu = "sip:changed@example.org";
    $fn = "Other"; $tU = "robert";
    $fd = "example.net"; $td = "example.net";
    $tu = "sip:to@example.net"; $tn = "To Name";
    $fn = $null;
    """,
    INVITE,
    modules="sl pv xlog textops textopsx",
)

edits(
    "message_edits",
    "values_in_headers",
    r"""
    append_hf_value("X-Test", "three");
    append_hf_value("X-Test[1]", "first");
    append_hf_value("X-None", "new");
    insert_hf_value("Supported", "first");
    insert_hf_value("Supported[2]", "second");
    insert_hf_value("Supported[-1]", "before last");
    remove_hf_value("Supported[1]");
    remove_hf_value("Supported[2]");
    remove_hf_value("Supported[-1]");
    remove_hf_value("Supported[*]");
    remove_hf_value("Supported");
    assign_hf_value("Supported[2]", "changed");
    assign_hf_value("X-Test[1].p", "5");
    assign_hf_value("Subject", "All new");
    include_hf_value("Supported", "gruu");
    include_hf_value("Supported", "100rel");
    exclude_hf_value("Supported", "100rel");
    exclude_hf_value("Supported", "nothing");
    hf_value_exists("Supported", "100rel");
    hf_value_exists("Supported", "100");
    hf_iterator_start("i"); while (hf_iterator_next("i")) { if ($hfitname(i) =~ "^X-") { hf_iterator_rm("i"); } } hf_iterator_end("i");
    hf_iterator_start("i"); while (hf_iterator_next("i")) { if ($hfitname(i) == "Subject") { hf_iterator_append("i", "X-It: $hfitbody(i)\r\n"); hf_iterator_insert("i", "X-Before: 1\r\n"); } } hf_iterator_end("i");
    bl_iterator_start("b"); while (bl_iterator_next("b")) { if ($blitval(b) =~ "^a=") { bl_iterator_rm("b"); } } bl_iterator_end("b");
    bl_iterator_start("b"); while (bl_iterator_next("b")) { if ($blitval(b) =~ "^m=") { bl_iterator_append("b", "b=AS:64\r\n"); bl_iterator_insert("b", "i=before\r\n"); } } bl_iterator_end("b");
    msg_set_buffer("INVITE sip:set@127.0.0.12:21200 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-set\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: set\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
    """,
    INVITE,
    modules="sl pv xlog textops textopsx",
)

edits(
    "message_edits",
    "uris",
    r"""
    add_uri_param("x=1");
    add_uri_param("transport=tcp"); add_uri_param("x=1");
    uri_param("user");
    uri_param("user", "phone");
    uri_param("user", "ip");
    uri_param("nope");
    uri_param_any("user");
    uri_param_rm("user");
    get_uri_param("user", "$var(p)"); append_hf("X-P: $var(p)\r\n");
    tel2sip("tel:+49-123(4)", "example.com", "$var(s)"); append_hf("X-S: $var(s)\r\n");
    tel2sip("sip:a@b", "example.com", "$var(s)"); append_hf("X-S: $var(s)\r\n");
    encode_contact("enc_prefix", "192.0.2.1");
    append_rpid_hf();
    prefix("00");
    strip(1);
    strip_tail(1);
    rewriteuser("ru");
    rewritehost("rh.example.com");
    rewritehostport("rh.example.com:5070");
    rewriteuserpass("u:p");
    rewriteport("5080");
    rewriteuri("sip:whole@example.net");
    revert_uri();
    seturi("sip:seturi@example.net"); prefix("1"); strip(2);
    setuser("x"); sethost("y.example.com"); setport("5"); setuserpass("a:b"); sethostport("z:6");
    """,
    INVITE,
    modules="sl pv xlog textops siputils",
    before='modparam("siputils", "rpid_prefix", "<")\nmodparam("siputils", "rpid_suffix", ">;party=calling")\nmodparam("siputils", "rpid_avp", "$avp(rpid)")',
)

battery(
    "message_edits",
    "questions",
    r"""
    @ is_method("INVITE|ACK")
    @ is_method("BYE")
    @ is_method("invite")
    @ has_totag()
    @ is_uri("sip:a@b.com")
    @ is_uri("nonsense")
    @ is_user("alice")
    @ is_tel_number("+49123")
    @ is_tel_number("12a")
    @ is_numeric("123")
    @ is_numeric("12a")
    @ is_numeric("")
    @ is_alphanum("ab12")
    @ is_alphanum("ab-12")
    @ is_alphanumex("ab-12", "-")
    $var(n) = "+12345678"; $var(k) = "+1"; $var(l) = "12345678"; $var(m) = "sip:+12345678@x"; $var(o) = "sip:bob@x";
    @ is_e164("$var(n)")
    @ is_e164("$var(k)")
    @ is_e164("$var(l)")
    @ is_uri_user_e164("$var(m)")
    @ is_uri_user_e164("$var(o)")
    @ is_uri_user_e164("$ru")
    @ cmp_uri("sip:a@b.com", "sip:a@B.com:5060")
    @ cmp_uri("sip:a@b.com", "sip:a@b.com")
    @ cmp_uri("sip:a@b.com;x=1", "sip:a@b.com")
    @ cmp_aor("sip:a@b.com;x=1", "sip:a@b.com;y=2")
    @ cmp_aor("sip:a@b.com", "sip:c@b.com")
    @ cmp_hdr_name("Via", "v")
    @ cmp_hdr_name("X-A", "x-a")
    @ cmp_str("a", "A")
    @ cmp_str("a", "a")
    @ cmp_istr("a", "A")
    @ starts_with("hello", "he")
    @ starts_with("hello", "lo")
    @ starts_with("", "")
    @ ends_with("hello", "lo")
    @ str_find("hello", "ell")
    @ str_find("hello", "ELL")
    @ str_ifind("hello", "ELL")
    @ in_list("a", "a,b,c", ",")
    @ in_list("d", "a,b,c", ",")
    @ in_list("b", "a b c", " ")
    @ in_list_prefix("abc", "x,ab,c", ",")
    @ in_list_prefix("zbc", "x,ab,c", ",")
    @ fnmatch("hello.c", "*.c")
    @ fnmatch("hello.C", "*.c")
    @ fnmatch("hello.C", "*.c", "i")
    @ fnmatch("hello", "h?llo")
    @ is_first_hop()
    @ is_supported("timer")
    @ is_supported("path")
    @ is_privacy("id")
    @ is_request()
    @ is_reply()
    @ is_gruu()
    @ is_gruu("sip:a@b;gr=1")
    @ is_rpid_user_e164()
    @ hdr_date_check("10")
    @ search_str("some text", "t.x")
    @ search_str("some text", "q")
    regex_substring("abc123def", "([a-z]+)([0-9]+)", "2", "3", "$var(m)");
    > $var(m)
    @ regex_substring("abc", "([0-9]+)", "1", "1", "$var(m)")
    @ setflag(1)
    @ isflagset(1)
    ? isflagset(1)
    ? isflagset(2)
    @ setsflag("2")
    ? issflagset("2")
    @ setbflag("3")
    ? isbflagset("3")
    ? isbflagset("3", "1")
    @ setbflag("4", "1")
    ? isbflagset("4", "1")
    @ setxflag("1")
    ? isxflagset("1")
    @ setdsturi("sip:192.0.2.3:5064")
    > $du
    ? isdsturiset()
    @ resetdsturi()
    ? isdsturiset()
    @ pv_printf("$var(o)", "user $rU")
    > $var(o)
    @ avp_printf("$avp(o)", "user $rU")
    > $avp(o)
    @ append_branch("sip:b1@example.com")
    @ append_branch("sip:b2@example.com", "0.5")
    > $branch(count) $(branch(uri)[0]) $(branch(uri)[1]) $(branch(q)[1])
    @ append_branch()
    > $branch(count) $(branch(uri)[2])
    @ clear_branches()
    > $branch(count)
    @ is_incoming()
    @ is_faked_msg()
    @ is_socket_name("x")
    @ is_present_hf("Max-Forwards")
    @ has_body()
    @ is_myself("sip:127.0.0.1:21200")
    @ is_myself("127.0.0.2")
    """,
    modules="tm sl pv xlog textops textopsx siputils kex corex",
    differs={'facts/@ fnmatch("hello.C", "*.c", "i")': "Debian's daemon is built without the flag i of the manual"},
)


@case(
    """
request_route { forward(); }
reply_route {
    append_hf("X-Reply: $rs\\r\\n");
    remove_hf("X-Secret");
    if ($rs == 180) change_reply_status("183", "Changed");
    if ($rs == 486) change_reply_status(480, "Gone");
    if (is_reply()) replace("Here", "There");
}
""",
    modules="sl pv xlog textops textopsx siputils",
)
def edits_of_replies(scene: Scene) -> None:
    """A reply can be changed on its way, its code within its class."""
    scene.alice.request("INVITE", "sip:bob@127.0.0.12:21200")
    invite = scene.bob.expect("INVITE")
    invite.answer(180, "Ringing", headers="X-Secret: 1\nX-Here: Here")
    scene.alice.expect(183)
    invite.answer(486, "Busy Here")
    scene.settle()
    scene.alice.drain()
    invite.answer(200, "OK")
    scene.settle()


@case('request_route { if (is_method("OPTIONS")) { options_reply(); } }', modules="sl pv textops siputils")
def options_reply(scene: Scene) -> None:
    """Accept, Allow and Supported as the module's parameters say; only for a URI without user."""
    scene.alice.request("OPTIONS", "sip:127.0.0.1:21200")
    scene.alice.expect(200)
    scene.alice.request("OPTIONS", "sip:user@127.0.0.1:21200", cseq=2)
    scene.settle()


# Content-Length follows an edit of the body only if something before it made Kamailio read to the end of the headers.
edits(
    "message_edits",
    "edits_of_a_body_that_was_not_found_yet",
    r"""
    replace("sendrecv", "sendonly,sendonly");
    replace_all("127", "1");
    subst('/sendrecv/x/');
    search_append("a=sendrecv", "X");
    has_body("application/sdp"); replace("sendrecv", "x");
    is_present_hf("X-Test"); replace("sendrecv", "x");
    is_present_hf("X-Nope"); replace("sendrecv", "x");
    $var(x) = $hdr(X-Test); replace("sendrecv", "x");
    $var(x) = $fu + $rm + $ci + $ct; replace("sendrecv", "x");
    $var(x) = $ua; replace("sendrecv", "x");
    $var(x) = $cT; replace("sendrecv", "x");
    $var(x) = $rb; replace("sendrecv", "x");
    has_totag(); replace("sendrecv", "x");
    append_hf("X-New: 1\r\n"); replace("sendrecv", "x");
    remove_hf("X-Nope"); subst('/sendrecv/x/');
    mf_process_maxfwd_header("9"); replace("sendrecv", "x");
    sanity_check(); replace("sendrecv", "x");
    $fU = "carol"; replace("sendrecv", "x");
    replace("sendrecv", "x"); msg_apply_changes(); replace("audio", "a");
    replace_body("sendrecv", "x");
    """,
    INVITE,
    modules="sl pv xlog textops textopsx siputils maxfwd sanity",
)

# What a branch parameter is made from has to be there.
edits(
    "message_edits",
    "requests_that_cannot_be_forwarded",
    r"""
    remove_hf("Call-ID"); msg_apply_changes();
    remove_hf("CSeq"); msg_apply_changes();
    remove_hf("From"); msg_apply_changes();
    remove_hf("To"); msg_apply_changes();
    remove_hf("Contact"); msg_apply_changes();
    remove_hf("Call-ID");
    """,
    INVITE,
    modules="sl pv xlog textops textopsx",
)
