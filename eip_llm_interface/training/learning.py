"""The training loop: verdicts and plans in every step, checkpoints between."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from eip_llm_interface.training.batches import IGNORED, Row, batch_of, plan_batches, rivals
from eip_llm_interface.training.checkpoint import Reached, load_checkpoint, save_checkpoint
from eip_llm_interface.training.freed_memory import keep_freed_memory
from eip_llm_interface.training.lexical_model import LexicalModel
from eip_llm_interface.training.optimizer import Optimizer
from eip_llm_interface.training.progress_bar import ProgressBar
from eip_llm_interface.training.train_config import TrainConfig

__all__ = ['Answers', 'learn']

PLAN_WEIGHT = 5.0  # a plan's loss is a mean over many tokens, of which few are a choice
PLAN_DROPOUT = 0.05  # a plan copies marks, which a gap would hide
VERDICT_SHARE = 0.75  # of a step's tokens; plans have a grammar to help them
WARM_UP = 0.06
LAST_SHARE = 0.03
COMPILE_FROM = 2000  # steps: fewer do not make up for the time that compiling takes


class Answers:
    """The tokens that may be answered: verdict tokens, and those of plans and their prompts.

    Losses are taken over these alone, as in use a verdict is one of the former and a plan is
    written with the latter. `plans` [tokens] are those that stand in plans.
    """

    def __init__(
        self,
        verdicts: Sequence[int],
        rows: Sequence[Row],
        vocabulary: int,
        pair_weight: float = 0.0,
    ) -> None:
        """Take the verdict tokens, the harmless one first."""
        planned = [row for row in rows if row.is_plan]
        in_plans = {token for row in planned for token in row.ids[row.prompt :]}
        around = in_plans.union(*(row.ids for row in planned))
        self.safe = verdicts[0]
        self.verdicts = torch.tensor(verdicts)
        self._pair_weight = pair_weight
        self.plans = torch.tensor(sorted(in_plans))
        self._written = torch.tensor(sorted(around))
        self._places = []
        for tokens in (self.verdicts, self._written):
            places = torch.full((vocabulary,), IGNORED)
            places[tokens] = torch.arange(len(tokens))
            self._places.append(places)

    def loss(
        self,
        model: LexicalModel,
        hidden: Any,
        labels: Any,
        *,
        plan: bool,
        pairs: Sequence[tuple[int, int]] = (),
    ) -> Any:
        """Return the mean cross-entropy where `labels` [rows, width] is not IGNORED.

        `pairs` are rows (harmful, harmless) whose log odds of harm must lie apart; what that adds
        is the log loss of telling which is which.
        """
        where = labels != IGNORED
        tokens = (self._written if plan else self.verdicts).to(hidden.device)
        wanted = self._places[plan].to(hidden.device)[labels[where]]
        logits = (hidden[where] @ model.embed(tokens).T).float()
        loss = torch.nn.functional.cross_entropy(logits, wanted)
        if not pairs:
            return loss
        margins = logits[:, 1:].logsumexp(-1) - logits[:, 0]
        harmful, harmless = torch.tensor(pairs, device=hidden.device).T
        apart = margins[harmful] - margins[harmless]
        return loss + self._pair_weight * torch.nn.functional.softplus(-apart).mean()


def learn(
    model: LexicalModel,
    rows: Sequence[Row],
    answers: Answers,
    config: TrainConfig,
    device: str,
    control: Sequence[int],
    identity: str,
    progress: Callable[[int, int, float], None] | None,
) -> Reached:
    """Train `model` on `rows`, going on from a checkpoint of the same `identity`.

    `control` holds the ids that a gap may not hide, the padding first and the gap last. Returns
    how far the run has come, the stretches before an interruption included.
    """
    optimizer = Optimizer(model, config)
    reached = Reached()
    if config.resume:
        reached = load_checkpoint(config.output, model, optimizer, identity)
    began = time.monotonic() - reached.seconds
    autocast = torch.autocast(
        torch.device(device).type,
        dtype=torch.bfloat16,
        enabled=config.mixed_precision and _bfloat16_pays(device),
    )
    kept = torch.tensor(sorted(control), device=device)
    tokens = reached.tokens
    model.train()
    if device == 'cpu':
        keep_freed_memory()
        if config.steps - reached.step >= COMPILE_FROM:
            with autocast:
                model.compile_trunk(kept.repeat(2, 2))  # now, so that the bar starts honest
    with ProgressBar(config.steps, progress) as bar:
        for index, parts in _batches(rows, config, reached.step):
            torch.manual_seed(config.seed * 1_000_003 + index)
            total = 0.0
            for part in parts:
                ids, labels = batch_of([rows[i] for i in part], control[0], device)
                plan = rows[part[0]].is_plan
                is_paired = config.pair_weight and not plan
                pairs = rivals([rows[i] for i in part], answers.safe) if is_paired else []
                if not plan:
                    ids = _with_gaps(ids, kept, control[-1], config.gaps)
                noise = (PLAN_DROPOUT, 0.0) if plan else (config.dropout, config.meaning_alone)
                with autocast:
                    hidden = model(ids, *noise)
                    loss = answers.loss(model, hidden, labels, plan=plan, pairs=pairs)
                (loss * PLAN_WEIGHT if plan else loss).backward()
                total = total + loss.detach()
                tokens += sum(len(rows[i].ids) for i in part)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step(_schedule(index, config.steps))
            reached = Reached(index + 1, tokens, time.monotonic() - began)
            bar.show(reached.step, total)
            if reached.step % config.checkpoint_every == 0:
                save_checkpoint(config.output, model, optimizer, reached, identity)
    return reached


def _batches(
    rows: Sequence[Row], config: TrainConfig, start: int
) -> Iterator[tuple[int, list[list[int]]]]:
    """Yield (step, a batch of verdicts and one of plans) from `start` on.

    Both kinds in every step keep either from drowning the other. The order depends on the seed.
    """
    kinds = [[i for i, row in enumerate(rows) if row.is_plan is plan] for plan in (False, True)]
    shares = (VERDICT_SHARE, 1.0 - VERDICT_SHARE)
    streams = [
        _endless(rows, kind, int(config.batch_tokens * share), config.seed * 1000)
        for kind, share in zip(kinds, shares, strict=True)
        if kind
    ]
    for step, parts in enumerate(zip(*streams, strict=True)):
        if step >= config.steps:
            return
        if step >= start:
            yield step, list(parts)


def _endless(
    rows: Sequence[Row], chosen: Sequence[int], batch_tokens: int, seed: int
) -> Iterator[list[int]]:
    part = [rows[i] for i in chosen]
    for epoch in itertools.count():
        for batch in plan_batches(part, batch_tokens, seed + epoch):
            yield [chosen[i] for i in batch]


def _with_gaps(ids: Any, kept: Any, gap: int, share: float) -> Any:
    """Return `ids` with a share of the words hidden, so that no verdict hangs on one word."""
    hidden = (torch.rand(ids.shape, device=ids.device) < share) & ~torch.isin(ids, kept)
    return ids.masked_fill(hidden, gap)


def _schedule(step: int, steps: int) -> float:
    """Return the learning rate's share: linear warm-up, then a cosine down."""
    warm_up = max(1, int(steps * WARM_UP))
    if step < warm_up:
        return (step + 1) / warm_up
    done = (step - warm_up) / max(1, steps - warm_up)
    return LAST_SHARE + (1 - LAST_SHARE) * 0.5 * (1 + math.cos(math.pi * done))


def _bfloat16_pays(device: str) -> bool:
    """Return whether BF16 is computed by hardware; emulated it is slower than FP32."""
    if device != 'cpu':
        return bool(torch.cuda.is_bf16_supported())
    flags = Path('/proc/cpuinfo')
    return flags.is_file() and ('avx512_bf16' in (text := flags.read_text()) or 'amx_bf16' in text)
