"""An executor with several threads that does not spin idly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rclpy.executors import (
    ConditionReachedException,
    ExternalShutdownException,
    MultiThreadedExecutor,
    ShutdownException,
    TimeoutException,
)

__all__ = ['ThreadedExecutor']

START_TIMEOUT_S = 0.2


class ThreadedExecutor(MultiThreadedExecutor):
    """rclpy's MultiThreadedExecutor, waiting for each callback to begin before the next turn.

    rclpy 7.1 hands a callback out again and again until a thread has begun it. On a busy machine
    that loop holds the interpreter and the very thread that should begin waits for it: nodes
    stood still for seconds.
    """

    def _spin_once_impl(
        self,
        timeout_sec: Any = None,
        wait_condition: Callable[[], bool] = lambda: False,
    ) -> None:
        try:
            handler, _, _ = self.wait_for_ready_callbacks(timeout_sec, None, wait_condition)
        except (
            ConditionReachedException,
            ExternalShutdownException,
            ShutdownException,
            TimeoutException,
        ):
            return
        begun = threading.Event()

        def run() -> None:
            begun.set()
            handler()

        self._executor.submit(run)
        self._futures.append(handler)
        # With every thread taken this waits; nothing could be begun meanwhile anyway.
        begun.wait(START_TIMEOUT_S)
        for future in self._futures[:]:
            if future.done():
                self._futures.remove(future)
                future.result()
