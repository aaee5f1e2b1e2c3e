"""Load a causal language model and its tokenizer, or say in one line why not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eip_llm_interface.engine.engine import ModelError
from eip_llm_interface.engine.int8_weights import INT8_FILE, load_int8
from eip_llm_interface.engine.ngrams import NGRAM_FILE

__all__ = ['EngineOptions', 'choose_device', 'end_tokens', 'load_model', 'token_texts']

MIB = 2**20
STORED_BYTES = 4  # at most, of one number in a file of weights
WEIGHT_FILES = (INT8_FILE, 'model.safetensors', 'model.safetensors.index.json')
TOKENIZER_FILES = ('tokenizer.json', 'tokenizer.model', 'vocab.json')


@dataclass(frozen=True)
class EngineOptions:
    """How a model is loaded and run; see GPUConfig for what a user sets. 0 MiB is no limit."""

    device: str = 'auto'
    half_precision: bool = True
    efficient_attention: bool = True
    skip_forced_text: bool = False
    max_memory_mib: float = 0.0


def choose_device(wanted: str) -> str:
    """Return 'cuda:N' or 'cpu' for `wanted` ('auto', 'cpu', 'cuda', 'cuda:N').

    Raises ModelError when the wanted accelerator is not there.
    """
    import torch

    if wanted == 'auto':
        return 'cuda:0' if torch.cuda.is_available() else 'cpu'
    if wanted == 'cpu':
        return 'cpu'
    if not torch.cuda.is_available():
        raise ModelError(f'device {wanted} is not available: PyTorch sees no CUDA; use auto or cpu')
    index = int(wanted.partition(':')[2] or 0)
    if index >= torch.cuda.device_count():
        raise ModelError(f'device {wanted} is not there: CUDA has {torch.cuda.device_count()}')
    return f'cuda:{index}'


def load_model(name: str, device: str, options: EngineOptions) -> tuple[Any, Any]:
    """Return (tokenizer, model in evaluation mode on `device`).

    Only safetensors weights are read, never pickles, and no code that comes with a model is run.
    Raises ModelError naming the file and the remedy, also for a model over the memory limit.
    """
    local = Path(name).is_dir()
    if local:
        _check_directory(Path(name))
    elif Path(name).exists() or name.startswith(('/', './', '../', '~')) or not name:
        raise ModelError(
            f'model {name!r} is not a directory; give a directory or a Hugging Face hub name'
        )
    import torch

    dtype = torch.float32
    if device != 'cpu' and options.half_precision:
        dtype = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if local:
        least_mib = _stored_mib(Path(name)) * dtype.itemsize / STORED_BYTES
        _require_room(name, least_mib, options.max_memory_mib)
    try:
        if local and (Path(name) / INT8_FILE).is_file():
            tokenizer, model = _own(Path(name), dtype)
        else:
            tokenizer, model = _of_transformers(name, local, dtype, options)
    except Exception as error:
        raise ModelError(
            f'model {name} cannot be loaded ({_one_line(error)}); check its files or name'
        ) from None
    # Only now it is known what each number takes here, and at all what a model of a hub takes.
    _require_room(name, _held_mib(model), options.max_memory_mib)
    return tokenizer, _placed(name, model, device, options.max_memory_mib)


def _own(folder: Path, dtype: Any) -> tuple[Any, Any]:
    """Load a model of `eip train`, without `transformers`, which takes a second to import."""
    from eip_llm_interface.engine.nano_tokenizer import NanoTokenizer

    return NanoTokenizer(folder), load_int8(folder, dtype)


def _of_transformers(name: str, local: bool, dtype: Any, options: EngineOptions) -> tuple[Any, Any]:
    import transformers

    transformers.utils.logging.disable_progress_bar()
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(name, local_files_only=local)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = transformers.AutoModelForCausalLM.from_pretrained(
        name,
        local_files_only=local,
        use_safetensors=True,
        dtype=dtype,
        attn_implementation='sdpa' if options.efficient_attention else 'eager',
    )
    return tokenizer, model


def end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Return every token that ends a text for this model."""
    ends = [tokenizer.eos_token_id]
    config = getattr(model, 'generation_config', None)
    given = getattr(config, 'eos_token_id', None)
    ends += given if isinstance(given, list) else [given]
    return list(dict.fromkeys(end for end in ends if end is not None))


