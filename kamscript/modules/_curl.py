"""What libcurl does around one exchange: default headers, redirects, authentication; its numbers and texts.

`transfer` is a generator that gives requests and takes replies, so that a route may wait for them or go on.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from kamscript.core.web import BAD_URL, NO_CONNECTION, TIMEOUT, UNSUPPORTED, HttpQuery, HttpReply

if TYPE_CHECKING:
    from kamscript.core.environment import Environment
    from kamscript.core.server import Server

BASIC, DIGEST = 1, 2
_MOST_REDIRECTS: Final = 30
_TOO_MANY_REDIRECTS: Final = 47
_FORM: Final = "Content-Type: application/x-www-form-urlencoded"
_UNKNOWN: Final = "Unknown error"

#: libcurl's texts by number; those between that are missing mean nothing.
_TEXTS: Final = {
    0: "No error",
    1: "Unsupported protocol",
    2: "Failed initialization",
    3: "URL using bad/illegal format or missing URL",
    4: "A requested feature, protocol or option was not found built-in in this libcurl due to a build-time decision.",
    5: "Couldn't resolve proxy name",
    6: "Couldn't resolve host name",
    7: "Couldn't connect to server",
    8: "Weird server reply",
    9: "Access denied to remote resource",
    10: "FTP: The server failed to connect to data port",
    11: "FTP: unknown PASS reply",
    12: "FTP: Accepting server connect has timed out",
    13: "FTP: unknown PASV reply",
    14: "FTP: unknown 227 response format",
    15: "FTP: can't figure out the host in the PASV response",
    16: "Error in the HTTP2 framing layer",
    17: "FTP: couldn't set file type",
    18: "Transferred a partial file",
    19: "FTP: couldn't retrieve (RETR failed) the specified file",
    21: "Quote command returned error",
    22: "HTTP response code said error",
    23: "Failed writing received data to disk/application",
    25: "Upload failed (at start/before it took off)",
    26: "Failed to open/read local data from file/application",
    27: "Out of memory",
    28: "Timeout was reached",
    30: "FTP: command PORT failed",
    31: "FTP: command REST failed",
    33: "Requested range was not delivered by the server",
    34: "Internal problem setting up the POST",
    35: "SSL connect error",
    36: "Couldn't resume download",
    37: "Couldn't read a file:// file",
    38: "LDAP: cannot bind",
    39: "LDAP: search failed",
    41: "A required function in the library was not found",
    42: "Operation was aborted by an application callback",
    43: "A libcurl function was given a bad argument",
    45: "Failed binding local connection end",
    47: "Number of redirects hit maximum amount",
    48: "An unknown option was passed in to libcurl",
    49: "Malformed option provided in a setopt",
    52: "Server returned nothing (no headers, no data)",
    53: "SSL crypto engine not found",
    54: "Can not set SSL crypto engine as default",
    55: "Failed sending data to the peer",
    56: "Failure when receiving data from the peer",
    58: "Problem with the local SSL certificate",
    59: "Couldn't use specified SSL cipher",
    60: "SSL peer certificate or SSH remote key was not OK",
    61: "Unrecognized or bad HTTP Content or Transfer-Encoding",
    63: "Maximum file size exceeded",
    64: "Requested SSL level failed",
    65: "Send failed since rewinding of the data stream failed",
    66: "Failed to initialise SSL crypto engine",
    67: "Login denied",
    68: "TFTP: File Not Found",
    69: "TFTP: Access Violation",
    70: "Disk full or allocation exceeded",
    71: "TFTP: Illegal operation",
    72: "TFTP: Unknown transfer ID",
    73: "Remote file already exists",
    74: "TFTP: No such user",
    77: "Problem with the SSL CA cert (path? access rights?)",
    78: "Remote file not found",
    79: "Error in the SSH layer",
    80: "Failed to shut down the SSL connection",
    81: "Socket not ready for send/recv",
    82: "Failed to load CRL file (path? access rights?, format?)",
    83: "Issuer check against peer certificate failed",
    84: "FTP: The server did not accept the PRET command.",
    85: "RTSP CSeq mismatch or invalid CSeq",
    86: "RTSP session error",
    87: "Unable to parse FTP file list",
    88: "Chunk callback failed",
    89: "The max connection limit is reached",
    90: "SSL public key does not match pinned public key",
    91: "SSL server certificate status verification FAILED",
    92: "Stream error in the HTTP/2 framing layer",
    93: "API function called from within callback",
    94: "An authentication function returned an error",
    95: "HTTP/3 error",
    96: "QUIC connection error",
    97: "proxy handshake error",
    98: "SSL Client Certificate required",
    99: "Unrecoverable error in select/poll",
}

_LINES: Final = re.compile(r"[\r\n]+")
_EMPTY: Final = re.compile(r"[\w-]+:\s*")
_URL: Final = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#\s]*)([^\x00-\x20]*)", re.IGNORECASE)
_CHALLENGE: Final = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))')

Transfer = Generator[HttpQuery, HttpReply, HttpReply]


def error_text(number: int) -> str:
    """libcurl's text for a number."""
    return _TEXTS.get(number, _UNKNOWN)


