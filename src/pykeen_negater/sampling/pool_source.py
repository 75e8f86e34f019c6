"""Finds the pools for a sampler: at a path, in memory, in the cache, or by mining."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from ..mining.miner import Miner
from ..mining.settings import MiningSettings
from ..pools.negative_pools import NegativePools
from ..storage.cache import file_stamps, fingerprint
from ..utils.spelling import check_choice
from .positives import Positives
from .training_context import Purpose, current_purpose

__all__ = [
    "MiningMode",
    "find_pools",
]

#: Whether missing pools are mined (``auto``), or the sampler does without (``never``)
MiningMode: TypeAlias = Literal["auto", "never"]

#: The endings of parameters that name a file or a folder
_NAMES_OF_PATHS = ("path", "file", "folder", "model", "state_dict")

#: The pools that this process trains with, by graph and settings, which determine them
_BY_GRAPH: dict[tuple[str, str], NegativePools] = {}


def find_pools(
    pools: str | Path | NegativePools | None,
    positives: Positives,
    mode: MiningMode,
    settings: MiningSettings,
) -> NegativePools | None:
    """Find the pools for a sampler.

    They depend on the triples and the settings alone, never on earlier work of the process. Nothing is mined for
    triples on which a loss is only evaluated, see :func:`pykeen_negater.sampling.training_context.current_purpose`.

    :param pools: pools, or their folder. If None, they are mined, unless they are cached.
    :param positives: the triples that the sampler is made for
    :param mode: whether to mine
    :param settings: the settings of mining
    :return: the pools; None if there are none and none may be mined, or if nothing is trained
    :raises ValueError: if there is no such mode, the pools cannot be used here, or mining fails for its settings
    """
    check_choice("mine", mode, get_args(MiningMode))
    if pools is not None:
        found = pools if isinstance(pools, NegativePools) else NegativePools.load(pools)
        size = positives.num_entities, positives.num_relations
        if positives.factory is not None:
            found.check_vocabulary(positives.graph)
        elif size != (found.num_entities, 2 * found.num_relations):
            # without a factory, twice as many relations as in the pools can only mean inverse triples
            found.check_size(*size)
        return found
    if current_purpose() is Purpose.EVALUATION:
        return None
    graph = positives.graph
    key = (graph.fingerprint, _settings_key(settings))
    if key not in _BY_GRAPH or _BY_GRAPH[key].is_replaced():
        miner = Miner(graph, settings)
        mined = miner.mine() if mode == "auto" else miner.cached()
        if mined is None:
            return None
        _BY_GRAPH[key] = mined
    return _BY_GRAPH[key]


def _settings_key(settings: MiningSettings) -> str:
    """Identify settings, with the versions of the files that they name."""
    try:
        return fingerprint({"settings": dict(vars(settings)), "files": _stamps(settings)})
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"found mining settings that JSON cannot hold, expected names, numbers and paths: {error}. Mine with "
            f"pykeen_negater.mine(...), and pass the result as pools=... to the sampler."
        ) from error


def _stamps(settings: MiningSettings) -> dict[str, dict[str, list[int]]]:
    """Get the stamps of the files and folders that the settings name."""
    values = [settings.entity_text, settings.relation_text, settings.entity_types]
    named = [value for value in values if isinstance(value, str)]
    named += [*_paths(settings.encoder_kwargs or {}), *_paths(settings.ranker_kwargs or {})]
    return {path: file_stamps(Path(path)) for path in named if _exists(path)}


def _paths(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Find possible paths among parameters, nested ones included."""
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            yield from _paths(value)
        elif isinstance(value, str) and value and name.endswith(_NAMES_OF_PATHS):
            yield value


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # e.g. if it is too long for a path, since it may be the name of a model
        return False
