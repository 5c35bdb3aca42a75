"""The words of every mail: a snapshot of the template files, and how one is rendered.

A file `<notice>.txt` begins with header lines (``Subject: …``), an empty line, and the body. It is looked up in the
locale folder of the letter's language, then at the top level; in the admin's folder first, then among the packaged
ones. ``{# … #}`` is a comment. A file whose name begins with ``_`` is a part that others include. `<notice>.html`
beside a `.txt` replaces the HTML that we otherwise make from the text (see `words.py`).

What a stranger wrote is only ever a variable, never source (T26): a sandbox without mutation, strict names, a short
list of filters and methods, no way to multiply text, output up to 1 MiB (T27). Any failure names file, line, variable.
"""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from gateway.compose.answer_files import answer_files
from gateway.compose.failures import TemplateFailure
from gateway.compose.filters import FILTERS
from gateway.compose.language import base_language
from gateway.compose.notices import NOTICES
from gateway.compose.phrases import CATALOGUE, Catalogues
from gateway.defaults_files import default_file
from gateway.errors import ConfigurationError, Problem
from gateway.subject import one_line, visible

OUTPUT_LIMIT_CHARS = 1024 * 1024
_FOLDER = re.compile(r"(?:[a-z]{2,3}(?:-[a-z0-9]{2,8})*/)?")
_HEADER_LINE = re.compile(r"[A-Za-z][A-Za-z-]*:|\{#.*#\}$")

_STRING_METHODS = {"upper", "lower", "strip", "title", "capitalize", "startswith", "endswith", "split", "partition"}
_MAPPING_METHODS = {"get", "items", "keys", "values"}
_JINJA_FILTERS = (
    "d default join length count first last upper lower capitalize title trim sort unique list select reject int"
    " selectattr rejectattr map e escape"
).split()


