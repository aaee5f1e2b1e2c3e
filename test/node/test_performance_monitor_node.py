"""The real node on a private domain: hears, measures, warns, answers, and outlives bad input."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from eip.action import RunBenchmark
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
    SafetyViolation,
)
from eip.srv import GenerateResponse, GetTrends
from eip_ros import qos
from eip_ros.heartbeat import read_boot_id
from eip_ros.names import Topic

Wait = Callable[..., None]
MODULE = 'eip_perf_monitor.performance_monitor_node'


class Robot:
    """The rest of the robot: publishes what the node hears, hears what it publishes."""

    def __init__(self) -> None:
        self.node = Node('rest_of_robot')
        self.statuses: list[PerformanceStatus] = []
        self.alerts: list[Alert] = []
        self.diagnoses: dict[str, Any] = {}
        self.delay_s = 0.0
        make, hear = self.node.create_publisher, self.node.create_subscription
        self.requests = make(RequestRecord, Topic.REQUESTS, qos.EVENT)
        self.memory = make(MemoryStatus, Topic.MEMORY_STATUS, qos.STATUS)
        self.safety = make(SafetyState, Topic.STATE, qos.PERMIT)
        self.verdicts = make(SafetyVerdict, Topic.VERDICT, qos.EVENT)
        self.events = make(SafetyEvent, Topic.EVENT, qos.EVENT)
        self.plan = make(PlanStatus, Topic.PLAN_STATUS, qos.STATUS)
        self.beats = make(Heartbeat, Topic.HEARTBEAT, qos.HEARTBEAT)
        hear(PerformanceStatus, Topic.PERFORMANCE_STATUS, self.statuses.append, qos.STATUS)
        hear(Alert, Topic.ALERT, self.alerts.append, qos.EVENT)
        hear(DiagnosticArray, Topic.DIAGNOSTICS, self._diagnosed, 10)
        self.trends = self.node.create_client(GetTrends, 'performance_monitor/trends')
        self.change = self.node.create_client(ChangeState, 'performance_monitor/change_state')
        self.benchmark = ActionClient(self.node, RunBenchmark, 'performance_monitor/benchmark')
        self.node.create_service(GenerateResponse, 'safety_llm/generate', self._generate)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._spin, daemon=True)
        self.thread.start()

    def _spin(self) -> None:
        while not self.ending.is_set():
            self.executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        # Whoever waits must have come back before anything he waits for is destroyed.
        self.ending.set()
        self.thread.join()
        self.executor.shutdown()
        self.benchmark.destroy()
        self.node.destroy_node()

    def answered(self, request: Any = None, **fields: Any) -> None:
        values = {'request_id': 'r', 'success': True, 'decision': 2, 'safety_score': 0.9, **fields}
        self.requests.publish(RequestRecord(**values))

    def _generate(self, request: Any, response: Any) -> Any:
        time.sleep(self.delay_s)
        response.result.success = bool(request.command)
        response.result.verdict.decision = SafetyVerdict.ALLOW
        response.result.verdict.safety_score = 0.8
        response.result.generated_tokens = 7
        return response

    def _diagnosed(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.startswith('performance_monitor: '):
                self.diagnoses[status.name.split(': ')[1]] = status


@pytest.fixture
def robot(ros_domain: int) -> Iterator[Robot]:
    rclpy.init()
    made = Robot()
    yield made
    made.close()
    rclpy.try_shutdown()


class Started:
    """The node as a process of its own."""

    def __init__(self, folder: Path, **parameters: object) -> None:
        settings = {'port': 0, 'sample_period_s': 0.2, **parameters}
        pairs = [word for k, v in settings.items() for word in ('-p', f'{k}:={v}')]
        self.log = folder / 'log.txt'
        with self.log.open('w') as out:
            self.process = subprocess.Popen(
                [sys.executable, '-m', MODULE, '--ros-args', *pairs],
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.log.read_text()

    def url(self) -> str:
        found = [line for line in self.text.splitlines() if 'page at http' in line]
        return found[-1].split('page at ')[1].strip() if found else ''

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url() + path, timeout=5) as answer:
            return json.loads(answer.read())

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    made: list[Started] = []

    def begin(**parameters: object) -> Started:
        made.append(Started(tmp_path, **parameters))
        return made[-1]

    yield begin
    for node in made:
        try:
            node.end()
        except subprocess.TimeoutExpired:
            node.process.kill()
            node.process.wait(5)


def await_future(future: Any, wait_until: Wait, what: str) -> Any:
    wait_until(future.done, deadline_s=15, what=what)
    return future.result()


def test_requests_become_status_trends_diagnostics_and_a_page(
    robot: Robot, start: Callable[..., Started], wait_until: Wait
) -> None:
    node = start()
    wait_until(lambda: robot.statuses, deadline_s=15, what='a first status')
    first = robot.statuses[-1]
    assert math.isnan(first.latency_p50_s)
    assert math.isnan(first.success_ratio)
    for index in range(100):
        robot.answered(
            processing_time_s=(index + 1) / 100, generated_tokens=2, decision=0 if index < 30 else 2
        )
    wait_until(lambda: robot.statuses[-1].requests_in_window == 100, what='100 requests counted')
    status = robot.statuses[-1]
    assert status.latency_p50_s == pytest.approx(0.505)
    assert status.latency_p99_s == pytest.approx(0.9901)
    assert status.rejected_in_window == 30
    assert status.success_ratio == 1.0
    assert status.memory_total_mib > 100
    assert status.accelerators
    if not status.accelerators[0].available:
        assert status.accelerators[0].reason
        assert math.isnan(status.accelerators[0].utilisation)

    answer = await_future(
        robot.trends.call_async(GetTrends.Request(metrics=['latency_p50_s'])), wait_until, 'trends'
    )
    assert answer.success
    assert answer.series[0].unit == 's'
    assert answer.series[0].values[-1] == pytest.approx(0.505)
    answer = await_future(
        robot.trends.call_async(GetTrends.Request(metrics=['warp'])), wait_until, 'an answer'
    )
    assert not answer.success
    assert "unknown metric 'warp'" in answer.message

    wait_until(lambda: 'requests' in robot.diagnoses, what='diagnostics')
    wait_until(
        lambda: robot.diagnoses['requests'].message.startswith('100 requests'), what='a diagnosis'
    )
    assert node.get('api/status')['requests']['requests_total'] == 100
    assert node.end() == 0
    assert 'Traceback' not in node.text


def test_what_the_robot_says_is_on_the_page(
    robot: Robot, start: Callable[..., Started], wait_until: Wait
) -> None:
    node = start()
    wait_until(lambda: robot.statuses, deadline_s=15, what='a first status')
    robot.verdicts.publish(
        SafetyVerdict(
            text='throw the knife',
            decision=0,
            step_index=-1,
            violations=[SafetyViolation(rule='hazard.sharp', explanation='It cuts.')],
        )
    )
    robot.events.publish(SafetyEvent(severity=2, kind='stop', cause='hardware_stop'))
    robot.plan.publish(PlanStatus(state=PlanStatus.HELD, skill='go_to', step_count=3))
    robot.memory.publish(MemoryStatus(device='cpu', budget_mib=100.0, used_mib=90.0, pressure=2))

    def shown() -> Any:
        robot.safety.publish(
            SafetyState(mode=99, motion_permitted=True, nearest_person_m=-1.0, cause='odd')
        )
        robot.beats.publish(
            Heartbeat(
                node='llm',
                instance_id='a',
                period_s=0.1,
                healthy=True,
                boot_id=read_boot_id(),
                pid=os.getpid(),
            )
        )
        robot.beats.publish(
            Heartbeat(node='far', instance_id='b', period_s=0.1, boot_id='other', pid=os.getpid())
        )
        view = node.get('api/status')
        heard = view['robot']
        names = {process['name'] for process in view['processes']}
        whole = ('safety', 'memory', 'plan', 'events', 'verdicts')
        return view if all(heard[key] for key in whole) and {'llm', 'far'} <= names else None

    wait_until(shown, what='everything on the page')
    view = shown()
    robot_view = view['robot']
    assert robot_view['verdicts'][0]['violations'][0]['explanation'] == 'It cuts.'
    assert robot_view['verdicts'][0]['decision'] == 'reject'
    assert robot_view['plan']['state'] == 'held'
    assert robot_view['memory']['pressure_name'] == 'high'
    # a mode that nobody knows is a stop, whatever the message claims
    assert robot_view['safety']['mode'] == 'stopped'
    assert robot_view['safety']['motion_permitted'] is False
    assert robot_view['safety']['nearest_person_m'] is None
    processes = {process['name']: process for process in view['processes']}
    assert processes['llm']['resident_mib'] > 10
    assert processes['far']['available'] is False
    assert processes['far']['resident_mib'] is None


def test_a_threshold_raises_one_alert_and_its_end(
    robot: Robot, start: Callable[..., Started], wait_until: Wait, tmp_path: Path
) -> None:
    rules = tmp_path / 'rules.yaml'
    rules.write_text(
        'alerts:\n  - {name: slow, metric: latency_p99_s, comparison: ">", threshold: 1, '
        'severity: critical, message: It is slow., remedy: Hurry.}\n'
    )
    start(alerts_file=str(rules), window_s=1.0)
    wait_until(lambda: robot.statuses, deadline_s=15, what='a first status')
    robot.answered(processing_time_s=3.0)
    wait_until(lambda: robot.alerts, what='an alert')
    wait_until(lambda: 'slow' in robot.statuses[-1].active_alerts, what='the alert in the status')
    wait_until(
        lambda: robot.diagnoses.get('alerts') and robot.diagnoses['alerts'].level == b'\x02',
        what='a diagnosis of level ERROR',
    )
    wait_until(lambda: len(robot.alerts) == 2, what='the end of the alert')
    began, ended = robot.alerts
    assert (began.firing, began.severity, began.value, began.unit) == (True, 2, 3.0, 's')
    assert began.remedy == 'Hurry.'
    assert not ended.firing
    assert math.isnan(ended.value)


def test_impossible_records_are_refused_and_the_node_goes_on(
    robot: Robot, start: Callable[..., Started], wait_until: Wait
) -> None:
    node = start()
    wait_until(lambda: robot.statuses, deadline_s=15, what='a first status')
    robot.answered(processing_time_s=math.nan)
    robot.answered(safety_score=7.0)
    robot.answered(processing_time_s=-1.0)
    robot.answered(processing_time_s=0.5)
    wait_until(lambda: robot.statuses[-1].requests_total == 1, what='the good one counted')
    wait_until(
        lambda: (
            robot.diagnoses.get('requests')
            and robot.diagnoses['requests'].message == '3 malformed records were refused'
        ),
        what='the diagnosis',
    )
    assert 'llm/requests: message refused: processing_time_s' in node.text
    assert node.end() == 0


def test_a_taken_port_costs_the_page_and_nothing_else(
    robot: Robot, start: Callable[..., Started], wait_until: Wait
) -> None:
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        node = start(port=port)
        wait_until(lambda: robot.statuses, deadline_s=15, what='a status all the same')
        wait_until(lambda: 'page' in robot.diagnoses, what='a diagnosis of the page')
    assert robot.diagnoses['page'].level == b'\x02'
    assert f'port {port} on 127.0.0.1 is taken' in robot.diagnoses['page'].message
    lines = [line for line in node.text.splitlines() if str(port) in line]
    assert len(lines) == 1
    assert 'set the parameter port' in lines[0]


@pytest.mark.parametrize(
    ('parameters', 'expected'),
    [
        ({'port': 99999}, 'parameter port of performance_monitor'),
        ({'window_s': 'long'}, 'parameter window_s of performance_monitor'),
    ],
)
def test_a_parameter_out_of_range_ends_in_one_line(
    ros_domain: int, start: Callable[..., Started], parameters: dict, expected: str
) -> None:
    node = start(**parameters)
    assert node.process.wait(15) == 2
    assert expected in node.text
    assert 'Traceback' not in node.text
    assert len(node.text.strip().splitlines()) == 1


def test_a_malformed_rule_file_leaves_the_node_unhealthy_with_the_reason(
    robot: Robot, start: Callable[..., Started], wait_until: Wait, tmp_path: Path
) -> None:
    rules = tmp_path / 'rules.yaml'
    rules.write_text('alerts:\n  - {name: slow, metric: warp}\n')
    start(alerts_file=str(rules))
    wait_until(
        lambda: (
            robot.diagnoses.get('lifecycle')
            and 'alerts[0].comparison is missing' in robot.diagnoses['lifecycle'].message
        ),
        deadline_s=15,
        what='the reason in diagnostics',
    )


def test_it_may_be_cleaned_up_and_configured_again(
    robot: Robot, start: Callable[..., Started], wait_until: Wait
) -> None:
    node = start()
    wait_until(lambda: robot.statuses, deadline_s=15, what='a first status')
    wait_until(robot.change.service_is_ready, what='the lifecycle service')
    before = node.url()

    def change(transition: int) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))
        assert await_future(robot.change.call_async(request), wait_until, 'a transition').success

    change(Transition.TRANSITION_DEACTIVATE)
    change(Transition.TRANSITION_CLEANUP)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(before, timeout=2)
    change(Transition.TRANSITION_CONFIGURE)
    change(Transition.TRANSITION_ACTIVATE)
    robot.statuses.clear()
    robot.answered(processing_time_s=0.5)
    wait_until(
        lambda: robot.statuses and robot.statuses[-1].requests_total == 1, what='a status anew'
    )
    assert node.get('api/status')['requests']['requests_total'] == 1


def test_a_benchmark_of_a_model_that_is_not_there_says_so(
    robot: Robot, start: Callable[..., Started], wait_until: Wait
) -> None:
    start(llm_node='nobody')
    wait_until(lambda: robot.statuses, deadline_s=15, what='a first status')
    wait_until(robot.benchmark.server_is_ready, what='the action')
    sent = robot.benchmark.send_goal_async(RunBenchmark.Goal(requests=1, concurrency=1))
    goal = await_future(sent, wait_until, 'an answer to the goal')
    found = await_future(goal.get_result_async(), wait_until, 'the result').result
    assert not found.success
    assert 'nobody/generate is not offered' in found.message


class TestBenchmark:
    """The action ~/benchmark."""

    @pytest.fixture(autouse=True)
    def node(self, robot: Robot, start: Callable[..., Started], wait_until: Wait) -> Started:
        self.robot, self.wait_until = robot, wait_until
        made = start(benchmark_timeout_s=5.0)
        wait_until(lambda: robot.statuses, deadline_s=15, what='a first status')
        wait_until(robot.benchmark.server_is_ready, what='the action')
        self.done: list[int] = []
        return made

    def send(self, **fields: Any) -> Any:
        future = self.robot.benchmark.send_goal_async(
            RunBenchmark.Goal(**fields),
            feedback_callback=lambda m: self.done.append(m.feedback.done),
        )
        return await_future(future, self.wait_until, 'an answer to the goal')

    def test_a_benchmark_gives_figures_and_progress(self) -> None:
        self.robot.delay_s = 0.005
        goal = self.send(requests=60, commands=['go', 'stop'], concurrency=3)
        assert goal.accepted
        self.wait_until(lambda: self.done, what='progress')
        found = await_future(goal.get_result_async(), self.wait_until, 'the result').result
        figures = dict(zip(found.names, found.values, strict=True))
        assert found.success, found.message
        assert (figures['requests'], figures['allowed']) == (60, 60)
        assert 0.005 <= figures['latency_p50_s'] <= figures['latency_p99_s']
        assert figures['tokens_per_s'] == pytest.approx(60 * 7 / figures['duration_s'])
        # rclpy drops the feedback that it takes up after a goal's last status.
        assert self.done == sorted(self.done)
        assert 1 <= self.done[0] <= self.done[-1] <= 60

    def test_a_benchmark_may_be_cancelled_and_only_one_runs(self) -> None:
        self.robot.delay_s = 0.01
        goal = self.send(requests=100_000, concurrency=2)
        self.wait_until(lambda: self.done, what='progress')
        assert not self.send(requests=1, concurrency=1).accepted
        await_future(goal.cancel_goal_async(), self.wait_until, 'the cancellation')
        found = await_future(goal.get_result_async(), self.wait_until, 'the result').result
        assert not found.success
        assert found.message.startswith('ended after ')
        assert self.send(requests=1, concurrency=1).accepted

    def test_the_node_ends_in_order_while_a_benchmark_runs(self, node: Started) -> None:
        self.robot.delay_s = 0.01
        self.send(requests=100_000, concurrency=2)
        self.wait_until(lambda: self.done, what='progress')
        assert node.end() == 0
        assert 'Traceback' not in node.text

    @pytest.mark.parametrize('fields', [{'requests': 0, 'concurrency': 1}, {'requests': 1}])
    def test_an_impossible_goal_is_refused(self, fields: dict) -> None:
        assert not self.send(**fields).accepted
