"""What the teacher says of every sentence: fitted once, asked once, kept beside the run."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from eip_llm_interface.engine.nano_format import CATEGORIES, SAFE
from eip_llm_interface.evaluation.rows import SHIPPED, labelled_rows
from eip_llm_interface.evaluation.unseen import content_words, seen_words
from eip_llm_interface.training.checkpoint import load_checkpoint, save_checkpoint
from eip_llm_interface.training.corpus import Corpus
from eip_llm_interface.training.example import Example
from eip_llm_interface.training.progress_bar import ProgressBar
from eip_llm_interface.training.sentence_encoder import sentence_encoder
from eip_llm_interface.training.substitution import Substitution
from eip_llm_interface.training.teacher import Teacher, even_batches
from eip_llm_interface.training.train_config import TrainConfig
from eip_llm_interface.training.wordnet import WordNet

__all__ = ['ANSWERS', 'Lessons', 'learn_lessons']

ANSWERS = (SAFE, *(f'<{name}>' for name in CATEGORIES))
FILE = 'lessons.safetensors'
FOLDER = 'teacher'
BATCH_TOKENS = 2048
LEARNING_RATE = 1e-4
WARM_UP = 0.06
LAST_SHARE = 0.02

Told = Callable[[int, int, float], None] | None


@dataclass(frozen=True)
class Lessons:
    """What to learn beside and instead of labels.

    `added` are examples that only the teacher has labelled; `wanted` [examples, answers], float16,
    are the shares that each answer should get, for the training text and then for `added`.
    """

    added: tuple[Example, ...] = ()
    wanted: np.ndarray | None = None


def learn_lessons(
    config: TrainConfig,
    corpus: Corpus,
    wordnet: WordNet,
    by_text: tuple[Mapping[str, int], np.ndarray],
    device: str,
    autocast: Any,
    progress: Told = None,
) -> Lessons:
    """Return the teacher's lessons on the training text and on commands with other words put in.

    The teacher learns the labels first. What stands in `config.output` of an earlier run on the
    same text goes on, or is read when it is done. Raises SentenceEncoderError.
    """
    examples, identity = corpus.training, _identity(config, corpus)
    judged = [item for item in examples if not item.is_plan]
    prompts = [item.prompt for item in judged]
    rng = random.Random(f'{config.seed} substitution')
    apart = _words_of_tests()
    added = Substitution(wordnet, by_text, apart).prompts(prompts, config.unlabelled, rng)
    asked = [*prompts, *added]
    told = _stored(config.output / FILE, identity) if config.resume else None
    if told is None or len(told) != len(asked):
        teacher = _fitted(config, judged, device, autocast, identity, progress)
        with ProgressBar(len(asked), progress and _silent, 'asking the teacher') as bar:
            told = teacher.judge(asked, autocast, lambda done: bar.show(done, 0.0))
        _store(config.output / FILE, told, identity)
    return _mixed(examples, added, told, config.teacher_share)


def _mixed(
    examples: Sequence[Example], added: Sequence[str], told: np.ndarray, share: float
) -> Lessons:
    """Return the lessons: a label counts 1 - `share`, the teacher's word on it the rest."""
    wanted = np.zeros((len(examples) + len(added), len(ANSWERS)), np.float16)
    column = {answer: place for place, answer in enumerate(ANSWERS)}
    judged = [place for place, item in enumerate(examples) if not item.is_plan]
    wanted[judged] = share * told[: len(judged)]
    wanted[judged, [column[examples[place].target] for place in judged]] += 1 - share
    wanted[len(examples) :] = told[len(judged) :]
    best = told[len(judged) :].argmax(axis=1)
    made = [Example(p, ANSWERS[i], 'substituted') for p, i in zip(added, best, strict=True)]
    return Lessons(tuple(made), wanted)


def _fitted(
    config: TrainConfig,
    examples: Sequence[Example],
    device: str,
    autocast: Any,
    identity: str,
    progress: Told,
) -> Teacher:
    """Return the teacher after `teacher_epochs` readings of `examples`."""
    folder = config.output / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    teacher = Teacher(sentence_encoder(config.sentence_encoder), len(ANSWERS)).to(device)
    parameters = list(teacher.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.01, fused=True)
    rows = teacher.read([item.prompt for item in examples])
    wanted = torch.tensor([ANSWERS.index(item.target) for item in examples])
    batches = [
        batch
        for epoch in range(config.teacher_epochs)
        for batch in even_batches(
            rows, BATCH_TOKENS, random.Random(f'{config.seed} teacher {epoch}')
        )
    ]
    start = load_checkpoint(folder, teacher, optimizer, identity) if config.resume else 0
    teacher.train()
    with ProgressBar(len(batches), progress, 'teaching the teacher') as bar:
        for step in range(start, len(batches)):
            torch.manual_seed(config.seed * 1_000_003 + step)
            for group in optimizer.param_groups:
                group['lr'] = LEARNING_RATE * _schedule(step / len(batches))
            batch = batches[step]
            with autocast:
                odds = teacher([rows[i] for i in batch])
            loss = torch.nn.functional.cross_entropy(odds, wanted[batch].to(device))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            bar.show(step + 1, loss.detach())
            if (step + 1) % config.checkpoint_every == 0 or step + 1 == len(batches):
                save_checkpoint(folder, teacher, optimizer, step + 1, identity)
    return teacher


def _identity(config: TrainConfig, corpus: Corpus) -> str:
    """Return what tells one teacher, and what it was asked, from another."""
    names = ('seed', 'sentence_encoder', 'teacher_epochs', 'unlabelled', 'mixed_precision')
    values = {name: str(getattr(config, name)) for name in names}
    return f'{json.dumps(values, sort_keys=True)} {corpus.digest}'


def _schedule(done: float) -> float:
    """Return the learning rate's share: a warm-up, then a straight line down."""
    return max(LAST_SHARE, min(1.0, (done + 1e-6) / WARM_UP) * (1.0 - done))


def _words_of_tests() -> Collection[str]:
    """Return the words of the shipped test sets that the training text lacks: they stay unseen."""
    told = {
        word for path in SHIPPED for row in labelled_rows(path) for word in content_words(row.text)
    }
    return told - seen_words()


def _silent(step: int, steps: int, loss: float) -> None:
    """Hear nothing: asking has no loss."""


def _store(path: Path, told: np.ndarray, identity: str) -> None:
    from safetensors.numpy import save_file

    fresh = path.with_suffix('.new')
    save_file({'told': told}, fresh, metadata={'state': json.dumps({'identity': identity})})
    fresh.replace(path)


def _stored(path: Path, identity: str) -> np.ndarray | None:
    """Return what `_store` wrote for the same run, None when there is none."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, framework='np') as stored:
            if json.loads(stored.metadata()['state'])['identity'] != identity:
                return None
            told: np.ndarray = stored.get_tensor('told')
            return told
    except (SafetensorError, KeyError, TypeError, ValueError):
        return None
