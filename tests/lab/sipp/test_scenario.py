"""Reading scenarios: what is refused, with its line, and what is let through as SIPp does."""

from __future__ import annotations

import pytest

from kamscript.lab.sipp import ScenarioError, Settings
from kamscript.lab.sipp.scenario import Kind, Scenario, builtin, builtin_names, load
from kamscript.source import Source
from tests.lab.sipp.stage import ACK, BYE, INVITE, recv, reply, request, scenario, send

WAITS = '<recv request="INVITE"/>'


def read(text: str, settings: Settings | None = None) -> Scenario:
    return load(Source("x.xml", text), settings or Settings())


def refused(text: str, settings: Settings | None = None) -> list[str]:
    """What is wrong, as `line: sentence`."""
    with pytest.raises(ScenarioError) as caught:
        read(text, settings)
    return [f"{one.span.line}: {one.message}" for one in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "1: a scenario begins with <?xml version=...?>"),
        ('<?xml version="1.0"?>\n', "2: no element in the file"),
        ('<?xml version="1.0"?>\n<scenario>\n<send>', "3: <send> is never closed"),
        ('<?xml version="1.0"?>\n<scenario>\n</send>', "3: </send> where </scenario> is due"),
        ('<?xml version="1.0"?>\n<scenario>\n</scenario>\n</scenario>', "4: </scenario> closes nothing"),
        ('<?xml version="1.0"?>\n<scenario/><scenario/>', "2: <scenario> behind </scenario>"),
        ('<?xml version="1.0"?>\n<scenario>\nhello</scenario>', "3: text outside of CDATA"),
        ('<?xml version="1.0"?>\n<scenario>\n<!-- ', "3: the comment never ends: --> is missing"),
        ('<?xml version="1.0"?>\n<scenario><send><![CDATA[', "2: the CDATA never ends: ]]> is missing"),
        ('<?xml version="1.0"?>\n<scenario>\n<recv request="A/>', "3: the value of request never ends"),
        (
            '<?xml version="1.0"?>\n<scenario>\n<recv request/>',
            "3: the attribute request has no value",
        ),
        (
            "<?xml version=\"1.0\"?>\n<scenario>\n<recv request='A'/>",
            "3: SIPp reads values in double quotes only",
        ),
        ('<?xml version="1.0"?>\n<scenario a="1"\n a="2"/>', "3: a is given twice"),
        ('<?xml version="1.0"?>\n<scenario>\n< recv/>', "3: a < that opens no tag"),
        ('<?xml version="1.0"', "1: the <?xml declaration never ends: ?> is missing"),
        ('<?xml version="1.0"?>\n<sipp/>', "2: <sipp> where <scenario> is due"),
    ],
)
def test_broken_markup_is_told_with_its_line(text: str, expected: str) -> None:
    assert [one[: len(expected)] for one in refused(text)] == [expected]


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ("<foo/>", "unknown element <foo>"),
        ("<sendCmd/>", "<sendCmd> is not played"),
        ("<recvCmd/>", "<recvCmd> is not played"),
        ('<User variables="a"/>', "<User> is not played"),
        ('<recv request="BYE" optinal="true"/>', "unknown attribute optinal of <recv>"),
        ('<recv request="BYE" optional="maybe"/>', "optional=maybe: true, false or global"),
        ("<recv/>", "<recv> takes either response or request"),
        ('<recv request="BYE" response="200"/>', "<recv> takes either response or request"),
        ('<recv response="20"/>', "a status is 100 to 699"),
        ('<recv response="2xx"/>', "response=2xx is no whole number"),
        ('<recv request="(" regexp_match="true"/>', "request: Unmatched ( or \\("),
        ('<recv request="BYE" timeout="-1"/>', "timeout cannot be negative"),
        ('<recv request="BYE" timeout="soon"/>', "timeout=soon is no number"),
        ('<recv request="BYE" rrs="perhaps"/>', "rrs=perhaps: true or false"),
        ('<recv request="BYE" advance_state="false"/>', "advance_state=false is for optional messages"),
        ('<recv request="BYE" repeat_rtd="true"/>', "repeat_rtd needs rtd"),
        ('<recv request="BYE" test="a"/>', "test needs next"),
        ('<recv request="BYE" condexec_inverse="true"/>', "condexec_inverse needs condexec"),
        ('<recv request="BYE" next="x"/>', "there is no label x"),
        ('<recv request="BYE" ontimeout="x"/>', "there is no label x"),
        ('<pause next="a" chance="2"/><label id="a"/>', "a chance is 0 to 1"),
        ('<label id="a"/><label id="a"/>', "the label a is used twice"),
        ("<send/>", "<send> needs a message in <![CDATA[ ... ]]>"),
        ("<send><![CDATA[ ]]></send>", "<send> needs a message in <![CDATA[ ... ]]>"),
        ("<timewait/><pause/>", "nothing may come behind <timewait>"),
        ('<timewait next="a"/><label id="a"/>', "<timewait> is the end: no next"),
        ('<pause milliseconds="-5"/>', "milliseconds cannot be negative"),
        ('<pause distribution="zipf"/>', "unknown distribution zipf"),
        ('<pause distribution="uniform" min="1"/>', "<pause> needs max"),
        ('<pause distribution="exponential" mean="0"/>', "mean has to be above zero"),
        ('<pause distribution="fixed" value="1e12"/>', "one pause in a hundred takes more than 24 days"),
        ("<nop><foo/></nop>", "<foo> inside <nop>: only <action> stands there"),
        ("<nop><action/><action/></nop>", "a second <action> in <nop>"),
        ("<nop><action><foo/></action></nop>", "unknown action <foo>"),
        ("<nop><action><setdest/></action></nop>", "<setdest> is not played"),
        ('<nop><action><exec command="ls"/></action></nop>', "the lab runs no shell commands"),
        ('<nop><action><exec int_cmd="stop"/></action></nop>', "int_cmd=stop: one of stop_call"),
        ("<nop><action><exec/></action></nop>", "<exec> does one thing"),
        ("<nop><action><log/></action></nop>", "<log> needs message"),
        ('<nop><action><assign assign_to="_" value="x"/></action></nop>', "value=x is no number"),
        ('<nop><action><assign assign_to="a,$b" value="1"/></action></nop>', "$b is no name of a variable"),
        ('<nop><action><divide assign_to="_" value="0"/></action></nop>', "division by zero"),
        ('<nop><action><jump value="1" variable="_"/></action></nop>', "value and variable exclude each other"),
        (
            '<nop><action><test assign_to="_" variable="_" value="1" compare="is"/></action></nop>',
            "compare=is: one of equal",
        ),
        (
            '<nop><action><strcmp variable="_" value="1" check_it="true" check_it_inverse="true"/></action></nop>',
            "check_it and check_it_inverse exclude each other",
        ),
        (
            '<nop><action><ereg regexp="a" assign_to="_"/></action></nop>',
            "there is no message here",
        ),
        (
            '<nop><action><verifyauth assign_to="_" username="a" password="b"/></action></nop>',
            "there is no message here",
        ),
        (recv("BYE", "", '<ereg regexp="(" assign_to="_"/>'), "regexp: Unmatched ( or \\("),
        (recv("BYE", "", '<ereg regexp="a" search_in="hdr" assign_to="_"/>'), 'search_in="hdr" needs header="Name:"'),
        (recv("BYE", "", '<ereg regexp="a" search_in="foo" assign_to="_"/>'), "search_in=foo: msg, hdr, body or var"),
        (recv("BYE", "", '<gettimeofday assign_to="_"/>'), "two variables are due"),
        (recv("BYE", "", '<log message="[nope]"/>'), "unknown keyword [nope]"),
        (send("[service] sip:a SIP/2.0\nA: [call_id]"), "a message begins with a method or SIP/2.0"),
        (send("SIP/2.0 [service] OK"), "[service] is no status: 100 to 699"),
        (recv("BYE", "", '<ereg regexp="(a)" assign_to="_, x"/><log message="[$x]"/>'), "' x' begins or ends with"),
        (send("[call_id] sip:a SIP/2.0"), "a message begins with a method or SIP/2.0 and a blank, written out"),
        (send("SIP/2.0 99 Low"), "99 is no status: 100 to 699"),
        (send("OPTIONS sip:a SIP/2.0\nA: [foo"), "[ that no ] closes"),
        (send("OPTIONS sip:a SIP/2.0\nA: []"), "[] holds no keyword"),
        (send("OPTIONS sip:a SIP/2.0\nA: [field0]"), "[field0] needs an injection file: -inf FILE"),
        (send("OPTIONS sip:a SIP/2.0\nA: [fill]"), "[fill] needs variable=NAME"),
        (send("OPTIONS sip:a SIP/2.0\nA: [users]"), "the lab has no [users]"),
        (send("OPTIONS sip:a SIP/2.0\n[authentication aka_K=0x1]"), "aka_K: the lab knows MD5 and SHA-256"),
        (send("OPTIONS sip:a SIP/2.0\n[authentication]\n[authentication]"), "only one [authentication]"),
        ('<nop condexec="only"/>', "the variable only occurs only here"),
        ('<Reference variables="nothing"/>', "there is no variable nothing"),
        (request("OPTIONS", attributes='start_txn="t"'), "the transaction t has no response_txn"),
        (recv(200, 'response_txn="t"'), "the transaction t is never started: no start_txn"),
        (request("OPTIONS", attributes='ack_txn="t"'), "ack_txn belongs to an ACK"),
        (reply("200 OK", attributes='start_txn="t"'), "a reply has no start_txn"),
        ('<init><recv request="A"/></init>', "<recv> in <init>: only <nop> and <label> stand there"),
        ('<ResponseTimeRepartition value="1,x"/>', "whole numbers, separated by commas"),
    ],
)
def test_what_cannot_be_played_is_refused_at_its_line(element: str, expected: str) -> None:
    found = refused(scenario(WAITS, element))
    assert any(expected in one for one in found), found
    lines = {int(one.partition(":")[0]) for one in found}
    assert min(lines) >= 3


