"""Where a sampler gets its pools from, and when it looks again."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pykeen.triples import CoreTriplesFactory, SubGraphSLCWAInstances, TriplesFactory

from pykeen_negater import NegatERNegativeSampler, NegativePools
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.sampling import pool_source

#: Mining in a moment
FAST = {"encoder": "structural", "ranker": "similarity", "guard": None}


def test_mine_never(nations: TriplesFactory, empty_cache: Path):
    kwargs = {"mapped_triples": nations.mapped_triples, **FAST}
    assert NegatERNegativeSampler(**kwargs, mine="never").pools is None
    assert NegatERNegativeSampler(**kwargs).pools is not None
    pool_source._BY_GRAPH.clear()
    assert NegatERNegativeSampler(**kwargs, mine="never").pools is not None


def test_other_triples_over_the_same_vocabulary_are_mined_for_themselves(nations: TriplesFactory, empty_cache: Path):
    first, second = nations.split([0.5, 0.5], random_state=0)
    pools = [
        NegatERNegativeSampler(mapped_triples=part.mapped_triples, num_entities=14, num_relations=55, **FAST).pools
        for part in (first, second)
    ]
    assert pools[0].path != pools[1].path


def test_no_labels_no_failure(nations: TriplesFactory):
    core = CoreTriplesFactory(nations.mapped_triples, nations.num_entities, nations.num_relations)
    instances = SubGraphSLCWAInstances.from_triples_factory(core, batch_size=8, negative_sampler="negater")
    assert instances.negative_sampler.pools.metadata["labelled"] is False


def test_paths_are_as_good_as_strings(small_factory: TriplesFactory, tmp_path: Path, empty_cache: Path):
    text = tmp_path / "text.tsv"
    text.write_text("dog\tA dog\n", encoding="utf-8")
    samplers = []
    for path in (text, str(text)):
        instances = SubGraphSLCWAInstances.from_triples_factory(
            small_factory,
            batch_size=2,
            negative_sampler="negater",
            negative_sampler_kwargs={**FAST, "entity_text": path},
        )
        samplers.append(instances.negative_sampler)
    assert samplers[0].pools is samplers[1].pools
    assert "A dog" in samplers[0].pools.load_vocabulary().entity_texts


def test_changed_texts_are_noticed(small_factory: TriplesFactory, tmp_path: Path, empty_cache: Path):
    text = tmp_path / "text.tsv"
    found = []
    for content in ("dog\tA dog\n", "dog\tA big dog\n"):
        text.write_text(content, encoding="utf-8")
        instances = SubGraphSLCWAInstances.from_triples_factory(
            small_factory,
            batch_size=2,
            negative_sampler="negater",
            negative_sampler_kwargs={**FAST, "entity_text": str(text)},
        )
        found.append(instances.negative_sampler.pools.load_vocabulary().entity_texts)
    assert "A dog" in found[0]
    assert "A big dog" in found[1]


@pytest.mark.parametrize("how", ["replaced", "rewritten", "removed"])
def test_pools_that_change_on_disk_are_noticed(how: str, nations: TriplesFactory, empty_cache: Path, tmp_path: Path):
    def pools() -> NegativePools:
        """Make a sampler, and take its pools."""
        return NegatERNegativeSampler(mapped_triples=nations.mapped_triples, **FAST).pools

    first = pools()
    assert pools() is first
    other = replace(first, metadata={**first.metadata, "note": "other"})
    match how:
        case "replaced":
            other.save(first.path)
        case "rewritten":
            for path in other.save(tmp_path / "other").iterdir():
                first.path.joinpath(path.name).write_bytes(path.read_bytes())
        case "removed":
            shutil.rmtree(first.path)
    second = pools()
    # what is mapped into memory outlives its folder; what is not what was mined is mined again
    assert (second is first) == (how == "removed")
    assert "note" not in second.metadata
    assert torch.equal(second.replacements, first.replacements)
    assert pools() is second


def test_changed_files_in_a_folder_of_parameters_are_noticed(tmp_path: Path):
    weights = tmp_path / "umls.model" / "weights" / "model.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_text("1")
    settings = MiningSettings(ranker="thresholds", ranker_kwargs={"model": str(tmp_path / "umls.model")})
    before = pool_source._stamps(settings)
    assert pool_source._stamps(settings) == before
    weights.write_text("23")
    assert pool_source._stamps(settings) != before


def test_texts_among_parameters_are_no_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for name in ("tests", "models"):
        tmp_path.joinpath(name).mkdir()
        tmp_path.joinpath(name, "a").touch()
    kwargs = {"template": "tests", "model": "m" * 300, "path": "", "training": {"template": "<subj>" * 100}}
    assert pool_source._stamps(MiningSettings(encoder_kwargs=kwargs, ranker_kwargs={"model": "\0"})) == {}
    assert set(pool_source._stamps(MiningSettings(ranker_kwargs={"language_model": "models"}))) == {"models"}


def test_changed_files_of_parameters_of_parameters_are_noticed(tmp_path: Path):
    path = tmp_path / "negatives.tsv"
    settings = MiningSettings(ranker_kwargs={"fine_tuning": {"negatives_kwargs": {"path": str(path)}}})
    stamps = [pool_source._stamps(settings)]
    for content in ("a\tb\tc\n", "a\tb\tlonger\n"):
        path.write_text(content, encoding="utf-8")
        stamps.append(pool_source._stamps(settings))
    assert stamps[0] == {}
    assert stamps[1].keys() == stamps[2].keys() == {str(path)}
    assert stamps[1] != stamps[2]
