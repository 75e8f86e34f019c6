"""Random small graphs with odd labels through whole pipelines: where `basic` trains, `negater` does.

``NEGATER_SOAK=200 pytest -m integration tests/integration/test_soak.py`` tries more of them.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pykeen.pipeline import pipeline
from pykeen.triples import TriplesFactory

from pykeen_negater.sampling import pool_source

#: Labels that look like something else, or can hardly be written
ODD = [
    "",
    " ",
    "Q42",
    "/m/027rn",
    "7",
    "nan",
    "None",
    "a\tb",
    "a\nb",
    "a\r",
    '"',
    "'",
    "\\",
    "\ud800",
    "\u200f",
    "x" * 300,
]
ODD += [
    "http://x.org/New_York",
    "<http://x.org/a>",
    '"4"^^<http://x.org/int>',
    "wd:Q42",
    "é",
    "e\u0301",
    "A",
    "a",
    "\u00a0a",
]

#: How many graphs are tried
NUM_GRAPHS = int(os.environ.get("NEGATER_SOAK", "25"))

LABELS = st.one_of(st.sampled_from(ODD), st.text(min_size=1, max_size=8))

SIDES = ["head", "relation", "tail"]


@st.composite
def graphs(draw: st.DrawFn) -> TriplesFactory:
    """Draw up to thirty triples over up to ten entities and three relations."""
    entities = draw(st.lists(LABELS, min_size=1, max_size=10, unique=True))
    relations = draw(st.lists(LABELS, min_size=1, max_size=3, unique=True))
    ids = st.tuples(
        st.integers(0, len(entities) - 1), st.integers(0, len(relations) - 1), st.integers(0, len(entities) - 1)
    )
    triples = np.array(draw(st.lists(ids, min_size=1, max_size=30, unique=True)))
    return TriplesFactory(
        torch.from_numpy(triples),
        entity_to_id={label: i for i, label in enumerate(entities)},
        relation_to_id={label: i for i, label in enumerate(relations)},
        create_inverse_triples=draw(st.booleans()),
    )


@st.composite
def basic_settings(draw: st.DrawFn) -> dict[str, Any]:
    """Draw parameters that all samplers have."""
    filtered = draw(st.booleans())
    return {
        "num_negs_per_pos": draw(st.integers(1, 5)),
        "corruption_scheme": draw(st.lists(st.sampled_from(SIDES), min_size=1, max_size=3, unique=True)),
        "filtered": filtered,
        "filterer": draw(st.sampled_from(["bloom", "pythonset", "exact"])) if filtered else None,
    }


#: Parameters of our sampler, any of which may be left out
OWN = st.fixed_dictionaries(
    {},
    optional={
        "hard_fraction": st.sampled_from([0.0, 0.5, 1.0]),
        "loop_fraction": st.sampled_from([0.0, 0.1, 1.0]),
        "max_risk": st.sampled_from([0.01, 1.0, 1000.0]),
        "strategy": st.sampled_from(["uniform", "top", "softmax"]),
        "temperature": st.sampled_from([1e-9, 0.1, 100.0]),
        "mine": st.sampled_from(["auto", "never"]),
        "encoder": st.just("structural"),
        "candidates": st.sampled_from(["random", "slot", "intersect", "anywhere"]),
        "k": st.integers(1, 20),
        "ranker": st.sampled_from(["similarity", "probe"]),
        "guard": st.sampled_from(["calibrated", None]),
        "pool_size": st.integers(1, 5),
        "seed": st.integers(0, 3),
    },
)


def train(graph: TriplesFactory, sampler: str, kwargs: dict[str, Any], batch_size: int, **settings: Any) -> list[float]:
    """Train for an epoch."""
    return pipeline(
        training=graph,
        testing=graph,
        negative_sampler=sampler,
        negative_sampler_kwargs=dict(kwargs),
        training_kwargs={"num_epochs": 1, "use_tqdm": False, "batch_size": batch_size},
        evaluation_kwargs={"use_tqdm": False, "batch_size": 64},
        model_kwargs={"embedding_dim": 4},
        random_seed=0,
        **settings,
    ).losses


@pytest.mark.integration
@given(
    graph=graphs(),
    basic=basic_settings(),
    own=OWN,
    batch_size=st.sampled_from([1, 7, 64]),
    model=st.sampled_from(["TransE", "PairRE"]),
    loss=st.sampled_from([None, "nssa", "softplus", "crossentropy"]),
)
@settings(
    max_examples=NUM_GRAPHS,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_where_basic_trains_negater_does(
    graph: TriplesFactory,
    basic: dict[str, Any],
    own: dict[str, Any],
    batch_size: int,
    model: str,
    loss: str | None,
    empty_cache: Path,
):
    pool_source._BY_GRAPH.clear()
    try:
        losses = train(graph, "basic", basic, batch_size, model=model, loss=loss)
    except Exception:
        assume(False)
    own = {"ranker": "similarity", **own}
    found = train(graph, "negater", {**basic, **own}, batch_size, model=model, loss=loss)
    assert len(found) == len(losses) == 1
    assert np.isfinite(found).all() or not np.isfinite(losses).all()
