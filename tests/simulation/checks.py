"""What must hold when the days are over. Each check gives sentences; none of them means that all is well."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime

from gateway.store.database import connection
from gateway.store.rows import find_values
from gateway.store.tables import Event, SlaClock, Ticket
from tests.simulation.ledger import Account, Reckoning
from tests.simulation.world import Step, World, as_moment

# What an agent gets because it was asked for, besides the notice of the same mail.
_DAILY = frozenset({"listing", "quarantine_digest"})
_ASKED_FOR = frozenset({"result", "question", "preview"})


def findings(world: World) -> list[str]:
    """Everything that is not as it must be."""
    checks = (clocks, statuses, reminders, unowned, unanswered, machines, twice, two_roles, away, told)
    found = [f"{check.__name__}: {text}" for check in checks for text in check(world)]
    return found + [f"audit: {text}" for text in world.desk.audit()]


def _rows(world: World) -> dict[int, Ticket]:
    with connection(world.desk.database):
        return {row.number: row for row in Ticket.select()}


def clocks(world: World) -> Iterator[str]:
    """Every clock's target, used minutes, due time, miss and outcome by an account of its own."""
    with connection(world.desk.database):
        kept = {(row.ticket.number, row.kind): row for row in SlaClock.select(SlaClock, Ticket).join(Ticket)}
    for number, account in sorted(world.accounts.items()):
        for kind in ("response", "resolution"):
            row = kept.pop((number, kind), None)
            if row is None:
                yield f"ticket {number} ({account.plan}) has no clock {kind}"
                continue
            expected = _expected(world, account, kind)
            found = _found(world, row)
            wrong = [
                f"{name} is {found[name]}, not {value}" for name, value in expected.items() if found[name] != value
            ]
            if wrong:
                yield f"ticket {number} ({account.plan}), {kind}: {'; '.join(wrong)}: {_story(account)}"
    for number, kind in kept:
        yield f"nobody knows of the ticket {number} with its clock {kind}"


def _expected(world: World, account: Account, kind: str) -> dict[str, object]:
    base = world.walls["always"]
    reckoning = Reckoning(account, kind, world.walls)
    clock = reckoning.at(world.end)
    due = reckoning.due() if clock.outcome == "running" else None
    return {
        "goal": clock.goal,
        "target": clock.target,
        "used": clock.used,
        "outcome": clock.outcome,
        "breached": base.moment(clock.breached) if clock.breached is not None else None,
        "due": base.moment(due) if due is not None else None,
    }


def _found(world: World, row: SlaClock) -> dict[str, object]:
    base = world.walls["always"]
    used = row.used_minutes
    if row.since is not None:
        used += world.walls[row.calendar].worked(base.place(row.since), base.place(world.end))
    return {
        "goal": row.goal,
        "target": row.target_minutes,
        "used": used,
        "outcome": row.outcome,
        "breached": row.breached_at,
        "due": row.due_at if row.outcome == "running" else None,
    }


def _story(account: Account) -> str:
    said = [f"{one.at:%d %H:%M} {one.kind} {one.value}{' (lost)' * one.is_lost}".rstrip() for one in account.happenings]
    return f"opened {account.opened_at:%d %H:%M} {' '.join(account.first)}, " + ", ".join(said)


def statuses(world: World) -> Iterator[str]:
    """Status, type, priority and team are what people made of them; what is resolved closes by itself."""
    for number, row in _rows(world).items():
        account = world.accounts.get(number)
        if account is None:
            yield f"nobody opened the ticket {number}: {row.subject}"
            continue
        status = row.status
        if status == "closed" and account.status == "resolved":
            ended = max(one.at for one in account.happenings if one.kind == "resolved")
            base = world.walls["always"]
            worked = world.walls["office"].worked(base.place(ended), base.place(row.closed_at or world.end))
            if not 540 <= worked <= 3 * 540:
                yield f"ticket {number} closed after {worked} minutes of silence"
            status = "resolved"
        for name, known in (("status", status), ("type", row.type), ("priority", row.priority), ("team", row.team)):
            if known != getattr(account, name):
                wrong = f"{name} is {known}, not {getattr(account, name)}"
                yield f"ticket {number} ({account.plan}): {wrong}: {_story(account)}"


def reminders(world: World) -> Iterator[str]:
    """Each step of the ladder speaks in its minute, once, and no other."""
    told: dict[int, Counter[datetime]] = {}
    for step in world.steps:
        moments = {number for _, notice, number, _ in step.sent if notice == "reminder"}
        for number in moments:
            told.setdefault(number or 0, Counter())[step.at.replace(second=0, microsecond=0)] += 1
    base = world.walls["always"]
    for number, account in sorted(world.accounts.items()):
        expected: Counter[datetime] = Counter()
        for kind in ("response", "resolution"):
            clock = Reckoning(account, kind, world.walls).at(world.end)
            expected.update({base.moment(place) for place, _ in clock.reminders})
        if expected.keys() != told.get(number, Counter()).keys():
            missing = sorted(f"{one:%d %H:%M}" for one in expected.keys() - told.get(number, Counter()).keys())
            more = sorted(f"{one:%d %H:%M}" for one in told.get(number, Counter()).keys() - expected.keys())
            yield f"ticket {number} ({account.plan}) reminders: missing {missing}, too many {more}: {_story(account)}"


