"""Checkpoints of NegatER, against a model and a file made as it makes them."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModel

from pykeen_negater.fine_tuning.classifier import load_with_tokenizer, score_triples
from pykeen_negater.fine_tuning.negater_checkpoints import convert_checkpoint, find_or_convert
from pykeen_negater.fine_tuning.thresholds import Thresholds
from pykeen_negater.storage.cache import Cache
from pykeen_negater.texts.loading import Texts
from pykeen_negater.triples.graphs import Graph


class Published(nn.Module):
    """The parameters that NegatER has, under its names."""

    def __init__(self, language_model: str) -> None:
        """Load the language model, and draw the linear layer."""
        super().__init__()
        self.triple_scoring_head = nn.Linear(16, 1)
        self.bert = AutoModel.from_pretrained(language_model)

    @torch.no_grad()
    def score(self, ids: list[int]) -> float:
        """Score one triple, with pooling cls."""
        hidden = self.bert(torch.tensor([ids])).last_hidden_state
        return float(self.triple_scoring_head(hidden[:, 0]))


@pytest.fixture
def published(tiny_bert: str) -> Published:
    """Change all weights, as training does."""
    torch.manual_seed(1)
    model = Published(tiny_bert).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


@pytest.fixture
def content(published: Published, small_graph: Graph) -> dict[str, Any]:
    """Gather what NegatER saves; its old library also saves the positions."""
    assert small_graph.relation_names is not None
    weights = {**published.state_dict(), "bert.embeddings.position_ids": torch.arange(64)[None]}
    optimizer = torch.optim.AdamW(published.parameters())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    # in another order than the graph's
    thresholds = {np.str_(name): torch.tensor(float(i)) for i, name in enumerate(small_graph.relation_names[::-1])}
    return {
        "timestamp": "28/11/2020 10:00:00",
        "epoch": 2,
        "loss": 1.5,
        "config": {"fine_tune": {"train": {"lr": 2e-5, "eps": 1e-8}}},
        "model_state_dict": weights,
        "optimizer_state_dict": optimizer.state_dict(),
        "scheduler_state_dict": scheduler.state_dict(),
        "valid_accuracy": 0.75,
        "valid_threshold": thresholds,
        "best_accuracy": 0.75,
    }


def test_scores_and_thresholds_are_those_of_the_checkpoint(
    published: Published,
    content: dict[str, Any],
    tiny_bert: str,
    small_graph: Graph,
    small_texts: Texts,
    tmp_path: Path,
):
    torch.save(content, tmp_path / "checkpoint_best.pt")
    folder = find_or_convert(tmp_path / "checkpoint_best.pt", tiny_bert, "cls", 24, Cache(tmp_path / "cache"))
    model, tokenizer = load_with_tokenizer(folder, small_texts)
    expected = [published.score(tokenizer.encode(triple)) for triple in small_graph.triples]
    assert score_triples(model, tokenizer, small_graph.triples) == pytest.approx(expected, abs=1e-5)
    assert np.std(expected) > 1e-3
    assert (model.config.pooling, tokenizer.max_length) == ("cls", 24)
    thresholds = Thresholds.load(folder, small_graph.num_relations, small_graph.relation_names)
    assert thresholds.by_relation.tolist() == [2.0, 1.0, 0.0]
    # NegatER does not keep the scores that a recall would be read from
    with pytest.raises(ValueError, match="found no true validation triples"):
        thresholds.reached_by(0.9)
    # once only
    again = find_or_convert(tmp_path / "checkpoint_best.pt", tiny_bert, "cls", 24, Cache(tmp_path / "cache"))
    assert again == folder
    assert find_or_convert(tmp_path / "checkpoint_best.pt", tiny_bert, "max", 24, Cache(tmp_path / "cache")) != folder


def test_numpys_names_of_its_old_version_are_read(
    content: dict[str, Any], tiny_bert: str, small_graph: Graph, tmp_path: Path
):
    torch.save(content, tmp_path / "new.pt")
    old, new = b"numpy.core.multiarray", b"numpy._core.multiarray"
    with zipfile.ZipFile(tmp_path / "new.pt") as source, zipfile.ZipFile(tmp_path / "old.pt", "w") as target:
        for name in source.namelist():
            data = source.read(name)
            assert new in data or old in data or not name.endswith("data.pkl")
            target.writestr(name, data.replace(new, old) if name.endswith("data.pkl") else data)
    (tmp_path / "a").mkdir()
    convert_checkpoint(tmp_path / "old.pt", tmp_path / "a", tiny_bert, "cls", 24)
    assert Thresholds.load(tmp_path / "a", 3, small_graph.relation_names).by_relation.tolist() == [2.0, 1.0, 0.0]


def test_one_threshold_for_all_relations_is_left_out(content: dict[str, Any], tiny_bert: str, tmp_path: Path):
    torch.save({**content, "valid_threshold": torch.tensor(0.5)}, tmp_path / "a.pt")
    tmp_path.joinpath("a").mkdir()
    convert_checkpoint(tmp_path / "a.pt", tmp_path / "a", tiny_bert, "cls", 24)
    with pytest.raises(FileNotFoundError, match="expected thresholds"):
        Thresholds.load(tmp_path / "a", 3)


class Malicious:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("malicious"),)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config": Malicious()}, "cannot be read as a checkpoint of NegatER that holds numbers and texts only"),
        ({"loss": np.array([Malicious()], dtype=object)}, "cannot be read as a checkpoint of NegatER"),
        ({"model_state_dict": None}, "found no model_state_dict, expected a checkpoint of NegatER"),
        ({"model_state_dict": {"bert.x": torch.zeros(1)}}, "found parameters that are not those of"),
        ({"valid_threshold": {"IsA": torch.tensor(float("nan"))}}, "found the threshold .*, expected a number"),
        ({"valid_threshold": {"IsA": "high"}}, "found the threshold 'high', expected a number"),
    ],
)
def test_nothing_is_unpickled_freely(
    content: dict[str, Any],
    tiny_bert: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    message: str,
):
    monkeypatch.chdir(tmp_path)
    torch.save({**content, **changes}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=message):
        find_or_convert(tmp_path / "a.pt", tiny_bert, "cls", 24, Cache(tmp_path / "cache"))
    assert not tmp_path.joinpath("malicious").exists()
    assert not list(tmp_path.glob("cache/models/*/"))


def test_no_checkpoint(tiny_bert: str, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="expected a checkpoint of NegatER"):
        find_or_convert(tmp_path / "a.pt", tiny_bert, "cls", 24, Cache(tmp_path / "cache"))
    tmp_path.joinpath("a.pt").write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match="cannot be read as a checkpoint of NegatER"):
        find_or_convert(tmp_path / "a.pt", tiny_bert, "cls", 24, Cache(tmp_path / "cache"))
