"""Vectors of words from a sentence encoder that reads what the dictionary says of them.

The encoder has read a billion pairs of sentences, so that "paraquat: dipyridyl used as a herbicide"
comes to lie beside other poisons though no gloss of theirs shares a word. Only training reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eip_llm_interface.training.sentence_encoder import sentence_encoder
from eip_llm_interface.training.wordnet import WordNet

__all__ = ['gloss_vectors', 'glossed']

SENSES = 2  # later ones are rare, and long texts cost time
LONGEST = 32  # tokens
TOGETHER = 256


def gloss_vectors(
    words: Sequence[str], wordnet: WordNet, folder: Path
) -> tuple[dict[str, int], np.ndarray]:
    """Return (row by word, centred vectors [words, dimensions] of unit length).

    `folder` holds the encoder, see `sentence_encoder`, whose errors are raised.
    """
    import torch
    import transformers

    folder = sentence_encoder(folder)
    transformers.utils.logging.disable_progress_bar()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    encoder = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()
    read = tokenizer([glossed(word, wordnet) for word in words], truncation=True,
                     max_length=LONGEST)['input_ids']  # fmt: skip
    order = sorted(range(len(words)), key=lambda row: len(read[row]))
    vectors = np.zeros((len(words), encoder.config.hidden_size), np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), TOGETHER):
            rows = order[start : start + TOGETHER]
            batch = tokenizer.pad({'input_ids': [read[row] for row in rows]}, return_tensors='pt')
            there = batch['attention_mask'].unsqueeze(-1)
            vectors[rows] = (encoder(**batch).last_hidden_state * there).sum(1) / there.sum(1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return {word: row for row, word in enumerate(words)}, vectors


def glossed(word: str, wordnet: WordNet) -> str:
    """Return the word with its commonest meanings; a word that WordNet lacks stands alone."""
    senses = wordnet.senses.get(word) or wordnet.senses.get(wordnet.lemma(word) or '', ())
    common = sorted(senses, key=lambda sense: -sense.weight)[:SENSES]
    meant = [wordnet.synsets[sense.synset].gloss.split('; "')[0] for sense in common]
    return f'{word}: {"; ".join(meant)}' if meant else word
