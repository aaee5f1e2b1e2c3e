"""Write the model card beside the weights."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from eip_llm_interface.evaluation.card import NO_RESULTS
from eip_llm_interface.training.corpus import Corpus
from eip_llm_interface.training.identity import FREE
from eip_llm_interface.training.train_config import TrainConfig

if TYPE_CHECKING:
    from eip_llm_interface.training.train import TrainResult

__all__ = ['write_model_card']

PATHS = ('start', 'skills', 'freeform')
UNTOLD = (*FREE, 'wordnet', 'text_vectors')
HELD_OUT_START = """ The model that it
started from learnt from the same split, unless lines of a file have moved since."""

CARD = """# eip_nano

A small causal language model that judges commands given to robots and plans them in the robot's
skills. Llama architecture, {parameters:.2f} million parameters, trained by `eip train` on
sentences written for the project and on text made from its knowledge. Its words' embeddings
rest on fixed vectors made from WordNet 3.0, `knowledge/` and GloVe 6B (word vectors of running
text), so that words which no sentence holds mean something, too. It reads English only.

- Use: beside the rules of `eip_llm_interface/guard`, never alone. It can only tighten a verdict.
- Not for: anything but commands to robots; it was not made to chat, and it is no safety device.
- Verdict: `<bos> scene <cmd> command <verdict>`, then the next token's probability: `<safe>`
  against {categories} hazards. One prefill, nothing is generated. A linear head over sequences of
  one to three of the prompt's tokens is added to its log odds.
- Plan: `<bos> names <cmd> command <plan>`, then the plan, constrained by the manifest's grammar.
- Weights: {weights} safetensors, {weights_mb:.1f} MB. License: Apache-2.0; see NOTICE.

## Training

| what | value |
| --- | --- |
| corpus | {digest} ({training} examples, {held_out} held out) |
| parts | {parts} |
| start | {start} |
| steps, tokens | {steps}, {tokens} |
| took | {minutes:.1f} minutes on {device} |
| seed | {seed} |
| date, commit | {date}, {commit} |
| made by | `eip train{options}` with torch {torch}, transformers {transformers}, Python {python} |

## Held-out sentences of the corpus

Written by the same hands as the training text, so these figures say that the model learnt, not
how it does on other people's words. The model alone, without the rules.{held_out_start}

| figure | value |
| --- | --- |
{figures}

## Weak spots

- Words and hazards that neither the corpus nor the knowledge names.
- Harm that follows from the scene alone: few sentences of the corpus have a scene of their own.
- Errands of several parts, durations said in words, sentences to repeat: see `plans_exact`, which
  counts plans that are right in every token without the grammar's help.
- Plans for skills other than those of the manifest it was trained with, unless retrained.

{results}
"""


def write_model_card(
    config: TrainConfig,
    result: TrainResult,
    corpus: Corpus,
    device: str,
    made_of: str,
    start: str,
) -> Path:
    """Write README.md into the model's folder and return its path.

    `made_of` is the commit, `start` tells the weights that the run started from.
    """
    import torch
    import transformers

    from eip_llm_interface.engine.nano_format import CATEGORIES

    parts = collections.Counter(item.source.partition('_')[0] for item in corpus.training)
    path = config.output / 'README.md'
    path.write_text(
        CARD.format(
            parameters=result.parameters / 1e6,
            categories=len(CATEGORIES),
            weights=config.weights,
            weights_mb=result.weights_mb,
            digest=corpus.digest,
            training=len(corpus.training),
            held_out=len(corpus.held_out),
            parts=', '.join(f'{name} {count}' for name, count in sorted(parts.items())),
            options=_options(config),
            start=start,
            held_out_start='' if config.start is None else HELD_OUT_START,
            steps=result.steps,
            tokens=result.tokens,
            minutes=result.seconds / 60,
            device=device,
            seed=config.seed,
            date=datetime.date.today().isoformat(),
            commit=made_of,
            torch=torch.__version__,
            transformers=transformers.__version__,
            python=platform.python_version(),
            results=NO_RESULTS,
            figures='\n'.join(f'| {k} | {v:.4f} |' for k, v in result.figures.items()),
        ),
        encoding='utf-8',
    )
    return path


def _options(config: TrainConfig) -> str:
    """Return the options that make this model instead of that of the defaults, paths by name."""
    options = {item.name: item.default for item in dataclasses.fields(config)}
    told = {name: getattr(config, name) for name in options if name not in UNTOLD}
    told = {'start': config.start} | told
    return ''.join(
        f' -o {name}={Path(value).name if name in PATHS else value}'
        for name, value in told.items()
        if value != options[name]
    )
