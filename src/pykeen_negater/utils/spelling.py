"""Suggests similar names for one that does not exist; for options and commands, click does."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = [
    "check_choice",
    "check_known",
    "did_you_mean",
    "expected_names",
    "nearest",
]

#: The most names that an error lists if one of them is similar
_FEW = 12

#: The fewest letters that count as the beginning of a name
_ENOUGH = 3


def nearest(word: str, names: Iterable[str]) -> list[str]:
    """Find similar names, ignoring case, hyphens, underscores and spaces.

    :param word: what was written
    :param names: the names that there are
    :return: at most three names, the nearest first, then those that begin with the word; none if none is near

    >>> nearest("datset", ["batch_size", "candidates", "dataset"])
    ['dataset']
    >>> nearest("ful gradient", ["probe", "full-gradients", "proxy-gradients"])
    ['full-gradients', 'proxy-gradients']
    """
    letters = _letters(word)
    by_letters = {_letters(name): name for name in names}
    near = difflib.get_close_matches(letters, by_letters)
    begun = [other for other in by_letters if len(letters) >= _ENOUGH and other.startswith(letters)]
    return [by_letters[other] for other in dict.fromkeys(near + begun)][:3]


def did_you_mean(words: Iterable[str], names: Iterable[str]) -> str:
    """Write a question that suggests similar names, to follow an error's sentence.

    :param words: what was written
    :param names: the names that there are
    :return: a question with the nearest name of each word, after a space; nothing if no name is near

    >>> did_you_mean(["seeed", "k_"], ["k", "seed", "pool_size"])
    ' Did you mean seed and k?'
    >>> did_you_mean(["x"], ["k", "seed"])
    ''
    """
    names = list(names)
    near = [name for word in words for name in nearest(word, names)[:1]]
    return f" Did you mean {' and '.join(near)}?" if near else ""


def expected_names(word: str, names: Iterable[str]) -> str:
    """List the names that were expected, to end an error's sentence.

    :param word: what was written
    :param names: the names that there are
    :return: the names, or only how many there are if they are many and some are near; then those that are near, the
        nearest first

    >>> expected_names("prob", ["similarity", "probe"])
    'expected one of probe, similarity. Did you mean probe?'
    """
    names = sorted(names)
    near = nearest(word, names)
    return f"expected one of {_listed(names, bool(near))}." + (f" Did you mean {' or '.join(near)}?" if near else "")


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> None:
    """Check that a value is one of some names.

    :param name: the parameter that it was passed as, for the error
    :param value: the value
    :param choices: the names that it may be, perhaps with None as the last one
    :raises ValueError: if it is none of them

    >>> check_choice("guard", "tresholds", ("calibrated", "thresholds", None))
    Traceback (most recent call last):
    ValueError: found guard='tresholds', expected one of calibrated, thresholds, or None. Did you mean thresholds?
    """
    choices = tuple(choices)
    if value not in choices:
        names = [choice for choice in choices if choice is not None]
        listed = ", ".join(names) + (", or None" if None in choices else "")
        raise ValueError(f"found {name}={value!r}, expected one of {listed}.{did_you_mean([str(value)], names)}")


def check_known(kind: str, words: Iterable[Any], names: Iterable[str], place: object = None) -> None:
    """Check that all names that were given exist.

    :param kind: what they name, in the singular, for the error
    :param words: what was written
    :param names: the names that there are
    :param place: where it was written, such as a file
    :raises ValueError: if one is none of these

    >>> check_known("setting", ["k", "seeed"], ["k", "seed"])
    Traceback (most recent call last):
    ValueError: found the setting(s) 'seeed', expected some of k, seed. Did you mean seed?
    """
    names = list(names)
    unknown = sorted({*map(str, words)}.difference(names))
    if unknown:
        question = did_you_mean(unknown, names)
        found = f"found the {kind}(s) {', '.join(map(repr, unknown))}"
        expected = f"expected some of {_listed(names, bool(question))}.{question}"
        raise ValueError(f"{'' if place is None else f'{place}: '}{found}, {expected}")


def _listed(names: Sequence[str], some_are_near: bool) -> str:
    return ", ".join(names) if len(names) <= _FEW or not some_are_near else f"{len(names)} names"


def _letters(name: str) -> str:
    return "".join(character for character in name.casefold() if character not in "-_ ")
