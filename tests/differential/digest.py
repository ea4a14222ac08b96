"""A phone's side of digest authentication, for cases: read a challenge, answer it rightly or wrongly."""

from __future__ import annotations

import hashlib
import re

from .case import Got

Fields = dict[str, str]


def challenge(got: Got) -> Fields:
    """What a 401 or 407 asks for."""
    value = got.header("WWW-Authenticate") or got.header("Proxy-Authenticate")
    return {name: quoted or bare for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', value)}


def _hash(algorithm: str, *parts: str) -> str:
    text = ":".join(parts).encode("latin-1")
    if algorithm.startswith("SHA-256"):
        return hashlib.sha256(text).hexdigest()
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def ha1(user: str, realm: str, password: str, algorithm: str = "") -> str:
    """What a database keeps of a password."""
    return _hash(algorithm, user, realm, password)


def answer(
    asked: Fields,
    method: str,
    uri: str,
    *,
    user: str = "alice",
    password: str = "secret",
    nc: str = "00000001",
    qop: str | None = None,
    body: str = "",
    cnonce: str = "c1",
    without: str = "",
    **changed: str,
) -> str:
    """The value of an Authorization header.

    `qop` None takes the one that was offered. Once all is computed, `changed` replaces parameters and the one called
    `without` is left out.
    """
    algorithm, realm, nonce = asked.get("algorithm", ""), asked["realm"], asked["nonce"]
    qop = asked.get("qop", "") if qop is None else qop
    a2 = [method, uri, _hash(algorithm, body)] if qop == "auth-int" else [method, uri]
    middle = [nc, cnonce, qop] if qop else []
    secret = ha1(user, realm, password, algorithm)
    response = _hash(algorithm, secret, nonce, *middle, _hash(algorithm, *a2))
    fields = {"username": user, "realm": realm, "nonce": nonce, "uri": uri, "response": response}
    if algorithm:
        fields["algorithm"] = algorithm
    if qop:
        fields |= {"cnonce": cnonce, "qop": qop, "nc": nc}
    fields |= changed
    fields.pop(without, "")
    bare = ("algorithm", "qop", "nc")
    return "Digest " + ", ".join(
        f"{name}={text}" if name in bare else f'{name}="{text}"' for name, text in fields.items()
    )
