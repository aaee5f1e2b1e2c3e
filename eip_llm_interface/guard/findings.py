"""What can be odd about a received text, as a person is told it."""

from __future__ import annotations

from eip_llm_interface.guard.normalise import MAX_CHARACTERS
from eip_llm_interface.guard.scene_reading import MAX_SCENE_CHARACTERS

__all__ = ['EXPLANATIONS']

EXPLANATIONS = {
    'not_text': 'The command is not text; send a string.',
    'empty': 'The command holds no words.',
    'too_long': f'The command is longer than {MAX_CHARACTERS} characters; say it shorter.',
    'binary': 'The command holds binary data; send plain text.',
    'nul': 'The command holds a NUL character; send plain text.',
    'control_characters': 'The command holds control characters.',
    'bidi': 'The command holds marks that change its reading direction and so its meaning.',
    'zero_width': 'The command holds invisible characters.',
    'combining_marks': 'The command hides letters under stacked marks.',
    'confusables': 'The command is written with look-alike letters.',
    'mixed_script': 'The command mixes letters of several scripts inside words.',
    'other_script': 'The command is in a script the guard cannot judge.',
    'other_language': 'The command seems not to be English, which the guard cannot judge.',
    'leetspeak': 'The command hides letters behind digits or signs.',
    'spacing': 'The command hides a word by spacing its letters.',
    'alternating_case': 'The command hides words by changing between small and capital letters.',
    'pictographs': 'The command says something in pictures; say it in words.',
    'not_understood': 'The command holds no words; say it in words.',
    'stretching': 'The command stretches words.',
    'encoded': 'The command holds encoded text that cannot be judged.',
    'prompt_injection': 'The command tries to set the safety rules aside.',
    'posing': 'The command poses as a system, scene or verdict message.',
    'scene_too_long': f'The scene holds more than {MAX_SCENE_CHARACTERS} characters; tell less.',
}
"""Explanation by finding of the normaliser; `scene_too_long` is the scene reading's."""
