"""What every accelerator probe gives, whoever made the device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ['AcceleratorProbe', 'AcceleratorReading', 'read_accelerators']


@dataclass(frozen=True)
class AcceleratorReading:
    """One look at one accelerator; None where the device does not say, never 0.

    `utilisation` is the share of time busy, 0 to 1; `process_mib` maps process id to MiB held.
    """

    name: str
    kind: str
    available: bool
    reason: str = ''
    index: int = 0
    utilisation: float | None = None
    memory_used_mib: float | None = None
    memory_total_mib: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    process_mib: Mapping[int, float] = field(default_factory=dict)

    @property
    def memory_ratio(self) -> float | None:
        """Return the share of memory in use, 0 to 1."""
        if self.memory_used_mib is None or not self.memory_total_mib:
            return None
        return self.memory_used_mib / self.memory_total_mib


class AcceleratorProbe(Protocol):
    """Reads all accelerators of one kind."""

    kind: str

    def read(self) -> tuple[AcceleratorReading, ...]:
        """Return one reading per device, or one unavailable reading with the reason; no raise."""
        ...

    def close(self) -> None:
        """Release the driver's library."""
        ...


def read_accelerators(probes: Iterable[AcceleratorProbe]) -> tuple[AcceleratorReading, ...]:
    """Return the readings of all devices found, else one unavailable reading with all reasons."""
    readings = [reading for probe in probes for reading in probe.read()]
    found = tuple(reading for reading in readings if reading.available)
    if found:
        lost = (r for r in readings if not r.available and r.name)
        return (*found, *lost)
    reasons = '; '.join(reading.reason for reading in readings if reading.reason)
    return (AcceleratorReading('', 'none', False, reasons or 'no accelerator was looked for'),)
