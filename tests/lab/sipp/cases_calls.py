"""Calls that end well, and calls that do not: whose fault it is, and what is sent then."""

from __future__ import annotations

from tests.lab.sipp import stage
from tests.lab.sipp.duel import Case
from tests.lab.sipp.stage import ACK, ANSWER, BYE, INVITE, OPTIONAL, RETRANS, TRYING, recv, reply, request, scenario

TARGET = "ACK sip:[service]@[remote_ip]:[remote_port] SIP"
CHALLENGE = 'WWW-Authenticate: Digest realm="test", nonce="abc", qop="auth"\n'
ANSWERED = (recv("ACK", OPTIONAL), recv("BYE"), reply("200 OK", tag=""))
OK = reply("200 OK", attributes=RETRANS)
CHECKED = '<ereg regexp="^SIP/2.0 200 OK" search_in="msg" check_it="true" assign_to="_"/>'
WRONG = '<ereg regexp="no such text" search_in="msg" check_it="true" assign_to="_"/>'

CASES: dict[str, Case] = {
    "uac and uas": Case("uac", "uas", options="-m 3"),
    "regexp": Case("regexp", "uas"),
    "branchc and branchs": Case("branchc", "branchs"),
    "a call along the route set": Case(
        scenario(
            INVITE,
            TRYING,
            recv(180, OPTIONAL),
            ANSWER,
            request("ACK", headers="[routes]\n", to="[peer_tag_param]").replace(TARGET, "ACK [next_url] SIP"),
            request("BYE", 2, headers="[routes]\n", to="[peer_tag_param]", attributes=RETRANS).replace(
                TARGET.replace("ACK", "BYE"), "BYE [next_url] SIP"
            ),
            recv(200),
        ),
        scenario(recv("INVITE"), reply("180 Ringing"), OK, *ANSWERED),
    ),
    "busy, and expected": Case(
        scenario(INVITE, TRYING, recv(486), ACK), scenario(recv("INVITE"), reply("486 Busy Here"), recv("ACK"))
    ),
    "busy, and not expected": Case(
        scenario(INVITE, TRYING, recv(200), ACK), scenario(recv("INVITE"), reply("486 Busy Here"), recv("ACK"))
    ),
    "an expression that matches": Case(
        scenario(INVITE, TRYING, recv(200, "", CHECKED), ACK, BYE, recv(200)), scenario(recv("INVITE"), OK, *ANSWERED)
    ),
    "an expression that does not match": Case(
        scenario(INVITE, TRYING, recv(200, "", WRONG), ACK, BYE, recv(200)), scenario(recv("INVITE"), OK, *ANSWERED)
    ),
    "nothing comes, and the call is given up": Case(
        scenario(INVITE, TRYING, recv(180, OPTIONAL), recv(200, 'timeout="600"'), ACK),
        scenario(recv("INVITE"), reply("180 Ringing"), recv("CANCEL", 'timeout="3000"'), reply("200 OK", tag="")),
    ),
    "nothing comes, and there is a label for it": Case(
        scenario(
            INVITE,
            TRYING,
            recv(180, OPTIONAL),
            recv(200, 'timeout="400" ontimeout="late" next="end"'),
            '<label id="late"/>',
            request("CANCEL").replace("branch=[branch]", "branch=[branch-4]"),
            recv(200),
            recv(487),
            ACK.replace("branch=[branch]", "branch=[branch-7]"),
            '<label id="end"/>',
        ),
        scenario(
            recv("INVITE"),
            reply("180 Ringing"),
            recv("CANCEL"),
            reply("200 OK"),
            reply("487 Request Terminated").replace("[last_CSeq:]", "CSeq: 1 INVITE"),
            recv("ACK"),
        ),
    ),
    "the server hangs up": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, recv("BYE"), reply("200 OK", tag="")),
        scenario(
            recv("INVITE", 'rrs="true"'),
            OK,
            recv("ACK"),
            stage.send(
                "BYE [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n[routes]\n"
                "From: <sip:b@[local_ip]>;tag=[pid]-b-[call_number]\nTo: <sip:a@[local_ip]>;tag=[$tag]\n"
                "[last_Call-ID:]\nCSeq: 1 BYE\nMax-Forwards: 70\nContent-Length: 0",
                RETRANS,
            ),
            recv(200),
        ).replace(
            '<recv request="INVITE" rrs="true">',
            '<recv request="INVITE" rrs="true"><action><ereg regexp="tag=(.*)" search_in="hdr" header="From:" '
            'assign_to="_,tag"/></action>',
        ),
    ),
    "the other side hangs up unexpectedly": Case(
        scenario(INVITE, TRYING, ANSWER, ACK, '<pause milliseconds="1000"/>', BYE, recv(200)),
        scenario(
            recv("INVITE", 'rrs="true"'),
            OK,
            recv("ACK"),
            stage.send(
                "BYE [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n[routes]\n"
                "From: <sip:b@[local_ip]>;tag=x\nTo: <sip:a@[local_ip]>;tag=y\n"
                "[last_Call-ID:]\nCSeq: 1 BYE\nMax-Forwards: 70\nContent-Length: 0",
                RETRANS,
            ),
            recv(200),
        ),
    ),
    "digest, verified at the other side": Case(
        scenario(
            request("REGISTER", attributes=RETRANS),
            recv(401, 'auth="true"'),
            request("REGISTER", 2, attributes=RETRANS, headers="[authentication username=joe password=secret]\n"),
            recv(200),
        ),
        scenario(
            recv("REGISTER"),
            reply("401 Unauthorized", headers=CHALLENGE),
            recv("REGISTER", "", '<verifyauth assign_to="good" username="joe" password="secret"/>'),
            '<nop next="good" test="good"/>',
            reply("403 Forbidden").replace("<send ", '<send next="end" '),
            '<label id="good"/>',
            reply("200 OK"),
            '<label id="end"/>',
        ),
    ),
    "digest with the wrong password": Case(
        scenario(
            request("REGISTER", attributes=RETRANS),
            recv(401, 'auth="true"'),
            request("REGISTER", 2, attributes=RETRANS, headers="[authentication username=joe password=wrong]\n"),
            recv(200),
        ),
        scenario(
            recv("REGISTER"),
            reply("401 Unauthorized", headers=CHALLENGE),
            recv("REGISTER", "", '<verifyauth assign_to="good" username="joe" password="secret"/>'),
            '<nop next="good" test="good"/>',
            reply("403 Forbidden").replace("<send ", '<send next="end" '),
            '<label id="good"/>',
            reply("200 OK"),
            '<label id="end"/>',
        ),
    ),
    "keywords": Case(
        scenario(
            request(
                "MESSAGE",
                attributes=RETRANS,
                headers="X-Call: [call_number] [msg_index] [cseq] [cseq+5] [media_ip] [media_ip_type]\n"
                "X-audio: [media_port+2]\n"
                "X-Key: [greeting]\nX-Fill: [fill text=abc variable=n]\nX-Hex: \\x5Bno keyword\\x5D\n"
                "X-Local: [local_ip_type] [server_ip]\n[last_Nothing:]\nX-Var: [$n] [$text]|\n"
                "X-Empty: [last_Nothing]|\n",
            ).replace(
                "<send ",
                '<nop><action><assign assign_to="n" value="7"/><assignstr assign_to="text" value="a[service]b"/>'
                "</action></nop><send ",
            ),
            recv(200),
            request("MESSAGE", 2, headers="X-Last: [last_cseq_number+1] [last_Request_URI]\n[last_Contact:]\n"),
            recv(200),
        ),
        scenario(recv("MESSAGE"), reply("200 OK"), recv("MESSAGE"), reply("200 OK")),
        options="-key greeting 'good [day]' -s bob",
    ),
    "a loop of variables": Case(
        scenario(
            '<nop><action><assign assign_to="n" value="0"/></action></nop>',
            '<label id="again"/>',
            request("OPTIONS", attributes=RETRANS).replace("CSeq: 1", "CSeq: [cseq]"),
            recv(200),
            '<nop next="again" test="more"><action><add assign_to="n" value="1"/>'
            '<test assign_to="more" variable="n" compare="less_than" value="3"/></action></nop>',
        ),
        scenario(
            *[part for _ in range(3) for part in (recv("OPTIONS"), reply("200 OK"))],
        ),
    ),
    "requests that match an expression": Case(
        scenario(request("INFO", attributes=RETRANS), recv(200)),
        scenario(recv("MESSAGE|INFO", 'regexp_match="true"'), reply("200 OK")),
    ),
    "an unexpected request": Case(
        scenario(request("INFO", attributes=RETRANS), recv(200, 'timeout="700"')),
        scenario(recv("MESSAGE"), reply("200 OK")),
        options="-max_retrans 1",
    ),
    "named transactions": Case(
        scenario(
            request("INVITE", attributes=f'{RETRANS} start_txn="call"'),
            recv(100, 'optional="true" response_txn="call"'),
            recv(180, 'optional="true" response_txn="call"'),
            recv(200, 'response_txn="call"'),
            request("ACK", to="[peer_tag_param]", attributes='ack_txn="call"'),
            request("BYE", 2, to="[peer_tag_param]", attributes=f'{RETRANS} start_txn="bye"'),
            recv(200, 'response_txn="bye"'),
        ),
        scenario(recv("INVITE"), reply("180 Ringing"), OK, *ANSWERED),
    ),
}
