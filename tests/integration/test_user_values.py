"""What people's labels, texts and types may hold, all the way through PyKEEN."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pykeen.pipeline import pipeline
from pykeen.triples import TriplesFactory
from transformers import AutoTokenizer

from pykeen_negater import NegativePools, mine
from pykeen_negater.fine_tuning.tokenization import TripleTokenizer
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.pools.exports import export, sentences
from pykeen_negater.report.content import collect
from pykeen_negater.report.page import write_page
from pykeen_negater.sampling.pool_source import _settings_key
from pykeen_negater.texts.loading import load_texts
from pykeen_negater.triples.graphs import Graph

from ..conftest import SMALL

pytestmark = pytest.mark.usefixtures("empty_cache")

#: Mining in a moment
FAST = {"encoder": "structural", "ranker": "similarity", "guard": None}

#: Halves of characters in entities and a relation
BROKEN = [(h.replace("dog", "d\udce9g"), r.replace("IsA", "Is\ud83dA"), t) for h, r, t in SMALL]


def train(factory: TriplesFactory, sampler: str, **kwargs: Any) -> list[float]:
    """Train for a moment.

    :return: the losses
    """
    result = pipeline(
        training=factory,
        testing=factory,
        model="TransE",
        model_kwargs={"embedding_dim": 4},
        training_kwargs={"num_epochs": 2, "use_tqdm": False},
        evaluation_kwargs={"use_tqdm": False},
        negative_sampler=sampler,
        negative_sampler_kwargs=kwargs,
        random_seed=0,
    )
    assert np.isfinite(result.losses).all()
    return result.losses


@pytest.fixture(scope="module")
def broken() -> TriplesFactory:
    return TriplesFactory.from_labeled_triples(np.array(BROKEN))


@pytest.mark.parametrize("sampler", ["basic", "negater"])
def test_halves_of_characters_are_trained_with(broken: TriplesFactory, sampler: str):
    train(broken, sampler, **(FAST if sampler == "negater" else {}))


def test_halves_of_characters_are_kept_and_shown(broken: TriplesFactory, tmp_path: Path):
    pools = mine(triples_factory=broken, **FAST)
    pools.save(tmp_path / "pools")
    loaded = NegativePools.load(tmp_path / "pools")
    loaded.check_vocabulary(Graph.from_factory(broken))
    labels = loaded.load_vocabulary().entity_labels
    assert labels is not None
    assert set(labels) == set(broken.entity_to_id)
    write_page(collect(loaded, "broken"), tmp_path / "report.html")
    assert "d\ufffdg" in tmp_path.joinpath("report.html").read_text(encoding="utf-8")
    assert any("d\ufffdg" in line for lines in sentences(loaded).values() for line in lines)
    assert export(loaded, tmp_path / "triplets.parquet", "triplets") == len(loaded)
    for form in ("tsv", "triples", "parquet"):
        with pytest.raises(
            ValueError, match=r"found the label 'd\\udce9g', which holds a lone surrogate, expected none"
        ):
            export(loaded, tmp_path / f"negatives.{form}", form)
        assert not tmp_path.joinpath(f"negatives.{form}").exists()


def test_halves_of_characters_are_tokenized(broken: TriplesFactory, tiny_bert: str):
    texts = load_texts(Graph.from_factory(broken))
    assert texts is not None
    tokenizer = TripleTokenizer(AutoTokenizer.from_pretrained(tiny_bert), texts)
    assert len(tokenizer.encode(broken.mapped_triples[0].numpy())) > 4


def test_ordinary_fingerprints_stay(small_graph: Graph):
    assert small_graph.vocabulary == "c776bae41d5246608cee8023d40bc973"
    broken, other = (
        Graph.from_triples(np.array([[0, 0, 1]]), 2, 1, (label, "b"), ("r",)) for label in ("\udce9", "\udce8")
    )
    assert broken.fingerprint != other.fingerprint


@pytest.mark.parametrize("as_series", [False, True])
def test_what_pandas_holds_reaches_mining(small_factory: TriplesFactory, as_series: bool):
    labels = list(small_factory.entity_to_id)
    texts = {"dog": "a dog", "cat": None, "oak": float("nan"), "bone": pd.NA, "milk": 2.0, 7: "none"}
    types = {label: ["thing"] for label in labels} | {"dog": None, "cat": "thing", "oak": 3}
    losses = [
        train(small_factory, "negater", entity_text=entity_text, entity_types=entity_types, **FAST)
        for entity_text, entity_types in (
            (pd.Series(texts), pd.Series(types)) if as_series else (texts, types),
            (
                {"dog": "a dog", "milk": "2"},
                {label: "3" if label == "oak" else "thing" for label in labels if label != "dog"},
            ),
        )
    ]
    assert losses[0] == losses[1]


def test_series_and_plain_mappings_are_the_same_settings(small_factory: TriplesFactory):
    series, plain = (
        mine(triples_factory=small_factory, entity_text=texts, **FAST)
        for texts in (pd.Series({"dog": "a dog", "cat": np.nan}), {"dog": "a dog"})
    )
    assert series.metadata["fingerprint"] == plain.metadata["fingerprint"]
    assert torch.equal(series.replacements, plain.replacements)


@pytest.mark.parametrize("name", ["entity_text", "relation_text", "entity_types"])
def test_a_wrong_type_names_its_parameter(small_factory: TriplesFactory, name: str):
    for run in (
        lambda: mine(triples_factory=small_factory, **{name: 42}),
        lambda: train(small_factory, "negater", **{name: 42}),
    ):
        with pytest.raises(ValueError, match=rf"^found {name}=42, expected a mapping of labels to t.*\.$"):
            run()


def test_texts_with_a_byte_order_mark(small_factory: TriplesFactory, tmp_path: Path):
    path = tmp_path / "texts.json"
    path.write_text(json.dumps({"dog": "a dog"}), encoding="utf-8-sig")
    pools = mine(triples_factory=small_factory, entity_text=path, **FAST)
    texts = pools.load_vocabulary().entity_texts
    assert texts is not None
    assert texts[small_factory.entity_to_id["dog"]] == "a dog"


def test_triples_as_rdf_writes_them():
    triples = [
        (
            "<http://www.wikidata.org/entity/Q42>",
            "<http://schema.org/birthPlace>",
            "<http://www.wikidata.org/entity/Q1>",
        ),
        ("<http://dbpedia.org/resource/Ren%C3%A9>", "<http://schema.org/birthPlace>", '"New York"@en'),
        ("<http://dbpedia.org/resource/Ren%C3%A9>", "age", '"42"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        (
            "<http://dbpedia.org/resource/Star_Wars:_A_New_Hope>",
            "age",
            '"43"^^<http://www.w3.org/2001/XMLSchema#integer>',
        ),
        ("3:10 to Yuma", "age", "Mission: Impossible"),
    ]
    factory = TriplesFactory.from_labeled_triples(np.array(triples))
    pools = mine(triples_factory=factory, **FAST)
    texts = pools.load_vocabulary().entity_texts
    assert texts is not None
    assert {texts[i] for i in factory.entity_to_id.values()} == {
        *("Q42", "Q1", "René", "New York", "42", "43", "Star Wars: A New Hope", "3:10 to Yuma", "Mission: Impossible")
    }


@pytest.mark.parametrize("name", ["encoder_kwargs", "ranker_kwargs"])
def test_parameters_of_a_wrong_type(name: str):
    with pytest.raises(ValueError, match=rf"^found {name}=42, expected a mapping of parameters to their values\.$"):
        MiningSettings(**{name: 42})
    with pytest.raises(ValueError, match=rf"^found the key 1 in {name}, expected names of parameters\.$"):
        MiningSettings(**{name: {1: 2}})
    with pytest.raises(ValueError, match=r"^found mining settings that JSON cannot hold, expected names"):
        _settings_key(MiningSettings(**{name: {"dim": float("nan")}}))
