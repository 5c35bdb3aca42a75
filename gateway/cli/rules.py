"""The admin's rules: `gateway rules check`. Nothing is written.

Other commands about rules live in modules of their own and are hung on `app` in `cli.app`.
"""

from __future__ import annotations

from pathlib import Path

import typer

from gateway.cli.common import Folder, Json, counted, print_json, settings_of

app = typer.Typer(help="The admin's rules.", no_args_is_help=True)


@app.command("check")
def rules_check(folder: Folder = Path(), as_json: Json = False) -> None:
    """Read rules.toml and run every example in it. Exit 1 where an example goes wrong, 78 where the file is broken."""
    from gateway.policy import load_policy
    from gateway.triage.classify import check_examples

    settings = settings_of(folder)
    policy = load_policy(settings.rules_file)
    problems = check_examples(policy)
    if as_json:
        found = [{"line": one.line, "key": one.key, "message": one.message} for one in problems]
        print_json({"rules": len(policy.rules), "examples": len(policy.examples), "problems": found})
    else:
        for problem in problems:
            typer.echo(str(problem), err=True)
        if problems:
            wrong = counted(len(problems), "example is wrong", "examples are wrong")
            typer.echo(f"{wrong}, of {len(policy.examples)}.", err=True)
        else:
            counts = f"{counted(len(policy.rules), 'rule')}, {counted(len(policy.examples), 'example')}"
            typer.echo(f"{settings.rules_file.name}: {counts}, all as expected.")
    raise typer.Exit(1 if problems else 0)
