"""The demo's frame: a domain of its own, a table of what was measured, and no false success."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eip_bringup import demo
from eip_bringup.demo import private_domain, run_demo
from eip_bringup.demo_script import STEPS, Row, Script
from eip_bringup.errors import UserError

HOLD = """
import sys
from eip_bringup.demo import private_domain
with private_domain() as domain:
    print(domain, flush=True)
    sys.stdin.read()
"""


def test_two_demos_never_share_a_domain() -> None:
    other = subprocess.Popen(
        [sys.executable, '-c', HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout and other.stdin
    with other:
        taken = int(other.stdout.readline())
        held = []
        with private_domain() as mine:
            held.append(mine)
            with private_domain() as another:
                held.append(another)
        other.stdin.close()
    assert len({taken, *held}) == 3


def test_a_given_domain_is_taken_as_it_is() -> None:
    with private_domain(42) as domain:
        assert domain == 42


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def play(*rows: Row) -> tuple[int, dict[str, Any]]:
        monkeypatch.setattr(demo, '_run', lambda *_: list(rows))
        path = tmp_path / 'demo.json'
        code = run_demo(json_file=path, domain_id=42, keep=tmp_path / 'kept')
        return code, json.loads(path.read_text())

    return play


def test_success_needs_every_expectation(played: Any) -> None:
    good, bad = Row('a', '1 m', True, {'a_m': 1.0}), Row('b', '2 m', False, {'b_m': 2.0})
    assert played(good)[0] == 0
    code, report = played(good, bad)
    assert code == 1
    assert report['figures'] | {'duration_s': 0} == {
        'a_m': 1.0,
        'b_m': 2.0,
        'passed': 1.0,
        'failed': 1.0,
        'duration_s': 0,
    }
    assert {'device', 'versions', 'commit', 'date', 'rows'} <= set(report)


def test_no_rows_are_no_success(played: Any) -> None:
    assert played()[0] == 1


def test_what_is_not_reached_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script.__new__(Script)
    script.rows = []

    def works(self: Script) -> None:
        """It works."""
        self.note('works', 'yes', True)

    def sticks(self: Script) -> None:
        """It sticks."""
        raise UserError('stuck here')

    monkeypatch.setattr('eip_bringup.demo_script.STEPS', (works, sticks, works))
    rows = demo._play(script, demo.Console(stderr=True))
    assert [(row.measured, row.passed) for row in rows] == [
        ('yes', True),
        ('stuck here', False),
        ('not reached', False),
    ]


def test_every_step_says_what_it_shows() -> None:
    assert all((step.__doc__ or '').endswith('.') for step in STEPS)


def test_a_passed_demo_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    monkeypatch.setattr('tempfile.tempdir', None)
    monkeypatch.setattr(demo, '_run', lambda *_: [Row('a', 'b', True)])
    before = dict(os.environ)
    assert run_demo(domain_id=42) == 0
    assert os.environ == before
    assert list(tmp_path.glob('eip-demo-*')) == []
