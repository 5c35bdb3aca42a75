"""To whom a new ticket is given by itself: in turn, by load, by what somebody knows, and to who is on call."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given as given_cases
from hypothesis import settings
from hypothesis import strategies as st

from gateway.policy import Policy, parse_policy
from gateway.triage.facts import DutyFacts
from gateway.triage.routing import Matter, given

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SATURDAY = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
NAMES = ("anna", "ben", "nora")


def policy(assign: str = "round_robin", more: str = "", **skills: str) -> Policy:
    agents = "".join(
        f'[[agent]]\nname = "{name.title()}"\naddress = "{name}@example.com"\nteams = ["desk"]\n'
        f"skills = [{skills.get(name, '')}]\n"
        for name in NAMES
    )
    return parse_policy(
        f'[desk]\naddress = "d@example.com"\n[[team]]\nname = "desk"\nassign = "{assign}"\n{agents}{more}'
    )


def chosen(
    known: Policy,
    matter: Matter | None = None,
    *,
    duty: DutyFacts | None = None,
    away: tuple[str, ...] = (),
    now: datetime = MONDAY,
) -> str:
    matter = matter or Matter(team="desk", priority="P3", category="network", subcategory="vpn", tags=("site-berlin",))
    found = given(matter, known, duty or DutyFacts(), {f"{name}@example.com": now for name in away}, now)
    return found.agent.handle if found is not None else ""


def turns(**places: int) -> DutyFacts:
    return DutyFacts(turns={("desk", f"{name}@example.com"): place for name, place in places.items()})


def loads(**counts: int) -> DutyFacts:
    return DutyFacts(loads={f"{name}@example.com": count for name, count in counts.items()})


def test_nobody_is_chosen_where_the_team_gives_to_nobody() -> None:
    assert chosen(policy("nobody")) == ""


def test_it_is_the_turn_of_who_was_given_one_the_longest_ago() -> None:
    assert chosen(policy(), duty=turns(anna=3, ben=1, nora=2)) == "ben"
    assert chosen(policy(), duty=turns(anna=3, ben=1)) == "nora"
    assert chosen(policy()) == "anna"


def test_who_is_away_or_not_at_work_is_passed_over() -> None:
    assert chosen(policy(), away=("anna",)) == "ben"
    assert chosen(policy(), away=NAMES) == ""
    assert chosen(policy(), now=SATURDAY) == ""


def test_the_one_with_the_fewest_open_tickets_is_chosen_and_of_equals_whose_turn_it_is() -> None:
    known = policy("least_loaded")
    assert chosen(known, duty=loads(anna=2, ben=1, nora=5)) == "ben"
    assert chosen(known, duty=loads(anna=2, ben=1)) == "nora"
    both = DutyFacts(loads=loads(anna=1, ben=1, nora=1).loads, turns=turns(anna=2, ben=3, nora=1).turns)
    assert chosen(known, duty=both) == "nora"


def test_who_knows_category_subcategory_or_tag_goes_before_the_others() -> None:
    assert chosen(policy(nora='"Network"')) == "nora"
    assert chosen(policy(nora='"network/vpn"')) == "nora"
    assert chosen(policy(nora='"site-berlin"')) == "nora"
    assert chosen(policy(nora='"network/wifi"')) == "anna"
    assert chosen(policy(nora='"vpn"'), duty=turns(anna=1)) == "ben"
    assert chosen(policy(nora='"network"'), away=("nora",)) == "anna"
    assert chosen(policy(ben='"network"', nora='"network"'), duty=turns(ben=1)) == "nora"


ROTA = '[[rota]]\nteam = "desk"\nagents = ["ben", "nora"]\nstarts = "2026-11-16"\n'


def test_out_of_hours_what_presses_goes_to_who_is_on_call_and_the_rest_waits_for_the_team() -> None:
    known = policy(more=ROTA)
    assert chosen(known, Matter(team="desk", priority="P1"), now=SATURDAY) == "ben"
    assert chosen(known, Matter(team="desk", priority="P3"), now=SATURDAY) == ""
    assert chosen(known, Matter(team="desk", priority="P1"), now=SATURDAY, away=("ben",)) == "nora"
    assert chosen(known, Matter(team="desk", priority="P1"), now=MONDAY) == "anna"


def test_a_rota_needs_no_team_that_gives_tickets_by_itself() -> None:
    found = given(Matter(team="desk", priority="P2"), policy("nobody", ROTA), None, {}, SATURDAY)
    assert found is not None
    assert (found.agent.handle, str(found.why)) == ("ben", "on call for desk")


@settings(max_examples=40, deadline=None)
@given_cases(st.lists(st.frozensets(st.sampled_from(NAMES)), min_size=1, max_size=30))
def test_turns_are_fair_to_those_who_are_there(absences: list[frozenset[str]]) -> None:
    """Whoever is chosen was there, and nobody there had waited longer."""
    known, duty, count = policy(), DutyFacts(), Counter[str]()
    last: dict[str, int] = {}
    for place, away in enumerate(absences, 1):
        handle = chosen(known, duty=duty, away=tuple(away))
        there = [name for name in NAMES if name not in away]
        assert handle == (min(there, key=lambda name: last.get(name, 0)) if there else "")
        if handle:
            last[handle] = place
            count[handle] += 1
            duty = turns(**last)
    if not any(absences):
        assert max(count.values()) - min(count[name] for name in NAMES) <= 1


def test_the_reason_is_told_in_words() -> None:
    known = policy("least_loaded", nora='"network"')
    matter = Matter(team="desk", priority="P3", category="network")
    found = given(matter, known, loads(nora=4), {}, MONDAY + timedelta(hours=1))
    assert found is not None
    assert found.turn.text == "given to Nora: has the fewest open tickets in desk: 4, among those who know this"
