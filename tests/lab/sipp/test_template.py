"""Message texts: every keyword, and how lines and lengths come out."""

from __future__ import annotations

from random import Random

import pytest

from kamscript.lab import Lab
from kamscript.lab.network import Address
from kamscript.lab.sipp import ScenarioError, Settings
from kamscript.lab.sipp.call import Call
from kamscript.lab.sipp.incoming import Incoming
from kamscript.lab.sipp.injection import InjectionFile
from kamscript.lab.sipp.party import Party
from kamscript.lab.sipp.scenario import load
from kamscript.lab.sipp.template import tidy
from kamscript.source import Source
from tests.lab.sipp.stage import proxy, scenario, send

SEAT = Address("10.0.1.1", 5060)

RECEIVED = (
    "SIP/2.0 200 OK\r\n"
    "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK-1\r\n"
    "v: SIP/2.0/UDP 10.0.0.2\r\n"
    "VIA: SIP/2.0/UDP 10.0.0.3\r\n"
    "From: <sip:a@x>;tag=1\r\n"
    'To: "B" <sip:b@x;transport=udp>;tag=22\r\n'
    "i: 4711\r\n"
    "CSeq: 7 INVITE\r\n"
    "Subject: one\r\n two\r\n"
    "\r\nbody"
)

CLOCK = pytest.mark.kam_lab_only("the lab's clock starts in 2026")


def call(text: str, **settings: object) -> Call:
    """A call of a scenario that sends `text`."""
    made = Settings(seat=SEAT, remote=Address("127.0.0.1", 5060), **settings)  # type: ignore[arg-type]
    lab = Lab(text=proxy(), leaks="ignore")
    found = load(Source("x.xml", scenario(send(text))), made)
    party = Party(lab, found, made, "x", Random(1))
    return Call(party, "1-1000@10.0.1.1", 1, SEAT, made.remote)


def written(text: str, received: str = "", **settings: object) -> str:
    """The line `X: ...` of a message that holds `text`."""
    made = call(f"OPTIONS sip:a SIP/2.0\nX: {text}\nEnd: 1", **settings)
    if received:
        made.last = Incoming(received)
    template = made.steps[0].template
    assert template is not None
    message = template.write(made, 3)
    assert message.startswith("OPTIONS sip:a SIP/2.0\r\nX: ")
    assert message.endswith("\r\nEnd: 1\r\n\r\n")
    return message[len("OPTIONS sip:a SIP/2.0\r\nX: ") : -len("\r\nEnd: 1\r\n\r\n")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[remote_ip]:[remote_port] [remote_host]", "127.0.0.1:5060 127.0.0.1"),
        ("[local_ip]:[local_port] [local_ip_type] [server_ip]", "10.0.1.1:5060 4 10.0.1.1"),
        ("[media_ip] [media_ip_type] [media_port] [media_port+2] [auto_media_port]", "10.0.1.1 4 6000 6002 6000"),
        ("[transport] [service] [pid]", "UDP service 1000"),
        ("[call_id] [call_number] [msg_index] [cseq] [cseq+3]", "1-1000@10.0.1.1 1 3 0 3"),
        ("[branch] [branch-1]", "z9hG4bK-1000-1-3 z9hG4bK-1000-1-2"),
        ("[next_url]|[peer_tag_param]|[last_message]", "||"),
        ("[dynamic_id] [dynamic_id]", "10000 10004"),
        pytest.param("[clock_tick] [date]", "0 Thu, 01 Jan 2026 00:00:00 GMT", marks=CLOCK),
        pytest.param("[timestamp]", "2026-01-01\t00:00:00.000000\t1767225600.000000", marks=CLOCK),
        ("[sipp_version]", "kamscript"),
        ("\\x5Bcall_id\\x5D", "[call_id]"),
        ("[[local_ip]]", "[10.0.1.1]"),
        ("[last_cseq_number] [last_Request_URI]|", "0 |"),
    ],
)
def test_a_keyword(text: str, expected: str) -> None:
    assert written(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[last_Via:]", "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK-1, SIP/2.0/UDP 10.0.0.3"),
        ("[last_From]", "From: <sip:a@x>;tag=1"),
        ("[last_Call-ID:]", "i: 4711"),
        ("[last_Subject:]", "Subject: one two"),
        ("[last_cseq_number+1]", "8"),
        ("[last_Request_URI]", "sip:b@x;transport=udp"),
        ("[last_Nothing:]|", "|"),
    ],
)
def test_a_keyword_of_the_last_message(text: str, expected: str) -> None:
    assert written(text, RECEIVED) == expected


def test_the_whole_last_message() -> None:
    made = call("OPTIONS sip:a SIP/2.0\n\n[last_message]")
    made.last = Incoming(RECEIVED)
    assert made.steps[0].template is not None
    assert made.steps[0].template.write(made, 0).endswith(RECEIVED + "\r\n")


def test_a_key_of_the_command_line_is_no_keyword_again() -> None:
    assert written("[domain]", keys={"domain": "[call_id].example.com"}) == "[call_id].example.com"


def test_sipps_keywords_come_before_those_of_the_command_line() -> None:
    assert written("[service]", keys={"service": "mine"}) == "service"


