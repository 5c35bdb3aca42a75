"""One SMTP connection (RFC 5321): 250 only when the mail is on disk.

Place in the mail's way: the first contact with a stranger. The dialogue is aiosmtpd's; ours are the reading of DATA
with bounded memory (`data`), the limits, and the words. Every refusal that we did not decide on purpose is temporary
and says nothing of us: the sender keeps the mail and tries again. Nothing that fails leaves a session.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from aiosmtpd import smtp

from gateway.errors import EdgeFailure, TemporaryFailure
from gateway.intake.accept import Door, storage_failure
from gateway.intake.data import DotDecoder, Spool, SpoolMemory, count_hops
from gateway.intake.listener import GuestBook, ip_address
from gateway.intake.smtp_addresses import QuickAddresses, is_sound
from gateway.intake.smtp_limits import TRUSTED_FACTOR, Limits, Timeouts
from gateway.mail import Envelope, Transport

# RFC 5321 §4.5.3.1.4 asks for 512 octets; a long address in UTF-8 with all parameters needs more.
COMMAND_LIMIT_BYTES = 2048
RECEIVE_BYTES = 32 * 1024
# What a browser says that somebody's page sends to us; its next lines could be commands (cross-protocol scripting).
_HTTP_METHODS = ("GET", "HEAD", "POST", "PUT", "OPTIONS", "CONNECT")

# A mail above the limit is read to its end, so that the client hears why, but not without end.
OVERRUN_FACTOR = 4

# RFC 3463 codes for the replies that aiosmtpd writes itself.
_ENHANCED = {"500": "5.5.2", "501": "5.5.4", "502": "5.5.1", "503": "5.5.1", "504": "5.5.4", "530": "5.7.0"}
_ENHANCED |= {"552": "5.3.4", "553": "5.1.3", "555": "5.5.4"}
_HAS_ENHANCED = re.compile(r"\d{3}[ -]\d\.\d{1,3}\.\d{1,3} ")
_TRY_AGAIN = "451 4.3.0 Something went wrong here, please try again later"
_TOO_BIG = "552 5.3.4 The mail is larger than {limit} bytes"

_CIRCLES = "554 5.4.6 The mail went through too many servers, it seems to go in circles"
HOP_LIMIT = 50

_log = logging.getLogger(__name__)
# aiosmtpd tells every line of every dialogue; what an operator wants to know, we say ourselves.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """What all sessions of a listener have in common; `spool_folder` None is the system's temporary folder.

    `submitters_only`: only users reach it who have proven who they are. `hop_limit`: of Received lines.
    """

    door: Door
    is_recipient: Callable[[str], bool]
    clock: Callable[[], datetime]
    size_limit_bytes: int
    hostname: str
    memory: SpoolMemory
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    tls: ssl.SSLContext | None = None
    require_starttls: bool = False
    spool_folder: Path | None = None
    timeouts: Timeouts = Timeouts()  # noqa: RUF009 - frozen
    submitters_only: bool = False
    hop_limit: Callable[[], int] = lambda: HOP_LIMIT


class _AddressRules:
    """aiosmtpd's hooks for MAIL and RCPT: which addresses we take."""

    def __init__(self, options: SessionOptions) -> None:
        self._options = options

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _: SmtpSession, __: smtp.Session, envelope: smtp.Envelope, address: str, options: list[str]
    ) -> str:
        if not is_sound(address):
            return "553 5.1.7 The sender's address is malformed"
        try:
            self._options.door.check_room()
        except EdgeFailure as failure:
            return _reply(failure)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, session: SmtpSession, _: smtp.Session, envelope: smtp.Envelope, address: str, __: list[str]
    ) -> str:
        if not is_sound(address) or "@" not in address.strip("@"):
            return "553 5.1.3 The address is malformed"
        if len(envelope.rcpt_tos) >= session.allowed(self._options.limits.recipients):
            return "452 4.5.3 Too many recipients"
        if not self._options.is_recipient(address):
            return "550 5.1.1 There is no such address here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"


