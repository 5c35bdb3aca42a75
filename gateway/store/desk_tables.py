"""The tables of people and tickets: who is known, what a ticket is, and what hangs on it beside its mails."""

from __future__ import annotations

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BooleanField,
    Check,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from gateway.sla import ClockKind, Outcome
from gateway.store.base import Table, one_of
from gateway.store.fields import CleanText, Json, UtcDateTime
from gateway.ticket import HoldReason, Priority, Status, TicketType


class Contact(Table):
    """A person or machine that has an address. `address` is in lower case.

    `bounced_at`: a mail to it came back, `muted_until` and `flooding_until`: why it gets no automatic mail, and why its
    new matters wait (`triage.restraint`). `quick_replies` counts mails at machine speed, the last at `quick_reply_at`.
    `rating_asked_at`: when a resolution last asked it for a rating.
    """

    id = BigAutoField()
    address = CleanText(unique=True)
    name = CleanText(default="")
    language = TextField(default="")
    first_seen_at = UtcDateTime()
    bounced_at = UtcDateTime(null=True)
    muted_until = UtcDateTime(null=True)
    flooding_until = UtcDateTime(null=True)
    quick_replies = SmallIntegerField(default=0)
    quick_reply_at = UtcDateTime(null=True)
    rating_asked_at = UtcDateTime(null=True)


class Agent(Table):
    """Agents as the policy in force lists them; one that it no longer lists stays with `active` false.

    `confirmed_at`: when the agent last answered, from the registered address, a question "was it you?" with yes.
    """

    contact = ForeignKeyField(Contact, primary_key=True)
    name = CleanText()
    teams = Json()
    active = BooleanField()
    confirmed_at = UtcDateTime(null=True)


class Team(Table):
    name = CleanText(primary_key=True)
    active = BooleanField()


class Ticket(Table):
    """`fields` remembers who set what: {"type": [authority, rule], "fields.host": [authority, rule, version]}.

    The version is that of the rules where it is not `policy_version`. `named` are fields of the admin's own.
    `arrived_at` is when the mail that opened it had arrived, which may be long before we came to it. `muted_at`: it
    went to and fro between machines, and gets no automatic mail until an agent acts. `workaround`, `cause` and `code`
    are what agents found. `reopened` counts how often it came back from its end, `moves` are the teams that had it one
    after the other ([] for a ticket that never moved), `followers` agents who hear of it besides those who wrote,
    `unwatched` those who want to hear of it no more.
    """

    id = BigAutoField()
    number = BigIntegerField(unique=True)
    type = TextField()
    status = TextField()
    hold_reason = TextField(default="")
    hold_until = UtcDateTime(null=True)
    subject = CleanText()
    requester = ForeignKeyField(Contact)
    language = TextField(default="")
    category = CleanText(default="")
    subcategory = CleanText(default="")
    impact = TextField()
    urgency = TextField()
    priority = TextField()
    team = CleanText()
    assignee = CleanText(default="")
    asset = CleanText(default="")
    workaround = CleanText(default="")
    cause = CleanText(default="")
    code = CleanText(default="")
    tags = Json(default=list)
    named = Json(default=dict)
    fields = Json()
    policy_version = TextField()
    desk_address = CleanText()
    opened_at = UtcDateTime()
    arrived_at = UtcDateTime(null=True)
    muted_at = UtcDateTime(null=True)
    updated_at = UtcDateTime(index=True)
    first_answer_at = UtcDateTime(null=True)
    resolved_at = UtcDateTime(null=True)
    closed_at = UtcDateTime(null=True)
    close_at = UtcDateTime(null=True, index=True)
    reopened = SmallIntegerField(default=0)
    moves = Json(default=list)
    followers = Json(default=list)
    unwatched = Json(default=list)
    merged_into = ForeignKeyField("self", null=True)
    requester_id: int
    merged_into_id: int | None

    class Meta:
        constraints = [
            one_of("type", TicketType),
            one_of("status", Status),
            one_of("hold_reason", HoldReason, ""),
            one_of("priority", Priority),
        ]
        indexes = ((("requester", "arrived_at"), False), (("team", "status"), False), (("assignee", "status"), False))


