"""What EIP needs on this machine, checked one by one, each with its remedy."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eip_bringup import environment
from eip_bringup.robot_config import PAGE_PORT
from eip_ros.state_folder import state_root

__all__ = ['CHECKS', 'Finding', 'examine']

OLDEST_PYTHON = (3, 11)
LEAST_SHARED_MEMORY_MB = 64
LEAST_DISK_MB = 200
DISCOVERY_RANGES = ('SUBNET', 'LOCALHOST', 'OFF', 'SYSTEM_DEFAULT')
EPOCH_2025_S = 1735689600.0
MODEL_FILES = ('config.json', 'tokenizer.json')
BYTES_PER_MB = 1e6


@dataclass(frozen=True)
class Finding:
    """What one check found; `text` holds the remedy when `ok` is false."""

    name: str
    ok: bool
    text: str


Check = Callable[[], Finding]


def examine(checks: Sequence[Check]) -> Iterator[Finding]:
    """Yield one finding per check; a check that fails itself is a finding too."""
    for check in checks:
        try:
            yield check()
        except Exception as error:
            name = check.__name__.removeprefix('check_')
            yield Finding(name, False, f'could not be checked: {type(error).__name__}: {error}')


def check_python() -> Finding:
    """Check that Python is new enough."""
    found = '.'.join(map(str, sys.version_info[:3]))
    oldest = '.'.join(map(str, OLDEST_PYTHON))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return Finding('python', False, f'{found} is too old: install {oldest} or newer')
    return Finding('python', True, f'{found} ({sys.executable})')


def check_compiler() -> Finding:
    """Check for the C++ compiler that builds the interfaces."""
    return _tool('compiler', ('c++', 'g++', 'clang++'), 'apt install g++')


def check_cmake() -> Finding:
    """Check for CMake, which builds the interfaces."""
    return _tool('cmake', ('cmake',), 'apt install cmake')


def check_ros() -> Finding:
    """Check that rclpy can be imported, and say whose it is."""
    spec = importlib.util.find_spec('rclpy')
    if spec is None or spec.origin is None:
        return Finding(
            'ros', False, 'rclpy is missing: run `make setup`, or source your ROS 2 installation'
        )
    import rclpy  # noqa: F401

    distribution = os.environ.get('ROS_DISTRO')
    whose = f'ROS 2 {distribution}, sourced' if distribution else 'wheels in this environment'
    return Finding('ros', True, f'{whose} ({Path(spec.origin).parent})')


def check_interfaces() -> Finding:
    """Check that the package's messages are built and match this Python."""
    try:
        from eip.msg import Heartbeat, SafetyState

        Heartbeat(), SafetyState()
    except Exception as error:
        return Finding('interfaces', False, f'{error}: run `make setup`, or build with colcon')
    return Finding('interfaces', True, 'eip.msg can be imported')


def check_libraries() -> Finding:
    """Check that the libraries of every room are installed."""
    names = ('torch', 'transformers', 'numpy', 'yaml', 'psutil', 'mujoco', 'starlette')
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        return Finding('libraries', False, f'{", ".join(missing)} missing: run `make setup`')
    return Finding('libraries', True, f'{len(names)} found')


def check_model() -> Finding:
    """Check that the shipped model is whole."""
    spec = importlib.util.find_spec('eip_llm_interface')
    if spec is None or spec.origin is None:
        return Finding('model', False, 'eip_llm_interface is missing: run `make setup`')
    folder = Path(spec.origin).parent / 'models' / 'eip_nano'
    missing = [name for name in MODEL_FILES if not (folder / name).is_file()]
    if not list(folder.glob('*.safetensors')):
        missing.append('*.safetensors')
    if missing:
        return Finding(
            'model',
            False,
            f'{folder} lacks {", ".join(missing)}: run `eip train`, or give --model elsewhere',
        )
    size_mb = sum(file.stat().st_size for file in folder.rglob('*')) / BYTES_PER_MB
    return Finding('model', True, f'{folder} ({size_mb:.1f} MB)')


