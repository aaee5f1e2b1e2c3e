"""Word forms of English verbs and nouns, made by rule with a table of exceptions."""

from __future__ import annotations

__all__ = ['noun_forms', 'verb_forms']

IRREGULAR_VERBS = """
beat beat beaten|bend bent|bind bound|bite bit bitten|blow blew blown|break broke broken
bring brought|build built|burn burned burnt|burst burst|buy bought|catch caught|choke choked
come came|cut cut|deal dealt|dig dug|do did done|draw drew drawn|drink drank drunk
drive drove driven|eat ate eaten|feed fed|fight fought|find found|fling flung|fly flew flown
freeze froze frozen|get got gotten|give gave given|go went gone|grab grabbed|grind ground
hang hung|hide hid hidden|hit hit|hold held|hurt hurt|keep kept|lay laid|lead led|leave left
let let|lie lay|light lit lighted|lose lost|make made|melt melted molten|overheat overheated
pay paid|plug plugged|put put|ram rammed|rig rigged|run ran|say said|see saw seen|seek sought
sell sold|send sent|set set|shake shook shaken|shed shed|shine shone|shoot shot|shove shoved
shut shut|sing sang sung|sit sat|slay slew slain|sleep slept|slip slipped|slit slit
smuggle smuggled|speak spoke spoken|spill spilled spilt|spin spun|spit spat|split split
spray sprayed|spread spread|stand stood|steal stole stolen|stick stuck|sting stung
strike struck|string strung|sweep swept|swing swung|take took taken|teach taught
tear tore torn|tell told|throw threw thrown|tread trod trodden|wake woke woken|wear wore worn
wind wound|write wrote written|stop stopped|drop dropped|chop chopped|tip tipped|mop mopped
slam slammed|stab stabbed|jab jabbed|trap trapped|trip tripped|rip ripped|rob robbed|tap tapped
pin pinned|spot spotted|ship shipped|clip clipped|snap snapped|whip whipped|wrap wrapped
strip stripped|flip flipped|dip dipped|zap zapped|sip sipped|slap slapped|drag dragged
bug bugged|jam jammed|dim dimmed|trim trimmed|scan scanned|pat patted|rub rubbed|stir stirred
submit submitted|gut gutted|jog jogged|nap napped|plan planned|prop propped|scrub scrubbed
swap swapped|unplug unplugged|club clubbed|knot knotted|tug tugged|dump dumped|pet petted
step stepped|skip skipped|shred shredded|kidnap kidnapped|spy spied|swallow swallowed
sedate sedated|abet abetted|transmit transmitted|control controlled|equip equipped
program programmed|refer referred|compel compelled|zip zipped|hack hacked|dig dug
"""
IRREGULAR_NOUNS = {
    'knife': 'knives',
    'child': 'children',
    'person': 'people',
    'man': 'men',
    'woman': 'women',
    'mouse': 'mice',
    'foot': 'feet',
    'tooth': 'teeth',
    'shelf': 'shelves',
    'loaf': 'loaves',
    'leaf': 'leaves',
    'wolf': 'wolves',
    'calf': 'calves',
    'scarf': 'scarves',
    'goose': 'geese',
    'thief': 'thieves',
    'battery': 'batteries',
    'sheep': 'sheep',
    'deer': 'deer',
    'ox': 'oxen',
    'louse': 'lice',
    'lens': 'lenses',
    'passer-by': 'passers-by',
}
AFTER_HEAD = (' of ', '-in-')  # chest of drawers, mother-in-law
SINGULAR_S = ('ss', 'us', 'is', 'as', 'os')  # glass, walrus, chassis, gas, cosmos; not tongs
VOWELS = 'aeiou'
PAST = {
    parts[0]: parts[1:]
    for line in IRREGULAR_VERBS.strip().splitlines()
    for parts in (item.split() for item in line.split('|'))
}


def verb_forms(base: str) -> dict[str, str]:
    """Return each form of `base` with its kind: base, s, ing or past."""
    past = PAST.get(base) or [_past(base)]
    forms = dict.fromkeys(past, 'past')
    forms[_third(base)] = 's'
    forms[_ing(base, past[0])] = 'ing'
    forms[base] = 'base'
    return forms


def noun_forms(name: str) -> tuple[str, ...]:
    """Return a noun phrase in singular and plural; one that is a plural stays as it is."""
    for joint in AFTER_HEAD:
        before, found, after = name.partition(joint)
        if found:
            return tuple(f'{form}{joint}{after}' for form in noun_forms(before))
    head, _, last = name.rpartition(' ')
    start = f'{head} ' if head else ''
    plural = IRREGULAR_NOUNS.get(last)
    if plural is None:
        if last.endswith('s') and not last.endswith(SINGULAR_S):
            return (name, name)
        is_man = last.endswith('man') and len(last) > 4
        plural = f'{last[:-3]}men' if is_man else _third(last)
    if last.endswith('o') and plural.endswith('oes'):
        return (name, f'{start}{plural}', f'{start}{last}s')
    if last.endswith('f') and not last.endswith(('ff', 'of', 'ief')):
        return (name, f'{start}{plural}', f'{start}{last[:-1]}ves')
    return (name, f'{start}{plural}')


def _third(base: str) -> str:
    if base.endswith(('s', 'x', 'z', 'ch', 'sh')) or (
        base.endswith('o') and base[-2:-1] not in VOWELS
    ):
        return f'{base}es'
    if base.endswith('y') and base[-2:-1] not in VOWELS:
        return f'{base[:-1]}ies'
    return f'{base}s'


def _past(base: str) -> str:
    if base.endswith('e'):
        return f'{base}d'
    if base.endswith('y') and base[-2:-1] not in VOWELS:
        return f'{base[:-1]}ied'
    return f'{base}ed'


def _ing(base: str, past: str) -> str:
    if base.endswith('ie'):
        return f'{base[:-2]}ying'
    if base.endswith('e') and not base.endswith(('ee', 'ye', 'oe')):
        return f'{base[:-1]}ing'
    doubled = past.endswith('ed') and past[:-2] == base + base[-1:]
    short = len(base) == 3 and base[1] in VOWELS and base[0] not in VOWELS
    if (
        doubled
        or (short and base[2] not in 'wxy' + VOWELS)
        or base in ('shut', 'slit', 'spit', 'spin', 'swim', 'split', 'begin', 'forget')
    ):
        return f'{base}{base[-1]}ing'
    return f'{base}ing'
