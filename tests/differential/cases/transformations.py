"""Every transformation of pv and textops, with its edges."""

# ruff: noqa: E501 - a line of a config, or a fact, stays one line

from __future__ import annotations

from ..case import battery, build

MESSAGE = build(
    "INVITE sip:bob@example.com SIP/2.0",
    """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-alice-1
From: <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-1@example.com
CSeq: 1 INVITE
X-Name: "Alice B" <sip:alice@example.com;p=1>;tag=abc;q=0.5
X-Quoted: "say \\"hi\\" there"
X-Percent: a%20b%2Fc+d%3b
X-Utf: gr\xc3\xbc\xc3\x9fe
X-Star: *""",
    "line one\nline two\n\nline four",
)

battery(
    "transformations",
    "strings",
    """
    $var(s) = "Hello World";
    $var(e) = "";
    $var(n) = 1234;
    $var(d) = "a,b,c,,e";
    > $(var(s){s.len}) $(var(e){s.len}) $(var(n){s.len}) $(hdr(X-Utf){s.len})
    = $(var(s){s.len})
    = $(var(n){s.int})
    = $(var(s){s.int})
    > $(hdr(CSeq){s.int})
    = $(hdr(CSeq){s.int})
    > $(var(s){s.md5}) $(var(e){s.md5}) $(var(n){s.md5})
    > $(var(s){s.sha256}) $(var(e){s.sha256})
    > $(var(s){s.sha384})
    > $(var(s){s.sha512})
    > [$(var(s){s.substr,0,5})] [$(var(s){s.substr,6,0})] [$(var(s){s.substr,6,5})] [$(var(s){s.substr,6,99})]
    > [$(var(s){s.substr,-5,0})] [$(var(s){s.substr,-5,3})] [$(var(s){s.substr,-99,3})]
    > [$(var(s){s.substr,10,1})]
    > [$(var(s){s.substr,11,1})]
    > [$(var(s){s.substr,99,1})]
    > [$(var(e){s.substr,0,1})]
    > [$(var(n){s.substr,1,2})] [$(var(s){s.substr,$var(one),2})]
    $var(one) = 1; $var(two) = "2";
    > [$(var(s){s.substr,$var(one),$var(two)})]
    > [$(var(d){s.select,0,,})] [$(var(d){s.select,1,,})] [$(var(d){s.select,3,,})] [$(var(d){s.select,4,,})]
    > [$(var(d){s.select,5,,})]
    > [$(var(d){s.select,-1,,})] [$(var(d){s.select,-2,,})] [$(var(d){s.select,-5,,})] [$(var(d){s.select,-6,,})]
    > [$(var(d){s.select,$var(one),,})] [$(var(d){s.select,0,;})] [$(var(d){s.select,1,;})] [$(var(e){s.select,0,,})]
    > [$(var(s){s.select,1, })]
    > [$(var(s){s.encode.hexa})] [$(var(e){s.encode.hexa})] [$(var(s){s.encode.hexa}{s.decode.hexa})]
    > [$(var(n){s.decode.hexa})] [$(var(s){s.decode.hexa})]
    > [$(var(s){s.encode.base64})] [$(var(s){s.encode.base64}{s.decode.base64})] [$(var(e){s.encode.base64})]
    > [$(var(s){s.encode.base64t})] [$(var(s){s.encode.base64t}{s.decode.base64t})]
    > [$(var(s){s.encode.base64url})] [$(var(s){s.encode.base64url}{s.decode.base64url})]
    > [$(var(s){s.encode.base64urlt})] [$(var(s){s.encode.base64urlt}{s.decode.base64urlt})]
    > [$(var(s){s.decode.base64})]
    > [$(var(s){s.encode.base58})]
    > [$(var(s){s.encode.7bit}{s.encode.hexa})] [$(var(s){s.encode.7bit}{s.decode.7bit})]
    > [$(hdr(X-Utf){s.encode.hexa})]
    $var(q) = "it's a \\"q\\" \\\\ x\\0";
    > [$(var(q){s.escape.common})] [$(var(q){s.escape.common}{s.unescape.common})]
    > [$(hdr(X-Quoted){s.escape.common})] [$(hdr(X-Quoted){s.unescape.common})]
    $var(u) = "a b;c=d?e:f@g/h%i&j+k";
    > [$(var(u){s.escape.user})] [$(var(u){s.escape.user}{s.unescape.user})]
    > [$(var(u){s.escape.param})] [$(var(u){s.escape.param}{s.unescape.param})]
    > [$(var(u){s.urlencode.param})] [$(var(u){s.urlencode.param}{s.urldecode.param})]
    > [$(hdr(X-Percent){s.unescape.user})] [$(hdr(X-Percent){s.unescape.param})]
    > [$(hdr(X-Percent){s.urldecode.param})]
    > [$(hdr(X-Utf){s.urlencode.param})] [$(hdr(X-Utf){s.escape.user})]
    > [$(hdr(X-Quoted){s.escape.csv})] [$(var(d){s.escape.csv})]
    > [$(var(s){s.tolower})] [$(var(s){s.toupper})] [$(var(n){s.toupper})] [$(hdr(X-Utf){s.toupper})]
    > [$(var(s){s.strip,3})] [$(var(s){s.strip,0})] [$(var(s){s.strip,99})] [$(var(s){s.strip,$var(one)})]
    > [$(var(s){s.striptail,3})] [$(var(s){s.striptail,0})] [$(var(s){s.striptail,99})]
    > [$(var(s){s.strip,-1})] [$(var(s){s.striptail,-1})]
    > [$(var(s){s.stripto,o})] [$(var(s){s.stripto,z})] [$(var(s){s.stripto,H})] [$(var(e){s.stripto,o})]
    > [$(var(n){s.prefixes})] [$(var(n){s.prefixes,2})] [$(var(n){s.prefixes.quoted})] [$(var(n){s.prefixes.quoted,3})]
    > [$(var(s){s.replace,o,0})] [$(var(s){s.replace,l,})] [$(var(s){s.replace,World,You})] [$(var(s){s.replace,z,y})]
    > [$(var(s){s.replace,l,LL})] [$(var(e){s.replace,a,b})]
    $var(t) = 0;
    > [$(var(t){s.ftime,%Y-%m-%d %H:%M:%S})] [$(var(t){s.ftime,%s})]
    $var(t) = 86399;
    > [$(var(t){s.ftime,%H:%M})] [$(var(n){s.ftime,%j %a})]
    $var(w) = "  a b \\t\\r\\n ";
    > [$(var(w){s.trim})] [$(var(w){s.ltrim}{s.len})] [$(var(w){s.rtrim})] [$(var(e){s.trim})]
    > [$(var(w){s.rmws})]
    > [$(var(s){s.rm,o})] [$(var(s){s.rm,l})] [$(var(s){s.rm,World})] [$(var(s){s.rm,z})] [$(var(e){s.rm,z})]
    $var(p) = "+49 (30) 123-456x7";
    > [$(var(p){s.numeric})] [$(var(s){s.numeric})] [$(var(n){s.numeric})]
    > [$(var(s){s.corehash})] [$(var(s){s.corehash,16})] [$(var(e){s.corehash})]
    > [$(hdr(X-Quoted){s.unquote})] [$(var(s){s.unquote})] [$(var(e){s.unquote})]
    $var(q1) = "'single'"; $var(q2) = "\\"half"; $var(b1) = "<angle>"; $var(b2) = "(round)"; $var(b3) = "[square]"; $var(b4) = "{curly}";
    > [$(var(q1){s.unquote})] [$(var(q2){s.unquote})]
    > [$(var(b1){s.unbracket})] [$(var(b2){s.unbracket})] [$(var(b3){s.unbracket})] [$(var(b4){s.unbracket})] [$(var(s){s.unbracket})]
    > [$(var(s){s.count,o})] [$(var(s){s.count,z})] [$(var(e){s.count,o})]
    = $(var(s){s.count,l})
    > [$(var(s){s.before,o})] [$(var(s){s.after,o})] [$(var(s){s.rafter,o})]
    > [$(var(s){s.before,z})] [$(var(s){s.after,z})] [$(var(s){s.rafter,z})]
    > [$(var(s){s.before,H})] [$(var(s){s.after,d})]
    > [$(var(s){s.fmtlines,4,2})] [$(var(s){s.fmtlinet,4,2})]
    > [$(var(s){s.tolower}{s.len})] [$(var(s){s.substr,0,5}{s.toupper}{s.strip,1})]
    > [$(hdr(Nope){s.len})] [$(hdr(Nope){s.toupper})] [$(vn(u){s.len})] [$(hdr(Nope){s.int})] [$(hdr(Nope){s.substr,0,1})]
    = $(hdr(Nope){s.len})
    > [$(avp(u){s.len})] [$(var(unset){s.len})] [$(var(unset){s.int})]
    > [$_s(text $rU){s.len}] [$(_s(text $rU){s.len})]
    > [$(rb{s.len})] [$(rb{line.at,1})]
    """,
    messages=(MESSAGE,),
    differs={
        "facts/> [$(var(s){s.before,o})] [$(var(s){s.after,o})] [$(var(s){s.rafter,o})]": (
            "5.6.3 looks for the last place of the character behind the end of the text"
        ),
    },
)

