"""Benchmarks are found, run and written down with what they were measured on."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eip_bringup.bench import (
    BenchError,
    list_benchmarks,
    option_pairs,
    parse_options,
    run_benchmark,
)
from eip_bringup.cli import main

SHIPPED = Path(__file__).parents[3] / 'benchmarks'
GOOD = """
'''Text.'''
DESCRIPTION = 'counts to n'
def run(options):
    return {'n': int(options.get('n', '3')), 'unknown': float('nan'), 'none': None, 'yes': True}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'count.py').write_text(GOOD)
    (tmp_path / '_shared.py').write_text(GOOD)
    (tmp_path / 'broken.py').write_text('def run(:')
    (tmp_path / 'words.py').write_text(
        "DESCRIPTION = 'returns words'\ndef run(options):\n    return {'a': 'b'}\n"
    )
    (tmp_path / 'norun.py').write_text("DESCRIPTION = 'has no run'\n")
    return tmp_path


def test_only_what_describes_itself_is_listed_and_nothing_is_run(folder: Path) -> None:
    (folder / 'deadly.py').write_text("DESCRIPTION = 'd'\nraise SystemExit('was run')\n")
    assert list_benchmarks([folder]) == {
        'count': 'counts to n',
        'deadly': 'd',
        'norun': 'has no run',
        'words': 'returns words',
    }


def test_a_report_holds_figures_device_versions_commit_and_date(
    folder: Path, tmp_path: Path
) -> None:
    report = run_benchmark('count', {'n': '5'}, [folder])
    path = tmp_path / 'deep' / 'report.json'
    report.write(path)
    values = json.loads(path.read_text())
    assert values['figures'] == {'n': 5.0, 'unknown': None, 'none': None, 'yes': 1.0}
    assert 'cores' in values['device']
    assert values['versions']['python'].startswith('3.')
    assert len(values['commit']) >= 7
    assert values['date'].endswith('Z')


def test_the_first_folder_wins(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / 'other'
    other.mkdir()
    (other / 'count.py').write_text(GOOD.replace("'3'", "'9'"))
    assert run_benchmark('count', {}, [folder, other]).figures['n'] == 3.0


@pytest.mark.parametrize('name', ['nope', '../count', 'COUNT', '', 'count.py'])
def test_an_unknown_name_lists_those_that_exist(folder: Path, name: str) -> None:
    with pytest.raises(BenchError, match='there are: count, norun, words'):
        run_benchmark(name, {}, [folder])


def test_figures_must_be_numbers(folder: Path) -> None:
    with pytest.raises(BenchError, match="words returned 'b' for a, must be a number"):
        run_benchmark('words', {}, [folder])


def test_a_wrong_option_costs_one_line(folder: Path) -> None:
    with pytest.raises(BenchError, match='benchmark count: invalid literal'):
        run_benchmark('count', {'n': 'x'}, [folder])


def test_a_module_without_run_is_named(folder: Path) -> None:
    with pytest.raises(BenchError, match=r'norun\.py has no function run'):
        run_benchmark('norun', {}, [folder])


def test_options_are_pairs() -> None:
    assert parse_options(['a=1', 'b=c=d', 'e=']) == {'a': '1', 'b': 'c=d', 'e': ''}
    for wrong in ('a', '=1'):
        with pytest.raises(BenchError, match='key=value'):
            parse_options([wrong])


def test_a_report_that_cannot_be_written_is_named(folder: Path) -> None:
    report = run_benchmark('count', {}, [folder])
    with pytest.raises(BenchError, match='cannot be written'):
        report.write(folder / 'count.py' / 'x.json')


def test_a_benchmark_that_is_ended_ends_what_it_started(
    tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    benchmarks = tmp_path / 'share' / 'eip' / 'benchmarks'
    benchmarks.mkdir(parents=True)
    (benchmarks / 'wait.py').write_text(
        'import pathlib, time\n'
        "DESCRIPTION = 'waits'\n"
        'def run(options):\n'
        "    folder = pathlib.Path(options['folder'])\n"
        '    try:\n'
        "        (folder / 'began').touch()\n"
        '        time.sleep(60.0)\n'
        '    finally:\n'
        "        (folder / 'ended').touch()\n"
    )
    child = subprocess.Popen(
        [sys.executable, '-m', 'eip_bringup.cli', 'bench', 'wait', '--folder', str(tmp_path)],
        env={**os.environ, 'AMENT_PREFIX_PATH': str(tmp_path)},
    )
    try:
        wait_until((tmp_path / 'began').exists, 30.0)
        child.send_signal(signal.SIGTERM)
        assert child.wait(10.0) == 128 + signal.SIGTERM
        assert (tmp_path / 'ended').exists()
    finally:
        child.kill()
        child.wait()


def test_options_of_a_benchmark_may_be_written_as_options() -> None:
    words = ['--trials', '50', '--loaded', '--plot=x.png', '--offset', '-3', '--memory-mb', '9']
    assert option_pairs(words) == [
        'trials=50',
        'loaded=yes',
        'plot=x.png',
        'offset=-3',
        'memory_mb=9',
    ]


@pytest.mark.parametrize('words', [['50'], ['--a', '1', '2'], ['--a=1', '2']])
def test_a_word_that_belongs_to_no_option_is_named(words: list[str]) -> None:
    with pytest.raises(BenchError, match='belongs to no option'):
        option_pairs(words)


@pytest.mark.parametrize(
    ('options', 'hint'),
    [
        ("OPTIONS = ('minutes', 'seed')", r"no option 'minute'; did you mean minutes\?"),
        ("OPTIONS = ('seed',)", "no option 'minute'; it takes: seed"),
        ('OPTIONS = ()', "no option 'minute'; it takes: none"),
    ],
)
def test_an_option_that_a_benchmark_does_not_know_is_named_before_it_is_loaded(
    tmp_path: Path, options: str, hint: str
) -> None:
    text = f"DESCRIPTION = 'd'\n{options}\nraise SystemExit('was loaded')\n"
    (tmp_path / 'soak.py').write_text(text)
    with pytest.raises(BenchError, match=f'benchmark soak has {hint}'):
        run_benchmark('soak', {'minute': '2'}, [tmp_path])


@pytest.mark.parametrize('name', list_benchmarks([SHIPPED]))
def test_a_shipped_benchmark_lists_the_options_that_it_reads(name: str) -> None:
    text = (SHIPPED / f'{name}.py').read_text()
    read = re.findall(r"options(?:\.get\(|\[|, )'(\w+)'", text)
    listed = re.search(r'^OPTIONS = (.*)$', text, re.MULTILINE)
    assert listed
    assert set(ast.literal_eval(listed[1])) == set(read)


def test_figures_are_shown_before_a_file_that_cannot_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr('eip_bringup.bench.bench_folders', lambda: [folder])
    monkeypatch.setattr('signal.signal', lambda *_: None)
    assert main(['bench', 'count', '--n', '5', '--json', str(folder / 'count.py' / 'x.json')]) == 2
    captured = capsys.readouterr()
    assert 'cannot be written' in captured.err
    assert re.search(r'^n +5\s*$', captured.out, re.MULTILINE)
