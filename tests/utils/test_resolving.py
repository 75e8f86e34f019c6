"""Parameters that there are not: an error names the nearest."""

import ast
import dataclasses
import inspect
from typing import get_type_hints

import pytest
from pykeen.hpo import hpo_pipeline
from pykeen.pipeline import pipeline
from pykeen.sampling import negative_sampler_resolver
from pykeen.triples import TriplesFactory

from pykeen_negater import NegatERNegativeSampler, mine
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.texts import loading
from pykeen_negater.triples import entity_types

TRAINING = {"num_epochs": 1, "use_tqdm": False}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hard_fracton": 0.3}, r"found hard_fracton=0\.3 for NegatERNegativeSampler, .* Did you mean hard_fraction"),
        ({"num_neg_per_pos": 2}, r"found num_neg_per_pos=2 .* Did you mean num_negs_per_pos\?"),
        ({"x" * 9: "y" * 99}, r"found xxxxxxxxx='yyy.*\.\.\..*' for .*, expected one of base_sampler, .*temperature"),
    ],
)
def test_misspelt_parameters_of_the_sampler_through_the_pipeline(wrong: dict, message: str):
    with pytest.raises(TypeError, match=message):
        pipeline(dataset="nations", model="TransE", training_kwargs=TRAINING, negative_sampler="negater",
                 negative_sampler_kwargs=wrong)  # fmt: skip


def test_misspelt_parameters_in_hyperparameter_optimization():
    with pytest.raises(TypeError, match="Did you mean hard_fraction"):
        hpo_pipeline(dataset="nations", model="TransE", training_kwargs=TRAINING, negative_sampler="negater",
                     negative_sampler_kwargs={"hard_fracton": 0.1}, n_trials=1)  # fmt: skip


def test_pykeen_sees_the_parameters_of_the_sampler():
    parameters = inspect.signature(NegatERNegativeSampler).parameters
    assert {"mapped_triples", "hard_fraction", "known_triples", "seed"} <= set(parameters)
    assert all(x.kind is x.KEYWORD_ONLY for x in parameters.values())
    assert negative_sampler_resolver.supports_argument("negater", "hard_fraction")
    assert not negative_sampler_resolver.supports_argument("negater", "hard_fracton")
    assert set(NegatERNegativeSampler.hpo_default) <= set(parameters)
    assert "PyKEEN" in (inspect.getdoc(NegatERNegativeSampler.__init__) or "")


def test_pykeen_knows_the_parameters_that_have_ranges():
    ranges = {name: {"type": int, "low": 1, "high": 2} for name in ("k", "max_candidates", "num_negs_per_pos", "sed")}
    with pytest.raises(ValueError, match=r"Invalid keys: \['sed'\]"):
        hpo_pipeline(dataset="nations", model="TransE", training_kwargs=TRAINING, negative_sampler="negater",
                     negative_sampler_kwargs_ranges=ranges, n_trials=1)  # fmt: skip


def test_the_sampler_takes_the_settings_of_mining(small_factory: TriplesFactory):
    parameters = inspect.signature(NegatERNegativeSampler).parameters
    defaults, hints = MiningSettings(), get_type_hints(MiningSettings, localns=vars(loading) | vars(entity_types))
    settings = {x.name for x in dataclasses.fields(MiningSettings)}
    assert settings - set(parameters) == {"metric", "index", "neighbor_file", "index_factory", "keep_scores"}
    for name in settings & set(parameters) - {"corruption_scheme"}:
        assert (parameters[name].default, parameters[name].annotation) == (getattr(defaults, name), hints[name])
        assert f":param {name}: " in (NegatERNegativeSampler.__init__.__doc__ or "")
    # for those who mine before they train
    with pytest.raises(TypeError, match=r"found metric='l2' for NegatERNegativeSampler"):
        NegatERNegativeSampler(mapped_triples=small_factory.mapped_triples, mine="never", metric="l2")
    with pytest.raises(ValueError, match=r"found guard='threshold', .* or None\. Did you mean thresholds\?"):
        NegatERNegativeSampler(mapped_triples=small_factory.mapped_triples, mine="never", guard="threshold")


def test_the_constructor_of_the_sampler_fits_on_a_screen():
    """It stores, resolves and builds; whatever else has to be done has a place of its own."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(NegatERNegativeSampler)))
    init = next(x for x in ast.walk(tree) if isinstance(x, ast.FunctionDef) and x.name == "__init__")
    body = init.body[1:]  # without the docstring
    assert body[-1].end_lineno - body[0].lineno < 40


def test_subclasses_pass_parameters_on(small_factory: TriplesFactory):
    class Named(NegatERNegativeSampler):
        def __init__(self, *, name: str, **kwargs):
            super().__init__(**kwargs)
            self.name = name

    given = {"mapped_triples": small_factory.mapped_triples, "mine": "never"}
    assert Named(name="x", **given).name == "x"
    with pytest.raises(TypeError, match=r"found sed=1 for Named, .* Did you mean seed\?"):
        Named(name="x", sed=1, **given)


def test_misspelt_parameters_of_parts(small_factory: TriplesFactory):
    with pytest.raises(ValueError, match=r"base_sampler_kwargs with corruption_scheme, filtred .* Did you mean filt"):
        NegatERNegativeSampler(mapped_triples=small_factory.mapped_triples, mine="never",
                               base_sampler_kwargs={"filtred": True})  # fmt: skip
    with pytest.raises(ValueError, match=r"found the setting\(s\) 'pol_size', .* Did you mean pool_size\?"):
        mine(triples_factory=small_factory, pol_size=2)
    with pytest.raises(ValueError, match=r"found encoder_kwargs with dimm for StructuralEncoder.* Did you mean dim\?"):
        mine(triples_factory=small_factory, encoder="structural", encoder_kwargs={"dimm": 2}, ranker="similarity")
