"""One SMTP session with the relay: how it begins, and one mail through it.

aiosmtplib begins and ends it; what is ours is to know at which step of a mail's transaction something happened, since
that alone decides whether the mail may have been taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from time import monotonic

import aiosmtplib

from gateway.compose import LetterRefused
from gateway.compose.headers import checked_address
from gateway.delivery.exchange import Exchange, on_the_wire, taken_over
from gateway.delivery.login import TokenOutdated, show_token, token_of
from gateway.delivery.outcome import Answer, ChannelTrouble, Fate, of_reply, one_line
from gateway.delivery.parcel import Parcel
from gateway.oauth import Account
from gateway.phrase import Phrase, say
from gateway.settings import Relay, password_of

# RFC 5321 §4.5.3.2.6: ten minutes for the answer to the final dot where other answers get one, because giving up too
# early makes a duplicate. A slow line gets the time that it needs on top.
FINAL_ANSWER_FACTOR = 10
SLOWEST_LINE_BYTES_PER_SECOND = 32 * 1024
GOODBYE_SECONDS = 2.0

# What every reader takes for the same address: no quotes, comments or controls.
_PLAIN = re.compile(r"[A-Za-z0-9._%+=-]+@[A-Za-z0-9.-]+")
_ENDS_ARGUMENT = re.compile(r"[\s<>]")
_LOST = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError)


class StaleSession(Exception):
    """The relay had closed this kept session before it heard of the mail: open another one and ask there."""


class Unsendable(Exception):
    """The relay could not take this mail whatever we do; the phrase says why."""

    def __init__(self, why: Phrase) -> None:
        super().__init__(str(why))
        self.why = why


_TAKEN, _GO_ON = 250, 354
# The replies to MAIL, RCPT and DATA that let the mail go on (RFC 5321 §4.3.2).
_GOOD = ((250,), (250, 251), (_GO_ON,))


@dataclass(frozen=True, kw_only=True)
class _Envelope:
    sender: str
    recipient: str
    options: tuple[str, ...]
    encoding: str

    @property
    def commands(self) -> tuple[bytes, bytes, bytes]:
        """MAIL, RCPT and DATA as they are written; no address in them has a space or a control."""
        mail = " ".join([f"MAIL FROM:<{self.sender}>", *self.options])
        return f"{mail}\r\n".encode(self.encoding), f"RCPT TO:<{self.recipient}>\r\n".encode(self.encoding), b"DATA\r\n"


class Session:
    """An open session. After an answer other than TAKEN it is reset, or closed where that fails."""

    def __init__(
        self, client: aiosmtplib.SMTP, *, timeout_seconds: float, ticks: Callable[[], float] = monotonic
    ) -> None:
        self.client = client
        self._timeout_seconds = timeout_seconds
        self._ticks = ticks
        self._is_kept = False
        self.last_used = self._ticks()

    @property
    def is_open(self) -> bool:
        return self.client.is_connected

    async def deliver(self, parcel: Parcel) -> Answer:
        """Send one mail. Raises StaleSession when the relay ended a session that was kept from an earlier mail."""
        try:
            answer = await self._dialogue(parcel)
        except Unsendable as error:
            return Answer(fate=Fate.REFUSED, reply=str(error), said=error.why)
        if answer.fate is not Fate.TAKEN:
            await self.reset()
        self._is_kept = True
        self.last_used = self._ticks()
        return answer

    async def _dialogue(self, parcel: Parcel) -> Answer:
        envelope = _envelope(self.client, parcel)
        try:
            with taken_over(self.client) as relay:
                answer = await self._offered(relay, envelope) or await self._taken(relay, parcel.content)
                if answer.fate is Fate.UNCERTAIN:
                    # A mere close would go on sending what is still buffered, and the relay might take it after all.
                    relay.abort()
                return answer
        except _LOST as error:
            # Raised before a reply: the relay has closed the session meanwhile.
            if self._is_kept:
                raise StaleSession from error
            return Answer(fate=Fate.LATER, reply=_words(error))

    async def _offered(self, relay: Exchange, envelope: _Envelope) -> Answer | None:
        """MAIL, RCPT and DATA; None where the relay now waits for the mail, else why it does not get it.

        Raises one of `_LOST` where it is gone before it has answered anything.
        """
        commands = envelope.commands
        together = self.client.supports_extension("pipelining")
        if together:
            relay.write(b"".join(commands))
        refusal: Answer | None = None
        for number, command in enumerate(commands):
            try:
                if not together:
                    relay.write(command)
                reply = await relay.reply(self._timeout_seconds)
            except (*_LOST, aiosmtplib.SMTPException) as error:
                relay.abort()
                if number == 0 and isinstance(error, _LOST):
                    raise
                return refusal or Answer(fate=Fate.LATER, reply=_words(error))
            if number == 0 and reply.code == 421 and self._is_kept:
                raise StaleSession
            if refusal is None and reply.code not in _GOOD[number]:
                refusal = of_reply(reply.code, reply.words, to_mail_command=number == 0)
                if not together:
                    return refusal
        if refusal is not None and reply.code == _GO_ON:
            # It waits for a mail that it has refused. RFC 2920 §3.1 ends it with a dot; no mail at all is surer.
            relay.abort()
        return refusal

    async def _taken(self, relay: Exchange, content: bytes) -> Answer:
        patience = FINAL_ANSWER_FACTOR * self._timeout_seconds + len(content) / SLOWEST_LINE_BYTES_PER_SECOND
        if relay.is_ahead:
            # Its replies can't be told apart any more, and nothing of the mail has been written.
            relay.abort()
            return Answer(fate=Fate.LATER, reply="the relay answered before it was asked")
        try:
            relay.write(on_the_wire(content))
            reply = await relay.reply(patience)
        except (*_LOST, aiosmtplib.SMTPException) as error:
            return Answer(fate=Fate.UNCERTAIN, reply=f"{_words(error)}, no answer to the mail")
        if reply.code == _TAKEN:
            return Answer(fate=Fate.TAKEN, reply=one_line(*reply))
        if reply.code < 400:
            return Answer(fate=Fate.UNCERTAIN, reply=one_line(*reply))
        return of_reply(*reply)

    async def reset(self) -> None:
        """Make the session ready for a next mail, or close it."""
        if self.is_open:
            try:
                await self.client.rset()
            except (*_LOST, aiosmtplib.SMTPException):
                self.client.close()

    def abort(self) -> None:
        """Close without a word, and send nothing that is still buffered."""
        transport = self.client.transport
        self.client.close()
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()

    async def close(self) -> None:
        """Say goodbye and close; never raises."""
        transport = self.client.transport
        if self.is_open:
            with contextlib.suppress(*_LOST, aiosmtplib.SMTPException):
                await self.client.quit(timeout=GOODBYE_SECONDS)
        self.client.close()
        # Nobody waits for the relay's half of a TLS farewell.
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()


def _envelope(client: aiosmtplib.SMTP, parcel: Parcel) -> _Envelope:
    """What to say in MAIL and RCPT; raises Unsendable where the relay's extensions do not suffice."""
    sender, recipient = _ascii_domain(parcel.reverse_path), _ascii_domain(parcel.recipient)
    size_bytes = len(parcel.content)
    options: list[str] = []
    if client.supports_extension("size"):
        limit = client.esmtp_extensions["size"].strip()
        # RFC 1870 §4: no number, or 0, means no fixed limit.
        if limit.isdecimal() and 0 < int(limit) < size_bytes:
            why = say("the mail has {size} bytes, the relay takes at most {limit}", size=size_bytes, limit=int(limit))
            raise Unsendable(why)
        options.append(f"SIZE={size_bytes}")
    needs_utf8 = not (sender + recipient).isascii() or not _header_of(parcel.content).isascii()
    if needs_utf8:
        if not client.supports_extension("smtputf8"):
            raise Unsendable(say("the address or a header needs SMTPUTF8 (RFC 6531), which the relay does not offer"))
        options.append("SMTPUTF8")
    if not parcel.content.isascii():
        if not client.supports_extension("8bitmime"):
            raise Unsendable(say("the mail has 8-bit bytes, and the relay does not offer 8BITMIME (RFC 6152)"))
        options.append("BODY=8BITMIME")
    encoding = "utf-8" if needs_utf8 else "ascii"
    return _Envelope(sender=sender, recipient=recipient, options=tuple(options), encoding=encoding)