battery(
    "transformations",
    "uris",
    """
    $var(a) = "sip:Al%20ice:pw@Host.Example.com:5070;transport=TCP;user=phone;ttl=3;maddr=224.0.0.1;method=INVITE;lr;r2=on;x=y?Subject=hi&a=b";
    $var(b) = "sip:example.com";
    $var(c) = "tel:+1-201-555-0123;ext=5";
    $var(d) = "sips:u@[2001:db8::1]:5061;lr=on";
    $var(x) = "no uri";
    $var(n) = "\\"Name\\" <sip:in@brackets.com>";
    > $(var(a){uri.user}) | $(var(b){uri.user}) | $(var(c){uri.user}) | $(var(d){uri.user}) | $(var(x){uri.user}) | $(var(n){uri.user})
    > $(var(a){uri.host}) | $(var(b){uri.host}) | $(var(c){uri.host}) | $(var(d){uri.host}) | $(var(x){uri.host})
    > $(var(a){uri.domain}) | $(var(b){uri.domain})
    > $(var(a){uri.passwd}) | $(var(b){uri.passwd})
    > $(var(a){uri.port}) | $(var(b){uri.port}) | $(var(c){uri.port}) | $(var(d){uri.port})
    = $(var(a){uri.port})
    = $(var(b){uri.port})
    > $(var(a){uri.params}) | $(var(b){uri.params}) | $(var(c){uri.params}) | $(var(d){uri.params})
    > $(var(a){uri.param,x}) | $(var(a){uri.param,lr}) | $(var(a){uri.param,z}) | $(var(a){uri.param,TRANSPORT}) | $(var(a){uri.param,transport}) | $(var(b){uri.param,x})
    > $(var(a){uri.headers}) | $(var(b){uri.headers})
    > $(var(a){uri.transport}) | $(var(b){uri.transport})
    > $(var(a){uri.ttl}) | $(var(b){uri.ttl})
    > $(var(a){uri.uparam}) | $(var(b){uri.uparam})
    > $(var(a){uri.maddr}) | $(var(b){uri.maddr})
    > $(var(a){uri.method}) | $(var(b){uri.method})
    > $(var(a){uri.lr}) | $(var(b){uri.lr}) | $(var(d){uri.lr})
    > $(var(a){uri.r2}) | $(var(b){uri.r2})
    > $(var(a){uri.scheme}) | $(var(c){uri.scheme}) | $(var(d){uri.scheme}) | $(var(x){uri.scheme})
    > $(var(a){uri.tosocket}) | $(var(b){uri.tosocket}) | $(var(d){uri.tosocket})
    > $(ru{uri.user}) | $(fu{uri.host}) | $(hdr(Nope){uri.user}) | $(vn(u){uri.user})
    > $(var(n){nameaddr.uri}{uri.user})
    > $(var(a){urialias.encode}) | $(var(b){urialias.encode})
    $var(al) = "sip:bob@example.com;alias=192.0.2.1~5070~2;x=y";
    > $(var(al){urialias.decode}) | $(var(b){urialias.decode})
    $var(al) = "sip:192.0.2.5:5090;transport=tcp";
    > $(var(al){urialias.encode})
    """,
    messages=(MESSAGE,),
    differs={
        "facts/> $(var(al){urialias.decode}) | $(var(b){urialias.decode})": (
            "5.6.3 gives a text without `~` a wrong length, and xlog prints nothing"
        ),
    },
)