def unowned(world: World) -> Iterator[str]:
    """Each open ticket has an owner, or was shown in a list to somebody who can give it one."""
    listed = {
        number
        for step in world.steps
        for _, notice, _, sent in step.sent
        if notice == "listing"
        for number in world.entries(sent).values()
    }
    base, late = world.walls["always"], 60
    with connection(world.desk.database):
        rows = find_values(
            "SELECT number, opened_at FROM ticket WHERE status IN ('new','in_progress','on_hold') AND assignee = ''"
        )
    for number, opened in rows:
        waited = world.walls["office"].worked(base.place(as_moment(opened)), base.place(world.end))
        if waited > late and number not in listed:
            yield f"ticket {number} is nobody's, {waited} working minutes old, and in no list"


def unanswered(world: World) -> Iterator[str]:
    """Every person who can be reached got an acknowledgement or an answer, and every mail of people is on a ticket."""
    answered = {
        number
        for step in world.steps
        for to, notice, number, _ in step.sent
        if number in world.accounts and to == world.accounts[number].requester
    }
    for number, account in sorted(world.accounts.items()):
        if not account.is_machine and number not in answered and account.requester not in world.plans.unreachable:
            yield f"ticket {number}: its requester heard nothing"
    agents = {one.address for one in world.agents}
    for step in world.steps:
        if step.cause == "clock" or step.is_automatic or step.sender in agents or step.sender not in world.people:
            continue
        if step.ticket is None:
            yield f"{step.cause} of {step.sender} at {step.at} is on no ticket"


def machines(world: World) -> Iterator[str]:
    """Nothing that a machine wrote is answered to it."""
    for step in world.steps:
        for to, notice, number, _ in step.sent:
            if step.is_automatic and to == step.sender:
                yield f"{step.cause}: the automatic mail of {to} is answered with {notice} on {number}"
            if to not in world.people and not to.endswith("@example.com"):
                yield f"{step.cause}: {notice} goes to {to}"


def twice(world: World) -> Iterator[str]:
    """No Message-ID twice, and no mail twice to the same person for the same cause."""
    ids = Counter(sent.message_id for step in world.steps for *_, sent in step.sent)
    yield from (f"Message-ID {one} was used {count} times" for one, count in ids.items() if count > 1)
    told: dict[tuple[str, str, int | None, str], list[datetime]] = defaultdict(list)
    for step in world.steps:
        for to, notice, number, sent in step.sent:
            told[f"{_occasion(world, step, notice)} {to}", notice, number, sent.text].append(step.at)
    for (to, notice, number, text), moments in told.items():
        if len(moments) > 1:
            yield f"{to} got {notice} on {number} at {[f'{one:%d %H:%M}' for one in moments]}: {text[:200]}"


def _occasion(world: World, step: Step, notice: str) -> str:
    """For what the same words may come once more: another mail, another day of a list, another step of a ladder."""
    if step.cause != "clock" or notice == "reminder":
        return f"{step.cause} {step.at}"
    return f"{world.in_berlin(step.at).date()}" if notice in _DAILY else ""


def two_roles(world: World) -> Iterator[str]:
    """One event is told to a person in one mail."""
    for step in world.steps:
        if step.cause == "clock":
            got = Counter((to, number, notice, sent.text) for to, notice, number, sent in step.sent)
        else:
            got = Counter((to, number, "", "") for to, notice, number, _ in step.sent if notice not in _ASKED_FOR)
        for (to, number, *_), count in got.items():
            if count > 1:
                notices = [one for who, one, about, _ in step.sent if (who, about) == (to, number)]
                yield f"{step.cause} at {step.at}: {to} got {count} mails on {number}: {notices}"


def away(world: World) -> Iterator[str]:
    """Nothing new is given to an agent who is away, or who is not at work where nobody is on call."""
    with connection(world.desk.database):
        given = list(Event.select().where(Event.kind == "given"))
    walls = {one.address: world.walls["late" if one.is_late else "office"] for one in world.agents}
    for event in given:
        agent, how = event.detail["agent"], event.detail["how"]
        if any(who == agent and begins <= event.at < ends for who, begins, ends in world.absences):
            yield f"{agent} is away and was given a ticket at {event.at}"
        if how != "on_call" and not walls[agent].is_open(event.at):
            yield f"{agent} is not at work and was given a ticket at {event.at}"


def told(world: World) -> Iterator[str]:
    """Whoever has a ticket has a mail about it, or took it from a list."""
    agents = {one.address for one in world.agents}
    for number, row in _rows(world).items():
        if row.assignee in agents and (row.assignee, number) not in world.boxes:
            if not any(step.sender == row.assignee and step.ticket in (None, number) for step in world.steps):
                yield f"ticket {number} is {row.assignee}'s, who never heard of it"


__all__ = ["findings"]
