"""Start a training run from a trained model instead of from chance.

Its network is taken as it is. The words need more care, since another text gives other tokens and
other meanings: they are matched by how they are written, and what a model says of a word is taken
apart again into what its meaning tells (the same for all words) and what is the word's own.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from eip_llm_interface.engine.int8_weights import FACTORS, INT8_FILE, stored_int8
from eip_llm_interface.training.lexical_model import LexicalModel

__all__ = ['start_from', 'told_start']

RIDGE = 1e-3  # keeps the fit defined where a meaning never varies
PREFIX = 'model.'


@torch.no_grad()
def start_from(learner: LexicalModel, folder: Path, tokenizer: Any) -> int:
    """Give `learner`, whose tokens are `tokenizer`'s, the weights of the model in `folder`.

    Returns how many of the tokens were known there. The words which no training row holds have no
    part of their own, and so show how meanings become words (least squares). Raises ValueError for
    a model of other sizes.
    """
    stored = stored_int8(folder, torch.float32)
    words, lift = (stored.pop(name, None) for name in FACTORS)
    if words is None or lift is None:
        raise ValueError(f'start is {folder}, made with word_size 0; give one made with another')
    trunk = {name.removeprefix(PREFIX): values for name, values in stored.items()}
    heads = json.loads((folder / 'config.json').read_text(encoding='utf-8'))['num_attention_heads']
    try:
        if heads != learner.trunk.config.num_attention_heads:
            raise RuntimeError(f'{heads} heads')
        learner.lift.load_state_dict({'weight': lift})
        learner.trunk.load_state_dict(trunk)
    except RuntimeError as error:
        raise ValueError(
            f'start is {folder}, which has other sizes ({" ".join(str(error).split())}); '
            'give its hidden_size, word_size, layers, heads and intermediate_size'
        ) from None
    there = _tokens(folder)
    pairs = [(here, there[text]) for text, here in tokenizer.get_vocab().items() if text in there]
    here, known = torch.tensor(pairs).T
    _set_words(learner, here, words[known])
    return len(pairs)


def told_start(folder: Path | None) -> str:
    """Return which weights a run starts from, for its model card."""
    if folder is None:
        return 'from scratch'
    with (folder / INT8_FILE).open('rb') as file:
        digest = hashlib.file_digest(file, 'sha256').hexdigest()[:16]
    settings = json.loads((folder / 'config.json').read_text(encoding='utf-8'))
    return f'weights {digest} of corpus {settings.get("eip", {}).get("corpus", "unknown")}'


def _set_words(learner: LexicalModel, tokens: Any, words: Any) -> None:
    """Let `words` [tokens, word size] be the learner's vectors of `tokens`."""
    meaning = learner.get_buffer('meaning')[tokens]
    places = learner.get_buffer('places')[tokens]
    told = meaning.any(dim=1)
    free = told & (places == 0)
    taken = free if free.any() else told
    given, wanted = meaning[taken].double(), words[taken].double()
    square = given.T @ given + RIDGE * torch.eye(given.shape[1], dtype=given.dtype)
    fitted = torch.linalg.solve(square, given.T @ wanted).T.float()
    learner.projection.weight.copy_(fitted)
    own = words - meaning @ fitted.T
    learner.own.weight[places[places > 0]] = own[places > 0]


def _tokens(folder: Path) -> dict[str, int]:
    from tokenizers import Tokenizer

    found: dict[str, int] = Tokenizer.from_file(str(folder / 'tokenizer.json')).get_vocab()
    return found
