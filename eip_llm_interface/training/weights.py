"""How large a model's weights become, and writing them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from eip_llm_interface.engine.int8_weights import INT8_FILE, save_int8
from eip_llm_interface.engine.nano_format import CATEGORIES, FORMAT
from eip_llm_interface.engine.ngrams import LONGEST
from eip_llm_interface.training.batches import Row
from eip_llm_interface.training.calibrate import Calibration
from eip_llm_interface.training.ngram_learning import LEAST_TEXTS
from eip_llm_interface.training.train_config import TrainConfig

__all__ = ['check_size', 'save_model']

SCALE_BYTES = 4  # of each row of a matrix of 8-bit integers
HALF_BYTES = 2
SEQUENCE_BYTES = 7  # of one word sequence: its key, weight and rarity
OTHER_FORM = {
    'int8': ('model.safetensors', 'model-*.safetensors', 'model.safetensors.index.json'),
    'float16': (INT8_FILE,),
}


def check_size(learner: Any, rows: Sequence[Row], config: TrainConfig) -> None:
    """Raise ValueError when `learner`, a LexicalModel, would be saved in over max_weights_mb.

    To be asked before the training, which takes an hour.
    """
    most_mb = (_network_bytes(learner, config) + _head_bytes(rows, config)) / 1e6
    if most_mb > config.max_weights_mb:
        smaller = '' if config.weights == 'int8' else 'take weights int8, '
        raise ValueError(
            f'the weights would take {most_mb:.1f} MB as {config.weights}, max_weights_mb is '
            f'{config.max_weights_mb:g}; raise it, {smaller}or make the model smaller '
            '(hidden_size, layers, word_sequences)'
        )


def save_model(
    model: Any, tokenizer: Any, calibration: Calibration, corpus: str, config: TrainConfig
) -> float:
    """Write config, tokenizer and weights; return the size of all weights, MB.

    `corpus` is the digest of the text. Weights of the other form are removed: they are those of
    an older run, and a reader might take them.
    """
    import torch

    model.config.eip |= {
        'format': FORMAT,
        'categories': list(CATEGORIES),
        'calibration': asdict(calibration),
        'corpus': corpus,
    }
    model.to('cpu')
    if config.weights == 'int8':
        save_int8(model, config.output)
    else:
        model.to(torch.float16).save_pretrained(config.output)
    tokenizer.save_pretrained(config.output)
    for form in OTHER_FORM[config.weights]:
        for old in config.output.glob(form):
            old.unlink()
    files = list(config.output.glob('model*.safetensors'))
    for file in files:
        file.chmod(0o644)
    return sum(file.stat().st_size for file in files) / 1e6


def _network_bytes(learner: Any, config: TrainConfig) -> int:
    shapes: list[tuple[int, ...]] = [tuple(item.shape) for item in learner.trunk.parameters()]
    words = len(learner.get_buffer('places'))
    if config.weights == 'int8':
        shapes += [tuple(item.shape) for item in learner.lift.parameters()]
        shapes.append((words, config.word_size or config.hidden_size))
    else:
        shapes.append((words, config.hidden_size))
    return sum(_bytes_of(shape, config.weights) for shape in shapes)


def _bytes_of(shape: tuple[int, ...], form: str) -> int:
    if form == 'int8' and len(shape) == 2:
        return math.prod(shape) + SCALE_BYTES * shape[0]
    return HALF_BYTES * math.prod(shape)


def _head_bytes(rows: Sequence[Row], config: TrainConfig) -> int:
    """Return what the head over word sequences takes at most."""
    tokens = sum(row.prompt for row in rows if not row.is_plan)
    return SEQUENCE_BYTES * min(config.word_sequences, LONGEST * tokens // LEAST_TEXTS)
