"""Weights as 8-bit integers with one scale a row: half of FP16 on disk, floats again in use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ['FACTORS', 'INT8_FILE', 'WORDS', 'load_int8', 'save_int8', 'stored_int8', 'write_int8']

INT8_FILE = 'model.int8.safetensors'
SCALE = '.scale'
LARGEST = 127
LEAST = 1e-12
WORDS = 'model.embed_tokens.weight'
FACTORS = ('words', 'lift')


def save_int8(model: Any, folder: Path) -> Path:
    """Write config.json and `model`'s weights into `folder` and return the weights' path.

    A tensor that two layers share is written once. Where the model has `factors` (words
    [tokens, size], lift [hidden, size]) of its embedding, these are written instead.
    """
    kept: dict[str, Any] = {}
    written: set[int] = set()
    state = model.state_dict()
    factors = getattr(model, 'factors', None)
    if factors is not None:
        written.add(state.pop(WORDS).data_ptr())
        state |= zip(FACTORS, factors, strict=True)
    for name, tensor in state.items():
        if tensor.data_ptr() in written:
            continue
        written.add(tensor.data_ptr())
        kept[name] = tensor.detach()
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    return write_int8(kept, folder)


def write_int8(state: Mapping[str, Any], folder: Path) -> Path:
    """Write tensors by name into `folder` and return the weights' path.

    Matrices are rounded to the nearest of 255 steps of their row's largest value (symmetric
    quantisation); vectors stay FP16.
    """
    import torch
    from safetensors.torch import save_file

    tensors: dict[str, Any] = {}
    for name, tensor in state.items():
        values = tensor.float().cpu()
        if values.dim() != 2:
            tensors[name] = values.half().contiguous()
            continue
        scale = values.abs().amax(dim=1, keepdim=True).clamp_min(LEAST) / LARGEST
        tensors[name] = (values / scale).round().to(torch.int8).contiguous()
        tensors[f'{name}{SCALE}'] = scale.contiguous()
    path = folder / INT8_FILE
    save_file(tensors, path)
    path.chmod(0o644)
    return path


def load_int8(folder: Path, dtype: Any) -> Any:
    """Return the NanoNetwork of the weights that `save_int8` wrote, as `dtype`.

    Raises ValueError when tensors are missing or do not fit the configuration.
    """
    from eip_llm_interface.engine.nano_network import NanoConfig, NanoNetwork

    config = NanoConfig.load(folder)
    weights = stored_int8(folder, dtype)
    if FACTORS[0] in weights and FACTORS[1] in weights:
        words, lift = (weights.pop(name) for name in FACTORS)
        weights[WORDS] = words @ lift.T
    try:
        return NanoNetwork.of(config, weights)
    except ValueError as error:
        raise ValueError(f'{folder / INT8_FILE} does not fit config.json: {error}') from None


def stored_int8(folder: Path, dtype: Any) -> dict[str, Any]:
    """Return the tensors that `save_int8` wrote, as `dtype` and by their names there."""
    from safetensors.torch import load_file

    stored = load_file(folder / INT8_FILE)
    return {
        name: (value.float() * scale if (scale := stored.get(f'{name}{SCALE}')) is not None
               else value).to(dtype)
        for name, value in stored.items()
        if not name.endswith(SCALE)
    }  # fmt: skip
