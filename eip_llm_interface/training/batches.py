"""Examples as token batches: pairs and like lengths together, order decided by the seed alone."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eip_llm_interface.training.example import Example

__all__ = ['Row', 'batch_of', 'plan_batches', 'rivals', 'rows_of']

IGNORED = -100


@dataclass(frozen=True)
class Row:
    """Token ids of one example; the first `prompt` of them are given, the rest are learnt.

    Rows of one `group` differ in few words; one that belongs to none has an empty one.
    """

    ids: tuple[int, ...]
    prompt: int
    is_plan: bool
    group: str = ''

    @property
    def verdict(self) -> int:
        """Return the token that answers the prompt."""
        return self.ids[self.prompt]


def rows_of(examples: Sequence[Example], tokenizer: Any, longest: int) -> list[Row]:
    """Return the examples as rows; those longer than `longest` tokens are left out."""
    prompts = tokenizer([item.prompt for item in examples], add_special_tokens=False)['input_ids']
    targets = tokenizer([item.target for item in examples], add_special_tokens=False)['input_ids']
    end = tokenizer.eos_token_id
    rows = []
    for example, prompt, target in zip(examples, prompts, targets, strict=True):
        tail = [*target, end] if example.is_plan else target
        if len(prompt) + len(tail) <= longest:
            rows.append(Row((*prompt, *tail), len(prompt), example.is_plan, example.group))
    return rows


def plan_batches(rows: Sequence[Row], batch_tokens: int, seed: int) -> list[list[int]]:
    """Return one epoch of batches as indices into `rows`, at most `batch_tokens` padded tokens.

    A harmful and a harmless row of one group come together, as many as there are of both.
    """
    rng = random.Random(seed)

    def width(unit: Sequence[int]) -> int:
        return max(len(rows[i].ids) for i in unit)

    order = sorted(_units(rows, rng), key=lambda unit: (width(unit) + 3 * rng.random(), unit))
    batches: list[list[int]] = []
    batch: list[int] = []
    widest = 0
    for unit in order:
        widest = max(widest, width(unit))
        if batch and widest * (len(batch) + len(unit)) > batch_tokens:
            batches.append(batch)
            batch, widest = [], width(unit)
        batch.extend(unit)
    if batch:
        batches.append(batch)
    rng.shuffle(batches)
    return batches


def _units(rows: Sequence[Row], rng: random.Random) -> list[tuple[int, ...]]:
    """Return what must stay together: pairs of a group's rows whose verdicts differ, and the rest.

    Which row is paired with which is drawn anew each time.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    units: list[tuple[int, ...]] = []
    for index, row in enumerate(rows):
        if row.group:
            groups[row.group].append(index)
        else:
            units.append((index,))
    for members in groups.values():
        rng.shuffle(members)
        by_verdict = deque(sorted(members, key=lambda i: rows[i].verdict))
        while by_verdict:
            first = by_verdict.popleft()
            differs = by_verdict and rows[by_verdict[-1]].verdict != rows[first].verdict
            units.append((first, by_verdict.pop()) if differs else (first,))
    return units


def rivals(rows: Sequence[Row], safe: int) -> list[tuple[int, int]]:
    """Return (harmful, harmless) places in `rows` of each group's pairs; `safe` is that verdict."""
    harmless = defaultdict(list)
    for place, row in enumerate(rows):
        if row.group and row.verdict == safe:
            harmless[row.group].append(place)
    return [
        (place, other)
        for place, row in enumerate(rows)
        if row.verdict != safe
        for other in harmless[row.group]
    ]


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
