"""What a TLS connection knows of its ends: certificates and the outcome of their verification.

Plain data: drivers fill it in (live from OpenSSL, the lab from what a test says), module tls shows it to scripts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Outcomes of a verification, by the name that the variables ask for (X509_V_*).
VERIFIED, REVOKED, EXPIRED, SELFSIGNED, OTHER = "verified", "revoked", "expired", "selfsigned", "other"


class Certificate:
    """A certificate.

    `subject` and `issuer` map short names (CN, O, OU, C, ST, L, UID) to values; `email`, `hostnames`, `uris` and `ips`
    are the alternative names; `not_before` and `not_after` texts such as "Jan  1 00:00:00 2026 GMT"; `version` counts
    from 0, as in the certificate; `pem` is its text, "" unknown.
    """

    def __init__(
        self, subject: Mapping[str, str] | str, issuer: Mapping[str, str] | None = None, *, serial: str = "1",
        version: int = 2, not_before: str = "Jan  1 00:00:00 2026 GMT", not_after: str = "Jan  1 00:00:00 2036 GMT",
        email: Sequence[str] = (), hostnames: Sequence[str] = (), uris: Sequence[str] = (), ips: Sequence[str] = (),
        pem: str = "",
    ) -> None:  # fmt: skip
        """`subject` may be the common name alone; without `issuer` it is the subject's own."""
        self.subject = {"CN": subject} if isinstance(subject, str) else dict(subject)
        self.issuer = dict(issuer or self.subject)
        self.serial, self.version, self.not_before, self.not_after = serial, version, not_before, not_after
        self.names = {"email": tuple(email), "hostname": tuple(hostnames), "uri": tuple(uris), "ip": tuple(ips)}
        self.pem = pem

    def __repr__(self) -> str:
        return f"<Certificate {one_line(self.subject)}>"


class TlsSession:
    """One TLS connection: protocol version, cipher, both certificates (None: not shown), and how the peer's fared.

    `outcome` is one of the module's constants; `server_name` what the peer asked for (SNI).
    """

    def __init__(
        self, version: str, cipher: str, bits: int, description: str = "", *, own: Certificate | None = None,
        peer: Certificate | None = None, outcome: str = OTHER, server_name: str = "",
    ) -> None:  # fmt: skip
        self.version, self.cipher, self.bits, self.description = version, cipher, bits, description or cipher
        self.own, self.peer, self.outcome, self.server_name = own, peer, outcome, server_name


def one_line(name: Mapping[str, str]) -> str:
    """A distinguished name as OpenSSL writes it on one line: `/C=DE/CN=example.com`."""
    return "".join(f"/{key}={value}" for key, value in name.items())
