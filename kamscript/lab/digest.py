"""How a phone answers 401 and 407 (RFC 3261 section 22, RFC 7616, RFC 8760)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.sip.auth import Challenge, authorize, digest_hash, parse_challenge
from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.lab.message import Message

#: Challenge header and the header that answers it.
_HEADERS = (("www-authenticate", "Authorization"), ("proxy-authenticate", "Proxy-Authorization"))


class Credentials:
    """A phone's user name and password. Counts how often each nonce was used (the nc parameter)."""

    def __init__(self, username: str, password: str) -> None:
        self.username, self.password = username, password
        self._used: dict[str, int] = {}
        self._answered = 0

    def answer(self, reply: Message, method: str, uri: str, body: str, known: set[str]) -> dict[str, list[str]]:
        """Header lines that answer the challenges of `reply`, by header name; empty when there is nothing to try.

        Of several challenges of one realm the first with a known algorithm is taken. `known` are the realms answered
        already for this request: asked again for one of them without `stale`, the password is wrong, and the phone
        gives up.
        """
        headers: dict[str, list[str]] = {}
        for kind, name in _HEADERS:
            chosen: dict[str, Challenge] = {}
            for value in reply.values(kind):
                challenge = _readable(value)
                if challenge is not None:
                    chosen.setdefault(challenge.realm, challenge)
            for realm, challenge in chosen.items():
                key = f"{name} {realm}"
                if key in known and not challenge.stale:
                    return {}
                known.add(key)
                headers.setdefault(name, []).append(self._authorize(challenge, method, uri, body))
        return headers

    def _authorize(self, challenge: Challenge, method: str, uri: str, body: str) -> str:
        self._answered += 1
        count = self._used[challenge.nonce] = self._used.get(challenge.nonce, 0) + 1
        cnonce = digest_hash(f"{self.username} {self._answered}")[:16]
        return authorize(challenge, method, uri, self.username, self.password, cnonce=cnonce, nc=count, body=body)


def _readable(value: str) -> Challenge | None:
    """A digest challenge with an algorithm that can be answered."""
    try:
        challenge = parse_challenge(value)
        if challenge is not None:
            digest_hash("", challenge.algorithm)
    except SipError:
        return None
    return challenge
