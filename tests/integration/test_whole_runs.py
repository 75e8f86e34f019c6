"""Slow tests with the real things: MiniLM, whole pipelines, PyKEEN's own test cases, a wheel installed afresh."""

import importlib.metadata
import json
import os
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import numpy as np
import pytest
from pykeen.datasets import get_dataset
from pykeen.pipeline import pipeline
from pykeen.triples import TriplesFactory

from pykeen_negater import NegativePools, evaluate_sampler, mine
from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.run import MiningRun
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.pools.exports import sentences
from pykeen_negater.sampling import pool_source
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import TripleIndex
from pykeen_negater.triples.tables import read_triples

pytestmark = pytest.mark.integration

#: The other splits of a dataset, and their files
SPLITS = {"validation": "valid", "testing": "test"}

ROOT = Path(__file__).parents[2]

#: A small budget for fine-tuning, since it is the way that is tested, not the quality
BUDGET = {"ranker": "thresholds", "max_training_triples": 300, "max_candidates": 1_000}


def run(*command: str | Path, **kwargs) -> str:
    """Run a command, and show what it said if it fails. It finds packages where they are installed only."""
    env = {name: value for name, value in kwargs.pop("env", os.environ).items() if name != "PYTHONPATH"}
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, env=env, **kwargs)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_bare_call_on_nations_with_minilm(empty_cache: Path, monkeypatch: pytest.MonkeyPatch):
    results = []
    for _ in range(2):
        pool_source._BY_GRAPH.clear()
        results.append(
            pipeline(
                dataset="nations",
                model="PairRE",
                negative_sampler="negater",
                training_kwargs={"num_epochs": 5, "use_tqdm": False, "batch_size": 256},
                evaluation_kwargs={"use_tqdm": False, "batch_size": 256},
                random_seed=0,
            )
        )
        monkeypatch.setattr(MiningRun, "build", lambda *args: pytest.fail("the second run mined"))
    assert results[0].losses == results[1].losses
    assert results[0].metric_results.to_dict() == results[1].metric_results.to_dict()
    path = next(path for path in empty_cache.joinpath("pools").iterdir() if path.is_dir())
    pools = NegativePools.load(path)
    assert pools.metadata["settings"]["encoder"][0] == "sentencetransformer"
    assert pools.metadata["settings"]["ranker"][0] == "probe"
    assert pools.metadata["statistics"]["guard"]["all"]["auc"] > 0.8
    steps = {"encode", "index", "candidates", "train the probe", "train the factorization", "score", "guard", "risks"}
    assert set(pools.durations) == {*steps, "assemble"}