def token_texts(tokenizer: Any, vocabulary_size: int) -> list[str | None]:
    """Return what each token writes in the middle of a text; None for special or partial ones."""
    special = set(tokenizer.all_special_ids)
    anchor = tokenizer.encode(':', add_special_tokens=False)[-1]
    lead = tokenizer.decode([anchor])
    size = min(vocabulary_size, len(tokenizer))
    rows = [[anchor, token] for token in range(size)]
    backend = getattr(tokenizer, 'backend_tokenizer', None)
    if backend is None:
        texts = tokenizer.batch_decode(rows, clean_up_tokenization_spaces=False)
    else:  # the same, without looking at each row in Python first
        texts = backend.decode_batch(rows, skip_special_tokens=False)
    found = [
        None if token in special or '\ufffd' in text else text[len(lead) :]
        for token, text in enumerate(texts)
    ]
    return found + [None] * (vocabulary_size - size)


def _check_directory(folder: Path) -> None:
    config = folder / 'config.json'
    if not config.is_file():
        raise ModelError(f'model {folder} has no config.json; give the directory of a saved model')
    try:
        if 'model_type' not in json.loads(config.read_text(encoding='utf-8')):
            raise ValueError('field model_type is missing')
    except (ValueError, OSError, TypeError) as error:
        raise ModelError(f'model file {config} cannot be used ({error}); copy it again') from None
    if not any((folder / name).is_file() for name in WEIGHT_FILES):
        missing, copied = 'model.safetensors', 'save it with save_pretrained'
        if (folder / NGRAM_FILE).is_file():
            missing, copied = INT8_FILE, f'copy it from where {NGRAM_FILE} came from'
        raise ModelError(
            f'model {folder} has no {missing}; {copied} (pickled weights are not read)'
        )
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise ModelError(f'model {folder} has no tokenizer.json; copy the tokenizer beside it')


def _stored_mib(folder: Path) -> float:
    """Return the size on disk of the weights that are read; other copies do not count."""
    single = [folder / INT8_FILE, folder / 'model.safetensors']
    found = [file for file in single if file.is_file()][:1]
    found = found or list(folder.glob('model-*.safetensors'))
    return sum(file.stat().st_size for file in found) / MIB


def _held_mib(model: Any) -> float:
    tensors = [*model.parameters(), *model.buffers()]
    return float(sum(tensor.numel() * tensor.element_size() for tensor in tensors)) / MIB


def _require_room(name: str, least_mib: float, max_mib: float) -> None:
    if max_mib and least_mib > max_mib:
        raise ModelError(
            f'model {name} takes at least {least_mib:.0f} MiB, max_memory_mb is {max_mib:g}; '
            'raise it or take a smaller model'
        )


def _placed(name: str, model: Any, device: str, max_mib: float) -> Any:
    """Return `model` on `device`; on a GPU, PyTorch is held to the limit from now on."""
    import torch

    try:
        if device != 'cpu' and max_mib:
            total_mib = torch.cuda.get_device_properties(device).total_memory / MIB
            torch.cuda.set_per_process_memory_fraction(min(max_mib / total_mib, 1.0), device)
        return model.to(device).eval()
    except Exception as error:
        raise ModelError(
            f'model {name} cannot be moved to {device} ({_one_line(error)}); '
            'free memory there, or use another device or a smaller model'
        ) from None


def _one_line(error: Exception) -> str:
    text = ' '.join(str(error).split())
    return text[:300] or type(error).__name__
