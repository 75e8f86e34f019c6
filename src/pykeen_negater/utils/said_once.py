"""Lines of the log that are said once, however often what they are about is met.

A training builds several samplers for one graph, one for each of its data loaders and callbacks, and each of them would
say the same.
"""

import logging
from typing import Any

__all__ = [
    "warn_once",
]

#: What was said, and about what
_SAID: set[tuple[str, str, str]] = set()


def warn_once(logger: logging.Logger, subject: str, message: str, *args: Any) -> None:
    """Write a warning into the log, unless this process has written the same about the same subject.

    :param logger: the log
    :param subject: what it is about, such as the fingerprint of a graph
    :param message: the warning, with placeholders
    :param args: what takes their places
    """
    said = (logger.name, subject, message % args)
    if said not in _SAID:
        _SAID.add(said)
        logger.warning(message, *args)