def _ascii_domain(address: str) -> str:
    # "a(b)@example.com" is somebody else's address to many a reader, and a space or ">" ends the command's argument.
    if not _PLAIN.fullmatch(address) and (
        _ENDS_ARGUMENT.search(address) or parseaddr(address)[1] != address or not address.isprintable()
    ):
        raise Unsendable(say("this cannot be written as an envelope address: {address}", address=repr(address)))
    local, at, domain = address.rpartition("@")
    if local.isascii() and address:
        # The one validator for every address, before a header and before the wire.
        try:
            return checked_address(address)
        except LetterRefused as error:
            raise Unsendable(
                say("this cannot be written as an envelope address: {address}", address=repr(address))
            ) from error
    if domain.isascii():
        return address
    try:
        return local + at + domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise Unsendable(say("this domain has no ASCII form (RFC 5890): {domain}", domain=repr(domain))) from error


def _header_of(content: bytes) -> bytes:
    return content[: content.find(b"\r\n\r\n") + 2]


async def open_session(
    settings: Relay,
    context: ssl.SSLContext | None,
    *,
    hostname: str,
    ticks: Callable[[], float] = monotonic,
    account: Account | None = None,
) -> Session:
    """Connect, secure, greet and log in; raises ChannelTrouble. Never continues with less than what is configured.

    `account` is that of `[relay] oauth`: its token is shown instead of a password.
    """
    if account is None:
        return await _open(settings, context, hostname=hostname, ticks=ticks)
    while True:
        access = await token_of(account)
        session = await _open(settings, context, hostname=hostname, ticks=ticks, account=account)
        try:
            await show_token(session.client, settings, account, access)
        except TokenOutdated:
            # At most once: a token that is new is not outdated.
            session.abort()
            continue
        except (OSError, aiosmtplib.SMTPException, ValueError) as error:
            session.abort()
            raise ChannelTrouble(_why_no_session(error)) from error
        except BaseException:
            session.abort()
            raise
        return session