def test_same_model_same_bytes_with_minilm(nations: TriplesFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model, contents = None, []
    for name in ("first", "second", "third"):
        monkeypatch.setattr("pykeen_negater.storage.cache.pystow.join", lambda *parts, name=name, **_: tmp_path / name)
        pools = mine(triples_factory=nations, **BUDGET, ranker_kwargs=None if model is None else {"model": str(model)})
        assert 0 < pools.metadata["statistics"]["taken_for_true"] < pools.metadata["statistics"]["scored"] <= 1_000
        contents.append(pools.path.joinpath("pools.safetensors").read_bytes())
        model = model or next(path for path in tmp_path.joinpath(name, "models").iterdir() if path.is_dir())
    assert contents[0] == contents[1] == contents[2]


def test_umls_with_its_texts(data_folder: Path, tmp_path: Path, empty_cache: Path):
    umls = data_folder / "umls"
    run(
        sys.executable, "-m", "pykeen_negater", "mine", "--dataset", "umls", "--entity-text", umls / "entity2text.tsv",
        "--relation-text", umls / "relation2text.tsv", "--output", tmp_path / "umls.pools",
    )  # fmt: skip
    pools = NegativePools.load(tmp_path / "umls.pools")
    training = read_triples(umls / "train.txt")
    vocabulary = pools.load_vocabulary()
    assert vocabulary.entity_texts[training.entity_to_id["alga"]].startswith("alga: ")
    assert pools.num_triples == training.num_triples
    assert 0.5 < pools.coverage(training.mapped_triples) <= 1
    # fewer false negatives than random ones have, and random ones are the worse without the guard
    splits = {name: read_triples(umls / f"{file}.txt", like=training) for name, file in SPLITS.items()}
    dataset = get_dataset(training=training, **splits)
    guarded, basic = (
        evaluate_sampler(name, dataset, kwargs)
        for name, kwargs in (("negater", {"pools": str(tmp_path / "umls.pools")}), ("basic", {}))
    )
    assert guarded.false_negatives < 0.85 * basic.false_negatives
    assert guarded.known_positives < 0.1 * basic.known_positives
    assert any(" · " in line for lines in sentences(pools).values() for line in lines)
    run(sys.executable, "-m", "pykeen_negater", "export", tmp_path / "umls.pools", "--output", tmp_path / "umls.tsv")
    lines = tmp_path.joinpath("umls.tsv").read_text(encoding="utf-8").splitlines()
    exported = TriplesFactory.from_labeled_triples(
        np.array([line.split("\t")[:3] for line in lines]),
        entity_to_id=training.entity_to_id,
        relation_to_id=training.relation_to_id,
    )
    known = TripleIndex.from_triples(training.mapped_triples, training.num_entities, training.num_relations)
    assert exported.num_triples == len(lines) > 0
    assert not known.contains(exported.mapped_triples).any()


def test_codex_labels_are_opaque_until_there_are_texts(data_folder: Path, empty_cache: Path):
    codex = data_folder / "codex-s"
    training = read_triples(codex / "train.txt")
    plan = Miner(Graph.from_factory(training), MiningSettings()).plan()
    assert (plan.encoder, plan.ranker) == ("structural", "probe")
    structural = mine(triples_factory=training, ranker="similarity", guard=None)
    assert structural.metadata["settings"]["encoder"][0] == "structural"
    with_texts = mine(
        triples_factory=training,
        entity_text=str(codex / "entity2text.tsv"),
        relation_text=str(codex / "relation2text.tsv"),
        ranker="similarity",
        guard=None,
    )
    assert with_texts.metadata["settings"]["encoder"][0] == "sentencetransformer"
    assert "Leonhard Euler: Swiss mathematician" in with_texts.load_vocabulary().entity_texts


def test_pykeens_own_sampler_cases(tmp_path: Path):
    version = importlib.metadata.version("pykeen")
    run(
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "pykeen", f"pykeen=={version}",
        "--dest", tmp_path,
    )  # fmt: skip
    with tarfile.open(next(tmp_path.glob("pykeen-*.tar.gz"))) as archive:
        archive.extractall(tmp_path, filter="data")
    checkout = tmp_path / f"pykeen-{version}"
    checkout.joinpath("tests", "test_sampling", "test_negater.py").write_text(
        "from tests.test_sampling import cases, test_filterer\n"
        "from pykeen.sampling import negative_sampler_resolver\n"
        "from pykeen.sampling.filtering import filterer_resolver\n"
        "\n"
        "class Exact(test_filterer.FiltererTest):\n"
        "    cls = filterer_resolver.lookup('exact')\n"
        "\n"
        "class Structural(cases.NegativeSamplerGenericTestCase):\n"
        "    cls = negative_sampler_resolver.lookup('negater')\n"
        "    kwargs = {**cases.NegativeSamplerGenericTestCase.kwargs, 'hard_fraction': 0.5}\n"
        "\n"
        "class AllSides(Structural):\n"
        "    kwargs = {**Structural.kwargs, 'corruption_scheme': ('h', 'r', 't'), 'strategy': 'softmax'}\n"
        "\n"
        "class NothingButHard(Structural):\n"
        "    kwargs = {**Structural.kwargs, 'hard_fraction': 1.0, 'strategy': 'top'}\n",
        encoding="utf-8",
    )
    output = run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_sampling/test_negater.py",
        cwd=checkout,
    )  # fmt: skip
    assert "17 passed" in output


def test_wheel_in_an_empty_environment(tmp_path: Path):
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT)
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    wheel = next(tmp_path.glob("*.whl"))
    run(python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel)
    output = run(
        python,
        "-c",
        "import json, pykeen.datasets\n"
        "from pykeen.sampling import negative_sampler_resolver as resolver\n"
        "import pykeen_negater, pathlib\n"
        "package = pathlib.Path(pykeen_negater.__file__).parent\n"
        "name = resolver.lookup('negater').__name__\n"
        "print(json.dumps([name, package.joinpath('py.typed').is_file(), str(package)]))",
        cwd=tmp_path,
    )
    name, typed, package = json.loads(output.splitlines()[-1])
    assert name == "NegatERNegativeSampler"
    assert typed
    assert Path(package).is_relative_to(tmp_path)
    assert "Usage: " in run(python, "-m", "pykeen_negater", "--help", cwd=tmp_path)
    # without the extra and without a network, a bare call takes the structural route and says what would help
    code = (
        "from pykeen.pipeline import pipeline\n"
        "pipeline(dataset='nations', model='TransE', negative_sampler='negater',\n"
        "         training_kwargs=dict(num_epochs=1, use_tqdm=False), evaluation_kwargs=dict(use_tqdm=False))"
    )
    environment = {"PATH": "", "PYSTOW_HOME": str(tmp_path / "data"), "HF_HUB_OFFLINE": "1", "HOME": str(tmp_path)}
    bare = subprocess.run(
        [str(python), "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )
    assert bare.returncode == 0, bare.stderr
    assert "pip install 'pykeen-negater[minilm]'" in bare.stderr


def test_example_from_pairs_to_negatives(tmp_path: Path):
    source = ROOT.joinpath("examples", "relations.py").read_text(encoding="utf-8")
    example = tmp_path / "relations.py"
    example.write_text(source.replace("EPOCHS = 20", "EPOCHS = 2"), encoding="utf-8")
    output = run(sys.executable, example, env={**os.environ, "PYSTOW_HOME": str(tmp_path / "pystow")})
    assert "After 2 epochs: what relates as Tokyo and Japan do?" in output
    lines = output.split("relate as they should:\n")[1].splitlines()
    assert all(" · " in line for line in lines[:8])
    assert "PairRE trained with them: MRR 0." in output
