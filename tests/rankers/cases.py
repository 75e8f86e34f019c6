"""Models of PyKEEN for rankers."""

import json
from pathlib import Path

import numpy as np
from pykeen.models import Model, model_resolver
from pykeen.triples import CoreTriplesFactory

from pykeen_negater.candidates.generators import Candidates
from pykeen_negater.rankers.base import Ranker
from pykeen_negater.rankers.context import RankingContext
from pykeen_negater.rankers.resolver import ranker_resolver

#: Trains in a moment
QUICK = {"model": "RotatE", "model_kwargs": {"embedding_dim": 4}, "epochs": 2, "batch_size": 256}


def make_model(factory: CoreTriplesFactory, name: str = "RotatE", **kwargs: object) -> Model:
    """Make a small model with random weights."""
    return model_resolver.make(name, {"embedding_dim": 4, **kwargs}, triples_factory=factory, random_seed=0)


def weights_in_cache(context: RankingContext) -> list[bytes]:
    """Read the weights that were kept."""
    return [path.read_bytes() for path in sorted(context.cache.root.glob("models/*/*"))]


class RankerCase:
    """What every ranker promises."""

    cls: type[Ranker]

    def make(self, fine_tuned: Path) -> Ranker:
        """Make a ranker."""
        return self.cls()

    def test_resolver_knows_it(self):
        assert ranker_resolver.lookup(ranker_resolver.normalize_cls(self.cls)) is self.cls

    def test_every_candidate_is_ranked_the_same_again(
        self, fine_tuned: Path, candidates: Candidates, context: RankingContext
    ):
        ranker = self.make(fine_tuned)
        scores = ranker.score(candidates, context)
        assert scores.values.shape == scores.accepted.shape == (len(candidates),)
        assert scores.accepted.dtype == bool
        assert np.isfinite(scores.values).all()
        again = self.make(fine_tuned).score(candidates, context)
        assert np.array_equal(scores.values, again.values)
        assert np.array_equal(scores.accepted, again.accepted)

    def test_identity_can_be_stored(self, fine_tuned: Path):
        identity = self.make(fine_tuned).identify()
        assert json.loads(json.dumps(identity)) == self.make(fine_tuned).identify()
