"""Writes counts with their noun in the singular or plural."""

__all__ = [
    "counted",
]


def counted(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun.

    :param count: ≥ 0
    :param one: what one of them is called
    :param many: what several are called; by default the same with an s
    :return: the text

    >>> counted(1, "triple"), counted(1592, "triple"), counted(0, "entity", "entities")
    ('1 triple', '1,592 triples', '0 entities')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
