"""The protocol every language model backend keeps, and the words it speaks in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

__all__ = ['CharGrammar', 'Engine', 'Generation', 'ModelError']


class ModelError(RuntimeError):
    """A model cannot be used; the text names the model, what is wrong and the remedy."""


@dataclass(frozen=True)
class Generation:
    """What one generation wrote; `finished` is False when it was cancelled or ran out of tokens."""

    text: str
    prompt_tokens: int
    generated_tokens: int
    time_to_first_token_s: float
    finished: bool


class CharGrammar(Protocol):
    """A language over characters; states are hashable, `advance` returns None off the language."""

    def start(self) -> Any:
        """Return the state before the first character."""
        ...

    def advance(self, state: Any, text: str) -> Any:
        """Return the state after `text`, or None where the language forbids it."""
        ...

    def is_final(self, state: Any) -> bool:
        """Return whether the text may end here."""
        ...


@runtime_checkable
class Engine(Protocol):
    """A causal language model that can be asked for next tokens; safe to call from any thread."""

    @property
    def name(self) -> str:
        """Return the model's name, as shown to people."""
        ...

    @property
    def device(self) -> str:
        """Return where it computes, e.g. 'cpu' or 'cuda:0'."""
        ...

    def score(self, prompts: Sequence[str], candidates: Sequence[str]) -> list[list[float]]:
        """Return log-probabilities of each candidate as the next token, one prefill for all.

        The probabilities are taken among the candidates and sum to 1. Shape: one list per prompt,
        one number per candidate. Only the first token of a candidate counts. Raises ModelError
        when two candidates begin with the same token.
        """
        ...

    def generate(
        self,
        prompt: str,
        grammar: CharGrammar | None = None,
        max_tokens: int = 256,
        on_text: Callable[[str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Generation:
        """Continue `prompt` greedily, inside `grammar` when one is given."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens `text` is for this model."""
        ...

    def memory_mib(self) -> float:
        """Return what weights and caches of this model hold, MiB."""
        ...

    def release_memory(self) -> float:
        """Drop what can be made again and return how much that was, MiB."""
        ...

    def close(self) -> None:
        """Let the weights go; calling it again does nothing."""
        ...
