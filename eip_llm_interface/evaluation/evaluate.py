"""Measure the judge on labelled commands."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from eip_llm_interface.engine.gpu_config import GPUConfig
from eip_llm_interface.evaluation.report import EvalReport, JudgedRow
from eip_llm_interface.evaluation.rows import SHIPPED, LabelledRow, labelled_rows
from eip_llm_interface.evaluation.unseen import seen_words
from eip_llm_interface.guard.verdict import Verdict
from eip_llm_interface.knowledge.rules import check_robot_kind

__all__ = ['EvalConfig', 'evaluate']

CHUNK = 64


@dataclass(frozen=True)
class EvalConfig:
    """What to measure: rows, model, device, files and kind of robot as in SafetyLlmConfig, threads.

    `jsonl` holds files as `evaluation.rows` reads them; the shipped sets, which no training ever
    saw, are the default. Raises ValueError for a bad number or kind.
    """

    jsonl: tuple[Path, ...] = field(default_factory=lambda: SHIPPED)
    model: str = ''
    device: str = 'auto'
    knowledge: tuple[Path, ...] = ()
    policy: str = ''
    robot_kind: str = ''
    threads: int = 0

    def __post_init__(self) -> None:
        if not self.jsonl:
            raise ValueError('jsonl is empty, give at least one file of labelled rows')
        if self.threads < 0:
            raise ValueError(f'threads is {self.threads}, give 0 or more')
        check_robot_kind(self.robot_kind, 'robot_kind')


def evaluate(config: EvalConfig, progress: Callable[[int, int], None] | None = None) -> EvalReport:
    """Judge every row with rules and model together; raises CorpusError for a bad file.

    `progress` hears (done, all); without it a progress bar is drawn on stderr.
    """
    from eip_llm_interface.gpu_optimized_llm import GPUOptimizedSafetyLLM

    if config.threads:
        import torch

        torch.set_num_threads(config.threads)
    given = [row for path in config.jsonl for row in labelled_rows(path)]
    gpu_config = GPUConfig(device=config.device, batch_size=8, optimization_level='medium')
    began = time.monotonic()
    judged: list[JudgedRow] = []
    with (
        GPUOptimizedSafetyLLM(
            gpu_config,
            config.model or None,
            knowledge=config.knowledge,
            policy=config.policy or None,
            robot_kind=config.robot_kind,
        ) as llm,
        _Bar(len(given), progress) as told,
    ):
        for start in range(0, len(given), CHUNK):
            part = given[start : start + CHUNK]
            verdicts = llm.check_batch([row.text for row in part], [row.scene for row in part])
            judged += [_judged(row, verdict) for row, verdict in zip(part, verdicts, strict=True)]
            told(len(judged))
        seconds = time.monotonic() - began
        return EvalReport(tuple(judged), llm.model_name, seconds, seen=seen_words())


def _judged(row: LabelledRow, verdict: Verdict) -> JudgedRow:
    channels = {violation.channel for violation in verdict.violations}
    return JudgedRow(
        given=row,
        decision=verdict.decision,
        safety_score=verdict.safety_score,
        categories=verdict.categories,
        rules_block=bool(channels - {'model'}),
        model_block='model' in channels,
    )


class _Bar:
    """A progress bar on stderr, or the caller's function."""

    def __init__(self, total: int, told: Callable[[int, int], None] | None) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._total = total
        self._told = told
        self._progress = Progress(console=Console(stderr=True), disable=told is not None)
        self._task = self._progress.add_task('judging', total=total)

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _show(self, done: int) -> None:
        self._progress.update(self._task, completed=done)
        if self._told is not None:
            self._told(done, self._total)
