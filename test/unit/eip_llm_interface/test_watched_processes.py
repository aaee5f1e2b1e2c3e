"""Processes are watched by what their heartbeats say, while they live, on this host only."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from eip_llm_interface.watched_processes import MAX_PROCESSES, WatchedProcesses


def make() -> tuple[WatchedProcesses, list[float]]:
    now = [0.0]
    return WatchedProcesses('here', 5.0, lambda: now[0]), now


def test_heard_process_is_read_with_its_resident_memory():
    watched, _ = make()
    assert watched.hear('me', os.getpid(), 'here')
    (found,) = watched.read()
    assert (found.name, found.pid, found.reclaimed_mib) == ('me', os.getpid(), None)
    assert 5 < found.resident_mib < 10_000
    watched.note_reclaimed('me', 7.5)
    assert watched.read()[0].reclaimed_mib == 7.5


@pytest.mark.parametrize(
    ('name', 'pid', 'boot_id'),
    [
        ('me', 0, 'here'),
        ('me', 1, 'elsewhere'),
        ('', 1, 'here'),
        ('a/b', 1, 'here'),
        ('a b', 1, 'here'),
        ('é', 1, 'here'),
    ],
)
def test_heartbeat_that_means_nothing_here_is_left_out(name, pid, boot_id):
    watched, _ = make()
    assert not watched.hear(name, pid, boot_id)
    assert watched.names() == ()


def test_silent_node_is_forgotten():
    watched, now = make()
    watched.hear('me', os.getpid(), 'here')
    now[0] = 5.1
    assert watched.names() == ()
    assert watched.read() == ()


def test_ended_process_is_left_out_and_its_successor_taken():
    child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)
    watched, _ = make()
    watched.hear('node', child.pid, 'here')
    assert watched.read()[0].pid == child.pid
    child.communicate(b'\n')
    assert watched.read() == ()
    watched.hear('node', os.getpid(), 'here')
    assert watched.read()[0].pid == os.getpid()


def test_flood_of_names_is_bounded():
    watched, _ = make()
    heard = [watched.hear(f'node_{n}', os.getpid(), 'here') for n in range(MAX_PROCESSES + 5)]
    assert heard.count(True) == MAX_PROCESSES
