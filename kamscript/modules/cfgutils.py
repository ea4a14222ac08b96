"""cfgutils: chance, global flags, locks, waiting, routes by name, the hash of a file (src/modules/cfgutils/)."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING, Annotated, Final

from kamscript.core.hashes import core_hash as hash_of
from kamscript.core.mi import BAD_PARAMETER, INTERNAL_ERROR, MISSING_PARAMETER, Mi, MiReply
from kamscript.core.rpc import missing
from kamscript.module import Fixup, FixupError, Module, Param, PvInt, Route, Str, function, mi, pv, rpc
from kamscript.script.runtime import run
from kamscript.values import leading_int, parse_int, unsigned, wrap

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.rpc import Rpc
    from kamscript.core.server import RouteFunction, Server

_SIGABRT: Final = 6
_MASK: Final = 0xFFFFFFFF
_MOST_LOCKS: Final = 14  #: largest lock_set_size
_INVALID: Final = (500, "Invalid Parameters")


class _ProbabilityFixup(Fixup):
    """A percentage. As in Kamailio it is what the text begins with, so a pseudo-variable is 0."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> int:
        percent = max(leading_int(text), 0)
        if percent > 100:
            raise FixupError(f"a probability is at most 100 percent, not {text}")
        return percent


class _FlagFixup(Fixup):
    """The number of a flag."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> int:
        number = unsigned(text)
        if number is None or number > 31:
            raise FixupError(f"a global flag is a number from 0 to 31, not {text!r}")
        return number


if TYPE_CHECKING:
    Probability = int
    Flag = int
else:
    Probability = Annotated[int, _ProbabilityFixup()]
    Flag = Annotated[int, _FlagFixup()]


def _percent(value: int) -> str | None:
    return None if value <= 100 else f"a probability is at most 100 percent, not {value}"


class Cfgutils(Module, name="cfgutils"):
    """Chance, global flags, locks, waiting, routes by name."""

    initial_probability = Param(10, "Percent, for rand_event().", check=_percent)
    initial_gflags = Param(0, "The global flags at the start, as a bitmap.")
    hash_file = Param("", "A file, mostly the config, whose changes cfgutils.check_config_hash tells.")
    lock_set_size = Param(0, "2^n locks for lock(); 0: none.")

    # -- life ---------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Hash the file."""
        self.probability = self.initial_probability
        self.gflags = self.initial_gflags & _MASK
        size = self.lock_set_size
        self._locks = 1 << (size if 0 <= size <= _MOST_LOCKS else _MOST_LOCKS) if size else 0
        self._locked: set[int] = set()
        self._hash = ""
        if self.hash_file:
            found = self._hash_now()
            if found is None:
                raise FixupError(f"hash_file {self.hash_file} cannot be read")
            self._hash = found

    def _hash_now(self) -> str | None:
        try:
            text = self.server.environment.files.read(self.hash_file)
        except OSError:
            self.server.log.error(self.name, f"could not read file {self.hash_file}")
            return None
        return md5(text.encode("latin-1"), usedforsecurity=False).hexdigest()

    # -- chance -------------------------------------------------------------------------------------------------------
    @pv("RANDOM")
    def random(self, ctx: Context) -> int:
        """A random number from 0 to 2^31 - 1."""
        return self.server.environment.chance.getrandbits(31)

    @function(Route.ANY)
    def rand_event(self, ctx: Context) -> bool:
        """True as often as the probability says."""
        return self.server.environment.chance.random() < self.probability / 100

    @function(Route.ANY)
    def rand_set_prob(self, ctx: Context, probability: Probability) -> bool:
        """Set the probability, a constant from 0 to 100."""
        self.probability = probability
        return True

    @function(Route.ANY)
    def rand_reset_prob(self, ctx: Context) -> bool:
        """Back to initial_probability."""
        self.probability = self.initial_probability
        return True

    @function(Route.ANY)
    def rand_get_prob(self, ctx: Context) -> int:
        """The probability; one of 0 ends the script, as every function that returns 0."""
        return self.probability

    # -- global flags -------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def set_gflag(self, ctx: Context, flag: Flag) -> bool:
        """Set a global flag, a constant from 0 to 31."""
        self.gflags |= 1 << flag
        return True

    @function(Route.ANY)
    def reset_gflag(self, ctx: Context, flag: Flag) -> bool:
        """Clear a global flag."""
        self.gflags &= ~(1 << flag)
        return True

    @function(Route.ANY)
    def is_gflag(self, ctx: Context, flag: Flag) -> bool:
        """Whether a global flag is set."""
        return bool(self.gflags >> flag & 1)

    # -- locks --------------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def lock(self, ctx: Context, key: Str) -> bool:
        """Take the lock of a key. One that is taken stays so as long as this route waits: that is an error here."""
        return self._lock(key)

    @function(Route.ANY, name="lock", since="6.x")
    def lock_two(self, ctx: Context, key: Str, key2: Str) -> bool:
        """Take the lock of two keys together."""
        return self._lock(key, key2)

    def _lock(self, key: str, second: str = "") -> bool:
        place = self._place(key, second)
        if place is None:
            return False
        if place in self._locked:
            self.server.log.error(self.name, f"lock({key}) is taken already: Kamailio would wait here for ever")
            return False
        self._locked.add(place)
        return True

    @function(Route.ANY, since="5.6")
    def trylock(self, ctx: Context, key: Str) -> bool:
        """Take the lock of a key; false when it is taken."""
        return self._trylock(key)

    @function(Route.ANY, name="trylock", since="6.x")
    def trylock_two(self, ctx: Context, key: Str, key2: Str) -> bool:
        """Take the lock of two keys together; false when it is taken."""
        return self._trylock(key, key2)

    def _trylock(self, key: str, second: str = "") -> bool:
        place = self._place(key, second)
        if place is None or place in self._locked:
            return False
        self._locked.add(place)
        return True

    @function(Route.ANY)
    def unlock(self, ctx: Context, key: Str) -> bool:
        """Give the lock of a key back, whoever took it."""
        return self._unlock(key)

    @function(Route.ANY, name="unlock", since="6.x")
    def unlock_two(self, ctx: Context, key: Str, key2: Str) -> bool:
        """Give the lock of two keys back."""
        return self._unlock(key, key2)

    def _unlock(self, key: str, second: str = "") -> bool:
        place = self._place(key, second)
        if place is None:
            return False
        self._locked.discard(place)
        return True

    def _place(self, key: str, second: str) -> int | None:
        """Which lock; keys may share one, and letter case makes no difference."""
        if not self._locks:
            self.server.log.error(self.name, f"there is no lock for {key}: set lock_set_size")
            return None
        return hash_of(_small(key), self._locks, _small(second))

    # -- waiting, and the end -----------------------------------------------------------------------------------------
    @function(Route.ANY)
    def sleep(self, ctx: Context, time: PvInt) -> bool:
        """Wait so many seconds; nobody else is served meanwhile."""
        self._wait(time & _MASK)
        return True

    @function(Route.ANY)
    def usleep(self, ctx: Context, time: PvInt) -> bool:
        """Wait so many microseconds; nobody else is served meanwhile."""
        self._wait((time & _MASK) / 1e6)
        return True

    def _wait(self, seconds: float) -> None:
        timers = self.server.timers
        until = timers.now + seconds
        self.server.environment.sleep(seconds)
        timers.now = max(timers.now, until)

    @function(Route.ANY)
    def abort(self, ctx: Context) -> int:
        """End the server at once, with SIGABRT."""
        self.server.log.critical(self.name, "abort called")
        if self.server.environment.end is not None:
            self.server.environment.end(_SIGABRT)
        return 0

    @function(Route.ANY)
    def pkg_status(self, ctx: Context) -> bool:
        """Write to the log that there is no pool of memory whose pieces could be listed."""
        return self._no_pool("pkg_status")

    @function(Route.ANY)
    def pkg_summary(self, ctx: Context) -> bool:
        """Write to the log that there is no pool of memory whose use could be summed up."""
        return self._no_pool("pkg_summary")

    @function(Route.ANY)
    def shm_status(self, ctx: Context) -> bool:
        """Write to the log that there is no pool of memory whose pieces could be listed."""
        return self._no_pool("shm_status")

    @function(Route.ANY)
    def shm_summary(self, ctx: Context) -> bool:
        """Write to the log that there is no pool of memory whose use could be summed up."""
        return self._no_pool("shm_summary")

    def _no_pool(self, what: str) -> bool:
        self.server.log.notice(self.name, f"{what}: there is one process, and no pool of memory")
        return True

    # -- routes and hashes --------------------------------------------------------------------------------------------
    def _route(self, name: str) -> RouteFunction | None:
        """route[name]; `0` is request_route."""
        return self.server.route_function(Route.REQUEST, "" if name == "0" else name) if name else None

    @function(Route.ANY)
    def check_route_exists(self, ctx: Context, route: Str) -> bool:
        """Whether there is such a route[...] block."""
        return self._route(route) is not None

    @function(Route.ANY)
    def route_if_exists(self, ctx: Context, route: Str) -> int:
        """Run a route[...] block: what it returns, -1 when there is none; exit in it ends the script."""
        function = self._route(route)
        if function is None:
            return -1
        code = run(function, ctx)
        if ctx.exited:
            ctx.drop = False  # that it was drop is not told to whoever runs the script
            return 0
        return code

    @function(Route.ANY)
    def core_hash(self, ctx: Context, string1: Str, string2: Str, size: PvInt) -> int:
        """The slot of one or two texts among 2^size ones, from 1 on."""
        slots = 2 if size <= 0 else 1 << (size & 31)
        return wrap(hash_of(string1, slots, string2) + 1)

    # -- commands -----------------------------------------------------------------------------------------------------
    @rpc("cfgutils.set_gflag")
    @missing(*_INVALID)
    def rpc_set_gflag(self, rpc: Rpc, flags: int) -> None:
        """Set the flags of a bitmap."""
        self.gflags |= flags & _MASK

    @rpc("cfgutils.reset_gflag")
    @missing(*_INVALID)
    def rpc_reset_gflag(self, rpc: Rpc, flags: int) -> None:
        """Clear the flags of a bitmap."""
        self.gflags &= ~flags & _MASK

    @rpc("cfgutils.is_gflag")
    @missing(*_INVALID)
    def rpc_is_gflag(self, rpc: Rpc, flags: int) -> str:
        """Whether all flags of a bitmap are set: TRUE or FALSE."""
        return self._all_set(flags)

    def _all_set(self, flags: int) -> str:
        return "FALSE" if flags & _MASK & ~self.gflags else "TRUE"

    @rpc("cfgutils.get_gflags", since="5.6")
    def rpc_get_gflags(self, rpc: Rpc) -> str:
        """The flags, hexadecimal and decimal."""
        return f"0x{self.gflags:X} ({self.gflags})"

    @rpc("cfgutils.rand_set_prob", since="5.6")
    @missing(*_INVALID)
    def rpc_rand_set_prob(self, rpc: Rpc, percent: int) -> None:
        """Set the probability."""
        if not 0 <= percent <= 100:
            raise rpc.fault(500, "Invalid Percent")
        self.probability = percent

    @rpc("cfgutils.rand_reset_prob", since="5.6")
    def rpc_rand_reset_prob(self, rpc: Rpc) -> None:
        """Back to initial_probability."""
        self.probability = self.initial_probability

    @rpc("cfgutils.rand_get_prob", since="5.6")
    def rpc_rand_get_prob(self, rpc: Rpc) -> str:
        """The probability."""
        return f"actual probability: {self.probability & _MASK} percent"

    @rpc("cfgutils.get_config_hash", since="5.6")
    def rpc_get_config_hash(self, rpc: Rpc) -> str:
        """The MD5 of hash_file as it was at the start; empty without one."""
        return self._hash

    @rpc("cfgutils.check_config_hash", since="5.6")
    def rpc_check_config_hash(self, rpc: Rpc) -> str:
        """Whether hash_file is still the same."""
        if not self.hash_file:
            raise rpc.fault(500, "No hash file")
        found = self._hash_now()
        if found is None:
            raise rpc.fault(500, "Failed to hash the file")
        return "Identical hash" if found == self._hash else "Different hash"

    # -- MI -----------------------------------------------------------------------------------------------------------
    @mi("set_gflag")
    def mi_set_gflag(self, mi: Mi) -> MiReply:
        """Set the flags of a bitmap."""
        flags, reply = _flags(mi)
        self.gflags |= flags
        return reply

    @mi("reset_gflag")
    def mi_reset_gflag(self, mi: Mi) -> MiReply:
        """Clear the flags of a bitmap."""
        flags, reply = _flags(mi)
        self.gflags &= ~flags
        return reply

    @mi("is_gflag")
    def mi_is_gflag(self, mi: Mi) -> MiReply:
        """Whether all flags of a bitmap are set: TRUE or FALSE."""
        flags, reply = _flags(mi)
        if flags:
            reply.add(value=self._all_set(flags))
        return reply

    @mi("get_gflags")
    def mi_get_gflags(self, mi: Mi) -> MiReply:
        """The flags, hexadecimal and decimal."""
        reply = MiReply()
        reply.add(value=f"0x{self.gflags:X}")
        reply.add(value=str(self.gflags))
        return reply

    @mi("rand_set_prob")
    def mi_rand_set_prob(self, mi: Mi) -> MiReply:
        """Set the probability."""
        text = mi.value(0)
        if text is None:
            return MiReply(400, MISSING_PARAMETER)
        percent = unsigned(text)
        if percent is None or percent > 100:
            return MiReply(400, BAD_PARAMETER)
        self.probability = percent
        return MiReply()

    @mi("rand_reset_prob")
    def mi_rand_reset_prob(self, mi: Mi) -> MiReply:
        """Back to initial_probability."""
        self.probability = self.initial_probability
        return MiReply()

    @mi("rand_get_prob")
    def mi_rand_get_prob(self, mi: Mi) -> MiReply:
        """The probability."""
        return _line(MiReply(), f"actual probability: {self.probability & _MASK} percent\n")

    @mi("get_config_hash")
    def mi_get_config_hash(self, mi: Mi) -> MiReply:
        """The MD5 of hash_file as it was at the start."""
        return _line(MiReply(), f"{self._hash}\n") if self.hash_file else MiReply(404, "Functionality disabled\n")

    @mi("check_config_hash")
    def mi_check_config_hash(self, mi: Mi) -> MiReply:
        """Whether hash_file is still the same."""
        if not self.hash_file:
            return MiReply(404, "Functionality disabled\n")
        found = self._hash_now()
        if found is None:
            return MiReply(500, INTERNAL_ERROR)
        same = found == self._hash
        text = f"The actual config file hash is {'' if same else 'not '}identical to the stored one.\n"
        return _line(MiReply() if same else MiReply(400, "Error"), text)


def _small(key: str) -> str:
    """Capital letters as small ones, those of ASCII alone."""
    return key.encode("latin-1").lower().decode("latin-1")


def _flags(mi: Mi) -> tuple[int, MiReply]:
    """The bitmap that a command is given; 0 and a refusal for none."""
    text = mi.value(0)
    if text is None:
        return 0, MiReply(400, MISSING_PARAMETER)
    flags = (parse_int(text) or 0) & _MASK
    return flags, MiReply() if flags else MiReply(400, BAD_PARAMETER)


def _line(reply: MiReply, text: str) -> MiReply:
    reply.add(value=text)
    return reply
