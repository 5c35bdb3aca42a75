"""What went to and fro lately between the desk and one address: what the limits are held against.

Values only; `desk.traffic` reads them, `restraint` judges by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

# What the desk writes to people by itself; agents' words and the notices to agents are not among it.
TO_PEOPLE: Final = frozenset({"acknowledgement", "closing", "update", "status", "guide", "noted"})
# What it answers to a word of theirs, or to a mail that comes once more.
ASKED_FOR: Final = ("status", "guide", "noted")
# A machine asks for none of these, so what comes after one is no machine's answer.
ASKED_BY_WORD: Final = frozenset({"status", "guide"})
# What it answers to agents by itself. Their notices are news, and merge when there are many; these answer a mail.
TO_AGENTS: Final = frozenset({"question", "confirmation", "result", "listing", "pace"})
# Of these, what an agent asks for by a command; and what says that it was enough for this hour.
ANSWERS: Final = frozenset({"result", "listing"})
PACE: Final = "pace"
# What tells an agent that a mail was held.
HELD: Final = "question"

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
TEN_MINUTES: Final = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class AutomaticMail:
    """One automatic mail to an address; `sent_at` is None until the relay has it, `ticket` the ticket's number."""

    notice: str
    ticket: int | None
    at: datetime
    sent_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """One address. `automatic` holds the last day; `opened`, when the mails arrived that opened tickets, the last hour.

    `recent` are the numbers of the tickets opened in the hours within which the same matter is one ticket.
    `repeated` is how often exactly this subject and text came from there in the last ten minutes; `alike`, of a reply
    that comes at once after an automatic mail, how many of their messages of the last day read like it; `same`, of an
    agent's mail on a ticket on which several were held, how many of them say exactly that, numbers apart.
    """

    address: str
    automatic: tuple[AutomaticMail, ...] = ()
    opened: tuple[datetime, ...] = ()
    recent: tuple[int, ...] = ()
    repeated: int = 0
    alike: int = 0
    same: int = 0
    bounced_at: datetime | None = None
    muted_until: datetime | None = None
    flooding_until: datetime | None = None
    quick_replies: int = 0
    quick_reply_at: datetime | None = None

    def count(self, notice: str, *, since: datetime) -> int:
        """How many mails of one kind it was sent since then."""
        return sum(mail.notice == notice and mail.at > since for mail in self.automatic)

    def count_on(self, ticket: int | None, *, since: datetime) -> int:
        """How many automatic mails it was sent on one ticket since then."""
        return sum(mail.ticket == ticket and mail.at > since for mail in self.automatic)


@dataclass(frozen=True, kw_only=True)
class Outside:
    """How many automatic mails went to people outside within the hour: to all, and to each domain that was asked of."""

    to_all: int = 0
    to_domain: Mapping[str, int] = field(default_factory=dict)

    def with_mail_to(self, domain: str) -> Outside:
        """The same after one mail more."""
        to_domain = {**self.to_domain, domain: self.to_domain.get(domain, 0) + 1}
        return Outside(to_all=self.to_all + 1, to_domain=to_domain)


NOTHING_OUTSIDE: Final = Outside()
