"""rtpproxy: time, failures and parts that the cases judged by the daemon do not reach."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab

from .script import refused

HEAD = """
listen=udp:10.0.0.254:5060
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "rtpproxy.so"
"""
SOCK = 'modparam("rtpproxy", "rtpproxy_sock", "udp:192.0.2.1:7722=3 udp:192.0.2.2:7722")\n'
ROUTE = 'request_route { rtpproxy_offer(); xlog("$rc\\n"); }\n'
SDP = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


class Proxy:
    """An RTP proxy of a test."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.silent = False
        self.able = True

    def __call__(self, text: str) -> str | None:
        cookie, _, body = text.partition(" ")
        self.asked.append(body)
        if self.silent:
            return None
        answers = {"V": "20040107", "VF": str(int(self.able))}
        return f"{cookie} {answers.get(body.split()[0], '35000 203.0.113.5')}\n"

    def told(self, letter: str) -> list[str]:
        """Its commands of one kind."""
        return [text for text in self.asked if text[:1] == letter]


def proxies(text: str = SOCK + ROUTE, **options: object) -> tuple[Lab, list[Proxy]]:
    """A lab with RTP proxies at 192.0.2.1 and 192.0.2.2."""
    made = [Proxy(), Proxy()]
    services = {(f"192.0.2.{number}", 7722): proxy for number, proxy in enumerate(made, 1)}
    return Lab(text=HEAD + text, services=services, **options), made  # type: ignore[arg-type]


def offer(lab: Lab, call_id: str = "c1") -> str:
    """What rtpproxy_offer() gives for a new call."""
    lab.send(lab.request("INVITE", "sip:bob@10.0.0.2", body=SDP, headers=[f"Call-ID: {call_id}"]))
    return lab.log.script[-1]


def test_one_that_does_not_answer_is_left_for_another() -> None:
    lab, (first, second) = proxies()
    first.silent = True
    before = lab.now
    assert offer(lab) == "1"
    assert (len(first.told("U")), len(second.told("U")), lab.now - before) == (5, 1, 5)


def test_it_is_asked_for_its_version_again_after_rtpproxy_disable_tout() -> None:
    lab, (first, _) = proxies()
    first.silent = True
    offer(lab)
    first.silent, first.asked = False, []
    lab.advance(59)
    offer(lab, "c2")
    assert first.asked == []
    lab.advance(2)
    offer(lab, "c3")
    assert first.asked[:2] == ["V", "VF 20050322"]


def test_without_any_proxy_the_call_fails() -> None:
    lab, both = proxies()
    for proxy in both:
        proxy.silent = True
    assert offer(lab) == "-3"
    assert any("no available proxies" in line for line in lab.log.lines())


def test_one_that_is_too_old_is_not_used() -> None:
    lab, (first, second) = proxies(SOCK.replace("=3", "") + ROUTE)
    first.silent = second.silent = True
    offer(lab)
    first.silent = second.silent = False
    first.able = second.able = False
    lab.advance(61)
    assert offer(lab, "c2") == "-3"
    assert any("doesn't support required protocol version" in line for line in lab.log.lines())


def test_a_proxy_that_cannot_play_is_not_told_to() -> None:
    sock = 'modparam("rtpproxy", "rtpproxy_sock", "udp:192.0.2.1:7722")\n'
    lab, (first, _) = proxies(sock + 'request_route { rtpproxy_stream2uac("a", "1"); xlog("$rc\\n"); }\n')
    lab.module("rtpproxy").nodes.sets[0].nodes[0].knows_payloads = False
    assert (offer(lab), first.told("P")) == ("-1", [])


def test_the_timeout_tag_of_6_x() -> None:
    params = (
        'modparam("rtpproxy", "timeout_socket", "udp:1.1.1.1:9")\nmodparam("rtpproxy", "timeout_tag_pv", "t-$ci")\n'
    )
    lab, (first, second) = proxies(params + SOCK + ROUTE, target="6.x")
    offer(lab)
    (command,) = first.told("U") + second.told("U")
    assert command.endswith(" udp:1.1.1.1:9 t-c1")


def test_a_timeout_socket_of_6_x_needs_a_tag() -> None:
    before = 'modparam("rtpproxy", "timeout_socket", "udp:1.1.1.1:9")'
    assert "timeout_tag_pv" in refused("exit;", modules="rtpproxy", before=before, target="6.x")


def test_sets_come_from_a_database() -> None:
    rows = {
        "rtpproxy": [{"setid": "0", "url": "udp:192.0.2.2:7722", "weight": 2}, {"setid": "x", "url": "udp:1.1.1.1"}]
    }
    lab, (_, second) = proxies(
        'loadmodule "db_sqlite.so"\nmodparam("rtpproxy", "db_url", "sqlite:///k.db")\n' + ROUTE, database=rows
    )
    assert (offer(lab), len(second.told("U"))) == ("1", 1)
    assert any("must be integer" in line for line in lab.log.lines())


@pytest.mark.parametrize("url", ["unix:/var/run/rtpproxy.sock", "/var/run/rtpproxy.sock"])
def test_a_proxy_behind_a_unix_socket(url: str) -> None:
    lab = Lab(text=HEAD + f'modparam("rtpproxy", "rtpproxy_sock", "{url}")\n' + ROUTE)
    assert offer(lab) == "1"
    assert [call.operation for call in lab.doubles.rtpproxy.calls] == ["offer"]


@pytest.mark.parametrize(
    "url", ["udp:localhost:2223", "udp:relay.example.com", "udp6:[2001:db8::1]:2223", "udp:10.0.0.9:"]
)
def test_the_ready_double_answers_at_any_address(url: str) -> None:
    lab = Lab(text=HEAD + f'modparam("rtpproxy", "rtpproxy_sock", "{url}")\n' + ROUTE)
    assert offer(lab) == "1"
    assert lab.doubles.rtpproxy.operations == ["offer"]