def check_configuration() -> Finding:
    """Check that the shipped configuration can be read."""
    from eip_bringup.robot_config import ConfigError, read_fleet, read_robot

    try:
        robot = environment.config_file('robot.yaml')
        read_robot(robot)
        read_fleet(environment.config_file('fleet.yaml'))
    except (ConfigError, FileNotFoundError) as error:
        return Finding('configuration', False, str(error))
    return Finding('configuration', True, str(robot.parent))


def check_state() -> Finding:
    """Check that state, logs and audit file can be written."""
    root = state_root()
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    if not os.access(place, os.W_OK):
        return Finding('state', False, f'{root} cannot be written: set EIP_STATE_DIR elsewhere')
    free_mb = shutil.disk_usage(place).free / BYTES_PER_MB
    if free_mb < LEAST_DISK_MB:
        return Finding(
            'state', False, f'{root} has {free_mb:.0f} MB left: free {LEAST_DISK_MB} MB at least'
        )
    return Finding('state', True, f'{root} ({free_mb:.0f} MB free)')


def check_port() -> Finding:
    """Check that the page's port is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', PAGE_PORT))
        except OSError as error:
            from eip_bringup.run_state import find_runs

            if find_runs(state_root()):
                return Finding('port', True, f'{PAGE_PORT} is in use while a robot is up')
            return Finding(
                'port',
                False,
                f'{PAGE_PORT} is taken ({error.strerror}): end what holds it, or set '
                'parameters.performance_monitor.port in robot.yaml',
            )
    return Finding('port', True, f'127.0.0.1:{PAGE_PORT} is free')


def check_discovery() -> Finding:
    """Check the ROS discovery settings of this shell."""
    given = os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE', '')
    if given and given not in DISCOVERY_RANGES:
        return Finding(
            'discovery',
            False,
            f'ROS_AUTOMATIC_DISCOVERY_RANGE is {given!r}: set one of {", ".join(DISCOVERY_RANGES)}',
        )
    if given == 'OFF':
        return Finding(
            'discovery',
            False,
            'ROS_AUTOMATIC_DISCOVERY_RANGE is OFF, so nodes cannot find each other: set LOCALHOST',
        )
    try:
        number = environment.domain_id()
    except ValueError as error:
        return Finding('discovery', False, f'{error} (ROS_DOMAIN_ID)')
    return Finding('discovery', True, f'{given or "LOCALHOST (by default)"}, domain {number}')


def check_shared_memory() -> Finding:
    """Check /dev/shm, by which nodes on one host exchange messages."""
    place = Path('/dev/shm')
    if not place.is_dir():
        return Finding('shared memory', True, 'no /dev/shm here, messages go by UDP')
    if not os.access(place, os.W_OK):
        return Finding('shared memory', False, '/dev/shm cannot be written: chmod 1777 /dev/shm')
    free_mb = shutil.disk_usage(place).free / BYTES_PER_MB
    if free_mb < LEAST_SHARED_MEMORY_MB:
        return Finding(
            'shared memory',
            False,
            f'/dev/shm has {free_mb:.0f} MB left: remove stale /dev/shm/fastrtps_* files, or give '
            'the container --shm-size=256m',
        )
    return Finding('shared memory', True, f'/dev/shm ({free_mb:.0f} MB free)')


def check_clock() -> Finding:
    """Check that the clocks can be trusted: wall clock set, monotonic clock fine enough."""
    if time.time() < EPOCH_2025_S:
        return Finding('clock', False, f'the date is {time.ctime()}: set it, e.g. with chrony')
    resolution_s = time.get_clock_info('monotonic').resolution
    if resolution_s > 1e-3:
        return Finding('clock', False, f'the monotonic clock ticks every {resolution_s} s')
    return Finding('clock', True, f'{time.ctime()}, monotonic to {resolution_s:.0e} s')


CHECKS: tuple[Check, ...] = (
    check_python,
    check_compiler,
    check_cmake,
    check_ros,
    check_interfaces,
    check_libraries,
    check_model,
    check_configuration,
    check_state,
    check_port,
    check_discovery,
    check_shared_memory,
    check_clock,
)


def _tool(name: str, candidates: Sequence[str], remedy: str) -> Finding:
    found = next(filter(None, map(shutil.which, candidates)), None)
    if found is None:
        return Finding(name, False, f'none of {", ".join(candidates)} is there: {remedy}')
    return Finding(name, True, found)
