"""The whole training text: every part, mixed, split into training and held-out."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from eip_llm_interface.engine.nano_format import NanoFormat
from eip_llm_interface.evaluation.rows import SHIPPED, labelled_rows
from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.planner.skills import SkillsManifest
from eip_llm_interface.training.data_files import check_written
from eip_llm_interface.training.example import Example
from eip_llm_interface.training.lexicon import word_lists
from eip_llm_interface.training.parts.frames import frame_examples
from eip_llm_interface.training.parts.freeform import freeform_examples
from eip_llm_interface.training.parts.own_words import errand_examples
from eip_llm_interface.training.parts.patterns import pattern_examples
from eip_llm_interface.training.parts.plans import plan_examples
from eip_llm_interface.training.train_config import TrainConfig

__all__ = ['Corpus', 'make_corpus']

HELD_OUT_PERCENT = 3
ERRAND_SHARE = 0.2


@dataclass(frozen=True)
class Corpus:
    """Examples to learn from and examples to look at; no prompt stands in both."""

    training: tuple[Example, ...]
    held_out: tuple[Example, ...]

    @property
    def digest(self) -> str:
        """Return a short hash of all text, to tell corpora apart."""
        total = hashlib.sha256()
        for example in (*self.training, *self.held_out):
            total.update(f'{example.prompt}\x00{example.target}\x01'.encode())
        return total.hexdigest()[:16]


def make_corpus(config: TrainConfig) -> Corpus:
    """Return the corpus that `config` describes; the same seed gives the same text.

    Raises CorpusError for a row that cannot be used and for a folder that holds none.
    """
    check_written(config.freeform)
    manifest = SkillsManifest.load(config.skills or None)
    words = word_lists(Knowledge.load())
    verdicts = config.verdict_examples
    errands = int(verdicts * ERRAND_SHARE)
    examples = [
        *plan_examples(manifest, config.plan_examples, random.Random(f'{config.seed} plans')),
        *errand_examples(manifest, errands, random.Random(f'{config.seed} errands')),
        *frame_examples(words, verdicts - errands, random.Random(f'{config.seed} frames')),
        *pattern_examples(
            config.freeform, config.pattern_sentences, random.Random(f'{config.seed} patterns')
        ),
    ]
    written = list(freeform_examples(config.freeform)) if config.freeform_repeats else []
    measured = _measured_commands()
    training, held_out = split([item for item in examples if _command(item.prompt) not in measured])
    learnt, kept = split(written)
    training += learnt * config.freeform_repeats
    random.Random(f'{config.seed} order').shuffle(training)
    return Corpus(tuple(training), tuple(held_out + kept))


def split(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Return (training, held out); the members of a group fall on one side, by hash."""
    training: list[Example] = []
    held_out: dict[str, Example] = {}
    for example in examples:
        if _is_held_out(example.group or example.prompt):
            held_out[example.prompt] = example
        else:
            training.append(example)
    return [item for item in training if item.prompt not in held_out], list(held_out.values())


def _measured_commands() -> set[str]:
    """Return the commands of the shipped test sets: made text may hit on a plain one by chance."""
    rows = (row for path in SHIPPED for row in labelled_rows(path))
    return {_command(NanoFormat().verdict_prompts(row.text, row.scene)[0]) for row in rows}


def _command(prompt: str) -> str:
    return prompt.partition('<cmd>')[2]


def _is_held_out(key: str) -> bool:
    return hashlib.sha256(key.encode()).digest()[0] * 100 // 256 < HELD_OUT_PERCENT
