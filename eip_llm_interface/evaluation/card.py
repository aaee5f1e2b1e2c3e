"""The measured part of a model card: written anew by every `eip eval --card`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eip_llm_interface.evaluation.report import EvalReport

__all__ = ['NO_RESULTS', 'commit', 'write_results']

TITLE = '## Measured'
NO_RESULTS = f'{TITLE}\n\nNot measured yet; `eip eval --model FOLDER --card` does it.'


def write_results(report: EvalReport, model: str = '') -> Path:
    """Replace the measured part of a model's README.md and return its path.

    `model` is the model's folder, the shipped one's when empty. Raises ValueError when there is
    no card to write into.
    """
    from eip_llm_interface.evaluation.tables import as_markdown
    from eip_llm_interface.gpu_optimized_llm import SHIPPED_MODEL

    path = Path(model or SHIPPED_MODEL) / 'README.md'
    if not path.is_file():
        raise ValueError(f'{path} does not exist; --card needs a model that `eip train` made')
    kept = path.read_text(encoding='utf-8').partition(TITLE)[0]
    told = (
        f'{TITLE}\n\nRules and model together, by `eip eval --card` on {report.date}, commit '
        f'{commit()}. "Confirm" counts as blocked.\n\n{as_markdown(report)}'
    )
    path.write_text(f'{kept.rstrip()}\n\n{told}', encoding='utf-8')
    return path


def commit() -> str:
    """Return the commit of the code in use, 'unknown' outside a repository."""
    try:
        done = subprocess.run(
            ['git', 'describe', '--always', '--dirty'],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return 'unknown'
    return done.stdout.strip()
