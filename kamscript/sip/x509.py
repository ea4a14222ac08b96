"""X.509 certificates read from their bytes (RFC 5280, DER of X.690): what module tls shows of them.

Nothing is verified here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_address

from kamscript.sip.certificate import Certificate

BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_INTEGER, _OID, _SEQUENCE, _SET = 0x02, 0x06, 0x30, 0x31
_UTC_TIME = 0x17
_T61, _UNIVERSAL, _BMP = 0x14, 0x1C, 0x1E
#: How texts other than ASCII and UTF-8 are encoded.
_ENCODINGS = {_T61: "latin-1", _UNIVERSAL: "utf-32-be", _BMP: "utf-16-be"}
#: Context tags of a certificate's fields.
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_ALTERNATIVE_NAMES = "2.5.29.17"
#: Tags of alternative names: rfc822Name, dNSName, uniformResourceIdentifier; iPAddress is binary.
_KINDS = {0x81: "email", 0x82: "hostname", 0x86: "uri"}
_IP = 0x87
#: OpenSSL's short names.
_SHORT = {
    "2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
    "2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.17": "postalCode",
    "2.5.4.42": "GN", "2.5.4.97": "organizationIdentifier", "1.2.840.113549.1.9.1": "emailAddress",
    "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC",
}  # fmt: skip
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def read_pem(text: str) -> Certificate:
    """The first certificate of a PEM text; raises ValueError."""
    _, begin, rest = text.partition(BEGIN)
    body, end, _ = rest.partition(END)
    if not begin or not end:
        raise ValueError("there is no certificate in the PEM text")
    try:
        return read_der(base64.b64decode("".join(body.split()), validate=True))
    except (binascii.Error, UnicodeError):
        raise ValueError("the certificate is no base64") from None


def read_der(data: bytes) -> Certificate:
    """The certificate in DER; raises ValueError. Texts come out as the bytes of their UTF-8."""
    try:
        return _certificate(data)
    except (StopIteration, IndexError, OverflowError):
        raise ValueError("the certificate ends too early") from None


def pem_of(data: bytes) -> str:
    """The PEM text of a certificate in DER."""
    body = base64.b64encode(data).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join([BEGIN, *lines, END, ""])


def _certificate(data: bytes) -> Certificate:
    signed = _of(next(_items(data)), _SEQUENCE)
    fields = _items(_of(next(_items(signed)), _SEQUENCE))
    version, item = 0, next(fields)
    if item[0] == _VERSION:
        version, item = _number(next(_items(item[1]))), next(fields)
    serial = _number(item)
    next(fields)  # the algorithm of the signature
    issuer = _names(next(fields))
    validity = _items(_of(next(fields), _SEQUENCE))
    not_before, not_after = _time(next(validity)), _time(next(validity))
    subject = _names(next(fields))
    names: dict[str, list[str]] = {"email": [], "hostname": [], "uri": [], "ip": []}
    for tag, content in fields:
        if tag == _EXTENSIONS:
            _alternative_names(content, names)
    return Certificate(
        subject, issuer, serial=str(serial), version=version, not_before=not_before, not_after=not_after,
        email=names["email"], hostnames=names["hostname"], uris=names["uri"], ips=names["ip"], pem=pem_of(data),
    )  # fmt: skip


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of the values in a row."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError("a value of the certificate is longer than what holds it")
        yield tag, data[at : at + length]
        at += length


def _of(item: tuple[int, bytes], tag: int) -> bytes:
    if item[0] != tag:
        raise ValueError(f"the certificate has a value of tag {item[0]:#x} where {tag:#x} is wanted")
    return item[1]


def _number(item: tuple[int, bytes]) -> int:
    return int.from_bytes(_of(item, _INTEGER), "big", signed=True)


def _oid(item: tuple[int, bytes]) -> str:
    content = _of(item, _OID)
    first = content[0]
    parts, value = [min(first // 40, 2), first - 40 * min(first // 40, 2)], 0
    for byte in content[1:]:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            parts.append(value)
            value = 0
    return ".".join(map(str, parts))


def _names(item: tuple[int, bytes]) -> list[tuple[str, str]]:
    """The parts of a distinguished name, in order."""
    pairs = []
    for part in _items(_of(item, _SEQUENCE)):
        for pair in _items(_of(part, _SET)):
            key, value = _items(_of(pair, _SEQUENCE))
            oid = _oid(key)
            pairs.append((_SHORT.get(oid, oid), _text(*value)))
    return pairs


def _text(tag: int, content: bytes) -> str:
    encoding = _ENCODINGS.get(tag)
    if encoding is not None:
        content = content.decode(encoding).encode()
    return content.decode("latin-1")


def _time(item: tuple[int, bytes]) -> str:
    """A UTCTime (its years are those from 1950 to 2049) or GeneralizedTime as OpenSSL prints it."""
    text = item[1].decode("latin-1")
    if item[0] == _UTC_TIME:
        text = ("19" if text >= "5" else "20") + text
    when = datetime.strptime(text, "%Y%m%d%H%M%SZ")
    return f"{_MONTHS[when.month - 1]} {when.day:2} {when:%H:%M:%S} {when.year} GMT"


def _alternative_names(content: bytes, names: dict[str, list[str]]) -> None:
    for extension in _items(_of(next(_items(content)), _SEQUENCE)):
        key, *_, value = _items(_of(extension, _SEQUENCE))
        if _oid(key) != _ALTERNATIVE_NAMES:
            continue
        for tag, name in _items(_of(next(_items(value[1])), _SEQUENCE)):
            if tag in _KINDS:
                names[_KINDS[tag]].append(name.decode("latin-1"))
            elif tag == _IP:
                names["ip"].append(str(ip_address(name)))
