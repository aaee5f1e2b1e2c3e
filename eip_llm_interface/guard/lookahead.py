"""Questions about the words around one word."""

from __future__ import annotations

from eip_llm_interface.guard.words import Word

__all__ = ['LookAhead']

MOTION = frozenset({'go', 'fly', 'follow', 'climb', 'wait', 'shoot'})
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
        likens = 'mock' in entry.states and 'material' not in entry.noun.properties
        return likens and after is not None and after.entry.noun is not None

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

    def _in_phrase(self, place: int) -> bool:
        """Return whether a word can belong to a noun phrase or to 'will not' after it."""
        word = self.words[place]
        entry = word.entry
        if entry.little:
            return entry.little in ('det', 'possessive', 'of') or word.text in ('will', 'not')
        if entry.noun is not None or entry.states or word.text == '§':
            return True
        return entry.verb is None and word.text[0].isalnum()

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
