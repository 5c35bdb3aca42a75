"""Every template tried out before it is used: `gateway check` and the reload of `templates/` call this."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from gateway.compose.failures import LetterRefused, TemplateFailure
from gateway.compose.mime import compose
from gateway.compose.notices import NOTICES
from gateway.compose.samples import sample_letters
from gateway.compose.templates import Templates, split_source
from gateway.errors import Problem

ACKNOWLEDGEMENT = "acknowledgement"


def check_templates(templates: Templates, acknowledgements: Collection[str] = ()) -> list[Problem]:
    """Render every notice in every language, with much and with little to say; return what is wrong, each once.

    `acknowledgements` are templates of the admin's own, which rules name; they know what an acknowledgement knows.
    """
    known = {*NOTICES, *acknowledgements}
    problems = dict.fromkeys(
        (*_wrong_names(templates, known), *_missing_headers(templates), *templates.phrases.problems)
    )
    letters = [letter for notice in NOTICES for letter in sample_letters(notice)]
    for name in acknowledgements:
        letters += [replace(letter, template=name) for letter in sample_letters(ACKNOWLEDGEMENT)]
    for language in templates.languages:
        for letter in letters:
            try:
                compose(replace(letter, language=language), templates)
            except TemplateFailure as failure:
                problems[failure.problem] = None
            except LetterRefused as refusal:
                problems[Problem(file=f"{letter.template or letter.notice}.txt", message=str(refusal))] = None
    return list(problems)


def why_no_acknowledgement(name: str, templates: Templates) -> tuple[str, str]:
    """Why a template of that name can't be the words of an acknowledgement, and what to do; ("", "") where it can."""
    if name in NOTICES and name != ACKNOWLEDGEMENT:
        return f"{name}.txt is the template of another mail", "take a name of your own"
    if any(PurePosixPath(key).name == f"{name}.txt" for key in templates.sources):
        return "", ""
    stems = {PurePosixPath(key).stem for key in templates.sources} - NOTICES.keys()
    near = difflib.get_close_matches(name, [stem for stem in stems if not stem.startswith("_")], n=1)
    return f"there is no {name}.txt in the templates folder", f'did you mean "{near[0]}"?' if near else "write it there"


def _wrong_names(templates: Templates, known: Collection[str]) -> Iterator[Problem]:
    """A file that no notice uses is mistyped more often than not."""
    for key, source in templates.sources.items():
        stem = PurePosixPath(key).stem
        if stem not in known and not stem.startswith("_") and stem != "layout":
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