class SmtpSession(QuickAddresses):
    """One connection. A reply of 421 ends it; so do too many errors."""

    greeting = "ESMTP"
    kind = Transport.SMTP
    # What the stream keeps before it lets the client wait; longer lines of content are no lines to us.
    line_length_limit = 16 * 1024

    def __init__(self, options: SessionOptions, book: GuestBook) -> None:
        # aiosmtpd shares these limits among all connections and lets each EHLO of any of them raise them.
        self.command_size_limits = defaultdict(lambda: COMMAND_LIMIT_BYTES)
        self.command_size_limit = COMMAND_LIMIT_BYTES
        super().__init__(
            _AddressRules(options),
            data_size_limit=options.size_limit_bytes,
            enable_SMTPUTF8=True,
            hostname=options.hostname,
            ident=self.greeting,
            tls_context=options.tls,
            require_starttls=options.require_starttls,
            timeout=options.timeouts.command,
            loop=asyncio.get_running_loop(),
        )
        for unwanted in ("AUTH", "EXPN", "HELP"):
            del self._smtp_methods[unwanted]
        self._smtp_methods |= dict.fromkeys(_HTTP_METHODS, self._refuse_http)
        self._options = options
        self._book = book
        self._peer = ""
        self._is_trusted = False
        self._greeted = False
        self._error_count = 0
        self._command_count = 0
        self._last_mail_at = self.loop.time()
        self._is_taking_mail = False
        self._is_leaving = False
        self._cutting: asyncio.TimerHandle | None = None

    def allowed(self, limit: int) -> int:
        """What a limit means for this peer."""
        return limit * TRUSTED_FACTOR if self._is_trusted else limit

    def leave_when_idle(self) -> None:
        self._is_leaving = True
        if not self._is_taking_mail and self.transport is not None:
            self._write("421 4.3.2 The service is stopping, please try again later")
            self._close()

    def cut(self) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    async def _handle_client(self) -> None:
        self._peer = ip_address(self.transport.get_extra_info("peername") if self.transport else None)
        self._is_trusted = self._book.trusts(self._peer)
        try:
            # Who has hung up meanwhile hears nothing more.
            with contextlib.suppress(ConnectionError):
                if refusal := self._book.enter(self, self._peer):
                    await self.push(refusal)
                await super()._handle_client()
        finally:
            self._book.leave(self)

    async def push(self, status: Any) -> None:
        """Write a reply with its RFC 3463 code; may end the session by raising CancelledError."""
        reply = _with_enhanced_code(str(status)) if self._greeted else str(status)
        self._greeted = True
        if not reply.startswith(("250 2.1.5", "421")):
            reply = self._count_command() or reply
        self._write(reply)
        await self._writer.drain()
        if reply[0] in "45":
            _log.info("%s: answered %s with %r", self.kind, self._peer or "local", reply[:200])
            self._error_count += 1
        if reply.startswith("421"):
            self._hang_up()
        if self._error_count >= self.allowed(self._options.limits.errors):
            self._write("421 4.7.0 Too many errors")
            self._hang_up()

    def _count_command(self) -> str:
        """Count a command, and return the reply that ends the session when it brings no mail, else ""."""
        self._command_count += 1
        if self._command_count > self.allowed(self._options.limits.commands):
            return "421 4.7.0 Too many commands"
        age_seconds = self.loop.time() - self._last_mail_at
        if age_seconds > self._options.timeouts.content and not self._is_trusted:
            return "421 4.4.2 No mail came for too long"
        return ""

    async def _refuse_http(self, _: str | None) -> None:
        await self.push("421 4.7.0 This is not a web server")

    def _write(self, reply: str) -> None:
        # Some of aiosmtpd's replies repeat what the client said.
        clean = "".join(letter if letter.isprintable() else "?" for letter in reply)
        self._writer.write(clean.encode("utf-8", "replace") + b"\r\n")

    def _hang_up(self) -> NoReturn:
        """End the session here and now: commands that the client has already sent are not looked at."""
        self._close()
        raise asyncio.CancelledError

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.close()
            # A client that does not read would keep the connection for ever.
            self._cutting = self.loop.call_later(self._options.timeouts.linger, self.cut)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio receives 256 KiB at once, from each of all these strangers.
        if hasattr(transport, "max_size"):
            transport.max_size = RECEIVE_BYTES
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        # The timer would keep us and all that we have buffered.
        if self._cutting is not None:
            self._cutting.cancel()
        super().connection_lost(error)

    def _timeout_cb(self) -> None:
        self._write("421 4.4.2 Timeout, closing the connection")
        self._close()
        # A TLS handshake that is broken off looks like one that succeeded, and its session would wait for ever.
        assert self._handler_coroutine is not None
        self._handler_coroutine.cancel()

    async def handle_exception(self, error: Exception) -> str:
        """Answer an error that nobody expected; its words stay inside."""
        if not isinstance(error, ConnectionError | smtp.TLSSetupException):
            _log.error("%s: unexpected error in a session with %s", self.kind, self._peer, exc_info=error)
        return _TRY_AGAIN

    async def smtp_HELO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's name
        await self._greet(hostname, extensions=None)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's name
        extensions = [f"SIZE {self._options.size_limit_bytes}", "8BITMIME", "SMTPUTF8", "PIPELINING"]
        if self.tls_context and not self._tls_protocol:
            extensions.append("STARTTLS")
        await self._greet(hostname, extensions=[*extensions, "ENHANCEDSTATUSCODES"])

    async def _greet(self, hostname: str, *, extensions: list[str] | None) -> None:
        """Answer HELO (no extensions) or EHLO; these replies have no RFC 3463 code (RFC 2034 §4)."""
        if not hostname:
            await self.push("501 5.5.4 Say who you are")
            return
        assert self.session is not None
        if refusal := self._count_command():
            await self.push(refusal)
        self.envelope = self._create_envelope()
        self.session.extended_smtp = extensions is not None
        self.session.host_name = hostname
        lines = [self.hostname, *(extensions or ())]
        for line in lines[:-1]:
            self._write(f"250-{line}")
        self._write(f"250 {lines[-1]}")
        await self._writer.drain()

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        if self._tls_protocol:
            # RFC 3207 §4.2 has no TLS inside of TLS; aiosmtpd would begin it, and the session would hang for ever.
            await self.push("503 5.5.1 TLS is in use already")
            return
        await super().smtp_STARTTLS(arg)

    async def smtp_VRFY(self, _: str) -> None:  # noqa: N802 - aiosmtpd's name
        await self.push("252 2.0.0 Cannot verify addresses, but will try to take mail for them")

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        if await self.check_helo_needed():
            return
        assert self.envelope is not None
        if arg:
            await self.push("501 5.5.4 DATA has no arguments")
            return
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Send RCPT first")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        recipients = list(self.envelope.rcpt_tos)
        self._is_taking_mail = True
        try:
            reply = await self._take_mail()
        finally:
            self._is_taking_mail = False
            self.envelope = self._create_envelope()
        self._reset_timeout()
        await self._answer(reply, recipients)
        if self._is_leaving:
            await self.push("421 4.3.2 The service is stopping")

    async def _answer(self, reply: str, _: list[str]) -> None:
        if reply.startswith("250"):
            self._error_count = self._command_count = 0
            self._last_mail_at = self.loop.time()
        await self.push(reply)

    async def _take_mail(self) -> str:
        """Read the content, hand it to the door, and return the reply when the door has answered."""
        options = self._options
        spool = Spool(size_limit_bytes=options.size_limit_bytes, folder=options.spool_folder, memory=options.memory)
        keep_spool = False
        try:
            await self._read_content(spool)
            if spool.too_big:
                return _TOO_BIG.format(limit=self._options.size_limit_bytes)
            if count_hops(spool) > options.hop_limit():
                return _CIRCLES
            self._reset_timeout(self._options.timeouts.answer + self._options.timeouts.idle)
            stored = self._options.door.submit(self._mail_envelope(), spool.content())
            keep_spool = True
            stored.add_done_callback(lambda _: spool.close())
            # The client may hang up and this coroutine be cancelled: the mail is stored all the same.
            answer = asyncio.shield(asyncio.wrap_future(stored))
            receipt = await asyncio.wait_for(answer, self._options.timeouts.answer)
        except EdgeFailure as failure:
            return _reply(failure)
        except Exception as error:  # noqa: BLE001 - LMTP needs an answer for each recipient, whatever happened
            await self.handle_exception(error)
            return _reply(storage_failure(error))
        finally:
            if not keep_spool:
                spool.close()
        return f"250 2.0.0 Accepted as {receipt.ledger_id}"

    async def _read_content(self, spool: Spool) -> None:
        """Read to the end of the mail, also where it can't be kept: what is left would be taken for commands."""
        decoder, failure, wire_bytes = DotDecoder(), None, 0
        timeouts, started = self._options.timeouts, self.loop.time()
        while decoder.rest is None:
            ends_at = started + timeouts.content + wire_bytes / timeouts.slowest_bytes_per_second
            self._reset_timeout(max(0.001, min(timeouts.idle, ends_at - self.loop.time())))
            # All that is there: the reader's buffer is bounded by its limit, and empty afterwards.
            piece = await self._reader.read(sys.maxsize)
            assert piece, "a client that hangs up cancels its session"
            wire_bytes += len(piece)
            if wire_bytes > OVERRUN_FACTOR * self._options.size_limit_bytes:
                await self.push("421 4.7.0 Too much data")
            content = decoder.feed(piece)
            if failure is None:
                try:
                    spool.write(content)
                except Exception as error:  # noqa: BLE001 - see above
                    failure = error
                    spool.close()
        self._reader.feed_data(decoder.rest)
        if failure is not None:
            raise failure

    def _mail_envelope(self) -> Envelope:
        assert self.envelope is not None
        assert self.session is not None
        sender = self.envelope.mail_from or ""
        return Envelope(
            transport=self.kind,
            received_at=self._options.clock(),
            reverse_path="" if sender == "<>" else sender,
            recipients=tuple(dict.fromkeys(recipient.lower() for recipient in self.envelope.rcpt_tos)),
            peer=self._peer,
            helo=(self.session.host_name or "")[:255],
            authenticated=self._options.submitters_only,
        )


def _reply(failure: EdgeFailure) -> str:
    temporary = "452" if failure.status == "4.3.1" else "451"
    code = temporary if isinstance(failure, TemporaryFailure) else "554"
    return f"{code} {failure.status} {failure.public_text}"


def _with_enhanced_code(reply: str) -> str:
    """Add an RFC 3463 code to a reply of aiosmtpd's own (RFC 2034 §4: all but 3yz have one)."""
    if reply[0] not in "245" or _HAS_ENHANCED.match(reply):
        return reply
    code, text = reply[:3], reply[4:].removeprefix("Error: ")
    return f"{code} {_ENHANCED.get(code, code[0] + '.0.0')} {text}"
