"""The action ~/benchmark: a load test of the language model's service."""

# rclpy's lifecycle node has no types.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import threading
import time
from typing import Any, Final

from rclpy.action.server import ActionServer, CancelResponse, GoalResponse

from eip.action import RunBenchmark
from eip.srv import GenerateResponse
from eip_perf_monitor.benchmark import BENCHMARK_COMMANDS, Answer, BenchmarkResult
from eip_perf_monitor.conversions import read_generation
from eip_perf_monitor.load_test import LoadTest, Reply
from eip_ros.lifecycle_node import ManagedNode
from eip_ros.names import Service, private

__all__ = ['BenchmarkAction']

MOST_REQUESTS: Final = 100_000
_FEEDBACK_S: Final = 0.1
_SERVICE_S: Final = 2.0
_END_S: Final = 3.0


class BenchmarkAction:
    """Serves one benchmark at a time; the requests are recorded by way of `llm/requests`.

    The run has a thread of its own, so that the node's one thread goes on with its callbacks.
    """

    def __init__(self, node: ManagedNode, llm_node: str, timeout_s: float) -> None:
        self._node = node
        self._timeout_s = timeout_s
        self._runner: threading.Thread | None = None
        self._ending = False
        self._client = node.create_client(GenerateResponse, private(llm_node, Service.GENERATE))
        self._server = ActionServer(
            node,
            RunBenchmark,
            f'~/{Service.BENCHMARK}',
            lambda goal: RunBenchmark.Result(),
            goal_callback=self._accept,
            handle_accepted_callback=self._begin,
            cancel_callback=lambda goal: CancelResponse.ACCEPT,
        )

    def destroy(self) -> None:
        """End the run and withdraw the action."""
        self._ending = True
        if self._runner is not None:
            self._runner.join(_END_S)
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
        if self._runner is not None and self._runner.is_alive():
            return 'another one runs; wait for it or cancel it'
        return ''

    def _begin(self, goal: Any) -> None:
        self._runner = threading.Thread(
            target=self._run, args=(goal,), name='benchmark', daemon=True
        )
        self._runner.start()

    def _run(self, goal: Any) -> None:
        """Run the load test, then let the node's own thread conclude the goal."""
        if not self._client.wait_for_service(timeout_sec=_SERVICE_S):
            problem = f'{self._client.srv_name} is not offered; is the node up and active?'
            goal.execute(lambda handle: _refuse(handle, problem))
            return
        pending: set[Any] = set()
        test = LoadTest(
            lambda command, reply: self._send(command, reply, pending),
            tuple(goal.request.commands) or BENCHMARK_COMMANDS,
            goal.request.requests,
            goal.request.concurrency,
            self._timeout_s,
            lambda: self._ending or goal.is_cancel_requested or not self._node.is_active,
            _Feedback(goal),
        )
        found = test.run()
        for future in tuple(pending):
            self._client.remove_pending_request(future)
        if not self._ending:
            goal.execute(lambda handle: _conclude(handle, found))

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


def _refuse(goal: Any, problem: str) -> RunBenchmark.Result:
    goal.abort()
    return RunBenchmark.Result(message=problem)


def _conclude(goal: Any, found: BenchmarkResult) -> RunBenchmark.Result:
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
