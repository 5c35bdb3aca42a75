"""Copies of sent mails for the Sent folder: filed in a thread of their own, so that a slow server delays no mail."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore

from gateway.delivery import events

# So many copies may wait in memory; when the server is slower than that, a copy is skipped and the log says so.
MAX_WAITING_COPIES = 32


class Copies:
    """Calls `on_sent(outbox_id, content)` for each copy; what it raises is only logged."""

    def __init__(self, on_sent: Callable[[int, bytes], None]) -> None:
        self._on_sent = on_sent
        self._places = BoundedSemaphore(MAX_WAITING_COPIES)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sent-copies")

    def file(self, outbox_id: int, content: bytes) -> None:
        """File one copy, soon."""
        if self._places.acquire(blocking=False):
            self._executor.submit(self._file, outbox_id, content)
        else:
            events.copy_skipped(outbox_id)

    def _file(self, outbox_id: int, content: bytes) -> None:
        try:
            self._on_sent(outbox_id, content)
        except Exception:  # noqa: BLE001 (a copy is a convenience; the mail itself is sent)
            events.copy_failed(outbox_id)
        finally:
            self._places.release()

    def close(self) -> None:
        """Wait until the copies that wait are filed."""
        self._executor.shutdown(wait=True)
