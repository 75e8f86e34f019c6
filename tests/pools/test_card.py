"""Tests for the page about pools."""

import re
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import DatasetCard
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools, mine
from pykeen_negater.embeddings.encoders import encoder_resolver
from pykeen_negater.pools.card import pool_card, public_spelling, training_snippet
from pykeen_negater.rankers.resolver import ranker_resolver
from pykeen_negater.sampling.sampler import NegatERNegativeSampler

pytestmark = pytest.mark.usefixtures("empty_cache")


def read(folder: Path) -> tuple[dict[str, object], str]:
    """Read header and text of a page."""
    empty, header, text = folder.joinpath("README.md").read_text(encoding="utf-8").split("---\n", maxsplit=2)
    assert empty == ""
    return yaml.safe_load(header), text


def test_mined_pools_have_a_page(nations: TriplesFactory, tmp_path: Path):
    pools = mine(triples_factory=nations, encoder="structural", ranker="similarity", guard=None)
    header, text = read(pools.save(tmp_path / "nations.pools"))
    assert header["size_categories"] == ["10K<n<100K"]
    assert 10_000 <= len(pools) < 100_000
    words = " ".join(text.split())
    # nobody has judged whether they are plausible, or false
    assert f"{len(pools):,} corruptions for 1,592 training triples over 14 entities and 55 relations" in words
    assert "false triples" not in words
    assert "with the samplers of pykeen-negater" in words
    assert "whose head or tail is replaced" in words
    assert "| ranker | similarity |" in text
    assert "| guard | none |" in text
    assert "No guard has judged them" in text


def test_the_page_says_what_the_guard_can_tell(nations: TriplesFactory):
    pools = mine(triples_factory=nations, encoder="structural")
    assert pools.path is not None
    _, text = read(pools.path)
    measured = pools.metadata["statistics"]["guard"]["proposed"]
    words = " ".join(text.split())
    assert f"from others with an AUC of {measured['auc']:.3f}" in words
    assert f"more than {pools.max_mined_risk:.2g} times as likely true" in words
    assert "plausible false triples" in words
    assert "with the guard and the samplers of pykeen-negater" in words


def test_small_limits_have_their_digits():
    guard = {"hidden_triples": 3, "proposed": {"auc": 0.9}}
    metadata = {"num_entities": 1, "num_relations": 1, "sides": [0], "statistics": {"guard": guard}}
    assert "more than 0.043 times as likely" in pool_card({**metadata, "max_mined_risk": 0.043}, 1, 1)


def test_names_stay_on_their_line_and_can_be_seen():
    metadata = {
        "num_entities": 1,
        "num_relations": 1,
        "sides": [0],
        "dataset": "a\n# Great\u200f\x1b[31m",
        "language_models": ["b\n\n<!--\u202e"],
        "versions": {"c\nd": "1\n2"},
    }
    page = pool_card(metadata, 1, 1)
    assert "# Negatives for the knowledge graph a # Great\\u200f\\x1b[31m\n" in page
    assert "| language model | b <!--\\u202e |\n| version of c d | 1 2 |\n" in page
    assert not re.search("[\u200f\x1b\u202e]", page)


def test_the_page_names_dataset_and_language_model(tmp_path: Path):
    pools = mine(dataset="nations", guard=None, ranker="similarity")
    folder = pools.save(tmp_path / "nations.pools")
    header, text = read(folder)
    # as the hub's own reader has it
    card = DatasetCard.load(folder / "README.md")
    assert (
        card.data.to_dict()
        == header
        == {
            "license": "unknown",
            "size_categories": ["10K<n<100K"],
            "pretty_name": "Negatives for the knowledge graph nations",
            "tags": ["knowledge-graph", "link-prediction", "negative-sampling", "pykeen"],
        }
    )
    assert card.text == text
    assert header["pretty_name"] == "Negatives for the knowledge graph nations"
    assert header["license"] == "unknown"
    assert "put that license in the place of `unknown`" in " ".join(text.split())
    assert 'dataset="nations",' in text
    assert "| language model | sentence-transformers/all-MiniLM-L6-v2 |" in text
    assert "| encoder | sentence-transformer |" in text


def test_names_are_spelled_as_documented():
    for resolver in (encoder_resolver, ranker_resolver):
        for name, cls in resolver.lookup_dict.items():
            words = re.findall("[A-Z][a-z]+", cls.__name__.removesuffix(resolver.suffix.title()))
            spelled = public_spelling(name)
            assert spelled in (name, "-".join(words).lower())
            assert ("-" in spelled) == (len(words) > 1)


