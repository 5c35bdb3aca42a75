"""Attacks on the SMTP dialogue itself: a script of what is said and what must be heard.

In a file: `dialogue` is a list of [say, hear]; what is said ends with CRLF by itself. ``{{mail}}`` alone says the mail
with its end, ``{{raw}}`` its octets and nothing else, ``{{tls}}`` shakes hands. `hear` is how the reply begins, "" for
none that is waited for, "closed" where the server must hang up. `options` are settings of the listener.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.store.database import connection
from gateway.store.tables import Ledger, RawMailPart
from tests.attacks.casefile import Attack, filled, on_the_wire
from tests.attacks.house import AttackedDesk
from tests.intake.desk import RawClient
from tests.servers.certificates import Certificates


def speak(attack: Attack, desk: AttackedDesk, port: int, certificates: Certificates) -> list[str]:
    """Say the script, and say what was answered otherwise than expected."""
    raw = on_the_wire(attack.mails[-1], desk.fill) if attack.mails else b""
    # RFC 5321 §4.5.2: a client doubles a dot at the beginning of a line.
    stuffed = re.sub(rb"(?m)^\.", b"..", raw)
    end = b".\r\n" if raw.endswith(b"\r\n") else b"\r\n.\r\n"
    pieces = {"{{mail}}": stuffed + end, "{{raw}}": raw}
    wrong: list[str] = []
    client = RawClient(port)
    try:
        for say, hear in attack.head["dialogue"]:
            if say == "{{tls}}":
                client.socket = certificates.client_context().wrap_socket(client.socket, server_hostname="localhost")
                client._file = client.socket.makefile("rb")
                continue
            said = pieces.get(say)
            text = filled(say, desk.fill).encode("utf-8", "surrogateescape")
            client.send(said if said is not None else text + b"\r\n", chunk_size=attack.head.get("chunk", 0))
            heard = "" if hear == "" else "closed" if hear == "closed" and client.is_closed() else client.reply()
            if not heard.startswith(hear):
                wrong.append(f"to {say[:80]!r} it answered {heard[:200]!r}, expected {hear!r}")
                break
    finally:
        client.close()
    return wrong


def stored_wrongly(attack: Attack, desk: AttackedDesk, since: int) -> Iterable[str]:
    """What was stored otherwise than expected: how many mails, from whom, with what in them."""
    expected = attack.expected
    with connection(desk.database):
        rows = list(Ledger.select().where(Ledger.id > since).order_by(Ledger.id))
        parts = RawMailPart.select().where(RawMailPart.ledger.in_([row.id for row in rows]))
        content = b"".join(bytes(part.content) for part in parts)
    if len(rows) != expected["stored"]:
        yield f"{len(rows)} mails were stored, expected {expected['stored']}"
    senders = [row.envelope.get("reverse_path") for row in rows]
    if "stored_from" in expected and senders != expected["stored_from"]:
        yield f"stored were mails from {senders}, expected {expected['stored_from']}"
    if "stored_to" in expected and [row.envelope["recipients"] for row in rows] != expected["stored_to"]:
        yield f"stored were mails to {[row.envelope['recipients'] for row in rows]}"
    for words in expected.get("stored_says", []):
        if words.encode() not in content:
            yield f"{words!r} was not stored"
    for words in expected.get("never_stored", []):
        if words.encode() in content:
            yield f"{words!r} was stored"


def last_row(desk: AttackedDesk) -> int:
    with connection(desk.database):
        row = Ledger.select().order_by(Ledger.id.desc()).first()
        return int(row.id) if row is not None else 0
