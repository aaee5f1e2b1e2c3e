"""Train the shipped model from scratch: corpus, tokenizer, weights, calibration, model card."""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eip_llm_interface.engine.loading import choose_device
from eip_llm_interface.engine.nano_format import CATEGORIES
from eip_llm_interface.training.batches import IGNORED, Row, batch_of, plan_batches, rows_of
from eip_llm_interface.training.calibrate import Calibration, fit_calibration, for_prior
from eip_llm_interface.training.checkpoint import load_checkpoint, save_checkpoint
from eip_llm_interface.training.corpus import Corpus, make_corpus
from eip_llm_interface.training.held_out import held_out_figures, verdict_margins
from eip_llm_interface.training.model_card import write_model_card
from eip_llm_interface.training.tokenizer import train_tokenizer
from eip_llm_interface.training.train_config import TrainConfig

__all__ = ['TrainConfig', 'TrainResult', 'train']

PLAN_WEIGHT = 5.0  # a plan's loss is a mean over many tokens, of which few are a choice
PROMPT_WEIGHT = 0.2
PROMPT_SHARE = 0.15
INITIAL_SPREAD = 0.06  # about 1 / sqrt(hidden_size): a model this small learns sooner so
WARM_UP = 0.04
MIB = 2**20


@dataclass(frozen=True)
class TrainResult:
    """What came of a training run."""

    output: Path
    parameters: int
    steps: int
    tokens: int
    seconds: float
    weights_mb: float
    figures: Mapping[str, float] = field(default_factory=dict)


def train(
    config: TrainConfig, progress: Callable[[int, int, float], None] | None = None
) -> TrainResult:
    """Train as `config` says, write the model into `config.output`, and return what came of it.

    `progress` hears (step, steps, loss); without it a progress bar is drawn on stderr. A run that
    was interrupted goes on where its last checkpoint stands.
    """
    import torch

    began = time.monotonic()
    config.output.mkdir(parents=True, exist_ok=True)
    if config.threads:
        torch.set_num_threads(config.threads)
    device = choose_device(config.device)
    corpus = make_corpus(config)
    tokenizer = _tokenizer(config, corpus)
    rows = rows_of(corpus.training, tokenizer, config.longest_tokens)
    torch.manual_seed(config.seed)
    model = _new_model(config, tokenizer).to(device)
    if progress is None:
        _say_what_it_takes(config, len(corpus.training), model, device)
    tokens = _learn(model, rows, config, device, tokenizer.pad_token_id, corpus.digest, progress)
    model.eval()
    margins = verdict_margins(model, tokenizer, corpus.held_out, device)
    calibration = fit_calibration(margins)
    figures = held_out_figures(margins, calibration, model, tokenizer, corpus.held_out, device)
    harmful = [harm for _, harm in margins]
    if any(harmful) and not all(harmful):
        share = sum(harmful) / len(harmful)
        calibration = for_prior(calibration, share, config.harm_prior)
    weights_mb = _save(model, tokenizer, calibration, corpus, config)
    result = TrainResult(
        output=config.output,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        steps=config.steps,
        tokens=tokens,
        seconds=time.monotonic() - began,
        weights_mb=weights_mb,
        figures=figures,
    )
    write_model_card(config, result, corpus, device)
    return result


def _tokenizer(config: TrainConfig, corpus: Corpus) -> Any:
    if config.start_from is not None:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(config.start_from, local_files_only=True)
    texts = (f'{item.prompt}{item.target}' for item in corpus.training)
    return train_tokenizer(texts, config.vocabulary_size)


def _say_what_it_takes(config: TrainConfig, examples: int, model: Any, device: str) -> None:
    from rich.console import Console

    parameters = sum(parameter.numel() for parameter in model.parameters())
    operations = 6.0 * parameters * config.steps * config.batch_tokens
    Console(stderr=True).print(
        f'{examples} examples, {parameters / 1e6:.1f} million parameters, {config.steps} steps of '
        f'up to {config.batch_tokens} tokens on {device}: {operations / 1e12:.0f} tera operations '
        f'(a CPU core does 0.05 to 0.2 a second), under 2 GB of memory; a checkpoint every '
        f'{config.checkpoint_every} steps in {config.output}'
    )


