"""Play the story: a gateway in a temporary folder, mails over SMTP on loopback, and everything that comes of them.

The gateway is the real one, with its threads and its parse worker; only its folder, its port and its Maildir are its
own. What may fail: `StageFailure`, with a sentence for a person.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import smtplib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, make_msgid
from importlib.resources import files
from pathlib import Path
from typing import Any

from gateway.defaults_files import default_file
from gateway.demo.story import DESK, PEOPLE, STORY, Person, Scene
from gateway.desk.audit import Report, audit_all
from gateway.desk.raw import read_outgoing
from gateway.desk.views import ledger_rows, outbox_rows
from gateway.errors import GatewayError
from gateway.service import Gateway, utc_now
from gateway.settings import load_settings
from gateway.store.database import connection

_LOOK_AGAIN_SECONDS = 0.01
_SCENE_SECONDS = 20.0
_MOST_MAILS = 200
_SETTINGS = {
    "GATEWAY_SMTP_PORT": "0",
    "GATEWAY_STORAGE_MINIMUM_FREE_BYTES": "0",
    "GATEWAY_STORAGE_MINIMUM_FREE_PERCENT": "0",
}


class StageFailure(GatewayError):
    """The demonstration could not go on; the text says at which mail."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A mail that the desk sent: its `notice`, and what its reader sees."""

    notice: str
    recipient: str
    ticket: int | None
    message: EmailMessage

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        return str(body.get_content()) if isinstance(body, EmailMessage) else ""


@dataclass(frozen=True, kw_only=True)
class Played:
    """A scene that was played: the mail as it was written, its ledger row, and what the desk sent because of it."""

    scene: Scene
    subject: str
    row: dict[str, Any]
    answers: tuple[Answer, ...]

    @property
    def went_as_written(self) -> bool:
        return bool(self.row["outcome"] == self.scene.outcome)


class Stage:
    """A running gateway with the people of the story around it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._sent: list[Answer] = []
        self._matters: dict[str, int] = {}
        self._last_outbox = 0

    def play(self, scene: Scene) -> Played:
        """Send the mail of a scene and wait until the desk has nothing left to do for it."""
        mail = self._write(scene)
        try:
            with smtplib.SMTP("127.0.0.1", self._gateway.smtp_port, timeout=_SCENE_SECONDS) as client:
                client.send_message(mail, scene.author.address, [str(mail["To"])])
        except (OSError, smtplib.SMTPException) as error:
            raise StageFailure(f"the gateway did not take the mail: {error}") from error
        row = self._wait(scene)
        if scene.matter not in self._matters and row["ticket"]:
            self._matters[scene.matter] = row["ticket"]
        answers = tuple(self._new_answers())
        self._sent += answers
        return Played(scene=scene, subject=str(mail["Subject"]), row=row, answers=answers)

    def audit(self) -> Report:
        """The proof that nothing was lost and nothing happened twice."""
        with connection(self._gateway.database):
            return audit_all(self._gateway.secrets)

    def _write(self, scene: Scene) -> EmailMessage:
        """The mail as the author's client writes it: a reply quotes what it answers."""
        mail = EmailMessage()
        mail["From"] = str(scene.author)
        mail["Date"] = format_datetime(utc_now())
        mail["Message-ID"] = make_msgid(domain="example.com")
        answered = self._newest_to(scene.author, scene.matter)
        if answered is None:
            mail["To"], mail["Subject"] = DESK, scene.subject
            mail.set_content(scene.text)
            return mail
        original = answered.message
        mail["To"] = str(original["Reply-To"] or DESK)
        mail["Subject"] = scene.subject or f"Re: {_without_re(str(original['Subject']))}"
        mail["In-Reply-To"] = str(original["Message-ID"])
        mail["References"] = f"{original['References'] or ''} {original['Message-ID']}".strip()
        if scene.is_automatic:
            mail["Auto-Submitted"] = "auto-replied"
            mail.set_content(scene.text)
        else:
            quoted = "\n".join(f"> {line}" for line in answered.text.splitlines())
            mail.set_content(f"{scene.text}\n\nOn {original['Date']}, {original['From']} wrote:\n{quoted}\n")
        return mail

    def _newest_to(self, person: Person, matter: str) -> Answer | None:
        if matter not in self._matters:
            return None
        wanted = (person.address, self._matters[matter])
        found = next((one for one in reversed(self._sent) if (one.recipient, one.ticket) == wanted), None)
        if found is None:
            raise StageFailure(f"{person.name} has got no mail to answer")
        return found

    def _wait(self, scene: Scene) -> dict[str, Any]:
        """The mail's row in the ledger, once it is decided and all that it caused is sent."""
        ends_at = time.monotonic() + _SCENE_SECONDS
        while time.monotonic() < ends_at:
            with connection(self._gateway.database):
                rows = ledger_rows(state="", limit=1)
                if rows and rows[0]["state"] != "waiting" and not outbox_rows(state="waiting", limit=1):
                    return rows[0]
            time.sleep(_LOOK_AGAIN_SECONDS)
        raise StageFailure(f"{scene.what}: not done within {_SCENE_SECONDS:.0f} s")

    def _new_answers(self) -> Iterator[Answer]:
        with connection(self._gateway.database):
            rows = [row for row in outbox_rows(state="sent", limit=_MOST_MAILS) if row["id"] > self._last_outbox]
            for row in sorted(rows, key=lambda row: int(row["id"])):
                message = email.message_from_bytes(read_outgoing(row["id"]), policy=email.policy.default)
                assert isinstance(message, EmailMessage)
                yield Answer(notice=row["notice"], recipient=row["to"], ticket=row["ticket"], message=message)
            self._last_outbox = max((row["id"] for row in rows), default=self._last_outbox)


@contextlib.contextmanager
def open_stage() -> Iterator[Stage]:
    """A stage in a temporary folder, which is gone afterwards. Raises StageFailure where there is no room for it."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="gateway-demo-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StageFailure(f"no temporary folder can be made: {error}") from error
    with folder as name:
        place = Path(name)
        (place / "rules.toml").write_bytes(files("gateway.demo").joinpath("rules.toml").read_bytes())
        settings = {**_SETTINGS, "GATEWAY_TEMPLATES_FOLDER": str(default_file("templates"))}
        gateway = Gateway(load_settings(place, settings))
        try:
            gateway.start()
            yield Stage(gateway)
        finally:
            gateway.stop()


def person_of(address: str) -> str:
    """The name of somebody in the story, by an address as it stands in a mail."""
    known = {person.address: person.name for person in PEOPLE}
    name, spec = next(iter(getaddresses([address])), ("", address))
    return known.get(spec, name or spec)


def scenes() -> tuple[Scene, ...]:
    return STORY


def _without_re(subject: str) -> str:
    return subject.removeprefix("Re: ")
