"""Pseudo-variables of core, pv and tmx, read over several messages and written."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import REQUEST, battery, build

FULL = build(
    "INVITE sip:+4912;isub=7:secret@Example.COM:5070;transport=udp;user=phone?Subject=hi SIP/2.0",
    """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-alice-1;rport;x=y
v: SIP/2.0/TCP [2001:db8::1]:5061;branch=z9hG4bK-far;received=192.0.2.9
Record-Route: <sip:p1.example.com;lr>,<sip:p2.example.com;lr>
Route: <sip:127.0.0.1:21200;lr;x=1>
Route: <sip:next.example.com;lr>
f: "Alice \\"A\\" L." <sip:Alice.From@From.Example.com:5099;p=1>;tag=fromtag;fp=2
To: Bob <sip:Bob.To@To.Example.com>;tag=totag
i: call-ID@host
CSeq: 4711 INVITE
Max-Forwards: 17
Contact: "C" <sip:alice@127.0.0.11:21200>;q=0.5;expires=60, <sip:second@127.0.0.11>
Contact: <sip:third@127.0.0.11>
User-Agent: Phone/1.0 (test)
Diversion: "D" <sip:div@div.example.com>;privacy=full;reason=busy;counter=3
P-Asserted-Identity: "Pai" <sip:pai@pai.example.com>
P-Preferred-Identity: "Ppi" <sip:ppi@ppi.example.com:5062>
Remote-Party-ID: "R" <sip:rpid@rpid.example.com>;party=calling
Refer-To: <sip:refer@refer.example.com>
Subject: First subject
X-Multi: one
X-Multi: two
x-multi: three
Authorization: Digest username="auser@arealm", realm="arealm", nonce="anonce", uri="sip:auri@x", response="0123456789abcdef0123456789abcdef", algorithm=MD5, opaque="aopaque", qop=auth, nc=00000001, cnonce="acnonce"
Expires: 300
Content-Type: application/sdp""",
    "v=0\no=- 1 1 IN IP4 127.0.0.11\ns=-\nc=IN IP4 127.0.0.11\nt=0 0\nm=audio 4000 RTP/AVP 0\n",
)
BARE = build(
    "OPTIONS tel:+1-201-555-0123;phone-context=x SIP/2.0",
    """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-alice-2
