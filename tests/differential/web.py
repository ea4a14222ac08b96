"""An HTTP server of a case, for both worlds: what it is asked as a short text, what it answers as another.

What answers takes and gives texts:

    POST /path?query
    Content-Type: text/plain
    X-Key: 1

    body
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[str], str | None]
#: Headers that are shown beside those that begin with X-; the others differ by the library that sends them.
_SHOWN = ("authorization", "content-type", "user-agent")


def shown(method: str, path: str, headers: Iterable[tuple[str, str]], body: str) -> str:
    """A request as a text."""
    kept = sorted(
        f"{name.title()}: {value}" for name, value in headers if name.lower() in _SHOWN or name.lower().startswith("x-")
    )
    return "\n".join([f"{method} {path}", *kept, "", body])


def parts(text: str) -> tuple[int, list[tuple[str, str]], str]:
    """Status, headers and body of an answer."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    return int(first), [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)], body


class Server:
    """An HTTP server on a socket. `inward` and `outward` change ports between those of the case and the real ones."""

    def __init__(
        self, address: tuple[str, int], answer: Answer, inward: Callable[[str], str], outward: Callable[[str], str]
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _deal(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("latin-1")
                reply = answer(inward(shown(self.command, self.path, self.headers.items(), body)))
                if reply is None:
                    self.close_connection = True
                    return
                status, headers, text = parts(outward(reply))
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(text.encode("latin-1"))

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _deal

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(address, Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
