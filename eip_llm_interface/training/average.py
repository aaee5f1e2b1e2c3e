"""The mean of models that were trained further from one start.

Such models lie in one valley, where their mean judges better than each of them ("model soups",
Wortsman and others 2022, https://arxiv.org/abs/2203.05482) and takes no longer than one.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from eip_llm_interface.engine.int8_weights import FACTORS, INT8_FILE, stored_int8, write_int8
from eip_llm_interface.engine.ngrams import NGRAM_FILE
from eip_llm_interface.training.start import shared_tokens, told_start, vocabulary

__all__ = ['average']

FROM_FIRST = (
    'config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json',
    NGRAM_FILE, 'README.md',
)  # fmt: skip
CARD_ROW = re.compile(r'^\| start \|.*$', re.MULTILINE)
FIGURES = '## Held-out sentences of the corpus\n'
WORDS = FACTORS[0]


def average(folders: Sequence[Path], output: Path) -> Path:
    """Write the mean of the models in `folders` into `output` and return the weights' path.

    Words are matched by how they are written; tokens, word sequences, calibration and card are
    those of the first, and the card tells of the others. To be calibrated anew. Raises ValueError
    for fewer than two models, for models of other sizes and for an output that is one of them.
    """
    if len(folders) < 2:
        raise ValueError(f'{len(folders)} model is given, give two or more')
    for folder in folders:
        if not (folder / INT8_FILE).is_file():
            raise ValueError(f'{folder} holds no {INT8_FILE}; give models with weights int8')
        if folder.resolve() == output.resolve():
            raise ValueError(f'output {output} is one of the models, give another')
    models = [stored_int8(folder, torch.float32) for folder in folders]
    first, *others = models
    for folder, other in zip(folders[1:], others, strict=True):
        shapes = [{k: v.shape for k, v in m.items() if k != WORDS} for m in (first, other)]
        if WORDS not in other or WORDS not in first or shapes[0] != shapes[1]:
            raise ValueError(f'{folder} has other sizes than {folders[0]}, give models of one size')
    mean = {name: sum(m[name] for m in models) / len(models) for name in first if name != WORDS}
    total, count = first[WORDS].clone(), torch.ones(len(first[WORDS]), 1)
    own, *theirs = map(vocabulary, folders)
    for vocabulary_there, other in zip(theirs, others, strict=True):
        here, there = shared_tokens(own, vocabulary_there)
        total[here] += other[WORDS][there]
        count[here] += 1
    output.mkdir(parents=True, exist_ok=True)
    for name in FROM_FIRST:
        if (folders[0] / name).is_file():
            shutil.copy(folders[0] / name, output / name)
    _tell(output / 'README.md', folders)
    return write_int8(mean | {WORDS: total / count}, output)


def _tell(card: Path, folders: Sequence[Path]) -> None:
    """Let the card of the first model say what it was averaged with."""
    if not card.is_file():
        return
    rows = [f'| mean of this and | {told_start(other)}{_made(other)} |' for other in folders[1:]]
    text = CARD_ROW.sub(lambda row: '\n'.join((row[0], *rows)), card.read_text(encoding='utf-8'), 1)
    told = f'{FIGURES}\nFigures of the first run, before the mean was taken.\n'
    card.write_text(text.replace(FIGURES, told), encoding='utf-8')


def _made(folder: Path) -> str:
    """Return what a model's own card says of its run."""
    card = folder / 'README.md'
    text = card.read_text(encoding='utf-8') if card.is_file() else ''
    found = (
        re.search(rf'^\| {name} \| (.*) \|$', text, re.MULTILINE)
        for name in ('start', 'steps, tokens', 'date, commit')
    )
    names = ('started from', 'steps and tokens', 'made on')
    told = [f'{name} {row[1]}' for name, row in zip(names, found, strict=True) if row]
    return f' ({"; ".join(told)})' if told else ''
