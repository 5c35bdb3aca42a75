"""What is wrong with the running gateway: one table of conditions over what is known of it. Pure.

`gateway status` shows what `alarms` finds at this moment; the timers write it down, and tell the desk's operators when
something has held for `hold_minutes`, and when it has been over for a while. To add one: a function, and a row in
`CONDITIONS`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.phrase import Phrase, say

RED, YELLOW = "red", "yellow"
# How a line of `Health.files_error` begins that is about templates and not about rules.
IN_TEMPLATES = "templates: "
WAITS_LONG_MINUTES = 5
WAITS_TOO_LONG_MINUTES = 60
QUARANTINE_LATE_WORKING_DAYS = 3
QUARANTINE_CAP_BYTES = 5 * 1024**3
QUARANTINE_CAP_MAILS = 50_000
_CAP_PERCENT = 80
_GIBIBYTE = 1024**3


@dataclass(frozen=True, kw_only=True)
class MailboxHealth:
    """A watched mailbox: when it was last read, and the last error where that came later."""

    name: str
    last_ok_at: datetime | None
    first_contact_at: datetime | None = None
    error: str = ""
    is_watched: bool = True


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Room on the disk of the database, and the limit under which new mail is put off."""

    free_bytes: int
    limit_bytes: int


@dataclass(frozen=True, kw_only=True)
class HeartbeatMail:
    """The desk's mail to itself: `since` it is sent, when it last came back, and how long that took."""

    since: datetime
    last_back_at: datetime | None
    seconds: int | None
    missing_minutes: int


@dataclass(frozen=True, kw_only=True)
class QuarantineHealth:
    """What waits: `count` of all that a person should see, `late` of those for more than three working days."""

    count: int = 0
    late: int = 0
    all_mails: int = 0
    all_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Health:
    """What is known of the gateway at `now`. Ages are those of the oldest that waits, in whole minutes.

    `died` names processes of this host that are gone without having said so, `logins` the accounts that get no token.
    `border` is what is wrong with the tests of `gateway doctor`, `border_lost` the ways in that are no longer believed.
    """

    now: datetime
    is_running: bool
    died: tuple[str, ...] = ()
    files_error: str = ""
    relay_error: str = ""
    mailboxes: tuple[MailboxHealth, ...] = ()
    mailbox_minutes: int = 15
    logins: Mapping[str, str] = field(default_factory=dict)
    ledger_failed: int = 0
    ledger_minutes: int = 0
    outbox_held: int = 0
    outbox_failed: int = 0
    outbox_minutes: int = 0
    quarantine: QuarantineHealth = QuarantineHealth()
    disk: Disk | None = None
    heartbeat: HeartbeatMail | None = None
    border: tuple[str, ...] = ()
    border_lost: tuple[str, ...] = ()


