"""Values made by hand for the pure tests: a policy, a ticket, a mail, facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from gateway.keys import ReplyKey
from gateway.mail import Address, Envelope, Mail, Passage, PassageRole, Transport
from gateway.policy import Policy, parse_policy
from gateway.ticket import Role, Status, TicketType
from gateway.triage.facts import Evidence, Facts, KeyFact, Person, ReferenceFact, TicketFacts, TokenFact

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DESK, ERIKA, DORA, ANNA, BEN = (f"{name}@example.com" for name in ("helpdesk", "erika", "dora", "anna", "ben"))
EVE = "eve@evil.example"
ENVELOPE = Envelope(transport=Transport.SMTP, received_at=NOW, reverse_path=ERIKA, recipients=(DESK,))


@cache
def policy(desk: str = "", more: str = "") -> Policy:
    return parse_policy(
        f"""
[desk]
address = "{DESK}"
own_domains = ["example.com"]
{desk}
[[team]]
name = "desk"
[[team]]
name = "network"
[[agent]]
name = "Anna Agent"
address = "{ANNA}"
other_addresses = ["anna@home.example"]
teams = ["desk"]
[[agent]]
name = "Ben Helper"
address = "{BEN}"
teams = ["network"]
{more}
""",
        "rules.toml",
    )


def ticket(number: int = 1001, **values: Any) -> TicketFacts:
    made: dict[str, Any] = {
        "number": number,
        "type": TicketType.INCIDENT,
        "status": Status.IN_PROGRESS,
        "subject": "VPN",
        "requester": Person(id=1, address=ERIKA, name="Erika Muster"),
        "watchers": (Person(id=2, address=DORA),),
        "opened_at": NOW - timedelta(days=1),
        "updated_at": NOW - timedelta(hours=1),
        "team": "desk",
    }
    return TicketFacts(**(made | values))


def mail(sender: str = ERIKA, text: str = "Hello", **values: Any) -> Mail:
    made: dict[str, Any] = {
        "size_bytes": 100,
        "message_id": "<1@client.example>",
        "subject": "Re: VPN",
        "sender": Address(address=sender) if sender else None,
        "to": (Address(address=DESK),),
        "in_reply_to": ("<0@example.com>",),
        "headers": (("from", sender), ("to", DESK), ("subject", "Re: VPN"), ("in-reply-to", "<0@example.com>")),
        "passages": (Passage(role=PassageRole.NEW, text=text),),
    }
    return Mail(**(made | values))


def key(number: int = 1001, holder: str = ERIKA, role: Role = Role.REQUESTER, **values: Any) -> KeyFact:
    sealed = ReplyKey(ticket=number, person=1, role=role, issued_on=date(2026, 3, 1))
    made: dict[str, Any] = {"evidence": Evidence.RECIPIENT_KEY, "key": sealed, "ticket": number, "holder": holder}
    return KeyFact(**(made | values))


def reference(number: int = 1001, *named: str, **values: Any) -> ReferenceFact:
    return ReferenceFact(message_id=f"<{number}@example.com>", ticket=number, named=frozenset(named), **values)


def token(number: int = 1001, evidence: Evidence = Evidence.SUBJECT_TOKEN) -> TokenFact:
    return TokenFact(evidence=evidence, token=f"INC-{number}", ticket=number)


def facts(**values: Any) -> Facts:
    made: dict[str, Any] = {"now": NOW, "named_tickets": (ticket(),)}
    return Facts(**(made | values))
