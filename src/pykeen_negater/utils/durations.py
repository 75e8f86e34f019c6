"""Writes durations for people to read."""

__all__ = [
    "duration",
    "duration_range",
]

#: The seconds from which on a duration is written in minutes, and in hours
MINUTES_FROM, HOURS_FROM = 90.0, 5_400.0


def _unit(seconds: float) -> tuple[float, str]:
    """Choose the unit that a duration is written in, as seconds and a name."""
    if seconds < MINUTES_FROM:
        return 1.0, "s"
    return (60.0, "min") if seconds < HOURS_FROM else (3_600.0, "h")


def _number(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Write a duration in the unit that suits it.

    :param seconds: >= 0
    :return: the duration with its unit

    >>> duration(0.26), duration(45), duration(2172), duration(9000)
    ('0.3 s', '45 s', '36 min', '2.5 h')
    """
    size, name = _unit(seconds)
    return f"{_number(seconds / size)} {name}"


def duration_range(low: float, high: float) -> str:
    """Write a range of durations, in whole seconds or with two digits.

    :param low: >= 0, in seconds
    :param high: >= low, in seconds
    :return: the range, in the unit that suits its upper end

    >>> duration_range(0, 0.4), duration_range(21, 48), duration_range(70, 150)
    ('a second', '21 to 48 s', '1.2 to 2.5 min')
    """
    if high < 1:
        return "a second"
    size, name = _unit(high)
    digits = [f"{value / size:.0f}" if name == "s" else _number(value / size) for value in (low, high)]
    return f"{digits[1]} {name}" if digits[0] == digits[1] else f"{digits[0]} to {digits[1]} {name}"
