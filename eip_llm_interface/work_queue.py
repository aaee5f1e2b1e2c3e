"""A bounded queue in front of one worker thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

__all__ = ['BusyError', 'WorkQueue']

ResultT = TypeVar('ResultT')
_Job = tuple[Callable[[], Any], 'Future[Any]']


class BusyError(RuntimeError):
    """The queue is full or closed; the text says which."""


class WorkQueue:
    """Runs jobs one after the other in a thread of its own and holds at most `capacity` waiting.

    Urgent jobs have a lane of their own, of the same capacity, that is served first: a flood of
    ordinary ones cannot keep a person from asking or answering.
    """

    def __init__(self, capacity: int, name: str = 'work') -> None:
        if capacity < 1:
            raise ValueError(f'capacity is {capacity}, must be at least 1')
        self.capacity = capacity
        self.rejected = 0
        self._lanes: tuple[deque[_Job], deque[_Job]] = (deque(), deque())
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Number of jobs that wait."""
        return sum(map(len, self._lanes))

    def submit(self, job: Callable[[], ResultT], urgent: bool = False) -> Future[ResultT]:
        """Queue `job` and return its future; raises BusyError when there is no room."""
        future: Future[ResultT] = Future()
        lane = self._lanes[0 if urgent else 1]
        with self._changed:
            if self._closed:
                raise BusyError('closed: the node is shutting down')
            if len(lane) >= self.capacity:
                self.rejected += 1
                raise BusyError(f'busy: {len(lane)} requests are waiting already, try again later')
            lane.append((job, future))
            self._changed.notify()
        return future

    def close(self, timeout_s: float = 5.0) -> bool:
        """Refuse new jobs, cancel those that wait, and wait for the running one to end.

        Returns False when it was still running after `timeout_s`.
        """
        with self._changed:
            self._closed = True
            left = [future for lane in self._lanes for _, future in lane]
            for lane in self._lanes:
                lane.clear()
            self._changed.notify()
        for future in left:
            future.cancel()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _next(self) -> _Job | None:
        with self._changed:
            while not self._closed:
                for lane in self._lanes:
                    if lane:
                        return lane.popleft()
                self._changed.wait()
        return None

    def _run(self) -> None:
        while (work := self._next()) is not None:
            job, future = work
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:  # the worker outlives whatever a job does
                future.set_exception(error)
