"""Phones over connections: TCP, TLS and WebSocket (RFC 3261 section 18, RFC 7118).

A phone opens one connection to each place that it sends requests to, from a port of its own, and uses it again; replies
go back over the connection that the request came by. The server uses what connection there is to an address, else it
opens one to the port where the phone listens. A WebSocket phone listens nowhere: it is reached only over its own
connection, which begins with the handshake (RFC 6455) and carries frames.

TLS has no cryptography here, as the virtual network has no eavesdroppers: certificates are shown, not verified. What a
phone shows a test says, what the server shows is in the file that its profile names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from kamscript.lab.network import Address
from kamscript.lab.phone import Phone
from kamscript.lab.stream import HttpReply, Stream
from kamscript.sip.certificate import OTHER, VERIFIED, Certificate, TlsSession
from kamscript.sip.websocket import CLOSE, OPCODES, PING, PONG, TEXT, VERSION, Frame, FrameCutter, accept_key, decode
from kamscript.sip.websocket import encode as encode_frame

if TYPE_CHECKING:
    from kamscript.core.sockets import Datagram, ListenSocket
    from kamscript.lab.dialogs import Dialog
    from kamscript.lab.lab import Lab
    from kamscript.modules.tls import Tls
    from kamscript.modules.tls.profiles import Profile

#: The first port that phones connect from.
FIRST_PORT = 49152
#: The masking key of WebSocket frames: chance would prove nothing here.
MASK = "kam!"
#: How control frames are written in ladders.
CONTROL = "WebSocket "
#: What TLS connections look like in the lab: version, cipher, bits, description.
TLS = (
    "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256,
    "TLS_AES_256_GCM_SHA384         TLSv1.3 Kx=any      Au=any   Enc=AESGCM(256)            Mac=AEAD",
)  # fmt: skip
_PLAIN = {"ws": "tcp", "wss": "tls"}


class PhoneStream(Stream):
    """One connection of a phone. `seat` is the phone's end as the server sees it, `inner` as the phone does."""

    def __init__(
        self, lab: Lab, phone: StreamPhone, inner: Address, seat: Address, socket: ListenSocket, number: int
    ) -> None:
        self.phone, self.inner = phone, inner
        self.socket = socket
        super().__init__(lab, seat, socket, number)
        if socket.proto == "tls":
            self.secure(lab.domain if phone.server_name is None else phone.server_name)
        self._frames = FrameCutter()

    def secure(self, server_name: str, profile: Profile | None = None) -> None:
        """Note what TLS shows of it; `profile` is that of a connection which the server opened."""
        lab, socket = self.lab, self.socket
        module = cast("Tls | None", lab.server.modules.get("tls"))
        own = None
        if module is not None:
            if profile is None:
                profile = module.profiles.accepting(socket.address, socket.port, server_name)
            own = module.certificate_of(profile)
        lab.server.tls_sessions[self.number] = TlsSession(
            *TLS, own=own, peer=self.phone.certificate, outcome=self.phone.outcome, server_name=server_name
        )

    @property
    def upgraded(self) -> bool:
        """Whether it carries WebSocket frames."""
        frames = self.lab.server.frames
        return frames is not None and frames.holds(self.number)

    def into_server(self, text: str) -> None:
        """A message, or a control frame as ladders show it, has reached the server."""
        lab = self.lab
        if not self.upgraded:
            fine = lab.server.receive(lab.timers.now, text, self.received)
        else:
            frames = lab.server.frames
            assert frames is not None
            fine = frames.receive(lab.timers.now, encode_frame(*_frame_of(text), mask=MASK), self.number)
        lab.flush()
        self.dealt_with(fine)

    def from_server(self, data: str) -> str:
        """What the server sends as the network shows it: SIP text, or a control frame."""
        if not data or data[0] < "\x80" or not self.upgraded:
            return data
        frame = decode(data, longest=1 << 24, from_client=False)
        return frame.payload if frame.opcode == TEXT else f"{CONTROL}{_shown(frame)}"

    def close(self) -> None:
        """Hang up."""
        if not self.closed:
            self.phone.hung_up(self)
            self.lab.streams.pop(self.seat, None)
            super().close()


