"""Start a training run from a trained model instead of from chance.

Its network is taken as it is. The words need more care, since another text gives other tokens and
other meanings: they are matched by how they are written, and what the model says of a word is
taken apart again into what its meaning tells (the same for all words) and what is the word's own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eip_llm_interface.engine.int8_weights import FACTORS, INT8_FILE, stored_int8
from eip_llm_interface.engine.nano_format import FORMAT
from eip_llm_interface.training.lexical_model import LexicalModel
from eip_llm_interface.training.train_config import TrainConfig

__all__ = ['Start', 'check_start', 'shared_tokens', 'told_start', 'vocabulary']

PREFIX = 'model.'
RIDGE = 1e-3  # keeps the fit defined where a meaning never varies
ROUNDS = 5
CLOSE = 0.5  # share of the words that fit best, from which the next round is fitted
OWN = 0.1  # from this share of its length on a word has a part of its own: rounding takes less
SIZES = {
    'hidden_size': 'hidden_size',
    'layers': 'num_hidden_layers',
    'heads': 'num_attention_heads',
    'intermediate_size': 'intermediate_size',
}


@dataclass(frozen=True)
class Start:
    """A trained model as a start: `trunk` and `lift` by name, and its words taken apart.

    `tokens` [n] are the new run's ids of the words that it knows, `own` [n, word size] what these
    have of their own beside `projection` [word size, dimensions] of their meaning.
    """

    trunk: dict[str, Tensor]
    lift: Tensor
    tokens: Tensor
    own: Tensor
    projection: Tensor

    @classmethod
    def of(cls, folder: Path, tokenizer: Any, meaning: Tensor) -> Start:
        """Read the model in `folder` for a run with `tokenizer` and `meaning` [tokens, dimensions].

        `check_start` says whether it can be.
        """
        stored = stored_int8(folder, torch.float32)
        words, lift = (stored.pop(name) for name in FACTORS)
        tokens, known = shared_tokens(tokenizer.get_vocab(), vocabulary(folder))
        projection = fitted(meaning[tokens], words[known])
        return cls(
            trunk={name.removeprefix(PREFIX): values for name, values in stored.items()},
            lift=lift,
            tokens=tokens,
            own=words[known] - meaning[tokens] @ projection.T,
            projection=projection,
        )

    def used(self, meaning: Tensor) -> set[int]:
        """Return the tokens that have a part of their own: it must not be lost."""
        whole = (self.own + meaning[self.tokens] @ self.projection.T).norm(dim=1)
        return set(self.tokens[self.own.norm(dim=1) > OWN * whole].tolist())

    @torch.no_grad()
    def give(self, learner: LexicalModel) -> None:
        """Give `learner` these weights; words without a place of their own there get none."""
        learner.lift.load_state_dict({'weight': self.lift})
        learner.trunk.load_state_dict(self.trunk)
        learner.projection.weight.copy_(self.projection)
        places = learner.get_buffer('places')[self.tokens]
        learner.own.weight[places[places > 0]] = self.own[places > 0]


def vocabulary(folder: Path) -> dict[str, int]:
    """Return the ids of the tokens of the model in `folder`, by how they are written."""
    from tokenizers import Tokenizer

    found: dict[str, int] = Tokenizer.from_file(str(folder / 'tokenizer.json')).get_vocab()
    return found


def shared_tokens(here: Mapping[str, int], there: Mapping[str, int]) -> tuple[Tensor, Tensor]:
    """Return the ids [n] here and there of the tokens that both vocabularies have."""
    shared = sorted((here[text], there[text]) for text in here.keys() & there.keys())
    ours, theirs = torch.tensor(shared).T
    return ours, theirs


def fitted(meaning: Tensor, words: Tensor) -> Tensor:
    """Return the projection [word size, dimensions] that makes `meaning` into most of `words`.

    Words that no sentence held have no part of their own, so that they show it exactly. Which they
    are is not written down: least squares over all, then over those that fit best (trimmed).
    """
    told = meaning.any(dim=1)
    given, wanted = meaning[told].double(), words[told].double()
    found = _least_squares(given, wanted)
    most = max(int(CLOSE * len(given)), min(len(given), 2 * given.shape[1]))
    for _ in range(ROUNDS):
        misses = (wanted - given @ found).norm(dim=1) / wanted.norm(dim=1).clamp_min(1e-9)
        close = misses.argsort()[:most]
        found = _least_squares(given[close], wanted[close])
    return found.T.float()


def _least_squares(given: Tensor, wanted: Tensor) -> Tensor:
    square = given.T @ given + RIDGE * torch.eye(given.shape[1], dtype=given.dtype)
    return torch.linalg.solve(square, given.T @ wanted)


def check_start(config: TrainConfig) -> None:
    """Raise ValueError when a run of `config` cannot start from the model that it names."""
    if config.start is None:
        return
    from safetensors import safe_open

    settings = _settings(config.start)
    with safe_open(config.start / INT8_FILE, framework='pt') as stored:
        has_lift = set(FACTORS).issubset(stored.keys())
        lift = stored.get_slice(FACTORS[1]).get_shape() if has_lift else (0, 0)
    there = {name: settings.get(said) for name, said in SIZES.items()} | {'word_size': lift[1]}
    wrong = {name: size for name, size in there.items() if size != getattr(config, name)}
    if settings.get('eip', {}).get('format') != FORMAT or not lift[1]:
        raise ValueError(f'start is {config.start}, which is no model that `eip train` made in the '
                         f'form {FORMAT} with a word_size; give one that is')  # fmt: skip
    if wrong:
        options = ' '.join(f'-o {name}={size}' for name, size in wrong.items())
        raise ValueError(f'start is {config.start}, which has other sizes; give {options}')


def told_start(folder: Path | None) -> str:
    """Return which weights a run starts from: their hash and that of their text."""
    if folder is None:
        return 'from scratch'
    with (folder / INT8_FILE).open('rb') as file:
        digest = hashlib.file_digest(file, 'sha256').hexdigest()[:16]
    return f'weights {digest} of corpus {_settings(folder).get("eip", {}).get("corpus", "unknown")}'


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / 'config.json'
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ValueError(f'start is {folder}, whose config.json cannot be read ({error})') from None
    return said
