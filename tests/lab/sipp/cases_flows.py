"""Call flows that telephone engineers keep as scenarios: each a client and a server that meet over a proxy."""

from __future__ import annotations

from tests.lab.sipp.duel import Case
from tests.lab.sipp.stage import (
    ACK,
    ANSWER,
    BYE,
    INVITE,
    OPTIONAL,
    RETRANS,
    TRYING,
    call,
    recv,
    reply,
    request,
    scenario,
    send,
)

OK = reply("200 OK", attributes=RETRANS)
BYE_OK = reply("200 OK", tag="")
GOT_ACK = recv("ACK")
END = (recv("BYE"), BYE_OK)
WWW = 'WWW-Authenticate: Digest realm="sip.example", nonce="n1", qop="auth", algorithm=MD5, opaque="o"\n'
PROXY_CHALLENGE = 'Proxy-Authenticate: Digest realm="sip.example", nonce="n2"\n'
SDP = (
    "v=0\no=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]\ns=-\nc=IN IP[media_ip_type] [media_ip]\n"
    "t=0 0\nm=audio [media_port] RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"
)


def with_body(element: str, body: str, kind: str = "application/sdp") -> str:
    """A <send> whose message gets a body."""
    return element.replace("Content-Length: [len]\n", f"Content-Type: {kind}\nContent-Length: [len]\n\n{body}").replace(
        "Content-Length: 0\n", f"Content-Type: {kind}\nContent-Length: [len]\n\n{body}"
    )


def targeted(element: str, method: str) -> str:
    """A request of a dialog, to the remote target."""
    return element.replace(f"{method} sip:[service]@[remote_ip]:[remote_port] SIP", f"{method} [next_url] SIP")


def of_server(method: str, cseq: int = 1, headers: str = "", attributes: str = RETRANS) -> str:
    """A request of the server inside the dialog."""
    return send(
        f"{method} [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n[routes]\n"
        "From: <sip:b@[local_ip]>;tag=[pid]-b-[call_number]\nTo: <sip:a@[local_ip]>;tag=[$tag]\n"
        f"[last_Call-ID:]\nCSeq: {cseq} {method}\nMax-Forwards: 70\n{headers}Content-Length: 0",
        attributes,
    )


CALLED = recv("INVITE", 'rrs="true"', '<ereg regexp="tag=(.*)" search_in="hdr" header="From:" assign_to="_,tag"/>')

USERS = "SEQUENTIAL\n# user;credentials\njoe;[authentication username=joe password=secret];1001\n"
USERS += "ann;[authentication username=ann password=other];1002\n"

