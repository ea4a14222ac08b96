"""183 replies turned into 180 for calls that a script named (4.x). Source: modules/siputils/ring.c of Kamailio 4.4.

When a call forks, several branches may answer 183 with media; the caller should hear one of them only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.sip.message import Message

LONGEST_CALL_ID = 255


class Calls:
    """Call-IDs and when they were named."""

    def __init__(self) -> None:
        self._times: dict[str, float] = {}

    def add(self, call_id: str, now: float, timeout: int) -> None:
        """Remember a call from now on, unless it is remembered."""
        if not self.has(call_id, now, timeout):
            self._times[call_id[:LONGEST_CALL_ID]] = now

    def has(self, call_id: str, now: float, timeout: int) -> bool:
        """Whether a call was named not longer than `timeout` seconds ago."""
        times = self._times
        # A dict keeps the order of insertion: the oldest are in front.
        while times and (oldest := next(iter(times.items())))[1] + timeout < now:
            del times[oldest[0]]
        return call_id in times


def make_ringing(msg: Message) -> bool:
    """Make a 183 reply with a body a 180 without; False when it has no body or its Call-ID stands too late."""
    text = msg.buf
    found = sorted((text.find("Content-Length:"), text.find("Content-Type:")))
    ends = [text.find("\r\n", at) + 2 for at in found]
    eoh = text.find("\r\n\r\n") + 2
    if found[0] < 0 or 1 in ends or eoh == 1:
        return False
    call_id = msg.first("call-id")
    # By then Kamailio has read up to the Call-ID; what it has read must not move.
    if call_id is None or call_id.end > found[0]:
        return False
    status = text.index("183")
    reason, line_end = status + 4, text.index("\r\n")
    # The reason keeps its length.
    head = (
        text[: status + 2] + "0" + text[status + 3 : reason] + "Ringing".ljust(line_end - reason)[: line_end - reason]
    )
    kept = text[line_end : found[0]] + text[ends[0] : found[1]] + text[ends[1] : eoh]
    msg.set_text(f"{head}{kept}Content-Length: 0\r\n\r\n")
    return True
