"""The node `memory_manager`: whom it watches, what it publishes, whom it asks to shrink."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rclpy
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from eip.msg import Heartbeat, MemoryStatus
from eip.srv import GetTrends, OptimizeMemory, ReclaimMemory
from eip_llm_interface.advanced_memory_manager import AdvancedMemoryManager
from eip_llm_interface.memory_manager_node import THREADS, MemoryManagerNode, load_memory
from eip_llm_interface.robot_memory import RobotMemory
from eip_ros import qos
from eip_ros.heartbeat import HeartbeatPublisher, read_boot_id
from eip_ros.threads import ThreadedExecutor


class Other(Node):
    """Another node of the robot: beats, and gives back 12 MiB, or nothing for long."""

    def __init__(self, name: str = 'safety_llm', is_stuck: bool = False) -> None:
        super().__init__(name, use_global_arguments=False)
        self.asked: list[Any] = []
        self.gate = threading.Event()
        self._is_stuck = is_stuck
        self.heard: list[Any] = []
        self.beats = HeartbeatPublisher(self)
        self.raw_beats = self.create_publisher(Heartbeat, 'heartbeat', qos.HEARTBEAT)
        group = ReentrantCallbackGroup()
        self.create_service(ReclaimMemory, '~/reclaim', self._reclaim, callback_group=group)
        self.create_subscription(
            MemoryStatus, 'memory/status', self.heard.append, qos.STATUS, callback_group=group
        )

    def _reclaim(self, asked: Any, answer: Any) -> Any:
        self.asked.append(asked)
        if self._is_stuck:
            self.gate.wait(20.0)
        answer.success, answer.freed_mib = True, 12.0
        return answer


class Rig:
    def __init__(self, make_memory: Any, is_stuck: bool, parameters: dict[str, Any]) -> None:
        arguments = ['--ros-args']
        for name, value in {'publish_period_s': 0.1, **parameters}.items():
            arguments += ['-p', f'{name}:={value}']
        rclpy.init(args=arguments)
        self.node = MemoryManagerNode(make_memory)
        self.other = Other(is_stuck=is_stuck)
        self._ended = threading.Event()
        self._executors = [ThreadedExecutor(THREADS), ThreadedExecutor(4)]
        self._threads = []
        for executor, node in zip(self._executors, (self.node, self.other), strict=True):
            executor.add_node(node)
            self._threads.append(threading.Thread(target=self._spin, args=[executor]))
            self._threads[-1].start()

    def _spin(self, executor: Any) -> None:
        while not self._ended.is_set():
            executor.spin_once(0.05)

    def call(self, kind: Any, name: str, **fields: Any) -> Any:
        client = self.other.create_client(kind, f'memory_manager/{name}')
        assert client.wait_for_service(10.0)
        done = threading.Event()
        future = client.call_async(kind.Request(**fields))
        future.add_done_callback(lambda _: done.set())
        assert done.wait(10.0), f'{name} gave no answer'
        return future.result()

    def clients(self) -> dict[str, Any]:
        return {c.name: c for c in self.other.heard[-1].clients} if self.other.heard else {}

    def close(self) -> None:
        self.other.gate.set()
        self._ended.set()
        for thread in self._threads:
            thread.join(5.0)
        for executor in self._executors:
            executor.shutdown(5.0)
        self.node.destroy_node()
        self.other.destroy_node()
        rclpy.shutdown()


@pytest.fixture
def make_rig(ros_domain: int) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(make_memory: Any = load_memory, is_stuck: bool = False, **parameters: Any) -> Rig:
        made.append(Rig(make_memory, is_stuck, parameters))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig], wait_until: Callable[..., None]) -> Rig:
    rig = make_rig()
    wait_until(lambda: len(rig.clients()) == 2, what='both nodes are watched')
    wait_until(lambda: rig.node._calls.offers('safety_llm'), what='the reclaim service is found')
    return rig


def test_status_holds_the_processes_whose_heartbeats_are_heard(rig):
    status = rig.other.heard[-1]
    assert set(rig.clients()) == {'memory_manager', 'safety_llm'}
    for client in status.clients:
        assert client.pid == os.getpid()
        assert client.resident_mib > 10
    assert status.used_mib == pytest.approx(sum(c.resident_mib for c in status.clients))
    assert status.used_ratio == pytest.approx(status.used_mib / status.budget_mib)
    assert status.host_total_mib > status.host_available_mib > 0
    assert status.peak_mib >= status.used_mib
    if not status.accelerator_available:
        assert status.accelerator_reason
        assert status.accelerator_used_mib == -1


def test_heartbeat_from_elsewhere_or_with_an_impossible_name_does_no_harm(rig, wait_until):
    for name, boot_id in (('a b/c', read_boot_id()), ('', read_boot_id()), ('far', 'other host')):
        rig.other.raw_beats.publish(Heartbeat(node=name, pid=os.getpid(), boot_id=boot_id))
    rig.other.raw_beats.publish(Heartbeat(node='good', pid=os.getpid(), boot_id=read_boot_id()))
    wait_until(lambda: 'good' in rig.clients(), what='the good one is watched')
    assert 'far' not in rig.clients()
    assert len(rig.clients()) == 3


def test_optimize_alone_asks_nobody(rig):
    answer = rig.call(OptimizeMemory, 'optimize')
    assert answer.success
    assert answer.freed_mib >= 0
    assert answer.used_before_mib > 0
    assert not rig.other.asked


def test_optimize_asks_the_others_and_remembers_what_they_gave(rig, wait_until):
    answer = rig.call(OptimizeMemory, 'optimize', ask_others=True, target_mib=5.0)
    assert answer.success
    assert 'safety_llm 12.0 MiB' in answer.message
    assert rig.other.asked[0].target_mib == 5.0
    wait_until(
        lambda: rig.clients()['safety_llm'].reclaimable_mib == 12.0, what='the answer is shown'
    )


@pytest.mark.parametrize('target_mib', [-1.0, math.nan])
def test_target_that_is_none_is_refused_by_name(rig, target_mib):
    answer = rig.call(OptimizeMemory, 'optimize', target_mib=target_mib)
    assert not answer.success
    assert 'target_mib' in answer.message


def test_process_that_does_not_answer_is_not_waited_for(make_rig, wait_until):
    rig = make_rig(is_stuck=True, reclaim_timeout_s=0.3)
    wait_until(lambda: len(rig.clients()) == 2, what='both nodes are watched')
    wait_until(lambda: rig.node._calls.offers('safety_llm'), what='the reclaim service is found')
    count = len(rig.other.heard)
    answer = rig.call(OptimizeMemory, 'optimize', ask_others=True)
    assert answer.success
    assert rig.other.asked
    assert 'safety_llm' not in answer.message
    wait_until(lambda: len(rig.other.heard) > count, what='status goes on')


def test_high_pressure_makes_it_ask_by_itself_once_per_cooldown(make_rig, wait_until):
    rig = make_rig(max_memory_mb=64, cooldown_s=3600.0)
    wait_until(lambda: rig.other.heard, what='status')
    assert rig.other.heard[-1].pressure == MemoryStatus.CRITICAL
    count = len(rig.other.heard)
    wait_until(lambda: len(rig.other.heard) > count + 5, what='status goes on')
    assert len(rig.other.asked) <= 1
    rig.node._last_pass_s = time.monotonic() - 3601.0
    before = len(rig.other.asked)
    wait_until(lambda: len(rig.other.asked) == before + 1, what='a pass after the cooldown')
    assert rig.other.asked[-1].urgency == MemoryStatus.CRITICAL


def test_without_auto_optimize_it_only_tells(make_rig, wait_until):
    rig = make_rig(max_memory_mb=64, auto_optimize='false')
    wait_until(lambda: len(rig.other.heard) > 5, what='status')
    assert rig.other.heard[-1].pressure == MemoryStatus.CRITICAL
    assert not rig.other.asked


def test_trends_hold_every_metric_and_refuse_unknown_ones(rig, wait_until):
    wait_until(lambda: len(rig.other.heard) > 5, what='some samples')
    answer = rig.call(GetTrends, 'trends', metrics=['used_mib'], max_points=3)
    assert answer.success
    (series,) = answer.series
    assert (series.metric, series.unit, len(series.values)) == ('used_mib', 'MiB', 3)
    assert list(series.stamps_s) == sorted(series.stamps_s)
    assert series.stamps_s[-1] <= 0
    every = rig.call(GetTrends, 'trends')
    assert 'safety_llm.resident_mib' in [s.metric for s in every.series]
    unknown = rig.call(GetTrends, 'trends', metrics=['colour'])
    assert not unknown.success
    assert 'colour' in unknown.message
    assert 'used_mib' in unknown.message
    assert not rig.call(GetTrends, 'trends', window_s=math.nan).success


def test_reading_that_fails_makes_it_unhealthy_until_one_succeeds(make_rig, wait_until):
    class Broken(RobotMemory):
        is_broken = False

        def read(self) -> Any:
            if self.is_broken:
                raise OSError('/proc is gone')
            return super().read()

    rig = make_rig(lambda config, watched: Broken(AdvancedMemoryManager(64), watched))
    wait_until(lambda: rig.node.health()[0], what='healthy')
    Broken.is_broken = True
    wait_until(lambda: '/proc is gone' in rig.node.health()[1], what='the reason is told')
    assert not rig.call(OptimizeMemory, 'optimize').success
    Broken.is_broken = False
    wait_until(lambda: rig.node.health()[0], what='healthy again')


def test_unusable_device_keeps_it_alive_and_unhealthy_with_the_reason(make_rig, wait_until):
    rig = make_rig(device='tpu')
    wait_until(lambda: 'tpu' in rig.node.health()[1], what='the reason')
    assert 'cuda' in rig.node.health()[1]
    answer = rig.call(OptimizeMemory, 'optimize')
    assert not answer.success
    assert 'tpu' in answer.message
    assert not rig.call(GetTrends, 'trends').success


def test_budget_out_of_range_is_named(ros_domain):
    rclpy.init(args=['--ros-args', '-p', 'max_memory_mb:=1'])
    try:
        with pytest.raises(ValueError, match=r'max_memory_mb.*64 to'):
            MemoryManagerNode()
    finally:
        rclpy.shutdown()