@pytest.mark.parametrize("empty", ["[routes]", "[last_Nothing:]", "[$unset]"])
def test_an_empty_keyword_takes_its_line_with_it(empty: str) -> None:
    uses = ['<nop condexec="unset"/>'] * 2
    text = scenario(send(f"OPTIONS sip:a SIP/2.0\nA: 1\n{empty}\nB: 2"), *uses)
    assert call_of(text) == "OPTIONS sip:a SIP/2.0\r\nA: 1\r\nB: 2\r\n\r\n"


def call_of(text: str) -> str:
    """What the first step of a scenario sends."""
    settings = Settings(seat=SEAT)
    party = Party(
        Lab(text=proxy(), leaks="ignore"),
        load(Source("x", text), settings),
        settings,
        "x",
        Random(1),
    )
    made = Call(party, "1", 1, SEAT, SEAT)
    assert made.steps[0].template is not None
    return made.steps[0].template.write(made, 0)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("OPTIONS sip:a SIP/2.0\nContent-Length: [len]", "    0"),
        ("OPTIONS sip:a SIP/2.0\nContent-Length: [len]\n\nbody", "    6"),
        ("OPTIONS sip:a SIP/2.0\nContent-Length: [len]\n\none\n  two  ", "   10"),
        ("OPTIONS sip:a SIP/2.0\nContent-Length: [len+3]\n\nbody", "    9"),
    ],
)
def test_the_length_counts_the_body_with_its_last_line_end(text: str, length: str) -> None:
    assert f"Content-Length: {length}\r\n" in call_of(scenario(send(text)))


def test_lines_lose_the_blanks_around_them() -> None:
    assert tidy("\n\n   A b  \n\tC: 1 \n\n   v=0\n\n  ") == "A b\nC: 1\n\nv=0\n"
    assert tidy("A b\n\t C: 1\n  \tD: 2 \t\n\nbody") == "A b\n C: 1\nD: 2 \n\nbody"  # as SIPp leaves mixtures
    assert tidy("A b\nC: 1\n") == "A b\nC: 1\n\n"
    assert tidy("A b\n\nbody") == "A b\n\nbody"


def test_ipv6_addresses_stand_in_brackets() -> None:
    settings = Settings(seat=Address("2001:db8::1", 5060), remote=Address("::1", 5060))
    text = scenario(send("OPTIONS sip:[remote_ip] SIP/2.0\nX: [local_ip] [local_ip_type] [media_ip] [remote_host]"))
    template = load(Source("x", text), settings).steps[0].template
    assert template is not None
    assert "OPTIONS sip:[::1] SIP/2.0\r\nX: [2001:db8::1] 6 2001:db8::1 ::1" in str(template._parts[0])


# -- injection files


def inject(text: str, name: str = "users.csv") -> dict[str, InjectionFile]:
    return {name: InjectionFile(Source(f"/somewhere/{name}", text))}


def test_fields_of_a_file() -> None:
    files = inject("SEQUENTIAL\n# users\nalice;secret;1\nbob;hidden\n\nnobody;\n")
    assert written("[field0] [field1]/[field2]/[field9]/", files=files) == "alice secret/1//"
    assert files["users.csv"].next_line(Random()) == 1


def test_a_field_of_a_named_file_and_row() -> None:
    files = inject("SEQUENTIAL\nalice\nbob\n") | inject("RANDOM\nx;y\n", "more.csv")
    assert written('[field1 file="more.csv"] [field0 line=1] [field0 line=9]|', files=files) == "y bob |"


def test_formats_stand_for_many_rows() -> None:
    files = inject("SEQUENTIAL,PRINTF=100,PRINTFOFFSET=7,PRINTFMULTIPLE=10\nuser%05d;100%%\n")
    assert files["users.csv"].lines == 100
    assert written("[field0 line=3] [field1 line=3]", files=files) == "user00037 100%"


def test_credentials_out_of_a_file() -> None:
    files = inject("SEQUENTIAL\njoe;[authentication username=joe password=schmo]\n")
    made = call("REGISTER sip:a SIP/2.0\n[field1]\nEnd: 1", files=files)
    from kamscript.sip.auth import parse_challenge

    made.challenge, made.challenge_code = parse_challenge('Digest realm="r", nonce="n"'), 401
    assert made.steps[0].template is not None
    text = made.steps[0].template.write(made, 0)
    assert '\r\nAuthorization: Digest username="joe",realm="r"' in text
    assert text.endswith("algorithm=MD5\r\nEnd: 1\r\n\r\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the first line says SEQUENTIAL or RANDOM"),
        ("USER\na\n", "USER order needs SIPp's -users"),
        ("SEQUENTIAL\n", "the file has no rows"),
        ("SEQUENTIAL,PRINTF\na\n", "PRINTF is written PRINTF=number"),
        ("SEQUENTIAL,PRINTF=0\na\n", "PRINTF stands for at least one line"),
    ],
)
def test_a_file_that_is_no_injection_file(text: str, expected: str) -> None:
    with pytest.raises(ScenarioError, match=expected):
        inject(text)
