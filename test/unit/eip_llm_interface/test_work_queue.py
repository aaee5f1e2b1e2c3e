"""A bounded queue: in order, urgent first, never more than its room, never dead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from eip_llm_interface.work_queue import BusyError, WorkQueue


@pytest.fixture
def queue() -> Iterator[WorkQueue]:
    queue = WorkQueue(2)
    yield queue
    queue.close()


def block(queue: WorkQueue) -> threading.Event:
    """Occupy the worker until the returned event is set."""
    begun, gate = threading.Event(), threading.Event()
    queue.submit(lambda: (begun.set(), gate.wait(10.0)))
    assert begun.wait(5.0)
    return gate


def test_jobs_run_in_order_urgent_ones_first(queue):
    gate, done = block(queue), []
    futures = [queue.submit(lambda n=n: done.append(n)) for n in (1, 2)]
    futures += [queue.submit(lambda n=n: done.append(n), urgent=True) for n in (3, 4)]
    gate.set()
    for future in futures:
        future.result(5.0)
    assert done == [3, 4, 1, 2]


def test_full_lane_refuses_and_leaves_the_urgent_lane_open(queue):
    gate = block(queue)
    for _ in range(2):
        queue.submit(int)
    with pytest.raises(BusyError, match='busy: 2 requests are waiting'):
        queue.submit(int)
    assert queue.submit(int, urgent=True) is not None
    assert (queue.depth, queue.rejected) == (3, 1)
    gate.set()


def test_failing_job_fails_alone(queue):
    def fail() -> None:
        raise ValueError('no')

    with pytest.raises(ValueError, match='no'):
        queue.submit(fail).result(5.0)
    assert queue.submit(lambda: 7).result(5.0) == 7


def test_cancelled_job_never_runs(queue):
    gate, ran = block(queue), []
    future = queue.submit(lambda: ran.append(1))
    assert future.cancel()
    gate.set()
    queue.submit(int).result(5.0)
    assert not ran


def test_closing_cancels_what_waits_and_refuses_more(queue):
    gate = block(queue)
    future = queue.submit(int)
    assert not queue.close(timeout_s=0.01)
    gate.set()
    assert queue.close()
    with pytest.raises(CancelledError):
        future.result(5.0)
    with pytest.raises(BusyError, match='closed'):
        queue.submit(int)


def test_queue_without_room_cannot_be_made():
    with pytest.raises(ValueError, match='capacity is 0'):
        WorkQueue(0)
