"""The optimizer: Muon for the trunk's matrices, AdamW for words, projection and scales."""

from __future__ import annotations

from typing import Any

import torch

from eip_llm_interface.training.lexical_model import LexicalModel
from eip_llm_interface.training.train_config import TrainConfig

__all__ = ['Optimizer']

WEIGHT_DECAY = 0.1


class Optimizer:
    """Two of PyTorch's optimizers as one.

    With Muon (https://kellerjordan.github.io/posts/muon/) the trunk learns in some two thirds of
    the steps that AdamW needs; its matrices alone are what it is made for.
    """

    def __init__(self, model: LexicalModel, config: TrainConfig) -> None:
        matrices = [item for item in model.trunk.parameters() if item.dim() == 2]
        taken = set(map(id, matrices))
        others = [item for item in model.parameters() if id(item) not in taken]
        groups = [
            {'params': [item for item in others if item.dim() > 1], 'weight_decay': WEIGHT_DECAY},
            {'params': [item for item in others if item.dim() <= 1], 'weight_decay': 0.0},
        ]
        self._parts: dict[torch.optim.Optimizer, float] = {
            torch.optim.Muon(
                matrices, weight_decay=WEIGHT_DECAY, adjust_lr_fn='match_rms_adamw'
            ): config.trunk_learning_rate,
            torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True): config.learning_rate,
        }
        self._owners = {
            parameter: part
            for part in self._parts
            for group in part.param_groups
            for parameter in group['params']
        }

    def step(self, share: float) -> None:
        """Move the weights at `share` of the learning rates, and forget the gradients."""
        for part, rate in self._parts.items():
            for group in part.param_groups:
                group['lr'] = rate * share
            part.step()
            part.zero_grad(set_to_none=False)

    def state_of(self, parameter: Any) -> dict[str, Any]:
        """Return what is remembered of a parameter, by name; to be changed in place."""
        state: dict[str, Any] = self._owners[parameter].state[parameter]
        return state
