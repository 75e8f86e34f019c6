"""Tests for the way from PyKEEN to the sampler, each with a new interpreter where imports matter."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pykeen.datasets import dataset_resolver
from pykeen.hpo import hpo_pipeline
from pykeen.pipeline import pipeline
from pykeen.sampling import BasicNegativeSampler, NegativeSampler, negative_sampler_resolver
from pykeen.triples import BaseBatchedSLCWAInstances, SubGraphSLCWAInstances, TriplesFactory

from pykeen_negater import NegatERNegativeSampler, _plugin, mine
from pykeen_negater.datasets.conceptnet import ConceptNetFull
from pykeen_negater.mining.run import MiningRun
from pykeen_negater.sampling import pool_source
from pykeen_negater.sampling.training_context import current_factory, note_factories

#: The experiments of the repository
EXPERIMENTS = Path(__file__).parents[1] / "experiments"

FAST = {"encoder": "structural", "ranker": "similarity"}
TRAINING = {"num_epochs": 2, "use_tqdm": False, "batch_size": 256}
EVALUATION = {"use_tqdm": False, "batch_size": 256}


def python(code: str, *arguments: str) -> str:
    """Run code in a new interpreter."""
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "could not load" not in run.stderr
    return run.stdout


def train(model: str = "PairRE", **kwargs):
    """Train for two epochs on Nations."""
    return pipeline(
        dataset=kwargs.pop("dataset", "nations"),
        model=model,
        negative_sampler="negater",
        negative_sampler_kwargs={**FAST, **kwargs.pop("negative_sampler_kwargs", {})},
        training_kwargs={**TRAINING, **kwargs.pop("training_kwargs", {})},
        evaluation_kwargs=EVALUATION,
        random_seed=0,
        **kwargs,
    )


@pytest.mark.parametrize(
    "modules",
    [
        ["pykeen.pipeline"],
        ["pykeen.hpo"],
        # the plugin's own modules first
        *(
            [f"pykeen_negater.{name}", "pykeen.datasets"]
            for name in ("_plugin", "sampling.sampler", "mining.miner", "cli.main", "datasets.conceptnet")
        ),
    ],
)
def test_sampler_is_there_whatever_is_imported_first(modules: list[str]):
    output = python(
        f"import {', '.join(modules)}\n"
        "from pykeen.sampling import negative_sampler_resolver as resolver\n"
        "from pykeen.datasets import dataset_resolver\n"
        "names = [name in dataset_resolver.options for name in ('negater', 'conceptnetfull', 'conceptnettrueneg')]\n"
        "print(resolver.lookup('negater').__name__, *names)"
    )
    assert output.split() == ["NegatERNegativeSampler", "False", "True", "True"]


def test_without_datasets_the_plugin_must_be_imported():
    output = python(
        "import sys, pykeen_negater._plugin\n"
        "from pykeen.sampling import negative_sampler_resolver as resolver\n"
        "print(resolver.lookup('negater').__name__, 'pykeen.datasets' in sys.modules)"
    )
    assert output.split() == ["NegatERNegativeSampler", "False"]


def test_training_half_imports_no_language_model_library():
    output = python(
        "import sys, pykeen.datasets, pykeen_negater.sampling.sampler, pykeen_negater.pools.negative_pools\n"
        "import pykeen_negater.sampling.pool_source\n"
        "print([name for name in ('transformers', 'sentence_transformers', 'faiss') if name in sys.modules])"
    )
    assert output.strip() == "[]"


def test_cached_run_imports_no_language_model_library(nations: TriplesFactory, tmp_path: Path):
    path = mine(triples_factory=nations, **FAST).save(tmp_path / "nations.pools")
    output = python(
        "import sys\n"
        "from pykeen.pipeline import pipeline\n"
        "quiet = dict(use_tqdm=False)\n"
        "pipeline(dataset='nations', model='TransE', negative_sampler='negater', evaluation_kwargs=quiet,\n"
        "         negative_sampler_kwargs=dict(pools=sys.argv[1]), training_kwargs=dict(num_epochs=1, **quiet))\n"
        "print([name for name in ('sentence_transformers', 'faiss') if name in sys.modules])",
        str(path),
    )
    assert output.splitlines()[-1] == "[]"


def test_registration_is_idempotent():
    before = dict(negative_sampler_resolver.lookup_dict)
    _plugin.register()
    note_factories()
    assert negative_sampler_resolver.lookup_dict == before
    assert _plugin.ConceptNetFull is ConceptNetFull
    with pytest.raises(AttributeError, match="no attribute 'Nations'"):
        _ = _plugin.Nations
    for name in ("negater", "NegatER", "negat-er", "NegatERNegativeSampler"):
        assert negative_sampler_resolver.lookup(name) is NegatERNegativeSampler


def test_modules_may_be_loaded_again():
    output = python(
        "import importlib, sys, pykeen.datasets\n"
        "from pykeen.sampling import negative_sampler_resolver as resolver\n"
        "from pykeen.triples import BatchedSLCWAInstances\n"
        "for name in ('sampling.training_context', 'sampling.pool_source', 'sampling.sampler', '_plugin'):\n"
        "    importlib.reload(sys.modules[f'pykeen_negater.{name}'])\n"
        "current = sys.modules['pykeen_negater.sampling.sampler'].NegatERNegativeSampler\n"
        "instances = BatchedSLCWAInstances.from_triples_factory(\n"
        "    pykeen.datasets.Nations().training, batch_size=64, negative_sampler='negater',\n"
        "    negative_sampler_kwargs={'encoder': 'structural', 'ranker': 'similarity'})\n"
        "print(resolver.lookup('negater') is current, type(instances.negative_sampler) is current,\n"
        "      instances.negative_sampler.pools.metadata['labelled'])"
    )
    assert output.split() == ["True"] * 3


def test_listed_by_pykeens_command_line():
    output = subprocess.run(
        [sys.executable, "-m", "pykeen", "ls", "negative-samplers"], capture_output=True, text=True, check=True
    ).stdout
    assert "negater" in output


def test_other_samplers_draw_as_without_the_plugin(nations: TriplesFactory):
    code = (
        "import sys, json, torch\n"
        "if sys.argv[1] == 'without':\n"
        "    import importlib.metadata as m\n"
        "    original = m.entry_points\n"
        "    m.entry_points = lambda **kw: [e for e in original(**kw) if 'pykeen_negater' not in e.value]\n"
        "    import class_resolver.base\n"
        "    class_resolver.base.entry_points = m.entry_points\n"
        "from pykeen.datasets import Nations\n"
        "from pykeen.sampling import negative_sampler_resolver as resolver\n"
        "from pykeen.triples import BatchedSLCWAInstances\n"
        "torch.manual_seed(0)\n"
        "make = BatchedSLCWAInstances.from_triples_factory\n"
        "batches = make(Nations().training, batch_size=64, negative_sampler='basic')\n"
        "drawn = [batch['negatives'].flatten().tolist() for batch in batches]\n"
        "print(json.dumps([sorted(resolver.options), drawn]))"
    )
    (without_names, without), (with_names, with_plugin) = (
        json.loads(python(code, mode).splitlines()[-1]) for mode in ("without", "with")
    )
    assert set(with_names) - set(without_names) == {"negater"}
    assert with_plugin == without


def test_factory_is_noted_while_instances_are_made(nations: TriplesFactory, monkeypatch: pytest.MonkeyPatch):
    seen = []
    original = pool_source.find_pools
    monkeypatch.setattr(
        "pykeen_negater.sampling.sampler.find_pools", lambda *args: (seen.append(current_factory()), original(*args))[1]
    )
    SubGraphSLCWAInstances.from_triples_factory(
        nations, batch_size=8, negative_sampler="negater", negative_sampler_kwargs=FAST
    )
    assert seen == [nations]
    assert current_factory() is None


@pytest.mark.parametrize("keyword", [None, "triples_factory"])
def test_factory_is_noted_with_newer_signatures(
    keyword: str | None, nations: TriplesFactory, monkeypatch: pytest.MonkeyPatch
):
    """PyKEEN's development version has an additional argument; another one may rename the first."""
    original = vars(BaseBatchedSLCWAInstances)["from_triples_factory"].__func__
    seen: list = []

    def newer(cls, tf, *args, sampler_batch_size=None, **kwargs):
        seen.append((current_factory(), sampler_batch_size))
        return original(cls, tf, *args, **kwargs)

    def renamed(cls, *, triples_factory, **kwargs):
        return newer(cls, triples_factory, **kwargs)

    method = classmethod(newer if keyword is None else renamed)
    monkeypatch.setattr(BaseBatchedSLCWAInstances, "from_triples_factory", method)
    note_factories()
    args, kwargs = ((nations,), {}) if keyword is None else ((), {keyword: nations})
    instances = SubGraphSLCWAInstances.from_triples_factory(
        *args, **kwargs, sampler_batch_size=4, batch_size=8, negative_sampler="negater", negative_sampler_kwargs=FAST
    )
    assert seen == [(nations, 4)]
    assert current_factory() is None
    assert instances.negative_sampler.pools.metadata["labelled"] is True


