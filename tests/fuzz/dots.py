"""The reader of DATA against RFC 5321 as it reads: any stream, cut anywhere, gives the same octets."""

from __future__ import annotations

from random import Random

from gateway.intake.data import DotDecoder

_TOKENS = (b"\r", b"\n", b".", b"\r\n", b"a", b"\r\n.", b"..", b"\r\n.\r\n", b"\0", b"MAIL FROM:<a@b>\r\n")


def decode(stream: bytes, sizes: list[int]) -> tuple[bytes, bytes | None]:
    """Feed the stream in pieces of these sizes, again and again; the content, and what came after the end."""
    decoder, content, position, turn = DotDecoder(), b"", 0, 0
    while position < len(stream) and decoder.rest is None:
        piece = stream[position : position + sizes[turn % len(sizes)]]
        content += decoder.feed(piece)
        position, turn = position + len(piece), turn + 1
    return content, None if decoder.rest is None else decoder.rest + stream[position:]


def octet_by_octet(stream: bytes) -> tuple[bytes, bytes | None]:
    """RFC 5321 §4.5.2 as it reads, without a thought for speed."""
    content, position, at_line_start = bytearray(), 0, True
    while position < len(stream):
        if at_line_start and stream[position : position + 3] == b".\r\n":
            return bytes(content), stream[position + 3 :]
        if at_line_start and stream[position] == ord("."):
            position += 1
            at_line_start = False
        elif stream[position : position + 2] == b"\r\n":
            content += b"\r\n"
            position += 2
            at_line_start = True
        else:
            content.append(stream[position])
            position += 1
            at_line_start = False
    return bytes(content), None


def differences(*, rounds: int, seed: int) -> list[tuple[bytes, list[int]]]:
    """The streams, and where they were cut, at which decoder and standard differ."""
    chance = Random(seed)
    found = []
    for _ in range(rounds):
        stream = b"".join(chance.choices(_TOKENS, k=chance.randrange(14)))
        if chance.random() < 0.7:
            stream += b"\r\n.\r\n" + chance.choice((b"", b"QUIT\r\n", b".\r\n"))
        sizes = [chance.randint(1, 6) for _ in range(chance.randint(1, 5))]
        content, rest = decode(stream, sizes)
        expected, expected_rest = octet_by_octet(stream)
        # What may yet be the beginning of an end is held back.
        same = (
            content == expected
            if rest is not None
            else expected.startswith(content) and len(expected) < len(content) + 5
        )
        if rest != expected_rest or not same:
            found.append((stream, sizes))
    return found
