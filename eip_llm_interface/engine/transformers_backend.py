"""Any causal language model that `transformers` can load, from a directory or a hub name."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eip_llm_interface.engine.engine import CharGrammar, Generation, ModelError
from eip_llm_interface.engine.loading import EngineOptions, choose_device, end_tokens, load_model
from eip_llm_interface.engine.plan_vocabulary import PlanVocabulary
from eip_llm_interface.engine.prefill import candidate_log_probs, next_logits
from eip_llm_interface.engine.steering import Steering

__all__ = ['TransformersEngine']

MIB = 2**20


class TransformersEngine:
    """A loaded model. Threads take turns token by token, so that a verdict never waits for a plan.

    Raises ModelError when the model cannot be loaded.
    """

    def __init__(self, model: str | Path, options: EngineOptions | None = None) -> None:
        self._options = options or EngineOptions()
        self._device = choose_device(self._options.device)
        self._lock = threading.RLock()
        self._closed = False
        self._columns: dict[tuple[str, ...], list[int]] = {}
        self._name = Path(str(model)).name
        self._folder = Path(model) if Path(str(model)).is_dir() else None
        self._tokenizer, self._model = load_model(str(model), self._device, self._options)
        try:
            self._read_config()
        except AttributeError as error:
            raise ModelError(
                f'model {self._name} is not built like a language model ({error}); take another'
            ) from None

    @property
    def name(self) -> str:
        """Return the model's name: the directory's or hub name's last part."""
        return self._name

    @property
    def folder(self) -> Path | None:
        """Return the directory that the model was loaded from; None for a hub name."""
        return self._folder

    @property
    def device(self) -> str:
        """Return 'cpu' or 'cuda:N'."""
        return self._device

    @property
    def tokenizer(self) -> Any:
        """Return the tokenizer, e.g. for its chat template."""
        return self._tokenizer

    @property
    def settings(self) -> dict[str, Any]:
        """Return what config.json says under the key `eip`; empty if nothing."""
        settings = getattr(self._model.config, 'eip', None)
        return dict(settings) if isinstance(settings, dict) else {}

    def count_tokens(self, text: str) -> int:
        """Return how many tokens `text` is."""
        return len(self.token_ids(text))

    def score(self, prompts: Sequence[str], candidates: Sequence[str]) -> list[list[float]]:
        """Return the log-probabilities, among them, of the candidates' first tokens."""
        import torch

        if not prompts:
            return []
        self._open_or_raise()
        columns = self._first_tokens(tuple(candidates))
        with self._lock, torch.inference_mode():
            self._open_or_raise()
            ids, mask = self._batch(prompts)
            table = candidate_log_probs(self._model, self._accepts, ids, mask, columns)
        return [[float(value) for value in row] for row in table.cpu()]

    def generate(
        self,
        prompt: str,
        grammar: CharGrammar | None = None,
        max_tokens: int = 256,
        on_text: Callable[[str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        min_tokens: int = 0,
    ) -> Generation:
        """Continue `prompt` greedily, inside `grammar` when one is given.

        Without a grammar the end is not taken before `min_tokens`, for measuring.
        """
        import torch

        with torch.inference_mode():
            return self._generate(prompt, grammar, max_tokens, on_text, cancelled, min_tokens)

    def memory_mib(self) -> float:
        """Return weights and buffers plus, on a GPU, what PyTorch reserved for work, MiB."""
        if self._closed:
            return 0.0
        tensors = [*self._model.parameters(), *self._model.buffers()]
        seen = {tensor.data_ptr(): tensor.numel() * tensor.element_size() for tensor in tensors}
        weights = sum(seen.values()) / MIB
        return max(weights, self._reserved_mib())

    def release_memory(self) -> float:
        """Drop remembered grammar states and, on a GPU, PyTorch's unused blocks; return MiB.

        Remembered states are counted as 0: what Python gives back to the system is not known.
        """
        import torch

        with self._lock:
            before = self._reserved_mib()
            self._steering.forget()
            if self._device != 'cpu':
                torch.cuda.empty_cache()
            return max(before - self._reserved_mib(), 0.0)

    def close(self) -> None:
        """Let weights and tokenizer go."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._model = None
            self._steering.forget()
        self.release_memory()

    def _generate(
        self,
        prompt: str,
        grammar: CharGrammar | None,
        max_tokens: int,
        on_text: Callable[[str], None] | None,
        cancelled: Callable[[], bool] | None,
        min_tokens: int,
    ) -> Generation:
        import torch

        began = time.perf_counter()
        self._open_or_raise()
        cursor = None
        if grammar is not None:
            with self._lock:
                cursor = self._steering.cursor(grammar)
        ids, _ = self._batch([prompt])
        asked = ids[0]
        allowed = self._writable.tokens(asked)
        written: list[int] = []
        shown = ''
        first_s = 0.0
        cache = None
        finished = False
        while len(written) < max_tokens:
            if cancelled is not None and cancelled():
                break
            with self._lock:
                self._open_or_raise()
                logits, cache = next_logits(self._model, self._accepts, ids, cache, allowed)
            token = self._steering.choose(logits, cursor)
            if token is None:
                raise ModelError(f'model {self._name} has no token that continues the plan grammar')
            first_s = first_s or time.perf_counter() - began
            if token in self._ends and len(written) >= min_tokens:
                finished = True
                break
            fresh = [token]
            if cursor is not None:
                cursor.take(token)
                fresh += self._steering.forced(cursor)
            written += fresh
            shown = self._show(written, shown, on_text)
            if cursor is not None and cursor.ended():
                finished = True
                break
            ids = torch.tensor([fresh], device=self._device)
        return Generation(self._decode(written), len(asked), len(written), first_s, finished)

    def _read_config(self) -> None:
        """Read sizes and ends; a model that sees, too, keeps those of its text apart."""
        self._accepts = set(inspect.signature(self._model.forward).parameters)
        self._ends = end_tokens(self._model, self._tokenizer)
        config = self._model.config
        self._writable = PlanVocabulary(config, self._name, self._ends, self._device)
        spoken = config.get_text_config(decoder=True)
        self._longest = getattr(spoken, 'max_position_embeddings', None)
        skips = self._options.skip_forced_text
        self._steering = Steering(self._tokenizer, spoken.vocab_size, self._ends, skips)

    def _show(self, written: list[int], shown: str, on_text: Callable[[str], None] | None) -> str:
        if on_text is None:
            return shown
        text = self._decode(written)
        if len(text) > len(shown) and not text.endswith('\ufffd'):
            on_text(text[len(shown) :])
            return text
        return shown

    def _batch(self, prompts: Sequence[str]) -> tuple[Any, Any]:
        """Return token ids, padded on the left, and the mask; no mask when none is padded."""
        import torch

        rows = [self.token_ids(prompt) for prompt in prompts]
        width = max(len(row) for row in rows)
        self._check_length(width)
        pad = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows])
        if all(len(row) == width for row in rows):
            return ids.to(self._device), None
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        return ids.to(self._device), mask.to(self._device)

    def token_ids(self, text: str) -> list[int]:
        """Return the tokens of `text` as the model reads them."""
        bos = self._tokenizer.bos_token
        special = not (bos and text.startswith(bos))
        return list(self._tokenizer.encode(text, add_special_tokens=special))

    def _decode(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))

    def _check_length(self, width: int) -> None:
        longest = self._longest or width
        if width > longest:
            raise ModelError(
                f'prompt of {width} tokens is longer than the {longest} of model {self._name}; '
                'shorten the command or the scene'
            )

    def _first_tokens(self, candidates: tuple[str, ...]) -> list[int]:
        if candidates in self._columns:
            return self._columns[candidates]
        ids = [self._tokenizer.encode(text, add_special_tokens=False)[0] for text in candidates]
        if len(set(ids)) != len(ids):
            raise ModelError(
                f'model {self._name}: candidates {list(candidates)} begin with the same token'
            )
        self._columns = {candidates: ids}  # of the last ones: a format asks for the same always
        return ids

    def _reserved_mib(self) -> float:
        if self._device == 'cpu':
            return 0.0
        import torch

        return float(torch.cuda.memory_reserved(self._device)) / MIB

    def _open_or_raise(self) -> None:
        if self._closed:
            raise ModelError(f'model {self._name} was closed; make a new one')
