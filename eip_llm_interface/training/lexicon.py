"""Word lists for the corpus: the project's own, widened by what the knowledge knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eip_llm_interface.knowledge.ontology import Knowledge
from eip_llm_interface.training.data_files import load_yaml

__all__ = ['word_lists']

# Slot: (properties a thing must have, properties it must not have).
SLOTS: dict[str, tuple[str, str]] = {
    'flammable': ('object flammable', 'liquid fuel explosive'),
    'fuel': ('fuel', 'gas'),
    'sharp': ('object sharp', 'weapon dangerous_machine'),
    'electronic': ('object electronic', 'waterproof heavy'),
    'fragile': ('object fragile', 'food'),
    'heavy': ('object heavy', 'appliance'),
    'valuable': ('object valuable', 'weapon drug'),
    'medicine': ('medicine', ''),
    'metal': ('object metal', 'heavy weapon gun'),
    'machine': ('dangerous_machine', ''),
    'pet_poison': ('pet_poison', ''),
    'object': ('object', 'weapon gun drug toxic fuel explosive heavy dangerous_machine sharp '
               'appliance power medicine alcohol hot corrosive infectious radioactive'),
}  # fmt: skip


def word_lists(knowledge: Knowledge) -> Mapping[str, Sequence[str]]:
    """Return words by slot, sorted, so that the same knowledge gives the same corpus."""
    words = {name: list(items) for name, items in load_yaml('words')['words'].items()}
    for slot, (wanted, unwanted) in SLOTS.items():
        has, lacks = set(wanted.split()), set(unwanted.split())
        known = set(words.get(slot, ()))
        for name, entity in knowledge.entities.items():
            if has <= entity.properties and not lacks & entity.properties:
                known.add(name)
        words[slot] = sorted(known)
    return words
