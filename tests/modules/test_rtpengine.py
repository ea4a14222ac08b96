"""rtpengine: time, failures and parts that the cases judged by the daemon do not reach."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kamscript.core.rpc import RpcFault
from kamscript.lab import Lab
from kamscript.modules.rtpengine.bencode import Pairs, Value, decode, encode
from kamscript.modules.rtpengine.flags import BadFlag, Flags
from kamscript.source import MemoryReader
from kamscript.tools.examine import examine

from .script import refused

HEAD = """
listen=udp:10.0.0.254:5060
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "rtpengine.so"
"""
SOCK = 'modparam("rtpengine", "rtpengine_sock", "udp:192.0.2.1:2223=3 udp:192.0.2.2:2223")\n'
ROUTE = 'request_route { rtpengine_offer(); xlog("$rc\\n"); }\n'
SDP = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


class Engine:
    """An rtpengine of a test: `silent` for a while, `limit` to take no more calls."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.silent = False
        self.limit = False

    def __call__(self, text: str) -> str | None:
        cookie, _, body = text.partition(" ")
        request = decode(body)
        assert isinstance(request, dict)
        self.asked.append(str(request["command"]))
        if self.silent:
            return None
        if request["command"] == "ping":
            return f"{cookie} {encode({'result': 'pong'})}"
        if self.limit:
            return f"{cookie} {encode({'result': 'load limit', 'message': 'full'})}"
        return f"{cookie} {encode({'sdp': 'v=0', 'result': 'ok'})}"


def engines(text: str = SOCK + ROUTE, count: int = 2, **options: object) -> tuple[Lab, list[Engine]]:
    """A lab with rtpengines at 192.0.2.1 and so on."""
    made = [Engine() for _ in range(count)]
    services = {(f"192.0.2.{number}", 2223): engine for number, engine in enumerate(made, 1)}
    return Lab(text=HEAD + text, services=services, **options), made  # type: ignore[arg-type]


def offer(lab: Lab, call_id: str = "c1") -> str:
    """What rtpengine_offer() gives for a new call."""
    lab.send(lab.request("INVITE", "sip:bob@10.0.0.2", body=SDP, headers=[f"Call-ID: {call_id}"]))
    return lab.log.script[-1]


# -- failures and time


def test_one_that_does_not_answer_is_left_for_another() -> None:
    lab, (first, second) = engines()
    first.silent = True
    assert offer(lab) == "1"
    assert (first.asked.count("offer"), second.asked.count("offer")) == (5, 1)


def test_waiting_for_an_answer_takes_time() -> None:
    lab, (first, _) = engines()
    first.silent = True
    before = lab.now
    offer(lab)
    assert lab.now - before == 5


def test_one_that_was_down_is_pinged_again_after_rtpengine_disable_tout() -> None:
    lab, (first, _) = engines()
    first.silent = True
    offer(lab)
    first.silent, first.asked = False, []
    lab.advance(59)
    offer(lab, "c2")
    assert first.asked == []
    lab.advance(2)
    offer(lab, "c2b")
    assert first.asked[0] == "ping"


def test_when_all_are_down_they_are_tried_at_once() -> None:
    lab, both = engines()
    for engine in both:
        engine.silent = True
    assert offer(lab) == "-1"
    assert [engine.asked.count("ping") for engine in both] == [6, 6]  # one at start, five more


def test_without_aggressive_redetection_they_are_not() -> None:
    lab, both = engines('modparam("rtpengine", "aggressive_redetection", 0)\n' + SOCK + ROUTE)
    for engine in both:
        engine.silent = True
    assert offer(lab) == "-1"
    assert [engine.asked.count("ping") for engine in both] == [1, 1]


def test_one_that_is_full_passes_the_call_on() -> None:
    lab, (first, second) = engines()
    first.limit = True
    assert offer(lab) == "1"
    assert (first.asked[-1], second.asked[-1]) == ("offer", "offer")


def test_when_all_are_full_nobody_is_left() -> None:
    lab, both = engines()
    for engine in both:
        engine.limit = True
    assert offer(lab) == "-1"


def test_queried_nodes_limit() -> None:
    lab, both = engines('modparam("rtpengine", "queried_nodes_limit", 1)\n' + SOCK + ROUTE)
    for engine in both:
        engine.limit = True
    offer(lab)
    assert any("queried nodes limit reached" in line for line in lab.log.lines())
    assert sum(engine.asked.count("offer") for engine in both) == 1


