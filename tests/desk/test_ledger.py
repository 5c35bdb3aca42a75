"""The outcome of a decision in the row of its mail: what is kept of it, and whose row it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import peewee
import pytest

from gateway.desk.ledger import LeaseLost, decision_as_json, write_decision
from gateway.mail import Address, MailKind, Reason, Verdict
from gateway.store.database import connection, migrate, open_database
from gateway.store.queue import Claim, claim
from gateway.store.states import LedgerState, Outcome
from gateway.store.tables import Contact, Ledger, Ticket
from gateway.ticket import Authority, Classification, Field, FieldValue, Role, Visibility
from gateway.triage.decision import Action, Decision, LinkTicket, NoteHeartbeat, Notice, OpenTicket, PostMessage, Record
from tests.desk.harness import policy_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ERIKA = Address(address="erika@example.com", name="Erika Muster")
MADE = Classification(
    values=tuple(
        FieldValue(field=field, value=value, authority=Authority.RULE, rule="vpn")
        for field, value in ((Field.TYPE, "incident"), (Field.PRIORITY, "P2"), (Field.TEAM, "network"))
    )
)


@pytest.fixture
def database(database_url: str) -> Iterator[peewee.Database]:
    opened = open_database(database_url)
    with connection(opened):
        migrate(opened, now=NOW)
        yield opened


def decision(action: Action = Action.OPEN, **values: Any) -> Decision:
    made: dict[str, Any] = {
        "kind": MailKind.NEW,
        "verdict": Verdict.ACCEPT,
        "action": action,
        "reasons": (Reason(code="new", text="a new matter"),),
    }
    return Decision(**(made | values))


def opened(language: str) -> OpenTicket:
    return OpenTicket(requester=ERIKA, subject="VPN", language=language, classification=MADE)


def claimed_mail(database: peewee.Database) -> Claim:
    Ledger.create(
        received_at=NOW,
        transport="smtp",
        envelope={},
        size_bytes=1,
        sha256=b"s",
        digest=b"d",
        part_count=1,
        state=LedgerState.WAITING,
        error="it broke before",
    )
    (taken,) = claim(database, Ledger, owner="one", now=NOW, limit=1)
    return taken


def ticket_of(contact: Contact, number: int = 1042) -> Ticket:
    fields = {"type": "incident", "status": "new", "impact": "low", "urgency": "low", "priority": "P4", "team": "desk"}
    more = {"fields": {}, "policy_version": "1", "desk_address": "helpdesk@example.com", "subject": "VPN"}
    return Ticket.create(number=number, requester=contact, opened_at=NOW, updated_at=NOW, **fields, **more)


@pytest.mark.parametrize(
    ("action", "state", "outcome"),
    [
        (Action.OPEN, LedgerState.DONE, Outcome.OPENED),
        (Action.APPEND, LedgerState.DONE, Outcome.APPENDED),
        (Action.HOLD, LedgerState.DONE, Outcome.HELD),
        (Action.FILE, LedgerState.DONE, Outcome.FILED),
        (Action.QUARANTINE, LedgerState.QUARANTINED, Outcome.NONE),
    ],
)
def test_every_action_has_its_state_and_outcome(
    database: peewee.Database, action: Action, state: LedgerState, outcome: Outcome
) -> None:
    taken = claimed_mail(database)
    code = "storm" if action is Action.QUARANTINE else ""
    write_decision(taken, decision(action, quarantine_code=code), None, policy=policy_of(), now=NOW)
    row = Ledger.get_by_id(taken.id)
    assert (row.state, row.outcome, row.reason_code) == (state, outcome, code)
    assert (row.decided_at, row.error, row.lease_owner, row.lease_until) == (NOW, "", "", None)
    assert row.ticket is None and row.decision["ticket"] is None


def test_the_row_names_the_ticket_and_the_decision_its_number(database: peewee.Database) -> None:
    taken, ticket = claimed_mail(database), ticket_of(Contact.create(address=ERIKA.address, first_seen_at=NOW))
    write_decision(taken, decision(), ticket, policy=policy_of(), now=NOW)
    row = Ledger.get_by_id(taken.id)
    assert (row.ticket_id, row.decision["ticket"]) == (ticket.id, 1042)


def test_who_lost_the_mail_writes_nothing(database: peewee.Database) -> None:
    taken = claimed_mail(database)
    late = Claim(id=taken.id, attempt=taken.attempt - 1, owner=taken.owner, until=taken.until)
    with pytest.raises(LeaseLost, match=str(taken.id)):
        write_decision(late, decision(), None, policy=policy_of(), now=NOW)
    assert Ledger.get_by_id(taken.id).state == "waiting"


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ("", (opened("de"),), "de"),
        ("fr", (opened("de"),), "fr"),
        ("", (opened(""),), ""),
        ("", (), ""),
    ],
)
def test_whoever_opens_a_ticket_in_a_language_reads_it_and_the_first_stays(
    database: peewee.Database, before: str, changes: tuple[Any, ...], after: str
) -> None:
    taken = claimed_mail(database)
    erika = Contact.create(address=ERIKA.address, first_seen_at=NOW, language=before)
    somebody = Contact.create(address="other@example.com", first_seen_at=NOW)
    write_decision(taken, decision(changes=changes), ticket_of(erika), policy=policy_of(), now=NOW)
    assert Contact.get_by_id(erika.id).language == after
    assert Contact.get_by_id(somebody.id).language == ""


def test_a_language_that_somebody_else_wrote_meanwhile_stays(database: peewee.Database) -> None:
    taken = claimed_mail(database)
    erika = Contact.create(address=ERIKA.address, first_seen_at=NOW)
    ticket = ticket_of(erika)
    assert ticket.requester.language == ""
    Contact.update(language="fr").execute()
    write_decision(taken, decision(changes=(opened("de"),)), ticket, policy=policy_of(), now=NOW)
    assert Contact.get_by_id(erika.id).language == "fr"


def test_a_language_without_a_ticket_is_nobodys(database: peewee.Database) -> None:
    taken = claimed_mail(database)
    write_decision(taken, decision(changes=(opened("de"),)), None, policy=policy_of(), now=NOW)
    assert Ledger.get_by_id(taken.id).state == "done"


def test_what_is_kept_says_what_was_decided_why_and_who_was_told() -> None:
    changes = (
        Notice(name="acknowledgement", to=ERIKA, role=Role.REQUESTER),
        Record(kind="suppressed", text="too many"),
    )
    policy = policy_of()
    kept = decision_as_json(decision(changes=changes, classification=MADE), policy)
    fields = kept.pop("fields")
    assert kept == {
        "kind": "new",
        "verdict": "accept",
        "action": "open",
        "reasons": [["new", "a new matter"]],
        "acknowledged": True,
        "policy": policy.version,
        "notices": [["acknowledgement", "erika@example.com"]],
        "records": ["suppressed"],
    }
    assert isinstance(fields, list) and len(fields) == 3 and all("“vpn”" in line for line in fields)
    assert decision_as_json(decision(), policy)["fields"] == []


def test_what_rules_did_beside_filling_the_ticket_is_kept_for_a_replay() -> None:
    watcher = FieldValue(
        field=Field.WATCHER, value="yes", authority=Authority.RULE, rule="boss", name="dora@example.com"
    )
    made = Classification(values=(*MADE.values, watcher))
    kept = decision_as_json(decision(classification=made), policy_of())
    assert kept["beside"] == {"watchers.dora@example.com": ["yes", "rule", "boss"]}
    assert "beside" not in decision_as_json(decision(classification=MADE), policy_of())


def test_the_desks_mail_to_itself_is_found_again_by_its_code(database: peewee.Database) -> None:
    taken = claimed_mail(database)
    changes = (NoteHeartbeat(sent_at=NOW),)
    write_decision(taken, decision(Action.FILE, changes=changes), None, policy=policy_of(), now=NOW)
    assert Ledger.get_by_id(taken.id).reason_code == "heartbeat"


def quarantined(**values: Any) -> Any:
    return decision_as_json(decision(Action.QUARANTINE, if_released=decision(**values)), policy_of())["quarantine"]


def post(author: Address | None, subject: str = "Re: [INC-7] VPN") -> PostMessage:
    return PostMessage(
        author=author, author_role="requester", visibility=Visibility.PUBLIC, text="It broke.", subject=subject
    )


def test_of_a_quarantined_mail_the_digest_can_tell_who_wrote_what_and_what_a_release_would_do(
    database: peewee.Database,
) -> None:
    assert quarantined(changes=(opened("de"), post(ERIKA)), classification=MADE) == {
        "sender": "erika@example.com",
        "name": "Erika Muster",
        "subject": "Re: [INC-7] VPN",
        "release": {"action": "open", "token": "", "team": "network", "type": "incident", "priority": "P2"},
    }


def test_a_quarantined_mail_without_a_text_is_its_actors(database: peewee.Database) -> None:
    nothing = {"action": "file", "token": "", "team": "", "type": "", "priority": ""}
    assert quarantined(action=Action.FILE, actor="eve@example.net") == {
        "sender": "eve@example.net",
        "name": "",
        "subject": "",
        "release": nothing,
    }
    assert quarantined(changes=(post(None),), actor="eve@example.net")["sender"] == "eve@example.net"


def test_a_release_names_the_ticket_that_it_would_go_to_or_be_linked_with(database: peewee.Database) -> None:
    contact = Contact.create(address=ERIKA.address, first_seen_at=NOW)
    ticket_of(contact)
    ticket_of(contact, number=1043)
    assert quarantined(action=Action.APPEND, ticket=1042)["release"]["token"] == "[INC-1042]"
    link = LinkTicket(number=1043, kind="claimed")
    assert quarantined(changes=(link,), ticket=1042)["release"]["token"] == "[INC-1043]"
    assert quarantined(ticket=9)["release"]["token"] == ""
