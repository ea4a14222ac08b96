"""Answers to challenges: WWW-Authenticate, Proxy-Authenticate (uac/auth.c, auth_alg.c, auth_hdr.c; RFC 2617, 7616)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from kamscript.core.hashes import core_hash
from kamscript.modules.tm.transaction import FakedReply
from kamscript.sip.auth import digest_hash
from kamscript.sip.message import FL_UAC_AUTH

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.uac import Uac
    from kamscript.sip.message import Message

#: Bit of uac_auth_mode()'s argument and of $uac_req(flags): the password is a hash HA1.
HA1: Final = 1
#: Code of a reply: what its challenge is called, what its answer.
_HEADERS: Final = {
    401: ("www-authenticate", "Authorization"),
    407: ("proxy-authenticate", "Proxy-Authorization"),
}
_SCHEME = re.compile(r"\s*digest\s+(?=\S)", re.IGNORECASE)
_NAME = re.compile(r"([^\s=]*)\s*=\s*")
_VALUE = re.compile(r"(?:\"([^\"]*)\"|([^\s,\"][^\s,]*|))\s*(?:,\s*)?")
_QUOTED: Final = frozenset(("realm", "nonce", "opaque"))
#: Digits of HA1, and how much 6.x likes an algorithm.
_DIGITS: Final = {"md5": 32, "md5-sess": 32, "sha-256": 64}
_STRENGTH: Final = {"md5": 1, "md5-sess": 2, "sha-256": 3}


class AuthError(Exception):
    """A challenge that cannot be answered; the text says why."""


class Credential(NamedTuple):
    """Who one is in a realm. `hashed`: the password is HA1."""

    user: str
    realm: str
    password: str
    hashed: bool = False


class Challenge(NamedTuple):
    """What a challenge asks. `quality`: qop as it is written; `algorithm` as the answer names it."""

    realm: str
    nonce: str
    opaque: str
    quality: str
    algorithm: str


def parse_credential(text: str) -> Credential | None:
    """`user:realm:password`, blanks around each; None for anything else."""
    found = re.fullmatch(r"\s*([^:\s]+)\s*:\s*([^:\s]+)\s*:\s*(\S+)\s*", text)
    return Credential(found[1], found[2], found[3]) if found else None


def parse_challenge(value: str, newer: bool) -> Challenge:
    """The value of a challenge header; `newer`: SHA-256 and MD5-sess are known, too. Raises AuthError."""
    found = _SCHEME.match(value)
    if found is None:
        raise AuthError(f"parse error in <{value}> around 0")
    fields: dict[str, str] = {}
    at, end = found.end(), len(value)
    while at < end:
        item = _NAME.match(value, at)
        name = item[1].lower() if item else ""
        at = item.end() if item else at
        quoted = value[at : at + 1] == '"'
        content = _VALUE.match(value, at)
        if item is None or content is None or at + 1 >= end or (name in _QUOTED and not quoted):
            raise AuthError(f"parse error in <{value}> around {at}")
        at = content.end()
        text = content[1] if quoted else content[2]
        if name == "stale" and text.lower() not in ("true", "false"):
            raise AuthError(f'unsupported stale value "{text}"')
        if name == "algorithm" and not _is_known(text, newer):
            raise AuthError(f'unsupported algorithm "{text}"')
        fields[name] = text
    if not fields.get("nonce") or not fields.get("realm"):
        raise AuthError("realm or nonce missing")
    algorithm = fields.get("algorithm", "") if newer else ""
    quality = fields.get("qop", "")
    return Challenge(fields["realm"], fields["nonce"], fields.get("opaque", ""), quality, algorithm or "MD5")


def _is_known(algorithm: str, newer: bool) -> bool:
    return algorithm.lower() in _DIGITS if newer else len(algorithm) == 3


def challenge_of(module: Uac, reply: Message, code: int) -> Challenge:
    """The challenge of a 401 or 407 that is answered: the first; in 6.x the strongest. Raises AuthError."""
    names = _HEADERS.get(code)
    if names is None:
        raise AuthError("reply is not an auth request")
    values = [header.value for header in reply.all(names[0])]
    if not values:
        raise AuthError(f"reply has no auth hdr ({names[0]})")
    if not module.newer:
        return parse_challenge(values[0], newer=False)
    found: list[Challenge] = []
    for value in values:
        try:
            found.append(parse_challenge(value, newer=True))
        except AuthError as error:
            module.error(str(error))
    if not found:
        raise AuthError(f"reply has no supported auth hdr ({names[0]})")
    return max(found, key=lambda one: _STRENGTH[one.algorithm.lower()])


def answer(module: Uac, challenge: Challenge, code: int, method: str, uri: str, credential: Credential) -> str:
    """The header line (with CRLF) that answers a challenge. Raises AuthError.

    The client's nonce is made of the server's, and it is the first time that this is used.
    """
    algorithm, nonce = challenge.algorithm, challenge.nonce
    quality = challenge.quality.partition(",")[0] if challenge.quality.startswith("auth") else ""
    cnonce, count = str(core_hash(nonce)), "00000001"
    if quality and quality != "auth":
        module.warn(f"qop={quality} is not supported: the answer will be refused")
    if credential.hashed:
        digits = _DIGITS[algorithm.lower()]
        secret = credential.password[:digits]
        if len(secret) < digits:
            raise AuthError(f"invalid {algorithm} HA1 length {len(secret)}")
    else:
        secret = digest_hash(f"{credential.user}:{credential.realm}:{credential.password}", algorithm)
    if algorithm.lower().endswith("-sess"):
        if not quality:
            raise AuthError(f"{algorithm} needs qop")
        secret = digest_hash(f"{secret.lower()}:{nonce}:{cnonce}", algorithm)
    asked = digest_hash(f"{method}:{uri}", algorithm)
    use = f"{count}:{cnonce}:{quality}:" if quality else ""
    response = digest_hash(f"{secret}:{nonce}:{use}{asked}", algorithm)
    parts = [f'username="{credential.user}"', f'realm="{credential.realm}"', f'nonce="{nonce}"', f'uri="{uri}"']
    if challenge.opaque:
        parts.append(f'opaque="{challenge.opaque}"')
    if quality:
        parts.append(f'qop=auth, nc={count}, cnonce="{cnonce}"')
    parts += [f'response="{response}"', f"algorithm={algorithm}"]
    return f"{_HEADERS[code][1]}: Digest {', '.join(parts)}\r\n"


def credential_for(module: Uac, ctx: Context, realm: str, mode: int) -> Credential | None:
    """Who one is in `realm`: by the variables of auth_*_avp, else by `credential`, the last line first."""
    found: Credential | None = None
    if module.auth_variables is not None:
        wanted, user, password = (
            "" if value is None else str(value) for value in (one.get(ctx) for one in module.auth_variables)
        )
        if wanted in ("", realm) and user and password:
            found = Credential(user, realm, password)
    if found is None:
        found = next((one for one in reversed(module.credentials) if one.realm == realm), None)
    return found._replace(hashed=bool(mode & HA1)) if found is not None else None


def authenticate(module: Uac, ctx: Context, mode: int) -> bool:
    """uac_auth(): add the answer to the challenge of the picked branch to the request, and aim it there again."""
    t, msg = ctx.t, ctx.msg
    index = module.tm.picked_branch()
    if t is None or not 0 <= index < len(t.branches):
        module.critical("no current transaction found" if t is None else f"no picked branch ({index})")
        return False
    branch = t.branches[index]
    reply = branch.reply
    if reply is None or isinstance(reply, FakedReply):
        if reply is None:
            module.critical("empty reply on picked branch")
        else:
            module.error("cannot process a FAKED reply")
        return False
    code = branch.last_received
    try:
        challenge = challenge_of(module, reply, code)
        credential = credential_for(module, ctx, challenge.realm, mode)
        if credential is None:
            module.info(f'no credential for realm "{challenge.realm}"')
            return False
        line = answer(module, challenge, code, msg.method, branch.uri, credential)
    except AuthError as error:
        module.error(str(error))
        return False
    if msg.eoh < 0:
        module.error("failed to parse message")
        return False
    msg.new_uri = branch.uri
    ctx.ruri_consumed = False
    msg.edits.insert_before(msg.eoh, line)
    if t.request is None:
        return True
    t.request.msg_flags |= FL_UAC_AUTH
    update = module.server.shared.get("cb_cseq_update")
    return update is None or bool(update(ctx))
