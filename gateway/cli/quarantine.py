"""`gateway quarantine`: mails that wait for a person. Looking at them; `quarantine_acts` is what is done to them."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.common import (
    Folder,
    Json,
    Limit,
    age,
    counted,
    fail,
    lines_of,
    opened,
    print_json,
    print_line,
    print_quoted,
    print_reasons,
    rules_if_any,
    shown,
)
from gateway.cli.tables import Column, print_table

if TYPE_CHECKING:
    from gateway.policy import Policy
    from gateway.settings import Settings

app = typer.Typer(help="The quarantine: mails that a person decides.", no_args_is_help=True)

_COLUMNS = (
    Column(key="id"),
    Column(key="age"),
    Column(key="reason", bends=True),
    Column(key="kind", wide=True),
    Column(key="from", bends=True),
    Column(key="subject", bends=True),
    Column(key="if_released", title="a release", bends=True, wide=True),
    Column(key="size", wide=True),
)
_STATS = (
    Column(key="reason"),
    Column(key="count"),
    Column(key="size"),
    Column(key="age_days", title="oldest, days"),
    Column(key="what", bends=True),
)
_BLOCKED = (Column(key="pattern"), Column(key="by"), Column(key="at"), Column(key="reason", bends=True))
_SHOWN_CHARS = 400
_SHOWN_LINES = 30

Reason = Annotated[str, typer.Option(metavar="CODE", help="Only those with this reason.")]
Sender = Annotated[str, typer.Option(metavar="ADDRESS", help="Only those of this address or domain.")]
Since = Annotated[
    str, typer.Option(metavar="DAY", help="Only those since a day (2026-03-02) or for so long (7d, 12h).")
]


@app.command("list")
def quarantine_list(
    reason: Reason = "",
    sender: Sender = "",
    since: Since = "",
    limit: Limit = 50,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """List the mails that wait for a person, the newest first."""
    from gateway.desk.quarantine_views import quarantine_rows

    check_reason(reason)
    with opened(folder) as desk:
        moment = since_when(since, desk.now)
        rows = quarantine_rows(reason=reason, sender=sender, since=moment, limit=limit)
    if as_json:
        print_json(rows)
        return
    cells = [row | {"age": age(row["received"], desk.now)} for row in rows]
    print_table(_COLUMNS, cells, empty="The quarantine is empty." if not (reason or sender or since) else "None.")


@app.command("show")
def quarantine_show(
    number: Annotated[int, typer.Argument(metavar="ID", help="The id of the mail.")],
    raw: Annotated[bool, typer.Option("--raw", help="Write the mail itself to standard output.")] = False,
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Show one mail: why it is here, where it comes from, what it says, what a release would do."""
    from gateway.desk.quarantine_views import earlier_of
    from gateway.desk.raw import read_raw
    from gateway.desk.views import ledger_record
    from gateway.store.states import LedgerState
    from gateway.store.tables import Ledger
    from gateway.triage.quarantine import todo_about, why_quarantined

    with opened(folder) as desk:
        row = Ledger.get_or_none(Ledger.id == number)
        if row is None or row.state != LedgerState.QUARANTINED:
            state = f"it is {row.state} ({row.outcome or 'no outcome yet'})" if row else "there is no such mail"
            raise fail(f"mail {number} is not in quarantine: {state}")
        content = read_raw(number)
        if raw:
            sys.stdout.buffer.write(content)
            return
        why = why_quarantined(row.reason_code)
        record = ledger_record(row) | {"age": age(row.received_at, desk.now), "digest": bytes(row.digest).hex()}
        record["what"], record["todo"] = str(why.text), todo_about(row.reason_code, record["reasons"])
        record["by_mail"] = why.by_mail
        record["envelope"] = row.envelope
        policy = rules_if_any(desk.settings)
        record["mail"] = what_a_release_does(desk.settings, content, row.envelope, policy=policy)
        record["earlier"] = earlier_of(row)
    if as_json:
        print_json(record)
    else:
        _print(record)


def what_a_release_does(
    settings: Settings,
    content: bytes,
    envelope: dict[str, Any],
    *,
    policy: Policy | None = None,
    acknowledge: bool = False,
) -> dict[str, Any]:
    """What the mail is, and what would become of it if a person let it in now: the real decision, not carried out.

    Without a policy, it is decided as `Explainer.open` finds the rules.
    """
    from gateway.explain import Explainer
    from gateway.intake.envelope import envelope_from_json

    released = replace(envelope_from_json(envelope), released=True, release_acknowledged=acknowledge)
    with Explainer.open(settings, policy=policy) as explainer:
        return explainer.explain_one(content, released)


def release_line(mail: dict[str, Any]) -> str:
    """What a release would do, in one sentence."""
    words = {"open": "open a ticket", "append": "append it to", "hold": "hold it on", "file": "file it on no ticket"}
    line = [words.get(mail["action"], mail["action"]), mail["ticket"] or ""]
    if mail["action"] == "open":
        line.append(f"in team {mail['team']} ({mail['type']}, {mail['priority']})")
    told = "yes" if mail["would_acknowledge"] else f"no, {_why_no_acknowledgement(mail)}"
    return f"A release would {' '.join(filter(None, line))}. Acknowledgement: {told}."


def _why_no_acknowledgement(mail: dict[str, Any]) -> str:
    head = "not-acknowledged: "
    why = next((one.removeprefix(head) for one in mail["reasons"] if one.startswith(head)), "")
    return why or "no ticket is opened"


