"""The RPC commands `tls.*`. Source: src/modules/tls/tls_rpc.c."""

from __future__ import annotations

from typing import Any, Protocol

from kamscript.core.rpc import Rpc, RpcFault
from kamscript.module import rpc
from kamscript.modules.tls.profiles import SERVER, Profile, Profiles
from kamscript.modules.tls.variables import Variables

#: `flags` of a connection whose handshake is done (F_TLS_CON_HANDSHAKED).
_HANDSHAKED = 2
#: What tls.options shows, by the names of the cfg group; two have another name there.
_OPTIONS = (
    "force_run", "method", "verify_certificate", "verify_depth", "require_certificate", "verify_client", "private_key",
    "ca_list", "certificate", "cipher_list", "session_cache", "session_id", "config", "log", "debug",
    "connection_timeout", "disable_compression", "ssl_release_buffers", "ssl_freelist_max", "ssl_max_send_fragment",
    "ssl_read_ahead", "send_close_notify", "low_mem_threshold1", "low_mem_threshold2", "ct_wq_max", "con_ct_wq_max",
    "ct_wq_blk_size",
)  # fmt: skip
_CFG_NAMES = {"ssl_freelist_max": "ssl_free_list_max"}


class Driver(Protocol):
    """Who holds the connections."""

    def remaining(self, connection: int) -> int:
        """Seconds until a silent connection is closed."""

    def waiting(self) -> int:
        """Bytes that wait for handshakes to end."""


class Commands(Variables):
    """The commands; `driver` is None where nothing times out (the lab)."""

    cfg: dict[str, Any]
    profiles: Profiles
    driver: Driver | None = None

    def load(self) -> Profiles:
        """The profiles as the parameters or the configuration file have them; raises OSError, ValueError."""
        raise NotImplementedError

    def orphan(self, profiles: Profiles) -> Profile | None:
        """A server profile for an address where no TLS is listened for."""
        for profile in profiles:
            if (
                profile.role == SERVER
                and profile.ip
                and self.server.find_socket(profile.ip, profile.port, "tls") is None
            ):
                return profile
        return None

    @rpc("tls.list")
    def list_connections(self, rpc: Rpc) -> None:
        """The open TLS connections, but for those that carry WebSockets."""
        for number, received in self.server.connections.items():
            if received.proto != "tls":
                continue
            session = self.server.tls_sessions.get(number)
            rpc.struct(
                id=number, timeout=self._remaining(number), src_ip=received.src_ip, src_port=received.src_port,
                dst_ip=received.dst_ip, dst_port=received.dst_port,
                cipher="unknown" if session is None else session.description, ct_wq_size=0, enc_rd_buf=0,
                flags=0 if session is None else _HANDSHAKED,
                state="pre-init" if session is None else "established",
            )  # fmt: skip

    @rpc("tls.info")
    def info(self, rpc: Rpc) -> None:
        """How many TLS connections there are and may be, and how many bytes wait for a handshake."""
        rpc.struct(
            max_connections=self.server.tcp["max_tls_connections"], opened_connections=len(self.server.tls_sessions),
            clear_text_write_queued_bytes=self.waiting(),
        )  # fmt: skip

    def waiting(self) -> int:
        """Bytes that wait for handshakes to end."""
        return self.driver.waiting() if self.driver is not None else 0

    def _remaining(self, connection: int) -> int:
        return self.driver.remaining(connection) if self.driver is not None else int(self.cfg["connection_timeout"])

    @rpc("tls.options")
    def options(self, rpc: Rpc) -> None:
        """The parameters as they are."""
        rpc.struct(**{name: self.cfg[_CFG_NAMES.get(name, name)] for name in _OPTIONS})

    @rpc("tls.reload")
    def reload(self, rpc: Rpc) -> None:
        """Read the configuration file again: new connections follow it."""
        if not self.cfg["config"]:
            raise RpcFault(500, "No TLS configuration file configured")
        try:
            profiles = self.load()
        except (OSError, ValueError) as error:
            self.server.log.error(self.name, f"{self.cfg['config']}: {error}")
            raise RpcFault(500, "Error while loading TLS configuration file (consult server log)") from None
        orphan = self.orphan(profiles)
        if orphan is not None:
            self.server.log.error(self.name, f"{orphan}: no TLS listen address is that")
            raise RpcFault(500, "No server listening socket found for one of TLS domains (consult server log)")
        self.profiles = profiles
        rpc.add("Ok. TLS configuration reloaded.")

    @rpc("tls.kill", since="6.x")
    def kill(self, rpc: Rpc, number: int) -> None:
        """Close a TLS connection by its number."""
        received = self.server.connections.get(number)
        if received is None or received.proto not in ("tls", "wss"):
            raise RpcFault(500, "Connection not found")
        self.server.close_connection(number)
