"""Read little words: prepositions, negations, conjunctions, questions."""

from __future__ import annotations

from eip_llm_interface.guard.verb_reading import VerbReading

__all__ = ['LittleReading']

ROLE_OF = {
    'in': 'target',
    'on': 'target',
    'over': 'target',
    'to': 'target',
    'near': 'target',
    'under': 'target',
    'against': 'target',
    'between': 'target',
    'behind': 'target',
    'with': 'instrument',
    'from': 'source',
    'for': 'beneficiary',
    'as': 'other',
    'about': 'other',
}
PLACING = frozenset({'put', 'wet', 'heat', 'ignite'})
INSIDE = ('in', 'on', 'under')
LINKS = {'so': 'purpose', 'once': 'when'}
RELATIONS = ('prep', 'with', 'from', 'by', 'to', 'of')


class LittleReading(VerbReading):
    """Lets little words steer roles, negation and clauses."""

    def _read_little(self, index: int) -> bool:
        word = self.words[index]
        kind, value = word.entry.little, word.entry.value
        clause = self.clause
        if kind == 'neg' and clause.empty and self.sentence_start and word.text[:3] == 'to ':
            clause.step.mode, self.fronted, self.negation = 'purpose', True, True
        elif kind == 'then':
            self._close('do' if clause.step.mode in ('do', 'state') else clause.step.mode)
            self.negation = False
        elif kind == 'conj':
            self.joined = True
            if value == 'along' and clause.step.verb is not None:
                clause.slot, clause.relation = 'object', ''
            if value == 'but':
                self.negation = False
        elif kind == 'subordinate':
            self._subordinate(value)
        elif kind == 'neg':
            self._negate(value, index)
        elif kind in RELATIONS:
            self._relate(kind, value, index)
        elif value == 'person2' and not self._phrase_follows(index):
            self._pronoun(word, 'person')
        elif word.text in ('both', 'all', 'these', 'those', 'that', 'this') and not (
            self._phrase_follows(index)
        ):
            self._pronoun(word, 'thing')
        elif word.text in LINKS and self._links(index):
            self._subordinate(LINKS[word.text])
        elif word.text == 'no' and self._phrase_follows(index):
            clause.slot, clause.relation = 'lacking', 'without'
        elif kind == 'det' or kind == 'possessive':
            clause.determined = True
            if kind == 'possessive' and value in ('person', 'person2'):
                clause.step.manners.add('others')
                clause.states |= {'owner_other'}
            elif value == 'user':
                clause.states |= {'mine'}
        elif kind == 'copula':
            clause.copula = True
            clause.passive = True
            if value == 'has' and clause.step.verb is None:
                clause.slot = 'told'
        elif kind == 'pron':
            self._pronoun(word, value)
        elif kind == 'question':
            self._question(value)
        elif kind == 'let' and self._lets_somebody(index):
            self._close(clause.step.mode)
        elif kind in ('polite', 'adverb', 'modal', 'subject', 'particle', 'let', 'catenative'):
            pass
        else:
            return False
        return True

    def _lets_somebody(self, index: int) -> bool:
        """Return whether 'and let', 'and have' starts a clause of somebody else."""
        if not self.joined or self.clause.step.verb is None or index + 1 >= len(self.words):
            return False
        return self.words[index + 1].entry.value != 'thing'

    def _links(self, index: int) -> bool:
        """Return whether a clause hangs on what was said: 'so the cat stays in'."""
        if self.clause.step.verb is None or not self.before.isalpha():
            return False
        is_subject = index + 1 < len(self.words) and self.words[index + 1].entry.little == 'subject'
        return is_subject or self._phrase_follows(index)

    def _relate(self, kind: str, value: str, index: int) -> None:
        """Let a preposition say what the next phrase is to the step."""
        word, clause = self.words[index], self.clause
        before = self.words[index - 1].text if index else ''
        is_state = kind in ('prep', 'from') and word.text in ('on', 'off')
        if is_state and clause.last is not None and not self._phrase_follows(index):
            marks = frozenset({word.text})
            clause.last.properties |= marks
            clause.step.states |= marks
        elif kind == 'of':
            if before in ('full', 'filled', 'made') and clause.last is not None:
                clause.slot = 'told'
            clause.of = clause.last is not None and clause.last.words == before
        elif kind == 'to' and clause.empty and self.sentence_start:
            clause.step.mode, self.fronted = 'purpose', True
        elif before == 'not' and clause.slot == 'replaced':
            pass
        elif kind == 'to':
            clause.slot, clause.relation = 'target', 'to'
        else:
            clause.slot, clause.relation = ROLE_OF.get(value, 'other'), value
            clause.determined = clause.of = False
            if kind == 'by' and index + 1 < len(self.words):
                clause.slot = 'instrument'
                placed = clause.step.effects & PLACING and not clause.step.effects & {'take'}
                if placed and not clause.passive and self.words[index + 1].text == 'the':
                    clause.slot, clause.relation = 'target', 'near'  # 'pour it by the stove'
            elif (
                value in INSIDE
                and clause.fact_order is not None
                and not self._phrase_follows(index)
            ):
                self._pronoun(word, 'thing')  # ', the cat inside': in it

    def _subordinate(self, value: str) -> None:
        fronted = self.clause.empty and not self.joined
        before = self.clause.step.order if not fronted else self.order
        mode = {'purpose': 'purpose', 'cause': 'purpose'}.get(value, 'condition')
        if value in ('before', 'after', 'while', 'until') and not fronted:
            mode = 'do'
        if value == 'if' and not fronted and self.clause.step.verb is None:
            mode = 'do'
        interrupted = self.clause
        self._close(mode)
        self.suspended = None if fronted else interrupted
        self.fronted = fronted
        self.negation = False
        if value == 'after' and not fronted:
            self.clause.step.order = before - 0.5
        elif value == 'while' and not fronted:
            self.clause.step.order = before - 0.25
            self.clause.step.aside = True
        if value == 'without':
            self.negation = True

    def _negate(self, value: str, index: int) -> None:
        clause = self.clause
        if value == 'without':
            if index + 1 < len(self.words) and self._next_is_ing(index + 1):
                self._close(clause.step.mode)
                self.negation = True
                return
            clause.slot, clause.relation = 'lacking', 'without'
            clause.determined = False
            return
        if value == 'instead':
            if index + 1 < len(self.words) and self._next_is_ing(index + 1):
                self._close('do')
                self.negation = True
                return
            clause.slot, clause.relation = 'replaced', 'instead'
            return
        if value == 'not' and self._contrasts(index):
            clause.slot, clause.relation = 'replaced', 'instead'
            return
        # Not to forget is to do.
        self.negation = not self.negation if value == 'omit' else True

    def _contrasts(self, index: int) -> bool:
        """Return whether 'not' sets a thing apart, as in 'the sponge, not the hand'."""
        if self.words[index].text != 'not' or self.clause.step.verb is None or self.clause.copula:
            return False
        after = self.words[index + 1].entry.little if index + 1 < len(self.words) else ''
        return after in ('det', 'possessive', 'prep', 'to')

    def _question(self, value: str) -> None:
        if value == 'how_to':
            self._close('tell')
            return
        if self.clause.empty:
            self.clause.step.mode = 'question'
        else:
            self._close('question')
