"""Read rules.toml into a `Policy`, or refuse it as a whole with every problem."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from gateway.options.mending import STAND_IN, StandIns, mended, new_only
from gateway.options.problems import Mistake, Source
from gateway.options.reading import read_text, read_toml, validated
from gateway.options.tables import OptionDescription, OptionTable, describe
from gateway.policy.crosschecks import cross_check
from gateway.policy.limits import Limits
from gateway.policy.limits import Source as SourceTable
from gateway.policy.policy import Policy
from gateway.policy.rules import Example, Rule
from gateway.policy.tables import Agent, Defaults, Desk, Team, Trust
from gateway.policy.values import MatrixKey, PriorityName
from gateway.ticket import PRIORITY_MATRIX, Level


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
    matrix: dict[MatrixKey, PriorityName] = Field(default_factory=dict)
    """The priority for impact/urgency, like "high/low" = "P3"; what is left out is ITIL's usual."""
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
    data = read_toml(source)
    parsed, mistakes = validated(RulesFile, data)
    if parsed is None:
        raise source.error([*mistakes, *_further_mistakes(data, mistakes, source)])
    policy = _policy_of(parsed, source)
    mistakes = cross_check(policy)
    if mistakes:
        raise source.error(mistakes)
    return policy


# What stands in for a broken value while the rest of the file is checked.
_STAND_INS: StandIns = {
    ("desk",): {"address": f"desk@{STAND_IN}.invalid"},
    ("desk", "address"): f"desk@{STAND_IN}.invalid",
    ("team", "name"): STAND_IN + "-{}",
    ("agent", "name"): STAND_IN + " {}",
    ("agent", "address"): "{}@" + STAND_IN + ".invalid",
    ("source", "name"): STAND_IN + " {}",
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
    return new_only(cross_check(_policy_of(sound, source)), mistakes)


def _policy_of(parsed: RulesFile, source: Source) -> Policy:
    desk = parsed.desk
    if not desk.own_domains:
        desk = desk.model_copy(update={"own_domains": (desk.address.rpartition("@")[2],)})
    agents = (
        agent if agent.handle else agent.model_copy(update={"handle": agent.address.partition("@")[0]})
        for agent in parsed.agent
    )
    given = {_levels(key): priority for key, priority in parsed.matrix.items()}
    return Policy(
        version=hashlib.sha256(source.text.encode()).hexdigest()[:12],
        desk=desk,
        defaults=parsed.defaults,
        limits=parsed.limits,
        sources=parsed.source,
        teams=parsed.team,
        agents=tuple(agents),
        rules=parsed.rule,
        matrix=PRIORITY_MATRIX | given,
        examples=parsed.example,
        trust=parsed.trust,
        file=source.name,
        text=source.text,
    )


def _levels(key: str) -> tuple[Level, Level]:
    impact, urgency = key.split("/")
    return Level(impact), Level(urgency)


def describe_policy() -> tuple[OptionDescription, ...]:
    """Describe every key of rules.toml, for the reference."""
    return tuple(describe(RulesFile))