def test_everything_wrong_is_told_at_once_in_order() -> None:
    found = refused(scenario(WAITS, "<foo/>", '<pause milliseconds="x"/>', send("OPTIONS sip:a SIP/2.0\nX: [nope]")))
    assert found == ["4: unknown element <foo>", "5: milliseconds=x is no number", "8: unknown keyword [nope]"]


def test_the_text_of_an_error_shows_the_line_and_helps() -> None:
    with pytest.raises(ScenarioError) as caught:
        read(scenario(WAITS, '  <recv request="BYE" optinal="true"/>'))
    assert str(caught.value) == (
        "x.xml:4:23: error: unknown attribute optinal of <recv> [sipp]\n"
        '   4 |   <recv request="BYE" optinal="true"/>\n'
        "     |                       ^^^^^^^\n"
        "     = hint: did you mean optional?"
    )


def test_an_optional_message_needs_a_mandatory_one_behind_it() -> None:
    found = refused(scenario(WAITS, '<recv request="ACK" optional="true"/>', "<pause/>"))
    assert found == ["4: an optional <recv> right in front of <pause>"]


def test_a_scenario_does_something() -> None:
    assert refused(scenario('<label id="a"/>')) == ["2: the scenario has no <send>, <recv>, <pause> or <nop>"]
    assert refused(scenario("<pause/>")) == ["2: the scenario neither sends nor receives"]


