"""Which token comes next where a grammar says what may be written."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from eip_llm_interface.engine.constraint import GrammarChoices, GrammarCursor, TokenTrie
from eip_llm_interface.engine.engine import CharGrammar
from eip_llm_interface.engine.loading import token_texts

__all__ = ['Steering']

TRIED_FIRST = 16
KEPT_GRAMMARS = 8


class Steering:
    """Chooses a model's tokens inside grammars, and remembers the states of the last few."""

    def __init__(
        self, tokenizer: Any, vocabulary: int, ends: Sequence[int], skip_forced_text: bool
    ) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._ends = ends
        self._skips = skip_forced_text
        self._trie: TokenTrie | None = None
        self._grammars: OrderedDict[int, GrammarChoices] = OrderedDict()

    def cursor(self, grammar: CharGrammar) -> GrammarCursor:
        """Return a cursor at the start of `grammar`."""
        choices = self._grammars.pop(id(grammar), None) or GrammarChoices(self._texts(), grammar)
        self._grammars[id(grammar)] = choices
        if len(self._grammars) > KEPT_GRAMMARS:
            self._grammars.popitem(last=False)
        return GrammarCursor(choices)

    def choose(self, logits: Any, cursor: GrammarCursor | None) -> int | None:
        """Return the likeliest token of `logits` [vocabulary] that may come; None: none may."""
        import torch

        if cursor is None:
            return int(logits.argmax())
        may_end = self._ends if cursor.may_end() else []
        for token in logits.topk(min(TRIED_FIRST, len(logits))).indices.tolist():
            if token in may_end or cursor.first_allowed([token]) is not None:
                return int(token)
        allowed = [*cursor.choices(), *may_end]
        if not allowed:
            return None
        index = torch.tensor(allowed, device=logits.device)
        return allowed[int(logits[index].argmax())]

    def forced(self, cursor: GrammarCursor) -> list[int]:
        """Advance `cursor` over what it forces and return its tokens, without asking the model.

        The last token is left to the model where the text may go on within it.
        """
        text = cursor.forced_text() if self._skips else ''
        if not text:
            return []
        tokens = list(self._tokenizer.encode(text, add_special_tokens=False))
        if not text.endswith('\n'):
            tokens.pop()
        texts = self._texts().texts
        if not text.startswith(''.join(texts[token] or '\0' for token in tokens)):
            return []
        for token in tokens:
            cursor.take(token)
        return tokens

    def forget(self) -> None:
        """Let the remembered states go."""
        self._grammars.clear()

    def _texts(self) -> TokenTrie:
        if self._trie is None:
            self._trie = TokenTrie(token_texts(self._tokenizer, self._vocabulary))
        return self._trie
