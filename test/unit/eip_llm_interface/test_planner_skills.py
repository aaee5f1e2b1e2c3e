"""The manifest is checked when loaded; an error names file, line, field, value and remedy."""

import pytest

from eip_llm_interface.guard.scene import PersonFacts, SceneFacts, SceneObjectFacts
from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.planner.skills import SkillsError, SkillsManifest, slug

GOOD = {'skills': {'stop': None}}


def test_shipped_manifest_loads_with_kinds_the_knowledge_knows():
    manifest = SkillsManifest.load()
    assert {'go_to', 'pick', 'place', 'hand_over', 'open', 'stop'} <= set(manifest.skills)
    lexicon = Knowledge.load().lexicon
    for group in (manifest.places, manifest.objects, manifest.appliances):
        for item in group.values():
            assert lexicon.noun(item.kind) is not None, item


def test_scene_adds_objects_and_people():
    scene = SceneFacts(
        people=(PersonFacts('Anna B.'),), objects=(SceneObjectFacts('blue Cup', 'cup', 'table'),)
    )
    manifest = SkillsManifest.load()
    assert manifest.names('object', scene)['blue_cup'].at == 'table'
    assert 'anna_b' in manifest.names('person', scene)
    assert 'blue_cup' not in manifest.names('object')


def test_manifest_cannot_be_changed():
    manifest = SkillsManifest.load()
    with pytest.raises(TypeError):
        manifest.skills['fly'] = None


@pytest.mark.parametrize(
    ('data', 'words'),
    [
        (None, 'skills manifest is None'),
        ({}, 'field skills is None'),
        ({'skills': {}}, 'field skills is empty'),
        ({**GOOD, 'skill': {}}, 'field skill is unknown'),
        ({'skills': {'Go To': None}}, "name 'Go To'"),
        ({'skills': {'go': {'params': {}}}}, 'skills.go.params is unknown'),
        ({'skills': {'go': {'parameters': {'x': {'type': 'room'}}}}}, "type is 'room'"),
        (
            {'skills': {'go': {'parameters': {'x': {'type': 'number', 'maximum': 0}}}}},
            'range 0.0 to 0.0',
        ),
        (
            {'skills': {'go': {'parameters': {'x': {'type': 'number', 'maximum': 'far'}}}}},
            "maximum is 'far'",
        ),
        ({**GOOD, 'objects': {'cup': {'at': 'moon'}}}, "objects.cup.at is 'moon'"),
        ({**GOOD, 'objects': {'cup': {'aliases': 'mug'}}}, "aliases is 'mug'"),
        ({**GOOD, 'robot': {'kind': 'car'}}, "robot.kind is 'car'"),
        ({'skills': {True: None}}, 'key True'),
    ],
)
def test_wrong_manifest_is_named(data, words):
    with pytest.raises(SkillsError, match=words):
        SkillsManifest.of(data)


def test_error_names_file_and_line(tmp_path):
    path = tmp_path / 's.yaml'
    path.write_text('skills:\n  go:\n    parameters:\n      x: {type: room}\n')
    with pytest.raises(SkillsError, match=r's\.yaml:4: .*type'):
        SkillsManifest.load(path)
    path.write_text('skills: [')
    with pytest.raises(SkillsError, match='not YAML'):
        SkillsManifest.load(path)
    with pytest.raises(SkillsError, match='cannot be read'):
        SkillsManifest.load(tmp_path / 'none.yaml')


def test_slug():
    assert slug(' Blue-Cup no. 2 ') == 'blue_cup_no_2'
