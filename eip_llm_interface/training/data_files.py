"""Words and patterns that the corpus is made of, kept as YAML beside the code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

__all__ = ['DATA', 'FREEFORM', 'PATTERNS', 'CorpusError', 'check_written', 'lines_of', 'load_yaml']

DATA = Path(__file__).parent / 'data'
FREEFORM = 'freeform_*.jsonl'
PATTERNS = 'patterns_*.txt'


class CorpusError(ValueError):
    """A row that cannot be used; the text names file, line, field, value and remedy."""


def lines_of(path: Path) -> list[str]:
    """Return the lines of a UTF-8 file; raises CorpusError."""
    try:
        return path.read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f'{path} cannot be read ({error}); give a UTF-8 file') from None


def check_written(folder: Path | None) -> None:
    """Raise CorpusError for a folder without a file of sentences; None is the shipped one."""
    if folder is not None and not any(
        path.is_file() for form in (FREEFORM, PATTERNS) for path in folder.glob(form)
    ):
        raise CorpusError(
            f'freeform is {folder}, which holds no {FREEFORM} and no {PATTERNS}; '
            'give a folder that holds one'
        )


@cache
def load_yaml(name: str) -> Mapping[str, Any]:
    """Return training/data/NAME.yaml."""
    loaded = yaml.safe_load((DATA / f'{name}.yaml').read_text(encoding='utf-8'))
    if not isinstance(loaded, Mapping):
        raise ValueError(f'training data {name}.yaml holds no mapping')
    return loaded
