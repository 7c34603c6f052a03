"""The threads that run transactions: first come, first served, and what concerns a call under way before the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

Job = Callable[[], None]


class TransactionThreads:
    """So many threads, started with the first job; a job must not raise."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = count
        self._threads: list[Thread] = []
        self._urgent: deque[Job] = deque()
        self._usual: deque[Job] = deque()
        self._places: SimpleQueue[bool] = SimpleQueue()  # one True for each job that waits; False ends a thread
        self._closed = False

    def submit(self, job: Job, *, urgent: bool = False) -> None:
        """Run it in its turn; `urgent`: before all that are not. Raises RuntimeError after `shutdown`."""
        if self._closed:
            raise RuntimeError(f"{self._name}: closed")
        if len(self._threads) < self._count:
            thread = Thread(target=self._work, name=f"{self._name} {len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        (self._urgent if urgent else self._usual).append(job)
        self._places.put(True)

    def shutdown(self) -> None:
        """Let everything that was submitted end."""
        self._closed = True
        for _ in self._threads:
            self._places.put(False)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while self._places.get():
            try:
                job = self._urgent.popleft()
            except IndexError:
                job = self._usual.popleft()
            job()
