"""``negater mine``."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools
from pykeen_negater.fine_tuning.classifier import load_classifier
from pykeen_negater.fine_tuning.thresholds import Thresholds
from pykeen_negater.triples.graphs import Graph

from ...conftest import SMALL
from .cases import FAST, run

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_mine_writes_pools(pools: Path, small_factory: TriplesFactory):
    loaded = NegativePools.load(pools)
    assert loaded.num_triples == len(SMALL)
    assert loaded.load_vocabulary().entity_labels == tuple(small_factory.entity_to_id)


@pytest.mark.usefixtures("cache_of_scorers")
def test_shortest_command():
    assert "Written to" in run("mine", "--dataset", "nations", *FAST).output


def test_exact_scores_reach_an_export(training: Path, tmp_path: Path):
    run("mine", "--training", training, *FAST, "--output", tmp_path / "a.pools", "--keep-scores")
    run("verify", tmp_path / "a.pools")
    run("export", tmp_path / "a.pools", "--output", tmp_path / "a.tsv")
    scores = NegativePools.load(tmp_path / "a.pools").scores
    assert scores is not None
    written = {line.split("\t")[3] for line in tmp_path.joinpath("a.tsv").read_text(encoding="utf-8").splitlines()}
    assert written <= {str(score) for score in scores.numpy()}


def test_a_checkpoint_of_negater_mines_as_its_model_does(
    training: Path, fine_tuned: Path, tiny_bert: str, small_graph: Graph, tmp_path: Path
):
    model = load_classifier(fine_tuned)
    names = {"encoder.": "bert.", "head.": "triple_scoring_head."}
    weights = {
        next(new + name.removeprefix(old) for old, new in names.items() if name.startswith(old)): value
        for name, value in model.state_dict().items()
    }
    levels = Thresholds.load(fine_tuned, small_graph.num_relations, small_graph.relation_names).by_relation
    thresholds = {
        np.str_(name): torch.tensor(level) for name, level in zip(small_graph.relation_names, levels, strict=True)
    }
    checkpoint = tmp_path / "checkpoint_best.pt"
    torch.save({"model_state_dict": weights, "valid_threshold": thresholds}, checkpoint)
    kwargs = ["--encoder", "structural", "--guard", "thresholds", "--ranker-kwargs", '{"recall": null}']
    options = ["mine", "--training", training, *kwargs, "--ranker", "thresholds"]
    how = ["--language-model", tiny_bert, "--pooling", model.config.pooling, "--max-length", "24"]
    run(*options, "--model", fine_tuned, "-o", tmp_path / "a.pools")
    run(*options, "--model", checkpoint, *how, "-o", tmp_path / "b.pools")
    first, second = (tmp_path.joinpath(f"{name}.pools", "pools.safetensors").read_bytes() for name in "ab")
    assert first == second
    assert len(NegativePools.load(tmp_path / "b.pools")) > 0
    for wrong in ([], [*how, "--epochs", "3"]):
        output = run(*options, "--model", checkpoint, *wrong, code=2).output
        assert "Pass a checkpoint of NegatER as --model with the" in output


def test_dry_run_writes_nothing(training: Path, tmp_path: Path, empty_cache: Path):
    result = run("mine", "--training", training, *FAST, "--output", tmp_path / "x", "--dry-run", "--json")
    plan = json.loads(result.stdout)
    assert (plan["training_triples"], plan["ranker"]) == (11, "similarity")
    assert plan["free_on_the_disk_mebibytes"] > 0
    assert not tmp_path.joinpath("x").exists()
    assert not empty_cache.joinpath("pools").exists()


def test_fine_tuning_options_reach_mining(training: Path, tiny_bert: str):
    options = ["--language-model", tiny_bert, "--epochs", "1", "--pooling", "max", "--seed", "3"]
    output = run("mine", "--training", training, "--encoder", "structural", "--ranker", "thresholds", *options).output
    path = Path(output.split("Written to ")[1].strip())
    name, identity = NegativePools.load(path).metadata["settings"]["ranker"]
    assert name == "thresholds"
    chosen = {"max_training_triples": 2000, "seed": 3, "epochs": 1, "pooling": "max"}
    assert {name: identity["fine_tuning"][name] for name in chosen} == chosen


def test_fine_tuning_options_are_added_to_the_rankers_parameters(training: Path, tiny_bert: str, tmp_path: Path):
    options = ["--training", training, "--encoder", "structural", "--ranker", "thresholds", "--epochs", "1"]
    kwargs = json.dumps({"language_model": tiny_bert, "fine_tuning": {"warmup": 0.0, "epochs": 9}})
    path = Path(run("mine", *options, "--ranker-kwargs", kwargs).output.split("Written to ")[1].strip())
    _, identity = NegativePools.load(path).metadata["settings"]["ranker"]
    assert (identity["fine_tuning"]["warmup"], identity["fine_tuning"]["epochs"]) == (0.0, 1)
    assert "Pass either --model" in run("mine", *options, "--model", tmp_path, code=2).output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\n", "bad.tsv: found 2 column(s), expected at least three: head, relation and tail"),
        ("a\tb\tc\na\tb\tc\td\n", "Expected 3 fields in line 2, saw 4"),
        ("", "is empty, expected one triple"),
    ],
)
def test_bad_training_file(tmp_path: Path, content: str, message: str):
    path = tmp_path / "bad.tsv"
    path.write_text(content)
    output = run("mine", "--training", path, *FAST, "--output", tmp_path / "x", code=1).output
    assert message in output
    assert "Traceback" not in output
    assert not tmp_path.joinpath("x").exists()


def test_entity_text_is_used(training: Path, tmp_path: Path):
    text = tmp_path / "text.tsv"
    text.write_text("dog\tnone\ncat\tnan\nhorse\tNA\n")
    vectors = tmp_path / "vectors.npy"
    np.save(vectors, np.random.default_rng(0).normal(size=(len({x for h, _, t in SMALL for x in (h, t)}), 3)))
    run(
        "mine", "--training", training, "--entity-text", text, "--encoder", "precomputed", "--vectors", vectors,
        "--ranker", "similarity", "--output", tmp_path / "p",
    )  # fmt: skip
    texts = NegativePools.load(tmp_path / "p").load_vocabulary()
    named = dict(zip(texts.entity_labels, texts.entity_texts, strict=True))
    assert (named["dog"], named["cat"], named["horse"], named["oak"]) == ("none", "nan", "NA", "oak")


def test_mining_validates_with_new_entities(training: Path, tiny_bert: str, tmp_path: Path):
    files = [tmp_path / name for name in ("validation.tsv", "negatives.tsv", "text.tsv")]
    for path, content in zip(
        files,
        (
            "unicorn\tIsA\tanimal\ndog\tIsA\tunicorn\n",
            "unicorn\tIsA\tplant\n",
            "dog\tdog\nunicorn\thorse with a horn\n",
        ),
        strict=True,
    ):
        path.write_text(content, encoding="utf-8")
    options = [
        "--training", training, "--validation", files[0], "--validation-negatives", files[1],
        "--encoder", "structural", "--ranker", "thresholds", "--language-model", tiny_bert, "--epochs", "1",
    ]  # fmt: skip
    found = []
    for more in ([], ["--entity-text", files[2]]):
        path = Path(run("mine", *options, *more).output.split("Written to ")[1].strip())
        pools = NegativePools.load(path)
        assert pools.metadata["statistics"]["fine_tuning"]["num_validation_triples"] == 3
        assert "unicorn" not in pools.load_vocabulary().entity_labels
        found.append(path)
    # the text of an entity that only validation triples hold counts
    assert found[0] != found[1]
    files[0].write_text("dog\tlikes\tcat\n", encoding="utf-8")
    output = " ".join(run("mine", *options, code=1).output.split())
    assert "found the relation(s) likes, expected those of the training triples" in output


def test_results_of_pykeen_are_not_replaced(training: Path, tmp_path: Path):
    tmp_path.joinpath("result").mkdir()
    tmp_path.joinpath("result", "metadata.json").write_text("{}")
    output = run("mine", "--training", training, *FAST, "--output", tmp_path / "result", code=1).output
    assert "holds no pools" in output
