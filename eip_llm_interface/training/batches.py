"""Examples as token batches: like lengths together, order decided by seed and step alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eip_llm_interface.training.example import Example

__all__ = ['Row', 'batch_of', 'plan_batches', 'rows_of']

IGNORED = -100


@dataclass(frozen=True)
class Row:
    """Token ids of one example; the first `prompt` of them are given, the rest are learnt."""

    ids: tuple[int, ...]
    prompt: int
    is_plan: bool


def rows_of(examples: Sequence[Example], tokenizer: Any, longest: int) -> list[Row]:
    """Return the examples as rows; those longer than `longest` tokens are left out."""
    prompts = tokenizer([item.prompt for item in examples], add_special_tokens=False)['input_ids']
    targets = tokenizer([item.target for item in examples], add_special_tokens=False)['input_ids']
    end = tokenizer.eos_token_id
    rows = []
    for example, prompt, target in zip(examples, prompts, targets, strict=True):
        tail = [*target, end] if example.is_plan else target
        if len(prompt) + len(tail) <= longest:
            rows.append(Row((*prompt, *tail), len(prompt), example.is_plan))
    return rows


def plan_batches(rows: Sequence[Row], batch_tokens: int, seed: int) -> list[list[int]]:
    """Return one epoch of batches as indices into `rows`, at most `batch_tokens` padded tokens."""
    rng = random.Random(seed)
    order = sorted(range(len(rows)), key=lambda i: (len(rows[i].ids) + 3 * rng.random(), i))
    batches: list[list[int]] = []
    batch: list[int] = []
    for index in order:
        width = max((len(rows[i].ids) for i in batch), default=0)
        if batch and max(width, len(rows[index].ids)) * (len(batch) + 1) > batch_tokens:
            batches.append(batch)
            batch = []
        batch.append(index)
    if batch:
        batches.append(batch)
    rng.shuffle(batches)
    return batches


def batch_of(rows: Sequence[Row], pad: int, device: str) -> tuple[Any, Any]:
    """Return (ids, labels), each [rows, width].

    A label stands where the token before it is read and is -100 where nothing is learnt. Padding
    stands on the right, where a causal model cannot see it.
    """
    import torch

    width = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), width), pad)
    labels = torch.full((len(rows), width), IGNORED)
    for index, row in enumerate(rows):
        length = len(row.ids)
        tokens = torch.tensor(row.ids)
        ids[index, :length] = tokens
        labels[index, row.prompt - 1 : length - 1] = tokens[row.prompt :]
    return ids.to(device), labels.to(device)