class Account(NamedTuple):
    """A user name and password, and the ways to show them: BASIC, DIGEST, both. `cnonce` makes a fresh text."""

    user: str
    password: str
    methods: int
    cnonce: Callable[[], str]


def header_lines(items: list[str], body: str | None) -> tuple[str, ...]:
    """The lines that libcurl sends for these texts, each of one header or several; a body is a form otherwise.

    A header without a value is left out; libcurl looks for a Content-Type where a text begins.
    """
    typed = any(item[:13].lower() == "content-type:" for item in items)
    lines = [line for item in items for line in _LINES.split(item) if line and not _EMPTY.fullmatch(line)]
    if body is not None and not typed:
        lines.append(_FORM)
    return tuple(lines)


def transfer(query: HttpQuery, follow: bool, account: Account | None) -> Transfer:
    """Ask, show the account where it is wanted, follow redirects; gives the last reply, with its URL and all the time.

    A URL without a scheme means http; one with a user and password has its account there.
    """
    spent = 0.0
    url = query.url if "://" in query.url else f"http://{query.url}"
    first_host = ""
    for _ in range(_MOST_REDIRECTS + 1):
        found = _URL.fullmatch(url)
        problem = _problem(found)
        if found is None or problem:
            return HttpReply(error=problem or BAD_URL, seconds=spent, url=url)
        userinfo, at, place = found[2].rpartition("@")
        bare = f"{found[1]}://{place}{'' if found[3][:1] == '/' else '/'}{found[3]}"
        if at:
            user, _, password = userinfo.partition(":")
            account = Account(unquote(user), unquote(password), BASIC, str)
        first_host = first_host or place
        own = account if place == first_host else None
        shown = _basic(own) if own is not None and own.methods == BASIC else None
        reply = yield _prepared(query, bare, shown, spent)
        spent += reply.seconds
        if reply.status == 401 and own is not None and shown is None:
            shown = _shown(own, query.method, bare, reply)
            if shown is not None:
                reply = yield _prepared(query, bare, shown, spent)
                spent += reply.seconds
        if not spent or not query.timeout or spent < query.timeout or reply.error:
            reply = reply._replace(seconds=spent, url=bare)
        else:
            return HttpReply(error=TIMEOUT, seconds=spent, url=bare)
        where = reply.header("Location")
        if not follow or not 300 <= reply.status < 400 or where is None or reply.error:
            return reply
        url = urljoin(bare, where)
        if query.method == "POST" and reply.status in (301, 302, 303):
            lines = tuple(line for line in query.headers if not line.lower().startswith("content-type:"))
            query = query._replace(method="GET", body=None, headers=lines)
    return HttpReply(error=_TOO_MANY_REDIRECTS, seconds=spent, url=url)


