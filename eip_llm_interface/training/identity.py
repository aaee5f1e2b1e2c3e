"""What a run must share with a checkpoint to go on from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from eip_llm_interface.training.corpus import Corpus
from eip_llm_interface.training.train_config import TrainConfig
from eip_llm_interface.training.word_vectors import WordFacts

__all__ = ['FREE', 'run_identity']

FREE = ('output', 'start', 'device', 'threads', 'resume', 'checkpoint_every', 'max_weights_mb')


def run_identity(
    config: TrainConfig, start: str, corpus: Corpus, rows: int, tokenizer: Any, facts: WordFacts
) -> str:
    """Return options, start, text, tokens and meanings as one text.

    `start` tells the weights that the run starts from, `rows` is how many are learnt.
    The meanings are told by what they are made of, since machines differ in their last digits.
    """
    options = {key: str(value) for key, value in asdict(config).items() if key not in FREE}
    vocabulary = hashlib.sha256(json.dumps(tokenizer.get_vocab(), sort_keys=True).encode())
    with config.text_vectors.open('rb') as file:
        by_text = hashlib.file_digest(file, 'sha256')
    digests = (item.hexdigest()[:16] for item in (vocabulary, by_text))
    made_of = (start, corpus.digest, str(rows), facts.digest, *digests)
    return ' '.join((json.dumps(options, sort_keys=True), *made_of))
