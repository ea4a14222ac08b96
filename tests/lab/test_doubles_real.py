"""Ready doubles say what the programs they stand for say: the same config on a real Kamailio with the real program."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kamscript.lab import Lab
from kamscript.lab.ready.execute import Command
from kamscript.lab.ready.http import HttpRequest
from kamscript.lab.real import RealLab

pytestmark = pytest.mark.kamailio

HEAD = """
listen=udp:127.0.0.1:5060
alias="example.com"
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "xlog.so"
loadmodule "%s.so"
"""


def config(module: str, params: str, *steps: str) -> str:
    """A config that takes every step for one request, and logs after each the values that stand behind its `#`."""
    lines = []
    for step in steps:
        action, _, shown = step.partition(" # ")
        lines.append(f'    {action}\n    xlog("L_ERR", "$rc {shown.strip()}\\n");')
    return "\n".join([HEAD % module + params, "request_route {", *lines, '    sl_send_reply("200", "OK");', "}", ""])


def both(text: str, prepare: Callable[[Lab], object]) -> tuple[list[str], list[str]]:
    """What the script logs in the lab, whose doubles `prepare` sets, and on a real Kamailio."""
    with Lab(text=text) as lab:
        prepare(lab)
        assert lab.phone("alice").options().status == 200
        ours = lab.log.script
    with RealLab(text=text) as real:
        assert real.phone("alice").options().status == 200
        return ours, real.log.script


def compare(text: str, prepare: Callable[[Lab], object]) -> None:
    """Both say the same, line by line; what differs is shown with the step."""
    ours, theirs = both(text, prepare)
    steps = [line.strip() for line in text.splitlines() if line.startswith("    ") and "xlog" not in line]
    assert len(ours) == len(theirs)
    told = zip(steps, ours, theirs, strict=False)
    wrong = [f"{step}\n  lab      {mine!r}\n  Kamailio {other!r}" for step, mine, other in told if mine != other]
    assert not wrong, "\n".join(wrong)


# -- exec -------------------------------------------------------------------------------------------------------------
def shell(command: Command) -> tuple[str, int]:
    """What /bin/sh does with it."""
    done = subprocess.run(
        ["/bin/sh", "-c", command.line], input=command.input, capture_output=True, text=True, timeout=10, check=False
    )
    return done.stdout, done.returncode


def test_the_shell() -> None:
    text = config(
        "exec", "",
        'exec_cmd("true");',
        'exec_cmd("exit 3");',
        'exec_cmd("no-such-command 2>/dev/null");',
        'exec_cmd("test $rm = OPTIONS");',
        r'exec_avp("printf \"one\n\n  two \t\r\nthree\""); # $avp(i:1)|$avp(i:2)|$avp(i:3)|$avp(i:4)',
        r'exec_avp("printf \"a\nb\"", "$avp(s:x);$avp(s:y)"); # $avp(s:x)|$avp(s:y)',
        r'exec_avp("printf \"a\nb\nc\"", "$avp(s:only)"); # $avp(s:only)|$avp(i:2)|$avp(i:3)',
        'exec_avp("true", "$avp(s:z)"); # $avp(s:z)',
        'exec_avp("echo kept; exit 2", "$avp(s:k)"); # $avp(s:k)',
        'exec_avp("echo $fU", "$avp(s:user)"); # $avp(s:user)',
        'exec_avp("echo second", "$avp(s:user)"); # $avp(s:user)|$(avp(s:user)[1])',
        'exec_msg("head -n 1 | grep -q ^OPTIONS");',
        'exec_msg("cat >/dev/null; exit 1");',
        'exec_msg("cat >/dev/null");',
        r'exec_dset("printf \"sip:a@10.0.0.1\n\nsip:b@10.0.0.2  \n\" #"); # $ru|$(branch(uri)[0])|$(branch(uri)[1])',
        'exec_dset("echo"); # $ru|$(branch(uri)[0])',
        'exec_dset("true"); # $ru',
        'exec_dset("false #"); # $ru',
        'exec_dset("echo sip:c@10.0.0.3; false #"); # $ru',
        'exec_dset("echo no-uri #"); # $ru',
    )  # fmt: skip
    compare(text, lambda lab: lab.doubles.exec.answer("*", shell))


# -- ndb_redis --------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = Path(tmp_path_factory.mktemp("redis")) / "s"
    process = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
        cwd=path.parent,
    )
    try:
        deadline = time.monotonic() + 10
        while not path.exists():
            assert time.monotonic() < deadline and process.poll() is None, "redis-server does not start"
            time.sleep(0.01)
        yield path
    finally:
        process.terminate()
        process.wait(10)


SHOWN = "$redis(r=>type)|$redis(r=>value)|$redis(r=>info)|$redis(r=>size)"


@pytest.mark.redis
def test_redis(redis_socket: Path) -> None:
    text = config(
        "ndb_redis", f'modparam("ndb_redis", "server", "name=one;unix={redis_socket};db=0")\n',
        f'redis_cmd("one", "PING", "r"); # {SHOWN}',
        f'redis_cmd("one", "SET a 1", "r"); # {SHOWN}',
        f'redis_cmd("one", "GET a", "r"); # {SHOWN}',
        f'redis_cmd("one", "GET nobody", "r"); # {SHOWN}',
        f'redis_cmd("one", "INCRBY a 5", "r"); # {SHOWN}',
        f'redis_cmd("one", "INCR", "r"); # {SHOWN}',
        f'redis_cmd("one", "GET $rm", "r"); # {SHOWN}',
        f'redis_cmd("one", "SET user:$fU 5", "r"); # {SHOWN}',
        f'redis_cmd("one", "GET user:alice", "r"); # {SHOWN}',
        f'redis_cmd("one", "SET b %s", "two words", "r"); # {SHOWN}',
        f'redis_cmd("one", "GET b", "r"); # {SHOWN}',
        f'redis_cmd("one", "SET %s-%s x", "k", "1", "r"); # {SHOWN}',
        f'redis_cmd("one", "GET k-1", "r"); # {SHOWN}',
        f'redis_cmd("one", "SET  spaced   value ", "r"); # {SHOWN}',
        f'redis_cmd("one", "GET spaced", "r"); # {SHOWN}',
        f'redis_cmd("one", "HSET h f 1 g 2", "r"); # {SHOWN}',
        f'redis_cmd("one", "HGETALL h", "r"); # {SHOWN}|$redis(r=>value[0])|$redis(r=>value[3])|$redis(r=>value[4])',
        'redis_cmd("one", "HMGET h f none", "r"); # $redis(r=>type[0])|$redis(r=>type[1])|$redis(r=>value[1])',
        'redis_cmd("one", "HMGET h f none", "r"); # $redis(r=>value[1])|$redis(r=>value[2])|$redis(r=>size)',
        f'redis_cmd("one", "LRANGE nobody 0 -1", "r"); # {SHOWN}|$redis(r=>value[0])',
        f'redis_cmd("one", "LPUSH a x", "r"); # {SHOWN}',
        'redis_pipe_cmd("one", "INCR", "p5");',
        'redis_pipe_cmd("one", "GET %s", "b", "p6");',
        'redis_execute("one"); # $redis(p5=>type)|$redis(p6=>value)',
        'redis_cmd("one", "GET a", "other"); # $redis(other=>value)|$redis(r=>type)|$redis(nobody=>value)',
        'redis_free("other"); # $redis(other=>value)',
        'redis_free("other");',
        'redis_free("never");',
        f'redis_cmd("two", "GET a", "fresh"); # {SHOWN.replace("r=>", "fresh=>")}',
        'redis_pipe_cmd("one", "SET p 1", "p1");',
        'redis_pipe_cmd("one", "GET p", "p2"); # $redis(p2=>value)',
        'redis_execute("one"); # $redis(p1=>info)|$redis(p2=>value)',
        'redis_execute("one"); # $redis(p2=>value)',
        'redis_execute("two");',
        'redis_pipe_cmd("two", "GET p", "p3");',
        '$var(x) = $redisd(rpl_arr) + $redisd(rpl_nil); # $redisd(rpl_str)|$redisd(rpl_int)|$redisd(rpl_sts)|$var(x)',
        f'redis_cmd("one", "FLUSHDB", "r"); # {SHOWN}',
    )  # fmt: skip
    compare(text, lambda lab: lab.doubles.redis)


# -- http_client ------------------------------------------------------------------------------------------------------
#: Paths of a small server: status, headers, body.
PAGES: dict[str, tuple[int, dict[str, str], str]] = {
    "/plain": (200, {"Content-Type": "text/plain"}, "first line\nsecond line\n"),
    "/empty": (204, {}, ""),
    "/gone": (404, {}, "not here"),
    "/pay": (402, {}, "402 first\r\nsecond"),
    "/broken": (500, {}, "it broke"),
    "/odd": (503, {}, ""),
    "/moved": (302, {"Location": "/plain"}, "elsewhere\nthere"),
    "/json": (200, {"Content-Type": "application/json"}, '{"a": [1,\n2]}'),
}


def page(method: str, target: str, body: str, header: Callable[[str], str | None]) -> tuple[int, dict[str, str], str]:
    """What the small server says."""
    path = target.partition("?")[0]
    if path == "/echo":
        kind = header("Content-Type") or ""
        return 200, {}, f"{method} {target} [{kind}] [{header('X-Key') or ''}] [{body}]"
    return PAGES.get(path, (404, {}, "no such page"))


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        status, headers, text = page(self.command, self.path, body, self.headers.get)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def web_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("whole", [0, 1])
def test_http(web_port: int, whole: int) -> None:
    base = f"http://localhost:{web_port}"
    params = f'modparam("http_client", "query_result", {1 - whole})\n'
    params += f'modparam("http_client", "httpcon", "api=>{base}")\n'
    text = config(
        "http_client", params,
        *(f'http_client_query("{base}{path}", "$var(r)"); # [$var(r)]' for path in PAGES),
        f'http_client_query("{base}/echo?u=$fU", "$var(r)"); # [$var(r)]',
        f'http_client_query("{base}/echo", "a=b&c=$rm", "$var(r)"); # [$var(r)]',
        f'http_client_query("{base}/echo", "", "$var(r)"); # [$var(r)]',
        f'http_client_query("{base}/echo", "x", "X-Key: k", "$var(r)"); # [$var(r)]',
        f'http_client_query("{base}/echo", "x", "Content-Type: text/x\\r\\nX-Key: k", "$var(r)"); # [$var(r)]',
        f'http_client_query("{base}/echo", "", "X-Key: k", "$var(r)"); # [$var(r)]',
        f'http_client_get("{base}/echo", "", "X-Key: k", "$var(r)"); # [$var(r)]',
        f'http_client_get("{base}/echo", "x", "", "$var(r)"); # [$var(r)]',
        f'http_client_query("{base}/echo", "x", "content-type:text/y", "$var(r)"); # [$var(r)]',
        f'http_client_query("{base}/pla in", "$var(r)"); # [$var(r)]',
        f'http_client_query("localhost:{web_port}/plain", "$var(r)"); # [$var(r)]',
        '$var(r) = "old"; http_client_query("http://", "$var(r)"); # [$var(r)]',
        '$var(r) = "old"; http_client_query("http://localhost:1/x", "$var(r)"); # [$var(r)]',
        '$var(r) = "old"; http_client_query("nonsense://x", "$var(r)"); # [$var(r)]',
        '$var(r) = "old"; http_client_query("", "$var(r)"); # [$var(r)]',
        'http_connect("api", "/plain", "$var(r)"); # [$var(r)]',
        'http_connect("api", "echo", "$var(r)"); # [$var(r)]',
        'http_connect("api", "/gone", "$var(r)"); # [$var(r)]',
        'http_connect("api", "/broken", "$var(r)"); # [$var(r)]',
        'http_connect("api", "/echo", "application/json", "{}", "$var(r)"); # [$var(r)]',
        'http_connect("api", "/echo", "", "x", "$var(r)"); # [$var(r)]',
        'http_connect("api", "/echo", "text/z", "", "$var(r)"); # [$var(r)]',
        'http_connect_raw("api", "/echo", "application/json", "$not a pv", "$var(r)"); # [$var(r)]',
        'http_connect("api", "", "$var(r)"); # [$var(r)]',
        'http_connect("api", "/moved", "$var(r)"); # [$var(r)]',
        '$var(r) = "old"; http_connect("nobody", "/plain", "$var(r)"); # [$var(r)]',
        '$var(x) = 1; # $curlerror(0)|$curlerror(7)|$curlerror(28)|$curlerror(200)|$curlerror(1000)',
    )  # fmt: skip

    def prepare(lab: Lab) -> None:
        def answer(request: HttpRequest) -> tuple[int, str]:
            target = request.url.removeprefix(base)
            status, _, body = page(request.method, target, request.body, request.header)
            return status, body

        lab.doubles.http.fail("*", "refused")
        lab.doubles.http.answer(f"{base}*", answer)

    compare(text, prepare)
