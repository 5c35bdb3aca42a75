"""Every template tried out before it is used: `gateway check` and the reload of `templates/` call this."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from gateway.compose.failures import LetterRefused, TemplateFailure
from gateway.compose.mime import compose
from gateway.compose.notices import NOTICES
from gateway.compose.samples import sample_letters
from gateway.compose.templates import Templates, split_source
from gateway.errors import Problem


def check_templates(templates: Templates) -> list[Problem]:
    """Render every notice in every language, with much and with little to say; return what is wrong, each once."""
    problems = dict.fromkeys((*_wrong_names(templates), *_missing_headers(templates), *templates.phrases.problems))
    for language in templates.languages:
        for notice in NOTICES:
            for letter in sample_letters(notice):
                try:
                    compose(replace(letter, language=language), templates)
                except TemplateFailure as failure:
                    problems[failure.problem] = None
                except LetterRefused as refusal:
                    problems[Problem(file=f"{notice}.txt", message=str(refusal))] = None
    return list(problems)


def _wrong_names(templates: Templates) -> Iterator[Problem]:
    """A file that no notice uses is mistyped more often than not."""
    for key, source in templates.sources.items():
        stem = PurePosixPath(key).stem
        if stem not in NOTICES and not stem.startswith("_") and stem != "layout":
            near = difflib.get_close_matches(stem, NOTICES, n=1)
            suggestion = f"did you mean {near[0]}?" if near else "a part that others include begins with _"
            yield Problem(file=source.path, message="no notice has this name", suggestion=suggestion)


def _missing_headers(templates: Templates) -> Iterator[Problem]:
    for key, source in templates.sources.items():
        name = PurePosixPath(key).name
        if not name.startswith("_") and name.endswith(".txt"):
            head, _ = split_source(name, source.text)
            names = [line.partition(":")[0].lower() for line in head.split("\n") if line and not line.startswith("{#")]
            if names != ["subject"]:
                message = "must begin with one header line, Subject:, and an empty line"
                yield Problem(file=source.path, line=1, message=message)
