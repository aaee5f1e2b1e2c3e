"""How every EIP node is run."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import try_shutdown

from eip_ros.threads import ThreadedExecutor

__all__ = ['run_node']

NodeT = TypeVar('NodeT', bound=Node)


def run_node(
    make_node: Callable[[], NodeT],
    threads: int = 1,
    args: Sequence[str] | None = None,
    make_executor: Callable[[], Any] | None = None,
    on_crash: Callable[[NodeT, Exception], None] = lambda node, error: None,
) -> int:
    """Spin the node that `make_node` returns until SIGINT or SIGTERM.

    `make_executor` makes the executor where the number of threads does not say enough. `on_crash`
    is told the exception of a callback before the node is destroyed; the exception is then raised.

    Returns 0 after an orderly end and 2 when the node could not be made because of a value that a
    user set (one line on stderr, no traceback).
    """
    rclpy.init(
        args=None if args is None else list(args), signal_handler_options=SignalHandlerOptions.NO
    )
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    node: NodeT | None = None
    try:
        try:
            node = make_node()
        except (ValueError, OSError) as error:
            print(f'error: {error}', file=sys.stderr, flush=True)
            return 2
        executor = make_executor() if make_executor else _executor(threads)
        executor.add_node(node)
        # What was imported and built stays: to collect it again and again only delays callbacks.
        gc.collect()
        gc.freeze()
        while not stop.is_set():
            executor.spin_once(timeout_sec=0.2)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception as error:
        if node is not None:
            on_crash(node, error)
        raise
    finally:
        # A second Ctrl-C must not turn an orderly end into a death by signal.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if node is not None:
            node.destroy_node()  # type: ignore[no-untyped-call]
        try_shutdown()
    return 0


def _executor(threads: int) -> Any:
    return SingleThreadedExecutor() if threads == 1 else ThreadedExecutor(threads)
