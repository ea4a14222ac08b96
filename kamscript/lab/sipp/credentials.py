"""Digest credentials: what `[authentication]` writes, and what `<verifyauth>` finds of them."""

from __future__ import annotations

from kamscript.lab.sipp.incoming import Incoming
from kamscript.sip.auth import Challenge, ha1, parse_credentials, response
from kamscript.sip.errors import SipError


def credentials(
    challenge: Challenge, method: str, uri: str, user: str, password: str, *, cnonce: str, count: int, body: str
) -> str:
    """The value of the header that answers a challenge. Raises SipError for an algorithm that nobody knows.

    Parameters stand in SIPp's order and without blanks: scenarios look for what is between them. As SIPp does,
    auth-int is taken wherever it is offered, and the algorithm is always named.
    """
    nonce, algorithm = challenge.nonce, challenge.algorithm or "MD5"
    qop = next((name for name in ("auth-int", "auth") if name in challenge.qop), "")
    nc = f"{count:08x}"
    hashed = ha1(user, challenge.realm, password, algorithm, nonce, cnonce)
    answer = response(hashed, nonce, method, uri, qop=qop, nc=nc, cnonce=cnonce, body=body, algorithm=algorithm)
    parts = [f'Digest username="{user}"', f'realm="{challenge.realm}"']
    if qop:
        parts += [f'cnonce="{cnonce}"', f"nc={nc}", f"qop={qop}"]
    elif algorithm.lower().endswith("-sess"):
        parts.append(f'cnonce="{cnonce}"')
    parts += [f'uri="{uri}"', f'nonce="{nonce}"', f'response="{answer}"', f"algorithm={algorithm}"]
    if challenge.opaque:
        parts.append(f'opaque="{challenge.opaque}"')
    return ",".join(parts)


def verified(message: Incoming, user: str, password: str) -> bool:
    """Whether the Authorization of a request is right for a user and password."""
    value = message.header("authorization")
    try:
        given = parse_credentials(value)
    except SipError:
        return False
    if given is None or given.missing():
        return False
    algorithm, nonce, cnonce = given.algorithm or "", given.nonce or "", given.cnonce or ""
    try:
        expected = response(
            ha1(user, given.realm or "", password, algorithm, nonce, cnonce),
            nonce,
            message.method,
            given.uri or "",
            qop=given.qop or "",
            nc=given.nc or "",
            cnonce=cnonce,
            body=message.text.partition("\r\n\r\n")[2],
            algorithm=algorithm,
        )
    except SipError:
        return False
    return expected == given.response
