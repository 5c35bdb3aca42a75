"""A private Dovecot 2.3: IMAP (plain with STARTTLS, and TLS from the start) and LMTP on free loopback ports.

Every test takes a mailbox of its own (`new_mailbox`), so one server does for a whole test session. Mails are Maildir
files; each user stands in a passwd-file of his own, since Dovecot is slow to notice that one file for all has grown.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

import psutil
from imapclient import IMAPClient

from tests.servers.certificates import Certificates
from tests.servers.client import with_crlf
from tests.servers.ports import LOOPBACK, free_port
from tests.servers.processes import start_child, stop_child, tail
from tests.servers.require import server_or_skip, skip_or_fail
from tests.servers.waiting import eventually, is_listening

# Debian's user for mail; it owns the Maildirs.
MAIL_USER = "mail"
DOMAIN = "box.example.com"
NAMES = count(1)

CONFIGURATION = """\
protocols = imap lmtp
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = {instance}
log_path = {folder}/log
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_fsync = never
maildir_very_dirty_syncs = yes
mail_max_userip_connections = 200
recipient_delimiter = +
shutdown_clients = yes
verbose_proctitle = yes
# A test that waits for the wall clock to see a mail is a slow test.
mailbox_idle_check_interval = 1 secs
lmtp_save_to_detail_mailbox = no
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%Lu {folder}/users/%Lu
}}
userdb {{
  driver = passwd-file
  args = username_format=%Lu {folder}/users/%Lu
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp_port}
  }}
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {auth_port}
  }}
}}
# No punishment for wrong passwords: a test gives them on purpose.
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""

# Whoever listens on that port says whose a token is: a test's token server, or nobody.
OAUTH2 = """\
introspection_mode = post
introspection_url = http://127.0.0.1:{token_port}/introspect
force_introspection = yes
active_attribute = active
active_value = true
username_attribute = username
timeout_msecs = 5000
"""


@dataclass(frozen=True, kw_only=True)
class StoredMail:
    """One mail of a folder."""

    uid: int
    content: bytes
    flags: tuple[str, ...] = ()