class Absence(Table):
    """An agent (by address) is away in this time; `cancelled_at`: somebody was back before it had ended, or sooner.

    `source` is how we know: by command, by the agent's own out-of-office, or by an operator.
    """

    id = BigAutoField()
    agent = CleanText()
    starts_at = UtcDateTime()
    ends_at = UtcDateTime(index=True)
    source = TextField()
    said_at = UtcDateTime()
    cancelled_at = UtcDateTime(null=True)

    class Meta:
        constraints = [
            Check("source IN ('command', 'auto_reply', 'operator')"),
            Check("starts_at < ends_at"),
        ]


class Turn(Table):
    """How often an agent (by address) of a team was given a ticket by itself, and the place of the last such ticket in
    the row of all that the team was given."""

    team = CleanText()
    agent = CleanText()
    times = IntegerField()
    place = IntegerField()

    class Meta:
        primary_key = CompositeKey("team", "agent")


class TicketWatcher(Table):
    ticket = ForeignKeyField(Ticket)
    contact = ForeignKeyField(Contact)
    added_at = UtcDateTime()
    contact_id: int

    class Meta:
        primary_key = CompositeKey("ticket", "contact")


class Rating(Table):
    """How good its requester found the handling of a ticket, 1 (bad) to 5 (very good); who rates again changes it.

    `assignee` is the agent who had the ticket then.
    """

    ticket = ForeignKeyField(Ticket)
    contact = ForeignKeyField(Contact)
    score = SmallIntegerField()
    assignee = CleanText(default="")
    at = UtcDateTime()
    ticket_id: int
    contact_id: int

    class Meta:
        primary_key = CompositeKey("ticket", "contact")
        constraints = [Check("score BETWEEN 1 AND 5")]


class TicketLink(Table):
    """`ticket` names `other`: as its follow-up, as a claim in a subject, as merged or just as related."""

    ticket = ForeignKeyField(Ticket)
    other = ForeignKeyField(Ticket)
    kind = TextField()
    at = UtcDateTime()

    class Meta:
        primary_key = CompositeKey("ticket", "other", "kind")
        constraints = [Check("kind IN ('follow_up', 'claimed', 'related', 'merged')")]


class SlaClock(Table):
    """A clock of a ticket as `gateway.sla.Clock` has it: until the first answer, or until the matter is settled.

    `due_at` is its due moment as things stand, None while it stands. At `next_at` something is due: a step of the
    ladder, or the note of a miss. `late_at`: a step was noticed so late that it is told in a list.
    """

    id = BigAutoField()
    ticket = ForeignKeyField(Ticket, index=False)
    kind = TextField()
    goal = CleanText()
    calendar = TextField()
    target_minutes = IntegerField()
    due_minutes = IntegerField()
    started_at = UtcDateTime()
    since = UtcDateTime(null=True)
    used_minutes = IntegerField(default=0)
    due_at = UtcDateTime(null=True)
    stopped_at = UtcDateTime(null=True)
    outcome = TextField()
    breached_at = UtcDateTime(null=True)
    told_minutes = IntegerField(default=0)
    acked_by = CleanText(default="")
    turn = IntegerField(default=0)
    next_at = UtcDateTime(null=True)
    late_at = UtcDateTime(null=True)
    ticket_id: int

    class Meta:
        table_name = "sla_clock"
        constraints = [one_of("kind", ClockKind), one_of("outcome", Outcome)]
        indexes = ((("ticket", "kind"), True),)


# Of a hundred thousand clocks few are due in one minute, and hardly any are late.
SlaClock.add_index(SlaClock.index(SlaClock.next_at, where=SQL("next_at IS NOT NULL"), name="sla_clock_next"))
SlaClock.add_index(SlaClock.index(SlaClock.late_at, where=SQL("late_at IS NOT NULL"), name="sla_clock_late"))
