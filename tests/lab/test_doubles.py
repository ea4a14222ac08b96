"""Doubles that a test sets: of functions, routes and pseudo-variables, simulated or not."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.lab import Lab
from kamscript.source import ConfigError

CONFIG = """
listen=udp:127.0.0.1:5060
alias="example.com"
flags FLT_VIP:3
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "xlog.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "utils.so"
loadmodule "geoip2.so"
request_route {
    if (!route(AUTH)) exit;
    http_query("http://billing/$fU", "$var(answer)");
    if ($rc == 200) {
        xlog("billing says $var(answer)\\n");
    } else {
        sl_send_reply("402", "Pay $rU");
        exit;
    }
    if (is_method("INVITE") && search("^X-Account")) xlog("account\\n");
    if (isflagset(FLT_VIP)) xlog("vip\\n");
    xlog("$gip2(src=>cc) $hdr(X-Zone) $(hdr(X-Zone){s.len})\\n");
    append_hf("X-Zone: $hdr(X-Zone)\\r\\n");
    sethost("10.0.0.1");
}
route[AUTH] {
    xlog("checking\\n");
    return 1;
}
"""


@pytest.fixture
def lab() -> Lab:
    return Lab(text=CONFIG)


@pytest.fixture
def invite(lab: Lab) -> str:
    return lab.request("INVITE", "bob")


# -- what a double gives ----------------------------------------------------------------------------------------------
def test_a_value(lab: Lab, invite: str) -> None:
    lab.double("http_query", 200)
    assert "billing says 0" in lab.route("", invite).said


def test_values_in_turn(lab: Lab, invite: str) -> None:
    lab.double("http_query", [200, 402])
    assert [lab.route("", invite).replies for _ in range(2)] == [[], ["402 Pay bob"]]
    lab.doubles.verify()


def test_a_callable_gets_the_arguments(lab: Lab, invite: str) -> None:
    lab.double("http_query", lambda call, url, result: 200 if url == "http://billing/alice" else 500)
    assert lab.route("", invite).replies == []


def test_a_callable_writes_the_variable_that_it_was_given(lab: Lab, invite: str) -> None:
    def query(call: Any, url: str, result: Any) -> int:
        call[1] = "fine"
        return 200

    lab.double("http_query", query)
    assert "billing says fine" in lab.route("", invite).said


def test_a_callable_reads_and_writes_pseudo_variables(lab: Lab, invite: str) -> None:
    def query(call: Any, url: str, result: Any) -> int:
        call["$var(answer)"] = f"hello {call['$rU']}"
        return 200

    lab.double("http_query", query)
    assert "billing says hello bob" in lab.route("", invite).said


def test_statements_of_the_config_language(lab: Lab, invite: str) -> None:
    lab.double("http_query", '$var(answer) = $rU + "!"; setflag(FLT_VIP); route(AUTH); return 200;')
    assert lab.route("", invite).said[:4] == ["checking", "checking", "billing says bob!", "vip"]


def test_exit_in_statements_ends_the_script(lab: Lab, invite: str) -> None:
    lab.double("http_query", "exit;")
    run = lab.route("", invite)
    assert (run.exited, run.said) == (True, ["checking"])


def test_zero_ends_the_script(lab: Lab, invite: str) -> None:
    lab.double("http_query", 0)
    assert lab.route("", invite).exited


def test_arguments_choose_among_doubles(lab: Lab) -> None:
    lab.double("http_query", 402, optional=True)
    lab.double("http_query", 200, args=("http://billing/carl", ...))
    calls = [lab.route("", lab.request("INVITE", "bob", caller=name)).replies for name in ("carl", "alice")]
    assert calls == [[], ["402 Pay bob"]]


# -- what is simulated ------------------------------------------------------------------------------------------------
@pytest.fixture
def paid(lab: Lab) -> Lab:
    lab.double("http_query", 200)
    return lab


def test_a_simulated_function(paid: Lab, invite: str) -> None:
    paid.double("append_hf", 1)
    assert "X-Zone" not in paid.route("", invite).text


def test_a_function_that_only_says_yes_or_no(paid: Lab, invite: str) -> None:
    asked = paid.double("search", True)
    assert "account" in paid.route("", invite).said
    asked.called_once_with("^X-Account")


def test_its_zero_ends_the_script(paid: Lab, invite: str) -> None:
    paid.double("search", 0)
    run = paid.route("", invite)
    assert (run.exited, run.said) == (True, ["checking", "billing says 0"])


def test_a_command_of_the_core(paid: Lab, invite: str) -> None:
    host = paid.double("sethost", 1)
    assert paid.route("", invite)["$rd"] == "example.com"
    host.called_once_with("10.0.0.1")


def test_arguments_are_expanded(paid: Lab, invite: str) -> None:
    header = paid.double("append_hf", 1)
    paid.route("", invite)
    assert header.calls == [("X-Zone: <null>\r\n",)]


def test_looking_on(paid: Lab, invite: str) -> None:
    header = paid.double("append_hf", lambda call, text: call.real())
    assert "X-Zone: <null>\r\n" in paid.route("", invite).text
    assert header.count == 1


def test_other_servers_do_not_notice(paid: Lab, invite: str) -> None:
    paid.double("append_hf", 1)
    other = Lab(text=CONFIG)
    other.double("http_query", 200)
    assert "X-Zone" in other.route("", invite).text


def test_a_double_can_be_taken_back(paid: Lab, invite: str) -> None:
    paid.double("append_hf", 1)
    paid.doubles.remove("append_hf")
    assert "X-Zone" in paid.route("", invite).text


# -- routes and pseudo-variables --------------------------------------------------------------------------------------
def test_a_route(paid: Lab, invite: str) -> None:
    auth = paid.double("route[AUTH]", False)
    run = paid.route("", invite)
    assert (run.exited, run.said, auth.count) == (True, [], 1)


def test_a_variable_that_nothing_simulates(paid: Lab, invite: str) -> None:
    paid.double("$gip2(src=>cc)", "NO")
    assert paid.route("", invite).said[-1].startswith("NO ")


def test_a_simulated_variable(paid: Lab, invite: str) -> None:
    paid.double("$hdr(X-Zone)", "north")
    run = paid.route("", invite)
    assert run.said[-1].endswith("north 5")
    assert "X-Zone: north\r\n" in run.text


def test_its_other_names_stay_what_they_are(paid: Lab) -> None:
    paid.double("$hdr(X-Other)", "x", optional=True)
    run = paid.route("", paid.request("INVITE", "bob", headers=["X-Zone: south"]))
    assert run.said[-1].endswith("south 5")


# -- what was called --------------------------------------------------------------------------------------------------
def test_calls_are_recorded(lab: Lab, invite: str) -> None:
    query = lab.double("http_query", 200)
    lab.route("", invite)
    assert query.calls == [("http://billing/alice", "0")]
    assert (query.last.where, query.last.result) == ("kamailio.cfg:15", 200)
    assert query.called_once_with("http://billing/alice", ...)


def test_a_wrong_expectation_shows_the_calls(lab: Lab, invite: str) -> None:
    query = lab.double("http_query", 200)
    lab.route("", invite)
    with pytest.raises(AssertionError) as caught:
        query.called_once_with("http://billing/carl", ...)
    assert str(caught.value) == (
        'http_query was to be called once with ("http://billing/carl", ...), but was:\n'
        '  1. http_query("http://billing/alice", "0") at kamailio.cfg:15, INVITE sip:bob@example.com SIP/2.0'
    )


def test_a_double_that_is_not_called(lab: Lab) -> None:
    query = lab.double("http_query", 200)
    assert query.not_called()
    with pytest.raises(AssertionError, match="was never called"):
        query.called_with("x")


# -- the end of a test ------------------------------------------------------------------------------------------------
def problems(lab: Lab) -> list[str]:
    with pytest.raises(AssertionError) as caught:
        lab.verify()
    return str(caught.value).split("\n")


def test_a_double_that_was_never_needed(lab: Lab) -> None:
    lab.double("http_query", 200)
    assert problems(lab) == ["the double of http_query was never needed: drop it, or say optional=True"]


def test_an_optional_double_may_not_be_needed(lab: Lab) -> None:
    lab.double("http_query", 200, optional=True)
    lab.verify()


def test_a_list_that_was_not_used_up(lab: Lab, invite: str) -> None:
    lab.double("http_query", [200, 200])
    lab.route("", invite)
    assert problems(lab)[0] == "the double of http_query was needed 1 times, not 2:"


def test_a_list_that_was_too_short(lab: Lab, invite: str) -> None:
    lab.double("http_query", [200])
    lab.route("", invite)
    assert lab.route("", invite).replies == ["402 Pay bob"]
    assert problems(lab) == [
        'http_query("http://billing/alice", "0") was called once more than its double allows (a list of 1)'
        " at kamailio.cfg:15"
    ]


def test_a_function_that_nobody_answers_for(lab: Lab, invite: str) -> None:
    assert lab.route("", invite).replies == ["402 Pay bob"]
    assert problems(lab) == [
        "http_query() of module utils was called: kamscript does not simulate it, so say what it gives: "
        'lab.double("http_query", ...)'
    ]


def test_lenient_doubles_count_as_done(invite: str) -> None:
    lab = Lab(text=CONFIG, doubles="lenient")
    lab.route("", invite)
    assert lab.doubles.missing == ["utils: http_query()"]
    assert any("it counts as done" in line for line in lab.log.lines("WARNING"))
    lab.verify()


# -- what goes wrong --------------------------------------------------------------------------------------------------
def test_what_a_callable_raises_reaches_the_test(lab: Lab, invite: str) -> None:
    def query(call: Any, url: str, result: Any) -> int:
        raise AssertionError(f"unexpected {url}")

    lab.double("http_query", query)
    with pytest.raises(AssertionError, match="unexpected http://billing/alice"):
        lab.route("", invite)


def test_it_reaches_a_test_with_phones_too(lab: Lab) -> None:
    def query(call: Any, url: str, result: Any) -> int:
        raise KeyError("x")

    lab.double("http_query", query)
    with pytest.raises(KeyError):
        lab.phone("alice").call("bob")


def test_a_callable_with_other_arguments(lab: Lab, invite: str) -> None:
    lab.double("http_query", lambda call, url: 1)
    with pytest.raises(TypeError) as caught:
        lab.route("", invite)
    assert str(caught.value) == (
        "the double of http_query is called as (call, 2 arguments), its callable takes (call, url) at kamailio.cfg:15"
    )


def test_arguments_that_no_double_is_for(lab: Lab, invite: str) -> None:
    lab.double("http_query", 200, args=("http://billing/carl", ...), optional=True)
    with pytest.raises(AssertionError, match=r"no double of http_query is for .*\n.*carl"):
        lab.route("", invite)


@pytest.mark.parametrize(
    ("name", "result", "told"),
    [
        ("http_quer", 1, "there is no function http_quer(); did you mean http_query?"),
        ("t_relay", 1, "this config never calls t_relay(); say optional=True if that is fine"),
        ("ds_select_dst", 1, "this config never calls ds_select_dst(), which module dispatcher has"),
        ("isflagset", 1, "is compiled into the routes"),
        ("route[NOPE]", 1, "the config has no route[NOPE]"),
        ("rout[AUTH]", 1, "rout[AUTH] names no route"),
        ("$var(x)", 1, "is a variable of the config"),
        ("$si", "10.0.0.1", "is read from the message itself"),
        ("$gip2(src=>cc)", 1.5, "is an integer, a text or None, not 1.5"),
        ("append_hf", 1.5, "gives an integer, True, False or None"),
    ],
)
@pytest.mark.kam_lab_only("doubles")
def test_what_cannot_be_doubled_is_told(lab: Lab, name: str, result: Any, told: str) -> None:
    with pytest.raises(ValueError) as caught:
        lab.double(name, result)
    assert told in str(caught.value)


@pytest.mark.kam_lab_only("doubles")
def test_statements_that_kamailio_would_not_take(lab: Lab) -> None:
    with pytest.raises(ConfigError, match=r"double of append_hf:2:1: error: unknown function nope"):
        lab.double("append_hf", 'xlog("fine\\n");\nnope();')


@pytest.mark.kam_lab_only("doubles")
def test_an_unknown_mode_is_told() -> None:
    with pytest.raises(ValueError, match="say one of strict, lenient"):
        Lab(text=CONFIG, doubles="nice")


def test_a_call_writes_no_constant(lab: Lab, invite: str) -> None:
    def write(call: Any, url: str, result: Any) -> int:
        call[0] = "x"
        return 1

    lab.double("http_query", write)
    with pytest.raises(ValueError, match=r"argument 1 of .* is no pseudo-variable"):
        lab.route("", invite)


@pytest.mark.kam_lab_only("doubles")
def test_an_error_in_statements_is_shown_in_what_the_test_wrote(lab: Lab) -> None:
    with pytest.raises(ConfigError) as caught:
        lab.double("append_hf", "$var(x) = ;")
    assert str(caught.value).startswith(
        "double of append_hf:1:11: error: unexpected ; [syntax]\n   1 | $var(x) = ;\n     |           ^"
    )
