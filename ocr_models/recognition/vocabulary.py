"""Made-up words: syllables, which can be pronounced in English, and numbers."""

from __future__ import annotations

import random
import re

LENGTHS = (2, 12)
"""Characters of the shortest and of the longest word."""

NUMBER_SHARE = 0.15

ONSETS = (
    *("b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "y", "z"),
    *("bl", "br", "ch", "cl", "cr", "dr", "fl", "fr", "gl", "gr", "pl", "pr", "qu", "sh", "sl", "sp", "st", "th", "tr"),
)
VOWELS = ("a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "ai", "ea", "ee", "oa", "oo", "ou", "y")
CODAS = ("", "", "", "", "l", "m", "n", "r", "s", "t", "d", "k", "x", "f", "nd", "nt", "ng", "rt", "lm", "st")

OFFENSIVE = re.compile(
    "anal|anus|arse|ass|beas|beat|bich|bint|bitc|blya|boche|bom|boner|bong|boob|buce|buk|bum|bunda|butt|cabr|caca|"
    "caral|caz|chav|chin|chod|chuch|chuj|cip|cli|coc|cok|con|coo|cox|cul|cum|cun|dag|dam|dead|dic|dik|dil|dix|doo|"
    "dru|dup|dyk|fag|fan|fap|fart|fas|fat|fec|fek|felch|fic|fig|fik|fitt|fod|fot|fout|fuc|fuk|fuq|fux|gas|gay|gim|"
    "git|goo|gook|goy|gringo|gun|gyp|hag|hel|hit|hoa|hoe|hom|hor|hun|hur|huy|idio|jap|jeb|jer|jew|jis|jiz|joto|"
    "jud|kac|kaf|kak|kik|kil|knob|knul|kok|kon|koo|kot|kra|kuk|kun|kurw|kut|kys|les|lul|lus|mank|maric|mer|meth|"
    "minge|mof|mon|mor|muf|naz|neg|nig|nip|niq|nonc|nud|nut|pak|pedo|pee|pen|perse|pha|phu|pic|pik|pim|pina|pip|"
    "pis|piz|poa|poll|poo|por|pot|pouf|pra|pri|pub|puf|puk|pus|put|qea|que|rac|rap|rec|ret|scu|sem|sex|sha|shi|"
    "sho|shy|sik|sla|slee|slo|slu|sly|smut|sod|spa|spe|spi|spunk|stron|suc|suk|sux|tar|tea|terro|teste|tet|thong|"
    "thot|tit|tosse|tra|troi|tur|twa|urin|vag|verg|vitt|vom|vulv|wan|wee|wen|wet|wog|wop|xxx|yid|zor"
)
"""What no word contains: parts of rude words, insults and slurs of English and other European languages."""


def made_up_words(count: int, seed: int) -> list[str]:
    """Different words of `a` to `z` or of digits, each of 2 to 12 characters; the same for the same arguments.

    The first words do not depend on `count`.
    """
    rng = random.Random(seed)  # its sequence is the same in all versions of Python
    found: dict[str, None] = {}
    while len(found) < count:
        draw = _number if rng.random() < NUMBER_SHARE else _word
        while (word := draw(rng)) in found or not _is_usable(word):
            pass
        found[word] = None
    return list(found)


def _is_usable(word: str) -> bool:
    return LENGTHS[0] <= len(word) <= LENGTHS[1] and not OFFENSIVE.search(word)


def _number(rng: random.Random) -> str:
    return "".join(_one_of(rng, "0123456789") for _ in range(2 + int(7 * rng.random())))


def _word(rng: random.Random) -> str:
    syllables = 1 + int(4 * rng.random())
    return "".join(_one_of(rng, ONSETS) + _one_of(rng, VOWELS) + _one_of(rng, CODAS) for _ in range(syllables))


def _one_of(rng: random.Random, choices: tuple[str, ...] | str) -> str:
    return choices[int(len(choices) * rng.random())]  # random() alone is promised never to change