battery(
    "transformations",
    "parameters",
    """
    $var(p) = "a=1;b=\\"two;x\\";c;e=5";
    > $(var(p){param.value,a}) | $(var(p){param.value,b}) | $(var(p){param.value,c}) | $(var(p){param.value,d}) | $(var(p){param.value,e}) | $(var(p){param.value,z})
    > $(var(p){param.value,A}) | $(var(p){param.value,$var(name)})
    $var(name) = "e";
    > $(var(p){param.value,$var(name)})
    > $(var(p){param.in,a}) | $(var(p){param.in,c}) | $(var(p){param.in,z}) | $(var(p){param.in,B})
    = $(var(p){param.in,a})
    > $(var(p){param.valueat,0}) | $(var(p){param.valueat,1}) | $(var(p){param.valueat,2}) | $(var(p){param.valueat,4}) | $(var(p){param.valueat,9})
    > $(var(p){param.valueat,-1}) | $(var(p){param.valueat,-2}) | $(var(p){param.valueat,-9})
    > $(var(p){param.name,0}) | $(var(p){param.name,2}) | $(var(p){param.name,-1}) | $(var(p){param.name,9})
    > $(var(p){param.count})
    = $(var(p){param.count})
    $var(q) = "x=1&y=2&z";
    > $(var(q){param.value,y,&}) | $(var(q){param.count,&}) | $(var(q){param.name,1,&}) | $(var(q){param.valueat,1,&}) | $(var(q){param.in,z,&})
    > $(var(q){param.value,x}) | $(var(q){param.count})
    $var(e) = "";
    > [$(var(e){param.count})] [$(var(e){param.value,a})] [$(hdr(Nope){param.count})] [$(hdr(Nope){param.value,a})]
    $var(sp) = " a = 1 ; b = 2";
    > [$(var(sp){param.value,a})] [$(var(sp){param.value,b})] [$(var(sp){param.count})]
    $var(bad) = "a=1;d=;e=5";
    > [$(var(bad){param.value,a})] [$(var(bad){param.count})]
    $var(dup) = "a=1;a=2;b=3";
    > [$(var(dup){param.value,a})] [$(var(dup){param.count})]
    > [$(ru{uri.params}{param.value,x})] [$(hdr(X-Name){param.count})]
    """,
    messages=(MESSAGE,),
)

