"""The node `performance_monitor`: hears every node, publishes figures and alerts, serves a page."""

# rclpy's lifecycle node has no types.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from eip.msg import (
    Alert,
    Heartbeat,
    MemoryStatus,
    PerformanceStatus,
    PlanStatus,
    RequestRecord,
    SafetyEvent,
    SafetyState,
    SafetyVerdict,
)
from eip.srv import GetTrends
from eip_perf_monitor import conversions as convert
from eip_perf_monitor import diagnosis
from eip_perf_monitor.alerts import Alert as AlertChange
from eip_perf_monitor.alerts import Severity
from eip_perf_monitor.api import Api
from eip_perf_monitor.benchmark_action import BenchmarkAction
from eip_perf_monitor.config import MonitorConfig
from eip_perf_monitor.performance_monitor import PerformanceMonitor
from eip_perf_monitor.server import PageServer, ServerError
from eip_perf_monitor.snapshot import Snapshot
from eip_ros import names, qos
from eip_ros.diagnostics import Diagnosis, Level
from eip_ros.executor import make_executor
from eip_ros.heartbeat import read_boot_id
from eip_ros.lifecycle_node import ManagedNode
from eip_ros.names import Service, Topic
from eip_ros.parameters import declare_parameters
from eip_ros.run import run_node
from eip_ros.steady import STEADY

__all__ = ['PerformanceMonitorNode', 'main']

# `safety/state` as a bystander: no deadline or lease to be told of, only the newest permit.
_PERMIT: Final = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
_WARN_EVERY_S: Final = 10.0


