"""What a user may set about the node `memory_manager`."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ['MemoryManagerConfig']


@dataclass(frozen=True)
class MemoryManagerConfig:
    """The parameters of `memory_manager`; each field says what it is."""

    max_memory_mb: int = field(
        default=8192,
        metadata={
            'description': "most memory that the robot's processes may use together",
            'unit': 'MiB',
            'range': (64, 1048576),
        },
    )
    device: str = field(
        default='auto',
        metadata={'description': 'auto, cpu, cuda or cuda:N: where the budget applies'},
    )
    publish_period_s: float = field(
        default=1.0,
        metadata={
            'description': 'interval of memory/status',
            'unit': 's',
            'range': (0.1, 60.0),
        },
    )
    auto_optimize: bool = field(
        default=True,
        metadata={'description': 'free memory by itself when pressure is high or critical'},
    )
    cooldown_s: float = field(
        default=30.0,
        metadata={
            'description': 'least time between two such passes',
            'unit': 's',
            'range': (1.0, 3600.0),
        },
    )
    reclaim_timeout_s: float = field(
        default=3.0,
        metadata={
            'description': 'how long the other processes may take to answer',
            'unit': 's',
            'range': (0.1, 60.0),
        },
    )
