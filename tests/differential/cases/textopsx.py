r"""textopsx: applying changes, reply status, values of headers, iterators."""

from __future__ import annotations

from ..case import Scene, battery, build, case
from .textops import BARE, MESSAGE, MODULES, MULTIPART, edits

LISTS = build(
    "INVITE sip:bob@example.com SIP/2.0",
    """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-4
From: "A, B" <sip:alice@example.org;x=1>;tag=a1;n="q;r";empty
To: sip:bob@example.com;tag=t
Call-ID: call-4@example.com
CSeq: 1 INVITE
Supported: path, 100rel ,timer
k: gruu
X-List: a
X-List: b , c,"d,e" ,f
X-Empty:
X-List:   g
Authorization: Digest username="bob", realm="r",nonce="n" , uri="sip:x", qop=auth
X-Params: one;p=1;q="2", two;p=3;P=4 , <sip:x;p=5>;p = 6
""",
)

battery(
    "textopsx",
    "values of headers",
    edits(r"""
    append_hf_value("X-List", "new")
    append_hf_value("X-List[1]", "new")
    append_hf_value("X-List[2]", "new")
    append_hf_value("X-List[4]", "new")
    append_hf_value("X-List[5]", "new")
    append_hf_value("X-List[6]", "new")
    append_hf_value("X-List[9]", "new")
    append_hf_value("X-List[-1]", "new")
    append_hf_value("X-List[-2]", "new")
    append_hf_value("X-List[-6]", "new")
    append_hf_value("X-List[-9]", "new")
    append_hf_value("X-None", "new")
    append_hf_value("X-None[1]", "new")
    append_hf_value("Supported[1]", "$rU")
    append_hf_value("k[-1]", "new")
    insert_hf_value("X-List", "new")
    insert_hf_value("X-List[1]", "new")
    insert_hf_value("X-List[2]", "new")
    insert_hf_value("X-List[3]", "new")
    insert_hf_value("X-List[-1]", "new")
    insert_hf_value("X-List[-3]", "new")
    insert_hf_value("X-List[9]", "new")
    insert_hf_value("X-None", "new")
    insert_hf_value("X-None[2]", "new")
    remove_hf_value("X-List")
    remove_hf_value("X-List[2]")
    remove_hf_value("X-List[3]")
    remove_hf_value("X-List[4]")
    remove_hf_value("X-List[5]")
    remove_hf_value("X-List[-1]")
    remove_hf_value("X-List[9]")
    remove_hf_value("X-List[*]")
    remove_hf_value("X-None")
    remove_hf_value("From.tag")
    remove_hf_value("From.n")
    remove_hf_value("From.empty")
    remove_hf_value("From.none")
    remove_hf_value("X-Params[1].p")
    remove_hf_value("X-Params[2].p")
    remove_hf_value("X-Params[*].p")
    remove_hf_value("X-Params[*].none")
    assign_hf_value("X-List", "new")
    assign_hf_value("X-List[2]", "new")
    assign_hf_value("X-List[4]", "new")
    assign_hf_value("X-List[4]", "")
    assign_hf_value("X-List[-1]", "new")
    assign_hf_value("X-List[9]", "new")
    assign_hf_value("From.tag", "new")
    assign_hf_value("From.n", "new")
    assign_hf_value("From.empty", "new")
    assign_hf_value("From.none", "new")
    assign_hf_value("From.none", "")
    assign_hf_value("From.tag", "")
    assign_hf_value("X-Params[2].q", "7")
    assign_hf_value("X-Params[3].p", "7")
    assign_hf_value("X-Params[*].q", "7")
    assign_hf_value2("Authorization.username", "\"alice\"")
    assign_hf_value2("Authorization.nonce", "m")
    assign_hf_value2("Authorization.qop", "m")
    assign_hf_value2("Authorization.none", "m")
    assign_hf_value2("Authorization", "m")
    assign_hf_value2("Authorization[1]", "m")
    assign_hf_value2("Authorization[*].realm", "m")
    remove_hf_value2("Authorization.username")
    remove_hf_value2("Authorization.nonce")
    remove_hf_value2("Authorization.qop")
    remove_hf_value2("Authorization.none")
    remove_hf_value2("Authorization")
    remove_hf_value2("Authorization[*]")
    remove_hf_value2("X-List[2]")
    include_hf_value("X-List", "g")
    include_hf_value("X-List", "B")
    include_hf_value("X-List", "new")
    include_hf_value("X-None", "new")
    include_hf_value("Supported", "gruu")
    include_hf_value("X-List", "")
    exclude_hf_value("X-List", "a")
    exclude_hf_value("X-List", "b")
    exclude_hf_value("X-List", "C")
    exclude_hf_value("X-List", "\"d,e\"")
    exclude_hf_value("X-List", "f")
    exclude_hf_value("X-List", "g")
    exclude_hf_value("X-List", "none")
    exclude_hf_value("Supported", "gruu")
    hf_value_exists("X-List", "c")
    hf_value_exists("X-List", "C")
    hf_value_exists("X-List", "d")
    hf_value_exists("X-None", "d")
    hf_value_exists("Supported", "$(var(no))path")
    keep_hf("^x-l")
    keep_hf("none")
    """),
    modules=MODULES,
    messages=(LISTS,),
)

