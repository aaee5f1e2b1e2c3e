"""What a run must share with a checkpoint to go on from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eip_llm_interface.training.corpus import Corpus
from eip_llm_interface.training.sentence_encoder import ENCODER_WEIGHTS
from eip_llm_interface.training.train_config import TrainConfig
from eip_llm_interface.training.word_vectors import WordFacts

__all__ = ['run_identity']

FREE = ('output', 'device', 'threads', 'resume', 'checkpoint_every', 'max_weights_mb')


def run_identity(
    config: TrainConfig, corpus: Corpus, rows: int, tokenizer: Any, facts: WordFacts
) -> str:
    """Return options, text, tokens and meanings as one text; `rows` is how many are learnt.

    The meanings are told by what they are made of, since machines differ in their last digits.
    """
    options = {key: str(value) for key, value in asdict(config).items() if key not in FREE}
    vocabulary = hashlib.sha256(json.dumps(tokenizer.get_vocab(), sort_keys=True).encode())
    read = [_digest(config.text_vectors), _digest(config.sentence_encoder / ENCODER_WEIGHTS)]
    digests = (item.hexdigest()[:16] for item in (vocabulary, *read))
    made_of = (corpus.digest, str(rows), facts.digest, *digests)
    return ' '.join((json.dumps(options, sort_keys=True), *made_of))


def _digest(path: Path) -> Any:
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256')
