"""HTTP servers: what http_client, http_async_client, ruxc and utils reach.

    web = lab.doubles.http
    web.answer("https://billing/*", json={"allowed": True})
    web.answer("https://billing/*", status=402, method="POST", times=1)
    web.fail("http://slow/*", "timeout")
    ...
    assert web.requests[0].json["user"] == "alice"

The newest answer that fits is given. A request that none fits is refused, as if nobody listened, and the test is told;
so it is of answers that nobody asked for. An asynchronous query is answered once the server is through with the
message, or `delay` seconds later; a blocking one stops the server's clock for so long.
"""

from __future__ import annotations

import json as jsons
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kamscript.core.web import HttpQuery, HttpReply
from kamscript.lab.ready.base import Ready, pattern

if TYPE_CHECKING:
    from kamscript.lab.doubles import Call
    from kamscript.lab.lab import Lab

#: What can go wrong before there is an answer: libcurl's number, and its text.
ERRORS: Final = {
    "protocol": (1, "Unsupported protocol"),
    "url": (3, "URL using bad/illegal format or missing URL"),
    "resolve": (6, "Couldn't resolve host name"),
    "refused": (7, "Couldn't connect to server"),
    "timeout": (28, "Timeout was reached"),
    "tls": (35, "SSL connect error"),
    "certificate": (60, "SSL peer certificate or SSH remote key was not OK"),
}


class HttpRequest(NamedTuple):
    """What a config asked an HTTP server.

    `headers` are the lines that the config means, `sent` those that leave (with User-Agent and Authorization); `via` is
    the function that asked.
    """

    method: str
    url: str
    headers: tuple[str, ...]
    body: str
    via: str
    sent: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        """The body as JSON; ValueError when it is none."""
        return jsons.loads(self.body)

    def header(self, name: str) -> str | None:
        """The value of a header, None without it."""
        for line in self.headers:
            key, colon, value = line.partition(":")
            if colon and key.strip().lower() == name.lower():
                return value.strip()
        return None

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


class Answer:
    """What a server says to requests that fit. `requests` are those that it answered."""

    def __init__(
        self,
        url: str | re.Pattern[str],
        method: str,
        status: int,
        body: str | Callable[[HttpRequest], Any],
        headers: Mapping[str, str],
        error: str,
        delay: float,
        times: int | None,
        optional: bool,
    ) -> None:
        self.url, self.method, self.status, self.body = url, method.upper(), status, body
        self.headers, self.error, self.delay = dict(headers), error, delay
        self.times, self.optional = times, optional
        self.requests: list[HttpRequest] = []
        self._pattern = pattern(url)

    def fits(self, request: HttpRequest) -> bool:
        """Whether it answers this request."""
        if self.times is not None and len(self.requests) >= self.times:
            return False
        return self.method in ("", request.method) and self._pattern.fullmatch(request.url) is not None

    def __str__(self) -> str:
        url = self.url if isinstance(self.url, str) else self.url.pattern
        return f"{self.method or '*'} {url}"


class Outcome(NamedTuple):
    """How one request ended: a status with headers and a body, or `error`, a key of ERRORS."""

    status: int
    body: str
    headers: Mapping[str, str]
    error: str = ""
    delay: float = 0.0

    @property
    def reason(self) -> str:
        """The reason phrase of the status."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return ""

    @property
    def text(self) -> str:
        """The whole message."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}".rstrip(), *(f"{n}: {v}" for n, v in self.headers.items())]
        return "\r\n".join([*lines, "", self.body])


