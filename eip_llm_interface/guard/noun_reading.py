"""Read nouns, pronouns and states into the roles of a clause."""

from __future__ import annotations

from eip_llm_interface.guard.clause_reading import ClauseReading
from eip_llm_interface.guard.step import Mention
from eip_llm_interface.guard.words import Word

__all__ = ['NounReading']

CARRIED = frozenset({'allergen', 'pet_poison', 'toxic', 'chemical', 'raw_meat', 'alcohol', 'drug'})
MADE_OF = frozenset(
    {'metal', 'meltable', 'plastic', 'wood', 'paper', 'fabric', 'flammable', 'absorbent'}
)
BODY = frozenset({'body', 'airway', 'eye', 'vulnerable'})
WHERE = frozenset({'home', 'outside', 'outdoors'})
LIVE = frozenset(
    {
        'being',
        'person',
        'animal',
        'pet',
        'child',
        'baby',
        'vulnerable',
        'weapon',
        'gun',
        'explosive',
    }
)


class NounReading(ClauseReading):
    """Puts what is spoken of into the roles of the clause."""

    def _noun(self, word: Word, index: int) -> None:
        noun = word.entry.noun
        assert noun is not None
        states = frozenset(self.clause.states)
        marks = noun.properties - LIVE if 'mock' in states else noun.properties
        mention = Mention(noun.name, word.text, marks | states, states=states)
        if noun.name in self.aliases:
            mention = self.aliases[noun.name]
        self._place(mention, word, self._adjacent(index))

    def _unknown(self, word: Word, index: int) -> None:
        if word.text in self.aliases:
            self._place(self.aliases[word.text], word, False)
            return
        is_name = word.capital and len(word.text) > 1
        marks = frozenset({'person', 'being', 'named'}) if is_name else frozenset()
        last = self.clause.last
        follows = last is not None and last.words == self.before and self.words[index - 1].capital
        if self.clause.determined or (last and follows and 'named' not in last.properties):
            marks = frozenset()  # 'the Kit Kats' are not somebody
        mention = Mention(word.text, word.text, marks | frozenset(self.clause.states), known=False)
        made = last is not None and last.words == self.before and 'material' in last.properties
        self._place(mention, word, made)

    def _adjacent(self, index: int) -> bool:
        """Return whether the word before is a noun that this one heads ('coffee mug')."""
        if index == 0 or self.clause.last is None:
            return False
        before = self.words[index - 1]
        if 'being' in self.clause.last.properties and self.words[index].text in WHERE:
            return False
        return before.entry.noun is not None and before.text == self.clause.last.words

    def _place(self, mention: Mention, word: Word, compound: bool) -> None:
        clause = self.clause
        self._extend(word)
        clause.states = set()
        clause.determined = False
        if {'limb', 'owner_other'} <= mention.properties:
            mention.properties |= frozenset({'body'})
        if 'group' in mention.properties and 'being' not in mention.properties:
            mention.properties -= {'group'}
        last = clause.last
        group = clause.step.roles.setdefault(clause.slot, [])
        if clause.of and last is not None:
            clause.of = False
            if 'part' in last.properties:
                mention.properties |= last.properties - {'part'} - {'object'}
                if last in group:
                    group[group.index(last)] = mention
                clause.last = mention
                return
            last.contents.append(mention)
            if 'being' not in mention.properties and mention.known:
                _make_part(last, BODY)
            return
        owner, self.owner = self.owner, False
        if (compound or owner) and last is not None and group and group[-1] is last:
            self._join(last, mention, owner)
            group[-1] = mention
            relation = clause.step.relations.pop(last.name, None)
            if relation is not None:
                clause.step.relations[mention.name] = relation
        else:
            if self._is_thrown_to(group, mention):
                clause.step.relation = clause.step.relations[group[0].name] = 'to'
                clause.step.roles['target'], group[:] = group[:], []
            if self.joined and group:
                self.joined = False
            group.append(mention)
            if clause.relation:
                clause.step.relations[mention.name] = clause.relation
                if clause.slot == 'target':
                    clause.step.relation = clause.relation
        if clause.slot == 'instrument' and clause.relation == 'with' and last is not None:
            last_is_holder = 'container' in last.properties or 'cookware' in last.properties
            if last_is_holder and 'object' in clause.step.roles:
                last.contents.append(mention)
        self.joined = False
        clause.last = mention

    def _is_thrown_to(self, before: list[Mention], thing: Mention) -> bool:
        """Return whether `thing` is thrown and who stands before it catches it: 'toss me a towel'.

        Other verbs keep both as objects, which the rules on giving expect.
        """
        clause = self.clause
        if clause.slot != 'object' or self.joined or clause.step.verb is None:
            return False
        if len(before) != 1 or 'target' in clause.step.roles:
            return False
        caught = 'being' in before[0].properties and 'being' not in thing.properties
        return caught and 'throw' in clause.step.verb.effects

    def _join(self, first: Mention, head: Mention, owner: bool) -> None:
        """Give the head noun what the noun before it tells: 'peanut cake', 'the baby's bed'."""
        head.properties |= first.states
        if 'being' in first.properties:
            head.properties = head.properties - {'mine'} | frozenset({'owned'})
            if 'limb' in head.properties:
                head.properties |= frozenset({'body'})
            self.clause.step.roles.setdefault('owner', []).append(first)
        elif owner:
            if first.known:
                _make_part(head, BODY - {'eye'})
        elif 'material' in first.properties:
            _make_part(head, BODY)
            head.properties |= first.properties & MADE_OF
        elif 'container' in head.properties or 'storage' in head.properties:
            head.contents.append(first)
        elif 'food' in head.properties:
            head.properties |= first.properties & CARRIED
        elif 'group' in first.properties:
            head.properties |= frozenset({'group'})

    def _pronoun(self, word: Word, value: str) -> None:
        roles = self.clause.step.roles
        if self.clause.relation == 'in' and roles.get('instrument') and roles.get('object'):
            roles['object'][-1].contents.extend(roles['instrument'])
            return
        if value == 'person':
            marks = frozenset({'person', 'being', 'pronoun_person'})
            mention = Mention('person', word.text, marks, pronoun=True)
        elif value == 'user':
            mention = Mention('user', word.text, frozenset({'person', 'being', 'user'}))
        else:
            mention = Mention('', word.text, frozenset(), pronoun=True)
        self._place(mention, word, False)

    def _state(self, states: frozenset[str], index: int) -> None:
        clause = self.clause
        after = self.words[index + 1] if index + 1 < len(self.words) else None
        postposed = after is None or (
            after.entry.noun is None
            and not after.entry.states
            and not after.capital
            and after.entry.little not in ('det',)
            and not (after.entry.verb is not None and after.entry.form in ('past', 'ing'))
            and bool(after.entry.little or after.text in '.,;!?' or after.entry.verb)
        )
        if postposed and clause.last is not None and not clause.determined:
            clause.last.properties |= states
            clause.step.states |= states
        else:
            clause.states |= states

    def _participle(self, word: Word, index: int) -> None:
        """A verb form that is no verb here: 'the heated mug', 'the burning stove'."""
        sense = word.entry.verb
        assert sense is not None
        if sense.leaves:
            self._state(sense.leaves, index)
        self._extend(word)


def _make_part(mention: Mention, marks: frozenset[str]) -> None:
    """Take `marks` off a body part that is one of a thing: a bottle's neck, a marble head."""
    if 'body' in mention.properties:
        mention.properties -= marks
