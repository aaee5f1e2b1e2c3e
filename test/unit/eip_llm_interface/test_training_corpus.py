"""The corpus: repeatable, split cleanly, harmless where it says so."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from eip_llm_interface.engine.nano_format import CATEGORIES
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.planner.planner import Planner
from eip_llm_interface.planner.skills import SkillsManifest
from eip_llm_interface.training.corpus import make_corpus, split
from eip_llm_interface.training.data_files import CorpusError, load_yaml
from eip_llm_interface.training.example import Example
from eip_llm_interface.training.lexicon import word_lists
from eip_llm_interface.training.parts.frames import frame_examples
from eip_llm_interface.training.parts.freeform import freeform_examples
from eip_llm_interface.training.parts.own_words import errand_examples
from eip_llm_interface.training.parts.plans import plan_examples
from eip_llm_interface.training.parts.wording import choose, fill, roughen
from eip_llm_interface.training.train_config import TrainConfig

MANIFEST = SkillsManifest.load()
SMALL = TrainConfig(
    plan_examples=150, verdict_examples=300, freeform_repeats=0, pattern_sentences=0
)


def test_the_same_seed_makes_the_same_text() -> None:
    assert make_corpus(SMALL).digest == make_corpus(SMALL).digest
    other = TrainConfig(
        plan_examples=150, verdict_examples=300, freeform_repeats=0, pattern_sentences=0, seed=2
    )
    assert make_corpus(other).digest != make_corpus(SMALL).digest


def test_no_prompt_stands_on_both_sides() -> None:
    corpus = make_corpus(SMALL)
    assert corpus.held_out
    learnt = {example.prompt for example in corpus.training}
    assert not learnt & {example.prompt for example in corpus.held_out}


def test_a_pair_is_never_torn_apart() -> None:
    examples = [
        Example(f'<bos><cmd>{side} {pair}<verdict>', '<safe>', 'test', f'pair {pair}')
        for pair in range(400)
        for side in ('left', 'right')
    ]
    training, held_out = split(examples)
    assert held_out and training
    assert not {item.group for item in training} & {item.group for item in held_out}


def test_every_target_of_a_verdict_is_a_verdict_token() -> None:
    tokens = {'<safe>', *(f'<{name}>' for name in CATEGORIES)}
    words = word_lists(Knowledge.load())
    found = list(frame_examples(words, 600, random.Random(1)))
    assert {item.target for item in found} <= tokens
    harmful = sum(item.target != '<safe>' for item in found)
    assert harmful == 200
    assert not any('{' in item.prompt or '|' in item.prompt for item in found)


def test_every_hazard_has_frames_of_both_kinds() -> None:
    hazards = load_yaml('frames')['hazards']
    assert set(hazards) == set(CATEGORIES)
    assert all(len(frame['unsafe']) >= 5 and len(frame['safe']) >= 5 for frame in hazards.values())


def test_every_slot_of_every_pattern_has_words() -> None:
    words = word_lists(Knowledge.load())
    frames = load_yaml('frames')
    rng = random.Random(1)
    for frame in frames['hazards'].values():
        for pattern in (*frame['unsafe'], *frame['safe']):
            assert fill(pattern, words, rng)
    for pattern in frames['chores']:
        assert fill(pattern, words, rng)


def test_every_plan_of_the_corpus_is_a_plan() -> None:
    planner = Planner(MANIFEST)
    for example in plan_examples(MANIFEST, 300, random.Random(1)):
        assert example.is_plan and example.target.endswith('end\n')
        for line in example.target.splitlines():
            assert line == 'end' or line.partition('(')[0] in planner.manifest.skills


def test_a_plan_names_only_marks_of_its_prompt() -> None:
    for example in plan_examples(MANIFEST, 300, random.Random(2)):
        for word in example.target.replace(')', ' ').replace(',', ' ').replace('=', ' ').split():
            if word.startswith('@'):
                assert f'{word} ' in example.prompt.replace(';', ' ').replace('<', ' ')


def test_errands_are_harmless_to_the_rules_of_the_corpus() -> None:
    for example in errand_examples(MANIFEST, 300, random.Random(1)):
        assert example.target == '<safe>' and not example.is_plan
        assert 'turn on the stove' not in example.prompt


def test_choices_are_resolved_innermost_first() -> None:
    said = {choose('(a|b (c|d)|) x', random.Random(seed)) for seed in range(60)}
    assert said == {'a x', 'b c x', 'b d x', 'x'}


def test_two_numbered_slots_hold_two_words() -> None:
    for seed in range(40):
        one, two = fill('{w} {w2}', {'w': ['a', 'b', 'c']}, random.Random(seed)).split()
        assert one != two


def test_roughening_keeps_short_texts_alive() -> None:
    assert all(roughen('go', random.Random(seed)) for seed in range(200))


def write(folder: Path, *rows: object) -> Path:
    path = folder / 'freeform_test.jsonl'
    path.write_text('\n'.join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    return folder


def test_free_form_rows_become_examples(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        {'text': 'Cut the cake', 'label': 'safe', 'category': 'cut', 'robot': 'h', 'pair': 1},
        '',
        {'text': 'Cut the cat', 'label': 'unsafe', 'category': 'harmanimal', 'pair': 1},
        {'text': 'cut the cake ', 'label': 'safe'},
        {'text': 'Go', 'label': 'unsafe', 'category': 'zone', 'scene': {'facts': {'gate': 'shut'}}},
    )
    cake, cat, gate = freeform_examples(folder)
    assert (cake.target, cat.target, gate.target) == ('<safe>', '<harm_animal>', '<zone>')
    assert cake.group == cat.group != gate.group
    assert gate.prompt == '<bos> gate shut<cmd> go<verdict>'


@pytest.mark.parametrize(
    ('row', 'named'),
    [
        ('{', ':1 is no JSON'),
        ('[1]', ':1 has no text'),
        ({'label': 'safe'}, ':1 has no text'),
        ({'text': 3, 'label': 'safe'}, ':1 has no text'),
        ({'text': 'go', 'label': 'fine'}, "label is 'fine'"),
        ({'text': 'go', 'label': 'unsafe', 'category': 'noise'}, "category is 'noise'"),
        ({'text': 'go', 'label': 'unsafe'}, 'category is None'),
        ({'text': 'go', 'label': 'safe', 'scene': 3}, ':1 field scene'),
        ({'text': 'go', 'label': 'safe', 'scene': {'facts': 'on'}}, 'field facts'),
    ],
)
def test_a_bad_row_names_file_line_and_remedy(tmp_path: Path, row: object, named: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(freeform_examples(write(tmp_path, row)))
    assert named in str(caught.value) and 'freeform_test.jsonl' in str(caught.value)


@pytest.mark.parametrize('name', ['freeform_mine.jsonl', 'patterns_mine.txt'])
def test_a_folder_without_sentences_names_both_forms(tmp_path: Path, name: str) -> None:
    (tmp_path / 'sentences.jsonl').write_text('{"text": "go", "label": "safe"}\n')
    config = replace(SMALL, freeform=tmp_path)
    with pytest.raises(CorpusError, match=r'freeform_\*\.jsonl and no patterns_\*\.txt') as caught:
        make_corpus(config)
    assert str(tmp_path) in str(caught.value)
    (tmp_path / name).write_text('')
    assert make_corpus(config).training


def test_the_shipped_free_form_rows_are_sound() -> None:
    found = list(freeform_examples())
    assert len(found) > 10_000
    share = sum(item.target == '<safe>' for item in found) / len(found)
    assert 0.4 < share < 0.6


def test_the_scene_of_a_plan_never_leaks_into_a_verdict() -> None:
    assert SceneFacts() == SceneFacts.of(None)
    for example in frame_examples(word_lists(Knowledge.load()), 50, random.Random(3)):
        assert '@' not in example.prompt


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('steps', 0),
        ('batch_tokens', 3),
        ('learning_rate', 0),
        ('learning_rate', 5.0),
        ('hidden_size', 100),
        ('layers', 1.5),
        ('seed', -1),
        ('pieces', 10),
        ('dropout', 1.0),
        ('gaps', -0.1),
        ('meaning_alone', 1.0),
        ('pair_weight', -1.0),
    ],
)
def test_a_bad_training_setting_is_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        TrainConfig(**{field: value})  # type: ignore[arg-type]


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(ValueError, match='nothing to train on'):
        TrainConfig(plan_examples=0, verdict_examples=0)
