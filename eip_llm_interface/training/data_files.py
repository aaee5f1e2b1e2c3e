"""Words and patterns that the corpus is made of, kept as YAML beside the code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

__all__ = ['DATA', 'load_yaml']

DATA = Path(__file__).parent / 'data'


@cache
def load_yaml(name: str) -> Mapping[str, Any]:
    """Return training/data/NAME.yaml."""
    loaded = yaml.safe_load((DATA / f'{name}.yaml').read_text(encoding='utf-8'))
    if not isinstance(loaded, Mapping):
        raise ValueError(f'training data {name}.yaml holds no mapping')
    return loaded
