"""Whether pools, and whatever else is in the cache, are what was written, and what they promise to be."""

from collections.abc import Iterator
from pathlib import Path

from .atomic_writing import restore_folder
from .caching import Cache
from .checksums import find_damage
from .graphs import vocabulary_fingerprint
from .pool_checks import check_ids, check_negatives
from .pool_files import DTYPES, PoolsError, check_checksums
from .pools import NegativePools

__all__ = [
    "verify_cache",
    "verify_pools",
]


def verify_pools(path: str | Path) -> NegativePools:
    """Check a folder of pools as a whole, however large it is.

    The files are compared with their checksums. Keys and offsets must ascend, ids must be in range, and each pool must
    have its hardest negatives first and no training triple. The labels must be those of the vocabulary's fingerprint.

    :param path: a folder of pools
    :return: the pools
    :raises PoolsError: if something does not hold
    """
    path = Path(path)
    restore_folder(path)
    check_checksums(path)
    pools = NegativePools.load(path)
    arrays = {name: getattr(pools, name) for name in DTYPES}
    try:
        check_ids(arrays, pools.num_entities, pools.num_relations, pools.sides)
        check_negatives(arrays, pools.num_entities, pools.num_relations, pools.sides)
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


def verify_cache(cache: Cache) -> Iterator[tuple[Path, str | None]]:
    """Check all that is cached: pools as a whole, other entries by their checksums.

    :param cache: the cache
    :yields: a pair (the folder of an entry, what is wrong with it or None)
    """
    for path in sorted(path for path in cache.root.glob("*/[!.]*") if path.is_dir()):
        if path.parent.name != "pools":
            yield path, find_damage(path, path.with_name(f"{path.name}.sha256"))
            continue
        try:
            verify_pools(path)
            yield path, None
        except PoolsError as error:
            yield path, str(error)
