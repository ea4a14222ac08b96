"""sdpops: questions to session descriptions and edits of them, byte for byte; multipart bodies."""

from __future__ import annotations

from ..case import battery, build, edits, verdicts

MODULES = "pv xlog textops sdpops"

SDP = """v=0
o=alice 2890844526 2890844527 IN IP4 host.example.com
s=-
c=IN IP4 192.0.2.1
b=AS:64
t=0 0
a=group:BUNDLE a v
m=audio 49170 RTP/AVP 0 8 97 101 18
b=AS:32
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:97 iLBC/8000
a=fmtp:97 mode=30
a=rtcp-fb:97 nack
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=fmtp:18 annexb=no
a=ptime:20
a=sendrecv
m=video 51372 RTP/SAVPF 31 32 97
c=IN IP6 2001:db8::1
a=rtpmap:31 H261/90000
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42e01f
a=candidate:1 1 UDP 1 192.0.2.1 4000 typ host
a=inactive
m=application 0 udp wb
a=orient:portrait
"""
HEADERS = """Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-@EDIT@
From: "Alice" <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-@EDIT@@example.com
CSeq: 1 INVITE
Max-Forwards: 70
Contact: <sip:alice@127.0.0.11:21200>
"""
PARTS = """--bound1
Content-Type: text/plain

a=rtpmap:0 no description
--bound1
Content-Type: application/sdp
Content-Disposition: session

v=0
o=- 7 8 IN IP6 2001:db8::2
s=-
c=IN IP6 2001:db8::2
t=0 0
m=audio 4000 RTP/AVP 0 8
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
--bound1
Content-Type: application/isup

x
--bound1--
"""


def invite(body: str, kind: str = "application/sdp") -> str:
    """An INVITE with that body."""
    content_type = f"Content-Type: {kind}\n" if kind else ""
    return build("INVITE sip:@EDIT@@example.com SIP/2.0", HEADERS + content_type, body)


def invited(body: str, kind: str = "application/sdp") -> str:
    """The same for a battery."""
    return invite(body, kind).replace("@EDIT@", "bob")


PLAIN = invite(SDP)
MULTIPART = invite(PARTS, 'multipart/mixed;boundary="bound1"')
BARE = invite("", "")

QUESTIONS = r"""
    @ sdp_content()
    @ sdp_content("sloppy")
    @ sdp_content("1")
    @ sdp_with_ice()
    @ sdp_get_address_family()
    @ sdp_with_media("audio")
    @ sdp_with_media("AUDIO")
    @ sdp_with_media("audi")
    @ sdp_with_media("image")
    @ sdp_with_media("application")
    @ sdp_with_active_media("audio")
    @ sdp_with_active_media("video")
    @ sdp_with_active_media("application")
    @ sdp_with_transport("RTP/AVP")
    @ sdp_with_transport("rtp/savpf")
    @ sdp_with_transport("RTP")
    @ sdp_with_transport_like("RTP/S")
    @ sdp_with_transport_like("rtp")
    @ sdp_with_transport_like("AVP")
    @ sdp_with_codecs_by_id("0")
    @ sdp_with_codecs_by_id("0,8")
    @ sdp_with_codecs_by_id("0, 8")
    @ sdp_with_codecs_by_id("1")
    @ sdp_with_codecs_by_id("97")
    @ sdp_with_codecs_by_id("9")
    @ sdp_with_codecs_by_id("1,2")
    @ sdp_with_codecs_by_id("0,2")
    @ sdp_with_codecs_by_name("PCMU")
    @ sdp_with_codecs_by_name("pcmu,pcma")
    @ sdp_with_codecs_by_name("iLBC")
    @ sdp_with_codecs_by_name("H264,H261")
    @ sdp_with_codecs_by_name("opus")
    @ sdp_with_codecs_by_name("opus,PCMU")
    @ sdp_with_codecs_by_name("GSM")
    @ sdp_with_codecs_by_name("GSM,PCMA")
    @ sdp_with_codecs_by_name("telephone-event")
    @ sdp_transport("$avp(transport)")
    = $avp(transport)
    @ sdp_get("$avp(sdp)")
    = $(avp(sdp){s.len})
    = $(avp(sdp){s.substr,0,20})
    @ sdp_get("$var(sdp)")
    @ sdp_get("nothing")
    @ sdp_get_line_startswith("$avp(line)", "a=rtpmap:")
    = $avp(line)
    @ sdp_get_line_startswith("$avp(line)", "a=rtpmap:97")
    = $avp(line)
    @ sdp_get_line_startswith("$avp(line)", "m=")
    = $avp(line)
    @ sdp_get_line_startswith("$avp(none)", "m=image")
    = $avp(none)
    @ sdp_get_line_startswith("$avp(none)", "x")
    @ sdp_get_line_startswith("$avp(line)", "v=")
    = $avp(line)
    @ sdp_get_line_startswith("$var(line)", "m=")
    $var(want) = "c=";
    @ sdp_get_line_startswith("$avp(c)", "$var(want)IN")
    = $avp(c)
    = $(sdp(body){s.len})
    = $sdp(sess_version)
    > $sdp(sess_version)
    $var(media) = "video";
    @ sdp_with_media("$var(media)")
    @ sdp_with_media("$avp(media)")
    @ sdp_with_media("")
    @ sdp_with_codecs_by_id("")
    @ sdp_with_codecs_by_name("")
"""

