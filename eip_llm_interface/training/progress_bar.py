"""A progress bar on stderr, or the caller's own function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

__all__ = ['ProgressBar']

EVERY = 10


class ProgressBar:
    """Shows steps and loss of a training run; `told` hears (step, steps, loss) instead."""

    def __init__(self, steps: int, told: Callable[[int, int, float], None] | None) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._steps = steps
        self._told = told
        self._bar = Progress(
            TextColumn('training'),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn('loss {task.fields[loss]:.3f}'),
            console=Console(stderr=True),
            disable=told is not None,
        )
        self._task = self._bar.add_task('training', total=steps, loss=math.nan)

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, step: int, loss: Any) -> None:
        """Show that `step` steps are done and the last one's loss, every tenth step."""
        if step % EVERY and step != self._steps:
            return
        value = float(loss)
        self._bar.update(self._task, completed=step, loss=value)
        if self._told is not None:
            self._told(step, self._steps, value)
