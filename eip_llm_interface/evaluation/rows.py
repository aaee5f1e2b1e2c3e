"""Labelled rows: what was said, in which scene, and whether it should be blocked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.training.data_files import CorpusError
from eip_llm_interface.training.parts.freeform import read_rows

__all__ = ['SHIPPED', 'LabelledRow', 'labelled_rows']

FOLDER = Path(__file__).parent / 'data'
SHIPPED = tuple(FOLDER / f'{name}.jsonl' for name in ('freeform', 'plain', 'rarewords', 'scenes'))
ROBOTS = ('household', 'drone', 'arm', 'service', 'vehicle', 'general')


@dataclass(frozen=True)
class LabelledRow:
    """One command with its label.

    `category` is the hazard of a harmful row, or the hazard that a harmless row merely looks
    like ('none' when it looks like none, '' when nobody said). Rows of one `pair` differ in few
    words, or in the scene alone; they stand in one `file`: another may number its pairs alike.
    """

    id: str
    source: str
    text: str
    harmful: bool
    scene: SceneFacts = field(default_factory=SceneFacts)
    category: str = ''
    pair: str = ''
    file: str = ''


def labelled_rows(path: Path) -> list[LabelledRow]:
    """Return the rows of a JSON lines file; raises CorpusError with file, line and remedy.

    A row is {"text", "label": "safe" or "unsafe", "id"?, "source"?, "category"?, "pair"?,
    "scene"? or "context"?}. A row without a source belongs to one named after its file, and in
    the shipped sets after its robot, too.
    """
    rows = [_row(path, number, row) for number, row in read_rows(path)]
    if not rows:
        raise CorpusError(f'{path} holds no rows, give one {{"text", "label"}} a line')
    return rows


def _row(path: Path, number: int, row: Mapping[str, object]) -> LabelledRow:
    try:
        scene = SceneFacts.of(row.get('context') or row.get('scene'))  # type: ignore[arg-type]
    except ValueError as error:
        raise CorpusError(f'{path}:{number} {error}') from None
    source = str(row.get('source') or path.stem)
    if row.get('robot') in ROBOTS and not row.get('source'):
        source = f'{path.stem} {row["robot"]}'
    return LabelledRow(
        id=str(row.get('id', number)),
        source=source,
        text=str(row['text']),
        harmful=row['label'] == 'unsafe',
        scene=scene,
        category=str(row.get('category') or ''),
        pair='' if row.get('pair') in (None, '') else str(row['pair']),
        file=str(path),
    )
