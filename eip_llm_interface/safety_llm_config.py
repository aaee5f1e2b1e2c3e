"""What a user may set about the node `safety_llm`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from eip_llm_interface.engine.gpu_config import LEVELS, GPUConfig
from eip_llm_interface.knowledge.rules import ROBOT_KINDS, check_robot_kind

__all__ = ['SafetyLlmConfig']


@dataclass(frozen=True)
class SafetyLlmConfig:
    """The parameters of `safety_llm`, checked when made: ValueError names field and value."""

    model: str = field(
        default='',
        metadata={'description': 'model folder or hub name; empty for the shipped model'},
    )
    skills_file: str = field(
        default='',
        metadata={
            'description': 'skills manifest (YAML); empty for the shipped config/skills.yaml'
        },
    )
    policy_file: str = field(
        default='', metadata={'description': 'guard policy (YAML); empty for the shipped one'}
    )
    knowledge_files: tuple[str, ...] = field(
        default=('',),
        metadata={'description': 'further knowledge files (YAML) read after the shipped ones'},
    )
    robot_kind: str = field(
        default='',
        metadata={
            'description': f'one of {", ".join(ROBOT_KINDS)}; '
            'rules for other kinds are left out, empty keeps all'
        },
    )
    device: str = field(
        default='auto', metadata={'description': 'auto, cpu, cuda or cuda:N; auto takes CUDA first'}
    )
    batch_size: int = field(
        default=4,
        metadata={'description': 'most commands computed together', 'range': (1, 256)},
    )
    max_memory_mb: int = field(
        default=8192,
        metadata={
            'description': 'most memory the model may use',
            'unit': 'MiB',
            'range': (64, 1048576),
        },
    )
    enable_mixed_precision: bool = field(
        default=True, metadata={'description': 'compute in 16 bits on an accelerator'}
    )
    enable_memory_efficient_attention: bool = field(
        default=True,
        metadata={'description': 'use fused attention; models of `eip train` always do'},
    )
    enable_gradient_checkpointing: bool = field(
        default=False, metadata={'description': 'trade time for memory when training'}
    )
    optimization_level: str = field(
        default='high', metadata={'description': f'one of {", ".join(LEVELS)}'}
    )
    warm_up: bool = field(
        default=True,
        metadata={'description': 'answer one command before serving the first', 'read_only': True},
    )
    queue_size: int = field(
        default=16,
        metadata={
            'description': 'commands that may wait; more are rejected as busy',
            'range': (1, 1024),
            'read_only': True,
        },
    )
    scene_timeout_s: float = field(
        default=2.0,
        metadata={
            'description': 'age from which a scene counts as unknown',
            'unit': 's',
            'range': (0.1, 60.0),
            'read_only': True,
        },
    )
    confirm_timeout_s: float = field(
        default=60.0,
        metadata={
            'description': 'how long a command waits for a person',
            'unit': 's',
            'range': (0.1, 3600.0),
            'read_only': True,
        },
    )
    confirm_capacity: int = field(
        default=32,
        metadata={
            'description': 'most commands that wait for a person',
            'range': (1, 1024),
            'read_only': True,
        },
    )
    answer_timeout_s: float = field(
        default=120.0,
        metadata={
            'description': 'how long a service waits for the model before it rejects',
            'unit': 's',
            'range': (0.1, 3600.0),
            'read_only': True,
        },
    )

    def __post_init__(self) -> None:
        self.gpu_config()
        check_robot_kind(self.robot_kind, 'robot_kind')
        # ROS cannot declare an empty list of texts, so an empty text stands for none.
        object.__setattr__(self, 'knowledge_files', tuple(filter(None, self.knowledge_files)))

    def gpu_config(self) -> GPUConfig:
        """Return the part that says how to use the machine; raises ValueError when unusable."""
        return GPUConfig(**{item.name: getattr(self, item.name) for item in fields(GPUConfig)})