def _print(record: dict[str, Any]) -> None:
    from gateway.subject import defanged

    mail, envelope = record["mail"], record["envelope"]
    lines_of({key: record[key] for key in ("id", "received", "age", "size", "attempts", "kind")})
    came = {key: envelope.get(key) for key in ("peer", "helo", "mailbox", "folder", "uid")}
    lines_of({"by": record["by"]} | came | {"envelope_from": record["from"], "envelope_to": record["to"]})
    defects = ", ".join(mail["sender_defects"])
    trust = "authenticated by your own server" if mail["auth_trusted"] else "nothing proves it"
    auth = " ".join(f"{name}={word}" for name, word in mail["auth"].items() if word)
    proof = "; ".join(filter(None, (trust, f"the header says {auth}" if auth else "", defects)))
    addressees = f"{mail['addressees']['to']} in To, {mail['addressees']['cc']} in Cc"
    lines_of({"author": f"{mail['from']} ({proof})", "addressed": addressees, "subject": defanged(mail["subject"])})
    lines_of({"message_id": mail["message_id"], "digest": record["digest"]})
    for file in mail["attachments"] + mail["unnamed_parts"]:
        print_line(f"  file: {shown(file['filename'])} ({shown(file['type'])}, {file['size']} bytes)")
    typer.echo(f"Why it is here: {record['reason']}, {record['what']}")
    print_reasons(record["reasons"])
    print_line(f"What to do: {record['todo']}")
    _print_text(mail["text"])
    _print_earlier(record["earlier"])
    print_line(release_line(mail))
    if not record["by_mail"]:
        print_line("A mere reply to the digest can't let it in; this command can.")


def _print_text(text: str) -> None:
    from gateway.subject import defanged

    lines = [defanged(line, _SHOWN_CHARS) for line in text[:_SHOWN_CHARS].splitlines()]
    typer.echo("What it says" if any(lines) else "It has no text")
    print_quoted(lines, at_most=_SHOWN_LINES)
    if len(text) > _SHOWN_CHARS:
        typer.echo(f"  … {len(text) - _SHOWN_CHARS} characters more (--raw)")


def _print_earlier(earlier: list[dict[str, Any]]) -> None:
    for one in earlier:
        print_line(
            f"Same sender before: {one['id']} at {shown(one['received'])}, {one['reason']}: {shown(one['became'])}"
        )


@app.command("stats")
def quarantine_stats(folder: Folder = Path(), as_json: Json = False) -> None:
    """Count what waits, by reason, and what was done so far."""
    from gateway.desk.quarantine_views import statistics

    with opened(folder) as desk:
        record = statistics(now=desk.now)
    if as_json:
        print_json(record)
        return
    print_table(_STATS, record["waiting"], empty="The quarantine is empty.")
    done = record["done"]
    typer.echo(
        f"{counted(record['count'], 'mail')}, {record['size']} bytes. So far {done['released']} released,"
        f" {done['deleted']} deleted; {counted(record['blocked'], 'sender')} blocked."
    )


@app.command("blocked")
def quarantine_blocked(folder: Folder = Path(), as_json: Json = False) -> None:
    """List whose mail is set aside."""
    from gateway.desk.quarantine_views import deny_list

    with opened(folder):
        rows = deny_list()
    if as_json:
        print_json(rows)
    else:
        print_table(_BLOCKED, rows, empty="Nobody is blocked.")


@app.command("export")
def quarantine_export(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="An empty folder, or one that is made.")],
    reason: Reason = "",
    sender: Sender = "",
    since: Since = "",
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Write mails as they came into files, ID.eml, with an index.json beside them; they stay in quarantine.

    Exit 1 where the folder is not empty.
    """
    import hashlib
    import json

    from gateway.desk.quarantine_views import quarantine_rows
    from gateway.desk.raw import read_raw
    from gateway.store.tables import Ledger

    check_reason(reason)
    if target.exists() and any(target.iterdir()):
        raise fail(f"{target} is not empty")
    target.mkdir(parents=True, exist_ok=True)
    with opened(folder) as desk:
        rows = quarantine_rows(reason=reason, sender=sender, since=since_when(since, desk.now))
        for row in rows:
            content = read_raw(row["id"])
            sha256 = hashlib.sha256(content).hexdigest()
            if bytes(Ledger.get_by_id(row["id"]).sha256).hex() != sha256:
                raise fail(f"the bytes of mail {row['id']} are not those that came: gateway audit")
            (target / f"{row['id']}.eml").write_bytes(content)
            row["sha256"] = sha256
    index = json.dumps(rows, ensure_ascii=False, indent=2, default=str)
    (target / "index.json").write_text(index + "\n", encoding="utf-8")
    if as_json:
        print_json({"exported": len(rows), "folder": str(target)})
    else:
        typer.echo(f"{counted(len(rows), 'mail')} written to {target}.")


def check_reason(reason: str) -> None:
    """Refuse a code that there is not, with those that there are."""
    from gateway.triage.quarantine import QUARANTINE

    if reason and reason not in QUARANTINE:
        raise typer.BadParameter(f"there is no {reason!r}; one of {', '.join(QUARANTINE)}", param_hint="--reason")


def since_when(text: str, now: datetime) -> datetime | None:
    """The moment that `--since` names: a day, a moment, or "7d", "12h"; None for none."""
    if not text:
        return None
    number, unit = text[:-1], text[-1].lower()
    if number.isdecimal() and unit in "dh":
        return now - (timedelta(days=int(number)) if unit == "d" else timedelta(hours=int(number)))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a day like 2026-03-02, or 7d, or 12h", param_hint="--since") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
