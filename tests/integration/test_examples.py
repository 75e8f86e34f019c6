"""Slow tests: the examples that the documentation shows, each as it stands there."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from pykeen.datasets import Dataset, Nations

pytestmark = pytest.mark.integration

#: What every process of Python begins with: PyKEEN's collection of garbage after each epoch spares what outlived one
SITE = """
import gc

collect = gc.collect

def collect_new(generation=2):
    found = collect(generation)
    gc.freeze()
    return found

gc.collect = collect_new
"""

FOLDER = Path(__file__).parents[2] / "examples"

#: What each example prints in the end. Those that take minutes have shorter tests, see test_integration.
EXPECTED = {
    "quickstart.py": r"MRR 0\.\d{3}, Hits@1 0\.\d{3}\n",
    "mine_once.py": r"(?s)[\d,]+ negatives for 1,592 triples\n.*TransE: MRR 0\.\d{3}\nDistMult: MRR 0\.\d{3}\n",
    "blending.py": r"MRR of the model: 0\.\d{3}\nMRR of the blend: 0\.\d{3}\n",
    "distillation.py": r"MRR 0\.\d{3}\n",
    "own_texts.py": r"MRR 0\.\d{3}\n",
    "own_negatives.py": r"\d+ negatives; \d% of the 1,592 training triples .*\nMRR 0\.\d{3}\n",
    "known_triples.py": r"MRR 0\.\d{3}\n",
    "inverse_triples.py": r"55 relations, 110 with inverse ones\nMRR 0\.\d{3}\n",
    "lightning.py": r"MRR 0\.\d{3}\n",
    "hpo.py": r"(?s)3 trials .*hard_fraction: \d.*loop_fraction: 0\.0.*max_risk: \d+.*",
    "filterer.py": r"bloom: \d+\.\d% of 50,944 .*\nexact: \d+\.\d% of 50,944 negatives are masked\n",
    "evaluation.py": r"(?s).*\nnegater: \d+\.\d% false negatives, 0\.\d% training triples\n.*roc_auc: 0\.\d{3}\n.*",
    "trained_model.py": r"(?s) group  stratum .*plausible candidates .*Brier score 0\.\d{3}, .* of 0\.\d\d\n",
    "trained_model.sh": r"(?s)Strata:\n.*\nPlausible:\n(.*\nCalibration:\n.*)Plausible:\n\1",
    "conceptnet.py": r"validation: 199 true .*, 199 false ones\ntesting: 201 .*\naccuracy 0\.\d{3}, ROC-AUC 0\.\d{3}\n",
    "train_encoder.py": r"(?s)[\d,]+ triplets, such as\n.*loss \d\.\d{3} → \d\.\d{3}\n[\d,]+ negatives with .*\n",
    "export.sh": r"(?s).*rows  [\d,]+\n  file  triplets\.parquet\n",
    "is_it_there.sh": r"(?s).*\bnegater\b.*\bpykeen\b.*",
    "evaluate_relations.sh": r"(?s).*Written to relations\.model\n.*Written to report\.json\n",
    "relation_vectors.py": r"\(384,\) \(2, 384\)\n",
    "command_line.sh": r"(?s).*Written to again\.pools\n.*Written to \S*similar\.pools\n",
    "completion.sh": r"complete .*-F _negater_completion negater\n",
    "report.sh": r"(?s).*Written to nations\.html\n.*The guard, on hidden triples.*",
    "processes.sh": r"(?s).*Written to shared\.pools\n",
    "fine_tune.sh": r"(?s).*Written to nations\.model\n.*Written to read\.pools\n",
    "train_relations.sh": r"(?s).*Written to nations\.pools\n",
}

#: Those that other programs run, ``.ci/fresh`` (two), or shorter tests, here and in ``test_whole_runs.py``
ELSEWHERE = {"demo.py", "fine_tune_files.sh", "install.sh", "relations.py"}

#: Those that train a model with negatives of ours, some of which have to be mined
TRAINING = {
    "quickstart.py",
    "mine_once.py",
    "own_texts.py",
    "own_negatives.py",
    "known_triples.py",
    "inverse_triples.py",
    "lightning.py",
    "hpo.py",
    "evaluation.py",
    "conceptnet.py",
}

#: What an example needs that the project does not
NEEDED = {"lightning.py": "pytorch_lightning", "report.sh": "rich"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a data folder for all examples, so that what one of them has mined serves the others."""
    root = tmp_path_factory.mktemp("data")
    # where ConceptNet would be downloaded to
    write_as_conceptnet(Nations(), root / "pykeen" / "datasets" / "conceptnettrueneg")
    root.joinpath("sitecustomize.py").write_text(SITE, encoding="utf-8")
    return root


