"""Measure the judge on labelled sentences: a table by source, macro averages, rows for a file."""

from __future__ import annotations

import datetime
import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eip_llm_interface.engine.gpu_config import GPUConfig
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.guard.verdict import Decision, Verdict
from eip_llm_interface.training.calibrate import expected_calibration_error
from eip_llm_interface.training.parts.freeform import CorpusError, read_rows

__all__ = ['EvalConfig', 'EvalReport', 'Row', 'evaluate']

CHUNK = 64


@dataclass(frozen=True)
class EvalConfig:
    """What to measure: JSON lines `{"id"?, "source"?, "text", "label", "context"?}`.

    Labels are "safe" and "unsafe". Raises ValueError without a file.
    """

    jsonl: tuple[Path, ...] = ()
    model: str = ''
    device: str = 'auto'
    policy: str = ''
    threads: int = 0

    def __post_init__(self) -> None:
        if not self.jsonl:
            raise ValueError('jsonl is empty, give at least one file of labelled rows')
        if self.threads < 0:
            raise ValueError(f'threads is {self.threads}, give 0 or more')


@dataclass(frozen=True)
class Row:
    """One judged sentence."""

    id: str
    source: str
    text: str
    harmful: bool
    decision: Decision
    safety_score: float
    categories: tuple[str, ...]
    rules_block: bool
    model_block: bool

    @property
    def blocked(self) -> bool:
        """Return whether it was not simply allowed; a question to a person counts as blocked."""
        return self.decision is not Decision.ALLOW


@dataclass(frozen=True)
class EvalReport:
    """All rows and what they add up to. Shares are 0 to 1, None where no row counts."""

    rows: tuple[Row, ...]
    model: str
    seconds: float
    date: str = field(default_factory=lambda: datetime.date.today().isoformat())

    @property
    def sources(self) -> dict[str, list[Row]]:
        """Return the rows of each source, sorted by name."""
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            groups[row.source].append(row)
        return dict(sorted(groups.items()))

    @property
    def categories(self) -> dict[str, int]:
        """Return how many harmful rows were blocked with each category named."""
        counts: dict[str, int] = defaultdict(int)
        for row in self.rows:
            if row.harmful and row.blocked:
                for name in row.categories:
                    counts[name] += 1
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    @property
    def recall(self) -> float | None:
        """Return the share of harmful rows that were blocked, the mean over sources."""
        return _mean(_share(rows, True, _blocked) for rows in self.sources.values())

    @property
    def false_blocks(self) -> float | None:
        """Return the share of harmless rows that were blocked, the mean over sources."""
        return _mean(_share(rows, False, _blocked) for rows in self.sources.values())

    @property
    def calibration_error(self) -> float:
        """Return the expected calibration error of the safety score."""
        return expected_calibration_error(
            [1.0 - row.safety_score for row in self.rows], [row.harmful for row in self.rows]
        )

    @property
    def auc(self) -> float | None:
        """Return how often a harmful row scores worse than a harmless one (ROC area)."""
        harm = np.array([row.safety_score for row in self.rows if row.harmful])
        calm = np.array([row.safety_score for row in self.rows if not row.harmful])
        if not len(harm) or not len(calm):
            return None
        less = (harm[:, None] < calm[None, :]).mean()
        return float(less + 0.5 * (harm[:, None] == calm[None, :]).mean())

    def to_json(self) -> dict[str, Any]:
        """Return figures, tables and the rows that were judged wrongly."""
        return {
            'model': self.model,
            'date': self.date,
            'rows': len(self.rows),
            'seconds': self.seconds,
            'figures': {
                'recall_macro': self.recall,
                'false_blocks_macro': self.false_blocks,
                'calibration_error': self.calibration_error,
                'auc': self.auc,
            },
            'sources': {name: _source(rows) for name, rows in self.sources.items()},
            'categories': self.categories,
            'missed': [_told(row) for row in self.rows if row.harmful and not row.blocked],
            'false_blocks': [_told(row) for row in self.rows if not row.harmful and row.blocked],
        }

    def print(self) -> None:
        """Print the table by source, the macro averages and the harmless rows blocked."""
        from rich.console import Console
        from rich.table import Table

        console = Console()
        table = Table(title=f'{self.model} and rules on {len(self.rows)} rows')
        for name in ('source', 'harmful', 'blocked', 'by rules', 'by model', 'harmless', 'blocked'):
            table.add_column(name, justify='left' if name == 'source' else 'right')
        for name, rows in self.sources.items():
            table.add_row(name, *_cells(rows))
        console.print(table)
        console.print(
            f'macro over sources: recall {_percent(self.recall)}, '
            f'false blocks {_percent(self.false_blocks)}; '
            f'calibration error {self.calibration_error:.3f}, '
            f'ROC area {"-" if self.auc is None else f"{self.auc:.3f}"}, {self.seconds:.1f} s'
        )
        for row in [row for row in self.rows if not row.harmful and row.blocked][:20]:
            console.print(
                f'false block: {row.text[:100]} ({", ".join(row.categories)})', markup=False
            )


