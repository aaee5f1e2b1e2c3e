"""A pretrained encoder that learns the verdicts first and then says how sure one may be of each.

What it says of a sentence, a share for every answer, teaches the small model more than the answer
alone, and it can say it of sentences that nobody labelled (Hinton et al. 2015, Tang et al. 2019).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

__all__ = ['Teacher', 'even_batches']

LONGEST = 256  # tokens; longer prompts lose their end
LOOSE_SIGN = re.compile(r" (?=[.,;:!?'])")
BATCH_TOKENS = 8192


class Teacher(nn.Module):
    """Reads verdict prompts as plain text; answers are columns, in the order of their tokens."""

    def __init__(self, folder: Path, answers: int) -> None:
        """Load the encoder in `folder`, with a new head for `answers` classes."""
        super().__init__()
        from transformers import AutoModel, AutoTokenizer

        self._read = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        loaded = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        self.encoder = loaded.float()
        self.head = nn.Linear(self.encoder.config.hidden_size, answers)
        self._dropout = nn.Dropout(0.1)

    def read(self, prompts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each prompt."""
        texts = [self._plain(prompt) for prompt in prompts]
        read: list[list[int]] = self._read(texts, truncation=True, max_length=LONGEST)['input_ids']
        return read

    def forward(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return the log odds [rows, answers] of token ids [rows][tokens]."""
        device = self.head.weight.device
        width = max(map(len, rows))
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros(len(rows), width)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row)
            mask[place, : len(row)] = 1.0
        ids, mask = ids.to(device), mask.to(device)
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        odds: torch.Tensor = self.head(self._dropout(mean))
        return odds.float()

    @torch.inference_mode()
    def judge(
        self,
        prompts: Sequence[str],
        autocast: Any,
        told: Callable[[int], None] = lambda done: None,
    ) -> np.ndarray:
        """Return the probability of each answer [prompts, answers], float16.

        `autocast` is the context to compute in; `told` hears how many prompts are done.
        """
        was_training = self.training
        self.eval()
        found = np.zeros((len(prompts), self.head.out_features), dtype=np.float16)
        done = 0
        for start in range(0, len(prompts), 50_000):
            rows = self.read(prompts[start : start + 50_000])
            for batch in even_batches(rows, BATCH_TOKENS):
                with autocast:
                    odds = self([rows[i] for i in batch])
                places = [start + i for i in batch]
                found[places] = odds.softmax(-1).cpu().numpy().astype(np.float16)
                done += len(batch)
                told(done)
        self.train(was_training)
        return found

    def _plain(self, prompt: str) -> str:
        """Return the prompt as a person would write it, the scene before the command."""
        parts = prompt.removeprefix('<bos>').removesuffix('<verdict>').split('<cmd>')
        tidy = (LOOSE_SIGN.sub('', ' '.join(part.split())) for part in parts)
        return f' {self._read.sep_token} '.join(part for part in tidy if part)


def even_batches(
    rows: Sequence[Sequence[int]], most: int, rng: random.Random | None = None
) -> Iterator[list[int]]:
    """Yield places of rows of like length, `most` padded tokens a batch; shuffled with `rng`."""
    noise = [2 * rng.random() if rng else 0.0 for _ in rows]
    batches: list[list[int]] = []
    widest = 0
    for place in sorted(range(len(rows)), key=lambda i: len(rows[i]) + noise[i]):
        widest = max(widest, len(rows[place]))
        if not batches or widest * (len(batches[-1]) + 1) > most:
            batches.append([])
            widest = len(rows[place])
        batches[-1].append(place)
    if rng:
        rng.shuffle(batches)
    yield from batches
