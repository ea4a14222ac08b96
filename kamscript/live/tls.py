"""TLS contexts from the profiles of module tls, and what OpenSSL tells of a connection.

Python's ssl sees a peer's certificate only where it is verified: with verify_certificate off a peer's certificate
counts as not shown. Revocation lists are read with the trusted certificates; a client's failed verification ends the
handshake, as with verify_certificate=yes there.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from kamscript.sip.certificate import OTHER, VERIFIED, Certificate, TlsSession

if TYPE_CHECKING:
    from kamscript.core.server import Server

_VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1, "TLSv1.0": ssl.TLSVersion.TLSv1, "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}  # fmt: skip
_SHORT = {
    "commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C",
    "stateOrProvinceName": "ST", "localityName": "L", "userId": "UID",
}  # fmt: skip


class TlsConfigError(Exception):
    """The certificates or settings of a profile cannot be used; the text tells which."""


def context_of(server: Server, role: str, place: str) -> ssl.SSLContext:
    """The context for accepting (`server`) or opening (`client`) connections at `ip:port`; raises TlsConfigError."""
    contexts: dict[tuple[str, str], ssl.SSLContext] = server.shared.setdefault("tls_contexts", {})
    known = contexts.get((role, place))
    if known is None:
        module: Any = server.modules.get("tls")
        if module is None or not hasattr(module, "profile"):
            raise TlsConfigError('TLS needs loadmodule "tls.so"')
        try:
            known = contexts[role, place] = _make(role, module.profile(role, place))
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise TlsConfigError(f"tls {role} profile for {place}: {error}") from None
    return known


def _make(role: str, profile: dict[str, str]) -> ssl.SSLContext:
    serves = role == "server"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if serves else ssl.PROTOCOL_TLS_CLIENT)
    _limit(context, profile.get("method", ""))
    certificate = profile.get("certificate", "")
    if certificate:
        password = profile.get("private_key_password") or None
        context.load_cert_chain(certificate, profile.get("private_key") or None, password)
    elif serves:
        raise ValueError("a server needs a certificate")
    for name in ("ca_list", "crl"):
        if profile.get(name):
            context.load_verify_locations(cafile=profile[name])
    if profile.get("ca_path"):
        context.load_verify_locations(capath=profile["ca_path"])
    if profile.get("crl"):
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    if profile.get("cipher_list"):
        context.set_ciphers(profile["cipher_list"])
    context.check_hostname = False
    required, verified = _yes(profile.get("require_certificate")), _yes(profile.get("verify_certificate"))
    client = profile.get("verify_client", "off") if serves else "off"
    if client == "on" or (verified and (required or not serves)):
        context.verify_mode = ssl.CERT_REQUIRED
    elif client == "optional" or verified:
        context.verify_mode = ssl.CERT_OPTIONAL
    else:
        context.verify_mode = ssl.CERT_NONE
    return context


def _limit(context: ssl.SSLContext, method: str) -> None:
    """Allow the versions that tls_method names: one, or with `+` that and newer ones."""
    if not method or method.startswith("SSLv23") or method == "TLSany":
        return
    version = _VERSIONS.get(method.rstrip("+"))
    if version is None:
        raise ValueError(f"unknown method {method}")
    context.minimum_version = version
    if not method.endswith("+"):
        context.maximum_version = version


def _yes(text: str | None) -> bool:
    return (text or "").lower() in ("1", "yes", "on", "true")


def session_of(connection: ssl.SSLObject, own: str = "") -> TlsSession:
    """What module tls shows of a connection that is up."""
    name, version, bits = connection.cipher() or ("", "", 0)
    found = connection.getpeercert()
    return TlsSession(
        connection.version() or version,
        name,
        bits,
        peer=_certificate(found, connection.getpeercert(True)) if found else None,
        outcome=VERIFIED if found else OTHER,
        server_name=own,
    )


def _certificate(found: dict[str, Any], der: bytes | None) -> Certificate:
    names: dict[str, list[str]] = {}
    for kind, value in found.get("subjectAltName", ()):
        names.setdefault(kind, []).append(value)
    return Certificate(
        _name(found.get("subject", ())),
        _name(found.get("issuer", ())),
        serial=str(int(found.get("serialNumber", "0"), 16)),
        version=int(found.get("version", 1)) - 1,
        not_before=str(found.get("notBefore", "")),
        not_after=str(found.get("notAfter", "")),
        email=names.get("email", ()),
        hostnames=names.get("DNS", ()),
        uris=names.get("URI", ()),
        ips=names.get("IP Address", ()),
        pem=ssl.DER_cert_to_PEM_cert(der) if der else "",
    )


def _name(parts: Any) -> dict[str, str]:
    return {_SHORT.get(key, key): value for part in parts for key, value in part}
