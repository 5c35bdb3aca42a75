"""The work of `gateway check`: the admin's files, the servers, and what they do to a mail on the way round.

Every function gives facts, in the order in which they are found out; a fact that is bad or has a hint says what to do.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from gateway.compose import load_templates
from gateway.defaults_files import default_file
from gateway.delivery.check import check_relay
from gateway.desk.health import status_record
from gateway.desk.people import read_secrets
from gateway.errors import ConfigurationError, Problem, TemporaryFailure
from gateway.intake.imap_errands import check_connection
from gateway.oauth import Account, Tokens
from gateway.policy import Policy, load_policy
from gateway.policy_keeper import template_problems
from gateway.roundtrip import (
    Arrival,
    LedgerPlace,
    MailboxPlace,
    Probe,
    is_taken,
    make_probe,
    send,
    value_of,
    wait_for,
)
from gateway.settings import Settings
from gateway.storage import NoDatabase, existing_database
from gateway.store.database import bound_database
from gateway.store.queue import owner_name
from gateway.triage.classify import check_examples

_NO_PLUS = "set plus_addresses = false in rules.toml, or let the mail server deliver desk+anything to the desk"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One line of the report. A good one with a hint is a note: mail works, but not as well as it could."""

    name: str
    text: str
    is_good: bool = True
    hint: str = ""


def check_files(settings: Settings) -> tuple[list[Problem], Policy | None]:
    """Every problem of rules.toml, its examples and the templates; the policy when it could be read."""
    try:
        policy = load_policy(settings.rules_file)
    except ConfigurationError as error:
        return error.problems, None
    problems = check_examples(policy)
    problems += template_problems(policy, load_templates(settings.templates_folder, default_file("templates")))
    return problems, policy


def files_facts(problems: list[Problem], policy: Policy | None) -> Iterator[Fact]:
    """What `check_files` has found, a line each."""
    for problem in problems:
        yield Fact(name="files", text=str(problem), is_good=False)
    if policy is not None and not problems:
        counts = {"team": policy.teams, "agent": policy.agents, "rule": policy.rules, "example": policy.examples}
        words = [f"{len(found)} {name}{'' if len(found) == 1 else 's'}" for name, found in counts.items()]
        yield Fact(name="files", text=f"{', '.join(words)} as expected; every template renders")


def check_connections(settings: Settings, policy: Policy | None, *, seconds: int) -> Iterator[Fact]:
    """Try the database, every mailbox and the relay, then send the desk a mail; wait `seconds` for it to come back.

    Without a policy (rules.toml can't be read) the desk's address is unknown: all but that mail is tried.
    """
    keys, database = _database(settings)
    yield database
    tokens = tokens_for_commands(settings)
    tokens_are_good = True
    for told in _token_facts(settings, tokens):
        tokens_are_good &= told.is_good
        yield told
    mailboxes_are_good = True
    for mailbox in settings.mailboxes:
        for found in check_connection(mailbox, account=tokens.account(mailbox.oauth)):
            mailboxes_are_good &= found.is_good
            yield Fact(name=f"mailbox {mailbox.name}", text=f"{found.name}: {found.text}", is_good=found.is_good)
    if not settings.relay.host:
        yield Fact(name="relay", text="none is configured: what the desk sends is put into storage/outgoing")
        yield Fact(name="round trip", text="not tried: it needs a [relay] in gateway.toml")
        return
    relay_is_good = True
    for said in check_relay(settings.relay, account=tokens.account(settings.relay.oauth)):
        relay_is_good &= said.is_good
        yield Fact(name="relay", text=f"{said.name}: {said.text}", is_good=said.is_good)
    if not (database.is_good and tokens_are_good and relay_is_good and mailboxes_are_good):
        yield Fact(name="round trip", text="not tried: what is wrong above comes first", is_good=False)
        return
    if policy is None:
        text = "not tried: rules.toml says which address is the desk's, and can't be read"
        yield Fact(name="round trip", text=text, is_good=False)
        return
    yield from _round_trip(settings, policy, keys, tokens, seconds=seconds)


