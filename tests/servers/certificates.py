"""A certificate authority for one test session, made with the openssl command.

The server certificate is good for `localhost` and 127.0.0.1; `stranger` is one that our CA never signed.
"""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.require import server_or_skip


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """Paths of PEM files; `ca` is what a client is to trust."""

    ca: Path
    certificate: Path
    key: Path
    stranger_certificate: Path
    stranger_key: Path

    def server_context(self, *, stranger: bool = False) -> ssl.SSLContext:
        """A TLS context for a server, with the trusted certificate or the stranger's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if stranger:
            context.load_cert_chain(self.stranger_certificate, self.stranger_key)
        else:
            context.load_cert_chain(self.certificate, self.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        """A TLS context for a client that trusts our CA and checks names."""
        return ssl.create_default_context(cafile=str(self.ca))


def make_certificates(folder: Path) -> Certificates:
    """Write CA, server and stranger certificates into the folder (readable by every user: nothing of it is secret)."""
    openssl = server_or_skip("openssl")["openssl"]
    folder.mkdir(parents=True, exist_ok=True)
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True, timeout=60)

    def self_signed(name: str, subject: str, *extensions: str) -> None:
        options = [word for extension in extensions for word in ("-addext", extension)]
        files = ["-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "30", "-subj", subject]
        run("req", "-x509", *new_key, *files, *options)

    self_signed("ca", "/CN=Test CA", "keyUsage=critical,keyCertSign,cRLSign")
    self_signed("stranger", "/CN=localhost", names)
    run("req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "server.ext").write_text(f"{names}\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n")
    files = ["-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "server.pem", "-extfile", "server.ext"]
    run("x509", "-req", *files, "-CAcreateserial", "-days", "30")
    for path in folder.iterdir():
        path.chmod(0o644)
    return Certificates(
        ca=folder / "ca.pem",
        certificate=folder / "server.pem",
        key=folder / "server.key",
        stranger_certificate=folder / "stranger.pem",
        stranger_key=folder / "stranger.key",
    )
