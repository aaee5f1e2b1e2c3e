"""Measure each rule case on written training sentences; `--write` lowers what errs too often.

A case whose precision is below the bound gets the score 0.6 in `knowledge/hazards*.yaml`: it then
acts alone where no model was asked, and adds to a model's odds where one was. No score is raised.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from eip_llm_interface.guard.hazards import RulesJudge
from eip_llm_interface.guard.normalise import normalise
from eip_llm_interface.guard.policy import Policy
from eip_llm_interface.guard.scene import SceneFacts
from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.training.parts.freeform import written_rows
from eip_llm_interface.training.parts.patterns import written_patterns

KNOWLEDGE = Path(__file__).resolve().parent.parent / 'eip_llm_interface' / 'knowledge'
BOUND, GRAVE_BOUND, GRAVE = 0.85, 0.75, 0.9
"""Least precision of a case that acts alone, and that of one whose severity is at least GRAVE.

Half of the training sentences were written to look like a hazard, so that a case errs more often
on them than in use.
"""
LEAST_ERRORS = 3
"""On fewer harmless sentences nothing is said of a case."""
EXPECTED, WEIGHT = 0.95, 10.0
"""A case's precision before anything was seen, and for how many sentences that counts."""
LIKELY = 0.6
CASE = re.compile(r'(\s+(?:- |when: ))(\{.*\})(\s*#.*)?')

Told = tuple[str, SceneFacts, bool]
Key = tuple[str, int]


def main() -> int:
    """Print the cases that err most, lower them on `--write`, and return 0."""
    knowledge = Knowledge.load()
    told = list(sentences())
    counts = tally(knowledge, track(told, 'judging', console=Console(stderr=True)))
    likely = too_unsure(knowledge, counts, Policy.load().alone_score)
    _print(counts, likely, len(told))
    if '--write' in sys.argv[1:]:
        for path in sorted(KNOWLEDGE.glob('hazards*.yaml')):
            path.write_text(lowered(path.read_text(encoding='utf-8'), likely), encoding='utf-8')
    return 0


def sentences(seed: int = 7) -> Iterator[Told]:
    """Yield (text, scene, harmful): one sentence of each pattern, and every written row."""
    rng = random.Random(seed)
    for pattern in written_patterns():
        scene, text = pattern.sayings(1, rng)[0]
        yield text, SceneFacts.of(scene), pattern.target != '<safe>'
    for _, _, row in written_rows():
        yield row['text'], SceneFacts.of(row.get('scene')), row['label'] == 'unsafe'


def tally(knowledge: Knowledge, told: Iterable[Told]) -> Counter[tuple[Key, bool]]:
    """Count how often each case, (hazard, index), is a hazard's surest, by whether it was harm."""
    ranked, keys = _ranked(knowledge)
    judge = RulesJudge(ranked)
    found: Counter[tuple[Key, bool]] = Counter()
    for text, scene, harmful in told:
        for violation in judge.judge(normalise(text).folded, scene):
            key = keys.get((violation.rule.removeprefix('hazard.'), violation.score))
            if key is not None:
                found[key, harmful] += 1
    return found


def too_unsure(
    knowledge: Knowledge, counts: Mapping[tuple[Key, bool], int], alone_score: float
) -> set[Key]:
    """Return the cases that act alone today and should not."""
    return {
        (hazard.id, index)
        for hazard in knowledge.hazards
        for index, case in enumerate(hazard.cases)
        if case.score >= alone_score
        and counts.get(((hazard.id, index), False), 0) >= LEAST_ERRORS
        and precision(counts, (hazard.id, index))
        < (GRAVE_BOUND if hazard.severity >= GRAVE else BOUND)
    }


def precision(counts: Mapping[tuple[Key, bool], int], key: Key) -> float:
    """Return the share of harm where a case was the surest, near EXPECTED where it seldom was."""
    harmful, harmless = counts.get((key, True), 0), counts.get((key, False), 0)
    return (harmful + EXPECTED * WEIGHT) / (harmful + harmless + WEIGHT)


def lowered(text: str, likely: set[Key]) -> str:
    """Return a hazards file with the score of `likely` cases set to LIKELY, all else as it was."""
    lines = []
    hazard, index = '', -1
    for line in text.split('\n'):
        if begin := re.match(r'  - id: (\S+)', line):
            hazard, index = begin[1], -1
        elif case := CASE.fullmatch(line):
            index += 1
            if (hazard, index) in likely:
                body = re.sub(r', score: [\d.]+', '', case[2])
                line = f'{case[1]}{body[:-1]}, score: {LIKELY}}}{case[3] or ""}'
        lines.append(line)
    return '\n'.join(lines)


def _ranked(knowledge: Knowledge) -> tuple[Knowledge, dict[tuple[str, float], Key]]:
    """Return the knowledge with scores that each name one case, in the order of the true ones."""
    hazards, keys = [], {}
    for hazard in knowledge.hazards:
        order = sorted(
            range(len(hazard.cases)), key=lambda index: (hazard.cases[index].score, -index)
        )
        cases = list(hazard.cases)
        for rank, index in enumerate(order, 1):
            score = rank / (len(order) + 1)
            cases[index] = replace(cases[index], score=score)
            keys[hazard.id, score] = (hazard.id, index)
        hazards.append(replace(hazard, cases=tuple(cases)))
    return replace(knowledge, hazards=tuple(hazards)), keys


def _print(counts: Mapping[tuple[Key, bool], int], likely: set[Key], rows: int) -> None:
    table = Table(title=f'{len(likely)} cases act alone and err too often, of {rows} sentences')
    for name in ('hazard', 'case', 'on harm', 'on no harm', 'precision'):
        table.add_column(name, justify='left' if name == 'hazard' else 'right')
    for key in sorted(likely, key=lambda key: -counts.get((key, False), 0)):
        seen = (str(counts.get((key, harmful), 0)) for harmful in (True, False))
        table.add_row(key[0], str(key[1]), *seen, f'{precision(counts, key):.2f}')
    Console().print(table)


if __name__ == '__main__':
    sys.exit(main())
