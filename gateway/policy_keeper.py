"""The policy and the templates in force, taken over live when an admin changes the files.

A file is read and checked as a whole, its examples included, and swapped between two mails; a broken one is refused
loudly, and what was in force stays in force.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import structlog

from gateway.compose import Templates, check_templates, load_templates
from gateway.defaults_files import default_file
from gateway.errors import ConfigurationError, Problem
from gateway.policy import Policy, load_policy
from gateway.triage.classify import check_examples

_LOG = structlog.get_logger(__name__)


class PolicyKeeper:
    """Holds what is in force; `refresh` looks for changes. Raises ConfigurationError at the start only."""

    def __init__(self, rules_file: Path, templates_folder: Path) -> None:
        self._rules_file = rules_file
        self._templates_folder = templates_folder
        self._lock = threading.Lock()
        self._seen_rules = _stamp_of_file(rules_file)
        # They are tried out at the first `refresh`: a command that takes one mail in does not wait for that.
        self._seen_templates: frozenset[tuple[str, tuple[int, int]]] | None = None
        self._refused_rules = ""
        self._broken_templates = ""
        self._policy = _load_checked(rules_file)
        self._templates = load_templates(templates_folder, default_file("templates"))
        # No mail is held for wrong phrases: the shipped words stand in, and nobody would notice.
        self._tell_broken(self._templates.phrases.problems)

    @property
    def refused(self) -> str:
        """What is wrong with the files: rules that were not taken over, and the first mistake in the templates."""
        return "\n".join(filter(None, (self._broken_templates, self._refused_rules)))

    @property
    def policy(self) -> Policy:
        return self._policy

    @property
    def templates(self) -> Templates:
        return self._templates

    def refresh(self) -> bool:
        """Take over what changed; True when a new policy is in force."""
        with self._lock:
            self._refresh_templates()
            stamp = _stamp_of_file(self._rules_file)
            if stamp == self._seen_rules:
                return False
            self._seen_rules = stamp
            try:
                policy = _load_checked(self._rules_file)
            except ConfigurationError as error:
                self._refused_rules = str(error)
                _LOG.error("rules_refused", problems=len(error.problems), first=str(error.problems[0]))
                return False
            self._refused_rules = ""
            changed = policy.version != self._policy.version
            self._policy = policy
            _LOG.info("rules_in_force", version=policy.version)
            return changed

    def _refresh_templates(self) -> None:
        stamp = _stamp_of_folder(self._templates_folder)
        if stamp == self._seen_templates:
            return
        self._seen_templates = stamp
        templates = load_templates(self._templates_folder, default_file("templates"))
        # The shipped ones are tried out by our tests; most desks change none, and to render all takes half a second.
        self._tell_broken([] if _are_shipped(templates) else check_templates(templates))
        self._templates = templates

    def _tell_broken(self, problems: Sequence[Problem]) -> None:
        more = f" (and {len(problems) - 1} more: gateway check)" if len(problems) > 1 else ""
        told, self._broken_templates = self._broken_templates, f"{problems[0]}{more}" if problems else ""
        if problems and told != self._broken_templates:
            _LOG.error("templates_broken", problems=len(problems), first=str(problems[0]))


def _are_shipped(templates: Templates) -> bool:
    shipped = load_templates(default_file("templates"))
    texts = {name: source.text for name, source in shipped.sources.items()}
    return not templates.phrases.problems and texts == {name: source.text for name, source in templates.sources.items()}


def _load_checked(rules_file: Path) -> Policy:
    """Read rules and try their examples: a rule that misses its own example would sort every mail wrongly."""
    policy = load_policy(rules_file)
    problems = check_examples(policy)
    if problems:
        raise ConfigurationError(problems)
    return policy


def _stamp_of_file(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


def _stamp_of_folder(folder: Path) -> frozenset[tuple[str, tuple[int, int]]]:
    return frozenset((str(path), _stamp_of_file(path)) for path in folder.rglob("*") if path.is_file())
