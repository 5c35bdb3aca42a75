"""Ports on loopback that no other test process takes.

A port that was free a moment ago is taken by the next process that asks the kernel for one. So the numbers come from
below the kernel's own range (32768 and up on Linux), and each is reserved with a UDP socket of the same number, which
every test process of this machine respects and which the kernel frees when the process ends, however it ends.
"""

from __future__ import annotations

import random
import socket

LOOPBACK = "127.0.0.1"
FIRST_PORT, LAST_PORT = 20_000, 31_999

_reservations: list[socket.socket] = []


def free_port() -> int:
    """Reserve a TCP port on 127.0.0.1 for the rest of this process's life."""
    numbers = list(range(FIRST_PORT, LAST_PORT + 1))
    # The order need not be secret, only different in every process.
    random.SystemRandom().shuffle(numbers)
    for number in numbers:
        reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            reservation.bind((LOOPBACK, number))
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((LOOPBACK, number))
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        return number
    raise RuntimeError(f"no free port between {FIRST_PORT} and {LAST_PORT}")


def release_ports() -> None:
    """Give all reservations back; called once when the test session ends."""
    while _reservations:
        _reservations.pop().close()