def _new_model(config: TrainConfig, tokenizer: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    if config.start_from is not None:
        import torch

        started = LlamaForCausalLM.from_pretrained(
            config.start_from, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
        return started.train()
    shape: Any = LlamaConfig
    model = LlamaForCausalLM(
        shape(
            vocab_size=len(tokenizer),
            hidden_size=config.hidden_size,
            intermediate_size=config.intermediate_size,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            num_key_value_heads=config.heads,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            initializer_range=INITIAL_SPREAD,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            attn_implementation='sdpa',
        )
    )
    if config.gradient_checkpointing:
        model.gradient_checkpointing_enable()
    return model.train()


def _learn(
    model: Any,
    rows: Sequence[Row],
    config: TrainConfig,
    device: str,
    pad: int,
    digest: str,
    progress: Callable[[int, int, float], None] | None,
) -> int:
    import torch

    optimizer = torch.optim.AdamW(
        _parameter_groups(model), lr=config.learning_rate, betas=(0.9, 0.95), fused=True
    )
    identity = f'{_identity(config)} {digest} {len(rows)}'
    step = load_checkpoint(config.output, model, optimizer, identity) if config.resume else 0
    autocast = torch.autocast(
        torch.device(device).type,
        dtype=torch.bfloat16,
        enabled=config.mixed_precision and _bfloat16_pays(device),
    )
    tokens = 0
    with _Bar(config.steps, progress) as bar:
        for index, parts in _batches(rows, config, step):
            for group in optimizer.param_groups:
                group['lr'] = config.learning_rate * _schedule(index, config.steps)
            total = 0.0
            for part in parts:
                ids, *labels = batch_of([rows[i] for i in part], pad, device)
                with autocast:
                    loss = _loss(model, ids, labels, config.seed + index)
                loss.backward()
                total = total + loss.detach()
                tokens += sum(len(rows[i].ids) for i in part)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            bar.show(index + 1, total)
            if (index + 1) % config.checkpoint_every == 0:
                save_checkpoint(config.output, model, optimizer, index + 1, identity)
    return tokens


def _batches(
    rows: Sequence[Row], config: TrainConfig, start: int
) -> Iterator[tuple[int, list[list[int]]]]:
    """Yield (step, a batch of verdicts and one of plans) from `start` on.

    Both kinds in every step keep either from drowning the other. The order depends on the seed.
    """
    kinds = [[i for i, row in enumerate(rows) if row.is_plan is plan] for plan in (False, True)]
    streams = [
        _endless(rows, kind, config.batch_tokens // 2, config.seed * 1000) for kind in kinds if kind
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


def _loss(model: Any, ids: Any, labels: Sequence[Any], seed: int) -> Any:
    """Return the weighted loss: verdict tokens, plan tokens, and a sample of the prompts'."""
    import torch

    verdicts, plans, prompts = labels
    sampler = torch.Generator().manual_seed(seed)
    sampled = torch.rand(prompts.shape, generator=sampler).to(ids.device) < PROMPT_SHARE
    prompts = prompts.masked_fill(~sampled, IGNORED)
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    total = hidden.new_zeros((), dtype=torch.float32)
    for wanted, weight in ((verdicts, 1.0), (plans, PLAN_WEIGHT), (prompts, PROMPT_WEIGHT)):
        where = wanted != IGNORED
        if bool(where.any()):
            logits = model.lm_head(hidden[where]).float()
            total = total + weight * torch.nn.functional.cross_entropy(logits, wanted[where])
    return total


def _parameter_groups(model: Any) -> list[dict[str, Any]]:
    matrices = [item for item in model.parameters() if item.dim() > 1]
    others = [item for item in model.parameters() if item.dim() <= 1]
    return [{'params': matrices, 'weight_decay': 0.1}, {'params': others, 'weight_decay': 0.0}]


def _schedule(step: int, steps: int) -> float:
    """Return the learning rate's share: linear warm-up, then a cosine down to a twentieth."""
    warm_up = max(1, int(steps * WARM_UP))
    if step < warm_up:
        return (step + 1) / warm_up
    done = (step - warm_up) / max(1, steps - warm_up)
    return 0.05 + 0.475 * (1 + math.cos(math.pi * done))


def _bfloat16_pays(device: str) -> bool:
    """Return whether BF16 is computed by hardware; emulated it is slower than FP32."""
    import torch

    if device != 'cpu':
        return bool(torch.cuda.is_bf16_supported())
    flags = Path('/proc/cpuinfo')
    return flags.is_file() and ('avx512_bf16' in (text := flags.read_text()) or 'amx_bf16' in text)


def _identity(config: TrainConfig) -> str:
    values = {key: str(value) for key, value in asdict(config).items()}
    for name in ('output', 'device', 'threads', 'resume', 'checkpoint_every', 'max_weights_mb'):
        values.pop(name)
    return json.dumps(values, sort_keys=True)


def _save(
    model: Any, tokenizer: Any, calibration: Calibration, corpus: Corpus, config: TrainConfig
) -> float:
    """Write config, tokenizer and FP16 weights; return the weights' size, MB."""
    import torch

    model.config.eip = {
        'format': 'nano-1',
        'categories': list(CATEGORIES),
        'calibration': {'temperature': calibration.temperature, 'bias': calibration.bias},
        'corpus': corpus.digest,
    }
    model.to('cpu', torch.float16).save_pretrained(config.output)
    tokenizer.save_pretrained(config.output)
    files = list(config.output.glob('model*.safetensors'))
    for file in files:
        file.chmod(0o644)
    weights_mb = sum(file.stat().st_size for file in files) / 1e6
    if weights_mb > config.max_weights_mb:
        raise ValueError(
            f'the weights take {weights_mb:.1f} MB, max_weights_mb is {config.max_weights_mb:g}; '
            'make the model smaller'
        )
    return weights_mb


class _Bar:
    """A progress bar on stderr, or the caller's own function."""

    def __init__(self, steps: int, told: Callable[[int, int, float], None] | None) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._steps = steps
        self._told = told
        self._bar = Progress(
            TextColumn('training'),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn('loss {task.fields[loss]:.3f}'),
            console=Console(stderr=True),
            disable=told is not None,
        )
        self._task = self._bar.add_task('training', total=steps, loss=math.nan)

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, step: int, loss: Any) -> None:
        if step % 10 and step != self._steps:
            return
        value = float(loss)
        self._bar.update(self._task, completed=step, loss=value)
        if self._told is not None:
            self._told(step, self._steps, value)
