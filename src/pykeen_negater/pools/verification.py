"""Checks that pools and other entries of the cache are undamaged, and that pools have their invariants."""

from collections.abc import Iterator
from pathlib import Path

from ..runtime.random_state import pinned_defaults
from ..storage.atomic_writing import restore_folder
from ..storage.cache import Cache
from ..storage.checksummed_folders import CHECKSUMS
from ..storage.checksums import find_damage
from ..triples.graphs import vocabulary_fingerprint
from .checks import check_ids, check_negatives, check_scores
from .codec import score_range
from .files import PoolsError, check_checksums
from .negative_pools import NegativePools

__all__ = [
    "verify_cache",
    "verify_pools",
]


@pinned_defaults()
def verify_pools(path: str | Path) -> NegativePools:
    """Check a folder of pools completely, however large it is.

    The files are compared with their checksums. Keys and offsets must ascend, ids must be in range, and each pool must
    have its hardest negatives first and no training triple. Exact scores must be those that hardness was rounded from.
    The labels must be those of the vocabulary's fingerprint.

    :param path: a folder of pools
    :return: the pools
    :raises PoolsError: if a check fails
    """
    path = Path(path)
    restore_folder(path)
    check_checksums(path)
    pools = NegativePools.load(path)
    arrays = pools.arrays
    try:
        check_ids(arrays, pools.num_entities, pools.num_relations, pools.sides)
        check_negatives(arrays, pools.num_entities, pools.num_relations, pools.sides)
        if pools.scores is not None:
            check_scores(pools.scores, pools.hardness, *score_range(pools.metadata))
    except ValueError as error:
        raise PoolsError(f"{path} is wrong: {error} Mine the pools again.") from error
    vocabulary = pools.load_vocabulary()
    labels = vocabulary.entity_labels, vocabulary.relation_labels
    found = vocabulary_fingerprint(pools.num_entities, pools.num_relations, *labels)
    if vocabulary.entity_labels is not None and found != pools.vocabulary:
        raise PoolsError(
            f"{path} is wrong: found labels with the fingerprint {found}, but the pools are for {pools.vocabulary}. "
            f"Mine the pools again."
        )
    return pools


def verify_cache(cache: Cache) -> Iterator[tuple[Path, bool, str | None]]:
    """Check everything in the cache: pools completely, other entries and unfinished work by their checksums.

    :param cache: the cache
    :yields: a triple (a folder, whether it has checksums to compare with, what is wrong with it or None)
    """
    for path in sorted(path for path in cache.root.glob("*/[!.]*") if path.is_dir()):
        if path.parent.name == "pools":
            yield path, True, _pools_damage(path) or cache.find_damage("pools", path.name)
        elif path.parent.name in ("shards", "checkpoints") or path.name.endswith("-parts"):
            for piece in _pieces(path):
                # interrupted training may leave a checkpoint without checksums, and does not go on from it
                is_finished = path.parent.name != "checkpoints" or piece.joinpath(CHECKSUMS).is_file()
                yield piece, is_finished, find_damage(piece, piece / CHECKSUMS) if is_finished else None
        else:
            # every entry of the cache was locked when it was built
            is_entry = any(path.with_name(f"{path.name}.{suffix}").exists() for suffix in ("lock", "sha256"))
            yield path, is_entry, cache.find_damage(path.parent.name, path.name) if is_entry else None


def _pools_damage(path: Path) -> str | None:
    try:
        verify_pools(path)
    except PoolsError as error:
        return str(error)
    return None


def _pieces(path: Path) -> list[Path]:
    """List the innermost folders of a folder, without those that are empty or being filled."""
    content = sorted(path.glob("[!.]*"))
    inner = [piece for folder in content if folder.is_dir() for piece in _pieces(folder)]
    return inner or ([path] if any(file.is_file() for file in content) else [])