class PerformanceMonitorNode(ManagedNode):
    """Wires topics to a PerformanceMonitor, and its figures to topics, services and HTTP."""

    def __init__(self) -> None:
        super().__init__(names.Node.PERFORMANCE_MONITOR)
        self._config = declare_parameters(self, MonitorConfig)
        self._boot_id = read_boot_id()
        self._monitor: PerformanceMonitor | None = None
        self._server: PageServer | None = None
        self._page_problem = ''
        self._last: Snapshot | None = None
        self._malformed = 0
        self._timer: Any = None
        self._undo: list[Callable[[], object]] = []
        self._add_diagnostics()

    @property
    def url(self) -> str:
        """Return where the page is, empty when it is not served."""
        return self._server.url if self._server else ''

    def set_up(self) -> None:
        """Read the alert rules, hear the robot, open the page."""
        self._monitor = PerformanceMonitor(config=self._config, on_alert=self._publish_alert)
        self._status = self.create_lifecycle_publisher(
            PerformanceStatus, Topic.PERFORMANCE_STATUS, qos.STATUS
        )
        self._alerts = self.create_lifecycle_publisher(Alert, Topic.ALERT, qos.EVENT)
        trends = self.create_service(GetTrends, f'~/{Service.TRENDS}', self._answer_trends)
        benchmark = BenchmarkAction(self, self._config.llm_node, self._config.benchmark_timeout_s)
        self._undo += [
            lambda: self.destroy_lifecycle_publisher(self._status),
            lambda: self.destroy_lifecycle_publisher(self._alerts),
            lambda: self.destroy_service(trends),
            benchmark.destroy,
        ]
        self._hear(self._monitor)
        self._open_page(self._monitor)

    def start(self) -> None:
        """Begin to sample."""
        self._timer = self.create_timer(self._config.sample_period_s, self._sample, clock=STEADY)

    def stop(self) -> None:
        """Cease to sample."""
        if self._timer is not None:
            self.destroy_timer(self._timer)
            self._timer = None

    def clean_up(self) -> None:
        """Close the page and hear no more."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        while self._undo:
            self._undo.pop()()
        if self._monitor is not None:
            self._monitor.close()
            self._monitor = None
            self._last = None

    def destroy_node(self) -> None:
        """Release everything, whatever the lifecycle state."""
        self.stop()
        self.clean_up()
        super().destroy_node()

    def _hear(self, monitor: PerformanceMonitor) -> None:
        board = monitor.board
        heard: tuple[tuple[type, str, QoSProfile, Callable[[Any], None]], ...] = (
            (RequestRecord, Topic.REQUESTS, qos.EVENT, lambda m: convert.record(monitor, m)),
            (
                MemoryStatus,
                Topic.MEMORY_STATUS,
                qos.STATUS,
                lambda m: board.put_memory(convert.memory_view(m)),
            ),
            (SafetyState, Topic.STATE, _PERMIT, lambda m: board.put_safety(convert.safety_view(m))),
            (SafetyEvent, Topic.EVENT, qos.EVENT, lambda m: board.put_event(convert.event_view(m))),
            (
                SafetyVerdict,
                Topic.VERDICT,
                qos.EVENT,
                lambda m: board.put_verdict(convert.verdict_view(m)),
            ),
            (
                PlanStatus,
                Topic.PLAN_STATUS,
                qos.EVENT,
                lambda m: board.put_plan(convert.plan_view(m)),
            ),
            (
                Heartbeat,
                Topic.HEARTBEAT,
                qos.HEARTBEAT,
                lambda m: convert.put_beat(board, m, self._boot_id),
            ),
        )
        for kind, topic, profile, take in heard:
            made = self.create_subscription(kind, topic, self._careful(topic, take), profile)
            self._undo.append(lambda made=made: self.destroy_subscription(made))  # type: ignore[misc]

    def _careful(self, topic: str, take: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return `take` so that a malformed message is counted and told of, and nothing more."""

        def taken(message: Any) -> None:
            try:
                take(message)
            except (ValueError, OverflowError) as error:
                self._malformed += 1
                self.get_logger().warning(
                    f'{topic}: message refused: {error}', throttle_duration_sec=_WARN_EVERY_S
                )

        return taken

    def _open_page(self, monitor: PerformanceMonitor) -> None:
        self._page_problem = ''
        if not self._config.page_enabled:
            return
        robot = self.get_namespace().strip('/')
        server = PageServer(Api(monitor, robot), self._config.host, self._config.port)
        try:
            server.start()
        except ServerError as error:  # the robot is watched all the same
            self._page_problem = str(error)
            self.get_logger().error(f'no page: {error}')
            return
        self._server = server
        self.get_logger().info(f'page at {server.url}')

    def _sample(self) -> None:
        if self._monitor is None:
            return
        self._last = self._monitor.sample()
        message = convert.status_message(self._last)
        message.header.stamp = self.get_clock().now().to_msg()
        self._status.publish(message)

    def _publish_alert(self, alert: AlertChange) -> None:
        message = convert.alert_message(alert)
        message.header.stamp = self.get_clock().now().to_msg()
        self._alerts.publish(message)
        rule = alert.rule
        if not alert.firing:
            self.get_logger().info(f'alert {rule.name} ended')
        elif alert.severity is Severity.CRITICAL:
            self.get_logger().error(f'alert {rule.name}: {rule.message} {rule.remedy}')
        else:
            self.get_logger().warning(f'alert {rule.name}: {rule.message} {rule.remedy}')

    def _answer_trends(
        self, request: GetTrends.Request, response: GetTrends.Response
    ) -> GetTrends.Response:
        if self._monitor is None:
            response.message = 'the node is not configured; configure it first'
            return response
        try:
            found = self._monitor.get_trends(request.metrics, request.window_s, request.max_points)
        except ValueError as error:
            response.message = str(error)
            return response
        response.success = True
        response.series = [convert.trend_message(trend) for trend in found]
        return response

    def _add_diagnostics(self) -> None:
        tasks: dict[str, Callable[[Snapshot], Diagnosis]] = {
            'requests': lambda s: diagnosis.diagnose_requests(s, self._malformed),
            'host': diagnosis.diagnose_host,
            'accelerator': diagnosis.diagnose_accelerators,
            'nodes': diagnosis.diagnose_nodes,
            'alerts': diagnosis.diagnose_alerts,
        }
        for name, task in tasks.items():
            self.diagnostics.add(name, lambda task=task: self._diagnosed(task))  # type: ignore[misc]
        self.diagnostics.add('page', self._diagnose_page)

    def _diagnosed(self, task: Callable[[Snapshot], Diagnosis]) -> Diagnosis:
        return Diagnosis(Level.STALE, 'no sample yet') if self._last is None else task(self._last)

    def _diagnose_page(self) -> Diagnosis:
        if self._page_problem:
            return Diagnosis(Level.ERROR, self._page_problem)
        return Diagnosis(Level.OK, self.url or 'not served')


def main() -> int:
    """Run the node; returns the exit code."""
    return run_node(PerformanceMonitorNode, make_executor=make_executor)


if __name__ == '__main__':
    sys.exit(main())
