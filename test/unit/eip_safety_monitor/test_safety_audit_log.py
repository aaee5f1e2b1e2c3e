"""The audit log: what was written stays, and what was done to it shows."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_safety_monitor.audit_log import AuditError, AuditLog, read_audit, verify_audit


def written(folder: Path, count: int, **settings: int) -> AuditLog:
    log = AuditLog(folder, **settings)
    log.open()
    for number in range(count):
        log.append('verdict', message=f'sentence {number}')
        log.save_head()
    return log


def only_file(folder: Path) -> Path:
    (path,) = folder.glob('audit-*.jsonl')
    return path


def test_a_log_that_was_left_alone_verifies(tmp_path: Path) -> None:
    written(tmp_path, 5).close()
    found = verify_audit(tmp_path)
    assert (found.ok, found.records, found.problem) == (True, 5, '')


def test_an_empty_folder_verifies(tmp_path: Path) -> None:
    assert verify_audit(tmp_path).ok


def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    written(tmp_path, 3).close()
    written(tmp_path, 2).close()
    assert [record.sequence for record in read_audit(tmp_path)] == [1, 2, 3, 4, 5]
    assert verify_audit(tmp_path).ok


def change(lines: list[str]) -> list[str]:
    return [*lines[:2], lines[2].replace('sentence 2', 'sentence X'), *lines[3:]]


def change_with_own_hash(lines: list[str]) -> list[str]:
    record = json.loads(lines[2])
    record['previous'] = 'f' * 64
    return [*lines[:2], json.dumps(record) + '\n', *lines[3:]]


@pytest.mark.parametrize(
    'tamper',
    [
        pytest.param(change, id='changed'),
        pytest.param(change_with_own_hash, id='rechained'),
        pytest.param(lambda lines: lines[:2] + lines[3:], id='deleted'),
        pytest.param(lambda lines: lines[1:], id='beginning cut off'),
        pytest.param(lambda lines: lines[:-1], id='end cut off'),
        pytest.param(lambda lines: [], id='emptied'),
        pytest.param(lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], id='reordered'),
        pytest.param(lambda lines: [*lines[:3], lines[2], *lines[3:]], id='doubled'),
        pytest.param(lambda lines: [*lines[:2], 'not a record\n', *lines[2:]], id='garbage'),
    ],
)
def test_tampering_shows_and_the_next_start_puts_the_log_aside(
    tmp_path: Path, tamper: Callable[[list[str]], list[str]]
) -> None:
    written(tmp_path, 5).close()
    path = only_file(tmp_path)
    path.write_text(''.join(tamper(path.read_text().splitlines(keepends=True))))
    found = verify_audit(tmp_path)
    assert not found.ok
    assert found.problem
    log = AuditLog(tmp_path)
    log.open()
    assert log.broken == found.problem
    assert list(tmp_path.glob('broken-*/audit-*.jsonl'))
    log.append('start')
    log.save_head()
    log.close()
    assert verify_audit(tmp_path).ok


def test_a_removed_head_shows(tmp_path: Path) -> None:
    written(tmp_path, 2).close()
    (tmp_path / 'audit.head.json').unlink()
    assert 'missing' in verify_audit(tmp_path).problem


def test_a_removed_file_shows(tmp_path: Path) -> None:
    written(tmp_path, 2).close()
    only_file(tmp_path).unlink()
    assert not verify_audit(tmp_path).ok


def test_a_torn_last_line_is_cut_off_and_the_chain_goes_on(tmp_path: Path) -> None:
    written(tmp_path, 3).close()
    with only_file(tmp_path).open('a') as log_file:
        log_file.write('{"hash": "12')
    written(tmp_path, 1).close()
    assert verify_audit(tmp_path).records == 4
    assert verify_audit(tmp_path).ok


def test_a_head_that_lags_behind_after_a_crash_is_no_tampering(tmp_path: Path) -> None:
    log = written(tmp_path, 3)
    log.append('stop')
    log.close()
    assert verify_audit(tmp_path).ok


def test_rotation_keeps_one_chain_over_files_and_retention_its_beginning(tmp_path: Path) -> None:
    log = written(tmp_path, 40, max_bytes=1000, keep_files=3)
    log.close()
    files = sorted(tmp_path.glob('audit-*.jsonl'))
    assert len(files) == 3
    assert verify_audit(tmp_path).ok
    assert [record.sequence for record in read_audit(tmp_path)][-1] == 40
    files[0].unlink()
    assert not verify_audit(tmp_path).ok


def test_a_line_is_on_disk_when_append_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    log = written(tmp_path, 0)
    monkeypatch.setattr(os, 'fsync', synced.append)
    log.append('stop')
    assert synced
    assert 'stop' in only_file(tmp_path).read_text()


def test_a_full_disk_is_an_error_and_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = written(tmp_path, 1)
    real = os.write
    monkeypatch.setattr(os, 'write', lambda descriptor, data: real(descriptor, data[:7]))
    with pytest.raises(AuditError, match='No space left on device; free or remount the disk'):
        log.append('stop')
    monkeypatch.undo()
    log.append('stop')
    log.save_head()
    assert verify_audit(tmp_path).records == 2


def test_a_folder_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(AuditError, match='state_dir'):
        AuditLog(tmp_path / 'file' / 'below').open()


@given(
    st.dictionaries(
        st.text(max_size=8), st.one_of(st.text(), st.integers(), st.booleans()), max_size=4
    )
)
def test_any_text_survives(
    tmp_path_factory: pytest.TempPathFactory, fields: dict[str, object]
) -> None:
    folder = tmp_path_factory.mktemp('audit')
    log = AuditLog(folder)
    log.open()
    log.append('verdict', body=fields)
    log.save_head()
    log.close()
    assert verify_audit(folder).ok
