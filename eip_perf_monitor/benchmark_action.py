"""The action ~/benchmark: a load test of the language model's service."""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup

from eip.action import RunBenchmark
from eip.srv import GenerateResponse
from eip_perf_monitor.benchmark import BENCHMARK_COMMANDS, Answer
from eip_perf_monitor.conversions import read_generation
from eip_perf_monitor.load_test import LoadTest, Reply
from eip_ros.lifecycle_node import ManagedNode
from eip_ros.names import Service, private

__all__ = ['BenchmarkAction']

MOST_REQUESTS: Final = 100_000
_FEEDBACK_S: Final = 0.1
_SERVICE_S: Final = 2.0


class BenchmarkAction:
    """Serves one benchmark at a time; the requests are recorded by way of `llm/requests`."""

    def __init__(self, node: ManagedNode, llm_node: str, timeout_s: float) -> None:
        self._node = node
        self._timeout_s = timeout_s
        self._busy = threading.Lock()
        group = ReentrantCallbackGroup()
        self._client = node.create_client(
            GenerateResponse, private(llm_node, Service.GENERATE), callback_group=group
        )
        self._server = ActionServer(
            node,
            RunBenchmark,
            f'~/{Service.BENCHMARK}',
            self._execute,
            goal_callback=self._accept,
            cancel_callback=lambda goal: CancelResponse.ACCEPT,
            callback_group=group,
        )

    def destroy(self) -> None:
        """Withdraw the action."""
        self._server.destroy()
        self._node.destroy_client(self._client)

    def _accept(self, goal: RunBenchmark.Goal) -> GoalResponse:
        problem = self._refusal(goal)
        if problem:
            self._node.get_logger().warning(f'benchmark refused: {problem}')
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _refusal(self, goal: RunBenchmark.Goal) -> str:
        if not self._node.is_active:
            return 'the node is not active; activate it first'
        if not 1 <= goal.requests <= MOST_REQUESTS:
            return f'requests is {goal.requests}, must be 1 to {MOST_REQUESTS}'
        if goal.concurrency < 1:
            return f'concurrency is {goal.concurrency}, must be at least 1'
        if not self._busy.acquire(blocking=False):
            return 'another one runs; wait for it or cancel it'
        return ''

    def _execute(self, goal: Any) -> RunBenchmark.Result:
        try:
            return self._run(goal)
        finally:
            self._busy.release()

    def _run(self, goal: Any) -> RunBenchmark.Result:
        if not self._client.wait_for_service(timeout_sec=_SERVICE_S):
            goal.abort()
            return RunBenchmark.Result(
                message=f'{self._client.srv_name} is not offered; is the node up and active?'
            )
        pending: set[Any] = set()
        test = LoadTest(
            lambda command, reply: self._send(command, reply, pending),
            tuple(goal.request.commands) or BENCHMARK_COMMANDS,
            goal.request.requests,
            goal.request.concurrency,
            self._timeout_s,
            lambda: goal.is_cancel_requested or not self._node.is_active,
            _Feedback(goal),
        )
        found = test.run()
        for future in tuple(pending):
            self._client.remove_pending_request(future)
        return _conclude(goal, found)

    def _send(self, command: str, reply: Reply, pending: set[Any]) -> None:
        future = self._client.call_async(GenerateResponse.Request(command=command, execute=False))
        pending.add(future)

        def done(finished: Any) -> None:
            pending.discard(finished)
            if finished.cancelled():
                return
            error = finished.exception()
            failed = Answer(False, 0.0, error=f'{type(error).__name__}: {error}')
            reply(failed if error is not None else read_generation(finished.result()))

        future.add_done_callback(done)


class _Feedback:
    """Publishes progress at most ten times a second, and the last."""

    def __init__(self, goal: Any) -> None:
        self._goal = goal
        self._next_at = 0.0

    def __call__(self, done: int, total: int, last_s: float) -> None:
        now = time.monotonic()
        if now < self._next_at and done < total:
            return
        self._next_at = now + _FEEDBACK_S
        self._goal.publish_feedback(
            RunBenchmark.Feedback(done=done, total=total, last_latency_s=last_s)
        )


def _conclude(goal: Any, found: Any) -> RunBenchmark.Result:
    total = goal.request.requests
    figures = found.figures()
    result = RunBenchmark.Result(names=list(figures), values=list(figures.values()))
    if found.requests < total:
        result.message = f'ended after {found.requests} of {total} requests'
        goal.canceled() if goal.is_cancel_requested else goal.abort()
        return result
    result.success = found.succeeded > 0
    result.message = f'{found.succeeded} of {total} answered in {found.duration_s:.1f} s'
    if found.first_error:
        result.message += f'; first error: {found.first_error}'
    goal.succeed()
    return result
