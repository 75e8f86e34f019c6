"""Writes a warning only once per subject.

A training run builds several samplers for one graph, one for each of its data loaders and callbacks, and each of them
would repeat the warning.
"""

import logging
from typing import Any

__all__ = [
    "warn_once",
]

#: The warnings written so far: logger, subject and message
_SAID: set[tuple[str, str, str]] = set()


def warn_once(logger: logging.Logger, subject: str, message: str, *args: Any) -> None:
    """Write a warning to the log, unless this process has written the same one about the same subject.

    :param logger: the log
    :param subject: what it is about, such as the fingerprint of a graph
    :param message: the warning, with placeholders
    :param args: the values of the placeholders
    """
    said = (logger.name, subject, message % args)
    if said not in _SAID:
        _SAID.add(said)
        logger.warning(message, *args)
