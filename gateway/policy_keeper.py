"""The policy and the templates in force, taken over live when an admin changes the files.

A file is read and checked as a whole, its examples included, and swapped between two mails; a broken one is refused
loudly, and what was in force stays in force. A file is looked at when nothing has been written to it for a moment, and
refused when it has stayed as it is for another one: an editor may write it in two strokes.

The rules in force stand beside the database too, `rules-in-force.toml`: commands go by them while rules.toml is broken.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import structlog

from gateway.alarms import IN_TEMPLATES
from gateway.compose import CannedAnswers, Templates, check_templates, load_templates, why_no_acknowledgement
from gateway.defaults_files import default_file
from gateway.errors import ConfigurationError, Problem
from gateway.options.problems import Mistake, Source
from gateway.options.reading import read_text
from gateway.policy import Policy, load_policy, parse_policy
from gateway.settings import Settings
from gateway.triage.classify import check_examples

_LOG = structlog.get_logger(__name__)

# Nothing written for so long: whoever saves a file has finished, or pauses.
SETTLED_SECONDS = 1.0
# A broken file that is only a moment old may still be made whole by its writer.
REFUSED_SECONDS = 2.0
# The rules in force, in the storage's folder; written by whatever takes mail in, read while rules.toml is broken.
IN_FORCE = "rules-in-force.toml"
# When it was written, how large it is, and which file it is: one that is renamed or linked into place is another.
Stamp = tuple[int, int, int]


class _Settling:
    """For how many seconds files have been as they are: by their own time or, on a disk with another, by ours."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        # What was changed and is not judged yet: what it looked like, and since when it has.
        self._changing: tuple[object, float] | None = None

    def age(self, stamps: object, written: Iterable[int]) -> float:
        """`written` are the files' times in nanoseconds; 0 for one that is gone.

        Whoever saves a file anew may take the old one away first, so such a file has no time.
        """
        now = self._clock()
        if self._changing is None or self._changing[0] != stamps or now < self._changing[1]:
            self._changing = (stamps, now)
        watched = now - self._changing[1]
        return max(watched, min((now - moment / 1e9 if moment else 0.0 for moment in written), default=0.0))

    def judged(self) -> None:
        self._changing = None


