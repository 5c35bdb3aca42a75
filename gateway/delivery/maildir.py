"""The way out where no relay is configured: a Maildir that any mail client can read.

Line ends become LF, as Maildir readers (mutt, Dovecot) expect on Unix; all else is the stored bytes. A mail's file name
is made of its outbox row and its bytes, so a crash between the file and our commit leaves one file, not two.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from gateway.delivery.outcome import Answer, Fate
from gateway.delivery.parcel import Parcel


class MaildirChannel:
    """Puts mails into `folder`, which is made when the first one comes."""

    connections = 1

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # maildir(5): "/" and ":" may not stand in the host's part of a file name.
        self._host = socket.gethostname().replace("/", "_").replace(":", "_")

    async def send(self, parcel: Parcel) -> Answer:
        """Flush the mail to disk under its final name; a full or missing disk is trouble of the channel."""
        try:
            name = self._put(parcel)
        except OSError as error:
            return Answer(fate=Fate.MISCONFIGURED, reply=f"{self._folder}: {error.strerror or error}")
        return Answer(fate=Fate.TAKEN, reply=f"{self._folder.name}/new/{name}")

    def _put(self, parcel: Parcel) -> str:
        for name in ("tmp", "new", "cur"):
            (self._folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{int(parcel.created_at.timestamp())}.outbox{parcel.id}-{parcel.sha256.hex()[:16]}.{self._host}"
        if parcel.attempt > 1 and any((self._folder / "cur").glob(f"{name}*")):
            # Written before a crash, and a mail client has shown it since.
            return name
        temporary, final = self._folder / "tmp" / name, self._folder / "new" / name
        _write_flushed(temporary, parcel.content.replace(b"\r\n", b"\n"))
        temporary.rename(final)
        _flush_folder(final.parent)
        return name

    @property
    def has_new_login(self) -> bool:
        return False

    async def close_idle(self) -> None:
        """Nothing stays open."""

    async def close(self) -> None:
        """Nothing stays open."""


def _write_flushed(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _flush_folder(folder: Path) -> None:
    # The rename itself is on disk only when its folder is.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