def test_a_call_stays_with_its_rtpengine() -> None:
    lab, both = engines()
    for _ in range(4):
        offer(lab, "same")
    assert sorted(engine.asked.count("offer") for engine in both) == [0, 4]


def test_calls_are_forgotten_after_hash_table_tout() -> None:
    lab, _ = engines('modparam("rtpengine", "hash_table_tout", 60)\n' + SOCK + ROUTE)
    offer(lab)
    lab.advance(61)
    offer(lab, "c2")
    assert lab.rpc("rtpengine.get_hash_total") == 1


def test_with_rtpengine_allow_op_a_call_stays_when_its_rtpengine_is_disabled_by_hand() -> None:
    lab, (first, _) = engines('modparam("rtpengine", "rtpengine_allow_op", 2)\n' + SOCK + ROUTE)
    offer(lab)
    lab.rpc("rtpengine.enable", "udp:192.0.2.1:2223", 0)
    assert (offer(lab), first.asked.count("offer")) == ("1", 2)


def test_the_config_framework_changes_the_timeout() -> None:
    lab, both = engines('loadmodule "cfg_rpc.so"\n' + SOCK + ROUTE)
    for engine in both:
        engine.silent = True
    lab.rpc("cfg.set_now_int", "rtpengine", "rtpengine_retr", 1)
    lab.rpc("cfg.set_now_int", "rtpengine", "rtpengine_tout_ms", 100)
    before = lab.now
    offer(lab)
    assert lab.now - before == pytest.approx(0.4)


def test_pings_of_6_x() -> None:
    lab, (first, _) = engines('modparam("rtpengine", "ping_interval", 10)\n' + SOCK + ROUTE, target="6.x")
    lab.advance(35)
    assert first.asked == ["ping"] * 4


def test_a_via_branch_of_6_x() -> None:
    lab = Lab(text=HEAD + SOCK + 'request_route { rtpengine_offer("replace-origin", "b-1"); }\n', target="6.x")
    lab.send(lab.request("INVITE", "sip:bob@10.0.0.2", body=SDP))
    assert lab.doubles.rtpengine.calls[0].flags == "replace-origin via-branch=b-1"


SUBSCRIBED: dict[str, Value] = {
    "sdp": "v=0",
    "to-tag": "new",
    "tag-medias": [{"tag": "a", "medias": [{"label": "1"}, {"label": "2"}]}, {"tag": "b", "medias": [{"label": "x"}]}],
    "result": "ok",
}


def test_subscriptions_of_6_x() -> None:
    seen: list[dict[str, Value]] = []

    def answer(text: str) -> str:
        cookie, _, body = text.partition(" ")
        request = decode(body)
        assert isinstance(request, dict)
        seen.append(request)
        pong: dict[str, Value] = {"result": "pong"}
        return f"{cookie} {encode(pong if request['command'] == 'ping' else SUBSCRIBED)}"

    script = """
    rtpengine_subscribe_request("all from-tags=x from-tags=y", "$var(sdp)", "$avp(tag)", "streams");
    xlog("$rc $var(sdp) $avp(tag) $xavp(streams=>tag) $xavp(streams[1]=>label) $xavp(streams[1]=>label[1])\\n");
    rtpengine_subscribe_answer("to-tag=new"); xlog("$rc\\n");
    rtpengine_unsubscribe("to-tag=new"); xlog("$rc\\n");
    rtpengine_connect("to-call-id=other"); xlog("$rc\\n");
    """
    services = {(f"192.0.2.{number}", 2223): answer for number in (1, 2)}
    lab = Lab(text=HEAD + SOCK + f"request_route {{ {script} }}\n", services=services, target="6.x")
    lab.send(lab.request("INVITE", "sip:bob@10.0.0.2", body=SDP))
    assert lab.log.script == ["1 v=0 new b 2 1", "1", "1", "1"]
    request, said, ended, connected = (one for one in seen if one["command"] != "ping")
    assert (request["flags"], request["from-tags"], "sdp" in request, "from-tag" in request) == (
        ["all"],
        ["x", "y"],
        False,
        False,
    )
    assert (said["command"], said["to-tag"], said["sdp"]) == ("subscribe answer", "new", SDP)
    assert (ended["command"], ended["to-tag"]) == ("unsubscribe", "new")
    assert (connected["command"], connected["to-call-id"]) == ("connect", "other")


