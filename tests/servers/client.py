"""Send a mail as the outside world does: with smtplib, or with swaks."""

from __future__ import annotations

import re
import smtplib
import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tests.servers.ports import LOOPBACK
from tests.servers.require import server_or_skip

BARE_LINE_END = re.compile(rb"\r?\n")


def with_crlf(mail: bytes) -> bytes:
    """The mail with every line ended by CR LF, as a mail client sends the lines of a file (which end with LF)."""
    return BARE_LINE_END.sub(b"\r\n", mail)


def send(
    mail: bytes,
    *,
    port: int,
    to: str | Sequence[str],
    from_: str = "employee@example.com",
    starttls: ssl.SSLContext | None = None,
    user: str = "",
    password: str = "",
    options: Sequence[str] = (),
    timeout_seconds: float = 30.0,
) -> dict[str, tuple[int, bytes]]:
    """Send one mail over loopback and return smtplib's refusals by recipient (none: {}).

    Raises smtplib's exceptions where everything was refused. `from_` "" is the null sender.
    """
    recipients = [to] if isinstance(to, str) else list(to)
    with smtplib.SMTP(LOOPBACK, port, local_hostname="client.example.net", timeout=timeout_seconds) as connection:
        if starttls is not None:
            connection.ehlo_or_helo_if_needed()
            connection.starttls(context=starttls)
        if user:
            connection.login(user, password)
        return connection.sendmail(from_, recipients, with_crlf(mail), mail_options=options)


def send_lmtp(
    mail: bytes, *, listen: int | str, to: Sequence[str], from_: str = "employee@example.com"
) -> dict[str, tuple[int, bytes]]:
    """Send one mail by LMTP to a loopback port or a Unix socket and return the answer for each recipient.

    RFC 2033 §4.2: one answer after the final dot for each recipient that RCPT accepted. (smtplib reads only one.)
    """
    host, port = (listen, 0) if isinstance(listen, str) else (LOOPBACK, listen)
    answers: dict[str, tuple[int, bytes]] = {}
    with smtplib.LMTP(host, port, local_hostname="client.example.net", timeout=30) as connection:
        connection.ehlo_or_helo_if_needed()
        code, text = connection.mail(from_)
        assert code == 250, f"MAIL FROM: {code} {text!r}"
        for recipient in to:
            answers[recipient] = connection.rcpt(recipient)
        accepted = [recipient for recipient in to if answers[recipient][0] == 250]
        if not accepted:
            return answers
        code, text = connection.docmd("DATA")
        if code != 354:
            return answers | dict.fromkeys(accepted, (code, text))
        stuffed = with_crlf(mail).replace(b"\r\n.", b"\r\n..")
        connection.send(stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n")
        connection.send(b".\r\n")
        return answers | {recipient: connection.getreply() for recipient in accepted}


@dataclass(frozen=True, kw_only=True)
class SwaksResult:
    """Exit code (0: delivered) and the whole dialogue."""

    exit_code: int
    dialogue: str


def swaks(*arguments: str, port: int, timeout_seconds: float = 60.0) -> SwaksResult:
    """Run swaks against a port on loopback; skips the test where swaks is not installed."""
    command = [server_or_skip("swaks")["swaks"], "--server", LOOPBACK, "--port", str(port), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds, stdin=subprocess.DEVNULL)
    return SwaksResult(exit_code=done.returncode, dialogue=done.stdout + done.stderr)