def _problem(found: re.Match[str] | None) -> int:
    if found is None:
        return BAD_URL
    if found[1].lower() not in ("http", "https"):
        return UNSUPPORTED
    place = found[2].rpartition("@")[2]
    try:
        parts = urlsplit(f"//{place}")
        return 0 if parts.hostname and (parts.port is None or parts.port <= 65535) else BAD_URL
    except ValueError:
        return BAD_URL


def _prepared(query: HttpQuery, url: str, authorization: str | None, spent: float) -> HttpQuery:
    lines = query.headers if authorization is None else (*query.headers, f"Authorization: {authorization}")
    left = max(query.timeout - spent, 0.001) if query.timeout else 0.0
    return query._replace(url=url, headers=lines, timeout=left)


def _basic(account: Account) -> str:
    return "Basic " + base64.b64encode(f"{account.user}:{account.password}".encode("latin-1")).decode()


def _shown(account: Account, method: str, url: str, reply: HttpReply) -> str | None:
    """The Authorization for the challenges of a 401, the strongest that both sides know; None: there is none."""
    challenges = [value for name, value in reply.headers if name.lower() == "www-authenticate"]
    for challenge in challenges:
        if account.methods & DIGEST and challenge[:7].lower() == "digest ":
            made = _digest(account, method, url, challenge[7:])
            if made is not None:
                return made
    if account.methods & BASIC and any(challenge[:5].lower() == "basic" for challenge in challenges):
        return _basic(account)
    return None


def _digest(account: Account, method: str, url: str, challenge: str) -> str | None:
    """RFC 7616, with MD5 and SHA-256; None for another algorithm."""
    given = {name.lower(): quoted or plain for name, quoted, plain in _CHALLENGE.findall(challenge)}
    algorithm = given.get("algorithm", "MD5")
    base = algorithm.upper().removesuffix("-SESS")
    if base not in ("MD5", "SHA-256"):
        return None
    kind = "md5" if base == "MD5" else "sha256"

    def hashed(*parts: str) -> str:
        return hashlib.new(kind, ":".join(parts).encode("latin-1")).hexdigest()

    parts = urlsplit(url)
    uri = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    realm, nonce, cnonce = given.get("realm", ""), given.get("nonce", ""), account.cnonce()
    secret = hashed(account.user, realm, account.password)
    if base != algorithm.upper():
        secret = hashed(secret, nonce, cnonce)
    asked = hashed(method, uri)
    shown = f'Digest username="{account.user}", realm="{realm}", nonce="{nonce}", uri="{uri}"'
    if "auth" in [word.strip() for word in given.get("qop", "").split(",")]:
        response = hashed(secret, nonce, "00000001", cnonce, "auth", asked)
        shown += f', cnonce="{cnonce}", nc=00000001, qop=auth, response="{response}"'
    else:
        shown += f', response="{hashed(secret, nonce, asked)}"'
    if "opaque" in given:
        shown += f', opaque="{given["opaque"]}"'
    return shown + (f", algorithm={given['algorithm']}" if "algorithm" in given else "")


def wait_for(environment: Environment, steps: Transfer) -> HttpReply:
    """Run a transfer while the route waits."""
    try:
        query = next(steps)
        while True:
            http = environment.http
            query = steps.send(HttpReply(error=NO_CONNECTION) if http is None else http.ask(query))
    except StopIteration as end:
        reply: HttpReply = end.value
        return reply


def go_on(server: Server, steps: Transfer, done: Callable[[HttpReply], object]) -> None:
    """Run a transfer beside everything else; `done` hears of its end, never before this returns."""
    http = server.environment.http

    def soon(reply: HttpReply) -> None:
        def tell() -> None:
            done(reply)

        server.timers.after(0.0, tell)

    def step(reply: HttpReply | None) -> None:
        try:
            query = next(steps) if reply is None else steps.send(reply)
        except StopIteration as end:
            (soon if reply is None else done)(end.value)
            return
        if http is None:
            soon(HttpReply(error=NO_CONNECTION))
        else:
            http.begin(query, step)

    step(None)
