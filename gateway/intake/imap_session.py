"""One logged-in IMAP connection with one folder open: the questions and orders that the watcher has for it.

Whatever a server (or the network, or TLS, or imapclient on hostile answers) can raise leaves here as one of two
temporary failures: `Refused` (the server said no; the connection is still good) or `ConnectionLost` (throw the session
away). Nothing here ever sets \\Seen: mail is read with BODY.PEEK.
"""

from __future__ import annotations

import contextlib
import imaplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from time import monotonic
from typing import Any

from imapclient.exceptions import CapabilityError, LoginError, ProtocolError

from gateway.errors import TemporaryFailure
from gateway.intake.imap_answers import is_news, moment, number, printable, text_of, word_of
from gateway.intake.imap_hints import hint_for
from gateway.intake.imap_wire import BoundedClient
from gateway.oauth import Access, Account
from gateway.oauth.sasl import MECHANISMS, Exchange, mechanism_of
from gateway.settings import Mailbox as MailboxSettings
from gateway.settings import password_of

PIECE_BYTES = 1024 * 1024

# A server that is alive answers DONE and NOOP at once.
LIVENESS_SECONDS = 15

# How often a waiting thread looks whether it is to stop.
SLICE_SECONDS = 1.0

# imaplib, imapclient and ssl raise all of these on what a server sends (measured with a scripted server).
SERVER_FAILURES = (
    OSError,
    imaplib.IMAP4.error,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    MemoryError,
)

# RFC 5530 §3: a server that is busy or broken says nothing about who logs in.
_NOT_ABOUT_THE_LOGIN = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]", "TOO MANY SIMULTANEOUS")

_HIGHEST_UID = 2**32 - 1
_SYSTEM_FLAG_SEARCH = {
    "\\answered": "UNANSWERED",
    "\\flagged": "UNFLAGGED",
    "\\seen": "UNSEEN",
    "\\deleted": "UNDELETED",
}


class Refused(TemporaryFailure):
    """The server answered NO or BAD to this order; others may work."""


class ConnectionLost(TemporaryFailure):
    """The connection is dead or can't be trusted any more: connect again, later."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """What SELECT said. `uidnext` is None where the server does not say."""

    uidvalidity: int
    uidnext: int | None
    mail_count: int
    can_write: bool
    can_delete: bool
    keeps_flag: bool


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A mail in the folder, not fetched yet. `internal_date` is None where the server's makes no sense."""

    uid: int
    size_bytes: int
    internal_date: datetime | None


class _TokenOutdated(ConnectionLost):
    """The server refused a token that was good before; the account has another one by now."""


