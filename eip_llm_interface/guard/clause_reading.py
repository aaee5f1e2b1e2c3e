"""The clause being read, and where clauses end."""

from __future__ import annotations

from itertools import pairwise

from eip_llm_interface.guard.clause import Clause
from eip_llm_interface.guard.lookahead import LookAhead
from eip_llm_interface.guard.quantities import quantity
from eip_llm_interface.guard.step import Mention, Step
from eip_llm_interface.guard.words import Word
from eip_llm_interface.knowledge.ontology import Knowledge

__all__ = ['ClauseReading']

SENTENCE_ENDS = frozenset('.;!?\n')


class ClauseReading(LookAhead):
    """Holds the clause being read and closes it into a step."""

    def __init__(self, knowledge: Knowledge, words: list[Word]) -> None:
        self.knowledge = knowledge
        self.words = words
        self.done: list[Step] = []
        self.clause = Clause('do', 0)
        self.negation = False
        self.joined = False
        self.fronted = False
        self.at_comma = False
        self.sentence_start = True
        self.order = 0.0
        self.next_order = 0.0
        self.aliases: dict[str, Mention] = {}
        self.owner = False
        self.before = ''
        self.suspended: Clause | None = None
        self.asked = 0  # where the steps of this sentence start

    def _extend(self, word: Word) -> None:
        step = self.clause.step
        if step.end == 0 or self.clause.empty:
            step.start = min(step.start, word.start) if step.end else word.start
        step.end = max(step.end, word.end)

    def _close(self, mode: str) -> None:
        clause = self.clause
        step = clause.step
        if self.fronted and step.mode == 'purpose' and mode == 'do' and not self.at_comma:
            step.mode = 'do'
        if not clause.empty:
            if step.verb is None and (clause.copula or clause.fact_order is not None):
                step.mode = 'state' if step.mode in ('do', 'condition') else step.mode
                step.order = min(step.order, self.order - 0.25)
            if step.mode == 'state' and clause.fact_order is not None:
                step.order = clause.fact_order
                self.done[-1].manners |= step.manners
            if clause.states and clause.last is not None:
                clause.last.properties |= frozenset(clause.states)
            if step.aside and self.done:
                self.done[-1].manners |= step.manners
                self.done[-1].numbers |= step.numbers
            self.done.append(step)
            self._bind_alias(step)
        self.order += 1.0
        self.suspended = None
        self.clause = Clause(mode, 0)
        self.clause.step.order = self.order
        self.joined = False

    def _bind_alias(self, step: Step) -> None:
        """Remember 'let X represent the crowd', 'call it X'."""
        if step.verb is None or 'alias' not in step.effects:
            return
        names = [m for m in step.mentions() if not m.known]
        meant = [m for m in step.roles.get('object', []) if m.known and not m.pronoun]
        if names and meant:
            for name in names:
                self.aliases[name.words] = meant[-1]

    def _resume(self) -> None:
        """Go on with the clause that a subordinate one between commas interrupted."""
        main = self.suspended
        assert main is not None
        self._close('do')
        self.done = [step for step in self.done if step is not main.step]
        self.clause, self.suspended = main, None

    def _comma(self, index: int) -> None:
        if self.fronted:
            self.at_comma = True
            self._close('do')
            self.fronted = self.negation = self.at_comma = False
            self.sentence_start = True
            return
        if self.clause.step.mode == 'condition' and self.clause.step.verb is not None:
            self._close('do')
            self.negation = False
            self.sentence_start = True
            return
        index = self._past_polite(index)
        if index + 1 < len(self.words):
            after = self.words[index + 1]
            if self._tells_then_asks(after):
                self._close('do')
                self.negation = False
                self.sentence_start = True
                return
            if self.suspended is not None and after.entry.little in ('prep', 'to', 'with', 'from'):
                self._resume()
                return
            if after.entry.verb is not None and after.entry.form in ('base', 'ing'):
                self.joined = True
                self.negation = self.negation and self._is_listed(index + 1)
            elif self._tells_fact(index):
                interrupted = self.clause
                self._close('do')
                self.clause.fact_order = interrupted.step.order - 0.25
                self.suspended = interrupted

    def _tells_fact(self, index: int) -> bool:
        """Return whether the comma at `index` leads from what is done to what is so."""
        is_done = self.clause.step.verb is not None and self.words[index].text == ','
        return is_done and self._fact_follows(index + 1)

    def _past_polite(self, index: int) -> int:
        """Return the index before the first word after `index` that is more than polite."""
        while index + 1 < len(self.words) and self.words[index + 1].entry.little == 'polite':
            index += 1
        return index

    def _tells_then_asks(self, after: Word) -> bool:
        """Return whether a told fact ends and a request starts: 'the cover is dirty, wipe it'."""
        clause, entry = self.clause, after.entry
        step = clause.step
        told = clause.copula and step.verb is None and clause.last is not None
        told = told and step.mode == 'do' and not step.aside and not step.manners
        return told and entry.verb is not None and entry.form == 'base' and entry.noun is None

    def _is_listed(self, index: int) -> bool:
        """Return whether 'or' joins what follows to the forbidden: 'do not push, hit or kick'."""
        for word, after in pairwise(self.words[index:]):
            if word.text in SENTENCE_ENDS or word.entry.little == 'then':
                return False
            if word.text in ('or', 'nor') and after.entry.verb is not None:
                return True
        return False

    def _read_number(self, index: int) -> int:
        word = self.words[index]
        found = quantity([item.text for item in self.words[index : index + 6]])
        if found is None:
            return index + 1
        name, value, used = found
        numbers = self.clause.step.numbers
        numbers[name] = max(value, numbers.get(name, value))
        self._extend(word)
        return index + used
