"""Where a training run can go on: tensors only, no pickles."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ['Reached', 'load_checkpoint', 'save_checkpoint']

FILE = 'checkpoint.safetensors'
REMEMBERED = ('momentum_buffer', 'step', 'exp_avg', 'exp_avg_sq')


@dataclass(frozen=True)
class Reached:
    """How far a run has come in all its stretches: steps, tokens seen, seconds of learning."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


def save_checkpoint(
    folder: Path, model: Any, optimizer: Any, reached: Reached, identity: str
) -> None:
    """Write weights and optimizer state of a run; a half-written file never counts."""
    from safetensors.torch import save_file

    tensors = {}
    for name, parameter in model.named_parameters():
        tensors[f'weight.{name}'] = parameter.detach().cpu().contiguous()
        for key, value in optimizer.state_of(parameter).items():
            tensors[f'{key}.{name}'] = value.detach().cpu().contiguous()
    metadata = {'state': json.dumps({'reached': asdict(reached), 'identity': identity})}
    fresh = folder / f'{FILE}.new'
    save_file(tensors, fresh, metadata=metadata)
    fresh.replace(folder / FILE)


def load_checkpoint(folder: Path, model: Any, optimizer: Any, identity: str) -> Reached:
    """Restore what `save_checkpoint` wrote and return how far the run had come.

    `identity` tells runs apart: a checkpoint of another configuration is left alone.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.is_file():
        return Reached()
    try:
        with safe_open(path, framework='pt') as stored:
            state = json.loads(stored.metadata()['state'])
            if state['identity'] != identity:
                return Reached()
            reached = Reached(**state['reached'])
            _restore(stored, model, optimizer)
            return reached
    except (SafetensorError, KeyError, TypeError, ValueError):
        return Reached()


def _restore(stored: Any, model: Any, optimizer: Any) -> None:
    import torch

    keys = set(stored.keys())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(stored.get_tensor(f'weight.{name}'))
            optimizer.state_of(parameter).update(
                (key, stored.get_tensor(f'{key}.{name}').to(parameter.device))
                for key in REMEMBERED
                if f'{key}.{name}' in keys
            )