# -- databases


ROWS = {
    "rtpengine": [{"setid": 0, "url": "udp:192.0.2.1:2223"}, {"setid": 0, "url": "udp:192.0.2.2:2223", "disabled": 1}]
}
DATABASE = 'loadmodule "db_sqlite.so"\nmodparam("rtpengine", "db_url", "sqlite:///k.db")\n' + ROUTE


def test_sets_come_from_a_database() -> None:
    lab, (first, second) = engines(DATABASE, database=ROWS)
    shown = lab.rpc("rtpengine.show", "all")
    assert [(one["url"], one["disabled"]) for one in shown] == [
        ("udp:192.0.2.1:2223", 0),
        ("udp:192.0.2.2:2223", "1(permanent)"),
    ]
    assert (first.asked, second.asked) == (["ping"], [])


def test_reload_takes_rows_over() -> None:
    lab, (_, second) = engines(DATABASE, database=ROWS)
    lab.database().raw("DELETE FROM rtpengine WHERE disabled = 0")
    lab.database().raw("UPDATE rtpengine SET disabled = 0")
    lab.advance(10)
    lab.rpc("rtpengine.reload")
    assert [one["url"] for one in [lab.rpc("rtpengine.show", "all")]] == ["udp:192.0.2.2:2223"]
    assert (offer(lab), second.asked[-1]) == ("1", "offer")


def test_reload_is_not_done_too_often() -> None:
    lab, _ = engines(DATABASE, database=ROWS)
    with pytest.raises(RpcFault, match="Too short reload interval"):
        lab.rpc("rtpengine.reload")


# -- parameters


def test_sha1_needs_crypto() -> None:
    assert "Crypto module" in refused("exit;", modules="rtpengine", before='modparam("rtpengine", "hash_algo", 1)')


def test_without_sets_there_is_nobody_to_ask() -> None:
    lab, _ = engines(ROUTE)
    assert offer(lab) == "-1"
    assert any("script error - no valid set selected" in line for line in lab.log.lines())


# -- bencoding and flags

values = st.recursive(
    st.integers() | st.text(st.characters(max_codepoint=255)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(max_codepoint=255)), inner),
    max_leaves=6,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(values)
def test_what_is_encoded_is_decoded_again(value: Value) -> None:
    assert decode(encode(value)) == value


@given(st.text(st.characters(max_codepoint=255)))
def test_any_text_is_decoded_or_is_none(text: str) -> None:
    decode(text)


@pytest.mark.parametrize("text", ["", "i", "ie", "i1", "l", "d", "di1ei2ee", "3:ab", "-1:a", ":", "x", "l" * 100])
def test_what_is_no_bencoding(text: str) -> None:
    assert decode(text) is None


def test_members_keep_their_order_and_may_come_twice() -> None:
    assert encode(Pairs([("b", 1), ("a", "x"), ("b", [])])) == "d1:bi1e1:a1:x1:blee"


@given(st.text(st.sampled_from("ab =-/12 replace SRTP via-branch"), max_size=40))
def test_flags_are_taken_or_refused(text: str) -> None:
    flags = Flags("c", "f", "t")
    try:
        flags.read(text, offer=True)
    except BadFlag as error:
        assert str(error).startswith("error processing flag")


@pytest.mark.parametrize("module", ["rtpengine", "rtpproxy"])
def test_check_does_not_know_the_sets_in_a_table(module: str) -> None:
    call = "set_rtpengine_set" if module == "rtpengine" else "set_rtp_proxy_set"
    text = (
        f'loadmodule "db_mysql.so"\nloadmodule "{module}.so"\nmodparam("{module}", "db_url", "mysql://k:k@db/k")\n'
        f'request_route {{ {call}("3"); }}\n'
    )
    assert examine("kamailio.cfg", MemoryReader({"kamailio.cfg": text})) == []


@pytest.mark.parametrize(
    "url", ["udp:localhost:2223", "udp:relay.example.com", "udp6:[2001:db8::1]:2223", "udp:10.0.0.9:"]
)
def test_the_ready_double_answers_at_any_address(url: str) -> None:
    lab = Lab(text=HEAD + f'modparam("rtpengine", "rtpengine_sock", "{url}")\n' + ROUTE)
    assert offer(lab) == "1"
    assert lab.doubles.rtpengine.operations == ["offer"]