async def _open(
    settings: Relay,
    context: ssl.SSLContext | None,
    *,
    hostname: str,
    ticks: Callable[[], float],
    account: Account | None = None,
) -> Session:
    by_password = bool(settings.user) and account is None
    client = aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        username=settings.user if by_password else None,
        password=password_of(settings) if by_password else None,
        local_hostname=hostname,
        timeout=settings.timeout_seconds,
        use_tls=settings.tls == "implicit",
        start_tls=settings.tls == "starttls",
        tls_context=context,
    )
    try:
        await client.connect()
        if client.is_ehlo_or_helo_needed:
            await _greet(client)
    except (OSError, aiosmtplib.SMTPException, ValueError) as error:
        client.close()
        raise ChannelTrouble(_why_no_session(error)) from error
    return Session(client, timeout_seconds=settings.timeout_seconds, ticks=ticks)


async def _greet(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not client.is_connected:
            raise
        await client.helo()


def _why_no_session(error: Exception) -> Answer:
    cause = error.__cause__ if isinstance(error, aiosmtplib.SMTPConnectError) and error.__cause__ else error
    fate = Fate.MISCONFIGURED
    if isinstance(error, aiosmtplib.SMTPResponseException):
        # A login or STARTTLS that fails is for a person, also where the server calls it temporary (454).
        greeting = isinstance(error, aiosmtplib.SMTPConnectResponseError | aiosmtplib.SMTPHeloError)
        if error.code == 421 or (greeting and not 500 <= error.code <= 599):
            fate = Fate.UNREACHABLE
    elif isinstance(cause, ssl.SSLError):
        if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            fate = Fate.UNREACHABLE
    elif isinstance(cause, OSError) and not isinstance(cause, socket.gaierror):
        fate = Fate.UNREACHABLE
    return Answer(fate=fate, reply=_words(cause))


def _words(error: BaseException) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return one_line(error.code, error.message)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: the relay's certificate is not good: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