def _database(settings: Settings) -> tuple[Mapping[int, bytes], Fact]:
    """The keys that mails are sealed with, and whether the database can be used."""
    # Before the first start nobody reads mail here, so that any key will do.
    keys: Mapping[int, bytes] = {1: os.urandom(32)}
    kind = "SQLite" if settings.storage.url.startswith("sqlite:") else "PostgreSQL"
    try:
        with existing_database(settings):
            keys = read_secrets() or keys
    except NoDatabase as error:
        return keys, Fact(name="database", text=f"{kind}: {error}")
    except (ConfigurationError, TemporaryFailure) as error:
        return keys, Fact(name="database", text=str(error), is_good=False)
    return keys, Fact(name="database", text=f"{kind}, can be read")


def tokens_for_commands(settings: Settings) -> Tokens:
    """The accounts for a person who wants to know: each asks anew. A database is used, and none is made."""
    has_database = False
    if settings.oauth:
        with contextlib.suppress(NoDatabase, ConfigurationError, TemporaryFailure), existing_database(settings):
            has_database = True
    return Tokens(
        settings,
        database=bound_database if has_database else None,
        clock=lambda: datetime.now(UTC),
        owner=owner_name(),
        impatient=True,
        fresh=True,
    )


def _token_facts(settings: Settings, tokens: Tokens) -> Iterator[Fact]:
    for name in settings.oauth:
        account = tokens.account(name)
        assert account is not None
        try:
            access = account.access()
        except TemporaryFailure as failure:
            yield Fact(name=f"oauth {name}", text=failure.public_text.removeprefix(f"[oauth.{name}]: "), is_good=False)
        else:
            yield Fact(name=f"oauth {name}", text=f"has a token, good until {access.until:%H:%M} UTC")


def _round_trip(
    settings: Settings, policy: Policy, keys: Mapping[int, bytes], tokens: Tokens, *, seconds: int
) -> Iterator[Fact]:
    with contextlib.ExitStack() as stack:
        places: list[MailboxPlace | LedgerPlace] = []
        try:
            for mailbox in settings.mailboxes:
                if mailbox.role == "inbox":
                    place = MailboxPlace(mailbox, tokens.account(mailbox.oauth))
                    places.append(stack.enter_context(contextlib.closing(place)))
            if _runs_here(settings):
                places.append(stack.enter_context(contextlib.closing(LedgerPlace(settings))))
        except TemporaryFailure as failure:
            yield Fact(name="round trip", text=f"not tried: {failure.public_text}", is_good=False)
            return
        if not places:
            text = "not tried: no [[mailbox]] to find the mail in, and no gateway that runs here"
            yield Fact(name="round trip", text=text, hint="start `gateway serve` and check again")
            return
        newest = max(keys)
        trip = _Trip(settings, policy, newest, keys[newest], places, seconds, tokens.account(settings.relay.oauth))
        yield from trip.run()


def _runs_here(settings: Settings) -> bool:
    """Whether a gateway works on this storage at this moment."""
    try:
        with existing_database(settings):
            return bool(status_record(now=datetime.now(UTC))["workers"])
    except NoDatabase:
        return False


class _Trip:
    """One probe there and back; where its plus address is what keeps it away, a second one to the plain address."""

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        secret_id: int,
        secret: bytes,
        places: list[MailboxPlace | LedgerPlace],
        seconds: int,
        account: Account | None,
    ) -> None:
        self._relay = settings.relay
        self._account = account
        self._desk = policy.desk
        self._secret_id, self._secret = secret_id, secret
        self._places = places
        self._seconds = seconds
        self._sent: list[Probe] = []

    def run(self) -> Iterator[Fact]:
        started = monotonic()
        refusal, arrival = "", None
        if self._desk.plus_addresses:
            refusal, arrival = self._try(plus=True, seconds=self._seconds / 2)
        if arrival is None:
            why, arrival = self._try(plus=False, seconds=self._seconds - (monotonic() - started))
            if arrival is None:
                hint = "look into the junk folder and into the relay's log; --seconds waits longer"
                text = why or f"no mail to {self._desk.address} came within {self._seconds} s"
                yield Fact(name="round trip", text=text, is_good=False, hint=hint)
                return
        yield Fact(name="round trip", text=f"{arrival.place} had the mail after {monotonic() - started:.0f} s")
        yield _plus_fact(arrival, wanted=self._desk.plus_addresses, refusal=refusal)
        yield from survivors(arrival)

    def _try(self, *, plus: bool, seconds: float) -> tuple[str, Arrival | None]:
        """Send one more probe: why it was refused, or what arrived of all that were sent."""
        now = datetime.now(UTC)
        probe = make_probe(self._desk.address, plus=plus, secret_id=self._secret_id, secret=self._secret, now=now)
        answer = send(probe, self._relay, now=now, account=self._account)
        if not is_taken(answer):
            return f"the relay refuses a mail to {probe.recipient}: {answer.reply}", None
        self._sent.append(probe)
        arrival = wait_for(self._sent, self._places, seconds=max(0.0, seconds))
        # Some servers take every address first, and report the unknown ones later.
        if arrival is not None and arrival.is_report:
            return f"a server returns a mail to {probe.recipient}: {_words_of_report(arrival)}", None
        return "", arrival


