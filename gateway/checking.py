"""The work of `gateway check`: the admin's files, the servers, and what they do to a mail on the way round."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.compose import check_templates, load_templates
from gateway.defaults_files import default_file
from gateway.errors import ConfigurationError, Problem
from gateway.policy import Policy, load_policy
from gateway.settings import Settings
from gateway.triage.classify import check_examples


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One line of the report."""

    name: str
    text: str
    is_good: bool = True


def check_files(settings: Settings) -> tuple[list[Problem], Policy | None]:
    """Every problem of rules.toml, its examples and the templates; the policy when it could be read."""
    try:
        policy = load_policy(settings.rules_file)
    except ConfigurationError as error:
        return error.problems, None
    problems = check_examples(policy)
    problems += check_templates(load_templates(settings.templates_folder, default_file("templates")))
    return problems, policy
