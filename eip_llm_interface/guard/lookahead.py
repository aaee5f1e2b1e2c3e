"""Questions about the words around one word."""

from __future__ import annotations

from eip_llm_interface.guard.words import NOTHING, Word
from eip_llm_interface.knowledge.lexicon import OWNER

__all__ = ['LookAhead']

MOTION = frozenset({'go', 'fly', 'follow', 'climb', 'wait', 'shoot'})
LIVING = frozenset({'being', 'body'})
BESIDE = frozenset({'prep', 'from', 'with', 'to', 'particle', 'adverb', 'modal', 'neg', 'polite'})
PHRASE_START = frozenset({'det', 'possessive', 'pron', 'number'})


class LookAhead:
    """Looks at the words that follow; changes nothing."""

    words: list[Word]

    def _next_is_ing(self, index: int) -> bool:
        entry = self.words[index].entry
        return entry.verb is not None and entry.form == 'ing'

    def _ing_follows(self, index: int) -> bool:
        return index + 1 < len(self.words) and self._next_is_ing(index + 1)

    def _phrase_follows(self, index: int) -> bool:
        """Return whether a noun phrase starts after `index`."""
        if index + 1 >= len(self.words):
            return False
        after = self.words[index + 1]
        entry = after.entry
        return (
            entry.little in PHRASE_START
            or entry.noun is not None
            or bool(entry.states)
            or after.capital
            or after.number is not None
            or (
                entry is not None
                and not entry.little
                and after.text.isalpha()
                and entry.verb is None
            )
            or (entry.verb is not None and entry.form in ('past', 'ing'))
        )

    def _describes(self, index: int) -> bool:
        """Return whether a state follows, so that 'gets' is 'becomes'."""
        if index + 1 >= len(self.words):
            return True
        after = self.words[index + 1].entry
        return bool(after.states) or (after.verb is not None and after.form == 'past')

    def _fact_follows(self, index: int) -> bool:
        """Return whether a fact is told from `index` on: ', the gate is shut', ', feet clear'."""
        place = index
        is_living = is_described = False
        while place < len(self.words) and self._in_phrase(place):
            entry = self.words[place].entry
            is_described = is_living and (bool(entry.states) or entry is NOTHING)
            if is_living and entry.little == 'det':
                return False
            is_living |= self._is_living(place)
            place += 1
        if place == index:
            return False
        if place == len(self.words):
            return is_described
        after = self.words[place]
        if after.text == OWNER:
            return self._is_short_is(place)
        if after.entry.little == 'copula' or (
            after.text in ('on', 'off') and self._clause_ends(place)
        ):
            return True
        beside = after.entry.little in BESIDE or after.entry.form in ('past', 'ing', 's')
        beside |= after.entry.verb is not None and self._clause_ends(place)
        return is_described or (is_living and beside)

    def _is_living(self, index: int) -> bool:
        word = self.words[index]
        is_being = word.entry.noun is not None and bool(LIVING & word.entry.noun.properties)
        return is_being or word.text == 'nobody'

    def _in_phrase(self, index: int) -> bool:
        """Return whether the word at `index` can be part of a noun phrase, or stands for one."""
        word = self.words[index]
        if word.text == OWNER:
            return not self._is_short_is(index)
        entry = word.entry
        if word.text in ',.;:!?()"\n' or entry.manners:
            return False
        kinds = ('det', 'possessive', 'number', 'pron', 'subject', '')
        return entry.little in kinds and (entry.noun is not None or entry.verb is None)

    def _is_short_is(self, index: int) -> bool:
        """Return whether the 's at `index` is short for is: "the diver's on deck"."""
        if index + 1 >= len(self.words):
            return False
        entry = self.words[index + 1].entry
        if entry.verb is not None and entry.form == 'ing':
            return entry.noun is None and not entry.states
        return entry.little in ('det', 'prep', 'neg', 'adverb', 'particle')

    def _noun_like(self, index: int) -> bool:
        """Return whether a word that can be both is followed as nouns are."""
        if index + 1 >= len(self.words):
            return True
        after = self.words[index + 1]
        if after.entry.little in ('det', 'possessive', 'pron', 'number') or after.capital:
            return False
        if after.entry.noun is not None or after.entry.states:
            return False
        sense = self.words[index].entry.verb
        if sense is not None and sense.effects & MOTION:
            return after.entry.little == 'copula'
        return after.entry.little != 'particle'

    def _likens(self, index: int) -> bool:
        """Return whether a word makes the noun after it a likeness: 'toy' in 'toy sword'."""
        after = self.words[index + 1] if index + 1 < len(self.words) else None
        entry = self.words[index].entry
        if entry.noun is None or 'material' in entry.noun.properties or after is None:
            return False
        return 'mock' in entry.states and after.entry.noun is not None

    def _object_follows(self, index: int) -> bool:
        if index + 1 >= len(self.words):
            return False
        after = self.words[index + 1]
        return (
            after.entry.little in ('det', 'possessive', 'pron', 'prep', 'with', 'from', 'to')
            or after.entry.noun is not None
            or after.capital
        )

    def _clause_ends(self, index: int) -> bool:
        if index + 1 >= len(self.words):
            return True
        after = self.words[index + 1]
        return after.text in ',.;!?' or after.entry.little in ('conj', 'then', 'subordinate')

    def _phrase_end(self, place: int, phrase: str) -> int:
        """Return the index after `phrase` when the words at `place` spell it, else 0."""
        spelled = ''
        for index in range(place, min(place + 5, len(self.words))):
            spelled = f'{spelled} {self.words[index].text}'.strip()
            if spelled == phrase:
                return index + 1
            if not phrase.startswith(spelled):
                return 0
        return 0

    def _closes_phrase(self, place: int) -> bool:
        if place + 1 >= len(self.words):
            return True
        after = self.words[place + 1]
        return (
            after.text in '.,;:!?"'
            or after.entry.little
            in (
                'conj',
                'then',
                'prep',
                'with',
                'subordinate',
                'polite',
                'from',
                'to',
                'adverb',
            )
            or bool(after.entry.manners)
        )

    def _answered_no(self, index: int) -> bool:
        """Return whether a question is answered by a plain 'no' at once."""
        spoken = [word.text for word in self.words[index : index + 3]]
        return spoken[:2] == ['?', 'no'] and spoken[2:] in ([], ['.'], [','], [':'], ['!'])

    def _number_follows(self, index: int) -> bool:
        return index + 1 < len(self.words) and self.words[index + 1].number is not None
