"""The examples of NegatER's README in their order, with its own configurations, on a part of its data.

Where the README says to edit a configuration, it is edited; nothing else is given by hand. Models without training
stand for BERT and RoBERTa, in folders of their names.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from click.testing import CliRunner
from safetensors.torch import load_file

from pykeen_negater import NegativePools
from pykeen_negater.cli.main import main
from pykeen_negater.fine_tuning.classifier import load_with_tokenizer, score_triples
from pykeen_negater.pools.exports import to_frame
from pykeen_negater.texts.loading import Texts

Triple = tuple[str, str, str]

SPLITS = ("train", "valid", "valid_negatives", "test", "test_negatives")
CONFIGURATIONS = {
    "full/classify": {
        "fine_tune": {
            "train": {
                "n_epochs": 13,
                "negative_sampling": {"nsamp": {"head": 1, "relation": 1, "tail": 1}},
                "best_checkpoint": "bert_best_2",
            },
            "eval": {"test_checkpoint": "bert_best_2"},
        }
    },
    "full/generate": {
        "negater": {
            "fine_tuned_model": {"filename": "configs/conceptnet/full/classify/checkpoint_bert_best.pt"},
            "index": {
                "build": False,
                "k": 20,
                "filename": "configs/conceptnet/full/generate/top_20_index_sbert.json",
            },
        }
    },
    "true-neg/uniform": {
        "dataset": {"path": "data/conceptnet/true-neg/"},
        "fine_tune": {"train": {"negative_sampling": {"sampler": "uniform"}}},
    },
    "true-neg/negater-gradients": {
        "dataset": {"path": "data/conceptnet/true-neg/"},
        "fine_tune": {
            "train": {
                "negative_sampling": {
                    "sampler": "precomputed",
                    "precomputed": {"negative_file": "configs/conceptnet/true-neg/negater-gradients/negatives.tsv"},
                }
            }
        },
    },
}


@dataclass
class Repository:
    """A folder like that of NegatER's code."""

    root: Path

    #: The triples by split
    full: dict[str, list[Triple]]

    #: The nearest phrases of each
    lists: dict[str, list[str]]

    def path(self, name: str) -> Path:
        """Find a file of the configurations."""
        return self.root / "configs" / "conceptnet" / name

    def edit(self, name: str, changes: dict[str, dict]) -> None:
        """Change a configuration, two levels deep."""
        path = self.path(name) / "config.yaml"
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for section, keys in changes.items():
            for key, values in keys.items():
                content[section][key] = {**content[section].get(key, {}), **values}
        path.write_text(yaml.safe_dump(content), encoding="utf-8")

    def run(self, command: str, name: str, *arguments: str) -> str:
        """Run an example."""
        path = self.path(name).relative_to(self.root) / "config.yaml"
        result = CliRunner().invoke(main, [command, "--config", str(path), *arguments])
        assert result.exit_code == 0, result.output
        return result.output