CASES: dict[str, Case] = {
    "registration with digest, users from a file": Case(
        scenario(
            request("REGISTER", attributes=RETRANS, headers="X-User: [field0]/[field2]\nExpires: 3600\n"),
            recv(401, 'auth="true"'),
            request("REGISTER", 2, attributes=RETRANS, headers='[field1]\nX-User: [field0 file="users.csv"]\n'),
            recv(200),
        ),
        scenario(
            recv("REGISTER"),
            reply("401 Unauthorized", headers=WWW),
            recv(
                "REGISTER",
                "",
                '<ereg regexp="username=.([a-z]*)" search_in="hdr" header="Authorization:" check_it="true" '
                'assign_to="_,user"/><log message="[$user]"/>',
            ),
            reply("200 OK", headers="[last_Expires:]\n[last_Contact:]\n"),
        ),
        options="-inf users.csv -m 3",
        files={"users.csv": USERS},
        logs=True,
    ),
    "two injection files": Case(
        scenario(
            '<nop><action><assign assign_to="row" value="1"/></action></nop>',
            request(
                "OPTIONS",
                attributes=RETRANS,
                headers='X-A: [field0] [field1 file="second.csv"] [field0 file="second.csv" line=0] '
                '[field9]|\nX-B: [field0 file="second.csv" line="[$row]"]\n[field5]\n',
            ),
            recv(200),
        ),
        scenario(recv("OPTIONS"), reply("200 OK")),
        own=("-inf first.csv -inf second.csv", ""),
        files={"first.csv": "SEQUENTIAL\none;two\n", "second.csv": "SEQUENTIAL\nthree;four\nfive;six\n"},
        options="-m 2",
    ),
    "a file of printf rows": Case(
        scenario(request("OPTIONS", attributes=RETRANS, headers="X-A: [field0] [field1]\n"), recv(200)),
        scenario(recv("OPTIONS"), reply("200 OK")),
        own=("-inf rows.csv", ""),
        files={"rows.csv": "SEQUENTIAL,PRINTF=5,PRINTFOFFSET=100,PRINTFMULTIPLE=10\nuser%05d;p%d\n"},
        options="-m 4",
    ),
    "a call with proxy authentication": Case(
        scenario(
            INVITE,
            TRYING,
            recv(407, 'auth="true"'),
            ACK.replace("branch=[branch]", "branch=[branch-3]"),
            request("INVITE", 2, attributes=RETRANS, headers="[authentication]\n"),
            TRYING,
            recv(180, OPTIONAL),
            ANSWER,
            request("ACK", 2, to="[peer_tag_param]"),
            request("BYE", 3, attributes=RETRANS, to="[peer_tag_param]"),
            recv(200),
        ),
        scenario(
            recv("INVITE"),
            reply("407 Proxy Authentication Required", headers=PROXY_CHALLENGE),
            GOT_ACK,
            recv(
                "INVITE",
                "",
                '<ereg regexp=".*" search_in="hdr" header="Proxy-Authorization:" check_it="true" assign_to="cred"/>'
                '<ereg regexp="uri=.([^,]*)." search_in="var" variable="cred" check_it="true" assign_to="_,uri"/>'
                '<log message="[$uri]"/>',
            ),
            reply("180 Ringing"),
            OK,
            recv("ACK", OPTIONAL),
            *END,
        ),
        options="-au joe -ap secret -auth_uri example.org",
        logs=True,
    ),
    "auth-int of a body": Case(
        scenario(
            with_body(request("INVITE", attributes=RETRANS), SDP),
            TRYING,
            recv(401, 'auth="true"'),
            ACK.replace("branch=[branch]", "branch=[branch-3]"),
            with_body(
                request("INVITE", 2, attributes=RETRANS, headers="[authentication username=a password=b]\n"), SDP
            ),
            TRYING,
            ANSWER,
            request("ACK", 2, to="[peer_tag_param]"),
            request("BYE", 3, attributes=RETRANS, to="[peer_tag_param]"),
            recv(200),
        ),
        scenario(
            recv("INVITE"),
            reply("401 Unauthorized", headers=WWW.replace('"auth"', '"auth,auth-int"')),
            GOT_ACK,
            recv("INVITE", "", '<verifyauth assign_to="good" username="a" password="b"/><log message="[$good]"/>'),
            with_body(OK, SDP),
            recv("ACK", OPTIONAL),
            *END,
        ),
        logs=True,
    ),
    "hold and retrieve": Case(
        scenario(
            with_body(INVITE, SDP),
            TRYING,
            recv(180, OPTIONAL),
            ANSWER,
            targeted(request("ACK", headers="[routes]\n", to="[peer_tag_param]"), "ACK"),
            targeted(
                with_body(
                    request("INVITE", 2, headers="[routes]\n", to="[peer_tag_param]", attributes=RETRANS),
                    SDP + "a=sendonly\n",
                ),
                "INVITE",
            ),
            TRYING,
            recv(200, "", '<ereg regexp="a=recvonly" search_in="body" check_it="true" assign_to="_"/>'),
            targeted(request("ACK", 2, headers="[routes]\n", to="[peer_tag_param]"), "ACK"),
            targeted(request("BYE", 3, headers="[routes]\n", to="[peer_tag_param]", attributes=RETRANS), "BYE"),
            recv(200),
        ),
        scenario(
            recv("INVITE"),
            reply("180 Ringing"),
            with_body(OK, SDP),
            GOT_ACK,
            recv("INVITE", "", '<ereg regexp="a=sendonly" search_in="body" check_it="true" assign_to="_"/>'),
            with_body(reply("200 OK", tag="", attributes=RETRANS), SDP + "a=recvonly\n"),
            GOT_ACK,
            *END,
        ),
    ),
    "the caller gives up while it rings": Case(
        scenario(
            INVITE,
            TRYING,
            recv(180),
            request("CANCEL").replace("branch=[branch]", "branch=[branch-3]"),
            recv(200),
            recv(487),
            ACK.replace("branch=[branch]", "branch=[branch-6]"),
        ),
        scenario(
            recv("INVITE", "", '<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>'),
            reply("180 Ringing"),
            recv("CANCEL"),
            reply("200 OK"),
            reply("487 Request Terminated").replace("[last_CSeq:]", "CSeq: 1 INVITE"),
            GOT_ACK,
            '<Reference variables="via"/>',
        ),
    ),
    "a redirect": Case(
        scenario(
            INVITE,
            TRYING,
            recv(
                302,
                "",
                '<ereg regexp="&lt;(sip:[^&gt;]*)&gt;" search_in="hdr" header="Contact:" check_it="true" '
                'assign_to="_,target"/><log message="to [$target]"/>',
            ),
            ACK.replace("branch=[branch]", "branch=[branch-3]"),
            request("INVITE", 2, attributes=RETRANS, headers="X-Target: [$target]\n"),
            TRYING,
            ANSWER,
            request("ACK", 2, to="[peer_tag_param]"),
            request("BYE", 3, attributes=RETRANS, to="[peer_tag_param]"),
            recv(200),
        ),
        scenario(
            recv("INVITE"),
            reply("302 Moved Temporarily").replace("<sip:b@[local_ip]:[local_port]>", "<sip:c@192.0.2.7;a=1>;q=0.5"),
            GOT_ACK,
            recv("INVITE"),
            OK,
            recv("ACK", OPTIONAL),
            *END,
        ),
        logs=True,
    ),
    "early media, reliable": Case(
        scenario(
            request("INVITE", attributes=RETRANS, headers="Supported: 100rel\n"),
            TRYING,
            recv(
                183,
                'rrs="true"',
                '<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq"/>',
            ),
            targeted(
                request(
                    "PRACK",
                    2,
                    headers="[routes]\nRAck: [$rseq] 1 INVITE\n",
                    to="[peer_tag_param]",
                    attributes=RETRANS,
                ),
                "PRACK",
            ),
            recv(200),
            recv(180, OPTIONAL),
            ANSWER,
            targeted(request("ACK", headers="[routes]\n", to="[peer_tag_param]"), "ACK"),
            targeted(request("BYE", 3, headers="[routes]\n", to="[peer_tag_param]", attributes=RETRANS), "BYE"),
            recv(200),
        ),
        scenario(
            recv(
                "INVITE",
                "",
                '<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>'
                '<ereg regexp=".*" search_in="hdr" header="Record-Route:" assign_to="rr"/>',
            ),
            with_body(reply("183 Session Progress", headers="Require: 100rel\nRSeq: 7\n"), SDP),
            recv("PRACK", "", '<ereg regexp="RAck: 7 1 INVITE" search_in="msg" check_it="true" assign_to="_"/>'),
            reply("200 OK", tag=""),
            reply("200 OK", tag="", attributes=RETRANS)
            .replace("[last_CSeq:]", "CSeq: 1 INVITE")
            .replace("[last_Via:]", "Via: [$via]")
            .replace("[last_Record-Route:]", "Record-Route: [$rr]"),
            GOT_ACK,
            *END,
        ),
    ),
    "a blind transfer": Case(
        scenario(
            INVITE,
            TRYING,
            ANSWER,
            ACK,
            request("REFER", 2, attributes=RETRANS, to="[peer_tag_param]", headers="Refer-To: <sip:c@[remote_ip]>\n"),
            recv(202),
            recv("NOTIFY", "", '<ereg regexp="SIP/2.0 200" search_in="body" check_it="true" assign_to="_"/>'),
            reply("200 OK", tag=""),
            request("BYE", 3, attributes=RETRANS, to="[peer_tag_param]"),
            recv(200),
        ),
        scenario(
            CALLED,
            OK,
            GOT_ACK,
            recv(
                "REFER", "", '<ereg regexp="sip:c" search_in="hdr" header="Refer-To:" check_it="true" assign_to="_"/>'
            ),
            reply("202 Accepted", tag=""),
            of_server("NOTIFY", headers="Event: refer\nContent-Type: message/sipfrag\n").replace(
                "Content-Length: 0", "Content-Length: [len]\n\nSIP/2.0 200 OK"
            ),
            recv(200),
            *END,
        ),
    ),
    "the server calls back with UPDATE and INFO": Case(
        scenario(
            INVITE,
            TRYING,
            ANSWER,
            ACK,
            recv("UPDATE"),
            reply("200 OK", tag=""),
            recv("INFO"),
            reply("200 OK", tag=""),
            BYE,
            recv(200),
        ),
        scenario(CALLED, OK, GOT_ACK, of_server("UPDATE"), recv(200), of_server("INFO", 2), recv(200), *END),
    ),
    "a subscription": Case(
        scenario(
            request("SUBSCRIBE", attributes=RETRANS, headers="Event: presence\nExpires: 60\n"),
            recv(202, 'rrs="true"'),
            recv("NOTIFY"),
            reply("200 OK", tag=""),
            request("SUBSCRIBE", 2, attributes=RETRANS, headers="Event: presence\nExpires: 0\n", to="[peer_tag_param]"),
            recv(200),
        ),
        scenario(
            recv(
                "SUBSCRIBE", 'rrs="true"', '<ereg regexp="tag=(.*)" search_in="hdr" header="From:" assign_to="_,tag"/>'
            ),
            reply("202 Accepted", headers="Expires: 60\n"),
            of_server("NOTIFY", headers="Event: presence\nSubscription-State: active\n"),
            recv(200),
            recv("SUBSCRIBE"),
            reply("200 OK", tag=""),
        ),
    ),
    "a message with a body": Case(
        scenario(with_body(request("MESSAGE", attributes=RETRANS), "hello\n\nworld", "text/plain"), recv(200)),
        scenario(
            recv(
                "MESSAGE",
                "",
                '<ereg regexp="hello" search_in="body" check_it="true" assign_to="_"/>'
                '<ereg regexp=".*" search_in="body" assign_to="all"/><log message="[$all]"/>',
            ),
            reply("200 OK"),
        ),
        logs=True,
    ),
    "183 in any number, then busy": Case(
        scenario(INVITE, TRYING, recv(183, OPTIONAL), recv(180, OPTIONAL), recv(486), ACK),
        scenario(
            recv("INVITE"),
            reply("183 Session Progress"),
            reply("180 Ringing"),
            reply("180 Ringing"),
            reply("486 Busy Here"),
            GOT_ACK,
        ),
    ),
    "busy or answered, by labels": Case(
        scenario(
            INVITE,
            TRYING,
            recv(486, 'optional="true" next="busy"'),
            ANSWER,
            ACK,
            BYE,
            recv(200, 'next="end"'),
            '<label id="busy"/>',
            ACK,
            '<label id="end"/>',
            '<nop><action><log message="over"/></action></nop>',
        ),
        scenario(recv("INVITE"), reply("486 Busy Here"), GOT_ACK),
        logs=True,
    ),
    "the label of an optional message is not taken": Case(
        scenario(
            INVITE,
            TRYING,
            recv(486, 'optional="true" next="busy"'),
            ANSWER,
            ACK,
            BYE,
            recv(200, 'next="end"'),
            '<label id="busy"/>',
            ACK,
            '<nop><action><log message="busy"/></action></nop>',
            '<label id="end"/>',
            '<nop><action><log message="over"/></action></nop>',
        ),
        scenario(recv("INVITE"), OK, GOT_ACK, *END),
        logs=True,
    ),
    "a final answer of a wrong kind": Case(
        scenario(INVITE, TRYING, recv(180, OPTIONAL), ANSWER, ACK),
        scenario(recv("INVITE"), reply("180 Ringing"), reply("603 Decline"), GOT_ACK),
    ),
    "a BYE that gets 481": Case(
        call(),
        scenario(recv("INVITE"), OK, GOT_ACK, recv("BYE"), reply("481 Call Does Not Exist", tag="")),
    ),
    "OPTIONS in the middle, answered by -aa": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, recv("BYE"), BYE_OK),
        scenario(CALLED, OK, GOT_ACK, of_server("OPTIONS"), recv(200), of_server("BYE", 2), recv(200)),
        options="-aa",
    ),
    "OPTIONS in the middle, not expected": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, recv("BYE"), BYE_OK),
        scenario(CALLED, OK, GOT_ACK, of_server("OPTIONS"), recv(200, 'timeout="500"'), of_server("BYE", 2), recv(200)),
    ),
    "OPTIONS in the middle, and the call goes on": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, recv("BYE"), BYE_OK),
        scenario(
            CALLED,
            OK,
            GOT_ACK,
            of_server("OPTIONS", attributes=""),
            '<pause milliseconds="100"/>',
            of_server("BYE", 2),
            recv(200),
        ),
        options="-default_behaviors all,-abortunexp",
    ),
    "no default behaviors": Case(
        scenario(INVITE, TRYING, recv(200, 'timeout="400"'), ACK),
        scenario(recv("INVITE"), reply("486 Busy Here"), recv("ACK")),
        options="-nd",
    ),
    "default behaviors without bye": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, recv("INFO", 'timeout="200"')),
        scenario(recv("INVITE"), OK, GOT_ACK, recv("BYE", 'timeout="500"')),
        options="-default_behaviors abortunexp",
    ),
    "the end of a call that waits": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, recv("INFO", 'timeout="200"')),
        scenario(recv("INVITE"), OK, GOT_ACK, *END),
    ),
    "a lost call after recv_timeout": Case(
        scenario(INVITE, TRYING, recv(180, OPTIONAL), ANSWER, ACK),
        scenario(recv("INVITE"), reply("180 Ringing"), recv("CANCEL"), reply("200 OK", tag="")),
        own=("-recv_timeout 300", "-recv_timeout 2000"),
        options="",
    ),
}
