"""The ready doubles: HTTP, media relays, the shell, Redis, DNS."""

from __future__ import annotations

from typing import Any

import pytest

from kamscript.lab import Lab
from kamscript.lab.ready.http import HttpRequest

HEAD = """
listen=udp:127.0.0.1:5060
alias="example.com"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "xlog.so"
"""


def lab_of(modules: str, script: str) -> Lab:
    """A lab with modules that nothing simulates, and a main route."""
    loads = "".join(f'loadmodule "{name}.so"\n' for name in modules.split())
    return Lab(text=HEAD + loads + script)


def problems(lab: Lab) -> str:
    with pytest.raises(AssertionError) as caught:
        lab.verify()
    return str(caught.value)


# -- HTTP -------------------------------------------------------------------------------------------------------------
HTTP = """
modparam("http_client", "httpcon", "billing=>http://user:pw@billing.test/api;timeout=2")
request_route {
    switch ($rU) {
        case "post":
            http_client_query("http://a.test/x", "k=v", "X-Key: 1", "$var(r)");
            break;
        case "connect":
            http_connect("billing", "/check", "application/json", "{}", "$var(r)");
            break;
        case "other":
            http_connect("nobody", "/", "$var(r)");
            break;
        default:
            http_client_query("http://a.test/$rU", "$var(r)");
    }
    xlog("$rc [$var(r)] $curlerror(28)\\n");
}
"""


@pytest.fixture
def web() -> Lab:
    return lab_of("http_client", HTTP)


def asked(lab: Lab, user: str) -> str:
    return lab.route("", lab.request("INVITE", user)).said[-1]


def test_http_gives_status_and_first_line(web: Lab) -> None:
    web.doubles.http.answer("http://a.test/*", "one\ntwo", status=404)
    assert asked(web, "bob") == "404 [one] Timeout was reached"
    web.verify()


def test_http_records_what_was_asked(web: Lab) -> None:
    web.doubles.http.answer("http://a.test/x", method="POST")
    asked(web, "post")
    (request,) = web.doubles.http.requests
    assert (request.method, request.body, request.header("x-key"), request.via) == (
        "POST",
        "k=v",
        "1",
        "http_client_query",
    )


def test_http_goes_to_a_named_connection(web: Lab) -> None:
    web.doubles.http.answer("http://billing.test/api/check", json={"ok": True})
    assert asked(web, "connect").startswith('200 [{"ok": true}]')
    assert web.doubles.http.requests[0].header("content-type") == "application/json"


def test_http_knows_no_other_connection(web: Lab) -> None:
    assert web.doubles.http.requests == []
    assert asked(web, "other").startswith("-1 ")


def test_the_newest_answer_that_fits_is_given(web: Lab) -> None:
    http = web.doubles.http
    http.answer("*", "first", status=200)
    http.answer("http://a.test/*", "once", status=201, times=1)
    assert [asked(web, "bob")[:3] for _ in range(2)] == ["201", "200"]


def test_an_answer_may_be_made(web: Lab) -> None:
    def made(request: HttpRequest) -> tuple[int, str]:
        return 403, request.url.rpartition("/")[2]

    web.doubles.http.answer("*", made)
    assert asked(web, "bob").startswith("403 [bob]")


@pytest.mark.parametrize(("error", "number"), [("refused", 7), ("resolve", 6), ("certificate", 60)])
def test_http_fails_as_curl_does(web: Lab, error: str, number: int) -> None:
    web.doubles.http.fail("*", error)
    assert asked(web, "bob").startswith(f"{number} []")


def test_a_timeout_takes_its_time(web: Lab) -> None:
    web.doubles.http.fail("*", "timeout")
    before = web.now
    assert asked(web, "bob").startswith("28 []")
    assert web.now - before == 4


def test_a_request_that_nobody_answers_fails_the_test(web: Lab) -> None:
    web.doubles.http.answer("http://b.test/*", optional=True)
    asked(web, "bob")
    told = "no answer is set for GET http://a.test/bob (http_client_query); those set:\n  * http://b.test/*"
    assert problems(web) == told


