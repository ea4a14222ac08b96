"""rtpengine and rtpproxy: SDP leaves with the address of a media relay, on ports that are the same in every run.

    relay = lab.doubles.rtpengine
    alice.call("bob")
    assert relay.operations == ["offer", "answer"]
    assert relay.calls[0].flags == "replace-origin"
    assert relay.sessions == {}                     # every session was deleted
    relay.down = True                               # nobody answers: the functions are false

Connection addresses and ports of every media line are replaced, origins when the flags ask so; of rtpengine's flags
the profile (`RTP/AVP`, `RTP/SAVP`, `RTP/AVPF`, `RTP/SAVPF`), `ICE=remove`, `replace-origin` and `via-branch=...` are
understood, all are recorded.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kamscript.core.doubles import Backed
from kamscript.lab.ready.base import Ready
from kamscript.module import Route

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.lab.doubles import Call
    from kamscript.lab.lab import Lab

#: Where the relay sits (a documentation address of RFC 5737), and its first port.
ADDRESS: Final = "203.0.113.10"
FIRST_PORT: Final = 30000

_MEDIA = re.compile(r"^m=(\S+) (\d+)((?:/\d+)?) (\S+)", re.MULTILINE)
_CONNECTION = re.compile(r"^c=IN IP[46] \S+", re.MULTILINE)
_ORIGIN = re.compile(r"^(o=\S+ \S+ \S+) IN IP[46] \S+", re.MULTILINE)
_RTCP = re.compile(r"^a=rtcp:\d+[^\r\n]*", re.MULTILINE)
_ICE = re.compile(r"^a=(?:candidate|ice-[a-z]+|end-of-candidates|remote-candidates)\b.*\r?\n", re.MULTILINE)
_PROFILES: Final = ("RTP/SAVPF", "RTP/SAVP", "RTP/AVPF", "RTP/AVP")


class MediaCall(NamedTuple):
    """One command to the relay: `offer`, `answer`, `delete`, or another function's name; with the SDP it was given."""

    operation: str
    call_id: str
    from_tag: str
    to_tag: str
    flags: str
    sdp: str
    relayed: str = ""  #: the SDP that came of it


class Session:
    """A call that the relay forwards media of: ports by side and media line."""

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.offered = self.answered = False
        self.offerer = ""  #: the tag of who offered
        self.ports: dict[tuple[str, int], int] = {}