def _shown(frame: Frame) -> str:
    if frame.opcode == CLOSE:
        status, reason = frame.closing
        return f"CLOSE {status} {reason}".rstrip()
    return f"{OPCODES[frame.opcode]} {frame.payload}".rstrip()


def _frame_of(text: str) -> tuple[int, str]:
    """Opcode and payload of a message that a phone sends."""
    if not text.startswith(CONTROL):
        return TEXT, text
    name, _, rest = text[len(CONTROL) :].partition(" ")
    opcode = next(code for code, known in OPCODES.items() if known == name)
    if opcode == CLOSE and rest:
        status, _, reason = rest.partition(" ")
        return CLOSE, int(status).to_bytes(2, "big").decode("latin-1") + reason
    return opcode, rest


class StreamPhone(Phone):
    """A phone over TCP or TLS.

    `certificate` is what it shows over TLS, `outcome` what verifying that gives (kamscript.sip.certificate): set them
    with `shows()` before it connects. `server_name` is what it asks for (SNI): the lab's domain by default, "" nothing.
    """

    _port = FIRST_PORT
    certificate: Certificate | None = None
    outcome = OTHER
    server_name: str | None = None

    def shows(self, certificate: Certificate | str | None, outcome: str = VERIFIED) -> None:
        """Show a certificate (or one with this common name) over connections that are opened from now on."""
        self.certificate = Certificate(certificate) if isinstance(certificate, str) else certificate
        self.outcome = outcome

    @property
    def connections(self) -> list[Stream]:
        """Its open connections, both ways, oldest first."""
        return [stream for stream in self.lab.streams.values() if isinstance(stream, PhoneStream)
                and stream.phone is self]  # fmt: skip

    def disconnect(self) -> None:
        """Hang up all connections."""
        for stream in self.connections:
            stream.close()
        self.lab.run()

    def transmit(self, text: str) -> None:
        """Put a message on the wire towards the proxy."""
        self._send_over(text, self.proxy)

    def send_request(self, text: str, dialog: Dialog | None) -> None:
        """Send a request over the connection to where it goes, opening one if need be."""
        self._send_over(text, self.hop(dialog))

    def _send_over(self, text: str, hop: Address) -> None:
        stream = self._open.get(hop)
        if stream is None:
            made = self.connect(hop)
            if made is None:  # nobody listens there
                self.lab.network.send(text, self.proto, self.address, hop)
                return
            stream = made
        self.lab.network.send(text, self.proto, stream.inner, hop)

    def connect(self, hop: Address) -> PhoneStream | None:
        """Open a connection; None when nobody listens at `hop` for this protocol."""
        lab = self.lab
        proto = _PLAIN.get(self.proto, self.proto)
        socket = next((one for one in lab.server.sockets if one.proto == proto
                       and (one.address, one.port) == hop), None)  # fmt: skip
        if socket is None:
            return None
        inner = Address(self.address.ip, self._port)
        self._port += 1
        lab.network.attach(inner, self, self.name)
        stream = PhoneStream(lab, self, inner, self._public(inner, hop), socket, lab.next_connection())
        lab.streams[stream.seat] = self._open[hop] = stream
        return stream

    def _public(self, inner: Address, hop: Address) -> Address:
        """The address that the server sees."""
        from kamscript.lab.links import nat_of

        network = self.lab.network
        nat = nat_of(network, self)
        if nat is None:
            return inner
        public = nat.out(inner, self.proto, hop, network.timers.now)
        network.names.setdefault(str(public), self.name)
        return public

    @property
    def _open(self) -> dict[Address, PhoneStream]:
        return self.__dict__.setdefault("_opened", {})  # type: ignore[no-any-return]

    def hung_up(self, stream: PhoneStream) -> None:
        """A connection is gone."""
        for hop, known in list(self._open.items()):
            if known is stream:
                del self._open[hop]


