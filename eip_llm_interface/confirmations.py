"""Commands that wait for a person's yes or no."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ['ConfirmationError', 'ConfirmationStore', 'Waiting']

ItemT = TypeVar('ItemT')


class ConfirmationError(ValueError):
    """An answer cannot be taken; the text names the thing and the remedy."""


@dataclass(frozen=True)
class Waiting(Generic[ItemT]):
    """One item that waits for an answer since `since_s` on the store's clock."""

    request_id: str
    item: ItemT
    since_s: float


class ConfirmationStore(Generic[ItemT]):
    """A bounded, thread-safe shelf of items, each of which is answered once or expires.

    A full shelf refuses the newcomer instead of dropping what a person may be about to confirm.
    """

    def __init__(
        self,
        timeout_s: float = 60.0,
        capacity: int = 32,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not timeout_s > 0:
            raise ValueError(f'timeout_s is {timeout_s}, must be above 0')
        if capacity < 1:
            raise ValueError(f'capacity is {capacity}, must be at least 1')
        self.timeout_s = timeout_s
        self.capacity = capacity
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, Waiting[ItemT]] = {}

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting)

    def put(self, request_id: str, item: ItemT) -> bool:
        """Keep `item` until it is answered; return False, keeping nothing, when full."""
        with self._lock:
            full = len(self._waiting) >= self.capacity
            if not request_id or full or request_id in self._waiting:
                return False
            self._waiting[request_id] = Waiting(request_id, item, self._clock())
            return True

    def take(self, request_id: str, operator_name: str, reason: str) -> ItemT:
        """Remove and return what waits under `request_id`.

        Raises ConfirmationError when operator or reason is blank (the item then stays), and when
        nothing waits under this identifier or it has waited too long (`expire` removes it).
        """
        for name, value in (('operator_name', operator_name), ('reason', reason)):
            if not value.strip():
                raise ConfirmationError(f'{name} is empty: say who answers, and why')
        with self._lock:
            waiting = self._waiting.get(request_id)
            if waiting is None:
                known = ', '.join(sorted(self._waiting)[:5]) or 'none'
                raise ConfirmationError(
                    f'no command waits under request_id "{request_id[:64]}"; waiting: {known}'
                )
            age_s = self._clock() - waiting.since_s
            if age_s > self.timeout_s:
                raise ConfirmationError(
                    f'request {request_id} expired: it waited {age_s:.0f} s, at most '
                    f'{self.timeout_s:.0f} s are allowed; give the command again'
                )
            del self._waiting[request_id]
        return waiting.item

    def expire(self) -> list[Waiting[ItemT]]:
        """Remove and return everything that waited longer than the timeout."""
        with self._lock:
            now = self._clock()
            late = [w for w in self._waiting.values() if now - w.since_s > self.timeout_s]
            for waiting in late:
                del self._waiting[waiting.request_id]
        return late

    def clear(self) -> list[Waiting[ItemT]]:
        """Remove and return everything."""
        with self._lock:
            dropped = list(self._waiting.values())
            self._waiting.clear()
        return dropped
