"""Weights as 8-bit integers with one scale a row: half of FP16 on disk, floats again in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ['INT8_FILE', 'load_int8', 'save_int8']

INT8_FILE = 'model.int8.safetensors'
SCALE = '.scale'
LARGEST = 127
LEAST = 1e-12


def save_int8(model: Any, folder: Path) -> Path:
    """Write config.json and `model`'s weights into `folder` and return the weights' path.

    Matrices are rounded to the nearest of 255 steps of their row's largest value (symmetric
    quantisation); vectors stay FP16. A tensor that two layers share is written once.
    """
    import torch
    from safetensors.torch import save_file

    tensors: dict[str, Any] = {}
    written: set[int] = set()
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() in written:
            continue
        written.add(tensor.data_ptr())
        values = tensor.detach().float().cpu()
        if values.dim() != 2:
            tensors[name] = values.half().contiguous()
            continue
        scale = values.abs().amax(dim=1, keepdim=True).clamp_min(LEAST) / LARGEST
        tensors[name] = (values / scale).round().to(torch.int8).contiguous()
        tensors[f'{name}{SCALE}'] = scale.contiguous()
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    path = folder / INT8_FILE
    save_file(tensors, path)
    path.chmod(0o644)
    return path


def load_int8(folder: Path, dtype: Any, attention: str) -> Any:
    """Return the model that `save_int8` wrote, its weights as `dtype`.

    Raises ValueError when tensors are missing or do not fit the configuration.
    """
    import transformers
    from safetensors.torch import load_file

    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    model = transformers.AutoModelForCausalLM.from_config(
        config, dtype=dtype, attn_implementation=attention
    )
    stored = load_file(folder / INT8_FILE)
    state = {
        name: (value.float() * scale if (scale := stored.get(f'{name}{SCALE}')) is not None
               else value).to(dtype)
        for name, value in stored.items()
        if not name.endswith(SCALE)
    }  # fmt: skip
    try:
        found = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise ValueError(f'{folder / INT8_FILE}: {error}') from None
    tied = {'lm_head.weight'} if config.tie_word_embeddings else set()
    wrong = [*(set(found.missing_keys) - tied), *found.unexpected_keys]
    if wrong:
        raise ValueError(f'{folder / INT8_FILE} does not fit config.json: {", ".join(wrong[:3])}')
    model.tie_weights()
    return model
