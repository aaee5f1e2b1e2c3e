"""Sentences written one by one, in files freeform_*.jsonl."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from eip_llm_interface.engine.nano_format import CATEGORIES, NanoFormat
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.training.data_files import DATA, FREEFORM, CorpusError, lines_of
from eip_llm_interface.training.example import Example

__all__ = ['calibration_examples', 'freeform_examples', 'read_rows', 'written_rows']

ALIASES = {
    'waterdamage': 'water_damage', 'harmperson': 'harm_person', 'harmanimal': 'harm_animal',
    'selfharm': 'self_harm',
}  # fmt: skip
LABELS = ('safe', 'unsafe')


def freeform_examples(folder: Path | None = None) -> Iterator[Example]:
    """Yield one verdict example per row of every freeform_*.jsonl in `folder`, sorted by name.

    A text that stands twice in one scene counts once. A row is {"text", "label": "safe" or
    "unsafe", "category"?, "robot"?, "pair"?, "scene"?}; the shipped data folder is the default.
    """
    seen: set[tuple[str, str]] = set()
    for path, line, row in written_rows(folder):
        told = (row['text'].lower().strip(), json.dumps(row.get('scene'), sort_keys=True))
        if told in seen:
            continue
        seen.add(told)
        yield _example(row, f'{path.name}:{line}', path.stem)


def calibration_examples(folder: Path | None = None) -> list[Example]:
    """Return the rows of `folder`'s calibration.jsonl, never learnt; none when there is no file."""
    path = (folder or DATA) / 'calibration.jsonl'
    if not path.is_file():
        return []
    rows = read_rows(path)
    return [_example(row, f'{path.name}:{line}', 'freeform_calibration') for line, row in rows]


def written_rows(folder: Path | None = None) -> Iterator[tuple[Path, int, Mapping]]:
    """Yield (file, line number, row) of every freeform_*.jsonl in `folder`, sorted by name.

    The shipped data folder is the default; raises CorpusError.
    """
    for path in sorted((folder or DATA).glob(FREEFORM)):
        for line, row in read_rows(path):
            yield path, line, row


def read_rows(path: Path) -> Iterator[tuple[int, Mapping]]:
    """Yield (line number, row) of a JSON lines file; raises CorpusError."""
    for number, line in enumerate(lines_of(path), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise CorpusError(f'{path}:{number} is no JSON ({error}); one object a line') from None
        if not isinstance(row, dict) or not isinstance(row.get('text'), str):
            raise CorpusError(f'{path}:{number} has no text, give {{"text": "…", "label": "…"}}')
        if row.get('label') not in LABELS:
            raise CorpusError(
                f'{path}:{number} field label is {row.get("label")!r}, use safe or unsafe'
            )
        yield number, row


def _example(row: Mapping, where: str, source: str) -> Example:
    target = '<safe>'
    if row['label'] == 'unsafe':
        category = str(row.get('category', '')).lower()
        category = ALIASES.get(category, category)
        if category not in CATEGORIES:
            raise CorpusError(
                f'{where} field category is {row.get("category")!r}, use one of '
                f'{", ".join(CATEGORIES)}'
            )
        target = f'<{category}>'
    try:
        scene = SceneFacts.of(row.get('scene'))
    except ValueError as error:
        raise CorpusError(f'{where} field scene: {error}') from None
    prompt = NanoFormat().verdict_prompts(row['text'], scene)[0]
    group = f'{source}.{row["pair"]}' if row.get('pair') not in (None, '') else f'{source}.{where}'
    return Example(prompt, target, source, group)
