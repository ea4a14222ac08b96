"""Where copies go and how they get there: as HEP, as SIP, as rows (siptrace_hep.c, siptrace_send.c, siptrace.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from kamscript import stores
from kamscript.core.sockets import Datagram, Destination, ListenSocket
from kamscript.module import FixupError
from kamscript.modules._tables import claim
from kamscript.modules.siptrace.hep import LOG, MAX_SIZE, Clock, Endpoint, endpoint, version_2, version_3
from kamscript.modules.siptrace.record import HeadersError, Record
from kamscript.sip.errors import SipError
from kamscript.sip.uri import Uri, parse_uri
from kamscript.stores import DatabaseError, Timestamp

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.siptrace import Siptrace

_TABLE: Final = "sip_trace"
_VERSION: Final = 4


class Copies:
    """Sends and stores what is traced."""

    def __init__(self, module: Siptrace) -> None:
        self.module, self.server = module, module.server
        self.duplicate = self._uri(module.duplicate_uri, "bad duplicate_uri")
        self.send_sock = None
        if not module.send_sock_name:
            self.send_sock = self._uri(module.socket_uri, "bad send sock address")
        self.stored = bool(module.trace_to_database or module.trace_mode & 2)
        if self.stored:
            self.db = stores.bind(self.server, module.db_url)
            self._known: set[str] = set()
            self._adopt(module.table)

    def _uri(self, text: str, problem: str) -> Uri | None:
        if not text:
            return None
        try:
            return parse_uri(text)
        except SipError as error:
            raise FixupError(f"{problem}: {text} ({error})") from None

    def connect(self) -> None:
        """Look whether the table is the right one; FixupError."""
        if self.stored:
            try:
                self.db.connect()
            except DatabaseError as error:
                raise FixupError(f"unable to connect to database: {error}") from error
            self.db.check_version(self.module.table, _VERSION)

    # -- where to -------------------------------------------------------------------------------------------------
    def resolve(self, uri: Uri | None) -> Destination | None:
        """The address of a URI, 5060 and UDP unless it says otherwise; None, and a line in the log: it has none."""
        if uri is None:
            self.module.error("Missing duplicate URI")
            return None
        found = next(self.server.dns.destinations(uri.host, uri.port_no or 5060, uri.proto or "udp"), None)
        if found is None:
            self.module.error("bad host name in uri")
        return found

    def resolve_text(self, text: str) -> Destination | None:
        """The same for a URI as a text; an empty one is duplicate_uri."""
        if not text:
            return self.resolve(self.duplicate)
        try:
            return self.resolve(parse_uri(text))
        except SipError:
            self.module.error("bad dup uri")
            return None

    def _socket(self, destination: Destination, missing: str) -> ListenSocket | None:
        module, server = self.module, self.server
        found: ListenSocket | None = None
        if module.send_sock_name:
            found = next((socket for socket in server.sockets if socket.name == module.send_sock_name), None)
        elif self.send_sock is not None:
            wanted = self.send_sock
            found = server.find_socket(wanted.host, wanted.port_no or 5060, wanted.proto or "udp")
        if found is None and (module.send_sock_name or self.send_sock is not None):
            server.log.warning(module.name, missing)
        found = found or server.get_send_socket(destination)
        if found is None:
            module.error(f"can't forward to proto {destination.proto} no corresponding listening socket")
        return found

    def _send(self, socket: ListenSocket, destination: Destination, text: str) -> None:
        """Into the outbox past those who see or change what leaves: a copy is no message of this server."""
        self.server.outbox.append(Datagram(socket, destination, text))

    # -- HEP ------------------------------------------------------------------------------------------------------
    def send_hep(
        self, text: str, source: str, target: str, destination: Destination | None, correlation_id: str | None
    ) -> bool:
        """Send a message as HEP, to `duplicate_uri` without a destination."""
        module = self.module
        if not text or (module.hep_version < 3 and self.duplicate is None):
            return False
        ends = self._endpoints(source, target)
        destination = (destination or self.resolve(self.duplicate)) if ends is not None else None
        if ends is None or destination is None:
            return False
        socket = self._socket(destination, "cannot find send socket info")
        if socket is None:
            return False
        time = Clock.of(self.server.timers.now)
        if module.hep_version < 3:
            data = version_2(*ends, time, text, version=module.hep_version, capture_id=module.hep_capture_id)
        else:
            data = version_3(
                *ends,
                time,
                text,
                capture_id=module.hep_capture_id,
                correlation_id=correlation_id,
                auth_key=module.auth_key,
            )
        if len(data) > MAX_SIZE:
            return False
        self._send(socket, destination, data)
        return True

    def _endpoints(self, source: str, target: str) -> tuple[Endpoint, Endpoint] | None:
        found = []
        for text in (source, target):
            end = endpoint(text)
            if end is None:
                self.module.error(f"bad protocol or address {text}")
                return None
            found.append(end)
        if found[0].family != found[1].family:
            self.module.error("interworking detected ?")
            return None
        return found[0], found[1]

    def send_log(self, correlation_id: str, line: str) -> bool:
        """Send a line of the log to `duplicate_uri`, always as HEP 3."""
        destination = self.resolve(self.duplicate)
        if destination is None:
            return False
        socket = self._socket(destination, "cannot find send socket info")
        if socket is None:
            return False
        ends = self._endpoints(f"udp:{socket.address}:{socket.port}", f"udp:{destination.ip}:{destination.port}")
        if ends is None:
            return False
        module = self.module
        data = version_3(
            *ends,
            Clock.of(self.server.timers.now),
            line,
            kind=LOG,
            capture_id=module.hep_capture_id,
            correlation_id=correlation_id,
            auth_key=module.auth_key,
        )
        self._send(socket, destination, data)
        return True

    # -- SIP ------------------------------------------------------------------------------------------------------
    def send_duplicate(self, text: str, destination: Destination | None) -> None:
        """Send a message as it is, to `duplicate_uri` without a destination."""
        if not text:
            return
        if destination is None:
            if self.duplicate is None:
                self.server.log.warning(
                    self.module.name, "Neither dup_uri modparam or siptrace destination uri param used!"
                )
                return
            destination = self.resolve(self.duplicate)
        if destination is None:
            return
        socket = self._socket(destination, f"local socket not found for: [{self.module.socket_uri}]")
        if socket is not None:
            self._send(socket, destination, text)

    # -- rows -----------------------------------------------------------------------------------------------------
    def _adopt(self, table: str) -> None:
        if table not in self._known:
            self._known.add(table)
            claim(self.db, table, _TABLE, self._columns)

    @property
    def _columns(self) -> dict[str, str]:
        module = self.module
        return {
            "msg": module.msg_column,
            "callid": module.callid_column,
            "method": module.method_column,
            "status": module.status_column,
            "fromip": module.fromip_column,
            "toip": module.toip_column,
            "time_stamp": module.date_column,
            "direction": module.direction_column,
            "fromtag": module.fromtag_column,
            "traced_user": module.traced_user_column,
            "totag": module.totag_column,
        }

    def insert(self, record: Record, users: list[str], table: str, *, counted: bool = True) -> bool:
        """A row for nobody while tracing is on, and one for each traced user; whether all were stored."""
        if not self.stored:
            return True
        self._adopt(table)
        names = self._columns
        row: dict[str, Any] = {
            names["msg"]: record.text.encode("latin-1"),
            names["callid"]: record.callid,
            names["method"]: record.method,
            names["status"]: record.status,
            names["fromip"]: record.source,
            names["toip"]: record.destination,
            names["time_stamp"]: Timestamp(record.time.seconds),
            names["direction"]: record.direction,
            names["fromtag"]: record.fromtag,
            "time_us": record.time.microseconds,
            names["totag"]: record.totag,
        }
        module = self.module
        mode = 1 if module.trace_delayed else module.trace_db_mode
        for position, user in enumerate(([""] if module.on else []) + users):
            try:
                self.db.insert(table, {**row, names["traced_user"]: user}, delayed=mode == 1)
            except DatabaseError:
                module.error("error storing trace")
                return False
            if not position and module.on and counted:
                (module.traced_replies if record.is_reply else module.traced_requests).value += 1
        return True

    def store(
        self, record: Record, ctx: Context, destination: Destination | None = None, correlation_id: str | None = None
    ) -> bool:
        """Store a record and send it where the parameters say; whether it was stored (sip_trace_store)."""
        module = self.module
        record.time = Clock.of(self.server.timers.now)
        try:
            if module.xheaders_read:
                record.read_headers()
            stored = self.insert(record, module.users(ctx), module.table_of(ctx))
            if module.xheaders_write:
                record.write_headers()
        except HeadersError as error:
            module.error(str(error))
            return False
        if module.hep_mode_on:
            self.send_hep(record.text, record.source, record.destination, destination, correlation_id)
        elif destination is not None or not module.trace_to_database:
            self.send_duplicate(record.text, destination)
        return stored
