"""Makes text safe to show: without characters that move the cursor or cannot be seen."""

import re

__all__ = [
    "printable",
]

#: Control characters except tabs and line feeds; characters that set the direction of writing, end lines or paragraphs,
#: or are invisible, except joiners, which some scripts and emoji need; and lone surrogates
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    r"\ufff9-\ufffb\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    r"""Replace characters that act on a terminal or on the text around them, or are invisible, by escapes.

    :param text: any text
    :return: the text with escapes

    >>> print(printable("red \x1b[31mrose"))
    red \x1b[31mrose
    """
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
