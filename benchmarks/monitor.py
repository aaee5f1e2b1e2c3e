"""What watching costs: requests recorded per second, answers of the page, the node's own share."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
from rich.progress import track

from eip_perf_monitor.exporters.prometheus import PrometheusExporter
from eip_perf_monitor.performance_monitor import PerformanceMonitor
from eip_perf_monitor.snapshot import to_plain
from eip_ros.transport import choose_transport

DESCRIPTION = 'cost of the performance monitor: records per second, answers, memory and processor'
OPTIONS = ('records', 'seconds', 'domain')

START_S = 15.0


def run(options: Mapping[str, str]) -> dict[str, float]:
    """Return the figures; options: records (200000), seconds (10), domain (79)."""
    figures = _core(int(options.get('records', '200000')))
    return figures | _node(float(options.get('seconds', '10')), options.get('domain', '79'))


def _core(records: int) -> dict[str, float]:
    monitor = PerformanceMonitor()
    figures = {
        'records_per_s': _record(monitor, records, 1),
        'records_per_s_4_threads': _record(monitor, records, 4),
    }
    for _ in track(range(3600), description='an hour of trends'):
        monitor.sample()
    exporter = PrometheusExporter(monitor.snapshot, 'robot')
    figures['snapshot_ms'] = _milliseconds(monitor.snapshot)
    figures['metrics_ms'] = _milliseconds(exporter.render)
    figures['status_ms'] = _milliseconds(lambda: json.dumps(to_plain(monitor.snapshot())))
    figures['trends_ms'] = _milliseconds(lambda: monitor.get_trends(max_points=300))
    return figures


def _record(monitor: PerformanceMonitor, count: int, threads: int) -> float:
    def work() -> None:
        for index in range(count // threads):
            monitor.record_request(f'r{index}', 0.01, 0.9, True, decision='allow')

    workers = [threading.Thread(target=work) for _ in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return count / (time.perf_counter() - began)


def _milliseconds(action: Callable[[], object], times: int = 20) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        taken.append(time.perf_counter() - began)
    return sorted(taken)[times // 2] * 1000


def _node(seconds: float, domain: str) -> dict[str, float]:
    """Measure the node while it hears what six nodes and a safety monitor say."""
    os.environ['ROS_DOMAIN_ID'] = domain
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    choose_transport()
    with tempfile.TemporaryFile('w+') as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            [
                sys.executable,
                '-m',
                'eip_perf_monitor.performance_monitor_node',
                '--ros-args',
                '-p',
                'port:=0',
            ],
            stdout=log,
            stderr=log,
        )
        try:
            url = _await_page(Path(f'/proc/self/fd/{log.fileno()}'), process)
            start_s = time.perf_counter() - began
            return {'start_s': start_s, **_under_load(psutil.Process(process.pid), url, seconds)}
        finally:
            process.terminate()
            process.wait(10)


def _await_page(log: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r'page at (\S+)', log.read_text())
        if found:
            return found.group(1)
        time.sleep(0.01)
    raise RuntimeError(f'performance_monitor did not start: {log.read_text()[-300:]}')


def _under_load(process: psutil.Process, url: str, seconds: float) -> dict[str, float]:
    talker = threading.Thread(target=_talk, args=(seconds + 2,))
    talker.start()
    time.sleep(1.0)
    process.cpu_percent()
    with urllib.request.urlopen(url + 'api/stream', timeout=5) as page:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            page.readline()
    figures = {
        'node_cpu_ratio': process.cpu_percent() / 100,
        'node_rss_mib': process.memory_info().rss / 2**20,
    }
    talker.join()
    return figures


def _talk(seconds: float) -> None:
    """Say for a while what the robot's other nodes would say: 25 permits and 60 beats a second."""
    import rclpy
    from rclpy.node import Node

    from eip.msg import Heartbeat, RequestRecord, SafetyState
    from eip_ros import qos
    from eip_ros.names import Topic

    rclpy.init()
    node = Node('talker')
    permits = node.create_publisher(SafetyState, Topic.STATE, qos.PERMIT)
    beats = node.create_publisher(Heartbeat, Topic.HEARTBEAT, qos.HEARTBEAT)
    records = node.create_publisher(RequestRecord, Topic.REQUESTS, qos.EVENT)
    for turn in range(int(seconds * 50)):
        if turn % 2 == 0:
            permits.publish(SafetyState(mode=SafetyState.ARMED, motion_permitted=True))
        if turn % 5 == 0:
            for index in range(6):
                beats.publish(Heartbeat(node=f'node{index}', period_s=0.1, healthy=True))
        if turn % 25 == 0:
            records.publish(RequestRecord(request_id=f'r{turn}', success=True, safety_score=0.9))
        time.sleep(0.02)
    node.destroy_node()
    rclpy.shutdown()
