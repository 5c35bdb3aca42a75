"""What must hold when the days are over. Each check gives sentences; none of them means that all is well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from gateway.store.database import connection
from gateway.store.rows import find_values
from gateway.store.tables import Event, SlaClock, Ticket
from tests.simulation.ledger import KINDS, Account
from tests.simulation.mail_checks import leaks, machines, twice, two_roles, unanswered
from tests.simulation.wall import clock_time, day_in_berlin
from tests.simulation.world import World

# A ticket that nobody has is told after an hour of work; lists are looked for in the half hour after that.
_LATE_MINUTES = 60 + 31
_RATINGS = "SELECT t.number, r.score FROM rating r JOIN ticket t ON t.id = r.ticket_id"


def findings(world: World) -> list[str]:
    """Everything that is not as it must be."""
    checks = (clocks, statuses, ratings, reminders, unowned, unanswered, machines, twice, two_roles, leaks, away, told)
    found = [f"{check.__name__}: {text}" for check in checks for text in check(world)]
    return [*world.troubles, *found, *(f"audit: {text}" for text in world.desk.audit())]


def _rows(world: World) -> dict[int, Ticket]:
    with connection(world.desk.database):
        return {row.number: row for row in Ticket.select()}


def clocks(world: World) -> Iterator[str]:
    """Every clock's target, used minutes, due time, miss and outcome by an account of its own."""
    with connection(world.desk.database):
        kept = {(row.ticket.number, row.kind): row for row in SlaClock.select(SlaClock, Ticket).join(Ticket)}
    for number, account in sorted(world.accounts.items()):
        for kind in KINDS:
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
    base, clock, due = world.walls["always"], account.clocks[kind], account.due(kind)
    return {
        "goal": clock.promise.name,
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
    said = [
        f"{one.at:%d %H:%M:%S} {one.kind} {one.value}{' (clock)' * one.by_clock}{' (lost)' * one.is_lost}".rstrip()
        for one in account.happenings
    ]
    return f"opened {account.opened_at:%d %H:%M} {' '.join(account.first.values())}, " + ", ".join(said)


def statuses(world: World) -> Iterator[str]:
    """Status, type, priority and team are what people and the ladder made of them; what is resolved closes by
    itself."""
    base, office = world.walls["always"], world.walls["office"]
    for number, row in _rows(world).items():
        account = world.accounts.get(number)
        if account is None:
            yield f"nobody opened the ticket {number}: {row.subject}"
            continue
        status = row.status
        if status == "closed" and account.status == "resolved":
            ended = max(one.at for one in account.happenings if one.kind == "resolved")
            worked = office.worked(base.place(ended), base.place(row.closed_at or world.end))
            if not 540 <= worked <= 3 * 540:
                yield f"ticket {number} closed after {worked} minutes of silence"
            status = "resolved"
        wanted = {name: getattr(account, name) for name in ("type", "priority", "team", "impact", "urgency")}
        found = {name: getattr(row, name) for name in wanted} | {"status": status, "held": row.hold_reason}
        for name, value in (wanted | {"status": account.status, "held": account.held}).items():
            if found[name] != value:
                yield f"ticket {number} ({account.plan}): {name} is {found[name]}, not {value}: {_story(account)}"


def ratings(world: World) -> Iterator[str]:
    """What people said of it stands there."""
    with connection(world.desk.database):
        kept = {int(number): int(score) for number, score in find_values(_RATINGS)}
    for number, account in world.accounts.items():
        if kept.get(number) != account.rating:
            yield f"ticket {number} is rated {kept.get(number)}, not {account.rating}: {_story(account)}"


def reminders(world: World) -> Iterator[str]:
    """Each step of the ladder speaks in its minute, once, and no other."""
    told: dict[int, set[datetime]] = {}
    for step in world.steps:
        # Who is given the ticket by the step gets all of it instead.
        speaks = ("reminder", "new_ticket") if step.cause == "clock" else ("reminder",)
        for number in {one.number for one in step.sent if one.notice in speaks}:
            told.setdefault(number or 0, set()).add(step.at.replace(second=0, microsecond=0))
    base = world.walls["always"]
    for number, account in sorted(world.accounts.items()):
        expected = {base.moment(place) for clock in account.clocks.values() for place in clock.reminders}
        found = told.get(number, set())
        if expected != found:
            missing = sorted(f"{one:%d %H:%M}" for one in expected - found)
            more = sorted(f"{one:%d %H:%M}" for one in found - expected)
            yield f"ticket {number} ({account.plan}) reminders: missing {missing}, too many {more}: {_story(account)}"


def unowned(world: World) -> Iterator[str]:
    """What nobody has was shown to somebody who can take it: after an hour of work, and on each morning after that."""
    base, office = world.walls["always"], world.walls["office"]
    listed: dict[int, list[datetime]] = {}
    for (_, number), moments in world.listed.items():
        listed.setdefault(number, []).extend(moments)
    since: dict[int, datetime] = {}
    silent: Counter[int] = Counter()
    for at, numbers in world.unowned:
        since = {number: since.get(number, at) for number in numbers}
        morning = clock_time(day_in_berlin(at), 8)
        is_day = office.is_open(at) and at >= clock_time(day_in_berlin(at), 11)
        for number, begun in since.items():
            seen = [one for one in listed.get(number, []) if one <= at]
            waited = office.worked(base.place(begun), base.place(at))
            never = waited > _LATE_MINUTES and not seen
            forgotten = is_day and begun < morning and not any(one >= morning for one in seen)
            silent[number] += never or forgotten
            if (never or forgotten) and silent[number] == 1:
                yield f"ticket {number} is nobody's since {begun}, and in no list by {at}"


def away(world: World) -> Iterator[str]:
    """Nothing new is given to an agent who is away, or who is not at work where nobody is on call."""
    with connection(world.desk.database):
        given = list(Event.select().where(Event.kind == "given"))
    walls = {one.address: world.walls["late" if one.is_late else "office"] for one in world.agents}
    for event in given:
        agent, how = event.detail["agent"], event.detail["how"]
        if any(who == agent and begins <= event.at < ends for who, begins, ends in world.plans.hands.absences):
            yield f"{agent} is away and was given a ticket at {event.at}"
        if how != "on_call" and not walls[agent].is_open(event.at):
            yield f"{agent} is not at work and was given a ticket at {event.at}"


def told(world: World) -> Iterator[str]:
    """Whoever has a ticket has a mail about it, or has seen it in a list."""
    agents = {one.address for one in world.agents}
    for number, row in _rows(world).items():
        who = row.assignee
        if who in agents and (who, number) not in world.boxes and (who, number) not in world.listed:
            yield f"ticket {number} is {who}'s, who never heard of it"


__all__ = ["findings"]