def accept(lab: Lab, datagram: Datagram) -> PhoneStream | None:
    """The connection that the server opens for a message to where a phone listens; None when no phone does there."""
    from kamscript.lab.links import nat_of

    socket, to, _ = datagram
    target = Address(to.ip, to.port)
    phone = lab.network.parties.get(target)
    if not isinstance(phone, StreamPhone) or isinstance(phone, WebSocketPhone) or phone.address != target:
        return None
    if phone.proto != socket.proto or nat_of(lab.network, phone) is not None:
        return None
    stream = lab.streams[target] = PhoneStream(lab, phone, target, target, socket, lab.next_connection())
    module = cast("Tls | None", lab.server.modules.get("tls"))
    if socket.proto == "tls" and module is not None:
        profile, server_name = module.connecting(to, socket)
        stream.secure(server_name, profile)
        stream.mute = not module.connected(stream.number, datagram)
    return stream


class WebSocketPhone(StreamPhone):
    """A phone in a browser. `path`, `origin` and `protocol` are what its handshake asks for.

    `handshake` is the server's answer to the newest one; `closed` status and reason of the Close frame that came last.
    """

    path, origin, protocol = "/", "", "sip"
    handshake: HttpReply | None = None
    closed: tuple[int, str] | None = None
    pongs = True  #: whether it answers Ping

    def connect(self, hop: Address) -> PhoneStream | None:
        """Open a connection and shake hands. Raises AssertionError when the server refuses."""
        stream = super().connect(hop)
        if stream is None:
            return None
        lab = self.lab
        key = "dGhlIHNhbXBsZSBub25jZQ=="
        lines = [
            f"GET {self.path} HTTP/1.1", f"Host: {lab.domain}", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}", f"Sec-WebSocket-Version: {VERSION}",
            *([f"Sec-WebSocket-Protocol: {self.protocol}"] if self.protocol else []),
            *([f"Origin: {self.origin}"] if self.origin else []), "Content-Length: 0",
        ]  # fmt: skip
        self.handshake = None
        lab.network.send("\r\n".join([*lines, "", ""]), _PLAIN[self.proto], stream.inner, hop)
        lab.run()
        answer = self.handshake
        if answer is None or answer.code != 101:
            told = f"{answer.code} {answer.reason}" if answer is not None else "nothing"
            stream.close()
            raise AssertionError(
                f"{self.name} asked for a WebSocket and got {told} from {hop}: there event_route[xhttp:request] of the "
                f'config answers, or does not; another address is said by phone(..., proxy="IP:PORT")\n{lab.story()}'
            )
        if answer.header("Sec-WebSocket-Accept") != accept_key(key):
            raise AssertionError(f"{self.name} got a wrong Sec-WebSocket-Accept\n{lab.story()}")
        return stream

    def ping(self, data: str = "") -> None:
        """Send a Ping frame and run the network."""
        self._control(f"PING {data}")

    def close(self, status: int = 1000, reason: str = "") -> None:
        """Send a Close frame and run the network; the connection is gone when the server has answered."""
        self._control(f"CLOSE {status} {reason}")

    def _control(self, text: str) -> None:
        for stream in self.connections:
            assert isinstance(stream, PhoneStream)
            target = Address(stream.socket.address, stream.socket.port)
            self.lab.network.send(f"{CONTROL}{text.rstrip()}", self.proto, stream.inner, target)
        self.lab.run()

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """A message, a control frame or the answer to the handshake arrived."""
        if text.startswith("HTTP/"):
            self.handshake = HttpReply.parse(text)
        elif text.startswith(CONTROL):
            opcode, payload = _frame_of(text)
            if opcode == PING and self.pongs:
                self.lab.network.send(f"{CONTROL}{OPCODES[PONG]} {payload}".rstrip(), self.proto, target, source)
            elif opcode == CLOSE:
                first = self.closed is None
                self.closed = Frame(CLOSE, payload).closing
                if first and any(stream.inner == target for stream in self._open.values()):
                    self.lab.network.send(text, self.proto, target, source)
        else:
            super().deliver(text, proto, source, target)
