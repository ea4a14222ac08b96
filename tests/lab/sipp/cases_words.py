"""Keywords, actions and attributes of scenario files, as they are used: each in a request and its answer."""

from __future__ import annotations

from tests.lab.sipp.duel import Case
from tests.lab.sipp.stage import OPTIONAL, RETRANS, recv, reply, request, scenario, send

ANSWERS = scenario(recv("OPTIONS"), reply("200 OK"))


def does(*actions: str, attributes: str = "") -> str:
    """A <nop> with actions."""
    return f"<nop {attributes}><action>{''.join(actions)}</action></nop>"


def log(text: str) -> str:
    """The action."""
    return f'<log message="{text}"/>'


def asks(*before: str, headers: str = "", after: str = "", attributes: str = RETRANS) -> str:
    """A client that does something, sends OPTIONS, and does something with the answer."""
    return scenario(*before, request("OPTIONS", attributes=attributes, headers=headers), recv(200, "", after))


def told(*actions: str, server: str = ANSWERS, options: str = "", own: tuple[str, str] = ("", "")) -> Case:
    """A case of actions that end in <log>, in front of a request."""
    return Case(asks(does(*actions)), server, options=options, own=own, logs=True)


def looked(*actions: str, headers: str = "", body: str = "", attributes: str = "") -> Case:
    """A case of actions that look at an answer."""
    answer = reply("200 OK", headers=headers)
    if body:
        answer = answer.replace("Content-Length: 0\n", f"Content-Length: [len]\n\n{body}")
    client = scenario(request("OPTIONS", attributes=RETRANS), recv(200, attributes, "".join(actions)))
    return Case(client, scenario(recv("OPTIONS"), answer), logs=True)


def loop(steps: int, *inside: str) -> str:
    """A client that sends OPTIONS again and again."""
    return scenario(
        does('<assign assign_to="n" value="0"/>'),
        '<label id="again"/>',
        request("OPTIONS", attributes=RETRANS).replace("CSeq: 1", "CSeq: [cseq]"),
        recv(200),
        *inside,
        does(
            '<add assign_to="n" value="1"/>',
            f'<test assign_to="more" variable="n" compare="less_than" value="{steps}"/>',
            attributes='next="again" test="more"',
        ),
    )


NUMBERS = '<assign assign_to="a" value="7"/><assign assign_to="b" value="2"/>'
TEXTS = '<assignstr assign_to="s" value="abc"/><assignstr assign_to="t" value="abd"/>'