def write_as_conceptnet(dataset: Dataset, folder: Path) -> None:
    """Write a dataset as files like NegatER's, with random triples as what people have judged false."""
    folder.mkdir(parents=True)
    everything = torch.cat([factory.mapped_triples for factory in dataset.factory_dict.values()])
    known = set(map(tuple, everything.tolist()))
    generator = torch.Generator().manual_seed(0)

    def corrupt(head: int, relation: int, tail: int) -> tuple[int, int, int]:
        while (head, relation, tail) in known:
            tail = int(torch.randint(dataset.num_entities, (), generator=generator))
            relation = int(torch.randint(dataset.num_relations, (), generator=generator))
        return head, relation, tail

    rows: dict[str, Iterable[tuple]] = {
        "entity_ids": enumerate(dataset.entity_to_id),
        "relation_ids": enumerate(dataset.relation_to_id),
    }
    for name, factory in zip(
        ("train", "valid", "test"), (dataset.training, dataset.validation, dataset.testing), strict=True
    ):
        rows[name] = factory.mapped_triples.tolist()
        rows[f"{name}_negatives"] = [corrupt(*triple) for triple in factory.mapped_triples.tolist()]
    for name, lines in rows.items():
        text = "".join("\t".join(map(str, line)) + "\n" for line in lines)
        folder.joinpath(f"{name}.txt").write_text(text, encoding="utf-8")


def test_no_example_is_forgotten():
    assert {path.name for path in FOLDER.iterdir() if path.is_file()} == {*EXPECTED, *ELSEWHERE}


def run(path: Path, cache: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run an example in a folder."""
    program = sys.executable if path.suffix == ".py" else shutil.which("bash")
    if program is None:
        pytest.skip("needs a shell")
    # the commands of this environment come first
    commands = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    modules = os.pathsep.join(filter(None, [str(cache), os.environ.get("PYTHONPATH")]))
    result = subprocess.run(
        [program, str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PATH": commands, "PYTHONPATH": modules, "PYSTOW_HOME": str(cache)},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a demo with fewer epochs."""
    source = FOLDER.joinpath("demo.py").read_text(encoding="utf-8")
    fewer = source.replace("EPOCHS = 60", "EPOCHS = 1")
    assert fewer != source
    path = tmp_path_factory.mktemp("demo") / "demo.py"
    path.write_text(fewer, encoding="utf-8")
    return path


def test_demo_mines_once(demo: Path, cache: Path, tmp_path: Path):
    earlier = set(cache.rglob("pools.safetensors"))
    first = run(demo, cache, tmp_path).stdout
    before = set(cache.rglob("pools.safetensors"))
    second = run(demo, cache, tmp_path).stdout
    assert set(cache.rglob("pools.safetensors")) == before
    assert len(before - earlier) == 1
    for output in (first, second):
        assert "train the probe" in output
        assert " · " in output
        for sampler in ("basic", "bernoulli", "negater", "negater, only its guard"):
            assert sampler in output


#: Runs a demo, and writes down what the sampler has served to trainings
RECORDER = """
import runpy

import torch

from pykeen_negater import NegatERNegativeSampler

served = []
sample = NegatERNegativeSampler.sample


def record(self, positive_batch):
    negatives, mask = sample(self, positive_batch)
    served.append(negatives.reshape(-1, 3))
    return negatives, mask


NegatERNegativeSampler.sample = record
training = runpy.run_path({demo!r})["training"]
for row in training.label_triples(torch.cat(served).unique(dim=0)):
    print("served:", *row, sep="\t")
"""


def test_the_negatives_that_the_demo_prints_were_trained_on(demo: Path, cache: Path, tmp_path: Path):
    recorder = tmp_path / "recorder.py"
    recorder.write_text(RECORDER.replace("{demo!r}", repr(str(demo))), encoding="utf-8")
    output = run(recorder, cache, tmp_path).stdout
    served = {tuple(line.split("\t")[1:]) for line in output.splitlines() if line.startswith("served:")}
    printed = re.findall(r"^  (.+) · (.+) · (.+)   \(true is", output, flags=re.MULTILINE)
    assert len(printed) > 10
    assert set(printed) <= served


@pytest.mark.parametrize("name", EXPECTED)
def test_example(name: str, cache: Path, tmp_path: Path):
    if name in NEEDED and importlib.util.find_spec(NEEDED[name]) is None:
        pytest.skip(f"needs {NEEDED[name]}")
    result = run(FOLDER / name, cache, tmp_path)
    assert re.fullmatch(EXPECTED[name], result.stdout), result.stdout
    shares = [float(share) for share in re.findall(r"Negatives: ([\d.]+) % mined", result.stderr)]
    assert name not in TRAINING or max(shares, default=0.0) > 0, result.stderr
