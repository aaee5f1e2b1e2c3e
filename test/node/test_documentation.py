"""The reference pages say what the code says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def test_the_parameter_page_is_what_the_dataclasses_say(
    script_at: Callable[[str], ModuleType],
) -> None:
    script = script_at('scripts/document_parameters.py')
    page = (ROOT / 'docs' / 'parameters.md').read_text(encoding='utf-8')
    assert page == script.render(), 'run scripts/document_parameters.py and commit the page'


def test_every_message_field_of_ours_has_a_comment() -> None:
    bare = [
        f'{path.name}: {line}'
        for kind in ('msg', 'srv', 'action')
        for path in sorted((ROOT / kind).iterdir())
        for line in path.read_text(encoding='utf-8').splitlines()
        if line.strip() and line != '---' and '=' not in line and '#' not in line
    ]
    assert not bare


def test_the_interface_page_names_every_interface() -> None:
    page = (ROOT / 'docs' / 'interfaces.md').read_text(encoding='utf-8')
    names = [path.stem for kind in ('srv', 'action') for path in (ROOT / kind).iterdir()]
    assert not [name for name in names if f'`{name}`' not in page]