Found = Iterator[tuple[str, Phrase]]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """`find` yields what is wrong in words, each with what tells it from others of the same code (a mailbox, or "").

    Red is for what a person must act on, yellow for what is worth a look tomorrow. The operators get a mail once it has
    held for `hold_minutes`; never where that is None, since others are told (agents, the quarantine's keepers) or no
    gateway runs that could. `hint` is the command that shows more; with `for_admins` those who tune the rules hear it
    too.
    """

    code: str
    colour: str
    hold_minutes: int | None
    what: str
    find: Callable[[Health], Found]
    hint: str = ""
    for_admins: bool = False


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One thing that is wrong."""

    condition: Condition
    about: str
    words: Phrase

    @property
    def code(self) -> str:
        return self.condition.code

    @property
    def colour(self) -> str:
        return self.condition.colour

    @property
    def text(self) -> str:
        """In English, with the command that shows more."""
        return f"{self.words} ({self.condition.hint})" if self.condition.hint else str(self.words)


def alarms(health: Health) -> tuple[Alarm, ...]:
    """Everything that is wrong, in the order of the table."""
    return tuple(
        Alarm(condition=condition, about=about, words=words)
        for condition in CONDITIONS.values()
        for about, words in condition.find(health)
    )


def _died(health: Health) -> Found:
    for who in health.died:
        yield who, say("the gateway {who} died without stopping", who=who)


def _not_running(health: Health) -> Found:
    if not health.is_running:
        yield "", say("no gateway is running")


def _files(health: Health) -> Found:
    lines = health.files_error.splitlines()
    rules = "\n".join(line for line in lines if not line.startswith(IN_TEMPLATES))
    if rules:
        yield "", say("changed rules were refused, those of before stay in force: {error}", error=rules)
    for error in (line.removeprefix(IN_TEMPLATES) for line in lines if line.startswith(IN_TEMPLATES)):
        yield "templates", say("a template is broken, mails of it are held: {error}", error=error)


def _mailbox(health: Health) -> Found:
    for box in health.mailboxes:
        if box.error:
            yield box.name, say("mailbox {name} can't be read: {error}", name=box.name, error=box.error)


def _mailbox_silent(health: Health) -> Found:
    for box in health.mailboxes:
        minutes = _minutes(box.last_ok_at, health.now)
        if not box.error and box.is_watched and minutes >= health.mailbox_minutes:
            yield (
                box.name,
                say("mailbox {name} has not been read for {minutes} minutes", name=box.name, minutes=minutes),
            )


def _login(health: Health) -> Found:
    for name, error in sorted(health.logins.items()):
        yield name, say("the login {name} fails: {error}", name=name, error=error)


def _relay(health: Health) -> Found:
    if health.relay_error:
        yield "", say("the relay takes no mail: {error}", error=health.relay_error)


def _counted(count: int, one: Phrase, many: Phrase) -> Phrase:
    return one if count == 1 else many


def _ledger_failed(health: Health) -> Found:
    if health.ledger_failed:
        many = say("{count} mails failed", count=health.ledger_failed)
        yield "", _counted(health.ledger_failed, say("one mail failed"), many)


def _outbox_held(health: Health) -> Found:
    if health.outbox_held:
        many = say("{count} outgoing mails are held", count=health.outbox_held)
        yield "", _counted(health.outbox_held, say("one outgoing mail is held"), many)


def _outbox_refused(health: Health) -> Found:
    if health.outbox_failed:
        many = say("{count} outgoing mails were refused", count=health.outbox_failed)
        yield "", _counted(health.outbox_failed, say("one outgoing mail was refused"), many)


def _ledger_waits(since: int, until: int = sys.maxsize) -> Callable[[Health], Found]:
    """The oldest mail that is not sorted has waited for so many minutes."""

    def find(health: Health) -> Found:
        if since <= health.ledger_minutes < until:
            yield "", say("a mail has waited to be sorted for {minutes} minutes", minutes=health.ledger_minutes)

    return find


def _outbox_waits(since: int, until: int = sys.maxsize) -> Callable[[Health], Found]:
    """The oldest mail that is not sent has waited for so many minutes."""

    def find(health: Health) -> Found:
        if since <= health.outbox_minutes < until:
            yield "", say("a mail has waited to be sent for {minutes} minutes", minutes=health.outbox_minutes)

    return find


def _quarantine_late(health: Health) -> Found:
    if count := health.quarantine.late:
        one = say("one mail has waited in quarantine for more than three working days")
        many = say("{count} mails have waited in quarantine for more than three working days", count=count)
        yield "", _counted(count, one, many)


def _quarantine(health: Health) -> Found:
    if health.quarantine.count and not health.quarantine.late:
        count = health.quarantine.count
        many = say("{count} mails wait in quarantine", count=count)
        yield "", _counted(count, say("one mail waits in quarantine"), many)


def _quarantine_large(health: Health) -> Found:
    kept = health.quarantine
    by_size, by_count = kept.all_bytes * 100 // QUARANTINE_CAP_BYTES, kept.all_mails * 100 // QUARANTINE_CAP_MAILS
    if max(by_size, by_count) >= _CAP_PERCENT:
        size = f"{kept.all_bytes / _GIBIBYTE:.1f} GiB"
        yield "", say("the quarantine is large: {count} mails, {size}", count=kept.all_mails, size=size)


def _disk_full(health: Health) -> Found:
    disk = health.disk
    if disk is not None and disk.free_bytes < disk.limit_bytes:
        left = f"{disk.free_bytes / _GIBIBYTE:.1f} GiB"
        yield "", say("the disk is full: {left} left, new mail is put off", left=left)


def _disk_fills(health: Health) -> Found:
    disk = health.disk
    if disk is not None and disk.limit_bytes <= disk.free_bytes < 2 * disk.limit_bytes:
        yield "", say("the disk fills: {left} left", left=f"{disk.free_bytes / _GIBIBYTE:.1f} GiB")


def _heartbeat(health: Health) -> Found:
    beat = health.heartbeat
    if beat is None:
        return
    minutes = _minutes(max(beat.since, beat.last_back_at or beat.since), health.now)
    if minutes >= beat.missing_minutes:
        yield "", say("the desk's mail to itself has not come back for {minutes} minutes", minutes=minutes)


def _border(health: Health) -> Found:
    for trouble in health.border:
        if not trouble.startswith(health.border_lost):
            yield trouble.partition(":")[0], say("{trouble}", trouble=trouble)


def _border_lost(health: Health) -> Found:
    for intake in health.border_lost:
        yield intake, say("Authentication-Results by {intake} are no longer believed", intake=intake)


def _minutes(since: datetime | None, now: datetime) -> int:
    """Whole minutes from then to now; 0 where there is no then."""
    return 0 if since is None else int((now - since).total_seconds() // 60)


def _red(code: str, find: Callable[[Health], Found], hold_minutes: int | None, what: str, hint: str = "") -> Condition:
    return Condition(code=code, colour=RED, find=find, hold_minutes=hold_minutes, what=what, hint=hint)


def _yellow(code: str, find: Callable[[Health], Found], what: str, hint: str = "") -> Condition:
    return Condition(code=code, colour=YELLOW, find=find, hold_minutes=None, what=what, hint=hint)


_FILES_REFUSED = Condition(
    code="files-refused",
    colour=YELLOW,
    find=_files,
    hold_minutes=1,
    what="changed rules were refused, or a template is broken; the desk goes on with what it had",
    for_admins=True,
)

CONDITIONS: Mapping[str, Condition] = {
    condition.code: condition
    for condition in (
        # Does it run, with the files that its admin means?
        _red("not-running", _not_running, None, "no gateway runs"),
        _red("died", _died, None, "a process of this host is gone and has not said so"),
        _FILES_REFUSED,
        # In
        _red("mailbox", _mailbox, 5, "a mailbox can't be read: login, TLS, network"),
        _red("mailbox-silent", _mailbox_silent, 0, "no successful look into a mailbox for `mailbox_minutes`"),
        _red("login", _login, 2, "no new token for an `[oauth]` account"),
        _red("disk-full", _disk_full, 1, "so little is free that new mail is put off (452)"),
        _yellow("disk-fills", _disk_fills, "less than twice of that is free"),
        # Between
        _red("ledger-failed", _ledger_failed, 2, "mails failed", "gateway ledger list --state failed"),
        _red("ledger-old", _ledger_waits(WAITS_TOO_LONG_MINUTES), 0, "a mail has waited to be sorted for an hour"),
        _yellow("ledger-slow", _ledger_waits(WAITS_LONG_MINUTES, WAITS_TOO_LONG_MINUTES), "… for 5 minutes"),
        # Out
        _red("relay", _relay, 5, "the relay takes no mail: network, TLS, login"),
        _red("outbox-held", _outbox_held, 2, "outgoing mails are held", "gateway outbox list --state held"),
        _red("outbox-old", _outbox_waits(WAITS_TOO_LONG_MINUTES), 0, "a mail has waited to be sent for an hour"),
        _yellow("outbox-slow", _outbox_waits(WAITS_LONG_MINUTES, WAITS_TOO_LONG_MINUTES), "… for 5 minutes"),
        _yellow("outbox-refused", _outbox_refused, "mails were refused for good", "gateway outbox list --state failed"),
        # What waits for a person
        _red(
            "quarantine-late",
            _quarantine_late,
            0,
            "a mail has waited for three working days",
            "gateway quarantine list",
        ),
        _yellow("quarantine", _quarantine, "mails wait in quarantine", "gateway quarantine list"),
        _red(
            "quarantine-large",
            _quarantine_large,
            0,
            "the quarantine holds 80 % of 50,000 mails or of 5 GiB",
            "gateway quarantine stats",
        ),
        # Whom the desk believes
        _yellow("border", _border, "a test of `gateway doctor` is missing, or expires soon", "gateway doctor"),
        _red("border-lost", _border_lost, 0, "a test of `gateway doctor` has expired or failed", "gateway doctor"),
        # The whole way round
        _red("heartbeat", _heartbeat, 0, "the desk's mail to itself has not come back for `heartbeat_missing_minutes`"),
    )
}
