"""An SMTP server that keeps what it gets and fails when it is told to: the relay of our tests.

It runs in this process, in a thread with its own event loop, on 127.0.0.1. A test scripts faults (`answer`, `close_at`,
`lose_answer`, `delay`, `hold`) and waits for mails (`wait_for`) without sleeping.
"""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from time import monotonic
from typing import Any, Self, TypeVar

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.servers.faults import WAIT_SECONDS, Fault, Gate, Stage
from tests.servers.ports import LOOPBACK, free_port

# What a test of the relay needs, from one place.
__all__ = ["Fault", "Gate", "ReceivedMail", "Sink", "SinkOptions", "Stage"]

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class ReceivedMail:
    """One mail as the sink took it: `content` has CRLF lines and no dot stuffing; the null sender is ""."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    mail_options: tuple[str, ...] = ()
    helo: str = ""
    tls: bool = False
    user: str = ""

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed anew at each call."""
        message = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def text(self) -> str:
        """The decoded text/plain body with LF lines, "" where there is none."""
        part = self.message.get_body(preferencelist=("plain",))
        return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""

    def __str__(self) -> str:
        return f"<{self.sender}> to {', '.join(self.recipients)}: {self.subject}"


@dataclass(kw_only=True)
class SinkOptions:
    """What the sink offers and demands."""

    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    require_starttls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    token_reply: Callable[[str, str], str] | None = None
    """Offers XOAUTH2: gets user and token, gives "" for yes or the reply for no."""
    size_limit_bytes: int | None = None
    smtputf8: bool = True
    hide_extensions: tuple[str, ...] = ()
    """Words that EHLO must not announce, such as "8BITMIME"."""


