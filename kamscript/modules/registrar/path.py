"""Path headers of a REGISTER, and the way to a contact that has one (registrar/path.c; RFC 3327)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.registrar.aor import unescape
from kamscript.modules.registrar.outcome import Outcome, Rejected
from kamscript.sip.errors import SipError
from kamscript.sip.nameaddr import parse_routes
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.registrar import Registrar

MODE_OFF, MODE_LAZY, MODE_STRICT = range(3)
_MAX_PATH = 256


def path_vector(registrar: Registrar, ctx: Context) -> tuple[str, str]:
    """All Path headers as one text, and the address that `path_use_received` takes from the first; raises Rejected."""
    bodies = ctx.msg.values("path")
    path = ",".join(bodies)
    if not path:
        return "", ""
    if len(path) + 1 >= _MAX_PATH:
        registrar.error(f"Overall Path body exceeds max. length of {_MAX_PATH}")
        raise Rejected(Outcome.BAD_PATH)
    try:
        uri = parse_uri(parse_routes(path)[0].uri)
    except (SipError, IndexError) as error:
        registrar.error("failed to parse the first Path URI")
        raise Rejected(Outcome.BAD_PATH) from error
    if uri.lr is None:
        registrar.error("first Path URI is not a loose-router, not supported")
        raise Rejected(Outcome.BAD_PATH)
    received = uri.param("received") if registrar.path_use_received else None
    if received is None:
        return path, ""
    address = unescape(received)
    if address is None:
        registrar.error("unescaping received failed")
        raise Rejected(Outcome.BAD_PATH)
    return path, address


def next_hop(registrar: Registrar, path: str) -> tuple[str, str]:
    """Where to send a request for a contact with this Path: its first URI, and the Path vector that goes along.

    With `path_check_local` a first hop that is this server is skipped; both texts are empty when no hop is left.
    Raises SipError.
    """
    first = _first_uri(path)
    if registrar.path_check_local > 0 and registrar.server.is_myself(parse_uri(first).bare_host):
        rest = path[len(first) + 3 :]
        if not rest:
            return "", ""
        path, first = rest, _first_uri(rest)
    return first, path


def _first_uri(path: str) -> str:
    uris = parse_routes(path)
    if not uris:
        raise SipError("empty Path")
    return uris[0].uri
