"""Whatever happens to a file in the cache, the same command makes it again, and the same results."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pykeen.triples import CoreTriplesFactory, TriplesFactory

from pykeen_negater.mining.miner import mine
from pykeen_negater.mining.run import MiningRun
from pykeen_negater.pools.negative_pools import NegativePools
from pykeen_negater.pools.verification import verify_cache, verify_pools
from pykeen_negater.rankers.resumable_scoring import ResumableScoring
from pykeen_negater.relations.encoder import RelationEncoder
from pykeen_negater.storage.cache import Cache
from pykeen_negater.storage.checksummed_folders import CHECKSUMS

TEMPLATE = "<mask> a <subj> b <obj>"

QUICK = {"epochs": 1, "num_negative": 4, "relations_per_step": 2, "validation_share": 0.0}

FINE_TUNING = {"epochs": 2, "max_length": 24, "validation_share": 0.3}


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    path.joinpath("a").touch()


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


#: What may happen to a file
DAMAGES: dict[str, Callable[[Path], Any]] = {
    "changed by a byte": _flip,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "missing": Path.unlink,
    "a folder": _replace_by_folder,
}

#: How pools are mined, so that all kinds of entries are made
WAYS: dict[str, dict[str, Any]] = {
    "probe": {"ranker": "probe"},
    "index": {"ranker": "similarity", "candidates": "anywhere", "index_factory": "HNSW8", "guard": None},
    "thresholds": {"ranker": "thresholds", "guard": "thresholds", "ranker_kwargs": {"fine_tuning": FINE_TUNING}},
    "proxy": {
        "ranker": "proxy-gradients",
        "guard": None,
        "ranker_kwargs": {"fine_tuning": FINE_TUNING, "num_exact": 20, "epochs": 2},
    },
    "kge": {
        "ranker": "kge",
        "guard": None,
        "ranker_kwargs": {"model": "TransE", "model_kwargs": {"embedding_dim": 4}, "epochs": 2},
    },
    "relations": {
        "ranker": "relation-embedding",
        "guard": None,
        "ranker_kwargs": {"template": TEMPLATE, "training": QUICK},
    },
}

#: The kinds of entries that each way of mining leaves, besides pools and vectors
KINDS = {
    "probe": {"scorers"},
    "index": {"indexes"},
    "thresholds": {"models", "scores"},
    "proxy": {"models", "scores", "proxies"},
    "kge": {"models"},
    "relations": {"relation-encoders", "relation-thresholds", "scores", "relations"},
}


def run(way: str, factory: TriplesFactory, language_model: str, root: Path) -> NegativePools:
    """Mine pools in a way, in a cache."""
    settings = {"encoder": "structural", **WAYS[way]}
    kwargs = dict(settings.get("ranker_kwargs", {}))
    if "fine_tuning" in kwargs:
        kwargs["language_model"] = language_model
    if way == "relations":
        kwargs["model"] = language_model
        encoder = RelationEncoder(language_model, template=TEMPLATE, cache=Cache(root))
        encoder.get_embedding([("dog", "animal"), ("cat", "milk"), ("oak", "forest")])
    return mine(triples_factory=factory, **{**settings, "ranker_kwargs": kwargs or None})


def content(root: Path) -> dict[str, bytes]:
    """Read all that is cached, but durations, and checksums of what holds any."""
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in files.items()
        if path.suffix not in (".lock", ".sha256") and path.name != "durations.json"
    }


def entries(root: Path) -> list[Path]:
    """List what is cached."""
    return sorted(path for path in root.glob("*/[!.]*") if path.is_dir())


def discard_pools(root: Path) -> None:
    """Remove the pools, so that what they are made from is needed."""
    for path in root.glob("pools/*/"):
        Cache(root).discard("pools", path.name)


@pytest.fixture(scope="module", params=WAYS)
def cached(
    request: pytest.FixtureRequest,
    small_factory: TriplesFactory,
    tiny_bert: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path]:
    """Mine in a way, and give its name and a cache."""
    root = tmp_path_factory.mktemp("healing") / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, **_: root)
        run(request.param, small_factory, tiny_bert, root)
    return request.param, root


@pytest.fixture
def copied(cached: tuple[str, Path], empty_cache: Path) -> tuple[str, Path]:
    """Copy the cache, so that it may be damaged."""
    shutil.copytree(cached[1], empty_cache)
    return cached[0], empty_cache


def test_every_kind_of_entry_is_there(cached: tuple[str, Path]):
    way, root = cached
    assert {path.parent.name for path in entries(root)} == {"pools", "vectors", *KINDS[way]}


def test_damage_of_every_file_is_found(copied: tuple[str, Path]):
    _, root = copied
    cache = Cache(root)
    for entry in entries(root):
        files = [path for path in entry.rglob("*") if path.is_file()]
        assert files
        for path in [*files, entry.with_name(f"{entry.name}.sha256")]:
            for name, damage in DAMAGES.items():
                assert cache.find_damage(entry.parent.name, entry.name) is None
                good = path.read_bytes()
                damage(path)
                assert cache.find_damage(entry.parent.name, entry.name) is not None, (path, name)
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
                path.write_bytes(good)


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_same_command_heals_what_pools_are_made_from(
    damage: str, copied: tuple[str, Path], small_factory: TriplesFactory, tiny_bert: str
):
    way, root = copied
    expected = content(root)
    for i, entry in enumerate(entries(root)):
        if entry.parent.name != "pools":
            # another file with another damage
            files = sorted(path for path in entry.rglob("*") if path.is_file())
            DAMAGES[damage](files[(i + list(DAMAGES).index(damage)) % len(files)])
    discard_pools(root)
    run(way, small_factory, tiny_bert, root)
    assert content(root) == expected
    assert {found for _, _, found in verify_cache(Cache(root))} == {None}


@pytest.mark.parametrize("damage", [*DAMAGES, "other checksums"])
def test_the_same_command_heals_every_file_of_pools(
    damage: str,
    small_factory: TriplesFactory,
    tiny_bert: str,
    empty_cache: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
):
    pools = run("index", small_factory, tiny_bert, empty_cache)
    assert pools.path is not None
    expected = content(empty_cache)
    checksums = pools.path.with_name(f"{pools.path.name}.sha256")
    names = [path.name for path in sorted(pools.path.iterdir())] if damage != "other checksums" else []
    for path in [*(pools.path / name for name in names), checksums]:
        if damage in DAMAGES:
            DAMAGES[damage](path)
        else:
            checksums.write_text(checksums.read_text().replace("0", "1"))
        caplog.clear()
        run("index", small_factory, tiny_bert, empty_cache).save(tmp_path / "saved")
        verify_pools(tmp_path / "saved")
        assert content(empty_cache) == expected
        (line,) = (record.message for record in caplog.records if "again" in record.message)
        assert line.startswith(f"{pools.path} is damaged: ")
        assert line.endswith(" It is made again.")
        # it is whole now
        caplog.clear()
        run("index", small_factory, tiny_bert, empty_cache)
        assert not caplog.records


#: Where a run is interrupted, and what is left there
PIECES = {
    "probe": (MiningRun, "shards/*/0"),
    "index": (MiningRun, "shards/*/all/tail"),
    "thresholds": (ResumableScoring, "scores/*-parts/0"),
    "proxy": (ResumableScoring, "shards/*/chosen"),
}


@pytest.fixture(scope="module", params=PIECES)
def interrupted(
    request: pytest.FixtureRequest,
    small_factory: TriplesFactory,
    tiny_bert: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path, Path]:
    """Mine in a way, to the end and not, and give its name, the cache that is left, and what should be in it."""
    roots = [tmp_path_factory.mktemp("interrupted") / "cache" for _ in range(2)]

    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        for root in roots:
            patch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, root=root, **_: root)
            with suppress(KeyboardInterrupt):
                run(request.param, small_factory, tiny_bert, root)
            patch.setattr(PIECES[request.param][0], "_put_together", interrupt)
    return request.param, roots[1], roots[0]


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_same_command_heals_what_an_interrupted_run_has_left(
    damage: str, interrupted: tuple[str, Path, Path], small_factory: TriplesFactory, tiny_bert: str, empty_cache: Path
):
    way, left, whole = interrupted
    (piece,) = left.glob(PIECES[way][1])
    names = sorted(path.relative_to(left) for path in piece.iterdir())
    assert piece.relative_to(left) / CHECKSUMS in names
    for name in names:
        shutil.rmtree(empty_cache, ignore_errors=True)
        shutil.copytree(left, empty_cache)
        DAMAGES[damage](empty_cache / name)
        run(way, small_factory, tiny_bert, empty_cache)
        assert content(empty_cache) == content(whole)


def test_the_same_command_replaces_what_stands_where_pieces_should(
    interrupted: tuple[str, Path, Path], small_factory: TriplesFactory, tiny_bert: str, empty_cache: Path
):
    way, left, whole = interrupted
    (piece,) = left.glob(PIECES[way][1])
    for place in (piece, piece.parent):
        shutil.rmtree(empty_cache, ignore_errors=True)
        shutil.copytree(left, empty_cache)
        shutil.rmtree(empty_cache / place.relative_to(left))
        empty_cache.joinpath(place.relative_to(left)).write_text("a file")
        run(way, small_factory, tiny_bert, empty_cache)
        assert content(empty_cache) == content(whole)


def test_damaged_pools_are_not_used_and_stay_where_nothing_is_mined(
    small_factory: TriplesFactory, empty_cache: Path, caplog: pytest.LogCaptureFixture
):
    from pykeen_negater import NegatERNegativeSampler

    settings = {"encoder": "structural", "ranker": "similarity", "guard": None}
    pools = mine(triples_factory=CoreTriplesFactory.create(small_factory.mapped_triples), **settings)
    assert pools.path is not None
    vocabulary = pools.path / "vocabulary.json"
    vocabulary.write_text("{}")
    caplog.clear()
    sampler = NegatERNegativeSampler(
        mapped_triples=small_factory.mapped_triples, num_entities=13, num_relations=3, mine="never", **settings
    )
    assert len(sampler.corrupt_batch(small_factory.mapped_triples)) == small_factory.num_triples
    (line,) = (record.message for record in caplog.records if "damaged" in record.message)
    assert line.startswith(f"{pools.path} is damaged: the checksum of vocabulary.json is not the one in ")
    assert line.endswith("It is not used; mining makes it again.")
    assert vocabulary.read_text() == "{}"
