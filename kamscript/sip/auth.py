"""Digest authentication: credentials, challenges and responses (RFC 2617, RFC 7616, RFC 8760).

Source: core/parser/digest/, modules/auth of Kamailio 5.6. Kamailio knows MD5 (and MD5-sess) or, with the auth
module's `algorithm` parameter, SHA-256; both are here, SHA-512-256 of RFC 8760, and the SHA-512 of Kamailio 6.
"""

from __future__ import annotations

import hashlib
import re

from kamscript.sip.errors import SipError
from kamscript.sip.remember import remember

_SCHEME = re.compile(r"[ \t\r\n]*digest[ \t\r\n,][ \t\r\n]*", re.IGNORECASE)
_PARAM = re.compile(r"([^=]*)=[ \t\r\n]*(?:\"([^\"]*)\"|([^ \t\r\n,\"][^ \t\r\n,]*))")
_BLANKS = " \t\r\n"


class Credentials:
    """What an Authorization or Proxy-Authorization header holds. Texts are None when absent.

    `username` is the whole value; `user` and `domain` its parts at `@` (and behind a `sip:`), `domain` "" when it
    has none. `qop` and `algorithm` are as written.
    """

    __slots__ = (
        "algorithm",
        "cnonce",
        "domain",
        "nc",
        "nonce",
        "opaque",
        "qop",
        "realm",
        "response",
        "uri",
        "user",
        "username",
    )

    algorithm: str | None
    cnonce: str | None
    nc: str | None
    nonce: str | None
    opaque: str | None
    qop: str | None
    realm: str | None
    response: str | None
    uri: str | None
    username: str | None
    user: str | None
    domain: str

    def __init__(self) -> None:
        for name in _FIELDS.values():
            setattr(self, name, None)
        self.user, self.domain = None, ""

    def missing(self) -> list[str]:
        """Names of the parameters without which the response cannot be checked (check_dig_cred); empty: fine."""
        wanted = ["user", "realm", "nonce", "uri", "response"]
        if (self.qop or "").strip(_BLANKS).lower() in ("auth", "auth-int"):
            wanted += ["cnonce", "nc"]
        return [name for name in wanted if getattr(self, name) is None]

    def realm_for_lookup(self) -> str:
        """The domain part of the username when it has one, else the realm (GET_REALM)."""
        return self.domain or self.realm or ""

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, realm={self.realm!r})"


_FIELDS = {
    name: name
    for name in ("username", "realm", "nonce", "uri", "response", "cnonce", "opaque", "qop", "nc", "algorithm")
}


@remember(512)
def parse_credentials(value: str) -> Credentials | None:
    """Digest credentials; None for another scheme; raises SipError when they are malformed (parse_digest_cred).

    The result is shared: do not change it.
    """
    found = _SCHEME.match(value)
    if found is None:
        return None
    credentials = Credentials()
    for name, text in _params(value, found.end()):
        field = _FIELDS.get(name)
        if field is not None:
            setattr(credentials, field, text)
    username = credentials.username
    if username is not None:
        credentials.user = username
        if len(username) > 2:
            user, at, domain = username.partition("@")
            if at:
                credentials.domain = domain
            credentials.user = user.partition(":")[2] if ":" in user else user
    return credentials


def _params(value: str, at: int) -> list[tuple[str, str]]:
    """Names in lower case and values of `name=value, ...`."""
    params: list[tuple[str, str]] = []
    while True:
        found = _PARAM.match(value, at)
        if found is None:
            raise SipError("bad digest parameter")
        quoted, token = found.group(2), found.group(3)
        params.append((found.group(1).strip(_BLANKS).lower(), token if quoted is None else quoted))
        comma = value.find(",", found.end())
        if comma < 0:
            return params
        at = comma + 1
        while at < len(value) and value[at] in _BLANKS:
            at += 1


class Challenge:
    """A WWW-Authenticate or Proxy-Authenticate header of a server. `qop` holds the offered values, lower case."""

    __slots__ = ("algorithm", "nonce", "opaque", "qop", "realm", "stale")

    def __init__(
        self,
        realm: str,
        nonce: str,
        *,
        qop: tuple[str, ...] = (),
        algorithm: str = "",
        opaque: str = "",
        stale: bool = False,
    ) -> None:
        self.realm, self.nonce, self.qop, self.algorithm = realm, nonce, qop, algorithm
        self.opaque, self.stale = opaque, stale

    def text(self) -> str:
        """The header's value, as the auth module of Kamailio writes it: realm, nonce, opaque, qop, stale, algorithm."""
        parts = [f'Digest realm="{self.realm}", nonce="{self.nonce}"']
        if self.opaque:
            parts.append(f'opaque="{self.opaque}"')
        if self.qop:
            parts.append(f'qop="{",".join(self.qop)}"')
        if self.stale:
            parts.append("stale=true")
        if self.algorithm:
            parts.append(f"algorithm={self.algorithm}")
        return ", ".join(parts)