battery(
    "textopsx",
    "selected values",
    r"""
    = @hf_value.x_list
    = @hf_value.x_list[1]
    = @hf_value.x_list[2]
    = @hf_value.x_list[4]
    = @hf_value.x_list[-1]
    = @hf_value.x_list[-2]
    = @hf_value.x_list[9]
    x = @hf_value.x_list[*]
    = @hf_value.x_none
    = @hf_value.from.tag
    = @hf_value.from.n
    = @hf_value.from.none
    = @hf_value.from.uri
    = @hf_value.from.name
    = @hf_value.from.param.tag
    = @hf_value.from.p.tag
    = @hf_value.from[1].tag
    = @hf_value.from[1].param.tag
    = @hf_value.from[1].p.n
    = @hf_value.from[1].uri.user
    = @hf_value.from.uri.host
    = @hf_value.from.nameaddr.uri
    = @hf_value.from[1].nameaddr.name
    = @hf_value.from[1].nameaddr.params.tag
    = @hf_value.from[1].params.tag
    = @hf_value.x_params[2].param.p
    = @hf_value.x_params[3].p.p
    = @hf_value.x_params.uri
    = @hf_value.to.uri
    = @hf_value.to.name
    = @hf_value.x_params[3].uri
    = @hf_value2.authorization.nonce
    = @hf_value2.authorization.username
    = @hf_value2.authorization.none
    = @hf_value2.authorization
    = @hf_value2.x_list[2]
    = @hf_value_exists.supported.path
    = @hf_value_exists.supported.PATH
    = @hf_value_exists.supported.none
    """,
    modules=MODULES,
    messages=(LISTS,),
)

battery(
    "textopsx",
    "fnmatch",
    r"""
    @ fnmatch("alice", "a*")
    @ fnmatch("alice", "A*")
    @ fnmatch("alice", "A*", "i")
    @ fnmatch("alice", "A*", "x")
    @ fnmatch("alice", "al?ce")
    @ fnmatch("alice", "al[a-k]ce")
    @ fnmatch("alice", "al[!a-k]ce")
    @ fnmatch("alice", "al[^x]ce")
    @ fnmatch("alice", "*")
    @ fnmatch("", "*")
    @ fnmatch("alice", "")
    @ fnmatch("a/b", "a*b")
    @ fnmatch(".a", "*a")
    @ fnmatch("a*b", "a\\*b")
    @ fnmatch("axb", "a\\*b")
    @ fnmatch("a[b", "a[b")
    @ fnmatch("a]b", "a[]]b")
    @ fnmatch("a-b", "a[a-]b")
    @ fnmatch("a5b", "a[[:digit:]]b")
    @ fnmatch("$rU", "$(rU{s.substr,0,1})*")
    @ fnmatch("a\nb", "a?b")
    @ fnmatch("ALICE", "*l[h-j]c*", "I")
    """,
    modules=MODULES,
    messages=(MESSAGE,),
    differs={
        'facts/@ fnmatch("alice", "A*", "i")': "Debian's daemon is built without the flag i of the manual",
        'facts/@ fnmatch("ALICE", "*l[h-j]c*", "I")': "as above",
    },
)

