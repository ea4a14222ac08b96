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
from typing import TYPE_CHECKING, Final, NamedTuple

from kamscript.lab.ready.base import Ready
from kamscript.modules.rtpengine.bencode import Value, decode, encode

if TYPE_CHECKING:
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
    """One command to the relay: `offer`, `answer`, `delete`, or another by its name; with the SDP it was given."""

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
        self.ports: dict[tuple[str, int], int] = {}


class MediaRelay(Ready):
    """One rtpengine. `calls` are its commands, `sessions` what it forwards, by Call-ID; pings are not counted."""

    def __init__(self, lab: Lab, name: str) -> None:
        super().__init__(lab)
        self.module = name
        self.address = ADDRESS
        self.down = False  #: it does not answer: every command fails
        self.calls: list[MediaCall] = []
        self.sessions: dict[str, Session] = {}
        self._next_port = FIRST_PORT

    @property
    def operations(self) -> list[str]:
        """What it was told, in order."""
        return [call.operation for call in self.calls]

    def respond(self, text: str) -> str | None:
        """The answer to one datagram of the ng protocol; None while the relay is down."""
        cookie, _, body = text.partition(" ")
        request = decode(body)
        if not isinstance(request, dict):
            return None
        answer = self._answer(str(request.get("command", "")), request)
        return None if self.down else f"{cookie} {encode(answer)}"

    def _answer(self, operation: str, request: dict[str, Value]) -> dict[str, Value]:
        if operation == "ping":
            return {"result": "pong"}
        call_id, from_tag, to_tag, sdp = (str(request.get(n, "")) for n in ("call-id", "from-tag", "to-tag", "sdp"))
        call = MediaCall(operation, call_id, from_tag, to_tag, _flags(request), sdp)
        session = self.sessions.get(call_id)
        if not self.down and operation in ("offer", "answer") and (session is not None or operation == "offer"):
            session = session or self.sessions.setdefault(call_id, Session(call_id))
            call = call._replace(relayed=self._rewritten(sdp, call.flags, session, _side(call)))
        self.calls.append(call)
        if session is None:
            return {"result": "error", "error-reason": "Unknown call-id"}
        if operation == "delete" and not self.down:
            del self.sessions[call_id]
        if call.relayed:
            return {"sdp": call.relayed, "result": "ok"}
        none: Value = {"packets": 0, "bytes": 0, "errors": 0}
        return {"created": int(self.lab.now), "totals": {"RTP": none, "RTCP": none}, "result": "ok"}

    def port(self, session: Session, side: str, number: int) -> int:
        """The relay's port for a media line of one side: the same while the session lasts."""
        found = session.ports.get((side, number))
        if found is None:
            found = session.ports[side, number] = self._next_port
            self._next_port += 2
        return found

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
            found = ports[number] = self.port(session, side, number)
            return f"m={kind} {found}{several} {profile if profile and protocol in _PROFILES else protocol}"

        text = _MEDIA.sub(media, sdp)
        text = _CONNECTION.sub(f"c=IN {family} {self.address}", text)
        if "replace-origin" in words:
            text = _ORIGIN.sub(rf"\1 IN {family} {self.address}", text)
        if "ICE=remove" in words:
            text = _ICE.sub("", text)
        head, *parts = re.split(r"(?m)^(?=m=)", text)
        for number, part in enumerate(parts):
            if ports[number]:
                parts[number] = _RTCP.sub(f"a=rtcp:{ports[number] + 1}", part)
        return head + "".join(parts)


class TextRelay(MediaRelay):
    """One rtpproxy. It is told of each stream by itself; the module rewrites the SDP, so `relayed` is the port."""

    def respond(self, text: str) -> str | None:
        """The answer to one datagram of rtpproxy's protocol; None while it is down."""
        cookie, _, body = text.partition(" ")
        if self.down:
            return None
        word, *words = body.split()
        if word == "V":
            return f"{cookie} 20040107\n"
        if word == "VF":
            return f"{cookie} 1\n"
        operation, flags = _COMMANDS.get(word[:1], word), word[1:]
        call_id = words[0] if words else ""
        if word[:1] in ("U", "L"):
            return f"{cookie} {self._stream(operation, flags, words)}\n"
        tags = [tag.partition(";")[0] for tag in words[1:3]] + ["", ""]
        self.calls.append(MediaCall(operation, call_id, tags[0], tags[1], flags, ""))
        found = self.sessions.pop(call_id, None) if operation == "delete" else self.sessions.get(call_id)
        return f"{cookie} {'0' if found is not None else 'E8'}\n"

    def _stream(self, operation: str, flags: str, words: list[str]) -> str:
        """`CALL-ID ADDRESS PORT FROM;NUMBER [TO;NUMBER]`: the port and address for it, 0 for what nobody offered."""
        call_id, _, _, sender, *to = words
        from_tag, _, number = sender.partition(";")
        to_tag = to[0].split(";")[0] if to else ""
        session = self.sessions.get(call_id)
        if session is None and operation == "offer":
            session = self.sessions[call_id] = Session(call_id)
        side = to_tag if operation == "answer" else from_tag
        port = self.port(session, side, int(number or 1)) if session is not None else 0
        self.calls.append(MediaCall(operation, call_id, from_tag, to_tag, flags, " ".join(words[1:3]), str(port)))
        return f"{port} {self.address}{' 6' if ':' in self.address else ''}"


_COMMANDS = {"U": "offer", "L": "answer", "D": "delete", "R": "record", "P": "play", "S": "stop", "Q": "query"}


def _side(call: MediaCall) -> str:
    """The tag of whose SDP it is."""
    return call.to_tag if call.operation == "answer" else call.from_tag


def _flags(request: dict[str, Value]) -> str:
    """The flags of a request, about as the config has them: words, lists with their names, `name=value`."""
    words: list[str] = []
    for name, value in request.items():
        if name in _NO_FLAGS:
            continue
        if name == "flags" and isinstance(value, list):
            words += map(str, value)
        elif name == "transport-protocol":
            words.append(str(value))
        elif isinstance(value, list):
            words += [f"{name}-{item}" for item in value]
        elif not isinstance(value, dict):
            words.append(f"{name}={value}")
    return " ".join(words)


_NO_FLAGS = frozenset(("supports", "sdp", "call-id", "received-from", "from-tag", "to-tag", "command"))
