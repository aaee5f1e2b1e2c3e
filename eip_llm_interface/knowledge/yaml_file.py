"""Read one YAML file of knowledge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from eip_llm_interface.knowledge.checks import KnowledgeError, remedy

__all__ = ['SECTIONS', 'read_sections']

SECTIONS = (
    'properties',
    'categories',
    'things',
    'verbs',
    'states',
    'manners',
    'little',
    'idioms',
    'hazards',
    'mitigations',
)
TRUTH = 'tag:yaml.org,2002:bool'
BaseLoader: type = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


class _Loader(BaseLoader):
    """Refuses a key that is given twice, of which YAML would silently drop the first.

    Only true and false are truths, as in YAML 1.2: on and off are words of this knowledge.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        line = node.start_mark.line + 1
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str):
                raise KnowledgeError(f'line {line}: a list or mapping is a key, give a text')
            if keys.count(key) > 1:
                raise KnowledgeError(f'line {line}: key {key} is given twice, keep one')
        made: dict[object, object] = super().construct_mapping(node, deep)
        return made


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TRUTH]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(TRUTH, re.compile(r'^(?:true|True|TRUE|false|False|FALSE)$'), 'tTfF')


def read_sections(path: Path) -> Mapping[str, object]:
    """Return the sections of a file; raises KnowledgeError naming line or section and remedy."""
    try:
        data = yaml.load(path.read_text(encoding='utf-8'), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f'cannot be read ({error}); give a YAML file') from None
    except KnowledgeError:
        raise
    except yaml.YAMLError as error:
        raise KnowledgeError(f'is not YAML: {" ".join(str(error).split())}') from None
    except Exception as error:  # of a date or number that is none PyYAML raises what it likes
        raise KnowledgeError(f'holds a value that YAML cannot read ({error}); quote it') from None
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise KnowledgeError(f'holds {data!r:.80}, give sections {list(SECTIONS)}')
    for section in data:
        if section not in SECTIONS:
            raise KnowledgeError(f'section {section} is unknown; {remedy(section, SECTIONS)}')
    return data
