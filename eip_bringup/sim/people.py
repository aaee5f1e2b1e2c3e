"""People who appear, walk in straight lines and leave."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ['People', 'Walker']

MAX_SPEED_MPS = 3.0
KINDS = ('child', 'elderly', 'patient', 'animal')


@dataclass
class Walker:
    """One person: position m, velocity m/s, and where they walk to, None when they stand."""

    name: str
    kind: str
    x: float
    y: float
    target: tuple[float, float] | None = None
    speed_mps: float = 0.0

    @property
    def velocity(self) -> tuple[float, float]:
        """Return the velocity, m/s."""
        if self.target is None:
            return 0.0, 0.0
        dx, dy = self.target[0] - self.x, self.target[1] - self.y
        left = math.hypot(dx, dy)
        return (self.speed_mps * dx / left, self.speed_mps * dy / left) if left else (0.0, 0.0)

    def walk(self, duration_s: float) -> None:
        """Go on towards the target for `duration_s`."""
        if self.target is None:
            return
        way = self.speed_mps * duration_s
        if math.hypot(self.target[0] - self.x, self.target[1] - self.y) <= way:
            (self.x, self.y), self.target = self.target, None
            return
        vx, vy = self.velocity
        self.x += vx * duration_s
        self.y += vy * duration_s


class People:
    """Everybody in the room, at most `places_for` at a time."""

    def __init__(self, places_for: int, kinds: dict[str, str]) -> None:
        self._places_for = places_for
        self._kinds = kinds
        self._walkers: dict[str, Walker] = {}

    def __iter__(self) -> Iterator[Walker]:
        return iter(self._walkers.values())

    def __len__(self) -> int:
        return len(self._walkers)

    def get(self, name: str) -> Walker | None:
        """Return the person of that name if they are in the room."""
        return self._walkers.get(name)

    def move(self, name: str, x: float, y: float, speed_mps: float = 0.0) -> str:
        """Let a person appear at a point, or walk there with `speed_mps` > 0; return what happened.

        A person who is not there yet appears, whatever the speed. Raises ValueError, naming field
        and value, when it cannot be done.
        """
        self._check(name, x, y, speed_mps)
        walker = self._walkers.get(name)
        if walker is not None and speed_mps > 0:
            walker.target, walker.speed_mps = (x, y), speed_mps
            return f'{name} walks to ({x:.2f}, {y:.2f}) at {speed_mps:.2f} m/s'
        if walker is None and len(self) >= self._places_for:
            raise ValueError(f'name is {name!r}, but {len(self)} people fill the room; remove one')
        kind = self._kinds.get(name, name if name in KINDS else 'adult')
        self._walkers[name] = Walker(name, kind, x, y)
        return f'{name} stands at ({x:.2f}, {y:.2f})'

    def remove(self, name: str) -> str:
        """Take a person out of the room; return what happened. Raises ValueError if not there."""
        if self._walkers.pop(name, None) is None:
            known = ', '.join(self._walkers) or 'nobody'
            raise ValueError(f'name is {name!r}, who is not in the room; there is: {known}')
        return f'{name} has left'

    def clear(self) -> None:
        """Send everybody out."""
        self._walkers.clear()

    def walk(self, duration_s: float) -> None:
        """Let everybody go on for `duration_s`."""
        for walker in self._walkers.values():
            walker.walk(duration_s)

    def _check(self, name: str, x: float, y: float, speed_mps: float) -> None:
        if not name.strip():
            raise ValueError('name is empty, give the person a name')
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ValueError(f'target is ({x}, {y}), needs finite numbers in m')
        if not 0.0 <= speed_mps <= MAX_SPEED_MPS:
            raise ValueError(f'speed_mps is {speed_mps}, must be 0 to {MAX_SPEED_MPS}')
