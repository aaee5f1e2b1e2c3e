"""How rule violations and a model's opinion become one verdict: numbers from a file."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from eip_llm_interface.guard.findings import EXPLANATIONS
from eip_llm_interface.guard.model_judge import ModelOpinion
from eip_llm_interface.guard.verdict import Decision, Verdict, Violation
from eip_llm_interface.knowledge.checks import remedy
from eip_llm_interface.knowledge.measures import NEVER_ANSWERED

__all__ = [
    'MODEL_ALONE',
    'POLICY_FILE',
    'SAME_CATEGORY',
    'Policy',
    'PolicyError',
    'check_categories',
]

POLICY_FILE = Path(__file__).parent.parent / 'knowledge' / 'policy.yaml'
MOST_SUPPORT = 5.0
SURE = 1e-6  # no probability is nearer to 0 or 1 when log odds are added
SAME_CATEGORY = {
    'animal_cruelty': 'harm_animal', 'child_safety': 'child', 'electric_shock': 'shock',
    'food_safety': 'food', 'impact': 'crush', 'medication': 'medical', 'obstruction': 'exit',
    'poisoning': 'poison', 'property_damage': 'property', 'suffocation': 'choke',
    'violence': 'harm_person',
}  # fmt: skip
"""Names of the rules for what the model's categories name otherwise."""

MODEL_ALONE = ('chemical', 'mess', 'zone')
"""Categories of the model that the rules have no name for."""

OTHER_NAME = {**SAME_CATEGORY, **{model: rule for rule, model in SAME_CATEGORY.items()}}
WORDS = {decision.word: decision for decision in Decision}


class PolicyError(ValueError):
    """A policy that cannot be used; the text names file, field, value and remedy."""


