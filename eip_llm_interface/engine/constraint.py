"""Which tokens a character grammar allows next."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Hashable, Sequence

from eip_llm_interface.engine.engine import CharGrammar

__all__ = ['GrammarChoices', 'GrammarCursor', 'TokenTrie']

CACHED_STATES = 4096
MOST_FORCED = 80

# The tokens whose texts share their first `depth` characters: a span of the sorted texts.
_Span = tuple[int, int, int]


class TokenTrie:
    """All tokens of a vocabulary by their characters.

    `texts[i]` is what token i writes; None for a token that writes nothing of its own (special
    tokens, half a character). The walk visits only prefixes that the grammar allows, so that a
    state with few choices costs little, however large the vocabulary is. Branches are made when
    they are first walked.
    """

    def __init__(self, texts: Sequence[str | None]) -> None:
        self.texts = texts
        self._alphabet = tuple(sorted(set().union(*filter(None, texts))))
        ordered = sorted((text, token) for token, text in enumerate(texts) if text)
        self._texts = [text for text, _ in ordered]
        self._tokens = [token for _, token in ordered]
        self._branches: dict[_Span, list[tuple[str, list[int], _Span]]] = {}

    @property
    def alphabet(self) -> tuple[str, ...]:
        """Return every character that some token writes."""
        return self._alphabet

    def allowed(self, grammar: CharGrammar, state: Hashable) -> list[tuple[int, Hashable]]:
        """Return every token that may follow `state`, with the state after it."""
        found: list[tuple[int, Hashable]] = []
        stack: list[tuple[_Span, Hashable]] = [((0, len(self._texts), 0), state)]
        while stack:
            span, here = stack.pop()
            for char, tokens, longer in self._branches_of(span):
                after = grammar.advance(here, char)
                if after is None:
                    continue
                found.extend((token, after) for token in tokens)
                if longer[0] < longer[1]:
                    stack.append((longer, after))
        return found

    def _branches_of(self, span: _Span) -> list[tuple[str, list[int], _Span]]:
        """Return (next character, tokens that end with it, the longer ones) for each character."""
        known = self._branches.get(span)
        if known is not None:
            return known
        start, end, depth = span
        made = []
        while start < end:
            prefix = self._texts[start][: depth + 1]
            last = bisect_right(self._texts, prefix, start, end, key=lambda text: text[: depth + 1])
            after = bisect_right(self._texts, prefix, start, last)
            made.append((prefix[-1], self._tokens[start:after], (after, last, depth + 1)))
            start = last
        self._branches[span] = made
        return made


class GrammarChoices:
    """One grammar over one vocabulary; choices are remembered per state, for all threads."""

    def __init__(self, trie: TokenTrie, grammar: CharGrammar) -> None:
        self.grammar = grammar
        self.texts = trie.texts
        self._trie = trie
        self._known: OrderedDict[Hashable, dict[int, Hashable]] = OrderedDict()
        self._forced: OrderedDict[Hashable, str] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, state: Hashable) -> dict[int, Hashable] | None:
        """Return the remembered choices in `state`, None when it was not walked yet."""
        return self._known.get(state)

    def of(self, state: Hashable) -> dict[int, Hashable]:
        """Return the tokens allowed in `state`, each with the state after it."""
        found = self._known.get(state)
        if found is None:
            found = dict(self._trie.allowed(self.grammar, state))
            with self._lock:
                self._known[state] = found
                if len(self._known) > CACHED_STATES:
                    self._known.popitem(last=False)
        return found

    def forced_after(self, state: Hashable) -> str:
        """Return the characters that must follow `state`, empty where there is a choice."""
        known = self._forced.get(state)
        if known is not None:
            return known
        text, here = '', state
        while len(text) < MOST_FORCED and not self.grammar.is_final(here):
            steps = [
                (c, s)
                for c in self._trie.alphabet
                if (s := self.grammar.advance(here, c)) is not None
            ]
            if len(steps) != 1:
                break
            text, here = text + steps[0][0], steps[0][1]
        with self._lock:
            self._forced[state] = text
            if len(self._forced) > CACHED_STATES:
                self._forced.popitem(last=False)
        return text

    @property
    def remembered(self) -> int:
        """Return how many states are remembered."""
        return len(self._known) + len(self._forced)


class GrammarCursor:
    """Where one generation stands in its grammar."""

    def __init__(self, choices: GrammarChoices) -> None:
        self._shared = choices
        self._state: Hashable = choices.grammar.start()

    def choices(self) -> dict[int, Hashable]:
        """Return the tokens allowed now, each with the state after it."""
        return self._shared.of(self._state)

    def forced_text(self) -> str:
        """Return the characters that must come next, empty where there is a choice."""
        return self._shared.forced_after(self._state)

    def first_allowed(self, ranked: Sequence[int]) -> int | None:
        """Return the first of `ranked` that the grammar allows now, None when none is.

        A model that knows the grammar ranks an allowed token first, and most states then never
        need the walk over the vocabulary.
        """
        known = self._shared.known(self._state)
        for token in ranked:
            if token in known if known is not None else self._after(token) is not None:
                return token
        return None

    def may_end(self) -> bool:
        """Return whether the text may end here."""
        return self._shared.grammar.is_final(self._state)

    def ended(self) -> bool:
        """Return whether the text must end here."""
        return self.may_end() and not self.choices()

    def take(self, token: int) -> None:
        """Advance over `token`; raises ValueError when the grammar forbids it."""
        after = self._after(token)
        if after is None:
            raise ValueError(f'token {token} is not in the plan grammar here')
        self._state = after

    def _after(self, token: int) -> Hashable | None:
        state: Hashable | None = self._state
        text = self._shared.texts[token]
        if not text:
            return None
        for char in text:
            state = self._shared.grammar.advance(state, char)
            if state is None:
                return None
        return state
