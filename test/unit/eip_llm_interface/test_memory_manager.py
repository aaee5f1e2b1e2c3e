"""Budget, pressure, trends and reclaiming."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import hypothesis.strategies as st
import pytest
from hypothesis import given

from eip_llm_interface.advanced_memory_manager import AdvancedMemoryManager
from eip_llm_interface.memory.budget import read_accelerator, read_host
from eip_llm_interface.memory.pressure import Pressure, PressureGauge, PressureThresholds
from eip_llm_interface.memory.reclaim import resident_mib, trim
from eip_llm_interface.memory.trend import TrendWindow


class Cache:
    """Holds real memory that can be given back."""

    def __init__(self, mib: int) -> None:
        self.data = [bytearray(2**20) for _ in range(mib)]
        self.asked: list[float] = []

    def shrink(self, target_mib: float) -> float:
        self.asked.append(target_mib)
        freed = len(self.data)
        self.data.clear()
        return float(freed)

    def size(self) -> float:
        return float(len(self.data))


def test_it_is_imported_without_torch() -> None:
    code = (
        'import sys; from eip_llm_interface.advanced_memory_manager import AdvancedMemoryManager; '
        'AdvancedMemoryManager().optimize_memory(); sys.exit("torch" in sys.modules)'
    )
    assert subprocess.run([sys.executable, '-c', code], timeout=60, check=False).returncode == 0


def test_usage_is_this_process_against_the_budget() -> None:
    usage = AdvancedMemoryManager(max_memory_mb=1000, device='cpu').get_memory_usage()
    assert usage.device == 'cpu'
    assert usage.used_mib == pytest.approx(resident_mib(), rel=0.2)
    assert usage.used_ratio == pytest.approx(usage.used_mib / 1000)
    assert usage.host_total_mib >= usage.host_available_mib > 0


def test_an_accelerator_that_cannot_be_read_says_why_and_is_never_zero() -> None:
    accelerator = read_accelerator('cpu')
    assert not accelerator.available and accelerator.reason
    assert accelerator.total_mib is None and accelerator.used_mib is None
    unknown = read_accelerator('cuda:99')
    assert not unknown.available and unknown.reason and unknown.total_mib is None


@pytest.mark.parametrize('budget', [0, -1, float('nan'), 1e12, 'much', None])
def test_a_bad_budget_is_named(budget: object) -> None:
    with pytest.raises(ValueError, match='max_memory_mb'):
        AdvancedMemoryManager(max_memory_mb=budget)  # type: ignore[arg-type]


@pytest.mark.parametrize('device', ['gpu', 'cuda:x', 'cuda:', '', 3])
def test_a_bad_device_is_named(device: object) -> None:
    with pytest.raises(ValueError, match='device'):
        AdvancedMemoryManager(device=device)  # type: ignore[arg-type]


def test_optimising_frees_what_caches_hold() -> None:
    manager = AdvancedMemoryManager(device='cpu')
    cache = Cache(60)
    manager.register('cache', cache.shrink, cache.size)
    assert manager.get_memory_usage().reclaimable_mib == 60
    result = manager.optimize_memory()
    assert result.reclaimed == (('cache', 60.0),)
    assert result.freed_mib > 30
    assert result.used_after_mib < result.used_before_mib
    assert manager.get_memory_usage().reclaimable_mib == 0


def test_only_as_many_caches_are_asked_as_the_target_needs() -> None:
    manager = AdvancedMemoryManager(device='cpu')
    cheap, dear = Cache(4), Cache(4)
    manager.register('dear', dear.shrink, priority=9)
    manager.register('cheap', cheap.shrink, priority=1)
    assert manager.optimize_memory(target_mib=3).reclaimed == (('cheap', 4.0),)
    assert not dear.asked and len(dear.data) == 4


def test_registering_keeps_no_owner_alive() -> None:
    manager = AdvancedMemoryManager(device='cpu')
    cache = Cache(1)
    manager.register('cache', cache.shrink, cache.size)
    assert manager.registered == ('cache',)
    del cache
    gc.collect()
    assert manager.registered == ()
    assert manager.optimize_memory().reclaimed == ()


def test_a_cache_that_fails_does_not_keep_others_from_giving(caplog) -> None:  # type: ignore[no-untyped-def]
    manager = AdvancedMemoryManager(device='cpu')

    def broken(target_mib: float) -> float:
        raise RuntimeError('no')

    good = Cache(2)
    manager.register('a', broken)
    manager.register('b', good.shrink)
    assert dict(manager.optimize_memory().reclaimed) == {'a': 0.0, 'b': 2.0}
    assert 'cache a' in caplog.text


@pytest.mark.parametrize('target', [-1, float('nan')])
def test_a_bad_target_is_named(target: float) -> None:
    with pytest.raises(ValueError, match='target_mib'):
        AdvancedMemoryManager(device='cpu').optimize_memory(target)


def test_threads_may_read_register_and_optimise_at_once() -> None:
    manager = AdvancedMemoryManager(device='cpu')
    caches = [Cache(1) for _ in range(8)]
    failures: list[BaseException] = []

    def work(index: int) -> None:
        try:
            for _ in range(5):
                manager.register(f'cache{index}', caches[index].shrink, caches[index].size)
                manager.get_memory_usage()
                manager.optimize_memory()
                manager.get_memory_trends()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(manager.get_memory_trends().times_s) == 8 * 5 * 3


def test_the_trend_tells_slope_and_time_to_the_limit() -> None:
    window = TrendWindow(window_s=10)
    for second in range(100):
        window.add(float(second), 100.0 if second < 80 else 100.0 + 5 * (second - 80))
    trends = window.trends(budget_mib=295.0)
    assert trends.slope_mib_per_s == pytest.approx(5.0)
    assert trends.seconds_to_limit == pytest.approx(20.0)
    assert trends.peak_mib == 195.0


def test_a_steady_use_never_reaches_the_limit() -> None:
    window = TrendWindow()
    for second in range(20):
        window.add(float(second), 50.0)
    assert window.trends(100.0).seconds_to_limit is None
    assert TrendWindow().trends(100.0).times_s == ()


def test_pressure_rises_at_once_and_falls_late() -> None:
    gauge = PressureGauge()
    assert gauge.update(0.86) is Pressure.HIGH
    assert gauge.update(0.84) is Pressure.HIGH
    assert gauge.update(0.79) is Pressure.MODERATE
    assert gauge.update(0.66) is Pressure.MODERATE
    assert gauge.update(0.64) is Pressure.NONE


def test_a_reading_that_is_not_a_number_is_critical() -> None:
    assert PressureGauge().update(float('nan')) is Pressure.CRITICAL


@given(st.lists(st.floats(0, 2), min_size=1, max_size=40))
def test_pressure_is_never_below_what_the_reading_asks_for(ratios: list[float]) -> None:
    gauge, thresholds = PressureGauge(), PressureThresholds()
    for ratio in ratios:
        assert gauge.update(ratio) >= thresholds.level(ratio)


@pytest.mark.parametrize(
    'values', [{'moderate': 0.9}, {'critical': 0.5}, {'hysteresis': -0.1}, {'hysteresis': 0.8}]
)
def test_thresholds_out_of_order_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        PressureThresholds(**values)


def test_an_unknown_process_has_no_memory() -> None:
    with pytest.raises(ProcessLookupError):
        resident_mib(2**22 + 5)


def test_trimming_gives_heap_back() -> None:
    before = read_host().process_mib
    data = [bytearray(4096) for _ in range(20000)]
    assert read_host().process_mib > before + 40
    del data
    trim()
    assert read_host().process_mib < before + 40
