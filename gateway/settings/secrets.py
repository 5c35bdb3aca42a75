"""Passwords that are read again from their files, so that a corrected one needs no restart."""

from __future__ import annotations

from gateway.settings.tables import Mailbox, Relay


def password_of(table: Relay | Mailbox) -> str:
    """The password as its file has it at this moment; that of the start where there is no file, or none to be read.

    A password from the environment has no file beside it (see `loading`).
    """
    if table.password_file is not None:
        try:
            written = table.password_file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError):
            written = ""
        if written:
            return written
    return table.password.get_secret_value()
