"""How fast a backlog in an IMAP folder comes into the ledger, beside a bare imapclient that only fetches it.

Needs root and Dovecot: it starts one of its own, fills a mailbox, and measures on the same server, in turns, a bare
client (FETCH in sets of 50, nothing stored) and the watcher (every mail in SQLite, flushed, the cursor saved after each
set).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, process_time

from gateway.intake.accept import Door
from gateway.intake.imap import MailboxWatcher
from gateway.settings import Mailbox as MailboxSettings
from gateway.store.database import connection, migrate, open_database
from gateway.store.tables import Ledger
from tests.benchmarks.peers import scratch
from tests.benchmarks.report import Number, number
from tests.servers.certificates import make_certificates
from tests.servers.dovecot import Mailbox, running_dovecot

SET_MAILS = 50
FILL_MAILS = 200
SIZE_BYTES = 4096


def measure(*, runs: int, mails: int) -> Iterator[Number]:
    rates: dict[str, list[float]] = {"leave": [], "move": []}
    cpu_ms: dict[str, list[float]] = {"leave": [], "move": []}
    bare_rates, bare_cpu_ms = [], []
    with scratch() as folder:
        (folder / "dovecot").mkdir()
        with running_dovecot(folder / "dovecot", make_certificates(folder / "certificates")) as server:
            for _ in range(runs):
                for after, measured in rates.items():
                    mailbox = server.new_mailbox()
                    with scratch() as place:
                        seconds, cpu_seconds = _watched(mailbox, place, mails, after)
                    measured.append(mails / seconds)
                    cpu_ms[after].append(1000 * cpu_seconds / mails)
                    if after == "leave":
                        seconds, cpu_seconds = _bare(mailbox)
                        bare_rates.append(mails / seconds)
                        bare_cpu_ms.append(1000 * cpu_seconds / mails)
    for after, measured in rates.items():
        yield number("imap", f"backlog of {mails:,}, after = {after}", "mails/s", measured, bare_rates)
        yield number("imap", f"CPU, after = {after}", "ms a mail", cpu_ms[after], bare_cpu_ms)


def _mail(number: int) -> bytes:
    head = (
        f"From: erika.{number}@example.com\r\nTo: helpdesk@example.com\r\nSubject: Mail {number}\r\n"
        f"Message-ID: <{number}@example.com>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\n\r\n"
    ).encode()
    line = b"The printer on the second floor prints one page in three.\r\n"
    return (head + line * (SIZE_BYTES // len(line) + 1))[: SIZE_BYTES - 2].rstrip() + b"\r\n"


def _fill(mailbox: Mailbox, mails: int) -> None:
    with mailbox.connect() as client:
        for start in range(0, mails, FILL_MAILS):
            client.multiappend("INBOX", [_mail(start + n) for n in range(min(FILL_MAILS, mails - start))])


def _bare(mailbox: Mailbox) -> tuple[float, float]:
    """Seconds, and seconds of CPU, for a client that fetches everything and keeps nothing."""
    began_at, cpu_before = monotonic(), process_time()
    with mailbox.connect("INBOX") as client:
        uids = client.search()
        for start in range(0, len(uids), SET_MAILS):
            client.fetch(uids[start : start + SET_MAILS], ["BODY.PEEK[]", "INTERNALDATE"])
    return monotonic() - began_at, process_time() - cpu_before


def _watched(mailbox: Mailbox, folder: Path, mails: int, after: str) -> tuple[float, float]:
    """The same until everything that came after first contact is in the ledger."""
    database = open_database(f"sqlite:///{folder / 'gateway.sqlite'}")
    with connection(database):
        migrate(database, now=_now())
    settings = MailboxSettings.model_validate(
        {
            "name": "bench",
            "host": mailbox.server.host,
            "port": mailbox.server.imap_port,
            "tls": "none",
            "user": mailbox.address,
            "password": mailbox.password,
            "after": after,
            "move_to": "Done",
        }
    )
    with Door(database, clock=_now) as door:
        watcher = MailboxWatcher(settings, database=database, door=door, clock=_now, owner="bench")
        watcher.run_once(_now())
        _fill(mailbox, mails)
        began_at, cpu_before = monotonic(), process_time()
        drained = watcher.run_once(_now())
        seconds, cpu_seconds = monotonic() - began_at, process_time() - cpu_before
        watcher.close()
    with connection(database):
        assert drained.fetched == Ledger.select().count() == mails
    return seconds, cpu_seconds


def _now() -> datetime:
    return datetime.now(UTC)
