"""tls: TLS connections, their certificates and their configuration.

What a connection's ends showed stands in `server.tls_sessions`; the driver fills it in. In the lab nothing is encrypted
and a phone shows the certificate that the test gives it; live the daemon makes its contexts from `profile()`.
Source: tls manual, src/modules/tls/tls_mod.c, tls_select.c, tls_rpc.c, tls_config.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from kamscript.core.rpc import Rpc, RpcFault
from kamscript.module import (
    Accessor,
    FixupError,
    Module,
    Param,
    PvRef,
    Route,
    Str,
    function,
    pv_class,
    rpc,
)
from kamscript.sip.certificate import VERIFIED, Certificate, TlsSession, one_line

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.values import Value

F = TypeVar("F", bound=Callable[..., Any])

_OPENSSL = "it tunes OpenSSL, which nothing here looks at"
_PARTS = {
    "cn": "CN", "organization": "O", "unit": "OU", "country": "C", "state": "ST", "locality": "L", "uid": "UID",
}  # fmt: skip
_NAMES = [f"tls_{side}_{name}{part}" for side in ("peer", "my") for name in ("subject", "issuer")
          for part in ("", *(f"_{part}" for part in _PARTS if part != "uid"))]  # fmt: skip
_SANS = [f"tls_{side}_san_{kind}" for side in ("peer", "my") for kind in ("email", "hostname", "uri", "ip")]
_OUTCOMES = ("verified", "revoked", "expired", "selfsigned")
#: The settings of a profile in the configuration file, by their names there.
_PROFILE = (
    "method", "verify_certificate", "verify_depth", "require_certificate", "verify_client", "private_key",
    "private_key_password", "certificate", "ca_list", "ca_path", "crl", "cipher_list", "server_name",
)  # fmt: skip


def _variables(*names: str, since: str = "") -> Callable[[F], F]:
    """Export one method as several pseudo-variables."""

    def mark(method: F) -> F:
        for name in names:
            pv_class(name, since=since)(method)
        return method

    return mark


class Tls(Module, name="tls"):
    """Speak SIP over TLS; `enable_tls=yes` makes the server listen."""

    tls_method = Param("TLSv1", "Protocol version: TLSv1, TLSv1.2, TLSv1.2+, TLSv1.3, SSLv23, ...", check=None)
    certificate = Param("", "File of the server's certificate.")
    private_key = Param("", "File of its private key.")
    ca_list = Param("", "File of the certificates that are trusted.")
    ca_path = Param("", "Directory of them.", since="5.6")
    crl = Param("", "File of revoked certificates.")
    verify_certificate = Param(0, "Whether the peer's certificate is verified.")
    verify_depth = Param(9, "How long a chain of certificates may be.", inert="Python's ssl has no such limit")
    require_certificate = Param(0, "Whether a peer must show one.")
    verify_client = Param("off", "Of clients: off, optional_no_ca, optional, on.", since="5.6")
    cipher_list = Param("", "Ciphers, as OpenSSL writes them.")
    server_name = Param("", "Name that a client asks for (SNI).")
    config = Param("", "File with profiles per role and address, in place of these parameters.")
    connection_timeout = Param(600, "Seconds after which a silent connection is closed.",
                               inert="here tcp_connection_lifetime counts for all streams")  # fmt: skip
    tls_log = Param(3, "Log level of what happens.", inert="nothing is logged there")
    tls_debug = Param(3, "Log level of details.", inert="nothing is logged there")
    session_cache = Param(0, "Whether sessions are kept.", inert=_OPENSSL)
    session_id = Param("", "Name of the cache.", inert=_OPENSSL)
    tls_disable_compression = Param(1, "Whether compression is off.", inert=_OPENSSL)
    ssl_release_buffers = Param(-1, "Whether buffers are freed when empty.", inert=_OPENSSL)
    ssl_freelist_max_len = Param(-1, "Most free buffers that are kept.", inert=_OPENSSL)
    ssl_max_send_fragment = Param(-1, "Longest record.", inert=_OPENSSL)
    ssl_read_ahead = Param(0, "Whether as much as there is is read.", inert=_OPENSSL)
    send_close_notify = Param(0, "Whether the end of a connection is told.", inert=_OPENSSL)
    con_ct_wq_max = Param(65536, "Longest queue of clear text of a connection.", inert=_OPENSSL)
    ct_wq_max = Param(10485760, "Longest queue of clear text of all.", inert=_OPENSSL)
    ct_wq_blk_size = Param(4096, "Size of its blocks.", inert=_OPENSSL)
    tls_force_run = Param(0, "Start with a library of another version, too.", inert=_OPENSSL)
    low_mem_threshold1 = Param(-1, "Memory below which no connection is opened.", inert=_OPENSSL)
    low_mem_threshold2 = Param(-1, "Memory below which operations fail.", inert=_OPENSSL)
    renegotiation = Param(0, "Whether clients may renegotiate.", inert=_OPENSSL)
    xavp_cfg = Param("", "XAVP whose fields choose the client profile.", inert="the default client profile is used")
    event_callback = Param("", "KEMI function of events.", since="5.6", set="_refuse_callback")
    engine = Param("NONE", "OpenSSL engine.", since="5.6", inert=_OPENSSL)
    engine_config = Param("NONE", "Its configuration file.", since="5.6", inert=_OPENSSL)
    engine_algorithms = Param("NONE", "What it is used for.", since="5.6", inert=_OPENSSL)
    rand_engine = Param("", "Source of chance.", repeat=True, since="5.6", inert=_OPENSSL)
    init_mode = Param(0, "Bits of when OpenSSL starts.", since="6.x", inert=_OPENSSL)
    key_password_mode = Param(0, "Where the key's password comes from.", since="6.x", inert=_OPENSSL)
    keylog_file = Param("", "File for the keys of connections.", since="6.x", inert=_OPENSSL)
    keylog_mode = Param(0, "Bits of where they are written.", since="6.x", inert=_OPENSSL)
    keylog_peer = Param("", "Whose keys are written.", since="6.x", inert=_OPENSSL)
    private_key_password = Param("", "Password of the private key.", since="6.x")
    provider_quirks = Param(0, "Bits of what OpenSSL providers need.", since="6.x", inert=_OPENSSL)
    provider_quirks_config = Param("", "Their configuration.", since="6.x", inert=_OPENSSL)

    def _refuse_callback(self, name: str) -> None:
        if name:
            raise FixupError("event_callback: no KEMI engine runs here, write event_route[tls:connection-out]")

    def start(self) -> None:
        """Say so when TLS is off: the daemon then loads the module and does without it."""
        self._connect_id = ""
        if self.server.settings["disable_tls"]:
            self.server.log.warning(self.name, "tls support is disabled (set enable_tls=1 in the config to enable it)")

    # -- what the daemon needs ----------------------------------------------------------------------------------------
    def profile(self, role: str, place: str = "default", name: str = "") -> dict[str, str]:
        """The settings of `server` or `client` at `ip:port`, with a server name; raises OSError, ValueError.

        Those of the modparams, or with `config` those of the file: the profile of the place, of any place with that
        name, the default.
        """
        if not self.config:
            return {key: str(getattr(self, "tls_method" if key == "method" else key)) for key in _PROFILE}
        found: dict[str, str] | None = None
        for section, settings in read_profiles(self.server.environment.files.read(self.config)):
            kind, _, where = section.partition(":")
            if kind != role:
                continue
            if where == place and settings.get("server_name", name) == name:
                return settings
            if (where == "any" and name and settings.get("server_name") == name) or (where == "default" and not found):
                found = settings
        return found or {}

    # -- functions ----------------------------------------------------------------------------------------------------
    def _session(self, ctx: Context) -> TlsSession | None:
        return self.server.tls_sessions.get(ctx.msg.received.connection)

    @function(Route.REQUEST)
    def is_peer_verified(self, ctx: Context) -> int:
        """Whether the message came over TLS and its sender showed a certificate that was verified: 1, else -1."""
        log = self.server.log
        if ctx.msg.received.proto != "tls":
            log.error(self.name, "proto != TLS --> peer can't be verified, return -1")
            return -1
        session = self._session(ctx)
        if session is None:
            log.error(self.name, "connection no longer exists")
            return -1
        if session.peer is None:
            log.info(self.name, "the peer showed no certificate, so it could not be verified")
            return -1
        if session.outcome != VERIFIED:
            log.warning(self.name, "verification of presented certificate failed... return -1")
            return -1
        return 1

    @function(Route.ANY, since="5.6")
    def tls_set_connect_server_id(self, ctx: Context, server_id: Str) -> int:
        """Choose the client profile with this server_id for connections that are opened from now on."""
        self._connect_id = server_id
        return 1

    # -- variables ----------------------------------------------------------------------------------------------------
    @_variables("tls_version", "tls_description", "tls_cipher_info", "tls_cipher_bits", "tls_peer_server_name")
    def _connection(self, ref: PvRef) -> Accessor:
        """Version, cipher and the name that the peer asked for; null without TLS."""
        attribute = {
            "tls_version": "version", "tls_description": "description", "tls_cipher_info": "cipher",
            "tls_cipher_bits": "bits", "tls_peer_server_name": "server_name",
        }[ref.name]  # fmt: skip

        def read(ctx: Context) -> Value:
            session = self._session(ctx)
            if session is None:
                return None
            value: Value = getattr(session, attribute)
            return value if value != "" else None

        return Accessor(read)

    @_variables(*(f"tls_peer_{outcome}" for outcome in _OUTCOMES))
    def _outcome(self, ref: PvRef) -> Accessor:
        """1 when that came of verifying the peer's certificate, else 0; null without TLS."""
        wanted = ref.name.rpartition("_")[2]

        def read(ctx: Context) -> Value:
            session = self._session(ctx)
            return None if session is None else int(session.peer is not None and session.outcome == wanted)

        return Accessor(read)

    @_variables(*_NAMES)
    @_variables("tls_peer_subject_uid", "tls_my_subject_uid", since="5.6")
    def _name(self, ref: PvRef) -> Accessor:
        """Subject or issuer of a certificate, or a part of it; null when it has none."""
        _, side, name, *rest = ref.name.split("_")
        part = _PARTS[rest[0]] if rest else ""

        def of(certificate: Certificate) -> Value:
            found = certificate.subject if name == "subject" else certificate.issuer
            return found.get(part) if part else one_line(found)

        return self._reader(side, of)

    @_variables(*_SANS)
    def _alternative(self, ref: PvRef) -> Accessor:
        """The first alternative name of a kind in a certificate; null when it has none."""
        _, side, _, kind = ref.name.split("_")
        return self._reader(side, lambda certificate: next(iter(certificate.names[kind]), None))

    @_variables("tls_peer_san_count", "tls_my_san_count", since="6.x")
    def _count(self, ref: PvRef) -> Accessor:
        """How many alternative names a certificate has."""
        return self._reader(ref.name.split("_")[1], lambda found: sum(map(len, found.names.values())))

    @_variables(
        "tls_peer_version", "tls_my_version", "tls_peer_serial", "tls_my_serial", "tls_peer_notBefore",
        "tls_peer_notAfter",
    )  # fmt: skip
    @_variables(
        "tls_peer_raw_cert", "tls_my_raw_cert", "tls_peer_urlencoded_cert", "tls_my_urlencoded_cert", since="5.6"
    )
    def _detail(self, ref: PvRef) -> Accessor:
        """Version, serial number, validity and PEM text of a certificate."""
        _, side, what = ref.name.split("_", 2)
        read: dict[str, Callable[[Certificate], Value]] = {
            "version": lambda found: str(found.version),
            "serial": lambda found: found.serial,
            "notBefore": lambda found: found.not_before,
            "notAfter": lambda found: found.not_after,
            "raw_cert": lambda found: found.pem or None,
            "urlencoded_cert": lambda found: quote(found.pem, safe="") or None,
        }
        return self._reader(side, read[what])

    @pv_class("tls", since="5.6")
    def _line(self, ref: PvRef) -> Accessor:
        """`$tls(m_subject_line)`, `m_issuer_line` of the server's certificate, `p_...` of the peer's."""
        which, _, name = str(ref.inner or "").partition("_")
        if which not in ("m", "p") or name not in ("subject_line", "issuer_line"):
            raise FixupError(f"unknown PV tls name {ref.inner}")
        subject = name == "subject_line"
        return self._reader(
            "my" if which == "m" else "peer", lambda found: one_line(found.subject if subject else found.issuer)
        )

    def _reader(self, side: str, of: Callable[[Certificate], Value]) -> Accessor:
        own = side == "my"

        def read(ctx: Context) -> Value:
            session = self._session(ctx)
            certificate = None if session is None else session.own if own else session.peer
            return None if certificate is None else of(certificate)

        return Accessor(read)

    # -- commands -----------------------------------------------------------------------------------------------------
    @rpc("tls.list")
    def list_connections(self, rpc: Rpc) -> None:
        """The open TLS connections."""
        for number, received in self.server.connections.items():
            if received.proto != "tls":
                continue
            session = self.server.tls_sessions.get(number)
            rpc.struct(
                id=number, timeout=self.connection_timeout, src_ip=received.src_ip, src_port=received.src_port,
                dst_ip=received.dst_ip, dst_port=received.dst_port,
                cipher="unknown" if session is None else session.description, ct_wq_size=0, enc_rd_buf=0, flags=0,
                state="pre-init" if session is None else "established",
            )  # fmt: skip

    @rpc("tls.info")
    def info(self, rpc: Rpc) -> None:
        """How many TLS connections there are and may be."""
        tls = sum(received.proto in ("tls", "wss") for received in self.server.connections.values())
        rpc.struct(
            max_connections=self.server.settings["tls_max_connections"], opened_connections=tls,
            clear_text_write_queued_bytes=0,
        )  # fmt: skip

    @rpc("tls.options")
    def options(self, rpc: Rpc) -> None:
        """The parameters as they are."""
        names = {
            "tls_force_run": "force_run", "tls_method": "method", "tls_log": "log", "tls_debug": "debug",
            "tls_disable_compression": "disable_compression", "ssl_freelist_max_len": "ssl_freelist_max",
        }  # fmt: skip
        shown = (
            "tls_force_run", "tls_method", "verify_certificate", "verify_depth", "require_certificate",
            "verify_client", "private_key", "ca_list", "certificate", "cipher_list", "session_cache", "session_id",
            "config", "tls_log", "tls_debug", "connection_timeout", "tls_disable_compression", "ssl_release_buffers",
            "ssl_freelist_max_len", "ssl_max_send_fragment", "ssl_read_ahead", "send_close_notify",
            "low_mem_threshold1", "low_mem_threshold2", "ct_wq_max", "con_ct_wq_max", "ct_wq_blk_size",
        )  # fmt: skip
        rpc.struct(**{names.get(name, name): getattr(self, name) for name in shown})

    @rpc("tls.reload")
    def reload(self, rpc: Rpc) -> None:
        """Read the configuration file again: new connections follow it."""
        if not self.config:
            raise RpcFault(500, "No TLS configuration file configured")
        try:
            read_profiles(self.server.environment.files.read(self.config))
        except (OSError, ValueError) as error:
            self.server.log.error(self.name, f"{self.config}: {error}")
            raise RpcFault(500, "Error while loading TLS configuration file (consult server log)") from None
        self.server.shared.pop("tls_contexts", None)
        rpc.add("Ok. TLS configuration reloaded.")

    @rpc("tls.kill", since="6.x")
    def kill(self, rpc: Rpc, number: int) -> None:
        """Close a TLS connection by its number."""
        received = self.server.connections.get(number)
        if received is None or received.proto not in ("tls", "wss"):
            raise RpcFault(500, "Connection not found")
        self.server.close_connection(number)


def read_profiles(text: str) -> list[tuple[str, dict[str, str]]]:
    """The sections of a TLS configuration file, `("server:default", {...})`; raises ValueError with the line."""
    sections: list[tuple[str, dict[str, str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].strip()
        if not words:
            continue
        if words[0] == "[" and words[-1] == "]":
            name = words[1:-1].strip()
            if name.partition(":")[0] not in ("server", "client"):
                raise ValueError(f"line {number}: [{name}] is no [server:...] or [client:...]")
            sections.append((name, {}))
            continue
        key, equals, value = (part.strip() for part in words.partition("="))
        if not equals or not sections:
            raise ValueError(f"line {number}: `name = value` behind a [server:...] or [client:...] is wanted")
        sections[-1][1]["method" if key == "tls_method" else key] = value.strip('"')
    return sections