class PolicyKeeper:
    """Holds what is in force; `refresh` looks for changes. Raises ConfigurationError at the start only."""

    def __init__(self, rules_file: Path, templates_folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._rules_file = rules_file
        self._templates_folder = templates_folder
        self._lock = threading.Lock()
        # A file of people belongs to the rules; one that is broken or missing is looked for until it is right.
        self._seen_rules = {rules_file: _stamp_of_file(rules_file)}
        # They are tried out at the first `refresh`: a command that takes one mail in does not wait for that.
        self._seen_templates: frozenset[tuple[str, Stamp]] | None = None
        self._rules_settling, self._templates_settling = _Settling(clock), _Settling(clock)
        self._refused_rules = ""
        self._broken_templates = ""
        self._policy = _load_checked(rules_file)
        self._watch(self._policy.files)
        self._templates = load_templates(templates_folder, default_file("templates"))
        # No mail is held for wrong phrases: the shipped words stand in, and nobody would notice.
        self._tell_broken(self._templates.phrases.problems)
        self._policy = self._policy.with_answers(CannedAnswers(self._templates))
        self._copy_folder: Path | None = None

    def keep_copy(self, folder: Path) -> None:
        """From now on the rules in force stand in this folder too."""
        self._copy_folder = folder
        self._write_copy()

    def _write_copy(self) -> None:
        if self._copy_folder is None:
            return
        target, content = self._copy_folder / IN_FORCE, self._policy.text.encode()
        try:
            if target.exists() and target.read_bytes() == content:
                return
            fresh = target.with_name(f".{IN_FORCE}.{os.getpid()}")
            fresh.write_bytes(content)
            fresh.chmod(0o600)
            fresh.replace(target)
        except OSError as error:
            # The desk works without; only commands miss it while the rules are broken.
            _LOG.warning("rules_not_copied", file=str(target), reason=error.strerror)

    @property
    def refused(self) -> str:
        """What is wrong with the files: the first mistakes in rules that were not taken over, and in the templates."""
        return "\n".join(filter(None, (self._broken_templates, self._refused_rules)))

    @property
    def policy(self) -> Policy:
        return self._policy

    @property
    def templates(self) -> Templates:
        return self._templates

    def refresh(self, *, at_once: bool = False) -> bool:
        """Take over what changed; True when a new policy is in force. `at_once`: the admin says that all is written."""
        with self._lock:
            self._refresh_templates(at_once=at_once)
            stamps = self._stamps()
            if stamps == self._seen_rules and not at_once:
                self._rules_settling.judged()
                return False
            written = (stamp[0] for stamp in stamps.values())
            age = REFUSED_SECONDS if at_once else self._rules_settling.age(stamps, written)
            if age < SETTLED_SECONDS:
                return False
            found = _load_or_why_not(self._rules_file)
            # Neither a moment's broken text nor one that was written while it was read is anybody's wish.
            if self._stamps() != stamps or (isinstance(found, ConfigurationError) and age < REFUSED_SECONDS):
                return False
            self._seen_rules = stamps
            self._rules_settling.judged()
            if isinstance(found, ConfigurationError):
                self._refuse(found)
                return False
            return self._take_over(found)

    def _refuse(self, error: ConfigurationError) -> None:
        self._watch(Path(problem.file) for problem in error.problems if problem.file)
        self._refused_rules = error.in_short
        _LOG.error("rules_refused", problems=len(error.problems), first=str(error.problems[0]))

    def _take_over(self, policy: Policy) -> bool:
        self._refused_rules = ""
        self._watch(policy.files)
        changed = policy.version != self._policy.version
        if policy.acknowledgement_templates != self._policy.acknowledgement_templates:
            self._seen_templates = None
        self._policy = policy.with_answers(CannedAnswers(self._templates))
        self._write_copy()
        _LOG.info("rules_in_force", version=policy.version)
        return changed

    def _stamps(self) -> dict[Path, Stamp]:
        return {path: _stamp_of_file(path) for path in self._seen_rules}

    def _watch(self, files: Iterable[Path]) -> None:
        """From now on look at these files beside rules.toml; of one that was watched, what was seen stays seen."""
        watched = dict.fromkeys((self._rules_file, *files))
        self._seen_rules = {path: self._seen_rules.get(path) or _stamp_of_file(path) for path in watched}

    def _refresh_templates(self, *, at_once: bool) -> None:
        stamps = _stamp_of_folder(self._templates_folder)
        if stamps == self._seen_templates:
            self._templates_settling.judged()
            return
        age = REFUSED_SECONDS
        if self._seen_templates is not None and not at_once:
            gone = {path for path, _ in self._seen_templates} - {path for path, _ in stamps}
            age = self._templates_settling.age(stamps, [*(stamp[0] for _, stamp in stamps), *(0 for _ in gone)])
        if age < SETTLED_SECONDS:
            return
        templates = load_templates(self._templates_folder, default_file("templates"))
        problems = template_problems(self._policy, templates)
        # As of the rules: what its writer may still mend, and what was written while it was read, is judged later.
        if _stamp_of_folder(self._templates_folder) != stamps or (problems and age < REFUSED_SECONDS):
            return
        self._seen_templates = stamps
        self._templates_settling.judged()
        self._tell_broken(problems)
        has_new_answers = templates.answers != self._templates.answers
        self._templates = templates
        if has_new_answers:
            self._policy = self._policy.with_answers(CannedAnswers(templates))

    def _tell_broken(self, problems: Sequence[Problem]) -> None:
        told = self._broken_templates
        self._broken_templates = f"{IN_TEMPLATES}{ConfigurationError([*problems]).in_short}" if problems else ""
        if problems and told != self._broken_templates:
            _LOG.error("templates_broken", problems=len(problems), first=str(problems[0]))


def policy_in_force(settings: Settings) -> tuple[Policy, ConfigurationError | None]:
    """The rules of rules.toml; where they are broken, those that a gateway took over last, and what is wrong.

    Raises ConfigurationError where there are none of before.
    """
    try:
        return load_policy(settings.rules_file), None
    except ConfigurationError as error:
        copy = settings.storage.folder / IN_FORCE
        if not settings.rules_file.exists() or not copy.exists():
            raise
        try:
            return parse_policy(read_text(copy), str(settings.rules_file)), error
        except ConfigurationError:
            raise error from None


def template_problems(policy: Policy, templates: Templates) -> list[Problem]:
    """What is wrong with the templates, those that rules acknowledge with among them, and with the rules' names."""
    named = policy.acknowledgement_templates
    source = Source(policy.file, policy.text)
    found: list[Problem] = []
    for number, name in named:
        message, suggestion = why_no_acknowledgement(name, templates)
        if message:
            path = ("rule", number, "set", "acknowledge")
            found.append(source.problem(Mistake(path=path, message=message, suggestion=suggestion)))
    # The shipped ones are tried out by our tests; most desks change none, and to render all takes half a second.
    if not _are_shipped(templates):
        found += check_templates(templates, [name for _, name in named])
        found += CannedAnswers(templates).problems()
    return found


def _are_shipped(templates: Templates) -> bool:
    shipped = load_templates(default_file("templates"))
    return not templates.phrases.problems and _texts(shipped) == _texts(templates)


def _texts(templates: Templates) -> dict[str, str]:
    return {name: source.text for name, source in (*templates.sources.items(), *templates.answers.items())}


def _load_checked(rules_file: Path) -> Policy:
    """Read rules and try their examples: a rule that misses its own example would sort every mail wrongly."""
    policy = load_policy(rules_file)
    problems = check_examples(policy)
    if problems:
        raise ConfigurationError(problems)
    return policy


def _load_or_why_not(rules_file: Path) -> Policy | ConfigurationError:
    try:
        return _load_checked(rules_file)
    except ConfigurationError as error:
        return error


def _stamp_of_file(path: Path | str) -> Stamp:
    try:
        status = os.stat(path)  # noqa: PTH116 - see _stamp_of_folder
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _stamp_of_folder(folder: Path) -> frozenset[tuple[str, Stamp]]:
    # Once a second, for ever: strings and not Path objects, which would cost ten times as much.
    paths = (f"{place}/{name}" for place, _, names in os.walk(folder) for name in names)
    return frozenset((path, _stamp_of_file(path)) for path in paths)
