"""tls: TLS connections, their certificates and their configuration.

What a connection's ends showed stands in `server.tls_sessions`; the driver fills it in. In the lab nothing is encrypted
and a phone shows the certificate that the test gives it; live the daemon makes its contexts from `profiles`.
Source: tls manual, src/modules/tls/tls_mod.c, tls_cfg.c, tls_server.c.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.core.cfg import CfgVar
from kamscript.core.environment import FileLister
from kamscript.core.xavps import get
from kamscript.module import EventRoute, FixupError, Param, Route, Str, function
from kamscript.modules.tls.commands import Commands
from kamscript.modules.tls.profiles import (
    CLIENT,
    METHODS,
    SERVER,
    Profile,
    Profiles,
    method_of,
    read_profiles,
    verify_client_of,
)
from kamscript.sip.certificate import VERIFIED, Certificate
from kamscript.sip.x509 import read_pem

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import Datagram, Destination, ListenSocket

_EVENT = "tls:connection-out"
_OPENSSL = "it tunes OpenSSL, which Python's ssl keeps to itself"
_MEMORY = "it is about OpenSSL's memory, which is not counted here"
_ENGINE = "Python's ssl has no OpenSSL engines"
#: The certificate and key of a config that names none, beside the config (TLS_CERT_FILE).
_OWN = "cert.pem"


class Wish(NamedTuple):
    """What the script wants of the next connection to a place: the name that is asked for (SNI) and a server_id."""

    server_name: str = ""
    server_id: str = ""


class Tls(Commands, name="tls"):
    """Speak SIP over TLS; `enable_tls=yes` makes the server listen."""

    tls_method = Param("TLSv1", f"Protocol versions, `+`: and newer ones: {', '.join(METHODS)}.")
    certificate = Param("", "File of the server's certificate, and of its key; `cert.pem` beside the config.")
    private_key = Param("", "File of its private key; `cert.pem` beside the config.")
    ca_list = Param("", "File of the certificates that are trusted.")
    ca_path = Param("", "Directory of them, hashed by c_rehash.", since="5.6")
    crl = Param("", "File of revoked certificates; a list of each authority in the chain.")
    verify_certificate = Param(0, "Whether a certificate that the peer shows must be good.")
    verify_depth = Param(9, "How many certificates there may be between the peer's and a trusted one.")
    require_certificate = Param(0, "Whether a peer must show one, a good one.")
    verify_client = Param("off", "off, optional, optional_no_ca or on: another way to say the two above.", since="5.6")
    cipher_list = Param("", "Ciphers, as OpenSSL writes them.")
    server_name = Param("", "Name of the server (SNI).", inert="Kamailio looks at it in the file of `config` only")
    config = Param("", "File, or directory of files, with profiles per role and address in place of these parameters.")
    connection_timeout = Param(600, "Seconds after which a silent connection is closed; -1 never.")
    tls_log = Param(3, "Log level of what connections are made.")
    tls_debug = Param(3, "Log level of handshakes.")
    session_cache = Param(0, "Whether sessions are kept.", inert=_OPENSSL)
    session_id = Param("kamailio-tls-5.x.y", "Name of the cache.", inert=_OPENSSL)
    tls_disable_compression = Param(1, "Whether compression is off.")
    ssl_release_buffers = Param(-1, "Whether buffers are freed when empty.", inert=_MEMORY)
    ssl_freelist_max_len = Param(-1, "Most free buffers that are kept.", inert=_MEMORY)
    ssl_max_send_fragment = Param(-1, "Longest record that is sent, 512 to 16384 bytes; -1: as OpenSSL likes.")
    ssl_read_ahead = Param(0, "Whether as much as there is is read.", inert=_OPENSSL)
    send_close_notify = Param(0, "Whether the end of a connection is told.")
    con_ct_wq_max = Param(65536, "Most bytes that wait for the handshake of a connection.")
    ct_wq_max = Param(10485760, "Most bytes that wait for handshakes, all together.")
    ct_wq_blk_size = Param(4096, "Size of the blocks they wait in.", inert=_MEMORY)
    tls_force_run = Param(0, "Start with an OpenSSL of another version, too.", inert="Python knows its OpenSSL")
    low_mem_threshold1 = Param(-1, "Memory below which no connection is opened.", inert=_MEMORY)
    low_mem_threshold2 = Param(-1, "Memory below which operations fail.", inert=_MEMORY)
    renegotiation = Param(
        0, "Whether clients may renegotiate.", inert="OpenSSL refuses it by itself since version 3, there as here"
    )
    xavp_cfg = Param("", "XAVP whose fields `server_name` and `server_id` say how connections are opened.")
    event_callback = Param("", "KEMI function of events.", since="5.6", set="_refuse_callback")
    engine = Param("NONE", "OpenSSL engine.", since="5.6", inert=_ENGINE)
    engine_config = Param("NONE", "Its configuration file.", since="5.6", inert=_ENGINE)
    engine_algorithms = Param("NONE", "What it is used for.", since="5.6", inert=_ENGINE)
    rand_engine = Param("", "Source of chance.", repeat=True, since="5.6", inert=_OPENSSL)
    init_mode = Param(0, "Bits of when OpenSSL starts.", since="6.x", inert=_OPENSSL)
    key_password_mode = Param(0, "Where the key's password comes from.", since="6.x", inert="it is a parameter here")
    keylog_file = Param("", "File for the keys of connections.", since="6.x", inert="no keys are written")
    keylog_mode = Param(0, "Bits of where they are written.", since="6.x", inert="no keys are written")
    keylog_peer = Param("", "Whose keys are written.", since="6.x", inert="no keys are written")
    private_key_password = Param("", "Password of the private key.", since="6.x")
    provider_quirks = Param(0, "Bits of what OpenSSL providers need.", since="6.x", inert=_OPENSSL)
    provider_quirks_config = Param("", "Their configuration.", since="6.x", inert=_OPENSSL)

    connection_out = EventRoute(_EVENT, "This server opened a connection; `drop` keeps everything from being sent.")

    def _refuse_callback(self, name: str) -> None:
        if name:
            raise FixupError(f"event_callback: no KEMI engine runs here, write event_route[{_EVENT}]")

    def start(self) -> None:
        """Read the profiles; say so when TLS is off: the daemon then loads the module and does without it.

        `problem` is why the configuration file could not be read: a server on sockets does not start then.
        """
        server = self.server
        self._connect_id, self._watching = "", False
        self._wished: Wish | None = None
        self._wishes: dict[tuple[str, int], Wish] = {}
        self.problem = ""
        self.cfg = server.cfg.declare("tls", self._variables(), values={})
        if server.target not in ("4.4", "5.6"):
            server.statistics.add("tls", "opened_connections", lambda: len(server.tls_sessions))
            server.statistics.add("tls", "max_connections", lambda: int(server.tcp["max_tls_connections"]))
            server.statistics.add("tls", "clear_text_write_queued_bytes", self.waiting)
        if server.settings["disable_tls"]:
            server.log.warning(self.name, "tls support is disabled (set enable_tls=1 in the config to enable it)")
            self.profiles = Profiles(Profile(role=SERVER), Profile(role=CLIENT))
            return
        if self.ssl_max_send_fragment >= 0 and not 512 <= self.ssl_max_send_fragment <= 16384:
            raise FixupError(f"ssl_max_send_fragment {self.ssl_max_send_fragment}: 512 to 16384 is wanted")
        defaults = self._defaults(of_parameters=True)
        try:
            self.profiles = self.load()
        except OSError as error:
            self.problem = f"{self.cfg['config']}: {error.strerror or error}"
            server.log.warning(self.name, f"{self.problem}: connections follow the parameters alone")
            self.profiles = defaults
        except ValueError as error:
            raise FixupError(f"{self.cfg['config']}: {error}") from None
        orphan = self.orphan(self.profiles)
        if orphan is not None:
            raise FixupError(f"{orphan} of {self.cfg['config']}: no TLS listen address is that")
        if any(profile.verify_client == "optional_no_ca" for profile in self.profiles):
            server.log.warning(
                self.name, "verify_client=optional_no_ca: on sockets a bad certificate is refused, as with `optional`"
            )
        if self.xavp_cfg:
            server.hooks.request_build.append(self._building)
            self._watch()

    def _variables(self) -> list[CfgVar]:
        """The group `tls` of the cfg framework; most of it only the config sets."""

        def fixed(name: str, value: Any, doc: str) -> CfgVar:
            return CfgVar(name, value, doc, read_only=True, kind=int if isinstance(value, int) else str)

        def path(name: str) -> str | None:
            return self._path(getattr(self, name)) or None

        top = 1 << 30
        return [
            fixed("force_run", self.tls_force_run, "start with an OpenSSL of another version, too"),
            fixed("method", self.tls_method, "protocol versions"),
            fixed("server_name", self.server_name or None, "name of the server (SNI)"),
            fixed("server_name_mode", 0, "how it is compared"),
            fixed("server_id", None, "name of the profile"),
            fixed("verify_certificate", self.verify_certificate, "certificates are verified"),
            fixed("verify_depth", self.verify_depth, "how long a chain may be"),
            fixed("require_certificate", self.require_certificate, "a certificate is required"),
            fixed("verify_client", self.verify_client, "off, on, optional or optional_no_ca"),
            fixed("private_key", self._path(self.private_key or _OWN), "file of the private key"),
            fixed("ca_list", path("ca_list"), "file of trusted certificates"),
            fixed("ca_path", path("ca_path"), "directory of trusted certificates"),
            fixed("crl", path("crl"), "file of revoked certificates"),
            fixed("certificate", self._path(self.certificate or _OWN), "file of the certificate"),
            fixed("cipher_list", self.cipher_list or None, "ciphers"),
            fixed("session_cache", self.session_cache, "sessions are kept"),
            fixed("session_id", self.session_id, "name of the cache"),
            CfgVar("config", path("config"), "file of the profiles", kind=str, on_change=self._renamed),
            CfgVar("log", self.tls_log, "log level of connections", high=1000),
            CfgVar("debug", self.tls_debug, "log level of handshakes", high=1000),
            CfgVar("connection_timeout", self.connection_timeout, "seconds of silence", low=-1, high=(1 << 31) - 1,
                   readable=False),
            fixed("disable_compression", self.tls_disable_compression, "no compression"),
            fixed("ssl_release_buffers", self.ssl_release_buffers, "buffers are freed"),
            fixed("ssl_free_list_max", self.ssl_freelist_max_len, "free buffers that are kept"),
            fixed("ssl_max_send_fragment", self.ssl_max_send_fragment, "longest record"),
            fixed("ssl_read_ahead", self.ssl_read_ahead, "read as much as there is"),
            CfgVar("low_mem_threshold1", self.low_mem_threshold1, "KB free for new connections", low=-1, high=top),
            CfgVar("low_mem_threshold2", self.low_mem_threshold2, "KB free for operations", low=-1, high=top),
            CfgVar("ct_wq_max", self.ct_wq_max, "bytes that wait for handshakes", high=top),
            CfgVar("con_ct_wq_max", self.con_ct_wq_max, "bytes that wait for one handshake", high=4 << 20),
            CfgVar("ct_wq_blk_size", self.ct_wq_blk_size, "size of their blocks", low=1, high=65536),
            CfgVar("send_close_notify", self.send_close_notify, "the end of a connection is told", high=1),
        ]  # fmt: skip

    def _renamed(self, old: str | None, new: str | None) -> None:
        self.cfg["config"] = self._path(new or "") or None

    def _path(self, name: str) -> str:
        """A file name as it is to be opened: beside the config, unless it begins with `/` or `.`."""
        return (
            name if not name or name[0] in "/." else posixpath.join(posixpath.dirname(self.server.program.path), name)
        )

    # -- profiles -----------------------------------------------------------------------------------------------------
    def _defaults(self, *, of_parameters: bool) -> Profiles:
        """The default profiles: of the parameters, or those that a file fills in; raises FixupError."""
        target = self.server.target
        method, verify_client = method_of(self.tls_method, target), verify_client_of(self.verify_client)
        if method is None:
            raise FixupError(f"tls_method {self.tls_method}: {', '.join(METHODS)} are known, the last two since 6.x")
        if verify_client is None:
            raise FixupError(f"verify_client {self.verify_client}: off, on, optional or optional_no_ca is wanted")
        if not of_parameters:
            own = self._path(_OWN)
            return Profiles(Profile(role=SERVER, certificate=own, private_key=own), Profile(role=CLIENT))
        cfg = self.cfg
        made = Profile(
            role=SERVER, method=method, verify_certificate=bool(self.verify_certificate),
            verify_depth=self.verify_depth, require_certificate=bool(self.require_certificate),
            verify_client=verify_client, certificate=cfg["certificate"], private_key=cfg["private_key"],
            private_key_password=self.private_key_password, ca_list=cfg["ca_list"] or "",
            ca_path=cfg["ca_path"] or "", crl=cfg["crl"] or "", cipher_list=self.cipher_list,
        )  # fmt: skip
        return Profiles(made, replace(made, role=CLIENT))

    def load(self) -> Profiles:
        """The profiles of the configuration file, else of the parameters; raises OSError, ValueError."""
        path = self.cfg["config"]
        if not path:
            return self._defaults(of_parameters=True)
        files = self.server.environment.files
        names = files.names(path) if isinstance(files, FileLister) else None
        text = files.read(path) if names is None else "\n".join(files.read(name) for name in names)
        return read_profiles(text, self._defaults(of_parameters=False), self._path, self.server.target)

    def certificate_of(self, profile: Profile) -> Certificate | None:
        """The certificate that this server shows with a profile; None when there is none, or no good one."""
        if not profile.certificate:
            return None
        try:
            return read_pem(self.server.environment.files.read(profile.certificate))
        except (OSError, ValueError):
            return None

    # -- connections that are opened ----------------------------------------------------------------------------------
    def _watch(self) -> None:
        """Look at what leaves, once somebody wishes something: it costs time for each message."""
        if not self._watching:
            self._watching = True
            self.server.hooks.data_out.append(self._leaving)

    def _building(self, ctx: Context) -> None:
        """A request is about to be built: remember what its XAVP says."""
        fields = get(ctx.xavps, self.xavp_cfg)
        if not isinstance(fields, dict):
            self._wished = None
            return
        name, server_id = get(fields, "server_name"), get(fields, "server_id")
        self._wished = Wish(name if isinstance(name, str) else "", server_id if isinstance(server_id, str) else "")

    def _leaving(self, text: str, socket: ListenSocket, to: Destination) -> str:
        """A message leaves: what was wished counts for the connection it will open."""
        if to.proto == "tls" and (self._wished is not None or self._connect_id):
            open_ones = self.server.connections.values()
            if not any((one.src_ip, one.src_port) == (to.ip, to.port) for one in open_ones):
                wished = self._wished or Wish()
                self._wishes[to.ip, to.port] = wished._replace(server_id=wished.server_id or self._connect_id)
                self._connect_id = ""
        self._wished = None
        return text

    def connecting(self, to: Destination, socket: ListenSocket) -> tuple[Profile, str]:
        """The profile for the connection that is opened to a place, and the name to ask for there ("" none)."""
        wish = self._wishes.pop((to.ip, to.port), Wish())
        places = [(to.ip, to.port), (socket.address, 0)]
        return self.profiles.connecting(places, wish.server_name, wish.server_id), wish.server_name

    def connected(self, connection: int, datagram: Datagram) -> bool:
        """The connection that `datagram` opened is up: run the event route; False: nothing is to be sent over it."""
        server = self.server
        ctx = server.context(server.faked_message())
        ctx.onsend = datagram
        self.event_session = server.tls_sessions.get(connection)
        try:
            server.run_event(_EVENT, ctx=ctx)
        finally:
            self.event_session = None
        return not ctx.drop

    # -- functions ----------------------------------------------------------------------------------------------------
    @function(Route.REQUEST)
    def is_peer_verified(self, ctx: Context) -> int:
        """Whether the message came over TLS and its sender showed a certificate that was verified: 1, else -1."""
        log = self.server.log
        if ctx.msg.received.proto != "tls":
            log.error(self.name, "proto != TLS --> peer can't be verified, return -1")
            return -1
        session = self.session(ctx)
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
        """Choose the client profile with this server_id for the next connection that is opened; "" takes it back."""
        self._connect_id = server_id
        self._watch()
        return 1