def _plus_fact(arrival: Arrival, *, wanted: bool, refusal: str) -> Fact:
    probe = arrival.probe
    if not wanted:
        return Fact(name="plus address", text="not tried: plus_addresses = false")
    if not probe.has_plus_address:
        text = f"a mail to one does not arrive, to the plain address it does{f' ({refusal})' if refusal else ''}"
        return Fact(name="plus address", text=text, is_good=False, hint=_NO_PLUS)
    named = [name for name in ("Delivered-To", "X-Original-To", "Envelope-To", "To") if _has(arrival, name, probe.key)]
    if not named:
        text = "the mail arrives, but no header says to which address"
        return Fact(name="plus address", text=text, is_good=False, hint=_NO_PLUS)
    return Fact(name="plus address", text=f"arrives, named in {', '.join(named)}")


def survivors(arrival: Arrival) -> Iterator[Fact]:
    """What of the probe's headers is as it was sent, and what the loss of it means."""
    probe = arrival.probe
    keeps_id = _has(arrival, "Message-ID", probe.message_id)
    keeps_references = _has(arrival, "References", probe.root_id) and _has(arrival, "References", probe.parent_id)
    keeps_answered = _has(arrival, "In-Reply-To", probe.parent_id)
    yield _kept("Message-ID", keeps_id, "replies name another id; they find their ticket by the rest of the thread")
    no_thread = not (keeps_references or keeps_answered)
    hint = "replies find their ticket by their address or by the number in the subject"
    yield Fact(
        name="References",
        text="all of them are there" if keeps_references else "cut or rewritten on the way",
        is_good=not (no_thread and not keeps_id),
        hint="" if keeps_references else hint,
    )
    yield _kept("In-Reply-To", keeps_answered, hint)
    path = value_of(arrival.head, "Return-Path").strip("<> ").lower()
    keeps_path = path == probe.reverse_path.lower()
    text = "as it was sent" if keeps_path else f"now {path or 'not told'} instead of {probe.reverse_path}"
    lost = "" if keeps_path else "bounces are recognised by the ids in them alone"
    yield Fact(name="envelope sender", text=text, hint=lost)
    is_automatic = value_of(arrival.head, "Auto-Submitted").lower().startswith("auto-generated")
    yield _kept("Auto-Submitted", is_automatic, "out-of-offices may answer what the desk sends by itself")
    has_mark = _has(arrival, "X-Helpdesk-Gateway", probe.mark)
    yield _kept("loop mark", has_mark, "the desk knows its own mail by its From address alone")


def _kept(name: str, kept: bool, hint: str) -> Fact:
    return Fact(name=name, text="as it was sent" if kept else "lost or rewritten on the way", hint="" if kept else hint)


def _has(arrival: Arrival, name: str, wanted: str) -> bool:
    return wanted.lower() in value_of(arrival.head, name).lower()


def _words_of_report(arrival: Arrival) -> str:
    """The server's own words in a delivery report (RFC 3464 §2.3.6), else its subject."""
    for line in arrival.text.splitlines():
        if line.lower().startswith("diagnostic-code:"):
            return line.partition(":")[2].strip()[:200]
    return value_of(arrival.head, "Subject")[:200]
