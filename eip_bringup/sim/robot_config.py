"""Parameters of the simulated robot."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

__all__ = ['RobotConfig']


@dataclass(frozen=True)
class RobotConfig:
    """What a user may set on `sim_robot`; each field becomes a ROS parameter."""

    world_file: str = field(
        default='', metadata={'description': 'site in YAML; empty for the shipped kitchen'}
    )
    odom_rate_hz: float = field(
        default=50.0,
        metadata={'description': 'physics and odometry', 'unit': 'Hz', 'range': (10.0, 200.0)},
    )
    scan_rate_hz: float = field(
        default=20.0, metadata={'description': 'lidar', 'unit': 'Hz', 'range': (1.0, 50.0)}
    )
    scene_rate_hz: float = field(
        default=10.0, metadata={'description': 'scene', 'unit': 'Hz', 'range': (1.0, 50.0)}
    )
    stop_rate_hz: float = field(
        default=20.0, metadata={'description': 'hardware stop', 'unit': 'Hz', 'range': (10.0, 50.0)}
    )
    real_time_factor: float = field(
        default=1.0,
        metadata={'description': 'simulated seconds in one second', 'range': (0.1, 5.0)},
    )
    command_timeout_s: float = field(
        default=0.5,
        metadata={
            'description': 'the base stops by itself after so long without cmd_vel',
            'unit': 's',
            'range': (0.05, 5.0),
        },
    )
    lidar_noise_m: float = field(
        default=0.003,
        metadata={
            'description': 'standard deviation of a range',
            'unit': 'm',
            'range': (0.0, 0.2),
        },
    )
    seed: int = field(default=0, metadata={'description': 'seed of the noise', 'range': (0, 2**31)})
    ground_truth: bool = field(
        default=True,
        metadata={'description': 'odom is the true pose; false adds up the wheels and drifts'},
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            limits = item.metadata.get('range')
            value = getattr(self, item.name)
            if limits and not limits[0] <= value <= limits[1]:
                raise ValueError(
                    f'{item.name} is {value}, must be {limits[0]} to {limits[1]}'
                    f' {item.metadata.get("unit", "")}'.rstrip()
                )
