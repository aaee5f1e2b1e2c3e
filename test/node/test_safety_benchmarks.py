"""The benchmarks of the safety nodes take their options and draw what they measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from eip_bringup.bench import BenchError, run_benchmark
from eip_safety_monitor.trial.faults import FAULTS

BENCHMARKS = Path(__file__).parents[2] / 'benchmarks'


@pytest.fixture
def stop(script_at: Callable[[str], ModuleType]) -> ModuleType:
    return script_at('benchmarks/stop.py')


def test_the_histogram_is_a_picture(stop: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / 'new' / 'stops.png'
    stop._plot({'violation': [3.0, 4.0, 9.0], 'hardware': [], 'monitor_killed': [90.0]}, path)
    assert path.read_bytes().startswith(b'\x89PNG')


def test_a_picture_that_cannot_be_written_is_named(stop: ModuleType, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(ValueError, match=r'file/x\.png cannot be written'):
        stop._plot({'violation': [3.0]}, tmp_path / 'file' / 'x.png')


def test_a_picture_that_cannot_be_written_costs_no_trials(
    stop: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'file').write_text('')
    monkeypatch.setattr(stop, '_measure', lambda *_: pytest.fail('it measured'))
    with pytest.raises(ValueError, match=r'file/x\.png cannot be written'):
        stop.run({'plot': str(tmp_path / 'file' / 'x.png')})


def test_missed_stops_are_counted_and_are_in_no_percentile(stop: ModuleType) -> None:
    figures = stop._figures({'violation': [3.0, None, 5.0]}, 'plain_mux_')
    assert figures['plain_mux_missed'] == 1.0
    assert figures['plain_mux_violation_max_ms'] == 5.0


@pytest.mark.parametrize('options', [{'minutes': '0'}, {'minutes': 'x'}, {'faults': '2'}])
def test_impossible_options_of_the_soak_are_named(options: dict[str, str]) -> None:
    with pytest.raises(BenchError, match='benchmark soak: '):
        run_benchmark('soak', options, [BENCHMARKS])


@pytest.mark.parametrize(('only', 'words'), [('[', 'no regular expression'), ('x9', 'no part of')])
def test_a_choice_of_faults_that_means_none_is_named(only: str, words: str) -> None:
    with pytest.raises(BenchError, match=f'benchmark faults: only=.* is {words}'):
        run_benchmark('faults', {'only': only}, [BENCHMARKS])


def test_faults_that_end_a_process_are_known_by_their_names(
    script_at: Callable[[str], ModuleType],
) -> None:
    assert set(script_at('benchmarks/soak.py').ENDING) < {fault.name for fault in FAULTS}


@pytest.mark.parametrize('options', [{'seconds': '0'}, {'seconds': 'x'}, {'starts': '0'}])
def test_impossible_options_of_the_footprint_are_named(options: dict[str, str]) -> None:
    with pytest.raises(BenchError, match='benchmark footprint: '):
        run_benchmark('footprint', options, [BENCHMARKS])


def test_both_nodes_stay_small_under_load(ros_domain: int) -> None:
    options = {'seconds': '2', 'starts': '1', 'domain': str(ros_domain)}
    figures = run_benchmark('footprint', options, [BENCHMARKS]).figures
    assert 20.0 < figures['monitor_rss_mb'] < 120.0
    assert 20.0 < figures['gate_rss_mb'] < 120.0
    assert min(figures['monitor_start_s'], figures['gate_start_s']) > 0.0
