"""Where a training run can go on: tensors only, no pickles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ['load_checkpoint', 'save_checkpoint']

FILE = 'checkpoint.safetensors'


def save_checkpoint(folder: Path, model: Any, optimizer: Any, step: int, identity: str) -> None:
    """Write weights and optimizer state after `step` steps; a half-written file never counts."""
    from safetensors.torch import save_file

    tensors = {}
    for name, parameter in model.named_parameters():
        tensors[f'weight.{name}'] = parameter.detach().cpu().contiguous()
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f'{key}.{name}'] = value.detach().cpu().contiguous()
    metadata = {'state': json.dumps({'step': step, 'identity': identity})}
    fresh = folder / f'{FILE}.new'
    save_file(tensors, fresh, metadata=metadata)
    fresh.replace(folder / FILE)


def load_checkpoint(folder: Path, model: Any, optimizer: Any, identity: str) -> int:
    """Restore what `save_checkpoint` wrote and return the step; 0 when there is none that fits.

    `identity` tells runs apart: a checkpoint of another configuration is left alone.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.is_file():
        return 0
    try:
        with safe_open(path, framework='pt') as stored:
            state = json.loads(stored.metadata()['state'])
            if state['identity'] != identity:
                return 0
            _restore(stored, model, optimizer)
            return int(state['step'])
    except (SafetensorError, KeyError, TypeError, ValueError):
        return 0


def _restore(stored: Any, model: Any, optimizer: Any) -> None:
    import torch

    keys = set(stored.keys())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(stored.get_tensor(f'weight.{name}'))
            state = {}
            for key in ('step', 'exp_avg', 'exp_avg_sq'):
                if f'{key}.{name}' in keys:
                    value = stored.get_tensor(f'{key}.{name}')
                    state[key] = value if key == 'step' else value.to(parameter.device)
            if state:
                optimizer.state[parameter] = state
