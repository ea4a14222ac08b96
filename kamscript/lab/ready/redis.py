"""Redis for ndb_redis: `redis_cmd`, pipelines, `$redis(...)`.

    redis = lab.doubles.redis
    redis["user:alice"] = {"limit": 2}          # a hash; also a text, a number, a list or a set
    ...
    assert redis["calls:alice"] == "1"
    lab.advance(minutes=5)                      # keys expire on the lab's clock
    redis.server("srvB").down = True

The servers are those of the config's `modparam("ndb_redis", "server", "name=...")`; without one any name is a server.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from kamscript.core.doubles import Backed
from kamscript.lab.ready.base import Ready
from kamscript.lab.ready.redis_server import Error, RedisServer, Reply, Status
from kamscript.source import did_you_mean
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.lab.doubles import Call
    from kamscript.lab.lab import Lab

#: `$redis(r=>type)`, and `$redisd(...)`, the names of these numbers.
TYPES: Final = {"rpl_str": 1, "rpl_arr": 2, "rpl_int": 3, "rpl_nil": 4, "rpl_sts": 5, "rpl_err": 6}

_NAME = re.compile(r"name=([^;]+)")
_KEY = re.compile(r"(value|type|info|size)(?:\[(-?\d+)\])?")


class Redis(Ready):
    """The Redis servers of a lab. `redis[key]` is the first server's; `commands` are what all were told, in order."""

    module = "ndb_redis"

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        found = (_NAME.search(str(spec)) for spec in self.params("server"))
        self.names = [match.group(1).strip() for match in found if match is not None]
        self.servers: dict[str, RedisServer] = {}
        for name in self.names:
            self._make(name)
        self.replies: dict[str, Reply] = {}
        self._known: set[str] = set()  #: names of replies, also of those that were freed
        self.commands: list[list[str]] = []
        self._piped: dict[str, list[tuple[list[str], str]]] = {}
        self.install(
            {
                "redis_cmd": self._cmd,
                "redis_pipe_cmd": self._pipe,
                "redis_execute": self._execute,
                "redis_free": self._free,
            }
        )
        lab.server.doubles.set_pv("redis", Backed(self._read))
        lab.server.doubles.set_pv("redisd", Backed(lambda ctx, name: TYPES.get(name or "")))

    def server(self, name: str = "") -> RedisServer:
        """A server by its name in the config, the first one without; LookupError for one that the config lacks."""
        name = name or next(iter(self.servers), "default")
        if name not in self.servers:
            if self.names:
                hint = did_you_mean(name, self.names)
                text = f"the config has no Redis server {name}, but {', '.join(self.names)}"
                raise LookupError(f"{text}; {hint}" if hint else text)
            self._make(name)
        return self.servers[name]

    def _make(self, name: str) -> None:
        server = self.servers[name] = RedisServer(lambda: self.lab.now)
        if len(self.servers) > 1 and not self.names:
            # nobody told servers apart: they are one
            first = next(iter(self.servers.values()))
            server.data, server.expires = first.data, first.expires

    def __getitem__(self, key: str) -> Any:
        """The value of a key; KeyError when there is none, or it has expired."""
        return self.server()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.server()[key] = value

    def __contains__(self, key: str) -> bool:
        return key in self.server()

    # -- functions ------------------------------------------------------------------------------------------------
    def _ask(self, name: str) -> RedisServer | None:
        try:
            server = self.server(name)
        except LookupError:
            self.log("error", f"no redis server found: {name}")
            return None
        if server.down:
            self.log("error", f"no redis context for server: {name}")
            return None
        return server

    def _cmd(self, call: Call, name: str, command: str, *rest: Any) -> bool:
        *args, reply_id = rest
        server = self._ask(name)
        if server is None:
            return False
        reply = self._keep(str(reply_id), self._run(server, _words(command, args)))
        return not isinstance(reply, Error)

    def _keep(self, reply_id: str, reply: Reply) -> Reply:
        self._known.add(reply_id)
        self.replies[reply_id] = reply
        return reply

    def _run(self, server: RedisServer, words: list[str]) -> Reply:
        self.commands.append(words)
        return server.run(words)

    def _pipe(self, call: Call, name: str, command: str, *rest: Any) -> bool:
        *args, reply_id = rest
        if self._ask(name) is None:
            return False
        self._piped.setdefault(name, []).append((_words(command, args), str(reply_id)))
        return True

    def _execute(self, call: Call, name: str) -> bool:
        waiting = self._piped.pop(name, [])
        server = self._ask(name)
        if server is None:
            return False
        if not waiting:
            self.log("warning", "call for redis_cmd without any pipelined commands")
            return False
        for words, reply_id in waiting:
            self._keep(reply_id, self._run(server, words))
        return True

    def _free(self, call: Call, reply_id: str) -> bool:
        self.replies.pop(str(reply_id), None)
        return str(reply_id) in self._known  # what was freed can be freed again

    # -- $redis(...) ----------------------------------------------------------------------------------------------
    def _read(self, ctx: Context, name: str | None) -> Value:
        """`r=>value`, `r=>value[1]`, `r=>value[0]=>value[1]`, `r=>type`, `r=>info`, `r=>size`."""
        reply_id, *keys = (part.strip() for part in (name or "").split("=>"))
        if reply_id not in self.replies or not keys:
            return None
        reply = self.replies[reply_id]
        for position, key in enumerate(keys, 1):
            match = _KEY.fullmatch(key)
            if match is None:
                self.log("error", f"invalid key spec in [{name}]")
                return None
            what, index = match.groups()
            if index is not None:
                if not isinstance(reply, list) or not 0 <= int(index) < len(reply):
                    return None
                reply = reply[int(index)]
            if position < len(keys):
                continue
            return _shown(reply, what)
        return None


def _shown(reply: Reply, what: str) -> Value:
    if what == "type":
        return _type(reply)
    if what == "size":
        return len(reply) if isinstance(reply, list) else None
    if what == "info":
        return reply.text if isinstance(reply, Status | Error) else reply if isinstance(reply, str) else None
    return reply if isinstance(reply, str | int) else None


def _type(reply: Reply) -> int:
    match reply:
        case None:
            return 4
        case str():
            return 1
        case int():
            return 3
        case Status():
            return 5
        case Error():
            return 6
    return 2


def _words(command: str, args: list[Any]) -> list[str]:
    """A command as hiredis splits it: at blanks; `%s` and `%b` take the next argument whole."""
    left = [("" if arg is None else str(arg)) for arg in args]
    words: list[str] = []
    for word in command.split():
        out, at = "", 0
        while at < len(word):
            pair = word[at : at + 2]
            if pair in ("%s", "%b"):
                out += left.pop(0) if left else ""
                at += 2
            elif pair == "%%":
                out += "%"
                at += 2
            else:
                out += word[at]
                at += 1
        words.append(out)
    return words