battery("sdpops", "questions", QUESTIONS, modules=MODULES, messages=[invited(SDP)])
battery(
    "sdpops",
    "questions_to_parts",
    QUESTIONS,
    modules=MODULES,
    messages=[invited(PARTS, 'multipart/mixed;boundary="bound1"')],
)
battery("sdpops", "questions_to_nothing", QUESTIONS, modules=MODULES, messages=[invited("", "")])
battery(
    "sdpops",
    "questions_to_another_body",
    QUESTIONS,
    modules=MODULES,
    messages=[invited("v=0\nm=audio 1 RTP/AVP 0\n", "text/plain")],
)
battery(
    "sdpops",
    "questions_to_a_bad_body",
    QUESTIONS,
    modules=MODULES,
    messages=[invited("v=0\ns=-\nm=audio 1 RTP/AVP 0\n")],
)
battery("sdpops", "questions_without_content_type", QUESTIONS, modules=MODULES, messages=[invited(SDP, "")])

CHANGES = r"""
    sdp_remove_codecs_by_id("0");
    sdp_remove_codecs_by_id("18");
    sdp_remove_codecs_by_id("97");
    sdp_remove_codecs_by_id("97", "audio");
    sdp_remove_codecs_by_id("97", "VIDEO");
    sdp_remove_codecs_by_id("97", "image");
    sdp_remove_codecs_by_id("97", "");
    sdp_remove_codecs_by_id("0,8");
    sdp_remove_codecs_by_id("8, 0");
    sdp_remove_codecs_by_id("8 ,0");
    sdp_remove_codecs_by_id("1,0");
    sdp_remove_codecs_by_id("0,8,97,101,18");
    sdp_remove_codecs_by_id("1");
    sdp_remove_codecs_by_id("");
    sdp_remove_codecs_by_name("PCMU");
    sdp_remove_codecs_by_name("pcmu,PCMA");
    sdp_remove_codecs_by_name("iLBC,telephone-event");
    sdp_remove_codecs_by_name("H264", "video");
    sdp_remove_codecs_by_name("H264", "audio");
    sdp_remove_codecs_by_name("opus");
    sdp_remove_codecs_by_name("G729,opus");
    sdp_keep_codecs_by_id("0");
    sdp_keep_codecs_by_id("0", "audio");
    sdp_keep_codecs_by_id("8,101", "audio");
    sdp_keep_codecs_by_id("97");
    sdp_keep_codecs_by_id("1", "audio");
    sdp_keep_codecs_by_id("wb,0,8");
    sdp_keep_codecs_by_name("PCMA");
    sdp_keep_codecs_by_name("PCMA,telephone-event", "audio");
    sdp_keep_codecs_by_name("H261", "video");
    sdp_keep_codecs_by_name("opus", "audio");
    sdp_remove_media("audio");
    sdp_remove_media("Video");
    sdp_remove_media("application");
    sdp_remove_media("image");
    sdp_remove_transport("RTP/AVP");
    sdp_remove_transport("rtp/savpf");
    sdp_remove_transport("UDP");
    sdp_remove_transport("RTP");
    sdp_remove_line_by_prefix("a=rtpmap:");
    sdp_remove_line_by_prefix("a=rtpmap:", "video");
    sdp_remove_line_by_prefix("a=");
    sdp_remove_line_by_prefix("a=", "application");
    sdp_remove_line_by_prefix("b=");
    sdp_remove_line_by_prefix("b=AS:32");
    sdp_remove_line_by_prefix("a=FMTP");
    sdp_remove_line_by_prefix("a=fmtp:97", "audio");
    sdp_remove_line_by_prefix("c=IN");
    sdp_remove_line_by_prefix("v=0");
    sdp_remove_line_by_prefix("none");
    sdp_remove_line_by_prefix("");
    sdp_remove_line_by_prefix("a=rtpmap:", "image");
    $var(c) = "PCMA"; sdp_remove_codecs_by_name("$var(c),PCMU", "$avp(none)");
    sdp_remove_media("audio"); sdp_remove_codecs_by_id("97"); sdp_remove_line_by_prefix("b=");
    sdp_content(); $sdp(sess_version) = 5;
    sdp_content(); $sdp(sess_version) = -1;
    sdp_content(); $sdp(sess_version) = "7";
    sdp_content(); $sdp(sess_version) = -9;
"""
edits("sdpops", "changes", CHANGES, PLAIN, modules=MODULES)
edits(
    "sdpops",
    "changes_of_parts",
    r"""
    sdp_remove_codecs_by_id("0");
    sdp_keep_codecs_by_name("PCMA");
    sdp_remove_media("audio");
    sdp_remove_transport("RTP/AVP");
    sdp_remove_line_by_prefix("a=rtpmap:");
    sdp_remove_line_by_prefix("a=rtpmap:", "audio");
    sdp_remove_line_by_prefix("c=");
    sdp_content(); $sdp(sess_version) = -1;
    """,
    MULTIPART,
    modules=MODULES,
)
edits(
    "sdpops",
    "changes_of_nothing",
    r"""
    sdp_remove_codecs_by_id("0");
    sdp_remove_codecs_by_name("PCMU");
    sdp_keep_codecs_by_id("0");
    sdp_keep_codecs_by_name("PCMU");
    sdp_remove_media("audio");
    sdp_remove_transport("RTP/AVP");
    sdp_remove_line_by_prefix("a=");
    sdp_remove_line_by_prefix("a=", "audio");
    sdp_content(); $sdp(sess_version) = 3;
    """,
    BARE,
    modules=MODULES,
)
edits(
    "sdpops",
    "changes_of_odd_lines",
    r"""
    sdp_remove_codecs_by_id("8");
    sdp_remove_codecs_by_id("0");
    sdp_keep_codecs_by_id("8");
    sdp_remove_line_by_prefix("a=x");
    sdp_remove_line_by_prefix("A=");
    sdp_remove_media("audio");
    sdp_remove_codecs_by_name("DVI4");
    sdp_remove_codecs_by_name("pcmu");
    sdp_content(); $sdp(sess_version) = 5;
    sdp_content(); $sdp(sess_version) = -1;
    sdp_content(); $sdp(sess_version) = "7";
    sdp_content(); $sdp(sess_version) = 0;
    sdp_content(); $sdp(sess_version) = $null;
    sdp_content(); $sdp(sess_version) = 2147483647;
    sdp_content(); $sdp(sess_version) = -9;
    sdp_content(); $sdp(sess_version) = 5; $sdp(sess_version) = 6;
    sdp_content(); $sdp(sess_version) = $sdp(sess_version) + 10; sdp_remove_media("audio");
    """,
    invite(
        "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio  4000   RTP/AVP   0  8 5 17 8\n"
        "A=rtpmap:8 PCMA/8000\na=rtpmap:5\na=rtpmap:0 pcmu/8000\na=RTPMAP:8 PCMA/8000\na=x\nb=a=x\na=xy"
    ),
    modules=MODULES,
)
verdicts(
    "sdpops",
    "what_the_start_is_refused_for",
    """
xlog("$sdp(body)");
xlog("$sdp(sess_version)");
xlog("$sdp(other)");
xlog("$sdp");
xlog("$sdp()");
$sdp(body) = "x";
$sdp(sess_version) = 1;
sdp_get("x");
sdp_get("$avp(x)");
sdp_get("$nosuch(x)");
sdp_print("x");
sdp_print("1");
sdp_print("$var(l)");
sdp_content("$nosuch(x)");
sdp_with_media("$nosuch(x)");
sdp_with_media();
sdp_transport("$si");
sdp_get_line_startswith("x", "$nosuch(x)");
sdp_get_line_startswith("x", "y");
""",
    modules=MODULES,
)