battery(
    "textopsx",
    "iterators",
    r"""
    @ hf_iterator_next("none")
    @ hf_iterator_rm("none")
    > $hfitname(none)
    @ hf_iterator_start("i1")
    > $hfitname(i1)|$hfitbody(i1)
    @ hf_iterator_rm("i1")
    @ hf_iterator_next("i1")
    > $hfitname(i1)|$hfitbody(i1)
    @ hf_iterator_next("i1")
    > $hfitname(i1)|$hfitbody(i1)
    @ hf_iterator_prev("i1")
    > $hfitname(i1)|$hfitbody(i1)
    @ hf_iterator_prev("i1")
    > $hfitname(i1)|$hfitbody(i1)
    @ hf_iterator_next("i1")
    @ hf_iterator_next("i1")
    @ hf_iterator_next("i1")
    @ hf_iterator_next("i1")
    > $hfitname(i1)|$hfitbody(i1)
    @ hf_iterator_prev("i1")
    > $hfitname(i1)|$hfitbody(i1)
    @ hf_iterator_prev("i1")
    > $hfitname(i1)|$hfitbody(i1)
    @ hf_iterator_append("i1", "X-After: 1\r\n")
    @ hf_iterator_insert("i1", "X-Before: 1\r\n")
    @ hf_iterator_rm("i1")
    $var(n) = 0;
    while (hf_iterator_next("i1") && $var(n) < 40) $var(n) = $var(n) + 1;
    > $var(n) $hfitname(i1)
    @ hf_iterator_next("i1")
    @ hf_iterator_prev("i1")
    @ hf_iterator_end("i1")
    @ hf_iterator_next("i1")
    > $hfitname(i1)
    @ hf_iterator_end("none")
    @ hf_iterator_start("i2")
    @ hf_iterator_start("i3")
    @ hf_iterator_start("i4")
    @ hf_iterator_start("i5")
    @ hf_iterator_start("i1")
    msg_apply_changes();
    > $mb
    @ bl_iterator_next("none")
    > $blitval(none)
    @ bl_iterator_start("b1")
    > $blitval(b1)
    @ bl_iterator_rm("b1")
    @ bl_iterator_next("b1")
    > $blitval(b1)
    @ bl_iterator_append("b1", "x=after\r\n")
    @ bl_iterator_next("b1")
    > $blitval(b1)
    @ bl_iterator_insert("b1", "x=before\r\n")
    @ bl_iterator_next("b1")
    @ bl_iterator_rm("b1")
    $var(n) = 0;
    while (bl_iterator_next("b1") && $var(n) < 40) $var(n) = $var(n) + 1;
    > $var(n) $blitval(b1)
    @ bl_iterator_next("b1")
    @ bl_iterator_end("b1")
    @ bl_iterator_next("b1")
    @ bl_iterator_end("none")
    msg_apply_changes();
    > $mb
    """,
    modules=MODULES,
    messages=(MESSAGE,),
)

battery(
    "textopsx",
    "applying",
    r"""
    $var(a) = $mb;
    append_hf("X: 1\r\n"); $ru = "sip:new@host"; $fU = "carol";
    > $hdr(X) $(mb{s.len})
    @ msg_apply_changes()
    > $ou $ru $hdr(X) $fU
    @ msg_set_buffer("$var(a)")
    > $ou $ru $hdr(X)
    @ msg_set_buffer("")
    > $ou
    @ remove_body()
    @ msg_apply_changes()
    > $bs $cl
    @ msg_set_buffer("no message at all")
    > $ou
    """,
    modules="pv xlog textops textopsx",
    messages=(MESSAGE, BARE, MULTIPART),
)


@case(
    modules="pv xlog textops textopsx",
    config=r"""request_route { $du = "sip:127.0.0.12:21200"; forward(); }
    reply_route {
        change_reply_status("183", "Too early"); xlog("$rc $rs $rr\n");
        change_reply_status("200", "Fine"); xlog("$rc $rs $rr\n");
        change_reply_status(486, "Now $rs"); xlog("$rc $rs $rr\n");
        change_reply_status_code("603"); xlog("$rc $rs $rr\n");
        change_reply_status_code("99"); xlog("$rc\n");
        change_reply_status("700", "x"); xlog("$rc\n");
        change_reply_status("404", ""); xlog("$rc\n");
        if ($hdr(X-Apply) != $null) { msg_apply_changes(); xlog("$rc $rs $rr\n"); }
    }""",
)
def the_status_of_a_reply(scene: Scene) -> None:
    """Only failures change their class."""
    scene.alice.send(MESSAGE)
    got = scene.bob.expect("INVITE")
    got.answer(180, "Ringing")
    scene.alice.expect(183)
    got.answer(404, "Not Found", "X-Apply: 1")
    scene.alice.expect(603)
    got.answer(480, "Away")
    scene.alice.expect(603)
