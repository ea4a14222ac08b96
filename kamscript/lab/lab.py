"""A config at work offline: one server on a virtual network, and a clock that only a test moves.

    with Lab("kamailio.cfg") as lab:
        alice, bob = lab.phone("alice"), lab.phone("bob")
        bob.register()
        call = alice.call("bob")
        lab.advance(hours=12)
        print(lab.ladder())

At the end of the block nothing of the test may be left on the server: see `kamscript.lab.leaks`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from kamscript.core.environment import LEVEL_NAMES, Environment, LogRecord, Remote
from kamscript.core.rpc import RpcFault, to_json
from kamscript.core.server import Server
from kamscript.core.sockets import SEND_CLOSE, SEND_NO_CONNECT, Datagram, Destination, ListenSocket, Received
from kamscript.core.timers import Timers
from kamscript.lab.alone import Alone, RouteRun, clear_away, variables_of
from kamscript.lab.builder import Headers, Reply, RequestText, request_text, where
from kamscript.lab.doubles import Double, LabDoubles
from kamscript.lab.environment import LabFiles, LabHttp, LabResolver, seeded
from kamscript.lab.leaks import Leaks, Mode
from kamscript.lab.measured import measured
from kamscript.lab.network import Address, Network, address
from kamscript.lab.phone import Phone, make_phone
from kamscript.lab.stream import HttpReply, Stream
from kamscript.lab.texts import characters, octets
from kamscript.loader import load, load_text, module_classes
from kamscript.module import Route
from kamscript.report.ladder import Exchange, ladder
from kamscript.source import did_you_mean
from kamscript.values import Value

if TYPE_CHECKING:
    from typing import Self, Unpack

    from kamscript.lab import held
    from kamscript.lab.databases import LabDatabase, Seeds
    from kamscript.lab.faked import BranchSaid
    from kamscript.lab.htables import HashTables
    from kamscript.lab.links import Link, NatKind, Way
    from kamscript.lab.sipp import SippOptions, SippParty, SippResult
    from kamscript.lab.snapshots import Messages, Recording
    from kamscript.lab.tables import Rows, Table
    from kamscript.lab.trace import RouteTrace
    from kamscript.lab.variants import Params
    from kamscript.script.program import Program

#: When the lab's clock starts: 2026-01-01 00:00:00 UTC.
EPOCH = 1767225600.0
#: What ladders call the server under test.
SERVER = "kamailio"
#: Deliveries without time passing after which a test is told that messages circulate.
MAX_DELIVERIES = 100_000

#: Told of each lab that starts: the pytest plugin shows what happened in those of a failed test.
observers: list[Callable[[Lab], object]] = []


def moment(start: float | str | datetime) -> float:
    """Unix seconds of a time: as they are, a datetime, or `"2026-12-24 18:00"`; local time unless it has a zone.

    Raises ValueError.
    """
    if isinstance(start, str):
        try:
            start = datetime.fromisoformat(start)
        except ValueError:
            raise ValueError(f'{start!r} is no moment: write "2026-12-24 18:00", Unix seconds or a datetime') from None
    return start.timestamp() if isinstance(start, datetime) else float(start)


class Log(list[LogRecord]):
    """What the server logged, oldest first. `"text" in log` looks into the lines as people see them."""

    def __init__(self, when: Callable[[], tuple[float, int]]) -> None:
        super().__init__()
        #: Of each line the time, and how many messages had been delivered.
        self.moments: list[tuple[float, int]] = []
        self._when = when

    def lines(self, level: str = "", origin: str = "") -> list[str]:
        """The lines, `INFO: <script>: text`, of one level or origin when asked."""
        return [
            record.line
            for record in self
            if (not level or LEVEL_NAMES.get(record.level) == level) and (not origin or record.origin == origin)
        ]

    @property
    def script(self) -> list[str]:
        """The texts that the script logged, line ends removed."""
        return [record.text.rstrip("\n") for record in self if record.origin == "<script>"]

    def __contains__(self, text: object) -> bool:
        if isinstance(text, str):
            return any(text in line for line in self.lines())
        return super().__contains__(text)

    def append(self, record: LogRecord) -> None:
        """A line is logged."""
        super().append(record)
        self.moments.append(self._when())

    def cut(self, count: int) -> None:
        """Drop all lines behind the first `count`."""
        del self[count:]
        del self.moments[count:]


class _ServerParty:
    """The server's seat on the network: the listen sockets of one address, by protocol."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.sockets: dict[str, ListenSocket] = {}
        self._received: dict[Address, Received] = {}

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        lab = self.lab
        stream = lab.streams.get(source) if proto != "udp" else None
        if stream is not None:
            if not stream.closed:
                stream.into_server(text)
            return
        received = self._received.get(source)
        if received is None or received.proto != proto:
            socket = self.sockets.get(proto) or next(iter(self.sockets.values()))
            received = Received(proto, source.ip, source.port, target.ip, target.port, socket)
            self._received[source] = received
        lab.server.receive(lab.timers.now, text, received)
        lab.flush()