From: sip:127.0.0.11
To: <sips:example.org>
Call-ID: 2
CSeq: 1 OPTIONS""",
)

NAMES = """
ru rU rUl rd rp rP rz rm rv rb rs rr rt re od op oP ou oU oUl ruri ruri.user ruri.domain ouri
fu fU fUl fd fn ft fti tu tU tUl td tn tt tti from from.user from.domain to to.user to.domain
ci cs csb cl cT ct ua mf mF mb mbu ml mt rmid sF sf bs bf bF br bR
ai adu ar au ad aU aa adn adc adr ado Au AU
du ds dd dp dP duri nh(u) nh(U) nh(d) nh(p) nh(P)
pu pU pd pn pr prid proto af(id) af(name)
di dir dip dic si siz sid sp su sut sas src_ip
Ri Rp Ru Rut Rn RAi RAp RAu RAut Ras
err.class err.level err.info err.rcode err.rreason true null location_ua ruid cnt($xavp(x))
branch(count) branch(uri) sbranch(uri) sbranch(count) snd(ip) sndto(ip) sndfrom(ip)
expires(min) expires(max)
msg(len) msg(buf) msg(body) msg(hdrs) msg(hdrc) msg(fline) msg(fpart) msg(lpart) msg(body_len) msg(hdrs_len)
ksr(ver) ksr(verval) rpl(duri) rpl(dhost) rpl(dport) rpl(cntrr) rpl(dproto) rpl(cntvia) rpl(dprotoid)
K(IPv4) K(IPv6) K(INET) K(INET6) K(UDP) K(TCP) K(TLS) K(SCTP) K(WS) K(WSS)
via0(host) via0(port) via0(proto) via0(protoid) via0(branch) via0(rport) via0(received) via0(i)
via1(host) via1(port) via1(proto) via1(protoid) via1(branch) via1(rport) via1(received)
viaZ(host) viaZ(port) viaZ(proto) viaZ(branch) viaZ(received)
version(num) cfg(route) cfg(line) def(FOO) defn(FOO) def(BAR) defn(BAR) env(KAMSCRIPT_NOT_SET)
rdir(id) rdir(name) route_uri lsock(name) T(id_index) T_branch_idx T_reply_code T(reply_code)
cnt($avp(x)) T_rpl($rs) T_req($rm) avp(a) avp(i:5) avp(s:a) xavp(a) xavu(a) xavi(a) xavp(a=>b) shv(x) shv(y) var(a) vz(a) vn(a)
sel(via[1]) sel(contact.uri) _s(a-$rU-b) rc retcode ?
rcv(buf) rcv(len) rcv(srcip) rcv(srcport) rcv(rcvip) rcv(rcvport) rcv(proto) rcv(af)
"""


def _shown(names: str) -> str:
    return "\n".join(f"> ${name}" for name in dict.fromkeys(names.split()))


battery(
    "pseudo_variables",
    "of_the_message",
    _shown(NAMES)
    + """
    > $hdr(Subject)
    > $hdr(subject)
    > $hdr(X-Multi)
    > $(hdr(X-Multi)[0])
    > $(hdr(X-Multi)[1])
    > $(hdr(X-Multi)[2])
    > $(hdr(X-Multi)[3])
    > $(hdr(X-Multi)[-1])
    > $(hdr(X-Multi)[-2])
    > $(hdr(X-Multi)[-4])
    > $(hdr(X-Multi)[*])
    > $hdrc(X-Multi)
    > $hdrc(Nope)
    > $hdr(f)
    > $hdr(From)
    > $hdr(Via)
    > $(hdr(Via)[1])
    > $(hdr(Via)[-1])
    > $(hdr(Contact)[1])
    > $hdrc(Contact)
    > $hdrc(Via)
    > $hfl(Contact)
    > $(hfl(Contact)[0])
    > $(hfl(Contact)[1])
    > $(hfl(Contact)[2])
    > $(hfl(Contact)[-1])
    > $hflc(Contact)
    > $hfl(Route)
    > $(hfl(Route)[1])
    > $hflc(Route)
    > $hfl(Record-Route)
    > $(hfl(Record-Route)[1])
    > $(hfl(Record-Route)[-1])
    > $hflc(Record-Route)
    > $hfl(Via)
    > $(hfl(Via)[-1])
    > $hflc(Via)
    > $hfl(Subject)
    > $hflc(Subject)
    > $hfl(P-Asserted-Identity)
    > $(ru{s.len})
    > [$$] [$ru] [$(ru)]
    """,
    modules="tm sl rr pv xlog tmx kex corex",
    before='#!define FOO "foo value"\nmodparam("pv", "shvset", "x=s:shared")',
    messages=(FULL, BARE, REQUEST),
)


battery(
    "pseudo_variables",
    "written",
    """
    $ru = "sip:carol@other.example.com:5080;transport=tcp";
    > $ru | $rU | $rd | $rp | $rP | $od | $ou
    $rU = "dave";
    > $ru
    $rU = 42;
    > $ru
    $rU = "";
    > $ru | $rU
    $rU = "erin";
    > $ru
    $rU = $null;
    > $ru | $rU
    $rd = "third.example.com";
    > $ru
    $rd = "third.example.com:5099";
    > $ru | $rp
    $ru = "sip:frank@fourth.example.com";
    $rp = 5070;
    > $ru
    $rp = "5071";
    > $ru
    $rp = $null;
    > $ru
    x $rP = "tcp";
    $ru = "sip:u:pw@h.example.com:5060;transport=udp;lr?x=y";
    $rU = "v";
    > $ru
    $rd = "i.example.com";
    > $ru
    $rp = 5090;
    > $ru
    $ru = "tel:+49123";
    > $ru | $rU | $rd | $rp
    $rU = "+49777";
    > $ru
    $ru = "sip:back@example.com";
    $ru = "nonsense";
    > $ru | $rU | $rd
    $ru = "";
    > $ru
    $ru = "sip:back@example.com";
    $ru = $null;
    > $ru
    $ru = 5;
    > $ru
    $ru = "sip:back@example.com";
    $ruri = "sip:x@example.com";
    > $ru
    $du = "sip:192.0.2.1:5062;transport=tcp";
    > $du | $dd | $dp | $dP | $ds | $nh(u) | $nh(d) | $nh(p)
    $du = $null;
    > $du | $dd | $dp | $dP | $ds | $nh(u)
    $du = "sip:gw.example.com";
    > $du | $dd | $dp | $dP
    x $dd = "gw2.example.com";
    x $dp = 5068;
    $du = "";
    > $du
    $du = "sip:u@gw.example.com";
    > $du
    $fu = "sip:newfrom@example.com";
    > $fu | $fU | $fd
    $fU = "nf";
    > $fu
    $fn = "New Name";
    > $fn
    $tu = "sip:newto@example.com";
    > $tu
    $fs = "udp:127.0.0.1:21200";
    > $fs | $fsn | $fsp
    $fs = $null;
    > $fs
    $fs = "udp:203.0.113.1:9";
    > $fs
    $mf = 5;
    > $mF | $mf
    $mF = 3;
    > $mF | $mf
    $sf = 9;
    > $sF | $sf
    $bf = 2;
    > $bf | $bF
    x $bs = 3;
    $br = "sip:branch1@example.com";
    > $br | $branch(count)
    $branch(dst_uri) = "sip:192.0.2.7";
    > $(branch(uri)[0]) | $(branch(dst_uri)[0]) | $(branch(q)[0])
    $(branch(uri)[0]) = "sip:changed@example.com";
    > $(branch(uri)[0]) | $branch(count)
    $(branch(q)[0]) = 500;
    > $(branch(q)[0]) | $(branch(path)[0]) | $(branch(flags)[0]) | $(branch(send_socket)[0])
    $(branch(flags)[0]) = 6;
    > $(branch(flags)[0])
    > $bR
    $(branch(uri)[0]) = $null;
    > $branch(count) | $(branch(uri)[0])
    $avp(a) = "one"; $avp(a) = "two"; $avp(a) = 3;
    > $avp(a) | $(avp(a)[0]) | $(avp(a)[1]) | $(avp(a)[2]) | $(avp(a)[3]) | $(avp(a)[*]) | $cnt($avp(a))
    $(avp(a)[1]) = "changed";
    > $(avp(a)[*])
    $(avp(a)[*]) = "only";
    > $(avp(a)[*])
    $avp(i:7) = "int name"; $avp(s:b) = "b";
    > $avp(i:7) | $avp(b) | $avp(s:b)
    $xavp(x) = "root1"; $xavp(x) = "root2";
    > $xavp(x) | $xavp(x[0]) | $xavp(x[1]) | $xavp(x[2]) | $cnt($avp(x))
    $xavp(y=>a) = 1; $xavp(y[0]=>b) = "two"; $xavp(y[0]=>a) = 11;
    > $xavp(y=>a) | $xavp(y[0]=>a[1]) | $xavp(y=>b) | $xavp(y=>c) | $xavp(y=>a[0]) | $xavp(y=>a[1])
    $xavp(y=>a) = 2;
    > $xavp(y=>a) | $xavp(y=>b) | $xavp(y[1]=>a) | $xavp(y[1]=>b)
    $xavp(y[0]=>a) = $null;
    > $xavp(y=>a) | $xavp(y[1]=>a)
    $xavp(x) = $null;
    > $xavp(x) | $xavp(x[1])
    $xavu(u) = "x"; $xavu(w=>k) = 5;
    > $xavu(u) | $xavu(w=>k) | $xavu(w=>z)
    $xavi(HeAd=>KeY) = "ci";
    > $xavi(head=>key) | $xavi(HEAD=>KEY)
    $shv(x) = 5;
    > $shv(x)
    $shv(x) = "text";
    > $shv(x)
    $shv(x) = $null;
    > $shv(x)
    $var(a) = "text"; $vz(a) = 3; $vn(a) = "vn";
    > $var(a) | $vz(a) | $vn(a)
    $vz(a) = $null; $vn(a) = $null;
    > $vz(a) | $vn(a)
    $sbranch(uri) = "sip:s@example.com"; $sbranch(q) = 300;
    > $sbranch(uri) | $sbranch(q) | $sbranch(dst_uri)
    """,
    modules="tm sl pv xlog tmx kex corex",
    before='modparam("pv", "shvset", "x=s:shared")',
)

battery(
    "pseudo_variables",
    "names_with_dots_and_names_left_out",
    """
    = $(to.user)
    = $(from.user{s.len})
    $(ruri.user) = "carol";
    = $ru
    # A class without the name that it needs is the AVP called like it.
    = $hdr
    $hdr = 5; $hdr = 6;
    = $hdr
    = $avp(hdr)
    = $(avp(hdr)[1])
    = $sel(contact.name)
    > $sel(contact.name)
    = $(hdrc(Via){s.unquote})
    = $(ml{s.unquote})
    """,
)