class Web(Ready):
    """All HTTP servers of a lab's world. `requests` are what the config asked, oldest first."""

    module = "http_client"

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.requests: list[HttpRequest] = []
        self.answers: list[Answer] = []
        self._unanswered: list[HttpRequest] = []
        self.install(
            {
                "http_query": self._http_query,
                "ruxc_http_get": self._ruxc_get,
                "ruxc_http_post": self._ruxc_post,
                "ruxc_http_delete": self._ruxc_delete,
            }
        )

    # -- what a test says -----------------------------------------------------------------------------------------
    def answer(
        self,
        url: str | re.Pattern[str] = "*",
        body: str | Callable[[HttpRequest], Any] = "",
        *,
        status: int = 200,
        method: str = "",
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        times: int | None = None,
        optional: bool = False,
    ) -> Answer:
        """Answer requests to `url` (`*`: anything), with `method` when given.

        `body` is a text, or a callable that gets the HttpRequest and returns a text, `(status, text)` or
        `(status, text, headers)`; `json` is sent as JSON. `delay` seconds pass before; `times` says how often it is
        given, at most; unless `optional` it must be asked for.
        """
        if not 100 <= status <= 999:
            raise ValueError(f"{status} is no HTTP status")
        found = dict(headers or {})
        if json is not None:
            body = jsons.dumps(json)
            found.setdefault("Content-Type", "application/json")
        return self._add(Answer(url, method, status, body, found, "", delay, times, optional))

    def fail(
        self,
        url: str | re.Pattern[str] = "*",
        error: str = "refused",
        *,
        method: str = "",
        delay: float = 0.0,
        times: int | None = None,
        optional: bool = False,
    ) -> Answer:
        """Let requests to `url` end without an answer; `error` is one of ERRORS. A timeout takes its time."""
        if error not in ERRORS:
            raise ValueError(f"{error!r}: HTTP fails with one of {', '.join(ERRORS)}")
        return self._add(Answer(url, method, 0, "", {}, error, delay, times, optional))

    def _add(self, answer: Answer) -> Answer:
        self.answers.insert(0, answer)
        return answer

    def problems(self) -> list[str]:
        """Requests that nobody was there for, and answers that nobody asked for."""
        known = "".join(f"\n  {answer}" for answer in reversed(self.answers)) or " none"
        found = [f"no answer is set for {request} ({request.via}); those set:{known}" for request in self._unanswered]
        for answer in reversed(self.answers):
            if not answer.optional and not answer.requests:
                found.append(f"nobody asked for the HTTP answer {answer}: drop it, or say optional=True")
        return found

    # -- one request ----------------------------------------------------------------------------------------------
    def exchange(self, method: str, url: str, headers: str, body: str, via: str) -> Outcome:
        """What comes of one request."""
        # As libcurl has it: http is meant where no scheme stands, a header without a value is left out.
        lines = tuple(line for line in re.split(r"[\r\n]+", headers) if line and not re.fullmatch(r"[\w-]+:\s*", line))
        url = url if "://" in url else f"http://{url}"
        return self._answered(HttpRequest(method, url, lines, body, via, lines))

    def ask(self, query: HttpQuery) -> HttpReply:
        """What a module asks while its route waits (`Environment.http`)."""
        outcome = self._patient(self._asked(query), query.timeout)
        if outcome.delay:
            self.lab.block(outcome.delay)
        return _reply(outcome)

    def begin(self, query: HttpQuery, done: Callable[[HttpReply], object]) -> None:
        """What a module asks without waiting."""
        outcome = self._patient(self._asked(query), query.timeout)

        def arrived() -> None:
            done(_reply(outcome))
            self.lab.flush()
            self.lab.run()

        self.later(outcome.delay, arrived)

    def _asked(self, query: HttpQuery) -> Outcome:
        meant = tuple(line for line in query.headers if not line.lower().startswith(("user-agent:", "authorization:")))
        return self._answered(HttpRequest(query.method, query.url, meant, query.body or "", query.via, query.headers))

    def _patient(self, outcome: Outcome, patience: float) -> Outcome:
        """What comes of it for who waits so long, 0 for ever."""
        patience = patience or 1e9
        if outcome.error == "timeout" or outcome.delay > patience:
            return Outcome(0, "", {}, "timeout", patience)
        return outcome

    def _answered(self, request: HttpRequest) -> Outcome:
        url = request.url
        self.requests.append(request)
        if not re.fullmatch(r"https?://[^/\s][^\x00-\x20]*", url):
            return Outcome(0, "", {}, "url" if re.match("https?:", url) else "protocol")
        answer = next((answer for answer in self.answers if answer.fits(request)), None)
        if answer is None:
            self._unanswered.append(request)
            return Outcome(0, "", {}, "refused")
        answer.requests.append(request)
        if answer.error:
            return Outcome(0, "", {}, answer.error, answer.delay)
        said = answer.body(request) if callable(answer.body) else answer.body
        status, text, *more = said if isinstance(said, tuple) else (answer.status, said)
        return Outcome(status, str(text), {**answer.headers, **(more[0] if more else {})}, "", answer.delay)

    def _blocking(self, method: str, url: str, headers: str, body: str, via: str, patience: float) -> Outcome:
        outcome = self._patient(self.exchange(method, url, headers, body, via), patience)
        if outcome.delay:
            self.lab.block(outcome.delay)
        if outcome.error:
            number, text = ERRORS[outcome.error]
            self.log("warning", f"{text} ({number}) (url: {url})")
        return outcome

    # -- utils of 4.x, ruxc ---------------------------------------------------------------------------------------
    def _http_query(self, call: Call, url: str, *rest: Any) -> int:
        body, headers = [*map(_text, rest[:-1]), "", ""][:2]
        outcome = self._blocking("POST" if body else "GET", url, _with_form(headers, body), body, call.name, 4.0)
        if outcome.error:
            return -1
        if 200 <= outcome.status < 500:
            call[-1] = outcome.body.partition("\n")[0]
        return outcome.status

    def _ruxc(self, call: Call, method: str, url: str, headers: Any, body: Any) -> int:
        outcome = self._blocking(method, url, _text(headers), _text(body), call.name, 5.0)
        if outcome.error:
            return -1
        call[-1] = outcome.body
        return outcome.status

    def _ruxc_get(self, call: Call, url: str, headers: Any, _result: Any) -> int:
        return self._ruxc(call, "GET", url, headers, "")

    def _ruxc_post(self, call: Call, url: str, body: Any, headers: Any, _result: Any) -> int:
        return self._ruxc(call, "POST", url, headers, body)

    def _ruxc_delete(self, call: Call, url: str, body: Any, headers: Any, _result: Any) -> int:
        return self._ruxc(call, "DELETE", url, headers, body)


def _with_form(headers: str, body: str) -> str:
    """The header lines as libcurl sends them: what has a body is a form unless they say otherwise."""
    if not body or re.search(r"(?im)^content-type\s*:", headers):
        return headers
    return "\n".join(filter(None, [headers, "Content-Type: application/x-www-form-urlencoded"]))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _reply(outcome: Outcome) -> HttpReply:
    error = ERRORS[outcome.error][0] if outcome.error else 0
    headers = tuple(outcome.headers.items())
    return HttpReply(outcome.status, outcome.reason, headers, outcome.body, error, outcome.delay)