class Session:
    """Connect and log in when made; `close` in the end. Not for two threads.

    `account` is that of the mailbox's `oauth`: its token is shown instead of a password.
    """

    def __init__(self, settings: MailboxSettings, account: Account | None = None) -> None:
        self._settings = settings
        self._account = account
        # Without a token the server is not troubled.
        access = account.access() if account is not None else None
        try:
            self._connect(access)
        except _TokenOutdated:
            assert account is not None
            # At most once: a token that is new is not outdated.
            self._connect(account.access())

    def _connect(self, access: Access | None) -> None:
        settings = self._settings
        context = None if settings.tls == "none" else _tls_context(settings)
        with self._failures("connect"):
            self._client = BoundedClient(
                settings.host,
                settings.port,
                context=context if settings.tls == "implicit" else None,
                timeout_seconds=settings.timeout_seconds,
            )
        try:
            if settings.tls == "starttls":
                with self._order("STARTTLS"):
                    self._client.starttls(ssl_context=context)
            if self._account is not None and access is not None:
                self._show_token(self._account, access)
            else:
                self._log_in()
            with self._order("CAPABILITY"):
                self.capabilities = frozenset(text_of(word).upper() for word in self._client.capabilities())
        except BaseException:
            self._client.hang_up()
            raise

    def _log_in(self) -> None:
        user, password = self._settings.user, password_of(self._settings)
        with self._order("login"):
            if user.isascii() and password.isascii():
                self._client.login(user, password)
            else:
                # LOGIN carries ASCII only; RFC 4616 carries UTF-8.
                self._client.plain_login(user, password)

    def _show_token(self, account: Account, access: Access) -> None:
        """XOAUTH2 or OAUTHBEARER; what a refusal really means is said with it."""
        settings = self._settings
        with self._order("CAPABILITY"):
            offered = {text_of(word).upper().removeprefix("AUTH=") for word in self._client.capabilities()}
        mechanism = mechanism_of(offered)
        if not mechanism:
            raise ConnectionLost(f"{settings.host}: offers neither {' nor '.join(MECHANISMS)}")
        place = f"{settings.user}@{settings.host}:{settings.port}"
        exchange = Exchange(
            mechanism=mechanism, user=settings.user, token=access.token, host=settings.host, port=settings.port
        )
        with self._order("login"):
            try:
                self._client.sasl_login(mechanism, exchange)
            except LoginError as error:
                said = printable(str(error))
                if any(code in said.upper() for code in _NOT_ABOUT_THE_LOGIN):
                    raise
                if account.refused(access, place):
                    raise _TokenOutdated(f"{settings.host}: login: {said}") from error
                hint = account.why_refused(
                    access, service="imap", said=said, server_error=exchange.server_error, user=settings.user
                )
                raise ConnectionLost(f"{settings.host}: login: {said} ({hint})") from error
        account.accepted(access, place)

    def close(self) -> None:
        """Hang up without a word: LOGOUT on a broken connection only costs time. Never raises."""
        self._client.hang_up()

    @property
    def can_idle(self) -> bool:
        return "IDLE" in self.capabilities

    def can_move_from(self, folder: Folder) -> bool:
        """Tell whether mails can be moved without touching what others have marked as deleted: MOVE, or UID EXPUNGE."""
        return "MOVE" in self.capabilities or ("UIDPLUS" in self.capabilities and folder.can_delete)

    def open_folder(self, name: str, *, read_only: bool = False, flag: str = "") -> Folder:
        """SELECT (or EXAMINE) the folder; a server without UIDVALIDITY can't be followed and is refused."""
        with self._order(f"SELECT {name}"):
            answer: dict[bytes, Any] = self._select(name, read_only=read_only)
        uidvalidity, uidnext = number(answer.get(b"UIDVALIDITY")), number(answer.get(b"UIDNEXT"))
        if not uidvalidity:
            raise Refused(f"the server gives the folder {name} no UIDVALIDITY, so its mails can't be told apart")
        permanent = [text_of(word).lower() for word in answer.get(b"PERMANENTFLAGS") or ()]
        return Folder(
            uidvalidity=uidvalidity,
            uidnext=uidnext or None,
            mail_count=number(answer.get(b"EXISTS")),
            can_write=b"READ-WRITE" in answer,
            # RFC 4314 §5.1.1: a flag that our rights do not let us set is not named there.
            can_delete="\\deleted" in permanent,
            keeps_flag=flag.lower() in permanent or ("\\*" in permanent and not flag.startswith("\\")),
        )

    def _select(self, name: str, *, read_only: bool) -> dict[bytes, Any]:
        try:
            return dict(self._client.select_folder(name, readonly=read_only))
        except imaplib.IMAP4.readonly:
            # imaplib's word for a folder that our rights let us read only: then that is what we do.
            return dict(self._client.select_folder(name, readonly=True))

    def uids(self, first: int = 1, last: int | None = None, *criteria: object) -> list[int]:
        """Search for the UIDs from `first` to `last` (None: the newest), in order, each once."""
        # RFC 9051 §6.4.9: "n:*" always names the newest mail too, whatever n is; the filter takes it out again.
        wanted = f"{first}:{'*' if last is None else last}"
        top = _HIGHEST_UID if last is None else last
        if first > top:
            return []
        self._client.take_news()
        with self._order("SEARCH"):
            found = self._client.search(["UID", wanted, *criteria])
        return sorted({uid for uid in found if isinstance(uid, int) and first <= uid <= top})

    def uids_since(self, day: date, last: int) -> list[int]:
        """The UIDs up to `last` whose INTERNALDATE is on that day or later."""
        return self.uids(1, last, "SINCE", day)

    def uids_without_flag(self, flag: str, last: int) -> list[int]:
        """The UIDs up to `last` that do not have the flag."""
        system = _SYSTEM_FLAG_SEARCH.get(flag.lower())
        return self.uids(1, last, system) if system else self.uids(1, last, "UNKEYWORD", flag)

    def still_there(self, uid: int) -> bool:
        """Tell whether a mail has not been expunged meanwhile."""
        self.noop()
        return bool(self.uids(uid, uid))

    def list_mails(self, uids: Sequence[int]) -> list[Listed]:
        """Ask for sizes and dates; mails that the server says nothing about are missing from the answer."""
        answer = self._fetch(uids, ["RFC822.SIZE", "INTERNALDATE"], mail_bytes=0)
        return [
            Listed(
                uid=uid,
                size_bytes=number(answer[uid].get(b"RFC822.SIZE")),
                internal_date=moment(answer[uid].get(b"INTERNALDATE")),
            )
            for uid in uids
            if b"RFC822.SIZE" in answer.get(uid, {})
        ]

    def pieces(self, uids: Sequence[int], *, start: int, length: int, expect_bytes: int) -> dict[int, bytes]:
        """Fetch `length` octets of each mail from octet `start` on; fewer where it ends, none for a mail that is gone.

        A mail without an entry in the answer could not be read. `expect_bytes` sets how long it may take.
        """
        answer = self._fetch(uids, [f"BODY.PEEK[]<{start}.{length}>"], mail_bytes=expect_bytes)
        found = {}
        for uid in uids:
            piece = answer.get(uid, {}).get(f"BODY[]<{start}>".encode())
            if isinstance(piece, int):
                piece = str(piece).encode()  # a server that forgets the quotes
            if isinstance(piece, bytes) and len(piece) <= length:
                found[uid] = piece
        return found

    def folder_names(self) -> list[str]:
        with self._order("LIST"):
            return sorted(str(name) for _, _, name in self._client.list_folders())

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Move mails; where the server only has UIDPLUS, copy, mark and expunge just these."""
        self._into(folder, lambda: self._move(uids, folder))

    def _into(self, folder: str, put: Callable[[], None]) -> None:
        """Put something into a folder, which is made if it is not there."""
        try:
            put()
        except Refused:
            # RFC 9051 §7.1 TRYCREATE; some servers refuse without saying so.
            with self._order(f"LIST {folder}"):
                exists = self._client.folder_exists(folder)
            if exists:
                raise
            with self._order(f"CREATE {folder}"):
                self._client.create_folder(folder)
            put()

    def _move(self, uids: Sequence[int], folder: str) -> None:
        with self._order(f"MOVE to {folder}"):
            if "MOVE" in self.capabilities:
                self._client.move(uids, folder)
                return
            self._client.copy(uids, folder)
            self._client.add_flags(uids, [b"\\Deleted"], silent=True)
            self._client.uid_expunge(uids)

    def flag(self, uids: Sequence[int], flag: str) -> None:
        with self._order("STORE"):
            self._client.add_flags(uids, [flag.encode()], silent=True)

    def append(self, folder: str, content: bytes, moment: datetime) -> None:
        """File a mail, marked as seen: nobody has to read what the desk itself sent."""
        self._into(folder, lambda: self._append(folder, content, moment))

    def _append(self, folder: str, content: bytes, moment: datetime) -> None:
        with self._order(f"APPEND to {folder}", mail_bytes=len(content)):
            self._client.append(folder, content, [b"\\Seen"], moment)

    def noop(self) -> None:
        """Let the server say what it has to say; a dead connection is found out."""
        with self._order("NOOP", seconds=min(self._settings.timeout_seconds, LIVENESS_SECONDS)):
            self._client.noop()

    def idle(self, seconds: float, *, stop: Callable[[], bool], tick: Callable[[], None]) -> bool:
        """Wait until the folder has news (True), or the time is over, or `stop()` says so; `tick` runs now and then.

        Raises ConnectionLost when the server has gone.
        """
        if self._client.take_news():
            return True
        seconds_to_answer = min(self._settings.timeout_seconds, LIVENESS_SECONDS)
        try:
            with self._order("IDLE", seconds=seconds_to_answer):
                self._client.idle()
        except Refused as error:
            # The server may be idling all the same (RFC 2177 lets other answers come first): this session is over.
            raise ConnectionLost(f"{error.public_text} (idle = false lets the gateway ask instead)") from error
        ends_at = monotonic() + seconds
        news = False
        while not news and not stop() and (left := ends_at - monotonic()) > 0:
            news = self._idle_slice(min(SLICE_SECONDS, left))
            tick()
        with self._order("DONE", seconds=seconds_to_answer):
            _, late = self._client.idle_done()
        return news or any(is_news(response) for response in late)

    def _idle_slice(self, seconds: float) -> bool:
        # What came together with the answer to IDLE lies in our buffer, where no poll sees it.
        if self._client.has_unread_octets():
            return True
        with self._failures("IDLE"):
            responses = self._client.idle_check(timeout=seconds)
        if self._client.has_ended():
            raise ConnectionLost(f"{self._settings.host} closed the connection while we waited for mail")
        if any(word_of(response, 0) == b"BYE" for response in responses):
            raise ConnectionLost(f"{self._settings.host} said goodbye while we waited for mail")
        return any(is_news(response) for response in responses)

    def _fetch(self, uids: Sequence[int], items: Sequence[str], *, mail_bytes: int) -> dict[int, dict[bytes, Any]]:
        with self._order("FETCH", mail_bytes=mail_bytes):
            answer: dict[int, dict[bytes, Any]] = self._client.fetch(uids, items)
            return answer

    @contextlib.contextmanager
    def _order(self, what: str, *, mail_bytes: int = 0, seconds: float | None = None) -> Iterator[None]:
        with self._failures(what), self._client.command(mail_bytes=mail_bytes, seconds=seconds):
            yield

    @contextlib.contextmanager
    def _failures(self, what: str) -> Iterator[None]:
        """Turn all that an imapclient call can raise into one of our two failures, with a hint where we know one."""
        try:
            yield
        except SERVER_FAILURES as error:
            said = self._sentence(what, error)
            # readonly is an abort: the folder was taken from us while it was open.
            lost = isinstance(error, imaplib.IMAP4.abort | ProtocolError | LoginError | CapabilityError)
            if lost or not isinstance(error, imaplib.IMAP4.error):
                raise ConnectionLost(said) from error
            raise Refused(said) from error

    def _sentence(self, what: str, error: BaseException) -> str:
        text = str(error) or type(error).__name__
        client = getattr(self, "_client", None)
        if client is not None and client.watchdog.bit_after_seconds:
            text = f"no complete answer within {client.watchdog.bit_after_seconds:.0f} s"
        if secret := password_of(self._settings):
            text = text.replace(secret, "…")
        text = printable(text)
        hint = hint_for(text)
        return f"{self._settings.host}: {what}: {text}" + (f" ({hint})" if hint else "")


def _tls_context(settings: MailboxSettings) -> ssl.SSLContext:
    """A context that verifies the server's certificate and name; there is no way to turn that off."""
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except OSError as error:
        raise TemporaryFailure(f"{settings.name}: ca_file {settings.ca_file} can't be read: {error}") from error