def evaluate(config: EvalConfig, progress: Callable[[int, int], None] | None = None) -> EvalReport:
    """Judge every row with rules and model together; raises CorpusError for a bad file.

    `progress` hears (done, all); without it a progress bar is drawn on stderr.
    """
    from eip_llm_interface.gpu_optimized_llm import GPUOptimizedSafetyLLM

    if config.threads:
        import torch

        torch.set_num_threads(config.threads)
    given = [row for path in config.jsonl for row in _labelled(path)]
    gpu_config = GPUConfig(device=config.device, batch_size=8, optimization_level='medium')
    began = time.monotonic()
    rows: list[Row] = []
    with (
        GPUOptimizedSafetyLLM(
            gpu_config, config.model or None, policy=config.policy or None
        ) as llm,
        _Bar(len(given), progress) as told,
    ):
        for start in range(0, len(given), CHUNK):
            part = given[start : start + CHUNK]
            verdicts = llm.check_batch(
                [str(row['text']) for row in part], [row['scene'] for row in part]
            )
            rows += [_judged(row, verdict) for row, verdict in zip(part, verdicts, strict=True)]
            told(len(rows))
        return EvalReport(tuple(rows), llm.model_name, time.monotonic() - began)


def _labelled(path: Path) -> list[dict[str, Any]]:
    rows = []
    for number, row in read_rows(path):
        try:
            scene = SceneFacts.of(row.get('context') or row.get('scene'))
        except ValueError as error:
            raise CorpusError(f'{path}:{number} {error}') from None
        rows.append(
            {
                'id': str(row.get('id', number)),
                'source': str(row.get('source', path.stem)),
                'text': row['text'],
                'harmful': row['label'] == 'unsafe',
                'scene': scene,
            }
        )
    return rows


def _judged(row: Mapping[str, Any], verdict: Verdict) -> Row:
    channels = {violation.channel for violation in verdict.violations}
    return Row(
        id=row['id'],
        source=row['source'],
        text=row['text'],
        harmful=row['harmful'],
        decision=verdict.decision,
        safety_score=verdict.safety_score,
        categories=verdict.categories,
        rules_block=bool(channels - {'model'}),
        model_block='model' in channels,
    )


def _blocked(row: Row) -> bool:
    return row.blocked


def _share(rows: Sequence[Row], harmful: bool, test: Callable[[Row], bool]) -> float | None:
    chosen = [row for row in rows if row.harmful is harmful]
    return sum(map(test, chosen)) / len(chosen) if chosen else None


def _mean(values) -> float | None:  # type: ignore[no-untyped-def]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _source(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        'harmful': sum(row.harmful for row in rows),
        'harmless': sum(not row.harmful for row in rows),
        'recall': _share(rows, True, _blocked),
        'recall_rules': _share(rows, True, lambda row: row.rules_block),
        'recall_model': _share(rows, True, lambda row: row.model_block),
        'false_blocks': _share(rows, False, _blocked),
        'false_blocks_rules': _share(rows, False, lambda row: row.rules_block),
        'false_blocks_model': _share(rows, False, lambda row: row.model_block),
    }


def _cells(rows: Sequence[Row]) -> list[str]:
    figures = _source(rows)
    return [
        str(figures['harmful']),
        _percent(figures['recall']),
        _percent(figures['recall_rules']),
        _percent(figures['recall_model']),
        str(figures['harmless']),
        _percent(figures['false_blocks']),
    ]


def _told(row: Row) -> dict[str, Any]:
    return json.loads(
        json.dumps(
            {
                'id': row.id,
                'source': row.source,
                'text': row.text,
                'decision': row.decision.word,
                'safety_score': round(row.safety_score, 4),
                'categories': row.categories,
            }
        )
    )


def _percent(share: float | None) -> str:
    return '-' if share is None else f'{100 * share:.1f}%'


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
