"""Options of the command line, calls that go wrong, and corners of the rules: expected, repeated, given up."""

from __future__ import annotations

from tests.lab.sipp.cases_flows import BYE_OK, CALLED, END, GOT_ACK, OK, WWW, of_server, targeted
from tests.lab.sipp.cases_words import ANSWERS, asks, does, log
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
)

LOOSE = '<ereg regexp=".*" search_in="hdr" header="Record-Route:" assign_to="rr"/>' + log("[$rr]|[routes]|[next_url]|")

CASES: dict[str, Case] = {
    "many calls at a rate": Case("uac", scenario(recv("INVITE"), OK, GOT_ACK, *END), options="-m 5 -r 100 -l 1"),
    "calls per period": Case(asks(), ANSWERS, options="-m 4 -r 2 -rp 50"),
    "one at a time": Case(asks("<pause/>"), ANSWERS, options="-m 3 -r 100 -l 1 -d 20"),
    "time is up while nothing comes": Case(
        scenario(request("OPTIONS"), recv(200, 'timeout="1500"')),
        scenario(recv("OPTIONS"), recv("INFO", 'timeout="1500"')),
        options="-timeout 1s",
    ),
    "time is up, and that is an error": Case(
        scenario(request("OPTIONS"), recv(200)),
        scenario(recv("OPTIONS"), recv("INFO")),
        options="-timeout 1s -timeout_error",
    ),
    "an error ends everything": Case(
        asks(after='<error message="no more"/>'),
        scenario(recv("OPTIONS"), reply("200 OK"), recv("INFO", 'timeout="300"')),
    ),
    "the last call that a scenario wants": Case(
        scenario(
            '<Global variables="n"/>',
            does('<add assign_to="n" value="1"/><test assign_to="last" variable="n" compare="equal" value="2"/>'),
            request("OPTIONS", attributes=RETRANS),
            recv(200, 'next="stop" test="last"'),
            does(log("[$n]"), attributes='next="end"'),
            '<label id="stop"/>',
            does(log("last"), '<exec int_cmd="stop_gracefully"/>'),
            '<label id="end"/>',
            '<pause milliseconds="10"/>',
        ),
        ANSWERS,
        own=("", ""),
        options="-m 2 -r 20",
        logs=True,
    ),
    "a reply to an ACK": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, recv("BYE"), BYE_OK),
        scenario(
            CALLED,
            OK,
            GOT_ACK,
            '<pause milliseconds="20"/>',
            of_server("BYE"),
            recv(200),
            '<timewait milliseconds="20"/>',
        ),
    ),
    "a call that ends while the other side waits for time": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, BYE, recv(200), '<timewait milliseconds="40"/>'),
        scenario(recv("INVITE"), OK, GOT_ACK, recv("BYE"), BYE_OK, '<timewait milliseconds="50"/>'),
        options="-m 2 -r 20",
    ),
    "an unexpected message during the last wait": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, '<timewait milliseconds="200"/>'),
        scenario(CALLED, OK, GOT_ACK, '<pause milliseconds="20"/>', of_server("INFO"), recv(200, 'timeout="400"')),
    ),
    "warnings go to the error file": Case(
        asks(does('<warning message="look at [service]"/>')), ANSWERS, options="-trace_err -m 2"
    ),
    "what is passed over is not the last message": Case(
        scenario(
            request("OPTIONS", attributes=RETRANS),
            recv(404, OPTIONAL),
            recv(200, "", log("[last_CSeq:]|")),
            does(log("[last_CSeq:]|")),
        ),
        scenario(recv("OPTIONS"), reply("183 Session Progress"), '<pause milliseconds="20"/>', reply("200 OK")),
        options="-nd",
        logs=True,
    ),
    "a label for what nothing takes": Case(
        scenario(
            INVITE,
            TRYING,
            ANSWER,
            ACK,
            '<pause milliseconds="150"/>',
            BYE,
            recv(200, 'next="end"'),
            '<label id="_unexp.main"/>',
            recv(".*", 'regexp_match="true"', log("[last_CSeq:]")),
            reply("200 OK", tag=""),
            does(
                log("back to [$_unexp.retaddr]"),
                '<assign assign_to="back" variable="_unexp.retaddr"/><assign assign_to="_unexp.retaddr" value="0"/>',
                '<pauserestore variable="_unexp.pausedaddr"/><jump variable="back"/>',
            ),
            '<label id="end"/>',
        ),
        scenario(
            CALLED,
            OK,
            GOT_ACK,
            of_server("INFO"),
            recv(200),
            '<pause milliseconds="20"/>',
            of_server("OPTIONS", 2),
            recv(200),
            *END,
        ),
        logs=True,
    ),
    "a pause that ignores messages": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, '<pause milliseconds="150"/>', BYE, recv(200)),
        scenario(CALLED, OK, GOT_ACK, of_server("OPTIONS", attributes=""), recv("BYE"), BYE_OK),
        options="-pause_msg_ign",
    ),
    "retransmissions told loosely": Case("uac", scenario(recv("INVITE"), OK, GOT_ACK, *END), options="-rtcheck loose"),
    "a Call-ID with slashes": Case(asks(), ANSWERS, options="-cid_str x///%u-%p@%s -max_retrans 1"),
    "a Call-ID with slashes that are meant": Case(asks(), ANSWERS, options="-cid_str x///%u-%p@%s -callid_slash_ign"),
    "no retransmissions": Case(
        scenario(request("OPTIONS", attributes='retrans="20"'), recv(200, 'timeout="200"')),
        scenario(recv("OPTIONS"), '<pause milliseconds="100"/>', "<pause/>"),
        options="-nr",
    ),
    "a request is repeated at T2": Case(
        scenario(request("OPTIONS", attributes='retrans="20"'), recv(200)),
        scenario(recv("OPTIONS"), '<pause milliseconds="300"/>', reply("200 OK")),
        options="-T2 50 -max_retrans 4",
    ),
    "no ACK": Case(
        scenario(INVITE, TRYING, ANSWER, recv("BYE", 'timeout="1500"'), BYE_OK),
        scenario(recv("INVITE"), reply("200 OK", attributes='retrans="30"'), GOT_ACK),
        options="-max_retrans 2",
    ),
    "a route set of two proxies": Case(
        scenario(
            INVITE,
            TRYING,
            recv(200, 'rrs="true"', LOOSE),
            targeted(request("ACK", headers="[routes]\n", to="[peer_tag_param]"), "ACK"),
            does(log("[routes]|[next_url]|")),
            targeted(request("BYE", 2, headers="[routes]\n", to="[peer_tag_param]", attributes=RETRANS), "BYE"),
            recv(200),
        ),
        scenario(
            recv("INVITE", 'rrs="true"', log("[routes]|[next_url]|")),
            reply("200 OK", attributes=RETRANS).replace(
                "[last_Record-Route:]\n",
                "Record-Route: <sip:127.0.0.1:[local_port];lr>\n[last_Record-Route:]\n",
            ),
            GOT_ACK,
            *END,
        ),
        logs=True,
    ),
    "a strict router": Case(
        scenario(
            request("OPTIONS", attributes=RETRANS),
            recv(200, 'rrs="true"'),
            does(log("[routes]|[next_url]|")),
        ),
        scenario(
            recv("OPTIONS"),
            reply(
                "200 OK", headers="Record-Route: <sip:a.example>, <sip:b.example;lr>\nRecord-Route: <sip:c.example>\n"
            ),
        ),
        logs=True,
    ),
    "a Contact without brackets": Case(
        scenario(request("OPTIONS", attributes=RETRANS), recv(200, 'rrs="true"'), does(log("[next_url]|"))),
        scenario(recv("OPTIONS"), reply("200 OK").replace("<sip:b@[local_ip]:[local_port]>", "sip:b@192.0.2.1;x=1")),
        logs=True,
    ),
    "credentials twice for one challenge": Case(
        scenario(
            request("REGISTER", attributes=RETRANS),
            recv(401, 'auth="true"'),
            request("REGISTER", 2, attributes=RETRANS, headers="[authentication username=a password=b]\n"),
            recv(200),
            request("REGISTER", 3, attributes=RETRANS, headers="[authentication username=a password=b]\n"),
            recv(200),
        ),
        scenario(
            recv("REGISTER"),
            reply("401 Unauthorized", headers=WWW),
            recv("REGISTER", "", '<verifyauth assign_to="g" username="a" password="b"/>' + log("[$g]")),
            reply("200 OK"),
            recv("REGISTER", "", '<verifyauth assign_to="g" username="a" password="c"/>' + log("[$g]")),
            reply("200 OK"),
        ),
        logs=True,
    ),
    "credentials out of fields": Case(
        scenario(
            request("REGISTER", attributes=RETRANS),
            recv(401, 'auth="true"'),
            request(
                "REGISTER",
                2,
                attributes=RETRANS,
                headers='[authentication username="[field0]" password="[field1]"]\nX-User: [field0]\n',
            ),
            recv(200),
        ),
        scenario(
            recv("REGISTER"),
            reply("401 Unauthorized", headers=WWW),
            recv(
                "REGISTER", "", '<verifyauth assign_to="g" username="[last_X-User]" password="b"/>' + log("[$g]")
            ).replace("[last_X-User]", "ann"),
            reply("200 OK"),
        ),
        own=("-inf a.csv", ""),
        files={"a.csv": "SEQUENTIAL\nann;b\nbob;c\n"},
        options="-m 2",
        logs=True,
    ),
    "over TCP": Case(
        scenario(
            request("OPTIONS", attributes=RETRANS, headers="X-T: [transport]\n"),
            recv(200),
            request("MESSAGE", 2, attributes=RETRANS),
            recv(200),
        ),
        scenario(recv("OPTIONS"), reply("200 OK"), recv("MESSAGE"), reply("200 OK")),
        own=("-t t1", ""),
    ),
    "media actions": Case(
        scenario(
            request("MESSAGE", attributes=RETRANS).replace(
                "[len]\n", "[len]\n\nm=audio [rtpstream_audio_port] x\nm=video [rtpstream_video_port+2] x\n"
            ),
            recv(200),
            does('<rtp_echo value="1"/>', log("echo")),
        ),
        scenario(recv("MESSAGE"), reply("200 OK")),
        options="-m 3",
        logs=True,
    ),
    "a nonce that went stale": Case(
        scenario(
            request("REGISTER", attributes=RETRANS),
            recv(401, 'auth="true"'),
            request("REGISTER", 2, attributes=RETRANS, headers="[authentication username=a password=b]\n"),
            recv(401, 'auth="true"'),
            request("REGISTER", 3, attributes=RETRANS, headers="[authentication username=a password=b]\n"),
            recv(200),
        ),
        scenario(
            recv("REGISTER"),
            reply("401 Unauthorized", headers=WWW),
            recv("REGISTER"),
            reply("401 Unauthorized", headers='WWW-Authenticate: Digest stale=true, realm="r 2", nonce="n3"\n'),
            recv("REGISTER", "", '<verifyauth assign_to="g" username="a" password="b"/>' + log("[$g]")),
            reply("200 OK"),
        ),
        logs=True,
    ),
    "a server that thinks first": Case(
        asks(),
        scenario(does('<assign assign_to="n" value="5"/>', log("[$n]")), recv("OPTIONS"), reply("200 OK")),
        logs=True,
    ),
    "a client that waits first": Case(
        scenario('<pause milliseconds="30"/>', request("OPTIONS", attributes=RETRANS), recv(200)), ANSWERS
    ),
    "a label at the start and one at the end": Case(
        scenario(
            '<label id="start"/>',
            request("OPTIONS", attributes=RETRANS),
            recv(200, 'next="end"'),
            does(log("never"), attributes='next="start"'),
            '<label id="end"/>',
        ),
        ANSWERS,
        logs=True,
    ),
    "next on a send": Case(
        scenario(
            request("OPTIONS", attributes=f'{RETRANS} next="answer"'),
            does(log("never")),
            '<label id="answer"/>',
            recv(200),
        ),
        ANSWERS,
        logs=True,
    ),
    "next of an optional message, by a test": Case(
        scenario(
            does('<assign assign_to="zero" value="0"/><assign assign_to="one" value="1"/>'),
            INVITE,
            TRYING,
            recv(180, 'optional="true" next="rang" test="zero"', log("180")),
            recv(183, 'optional="true" next="early" test="one"', log("183")),
            ANSWER,
            '<label id="rang"/>',
            does(log("wrong"), attributes='next="end"'),
            '<label id="early"/>',
            does(log("early")),
            recv(200),
            ACK,
            BYE,
            recv(200),
            '<label id="end"/>',
            does(log("end")),
        ),
        scenario(recv("INVITE"), reply("180 Ringing"), reply("183 Progress"), OK, GOT_ACK, recv("BYE"), BYE_OK),
        logs=True,
    ),
    "optional messages that do not go on": Case(
        scenario(
            INVITE,
            TRYING,
            recv(180, 'optional="true" advance_state="false"', log("180")),
            ANSWER,
            ACK,
            BYE,
            recv(200),
        ),
        scenario(recv("INVITE"), reply("180 Ringing"), reply("180 Ringing"), OK, recv("ACK", OPTIONAL), *END),
        logs=True,
    ),
    "a reply without a To": Case(
        scenario(request("OPTIONS"), recv(200, 'timeout="300"')),
        scenario(recv("OPTIONS"), reply("404 Not Found")),
    ),
    "CANCEL of a call that is being given up": Case(
        scenario(INVITE, TRYING, recv(180, OPTIONAL), recv(200, 'timeout="100"'), ACK),
        scenario(
            recv("INVITE"),
            reply("180 Ringing"),
            recv("CANCEL"),
            reply("200 OK"),
            reply("487 Request Terminated").replace("[last_CSeq:]", "CSeq: 1 INVITE"),
            GOT_ACK,
        ),
    ),
    "the server hangs up early": Case(
        call('<pause milliseconds="400"/>'),
        scenario(CALLED, OK, GOT_ACK, of_server("BYE"), recv(200)),
    ),
    "a failed check at the server": Case(
        call(),
        scenario(
            recv("INVITE", "", '<ereg regexp="nobody" search_in="hdr" header="To:" check_it="true" assign_to="_"/>'),
            OK,
            GOT_ACK,
            *END,
        ),
    ),
    "texts that look like expressions": Case(
        asks(headers="X-A: a+b (c) [service] $1 \\d %s %d \\\\ \\n\n"),
        ANSWERS,
    ),
    "time in texts": Case(
        asks(
            does(
                '<assignstr assign_to="t" value="[timestamp]"/>'
                '<ereg regexp="^[0-9]{4}-[0-9][0-9]-[0-9][0-9].[0-9:.]{15}.[0-9]+[.][0-9]{6}$" search_in="var" '
                'variable="t" assign_to="m"/><strcmp assign_to="d" variable="t" variable2="m"/>',
                log("[$d]|"),
                '<assignstr assign_to="t" value="[date]"/>'
                '<ereg regexp="^[A-Z][a-z][a-z], [0-9 ]?[0-9] [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$" search_in="var" '
                'variable="t" assign_to="m"/><strcmp assign_to="d" variable="t" variable2="m"/>',
                log("[$d]|"),
                '<assignstr assign_to="t" value="[clock_tick]"/><ereg regexp="^[0-9]+$" search_in="var" variable="t" '
                'assign_to="m"/><strcmp assign_to="d" variable="t" variable2="m"/>',
                log("[$d]|"),
            )
        ),
        ANSWERS,
        logs=True,
    ),
    "a file in a message": Case(
        scenario(
            request("MESSAGE", attributes=RETRANS).replace("[len]\n", "[len]\n\n[file name=body.txt]"),
            recv(200),
            request("MESSAGE", 2, attributes=RETRANS).replace("[len]\n", '[len]\n\n[file name="[service].txt"]end'),
            recv(200),
        ),
        scenario(recv("MESSAGE"), reply("200 OK"), recv("MESSAGE"), reply("200 OK")),
        options="-s other",
        files={"body.txt": "one\ntwo [service]\n", "other.txt": "other\n"},
    ),
    "variables in injected fields": Case(
        asks(headers="X-A: [field0] [field1]|[field2]\nX-B: [field3]\n"),
        ANSWERS,
        own=("-inf a.csv", ""),
        files={"a.csv": "SEQUENTIAL\n [service] ;b c;;[call_id]\n# no\nx;y;z;w\n"},
        options="-m 3 -r 100",
    ),
    "the last row of a file without a line end": Case(
        asks(headers="X-A: [field0] [field1]\n"),
        ANSWERS,
        own=("-inf a.csv", ""),
        files={"a.csv": "SEQUENTIAL\na;b\nc;d"},
        options="-m 3 -r 100",
    ),
    "generic keys and service in a Call-ID": Case(
        asks(headers="X-A: [key_1] [Key.3]\n"),
        ANSWERS,
        options="-key key_1 one -key Key.3 'sip:a@b;x=\"1\"'",
    ),
}
