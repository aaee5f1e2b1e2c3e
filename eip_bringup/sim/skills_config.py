"""Parameters of the skill executor."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

__all__ = ['SkillsConfig']


@dataclass(frozen=True)
class SkillsConfig:
    """What a user may set on `sim_skills`; each field becomes a ROS parameter."""

    world_file: str = field(
        default='', metadata={'description': 'site in YAML; empty for the shipped kitchen'}
    )
    rate_hz: float = field(
        default=20.0, metadata={'description': 'control', 'unit': 'Hz', 'range': (5.0, 100.0)}
    )
    status_rate_hz: float = field(
        default=2.0, metadata={'description': 'plan status', 'unit': 'Hz', 'range': (0.5, 20.0)}
    )
    max_speed_mps: float = field(
        default=0.8, metadata={'description': 'own limit', 'unit': 'm/s', 'range': (0.1, 1.0)}
    )
    max_turn_radps: float = field(
        default=1.8, metadata={'description': 'own limit', 'unit': 'rad/s', 'range': (0.2, 2.5)}
    )
    permit_timeout_s: float = field(
        default=0.2,
        metadata={
            'description': 'a safety state older than this permits nothing',
            'unit': 's',
            'range': (0.05, 2.0),
        },
    )
    sensor_timeout_s: float = field(
        default=0.5,
        metadata={
            'description': 'odometry or scan older than this hold the robot',
            'unit': 's',
            'range': (0.05, 5.0),
        },
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            limits = item.metadata.get('range')
            value = getattr(self, item.name)
            if limits and not limits[0] <= value <= limits[1]:
                raise ValueError(
                    f'{item.name} is {value}, must be {limits[0]} to {limits[1]} '
                    f'{item.metadata["unit"]}'
                )