def test_an_answer_that_nobody_asked_for_fails_the_test(web: Lab) -> None:
    web.doubles.http.answer("http://b.test/*", method="PUT")
    assert problems(web).startswith("nobody asked for the HTTP answer PUT http://b.test/*")


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda http: http.answer(status=99), "99 is no HTTP status"),
        (lambda http: http.fail("*", "slow"), "HTTP fails with one of protocol, url, resolve, refused"),
    ],
)
def test_bad_answers_are_told(web: Lab, act: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        act(web.doubles.http)


ASYNC = """
request_route {
    if ($rU == "plain") {
        http_async_query("http://api.test/x", "DONE");
        xlog("went on\\n");
        exit;
    }
    t_newtran();
    $http_req(method) = "PUT";
    $http_req(hdr) = "X-A: 1";
    $http_req(hdr) = "X-B: 2";
    $http_req(body) = "hi";
    $http_req(timeout) = 2000;
    http_async_query("http://api.test/$fU", "DONE");
}
route[DONE] {
    xlog("$http_ok $http_rs $http_rr $http_hdr(X-Zone) $http_bs $http_err\\n");
    if ($http_rs == 200) t_reply("486", "Busy");
    else t_reply("503", "Down");
}
"""


def test_an_asynchronous_query_goes_on_in_its_route() -> None:
    lab = lab_of("http_async_client", ASYNC)
    lab.doubles.http.answer("http://api.test/alice", "ok", method="PUT", headers={"X-Zone": "n"})
    call = lab.phone("alice").call("bob")
    assert call.status == 486
    (request,) = lab.doubles.http.requests
    form = "Content-Type: application/x-www-form-urlencoded"
    assert (request.headers, request.body) == (("X-A: 1", "X-B: 2", form), "hi")
    assert lab.log.script == ["1 200 OK n 2 <null>"]


def test_an_asynchronous_answer_comes_later() -> None:
    lab = lab_of("http_async_client", ASYNC)
    lab.doubles.http.answer("*", delay=1.5)
    call = lab.phone("alice").call("bob")
    assert call.status == 0
    before = lab.now
    lab.wait(lambda: call.status)
    assert (call.status, lab.now - before) == (486, 1.5)


def test_an_asynchronous_query_times_out() -> None:
    lab = lab_of("http_async_client", ASYNC)
    lab.doubles.http.answer("*", delay=5)
    call = lab.phone("alice").call("bob")
    lab.wait(lambda: call.status)
    assert call.status == 503
    assert lab.log.script == ["0 <null> <null> <null> <null> TIMEOUT"]


def test_without_a_transaction_the_route_runs_by_itself() -> None:
    lab = lab_of("http_async_client", ASYNC)
    lab.doubles.http.answer("*")
    lab.send(lab.request("MESSAGE", "plain"))
    assert lab.log.script == ["went on", "1 200 OK <null> 0 <null>"]


# -- media relays -----------------------------------------------------------------------------------------------------
RELAY = """
modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:2223")
request_route {
    rtpengine_manage("replace-origin ICE=remove RTP/AVP");
    t_on_reply("MEDIA");
    t_on_failure("GONE");
    t_relay();
}
onreply_route[MEDIA] { rtpengine_manage(); }
failure_route[GONE] { rtpengine_manage(); }
"""


@pytest.fixture
def relay() -> Lab:
    return lab_of("rtpengine", RELAY)


def test_rtpengine_puts_itself_between_the_phones(relay: Lab) -> None:
    rtpengine = relay.doubles.rtpengine
    alice, bob = relay.phone("alice"), relay.phone("bob")
    call = alice.call("sip:bob@10.0.0.2")
    bob.call_waiting.answer()
    assert call.state == "confirmed"
    assert [said.operation for said in rtpengine.calls] == ["offer", "answer"]
    offer = rtpengine.calls[0]
    assert (offer.flags, "c=IN IP4 10.0.0.1" in offer.sdp) == ("ICE=remove replace-origin RTP/AVP", True)
    assert "c=IN IP4 203.0.113.10\r\n" in offer.relayed
    assert "m=audio 30000 RTP/AVP 0 8" in offer.relayed
    assert "m=audio 30002 RTP/AVP 0 8" in rtpengine.calls[1].relayed
    call.hangup()
    assert (rtpengine.operations[-1], rtpengine.sessions) == ("delete", {})


def test_the_callee_gets_the_relayed_offer(relay: Lab) -> None:
    offers = relay.doubles.rtpengine.calls
    alice, bob = relay.phone("alice"), relay.phone("bob")
    alice.call("sip:bob@10.0.0.2")
    assert bob.expect("INVITE").body == offers[0].relayed


def test_a_rejected_call_has_no_session(relay: Lab) -> None:
    rtpengine = relay.doubles.rtpengine
    alice, bob = relay.phone("alice"), relay.phone("bob")
    alice.call("sip:bob@10.0.0.2")
    bob.call_waiting.reject(486)
    assert rtpengine.sessions == {}


def test_an_rtpengine_that_is_down(relay: Lab) -> None:
    relay.doubles.rtpengine.down = True
    body = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    run = relay.route("", relay.request("INVITE", "sip:bob@10.0.0.2", body=body))
    assert "c=IN IP4 10.0.0.1" in run.requests[0].body
    assert "no available proxies" in [record.text for record in run.log]


SDP = (
    "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n"
    "m=audio 4000 RTP/SAVP 0\r\nc=IN IP4 10.0.0.1\r\n"
    "a=rtcp:4001\r\na=candidate:1 1 UDP 1 10.0.0.1 4000 typ host\r\nm=video 0 RTP/SAVP 96\r\n"
)


def test_every_stream_is_rewritten(relay: Lab) -> None:
    rtpengine = relay.doubles.rtpengine
    relay.route("", relay.request("INVITE", "sip:bob@10.0.0.2", body=SDP))
    assert rtpengine.calls[0].relayed == (
        "v=0\r\no=- 1 1 IN IP4 203.0.113.10\r\ns=-\r\nc=IN IP4 203.0.113.10\r\nt=0 0\r\n"
        "m=audio 30000 RTP/AVP 0\r\nc=IN IP4 203.0.113.10\r\n"
        "a=rtcp:30001\r\nm=video 0 RTP/SAVP 96\r\n"
    )


def test_rtpproxy_does_the_same() -> None:
    sock = 'modparam("rtpproxy", "rtpproxy_sock", "udp:127.0.0.1:7722")\n'
    lab = lab_of("rtpproxy", sock + "request_route { rtpproxy_offer(); t_relay(); }")
    assert lab.doubles.rtpproxy.calls == []
    body = SDP.partition("m=video")[0]
    run = lab.route("", lab.request("INVITE", "sip:bob@10.0.0.2", body=body))
    assert "m=audio 30000 RTP/SAVP 0\r\nc=IN IP4 203.0.113.10\r\n" in run.requests[0].body
    assert [(call.operation, call.relayed) for call in lab.doubles.rtpproxy.calls] == [("offer", "30000")]


# -- the shell --------------------------------------------------------------------------------------------------------
SHELL = """
request_route {
    if ($rU == "dset") {
        exec_dset("lcr -p");
        exit;
    }
    if ($rU == "core") {
        exec("date");
        exit;
    }
    if (exec_avp("who $fU", "$avp(a);$avp(b)")) xlog("$avp(a) $avp(b)\\n");
    if (!exec_msg("log")) xlog("not logged\\n");
}
"""


@pytest.fixture
def shell() -> Lab:
    return lab_of("exec", SHELL)


def test_lines_become_avps(shell: Lab) -> None:
    run = shell.doubles.exec
    run.answer("who *", "one\n\ntwo \n")
    run.answer("log", status=3)
    assert shell.route("", shell.request("INVITE", "bob")).said == ["one two", "not logged"]
    assert run.commands[0].line == "who alice"
    assert run.commands[1].input.startswith("INVITE sip:bob@example.com")
    shell.verify()


def test_lines_become_destinations(shell: Lab) -> None:
    shell.doubles.exec.answer("lcr -p *", "sip:a@10.0.0.8\nsip:b@10.0.0.9\n")
    run = shell.route("", shell.request("INVITE", "dset"))
    assert (run["$ru"], run.branches) == ("sip:a@10.0.0.8", ["sip:b@10.0.0.9"])
    assert shell.doubles.exec.commands[0].line == "lcr -p 'sip:dset@example.com'"


def test_the_core_runs_commands_too(shell: Lab) -> None:
    shell.doubles.exec.answer("date")
    shell.route("", shell.request("INVITE", "core"))
    assert [command.via for command in shell.doubles.exec.commands] == ["exec"]


def test_a_command_that_nobody_knows_fails_the_test(shell: Lab) -> None:
    shell.doubles.exec.answer("who *")
    shell.route("", shell.request("INVITE", "bob"))
    assert problems(shell).startswith("exec_msg() ran a command that the lab does not know: log; say what it does")


def test_an_answer_that_nobody_needed_fails_the_test(shell: Lab) -> None:
    shell.doubles.exec.answer("date")
    assert problems(shell) == "nobody ran date: drop the answer, or say optional=True"


# -- Redis ------------------------------------------------------------------------------------------------------------
REDIS = """
modparam("ndb_redis", "server", "name=one;addr=127.0.0.1;port=6379;db=0")
modparam("ndb_redis", "server", "name=two;addr=127.0.0.1;port=6380;db=0")
request_route {
    if ($rU == "pipe") {
        redis_pipe_cmd("one", "SET a %s", "1 2", "x");
        redis_pipe_cmd("one", "GET a", "y");
        redis_execute("one");
        xlog("$redis(x=>info) $redis(y=>value)\\n");
        exit;
    }
    if ($rU == "none") {
        if (!redis_cmd("three", "GET a", "r")) xlog("no server\\n");
        exit;
    }
    redis_cmd("one", "INCR calls:$fU", "r");
    xlog("$redis(r=>value) $redis(r=>type) $redisd(rpl_int)\\n");
    redis_cmd("one", "EXPIRE calls:$fU 60", "r");
    redis_cmd("one", "HMGET user:$fU limit nope", "r");
    xlog("$redis(r=>size) $redis(r=>value[0]) $redis(r=>value[1]) $redis(r=>type[1])\\n");
    redis_cmd("one", "NOSUCH", "r");
    xlog("$redis(r=>type)\\n");
    redis_free("r");
    xlog("$redis(r=>value)\\n");
}
"""


@pytest.fixture
def redis() -> Lab:
    return lab_of("ndb_redis", REDIS)


def test_redis_keeps_what_the_config_writes(redis: Lab) -> None:
    redis.doubles.redis["user:alice"] = {"limit": 2}
    run = redis.route("", redis.request("INVITE", "bob"))
    assert run.said == ["1 3 3", "2 2 <null> 4", "6", "<null>"]
    assert redis.doubles.redis["calls:alice"] == "1"
    assert redis.doubles.redis.commands[0] == ["INCR", "calls:alice"]


def test_keys_expire_on_the_labs_clock(redis: Lab) -> None:
    store = redis.doubles.redis
    redis.route("", redis.request("INVITE", "bob"))
    redis.advance(59)
    assert "calls:alice" in store
    redis.advance(1)
    assert "calls:alice" not in store


def test_commands_in_a_pipe(redis: Lab) -> None:
    assert redis.doubles.redis.server("one").data == {}
    assert redis.route("", redis.request("INVITE", "pipe")).said == ["OK 1 2"]


def test_a_server_that_the_config_lacks(redis: Lab) -> None:
    assert redis.doubles.redis.names == ["one", "two"]
    assert redis.route("", redis.request("INVITE", "none")).said == ["no server"]
    with pytest.raises(LookupError, match="no Redis server three, but one, two"):
        redis.doubles.redis.server("three")


def test_a_server_that_is_down(redis: Lab) -> None:
    redis.doubles.redis.server("one").down = True
    run = redis.route("", redis.request("INVITE", "bob"))
    assert "no redis context for server: one" in [record.text for record in run.log]


@pytest.mark.parametrize(
    ("commands", "reply"),
    [
        (["SET a 1 EX 0"], "Error(text=\"ERR invalid expire time in 'set' command\")"),
        (["SET a 1", "SET a 2 NX", "GET a"], "'1'"),
        (["SETEX a 10 x", "TTL a"], "10"),
        (["RPUSH l a b c", "LPOP l", "LRANGE l 0 -1"], "['b', 'c']"),
        (["SADD s a b a", "SCARD s"], "2"),
        (["HSET h a 1 b 2", "HINCRBY h a 5", "HGETALL h"], "['a', '6', 'b', '2']"),
        (["SET a x", "INCR a"], "Error(text='ERR value is not an integer or out of range')"),
        (["SET a x", "LPUSH a y"], "Error(text='WRONGTYPE Operation against a key holding the wrong kind of value')"),
        (["GET"], "Error(text=\"ERR wrong number of arguments for 'get' command\")"),
        (["HDEL h x", "EXISTS h"], "0"),
        (["MSET a 1 b 2", "KEYS *", "DEL a b c"], "2"),
    ],
)
def test_redis_commands(redis: Lab, commands: list[str], reply: str) -> None:
    server = redis.doubles.redis.server()
    for command in commands:
        last = server.run(command.split())
    assert repr(last) == reply


# -- DNS --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def names() -> Lab:
    lab = Lab(text=HEAD + "use_dns_failover=on\nrequest_route { t_relay(); }\n")
    lab.dns.add(
        """
        ; the gateways
        _sip._udp.gw.test.  300 IN SRV 20 60 5080 b.gw.test.
        _sip._udp.gw.test.  SRV 10 60 5070 a.gw.test.
        a.gw.test  A 10.0.0.1
        b.gw.test  A 10.0.0.2
        """
    )
    return lab


def went_to(lab: Lab) -> list[str]:
    return [str(wire.target) for wire in lab.network.unreachable]


@pytest.mark.kam_lab_only("what is sent to nobody is seen in the lab alone")
def test_lines_of_a_zone_file(names: Lab) -> None:
    names.send(names.request("OPTIONS", "sip:x@gw.test"))
    assert went_to(names) == ["10.0.0.1:5070"]


def test_a_name_that_fails(names: Lab) -> None:
    names.dns.fail("a.gw.test")
    names.send(names.request("OPTIONS", "sip:x@gw.test"))
    assert went_to(names) == ["10.0.0.2:5080"]
    names.dns.restore()
    names.send(names.request("OPTIONS", "sip:x@gw.test"))
    assert went_to(names)[-1] == "10.0.0.1:5070"


def test_a_slow_name_holds_the_server_up(names: Lab) -> None:
    names.dns.slow("a.gw.test", 2.5)
    before = names.now
    names.send(names.request("OPTIONS", "sip:x@gw.test"))
    assert names.now - before == 2.5


def test_look_ups_are_recorded(names: Lab) -> None:
    names.dns.asked.clear()
    names.send(names.request("OPTIONS", "sip:x@gw.test"))
    assert names.dns.asked == [("SRV", "_sip._udp.gw.test"), ("A", "a.gw.test")]


def test_naptr_records(names: Lab) -> None:
    names.dns.add("gw.test NAPTR 10 50 s SIP+D2U '' _sip._udp.gw.test")
    assert names.dns.naptr("gw.test")[0].replacement == "_sip._udp.gw.test"


@pytest.mark.parametrize("line", ["gw.test", "gw.test A ::1", "gw.test SRV 1 2 x y", "gw.test MX 10 mail.test"])
def test_what_is_no_record_is_told(names: Lab, line: str) -> None:
    with pytest.raises(ValueError, match="no DNS record"):
        names.dns.add(line)
