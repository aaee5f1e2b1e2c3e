"""Written patterns: every choice once, pairs together, and bad lines named."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from eip_llm_interface.knowledge.inflect import noun_forms
from eip_llm_interface.training.data_files import CorpusError, load_yaml
from eip_llm_interface.training.parts import patterns
from eip_llm_interface.training.parts.patterns import (
    KINDS_TIMES,
    pattern_examples,
    written_patterns,
)


def write(folder: Path, text: str) -> None:
    (folder / 'patterns_test.txt').write_text(text, encoding='utf-8')


def test_choices_give_different_sentences_and_no_more_than_there_are(tmp_path: Path) -> None:
    write(tmp_path, 'u fire | {Put|Place} {foil|a fork|} in the microwave\n')
    (pattern,) = written_patterns(tmp_path)
    found = [text for _, text in pattern.sayings(50, random.Random(1))]
    assert len(found) == len(set(found)) == 6
    assert 'Put in the microwave' in found and 'Place a fork in the microwave' in found
    assert len(pattern.sayings(2, random.Random(1))) == 2


def test_lines_that_stand_together_are_one_group(tmp_path: Path) -> None:
    write(tmp_path, '# a remark\nu cut | a\ns none | b\n\ns cut @ nobody near | c\n')
    first, second, third = written_patterns(tmp_path)
    assert (first.target, second.target) == ('<cut>', '<safe>')
    assert first.group == second.group != third.group
    assert third.scene == 'nobody near'


def test_examples_carry_the_scene_and_never_a_choice(tmp_path: Path) -> None:
    write(tmp_path, 's crush @ a wall behind the box | push {it|the box}\n')
    found = list(pattern_examples(tmp_path, 5, random.Random(1)))
    assert len(found) == 2
    assert all('a wall behind the box<cmd>' in item.prompt for item in found)
    assert not list(pattern_examples(tmp_path, 0, random.Random(1)))


def test_a_kind_gives_its_words_with_their_article_and_more_sentences(tmp_path: Path) -> None:
    write(
        tmp_path, 'u food | {Boil|Fry} a [[fruit|garment]].\ns none | Wash the [[fruit*]] in one.\n'
    )
    one, many = written_patterns(tmp_path)
    found = [text for _, text in one.sayings(6, random.Random(1))]
    assert len(set(found)) == 6 * KINDS_TIMES
    kinds = load_yaml('kinds')
    words = {re.fullmatch(r'(?:Boil|Fry) (?:an?) (.*)\.', text)[1] for text in found}
    assert words <= {*kinds['fruit'], *kinds['garment']}
    plurals = {noun_forms(word)[1] for word in kinds['fruit']}
    assert {text[9:-8] for _, text in many.sayings(6, random.Random(1))} <= plurals


@pytest.mark.parametrize(
    ('kind', 'said'),
    [
        ('apple', 'Take an apple.'),
        ('pear', 'Take a pear.'),
        ('ewe', 'Take a ewe.'),
        ('one-year-old', 'Take a one-year-old.'),
        ('onion', 'Take an onion.'),
        ('heirloom', 'Take an heirloom.'),
        ('ukulele', 'Take a ukulele.'),
        ('unicycle', 'Take a unicycle.'),
        ('umbrella', 'Take an umbrella.'),
        ('utility knife', 'Take a utility knife.'),
    ],
)
@pytest.mark.parametrize('article', ['a', 'an', '{a|a}', 'a {|}'])
def test_articles_go_with_the_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: str, article: str
) -> None:
    monkeypatch.setattr(patterns, 'load_yaml', lambda _: {'thing': [kind]})
    write(tmp_path, f's none | Take {article} [[thing]].\n')
    (pattern,) = written_patterns(tmp_path)
    assert pattern.sayings(1, random.Random(1)) == [('', said)]


@pytest.mark.parametrize(
    ('kind', 'said'),
    [
        ('tongs', 'tongs'),
        ('glass', 'glasses'),
        ('mother-in-law', 'mothers-in-law'),
        ('chest of drawers', 'chests of drawers'),
        ('sheep', 'sheep'),
        ('berry', 'berries'),
    ],
)
def test_a_star_asks_for_the_plural(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    monkeypatch.setattr(patterns, 'load_yaml', lambda _: {'thing': [kind]})
    write(tmp_path, 's none | Count [[thing*]].\n')
    (pattern,) = written_patterns(tmp_path)
    assert pattern.sayings(1, random.Random(1)) == [('', f'Count {said}.')]


def test_a_kind_in_the_scene_is_named_as_well(tmp_path: Path) -> None:
    write(tmp_path, 'u crush @ a [[child|pet]] lies there | Back up.\n')
    (pattern,) = written_patterns(tmp_path)
    scenes, texts = zip(*pattern.sayings(6, random.Random(1)), strict=True)
    assert len(set(scenes)) == 6 * KINDS_TIMES and set(texts) == {'Back up.'}
    words = {scene.split(' ', 1)[1].removesuffix(' lies there') for scene in scenes}
    kinds = load_yaml('kinds')
    assert words <= {*kinds['child'], *kinds['pet']}


def test_every_kind_has_words_and_no_word_twice() -> None:
    kinds = load_yaml('kinds')
    assert len(kinds) > 50
    for name, words in kinds.items():
        assert len(words) == len(set(words)) > 10, name
        assert all(re.fullmatch("[a-z0-9][a-z0-9 '-]*", word) for word in words), name


@pytest.mark.parametrize(
    ('line', 'named'),
    [
        ('x fire | burn it', 'give s or u'),
        ('u fire burn it', 'give s or u'),
        ('u fire | burn {it|that', 'give s or u'),
        ('u fire | burn {it|{that|this}', 'give s or u'),
        ('u noise | shout', "category 'noise'"),
        ('u none | shout', "category 'none'"),
        ('u fire | burn the [[thingamajig]]', "kind 'thingamajig'"),
        ('u fire | burn the [[Pet]]', "kind 'Pet'"),
        ('u fire | burn the [[p*et]]', "kind 'p*et'"),
        ('u fire | burn the [[pet]', 'give s or u'),
        ('u fire @ {near | burn it', 'give s or u'),
        ('u fire @ a [[thingamajig]] is near | burn it', "kind 'thingamajig'"),
    ],
)
def test_a_bad_line_names_file_line_and_remedy(tmp_path: Path, line: str, named: str) -> None:
    write(tmp_path, f's none | go\n{line}\n')
    with pytest.raises(CorpusError, match=r'patterns_test\.txt:2') as caught:
        list(written_patterns(tmp_path))
    assert named in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'patterns_test.txt'
    path.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(CorpusError, match='UTF-8'):
        list(written_patterns(tmp_path))


def test_the_shipped_patterns_are_sound_and_half_harmless() -> None:
    found = list(written_patterns())
    assert len(found) > 5000
    share = sum(item.target == '<safe>' for item in found) / len(found)
    assert 0.4 < share < 0.6
    labels = {(item.text.lower(), item.scene): item.target == '<safe>' for item in found}
    counted = Counter((item.text.lower(), item.scene) for item in found)
    assert len(labels) == len(counted)
    torn = [
        item.text
        for item in found
        if labels[item.text.lower(), item.scene] != (item.target == '<safe>')
    ]
    assert not torn, 'the same text stands as harmless and as harmful'
