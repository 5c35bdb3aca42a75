"""A relay that takes everything at once: for each mail one line "seconds In-Reply-To" on standard output.

A process of its own, so that what it costs is not counted as the gateway's, and small, so that it is not what is
measured. The seconds are the monotonic clock's, which all processes of a machine share, at the final dot.
"""

from __future__ import annotations

import asyncio
import re
import sys
from time import monotonic

_ANSWERED = re.compile(rb"^In-Reply-To:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
_END = b"\r\n.\r\n"


class Relay(asyncio.Protocol):
    """One session: what is not DATA is answered with 250."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._unread = bytearray()
        self._takes_mail = False
        transport.write(b"220 relay.example.net ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (end := self._unread.find(_END if self._takes_mail else b"\r\n")) >= 0:
            taken = bytes(self._unread[:end])
            del self._unread[: end + (len(_END) if self._takes_mail else 2)]
            if self._takes_mail:
                self._keep(taken)
            else:
                self._answer(taken[:4].upper())

    def _keep(self, content: bytes) -> None:
        answered = _ANSWERED.search(content.partition(b"\r\n\r\n")[0])
        print(f"{monotonic():.6f} {answered[1].decode() if answered else '-'}", flush=True)
        self._takes_mail = False
        self._transport.write(b"250 2.0.0 taken\r\n")

    def _answer(self, verb: bytes) -> None:
        if verb == b"DATA":
            self._takes_mail = True
            self._transport.write(b"354 go on\r\n")
        elif verb == b"EHLO":
            self._transport.write(b"250-relay.example.net\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n")
        elif verb == b"QUIT":
            self._transport.write(b"221 2.0.0 bye\r\n")
            self._transport.close()
        else:
            self._transport.write(b"250 2.0.0 ok\r\n")


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Relay, "127.0.0.1", port)
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