def test_grouped_corruption_is_not_claimed(monkeypatch: pytest.MonkeyPatch):
    """Where a sampler's class says that it supports it, newer PyKEEN draws negatives without asking the sampler."""
    monkeypatch.setattr(NegativeSampler, "supports_grouped_corruption", False, raising=False)
    monkeypatch.setattr(BasicNegativeSampler, "supports_grouped_corruption", True, raising=False)
    assert NegatERNegativeSampler.supports_grouped_corruption is False


@pytest.mark.parametrize("model", ["TransE", "PairRE"])
def test_pipeline_mines_once_for_all_constructions(model: str, cache_of_scorers: Path, monkeypatch: pytest.MonkeyPatch):
    built, constructed = [], []
    build, init = MiningRun.build, NegatERNegativeSampler.__init__
    monkeypatch.setattr(MiningRun, "build", lambda self, folder: (built.append(folder), build(self, folder))[1])
    monkeypatch.setattr(
        NegatERNegativeSampler, "__init__", lambda self, **kw: (constructed.append(kw), init(self, **kw))[1]
    )
    result = train(model)
    assert (len(built), len(constructed) >= 1) == (1, True)
    assert np.isfinite(result.losses).all()


def test_first_and_cached_run_train_identically(cache_of_scorers: Path):
    first = train()
    pool_source._BY_GRAPH.clear()
    second = train()
    assert first.losses == second.losses
    assert first.metric_results.to_dict() == second.metric_results.to_dict()


