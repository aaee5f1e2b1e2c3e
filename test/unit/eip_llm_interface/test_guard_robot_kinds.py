"""Hazards that bind only some kinds of robots."""

from __future__ import annotations

from pathlib import Path

import pytest

from eip_llm_interface.guard.guard import Guard
from eip_llm_interface.guard.policy import Policy
from eip_llm_interface.guard.verdict import Decision
from eip_llm_interface.knowledge.ontology import Knowledge, KnowledgeError
from eip_llm_interface.knowledge.rules import ROBOT_KINDS
from eip_llm_interface.planner.skills import SkillsManifest
from eip_llm_interface.safety_llm_config import SafetyLlmConfig

HAZARD = """
hazards:
  - id: too_quick_for_an_arm
    category: impact
    severity: 0.8
    why: An arm that moves so quickly crushes whoever is beside it.
    robots: {robots}
    when: {{do: go speed, over: {{speed_mps: 0.25}}}}
"""


@pytest.fixture
def knowledge(tmp_path: Path) -> Knowledge:
    path = tmp_path / 'arm.yaml'
    path.write_text(HAZARD.format(robots='[arm, industrial]'))
    return Knowledge.load([path])


def rejects(knowledge: Knowledge, kind: str) -> bool:
    guard = Guard(knowledge, Policy.load(), robot_kind=kind)
    return guard.judge('go to the table at 0.5 m/s').decision is Decision.REJECT


@pytest.mark.parametrize('kind', ['arm', 'industrial', ''])
def test_a_rule_binds_its_kinds_and_robots_of_no_known_kind(
    knowledge: Knowledge, kind: str
) -> None:
    assert rejects(knowledge, kind)


@pytest.mark.parametrize('kind', ['household', 'drone', 'vehicle', 'service'])
def test_a_rule_leaves_other_kinds_alone(knowledge: Knowledge, kind: str) -> None:
    assert not rejects(knowledge, kind)


def test_rules_without_kinds_bind_every_kind() -> None:
    for kind in ROBOT_KINDS:
        guard = Guard(Knowledge.load(), Policy.load(), robot_kind=kind)
        assert guard.judge('put the fork into the socket').decision is Decision.REJECT


@pytest.mark.parametrize('robots', ['[boat]', 'arm', '3', '[[arm]]'])
def test_an_unknown_kind_in_a_file_is_named_with_the_remedy(tmp_path: Path, robots: str) -> None:
    path = tmp_path / 'mine.yaml'
    path.write_text(HAZARD.format(robots=robots))
    with pytest.raises(KnowledgeError, match=r'mine\.yaml.*robots') as caught:
        Knowledge.load([path])
    assert '\n' not in str(caught.value)


def test_an_unknown_kind_of_robot_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KnowledgeError, match="robot_kind is 'boat', use one of"):
        Guard(Knowledge.load(), Policy.load(), robot_kind='boat')
    with pytest.raises(ValueError, match="robot_kind is 'boat', use one of"):
        SafetyLlmConfig(robot_kind='boat')


@pytest.mark.parametrize('kind', ROBOT_KINDS)
def test_manifest_and_parameter_know_the_same_kinds(kind: str) -> None:
    assert SkillsManifest.of({'robot': {'kind': kind}, 'skills': {'stop': None}}).robot_kind == kind
    assert SafetyLlmConfig(robot_kind=kind).robot_kind == kind


@pytest.mark.parametrize(('kind', 'is_bound'), [('', True), ('drone', True), ('vehicle', False)])
def test_the_limits_of_flying_bind_drones(kind: str, is_bound: bool) -> None:
    guard = Guard(Knowledge.load(), Policy.load(), robot_kind=kind)
    found = guard.judge('go to the depot at 25 m/s').violations
    assert ('hazard.drone_limits' in {violation.rule for violation in found}) is is_bound