@dataclass(kw_only=True)
class DovecotServer:
    """The running server.

    `auth_port` speaks Dovecot's auth protocol (Postfix asks it about passwords), on `token_port` it asks about tokens.
    """

    imap_port: int
    imaps_port: int
    lmtp_port: int
    auth_port: int
    token_port: int
    certificates: Certificates
    folder: Path
    programs: dict[str, str]
    host: str = LOOPBACK
    domain: str = DOMAIN
    _child: subprocess.Popen[bytes] | None = None

    def new_mailbox(self, address: str = "", password: str = "secret") -> Mailbox:
        """Make a mailbox that no other test has; the address is the user name, and LMTP delivers to it."""
        address = (address or f"box{os.getpid()}-{next(NAMES)}@{self.domain}").lower()
        home = self.folder / "mail" / address
        home.mkdir()
        owner = pwd.getpwnam(MAIL_USER)
        os.chown(home, owner.pw_uid, owner.pw_gid)
        user = f"{address}:{{PLAIN}}{password}:{owner.pw_uid}:{owner.pw_gid}::{home}::\n"
        (self.folder / "users" / address).write_text(user)
        return Mailbox(server=self, address=address, password=password)

    def start(self) -> None:
        """Start, or start again after `stop`: ports, users and mails stay."""
        command = [self.programs["dovecot"], "-F", "-c", str(self.folder / "dovecot.conf")]
        self._child = start_child(command, log=self.folder / "output")
        eventually(self._is_up, timeout_seconds=30, reason="Dovecot's ports")

    def stop(self) -> None:
        """Stop; every open session is closed."""
        if self._child is not None:
            # The sessions end at once; what takes the master seconds more is of no use to a test.
            stop_child(self._child, wait_seconds=0.3)
            self._child = None

    def doveadm(self, *arguments: str, data: bytes = b"") -> str:
        """Run doveadm on this server and return what it printed."""
        command = [self.programs["doveadm"], "-c", str(self.folder / "dovecot.conf"), *arguments]
        done = subprocess.run(command, input=data, capture_output=True, timeout=30)
        assert done.returncode == 0, f"doveadm {' '.join(arguments)}: {done.stderr.decode(errors='replace')}"
        return done.stdout.decode()

    def processes_of(self, address: str) -> list[psutil.Process]:
        """The imap processes that serve this user now."""
        assert self._child is not None
        found = []
        for process in psutil.Process(self._child.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                title = " ".join(process.cmdline())
                if process.name() == "imap" and f"[{address} " in title:
                    found.append(process)
        return found

    def _is_up(self) -> bool:
        assert self._child is not None
        exit_code = self._child.poll()
        logs = f"{tail(self.folder / 'output')}\n{tail(self.folder / 'log')}"
        assert exit_code is None, f"Dovecot ended with {exit_code}:\n{logs}"
        return all(is_listening(port) for port in (self.imap_port, self.imaps_port, self.lmtp_port))


@dataclass(kw_only=True)
class Mailbox:
    """One user's mailbox, seen from outside: what a test puts into it, and what lies there afterwards."""

    server: DovecotServer
    address: str
    password: str = field(repr=False)

    @contextlib.contextmanager
    def connect(self, folder: str = "") -> Iterator[IMAPClient]:
        """Log in over plain IMAP, with a folder selected if named, and log out at the end."""
        with IMAPClient(self.server.host, port=self.server.imap_port, ssl=False, timeout=30) as client:
            client.login(self.address, self.password)
            if folder:
                client.select_folder(folder)
            yield client

    def append(
        self,
        mail: bytes,
        *,
        folder: str = "INBOX",
        flags: Sequence[str] = (),
        internal_date: datetime | None = None,
    ) -> None:
        """Put a mail into a folder (lines end with CR LF afterwards)."""
        self.append_many([mail], folder=folder, flags=flags, internal_date=internal_date)

    def append_many(
        self,
        mails: Sequence[bytes],
        *,
        folder: str = "INBOX",
        flags: Sequence[str] = (),
        internal_date: datetime | None = None,
    ) -> None:
        """Put mails into a folder, in order, over one connection."""
        with self.connect() as client:
            for mail in mails:
                client.append(folder, with_crlf(mail), [flag.encode() for flag in flags], msg_time=internal_date)

    def create_folder(self, name: str) -> None:
        with self.connect() as client:
            client.create_folder(name)

    def folders(self) -> tuple[str, ...]:
        with self.connect() as client:
            return tuple(sorted(str(name) for _, _, name in client.list_folders()))

    def mails(self, folder: str = "INBOX") -> tuple[StoredMail, ...]:
        """Everything in the folder, by UID, without marking anything as seen."""
        with self.connect() as client:
            client.select_folder(folder, readonly=True)
            answer = client.fetch(client.search(), ["BODY.PEEK[]", "FLAGS"])
        return tuple(
            StoredMail(
                uid=uid,
                content=bytes(data[b"BODY[]"]),
                flags=tuple(sorted(flag.decode() for flag in data[b"FLAGS"])),
            )
            for uid, data in sorted(answer.items())
        )

    def wait_for_mails(
        self, count: int, folder: str = "INBOX", timeout_seconds: float = 15.0
    ) -> tuple[StoredMail, ...]:
        """Return the folder's mails as soon as there are at least that many."""
        reason = f"{count} mails in {self.address}/{folder}"
        eventually(lambda: len(self.mails(folder)) >= count, timeout_seconds=timeout_seconds, reason=reason)
        return self.mails(folder)

    def expunge(self, uids: Sequence[int], folder: str = "INBOX") -> None:
        """Delete these mails for good, as another client would."""
        with self.connect(folder) as client:
            client.delete_messages(uids)
            client.expunge()

    def threads(self, folder: str = "INBOX", algorithm: str = "REFERENCES") -> tuple[object, ...]:
        """Dovecot's own THREAD answer (RFC 5256): nested tuples of UIDs."""
        with self.connect(folder) as client:
            return tuple(client.thread(algorithm=algorithm))

    def uidvalidity(self, folder: str = "INBOX") -> int:
        with self.connect() as client:
            return int(client.folder_status(folder, ["UIDVALIDITY"])[b"UIDVALIDITY"])

    def change_uidvalidity(self, folder: str = "INBOX") -> int:
        """Give the folder another UIDVALIDITY, and its mails new UIDs, as after a restore from a backup."""
        changed = self.uidvalidity(folder) + 1
        self.kick()
        self.server.doveadm("mailbox", "update", "-u", self.address, "--uid-validity", str(changed), folder)
        assert self.uidvalidity(folder) == changed
        return changed

    def kick(self) -> None:
        """Close every open session of this user, politely (BYE)."""
        for process in self.server.processes_of(self.address):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()

    def break_connections(self) -> None:
        """Kill every open session of this user in the middle of whatever it does."""
        for process in self.server.processes_of(self.address):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def wait_for_sessions(self, count: int, timeout_seconds: float = 15.0) -> None:
        """Return when exactly that many sessions of this user are open."""
        reason = f"{count} sessions of {self.address}"
        eventually(
            lambda: len(self.server.processes_of(self.address)) == count,
            timeout_seconds=timeout_seconds,
            reason=reason,
        )

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the open sessions of this user hang, connected but silent, as behind a firewall that forgot them."""
        processes = self.server.processes_of(self.address)
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def running_dovecot(folder: Path, certificates: Certificates) -> Iterator[DovecotServer]:
    """Run a Dovecot in the folder until the end of the block."""
    programs = server_or_skip("dovecot")
    version = subprocess.run([programs["dovecot"], "--version"], capture_output=True, text=True, timeout=10).stdout
    if not version.startswith("2.3."):
        skip_or_fail(f"the tests know how to configure Dovecot 2.3 only, this is {version.strip()}")
    server = DovecotServer(
        imap_port=free_port(),
        imaps_port=free_port(),
        lmtp_port=free_port(),
        auth_port=free_port(),
        token_port=free_port(),
        certificates=certificates,
        folder=folder,
        programs=programs,
    )
    (folder / "mail").mkdir(parents=True)
    (folder / "users").mkdir()
    folder.chmod(0o755)
    configuration = CONFIGURATION.format(
        folder=folder,
        instance=f"tests-{os.getpid()}",
        certificate=certificates.certificate,
        key=certificates.key,
        imap_port=server.imap_port,
        imaps_port=server.imaps_port,
        lmtp_port=server.lmtp_port,
        auth_port=server.auth_port,
    )
    (folder / "dovecot.conf").write_text(configuration)
    (folder / "oauth2.conf").write_text(OAUTH2.format(token_port=server.token_port))
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
