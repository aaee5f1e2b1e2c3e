"""A process is told from every other one, whatever it calls itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from eip_bringup.process_birth import birth_of

NAMED = """
import sys
from pathlib import Path
Path('/proc/self/comm').write_text(sys.argv[1])
print('ready', flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize('name', ['plain', 'a b', 'a) Z 1 (b', ') Z', '((', '))'])
def test_a_name_changes_no_birth(name: str) -> None:
    named = subprocess.Popen(
        [sys.executable, '-c', NAMED, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with named:
        assert named.stdin and named.stdout
        before = birth_of(named.pid)
        assert named.stdout.readline() == 'ready\n'
        assert birth_of(named.pid) == before
        named.stdin.close()
    boot, ticks = before.split('/')
    assert len(boot) == 36
    assert int(ticks) > 0


def test_what_ended_has_no_birth_even_before_its_parent_looked() -> None:
    child = subprocess.Popen([sys.executable, '-c', 'pass'])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert birth_of(child.pid) == ''
    child.wait()
    assert birth_of(child.pid) == ''


def test_two_processes_differ() -> None:
    assert birth_of(os.getpid()) == birth_of(os.getpid())
    assert birth_of(os.getpid()) != birth_of(1)
