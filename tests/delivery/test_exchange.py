"""The transaction itself, octet by octet: what is written before which reply, and what odd replies mean."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from aiosmtplib import SMTPResponseException
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.exchange import Exchange, on_the_wire
from gateway.delivery.outcome import Answer, Fate
from gateway.delivery.parcel import Parcel
from gateway.delivery.relay import RelayChannel
from gateway.settings import Relay

MAIL = b"Subject: x\r\n\r\n.one\r\ntwo\r\n"
GREETING = b"220 relay ESMTP\r\n"


class Scripted(asyncio.Protocol):
    """A relay that answers what the test says, packet by packet, and keeps the packets; None closes."""

    def __init__(self, answers: list[bytes | None], *, pipelining: bool) -> None:
        self.packets: list[bytes] = []
        self._answers = answers
        self._ehlo = b"250-relay\r\n250-PIPELINING\r\n250 8BITMIME\r\n" if pipelining else b"250 relay\r\n"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"EHLO"):
            self.transport.write(self._ehlo)
        elif data.startswith(b"QUIT"):
            self.transport.write(b"221 bye\r\n")
        elif data.startswith(b"RSET"):
            self.packets.append(data)
            self.transport.write(b"250 ok\r\n")
        else:
            self.packets.append(data)
            answer = self._answers.pop(0) if self._answers else None
            self.transport.close() if answer is None else self.transport.write(answer)


def played(*answers: bytes | None, pipelining: bool = True, mails: int = 1) -> tuple[list[Answer], list[bytes]]:
    """The answers that the mails got, and what the relay was told."""

    async def story() -> tuple[list[Answer], list[bytes]]:
        relay = Scripted(list(answers), pipelining=pipelining)
        server = await asyncio.get_running_loop().create_server(lambda: relay, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        channel = RelayChannel(Relay(host="127.0.0.1", port=port, tls="none", timeout_seconds=1, hostname="desk"))
        parcel = Parcel(
            id=1,
            attempt=1,
            created_at=datetime(2026, 3, 5, tzinfo=UTC),
            recipient="ann@example.com",
            reverse_path="desk@example.com",
            content=MAIL,
            sha256=b"",
        )
        said = [await channel.send(parcel) for _ in range(mails)]
        await channel.close()
        server.close()
        relay.transport.abort()
        await asyncio.sleep(0)
        return said, relay.packets

    return asyncio.run(story())


COMMANDS = (b"MAIL FROM:<desk@example.com>\r\n", b"RCPT TO:<ann@example.com>\r\n", b"DATA\r\n")
WRITTEN = b"Subject: x\r\n\r\n..one\r\ntwo\r\n.\r\n"


def test_three_commands_go_in_one_packet_where_the_relay_offers_it() -> None:
    said, packets = played(b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 2.0.0 taken\r\n")
    assert said[0].fate is Fate.TAKEN
    assert packets == [b"".join(COMMANDS), WRITTEN]


def test_each_command_waits_for_its_reply_where_it_does_not() -> None:
    said, packets = played(b"250 ok\r\n", b"250-to\r\n250 ann\r\n", b"354 go\r\n", b"250 taken\r\n", pipelining=False)
    assert said[0] == Answer(fate=Fate.TAKEN, reply="250 taken")
    assert packets == [*COMMANDS, WRITTEN]


@pytest.mark.parametrize("pipelining", [True, False])
def test_after_a_refusal_the_mail_is_not_written_and_the_session_is_used_again(pipelining: bool) -> None:
    refused: list[bytes] = [b"250 ok\r\n550 5.1.1 nobody\r\n503 no recipient\r\n"] if pipelining else []
    refused = refused or [b"250 ok\r\n", b"550 5.1.1 nobody\r\n"]
    good = [b"250 ok\r\n250 ok\r\n354 go\r\n"] if pipelining else [b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]
    said, packets = played(*refused, *good, b"250 taken\r\n", pipelining=pipelining, mails=2)
    assert [answer.fate for answer in said] == [Fate.REFUSED, Fate.TAKEN]
    assert said[0].reply == "550 5.1.1 nobody"
    assert packets.count(b"RSET\r\n") == 1
    assert packets.count(WRITTEN) == 1


@pytest.mark.parametrize(
    "refusal", [b"550 5.7.60 not yours\r\n550 no\r\n354 go\r\n", b"250 ok\r\n452 later\r\n354 go\r\n"]
)
def test_a_relay_that_waits_for_a_mail_it_has_refused_gets_nothing_at_all(refusal: bytes) -> None:
    said, packets = played(refusal)
    assert said[0].fate in (Fate.SENDER_REFUSED, Fate.LATER)
    assert packets == [b"".join(COMMANDS)]


@pytest.mark.parametrize(
    ("answers", "fate", "words"),
    [
        ([None], Fate.LATER, "Unexpected EOF"),
        ([b"250 ok\r\n", None], Fate.LATER, ""),
        ([b"250 ok\r\n250 ok\r\nwhat?\r\n"], Fate.LATER, "what?"),
        ([b"250 ok\r\n250 ok\r\n354-more\r\n" + b"354-more\r\n" * 20_000], Fate.LATER, "too long"),
        ([b"250 ok\r\n250 ok\r\n451 4.3.0 disk\r\n"], Fate.LATER, "451 4.3.0 disk"),
        ([b"250 ok\r\n250 ok\r\n354 go\r\n", None], Fate.UNCERTAIN, "no answer to the mail"),
        ([b"250 ok\r\n250 ok\r\n354 go\r\n", b"\xff\xfe\r\n"], Fate.UNCERTAIN, "Malformed"),
        ([b"250 ok\r\n250 ok\r\n354 go\r\n", b"354 again\r\n"], Fate.UNCERTAIN, "354 again"),
        ([b"250 ok\r\n250 ok\r\n354 go\r\n", b"554-5.7.1 spam\r\n554 really\r\n"], Fate.REFUSED, "spam / really"),
        ([b"250 ok\r\n250 ok\r\n354 go\r\n552 too big already\r\n"], Fate.LATER, "before it was asked"),
    ],
)
def test_odd_replies(answers: list[bytes | None], fate: Fate, words: str) -> None:
    (answer,), packets = played(*answers)
    assert answer.fate is fate
    assert words in answer.reply
    assert (WRITTEN in packets) == (len(answers) == 2 and fate is not Fate.LATER)


def test_of_replies_that_nobody_asked_for_few_are_kept() -> None:
    async def story() -> None:
        exchange = Exchange(asyncio.Transport(), asyncio.Protocol())
        for _ in range(100):
            exchange.data_received(b"250 ok\r\n" * 6)
        for _ in range(12):
            await exchange.reply(1)
        with pytest.raises(SMTPResponseException, match="More replies than commands"):
            await exchange.reply(1)

    asyncio.run(story())


def test_silence_after_the_commands_is_a_later_and_not_an_uncertainty() -> None:
    (answer,), packets = played(b"250 ok\r\n")
    assert answer.fate is Fate.LATER
    assert packets == [b"".join(COMMANDS)]


@given(st.binary(max_size=60), st.lists(st.sampled_from([b".", b"\r\n", b"\r", b"\n", b"a", b"\r\n."]), max_size=12))
def test_a_mail_on_the_wire_ends_once_and_reads_back(head: bytes, pieces: list[bytes]) -> None:
    content = head + b"".join(pieces)
    wire = on_the_wire(content)
    lines = wire.split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert b"." not in lines[:-2]
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    read = b"\r\n".join(line.removeprefix(b".") for line in lines[:-2])
    sent = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    assert read == sent.removesuffix(b"\r\n")
