"""A private Postfix with its own queue and configuration, on free loopback ports: the relay and the MX of our tests.

Where it delivers is fixed at the start, by recipient; what listens there is the test's business:

- `helpdesk@example.com` (and its plus addresses) goes by SMTP to `desk_smtp_port`: the gateway as content of an MX;
- everything at `lmtp.example.com` goes by LMTP to `desk_lmtp_port`;
- everything at `box.example.com` goes to the Dovecot of the session;
- everything else goes by SMTP to `sink_port`: the rest of the world.
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.dovecot import DovecotServer
from tests.servers.ports import LOOPBACK, free_port
from tests.servers.processes import start_child, stop_child, tail
from tests.servers.require import server_or_skip
from tests.servers.waiting import eventually, is_listening

OWNER = "postfix"
SUBMISSION_GROUP = "postdrop"
DESK_ADDRESS = "helpdesk@example.com"
LMTP_DOMAIN = "lmtp.example.com"

# What `postfix check` would make in two seconds: does it belong to the mail owner, to the submission group; its mode.
PRIVATE_QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "trace")
QUEUE_FOLDERS = {
    **dict.fromkeys(PRIVATE_QUEUES, (True, False, 0o700)),
    "maildrop": (True, True, 0o730),
    "public": (True, True, 0o710),
    "pid": (False, False, 0o755),
}

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mx.example.net
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
recipient_delimiter = +
smtputf8_enable = yes
message_size_limit = {size_limit_bytes}
in_flow_delay = 0s
smtpd_error_sleep_time = 0s
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_connection_cache_on_demand = no
smtp_tls_security_level = none
transport_maps = texthash:{folder}/etc/transport
default_transport = smtp:[127.0.0.1]:{sink_port}
relay_transport = smtp:[127.0.0.1]:{sink_port}
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_loglevel = 1
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth_port}
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject
# A test tries again in a second where a real relay waits for minutes.
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
"""

MASTER = """\
{port}            inet  n       -       n       -       -       smtpd
{submission_port} inet  n       -       n       -       -       smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
{smtps_port}      inet  n       -       n       -       -       smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
lmtp      unix  -       -       n       -       -       lmtp
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
showq     unix  n       -       n       -       -       showq
postlog   unix-dgram n  -       n       -       1       postlogd
"""


