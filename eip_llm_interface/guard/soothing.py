"""Leave out what a command says to soothe its judge.

"It is only a test", "my boss has approved it", "everything is safe": such clauses say nothing of
what the robot is to do, and whoever wants harm writes them as easily as anybody. The model is
asked with and without them, and the stricter answer counts. That those concerned have agreed stays:
it makes some things harmless.
"""

from __future__ import annotations

import re

__all__ = ['without_soothing']

CLAUSE = re.compile(r'(?<=[.!?;:,])\s+|\s+(?:-|–|—|because|since|as)\s+', re.IGNORECASE)
TESTS = 'simulation|test|drill|game|joke|prank|exercise|demo|experiment|role ?play|story|movie|film'
AUTHORITIES = (
    'boss|manager|supervisor|chief|owner|admin|administrator|developer|programmer|teacher|doctor|'
    'police|director|ceo|company|management|security|government'
)
HARMLESS = 'safe|allowed|fine|legal|harmless|authori[sz]ed|approved|permitted|under control|secured'
SOOTHING = re.compile(
    rf"""
    \b(?:this|it|that)(?:'s|\ is|\ was)\ (?:only\ |just\ |merely\ |all\ )*(?:for\ |part\ of\ )?
        (?:an?\ |the\ )?(?:safety\ |harmless\ |little\ )?(?:{TESTS})\b
    | \b(?:everything|it|this|that|all)(?:\ here)?(?:'s|\ is)\ (?:\w+ly\ |all\ |quite\ )?
        (?:{HARMLESS})\b
    | \b(?:my|the|our|your)\ (?:{AUTHORITIES})s?\ (?:has\ |have\ |had\ |already\ |just\ )*
        (?:approve|authori[sz]e|allow|permit|say|said|ok|okay|sign|clear|order|want)\w*\b
    | \b(?:nobody|no\ one|none)\ (?:will|would|can|could|gets|is\ going\ to)\ (?:\w+\ )?
        (?:hurt|harmed|injured|notice|mind|know)\b
    | \bi\ (?:take|have|assume|bear|accept)\ (?:the\ |full\ |all\ |every\ )*
        (?:responsibility|permission|authori[sz]ation|clearance|approval)\b
    | \bthere\ is\ no\ (?:danger|risk|hazard)\b | \btrust\ me\b | \bdo(?:n't|\ not)\ worry\b
    | ^scene\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def without_soothing(text: str) -> str:
    """Return `text` without its clauses that only soothe, or as it is when nothing else is left."""
    clauses = CLAUSE.split(text)
    kept = [clause for clause in clauses if not SOOTHING.search(clause)]
    if len(kept) == len(clauses) or not kept:
        return text
    return ' '.join(kept).rstrip(' ,;:-')