def choose(folder: Path, size: int) -> dict[str, list[Triple]]:
    """Choose the triples of the most frequent phrases, so that some have neighbours in their slots."""
    rows = {
        split: [tuple(line.split("\t")) for line in (folder / f"{split}.txt").read_text("utf-8").splitlines()]
        for split in SPLITS
    }
    degrees = Counter(phrase for head, _, tail in rows["train"] for phrase in (head, tail))
    order = sorted(
        range(len(rows["train"])), key=lambda i: -degrees[rows["train"][i][0]] * degrees[rows["train"][i][2]]
    )
    chosen = [rows["train"][i] for i in order[:size]]
    relations = {relation for _, relation, _ in chosen}
    others = {
        split: [row for row in rows[split] if row[1] in relations][: size // 6] for split in SPLITS if split != "train"
    }
    return {"train": chosen, **others}


def write_dataset(folder: Path, rows: dict[str, list[Triple]]) -> list[str]:
    """Write triples as ids, and what these mean."""
    triples = [triple for split in rows.values() for triple in split]
    phrases = list(dict.fromkeys(phrase for head, _, tail in triples for phrase in (head, tail)))
    relations = list(dict.fromkeys(relation for _, relation, _ in triples))
    folder.mkdir(parents=True)
    for name, labels in (("entity_ids", phrases), ("relation_ids", relations)):
        lines = "".join(f"{i}\t{label}\n" for i, label in enumerate(labels))
        folder.joinpath(f"{name}.txt").write_text(lines, encoding="utf-8")
    for split, part in rows.items():
        lines = "".join(f"{phrases.index(h)}\t{relations.index(r)}\t{phrases.index(t)}\n" for h, r, t in part)
        folder.joinpath(f"{split}.txt").write_text(lines, encoding="utf-8")
    return phrases


@pytest.fixture(scope="module")
def repository(data_folder: Path, tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """Write configurations, data, an index and negatives as NegatER has them, and go there."""
    root = tmp_path_factory.mktemp("NegatER")
    for name in ("sentence-transformers/bert-base-nli-mean-tokens", "roberta-base"):
        shutil.copytree(tiny_bert, root / name)
    full = choose(data_folder / "conceptnet-full", 120)
    phrases = write_dataset(root / "data" / "conceptnet" / "full", full)
    true_neg = choose(data_folder / "conceptnet-true-neg", 60)
    write_dataset(root / "data" / "conceptnet" / "true-neg", true_neg)
    for name, content in CONFIGURATIONS.items():
        folder = root / "configs" / "conceptnet" / name
        folder.mkdir(parents=True)
        folder.joinpath("config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    # by the letters that they share
    letters = np.array([[phrase.count(chr(code)) for code in range(ord("a"), ord("z") + 1)] for phrase in phrases])
    lists = {}
    for i, phrase in enumerate(phrases):
        nearest = np.argsort(((letters - letters[i]) ** 2).sum(axis=1), kind="stable")
        lists[phrase] = [phrases[j] for j in nearest[1:21]]  # the first one is taken for the phrase itself
    index = root / "configs" / "conceptnet" / "full" / "generate" / "top_20_index_sbert.json"
    index.write_text(json.dumps(lists), encoding="utf-8")
    # test triples are corrupted, too, so that there are phrases that training lacks
    negatives = pd.DataFrame([(t, r, h) for h, r, t in true_neg["train"] + true_neg["test"]])
    negatives.columns = ["head", "relation", "tail"]
    negatives["score"] = np.linspace(9, 1, len(negatives))
    path = root / "configs" / "conceptnet" / "true-neg" / "negater-gradients" / "negatives.tsv"
    negatives.to_csv(path, sep="\t", index=False)
    with pytest.MonkeyPatch.context() as monkeypatch:
        cache = tmp_path_factory.mktemp("cache")
        monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, **_: cache)
        monkeypatch.chdir(root)
        yield Repository(root, full, lists)


def published_thresholds(scores: np.ndarray, labels: list[bool], relations: list[str]) -> dict[str | None, float]:
    """Choose thresholds as NegatER does, for each relation and, under None, for all."""

    def best(rows: list[int]) -> float:
        """Try the score of every row."""
        found, most = np.nan, -1
        for i in rows:
            right = sum((scores[j] >= scores[i]) == labels[j] for j in rows)
            if right > most:
                found, most = float(scores[i]), right
        return found

    rows = range(len(scores))
    return {None: best(list(rows))} | {r: best([i for i in rows if relations[i] == r]) for r in set(relations)}


def fine_tune_and_test_bert(repository: Repository) -> None:
    """Run the first two examples."""
    output = repository.run("fine-tune", "full/classify")
    folder = repository.path("full/classify") / "checkpoint_bert_best_2"
    assert f"Written to {folder}" in output
    before = pd.read_csv(folder / "predictions.tsv", sep="\t", keep_default_na=False)
    expected = [list(triple) for split in ("test", "test_negatives") for triple in repository.full[split]]
    assert before[["head", "relation", "tail"]].to_numpy().tolist() == expected
    # the second example
    folder.joinpath("predictions.tsv").unlink()
    repository.run("fine-tune", "full/classify", "--action", "test")
    pd.testing.assert_frame_equal(pd.read_csv(folder / "predictions.tsv", sep="\t", keep_default_na=False), before)


def fine_tune_roberta_under_its_own_name(repository: Repository) -> None:
    """Run the third example."""
    bert = repository.path("full/classify") / "checkpoint_bert_best_2" / "model.safetensors"
    before = bert.read_bytes()
    changes = {"model": {"pretrained_name": "roberta-base"}, "eval": {"test_checkpoint": "roberta_best"}}
    repository.edit("full/classify", {"fine_tune": changes})
    assert "checkpoint_roberta_best" in repository.run("fine-tune", "full/classify")
    assert repository.path("full/classify").joinpath("checkpoint_roberta_best", "predictions.tsv").is_file()
    assert bert.read_bytes() == before


def fine_tune_with_other_negatives(repository: Repository, name: str) -> None:
    """Run the fourth and the fifth example."""
    repository.run("fine-tune", f"true-neg/{name}", "--dry-run")
    repository.run("fine-tune", f"true-neg/{name}")
    metrics = json.loads(repository.path(f"true-neg/{name}").joinpath("checkpoint_best", "metrics.json").read_text())
    assert metrics["test"]["num_triples"] == 20


def mine_by_thresholds_with_the_index_that_is_there(repository: Repository) -> None:
    """Run the first example of generation, and compare it with the plain rule."""
    repository.run("mine", "full/generate", "--ranker", "thresholds")
    train, lists = repository.full["train"], repository.lists
    candidates = set()
    for head, relation, tail in train:
        heads = {h for h, r, _ in train if r == relation}
        tails = {t for _, r, t in train if r == relation}
        candidates |= {(other, relation, tail) for other in lists[head] if other in heads - {head, tail}}
        candidates |= {(head, relation, other) for other in lists[tail] if other in tails - {head, tail}}
    listed = sorted(candidates - set(train))
    assert len(listed) > 50
    validation = repository.full["valid"] + repository.full["valid_negatives"]
    entities = sorted({phrase for h, _, t in listed + validation for phrase in (h, t)})
    relations = sorted({r for _, r, _ in listed + validation})
    texts = Texts(tuple(entities), tuple(relations))
    model, tokenizer = load_with_tokenizer(repository.path("full/classify") / "checkpoint_bert_best_2", texts)

    def score(triples: list[Triple]) -> np.ndarray:
        """Score triples of phrases."""
        rows = [[entities.index(h), relations.index(r), entities.index(t)] for h, r, t in triples]
        return score_triples(model, tokenizer, np.array(rows))

    labels = [True] * len(repository.full["valid"]) + [False] * len(repository.full["valid_negatives"])
    thresholds = published_thresholds(score(validation), labels, [r for _, r, _ in validation])
    scores = dict(zip(listed, score(listed).tolist(), strict=True))
    margins = {triple: scores[triple] - thresholds.get(triple[1], thresholds[None]) for triple in listed}
    expected = {triple for triple, margin in margins.items() if margin < 0}
    pools = NegativePools.load(repository.path("full/generate") / "negatives.pools")
    frame = to_frame(pools)
    found = set(frame[["head", "relation", "tail"]].itertuples(index=False, name=None))
    assert 0 < len(expected) < len(listed)
    # but for rounding, which batches differ by
    assert {triple for triple in found ^ expected if abs(margins[triple]) > 1e-5} == set()
    assert pools.metadata["settings"]["encoder"][0] == "unused"
    assert pools.metadata["statistics"]["candidates"] >= len(listed)


def mine_with_a_checkpoint(repository: Repository) -> None:
    """Run the first example of generation again, with a checkpoint as NegatER writes it."""
    folder = repository.path("full/classify") / "checkpoint_bert_best_2"
    mined = repository.path("full/generate") / "negatives.pools" / "pools.safetensors"
    before = mined.read_bytes()
    weights = {
        name.replace("encoder.", "bert.", 1) if name.startswith("encoder.") else f"triple_scoring_{name}": value
        for name, value in load_file(folder / "model.safetensors").items()
    }
    thresholds = json.loads(folder.joinpath("thresholds.json").read_text(encoding="utf-8"))
    levels = zip(thresholds["relations"], thresholds["by_relation"], strict=True)
    checkpoint = folder.with_name("checkpoint_bert_best.pt")
    content = {
        "model_state_dict": weights,
        "valid_threshold": {np.str_(relation): torch.tensor(level) for relation, level in levels},
    }
    torch.save(content, checkpoint)
    how = {"pretrained_name": "sentence-transformers/bert-base-nli-mean-tokens", "pool_strategy": "mean"}
    repository.edit("full/generate", {"negater": {"fine_tuned_model": how}})
    mined.unlink()
    repository.run("mine", "full/generate", "--ranker", "thresholds")
    assert mined.read_bytes() == before
    # another model on the command line takes its place, and what it was made with
    mined.unlink()
    repository.run("mine", "full/generate", "--ranker", "thresholds", "--model", str(folder))
    assert mined.read_bytes() == before
    checkpoint.unlink()


def mine_by_gradients_with_a_new_index(repository: Repository) -> None:
    """Run the second example of generation."""
    repository.edit("full/generate", {"negater": {"index": {"build": True, "k": 20, "save": True}}})
    index = repository.path("full/generate") / "top_20_index_sbert.json"
    before = repository.path("full/generate").joinpath("negatives.pools", "metadata.json").read_bytes()
    repository.run("mine", "full/generate", "--ranker", "proxy-gradients")
    lists = json.loads(index.read_text(encoding="utf-8"))
    assert lists.keys() == {phrase for h, _, t in repository.full["train"] for phrase in (h, t)}
    assert all(len(set(neighbors) - {phrase}) == 20 for phrase, neighbors in lists.items())
    pools = NegativePools.load(repository.path("full/generate") / "negatives_proxygradients.pools")
    assert len(pools) > 0
    assert repository.path("full/generate").joinpath("negatives.pools", "metadata.json").read_bytes() == before
    # what was written is read, and proposes the same
    repository.edit("full/generate", {"negater": {"index": {"build": False}}})
    repository.run("mine", "full/generate", "--ranker", "thresholds")
    again = NegativePools.load(repository.path("full/generate") / "negatives.pools")
    assert again.metadata["statistics"]["candidates"] == pools.metadata["statistics"]["candidates"]


def test_examples_in_their_order(repository: Repository, caplog: pytest.LogCaptureFixture):
    fine_tune_and_test_bert(repository)
    fine_tune_roberta_under_its_own_name(repository)
    for name in ("uniform", "negater-gradients"):
        fine_tune_with_other_negatives(repository, name)
    mine_by_thresholds_with_the_index_that_is_there(repository)
    assert "found no checkpoint_bert_best; checkpoint_bert_best_2 is read in its stead." in caplog.text
    mine_with_a_checkpoint(repository)
    assert "NegatER's checkpoint checkpoint_bert_best.pt is converted." in caplog.text
    mine_by_gradients_with_a_new_index(repository)


def test_dry_run_fails_where_the_run_would(repository: Repository):
    path = repository.path("true-neg/negater-gradients")
    broken = path.with_name("broken.tsv")
    broken.write_text("dog\tNoRelation\tcat\n", encoding="utf-8")
    arguments = ["--negatives-kwargs", json.dumps({"path": str(broken)}), "--output", str(repository.root / "x.model")]
    for dry in ([], ["--dry-run"]):
        command = ["fine-tune", "--config", str(path / "config.yaml"), *arguments, *dry]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 1
        assert "found 1 unknown relation(s), e.g. 'NoRelation'" in result.output
