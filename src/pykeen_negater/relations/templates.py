"""Templates: sentences with two words, and a mask in the place of their relation."""

import re
from collections.abc import Sequence

__all__ = [
    "DEFAULT_TEMPLATE",
    "TEMPLATES",
    "check_pair",
    "fill_template",
    "find_template",
]

_HEAD, _TAIL, _MASK = "<subj>", "<obj>", "<mask>"

_DISCOVERED = f"Today, I finally discovered the relation between {_HEAD} and {_TAIL} : "
_READ = "I wasn’t aware of this relationship, but I just read in the encyclopedia that "

#: The templates of RelBERT [ushio2021]_, by their letter. The two spaces in b and e are in the original, too.
TEMPLATES = {
    "a": f"{_DISCOVERED}{_HEAD} is the {_MASK} of {_TAIL}",
    "b": f"{_DISCOVERED}{_TAIL}  is {_HEAD}'s {_MASK}",
    "c": f"{_DISCOVERED}{_MASK}",
    "d": f"{_READ}{_HEAD} is the {_MASK} of {_TAIL}",
    "e": f"{_READ}{_TAIL}  is {_HEAD}’s {_MASK}",
}

#: The template of the published models
DEFAULT_TEMPLATE = "d"


def find_template(template: str) -> str:
    """Look up a template, or check one.

    :param template: a letter from ``a`` to ``e``, or a text with ``<subj>``, ``<obj>`` and ``<mask>``
    :return: the text
    :raises ValueError: if there is no such letter, or the text lacks one of the three
    """
    if template in TEMPLATES:
        return TEMPLATES[template]
    missing = [slot for slot in (_HEAD, _TAIL, _MASK) if slot not in template]
    if missing:
        raise ValueError(
            f"found the template {template!r}, expected one of {', '.join(TEMPLATES)}, or a text with {_HEAD}, {_TAIL} "
            f"and {_MASK}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
        )
    return template


def check_pair(pair: Sequence[str]) -> tuple[str, str]:
    """Check a pair of words.

    :param pair: head and tail
    :return: the same
    :raises ValueError: if these are not two words, neither of which is empty
    """
    if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(word, str) and word.strip() for word in pair):
        raise ValueError(f"found the pair {pair!r}, expected two words, a head and a tail, neither of them empty.")
    head, tail = pair
    return head, tail


def fill_template(template: str, head: str, tail: str, mask: str) -> str:
    """Put a pair into a template.

    :param template: the text of the template
    :param head: the text that replaces ``<subj>``, unchanged
    :param tail: the text that replaces ``<obj>``, unchanged
    :param mask: the mask token of a language model
    :return: the sentence

    >>> fill_template("<subj> is the <mask> of <obj>", "Tokyo", "Japan", "[MASK]")
    'Tokyo is the [MASK] of Japan'
    """
    words = {_HEAD: head, _TAIL: tail, _MASK: mask}
    # all at once, so that a word that looks like a placeholder is left alone
    return re.sub("|".join(words), lambda match: words[match.group()], template)
