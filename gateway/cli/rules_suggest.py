"""`gateway rules suggest`: rules that agents' corrections speak for, as text to paste. Nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gateway.cli.common import Folder, Json, counted, opened, print_json
from gateway.cli.quarantine import since_when
from gateway.cli.rules_stats import Since

if TYPE_CHECKING:
    from gateway.triage.suggest import Proposal


def suggest_rules(since: Since = "180d", folder: Folder = Path(), as_json: Json = False) -> None:
    """Propose rules for what agents set by hand, with how often each would have been right. Writes nothing.

    What it prints can be put at the end of rules.toml as it is. Each rule comes from the older two thirds of the
    tickets and is measured on the newest third. Only what no rule in force fills is proposed: category, team, type.
    """
    from gateway.desk.rule_suggestions import gather_material
    from gateway.policy import load_policy
    from gateway.triage.suggest import propose
    from gateway.triage.suggested_rules import as_toml

    with opened(folder) as desk:
        begin = since_when(since, desk.now)
        if begin is None or begin >= desk.now:
            raise typer.BadParameter("write a day that is over, like 2026-03-02, or 180d", param_hint="--since")
        policy = load_policy(desk.settings.rules_file)
        material = gather_material(policy, since=begin, until=desk.now)
    found = as_toml(policy, propose(material))
    if as_json:
        proposals = [_record(proposal, text) for proposal, text in found]
        print_json({"since": begin, "until": desk.now, "tickets": len(material), "proposals": proposals})
        return
    tickets = f"{counted(len(material), 'ticket')} that agents have settled since {begin:%Y-%m-%d}"
    if not found:
        typer.echo(f"No rule to propose from {tickets}.")
        return
    # All of it is TOML: it can be appended to the file as it comes.
    typer.echo(f"# {counted(len(found), 'rule')} proposed from {tickets}. Read before you paste.")
    for _, text in found:
        typer.echo(f"\n{text}", nl=False)


def _record(proposal: Proposal, text: str) -> dict[str, Any]:
    return {
        "words": list(proposal.words),
        "from": list(proposal.senders),
        "domain": list(proposal.domains),
        "set": [
            {
                "field": one.field.value,
                "value": one.value,
                "precision": round(one.precision, 4),
                "held_out": one.held_out,
                "held_out_right": one.held_out_right,
                "older": one.older,
                "older_right": one.older_right,
            }
            for one in proposal.sets
        ],
        "toml": text,
    }