@pytest.mark.parametrize("filterer", ["bloom", "pythonset"])
def test_filtered(filterer: str):
    result = train(negative_sampler_kwargs={"filtered": True, "filterer": filterer, "num_negs_per_pos": 4})
    assert np.isfinite(result.losses).all()


def test_inverse_triples():
    result = train(dataset="nations", dataset_kwargs={"create_inverse_triples": True})
    assert np.isfinite(result.losses).all()


def test_subgraph_batches(nations: TriplesFactory):
    result = train(training_kwargs={"sampler": "schlichtkrull", "num_epochs": 1})
    assert np.isfinite(result.losses).all()


def test_hpo_over_the_samplers_own_ranges(tmp_path: Path):
    result = hpo_pipeline(
        dataset="nations",
        model="TransE",
        model_kwargs={"embedding_dim": 8},
        negative_sampler="negater",
        # a trial's parameters are written into what is passed
        negative_sampler_kwargs=dict(FAST),
        training_kwargs={"num_epochs": 1, "use_tqdm": False, "batch_size": 256},
        evaluation_kwargs=dict(EVALUATION),
        n_trials=3,
        study_name="test",
    )
    assert [trial.state.name for trial in result.study.trials] == ["COMPLETE"] * 3
    expected = {f"negative_sampler.{name}" for name in NegatERNegativeSampler.hpo_default}
    for trial in result.study.trials:
        assert {name for name in trial.params if name.startswith("negative_sampler.")} == expected
    result.save_to_directory(tmp_path)
    assert tmp_path.joinpath("study.json").is_file()


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.json")), ids=lambda path: path.stem)
def test_experiments_name_what_there_is(path: Path):
    configuration = json.loads(path.read_text(encoding="utf-8"))["pipeline"]
    assert path.stem == f"{configuration['model']}_{configuration['dataset']}".lower()
    assert configuration["dataset"] in dataset_resolver.options
    parameters = inspect.signature(negative_sampler_resolver.lookup(configuration["negative_sampler"])).parameters
    assert set(configuration["negative_sampler_kwargs"]) <= set(parameters)


@pytest.mark.parametrize("model", ["transe", "pairre"])
def test_an_experiment_runs(model: str, tmp_path: Path):
    """With fewer epochs, and faster settings of mining."""
    configuration = json.loads(EXPERIMENTS.joinpath(f"{model}_umls.json").read_text(encoding="utf-8"))
    configuration["pipeline"]["negative_sampler_kwargs"] |= {**FAST, "guard": None}
    configuration["pipeline"]["training_kwargs"] |= {"num_epochs": 1, "use_tqdm": False}
    configuration["pipeline"]["evaluation_kwargs"] = EVALUATION
    path = tmp_path / "experiment.json"
    path.write_text(json.dumps(configuration))
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pykeen",
            "experiments",
            "run",
            str(path),
            "-d",
            str(tmp_path / "out"),
            "--discard-replicates",
        ],
        check=True,
        capture_output=True,
    )
    assert list(tmp_path.rglob("results.json"))