def read_config(
    config: str | Path | None,
    text: str | None,
    *,
    defines: Mapping[str, str] | Sequence[str] = (),
    target: str | None = None,
    files: Mapping[str, str] | None = None,
    include: Sequence[str | Path] = (),
    params: Params | None = None,
    listen: Sequence[str] = (),
    traced: bool = False,
) -> Program:
    """The program that the options of a Lab describe."""
    if text is not None:
        program = load_text(text, defines=defines, target=target, files=files, traced=traced)
    elif config is not None:
        program = load(config, defines=defines, target=target, include=include, traced=traced)
    else:
        raise TypeError("Lab needs a config path or a text")
    if params:
        from kamscript.lab.variants import with_params

        program = with_params(program, params)
    if listen:
        from kamscript.lab.variants import with_listen

        program = with_listen(program, listen)
    return program


class Lab:
    """One config under test.

    `config` is a path, or `text` the config itself. `defines` are `-A` definitions, `params` module parameters in place
    of the config's (`{"tm": {"fr_timer": 5000}, "core": {"debug": 3}}`), `include` folders in which included files are
    looked for last, `target` the Kamailio generation. `hosts` is the DNS, `files` what the config reads, `seed` the
    lab's chance, `start` its first moment (Unix seconds, a datetime, or "2026-12-24 18:00" in local time). `leaks` says
    what may be left at the end: "check" nothing of a call, "ignore" anything, "strict" no registration and no row.
    Any database URL is a database in memory with Kamailio's tables; `database` holds rows by table, SQL, or files of
    them (kamscript.lab.databases), or opens databases by their URL. A server that comes after another finds what that
    one kept: `Lab(..., database=first.database, start=first.now)`. `doubles` says what functions give that nothing
    simulates: "strict" (false, and the test fails) or "lenient" (1). `listen` are addresses, "udp:10.0.0.1:5060", in
    place of the config's. `services` are other programs that the server asks, by address: a callable takes what is sent
    there and gives the answer, None for none; the ready doubles answer for all that are not named.
    Raises ConfigError where Kamailio would refuse to start.
    """

    #: What is made in place of a Lab: `pytest --kam-real` puts the phones around a real Kamailio.
    substitute: ClassVar[type[Lab] | None] = None
    #: Whether every lab begins with a trace: `pytest --kam-trace`.
    always_traced: ClassVar[bool] = False
    #: Whether the config's text and the log are bytes, a character each, as the server has them.
    bytewise: ClassVar[bool] = False

    def __new__(cls, *args: Any, **options: Any) -> Self:
        made = Lab.substitute if cls is Lab else None
        return super().__new__(made or cls)  # type: ignore[return-value]

    def __init__(
        self,
        config: str | Path | None = None,
        *,
        text: str | None = None,
        defines: Mapping[str, str] | Sequence[str] = (),
        params: Params | None = None,
        include: Sequence[str | Path] = (),
        target: str | None = None,
        hosts: Mapping[str, str | list[str]] | None = None,
        files: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
        seed: int = 1,
        start: float | str | datetime = EPOCH,
        leaks: Mode = "check",
        database: Callable[[str], Any] | Seeds | None = None,
        doubles: str = "strict",
        listen: Sequence[str] = (),
        services: Mapping[tuple[str, int], Callable[[str], str | None]] | None = None,
    ) -> None:
        self.services = dict(services or {})
        if text is not None and not self.bytewise:
            text = octets(text)
        self.text = text  #: the config when it was given as a text

        def loaded(traced: bool = False) -> Program:
            return read_config(
                config, text, defines=defines, target=target, files=files, include=include, params=params,
                listen=listen, traced=traced,
            )  # fmt: skip

        self._loaded = loaded
        self.program = program = loaded()
        measured(program)
        self.log = Log(lambda: (self.timers.now, len(self.network.delivered)))
        self._database_urls: Mapping[str, Any] = {}
        self._databases: Callable[[str], Any] | None = database if callable(database) else None
        self._seeds = None if callable(database) else database
        if self._seeds is not None:
            self._open_databases()
        self.seed = seed
        self.dns = self.resolver = LabResolver(hosts)
        self.dns.block = self.block
        self.timers = Timers(moment(start))
        self.network = Network(self.timers, seed)
        self.phones: dict[str, Phone] = {}
        self.streams: dict[Address, Stream] = {}
        #: Called when the test is over, before the leak check; raises AssertionError for what should have happened.
        self.at_end: list[Callable[[], object]] = []
        self.alone_left: list[Callable[[], object]] = []  #: clears away what a route run alone left to be looked at
        self.variables_at_start: dict[str, Any] = {}  #: globals of `$var`s, as modparam varset leaves them
        self.soon: list[Callable[[], object]] = []  #: what answers without time passing, beside the network
        self._seats: dict[ListenSocket, Address] = {}
        self._serial = self._connections = 0
        self._ended: float | None = None
        self._stopped = True  #: until the server has started
        self._running = self._stream_phones = False
        self._trace: RouteTrace | None = None
        for observer in observers:
            observer(self)
        environment = Environment(
            now=self.timers.now,
            chance=seeded(seed),
            resolver=self.resolver,
            files=LabFiles(files),
            log=self.log.append if self.bytewise else self._logged,
            database=self._open_database,
            environ=dict(environ or {}),
            exchange=self._exchange,
            http=LabHttp(lambda: self.doubles.http),
            sleep=self.block,
        )
        self.server = Server(program, environment, target=program.target, modules=module_classes(program.modules))
        self.doubles = LabDoubles(self, doubles)
        self.server.start()
        self._stopped = False
        self._check_seeds()
        self.variables_at_start = variables_of(self.server)
        self.at_end.append(lambda: clear_away(self))
        if self.always_traced:
            self.trace()
        self.leaks = Leaks(self, leaks)
        self.leaks.watch()
        for socket in self.server.sockets:
            where = Address(socket.address, socket.port)
            seat = self.network.parties.get(where)
            if not isinstance(seat, _ServerParty):
                seat = _ServerParty(self)
                self.network.attach(where, seat, SERVER)
            seat.sockets[socket.proto] = socket
        self.flush()

    def __repr__(self) -> str:
        return f"<lab of {self.program.path}, {self.now - self.network.started:g} s>"

    # -- the end of a test

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.verify()
            elif isinstance(error, Exception):
                error.add_note(self.story())
        finally:
            self.close()

    def verify(self) -> None:
        """The test is over: everything that it expected has happened and nothing of it is left.

        Lets time pass until the transactions of the test are gone. Raises AssertionError (LeftBehind for what is left).
        """
        self._ended = self.now
        for check in self.at_end:
            check()
        self.leaks.verify()

    def expect_left(self, **counts: int) -> None:
        """Say what is left when the test ends, exactly: `expect_left(dialogs=1)`.

        Kinds are transactions, suspended, dialogs, profiles, timers, rows, registrations.
        """
        self.leaks.expect(counts)

    def close(self) -> None:
        """Stop the server, once: its modules write what they keep."""
        if not self._stopped:
            self._stopped = True
            self.server.stop()

    # -- what the server holds

    def module(self, name: str) -> Any:
        """A running module of the server; LookupError when the config does not load it."""
        found = self.server.modules.get(name)
        if found is None:
            raise LookupError(f"the config does not load {name}.so")
        return found

    @property
    def dialogs(self) -> list[held.Dialog]:
        """The calls that the dialog module tracks, oldest first."""
        from kamscript.lab.held import dialogs

        return dialogs(self)

    @property
    def registrations(self) -> list[held.Registration]:
        """The contacts that lookup() would find."""
        from kamscript.lab.held import registrations

        return registrations(self)

    @property
    def transactions(self) -> list[held.TransactionView]:
        """What tm works on or still remembers, oldest first."""
        from kamscript.lab.held import transactions

        return transactions(self)

    @property
    def profiles(self) -> dict[str, Counter[str]]:
        """Members of dialog profiles by name and value: `lab.profiles["caller"]["alice"]`, `.total()`."""
        from kamscript.lab.held import profiles

        return profiles(self)

    @property
    def htables(self) -> HashTables:
        """The hash tables of module htable, to fill and to look at: `lab.htables["blocked"]["10.0.0.1"] = 1`."""
        from kamscript.lab.htables import HashTables

        return HashTables(self)

    @property
    def stats(self) -> held.Statistics:
        """Counters: `lab.stats["dialog:active_dialogs"]`, or `lab.stats["active_dialogs"]`."""
        from kamscript.lab.held import Statistics

        return Statistics(self)

    def database(self, url: str = "") -> LabDatabase:
        """A database that the server finds at a URL, "" the config's only one: to fill, and to look at.

        See `kamscript.lab.databases`. Raises LookupError when the config has none, or several.
        """
        if url:
            found: LabDatabase = self._open_database(url)
            return found
        urls = list(self.server.shared.get("databases", self._database_urls))
        if len(urls) != 1:
            which = f"several databases: {', '.join(urls)}; say which" if urls else "no database: say a URL"
            raise LookupError(f"the config opens {which}")
        return self.database(urls[0])

    def _open_databases(self) -> None:
        from kamscript.lab.databases import opener

        self._database_urls, self._databases = opener(self._log_database, lambda: self.timers.now, self._seeds)

    def _open_database(self, url: str) -> Any:
        if self._databases is None:
            self._open_databases()
        assert self._databases is not None
        return self._databases(url)

    def _check_seeds(self) -> None:
        """Refuse rows for tables and columns that neither Kamailio nor the config knows."""
        if not self._seeds:
            return
        if not self._database_urls:
            raise ValueError("rows are given, but the config opens no database")
        left = set.intersection(*(set(opened.unfilled) for opened in self._database_urls.values()))
        if left:
            self._database_urls[next(iter(self._database_urls))].rows(sorted(left)[0])
        from kamscript.lab.databases import NoSuchName

        misfits = [(opened, opened.misfits) for opened in self._database_urls.values()]
        for _, told in misfits:
            for table, text in told.items():
                if all(table in others for opened, others in misfits if table in opened.seeded):
                    raise NoSuchName(text)

    def _logged(self, record: LogRecord) -> None:
        """A line is logged: it is kept as people read it."""
        text = record.text
        self.log.append(record if text.isascii() else record._replace(text=characters(text)))

    def _log_database(self, level: int, text: str) -> None:
        self.log.append(LogRecord(level, "db", text))

    # -- time

    @property
    def now(self) -> float:
        """Unix seconds on the lab's clock."""
        return self.timers.now

    def run(self) -> None:
        """Deliver everything under way until the network is quiet. No time passes.

        Called while messages are delivered (from what a phone does by itself) it leaves them to the run under way.
        """
        if self._running:
            return
        step = self.network.step
        self._running = True
        try:
            for _ in range(MAX_DELIVERIES):
                if not step():
                    if not self.soon:
                        self.doubles.tell()
                        return
                    self.soon.pop(0)()
        finally:
            self._running = False
        raise AssertionError(f"messages circulate: {MAX_DELIVERIES} deliveries at one moment\n{self.ladder(last=20)}")

    def advance(
        self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0,
        to: float | str | datetime | None = None,
    ) -> None:  # fmt: skip
        """Let time pass, stopping at every deadline on the way: for so long, or up to a moment (see `moment`)."""
        until = (self.now if to is None else moment(to)) + seconds + 60 * minutes + 3600 * hours + 86400 * days
        if until < self.now:
            now = datetime.fromtimestamp(self.now).isoformat(" ", "seconds")
            raise ValueError(f"time only goes forward: it is {now} in the lab; Lab(start=...) says when it begins")
        self.run()
        step = self.step
        while step(until):
            pass
        self._fire(until)

    def wait(self, condition: Callable[[], Any], timeout: float = 300.0) -> Any:
        """Jump from deadline to deadline until `condition()` holds; returns what it gave.

        Raises AssertionError, at once as people count, when nothing within `timeout` seconds makes it hold.
        """
        until = self.now + timeout
        self.run()
        while not (result := condition()):
            if not self.step(until):
                self._fire(until)
                self._give_up(condition, timeout)
        return result

    def _give_up(self, condition: Callable[[], Any], timeout: float) -> NoReturn:
        from kamscript.lab.pending import pending_text, source_of

        what = source_of(condition)
        raise AssertionError(
            f"it did not happen within {timeout:g} seconds{f': {what}' if what else ''}\n"
            f"{pending_text(self)}{self.story()}"
        )

    def wait_for(self, search: Callable[[], bool], within: float, over: Callable[[], bool] | None = None) -> str:
        """Go from deadline to deadline until `search` finds, `over` says that it never will, or the time is up.

        Returns why it ended without success, with the timers that are pending.
        """
        until = self.now + within
        self.run()
        while not search():
            if over is not None and over():
                return "it did not"
            if not self.step(until):
                from kamscript.lab.pending import pending, pending_text

                if not pending(self):
                    return "nothing is under way and no timer is pending: it will never"
                return f"it did not within {within:g} s; {pending_text(self).rstrip()}"
        return ""

    def step(self, limit: float) -> bool:
        """Go on to the next deadline; False when there is none up to `limit` (Unix seconds), and no time passes."""
        mine, servers = self.timers.next_deadline(), self.server.timers.next_deadline()
        if servers is not None and servers <= limit and (mine is None or servers < mine):
            # Hours hold thousands of deadlines that are the server's alone.
            self.timers.now = servers
            self._fire_server(servers)
            return True
        if mine is None or mine > limit:
            return False
        self._fire(mine)
        return True

    def block(self, seconds: float) -> None:
        """The server is held up: the clock goes on, and only then what was due meanwhile happens."""
        timers, servers = self.timers, self.server.timers
        timers.now += seconds
        servers.now = max(servers.now, timers.now)

    def _exchange(self, to: Remote, data: str, timeout: float, accept: Callable[[str], bool]) -> str | None:
        """What another program answers, at once; without an answer the server is held up for `timeout` seconds."""
        answer = self.services.get((to.ip, to.port)) or getattr(self.doubles, to.service).respond
        cookie = "0 " if to.stream else ""  # over a connection there is none; those who answer always see one
        reply: str | None = answer(cookie + data)
        if reply is not None:
            reply = reply.removeprefix(cookie)
        if reply is None or not accept(reply):
            self.block(timeout)
            return None
        return reply

    def _fire(self, now: float) -> None:
        self.timers.fire(now)
        self._fire_server(now)

    def _fire_server(self, now: float) -> None:
        server = self.server
        server.fire(now)
        if server.outbox or server.closing:
            self.flush()
        if self.network.busy or self.soon or self.doubles.raised:
            self.run()

    # -- the network

    def flush(self) -> None:
        """Put what the server wants to send on the wire."""
        server = self.server
        if server.outbox:
            send, seats = self.network.send, self._seats
            for socket, to, text in server.take_outbox():
                source = seats.get(socket)
                if source is None:
                    source = seats[socket] = Address(socket.address, socket.port)
                if to.proto != "udp" and (self.streams or self._stream_phones):
                    self._send_stream(text, to, source, socket)
                else:
                    send(text, to.proto, source, Address(to.ip, to.port))
        if server.closing:
            numbers = server.take_closing()
            for stream in [stream for stream in self.streams.values() if stream.number in numbers]:
                stream.close()

    def _send_stream(self, text: str, to: Destination, source: Address, socket: ListenSocket) -> None:
        """Over the connection asked for, else what there is to the address, else a new one to a phone.

        SEND_CLOSE hangs up behind the message.
        """
        target = Address(to.ip, to.port)
        stream = None
        if to.connection:
            stream = next((one for one in self.streams.values() if one.number == to.connection), None)
        if stream is None:
            stream = self.streams.get(target)
        if stream is None and self._stream_phones:
            if to.flags & SEND_NO_CONNECT or self.server.tcp["no_connect"]:
                self.server.send_failed(self.now, Datagram(socket, to, text))
                return
            from kamscript.lab.transports import accept

            stream = accept(self, Datagram(socket, to, text))
        if stream is None:
            if to.proto in ("ws", "wss"):  # a server cannot open a WebSocket
                self.server.send_failed(self.now, Datagram(socket, to, text))
            else:
                self.network.send(text, to.proto, source, target)
            return
        if to.proto in ("ws", "wss"):
            frames = self.server.frames
            frame = frames.encode(text, stream.number) if frames is not None else None
            if frame is None:
                self.server.send_failed(self.now, Datagram(socket, to, text))
                return
            text = frame
        if not stream.mute:
            self.network.send(stream.from_server(text), to.proto, source, stream.seat)
        if to.flags & SEND_CLOSE:
            stream.close()

    def next_connection(self) -> int:
        """The number of a new connection."""
        self._connections += 1
        return self._connections

    def phone(
        self, user: str, where: str | tuple[str, int] = "", *, name: str = "", password: str = "", auth_user: str = "",
        domain: str = "", proto: str = "udp", proxy: str | tuple[str, int] = "", rport: bool = False,
    ) -> Phone:  # fmt: skip
        """A phone for `user`. It sits at 10.0.0.N unless told where, and sends to the server's first socket.

        A second phone of one user needs a `name`. With a `password` it answers digest challenges, as `auth_user` when
        that is another name. `proto` is udp, tcp, tls, ws or wss. `rport` asks for replies where requests came from.
        """
        __tracebackhide__ = True
        number = len(self.phones) + 1
        seat = address(where or (f"10.0.0.{number}", 5061 if proto == "tls" else 5060))
        name = name or user
        known = self.phones.get(name)
        if known is not None:
            raise ValueError(
                f"there is a phone {name} already, at {known.address}: a second one of a user needs a name, "
                f"lab.phone({user!r}, name={name + '2'!r})"
            )
        if seat in self.network.parties:
            raise ValueError(f'{seat} is taken by {self.network.names[str(seat)]}: lab.phone({user!r}, "10.0.0.77")')
        phone = make_phone(
            self, user, seat, name=name, password=password, auth_user=auth_user, domain=domain, proto=proto,
            proxy=address(proxy) if proxy else None, rport=rport,
        )  # fmt: skip
        self.network.attach(seat, phone, name)
        self.phones[name] = phone
        self._stream_phones = self._stream_phones or proto != "udp"
        return phone

    def link(
        self, party: Phone | None = None, peer: Phone | str | None = None, *, way: Way = "both",
        loss: float | None = None, delay: float | None = None, jitter: float | None = None,
        duplicate: float | None = None, reorder: float | None = None, down: bool | None = None,
        nat: str | None = None, nat_kind: NatKind = "port", nat_expires: float = 60.0,
    ) -> Link:  # fmt: skip
        """Make the way to and from a phone (None: of every message) worse than perfect; see `kamscript.lab.links`.

        Only what it exchanges with `peer` when that is given, only what it sends (`way="out"`) or gets (`"in"`).
        `loss`, `duplicate`, `reorder` are probabilities, `delay` and `jitter` seconds. `nat` is the public address of a
        NAT that the phone sits behind. Called again for the same way it changes what it is given; the Link can be
        removed, or used with `with`.
        """
        from kamscript.lab.links import set_link

        other = address(peer) if isinstance(peer, str) else peer
        return set_link(
            self.network, party, other, way, nat=nat, nat_kind=nat_kind, nat_expires=nat_expires, loss=loss,
            delay=delay, jitter=jitter, duplicate=duplicate, reorder=reorder, down=down,
        )  # fmt: skip

    def server_address(self, proto: str = "udp") -> Address:
        """Where the server listens first for a protocol."""
        socket = next((socket for socket in self.server.sockets if socket.proto == proto), None)
        if socket is None:
            raise AssertionError(
                f"the config listens on no {proto} socket, only at "
                f"{', '.join(f'{one.proto}:{one.address}:{one.port}' for one in self.server.sockets)}: "
                f'say where it listens, lab(..., listen=["{proto}:127.0.0.1:5060"])'
            )
        return Address(socket.address, socket.port)

    @property
    def domain(self) -> str:
        """The domain that phones use by default: the config's first alias, else its first listen address."""
        return self.server.domain

    def send(self, text: str, source: str | tuple[str, int] = ("10.0.0.99", 5060), proto: str = "udp") -> list[str]:
        """Send any bytes to the server and run the network; returns what came back to `source`, in order."""
        seat = address(source)
        mailbox = self.network.parties.get(seat)
        if not isinstance(mailbox, Mailbox):
            mailbox = Mailbox()
            self.network.attach(seat, mailbox, str(seat))
        before = len(mailbox.texts)
        self.network.send(text, proto, seat, self.server_address(proto))
        self.run()
        return mailbox.texts[before:]

    def connect(self, source: str | tuple[str, int] = "") -> Stream:
        """Open a TCP connection to the server's first TCP socket, from an address of its own unless told."""
        where = self.server_address("tcp")
        socket = next(socket for socket in self.server.sockets if socket.proto == "tcp" and socket.port == where.port)
        number = self.next_connection()
        seat = address(source or ("10.0.0.99", 40000 + number))
        stream = self.streams[seat] = Stream(self, seat, socket, number)
        self.network.attach(seat, stream, str(seat))
        return stream

    def http(self, method: str, url: str, body: str = "", headers: Sequence[str] = ()) -> HttpReply:
        """Send an HTTP request over a connection of its own; `headers` are whole lines without line ends.

        Raises AssertionError when the server answers nothing.
        """
        lines = [f"{method} {url} HTTP/1.1", f"Host: {self.domain}", *headers, f"Content-Length: {len(body)}"]
        stream = self.connect()
        stream.send("\r\n".join([*lines, "", body]))
        text = stream.take()
        stream.close()
        if not text:
            raise AssertionError(f"no answer to {method} {url}\n{self.story()}")
        return HttpReply.parse(text)

    # -- one piece alone

    def request(
        self,
        method: str,
        uri: str,
        *,
        caller: str = "alice",
        headers: Headers = (),
        body: str = "",
        to_tag: str = "",
        source: str | tuple[str, int] | None = None,
        proto: str = "udp",
    ) -> RequestText:
        """The text of a plain request, for `route` and `send`.

        `headers` are whole lines without line ends, or a mapping of names and values; they stand in place of the usual
        ones of that name (a value None: leave it out). `to_tag` makes it a request within a dialog, `source` says where
        it comes from. Raises ValueError for what is no request.
        """
        self._serial += 1
        return request_text(
            method,
            uri,
            self._serial,
            self.domain,
            caller=caller,
            headers=headers,
            body=body,
            to_tag=to_tag,
            source=where(source),
            proto=proto,
        )

    def reply(
        self, status: int, reason: str = "", *, headers: Headers = (), body: str = "", tag: str = "callee"
    ) -> Reply:
        """A reply for `route(..., reply=...)`: what the callee answers to the request that went there."""
        return Reply(status, reason, headers, body, tag)

    def route(
        self,
        name: str,
        message: str | None = None,
        variables: Mapping[str, Value] | None = None,
        *,
        kind: Route | str | None = None,
        reply: int | str | Reply | None = None,
        branches: Sequence[BranchSaid] = (),
        branch: int | None = None,
        flags: Sequence[str | int] = (),
        bflags: Sequence[str | int] = (),
        dialog: bool = False,
        source: str | tuple[str, int] | None = None,
    ) -> RouteRun:
        """Run one block alone: `"NAME"`, `"failure_route[NAME]"`, `"onsend_route"`, or a name and a `kind`.

        `message` is a request (of `request`, or any text); event routes do without. `variables` are written first,
        message `flags` and branch flags `bflags` set. Failure, branch and onreply routes see a transaction: `reply` is
        what its one branch got (486, "486 Busy Here", "timeout", or of `lab.reply`), `branches` what several got, each
        also as a mapping with `uri`, `dst`, `reply`, `flags`; `branch` is the one that the route is about (of failures
        the one that tm would pick). With `dialog` the dialog module tracks the call.

        Nothing that the route sends is delivered. Raises LookupError when the config has no such route, ValueError for
        what makes no sense.
        """
        return Alone(self, name, kind).run(
            message,
            variables or {},
            reply=reply,
            branches=branches,
            branch=branch,
            flags=flags,
            bflags=bflags,
            dialog=dialog,
            source=where(source),
        )

    def table(self, route: str, table: Table, rows: Rows | None = None, **options: Any) -> list[RouteRun]:
        """Run a route over every row of a table, and fail with all that are wrong; see `kamscript.lab.tables`.

        `table` is a text, a CSV file, rows as mappings (`"->"` in front of what is expected), or the columns of `rows`:
        `lab.table("DIALPLAN", "user || $ru, code", [("0049301", "sip:+49301@example.com", 1)])`. `options` are those of
        `route`, and inputs for all rows.
        """
        from kamscript.lab.tables import check_table

        return check_table(self, route, table, rows, options)

    def double(
        self,
        name: str,
        result: Any = True,
        *,
        args: Sequence[Any] | None = None,
        times: int | None = None,
        optional: bool = False,
    ) -> Double:
        """Answer for a function (`"ds_select_dst"`), a route (`"route[AUTH]"`) or a pseudo-variable (`"$dsv(code)"`).

        `result` is a value, a callable `(call, *arguments)`, statements of the config's language as a text, or a list
        of these that are used in turn. `args` restricts it to calls with these arguments (`...`: any), `times` says
        how often it is called (default: at least once), `optional` that it may not be. See kamscript.lab.doubles.
        Raises ValueError for what the config does not call.
        """
        return self.doubles.add(name, result, args=args, times=times, optional=optional)

    def rpc(self, command: str, *arguments: str | int | float) -> Any:
        """Run an RPC command; its answer as plain values, a list when there are several. Raises RpcFault."""
        try:
            answer = [to_json(value) for value in self.server.rpc.call(command, arguments)]
        except RpcFault as fault:
            hint = "" if command in self.server.rpc else did_you_mean(command, self.server.rpc.names())
            if hint:
                fault.add_note(hint)
            raise
        self.flush()
        self.run()
        return answer[0] if len(answer) == 1 else answer

    def sipp(self, *scenarios: str | Path | SippParty, calls: int = 1, **options: Unpack[SippOptions]) -> SippResult:
        """Play SIPp scenarios, XML files or built-in ones, until all their calls are over.

        `lab.sipp("uac.xml", "uas.xml", calls=10, keys={"domain": "example.com"}).check()`: each client opens `calls`
        calls, servers take what comes. The result is true when all calls were good; see `kamscript.lab.sipp` for the
        options. Raises ScenarioError for files that cannot be played.
        """
        from kamscript.lab.sipp import play_scenarios

        self._serial += 1
        return play_scenarios(self, scenarios, self._serial, calls, options)

    # -- what happened

    def ladder(self, last: int = 0) -> str:
        """The messages so far as a ladder, up to the end of the test; only the newest `last` when given."""
        exchanges = self.exchanges()
        return ladder(exchanges[-last:] if last else exchanges, self.network.names, self.parties())

    def parties(self) -> tuple[str, ...]:
        """The columns of a ladder: the first phone, the server, the other phones."""
        return tuple(dict.fromkeys((*[*self.phones][:1], SERVER, *self.phones)))

    def save(self, path: str | Path, title: str = "") -> Path:
        """Write the ladder, with log and trace, as the name says: .html, .svg, .mmd (Mermaid), .md or .txt."""
        from kamscript.lab.story import save

        return save(self, path, title)

    def exchanges(self) -> list[Exchange]:
        """Every message so far; what crossed the network after the end of the test, to settle, is not among them."""
        found = self.network.exchanges()
        if self._ended is not None:
            end = self._ended - self.network.started
            found = [one for one in found if one.time <= end]
        return found

    def sent_by_server(self, exchange: Exchange) -> bool:
        """Whether the server sent this message."""
        return self.network.names.get(exchange.source) == SERVER

    @property
    def messages(self) -> Messages:
        """The messages that the server sent so far: `assert lab.messages == snapshot("name")`."""
        from kamscript.lab.snapshots import Messages

        return Messages(self, self.exchanges())

    def snapshot(self, *, messages: bool = True, log: bool = False, rows: Sequence[str] = ()) -> Recording:
        """What the server sent, its log, rows of tables, as one text for a snapshot; see `kamscript.lab.snapshots`."""
        from kamscript.lab.snapshots import record

        return record(self, messages=messages, log=log, rows=rows)

    def trace(self) -> RouteTrace:
        """Follow the routes from now on, line by line with the values on each: print what this gives."""
        if self._trace is None:
            from kamscript.lab.trace import RouteTrace

            self._trace = RouteTrace(self)
        return self._trace

    @property
    def traced(self) -> RouteTrace | None:
        """The trace, when one was asked for."""
        return self._trace

    def traced_program(self) -> Program:
        """The config compiled with hooks for a trace."""
        return self._loaded(traced=True)

    def forget(self) -> None:
        """Drop the record of messages, calls and log lines so far: for long runs."""
        self.network.forget()
        self.log.cut(0)
        self.leaks.forget()
        for phone in self.phones.values():
            phone.forget()

    def story(self) -> str:
        """Ladder and log, for failure texts."""
        return self.ladder() + "".join(f"  {line.rstrip()}\n" for line in self.log.lines())


class Mailbox:
    """A party that only keeps what it is sent."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """Keep it."""
        self.texts.append(text)
