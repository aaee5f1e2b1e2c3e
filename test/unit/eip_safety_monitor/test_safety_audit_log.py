"""The audit log: what was written stays, and what was done to it shows."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eip_safety_monitor.audit.audit_check import Damage, verify_audit
from eip_safety_monitor.audit.audit_log import AuditError, AuditLog
from eip_safety_monitor.audit.audit_record import digest_of, read_audit
from eip_safety_monitor.latch.state_store import Latched, Moment, StateStore, beginning
from eip_safety_monitor.permits import Mode


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
    ('tamper', 'damage', 'line'),
    [
        pytest.param(change, Damage.CHANGED, 3, id='changed'),
        pytest.param(change_with_own_hash, Damage.CHANGED, 3, id='rechained'),
        pytest.param(lambda lines: lines[:2] + lines[3:], Damage.DELETED, 3, id='deleted'),
        pytest.param(lambda lines: lines[1:], Damage.DELETED, 1, id='beginning cut off'),
        pytest.param(lambda lines: lines[:-1], Damage.TRUNCATED, 0, id='end cut off'),
        pytest.param(lambda lines: [], Damage.TRUNCATED, 0, id='emptied'),
        pytest.param(
            lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
            Damage.REORDERED,
            2,
            id='reordered',
        ),
        pytest.param(
            lambda lines: [*lines[:3], lines[2], *lines[3:]], Damage.REORDERED, 4, id='doubled'
        ),
        pytest.param(
            lambda lines: [*lines[:2], 'not a record\n', *lines[2:]],
            Damage.CHANGED,
            3,
            id='garbage',
        ),
        pytest.param(
            lambda lines: [*lines[:1], '[' * 100_000 + '\n', *lines[1:]],
            Damage.CHANGED,
            2,
            id='deep garbage',
        ),
    ],
)
def test_tampering_shows_and_the_next_start_puts_the_log_aside(
    tmp_path: Path, tamper: Callable[[list[str]], list[str]], damage: Damage, line: int
) -> None:
    written(tmp_path, 5).close()
    path = only_file(tmp_path)
    path.write_text(''.join(tamper(path.read_text().splitlines(keepends=True))))
    found = verify_audit(tmp_path)
    assert not found.ok
    assert found.problem
    assert (found.damage, found.line) == (damage, line)
    assert found.file == (path.name if line else '')
    log = AuditLog(tmp_path)
    log.open()
    assert log.broken == found.problem
    assert list(tmp_path.glob('broken-*/audit-*.jsonl'))
    log.append('start')
    log.save_head()
    log.close()
    assert verify_audit(tmp_path).ok


def cut_with_its_head(folder: Path, keep: int) -> None:
    path = only_file(folder)
    lines = path.read_text().splitlines(keepends=True)[:keep]
    path.write_text(''.join(lines))
    last = json.loads(lines[-1])
    head = json.loads((folder / 'audit.head.json').read_text())
    head |= {'sequence': last['body']['sequence'], 'hash': last['hash']}
    (folder / 'audit.head.json').write_text(json.dumps(head))


def test_an_end_cut_off_together_with_its_head_shows_by_the_latch(tmp_path: Path) -> None:
    log = written(tmp_path, 5)
    store = StateStore(tmp_path, lambda: log.last)
    store.save(Latched(Mode.STOPPED, {}))
    log.close()
    assert verify_audit(tmp_path).ok
    cut_with_its_head(tmp_path, 3)
    found = verify_audit(tmp_path)
    assert found.damage is Damage.TRUNCATED
    assert 'latch.json' in found.problem
    again = AuditLog(tmp_path)
    again.open()
    begin = beginning(StateStore(tmp_path), again.last, again.broken)
    again.close()
    assert begin.mode is Mode.STOPPED
    assert list(begin.causes) == ['audit.broken']


def test_a_log_that_was_wiped_with_its_head_shows_by_the_latch(tmp_path: Path) -> None:
    log = written(tmp_path, 2)
    StateStore(tmp_path, lambda: log.last).save(Latched(Mode.DISARMED, {}))
    log.close()
    only_file(tmp_path).unlink()
    (tmp_path / 'audit.head.json').unlink()
    assert verify_audit(tmp_path).damage is Damage.TRUNCATED


def test_a_chain_written_anew_shows_by_the_latch(tmp_path: Path) -> None:
    log = written(tmp_path, 3)
    StateStore(tmp_path, lambda: log.last).save(Latched(Mode.DISARMED, {}))
    log.close()
    only_file(tmp_path).unlink()
    (tmp_path / 'audit.head.json').unlink()
    latch = tmp_path / 'latch.json'
    hidden = latch.rename(tmp_path / 'aside')
    written(tmp_path, 4).close()
    hidden.rename(latch)
    assert verify_audit(tmp_path).damage is Damage.CHANGED


def test_the_mark_of_the_log_outlives_a_save_without_a_log(tmp_path: Path) -> None:
    log = written(tmp_path, 3)
    StateStore(tmp_path, lambda: log.last).save(Latched(Mode.DISARMED, {}))
    log.close()
    store = StateStore(tmp_path)
    store.load()
    store.save(Latched(Mode.STOPPED, {f'{n}' * 300: 'y' * 300 for n in range(9)}))
    cut_with_its_head(tmp_path, 1)
    assert verify_audit(tmp_path).damage is Damage.TRUNCATED


def test_the_latch_file_says_when_the_last_reset_was(tmp_path: Path) -> None:
    latched = Latched(Mode.STOPPED, {'a': 'b'}, Moment('boot', 7))
    StateStore(tmp_path).save(latched)
    assert StateStore(tmp_path).load() == latched


@pytest.mark.parametrize('value', ['7', '[]', '{}', '{"boot_id": "x", "monotonic_ns": Infinity}'])
def test_a_last_reset_that_cannot_be_read_is_a_stop(tmp_path: Path, value: str) -> None:
    text = f'{{"mode": "DISARMED", "causes": {{}}, "last_reset": {value}}}'
    (tmp_path / 'latch.json').write_text(text)
    begin = beginning(StateStore(tmp_path), None, '')
    assert begin.mode is Mode.STOPPED
    assert list(begin.causes) == ['restart.corrupt']


@pytest.mark.parametrize('head', ['', '[]', '{"sequence": 1}', '{"sequence": "x", "hash": 1}'])
def test_a_head_that_is_none_shows(tmp_path: Path, head: str) -> None:
    written(tmp_path, 2).close()
    (tmp_path / 'audit.head.json').write_text(head)
    assert verify_audit(tmp_path).damage is Damage.CHANGED


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
    assert verify_audit(tmp_path).damage is Damage.DELETED


def test_a_file_taken_from_the_middle_of_a_rotated_log_shows(tmp_path: Path) -> None:
    written(tmp_path, 40, max_bytes=1000).close()
    files = sorted(tmp_path.glob('audit-*.jsonl'))
    files[2].unlink()
    found = verify_audit(tmp_path)
    assert (found.damage, found.file, found.line) == (Damage.DELETED, files[3].name, 1)


def test_files_of_a_rotated_log_that_changed_places_show(tmp_path: Path) -> None:
    written(tmp_path, 40, max_bytes=1000).close()
    files = sorted(tmp_path.glob('audit-*.jsonl'))
    files[1].rename(tmp_path / 'x')
    files[2].rename(files[1])
    (tmp_path / 'x').rename(files[2])
    found = verify_audit(tmp_path)
    assert (found.damage, found.file) == (Damage.REORDERED, files[1].name)


def test_a_crash_between_the_two_steps_of_retention_is_no_tampering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, 'unlink', lambda path: None)
    written(tmp_path, 40, max_bytes=1000, keep_files=3).close()
    monkeypatch.undo()
    assert len(list(tmp_path.glob('audit-*.jsonl'))) > 3
    assert verify_audit(tmp_path).ok
    written(tmp_path, 20, max_bytes=1000, keep_files=3).close()
    assert len(list(tmp_path.glob('audit-*.jsonl'))) == 3
    assert verify_audit(tmp_path).ok


def rotated(folder: Path) -> list[Path]:
    log = written(folder, 40, max_bytes=2000)
    StateStore(folder, lambda: log.last).save(Latched(Mode.DISARMED, {}))
    log.close()
    return sorted(folder.glob('audit-*.jsonl'))


def test_opening_reads_the_newest_file_alone_and_leaves_the_older_ones_to_verify(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = rotated(tmp_path)
    files[1].write_text(files[1].read_text().replace('sentence', 'Sentence', 1))
    read: list[str] = []
    real = Path.open

    def opened(path: Path, *args: str, **more: str) -> IO[str]:
        read.append(path.name)
        return real(path, *args, **more)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(Path, 'open', opened)
    log = written(tmp_path, 1)
    monkeypatch.undo()
    assert (log.broken, log.last and log.last.sequence) == ('', 41)
    assert files[-1].name in read
    assert not {path.name for path in files[:-1]} & set(read)
    found = verify_audit(tmp_path)
    assert (found.damage, found.file, found.line) == (Damage.CHANGED, files[1].name, 1)


def cut_first_line(path: Path) -> None:
    path.write_text(''.join(path.read_text().splitlines(keepends=True)[1:]))


def cut_last_line(path: Path) -> None:
    path.write_text(''.join(path.read_text().splitlines(keepends=True)[:-1]))


def change_first_line(path: Path) -> None:
    path.write_text(path.read_text().replace('sentence', 'Sentence', 1))


def forge_another_past(path: Path) -> None:
    previous, lines = 'f' * 64, []
    for line in path.read_text().splitlines():
        body = json.loads(line)['body']
        digest = digest_of(previous, body)
        lines.append(json.dumps({'hash': digest, 'previous': previous, 'body': body}) + '\n')
        previous = digest
    path.write_text(''.join(lines))


@pytest.mark.parametrize(
    'tamper',
    [
        cut_first_line,
        cut_last_line,
        change_first_line,
        forge_another_past,
        Path.unlink,
        pytest.param(lambda path: path.rename(path.with_name('audit-x.jsonl')), id='no number'),
        pytest.param(
            lambda path: path.rename(path.with_name('audit-000000100.jsonl')), id='wrong number'
        ),
    ],
)
def test_damage_in_the_newest_of_several_files_shows_at_the_start(
    tmp_path: Path, tamper: Callable[[Path], object]
) -> None:
    tamper(rotated(tmp_path)[-1])
    told = verify_audit(tmp_path)
    assert not told.ok
    log = written(tmp_path, 1)
    log.close()
    assert log.broken
    assert verify_audit(tmp_path).records == 1


def test_an_empty_newest_file_as_a_crash_leaves_it_is_no_tampering(tmp_path: Path) -> None:
    rotated(tmp_path)
    (tmp_path / 'audit-000000041.jsonl').touch()
    log = written(tmp_path, 2)
    log.close()
    assert log.broken == ''
    assert verify_audit(tmp_path).records == 42


def test_an_old_file_that_cannot_be_read_does_not_stop_rotation_nor_what_is_kept_after_it(
    tmp_path: Path,
) -> None:
    for path in rotated(tmp_path)[:-1]:
        path.write_text('\n')
    log = written(tmp_path, 40, max_bytes=2000, keep_files=3)
    log.close()
    assert len(list(tmp_path.glob('audit-*.jsonl'))) == 3
    assert verify_audit(tmp_path).ok


def test_a_rotation_that_fails_keeps_the_file_and_does_not_open_the_log_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = written(tmp_path, 1, max_bytes=10)
    real = os.open

    def full(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_EXCL:
            raise OSError(28, 'No space left on device')
        return real(path, flags, mode)

    monkeypatch.setattr(os, 'open', full)
    monkeypatch.setattr(log, 'open', lambda: pytest.fail('opened anew in mid-flight'))
    for _ in range(2):
        with pytest.raises(AuditError, match='No space left on device'):
            log.append('stop')
    monkeypatch.undo()
    log.append('stop')
    log.save_head()
    log.close()
    assert verify_audit(tmp_path).records == 2


def test_verifying_a_long_log_takes_no_more_memory_than_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, 'fsync', lambda descriptor: None)
    peaks = []
    for count in (100, 2000):
        folder = tmp_path / str(count)
        written(folder, count, max_bytes=50_000, keep_files=1000).close()
        tracemalloc.start()
        found = verify_audit(folder)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (found.ok, found.records) == (True, count)
    assert peaks[1] < 2 * peaks[0]


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
