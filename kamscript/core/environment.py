"""Everything a server needs from outside, handed in: chance, names, files, databases, the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from kamscript.core.web import Http


class Chance(Protocol):
    """The part of `random.Random` that is used; the lab hands in a seeded one."""

    def random(self) -> float: ...
    def randrange(self, start: int, stop: int) -> int: ...
    def getrandbits(self, k: int) -> int: ...


class SrvRecord(NamedTuple):
    """One SRV answer (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


class NaptrRecord(NamedTuple):
    """One NAPTR answer (RFC 3403)."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


class Resolver(Protocol):
    """DNS as RFC 3263 needs it. Unknown names give empty lists; answers come in the order to try."""

    def a(self, name: str) -> list[str]: ...
    def aaaa(self, name: str) -> list[str]: ...
    def srv(self, name: str) -> list[SrvRecord]: ...
    def naptr(self, name: str) -> list[NaptrRecord]: ...
    def ptr(self, address: str) -> str | None: ...


class Files(Protocol):
    """Files that a config names at run time (tables, includes of modules); `read` raises OSError."""

    def read(self, path: str) -> str: ...
    def exists(self, path: str) -> bool: ...


@runtime_checkable
class FileWriter(Files, Protocol):
    """Files that may be written too; `write` and `append` raise OSError."""

    def write(self, path: str, text: str) -> None: ...
    def append(self, path: str, text: str) -> None: ...


@runtime_checkable
class FileLister(Files, Protocol):
    """Files that stand in folders; `names` gives the paths of those in one, sorted, None when it is no folder."""

    def names(self, folder: str) -> list[str] | None: ...


class Remote(NamedTuple):
    """The control socket of another program, which modules ask while a route waits (rtpengine, rtpproxy)."""

    service: str  #: what program it is, as its module is called
    ip: str = ""
    port: int = 0
    path: str = ""  #: of a Unix socket; then neither address nor port
    stream: bool = False  #: the Unix socket takes connections
    source: str = ""  #: own address to send from; "" any
    tos: int = -1  #: type of service; -1 as it is


class Exchange(Protocol):
    """Sends a datagram and waits for the first answer that `accept` takes, so many seconds at most.

    None: there was none in time. Raises OSError when the other side cannot be reached at all.
    """

    def __call__(self, to: Remote, data: str, timeout: float, accept: Callable[[str], bool]) -> str | None: ...


class LogRecord(NamedTuple):
    """One log line. `level` is Kamailio's number, see `LEVEL_NAMES`."""

    level: int
    origin: str  #: "<script>", "<core>", or a module's name
    text: str
    prefix: str = ""  #: log_prefix, expanded
    facility: str = ""  #: as written in a config: "LOG_DAEMON"
    head: str | None = None  #: printed in place of `origin: ` (modparam xlog prefix); None: the usual
    label: str | None = None  #: printed in place of the level's name (modparam debugger log_level_name)

    @property
    def line(self) -> str:
        """The whole line as Kamailio prints it behind the process number: `INFO: <script>: text`."""
        label = LEVEL_NAMES.get(self.level, str(self.level)) if self.label is None else self.label
        head = f"{self.origin}: " if self.head is None else self.head
        return f"{label}: {self.prefix}{head}{self.text}"


#: What Kamailio prints for a level; -2 (its L_CRIT) is printed without a name.
LEVEL_NAMES = {
    -5: "ALERT",
    -4: "BUG",
    -3: "CRITICAL",
    -2: "",
    -1: "ERROR",
    0: "WARNING",
    1: "NOTICE",
    2: "INFO",
    3: "DEBUG",
}


class Program(NamedTuple):
    """A program that a script wants to be run: a command line for the shell.

    `via` is the function that asks; `given` what the program reads on its input, None nothing; `variables` are added to
    its environment; it is ended behind `seconds`, 0 never.
    """

    line: str
    via: str
    given: str | None
    variables: Mapping[str, str]
    seconds: float


class Ran(NamedTuple):
    """What a program printed, and its exit status; minus a signal's number when that ended it."""

    output: str
    status: int


class Environment:
    """What the driver hands to a server.

    `database(url)` gives a stores.Database; `interfaces` are the machine's addresses by interface name (what a config
    without `listen` binds, and what `listen=udp:eth0` means); `source_address(ip)` says which own address packets to
    `ip` leave from, None unknown (only asked with mhomed=1); `execute(command)` runs a shell command for exec() and
    returns its status, None forbids it; `programs` runs one for module exec and waits for it, None: there are none;
    `exchange` asks other programs and waits for their answer, None: there are none; `sleep(seconds)` holds the server
    up; `end(signal)` is what core.kill does; `stopwatch` counts seconds while a route runs (the lab's stands still);
    `pid` is what `$pp` shows, `arguments` the command line (core.arg).
    """

    def __init__(
        self,
        *,
        now: float,
        chance: Chance,
        resolver: Resolver,
        files: Files,
        log: Callable[[LogRecord], None],
        database: Callable[[str], Any] | None = None,
        environ: dict[str, str] | None = None,
        pid: int = 1,
        hostname: str = "localhost",
        working_directory: str = "/",
        interfaces: Mapping[str, Sequence[str]] | None = None,
        source_address: Callable[[str], str | None] | None = None,
        arguments: Sequence[str] = ("kamailio",),
        execute: Callable[[str], int] | None = None,
        programs: Callable[[Program], Ran] | None = None,
        exchange: Exchange | None = None,
        http: Http | None = None,
        end: Callable[[int], object] | None = None,
        sleep: Callable[[float], object] | None = None,
        stopwatch: Callable[[], float] | None = None,
    ) -> None:
        self.now, self.chance, self.resolver, self.files, self.log = now, chance, resolver, files, log
        self.database, self.environ, self.pid, self.hostname = database, environ or {}, pid, hostname
        self.working_directory = working_directory
        self.interfaces: Mapping[str, Sequence[str]] = {"lo": ["127.0.0.1"]} if interfaces is None else interfaces
        self.source_address, self.arguments = source_address, tuple(arguments)
        self.execute, self.programs, self.end, self.exchange = execute, programs, end, exchange
        self.http = http
        self.sleep: Callable[[float], object] = sleep or (lambda seconds: None)
        self.stopwatch: Callable[[], float] = stopwatch or (lambda: 0.0)
