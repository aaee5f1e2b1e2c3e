"""`eip audit`: shows, checks and exports the log of one robot; a mistake costs one line."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path

import pytest

from eip_bringup.cli import main
from eip_safety_monitor.audit.audit_log import AuditLog


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('EIP_STATE_DIR', str(tmp_path))
    folder = tmp_path / 'robot1' / 'safety_monitor'
    log = AuditLog(folder)
    log.open()
    for number in range(5):
        log.append('verdict', cause='allow', message=f'sentence {number}\x1b[2J')
    log.append('stop', cause='watchdog.scan', message='scan is silent', mode_after='STOPPED')
    log.append('reset', cause='reset', message='=2+3', operator_name='ada', reason='looked')
    log.save_head()
    log.close()
    return folder


def test_the_newest_lines_are_shown_oldest_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['audit', 'show', '-n', 'robot1', '--last', '2']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ['6', '7']
    assert 'watchdog.scan: scan is silent' in lines[0]
    assert '[ada: looked]' in lines[1]
    assert main(['audit', 'show', '-n', 'robot1']) == 0
    assert '\x1b' not in capsys.readouterr().out


def test_kind_and_time_choose_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ['-f', str(folder.parent)]
    assert main(['audit', 'show', *where, '--kind', 'stop', '--kind', 'reset']) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main(['audit', 'show', *where, '--since', '1h']) == 0
    assert len(capsys.readouterr().out.splitlines()) == 7
    year = time.gmtime().tm_year
    assert main(['audit', 'show', *where, '--until', f'{year - 1}-01-01']) == 0
    output = capsys.readouterr()
    assert output.out == ''
    assert 'no line' in output.err


def test_a_whole_log_verifies_and_names_its_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['audit', 'verify', '-f', str(folder)]) == 0
    assert capsys.readouterr().out == f'{folder}: whole, 7 lines\n'


@pytest.mark.parametrize(
    ('order', 'words'),
    [
        ([0, 1, 3, 4, 5, 6], 'deleted, audit-000000001.jsonl line 3: record 3 is missing'),
        ([0, 2, 1, 3, 4, 5, 6], 'reordered, audit-000000001.jsonl line 2'),
        ([0, 1, 2, 3, 4], 'truncated, at its end: the records after 5 up to 7 are missing'),
    ],
)
def test_a_broken_log_exits_with_1_and_the_first_broken_line(
    folder: Path, capsys: pytest.CaptureFixture[str], order: list[int], words: str
) -> None:
    (path,) = folder.glob('audit-*')
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(''.join(lines[index] for index in order))
    assert main(['audit', 'verify', '-f', str(folder)]) == 1
    assert words in capsys.readouterr().out


def test_a_changed_line_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = folder.glob('audit-*')
    path.write_text(path.read_text().replace('sentence 3', 'sentence X'))
    assert main(['audit', 'verify', '-f', str(folder)]) == 1
    assert 'changed, audit-000000001.jsonl line 4: record 4 was changed' in capsys.readouterr().out


def test_json_lines_carry_every_field_and_hash(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / 'audit.jsonl'
    assert main(['audit', 'export', str(output), '-f', str(folder)]) == 0
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row['sequence'] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert rows[1]['previous'] == rows[0]['hash']
    assert '7 lines' in capsys.readouterr().out


def test_csv_runs_nothing_in_a_spreadsheet(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['audit', 'export', '--format', 'csv', '-f', str(folder), '--kind', 'reset']) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert row['message'] == "'=2+3"
    assert row['operator_name'] == 'ada'


@pytest.mark.parametrize(
    ('arguments', 'words', 'code'),
    [
        (['show', '--since', 'soon'], "--since 'soon' is no time", 2),
        (['show', '--since', '1h', '--until', '2h'], 'is later than until', 2),
        (['show', '--last', '0'], '--last 0', 2),
        (['verify', '-n', 'nobody'], 'there is no audit log in', 1),
        (['export', '/nowhere/x.jsonl'], '/nowhere/x.jsonl cannot be written', 1),
    ],
)
def test_a_mistake_costs_one_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
    code: int,
) -> None:
    where = [] if '-n' in arguments else ['-f', str(folder)]
    assert main(['audit', *arguments, *where]) == code
    output = capsys.readouterr()
    assert words in output.err
    assert len(output.err.splitlines()) == 1