CASES: dict[str, Case] = {
    "addresses": Case(
        asks(
            headers="X-A: [local_ip] [local_port] [local_port+2] [local_ip_type] [server_ip] [remote_ip] [remote_host] "
            "[remote_port] [remote_port-1] [transport]\nX-audio: [media_ip] [media_ip_type] [media_port] "
            "[media_port+2] [media_port-1] [service]\nX-image: [auto_media_port] [auto_media_port+2]\n"
        ),
        ANSWERS,
        options="-m 3 -r 100",
    ),
    "counting": Case(
        asks(
            does(log("[msg_index] [call_number] [cseq]")),
            headers="X-A: [msg_index] [call_number] [cseq] [cseq+2] [cseq-1] [branch] [branch-1] [branch+1]\n",
            after=log("[msg_index] [call_number] [cseq] [last_cseq_number] [last_cseq_number+3]"),
        ),
        ANSWERS,
        options="-m 2 -base_cseq 40",
        logs=True,
    ),
    "dynamic ids": Case(asks(headers="X-A: [dynamic_id] [dynamic_id]\n"), ANSWERS, options="-m 3 -r 100"),
    "a Call-ID of one's own": Case(asks(), ANSWERS, options="-cid_str call-%u-%%-%s -m 2"),
    "a user, a key, and another of its name": Case(
        asks(headers="X-A: [service] [tone] [tone2]\nX-[tone]: [empty]|\n"),
        ANSWERS,
        options="-s alice -key tone busy -key tone2 'a b' -key empty ''",
    ),
    "headers of the answer": looked(
        log("[last_Via:]|[last_via]|[last_To]"),
        log("[last_X-One:]|[last_X-Two:]|[last_x-two]|[last_Missing:]|"),
        log("[last_CSeq:]|[last_Call-ID:]|[last_From:]"),
        headers="X-One: 1\nX-Two: a\nX-Two: b\n",
    ),
    "the answer as a whole": Case(
        asks(after=log("[last_message]")),
        scenario(recv("OPTIONS"), reply("200 OK", headers="X-A: b\n").replace("[last_Via:]", "[last_via:]")),
    ),
    "headers at the server": Case(
        asks(headers="Supported: path, timer\nX-A: 1\nx-a: 2\n"),
        scenario(
            recv("OPTIONS"),
            reply(
                "200 OK",
                headers="[last_Supported]\n[last_x-a:]\n[last_X-B:]\nX-C: [last_X-A]\nX-U: [last_Request_URI]\n",
            ),
        ),
    ),
    "a compact request": Case(
        scenario(
            send(
                "OPTIONS sip:a@[remote_ip]:[remote_port] SIP/2.0\n"
                "v: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\nMax-Forwards: 70\n"
                "f: <sip:a@b>;tag=[pid]-a-[call_number]\nt: <sip:a@b>\ni: [call_id]\nCSeq: 1 OPTIONS\n"
                "l: [len]\n",
                RETRANS,
            ),
            recv(200),
        ),
        ANSWERS,
    ),
    "fill": Case(
        asks(
            does('<assign assign_to="n" value="12"/><assign assign_to="z" value="0"/>'),
            headers='X-A: [fill variable=n]|[fill variable=n text=xyz]|[fill text="a b" variable=n]|'
            "[fill variable=z]|\n",
        ),
        ANSWERS,
    ),
    "lengths": Case(
        scenario(
            request("MESSAGE", attributes=RETRANS).replace(
                "Content-Length: [len]\n", "Content-Length: [len+3]\n\nabc\n"
            ),
            recv(200),
            request("MESSAGE", 2, attributes=RETRANS).replace(
                "Content-Length: [len]\n", "Content-Length: [len]\n\n\na\n\n"
            ),
            recv(200),
        ),
        scenario(recv("MESSAGE"), reply("200 OK"), recv("MESSAGE"), reply("200 OK")),
    ),
    "spaces around lines": Case(
        scenario(
            send(
                "\n\n   OPTIONS sip:a@[remote_ip]:[remote_port] SIP/2.0   \n\tVia: SIP/2.0/UDP "
                "[local_ip]:[local_port];branch=[branch]\n  Max-Forwards: 70\n  From: <sip:a@b>;tag=[pid]-a-1\t\n"
                "  To: <sip:a@b>\n  Call-ID: [call_id]\n  CSeq: 1 OPTIONS\n  [last_Nothing:]\n  X-A: b\n"
                "  Content-Length: [len]\n\n  body  \n\n  more\n ",
                RETRANS,
            ),
            recv(200),
        ),
        ANSWERS,
    ),
    "empty keywords at the start of a line": Case(
        asks(
            headers="X-A: 1\n[last_No:][transport]\nX-B: 2\n[$none]X-C: 3\n[routes]\n"
            "X-D: [$none]\n[last_No:][tone]\nX-E: 4\n"
        ),
        ANSWERS,
        options="-key tone 'X-T: 1'",
    ),
    "variables as texts": told(
        '<assign assign_to="n" value="3"/><assign assign_to="m" value="-0.5"/><assign assign_to="big" value="1e9"/>',
        '<test assign_to="yes" variable="n" compare="equal" value="3"/>',
        '<test assign_to="no" variable="n" compare="equal" value="4"/>',
        '<assignstr assign_to="s" value="[$n]-[service]"/>',
        log("[$n] [$m] [$big] [$yes] [$no] [$s] [$never]|"),
        '<assignstr assign_to="never" value="[$never]x"/>',
        log("[$never]"),
    ),
    "arithmetic": told(
        NUMBERS,
        '<add assign_to="a" value="1.5"/><subtract assign_to="a" variable="b"/><multiply assign_to="a" value="3"/>',
        '<divide assign_to="a" variable="b"/>',
        log("[$a] [$b]"),
        '<add assign_to="new" value="4"/><multiply assign_to="b" value="-1"/>',
        log("[$new] [$b]"),
    ),
    "every comparison": told(
        NUMBERS,
        *[
            f'<test assign_to="r" variable="a" compare="{name}" {other}/>' + log(f"{name} [$r]")
            for name in ("equal", "not_equal", "greater_than", "less_than", "greater_than_equal", "less_than_equal")
            for other in ('value="7"', 'value="6.5"', 'variable2="b"')
        ],
    ),
    "strcmp": told(
        TEXTS,
        *[
            f'<strcmp assign_to="r" variable="s" {other}/>' + log("[$r]")
            for other in ('value="abc"', 'variable2="t"', 'value="abcd"', 'value="ab"', 'value=""')
        ],
        '<strcmp assign_to="r" variable="t" variable2="s"/>' + log("[$r]"),
    ),
    "text to number": told(
        *[
            f'<assignstr assign_to="s" value="{text}"/><todouble assign_to="d" variable="s"/>' + log(f"{text}: [$d]")
            for text in ("42", "-1.5", "1e3", "12abc", "abc", "", " 7", "7 ", "0x10", ".5", "+3", "inf")
        ],
        '<assign assign_to="n" value="5"/><todouble assign_to="d" variable="n"/>' + log("[$d]"),
    ),
    "trim": told(
        '<assignstr assign_to="s" value="  a b  "/><trim assign_to="s"/>' + log("[$s]|"),
        '<assignstr assign_to="s" value="   "/><trim assign_to="s"/>' + log("[$s]|"),
    ),
    "what a failed check leaves undone": looked(
        '<assign assign_to="n" value="1"/>',
        '<ereg regexp="200" search_in="msg" check_it="true" assign_to="x"/>',
        '<ereg regexp="no such" search_in="msg" check_it="true" assign_to="x"/>',
        '<assign assign_to="n" value="2"/>',
        log("[$n] [$x]"),
    ),
    "expressions with parts": looked(
        '<ereg regexp="([a-z]+)-([0-9]+)(-([a-z]+))?" search_in="hdr" header="X-A:" '
        'assign_to="all,word,number,rest,tail"/>',
        log("[$all] [$word] [$number] [$rest]|[$tail]|"),
        '<ereg regexp="(a|ab)(c|bcd)(d*)" search_in="hdr" header="X-B:" assign_to="all,word,number,rest"/>',
        log("[$all] [$word] [$number] [$rest]|"),
        headers="X-A: abc-123\nX-B: abcd\n",
    ),
    "nine parts": looked(
        '<ereg regexp="(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)" search_in="hdr" header="X-A:" '
        'assign_to="all,p1,p2,p3,p4,p5,p6,p7,p8,p9"/>',
        log("[$all] [$p1][$p2][$p3][$p4][$p5][$p6][$p7][$p8][$p9]"),
        headers="X-A: 0123456789\n",
    ),
    "headers, by place": looked(
        *[
            f'<ereg regexp=".*" search_in="hdr" header="{name}" {how} assign_to="x"/>' + log("[$x]|")
            for name, how in (
                ("X-A:", ""),
                ("X-A:", 'occurrence="2"'),
                ("X-A:", 'occurrence="1"'),
                ("x-a:", 'case_indep="true"'),
                ("x-a:", ""),
                ("X-A", ""),
                ("A:", ""),
                ("A:", 'start_line="true"'),
                ("From:", 'start_line="true"'),
                ("from:", 'start_line="true" case_indep="true"'),
                ("CSeq", ""),
            )
        ],
        headers="X-A: one\nX-A: two\nA: three\n",
    ),
    "a header that is not there": looked(
        '<ereg regexp=".*" search_in="hdr" header="X-None:" check_it="true" assign_to="x"/>',
        log("[$x]"),
    ),
    "a header that is there and should not be": looked(
        '<ereg regexp="one" search_in="hdr" header="X-A:" check_it_inverse="true" assign_to="x"/>',
        log("[$x]"),
        headers="X-A: one\n",
    ),
    "a header that is not there, and should not be": looked(
        '<ereg regexp="one" search_in="hdr" header="X-B:" check_it_inverse="true" assign_to="x"/>',
        log("not [$x]"),
        headers="X-A: one\n",
    ),
    "expressions in bodies": looked(
        '<ereg regexp="m=audio ([0-9]+) " search_in="body" check_it="true" assign_to="_,port"/>',
        '<ereg regexp="^v=0" search_in="body" check_it="true" assign_to="v"/>',
        '<ereg regexp="a=(.*)$" search_in="body" assign_to="_,a"/>',
        log("[$port] [$v] [$a]|"),
        body="v=0\no=- 1 1 IN IP4 127.0.0.1\nm=audio 4000 RTP/AVP 0\na=sendrecv\n",
    ),
    "a body that is not there": looked(
        '<ereg regexp=".*" search_in="body" check_it="true" assign_to="x"/>', log("[$x]|")
    ),
    "expressions of every kind": looked(
        *[
            f'<ereg regexp="{regexp}" search_in="hdr" header="X-A:" assign_to="x"/>' + log("[$x]|")
            for regexp in (
                "[[:digit:]]+",
                "[[:alpha:]]{3}",
                "^ *[A-Z]",
                "b|c",
                "[^a-z ]+$",
                "a*",
                r"\\.",
                "(ab)+",
                "x{0}",
                r"\\w+",
                "[]a]+",
                "5$",
            )
        ],
        headers="X-A: Ababc 12.5\n",
    ),
    "expressions in variables": told(
        '<assignstr assign_to="s" value="sip:bob@example.org:5070;x=1"/>',
        '<ereg regexp="sip:([^@]*)@([^:;]*)(:([0-9]+))?" search_in="var" variable="s" check_it="true" '
        'assign_to="_,user,host,_,port"/>',
        log("[$user] [$host] [$port]"),
        '<todouble assign_to="n" variable="port"/><add assign_to="n" value="1"/>',
        log("[$n]"),
    ),
    "a check of what a test says": looked(
        '<assign assign_to="n" value="1"/><test variable="n" compare="greater_than" value="1" check_it="true"/>',
        log("not reached [$n]"),
    ),
    "a check that a test holds not": looked(
        '<assign assign_to="n" value="1"/>',
        '<test variable="n" compare="greater_than" value="1" check_it_inverse="true"/>',
        log("reached [$n]"),
    ),
    "a check of texts": looked(
        '<ereg regexp=".*" search_in="hdr" header="X-A:" assign_to="s"/>',
        '<strcmp variable="s" value=" yes" check_it="true"/>',
        log("equal or not [$s]"),
        headers="X-A: yes\n",
    ),
    "a check that texts differ": looked(
        '<assignstr assign_to="s" value="a"/><strcmp variable="s" value="a" check_it_inverse="true"/>',
        log("not reached [$s]"),
    ),
    "a loop with a counter": Case(
        loop(4, does(log("round [$n]"), attributes='counter="rounds"')),
        scenario(*[part for _ in range(4) for part in (recv("OPTIONS"), reply("200 OK"))]),
        logs=True,
    ),
    "a loop of jumps": Case(
        scenario(
            does('<assign assign_to="n" value="0"/><assign assign_to="to" value="1"/>'),
            request("OPTIONS", attributes=RETRANS).replace("CSeq: 1", "CSeq: [cseq]"),
            recv(200),
            does(
                '<add assign_to="n" value="1"/><test assign_to="done" variable="n" compare="equal" value="3"/>',
                attributes='next="out" test="done"',
            ),
            does('<jump variable="to"/>'),
            '<label id="out"/>',
            does(log("[$n]")),
        ),
        scenario(*[part for _ in range(3) for part in (recv("OPTIONS"), reply("200 OK"))]),
        logs=True,
    ),
    "where a step is": told('<index assign_to="i"/>' + log("[$i]"), server=ANSWERS),
    "calls that share a variable": Case(
        scenario(
            '<Global variables="total"/>',
            does('<add assign_to="total" value="1"/>', log("[$total]")),
            request("OPTIONS", attributes=RETRANS, headers="X-N: [$total]\n"),
            recv(200),
        ),
        ANSWERS,
        options="-m 3 -r 50",
        logs=True,
    ),
    "a variable from the command line": Case(
        asks(
            '<Global variables="limit"/>',
            does('<todouble assign_to="n" variable="limit"/><add assign_to="n" value="1"/>', log("[$limit] [$n]")),
            headers="X-L: [$limit]\n",
        ),
        ANSWERS,
        own=("-set limit 41", ""),
        logs=True,
    ),
    "init": Case(
        scenario(
            '<Global variables="seed"/>',
            '<init><nop><action><assign assign_to="seed" value="5"/></action></nop></init>',
            does('<add assign_to="seed" value="1"/>', log("[$seed]")),
            request("OPTIONS", attributes=RETRANS),
            recv(200),
        ),
        ANSWERS,
        options="-m 2 -r 50",
        logs=True,
    ),
    "condexec": Case(
        scenario(
            does(
                NUMBERS,
                '<test assign_to="yes" variable="a" compare="equal" value="7"/>',
                '<test assign_to="no" variable="a" compare="equal" value="8"/>',
            ),
            does(log("1 [$b]"), attributes='condexec="yes"'),
            does(log("2"), attributes='condexec="no"'),
            does(log("3"), attributes='condexec="no" condexec_inverse="true"'),
            does(log("4"), attributes='condexec="never"'),
            does(log("5 [$never]|"), attributes='condexec="never" condexec_inverse="true"'),
            '<pause milliseconds="60000" condexec="no"/>',
            request("OPTIONS", attributes=RETRANS),
            recv(200),
        ),
        ANSWERS,
        logs=True,
    ),
    "chance": Case(
        scenario(
            does(log("a"), attributes='next="b" chance="1"'),
            does(log("not")),
            '<label id="b"/>',
            does(log("c"), attributes='next="d" chance="0"'),
            does(log("reached")),
            '<label id="d"/>',
            request("OPTIONS", attributes=RETRANS),
            recv(200),
        ),
        ANSWERS,
        logs=True,
    ),
    "pauses": Case(
        scenario(
            does('<assign assign_to="ms" value="20"/><sample assign_to="s" distribution="fixed" value="3"/>'),
            '<pause variable="ms"/>',
            "<pause/>",
            '<pause distribution="fixed" value="10"/>',
            '<pause distribution="uniform" min="5" max="15"/>',
            '<pause min="5" max="15"/>',
            '<pause distribution="normal" mean="10" stdev="0.5" sanity_check="false"/>',
            '<pause milliseconds="5" crlf="true"/>',
            does(log("[$s]")),
            request("OPTIONS", attributes=RETRANS),
            recv(200),
        ),
        ANSWERS,
        options="-d 30",
        logs=True,
    ),
    "response times": Case(
        scenario(
            request("OPTIONS", attributes=f'{RETRANS} start_rtd="1" crlf="true" counter="c"'),
            recv(200, 'rtd="1" crlf="true"'),
            request("OPTIONS", 2, attributes=f'{RETRANS} start_rtd="second" display="again"'),
            recv(200, 'rtd="second" repeat_rtd="true" hide="true"'),
            '<ResponseTimeRepartition value="10, 20, 30, 40, 50, 100, 150, 200"/>',
            '<CallLengthRepartition value="10, 50, 100, 500, 1000, 5000, 10000"/>',
        ),
        scenario(recv("OPTIONS", 'rtd="true"'), reply("200 OK"), recv("OPTIONS"), reply("200 OK")),
    ),
    "nobody knows the label of a timeout that is not reached": Case(
        scenario(
            request("OPTIONS", attributes=RETRANS),
            recv(200, 'timeout="5000" ontimeout="late"'),
            does(log("good"), attributes='next="end"'),
            '<label id="late"/>',
            does(log("late")),
            '<label id="end"/>',
            '<timewait milliseconds="50"/>',
        ),
        ANSWERS,
        logs=True,
    ),
    "no answer, and a label for that": Case(
        scenario(
            request("OPTIONS", attributes='retrans="50" ontimeout="late"'),
            recv(200),
            does(log("good"), attributes='next="end"'),
            '<label id="late"/>',
            does(log("late")),
            '<label id="end"/>',
            request("MESSAGE", 2, attributes=RETRANS),
            recv(200),
        ),
        scenario(recv("OPTIONS"), recv("MESSAGE"), reply("200 OK")),
        options="-max_non_invite_retrans 2",
        logs=True,
    ),
    "optional requests of any kind": Case(
        scenario(request("PUBLISH", attributes=RETRANS), recv(200)),
        scenario(
            recv("OPTIONS", 'optional="true" next="options"'),
            recv("^(MESSAGE|INFO)$", 'optional="true" regexp_match="true" next="options"'),
            recv(".*", 'regexp_match="true"', log("something else")),
            '<label id="options"/>',
            reply("200 OK"),
        ),
        logs=True,
    ),
    "globally optional": Case(
        scenario(
            request("OPTIONS", attributes=RETRANS),
            recv("NOTIFY", 'optional="global"', log("notified")),
            recv(100, OPTIONAL),
            recv(200),
            '<pause milliseconds="50"/>',
        ),
        ANSWERS,
        logs=True,
    ),
    "a scenario that stops its call": Case(
        scenario(request("OPTIONS", attributes=RETRANS), recv(200, "", '<exec int_cmd="stop_call"/>'), "<pause/>"),
        ANSWERS,
    ),
    "a scenario that stops the run": Case(
        scenario(request("OPTIONS", attributes=RETRANS), recv(200, "", '<exec int_cmd="stop_now"/>'), "<pause/>"),
        ANSWERS,
    ),
    "a scenario that stops after this call": Case(
        scenario(
            request("OPTIONS", attributes=RETRANS), recv(200, "", '<exec int_cmd="stop_gracefully"/>'), "<pause/>"
        ),
        ANSWERS,
        own=("", ""),
    ),
    "warnings and quotes": told(
        '<warning message="beware of [service]"/>',
        log("a &quot;b&quot; &amp; &lt;c&gt; \\x41\\x5B"),
        '<assignstr assign_to="s" value="line\\nnext"/>' + log("[$s]"),
    ),
    "microseconds": told(
        '<gettimeofday assign_to="s,us"/><test assign_to="t" variable="s" compare="greater_than" value="1e9"/>'
        '<test assign_to="u" variable="us" compare="less_than" value="1e6"/>',
        log("[$t] [$u]"),
    ),
}
