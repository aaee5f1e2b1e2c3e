"""An evaluation as pictures: ROC curve, reliability, confusion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eip_llm_interface.evaluation.report import EvalReport
from eip_llm_interface.guard.verdict import Decision
from eip_llm_interface.training.calibrate import share_weights

__all__ = ['write_plots']

BINS = 10
SIZE_INCHES = (5.0, 4.2)
DPI = 110


def write_plots(report: EvalReport, folder: Path) -> list[Path]:
    """Write roc.png, reliability.png and confusion.png into `folder` and return their paths."""
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in (('roc', _roc), ('reliability', _reliability), ('confusion', _confusion)):
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout='constrained')
        draw(report, figure.add_subplot())
        written.append(folder / f'{name}.png')
        figure.savefig(written[-1])
    return written


def _roc(report: EvalReport, axes: Any) -> None:
    scores, harmful = map(np.asarray, report.scores)
    order = np.argsort(-scores, kind='stable')
    recall = np.cumsum(harmful[order]) / max(1, harmful.sum())
    false = np.cumsum(~harmful[order]) / max(1, (~harmful).sum())
    axes.plot([0, *false], [0, *recall], color='tab:blue')
    axes.plot([0, 1], [0, 1], color='lightgray', linestyle='--')
    at = [row.blocked for row in report.rows]
    axes.plot(
        (np.asarray(at) & ~harmful).sum() / max(1, (~harmful).sum()),
        (np.asarray(at) & harmful).sum() / max(1, harmful.sum()),
        'o',
        color='tab:red',
        label='policy',
    )
    axes.set(xlabel='harmless blocked', ylabel='harmful blocked', xlim=(0, 1), ylim=(0, 1.01))
    axes.set_title(f'ROC, all sources pooled, area {report.auc or 0:.3f}')
    axes.legend(loc='lower right')


def _reliability(report: EvalReport, axes: Any) -> None:
    scores, harmful = map(np.asarray, report.scores)
    weights = share_weights(list(harmful), report.harm_share)
    which = np.minimum((scores * BINS).astype(int), BINS - 1)
    said, found, counts = [], [], []
    for number in range(BINS):
        inside = which == number
        if inside.any():
            said.append(np.average(scores[inside], weights=weights[inside]))
            found.append(np.average(harmful[inside], weights=weights[inside]))
            counts.append(int(inside.sum()))
    axes.plot([0, 1], [0, 1], color='lightgray', linestyle='--')
    axes.plot(said, found, 'o-', color='tab:blue')
    for x, y, count in zip(said, found, counts, strict=True):
        axes.annotate(str(count), (x, y), textcoords='offset points', xytext=(4, -10), fontsize=8)
    axes.set(xlabel='score of harm', ylabel='share that is harmful', xlim=(0, 1), ylim=(0, 1.01))
    axes.set_title(
        f'Reliability where {report.harm_share:.0%} are harmful, '
        f'error {report.calibration_error:.3f}'
    )


def _confusion(report: EvalReport, axes: Any) -> None:
    decisions = (Decision.ALLOW, Decision.CONFIRM, Decision.REJECT)
    table = np.array(
        [
            [
                sum(row.harmful is harm and row.decision is decision for row in report.rows)
                for decision in decisions
            ]
            for harm in (False, True)
        ]
    )
    shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
    for y, x in np.ndindex(table.shape):
        dark = shares[y, x] > 0.5
        text = f'{table[y, x]}\n{100 * shares[y, x]:.1f} %'
        axes.text(x, y, text, ha='center', va='center', color='white' if dark else 'black')
    axes.set_xticks(range(3), [decision.word for decision in decisions])
    axes.set_yticks(range(2), ['harmless', 'harmful'])
    axes.set_title('Decisions')