class MediaRelay(Ready):
    """One rtpengine or rtpproxy. `calls` are its commands, `sessions` what it forwards, by Call-ID."""

    def __init__(self, lab: Lab, name: str) -> None:
        super().__init__(lab)
        self.module = name
        self.address = ADDRESS
        self.down = False  #: it does not answer: every command fails
        self.calls: list[MediaCall] = []
        self.sessions: dict[str, Session] = {}
        self._next_port = FIRST_PORT
        other = {"set_rtpengine_set", "start_recording", "stop_recording", "play_media", "stop_media", "block_media"}
        other |= {"unblock_media", "silence_media", "unsilence_media", "block_dtmf", "unblock_dtmf", "play_dtmf"}
        other |= {"start_forwarding", "stop_forwarding", "rtpengine_query", "rtpengine_info", "set_rtp_proxy_set"}
        other |= {f"rtpproxy_{what}" for what in ("stream2uac", "stream2uas", "stop_stream2uac", "stop_stream2uas")}
        own = lab.program.modules
        self.install(
            {
                f"{name}_offer": self._offer,
                f"{name}_answer": self._answer,
                f"{name}_manage": self._manage,
                f"{name}_delete": self._delete,
                f"{name}_destroy": self._delete,
                "unforce_rtp_proxy": self._delete,
                **(dict.fromkeys(sorted(other), self._other) if name in own else {}),
            }
        )
        statistics = Backed(lambda ctx, _: self._statistics(ctx))
        for variable in ("rtpstat", "rtppstat", "rtpestat") if name in own else ():
            lab.server.doubles.set_pv(variable, statistics)

    @property
    def operations(self) -> list[str]:
        """What it was told, in order."""
        return [call.operation for call in self.calls]

    # -- functions ------------------------------------------------------------------------------------------------
    def _offer(self, call: Call, *flags: Any) -> bool:
        return self._media(call, "offer", flags)

    def _answer(self, call: Call, *flags: Any) -> bool:
        return self._media(call, "answer", flags)

    def _delete(self, call: Call, *flags: Any) -> bool:
        call_id, from_tag, to_tag = _names(call.context)
        self.calls.append(MediaCall("delete", call_id, from_tag, to_tag, _flags(flags), ""))
        if self.down:
            return self._unreachable()
        return self.sessions.pop(call_id, None) is not None or self.module == "rtpproxy"

    def _other(self, call: Call, *flags: Any) -> bool:
        call_id, from_tag, to_tag = _names(call.context)
        self.calls.append(MediaCall(call.name, call_id, from_tag, to_tag, _flags(flags), ""))
        return True if call.name.startswith("set_") else not self.down or self._unreachable()

    def _manage(self, call: Call, *flags: Any) -> bool:
        """Offer, answer or delete, as the message and the route ask."""
        ctx = call.context
        msg = ctx.msg
        sdp = _sdp(ctx)
        session = self.sessions.get(_names(ctx)[0])
        if msg.is_request:
            method = msg.method
            if method in ("CANCEL", "BYE") or ctx.route is Route.FAILURE:
                self._delete(call, *flags)
                return True
            if not sdp:
                return False
            answering = method in ("ACK", "PRACK") and session is not None and not session.answered
            return self._media(call, "answer" if answering else "offer", flags)
        if msg.status >= 300:
            self._delete(call, *flags)
            return True
        if not sdp:
            return False
        return self._media(call, "answer" if session is not None and session.offered else "offer", flags)

    # -- SDP ------------------------------------------------------------------------------------------------------
    def _media(self, call: Call, operation: str, flags: tuple[Any, ...]) -> bool:
        ctx = call.context
        call_id, from_tag, to_tag = _names(ctx)
        text = _flags(flags)
        sdp = _sdp(ctx)
        if not sdp:
            self.log("error", "Unable to parse body")
            return False
        if self.down:
            self.calls.append(MediaCall(operation, call_id, from_tag, to_tag, text, sdp))
            return self._unreachable()
        session = self.sessions.get(call_id)
        if session is None:
            if operation == "answer":
                self.calls.append(MediaCall(operation, call_id, from_tag, to_tag, text, sdp))
                self.log("error", "proxy replied with error: Unknown call-id")
                return False
            session = self.sessions[call_id] = Session(call_id)
        if operation == "offer":
            session.offered, session.answered = True, False
        else:
            session.answered = True
        # the side that the SDP is of, wherever the message comes from
        side = from_tag if ctx.msg.is_request else to_tag
        relayed = self._rewritten(sdp, text, session, side)
        self.calls.append(MediaCall(operation, call_id, from_tag, to_tag, text, sdp, relayed))
        ctx.msg.edits.set_body(relayed)
        return True

    def _rewritten(self, sdp: str, flags: str, session: Session, side: str) -> str:
        words = flags.replace("+", " ").split()
        family = "IP6" if ":" in self.address else "IP4"
        ports: list[int] = []
        profile = next((word for word in words if word in _PROFILES), "")

        def media(match: re.Match[str]) -> str:
            kind, port, several, protocol = match.groups()
            number = len(ports)
            ports.append(0)
            if port == "0":
                return match.group()
            found = session.ports.get((side, number))
            if found is None:
                found = session.ports[side, number] = self._next_port
                self._next_port += 2
            ports[number] = found
            return f"m={kind} {found}{several} {profile if profile and protocol in _PROFILES else protocol}"

        text = _MEDIA.sub(media, sdp)
        text = _CONNECTION.sub(f"c=IN {family} {self.address}", text)
        if "replace-origin" in words or (self.module == "rtpproxy" and "o" in flags):
            text = _ORIGIN.sub(rf"\1 IN {family} {self.address}", text)
        if "ICE=remove" in words:
            text = _ICE.sub("", text)
        head, *parts = re.split(r"(?m)^(?=m=)", text)
        for number, part in enumerate(parts):
            if ports[number]:
                parts[number] = _RTCP.sub(f"a=rtcp:{ports[number] + 1}", part)
        return head + "".join(parts)

    def _unreachable(self) -> bool:
        self.log("error", "can't ping the media relay" if self.module == "rtpengine" else "no available proxies")
        return False

    def _statistics(self, ctx: Context) -> str | None:
        """`$rtpstat`: what a relay says of a call without media."""
        session = self.sessions.get(_names(ctx)[0])
        return None if session is None or self.down else "RTP: 0 bytes, 0 packets, 0 errors"


def _names(ctx: Context) -> tuple[str, str, str]:
    """Call-ID and tags of the current message."""
    msg = ctx.msg
    from_tag = (msg.from_.tag if msg.from_ is not None else None) or ""
    to_tag = (msg.to.tag if msg.to is not None else None) or ""
    return msg.callid, from_tag, to_tag


def _flags(flags: tuple[Any, ...]) -> str:
    return " ".join(str(flag) for flag in flags if flag not in (None, ""))


def _sdp(ctx: Context) -> str:
    """The SDP of the current message, "" without."""
    msg = ctx.msg
    kind = (msg.value("content-type") or "").lower()
    return msg.body if msg.content_length and kind.partition(";")[0].strip() in ("", "application/sdp") else ""
