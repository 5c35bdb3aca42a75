"""Who is away and whose turn it is are what the history says: each row is held against the events that made it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.desk.audit.reading import portions
from gateway.store.tables import Absence, Event, Turn
from gateway.triage.routing import ON_CALL


def absences(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Every absence was said by an event, with these days, and ended exactly where one says so."""
    said: dict[int, Mapping[str, Any]] = {}
    ended: set[int] = set()
    for event in Event.select(Event.kind, Event.detail).where(Event.kind.in_(["away", "back"])).order_by(Event.id):
        ended.update(event.detail.get("ended", ()))
        if event.kind == "away":
            said[event.detail["absence"]] = event.detail
    for rows in portions(Absence):
        for row in rows:
            told = said.pop(row.id, None)
            if told is None:
                yield f"absence {row.id} of {row.agent}: no event tells of it"
                continue
            kept = [row.agent, row.starts_at.isoformat(), row.ends_at.isoformat(), row.source]
            if kept != [told["agent"], told["starts_at"], told["ends_at"], told["source"]]:
                yield f"absence {row.id} of {row.agent}: it is not the one of the history"
            if (row.cancelled_at is not None) != (row.id in ended):
                yield f"absence {row.id} of {row.agent}: the history does not say that it was ended, or says so alone"
    for absence_id, told in said.items():
        yield f"absence {absence_id} of {told['agent']} is gone, the history tells of it"


def turns(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Everybody has had as many turns as the history tells of."""
    told: Counter[tuple[str, str]] = Counter()
    for (detail,) in Event.select(Event.detail).where(Event.kind == "given").tuples().iterator():
        if detail["how"] != ON_CALL:
            told[detail["team"], detail["agent"]] += 1
    kept = {(row.team, row.agent): row.times for row in Turn.select().order_by(Turn.team, Turn.agent)}
    for team, agent in sorted({*told, *kept}):
        times = kept.get((team, agent), 0)
        if times != told[team, agent]:
            yield f"{agent} had {times} turns in {team}, the history tells of {told[team, agent]}"
