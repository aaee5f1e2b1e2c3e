"""Parse a command into steps: verb, roles, relation, manner, condition and order."""

from __future__ import annotations

from eip_llm_interface.guard.little_reading import LittleReading
from eip_llm_interface.guard.step import Step
from eip_llm_interface.guard.words import cut
from eip_llm_interface.knowledge.lexicon import OWNER
from eip_llm_interface.knowledge.ontology import Knowledge

__all__ = ['Parser']


class Parser:
    """Reads sentences with one knowledge; keeps no state between calls."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def parse(self, text: str) -> list[Step]:
        """Return the steps of `text` in the order in which they happen."""
        return _Reading(self._knowledge, cut(text, self._knowledge)).steps()


class _Reading(LittleReading):
    """One reading of one text."""

    def steps(self) -> list[Step]:
        """Return all steps, told facts and earlier steps first where words say so."""
        index = 0
        while index < len(self.words):
            index = self._read(index)
        self._close('do')
        self.done.sort(key=lambda step: step.order)
        return self.done

    def _read(self, index: int) -> int:
        word = self.words[index]
        entry = word.entry
        self.before = self.words[index - 1].text if index else ''
        if word.text in '.;!?\n':
            if not (word.text == '.' and self._number_follows(index)):
                self._close('do')
                if self._answered_no(index):
                    for step in self.done[self.asked :]:
                        step.mode = 'question' if step.mode == 'do' else step.mode
                self.asked = len(self.done)
                self.negation, self.sentence_start, self.fronted = False, True, False
            return index + 1
        if word.text == OWNER:
            self.owner = not self._is_short_is(index)
            self.clause.copula = self.clause.passive = self.clause.copula or not self.owner
            return index + 1
        if word.text in ',:()"':
            self._comma(index)
            return index + 1
        if word.number is not None:
            return self._read_number(index)
        if self._is_verb(index):
            return self._read_verb(index)
        if entry.little and self._read_little(index):
            self.clause.step.manners |= entry.manners
            self.sentence_start &= entry.little in ('polite', 'adverb', 'to', 'modal', 'subject')
            return index + 1
        self.sentence_start = False
        if entry.manners:
            self.clause.step.manners |= entry.manners
            self._extend(word)
            if entry.noun is None:
                return index + 1
        if entry.noun is not None and not self._likens(index):
            self._noun(word, index)
        elif entry.states:
            self._state(entry.states, index)
            self._extend(word)
        elif entry.verb is not None and not (entry.form == 'base' and self.clause.determined):
            self._participle(word, index)
        elif not entry.little:
            self._unknown(word, index)
        return index + 1
