"""TLS on sockets: contexts from the profiles of module tls, and the layer over a TCP transport.

Python's ssl decides on a certificate by itself: one that a peer shows and that nobody wants verified is read, but its
verification has no outcome; there is no verifying without consequences (verify_client=optional_no_ca). The server name
is read from the ClientHello before OpenSSL sees it, so that the whole profile of that name counts, as in Kamailio.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from kamscript.live.hello import server_name_of
from kamscript.modules.tls.profiles import METHODS, SERVER, Profile
from kamscript.sip.certificate import OTHER, SELFSIGNED, VERIFIED, Certificate, TlsSession
from kamscript.sip.x509 import pem_of, read_der

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.core.sockets import Destination, ListenSocket
    from kamscript.modules.tls import Tls

_VERSIONS = {
    "": None, "SSLv3": ssl.TLSVersion.SSLv3, "TLSv1": ssl.TLSVersion.TLSv1, "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}  # fmt: skip
_CHUNK = 65536


class TlsConfigError(Exception):
    """The certificates or settings of a profile cannot be used; the text tells which."""


class Secrets(NamedTuple):
    """What one profile comes to: the context, and the certificate that this side shows."""

    profile: Profile
    context: ssl.SSLContext
    own: Certificate | None


def module_of(server: Server) -> Tls:
    """Module tls, ready; raises TlsConfigError."""
    module: Any = server.modules.get("tls")
    if module is None or not hasattr(module, "profiles"):
        raise TlsConfigError('TLS needs loadmodule "tls.so"')
    if module.problem:
        raise TlsConfigError(module.problem)
    return cast("Tls", module)


def secrets_of(server: Server, profile: Profile) -> Secrets:
    """The context of a profile, made once; raises TlsConfigError."""
    module = module_of(server)
    known: tuple[Any, dict[Profile, Secrets]] = server.shared.get("tls_contexts", (None, {}))
    if known[0] is not module.profiles:  # tls.reload: files are read anew
        known = server.shared["tls_contexts"] = (module.profiles, {})
    secrets = known[1].get(profile)
    if secrets is None:
        try:
            context = _context(profile, compressed=not module.cfg["disable_compression"])
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise TlsConfigError(f"tls profile {profile}: {error}") from None
        secrets = known[1][profile] = Secrets(profile, context, module.certificate_of(profile))
    return secrets


def check_profiles(server: Server) -> None:
    """Make the contexts of all profiles, as the daemon does when it starts; raises TlsConfigError."""
    for profile in module_of(server).profiles:
        secrets_of(server, profile)


def _context(profile: Profile, *, compressed: bool) -> ssl.SSLContext:
    serves = profile.role == SERVER
    for name in ("certificate", "private_key", "ca_list", "crl"):
        path = getattr(profile, name)
        if path and not os.path.isfile(path):
            raise ValueError(f"{name} {path}: there is no such file")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if serves else ssl.PROTOCOL_TLS_CLIENT)
    _limit(context, profile.method)
    if profile.certificate:
        key = profile.private_key or None
        # Without a password OpenSSL would ask the terminal for one; "" is a wrong one.
        context.load_cert_chain(profile.certificate, key, profile.private_key_password)
    if profile.ca_list or profile.ca_path:
        context.load_verify_locations(profile.ca_list or None, profile.ca_path or None)
    if profile.crl:
        context.load_verify_locations(profile.crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    context.set_ciphers(profile.cipher_list or "DEFAULT")
    if compressed:
        context.options &= ~ssl.OP_NO_COMPRESSION
    context.check_hostname = False
    if profile.required or (profile.verified and not serves):
        context.verify_mode = ssl.CERT_REQUIRED
    else:
        context.verify_mode = ssl.CERT_OPTIONAL if profile.verified else ssl.CERT_NONE
    return context


def _limit(context: ssl.SSLContext, method: str) -> None:
    """Allow the versions that tls_method names."""
    lowest, highest = METHODS[method]
    if not {lowest, highest} <= _VERSIONS.keys():
        raise ValueError(f"OpenSSL does not speak {method} any more")
    context.minimum_version = _VERSIONS[lowest] or ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = _VERSIONS[highest] or ssl.TLSVersion.MAXIMUM_SUPPORTED


class TlsLayer(asyncio.Protocol):
    """TLS over one TCP stream. Who speaks over it is told of the connection when the handshake is done.

    `inner` sees this object as its transport; `lost` is called with the reason when the handshake fails.
    """

    def __init__(self, server: Server, inner: asyncio.Protocol, lost: Callable[[str], object]) -> None:
        self.server, self.inner, self.lost = server, inner, lost
        self.module = module_of(server)
        self.session: TlsSession | None = None
        self._tcp: asyncio.Transport | None = None
        self._tls: ssl.SSLObject | None = None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._secrets: Secrets | None = None
        self._hello = b""
        self._name = ""
        self._closing = False
        self._patience: asyncio.TimerHandle | None = None

    # -- how it begins
    def open(self, to: Destination, listen: ListenSocket) -> None:
        """This side opens the connection: choose the profile. Raises TlsConfigError."""
        profile, self._name = self.module.connecting(to, listen)
        self._secrets = secrets_of(self.server, profile)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP is up: the client says hello."""
        self._tcp = cast(asyncio.Transport, transport)
        timeout = self.module.cfg["connection_timeout"]
        if timeout >= 0:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(timeout, self._failed, "the handshake does not end")
        if self._secrets is not None:
            context, name = self._secrets.context, self._name or None
            try:
                self._tls = context.wrap_bio(self._in, self._out, server_side=False, server_hostname=name)
            except ValueError as error:
                self._failed(f"server_name {name}: {error}")
                return
            self._shake()

    def data_received(self, data: bytes) -> None:
        """Bytes of the handshake or of what was said."""
        if self._tls is None:
            self._hello += data
            name = server_name_of(self._hello)
            if name is None:
                return
            data, self._hello = self._hello, b""
            if not self._accept(name):
                return
        self._in.write(data)
        if self.session is None and not self._shake():
            return
        self._read()

    def _accept(self, name: str) -> bool:
        assert self._tcp is not None
        own = self._tcp.get_extra_info("sockname")
        self._name = name
        try:
            self._secrets = secrets_of(self.server, self.module.profiles.accepting(own[0], own[1], name))
        except TlsConfigError as error:
            self._failed(str(error))
            return False
        self._tls = self._secrets.context.wrap_bio(self._in, self._out, server_side=True)
        return True

    def _shake(self) -> bool:
        """Go on with the handshake; whether it is done."""
        assert self._tls is not None and self._secrets is not None
        log, level = self.server.log, self.module.cfg["debug"]
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except (ssl.SSLError, ValueError) as error:
            self._flush()  # the alert
            reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or str(error)
            self._failed(reason.replace("_", " ").lower() if reason.isupper() else reason)
            return False
        log.write(level, "tls", "SSL handshake done")
        self.session = self._looked_at()
        if self._patience is not None:
            self._patience.cancel()
        too_long = len(self.session.chain) - 2 > self._secrets.profile.verify_depth >= 0
        if too_long:
            self._failed("certificate chain too long")
            return False
        self._flush()
        self._tell()
        self.inner.connection_made(cast(asyncio.Transport, self))
        return not self._closing

    def _looked_at(self) -> TlsSession:
        tls, secrets = self._tls, self._secrets
        assert tls is not None and secrets is not None
        name, version, bits = tls.cipher() or ("", "", 0)
        described = {one["name"]: one["description"] for one in secrets.context.get_ciphers()}
        der = tls.getpeercert(True)
        peer, outcome = None, OTHER
        if der:
            peer = read_der(der)
            verified = secrets.context.verify_mode != ssl.CERT_NONE
            outcome = VERIFIED if verified else SELFSIGNED if peer.subject == peer.issuer else OTHER
        chain = _chain(tls) if outcome == VERIFIED else []
        return TlsSession(
            tls.version() or version, name, bits, str(described.get(name, name)).rstrip("\n"), own=secrets.own,
            peer=peer, outcome=outcome, server_name=self._name, chain=chain,
        )  # fmt: skip

    def _tell(self) -> None:
        """The log lines of a new connection (tls_log)."""
        session, tcp, secrets = self.session, self._tcp, self._secrets
        assert session is not None and tcp is not None and secrets is not None
        level, log = self.module.cfg["log"], self.server.log
        host, port = tcp.get_extra_info("peername")[:2]
        what = "tls_accept: new connection from" if secrets.profile.role == SERVER else "tls_connect: new connection to"
        log.write(level, "tls", f"{what} {host}:{port} using {session.version} {session.cipher} {session.bits}")
        if session.peer is None:
            log.write(level, "tls", "the peer showed no certificate")
        else:
            log.write(level, "tls", f"subject:{session.peer.subject_line} issuer:{session.peer.issuer_line}")

    def _failed(self, reason: str) -> None:
        self._closing = True
        if self._tcp is not None:
            self._tcp.abort() if reason == "the handshake does not end" else self._tcp.close()
        name = f" (sni: {self._name})" if self._name else ""
        self.lost(f"{reason}{name}")

    # -- what is said
    def _read(self) -> None:
        tls = self._tls
        assert tls is not None
        while not self._closing:
            try:
                data = tls.read(_CHUNK)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                self.server.log.error("tls", f"protocol level error: {error.reason or error}")
                self.abort()
                return
            if not data:  # close_notify
                self.close()
                return
            self.inner.data_received(data)
        self._flush()

    def _flush(self) -> None:
        data = self._out.read()
        if data and self._tcp is not None and not self._tcp.is_closing():
            self._tcp.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is gone."""
        if self._patience is not None:
            self._patience.cancel()
        if self.session is not None:
            self.inner.connection_lost(exc)
        elif not self._closing:
            self._failed("the peer hung up during the handshake")

    # -- the transport that `inner` sees
    def write(self, data: bytes) -> None:
        """Encrypt and send, in records of ssl_max_send_fragment bytes at most."""
        if self._closing or self._tls is None:
            return
        size = self.module.cfg["ssl_max_send_fragment"]
        step = size if size > 0 else len(data)
        for at in range(0, len(data), step or 1):
            self._tls.write(data[at : at + step])
        self._flush()

    def close(self) -> None:
        """Close when all is written; with send_close_notify the peer is told first."""
        if self._closing:
            return
        self._closing = True
        if self._tls is not None and self.module.cfg["send_close_notify"]:
            try:
                self._tls.unwrap()
            except ssl.SSLError:  # the peer's own close_notify is not waited for
                pass
            self._flush()
        if self._tcp is not None:
            self._tcp.close()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        if self._tcp is not None:
            self._tcp.abort()

    def is_closing(self) -> bool:
        """Whether it was closed, or the stream is."""
        return self._closing or self._tcp is None or self._tcp.is_closing()

    def get_write_buffer_size(self) -> int:
        """Bytes that are not written yet."""
        return self._tcp.get_write_buffer_size() if self._tcp is not None else 0

    def get_extra_info(self, name: str) -> Any:
        """`tls_session`, and what TCP knows."""
        if name == "tls_session":
            return self.session
        return self._tcp.get_extra_info(name) if self._tcp is not None else None


def _chain(tls: ssl.SSLObject) -> list[str]:
    """The certificates that were verified as PEM texts, the peer's first (public since Python 3.13)."""
    public = getattr(tls, "get_verified_chain", None)
    if public is not None:
        return [pem_of(der) for der in public()]
    found = getattr(getattr(tls, "_sslobj", None), "get_verified_chain", lambda: None)() or []
    return [certificate.public_bytes() for certificate in found]
