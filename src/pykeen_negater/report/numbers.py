"""Formats numbers for people."""

__all__ = [
    "duration",
    "fraction",
    "multiple",
    "number",
    "percent",
]

#: The least risk that pools distinguish from lower ones
LEAST_RISK = 2.0**-8

#: The sign for a missing number
NONE = "–"


def number(value: float | None) -> str:
    """Write a number with three significant digits, or a count in full.

    :param value: any number
    :return: the text

    >>> number(1287281), number(0.04837), number(-41.644), number(None)
    ('1,287,281', '0.0484', '−41.6', '–')
    """
    if value is None:
        return NONE
    text = f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
    return text.replace("-", "−")


def percent(share: float | None) -> str:
    """Write a share, small ones with more digits.

    :param share: in [0, 1]
    :return: the text

    >>> percent(1.0), percent(0.99881), percent(0.0123), percent(0.00076), percent(0.0)
    ('100%', '99.9%', '1.2%', '0.076%', '0%')
    """
    if share is None:
        return NONE
    if share in (0, 1):
        return f"{share:.0%}"
    value = 100 * share
    # shares below 100 % must not be rounded to it
    return f"{min(value, 99.9):.1f}%" if value >= 1 else f"{value:.2g}%"


def multiple(risk: float | None) -> str:
    """Write a risk in multiples of that of a random corruption.

    :param risk: ≥ 0
    :return: the text

    >>> multiple(0.0441), multiple(2.03), multiple(148.2), multiple(LEAST_RISK)
    ('0.044×', '2.0×', '148×', '≤0.0039×')
    """
    if risk is None:
        return NONE
    if risk <= LEAST_RISK:
        return f"≤{LEAST_RISK:.2g}×"
    return f"{risk:,.0f}×" if risk >= 10 else f"{risk:.1f}×" if risk >= 1 else f"{risk:.2g}×"


def duration(seconds: float) -> str:
    """Write a duration.

    :param seconds: ≥ 0
    :return: the text

    >>> duration(3.14), duration(125), duration(7321)
    ('3.1 s', '2 min 5 s', '2 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def fraction(value: float | None) -> str:
    """Write a measure in [0, 1] with three decimals.

    :param value: the measure
    :return: the text

    >>> fraction(0.95521)
    '0.955'
    """
    return NONE if value is None else f"{value:.3f}".replace("-", "−")