@dataclass(kw_only=True)
class PostfixServer:
    """The running server.

    `port` takes mail from loopback without a password (STARTTLS offered), `submission_port` demands STARTTLS and the
    name and password of a Dovecot mailbox, `smtps_port` the same with TLS from the start.
    """

    port: int
    submission_port: int
    smtps_port: int
    sink_port: int
    desk_smtp_port: int
    desk_lmtp_port: int
    folder: Path
    programs: dict[str, str]
    host: str = LOOPBACK
    size_limit_bytes: int = 60_000_000
    _child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, or start again after `stop`: ports and queue stay."""
        master = str(_daemons() / "master")
        environ = {**os.environ, "MAIL_CONFIG": str(self.folder / "etc")}
        command = [master, "-d", "-c", str(self.folder / "etc")]
        self._child = start_child(command, log=self.folder / "output", environ=environ)
        eventually(self._is_up, timeout_seconds=30, reason="Postfix's ports")

    def stop(self) -> None:
        """Stop; when this returns nothing listens any more, a child that was just born included."""
        if self._child is not None:
            stop_child(self._child)
            self._child = None
            eventually(lambda: not self._listens(any), timeout_seconds=10, reason="Postfix's ports to be free")

    def queue(self) -> tuple[dict[str, object], ...]:
        """What waits in the queue, as `postqueue -j` tells it (queue_name, sender, recipients with delay_reason …)."""
        lines = self._command("postqueue", "-j").splitlines()
        return tuple(json.loads(line) for line in lines if line.strip())

    def wait_until_queued(self, count: int = 1, timeout_seconds: float = 15.0) -> None:
        """Return when that many mails wait for another try."""
        eventually(
            lambda: sum(mail["queue_name"] == "deferred" for mail in self.queue()) == count,
            timeout_seconds=timeout_seconds,
            reason=f"{count} deferred mails; {self.log()}",
        )

    def wait_until_empty(self, timeout_seconds: float = 15.0) -> None:
        """Return when every mail has been delivered or returned."""
        eventually(lambda: not self.queue(), timeout_seconds=timeout_seconds, reason=f"an empty queue; {self.log()}")

    def flush(self) -> None:
        """Try everything that waits at once."""
        self._command("postqueue", "-f")

    def forget_queue(self) -> None:
        """Delete everything that waits."""
        self._command("postsuper", "-d", "ALL")

    def log(self, lines: int = 30) -> str:
        return tail(self.folder / "log", lines)

    def _command(self, name: str, *arguments: str) -> str:
        command = [self.programs[name], "-c", str(self.folder / "etc"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{name} {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def _is_up(self) -> bool:
        assert self._child is not None
        exit_code = self._child.poll()
        assert exit_code is None, f"Postfix ended with {exit_code}:\n{tail(self.folder / 'output')}\n{self.log()}"
        return self._listens(all)

    def _listens(self, quantity: Callable[[Iterable[bool]], bool]) -> bool:
        return quantity(is_listening(port) for port in (self.port, self.submission_port, self.smtps_port))


@contextlib.contextmanager
def running_postfix(folder: Path, dovecot: DovecotServer) -> Iterator[PostfixServer]:
    """Run a Postfix in the folder until the end of the block; Dovecot knows the passwords."""
    programs = server_or_skip("postfix")
    server = PostfixServer(
        port=free_port(),
        submission_port=free_port(),
        smtps_port=free_port(),
        sink_port=free_port(),
        desk_smtp_port=free_port(),
        desk_lmtp_port=free_port(),
        folder=folder,
        programs=programs,
    )
    _write_configuration(server, dovecot)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _write_configuration(server: PostfixServer, dovecot: DovecotServer) -> None:
    folder = server.folder
    for name in ("etc", "spool", "data"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    owner = pwd.getpwnam(OWNER)
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    main = MAIN.format(
        folder=folder,
        daemons=_daemons(),
        sink_port=server.sink_port,
        auth_port=dovecot.auth_port,
        certificate=dovecot.certificates.certificate,
        key=dovecot.certificates.key,
        size_limit_bytes=server.size_limit_bytes,
    )
    master = MASTER.format(port=server.port, submission_port=server.submission_port, smtps_port=server.smtps_port)
    routes = {
        DESK_ADDRESS: f"smtp:[{LOOPBACK}]:{server.desk_smtp_port}",
        LMTP_DOMAIN: f"lmtp:inet:{LOOPBACK}:{server.desk_lmtp_port}",
        dovecot.domain: f"lmtp:inet:{LOOPBACK}:{dovecot.lmtp_port}",
    }
    files = {
        "main.cf": main,
        "master.cf": master,
        "transport": "".join(f"{name} {to}\n" for name, to in routes.items()),
    }
    for name, text in files.items():
        (folder / "etc" / name).write_text(text)
        # Postfix waits until a file is some seconds old, in case somebody is still writing it.
        os.utime(folder / "etc" / name, (0, 0))
    group = grp.getgrnam(SUBMISSION_GROUP)
    for name, (user, its_group, mode) in QUEUE_FOLDERS.items():
        path = folder / "spool" / name
        path.mkdir()
        os.chown(path, owner.pw_uid if user else 0, group.gr_gid if its_group else 0)
        path.chmod(mode)


def _daemons() -> Path:
    """Where this system keeps Postfix's daemons: Debian's place first."""
    for place in ("/usr/lib/postfix/sbin", "/usr/libexec/postfix", "/usr/lib/postfix"):
        if (Path(place) / "master").exists():
            return Path(place)
    raise RuntimeError("postfix is installed, but its master daemon is in none of the usual places")
