"""The composition root: builds the parts from settings and policy, runs them in threads, and stops them in order.

`Base` opens the database and holds what every command needs; `Gateway` is the running service. `--only` splits the
parts over
processes and hosts that share one PostgreSQL.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from gateway.compose import TemplateFailure, compose
from gateway.delivery import Deliverer, Rendered
from gateway.delivery.signing import signer
from gateway.desk.letters import LetterBuilder
from gateway.desk.people import mirror_policy, read_secrets
from gateway.desk.refusals import record_refusal
from gateway.errors import ConfigurationError, Problem
from gateway.heartbeat import Heartbeat
from gateway.intake.accept import Door
from gateway.intake.data import SpoolMemory
from gateway.intake.imap import MailboxWatcher
from gateway.intake.imap_errands import append_sent
from gateway.intake.lmtp import LmtpListener
from gateway.intake.smtp import SmtpListener, SmtpThread, limits_of, timeouts_of
from gateway.lookout import Lookout
from gateway.oauth import Tokens
from gateway.parsing import Parser
from gateway.phrase import Phrase
from gateway.policy_keeper import PolicyKeeper
from gateway.settings import Settings
from gateway.sorting import Sorter
from gateway.steady import SteadyClock
from gateway.storage import minimum_free_bytes, watched_by
from gateway.store.database import connection, is_sqlite, migrate, open_database, transaction
from gateway.store.oauth import forget_troubles_of_others
from gateway.store.queue import forget_workers, free_leases, last_written, owner_name
from gateway.stored import read_stored
from gateway.timers import Timers

PARTS = ("smtp", "imap", "sort", "send", "timers")
# What goes along with a notice to an agent; what is larger is named and fetched with #files.
NOTICE_FILES_BYTES = 20 * 1024 * 1024
_STOP_SECONDS = 25.0
_LOG = structlog.get_logger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Base:
    """Settings, policy and an open, migrated database: what every command starts from."""

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.clock = clock
        self.keeper = PolicyKeeper(settings.rules_file, settings.templates_folder)
        folder = settings.storage.folder
        folder.mkdir(parents=True, exist_ok=True)
        self.keeper.keep_copy(folder)
        self.scratch = folder / "tmp"
        self.scratch.mkdir(exist_ok=True)
        self.database = open_database(settings.storage.url)
        with connection(self.database):
            migrate(self.database, now=clock())
            with transaction(self.database):
                mirror_policy(self.keeper.policy, now=clock())
            self.secrets = read_secrets()

    def door(self, on_accepted: Callable[[], None] | None = None) -> Door:
        """A door to the ledger, not started; on SQLite it watches the room on its disk."""
        storage = self.settings.storage
        free: Callable[[], int] | None = None
        minimum = 0
        if is_sqlite(self.database):
            minimum = minimum_free_bytes(storage)
            free = lambda: shutil.disk_usage(storage.folder).free  # noqa: E731
        return Door(
            self.database, clock=self.clock, free_bytes=free, minimum_free_bytes=minimum, on_accepted=on_accepted
        )

    def letters(self, parser: Parser) -> LetterBuilder:
        return LetterBuilder(
            policy=lambda: self.keeper.policy,
            secrets=self.secrets,
            extract=parser.extract,
            file_limit_bytes=NOTICE_FILES_BYTES,
            recall=partial(read_stored, parser=parser),
        )

    def parser(self) -> Parser:
        sorting = self.settings.sorting
        return Parser(
            workers=sorting.workers, parse_seconds=sorting.parse_seconds, memory_bytes=sorting.parse_memory_bytes
        )


class Gateway(Base):
    """The running service. `start` returns when everything listens; `stop` finishes what is under way."""

    def __init__(
        self, settings: Settings, *, only: Iterable[str] = PARTS, clock: Callable[[], datetime] = utc_now
    ) -> None:
        super().__init__(settings, clock=clock)
        self._only = frozenset(only)
        self._owner = owner_name()
        self._tokens = Tokens(settings, database=lambda: self.database, clock=clock, owner=self._owner)
        self._stop = threading.Event()
        self._sort_wake = threading.Event()
        self._send_wake = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listeners: list[SmtpThread] = []
        self._door: Door | None = None
        self._parser: Parser | None = None
        self._heartbeat: Heartbeat | None = None
        with connection(self.database):
            self._steady = SteadyClock(now=clock(), last_known=last_written())
        self.smtp_port = 0
        self.lmtp_place = ""

    def start(self) -> None:
        self._refuse_nothing_to_do()
        with connection(self.database):
            freed = free_leases(self.database, is_dead=lambda owner: _is_dead(owner, self._owner))
            forget_workers(self.database, is_dead=lambda owner: _is_dead(owner, self._owner))
            forget_troubles_of_others(self.database, list(self.settings.oauth))
        if freed:
            _LOG.warning("leases_taken_over", rows=freed)
        if self._only & {"smtp", "imap"}:
            self._door = self.door(on_accepted=self._sort_wake.set).start()
        if self._only & {"sort", "send"}:
            self._parser = self.parser()
        if "send" in self._only:
            self._start_sending()
        if "sort" in self._only:
            self._start_sorting()
        if "timers" in self._only:
            self._start_timers()
        self._heartbeat = Heartbeat(
            self.database, keeper=self.keeper, clock=self.clock, owner=self._owner, parts=sorted(self._only)
        )
        self._run("heartbeat", self._heartbeat.run, self._stop)
        if "smtp" in self._only:
            self._start_listening()
        if "imap" in self._only:
            self._start_watching()
        _LOG.info("started", parts=",".join(sorted(self._only)), rules=self.keeper.policy.version)

    def _refuse_nothing_to_do(self) -> None:
        unknown = self._only - set(PARTS)
        if unknown or not self._only:
            raise ConfigurationError(
                [
                    Problem(
                        file="--only", message=f"unknown part {', '.join(sorted(unknown))}", suggestion=", ".join(PARTS)
                    )
                ]
            )

    def _start_listening(self) -> None:
        assert self._door is not None
        settings = self.settings
        memory = SpoolMemory(settings.smtp.memory_bytes)
        if settings.smtp.enabled:
            smtp = SmtpListener(
                settings.smtp,
                is_recipient=self._is_recipient,
                door=self._door,
                clock=self.clock,
                spool_folder=self.scratch,
                memory=memory,
                hop_limit=lambda: self.keeper.policy.limits.hops,
            )
            self._listeners.append(SmtpThread(smtp, name="smtp").start())
            self.smtp_port = self._listeners[-1].port
        if settings.lmtp.enabled:
            lmtp = LmtpListener(
                settings.lmtp,
                size_limit_bytes=settings.smtp.size_limit_bytes,
                is_recipient=self._is_recipient,
                door=self._door,
                clock=self.clock,
                hostname=settings.smtp.hostname,
                memory=memory,
                limits=limits_of(settings.smtp),
                spool_folder=self.scratch,
                timeouts=timeouts_of(settings.smtp),
                hop_limit=lambda: self.keeper.policy.limits.hops,
            )
            self._listeners.append(SmtpThread(lmtp, name="lmtp").start())
            self.lmtp_place = settings.lmtp.listen

    def _is_recipient(self, address: str) -> bool:
        return self.keeper.policy.is_desk_address(address)

    def _start_watching(self) -> None:
        assert self._door is not None
        for mailbox in self.settings.mailboxes:
            watcher = MailboxWatcher(
                mailbox,
                database=self.database,
                door=self._door,
                clock=self.clock,
                owner=self._owner,
                account=self._tokens.account(mailbox.oauth),
            )
            self._run(f"imap-{mailbox.name}", watcher.run, self._stop)

    def _start_sorting(self) -> None:
        assert self._parser is not None
        sorter = Sorter(
            self.database,
            parser=self._parser,
            policy=lambda: self.keeper.policy,
            secrets=self.secrets,
            clock=self.clock,
            owner=self._owner,
            batch=self.settings.sorting.batch,
            scratch=self.scratch,
            on_sorted=self._send_wake.set,
        )
        self._run("sort", sorter.run, self._stop, self._sort_wake)

    def _start_sending(self) -> None:
        assert self._parser is not None
        letters = self.letters(self._parser)

        sign = signer(self.settings.relay, desk_domain=self.keeper.policy.desk.address.rpartition("@")[2])

        def render(outbox_id: int) -> Rendered:
            letter, reverse_path = letters.build(outbox_id)
            try:
                content = compose(letter, self.keeper.templates)
            except TemplateFailure:
                # It may be mended since the last look, by an admin who lets the held mails go at once.
                self.keeper.refresh()
                content = compose(letter, self.keeper.templates)
            content = sign(content)
            return Rendered(content=content, recipient=letter.recipient.address, reverse_path=reverse_path)

        deliverer = Deliverer(
            self.database,
            relay=self.settings.relay,
            outgoing=self.settings.storage.folder / "outgoing",
            render=render,
            on_refused=self._on_refused,
            on_sent=self._copy_to_sent if self.settings.relay.sent_mailbox else None,
            clock=self.clock,
            may_expire=self._steady.is_steady,
            owner=self._owner,
            account=self._tokens.account(self.settings.relay.oauth),
        )
        self._run("send", deliverer.run, self._stop, self._send_wake)

    def _on_refused(self, outbox_id: int, reply: Phrase | str) -> None:
        record_refusal(outbox_id, reply, policy=self.keeper.policy, secrets=self.secrets, now=self.clock())
        self._send_wake.set()

    def _copy_to_sent(self, outbox_id: int, content: bytes) -> None:
        relay = self.settings.relay
        mailbox = next(one for one in self.settings.mailboxes if one.name == relay.sent_mailbox)
        account = self._tokens.account(mailbox.oauth)
        append_sent(mailbox, relay.sent_folder, content, self.clock(), account=account)

    def _start_timers(self) -> None:
        timers = Timers(
            self.database,
            keeper=self.keeper,
            secrets=self.secrets,
            clock=self.clock,
            on_work=self._send_wake.set,
            may_expire=self._steady.is_steady,
            lookout=Lookout(
                self.database,
                keeper=self.keeper,
                secrets=self.secrets,
                watched=lambda: watched_by(self.settings),
                command=self.settings.alarms.command,
            ),
        )
        self._run("timers", timers.run, self._stop)

    def _run(self, name: str, target: Callable[..., Any], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        """Take no more mail, finish what is under way, end every thread. A kill instead is safe, only ruder."""
        for listener in self._listeners:
            listener.stop()
        self._stop.set()
        self._sort_wake.set()
        self._send_wake.set()
        if self._door is not None:
            self._door.stop()
        for thread in self._threads:
            thread.join(_STOP_SECONDS)
        if self._parser is not None:
            self._parser.close()
        if self._heartbeat is not None:
            self._heartbeat.end()
        _LOG.info("stopped")


def _is_dead(owner: str, own: str) -> bool:
    """Whether a lease's owner was a process of this host that is gone. Of other hosts we know nothing: they expire."""
    host, _, rest = owner.partition("/")
    pid = rest.partition("/")[0]
    if host != socket.gethostname() or not pid.isdigit() or owner.startswith(own):
        return False
    if int(pid) == os.getpid():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def outgoing_place(settings: Settings) -> str:
    """Where mail goes, for people."""
    if settings.relay.host:
        return f"the relay {settings.relay.host}:{settings.relay.port} ({settings.relay.tls})"
    return f"the Maildir {_shown(settings.storage.folder / 'outgoing')} (no relay is configured)"


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
