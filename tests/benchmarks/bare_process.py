"""The least that a mail server in Python can do: aiosmtpd writes each mail into a file, flushes it, says 250."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

SIZE_LIMIT_BYTES = 64 * 1024 * 1024


class Storing:
    """Keeps every mail on disk before it is answered."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        self._count += 1
        with (self._folder / f"{self._count}.eml").open("wb") as file:
            file.write(envelope.content)
            file.flush()
            os.fsync(file.fileno())
        return "250 2.0.0 stored"


async def main(port: int, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    handler = Storing(folder)
    server = await loop.create_server(
        lambda: SMTP(handler, data_size_limit=SIZE_LIMIT_BYTES, enable_SMTPUTF8=True, loop=loop), "127.0.0.1", port
    )
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
