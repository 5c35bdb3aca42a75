"""Who is connected, and how all of them leave when the service stops."""

from __future__ import annotations

import asyncio

from gateway.intake.listener import GuestBook


class Guest:
    """A connection; one whose TLS died half-way fails when it is spoken to."""

    def __init__(self, book: GuestBook, *, is_dead: bool = False) -> None:
        self._book, self._is_dead = book, is_dead
        self.heard = ""

    def leave_when_idle(self) -> None:
        if self._is_dead:
            raise AttributeError("the transport has no protocol any more")
        self.heard = "leave"
        self._book.leave(self)

    def cut(self) -> None:
        self.heard = "cut"
        self._book.leave(self)


def test_a_connection_that_died_half_way_keeps_nobody_from_leaving() -> None:
    async def stop() -> list[str]:
        book = GuestBook(connections=5, connections_per_peer=5, trusted_peers=())
        guests = [Guest(book, is_dead=True), Guest(book), Guest(book, is_dead=True), Guest(book)]
        for guest in guests:
            assert book.enter(guest, "192.0.2.7") == ""
        await book.send_home(5.0)
        return [guest.heard for guest in guests]

    assert asyncio.run(stop()) == ["cut", "leave", "cut", "leave"]