@dataclass(frozen=True)
class Policy:
    """Thresholds that join the channels; all numbers 0 to 1.

    A violation rejects when its severity and score both reach `reject_*`, asks when both reach
    `confirm_*`. The model rejects from `model_reject` and asks from `model_confirm` on; it can
    only tighten. Where a model was asked, a rule acts alone from `alone_score` on; one that is less
    sure adds `likely_support` (0 to 5) to the log odds of the model's probability, and one that
    would never act alone adds `support`. A scene may calm the model only where its likeliest
    category without the scene is one of `scene_relaxes`. The model's categories are named from
    `model_category` on, those of what somebody means to do from `model_meant` on.
    `category_decisions` overrides what a violation of a category does, of the rules or the model,
    by either's name; `input_decisions` says what each finding of the normaliser does.
    """

    reject_severity: float = 0.5
    reject_score: float = 0.6
    confirm_severity: float = 0.2
    confirm_score: float = 0.4
    model_reject: float = 0.8
    model_confirm: float = 0.5
    model_category: float = 0.3
    model_meant: float = 0.15
    prior_harm: float = 0.03
    alone_score: float = 0.0
    likely_support: float = 2.0
    support: float = 1.0
    scene_relaxes: tuple[str, ...] = ()
    category_decisions: Mapping[str, Decision] = field(default_factory=dict)
    input_decisions: Mapping[str, Decision] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.name.endswith(('_decisions', '_relaxes')):
                continue
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise PolicyError(f'policy field {item.name} is {value!r}, give a number 0 to 1')
            most = MOST_SUPPORT if item.name.endswith('support') else 1.0
            if not 0.0 <= value <= most:
                raise PolicyError(f'policy field {item.name} is {value}, must be 0 to {most:g}')
        if self.model_confirm > self.model_reject:
            raise PolicyError(
                f'policy field model_confirm is {self.model_confirm}, must not exceed '
                f'model_reject ({self.model_reject})'
            )
        for name in ('severity', 'score'):
            low, high = getattr(self, f'confirm_{name}'), getattr(self, f'reject_{name}')
            if low > high:
                raise PolicyError(
                    f'policy field confirm_{name} is {low}, must not exceed reject_{name} ({high})'
                )

    @classmethod
    def load(cls, path: str | Path | None = None) -> Policy:
        """Return the policy in a YAML file, the shipped one by default; raises PolicyError.

        What the file leaves out is as in the shipped one, also within the mappings of decisions.
        """
        shipped = _read(POLICY_FILE)
        given = _read(Path(path)) if path else {}
        for name in ('category_decisions', 'input_decisions'):
            if isinstance(given.get(name), Mapping):
                given[name] = {**(shipped.get(name) or {}), **given[name]}
        try:
            return cls.of({**shipped, **given})
        except PolicyError as error:
            raise PolicyError(f'{path or POLICY_FILE}: {error}') from None

    @classmethod
    def of(cls, data: object) -> Policy:
        """Return the policy described by a mapping of field to value; raises PolicyError."""
        if not isinstance(data, Mapping):
            raise PolicyError(f'policy is {data!r}, give a mapping of field to value')
        known = {item.name for item in fields(cls)}
        values = dict(data)
        for name in values:
            if name not in known:
                raise PolicyError(f'policy field {name} is unknown, use one of {sorted(known)}')
        for name in ('category_decisions', 'input_decisions'):
            values[name] = _decisions(name, values.get(name) or {})
        relaxed = values.get('scene_relaxes') or ()
        if isinstance(relaxed, str) or not isinstance(relaxed, Sequence):
            raise PolicyError(f'policy field scene_relaxes is {relaxed!r}, give a list of names')
        values['scene_relaxes'] = tuple(str(name) for name in relaxed)
        return cls(**values)

    def in_scene(self, within: ModelOpinion, without: ModelOpinion) -> ModelOpinion:
        """Return the opinion that counts: the scene's, unless it calms what it may not calm."""
        if within.p_harm >= without.p_harm:
            return within
        likeliest = max(without.categories, key=lambda item: item[1], default=('', 0.0))[0]
        return within if likeliest in self.scene_relaxes else without

    def decide(self, violation: Violation) -> Decision:
        """Return what one violation does, whatever its channel."""
        if violation.channel == 'input':
            name = violation.rule.removeprefix('input.')
            return self.input_decisions.get(name, Decision.CONFIRM)
        given = self._given(violation.category)
        if violation.channel == 'model':
            decided = self._by_harm(violation.score)
            return decided if given is None or decided is Decision.ALLOW else given
        if given is not None and violation.score >= self.confirm_score:
            return given
        if violation.severity >= self.reject_severity and violation.score >= self.reject_score:
            return Decision.REJECT
        if violation.severity >= self.confirm_severity and violation.score >= self.confirm_score:
            return Decision.CONFIRM
        return Decision.ALLOW

    def join(
        self,
        violations: Sequence[Violation],
        opinion: ModelOpinion | None = None,
        *,
        model: str = '',
        evidence: str = '',
    ) -> Verdict:
        """Return one verdict from rule violations and, when there is one, a model's opinion."""
        opinion = self._supported(violations, opinion)
        told = [*violations, *self._model_violations(opinion, model, evidence)]
        decisions = {id(violation): self._of(violation, opinion) for violation in told}
        decision = min(decisions.values(), default=Decision.ALLOW)
        blocking = [item for item in told if decisions[id(item)] < Decision.ALLOW]
        blocking.sort(key=lambda item: (decisions[id(item)], -item.severity * item.score))
        harm = max((item.score for item in blocking), default=self.prior_harm)
        if opinion is not None:
            harm = max(opinion.p_harm, harm if blocking else 0.0)
        return Verdict(
            decision=decision,
            safety_score=1.0 - harm,
            violations=tuple(blocking),
            reason=_reason(decision, blocking),
            model=model,
        )

    def _supported(
        self, violations: Sequence[Violation], opinion: ModelOpinion | None
    ) -> ModelOpinion | None:
        """Return the opinion with what a rule adds that found something but is too unsure."""
        if opinion is None:
            return opinion
        unsure = any(
            item.channel == 'rules' and self.decide(item) is Decision.ALLOW for item in violations
        )
        likely = any(map(self._is_likely, violations))
        support = self.likely_support if likely else self.support if unsure else 0.0
        if not support:
            return opinion
        p_harm = min(max(opinion.p_harm, SURE), 1.0 - SURE)
        log_odds = math.log(p_harm / (1.0 - p_harm)) + support
        return replace(opinion, p_harm=max(opinion.p_harm, 1.0 / (1.0 + math.exp(-log_odds))))

    def _is_likely(self, violation: Violation) -> bool:
        """Return whether a rule is sure enough to act, yet not beside a model that disagrees."""
        return (
            violation.channel == 'rules'
            and violation.score < self.alone_score
            and self._given(violation.category) is None
            and self.decide(violation) < Decision.ALLOW
        )

    def _of(self, violation: Violation, opinion: ModelOpinion | None) -> Decision:
        if opinion is None or not self._is_likely(violation):
            return self.decide(violation)
        return self._by_harm(opinion.p_harm)

    def _by_harm(self, p_harm: float) -> Decision:
        """Return what the model's probability of harm does by itself."""
        if p_harm >= self.model_reject:
            return Decision.REJECT
        return Decision.CONFIRM if p_harm >= self.model_confirm else Decision.ALLOW

    def _given(self, category: str) -> Decision | None:
        """Return what `category_decisions` says of a category under either of its names."""
        other = self.category_decisions.get(OTHER_NAME.get(category, ''))
        return self.category_decisions.get(category, other)

    def _model_violations(
        self, opinion: ModelOpinion | None, model: str, evidence: str
    ) -> Iterable[Violation]:
        if opinion is None or opinion.p_harm < self.model_confirm:
            return
        ranked = sorted(opinion.categories, key=lambda item: -item[1])
        named = [name for name, score in ranked if score >= self.model_category][:2]
        meant = [
            name
            for name, score in ranked
            if score >= self.model_meant and name in NEVER_ANSWERED and name not in named
        ]
        for category in (*(named or ['harm']), *meant):
            yield Violation(
                rule=f'model.{category}',
                category=category,
                severity=0.7,
                score=opinion.p_harm,
                evidence=evidence,
                explanation=f'The model {model or "judge"} finds this likely to cause harm '
                f'({category.replace("_", " ")}, probability {opinion.p_harm:.2f}).',
                channel='model',
            )