def test_pools_that_were_not_mined_have_a_page(tmp_path: Path):
    pools = NegativePools(
        keys=torch.tensor([0]),
        offsets=torch.tensor([0, 1]),
        replacements=torch.tensor([1], dtype=torch.int32),
        hardness=torch.tensor([0], dtype=torch.uint8),
        num_entities=2,
        num_relations=1,
        sides=(2,),
        vocabulary="made by hand",
    )
    header, text = read(pools.save(tmp_path / "a.pools"))
    assert header["size_categories"] == ["n<1K"]
    words = " ".join(text.split())
    assert "imported or made by hand: nothing is known about how" in words
    assert "NegatER's" not in words


def test_one_is_singular_and_two_are_not():
    metadata = {"num_entities": 1, "num_relations": 1, "sides": [0]}
    assert "1 corruption for 1 training triple over 1 entity and 1 relation." in " ".join(
        pool_card(metadata, 1, 1).split()
    )
    metadata = {"num_entities": 2, "num_relations": 2, "sides": [0]}
    many = " ".join(pool_card(metadata, 1_200, 2).split())
    assert "2 corruptions for 1,200 training triples over 2 entities and 2 relations." in many


@pytest.mark.parametrize(("risk", "negatives"), [(0.5, 100), (2.5, 100), (0.5, 0)])
def test_the_example_draws_mined_negatives_or_says_why_not(risk: float, negatives: int):
    metadata = {"num_entities": 9, "num_relations": 1, "sides": [0, 2], "dataset": "nations"}
    metadata |= {"accepted_risk": risk, "max_mined_risk": 2.0}
    card = " ".join(pool_card(metadata, 5, negatives).split())
    assert '"num_negs_per_pos": 16' in card
    assert ("A share of the positives of each batch gets its negatives from these pools" in card) == (
        risk < 2 and negatives > 0
    )
    assert ("true at least 2.5 times as often as random ones, and 2 times is the most that is safe" in card) == (
        risk > 2
    )
    assert ('Pass "hard_fraction": 0.25 to the sampler' in card) == (risk > 2)
    assert ("No mined negatives are drawn by default: there are none in them" in card) == (negatives == 0)


@pytest.mark.parametrize("sides", [("head", "tail"), ("tail",), ("relation",), ("head", "relation", "tail")])
def test_the_example_draws_mined_negatives(nations: TriplesFactory, tmp_path: Path, sides: tuple[str, ...]):
    """What the page says to run is what draws from these very pools, whatever they corrupt."""
    settings = {"encoder": "structural", "ranker": "similarity", "guard": None, "k": 4, "corruption_scheme": sides}
    pools = mine(triples_factory=nations, **settings)
    program = training_snippet({**pools.metadata, "sides": pools.sides, "dataset": "nations"}, str(pools.path))
    passed = {}
    exec(program.replace("from pykeen.pipeline import pipeline\n", ""), {"pipeline": passed.update})
    assert passed["dataset"] == "nations"
    sampler = NegatERNegativeSampler(
        mapped_triples=nations.mapped_triples,
        num_entities=nations.num_entities,
        num_relations=nations.num_relations,
        **passed["negative_sampler_kwargs"],
    )
    assert sampler.hard_fraction > 0
    assert set(sampler.corruption_scheme) == set(sides)
    assert sampler.hard_negatives is not None
    assert sampler.hard_negatives.draw(nations.mapped_triples.numpy(), 1)[1].any()


def test_the_example_of_a_graph_without_a_name_takes_files():
    program = training_snippet({"sides": [0, 2]}, 'a "quoted" folder\n')
    passed: dict[str, object] = {}
    exec(program.replace("from pykeen.pipeline import pipeline\n", ""), {"pipeline": passed.update})
    assert passed["training"] == "train.tsv"
    assert passed["negative_sampler_kwargs"] == {"pools": 'a "quoted" folder\n', "num_negs_per_pos": 16}


def test_thresholds_are_no_guard():
    metadata = {"num_entities": 1, "num_relations": 1, "sides": [0], "settings": {"guard": "thresholds"}}
    card = " ".join(pool_card(metadata, 1, 1).split())
    assert "Each scores below the threshold of its relation" in card
    assert "No guard has judged how likely" in card


@pytest.mark.parametrize(
    ("negatives", "category"),
    [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (10**9, "1B<n<10B"), (10**15, "n>1T")],
)
def test_sizes(negatives: int, category: str):
    card = pool_card({"num_entities": 1, "num_relations": 1, "sides": [0]}, 1, negatives)
    assert yaml.safe_load(card.split("---\n")[1])["size_categories"] == [category]
