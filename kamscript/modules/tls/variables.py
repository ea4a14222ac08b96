"""What scripts see of TLS connections: pseudo-variables and the selects `@tls...`.

Source: src/modules/tls/tls_select.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from kamscript.module import Accessor, FixupError, Module, PvRef, pv_class, select
from kamscript.sip.certificate import Certificate, TlsSession

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.values import Value

F = TypeVar("F", bound=Callable[..., Any])
#: What is shown of a connection, of a certificate, of a distinguished name.
OfSession = Callable[[TlsSession], "Value"]
OfCertificate = Callable[[Certificate], "Value"]

_PARTS = {
    "cn": "CN", "organization": "O", "unit": "OU", "country": "C", "state": "ST", "locality": "L", "uid": "UID",
}  # fmt: skip
_NAMES = [f"tls_{side}_{name}{part}" for side in ("peer", "my") for name in ("subject", "issuer")
          for part in ("", *(f"_{part}" for part in _PARTS if part != "uid"))]  # fmt: skip
_SANS = [f"tls_{side}_san_{kind}" for side in ("peer", "my") for kind in ("email", "hostname", "uri", "ip")]
_OUTCOMES = ("verified", "revoked", "expired", "selfsigned")
#: Characters that Kamailio's urlencode leaves alone, beside letters and digits.
_PLAIN = "-_.~"

_CONNECTION: Final[dict[str, OfSession]] = {
    "version": lambda session: session.version,
    "description": lambda session: f"{session.description}\n",
    "cipher_info": lambda session: session.cipher,
    "cipher_bits": lambda session: session.bits,
    "peer_server_name": lambda session: session.server_name or None,
}
_DETAILS: Final[dict[str, OfCertificate]] = {
    "version": lambda found: str(found.version),
    "serial": lambda found: found.serial,
    "notBefore": lambda found: found.not_before,
    "notAfter": lambda found: found.not_after,
    "raw_cert": lambda found: found.pem or None,
    "urlencoded_cert": lambda found: urlencoded(found.pem) or None,
}

#: The names of selects, in lower case. Each row: what it reads, and its names.
_SELECTED_DETAILS = {
    name: _DETAILS[detail]
    for detail, names in {
        "version": "version", "serial": "sn serialnumber serial_number", "notBefore": "notbefore not_before",
        "notAfter": "notafter not_after", "raw_cert": "rawcert raw_cert",
        "urlencoded_cert": "urlencodedcert urlencoded_cert",
    }.items()
    for name in names.split()
}  # fmt: skip
_SELECTED_PARTS = {
    name: part
    for part, names in {
        "CN": "cn commonname common_name name", "L": "l localityname locality_name locality",
        "C": "c countryname country_name country", "ST": "st stateorprovincename state_or_province_name state",
        "O": "o organizationname organization_name organization",
        "OU": "ou organizationalunitname organizational_unit_name unit",
        "UID": "uid uniqueidentifier unique_identifier",
    }.items()
    for name in names.split()
}  # fmt: skip
_SELECTED_KINDS = {
    name: kind
    for kind, names in {
        "email": "email emailaddress email_address", "hostname": "host hostname dns", "uri": "uri url urn",
        "ip": "ip ipaddress ip_address",
    }.items()
    for name in names.split()
}  # fmt: skip
_SELECTED_OUTCOMES = {"verified": "verified", "revoked": "revoked", "expired": "expired", "self_signed": "selfsigned"}
_SELECTED_SIDES = {"peer": "peer", "my": "my", "me": "my", "myself": "my"}
_SELECTED: Final[dict[tuple[str, ...], OfSession]] = {
    (): _CONNECTION["description"],
    ("version",): _CONNECTION["version"],
    ("desc",): _CONNECTION["description"],
    ("description",): _CONNECTION["description"],
    ("cipher",): _CONNECTION["cipher_info"],
    ("cipher", "bits"): lambda session: str(session.bits),
    ("servername",): _CONNECTION["peer_server_name"],
    ("server_name",): _CONNECTION["peer_server_name"],
}


def urlencoded(text: str) -> str:
    """The text as Kamailio's urlencode writes it: `%` and two lower-case digits for what is special."""
    return "".join(char if char.isalnum() or char in _PLAIN else f"%{ord(char):02x}" for char in text)


def _variables(*names: str, since: str = "") -> Callable[[F], F]:
    """Export one method as several pseudo-variables."""

    def mark(method: F) -> F:
        for name in names:
            pv_class(name, since=since)(method)
        return method

    return mark


def _outcome(wanted: str) -> OfSession:
    return lambda session: int(session.peer is not None and session.outcome == wanted)


def _alternative(kind: str) -> OfCertificate:
    return lambda found: next(iter(found.names[kind]), None)


