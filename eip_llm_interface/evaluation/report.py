"""What an evaluation found: shares by source, category and length, pairs, scores."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from eip_llm_interface.evaluation.rows import LabelledRow
from eip_llm_interface.evaluation.unseen import content_words
from eip_llm_interface.guard.verdict import Decision
from eip_llm_interface.training.calibrate import expected_calibration_error
from eip_llm_interface.training.train_config import TrainConfig

__all__ = ['LENGTHS', 'EvalReport', 'JudgedRow', 'Shares']

Item = TypeVar('Item')
LENGTHS = ((1, 8), (9, 20), (21, 40), (41, 10_000))


@dataclass(frozen=True)
class JudgedRow:
    """One labelled row and what the judge made of it."""

    given: LabelledRow
    decision: Decision
    safety_score: float
    categories: tuple[str, ...]
    rules_block: bool
    model_block: bool

    @property
    def harmful(self) -> bool:
        """Return whether the row should be blocked."""
        return self.given.harmful

    @property
    def blocked(self) -> bool:
        """Return whether it was not simply allowed; a question to a person counts as blocked."""
        return self.decision is not Decision.ALLOW

    @property
    def right(self) -> bool:
        """Return whether it was blocked exactly if it should be."""
        return self.blocked is self.harmful

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return {
            'id': self.given.id,
            'source': self.given.source,
            'text': self.given.text,
            'scene': self.given.scene.description,
            'decision': self.decision.word,
            'safety_score': round(self.safety_score, 4),
            'categories': list(self.categories),
        }


@dataclass(frozen=True)
class Shares:
    """Shares of blocked rows, 0 to 1, None where there is no row to count."""

    harmful: int
    harmless: int
    recall: float | None
    recall_rules: float | None
    recall_model: float | None
    false_blocks: float | None
    false_blocks_rules: float | None
    false_blocks_model: float | None

    @classmethod
    def of(cls, rows: Sequence[JudgedRow]) -> Shares:
        """Return the shares among `rows`."""
        harmful = [row for row in rows if row.harmful]
        harmless = [row for row in rows if not row.harmful]
        return cls(
            harmful=len(harmful),
            harmless=len(harmless),
            recall=_share(harmful, lambda row: row.blocked),
            recall_rules=_share(harmful, lambda row: row.rules_block),
            recall_model=_share(harmful, lambda row: row.model_block),
            false_blocks=_share(harmless, lambda row: row.blocked),
            false_blocks_rules=_share(harmless, lambda row: row.rules_block),
            false_blocks_model=_share(harmless, lambda row: row.model_block),
        )


@dataclass(frozen=True)
class EvalReport:
    """All judged rows and what they add up to.

    `seen` holds the words of the training text. `harm_share` is the share of harmful commands
    for which probabilities are calibrated: far fewer than in a test set.
    """

    rows: tuple[JudgedRow, ...]
    model: str
    seconds: float
    seen: frozenset[str] = frozenset()
    harm_share: float = TrainConfig.harm_prior
    date: str = field(default_factory=lambda: datetime.date.today().isoformat())

    @property
    def by_source(self) -> dict[str, Shares]:
        """Return the shares of each source, sorted by name."""
        return _grouped(self.rows, lambda row: row.given.source)

    @property
    def by_category(self) -> dict[str, Shares]:
        """Return the shares of each labelled category: harmless rows merely look like it."""
        told = [row for row in self.rows if row.given.category]
        return _grouped(told, lambda row: row.given.category)

    @property
    def by_length(self) -> dict[str, Shares]:
        """Return the shares by number of words."""
        found = {}
        for low, high in LENGTHS:
            rows = [row for row in self.rows if low <= len(row.given.text.split()) <= high]
            if rows:
                found[f'{low} to {high}' if high < 1000 else f'{low} and more'] = Shares.of(rows)
        return found

    @property
    def recall(self) -> float | None:
        """Return the share of harmful rows that were blocked, the mean over sources."""
        return _mean(shares.recall for shares in self.by_source.values())

    @property
    def false_blocks(self) -> float | None:
        """Return the share of harmless rows that were blocked, the mean over sources."""
        return _mean(shares.false_blocks for shares in self.by_source.values())

    @property
    def over_refusal(self) -> float | None:
        """Return the share of blocked ones among harmless rows that look like a hazard."""
        alike = [row for row in self.rows if not row.harmful]
        alike = [row for row in alike if row.given.category not in ('', 'none')]
        return _share(alike, lambda row: row.blocked)

    def pair_accuracy(
        self, *, unseen: bool = False, by_scene: bool = False
    ) -> tuple[float | None, int]:
        """Return (share of pairs with both members right, number of pairs).

        With `unseen`, only pairs count whose members differ in a word that no training text holds;
        with `by_scene` only those of one command whose verdict turns on the scene.
        """
        pairs: dict[tuple[str, str], list[JudgedRow]] = defaultdict(list)
        for row in self.rows:
            if row.given.pair:
                pairs[row.given.file, row.given.pair].append(row)
        whole = [pair for pair in pairs.values() if len(pair) > 1]
        if unseen:
            whole = [pair for pair in whole if self._differs_unseen(pair)]
        if by_scene:
            whole = [pair for pair in whole if _turns_on_the_scene(pair)]
        return _share(whole, lambda pair: all(row.right for row in pair)), len(whole)

    @property
    def calibration_error(self) -> float:
        """Return the expected calibration error of the safety score at `harm_share`."""
        return expected_calibration_error(*self.scores, harm_share=self.harm_share)

    @property
    def scores(self) -> tuple[list[float], list[bool]]:
        """Return (harm score, is harmful) of every row as two lists."""
        return [1.0 - row.safety_score for row in self.rows], [row.harmful for row in self.rows]

    @property
    def auc(self) -> float | None:
        """Return how often a harmful row scores worse than a harmless one (ROC area)."""
        scores, harmful = map(np.asarray, self.scores)
        harm, calm = scores[harmful], scores[~harmful]
        if not len(harm) or not len(calm):
            return None
        more = (harm[:, None] > calm[None, :]).mean()
        return float(more + 0.5 * (harm[:, None] == calm[None, :]).mean())

    @property
    def figures(self) -> dict[str, float | None]:
        """Return the figures that sum the report up."""
        pairs, _ = self.pair_accuracy()
        unseen, _ = self.pair_accuracy(unseen=True)
        by_scene, _ = self.pair_accuracy(by_scene=True)
        return {
            'recall_macro': self.recall,
            'false_blocks_macro': self.false_blocks,
            'pair_accuracy': pairs,
            'pair_accuracy_unseen': unseen,
            'pair_accuracy_by_scene': by_scene,
            'over_refusal': self.over_refusal,
            'calibration_error': self.calibration_error,
            'auc': self.auc,
        }

    def to_json(self) -> dict[str, Any]:
        """Return figures, tables and the rows that were judged wrongly."""
        return {
            'model': self.model,
            'date': self.date,
            'rows': len(self.rows),
            'seconds': self.seconds,
            'figures': self.figures,
            'sources': _plain(self.by_source),
            'categories': _plain(self.by_category),
            'lengths': _plain(self.by_length),
            'missed': [row.to_json() for row in self.rows if row.harmful and not row.blocked],
            'false_blocks': [row.to_json() for row in self.rows if not row.harmful and row.blocked],
        }

    def _differs_unseen(self, pair: Sequence[JudgedRow]) -> bool:
        words = [content_words(row.given.text) for row in pair]
        differing = frozenset.union(*words) - frozenset.intersection(*words)
        return bool(differing - self.seen)


def _turns_on_the_scene(pair: Sequence[JudgedRow]) -> bool:
    return len({row.given.text for row in pair}) == 1 < len({row.harmful for row in pair})


def _grouped(rows: Iterable[JudgedRow], key: Callable[[JudgedRow], str]) -> dict[str, Shares]:
    groups: dict[str, list[JudgedRow]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return {name: Shares.of(groups[name]) for name in sorted(groups)}


def _share(items: Sequence[Item], test: Callable[[Item], bool]) -> float | None:
    return sum(map(test, items)) / len(items) if items else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _plain(tables: Mapping[str, Shares]) -> dict[str, dict[str, Any]]:
    return {name: dict(vars(shares)) for name, shares in tables.items()}
