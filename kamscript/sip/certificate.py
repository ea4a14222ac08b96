"""What a TLS connection knows of its ends: certificates and the outcome of their verification.

Plain data: drivers fill it in (live from OpenSSL, the lab from what a test says), module tls shows it to scripts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

#: Outcomes of a verification, by the name that the variables ask for (X509_V_*).
VERIFIED, REVOKED, EXPIRED, SELFSIGNED, OTHER = "verified", "revoked", "expired", "selfsigned", "other"

#: A distinguished name: the common name alone, or parts by short name in order; pairs where a name comes twice.
DistinguishedName = str | Mapping[str, str] | Iterable[tuple[str, str]]


class Certificate:
    """A certificate.

    `subject` and `issuer` map short names (CN, O, OU, C, ST, L, UID) to values, the first where one comes twice;
    `subject_line` and `issuer_line` show all of them. `email`, `hostnames`, `uris` and `ips` are the alternative names;
    `not_before` and `not_after` texts such as "Jan  1 00:00:00 2026 GMT"; `version` counts from 0, as in the
    certificate; `pem` is its text, "" unknown.
    """

    def __init__(
        self, subject: DistinguishedName, issuer: DistinguishedName | None = None, *, serial: str = "1",
        version: int = 2, not_before: str = "Jan  1 00:00:00 2026 GMT", not_after: str = "Jan  1 00:00:00 2036 GMT",
        email: Sequence[str] = (), hostnames: Sequence[str] = (), uris: Sequence[str] = (), ips: Sequence[str] = (),
        pem: str = "",
    ) -> None:  # fmt: skip
        """`subject` may be the common name alone; without `issuer` it is the subject's own."""
        self.subject, self.subject_line = _name(subject)
        self.issuer, self.issuer_line = _name(issuer) if issuer else (self.subject, self.subject_line)
        self.serial, self.version, self.not_before, self.not_after = serial, version, not_before, not_after
        self.names = {"email": tuple(email), "hostname": tuple(hostnames), "uri": tuple(uris), "ip": tuple(ips)}
        self.pem = pem

    def __repr__(self) -> str:
        return f"<Certificate {self.subject_line}>"


class TlsSession:
    """One TLS connection: protocol version, cipher, both certificates (None: not shown), and how the peer's fared.

    `description` is what OpenSSL tells of the cipher on one line; `outcome` is one of the module's constants;
    `server_name` the name that the client asked for (SNI), "" none; `chain` the PEM texts of the certificates that were
    verified, the peer's first.
    """

    def __init__(
        self, version: str, cipher: str, bits: int, description: str = "", *, own: Certificate | None = None,
        peer: Certificate | None = None, outcome: str = OTHER, server_name: str = "", chain: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.version, self.cipher, self.bits, self.description = version, cipher, bits, description or cipher
        self.own, self.peer, self.outcome, self.server_name = own, peer, outcome, server_name
        self.chain = tuple(chain)


def _name(name: DistinguishedName) -> tuple[dict[str, str], str]:
    """The parts of a distinguished name, and the name on one line as OpenSSL writes it: `/C=DE/CN=example.com`."""
    if isinstance(name, str):
        name = {"CN": name}
    pairs = list(name.items() if isinstance(name, Mapping) else name)
    first: dict[str, str] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    return first, "".join(f"/{key}={_shown(value)}" for key, value in pairs)


def _shown(value: str) -> str:
    value = value.replace("/", "\\/")
    return value if value.isascii() and value.isprintable() else "".join(map(_shown_char, value))


def _shown_char(char: str) -> str:
    return char if " " <= char <= "~" else f"\\x{ord(char):02X}"
