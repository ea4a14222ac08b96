"""Whatever is thrown at it, a file is played or refused with its line, and a message is dealt with."""

from __future__ import annotations

import random
import re

import pytest

from kamscript.lab import Lab
from kamscript.lab.network import Address
from kamscript.lab.sipp import ScenarioError, Settings, SippParty
from kamscript.lab.sipp.scenario import builtin, builtin_names, load
from kamscript.source import Source
from tests.lab.sipp.cases_broken import BROKEN, ODD
from tests.lab.sipp.stage import UAS, Stage, answering, call, proxy

PIECES = [
    "<",
    ">",
    '"',
    "/>",
    "]]>",
    "<![CDATA[",
    "[",
    "]",
    "=",
    "&",
    "\\",
    "$",
    " ",
    "-",
    "\x00",
    "\xff",
    "0",
    "'",
    "{",
    "(",
]


def load_or_refuse(text: str) -> None:
    try:
        load(Source("x.xml", text), Settings())
    except ScenarioError as error:
        assert error.diagnostics
        assert all(one.span.line >= 1 and str(one) for one in error.diagnostics)


@pytest.mark.parametrize("name", builtin_names())
def test_a_file_that_is_cut_off_anywhere(name: str) -> None:
    text = builtin(name).text
    for end in range(0, len(text), 7):
        load_or_refuse(text[:end])


@pytest.mark.parametrize("name", BROKEN)
def test_what_sipp_refuses_is_refused_with_its_line(name: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        load(Source("x.xml", BROKEN[name]), Settings())
    assert re.match(r"x\.xml:[0-9]+:[0-9]+: error: ", str(refused.value))


@pytest.mark.parametrize("name", ODD)
def test_what_sipp_takes_is_taken(name: str) -> None:
    assert load(Source("x.xml", ODD[name]), Settings()).steps


@pytest.mark.parametrize("seed", range(4))
def test_a_file_with_anything_in_it(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(150):
        text = builtin(chance.choice(builtin_names())).text
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(text))
            text = text[:at] + chance.choice(PIECES) + text[at + chance.randrange(4) :]
        load_or_refuse(text)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.kam_lab_only("messages in the server's name")
def test_a_party_is_sent_anything(seed: int) -> None:
    chance = random.Random(seed)
    lab = Lab(text=proxy(), leaks="ignore")
    seat = Address("127.0.0.1", UAS)

    def throw() -> None:
        texts = [wire.text for wire in lab.network.delivered]
        text = chance.choice(texts)
        for _ in range(chance.randrange(6)):
            at = chance.randrange(len(text))
            text = text[:at] + chance.choice(PIECES) + text[at + chance.randrange(9) :]
        target = chance.choice([seat, Address("10.0.1.1", 5060)])
        lab.network.send(text, "udp", lab.server_address(), target)

    for step in range(60):
        lab.timers.after(0.25 + step / 20, throw)
    result = lab.sipp("uac", SippParty("uas", at=str(seat)), calls=10, settings=Settings(auto_answer=True))
    assert result["uac"].calls == 10


def test_what_is_no_sip_is_discarded(stage: Stage) -> None:
    def throw(text: str) -> None:
        stage.lab.network.send(text, "udp", stage.lab.server_address(), Address("10.0.1.1", 5060))

    for number, text in enumerate(["", "\r\n\r\n", "hello", "OPTIONS sip:a SIP/2.0\r\n\r\n"]):
        stage.lab.timers.after(0.5 + number, lambda text=text: throw(text))  # type: ignore[misc]
    result = stage.play(call('<pause milliseconds="9000"/>'), answering()).check()
    assert result["client"].warnings == [
        "what is no SIP was discarded: ''",
        "what is no SIP was discarded: 'hello'",
        "discarded, for it has no Call-ID: OPTIONS sip:a SIP/2.0",
    ]


@pytest.mark.parametrize(
    "action",
    [
        '<assignstr assign_to="b" value="1e999"/><todouble assign_to="a" variable="b"/>',
        '<assignstr assign_to="b" value="-1e999"/><todouble assign_to="a" variable="b"/>',
        '<assignstr assign_to="b" value="1e999"/><todouble assign_to="a" variable="b"/>'
        '<multiply assign_to="a" value="0"/>',
        '<sample assign_to="a" distribution="lognormal" mean="1000" stdev="1"/>',
        '<sample assign_to="a" distribution="negbin" n="1e12" p="0.5"/>',
    ],
)
def test_numbers_that_are_none(action: str, stage: Stage) -> None:
    (stage.folder / "rows.csv").write_text("SEQUENTIAL\nx\n")
    steps = (
        f"<nop><action>{action}</action></nop>",
        '<nop><action><log message="[$a] [fill variable=a] [field0 line=[$a]]"/></action></nop>',
        '<pause variable="a"/>',
        '<Reference variables="b"/>' if '"b"' in action else "",
    )
    result = stage.play(call(*steps), answering(), inject=[stage.folder / "rows.csv"])
    assert result["client"].calls == 1
    assert len(result["client"].log[0]) < 66_000


@pytest.mark.parametrize(
    "pause",
    [
        'distribution="weibull" lambda="1" k="0.00001"',
        'distribution="gpareto" shape="1000" scale="1" location="1"',
        'distribution="pareto" k="0.00001" x_m="1"',
    ],
)
def test_distributions_that_are_none(pause: str) -> None:
    with pytest.raises(ScenarioError, match=r"x\.xml:\d+:\d+: error: with these numbers there is no"):
        load(Source("x.xml", call(f"<pause {pause}/>")), Settings())


def test_numbers_of_thousands_of_digits(stage: Stage) -> None:
    many = "9" * 5000
    result = stage.play(call(), answering().replace("[last_CSeq:]", f"CSeq: {many} INVITE"))
    assert result.calls == 2
    load_or_refuse(call().replace("[branch]", f"[branch+{many}][field{many}]"))
    load_or_refuse(call().replace('response="200"', f'response="{many}"'))