class Variables(Module):
    """The variables; `event_session` is the connection they read while event_route[tls:connection-out] runs."""

    event_session: TlsSession | None = None

    def session(self, ctx: Context) -> TlsSession | None:
        """What is known of the connection that the message came by; None, and a line in the log, without TLS."""
        if self.event_session is not None:
            return self.event_session
        received = ctx.msg.received
        if received.proto != "tls":
            self.server.log.error(self.name, f"the message came over {received.proto}, not over TLS")
            return None
        return self.server.tls_sessions.get(received.connection)

    def _shown(self, of: OfSession) -> Callable[[Context], Value]:
        def read(ctx: Context) -> Value:
            session = self.session(ctx)
            return None if session is None else of(session)

        return read

    def _of_certificate(self, side: str, of: OfCertificate) -> OfSession:
        own = side == "my"

        def read(session: TlsSession) -> Value:
            certificate = session.own if own else session.peer
            if certificate is None:
                self.server.log.error(self.name, f"{'this' if own else 'the other'} side showed no certificate")
                return None
            return of(certificate)

        return read

    @_variables(*(f"tls_{name}" for name in _CONNECTION))
    def _connection(self, ref: PvRef) -> Accessor:
        """Version, cipher and the name that the client asked for (SNI); null without TLS."""
        return Accessor(self._shown(_CONNECTION[ref.name.removeprefix("tls_")]))

    @_variables(*(f"tls_peer_{outcome}" for outcome in _OUTCOMES))
    def _verification(self, ref: PvRef) -> Accessor:
        """1 when that came of verifying the peer's certificate, else 0; null without TLS."""
        return Accessor(self._shown(_outcome(ref.name.rpartition("_")[2])))

    @_variables(*_NAMES)
    @_variables("tls_peer_subject_uid", "tls_my_subject_uid", since="5.6")
    def _name(self, ref: PvRef) -> Accessor:
        """Subject or issuer of a certificate, or a part of it; null when it has none."""
        _, side, name, *rest = ref.name.split("_")
        part = _PARTS[rest[0]] if rest else ""

        def of(certificate: Certificate) -> Value:
            if not part:
                return certificate.subject_line if name == "subject" else certificate.issuer_line
            return (certificate.subject if name == "subject" else certificate.issuer).get(part)

        return Accessor(self._shown(self._of_certificate(side, of)))

    @_variables(*_SANS)
    def _san(self, ref: PvRef) -> Accessor:
        """The first alternative name of a kind in a certificate; null when it has none."""
        _, side, _, kind = ref.name.split("_")
        return Accessor(self._shown(self._of_certificate(side, _alternative(kind))))

    @_variables("tls_peer_san_count", "tls_my_san_count", since="6.x")
    def _count(self, ref: PvRef) -> Accessor:
        """How many alternative names a certificate has."""
        side = ref.name.split("_")[1]
        return Accessor(self._shown(self._of_certificate(side, lambda found: sum(map(len, found.names.values())))))

    @_variables(
        "tls_peer_version", "tls_my_version", "tls_peer_serial", "tls_my_serial", "tls_peer_notBefore",
        "tls_peer_notAfter",
    )  # fmt: skip
    @_variables(
        "tls_peer_raw_cert", "tls_my_raw_cert", "tls_peer_urlencoded_cert", "tls_my_urlencoded_cert", since="5.6"
    )
    def _detail(self, ref: PvRef) -> Accessor:
        """Version, serial number, validity and PEM text of a certificate."""
        _, side, what = ref.name.split("_", 2)
        return Accessor(self._shown(self._of_certificate(side, _DETAILS[what])))

    @pv_class("tls", since="5.6")
    def _line(self, ref: PvRef) -> Accessor:
        """`$tls(m_subject_line)`, `m_issuer_line` of the server's certificate, `p_...` of the peer's."""
        which, _, name = str(ref.inner or "").partition("_")
        if which not in ("m", "p") or name not in ("subject_line", "issuer_line"):
            raise FixupError(f"unknown PV tls name {ref.inner}")
        side = "my" if which == "m" else "peer"
        return Accessor(self._shown(self._of_certificate(side, lambda found: str(getattr(found, name)))))

    @select("tls")
    def select_tls(self, parts: tuple[str | int, ...]) -> Callable[[Context], Value]:
        """`@tls.version`, `@tls.cipher.bits`, `@tls.peer.subject.cn`, `@tls.my.host`, `@tls.peer.verified`..."""
        path = tuple(part.lower() if isinstance(part, str) else part for part in parts)
        of = self._selected(path)
        if of is None:
            raise FixupError(f"unknown select @tls.{'.'.join(map(str, parts))}")
        read = self._shown(of)

        def value(ctx: Context) -> Value:
            found = read(ctx)
            return None if found is None else str(found)

        return value

    def _selected(self, path: tuple[str | int, ...]) -> OfSession | None:
        of = _SELECTED.get(path)  # type: ignore[arg-type]
        if of is not None:
            return of
        side = _SELECTED_SIDES.get(str(path[0]))
        if side is None:
            return None
        if len(path) == 3 and path[1] == "verified_cert_chain" and isinstance(path[2], int):
            index = path[2]
            return lambda session: session.chain[index] if 0 <= index < len(session.chain) else None
        names = [str(part) for part in path[1:]]
        if len(names) == 1 and names[0] in _SELECTED_OUTCOMES:
            return _outcome(_SELECTED_OUTCOMES[names[0]]) if side == "peer" else lambda session: None
        certificate = _of_path(names)
        return None if certificate is None else self._of_certificate(side, certificate)


def _of_path(names: list[str]) -> OfCertificate | None:
    """What the names behind `@tls.peer` or `@tls.my` read; the common name where they name no part."""
    if len(names) == 1 and names[0] in _SELECTED_DETAILS:
        return _SELECTED_DETAILS[names[0]]
    if len(names) == 1 and names[0] in _SELECTED_KINDS:
        return _alternative(_SELECTED_KINDS[names[0]])
    issuer = names[:1] == ["issuer"]
    part = "CN"
    if len(names) == 2:
        part = _SELECTED_PARTS.get(names[1], "")
    if not part or len(names) > 2 or (names and not issuer and names[0] not in ("subject", "subj")):
        return None
    return lambda found: (found.issuer if issuer else found.subject).get(part)
