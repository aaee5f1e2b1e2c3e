"""NVIDIA accelerators, read through NVML."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from eip_perf_monitor.accelerators.accelerator import AcceleratorReading

__all__ = ['NvmlProbe']

MIB = 1024 * 1024
_RETRY_S: Final = 30.0


class NvmlProbe:
    """Reads every NVIDIA device; without a driver it says so and looks again every 30 s.

    `library` is the module `pynvml`, or a double of it.
    """

    kind = 'nvidia'

    def __init__(
        self, library: Any | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._library = library
        self._clock = clock
        self._lock = threading.Lock()
        self._ready = False
        self._reason = ''
        self._tried_at = -_RETRY_S

    def read(self) -> tuple[AcceleratorReading, ...]:
        """Return one reading per device, or one unavailable reading with the reason."""
        with self._lock:
            if not self._ready and not self._open():
                return (AcceleratorReading('', self.kind, False, self._reason),)
            try:
                count = self._library.nvmlDeviceGetCount()  # type: ignore[union-attr]
            except Exception as error:  # the driver may go away while we look
                return (self._lose(error),)
            if count == 0:
                return (AcceleratorReading('', self.kind, False, 'NVML: no NVIDIA device'),)
            return tuple(self._device(index) for index in range(count))

    def close(self) -> None:
        """Shut NVML down."""
        with self._lock:
            if self._ready:
                self._ready = False
                self._ask('nvmlShutdown')

    def _open(self) -> bool:
        if self._clock() - self._tried_at < _RETRY_S:
            return False
        self._tried_at = self._clock()
        try:
            if self._library is None:
                import pynvml

                self._library = pynvml
            self._library.nvmlInit()
        except Exception as error:  # library missing, driver missing, versions apart
            self._reason = f'NVML: {error}'
            return False
        self._ready = True
        return True

    def _lose(self, error: Exception) -> AcceleratorReading:
        self._ready = False
        self._reason = f'NVML: {error}'
        return AcceleratorReading('', self.kind, False, self._reason)

    def _device(self, index: int) -> AcceleratorReading:
        name = f'NVIDIA device {index}'
        try:
            handle = self._library.nvmlDeviceGetHandleByIndex(index)  # type: ignore[union-attr]
            raw = self._library.nvmlDeviceGetName(handle)  # type: ignore[union-attr]
        except Exception as error:
            return AcceleratorReading(name, self.kind, False, f'NVML: {error}', index)
        name = raw.decode() if isinstance(raw, bytes) else str(raw)
        rates = self._ask('nvmlDeviceGetUtilizationRates', handle)
        memory = self._ask('nvmlDeviceGetMemoryInfo', handle)
        temperature = self._ask('nvmlDeviceGetTemperature', handle, 0)
        power_mw = self._ask('nvmlDeviceGetPowerUsage', handle)
        return AcceleratorReading(
            name,
            self.kind,
            True,
            '',
            index,
            None if rates is None else rates.gpu / 100.0,
            None if memory is None else memory.used / MIB,
            None if memory is None else memory.total / MIB,
            None if temperature is None else float(temperature),
            None if power_mw is None else power_mw / 1000.0,
            self._processes(handle),
        )

    def _processes(self, handle: Any) -> dict[int, float]:
        processes = self._ask('nvmlDeviceGetComputeRunningProcesses', handle) or ()
        return {p.pid: p.usedGpuMemory / MIB for p in processes if p.usedGpuMemory is not None}

    def _ask(self, function: str, *args: Any) -> Any:
        """Return what NVML says, or None: many devices lack some readings (MIG, laptops)."""
        try:
            return getattr(self._library, function)(*args)
        except Exception:
            return None
