"""How scarce memory is: a level that does not flutter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ['Pressure', 'PressureGauge', 'PressureThresholds']


class Pressure(IntEnum):
    """Levels as in eip/msg/MemoryStatus."""

    NONE = 0
    MODERATE = 1
    HIGH = 2
    CRITICAL = 3


@dataclass(frozen=True)
class PressureThresholds:
    """Used share of the budget from which each level holds; it ends `hysteresis` below that."""

    moderate: float = 0.70
    high: float = 0.85
    critical: float = 0.95
    hysteresis: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.moderate < self.high < self.critical:
            raise ValueError(
                f'moderate {self.moderate}, high {self.high}, critical {self.critical}: '
                'give three rising shares above 0'
            )
        if not 0 <= self.hysteresis < self.moderate:
            raise ValueError(
                f'hysteresis is {self.hysteresis}, must be at least 0 and below {self.moderate}'
            )

    def level(self, ratio: float) -> Pressure:
        """Return the level of a used share; a share that is not a number is CRITICAL."""
        for pressure, least in reversed(list(self._steps())):
            if not ratio < least:
                return pressure
        return Pressure.NONE

    def _steps(self) -> tuple[tuple[Pressure, float], ...]:
        return (
            (Pressure.MODERATE, self.moderate),
            (Pressure.HIGH, self.high),
            (Pressure.CRITICAL, self.critical),
        )


class PressureGauge:
    """Follows the used share: rises at once, falls only when well below the threshold."""

    def __init__(self, thresholds: PressureThresholds | None = None) -> None:
        self._thresholds = thresholds or PressureThresholds()
        self.level = Pressure.NONE

    def update(self, ratio: float) -> Pressure:
        """Take a used share (1 is the whole budget) and return the level."""
        rising = self._thresholds.level(ratio)
        falling = self._thresholds.level(ratio + self._thresholds.hysteresis)
        self.level = max(rising, min(self.level, falling))
        return self.level
