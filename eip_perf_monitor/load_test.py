"""Many requests in flight at once: what the benchmark action runs, without knowing of ROS."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence
from typing import Any

from eip_perf_monitor.benchmark import Answer, BenchmarkResult, BenchmarkTally

__all__ = ['LoadTest', 'Reply', 'Send']

Reply = Callable[[Answer], None]
"""Called, from any thread, once a request is answered; a second call is ignored."""

Send = Callable[[str, Reply], Any]
"""Sends one command at once without waiting and calls the reply later."""


class LoadTest:
    """Keeps `concurrency` requests in flight until `requests` were answered or timed out.

    `is_cancelled` is asked between answers; a cancelled run keeps its figures so far.
    """

    def __init__(
        self,
        send: Send,
        commands: Sequence[str],
        requests: int,
        concurrency: int = 1,
        timeout_s: float = 30.0,
        is_cancelled: Callable[[], bool] = lambda: False,
        progress: Callable[[int, int, float], None] = lambda done, total, last_s: None,
    ) -> None:
        if requests < 1:
            raise ValueError(f'requests is {requests}, must be at least 1')
        if not commands:
            raise ValueError('commands is empty, must hold at least one command')
        self._send = send
        self._commands = tuple(commands)
        self._requests = requests
        self._concurrency = max(1, min(concurrency, requests))
        self._timeout_s = timeout_s
        self._is_cancelled = is_cancelled
        self._progress = progress
        self._answers: queue.SimpleQueue[tuple[int, Answer, float]] = queue.SimpleQueue()
        self._in_flight: dict[int, float] = {}
        self._sent = 0

    def run(self) -> BenchmarkResult:
        """Send, wait, count; returns when all are answered, timed out or cancelled."""
        tally = BenchmarkTally()
        while tally.done < self._requests and not self._is_cancelled():
            while len(self._in_flight) < self._concurrency and self._sent < self._requests:
                self._send_next()
            for index, answer, at_s in self._arrivals():
                began_s = self._in_flight.pop(index, None)
                if began_s is None:  # it had timed out before
                    continue
                tally.add(answer, at_s - began_s)
                self._progress(tally.done, self._requests, at_s - began_s)
        return tally.result()

    def _send_next(self) -> None:
        index, self._sent = self._sent, self._sent + 1
        self._in_flight[index] = time.perf_counter()

        def reply(answer: Answer) -> None:
            self._answers.put((index, answer, time.perf_counter()))

        self._send(self._commands[index % len(self._commands)], reply)

    def _arrivals(self) -> list[tuple[int, Answer, float]]:
        """Return what came within a moment, and an answer of failure for each that is too late."""
        try:
            return [self._answers.get(timeout=0.05)]
        except queue.Empty:
            now = time.perf_counter()
            late = Answer(False, 0.0, error=f'no answer within {self._timeout_s:g} s')
            return [
                (index, late, now)
                for index, began_s in self._in_flight.items()
                if now - began_s > self._timeout_s
            ]