def test_a_variable_that_occurs_once_may_be_meant() -> None:
    read(scenario(WAITS, '<nop condexec="only"/>', '<Reference variables="only"/>'))


def test_a_preset_variable_has_to_be_there() -> None:
    found = refused(scenario(WAITS), Settings(variables={"limit": "5"}))
    assert found == ["2: -set limit: the scenario has no such variable"]


def test_sipps_own_leniency() -> None:
    text = scenario(
        "<!-- a -- b -->",
        '<recv request="INVITE">\n<action><ereg regexp="<sip:([^;@]*)&lt;?" header="To:" search_in="hdr" '
        'assign_to="_"/></action></recv>',
    )
    assert read(text).steps[0].actions


def test_a_file_of_any_encoding_is_bytes() -> None:
    text = scenario(WAITS, '<nop display="caf\u00c3\u00a9"/>')
    assert read(text).steps[1].display == "caf\u00c3\u00a9"


def test_carriage_returns_of_a_file_do_not_count() -> None:
    one, other = (
        read(text).steps[1].template for text in (scenario(WAITS, BYE), scenario(WAITS, BYE).replace("\n", "\r\n"))
    )
    assert one is not None and other is not None
    assert one._parts[0] == other._parts[0]


@pytest.mark.parametrize(("first", "client"), [(INVITE, True), (WAITS, False), ("<pause/>" + INVITE, True)])
def test_who_opens_calls_is_what_the_scenario_begins_with(first: str, client: bool) -> None:
    assert read(scenario(first, ACK)).sends_first is client


@pytest.mark.parametrize("name", builtin_names())
def test_builtin_scenarios_load(name: str) -> None:
    assert load(builtin(name), Settings()).name == name


def test_there_are_sipps_builtin_scenarios() -> None:
    assert builtin_names() == ["branchc", "branchs", "regexp", "uac", "uas"]
    with pytest.raises(ScenarioError, match="did you mean uac"):
        builtin("uacc")


def test_hiderest_hides_what_follows() -> None:
    made = read(scenario(WAITS, '<nop hiderest="true"/>', "<nop/>", '<nop hiderest="false"/>', "<nop/>"))
    assert [step.hide for step in made.steps] == [False, True, True, False, False]


def test_the_steps_of_a_scenario() -> None:
    made = read(scenario(WAITS, "<pause/>", "<nop/>", reply("200 OK"), '<timewait milliseconds="40"/>', name="n"))
    assert [step.kind for step in made.steps] == [Kind.RECV, Kind.PAUSE, Kind.NOP, Kind.SEND, Kind.PAUSE]
    assert [step.label for step in made.steps] == ["recv INVITE", "pause", "nop", "send 200", "timewait"]
    assert made.name == "n"
