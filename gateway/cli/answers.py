"""`gateway answers list`: the canned answers that agents put into theirs with #use."""

from __future__ import annotations

from pathlib import Path

import typer

from gateway.cli.common import Folder, Json, print_json, settings_of
from gateway.cli.tables import Column, print_table

app = typer.Typer(help="Canned answers: the words of #use.", no_args_is_help=True)

_COLUMNS = (Column(key="name"), Column(key="languages", bends=True), Column(key="file", bends=True))


@app.command("list")
def answers_list(folder: Folder = Path(), as_json: Json = False) -> None:
    """List the canned answers and the languages that each is written in."""
    from gateway.compose import CannedAnswers, load_templates

    answers = CannedAnswers(load_templates(settings_of(folder).templates_folder))
    rows = [
        {"name": name, "languages": list(answers.languages(name)), "file": answers.file(name)} for name in answers.names
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(
            _COLUMNS,
            [row | {"languages": " ".join(row["languages"])} for row in rows],
            empty="There are none: write one as templates/answers/NAME.txt.",
        )
