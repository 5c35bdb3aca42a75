"""Read rules.toml into a `Policy`, or refuse it as a whole with every problem."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from gateway.errors import ConfigurationError, Problem
from gateway.options.mending import STAND_IN, StandIns, mended, new_only
from gateway.options.problems import Mistake, Source
from gateway.options.reading import read_text, read_toml, validated
from gateway.options.tables import OptionDescription, OptionTable, describe
from gateway.policy.closing import Closing
from gateway.policy.crosschecks import cross_check
from gateway.policy.duties import Rota, Sweeps
from gateway.policy.limits import Limits
from gateway.policy.limits import Source as SourceTable
from gateway.policy.matrix import read_matrix
from gateway.policy.on_call_file import OnCallFile
from gateway.policy.people import Attributes, People, Person, others_of, people_of, read_people
from gateway.policy.policy import Policy
from gateway.policy.promises import Calendar, LadderStep, Sla
from gateway.policy.rules import Example, Rule
from gateway.policy.tables import Agent, Defaults, Desk, Team, Trust
from gateway.policy.telling import NoticeRule, Notices


class RulesFile(OptionTable):
    """The whole of rules.toml."""

    desk: Desk
    """The desk itself."""
    defaults: Defaults = Defaults()
    """What a ticket is where no rule says more."""
    trust: Trust = Trust()
    """What an agent's mail must prove."""
    limits: Limits = Limits()
    """What keeps mail from becoming a storm."""
    source: Annotated[tuple[SourceTable, ...], Field(strict=False)] = ()
    """Machines that report to the desk, such as monitoring: they open tickets and are never answered."""
    team: Annotated[tuple[Team, ...], Field(strict=False)] = ()
    """Groups of agents; the first one is the default."""
    agent: Annotated[tuple[Agent, ...], Field(strict=False)] = ()
    """The people who answer tickets."""
    matrix: dict[str, Any] = Field(default_factory=dict)
    """The priority for impact/urgency, "high/low" = "P3", or rows of your own; what is left out is ITIL's usual."""
    calendar: Annotated[tuple[Calendar, ...], Field(strict=False)] = ()
    """When people work; targets count such time only."""
    sla: Annotated[tuple[Sla, ...], Field(strict=False)] = ()
    """Until when people hear from a person, and until when a matter is settled; the first that fits holds."""
    ladder: Annotated[tuple[LadderStep, ...], Field(strict=False)] = ()
    """What happens when a target comes near or has passed."""
    rota: Annotated[tuple[Rota, ...], Field(strict=False)] = ()
    """Who is on call when the desk is closed."""
    sweeps: Sweeps = Sweeps()
    """What keeps tickets from being forgotten."""
    closing: Closing = Closing()
    """How a matter ends."""
    notices: Notices = Notices()
    """When agents' mails wait."""
    notice: Annotated[tuple[NoticeRule, ...], Field(strict=False)] = ()
    """Whom an event tells, and when; what no table names stays as it always was."""
    people: People = People()
    """What is known of those who write, in a CSV file."""
    person: Annotated[tuple[Person, ...], Field(strict=False)] = ()
    """People of whom something is known; further keys are their attributes."""
    rule: Annotated[tuple[Rule, ...], Field(strict=False)] = ()
    """What mails mean; looked at from top to bottom."""
    example: Annotated[tuple[Example, ...], Field(strict=False)] = ()
    """Mails and what they must become."""


def load_policy(path: Path) -> Policy:
    """Read a rules.toml; `ConfigurationError` tells every problem in it."""
    return parse_policy(read_text(path), str(path))


def parse_policy(text: str, file: str = "rules.toml") -> Policy:
    """Make a policy of the text of a rules.toml; `ConfigurationError` tells every problem in it."""
    source = Source(file, text)
    data, singles = _in_lists(read_toml(source))
    parsed, mistakes = validated(RulesFile, data)
    if parsed is None or singles:
        raise source.error([*singles, *mistakes, *_further_mistakes(data, mistakes, source)])
    listed, kept = _listed_people(parsed.people, file), _kept_calendars(parsed.rota, file)
    policy = _policy_of(parsed, source, listed, kept)
    mistakes = read_matrix(parsed.matrix)[1] + cross_check(policy)
    problems = [*listed.problems, *kept.problems]
    if mistakes:
        raise ConfigurationError([*source.error(mistakes).problems, *problems])
    if problems:
        raise ConfigurationError(problems)
    return policy


_MANY = ("source", "team", "agent", "calendar", "sla", "ladder", "rota", "notice", "person", "rule", "example")


