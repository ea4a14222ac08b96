"""The lab's Redis says what a real one says, command by command."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kamscript.lab.ready.redis_server import _COMMANDS, Error, RedisServer, Status

pytestmark = pytest.mark.redis

#: One session: a line is a command, its words stand between blanks; `''` is an empty one.
SESSION = """
PING
PING hello
ECHO hello
SELECT 0
DBSIZE
SET a 1
SET a 2 NX
SET b 2 XX
SET a 3 GET
SET a x EX 0
SET a x EX nine
SET a x EX
SET a x PX 60000
TTL a
PTTL a
PERSIST a
PERSIST a
PTTL a
PTTL nobody
TTL a
TTL nobody
SET a y EX 50 NX GET
SET a y EX 50 PX 50
SET a y NX XX
SET a y KEEPTTL EX 5
SET a y EX 100
SET a z KEEPTTL
TTL a
SET a z
TTL a
SET a z WHAT
GET a
GET nobody
SETEX a 50 v
SETEX a 0 v
PSETEX a 0 v
PSETEX p 60000 v
PTTL p
SET p v EXAT 9999999999
SET p v PXAT 9999999999000 EXAT 5
SET p v PXAT
SET p v GET GET
SET p v NX NX
SET p v KEEPTTL KEEPTTL
SET p v EX 5 EX 5
SETEX a -1 v
TTL a
SETNX a w
SETNX c w
GETSET c v
GETSET fresh v
GETSET
GET
GET a b
MGET a nobody c
MSET d 1 e 2
MSET d 1 e
MSET
INCR d
INCR new
INCR c
DECR d
DECRBY d 7
DECRBY d x
INCRBY d 5
INCRBY d 1.5
INCRBY d ''
INCRBY d +5
INCRBY d 007
INCRBY d -0
SET big 9223372036854775807
INCR big
INCRBY d 9223372036854775808
DECRBY d -9223372036854775808
SET small -9223372036854775808
DECR small
SET padded 007
INCR padded
SET spaced ''
INCR spaced
APPEND d x
APPEND text hello
STRLEN text
STRLEN nobody
EXISTS a a nobody
TYPE a
TYPE nobody
RENAME a renamed
TTL renamed
RENAME nobody x
RENAME renamed renamed
EXPIRE nobody 5
EXPIRE renamed x
EXPIRE renamed 100
TTL renamed
PEXPIRE renamed 60000
TTL renamed
EXPIRE renamed 0
EXISTS renamed
EXPIREAT text 1
EXISTS text
EXPIREAT d 9999999999
EXPIREAT d x
HSET h a 1 b 2
HSET h a 3
HSET h a
HSET h a 1 b
HMSET h c 3
HMSET h c
HMSET h c 3 d
HSETNX h a 5
HSETNX h e 5
HGET h a
HGET h nobody
HGET nobody a
HMGET h a nobody e
HMGET nobody a b
HGETALL h
HGETALL nobody
HDEL h a nobody
HDEL nobody a
HEXISTS h b
HEXISTS h a
HLEN h
HLEN nobody
HKEYS h
HVALS h
HINCRBY h b 5
HINCRBY h fresh 5
HINCRBY h b x
HSET h text x
HINCRBY h text 1
HINCRBY none f x
EXISTS none
HSET h big 9223372036854775807
HINCRBY h big 1
HGET d a
HSET d a 1
GET h
INCR h
APPEND h x
STRLEN h
LPUSH h x
SADD h x
MGET h d
SET h1 x
GETSET h x
SET h x GET
TYPE h
LPUSH l a b
RPUSH l c
RPUSH l
LLEN l
LRANGE l 0 -1
LRANGE l -2 -1
LRANGE l 1 1
LRANGE l 5 9
LRANGE l -9 0
LRANGE l 2 1
LRANGE l x 1
LRANGE l 0 -9
LPOP l
RPOP l
LPOP l
LPOP l
LPOP nobody
EXISTS l
TYPE l
LLEN nobody
LRANGE nobody 0 -1
SADD s a b a
SADD s c
SMEMBERS s
SMEMBERS nobody
SISMEMBER s a
SISMEMBER s z
SISMEMBER nobody a
SCARD s
SREM s a z
SREM nobody a
SREM s b c
EXISTS s
SCARD s
RPUSH l2 a b c d
LPOP l2 2
RPOP l2 0
LPOP l2 -1
LPOP l2 x
LPOP nobody 2
RPOP l2 9
MSET k1 1 k2 2 kk3 3 k[1] 4 k* 5
KEYS k?
KEYS k*
KEYS k[12]
KEYS k[^1]
KEYS k[a-z]*
KEYS k\\*
KEYS k\\[1\\]
KEYS nothing*
DEL k1 k2 nobody
UNLINK kk3
DEL
DBSIZE
lpush lower a
NOSUCH
NOSUCH with words
'' x
FLUSHDB
DBSIZE
FLUSHALL ASYNC
FLUSHDB WHAT
SELECT 99
SELECT x
"""
#: Replies whose order is nobody's promise.
UNORDERED = ("KEYS", "SMEMBERS")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[list[str]], Any]]:
    """A real server on a socket of its own; called with a command it gives the reply."""
    path = Path(tmp_path_factory.mktemp("redis")) / "s"
    process = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
        cwd=path.parent,
    )
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        deadline = time.monotonic() + 10
        while connection.connect_ex(str(path)):
            assert time.monotonic() < deadline and process.poll() is None, "redis-server does not start"
            time.sleep(0.01)
        with connection, connection.makefile("rb") as answers:

            def run(words: list[str]) -> Any:
                connection.sendall(_encoded(words))
                return _decoded(answers)

            yield run
    finally:
        process.terminate()
        process.wait(10)


def _encoded(words: list[str]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)


def _decoded(answers: Any) -> Any:
    line = answers.readline().rstrip(b"\r\n").decode()
    kind, rest = line[0], line[1:]
    if kind == "+":
        return Status(rest)
    if kind == "-":
        return Error(rest)
    if kind == ":":
        return int(rest)
    size = int(rest)
    if size < 0:
        return None
    return answers.read(size + 2)[:-2].decode() if kind == "$" else [_decoded(answers) for _ in range(size)]


def _shown(words: list[str], reply: Any) -> str:
    if isinstance(reply, list) and words[0].upper() in UNORDERED:
        reply = sorted(reply)
    if isinstance(reply, Error) and "unknown command" in reply.text:
        reply = Error(reply.text[:22])  # the lab goes on with what it knows
    if words[0].upper() == "PTTL":
        reply = reply if reply < 0 else round(reply / 1000)
    return f"{' '.join(words)} -> {reply!r}"


def test_a_session(real: Callable[[list[str]], Any]) -> None:
    lab = RedisServer(time.time)
    commands = [[word.strip("'") for word in line.split(" ") if word] for line in SESSION.strip().splitlines()]
    both = [(_shown(words, lab.run(words)), _shown(words, real(words))) for words in commands]
    assert not [f"{ours}, Redis: {theirs}" for ours, theirs in both if ours != theirs]


def test_every_command_that_the_lab_knows_is_in_the_session() -> None:
    assert {line.split(" ")[0].upper() for line in SESSION.splitlines()} >= set(_COMMANDS) - {"AUTH"}
