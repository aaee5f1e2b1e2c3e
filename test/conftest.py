"""What all tests share: a ROS domain of their own, and a deadline instead of a sleep."""

from __future__ import annotations

import fcntl
import importlib.util
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from eip_ros.transport import choose_transport

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
choose_transport()

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile('eip', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('eip')

DOMAINS = range(1, 101)
# No test gets the domain of the one before it, of which something may still be ending.
_turns = itertools.count(os.getpid())


@pytest.fixture
def ros_domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Reserve a ROS domain id against every other test process on this host and export it."""
    number, lock = _reserve_domain()
    monkeypatch.setenv('ROS_DOMAIN_ID', str(number))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    yield number
    os.close(lock)


@pytest.fixture(scope='module')
def module_ros_domain() -> Iterator[int]:
    """Reserve a ROS domain id for all tests of one module; nothing is exported."""
    number, lock = _reserve_domain()
    yield number
    os.close(lock)


@pytest.fixture(scope='session')
def script_at() -> Callable[[str], ModuleType]:
    """Return `script_at(path)`: the module of a script outside the packages, by its path here."""

    def load(path: str) -> ModuleType:
        file = Path(__file__).parents[1] / path
        spec = importlib.util.spec_from_file_location(f'script_{file.stem}', file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # where dataclasses look their annotations up
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Return `wait_until(condition, deadline_s=10, what='…')`: polls, or fails naming `what`."""

    def wait(
        condition: Callable[[], object], deadline_s: float = 10.0, what: str = 'condition'
    ) -> None:
        end = time.monotonic() + deadline_s
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f'{what} did not hold within {deadline_s} s')
            time.sleep(0.005)

    return wait


def _reserve_domain() -> tuple[int, int]:
    folder = Path(tempfile.gettempdir()) / 'eip-test-domains'
    folder.mkdir(exist_ok=True)
    first = next(_turns)
    for turn in range(len(DOMAINS)):
        number = DOMAINS[(first + turn) % len(DOMAINS)]
        lock = os.open(folder / str(number), os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return number, lock
    pytest.fail(f'all ROS domains of {DOMAINS} are taken by other test processes')
