"""An IMAP server that answers nonsense: each order gives an answer or one of the two failures, nothing else."""

from __future__ import annotations

import contextlib
import socket
from random import Random

import pytest

from gateway.errors import TemporaryFailure
from gateway.intake.imap_session import Session
from gateway.settings import Mailbox
from tests.intake.desk import a_mail
from tests.intake.scripted_imap import ScriptedServer

_TOKENS = (
    *(b"(", b")", b'"', b"{5}\r\n", b"{2000000000}\r\n", b"{" + b"9" * 30 + b"}\r\n", b"\r\n", b"\r", b"\0", b"\xff"),
    *(b"NIL", b"* ", b"+ ", b"BYE", b"OK", b"NO [ALERT] x", b"BAD", b"FETCH", b"UID", b"-1", b"0", b"9" * 30, b"\\"),
    *(
        b"(" * 3_000,
        b'"' * 300,
        b"[UIDVALIDITY 0]",
        b"[UIDVALIDITY x]",
        b"INTERNALDATE",
        b'"99-Foo-9999 99:99:99"',
    ),
    *(b"BODY[]<0>", b"RFC822.SIZE", b"EXISTS", b"CAPABILITY", b" ", b"a" * 5_000, b"=?utf-8?q?x?=", b"&AAA-"),
)
_SOUND = (
    b"* SEARCH 1 2 3\r\n",
    b'* 1 FETCH (UID 1 RFC822.SIZE 120 INTERNALDATE "02-Mar-2026 09:00:00 +0000")\r\n',
    b"* 1 FETCH (UID 1 BODY[]<0> {5}\r\nhello)\r\n",
    b"* 3 EXISTS\r\n* OK [UIDVALIDITY 55] v\r\n* OK [UIDNEXT 4] n\r\n",
    b"* CAPABILITY IMAP4rev1 IDLE MOVE\r\n",
    b'* LIST (\\HasNoChildren) "/" INBOX\r\n',
)


@pytest.mark.parametrize("piece", range(4))
def test_any_answer_is_an_answer_or_a_failure(piece: int) -> None:
    answered = failed = 0
    with ScriptedServer() as server:
        server.add(a_mail())
        for number in range(piece * 60, (piece + 1) * 60):
            try:
                _ask(server, Random(number))
                answered += 1
            except TemporaryFailure:
                failed += 1
    assert failed
    assert answered + failed == 60


def _ask(server: ScriptedServer, chance: Random) -> None:
    """One connection whose server goes mad at one of the orders, and then hangs up."""
    mad_at = chance.choice((b"LOGIN", b"CAPABILITY", b"SELECT", b"UID SEARCH", b"UID FETCH", b"LIST", b"NOOP"))

    def fault(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if not command.startswith(mad_at):
            return False
        answer = bytearray(chance.choice(_SOUND) + tag + b" OK done\r\n")
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(answer) + 1)
            answer[place : place + chance.choice((0, 0, 2, 8))] = chance.choice(_TOKENS)
        client.sendall(bytes(answer))
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        return True

    server.fault = fault
    settings = Mailbox(name="desk", host="127.0.0.1", port=server.port, tls="none", user="u", timeout_seconds=5)
    session = Session(settings)
    try:
        session.open_folder("INBOX")
        uids = session.uids()
        session.list_mails(uids or [1])
        session.pieces([1], start=0, length=1000, expect_bytes=1000)
        session.folder_names()
        session.noop()
    finally:
        session.close()