@dataclass(frozen=True, kw_only=True)
class Source:
    """One template file: the path to name in messages, and its text."""

    path: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Templates:
    """A frozen snapshot of template files; keys of `sources` are "answer.txt" and "de/answer.txt".

    `answers` are the canned ones of agents under the keys that `compose.answers` gives them.
    """

    sources: Mapping[str, Source] = field(repr=False)
    answers: Mapping[str, Source] = field(default_factory=dict, repr=False)
    phrases: Catalogues = field(default_factory=Catalogues, repr=False)
    _environments: dict[tuple[str, str], jinja2.Environment] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _delimiters: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that there are templates in; the top level is English unless an admin changed it."""
        return tuple(sorted({"en", *(key.partition("/")[0] for key in self.sources if "/" in key)}))

    def find(self, name: str, language: str) -> tuple[str, Source] | None:
        """Find a file for a language: its full tag, its first subtag, the top level."""
        for folder in (f"{language.lower().replace('_', '-')}/", f"{base_language(language)}/", ""):
            if source := self.sources.get(folder + name):
                return folder + name, source
        return None

    def chosen(self, template: str, notice: str, language: str) -> str:
        """The template of the admin's own that a letter asks for, where there is one; else that of its notice.

        What is another notice's, or a part of others, is none: it may say what this reader must not know.
        """
        is_own = bool(template) and template not in NOTICES and not template.startswith("_")
        return template if is_own and self.find(f"{template}.txt", language) else notice

    def has_html(self, notice: str, language: str) -> bool:
        """An `.html` counts only beside the `.txt` that is used, so that both bodies say the same."""
        text, html = self.find(f"{notice}.txt", language), self.find(f"{notice}.html", language)
        if not text or not html:
            return False
        return Path(text[1].path).with_suffix(".html") == Path(html[1].path)

    def render_headers(self, notice: str, language: str, context: Mapping[str, object]) -> dict[str, str]:
        """Render the header lines of a notice, each value one line. Raises `TemplateFailure`."""
        rendered = self._render("headers", f"{notice}.txt", language, context)
        lines = [line.partition(":") for line in rendered.split("\n") if line.strip()]
        return {name.strip().lower(): value.strip() for name, _, value in lines}

    def delimiter(self, language: str) -> str:
        """The line above which people write; no variable stands in it, so it is rendered once."""
        if language not in self._delimiters:
            self._delimiters[language] = one_line(self.render_words("_delimiter.txt", language, {}))
        return self._delimiters[language]

    def render_words(self, name: str, language: str, context: Mapping[str, object]) -> str:
        """Render the body of a `.txt` file. Raises `TemplateFailure`."""
        return self._render("text", name, language, context).strip("\n")

    def render_html(self, notice: str, language: str, context: Mapping[str, object]) -> str:
        """Render the `.html` file of a notice, with every variable escaped. Raises `TemplateFailure`."""
        return self._render("html", f"{notice}.html", language, context)

    def _render(self, kind: str, name: str, language: str, context: Mapping[str, object]) -> str:
        found = self.find(name, language)
        if not found:
            raise TemplateFailure(Problem(file=name, message="there is no such template"))
        environment = self._environment(kind, language)
        pieces, size = [], 0
        try:
            for piece in environment.get_template(name).generate(context):
                size += len(piece)
                if size > OUTPUT_LIMIT_CHARS:
                    raise SecurityError("the output is above 1 MiB")
                pieces.append(piece)
        except Exception as error:  # a template is a program of the admin's: anything may come out of it
            raise TemplateFailure(_problem(error, found[1].path, self.sources, context)) from error
        return "".join(pieces)

    def _environment(self, kind: str, language: str) -> jinja2.Environment:
        if (kind, language) not in self._environments:  # two threads may make it twice, which harms nobody
            self._environments[kind, language] = _new_environment(kind, self._loader(kind, language))
        return self._environments[kind, language]

    def _loader(self, kind: str, language: str) -> jinja2.BaseLoader:
        def load(name: str) -> tuple[str, str, Callable[[], bool]] | None:
            found = self.find(name, language)
            if not found:
                return None
            head, body = split_source(name, found[1].text)
            return head if kind == "headers" else body, found[1].path, lambda: True

        return jinja2.FunctionLoader(load)


def load_templates(folder: Path, fallback: Path | None = None) -> Templates:
    """Read the templates of a folder; files that it lacks come from `fallback`, by default the packaged ones.

    Of catalogues of phrases, single lines come from there. What is wrong in one stands in `phrases.problems`.

    Raises `ConfigurationError` for a file that is not UTF-8 and OSError for one that can't be read.
    """
    sources: dict[str, Source] = {}
    answers: dict[str, Source] = {}
    phrases = Catalogues()
    problems: list[Problem] = []
    shipped = fallback or default_file("templates")
    for root in (shipped, folder):
        for path in sorted([*root.glob("*.*"), *root.glob("*/*.*")]):
            language = "" if path.parent == root else path.parent.name.lower().replace("_", "-") + "/"
            is_catalogue = path.name == CATALOGUE
            is_template = path.suffix in (".txt", ".html") and not path.name.startswith(".")
            if not (is_catalogue or is_template) or not _FOLDER.fullmatch(language):
                continue
            try:
                text = path.read_text(encoding="utf-8-sig")
                if is_catalogue:
                    phrases.add(language.rstrip("/"), path, text, is_shipped=root is shipped)
                else:
                    sources[language + path.name] = Source(path=str(path), text=text)
            except UnicodeDecodeError as error:
                problems.append(_not_utf8(path, error))
    for key, path in answer_files(folder, shipped):
        try:
            answers[key] = Source(path=str(path), text=path.read_text(encoding="utf-8-sig"))
        except UnicodeDecodeError as error:
            problems.append(_not_utf8(path, error))
    if problems:
        raise ConfigurationError(problems)
    return Templates(sources=sources, phrases=phrases, answers=answers)


def _not_utf8(path: Path, error: UnicodeDecodeError) -> Problem:
    line = path.read_bytes().count(b"\n", 0, error.start) + 1
    return Problem(file=str(path), line=line, message="is not UTF-8", suggestion="save it as UTF-8")


def split_source(name: str, text: str) -> tuple[str, str]:
    """Split a notice into header lines and body; the body keeps its line numbers. Parts and HTML have no headers."""
    if name.startswith("_") or not name.endswith(".txt"):
        return "", text
    lines = text.split("\n")
    end = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    if not all(_HEADER_LINE.match(line) for line in lines[:end]):
        return "", text
    return "\n".join(lines[:end]), "\n" * end + "\n".join(lines[end:])


class _Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox that also can't be made to eat memory: no repetition, no formatting, few methods."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: object, right: object) -> object:
        if operator == "**" or not isinstance(left, int) or not isinstance(right, int):
            raise SecurityError(f"the operator {operator} is for small numbers only")
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: object) -> None:
        """No `str.format`: "{:>999999999}" is a gigabyte."""

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        allowed = _STRING_METHODS if isinstance(obj, str) else _MAPPING_METHODS if isinstance(obj, dict) else set()
        return attr in allowed


def _new_environment(kind: str, loader: jinja2.BaseLoader) -> jinja2.Environment:
    environment = _Sandbox(
        loader=loader,
        autoescape=kind == "html",
        undefined=jinja2.StrictUndefined,
        finalize=_one_line_value if kind == "headers" else _shown_value,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=100,
    )
    environment.filters = {name: environment.filters[name] for name in _JINJA_FILTERS} | dict(FILTERS)
    environment.globals.clear()
    return environment


def _shown_value(value: object) -> object:
    """A value stands on its line; only the filters for what a person wrote bring more than one (T14)."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return "" if value is None else value
    return visible(value).replace("\n", " ")


def _one_line_value(value: object) -> object:
    return "" if value is None else one_line(str(value))


def _problem(error: Exception, path: str, sources: Mapping[str, Source], context: Mapping[str, object]) -> Problem:
    """Say where in the templates an error arose, and which name was meant."""
    line: int | None = None
    if isinstance(error, jinja2.TemplateSyntaxError):
        path, line = error.filename or path, error.lineno
    else:
        paths = {source.path for source in sources.values()}
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename in paths:
                path, line = frame.filename, frame.lineno
    message = str(error) or type(error).__name__
    if isinstance(error, jinja2.TemplatesNotFound | jinja2.TemplateNotFound):
        return Problem(file=path, line=line, message=f"includes a file that does not exist: {error.name}")
    name = re.search(r"'([^']+)' is undefined|no attribute '([^']+)'", message)
    key = next(filter(None, name.groups()), "") if name else ""
    near = difflib.get_close_matches(key, _names(context), n=1)
    suggestion = f"did you mean {near[0]}?" if near else ""
    return Problem(file=path, line=line, message=message, key=key, suggestion=suggestion)


def _names(value: object, depth: int = 4) -> list[str]:
    if depth and isinstance(value, Mapping):
        return [name for key, item in value.items() for name in (str(key), *_names(item, depth - 1))]
    return _names(value[0], depth - 1) if depth and isinstance(value, list) and value else []
