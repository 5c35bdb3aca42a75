"""How fast a backlog in an IMAP folder comes into the ledger, beside a bare imapclient that only fetches it.

Run as root from the checkout: ``python -m tests.benchmarks.bench_imap [--mails N] [--size N]``. It starts a Dovecot
of its own, fills a mailbox, and measures on the same server, in turns: a bare client (FETCH in sets of 50, nothing
stored) and the watcher (every mail in SQLite, flushed, cursor saved after each set). The ratio is what to compare
between machines.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, process_time

from gateway.intake.accept import Door
from gateway.intake.imap import MailboxWatcher
from gateway.settings import Mailbox as MailboxSettings
from gateway.store.database import connection, migrate, open_database
from gateway.store.tables import Ledger
from tests.servers.certificates import make_certificates
from tests.servers.dovecot import DovecotServer, Mailbox, running_dovecot

SET_MAILS = 50
FILL_MAILS = 200


def mail_of(number: int, size_bytes: int) -> bytes:
    head = (
        f"From: erika.{number}@example.com\r\nTo: helpdesk@example.com\r\nSubject: Mail {number}\r\n"
        f"Message-ID: <{number}@example.com>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\n\r\n"
    ).encode()
    line = b"The printer on the second floor prints one page in three.\r\n"
    return (head + line * (size_bytes // len(line) + 1))[: size_bytes - 2].rstrip() + b"\r\n"


def fill(mailbox: Mailbox, mails: int, size_bytes: int) -> None:
    with mailbox.connect() as client:
        for start in range(0, mails, FILL_MAILS):
            client.multiappend("INBOX", [mail_of(start + n, size_bytes) for n in range(min(FILL_MAILS, mails - start))])


def bare(mailbox: Mailbox) -> float:
    """Seconds for a client that fetches everything and keeps nothing."""
    began_at = monotonic()
    with mailbox.connect("INBOX") as client:
        uids = client.search()
        for start in range(0, len(uids), SET_MAILS):
            client.fetch(uids[start : start + SET_MAILS], ["BODY.PEEK[]", "INTERNALDATE"])
    return monotonic() - began_at


def watched(mailbox: Mailbox, folder: Path, mails: int, size_bytes: int, after: str) -> tuple[float, float]:
    """Seconds, and seconds of CPU in this process, until everything that came after first contact is in the ledger."""
    database = open_database(f"sqlite:///{folder / 'gateway.sqlite'}")
    with connection(database):
        migrate(database, now=datetime.now(UTC))
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

    def clock() -> datetime:
        return datetime.now(UTC)

    with Door(database, clock=clock) as door:
        watcher = MailboxWatcher(settings, database=database, door=door, clock=clock, owner="bench")
        watcher.run_once(clock())
        fill(mailbox, mails, size_bytes)
        began_at, cpu_before = monotonic(), process_time()
        drained = watcher.run_once(clock())
        seconds, cpu_seconds = monotonic() - began_at, process_time() - cpu_before
        watcher.close()
    with connection(database):
        assert drained.fetched == Ledger.select().count() == mails
    return seconds, cpu_seconds


@contextmanager
def dovecot() -> Iterator[DovecotServer]:
    folder = Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    folder.chmod(0o755)
    try:
        (folder / "dovecot").mkdir()
        with running_dovecot(folder / "dovecot", make_certificates(folder / "certificates")) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=5000)
    parser.add_argument("--size", type=int, default=4096, help="octets of each mail")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{options.mails} mails of {options.size} octets; mails/s, in {options.rounds} rounds")
    with dovecot() as server:
        for _ in range(options.rounds):
            for after in ("leave", "move"):
                mailbox = server.new_mailbox()
                with tempfile.TemporaryDirectory() as folder:
                    seconds, cpu_seconds = watched(mailbox, Path(folder), options.mails, options.size, after)
                rate = options.mails / seconds
                line = f"  watcher, after={after:5} {rate:8.0f}  CPU {1000 * cpu_seconds / options.mails:.2f} ms a mail"
                if after == "leave":
                    bare_rate = options.mails / bare(mailbox)
                    line += f"   bare imapclient {bare_rate:8.0f}   ratio {rate / bare_rate:.2f}"
                print(line)
    memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory {memory_mib:.0f} MiB, Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
