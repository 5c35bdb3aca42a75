"""The admin's rules: `gateway rules check`, `gateway rules schema`. Nothing is written.

Other commands about rules live in modules of their own and are hung on `app` in `cli.app`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.common import EXIT_CONFIGURATION, Folder, Json, counted, print_json, settings_of

if TYPE_CHECKING:
    from gateway.errors import Problem
    from gateway.triage.lint import Finding

app = typer.Typer(help="The admin's rules.", no_args_is_help=True)

# Of one kind; --json has all.
_SHOWN_OF_A_KIND = 12


@app.command("check")
def rules_check(
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 for a warning too.")] = False,
    candidate: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help="Check this file, not the one in force.")
    ] = None,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Read rules.toml, run every example in it, and warn of what is hardly meant: rules that never win, words in vain.

    Exit 1 where an example goes wrong, 78 where the file is broken. A warning changes nothing, unless --strict.
    """
    from gateway.errors import ConfigurationError
    from gateway.policy import load_policy
    from gateway.triage.classify import check_examples
    from gateway.triage.lint import lint

    file = candidate or settings_of(folder).rules_file
    try:
        policy = load_policy(file)
    except ConfigurationError as error:
        if not as_json:
            typer.echo(f"{error}\nThe examples wait until this is mended.", err=True)
            raise typer.Exit(EXIT_CONFIGURATION) from None
        print_json({"rules": None, "examples": None, "problems": list(map(_record, error.problems)), "warnings": []})
        raise typer.Exit(EXIT_CONFIGURATION) from None
    problems, warnings = check_examples(policy), lint(policy)
    if as_json:
        record = {"rules": len(policy.rules), "examples": len(policy.examples), "version": policy.version}
        found = [{"lint": one.code, **_record(one.problem)} for one in warnings]
        print_json(record | {"problems": list(map(_record, problems)), "warnings": found})
    else:
        for problem in problems:
            typer.echo(str(problem), err=True)
        _print_warnings(warnings)
        if problems:
            wrong = counted(len(problems), "example is wrong", "examples are wrong")
            typer.echo(f"{wrong}, of {len(policy.examples)}. The file is not taken into service.", err=True)
        else:
            counts = f"{counted(len(policy.rules), 'rule')}, {counted(len(policy.examples), 'example')}"
            warned = f" {counted(len(warnings), 'warning')}." if warnings else ""
            typer.echo(f"{file.name}: {counts}, all as expected.{warned}")
    raise typer.Exit(1 if problems or (strict and warnings) else 0)


def _record(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "key": problem.key,
        "message": problem.message,
        "suggestion": problem.suggestion,
    }


def _print_warnings(warnings: Sequence[Finding]) -> None:
    shown: Counter[str] = Counter()
    for one in warnings:
        shown[one.code] += 1
        if shown[one.code] <= _SHOWN_OF_A_KIND:
            typer.echo(f"warning: {one}", err=True)
    for code, count in shown.items():
        if count > _SHOWN_OF_A_KIND:
            typer.echo(f"warning: {count - _SHOWN_OF_A_KIND} more of [{code}]; --json shows all", err=True)


@app.command("schema")
def rules_schema() -> None:
    """Print the JSON Schema of rules.toml, by which editors complete and check what you write."""
    from gateway.policy.schema import schema_text

    sys.stdout.write(schema_text())
