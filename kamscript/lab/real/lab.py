"""The lab's phones around a real, started `kamailio`: what `pytest --kam-real` puts in the place of Lab.

    with RealLab("kamailio.cfg") as lab:
        alice, bob = lab.phone("alice"), lab.phone("bob")

The phones are the same objects; their network is made of sockets on loopback and their clock is the wall's. The config
runs as it is, with this machine's addresses in it (kamscript.lab.real.loopback), one worker, its log on stderr, and an
SQLite file with Kamailio's tables in the place of every database. What only the lab can do raises NotOnReal: looking
into the server, doubles, faulty links, more time than anybody wants to wait.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kamscript.core.binrpc import decode_reply, encode_request
from kamscript.core.environment import LEVEL_NAMES, Environment, LogRecord
from kamscript.core.rpc import NAMED_ARRAYS, RpcFault, to_json, with_arrays
from kamscript.core.server import Server
from kamscript.core.timers import Timers
from kamscript.lab.databases import _sorted as sorted_seeds
from kamscript.lab.digest import Credentials
from kamscript.lab.environment import LabFiles, LabResolver, seeded
from kamscript.lab.lab import EPOCH, Lab, Log, moment, observers, read_config
from kamscript.lab.leaks import check_kinds, check_mode
from kamscript.lab.network import Address, address
from kamscript.lab.real import held
from kamscript.lab.real.config import added, for_loopback, sources_of, why_not, without_listen
from kamscript.lab.real.daemon import Daemon, Refused
from kamscript.lab.real.database import RealDatabase, empty_database
from kamscript.lab.real.dns import RealResolver
from kamscript.lab.real.loopback import Loopback, NotOnReal
from kamscript.lab.real.moments import SLACK, About
from kamscript.lab.real.network import RealNetwork, TcpPhone
from kamscript.lab.real.services import Services
from kamscript.lab.texts import characters, octets
from kamscript.loader import module_classes
from kamscript.source import ConfigError

if TYPE_CHECKING:
    from typing import Unpack

    from kamscript.lab.databases import Seeds
    from kamscript.lab.normal import Normaliser
    from kamscript.lab.phone import Phone
    from kamscript.lab.sipp import SippOptions, SippParty, SippResult
    from kamscript.lab.snapshots import Messages, Recording
    from kamscript.lab.stream import HttpReply, Stream
    from kamscript.lab.variants import Params
    from kamscript.sip.auth import Challenge

#: Seconds that a test may really wait, all together.
WAIT = 5.0

#: Why there are no doubles.
OWN_FUNCTIONS = "lab.double(): the functions of the real Kamailio are its own"

_NUMBERS = {name: number for number, name in LEVEL_NAMES.items() if name}
_ORIGIN = re.compile(r"(?:(<script>): )|(?:(<?\w+>?) \[[\w./-]+:\d+\]: (?:\w+\(\): ?)?)")
#: What the parser says about the marks of kamscript.lab.real.daemon.
_OF_MARKS = re.compile(r"marks a place|core/(?:parser/|receive\.c|msg_translator)")


class _Credentials(Credentials):
    """Digests over the addresses that the daemon sees."""

    def __init__(self, names: Loopback, username: str, password: str) -> None:
        super().__init__(username, password)
        self._names = names

    def _authorize(self, challenge: Challenge, method: str, uri: str, body: str) -> str:
        out = self._names.out
        challenge.realm = out(challenge.realm)
        return super()._authorize(challenge, method, out(uri), out(body))


class RealLab(Lab):
    """A started Kamailio with the lab's phones around it; the options are Lab's.

    Raises NotOnReal for what cannot be had here, ConfigError where kamscript would refuse the config, and Refused
    (kamscript.lab.real.daemon) where Kamailio does.
    """

    wait_limit = WAIT

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
        leaks: str = "check",
        database: Callable[[str], Any] | Seeds | None = None,
        doubles: str = "strict",
        listen: Sequence[str] = (),
        services: Mapping[tuple[str, int], Callable[[str], str | None]] | None = None,
        **lab_only: Any,
    ) -> None:
        """The options of Lab; `leaks` and `seed` say nothing here."""
        for name, value in lab_only.items():
            if value:
                raise NotOnReal(f"Lab({name}=...) is the lab's alone")
        if doubles != "strict":
            raise NotOnReal(f"Lab(doubles={doubles!r}): the functions of the real Kamailio are its own")
        if callable(database):
            raise NotOnReal("Lab(database=...) that opens databases itself")
        if moment(start) != EPOCH:
            raise NotOnReal("Lab(start=...): the clock of the real Kamailio is the wall's")
        self.text = text = None if text is None else octets(text)
        program = read_config(
            config, text, defines=defines, target=target, files=files, include=include, params=params, listen=listen
        )
        self._listen_is_told = bool(listen)  #: in place of the config's lines
        reason = why_not(program)
        if reason:
            raise NotOnReal(reason)
        self.program = program
        self.seed = seed
        self.dns = self.resolver = RealResolver(hosts, self.rpc)
        self.phones = {}
        self.streams = {}
        self.at_end = []
        self.soon = []
        self._serial = self._connections = 0
        self._ended = None
        self._stopped = self._running = self._stream_phones = False
        self.waited = 0.0
        self._due = 0.0  #: the moment that the last `advance` stands for
        check_mode(leaks)
        self._common, self._by_url = sorted_seeds(None if callable(database) else database)
        self._opened: dict[str, RealDatabase] = {}
        self._log = Log(lambda: (self._caused or self.timers.now, len(self.network.delivered)))
        self._prefixed = any(item.name == "log_prefix" for item in program.settings)
        self._caused = 0.0  #: when what caused the lines being read was sent
        self._read_to = 0  #: how much of the daemon's log is in ours; its last entry may go on
        self._complete = self._last = 0  #: lines of ours that are whole; where the last entry begins
        self._booted = 0  #: what the log says before that place is how it started
        reference = self._reference(files, environ)
        self._sockets = reference.sockets
        self._domain = reference.domain
        self._base = time.time() - time.monotonic()
        self.timers = Timers(self._clock())
        self.names = Loopback()
        self.daemon = Daemon(self.names, [(one.address, one.port) for one in self._sockets if one.proto == "udp"])
        self.network: RealNetwork = RealNetwork(self.timers, self.daemon)
        self.network.on_settled = self._settled
        for one in self._sockets:
            self.network.seat_server(Address(one.address, one.port))
        for observer in observers:
            observer(self)
        self.doubles: Services = Services(self, services or {})  # type: ignore[assignment]
        try:
            self._start(files or {}, params or {}, defines, include, environ)
            self.dns.started()
        except BaseException:
            self.doubles.close()
            self.daemon.close()
            raise
        finally:
            if self.daemon.closed:
                self.names.close()
        self._booted = len(self.daemon.stderr)
        self.timers.fire(self._clock())
        self.network.started = About(self.timers.now)

    def _reference(self, files: Mapping[str, str] | None, environ: Mapping[str, str] | None) -> Server:
        """A server that is only set up: where the config listens and what its domain is."""
        from kamscript.stores import memory_databases

        environment = Environment(
            now=moment(EPOCH),
            chance=seeded(1),
            resolver=LabResolver(self.dns.hosts),
            files=LabFiles(files),
            log=lambda record: None,
            database=memory_databases(lambda level, text: None),
            environ=dict(environ or {}),
        )
        program = self.program
        server = Server(program, environment, target=program.target, modules=module_classes(program.modules))
        errors = server.set_up()
        if errors:
            raise ConfigError(errors)
        return server

    # -- the config

    def _start(
        self, files: Mapping[str, str], params: Params, defines: Mapping[str, str] | Sequence[str],
        include: Sequence[str | Path], environ: Mapping[str, str] | None,
    ) -> None:  # fmt: skip
        from kamscript.loader import defines_of

        daemon = self.daemon
        sources, moved = sources_of(self.program, self.text, files, include, daemon.folder)
        main = next(iter(sources))
        for name, text in sources.items():
            changed = for_loopback(text, params, daemon.folder, self._database_path)
            if self._listen_is_told:
                changed = without_listen(changed)
            if name == main:
                more = added(self.program, params, daemon.folder, self._database_path)
                changed = f"{changed.rstrip(chr(10))}\n{more}"
            for known, path in moved.items():
                changed = changed.replace(known, str(path))
            daemon.write(name, changed.encode("latin-1"))
        if (self._common or self._by_url) and not self._opened:
            raise ValueError("rows are given, but the config opens no database")
        for database in self._opened.values():
            database.seed()
        arguments = ["-w", str(daemon.folder)]
        for name, value in defines_of(defines).items():
            arguments += ["-A", f"{name}={self.names.out(value)}" if value else name]
        if self._listen_is_told or not self.program.listens:
            for one in self._sockets:
                ip, port = self.names.place((one.address, one.port))
                arguments += ["-l", f"{one.proto}:{ip}:{port}"]
        daemon.start(daemon.folder / main, arguments, environ)

    def _database_path(self, url: str) -> Path:
        """The file in the place of a database, with what the test begins with."""
        if url not in self._opened:
            path = self.daemon.folder / f"{len(self._opened) + 1}.db"
            path.write_bytes(empty_database())
            own = self._by_url.get(url, {})
            rows = {name: [*self._common.get(name, ()), *own.get(name, ())] for name in {**self._common, **own}}
            self._opened[url] = RealDatabase(url, path, self.names, self._clock, rows)
        return self._opened[url].path

    # -- the end of a test

    def verify(self) -> None:
        """The test is over: what it expected has happened. What is left on the daemon goes with it."""
        self._ended = self.now
        for check in self.at_end:
            check()

    def expect_left(self, **counts: int) -> None:
        """Nothing to count: the lab's own run does."""
        check_kinds(counts)

    def close(self) -> None:
        """End the daemon."""
        if not self._stopped:
            self._read_log()
            self._stopped = True
            for database in self._opened.values():
                database.let_go()
            self.daemon.close()
            self.doubles.close()
            self.names.close()

    # -- time

    @property
    def now(self) -> float:
        """Unix seconds, as equal to another moment as real clocks can tell."""
        return About(self.timers.now)

    def _clock(self) -> float:
        return self._base + time.monotonic()

    def run(self) -> None:
        """Deliver everything under way until the daemon has dealt with it."""
        if self._running:
            return
        self._running = True
        try:
            self.timers.fire(self._clock())
            while self.network.step():
                self.timers.fire(self._clock())
                self._read_log()
        finally:
            self._running = False

    def advance(
        self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0,
        to: float | str | datetime | None = None,
    ) -> None:  # fmt: skip
        """Really wait. Raises NotOnReal for more than `wait_limit` seconds, all together."""
        if to is not None:
            raise NotOnReal("advance(to=...): the clock of the real Kamailio is the wall's")
        seconds += 60 * minutes + 3600 * hours + 86400 * days
        if seconds < 0:
            raise ValueError("time only goes forward")
        self.run()
        if seconds:
            self._spend(seconds)
            now = self._clock()
            if now - self._due > 2 * SLACK:
                self._due = now
            self._due += seconds  # what is waited longer is not waited again next time
            self._pass(self._due + SLACK - now, lambda: False)
        self.run()

    def _spend(self, seconds: float) -> None:
        self.waited += seconds
        if self.waited > self.wait_limit:
            raise NotOnReal(too_long(self.waited, self.wait_limit))

    def _pass(self, seconds: float, enough: Callable[[], object]) -> bool:
        """Let so many seconds pass, or until it is enough."""
        until = self._clock() + seconds
        while not enough():
            left = until - self._clock()
            if left <= 0:
                return False
            deadline = self.timers.next_deadline()
            if deadline is not None:
                left = min(left, max(0.0, deadline - self._clock()))
            self.daemon.pump(left)
            self._read_log()
            self.timers.fire(self._clock())
            self.network.deliver()
        return True

    def wait(self, condition: Callable[[], Any], timeout: float = 300.0) -> Any:
        """Wait until `condition()` holds; raises AssertionError when it does not in time."""
        self.run()
        started = self._clock()
        most = min(timeout, self.wait_limit - self.waited) + 2 * SLACK
        if not self._pass(most, condition):
            from kamscript.lab.pending import source_of

            what = source_of(condition)
            raise AssertionError(
                f"it did not happen on Kamailio within {most:.1f} seconds{f': {what}' if what else ''}\n{self.story()}"
            )
        self.waited += self._clock() - started
        return condition()

    def wait_for(self, search: Callable[[], bool], within: float, over: Callable[[], bool] | None = None) -> str:
        """Wait until `search()` finds something or it is over; why it ended otherwise."""
        self.run()
        started = self._clock()
        most = min(within, self.wait_limit - self.waited) + 2 * SLACK
        found = False

        def enough() -> bool:
            nonlocal found
            found = search()
            return found or (over is not None and over())

        self._pass(most, enough)
        self.run()
        self.waited += self._clock() - started
        return "" if found or search() else f"it did not on Kamailio within {most:.1f} s"

    def step(self, limit: float) -> bool:
        """Really wait until the phones' next deadline, or until something comes; False when there is none in time."""
        deadline = self.timers.next_deadline()
        if deadline is None or deadline > limit:
            return False
        started, known = self._clock(), len(self.network.delivered)
        most = min(deadline - started, self.wait_limit - self.waited + SLACK)
        self._pass(most, lambda: len(self.network.delivered) > known)
        self.run()
        self._spend(self._clock() - started)
        return True

    def next_deadline(self) -> float | None:
        """The phones' next deadline: of the daemon's nobody knows."""
        return self.timers.next_deadline()

    # -- the network

    def flush(self) -> None:
        """Nothing to do: the daemon sends by itself."""

    def phone(
        self, user: str, where: str | tuple[str, int] = "", *, name: str = "", password: str = "", auth_user: str = "",
        domain: str = "", proto: str = "udp", proxy: str | tuple[str, int] = "", rport: bool = False,
    ) -> Phone:  # fmt: skip
        """A phone on a socket of its own, over udp or tcp; see Lab.phone."""
        if proto not in ("udp", "tcp"):
            raise NotOnReal(f"a phone that speaks {proto}: on Kamailio there are udp and tcp")
        if proto == "udp":
            phone = super().phone(
                user, where, name=name, password=password, auth_user=auth_user, domain=domain, proxy=proxy, rport=rport
            )
        else:
            seat = address(where or f"10.0.0.{len(self.phones) + 1}")
            phone = self.phones[name or user] = TcpPhone(
                self, user, domain or self.domain, seat, address(proxy) if proxy else self.server_address("tcp"), "tcp",
                name=name, password=password, auth_user=auth_user, rport=rport,
            )  # fmt: skip
            self.network.attach(seat, phone, phone.name)
        if phone.credentials is not None and self.network.is_server(phone.proxy):
            phone.credentials = _Credentials(self.names, phone.credentials.username, phone.credentials.password)
        return phone

    def server_address(self, proto: str = "udp") -> Address:
        """Where the daemon listens first for a protocol."""
        found = next((one for one in self._sockets if one.proto == proto), None)
        if found is None:
            raise AssertionError(f"the config listens on no {proto} socket")
        return Address(found.address, found.port)

    @property
    def domain(self) -> str:
        """The config's first alias, else its first listen address."""
        return self._domain

    def sipp(self, *scenarios: str | Path | SippParty, calls: int = 1, **options: Unpack[SippOptions]) -> SippResult:
        """Play SIPp scenarios around the daemon, over UDP; see Lab.sipp."""
        protos = {options.get("proto", "udp"), *(getattr(one, "proto", None) or "udp" for one in scenarios)}
        if protos != {"udp"}:
            raise NotOnReal("lab.sipp(proto=...): on Kamailio scenarios speak UDP")
        result = super().sipp(*scenarios, calls=calls, **options)
        self.run()  # what is still under way is not for the parties of the next run
        return result

    def link(self, *args: Any, **options: Any) -> NoReturn:
        """Loopback has no faults."""
        raise NotOnReal("lab.link(): the faults of the lab's network")

    def connect(self, source: str | tuple[str, int] = "") -> Stream:
        """A stream of the lab."""
        raise NotOnReal("lab.connect(): a stream of the lab's own")

    def http(self, method: str, url: str, body: str = "", headers: Sequence[str] = ()) -> HttpReply:
        """A stream of the lab."""
        raise NotOnReal("lab.http(): a stream of the lab's own")

    # -- the daemon

    def rpc(self, command: str, *arguments: str | int | float) -> Any:
        """Run an RPC command through module ctl. Raises RpcFault."""
        self.run()
        real = [self.names.out(one) if isinstance(one, str) else one for one in arguments]
        try:
            values = decode_reply(self.daemon.control(encode_request(command, real)))
        except RpcFault as fault:
            raise RpcFault(fault.code, self.names.back(fault.text)) from None
        values = [with_arrays(value) for value in values]
        if command in NAMED_ARRAYS and values:
            values[0].is_array = True
        answer = [_strings(to_json(value), self.names.back) for value in values]
        self.run()
        return answer[0] if len(answer) == 1 else answer

    @property
    def log(self) -> Log:  # type: ignore[override]
        """What the daemon logged, without what it says about the marks."""
        self._read_log()
        return self._log

    def _settled(self) -> None:
        """The daemon dealt with what it was sent last: what it logged is of that message."""
        delivered = self.network.delivered
        self._caused = delivered[-1].time if delivered else 0.0
        self._read_log()
        self._caused = 0.0

    def _read_log(self) -> None:
        """Take over what the daemon logged since the last time."""
        if self._stopped or len(self.daemon.stderr) == self._read_to:
            return
        records = self.daemon.records(self._last)
        self._log.cut(self._complete)
        for place, level, text in records:
            self._complete = len(self._log)
            self._last = place
            found = (_ORIGIN.search if self._prefixed else _ORIGIN.match)(text)
            if not (found and found[1]) and (place < self._booted or _OF_MARKS.search(text)):
                continue
            origin = (found[1] or found[2]) if found else "<script>"
            if found is None and "dbg_cfg_trace(): " in text:
                origin = "debugger"  # which puts a head of its own in the place of its name
            rest, prefix = (text[found.end() :], text[: found.start()]) if found else (text, "")
            self._log.append(LogRecord(_NUMBERS.get(level, 2), origin, characters(rest), prefix))
        self._read_to = len(self.daemon.stderr)

    @property
    def dialogs(self) -> list[Any]:
        """The calls that the dialog module tracks, oldest first."""
        return held.dialogs(self)

    @property
    def registrations(self) -> list[Any]:
        """The contacts that lookup() would find."""
        return held.registrations(self)

    @property
    def profiles(self) -> Mapping[str, Counter[str]]:  # type: ignore[override]
        """Members of dialog profiles by name and value."""
        return held.profiles(self)

    @property
    def stats(self) -> held.RealStatistics:  # type: ignore[override]
        """Counters, all of one moment."""
        return held.RealStatistics(self)

    def database(self, url: str = "") -> RealDatabase:
        """The SQLite file in the place of a database of the config; see Lab.database."""
        if not url and len(self._opened) == 1:
            return next(iter(self._opened.values()))
        if url not in self._opened:
            known = ", ".join(self._opened)
            which = f"several databases: {known}; say which" if known else "no database: say a URL"
            raise LookupError(
                f"no database {url!r}: the config opens {known or 'none'}" if url else f"the config opens {which}"
            )
        return self._opened[url]

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotOnReal(f"lab.{name} is the lab's alone")

    @property
    def messages(self) -> Messages:
        """The messages that the daemon sent so far. Snapshots are of the lab alone: there are times in them."""
        from kamscript.lab.snapshots import Messages

        class Sent(Messages):
            def render(self, normaliser: Normaliser) -> str:
                raise NotOnReal("a snapshot is of the lab's own run")

        return Sent(self, self.exchanges())

    def snapshot(self, *, messages: bool = True, log: bool = False, rows: Sequence[str] = ()) -> Recording:
        """Snapshots are of the lab alone."""
        raise NotOnReal("a snapshot is of the lab's own run")

    def trace(self) -> NoReturn:
        """The daemon's routes run unseen."""
        raise NotOnReal("lab.trace(): the routes of the real Kamailio run unseen")

    @property
    def traced(self) -> None:
        """There is none."""
        return None

    def double(self, *args: Any, **options: Any) -> NoReturn:
        """The daemon's functions are its own."""
        raise NotOnReal(OWN_FUNCTIONS)

    def route(self, *args: Any, **options: Any) -> NoReturn:
        """The daemon runs whole messages."""
        raise NotOnReal("lab.route(): the real Kamailio runs no route alone")

    def table(self, *args: Any, **options: Any) -> NoReturn:
        """The daemon runs whole messages."""
        raise NotOnReal("lab.table(): the real Kamailio runs no route alone")


def too_long(seconds: float, limit: float) -> str:
    """The reason for a test that takes too much time."""
    return f"it lets {seconds:g} s pass; on the real Kamailio at most {limit:g} s are waited (--kam-real-wait)"


def _strings(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_strings(item, change) for item in value]
    if isinstance(value, dict):
        return {name: _strings(item, change) for name, item in value.items()}
    return value


__all__ = ["NotOnReal", "RealLab", "Refused", "why_not"]
