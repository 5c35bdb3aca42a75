"""Until when, in words that say at once which promise it is and how it stands. Pure.

Two forms: of a reminder, "Solution overdue since 15:40 (by 2 h)", and of a line in a list, "solve by Fri 12:00". Clock
times are those of the reader: today's alone, with the day of the week in the days around it, else with the date.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.phrase import Phrase, say
from gateway.policy import Policy
from gateway.sla import Clock, ClockKind, WorkCalendar, due_at
from gateway.ticket import Role, TicketType
from gateway.triage.telling import delay_of

_WEEKDAYS = (say("Mon"), say("Tue"), say("Wed"), say("Thu"), say("Fri"), say("Sat"), say("Sun"))
# A day of the week is clear for so many days around today.
_CLEAR = timedelta(days=6)
_MINUTE = timedelta(minutes=1)


def reminder_line(
    clock: Clock, *, ticket_type: str, priority: str, reader: str, policy: Policy, now: datetime
) -> Phrase:
    """What a reminder of a clock says first to `reader`."""
    calendar, zone = policy.work_calendar(clock.calendar), policy.zone_of(reader)
    what, due = _promise(clock.kind, ticket_type), due_at(clock, calendar)
    if due is None:
        return say("{what} still open; its time stands still now", what=what)
    context: dict[str, object] = {}
    if delay_of("reminder", context, role=Role.AGENT, priority=priority, reader=reader, policy=policy, now=now):
        # It is read hours from now: no span would be true, and a time of day alone could be any day's.
        later = near_time(due, now=now, zone=zone, names_day=True)
        if due < now:
            return say("{what} overdue since {time}", what=what, time=later)
        return say("{what} due {time}", what=what, time=later)
    time_of_day = near_time(due, now=now, zone=zone)
    if abs(due - now) <= _MINUTE:
        return say("{what} due now ({time})", what=what, time=time_of_day)
    span = _span(min(due, now), max(due, now), zone=zone, calendar=calendar)
    if due < now:
        return say("{what} overdue since {time} (by {span})", what=what, time=time_of_day, span=span)
    return say("{what} due in {span} ({time})", what=what, time=time_of_day, span=span)


def _promise(kind: ClockKind, ticket_type: str) -> Phrase:
    """What is promised: a person's first answer, that a fault is solved, that what was asked for is there."""
    if kind is ClockKind.RESPONSE:
        return say("First answer")
    return say("Fulfilment") if ticket_type == TicketType.REQUEST else say("Solution")


def list_line(kind: ClockKind, ticket_type: str, *, due: datetime, now: datetime, zone: str) -> Phrase:
    """The same in a few words, for a line of a list."""
    moment = near_time(due, now=now, zone=zone)
    is_over = due + _MINUTE <= now
    if kind is ClockKind.RESPONSE:
        return say("answer overdue since {time}", time=moment) if is_over else say("answer due {time}", time=moment)
    if ticket_type == TicketType.REQUEST:
        return say("fulfilment overdue since {time}", time=moment) if is_over else say("fulfil by {time}", time=moment)
    return say("solution overdue since {time}", time=moment) if is_over else say("solve by {time}", time=moment)


def near_time(moment: datetime, *, now: datetime, zone: str, names_day: bool = False) -> time | datetime | Phrase:
    """A moment as one says it today: the time alone, or with the day of the week, or with the date."""
    local, today = moment.astimezone(ZoneInfo(zone)), _day(now, zone)
    clock: time | Phrase = local.time().replace(second=0, microsecond=0)
    if clock == time():
        # What is due at midnight is due on the day that ends.
        local, clock = local - _MINUTE, say("24:00")
    if local.date() == today and not names_day:
        return clock
    if abs(local.date() - today) <= _CLEAR:
        return say("{day} {time}", day=_WEEKDAYS[local.weekday()], time=clock)
    return local.replace(tzinfo=None) if isinstance(clock, time) else say("{day} {time}", day=local.date(), time=clock)


def _day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def _span(start: datetime, end: datetime, *, zone: str, calendar: WorkCalendar) -> Phrase | str:
    """How long it is: by the clock on the wall within a day, else in the working time that the promise counts."""
    minutes = round((end - start) / _MINUTE)
    if _day(start, zone) == _day(end, zone):
        return _hours(minutes)
    worked = calendar.minutes_between(start, end)
    return _hours(minutes) if worked >= minutes - 1 else say("{span} of working time", span=_hours(worked))


def _hours(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return " ".join(
        part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "") if part
    )