def _in_lists(data: dict[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
    """Tell of tables in single brackets of which there may be many, and read on as if they had double ones."""
    many = [name for name in _MANY if isinstance(data.get(name), dict)]
    mistakes = [
        Mistake(
            path=(name,),
            message=f"[{name}] stands in single brackets, but there may be many",
            suggestion=f"write [[{name}]]",
        )
        for name in many
    ]
    return data | {name: [data[name]] for name in many}, mistakes


@dataclass(frozen=True, kw_only=True)
class _Listed:
    """What stands in the CSV file of people, if there is one; nothing of it counts where there are problems."""

    rows: Mapping[str, Attributes] = field(default_factory=dict)
    text: str = ""
    files: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()


def _listed_people(people: People, file: str) -> _Listed:
    if not people.file:
        return _Listed()
    path = Path(file).parent / people.file
    try:
        text = read_text(path)
    except ConfigurationError as error:
        hint = f'[people] in {Path(file).name} says file = "{people.file}"'
        return _Listed(files=(path,), problems=tuple(replace(one, suggestion=hint) for one in error.problems))
    rows, problems = read_people(text, str(path))
    return _Listed(rows=rows, text=text, files=(path,), problems=tuple(problems))


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """The calendar files of the rotas, by name as written."""

    calendars: Mapping[str, OnCallFile] = field(default_factory=dict)
    text: str = ""
    files: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()


def _kept_calendars(rotas: tuple[Rota, ...], file: str) -> _Kept:
    """Read what `[[rota]] file` names; a file that can't be read leaves nobody on call and is a problem."""
    kept = _Kept()
    for name in dict.fromkeys(rota.file for rota in rotas if rota.file):
        path = Path(file).parent / name
        hint = f'a [[rota]] in {Path(file).name} says file = "{name}"'
        calendars, text, problems = dict(kept.calendars), kept.text, kept.problems
        try:
            found = read_text(path)
            calendars[name] = OnCallFile(found)
            text += found
        except ConfigurationError as error:
            problems += tuple(replace(one, suggestion=hint) for one in error.problems)
        except ValueError as error:
            problems += (Problem(file=str(path), message=str(error), suggestion=hint),)
        kept = _Kept(calendars=calendars, text=text, files=(*kept.files, path), problems=problems)
    return kept


# What stands in for a broken value while the rest of the file is checked.
_STAND_INS: StandIns = {
    ("desk",): {"address": f"desk@{STAND_IN}.invalid"},
    ("desk", "address"): f"desk@{STAND_IN}.invalid",
    ("team", "name"): STAND_IN + "-{}",
    ("agent", "name"): STAND_IN + " {}",
    ("agent", "address"): "{}@" + STAND_IN + ".invalid",
    ("source", "name"): STAND_IN + " {}",
    ("calendar", "name"): STAND_IN + "-{}",
    ("sla", "name"): STAND_IN + " {}",
    ("sla",): {"name": STAND_IN + " {}", "response": "1h"},
    ("ladder", "at"): "100%",
    ("ladder",): {"at": "100%", "remind": ["team"]},
    ("notice",): {"event": "changed"},
    ("rota", "team"): STAND_IN + "-{}",
    ("rota",): {"team": STAND_IN + "-{}", "agents": [STAND_IN], "starts": "2026-01-05"},
    ("person", "address"): "{}@" + STAND_IN + ".invalid",
    ("rule", "name"): STAND_IN + " {}",
    ("rule", "when"): {"words": ["word"]},
    ("rule", "set"): {"type": "incident"},
    ("example", "subject"): "",
}


def _further_mistakes(data: dict[str, Any], mistakes: list[Mistake], source: Source) -> list[Mistake]:
    """Check what is sound of a broken file, so that the next run does not bring the next mistakes."""
    sound = mended(RulesFile, data, mistakes, _STAND_INS)
    if sound is None:
        return []
    listed, kept = _listed_people(sound.people, source.name), _kept_calendars(sound.rota, source.name)
    policy = _policy_of(sound, source, listed, kept)
    return new_only(read_matrix(sound.matrix)[1] + cross_check(policy), mistakes)


def _policy_of(parsed: RulesFile, source: Source, listed: _Listed, kept: _Kept) -> Policy:
    desk = parsed.desk
    if not desk.own_domains:
        desk = desk.model_copy(update={"own_domains": (desk.address.rpartition("@")[2],)})
    agents = (
        agent if agent.handle else agent.model_copy(update={"handle": agent.address.partition("@")[0]})
        for agent in parsed.agent
    )
    return Policy(
        version=hashlib.sha256((source.text + listed.text + kept.text).encode()).hexdigest()[:12],
        desk=desk,
        defaults=parsed.defaults,
        limits=parsed.limits,
        sources=parsed.source,
        teams=parsed.team,
        agents=tuple(agents),
        rules=parsed.rule,
        matrix=read_matrix(parsed.matrix)[0],
        examples=parsed.example,
        people=people_of(parsed.person, listed.rows),
        others=others_of(parsed.person, listed.rows),
        trust=parsed.trust,
        closing=parsed.closing,
        calendars=parsed.calendar,
        slas=parsed.sla,
        ladder=parsed.ladder,
        rotas=parsed.rota,
        rota_files=kept.calendars,
        sweeps=parsed.sweeps,
        notices=parsed.notices,
        notice_rules=parsed.notice,
        file=source.name,
        text=source.text,
        files=(Path(source.name), *listed.files, *kept.files),
    )


def describe_policy() -> tuple[OptionDescription, ...]:
    """Describe every key of rules.toml, for the reference."""
    return tuple(describe(RulesFile))
