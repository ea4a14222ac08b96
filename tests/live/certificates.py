"""Keys and certificates for TLS tests, made by openssl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

#: Certificates by name: subject, alternative names, who signs.
_WANTED = {
    "server": ("/C=DE/O=Example/OU=Unit/CN=server/UID=u1", "URI:sip:server@example.com,DNS:example.com", "ca"),
    "other": ("/CN=other", "DNS:other.example.com", "ca"),
    "alice": ("/O=Example/CN=alice", "URI:sip:alice@example.com", "ca"),
    "revoked": ("/CN=revoked", "DNS:revoked.example.com", "ca"),
    "deep": ("/CN=deep", "DNS:deep.example.com", "middle"),
}
_NEW = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_CA = """[ca]
default_ca = own
[own]
database = index.txt
default_md = sha256
default_crl_days = 3650
certificate = ca.pem
private_key = ca.key
"""


def make(folder: Path) -> Path:
    """`NAME.pem` and `NAME.key` of server, other, alice, revoked and deep, a chain with deep's, `ca.pem`, `crl.pem`."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates")

    def run(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    def sign(name: str, subject: str, extension: str, by: str) -> None:
        run("req", *_NEW, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        (folder / "extensions").write_text(extension)
        run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial",
            "-out", f"{name}.pem", "-days", "3650", "-extfile", "extensions")  # fmt: skip

    run("req", "-x509", *_NEW, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "3650")
    sign("middle", "/CN=Middle CA", "basicConstraints=critical,CA:TRUE\n", "ca")
    for name, (subject, names, by) in _WANTED.items():
        sign(name, subject, f"subjectAltName={names}\n", by)
    with (folder / "deep.pem").open("a") as chain:
        chain.write((folder / "middle.pem").read_text())
    (folder / "ca.cnf").write_text(_CA)
    (folder / "index.txt").write_text("")
    run("ca", "-config", "ca.cnf", "-revoke", "revoked.pem")
    run("ca", "-config", "ca.cnf", "-gencrl", "-out", "crl.pem")
    return folder
