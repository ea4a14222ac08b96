"""A short call for the tests of reports: one retransmission, one loss, a log line, a route."""

from kamscript.report import Exchange
from kamscript.report.story import LogLine, Story, tell
from kamscript.report.trace import Run, Step

NAMES = {"10.0.0.1:5060": "alice", "127.0.0.1:5060": "kamailio", "10.0.0.2:5060": "bob"}
ALICE, KAMAILIO, BOB = NAMES


def message(first: str, call_id: str = "1", method: str = "INVITE", body: str = "") -> str:
    return "\r\n".join([first, f"Call-ID: {call_id}", f"CSeq: 1 {method}", "", body])


INVITE = message("INVITE sip:bob@example.com SIP/2.0", body="v=0\r\n")
RINGING = message("SIP/2.0 180 Ringing")
BUSY = message("SIP/2.0 486 Busy; <b>&amp;</b>")
OPTIONS = message("OPTIONS sip:kamailio SIP/2.0", "2", "OPTIONS")


def short_call() -> Story:
    exchanges = [
        Exchange(0.0, ALICE, KAMAILIO, INVITE),
        Exchange(0.0, KAMAILIO, BOB, INVITE),
        Exchange(0.5, KAMAILIO, BOB, INVITE),
        Exchange(0.5, BOB, KAMAILIO, RINGING, "lost"),
        Exchange(1.25, BOB, KAMAILIO, BUSY),
        Exchange(2.0, ALICE, KAMAILIO, OPTIONS),
    ]
    step = Step("kamailio.cfg", 7, '$rU = "bob";', "request_route", {"$rU": "0"}, {"$rU": "bob"})
    return tell(
        "a call that is busy",
        exchanges,
        NAMES,
        ("alice", "kamailio"),
        [LogLine(0.0, "INFO", "INFO: <script>: to bob", 1), LogLine(0.5, "WARNING", "WARNING: tm: again", 2)],
        [Run(0.0, "request_route", INVITE, [step], 1)],
    )
