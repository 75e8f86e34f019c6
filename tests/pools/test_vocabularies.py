"""Vocabularies that differ, and ids without labels, from mining to training."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from pykeen.pipeline import pipeline
from pykeen.triples import TriplesFactory

from pykeen_negater import NegatERNegativeSampler, NegativePools, mine
from pykeen_negater.cli.main import main
from pykeen_negater.pools.exports import export, readable_texts, to_frame
from pykeen_negater.pools.files import PoolsError, Vocabulary, read_vocabulary
from pykeen_negater.pools.verification import verify_pools
from pykeen_negater.pools.vocabularies import describe_differences
from pykeen_negater.sampling.training_context import triples_factory_noted
from pykeen_negater.triples.graphs import Graph

from ..conftest import SMALL

pytestmark = pytest.mark.usefixtures("empty_cache")

FAST = {"encoder": "structural", "ranker": "similarity", "guard": None}


@pytest.fixture
def pools(small_factory: TriplesFactory, tmp_path: Path) -> NegativePools:
    """Mine pools for the small triples."""
    return NegativePools.load(mine(triples_factory=small_factory, **FAST).save(tmp_path / "a.pools"))


def _factory(triples: list[tuple[str, ...]]) -> TriplesFactory:
    return TriplesFactory.from_labeled_triples(np.array(triples, dtype=object))


def test_the_first_labels_that_differ_are_named(pools: NegativePools):
    changed = [tuple({"kennel": "Kennel", "hay": '"hay"'}.get(part, part) for part in triple) for triple in SMALL]
    with pytest.raises(PoolsError) as error:
        pools.check_vocabulary(Graph.from_factory(_factory(changed)))
    assert "2 of the pools' 13 entities are only there ('hay', 'kennel')" in str(error.value)
    assert "2 of the graph's 13 entities are only there ('\"hay\"', 'Kennel')" in str(error.value)
    assert "relations are only" not in str(error.value)


def test_other_numbers_of_labels(pools: NegativePools):
    more = [*SMALL, ("dog", "Desires_inverse", "cat"), *((f"x{i}", "IsA", "animal") for i in range(5))]
    factory = TriplesFactory.from_labeled_triples(np.array(more), filter_out_candidate_inverse_relations=False)
    with pytest.raises(PoolsError) as error:
        pools.check_vocabulary(Graph.from_factory(factory))
    assert "5 of the graph's 18 entities are only there ('x0', 'x1', 'x2', …)" in str(error.value)
    assert "1 of the graph's 4 relations are only there ('Desires_inverse')" in str(error.value)
    assert "of the pools'" not in str(error.value)


def test_other_ids(pools: NegativePools, small_graph: Graph):
    labels = small_graph.entity_labels
    assert labels is not None
    swapped = replace(small_graph, entity_labels=(labels[1], labels[0], *labels[2:]))
    with pytest.raises(
        PoolsError, match=r"2 of 13 entities have other ids \('animal' is 0 there and 1 here, 'bone' is"
    ):
        pools.check_vocabulary(swapped)


def test_nothing_to_say():
    graph = Graph.from_triples(torch.tensor([[0, 0, 1]]), 2, 1, ("a", None), ("r",))
    assert describe_differences(Vocabulary(("a", None), ("r",)), graph) is None
    assert describe_differences(Vocabulary(), graph) is None
    assert describe_differences(Vocabulary(("a", "b"), None), graph) == (
        "1 of the pools' 2 entities are only there ('b')"
    )


def test_the_sampler_names_the_first_labels_that_differ(pools: NegativePools, nations: TriplesFactory):
    with pytest.raises(PoolsError, match=r"13 of the pools' 13 entities are only there \('animal', 'bone', 'cat', …\)"):
        pipeline(
            training=nations,
            testing=nations,
            model="TransE",
            training_kwargs={"num_epochs": 1, "use_tqdm": False},
            negative_sampler="negater",
            negative_sampler_kwargs={"pools": str(pools.path)},
        )


def test_pools_from_the_command_line_serve_the_pipeline(tmp_path: Path):
    """Whatever stands in a file means the same to both."""
    lines = ['"big dog"\tIsA\tanimal\t0.5', "animal\tIsA_inverse\tcat\t1", "none\tIsA\tplant\t1"]
    lines += ["\t".join((*triple, "1")) for triple in SMALL]
    training = tmp_path / "training.tsv"
    training.write_text("\n".join(lines), encoding="utf-8")
    command = ["mine", "--training", str(training), "--encoder", "structural", "--ranker", "similarity"]
    result = CliRunner().invoke(main, [*command, "--guard", "none", "--output", str(tmp_path / "a.pools")])
    assert result.exit_code == 0, result.output
    entity_labels = read_vocabulary(tmp_path / "a.pools").entity_labels
    assert entity_labels is not None
    assert {"big dog", "none"} <= set(entity_labels)
    assert NegativePools.load(tmp_path / "a.pools").num_triples == len(SMALL) + 2
    pipeline(
        training=training,
        testing=training,
        model="TransE",
        model_kwargs={"embedding_dim": 4},
        training_kwargs={"num_epochs": 1, "use_tqdm": False},
        negative_sampler="negater",
        negative_sampler_kwargs={"pools": str(tmp_path / "a.pools")},
        evaluation_kwargs={"use_tqdm": False},
    )


@pytest.mark.parametrize("command", ["mine", "import", "evaluate", "fine-tune"])
def test_the_command_line_reads_files_as_it_is_told(command: str, tiny_bert: str, tmp_path: Path):
    training, other = tmp_path / "training.csv", tmp_path / "other.csv"
    training.write_bytes("\n".join(",".join((tail, relation, head)) for head, relation, tail in SMALL).encode())
    other.write_text("plant,IsA,dog\n", encoding="utf-8")
    negatives = tmp_path / "negatives.tsv"
    negatives.write_text("dog\tIsA\tplant\n", encoding="utf-8")
    how = ["--load-triples-kwargs", json.dumps({"delimiter": ",", "column_remapping": [2, 1, 0]})]
    arguments = {
        "mine": ["mine", "--encoder", "structural", "--ranker", "similarity", "--guard", "none", "--validation", other],
        "import": ["import", negatives],
        "evaluate": ["evaluate", "--validation", other, "--testing", other, "--samplers", "basic", "--epochs", "1"],
        "fine-tune": [
            "fine-tune",
            "--testing",
            other,
            "--testing-negatives",
            other,
            "--dry-run",
            "--language-model",
            tiny_bert,
        ],
    }[command]
    output = [] if command in ("evaluate", "mine") else ["--output", tmp_path / "a.out"]
    words = list(map(str, [*arguments, "--training", training, *how, *output, "--json"]))
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    without = [word for word in words if word not in how]
    result = CliRunner().invoke(main, without)
    assert result.exit_code == 1
    assert "training.csv: found 1 column(s), expected at least three" in result.output


#: The ids 7 and 1 are no entity's, and 7 is the label of another
GAPS = {
    "entity_to_id": {"7": 2, "30": 9, "dog": 0, "cat": 6, "horse": 5},
    "relation_to_id": {"knows": 3, "likes": 1},
}


@pytest.fixture
def gaps() -> TriplesFactory:
    """Make triples whose ids have gaps; one of them has an entity without a label, and one a relation without."""
    triples = [[2, 3, 0], [0, 3, 6], [6, 3, 5], [5, 1, 9], [9, 1, 2], [2, 1, 6], [4, 1, 0], [0, 2, 2], [6, 2, 2]]
    return TriplesFactory(torch.tensor(triples), **GAPS)


def test_known_triples_of_a_graph_with_gaps(gaps: TriplesFactory):
    with triples_factory_noted(gaps):
        sampler = NegatERNegativeSampler(
            mapped_triples=gaps.mapped_triples,
            num_entities=gaps.num_entities,
            num_relations=gaps.num_relations,
            mine="never",
            known_triples=[["7", "knows", "30"], ["1", "knows", "30"]],
            relation_overrides={"knows": {"hard_fraction": 0.5}},
            **FAST,
        )
    assert sampler.known is not None
    assert sampler.known.contains(torch.tensor([[2, 3, 9]])).tolist() == [True]
    assert len(sampler.known) == 1


def test_overrides_have_labels_only(gaps: TriplesFactory):
    with triples_factory_noted(gaps), pytest.raises(ValueError, match=r"relation_overrides for \['0'\], .*'knows'"):
        NegatERNegativeSampler(
            mapped_triples=gaps.mapped_triples,
            num_entities=gaps.num_entities,
            num_relations=gaps.num_relations,
            mine="never",
            relation_overrides={"0": {"hard_fraction": 0.5}},
            **FAST,
        )


def test_a_graph_with_gaps_from_mining_to_training(gaps: TriplesFactory, tmp_path: Path, caplog):
    mined = mine(triples_factory=gaps, **FAST, entity_text={"dog": "a dog", "4": "a cow"}, entity_types={"dog": "x"})
    pools = verify_pools(mined.save(tmp_path / "a.pools"))
    vocabulary = pools.load_vocabulary()
    assert vocabulary.entity_labels == ("dog", None, "7", None, None, "horse", "cat", None, None, "30")
    assert vocabulary.relation_labels == (None, "likes", None, "knows")
    texts = readable_texts(pools)
    assert (texts.entities[0], texts.entities[4]) == ("a dog", "entity 4 (no label)")
    assert texts.relations[2] == "relation 2 (no label)"
    # a table has what is known of the labels, and files for programs that know entities by label no others
    frame = to_frame(pools)
    incomplete = frame[["head", "relation", "tail"]].isna().any(axis=1)
    assert incomplete.any()
    assert export(pools, tmp_path / "a.parquet", "parquet") == len(frame)
    assert export(pools, tmp_path / "a.triplets", "triplets") == len(frame)
    for form in ("tsv", "triples"):
        rows = export(pools, tmp_path / "a.tsv", form)
        assert rows == len(frame[~incomplete][["head", "relation", "tail"]].drop_duplicates())
        assert {part for line in (tmp_path / "a.tsv").read_text().splitlines() for part in line.split("\t")[:3]} <= {
            *GAPS["entity_to_id"],
            *GAPS["relation_to_id"],
        }
    assert f"{incomplete.sum()} negatives hold an id without a label, and are left out" in caplog.text
    # what is written is read again
    read = CliRunner().invoke(main, ["report", str(tmp_path / "a.pools"), "--text"])
    assert read.exit_code == 0, read.output
    pipeline(
        training=gaps,
        testing=gaps,
        model="TransE",
        model_kwargs={"embedding_dim": 4},
        training_kwargs={"num_epochs": 1, "use_tqdm": False},
        negative_sampler="negater",
        negative_sampler_kwargs={"pools": str(tmp_path / "a.pools"), "hard_fraction": 1.0},
        evaluation_kwargs={"use_tqdm": False},
    )
    # what is invented would be a label like any other
    graph = Graph.from_factory(gaps)
    labels = tuple(f"#{i}" if label is None else label for i, label in enumerate(graph.entity_labels or ()))
    with pytest.raises(PoolsError, match=r"5 of the graph's 10 entities are only there \('#1', '#3', '#4', …\)"):
        pools.check_vocabulary(replace(graph, entity_labels=labels))
