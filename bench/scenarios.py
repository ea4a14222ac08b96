"""Fifty call scenarios for one proxy, each in two languages: as a test with the lab's phones, and as SIPp's XML.

`SCENARIOS` is a table: nine kinds of call, with variations. `play(lab, scenario)` plays one in the lab; `xml(steps)`
makes the file that SIPp plays from the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kamscript.lab import Lab
    from kamscript.lab.phone import Call, Phone

#: A step of a SIPp party: "INVITE" sends it, "<INVITE" waits for it; replies are numbers, `?` marks optional ones.
Steps = Sequence[str]


class Kind(NamedTuple):
    """One kind of call: what the lab's phones do, what SIPp's caller and callee do (no callee: none is started)."""

    play: Callable[[Lab, Scenario], None]
    caller: Steps
    callee: Steps = ()


class Scenario(NamedTuple):
    """One scenario: its kind, who is called, and a header of its own."""

    name: str
    kind: str
    user: str = "callee"
    header: str = ""


def phones(lab: Lab) -> tuple[Phone, Phone]:
    return lab.phone("caller"), lab.phone("callee")


def ringing(lab: Lab, scenario: Scenario) -> tuple[Call, Call]:
    caller, callee = phones(lab)
    call = caller.call(scenario.user, headers=[scenario.header] if scenario.header else [])
    callee.call_waiting.ring()
    return call, callee.call_waiting


def talking(lab: Lab, scenario: Scenario) -> tuple[Call, Call]:
    call, there = ringing(lab, scenario)
    there.answer()
    assert call.state == there.state == "confirmed"
    return call, there


def caller_hangs_up(lab: Lab, scenario: Scenario) -> None:
    call, there = talking(lab, scenario)
    assert call.hangup().status == 200
    assert there.state == "ended"


def callee_hangs_up(lab: Lab, scenario: Scenario) -> None:
    call, there = talking(lab, scenario)
    assert there.hangup().status == 200
    assert call.state == "ended"


def changes(lab: Lab, scenario: Scenario) -> None:
    call, _ = talking(lab, scenario)
    assert call.send("INVITE", "v=0\r\n").status == 200
    assert call.hangup().status == 200


def busy(lab: Lab, scenario: Scenario) -> None:
    call, there = ringing(lab, scenario)
    there.reject(486, "Busy Here")
    assert call.status == 486


def moved(lab: Lab, scenario: Scenario) -> None:
    call, there = ringing(lab, scenario)
    there.reject(302, "Moved", headers=["Contact: <sip:elsewhere@example.com>"])
    assert call.status == 302


def given_up(lab: Lab, scenario: Scenario) -> None:
    call, there = ringing(lab, scenario)
    assert call.cancel().status == 200
    assert (call.status, there.state) == (487, "cancelled")


def unknown(lab: Lab, scenario: Scenario) -> None:
    caller, _ = phones(lab)
    assert caller.call(scenario.user).status == 404


def options(lab: Lab, scenario: Scenario) -> None:
    caller, _ = phones(lab)
    assert caller.request("OPTIONS", scenario.user).status == 200


def message(lab: Lab, scenario: Scenario) -> None:
    caller, callee = phones(lab)
    assert caller.request("MESSAGE", scenario.user, body="hello", headers=["Content-Type: text/plain"]).status == 200
    assert callee.received[-1].method == "MESSAGE"


_CALL = ("INVITE", "<100?", "<180?", "<200", "ACK")
_ANSWER = ("<INVITE", "180", "200", "<ACK")
KINDS = {
    "caller hangs up": Kind(caller_hangs_up, (*_CALL, "BYE", "<200"), (*_ANSWER, "<BYE", "200")),
    "callee hangs up": Kind(callee_hangs_up, (*_CALL, "<BYE", "200"), (*_ANSWER, "BYE", "<200")),
    "re-INVITE": Kind(
        changes,
        (*_CALL, "INVITE", "<100?", "<200", "ACK", "BYE", "<200"),
        (*_ANSWER, "<INVITE", "200", "<ACK", "<BYE", "200"),
    ),
    "busy": Kind(busy, ("INVITE", "<100?", "<180?", "<486", "ACK"), ("<INVITE", "180", "486", "<ACK")),
    "moved": Kind(moved, ("INVITE", "<100?", "<180?", "<302", "ACK"), ("<INVITE", "180", "302", "<ACK")),
    "given up": Kind(
        given_up,
        ("INVITE", "<100?", "<180", "CANCEL", "<200", "<487", "ACK"),
        ("<INVITE", "180", "<CANCEL", "200", "487", "<ACK"),
    ),
    "unknown": Kind(unknown, ("INVITE", "<404", "ACK")),
    "OPTIONS": Kind(options, ("OPTIONS", "<200")),
    "MESSAGE": Kind(message, ("MESSAGE", "<200"), ("<MESSAGE", "200")),
}  # fmt: skip

_COUNTS = {
    "caller hangs up": 14, "callee hangs up": 7, "re-INVITE": 4, "busy": 6, "moved": 2, "given up": 6, "unknown": 5,
    "OPTIONS": 3, "MESSAGE": 3,
}  # fmt: skip
SCENARIOS = [
    Scenario(f"{kind} {number}", kind, "nobody" if kind == "unknown" else "callee", f"X-Number: {number}")
    for kind, count in _COUNTS.items()
    for number in range(1, count + 1)
]


def play(lab: Lab, scenario: Scenario) -> None:
    """One scenario in the lab."""
    KINDS[scenario.kind].play(lab, scenario)


# -- SIPp -----------------------------------------------------------------------------------------------------------
_SDP = """v=0
o=x 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 30000 RTP/AVP 0
"""
_REASONS = {"180": "Ringing", "200": "OK", "302": "Moved", "486": "Busy Here", "487": "Request Terminated"}


def xml(steps: Steps, scenario: Scenario) -> str:
    """The SIPp scenario of one party."""
    party = _Party(scenario, called=steps[0].startswith("<"))
    body = "\n".join(party.step(number, step) for number, step in enumerate(steps))
    return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="{scenario.name}">\n{body}\n</scenario>\n'


class _Party:
    """What one side has sent and heard so far; `step` writes the next element."""

    def __init__(self, scenario: Scenario, *, called: bool) -> None:
        self.scenario, self.called = scenario, called
        self.heard = self.answer = ""  #: the request heard last; the final answer to the own INVITE
        self.cseq = self.invite = self.invites = 0
        self.routed = False

    def step(self, number: int, step: str) -> str:
        name = step.strip("<?")
        if step.startswith("<"):
            return self._receive(name, step.endswith("?"))
        if name.isdecimal():
            return self._element(self._reply(name))
        retransmitted = "" if name == "ACK" else ' retrans="500"'
        return self._element(self._request(name, number), retransmitted)

    def _receive(self, name: str, optional: bool) -> str:
        attributes = ' optional="true"' if optional else ""
        if not name.isdecimal():
            self.heard = name
            self.invites += name == "INVITE"
        elif name >= "200" and not self.answer:
            self.answer = name
        if not self.routed and name in ("INVITE", "200"):
            self.routed = True
            attributes += ' rrs="true"'
        kind = "response" if name.isdecimal() else "request"
        return f'<recv {kind}="{name}"{attributes}/>'

    @staticmethod
    def _element(text: str, attributes: str = "") -> str:
        return f"<send{attributes}><![CDATA[\n{text}\n]]></send>"

    def _request(self, method: str, number: int) -> str:
        user = self.scenario.user
        if method not in ("ACK", "CANCEL"):
            self.cseq += 1
        if method == "INVITE":
            self.invite, self.answer = number, ""
        within = self.called or (self.routed and method != "CANCEL" and self.answer in ("", "200"))
        same = method == "CANCEL" or (method == "ACK" and self.answer != "200")  # the INVITE's own transaction
        branch = f"[branch-{number - self.invite}]" if same else "[branch]"
        caller = "<sip:caller@example.com>;tag=c[call_number]"
        here, there = (f"<sip:{user}@example.com>;tag=d[call_number]", caller) if self.called else (
            caller, f"<sip:{user}@example.com>" + ("" if method == "CANCEL" else "[peer_tag_param]")
        )  # fmt: skip
        body = _SDP if method == "INVITE" else "hello" if method == "MESSAGE" else ""
        lines = [
            f"{method} {'[next_url]' if within else f'sip:{user}@example.com'} SIP/2.0",
            f"Via: SIP/2.0/UDP [local_ip]:[local_port];branch={branch}",
            *(["[routes]"] if within else []),
            "Max-Forwards: 70",
            f"From: {here}",
            f"To: {there}",
            "Call-ID: [call_id]",
            f"CSeq: {self.cseq} {method}",
            "Contact: <sip:x@[local_ip]:[local_port]>",
            *([self.scenario.header] if self.scenario.header and not within else []),
            *([f"Content-Type: {'application/sdp' if method == 'INVITE' else 'text/plain'}"] if body else []),
        ]
        return "\n".join([*lines, "Content-Length: [len]", "", body])

    def _reply(self, code: str) -> str:
        first = self.invites == 1 and (self.heard == "INVITE" or code == "487")  # from then on To has the tag
        body = _SDP if self.heard == "INVITE" and code == "200" else ""
        where = "sip:elsewhere@example.com" if code == "302" else "sip:callee@[local_ip]:[local_port]"
        lines = [
            f"SIP/2.0 {code} {_REASONS[code]}",
            "[last_Via:]",
            "[last_Record-Route:]",
            "[last_From:]",
            "[last_To:]" + (";tag=d[call_number]" if first else ""),
            "[last_Call-ID:]",
            "CSeq: 1 INVITE" if code == "487" else "[last_CSeq:]",
            f"Contact: <{where}>",
            *(["Content-Type: application/sdp"] if body else []),
        ]
        return "\n".join([*lines, "Content-Length: [len]", "", body])