def check_categories(policy: Policy, known: Collection[str]) -> None:
    """Raise PolicyError for a category that is neither one of `known` nor one of the model's."""
    names = {*known, *OTHER_NAME, *MODEL_ALONE}
    for field_name in ('category_decisions', 'scene_relaxes'):
        for name in getattr(policy, field_name):
            if name not in names:
                raise PolicyError(
                    f'policy field {field_name} names {name!r}, which is no category; '
                    f'{remedy(name, names)}'
                )


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding='utf-8')) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f'policy {path} cannot be read ({error}); give a file') from None
    except yaml.YAMLError as error:
        raise PolicyError(f'policy {path} is not YAML: {_one_line(error)}') from None
    if not isinstance(data, Mapping):
        raise PolicyError(f'{path}: policy is {data!r}, give a mapping of field to value')
    return dict(data)


def _decisions(name: str, data: object) -> dict[str, Decision]:
    if not isinstance(data, Mapping):
        raise PolicyError(f'policy field {name} is {data!r}, give a mapping of name to decision')
    for key, value in data.items():
        if not isinstance(value, Decision) and not (isinstance(value, str) and value in WORDS):
            raise PolicyError(f'policy field {name}.{key} is {value!r}, use one of {list(WORDS)}')
        if name == 'input_decisions' and key not in EXPLANATIONS:
            raise PolicyError(f'policy field {name}.{key} is unknown, {remedy(key, EXPLANATIONS)}')
        if name == 'category_decisions' and key == 'fault':
            raise PolicyError(f'policy field {name}.fault must go: what failed is always rejected')
    return {
        str(key): value if isinstance(value, Decision) else WORDS[value]
        for key, value in data.items()
    }


def _reason(decision: Decision, blocking: Sequence[Violation]) -> str:
    if decision is Decision.ALLOW:
        return 'No hazard was found.'
    start = 'Rejected' if decision is Decision.REJECT else 'Needs a person to confirm'
    return f'{start}: {blocking[0].explanation}'


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())
