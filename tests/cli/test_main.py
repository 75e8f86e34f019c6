"""Tests for the command line and the exports."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools
from pykeen_negater.cli.main import main
from pykeen_negater.pools.exports import export, sentences, to_frame
from pykeen_negater.storage.cache import file_digest
from pykeen_negater.triples.indexing import keys_to_triples

from ..conftest import SMALL

pytestmark = pytest.mark.usefixtures("empty_cache")

FAST = ["--encoder", "structural", "--ranker", "similarity"]


def run(*arguments: str | Path, code: int = 0) -> Result:
    """Run the command, and check its exit code."""
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """Write the small triples to a file."""
    path = tmp_path / "train.tsv"
    path.write_text("".join("\t".join(triple) + "\n" for triple in SMALL), encoding="utf-8")
    return path


@pytest.fixture
def pools(training: Path, tmp_path: Path) -> Path:
    """Mine pools for the small triples."""
    run("mine", "--training", training, *FAST, "--output", tmp_path / "small.pools")
    return tmp_path / "small.pools"


def test_mine_writes_pools(pools: Path, small_factory: TriplesFactory):
    loaded = NegativePools.load(pools)
    assert loaded.num_triples == len(SMALL)
    assert loaded.load_vocabulary().entity_labels == tuple(small_factory.entity_to_id)


def test_shortest_command():
    assert "Written to" in run("mine", "--dataset", "nations", *FAST).output


def test_dry_run_writes_nothing(training: Path, tmp_path: Path, empty_cache: Path):
    result = run("mine", "--training", training, *FAST, "--output", tmp_path / "x", "--dry-run", "--json")
    plan = json.loads(result.stdout)
    assert (plan["training_triples"], plan["ranker"]) == (11, "similarity")
    assert plan["free_on_the_disk_mebibytes"] > 0
    assert not tmp_path.joinpath("x").exists()
    assert not empty_cache.joinpath("pools").exists()


def test_fine_tune_then_mine_with_the_model(training: Path, tiny_bert: str, tmp_path: Path):
    model = tmp_path / "small.model"
    options = ["--training", training, "--max-length", "24"]
    dry = run("fine-tune", *options, "--language-model", tiny_bert, "--output", model, "--dry-run", "--json")
    assert json.loads(dry.stdout)["language_model_to_fine_tune"] == tiny_bert
    assert not model.exists()
    output = run("fine-tune", *options, "--language-model", tiny_bert, "--epochs", "1", "--output", model).output
    assert "validation accuracy" in output
    output = run("mine", "--training", training, "--encoder", "structural", "--model", model).output
    assert "step score" in output
    assert "step fine-tune" not in output


def test_fine_tuning_options_reach_mining(training: Path, tiny_bert: str):
    options = ["--language-model", tiny_bert, "--epochs", "1", "--pooling", "max", "--seed", "3"]
    output = run("mine", "--training", training, "--encoder", "structural", "--ranker", "thresholds", *options).output
    path = Path(output.split("Written to ")[1].strip())
    name, identity = NegativePools.load(path).metadata["settings"]["ranker"]
    assert name == "thresholds"
    chosen = {"max_training_triples": 2000, "seed": 3, "epochs": 1, "pooling": "max"}
    assert {name: identity["fine_tuning"][name] for name in chosen} == chosen


def test_negatives_of_fine_tuning(training: Path, tiny_bert: str, tmp_path: Path):
    path = tmp_path / "negatives.tsv"
    path.write_text("head\trelation\ttail\noak\tIsA\tanimal\n", encoding="utf-8")
    options = [
        "--training", training, "--language-model", tiny_bert, "--epochs", "1", "--max-length", "24",
        "--negatives", "precomputed", "--negatives-kwargs", json.dumps({"path": str(path)}),
        "--corruptions", "head=2, relation=1,tail=0",
    ]  # fmt: skip
    dry = run("fine-tune", *options, "--output", tmp_path / "model", "--dry-run", "--json")
    assert json.loads(dry.stdout)["examples"] == 44
    assert "Written to" in run("fine-tune", *options, "--output", tmp_path / "model").output
    mining = ["--encoder", "structural", "--ranker", "thresholds"]

    def mine() -> Path:
        """Mine, and tell where the pools are."""
        return Path(run("mine", *options, *mining).output.split("Written to ")[1].strip())

    first = mine()
    identity = NegativePools.load(first).metadata["settings"]["ranker"][1]["fine_tuning"]
    assert identity["negatives"] == "precomputed"
    assert identity["negatives_kwargs"] == {"path": file_digest(path)}
    assert identity["corruptions"] == {"head": 2, "relation": 1}
    assert mine() == first
    path.write_text("oak\tIsA\tstable\n", encoding="utf-8")
    assert mine() != first


@pytest.mark.parametrize("command", ["fine-tune", "mine"])
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--negatives-kwargs", "{"], 2, "which is not valid JSON"),
        (["--negatives-kwargs", "[1]"], 2, "expected a JSON object"),
        (["--corruptions", "head"], 2, "found 'head', expected head=1,relation=0,tail=1 or the like"),
        (["--corruptions", "head=1,head=2"], 2, "found 'head=2'"),
        (["--corruptions", "head=-1"], 2, "found 'head=-1'"),
        (["--corruptions", "middle=1"], 2, "found 'middle=1'"),
        (["--corruptions", "head=0"], 1, "expected at least one corruption in all"),
        (["--negatives", "magic"], 1, "found --negatives magic, expected one of antonyms, negation"),
        (
            ["--negatives", "pykeen", "--negatives-kwargs", '{"sampler": "negater"}'],
            1,
            "found sampler='negater', whose",
        ),
        (["--negatives", "antonyms"], 1, "mapping_file, tag_file, token_file cannot be left out"),
        (["--negatives", "precomputed", "--negatives-kwargs", '{"path": "no.tsv"}'], 1, "found no file no.tsv"),
    ],
)
def test_bad_negatives_of_fine_tuning(
    command: str, options: list[str], code: int, message: str, training: Path, tiny_bert: str, tmp_path: Path
):
    common = ["--training", training, "--language-model", tiny_bert, "--output", tmp_path / "x"]
    if command == "mine":
        common += ["--encoder", "structural", "--ranker", "thresholds"]
    output = " ".join(run(command, *common, *options, code=code).output.split())
    assert message in output
    assert not tmp_path.joinpath("x").exists()


def test_fine_tuning_options_are_added_to_the_rankers_parameters(training: Path, tiny_bert: str, tmp_path: Path):
    options = ["--training", training, "--encoder", "structural", "--ranker", "thresholds", "--epochs", "1"]
    kwargs = json.dumps({"language_model": tiny_bert, "fine_tuning": {"warmup": 0.0, "epochs": 9}})
    path = Path(run("mine", *options, "--ranker-kwargs", kwargs).output.split("Written to ")[1].strip())
    _, identity = NegativePools.load(path).metadata["settings"]["ranker"]
    assert (identity["fine_tuning"]["warmup"], identity["fine_tuning"]["epochs"]) == (0.0, 1)
    assert "Pass either --model" in run("mine", *options, "--model", tmp_path, code=2).output


def test_labelled_validation_triples(training: Path, tiny_bert: str, tmp_path: Path):
    negatives = tmp_path / "negatives.tsv"
    negatives.write_text("dog\tIsA\tplant\noak\tIsA\tanimal\nunicorn\tIsA\tplant\n", encoding="utf-8")
    result = run(
        "fine-tune", "--training", training, "--validation", training, "--validation-negatives", negatives,
        "--language-model", tiny_bert, "--epochs", "1", "--output", tmp_path / "model", "--json",
    )  # fmt: skip
    # the unicorn is new, which the language model does not mind
    assert json.loads(result.stdout)["validation"]["num_triples"] == 14


def test_fine_tune_validate_and_test(training: Path, tiny_bert: str, tmp_path: Path):
    negatives = tmp_path / "negatives.tsv"
    negatives.write_text("dog\tIsA\tplant\noak\tIsA\tunicorn\n", encoding="utf-8")
    files = ["--training", training, "--validation", training, "--validation-negatives", negatives]
    files += ["--testing", training, "--testing-negatives", negatives, "--output", tmp_path / "model"]
    run("fine-tune", *files, "--language-model", tiny_bert, "--epochs", "1", "--keep-epochs")
    assert tmp_path.joinpath("model", "epoch-1", "thresholds.json").is_file()
    result = run("fine-tune", *files, "--action", "valid", "--action", "test", "--global-threshold", "--json")
    found = json.loads(result.stdout)
    assert (found["validation"]["num_triples"], found["test"]["num_triples"]) == (13, 13)
    frame = pd.read_csv(tmp_path / "model" / "predictions.tsv", sep="\t")
    assert frame.columns.tolist() == ["head", "relation", "tail", "threshold", "score", "y_true", "y_pred"]
    assert len(frame) == 13
    assert frame["threshold"].nunique() == 1
    assert frame["tail"].tolist()[-1] == "unicorn"
    dry = run("fine-tune", *files, "--action", "valid", "--action", "test", "--dry-run", "--json")
    assert json.loads(dry.stdout) == {"validation_triples_to_classify": 13, "testing_triples_to_classify": 13}
    message = "found no --testing-negatives for the action 'test', expected files of true and false triples"
    assert message in run("fine-tune", *files[:8], "--output", tmp_path / "model", "--action", "test", code=1).output


def test_export_tsv(pools: Path, tmp_path: Path):
    run("export", pools, "--format", "tsv", "--output", tmp_path / "negatives.tsv")
    rows = [line.split("\t") for line in tmp_path.joinpath("negatives.tsv").read_text(encoding="utf-8").splitlines()]
    frame = to_frame(NegativePools.load(pools))
    assert {tuple(row[:3]) for row in rows} == set(
        frame[["head", "relation", "tail"]].itertuples(index=False, name=None)
    )
    assert len({tuple(row[:3]) for row in rows}) == len(rows)
    assert not {tuple(row[:3]) for row in rows} & set(SMALL)
    for relation in ("IsA", "AtLocation", "Desires"):
        scores = [float(row[3]) for row in rows if row[1] == relation]
        assert scores == sorted(scores, reverse=True)


def test_export_parquet(pools: Path, tmp_path: Path):
    run("export", pools, "--format", "parquet", "--output", tmp_path / "negatives.parquet")
    frame = pd.read_parquet(tmp_path / "negatives.parquet")
    assert len(frame) == len(NegativePools.load(pools))
    positives = frame[["positive_head", "positive_relation", "positive_tail"]].itertuples(index=False, name=None)
    assert set(positives) <= set(SMALL)
    for row in frame.itertuples():
        differing = [
            part for part in ("head", "relation", "tail") if getattr(row, part) != getattr(row, f"positive_{part}")
        ]
        assert differing == [row.side]


def test_export_triples_that_pykeen_reads(pools: Path, tmp_path: Path):
    run("export", pools, "--format", "triples", "--output", tmp_path / "negatives.tsv")
    factory = TriplesFactory.from_path(tmp_path / "negatives.tsv")
    frame = to_frame(NegativePools.load(pools))
    found = [tuple(triple) for triple in factory.label_triples(factory.mapped_triples)]
    assert set(found) == set(frame[["head", "relation", "tail"]].itertuples(index=False, name=None))
    assert len(set(found)) == len(found)


def test_export_triplets_for_text_encoders(pools: Path, tmp_path: Path):
    run("export", pools, "--format", "triplets", "--output", tmp_path / "triplets.parquet")
    frame = pd.read_parquet(tmp_path / "triplets.parquet")
    assert list(frame) == ["anchor", "positive", "negative"]
    loaded = NegativePools.load(pools)
    entities = dict(enumerate(loaded.load_vocabulary().entity_texts))
    relations = dict(enumerate(loaded.load_vocabulary().relation_texts))
    expected = []
    for i, key in enumerate(loaded.keys.numpy()):
        head, relation, tail = keys_to_triples(np.array([key]), loaded.num_entities, loaded.num_relations)[0]
        texts = [entities[head], relations[relation], entities[tail]]
        for j, side in enumerate(loaded.sides):
            row = i * len(loaded.sides) + j
            for other in loaded.replacements[loaded.offsets[row] : loaded.offsets[row + 1]].tolist():
                anchor = " ".join(text for place, text in enumerate(texts) if place != side)
                expected.append((anchor, texts[side], (relations if side == 1 else entities)[other]))
    assert list(frame.itertuples(index=False, name=None)) == expected


def test_export_is_whole_or_nothing(pools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "negatives.parquet"
    path.write_text("older")
    monkeypatch.setattr(pd.DataFrame, "to_parquet", lambda self, path, index: Path(path).write_text("half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(NegativePools.load(pools), path, "parquet")
    assert path.read_text() == "older"
    assert not list(tmp_path.glob(".negatives*"))


def test_sentences(pools: Path):
    lines = sentences(NegativePools.load(pools), per_relation=1)
    assert set(lines) == {"is a", "at location", "Desires"}
    assert all(len(group) <= 1 for group in lines.values())
    assert all(" · Desires · " in line for line in lines["Desires"])


def test_wrong_usage(training: Path):
    assert "either --dataset or --training" in run("mine", code=2).output
    assert (
        "either --dataset or --training" in run("mine", "--dataset", "nations", "--training", training, code=2).output
    )
    assert "magic" in run("mine", "--dataset", "nations", "--candidates", "magic", code=2).output


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


def test_bad_arguments(training: Path, tmp_path: Path, pools: Path):
    text = tmp_path / "text.tsv"
    text.write_text("dog\tDog\tan animal\textra\n")
    assert (
        "found 4 tab-separated column(s), expected 2 or 3"
        in run("mine", "--training", training, "--entity-text", text, code=1).output
    )
    assert (
        "found --neighbors 0, expected at least 1"
        in run("mine", "--training", training, *FAST, "-k", "0", code=1).output
    )
    assert "found no pools" in run("export", tmp_path / "nowhere", "--output", tmp_path / "y", code=1).output
    assert "holds no pools" in run("mine", "--training", training, *FAST, "--output", tmp_path, code=1).output
    assert "holds no fine-tuned model" in run("fine-tune", "--training", training, "--output", pools, code=1).output
    unknown = run("mine", "--training", training, "--encoder", "structural", "--ranker", "magic", code=1).output
    assert "magic" in unknown
    assert "thresholds" in unknown
    path = pools / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 0}))
    assert "format version 0, expected 2" in run("export", pools, "--output", tmp_path / "y", code=1).output


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


def test_common_mistakes(training: Path, tmp_path: Path, pools: Path):
    for arguments, message in (
        (["mine", "--dataset", "nosuch"], "found the dataset 'nosuch', expected one of "),
        (["mine", "--training", training, "--encoder", "precomputed"], "path cannot be left out"),
        (["mine", "--training", training, *FAST, "--epochs", "3"], "found --ranker-kwargs with fine_tuning"),
        (["mine", "--training", training, *FAST, "--validation", pools / "metadata.json"], "column(s), expected at"),
        (["fine-tune", "--training", training, "--language-model", tmp_path / "x", "--output", tmp_path / "y"], "x"),
        (["export", pools, "--output", tmp_path / "nodir" / "x.tsv"], "found no folder"),
    ):
        output = run(*arguments, code=1).output
        assert message in output, output


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


def test_evaluate(training: Path, pools: Path, tmp_path: Path):
    held_out = tmp_path / "held_out.txt"
    held_out.write_text("oak\tIsA\tanimal\ncat\tDesires\tbone\n", encoding="utf-8")
    options = ["--training", training, "--validation", held_out, "--testing", held_out]
    output = run(
        "evaluate", *options, "--pools", pools, "--samplers", "basic, negater", "--epochs", "1",
        "--output", tmp_path / "figures.tsv",
    ).output  # fmt: skip
    frame = pd.read_csv(tmp_path / "figures.tsv", sep="\t")
    assert list(frame[frame["sampler"] == "negater"]["part"]) == ["all", "mined", "random", "loops"]
    for part in ("mined", "random", "loops"):
        assert part in output
    frame = frame[frame["part"] == "all"].set_index("sampler")
    assert frame.loc["basic", "hardness"] == pytest.approx(0.5, abs=0.02)
    assert math.isnan(frame.loc["basic", "coverage"])
    assert frame.loc["negater", "coverage"] == NegativePools.load(pools).metadata["statistics"]["coverage"]
    assert 0 < frame.loc["basic", "false_negatives"] < 0.2


def test_evaluate_with_bad_arguments(training: Path, tmp_path: Path):
    assert "Pass --validation and --testing" in run("evaluate", "--training", training, code=2).output
    assert "either --dataset or --training" in run("evaluate", code=2).output
    output = run("evaluate", "--dataset", "nations", "--samplers", "magic", "--epochs", "1", code=1).output
    assert "found --samplers magic, expected one of basic, bernoulli, negater" in output
    output = run("evaluate", "--dataset", "nations", "--output", tmp_path / "no" / "where.tsv", code=1).output
    assert "found no folder" in output
