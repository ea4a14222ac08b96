"""From a URI to the address of record that keys the location table (registrar/common.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.registrar.outcome import Outcome, Rejected
from kamscript.sip.errors import SipError
from kamscript.sip.uri import Uri, parse_uri

if TYPE_CHECKING:
    from kamscript.modules.registrar import Registrar

_MAX_AOR, _MAX_USER, _MAX_DOMAIN = 256, 64, 128


def extract_aor(registrar: Registrar, text: str) -> tuple[str, Uri]:
    """The address of record of a URI, and the URI parsed; raises Rejected.

    That is the user part, with `@` and domain when usrloc keeps domains (`use_domain`), without `realm_prefix`, in
    lower case; with `case_sensitive` only the domain is lowered.
    """
    try:
        uri = parse_uri(text)
    except SipError as error:
        registrar.error(f"failed to parse AoR [{text}]")
        raise Rejected(Outcome.BAD_AOR) from error
    if len(uri.user) + len(uri.host) + 1 > _MAX_AOR or len(uri.user) > _MAX_USER or len(uri.host) > _MAX_DOMAIN:
        registrar.error("Address Of Record too long")
        raise Rejected(Outcome.AOR_TOO_LONG)
    user = unescape(uri.user)
    if user is None:
        registrar.error("failed to unescape username")
        raise Rejected(Outcome.BAD_USER)
    domain = ""
    if registrar.usrloc.use_domain:
        domain = uri.host
        prefix = registrar.cfg["realm_pref"] or ""
        if prefix and len(prefix) < len(domain) and domain.startswith(prefix):
            domain = domain[len(prefix) :]
        domain = ("@" if user else "") + domain.lower()
    return (user if registrar.cfg["case_sensitive"] else user.lower()) + domain, uri


def unescape(text: str) -> str | None:
    """`%XX` as the character it stands for; None for a `%` without two hexadecimal digits, and for %00."""
    if "%" not in text:
        return text
    out, at = [], 0
    while at < len(text):
        if text[at] != "%":
            out.append(text[at])
            at += 1
            continue
        digits = text[at + 1 : at + 3]
        if len(digits) < 2 or any(digit not in "0123456789abcdefABCDEF" for digit in digits) or digits == "00":
            return None
        out.append(chr(int(digits, 16)))
        at += 3
    return "".join(out)
