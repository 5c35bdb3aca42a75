"""Canned answers: what `#use vpn-reset` puts into an agent's answer, in the requester's language.

The words of an answer are rendered when the agent's mail is decided, so that the history and colleagues have what the
requester gets. An answer knows `ticket`, `requester`, `agent`, `desk` and `language`; the values below are the
reference. It is one more template to the sandbox, and fails like one: the agent is asked, nothing goes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

from gateway.compose.answer_files import NAME, key_of, name_of
from gateway.compose.failures import TemplateFailure
from gateway.compose.filters import Rendering
from gateway.compose.language import base_language
from gateway.compose.templates import Templates
from gateway.errors import Problem

_DESK = {"name": "Help Desk", "address": "helpdesk@example.com"}
_MUCH: Mapping[str, object] = {
    "ticket": {
        "token": "[INC-1042]",
        "number": "INC-1042",
        "type": "incident",  # or "request"
        "status": "in_progress",  # new, in_progress, on_hold, resolved, closed, cancelled
        "subject": "VPN drops every few minutes",
        "priority": "P2",
        "impact": "high",
        "urgency": "medium",
        "category": "network",
        "subcategory": "vpn",
        "team": "Network",
        "assignee": "Anna Agent",  # who has the ticket, "" for nobody
        "asset": "PC-0815",
        "tags": ["vpn", "site-berlin"],
        "fields": {"host": "srv1.example.com"},
        "opened_at": "2026-03-02T09:14:00+01:00",
    },
    "requester": {"name": "Erika Muster", "address": "erika.muster@example.com"},
    "agent": {"name": "Anna Agent"},  # who writes the answer; addresses of agents are nobody's business outside
    "desk": _DESK,
}
_LITTLE: Mapping[str, object] = {
    "ticket": {key: type(value)() for key, value in _MUCH["ticket"].items()},  # type: ignore[attr-defined]
    "requester": {"name": "", "address": "e@example.org"},
    "agent": {"name": "Anna Agent"},
    "desk": _DESK,
}


@dataclass(frozen=True)
class CannedAnswers:
    """The answers of a snapshot of templates."""

    templates: Templates

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({name for key in self.templates.answers if (name := name_of(key))}))

    def languages(self, name: str) -> tuple[str, ...]:
        """The languages that an answer is written in; the top level is English unless an admin changed it."""
        folders = (key.rpartition("/")[0] for key in self.templates.answers if name_of(key) == name)
        return tuple(sorted(folder or "en" for folder in folders))

    def file(self, name: str, language: str = "") -> str:
        """The path of the file that says an answer in a language."""
        found = self._sources.find(key_of(name), language)
        return found[1].path if found is not None else ""

    def render(self, name: str, language: str, context: Mapping[str, object]) -> tuple[str, str]:
        """The words of an answer, or "" and what is wrong with its file."""
        try:
            return self._rendered(name, language, context), ""
        except TemplateFailure as failure:
            return "", str(failure.problem)

    def problems(self) -> Iterator[Problem]:
        """Every answer tried out in every language that it has, with much and with little to say."""
        for key, source in self.templates.answers.items():
            name, language = name_of(key), key.rpartition("/")[0]
            if not name:
                continue
            if not NAME.fullmatch(name):
                hint = "write letters, digits, - and _ only, as in vpn-reset.txt or vpn-reset.de.txt"
                yield Problem(file=source.path, message=f'"{name}" can\'t be written behind #use', suggestion=hint)
                continue
            for context in (_MUCH, _LITTLE):
                try:
                    words = self._rendered(name, language, context)
                except TemplateFailure as failure:
                    yield failure.problem
                    break
                if not words:
                    yield Problem(file=source.path, message="says nothing")
                    break

    @cached_property
    def _sources(self) -> Templates:
        return Templates(sources=self.templates.answers, phrases=self.templates.phrases)

    def _rendered(self, name: str, language: str, context: Mapping[str, object]) -> str:
        found = self._sources.find(key_of(name), language)
        spoken = base_language(found[0].rpartition("/")[0]) if found is not None and "/" in found[0] else "en"
        rendering = Rendering(look_up=partial(self.templates.phrases.look_up, language=spoken))
        values = {**context, "language": spoken, "rendering": rendering}
        words = self._sources.render_words(key_of(name), language, values)
        if rendering.bodies:
            file = found[1].path if found is not None else name
            raise TemplateFailure(
                Problem(file=file, message="an answer has no message to show: leave out body and framed")
            )
        return words.strip()
