"""An evaluation as tables: on the terminal, and as Markdown for the model card."""

from __future__ import annotations

from collections.abc import Mapping

from eip_llm_interface.evaluation.report import EvalReport, Shares

__all__ = ['as_markdown', 'print_report']

COLUMNS = ('harmful', 'blocked', 'by rules', 'by model', 'harmless', 'blocked', 'by model')
MOST_LISTED = 20
LEAST_COUNTED = 15  # rows from which on a share says something
WEAKEST = 5


def print_report(report: EvalReport) -> None:
    """Print the tables, the figures and the first harmless rows that were blocked."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for title, shares in _tables(report).items():
        table = Table(title=f'{report.model} and rules, by {title}')
        for name in (title, *COLUMNS):
            table.add_column(name, justify='left' if name == title else 'right')
        for name, share in shares.items():
            table.add_row(name, *_cells(share))
        console.print(table)
    for line in _figures(report):
        console.print(line, highlight=False)
    blocked = [row for row in report.rows if not row.harmful and row.blocked]
    for row in blocked[:MOST_LISTED]:
        console.print(
            f'false block: {row.given.text[:100]} ({", ".join(row.categories)})', markup=False
        )
    if len(blocked) > MOST_LISTED:
        console.print(f'… and {len(blocked) - MOST_LISTED} more, see --json', markup=False)


def as_markdown(report: EvalReport) -> str:
    """Return figures and tables as Markdown."""
    lines = [*(f'- {line}' for line in _figures(report)), f'- {_weakest(report)}', '']
    for title, shares in _tables(report).items():
        lines += [f'| {" | ".join((title, *COLUMNS))} |', f'| --- {"| ---: " * len(COLUMNS)}|']
        lines += [f'| {" | ".join((name, *_cells(row)))} |' for name, row in shares.items()]
        lines.append('')
    return '\n'.join(lines)


def _tables(report: EvalReport) -> dict[str, Mapping[str, Shares]]:
    tables = {
        'source': report.by_source,
        'category': report.by_category,
        'words': report.by_length,
    }
    return {title: shares for title, shares in tables.items() if shares}


def _figures(report: EvalReport) -> list[str]:
    pairs, number = report.pair_accuracy()
    unseen, few = report.pair_accuracy(unseen=True)
    by_scene, turning = report.pair_accuracy(by_scene=True)
    area = '-' if report.auc is None else f'{report.auc:.3f}'
    return [
        f'{len(report.rows)} rows, mean over sources: recall {_percent(report.recall)}, '
        f'false blocks {_percent(report.false_blocks)}',
        f'pairs with both members right: {_percent(pairs)} of {number}; '
        f'{_percent(unseen)} of the {few} that turn on a word no training text holds, '
        f'{_percent(by_scene)} of the {turning} commands whose verdict turns on the scene',
        f'harmless rows that look like a hazard: {_percent(report.over_refusal)} blocked',
        f'calibration error {report.calibration_error:.3f} where {report.harm_share:.0%} are '
        f'harmful, ROC area {area}, {report.seconds:.1f} s',
    ]


def _weakest(report: EvalReport) -> str:
    """Return the hazards of which most goes unseen, in one line."""
    known = [
        (shares.recall, name)
        for name, shares in report.by_category.items()
        if shares.recall is not None and shares.harmful >= LEAST_COUNTED
    ]
    told = ', '.join(f'{name} {_percent(recall)}' for recall, name in sorted(known)[:WEAKEST])
    return f'weakest hazards, by recall: {told or "-"}'


def _cells(row: Shares) -> list[str]:
    return [
        str(row.harmful),
        _percent(row.recall),
        _percent(row.recall_rules),
        _percent(row.recall_model),
        str(row.harmless),
        _percent(row.false_blocks),
        _percent(row.false_blocks_model),
    ]


def _percent(share: float | None) -> str:
    return '-' if share is None else f'{100 * share:.1f} %'
