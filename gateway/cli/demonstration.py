"""`gateway demo`: show a day at a small desk as the people of it would read it, then what was decided and why."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.cli.common import quiet_logs
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.demo.stage import Answer, Played, Stage

_DELIMITER = "=-=-="
_MOST_LINES = 12
_WIDEST = 100
_OUTCOMES = {
    "opened": "opens",
    "appended": "joins",
    "held": "is held on",
    "filed": "is filed",
    "commanded": "commands",
    "duplicate": "was known already",
}
_ID = re.compile(r" ?\(?<[^<>]*@[^<>]*>\)?")


def play() -> int:
    """Play the story and show it; 0 when it went as it is written, 1 when not, 130 after Ctrl-C."""
    quiet_logs()
    console = Console(highlight=False)
    console = Console(highlight=False, width=min(console.width, _WIDEST))
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _play(console)
    except KeyboardInterrupt:
        console.print("Stopped. Nothing is left behind.")
        return 130
    except (GatewayError, OSError) as error:
        print(f"The demonstration can't go on: {error}", file=sys.stderr)
        return 1


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _play(console: Console) -> int:
    from gateway.demo.stage import open_stage, scenes

    played: list[Played] = []
    story = scenes()
    with console.status("Setting up a desk in a temporary folder …") as progress, open_stage() as stage:
        console.print(_title("A day at the help desk"))
        for number, scene in enumerate(story, start=1):
            progress.update(f"Mail {number} of {len(story)}: {scene.what} …")
            one = stage.play(scene)
            played.append(one)
            console.print(_scene(one, number, len(story)))
        progress.update("Proving that nothing was lost …")
        proof = _proof(stage)
    console.print(_title("What was decided, and why"))
    console.print(_decisions(played))
    as_written = all(one.went_as_written for one in played)
    console.print(Text(proof if as_written else f"Not everything went as it is written. {proof}"))
    console.print(Text("Your own desk: gateway init DIR"))
    return 0 if as_written and proof.startswith("Nothing") else 1


def _title(words: str) -> RenderableType:
    return Text(f"\n{words}\n", style="bold")


def _scene(played: Played, number: int, count: int) -> RenderableType:
    """One mail to the desk, and under it what the desk sent because of it."""
    scene = played.scene
    head = Text(f"{number}/{count}  {scene.what}", style="bold cyan")
    author = scene.author.name + (" (a machine)" if scene.is_automatic else "")
    mails: list[RenderableType] = [_mail(f"{author} → Help Desk", played.subject, scene.text, "green")]
    mails += [Padding(_answers(alike), (0, 0, 0, 4)) for alike in _alike(played.answers)]
    if not played.answers:
        mails.append(Text("    The desk sends nothing.", style="dim"))
    return Group(head, *mails, Text(""))


def _alike(answers: Sequence[Answer]) -> list[list[Answer]]:
    """Mails that say the same to several people are shown once."""
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        found.setdefault(answer.text, []).append(answer)
    return list(found.values())


def _answers(alike: list[Answer]) -> RenderableType:
    from gateway.demo.stage import person_of

    message = alike[0].message
    readers = " and ".join(person_of(one.recipient) for one in alike)
    return _mail(
        f"{person_of(str(message['From']))} → {readers}", str(message["Subject"]), _new_text(alike[0].text), "blue"
    )


def _new_text(text: str) -> str:
    """What a person reads first: without the quoted history, and not all of a long mail."""
    lines = [line for line in text.splitlines() if not line.startswith((">", _DELIMITER))]
    return "\n".join(lines)


def _mail(route: str, subject: str, text: str, colour: str) -> RenderableType:
    body = Text(_shortened(text))
    return Panel(Group(Text(subject, style="bold"), body), title=Text(route), title_align="left", border_style=colour)


def _shortened(text: str) -> str:
    lines: list[str] = []
    for line in text.strip().splitlines():
        # Two empty lines say no more than one.
        if line.strip() or (lines and lines[-1]):
            lines.append(line.rstrip())
    more = len(lines) - _MOST_LINES
    return "\n".join([*lines[:_MOST_LINES], f"… {more} lines more"] if more > 1 else lines)


def _decisions(played: list[Played]) -> RenderableType:
    table = Table(box=None, header_style="bold", pad_edge=False, show_edge=False, padding=(0, 1, 1, 0))
    for name in ("mail", "is", "so it", "because"):
        table.add_column(name, no_wrap=name != "because", overflow="fold")
    for number, one in enumerate(played, start=1):
        row = one.row
        reasons = Text("\n".join(_reason(text) for _, text in row["reasons"]))
        what = _OUTCOMES.get(row["outcome"], row["outcome"] or row["state"])
        ticket = f" {row['ticket']}" if row["ticket"] else ""
        table.add_row(f"{number} {one.scene.author.name.split()[0]}", row["kind"], f"{what}{ticket}", reasons)
    return table


def _reason(text: str) -> str:
    """The ids that a reason names mean nothing to a reader."""
    return "· " + _ID.sub("", text)


def _proof(stage: Stage) -> str:
    report = stage.audit()
    if not report.is_clean:
        return "The audit finds: " + "; ".join(report.findings)
    counts = ", ".join(f"{count} {what}" for what, count in report.checked.items())
    return f"Nothing was lost and nothing happened twice: gateway audit has checked {counts}."
