"""A deliverer in a process of its own, to be killed.

python -m tests.delivery.child URL PORT CONNECTIONS OWNER [hang]
"""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from gateway.delivery import Deliverer, Rendered
from gateway.settings import Relay
from gateway.store.database import connection, open_database
from tests.delivery.house import NOW, House


def main(url: str, port: str, connections: str, owner: str, mode: str = "") -> None:
    database = open_database(url)
    house = House(database=database, folder=Path(tempfile.gettempdir()))

    def render(outbox_id: int) -> Rendered:
        if mode == "hang":
            print("rendering", flush=True)
            signal.pause()
        return house.render(outbox_id)

    deliverer = Deliverer(
        database,
        relay=Relay(host="127.0.0.1", port=int(port), tls="none", connections=int(connections), hostname="child"),
        outgoing=house.folder,
        render=render,
        on_refused=lambda outbox_id, reply: print("refused", outbox_id, reply, flush=True),
        owner=owner,
    )
    print("ready", flush=True)
    with connection(database):
        print("sent", deliverer.run_once(NOW), flush=True)
    deliverer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
