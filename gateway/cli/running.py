"""Run it: `gateway serve`, `gateway demo`, `gateway deliver`."""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import Folder, settings_of

if TYPE_CHECKING:
    from gateway.service import Gateway


def serve(
    folder: Folder = Path(),
    only: Annotated[
        str, typer.Option(metavar="PARTS", help="Run only these of smtp,imap,sort,send,timers, apart by commas.")
    ] = "",
) -> None:
    """Run the gateway until it is told to stop (SIGTERM or Ctrl-C); SIGHUP reads rules.toml again at once.

    Exit 0 after a clean stop, 78 where a file is wrong or a port taken, 75 where the database server is away.
    """
    from gateway.logs import configure_logs
    from gateway.service import PARTS, Gateway
    from gateway.storage import explained, explained_start

    settings = settings_of(folder)
    configure_logs(level=settings.log.level, form=settings.log.format)
    parts = [part.strip() for part in only.split(",") if part.strip()] or list(PARTS)
    stop = threading.Event()
    reload = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, lambda *_: reload.set())
    with explained_start(settings):
        service = Gateway(settings, only=parts)
    try:
        with explained(settings):
            service.start()
        _settle_memory()
        _greet(service)
        while not stop.wait(0.5):
            if reload.is_set():
                reload.clear()
                service.keeper.refresh(at_once=True)
    finally:
        service.stop()


def _settle_memory() -> None:
    """What lives as long as the process is no garbage: never look at it again, and look less often.

    Mails leave few cycles behind; the usual 700 new objects cost 4 % of a mail's CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _greet(service: Gateway) -> None:
    """Say what an operator wants to know at the start, and how to send a first mail."""
    from gateway.service import outgoing_place

    desk, settings = service.keeper.policy.desk, service.settings
    addresses = ", ".join((desk.address, *desk.aliases))
    lines = [f"The desk:      {desk.name} <{addresses}>"]
    if service.smtp_port:
        lines.append(f"Mail in:       SMTP on {settings.smtp.host}:{service.smtp_port}")
    if service.lmtp_place:
        lines.append(f"Mail in:       LMTP on {service.lmtp_place}")
    lines += [f"Mail in:       IMAP {box.user}@{box.host} {box.folder}" for box in settings.mailboxes]
    lines.append(f"Mail out:      {outgoing_place(settings)}")
    lines.append(f"Rules:         {settings.rules_file} ({len(service.keeper.policy.rules)} rules)")
    if service.smtp_port:
        lines += ["", "Send a first mail (in another terminal):", "", f"  {_first_mail(service)}", ""]
    lines.append("The gateway is ready. Stop it with Ctrl-C.")
    # Nobody may be listening, or the disk of the log may be full: the gateway runs all the same.
    with contextlib.suppress(OSError):
        print("\n".join(lines), flush=True)


def _first_mail(service: Gateway) -> str:
    """A line to copy: Python is there already, no mail client needed."""
    desk = service.keeper.policy.desk
    domain = (desk.own_domains or (desk.address.partition("@")[2],))[0].removeprefix("*.")
    listens_everywhere = service.settings.smtp.host in ("0.0.0.0", "::")  # noqa: S104 - read, not bound
    host = "127.0.0.1" if listens_everywhere else service.settings.smtp.host
    mail = (
        f"From: Erika <erika@{domain}>\\nTo: {desk.address}\\nSubject: My VPN is down\\n\\nIt drops since this morning."
    )
    return (
        f'python3 -c \'import smtplib; smtplib.SMTP("{host}", {service.smtp_port})'
        f'.sendmail("erika@{domain}", "{desk.address}", "{mail}")\''
    )


def demo() -> None:
    """Play a day at a small desk in a temporary folder, show what everybody reads, and say what was decided and why.

    Nothing of yours is touched and no mail leaves this machine. Takes a few seconds.
    """
    from gateway.cli.demonstration import play

    raise typer.Exit(play())


def deliver(
    recipient: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address that the mail was for. Default: the desk's.")
    ] = "",
    sender: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help='The envelope sender; "" for a bounce. Default: the mail says it.'),
    ] = None,
    folder: Folder = Path(),
) -> None:
    """Take one mail from standard input, for an MTA's alias or fetchmail.

    Exit 0: it is stored. 75: keep it and try again. 65: it is no mail, or too large. 64: it is not for the desk.
    """
    from gateway.intake.pipe import deliver as take_mail
    from gateway.logs import configure_logs
    from gateway.service import Base

    configure_logs(level="error", form="text", to_stderr=True)
    try:
        base = Base(settings_of(folder))
        with base.door() as door:
            code = take_mail(
                sys.stdin.buffer,
                recipient=recipient or base.keeper.policy.desk.address,
                sender=sender,
                door=door,
                clock=base.clock,
                is_recipient=base.keeper.policy.is_desk_address,
                size_limit_bytes=base.settings.smtp.size_limit_bytes,
                complain=lambda text: typer.echo(text, err=True),
                spool_folder=base.scratch,
            )
    except Exception as error:  # noqa: BLE001 - whatever it is, the MTA must keep the mail
        typer.echo(f"the mail was not stored: {error}", err=True)
        code = 75
    raise typer.Exit(code)
