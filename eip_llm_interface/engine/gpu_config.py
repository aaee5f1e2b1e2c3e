"""How the safety LLM uses the machine it runs on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from eip_llm_interface.engine.loading import EngineOptions

__all__ = ['LEVELS', 'GPUConfig']

LEVELS = ('off', 'low', 'medium', 'high')
DEVICE = re.compile(r'auto|cpu|cuda(:\d{1,2})?')


@dataclass(frozen=True)
class GPUConfig:
    """Device, budget and how much to optimise; raises ValueError with field, value and remedy.

    Each level includes the ones before it:

    - off: 32-bit numbers, plain attention, every command is worked out anew. For comparing.
    - low: answers are remembered by command and scene.
    - medium: fused attention (SDPA) where `enable_memory_efficient_attention` (models of
      `eip train` always use it); BF16, or FP16 where the GPU lacks it, where
      `enable_mixed_precision` and the device is a GPU. On a CPU numbers stay 32-bit: half
      precision was not faster there.
    - high: text that the plan's grammar forces is written without asking the model, and
      the model is warmed up when it is loaded, so that the first command is as fast as others.

    `max_memory_mb` is a limit: a model whose weights take more is refused, and on a GPU the
    allocator is held to it. `enable_gradient_checkpointing` matters to fine-tuning only
    (`TrainConfig.gradient_checkpointing`): it trades time for memory in the backward pass, of
    which answering has none.
    """

    device: str = 'auto'
    batch_size: int = 4
    max_memory_mb: float = 8192
    enable_mixed_precision: bool = True
    enable_memory_efficient_attention: bool = True
    enable_gradient_checkpointing: bool = False
    optimization_level: str = 'high'

    def __post_init__(self) -> None:
        if not isinstance(self.device, str) or not DEVICE.fullmatch(self.device):
            raise ValueError(f'device is {self.device!r}, use auto, cpu, cuda or cuda:N')
        if not _is_whole(self.batch_size) or not 1 <= self.batch_size <= 256:
            raise ValueError(f'batch_size is {self.batch_size!r}, give a whole number 1 to 256')
        if not _is_number(self.max_memory_mb) or not 16 <= self.max_memory_mb <= 4e6:
            raise ValueError(f'max_memory_mb is {self.max_memory_mb!r}, give 16 to 4000000')
        for name in (
            'enable_mixed_precision',
            'enable_memory_efficient_attention',
            'enable_gradient_checkpointing',
        ):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f'{name} is {getattr(self, name)!r}, give true or false')
        if self.optimization_level not in LEVELS:
            raise ValueError(
                f'optimization_level is {self.optimization_level!r}, use one of {", ".join(LEVELS)}'
            )

    def at_least(self, level: str) -> bool:
        """Return whether this configuration optimises as much as `level`."""
        return LEVELS.index(self.optimization_level) >= LEVELS.index(level)

    def engine_options(self) -> EngineOptions:
        """Return how the engine loads and runs a model under this configuration."""
        medium = self.at_least('medium')
        return EngineOptions(
            device=self.device,
            half_precision=medium and self.enable_mixed_precision,
            efficient_attention=medium and self.enable_memory_efficient_attention,
            skip_forced_text=self.at_least('high'),
            max_memory_mib=float(self.max_memory_mb),
        )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
