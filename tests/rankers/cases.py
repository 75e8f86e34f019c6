"""Models of PyKEEN for rankers."""

from pykeen.models import Model, model_resolver
from pykeen.triples import CoreTriplesFactory

from pykeen_negater.rankers.context import RankingContext

#: Trains in a moment
QUICK = {"model": "RotatE", "model_kwargs": {"embedding_dim": 4}, "epochs": 2, "batch_size": 256}


def make_model(factory: CoreTriplesFactory, name: str = "RotatE", **kwargs: object) -> Model:
    """Make a small model with random weights."""
    return model_resolver.make(name, {"embedding_dim": 4, **kwargs}, triples_factory=factory, random_seed=0)


def weights_in_cache(context: RankingContext) -> list[bytes]:
    """Read the weights that were kept."""
    return [path.read_bytes() for path in sorted(context.cache.root.glob("models/*/*"))]
