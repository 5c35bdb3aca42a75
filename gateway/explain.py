"""The real decision without the last step: what a mail is and what would happen to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from gateway.compose import CannedAnswers, load_templates
from gateway.defaults_files import default_file
from gateway.desk.facts import gather_facts
from gateway.desk.people import read_secrets
from gateway.desk.raw import read_raw
from gateway.desk.recalling import Recalled, opening_mail, recall, view_then
from gateway.desk.rereading import reread
from gateway.dkim_proof import Lookup, signers_of
from gateway.errors import ConfigurationError, TemporaryFailure
from gateway.intake.envelope import envelope_from_json
from gateway.mail import Attachment, Envelope, Mail, Transport
from gateway.parsing import Parser, Raw
from gateway.policy import Policy, load_policy
from gateway.settings import Settings
from gateway.storage import NoDatabase, existing_database
from gateway.ticket import ALWAYS_FILLED, Authority, Field, TicketType
from gateway.triage.account import Account, account_of, view_of_decision
from gateway.triage.case import known_of
from gateway.triage.classify import classify
from gateway.triage.decide import decide
from gateway.triage.decision import Decision, Notice
from gateway.triage.facts import Facts
from gateway.triage.groups import through_group
from gateway.triage.view import Known, View


@dataclass(frozen=True, kw_only=True)
class Told:
    """A mail with the account of the rules; `account` is None where rules are not asked, and `reasons` say why not.

    `recalled` is what the desk keeps of a stored mail, None for a file.
    """

    policy: Policy
    mail: Mail | None = None
    account: Account | None = None
    recalled: Recalled | None = None
    reasons: tuple[str, ...] = ()


class Explainer:
    """Decides mails with the policy of a folder and, where there is one, what its database knows."""

    def __init__(
        self,
        *,
        policy: Policy,
        parser: Parser,
        secrets: Mapping[int, bytes] | None,
        notes: Sequence[str] = (),
        lookup: Lookup | None = None,
    ) -> None:
        self._policy = policy
        self._parser = parser
        self._secrets = secrets
        self.notes = tuple(notes)
        self._lookup = lookup

    @classmethod
    @contextlib.contextmanager
    def open(cls, settings: Settings, *, candidate: Path | None = None, policy: Policy | None = None) -> Iterator[Self]:
        """An explainer for a folder; without rules.toml there, the shipped rules explain. `notes` say what is missing.

        With a `candidate`, that file explains instead, or a `policy` that was read before. Raises ConfigurationError
        for broken rules.
        """
        rules, notes = candidate or settings.rules_file, []
        if candidate is None and policy is None and not rules.exists():
            rules = default_file("rules.toml")
            notes.append(f"no {settings.rules_file.name} in {settings.folder}: the shipped rules explain")
        policy = (policy or load_policy(rules)).with_answers(CannedAnswers(load_templates(settings.templates_folder)))
        sorting = settings.sorting
        parser = Parser(workers=1, parse_seconds=sorting.parse_seconds, memory_bytes=sorting.parse_memory_bytes)
        with contextlib.ExitStack() as stack:
            stack.callback(parser.close)
            secrets = None
            try:
                stack.enter_context(existing_database(settings))
                secrets = read_secrets()
            except NoDatabase:
                pass  # a desk that has not begun yet knows nothing
            except (ConfigurationError, TemporaryFailure) as error:
                notes.append(f"explained without what the desk knows of tickets: {error}")
            yield cls(policy=policy, parser=parser, secrets=secrets or None, notes=notes)

    def explain(self, contents: Sequence[bytes]) -> list[dict[str, Any]]:
        """One record for each mail, in order."""
        own = (self._policy.desk.address, *self._policy.desk.aliases)
        mails = self._parser.parse_many([self._raw(content) for content in contents], own)
        return [self._explain_one(mail) for mail in mails]

    def explain_one(self, content: bytes, envelope: Envelope) -> dict[str, Any]:
        """The record of a mail that came with an envelope."""
        own = (self._policy.desk.address, *self._policy.desk.aliases)
        (mail,) = self._parser.parse_many([self._raw(content)], own)
        return self._explain_one(mail, envelope)

    @property
    def knows_desk(self) -> bool:
        """Whether there is a database behind it."""
        return self._secrets is not None

    def account(self, content: bytes) -> Told:
        """What the rules make of a mail in a file that comes in now."""
        mail = self._parsed(content)
        now = datetime.now(UTC)
        envelope = Envelope(transport=Transport.FILE, received_at=now, reverse_path=mail.return_path)
        facts = self._facts(mail, envelope, now)
        decision = decide(mail, envelope, facts, self._policy)
        view = view_of_decision(mail, envelope, facts, self._policy, decision)
        ticket = facts.ticket(decision.ticket) if decision.ticket is not None else None
        standing = dict(ticket.authority) if ticket is not None else {}
        return self._told(mail, view, standing, reasons=tuple(map(str, decision.reasons)))

    def account_of_ticket(self, number: int) -> Told | None:
        """The same of the mail that opened a ticket; None where there is no such mail."""
        ledger_id = opening_mail(number)
        return self.account_of_stored(ledger_id) if ledger_id is not None else None

    def account_of_stored(self, ledger_id: int) -> Told | None:
        """What the rules make of a mail of the ledger, with what was known when it came; None where there is none."""
        recalled = recall(ledger_id)
        if recalled is None:
            return None
        content = read_raw(ledger_id)
        if not content:
            return Told(policy=self._policy, recalled=recalled, reasons=("its bytes are gone",))
        own = (self._policy.desk.address, *self._policy.desk.aliases)
        mail = reread(self._parsed(content), own_addresses=own)
        envelope = envelope_from_json(dict(recalled.envelope))
        if recalled.occasion is None:
            reason = "it is no mail that rules are asked about: an agent's answer, or an automatic one"
            return Told(policy=self._policy, mail=mail, recalled=recalled, reasons=(reason,))
        view, standing = view_then(recalled, mail, envelope, self._policy, secrets=self._secrets or {})
        return self._told(mail, view, standing, recalled=recalled)

    def _told(
        self,
        mail: Mail,
        view: View | None,
        standing: Mapping[str, Authority],
        *,
        recalled: Recalled | None = None,
        reasons: tuple[str, ...] = (),
    ) -> Told:
        account = account_of(view, self._policy, standing) if view is not None else None
        return Told(policy=self._policy, mail=mail, account=account, recalled=recalled, reasons=reasons)

    def _parsed(self, content: bytes) -> Mail:
        own = (self._policy.desk.address, *self._policy.desk.aliases)
        (mail,) = self._parser.parse_many([self._raw(content)], own)
        return through_group(mail, self._policy)

    def _raw(self, content: bytes) -> Raw:
        return Raw(content=content, signers=signers_of(self._policy, self._lookup))

    def _explain_one(self, mail: Mail, envelope: Envelope | None = None) -> dict[str, Any]:
        now = datetime.now(UTC)
        mail = through_group(mail, self._policy)
        if envelope is None:
            envelope = Envelope(transport=Transport.FILE, received_at=now, reverse_path=mail.return_path)
        facts = self._facts(mail, envelope, now)
        decision = decide(mail, envelope, facts, self._policy)
        return record(mail, facts, decision, self._policy, known_of(mail, envelope, facts))

    def _facts(self, mail: Mail, envelope: Envelope, now: datetime) -> Facts:
        if self._secrets is None:
            own = mail.sender is not None and self._policy.is_desk_address(mail.sender.address)
            return Facts(now=now, is_own=own)
        return gather_facts(mail, envelope, self._policy, now=now, secrets=self._secrets)


def record(mail: Mail, facts: Facts, decision: Decision, policy: Policy, known: Known) -> dict[str, Any]:
    """A decision as plain values, for `--json` and for people."""
    classification = decision.classification or classify(mail, policy=policy, known=known)
    ticket = facts.ticket(decision.ticket) if decision.ticket is not None else None
    auth = mail.auth
    failed = [one.address for one in mail.report.recipients if one.address] if mail.report else []
    return {
        "kind": decision.kind.value,
        "auto_reply_ok": decision.auto_reply_ok,
        "would_acknowledge": decision.acknowledges,
        "verdict": decision.verdict.value,
        "quarantine": decision.quarantine_code,
        "action": decision.action.value,
        "subject": mail.subject,
        "from": mail.sender.address if mail.sender else "",
        "sender_defects": list(mail.sender_defects),
        "message_id": mail.message_id,
        "addressees": {"to": len(mail.to), "cc": len(mail.cc)},
        "text": mail.text,
        "reply_text": mail.new_text,
        "attachments": [_file(one) for one in (*mail.attachments, *mail.enclosed) if one.is_named],
        "unnamed_parts": [_file(one) for one in mail.attachments if not one.is_named],
        "auth": {"spf": auth.spf, "dkim": auth.dkim, "dmarc": auth.dmarc}
        if auth
        else {"spf": "", "dkim": "", "dmarc": ""},
        "auth_trusted": facts.auth_trusted,
        "bounced": list(dict.fromkeys(failed)),
        "ticket": policy.token(TicketType(ticket.type), ticket.number).strip("[]") if ticket else None,
        **{field.value: classification.get(field) for field in ALWAYS_FILLED if field is not Field.ASSIGNEE},
        "asset": classification.get(Field.ASSET),
        "mail_language": classification.get(Field.LANGUAGE),
        "tags": [value.value for value in classification.all(Field.TAG)],
        "fields": {value.name: value.value for value in classification.all(Field.NAMED)},
        "watchers": [value.value for value in classification.all(Field.WATCHER)],
        "hold": classification.get(Field.HOLD),
        "acknowledge": classification.get(Field.ACKNOWLEDGE),
        "rules": {value.key: value.rule for value in classification.values if value.rule},
        "rules_version": policy.version,
        "reasons": [str(reason) for reason in decision.reasons],
        "mails": [
            {"notice": change.name, "to": change.to.address}
            for change in decision.changes
            if isinstance(change, Notice)
        ],
    }


def _file(one: Attachment) -> dict[str, Any]:
    return {"filename": one.filename, "size": one.size_bytes, "type": one.content_type}