@remember(512)
def parse_challenge(value: str) -> Challenge | None:
    """A server's challenge; None for another scheme; raises SipError when realm or nonce are missing or it is bad."""
    found = _SCHEME.match(value)
    if found is None:
        return None
    fields = dict(_params(value, found.end()))
    if "realm" not in fields or "nonce" not in fields:
        raise SipError("challenge without realm or nonce")
    qop = tuple(item.strip().lower() for item in fields.get("qop", "").split(",") if item.strip())
    return Challenge(
        fields["realm"],
        fields["nonce"],
        qop=qop,
        algorithm=fields.get("algorithm", ""),
        opaque=fields.get("opaque", ""),
        stale=fields.get("stale", "").lower() == "true",
    )


_HASHES = {"": "md5", "md5": "md5", "sha-256": "sha256", "sha-512": "sha512", "sha-512-256": "sha512_256"}


def digest_hash(text: str, algorithm: str = "") -> str:
    """The hash of a text in lower-case hex; `algorithm` as in the header, with or without `-sess`.

    Raises SipError for an algorithm that is not MD5, SHA-256, SHA-512 or SHA-512-256.
    """
    name = _HASHES.get(algorithm.lower().removesuffix("-sess"))
    if name is None:
        raise SipError(f"unknown digest algorithm {algorithm}")
    return hashlib.new(name, text.encode("latin-1"), usedforsecurity=False).hexdigest()


def ha1(username: str, realm: str, password: str, algorithm: str = "", nonce: str = "", cnonce: str = "") -> str:
    """H(A1): what a database stores of a password; with a `-sess` algorithm for one nonce and cnonce."""
    value = digest_hash(f"{username}:{realm}:{password}", algorithm)
    if algorithm.lower().endswith("-sess"):
        value = digest_hash(f"{value}:{nonce}:{cnonce}", algorithm)
    return value


def response(
    ha1_value: str,
    nonce: str,
    method: str,
    uri: str,
    *,
    qop: str = "",
    nc: str = "",
    cnonce: str = "",
    body: str = "",
    algorithm: str = "",
) -> str:
    """The response that a client sends and a server expects (calc_response). `body` counts for qop=auth-int."""
    quality = qop.lower()
    a2 = f"{method}:{uri}"
    if quality == "auth-int":
        a2 += ":" + digest_hash(body, algorithm)
    ha2 = digest_hash(a2, algorithm)
    if quality:
        return digest_hash(f"{ha1_value}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}", algorithm)
    return digest_hash(f"{ha1_value}:{nonce}:{ha2}", algorithm)


def authorize(
    challenge: Challenge,
    method: str,
    uri: str,
    username: str,
    password: str,
    *,
    cnonce: str,
    nc: int = 1,
    body: str = "",
) -> str:
    """The value of the Authorization header that answers a challenge.

    `cnonce` is used when the server offers qop, or an algorithm with `-sess`. qop=auth is taken when offered, else
    auth-int.
    """
    algorithm = challenge.algorithm
    count = f"{nc:08x}"
    qop = "auth" if "auth" in challenge.qop else "auth-int" if "auth-int" in challenge.qop else ""
    hashed = ha1(username, challenge.realm, password, algorithm, challenge.nonce, cnonce)
    answer = response(
        hashed, challenge.nonce, method, uri, qop=qop, nc=count, cnonce=cnonce, body=body, algorithm=algorithm
    )
    parts = [
        f'Digest username="{username}", realm="{challenge.realm}", nonce="{challenge.nonce}", uri="{uri}"',
        f'response="{answer}"',
    ]
    if algorithm:
        parts.append(f"algorithm={algorithm}")
    if qop:
        parts.append(f'qop={qop}, nc={count}, cnonce="{cnonce}"')
    elif algorithm.lower().endswith("-sess"):
        parts.append(f'cnonce="{cnonce}"')
    if challenge.opaque:
        parts.append(f'opaque="{challenge.opaque}"')
    return ", ".join(parts)