battery(
    "transformations",
    "name_addresses_and_bodies",
    """
    > [$(hdr(X-Name){nameaddr.name})] [$(hdr(X-Name){nameaddr.uri})] [$(hdr(X-Name){nameaddr.len})]
    > [$(hdr(From){nameaddr.name})] [$(hdr(From){nameaddr.uri})] [$(hdr(From){nameaddr.len})]
    $var(s) = "sip:plain@example.com;x=y"; $var(m) = "<sip:one@a.com>, <sip:two@b.com>"; $var(u) = "Unquoted Name <sip:u@example.com>"; $var(b) = "<sip:broken"; $var(e) = "";
    > [$(var(s){nameaddr.name})] [$(var(s){nameaddr.uri})] [$(var(s){nameaddr.len})]
    > [$(var(m){nameaddr.uri})] [$(var(m){nameaddr.len})]
    > [$(var(u){nameaddr.name})] [$(var(u){nameaddr.uri})] [$(var(u){nameaddr.len})]
    > [$(var(b){nameaddr.name})] [$(var(b){nameaddr.uri})]
    > [$(var(e){nameaddr.uri})] [$(hdr(Nope){nameaddr.uri})] [$(hdr(X-Star){nameaddr.uri})]
    > [$(hdr(X-Name){tobody.uri})] [$(hdr(X-Name){tobody.display})] [$(hdr(X-Name){tobody.tag})] [$(hdr(X-Name){tobody.user})] [$(hdr(X-Name){tobody.host})] [$(hdr(X-Name){tobody.params})]
    > [$(var(s){tobody.uri})] [$(var(s){tobody.display})] [$(var(s){tobody.tag})] [$(var(s){tobody.user})] [$(var(s){tobody.params})]
    > [$(var(u){tobody.display})] [$(var(u){tobody.host})]
    > [$(var(b){tobody.uri})]
    > [$(var(e){tobody.uri})]
    > [$(hdr(To){tobody.tag})] [$(hdr(From){tobody.tag})] [$(hdr(Nope){tobody.tag})]
    > [$(rb{line.count})] [$(rb{line.at,0})] [$(rb{line.at,1})] [$(rb{line.at,2})] [$(rb{line.at,3})] [$(rb{line.at,4})]
    > [$(rb{line.at,-1})] [$(rb{line.at,-2})] [$(rb{line.at,-4})] [$(rb{line.at,-5})]
    > [$(rb{line.sw,line t})] [$(rb{line.sw,line})] [$(rb{line.sw,x})] [$(rb{line.sw,LINE})]
    > [$(var(s){line.count})] [$(var(s){line.at,0})] [$(var(e){line.count})] [$(hdr(Nope){line.count})]
    = $(rb{line.count})
    """,
    messages=(MESSAGE,),
    differs={
        "facts/> [$(var(b){nameaddr.name})] [$(var(b){nameaddr.uri})]": (
            "5.6.3 fails on an address that it cannot read, but shows its parts when it is asked a second time"
        ),
    },
)

battery(
    "transformations",
    "values_and_substitutions",
    """
    $var(s) = "abc-123-def"; $var(e) = ""; $var(n) = 5;
    > [$(var(s){re.subst,/[0-9]+/N/})] [$(var(s){re.subst,/[a-z]+/X/g})] [$(var(s){re.subst,/[a-z]+/X/})]
    > [$(var(s){re.subst,/([a-z]+)-([0-9]+)/\\2-\\1/})] [$(var(s){re.subst,/ABC/x/})] [$(var(s){re.subst,/ABC/x/i})]
    > [$(var(s){re.subst,/zzz/x/})] [$(var(s){re.subst,/^(.*)$/$rU:\\1/})] [$(var(s){re.subst,/^(.*)$/<\\0>/})]
    > [$(var(s){re.subst,|-|/|g})] [$(var(e){re.subst,/^$/empty/})] [$(hdr(Nope){re.subst,/a/b/})]
    > [$(var(n){re.subst,/5/five/})]
    > [$(ru{re.subst,/^sip:([^@]+)@.*/\\1/})]
    """,
    modules="pv xlog textops",
    messages=(MESSAGE,),
)