class _Dialogue(SMTP):
    """One SMTP session: asks the sink at every stage whether a fault strikes."""

    def __init__(self, sink: Sink, options: SinkOptions) -> None:
        super().__init__(
            sink,
            hostname="sink.example.net",
            enable_SMTPUTF8=options.smtputf8,
            data_size_limit=options.size_limit_bytes,
            tls_context=None if options.implicit_tls else options.tls,
            require_starttls=options.require_starttls,
            auth_required=False,
            auth_require_tls=options.tls is not None and not options.implicit_tls,
            auth_exclude_mechanism=(
                *(() if options.user else ("PLAIN", "LOGIN")),
                *(() if options.token_reply else ("XOAUTH2",)),
            ),
            authenticator=sink.authenticate if options.user else None,
            timeout=120,
            loop=asyncio.get_running_loop(),
        )
        self._sink = sink

    async def _handle_client(self) -> None:
        self._sink.session_began(self)
        try:
            if not await self._strikes(Stage.CONNECT):
                await super()._handle_client()
        finally:
            self._sink.session_ended(self)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 (aiosmtpd's names)
        if not await self._strikes(Stage.EHLO, hostname):
            await super().smtp_EHLO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        if not await self._strikes(Stage.STARTTLS):
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        if not await self._strikes(Stage.AUTH):
            await super().smtp_AUTH(arg)

    async def auth_XOAUTH2(self, server: SMTP, arguments: list[str]) -> AuthResult:  # noqa: N802
        """Refuse as Google does: first the reason as a challenge, then, after the client's empty line, no."""
        assert self._sink.options.token_reply is not None
        words = base64.b64decode(arguments[1]).decode().split("\x01")
        user, token = words[0].removeprefix("user="), words[1].removeprefix("auth=Bearer ")
        if reply := self._sink.options.token_reply(user, token):
            answer = await self.challenge_auth(
                '{"status":"400","schemes":"Bearer","scope":"https://mail.example.com/"}'
            )
            self._sink.answers_to_challenges.append(answer if isinstance(answer, bytes) else b"*")
            await self.push(reply)
            return AuthResult(success=False, handled=True)
        return AuthResult(success=True, auth_data=LoginPassword(login=user.encode(), password=b""))

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        needs_login = self._sink.options.user or self._sink.options.token_reply
        if needs_login and not (self.session and self.session.authenticated):
            await self.push("530 5.7.0 Authentication required")
        elif not await self._strikes(Stage.MAIL, arg or ""):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        if not await self._strikes(Stage.RCPT, arg or ""):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if not await self._strikes(Stage.DATA, self._recipients()):
            await super().smtp_DATA(arg)

    def _recipients(self) -> str:
        return " ".join(self.envelope.rcpt_tos) if self.envelope else ""

    async def _strikes(self, stage: Stage, argument: str = "") -> bool:
        """Do what a fault says; True means that the dialogue has had its answer (or its end)."""
        fault = self._sink.take_fault(stage, argument)
        if fault is None:
            return False
        await fault.wait()
        if fault.reply:
            await self.push(fault.reply)
        if fault.closes:
            self.hang_up()
        return bool(fault.reply) or fault.closes

    def hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()


class Sink:
    """The running server. All public methods may be called from any thread; use it as a context manager."""

    def __init__(self, *, port: int | None = None, options: SinkOptions | None = None) -> None:
        self.host = LOOPBACK
        self.port = port if port is not None else free_port()
        self.options = options or SinkOptions()
        self.sessions_seen = 0
        self.most_sessions_at_once = 0
        self.answers_to_challenges: list[bytes] = []
        self._dialogues: set[_Dialogue] = set()
        self._changed = threading.Condition()
        self._mails: list[ReceivedMail] = []
        self._faults: list[Fault] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None

    # --- life ---

    def start(self) -> Self:
        """Listen. A stopped sink may start again on the same port."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._run, args=(loop,), name=f"sink-{self.port}", daemon=True)
        thread.start()
        self._loop, self._thread = loop, thread
        future = asyncio.run_coroutine_threadsafe(self._listen(), loop)
        self._server = future.result(timeout=10)
        return self

    def stop(self) -> None:
        """Close the port and every session, at once, as a server that died would."""
        if self._loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
        self._loop = self._thread = self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    # --- faults ---

    def script(self, fault: Fault) -> None:
        """Add a fault; of several that could strike, the one that was added first does."""
        with self._changed:
            self._faults.append(fault)

    def answer(self, stage: Stage, reply: str, *, times: int | None = 1, recipient: str = "") -> None:
        """Answer the stage with the reply ("451 4.3.0 later"); with `recipient` only where it names that address."""
        self.script(Fault(stage=stage, reply=reply, times=times, recipient=recipient))

    def close_at(self, stage: Stage, *, times: int | None = 1) -> None:
        """Close the connection instead of answering."""
        self.script(Fault(stage=stage, close=True, times=times))

    def lose_answer(self, *, times: int | None = 1) -> None:
        """Take the mail, then close before the 250 after the final dot: the client can't know."""
        self.script(Fault(stage=Stage.BODY, close=True, keep_mail=True, times=times))

    def delay(self, stage: Stage, seconds: float, *, times: int | None = 1) -> None:
        """Answer as usual, but late."""
        self.script(Fault(stage=stage, delay_seconds=seconds, times=times))

    def hold(self, stage: Stage) -> Gate:
        """Let the next client stand still at the stage until the gate is released."""
        gate = Gate()
        self.script(Fault(stage=stage, gate=gate))
        return gate

    def clear_faults(self) -> None:
        with self._changed:
            self._faults.clear()

    # --- what came in ---

    @property
    def mails(self) -> tuple[ReceivedMail, ...]:
        """Everything taken so far, in order."""
        with self._changed:
            return tuple(self._mails)

    def forget(self) -> None:
        """Throw away what was taken so far."""
        with self._changed:
            self._mails.clear()

    def wait_for(
        self, wanted: Callable[[ReceivedMail], bool], timeout_seconds: float = WAIT_SECONDS, *, what: str = ""
    ) -> ReceivedMail:
        """Return the first mail, taken before or from now on, that `wanted` accepts; an AssertionError in the end."""
        found = self._wait(lambda: next((mail for mail in self._mails if wanted(mail)), None), timeout_seconds)
        if found is None:
            raise AssertionError(self._report(what or "the wanted mail", timeout_seconds))
        return found

    def wait_for_mail_to(self, address: str, timeout_seconds: float = WAIT_SECONDS) -> ReceivedMail:
        """Return the first mail whose envelope names the address."""
        wanted = address.lower()
        return self.wait_for(
            lambda mail: wanted in (recipient.lower() for recipient in mail.recipients),
            timeout_seconds,
            what=f"a mail to {address}",
        )

    def wait_for_count(self, count: int, timeout_seconds: float = WAIT_SECONDS) -> tuple[ReceivedMail, ...]:
        """Return all mails as soon as there are at least that many."""
        if not self._wait(lambda: len(self._mails) >= count, timeout_seconds):
            raise AssertionError(self._report(f"{count} mails", timeout_seconds))
        return self.mails

    def wait_for_sessions(self, count: int, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Return when at least that many sessions have begun since the start."""
        if not self._wait(lambda: self.sessions_seen >= count, timeout_seconds):
            raise AssertionError(self._report(f"{count} sessions ({self.sessions_seen} began)", timeout_seconds))

    # --- called by the server, in its own thread ---

    async def handle_EHLO(  # noqa: N802 (aiosmtpd's names)
        self, server: SMTP, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        hidden = tuple(word.upper() for word in self.options.hide_extensions)
        offered = [*responses[:-1], "250-PIPELINING", "250-ENHANCEDSTATUSCODES"]
        return [*(line for line in offered if not line[4:].upper().startswith(hidden)), responses[-1]]

    async def handle_DATA(self, server: _Dialogue, session: Any, envelope: Any) -> str:  # noqa: N802
        mail = ReceivedMail(
            sender="" if envelope.mail_from == "<>" else envelope.mail_from,
            recipients=tuple(envelope.rcpt_tos),
            content=bytes(envelope.content),
            mail_options=tuple(envelope.mail_options),
            helo=str(session.host_name or ""),
            tls=session.ssl is not None or self.options.implicit_tls,
            user=session.auth_data.login.decode() if isinstance(session.auth_data, LoginPassword) else "",
        )
        fault = self.take_fault(Stage.BODY, " ".join(mail.recipients))
        if fault is None:
            self._keep(mail)
            return "250 2.0.0 taken"
        await fault.wait()
        if fault.keep_mail or not (fault.reply or fault.close):
            self._keep(mail)
        if fault.reply.startswith("421"):
            await server.push(fault.reply)
        if fault.closes:
            server.hang_up()
        # aiosmtpd sends what this returns; after a hang-up it reaches nobody.
        return fault.reply or "250 2.0.0 taken"

    def authenticate(self, server: SMTP, session: Any, envelope: Any, mechanism: str, auth_data: Any) -> AuthResult:
        expected = (self.options.user.encode(), self.options.password.encode())
        if isinstance(auth_data, LoginPassword) and (auth_data.login, auth_data.password) == expected:
            return AuthResult(success=True, auth_data=auth_data)
        return AuthResult(success=False, handled=False)

    def take_fault(self, stage: Stage, argument: str) -> Fault | None:
        """The fault that strikes here, counted down."""
        with self._changed:
            for fault in self._faults:
                if fault.strikes(stage, argument):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def session_began(self, dialogue: _Dialogue) -> None:
        with self._changed:
            self._dialogues.add(dialogue)
            self.sessions_seen += 1
            self.most_sessions_at_once = max(self.most_sessions_at_once, len(self._dialogues))
            self._changed.notify_all()

    def session_ended(self, dialogue: _Dialogue) -> None:
        with self._changed:
            self._dialogues.discard(dialogue)
            self._changed.notify_all()

    # --- helpers ---

    def _keep(self, mail: ReceivedMail) -> None:
        with self._changed:
            self._mails.append(mail)
            self._changed.notify_all()

    def _wait(self, check: Callable[[], Answer], timeout_seconds: float) -> Answer:
        ends_at = monotonic() + timeout_seconds
        with self._changed:
            while not (answer := check()):
                if not self._changed.wait(max(0.0, ends_at - monotonic())) and monotonic() >= ends_at:
                    return check()
            return answer

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()

    async def _listen(self) -> asyncio.Server:
        tls = self.options.tls if self.options.implicit_tls else None
        return await asyncio.get_running_loop().create_server(
            lambda: _Dialogue(self, self.options), self.host, self.port, ssl=tls, reuse_address=True
        )

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for dialogue in tuple(self._dialogues):
            if isinstance(dialogue.transport, asyncio.WriteTransport):
                dialogue.transport.abort()
        sessions = asyncio.all_tasks() - {asyncio.current_task()}
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)
        # One more turn, so that the aborted transports close their sockets.
        await asyncio.sleep(0)

    def _report(self, what: str, timeout_seconds: float) -> str:
        seen = "\n".join(f"  {mail}" for mail in self.mails) or "  nothing"
        return f"{what} did not come within {timeout_seconds} s; what came:\n{seen}"
