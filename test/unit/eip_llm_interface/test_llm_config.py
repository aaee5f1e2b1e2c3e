"""GPUConfig checks itself."""

from __future__ import annotations

import dataclasses

import pytest

from eip_llm_interface.gpu_optimized_llm import GPUConfig


def test_the_defaults_are_those_of_the_readme() -> None:
    assert dataclasses.asdict(GPUConfig()) == {
        'device': 'auto',
        'batch_size': 4,
        'max_memory_mb': 8192,
        'enable_mixed_precision': True,
        'enable_memory_efficient_attention': True,
        'enable_gradient_checkpointing': False,
        'optimization_level': 'high',
    }


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('device', 'gpu'),
        ('device', 'cuda:-1'),
        ('device', None),
        ('batch_size', 0),
        ('batch_size', 2.5),
        ('batch_size', True),
        ('batch_size', 1000),
        ('max_memory_mb', 0),
        ('max_memory_mb', float('nan')),
        ('max_memory_mb', '8192'),
        ('enable_mixed_precision', 'yes'),
        ('enable_memory_efficient_attention', 1),
        ('enable_gradient_checkpointing', None),
        ('optimization_level', 'max'),
        ('optimization_level', 3),
    ],
)
def test_a_bad_value_is_named_with_its_field(field: str, value: object) -> None:
    with pytest.raises(ValueError) as caught:
        GPUConfig(**{field: value})  # type: ignore[arg-type]
    assert field in str(caught.value) and repr(value) in str(caught.value)


def test_it_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        GPUConfig().batch_size = 9  # type: ignore[misc]


@pytest.mark.parametrize(
    ('level', 'efficient', 'half', 'skip'),
    [
        ('off', False, False, False),
        ('low', False, False, False),
        ('medium', True, True, False),
        ('high', True, True, True),
    ],
)
def test_levels_mean_what_they_say(level: str, efficient: bool, half: bool, skip: bool) -> None:
    options = GPUConfig(optimization_level=level).engine_options()
    assert options.efficient_attention is efficient
    assert options.half_precision is half
    assert options.skip_forced_text is skip


def test_switches_still_hold_at_the_highest_level() -> None:
    config = GPUConfig(enable_mixed_precision=False, enable_memory_efficient_attention=False)
    options = config.engine_options()
    assert not options.half_precision and not options.efficient_attention
